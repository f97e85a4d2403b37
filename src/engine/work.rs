//! The parts of a run that happen on the pool before a job starts. Pure of the run's state: they take facts and give
//! results.

use crate::base::clock;
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::files::outputs::{PrepareOutput, remove_temp};
use crate::files::results::{Due, Kind};
use crate::graph::job::{Job, JobId};
use crate::model::flags::{Flag, Flags};
use crate::model::rule::Rule;
use crate::plan::check::{Check, Mode, check, has_action};
use crate::plan::context::Context;
use crate::plan::instance::{Instance, Trouble};
use crate::plan::reported;
use crate::plan::required::Required;
use crate::trace::fingerprint::{Bound, Fingerprint, Origin, Trace};
use crate::trace::identity::StatSig;
use crate::trace::reason::Reason;
use rustc_hash::FxHashSet;
use std::sync::Arc;
use std::time::Instant;

/// What a check decided.
pub(crate) enum Verdict {
    UpToDate,
    /// Its outputs were edited, and are the result from now on.
    Adopted(Box<Trace>),
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
    /// What `ensure` asks of the outputs.
    pub(crate) required: Vec<Required>,
    /// What is said of the outputs for a report.
    pub(crate) reported: Vec<Bound>,
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
            reported: self.reported,
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
    if let Some(results) = check.adopted.take().filter(|_| check.reasons.is_empty()) {
        return Verdict::Adopted(Box::new(adopted(cx, job, check.fingerprint, results)));
    }
    if check.reasons.is_empty() {
        return Verdict::UpToDate;
    }
    if !check.absent.is_empty() {
        return Verdict::Lacks(makers(cx, &check.absent));
    }
    prepare(cx, id, check).map_or_else(Verdict::Trouble, |p| Verdict::Run(Box::new(p)))
}

/// What is on record from now on of a job whose outputs were edited.
fn adopted(cx: &Context, job: u32, fingerprint: Fingerprint, results: Vec<Digest>) -> Trace {
    Trace {
        rule: cx.rule(cx.job(JobId(job))).name.clone(),
        fingerprint,
        results,
        run: cx.view.next_run(),
        job,
        duration_ms: 0,
        origin: Origin::Accepted,
        reported: reported::of(cx, cx.job(JobId(job))).iter().map(reported::bound).collect(),
    }
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
    let mut texts =
        sources.map(|path| (*path, cx.paths.text(*path))).filter(|(_, text)| !cx.trust.assumes(text));
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
        required: check.required,
        reported: reported::of(cx, job).iter().map(reported::bound).collect(),
        unknown_outputs: check.unknown_outputs,
        own_directories: check.own_directories,
        recorded: check.recorded,
        checked_at: clock::monotonic(),
    })
}

pub(super) fn flags(rule: &Rule, output: usize) -> Flags {
    rule.output_flags.get(output).cloned().unwrap_or_default()
}

/// What a job has to make: its outputs, and then what else is wanted of it.
pub(super) fn dues(cx: &Context, id: JobId) -> Vec<Due<'_>> {
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    let kind = |output| match flags(rule, output).has(Flag::Directory) {
        true => Kind::Directory,
        false => Kind::File,
    };
    let due = |path: &PathId, kind| Due { id: *path, path: cx.paths.text(*path), kind };
    let outputs = job.outputs.iter().enumerate().map(|(output, path)| due(path, kind(output)));
    outputs.chain(cx.graph.beside(id).iter().map(|path| due(path, Kind::Beside))).collect()
}

/// The outputs of a job that it changes in place.
pub(crate) fn updated(cx: &Context, job: JobId) -> impl Iterator<Item = &str> {
    let (job, rule) = (cx.job(job), cx.rule(cx.job(job)));
    let updated = job.outputs.iter().zip(&rule.output_flags).filter(|(_, flags)| flags.has(Flag::Update));
    updated.map(|(path, _)| cx.paths.text(*path))
}

/// What is to become of what stands where the outputs of a job go, before it runs.
pub(crate) fn old_outputs<'a>(cx: &'a Context, id: JobId, prepared: &Prepared) -> Vec<PrepareOutput<'a>> {
    let rule = cx.rule(cx.job(id));
    let old = |(output, due): (usize, Due<'a>)| PrepareOutput {
        path: due.path,
        keep: prepared.unknown_outputs.contains(&due.id),
        directory: due.kind == Kind::Directory || prepared.own_directories.contains(&due.id),
        stays: flags(rule, output).has(Flag::Update),
    };
    let outputs = dues(cx, id).into_iter().filter(|due| due.kind != Kind::Beside);
    outputs.enumerate().map(old).collect()
}
