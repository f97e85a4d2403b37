//! What a lock file says of the outputs of a job, held against what the job would be executed with now.
//!
//! Promise: a line counts only while its job would be executed with exactly what it was executed with then. Then what it
//! says of a result is as good as a record: a file that holds it is that result, wherever it came from.

use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::files::observe::Seen;
use crate::graph::job::JobId;
use crate::plan::cached::{self, is_looked_into};
use crate::plan::check::{Adopted, Check, missing_beside};
use crate::plan::context::Context;
use crate::plan::inputs::look;
use crate::plan::instance::Trouble;
use crate::plan::trust::results_on_disk;
use crate::trace::fingerprint::{self, ANCIENT, Fingerprint, Origin, Trace};
use crate::trace::lock::{LockFile, NAME};
use crate::trace::reason::Reason;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A lock file that jobs are held against.
pub(crate) struct Held {
    file: Arc<LockFile>,
    use_: HeldUse,
    /// Jobs with another result than the one that is locked of the same, with the first output that is another.
    others: Mutex<BTreeMap<JobId, Other>>,
}

/// What a run does with what a lock file says, beyond believing it of files that hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HeldUse {
    /// Nothing.
    Read,
    /// The run brings its lines up to date.
    Kept,
    /// A result that is locked takes the place of another one of the same.
    Wanted,
}

#[derive(Clone, Copy)]
struct Other {
    path: PathId,
    /// It came to be in this run.
    is_new: bool,
}

impl Held {
    pub(crate) fn new(file: Arc<LockFile>, use_: HeldUse) -> Held {
        Held { file, use_, others: Mutex::default() }
    }

    fn note(&self, id: JobId, other: Other) {
        self.others.lock().unwrap_or_else(PoisonError::into_inner).insert(id, other);
    }

    fn is_other(&self, id: JobId) -> bool {
        self.others.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }
}

impl Context {
    /// What is on record of an output, or else what the lock file says.
    pub(crate) fn on_record(&self, path: PathId) -> Option<Digest> {
        match self.view.trace(path) {
            Some(trace) => trace.result(path),
            None => self.lock.as_ref()?.file.lines.get(self.paths.text(path)).map(|line| line.result),
        }
    }
}

/// The results that are locked of an execution with this fingerprint; `None` unless that is so of all outputs.
pub(crate) fn results(cx: &Context, id: JobId, fingerprint: &Fingerprint) -> Option<(Digest, Vec<Digest>)> {
    let lines = &cx.lock.as_ref()?.file.lines;
    let outputs = &cx.job(id).outputs;
    let mut own = None;
    let result = |path: &PathId| {
        if cx.units.stream(*path).is_some() {
            return Some(fingerprint.stream(*path, &cx.paths));
        }
        // The line first: most jobs of a new Rulefile have none.
        let line = lines.get(cx.paths.text(*path))?;
        let own = *own.get_or_insert_with(|| fingerprint.locked(&cx.paths));
        (line.fingerprint == own).then_some(line.result)
    };
    let results: Vec<Digest> = outputs.iter().map(result).collect::<Option<_>>()?;
    Some((own?, results))
}

/// The key of the result that is locked of a job, and what has to come of it.
pub(crate) fn pinned(cx: &Context, id: JobId, check: &Check) -> Option<(Digest, Vec<Digest>)> {
    let (own, results) = results(cx, id, &check.fingerprint)?;
    Some((fingerprint::pin(&own, &results), results))
}

/// Takes what stands in the places of the outputs for the result, if the lock file says that it is.
pub(crate) fn adopt(cx: &Context, id: JobId, check: &mut Check) -> Result<(), Trouble> {
    if cx.lock.is_none() || check.is_open || check.reasons.is_empty() || check.reasons.iter().any(is_firm) {
        return Ok(());
    }
    let Some((_, wanted)) = results(cx, id, &check.fingerprint) else { return Ok(()) };
    let job = cx.job(id);
    for (index, output) in job.outputs.iter().enumerate() {
        let is_missed = || !cx.may_be_absent(job, index) || is_looked_into(cx, id, index);
        if cx.units.stream(*output).is_none() && look(cx, *output)? == Seen::Missing && is_missed() {
            return Ok(());
        }
    }
    let trace = Trace {
        rule: cx.rule(job).name.clone(),
        fingerprint: check.fingerprint.clone(),
        results: wanted,
        run: 0,
        job: id.0,
        duration_ms: 0,
        origin: Origin::Restored,
        reported: Vec::new(),
    };
    // What is no file, or no directory, is not what was locked.
    let found = results_on_disk(cx, job, &check.fingerprint, Some(&trace), false);
    if found.is_ok_and(|found| found == trace.results) && missing_beside(cx, id)?.is_empty() {
        check.reasons.clear();
        check.unknown_outputs.clear();
        check.own_directories.clear();
        check.adopted = Some(Adopted { results: trace.results, origin: trace.origin });
    }
    Ok(())
}

/// Holds a job that is up to date against the lock file: that it has another result than the one that is locked of the same is
/// noted, and, where the locked one is wanted and can be had, the reason to restore it.
pub(crate) fn compare(cx: &Context, id: JobId, check: &mut Check) {
    let Some(held) = &cx.lock else { return };
    if !check.reasons.is_empty() || check.is_open || check.adopted.is_some() {
        return;
    }
    let Some(recorded) = &check.recorded else { return };
    let Some((path, locked, here)) = other_result(cx, id, &check.fingerprint, recorded) else { return };
    if held.use_ == HeldUse::Wanted && cached::find_locked(cx, id, check).is_some() {
        let path = cx.paths.text(path).to_string();
        check.reasons.push(Reason::OtherLocked { path, locked, here });
    } else {
        held.note(id, Other { path, is_new: false });
    }
}

/// Takes note of what a job made, or what came out of the cache, if something else is locked of the same.
pub(crate) fn compare_made(
    cx: &Context,
    id: JobId,
    fingerprint: &Fingerprint,
    results: &[Digest],
    is_new: bool,
) {
    let Some(held) = &cx.lock else { return };
    if let Some((path, ..)) = other_result(cx, id, fingerprint, results) {
        held.note(id, Other { path, is_new });
    }
}

/// The first output that is locked as another result of the same, with what is locked and what is here.
fn other_result(
    cx: &Context,
    id: JobId,
    fingerprint: &Fingerprint,
    results: &[Digest],
) -> Option<(PathId, Digest, Digest)> {
    let held = cx.lock.as_ref()?;
    let line = |path: &PathId| held.file.lines.get(cx.paths.text(*path));
    let outputs = &cx.job(id).outputs;
    let files = || outputs.iter().zip(results).filter(|(path, _)| cx.units.stream(**path).is_none());
    // This first: mostly nothing is another one, and then nothing needs to be hashed.
    let (path, locked, here) = files().find_map(|(path, here)| {
        let line = line(path).filter(|line| line.result != *here)?;
        Some((*path, line.result, *here))
    })?;
    let own = as_if_locked(cx, id, fingerprint, &|maker| held.is_other(maker), &held.file).locked(&cx.paths);
    let is_same = |(path, _): (&PathId, _)| line(path).is_none_or(|line| line.fingerprint == own);
    files().all(is_same).then_some((path, locked, here))
}

/// The fingerprint with what is locked of the outputs of jobs that have another result: then both are made from the same.
pub(crate) fn as_if_locked<'f>(
    cx: &Context,
    id: JobId,
    fingerprint: &'f Fingerprint,
    is_other: &dyn Fn(JobId) -> bool,
    lock: &LockFile,
) -> Cow<'f, Fingerprint> {
    let mut fingerprint = Cow::Borrowed(fingerprint);
    for index in 0..fingerprint.inputs.len() {
        let input = fingerprint.inputs[index];
        if input.digest == ANCIENT || !cx.graph.maker(cx.job(id), index).is_some_and(is_other) {
            continue;
        }
        if let Some(line) = lock.lines.get(cx.paths.text(input.path)) {
            fingerprint.to_mut().inputs[index].digest = line.result;
        }
    }
    fingerprint
}

/// What is to be said at the end of a run of results that are not the locked ones.
pub(crate) fn warnings(cx: &Context) -> Vec<String> {
    let Some(held) = &cx.lock else { return Vec::new() };
    let others = held.others.lock().unwrap_or_else(PoisonError::into_inner);
    let (anew, stay): (Vec<Other>, Vec<Other>) =
        others.values().partition(|other| other.is_new && held.use_ == HeldUse::Kept);
    let told = |all: &[Other], one: &str, many: &str, rest: &str| {
        let first = cx.paths.text(all.first()?.path);
        Some(match all.len() {
            1 => format!("1 {one}: {first}{rest}"),
            n => format!("{n} {many}: {first} and others{rest}"),
        })
    };
    let way_out = match held.use_ {
        HeldUse::Wanted => {
            "; no cache holds the recorded ones: `rulemake push` where they were made puts them into the shared one, \
             `rulemake lock` records what is here"
        }
        HeldUse::Read | HeldUse::Kept => {
            "; `rulemake pull` takes the recorded ones, `rulemake lock` records what is here"
        }
    };
    let stay = told(
        &stay,
        &format!("result is not that of {NAME}, though made from the same"),
        &format!("results are not those of {NAME}, though made from the same"),
        way_out,
    );
    let anew = told(
        &anew,
        &format!("line of {NAME} has another result now, made from the same as before"),
        &format!("lines of {NAME} have other results now, made from the same as before"),
        "; a command that gives another one each time makes others do it again",
    );
    stay.into_iter().chain(anew).collect()
}

/// Jobs that only write into pipes leave nothing that could be locked. All that they are executed with is part of the
/// fingerprint of those that read from them: when all of these are up to date by the lock file, so are they.
pub(crate) fn adopt_writers(cx: &Context, members: &[JobId], checks: &mut [Result<Check, Trouble>]) {
    let is_writer = |id: &JobId| cx.job(*id).outputs.iter().all(|path| cx.units.stream(*path).is_some());
    let is_current =
        |check: &Result<Check, Trouble>| check.as_ref().is_ok_and(|check| check.reasons.is_empty());
    let is_locked = |check: &Result<Check, Trouble>| {
        check.as_ref().is_ok_and(|check| matches!(&check.adopted, Some(it) if it.origin == Origin::Restored))
    };
    let mut others = members.iter().zip(checks.iter()).filter(|(id, _)| !is_writer(id));
    if cx.lock.is_none() || !others.clone().all(|(_, check)| is_current(check)) {
        return;
    }
    if !others.any(|(_, check)| is_locked(check)) {
        return;
    }
    for (id, check) in members.iter().zip(checks).filter(|(id, _)| is_writer(id)) {
        let Ok(check) = check else { continue };
        if check.is_open || check.reasons.is_empty() || check.reasons.iter().any(is_firm) {
            continue;
        }
        let outputs = &cx.job(*id).outputs;
        let results = outputs.iter().map(|path| check.fingerprint.stream(*path, &cx.paths)).collect();
        check.reasons.clear();
        check.adopted = Some(Adopted { results, origin: Origin::Restored });
    }
}

/// What makes a job run whatever its outputs hold.
fn is_firm(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Forced
            | Reason::NoOutputs
            | Reason::Interrupted { .. }
            | Reason::RunningNow { .. }
            | Reason::FailedBefore { .. }
            | Reason::NeededBy { .. }
            | Reason::Together { .. }
    )
}
