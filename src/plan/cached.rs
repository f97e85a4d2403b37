//! Which results may come out of the cache, and under which key: that of all that the job would be executed with.
//!
//! Promise: what is restored is what the job would make now, so far as jobs are functions of what their fingerprint
//! names. Where that is known not to be so, the job is none for the cache.

use crate::base::digest::Digest;
use crate::cache::{Cache, Entry, Form, Kept};
use crate::files::observe::Seen;
use crate::graph::job::{Job, JobId};
use crate::model::action::Action;
use crate::model::flags::Flag;
use crate::model::rule::Rule;
use crate::plan::check::Check;
use crate::plan::context::Context;
use crate::plan::inputs;
use crate::plan::locked;
use crate::trace::fingerprint::{self, ANCIENT, Fingerprint, InputState};
use crate::trace::reason::Reason;

/// A result that the cache holds, for a job.
pub(crate) struct Found {
    pub(crate) entry: Entry,
    /// Where it was found: that of its execution, or that of a result that is locked.
    pub(crate) key: Digest,
    /// That of its execution.
    pub(crate) own: Digest,
    /// Per output, whether it is put back; what is temporary and not needed is not.
    pub(crate) placed: Vec<bool>,
}

impl Found {
    /// What goes on record of the outputs.
    pub(crate) fn results(&self, cx: &Context, job: &Job, fingerprint: &Fingerprint) -> Vec<Digest> {
        self.entry.results(cx, job, fingerprint)
    }
}

impl Entry {
    fn results(&self, cx: &Context, job: &Job, fingerprint: &Fingerprint) -> Vec<Digest> {
        let flags = &cx.rule(job).output_flags;
        let result = |(kept, flags): (&Kept, &crate::model::flags::Flags)| match flags.has(Flag::Touch) {
            true => fingerprint.marker(kept.digest, &cx.paths),
            false => kept.digest,
        };
        self.outputs.iter().zip(flags).map(result).collect()
    }
}

/// Whether results of the rule may be kept and restored at all.
///
/// Not those of a rule without outputs, whose work is an effect; of one that changes a file in place, for what it made
/// follows from what was there; and those of a closure of the host program that does not say which version it is.
fn is_for_cache(cx: &Context, id: JobId) -> bool {
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    let action = match &rule.action {
        Action::None | Action::Touch => false,
        Action::Function(action) => !action.version.is_empty(),
        Action::Shell(_) | Action::Script(_) | Action::Run(_) | Action::Interpreted(_) => true,
    };
    let in_place = rule.output_flags.iter().any(|flags| flags.has(Flag::Update));
    action
        && rule.cached
        && !job.outputs.is_empty()
        && !in_place
        && cx.units.with(id).is_none()
        && !(0..job.inputs.len()).any(|index| job.is_before_update(index))
}

/// The key under which the result of a job is kept; `None` when it is none for the cache.
pub(crate) fn key(cx: &Context, id: JobId, check: &Check) -> Option<Digest> {
    *check.key.get_or_init(|| made_key(cx, id, check))
}

fn made_key(cx: &Context, id: JobId, check: &Check) -> Option<Digest> {
    cx.cache.as_ref()?;
    if check.is_open || !is_for_cache(cx, id) {
        return None;
    }
    let job = cx.job(id);
    let content = |(index, input): (usize, &InputState)| match input.digest {
        ANCIENT => content_of_ancient(cx, job, index),
        digest => Some(digest),
    };
    let inputs: Option<Vec<Digest>> = check.fingerprint.inputs.iter().enumerate().map(content).collect();
    Some(check.fingerprint.action(&inputs?, &cx.paths))
}

/// Being up to date does not hang on the content of such a file, but what the job makes of it does.
fn content_of_ancient(cx: &Context, job: &Job, index: usize) -> Option<Digest> {
    let path = *job.inputs.get(index)?;
    if let Some((digest, _)) = cx.foreknown(path) {
        return Some(digest);
    }
    match inputs::look(cx, path).ok()? {
        Seen::File(digest) => Some(digest),
        Seen::Directory => cx.files.tree(path, cx.paths.text(path), cx).ok()?.map(|tree| tree.digest()),
        Seen::Missing => cx.held(path),
        Seen::Special => None,
    }
}

/// What the cache holds of a job that would have to run. With `all` also its temporary outputs are needed.
pub(crate) fn find(cx: &Context, id: JobId, check: &Check, all: bool) -> Option<Found> {
    let cache = cx.cache.as_ref()?;
    let must_run =
        |reason: &Reason| matches!(reason, Reason::Forced | Reason::NoOutputs | Reason::Together { .. });
    if check.reasons.is_empty() || check.reasons.iter().any(must_run) {
        return None;
    }
    let key = key(cx, id, check)?;
    // Of several results that the same execution had, the one that the lock file names.
    let found = find_named(cx, id, check, all).or_else(|| look(cx, cache, id, (&key, &key), all))?;
    has_all_beside(cx, id, &found.entry).then_some(found)
}

/// What the cache holds of the result that the lock file names, if that can be had.
pub(crate) fn find_locked(cx: &Context, id: JobId, check: &Check) -> Option<Found> {
    key(cx, id, check)?;
    find_named(cx, id, check, false).filter(|found| has_all_beside(cx, id, &found.entry))
}

fn find_named(cx: &Context, id: JobId, check: &Check, all: bool) -> Option<Found> {
    let cache = cx.cache.as_ref()?;
    let own = key(cx, id, check)?;
    let (pin, results) = locked::pinned(cx, id, check)?;
    let is_it = |found: &Found| found.results(cx, cx.job(id), &check.fingerprint) == results;
    look(cx, cache, id, (&pin, &own), all).filter(is_it)
}

fn look(cx: &Context, cache: &Cache, id: JobId, (key, own): (&Digest, &Digest), all: bool) -> Option<Found> {
    let job = cx.job(id);
    let placed = |index: usize| all || !cx.may_be_absent(job, index) || is_looked_into(cx, id, index);
    let placed: Vec<bool> = (0..job.outputs.len()).map(placed).collect();
    let entry = cache.find(key, |index| placed.get(index).copied().unwrap_or(true))?;
    is_of(cx, id, &entry).then_some(Found { entry, key: *key, own: *own, placed })
}

/// The key names the outputs, so anything else was not written by us.
fn is_of(cx: &Context, id: JobId, entry: &Entry) -> bool {
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    entry.outputs.len() == job.outputs.len()
        && entry.outputs.iter().zip(&job.outputs).all(|(kept, path)| kept.path == cx.paths.text(*path))
        && entry.outputs.iter().zip(&rule.output_flags).all(|(kept, flags)| match &kept.form {
            Form::Gone => true,
            Form::File { .. } | Form::Small { .. } => !flags.has(Flag::Directory),
            Form::Directory { .. } => flags.has(Flag::Directory),
        })
}

/// Whether the directory of the cache holds these results of a job, under its key, and undamaged.
pub(crate) fn holds(cx: &Context, id: JobId, check: &Check, key: &Digest, results: &[Digest]) -> bool {
    let is_it =
        |entry: &Entry| is_of(cx, id, entry) && entry.results(cx, cx.job(id), &check.fingerprint) == results;
    // Bytes of what is there are kept.
    let has_bytes = |entry: &Entry| {
        let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
        let has =
            |(index, kept): (usize, &Kept)| kept.form != Form::Gone || !keeps_bytes(cx, rule, job, index);
        entry.outputs.iter().enumerate().all(has)
    };
    let is_held = |cache: &std::sync::Arc<Cache>| {
        cache.holds_good(key, cx.files.hasher(), |entry| is_it(entry) && has_bytes(entry))
    };
    cx.cache.as_ref().is_some_and(is_held)
}

/// Keeps the result that is kept under the job's key also as the one that a lock file names: `results` are on record.
pub(crate) fn pin(cx: &Context, id: JobId, check: &Check, fingerprint: &Digest, results: &[Digest]) {
    let (Some(cache), Some(key)) = (&cx.cache, key(cx, id, check)) else { return };
    let is_it = |entry: &Entry| {
        let all = entry.results(cx, cx.job(id), &check.fingerprint);
        is_of(cx, id, entry) && all == results
    };
    cache.pin(&key, &fingerprint::pin(fingerprint, results), cx.files.hasher(), is_it);
}

/// Whether somebody reads, or may come to read, what lies in an output: that is known only of a directory that is there.
pub(crate) fn is_looked_into(cx: &Context, id: JobId, output: usize) -> bool {
    let job = cx.job(id);
    if !cx.rule(job).output_flags.get(output).is_some_and(|flags| flags.has(Flag::Directory)) {
        return false;
    }
    let lies_in_it = |path: crate::base::path::PathId| cx.inside(job.outputs[output], path).is_some();
    // Who reads it may come to light only when a checkpoint has ended, and a plan may know that before the run does.
    cx.workflow.rules.iter().any(|rule| rule.checkpoint)
        || cx.graph.consumers(id).any(|reader| cx.job(reader).made_inputs().any(|(_, path)| lies_in_it(path)))
}

/// Logs and benchmarks that somebody reads have to be there, too.
fn has_all_beside(cx: &Context, id: JobId, entry: &Entry) -> bool {
    let wanted = cx.graph.beside(id);
    if wanted.is_empty() {
        return true;
    }
    let names = crate::plan::instance::Instance::naming(cx, cx.job(id));
    let products: Vec<&str> = beside(&names).collect();
    let outputs = &cx.job(id).outputs;
    let is_kept = |path: &str| {
        let number = products.iter().position(|product| *product == path);
        number.is_some_and(|number| entry.beside.iter().any(|(kept, _)| *kept as usize == number))
    };
    wanted.iter().all(|path| {
        is_kept(cx.paths.text(*path)) || outputs.iter().any(|output| cx.inside(*output, *path).is_some())
    })
}

/// What a job writes beside its outputs, in the order in which it is numbered: logs, then the benchmark.
pub(crate) fn beside(instance: &crate::plan::instance::Instance) -> impl Iterator<Item = &str> {
    instance.logs.paths.iter().chain(&instance.benchmark).map(|path| &**path)
}

/// Whether the bytes of an output are kept, not only its digest: those of temporary files are not, for they are made to
/// go.
pub(crate) fn keeps_bytes(cx: &Context, rule: &Rule, job: &Job, output: usize) -> bool {
    !(rule.output_flags.get(output).is_some_and(|flags| flags.has(Flag::Temp)) && cx.is_temp(job, output))
}
