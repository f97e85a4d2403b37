//! What happens on the pool when a result comes out of the cache, and when one goes into it. Pure of the run's state: it
//! takes facts and gives results.

use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::cache::{Lost, Made, NewResult};
use crate::disk;
use crate::engine::conclude::AfterFacts;
use crate::engine::work::dues;
use crate::files::outputs::remove_temp;
use crate::files::results::{collect, look, protect};
use crate::graph::job::JobId;
use crate::model::flags::Flag;
use crate::plan::cached::{self, Found};
use crate::plan::context::Context;
use crate::plan::inputs;
use crate::plan::instance::Instance;
use crate::store::runs::{RunLog, job_log};
use crate::trace::fingerprint::{Fingerprint, Origin};
use crate::trace::identity::Known;
use rayon::prelude::*;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A result that was put back.
pub(crate) struct Restored {
    /// What is there now.
    pub(crate) outputs: Vec<(PathId, Known)>,
    /// What goes on record, of temporary files that are not there, too.
    pub(crate) results: Vec<Digest>,
    pub(crate) bytes: u64,
    /// Whether there is a log of what the command printed.
    pub(crate) has_log: bool,
}

/// Brings all here that [`restore`] puts back.
///
/// # Errors
/// What cannot be had.
pub(crate) fn bring(cx: &Context, id: JobId, found: &Found) -> Result<(), Lost> {
    let Some(cache) = &cx.cache else { return Err(Lost::Missing) };
    let one = |index: &usize| match found.entry.outputs.get(*index) {
        Some(kept) => {
            let path = cx.paths.text(cx.job(id).outputs[*index]);
            cache.bring(&cx.root, (&found.key, kept), path, cx.files.hasher())
        }
        None => Err(Lost::Missing),
    };
    each(&wanted(cx, id, found), one).into_iter().collect()
}

/// The outputs of a job that are put back.
fn wanted(cx: &Context, id: JobId, found: &Found) -> Vec<usize> {
    let is_placed = |index: &usize| found.placed.get(*index) == Some(&true);
    (0..cx.job(id).outputs.len()).filter(is_placed).collect()
}

/// What comes of all of them though one is lost: what else is lost is known then, and one new result mends all of it.
fn each<T: Send>(
    wanted: &[usize],
    one: impl Fn(&usize) -> Result<T, Lost> + Sync + Send,
) -> Vec<Result<T, Lost>> {
    match rayon::current_thread_index() {
        Some(_) if wanted.len() > 1 => wanted.par_iter().map(one).collect(),
        _ => wanted.iter().map(one).collect(),
    }
}

/// Puts back what a job made before; the places of its outputs are clear. What it printed then goes to `log`, marked.
///
/// # Errors
/// Why it cannot be put back as a whole; nothing of it is left then.
pub(crate) fn restore(
    cx: &Context,
    id: JobId,
    found: &Found,
    fingerprint: &Fingerprint,
    log: &Path,
) -> Result<Restored, Lost> {
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    let mut placed = Vec::new();
    let done = put_back(cx, id, found, &mut placed);
    let (outputs, bytes) = done.inspect_err(|_| {
        // What somebody else put there meanwhile is not ours to remove.
        for path in &placed {
            let _ = remove_temp(&cx.root, cx.paths.text(*path));
        }
    })?;
    let results = found.results(cx, job, fingerprint);
    let has_log = found.entry.log.as_ref().is_some_and(|kept| {
        let text = cx.cache.as_ref().and_then(|cache| cache.text(&found.key, kept, cx.files.hasher()));
        text.is_some_and(|text| replay(log, &rule.name, &text))
    });
    if let Some(cache) = &cx.cache {
        cache.settle(&found.key, &found.own, &found.entry);
    }
    Ok(Restored { outputs, results, bytes, has_log })
}

/// What is at the places of the outputs, and its size; `placed` gets those that were put there, also when others were not.
fn put_back(
    cx: &Context,
    id: JobId,
    found: &Found,
    placed: &mut Vec<PathId>,
) -> Result<(Vec<(PathId, Known)>, u64), Lost> {
    let Some(cache) = &cx.cache else { return Err(Lost::Missing) };
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    let hasher = cx.files.hasher();
    let failed = |error: crate::error::Error| Lost::Failed(error.to_string());
    let there = Mutex::new(Vec::new());
    let is_protected =
        |index: usize| rule.output_flags.get(index).is_some_and(|flags| flags.has(Flag::Protected));
    let place = |index: &usize| {
        let (Some(kept), path) = (found.entry.outputs.get(*index), job.outputs[*index]) else {
            return Err(Lost::Missing);
        };
        let text = cx.paths.text(path);
        let mut known = cache.put_back(&cx.root, (&found.key, kept), text, hasher)?;
        there.lock().unwrap_or_else(PoisonError::into_inner).push(path);
        if is_protected(*index) {
            protect(&cx.root, text).map_err(failed)?;
            known = read_back(cx, id, path)?.ok_or(Lost::Missing)?;
        }
        Ok((path, known, kept.size()))
    };
    let wanted = wanted(cx, id, found);
    let lies_in_one =
        |path: &str| wanted.iter().any(|index| is_below(cx.paths.text(job.outputs[*index]), path));
    // What a directory holds came with it.
    let inner = |index: &usize| {
        let (Some(kept), path) = (found.entry.outputs.get(*index), job.outputs[*index]) else {
            return Err(Lost::Missing);
        };
        if !is_there(&cx.root, cx.paths.text(path)) {
            return place(index);
        }
        if is_protected(*index) {
            protect(&cx.root, cx.paths.text(path)).map_err(failed)?;
        }
        let known = read_back(cx, id, path)?.filter(|known| known.digest() == kept.digest);
        known.map(|known| (path, known, 0)).ok_or(Lost::Missing)
    };
    let (inside, outside): (Vec<usize>, Vec<usize>) =
        wanted.iter().partition(|index| lies_in_one(cx.paths.text(job.outputs[**index])));
    let mut all = each(&outside, place);
    if all.iter().all(Result::is_ok) {
        all.extend(each(&inside, inner));
    }
    *placed = std::mem::take(&mut *there.lock().unwrap_or_else(PoisonError::into_inner));
    let all = all.into_iter().collect::<Result<Vec<_>, Lost>>()?;
    let bytes = all.iter().map(|(.., bytes)| bytes).sum();
    let outputs = all.into_iter().map(|(path, known, _)| (path, known)).collect();
    let names = Instance::naming(cx, job);
    let products: Vec<&str> = cached::beside(&names).collect();
    for (number, kept) in &found.entry.beside {
        let Some(path) = products.get(*number as usize) else { continue };
        if lies_in_one(path) && is_there(&cx.root, path) {
            continue;
        }
        let is_wanted = cx.graph.beside(id).iter().any(|wanted| cx.paths.text(*wanted) == *path);
        match cache.put_back_log(&cx.root, (&found.key, kept), path, hasher) {
            Err(lost) if is_wanted => return Err(lost),
            _ => {}
        }
    }
    Ok((outputs, bytes))
}

/// What is in the place of an output; `None`: nothing.
fn read_back(cx: &Context, id: JobId, path: PathId) -> Result<Option<Known>, Lost> {
    let due: Vec<_> = dues(cx, id).into_iter().filter(|due| due.id == path).collect();
    let read = look(&cx.root, &due).and_then(|there| collect(&cx.root, &due, &there, cx.files.hasher()));
    let known = read.map_err(|error| Lost::Failed(error.to_string()))?.and_then(|mut all| all.pop());
    Ok(known.map(|(_, known)| known))
}

fn is_there(root: &Path, path: &str) -> bool {
    disk::symlink_metadata(root.join(path)).is_ok()
}

/// Whether a path lies in a directory, by their names.
fn is_below(directory: &str, path: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Writes what a command printed when it ran, so that it is found where the logs of this run are.
fn replay(log: &Path, rule: &str, text: &[u8]) -> bool {
    let Ok(mut file) = RunLog::create(log.to_path_buf()) else { return false };
    file.write(format!("[restored: what rule {rule} printed when it ran]\n").as_bytes());
    file.write(text);
    true
}

/// Keeps what a job made, if it is to be kept. `made` are its outputs; what is known of them may be known otherwise
/// afterwards.
pub(crate) fn keep<'m>(
    cx: &'m Context,
    id: JobId,
    facts: &AfterFacts,
    duration_ms: u64,
    made: &'m mut [(PathId, Known)],
) {
    let (Some(cache), Some(key)) = (&cx.cache, &facts.key) else { return };
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    if an_ancient_moved(cx, id, facts) {
        return;
    }
    let names = Instance::naming(cx, job);
    let keeps = |path: &PathId| {
        let index = job.outputs.iter().position(|output| output == path);
        index.is_none_or(|index| cached::keeps_bytes(cx, rule, job, index))
    };
    let output = |(path, known): &'m mut (PathId, Known)| {
        let is_kept = keeps(path);
        (cx.paths.text(*path), if is_kept { Made::There(known) } else { Made::Gone(known.digest()) })
    };
    let outputs = made.iter_mut().map(output).collect();
    let beside = (0..).zip(cached::beside(&names)).collect();
    let log = facts.has_log.then(|| facts.places.job_log(id.0));
    let log = log.filter(|log| disk::metadata(log).is_ok_and(|log| log.len() > 0));
    cache.keep(
        key,
        &cx.root,
        cx.files.hasher(),
        NewResult { rule: &rule.name, duration_ms, outputs, beside, log, accepted: false },
        true,
    );
}

/// Whether these results of a job are what somebody took for them: an edit, or what was there before.
pub(crate) fn were_accepted(cx: &Context, id: JobId, results: &[Digest]) -> bool {
    let trace = cx.job(id).outputs.first().and_then(|path| cx.view.trace(*path));
    trace.is_some_and(|trace| trace.origin == Origin::Accepted && trace.results == results)
}

/// Keeps what stands in the places of a job's outputs, as an execution that is on record left it with these `results`. All
/// files are read again. It is not shared with those with whom new results are: that takes its time, and who wants it says so.
/// `accepted` says that nobody executed it.
///
/// # Errors
/// Why it is not kept, as what can be said of the job.
pub(crate) fn keep_as_it_is(
    cx: &Context,
    id: JobId,
    key: &Digest,
    fingerprint: &Fingerprint,
    results: &[Digest],
    accepted: bool,
) -> Result<(), String> {
    let Some(cache) = &cx.cache else { return Err("there is no cache".into()) };
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    if (0..job.inputs.len()).any(|index| inputs::flags(job, index).has(Flag::Ancient)) {
        return Err("it reads an `ancient` input, and nobody knows what that held when it ran".into());
    }
    let failed = |error: crate::error::Error| error.to_string();
    let mut content: Vec<(&str, Option<Known>, Digest)> = Vec::with_capacity(results.len());
    let dues = dues(cx, id);
    for (index, ((path, result), due)) in job.outputs.iter().zip(results).zip(&dues).enumerate() {
        let (text, due) = (cx.paths.text(*path), std::slice::from_ref(due));
        let there = look(&cx.root, due).map_err(failed)?;
        let known = match there.iter().all(|there| there.found.is_some()) {
            true => collect(&cx.root, due, &there, cx.files.hasher()).map_err(failed)?,
            false => None,
        };
        let known = known.and_then(|mut all| all.pop()).map(|(_, known)| known);
        let is_marker = rule.output_flags.get(index).is_some_and(|flags| flags.has(Flag::Touch));
        let is_it = |known: &Known| match is_marker {
            true => fingerprint.marker(known.digest(), &cx.paths) == *result,
            false => known.digest() == *result,
        };
        match &known {
            Some(known) if is_it(known) => {}
            Some(_) => return Err(format!("{text} changed since it was made")),
            None if cx.may_be_absent(job, index) && !is_marker => {}
            None => return Err(format!("{text} is not there")),
        }
        let is_kept = cached::keeps_bytes(cx, rule, job, index);
        let digest = known.as_ref().map_or(*result, Known::digest);
        content.push((text, known.filter(|_| is_kept), digest));
    }
    let names = Instance::naming(cx, job);
    let trace = job.outputs.first().and_then(|path| cx.view.trace(*path));
    let ran = trace.filter(|trace| trace.origin == Origin::Executed && trace.results == results);
    let log = ran.as_ref().map(|ran| job_log(&cx.root.join(".rulemake"), ran.run, ran.job));
    let outputs = content.iter_mut().map(|(path, known, digest)| match known {
        Some(known) => (*path, Made::There(known)),
        None => (*path, Made::Gone(*digest)),
    });
    let result = NewResult {
        rule: &rule.name,
        duration_ms: ran.as_ref().map_or(0, |ran| ran.duration_ms.into()),
        outputs: outputs.collect(),
        beside: (0..).zip(cached::beside(&names)).collect(),
        log: log.filter(|log| disk::metadata(log).is_ok_and(|log| log.len() > 0)),
        accepted,
    };
    match cache.keep(key, &cx.root, cx.files.hasher(), result, false) {
        true => Ok(()),
        false => Err("the cache did not take it".into()),
    }
}

/// Whether an input of which only the existence counts may be another than the one under whose content the result is to
/// be kept.
fn an_ancient_moved(cx: &Context, id: JobId, facts: &AfterFacts) -> bool {
    let job = cx.job(id);
    let ancient = (0..job.inputs.len()).filter(|index| inputs::flags(job, *index).has(Flag::Ancient));
    ancient.filter_map(|index| facts.inputs.get(index)).any(|(path, then)| {
        let now = cx.files.restat(cx.paths.text(*path)).ok().flatten();
        then.is_none() || now != *then
    })
}
