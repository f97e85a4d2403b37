//! Jobs that ride on the amounts of one that runs: each begins when the one before it ends, without a word from here. To
//! wait for that word costs short jobs more than they take.
//!
//! Invariants: a rider asks for exactly what the job before it has; it takes nothing until its turn, but counts as running,
//! for it may have begun by now; riders come in the order in which their turns would have come. Outside, nothing rides on
//! past an end that is not good: those that have not begun are taken back before that end is told here.
//!
//! In a chain nobody waits for a turn, but each job for the one before it. So the one job that waits for the one that runs, and
//! for nothing else, may ride on it, if it is known outside that it must run whatever that leaves.

use super::{Core, Effect, JobState};
use crate::engine::ledger::{Ask, Request};
use rustc_hash::FxHashSet;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug, Default)]
pub(super) struct Riders {
    /// So many may ride on one job: more than none while jobs are short.
    most: usize,
    /// By the job that has the amounts.
    lines: BTreeMap<u32, Line>,
    seated: FxHashSet<u32>,
}

/// Who comes after a job, the next first.
#[derive(Debug, Default)]
struct Line {
    jobs: VecDeque<u32>,
    /// Nobody rides here any more: somebody in it takes long, or came to an end that is not good or not known yet.
    is_closed: bool,
}

/// What becomes of the amounts of a job that is over.
pub(super) enum Left {
    /// They are those of the next now.
    To(u32),
    /// It had none yet.
    Nothing,
    Free,
}

impl Riders {
    pub(super) fn is_any(&self) -> bool {
        !self.seated.is_empty()
    }

    /// Others may ride on this job, which begins.
    pub(super) fn open(&mut self, job: u32) {
        self.lines.insert(job, Line::default());
    }

    pub(super) fn left(&mut self, job: u32) -> Left {
        if let Some(mut line) = self.lines.remove(&job) {
            let Some(next) = line.jobs.pop_front() else { return Left::Free };
            self.seated.remove(&next);
            self.lines.insert(next, line);
            return Left::To(next);
        }
        if !self.seated.remove(&job) {
            return Left::Free;
        }
        self.lines.values_mut().for_each(|line| line.jobs.retain(|rider| *rider != job));
        Left::Nothing
    }
}

impl Core {
    pub(super) fn pace(&mut self, riders: usize) {
        self.riders.most = riders;
    }

    /// Whether some job rides on another one.
    pub(crate) fn has_riders(&self) -> bool {
        self.riders.is_any()
    }

    /// Whether some job rides on each that runs.
    pub(crate) fn is_all_carrying(&self) -> bool {
        let riders = &self.riders;
        let is_carrying = |line: &Line| !line.jobs.is_empty();
        self.has_riders()
            && riders.lines.len() + riders.seated.len() == self.running
            && riders.lines.values().all(is_carrying)
    }

    /// Whether this job rides, and its turn has not come as far as is known here.
    pub(crate) fn is_riding(&self, job: u32) -> bool {
        self.riders.seated.contains(&job)
    }

    /// Whether others may ride on this job, which runs.
    pub(crate) fn may_carry(&self, job: u32) -> bool {
        self.riders.lines.contains_key(&job)
    }

    /// The jobs on which others ride, and the last of these.
    pub(crate) fn carriers(&self) -> impl Iterator<Item = (u32, u32)> {
        self.riders.lines.iter().filter_map(|(job, line)| Some((*job, *line.jobs.back()?)))
    }

    /// Gives those whose turns would come next to the jobs that run.
    pub(super) fn seat(&mut self, out: &mut Vec<Effect>) {
        if self.riders.most == 0 || self.riders.lines.is_empty() {
            return;
        }
        // What is not needed to keep everybody busy stays where every slot can take it.
        let share = 1 + self.ledger.waiting() / (self.riders.lines.len() + 1);
        while let Some((carrier, behind)) = self.carrier(share.min(self.riders.most)) {
            let request = self.requests[&carrier].0.clone();
            let Some(job) = self.ledger.pass(&request) else { return };
            if self.state[job as usize] != JobState::Queued {
                // It was sent back to wait for an input after it was queued.
                continue;
            }
            if let Some(line) = self.riders.lines.get_mut(&carrier) {
                line.jobs.push_back(job);
            }
            self.riders.seated.insert(job);
            let threads = request.threads;
            let attempt = self.set_running(job, request, threads);
            out.push(Effect::Ride { job, attempt, behind });
        }
    }

    /// Of the jobs that have what the next one asks for, the one with the fewest riders, and the last in its line.
    fn carrier(&self, most: usize) -> Option<(u32, u32)> {
        let wanted = self.ledger.first().filter(|request| request.rides)?;
        let is_fit = |job: &u32| {
            let has = self.requests.get(job);
            has.is_some_and(|(request, threads): &(Request, u64)| {
                request == wanted && *threads == request.threads
            })
        };
        let open = self.riders.lines.iter().filter(|(_, line)| !line.is_closed && line.jobs.len() < most);
        let (job, line) = open.filter(|(job, _)| is_fit(job)).min_by_key(|(_, line)| line.jobs.len())?;
        Some((*job, line.jobs.back().copied().unwrap_or(*job)))
    }

    /// In a chain: the one job that runs, and the one that waits for it and for nothing else. Nobody else is about to begin.
    pub(crate) fn next_in_chain(&self) -> Option<(u32, u32)> {
        let is_idle = !self.draining
            && self.riders.most > 0
            && self.running == 1
            && self.checking == 0
            && self.ledger.waiting() == 0
            && self.ready.is_empty();
        let (behind, line) = self.riders.lines.first_key_value().filter(|_| is_idle)?;
        let mut at = self.shape.consumers.cursor(*behind);
        let (job, more) = (self.shape.consumers.next(&mut at)?, self.shape.consumers.next(&mut at));
        let is_next = more.is_none()
            && !line.is_closed
            && line.jobs.is_empty()
            && self.state[job as usize] == JobState::Waiting
            && self.unfinished_producers[job as usize] == 1
            && !self.recalls.is_held(job)
            && !self.openings.is_open(job);
        is_next.then_some((*behind, job))
    }

    /// Has a job ride on the one that it waits for, if it asks for what that has.
    pub(super) fn go_ahead(&mut self, behind: u32, job: u32, ask: &Ask, retries: u32, out: &mut Vec<Effect>) {
        if self.next_in_chain() != Some((behind, job)) {
            return;
        }
        // What can never be given is said when its turn comes.
        let Ok(request) = self.ledger.admit(ask, &[]) else { return };
        let threads = request.threads;
        let is_fit = request.rides && self.requests.get(&behind) == Some(&(request.clone(), threads));
        let Some(line) = self.riders.lines.get_mut(&behind).filter(|_| is_fit) else { return };
        line.jobs.push_back(job);
        self.riders.seated.insert(job);
        self.retries.insert(job, retries);
        let attempt = self.set_running(job, request, threads);
        out.push(Effect::Ride { job, attempt, behind });
    }

    /// These riders have not begun, and wait for their turns as all others do. The line in which `behind` stands gets no more.
    pub(super) fn take_back(&mut self, behind: u32, jobs: &[u32]) {
        for (carrier, line) in &mut self.riders.lines {
            line.is_closed |= *carrier == behind || line.jobs.contains(&behind);
            line.jobs.retain(|rider| !jobs.contains(rider));
        }
        for &job in jobs {
            if !self.riders.seated.remove(&job) {
                continue;
            }
            let Some((request, _)) = self.requests.remove(&job) else { continue };
            self.running -= 1;
            self.attempt[job as usize] -= 1;
            match self.unfinished_producers[job as usize] {
                0 => self.queue(job, request),
                // It was ahead of its turn, or an input is about to be made again.
                _ => self.step(job, JobState::Waiting),
            }
            self.let_go(job);
        }
    }
}
