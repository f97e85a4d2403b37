//! For tests of an embedder's rules: files in memory, an executor that executes nothing, a clock that stands still.
//!
//! All else is what it is: rules are matched, plans made, contents compared, results recorded and recovered by the same
//! code, so a test says what a run on a machine would do, in well under a millisecond for a job. Closures and interpreters
//! of the host do run; with [`JobContext::read`](crate::JobContext::read) and
//! [`JobContext::write`](crate::JobContext::write) they work on the files in memory, and functions of rules with
//! [`CallContext::read`](crate::CallContext::read).
//!
//! A machine is needed for: programs and scripts that are executed, so a session on files in memory has a [`FakeExecutor`]
//! or closures alone; `std::fs` in closures; links, pipes, services and job directories (`shadow`); benchmarks; archives,
//! what a cache keeps; and [`Workflow::load`](crate::Workflow::load), so a Rulefile is given as text to
//! [`Workflow::parse`](crate::Workflow::parse). The time limits of jobs are those of the machine's clock, whatever [`ManualClock`] shows.
//!
//! ```
//! use rulemake::test_support::{FakeExecutor, MemoryFiles};
//! use rulemake::{RunOptions, Session, Workflow};
//!
//! let files = MemoryFiles::new();
//! files.write("a.csv", "1\n");
//! let text = "rule plot:\n    input: '{x}.csv'\n    output: '{x}.png'\n    shell: 'plot {input} {output}'\n";
//! let executor = FakeExecutor::new();
//! let mut session =
//!     Session::builder(Workflow::parse("Rulefile", text)?).root(files.root()).executor(executor.clone()).open()?;
//! let run = |session: &mut Session| session.run(&["a.png"], &RunOptions::default());
//! assert!(run(&mut session)?.success());
//! assert_eq!(executor.take(), ["plot a.png"], "what was executed since the last time");
//! run(&mut session)?;
//! assert!(executor.take().is_empty());
//! files.write("a.csv", "2\n");
//! run(&mut session)?;
//! assert_eq!(executor.take(), ["plot a.png"]);
//! # Ok::<(), rulemake::Error>(())
//! ```

use crate::base::clock::Clock;
use crate::disk::{self, Memory};
use crate::exec::host::{Executor, Task, TaskEnd, TaskId, TaskSignal};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A root directory in memory. Clones are the same files; with the last one they are gone.
///
/// ```
/// # use rulemake::test_support::MemoryFiles;
/// let files = MemoryFiles::new();
/// files.write("data/a.txt", "one");
/// assert_eq!(files.read("data/a.txt").as_deref(), Some("one".as_bytes()));
/// assert_eq!(files.list(), ["data/a.txt"]);
/// ```
#[derive(Clone, Debug)]
pub struct MemoryFiles {
    memory: Arc<Memory>,
}

impl Default for MemoryFiles {
    fn default() -> MemoryFiles {
        MemoryFiles::new()
    }
}

impl MemoryFiles {
    /// An empty directory.
    ///
    /// ```
    /// # use rulemake::test_support::MemoryFiles;
    /// assert!(MemoryFiles::new().list().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> MemoryFiles {
        MemoryFiles { memory: Memory::new() }
    }

    /// The path of the directory, for [`SessionBuilder::root`](crate::SessionBuilder::root). Only rulemake finds it.
    ///
    /// ```
    /// # use rulemake::test_support::MemoryFiles;
    /// let files = MemoryFiles::new();
    /// assert!(!files.root().exists(), "only rulemake finds it");
    /// ```
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.memory.root()
    }

    fn full(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// Writes a file, with the directories above it.
    ///
    /// ```
    /// # use rulemake::test_support::MemoryFiles;
    /// let files = MemoryFiles::new();
    /// files.write("a/b/c", "deep");
    /// ```
    ///
    /// # Panics
    /// When a directory is where the file is to be, or the other way round: a mistake of the test.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let full = self.full(path);
        let parent = full.parent().map_or(Ok(()), disk::create_dir_all);
        if let Err(error) = parent.and_then(|()| disk::write(&full, content)) {
            panic!("cannot write {path} in memory: {error}");
        }
    }

    /// The content of a file; `None` when it is not there.
    ///
    /// ```
    /// # use rulemake::test_support::MemoryFiles;
    /// assert_eq!(MemoryFiles::new().read("nothing"), None);
    /// ```
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        disk::read(self.full(path)).ok()
    }

    /// The content of a file as text.
    ///
    /// ```
    /// # use rulemake::test_support::MemoryFiles;
    /// let files = MemoryFiles::new();
    /// files.write("a", "text");
    /// assert_eq!(files.read_to_string("a").as_deref(), Some("text"));
    /// ```
    #[must_use]
    pub fn read_to_string(&self, path: &str) -> Option<String> {
        disk::read_to_string(self.full(path)).ok()
    }

    /// Removes a file. `false` when it was not there.
    ///
    /// ```
    /// # use rulemake::test_support::MemoryFiles;
    /// assert!(!MemoryFiles::new().remove("nothing"));
    /// ```
    pub fn remove(&self, path: &str) -> bool {
        disk::remove_file(self.full(path)).is_ok()
    }

    /// All files but those of the state directory, sorted.
    ///
    /// ```
    /// # use rulemake::test_support::MemoryFiles;
    /// let files = MemoryFiles::new();
    /// files.write("b", "");
    /// files.write("a", "");
    /// assert_eq!(files.list(), ["a", "b"]);
    /// ```
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let files = self.memory.files();
        let own = files.iter().filter(|path| !path.starts_with(".rulemake"));
        own.map(|path| path.to_string_lossy().replace('\\', "/")).collect()
    }
}

/// A clock that goes on only when it is told to.
///
/// ```
/// # use rulemake::{Clock, test_support::ManualClock};
/// # use std::time::Duration;
/// let clock = ManualClock::new(1_000);
/// clock.advance(Duration::from_secs(2));
/// assert_eq!((clock.wall_ms(), clock.monotonic()), (3_000, Duration::from_secs(2)));
/// ```
#[derive(Debug)]
pub struct ManualClock {
    start_ms: u64,
    passed: Mutex<Duration>,
}

impl ManualClock {
    /// A clock that shows so many milliseconds since the Unix epoch.
    ///
    /// ```
    /// # use rulemake::{Clock, test_support::ManualClock};
    /// assert_eq!(ManualClock::new(1_000).wall_ms(), 1_000);
    /// ```
    #[must_use]
    pub fn new(wall_ms: u64) -> Arc<ManualClock> {
        Arc::new(ManualClock { start_ms: wall_ms, passed: Mutex::default() })
    }

    /// Lets time pass.
    ///
    /// ```
    /// # use rulemake::{Clock, test_support::ManualClock};
    /// let clock = ManualClock::new(0);
    /// clock.advance(std::time::Duration::from_millis(250));
    /// assert_eq!(clock.wall_ms(), 250);
    /// ```
    pub fn advance(&self, time: Duration) {
        *lock(&self.passed) += time;
    }
}

impl Clock for ManualClock {
    fn wall_ms(&self) -> u64 {
        self.start_ms + self.monotonic().as_millis() as u64
    }

    fn monotonic(&self) -> Duration {
        *lock(&self.passed)
    }
}

type Play = Box<dyn FnMut(&Task) -> TaskEnd + Send>;

/// An executor that executes no command and no script. Instead each task makes its outputs, with a content that follows
/// from what would have been executed: another command, param or input gives another content, the same give the same. An
/// output that is a directory gets one file, `content`.
///
/// ```
/// use rulemake::test_support::{FakeExecutor, MemoryFiles};
/// use rulemake::{RunOptions, Session, Workflow, executor::TaskEnd};
///
/// let files = MemoryFiles::new();
/// let text = "rule a:\n    output: 'a'\n    retries: 1\n    shell: 'make-a'\n";
/// let executor = FakeExecutor::new();
/// let mut attempts = 0;
/// let made = files.clone();
/// executor.play("a", move |_| {
///     attempts += 1;
///     if attempts == 1 {
///         return TaskEnd::Exit(1);
///     }
///     made.write("a", "at last");
///     TaskEnd::Success
/// });
/// let builder = Session::builder(Workflow::parse("Rulefile", text)?).root(files.root());
/// assert!(builder.executor(executor).open()?.run::<&str>(&[], &RunOptions::default())?.success());
/// assert_eq!(files.read_to_string("a").as_deref(), Some("at last"));
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Default)]
pub struct FakeExecutor {
    executed: Mutex<Vec<String>>,
    plays: Mutex<Vec<(String, Play)>>,
}

impl FakeExecutor {
    /// An executor whose tasks all succeed.
    ///
    /// ```
    /// # use rulemake::test_support::FakeExecutor;
    /// assert!(FakeExecutor::new().take().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Arc<FakeExecutor> {
        Arc::default()
    }

    /// Lets the tasks of a rule do something else: the function stands for the program.
    ///
    /// ```
    /// # use rulemake::{executor::TaskEnd, test_support::FakeExecutor};
    /// let executor = FakeExecutor::new();
    /// executor.play("upload", |task| match task.outputs().is_empty() {
    ///     true => TaskEnd::Success,
    ///     false => TaskEnd::Failed("an upload makes nothing".into()),
    /// });
    /// ```
    pub fn play(&self, rule: &str, play: impl FnMut(&Task) -> TaskEnd + Send + 'static) {
        lock(&self.plays).push((rule.to_string(), Box::new(play)));
    }

    /// Lets the tasks of a rule fail with an exit code.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow, test_support::{FakeExecutor, MemoryFiles}};
    /// let (files, executor) = (MemoryFiles::new(), FakeExecutor::new());
    /// executor.fail("a", 3);
    /// let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let mut session = Session::builder(workflow).root(files.root()).executor(executor).open()?;
    /// assert_eq!(session.run::<&str>(&[], &RunOptions::default())?.failures[0].exit_code, Some(3));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn fail(&self, rule: &str, code: i32) {
        self.play(rule, move |_| TaskEnd::Exit(code));
    }

    /// What was executed since the last call of this, by rule and first output, in order.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow, test_support::{FakeExecutor, MemoryFiles}};
    /// let (files, executor) = (MemoryFiles::new(), FakeExecutor::new());
    /// let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let mut session = Session::builder(workflow).root(files.root()).executor(executor.clone()).open()?;
    /// assert!(session.run::<&str>(&[], &RunOptions::default())?.success());
    /// assert_eq!(executor.take(), ["a no-such.txt"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.executed))
    }

    fn end_of(&self, task: &Task) -> TaskEnd {
        let mut plays = lock(&self.plays);
        if let Some((_, play)) = plays.iter_mut().rev().find(|(rule, _)| rule == task.rule()) {
            return play(task);
        }
        let mut outputs = task.outputs().iter().enumerate();
        let made = outputs.try_for_each(|(number, path)| make(path, task.makes_directory(number), task));
        made.map_or_else(|error| TaskEnd::Failed(error.to_string()), |()| TaskEnd::Success)
    }
}

/// Makes an output of a task.
fn make(path: &Path, is_directory: bool, task: &Task) -> std::io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let content = format!("{name} of {}\n{}\n", task.title(), task.key());
    if !is_directory {
        return disk::write(path, content);
    }
    disk::create_dir_all(path)?;
    disk::write(path.join(IN_DIRECTORIES), content)
}

/// The file in an output that is a directory.
const IN_DIRECTORIES: &str = "content";

impl Executor for FakeExecutor {
    fn accepts(&self, task: &Task) -> bool {
        !task.is_call()
    }

    fn submit(&self, mut task: Task) {
        lock(&self.executed).push(task.title().to_string());
        if task.begin().is_ok() {
            let end = self.end_of(&task);
            task.finish(end);
        }
    }

    fn signal(&self, _: TaskId, _: TaskSignal) {}
}

impl fmt::Debug for FakeExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeExecutor").field("executed", &lock(&self.executed)).finish_non_exhaustive()
    }
}
