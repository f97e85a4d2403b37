//! The pure heart of a run: messages in, effects out. Knows numbers of jobs and nothing else: no paths, no
//! processes, no time, so that a seed can drive it through every order of completion.
//!
//! What it schedules are units: a job, or several that run at the same time and are one here, see [`units`]. All that is
//! said of a job in this room holds of a unit.
//!
//! Invariants: a job is checked only when every producer is final and good; a job starts at most once per
//! attempt and only with its amounts reserved; every job ends in a final state; a temporary file goes only when nobody
//! can need it; the cost of a completion is proportional to the number of its consumers.

mod grow;
mod recall;
mod riders;
pub(crate) mod units;

use crate::base::rows::Rows;
use crate::engine::cancel::CancelLevel;
use crate::engine::ledger::{Ask, Ledger, Rank, Request, Turn};
use crate::engine::state::JobState;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

pub(crate) use grow::{ChangedJob, Growth, NewJob};

/// What the core knows of the graph.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Per job, how many distinct producers it has.
    pub(crate) producers: Vec<u32>,
    /// Per job, the jobs that need it.
    pub(crate) consumers: Rows,
    pub(crate) priority: Vec<i64>,
    /// Per job, the length of the longest way to a job that nobody needs.
    pub(crate) height: Vec<u32>,
    /// Per job, the temporary files that it makes or reads.
    pub(crate) holds: Rows,
    /// Per temporary file, how many jobs hold it.
    pub(crate) holders: Vec<u32>,
    /// Jobs whose inputs are not all known yet.
    pub(crate) open: Vec<u32>,
    /// Numbers that stand for nothing: the jobs of units but for their first.
    pub(crate) parts: Vec<u32>,
}

/// What happened outside.
#[derive(Debug)]
pub(crate) enum Msg {
    Begin,
    Checked {
        job: u32,
        verdict: Checked,
    },
    Ended {
        job: u32,
        end: End,
    },
    Cancel(CancelLevel),
    Grow(Growth),
    /// So many slots are had from now on.
    Slots(u64),
    /// The next job is to start with the slots that there are.
    Squeeze,
    /// So many are to ride on one job: none, unless jobs are so short now that it pays to give them on ahead of their turns.
    Pace {
        riders: usize,
    },
    /// This job must run whatever `behind` leaves, see [`Core::next_in_chain`], and is to begin when that has come to a good
    /// end.
    Ahead {
        behind: u32,
        job: u32,
        ask: Ask,
        retries: u32,
    },
    /// These riders have not begun and will not: their turns come again. Nobody else follows `behind`, whose end was not good
    /// or is not known yet, or who takes long.
    Back {
        behind: u32,
        jobs: Vec<u32>,
    },
}

/// The result of a check.
#[derive(Debug)]
pub(crate) enum Checked {
    UpToDate,
    Run {
        ask: Ask,
        /// What the others of the unit ask for, at the same time.
        others: Vec<Ask>,
        retries: u32,
    },
    /// What it would make can be had without running it: it takes nothing of what jobs share.
    Restore,
    /// Must run, but these producers, each once, have to make temporary files again that are gone.
    Lacks {
        producers: Vec<u32>,
    },
    /// The check itself failed: an input function raised, a file could not be read.
    Failed,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// These consumers, each once, read an output that is not what it was when they were decided. Only a job that was
    /// final before in this run has any.
    Done {
        affected: Vec<u32>,
    },
    Failed,
    /// Ended because it was told to.
    Cancelled,
    /// Nothing was executed, and nothing is known of it any more: it is to be checked again.
    Again,
}

/// What is to be done outside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Check {
        job: u32,
    },
    Start {
        job: u32,
        attempt: u32,
    },
    /// The job is to begin when `behind` has come to a good end: at once, without [`Effect::Start`].
    Ride {
        job: u32,
        attempt: u32,
        behind: u32,
    },
    /// The turn of a rider has come: it has begun, or is about to.
    Begins {
        job: u32,
    },
    /// The job reached this final state.
    Settled {
        job: u32,
        as_: Settled,
    },
    /// A failed execution will be tried again.
    WillRetry {
        job: u32,
    },
    /// The request can never be given: resource, amount, limit. `Settled` as failed follows.
    Refused {
        job: u32,
        name: Arc<str>,
        amount: u64,
        limit: u64,
    },
    /// The job, which was final and good, must be checked again.
    Reopened {
        job: u32,
    },
    /// As `Refused`: the job needs a temporary file of `producer`, which was made again too often.
    Restless {
        job: u32,
        producer: u32,
    },
    /// Nobody can need this temporary file any more.
    Remove {
        temp: u32,
    },
    Signal(CancelLevel),
    Finish,
}

/// Final states, with the cause of a skip.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) enum Settled {
    UpToDate,
    Done,
    Failed,
    Cancelled,
    SkippedAfter { failed: u32 },
    Drained,
}

/// At most so many jobs are checked ahead of their start: bounds the memory that their commands and
/// fingerprints take, without holding up a run in which nothing is to do.
const LOOKAHEAD: usize = 4096;

/// Once so many are checked ahead that no more are, the next are checked together: to ask for each by itself would wake a
/// thread for each.
const REFILL: usize = 512;

#[derive(Debug)]
pub(crate) struct Core {
    shape: Shape,
    state: Vec<JobState>,
    /// Per job, how many of its producers are not final and good.
    unfinished_producers: Vec<u32>,
    attempt: Vec<u32>,
    retries: rustc_hash::FxHashMap<u32, u32>,
    /// What running jobs asked for, and the threads that they were given.
    requests: rustc_hash::FxHashMap<u32, (Request, u64)>,
    ready: BinaryHeap<Rank>,
    ledger: Ledger,
    /// Per temporary file, how many of those who make or read it are not final and good.
    unfinished_holders: Vec<u32>,
    recalls: recall::Recalls,
    riders: riders::Riders,
    openings: grow::Openings,
    checking: usize,
    /// No more are checked until a good number can be.
    is_far_ahead: bool,
    /// Jobs that run and take nothing: those that are restored.
    restoring: usize,
    running: usize,
    final_: usize,
    keep_going: bool,
    /// Nothing new is started: after a failure without `keep_going`, or on a cancel.
    draining: bool,
    cancelled: Option<CancelLevel>,
    finished: bool,
}

impl Core {
    pub(crate) fn new(mut shape: Shape, ledger: Ledger, keep_going: bool) -> Core {
        let n = shape.producers.len();
        let mut state = vec![JobState::Waiting; n];
        let parts = std::mem::take(&mut shape.parts);
        parts.iter().for_each(|part| state[*part as usize] = JobState::Part);
        Core {
            state,
            unfinished_producers: std::mem::take(&mut shape.producers),
            attempt: vec![0; n],
            retries: Default::default(),
            requests: Default::default(),
            ready: BinaryHeap::new(),
            ledger,
            unfinished_holders: std::mem::take(&mut shape.holders),
            openings: grow::Openings::of(std::mem::take(&mut shape.open)),
            recalls: recall::Recalls::default(),
            riders: riders::Riders::default(),
            checking: 0,
            is_far_ahead: false,
            restoring: 0,
            running: 0,
            final_: parts.len(),
            keep_going,
            draining: false,
            cancelled: None,
            finished: false,
            shape,
        }
    }

    /// Advances the run by one message; what is to be done is appended to `out` in order.
    pub(crate) fn handle(&mut self, msg: Msg, out: &mut Vec<Effect>) {
        match msg {
            Msg::Begin => self.begin(),
            Msg::Checked { job, verdict } => self.checked(job, verdict, out),
            Msg::Ended { job, end } => self.ended(job, end, out),
            Msg::Cancel(level) => self.cancel(level, out),
            Msg::Grow(growth) => self.grow(growth, out),
            Msg::Slots(slots) => self.ledger.set_slots(slots),
            Msg::Squeeze if self.draining => {}
            Msg::Squeeze => {
                if let Some(turn) = self.ledger.squeeze() {
                    self.start(turn, out);
                }
            }
            Msg::Pace { riders } => self.pace(riders),
            Msg::Ahead { behind, job, ask, retries } => self.go_ahead(behind, job, &ask, retries, out),
            Msg::Back { behind, jobs } => self.take_back(behind, &jobs),
        }
        self.advance(out);
    }

    /// How many slots more the next job waits for, and nothing else.
    pub(crate) fn lacking_slots(&self) -> u64 {
        if self.draining { 0 } else { self.ledger.lacking() }
    }

    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// Threads that running jobs were given.
    pub(crate) fn used_slots(&self) -> u64 {
        self.ledger.used()
    }

    /// The threads that a running job was given, and those that it asked for.
    pub(crate) fn threads_of(&self, job: u32) -> Option<(u64, u64)> {
        self.requests.get(&job).map(|(request, given)| (*given, request.threads))
    }

    fn begin(&mut self) {
        (0..self.state.len() as u32).for_each(|job| self.make_ready_if_it_is(job));
    }

    fn checked(&mut self, job: u32, verdict: Checked, out: &mut Vec<Effect>) {
        self.checking -= 1;
        if self.was_overtaken(job, out) {
            return;
        }
        match verdict {
            Checked::UpToDate => self.settle(job, Settled::UpToDate, out),
            Checked::Failed => self.fail(job, out),
            Checked::Run { .. } | Checked::Restore | Checked::Lacks { .. } if self.draining => {
                self.settle(job, Settled::Drained, out);
            }
            Checked::Restore => {
                self.step(job, JobState::Queued);
                // Of an earlier execution.
                self.retries.remove(&job);
                self.restoring += 1;
                self.launch(job, Request::default(), 0, out);
            }
            Checked::Lacks { producers } => self.recall(job, &producers, out),
            Checked::Run { ask, others, retries } => match self.ledger.admit(&ask, &others) {
                Ok(request) => {
                    self.retries.insert(job, retries);
                    self.queue(job, request);
                }
                Err((name, amount, limit)) => {
                    out.push(Effect::Refused { job, name, amount, limit });
                    self.fail(job, out);
                }
            },
        }
    }

    fn ended(&mut self, job: u32, end: End, out: &mut Vec<Effect>) {
        self.running -= 1;
        let (request, threads) = self.requests.remove(&job).expect("a running job holds its amounts");
        let left = self.riders.left(job);
        if matches!(left, riders::Left::Free) {
            self.ledger.release(&request, threads);
        }
        self.restoring -= usize::from(threads == 0);
        match end {
            End::Done { affected } => {
                // First, so that they count as holders of what the job made.
                self.reopen_all(&affected, out);
                self.settle(job, Settled::Done, out);
            }
            End::Again => {
                self.attempt[job as usize] = 0;
                self.step(job, JobState::Waiting);
                self.make_ready_if_it_is(job);
            }
            End::Cancelled => {
                self.settle(job, Settled::Cancelled, out);
                self.skip_consumers(job, job, out);
            }
            End::Failed => {
                let again = !self.draining
                    && self.attempt[job as usize] <= self.retries.get(&job).copied().unwrap_or(0);
                if !again {
                    self.fail(job, out);
                } else if self.unfinished_producers[job as usize] > 0 {
                    // An input is about to be made again.
                    out.push(Effect::WillRetry { job });
                    self.step(job, JobState::Waiting);
                } else {
                    out.push(Effect::WillRetry { job });
                    self.queue(job, request);
                }
            }
        }
        if let riders::Left::To(next) = left {
            // It may have waited for this end.
            out.push(Effect::Begins { job: next });
        }
        self.let_go(job);
    }

    fn cancel(&mut self, level: CancelLevel, out: &mut Vec<Effect>) {
        if self.cancelled >= Some(level) {
            return;
        }
        self.cancelled = Some(level);
        self.draining = true;
        if level > CancelLevel::Drain && self.running > 0 {
            out.push(Effect::Signal(level));
        }
    }

    /// Starts and checks whatever can be started and checked; ends the run when nothing is left.
    fn advance(&mut self, out: &mut Vec<Effect>) {
        if self.draining {
            self.drain(out);
        } else {
            while let Some(turn) = self.ledger.start() {
                self.start(turn, out);
            }
            self.seat(out);
            let ahead = |core: &Core| core.checking + core.restoring + core.ledger.waiting();
            let most = if self.is_far_ahead { LOOKAHEAD - REFILL } else { LOOKAHEAD };
            self.is_far_ahead = ahead(self) >= most;
            while !self.is_far_ahead {
                let Some(rank) = self.ready.pop() else { break };
                let job = rank.job();
                // What happened upstream may have skipped it or sent it back meanwhile; its entry is dropped here.
                if self.state[job as usize] == JobState::Ready {
                    self.checking += 1;
                    self.step(job, JobState::Checking);
                    out.push(Effect::Check { job });
                }
                self.is_far_ahead = ahead(self) >= LOOKAHEAD;
            }
        }
        if self.running == 0 && self.checking == 0 && self.final_ == self.state.len() && !self.finished {
            self.finished = true;
            out.push(Effect::Finish);
        }
    }

    fn start(&mut self, Turn { job, request, threads }: Turn, out: &mut Vec<Effect>) {
        if self.state[job as usize] != JobState::Queued {
            // It was sent back to wait for an input after it was queued.
            return self.ledger.release(&request, threads);
        }
        self.launch(job, request, threads, out);
    }

    fn launch(&mut self, job: u32, request: Request, threads: u64, out: &mut Vec<Effect>) {
        if request.rides {
            self.riders.open(job);
        }
        let attempt = self.set_running(job, request, threads);
        out.push(Effect::Start { job, attempt });
    }

    fn set_running(&mut self, job: u32, request: Request, threads: u64) -> u32 {
        self.running += 1;
        self.attempt[job as usize] += 1;
        self.requests.insert(job, (request, threads));
        self.step(job, JobState::Running);
        self.attempt[job as usize]
    }

    /// Settles every job that was not started.
    fn drain(&mut self, out: &mut Vec<Effect>) {
        for job in self.ledger.drain() {
            if self.state[job as usize] == JobState::Queued {
                self.settle(job, Settled::Drained, out);
            }
        }
        if self.running > 0 || self.checking > 0 {
            return;
        }
        for job in 0..self.state.len() as u32 {
            if !self.state[job as usize].is_final() {
                self.settle(job, Settled::Drained, out);
            }
        }
    }

    fn queue(&mut self, job: u32, request: Request) {
        self.step(job, JobState::Queued);
        let rank = self.rank(job);
        self.ledger.push(request, rank);
    }

    fn make_ready(&mut self, job: u32) {
        self.step(job, JobState::Ready);
        let rank = self.rank(job);
        self.ready.push(rank);
    }

    fn rank(&self, job: u32) -> Rank {
        Rank {
            priority: self.shape.priority[job as usize],
            height: self.shape.height[job as usize],
            creation: Reverse(job),
        }
    }

    fn fail(&mut self, job: u32, out: &mut Vec<Effect>) {
        self.settle(job, Settled::Failed, out);
        self.skip_consumers(job, job, out);
        if !self.keep_going {
            self.draining = true;
        }
    }

    /// Everything downstream of `from` can no longer be made, because `failed` did.
    fn skip_consumers(&mut self, from: u32, failed: u32, out: &mut Vec<Effect>) {
        let mut stack = vec![from];
        while let Some(job) = stack.pop() {
            let mut at = self.shape.consumers.cursor(job);
            while let Some(consumer) = self.shape.consumers.next(&mut at) {
                match self.state[consumer as usize] {
                    JobState::Waiting => {
                        self.settle(consumer, Settled::SkippedAfter { failed }, out);
                        stack.push(consumer);
                    }
                    // Decided before the failed job was reopened.
                    JobState::Checking | JobState::UpToDate | JobState::Done => {
                        self.recalls.doom(consumer, failed);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Ends a job and tells its consumers.
    fn settle(&mut self, job: u32, as_: Settled, out: &mut Vec<Effect>) {
        let state = match as_ {
            Settled::UpToDate => JobState::UpToDate,
            Settled::Done => JobState::Done,
            Settled::Failed => JobState::Failed,
            Settled::Cancelled => JobState::Cancelled,
            Settled::SkippedAfter { .. } | Settled::Drained => JobState::Skipped,
        };
        self.step(job, state);
        self.final_ += 1;
        out.push(Effect::Settled { job, as_ });
        if !state.is_good() {
            if let Settled::SkippedAfter { failed } = as_ {
                self.openings.skipped(job, failed);
            }
            self.close(job, out);
            return;
        }
        let mut at = self.shape.consumers.cursor(job);
        while let Some(consumer) = self.shape.consumers.next(&mut at) {
            self.unfinished_producers[consumer as usize] -= 1;
            self.make_ready_if_it_is(consumer);
        }
        self.release_temps(job, out);
    }

    fn make_ready_if_it_is(&mut self, job: u32) {
        if self.unfinished_producers[job as usize] == 0
            && self.state[job as usize] == JobState::Waiting
            && !self.recalls.is_held(job)
            && !self.openings.is_open(job)
        {
            self.make_ready(job);
        }
    }

    fn release_temps(&mut self, job: u32, out: &mut Vec<Effect>) {
        for temp in self.shape.holds.of(job) {
            let left = &mut self.unfinished_holders[temp as usize];
            *left -= 1;
            if *left > 0 {
                continue;
            }
            match self.openings.is_any() {
                true => self.openings.withhold(temp),
                false => out.push(Effect::Remove { temp }),
            }
        }
    }

    /// The only place where a job changes its state.
    fn step(&mut self, job: u32, next: JobState) {
        let state = &mut self.state[job as usize];
        assert!(state.may_become(next), "job {job} cannot go from {state:?} to {next:?}");
        *state = next;
    }
}

#[cfg(test)]
mod tests;
