//! The parts of a run that happen on the pool: before a job starts and after it ended. Pure of the run's state:
//! they take facts and give results.

use crate::base::clock;
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::exec::executor::{Completion, Outcome};
use crate::files::outputs::{PrepareOutput, quarantine, remove_temp};
use crate::files::read_code;
use crate::files::results::{Due, Fault, collect, faults};
use crate::graph::job::{Job, JobId};
use crate::model::flags::{Flag, Flags};
use crate::model::rule::Rule;
use crate::plan::check::{Check, Mode, check, has_action};
use crate::plan::context::Context;
use crate::plan::inputs;
use crate::plan::instance::{Instance, Trouble};
use crate::store::runs::tail;
use crate::trace::fingerprint::{CodeKind, CodePart, Fingerprint, Origin, Trace};
use crate::trace::identity::{Known, StatSig};
use crate::trace::reason::Reason;
use rustc_hash::FxHashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// What a check decided.
pub(crate) enum Verdict {
    UpToDate,
    Run(Box<Prepared>),
    /// It must run, but these jobs have to make these temporary files again first.
    Lacks(Vec<(u32, PathId)>),
    Trouble(Trouble),
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
    pub(crate) instance: Instance,
    pub(crate) command: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) unknown_outputs: Vec<PathId>,
    pub(crate) own_directories: Vec<PathId>,
    pub(crate) recorded: Option<Vec<Digest>>,
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
    ) -> Trace {
        Trace {
            rule: cx.rule(cx.job(JobId(job))).name.clone(),
            fingerprint: Arc::unwrap_or_clone(self.fingerprint),
            results,
            run,
            job,
            duration_ms: u32::try_from(duration_ms).unwrap_or(u32::MAX),
            origin: Origin::Executed,
        }
    }
}

/// Checks a job whose producers are final, and prepares it if it must run.
pub(crate) fn check_job(cx: &Context, job: u32, recall: Option<&Recall>) -> Verdict {
    let id = JobId(job);
    if !has_action(cx, id) {
        return match absent_input(cx, cx.job(id)) {
            Some(path) => Verdict::Trouble(Trouble::new(format!("input {path} does not exist"))),
            None => Verdict::UpToDate,
        };
    }
    let mut check = match check(cx, id, Mode::Final) {
        Ok(check) => check,
        Err(trouble) => return Verdict::Trouble(trouble),
    };
    if let Some(recall) = recall.filter(|recall| recall.forces()) {
        if recall.ran {
            // What it left is known, and the trace on record older than that.
            check.unknown_outputs.clear();
            check.reasons.clear();
        }
        check.reasons.push(recall.reason.clone());
    }
    if check.reasons.is_empty() {
        return Verdict::UpToDate;
    }
    if !check.absent.is_empty() {
        return Verdict::Lacks(makers(cx, &check.absent));
    }
    prepare(cx, id, check).map_or_else(Verdict::Trouble, |p| Verdict::Run(Box::new(p)))
}

/// The jobs that make these files, each with one of them.
fn makers(cx: &Context, files: &[PathId]) -> Vec<(u32, PathId)> {
    let mut makers: Vec<(u32, PathId)> = Vec::new();
    let mut seen = FxHashSet::default();
    for path in files {
        if let Some(producer) = cx.graph.producer(*path)
            && seen.insert(producer)
        {
            makers.push((producer.0, *path));
        }
    }
    makers
}

/// A temporary file to be removed, and its signature as its job left it.
pub(crate) struct Removal {
    pub(crate) job: u32,
    pub(crate) path: PathId,
    pub(crate) sig: StatSig,
}

/// A temporary file that was removed, or why it was not.
pub(crate) struct Removed {
    pub(crate) job: u32,
    pub(crate) path: PathId,
    pub(crate) result: Result<(), String>,
}

impl Removal {
    pub(crate) fn perform(self, cx: &Context) -> Removed {
        let Removal { job, path, sig } = self;
        let text = cx.paths.text(path);
        let result = match cx.files.restat(text) {
            Ok(Some(now)) if now == sig && is_as_known(cx, path, now) => {
                remove_temp(&cx.root, text).map_err(|error| error.to_string())
            }
            // Somebody removed it.
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err("it was changed since its job made it".into()),
            Err(error) => Err(error.to_string()),
        };
        Removed { job, path, result }
    }
}

/// What is in a directory does not show on the directory.
fn is_as_known(cx: &Context, path: PathId, sig: StatSig) -> bool {
    !sig.is_directory() || cx.files.is_same_tree(path, cx.paths.text(path)).unwrap_or(false)
}

/// Whether an input of a job that waited does not look as it did when the job was checked.
pub(crate) fn inputs_moved(cx: &Context, prepared: &Prepared) -> bool {
    prepared.input_signatures.iter().any(|(path, then)| match cx.files.restat(cx.paths.text(*path)) {
        Ok(now) => now != *then,
        Err(_) => true,
    })
}

fn absent_input<'a>(cx: &'a Context, job: &Job) -> Option<&'a str> {
    let sources = job.inputs.iter().filter(|path| cx.graph.producer(**path).is_none());
    let mut texts = sources.map(|path| (*path, cx.paths.text(*path)));
    texts.find(|(id, text)| matches!(cx.files.stat(*id, text), Ok(None))).map(|(_, text)| text)
}

fn prepare(cx: &Context, id: JobId, check: Check) -> Result<Prepared, Trouble> {
    let job = cx.job(id);
    let rule = cx.rule(job);
    let instance = Instance::of(cx, job, 1)?;
    Ok(Prepared {
        command: instance.command(rule)?,
        message: instance.message(rule)?,
        input_signatures: job.inputs.iter().map(|path| (*path, cx.files.signature(*path))).collect(),
        instance,
        reasons: check.reasons,
        fingerprint: Arc::new(check.fingerprint),
        unknown_outputs: check.unknown_outputs,
        own_directories: check.own_directories,
        recorded: check.recorded,
        checked_at: clock::monotonic(),
    })
}

/// What `conclude` needs to know of a job that ended.
pub(crate) struct AfterFacts {
    pub(crate) inputs: Vec<(PathId, Option<StatSig>)>,
    pub(crate) fingerprint: Arc<Fingerprint>,
    /// Where partial outputs go.
    pub(crate) quarantine: PathBuf,
    pub(crate) log: PathBuf,
    /// The logs that the rule names.
    pub(crate) own_logs: Box<[Arc<str>]>,
    pub(crate) has_log: bool,
}

/// A job that ended, with its outputs looked at.
pub(crate) struct Concluded {
    pub(crate) job: u32,
    pub(crate) duration_ms: u64,
    pub(crate) conclusion: Conclusion,
}

pub(crate) enum Conclusion {
    Done {
        outputs: Vec<(PathId, Known)>,
        /// What goes on record of each: its content, or what it stands for.
        results: Vec<Digest>,
        /// An input or a script that is not what it was when the job was checked, for people.
        changed: Option<String>,
    },
    Failed {
        outcome: String,
        exit_code: Option<i32>,
        log: Option<PathBuf>,
        log_tail: Vec<String>,
        quarantine: Option<PathBuf>,
        help: Option<String>,
        /// It ended because it was told to.
        cancelled: bool,
    },
}

impl Conclusion {
    /// A failure before anything was executed.
    pub(crate) fn failed(trouble: Trouble) -> Conclusion {
        Conclusion::Failed {
            outcome: trouble.message,
            exit_code: None,
            log: None,
            log_tail: Vec::new(),
            quarantine: None,
            help: trouble.help,
            cancelled: false,
        }
    }
}

/// Looks at what a job left: good outputs are hashed, anything else is moved out of the way.
pub(crate) fn conclude(
    cx: &Context,
    completion: Completion,
    facts: AfterFacts,
    told_to_end: bool,
) -> Concluded {
    let job = completion.job;
    let duration_ms = completion.duration.as_millis() as u64;
    let this = cx.job(JobId(job));
    let outputs = dues(cx, this);
    let conclusion = match &completion.outcome {
        Outcome::Success => match good_outputs(cx, &outputs) {
            Ok(made) => Conclusion::Done {
                results: results(cx, this, &made, &facts.fingerprint),
                outputs: made,
                changed: changed(cx, this, &facts),
            },
            Err(trouble) => after_failure(cx, &outputs, facts, trouble, None, false),
        },
        failed => {
            let exit_code = if let Outcome::Exit(code) = failed { Some(*code) } else { None };
            let trouble = Trouble { message: describe(failed), help: hint(failed) };
            after_failure(cx, &outputs, facts, trouble, exit_code, told_to_end)
        }
    };
    Concluded { job, duration_ms, conclusion }
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Success => "success".into(),
        Outcome::Exit(code) => format!("exit {code}"),
        Outcome::Signal(signal) => format!("killed by signal {signal}"),
        Outcome::TimedOut(seconds) => format!("timed out after {seconds} s"),
        Outcome::FunctionError(message) | Outcome::Around(message) => message.clone(),
        Outcome::NotStarted(message) => format!("could not be started: {message}"),
    }
}

fn hint(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Exit(127) => {
            Some("127 means that a program was not found: is it installed, is it on PATH?".into())
        }
        Outcome::Exit(126) => Some("126 means that a file is not executable".into()),
        Outcome::Signal(9) => Some("somebody killed it; often the machine ran out of memory".into()),
        _ => None,
    }
}

fn flags(rule: &Rule, output: usize) -> Flags {
    rule.output_flags.get(output).cloned().unwrap_or_default()
}

fn dues<'a>(cx: &'a Context, job: &Job) -> Vec<Due<'a>> {
    let rule = cx.rule(job);
    let due = |(index, id): (usize, &PathId)| Due {
        id: *id,
        path: cx.paths.text(*id),
        directory: flags(rule, index).has(Flag::Directory),
    };
    job.outputs.iter().enumerate().map(due).collect()
}

/// What is to become of what stands where the outputs of a job go, before it runs.
pub(crate) fn old_outputs<'a>(cx: &'a Context, job: &Job, prepared: &Prepared) -> Vec<PrepareOutput<'a>> {
    let old = |due: Due<'a>| PrepareOutput {
        path: due.path,
        keep: prepared.unknown_outputs.contains(&due.id),
        directory: due.directory || prepared.own_directories.contains(&due.id),
    };
    dues(cx, job).into_iter().map(old).collect()
}

fn good_outputs(cx: &Context, outputs: &[Due<'_>]) -> Result<Vec<(PathId, Known)>, Trouble> {
    let faults = faults(&cx.root, outputs).map_err(|e| Trouble::of(&e))?;
    if !faults.is_empty() {
        return Err(faulty(&faults));
    }
    let collected = collect(&cx.root, outputs, cx.files.hasher()).map_err(|e| Trouble::of(&e))?;
    collected.ok_or_else(|| Trouble::new("something else removes its outputs"))
}

/// All that is missing in one sentence, else what else is wrong.
fn faulty(faults: &[(&str, Fault)]) -> Trouble {
    let is_missing = |fault: &Fault| matches!(fault, Fault::Missing);
    let missing: Vec<&str> =
        faults.iter().filter(|(_, fault)| is_missing(fault)).map(|(path, _)| *path).collect();
    if !missing.is_empty() {
        return Trouble {
            message: format!("the command succeeded but did not create {}", missing.join(", ")),
            help: Some(
                "check that the command writes to `{output}`, and that it is run in the root directory"
                    .into(),
            ),
        };
    }
    let told = |(path, fault): &(&str, Fault)| match fault {
        Fault::Missing => format!("{path} is missing"),
        Fault::Dangling { to } => format!("{path} is a link to {to}, which does not exist"),
        Fault::Directory => format!("{path} is a directory, where a file is due"),
        Fault::File => format!("{path} is a file, where a directory is due"),
        Fault::Special(what) => format!("{path} is {what}, not a file"),
    };
    let help = faults.iter().find_map(|(path, fault)| match fault {
        Fault::Directory => {
            Some(format!("name a file in it as the output, or write `directory(\"{path}\")`"))
        }
        Fault::File => Some("make a directory, or take `directory(...)` away from the output".to_string()),
        Fault::Dangling { .. } => {
            Some("a link must lead to something that exists, from where the link is".into())
        }
        Fault::Missing | Fault::Special(_) => None,
    });
    let message = faults.iter().map(told).collect::<Vec<_>>().join("; ");
    Trouble { message: format!("the command succeeded, but {message}"), help }
}

/// What goes on record of the outputs.
fn results(cx: &Context, job: &Job, made: &[(PathId, Known)], fingerprint: &Fingerprint) -> Vec<Digest> {
    let rule = cx.rule(job);
    let result = |(index, (_, known)): (usize, &(PathId, Known))| match flags(rule, index).has(Flag::Touch) {
        true => fingerprint.marker(known.digest(), &cx.paths),
        false => known.digest(),
    };
    made.iter().enumerate().map(result).collect()
}

/// The first input or script whose content is not what the fingerprint says.
fn changed(cx: &Context, job: &Job, facts: &AfterFacts) -> Option<String> {
    let is_script = |part: &&CodePart| part.kind == CodeKind::Script;
    let script = facts.fingerprint.code.iter().filter(is_script).find(|part| {
        let now = read_code(&cx.root, &part.name).ok().map(|bytes| Digest::of(&bytes));
        now != Some(part.digest)
    });
    match script {
        Some(part) => Some(format!("script {}", part.name)),
        None => changed_input(cx, job, facts).map(|path| format!("input {}", cx.paths.text(path))),
    }
}

/// The first input whose content is not what the fingerprint says.
fn changed_input(cx: &Context, job: &Job, facts: &AfterFacts) -> Option<PathId> {
    let states = facts.inputs.iter().zip(&facts.fingerprint.inputs).enumerate();
    let moved = states.filter(|(_, ((path, then), _))| {
        let now = cx.files.restat(cx.paths.text(*path)).ok().flatten();
        // What is in a directory does not show on the directory.
        now.is_none() || now != *then || now.is_some_and(|now| now.is_directory())
    });
    for (index, ((path, _), state)) in moved {
        cx.files.forget(*path);
        match inputs::digest(cx, job, index) {
            Ok(Some(digest)) if digest == state.digest => {}
            _ => return Some(*path),
        }
    }
    None
}

fn after_failure(
    cx: &Context,
    outputs: &[Due<'_>],
    facts: AfterFacts,
    trouble: Trouble,
    exit_code: Option<i32>,
    cancelled: bool,
) -> Conclusion {
    let texts: Vec<&str> = outputs.iter().map(|due| due.path).collect();
    let moved = quarantine(&cx.root, &facts.quarantine, &texts);
    for due in outputs {
        cx.files.forget(due.id);
    }
    let mut log = (facts.has_log && facts.log.exists()).then_some(facts.log);
    let mut log_tail = log.as_deref().map(|log| tail(log, 20)).unwrap_or_default();
    if log_tail.is_empty() {
        // What the command wrote to the rule's own log, then.
        for own in &facts.own_logs {
            let path = cx.root.join(&**own);
            log_tail = tail(&path, 20);
            if !log_tail.is_empty() {
                log = Some(path);
                break;
            }
        }
    }
    let (moved, help) = match moved {
        Ok(moved) => (!moved.is_empty(), trouble.help),
        // Its record says failed, so what stays is not taken for good; but the user must know.
        Err(error) => (false, Some(format!("partial outputs could not be moved away: {error}"))),
    };
    Conclusion::Failed {
        outcome: trouble.message,
        exit_code,
        log_tail,
        log,
        quarantine: moved.then_some(facts.quarantine),
        help,
        cancelled,
    }
}
