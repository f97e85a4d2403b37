//! The jobs of a run that did something, as far as the report of the run tells of them.
//!
//! Invariant: a job takes 24 bytes here. What people want to know of it is read from the graph of the run, for the texts of a
//! million jobs would take more room than that.

use super::answers::{EndedJob, JobEnd};
use crate::engine::event::{Event, EventKind};
use crate::graph::job::JobId;
use crate::plan::context::Context;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serializer;
use std::fmt;
use std::sync::Arc;

#[derive(Clone, Copy, Debug)]
struct Entry {
    job: JobId,
    end: JobEnd,
    unchanged: bool,
    duration_ms: u64,
}

/// Hears of a run's events what its report tells.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    ended: Vec<Entry>,
    /// When jobs began that are running, to tell how long those took that fail.
    since: FxHashMap<u32, u64>,
    /// A job that had run was run once more.
    is_repeated: bool,
}

impl Hearing {
    pub(super) fn hear(&mut self, event: &Event) {
        match &event.kind {
            EventKind::JobStarted { job, .. } => {
                self.since.insert(job.id, event.time_ms);
            }
            EventKind::JobFinished { job, duration_ms, unchanged } => {
                self.since.remove(&job.id);
                self.push(job.id, JobEnd::Ran, *duration_ms, *unchanged);
            }
            EventKind::JobRestored { job, saved_ms, unchanged, .. } => {
                self.push(job.id, JobEnd::Restored, *saved_ms, *unchanged);
            }
            EventKind::JobFailed { failure, retry: false } => {
                let begun = self.since.remove(&failure.job.id).unwrap_or(event.time_ms);
                self.push(failure.job.id, JobEnd::Failed, event.time_ms.saturating_sub(begun), false);
            }
            EventKind::JobReopened { was_up_to_date: false, .. } => self.is_repeated = true,
            _ => {}
        }
    }

    fn push(&mut self, job: u32, end: JobEnd, duration_ms: u64, unchanged: bool) {
        self.ended.push(Entry { job: JobId(job), end, duration_ms, unchanged });
    }

    /// Of a job that ran more than once the last time counts.
    pub(super) fn into_ended(mut self, cx: &Arc<Context>) -> Ended {
        if self.is_repeated {
            let mut seen = FxHashSet::default();
            self.ended.reverse();
            self.ended.retain(|entry| seen.insert(entry.job));
            self.ended.reverse();
        }
        Ended((!self.ended.is_empty()).then(|| (cx.clone(), self.ended.into())))
    }
}

/// The jobs, with the graph that they are of; nothing when there are none.
#[derive(Clone, Default)]
pub(crate) struct Ended(Option<(Arc<Context>, Arc<[Entry]>)>);

impl Ended {
    pub(super) fn all(&self) -> impl Iterator<Item = EndedJob> {
        self.0.iter().flat_map(|(cx, entries)| {
            entries.iter().map(|entry| EndedJob {
                job: cx.graph.info(entry.job, &cx.workflow, &cx.paths),
                end: entry.end,
                duration_ms: entry.duration_ms,
                unchanged: entry.unchanged,
            })
        })
    }

    pub(super) fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.all())
    }
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}
