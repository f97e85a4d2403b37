//! The evaluator's state: namespaces, budget, reads. Loading owns a [`Vm`]; [`Vm::freeze`] makes a [`Frozen`]
//! that many threads call in parallel without a lock.

use crate::base::digest::Digest;
use crate::base::path::normalise;
use crate::diag::{Problem, Span};
use crate::lang::action::Acts;
use crate::lang::budget::Budget;
use crate::lang::builtins;
use crate::lang::builtins::from_file::digest_under;
use crate::lang::config::Documents;
use crate::lang::exec::Flow;
use crate::lang::frame::Frame;
use crate::lang::import::Imports;
use crate::lang::modules::{self, RegexStore};
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::{Reads, join_path, text_now};
use crate::lang::value::{Args, Value};
use crate::model::dynamic::{CallReads, Checkpoints};
use crate::model::workflow::{How, Read};
use crate::syntax::ast::{Directive, Expr, Hook, ModuleDef, RuleDef, Stmt, UseRule};
use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// A namespace: the main Rulefile with its includes, or one `module`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SpaceId(pub(crate) u32);

/// Names of the language and of the host, seen from every namespace.
const BUILTINS: SpaceId = SpaceId(0);
/// Modules by dotted name.
const MODULES: SpaceId = SpaceId(1);
/// The main Rulefile's namespace.
pub(crate) const MAIN: SpaceId = SpaceId(2);

pub(crate) type Space = IndexMap<Arc<str>, Value, FxBuildHasher>;

enum Spaces<'a> {
    Open(Vec<Space>),
    Frozen(&'a [Space]),
}

/// What the evaluator does with rules and directives.
pub(crate) trait Host {
    fn rule(&mut self, vm: &mut Vm, def: &Arc<RuleDef>) -> Result<(), Raise>;
    fn module(&mut self, vm: &mut Vm, def: &Arc<ModuleDef>) -> Result<(), Raise>;
    fn use_rule(&mut self, vm: &mut Vm, def: &Arc<UseRule>) -> Result<(), Raise>;
    fn hook(&mut self, vm: &mut Vm, hook: &Arc<Hook>) -> Result<(), Raise>;
    fn directive(&mut self, vm: &mut Vm, directive: &Directive) -> Result<(), Raise>;
}

/// Where no rules can be: inside functions.
pub(crate) struct NoHost;

impl Host for NoHost {
    fn rule(&mut self, _: &mut Vm, def: &Arc<RuleDef>) -> Result<(), Raise> {
        let raise =
            Raise::unsupported("a rule cannot be defined inside a function", "define it at the top level");
        Err(raise.at(def.head))
    }

    fn module(&mut self, _: &mut Vm, def: &Arc<ModuleDef>) -> Result<(), Raise> {
        inside_function("module", def.head)
    }

    fn use_rule(&mut self, _: &mut Vm, def: &Arc<UseRule>) -> Result<(), Raise> {
        inside_function("use rule", def.head)
    }

    fn hook(&mut self, _: &mut Vm, hook: &Arc<Hook>) -> Result<(), Raise> {
        inside_function(&hook.name.text, hook.name.span)
    }

    fn directive(&mut self, _: &mut Vm, directive: &Directive) -> Result<(), Raise> {
        inside_function(&format!("{}:", directive.name.text), directive.name.span)
    }
}

fn inside_function(what: &str, at: Span) -> Result<(), Raise> {
    let message = format!("`{what}` cannot stand inside a function");
    Err(Raise::unsupported(message, "write it at the top level").at(at))
}

/// What an evaluation knows of the world without looking.
#[derive(Clone)]
struct Place {
    root: PathBuf,
    absolute: Option<Arc<str>>,
    variables: FxHashMap<Arc<str>, Arc<str>>,
    /// Regular expressions that were used before.
    regexes: Arc<RegexStore>,
    /// Files of values that were read before.
    documents: Arc<Documents>,
}

impl Place {
    fn new(root: PathBuf) -> Place {
        // An empty path stands for the current directory, too. Where the process goes afterwards changes nothing.
        let full = std::path::absolute(if root.as_os_str().is_empty() { Path::new(".") } else { &root });
        let root = full.unwrap_or(root);
        let absolute = root.to_str().filter(|_| root.is_absolute()).map(|text| normalise(text).into());
        Place {
            root,
            absolute,
            variables: FxHashMap::default(),
            regexes: Arc::default(),
            documents: Arc::default(),
        }
    }
}

/// Places of one warning that are shown.
const PLACES_NAMED: usize = 4;

/// One evaluation: the load of a workflow, or one call of a function after it.
pub(crate) struct Vm<'a> {
    spaces: Spaces<'a>,
    space: SpaceId,
    place: Cow<'a, Place>,
    pub(crate) budget: Budget,
    pub(crate) reads: Reads,
    pub(crate) log: Vec<String>,
    /// While the files load.
    pub(crate) imports: Option<Box<Imports>>,
    /// Folder of the file that runs, for what starts from there: schemas.
    pub(crate) folder: PathBuf,
    /// Whether `validate` checks: modules come with checks for their own config only.
    pub(crate) validates: bool,
    /// Local variables of the caller, for the few functions that look at them; `None` at the top level.
    pub(crate) caller: Option<Vec<(Arc<str>, Value)>>,
    /// Which checkpoints this call can ask.
    pub(crate) checkpoints: Option<&'a dyn Checkpoints>,
    /// The call that is being evaluated, for remarks on it.
    pub(crate) at: Option<Span>,
    /// Warnings of the load: what was evaluated, and is probably not as its author meant.
    pub(crate) remarks: Vec<Problem>,
    /// What code that runs as a job can do; nothing else can change anything.
    pub(crate) acts: Option<&'a Acts<'a>>,
    /// Globals that such code has for itself.
    own: Vec<(SpaceId, Space)>,
}

impl Vm<'static> {
    /// An evaluator with the language's names, whose relative paths are relative to `root`.
    pub(crate) fn new(root: impl Into<PathBuf>, budget: Budget) -> Vm<'static> {
        let modules = modules::modules();
        let builtins = modules::ambient(&modules).into_iter().chain(builtins::names());
        let builtins = builtins.map(|(name, value)| (name.into(), value)).collect();
        let modules = modules.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Vm {
            spaces: Spaces::Open(vec![builtins, modules, Space::default()]),
            imports: Some(Box::default()),
            ..Vm::bare(root, budget)
        }
    }

    /// An evaluator without any names, to look at files.
    pub(crate) fn bare(root: impl Into<PathBuf>, budget: Budget) -> Vm<'static> {
        Vm {
            spaces: Spaces::Open(vec![Space::default(), Space::default(), Space::default()]),
            space: MAIN,
            place: Cow::Owned(Place::new(root.into())),
            budget,
            reads: Reads::default(),
            log: Vec::new(),
            imports: None,
            caller: None,
            folder: PathBuf::new(),
            validates: true,
            checkpoints: None,
            at: None,
            remarks: Vec::new(),
            acts: None,
            own: Vec::new(),
        }
    }

    /// Hands in the environment: the library itself reads none.
    pub(crate) fn set_variables<'v>(&mut self, variables: impl IntoIterator<Item = &'v (String, String)>) {
        let known = variables.into_iter().map(|(name, value)| (name.as_str().into(), value.as_str().into()));
        self.place.to_mut().variables.extend(known);
    }

    /// Ends the load: makes everything reachable from the namespaces and from `roots` immutable.
    ///
    /// `roots` are the values that the host keeps and that no global holds: functions of rules above all.
    pub(crate) fn freeze<'v>(self, roots: impl IntoIterator<Item = &'v Value>) -> Arc<Frozen> {
        let spaces = match self.spaces {
            Spaces::Open(spaces) => spaces,
            Spaces::Frozen(_) => Vec::new(),
        };
        let mut reachable: Vec<Value> = spaces.iter().flat_map(|s| s.values()).cloned().collect();
        reachable.extend(roots.into_iter().cloned());
        Value::tuple(reachable).freeze();
        Arc::new(Frozen {
            spaces,
            place: self.place.into_owned(),
            cancel: None,
            reads: Mutex::default(),
            log: Mutex::new(self.log),
        })
    }
}

impl Vm<'_> {
    /// A warning about the call that is being evaluated: once for its place, and only while the files load, for a function
    /// is called for every job.
    pub(crate) fn remark(&mut self, problem: Problem) {
        let problem = match self.at {
            Some(span) => problem.at(span, ""),
            None => problem,
        };
        let known = |other: &Problem| other.code == problem.code && other.labels == problem.labels;
        if self.imports.is_some() && !self.remarks.iter().any(known) {
            self.remarks.push(problem);
        }
    }

    /// As [`Vm::remark`], where one warning is enough for all places: those after the first only join it.
    pub(crate) fn remark_once(&mut self, problem: Problem) {
        match (self.remarks.iter_mut().find(|other| other.code == problem.code), self.at) {
            (Some(first), Some(at)) => {
                let is_known = first.labels.iter().any(|(span, _)| *span == at);
                if !is_known && first.labels.len() < PLACES_NAMED {
                    first.labels.push((at, "nor here".into()));
                }
            }
            (Some(_), None) => {}
            (None, _) => self.remark(problem),
        }
    }

    /// Runs statements in the current namespace.
    pub(crate) fn exec_block(&mut self, block: &[Stmt], host: &mut dyn Host) -> Result<(), Raise> {
        let old = self.budget.enter_stack();
        let mut frame = Frame::module(self.space);
        let result = self.exec(&mut frame, block, host);
        self.budget.restore_stack(old);
        match result? {
            Flow::Next => Ok(()),
            Flow::Return(_, span) => {
                Err(Raise::new(Exc::SyntaxError, "`return` outside of a function").at(span))
            }
            Flow::Break(span) | Flow::Continue(span) => {
                Err(Raise::new(Exc::SyntaxError, "`break` or `continue` outside of a loop").at(span))
            }
        }
    }

    /// Evaluates an expression in the current namespace.
    pub(crate) fn eval(&mut self, expr: &Expr) -> Result<Value, Raise> {
        let old = self.budget.enter_stack();
        let result = self.eval_in(&mut Frame::module(self.space), expr);
        self.budget.restore_stack(old);
        result
    }

    /// Calls a callable.
    pub(crate) fn call(&mut self, callee: &Value, args: Args) -> Result<Value, Raise> {
        let old = self.budget.enter_stack();
        let result = self.call_value(callee, args, None);
        self.budget.restore_stack(old);
        result
    }

    pub(crate) fn current_space(&self) -> SpaceId {
        self.space
    }

    /// A global of the current namespace (not a built-in name).
    pub(crate) fn get_global(&self, name: &str) -> Option<Value> {
        self.space(self.space).get(name).cloned()
    }

    pub(crate) fn set_global(&mut self, name: impl Into<Arc<str>>, value: Value) -> Result<(), Raise> {
        self.set_in(self.space, name.into(), value)
    }

    /// Sets a name that every namespace sees: `rules`, `checkpoints`, a function of the host.
    pub(crate) fn set_builtin(&mut self, name: impl Into<Arc<str>>, value: Value) -> Result<(), Raise> {
        self.set_in(BUILTINS, name.into(), value)
    }

    /// Names of the globals of the current namespace, in order of definition.
    #[cfg(test)]
    pub(crate) fn global_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.space(self.space).keys()
    }

    /// Makes an empty namespace.
    pub(crate) fn new_space(&mut self) -> Result<SpaceId, Raise> {
        match &mut self.spaces {
            Spaces::Open(spaces) => {
                spaces.push(Space::default());
                Ok(SpaceId(spaces.len() as u32 - 1))
            }
            Spaces::Frozen(_) => Err(Raise::frozen()),
        }
    }

    /// A line of `print`, with its end. The library itself writes nothing: it goes to the job, or is kept.
    pub(crate) fn say(&mut self, line: String, end: &str) {
        match self.acts {
            Some(acts) => acts.effects.print(&(line + end)),
            None => self.log.push(line),
        }
    }

    /// Makes `space` the current namespace; gives the one before.
    pub(crate) fn enter_space(&mut self, space: SpaceId) -> SpaceId {
        std::mem::replace(&mut self.space, space)
    }

    /// Directory that relative paths are relative to.
    pub(crate) fn root(&self) -> &Path {
        &self.place.root
    }

    /// The root as an absolute path in normal form, for `os.getcwd`; recorded, as the result depends on it.
    pub(crate) fn absolute_root(&mut self) -> Result<Arc<str>, Raise> {
        let Some(root) = self.place.absolute.clone() else {
            let message = format!("the path of the directory `{}` is not UTF-8", self.root().display());
            return Err(Raise::new(Exc::OSError, message));
        };
        self.reads.record("host", "directory", Some(Digest::of(root.as_bytes())));
        Ok(root)
    }

    /// A path relative to the root if it lies there; else as it is.
    pub(crate) fn below_root(&self, path: &str) -> String {
        let inside = self.place.absolute.as_deref().and_then(|root| path.strip_prefix(root));
        match inside.map(|rest| rest.strip_prefix('/').unwrap_or(rest)) {
            Some("") => ".".into(),
            Some(rest) if path.len() > rest.len() && path[..path.len() - rest.len()].ends_with('/') => {
                rest.into()
            }
            _ => path.into(),
        }
    }

    /// An absolute path of a path that starts from the root.
    pub(crate) fn above_root(&self, path: &str) -> String {
        let root = self.place.absolute.as_deref().unwrap_or("");
        normalise(&join_path(root, path)).into_owned()
    }

    /// The number of processors, recorded.
    pub(crate) fn processors(&mut self) -> i64 {
        let count = std::thread::available_parallelism().map_or(1, usize::from) as i64;
        self.reads.record("host", "processors", Some(Digest::of(&count.to_le_bytes())));
        count
    }

    pub(crate) fn regexes(&self) -> &RegexStore {
        &self.place.regexes
    }

    pub(crate) fn documents(&self) -> Arc<Documents> {
        self.place.documents.clone()
    }

    /// A variable of the environment that the host has handed in. Each one that is asked for is recorded.
    pub(crate) fn variable(&mut self, name: &str) -> Option<Arc<str>> {
        let value = self.place.variables.get(name).cloned();
        self.reads.record("variable", name, value.as_ref().map(|value| Digest::of(value.as_bytes())));
        value
    }

    /// Relative paths start from another directory from here on.
    pub(crate) fn set_root(&mut self, root: PathBuf) {
        let variables = std::mem::take(&mut self.place.to_mut().variables);
        self.place = Cow::Owned(Place { variables, ..Place::new(root) });
    }

    pub(crate) fn reads(&self) -> &[Read] {
        self.reads.list()
    }

    /// Whether the workflow is still loading: globals can be set.
    pub(crate) fn is_loading(&self) -> bool {
        matches!(self.spaces, Spaces::Open(_))
    }

    pub(crate) fn space(&self, id: SpaceId) -> &Space {
        match &self.spaces {
            Spaces::Open(spaces) => &spaces[id.0 as usize],
            Spaces::Frozen(spaces) => &spaces[id.0 as usize],
        }
    }

    /// A global of `space` or a built-in name.
    pub(crate) fn lookup_global(&self, space: SpaceId, name: &str) -> Option<&Value> {
        if let Some((_, own)) = self.own.iter().find(|(of, _)| *of == space)
            && let Some(value) = own.get(name)
        {
            return Some(value);
        }
        self.space(space).get(name).or_else(|| self.space(BUILTINS).get(name))
    }

    /// A name that every namespace sees.
    pub(crate) fn lookup_builtin(&self, name: &str) -> Option<Value> {
        self.space(BUILTINS).get(name).cloned()
    }

    /// A name that every namespace sees.
    pub(crate) fn builtin(&self, name: &str) -> Option<Value> {
        self.space(BUILTINS).get(name).cloned()
    }

    /// Makes a module known by its dotted name, or forgets it.
    pub(crate) fn set_module(&mut self, name: &str, module: Option<Value>) -> Result<(), Raise> {
        match module {
            Some(module) => self.set_in(MODULES, name.into(), module),
            None => self.unset_in(MODULES, name).map(drop),
        }
    }

    pub(crate) fn lookup_module(&self, name: &str) -> Option<&Value> {
        self.space(MODULES).get(name)
    }

    pub(crate) fn set_in(&mut self, space: SpaceId, name: Arc<str>, value: Value) -> Result<(), Raise> {
        match &mut self.spaces {
            Spaces::Open(spaces) => {
                spaces[space.0 as usize].insert(name, value);
                Ok(())
            }
            Spaces::Frozen(_) => Err(frozen_global(&name)),
        }
    }

    pub(crate) fn unset_in(&mut self, space: SpaceId, name: &str) -> Result<bool, Raise> {
        match &mut self.spaces {
            Spaces::Open(spaces) => Ok(spaces[space.0 as usize].shift_remove(name).is_some()),
            Spaces::Frozen(_) => Err(frozen_global(name)),
        }
    }

    /// `NameError` with a suggestion from `locals`, the globals and the built-in names.
    pub(crate) fn undefined<'n>(
        &'n self,
        name: &str,
        space: SpaceId,
        locals: impl Iterator<Item = &'n str>,
    ) -> Raise {
        if let Some((what, help)) = missing_function(name) {
            return Raise::new(Exc::NameError, format!("`{name}` {what}")).help(help);
        }
        let globals = self.space(space).keys().chain(self.space(BUILTINS).keys()).map(|n| &**n);
        Raise::new(Exc::NameError, format!("name `{name}` is not defined"))
            .did_you_mean(name, locals.chain(globals))
    }
}

/// What is with a function that Snakemake has or had, and what to write instead.
fn missing_function(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "storage" | "remote" => ("isn't supported yet", "fetch remote files in a rule of its own"),
        "github" | "gitlab" | "bitbucket" => (
            "isn't supported yet: nothing is taken from the network",
            "clone the repository, and name the file in the clone: `snakefile: \"path/to/workflow/Snakefile\"`",
        ),
        "dynamic" => (
            "is no longer a function of Snakemake's language",
            "make the rule a `checkpoint` with a `directory(...)` output, and look into it in an input function",
        ),
        _ => return None,
    })
}

fn frozen_global(name: &str) -> Raise {
    Raise::new(Exc::FrozenError, format!("global `{name}` cannot change after the Rulefile was loaded"))
        .help("functions of rules run later and in parallel: return what they find out")
}

/// Rule, kind, name, and how it was looked at.
type CallKey = (Arc<str>, &'static str, String, How);
/// What the last call saw, and whether an earlier one saw something else.
type CallSeen = (Option<Digest>, bool);

/// The evaluator after the load: immutable, callable from many threads.
pub(crate) struct Frozen {
    spaces: Vec<Space>,
    place: Place,
    cancel: Option<Arc<AtomicBool>>,
    /// What calls looked at, by rule, kind and name.
    reads: Mutex<BTreeMap<CallKey, CallSeen>>,
    log: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Frozen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frozen({} namespaces)", self.spaces.len())
    }
}

impl CallReads for Frozen {
    fn reads(&self) -> Vec<(Arc<str>, Read)> {
        let reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |(key, seen): (&CallKey, &CallSeen)| {
            let ((rule, kind, what, how), (digest, unsteady)) = (key.clone(), *seen);
            let how = if unsteady { How::Unsteady } else { how };
            (rule, Read { kind, what, how, digest })
        };
        reads.iter().map(read).collect()
    }

    fn take_printed(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn moved(&self) -> Option<String> {
        let now = |file: &str| text_now(&self.place.root.join(file));
        self.place.documents.moved(now, digest_under)
    }
}

impl Frozen {
    /// Calls a function with a fresh budget.
    #[cfg(test)]
    pub(crate) fn call(
        &self,
        function: &Value,
        args: Vec<Value>,
        kwargs: Vec<(Arc<str>, Value)>,
    ) -> Result<Value, Raise> {
        self.with_vm("", None, |vm| vm.call(function, Args { positional: args, named: kwargs }))
    }

    /// Evaluates with a fresh budget on behalf of a rule; reads and log lines are kept.
    pub(crate) fn with_vm<R>(
        &self,
        rule: &str,
        checkpoints: Option<&dyn Checkpoints>,
        work: impl FnOnce(&mut Vm) -> R,
    ) -> R {
        let mut budget = Budget::call();
        if let Some(flag) = &self.cancel {
            budget = budget.with_cancel(flag.clone());
        }
        let mut vm = Vm {
            spaces: Spaces::Frozen(&self.spaces),
            space: MAIN,
            place: Cow::Borrowed(&self.place),
            budget,
            reads: Reads::default(),
            log: Vec::new(),
            imports: None,
            caller: None,
            folder: PathBuf::new(),
            validates: true,
            checkpoints,
            at: None,
            remarks: Vec::new(),
            acts: None,
            own: Vec::new(),
        };
        let result = work(&mut vm);
        let (reads, log) = (vm.reads.into_list(), vm.log);
        if !reads.is_empty() {
            let rule: Arc<str> = rule.into();
            let mut known = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
            for Read { kind, what, how, digest } in reads {
                let seen = known.entry((rule.clone(), kind, what, how)).or_insert((digest, false));
                *seen = (digest, seen.1 || seen.0 != digest);
            }
        }
        if !log.is_empty() {
            self.log.lock().unwrap_or_else(PoisonError::into_inner).extend(log);
        }
        result
    }

    /// A global of a namespace.
    pub(crate) fn global(&self, space: SpaceId, name: &str) -> Option<&Value> {
        self.spaces.get(space.0 as usize)?.get(name)
    }

    /// Evaluates what runs as a job: nothing is recorded, and relative paths start from the job's directory.
    pub(crate) fn act<R>(
        &self,
        acts: &Acts<'_>,
        space: SpaceId,
        own: Vec<(SpaceId, Space)>,
        work: impl FnOnce(&mut Vm) -> R,
    ) -> R {
        let dir = acts.effects.dir();
        let place = match dir == self.place.root {
            true => Cow::Borrowed(&self.place),
            false => Cow::Owned(Place {
                variables: self.place.variables.clone(),
                regexes: self.place.regexes.clone(),
                documents: self.place.documents.clone(),
                ..Place::new(dir.to_path_buf())
            }),
        };
        let mut vm = Vm {
            spaces: Spaces::Frozen(&self.spaces),
            space,
            place,
            budget: Budget::job(acts.effects.cancelled()),
            reads: Reads::off(),
            log: Vec::new(),
            imports: None,
            caller: None,
            folder: PathBuf::new(),
            validates: true,
            checkpoints: None,
            at: None,
            remarks: Vec::new(),
            acts: Some(acts),
            own,
        };
        work(&mut vm)
    }
}
