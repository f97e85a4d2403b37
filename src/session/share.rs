//! Results that are here and are put where they are found again: into the cache, and from there to where others find them.

use super::accept::LeftOut;
use super::{RunOptions, Session, plan_error};
use crate::base::digest::Digest;
use crate::cache::Sharing;
use crate::engine::restore::{keep_as_it_is, were_accepted};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::job::JobId;
use crate::plan::cached;
use crate::plan::check::{Check, Mode, compare_only, has_action};
use crate::plan::context::Context;
use crate::plan::locked;
use crate::trace::fingerprint;
use rayon::prelude::*;
use serde::Serialize;

/// What [`Session::add_to_cache`] did.
///
/// ```
/// use rulemake::inspect::Added;
/// fn is_all(added: &Added) -> bool {
///     added.left == 0 && added.not_kept == 0
/// }
/// ```
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Added {
    /// Results that are in the cache now.
    pub results: usize,
    /// Those of them that were not before.
    pub added: usize,
    /// Jobs that are not up to date, or not for the cache.
    pub left: usize,
    /// These jobs, each with the reason.
    pub left_out: Vec<LeftOut>,
    /// Results that are up to date and were not kept all the same; the warnings say why.
    pub not_kept: usize,
    /// What the user should hear.
    pub warnings: Vec<String>,
}

/// What [`Session::push`] did.
///
/// ```
/// use rulemake::inspect::Pushed;
/// fn is_all(pushed: &Pushed) -> bool {
///     pushed.left == 0 && pushed.refused == 0
/// }
/// ```
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Pushed {
    /// Results that are in the shared place now.
    pub results: usize,
    /// Bytes of their files.
    pub bytes: u64,
    /// Jobs that are not up to date, or not for the cache.
    pub left: usize,
    /// These jobs, each with the reason.
    pub left_out: Vec<LeftOut>,
    /// Results that are up to date and could not be kept in the session's own cache first; the warnings say why.
    pub not_kept: usize,
    /// Results of which the place has another one, made from the same: that one stays.
    pub others: usize,
    /// Results that the place did not take; the warnings say why.
    pub refused: usize,
    /// What the user should hear.
    pub warnings: Vec<String>,
}

/// What became of one result.
enum Push {
    /// It is there, with so many bytes.
    Done(u64),
    Not(NotInCache),
    Other,
    Refused,
}

/// Why a result is not in the cache.
enum NotInCache {
    /// Its job is not up to date or not for the cache.
    Left(LeftOut),
    NotKept(String),
}

/// A result that is up to date, in the cache.
struct InCache {
    check: Check,
    key: Digest,
    is_new: bool,
}

impl Session {
    /// Puts the results of all up-to-date jobs that `targets` need (none = the default rule) into the session's cache, also those
    /// that were made while there was none. All files of those are read again, for what is kept has to be what is on record.
    /// Nothing runs.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// use rulemake::cache::Cache;
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-add-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// # let text = "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n";
    /// let mut session = Session::builder(Workflow::parse("Rulefile", text)?).root(&root).open()?;
    /// assert!(session.run::<&str>(&[], &RunOptions::default())?.success());
    /// // Later somebody wants a cache.
    /// let workflow = Workflow::parse("Rulefile", text)?;
    /// let session = Session::builder(workflow).root(&root).cache(Cache::new(root.join("cache"))).open()?;
    /// assert_eq!(session.add_to_cache::<&str>(&[], &RunOptions::default())?.added, 1);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`]; [`ErrorKind::Environment`] when the session has no cache.
    pub fn add_to_cache<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions) -> Result<Added> {
        let cx = self.looking(targets, options)?;
        let Some(cache) = &self.cache else {
            return Err(Error::new(ErrorKind::Environment, "there is no cache to put results into")
                .with_help("name one with `--cache DIR`, or with `dir` below `[cache]` in rulemake.toml"));
        };
        let done = self.each_job(&cx, |id| in_cache(&cx, id))?;
        let mut added = Added::default();
        let mut because = Vec::new();
        for one in done {
            match one {
                Ok(InCache { is_new, .. }) => {
                    added.results += 1;
                    added.added += usize::from(is_new);
                }
                Err(NotInCache::Left(left)) => added.left_out.push(left),
                Err(NotInCache::NotKept(why)) => because.push(why),
            }
        }
        added.left = added.left_out.len();
        added.not_kept = because.len();
        added.warnings = not_kept(&because).into_iter().chain(cache.take_notices()).collect();
        Ok(added)
    }

    /// Puts the results of all up-to-date jobs that `targets` need (none = the default rule) into the shared place of the
    /// session's cache, and before that into the cache, as [`Session::add_to_cache`] does. Of what is made from the same the first
    /// result stays there; who wants another one locks it. Nothing runs.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// use rulemake::cache::{Cache, CacheDirectory};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-push-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let shared = std::sync::Arc::new(CacheDirectory::new(root.join("team")));
    /// shared.create()?;
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
        let cx = self.looking(targets, options)?;
        let Some(cache) = self.cache.as_ref().filter(|cache| cache.is_shared()) else {
            return Err(Error::new(ErrorKind::Environment, "there is no shared cache to put results into")
                .with_help(
                    "name one with `--cache-shared PLACE`, or with `shared` below `[cache]` in rulemake.toml",
                ));
        };
        let push = |id: JobId| {
            let InCache { check, key, .. } = match in_cache(&cx, id)? {
                Ok(held) => held,
                Err(not) => return Ok(Push::Not(not)),
            };
            if let Some((own, results)) = locked::results(&cx, id, &check.fingerprint) {
                cached::pin(&cx, id, &check, &own, &results);
                cache.push(&fingerprint::pin(&own, &results), cx.files.hasher());
            }
            Ok(match cache.push(&key, cx.files.hasher()) {
                (Sharing::Done, bytes) => Push::Done(bytes),
                (Sharing::Other, _) => Push::Other,
                (Sharing::Failed, _) => Push::Refused,
            })
        };
        let mut pushed = Pushed::default();
        let mut because = Vec::new();
        for one in self.each_job(&cx, push)? {
            match one {
                Push::Done(bytes) => {
                    pushed.results += 1;
                    pushed.bytes += bytes;
                }
                Push::Not(NotInCache::Left(left)) => pushed.left_out.push(left),
                Push::Not(NotInCache::NotKept(why)) => because.push(why),
                Push::Other => pushed.others += 1,
                Push::Refused => pushed.refused += 1,
            }
        }
        pushed.left = pushed.left_out.len();
        pushed.not_kept = because.len();
        pushed.warnings = not_kept(&because).into_iter().chain(cache.take_notices()).collect();
        Ok(pushed)
    }

    /// Asks for each job that does something, on the pool.
    fn each_job<T: Send>(&self, cx: &Context, ask: impl Fn(JobId) -> Result<T> + Sync) -> Result<Vec<T>> {
        let jobs: Vec<JobId> =
            (0..cx.graph.jobs.len() as u32).map(JobId).filter(|id| has_action(cx, *id)).collect();
        self.pool.install(|| jobs.par_iter().map(|id| ask(*id)).collect())
    }
}

/// Keeps the result of a job, if it is up to date and not kept yet.
///
/// # Errors
/// The outer one: the job cannot be looked at. The inner one: why the result is not there.
fn in_cache(cx: &Context, id: JobId) -> Result<std::result::Result<InCache, NotInCache>> {
    let left = |because: String| {
        let job = cx.graph.info(id, &cx.workflow, &cx.paths);
        Ok(Err(NotInCache::Left(LeftOut { job, because })))
    };
    if cx.graph.open.contains_key(&id) {
        return left("a checkpoint has to run first".into());
    }
    let check = compare_only(cx, id, Mode::Forecast).map_err(plan_error)?;
    let results = check.adopted.as_ref().map(|adopted| &adopted.results).or(check.recorded.as_ref());
    if let Some(reason) = check.reasons.first() {
        return left(format!("not up to date: {reason}"));
    }
    let (Some(key), Some(results)) = (cached::key(cx, id, &check), results.cloned()) else {
        return left(match cx.rule(cx.job(id)).cached {
            false => crate::JobFailure::NOT_FOR_CACHE.into(),
            true => "the cache holds no results of this kind".into(),
        });
    };
    let accepted = were_accepted(cx, id, &results);
    // What somebody took for the result is nobody else's, unless a lock file names it.
    let key = match locked::pinned(cx, id, &check) {
        _ if !accepted => key,
        Some((pin, wanted)) if wanted == results => pin,
        _ => return left("it was accepted as it is, and not made: once `rulemake lock` records it, it is kept as what the lock file names".into()),
    };
    if cached::holds(cx, id, &check, &key, &results) {
        return Ok(Ok(InCache { check, key, is_new: false }));
    }
    let kept = keep_as_it_is(cx, id, &key, &check.fingerprint, &results, accepted);
    let title = || cx.graph.info(id, &cx.workflow, &cx.paths).title();
    Ok(match kept {
        Ok(()) => Ok(InCache { check, key, is_new: true }),
        Err(why) => Err(NotInCache::NotKept(format!("{}: {why}", title()))),
    })
}

/// One warning for all that was not kept.
pub(super) fn not_kept(because: &[String]) -> Option<String> {
    let first = because.first()?;
    Some(match because.len() {
        1 => format!("the result of {first}, so it is not kept"),
        n => format!("{n} results are not kept, the first of them that of {first}"),
    })
}
