//! `Rulefile.lock`: results with what they were made from, for git. Written from what is up to date, and held against it.

use super::{RunOptions, Session, plan_error};
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::diag::{Problem, SourceMap, Span};
use crate::error::{Error, ErrorKind, Result};
use crate::files::lockfile;
use crate::graph::job::JobId;
use crate::matching::index::Scratch;
use crate::plan::cached;
use crate::plan::check::{Check, Mode, compare_only, has_action};
use crate::plan::context::Context;
use crate::plan::locked::{Held, HeldUse, as_if_locked};
use crate::store::read;
use crate::trace::fingerprint::{Origin, Trace};
use crate::trace::lock::{CONFLICT, Damage, LockFile, Locked, NAME};
use crate::trace::reason::Reason;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// What a run does with `Rulefile.lock`.
///
/// ```
/// use rulemake::RunOptions;
/// use rulemake::lock::LockUse;
/// let mut options = RunOptions::default();
/// options.lock = LockUse::Keep;
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum LockUse {
    /// What it says of results counts, where there is such a file: a file that holds the result that is locked is up to date,
    /// and of several results that the cache has of the same execution, that one is restored. It is not written.
    #[default]
    Read,
    /// And it is brought up to date when a run has ended.
    Keep,
    /// It is not even looked for.
    Ignore,
}

/// What [`Session::write_lock`] wrote.
///
/// ```
/// use rulemake::lock::LockWritten;
/// fn is_complete(written: &LockWritten) -> bool {
///     written.left.is_empty()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LockWritten {
    /// Lines of the file, one for each output.
    pub outputs: usize,
    /// Those that were not there before.
    pub added: usize,
    /// Those that said something else before.
    pub changed: usize,
    /// Those that are not there any more.
    pub removed: usize,
    /// Outputs of which a merge had left two lines, or one that only one side had: those are there that are true of what is here.
    pub settled: usize,
    /// Outputs that are not up to date: what the file said of them, it says still.
    pub left: Vec<LockDifference>,
}

/// An output of which the lock file says something else than what is here.
///
/// ```
/// use rulemake::lock::LockDifference;
/// fn tell(difference: &LockDifference) -> String {
///     format!("{} {}", difference.path, difference.kind)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LockDifference {
    /// The output.
    pub path: String,
    /// What is different.
    #[serde(flatten)]
    pub kind: LockMismatch,
}

/// How an output and its line in the lock file differ. Its text is the end of a sentence that the output begins.
///
/// ```
/// use rulemake::lock::LockMismatch;
/// assert_eq!(format!("a.txt {}", LockMismatch::NotLocked), "a.txt is not in the lock file");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LockMismatch {
    /// There is no line.
    NotLocked,
    /// The output is not up to date, so nothing can be said of it.
    NotUpToDate {
        /// Why, as a sentence without a full stop.
        because: String,
    },
    /// It was made from other inputs or by another rule than the one that is locked.
    MadeOtherwise,
    /// It was made from the same, and is something else.
    OtherResult {
        /// What is locked.
        locked: Digest,
        /// What is here.
        here: Digest,
    },
    /// There is a line, and no rule makes the file.
    NoRule,
}

impl std::fmt::Display for LockMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LockMismatch::NotLocked => f.write_str("is not in the lock file"),
            LockMismatch::NotUpToDate { because } => write!(f, "is not up to date: {because}"),
            LockMismatch::MadeOtherwise => {
                f.write_str("is locked as made from other inputs or by another rule")
            }
            LockMismatch::OtherResult { locked, here } => {
                write!(
                    f,
                    "is {} here and {} in the lock file, made from the same",
                    here.short(),
                    locked.short()
                )
            }
            LockMismatch::NoRule => f.write_str("is in the lock file, and no rule makes it"),
        }
    }
}

/// What [`Session::check_lock`] found.
///
/// ```
/// use rulemake::lock::LockCheck;
/// fn agrees(check: &LockCheck) -> bool {
///     check.differences.is_empty()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LockCheck {
    /// Outputs that were looked at.
    pub outputs: usize,
    /// Those of them that are not here, and that would be made of just what is locked: nothing is wrong with them, as in a new
    /// checkout.
    pub absent: usize,
    /// Those that differ, sorted by path.
    pub differences: Vec<LockDifference>,
}

/// What is here of a job's outputs.
pub(super) enum State {
    /// With the number of the run that made or took them; `None` when they came out of a cache, or the lock file alone knows
    /// them.
    Current {
        outputs: Vec<(PathId, Locked)>,
        run: Option<u32>,
    },
    Stale(String),
}

/// The lock file of a directory, if there is one and it is to be looked at.
pub(super) fn load(root: &Path, options: &RunOptions) -> Result<Option<Held>> {
    let use_ = match options.lock {
        LockUse::Ignore => return Ok(None),
        _ if options.only_restore => HeldUse::Wanted,
        LockUse::Read => HeldUse::Read,
        LockUse::Keep => HeldUse::Kept,
    };
    Ok(parsed(root)?.map(|(_, file)| Held::new(Arc::new(file), use_)))
}

fn parsed(root: &Path) -> Result<Option<(String, LockFile)>> {
    let Some(text) = lockfile::read(root)? else { return Ok(None) };
    match LockFile::parse(&text) {
        Ok(file) => Ok(Some((text, file))),
        Err(damage) => Err(damaged(root, &text, damage)),
    }
}

pub(super) fn damaged(root: &Path, text: &str, damage: Damage) -> Error {
    let start: usize = text.split_inclusive('\n').take(damage.line).map(str::len).sum();
    let length = text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, str::len);
    let mut sources = SourceMap::default();
    let source = sources.add(NAME, text);
    let problem = Problem::error(damage.code, damage.message)
        .at(Span::new(source, start, start + length), damage.here)
        .help(damage.help);
    Error::problems(ErrorKind::Workflow, &[problem], &sources).with_path(root.join(NAME))
}

impl Session {
    /// Writes what is up to date of the outputs that `targets` need (none = the default rule) into `Rulefile.lock`. Lines of
    /// other outputs stay as long as a rule makes them; with `prune` they go. In the session's cache what is locked is kept
    /// under that name, too, so that it is found whatever is made from the same later.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-lock-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let text = "rule a:\n    output: 'a.txt'\n    shell: 'echo a > {output}'\n";
    /// let mut session = Session::builder(Workflow::parse("Rulefile", text)?).root(&root).open()?;
    /// let options = RunOptions::default();
    /// assert!(session.run::<&str>(&[], &options)?.success());
    /// assert_eq!(session.write_lock::<&str>(&[], &options, false)?.added, 1);
    /// assert!(session.check_lock::<&str>(&[], &options)?.differences.is_empty());
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`]; [`ErrorKind::Workflow`] when the file that is there cannot be read (a conflict that a merge left can), and
    /// [`ErrorKind::Environment`] when it cannot be written.
    pub fn write_lock<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        prune: bool,
    ) -> Result<LockWritten> {
        self.bring_lock_up_to_date(targets, options, prune, None)
    }

    /// As [`Session::write_lock`] after a run: of what is made from the same as before the lines change only where this run
    /// made it, so that who has another result than the one that is locked does not take it back by running nothing.
    pub(super) fn keep_lock<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        run: u32,
    ) -> Result<()> {
        // What was forced is up to date now.
        let options =
            RunOptions { force: false, force_all: false, force_from: Vec::new(), ..options.clone() };
        self.bring_lock_up_to_date(targets, &options, false, Some(run)).map(drop)
    }

    fn bring_lock_up_to_date<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        prune: bool,
        after: Option<u32>,
    ) -> Result<LockWritten> {
        let Before { text, file: before, settled } = self.lock_before(targets, options)?;
        let cx =
            self.looking_with(targets, options, Some(Held::new(Arc::new(before.clone()), HeldUse::Read)))?;
        let mut file = before.clone();
        let mut written = LockWritten { settled, ..LockWritten::default() };
        let mut planned = FxHashSet::default();
        let states = self.states(&cx, true)?;
        let stays = after.map(|run| staying(&cx, &before, &states, run)).transpose()?.unwrap_or_default();
        for (id, state) in states {
            planned.extend(cx.job(id).outputs.iter().map(|path| cx.paths.text(*path)));
            match state {
                State::Current { .. } if stays.contains(&id) => {}
                State::Current { outputs, .. } => {
                    let lines = outputs.iter().map(|(path, now)| (cx.paths.text(*path).to_string(), *now));
                    file.lines.extend(lines);
                }
                State::Stale(because) => written.left.extend(stale(&cx, id, &because)),
            }
        }
        file.lines.retain(|path, _| planned.contains(&**path) || !prune && self.is_made(path));
        written.outputs = file.lines.len();
        written.added = file.lines.keys().filter(|path| !before.lines.contains_key(*path)).count();
        written.removed = before.lines.keys().filter(|path| !file.lines.contains_key(*path)).count();
        let says_else =
            |(path, now): &(&String, &Locked)| before.lines.get(*path).is_some_and(|then| then != *now);
        written.changed = file.lines.iter().filter(says_else).count();
        let anew = file.to_text();
        // A file that says nothing is not begun.
        let is_begun = text.is_some() || !file.lines.is_empty();
        if is_begun && text.as_deref() != Some(&anew) {
            lockfile::write(&self.root, &anew)?;
        }
        Ok(written)
    }

    /// Holds `Rulefile.lock` against the outputs that `targets` need (none = the default rule), and tells each that differs,
    /// is not up to date, or is locked and made by no rule. Nothing runs and nothing is written.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// let text = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// match session.check_lock::<&str>(&[], &RunOptions::default()) {
    ///     Ok(check) => check.differences.iter().for_each(|it| println!("{} {}", it.path, it.kind)),
    ///     Err(error) => println!("{error}"), // there is no Rulefile.lock to check
    /// }
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`]; [`ErrorKind::Workflow`] when there is no such file, or it cannot be read.
    pub fn check_lock<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions) -> Result<LockCheck> {
        let Some((_, file)) = parsed(&self.root)? else {
            let error = Error::new(ErrorKind::Workflow, format!("there is no {NAME} to check"));
            return Err(error.with_path(self.root.join(NAME)).with_help("`rulemake lock` writes it"));
        };
        let cx = self.looking(targets, options)?;
        let mut check = LockCheck::default();
        let states = self.states(&cx, false)?;
        let absent = absent(&cx, &file, &states)?;
        for (id, state) in states {
            match state {
                State::Current { outputs, .. } => {
                    check.outputs += outputs.len();
                    for (path, here) in outputs {
                        let path = cx.paths.text(path).to_string();
                        let kind = match file.lines.get(&path) {
                            None => LockMismatch::NotLocked,
                            Some(line) if line.fingerprint != here.fingerprint => LockMismatch::MadeOtherwise,
                            Some(line) if line.result != here.result => {
                                LockMismatch::OtherResult { locked: line.result, here: here.result }
                            }
                            Some(_) => continue,
                        };
                        check.differences.push(LockDifference { path, kind });
                    }
                }
                State::Stale(because) => {
                    let mut stale = stale(&cx, id, &because);
                    check.outputs += stale.len();
                    match absent.get(&id) {
                        Some(true) => check.absent += stale.len(),
                        Some(false) => {
                            stale.iter_mut().for_each(|it| it.kind = LockMismatch::MadeOtherwise);
                            check.differences.extend(stale);
                        }
                        None => check.differences.extend(stale),
                    }
                }
            }
        }
        let orphans = file.lines.keys().filter(|path| !self.is_made(path));
        check
            .differences
            .extend(orphans.map(|path| LockDifference { path: path.clone(), kind: LockMismatch::NoRule }));
        check.differences.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(check)
    }

    /// What the file says. Of a conflict that a merge left, the lines are taken that are true of what is here: those whose jobs
    /// would be executed with just what they name. Where both are, or their outputs are up to date, what is here decides
    /// after this.
    fn lock_before<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions) -> Result<Before> {
        let Some(text) = lockfile::read(&self.root)? else { return Ok(Before::default()) };
        match LockFile::parse(&text) {
            Ok(file) => return Ok(Before { text: Some(text), file, settled: 0 }),
            Err(damage) if damage.code == CONFLICT => {}
            Err(damage) => return Err(damaged(&self.root, &text, damage)),
        }
        let sides = LockFile::sides(&text).map_err(|damage| damaged(&self.root, &text, damage))?;
        let [ours, theirs] = &sides;
        let is_open = |path: &&String| ours.lines.get(*path) != theirs.lines.get(*path);
        let open: FxHashSet<&String> = ours.lines.keys().chain(theirs.lines.keys()).filter(is_open).collect();
        if open.is_empty() {
            // Marks around the same.
            return Ok(Before { text: Some(text), file: ours.clone(), settled: 1 });
        }
        let mut file = ours.clone();
        file.lines.retain(|path, _| !open.contains(path));
        for side in [ours, theirs] {
            let cx =
                self.looking_with(targets, options, Some(Held::new(Arc::new(side.clone()), HeldUse::Read)))?;
            for (path, line) in side.lines.iter().filter(|(path, _)| open.contains(path)) {
                if !file.lines.contains_key(path) && is_true(&cx, path, line)? {
                    file.lines.insert(path.clone(), *line);
                }
            }
        }
        Ok(Before { text: Some(text), file, settled: open.len() })
    }

    /// Whether a rule can make a file with this name.
    fn is_made(&self, path: &str) -> bool {
        let mut is_made = false;
        self.index.candidates(path, &mut Scratch::default(), |_| is_made = true);
        is_made
    }

    /// What the targets need, as far as that can be known without running anything.
    pub(super) fn looking<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions) -> Result<Context> {
        self.looking_with(targets, options, load(&self.root, options)?)
    }

    fn looking_with<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        lock: Option<Held>,
    ) -> Result<Context> {
        let mut cx = self.context_with(targets, options, &mut read(&self.state_dir())?, false, lock)?;
        if !cx.graph.open.is_empty() {
            // Where checkpoints are up to date it is known what needs them.
            self.verdicts(&mut cx, false)?;
        }
        Ok(cx)
    }

    /// What is here of all jobs that make files, by number. With `pin` the results of those that are up to date are kept in the
    /// cache as locked ones.
    pub(super) fn states(&self, cx: &Context, pin: bool) -> Result<Vec<(JobId, State)>> {
        let is_maker = |id: &JobId| {
            has_action(cx, *id) && cx.job(*id).outputs.iter().any(|path| cx.units.stream(*path).is_none())
        };
        let jobs: Vec<JobId> = (0..cx.graph.jobs.len() as u32).map(JobId).filter(is_maker).collect();
        let one = |id: &JobId| Ok((*id, state(cx, *id, pin)?));
        self.pool.install(|| jobs.par_iter().with_min_len(16).map(one).collect())
    }
}

/// Jobs of which nothing is here and all is locked, and whether they would be executed with just what is locked; what they
/// read and is not here counts as it is locked.
fn absent(cx: &Context, lock: &LockFile, states: &[(JobId, State)]) -> Result<FxHashMap<JobId, bool>> {
    let mut absent: FxHashMap<JobId, bool> = FxHashMap::default();
    let stale: FxHashSet<JobId> =
        states.iter().filter(|(_, state)| matches!(state, State::Stale(_))).map(|(id, _)| *id).collect();
    for id in cx.graph.order.iter().copied().filter(|id| stale.contains(id)) {
        let files = || cx.job(id).outputs.iter().filter(|path| cx.units.stream(**path).is_none());
        let is_gone = |path: &PathId| matches!(cx.files.stat(*path, cx.paths.text(*path)), Ok(None));
        let line = |path: &PathId| lock.lines.get(cx.paths.text(*path));
        if cx.graph.open.contains_key(&id) || !files().all(|path| is_gone(path) && line(path).is_some()) {
            continue;
        }
        let check = compare_only(cx, id, Mode::Forecast).map_err(plan_error)?;
        if check.is_open || !check.reasons.iter().all(Reason::may_be_of_absence) {
            continue;
        }
        let is_absent = |maker| absent.contains_key(&maker);
        let own = as_if_locked(cx, id, &check.fingerprint, &is_absent, lock).locked(&cx.paths);
        let is_it = files().all(|path| line(path).is_some_and(|line| line.fingerprint == own));
        absent.insert(id, is_it);
    }
    Ok(absent)
}

/// What the lock file says before it is written.
#[derive(Default)]
struct Before {
    /// `None` when there is none.
    text: Option<String>,
    file: LockFile,
    /// Lines that two sides of a merge had otherwise.
    settled: usize,
}

/// Whether the job of an output would be executed with just what its line says.
fn is_true(cx: &Context, path: &str, line: &Locked) -> Result<bool> {
    let job = cx.paths.find(path).and_then(|path| cx.graph.producer(path));
    let Some(id) = job.filter(|id| !cx.graph.open.contains_key(id)) else { return Ok(false) };
    let check = compare_only(cx, id, Mode::Forecast).map_err(plan_error)?;
    Ok(!check.is_open && check.fingerprint.locked(&cx.paths) == line.fingerprint)
}

/// The jobs whose lines stay although something else is here: another result of the same, that an earlier run made. The lines
/// of jobs that are made from each other stay or go together, for each names what the one before it gave.
fn staying(
    cx: &Context,
    before: &LockFile,
    states: &[(JobId, State)],
    after: u32,
) -> Result<FxHashSet<JobId>> {
    let line = |path: &PathId| before.lines.get(cx.paths.text(*path));
    let differs = |outputs: &[(PathId, Locked)]| outputs.iter().any(|(path, now)| line(path) != Some(now));
    let other = states.iter().filter_map(|(id, state)| match state {
        State::Current { outputs, run } if differs(outputs) => Some((*id, outputs, *run)),
        _ => None,
    });
    let other: Vec<_> = other.collect();
    let mut stays: FxHashSet<JobId> = other.iter().map(|(id, ..)| *id).collect();
    let mut goes: Vec<JobId> = Vec::new();
    for (id, outputs, run) in other {
        let own = || {
            let fingerprint = compare_only(cx, id, Mode::Forecast).map_err(plan_error)?.fingerprint;
            let is_other = |maker| stays.contains(&maker);
            Ok(as_if_locked(cx, id, &fingerprint, &is_other, before).locked(&cx.paths))
        };
        let is_new = run == Some(after) || outputs.iter().any(|(path, _)| line(path).is_none());
        if is_new || {
            let own = own()?;
            outputs.iter().any(|(path, _)| line(path).is_some_and(|line| line.fingerprint != own))
        } {
            goes.push(id);
        }
    }
    while let Some(id) = goes.pop() {
        if stays.remove(&id) {
            goes.extend(cx.job(id).needs.iter().copied().chain(cx.graph.consumers(id)));
        }
    }
    Ok(stays)
}

fn stale(cx: &Context, id: JobId, because: &str) -> Vec<LockDifference> {
    let files = cx.job(id).outputs.iter().filter(|path| cx.units.stream(**path).is_none());
    let difference = |path: &PathId| LockDifference {
        path: cx.paths.text(*path).to_string(),
        kind: LockMismatch::NotUpToDate { because: because.to_string() },
    };
    files.map(difference).collect()
}

fn state(cx: &Context, id: JobId, pin: bool) -> Result<State> {
    if cx.graph.open.contains_key(&id) {
        return Ok(State::Stale("a checkpoint has to run first".into()));
    }
    let check = compare_only(cx, id, Mode::Forecast).map_err(plan_error)?;
    if let Some(reason) = check.reasons.first() {
        return Ok(State::Stale(reason.to_string()));
    }
    if check.is_open {
        return Ok(State::Stale("a checkpoint has to run first".into()));
    }
    let job = cx.job(id);
    let Check { adopted, recorded, fingerprint, .. } = &check;
    let Some(results) = adopted.as_ref().map(|adopted| &adopted.results).or(recorded.as_ref()) else {
        return Ok(State::Stale("nothing is on record of it".into()));
    };
    let own = fingerprint.locked(&cx.paths);
    if pin {
        cached::pin(cx, id, &check, &own, results);
    }
    let files = job.outputs.iter().zip(results).filter(|(path, _)| cx.units.stream(**path).is_none());
    let outputs = files.map(|(path, result)| (*path, Locked { result: *result, fingerprint: own })).collect();
    let trace = job.outputs.first().and_then(|path| cx.view.trace(*path));
    // What came out of a cache was made by another run.
    let is_made = |trace: &Trace| adopted.is_none() && trace.origin != Origin::Restored;
    Ok(State::Current { outputs, run: trace.filter(is_made).map(|trace| trace.run) })
}
