//! Short jobs that are given on ahead of their turns, see `engine::core`: a function of microseconds would wait longer for the
//! word that its slot is free than it takes, and a program of a millisecond for a tenth of that.
//!
//! Invariants: what has not begun is taken back before anything is done about an end that is not good, when nothing new is
//! to start, and when the job before it takes long: other slots may be free by then.

use super::spot::Pace;
use super::{HEARTBEAT, Run};
use crate::base::clock::monotonic;
use crate::engine::core::Msg;
use crate::engine::work::{Prepared, updated};
use crate::exec::executor::Seat;
use crate::graph::job::JobId;
use crate::model::action::Action;
use crate::trace::reason::NOT_BEGUN;
use rustc_hash::{FxHashMap, FxHashSet};
use std::time::{Duration, Instant};

/// For so long nobody looks whether a job on which others ride takes longer than it should.
const PATIENCE: Duration = Duration::from_millis(5);

/// While each program that runs is followed by another one, what became of them is looked at so often.
pub(super) const NAP: Duration = Duration::from_millis(2);

#[derive(Default)]
pub(super) struct RideState {
    /// What the core was told last.
    pace: Pace,
    /// A job was submitted for which nobody was woken.
    is_near: bool,
    /// Jobs that could not begin, and whom they were to follow: those behind them follow that one.
    stand_ins: FxHashMap<u32, u32>,
    /// On record as started, but taken back.
    put_off: FxHashSet<u32>,
    /// When somebody looked last, and on whom others rode then.
    seen: Option<(Instant, Vec<u32>)>,
}

impl Run<'_> {
    /// Whether the job that these are may be given on ahead of its turn: a call or a command, and nothing that has to be done
    /// or awaited at its very start.
    pub(super) fn may_ride(&self, prepared: &[(u32, Prepared)]) -> bool {
        let [(job, prepared)] = prepared else { return false };
        let rule = self.cx.rule(self.cx.job(JobId(*job)));
        let is_fit = match rule.action {
            Action::Function(_) => rule.shadow.is_none() && prepared.instance.timeout.is_none(),
            Action::Shell(_) => self.launcher.is_bare(&self.cx, *job, &prepared.instance),
            _ => false,
        };
        is_fit
            && !self.executor.is_hosted()
            // What the job before it removes of that, it would not find.
            && prepared.instance.temp_dir().is_none_or(|own| own == self.cx.temp_dir)
            && !self.temps.is_any()
            && updated(&self.cx, JobId(*job)).next().is_none()
    }

    /// Of a job that may begin now, and on which others may ride.
    pub(super) fn seat(&mut self) -> Seat {
        if self.spot.pace() != Pace::Quick {
            return Seat::First;
        }
        self.riding.is_near = true;
        Seat::Near
    }

    /// Begins a job for which nobody was woken. When nothing else is to be done meanwhile, this thread does it.
    pub(super) fn begin_near(&mut self) {
        if !std::mem::take(&mut self.riding.is_near) {
            return;
        }
        if self.core.running() == 1 && self.in_pool == 0 && !self.ahead.is_any() {
            self.executor.help(PATIENCE);
        } else {
            self.executor.rouse();
        }
    }

    pub(super) fn ride(&mut self, job: u32, attempt: u32, behind: u32) {
        let behind = self.riding.stand_ins.get(&behind).copied().unwrap_or(behind);
        if !self.start_now(job, attempt, Ok(()), Some(behind)) {
            self.riding.stand_ins.insert(job, behind);
        }
    }

    /// The turn of a job that rode on another one.
    pub(super) fn begins(&mut self, job: u32) {
        self.complete_ahead(job);
        let attempt = self.prepared.get(&job).map(|prepared| prepared.instance.attempt);
        attempt.into_iter().for_each(|attempt| self.tell_started(job, attempt));
    }

    /// A job has ended. One that was given on when the job before it had just ended, unheard, began at once on another thread,
    /// and may be heard of first.
    pub(super) fn heard_of(&mut self, job: u32, goes_on: bool) {
        if self.core.is_riding(job) {
            self.begins(job);
        }
        if !goes_on {
            self.stopped_after(job);
        }
    }

    /// Nothing has begun on the thread of this job since it ended.
    fn stopped_after(&mut self, job: u32) {
        // Perhaps because the run is to end, and then its place is not for the next one.
        self.look_at_cancel();
        let jobs = self.executor.withdraw(job, true);
        self.took_back(job, jobs);
    }

    pub(super) fn took_back(&mut self, behind: u32, jobs: Vec<u32>) {
        for job in &jobs {
            self.spot.unexpect(*job);
            self.riding.put_off.insert(*job);
            if self.ahead.took_back(*job) {
                self.prepared.remove(job);
            }
        }
        self.tell(Msg::Back { behind, jobs });
    }

    /// The job is on record as started, if it was taken back and comes to no other end; it left what there was.
    pub(super) fn put_off_record(&mut self, job: u32) {
        if self.riding.put_off.remove(&job) {
            // What an earlier run left half made stays so.
            let outcome = if self.was_bad(job) { "cancelled" } else { NOT_BEGUN };
            self.record_failure(job, outcome);
            self.record_untouched(job);
        }
    }

    /// The job is about to be put on record as started; what was tried before is over.
    pub(super) fn begins_anew(&mut self, job: u32) {
        self.riding.put_off.remove(&job);
        self.riding.stand_ins.remove(&job);
    }

    /// For how long to wait for a message.
    pub(super) fn patience(&self) -> Duration {
        if self.core.has_riders() || self.names_wait { PATIENCE } else { HEARTBEAT }
    }

    pub(super) fn look_after_riders(&mut self) {
        let pace = self.spot.pace();
        if pace != self.riding.pace {
            self.riding.pace = pace;
            self.tell(Msg::Pace { riders: pace.riders() });
        }
        if !self.core.has_riders() {
            return;
        }
        let is_over = self.core.is_draining();
        let (now, seen) = (monotonic(), self.riding.seen.take());
        let before = match seen {
            Some((at, seen)) if !is_over && now.duration_since(at) < PATIENCE => {
                self.riding.seen = Some((at, seen));
                return;
            }
            Some((_, seen)) => seen,
            None => Vec::new(),
        };
        let carriers: Vec<(u32, u32)> = self.core.carriers().collect();
        for (carrier, last) in &carriers {
            if is_over || before.contains(carrier) {
                let jobs = self.executor.withdraw(*last, false);
                self.took_back(*carrier, jobs);
            }
        }
        self.riding.seen = Some((now, carriers.into_iter().map(|(carrier, _)| carrier).collect()));
    }
}
