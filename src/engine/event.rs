//! What a run tells while it goes on. The progress bar, `--json` and every report are built from this stream alone.

use crate::diag::Diagnostic;
use crate::graph::info::JobInfo;
use crate::trace::reason::Reason;
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{self, Receiver};

/// Version of the JSON form of events: the field `v`.
///
/// ```
/// assert_eq!(rulemake::event::FORMAT, 1);
/// ```
pub const FORMAT: u32 = 1;

/// The JSON schema (draft 2020-12) of one event: of each line of `rulemake run --json`, and of an [`Event`] through
/// `serde_json`. It describes all that this version writes; under the same [`FORMAT`] later ones only add to it, so a reader
/// ignores fields and events that it does not know.
///
/// ```
/// let schema: serde_json::Value = serde_json::from_str(rulemake::event::SCHEMA)?;
/// assert_eq!(schema["properties"]["v"]["const"], rulemake::event::FORMAT);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub const SCHEMA: &str = include_str!("events.schema.json");

/// An observer that sends events through a channel, and the end of it to receive them from: for a host that shows them in
/// a thread of its own. When nobody receives any more they are dropped. The channel holds as many as there are.
///
/// ```
/// use rulemake::{EventKind, Rule, RunOptions, Session, Workflow, event};
/// # let root = std::env::temp_dir().join(format!("rulemake-doc-channel-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// let workflow = Workflow::builder().rule(Rule::builder("a").output("a").shell("touch a")).build()?;
/// let (observer, events) = event::channel();
/// let shown = std::thread::spawn(move || events.iter().filter(|e| matches!(e.kind, EventKind::JobFinished { .. })).count());
/// let mut session = Session::builder(workflow).root(&root).observer(observer).open()?;
/// session.run::<&str>(&[], &RunOptions::default())?;
/// drop(session);
/// assert_eq!(shown.join().expect("it only counts"), 1);
/// # std::fs::remove_dir_all(&root)?;
/// # Ok::<(), rulemake::BoxError>(())
/// ```
pub fn channel() -> (impl FnMut(&Event) + Send + 'static, Receiver<Event>) {
    let (sender, receiver) = mpsc::channel();
    let observer = move |event: &Event| {
        let _ = sender.send(event.clone());
    };
    (observer, receiver)
}

/// One event of a run, in a total order.
///
/// The JSON form is one object: `{"v":1,"seq":0,"time_ms":...,"event":"run-started",...}`. Fields and events
/// are only ever added under the same `v`: see [`SCHEMA`](crate::event::SCHEMA).
///
/// ```
/// # use rulemake::{Event, EventKind};
/// fn observe(event: &Event) {
///     if let EventKind::JobStarted { job, reasons, .. } = &event.kind {
///         println!("{}: {}", job.rule, reasons[0]);
///     }
/// }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// Version of the format.
    pub v: u32,
    /// Number in this run, from 0, without gaps.
    pub seq: u64,
    /// Wall-clock time in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
///
/// ```
/// use rulemake::{Event, EventKind};
/// fn is_end(event: &Event) -> bool {
///     matches!(event.kind, EventKind::RunFinished { .. })
/// }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// The run begins.
    RunStarted {
        /// Number of the run in this directory.
        run: u32,
        /// Jobs in the plan, up to date or not.
        jobs: usize,
        /// The same by rule, with what earlier runs say of them.
        rules: Vec<RuleJobs>,
    },
    /// A job was checked and must not run.
    JobUpToDate {
        /// The job.
        job: JobInfo,
    },
    /// A job was started.
    JobStarted {
        /// The job.
        job: JobInfo,
        /// Why it must run; never empty.
        reasons: Vec<Reason>,
        /// The rendered command, if it is a shell job.
        command: Option<String>,
        /// The rule's message for this job, if it has one.
        message: Option<String>,
        /// The attempt, from 1.
        attempt: u32,
        /// Where the job's output goes, relative to the root; `None` when it makes none (a function).
        log: Option<String>,
    },
    /// A job that is executed in this process wrote a line to its log, with [`JobContext::log`](crate::JobContext::log).
    JobOutput {
        /// The job.
        job: JobInfo,
        /// The line.
        text: String,
    },
    /// A job that is executed in this process said how far it is, with
    /// [`JobContext::progress`](crate::JobContext::progress).
    JobProgress {
        /// The job.
        job: JobInfo,
        /// Steps that are done.
        done: u64,
        /// All its steps.
        total: u64,
    },
    /// A job ended well and its outputs are recorded.
    JobFinished {
        /// The job.
        job: JobInfo,
        /// Wall time in milliseconds.
        duration_ms: u64,
        /// The outputs have the same content as before, so consumers see no change.
        unchanged: bool,
    },
    /// A job did not run: what it would make was made before, and came out of the cache.
    JobRestored {
        /// The job.
        job: JobInfo,
        /// Why it would have had to run; never empty.
        reasons: Vec<Reason>,
        /// Bytes of the files that were put back. Temporary files that nobody needs are not.
        bytes: u64,
        /// What the job took when it ran, in milliseconds.
        saved_ms: u64,
        /// Where that is, relative to the root, what the job printed when it ran; `None` when that was nothing.
        log: Option<String>,
        /// The outputs have the same content as before, so consumers see no change.
        unchanged: bool,
    },
    /// A job failed; what it left was moved away.
    JobFailed {
        /// The failure.
        failure: JobFailure,
        /// Whether it will be tried again.
        retry: bool,
    },
    /// A job did not run because something before it failed or the run was stopped; if it was told to have started, it was
    /// stopped with the run, and what it had begun is no result.
    JobSkipped {
        /// The job.
        job: JobInfo,
        /// Why.
        because: SkipCause,
    },
    /// A job that had come to its end must be checked again and will mostly run: a temporary output of it is gone and
    /// needed, or an input of it was made again and is another. What was told of it before counts no more, except
    /// that it ran.
    JobReopened {
        /// The job.
        job: JobInfo,
        /// Whether it was told to be up to date; otherwise it had run.
        was_up_to_date: bool,
        /// Why.
        reason: Reason,
    },
    /// A checkpoint ended, and what it made says what else there is to do.
    GraphExtended {
        /// The checkpoint's job; the first, where several ended at about the same time.
        after: JobInfo,
        /// How many jobs were added.
        new: usize,
        /// Jobs in the plan now.
        jobs: usize,
    },
    /// A temporary file was removed, because every job that reads it has come to a good end.
    TempRemoved {
        /// The file.
        path: String,
    },
    /// A function of the Rulefile printed something when it was called for a job.
    Printed {
        /// The text, without the end of its last line.
        text: String,
    },
    /// Code that belongs to a moment of the run begins.
    HookStarted {
        /// `onstart`, `onsuccess` or `onerror`.
        hook: String,
    },
    /// Code that belongs to a moment of the run ended.
    HookFinished {
        /// `onstart`, `onsuccess` or `onerror`.
        hook: String,
        /// What it wrote, at most its last lines.
        output: Vec<String>,
        /// How it failed; `None` after a good end.
        outcome: Option<String>,
    },
    /// Something that the user should know.
    Warning {
        /// One sentence.
        message: String,
    },
    /// The run ended.
    RunFinished {
        /// Counts.
        summary: Summary,
    },
}

/// The jobs of a rule in a plan.
///
/// ```
/// use rulemake::event::RuleJobs;
/// fn about_ms(rules: &[RuleJobs]) -> u64 {
///     rules.iter().map(|rule| rule.earlier_ms.unwrap_or(0) * rule.jobs as u64).sum()
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleJobs {
    /// The rule.
    pub rule: String,
    /// Its jobs, up to date or not.
    pub jobs: usize,
    /// What one of them took on average when it ran last, in milliseconds; `None` when none is known to have run.
    pub earlier_ms: Option<u64>,
}

/// Why a job did not run.
///
/// ```
/// use rulemake::SkipCause;
/// fn tell(cause: &SkipCause) -> String {
///     match cause {
///         SkipCause::UpstreamFailed { job } => format!("{job} failed"),
///         SkipCause::Cancelled => "the run was stopped".into(),
///         other => format!("{other:?}"),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SkipCause {
    /// A job before it failed.
    UpstreamFailed {
        /// Title of that job.
        job: String,
    },
    /// It ran, or was to run, at the same time as a job that failed, and was ended with that.
    PartnerFailed {
        /// Title of that job.
        job: String,
    },
    /// Another job failed, and the run goes on only with what is running.
    Drained,
    /// The run was cancelled.
    Cancelled,
}

/// A job that failed.
///
/// ```
/// use rulemake::JobFailure;
/// fn tell(failure: &JobFailure) -> String {
///     format!("{}: {}\n{}", failure.job.title(), failure.outcome, failure.log_tail.join("\n"))
/// }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobFailure {
    /// The job.
    pub job: JobInfo,
    /// What happened: `exit 1`, `killed by signal 9`, `output not created: x`.
    pub outcome: String,
    /// Exit code, if it exited.
    pub exit_code: Option<i32>,
    /// The rendered command, if it is a shell job.
    pub command: Option<String>,
    /// Where the job's output is, relative to the root; `None` when it wrote nothing.
    pub log: Option<String>,
    /// The last lines of the log, at most 20.
    pub log_tail: Vec<String>,
    /// Where partial outputs were moved, relative to the root.
    pub quarantine: Option<String>,
    /// The attempt that failed.
    pub attempt: u32,
    /// What to look at, if something is known.
    pub help: Option<String>,
    /// What to ask for to have the job run again, where that is not its first output: a pipe is made only together
    /// with what is made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What is wrong in the workflow, if it is: of a job that could not get its inputs after a checkpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

impl JobFailure {
    /// The outcome of a job of a run with [`RunOptions::only_restore`](crate::RunOptions::only_restore) whose result is in no
    /// cache: nothing went wrong with it, it is to be made.
    ///
    /// ```
    /// use rulemake::JobFailure;
    /// fn is_to_be_made(failure: &JobFailure) -> bool {
    ///     failure.outcome == JobFailure::IN_NO_CACHE
    /// }
    /// ```
    pub const IN_NO_CACHE: &str = "no cache holds its result";

    /// As [`JobFailure::IN_NO_CACHE`], of a job whose result no cache can hold, for its rule says so.
    ///
    /// ```
    /// use rulemake::JobFailure;
    /// fn is_as_asked_for(failure: &JobFailure) -> bool {
    ///     failure.outcome == JobFailure::NOT_FOR_CACHE
    /// }
    /// ```
    pub const NOT_FOR_CACHE: &str = "its rule says `cache: False`";
}

/// Counts of a run.
///
/// ```
/// use rulemake::Summary;
/// fn tell(summary: &Summary) -> String {
///     format!("{} ran, {} up to date, {} failed", summary.ran, summary.up_to_date, summary.failed)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// Jobs that ran and ended well.
    pub ran: usize,
    /// Jobs that did not run because the cache held what they would make.
    pub restored: usize,
    /// Jobs that were up to date.
    pub up_to_date: usize,
    /// Jobs that failed for good.
    pub failed: usize,
    /// Jobs that did not run because of a failure or a cancel.
    pub skipped: usize,
    /// Jobs that were cut short by a cancel.
    pub cancelled: usize,
    /// Temporary files that were removed.
    pub temp_removed: usize,
    /// Wall time of the run in milliseconds.
    pub wall_ms: u64,
    /// The chain of jobs that took longest: with more processors the run would have taken so long all the same. `None` when
    /// no two jobs that ran had to wait for each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical_path: Option<CriticalPath>,
}

/// The chain of jobs of a run, each waiting for the one before it, that took longest.
///
/// ```
/// use rulemake::event::CriticalPath;
/// fn tell(path: &CriticalPath) -> String {
///     format!("{} jobs one after the other took {} ms", path.jobs, path.duration_ms)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CriticalPath {
    /// What its jobs took together, in milliseconds.
    pub duration_ms: u64,
    /// How many jobs it has.
    pub jobs: usize,
    /// The jobs in their order; of more than ten the slowest.
    pub steps: Vec<CriticalStep>,
}

/// One job of a [`CriticalPath`].
///
/// ```
/// use rulemake::event::CriticalStep;
/// fn slowest(steps: &[CriticalStep]) -> Option<&CriticalStep> {
///     steps.iter().max_by_key(|step| step.duration_ms)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CriticalStep {
    /// Title of the job.
    pub job: String,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
}
