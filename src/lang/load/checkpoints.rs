//! `checkpoints.NAME.get(**wildcards).output`: what a rule made, for functions that need to look at it first.
//!
//! Whether the job is final is asked of the caller; when it is not, the call ends with a raise that nothing can
//! catch, and the function is called again later.

use crate::lang::load::objects::{Named, RuleView, locked, reported};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Object, Value};
use crate::lang::vm::Vm;
use crate::model::pattern::Pattern;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::fmt;
use std::sync::{Arc, Mutex};

/// The job that a function has to wait for.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) checkpoint: Arc<str>,
    /// In the order of the rule's wildcards.
    pub(super) wildcards: Values,
}

/// Wildcards with their values.
type Values = Vec<(Arc<str>, Arc<str>)>;

/// What a raise waits for, if that is its reason.
pub(super) fn pending(raise: &Raise) -> Option<&Pending> {
    raise.payload().and_then(|payload| payload.downcast_ref())
}

/// The checkpoints defined so far, by name.
#[derive(Clone, Default)]
pub(super) struct Checkpoints(Arc<Mutex<IndexMap<Arc<str>, Value, FxBuildHasher>>>);

impl Checkpoints {
    /// Adds a rule under the name that it is known by here.
    pub(super) fn add(&self, name: Arc<str>, rule: Value) {
        locked(&self.0).insert(name, Value::object(Checkpoint { rule }));
    }
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoints({})", locked(&self.0).len())
    }
}

impl Object for Checkpoints {
    fn type_name(&self) -> &'static str {
        "Checkpoints"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let known = locked(&self.0);
        match known.get(name) {
            Some(value) => Ok(Some(value.clone())),
            None => Err(Raise::new(Exc::AttributeError, format!("there is no checkpoint `{name}`"))
                .help("a rule becomes one by the word `checkpoint` instead of `rule`")
                .did_you_mean(name, known.keys().map(|n| &**n))),
        }
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        locked(&self.0).keys().cloned().collect()
    }

    fn inner(&self) -> Vec<Value> {
        locked(&self.0).values().cloned().collect()
    }
}

/// `checkpoints.a`
#[derive(Clone, Debug)]
struct Checkpoint {
    /// `rules.a`
    rule: Value,
}

impl Checkpoint {
    fn get(&self, vm: &Vm, args: Args) -> Result<Value, Raise> {
        let Some(rule) = self.rule.downcast::<RuleView>() else { return Err(reported()) };
        let name = &rule.name;
        if vm.is_loading() {
            let message = format!("`checkpoints.{name}.get` asks for files that are made later");
            return Err(Raise::new(Exc::WorkflowError, message)
                .help("call it in an input function: `input: lambda wildcards: ...`"));
        }
        if !args.positional.is_empty() {
            let message = format!("`checkpoints.{name}.get` takes wildcards by name");
            return Err(Raise::type_error(message)
                .help("write `get(**wildcards)`, or `get(sample=\"a\")` for others"));
        }
        let Some(Value::Object(output)) = rule.attribute("output")? else { return Err(reported()) };
        let wildcards = wildcards(name, &output.items().unwrap_or_default(), &args.named)?;
        if !vm.checkpoints.is_some_and(|known| known.is_final(name, &wildcards)) {
            let message = format!("checkpoint `{name}` is not final yet");
            let pending = Pending { checkpoint: name.clone(), wildcards };
            return Err(Raise::new(Exc::IncompleteCheckpoint, message).with_payload(Arc::new(pending)));
        }
        let Some(output) = (&*output as &dyn std::any::Any).downcast_ref::<Named>() else {
            return Err(reported());
        };
        Ok(Value::object(Job { rule: self.rule.clone(), output: Value::object(output.filled(&wildcards)) }))
    }
}

/// The values of the rule's wildcards, in their order; others that are given do not matter.
fn wildcards(checkpoint: &str, output: &[Value], given: &[(Arc<str>, Value)]) -> Result<Values, Raise> {
    let Some(pattern) = output.first().and_then(|path| Pattern::parse(&path.display()).ok()) else {
        let message = format!("checkpoint `{checkpoint}` has no output to wait for");
        return Err(Raise::new(Exc::WorkflowError, message));
    };
    let value = |name: &Arc<str>| match given.iter().find(|(n, _)| n == name) {
        Some((_, value)) => Ok((name.clone(), value.display())),
        None => {
            let message = format!("`checkpoints.{checkpoint}.get` needs a value for wildcard `{name}`");
            Err(Raise::new(Exc::WildcardError, message)
                .help(format!("write `get(**wildcards)` if the job has it, or `get({name}=...)`")))
        }
    };
    pattern.names.iter().map(value).collect()
}

impl Object for Checkpoint {
    fn type_name(&self) -> &'static str {
        "Checkpoint"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        match name {
            "rule" => Ok(Some(self.rule.clone())),
            "get" => {
                let checkpoint = self.clone();
                Ok(Some(Value::native("get", move |vm, args| checkpoint.get(vm, args))))
            }
            _ => Ok(None),
        }
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        ["get", "rule"].map(Arc::from).to_vec()
    }

    fn inner(&self) -> Vec<Value> {
        vec![self.rule.clone()]
    }
}

/// `checkpoints.a.get(...)`
#[derive(Debug)]
struct Job {
    rule: Value,
    output: Value,
}

impl Object for Job {
    fn type_name(&self) -> &'static str {
        "CheckpointJob"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(match name {
            "output" => Some(self.output.clone()),
            "rule" => Some(self.rule.clone()),
            _ => None,
        })
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        ["output", "rule"].map(Arc::from).to_vec()
    }

    fn inner(&self) -> Vec<Value> {
        vec![self.rule.clone(), self.output.clone()]
    }
}
