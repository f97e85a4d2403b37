//! The parts of a run that happen on the pool before a job starts. Pure of the run's state: they take facts and give
//! results.

use crate::base::clock;
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::files::observe::Observer;
use crate::files::outputs::{PrepareOutput, remove_temp};
use crate::files::results::{Due, Kind};
use crate::graph::job::{Job, JobId};
use crate::model::action::Action;
use crate::model::flags::{Flag, Flags};
use crate::model::rule::Rule;
use crate::plan;
use crate::plan::cached::{self, Found};
use crate::plan::check::{
    Adopted, Check, Mode, bind_streams, compare_only, has_action, refuse, refuse_protected,
};
use crate::plan::context::Context;
use crate::plan::forecast::together;
use crate::plan::inputs;
use crate::plan::instance::{Instance, Trouble};
use crate::plan::reported;
use crate::plan::required::Required;
use crate::trace::fingerprint::{Bound, Fingerprint, Origin, Trace};
use crate::trace::identity::{FileKind, StatSig};
use crate::trace::reason::Reason;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use std::sync::Arc;
use std::time::Instant;

/// What a check decided.
pub(crate) enum Verdict {
    UpToDate,
    /// What stands in the places of these jobs' outputs is their result from now on.
    Adopted(Vec<Trace>),
    /// The jobs of the unit, producers first.
    Run(Vec<(u32, Prepared)>),
    /// The cache holds what the job would make.
    Restore(u32, Box<Prepared>),
    /// It must run, but these units have to make these temporary files again first.
    Lacks(Vec<(u32, PathId)>),
    /// What a job of the unit cannot have.
    Trouble(u32, Trouble),
}

/// A unit that is to be checked.
pub(crate) struct ToCheck {
    pub(crate) unit: u32,
    /// Why its jobs are checked again, if they are.
    pub(crate) recalls: Vec<(u32, Recall)>,
    /// Whether the cache is asked.
    pub(crate) may_restore: bool,
}

/// Why a job that was final in this run is checked again.
#[derive(Clone, Debug)]
pub(crate) struct Recall {
    pub(crate) reason: Reason,
    /// It ran in this run, so the trace on record is not that of its last execution.
    pub(crate) ran: bool,
}

impl Recall {
    /// Whether it is known to have to run, whatever its check finds.
    fn forces(&self) -> bool {
        self.ran || matches!(self.reason, Reason::NeededBy { .. })
    }
}

/// A job that must run, with all that its start and its trace need.
pub(crate) struct Prepared {
    pub(crate) reasons: Vec<Reason>,
    pub(crate) fingerprint: Arc<Fingerprint>,
    /// What `ensure` asks of the outputs.
    pub(crate) required: Vec<Required>,
    /// What is said of the outputs for a report.
    pub(crate) reported: Vec<Bound>,
    pub(crate) instance: Instance,
    pub(crate) command: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) unknown_outputs: Vec<PathId>,
    /// What the outputs looked like then: what was changed since is somebody's work.
    pub(crate) output_signatures: Vec<(PathId, Option<StatSig>)>,
    pub(crate) own_directories: Vec<PathId>,
    pub(crate) recorded: Option<Vec<Digest>>,
    /// Under which its result is kept in the cache, if it is.
    pub(crate) key: Option<Digest>,
    /// What the cache holds, if that is put back instead of executing anything.
    pub(crate) found: Option<Arc<Found>>,
    pub(crate) checked_at: Instant,
    /// What the inputs looked like when they were hashed, to see whether they changed while the job ran.
    pub(crate) input_signatures: Vec<(PathId, Option<StatSig>)>,
}

impl Prepared {
    pub(crate) fn into_trace(
        self,
        cx: &Context,
        job: u32,
        results: Vec<Digest>,
        run: u32,
        duration_ms: u64,
        origin: Origin,
    ) -> Trace {
        Trace {
            rule: cx.rule(cx.job(JobId(job))).name.clone(),
            fingerprint: Arc::unwrap_or_clone(self.fingerprint),
            results,
            run,
            job,
            duration_ms: u32::try_from(duration_ms).unwrap_or(u32::MAX),
            origin,
            reported: self.reported,
        }
    }
}

/// Whether a check of the unit calls nobody and reads nothing that takes its time: it is a command of which all is constant
/// and all inputs are known, nothing is restored, and what is in the places of its outputs is small.
pub(crate) fn is_light(cx: &Context, unit: u32) -> bool {
    let id = JobId(unit);
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    let is_small = |path: &PathId| {
        let stat = if cx.view.trace(*path).is_none() { Observer::stat_new } else { Observer::stat };
        let found = stat(&cx.files, *path, cx.paths.text(*path));
        found.is_ok_and(|sig| sig.is_none_or(|sig| sig.kind == FileKind::File && sig.size <= SMALL))
    };
    cx.cache.is_none()
        && cx.units.members(id).is_none()
        && matches!(rule.action, Action::Shell(_))
        && !rule.calls_functions()
        && job.inputs.iter().all(|input| cx.files.remembered(*input).is_some())
        && job.outputs.iter().all(is_small)
}

/// In bytes: read in less time than it takes to hand it to another thread.
const SMALL: u64 = 64 << 10;

/// Reads the inputs that are not known yet on all threads. The verdicts of units that are checked one after the other are
/// given together and in their order, so that the first of them starts before those of a lower priority; to read is what takes
/// long, and it needs no order.
pub(crate) fn read_ahead(cx: &Context, units: &[ToCheck]) {
    let mut seen = FxHashSet::default();
    let mut unknown: Vec<(JobId, usize)> = Vec::new();
    for unit in units {
        let (id, job) = (JobId(unit.unit), cx.job(JobId(unit.unit)));
        let is_new = |path: PathId| cx.files.remembered(path).is_none() && cx.graph.producer(path).is_none();
        let is_read = |index: usize| !inputs::flags(job, index).has(Flag::Ancient);
        let inputs = job.inputs.iter().enumerate();
        let new = inputs.filter(|(index, path)| is_new(**path) && is_read(*index) && seen.insert(**path));
        unknown.extend(new.map(|(index, _)| (id, index)));
    }
    if unknown.len() > 1 {
        // What cannot be read is said by the check that needs it.
        unknown.par_iter().for_each(|(id, index)| drop(inputs::digest(cx, cx.job(*id), *index)));
    }
}

/// Checks a unit whose producers are final, and prepares it if it must run.
pub(crate) fn check_unit(cx: &Context, to_check: &ToCheck) -> Verdict {
    let recall = |job: u32| to_check.recalls.iter().find(|(of, _)| *of == job).map(|(_, recall)| recall);
    let id = JobId(to_check.unit);
    if let Some(members) = cx.units.members(id) {
        return check_members(cx, members, recall);
    }
    if !has_action(cx, id) {
        return match absent_input(cx, cx.job(id)) {
            Some(path) => Verdict::Trouble(id.0, Trouble::new(format!("input {path} does not exist"))),
            None => Verdict::UpToDate,
        };
    }
    let mut check = match compare_only(cx, id, Mode::Final) {
        Ok(check) => check,
        Err(trouble) => return Verdict::Trouble(id.0, trouble),
    };
    let has_own_reasons = !check.reasons.is_empty();
    apply(recall(id.0), &mut check);
    if to_check.may_restore
        && let Some(prepared) = restorable(cx, id, recall(id.0), &mut check)
    {
        return Verdict::Restore(id.0, Box::new(prepared));
    }
    if has_own_reasons && let Err(trouble) = refuse(cx, cx.job(id), &check.reasons, &check.assumed) {
        return Verdict::Trouble(id.0, trouble);
    }
    if let Some(found) = check.adopted.take().filter(|_| check.reasons.is_empty()) {
        return Verdict::Adopted(vec![adopted(cx, id, check.fingerprint, found)]);
    }
    if check.reasons.is_empty() {
        return Verdict::UpToDate;
    }
    if !check.absent.is_empty() {
        return Verdict::Lacks(makers(cx, check.absent.iter()));
    }
    let prepared = prepare(cx, id, check);
    prepared.map_or_else(|trouble| Verdict::Trouble(id.0, trouble), |p| Verdict::Run(vec![(id.0, p)]))
}

/// What the cache holds of a job that would have to run, with all that putting it back needs.
fn restorable(cx: &Context, id: JobId, recall: Option<&Recall>, check: &mut Check) -> Option<Prepared> {
    let all = recall.is_some_and(|recall| matches!(recall.reason, Reason::NeededBy { .. }));
    let found = cached::find(cx, id, check, all)?;
    let job = cx.job(id);
    refuse_protected(cx, job).ok()?;
    // What is there and is what will be there was not changed by anybody.
    let will_be = |path: &PathId| {
        let index = job.outputs.iter().position(|output| output == path)?;
        Some((found.entry.outputs.get(index)?.digest, *found.placed.get(index)?))
    };
    check.unknown_outputs.retain(|path| {
        let seen = cx.files.remembered(*path);
        !(seen.is_some() && will_be(path).is_some_and(|(digest, placed)| placed && Some(digest) == seen))
    });
    let facts = std::mem::take(&mut check.reasons);
    let prepared = Prepared {
        reasons: facts,
        fingerprint: Arc::new(check.fingerprint.clone()),
        required: Vec::new(),
        reported: reported::of(cx, job).iter().map(reported::bound).collect(),
        instance: Instance::naming(cx, job),
        command: None,
        message: None,
        unknown_outputs: std::mem::take(&mut check.unknown_outputs),
        output_signatures: job.outputs.iter().map(|path| (*path, signature(cx, *path))).collect(),
        own_directories: std::mem::take(&mut check.own_directories),
        recorded: check.recorded.take(),
        key: None,
        found: Some(Arc::new(found)),
        checked_at: clock::monotonic(),
        input_signatures: Vec::new(),
    };
    Some(prepared)
}

/// Of jobs that run at the same time all run when one of them must.
fn check_members<'a>(cx: &Context, members: &[JobId], recall: impl Fn(u32) -> Option<&'a Recall>) -> Verdict {
    let mut checks = Vec::with_capacity(members.len());
    for (id, check) in members.iter().zip(plan::check::check_unit(cx, members, Mode::Final)) {
        match check {
            Ok(mut check) => {
                apply(recall(id.0), &mut check);
                checks.push((*id, check));
            }
            Err(trouble) => return Verdict::Trouble(id.0, trouble),
        }
    }
    let Some((cause, _)) = checks.iter().find(|(_, check)| !check.reasons.is_empty()) else {
        let taken = |(id, mut check): (JobId, Check)| {
            let found = check.adopted.take()?;
            Some(adopted(cx, id, check.fingerprint, found))
        };
        let traces: Vec<Trace> = checks.into_iter().filter_map(taken).collect();
        return if traces.is_empty() { Verdict::UpToDate } else { Verdict::Adopted(traces) };
    };
    let reason = together(cx, *cause);
    let absent = checks.iter().flat_map(|(_, check)| &check.absent);
    if absent.clone().next().is_some() {
        return Verdict::Lacks(makers(cx, absent));
    }
    bind_streams(cx, checks.iter_mut().map(|(id, check)| (*id, &mut check.fingerprint)));
    let mut prepared = Vec::with_capacity(checks.len());
    for (id, mut check) in checks {
        if check.reasons.is_empty() {
            check.reasons.push(reason.clone());
        }
        match prepare(cx, id, check) {
            Ok(one) => prepared.push((id.0, one)),
            Err(trouble) => return Verdict::Trouble(id.0, trouble),
        }
    }
    Verdict::Run(prepared)
}

/// What is known of a job that was final before in this run.
fn apply(recall: Option<&Recall>, check: &mut Check) {
    let Some(recall) = recall.filter(|recall| recall.forces()) else { return };
    if recall.ran {
        // What it left is known, and the trace on record older than that.
        check.unknown_outputs.clear();
        check.reasons.clear();
    }
    check.reasons.push(recall.reason.clone());
}

/// What is on record from now on of a job whose outputs are taken as they are.
fn adopted(cx: &Context, id: JobId, fingerprint: Fingerprint, Adopted { results, origin }: Adopted) -> Trace {
    Trace {
        rule: cx.rule(cx.job(id)).name.clone(),
        fingerprint,
        results,
        run: cx.view.next_run(),
        job: id.0,
        duration_ms: 0,
        origin,
        reported: reported::of(cx, cx.job(id)).iter().map(reported::bound).collect(),
    }
}

/// The units that make these files, each with one of them.
fn makers<'a>(cx: &Context, files: impl Iterator<Item = &'a PathId>) -> Vec<(u32, PathId)> {
    let mut makers: Vec<(u32, PathId)> = Vec::new();
    let mut seen = FxHashSet::default();
    for path in files {
        if let Some(producer) = cx.graph.producer(*path).map(|producer| cx.units.leader(producer))
            && seen.insert(producer)
        {
            makers.push((producer.0, *path));
        }
    }
    makers
}

/// A temporary file to be removed, and its signature as its job left it.
pub(crate) struct Removal {
    pub(crate) unit: u32,
    pub(crate) path: PathId,
    pub(crate) sig: StatSig,
    /// It is known already to be something else than what its job made.
    pub(crate) is_changed: bool,
}

/// A temporary file that was removed, or why it was not.
pub(crate) struct Removed {
    pub(crate) unit: u32,
    pub(crate) path: PathId,
    pub(crate) result: Result<(), String>,
}

impl Removal {
    pub(crate) fn perform(self, cx: &Context) -> Removed {
        let Removal { unit, path, sig, is_changed } = self;
        let text = cx.paths.text(path);
        let result = match cx.files.restat(text) {
            Ok(Some(now)) if !is_changed && now == sig && is_as_known(cx, path, now) => {
                remove_temp(&cx.root, text).map_err(|error| error.to_string())
            }
            // Somebody removed it.
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err("it was changed since its job made it".into()),
            Err(error) => Err(error.to_string()),
        };
        Removed { unit, path, result }
    }
}

/// What is in a directory does not show on the directory.
fn is_as_known(cx: &Context, path: PathId, sig: StatSig) -> bool {
    !sig.is_directory() || cx.files.is_same_tree(path, cx.paths.text(path)).unwrap_or(false)
}

/// Whether an input of a job that waited does not look as it did when the job was checked.
pub(crate) fn inputs_moved(cx: &Context, prepared: &Prepared) -> bool {
    let mut files = prepared.input_signatures.iter().filter(|(path, _)| cx.units.stream(*path).is_none());
    files.any(|(path, then)| match cx.files.restat(cx.paths.text(*path)) {
        Ok(now) => now != *then,
        Err(_) => true,
    })
}

fn absent_input<'a>(cx: &'a Context, job: &Job) -> Option<&'a str> {
    let sources = job.inputs.iter().filter(|path| cx.graph.producer(**path).is_none());
    let mut texts =
        sources.map(|path| (*path, cx.paths.text(*path))).filter(|(_, text)| !cx.trust.assumes(text));
    texts.find(|(id, text)| matches!(cx.files.stat(*id, text), Ok(None))).map(|(_, text)| text)
}

pub(super) fn prepare(cx: &Context, id: JobId, check: Check) -> Result<Prepared, Trouble> {
    let job = cx.job(id);
    let rule = cx.rule(job);
    let instance = Instance::of(cx, job, 1)?;
    Ok(Prepared {
        key: cached::key(cx, id, &check),
        found: None,
        command: instance.command(rule)?,
        message: instance.message(rule)?,
        input_signatures: job.inputs.iter().map(|path| (*path, cx.files.signature(*path))).collect(),
        output_signatures: job.outputs.iter().map(|path| (*path, signature(cx, *path))).collect(),
        instance,
        reasons: check.reasons,
        fingerprint: Arc::new(check.fingerprint),
        required: check.required,
        reported: reported::of(cx, job).iter().map(reported::bound).collect(),
        unknown_outputs: check.unknown_outputs,
        own_directories: check.own_directories,
        recorded: check.recorded,
        checked_at: clock::monotonic(),
    })
}

fn signature(cx: &Context, path: PathId) -> Option<StatSig> {
    cx.files.stat(path, cx.paths.text(path)).ok().flatten()
}

/// What an output looked like when its job was checked: if it is another one when the job begins, somebody changed or made it
/// meanwhile. What is in a directory does not show on it and is looked at now; whether that is as it was comes with it.
fn seen(cx: &Context, prepared: &Prepared, path: PathId) -> (Option<StatSig>, bool) {
    let then =
        prepared.output_signatures.iter().find(|(output, _)| *output == path).and_then(|(_, sig)| *sig);
    if cx.files.last_tree(path).is_none() {
        return (then, true);
    }
    let now = cx.files.restat(cx.paths.text(path)).ok().flatten();
    (now, now.is_none_or(|now| then == Some(now) && is_as_known(cx, path, now)))
}

pub(super) fn flags(rule: &Rule, output: usize) -> Flags {
    rule.output_flags.get(output).cloned().unwrap_or_default()
}

/// What is to be there after a job: its outputs but for pipes and services, and then what else is wanted of it.
pub(super) fn dues(cx: &Context, id: JobId) -> Vec<Due<'_>> {
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    let files = job.outputs.iter().enumerate().filter(|(output, _)| flags(rule, *output).stream().is_none());
    let outputs = files.map(|(output, path)| due(cx, *path, kind(rule, output)));
    outputs.chain(cx.graph.beside(id).iter().map(|path| due(cx, *path, Kind::Beside))).collect()
}

fn kind(rule: &Rule, output: usize) -> Kind {
    match flags(rule, output).has(Flag::Directory) {
        true => Kind::Directory,
        false => Kind::File,
    }
}

fn due(cx: &Context, path: PathId, kind: Kind) -> Due<'_> {
    Due { id: path, path: cx.paths.text(path), kind }
}

/// The outputs of a job that it changes in place.
pub(crate) fn updated(cx: &Context, job: JobId) -> impl Iterator<Item = &str> {
    let (job, rule) = (cx.job(job), cx.rule(cx.job(job)));
    let updated = job.outputs.iter().zip(&rule.output_flags).filter(|(_, flags)| flags.has(Flag::Update));
    updated.map(|(path, _)| cx.paths.text(*path))
}

/// What is to become of what stands where the outputs of a job go, before it runs, and what that looks like now.
pub(crate) fn old_outputs<'a>(
    cx: &'a Context,
    id: JobId,
    prepared: &Prepared,
) -> Vec<(PrepareOutput<'a>, Option<StatSig>)> {
    let rule = cx.rule(cx.job(id));
    let old = |(output, path): (usize, &PathId)| {
        let is_stream = flags(rule, output).stream().is_some();
        let (seen, is_as_it_was) = seen(cx, prepared, *path);
        let output = PrepareOutput {
            path: cx.paths.text(*path),
            keep: is_stream || prepared.unknown_outputs.contains(path) || !is_as_it_was,
            directory: kind(rule, output) == Kind::Directory || prepared.own_directories.contains(path),
            stays: flags(rule, output).has(Flag::Update),
            is_stream,
        };
        (output, seen)
    };
    cx.job(id).outputs.iter().enumerate().map(old).collect()
}
