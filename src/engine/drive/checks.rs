//! Checks of jobs, in the batches in which they come: handed to the pool together, for each that is handed over by itself wakes a
//! thread; and what the core is told of their verdicts.

use super::{Inbox, Run};
use crate::engine::core::{Checked, Msg};
use crate::engine::event::{EventKind, JobFailure};
use crate::engine::ledger::{self, Ask};
use crate::engine::work::{self, Verdict};
use crate::graph::job::JobId;
use crate::plan::instance::Trouble;
use std::sync::Arc;

/// Jobs per message of a check: enough to make a message cheap, few enough to share among threads.
const CHECK_CHUNK: usize = 64;

impl Run<'_> {
    pub(super) fn check_due(&mut self) {
        // A check that is made at once can make others due.
        while !self.due_checks.is_empty() {
            let mut due = std::mem::take(&mut self.due_checks);
            self.check(&due);
            if self.due_checks.is_empty() {
                due.clear();
                self.due_checks = due;
                return;
            }
        }
    }

    pub(super) fn check(&mut self, units: &[u32]) {
        if self.growth.is_due() {
            return self.growth.held.checks.extend(units);
        }
        // With nothing else to do, to hand it to the pool and to be woken by it costs more than the check.
        if let [unit] = units
            && self.in_pool == 0
            && self.core.running() == 0
            && work::is_light(&self.cx, *unit)
        {
            let verdict = work::check_unit(&self.cx, &self.temps.to_check(&self.cx, *unit));
            return self.checked(*unit, verdict);
        }
        for chunk in units.chunks(CHECK_CHUNK) {
            let chunk: Vec<_> = chunk.iter().map(|unit| self.temps.to_check(&self.cx, *unit)).collect();
            let (cx, sender) = (self.cx.clone(), self.sender.clone());
            let is_alone = units.len() <= CHECK_CHUNK;
            self.in_pool += 1;
            self.pool.spawn(move || {
                if is_alone {
                    work::read_ahead(&cx, &chunk);
                }
                let verdicts = chunk.iter().map(|one| (one.unit, work::check_unit(&cx, one))).collect();
                drop(cx);
                let _ = sender.send(Inbox::Checked(verdicts));
            });
        }
    }

    pub(super) fn checked(&mut self, unit: u32, verdict: Verdict) {
        let verdict = match verdict {
            Verdict::UpToDate => Checked::UpToDate,
            Verdict::Adopted(traces) => {
                traces.iter().for_each(|trace| self.adopt(trace));
                Checked::UpToDate
            }
            Verdict::Trouble(job, trouble) => {
                self.refuse(job, trouble);
                self.note_cause(unit, job);
                Checked::Failed
            }
            Verdict::Run(_) | Verdict::Lacks(_) if self.options.only_restore => {
                let outcome = match self.cx.rule(self.cx.job(JobId(unit))).cached {
                    true => JobFailure::IN_NO_CACHE,
                    false => JobFailure::NOT_FOR_CACHE,
                };
                self.refuse(unit, Trouble::new(outcome));
                self.note_cause(unit, unit);
                Checked::Failed
            }
            Verdict::Lacks(absent) => {
                self.note_lack(unit, &absent);
                Checked::Lacks { producers: absent.into_iter().map(|(producer, _)| producer).collect() }
            }
            Verdict::Restore(job, prepared) => {
                self.prepared.insert(job, *prepared);
                Checked::Restore
            }
            Verdict::Run(prepared) => {
                let mut retries = 0;
                let rides = self.may_ride(&prepared);
                for (job, prepared) in &prepared {
                    self.tell_capped(*job, &prepared.instance.capped);
                }
                let mut asks = prepared.into_iter().map(|(job, mut prepared)| {
                    if let Some(first) = self.temps.not_restored.get(&job) {
                        // What was found in its place is gone since, but that is not why.
                        prepared.reasons.clone_from(first);
                    }
                    let own = self.cx.rule(self.cx.job(JobId(job))).retries;
                    retries = own.unwrap_or(self.options.retries).max(retries);
                    let (threads, named) = prepared.instance.asked();
                    let ask = Ask { threads, named, rides };
                    self.prepared.insert(job, prepared);
                    ask
                });
                let ask = asks.next().unwrap_or_default();
                let others = asks.collect();
                Checked::Run { ask, others, retries }
            }
        };
        self.tell(Msg::Checked { job: unit, verdict });
    }

    /// A job that gets less of a resource than its rule asks for is told so: once per rule. Fewer threads are nothing
    /// to talk about, for commands are written for any number of them.
    pub(super) fn tell_capped(&mut self, job: u32, capped: &[(Arc<str>, u64)]) {
        let Some((name, asked)) = capped.iter().find(|(name, _)| &**name != "threads") else { return };
        let rule = self.cx.job(JobId(job)).rule;
        let Some(limit) = self.cx.limit(name).filter(|_| self.told_capped.insert(rule)) else { return };
        let message = format!(
            "rule `{}` asks for {name}={asked}; its jobs get {limit}, the limit of this run",
            self.cx.workflow.rules[rule as usize].name
        );
        self.emit(EventKind::Warning { message });
    }

    /// The machine or a limit is too small for what is to run at once.
    pub(super) fn oversized(&mut self, unit: u32, name: &str, amount: u64, limit: u64) -> Trouble {
        self.note_cause(unit, unit);
        let units = &self.cx.units;
        let together = units.members(JobId(unit)).map(|members| {
            let titles: Vec<String> = members.iter().map(|job| self.info(job.0).title()).collect();
            format!("together with the jobs that it runs with ({})", titles.join(", "))
        });
        let message = format!("it needs {name}={amount}, but the limit is {limit}");
        let message = together.map_or(message.clone(), |together| {
            format!("{together} it needs {name}={amount}, but the limit is {limit}")
        });
        Trouble { message, help: Some(ledger::way_out(name, amount)) }
    }
}
