//! What a job executes.

use crate::diag::Span;
use crate::error::{Error, ErrorKind, Result};
use crate::model::build::BoxError;
use crate::model::slots::NamedPaths;
use crate::model::template::Template;
use crate::model::value::Value;
use crate::model::wildcards::Wildcards;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a rule's jobs execute.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Nothing: a rule that only names what it wants.
    None,
    /// Nothing, either: what it makes is touched when everything before it is done.
    Touch,
    Shell(Arc<ShellAction>),
    Script(Arc<ScriptAction>),
    Run(Arc<Code>),
    Function(Arc<FunctionAction>),
    Interpreted(Arc<InterpretedAction>),
}

/// A program in another language, which sees its job as the object `snakemake`.
#[derive(Debug)]
pub(crate) struct ScriptAction {
    /// Path of the program, relative to `dir`; may hold wildcards and params.
    pub(crate) path: Template,
    /// Directory of the Rulefile that defines the rule.
    pub(crate) dir: Arc<str>,
    /// Run through jupyter.
    pub(crate) notebook: bool,
}

/// Python code of a Rulefile that does not run with it but later: `run:`, `onsuccess:`.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    /// Without the common indentation.
    pub(crate) text: Arc<str>,
    pub(crate) place: Span,
    /// The statements of its files, without rules and directives: what its names refer to when Python runs it.
    pub(crate) around: Arc<str>,
    /// The functions and values among them that it uses, as text: they are a part of what it does.
    pub(crate) refers: Arc<str>,
    /// How `shell(...)` in it runs commands.
    pub(crate) shell: ShellUse,
    pub(crate) way: Way,
}

/// How a command is run: `shell.executable`, `shell.prefix`, `shell.suffix`.
#[derive(Clone, Debug)]
pub(crate) struct ShellUse {
    /// Program and leading arguments.
    pub(crate) program: Arc<[Arc<str>]>,
    pub(crate) prefix: Arc<str>,
    pub(crate) suffix: Arc<str>,
}

/// Who runs code of a Rulefile.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// We do: all that it uses is known to us.
    InProcess(Arc<dyn JobBody>),
    /// Python, because of what it uses.
    Python { because: Arc<str> },
}

/// Code that can be run here.
pub(crate) trait JobBody: Send + Sync + fmt::Debug {
    /// Runs it for one job, on the job's thread.
    fn run(&self, job: &JobContext, effects: &dyn Effects) -> Result<(), BodyError>;
}

/// Why a body did not come to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum BodyError {
    /// An exception or a failing command.
    Failed(Trace),
    /// It may be that we lack something that Python has.
    Unsupported(Trace),
    /// The job was told to end.
    Cancelled,
}

/// What is told of an exception.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trace {
    /// In one line.
    pub(crate) message: String,
    /// With the places that it came through, for the log of the job.
    pub(crate) text: String,
}

/// What a body can do to the world. It exists only while its job runs: nothing else can change anything. Relative paths
/// start from the job's directory.
pub(crate) trait Effects: Send + Sync + fmt::Debug {
    /// Directory of the job.
    fn dir(&self) -> &Path;

    /// Opens a regular file for reading. Of what can block for ever the error is of the kind `Unsupported`, here and
    /// where files are opened for writing.
    fn read(&self, path: &str) -> io::Result<Box<dyn io::Read + Send>>;

    /// Opens a file for writing.
    fn open(&self, path: &str, how: Opening) -> io::Result<Box<dyn io::Write + Send>>;

    /// Changes files.
    fn change(&self, change: &Change<'_>) -> io::Result<()>;

    /// Runs a command to its end. What it writes goes to the job's log; with `capture` its standard output is given
    /// back instead.
    fn shell(&self, shell: &ShellUse, command: &str, capture: bool) -> Result<Vec<u8>, CommandError>;

    /// Writes to the job's log.
    fn print(&self, text: &str);

    /// The flag that is raised when the job is to end.
    fn cancelled(&self) -> Arc<AtomicBool>;
}

/// How a file is opened for writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opening {
    Truncate,
    Append,
    /// It must not be there.
    New,
}

/// A change of files.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    MakeDir {
        path: &'a str,
        parents: bool,
        exist_ok: bool,
    },
    RemoveFile {
        path: &'a str,
    },
    RemoveDir {
        path: &'a str,
    },
    RemoveTree {
        path: &'a str,
    },
    Rename {
        from: &'a str,
        to: &'a str,
    },
    /// To another file system, too.
    Move {
        from: &'a str,
        to: &'a str,
    },
    Copy {
        from: &'a str,
        to: &'a str,
        mode: bool,
        times: bool,
    },
    CopyTree {
        from: &'a str,
        to: &'a str,
        exist_ok: bool,
    },
    Symlink {
        target: &'a str,
        at: &'a str,
    },
    HardLink {
        target: &'a str,
        at: &'a str,
    },
    /// Creates the file, or sets its times to now.
    Touch {
        path: &'a str,
    },
}

/// How a command failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum CommandError {
    Exit(i32),
    Signal(i32),
    NotStarted(String),
    /// The job was told to end.
    Cancelled,
}

/// The languages of scripts, told by the end of the file's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ScriptLanguage {
    Python,
    R,
    RMarkdown,
    Julia,
    Rust,
    Bash,
    Notebook,
}

impl ScriptLanguage {
    /// The language of a file, if it is one of these.
    pub(crate) fn of(path: &str) -> Option<ScriptLanguage> {
        let (_, end) = path.rsplit_once('.')?;
        Some(match end {
            "py" => ScriptLanguage::Python,
            "R" | "r" => ScriptLanguage::R,
            "Rmd" | "rmd" => ScriptLanguage::RMarkdown,
            "jl" => ScriptLanguage::Julia,
            "rs" => ScriptLanguage::Rust,
            "sh" | "bash" => ScriptLanguage::Bash,
            "ipynb" => ScriptLanguage::Notebook,
            _ => return None,
        })
    }

    /// The program that runs it.
    pub(crate) fn program(self) -> &'static str {
        match self {
            ScriptLanguage::Python => "python3",
            ScriptLanguage::R | ScriptLanguage::RMarkdown => "Rscript",
            ScriptLanguage::Julia => "julia",
            ScriptLanguage::Rust => "rust-script",
            ScriptLanguage::Bash => "bash",
            ScriptLanguage::Notebook => "jupyter",
        }
    }

    /// What to do when that program is not there.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            ScriptLanguage::Python => "install Python 3, or name an environment with `conda:`",
            ScriptLanguage::R | ScriptLanguage::RMarkdown => {
                "install R, or name an environment with `conda:`"
            }
            ScriptLanguage::Julia => "install Julia, or name an environment with `conda:`",
            ScriptLanguage::Rust => "install it with `cargo install rust-script`",
            ScriptLanguage::Bash => "install it",
            ScriptLanguage::Notebook => {
                "install jupyter with nbconvert, or name an environment with `conda:`"
            }
        }
    }
}

/// A shell command and the shell that runs it.
#[derive(Debug)]
pub(crate) struct ShellAction {
    pub(crate) template: Template,
    /// Program and leading arguments, the command follows as one argument: `["bash", "-euo", "pipefail", "-c"]`.
    pub(crate) shell: Arc<[Arc<str>]>,
    /// Put before and after the command (`shell.prefix`, `shell.suffix`).
    pub(crate) prefix: Arc<str>,
    pub(crate) suffix: Arc<str>,
}

/// Type of the closures that are actions.
pub(crate) type ActionFn = dyn Fn(&JobContext) -> Result<(), BoxError> + Send + Sync;

/// A Rust closure as an action. A closure cannot be hashed: its version stands for its code.
pub(crate) struct FunctionAction {
    pub(crate) version: Arc<str>,
    pub(crate) run: Box<ActionFn>,
}

impl fmt::Debug for FunctionAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionAction").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Code of a kind that the host knows to run.
#[derive(Debug)]
pub(crate) struct InterpretedAction {
    pub(crate) kind: Arc<str>,
    pub(crate) code: Arc<str>,
}

/// Runs the jobs of one kind of action: queries of a data base, WebAssembly modules, requests to a service. A session
/// is given it under a name with [`SessionBuilder::interpreter`](crate::SessionBuilder::interpreter).
///
/// ```
/// use rulemake::{BoxError, Interpreter, JobContext, Rule, RunOptions, Session, Workflow};
///
/// /// Its programs are sums: `1 + 2 + 3`.
/// struct Sums;
///
/// impl Interpreter for Sums {
///     fn version(&self) -> &str {
///         "1"
///     }
///
///     fn run(&self, code: &str, job: &JobContext) -> Result<(), BoxError> {
///         let sum: i64 = code.split('+').map(|n| n.trim().parse::<i64>()).sum::<Result<_, _>>()?;
///         Ok(job.write(job.output(0)?, sum.to_string())?)
///     }
/// }
///
/// # let root = std::env::temp_dir().join(format!("rulemake-doc-interpreter-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// let workflow = Workflow::builder().rule(Rule::builder("sum").output("sum.txt").interpreted("sum", "1 + 2")).build()?;
/// let mut session = Session::builder(workflow).root(&root).interpreter("sum", std::sync::Arc::new(Sums)).open()?;
/// assert!(session.run::<&str>(&[], &RunOptions::default())?.success());
/// assert_eq!(std::fs::read_to_string(root.join("sum.txt"))?, "3");
/// # std::fs::remove_dir_all(&root)?;
/// # Ok::<(), BoxError>(())
/// ```
pub trait Interpreter: Send + Sync {
    /// What stands for the interpreter in fingerprints: with another version its jobs run again.
    fn version(&self) -> &str;

    /// Runs `code` for one job, on a thread of its own; it may block. A panic is the failure of the job.
    ///
    /// # Errors
    /// Why the job failed.
    fn run(&self, code: &str, job: &JobContext) -> Result<(), BoxError>;
}

/// The interpreters of a session, by name.
#[derive(Clone, Default)]
pub(crate) struct Interpreters(Vec<(Arc<str>, Arc<dyn Interpreter>)>);

impl Interpreters {
    /// The one that was added last under a name counts.
    pub(crate) fn add(&mut self, name: &str, interpreter: Arc<dyn Interpreter>) {
        self.0.push((name.into(), interpreter));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn Interpreter>> {
        self.0.iter().rev().find(|(known, _)| &**known == name).map(|(_, interpreter)| interpreter)
    }

    /// The one for a file, by the end of its name, with that end.
    pub(crate) fn for_file<'p>(&self, path: &'p str) -> Option<(&'p str, &Arc<dyn Interpreter>)> {
        let (_, end) = path.rsplit_once('.')?;
        Some((end, self.get(end)?))
    }
}

impl fmt::Debug for Interpreters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

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

    /// Whether the run was cancelled: a long action should look now and then, and return early with an error.
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
