//! A job: a rule with values for its wildcards, and the paths that follow from them.
//!
//! Knows no verdict, no state and no command; those belong to the plan and the engine.

use crate::base::few::Few;
use crate::base::path::PathId;
use crate::model::flags::{Flag, Flags};
use crate::model::slots::Slot;
use std::sync::Arc;

/// Index of a job in its graph; dense, starting at 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct JobId(pub(crate) u32);

impl JobId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// How the inputs of a job are grouped, and their flags.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) slots: Arc<[Slot]>,
    /// [`Flags::bits`](crate::model::flags::Flags::bits) per input; empty when no input has a flag.
    pub(crate) flags: Arc<[u16]>,
}

/// One instance of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Its own index in the graph, once it is in one.
    pub(crate) id: JobId,
    /// Index of the rule in the workflow.
    pub(crate) rule: u32,
    /// Values in the order of the rule's wildcards; mostly one list for all jobs that are needed by one another.
    pub(crate) wildcards: Arc<[Arc<str>]>,
    /// Flat in order of the slots; a path may occur twice.
    pub(crate) inputs: Few<PathId>,
    /// One for all jobs of a rule, unless its input functions give lists of different lengths.
    pub(crate) layout: Arc<Layout>,
    /// In the order of the rule's outputs.
    pub(crate) outputs: Few<PathId>,
    /// The jobs that make its inputs, each once, in order of the first input that needs them; then those that have to be
    /// done before it for the sake of `before_update`.
    pub(crate) needs: Few<JobId>,
}

impl Job {
    /// Whether the input is to be there as it is before another job changes it: then no job makes it.
    pub(crate) fn is_before_update(&self, input: usize) -> bool {
        self.layout.flags.get(input).is_some_and(|bits| Flags::from_bits(*bits).has(Flag::BeforeUpdate))
    }

    /// The inputs that are to be made if a job can, with their numbers.
    pub(crate) fn made_inputs(&self) -> impl Iterator<Item = (usize, PathId)> {
        let inputs = self.inputs.iter().copied().enumerate();
        inputs.filter(|(index, _)| !self.is_before_update(*index))
    }
}
