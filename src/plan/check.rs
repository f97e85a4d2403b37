//! Checks one job: what it would be executed with now, against what is on record and on disk.
//!
//! Executed when every producer is final, so a changed intermediate is compared by the digest it really has:
//! early cutoff needs no mechanism of its own.
//!
//! Jobs that run at the same time are checked together, producers first: what stands for a pipe or a service is what its
//! job would be executed with.

use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::files::links::target_of;
use crate::files::observe::Seen;
use crate::files::results::is_protected;
use crate::graph::job::{Job, JobId};
use crate::model::action::Action;
use crate::model::flags::Flag;
use crate::model::rule::{ParamSource, Rule};
use crate::model::template::Used;
use crate::plan::code::{job_code, require_program};
use crate::plan::context::Context;
use crate::plan::inputs::{self, look};
use crate::plan::instance::{self, Instance, Pending, Trouble, fixed_param, param_name};
use crate::plan::locked;
use crate::plan::required::{self, Required};
use crate::plan::trust::results_on_disk;
use crate::trace::compare::compare;
use crate::trace::fingerprint::{ANCIENT, Bound, Fingerprint, InputState, Origin, Trace};
use crate::trace::reason::{NOT_BEGUN, Reason};
use rustc_hash::FxHashMap;
use std::sync::{Arc, OnceLock};

/// What a check found.
#[derive(Debug)]
pub(crate) struct Check {
    /// Empty when the job is up to date.
    pub(crate) reasons: Vec<Reason>,
    pub(crate) fingerprint: Fingerprint,
    /// What `ensure` asks of the outputs.
    pub(crate) required: Vec<Required>,
    /// Outputs whose content is not on record (edited, or made by somebody else): moved to safety, not removed.
    pub(crate) unknown_outputs: Vec<PathId>,
    /// Outputs that are to be files, with a directory in their place that this job once made.
    pub(crate) own_directories: Vec<PathId>,
    /// What the last success made, for "unchanged".
    pub(crate) recorded: Option<Vec<Digest>>,
    /// Temporary inputs that are gone: what is on record of them is enough to compare, but not to run.
    pub(crate) absent: Vec<PathId>,
    /// Sources that are not there, and whose content on record was taken instead.
    pub(crate) assumed: Vec<PathId>,
    /// What the outputs hold is the result from now on, though nothing was executed.
    pub(crate) adopted: Option<Adopted>,
    /// Inputs with `before_update` that are not what the job read, but as the job that changes them left them.
    pub(crate) excused: Vec<PathId>,
    /// Params whose values are not known yet: the fingerprint is not what it will be.
    pub(crate) is_open: bool,
    /// Checkpoints that functions of params looked at before they have ended; only before the run.
    pub(crate) pending: Vec<Pending>,
    /// By what the cache knows the result, once somebody asked (`plan::cached`).
    pub(crate) key: OnceLock<Option<Digest>>,
}

/// A result that is taken as it is.
#[derive(Debug)]
pub(crate) struct Adopted {
    pub(crate) results: Vec<Digest>,
    /// [`Origin::Accepted`]: somebody edited it. [`Origin::Restored`]: the lock file knows it.
    pub(crate) origin: Origin,
}

/// What is not known of a job's params.
#[derive(Default)]
struct Unknown {
    params: Vec<Arc<str>>,
    pending: Vec<Pending>,
}

/// Whether inputs that other jobs make may still be absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Producers are final: an absent input is an error.
    Final,
    /// Before the run: an absent input that a job makes is as good as changed.
    Forecast,
    /// A producer is executed just now: what is not known is not looked at, and as good as changed if a job makes it.
    Ahead,
}

/// Checks `id`; a job without an action is never asked.
pub(crate) fn check(cx: &Context, id: JobId, mode: Mode) -> Result<Check, Trouble> {
    let check = compare_only(cx, id, mode)?;
    if !check.reasons.is_empty() && mode == Mode::Final {
        refuse(cx, cx.job(id), &check.reasons, &check.assumed)?;
    }
    Ok(check)
}

/// Checks the jobs of a unit, given with producers first.
pub(crate) fn check_unit(cx: &Context, members: &[JobId], mode: Mode) -> Vec<Result<Check, Trouble>> {
    let mut checks = compare_unit(cx, members, mode, 0);
    // Before the run the reasons are not yet all that make a job run: who forecasts asks when it is sure.
    let runs = mode == Mode::Final
        && checks.iter().any(|check| check.as_ref().is_ok_and(|check| !check.reasons.is_empty()));
    for (id, check) in members.iter().zip(&mut checks).filter(|_| runs) {
        if let Ok(found) = check
            && let Err(trouble) = refuse(cx, cx.job(*id), &found.reasons, &found.assumed)
        {
            *check = Err(trouble);
        }
    }
    checks
}

/// As [`check`], for those who will not run the job.
pub(crate) fn compare_only(cx: &Context, id: JobId, mode: Mode) -> Result<Check, Trouble> {
    let Some(members) = cx.units.with(id) else { return check_at(cx, id, mode, 0, &Streams::default()) };
    let mut found = members.iter().zip(compare_unit(cx, members, mode, 0));
    let own = found.find(|(member, _)| **member == id).map(|(_, check)| check);
    own.unwrap_or_else(|| check_at(cx, id, mode, 0, &Streams::default()))
}

/// What stands for the content of pipes and services.
type Streams = FxHashMap<PathId, Digest>;

fn compare_unit(cx: &Context, members: &[JobId], mode: Mode, depth: u32) -> Vec<Result<Check, Trouble>> {
    let mut streams = Streams::default();
    let check_one = |id: &JobId| {
        let check = check_at(cx, *id, mode, depth, &streams);
        for (index, output) in cx.job(*id).outputs.iter().enumerate() {
            if cx.units.stream(*output).is_none() {
                continue;
            }
            let digest = match &check {
                // What it was executed with then may differ from what it would be now in what does not count.
                Ok(Check { reasons, recorded: Some(recorded), .. }) if reasons.is_empty() => {
                    recorded.get(index).copied()
                }
                Ok(check) => Some(check.fingerprint.stream(*output, &cx.paths)),
                Err(_) => None,
            };
            streams.insert(*output, digest.unwrap_or(Digest::from_bytes([0; 32])));
        }
        check
    };
    let mut checks: Vec<_> = members.iter().map(check_one).collect();
    locked::adopt_writers(cx, members, &mut checks);
    checks
}

/// Puts into fingerprints what the pipes and services stand for when all jobs of a unit are executed now; `fingerprints`
/// belong to `members`, producers first.
pub(crate) fn bind_streams<'a>(cx: &Context, members: impl Iterator<Item = (JobId, &'a mut Fingerprint)>) {
    let mut streams = Streams::default();
    for (id, fingerprint) in members {
        for input in fingerprint.inputs.iter_mut().filter(|input| input.digest != ANCIENT) {
            input.digest = streams.get(&input.path).copied().unwrap_or(input.digest);
        }
        for output in cx.job(id).outputs.iter().filter(|output| cx.units.stream(**output).is_some()) {
            streams.insert(*output, fingerprint.stream(*output, &cx.paths));
        }
    }
}

/// What keeps a job from running that must.
pub(crate) fn refuse(cx: &Context, job: &Job, reasons: &[Reason], assumed: &[PathId]) -> Result<(), Trouble> {
    require_program(cx, job, cx.rule(job))?;
    refuse_protected(cx, job)?;
    instance::priority(cx, job)?;
    refuse_assumed(cx, reasons, assumed)
}

/// What is on record of a source is enough to compare, but not to run.
fn refuse_assumed(cx: &Context, reasons: &[Reason], assumed: &[PathId]) -> Result<(), Trouble> {
    let Some(path) = assumed.first() else { return Ok(()) };
    let reason = reasons.first().map(|reason| format!(": {reason}")).unwrap_or_default();
    Err(Trouble {
        message: format!(
            "input `{}` is not there, and the job that reads it has to run{reason}",
            cx.paths.text(*path)
        ),
        help: Some(
            "put the file back; what is on record of it can stand for it only while nothing changes".into(),
        ),
    })
}

/// What was protected is not made again behind the back of who protected it. What a job left whose good end is not on
/// record was protected by nobody but that job.
pub(crate) fn refuse_protected(cx: &Context, job: &Job) -> Result<(), Trouble> {
    for (output, flags) in job.outputs.iter().zip(&cx.rule(job).output_flags) {
        let path = cx.paths.text(*output);
        let (interrupted, failed) = (cx.view.interrupted(*output), cx.view.failed(*output));
        if interrupted.is_some() || failed.is_some() || cx.view.running(*output).is_some() {
            continue;
        }
        if flags.has(Flag::Protected) && is_protected(&cx.root, path).map_err(|e| Trouble::of(&e))? {
            return Err(Trouble {
                message: format!("`{path}` is to be made again, but it is protected"),
                help: Some(format!(
                    "to let it be made again: chmod -R u+w '{path}', or take `protected` out of rule `{}`",
                    cx.rule(job).name
                )),
            });
        }
    }
    Ok(())
}

/// Jobs that change what others read before, and that read what others change, are looked at so far ahead.
const DEPTH: u32 = 20;

fn check_at(cx: &Context, id: JobId, mode: Mode, depth: u32, streams: &Streams) -> Result<Check, Trouble> {
    let job = cx.job(id);
    let (mut absent, mut assumed) = (Vec::new(), Vec::new());
    let trace = job.outputs.first().and_then(|output| cx.view.trace(*output));
    // A plan from nothing reads no file: what is in it would be compared with nothing, and go on no record. A pipe stands
    // for what its writer is executed with, though.
    let asks_others = cx.cache.is_some() || cx.lock.is_some();
    let compares = trace.is_some() || mode == Mode::Final || cx.units.with(id).is_some() || asks_others;
    let content = match mode {
        Mode::Ahead => inputs::known,
        _ if compares => inputs::digest,
        _ => inputs::presence,
    };
    let inputs = input_states(cx, job, mode, content, streams, &mut absent, &mut assumed)?;
    // What functions of params find in files that are not there stays open.
    let may_lack = mode != Mode::Final || !absent.is_empty();
    let mut unknown = Unknown::default();
    let required = required::of(cx, job)?;
    let fingerprint = fingerprint(cx, job, inputs, &required, may_lack, &mut unknown)?;
    let mut check = Check {
        reasons: Vec::new(),
        fingerprint,
        required,
        unknown_outputs: Vec::new(),
        own_directories: Vec::new(),
        recorded: trace.as_ref().map(|t| t.results.clone()),
        absent,
        assumed,
        adopted: None,
        excused: Vec::new(),
        is_open: !unknown.params.is_empty() || !unknown.pending.is_empty(),
        pending: unknown.pending,
        key: OnceLock::new(),
    };
    if cx.is_forced(id) {
        check.reasons.push(Reason::Forced);
    }
    if job.outputs.is_empty() {
        check.reasons.push(Reason::NoOutputs);
        return Ok(check);
    }
    recent_history(cx, job, &mut check);
    match &trace {
        None => without_trace(cx, job, &mut check)?,
        Some(trace) => {
            let as_read = as_it_was_read(cx, id, trace, &mut check, depth)?;
            let reasons = compare(trace, as_read.as_ref().unwrap_or(&check.fingerprint), &cx.paths, cx);
            check.reasons.extend(reasons.into_iter().filter(|reason| !is_open(reason, &unknown.params)));
            compare_disk(cx, job, trace, &mut check)?;
        }
    }
    locked::adopt(cx, id, &mut check)?;
    if let Some(trace) = trace {
        check.reasons.extend(missing_beside(cx, id)?);
        adopt_edited(cx, job, &trace, &mut check)?;
        locked::compare(cx, id, &mut check);
    }
    Ok(check)
}

/// Whether a reason is about a param whose value is not known yet: it follows from inputs, which are compared.
fn is_open(reason: &Reason, open: &[Arc<str>]) -> bool {
    let (Reason::ParamChanged { name, .. } | Reason::ParamAdded { name, .. }) = reason else { return false };
    open.iter().any(|open| **open == **name)
}

/// What stands for input `index` of a job; `None` when it is not there.
type Content = fn(&Context, &Job, usize) -> Result<Option<Digest>, Trouble>;

fn input_states(
    cx: &Context,
    job: &Job,
    mode: Mode,
    content: Content,
    streams: &Streams,
    absent: &mut Vec<PathId>,
    assumed: &mut Vec<PathId>,
) -> Result<Vec<InputState>, Trouble> {
    let mut states = Vec::with_capacity(job.inputs.len());
    let mut slots = job
        .layout
        .slots
        .iter()
        .enumerate()
        .flat_map(|(i, slot)| std::iter::repeat_n(i as u16, slot.len as usize));
    for (index, path) in job.inputs.iter().enumerate() {
        let slot = slots.next().unwrap_or(u16::MAX);
        let digest = match streams.get(path) {
            Some(_) if inputs::flags(job, index).has(Flag::Ancient) => ANCIENT,
            Some(digest) => *digest,
            None => match content(cx, job, index)? {
                Some(digest) => {
                    if cx.foreknown(*path).is_some_and(|(_, will_be_there)| !will_be_there) {
                        absent.push(*path);
                    }
                    digest
                }
                None => match cx.assumed(*path) {
                    Some(digest) => {
                        assumed.push(*path);
                        if inputs::flags(job, index).has(Flag::Ancient) { ANCIENT } else { digest }
                    }
                    None => missing_input(cx, job, index, mode, absent)?,
                },
            },
        };
        states.push(InputState { slot, path: *path, digest });
    }
    Ok(states)
}

/// What an input that is not there counts as.
fn missing_input(
    cx: &Context,
    job: &Job,
    index: usize,
    mode: Mode,
    absent: &mut Vec<PathId>,
) -> Result<Digest, Trouble> {
    let path = job.inputs[index];
    let maker = cx.graph.maker(job, index);
    let digest = match maker.and_then(|_| cx.held(path)) {
        Some(digest) => {
            absent.push(path);
            digest
        }
        None if mode != Mode::Final && maker.is_some() => Digest::from_bytes([0; 32]),
        None => return Err(not_there(cx, path)),
    };
    Ok(if inputs::flags(job, index).has(Flag::Ancient) { ANCIENT } else { digest })
}

fn not_there(cx: &Context, path: PathId) -> Trouble {
    let text = cx.paths.text(path);
    let message = format!("input `{text}` does not exist");
    let (Some(maker), directory) = (cx.graph.producer(path), cx.output_of(path)) else {
        return Trouble::new(message);
    };
    if directory == path {
        return Trouble::new(message);
    }
    let (rule, directory) = (&cx.rule(cx.job(maker)).name, cx.paths.text(directory));
    let help = "what lies in the directory of a job is that job's to make, whatever other rules say";
    Trouble {
        message: format!("{message}: rule `{rule}` made the directory `{directory}` without it"),
        help: Some(help.into()),
    }
}

/// The fingerprint with what `before_update` inputs were when the job read them, where they are now as the job that
/// changes them left them and that job has nothing to do: its own work is no reason to read its file again, else the
/// two would follow each other for ever. `None` when there is no such input.
fn as_it_was_read(
    cx: &Context,
    id: JobId,
    trace: &Trace,
    check: &mut Check,
    depth: u32,
) -> Result<Option<Fingerprint>, Trouble> {
    let job = cx.job(id);
    let mut compared: Option<Fingerprint> = None;
    for index in (0..job.inputs.len()).filter(|index| job.is_before_update(*index)) {
        let now = check.fingerprint.inputs[index];
        let same = |then: &&InputState| (then.slot, then.path) == (now.slot, now.path);
        let Some(then) = trace.fingerprint.inputs.iter().find(same) else { continue };
        let is_its_work =
            || cx.view.trace(now.path).is_some_and(|made| made.result(now.path) == Some(now.digest));
        if then.digest == now.digest || !is_its_work() {
            continue;
        }
        let is_about_to_change = match cx.graph.producer(now.path) {
            Some(changer) if changer != id => depth == DEPTH || must_run(cx, changer, depth + 1)?,
            _ => false,
        };
        if !is_about_to_change {
            check.excused.push(now.path);
            compared.get_or_insert_with(|| check.fingerprint.clone()).inputs[index].digest = then.digest;
        }
    }
    Ok(compared)
}

/// Whether a job, or one that runs with it, is known to have to run.
fn must_run(cx: &Context, id: JobId, depth: u32) -> Result<bool, Trouble> {
    let Some(members) = cx.units.with(id) else {
        return Ok(!check_at(cx, id, Mode::Forecast, depth, &Streams::default())?.reasons.is_empty());
    };
    for check in compare_unit(cx, members, Mode::Forecast, depth) {
        if !check?.reasons.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes what somebody made of the outputs for the result, if that is asked for and nothing else makes the job run. When
/// it runs all the same, with others, the edited outputs are kept as ever.
fn adopt_edited(cx: &Context, job: &Job, trace: &Trace, check: &mut Check) -> Result<(), Trouble> {
    if !cx.trust.keep_edited || check.reasons.is_empty() || !check.reasons.iter().all(Reason::is_edit) {
        return Ok(());
    }
    let mut results = results_on_disk(cx, job, &check.fingerprint, Some(trace), false)?;
    for (output, result) in job.outputs.iter().zip(&mut results) {
        // Who reads a pipe was not run again.
        let recorded = cx.units.stream(*output).and_then(|_| trace.result(*output));
        *result = recorded.unwrap_or(*result);
    }
    check.adopted = Some(Adopted { results, origin: Origin::Accepted });
    check.reasons.clear();
    Ok(())
}

/// Logs, benchmarks and files in directories count by their existence, and only when somebody asks for them.
pub(crate) fn missing_beside(cx: &Context, id: JobId) -> Result<Vec<Reason>, Trouble> {
    let mut missing = Vec::new();
    for path in cx.graph.beside(id) {
        let text = cx.paths.text(*path);
        let is_there = cx.files.stat(*path, text).map_err(|error| Trouble::of(&error))?.is_some();
        if !is_there && cx.held(*path).is_none() {
            missing.push(Reason::OutputMissing { path: text.to_string() });
        }
    }
    Ok(missing)
}

/// What the job would be executed with now.
fn fingerprint(
    cx: &Context,
    job: &Job,
    inputs: Vec<InputState>,
    required: &[Required],
    may_lack: bool,
    unknown: &mut Unknown,
) -> Result<Fingerprint, Trouble> {
    let rule = cx.rule(job);
    let facts = &cx.facts[job.rule as usize];
    let code = job_code(cx, job, rule)?;
    let mut params = bound_params(cx, job, &facts.params, may_lack, unknown)?;
    params.extend(code.config);
    Ok(Fingerprint {
        definition: facts.definition,
        params,
        wildcards: bound_wildcards(rule, job, &facts.wildcards),
        code: code.parts,
        inputs,
        outputs: job.outputs.to_vec(),
        required: required.iter().map(Required::bound).collect(),
    })
}

fn bound_wildcards(rule: &Rule, job: &Job, used: &Used) -> Vec<Bound> {
    let pairs = rule.wildcards.iter().zip(job.wildcards.iter()).enumerate();
    let used = pairs.filter(|(index, (name, _))| used.has(*index, Some(name)));
    used.map(|(_, (name, value))| (name.clone(), value.clone())).collect()
}

fn bound_params(
    cx: &Context,
    job: &Job,
    used: &Used,
    may_lack: bool,
    unknown: &mut Unknown,
) -> Result<Vec<Bound>, Trouble> {
    let rule = cx.rule(job);
    if rule.params.is_empty() || (*used == Used::None && !rule.params.iter().any(|param| param.counts)) {
        return Ok(Vec::new());
    }
    // Only functions need the whole instance; constants and texts are cheap.
    let any_function = rule.params.iter().any(|p| matches!(p.source, ParamSource::Function(_)));
    let instance = match (any_function, may_lack) {
        (false, _) => None,
        (true, false) => Some(Instance::of(cx, job, 1)?),
        (true, true) => Some(Instance::foreseen(cx, job)?),
    };
    unknown.pending.extend(instance.iter().flat_map(|instance| instance.pending.iter().cloned()));
    let mut bound = Vec::new();
    for (index, param) in rule.params.iter().enumerate() {
        let is_local = matches!(&param.source, ParamSource::Function(function) if function.is_local());
        if is_local || !(param.counts || used.has(index, param.name.as_deref())) {
            continue;
        }
        if instance.as_ref().is_some_and(|instance| instance.open_params.contains(&index)) {
            unknown.params.push(param_name(param, index));
        }
        let canonical = match (&param.source, &instance) {
            (ParamSource::Function(_), Some(instance)) => instance.params[index].1.canonical(),
            (ParamSource::Function(_), None) => continue,
            (fixed, _) => fixed_param(fixed, &job.wildcards).canonical(),
        };
        bound.push((param_name(param, index), Arc::from(canonical)));
    }
    Ok(bound)
}

/// What happened to the outputs after the last success, or instead of one.
fn recent_history(cx: &Context, job: &Job, check: &mut Check) {
    if let Some(run) = job.outputs.iter().find_map(|o| cx.view.interrupted(*o)) {
        check.reasons.push(Reason::Interrupted { run });
    }
    if let Some(now) = job.outputs.iter().find_map(|o| cx.view.running(*o)) {
        check.reasons.push(Reason::RunningNow { run: now.run, by: now.by.clone() });
    }
    let failed = job.outputs.iter().find_map(|output| cx.view.failed(*output));
    if let Some((run, outcome)) = failed.filter(|(_, outcome)| outcome != NOT_BEGUN) {
        check.reasons.push(Reason::FailedBefore { run, outcome });
    }
}

fn without_trace(cx: &Context, job: &Job, check: &mut Check) -> Result<(), Trouble> {
    let mut all_exist = true;
    let flags = &cx.rule(job).output_flags;
    for (output, flags) in job.outputs.iter().zip(flags) {
        if flags.stream().is_some() {
            all_exist = false;
            continue;
        }
        match inputs::look_new(cx, *output)? {
            Seen::Missing => all_exist = false,
            Seen::File(_) | Seen::Directory | Seen::Special if flags.has(Flag::Update) => {}
            Seen::File(_) | Seen::Directory | Seen::Special => check.unknown_outputs.push(*output),
        }
    }
    if !check.reasons.is_empty() {
        return Ok(());
    }
    let regrouped = job.outputs.iter().find(|o| cx.view.trace(**o).is_some());
    // One is all there will be, of all jobs of a plan from nothing.
    check.reasons.reserve_exact(1);
    check.reasons.push(match regrouped {
        Some(output) => Reason::OutputSetChanged { path: cx.paths.text(*output).to_string() },
        None if all_exist => Reason::NoRecord,
        None => Reason::NeverBuilt,
    });
    Ok(())
}

fn compare_disk(cx: &Context, job: &Job, trace: &Trace, check: &mut Check) -> Result<(), Trouble> {
    // What it left half made is kept as well, but nobody edited it.
    let is_half_made = check.reasons.iter().any(|reason| matches!(reason, Reason::Interrupted { .. }));
    for (index, output) in job.outputs.iter().enumerate() {
        let path = || cx.paths.text(*output).to_string();
        let flags = cx.rule(job).output_flags.get(index).cloned().unwrap_or_default();
        if flags.stream().is_some() {
            continue;
        }
        let directory = flags.has(Flag::Directory);
        let (content, fits) = match look(cx, *output)? {
            // Nobody needs it, or a job will say so.
            Seen::Missing if cx.may_be_absent(job, index) && trace.result(*output).is_some() => continue,
            Seen::Missing => {
                check.reasons.push(Reason::OutputMissing { path: path() });
                continue;
            }
            Seen::File(digest) => (Some(digest), !directory),
            // What is in a directory that was never an output nobody needs to know.
            Seen::Directory if directory || cx.view.tree(*output).is_some() => {
                (tree(cx, *output)?, directory)
            }
            Seen::Directory | Seen::Special => (None, false),
        };
        let ours = content.is_some_and(|content| trace.made(*output, content, &cx.paths));
        if !fits {
            let expected = if directory { "directory" } else { "regular file" }.to_string();
            check.reasons.push(Reason::OutputKindChanged { path: path(), expected });
            match ours {
                true if !directory => check.own_directories.push(*output),
                true => {}
                false => check.unknown_outputs.push(*output),
            }
        } else if ours && trace.origin == Origin::Accepted {
            // Somebody made it: should the job run all the same, it is moved to safety.
            check.unknown_outputs.push(*output);
        } else if !ours && leads_to_input(cx, job, *output) {
            // The job made a link, and what that leads to was made anew: that the input changed says all.
        } else if !ours && !flags.has(Flag::Update) {
            // What a job changes in place others may change, too.
            check.unknown_outputs.push(*output);
            if let (Some(old), Some(new), false) = (trace.result(*output), content, is_half_made) {
                check.reasons.push(Reason::OutputModified { path: path(), old, new });
            }
        }
    }
    Ok(())
}

/// Whether an output is a link to an input of its job: what it holds is the input's, and nobody's work.
fn leads_to_input(cx: &Context, job: &Job, output: PathId) -> bool {
    let Some(target) = target_of(&cx.root, cx.paths.text(output)) else { return false };
    job.inputs.iter().any(|input| *cx.paths.text(*input) == *target)
}

fn tree(cx: &Context, path: PathId) -> Result<Option<Digest>, Trouble> {
    let tree = cx.files.tree(path, cx.paths.text(path), cx).map_err(|error| Trouble::of(&error))?;
    Ok(tree.map(|tree| tree.digest()))
}

/// Whether the job executes anything.
pub(crate) fn has_action(cx: &Context, id: JobId) -> bool {
    !matches!(cx.rule(cx.job(id)).action, Action::None)
}
