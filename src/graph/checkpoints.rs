//! Jobs of checkpoints: who waits for them, and which of them have come to a good end.

use crate::base::path::PathId;
use crate::graph::job::{Job, JobId};
use crate::model::dynamic::{CallError, Checkpoints};
use crate::model::rule::Rule;
use crate::model::workflow::Workflow;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, PoisonError, RwLock};

/// A job of a checkpoint, by its rule and the values of the rule's wildcards.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CheckpointJob {
    pub(crate) rule: u32,
    pub(crate) wildcards: Arc<[Arc<str>]>,
}

/// What a job that is not complete waits for.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    pub(crate) job: CheckpointJob,
    /// The output by which it is needed.
    pub(crate) path: PathId,
}

/// A job whose inputs are not all known: its functions wait for checkpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Open {
    /// The checkpoints' jobs.
    pub(crate) on: Box<[JobId]>,
    /// How many checkpoints, one after the other, led to this job and its inputs so far.
    pub(crate) depth: u32,
}

impl CheckpointJob {
    /// The job that a function asked for.
    pub(crate) fn find(
        name: &str,
        wildcards: &[(Arc<str>, Arc<str>)],
        workflow: &Workflow,
    ) -> Result<CheckpointJob, CallError> {
        let error = |text: String| Err(CallError::Message(text));
        let Some(index) = workflow.by_name.get(name).copied() else {
            return error(format!("there is no checkpoint `{name}`"));
        };
        let rule = &*workflow.rules[index as usize];
        if !rule.checkpoint {
            return error(format!(
                "there is no checkpoint `{name}`: the rule `{name}` is none; declare it with `.checkpoint()`, in a \
                 Rulefile with `checkpoint {name}:`"
            ));
        }
        if rule.outputs.is_empty() {
            return error(format!("checkpoint `{name}` has no output to wait for"));
        }
        match values(&rule.wildcards, wildcards) {
            Ok(wildcards) => Ok(CheckpointJob { rule: index, wildcards }),
            Err(wrong) => error(format!("checkpoint `{name}` was asked for {wrong}{}", has(&rule.wildcards))),
        }
    }

    /// Its first output.
    pub(crate) fn render_output(&self, workflow: &Workflow, out: &mut String) {
        if let Some(pattern) = workflow.rules[self.rule as usize].outputs.first() {
            pattern.render(&self.wildcards, out);
        }
    }

    pub(crate) fn is(&self, job: &Job) -> bool {
        self.rule == job.rule && self.wildcards == job.wildcards
    }
}

/// The values of a rule's wildcards in its order, from those that are given in any. Each wildcard has exactly one.
///
/// # Errors
/// What is wrong with those that are given, in a few words.
fn values(wildcards: &[Arc<str>], given: &[(Arc<str>, Arc<str>)]) -> Result<Values, String> {
    let value = |wildcard: &Arc<str>| {
        let mut own = given.iter().filter(|(name, _)| name == wildcard);
        match (own.next(), own.next()) {
            (Some((_, value)), None) => Ok(value.clone()),
            (None, _) => Err(format!("without a value for wildcard `{wildcard}`")),
            (Some(_), Some(_)) => Err(format!("with two values for wildcard `{wildcard}`")),
        }
    };
    match given.iter().find(|(name, _)| !wildcards.contains(name)) {
        Some((name, _)) => Err(format!("with a value for `{name}`, which is none of its wildcards")),
        None => wildcards.iter().map(value).collect(),
    }
}

/// Which wildcards there are, behind a message.
fn has(wildcards: &[Arc<str>]) -> String {
    let names: Vec<String> = wildcards.iter().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => ": it has none".into(),
        false => format!(": it has {}", names.join(", ")),
    }
}

/// The jobs of checkpoints that have come to a good end: their outputs can be looked at. Shared by those who call
/// functions; only who coordinates adds.
#[derive(Debug, Default)]
pub(crate) struct FinalCheckpoints {
    jobs: RwLock<FxHashMap<Arc<str>, Finals>>,
}

/// Those of one checkpoint.
#[derive(Debug)]
struct Finals {
    wildcards: Arc<[Arc<str>]>,
    jobs: FxHashSet<Values>,
}

/// Those of a rule's wildcards, in its order.
type Values = Arc<[Arc<str>]>;

impl FinalCheckpoints {
    /// Returns whether it is new.
    pub(crate) fn add(&self, rule: &Rule, job: &Job) -> bool {
        let mut jobs = self.jobs.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Finals { wildcards: rule.wildcards.clone(), jobs: FxHashSet::default() };
        jobs.entry(rule.name.clone()).or_insert_with(new).jobs.insert(job.wildcards.clone())
    }

    /// It is made again.
    pub(crate) fn remove(&self, rule: &Rule, job: &Job) {
        let mut jobs = self.jobs.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(finals) = jobs.get_mut(&rule.name) {
            finals.jobs.remove(&job.wildcards);
        }
    }
}

impl Checkpoints for FinalCheckpoints {
    fn is_final(&self, checkpoint: &str, wildcards: &[(Arc<str>, Arc<str>)]) -> bool {
        let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
        let Some(finals) = jobs.get(checkpoint) else { return false };
        // Those that are wrong are told by who looks for the job then.
        values(&finals.wildcards, wildcards).is_ok_and(|values| finals.jobs.contains(&values))
    }
}
