//! Checks one job: what it would be executed with now, against what is on record and on disk.
//!
//! Executed when every producer is final, so a changed intermediate is compared by the digest it really has:
//! early cutoff needs no mechanism of its own.

use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::files::observe::Seen;
use crate::graph::job::{Job, JobId};
use crate::model::action::Action;
use crate::model::rule::{ParamSource, Rule};
use crate::model::template::Used;
use crate::plan::code::{job_code, require_program};
use crate::plan::context::Context;
use crate::plan::instance::{Instance, Trouble, fixed_param, param_name};
use crate::trace::compare::compare;
use crate::trace::fingerprint::{Bound, Fingerprint, InputState, Trace};
use crate::trace::reason::Reason;
use std::sync::Arc;

/// What a check found.
#[derive(Debug)]
pub(crate) struct Check {
    /// Empty when the job is up to date.
    pub(crate) reasons: Vec<Reason>,
    pub(crate) fingerprint: Fingerprint,
    /// Outputs whose content is not on record (edited, or made by somebody else): moved to safety, not removed.
    pub(crate) unknown_outputs: Vec<PathId>,
    /// What the last success made, for "unchanged".
    pub(crate) recorded: Option<Vec<Digest>>,
    /// Temporary inputs that are gone: what is on record of them is enough to compare, but not to run.
    pub(crate) absent: Vec<PathId>,
}

/// Whether inputs that other jobs make may still be absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Producers are final: an absent input is an error.
    Final,
    /// Before the run: an absent input that a job makes is as good as changed.
    Forecast,
}

/// Checks `id`; a job without an action is never asked.
pub(crate) fn check(cx: &Context, id: JobId, mode: Mode) -> Result<Check, Trouble> {
    let job = cx.job(id);
    let mut absent = Vec::new();
    let inputs = input_states(cx, job, mode, &mut absent)?;
    let fingerprint = fingerprint(cx, job, inputs)?;
    let trace = job.outputs.first().and_then(|output| cx.view.trace(*output));
    let mut check = Check {
        reasons: Vec::new(),
        fingerprint,
        unknown_outputs: Vec::new(),
        recorded: trace.as_ref().map(|t| t.results.clone()),
        absent,
    };
    if cx.is_forced(id) {
        check.reasons.push(Reason::Forced);
    }
    if job.outputs.is_empty() {
        check.reasons.push(Reason::NoOutputs);
        require_program(cx, job, cx.rule(job))?;
        return Ok(check);
    }
    recent_history(cx, job, &mut check);
    match trace {
        None => without_trace(cx, job, &mut check)?,
        Some(trace) => {
            check.reasons.extend(compare(&trace, &check.fingerprint, &cx.paths, cx));
            compare_disk(cx, job, &trace, &mut check)?;
        }
    }
    // What is up to date needs nothing.
    if !check.reasons.is_empty() {
        require_program(cx, job, cx.rule(job))?;
    }
    Ok(check)
}

fn input_states(
    cx: &Context,
    job: &Job,
    mode: Mode,
    absent: &mut Vec<PathId>,
) -> Result<Vec<InputState>, Trouble> {
    let mut states = Vec::with_capacity(job.inputs.len());
    let mut slots = job
        .input_slots
        .iter()
        .enumerate()
        .flat_map(|(i, slot)| std::iter::repeat_n(i as u16, slot.len as usize));
    for path in &job.inputs {
        let slot = slots.next().unwrap_or(u16::MAX);
        let digest = match look(cx, *path)? {
            Seen::File(digest) => digest,
            Seen::Missing => missing_input(cx, *path, mode, absent)?,
            Seen::Directory => {
                return Err(Trouble {
                    message: format!("input `{}` is a directory, not a file", cx.paths.text(*path)),
                    help: Some(
                        "name the files in it as inputs, for example with `expand` or `glob_wildcards`"
                            .into(),
                    ),
                });
            }
            Seen::Special => {
                return Err(Trouble::new(format!(
                    "input `{}` is a device, socket or pipe, not a file",
                    cx.paths.text(*path)
                )));
            }
        };
        states.push(InputState { slot, path: *path, digest });
    }
    Ok(states)
}

/// What an input that is not there counts as.
fn missing_input(
    cx: &Context,
    path: PathId,
    mode: Mode,
    absent: &mut Vec<PathId>,
) -> Result<Digest, Trouble> {
    if let Some(digest) = cx.held(path) {
        absent.push(path);
        return Ok(digest);
    }
    if mode == Mode::Forecast && cx.graph.producer(path).is_some() {
        return Ok(Digest::from_bytes([0; 32]));
    }
    Err(Trouble::new(format!("input `{}` does not exist", cx.paths.text(path))))
}

fn look(cx: &Context, path: PathId) -> Result<Seen, Trouble> {
    cx.files.look(path, cx.paths.text(path), cx).map_err(|error| Trouble::new(error.to_string()))
}

/// What the job would be executed with now.
fn fingerprint(cx: &Context, job: &Job, inputs: Vec<InputState>) -> Result<Fingerprint, Trouble> {
    let rule = cx.rule(job);
    let facts = &cx.facts[job.rule as usize];
    let code = job_code(cx, job, rule)?;
    let mut params = bound_params(cx, job, rule, &facts.params)?;
    params.extend(code.config);
    Ok(Fingerprint {
        definition: facts.definition,
        params,
        wildcards: bound_wildcards(rule, job, &facts.wildcards),
        code: code.parts,
        inputs,
        outputs: job.outputs.to_vec(),
    })
}

fn bound_wildcards(rule: &Rule, job: &Job, used: &Used) -> Vec<Bound> {
    let pairs = rule.wildcards.iter().zip(&job.wildcards).enumerate();
    let used = pairs.filter(|(index, (name, _))| used.has(*index, Some(name)));
    used.map(|(_, (name, value))| (name.clone(), value.clone())).collect()
}

fn bound_params(cx: &Context, job: &Job, rule: &Rule, used: &Used) -> Result<Vec<Bound>, Trouble> {
    if *used == Used::None || rule.params.is_empty() {
        return Ok(Vec::new());
    }
    // Only functions need the whole instance; constants and texts are cheap.
    let any_function = rule.params.iter().any(|p| matches!(p.source, ParamSource::Function(_)));
    let instance = if any_function { Some(Instance::of(cx, job, 1)?) } else { None };
    let mut bound = Vec::new();
    for (index, param) in rule.params.iter().enumerate() {
        if !used.has(index, param.name.as_deref()) {
            continue;
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
    if let Some((run, outcome)) = job.outputs.iter().find_map(|o| cx.view.failed(*o)) {
        check.reasons.push(Reason::FailedBefore { run, outcome });
    }
}

fn without_trace(cx: &Context, job: &Job, check: &mut Check) -> Result<(), Trouble> {
    let mut all_exist = true;
    for output in &job.outputs {
        match look(cx, *output)? {
            Seen::Missing => all_exist = false,
            Seen::File(_) | Seen::Directory | Seen::Special => check.unknown_outputs.push(*output),
        }
    }
    if !check.reasons.is_empty() {
        return Ok(());
    }
    let regrouped = job.outputs.iter().find(|o| cx.view.trace(**o).is_some());
    check.reasons.push(match regrouped {
        Some(output) => Reason::OutputSetChanged { path: cx.paths.text(*output).to_string() },
        None if all_exist => Reason::NoRecord,
        None => Reason::NeverBuilt,
    });
    Ok(())
}

fn compare_disk(cx: &Context, job: &Job, trace: &Trace, check: &mut Check) -> Result<(), Trouble> {
    for (index, output) in job.outputs.iter().enumerate() {
        let recorded =
            trace.fingerprint.outputs.iter().position(|o| o == output).and_then(|i| trace.results.get(i));
        let path = || cx.paths.text(*output).to_string();
        match (look(cx, *output)?, recorded) {
            (Seen::File(now), Some(then)) if now == *then => {}
            (Seen::File(now), Some(then)) => {
                check.reasons.push(Reason::OutputModified { path: path(), old: *then, new: now });
                check.unknown_outputs.push(*output);
            }
            (Seen::File(_), None) => check.unknown_outputs.push(*output),
            // Nobody needs it, or a job will say so.
            (Seen::Missing, Some(_)) if cx.is_temp(job, index) => {}
            (Seen::Missing, _) => check.reasons.push(Reason::OutputMissing { path: path() }),
            (Seen::Directory | Seen::Special, _) => {
                check.reasons.push(Reason::OutputKindChanged { path: path() })
            }
        }
    }
    Ok(())
}

/// Whether the job executes anything.
pub(crate) fn has_action(cx: &Context, id: JobId) -> bool {
    !matches!(cx.rule(cx.job(id)).action, Action::None)
}
