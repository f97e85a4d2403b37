//! Files to a [`Workflow`]: runs them top to bottom in one namespace and collects rules and directives.
//!
//! A rule with mistakes does not stop the others; a failing statement does, since names depend on it. All
//! mistakes found are reported together. After the load everything that functions of rules can reach is frozen.

mod actions;
mod around;
mod bodies;
mod checkpoints;
mod directives;
mod function;
mod items;
mod keywords;
mod modules;
mod objects;
pub(crate) mod of_job;
mod overrides;
mod paths;
mod sections;
mod settings;
#[cfg(test)]
mod tests;
mod workflow;

use crate::base::digest::Digest;
use crate::diag::{Problem, SourceId, SourceMap, Span};
use crate::error::{Error, ErrorKind};
use crate::lang::action::Runner;
use crate::lang::budget::Budget;
use crate::lang::builtins::flags::Marks;
use crate::lang::config;
use crate::lang::import::Imports;
use crate::lang::load::bodies::Bodies;
use crate::lang::load::checkpoints::Checkpoints;
use crate::lang::load::function::Evaluator;
use crate::lang::load::modules::{Defined, Home, Modules};
use crate::lang::load::objects::{Rules, Shell, is_reported};
use crate::lang::load::paths::{PathRules, Pathvars, Prefix};
use crate::lang::load::settings::Order;
use crate::lang::load::workflow::{Place, WorkflowObject};
use crate::lang::raise::Raise;
use crate::lang::reads::open_regular;
use crate::lang::value::{Dict, Value};
use crate::lang::vm::{Host, MAIN, SpaceId, Vm};
use crate::model;
use crate::model::draft::{Constraint, DraftAction, RuleDraft};
use crate::model::dynamic::CallReads;
use crate::model::order::RuleOrder;
use crate::model::rule::{Environment, Rule};
use crate::model::workflow::Workflow;
use crate::syntax::ast::{Directive, Hook, ModuleDef, RuleDef, UseRule};
use rustc_hash::{FxHashMap, FxHashSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// What to load, and with which config.
#[derive(Clone, Debug)]
pub(crate) struct LoadRequest {
    /// Name of the text in messages.
    pub(crate) name: String,
    pub(crate) text: String,
    /// Directory of the Rulefile: where `include:` starts from.
    pub(crate) dir: PathBuf,
    /// Directory of the work: where `configfile:`, globs and `open` start from.
    pub(crate) root: PathBuf,
    pub(crate) settings: Settings,
}

/// Mistakes after which a load is given up.
const MOST_PROBLEMS: usize = 1000;

/// What a rule takes of memory, about.
const RULE_BYTES: u64 = 2048;

/// What is said from outside over the Rulefile; see [`LoadOptions`](crate::LoadOptions).
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) config_files: Vec<PathBuf>,
    /// `key=value` settings.
    pub(crate) config: Vec<String>,
    pub(crate) replace_config: bool,
    pub(crate) threads: Vec<(String, u32)>,
    /// Rule, resource, value.
    pub(crate) resources: Vec<(String, String, String)>,
    pub(crate) default_resources: Vec<(String, String)>,
    pub(crate) scatter: Vec<(String, u32)>,
    /// The environment, by name and value.
    pub(crate) variables: Vec<(String, String)>,
    /// `workdir:` does not count.
    pub(crate) keep_root: bool,
    /// Threads that jobs may use together; one per processor when nothing is said.
    pub(crate) cores: Option<usize>,
    /// Texts that count instead of files.
    pub(crate) texts: Vec<(PathBuf, String)>,
    /// Steps that the evaluation may take.
    pub(crate) steps: Option<u64>,
}

/// Everything that is wrong, with the texts that the places refer to.
#[derive(Debug)]
pub(crate) struct LoadFailure {
    pub(crate) problems: Vec<Problem>,
    pub(crate) sources: Arc<SourceMap>,
    /// Lines that `print` made before the failure.
    pub(crate) printed: Vec<String>,
}

impl LoadFailure {
    pub(crate) fn into_error(self) -> Error {
        Error::problems(ErrorKind::Workflow, &self.problems, &self.sources).with_printed(self.printed)
    }
}

/// Loads a Rulefile from a file.
pub(crate) fn load_file(path: &Path, root: &Path, settings: Settings) -> Result<Workflow, Error> {
    let text = match unsaved(&settings.texts, path) {
        Some(text) => text.to_string(),
        None => {
            let mut bytes = Vec::new();
            let read = open_regular(path).and_then(|mut file| file.read_to_end(&mut bytes));
            read.map_err(|e| Error::io("read", path, e))?;
            String::from_utf8(bytes).map_err(|e| not_utf8(path, &e))?
        }
    };
    let request = LoadRequest {
        name: path.to_string_lossy().into_owned(),
        text,
        dir: path.parent().map(Path::to_path_buf).unwrap_or_default(),
        root: root.to_path_buf(),
        settings,
    };
    load(request).map_err(LoadFailure::into_error)
}

/// The text that counts instead of a file.
fn unsaved<'t>(texts: &'t [(PathBuf, String)], path: &Path) -> Option<&'t str> {
    if texts.is_empty() {
        return None;
    }
    let full = absolute(path);
    texts.iter().find(|(path, _)| absolute(path) == full).map(|(_, text)| text.as_str())
}

/// The first byte that is no UTF-8, at its place.
fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Error {
    let mut sources = SourceMap::default();
    let source = sources.add(path.to_string_lossy(), String::from_utf8_lossy(error.as_bytes()));
    let at = error.utf8_error().valid_up_to();
    let help = match error.as_bytes() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it looks like UTF-16: save it as UTF-8",
        _ => "save it as UTF-8",
    };
    let problem = Problem::error("not-utf-8", format!("`{}` is not UTF-8 text", path.display()))
        .at(Span::new(source, at, at + char::REPLACEMENT_CHARACTER.len_utf8()), "")
        .help(help);
    Error::problems(ErrorKind::Workflow, &[problem], &sources).with_path(path)
}

/// Loads a Rulefile from a text.
pub(crate) fn load(request: LoadRequest) -> Result<Workflow, LoadFailure> {
    let mut loader = Loader::new();
    match loader.run(request) {
        Some((rules, order, vm)) => loader.assemble(rules, order, vm),
        None => Err(loader.failure()),
    }
}

/// A file that is being run.
struct File {
    name: String,
    /// What tells files apart.
    key: String,
    dir: PathBuf,
    /// The same directory as jobs see it: from the root, or absolute when it lies outside.
    home: Arc<str>,
}

struct Loader {
    sources: SourceMap,
    /// Which of the sources are Rulefiles.
    rulefiles: Vec<SourceId>,
    problems: Vec<Problem>,
    /// The main file, then the chain of includes that is running.
    files: Vec<File>,
    included: FxHashSet<String>,
    /// In order of definition; `None` for a rule with mistakes.
    rules: Vec<Option<RuleDraft>>,
    /// One per rule.
    defined: Vec<Defined>,
    names: Rules,
    checkpoints: Checkpoints,
    /// What the files see of the workflow; there once they run.
    workflow: Option<WorkflowObject>,
    shell: Shell,
    first_rule: Option<u32>,
    default_target: Option<(u32, Span)>,
    /// Of an included file: counts when the main file has no rule of its own.
    included_default_target: Option<(u32, Span)>,
    constraints: Vec<Constraint>,
    /// Of the present namespace, by name.
    modules: Modules,
    /// Modules with a mistake that was told.
    bad_modules: FxHashSet<Arc<str>>,
    /// What `report:` names.
    report: Option<Arc<str>>,
    /// Namespaces, the main one first; `home` is the present one.
    homes: Vec<Home>,
    home: usize,
    /// How names of rules of the present namespace change on the way out, the inner change first.
    renames: Vec<Arc<str>>,
    pathvars: Pathvars,
    /// Of the present module and those around it, the inner one first.
    prefixes: Vec<Prefix>,
    /// For the inputs and for the outputs of the rules that follow.
    flags: [Marks; 2],
    /// What happens to paths of inputs, of outputs, and of everything else.
    input_paths: Arc<PathRules>,
    output_paths: Arc<PathRules>,
    other_paths: Arc<PathRules>,
    /// The module was given its config: it reads no other.
    skip_config: bool,
    /// Nothing but the config from outside counts.
    replace_config: bool,
    /// Processes of `scattergather` with their parts, and what is said from outside.
    processes: Vec<(Arc<str>, i64)>,
    scatter: Vec<(String, u32)>,
    orders: Vec<Order>,
    /// What counts instead of files.
    unsaved: Vec<(PathBuf, String)>,
    /// What `workdir:` says; ignored when the root is to be kept.
    workdir: Option<PathBuf>,
    keep_root: bool,
    /// For rules that name none.
    environment: Environment,
    /// Config from outside: wins over the files that the Rulefile names.
    overrides: Arc<Dict>,
    has_config_files: bool,
    evaluator: Evaluator,
    /// The texts, once the load is over.
    texts: Arc<OnceLock<Arc<SourceMap>>>,
    /// Bodies of rules and hooks, and what is to be done at the moments of a run.
    bodies: Bodies,
    hooks: Vec<model::workflow::Hook>,
    /// Functions that only rules hold: they must be frozen too.
    roots: Vec<Value>,
    /// Lines of `print` when the load failed.
    printed: Vec<String>,
    warnings: Vec<Problem>,
}

impl Host for Loader {
    fn rule(&mut self, vm: &mut Vm, def: &Arc<RuleDef>) -> Result<(), Raise> {
        self.admit(vm)?;
        self.define_rule(vm, def)
    }

    fn module(&mut self, vm: &mut Vm, def: &Arc<ModuleDef>) -> Result<(), Raise> {
        self.admit(vm)?;
        self.define_module(vm, def)
    }

    fn use_rule(&mut self, vm: &mut Vm, def: &Arc<UseRule>) -> Result<(), Raise> {
        self.admit(vm)?;
        self.define_uses(vm, def)
    }

    fn hook(&mut self, vm: &mut Vm, hook: &Arc<Hook>) -> Result<(), Raise> {
        self.admit(vm)?;
        self.add_hook(hook);
        Ok(())
    }

    fn directive(&mut self, vm: &mut Vm, directive: &Directive) -> Result<(), Raise> {
        self.admit(vm)?;
        self.run_directive(vm, directive).map_err(|raise| raise.at(directive.name.span))
    }
}

impl Loader {
    /// What every rule, directive and hook pays: a loop must not fill the memory with them, or with their mistakes.
    fn admit(&self, vm: &mut Vm) -> Result<(), Raise> {
        if self.problems.len() >= MOST_PROBLEMS {
            return Err(objects::reported());
        }
        vm.budget.allocate(RULE_BYTES)
    }

    /// What code that runs later needs then.
    fn runner(&self) -> Runner {
        Runner { evaluator: self.evaluator.clone(), sources: self.texts.clone() }
    }

    fn new() -> Loader {
        Loader {
            sources: SourceMap::default(),
            rulefiles: Vec::new(),
            problems: Vec::new(),
            files: Vec::new(),
            included: FxHashSet::default(),
            rules: Vec::new(),
            defined: Vec::new(),
            modules: Modules::default(),
            bad_modules: FxHashSet::default(),
            report: None,
            homes: vec![Home { space: MAIN, constraints: Vec::new(), around: String::new() }],
            home: 0,
            renames: Vec::new(),
            pathvars: Pathvars::default(),
            prefixes: Vec::new(),
            flags: Default::default(),
            input_paths: Arc::default(),
            output_paths: Arc::default(),
            other_paths: Arc::default(),
            skip_config: false,
            replace_config: false,
            processes: Vec::new(),
            scatter: Vec::new(),
            orders: Vec::new(),
            unsaved: Vec::new(),
            workdir: None,
            keep_root: false,
            environment: Environment::default(),
            names: Rules::default(),
            checkpoints: Checkpoints::default(),
            workflow: None,
            shell: Shell::new(),
            first_rule: None,
            default_target: None,
            included_default_target: None,
            constraints: Vec::new(),
            overrides: config::empty(),
            has_config_files: false,
            evaluator: Arc::new(OnceLock::new()),
            texts: Arc::new(OnceLock::new()),
            bodies: Bodies::default(),
            hooks: Vec::new(),
            roots: Vec::new(),
            printed: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn failure(mut self) -> LoadFailure {
        // A rule in a loop makes the same mistake in every turn.
        let mut seen = FxHashSet::default();
        self.problems
            .retain(|p| seen.insert((p.code, p.message.clone(), p.labels.first().map(|(span, _)| *span))));
        LoadFailure { problems: self.problems, sources: Arc::new(self.sources), printed: self.printed }
    }

    /// Runs the files and checks the rules; `None` when there are mistakes.
    fn run(&mut self, request: LoadRequest) -> Option<(Vec<Rule>, RuleOrder, Vm<'static>)> {
        let mut vm = Vm::new(request.root.clone(), Budget::load(request.settings.steps));
        vm.set_variables(&request.settings.variables);
        vm.imports = Some(Box::new(Imports::new(self.sources.clone())));
        let LoadRequest { name, text, dir, settings, .. } = request;
        let key = dir.join(Path::new(&name).file_name().unwrap_or_default()).to_string_lossy().into_owned();
        let key = crate::base::path::normalise(&key).into_owned();
        self.included.insert(key.clone());
        let prepared = self.prepare(&mut vm, &name, &dir, &settings);
        let home = home_of(vm.root(), &dir);
        self.files.push(File { name, key, dir, home });
        let result = prepared.and_then(|()| self.run_file(&mut vm, text)).and_then(|()| vm.finish_imports());
        self.files.pop();
        if let Err(raise) = result {
            if !is_reported(&raise) || self.problems.is_empty() {
                self.problems.push(raise.to_problem());
            }
            self.printed = vm.log;
            return None;
        }
        if self.rules.is_empty() && self.problems.is_empty() {
            let name = self.sources.file(SourceId(0)).name.clone();
            self.problems.push(no_rules(&name));
        }
        self.check_scatter();
        self.warnings = directives::unused_settings(&settings.config, &self.sources);
        self.warnings.append(&mut vm.remarks);
        self.apply_overrides(&mut vm, &settings);
        self.finish_bodies(&mut vm);
        let rules = self.finish(&vm);
        let order = self.rule_order(&rules);
        if !self.problems.is_empty() {
            self.printed = vm.log;
            return None;
        }
        Some((rules, order, vm))
    }

    /// Puts the names of the host and the config in place.
    fn prepare(&mut self, vm: &mut Vm, name: &str, dir: &Path, settings: &Settings) -> Result<(), Raise> {
        self.has_config_files = !settings.config_files.is_empty();
        self.replace_config = settings.replace_config;
        self.keep_root = settings.keep_root;
        self.scatter = settings.scatter.clone();
        self.unsaved = settings.texts.clone();
        for path in &settings.config_files {
            let shown = path.to_string_lossy();
            let parsed = match self.read_text(path) {
                Ok(text) => {
                    vm.reads.record_file(&shown, path, Some(Digest::of(text.as_bytes())));
                    self.parse_config(&shown, &text)
                }
                Err(message) => {
                    let message = format!("cannot read the config file `{shown}`: {message}");
                    Err(Box::new(Problem::error("config-not-read", message)))
                }
            };
            match parsed {
                Ok(dict) => config::merge(&self.overrides, &dict)?,
                Err(problem) => self.problems.push(*problem),
            }
        }
        for setting in &settings.config {
            match config::parse_setting(setting) {
                Ok(dict) => config::merge(&self.overrides, &dict)?,
                Err(message) => self.problems.push(Problem::error("bad-setting", message)),
            }
        }
        if !self.problems.is_empty() {
            return Err(objects::reported());
        }
        let config = config::empty();
        config::merge(&config, &self.overrides)?;
        vm.set_global("config", Value::Dict(config))?;
        vm.set_builtin("rules", Value::object(self.names.clone()))?;
        vm.set_builtin("checkpoints", Value::object(self.checkpoints.clone()))?;
        vm.set_builtin("shell", Value::object(self.shell.clone()))?;
        let main = Place { name: name.to_string(), dir: absolute(dir) };
        let cores = settings.cores.map_or_else(processors, |cores| i64::try_from(cores).unwrap_or(i64::MAX));
        let workflow = WorkflowObject::new(vm.root(), main, &settings.config_files, cores);
        vm.set_builtin("workflow", Value::object(workflow.clone()))?;
        self.workflow = Some(workflow);
        Ok(())
    }

    /// Checks the drafts, with the values that names have at the end of the load.
    fn finish(&mut self, vm: &Vm<'static>) -> Vec<Rule> {
        let shell = self.shell.settings();
        self.homes[0].constraints = std::mem::take(&mut self.constraints);
        let mut known: FxHashMap<(SpaceId, String), Option<model::value::Value>> = FxHashMap::default();
        let mut lookup = |space: SpaceId, name: &str| -> Option<model::value::Value> {
            let key = (space, name.to_string());
            if let Some(value) = known.get(&key) {
                return value.clone();
            }
            let value = match name.split_once('.') {
                Some((root, attributes)) => attribute_of(vm, space, root, attributes),
                None => vm.space(space).get(name).and_then(|value| value.to_model().ok()),
            };
            known.insert(key, value.clone());
            value
        };
        // What a job could not be given, a function for example, is not in it.
        let config =
            |home: &Home| vm.space(home.space).get("config").and_then(|config| config.to_model().ok());
        let configs: Vec<Arc<model::value::Value>> = self
            .homes
            .iter()
            .map(|home| Arc::new(config(home).unwrap_or(model::value::Value::None)))
            .collect();
        for hook in &mut self.hooks {
            hook.config = configs[0].clone();
        }
        let mut rules = Vec::with_capacity(self.rules.len());
        for (draft, defined) in self.rules.drain(..).zip(&self.defined) {
            let Some(mut draft) = draft else { continue };
            let Some(home) = self.homes.get(defined.home) else { continue };
            if let DraftAction::Shell { shell: program, prefix, suffix, .. } = &mut draft.action {
                *program = shell.program.clone();
                *prefix = shell.prefix.clone();
                *suffix = shell.suffix.clone();
            }
            draft.config = configs[defined.home].clone();
            rules.extend(draft.finish(
                &home.constraints,
                &mut |name| lookup(home.space, name),
                &self.sources,
                &mut self.problems,
            ));
        }
        self.warnings.extend(Problem::take_warnings(&mut self.problems));
        rules
    }

    fn assemble(
        self,
        rules: Vec<Rule>,
        order: RuleOrder,
        mut vm: Vm<'static>,
    ) -> Result<Workflow, LoadFailure> {
        let index = |target: Option<(u32, Span)>| target.map(|(index, _)| index);
        let default = index(self.default_target).or(self.first_rule).or(index(self.included_default_target));
        let sources = Arc::new(self.sources);
        let reads = vm.reads().to_vec();
        let printed = std::mem::take(&mut vm.log);
        let frozen = vm.freeze(&self.roots);
        // The loader is the only one that sets them, once.
        let _ = self.evaluator.set(frozen.clone());
        let _ = self.texts.set(sources.clone());
        let rules = rules.into_iter().map(Arc::new).collect();
        match Workflow::assemble(rules, default, sources.clone(), reads, self.warnings) {
            Ok(workflow) => {
                let called: Option<Arc<dyn CallReads>> = Some(frozen);
                let (hooks, workdir, report, rulefiles) =
                    (self.hooks, self.workdir, self.report, self.rulefiles);
                Ok(Workflow { printed, order, hooks, workdir, report, rulefiles, called, ..workflow })
            }
            Err(problems) => Err(LoadFailure { problems, sources, printed }),
        }
    }
}

/// `rules.a.output`, `workflow.basedir`, `SAMPLES.name` in a command.
fn attribute_of(
    vm: &Vm<'static>,
    space: SpaceId,
    root: &str,
    attributes: &str,
) -> Option<model::value::Value> {
    let mut value = vm.lookup_global(space, root)?.clone();
    for name in attributes.split('.') {
        let found = match &value {
            Value::Object(object) => object.attribute(name),
            Value::Module(module) => Ok(vm.member(module, name)),
            _ => return None,
        };
        value = match found {
            Ok(found) => found?,
            // A rule with mistakes: they are reported, this only follows from them.
            Err(raise) if is_reported(&raise) => return Some(model::value::Value::None),
            Err(_) => return None,
        };
    }
    if value.is_callable() { None } else { value.to_model().ok() }
}

fn processors() -> i64 {
    std::thread::available_parallelism().map_or(1, |n| i64::try_from(n.get()).unwrap_or(i64::MAX))
}

/// `path` from the top of the file system, without `.` and `..`, by its text alone.
fn absolute(path: &Path) -> PathBuf {
    let full = std::path::absolute(if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let full = full.unwrap_or_else(|_| path.to_path_buf());
    match full.to_str() {
        Some(text) => PathBuf::from(crate::base::path::normalise(text).into_owned()),
        None => full,
    }
}

/// The directory of a Rulefile as jobs see it, whose paths start from the root.
fn home_of(root: &Path, dir: &Path) -> Arc<str> {
    let (root, dir) = (absolute(root), absolute(dir));
    let inside = match dir.strip_prefix(&root) {
        Ok(inside) if inside.as_os_str().is_empty() => Path::new("."),
        Ok(inside) => inside,
        Err(_) => &dir,
    };
    inside.to_string_lossy().into()
}

fn no_rules(name: &str) -> Problem {
    Problem::error("no-rules", format!("`{name}` has no rules"))
        .help("a rule looks like this:\nrule hello:\n    output: \"hello.txt\"\n    shell: \"echo hello > {output}\"")
}
