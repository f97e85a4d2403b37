//! Ctrl-C and its kind: the first asks running jobs to end, the second kills them, the third ends rulemake even if
//! they cannot be killed.
//!
//! Only a run catches signals; a question ends as any program does.

use crate::jobserver::Jobserver;
use crate::progress::Progress;
use rulemake::{CancelLevel, CancelToken};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Remembers the first signal that came, and stops what is aimed at.
#[derive(Clone, Default)]
pub(crate) struct Signals(Arc<Inner>);

#[derive(Default)]
struct Inner {
    first: AtomicI32,
    target: Mutex<Option<(CancelToken, Progress)>>,
    slots: OnceLock<Arc<Jobserver>>,
    caught: OnceLock<()>,
}

/// So long a run may take to pause.
const PATIENCE: Duration = Duration::from_millis(500);

/// So long a kill may take before its run is left to itself.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

/// What a signal means, given how the run was stopped before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Stop(CancelLevel),
    /// Nothing more than what goes on already.
    Wait,
    /// Leave at once.
    Leave,
}

impl Signals {
    /// The signal that stopped the run.
    pub(crate) fn first(&self) -> Option<i32> {
        match self.0.first.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    fn remember(&self, signal: i32) {
        let _ = self.0.first.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// What has to be given back when the process is left at once.
    pub(crate) fn hold(&self, slots: Arc<Jobserver>) {
        let _ = self.0.slots.set(slots);
    }

    /// From now on signals are caught until the process ends, and stop this run.
    pub(crate) fn aim(&self, token: &CancelToken, progress: &Progress) {
        *self.target() = Some((token.clone(), progress.clone()));
        self.catch();
    }

    /// From now on signals are caught until the process ends.
    pub(crate) fn catch(&self) {
        self.0.caught.get_or_init(|| catch(self));
    }

    fn target(&self) -> MutexGuard<'_, Option<(CancelToken, Progress)>> {
        self.0.target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ctrl-Z: jobs have process groups of their own, which the terminal does not stop. `stop` stops this process until
    /// somebody lets it go on.
    #[cfg(unix)]
    fn paused(&self, stop: impl FnOnce()) {
        let target = self.target().clone();
        if let Some((token, progress)) = &target {
            token.pause();
            let begin = Instant::now();
            // A run that is still planning has no jobs.
            while !token.is_paused() && begin.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(5));
            }
            progress.rest();
        }
        stop();
        if let Some((token, progress)) = &target {
            token.resume();
            progress.go_on();
        }
        // A job that was just being started was still in our group: it is stopped before it has become a group of its own,
        // and nobody else will ever let it go on.
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            crate::sys::continue_stopped_children();
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the process is to be left at once.
    fn received(&self, signal: i32, interactive: bool) -> bool {
        self.remember(signal);
        let Some((token, progress)) = self.target().clone() else { return false };
        let answer = answer(interactive, token.level());
        if let Answer::Stop(level) = answer {
            token.cancel(level);
            progress.stopping(level, interactive);
        }
        if answer == Answer::Leave {
            // Mostly the run ends by itself in this time, and the process with it. Who leaves before the jobs were killed
            // leaves behind those that ignore everything else.
            std::thread::sleep(KILL_PATIENCE);
            progress.clear();
            if let Some(slots) = self.0.slots.get() {
                slots.give_all_back();
            }
        }
        answer == Answer::Leave
    }
}

/// Only Ctrl-C is a person who grows impatient; other signals are often sent more than once.
fn answer(interactive: bool, level: Option<CancelLevel>) -> Answer {
    match level {
        Some(CancelLevel::Kill) if interactive => Answer::Leave,
        Some(CancelLevel::Terminate) if interactive => Answer::Stop(CancelLevel::Kill),
        Some(CancelLevel::Terminate | CancelLevel::Kill) => Answer::Wait,
        _ => Answer::Stop(CancelLevel::Terminate),
    }
}

#[cfg(unix)]
fn catch(signals: &Signals) {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
    use signal_hook::low_level::emulate_default_handler;
    use std::sync::atomic::AtomicUsize;

    let seen = signals.clone();
    let Ok(mut caught) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
        return;
    };
    // Which of the two came last. To stop takes a moment, and who is told to go on meanwhile is not to stop any more, as the
    // kernel has it: nobody would tell it again. A stop takes back what waits to be heard of, too.
    let last = Arc::new(AtomicUsize::new(0));
    for signal in [SIGCONT, SIGTSTP] {
        let _ = signal_hook::flag::register_usize(signal, last.clone(), signal as usize);
    }
    // After that, for what is registered is done in this order: that somebody hears of the stop may cost its handler the
    // processor, and a signal to go on would be noted before the stop that it follows.
    let _ = caught.add_signal(SIGTSTP);
    let watch = move || {
        for signal in caught.forever() {
            if signal == SIGTSTP {
                seen.paused(|| {
                    // In this order: what waits no longer is noted.
                    if !crate::sys::is_told_to_go_on() && last.load(Ordering::SeqCst) == SIGTSTP as usize {
                        let _ = emulate_default_handler(SIGTSTP);
                    }
                });
                continue;
            }
            if seen.received(signal, signal == SIGINT) {
                let _ = emulate_default_handler(signal);
            }
        }
    };
    let _ = std::thread::Builder::new().name("signals".into()).spawn(watch);
}

#[cfg(not(unix))]
fn catch(signals: &Signals) {
    use signal_hook::consts::SIGINT;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    let seen = signals.clone();
    let flag = Arc::new(AtomicBool::new(false));
    if signal_hook::flag::register(SIGINT, flag.clone()).is_err() {
        return;
    }
    let watch = move || {
        loop {
            if flag.swap(false, Ordering::SeqCst) {
                seen.received(SIGINT, true);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let _ = std::thread::Builder::new().name("signals".into()).spawn(watch);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_c_grows_sharper_and_other_signals_do_not() {
        use CancelLevel::{Drain, Kill, Terminate};
        for (interactive, level, expected) in [
            (true, None, Answer::Stop(Terminate)),
            (true, Some(Drain), Answer::Stop(Terminate)),
            (true, Some(Terminate), Answer::Stop(Kill)),
            (true, Some(Kill), Answer::Leave),
            (false, None, Answer::Stop(Terminate)),
            (false, Some(Terminate), Answer::Wait),
            (false, Some(Kill), Answer::Wait),
        ] {
            assert_eq!(answer(interactive, level), expected, "{interactive} {level:?}");
        }
    }

    #[test]
    fn the_first_signal_decides_the_exit_code() {
        let signals = Signals::default();
        assert_eq!(signals.first(), None);
        signals.remember(15);
        signals.remember(2);
        assert_eq!(signals.first(), Some(15));
    }
}
