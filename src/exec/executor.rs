//! What an executor is given and what it gives back.

use crate::model::action::{FunctionAction, JobContext};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A job ready to be started: nothing in it refers to the plan.
#[derive(Debug)]
pub(crate) struct JobRequest {
    /// The engine's number of the job.
    pub(crate) job: u32,
    /// The session's root: working directory of the process.
    pub(crate) root: PathBuf,
    pub(crate) work: Work,
    /// Variables set for the job, on top of what the process inherits.
    pub(crate) env: Vec<(String, String)>,
}

/// What to execute.
#[derive(Debug)]
pub(crate) enum Work {
    Shell {
        /// Program and leading arguments; `command` follows as the last argument.
        shell: Arc<[Arc<str>]>,
        command: String,
        /// Absolute path of the file that gets stdout and stderr; its directory exists.
        log: PathBuf,
    },
    Function {
        action: Arc<FunctionAction>,
        context: Box<JobContext>,
    },
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    Exit(i32),
    Signal(i32),
    /// A function returned an error or panicked.
    FunctionError(String),
    /// It could not be started: program missing, no more processes.
    NotStarted(String),
}

/// The end of a job, with its wall time.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) job: u32,
    pub(crate) outcome: Outcome,
    pub(crate) duration: Duration,
}

/// How to signal running jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signal {
    Terminate,
    Kill,
}

impl Signal {
    /// The number by which a process sees it.
    pub(crate) fn number(self) -> i32 {
        match self {
            Signal::Terminate => 15,
            Signal::Kill => 9,
        }
    }
}
