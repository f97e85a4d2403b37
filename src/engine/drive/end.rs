//! From the end of a process to what it means: hashed and judged on the pool, put on record, told to the core and the
//! observer.

use super::{Inbox, Run, relative};
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::engine::conclude::{self, AfterFacts, Changed, Concluded, Conclusion};
use crate::engine::core::{End, Settled};
use crate::engine::event::{EventKind, JobFailure, SkipCause};
use crate::engine::launch;
use crate::exec::executor::Completion;
use crate::graph::info::JobInfo;
use crate::graph::job::JobId;
use crate::plan::check::has_action;
use crate::plan::instance::Trouble;
use crate::plan::locked;
use crate::store::{Record, runs};
use crate::trace::fingerprint::Origin;
use crate::trace::identity::Known;
use crate::trace::reason::Reason;

impl Run<'_> {
    pub(super) fn completed(&mut self, completion: Completion) {
        if self.growth.is_due() {
            return self.growth.held.completions.push(completion);
        }
        let (cx, sender) = (self.cx.clone(), self.sender.clone());
        let Some(facts) = self.after_facts(completion.job) else { return };
        let told_to_end = self.told_to_end();
        self.in_pool += 1;
        self.pool.spawn(move || {
            let concluded = conclude::conclude(&cx, completion, facts, told_to_end, None);
            drop(cx);
            let _ = sender.send(Inbox::Concluded(Box::new(concluded)));
        });
    }

    pub(super) fn told_to_end(&self) -> bool {
        self.cancel.ends_work()
    }

    pub(super) fn after_facts(&self, job: u32) -> Option<AfterFacts> {
        let prepared = self.prepared.get(&job)?;
        Some(AfterFacts {
            inputs: prepared.input_signatures.clone(),
            fingerprint: prepared.fingerprint.clone(),
            required: prepared.required.clone(),
            places: self.launcher.places.clone(),
            own_logs: prepared.instance.logs.paths.clone(),
            key: prepared.key,
            has_log: launch::may_have_log(self.cx.rule(self.cx.job(JobId(job)))),
        })
    }

    /// Takes over what became of a job.
    pub(super) fn conclude_one(&mut self, concluded: Concluded) -> End {
        let Concluded { job, duration_ms, conclusion } = concluded;
        let is_untouched = matches!(
            conclusion,
            Conclusion::Failed { untouched: true, .. }
                | Conclusion::Lost { untouched: true, .. }
                | Conclusion::NotBegun
        );
        if !is_untouched {
            self.begun.insert(job);
        }
        match conclusion {
            Conclusion::Done { outputs, results, changed, warnings } => {
                for message in warnings {
                    self.emit(EventKind::Warning { message });
                }
                self.done(job, duration_ms, &outputs, results, changed)
            }
            Conclusion::Restored(restored) => self.restored(job, *restored),
            Conclusion::Lost { why, untouched } => self.lost(job, why, untouched),
            Conclusion::Failed {
                outcome,
                exit_code,
                log,
                log_tail,
                quarantine,
                help,
                cancelled,
                untouched,
                stuck,
            } => {
                stuck.into_iter().for_each(|error| self.give_up(error));
                let mut failure = self.failure(job, outcome);
                (failure.exit_code, failure.log_tail, failure.help) = (exit_code, log_tail, help);
                failure.log = log.map(|path| relative(&path, &self.cx.root));
                failure.quarantine = quarantine.map(|path| relative(&path, &self.cx.root));
                self.record_failure(job, if cancelled { "cancelled" } else { &failure.outcome });
                if untouched {
                    self.record_untouched(job);
                }
                if cancelled {
                    if failure.quarantine.is_some() {
                        let all = runs::quarantine_dir(&self.state_dir, self.number);
                        self.partial = Some(relative(&all, &self.cx.root));
                    }
                    End::Cancelled
                } else {
                    self.pending_failure.insert(job, failure);
                    End::Failed
                }
            }
            Conclusion::Ended { stuck } => {
                stuck.into_iter().for_each(|error| self.give_up(error));
                self.record_ended_with(job);
                End::Failed
            }
            Conclusion::NotBegun => End::Cancelled,
        }
    }

    /// Success is on record before anybody is told of it who could rely on it: with the start of the next job, or once all is
    /// told of this end. Only who went ahead reads of it before, and runs again as well if a crash comes between.
    pub(super) fn done(
        &mut self,
        job: u32,
        duration_ms: u64,
        outputs: &[(PathId, Known)],
        results: Vec<Digest>,
        changed: Option<Changed>,
    ) -> End {
        let cx = self.cx.clone();
        let Some(prepared) = self.prepared.remove(&job) else { return End::Failed };
        cx.publish(JobId(job), outputs, &results);
        let made = cx.job(JobId(job)).outputs.iter().zip(&results).map(|(path, digest)| (*path, *digest));
        let made: Vec<_> = made.filter(|(path, _)| cx.units.stream(*path).is_none()).collect();
        let affected = self.affected(job, &made);
        if prepared.reasons.iter().all(|reason| matches!(reason, Reason::NeededBy { .. })) {
            self.tell_nondeterministic(job, affected.len());
        }
        let unchanged = prepared.recorded.as_deref() == Some(&results[..]);
        locked::compare_made(&cx, JobId(job), &prepared.fingerprint, &results, true);
        let mut trace = prepared.into_trace(&cx, job, results, self.number, duration_ms, Origin::Executed);
        let outcome = match &changed {
            Some(_) => "an input changed while it ran",
            None => "done",
        };
        let is_known = changed.as_ref().is_none_or(|changed| changed.unknow(&mut trace.fingerprint));
        let ended = Record::JobEnded { run: self.number, job, outputs: &trace.fingerprint.outputs, outcome };
        let mut records: Vec<Record<'_>> =
            outputs.iter().filter_map(|(path, known)| Record::known(*path, known)).collect();
        // Also what it read nobody knows what: what is there is its work, and nobody else's.
        if is_known && !trace.fingerprint.outputs.is_empty() {
            records.push(Record::Traced(&trace));
        }
        if changed.is_some() || trace.fingerprint.outputs.is_empty() {
            records.push(ended);
        }
        self.append_with_next(&records);
        if let Some(changed) = changed {
            let (changed, title) = (changed.text(&cx), self.info(job).title());
            self.emit(EventKind::Warning {
                message: format!("{changed} changed while {title} ran; it will run again next time"),
            });
        }
        self.chains.add(&cx, job, duration_ms);
        self.emit(EventKind::JobFinished { job: self.info(job), duration_ms, unchanged });
        End::Done { affected }
    }

    pub(super) fn unit_settled(&mut self, unit: u32, as_: Settled) {
        match self.cx.units.members(JobId(unit)).cloned() {
            Some(members) => members.iter().for_each(|member| self.settled(unit, member.0, as_)),
            None => self.settled(unit, unit, as_),
        }
    }

    pub(super) fn settled(&mut self, unit: u32, job: u32, as_: Settled) {
        self.temps.settle(job);
        self.put_off_record(job);
        if matches!(as_, Settled::Done | Settled::UpToDate) {
            self.note_end(job);
        }
        if !has_action(&self.cx, JobId(job)) {
            // It executes nothing, but it may have failed to get its inputs after a checkpoint.
            if as_ == Settled::Failed && self.pending_failure.contains_key(&job) {
                self.summary.failed += 1;
                self.report_failure(job, false);
            }
            return;
        }
        let skipped = |because, job: JobInfo| EventKind::JobSkipped { job, because };
        match as_ {
            Settled::Done if self.restored.remove(&job) => self.summary.restored += 1,
            Settled::Done => self.summary.ran += 1,
            Settled::UpToDate => {
                self.summary.up_to_date += 1;
                self.emit(EventKind::JobUpToDate { job: self.info(job) });
            }
            Settled::Failed => match self.ended_with(unit).filter(|_| self.cause_in(unit) != job) {
                Some(because) => {
                    self.summary.skipped += 1;
                    self.emit(skipped(because, self.info(job)));
                }
                None => {
                    self.summary.failed += 1;
                    self.report_failure(job, false);
                }
            },
            Settled::Cancelled => {
                self.summary.cancelled += 1;
                self.emit(skipped(SkipCause::Cancelled, self.info(job)));
            }
            Settled::SkippedAfter { failed } => {
                self.summary.skipped += 1;
                let because = SkipCause::UpstreamFailed { job: self.info(self.cause_in(failed)).title() };
                self.emit(skipped(because, self.info(job)));
            }
            Settled::Drained => {
                self.summary.skipped += 1;
                let cancelled = self.cancel.level().is_some() || self.hooks.failure.is_some();
                let because = if cancelled { SkipCause::Cancelled } else { SkipCause::Drained };
                self.emit(skipped(because, self.info(job)));
            }
        }
        self.prepared.remove(&job);
    }

    /// A failure without an execution.
    pub(super) fn refuse(&mut self, job: u32, trouble: Trouble) {
        let mut failure = self.failure(job, trouble.message);
        failure.help = trouble.help;
        self.pending_failure.insert(job, failure);
    }

    pub(super) fn failure(&self, job: u32, outcome: String) -> JobFailure {
        let prepared = self.prepared.get(&job);
        JobFailure {
            job: self.info(job),
            outcome,
            exit_code: None,
            command: prepared.and_then(|p| p.command.clone()),
            log: None,
            log_tail: Vec::new(),
            quarantine: None,
            attempt: prepared.map_or(0, |p| p.instance.attempt),
            help: None,
            target: self.target_of(job),
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn report_failure(&mut self, job: u32, retry: bool) {
        let Some(failure) = self.pending_failure.remove(&job) else { return };
        self.emit(EventKind::JobFailed { failure: failure.clone(), retry });
        if !retry {
            self.failures.push(failure);
        }
    }
}
