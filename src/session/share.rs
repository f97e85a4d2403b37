//! Results that are here and are put where they are found again: into the cache, and from there to where others find them.

use super::accept::LeftOut;
use super::{RunOptions, Session, plan_error};
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::cache::{Giving, Sharing, WouldPush};
use crate::engine::restore::{keep_as_it_is, were_accepted};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::job::JobId;
use crate::model::flags::{Flag, Flags};
use crate::plan::cached;
use crate::plan::check::{Check, Mode, compare_only, has_action};
use crate::plan::context::Context;
use crate::plan::locked;
use crate::trace::fingerprint;
use crate::trace::tree::{Entry, EntryContent};
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

/// How results are put into a shared place.
///
/// ```
/// let mut how = rulemake::inspect::PushOptions::default();
/// how.verify = true;
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PushOptions {
    /// What the place has already is read, all of it, and replaced where it is damaged.
    pub verify: bool,
    /// Nothing is put anywhere: what would be is counted.
    pub dry: bool,
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
    /// When nothing was put anywhere: results that the place has already, which are not among `results`.
    pub there: usize,
    /// Files that were found damaged in the place, and replaced.
    pub mended: usize,
    /// It was stopped before all was done; what was under way is not in the place.
    pub cancelled: bool,
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
    Stopped,
    /// It was there before.
    There,
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
    results: Vec<Digest>,
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
        self.push_with(targets, options, &PushOptions::default())
    }

    /// The same, in a way that may be chosen.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, inspect::PushOptions};
    /// /// Reads all that others get, and puts right what is damaged.
    /// fn mend(session: &Session) -> rulemake::Result<usize> {
    ///     let mut how = PushOptions::default();
    ///     how.verify = true;
    ///     Ok(session.push_with::<&str>(&[], &RunOptions::default(), &how)?.mended)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Session::push`].
    pub fn push_with<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        how: &PushOptions,
    ) -> Result<Pushed> {
        let cx = self.looking(targets, options)?;
        let Some(cache) = self.cache.as_ref().filter(|cache| cache.is_shared()) else {
            return Err(Error::new(ErrorKind::Environment, "there is no shared cache to put results into")
                .with_help(
                    "name one with `--cache-shared PLACE`, or with `shared` below `[cache]` in rulemake.toml",
                ));
        };
        let token = self.cancel.clone();
        cache.stop_when(move || token.ends_work());
        let push = |id: JobId| {
            if self.cancel.level().is_some() {
                return Ok(Push::Stopped);
            }
            let held = if how.dry { for_cache(&cx, id)?.map(Built::unkept) } else { in_cache(&cx, id)? };
            let InCache { check, key, results, .. } = match held {
                Ok(held) => held,
                Err(not) => return Ok(Push::Not(not)),
            };
            if how.dry {
                // What marks that it was touched is no content.
                let flags = &cx.rule(cx.job(id)).output_flags;
                let contents: Vec<Option<Digest>> = results
                    .iter()
                    .zip(flags)
                    .map(|(result, flags)| (!flags.has(Flag::Touch)).then_some(*result))
                    .collect();
                return Ok(match cache.would_push(&key, &contents) {
                    Some((WouldPush::New, size)) => Push::Done(size.unwrap_or_else(|| size_here(&cx, id))),
                    Some((WouldPush::IsThere, _)) => Push::There,
                    Some((WouldPush::Other, _)) => Push::Other,
                    None => Push::Refused,
                });
            }
            let mut giving = Giving { verifies: how.verify, is_named: false };
            if let Some((own, locked)) = locked::results(&cx, id, &check.fingerprint) {
                cached::pin(&cx, id, &check, &own, &locked);
                let named = cache.push(&fingerprint::pin(&own, &locked), cx.files.hasher(), giving).0;
                giving.is_named = named == Sharing::Done && locked == results;
            }
            Ok(match cache.push(&key, cx.files.hasher(), giving) {
                (Sharing::Done, bytes) => Push::Done(bytes),
                (Sharing::Other, bytes) if giving.is_named => Push::Done(bytes),
                (Sharing::Other, _) => Push::Other,
                (Sharing::Failed, _) if self.cancel.level().is_some() => Push::Stopped,
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
                Push::Stopped => pushed.cancelled = true,
                Push::There => pushed.there += 1,
            }
        }
        pushed.left = pushed.left_out.len();
        pushed.not_kept = because.len();
        pushed.mended = cache.take_mended();
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

/// A result that is up to date and may be kept.
struct Built {
    check: Check,
    key: Digest,
    results: Vec<Digest>,
    accepted: bool,
}

impl Built {
    fn unkept(self) -> InCache {
        let Built { check, key, results, .. } = self;
        InCache { check, key, results, is_new: false }
    }
}

/// Keeps the result of a job, if it is up to date and not kept yet.
///
/// # Errors
/// The outer one: the job cannot be looked at. The inner one: why the result is not there.
fn in_cache(cx: &Context, id: JobId) -> Result<std::result::Result<InCache, NotInCache>> {
    let Built { check, key, results, accepted } = match for_cache(cx, id)? {
        Ok(built) => built,
        Err(not) => return Ok(Err(not)),
    };
    if cached::holds(cx, id, &check, &key, &results) {
        return Ok(Ok(InCache { check, key, results, is_new: false }));
    }
    let kept = keep_as_it_is(cx, id, &key, &check.fingerprint, &results, accepted);
    let title = || cx.graph.info(id, &cx.workflow, &cx.paths).title();
    Ok(match kept {
        Ok(()) => Ok(InCache { check, key, results, is_new: true }),
        Err(why) => Err(NotInCache::NotKept(format!("{}: {why}", title()))),
    })
}

/// Bytes of the outputs of a job as they are.
fn size_here(cx: &Context, id: JobId) -> u64 {
    let in_tree = |entry: &Entry| match &entry.content {
        EntryContent::File { hash, .. } => hash.sig.size,
        EntryContent::Directory | EntryContent::Link(_) => 0,
    };
    let size = |path: &PathId, flags: &Flags| {
        let text = cx.paths.text(*path);
        match flags.has(Flag::Directory) {
            true => {
                let tree = cx.files.tree(*path, text, cx).ok().flatten();
                tree.map_or(0, |tree| tree.entries().iter().map(in_tree).sum())
            }
            false => cx.files.stat(*path, text).ok().flatten().map_or(0, |found| found.size),
        }
    };
    let job = cx.job(id);
    job.outputs.iter().zip(&cx.rule(job).output_flags).map(|(path, flags)| size(path, flags)).sum()
}

/// The result of a job, if it is up to date and may be kept.
///
/// # Errors
/// As [`in_cache`].
fn for_cache(cx: &Context, id: JobId) -> Result<std::result::Result<Built, NotInCache>> {
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
    Ok(Ok(Built { check, key, results, accepted }))
}

/// One warning for all that was not kept.
pub(super) fn not_kept(because: &[String]) -> Option<String> {
    let first = because.first()?;
    Some(match because.len() {
        1 => format!("the result of {first}, so it is not kept"),
        n => format!("{n} results are not kept, the first of them that of {first}"),
    })
}
