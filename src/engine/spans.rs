//! Events as spans and events of the `tracing` crate: one span for the run, one for each job in it. Built from the event
//! stream alone, so that it can tell nothing that observers do not hear.

use crate::engine::event::{Event, EventKind};
use rustc_hash::FxHashMap;
use tracing::{Span, debug, error, info, info_span, warn};

/// The spans of one run.
#[derive(Default)]
pub(super) struct Spans {
    run: Option<Span>,
    jobs: FxHashMap<u32, Span>,
}

impl Spans {
    /// Takes the next event.
    pub(super) fn note(&mut self, event: &Event) {
        let run = self.run.clone().unwrap_or_else(Span::none);
        match &event.kind {
            EventKind::RunStarted { run, jobs, .. } => {
                self.run = Some(info_span!(target: "rulemake", "run", number = *run, jobs = *jobs as u64));
            }
            EventKind::JobStarted { job, reasons, command, attempt, .. } => {
                let reason = reasons.first().map(ToString::to_string).unwrap_or_default();
                let span = info_span!(
                    target: "rulemake", parent: &run, "job",
                    id = job.id, rule = %job.rule, title = %job.title(), %reason, attempt = *attempt,
                );
                let command = command.as_deref().unwrap_or_default();
                span.in_scope(|| debug!(target: "rulemake", command, "started"));
                self.jobs.insert(job.id, span);
            }
            EventKind::JobOutput { job, text } => {
                self.within(job.id, || debug!(target: "rulemake", %text, "output"));
            }
            EventKind::JobProgress { job, done, total } => {
                self.within(job.id, || debug!(target: "rulemake", done, total, "progress"));
            }
            EventKind::JobFinished { job, duration_ms, unchanged } => {
                self.within(job.id, || info!(target: "rulemake", duration_ms, unchanged, "finished"));
                self.jobs.remove(&job.id);
            }
            EventKind::JobFailed { failure, retry } => {
                let outcome = &failure.outcome;
                self.within(failure.job.id, || error!(target: "rulemake", %outcome, retry, "failed"));
                self.jobs.remove(&failure.job.id);
            }
            EventKind::JobSkipped { job, .. } => {
                self.jobs.remove(&job.id);
            }
            EventKind::Warning { message } => warn!(target: "rulemake", parent: &run, "{message}"),
            EventKind::RunFinished { summary } => {
                info!(
                    target: "rulemake", parent: &run,
                    ran = summary.ran as u64, failed = summary.failed as u64, wall_ms = summary.wall_ms, "finished",
                );
                *self = Spans::default();
            }
            _ => {}
        }
    }

    fn within(&self, job: u32, tell: impl FnOnce()) {
        match self.jobs.get(&job) {
            Some(span) => span.in_scope(tell),
            None => tell(),
        }
    }
}
