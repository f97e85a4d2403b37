//! Outputs that are no longer, at the end of a run, as their jobs made them: most often another job wrote there. Only
//! what this run made is looked at, with one stat each; a file that shows a change is read once more.

use super::Run;
use crate::base::path::PathId;
use crate::engine::event::EventKind;
use crate::files::hash::Content;
use crate::graph::job::JobId;
use crate::plan::context::Context;
use rayon::prelude::*;

impl Run<'_> {
    /// Says so now: the next run could only take it for an edit of the user.
    pub(super) fn tell_overwritten(&mut self) {
        // A single job is alone; of a run that is given up nothing is known for sure.
        if self.begun.len() < 2 || self.fatal.is_some() {
            return;
        }
        let mut jobs: Vec<u32> = self.begun.iter().copied().collect();
        jobs.sort_unstable();
        let cx = &self.cx;
        let changed: Vec<(u32, PathId)> = self.pool.install(|| {
            let outputs = jobs
                .par_iter()
                .flat_map_iter(|job| cx.job(JobId(*job)).outputs.iter().map(|path| (*job, *path)));
            outputs.filter(|(_, path)| is_overwritten(cx, *path)).collect()
        });
        for (job, path) in changed {
            let (path, info) = (self.cx.paths.text(path).to_string(), self.info(job));
            let message = format!(
                "{path} was changed after rule {} had made it, while other jobs ran; it will be made again next time",
                info.rule
            );
            self.emit(EventKind::Warning { message });
        }
    }
}

/// What a job made is remembered as it was hashed. A directory shows no change of what is in it, a file that is gone is
/// missed anyhow, and another time of change alone is that of a hard link or of permissions.
fn is_overwritten(cx: &Context, id: PathId) -> bool {
    let path = cx.paths.text(id);
    let (Some(made), Some(digest)) = (cx.files.signature(id), cx.files.remembered(id)) else { return false };
    let Ok(Some(now)) = cx.files.restat(path) else { return false };
    let is_same =
        (now.kind, now.size, now.mtime_ns, now.inode) == (made.kind, made.size, made.mtime_ns, made.inode);
    !is_same
        && match cx.files.hasher().content(&cx.root.join(path)) {
            Ok(Content::File(file)) => file.digest != digest,
            Ok(Content::Missing | Content::Directory(_) | Content::Special(_)) | Err(_) => false,
        }
}
