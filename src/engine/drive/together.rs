//! Units of several jobs during a run: started at once, with their pipes; ended at once; recorded when all of it is over.

use super::{Inbox, Run};
use crate::base::clock;
use crate::base::path::PathId;
use crate::engine::conclude::{self, AfterFacts, Concluded, Conclusion};
use crate::engine::core::{End, Msg};
use crate::engine::event::{EventKind, SkipCause};
use crate::engine::launch::absolute;
use crate::engine::together::{Link, Orders, Together};
use crate::error::Result;
use crate::exec::executor::{Completion, Extras, JobRequest, ServiceUse, Signal};
use crate::files::streams::{make_pipe, release, remove, remove_leftover};
use crate::graph::job::JobId;
use crate::model::flags::Stream;
use crate::plan::context::Context;
use crate::plan::forecast::together;
use crate::plan::instance::Trouble;
use crate::plan::units::streams_of;
use rustc_hash::FxHashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The units of several jobs that run, and what became of others.
#[derive(Default)]
pub(super) struct UnitState {
    running: FxHashMap<u32, RunningUnit>,
    /// Of units that failed: the job that did.
    causes: FxHashMap<u32, u32>,
}

struct RunningUnit {
    together: Together,
    /// Absolute, by number.
    pipes: Vec<PathBuf>,
    /// By the job that offers it: set when that has ended.
    services: FxHashMap<u32, Arc<AtomicBool>>,
}

/// The pipes of a unit are made; when one cannot be, none is left.
pub(super) fn make_pipes(cx: &Context, jobs: &[JobId]) -> std::result::Result<(), (u32, Trouble)> {
    for id in jobs {
        for (path, stream) in streams_of(cx.rule(cx.job(*id)), cx.job(*id)) {
            if stream == Stream::Pipe
                && let Err(error) = make_pipe(&cx.root, cx.paths.text(path))
            {
                return Err((id.0, Trouble::of(&error)));
            }
        }
    }
    Ok(())
}

/// Removes the pipes of jobs and what their services put there; tells what could not be removed.
pub(super) fn remove_streams(cx: &Context, jobs: impl Iterator<Item = JobId>) -> Vec<String> {
    let mut told = Vec::new();
    for id in jobs {
        for (path, _) in streams_of(cx.rule(cx.job(id)), cx.job(id)) {
            let removed: Result<()> = remove(&cx.root, cx.paths.text(path));
            told.extend(removed.err().map(|error| error.to_string()));
            cx.files.forget(path);
        }
    }
    told
}

impl Run<'_> {
    /// From now on the ends of these jobs belong together. Their requests are in the order of the jobs.
    pub(super) fn run_together(&mut self, unit: u32, jobs: &[JobId], requests: &mut [JobRequest]) {
        let cx = self.cx.clone();
        let (mut links, mut pipes, mut services) = (Vec::new(), Vec::new(), FxHashMap::default());
        for (from, id) in jobs.iter().enumerate() {
            for (path, stream) in streams_of(cx.rule(cx.job(*id)), cx.job(*id)) {
                let text = cx.paths.text(path);
                let full = absolute(&cx.root.join(text));
                let reads = |job: &JobId| cx.job(*job).made_inputs().any(|(_, input)| input == path);
                let pipe = (stream == Stream::Pipe).then_some(pipes.len());
                for (to, _) in jobs.iter().enumerate().filter(|(_, job)| reads(job)) {
                    links.push(Link { pipe, from, to });
                    if stream == Stream::Service {
                        let over: &Arc<AtomicBool> = services.entry(id.0).or_default();
                        let extras = requests[to].extras.get_or_insert_with(|| Box::new(Extras::default()));
                        let (shown, path, over) = (text.into(), full.clone(), over.clone());
                        extras.services.push(ServiceUse { shown, path, over });
                    }
                }
                if pipe.is_some() {
                    pipes.push(full);
                }
            }
        }
        let together = Together::new(jobs.iter().map(|job| job.0), links, self.options.grace);
        self.units.running.insert(unit, RunningUnit { together, pipes, services });
    }

    /// A job of a unit has ended.
    pub(super) fn member_ended(&mut self, unit: u32, completion: Completion) {
        let Some(running) = self.units.running.get_mut(&unit) else { return };
        if let Some(over) = running.services.get(&completion.job) {
            over.store(true, Ordering::SeqCst);
        }
        let orders = running.together.ended(completion, clock::monotonic());
        let is_over = running.together.is_over();
        self.follow(&orders);
        if is_over {
            self.unit_over(unit);
        }
    }

    /// Ends whoever was given time enough, and lets go who waits at a pipe in vain.
    pub(super) fn look_after_units(&mut self) {
        let now = clock::monotonic();
        let mut all = Orders::default();
        for running in self.units.running.values_mut() {
            let orders = running.together.tick(now);
            all.end.extend(orders.end);
            all.kill.extend(orders.kill);
            for (pipe, waiting) in running.together.orphans() {
                release(&running.pipes[pipe], waiting);
            }
        }
        self.follow(&all);
    }

    fn follow(&self, orders: &Orders) {
        orders.end.iter().for_each(|job| self.executor.signal(*job, Signal::Terminate));
        orders.kill.iter().for_each(|job| self.executor.signal(*job, Signal::Kill));
    }

    /// All jobs of a unit have ended: what they made is looked at together.
    pub(super) fn unit_over(&mut self, unit: u32) {
        if self.growth.is_due() {
            return self.growth.held.units.push(unit);
        }
        let Some(running) = self.units.running.remove(&unit) else { return };
        let cause = running.together.cause();
        let ends: Vec<(Completion, AfterFacts)> = running
            .together
            .into_ends()
            .into_iter()
            .filter_map(|end| {
                let facts = self.after_facts(end.job)?;
                Some((end, facts))
            })
            .collect();
        let (cx, sender) = (self.cx.clone(), self.sender.clone());
        let told_to_end = self.told_to_end();
        self.in_pool += 1;
        self.pool.spawn(move || {
            let jobs: Vec<JobId> = ends.iter().map(|(end, _)| JobId(end.job)).collect();
            let concluded = conclude::conclude_unit(&cx, ends, cause, told_to_end);
            let left = remove_streams(&cx, jobs.into_iter());
            drop(cx);
            let _ = sender.send(Inbox::UnitConcluded(concluded, left));
        });
    }

    pub(super) fn unit_concluded(&mut self, all: Vec<Concluded>, left: Vec<String>) {
        for message in left {
            self.emit(EventKind::Warning { message });
        }
        let Some(unit) = all.first().map(|first| self.cx.units.leader(JobId(first.job)).0) else { return };
        let failed = |one: &&Concluded| matches!(one.conclusion, Conclusion::Failed { .. });
        match all.iter().find(failed).map(|one| one.job) {
            Some(cause) => drop(self.units.causes.insert(unit, cause)),
            None => drop(self.units.causes.remove(&unit)),
        }
        let mut jobs = Vec::with_capacity(all.len());
        let (mut affected, mut bad) = (Vec::new(), None);
        for one in all {
            jobs.push(one.job);
            match self.conclude_one(one) {
                End::Done { affected: more } => affected.extend(more),
                // The failure is that of one job; a cancel is that of all.
                End::Failed if bad == Some(End::Cancelled) => {}
                end => bad = Some(end),
            }
        }
        affected.sort_unstable();
        affected.dedup();
        jobs.into_iter().for_each(|job| self.discard_backups(job));
        self.unit_lets_slots_go();
        self.tell(Msg::Ended { job: unit, end: bad.unwrap_or(End::Done { affected }) });
        // A check that is made at once can start the next job, and this end goes on record with that start.
        self.check_due();
        self.flush_records();
    }

    /// A unit could not be started because of one of its jobs.
    pub(super) fn unit_not_started(
        &mut self,
        jobs: &[JobId],
        failed: u32,
        trouble: Trouble,
    ) -> Vec<Concluded> {
        let mut trouble = Some(trouble);
        let mut conclusion = |job: u32| match trouble.take_if(|_| job == failed) {
            Some(trouble) => Conclusion::failed(trouble),
            None => Conclusion::Ended { stuck: None },
        };
        let all = jobs.iter().map(|id| Concluded { job: id.0, duration_ms: 0, conclusion: conclusion(id.0) });
        let all = all.collect();
        let cx = &self.cx;
        let streams = jobs.iter().flat_map(|id| streams_of(cx.rule(cx.job(*id)), cx.job(*id)));
        for (path, _) in streams {
            // Only what was just made: anything else there may be somebody's.
            let _ = remove_leftover(&cx.root, cx.paths.text(path));
        }
        all
    }

    /// A job of a unit that was ended, or not started, because of another one.
    pub(super) fn ended_with(&self, unit: u32) -> Option<SkipCause> {
        let cause = self.units.causes.get(&unit)?;
        Some(SkipCause::PartnerFailed { job: self.info(*cause).title() })
    }

    /// The job of a unit that failed, for people.
    pub(super) fn cause_in(&self, unit: u32) -> u32 {
        self.units.causes.get(&unit).copied().unwrap_or(unit)
    }

    /// A unit that was final is to be checked again, for the sake of one of its jobs.
    pub(super) fn unit_reopened(&mut self, members: &[JobId]) {
        let cause = members.iter().find(|member| self.temps.is_recalled(member.0));
        let reason = cause.map(|cause| together(&self.cx, *cause));
        for member in members {
            if let Some(reason) = &reason {
                self.temps.recall_with(member.0, reason.clone());
            }
            self.reopened(member.0);
        }
    }

    /// A file that lasts of the unit of a job whose first output does not.
    pub(super) fn target_of(&self, job: u32) -> Option<String> {
        let cx = &self.cx;
        let lasts = |path: &&PathId| cx.units.stream(**path).is_none();
        let first = cx.job(JobId(job)).outputs.first()?;
        let members = cx.units.with(JobId(job)).filter(|_| !lasts(&first))?;
        let own = std::iter::once(JobId(job)).chain(members.iter().copied());
        let mut files = own.flat_map(|member| cx.job(member).outputs.iter());
        files.find(lasts).map(|path| cx.paths.text(*path).to_string())
    }

    /// Takes note of the job that keeps its unit from running.
    pub(super) fn note_cause(&mut self, unit: u32, job: u32) {
        if unit != job || self.cx.units.members(JobId(unit)).is_some() {
            self.units.causes.insert(unit, job);
        }
    }

    /// What is recorded of a job that was ended because of another one.
    pub(super) fn record_ended_with(&mut self, job: u32) {
        let unit = self.cx.units.leader(JobId(job)).0;
        let cause = self.info(self.cause_in(unit)).title();
        self.record_failure(job, &format!("ended because {cause} failed"));
    }
}
