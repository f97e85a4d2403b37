//! What a lock file says of the outputs of a job, held against what the job would be executed with now.
//!
//! Promise: a line counts only while its job would be executed with exactly what it was executed with then. Then what it
//! says of a result is as good as a record: a file that holds it is that result, wherever it came from.

use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::files::observe::Seen;
use crate::graph::job::JobId;
use crate::plan::cached::is_looked_into;
use crate::plan::check::{Adopted, Check, missing_beside};
use crate::plan::context::Context;
use crate::plan::inputs::look;
use crate::plan::instance::Trouble;
use crate::plan::trust::results_on_disk;
use crate::trace::fingerprint::{self, Fingerprint, Origin, Trace};
use crate::trace::reason::Reason;

impl Context {
    /// What is on record of an output, or else what the lock file says.
    pub(crate) fn on_record(&self, path: PathId) -> Option<Digest> {
        match self.view.trace(path) {
            Some(trace) => trace.result(path),
            None => self.lock.as_ref()?.lines.get(self.paths.text(path)).map(|line| line.result),
        }
    }
}

/// The results that are locked of an execution with this fingerprint; `None` unless that is so of all outputs.
pub(crate) fn results(cx: &Context, id: JobId, fingerprint: &Fingerprint) -> Option<(Digest, Vec<Digest>)> {
    let lines = &cx.lock.as_ref()?.lines;
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
