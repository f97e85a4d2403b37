//! A job of a chain that is prepared while the one before it is executed: all but what that one leaves, which is not looked at
//! before its end is known.
//!
//! Only of a job that must run whatever that is: nothing is on record of it and nothing is in the places of its outputs, so
//! no content can make it up to date, and nothing that it is executed with follows from the content of a file.

use crate::engine::work::{Prepared, flags, prepare};
use crate::files::observe::Observer;
use crate::graph::job::JobId;
use crate::model::action::Action;
use crate::plan::check::{Mode, compare_only, has_action, refuse};
use crate::plan::context::Context;
use crate::plan::inputs;
use std::sync::Arc;

/// The job, which needs outputs of `behind`, as it will be executed. `None`: that is not known, or it may have nothing to do.
pub(super) fn prepare_ahead(cx: &Context, id: JobId, behind: JobId) -> Option<Prepared> {
    if !must_run(cx, id, behind) {
        return None;
    }
    let check = compare_only(cx, id, Mode::Ahead).ok()?;
    let is_whole = !check.is_open && check.absent.is_empty() && check.assumed.is_empty();
    if !is_whole || check.reasons.is_empty() || refuse(cx, cx.job(id), &check.reasons, &[]).is_err() {
        return None;
    }
    prepare(cx, id, check).ok()
}

fn must_run(cx: &Context, id: JobId, behind: JobId) -> bool {
    let (job, rule) = (cx.job(id), cx.rule(cx.job(id)));
    let maker = cx.rule(cx.job(behind));
    let is_plain = |outputs: usize, of| (0..outputs).all(|output| flags(of, output).is_plain());
    let is_new = |path| {
        cx.view.trace(path).is_none()
            && matches!(Observer::stat_new(&cx.files, path, cx.paths.text(path)), Ok(None))
    };
    let is_given = |index: usize, path| {
        inputs::flags(job, index).is_plain()
            && (cx.graph.producer(path) == Some(behind) || cx.files.remembered(path).is_some())
    };
    cx.cache.is_none()
        && cx.lock.is_none()
        && has_action(cx, id)
        && cx.units.members(id).is_none()
        && cx.units.members(behind).is_none()
        && matches!(rule.action, Action::Shell(_))
        && !rule.calls_functions()
        && !job.outputs.is_empty()
        && is_plain(job.outputs.len(), rule)
        && is_plain(cx.job(behind).outputs.len(), maker)
        && job.outputs.iter().all(|path| is_new(*path))
        && job.inputs.iter().enumerate().all(|(index, path)| is_given(index, *path))
}

/// What `behind` left is known now, and the job begins or has just begun.
pub(super) fn complete(cx: &Context, id: JobId, behind: JobId, prepared: &mut Prepared) {
    let job = cx.job(id);
    let fingerprint = Arc::make_mut(&mut prepared.fingerprint);
    for (index, path) in job.inputs.iter().enumerate() {
        if cx.graph.producer(*path) != Some(behind) {
            continue;
        }
        // Remembered, for it has just been put on record. Were it not, what stands there now is no content, and the job runs
        // again next time.
        if let (Ok(Some(digest)), Some(state)) =
            (inputs::known(cx, job, index), fingerprint.inputs.get_mut(index))
        {
            state.digest = digest;
        }
        for (_, signature) in prepared.input_signatures.iter_mut().filter(|(input, _)| input == path) {
            *signature = cx.files.signature(*path);
        }
    }
}
