//! Jobs of checkpoints: who waits for them, and which of them have come to a good end.

use crate::base::path::PathId;
use crate::graph::job::{Job, JobId};
use crate::model::dynamic::{CallError, Checkpoints};
use crate::model::rule::Rule;
use crate::model::workflow::Workflow;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, PoisonError, RwLock};

/// A job of a checkpoint, by its rule and the values of the rule's wildcards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CheckpointJob {
    pub(crate) rule: u32,
    pub(crate) wildcards: Box<[Arc<str>]>,
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
        let error = |text: String| CallError::Message(text);
        let index = workflow.by_name.get(name).copied();
        let rule: Option<&Rule> = index.map(|rule| &*workflow.rules[rule as usize]);
        let (Some(index), Some(rule)) = (index, rule.filter(|rule| rule.checkpoint)) else {
            return Err(error(format!("there is no checkpoint `{name}`")));
        };
        if rule.outputs.is_empty() {
            return Err(error(format!("checkpoint `{name}` has no output to wait for")));
        }
        let value = |wildcard: &Arc<str>| {
            let given = wildcards.iter().find(|(n, _)| n == wildcard);
            given.map(|(_, value)| value.clone()).ok_or_else(|| {
                error(format!("checkpoint `{name}` was asked for without a value for wildcard `{wildcard}`"))
            })
        };
        let wildcards = rule.wildcards.iter().map(value).collect::<Result<_, _>>()?;
        Ok(CheckpointJob { rule: index, wildcards })
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

/// The jobs of checkpoints that have come to a good end: their outputs can be looked at. Shared by those who call
/// functions; only who coordinates adds.
#[derive(Debug, Default)]
pub(crate) struct FinalCheckpoints {
    jobs: RwLock<FxHashMap<Arc<str>, FxHashSet<Values>>>,
}

/// Those of a rule's wildcards.
type Values = Box<[Arc<str>]>;

impl FinalCheckpoints {
    /// Returns whether it is new.
    pub(crate) fn add(&self, rule: &Rule, job: &Job) -> bool {
        let mut jobs = self.jobs.write().unwrap_or_else(PoisonError::into_inner);
        jobs.entry(rule.name.clone()).or_default().insert(job.wildcards.clone())
    }

    /// It is made again.
    pub(crate) fn remove(&self, rule: &Rule, job: &Job) {
        let mut jobs = self.jobs.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = jobs.get_mut(&rule.name) {
            jobs.remove(&job.wildcards);
        }
    }
}

impl Checkpoints for FinalCheckpoints {
    fn is_final(&self, checkpoint: &str, wildcards: &[(Arc<str>, Arc<str>)]) -> bool {
        let values: Values = wildcards.iter().map(|(_, value)| value.clone()).collect();
        let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
        jobs.get(checkpoint).is_some_and(|jobs| jobs.contains(&values))
    }
}
