//! Results that were kept here and are put where others find them.

use super::{RunOptions, Session, plan_error};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::job::JobId;
use crate::plan::cached;
use crate::plan::check::{Mode, compare_only, has_action};
use crate::plan::locked;
use crate::store::read;
use crate::trace::fingerprint;
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
    /// Those of `left` that are up to date, but were made while no cache was on: results are kept when they are made.
    pub not_kept: usize,
    /// What the user should hear.
    pub warnings: Vec<String>,
}

/// What became of one result.
enum Push {
    /// It is there, with so many bytes.
    Done(u64),
    NotKept,
    Left,
}

impl Session {
    /// Puts the results of all up-to-date jobs that `targets` need (none = the default rule) into the shared place of the
    /// session's cache. Nothing runs.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// use rulemake::cache::{Cache, CacheDirectory};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-push-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let shared = std::sync::Arc::new(CacheDirectory::new(root.join("team")));
    /// let cache = Cache::new(root.join("own")).shared(shared, false);
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let mut session = Session::builder(workflow).root(&root).cache(cache).open()?;
    /// assert!(session.run::<&str>(&[], &RunOptions::default())?.success());
    /// assert_eq!(session.push::<&str>(&[], &RunOptions::default())?.results, 1);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
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
                return Ok(Push::Left);
            }
            let check = compare_only(&cx, *id, Mode::Forecast).map_err(plan_error)?;
            let key = cached::key(&cx, *id, &check).filter(|_| check.reasons.is_empty());
            if key.is_some()
                && let Some((own, results)) = locked::results(&cx, *id, &check.fingerprint)
            {
                cached::pin(&cx, *id, &check, &own, &results);
                cache.push(&fingerprint::pin(&own, &results), cx.files.hasher());
            }
            Ok(match key {
                Some(key) if !cache.holds(&key) => Push::NotKept,
                Some(key) => cache.push(&key, cx.files.hasher()).map_or(Push::Left, Push::Done),
                None => Push::Left,
            })
        };
        let done: Result<Vec<Push>> = self.pool.install(|| jobs.par_iter().map(push).collect());
        let done = done?;
        let bytes = |push: &Push| match push {
            Push::Done(bytes) => Some(*bytes),
            Push::Left | Push::NotKept => None,
        };
        let results = done.iter().filter_map(bytes).count();
        Ok(Pushed {
            results,
            bytes: done.iter().filter_map(bytes).sum(),
            left: done.len() - results,
            not_kept: done.iter().filter(|push| matches!(push, Push::NotKept)).count(),
            warnings: cache.take_notices(),
        })
    }
}
