//! What the run puts on record, and when. Invariants: a job is on record before it begins, and its end before anybody
//! relies on it; after the first record that cannot be written nothing new begins.

use super::{RUNS_KEPT, Run};
use crate::base::path::PathId;
use crate::engine::cancel::CancelLevel;
use crate::engine::event::EventKind;
use crate::engine::work;
use crate::error::{Error, Result};
use crate::exec::log;
use crate::files::backup::Backups;
use crate::files::shadow;
use crate::graph::job::JobId;
use crate::plan::context::Context;
use crate::store::runs::RunLog;
use crate::store::{Record, boot_id, runs};
use crate::trace::fingerprint::{Origin, Trace};

impl Run<'_> {
    /// What stands in the places of a job's outputs is its result from now on: what somebody made of them, or what a lock
    /// file knows.
    pub(super) fn adopt(&mut self, trace: &Trace) {
        let (cx, job) = (self.cx.clone(), trace.job);
        let mut records: Vec<Record<'_>> = self.new_definition(&cx, job).into_iter().collect();
        records.push(Record::Traced(trace));
        self.append(&records);
        cx.note_markers(JobId(job), &trace.results);
        if trace.origin != Origin::Accepted {
            return;
        }
        self.temps.adopted.insert(job);
        for path in cx.job(JobId(job)).outputs.iter() {
            let is_edited =
                cx.view.trace(*path).and_then(|before| before.result(*path)) != trace.result(*path);
            if is_edited {
                let path = cx.paths.text(*path);
                let message = format!("{path} was changed since it was made, and is kept as it is now");
                self.emit(EventKind::Warning { message });
            }
        }
    }

    /// From here on until its end is on record the job is in flight: whatever it leaves is not trusted.
    pub(super) fn record_start(&mut self, job: u32, outputs: &[PathId]) {
        let cx = self.cx.clone();
        let mut records: Vec<Record<'_>> = self.new_definition(&cx, job).into_iter().collect();
        records.push(Record::JobStarted { run: self.number, job, outputs });
        self.append(&records);
    }

    /// The text of the job's rule, unless it is on record.
    pub(super) fn new_definition<'c>(&mut self, cx: &'c Context, job: u32) -> Option<Record<'c>> {
        let rule = cx.job(JobId(job)).rule;
        let facts = &cx.facts[rule as usize];
        let is_new = self.defined.insert(rule) && cx.view.definition(&facts.definition).is_none();
        is_new.then(|| Record::Definition { digest: facts.definition, text: &facts.text })
    }

    /// Puts something on record together with what comes next, which is [`Run::flush_records`] at the latest: before
    /// anything begins that may rely on it.
    pub(super) fn append_with_next(&mut self, records: &[Record<'_>]) {
        if self.fatal.is_some() {
            return;
        }
        if !self.recording {
            return self.append(records);
        }
        if let Err(error) = self.writer.hold(&self.cx.paths, records) {
            self.give_up(error);
        }
    }

    pub(super) fn flush_records(&mut self) {
        if self.recording
            && self.fatal.is_none()
            && let Err(error) = self.writer.flush()
        {
            self.give_up(error);
        }
    }

    pub(super) fn append(&mut self, records: &[Record<'_>]) {
        if self.fatal.is_some() {
            return;
        }
        let begin = if self.recording { Ok(()) } else { self.begin_record() };
        self.recording = true;
        self.cx.files.distrust_probes();
        if let Err(error) = begin.and_then(|()| self.writer.append(&self.cx.paths, records)) {
            // Without a state nothing that ran can be trusted to be remembered: finish what runs, start nothing.
            self.give_up(error);
        }
    }

    pub(super) fn give_up(&mut self, error: Error) {
        // The first error is the cause of others.
        self.fatal.get_or_insert(error);
        self.cancel.cancel(CancelLevel::Drain);
    }

    /// Puts the run on record, and makes room for its logs.
    pub(super) fn begin_record(&mut self) -> Result<()> {
        if let Some((killed, _)) = self.cx.view.without_end() {
            log::remove_spares(&runs::job_logs(&self.state_dir, killed));
        }
        runs::prune_runs(&self.state_dir, RUNS_KEPT)?;
        // Of jobs whose engine was killed.
        shadow::remove(&self.state_dir.join("shadow"))?;
        shadow::remove(&self.cx.root.join(crate::cache::ASIDE))?;
        runs::run_dir(&self.state_dir, self.number)?;
        self.journal.open(
            RunLog::create(runs::run_log(&self.state_dir, self.number))?,
            RunLog::create(runs::event_log(&self.state_dir, self.number))?,
        );
        let (boot_id, time_ms) = (boot_id(), self.options.clock.wall_ms());
        self.writer
            .append(&self.cx.paths, &[Record::RunStarted { run: self.number, boot_id: &boot_id, time_ms }])
    }

    pub(super) fn record_failure(&mut self, job: u32, outcome: &str) {
        let cx = self.cx.clone();
        let outputs = &cx.job(JobId(job)).outputs;
        self.append(&[Record::JobEnded { run: self.number, job, outputs, outcome }]);
    }

    pub(super) fn backups(&self) -> Backups {
        Backups::new(&self.cx.root, &self.state_dir)
    }

    /// The end of the job is on record, so what it changed in place stays as it is.
    pub(super) fn discard_backups(&mut self, job: u32) {
        let cx = self.cx.clone();
        if work::updated(&cx, JobId(job)).next().is_none() {
            return;
        }
        self.flush_records();
        if self.fatal.is_some() {
            return;
        }
        for path in work::updated(&cx, JobId(job)) {
            if let Err(error) = self.backups().discard(path) {
                self.emit(EventKind::Warning { message: error.to_string() });
            }
        }
    }
}
