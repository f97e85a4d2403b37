//! Chains of short jobs: the one that waits for the one that runs, and for nothing else, is prepared meanwhile and begins on
//! the thread of that one as soon as it has come to a good end. The word that it has ended, and the word to begin, would take
//! a tenth of what such a job takes.
//!
//! Invariant: what such a job reads of the job before it is known before anything is said of its own end.

use super::Run;
use super::spot::Pace;
use crate::engine::ahead;
use crate::engine::core::Msg;
use crate::engine::ledger::Ask;
use crate::graph::job::JobId;
use rustc_hash::FxHashMap;

#[derive(Default)]
pub(super) struct AheadState {
    /// Jobs that ride on the one that they wait for, and that one.
    waits_for: FxHashMap<u32, u32>,
    /// The job that was looked at last: once is enough.
    looked_at: Option<u32>,
    /// The last one was not given to the executor: the one before it had ended.
    came_too_late: bool,
}

impl AheadState {
    pub(super) fn is_any(&self) -> bool {
        !self.waits_for.is_empty()
    }

    pub(super) fn is_ahead(&self, job: u32) -> bool {
        self.waits_for.contains_key(&job)
    }

    pub(super) fn note_too_late(&mut self) {
        self.came_too_late = true;
    }

    pub(super) fn took_back(&mut self, job: u32) -> bool {
        self.waits_for.remove(&job).is_some()
    }
}

impl Run<'_> {
    pub(super) fn look_ahead(&mut self) {
        let may_begin = self.spot.pace() == Pace::Quick
            && !self.growth.is_due()
            && !self.options.only_restore
            && self.cancel.level().is_none()
            && self.fatal.is_none();
        let Some((behind, job)) = self.core.next_in_chain().filter(|_| may_begin) else { return };
        if self.ahead.looked_at.replace(job) == Some(job) {
            return;
        }
        let cx = self.cx.clone();
        let Some(prepared) = ahead::prepare_ahead(&cx, JobId(job), JobId(behind)) else { return };
        let one = [(job, prepared)];
        if !self.may_ride(&one) {
            return;
        }
        let [(_, prepared)] = one;
        let (threads, named) = prepared.instance.asked();
        let ask = Ask { threads, named, rides: true };
        let retries = cx.rule(cx.job(JobId(job))).retries.unwrap_or(self.options.retries);
        self.tell_capped(job, &prepared.instance.capped);
        self.prepared.insert(job, prepared);
        self.ahead.waits_for.insert(job, behind);
        self.tell(Msg::Ahead { behind, job, ask, retries });
        if !self.core.is_riding(job) {
            self.ahead.waits_for.remove(&job);
            self.prepared.remove(&job);
        } else if std::mem::take(&mut self.ahead.came_too_late) {
            self.took_back(behind, vec![job]);
        }
    }

    /// Of a job that begins: what it reads of the one before it, if it was ahead of that.
    pub(super) fn complete_ahead(&mut self, job: u32) {
        let Some(behind) = self.ahead.waits_for.remove(&job) else { return };
        if let Some(prepared) = self.prepared.get_mut(&job) {
            ahead::complete(&self.cx, JobId(job), JobId(behind), prepared);
        }
        if let Some(facts) = self.after_facts(job) {
            self.spot.expect(job, facts);
        }
    }
}
