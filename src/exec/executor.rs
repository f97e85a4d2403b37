//! What an executor is given and what it gives back.

use crate::exec::host::TaskFacts;
use crate::exec::software::Deployment;
use crate::exec::variables::Variables;
use crate::files::shadow;
use crate::model::action::{Code, FunctionAction, Interpreter, ScriptLanguage};
use crate::model::environment::Software;
use crate::model::job_context::JobContext;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
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
    pub(crate) env: Variables,
    /// `None` for most jobs, which cost nothing for what they do not use.
    pub(crate) extras: Option<Box<Extras>>,
    /// Called once, when all is there that the job needs besides its program. What it cannot do is the job's end.
    pub(crate) begin: Option<Begin>,
    /// What the host's executor is told of it; `None`: it is executed here.
    pub(crate) facts: Option<Box<TaskFacts>>,
}

/// When a job is to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seat {
    /// Now.
    Alone,
    /// Now, and others may be submitted to follow it.
    First,
    /// As [`Seat::First`], but nobody is woken for it: who submits does it, or says that somebody else is to.
    Near,
    /// When this job, which was submitted as [`Seat::First`] or to follow another one, has come to a good end.
    Behind(u32),
    /// As [`Seat::Behind`], and not at all if that has ended.
    Only(u32),
}

/// What is done right before a job begins.
pub(crate) struct Begin(pub(crate) Box<dyn Fn() -> Result<(), String> + Send + Sync>);

impl std::fmt::Debug for Begin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Begin")
    }
}

/// What few jobs have.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    pub(crate) timeout: Option<Timeout>,
    pub(crate) benchmark: Option<BenchmarkFile>,
    pub(crate) shadow: Option<ShadowDir>,
    pub(crate) software: Option<SoftwareUse>,
    /// What has to be there before the job starts, made by jobs that run already.
    pub(crate) services: Vec<ServiceUse>,
    /// The job's outputs, relative to its directory.
    pub(crate) outputs: Vec<Arc<str>>,
}

/// When a job is ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeout {
    pub(crate) after: Duration,
    /// From then until it is killed.
    pub(crate) grace: Duration,
}

/// Where the measurements of a job go.
#[derive(Debug)]
pub(crate) struct BenchmarkFile {
    /// Absolute.
    pub(crate) path: PathBuf,
    /// How often the job is executed.
    pub(crate) repeat: u32,
}

/// A directory of the job's own.
#[derive(Debug)]
pub(crate) struct ShadowDir {
    pub(crate) mode: shadow::Mode,
    /// The session's root, absolute.
    pub(crate) root: PathBuf,
    /// Absolute; made and removed by the executor.
    pub(crate) dir: PathBuf,
    pub(crate) inputs: Vec<Arc<str>>,
    pub(crate) logs: Vec<Arc<str>>,
}

/// A service that a job uses.
#[derive(Debug)]
pub(crate) struct ServiceUse {
    /// As people know it.
    pub(crate) shown: Arc<str>,
    /// Absolute.
    pub(crate) path: PathBuf,
    /// Set when its job has ended.
    pub(crate) over: Arc<AtomicBool>,
}

/// The environment that a job runs in.
#[derive(Debug)]
pub(crate) struct SoftwareUse {
    pub(crate) software: Software,
    pub(crate) deployment: Arc<Deployment>,
    /// Tells this job's container from others.
    pub(crate) name: String,
}

/// What to execute.
#[derive(Debug)]
pub(crate) enum Work {
    Shell {
        /// Program and leading arguments; `command` follows as the last argument.
        shell: Arc<[Arc<str>]>,
        command: String,
        /// A command of plain words is started without the shell; this is the job's directory for it, absolute.
        direct: Option<Arc<str>>,
        /// Absolute path of the file that gets stdout and stderr; its directory exists.
        log: PathBuf,
    },
    /// A program in another language, which sees its job as the object `snakemake`.
    Script(Box<ScriptWork>),
    /// Code of the Rulefile.
    Run(Box<RunWork>),
    Function {
        action: Arc<FunctionAction>,
        context: Box<JobContext>,
    },
    Interpreted(Box<InterpretedWork>),
}

/// Code for an interpreter of the host.
pub(crate) struct InterpretedWork {
    pub(crate) interpreter: Arc<dyn Interpreter>,
    pub(crate) code: InterpretedCode,
    pub(crate) context: Box<JobContext>,
}

#[derive(Debug)]
pub(crate) enum InterpretedCode {
    Text(Arc<str>),
    /// Absolute.
    File(PathBuf),
}

impl std::fmt::Debug for InterpretedWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InterpretedWork").field("code", &self.code).finish_non_exhaustive()
    }
}

impl Work {
    /// The flag that its action looks at, if it is executed in this process.
    pub(crate) fn cancelled(&self) -> Option<&Arc<AtomicBool>> {
        match self {
            Work::Function { context, .. } => Some(&context.cancelled),
            Work::Interpreted(work) => Some(&work.context.cancelled),
            Work::Run(work) => Some(&work.context.cancelled),
            Work::Shell { .. } | Work::Script(_) => None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct ScriptWork {
    /// The program, as people know it.
    pub(crate) shown: Arc<str>,
    /// Absolute.
    pub(crate) path: PathBuf,
    pub(crate) language: ScriptLanguage,
    pub(crate) context: Box<JobContext>,
    /// Absolute path of the file that gets stdout and stderr; files for the program are made beside it.
    pub(crate) log: PathBuf,
    /// A directory for files that all scripts share.
    pub(crate) support: PathBuf,
}

#[derive(Debug)]
pub(crate) struct RunWork {
    pub(crate) code: Arc<Code>,
    pub(crate) context: Box<JobContext>,
    /// Its Rulefile, absolute, and the line where it starts.
    pub(crate) file: PathBuf,
    pub(crate) line: u32,
    /// Directory of the main Rulefile.
    pub(crate) basedir: PathBuf,
    /// Where modules are looked for.
    pub(crate) path: Vec<PathBuf>,
    /// What other rules have, as JSON.
    pub(crate) rules: Arc<str>,
    /// Absolute path of the file that gets stdout and stderr; files for the program are made beside it.
    pub(crate) log: PathBuf,
    /// A directory for files that all programs share.
    pub(crate) support: PathBuf,
    /// The log of the run, for code that belongs to no job.
    pub(crate) log_of_run: Option<PathBuf>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Success,
    Exit(i32),
    Signal(i32),
    /// It was ended because it took longer than so many seconds.
    TimedOut(f64),
    /// What belongs to the job besides its program failed: its directory, its environment, its measurements.
    Around(String),
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
    /// Whether it came so far that it may have changed anything: see [`JobRequest::begin`].
    pub(crate) began: bool,
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
