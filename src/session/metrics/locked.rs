//! Metrics as a lock file of another time names them: out of the cache, for they are mostly not in git.

use super::super::lock::damaged;
use super::super::{RunOptions, Session};
use super::{MAX_BYTES, Metrics};
use crate::base::digest::Digest;
use crate::error::Result;
use crate::files::hash::FileHasher;
use crate::plan::context::Context;
use crate::store::read;
use crate::trace::fingerprint::pin;
use crate::trace::lock::{LockFile, Locked};

impl Session {
    /// Adds the values of `files` to `metrics`, as `lock`, the text of a `Rulefile.lock` of another time, names them; their
    /// content comes from the session's cache. Those that it names and no cache has are given back.
    ///
    /// ```
    /// # use rulemake::{Session, inspect::Metrics};
    /// fn then(session: &Session, lock: &str) -> rulemake::Result<Metrics> {
    ///     let mut metrics = Metrics::default();
    ///     let absent = session.metrics_of_lock(lock, &session.metric_files()?, &mut metrics)?;
    ///     assert!(absent.is_empty(), "it was locked with the cache on");
    ///     Ok(metrics)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Session::metric_files`]; [`ErrorKind::Workflow`](crate::ErrorKind::Workflow) when the text cannot be read.
    pub fn metrics_of_lock(
        &self,
        lock: &str,
        files: &[String],
        metrics: &mut Metrics,
    ) -> Result<Vec<String>> {
        let lock = LockFile::parse(lock).map_err(|damage| damaged(&self.root, lock, damage))?;
        let mut loaded = read(&self.state_dir())?;
        let planned = self.context::<&str>(&[], &RunOptions::default(), &mut loaded, false).ok();
        let mut absent = Vec::new();
        for path in files {
            let Some(line) = lock.lines.get(path) else { continue };
            match self.pool.install(|| self.locked_content(planned.as_ref(), &lock, path, line)) {
                Some(content) => metrics.add(path, &content),
                None => absent.push(path.clone()),
            }
        }
        Ok(absent)
    }

    fn locked_content(
        &self,
        planned: Option<&Context>,
        lock: &LockFile,
        path: &str,
        line: &Locked,
    ) -> Option<Vec<u8>> {
        let cache = self.cache.as_ref()?;
        let together = outputs(planned, lock, path, line);
        let nth = together.iter().position(|(output, _)| *output == path)?;
        let results: Vec<Digest> = together.iter().map(|(_, line)| line.result).collect();
        let key = pin(&line.fingerprint, &results);
        let entry = cache.find(&key, |index| index == nth)?;
        let kept = entry.outputs.get(nth).filter(|kept| kept.path == path && kept.digest == line.result)?;
        if kept.size() > MAX_BYTES {
            return None;
        }
        cache.text(&key, kept, &FileHasher::new(None))
    }
}

/// The outputs that were locked together with one, in the order of their rule. Where its job is not known any more, in that of
/// the lock file, which is right of one output, and of more by chance.
fn outputs<'l>(
    planned: Option<&Context>,
    lock: &'l LockFile,
    path: &str,
    line: &Locked,
) -> Vec<(&'l str, &'l Locked)> {
    let of_job = |line_of: &&'l Locked| line_of.fingerprint == line.fingerprint;
    let mut all: Vec<(&str, &Locked)> = lock
        .lines
        .iter()
        .filter(|(_, locked)| of_job(locked))
        .map(|(path, locked)| (path.as_str(), locked))
        .collect();
    let job = planned.and_then(|cx| Some((cx, cx.graph.producer(cx.paths.find(path)?)?)));
    if let Some((cx, id)) = job {
        let place = |path: &str| cx.job(id).outputs.iter().position(|output| cx.paths.text(*output) == path);
        all.sort_by_key(|(path, _)| place(path).unwrap_or(usize::MAX));
    }
    all
}
