//! Runs jobs on this machine: one thread per running job, which waits for its process or runs its function.
//!
//! Knows no limits: who submits decides how many run at once. Invariant: every submitted job is reported exactly
//! once, whatever happens to its thread.

use super::job::{self, Around};
use super::lanes::Lanes;
#[cfg(target_os = "linux")]
use super::linux::Inherited;
use super::log::Logs;
#[cfg(not(target_os = "linux"))]
use super::portable::Inherited;
use super::process::Control;
use super::watch::Watch;
use crate::base::brisk;
use crate::base::clock::monotonic;
use crate::exec::executor::{Completion, JobRequest, Outcome, Seat, Signal};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::time::Instant;

/// Receives the end of each job, on the job's thread. When it calls what comes with it, a job that was submitted to follow
/// begins, and has begun before anybody hears of the end; else those that follow wait until they are withdrawn.
pub(crate) type Done = Arc<dyn Fn(Completion, &mut dyn FnMut()) + Send + Sync>;

/// Executes jobs as processes and functions of this machine.
///
/// Dropping it kills what runs and waits for it; a running function must end by itself.
pub(crate) struct LocalExecutor {
    shared: Arc<Shared>,
}

struct Shared {
    done: Done,
    pool: Mutex<Pool>,
    spent: Mutex<Vec<Task>>,
    work: Condvar,
    watch: Watch,
    logs: Logs,
    inherited: Inherited,
}

type Task = (JobRequest, Arc<Control>);

/// Threads are made on demand and reused: making one costs 0.1 ms or more, which counts for short jobs.
#[derive(Default)]
struct Pool {
    queue: VecDeque<Task>,
    lanes: Lanes<Task>,
    running: FxHashMap<u32, Arc<Control>>,
    threads: Vec<JoinHandle<()>>,
    idle: usize,
    closing: bool,
}

impl LocalExecutor {
    pub(crate) fn new(done: Done) -> LocalExecutor {
        let shared = Shared {
            done,
            pool: Mutex::default(),
            spent: Mutex::default(),
            work: Condvar::new(),
            watch: Watch::default(),
            logs: Logs::default(),
            inherited: Inherited::new(),
        };
        LocalExecutor { shared: Arc::new(shared) }
    }

    /// Starts a job when its seat says. Returns at once; `done` is called when it has ended or could not be started.
    pub(crate) fn submit(&self, request: JobRequest, seat: Seat) {
        // Dropped where they were made: to free what another thread allocated makes the two wait for each other.
        drop(std::mem::take(&mut *self.shared.spent.lock().unwrap_or_else(PoisonError::into_inner)));
        let control = Arc::new(Control::new(request.work.cancelled().cloned()));
        let job = request.job;
        let mut pool = self.shared.lock();
        pool.running.insert(job, Arc::clone(&control));
        let mut task = (request, control);
        if let Seat::Behind(behind) = seat {
            match pool.lanes.follow(behind, job, task) {
                Ok(()) => return,
                // It has ended meanwhile, and its place is free.
                Err(back) => task = back,
            }
        }
        if seat != Seat::Alone {
            pool.lanes.open(job);
        }
        pool.queue.push_back(task);
        if pool.idle >= pool.queue.len() {
            self.shared.work.notify_one();
            return;
        }
        let shared = Arc::clone(&self.shared);
        let name = format!("rulemake-job-{}", pool.threads.len());
        match thread::Builder::new().name(name).spawn(move || serve(&shared)) {
            Ok(thread) => pool.threads.push(thread),
            // The other threads take it when they are free.
            Err(_) if !pool.threads.is_empty() => {}
            Err(error) => {
                let refused = pool.queue.pop_back();
                pool.lanes.withdraw(job, true);
                drop(pool);
                if let Some((request, _)) = refused {
                    let mut report = Report::new(&self.shared, request.job);
                    report.outcome = Some(Outcome::NotStarted(format!("cannot start a thread: {error}")));
                    report.began = request.begin.is_none();
                    report.send();
                }
            }
        }
    }

    /// Takes back the jobs that wait for the end of this one, or wait where it does: none of them has begun or will. One that
    /// `has_ended` let nobody follow it.
    pub(crate) fn withdraw(&self, job: u32, has_ended: bool) -> Vec<u32> {
        let mut pool = self.shared.lock();
        let jobs = pool.lanes.withdraw(job, has_ended);
        jobs.iter().for_each(|job| drop(pool.running.remove(job)));
        jobs
    }

    /// Signals a job: all its processes, or the flag that its function can look at. A job that has not started
    /// yet will not; one that has ended is no error.
    pub(crate) fn signal(&self, job: u32, signal: Signal) {
        let control = self.shared.lock().running.get(&job).cloned();
        if let Some(control) = control {
            control.signal(signal);
        }
    }

    /// Signals every job that was submitted and has not ended.
    pub(crate) fn signal_all(&self, signal: Signal) {
        self.each_running(|control| control.signal(signal));
    }

    /// Stops the processes of all jobs where they are; their time limits wait.
    pub(crate) fn pause(&self) {
        self.shared.watch.hold();
        self.each_running(|control| control.freeze(true));
    }

    /// Lets them go on after so long.
    pub(crate) fn resume(&self, paused: Duration) {
        self.each_running(|control| control.freeze(false));
        self.shared.watch.go_on(paused);
    }

    fn each_running(&self, act: impl Fn(&Control)) {
        // The pool's lock is not held while signalling: a job that starts just now holds its own for a while.
        let running: Vec<_> = self.shared.lock().running.values().cloned().collect();
        running.iter().for_each(|control| act(control));
    }

    /// The jobs that were submitted and have not been reported, in order of their numbers.
    pub(crate) fn running(&self) -> Vec<u32> {
        let mut jobs: Vec<u32> = self.shared.lock().running.keys().copied().collect();
        jobs.sort_unstable();
        jobs
    }
}

impl fmt::Debug for LocalExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalExecutor").field("running", &self.running()).finish_non_exhaustive()
    }
}

impl Drop for LocalExecutor {
    fn drop(&mut self) {
        let mut pool = self.shared.lock();
        pool.closing = true;
        let threads = std::mem::take(&mut pool.threads);
        drop(pool);
        self.signal_all(Signal::Kill);
        self.shared.work.notify_all();
        for thread in threads {
            // `done` may own the executor: then this is one of its own threads.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
        // Who was to follow a job that let nobody.
        for job in self.running() {
            let mut report = Report::new(&self.shared, job);
            (report.outcome, report.began) = (Some(Outcome::Signal(Signal::Kill.number())), false);
            report.send();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; `None` when there will be none. With `brisk` it is expected at once.
    fn next(&self, brisk: bool) -> Option<Task> {
        let mut pool = self.lock();
        pool.idle += 1;
        if brisk && pool.queue.is_empty() && !pool.closing {
            drop(pool);
            brisk::linger(|| (!self.lock().queue.is_empty()).then_some(()));
            pool = self.lock();
        }
        let next = loop {
            if let Some(next) = pool.queue.pop_front() {
                break Some(next);
            }
            if pool.closing {
                break None;
            }
            pool = self.work.wait(pool).unwrap_or_else(PoisonError::into_inner);
        };
        pool.idle -= 1;
        next
    }
}

fn serve(shared: &Shared) {
    let around = Around { watch: &shared.watch, logs: &shared.logs, inherited: &shared.inherited };
    let mut brisk = false;
    let mut following = None;
    while let Some((request, control)) = following.take().or_else(|| shared.next(brisk)) {
        // The report is sent also if this unwinds, and the thread goes on.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut report = Report::new(shared, request.job);
            // Until it is told that it did not, it did.
            let mut began = request.begin.is_none();
            let outcome = job::execute(&request, &control, around, &mut began);
            brisk = brisk::is(report.start.elapsed());
            (report.outcome, report.began) = (Some(outcome), began);
            report.send()
        }));
        following = ended.ok().flatten();
        shared.spent.lock().unwrap_or_else(PoisonError::into_inner).push((request, control));
    }
}

/// Sends the end of a job: when it is told to, else when it is dropped, which then was lost.
struct Report<'a> {
    shared: &'a Shared,
    job: u32,
    start: Instant,
    outcome: Option<Outcome>,
    began: bool,
    is_sent: bool,
}

impl Report<'_> {
    fn new(shared: &Shared, job: u32) -> Report<'_> {
        Report { shared, job, start: monotonic(), outcome: None, began: true, is_sent: false }
    }

    /// The job that follows and begins.
    fn send(mut self) -> Option<Task> {
        self.deliver()
    }

    fn deliver(&mut self) -> Option<Task> {
        if std::mem::replace(&mut self.is_sent, true) {
            return None;
        }
        self.shared.lock().running.remove(&self.job);
        let outcome = self.outcome.take();
        let outcome = outcome.unwrap_or_else(|| Outcome::FunctionError("lost: its thread ended".into()));
        let (job, duration, began) = (self.job, self.start.elapsed(), self.began);
        let completion = Completion { job, outcome, duration, began };
        let mut next = None;
        let mut follow = || next = self.shared.lock().lanes.next(job);
        // A panic of the receiver while this thread unwinds would end the program.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.shared.done)(completion, &mut follow)));
        next
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        self.deliver();
    }
}

#[cfg(test)]
#[cfg(unix)]
#[path = "tests.rs"]
mod tests;
