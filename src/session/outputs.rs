//! What there is of the outputs of a plan: a line for each, as it is on the disk and on record.

use super::views::last_run;
use super::{LastRun, RunOptions, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::plan::Verdict;
use crate::store::{read, runs};
use serde::Serialize;

/// An output of a plan, with its state.
///
/// ```
/// use rulemake::inspect::OutputState;
/// fn missing(outputs: &[OutputState]) -> Vec<&str> {
///     outputs.iter().filter(|output| !output.exists).map(|output| output.path.as_str()).collect()
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct OutputState {
    /// The file or directory.
    pub path: String,
    /// The rule that makes it.
    pub rule: String,
    /// What is known about the job that makes it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether something is there.
    pub exists: bool,
    /// Whether that is a directory.
    pub directory: bool,
    /// Size of the file in bytes; `None` of a directory, and when nothing is there.
    pub size: Option<u64>,
    /// When it was last written, in milliseconds since the Unix epoch.
    pub modified_ms: Option<i64>,
    /// `pipe` or `service` if it is one: it is there only while jobs run.
    pub stream: Option<String>,
    /// Whether it goes when nobody needs it any more: then its absence means nothing.
    pub temporary: bool,
    /// The last success of its job, if one is on record.
    pub last: Option<LastRun>,
    /// Where the output of its job's last execution is, relative to the root.
    pub log: Option<String>,
}

impl Session {
    /// The outputs of the plan for `targets`, in the plan's order, each with its state on the disk and on record.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).root(std::env::temp_dir()).open()?;
    /// let outputs = session.outputs(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!((outputs[0].path.as_str(), outputs[0].exists), ("no-such.txt", false));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn outputs<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions) -> Result<Vec<OutputState>> {
        let mut cx = self.context(targets, options, &mut read(&self.state_dir())?, false)?;
        let verdicts = self.verdicts(&mut cx, false)?;
        let mut states = Vec::new();
        for id in crate::plan::foreseen::reading_order(&cx) {
            let job = cx.job(id);
            let trace = job.outputs.first().and_then(|output| cx.view.trace(*output));
            for (index, output) in job.outputs.iter().enumerate() {
                let path = cx.paths.text(*output);
                let sig = cx.files.stat(*output, path).map_err(|error| {
                    Error::new(ErrorKind::Environment, format!("cannot look at {path}: {error}"))
                })?;
                let directory = sig.is_some_and(|sig| sig.is_directory());
                let log =
                    cx.view.last_job(*output).map(|(run, job)| runs::job_log(".rulemake".as_ref(), run, job));
                // A job that said nothing has none.
                let log = log.filter(|log| crate::disk::exists(&self.root.join(log)));
                states.push(OutputState {
                    path: path.to_string(),
                    rule: cx.rule(job).name.to_string(),
                    verdict: verdicts[id.index()].clone(),
                    exists: sig.is_some(),
                    directory,
                    size: sig.filter(|_| !directory).map(|sig| sig.size),
                    modified_ms: sig.map(|sig| sig.mtime_ns / 1_000_000),
                    stream: cx.units.stream(*output).map(|stream| stream.name().to_string()),
                    temporary: cx.is_temp(job, index),
                    last: trace.as_ref().map(last_run),
                    log: log.map(|log| log.to_string_lossy().into_owned()),
                });
            }
        }
        Ok(states)
    }
}
