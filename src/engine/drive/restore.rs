//! Results that come out of the cache instead of being made. They go the way of jobs that run, with nothing executed: on
//! record as in flight before their outputs are touched, and as done when these are there.

use super::{Inbox, Run, relative};
use crate::cache::Lost;
use crate::engine::conclude::{Concluded, Conclusion};
use crate::engine::core::End;
use crate::engine::event::EventKind;
use crate::engine::restore::{self, Restored};
use crate::graph::job::JobId;
use crate::plan::cached::Found;
use crate::plan::instance::Trouble;
use crate::plan::locked;
use crate::store::Record;
use crate::trace::fingerprint::{Origin, pin};
use crate::trace::reason::Reason;
use std::sync::Arc;

impl Run<'_> {
    /// Puts the result of a job back, on the pool.
    pub(super) fn start_restore(
        &mut self,
        job: u32,
        found: Arc<Found>,
    ) -> std::result::Result<(), (u32, Trouble)> {
        let (cx, id) = (self.cx.clone(), JobId(job));
        self.record_start(job, &cx.job(id).outputs);
        if let Some(error) = &self.fatal {
            return Err((job, Trouble::of(error)));
        }
        let (Some(way), Some(prepared)) = (self.way(job, &cx.job(id).outputs), self.prepared.get(&job))
        else {
            return Err((job, Trouble::new("it was not prepared")));
        };
        let fingerprint = prepared.fingerprint.clone();
        let is_replaced = prepared.reasons.iter().any(|reason| matches!(reason, Reason::OtherLocked { .. }));
        let replaced = prepared.recorded.clone().filter(|_| is_replaced);
        cx.forget(id);
        let (log, sender) = (self.launcher.log(job), self.sender.clone());
        self.in_pool += 1;
        self.pool.spawn(move || {
            let mut saved = Vec::new();
            if let Some(results) = replaced {
                // It was made, and whoever locked it may want it again. What cannot be kept can be made.
                let own = pin(&fingerprint.locked(&cx.paths), &results);
                let accepted = restore::were_accepted(&cx, id, &results);
                let _ = restore::keep_as_it_is(&cx, id, &own, &fingerprint, &results, accepted);
            }
            let lost = |lost, untouched| Conclusion::Lost {
                why: match lost {
                    Lost::Missing => None,
                    Lost::Damaged(why) | Lost::Failed(why) => Some(why),
                },
                untouched,
            };
            // What stands there may be the only one of its kind: it goes when there is something to put in its place.
            let conclusion = match restore::bring(&cx, id, &found).map(|()| way.clear()) {
                Err(why) => lost(why, true),
                Ok(Err(message)) => Conclusion::failed(Trouble::new(message)),
                Ok(Ok(moved)) => {
                    saved = moved;
                    match restore::restore(&cx, id, &found, &fingerprint, &log) {
                        Ok(restored) => Conclusion::Restored(Box::new(restored)),
                        Err(why) => lost(why, false),
                    }
                }
            };
            drop(cx);
            let concluded = Concluded { job, duration_ms: found.entry.duration_ms, conclusion };
            let _ = sender.send(Inbox::Restored(Box::new(concluded), saved));
        });
        Ok(())
    }

    /// A result was put back; that is on record before anybody relies on it.
    pub(super) fn restored(&mut self, job: u32, restored: Restored) -> End {
        let cx = self.cx.clone();
        let Restored { outputs, results, bytes, has_log } = restored;
        let Some(mut prepared) = self.prepared.remove(&job) else { return End::Failed };
        for path in &cx.job(JobId(job)).outputs {
            // Also those that are not there: what was seen before in their places is gone.
            cx.files.forget(*path);
        }
        cx.publish(JobId(job), &outputs, &results);
        cx.note_markers(JobId(job), &results);
        let made: Vec<_> =
            cx.job(JobId(job)).outputs.iter().zip(&results).map(|(path, digest)| (*path, *digest)).collect();
        let affected = self.affected(job, &made);
        let unchanged = prepared.recorded.as_deref() == Some(&results[..]);
        locked::compare_made(&cx, JobId(job), &prepared.fingerprint, &results, false);
        let reasons = std::mem::take(&mut prepared.reasons);
        let saved_ms = prepared.found.as_ref().map_or(0, |found| found.entry.duration_ms);
        let is_accepted = prepared.found.as_ref().is_some_and(|found| found.entry.accepted);
        let origin = if is_accepted { Origin::Accepted } else { Origin::Restored };
        let trace = prepared.into_trace(&cx, job, results, self.number, saved_ms, origin);
        let mut records: Vec<Record<'_>> =
            outputs.iter().filter_map(|(path, known)| Record::known(*path, known)).collect();
        records.push(Record::Traced(&trace));
        self.append(&records);
        self.restored.insert(job);
        let log = has_log.then(|| relative(&self.launcher.log(job), &cx.root));
        self.emit(EventKind::JobRestored { job: self.info(job), reasons, bytes, saved_ms, log, unchanged });
        End::Done { affected }
    }

    /// What was to be put back is not there any more, or not as it was: the job runs after all.
    pub(super) fn lost(&mut self, job: u32, why: Option<String>, untouched: bool) -> End {
        if let Some(why) = why {
            let message = format!("{why}; {} runs instead of being restored", self.info(job).title());
            self.emit(EventKind::Warning { message });
        }
        // The places of its outputs were cleared, or this says that they were not.
        self.record_failure(job, "its result could not be restored");
        if untouched {
            self.record_untouched(job);
        }
        self.cx.forget(JobId(job));
        let reasons = self.prepared.remove(&job).map(|prepared| prepared.reasons).unwrap_or_default();
        self.temps.not_restored.insert(job, reasons);
        End::Again
    }
}
