//! Runs what is stale.

use super::ended::Hearing;
use super::{LockUse, RunOptions, RunReport, Session};
use crate::diag::Diagnostic;
use crate::disk;
use crate::engine::drive::{DriveOptions, drive};
use crate::engine::event::Event;
use crate::error::Result;
use crate::files::outputs::make_directory;
use crate::plan::context::Context;
use crate::plan::{foreseen, orphans};
use crate::store::{Loaded, LockWait, Writer, open, read};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Between SIGTERM and SIGKILL when a run is cancelled.
const GRACE: Duration = Duration::from_secs(10);

impl Session {
    /// Runs what is stale for `targets`. Blocks; this thread coordinates.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-run-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let mut session = Session::builder(workflow).root(&root).open()?;
    /// let report = session.run(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!((report.success(), report.summary.ran), (true, 1));
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`], and [`ErrorKind::Locked`](crate::ErrorKind::Locked), [`ErrorKind::Environment`](crate::ErrorKind::Environment).
    pub fn run<T: AsRef<str>>(&mut self, targets: &[T], options: &RunOptions) -> Result<RunReport> {
        // Where nothing is on record a plan that cannot be made leaves nothing behind.
        let early = match disk::exists(&self.state_dir()) {
            true => None,
            false => Some(self.admitted(targets, options, &mut read(&self.state_dir())?)?),
        };
        let (mut loaded, mut writer) = self
            .open_store(options.wait, &holder(if options.only_restore { "pull" } else { "run" }, targets))?;
        let mut warnings: Vec<String> = loaded.lost.take().into_iter().collect();
        warnings.extend(self.end_survivors(&loaded.view)?);
        self.remove_leftovers(&loaded)?;
        let restored = self.restore_updates(&loaded, &mut writer)?;
        if !restored.is_empty() {
            warnings.extend(restored);
            loaded = read(&self.state_dir())?;
        }
        let mut cx = match early.filter(|_| loaded.is_empty()) {
            Some(cx) => cx,
            None => self.admitted(targets, options, &mut loaded)?,
        };
        let watched = self.tell_watcher(&mut cx, targets, options);
        let cx = Arc::new(cx);
        warnings.extend(assumed(&cx));
        warnings.extend(foreseen::warnings(&cx).iter().map(in_a_line));
        warnings.extend(orphans::warnings(&orphans::orphans(&cx)));
        let drive_options = DriveOptions {
            executor: self.executor.clone(),
            clock: self.clock.clone(),
            keep_going: options.keep_going,
            retries: options.retries,
            limits: self.limits.clone(),
            grace: GRACE,
            warnings,
            keep_temps: options.keep_temps,
            programs: self.programs.clone(),
            direct: self.direct,
            variables: self.variables.clone(),
            only_restore: options.only_restore,
            slots: self.shared_slots.clone(),
        };
        let observer = self.observer.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut hearing = Hearing::default();
        let mut tell = |event: &Event| {
            hearing.hear(event);
            observer(event);
        };
        let done = drive(cx, &self.index, writer, &self.pool, &self.cancel, &drive_options, &mut tell)?;
        self.tell_watcher_again(watched, &done.cx);
        self.note_metrics(&done);
        if options.lock == LockUse::Keep {
            self.keep_lock(targets, options, done.run)?;
        }
        self.prove(targets, options, &done);
        Ok(RunReport {
            jobs: hearing.into_ended(&done.cx),
            run: done.run,
            summary: done.summary,
            failures: done.failures,
            cancelled: done.cancelled,
            partial: done.partial,
        })
    }

    /// What a run rests on, if nothing that is known before stands against it.
    fn admitted<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        loaded: &mut Loaded,
    ) -> Result<Context> {
        let cx = self.context(targets, options, loaded, true)?;
        self.refuse_unsupported(&cx)?;
        self.refuse_lacking(&cx, targets, options)?;
        if !self.oversized_units(&cx).is_empty() {
            // Those that are up to date do not matter, which only a plan can tell.
            self.plan(targets, options)?;
        }
        Ok(cx)
    }

    /// Makes the directory that `workdir:` names, and with it the state in it, ready to be written.
    pub(super) fn open_store(&self, wait: bool, what: &str) -> Result<(Loaded, Writer)> {
        if self.workflow.workdir.is_some() {
            make_directory(&self.root)?;
        }
        let cancelled = || self.cancel.level().is_some();
        let wait = if wait { LockWait::Wait(&cancelled) } else { LockWait::Fail };
        open(&self.state_dir(), wait, what)
    }
}

/// A diagnostic as a sentence with its place.
fn in_a_line(diagnostic: &Diagnostic) -> String {
    match diagnostic.labels.first() {
        Some(label) => format!("{} ({}:{})", diagnostic.message, label.file, label.line),
        None => diagnostic.message.clone(),
    }
}

/// Says which sources are not there and what counts instead.
fn assumed(cx: &Context) -> Option<String> {
    let absent = cx.graph.sources.iter().filter(|path| {
        let text = cx.paths.text(**path);
        cx.trust.assumes(text) && matches!(cx.files.stat(**path, text), Ok(None))
    });
    let absent: Vec<&str> = absent.map(|path| cx.paths.text(*path)).collect();
    let first = absent.first()?;
    let more = match absent.len() {
        1 => "is not there".to_string(),
        n => format!("and {} more are not there", n - 1),
    };
    Some(format!("{first} {more}; what is on record of its content is assumed"))
}

/// What the lock says its holder does: the command and its first targets.
pub(super) fn holder<T: AsRef<str>>(what: &str, targets: &[T]) -> String {
    let mut text = format!("rulemake {what}");
    for target in targets.iter().take(3) {
        text.push(' ');
        text.push_str(target.as_ref());
    }
    if targets.len() > 3 {
        text.push_str(" ...");
    }
    text
}
