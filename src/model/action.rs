//! What a job executes.

use crate::diag::Span;
use crate::model::build::BoxError;
use crate::model::job_context::JobContext;
use crate::model::template::Template;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
