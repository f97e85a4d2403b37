//! The content of a job's inputs, as it counts for the job.

use crate::base::digest::Digest;
use crate::base::path::{PathId, is_outside};
use crate::files::observe::{Observer, Seen};
use crate::graph::job::{Job, JobId};
use crate::model::flags::{Flag, Flags};
use crate::plan::context::Context;
use crate::plan::instance::{Instance, Trouble};
use crate::trace::fingerprint::ANCIENT;
use crate::trace::identity::FileKind;

/// The flags of the input with this number.
pub(crate) fn flags(job: &Job, index: usize) -> Flags {
    Flags::from_bits(job.layout.flags.get(index).copied().unwrap_or(0))
}

/// The inputs whose content counts and that a job makes, with that job: what it makes anew may be a reason.
pub(crate) fn made(cx: &Context, job: &Job) -> impl Iterator<Item = (PathId, JobId)> {
    job.made_inputs().filter_map(|(index, path)| {
        let maker = cx.graph.producer(path).filter(|_| !flags(job, index).has(Flag::Ancient))?;
        Some((path, maker))
    })
}

/// The digest that counts for input `index` of `job`; `None` when it does not exist.
pub(crate) fn digest(cx: &Context, job: &Job, index: usize) -> Result<Option<Digest>, Trouble> {
    let Some(&path) = job.inputs.get(index) else { return Ok(None) };
    if let Some((digest, _)) = cx.foreknown(path) {
        return Ok(Some(if flags(job, index).has(Flag::Ancient) { ANCIENT } else { digest }));
    }
    if flags(job, index).has(Flag::Ancient) {
        let there = cx.files.stat(path, cx.paths.text(path)).map_err(|e| Trouble::of(&e))?;
        return Ok(there.map(|_| ANCIENT));
    }
    let content = match look(cx, path)? {
        Seen::Missing => return Ok(None),
        Seen::File(digest) => digest,
        Seen::Directory => match directory(cx, job, path)? {
            Some(digest) => digest,
            None => return Ok(None),
        },
        Seen::Special => {
            let text = cx.paths.text(path);
            return Err(Trouble::new(format!("input `{text}` is a device, socket or pipe, not a file")));
        }
    };
    Ok(Some(if job.is_before_update(index) { content } else { cx.marker(path).unwrap_or(content) }))
}

/// As [`digest`], where the content has nothing to be compared with: of a file only whether it is there.
pub(crate) fn presence(cx: &Context, job: &Job, index: usize) -> Result<Option<Digest>, Trouble> {
    let Some(&path) = job.inputs.get(index) else { return Ok(None) };
    let is_new = cx.graph.producer(path).is_some() && cx.view.trace(path).is_none();
    let stat = if is_new { Observer::stat_new } else { Observer::stat };
    match stat(&cx.files, path, cx.paths.text(path)).map_err(|e| Trouble::of(&e))? {
        None => Ok(None),
        Some(sig) if sig.kind == FileKind::File => Ok(Some(ANCIENT)),
        Some(_) => digest(cx, job, index),
    }
}

/// As [`digest`], of what is known without a look.
pub(crate) fn known(cx: &Context, job: &Job, index: usize) -> Result<Option<Digest>, Trouble> {
    match job.inputs.get(index).and_then(|path| cx.files.remembered(*path)) {
        Some(_) => digest(cx, job, index),
        None => Ok(None),
    }
}

/// What is at a path.
pub(crate) fn look(cx: &Context, path: PathId) -> Result<Seen, Trouble> {
    cx.files.look(path, cx.paths.text(path), cx).map_err(|error| Trouble::of(&error))
}

/// What is at the path of an output that no run has made yet.
pub(crate) fn look_new(cx: &Context, path: PathId) -> Result<Seen, Trouble> {
    cx.files.look_new(path, cx.paths.text(path), cx).map_err(|error| Trouble::of(&error))
}

/// All that a directory holds, but for what the job itself makes in it: its own work would be a change of its input each
/// time.
fn directory(cx: &Context, job: &Job, path: PathId) -> Result<Option<Digest>, Trouble> {
    let dir = cx.paths.text(path);
    let Some(tree) = cx.files.tree(path, dir, cx).map_err(|error| Trouble::of(&error))? else {
        return Ok(None);
    };
    let names = Instance::naming(cx, job);
    let inside: Vec<&[u8]> = names.products().filter_map(|own| below(own, dir)).map(str::as_bytes).collect();
    Ok(Some(if inside.is_empty() { tree.digest() } else { tree.digest_without(&inside) }))
}

/// `path` from `dir` on, when it is below it.
fn below<'a>(path: &'a str, dir: &str) -> Option<&'a str> {
    match dir {
        "." => Some(path).filter(|path| !is_outside(path)),
        _ => path.strip_prefix(dir)?.strip_prefix('/'),
    }
}
