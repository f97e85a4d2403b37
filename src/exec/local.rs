//! Runs jobs on this machine: one thread per running job, which waits for its process or runs its function. A command that
//! nothing runs beside may be begun by who submitted it.
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
use super::process::{Control, Running};
use super::watch::Watch;
use crate::base::brisk;
use crate::base::clock::monotonic;
use crate::exec::executor::{Completion, JobRequest, Outcome, Seat, Signal};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::time::Instant;

/// Receives the end of each job, on the job's thread. When it calls what comes with it, a job that was submitted to follow
/// begins; else those that follow wait until they are withdrawn. If that says that a command follows, the end is not told yet, but
/// once that has begun, by what is returned: who is woken by it would have the command wait for its turn on the processor.
pub(crate) type Done = Arc<dyn Fn(Completion, &mut dyn FnMut() -> bool) -> Option<Tell> + Send + Sync>;

/// Tells the end of a job, once, however it goes out of hands.
pub(crate) struct Tell(Option<Box<dyn FnOnce() + Send>>);

impl Tell {
    pub(crate) fn by(tell: impl FnOnce() + Send + 'static) -> Tell {
        Tell(Some(Box::new(tell)))
    }
}

impl Drop for Tell {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell();
        }
    }
}

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

struct Task {
    request: JobRequest,
    control: Arc<Control>,
    /// What another thread has begun.
    under_way: Option<UnderWay>,
}

struct UnderWay {
    running: Running,
    since: Instant,
    began: bool,
}

/// Threads are made on demand and reused: making one costs 0.1 ms or more, which counts for short jobs.
#[derive(Default)]
struct Pool {
    queue: VecDeque<Task>,
    lanes: Lanes<Task>,
    running: FxHashMap<u32, Arc<Control>>,
    threads: Vec<JoinHandle<()>>,
    idle: usize,
    closing: bool,
    /// When a job was submitted last.
    submitted: Option<Instant>,
}

/// For so long a thread may take to begin what it is given.
const BEGINNING: Duration = Duration::from_millis(20);

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

    /// Starts a job when its seat says. Returns at once; `done` is called when it has ended or could not be started. `false`:
    /// its seat is gone, and it is as if it had not been submitted.
    pub(crate) fn submit(&self, request: JobRequest, seat: Seat) -> bool {
        // Dropped where they were made: to free what another thread allocated makes the two wait for each other.
        drop(std::mem::take(&mut *self.shared.spent.lock().unwrap_or_else(PoisonError::into_inner)));
        let control = Arc::new(Control::new(request.work.cancelled().cloned()));
        let job = request.job;
        let mut pool = self.shared.lock();
        pool.running.insert(job, Arc::clone(&control));
        pool.submitted = Some(monotonic());
        let mut task = Task { request, control, under_way: None };
        if let Seat::Behind(behind) | Seat::Only(behind) = seat {
            match pool.lanes.follow(behind, job, task) {
                Ok(()) => return true,
                Err(_) if seat == Seat::Only(behind) => {
                    pool.running.remove(&job);
                    return false;
                }
                // It has ended meanwhile, and its place is free.
                Err(back) => task = back,
            }
        }
        if seat != Seat::Alone {
            pool.lanes.open(job);
        }
        pool.queue.push_back(task);
        if seat != Seat::Near {
            self.find_thread(pool);
        }
        true
    }

    /// Gives the logs of jobs that take their time their names; to be called now and then, and soon again if it says so.
    pub(crate) fn name_logs(&self) -> bool {
        // Who was submitted just now may begin its log only after this.
        let is_about_to = self.shared.lock().submitted.is_some_and(|last| last.elapsed() < BEGINNING);
        self.shared.logs.name_due() || is_about_to
    }

    /// Has somebody begin what was submitted as [`Seat::Near`].
    pub(crate) fn rouse(&self) {
        let waiting = self.shared.lock().queue.len();
        (0..waiting).for_each(|_| self.find_thread(self.shared.lock()));
    }

    /// Does here what was submitted as [`Seat::Near`], unless somebody has taken it, and returns when it has ended, or after
    /// so long: then another thread goes on with it. To wake one and to be woken by it costs a small program a tenth of
    /// what it takes.
    pub(crate) fn help(&self, patience: Duration) {
        let task = {
            let mut pool = self.shared.lock();
            if !pool.queue.front().is_some_and(|task| job::is_command(&task.request)) {
                drop(pool);
                return self.rouse();
            }
            pool.queue.pop_front()
        };
        let Some(Task { request, control, .. }) = task else { return };
        let around = self.shared.around();
        // The report is sent also if this unwinds.
        let helped = catch_unwind(AssertUnwindSafe(|| {
            let mut report = Report::new(&self.shared, request.job);
            let mut began = request.begin.is_none();
            let ended = match job::begin(&request, &control, around, &mut began) {
                Ok(running) if running.ends_within(patience) => {
                    Ok(job::end(&request, &control, around, running))
                }
                Ok(running) => Err(running),
                Err(outcome) => Ok(outcome),
            };
            report.began = began;
            match ended {
                Ok(outcome) => {
                    report.outcome = Some(outcome);
                    Ok(report.send())
                }
                Err(running) => Err(report.put_off(running)),
            }
        }));
        let next = match helped {
            Ok(Err(under_way)) => Some(Task { request, control, under_way: Some(under_way) }),
            Ok(Ok(following)) => following.map(|(next, _)| next),
            Err(_) => None,
        };
        if let Some(next) = next {
            let mut pool = self.shared.lock();
            pool.queue.push_front(next);
            self.find_thread(pool);
        }
    }

    /// Wakes a thread for what was queued last, or makes one.
    fn find_thread(&self, mut pool: MutexGuard<'_, Pool>) {
        if pool.idle >= pool.queue.len() {
            self.shared.work.notify_one();
            return;
        }
        let shared = Arc::clone(&self.shared);
        let name = format!("rulemake-job-{}", pool.threads.len());
        match thread::Builder::new().name(name).spawn(move || serve(&shared)) {
            Ok(thread) => pool.threads.push(thread),
            // The other threads take it when they are free, as one may be.
            Err(_) if !pool.threads.is_empty() => self.shared.work.notify_one(),
            Err(error) => {
                let refused = pool.queue.pop_back();
                if let Some(task) = &refused {
                    pool.lanes.withdraw(task.request.job, true);
                }
                drop(pool);
                if let Some(task) = refused {
                    self.refuse(task, &error);
                }
            }
        }
    }

    /// There is no thread for it, and none that will be free. Nothing follows it: others ride only once threads have done jobs.
    fn refuse(&self, Task { request, control, under_way }: Task, error: &io::Error) {
        let mut report = Report::new(&self.shared, request.job);
        match under_way {
            Some(under_way) => report.finish(&request, &control, under_way),
            None => {
                report.outcome = Some(Outcome::NotStarted(format!("cannot start a thread: {error}")));
                report.began = request.begin.is_none();
            }
        }
        report.send();
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
    fn around(&self) -> Around<'_> {
        Around { watch: &self.watch, logs: &self.logs, inherited: &self.inherited }
    }

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
    let mut brisk = false;
    let mut following: Option<(Task, Option<Tell>)> = None;
    while let Some((mut task, mut before)) = following.take().or_else(|| Some((shared.next(brisk)?, None))) {
        // The report is sent also if this unwinds, and the thread goes on.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let Task { request, control, under_way } = &mut task;
            let mut report = Report::new(shared, request.job);
            // Here, so that it is told first if this unwinds.
            let mut before = before.take();
            if before.is_some() {
                report.follow(request, control, &mut before);
            } else if let Some(under_way) = under_way.take() {
                report.finish(request, control, under_way);
            } else {
                // Until it is told that it did not, it did.
                let mut began = request.begin.is_none();
                let outcome = job::execute(request, control, shared.around(), &mut began);
                (report.outcome, report.began) = (Some(outcome), began);
            }
            brisk = brisk::is(report.start.elapsed());
            report.send()
        }));
        following = ended.ok().flatten();
        shared.spent.lock().unwrap_or_else(PoisonError::into_inner).push(task);
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

    /// Waits for the end of what another thread has begun.
    fn finish(&mut self, request: &JobRequest, control: &Arc<Control>, under_way: UnderWay) {
        let UnderWay { running, since, began } = under_way;
        (self.start, self.began) = (since, began);
        self.outcome = Some(job::end(request, control, self.shared.around(), running));
    }

    /// Begins a command, tells of the end of the job before it, and waits for its own.
    fn follow(&mut self, request: &JobRequest, control: &Arc<Control>, before: &mut Option<Tell>) {
        let around = self.shared.around();
        self.began = request.begin.is_none();
        let running = job::begin(request, control, around, &mut self.began);
        drop(before.take());
        self.outcome = Some(match running {
            Ok(running) => job::end(request, control, around, running),
            Err(outcome) => outcome,
        });
    }

    /// Another thread will send it.
    fn put_off(mut self, running: Running) -> UnderWay {
        self.is_sent = true;
        UnderWay { running, since: self.start, began: self.began }
    }

    /// The job that follows and begins, and what then tells this end.
    fn send(mut self) -> Option<(Task, Option<Tell>)> {
        self.deliver()
    }

    fn deliver(&mut self) -> Option<(Task, Option<Tell>)> {
        if std::mem::replace(&mut self.is_sent, true) {
            return None;
        }
        self.shared.lock().running.remove(&self.job);
        let outcome = self.outcome.take();
        let outcome = outcome.unwrap_or_else(|| Outcome::FunctionError("lost: its thread ended".into()));
        let (job, duration, began) = (self.job, self.start.elapsed(), self.began);
        let completion = Completion { job, outcome, duration, began };
        let mut next: Option<Task> = None;
        let mut follow = || {
            next = self.shared.lock().lanes.next(job);
            next.as_ref().is_some_and(|next| job::is_command(&next.request))
        };
        // A panic of the receiver while this thread unwinds would end the program.
        let tell = catch_unwind(AssertUnwindSafe(|| (self.shared.done)(completion, &mut follow)));
        next.map(|next| (next, tell.ok().flatten()))
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
