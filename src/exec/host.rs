//! Executors of the host: jobs that somebody else executes, and what that one may know and must say of them.
//!
//! Invariants: each task is reported exactly once, whatever its executor does with it; what the executor breaks is the
//! failure of a task, never ours.

use super::function::panicked;
use super::job::{self, Around};
#[cfg(target_os = "linux")]
use super::linux::Inherited;
use super::local::{Done, LocalExecutor};
use super::log::Logs;
#[cfg(not(target_os = "linux"))]
use super::portable::Inherited;
use super::process::{Control, MAX_ARGUMENT};
use super::watch::Watch;
use crate::base::clock::Clock;
use crate::base::digest::Digest;
use crate::exec::executor::{Completion, JobRequest, Outcome, Seat, Signal, Work};
use crate::model::value::Value;
use rustc_hash::FxHashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::ThreadId;
use std::time::Duration;

/// Executes jobs somewhere else: in processes that stay, on other machines, by a queue. See
/// [`SessionBuilder::executor`](crate::SessionBuilder::executor).
///
/// Its methods are called by the thread that coordinates the run, so they must not wait. How many tasks there are at once
/// is decided by the session's slots and resources; jobs that pipes or services connect, and hooks, stay here.
///
/// ```
/// use rulemake::executor::{Executor, Task, TaskEnd, TaskId, TaskSignal};
/// use rulemake::{RunOptions, Session, Workflow};
/// use std::sync::Arc;
///
/// /// A thread for each command.
/// struct Threads;
///
/// impl Executor for Threads {
///     fn submit(&self, mut task: Task) {
///         std::thread::spawn(move || {
///             if task.begin().is_err() {
///                 return;
///             }
///             let end = task.command().map_or(TaskEnd::Failed("no command".into()), |command| {
///                 let (program, arguments) = command.words.split_first().expect("a shell");
///                 let mut process = std::process::Command::new(program);
///                 process.args(arguments).current_dir(&command.directory);
///                 process.envs(command.variables.iter().map(|(name, value)| (name, value)));
///                 match process.status() {
///                     Ok(status) if status.success() => TaskEnd::Success,
///                     Ok(status) => TaskEnd::Exit(status.code().unwrap_or(1)),
///                     Err(error) => TaskEnd::Failed(error.to_string()),
///                 }
///             });
///             task.finish(end);
///         });
///     }
///
///     fn signal(&self, _: TaskId, _: TaskSignal) {}
/// }
///
/// # let root = std::env::temp_dir().join(format!("rulemake-doc-executor-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// let text = "rule a:\n    output: 'a.txt'\n    shell: 'echo a > {output}'\n";
/// let mut session =
///     Session::builder(Workflow::parse("Rulefile", text)?).root(&root).executor(Arc::new(Threads)).open()?;
/// assert!(session.run::<&str>(&[], &RunOptions::default())?.success());
/// # std::fs::remove_dir_all(&root)?;
/// # Ok::<(), rulemake::BoxError>(())
/// ```
pub trait Executor: Send + Sync {
    /// Whether a task is for this executor; others are executed here. Default: those that are a command and no more.
    fn accepts(&self, task: &Task) -> bool {
        task.command().is_some()
    }

    /// Takes a task over. Returns at once; the end is told with [`Task::finish`].
    fn submit(&self, task: Task);

    /// Tells a task that was taken over, and has not been finished, to end or to wait. One that was told to end is to be
    /// finished soon, as what it then is: a success only when its program had ended before it was told, since one that ends
    /// well because it was told to may have stopped anywhere.
    fn signal(&self, task: TaskId, signal: TaskSignal);

    /// Goes on with what an earlier run, which was killed, had submitted as `earlier`: `task` is then finished when that
    /// ends, and does not begin. Only when both have the same [`Task::key`], else the result would be another.
    ///
    /// # Errors
    /// The task is given back when nothing is known of the earlier one, or it was ended; then it is submitted. Default:
    /// always.
    fn reattach(&self, task: Task, earlier: TaskId) -> Result<(), Task> {
        let _ = earlier;
        Err(task)
    }
}

/// Which task: unique among all runs in one directory.
///
/// ```
/// # use rulemake::executor::TaskId;
/// fn name(task: TaskId) -> String {
///     format!("rulemake-{}-{}", task.run, task.job)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub struct TaskId {
    /// Number of the run.
    pub run: u32,
    /// Number of the job in the run.
    pub job: u32,
}

/// What a running task is told.
///
/// ```
/// # use rulemake::executor::TaskSignal;
/// fn number(signal: TaskSignal) -> Option<i32> {
///     match signal {
///         TaskSignal::Terminate => Some(15),
///         TaskSignal::Kill => Some(9),
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TaskSignal {
    /// End, soon.
    Terminate,
    /// End at once.
    Kill,
    /// Stop where you are.
    Pause,
    /// Go on.
    Resume,
}

/// How a task ended.
///
/// ```
/// # use rulemake::executor::TaskEnd;
/// fn of(status: std::process::ExitStatus) -> TaskEnd {
///     match status.code() {
///         Some(0) => TaskEnd::Success,
///         Some(code) => TaskEnd::Exit(code),
///         None => TaskEnd::Failed("a signal ended it".into()),
///     }
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TaskEnd {
    /// Its outputs are there. They are looked at.
    Success,
    /// The command ended with this code.
    Exit(i32),
    /// This signal ended the command.
    Signal(i32),
    /// Anything else, in a sentence.
    Failed(String),
}

/// The command of a task.
///
/// ```
/// # use rulemake::executor::TaskCommand;
/// fn line(command: &TaskCommand) -> String {
///     format!("cd {} && {}", command.directory.display(), command.words.join(" "))
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TaskCommand {
    /// The program and its arguments: mostly `bash -euo pipefail -c` and the command of the rule.
    pub words: Vec<String>,
    /// Absolute path of the directory to run it in.
    pub directory: PathBuf,
    /// Variables to set, besides those that it inherits.
    pub variables: Vec<(String, String)>,
    /// Absolute path of the file for standard output and standard error. Its directory exists.
    pub log: PathBuf,
}

/// A job that is to be executed. Dropped unfinished it is a failure.
///
/// ```
/// # use rulemake::executor::Task;
/// fn place(task: &Task) -> &'static str {
///     let memory = task.resource("mem_mb").and_then(rulemake::Value::as_int).unwrap_or(0);
///     if task.threads() > 8 || memory > 32_000 { "cluster" } else { "here" }
/// }
/// ```
#[must_use]
pub struct Task {
    inner: Option<Box<Inner>>,
}

struct Inner {
    id: TaskId,
    facts: TaskFacts,
    command: Option<TaskCommand>,
    request: JobRequest,
    shared: Arc<Shared>,
    control: Arc<Control>,
    /// When it was submitted.
    start: Duration,
    began: bool,
    /// While it is handed over.
    handover: Weak<Handover>,
}

/// Catches a task that is dropped by a panic of its executor on the thread that hands it over, where the panic can be named
/// a moment later.
struct Handover {
    thread: ThreadId,
    dropped: Mutex<Option<Box<Inner>>>,
}

/// What an executor is told of a job besides what is to be executed.
#[derive(Debug)]
pub(crate) struct TaskFacts {
    pub(crate) run: u32,
    pub(crate) key: Digest,
    pub(crate) title: String,
    pub(crate) rule: Arc<str>,
    pub(crate) threads: u32,
    pub(crate) resources: Vec<(Arc<str>, Value)>,
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) outputs: Vec<PathBuf>,
    /// Which of the outputs are to be directories.
    #[cfg_attr(
        not(feature = "test-support"),
        expect(dead_code, reason = "only the fake executor makes outputs")
    )]
    pub(crate) directories: Vec<bool>,
    /// What a run that was killed had submitted for the same outputs.
    pub(crate) earlier: Option<TaskId>,
}

impl TaskId {
    pub(crate) fn new(run: u32, job: u32) -> TaskId {
        TaskId { run, job }
    }
}

impl Task {
    /// A task is whole until it is finished, which takes it.
    fn inner(&self) -> &Inner {
        self.inner.as_deref().unwrap_or_else(|| unreachable!("a finished task is gone"))
    }

    /// Which task.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     println!("{:?}", task.id());
    /// }
    /// ```
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.inner().id
    }

    /// What stands for the work: the same command, params and contents of inputs have the same key, in every run.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     println!("{} stands for {}", task.key(), task.title());
    /// }
    /// ```
    #[must_use]
    pub fn key(&self) -> Digest {
        self.inner().facts.key
    }

    /// A short name for people: rule and first output.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     println!("{}", task.title());
    /// }
    /// ```
    #[must_use]
    pub fn title(&self) -> &str {
        &self.inner().facts.title
    }

    /// Name of its rule.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     if task.rule() == "align" {
    ///         task.run_here();
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.inner().facts.rule
    }

    /// Threads that it may use.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     println!("--cpus={}", task.threads());
    /// }
    /// ```
    #[must_use]
    pub fn threads(&self) -> u32 {
        self.inner().facts.threads
    }

    /// How much it has of a resource, under its standard name: `mem_mb`.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     if let Some(memory) = task.resource("mem_mb") {
    ///         println!("--mem={memory}");
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&Value> {
        self.inner().facts.resources.iter().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }

    /// Its inputs, absolute.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     for path in task.inputs() {
    ///         println!("send {}", path.display());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn inputs(&self) -> &[PathBuf] {
        &self.inner().facts.inputs
    }

    /// Its outputs, absolute.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     for path in task.outputs() {
    ///         println!("fetch {}", path.display());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn outputs(&self) -> &[PathBuf] {
        &self.inner().facts.outputs
    }

    /// Whether the output with this number is to be a directory.
    #[cfg(feature = "test-support")]
    pub(crate) fn makes_directory(&self, output: usize) -> bool {
        self.inner().facts.directories.get(output) == Some(&true)
    }

    /// Its command, if it is one and no more. `None`: a closure, a script, or something around the command, such as an
    /// environment, a time limit or a benchmark; [`Task::run_here`] executes it.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     match task.command() {
    ///         Some(command) => println!("{}", command.words.join(" ")),
    ///         None => println!("a closure, a script, or a command with something around it"),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn command(&self) -> Option<&TaskCommand> {
        self.inner().command.as_ref()
    }

    /// Whether it is executed in this process whatever happens: a closure, or code for an interpreter of the host. An
    /// executor may leave it to the session, or give a thread to [`Task::run_here`].
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     if task.is_call() {
    ///         std::thread::scope(|scope| drop(scope.spawn(|| task.run_here())));
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn is_call(&self) -> bool {
        matches!(self.inner().request.work, Work::Function { .. } | Work::Interpreted(_))
    }

    /// Makes ready what the task needs: its old outputs go, the directories of the new ones are there. To be called
    /// right before it is executed, and not when [`Executor::reattach`] goes on with an earlier one.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     if task.begin().is_ok() {
    ///         task.finish(TaskEnd::Exit(1));
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// It must not begin, because it was told to end or because there is something in its way. Finish or drop it: what it
    /// ends with is known already.
    pub fn begin(&mut self) -> Result<(), NotBegun> {
        let Some(inner) = &mut self.inner else { return Err(NotBegun(())) };
        let begun = match (inner.control.asked(), inner.request.begin.take()) {
            (Some(signal), _) => Err(Outcome::Signal(signal.number())),
            (None, Some(begin)) => (begin.0)().map_err(Outcome::Around),
            (None, None) => Ok(()),
        };
        match begun {
            Ok(()) => inner.began = true,
            Err(outcome) => {
                self.report(outcome);
                return Err(NotBegun(()));
            }
        }
        Ok(())
    }

    /// Tells how the task ended. Success of one that never began is a failure.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     task.finish(TaskEnd::Failed("the queue is closed".into()));
    /// }
    /// ```
    pub fn finish(mut self, end: TaskEnd) {
        let began = self.inner.as_ref().is_some_and(|inner| inner.began);
        self.report(match end {
            TaskEnd::Success if !began => {
                Outcome::Around("its executor says that it succeeded, but it never began".into())
            }
            TaskEnd::Success => Outcome::Success,
            TaskEnd::Exit(0) => Outcome::Around("its executor says that it failed with the code 0".into()),
            TaskEnd::Exit(code) => Outcome::Exit(code),
            TaskEnd::Signal(signal) => Outcome::Signal(signal),
            TaskEnd::Failed(message) => Outcome::Around(message),
        });
    }

    /// Executes the task here, on this thread, to its end: whatever it is, with all that is around it. Signals reach it.
    ///
    /// ```
    /// # use rulemake::executor::{Task, TaskEnd};
    /// fn handle(mut task: Task) {
    ///     task.run_here();
    /// }
    /// ```
    pub fn run_here(mut self) {
        let Some(inner) = &mut self.inner else { return };
        let mut began = inner.began || inner.request.begin.is_none();
        let around = Around {
            watch: &inner.shared.watch,
            logs: &inner.shared.logs,
            inherited: &inner.shared.inherited,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            job::execute(&inner.request, &inner.control, around, &mut began)
        }));
        inner.began = began;
        self.report(outcome.unwrap_or_else(|panic| Outcome::Around(panicked(&*panic))));
    }

    fn report(&mut self, outcome: Outcome) {
        let Some(inner) = self.inner.take() else { return };
        inner.shared.running().remove(&inner.id.job);
        if let Some(command) = &inner.command {
            inner.shared.logs.end(&command.log);
        }
        let duration = inner.shared.clock.monotonic().saturating_sub(inner.start);
        let completion = Completion { job: inner.id.job, outcome, duration, began: inner.began };
        // A panic of the receiver must not end the thread of an executor.
        let _ = catch_unwind(AssertUnwindSafe(|| (inner.shared.done)(completion, &mut || false)));
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return self.report(Outcome::Around("its executor dropped it".into()));
        }
        let handover = self.inner.as_ref().and_then(|inner| inner.handover.upgrade());
        match handover.filter(|handover| handover.thread == std::thread::current().id()) {
            Some(handover) => {
                *handover.dropped.lock().unwrap_or_else(PoisonError::into_inner) = self.inner.take();
            }
            // Only the thread that panics can say why.
            None => self.report(Outcome::Around("its executor panicked".into())),
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.inner.as_ref().map(|inner| inner.id);
        f.debug_struct("Task").field("id", &id).finish_non_exhaustive()
    }
}

/// The task must not begin; see [`Task::begin`].
///
/// ```
/// use rulemake::executor::{NotBegun, Task};
/// fn began(task: &mut Task) -> Result<(), NotBegun> {
///     task.begin()
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the task must not begin")]
pub struct NotBegun(());

struct Shared {
    done: Done,
    watch: Watch,
    logs: Logs,
    inherited: Inherited,
    clock: Arc<dyn Clock>,
    running: Mutex<FxHashMap<u32, (TaskId, Arc<Control>)>>,
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, FxHashMap<u32, (TaskId, Arc<Control>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the jobs of a run are executed: here, or by the host's executor.
pub(crate) struct Executors {
    local: LocalExecutor,
    host: Option<(Arc<dyn Executor>, Arc<Shared>)>,
}

impl Executors {
    pub(crate) fn new(done: Done, host: Option<Arc<dyn Executor>>, clock: Arc<dyn Clock>) -> Executors {
        let local = done.clone();
        let host = host.map(|executor| {
            let shared = Shared {
                done,
                watch: Watch::default(),
                logs: Logs::default(),
                inherited: Inherited::new(),
                clock,
                running: Mutex::default(),
            };
            (executor, Arc::new(shared))
        });
        Executors { local: LocalExecutor::new(local), host }
    }

    /// Whether there is an executor that is to be told about jobs.
    pub(crate) fn is_hosted(&self) -> bool {
        self.host.is_some()
    }

    /// Starts a job. One without facts is executed here; only those take other seats than [`Seat::Alone`].
    pub(crate) fn submit(&self, mut request: JobRequest, seat: Seat) -> bool {
        let (Some((executor, shared)), Some(facts)) = (&self.host, request.facts.take()) else {
            return self.local.submit(request, seat);
        };
        let earlier = facts.earlier;
        let handover = Arc::new(Handover { thread: std::thread::current().id(), dropped: Mutex::default() });
        let mut task = task(request, *facts, shared, &handover);
        // What an executor does wrong drops the task, which then has failed.
        let submitted = catch_unwind(AssertUnwindSafe(move || {
            if !executor.accepts(&task) {
                if let Some(inner) = task.inner.take() {
                    shared.running().remove(&inner.id.job);
                    self.local.submit(inner.request, Seat::Alone);
                }
                return;
            }
            if let Some(earlier) = earlier {
                set_began(&mut task, true);
                match executor.reattach(task, earlier) {
                    Ok(()) => return,
                    Err(back) => task = back,
                }
                set_began(&mut task, false);
            }
            executor.submit(task);
        }));
        let dropped = handover.dropped.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Err(panic), Some(inner)) = (submitted, dropped) {
            let message = format!("its executor {}", panicked(&*panic));
            Task { inner: Some(inner) }.report(Outcome::Around(message));
        }
        true
    }

    /// See [`LocalExecutor::name_logs`].
    pub(crate) fn name_logs(&self) -> bool {
        self.local.name_logs()
    }

    /// See [`LocalExecutor::rouse`].
    pub(crate) fn rouse(&self) {
        self.local.rouse();
    }

    /// See [`LocalExecutor::help`].
    pub(crate) fn help(&self, patience: Duration) {
        self.local.help(patience);
    }

    /// See [`LocalExecutor::withdraw`].
    pub(crate) fn withdraw(&self, job: u32, has_ended: bool) -> Vec<u32> {
        self.local.withdraw(job, has_ended)
    }

    /// Ends what a killed run had submitted and nobody asks for now.
    pub(crate) fn abandon(&self, earlier: TaskId) {
        if let Some((executor, _)) = &self.host {
            let _ = catch_unwind(AssertUnwindSafe(|| executor.signal(earlier, TaskSignal::Kill)));
        }
    }

    /// Signals a job; one that has ended is no error.
    pub(crate) fn signal(&self, job: u32, signal: Signal) {
        self.local.signal(job, signal);
        self.each_hosted(|running| *running == job, told(signal), |control| control.signal(signal));
    }

    /// Signals every job that has not ended.
    pub(crate) fn signal_all(&self, signal: Signal) {
        self.local.signal_all(signal);
        self.each_hosted(|_| true, told(signal), |control| control.signal(signal));
    }

    /// Stops the processes of all jobs where they are; their time limits wait.
    pub(crate) fn pause(&self) {
        self.local.pause();
        if let Some((_, shared)) = &self.host {
            shared.watch.hold();
        }
        self.each_hosted(|_| true, TaskSignal::Pause, |control| control.freeze(true));
    }

    /// Lets them go on after so long.
    pub(crate) fn resume(&self, paused: Duration) {
        self.local.resume(paused);
        self.each_hosted(|_| true, TaskSignal::Resume, |control| control.freeze(false));
        if let Some((_, shared)) = &self.host {
            shared.watch.go_on(paused);
        }
    }

    fn each_hosted(&self, wanted: impl Fn(&u32) -> bool, signal: TaskSignal, act: impl Fn(&Control)) {
        let Some((executor, shared)) = &self.host else { return };
        // No lock is held while the executor is called: it may finish a task at once.
        let running: Vec<_> =
            shared.running().iter().filter(|(job, _)| wanted(job)).map(|(_, task)| task.clone()).collect();
        for (id, control) in running {
            act(&control);
            let _ = catch_unwind(AssertUnwindSafe(|| executor.signal(id, signal)));
        }
    }
}

impl Drop for Executors {
    fn drop(&mut self) {
        // As with processes: nothing that is given up may go on and write into outputs.
        self.each_hosted(|_| true, TaskSignal::Kill, |control| control.signal(Signal::Kill));
    }
}

fn told(signal: Signal) -> TaskSignal {
    match signal {
        Signal::Terminate => TaskSignal::Terminate,
        Signal::Kill => TaskSignal::Kill,
    }
}

fn set_began(task: &mut Task, began: bool) {
    if let Some(inner) = &mut task.inner {
        inner.began = began;
    }
}

fn task(request: JobRequest, facts: TaskFacts, shared: &Arc<Shared>, handover: &Arc<Handover>) -> Task {
    let id = TaskId::new(facts.run, request.job);
    let control = Arc::new(Control::new(request.work.cancelled().cloned()));
    shared.running().insert(id.job, (id, control.clone()));
    let command = command(&request);
    let start = shared.clock.monotonic();
    let shared = shared.clone();
    let (handover, began) = (Arc::downgrade(handover), false);
    Task {
        inner: Some(Box::new(Inner { id, facts, command, request, shared, control, start, began, handover })),
    }
}

/// What a job is, if it is a command and no more.
fn command(request: &JobRequest) -> Option<TaskCommand> {
    let Work::Shell { shell, command, log, .. } = &request.work else { return None };
    // A longer one is put into a file that is removed afterwards.
    if request.extras.is_some() || command.len() > MAX_ARGUMENT {
        return None;
    }
    let words = shell.iter().map(|word| word.to_string()).chain([command.clone()]).collect();
    let variables = request.env.iter().cloned().collect();
    Some(TaskCommand { words, directory: absolute(&request.root), variables, log: absolute(log) })
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
