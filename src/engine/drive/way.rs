//! The places of a job's outputs are cleared when the job begins: when all is there that it needs besides its program.
//! What goes wrong before leaves the outputs of the last success as they are.
//!
//! Invariant: the job is on record as started before, so when the engine is killed between, or while it clears, nobody
//! trusts what is there.

use super::{Inbox, Run, relative};
use crate::base::path::PathId;
use crate::engine::event::EventKind;
use crate::engine::work;
use crate::exec::executor::Begin;
use crate::files::outputs::{PrepareOutput, Saved, prepare};
use crate::files::stat::stat;
use crate::graph::job::JobId;
use crate::store::{Record, runs};
use crate::trace::identity::StatSig;
use crate::trace::reason::Reason;
use std::path::{Path, PathBuf};

/// All that is to be known to clear the way of a job, on whatever thread. It holds no part of the context, which grows
/// while jobs run.
pub(super) struct Way {
    root: PathBuf,
    outputs: Vec<Place>,
    save_dir: PathBuf,
    /// Logs and benchmarks.
    beside: Vec<String>,
    log_dir: PathBuf,
    ran_before: bool,
}

struct Place {
    path: String,
    keep: bool,
    directory: bool,
    stays: bool,
    is_stream: bool,
    /// What it looked like when that was decided: until the job begins an environment may have to be made first.
    seen: Option<StatSig>,
}

impl Place {
    fn old(&self, root: &Path) -> PrepareOutput<'_> {
        let &Place { ref path, keep, directory, stays, is_stream, .. } = self;
        PrepareOutput { path, keep: keep || self.is_touched(root), directory, stays, is_stream }
    }

    /// Whether somebody was at it since.
    fn is_touched(&self, root: &Path) -> bool {
        stat(&root.join(&self.path)).is_ok_and(|now| now.map(|now| now.sig) != self.seen)
    }
}

impl Way {
    /// Takes the old outputs away; returns what was kept of them because it is not on record.
    pub(super) fn clear(&self) -> Result<Vec<Saved>, String> {
        let list: Vec<_> = self.outputs.iter().map(|place| place.old(&self.root)).collect();
        let mut saved = prepare(&self.root, &list, &self.save_dir).map_err(|error| error.to_string())?;
        // What logs hold is not on record, so an old one is only moved: `log:` may name a wrong file. Of a job that
        // never ran it cannot be the log.
        let list: Vec<_> = self.beside.iter().map(|path| PrepareOutput::moved(path)).collect();
        let old_logs = prepare(&self.root, &list, &self.log_dir).map_err(|error| error.to_string())?;
        saved.extend(old_logs.into_iter().filter(|_| !self.ran_before));
        Ok(saved)
    }
}

impl Run<'_> {
    /// The way of a job that is about to start.
    pub(super) fn way(&self, job: u32, outputs: &[PathId]) -> Option<Way> {
        let cx = &self.cx;
        let prepared = self.prepared.get(&job)?;
        let place = |output: PrepareOutput<'_>| {
            let PrepareOutput { path, keep, directory, stays, is_stream } = output;
            let seen = cx.files.restat(path).ok().flatten();
            Place { path: path.to_string(), keep, directory, stays, is_stream, seen }
        };
        let instance = &prepared.instance;
        let ran_before = instance.attempt > 1 || outputs.iter().any(|id| cx.view.last_job(*id).is_some());
        let save_dir = runs::saved_dir(&self.state_dir, self.number);
        Some(Way {
            root: cx.root.clone(),
            outputs: work::old_outputs(cx, JobId(job), prepared).into_iter().map(place).collect(),
            beside: instance.logs.paths.iter().chain(&instance.benchmark).map(ToString::to_string).collect(),
            log_dir: match ran_before {
                true => runs::quarantine_dir(&self.state_dir, self.number).join("old-logs"),
                false => save_dir.clone(),
            },
            save_dir,
            ran_before,
        })
    }

    /// Clears the way when the job begins.
    pub(super) fn clear_at_begin(&self, job: u32, way: Way) -> Begin {
        // The executor calls it on the job's thread, before it reports the end of the job.
        let sender = self.sender.clone();
        Begin(Box::new(move || {
            let saved = way.clear()?;
            if !saved.is_empty() {
                let _ = sender.send(Inbox::Cleared { job, saved });
            }
            Ok(())
        }))
    }

    pub(super) fn tell_saved(&mut self, job: u32, all: Vec<Saved>) {
        // A job whose end nobody saw, or whose input changed meanwhile, left it: its content is not on record.
        let unseen =
            |reason: &Reason| matches!(reason, Reason::Interrupted { .. } | Reason::FailedBefore { .. });
        let has = |wanted: &dyn Fn(&Reason) -> bool| {
            self.prepared.get(&job).is_some_and(|prepared| prepared.reasons.iter().any(wanted))
        };
        let origin = if has(&unseen) {
            "may be what an earlier execution left, or changed since"
        } else if has(&|reason| *reason == Reason::NoRecord) {
            "was there, and rulemake has no record of it"
        } else {
            // It may be older than the record, too: a checkout brings earlier results back.
            "was not what rulemake recorded last"
        };
        for saved in all {
            let to = relative(Path::new(&saved.to), &self.cx.root);
            let message = format!("{} {origin}; that copy is kept in {to}", saved.path);
            self.emit(EventKind::Warning { message });
        }
    }

    /// The job failed before it began, so what was on record of its outputs before holds again.
    pub(super) fn record_untouched(&mut self, job: u32) {
        let cx = self.cx.clone();
        let outputs = &cx.job(JobId(job)).outputs;
        let is_bad = |path: &PathId| cx.view.interrupted(*path).is_some() || cx.view.failed(*path).is_some();
        // In this run it left something else.
        if self.begun.contains(&job) || outputs.iter().any(is_bad) {
            return;
        }
        let trace = outputs.first().and_then(|path| cx.view.trace(*path));
        if let Some(trace) = trace.filter(|trace| trace.fingerprint.outputs[..] == outputs[..]) {
            self.append(&[Record::Traced(&trace)]);
        }
    }
}
