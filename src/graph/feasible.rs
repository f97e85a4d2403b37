//! Which candidates can run at all: a job can when all its inputs can be had, and a path can be had when it
//! exists or one of its candidates can run.
//!
//! The smallest such set, found by counting down missing inputs: linear, and a cycle never justifies itself.
//! Which of several candidates is taken is not decided here.

use crate::base::path::{PathId, PathTable};
use crate::graph::expand::{Expansion, NONE};
use crate::graph::job::Job;
use crate::graph::resolve::Probe;
use rayon::prelude::*;
use rustc_hash::FxHashSet;

/// From this many on, files are probed on the pool.
const BATCH: usize = 256;

/// What can be had. Indexed by path and by candidate number.
#[derive(Default)]
pub(crate) struct Survey {
    can_be_had: Vec<bool>,
    exists: Vec<Option<bool>>,
    /// Inputs of a candidate that cannot be had so far; `NONE` for one that has failed.
    missing: Vec<u32>,
    /// By path: its last entry in `waits`.
    waiting: Vec<u32>,
    /// Candidate that waits for a path, and the entry before it.
    waits: Vec<(u32, u32)>,
    queue: Vec<PathId>,
    /// Files that are wanted as they are before a job changes them, and are not there.
    absent: FxHashSet<PathId>,
    /// What of the expansion was taken in so far.
    jobs: usize,
    paths: usize,
    before: usize,
}

/// Whether each path exists, in parallel when they are many.
pub(crate) fn probe_all(
    paths: &[PathId],
    table: &PathTable,
    probe: &dyn Probe,
    pool: Option<&rayon::ThreadPool>,
) -> Vec<bool> {
    let exists = |path: &PathId| probe.exists(*path, table.text(*path));
    match pool.filter(|_| paths.len() >= BATCH) {
        Some(pool) => pool.install(|| paths.par_iter().with_min_len(64).map(exists).collect()),
        None => paths.iter().map(exists).collect(),
    }
}

/// Whether a file whose candidates all fail may stand for itself. A result on record may not: its job could no longer
/// be shown to be up to date. Neither may one whose input function failed: that is a mistake in the Rulefile, and
/// an old file must not hide it.
pub(crate) fn may_be_source(expansion: &Expansion<'_>, probe: &dyn Probe, path: PathId) -> bool {
    !is_made(expansion, probe, path)
        && !expansion.candidates(path).iter().any(|job| expansion.function_failed(*job))
}

/// Whether a job on record made the file, or a directory above it.
fn is_made(expansion: &Expansion<'_>, probe: &dyn Probe, path: PathId) -> bool {
    let text = expansion.paths.text(path);
    let mut above = text.rmatch_indices('/').map(|(end, _)| &text[..end]);
    probe.is_made(path, text)
        || above.any(|dir| expansion.paths.find(dir).is_some_and(|id| probe.is_made(id, dir)))
}

/// Surveys the expansion; candidates that waited for better ones are brought in where those fail.
pub(crate) fn survey(expansion: &mut Expansion<'_>, probe: &dyn Probe) -> Survey {
    let mut survey = Survey::default();
    expansion.keep_named_makers();
    loop {
        let new = survey.take_in(expansion, probe);
        // A file is asked for only when no rule can make it: first where there is no rule at all.
        let is_leaf = |path: &&PathId| expansion.candidates(**path).is_empty();
        let leaves: Vec<PathId> = new.iter().filter(is_leaf).copied().collect();
        survey.probe(&leaves, expansion, probe);
        let is_doubtful = |path: &PathId| {
            !survey.can_be_had(*path)
                && survey.exists[path.index()].is_none()
                && may_be_source(expansion, probe, *path)
        };
        let doubtful: Vec<PathId> = new.into_iter().filter(is_doubtful).collect();
        survey.probe(&doubtful, expansion, probe);
        let is_settled = |path: &PathId| expansion.candidates(*path).iter().any(|job| survey.can_run(*job));
        let failed: Vec<PathId> =
            expansion.deferred().iter().copied().filter(|path| !is_settled(path)).collect();
        if failed.is_empty() {
            return survey;
        }
        expansion.run_deferred(&failed);
        if expansion.keep_named_makers() {
            // What was found may rest on candidates that are gone.
            survey = Survey::default();
            continue;
        }
        survey.make_room(expansion);
        for path in failed {
            // Its new candidates may be jobs that are known to run already.
            if expansion.candidates(path).iter().any(|job| survey.missing.get(*job as usize) == Some(&0)) {
                survey.have(path);
            }
        }
    }
}

impl Survey {
    pub(crate) fn can_be_had(&self, path: PathId) -> bool {
        self.can_be_had[path.index()]
    }

    /// Whether the job cannot have this input.
    pub(crate) fn lacks(&self, job: &Job, input: usize) -> bool {
        let path = job.inputs[input];
        if job.is_before_update(input) { self.absent.contains(&path) } else { !self.can_be_had(path) }
    }

    pub(crate) fn can_run(&self, job: u32) -> bool {
        self.missing[job as usize] == 0
    }

    /// What the probe said, if it was asked.
    pub(crate) fn exists(&self, path: PathId) -> Option<bool> {
        self.exists[path.index()]
    }

    fn make_room(&mut self, expansion: &Expansion<'_>) {
        let paths = expansion.paths.len();
        self.can_be_had.resize(paths, false);
        self.exists.resize(paths, None);
        self.waiting.resize(paths, NONE);
    }

    /// Adds the candidates and paths that are new in the expansion; returns the paths.
    fn take_in(&mut self, expansion: &Expansion<'_>, probe: &dyn Probe) -> Vec<PathId> {
        self.make_room(expansion);
        let before: Vec<PathId> = expansion.before[self.before..].iter().map(|(_, path)| *path).collect();
        self.before = expansion.before.len();
        let exist = probe_all(&before, expansion.paths, probe, expansion.pool);
        self.absent.extend(before.into_iter().zip(exist).filter(|(_, exists)| !exists).map(|(path, _)| path));
        for id in self.jobs..expansion.jobs.len() {
            let id = id as u32;
            if expansion.failures.contains_key(&id) {
                self.missing.push(NONE);
                continue;
            }
            let job = &expansion.jobs[id as usize];
            if (0..job.inputs.len()).any(|input| job.is_before_update(input) && self.lacks(job, input)) {
                self.missing.push(NONE);
                continue;
            }
            let mut missing = 0;
            for (_, input) in job.made_inputs() {
                if !self.can_be_had[input.index()] {
                    let entry = self.waits.len() as u32;
                    self.waits.push((id, std::mem::replace(&mut self.waiting[input.index()], entry)));
                    missing += 1;
                }
            }
            self.missing.push(missing);
            if missing == 0 {
                self.can_now_run(id, expansion);
            }
        }
        self.jobs = expansion.jobs.len();
        let new = expansion.explored[self.paths..].to_vec();
        self.paths = expansion.explored.len();
        for &path in &new {
            if expansion.candidates(path).iter().any(|job| self.can_run(*job)) {
                self.have(path);
            }
        }
        self.propagate(expansion);
        new
    }

    fn probe(&mut self, paths: &[PathId], expansion: &Expansion<'_>, probe: &dyn Probe) {
        let found = probe_all(paths, expansion.paths, probe, expansion.pool);
        for (&path, exists) in paths.iter().zip(found) {
            self.exists[path.index()] = Some(exists);
            if exists {
                self.have(path);
            }
        }
        self.propagate(expansion);
    }

    fn have(&mut self, path: PathId) {
        if !std::mem::replace(&mut self.can_be_had[path.index()], true) {
            self.queue.push(path);
        }
    }

    fn can_now_run(&mut self, job: u32, expansion: &Expansion<'_>) {
        let beside = expansion.beside.get(&job).into_iter().flatten();
        for &output in expansion.jobs[job as usize].outputs.iter().chain(beside) {
            if expansion.candidates(output).contains(&job) {
                self.have(output);
            }
        }
    }

    fn propagate(&mut self, expansion: &Expansion<'_>) {
        while let Some(path) = self.queue.pop() {
            let mut at = std::mem::replace(&mut self.waiting[path.index()], NONE);
            while at != NONE {
                let (job, before) = self.waits[at as usize];
                self.missing[job as usize] -= 1;
                if self.missing[job as usize] == 0 {
                    self.can_now_run(job, expansion);
                }
                at = before;
            }
        }
    }
}
