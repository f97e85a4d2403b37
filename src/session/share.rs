//! Results that were kept here and are put where others find them.

use super::{RunOptions, Session, plan_error};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::job::JobId;
use crate::plan::cached;
use crate::plan::check::{Mode, compare_only, has_action};
use crate::store::read;
use rayon::prelude::*;
use serde::Serialize;

/// What [`Session::push`] did.
///
/// ```
/// use rulemake::inspect::Pushed;
/// fn is_all(pushed: &Pushed) -> bool {
///     pushed.left == 0 && pushed.warnings.is_empty()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pushed {
    /// Results that are in the shared place now.
    pub results: usize,
    /// Bytes of their files.
    pub bytes: u64,
    /// Jobs whose results are not: they are not up to date, or were not kept, or the place did not take them.
    pub left: usize,
    /// What the user should hear.
    pub warnings: Vec<String>,
}

impl Session {
    /// Puts the results of all up-to-date jobs that `targets` need (none = the default rule) into the shared place of the
    /// session's cache. Nothing runs.
    ///
    /// # Errors
    /// As [`Session::plan`]; [`ErrorKind::Environment`] when the session has no cache with a shared place.
    pub fn push<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions) -> Result<Pushed> {
        let cx = self.context(targets, options, &mut read(&self.state_dir())?, false)?;
        let Some(cache) = self.cache.as_ref().filter(|cache| cache.is_shared()) else {
            return Err(Error::new(ErrorKind::Environment, "there is no shared cache to put results into")
                .with_help(
                    "name one with `--cache-shared PLACE`, or with `shared` below `[cache]` in rulemake.toml",
                ));
        };
        let jobs: Vec<JobId> =
            (0..cx.graph.jobs.len() as u32).map(JobId).filter(|id| has_action(&cx, *id)).collect();
        let push = |id: &JobId| {
            if cx.graph.open.contains_key(id) {
                return Ok(None);
            }
            let check = compare_only(&cx, *id, Mode::Forecast).map_err(plan_error)?;
            let key = cached::key(&cx, *id, &check).filter(|_| check.reasons.is_empty());
            Ok(key.and_then(|key| cache.push(&key, cx.files.hasher())))
        };
        let done: Result<Vec<Option<u64>>> = self.pool.install(|| jobs.par_iter().map(push).collect());
        let done = done?;
        let results = done.iter().flatten().count();
        Ok(Pushed {
            results,
            bytes: done.iter().flatten().sum(),
            left: done.len() - results,
            warnings: cache.take_notices(),
        })
    }
}
