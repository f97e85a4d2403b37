//! One program from start to end: its log, its process tree, its outcome.
//!
//! Invariant: a signal is sent only to a group whose number cannot belong to anybody else, see [`Control`].

use super::job::Around;
use super::log::Log;
#[cfg(not(unix))]
use super::other::{Leader, Tree, outcome, reap};
#[cfg(unix)]
use super::unix::{Leader, Tree, outcome, reap};
use crate::base::clock::monotonic;
use crate::exec::executor::{Outcome, Signal};
use crate::exec::plain::Streams;
use crate::exec::usage::Meter;
use crate::exec::variables::Env;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Linux takes at most 128 KiB in one argument.
pub(super) const MAX_ARGUMENT: usize = 120 * 1024;

/// How long members of a terminated job may outlive its shell before they are killed: `docker run` and `mpirun`
/// pass SIGTERM on to processes outside of the group, and need the time to do it.
const LINGER: Duration = Duration::from_secs(2);

/// The longest pause between two looks whether they are gone; the first are shorter.
const LINGER_STEP: Duration = Duration::from_millis(50);

/// The program and its arguments.
pub(super) type Words<'a> = Vec<Cow<'a, OsStr>>;

/// How a program is started.
pub(super) struct Launch<'a> {
    /// Where it works.
    pub(super) dir: &'a Path,
    /// Gets stdout and stderr.
    pub(super) log: &'a Path,
    pub(super) around: Around<'a>,
    pub(super) log_is: LogIs,
    pub(super) env: Env<'a>,
    /// What to do when the program is not there.
    pub(super) advice: &'a str,
    pub(super) meter: Option<&'a Arc<Meter>>,
    /// Since when all is there that the job needs; `None` for one program of several.
    pub(super) ready: Option<Instant>,
}

/// How output comes into the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LogIs {
    /// Behind what it holds already.
    GoneOn,
    New,
    /// New, and nobody else knows of it: it gets its name when there is a reason.
    Nameless,
}

impl Launch<'_> {
    fn open_log(&self) -> io::Result<Log> {
        match self.log_is {
            LogIs::GoneOn => self.around.logs.go_on(self.log).map(Log::named),
            LogIs::New => self.around.logs.begin(self.log).map(Log::named),
            LogIs::Nameless => self.around.logs.begin_nameless(self.log),
        }
    }
}

/// Runs a program to its end.
pub(super) fn run(words: &[Cow<'_, OsStr>], launch: &Launch<'_>, control: &Control) -> Outcome {
    match begin(words, launch, control) {
        Ok(running) => running.end(launch, control),
        Err(outcome) => outcome,
    }
}

/// Starts a program; the error is its end.
pub(super) fn begin(
    words: &[Cow<'_, OsStr>],
    launch: &Launch<'_>,
    control: &Control,
) -> Result<Running, Outcome> {
    let log = launch.open_log().map_err(|error| {
        Outcome::NotStarted(format!("cannot create the log `{}`: {error}", launch.log.display()))
    })?;
    match start_with(words, launch, control, None, None, &log.file) {
        Ok(started) => Ok(Running { started, log }),
        Err(why) => {
            launch.around.logs.over(launch.log, log);
            Err(Outcome::NotStarted(why))
        }
    }
}

/// As [`begin`], with files for its standard input and output. `None`: it could not be started.
pub(super) fn begin_direct(
    words: &[Cow<'_, OsStr>],
    streams: Streams,
    launch: &Launch<'_>,
    control: &Control,
) -> Option<Running> {
    let log = launch.open_log().ok()?;
    match start_with(words, launch, control, streams.input.as_ref(), streams.output.as_ref(), &log.file) {
        Ok(started) => Some(Running { started, log }),
        Err(_) => {
            // Else it would get its name in the place of the log that the shell makes.
            launch.around.logs.over(launch.log, log);
            None
        }
    }
}

/// A program that was started, and not waited for yet.
#[derive(Debug)]
pub(super) struct Running {
    started: Started,
    log: Log,
}

impl Running {
    /// Waits for so long at most whether it ends; `false` also where that cannot be known.
    pub(super) fn ends_within(&self, patience: Duration) -> bool {
        match &self.started {
            Started::Leader(leader) => leader.ends_within(patience),
            Started::Stopped(_) => true,
        }
    }

    /// Waits for its end; with what it was started with.
    pub(super) fn end(self, launch: &Launch<'_>, control: &Control) -> Outcome {
        let outcome = match self.started {
            Started::Leader(leader) => match control.wait(leader, launch.meter).map(outcome) {
                // Many a program ends well when it is asked to end: what it made is half of what it was to make.
                Ok(Outcome::Success) => {
                    control.told().map_or(Outcome::Success, |s| Outcome::Signal(s.number()))
                }
                Ok(outcome) => outcome,
                // Somebody else reaped it, or the host program ignores SIGCHLD.
                Err(error) => Outcome::NotStarted(format!(
                    "its end could not be observed: {error}; does the program wait for all its children?"
                )),
            },
            Started::Stopped(signal) => Outcome::Signal(signal.number()),
        };
        launch.around.logs.over(launch.log, self.log);
        outcome
    }
}

#[derive(Debug)]
enum Started {
    Leader(Leader),
    /// A signal came first.
    Stopped(Signal),
}

/// What a program is started with.
pub(super) struct Start<'a> {
    /// Its name first, which is looked for in `PATH` unless it has a directory.
    pub(super) words: &'a [Cow<'a, OsStr>],
    pub(super) dir: &'a Path,
    /// On top of what it inherits; of those of one name the last counts.
    pub(super) env: Env<'a>,
    /// A background group that reads from the terminal is stopped, and hangs: so without one there is nothing to read.
    pub(super) input: Option<&'a File>,
    pub(super) output: &'a File,
    pub(super) log: &'a File,
    /// As [`Launch::ready`].
    pub(super) ready: Option<Instant>,
}

fn start_with(
    words: &[Cow<'_, OsStr>],
    launch: &Launch<'_>,
    control: &Control,
    input: Option<&File>,
    output: Option<&File>,
    log: &File,
) -> Result<Started, String> {
    let Some(program) = words.first() else { return Err("no program is set".into()) };
    let (dir, env, ready) = (launch.dir, launch.env, launch.ready);
    let start = Start { words, dir, env, input, output: output.unwrap_or(log), log, ready };
    let started = control.start(|| launch.around.inherited.start(&start), launch.meter);
    started.map_err(|error| not_started(&error, &program.to_string_lossy(), launch))
}

/// Runs one of several programs of a job, whose log is open. With `capture` its standard output is given back.
pub(super) fn run_step(
    words: &[Cow<'_, OsStr>],
    launch: &Launch<'_>,
    control: &Control,
    log: &File,
    capture: bool,
) -> Result<(Outcome, Vec<u8>), String> {
    let cannot = |error| format!("cannot read what it writes: {error}");
    let (reader, writer) = match capture {
        true => io::pipe().map(|(reader, writer)| (Some(reader), Some(as_file(writer)))).map_err(cannot)?,
        false => (None, None),
    };
    let leader = match start_with(words, launch, control, None, writer.as_ref(), log)? {
        Started::Leader(leader) => leader,
        Started::Stopped(signal) => return Ok((Outcome::Signal(signal.number()), Vec::new())),
    };
    // The end of what it writes is seen only when nobody here can write any more.
    drop(writer);
    let reader = reader.map(Captured::of).transpose();
    let ended = control.wait(leader, launch.meter);
    let reader = reader.map_err(cannot)?;
    let captured = reader.map_or_else(Vec::new, |reader| reader.take(control));
    let status = ended.map_err(|error| {
        format!("its end could not be observed: {error}; does the program wait for all its children?")
    })?;
    Ok((outcome(status), captured))
}

#[cfg(unix)]
fn as_file(writer: PipeWriter) -> File {
    std::os::fd::OwnedFd::from(writer).into()
}

#[cfg(windows)]
fn as_file(writer: PipeWriter) -> File {
    std::os::windows::io::OwnedHandle::from(writer).into()
}

/// The output of a program, read while it runs. It ends when the last of those who write has ended, which may be long
/// after the program: one that left the group is not even reached by a signal. So a job that is to end does not wait.
struct Captured(Receiver<Vec<u8>>);

impl Captured {
    fn of(mut output: PipeReader) -> io::Result<Captured> {
        let (sender, receiver) = channel();
        std::thread::Builder::new().name("rulemake-read".into()).spawn(move || {
            let mut text = Vec::new();
            let _ = output.read_to_end(&mut text);
            // Nobody listens when the job was told to end.
            let _ = sender.send(text);
        })?;
        Ok(Captured(receiver))
    }

    fn take(self, control: &Control) -> Vec<u8> {
        loop {
            match self.0.recv_timeout(Duration::from_millis(20)) {
                Ok(text) => return text,
                Err(RecvTimeoutError::Timeout) if control.asked().is_none() => {}
                Err(_) => return Vec::new(),
            }
        }
    }
}

/// What to do when a shell is not there.
pub(super) fn shell_advice(shell: &[Arc<str>]) -> &'static str {
    match shell.first() {
        Some(program) if &**program == "bash" => {
            "install it, or choose another shell with `shell.executable(\"sh\")`"
        }
        _ => "install it, or correct `shell.executable(...)`",
    }
}

/// A shell command as words. One that is too long for an argument goes through the file `script`.
pub(super) fn shell_words<'a>(
    shell: &'a [Arc<str>],
    command: &'a str,
    script: &'a Path,
) -> Result<Words<'a>, String> {
    let Some((program, args)) = shell.split_first() else {
        return Err("no shell is set; choose one with `shell.executable(\"bash\")`".into());
    };
    let word = |text: &'a str| Cow::Borrowed(OsStr::new(text));
    let mut words = Vec::with_capacity(shell.len() + 1);
    words.push(word(program));
    if command.len() <= MAX_ARGUMENT {
        words.extend(args.iter().map(|arg| word(arg)));
        words.push(word(command));
        return Ok(words);
    }
    let args = script_args(args).ok_or_else(|| {
        format!("its command is too long for `{program}`, which does not end in `-c`: put it into a script")
    })?;
    let write = fs::write(script, command);
    write.map_err(|e| format!("cannot write the script `{}`: {e}", script.display()))?;
    words.extend(args.into_iter().map(word));
    words.push(Cow::Borrowed(script.as_os_str()));
    Ok(words)
}

/// Removes the file of [`shell_words`].
pub(super) fn remove_script(command: &str, script: &Path) {
    if command.len() > MAX_ARGUMENT {
        let _ = fs::remove_file(script);
    }
}

/// A file of a job, beside its log.
pub(super) fn beside(log: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(log.with_extension(""));
    path.push(suffix);
    path.into()
}

/// The arguments for a script instead of a text: `-c` goes, also at the end of `-euc`.
fn script_args(args: &[Arc<str>]) -> Option<Vec<&str>> {
    let (last, rest) = args.split_last()?;
    let flags = last.strip_prefix('-')?.strip_suffix('c')?;
    if flags.starts_with('-') {
        return None;
    }
    let mut args: Vec<&str> = rest.iter().map(|a| &**a).collect();
    if !flags.is_empty() {
        args.push(&last[..last.len() - 1]);
    }
    Some(args)
}

fn not_started(error: &io::Error, program: &str, launch: &Launch<'_>) -> String {
    match error.kind() {
        // The error is the same if the directory is missing.
        io::ErrorKind::NotFound if !launch.dir.is_dir() => {
            format!("the directory `{}` is not there", launch.dir.display())
        }
        io::ErrorKind::NotFound => format!("`{program}` was not found: {}", launch.advice),
        io::ErrorKind::WouldBlock => {
            format!("cannot start `{program}`: too many processes; run fewer jobs at once")
        }
        io::ErrorKind::ArgumentListTooLong => {
            format!(
                "cannot start `{program}`: the command and the environment are too long; put it into a script"
            )
        }
        io::ErrorKind::InvalidInput => {
            format!("cannot start `{program}`: the command or a variable holds a NUL character")
        }
        _ => format!("cannot start `{program}`: {error}"),
    }
}

/// How signals reach a job, from before its start until its end.
///
/// A process number is free for others as soon as the child is reaped. So `tree` is set once the start has returned,
/// until the child is known to have ended, and taken out *before* it is reaped; both under the lock that a sender
/// holds. A sender that sees a tree therefore sees one whose leader is running or a zombie. What is asked while the
/// start has not returned is remembered, and done to the tree when it is set.
#[derive(Debug)]
pub(super) struct Control {
    since: Instant,
    state: Mutex<State>,
    changed: Condvar,
    /// For functions, which nobody can stop but themselves.
    flag: Option<Arc<AtomicBool>>,
}

#[derive(Debug, Default)]
struct State {
    asked: Option<Signal>,
    /// What had been asked when the program ended.
    told: Option<Signal>,
    tree: Option<Tree>,
    timed_out: bool,
    frozen: bool,
}

impl Control {
    pub(super) fn new(flag: Option<Arc<AtomicBool>>) -> Control {
        Control { since: monotonic(), state: Mutex::default(), changed: Condvar::new(), flag }
    }

    /// When it was made: its job was ready by then.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    pub(super) fn signal(&self, signal: Signal) {
        self.end(signal, false);
    }

    /// Stops the processes where they are, or lets them go on. A function goes on.
    pub(super) fn freeze(&self, stop: bool) {
        let mut state = self.lock();
        state.frozen = stop;
        if let Some(tree) = state.tree {
            tree.freeze(stop);
        }
    }

    /// Ends the job because its time is over.
    pub(super) fn time_out(&self, signal: Signal) {
        self.end(signal, true);
    }

    pub(super) fn timed_out(&self) -> bool {
        self.lock().timed_out
    }

    fn end(&self, signal: Signal, timed_out: bool) {
        let mut state = self.lock();
        state.timed_out |= timed_out;
        if state.asked != Some(Signal::Kill) {
            state.asked = Some(signal);
        }
        if let Some(tree) = state.tree {
            tree.signal(signal);
        }
        if let Some(flag) = &self.flag {
            flag.store(true, Ordering::Relaxed);
        }
        self.changed.notify_all();
    }

    /// The flag that is raised with the first signal, if the job has one.
    pub(super) fn flag(&self) -> Option<Arc<AtomicBool>> {
        self.flag.clone()
    }

    /// The signal that came before the program ended.
    fn told(&self) -> Option<Signal> {
        self.lock().told
    }

    /// The signal that came so far.
    pub(super) fn asked(&self) -> Option<Signal> {
        self.lock().asked
    }

    /// Waits for so long, or until a signal comes, which is returned.
    pub(super) fn pause(&self, pause: Duration) -> Option<Signal> {
        let state = self.lock();
        if state.asked.is_some() {
            return state.asked;
        }
        let (state, _) = self.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner);
        state.asked
    }

    fn start(
        &self,
        start: impl FnOnce() -> io::Result<Leader>,
        meter: Option<&Arc<Meter>>,
    ) -> io::Result<Started> {
        if let Some(signal) = self.asked() {
            return Ok(Started::Stopped(signal));
        }
        // Not under the lock: this returns when the program runs, and a child that a terminal stops before that, or a file
        // system that hangs, would make all wait who have a signal to send.
        let leader = start()?;
        let tree = Tree::of(&leader);
        let mut state = self.lock();
        state.tree = Some(tree);
        // What came meanwhile.
        if let Some(signal) = state.asked {
            tree.signal(signal);
        }
        if state.frozen {
            tree.freeze(true);
        }
        if let Some(meter) = meter {
            meter.begin(leader.id());
        }
        Ok(Started::Leader(leader))
    }

    /// Waits for the end of the shell, sweeps up what a failed job left running, and reaps.
    ///
    /// After a success background children live on, as under Snakemake: a job may start a server for others.
    /// After a failure or a signal nothing of the group may live on and write into outputs that are made anew.
    fn wait(&self, mut leader: Leader, meter: Option<&Arc<Meter>>) -> io::Result<ExitStatus> {
        let tree = Tree::of(&leader);
        let ended = tree.wait_leader(&mut leader);
        if let Some(meter) = meter {
            meter.end();
        }
        let mut state = self.lock();
        state.tree = None;
        state.told = state.asked;
        match (ended, state.asked) {
            (Ok(true), None) => {}
            (Ok(_), Some(Signal::Terminate)) => return self.linger(leader, tree, state, meter),
            (Ok(_), _) => tree.signal(Signal::Kill),
            // Its number is not ours any more.
            (Err(_), _) => {}
        }
        reap(&mut leader, meter)
    }

    /// Gives the other members of a terminated job time to end, then kills them.
    ///
    /// Emptiness of a group shows only after its leader was reaped. From then on the members alone keep the
    /// number taken, and each look proves that there are some: for a wrong target all numbers would have to be
    /// used up between two looks.
    fn linger(
        &self,
        mut leader: Leader,
        tree: Tree,
        state: MutexGuard<'_, State>,
        meter: Option<&Arc<Meter>>,
    ) -> io::Result<ExitStatus> {
        let status = reap(&mut leader, meter)?;
        let start = monotonic();
        let mut state = state;
        let mut step = Duration::from_millis(1);
        while tree.has_members() {
            if state.asked == Some(Signal::Kill) || start.elapsed() > LINGER {
                tree.signal(Signal::Kill);
                break;
            }
            (state, _) = self.changed.wait_timeout(state, step).unwrap_or_else(PoisonError::into_inner);
            step = LINGER_STEP.min(step * 2);
        }
        Ok(status)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
