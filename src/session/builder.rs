//! The options of a session, and the session made of them.

use super::{Observe, Session, Watch, Watched};
use crate::base::clock::{Clock, SystemClock};
use crate::cache::Cache;
use crate::disk;
use crate::engine::cancel::CancelToken;
use crate::engine::event::Event;
use crate::engine::slots::SlotSource;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::host::Executor;
use crate::files::programs::Programs;
use crate::matching::index::PatternIndex;
use crate::model::action::{Interpreter, Interpreters};
use crate::model::units;
use crate::model::value::Value;
use crate::model::workflow::Workflow;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// So many files are brought from a shared cache at once.
const TRANSFERS: usize = 16;

/// Options of a [`Session`].
///
/// ```
/// use rulemake::{CancelToken, Session, Workflow};
/// let text = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
/// let token = CancelToken::new();
/// let builder = Session::builder(Workflow::parse("Rulefile", text)?).root(".").jobs(4).resource("mem", 16_000).cancel(token);
/// let session = builder.open()?;
/// # Ok::<(), rulemake::Error>(())
/// ```
pub struct SessionBuilder {
    workflow: Arc<Workflow>,
    root: Option<PathBuf>,
    jobs: usize,
    resources: Vec<(String, u64)>,
    temp_dir: Arc<str>,
    cancel: CancelToken,
    observer: Option<Observe>,
    watcher: Option<Watch>,
    executor: Option<Arc<dyn Executor>>,
    clock: Option<Arc<dyn Clock>>,
    search_path: Option<OsString>,
    interpreters: Interpreters,
    direct: bool,
    variables: Vec<(String, String)>,
    cache: Option<Cache>,
    slots: Option<Arc<dyn SlotSource>>,
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SessionBuilder");
        shown.field("root", &self.root).field("jobs", &self.jobs).field("resources", &self.resources);
        shown.field("rules", &self.workflow.rules.len()).finish_non_exhaustive()
    }
}

impl SessionBuilder {
    pub(super) fn new(workflow: Workflow) -> SessionBuilder {
        SessionBuilder {
            workflow: Arc::new(workflow),
            root: None,
            jobs: 0,
            resources: Vec::new(),
            temp_dir: "/tmp".into(),
            cancel: CancelToken::new(),
            observer: None,
            watcher: None,
            executor: None,
            clock: None,
            search_path: None,
            interpreters: Interpreters::default(),
            direct: false,
            variables: Vec::new(),
            cache: None,
            slots: None,
        }
    }

    /// Sets the root directory: every path of the workflow is relative to it, or to the directory below it that
    /// `workdir:` names. Default: the directory that the Rulefile was loaded for, which is its own unless
    /// [`LoadOptions::root`](crate::LoadOptions::root) says another; without a file the process's directory. What a
    /// Rulefile looks at while it is loaded, and in its functions, starts from the directory that it was loaded for, so
    /// another one here is for workflows that look at nothing.
    ///
    /// A relative one is made absolute by [`SessionBuilder::open`]: where the process goes afterwards changes nothing.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'touch a'\n")?;
    /// let builder = Session::builder(workflow).root(std::env::temp_dir());
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn root(mut self, root: impl Into<PathBuf>) -> SessionBuilder {
        self.root = Some(root.into());
        self
    }

    /// Sets how many threads jobs may use together. 0, the default, means one per processor.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'touch a'\n")?;
    /// let builder = Session::builder(workflow).jobs(8);
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> SessionBuilder {
        self.jobs = jobs;
        self
    }

    /// Limits a named resource. `mem` and `disk` are megabytes, `mem_mib` and `disk_mib` the same in MiB.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'touch a'\n")?;
    /// let builder = Session::builder(workflow).resource("mem", 16_000).resource("licences", 2);
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn resource(mut self, name: impl Into<String>, amount: u64) -> SessionBuilder {
        let name: Arc<str> = name.into().into();
        let wanted = Value::Int(i64::try_from(amount).unwrap_or(i64::MAX));
        let (name, amount) = match units::standard(&name, wanted) {
            Ok((name, Value::Int(amount))) => (name, u64::try_from(amount).unwrap_or(u64::MAX)),
            _ => (name, amount),
        };
        self.resources.push((name.to_string(), amount));
        self
    }

    /// Sets the directory for temporary files of jobs: their resource `tmpdir`, unless their rule sets one, and the
    /// variable `TMPDIR`. Default: `/tmp`, since the library asks no environment.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'touch a'\n")?;
    /// let builder = Session::builder(workflow).temp_dir("/scratch");
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn temp_dir(mut self, directory: impl AsRef<str>) -> SessionBuilder {
        self.temp_dir = directory.as_ref().into();
        self
    }

    /// Sets where programs are looked for that rules only imply: interpreters of scripts, the one that manages conda
    /// environments. It is the value of the variable `PATH` that jobs inherit; with it a missing interpreter is said
    /// before a job starts. Default: the directories of the system.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'touch a'\n")?;
    /// let builder = Session::builder(workflow).search_path("/usr/local/bin:/usr/bin:/bin");
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn search_path(mut self, path: impl Into<OsString>) -> SessionBuilder {
        self.search_path = Some(path.into());
        self
    }

    /// Starts commands of plain words, such as `sort -u < in.txt > out.txt`, without a shell: the result is the same, and
    /// short jobs take a third less time. Only where bash would do nothing else: the process has neither a variable
    /// `BASH_ENV` nor exported functions. Default: `false`, since the library asks no environment.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'touch a'\n")?;
    /// let builder = Session::builder(workflow).direct_commands(true);
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn direct_commands(mut self, direct: bool) -> SessionBuilder {
        self.direct = direct;
        self
    }

    /// Adds an interpreter. It runs the jobs of rules that were given code with
    /// [`RuleBuilder::interpreted`](crate::RuleBuilder::interpreted), and those whose script ends in `.name`, also in a
    /// Rulefile. Its version is part of the fingerprint of these jobs.
    ///
    /// ```
    /// use rulemake::{BoxError, Interpreter, JobContext};
    /// struct Text;
    /// impl Interpreter for Text {
    ///     fn version(&self) -> &str {
    ///         "1"
    ///     }
    ///
    ///     fn run(&self, code: &str, job: &JobContext) -> Result<(), BoxError> {
    ///         Ok(job.write(job.output(0)?, code)?)
    ///     }
    /// }
    /// # use rulemake::{Rule, Session, Workflow};
    /// let rule = Rule::builder("greet").output("greeting.txt").interpreted("text", "hello");
    /// let workflow = Workflow::builder().rule(rule).build()?;
    /// let builder = Session::builder(workflow).interpreter("text", std::sync::Arc::new(Text));
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn interpreter(mut self, name: &str, interpreter: Arc<dyn Interpreter>) -> SessionBuilder {
        self.interpreters.add(name, interpreter);
        self
    }

    /// Sets variables that jobs get besides those of the process's environment, over those of the same name.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'touch a'\n")?;
    /// let builder = Session::builder(workflow).variables([("LC_ALL".to_string(), "C".to_string())]);
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn variables(mut self, variables: impl IntoIterator<Item = (String, String)>) -> SessionBuilder {
        self.variables.extend(variables);
        self
    }

    /// Sets where results are kept, and restored from instead of being made again. Default: nowhere.
    ///
    /// ```
    /// # use rulemake::cache::Cache;
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let builder = Session::builder(workflow).cache(Cache::new("/var/cache/rulemake"));
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn cache(mut self, cache: Cache) -> SessionBuilder {
        self.cache = Some(cache);
        self
    }

    /// Shares slots with others: jobs take them from here, up to [`SessionBuilder::jobs`]. Default: nobody else is there.
    ///
    /// ```
    /// # use rulemake::SlotSource;
    /// # use std::{sync::Arc, time::Duration};
    /// /// Never has one more: of all that share, one job runs at a time.
    /// struct None;
    /// impl SlotSource for None {
    ///     fn try_take(&self) -> bool {
    ///         false
    ///     }
    ///
    ///     fn give_back(&self) {}
    ///
    ///     fn wait(&self, at_most: Duration) {
    ///         std::thread::sleep(at_most);
    ///     }
    /// }
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let builder = Session::builder(workflow).slots(Arc::new(None));
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn slots(mut self, source: Arc<dyn SlotSource>) -> SessionBuilder {
        self.slots = Some(source);
        self
    }

    /// Sets the token that stops runs.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'touch a'\n")?;
    /// let builder = Session::builder(workflow).cancel(rulemake::CancelToken::new());
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn cancel(mut self, token: CancelToken) -> SessionBuilder {
        self.cancel = token;
        self
    }

    /// Sets where jobs are executed: see [`Executor`](crate::executor::Executor). Default: here.
    ///
    /// ```
    /// use rulemake::executor::{Executor, Task, TaskId, TaskSignal};
    /// /// Takes nothing, so all is executed here.
    /// struct Nowhere;
    /// impl Executor for Nowhere {
    ///     fn accepts(&self, _: &Task) -> bool {
    ///         false
    ///     }
    ///
    ///     fn submit(&self, task: Task) {
    ///         task.run_here();
    ///     }
    ///
    ///     fn signal(&self, _: TaskId, _: TaskSignal) {}
    /// }
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let builder = Session::builder(workflow).executor(std::sync::Arc::new(Nowhere));
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn executor(mut self, executor: Arc<dyn Executor>) -> SessionBuilder {
        self.executor = Some(executor);
        self
    }

    /// Sets where the times of events and of the run come from: see [`Clock`]. How long jobs took that are executed here is
    /// measured all the same. Default: the clock of the machine.
    ///
    /// ```
    /// use std::{sync::Arc, time::{Duration, Instant}};
    /// /// Of a simulation, in which no time passes.
    /// struct Stopped;
    /// impl rulemake::Clock for Stopped {
    ///     fn wall_ms(&self) -> u64 {
    ///         0
    ///     }
    ///
    ///     fn monotonic(&self) -> Duration {
    ///         Duration::ZERO
    ///     }
    /// }
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let builder = Session::builder(workflow).clock(Arc::new(Stopped));
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> SessionBuilder {
        self.clock = Some(clock);
        self
    }

    /// Sets the observer. It is called on the coordinating thread and must be quick. When it panics the run is ended as by
    /// a cancel, put on record, and only then does the panic go on.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a'\n    shell: 'touch a'\n")?;
    /// let builder = Session::builder(workflow).observer(|event| println!("{}", event.seq));
    /// # builder.open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(&Event) + Send + 'static) -> SessionBuilder {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Sets who is told what to look after, as [`Session::watched`] would say: before the first job of a run begins, and at its
    /// end if that is something else by then. So who watches needs no plan besides that of the run.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-watcher-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// # std::fs::write(root.join("a.txt"), "a")?;
    /// let (sender, told) = std::sync::mpsc::channel();
    /// let text = "rule b:\n    input: 'a.txt'\n    output: 'b.txt'\n    shell: 'cp {input} {output}'\n";
    /// let builder = Session::builder(Workflow::parse("Rulefile", text)?).root(&root);
    /// let mut session = builder.watcher(move |watched| sender.send(watched.files.clone()).unwrap()).open()?;
    /// session.run(&["b.txt"], &RunOptions::default())?;
    /// assert_eq!(told.try_iter().collect::<Vec<_>>(), [["a.txt"]]);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    #[must_use]
    pub fn watcher(mut self, watcher: impl FnMut(&Watched) + Send + 'static) -> SessionBuilder {
        self.watcher = Some(Box::new(watcher));
        self
    }

    /// Opens the session. The directory that `workdir:` names is made when something is written.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let error = Session::builder(workflow).root("no/such/directory").open().err().unwrap();
    /// assert_eq!(error.kind(), rulemake::ErrorKind::Environment);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Environment`] when the root is not a directory.
    pub fn open(self) -> Result<Session> {
        let root = self.root.or_else(|| self.workflow.home.clone()).unwrap_or_else(|| PathBuf::from("."));
        let root = match &self.workflow.workdir {
            Some(below) => root.join(below),
            None => root,
        };
        // The one of `workdir:` may be yet to be made.
        let must_be_there = disk::exists(&root) || self.workflow.workdir.is_none();
        if must_be_there && !disk::is_dir(&root) {
            let message = format!("the root {} is not a directory", root.display());
            return Err(Error::new(ErrorKind::Environment, message).with_path(root));
        }
        let root = std::path::absolute(&root).map_err(|error| {
            let message = format!("the root {} cannot be found from here: {error}", root.display());
            Error::new(ErrorKind::Environment, message).with_path(&root)
        })?;
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        // What is fetched from elsewhere is waited for, not computed: many at once.
        let is_shared = self.cache.as_ref().is_some_and(Cache::is_shared);
        let threads = if is_shared { processors.max(TRANSFERS) } else { processors };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("rulemake-{i}"))
            .build()
            .map_err(|error| Error::new(ErrorKind::Environment, format!("cannot start threads: {error}")))?;
        let index = PatternIndex::of(&self.workflow.rules)
            .map_err(|error| Error::new(ErrorKind::Workflow, error.to_string()))?;
        let jobs = if self.jobs == 0 { processors } else { self.jobs };
        Ok(Session {
            index,
            pool,
            slots: u32::try_from(jobs).unwrap_or(u32::MAX),
            temp_dir: self.temp_dir,
            limits: self.resources,
            cancel: self.cancel,
            observer: Mutex::new(self.observer.unwrap_or_else(|| Box::new(|_| {}))),
            watcher: Mutex::new(self.watcher),
            executor: self.executor,
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
            programs: Programs::new(self.search_path),
            interpreters: self.interpreters,
            direct: self.direct,
            variables: self.variables.into(),
            // Files in memory share nothing with those of a disk.
            cache: self.cache.filter(|_| disk::is_real(&root)).map(Arc::new),
            shared_slots: self.slots,
            root,
            workflow: self.workflow,
        })
    }
}
