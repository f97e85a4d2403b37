//! What an action sees of its job.

use crate::error::{Error, ErrorKind, Result};
use crate::model::slots::NamedPaths;
use crate::model::value::Value;
use crate::model::wildcards::Wildcards;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where an action's log lines and its progress go.
pub(crate) trait Reports: Send + Sync {
    fn line(&self, text: &str);

    fn progress(&self, done: u64, total: u64);

    /// The job has ended; nothing more is told.
    fn end(&self);
}

/// What an action sees of its job. Paths are joined to the session's root, so they can be opened as they are.
///
/// ```
/// use rulemake::{BoxError, JobContext};
/// fn count(job: &JobContext) -> Result<(), BoxError> {
///     let mut words = 0;
///     for (done, path) in job.inputs().iter().enumerate() {
///         if job.is_cancelled() {
///             return Err("stopped".into());
///         }
///         words += job.read_to_string(path)?.split_whitespace().count();
///         job.progress(done as u64 + 1, job.inputs().len() as u64);
///     }
///     Ok(job.write(job.output(0)?, words.to_string())?)
/// }
/// let rule = rulemake::Rule::builder("count").input("{x}.txt").output("{x}.words").action("1", count);
/// # rulemake::Workflow::builder().rule(rule).build()?;
/// # Ok::<(), rulemake::Error>(())
/// ```
#[non_exhaustive]
pub struct JobContext {
    pub(crate) rule: Arc<str>,
    pub(crate) root: PathBuf,
    pub(crate) wildcards: Wildcards,
    pub(crate) inputs: OwnedPaths,
    pub(crate) outputs: OwnedPaths,
    pub(crate) logs: OwnedPaths,
    pub(crate) params: Vec<(Option<Arc<str>>, Value)>,
    pub(crate) threads: u32,
    pub(crate) resources: Vec<(Arc<str>, Value)>,
    pub(crate) attempt: u32,
    pub(crate) config: Arc<Value>,
    pub(crate) cancelled: Arc<AtomicBool>,
    /// `None` where nobody listens.
    pub(crate) reports: Option<Arc<dyn Reports>>,
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = (&self.rule, &self.wildcards, self.attempt);
        f.debug_tuple("JobContext").field(&shown).finish()
    }
}

/// Slots and their paths, owned.
#[derive(Clone, Debug)]
pub(crate) struct OwnedPaths {
    pub(crate) layout: Arc<[crate::model::slots::Slot]>,
    pub(crate) paths: Box<[Arc<str>]>,
}

impl OwnedPaths {
    pub(crate) fn view(&self) -> NamedPaths<'_> {
        NamedPaths { layout: &self.layout, paths: &self.paths }
    }
}

impl JobContext {
    /// The same job in a directory of its own.
    pub(crate) fn in_directory(&self, dir: &Path) -> JobContext {
        JobContext {
            rule: self.rule.clone(),
            root: dir.to_path_buf(),
            wildcards: self.wildcards.clone(),
            inputs: self.inputs.clone(),
            outputs: self.outputs.clone(),
            logs: self.logs.clone(),
            params: self.params.clone(),
            threads: self.threads,
            resources: self.resources.clone(),
            attempt: self.attempt,
            config: self.config.clone(),
            cancelled: self.cancelled.clone(),
            reports: self.reports.clone(),
        }
    }

    /// Name of the rule.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     job.log(&format!("this is {}", job.rule()));
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The session's root directory.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     let scratch = job.root().join("scratch.txt");
    ///     job.write(scratch, "not an output")?;
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All input paths in order.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     for path in job.inputs() {
    ///         job.read_to_string(path)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn inputs(&self) -> Vec<PathBuf> {
        self.joined(&self.inputs)
    }

    /// All output paths in order.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     for path in job.outputs() {
    ///         job.write(path, "made")?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn outputs(&self) -> Vec<PathBuf> {
        self.joined(&self.outputs)
    }

    /// The input with this number, from 0, or the first path of the one with this name.
    ///
    /// # Errors
    /// The job has no such input: [`ErrorKind::Usage`].
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     let (first, table) = (job.input(0)?, job.input("table")?);
    ///     job.read_to_string(if job.attempt() == 1 { table } else { first })?;
    ///     Ok(())
    /// }
    /// ```
    pub fn input<'k>(&self, which: impl Into<FileKey<'k>>) -> Result<PathBuf> {
        self.found("input", &self.inputs, which.into())
    }

    /// The output with this number, from 0, or the first path of the one with this name.
    ///
    /// # Errors
    /// The job has no such output: [`ErrorKind::Usage`].
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     job.write(job.output(0)?, "made")?;
    ///     Ok(job.write(job.output("index")?, "")?)
    /// }
    /// ```
    pub fn output<'k>(&self, which: impl Into<FileKey<'k>>) -> Result<PathBuf> {
        self.found("output", &self.outputs, which.into())
    }

    /// The job's wildcards.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     let sample = job.wildcards().get("sample").unwrap_or_default();
    ///     job.log(sample);
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn wildcards(&self) -> &Wildcards {
        &self.wildcards
    }

    /// The param called `name`.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     let minimum = job.param("min").and_then(rulemake::Value::as_int).unwrap_or(5);
    ///     job.log(&minimum.to_string());
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&Value> {
        self.params.iter().find(|(n, _)| n.as_deref() == Some(name)).map(|(_, v)| v)
    }

    /// All params in order, with their names.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     for (name, value) in job.params() {
    ///         job.log(&format!("{} = {value}", name.unwrap_or("-")));
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn params(&self) -> impl ExactSizeIterator<Item = (Option<&str>, &Value)> {
        self.params.iter().map(|(name, value)| (name.as_deref(), value))
    }

    /// All log paths in order.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     for path in job.logs() {
    ///         job.write(path, "all is well\n")?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn logs(&self) -> Vec<PathBuf> {
        self.joined(&self.logs)
    }

    /// All paths of the input called `name`.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     for part in job.inputs_named("parts") {
    ///         job.read(part)?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn inputs_named(&self, name: &str) -> Vec<PathBuf> {
        let named = self.inputs.view().named(name).map(|(paths, _)| paths).unwrap_or_default();
        named.iter().map(|path| self.root.join(&**path)).collect()
    }

    /// How much the job has of the resource called `name`, under its standard name: `mem_mb`.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     let megabytes = job.resource("mem_mb").and_then(rulemake::Value::as_int);
    ///     let buffer = vec![0u8; megabytes.unwrap_or(1) as usize];
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&Value> {
        self.resources.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// What `config` of its Rulefile was at the end of the load; [`Value::None`] for a rule built in Rust.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     if let Some(samples) = job.config().get("samples") {
    ///         job.log(&samples.to_string());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Writes lines to the log of the job, which is shown when it fails, and tells them as
    /// [`EventKind::JobOutput`](crate::EventKind::JobOutput).
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     job.log("the table has two heads; the second is left out");
    ///     Ok(())
    /// }
    /// ```
    pub fn log(&self, text: &str) {
        if let Some(reports) = &self.reports {
            text.lines().for_each(|line| reports.line(line));
        }
    }

    /// Tells how far the job is, as [`EventKind::JobProgress`](crate::EventKind::JobProgress). May be called often: of
    /// steps that follow each other within some milliseconds only one is told, and always the last.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     for step in 0..100 {
    ///         job.progress(step + 1, 100);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn progress(&self, done: u64, total: u64) {
        if let Some(reports) = &self.reports {
            reports.progress(done, total);
        }
    }

    /// Threads that the job may use.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     let workers = job.threads().max(1);
    ///     job.log(&format!("{workers} at once"));
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn threads(&self) -> u32 {
        self.threads
    }

    /// The attempt, from 1.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     if job.attempt() > 1 {
    ///         job.log("once more, slowly");
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether the job was told to end, because the run was cancelled or the job's time is over: a long action should look
    /// now and then, and return early. Whatever it returns from then on, also `Ok`, the job was cancelled or timed out: what
    /// it made is no result, as with a program that ends well when it is asked to end. One that never looks is judged alike:
    /// what counts is whether it had returned before it was told.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Result<(), rulemake::BoxError> {
    ///     if job.is_cancelled() {
    ///         return Err("stopped".into());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn joined(&self, paths: &OwnedPaths) -> Vec<PathBuf> {
        paths.paths.iter().map(|p| self.root.join(&**p)).collect()
    }

    fn found(&self, what: &str, files: &OwnedPaths, which: FileKey<'_>) -> Result<PathBuf> {
        let (path, wanted) = match which {
            FileKey::Number(number) => (files.paths.get(number), format!("{number} (they count from 0)")),
            FileKey::Name(name) => {
                let named = files.view().named(name);
                (named.and_then(|(paths, _)| paths.first()), format!("`{name}`"))
            }
        };
        path.map(|path| self.root.join(&**path)).ok_or_else(|| {
            let names: Vec<String> =
                files.layout.iter().filter_map(|slot| Some(format!("`{}`", slot.name.as_ref()?))).collect();
            let named =
                if names.is_empty() { String::new() } else { format!(", named {}", names.join(", ")) };
            let rule = &self.rule;
            let message =
                format!("rule `{rule}` has no {what} {wanted}: it has {}{named}", files.paths.len());
            Error::new(ErrorKind::Usage, message)
        })
    }
}

/// Which of a job's inputs or outputs is meant, for [`JobContext::input`] and [`JobContext::output`], which take a number or a
/// text in place of this.
///
/// ```
/// use rulemake::FileKey;
/// assert_eq!((FileKey::from(0), FileKey::from("table")), (FileKey::Number(0), FileKey::Name("table")));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FileKey<'k> {
    /// In the order of the rule, from 0.
    Number(usize),
    /// By its name.
    Name(&'k str),
}

impl From<usize> for FileKey<'_> {
    fn from(number: usize) -> Self {
        FileKey::Number(number)
    }
}

impl<'k> From<&'k str> for FileKey<'k> {
    fn from(name: &'k str) -> Self {
        FileKey::Name(name)
    }
}
