//! Code that belongs to a moment of the run: `onstart:` before the first job, `onsuccess:` or `onerror:` after the last.
//!
//! A run in which nothing is started meets no moment. While `onstart:` runs, jobs are checked but none starts; when it
//! fails, none does. What comes after the last job cannot change what the jobs made, so its failure is a warning.
//!
//! Beginning and end of a hook are on record like those of a job: when the engine is killed meanwhile, the next run ends
//! what the hook had started.

use super::{Inbox, Run, relative};
use crate::diag::Problem;
use crate::engine::cancel::CancelLevel;
use crate::engine::conclude::{describe, hint};
use crate::engine::core::{End, Msg};
use crate::engine::event::EventKind;
use crate::engine::launch::absolute;
use crate::error::{Error, ErrorKind};
use crate::exec::executor::{Completion, JobRequest, Outcome, Seat, Work};
use crate::exec::variables::Variables;
use crate::model::job_context::{JobContext, OwnedPaths};
use crate::model::wildcards::Wildcards;
use crate::model::workflow::{Hook, Moment};
use crate::store::{Record, runs};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

/// Its number for the executor; no job has it.
pub(super) const HOOK: u32 = u32::MAX;

/// So many lines of its output are told; the file holds all.
const LINES_TOLD: usize = 1000;

/// So many lines of its output stand in an error.
const LINES_OF_ERROR: usize = 20;

#[derive(Debug, Default)]
pub(super) struct HookState {
    running: Option<Hook>,
    /// `onstart:` was begun, or there is none.
    begun: bool,
    /// A job was to be started: the run has something to do.
    any_start: bool,
    /// Jobs that are to start when `onstart:` has ended.
    held: Vec<(u32, u32)>,
    /// It may have changed files: what was checked before is looked at again.
    ended: Option<Instant>,
    /// What a hook that runs alone was told already.
    told: Option<CancelLevel>,
    pub(super) failure: Option<Error>,
}

impl HookState {
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(super) fn is_newer_than(&self, check: Instant) -> bool {
        self.ended.is_some_and(|ended| check < ended)
    }
}

impl Run<'_> {
    /// Whether a job must wait for `onstart:`, which the first one sets off.
    pub(super) fn hold_for_hook(&mut self, job: u32, attempt: u32) -> bool {
        self.hooks.any_start = true;
        if !self.hooks.begun {
            self.hooks.begun = true;
            self.begin_hook(Moment::Start);
        }
        let is_held = self.hooks.failure.is_some()
            || self.hooks.running.as_ref().is_some_and(|hook| hook.moment == Moment::Start);
        if is_held {
            self.hooks.held.push((job, attempt));
        }
        is_held
    }

    /// What is to be done when all jobs have ended, and waits for it.
    pub(super) fn end_hooks(&mut self, inbox: &Receiver<Inbox>) {
        let is_cut_short =
            self.fatal.is_some() || self.hooks.failure.is_some() || self.cancel.level().is_some();
        let moment = match self.failures.is_empty() {
            true if self.hooks.any_start => Moment::Success,
            false => Moment::Error,
            true => return,
        };
        if !is_cut_short {
            self.begin_hook(moment);
            self.pump(inbox);
        }
    }

    fn begin_hook(&mut self, moment: Moment) {
        let cx = self.cx.clone();
        let Some(hook) = cx.workflow.hooks.iter().find(|hook| hook.moment == moment) else { return };
        // This makes the directory of the run, where its log goes.
        self.append(&[Record::JobStarted { run: self.number, job: HOOK, outputs: &[] }]);
        if self.fatal.is_some() {
            return;
        }
        let name = hook.moment.name();
        let log = runs::hook_log(&self.state_dir, self.number, name);
        let log_of_run = absolute(&runs::run_log(&self.state_dir, self.number));
        let context = Box::new(self.context_of(hook, &log_of_run.to_string_lossy()));
        let mut work = self.launcher.run_work(&cx, &hook.code, context, &log);
        work.log_of_run = Some(log_of_run);
        let request = JobRequest {
            job: HOOK,
            root: absolute(&cx.root),
            work: Work::Run(Box::new(work)),
            env: Variables::new(
                self.launcher.variables.clone(),
                self.launcher.mark(HOOK).into_iter().collect(),
            ),
            extras: None,
            begin: None,
            facts: None,
        };
        self.emit(EventKind::HookStarted { hook: name.to_string() });
        self.hooks.running = Some(hook.clone());
        self.executor.submit(request, Seat::Alone);
    }

    /// A hook is no job: it has nothing but the config, and the log of the run.
    fn context_of(&self, hook: &Hook, log: &str) -> JobContext {
        let none = || OwnedPaths { layout: Arc::default(), paths: Box::default() };
        JobContext {
            rule: hook.moment.name().into(),
            root: absolute(&self.cx.root),
            wildcards: Wildcards::default(),
            inputs: none(),
            outputs: none(),
            logs: OwnedPaths { paths: [log.into()].into(), ..none() },
            params: Vec::new(),
            threads: 1,
            resources: Vec::new(),
            attempt: 1,
            config: hook.config.clone(),
            cancelled: Arc::default(),
            reports: None,
        }
    }

    pub(super) fn hook_completed(&mut self, completion: &Completion) {
        let Some(hook) = self.hooks.running.take() else { return };
        let ended = describe(&completion.outcome);
        self.append(&[Record::JobEnded { run: self.number, job: HOOK, outputs: &[], outcome: &ended }]);
        let log = runs::hook_log(&self.state_dir, self.number, hook.moment.name());
        let output = runs::tail(&log, LINES_TOLD);
        let failure =
            (completion.outcome != Outcome::Success).then(|| self.hook_failed(&hook, completion, &output));
        self.emit(EventKind::HookFinished {
            hook: hook.moment.name().to_string(),
            output,
            outcome: failure.as_ref().map(|_| describe(&completion.outcome)),
        });
        if let Some(failure) = failure {
            self.judge(&hook, failure, &completion.outcome);
        }
        if hook.moment == Moment::Start {
            self.hooks.ended = Some(crate::base::clock::monotonic());
            self.release_starts();
        }
    }

    fn judge(&mut self, hook: &Hook, failure: Error, outcome: &Outcome) {
        // The user stopped it.
        if self.cancel.level().is_some() {
            return;
        }
        if hook.moment == Moment::Start {
            self.hooks.failure = Some(failure);
            return;
        }
        let name = hook.moment.name();
        let log = runs::hook_log(&self.state_dir, self.number, name);
        let place = match crate::disk::exists(&log) {
            true => format!("; its output is in {}", relative(&log, &self.cx.root)),
            false => String::new(),
        };
        let message = format!("{name} failed: {}{place}", describe(outcome));
        self.emit(EventKind::Warning { message });
    }

    /// The jobs that waited for `onstart:` start, or do not when the run is to end.
    fn release_starts(&mut self) {
        let held = std::mem::take(&mut self.hooks.held);
        if self.hooks.failure.is_some() {
            self.tell(Msg::Cancel(CancelLevel::Drain));
        }
        let is_over = self.hooks.failure.is_some() || self.cancel.level().is_some();
        for (job, attempt) in held {
            if is_over {
                // Not on record: it was never in flight.
                self.tell(Msg::Ended { job, end: End::Cancelled });
            } else {
                self.start(job, attempt);
            }
        }
    }

    /// A cancel while nothing but a hook runs: the core has no job that it would signal.
    pub(super) fn cancel_hook(&mut self, level: CancelLevel) {
        let runs_alone = self.finished && self.hooks.is_running();
        if runs_alone && level > CancelLevel::Drain && self.hooks.told < Some(level) {
            self.hooks.told = Some(level);
            self.signal(level);
        }
    }

    fn hook_failed(&self, hook: &Hook, completion: &Completion, output: &[String]) -> Error {
        let name = hook.moment.name();
        let outcome = describe(&completion.outcome);
        let mut problem =
            Problem::error("hook-failed", format!("`{name}` failed, so no job was started: {outcome}"))
                .at(hook.place, "");
        for line in &output[output.len().saturating_sub(LINES_OF_ERROR)..] {
            problem = problem.note(line.clone());
        }
        if let Some(help) = hint(&completion.outcome) {
            problem = problem.help(help);
        }
        Error::problems(ErrorKind::Hook, &[problem], &self.cx.workflow.sources)
    }
}
