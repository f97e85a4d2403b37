//! Which jobs the cache will spare, before anything runs: producers first, since what is known of a job's key is what is
//! known of its inputs. What a job's inputs hold that are not there follows from what the cache holds of their producers,
//! temporary files that nobody kept included.

use super::{Finding, Findings};
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::cache::Form;
use crate::graph::job::JobId;
use crate::plan::cached::{self, Found};
use crate::plan::check::{Mode, check, check_unit, has_action};
use crate::plan::context::Context;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::PoisonError;

/// The jobs that will be restored.
#[derive(Default)]
pub(super) struct Restores {
    /// Per job, whether all that it makes can be had, temporary files included.
    jobs: FxHashMap<JobId, bool>,
    /// Those of which somebody reads what lies in a directory, and nobody knows yet what that is.
    unclear: FxHashSet<JobId>,
}

impl Restores {
    pub(super) fn has(&self, id: JobId) -> bool {
        self.jobs.contains_key(&id)
    }

    /// Whether all is known that the job's outputs will hold.
    pub(super) fn is_clear(&self, id: JobId) -> bool {
        !self.unclear.contains(&id)
    }

    /// Whether a job is spared only as long as nobody needs its temporary files.
    pub(super) fn is_without_temps(&self, id: JobId) -> bool {
        self.jobs.get(&id) == Some(&false)
    }
}

/// What is known of the outputs of a job before the run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The job will run, or may.
    No,
    AsTheyAre,
    Restored,
}

/// What came to light of a job.
struct Step {
    known: Known,
    anew: Option<Result<Finding, Box<crate::plan::instance::Trouble>>>,
    outputs: Vec<(PathId, Digest, bool)>,
    has_all: bool,
    is_clear: bool,
}

/// Asks the cache of all jobs that would have to run; findings that rest on what will be restored are made again.
pub(super) fn foresee(cx: &Context, pool: &rayon::ThreadPool, checks: &mut Findings) -> Restores {
    let mut restores = Restores::default();
    if cx.cache.is_none() {
        return restores;
    }
    let mut known = vec![Known::No; cx.graph.jobs.len()];
    for level in levels(cx) {
        let steps: Vec<Step> = pool.install(|| {
            let one = |id: &JobId| step(cx, *id, checks, &known);
            level.par_iter().with_min_len(16).map(one).collect()
        });
        let mut foreknown = cx.foreknown.write().unwrap_or_else(PoisonError::into_inner);
        for (id, step) in level.iter().zip(steps) {
            known[id.index()] = step.known;
            if let Some(anew) = step.anew {
                checks[id.index()] = Some(anew);
            }
            if step.known == Known::Restored {
                restores.jobs.insert(*id, step.has_all);
                if !step.is_clear {
                    restores.unclear.insert(*id);
                    known[id.index()] = Known::No;
                }
                foreknown
                    .extend(step.outputs.into_iter().map(|(path, digest, there)| (path, (digest, there))));
            }
        }
    }
    check_units_again(cx, &known, checks);
    restores
}

/// The jobs by their distance from the sources.
fn levels(cx: &Context) -> Vec<Vec<JobId>> {
    let mut distance = vec![0usize; cx.graph.jobs.len()];
    let mut levels: Vec<Vec<JobId>> = Vec::new();
    for id in &cx.graph.order {
        let level = cx.job(*id).needs.iter().map(|need| distance[need.index()] + 1).max().unwrap_or(0);
        distance[id.index()] = level;
        if levels.len() <= level {
            levels.resize_with(level + 1, Vec::new);
        }
        levels[level].push(*id);
    }
    levels
}

fn step(cx: &Context, id: JobId, checks: &Findings, known: &[Known]) -> Step {
    let needs = &cx.job(id).needs;
    let all_known = needs.iter().all(|need| known[need.index()] != Known::No);
    let any_restored = needs.iter().any(|need| known[need.index()] == Known::Restored);
    let nothing = |known| Step { known, anew: None, outputs: Vec::new(), has_all: false, is_clear: true };
    if !has_action(cx, id) {
        return nothing(if all_known { Known::AsTheyAre } else { Known::No });
    }
    let Some(Some(finding)) = checks.get(id.index()) else { return nothing(Known::No) };
    let is_fresh = finding.as_ref().is_ok_and(|finding| finding.reasons.is_empty());
    if cx.units.with(id).is_some() {
        return nothing(if is_fresh && all_known && !any_restored { Known::AsTheyAre } else { Known::No });
    }
    if is_fresh && !any_restored {
        return nothing(if all_known { Known::AsTheyAre } else { Known::No });
    }
    if !all_known && !any_restored {
        return nothing(Known::No);
    }
    let check = match check(cx, id, Mode::Forecast) {
        Ok(check) => check,
        Err(trouble) => return Step { anew: Some(Err(Box::new(trouble))), ..nothing(Known::No) },
    };
    let found = match all_known {
        true => cached::find(cx, id, &check, false),
        false => None,
    };
    let state = match (&found, check.reasons.is_empty() && all_known) {
        (Some(_), _) => Known::Restored,
        (None, true) => Known::AsTheyAre,
        (None, false) => Known::No,
    };
    let mut outputs = Vec::new();
    let (mut has_all, mut is_clear) = (false, true);
    if let Some(found) = &found {
        let results = found.results(cx, cx.job(id), &check.fingerprint);
        let paths = cx.job(id).outputs.iter().copied();
        outputs = paths
            .zip(results)
            .zip(&found.placed)
            .map(|((path, digest), placed)| (path, digest, *placed))
            .collect();
        for path in looked_into(cx, id) {
            match inside(cx, id, found, path) {
                Some(digest) => outputs.push((path, digest, true)),
                None => is_clear = false,
            }
        }
        has_all = found.entry.outputs.iter().all(|kept| kept.form != Form::Gone);
    }
    Step { known: state, anew: Some(Ok(Finding::of(check))), outputs, has_all, is_clear }
}

/// What others read that lies in outputs of a job.
fn looked_into(cx: &Context, id: JobId) -> FxHashSet<PathId> {
    let outputs = &cx.job(id).outputs;
    let readers = cx.graph.consumers(id);
    let read = readers.flat_map(|reader| cx.job(reader).made_inputs().map(|(_, path)| path));
    read.filter(|path| outputs.iter().any(|output| cx.inside(*output, *path).is_some())).collect()
}

fn inside(cx: &Context, id: JobId, found: &Found, path: PathId) -> Option<Digest> {
    let outputs = cx.job(id).outputs.iter().zip(&found.entry.outputs);
    let (kept, rest) =
        outputs.into_iter().find_map(|(output, kept)| Some((kept, cx.inside(*output, path)?)))?;
    cx.cache.as_ref()?.digest_inside(kept, rest, cx.files.hasher())
}

/// Jobs that run at the same time are not restored, but they may read what is.
fn check_units_again(cx: &Context, known: &[Known], checks: &mut Findings) {
    for (leader, members) in cx.units.all() {
        let reads_restored = |member: &JobId| {
            let needs = &cx.job(*member).needs;
            needs.iter().any(|need| known[need.index()] == Known::Restored)
        };
        if !members.iter().any(reads_restored) || cx.graph.open.contains_key(&leader) {
            continue;
        }
        for (member, check) in members.iter().zip(check_unit(cx, members, Mode::Forecast)) {
            if !cx.graph.open.contains_key(member) {
                checks[member.index()] = Some(check.map(Finding::of).map_err(Box::new));
            }
        }
    }
}
