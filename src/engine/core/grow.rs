//! Jobs that are added while the run goes on, because what a checkpoint made says that they are needed.
//!
//! Invariants: an open job is neither checked nor started; while one waits, no temporary file goes, for it may bring
//! in jobs that read it.

use super::{Core, Effect, JobState, Settled};
use rustc_hash::{FxHashMap, FxHashSet};

/// What is added at once. Jobs are numbered on from those there are.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    pub(crate) jobs: Vec<NewJob>,
    /// The new jobs, producers first.
    pub(crate) order: Vec<u32>,
    pub(crate) changed: Vec<ChangedJob>,
    /// Open jobs that cannot have their inputs.
    pub(crate) failed: Vec<u32>,
    /// Jobs and the temporary files that they make or read; files with a number that is not known are new.
    pub(crate) holds: Vec<(u32, u32)>,
}

#[derive(Debug)]
pub(crate) struct NewJob {
    /// Each once.
    pub(crate) needs: Vec<u32>,
    pub(crate) priority: i64,
    pub(crate) is_open: bool,
    /// It belongs to a unit that is known by another number, old or new: what it needs is said of that.
    pub(crate) is_part: bool,
}

/// A job that was open, or that comes later than it was to.
#[derive(Debug)]
pub(crate) struct ChangedJob {
    pub(crate) job: u32,
    /// What it needs besides.
    pub(crate) needs: Vec<u32>,
    pub(crate) is_open: bool,
}

/// What only runs with checkpoints need.
#[derive(Debug, Default)]
pub(super) struct Openings {
    open: FxHashSet<u32>,
    /// Temporary files that would be gone but for the open jobs.
    withheld: Vec<u32>,
    /// Why a job was skipped: it may get consumers later.
    causes: FxHashMap<u32, u32>,
}

impl Openings {
    pub(super) fn of(open: Vec<u32>) -> Openings {
        Openings { open: open.into_iter().collect(), ..Openings::default() }
    }

    pub(super) fn is_open(&self, job: u32) -> bool {
        self.open.contains(&job)
    }

    pub(super) fn is_any(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn withhold(&mut self, temp: u32) {
        self.withheld.push(temp);
    }

    pub(super) fn skipped(&mut self, job: u32, failed: u32) {
        self.causes.insert(job, failed);
    }
}

impl Core {
    /// Whether nothing new is started any more.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining
    }

    /// Whether `job` has come to a good end. One that was added just now is not known here yet.
    pub(crate) fn is_good(&self, job: u32) -> bool {
        self.state.get(job as usize).is_some_and(|state| state.is_good())
    }

    /// Whether `job` waits for others: nothing was decided of it yet.
    pub(crate) fn is_waiting(&self, job: u32) -> bool {
        self.state[job as usize] == JobState::Waiting
    }

    /// Whether `job` runs or ran: nothing can come before it any more.
    pub(crate) fn has_begun(&self, job: u32) -> bool {
        matches!(self.state[job as usize], JobState::Running | JobState::Done)
    }

    pub(super) fn grow(&mut self, growth: Growth, out: &mut Vec<Effect>) {
        let Growth { jobs, order, changed, failed, holds } = growth;
        let first = self.state.len() as u32;
        let mut touched: Vec<(u32, Vec<u32>)> = Vec::with_capacity(jobs.len() + changed.len());
        self.state.resize(self.state.len() + jobs.len(), JobState::Waiting);
        self.unfinished_producers.resize(self.state.len(), 0);
        self.attempt.resize(self.state.len(), 0);
        self.shape.height.resize(self.state.len(), 0);
        for (job, new) in (first..).zip(jobs) {
            self.shape.priority.push(new.priority);
            if new.is_part {
                self.state[job as usize] = JobState::Part;
                self.final_ += 1;
                continue;
            }
            if new.is_open {
                self.openings.open.insert(job);
            }
            touched.push((job, new.needs));
        }
        let mut closed = Vec::new();
        for ChangedJob { job, needs, is_open } in changed {
            if !is_open {
                closed.push(job);
            }
            touched.push((job, needs));
        }
        for (job, needs) in &touched {
            for need in needs {
                self.shape.consumers.add(*need, *job);
                let counts = !self.state[*need as usize].is_good();
                self.unfinished_producers[*job as usize] += u32::from(counts);
            }
        }
        touched.iter().for_each(|(job, _)| self.send_back(*job));
        for job in order.into_iter().rev() {
            let above = self.shape.consumers.of(job).map(|consumer| self.shape.height[consumer as usize] + 1);
            self.shape.height[job as usize] = above.max().unwrap_or(0);
        }
        for (job, temp) in holds {
            let temp = temp as usize;
            if self.unfinished_holders.len() <= temp {
                self.unfinished_holders.resize(temp + 1, 0);
            }
            self.unfinished_holders[temp] += u32::from(!self.state[job as usize].is_good());
            self.shape.holds.add(job, temp as u32);
        }
        for job in failed {
            // Its checkpoint may be final while another producer of it failed.
            if self.openings.is_open(job) {
                self.fail(job, out);
            }
        }
        for (job, needs) in touched {
            self.skip_if_hopeless(job, &needs, out);
        }
        closed.into_iter().for_each(|job| self.close(job, out));
        (first..self.state.len() as u32).for_each(|job| self.make_ready_if_it_is(job));
    }

    /// A job that has something to wait for after all, although it was ready: it reads what is there before others change
    /// it, or changes it.
    fn send_back(&mut self, job: u32) {
        if self.unfinished_producers[job as usize] == 0 {
            return;
        }
        match self.state[job as usize] {
            // The entry in the queue is dropped when it comes up.
            JobState::Ready | JobState::Queued => self.step(job, JobState::Waiting),
            JobState::Checking => self.recalls.overtake(job),
            _ => {}
        }
    }

    /// A job that needs one that came to a bad end before.
    fn skip_if_hopeless(&mut self, job: u32, needs: &[u32], out: &mut Vec<Effect>) {
        let bad = needs.iter().find(|need| {
            let state = self.state[**need as usize];
            state.is_final() && !state.is_good()
        });
        if let Some(bad) = bad
            && self.state[job as usize] == JobState::Waiting
        {
            let failed = self.openings.causes.get(bad).copied().unwrap_or(*bad);
            self.settle(job, Settled::SkippedAfter { failed }, out);
            self.skip_consumers(job, failed, out);
        }
    }

    /// All inputs of the job are known now, or it does not matter any more.
    pub(super) fn close(&mut self, job: u32, out: &mut Vec<Effect>) {
        if !self.openings.open.remove(&job) {
            return;
        }
        self.make_ready_if_it_is(job);
        if self.openings.is_any() {
            return;
        }
        for temp in std::mem::take(&mut self.openings.withheld) {
            if self.unfinished_holders[temp as usize] == 0 {
                out.push(Effect::Remove { temp });
            }
        }
    }
}
