//! What waits for the job: the names `input`, `output`, `params`, `resources`, `threads` and `wildcards` outside of a
//! command, and calls such as `subpath(input[0], parent=True)` whose arguments are functions of the job.
//!
//! Each is itself a function of the job: the loader treats it like a `lambda`.

use crate::lang::index;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Object, Value};
use crate::lang::vm::Vm;
use std::fmt;
use std::sync::Arc;

/// What a function of the job can ask for by the name of a parameter, after the wildcards.
pub(crate) const EXTRAS: &[&str] =
    &["input", "output", "params", "threads", "resources", "attempt", "rule", "rulename"];

/// Functions in functions in functions of the job.
const MAX_DEPTH: usize = 32;

/// What a function of the job was given: the wildcards, and what its parameters ask for.
pub(crate) struct Job {
    wildcards: Value,
    extras: Vec<(Arc<str>, Value)>,
}

impl Job {
    pub(crate) fn wildcards(&self) -> &Value {
        &self.wildcards
    }

    /// The value, or what it gives for this job when it is a function.
    pub(crate) fn resolve(&self, vm: &mut Vm, value: &Value) -> Result<Value, Raise> {
        if !value.is_callable() {
            return Ok(value.clone());
        }
        let wanted = value.parameters();
        let extras = self.extras.iter().filter(|(name, _)| wanted.iter().skip(1).any(|w| w == name));
        let args = Args { positional: vec![self.wildcards.clone()], named: extras.cloned().collect() };
        vm.call_value(value, args, None)
    }

    /// As [`Job::resolve`], also for the elements of a list.
    pub(crate) fn resolve_all(&self, vm: &mut Vm, value: &Value) -> Result<Value, Raise> {
        match value {
            Value::List(list) if holds_function(value) => {
                let items: Vec<Value> = list.0.read(Clone::clone);
                let items = items.iter().map(|item| self.resolve(vm, item)).collect::<Result<_, _>>()?;
                Ok(Value::list(items))
            }
            other => self.resolve(vm, other),
        }
    }
}

/// Whether a value is a function, or a list with one.
pub(crate) fn holds_function(value: &Value) -> bool {
    match value {
        Value::List(list) => list.0.read(|items| items.iter().any(Value::is_callable)),
        other => other.is_callable(),
    }
}

/// A function of the job made of `parts`, of which some are functions of the job too.
pub(crate) fn later<F>(name: &'static str, parts: Vec<Value>, run: F) -> Result<Value, Raise>
where
    F: Fn(&mut Vm, &Job) -> Result<Value, Raise> + Send + Sync + 'static,
{
    let mut parameters: Vec<Arc<str>> = vec!["wildcards".into()];
    let mut depth = 0;
    let mut add = |part: &Value| {
        depth = depth.max(part.downcast::<Later>().map_or(0, |later| later.depth));
        for wanted in part.parameters().into_iter().skip(1) {
            if EXTRAS.contains(&&*wanted) && !parameters.contains(&wanted) {
                parameters.push(wanted);
            }
        }
    };
    for part in &parts {
        match part {
            Value::List(list) => list.0.read(|items| items.iter().for_each(&mut add)),
            other => add(other),
        }
    }
    if depth >= MAX_DEPTH {
        return Err(Raise::new(Exc::RecursionError, format!("`{name}` of functions is nested too deeply")));
    }
    Ok(Value::object(Later { name, parameters, parts, depth: depth + 1, run: Box::new(run) }))
}

type Run = dyn Fn(&mut Vm, &Job) -> Result<Value, Raise> + Send + Sync;

struct Later {
    name: &'static str,
    parameters: Vec<Arc<str>>,
    parts: Vec<Value>,
    depth: usize,
    run: Box<Run>,
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Later({})", self.name)
    }
}

impl Object for Later {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn repr(&self) -> String {
        format!("<function {}>", self.name)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        self.parameters.clone()
    }

    fn inner(&self) -> Vec<Value> {
        self.parts.clone()
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let mut positional = args.positional.into_iter();
        let Some(wildcards) = positional.next() else {
            let message = format!("what `{}` gives is a function of the wildcards", self.name);
            return Err(Raise::type_error(message));
        };
        // As in Snakemake, `f(wildcards, input)` is `f(wildcards, input=input)`.
        let by_position = self.parameters.iter().skip(1).cloned().zip(positional);
        let extras = by_position.chain(args.named).collect();
        (self.run)(vm, &Job { wildcards, extras })
    }
}

/// `input`, `input.a`, `output[0]`: a part of the job that is looked up when the job is known.
#[derive(Clone, Debug)]
struct Part {
    root: &'static str,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Attribute(Arc<str>),
    Item(Value),
}

/// Attributes and items of one value; nobody writes more.
const MAX_STEPS: usize = 16;

/// The names of the parts of a job.
pub(super) fn parts() -> impl Iterator<Item = (&'static str, Value)> {
    let roots = ["input", "output", "params", "resources", "threads", "wildcards"];
    roots.into_iter().map(|root| (root, Value::object(Part { root, steps: Vec::new() })))
}

impl Part {
    fn then(&self, step: Step) -> Result<Value, Raise> {
        if self.steps.len() >= MAX_STEPS {
            return Err(self.unknown());
        }
        let mut longer = self.clone();
        longer.steps.push(step);
        Ok(Value::object(longer))
    }

    /// As it was written.
    fn shown(&self) -> String {
        let mut text = self.root.to_string();
        for step in &self.steps {
            match step {
                Step::Attribute(name) => text.push_str(&format!(".{name}")),
                Step::Item(key) => text.push_str(&format!("[{}]", key.repr())),
            }
        }
        text
    }

    fn unknown(&self) -> Raise {
        let shown = self.shown();
        Raise::new(Exc::NameError, format!("`{shown}` belongs to a job, and no job is known here")).help(format!(
            "in a command write `{{{shown}}}` in a text without `f` before it; in a function take it as a parameter"
        ))
    }
}

impl Object for Part {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        self.then(Step::Attribute(name.into())).map(Some)
    }

    fn item(&self, key: &Value) -> Result<Value, Raise> {
        self.then(Step::Item(key.clone()))
    }

    fn get(&self, _: &mut Vm, key: &Value) -> Result<Value, Raise> {
        self.item(key)
    }

    fn condition(&self) -> Result<bool, Raise> {
        Err(self.unknown())
    }

    fn check_text(&self) -> Result<(), Raise> {
        Err(self.unknown())
    }

    fn repr(&self) -> String {
        format!("<function {}>", self.shown())
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        match self.root {
            "wildcards" => vec!["wildcards".into()],
            root => vec!["wildcards".into(), root.into()],
        }
    }

    fn inner(&self) -> Vec<Value> {
        let keys = self.steps.iter().filter_map(|step| match step {
            Step::Item(key) => Some(key.clone()),
            Step::Attribute(_) => None,
        });
        keys.collect()
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let found = match self.root {
            "wildcards" => args.positional.into_iter().next(),
            root => {
                let named = args.named.into_iter().find(|(name, _)| **name == *root).map(|(_, value)| value);
                named.or(args.positional.into_iter().nth(1))
            }
        };
        let Some(mut value) = found else { return Err(self.unknown()) };
        for step in &self.steps {
            value = match step {
                Step::Attribute(name) => vm.get_attr(&value, name)?,
                Step::Item(key) => index::get_item(vm, &value, key)?,
            };
        }
        Ok(value)
    }
}
