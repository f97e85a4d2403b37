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
use crate::store::runs::RunPlaces;
use crate::store::{Record, runs};
use crate::trace::identity::StatSig;
use crate::trace::reason::{NOT_BEGUN, Reason};
use std::path::{Path, PathBuf};

/// All that is to be known to clear the way of a job, on whatever thread. It holds no part of the context, which grows
/// while jobs run.
pub(super) struct Way {
    root: PathBuf,
    outputs: Vec<Place>,
    places: RunPlaces,
    /// Logs and benchmarks.
    beside: Vec<String>,
    ran_before: bool,
    last: LastEnd,
}

/// When the last execution of a job had ended, as files tell it: what was changed later somebody else changed.
struct LastEnd {
    /// Written last when that run ended.
    run_log: Option<PathBuf>,
    /// Of a run whose log is gone: no output was made before the job began, so it ended at most so long after them.
    at_most_ns: Option<i64>,
}

impl LastEnd {
    fn time_ns(&self) -> Option<i64> {
        let log = self.run_log.as_deref().and_then(|log| stat(log).ok().flatten());
        log.map(|log| log.sig.mtime_ns).or(self.at_most_ns)
    }
}

/// A benchmark is written when its job has ended.
const BENCHMARK_MS: i64 = 2000;

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
        // Where nothing was, whatever is there now is somebody's.
        let keep = keep || self.seen.is_none() || self.is_touched(root);
        PrepareOutput { path, keep, directory, stays, is_stream }
    }

    /// Whether somebody was at it since. That it has other names is the doing of a cache, which gives its object to another
    /// project, or drops it.
    fn is_touched(&self, root: &Path) -> bool {
        stat(&root.join(&self.path)).is_ok_and(|now| match (&self.seen, now) {
            (Some(seen), Some(now)) => !seen.is_same_but_named(&now.sig),
            (None, None) => false,
            _ => true,
        })
    }
}

impl Way {
    /// Takes the old outputs away; returns what was kept of them because it is not on record.
    pub(super) fn clear(&self) -> Result<Vec<Saved>, String> {
        let list: Vec<_> = self.outputs.iter().map(|place| place.old(&self.root)).collect();
        let save_dir = self.places.saved();
        let mut saved = prepare(&self.root, &list, &save_dir).map_err(|error| error.to_string())?;
        // What logs hold is not on record, so an old one is only moved: `log:` may name a wrong file. Of a job that
        // never ran it cannot be the log, and one that was changed since is somebody's work: both are kept for ever.
        let end = if self.ran_before && !self.beside.is_empty() { self.last.time_ns() } else { None };
        let (edited, old): (Vec<_>, Vec<_>) =
            self.beside.iter().partition(|path| !self.ran_before || is_newer(&self.root.join(path), end));
        let moved = |list: Vec<&String>, dir: &Path| {
            let list: Vec<_> = list.into_iter().map(|path| PrepareOutput::moved(path)).collect();
            prepare(&self.root, &list, dir).map_err(|error| error.to_string())
        };
        if !self.beside.is_empty() {
            saved.extend(moved(edited, &save_dir)?);
            moved(old, &self.places.old_logs())?;
        }
        Ok(saved)
    }
}

fn is_newer(full: &Path, end: Option<i64>) -> bool {
    end.is_some_and(|end| stat(full).is_ok_and(|now| now.is_some_and(|now| now.sig.mtime_ns > end)))
}

impl Run<'_> {
    /// The way of a job that is about to start.
    pub(super) fn way(&self, job: u32, outputs: &[PathId]) -> Option<Way> {
        let cx = &self.cx;
        let prepared = self.prepared.get(&job)?;
        let place = |(output, seen): (PrepareOutput<'_>, Option<StatSig>)| {
            let PrepareOutput { path, keep, directory, stays, is_stream } = output;
            Place { path: path.to_string(), keep, directory, stays, is_stream, seen }
        };
        let instance = &prepared.instance;
        let ran_before = instance.attempt > 1 || outputs.iter().any(|id| cx.view.last_job(*id).is_some());
        let places: Vec<Place> = work::old_outputs(cx, JobId(job), prepared).into_iter().map(place).collect();
        let beside: Vec<String> =
            instance.logs.paths.iter().chain(&instance.benchmark).map(ToString::to_string).collect();
        // What an earlier attempt of this run left is nobody's work.
        let last = match beside.is_empty() || instance.attempt > 1 {
            true => LastEnd { run_log: None, at_most_ns: None },
            false => self.last_end(outputs, &places),
        };
        Some(Way {
            root: cx.root.to_path_buf(),
            outputs: places,
            beside,
            places: self.launcher.places.clone(),
            ran_before,
            last,
        })
    }

    fn last_end(&self, outputs: &[PathId], places: &[Place]) -> LastEnd {
        let view = &self.cx.view;
        let run = outputs.iter().find_map(|id| view.last_job(*id)).map(|(run, _)| run);
        let trace = outputs.first().and_then(|id| view.trace(*id));
        let made = places.iter().filter_map(|place| place.seen).map(|sig| sig.ctime_ns).max();
        LastEnd {
            run_log: run.filter(|run| *run != self.number).map(|run| runs::run_log(&self.state_dir, run)),
            at_most_ns: made.zip(trace).map(|(made, trace)| {
                made.saturating_add((i64::from(trace.duration_ms) + BENCHMARK_MS) * 1_000_000)
            }),
        }
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
        } else if has(&|reason| matches!(reason, Reason::NoRecord | Reason::NeverBuilt)) {
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

    /// Whether the last execution before this run came to no good end.
    pub(super) fn was_bad(&self, job: u32) -> bool {
        let view = &self.cx.view;
        let has_failed = |path| view.failed(path).is_some_and(|(_, outcome)| outcome != NOT_BEGUN);
        let outputs = &self.cx.job(JobId(job)).outputs;
        outputs.iter().any(|path| view.interrupted(*path).is_some() || has_failed(*path))
    }

    /// The job failed before it began, so what was on record of its outputs before holds again.
    pub(super) fn record_untouched(&mut self, job: u32) {
        let cx = self.cx.clone();
        let outputs = &cx.job(JobId(job)).outputs;
        // In this run it left something else.
        if self.begun.contains(&job) || self.was_bad(job) {
            return;
        }
        let trace = outputs.first().and_then(|path| cx.view.trace(*path));
        if let Some(trace) = trace.filter(|trace| trace.fingerprint.outputs[..] == outputs[..]) {
            self.append(&[Record::Traced(&trace)]);
        }
    }
}
