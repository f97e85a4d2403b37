//! Code that changes things: the bodies of `run:` and of hooks, which run while a job runs and not while a file is
//! evaluated. What a body refers to is a part of what it is; one that uses only what is known here runs here, with
//! functions that exist for it alone, and any other is left to Python.

mod refers;

use crate::diag::SourceMap;
use crate::lang::value::Value;
use crate::lang::vm::{Frozen, SpaceId, Vm};
use crate::model::action::{ShellUse, Way};
use crate::syntax::ast;
use std::sync::{Arc, OnceLock};

/// Names that the body of a rule sees of its job, in the order of its parameters.
pub(crate) const OF_RULES: &[&str] =
    &["input", "output", "params", "wildcards", "resources", "log", "threads", "rule", "jobid"];

/// The same for a hook.
pub(crate) const OF_HOOKS: &[&str] = &["log"];

/// What bodies need when they run, known at the end of the load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runner {
    pub(crate) evaluator: Arc<OnceLock<Arc<Frozen>>>,
    pub(crate) sources: Arc<OnceLock<Arc<SourceMap>>>,
}

/// What a body means.
pub(crate) struct Meaning {
    /// What it uses of its file, as text.
    pub(crate) refers: Arc<str>,
    pub(crate) way: Way,
    /// The function that runs it here: it must be frozen with everything else.
    pub(crate) root: Option<Value>,
}

/// The namespace and the texts of a body's file.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) space: SpaceId,
    pub(crate) sources: &'a SourceMap,
    /// The statements of the file.
    pub(crate) around: &'a str,
    pub(crate) parameters: &'static [&'static str],
    pub(crate) shell: &'a ShellUse,
}

/// Finds out what a body uses and who can run it.
pub(crate) fn meaning(vm: &mut Vm<'static>, place: Place<'_>, body: &ast::Code) -> Meaning {
    let refers = refers::text(vm, place, &body.text).into();
    let because = "not looked at".into();
    Meaning { refers, way: Way::Python { because }, root: None }
}
