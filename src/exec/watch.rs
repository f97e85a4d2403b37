//! What must happen while jobs run, whoever waits for them: the end of their time, a look at their memory. One thread
//! for all jobs, which exists from the first job on that needs it.

use super::process::Control;
use crate::base::clock::monotonic;
use crate::exec::executor::{Signal, Timeout};
use crate::exec::usage::{Meter, Processes};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// The first look at a job's memory; each pause after it is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Watch {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    closing: bool,
    /// Nothing becomes due.
    held: bool,
}

struct Entry {
    at: Instant,
    what: What,
}

enum What {
    /// Ask the job to end, then kill it after so long.
    End(Weak<Control>, Duration),
    Kill(Weak<Control>),
    Look(Weak<Meter>, Duration),
}

impl Watch {
    /// Ends the job when its time is over.
    pub(super) fn limit(&self, control: &Arc<Control>, timeout: Timeout) {
        // More than the clock can count is never.
        if let Some(at) = monotonic().checked_add(timeout.after) {
            self.add(Entry { at, what: What::End(Arc::downgrade(control), timeout.grace) });
        }
    }

    /// Looks at what the job uses as long as the meter exists.
    pub(super) fn observe(&self, meter: &Arc<Meter>) {
        let at = monotonic() + FIRST_LOOK;
        self.add(Entry { at, what: What::Look(Arc::downgrade(meter), FIRST_LOOK) });
    }

    /// From now on no time is over.
    pub(super) fn hold(&self) {
        self.shared.lock().held = true;
    }

    /// Time goes on, as if it had stood still for so long.
    pub(super) fn go_on(&self, paused: Duration) {
        let mut state = self.shared.lock();
        state.held = false;
        for entry in &mut state.entries {
            entry.at = entry.at.checked_add(paused).unwrap_or(entry.at);
        }
        self.shared.changed.notify_one();
    }

    fn add(&self, entry: Entry) {
        self.shared.lock().entries.push(entry);
        self.shared.changed.notify_one();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            // Without it a job has no limit and its memory is not known, which is no reason to fail it.
            *thread = Builder::new().name("rulemake-watch".into()).spawn(move || serve(&shared)).ok();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is due; `None` when nothing will be.
    fn due(&self) -> Option<Vec<Entry>> {
        let mut state = self.lock();
        loop {
            if state.closing {
                return None;
            }
            let now = monotonic();
            let held = state.held;
            let due: Vec<Entry> = state.entries.extract_if(.., |entry| !held && entry.at <= now).collect();
            if !due.is_empty() {
                return Some(due);
            }
            let next = state.entries.iter().map(|entry| entry.at).min().filter(|_| !held);
            state = match next {
                Some(at) => {
                    let wait = self.changed.wait_timeout(state, at.saturating_duration_since(now));
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

fn serve(shared: &Shared) {
    while let Some(due) = shared.due() {
        // One look at the machine serves all jobs.
        let mut processes = None;
        let mut next = Vec::new();
        for entry in due {
            let now = monotonic();
            match entry.what {
                What::End(control, grace) => {
                    if let Some(control) = control.upgrade() {
                        control.time_out(Signal::Terminate);
                    }
                    next.push(Entry { at: now + grace, what: What::Kill(control) });
                }
                What::Kill(control) => {
                    if let Some(control) = control.upgrade() {
                        control.time_out(Signal::Kill);
                    }
                }
                What::Look(meter, pause) => {
                    if let Some(known) = meter.upgrade() {
                        known.sample(processes.get_or_insert_with(Processes::now));
                        let pause = LONGEST_PAUSE.min(pause * 2);
                        next.push(Entry { at: now + pause, what: What::Look(meter, pause) });
                    }
                }
            }
        }
        shared.lock().entries.extend(next);
    }
}
