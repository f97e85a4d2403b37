//! Actions that are called in this process. A panic in one is its failure, not ours.

use crate::base::clock::monotonic;
use crate::disk::{self as fs, File, OpenOptions};
use crate::exec::executor::Outcome;
use crate::model::build::BoxError;
use crate::model::dynamic::CallContext;
use crate::model::job_context::{JobContext, Reports};
use std::any::Any;
use std::error::Error;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Calls what works on a job in this process. `dir` is where the job works: the root, or a directory of its own.
pub(super) fn run(
    dir: &Path,
    context: &JobContext,
    call: impl FnOnce(&JobContext) -> Result<(), BoxError>,
) -> Outcome {
    let moved = (dir != context.root).then(|| context.in_directory(dir));
    // Unwind safety: what the closure shares with its host is the host's; of ours it has only shared data.
    let ended = catch_unwind(AssertUnwindSafe(|| call(moved.as_ref().unwrap_or(context))));
    if let Some(reports) = &context.reports {
        reports.end();
    }
    match ended {
        Ok(Ok(())) => Outcome::Success,
        Ok(Err(error)) => Outcome::FunctionError(chain(&*error)),
        Err(panic) => Outcome::FunctionError(panicked(&*panic)),
    }
}

/// What is told between two steps of a job's progress.
const STEP: Duration = Duration::from_millis(20);

/// The lines and the progress of a job that is executed in this process: lines go to its log, which is made by the
/// first, and both to whoever listens.
pub(crate) struct JobReports {
    log: Box<dyn Fn() -> PathBuf + Send + Sync>,
    file: Mutex<Option<File>>,
    steps: Mutex<Steps>,
    tell: Box<dyn Fn(Told) + Send + Sync>,
}

#[derive(Default)]
struct Steps {
    told: Option<Instant>,
    /// What was not told, so that the last step always is.
    due: Option<(u64, u64)>,
}

/// What a job said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    Line(String),
    Progress { done: u64, total: u64 },
}

impl JobReports {
    pub(crate) fn new(
        log: Box<dyn Fn() -> PathBuf + Send + Sync>,
        tell: Box<dyn Fn(Told) + Send + Sync>,
    ) -> JobReports {
        JobReports { log, file: Mutex::default(), steps: Mutex::default(), tell }
    }
}

impl Reports for JobReports {
    fn line(&self, text: &str) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = OpenOptions::new().create(true).append(true).open((self.log)()).ok();
        }
        if let Some(file) = &mut *file {
            // The log is for people; a full disk is told by what the job itself writes.
            let _ = file.write_all(format!("{text}\n").as_bytes());
        }
        drop(file);
        (self.tell)(Told::Line(text.to_string()));
    }

    fn progress(&self, done: u64, total: u64) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let now = monotonic();
        if done < total && steps.told.is_some_and(|told| now.duration_since(told) < STEP) {
            steps.due = Some((done, total));
            return;
        }
        *steps = Steps { told: Some(now), due: None };
        drop(steps);
        (self.tell)(Told::Progress { done, total });
    }

    fn end(&self) {
        let due = self.steps.lock().unwrap_or_else(PoisonError::into_inner).due.take();
        if let Some((done, total)) = due {
            (self.tell)(Told::Progress { done, total });
        }
    }
}

/// Files of the job, for those who want the same code to run on files in memory.
impl JobContext {
    /// Reads a file, as [`std::fs::read`] does. With it an action also works on the files in memory of a test.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     let bytes = job.read(&job.inputs()[0])?;
    ///     job.log(&format!("{} bytes", bytes.len()));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// The file cannot be read; the error names it.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let path = path.as_ref();
        fs::read(path).map_err(|error| named(path, &error))
    }

    /// Reads a file as text, as [`std::fs::read_to_string`] does. See [`JobContext::read`].
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     let lines = job.read_to_string(&job.inputs()[0])?.lines().count();
    ///     job.log(&format!("{lines} lines"));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// The file cannot be read, or is not UTF-8; the error names it.
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let path = path.as_ref();
        fs::read_to_string(path).map_err(|error| named(path, &error))
    }

    /// Writes a file, as [`std::fs::write`] does. See [`JobContext::read`].
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     job.write(&job.outputs()[0], "result\n")?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// The file cannot be written; the error names it.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let path = path.as_ref();
        fs::write(path, bytes).map_err(|error| named(path, &error))
    }

    /// Makes a directory and those above it, as [`std::fs::create_dir_all`] does: those of outputs are there, those in an
    /// output that is a directory are not. See [`JobContext::read`].
    ///
    /// ```
    /// # use rulemake::{PathPattern, Rule};
    /// let rule = Rule::builder("split").output(PathPattern::new("parts").directory()).action("1", |job| {
    ///     let parts = job.output(0)?.join("first");
    ///     job.create_dir_all(&parts)?;
    ///     Ok(job.write(parts.join("a.txt"), "a")?)
    /// });
    /// ```
    ///
    /// # Errors
    /// It cannot be made; the error names it.
    pub fn create_dir_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        fs::create_dir_all(path).map_err(|error| named(path, &error))
    }
}

/// Files that functions look at, for those who want the same code to run on files in memory.
impl CallContext<'_> {
    /// Reads a file, as [`std::fs::read`] does; a relative path starts from the root. Of what it looks at nothing is put on
    /// record, so let it be sources whose change changes the rules, or what a checkpoint made that was asked first.
    ///
    /// ```
    /// # use rulemake::{CallContext, Rule, Value};
    /// let rule = Rule::builder("a").output("a").param_fn("size", |cx| Ok((cx.read("list")?.len() as i64).into())).shell("touch a");
    /// ```
    ///
    /// # Errors
    /// The file cannot be read; the error names it.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let path = path.as_ref();
        fs::read(self.root.join(path)).map_err(|error| named(path, &error))
    }

    /// Reads a file as text. See [`CallContext::read`].
    ///
    /// ```
    /// # use rulemake::{CallContext, Rule, Value};
    /// let rule = Rule::builder("all").input_fn(|cx| {
    ///     cx.after_checkpoint("split", &[])?;
    ///     Ok(Value::List(cx.read_to_string("list")?.lines().map(Value::from).collect()))
    /// });
    /// ```
    ///
    /// # Errors
    /// The file cannot be read, or is not UTF-8; the error names it.
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let path = path.as_ref();
        fs::read_to_string(self.root.join(path)).map_err(|error| named(path, &error))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The error and its sources, those left out that an outer message already contains.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text = format!("{text}: {inner}");
        }
        source = error.source();
    }
    text
}

/// How a panic is told.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> String {
    format!("panicked: {}", panic_text(panic))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "without a message",
    }
}
