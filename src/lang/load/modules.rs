//! `module` and `use rule`: rules of other workflows, and rules like other rules.
//!
//! A module is run anew for each `use rule` that names it, in a namespace of its own: what it defines is collected,
//! renamed, and added here. Its functions keep their namespace, its rules their constraints.

use crate::base::path::normalise;
use crate::diag::{Problem, Span};
use crate::lang::config;
use crate::lang::load::checkpoints::Checkpoints;
use crate::lang::load::objects::{Named, Rules, reported};
use crate::lang::load::paths::{Level, Pathvars, Prefix, prefix_of};
use crate::lang::load::sections::{Item, Parts};
use crate::lang::load::{File, Loader, home_of};
use crate::lang::raise::Raise;
use crate::lang::value::{self, Dict, Module as ModuleValue, Value};
use crate::lang::vm::{SpaceId, Vm};
use crate::model::draft::{Constraint, RuleDraft};
use crate::syntax::ast::{Ident, ModuleDef, UseRule};
use crate::syntax::words::meant;
use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a rule executes: never another one by `with:`.
const COMMANDS: [&str; 7] = ["cwl", "notebook", "run", "script", "shell", "template_engine", "wrapper"];

/// Modules that use one another.
const MAX_MODULES: usize = 20;

/// What is known of a rule besides its draft.
pub(super) struct Defined {
    /// Its name in the namespace that it was added to.
    pub(super) local: Arc<str>,
    pub(super) view: Vec<(&'static str, Value)>,
    /// Number of the namespace where its names are looked up.
    pub(super) home: usize,
    /// The module that `use rule *` took it from: a later `use rule` of one rule may replace it.
    pub(super) star: Option<Arc<str>>,
}

/// A namespace whose files have been run, or are.
pub(super) struct Home {
    pub(super) space: SpaceId,
    pub(super) constraints: Vec<Constraint>,
    /// The Python of its files, without rules and directives.
    pub(super) around: String,
}

pub(super) type Modules = IndexMap<Arc<str>, Arc<Module>, FxBuildHasher>;

/// `module NAME:` with its sections evaluated.
pub(super) struct Module {
    name: Arc<str>,
    /// Of the file: full, and as messages show it.
    path: PathBuf,
    shown: String,
    config: Option<Arc<Dict>>,
    prefix: Option<Prefix>,
    pathvars: Vec<(Arc<str>, Arc<str>)>,
    /// Whether `validate` checks nothing in it.
    skip_validation: bool,
    /// Where the file is named.
    place: Span,
}

/// What belongs to one namespace while it is filled; swapped when a module is run.
struct Inside {
    files: Vec<File>,
    included: FxHashSet<String>,
    rules: Vec<Option<RuleDraft>>,
    defined: Vec<Defined>,
    names: Rules,
    checkpoints: Checkpoints,
    first_rule: Option<u32>,
    default_target: Option<(u32, Span)>,
    included_default_target: Option<(u32, Span)>,
    constraints: Vec<Constraint>,
    modules: Modules,
    pathvars: Pathvars,
    prefixes: Vec<Prefix>,
    flags: [crate::lang::builtins::flags::Marks; 2],
    skip_config: bool,
    home: usize,
    renames: Vec<Arc<str>>,
}

impl Loader {
    pub(super) fn define_module(&mut self, vm: &mut Vm, def: &ModuleDef) -> Result<(), Raise> {
        let before = self.problems.len();
        let mut name = def.name.as_ref().map(|name| name.text.clone());
        let (mut file, mut config, mut prefix, mut pathvars) = (None, None, None, Vec::new());
        let mut skip_validation = false;
        for section in &def.sections {
            let place = section.name.span;
            let known = self.problems.len();
            let items = self.items(vm, &section.args)?;
            let word = &*section.name.text;
            if items.is_empty() && self.problems.len() > known {
                continue;
            }
            if word == "pathvars" {
                pathvars = self.pathvar_items(&items);
                continue;
            }
            let Some(item) = self.only_item(word, items, place) else { continue };
            match (word, &item.value) {
                ("snakefile", value) if as_text(value).is_some() => {
                    file = as_text(value).map(|text| (text, item.span));
                }
                ("config", Value::Dict(dict)) => config = Some(dict.clone()),
                ("prefix", value) if as_text(value).is_some() => {
                    prefix = as_text(value).map(|text| (prefix_of(&text), item.span));
                }
                ("replace_prefix", Value::Dict(dict)) => {
                    let pairs = dict.0.read(|map| {
                        map.iter().map(|(k, v)| (k.0.display(), v.display())).collect::<Vec<_>>()
                    });
                    if let Some((_, first)) = prefix {
                        let problem = Problem::error(
                            "bad-module",
                            "a module has `prefix` or `replace_prefix`, not both",
                        );
                        self.problems.push(problem.at(item.span, "").at(first, "the other one"));
                    }
                    prefix = Some((Prefix::Replace(pairs), item.span));
                }
                ("skip_validation", Value::Bool(skip)) => skip_validation = *skip,
                ("name", value) if as_text(value).is_some() => {
                    if name.is_some() {
                        let problem = Problem::error("bad-module", "this module has two names");
                        self.problems.push(problem.at(place, "").at(def.head, "the other one"));
                    }
                    name = as_text(value);
                }
                ("meta_wrapper", _) => {
                    let problem = Problem::error("unsupported-section", "`meta_wrapper` isn't supported");
                    self.problems
                        .push(problem.at(place, "").help("copy its Snakefile and name it with `snakefile:`"));
                }
                (
                    "snakefile" | "config" | "prefix" | "replace_prefix" | "skip_validation" | "name",
                    value,
                ) => {
                    let message = format!("`{word}:` of a module cannot be a `{}`", value.type_name());
                    self.refuse("bad-module", message, item.span);
                }
                _ => {
                    let known =
                        ["snakefile", "config", "prefix", "replace_prefix", "skip_validation", "pathvars"];
                    let problem =
                        Problem::error("unknown-section", format!("a module has no section `{word}`"));
                    let problem = problem.at(place, "");
                    self.problems.push(match meant(word, known) {
                        Some(question) => problem.help(question),
                        None => problem.help(format!("the sections of a module are: {}", known.join(", "))),
                    });
                }
            }
        }
        let Some(name) = name else {
            self.refuse("bad-module", "this module has no name", def.head);
            return Ok(());
        };
        let Some((file, place)) = file else {
            if self.problems.len() == before {
                let problem = Problem::error("bad-module", format!("module `{name}` names no file"));
                self.problems.push(problem.at(def.head, "").help("write `snakefile: \"path/to/Snakefile\"`"));
            }
            self.bad_modules.insert(name);
            return Ok(());
        };
        let Some(current) = self.files.last() else { return Err(reported()) };
        let shown = Path::new(&current.name).parent().unwrap_or(Path::new("")).join(&*file);
        let module = Module {
            path: current.dir.join(&*file),
            shown: normalise(&shown.to_string_lossy()).into_owned(),
            name: name.clone(),
            config,
            prefix: prefix.map(|(prefix, _)| prefix),
            pathvars,
            skip_validation,
            place,
        };
        self.modules.insert(name, Arc::new(module));
        Ok(())
    }

    /// The only item of a section that takes one.
    fn only_item(&mut self, word: &str, items: Vec<Item>, place: Span) -> Option<Item> {
        let given = items.len();
        let item = items.into_iter().next().filter(|item| given == 1 && item.name.is_none());
        if item.is_none() {
            self.refuse("bad-module", format!("`{word}:` takes exactly one value"), place);
        }
        item
    }

    pub(super) fn define_uses(&mut self, vm: &mut Vm, def: &UseRule) -> Result<(), Raise> {
        match &def.module {
            Some(name) => match self.named_module(vm, name) {
                Some((module, is_variable)) => {
                    let alias = def.alias.as_ref().map(|alias| match is_variable {
                        true => from_variable(vm, alias),
                        false => alias.text.clone(),
                    });
                    self.use_module(vm, def, &module, alias)
                }
                None if self.bad_modules.contains(&name.text) => Ok(()),
                None => {
                    let message = format!("there is no module `{}`", name.text);
                    let problem = Problem::error("unknown-module", message).at(name.span, "");
                    let question = meant(&name.text, self.modules.keys().map(|known| &**known));
                    self.problems.push(match question {
                        Some(question) => problem.help(question),
                        None => problem.help("define it above: `module NAME:` with `snakefile: ...`"),
                    });
                    Ok(())
                }
            },
            None => self.inherit(vm, def),
        }
    }

    /// The module of this name, or of the name that a variable of this name holds.
    fn named_module(&self, vm: &Vm, name: &Ident) -> Option<(Arc<Module>, bool)> {
        if let Some(module) = self.modules.get(&name.text) {
            return Some((module.clone(), false));
        }
        let held = vm.get_global(&name.text)?;
        Some((self.modules.get(held.as_str()?)?.clone(), true))
    }

    /// `use rule a as b with:`
    fn inherit(&mut self, vm: &mut Vm, def: &UseRule) -> Result<(), Raise> {
        let before = self.problems.len();
        for name in def.rules.iter().flatten() {
            let Some(at) = self.defined.iter().rposition(|known| known.local == name.text) else {
                self.unknown_rule(
                    name,
                    "no rule",
                    self.defined.iter().map(|known| known.local.clone()).collect(),
                );
                continue;
            };
            // A rule with mistakes: they are told.
            let Some(draft) = self.rules[at].clone() else { continue };
            let mut parts = Parts { draft, default_target: None, view: self.defined[at].view.clone() };
            let alias =
                def.alias.as_ref().map_or(name.text.clone(), |alias| renamed(&name.text, &alias.text));
            self.rewrite(vm, &mut parts, def, alias)?;
            parts.draft.place = Some(def.head);
            self.add_rule(parts, def.head, before);
        }
        Ok(())
    }

    /// Puts the sections of `with:` over those of the rule.
    fn rewrite(
        &mut self,
        vm: &mut Vm,
        parts: &mut Parts,
        def: &UseRule,
        name: Arc<str>,
    ) -> Result<(), Raise> {
        parts.draft.name = name;
        if def.doc.is_some() {
            parts.draft.doc = def.doc.clone();
        }
        let (old_params, old_view) = (parts.draft.params.clone(), parts.view.clone());
        for section in &def.sections {
            if COMMANDS.contains(&&*section.name.text) {
                let message = format!("`{}:` cannot stand below `with:`", section.name.text);
                let problem = Problem::error("bad-use", message).at(section.name.span, "");
                self.problems
                    .push(problem.help("what a rule executes stays as it is: write a rule of its own"));
            }
            parts.view.retain(|(part, _)| **part != *section.name.text);
        }
        self.apply_sections(vm, parts, &def.sections)?;
        let sets = |word: &str| def.sections.iter().any(|section| &*section.name.text == word);
        if sets("params") {
            merge_params(&mut parts.draft, old_params);
            if let Some((_, view)) = old_view.iter().find(|(part, _)| *part == "params") {
                merge_view(&mut parts.view, view);
            }
        }
        Ok(())
    }

    fn use_module(
        &mut self,
        vm: &mut Vm,
        def: &UseRule,
        module: &Arc<Module>,
        alias: Option<Arc<str>>,
    ) -> Result<(), Raise> {
        let before = self.problems.len();
        let is_one = def.rules.as_ref().is_some_and(|rules| rules.len() == 1);
        if let Some(alias) = alias.as_ref().filter(|alias| !is_one && !alias.contains('*')) {
            let problem = Problem::error("bad-use", "several rules cannot get one name");
            let place = def.alias.as_ref().map_or(def.head, |alias| alias.span);
            self.problems.push(problem.at(place, "").help(format!("write `as {alias}_*`")));
            return Ok(());
        }
        let alias = alias.unwrap_or_else(|| "*".into());
        if self.renames.len() >= MAX_MODULES {
            let message = format!("more than {MAX_MODULES} modules use one another");
            self.problems.push(Problem::error("module-too-deep", message).at(def.head, ""));
            return Err(reported());
        }
        let inside = self.run_module(vm, module, &alias)?;
        let local_names = || inside.defined.iter().map(|known| known.local.clone()).collect::<Vec<_>>();
        let listed = def.rules.iter().flatten().chain(&def.exclude);
        for name in listed.filter(|name| !inside.defined.iter().any(|known| known.local == name.text)) {
            self.unknown_rule(name, &format!("module `{}` has no rule", module.name), local_names());
        }
        let offset = self.rules.len();
        let mut places = vec![None; inside.rules.len()];
        for (number, (draft, known)) in inside.rules.into_iter().zip(inside.defined).enumerate() {
            let is_named = |names: &[Ident]| names.iter().any(|name| name.text == known.local);
            if !def.rules.as_deref().is_none_or(is_named) || is_named(&def.exclude) {
                continue;
            }
            let alias = renamed(&known.local, &alias);
            let Some(draft) = draft else { continue };
            let replaced = self.defined.iter().position(|old| {
                def.rules.is_some() && old.local == alias && old.star.as_ref() == Some(&module.name)
            });
            let mut parts = Parts { draft, default_target: None, view: known.view };
            self.rewrite(vm, &mut parts, def, alias)?;
            self.add_rule(parts, def.head, before);
            let (Some(draft), Some(mut defined)) = (self.rules.pop(), self.defined.pop()) else { continue };
            defined.home = known.home;
            defined.star = def.rules.is_none().then(|| module.name.clone());
            match replaced {
                Some(at) => {
                    (self.rules[at], self.defined[at]) = (draft, defined);
                    places[number] = Some(at as u32);
                }
                None => {
                    places[number] = Some(self.rules.len() as u32);
                    self.rules.push(draft);
                    self.defined.push(defined);
                }
            }
        }
        // The first rule counts only if it was added here, and not in place of another.
        if self.first_rule.is_some_and(|first| first as usize >= self.rules.len()) {
            self.first_rule = (self.rules.len() > offset).then_some(offset as u32);
        }
        let target = inside.default_target.and_then(|(number, span)| Some((places[number as usize]?, span)));
        self.default_target = self.default_target.or(target);
        Ok(())
    }

    /// Runs the files of a module in a namespace of its own.
    fn run_module(&mut self, vm: &mut Vm, module: &Arc<Module>, alias: &Arc<str>) -> Result<Inside, Raise> {
        let text = self.read_text(&module.path).map_err(|message| {
            let message =
                format!("cannot read the file `{}` of module `{}`: {message}", module.shown, module.name);
            let problem = Problem::error("module-not-read", message).at(module.place, "");
            let is_remote = module.shown.contains(":/") || module.shown.starts_with("http");
            self.problems.push(match is_remote {
                true => problem.help("rulemake fetches nothing: copy the workflow beside this one"),
                false => {
                    problem.help("the path starts from the directory of the file that defines the module")
                }
            });
            reported()
        })?;
        let digest = crate::base::digest::Digest::of(text.as_bytes());
        vm.reads.record_file(&module.shown, &module.path, Some(digest));
        let space = vm.new_space()?;
        let mut pathvars = self.pathvars.clone();
        for (name, value) in &module.pathvars {
            pathvars.set(name.clone(), value.clone(), Level::Module);
        }
        if let Some(config) = &module.config {
            let own = config.0.read(|map| map.get(&crate::lang::value::TextKey("pathvars")).cloned());
            for (name, value) in own.map(|own| self.pathvar_values(&own, module.place)).unwrap_or_default() {
                pathvars.set(name, value, Level::Module);
            }
        }
        let prefixes = module.prefix.iter().chain(&self.prefixes).cloned().collect();
        let renames = std::iter::once(alias.clone()).chain(self.renames.iter().cloned()).collect();
        let dir = module.path.parent().unwrap_or(Path::new(".")).to_path_buf();
        let key = normalise(&module.path.to_string_lossy()).into_owned();
        self.homes.push(Home { space, constraints: Vec::new(), around: String::new() });
        let mut inside = Inside {
            files: vec![File {
                name: module.shown.clone(),
                key: key.clone(),
                dir: dir.clone(),
                home: home_of(vm.root(), &dir),
            }],
            included: [key].into_iter().collect(),
            rules: Vec::new(),
            defined: Vec::new(),
            names: Rules::default(),
            checkpoints: Checkpoints::default(),
            first_rule: None,
            default_target: None,
            included_default_target: None,
            constraints: Vec::new(),
            modules: Modules::default(),
            pathvars,
            prefixes,
            flags: Default::default(),
            skip_config: module.config.is_some(),
            home: self.homes.len() - 1,
            renames,
        };
        let outer = vm.enter_space(space);
        self.swap(&mut inside);
        let result = self.fill(vm, module, text);
        self.swap(&mut inside);
        vm.enter_space(outer);
        result?;
        self.homes[inside.home].constraints = std::mem::take(&mut inside.constraints);
        // `module.function()` works, too.
        let members = vm.space(space).iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let value = Value::Module(Arc::new(ModuleValue {
            name: module.name.clone(),
            members,
            home: value::Home::Space(space),
        }));
        vm.set_global(module.name.clone(), value)?;
        Ok(inside)
    }

    /// The names that a namespace starts with, and its file.
    fn fill(&mut self, vm: &mut Vm, module: &Module, text: String) -> Result<(), Raise> {
        let config = config::empty();
        if let Some(given) = &module.config {
            config::merge(&config, given)?;
        }
        vm.set_global("config", Value::Dict(config))?;
        vm.set_global("rules", Value::object(self.names.clone()))?;
        vm.set_global("checkpoints", Value::object(self.checkpoints.clone()))?;
        let outer = std::mem::replace(&mut vm.validates, !module.skip_validation);
        let result = self.run_file(vm, text);
        vm.validates = outer;
        result
    }

    fn swap(&mut self, inside: &mut Inside) {
        use std::mem::swap;
        swap(&mut self.files, &mut inside.files);
        swap(&mut self.included, &mut inside.included);
        swap(&mut self.rules, &mut inside.rules);
        swap(&mut self.defined, &mut inside.defined);
        swap(&mut self.names, &mut inside.names);
        swap(&mut self.checkpoints, &mut inside.checkpoints);
        swap(&mut self.first_rule, &mut inside.first_rule);
        swap(&mut self.default_target, &mut inside.default_target);
        swap(&mut self.included_default_target, &mut inside.included_default_target);
        swap(&mut self.constraints, &mut inside.constraints);
        swap(&mut self.modules, &mut inside.modules);
        swap(&mut self.pathvars, &mut inside.pathvars);
        swap(&mut self.prefixes, &mut inside.prefixes);
        swap(&mut self.flags, &mut inside.flags);
        swap(&mut self.skip_config, &mut inside.skip_config);
        swap(&mut self.home, &mut inside.home);
        swap(&mut self.renames, &mut inside.renames);
        self.refresh_paths();
    }

    /// The name that a rule of the present namespace has in the workflow.
    pub(super) fn outer_name(&self, local: &Arc<str>) -> Arc<str> {
        outer_name(local, &self.renames)
    }

    fn unknown_rule(&mut self, name: &Ident, what: &str, known: Vec<Arc<str>>) {
        let problem = Problem::error("unknown-rule", format!("{what} `{}`", name.text)).at(name.span, "");
        self.problems.push(match meant(&name.text, known.iter().map(|name| &**name)) {
            Some(question) => problem.help(question),
            None => problem.help("a rule can be used only below its definition"),
        });
    }
}

/// `x*` is the text that the variable `x` holds, and `*`: what stands in a loop over modules.
fn from_variable(vm: &Vm, alias: &Ident) -> Arc<str> {
    let (name, star) = alias.text.strip_suffix('*').map_or((&*alias.text, ""), |name| (name, "*"));
    match vm.get_global(name).and_then(|held| held.as_str().map(|held| format!("{held}{star}"))) {
        Some(held) => held.into(),
        None => alias.text.clone(),
    }
}

/// A name after all its changes.
pub(super) fn outer_name(local: &Arc<str>, renames: &[Arc<str>]) -> Arc<str> {
    renames.iter().fold(local.clone(), |name, pattern| renamed(&name, pattern))
}

/// `*` in the pattern stands for the old name.
fn renamed(name: &str, pattern: &str) -> Arc<str> {
    pattern.replace('*', name).into()
}

/// The text of a text or of an object that stands for a path.
fn as_text(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::Str(text) => Some(text.clone()),
        Value::Object(object) => match object.stand_in() {
            Some(Value::Str(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Params without names are replaced together, params with names one by one.
fn merge_params(draft: &mut RuleDraft, old: Vec<crate::model::draft::DraftParam>) {
    let replaces_unnamed = draft.params.iter().any(|param| param.name.is_none());
    let new = std::mem::take(&mut draft.params);
    let is_kept = |param: &crate::model::draft::DraftParam| match &param.name {
        None => !replaces_unnamed,
        Some(name) => !new.iter().any(|other| other.name.as_ref() == Some(name)),
    };
    let (mut unnamed, mut named): (Vec<_>, Vec<_>) =
        old.into_iter().filter(is_kept).partition(|param| param.name.is_none());
    let (new_unnamed, new_named): (Vec<_>, Vec<_>) = new.into_iter().partition(|param| param.name.is_none());
    unnamed.extend(new_unnamed);
    named.extend(new_named);
    draft.params = unnamed.into_iter().chain(named).collect();
}

/// The same for `rules.a.params`.
fn merge_view(view: &mut [(&'static str, Value)], old: &Value) {
    let Some((_, new)) = view.iter_mut().find(|(part, _)| *part == "params") else { return };
    let (Some(old), Some(now)) = (old.downcast::<Named>(), new.downcast::<Named>()) else { return };
    let mut merged = now.clone();
    for (name, value) in &old.named {
        if !now.named.iter().any(|(known, _)| known == name) {
            merged.named.push((name.clone(), value.clone()));
            merged.flat.push(value.clone());
        }
    }
    *new = Value::object(merged);
}
