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

pub(super) struct Spot {
    cancel: CancelToken,
    inner: Mutex<Inner>,
    /// How many jobs that ended last were short, one after the other.
    short: AtomicU32,
}

/// After so many short jobs the next ones are taken to be short as well. Where some in between take long, nobody should wait
/// behind them.
const STREAK: u32 = 8;

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
            short: AtomicU32::new(0),
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

    /// Whether jobs end so quickly that the next message is about to come.
    pub(super) fn is_brisk(&self) -> bool {
        self.short.load(Ordering::Relaxed) >= STREAK
    }

    /// What the coordinator is told of the end of a job.
    pub(super) fn ended(&self, completion: Completion) -> Inbox {
        let _ = self.short.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |short| {
            Some(if brisk::is(completion.duration) { (short + 1).min(STREAK) } else { 0 })
        });
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
