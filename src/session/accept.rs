//! Takes what is on disk for the result of the rules as they are now, without running anything.

use super::share::not_kept;
use super::{RunOptions, Session, holder};
use crate::base::clock;
use crate::base::digest::Digest;
use crate::base::path::{PathId, normalise};
use crate::engine::restore::keep_as_it_is;
use crate::error::Result;
use crate::graph::info::JobInfo;
use crate::graph::job::JobId;
use crate::model::action::Action;
use crate::plan::cached;
use crate::plan::check::{Check, Mode, compare_only, has_action};
use crate::plan::context::Context;
use crate::plan::instance::Trouble;
use crate::plan::orphans::orphans;
use crate::plan::reported;
use crate::plan::trust::results_on_disk;
use crate::store::{Loaded, Record, Writer, boot_id, read};
use crate::trace::fingerprint::{Origin, Trace};
use crate::trace::reason::Reason;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::Serialize;

/// What [`Session::accept`] took for current.
///
/// ```
/// use rulemake::inspect::Accepted;
/// fn tell(accepted: &Accepted) -> String {
///     format!("{} jobs accepted, {} left out", accepted.accepted.len(), accepted.left.len())
/// }
/// ```
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
#[must_use]
pub struct Accepted {
    /// Number of the run under which it is on record; `None` when nothing is.
    pub run: Option<u32>,
    /// The jobs whose outputs count from now on as if they had made them.
    pub accepted: Vec<JobInfo>,
    /// How many jobs were up to date.
    pub up_to_date: usize,
    /// Jobs whose outputs cannot be taken, and why.
    pub left: Vec<LeftOut>,
    /// Jobs that count as current, but stand behind one that does not, and that one.
    pub uncertain: Vec<LeftOut>,
    /// Files that a rule made once and none makes now: they are sources from now on.
    pub sources: Vec<String>,
    /// What the user should hear besides, for example that a killed run had left a job running.
    pub warnings: Vec<String>,
}

/// A job whose outputs were not taken for current.
///
/// ```
/// use rulemake::inspect::LeftOut;
/// fn tell(left: &LeftOut) -> String {
///     format!("{}: {}", left.job.title(), left.because)
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// The job.
    pub job: JobInfo,
    /// Why, as a sentence without a full stop.
    pub because: String,
}

/// A job that is to be accepted.
struct Candidate {
    id: JobId,
    trace: Trace,
    /// Under which its result is kept in the cache, if it is.
    key: Option<Digest>,
    /// All that it made was temporary, and is gone.
    is_gone: bool,
}

impl Session {
    /// Takes what is on disk for the result of the rules as they are now: of the jobs that make `targets`, of all jobs of
    /// a rule, or, for a rule without an action, of all that it needs; with no target of all that the default rule
    /// needs. From then on they are up to date, until something changes; that nothing was executed stays on record.
    ///
    /// What a failed or interrupted job left is taken only when its file is named. Takes the lock; with `dry` it writes
    /// nothing and takes none.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n")?;
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-accept-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// std::fs::write(root.join("a.txt"), "made by hand")?;
    /// let mut session = Session::builder(workflow).root(&root).open()?;
    /// assert_eq!(session.accept(&["a.txt"], false)?.accepted.len(), 1);
    /// assert_eq!(session.plan(&["a.txt"], &Default::default())?.counts().up_to_date, 1);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`], and [`Locked`](crate::ErrorKind::Locked).
    pub fn accept<T: AsRef<str>>(&mut self, targets: &[T], dry: bool) -> Result<Accepted> {
        if dry {
            let mut loaded = read(&self.state_dir())?;
            let cx = self.accepting(targets, &mut loaded, false)?;
            let wanted = self.wanted(&cx, targets);
            let (mut accepted, _) = take(&cx, &wanted);
            accepted.sources = sources(&cx, targets);
            return Ok(accepted);
        }
        if !crate::disk::exists(&self.state_dir()) {
            // As with a run, a plan that cannot be made leaves nothing behind.
            self.accepting(targets, &mut read(&self.state_dir())?, false)?;
        }
        let (mut loaded, mut writer) = self.open_store(false, &holder("accept", targets))?;
        let mut warnings: Vec<String> = loaded.lost.take().into_iter().collect();
        // What still writes into a file makes of it what nobody accepted.
        warnings.extend(self.end_survivors(&loaded.view)?);
        let cx = self.accepting(targets, &mut loaded, true)?;
        let wanted = self.wanted(&cx, targets);
        let (mut accepted, candidates) = take(&cx, &wanted);
        accepted.warnings = warnings;
        accepted.sources = sources(&cx, targets);
        let forgotten = accepted.sources.iter().filter_map(|path| cx.paths.find(path));
        let records: Vec<Record<'_>> = forgotten.map(|path| Record::Forget { path }).collect();
        if !records.is_empty() {
            writer.append(&cx.paths, &records)?;
        }
        if !candidates.is_empty() {
            accepted.run = Some(cx.view.next_run());
            record(&cx, &candidates, &mut writer)?;
            accepted.warnings.extend(self.keep_accepted(&cx, &candidates));
        }
        Ok(accepted)
    }

    /// Keeps what was accepted in the cache, if there is one, unless that holds what the job itself made.
    fn keep_accepted(&self, cx: &Context, candidates: &[Candidate]) -> Vec<String> {
        let Some(cache) = &self.cache else { return Vec::new() };
        let keep = |Candidate { id, trace, key, .. }: &Candidate| {
            let key = key.as_ref().filter(|key| !cache.has_result(key))?;
            let kept = keep_as_it_is(cx, *id, key, &trace.fingerprint, &trace.results, true);
            let title = || cx.graph.info(*id, &cx.workflow, &cx.paths).title();
            kept.err().map(|why| format!("{}: {why}", title()))
        };
        let because: Vec<String> = self.pool.install(|| candidates.par_iter().filter_map(keep).collect());
        not_kept(&because).into_iter().chain(cache.take_notices()).collect()
    }

    fn accepting<T: AsRef<str>>(
        &self,
        targets: &[T],
        loaded: &mut Loaded,
        writable: bool,
    ) -> Result<Context> {
        let mut wanted = Vec::new();
        let mut any = targets.is_empty();
        for target in targets.iter().map(AsRef::as_ref) {
            match self.workflow.rule(target).is_some_and(|rule| !rule.wildcards.is_empty()) {
                // Its jobs are those that the default rule needs.
                true => any = true,
                false => wanted.push(target.to_string()),
            }
        }
        if any && let Some(rule) = self.workflow.default_rule() {
            wanted.push(rule.name().to_string());
        }
        let options = RunOptions::default();
        let mut cx = self.context(&wanted, &options, loaded, writable)?;
        if !cx.graph.open.is_empty() {
            // Where checkpoints are up to date it is known what needs them.
            self.verdicts(&mut cx, false)?;
        }
        Ok(cx)
    }

    /// The jobs that `targets` name, and whether each is named by a file.
    fn wanted<T: AsRef<str>>(&self, cx: &Context, targets: &[T]) -> Wanted {
        let mut wanted = Wanted { all: targets.is_empty(), ..Wanted::default() };
        for target in targets.iter().map(AsRef::as_ref) {
            match self.workflow.by_name.get(target) {
                Some(rule) if matches!(self.workflow.rules[*rule as usize].action, Action::None) => {
                    wanted.all = true;
                }
                Some(rule) => {
                    wanted.rules.insert(*rule);
                }
                None => {}
            }
        }
        let targets = cx.graph.targets.iter().filter(|id| {
            let rule = cx.job(**id).rule;
            // A rule by its name is no file.
            has_action(cx, **id)
                && !targets.iter().any(|t| self.workflow.by_name.get(t.as_ref()) == Some(&rule))
        });
        wanted.files.extend(targets.copied());
        wanted
    }
}

/// The files among `targets` that a rule made once and none makes now: from now on they are sources like others.
fn sources<T: AsRef<str>>(cx: &Context, targets: &[T]) -> Vec<String> {
    let orphans = orphans(cx);
    let is_named = |path: &str| targets.iter().any(|target| normalise(target.as_ref()) == path);
    orphans.into_iter().map(|orphan| orphan.path).filter(|path| is_named(path)).collect()
}

#[derive(Default)]
struct Wanted {
    all: bool,
    rules: FxHashSet<u32>,
    files: FxHashSet<JobId>,
}

/// Looks at each wanted job, producers first.
fn take(cx: &Context, wanted: &Wanted) -> (Accepted, Vec<Candidate>) {
    let info = |id| cx.graph.info(id, &cx.workflow, &cx.paths);
    let mut accepted = Accepted::default();
    let mut candidates = Vec::new();
    let mut current: FxHashSet<JobId> = FxHashSet::default();
    for id in cx.graph.order.iter().copied() {
        // Jobs that run at the same time are current together.
        let with = cx.units.with(id).map(|members| &members[..]).unwrap_or_default();
        let any = |is: &dyn Fn(&JobId) -> bool| is(&id) || with.iter().any(is);
        let named = any(&|job| wanted.files.contains(job));
        let is_wanted = wanted.all || named || any(&|job| wanted.rules.contains(&cx.job(*job).rule));
        if !is_wanted || !has_action(cx, id) {
            continue;
        }
        match candidate(cx, id, named) {
            Ok(Some(candidate)) => candidates.push(candidate),
            Ok(None) => {
                accepted.up_to_date += 1;
                current.insert(id);
            }
            Err(because) => accepted.left.push(LeftOut { job: info(id), because }),
        }
    }
    // A temporary file that is gone is nothing to take, unless what was made from it is there.
    let mut kept: FxHashSet<JobId> = current.clone();
    for candidate in candidates.iter().rev() {
        if !candidate.is_gone || cx.graph.consumers(candidate.id).any(|consumer| kept.contains(&consumer)) {
            kept.insert(candidate.id);
        }
    }
    let (taken, gone): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(|candidate| kept.contains(&candidate.id));
    let because = "it is not there, nor what was made from it";
    accepted.left.extend(gone.iter().map(|gone| LeftOut { job: info(gone.id), because: because.into() }));
    accepted.accepted = taken.iter().map(|candidate| info(candidate.id)).collect();
    accepted.uncertain = uncertain(cx, &kept);
    (accepted, taken)
}

/// Jobs that count as current while something before them does not: it is made first, and may come out different.
fn uncertain(cx: &Context, kept: &FxHashSet<JobId>) -> Vec<LeftOut> {
    let mut stale: FxHashSet<JobId> = FxHashSet::default();
    let mut found = Vec::new();
    for id in cx.graph.order.iter().copied() {
        let title = |job: &JobId| cx.graph.info(*job, &cx.workflow, &cx.paths).title();
        let before = cx.job(id).needs.iter().find(|need| stale.contains(need));
        if let (Some(before), true) = (before, kept.contains(&id)) {
            let because =
                format!("{} is not up to date: if it comes out different, this is made again", title(before));
            found.push(LeftOut { job: cx.graph.info(id, &cx.workflow, &cx.paths), because });
        }
        let is_current = || {
            kept.contains(&id)
                || compare_only(cx, id, Mode::Forecast).is_ok_and(|check| check.reasons.is_empty())
        };
        if before.is_some() || has_action(cx, id) && !cx.graph.open.contains_key(&id) && !is_current() {
            stale.insert(id);
        }
    }
    found
}

/// `None`: it is up to date.
fn candidate(cx: &Context, id: JobId, named: bool) -> Result<Option<Candidate>, String> {
    let message = |trouble: Trouble| trouble.message;
    if cx.graph.open.contains_key(&id) {
        return Err("a checkpoint has to run first".into());
    }
    let job = cx.job(id);
    let found = compare_only(cx, id, Mode::Final).map_err(message)?;
    if found.reasons.is_empty() {
        return Ok(None);
    }
    if let Some(because) = unfit(&found, named) {
        return Err(because);
    }
    let trace = job.outputs.first().and_then(|output| cx.view.trace(*output));
    let results = results_on_disk(cx, job, &found.fingerprint, trace.as_ref(), true).map_err(message)?;
    let is_there = |path: &PathId| matches!(cx.files.stat(*path, cx.paths.text(*path)), Ok(Some(_)));
    let is_gone = !job.outputs.iter().any(is_there);
    for (index, (path, digest)) in job.outputs.iter().zip(&results).enumerate() {
        if cx.is_temp(job, index) && !is_there(path) {
            cx.temps.publish(*path, *digest);
        }
    }
    let key = cached::key(cx, id, &found);
    let run = cx.view.next_run();
    let trace = Trace {
        rule: cx.rule(job).name.clone(),
        fingerprint: found.fingerprint,
        results,
        run,
        job: id.0,
        duration_ms: 0,
        origin: Origin::Accepted,
        reported: reported::of(cx, job).iter().map(reported::bound).collect(),
    };
    Ok(Some(Candidate { id, trace, key, is_gone }))
}

/// Why what is there may not be taken.
fn unfit(check: &Check, named: bool) -> Option<String> {
    check.reasons.iter().find_map(|reason| match reason {
        Reason::NoOutputs | Reason::OutputMissing { .. } | Reason::OutputKindChanged { .. } => {
            Some(reason.to_string())
        }
        Reason::RunningNow { .. } => Some(reason.to_string()),
        Reason::Interrupted { .. } | Reason::FailedBefore { .. } if !named => {
            Some(format!("{reason}; name its file to take it all the same"))
        }
        _ => None,
    })
}

fn record(cx: &Context, candidates: &[Candidate], writer: &mut Writer) -> Result<()> {
    let run = cx.view.next_run();
    let (boot_id, time_ms) = (boot_id(), clock::wall_ms());
    let refreshed = cx.files.take_refreshed();
    let mut records = vec![Record::RunStarted { run, boot_id: &boot_id, time_ms }];
    let mut defined = FxHashSet::default();
    for Candidate { id, trace, .. } in candidates {
        let rule = cx.job(*id).rule;
        let facts = &cx.facts[rule as usize];
        if defined.insert(rule) && cx.view.definition(&facts.definition).is_none() {
            records.push(Record::Definition { digest: facts.definition, text: &facts.text });
        }
        records.push(Record::Traced(trace));
    }
    records.extend(refreshed.iter().filter_map(|(path, known)| Record::known(*path, known)));
    records.push(Record::RunEnded { run });
    writer.append(&cx.paths, &records)?;
    writer.sync()
}
