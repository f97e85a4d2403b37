//! The variables of a job, on top of what its programs inherit.
//!
//! Most of them are those of many jobs, and to write them out for each costs a short job more than to find its program. So
//! jobs share them, and whoever starts programs recognizes the shared ones (`Arc::ptr_eq`) and puts them together with the inherited
//! ones only once.

use std::sync::Arc;

/// Name and value.
pub(crate) type Variable = (String, String);

/// Variables; of those of one name the last counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    common: Arc<[Variable]>,
    own: Vec<Variable>,
}

impl Variables {
    pub(crate) fn new(common: Arc<[Variable]>, own: Vec<Variable>) -> Variables {
        Variables { common, own }
    }

    pub(crate) fn extend(&mut self, more: impl IntoIterator<Item = Variable>) {
        self.own.extend(more);
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Variable> {
        self.common.iter().chain(&self.own)
    }
}

/// The variables of one program: those of its job, and some more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Env<'a> {
    job: &'a Variables,
    more: &'a [Variable],
}

impl<'a> Env<'a> {
    pub(super) fn of(job: &'a Variables) -> Env<'a> {
        Env { job, more: &[] }
    }

    pub(super) fn with(job: &'a Variables, more: &'a [Variable]) -> Env<'a> {
        Env { job, more }
    }

    pub(super) fn iter(self) -> impl DoubleEndedIterator<Item = &'a Variable> {
        self.job.iter().chain(self.more)
    }

    /// Those that other jobs have as well, which come first.
    pub(super) fn common(self) -> &'a Arc<[Variable]> {
        &self.job.common
    }

    /// The rest.
    pub(super) fn own(self) -> impl DoubleEndedIterator<Item = &'a Variable> + Clone {
        self.job.own.iter().chain(self.more)
    }
}
