//! What a run takes for granted on request, beyond the rules of staleness: kept files that are gone, edited outputs,
//! sources that are not there. Invariant: nothing here makes a job run that would not; it only spares jobs.

use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::files::observe::Seen;
use crate::graph::job::Job;
use crate::model::flags::Flag;
use crate::plan::context::Context;
use crate::plan::inputs::look;
use crate::plan::instance::Trouble;
use crate::store::View;
use crate::trace::fingerprint::{Fingerprint, Trace};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// What is taken for granted; nothing by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    /// A kept output that is gone is no reason to run, unless it is wanted itself or a job that runs reads it.
    pub(crate) only_needed: bool,
    /// An output that somebody changed is the result, if nothing else makes its job run.
    pub(crate) keep_edited: bool,
    /// Sources that may be absent: what is on record of them counts.
    pub(crate) assumed: FxHashSet<Arc<str>>,
}

impl Trust {
    pub(crate) fn assumes(&self, path: &str) -> bool {
        !self.assumed.is_empty() && self.assumed.contains(path)
    }
}

/// The content of a file or directory when it was last looked at, in this run or an earlier one.
pub(crate) fn last_known(view: &View, path: PathId) -> Option<Digest> {
    let file = || view.file_hash(path).map(|known| known.digest);
    view.tree(path).map(|tree| tree.digest()).or_else(file)
}

impl Context {
    /// What an absent source counts as, when that was asked for and something is on record.
    pub(crate) fn assumed(&self, path: PathId) -> Option<Digest> {
        let is_assumed = self.trust.assumes(self.paths.text(path)) && self.graph.producer(path).is_none();
        is_assumed.then(|| last_known(&self.view, path)).flatten()
    }

    /// Whether an output may be absent although its job is up to date.
    pub(crate) fn may_be_absent(&self, job: &Job, output: usize) -> bool {
        self.is_temp(job, output) || self.trust.only_needed && self.is_unwanted(job, output)
    }
}

/// What stands in the places of a job's outputs, as it would be on record if the job had made it. With `absent_temps`
/// temporary files of which nothing is on record may be gone.
///
/// # Errors
/// An output that is missing, or is not what the rule says it is.
pub(crate) fn results_on_disk(
    cx: &Context,
    job: &Job,
    fingerprint: &Fingerprint,
    trace: Option<&Trace>,
    absent_temps: bool,
) -> Result<Vec<Digest>, Trouble> {
    let flags = &cx.rule(job).output_flags;
    let result = |(index, output): (usize, &PathId)| {
        let has = |flag| flags.get(index).is_some_and(|flags| flags.has(flag));
        let path = cx.paths.text(*output);
        if cx.units.stream(*output).is_some() {
            return Ok(fingerprint.stream(*output, &cx.paths));
        }
        let content = match look(cx, *output)? {
            Seen::File(digest) if !has(Flag::Directory) => digest,
            Seen::Directory if has(Flag::Directory) => {
                let tree = cx.files.tree(*output, path, cx).map_err(|error| Trouble::of(&error))?;
                tree.ok_or_else(|| Trouble::new(format!("{path} is not there")))?.digest()
            }
            Seen::Missing => {
                let recorded = trace.and_then(|trace| trace.result(*output));
                let recorded = recorded.filter(|_| cx.may_be_absent(job, index));
                // Nobody knows what a temporary file held that is gone: what it was made from stands for it.
                let is_gone = absent_temps && recorded.is_none() && cx.is_temp(job, index);
                let recorded = recorded.or_else(|| is_gone.then(|| fingerprint.stream(*output, &cx.paths)));
                return recorded.ok_or_else(|| Trouble::new(format!("{path} is not there")));
            }
            Seen::File(_) | Seen::Directory | Seen::Special => {
                let expected = if has(Flag::Directory) { "directory" } else { "regular file" };
                return Err(Trouble::new(format!("{path} is not a {expected}")));
            }
        };
        Ok(if has(Flag::Touch) { fingerprint.marker(content, &cx.paths) } else { content })
    };
    job.outputs.iter().enumerate().map(result).collect()
}
