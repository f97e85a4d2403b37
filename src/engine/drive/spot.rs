//! What a small job left is looked at on the thread that it ran on: to hand it to the pool and back costs more than to look.
//!
//! Knows only what it was told of a job when that was given to the executor. The context grows while jobs run: for that time
//! it is taken away ([`Spot::close`]), and what ends meanwhile is the coordinator's.

use super::Inbox;
use crate::base::brisk;
use crate::engine::cancel::{CancelLevel, CancelToken};
use crate::engine::conclude::{self, AfterFacts, Conclusion, Left};
use crate::exec::executor::{Completion, Outcome};
use crate::graph::job::JobId;
use crate::plan::context::Context;
use rustc_hash::FxHashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(super) struct Spot {
    cancel: CancelToken,
    inner: Mutex<Inner>,
    streaks: Streaks,
}

/// How many jobs that ended last were brisk, and how many were at least quick, one after the other.
#[derive(Default)]
struct Streaks {
    brisk: AtomicU32,
    quick: AtomicU32,
}

/// After so many short jobs the next ones are taken to be short as well. Where some in between take long, nobody should wait
/// behind them.
const STREAK: u32 = 8;

/// What a program that does little takes, its start with it.
const QUICK: Duration = Duration::from_millis(5);

/// How long jobs take just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Pace {
    #[default]
    Calm,
    /// As programs that do little: to wait for the word that a slot is free counts.
    Quick,
    /// As functions of microseconds: to wait for it is all that counts.
    Brisk,
}

impl Pace {
    /// So many jobs are given on ahead to follow one that runs: enough to last until its end is heard of, and no more, for
    /// whoever is in a line does not take a slot that is free meanwhile.
    pub(super) fn riders(self) -> usize {
        match self {
            Pace::Calm => 0,
            Pace::Quick => 6,
            Pace::Brisk => 32,
        }
    }
}

struct Inner {
    /// `None` while the graph grows.
    cx: Option<Arc<Context>>,
    /// Of jobs that the executor has.
    facts: FxHashMap<u32, AfterFacts>,
}

impl Spot {
    pub(super) fn new(cx: Arc<Context>, cancel: CancelToken) -> Spot {
        Spot {
            cancel,
            inner: Mutex::new(Inner { cx: Some(cx), facts: FxHashMap::default() }),
            streaks: Streaks::default(),
        }
    }

    /// Before a job is given to the executor of this machine. Not for jobs that end with others.
    pub(super) fn expect(&self, job: u32, facts: AfterFacts) {
        self.lock().facts.insert(job, facts);
    }

    /// The job is not given to the executor after all.
    pub(super) fn unexpect(&self, job: u32) {
        self.lock().facts.remove(&job);
    }

    /// The context is not used here any more once [`Arc::strong_count`] says so.
    pub(super) fn close(&self) {
        self.lock().cx = None;
    }

    pub(super) fn open(&self, cx: Arc<Context>) {
        self.lock().cx = Some(cx);
    }

    pub(super) fn pace(&self) -> Pace {
        self.streaks.pace()
    }

    /// What the coordinator is told of the end of a job.
    pub(super) fn ended(&self, completion: Completion) -> Inbox {
        self.streaks.note(completion.duration);
        let known = {
            let mut inner = self.lock();
            let facts = inner.facts.remove(&completion.job);
            facts.zip(inner.cx.clone())
        };
        let Some((facts, cx)) = known else { return Inbox::Completed(completion) };
        let left = match completion.outcome {
            Outcome::Success => {
                let left = Left::of(&cx, JobId(completion.job)).filter(Left::is_small);
                // What is large is shared among the threads of the pool, and so is what may be.
                if left.is_none() {
                    drop(cx);
                    return Inbox::Completed(completion);
                }
                left
            }
            _ => None,
        };
        let told_to_end = self.cancel.level() > Some(CancelLevel::Drain);
        let Completion { job, duration, began, .. } = completion;
        let concluded =
            catch_unwind(AssertUnwindSafe(|| conclude::conclude(&cx, completion, facts, told_to_end, left)));
        drop(cx);
        match concluded {
            Ok(concluded) => {
                let is_good = matches!(concluded.conclusion, Conclusion::Done { changed: None, .. });
                let goes_on = is_good && self.cancel.level().is_none() && !self.cancel.wants_pause();
                Inbox::Ended(Box::new(concluded), goes_on)
            }
            Err(_) => {
                let outcome = Outcome::Around("what it left could not be looked at".into());
                Inbox::Completed(Completion { job, outcome, duration, began })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Streaks {
    /// A job ended that took so long.
    fn note(&self, took: Duration) {
        for (streak, goes_on) in [(&self.brisk, brisk::is(took)), (&self.quick, took < QUICK)] {
            let next = |before: u32| Some(if goes_on { (before + 1).min(STREAK) } else { 0 });
            let _ = streak.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        }
    }

    fn pace(&self) -> Pace {
        match [&self.brisk, &self.quick].map(|streak| streak.load(Ordering::Relaxed) >= STREAK) {
            [true, _] => Pace::Brisk,
            [false, true] => Pace::Quick,
            [false, false] => Pace::Calm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: nobody is given on ahead before jobs are known to be short, and one that is not ends that.
    #[test]
    fn eight_short_jobs_in_a_row_set_the_pace() {
        let paces = |durations: &[u64]| {
            let streaks = Streaks::default();
            let pace = |micros: &u64| {
                streaks.note(Duration::from_micros(*micros));
                streaks.pace()
            };
            durations.iter().map(pace).collect::<Vec<_>>()
        };
        let all = [[20; 9].as_slice(), &[3000; 9], &[20; 8], &[9000], &[3000; 8]].concat();
        let seen = paces(&all);
        let is = |range: std::ops::Range<usize>, pace| seen[range].iter().all(|seen| *seen == pace);
        assert!(is(0..7, Pace::Calm) && is(7..9, Pace::Brisk), "{seen:?}");
        assert!(is(9..25, Pace::Quick) && is(25..26, Pace::Brisk), "{seen:?}");
        assert!(is(26..34, Pace::Calm) && is(34..35, Pace::Quick), "{seen:?}");
        assert_eq!([Pace::Calm, Pace::Quick, Pace::Brisk].map(Pace::riders), [0, 6, 32]);
    }
}
