//! Jobs that were final and must go on after all: a temporary file is gone that a job needs which must run, or came out
//! different when it was made again.
//!
//! Invariants: a producer made again never starts while a job that reads its outputs runs; a check that was under way
//! when a producer was reopened counts for nothing; a job is reopened only a few times, so every run ends.

use super::{Core, Effect, JobState, Settled};
use rustc_hash::{FxHashMap, FxHashSet};

/// A job is reopened so often. Once is what temporary files ask for; more only when jobs make something else each time.
const MOST: u8 = 3;

/// What only reopened jobs need. Empty in most runs.
#[derive(Debug, Default)]
pub(super) struct Recalls {
    times: FxHashMap<u32, u8>,
    /// Jobs whose check under way looked at inputs that are made again.
    overtaken: FxHashSet<u32>,
    /// Jobs under check or final that have nothing to wait for should they be reopened, and the job that failed.
    doomed: FxHashMap<u32, u32>,
    /// Per running job, the reopened producers that must not start before it ends.
    holding: FxHashMap<u32, Vec<u32>>,
    /// Per reopened producer, how many running jobs it waits for.
    held: FxHashMap<u32, u32>,
}

impl Recalls {
    /// A producer of this job, which waits for nothing now, failed.
    pub(super) fn doom(&mut self, job: u32, failed: u32) {
        self.doomed.insert(job, failed);
    }

    /// The check of this job that is under way counts for nothing.
    pub(super) fn overtake(&mut self, job: u32) {
        self.overtaken.insert(job);
    }

    pub(super) fn is_held(&self, job: u32) -> bool {
        self.held.contains_key(&job)
    }
}

impl Core {
    /// `job` must run and needs files that `producers` have to make again: it waits for them.
    pub(super) fn recall(&mut self, job: u32, producers: &[u32], out: &mut Vec<Effect>) {
        self.step(job, JobState::Waiting);
        for &producer in producers {
            if self.state[job as usize] != JobState::Waiting {
                // A producer turned out to be past help, and so is the job.
                return;
            }
            if self.state[producer as usize].is_good() && !self.reopen(producer, out) {
                out.push(Effect::Restless { job, producer });
                self.fail(job, out);
                return;
            }
        }
        self.make_ready_if_it_is(job);
    }

    /// `affected` were decided by content that is no more.
    pub(super) fn reopen_all(&mut self, affected: &[u32], out: &mut Vec<Effect>) {
        for &job in affected {
            if self.state[job as usize].is_good() && !self.draining {
                // Beyond the limit its result stays as it is: the next run sees the difference.
                self.reopen(job, out);
            }
        }
    }

    /// Takes back that `job` was final and good. `false` when that was done too often.
    fn reopen(&mut self, job: u32, out: &mut Vec<Effect>) -> bool {
        let times = self.recalls.times.entry(job).or_default();
        if *times == MOST {
            return false;
        }
        *times += 1;
        self.step(job, JobState::Waiting);
        self.final_ -= 1;
        self.attempt[job as usize] = 0;
        out.push(Effect::Reopened { job });
        for temp in self.shape.holds.of(job) {
            self.unfinished_holders[temp as usize] += 1;
        }
        let mut at = self.shape.consumers.cursor(job);
        while let Some(consumer) = self.shape.consumers.next(&mut at) {
            self.unfinished_producers[consumer as usize] += 1;
            match self.state[consumer as usize] {
                // The entry in the queue is dropped when it comes up.
                JobState::Ready | JobState::Queued => self.step(consumer, JobState::Waiting),
                JobState::Checking => {
                    self.recalls.overtaken.insert(consumer);
                }
                JobState::Running => {
                    self.recalls.holding.entry(consumer).or_default().push(job);
                    *self.recalls.held.entry(job).or_default() += 1;
                }
                _ => {}
            }
        }
        self.wait_or_skip(job, out);
        true
    }

    /// A job that just became `Waiting`: perhaps it need not wait, perhaps it would wait in vain.
    fn wait_or_skip(&mut self, job: u32, out: &mut Vec<Effect>) {
        match self.recalls.doomed.remove(&job) {
            Some(failed) => {
                self.settle(job, Settled::SkippedAfter { failed }, out);
                self.skip_consumers(job, failed, out);
            }
            None => self.make_ready_if_it_is(job),
        }
    }

    /// Whether the check of `job` that just ended counts for nothing; then it is done with.
    pub(super) fn was_overtaken(&mut self, job: u32, out: &mut Vec<Effect>) -> bool {
        if !self.recalls.overtaken.remove(&job) {
            return false;
        }
        self.step(job, JobState::Waiting);
        self.wait_or_skip(job, out);
        true
    }

    /// `job` no longer runs: producers that waited for its end may start.
    pub(super) fn let_go(&mut self, job: u32) {
        for producer in self.recalls.holding.remove(&job).unwrap_or_default() {
            if let Some(held) = self.recalls.held.get_mut(&producer) {
                *held -= 1;
                if *held == 0 {
                    self.recalls.held.remove(&producer);
                    self.make_ready_if_it_is(producer);
                }
            }
        }
    }
}
