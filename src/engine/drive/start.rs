//! From a job whose turn it is to a process: all that has to be so before, and what is said of it.

use super::{Inbox, Run, TRUSTED, relative, together};
use crate::base::digest::Digest;
use crate::engine::conclude::Conclusion;
use crate::engine::core::{End, Msg};
use crate::engine::event::EventKind;
use crate::engine::launch;
use crate::engine::work::{self, Prepared, ToCheck, Verdict};
use crate::exec::executor::{JobRequest, Seat};
use crate::exec::host::{TaskFacts, TaskId};
use crate::files::outputs::make_directory;
use crate::graph::job::JobId;
use crate::model::flags::Flag;
use crate::model::job_context::OwnedPaths;
use crate::plan::context::Context;
use crate::plan::instance::{Instance, Trouble};

impl Run<'_> {
    pub(super) fn start(&mut self, unit: u32, attempt: u32) {
        if self.hold_for_hook(unit, attempt) || self.temps.hold_start(unit, attempt) {
            return;
        }
        if !self.keep_updated(unit, attempt) {
            self.start_now(unit, attempt, Ok(()), None);
        }
    }

    /// Whether it did: else that is told as its end.
    pub(super) fn start_now(
        &mut self,
        unit: u32,
        attempt: u32,
        kept: std::result::Result<(), (u32, Trouble)>,
        behind: Option<u32>,
    ) -> bool {
        let alone = [JobId(unit)];
        let members = self.cx.units.members(JobId(unit)).cloned();
        let jobs = members.as_deref().unwrap_or(&alone);
        self.begins_anew(unit);
        let started = kept.and_then(|()| self.try_start(unit, jobs, attempt, behind));
        let is_started = started.is_ok();
        if let Err((failed, trouble)) = started {
            let mut concluded = self.unit_not_started(jobs, failed, trouble);
            if self.fatal.is_some() {
                concluded.iter_mut().for_each(|one| one.conclusion = Conclusion::NotBegun);
            }
            let _ = self.sender.send(Inbox::NotStarted(concluded));
        }
        is_started
    }

    /// Copies what the unit changes in place, on the pool, for files may be large. `false` when there is nothing to copy.
    /// The copies are complete before a job is on record as started: see `files::backup`.
    pub(super) fn keep_updated(&mut self, unit: u32, attempt: u32) -> bool {
        let alone = [JobId(unit)];
        let cx = self.cx.clone();
        let jobs = cx.units.members(JobId(unit)).map_or(&alone[..], |members| members);
        let updated = jobs.iter().flat_map(|id| work::updated(&cx, *id).map(|path| (id.0, path.to_string())));
        let updated: Vec<(u32, String)> = updated.collect();
        if updated.is_empty() {
            return false;
        }
        let (backups, sender) = (self.backups(), self.sender.clone());
        self.in_pool += 1;
        self.pool.spawn(move || {
            let keep = |(job, path): &(u32, String)| backups.keep(path).map_err(|e| (*job, Trouble::of(&e)));
            let result = updated.iter().try_for_each(keep);
            let _ = sender.send(Inbox::Kept { unit, attempt, result });
        });
        true
    }

    pub(super) fn kept(&mut self, unit: u32, attempt: u32, result: std::result::Result<(), (u32, Trouble)>) {
        if self.told_to_end() {
            // Not on record: it was never in flight. Copies without such a job are of no use to anybody.
            return self.tell(Msg::Ended { job: unit, end: End::Cancelled });
        }
        self.start_now(unit, attempt, result, None);
    }

    /// Starts all jobs of a unit, or none. With `behind`, which is of one job, it begins when that one has ended.
    pub(super) fn try_start(
        &mut self,
        unit: u32,
        jobs: &[JobId],
        attempt: u32,
        behind: Option<u32>,
    ) -> std::result::Result<(), (u32, Trouble)> {
        let cx = self.cx.clone();
        if let Some(found) = self.prepared.get(&unit).and_then(|prepared| prepared.found.clone()) {
            return self.start_restore(unit, found);
        }
        if attempt > 1 || self.squeezed(unit).is_some() {
            self.again(jobs, attempt)?;
        }
        self.check_again_if_moved(unit, jobs)?;
        let mut requests = Vec::with_capacity(jobs.len());
        for id in jobs {
            requests.push(self.request(*id).map_err(|trouble| (id.0, trouble))?);
        }
        for id in jobs {
            self.record_start(id.0, &cx.job(*id).outputs);
        }
        // A job of which that cannot be put on record must not begin: nobody would know of what it leaves half made.
        if let Some(error) = &self.fatal {
            return Err((unit, Trouble::of(error)));
        }
        for (id, request) in jobs.iter().zip(&mut requests) {
            let Some(way) = self.way(id.0, &cx.job(*id).outputs) else { continue };
            cx.forget(*id);
            if jobs.len() == 1 {
                request.begin = Some(self.clear_at_begin(id.0, way));
            } else {
                // Its pipes are made in places that are clear.
                self.begun.insert(id.0);
                let saved = way.clear().map_err(|message| (id.0, Trouble::new(message)))?;
                self.tell_saved(id.0, saved);
            }
        }
        if jobs.len() > 1 {
            together::make_pipes(&cx, jobs)?;
        }
        if jobs.len() > 1 {
            self.run_together(unit, jobs, &mut requests);
        }
        for mut request in requests {
            self.share_slots(&mut request);
            if jobs.len() == 1 && self.executor.is_hosted() {
                request.facts = self.task_facts(request.job).map(Box::new);
            }
            if behind.is_none() {
                self.tell_started(request.job, attempt);
            }
            // A host's executor may report all ends on one thread.
            if jobs.len() == 1
                && !self.executor.is_hosted()
                && !self.ahead.is_ahead(request.job)
                && let Some(facts) = self.after_facts(request.job)
            {
                self.spot.expect(request.job, facts);
            }
            let seat = match behind {
                Some(behind) if self.ahead.is_ahead(request.job) => Seat::Only(behind),
                Some(behind) => Seat::Behind(behind),
                None if self.core.may_carry(request.job) => self.seat(),
                None => Seat::Alone,
            };
            if !self.executor.submit(request, seat) {
                self.ahead.note_too_late();
            }
        }
        Ok(())
    }

    /// What the host's executor is told of a job.
    fn task_facts(&self, job: u32) -> Option<TaskFacts> {
        let (cx, prepared) = (&self.cx, self.prepared.get(&job)?);
        let outputs = &cx.job(JobId(job)).outputs;
        let interrupted = outputs.first().filter(|path| cx.view.interrupted(**path).is_some());
        let first = outputs.first().map_or("", |path| cx.paths.text(*path));
        let all = |paths: &OwnedPaths| -> Vec<_> {
            paths.paths.iter().map(|path| launch::absolute(&cx.root.join(&**path))).collect()
        };
        let (instance, rule) = (&prepared.instance, cx.rule(cx.job(JobId(job))));
        Some(TaskFacts {
            run: self.number,
            key: prepared.fingerprint.marker(Digest::of(first.as_bytes()), &cx.paths),
            title: self.info(job).title(),
            rule: rule.name.clone(),
            threads: instance.threads,
            resources: instance.resources.clone(),
            inputs: all(&instance.inputs),
            outputs: all(&instance.outputs),
            directories: (0..outputs.len())
                .map(|output| work::flags(rule, output).has(Flag::Directory))
                .collect(),
            earlier: interrupted
                .filter(|_| instance.attempt == 1)
                .and_then(|path| cx.view.last_job(*path))
                .filter(|(run, _)| *run != self.number)
                .map(|(run, job)| TaskId::new(run, job)),
        })
    }

    pub(super) fn request(&self, id: JobId) -> std::result::Result<JobRequest, Trouble> {
        let Some(prepared) = self.prepared.get(&id.0) else {
            return Err(Trouble::new("it was not prepared"));
        };
        make_temp_dir(&self.cx, &prepared.instance)?;
        self.launcher.request(&self.cx, id.0, prepared)
    }

    pub(super) fn tell_started(&mut self, job: u32, attempt: u32) {
        let Some(prepared) = self.prepared.get(&job) else { return };
        let rule = self.cx.rule(self.cx.job(JobId(job)));
        let event = EventKind::JobStarted {
            job: self.info(job),
            reasons: prepared.reasons.clone(),
            command: prepared.command.clone(),
            message: prepared.message.clone(),
            attempt,
            log: launch::has_log(&self.cx, rule).then(|| relative(&self.launcher.log(job), &self.cx.root)),
        };
        self.emit(event);
    }

    /// A further attempt sees its number: functions of resources may ask for more. A job that got fewer threads than it
    /// asked for sees those.
    pub(super) fn again(&mut self, jobs: &[JobId], attempt: u32) -> std::result::Result<(), (u32, Trouble)> {
        for id in jobs {
            let job = self.cx.job(*id);
            let rule = self.cx.rule(job);
            let threads = self.squeezed(id.0).unwrap_or(self.cx.slots);
            let anew = Instance::within(&self.cx, job, attempt, threads)
                .and_then(|instance| Ok((instance.command(rule)?, instance.message(rule)?, instance)));
            let (command, message, instance) = anew.map_err(|trouble| (id.0, trouble))?;
            if let Some(prepared) = self.prepared.get_mut(&id.0) {
                prepared.unknown_outputs.clear();
                prepared.command = command;
                prepared.message = message;
                prepared.instance = instance;
            }
        }
        Ok(())
    }

    /// A job that waited long is checked again when an input was touched meanwhile: its trace must name the
    /// content that the job reads.
    pub(super) fn check_again_if_moved(
        &mut self,
        unit: u32,
        jobs: &[JobId],
    ) -> std::result::Result<(), (u32, Trouble)> {
        let cx = self.cx.clone();
        let has_moved = |prepared: &&Prepared| {
            let is_trusted =
                prepared.checked_at.elapsed() < TRUSTED && !self.hooks.is_newer_than(prepared.checked_at);
            !is_trusted && work::inputs_moved(&cx, prepared)
        };
        let mut all = jobs.iter().filter_map(|id| self.prepared.get(&id.0));
        let Some(attempt) = all.find(has_moved).map(|prepared| prepared.instance.attempt) else {
            return Ok(());
        };
        for prepared in jobs.iter().filter_map(|id| self.prepared.get(&id.0)) {
            prepared.input_signatures.iter().for_each(|(path, _)| cx.files.forget(*path));
        }
        // It was said to run, so it does.
        let to_check = ToCheck { may_restore: false, ..self.temps.to_check(&cx, unit) };
        match work::check_unit(&cx, &to_check) {
            Verdict::Run(anew) => {
                self.prepared.extend(anew);
                match attempt > 1 || self.squeezed(unit).is_some() {
                    true => self.again(jobs, attempt),
                    false => Ok(()),
                }
            }
            Verdict::Trouble(job, trouble) => Err((job, trouble)),
            Verdict::Lacks(absent) => {
                let path = absent.first().map_or("", |(_, path)| cx.paths.text(*path));
                let message = format!("its temporary input `{path}` was removed while it waited");
                Err((unit, Trouble::new(message)))
            }
            // The inputs are back to what is on record. It was said to run, so it does, for its first reasons.
            Verdict::UpToDate | Verdict::Adopted(_) | Verdict::Restore(..) => Ok(()),
        }
    }
}

/// Makes the directory for temporary files that a rule names itself.
fn make_temp_dir(cx: &Context, instance: &Instance) -> std::result::Result<(), Trouble> {
    match instance.temp_dir().filter(|directory| *directory != cx.temp_dir) {
        Some(own) => make_directory(&cx.root.join(&*own)).map_err(|error| Trouble::new(error.to_string())),
        None => Ok(()),
    }
}
