//! What rules and jobs look like to the code of a Rulefile: `rules.a.output`, `wildcards`, `input`, `shell`.

use crate::lang::action;
use crate::lang::builtins::flags::{Flagged, Marks};
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::file_size;
use crate::lang::value::{Args, Object, Value};
use crate::lang::vm::Vm;
use crate::model::action::ShellUse;
use crate::model::draft::default_shell;
use crate::model::pattern::Pattern;
use crate::model::slots::NamedPaths;
use crate::model::wildcards::Wildcards;
use crate::syntax::ast::BinaryOp;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A mistake that was reported already: whatever depends on it fails with this and is not reported again.
#[derive(Debug)]
struct Reported;

pub(super) fn reported() -> Raise {
    Raise::new(Exc::WorkflowError, "this was reported before").with_payload(Arc::new(Reported))
}

pub(super) fn is_reported(raise: &Raise) -> bool {
    raise.payload().is_some_and(|payload| payload.is::<Reported>())
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Items of a section: flat by number, in groups by name.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) type_name: &'static str,
    /// For messages: ``output of rule `a` ``.
    pub(super) what: Arc<str>,
    pub(super) flat: Vec<Value>,
    pub(super) named: Vec<(Arc<str>, Value)>,
    /// Where the files are, if they are the inputs of a job: then they have sizes.
    pub(super) files: Option<Arc<Path>>,
}

impl Named {
    /// The paths of a job: a group that was written as a list is one.
    pub(super) fn paths(type_name: &'static str, what: &str, paths: NamedPaths<'_>) -> Named {
        let text = |p: &Arc<str>| Value::Str(p.clone());
        let mut named = Vec::new();
        let mut start = 0;
        for slot in paths.layout {
            let end = start + slot.len as usize;
            if let (Some(name), Some(group)) = (&slot.name, paths.paths.get(start..end)) {
                let value = match group {
                    [only] if !slot.list => text(only),
                    many => Value::list(many.iter().map(text).collect()),
                };
                named.push((name.clone(), value));
            }
            start = end;
        }
        Named {
            type_name,
            what: what.into(),
            flat: paths.paths.iter().map(text).collect(),
            named,
            files: None,
        }
    }

    /// The items with values in place of wildcards; texts that hold none stay as they are.
    pub(super) fn filled(&self, wildcards: &[(Arc<str>, Arc<str>)]) -> Named {
        let names: Arc<[Arc<str>]> = wildcards.iter().map(|(name, _)| name.clone()).collect();
        let values: Vec<Arc<str>> = wildcards.iter().map(|(_, value)| value.clone()).collect();
        self.mapped(|value| {
            let text = value.display();
            let pattern = Pattern::parse(&text).ok().and_then(|pattern| pattern.bind(&names).ok());
            let path = pattern.map_or(Value::Str(text), |pattern| {
                let mut filled = String::new();
                pattern.render(&values, &mut filled);
                Value::from(filled)
            });
            match value.downcast::<Flagged>() {
                Some(flagged) => Value::object(Flagged { path, marks: flagged.marks.clone() }),
                None => path,
            }
        })
    }

    /// The paths as outputs of `rule`: who uses one as an input gets it from there.
    pub(super) fn made_by(&self, rule: &Arc<str>) -> Named {
        self.mapped(|value| {
            let (path, mut marks) = match value.downcast::<Flagged>() {
                Some(flagged) => (flagged.path.clone(), flagged.marks.clone()),
                None if matches!(value, Value::Str(_)) => (value.clone(), Marks::default()),
                None => return value.clone(),
            };
            marks.flags.maker = Some(rule.clone());
            Value::object(Flagged { path, marks })
        })
    }

    /// The same items with other paths.
    fn mapped(&self, path: impl Fn(&Value) -> Value) -> Named {
        let group = |value: &Value| match value.snapshot() {
            Some(items) => Value::list(items.iter().map(&path).collect()),
            None => path(value),
        };
        Named {
            type_name: self.type_name,
            what: self.what.clone(),
            flat: self.flat.iter().map(&path).collect(),
            named: self.named.iter().map(|(name, value)| (name.clone(), group(value))).collect(),
            files: None,
        }
    }

    fn find(&self, name: &str) -> Option<Value> {
        self.named.iter().find(|(n, _)| **n == *name).map(|(_, v)| v.clone())
    }

    /// `input.size`, `input.size_mb`, `input.size_files_gb`: bytes of all files, or of each; the units are powers of
    /// 1024, as in Snakemake.
    fn size(&self, name: &str) -> Result<Option<Value>, Raise> {
        let (Some(root), Some(rest)) = (&self.files, name.strip_prefix("size")) else { return Ok(None) };
        let (each, unit) = match rest.strip_prefix("_files") {
            Some(unit) => (true, unit),
            None => (false, rest),
        };
        let power = match unit {
            "" => 0,
            "_kb" => 1,
            "_mb" => 2,
            "_gb" => 3,
            "_tb" => 4,
            _ => return Ok(None),
        };
        let sizes: Vec<u64> =
            self.flat.iter().map(|path| file_size(root, &path.display())).collect::<Result<_, _>>()?;
        let value = |bytes: u64| match power {
            0 => Value::Int(i64::try_from(bytes).unwrap_or(i64::MAX)),
            power => Value::Float(bytes as f64 / 1024f64.powi(power)),
        };
        Ok(Some(match each {
            true => Value::list(sizes.into_iter().map(value).collect()),
            false => value(sizes.into_iter().fold(0, u64::saturating_add)),
        }))
    }

    fn missing(&self, kind: Exc, name: &str) -> Raise {
        Raise::new(kind, format!("{} has no item `{name}`", self.what))
            .did_you_mean(name, self.named.iter().map(|(n, _)| &**n))
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} items)", self.type_name, self.flat.len())
    }
}

impl Object for Named {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        match self.find(name) {
            Some(value) => Ok(Some(value)),
            None => match (self.size(name)?, mapping_method(name, &self.named)) {
                (Some(size), _) => Ok(Some(size)),
                (None, Some(method)) => Ok(Some(method)),
                (None, None) => Err(self.missing(Exc::AttributeError, name)),
            },
        }
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        self.named.iter().map(|(name, _)| name.clone()).collect()
    }

    fn item(&self, key: &Value) -> Result<Value, Raise> {
        match key {
            Value::Str(name) => self.find(name).ok_or_else(|| self.missing(Exc::KeyError, name)),
            Value::Int(n) => {
                let index = if *n < 0 { n.checked_add(self.flat.len() as i64) } else { Some(*n) };
                let found = index.and_then(|i| usize::try_from(i).ok()).and_then(|i| self.flat.get(i));
                found.cloned().ok_or_else(|| {
                    let message =
                        format!("{} has {} items, there is no item {n}", self.what, self.flat.len());
                    Raise::new(Exc::IndexError, message)
                })
            }
            other => {
                Err(Raise::type_error(format!("items have numbers or names, not `{}`", other.type_name())))
            }
        }
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.flat.clone())
    }

    fn entries(&self) -> Option<Vec<(Arc<str>, Value)>> {
        Some(self.named.clone())
    }

    fn text(&self) -> String {
        let parts: Vec<Arc<str>> = self.flat.iter().map(Value::display).collect();
        parts.join(" ")
    }

    fn repr(&self) -> String {
        Value::list(self.flat.clone()).repr()
    }

    fn binary(
        &self,
        _: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        let other = match other {
            Value::List(_) | Value::Tuple(_) => other.snapshot()?,
            _ => other.downcast::<Named>()?.flat.clone(),
        };
        let mine = self.flat.clone();
        let (left, right) = if reflected { (other, mine) } else { (mine, other) };
        (op == BinaryOp::Add).then(|| Ok(Value::list([left, right].concat())))
    }

    fn inner(&self) -> Vec<Value> {
        self.flat.iter().chain(self.named.iter().map(|(_, v)| v)).cloned().collect()
    }
}

/// `get`, `keys`, `values` and `items`, which lists with names share with dicts.
fn mapping_method(name: &str, entries: &[(Arc<str>, Value)]) -> Option<Value> {
    let name = ["get", "keys", "values", "items"].into_iter().find(|m| *m == name)?;
    let entries = entries.to_vec();
    Some(Value::native(name, move |_, args| {
        let text = |n: &Arc<str>| Value::Str(n.clone());
        Ok(match name {
            "keys" => Value::list(entries.iter().map(|(n, _)| text(n)).collect()),
            "values" => Value::list(entries.iter().map(|(_, v)| v.clone()).collect()),
            "items" => {
                Value::list(entries.iter().map(|(n, v)| Value::tuple(vec![text(n), v.clone()])).collect())
            }
            _ => {
                let mut given = args.positional.into_iter().chain(args.named.into_iter().map(|(_, v)| v));
                let key = given.next().ok_or_else(|| Raise::type_error("`get` needs a name"))?;
                let found = entries.iter().find(|(n, _)| key.as_str() == Some(n)).map(|(_, v)| v.clone());
                found.or_else(|| given.next()).unwrap_or(Value::None)
            }
        })
    }))
}

/// The wildcards of a job.
#[derive(Debug)]
pub(super) struct JobWildcards(pub(super) Wildcards);

impl JobWildcards {
    fn missing(&self, kind: Exc, name: &str) -> Raise {
        let known: Vec<&str> = self.0.iter().map(|(n, _)| n).collect();
        let raise = Raise::new(kind, format!("the job has no wildcard `{name}`"));
        if known.is_empty() {
            return raise.help("the outputs of the rule have no wildcards");
        }
        match crate::lang::raise::closest(name, known.iter().copied()) {
            Some(near) if known.len() == 1 => raise.help(format!("did you mean `{near}`?")),
            Some(near) => {
                raise.help(format!("did you mean `{near}`? its wildcards are: {}", known.join(", ")))
            }
            None => raise.help(format!("its wildcards are: {}", known.join(", "))),
        }
    }
}

impl Object for JobWildcards {
    fn type_name(&self) -> &'static str {
        "Wildcards"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        if let Some(text) = self.0.get(name) {
            return Ok(Some(text.into()));
        }
        let entries = self.entries().unwrap_or_default();
        mapping_method(name, &entries).map(Some).ok_or_else(|| self.missing(Exc::AttributeError, name))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        self.0.iter().map(|(name, _)| name.into()).collect()
    }

    fn item(&self, key: &Value) -> Result<Value, Raise> {
        match key {
            Value::Str(name) => {
                self.0.get(name).map(Value::from).ok_or_else(|| self.missing(Exc::KeyError, name))
            }
            Value::Int(n) => usize::try_from(*n)
                .ok()
                .and_then(|i| self.0.values().get(i))
                .map(|text| Value::Str(text.clone()))
                .ok_or_else(|| Raise::new(Exc::IndexError, format!("job has no wildcard number {n}"))),
            other => Err(Raise::type_error(format!("wildcards have names, not `{}`", other.type_name()))),
        }
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.0.values().iter().map(|v| Value::Str(v.clone())).collect())
    }

    fn entries(&self) -> Option<Vec<(Arc<str>, Value)>> {
        Some(self.0.iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    fn text(&self) -> String {
        self.0.values().join(" ")
    }

    fn repr(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(n, v)| format!("{n}={v}")).collect();
        format!("Wildcards({})", parts.join(", "))
    }
}

/// `rules.a`
#[derive(Debug)]
pub(super) struct RuleView {
    pub(super) name: Arc<str>,
    pub(super) parts: Vec<(&'static str, Value)>,
    /// A rule with mistakes of its own: what it lacks was reported already.
    pub(super) broken: bool,
}

impl Object for RuleView {
    fn type_name(&self) -> &'static str {
        "Rule"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        if name == "name" {
            return Ok(Some(Value::Str(self.name.clone())));
        }
        match self.parts.iter().find(|(n, _)| *n == name) {
            Some(_) if self.broken => Err(reported()),
            Some((_, value)) => Ok(Some(value.clone())),
            None => {
                let message = format!("`rules.{}` has no `{name}`", self.name);
                let known: Vec<&str> = self.parts.iter().map(|(n, _)| *n).collect();
                Err(Raise::new(Exc::AttributeError, message)
                    .help(format!("it has: {}, name", known.join(", "))))
            }
        }
    }

    fn repr(&self) -> String {
        self.name.to_string()
    }

    fn inner(&self) -> Vec<Value> {
        self.parts.iter().map(|(_, value)| value.clone()).collect()
    }
}

/// The rules defined so far, by name.
#[derive(Clone, Default)]
pub(super) struct Rules(Arc<Mutex<IndexMap<Arc<str>, Value, FxBuildHasher>>>);

impl Rules {
    pub(super) fn add(&self, name: Arc<str>, view: Value) {
        locked(&self.0).insert(name, view);
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rules({})", locked(&self.0).len())
    }
}

impl Object for Rules {
    fn type_name(&self) -> &'static str {
        "Rules"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let rules = locked(&self.0);
        match rules.get(name) {
            Some(value) => Ok(Some(value.clone())),
            None => {
                let raise = Raise::new(Exc::AttributeError, format!("no rule `{name}` is defined above"))
                    .help("a rule can be referred to only below its definition");
                Err(raise.did_you_mean(name, rules.keys().map(|n| &**n)))
            }
        }
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        locked(&self.0).keys().cloned().collect()
    }

    fn inner(&self) -> Vec<Value> {
        locked(&self.0).values().cloned().collect()
    }
}

/// The name `shell` in a Rulefile.
#[derive(Clone, Debug)]
pub(super) struct Shell(Arc<Mutex<ShellUse>>);

impl Shell {
    pub(super) fn new() -> Shell {
        Shell(Arc::new(Mutex::new(ShellUse {
            program: default_shell(),
            prefix: "".into(),
            suffix: "".into(),
        })))
    }

    pub(super) fn settings(&self) -> ShellUse {
        locked(&self.0).clone()
    }

    fn set(&self, vm: &Vm, name: &str, args: &Args) -> Result<Value, Raise> {
        if !vm.is_loading() {
            return Err(Raise::new(
                Exc::FrozenError,
                format!("`shell.{name}` cannot be called by a function of a rule"),
            ));
        }
        let [Value::Str(text)] = args.positional.as_slice() else {
            return Err(Raise::type_error(format!("`shell.{name}` takes one text")));
        };
        let mut settings = locked(&self.0);
        match name {
            "executable" => settings.program = shell_program(text)?,
            "prefix" => settings.prefix = text.clone(),
            _ => settings.suffix = text.clone(),
        }
        Ok(Value::None)
    }
}

/// A shell with its flags. Only bash is made to stop at the first error, as in Snakemake: what others know of
/// `pipefail` differs, and scripts for them check for themselves.
fn shell_program(program: &str) -> Result<Arc<[Arc<str>]>, Raise> {
    let flags: &[&str] = match program.rsplit('/').next().unwrap_or(program) {
        "" => return Err(Raise::value_error("`shell.executable` needs the name of a shell")),
        "bash" => &["-euo", "pipefail", "-c"],
        _ => &["-c"],
    };
    Ok([program].iter().chain(flags).map(|part| Arc::from(*part)).collect())
}

impl Object for Shell {
    fn type_name(&self) -> &'static str {
        "shell"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let name = ["executable", "prefix", "suffix"].into_iter().find(|n| *n == name);
        let shell = self.clone();
        Ok(name.map(|name| Value::native(name, move |vm, args| shell.set(vm, name, &args))))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        ["executable", "prefix", "suffix"].map(Arc::from).to_vec()
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        if vm.acts.is_some() {
            return action::shell(vm, args);
        }
        Err(Raise::unsupported(
            "`shell(...)` cannot be called while a Rulefile loads",
            "run commands in the `shell:` section of a rule",
        ))
    }
}
