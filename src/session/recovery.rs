//! What a run finds of one that was killed, and deals with before anything else.

use super::Session;
use crate::base::path::{PathId, PathTable};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::survivors::{self, Mark};
use crate::files::backup::Backups;
use crate::files::hash::FileHasher;
use crate::files::streams::remove_leftover;
use crate::store::{Loaded, Record, View, Writer, runs};
use crate::trace::identity::Known;
use rustc_hash::FxHashSet;

/// Files that will be put back.
#[derive(Default)]
pub(super) struct Restored {
    /// `None`: there will be nothing.
    pub(super) files: Vec<(PathId, Option<Known>)>,
    pub(super) gone: FxHashSet<Box<str>>,
}

impl Session {
    /// Ends what a killed run left running: it would write into outputs that are made again. Says so.
    pub(super) fn end_survivors(&self, view: &View) -> Result<Option<String>> {
        let jobs = view.in_flight();
        let Some(mark) = Mark::of(&self.state_dir()).filter(|_| !jobs.is_empty()) else { return Ok(None) };
        let ended = survivors::end(&mark, &jobs);
        let list = |pids: &[u32]| pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        if !ended.alive.is_empty() {
            let message = format!(
                "jobs of a run that was killed still run and cannot be ended: {}",
                list(&ended.alive)
            );
            let error = Error::new(ErrorKind::Environment, message);
            return Err(
                error.with_help("they may still write into outputs: end these processes, then run again")
            );
        }
        let told = || format!("ended what a killed run had left running: process {}", list(&ended.pids));
        Ok((!ended.pids.is_empty()).then(told))
    }

    /// Removes the pipes and sockets that a killed run left: a program that opened one would wait for ever.
    pub(super) fn remove_leftovers(&self, loaded: &Loaded) -> Result<()> {
        for id in loaded.view.interrupted_paths() {
            remove_leftover(&self.root, loaded.paths.text(id))?;
        }
        Ok(())
    }

    /// What the next run will put back before anything else, with its content: a plan that looked at what is there now
    /// would tell what no run does.
    pub(super) fn foresee_restored(
        &self,
        view: &View,
        paths: &PathTable,
        hasher: &FileHasher,
    ) -> Result<Restored> {
        let backups = Backups::new(&self.root, &self.state_dir());
        let mut restored = Restored::default();
        if !backups.any() {
            return Ok(restored);
        }
        for id in view.interrupted_paths() {
            let path = paths.text(id);
            let kept = self.pool.install(|| backups.kept(path, hasher))?;
            if let Some(None) = &kept {
                restored.gone.insert(path.into());
            }
            restored.files.extend(kept.map(|known| (id, known)));
        }
        Ok(restored)
    }

    /// Puts back the files that jobs of a killed run were changing in place. Says so.
    pub(super) fn restore_updates(&self, loaded: &Loaded, writer: &mut Writer) -> Result<Vec<String>> {
        let state_dir = self.state_dir();
        let backups = Backups::new(&self.root, &state_dir);
        let mut told = Vec::new();
        if !backups.any() {
            return Ok(told);
        }
        let interrupted: Vec<PathId> = loaded.view.interrupted_paths().collect();
        for id in interrupted {
            let path = loaded.paths.text(id);
            let Some((run, job)) = loaded.view.last_job(id) else { continue };
            let aside = runs::quarantine_dir(&state_dir, run).join(job.to_string());
            let Some(restored) = backups.restore(path, &aside)? else { continue };
            // From now on it is nobody's half work, whether or not its job runs again in this run.
            let ended = Record::JobEnded { run, job, outputs: &[id], outcome: "interrupted" };
            writer.append(&loaded.paths, &[ended])?;
            let aside = restored.aside.map(|aside| {
                let aside = aside.strip_prefix(&self.root).unwrap_or(&aside).display().to_string();
                format!("; what it had made of it is kept in {aside}")
            });
            told.push(format!(
                "{path} was put back as it was before run {run} was interrupted{}",
                aside.unwrap_or_default()
            ));
        }
        backups.clear()?;
        Ok(told)
    }
}
