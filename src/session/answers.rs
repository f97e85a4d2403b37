//! What callers get to know: of a run, of a file, of what earlier runs left. Data alone.

use super::ended::Ended;
use crate::engine::event::{JobFailure, Summary};
use crate::graph::info::JobInfo;
use crate::plan::orphans::Orphan;
use crate::plan::plan::{PlanRead, ReportedFile, Verdict};
use serde::Serialize;
use std::path::PathBuf;

/// What a run did. A failed job is data here, not an error.
///
/// ```
/// use rulemake::RunReport;
/// fn tell(report: &RunReport) -> Vec<String> {
///     report.failures.iter().map(|failure| format!("{}: {}", failure.job.title(), failure.outcome)).collect()
/// }
/// ```
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
    /// Whether the run was cut short by its [`CancelToken`](crate::CancelToken).
    pub cancelled: bool,
    /// Where the outputs went that stopped jobs had begun, relative to the root.
    pub partial: Option<String>,
    #[serde(serialize_with = "Ended::serialize")]
    pub(crate) jobs: Ended,
}

/// A job of a run that did something, or failed to.
///
/// ```
/// use rulemake::inspect::{EndedJob, JobEnd};
/// fn took_longest(report: &rulemake::RunReport) -> Option<EndedJob> {
///     report.jobs().filter(|ended| ended.end == JobEnd::Ran).max_by_key(|ended| ended.duration_ms)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EndedJob {
    /// The job: its rule, its wildcards, its outputs.
    pub job: JobInfo,
    /// How it ended.
    pub end: JobEnd,
    /// Wall time in milliseconds; of a job that was restored what it took when it ran.
    pub duration_ms: u64,
    /// Its outputs have the same content as before.
    pub unchanged: bool,
}

/// How a job of a run ended.
///
/// ```
/// use rulemake::inspect::JobEnd;
/// assert_eq!(serde_json::to_string(&JobEnd::Restored)?, "\"restored\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum JobEnd {
    /// It ran, and its outputs are recorded.
    Ran,
    /// It did not run: its outputs came out of the cache.
    Restored,
    /// It failed for good: [`RunReport::failures`] tells how.
    Failed,
}

/// Why a file will or will not be made again.
///
/// ```
/// use rulemake::{Session, TextStyle, Workflow, report};
/// let text = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
/// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
/// let why = session.why("a.txt")?;
/// assert_eq!(why.chain[0].job.rule, "a");
/// println!("{}", report::why_text(&why, TextStyle::Plain));
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// Version of the JSON form.
    pub v: u32,
    /// The file that was asked about.
    pub path: String,
    /// `true` when no rule makes it.
    pub source: bool,
    /// The job that makes the file, then the jobs upstream that cause it to run, the root cause last.
    pub chain: Vec<WhyStep>,
    /// Rules that match the file and were not taken because they cannot run.
    pub passed_over: Vec<PassedOver>,
    /// Of a source: that a rule made it once, and none makes it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphan: Option<Orphan>,
    /// What the functions of the rules in `chain` looked at.
    pub reads: Vec<PlanRead>,
}

/// A rule that could make a file but for an input that cannot be had.
///
/// ```
/// use rulemake::inspect::PassedOver;
/// fn tell(passed: &PassedOver) -> String {
///     format!("{} lacks {}", passed.rule, passed.lacks.as_deref().unwrap_or("its inputs"))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PassedOver {
    /// Its name.
    pub rule: String,
    /// The first input that does not exist and cannot be made; `None` when a function for its inputs failed.
    pub lacks: Option<String>,
    /// How that function failed, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// Files that jobs made, as far as they are still there.
///
/// ```
/// use rulemake::inspect::MadeFiles;
/// fn may_go(made: &MadeFiles) -> &[String] {
///     if made.changed.is_empty() { &made.files } else { &[] }
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MadeFiles {
    /// Those that are as their jobs left them. Sorted.
    pub files: Vec<String>,
    /// Those that were changed since: somebody's work. Sorted.
    pub changed: Vec<String>,
    /// Those that nobody may write to, as `protected` outputs: they stay until that is taken back. Sorted.
    pub protected: Vec<String>,
}

/// What the last execution of a job wrote.
///
/// ```
/// use rulemake::inspect::JobLog;
/// fn shown(log: &JobLog) -> &str {
///     if log.text.is_empty() { "it wrote nothing" } else { &log.text }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobLog {
    /// The file with its standard output and standard error.
    pub log: PathBuf,
    /// The text of that file; empty when the job wrote nothing.
    pub text: String,
    /// When that is empty: the existing files of the rule's `log:`, relative to the root, with their texts.
    pub own: Vec<(String, String)>,
    /// What happened instead, when no job was executed and there is no such log: `accepted as it was, in run 4`.
    pub not_executed: Option<String>,
}

/// One job of an explanation.
///
/// ```
/// use rulemake::WhyStep;
/// fn root_cause(chain: &[WhyStep]) -> Option<String> {
///     chain.last().map(|step| step.job.title())
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WhyStep {
    /// The job.
    pub job: JobInfo,
    /// What is known about it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What would have to be so for it not to run, each the end of a sentence; all of it together. Empty when it does
    /// not run, or when nothing helps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unless: Vec<String>,
    /// Its last success, if one is on record.
    pub last: Option<LastRun>,
    /// Whether all its outputs are there.
    pub exists: bool,
}

/// A success on record.
///
/// ```
/// use rulemake::inspect::LastRun;
/// fn tell(last: &LastRun) -> String {
///     format!("made in run {} in {} ms", last.run, last.duration_ms)
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LastRun {
    /// Number of the run.
    pub run: u32,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
    /// Nothing was executed: what was there was taken as the result.
    pub accepted: bool,
    /// Nothing was executed: it came out of the cache. The time is what it took when it was made.
    pub restored: bool,
    /// What `report(...)` said of its outputs then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<ReportedFile>,
}

impl RunReport {
    /// The jobs that ran, were restored or failed, in the order in which they ended. What is told of one is put together when
    /// it is asked for.
    ///
    /// ```
    /// # use rulemake::{Rule, RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-jobs-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let rule = Rule::builder("touch").output("{x}.txt").shell("touch {output}");
    /// let mut session = Session::builder(Workflow::builder().rule(rule).build()?).root(&root).open()?;
    /// let report = session.run(&["b.txt"], &RunOptions::default())?;
    /// let ended = report.jobs().next().expect("one job ran");
    /// assert_eq!((&*ended.job.rule, &*ended.job.outputs[0]), ("touch", "b.txt"));
    /// assert_eq!(session.run(&["b.txt"], &RunOptions::default())?.jobs().count(), 0);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    pub fn jobs(&self) -> impl Iterator<Item = EndedJob> {
        self.jobs.all()
    }

    /// Whether every wanted file is there and right: no when the run was cancelled, also where nothing was left to do.
    ///
    /// ```
    /// fn exit_code(report: &rulemake::RunReport) -> u8 {
    ///     if report.success() { 0 } else { 1 }
    /// }
    /// ```
    #[must_use]
    pub fn success(&self) -> bool {
        self.failures.is_empty() && !self.cancelled
    }
}
