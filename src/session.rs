//! L6: the facade that wires the layers: load a workflow, open a session on a directory, plan, ask, run.

use crate::engine::cancel::CancelToken;
use crate::engine::event::{Event, JobFailure, Summary};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::info::JobInfo;
use crate::model::workflow::Workflow;
use crate::plan::plan::{Plan, Verdict};
use crate::trace::reason::Reason;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a Rulefile is loaded.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Directory that relative paths of the workflow start from; the Rulefile's directory when `None`.
    pub root: Option<PathBuf>,
    /// Config files that override those of the Rulefile, in order.
    pub config_files: Vec<PathBuf>,
    /// `key=value` settings that override every config file; the value is read as YAML, `a.b=1` sets a nested key.
    pub config: Vec<String>,
}

/// A workflow on a directory: plans, answers, runs. Takes no lock until [`Session::run`].
#[derive(Debug)]
pub struct Session {
    workflow: Arc<Workflow>,
    root: PathBuf,
}

/// Options of a [`Session`].
pub struct SessionBuilder {
    workflow: Arc<Workflow>,
    root: PathBuf,
    jobs: usize,
    resources: Vec<(String, u64)>,
    cancel: CancelToken,
    observer: Option<Box<dyn FnMut(&Event) + Send>>,
}

/// Options of [`Session::plan`] and [`Session::run`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// After a failure go on with all that does not depend on the failed job.
    pub keep_going: bool,
    /// Run the jobs that make the targets even if they are up to date.
    pub force: bool,
    /// Run every job of the plan even if it is up to date.
    pub force_all: bool,
    /// Try a failed job again so often, unless its rule says otherwise.
    pub retries: u32,
    /// When another run holds the lock, wait for it instead of failing.
    pub wait: bool,
}

/// What a run did. A failed job is data here, not an error.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[must_use]
pub struct RunReport {
    /// Number of the run in this directory.
    pub run: u32,
    /// Counts.
    pub summary: Summary,
    /// The jobs that failed for good.
    pub failures: Vec<JobFailure>,
    /// Whether the run was cut short by its [`CancelToken`].
    pub cancelled: bool,
}

/// Why a file will or will not be made again.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// The file that was asked about.
    pub path: String,
    /// `true` when no rule makes it.
    pub source: bool,
    /// The job that makes the file, then the jobs upstream that cause it to run, the root cause last.
    pub chain: Vec<WhyStep>,
}

/// One job of an explanation.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WhyStep {
    /// The job.
    pub job: JobInfo,
    /// What is known about it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Its last success, if one is on record.
    pub last: Option<LastRun>,
}

/// A success on record.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LastRun {
    /// Number of the run.
    pub run: u32,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
}

impl RunReport {
    /// Whether every wanted file is there and right.
    #[must_use]
    pub fn success(&self) -> bool {
        self.failures.is_empty() && !self.cancelled
    }
}

fn not_wired() -> Error {
    Error::new(ErrorKind::Bug, "the session is not wired yet")
}

impl Workflow {
    /// Loads a Rulefile; relative paths of the workflow start from its directory.
    ///
    /// # Errors
    /// [`ErrorKind::Environment`] when a file cannot be read, [`ErrorKind::Workflow`] with all mistakes found.
    pub fn load(path: impl AsRef<Path>) -> Result<Workflow> {
        Workflow::load_with(path, &LoadOptions::default())
    }

    /// Loads a Rulefile with options.
    ///
    /// # Errors
    /// As [`Workflow::load`].
    pub fn load_with(_path: impl AsRef<Path>, _options: &LoadOptions) -> Result<Workflow> {
        Err(not_wired())
    }
}

impl Session {
    /// Starts the description of a session.
    #[must_use]
    pub fn builder(workflow: Workflow) -> SessionBuilder {
        SessionBuilder {
            workflow: Arc::new(workflow),
            root: PathBuf::from("."),
            jobs: 0,
            resources: Vec::new(),
            cancel: CancelToken::new(),
            observer: None,
        }
    }

    /// The workflow.
    #[must_use]
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Plans `targets` (paths or rule names; none = the default rule) without running or writing anything.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`] with the chain that needs a missing file, a cycle, or an ambiguity.
    pub fn plan<T: AsRef<str>>(&self, _targets: &[T], _options: &RunOptions) -> Result<Plan> {
        Err(not_wired())
    }

    /// Explains why `path` will or will not be made again.
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn why(&self, _path: &str) -> Result<Why> {
        Err(not_wired())
    }

    /// Runs what is stale for `targets`. Blocks; this thread coordinates.
    ///
    /// # Errors
    /// As [`Session::plan`], and [`ErrorKind::Locked`], [`ErrorKind::Environment`].
    pub fn run<T: AsRef<str>>(&mut self, _targets: &[T], _options: &RunOptions) -> Result<RunReport> {
        Err(not_wired())
    }

    /// The log of the last execution of the job that makes `path`: its file and its text. `None` when nothing
    /// is on record. An empty text means that the job wrote nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Environment`] when it cannot be read.
    pub fn log(&self, _path: &str) -> Result<Option<(PathBuf, String)>> {
        Err(not_wired())
    }

    /// The existing files that jobs on record made, for `targets` or, when empty, all of them. Sorted.
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn made_files<T: AsRef<str>>(&self, _targets: &[T]) -> Result<Vec<String>> {
        Err(not_wired())
    }

    /// Removes these files (as [`Session::made_files`] gave them) and directories that become empty. Takes the lock.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`], [`ErrorKind::Environment`].
    pub fn remove(&mut self, _paths: &[String]) -> Result<usize> {
        Err(not_wired())
    }
}

impl SessionBuilder {
    /// Sets the root directory: every path of the workflow is relative to it. Default: the process's directory.
    #[must_use]
    pub fn root(mut self, root: impl Into<PathBuf>) -> SessionBuilder {
        self.root = root.into();
        self
    }

    /// Sets how many threads jobs may use together. 0, the default, means one per processor.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> SessionBuilder {
        self.jobs = jobs;
        self
    }

    /// Limits a named resource.
    #[must_use]
    pub fn resource(mut self, name: impl Into<String>, amount: u64) -> SessionBuilder {
        self.resources.push((name.into(), amount));
        self
    }

    /// Sets the token that stops runs.
    #[must_use]
    pub fn cancel(mut self, token: CancelToken) -> SessionBuilder {
        self.cancel = token;
        self
    }

    /// Sets the observer. It is called on the coordinating thread and must be quick.
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(&Event) + Send + 'static) -> SessionBuilder {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Opens the session.
    ///
    /// # Errors
    /// [`ErrorKind::Environment`] when the root is not a directory.
    pub fn open(self) -> Result<Session> {
        Ok(Session { workflow: self.workflow, root: self.root })
    }
}
