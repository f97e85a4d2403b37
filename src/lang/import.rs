//! `import`: modules of the language first, then the project's own `.py` files, then a stand-in that fails on use.
//!
//! A project's file is run once, by this evaluator and in a namespace of its own; it is looked for in the folders
//! of `sys.path` (those of the Rulefiles first), and every look is recorded. Functions of rules are called when
//! nothing can be loaded any more: what they import was run at the end of the load.

use crate::diag::{Problem, SourceMap, Span};
use crate::lang::builtins;
use crate::lang::frame::Frame;
use crate::lang::modules;
use crate::lang::object::Object;
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::{PathKind, join_path};
use crate::lang::scope::{Scope, root_of};
use crate::lang::value::{Args, Home, List, Module, Value};
use crate::lang::vm::{Host, MAIN, SpaceId, Vm};
use crate::syntax::ast::{Directive, Hook, Ident, ModuleDef, RuleDef, UseRule};
use crate::syntax::parse_file;
use indexmap::IndexMap;
use std::path::Path;
use std::sync::Arc;

/// What importing needs while the files load.
#[derive(Default)]
pub(crate) struct Imports {
    /// Where the texts of imported files go; shared with the loader.
    sources: SourceMap,
    /// Functions with imports inside that were not run yet, and their namespaces.
    waiting: Vec<(SpaceId, Arc<Scope>)>,
}

impl Imports {
    pub(crate) fn new(sources: SourceMap) -> Imports {
        Imports { sources, waiting: Vec::new() }
    }
}

/// A name that is imported, with its new name.
type Names = [(Ident, Option<Ident>)];

/// What a module is made of.
enum Found {
    /// `name.py`
    File(String),
    /// `name/__init__.py`
    Package(String),
    /// A folder without `__init__.py`.
    Folder(String),
}

impl Vm<'_> {
    /// Adds a folder in front of `sys.path`, as Snakemake does it for every Rulefile.
    pub(crate) fn add_import_folder(&mut self, folder: &Path) -> Result<(), Raise> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // Without a name in UTF-8 it cannot be in a list of texts.
        let Ok(absolute) = std::path::absolute(folder) else { return Ok(()) };
        let (Some(text), Some(list)) = (absolute.to_str(), self.search_list()) else { return Ok(()) };
        let entry = Value::from(&*crate::base::path::normalise(text));
        list.0.write(|items| {
            if !items.iter().any(|item| item.is_same(&entry)) {
                items.insert(0, entry);
            }
        })
    }

    /// `sys.path`
    fn search_list(&self) -> Option<Arc<List>> {
        match self.lookup_module("sys") {
            Some(Value::Module(sys)) => match sys.members.get("path") {
                Some(Value::List(list)) => Some(list.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// A member of a module, as it is now.
    pub(crate) fn member(&self, module: &Module, name: &str) -> Option<Value> {
        module.members.get(name).cloned().or_else(|| match module.home {
            Home::Nowhere => None,
            Home::Builtins => self.builtin(name),
            Home::Space(space) => self.space(space).get(name).cloned(),
        })
    }

    /// Names of the members of a module.
    pub(crate) fn member_names(&self, module: &Module) -> Vec<Arc<str>> {
        let inside = match module.home {
            Home::Space(space) => self.space(space).keys().cloned().collect(),
            _ => Vec::new(),
        };
        module.members.keys().cloned().chain(inside).collect()
    }

    /// Runs an `import` statement.
    pub(crate) fn import(
        &mut self,
        frame: &mut Frame,
        module: &Ident,
        alias: Option<&Ident>,
        names: Option<&Names>,
    ) -> Result<(), Raise> {
        if &*module.text == "__future__" {
            return Ok(());
        }
        let dotted = self.absolute_name(frame.space, module)?;
        let found = self.find_module(&dotted, module.span)?;
        if found.is_none()
            && let Some(raise) = self.missing_part(&dotted)
        {
            return Err(raise.at(module.span));
        }
        if let Some(names) = names {
            let source = found.unwrap_or_else(|| modules::placeholder(&dotted));
            return names.iter().try_for_each(|(name, alias)| {
                if &*name.text == "*" {
                    return self.import_all(frame, module, &source);
                }
                let value = self.imported(&dotted, &source, name)?;
                self.store(frame, &alias.as_ref().unwrap_or(name).text, Some(value))
            });
        }
        let (name, value) = match alias {
            Some(alias) => (alias.text.clone(), found.unwrap_or_else(|| modules::placeholder(&dotted))),
            None => {
                let root = root_of(&dotted);
                let known = self.lookup_module(root).cloned();
                (root.into(), known.unwrap_or_else(|| modules::placeholder(root)))
            }
        };
        self.store(frame, &name, Some(value))
    }

    /// The name of a module without leading dots.
    fn absolute_name(&self, space: SpaceId, module: &Ident) -> Result<String, Raise> {
        let rest = module.text.trim_start_matches('.');
        let dots = module.text.len() - rest.len();
        if dots == 0 {
            return Ok(rest.to_string());
        }
        let package = match self.space(space).get("__package__") {
            Some(Value::Str(package)) if space != MAIN => package.clone(),
            _ => "".into(),
        };
        let mut parts: Vec<&str> = package.split('.').filter(|part| !part.is_empty()).collect();
        if parts.len() < dots {
            let message = format!("`{}` does not lead to a package", module.text);
            return Err(Raise::new(Exc::ImportError, message)
                .at(module.span)
                .help("leading dots start from the folder of an imported module: write the name from the folder of the Rulefile"));
        }
        parts.truncate(parts.len() + 1 - dots);
        parts.extend(Some(rest).filter(|rest| !rest.is_empty()));
        Ok(parts.join("."))
    }

    /// What `from module import name` gives.
    fn imported(&mut self, dotted: &str, source: &Value, name: &Ident) -> Result<Value, Raise> {
        let own = match source {
            Value::Module(module) => {
                if let Some(member) = self.member(module, &name.text) {
                    return Ok(member);
                }
                matches!(module.home, Home::Space(_))
            }
            Value::Object(object) if object.is_failed_import() => {
                return object.attribute(&name.text).map(|found| found.unwrap_or(Value::None));
            }
            _ => false,
        };
        let inside = format!("{dotted}.{}", name.text);
        if let Some(found) = self.find_module(&inside, name.span)? {
            return Ok(found);
        }
        if !own {
            return Ok(modules::placeholder(&inside));
        }
        let raise = Raise::new(Exc::ImportError, format!("module `{dotted}` has no `{}`", name.text));
        let known = match source {
            Value::Module(module) => self.member_names(module),
            _ => Vec::new(),
        };
        Err(raise.at(name.span).did_you_mean(&name.text, known.iter().map(|name| &**name)))
    }

    fn import_all(&mut self, frame: &mut Frame, module: &Ident, source: &Value) -> Result<(), Raise> {
        let Value::Module(found) = source else {
            let message = format!("module `{}` is not available in Rulefiles", module.text);
            return Err(Raise::new(Exc::ModuleNotFoundError, message).at(module.span));
        };
        let names = match self.member(found, "__all__") {
            Some(names) => {
                let names = self.collect(&names)?;
                names.iter().map(|name| builtins::args::text(name, "__all__")).collect::<Result<_, _>>()?
            }
            None => {
                let mut names = self.member_names(found);
                names.retain(|name| !name.starts_with('_'));
                names
            }
        };
        for name in names {
            self.budget.spend(1)?;
            let Some(value) = self.member(found, &name) else {
                let message =
                    format!("`{}` names `{name}` in `__all__`, which it does not have", module.text);
                return Err(Raise::new(Exc::AttributeError, message).at(module.span));
            };
            self.store(frame, &name, Some(value))?;
        }
        Ok(())
    }

    /// The module by its dotted name, loaded if that is possible; `None` when it is not ours.
    fn find_module(&mut self, dotted: &str, span: Span) -> Result<Option<Value>, Raise> {
        let mut found = None;
        let mut end = 0;
        while end < dotted.len() {
            let start = if end == 0 { 0 } else { end + 1 };
            end = dotted[start..].find('.').map_or(dotted.len(), |at| start + at);
            let (name, part) = (&dotted[..end], &dotted[start..end]);
            let parent = found.take();
            found = match self.lookup_module(name) {
                Some(known) => Some(known.clone()),
                None => self.load_module(name, part, parent.as_ref(), span)?,
            };
            if found.is_none() {
                return Ok(None);
            }
        }
        Ok(found)
    }

    /// What a package of the project lacks, if the module would be in one.
    fn missing_part(&self, dotted: &str) -> Option<Raise> {
        let ends = dotted.match_indices('.').map(|(at, _)| at);
        let known = |end: usize| match self.lookup_module(&dotted[..end]) {
            Some(Value::Module(module)) if matches!(module.home, Home::Space(_)) => Some((end, module)),
            _ => None,
        };
        let (end, package) = ends.filter_map(known).next_back()?;
        let part = dotted[end + 1..].split('.').next().unwrap_or("");
        let message = format!("there is no module `{part}` in `{}`", package.name);
        let names = self.member_names(package);
        Some(
            Raise::new(Exc::ModuleNotFoundError, message)
                .did_you_mean(part, names.iter().map(|name| &**name)),
        )
    }

    fn load_module(
        &mut self,
        dotted: &str,
        name: &str,
        parent: Option<&Value>,
        span: Span,
    ) -> Result<Option<Value>, Raise> {
        if self.imports.is_none() {
            return Ok(None);
        }
        let folders = match parent {
            None => self.search_folders()?,
            Some(Value::Module(module)) => match self.member(module, "__path__") {
                Some(folder) if matches!(module.home, Home::Space(_)) => {
                    self.collect(&folder)?.iter().map(|folder| folder.display().to_string()).collect()
                }
                _ => return Ok(None),
            },
            Some(_) => return Ok(None),
        };
        let Some(found) = self.locate(&folders, name) else { return Ok(None) };
        let value = self.run_module(dotted, found, span)?;
        if let Some(Value::Module(parent)) = parent
            && let Home::Space(space) = parent.home
        {
            self.set_in(space, name.into(), value.clone())?;
        }
        Ok(Some(value))
    }

    /// The folders of `sys.path`, those in the root relative to it.
    fn search_folders(&mut self) -> Result<Vec<String>, Raise> {
        let Some(list) = self.search_list() else { return Ok(Vec::new()) };
        let entries = self.collect(&Value::List(list))?;
        let mut folders = Vec::with_capacity(entries.len());
        for entry in &entries {
            let entry = builtins::path(entry, "sys.path")?;
            folders.push(self.below_root(&entry));
        }
        Ok(folders)
    }

    fn locate(&mut self, folders: &[String], name: &str) -> Option<Found> {
        let mut folder_alone = None;
        for folder in folders {
            let inside = join_path(if folder == "." { "" } else { folder }, name);
            let package = format!("{inside}/__init__.py");
            if self.path_kind(&package) == PathKind::File {
                return Some(Found::Package(inside));
            }
            let file = format!("{inside}.py");
            if self.path_kind(&file) == PathKind::File {
                return Some(Found::File(file));
            }
            if folder_alone.is_none() && self.path_kind(&inside) == PathKind::Directory {
                folder_alone = Some(Found::Folder(inside));
            }
        }
        folder_alone
    }

    fn run_module(&mut self, dotted: &str, found: Found, span: Span) -> Result<Value, Raise> {
        let space = self.new_space()?;
        let home = Home::Space(space);
        let value =
            Value::Module(Arc::new(Module { name: dotted.into(), members: IndexMap::default(), home }));
        let parent = dotted.rsplit_once('.').map_or("", |(parent, _)| parent);
        let (file, folder, package) = match found {
            Found::File(file) => (Some(file), None, parent),
            Found::Package(folder) => (Some(format!("{folder}/__init__.py")), Some(folder), dotted),
            Found::Folder(folder) => (None, Some(folder), dotted),
        };
        self.set_in(space, "__name__".into(), dotted.into())?;
        self.set_in(space, "__package__".into(), package.into())?;
        if let Some(folder) = folder {
            self.set_in(space, "__path__".into(), Value::list(vec![folder.into()]))?;
        }
        // Known before it runs: modules that import each other see what is there so far.
        self.set_module(dotted, Some(value.clone()))?;
        let Some(file) = file else { return Ok(value) };
        let result = self.run_module_file(space, &file);
        if let Err(mut raise) = result {
            self.set_module(dotted, None)?;
            raise.leave(&format!("import {dotted}").into(), Some(span));
            return Err(raise);
        }
        Ok(value)
    }

    fn run_module_file(&mut self, space: SpaceId, file: &str) -> Result<(), Raise> {
        let absolute = self.above_root(file);
        self.set_in(space, "__file__".into(), absolute.into())?;
        let text = self.read_file(file)?;
        let Some(imports) = &mut self.imports else { return Ok(()) };
        let source = imports.sources.add(file, text.as_str());
        let block = parse_file(source, &text).map_err(not_parsed)?;
        self.budget.enter()?;
        let outer = self.enter_space(space);
        let result = self.exec_block(&block, &mut ModuleHost);
        self.enter_space(outer);
        self.budget.leave();
        result
    }

    /// Notes a function that imports something when it is called.
    pub(crate) fn note_imports(&mut self, function: &Value) {
        if let (Value::Function(function), Some(imports)) = (function, &mut self.imports)
            && !function.scope.imports.is_empty()
        {
            imports.waiting.push((function.space, function.scope.clone()));
        }
    }

    /// Loads what functions will import when jobs call them. A mistake there is raised only when one does.
    pub(crate) fn finish_imports(&mut self) -> Result<(), Raise> {
        while let Some((space, scope)) = self.imports.as_mut().and_then(|imports| imports.waiting.pop()) {
            for (module, names) in &scope.imports {
                let Ok(dotted) = self.absolute_name(space, module) else { continue };
                self.preload(&dotted, module.span)?;
                for name in names {
                    let is_module = |value: Option<&Value>| matches!(value, Some(Value::Module(_)));
                    if is_module(self.lookup_module(&dotted)) {
                        self.preload(&format!("{dotted}.{}", name.text), name.span)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn preload(&mut self, dotted: &str, span: Span) -> Result<(), Raise> {
        match self.find_module(dotted, span) {
            Err(raise) if raise.kind().is_fatal() => Err(raise),
            Err(raise) if self.lookup_module(dotted).is_none() => {
                self.set_module(dotted, Some(Value::object(FailedImport(raise))))
            }
            _ => Ok(()),
        }
    }
}

/// The first mistake in a file; the others are found when it is gone.
fn not_parsed(problems: Vec<Problem>) -> Raise {
    match problems.into_iter().next() {
        Some(problem) => {
            let raise = Raise::new(Exc::SyntaxError, problem.message.clone());
            raise.with_payload(Arc::new(problem))
        }
        None => Raise::new(Exc::SyntaxError, "the file is no Python"),
    }
}

/// Where rules cannot be: in imported files.
struct ModuleHost;

fn in_module(what: &str, at: Span) -> Result<(), Raise> {
    let message = format!("`{what}` cannot stand in an imported module");
    Err(Raise::unsupported(message, "rules and directives belong into a file that is included: `include:`")
        .at(at))
}

impl Host for ModuleHost {
    fn rule(&mut self, _: &mut Vm, def: &Arc<RuleDef>) -> Result<(), Raise> {
        in_module("rule", def.head)
    }

    fn module(&mut self, _: &mut Vm, def: &Arc<ModuleDef>) -> Result<(), Raise> {
        in_module("module", def.head)
    }

    fn use_rule(&mut self, _: &mut Vm, def: &Arc<UseRule>) -> Result<(), Raise> {
        in_module("use rule", def.head)
    }

    fn hook(&mut self, _: &mut Vm, hook: &Arc<Hook>) -> Result<(), Raise> {
        in_module(&hook.name.text, hook.name.span)
    }

    fn directive(&mut self, _: &mut Vm, directive: &Directive) -> Result<(), Raise> {
        in_module(&format!("{}:", directive.name.text), directive.name.span)
    }
}

/// A module of the project that could not be loaded: whoever uses it gets the mistake.
#[derive(Debug)]
struct FailedImport(Raise);

impl Object for FailedImport {
    fn type_name(&self) -> &'static str {
        "module"
    }

    fn attribute(&self, _: &str) -> Result<Option<Value>, Raise> {
        Err(self.0.clone())
    }

    fn is_failed_import(&self) -> bool {
        true
    }

    fn call(&self, _: &mut Vm, _: Args) -> Result<Value, Raise> {
        Err(self.0.clone())
    }
}
