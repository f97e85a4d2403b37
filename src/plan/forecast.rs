//! The dry run: what is known before anything runs.
//!
//! Promise: a job that is said to run does run, unless a failure keeps it or those who need its temporary files, and one
//! that is said to be up to date does not. With a cache one that is said to run may be restored all the same, if what runs
//! before it makes what was made before. What hangs on the content of a file that will be made anew *may* run.

mod restores;
mod standing;

use crate::base::path::PathId;
use crate::diag::Problem;
use crate::graph::checkpoints::CheckpointJob;
use crate::graph::grow::{Growth, MOST_NEW_JOBS};
use crate::graph::job::JobId;
use crate::matching::index::PatternIndex;
use crate::plan::aliases::Ground;
use crate::plan::check::{Check, Mode, check, check_unit, has_action, refuse};
use crate::plan::context::{Context, Sources};
use crate::plan::inputs;
use crate::plan::instance::{NAME_AN_OUTPUT, Pending, Trouble};
use crate::plan::plan::Verdict;
use crate::plan::units::Inspection;
use crate::trace::fingerprint::Origin;
use crate::trace::reason::Reason;
use rayon::prelude::*;
use restores::Restores;
use rustc_hash::{FxHashMap, FxHashSet};
use standing::{News, Standing};

/// What of a check counts before a run: fingerprints of all jobs of a big plan would fill the memory.
struct Finding {
    reasons: Vec<Reason>,
    rest: Option<Box<Rest>>,
}

/// What the checks of few jobs find; see [`Check`].
#[derive(Default)]
struct Rest {
    absent: Vec<PathId>,
    assumed: Vec<PathId>,
    excused: Vec<PathId>,
    pending: Vec<Pending>,
    /// Somebody edited its outputs, and they are the result.
    is_adopted: bool,
}

impl Finding {
    fn of(check: Check) -> Finding {
        let Check { reasons, absent, assumed, excused, pending, adopted, .. } = check;
        let is_adopted = adopted.is_some_and(|adopted| adopted.origin == Origin::Accepted);
        let is_empty = absent.is_empty()
            && assumed.is_empty()
            && excused.is_empty()
            && pending.is_empty()
            && !is_adopted;
        let rest = (!is_empty).then(|| Box::new(Rest { absent, assumed, excused, pending, is_adopted }));
        Finding { reasons, rest }
    }

    fn absent(&self) -> &[PathId] {
        self.rest.as_ref().map_or(&[], |rest| &rest.absent)
    }

    fn assumed(&self) -> &[PathId] {
        self.rest.as_ref().map_or(&[], |rest| &rest.assumed)
    }

    fn excused(&self) -> &[PathId] {
        self.rest.as_ref().map_or(&[], |rest| &rest.excused)
    }

    fn is_adopted(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.is_adopted)
    }

    fn pending(&self) -> &[Pending] {
        self.rest.as_ref().map_or(&[], |rest| &rest.pending)
    }
}

/// By job number; `None` for a job that is not checked.
type Findings = Vec<Option<Result<Finding, Box<Trouble>>>>;

/// A verdict per job, by job number. Where a checkpoint is up to date the graph grows by what it says, so that a plan
/// after a whole run is complete.
///
/// What keeps a job from running that will is told in place of its verdict, unless `refusals` are not asked for. Of a job
/// that only may run it is no mistake.
///
/// # Errors
/// What is wrong with what was added.
pub(crate) fn forecast(
    cx: &mut Context,
    index: &PatternIndex,
    pool: &rayon::ThreadPool,
    refusals: bool,
) -> Result<Vec<Result<Verdict, Box<Trouble>>>, Vec<Problem>> {
    let mut checks = Findings::new();
    let all: Vec<JobId> = (0..cx.graph.jobs.len() as u32).map(JobId).collect();
    check_all(cx, &all, pool, &mut checks);
    loop {
        let restores = restores::foresee(cx, pool, &mut checks);
        let mut verdicts = verdicts(cx, &mut checks, &restores);
        let mut standing = Standing::of(cx, &checks, &verdicts);
        let mut news = standing.news(cx, &checks);
        if news.is_empty() {
            if refusals {
                pool.install(|| refuse_running(cx, &checks, &mut verdicts));
            }
            return Ok(verdicts);
        }
        while !news.is_empty() {
            let changed = grow(cx, index, pool, news, &standing)?;
            check_all(cx, &changed, pool, &mut checks);
            let tells = standing.follow(cx, &checks, &changed);
            // Where nobody is open any more it is looked at who is unordered.
            if !tells || cx.graph.open.is_empty() {
                break;
            }
            #[cfg(test)]
            standing.compare(&judged(cx, pool, &mut checks));
            news = standing.news(cx, &checks);
        }
        cx.graph.reorder();
    }
}

/// What is followed, judged as a whole.
#[cfg(test)]
fn judged(
    cx: &mut Context,
    pool: &rayon::ThreadPool,
    checks: &mut Findings,
) -> Vec<Result<Verdict, Box<Trouble>>> {
    cx.graph.reorder();
    let restores = restores::foresee(cx, pool, checks);
    verdicts(cx, checks, &restores)
}

fn refuse_running(cx: &Context, checks: &Findings, verdicts: &mut [Result<Verdict, Box<Trouble>>]) {
    let refused = |id: usize, verdict: &mut Result<Verdict, Box<Trouble>>| {
        if let (Ok(Verdict::Run { reasons }), Some(Ok(check))) = (&*verdict, &checks[id])
            && let Err(trouble) = refuse(cx, cx.job(JobId(id as u32)), reasons, check.assumed())
        {
            *verdict = Err(Box::new(trouble));
        }
    };
    verdicts.par_iter_mut().with_min_len(64).enumerate().for_each(|(id, verdict)| refused(id, verdict));
}

/// Checks these jobs, but for those that do not know their inputs yet.
fn check_all(cx: &Context, jobs: &[JobId], pool: &rayon::ThreadPool, checks: &mut Findings) {
    checks.resize_with(cx.graph.jobs.len(), || None);
    let one = |job: &JobId| {
        let is_checked =
            has_action(cx, *job) && !cx.graph.open.contains_key(job) && cx.units.with(*job).is_none();
        is_checked.then(|| check(cx, *job, Mode::Forecast).map(Finding::of).map_err(Box::new))
    };
    let is_all = jobs.len() == checks.len() && jobs.iter().zip(0..).all(|(job, number)| job.0 == number);
    if is_all {
        // In place: a big plan has no room for two lists.
        let slots = checks.par_iter_mut().zip(jobs).with_min_len(64);
        pool.install(|| slots.for_each(|(slot, job)| *slot = one(job)));
    } else {
        let found: Vec<_> = pool.install(|| jobs.par_iter().with_min_len(64).map(one).collect());
        for (job, check) in jobs.iter().zip(found) {
            checks[job.index()] = check;
        }
    }
    let mut units: Vec<JobId> =
        jobs.iter().filter(|job| cx.units.with(**job).is_some()).map(|job| cx.units.leader(*job)).collect();
    units.sort_unstable();
    units.dedup();
    let members = |leader: &JobId| cx.units.members(*leader).map(|members| &members[..]).unwrap_or_default();
    let one = |leader: &JobId| check_unit(cx, members(leader), Mode::Forecast);
    let found: Vec<_> = pool.install(|| units.par_iter().map(one).collect());
    for (job, check) in units.iter().flat_map(members).zip(found.into_iter().flatten()) {
        let check = check.map(Finding::of).map_err(Box::new);
        checks[job.index()] = Some(check).filter(|_| !cx.graph.open.contains_key(job));
    }
    refuse_unordered(cx, checks);
}

/// A job whose params look at a checkpoint that it does not come after could start before it: that is an error. While
/// some inputs are not known, nobody can say.
fn refuse_unordered(cx: &Context, checks: &mut Findings) {
    if !cx.graph.open.is_empty() {
        return;
    }
    let mut after: FxHashMap<Pending, FxHashSet<JobId>> = FxHashMap::default();
    for (id, slot) in (0..).map(JobId).zip(checks) {
        let Some(Ok(check)) = slot else { continue };
        let unordered = check.pending().iter().find(|pending| {
            let after = after.entry((*pending).clone()).or_insert_with(|| all_after(cx, pending));
            !after.contains(&id)
        });
        if let Some((checkpoint, _)) = unordered {
            let rule = &cx.rule(cx.job(id)).name;
            *slot = Some(Err(Box::new(Trouble {
                message: format!(
                    "params of rule `{rule}` look at checkpoint `{checkpoint}`, which need not have ended before"
                ),
                help: Some(NAME_AN_OUTPUT.into()),
            })));
        }
    }
}

/// All jobs that cannot start before the job of a checkpoint has ended.
fn all_after(cx: &Context, pending: &Pending) -> FxHashSet<JobId> {
    let mut after = FxHashSet::default();
    let mut todo: Vec<JobId> = pending_job(cx, pending).into_iter().collect();
    while let Some(job) = todo.pop() {
        todo.extend(cx.graph.consumers(job).filter(|consumer| after.insert(*consumer)));
    }
    after
}

fn pending_job(cx: &Context, (name, wildcards): &Pending) -> Option<JobId> {
    let job = CheckpointJob::find(name, wildcards, &cx.workflow).ok()?;
    let mut output = String::new();
    job.render_output(&cx.workflow, &mut output);
    let id = cx.graph.producer(cx.paths.find(&output)?)?;
    job.is(cx.job(id)).then_some(id)
}

/// Lets the graph grow by the news; returns the jobs that are new, or have other inputs or params now.
fn grow(
    cx: &mut Context,
    index: &PatternIndex,
    pool: &rayon::ThreadPool,
    news: News,
    standing: &Standing,
) -> Result<Vec<JobId>, Vec<Problem>> {
    let News { due, known: mut changed } = news;
    let grown = Growth {
        workflow: &cx.workflow,
        index,
        paths: &mut cx.paths,
        graph: &mut cx.graph,
        probe: &Sources { root: &cx.root, trust: &cx.trust, view: &cx.view, gone: &cx.gone, files: None },
        pool: Some(pool),
        is_final: &|job| standing.is_fresh(job),
        most: MOST_NEW_JOBS,
    }
    .grow(&due);
    let problems: Vec<Problem> = grown.failed.into_iter().flat_map(|(_, problems)| problems).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let new = (grown.first..cx.graph.jobs.len() as u32).map(JobId);
    cx.units.extend(&cx.workflow, &cx.graph, new.clone().chain(due.iter().copied()));
    let (workflow, graph, paths) = (&cx.workflow, &cx.graph, &cx.paths);
    let mut problems = Inspection { workflow, graph, paths, units: &cx.units }.all();
    problems.extend(cx.aliases.inspect(&Ground { workflow, graph, paths, view: &cx.view }));
    if !problems.is_empty() {
        return Err(problems);
    }
    cx.force.spread(&cx.graph, grown.order.iter().chain(&due).copied());
    changed.extend(grown.changed.into_iter().map(|changed| changed.job));
    cx.temps.keep_wanted(&cx.workflow, &cx.graph, changed.iter().copied());
    changed.extend(new);
    Ok(changed)
}

/// The verdicts. Of a job whose edited outputs are the result, and which has to run all the same because somebody needs a
/// temporary file that it makes beside them, the edit does not stay: who reads it may find what was there before. So
/// everything is looked at again with that known, until no such job comes to light.
fn verdicts(cx: &Context, checks: &mut Findings, restores: &Restores) -> Vec<Result<Verdict, Box<Trouble>>> {
    let mut not_kept: FxHashSet<JobId> = FxHashSet::default();
    loop {
        let verdicts = verdicts_with(cx, checks, restores, &not_kept);
        let before = not_kept.len();
        if cx.trust.keep_edited {
            let adopted =
                |check: &Option<Result<Finding, _>>| matches!(check, Some(Ok(check)) if check.is_adopted());
            let all = (0..).map(JobId).zip(checks.iter().zip(&verdicts));
            let runs = all.filter(|(_, (check, verdict))| adopted(check) && !is_up_to_date(verdict));
            not_kept.extend(runs.map(|(id, _)| id));
        }
        if not_kept.len() == before {
            return verdicts;
        }
    }
}

fn is_up_to_date(verdict: &Result<Verdict, Box<Trouble>>) -> bool {
    matches!(verdict, Ok(Verdict::UpToDate))
}

/// What the checks say together. Where nobody will ask once more, their reasons are handed over, not copied.
fn verdicts_with(
    cx: &Context,
    checks: &mut Findings,
    restores: &Restores,
    not_kept: &FxHashSet<JobId>,
) -> Vec<Result<Verdict, Box<Trouble>>> {
    let pends = |check: &Option<Result<Finding, Box<Trouble>>>| matches!(check, Some(Ok(check)) if !check.pending().is_empty());
    let is_last = cx.graph.open.is_empty() && !cx.trust.keep_edited && !checks.iter().any(pends);
    let mut verdicts: Vec<Result<Verdict, Box<Trouble>>> = vec![Ok(Verdict::UpToDate); cx.graph.jobs.len()];
    // Jobs that run or may run and read temporary files that are gone.
    let mut lacking: Vec<(JobId, Vec<PathId>)> = Vec::new();
    for id in &cx.graph.order {
        if let Some(open) = cx.graph.open.get(id) {
            verdicts[id.index()] = Ok(Verdict::AfterCheckpoint { checkpoints: titles(cx, &open.on) });
            continue;
        }
        let remade = remade(cx, *id, &verdicts, restores);
        verdicts[id.index()] = match &mut checks[id.index()] {
            None => Ok(without_action(cx, &remade)),
            Some(Ok(check)) => {
                if !check.absent().is_empty() {
                    lacking.push((*id, check.absent().to_vec()));
                }
                let reasons =
                    if is_last { std::mem::take(&mut check.reasons) } else { check.reasons.clone() };
                if restores.has(*id) {
                    verdicts[id.index()] = Ok(Verdict::Restore { reasons });
                    continue;
                }
                match verdict(cx, reasons, check.pending(), &remade) {
                    Verdict::UpToDate if not_kept.contains(id) => {
                        let gone = cx.temps_of(*id).filter(|path| cx.held(*path).is_some());
                        Ok(Verdict::May { inputs: texts(cx, &gone.collect::<Vec<_>>()) })
                    }
                    Verdict::UpToDate => Ok(unless_updated(cx, check.excused(), &verdicts, restores)),
                    verdict => Ok(verdict),
                }
            }
            Some(Err(trouble)) => Err(trouble.clone()),
        };
    }
    if !lacking.is_empty() || !cx.units.is_empty() {
        raise_all(cx, lacking, restores, &mut verdicts);
    }
    verdicts
}

/// A state that was not read counts for nothing unless it is about to be changed: then it has to be read before.
fn unless_updated(
    cx: &Context,
    excused: &[PathId],
    verdicts: &[Result<Verdict, Box<Trouble>>],
    restores: &Restores,
) -> Verdict {
    let may_change = |path: &&PathId| {
        cx.graph.producer(**path).is_some_and(|changer| !remade(cx, changer, verdicts, restores).is_empty())
    };
    let inputs: Vec<PathId> = excused.iter().filter(may_change).copied().collect();
    if inputs.is_empty() { Verdict::UpToDate } else { Verdict::May { inputs: texts(cx, &inputs) } }
}

fn titles(cx: &Context, jobs: &[JobId]) -> Vec<String> {
    jobs.iter().map(|job| cx.graph.info(*job, &cx.workflow, &cx.paths).title()).collect()
}

/// Producers of temporary files that are gone run when a job that reads them does, and so do all that run with a job. What
/// they make may come out different, so what else reads it may run, and need such files in turn: until nothing changes.
/// Verdicts only rise, so each job is looked at a few times at most.
fn raise_all(
    cx: &Context,
    lacking: Vec<(JobId, Vec<PathId>)>,
    restores: &Restores,
    verdicts: &mut [Result<Verdict, Box<Trouble>>],
) {
    let absent: FxHashMap<JobId, Vec<PathId>> = lacking.into_iter().collect();
    let mut raised: Vec<JobId> = absent.keys().copied().collect();
    raised.extend(cx.units.all().flat_map(|(_, members)| members.iter().copied()));
    raised.sort_unstable();
    raised.dedup();
    while let Some(id) = raised.pop() {
        for mate in cx.units.with(id).into_iter().flat_map(|members| members.iter()) {
            let wanted = match &verdicts[id.index()] {
                Ok(Verdict::Run { .. }) => Verdict::Run { reasons: vec![together(cx, id)] },
                Ok(other) => other.clone(),
                Err(_) => continue,
            };
            if raise(&mut verdicts[mate.index()], wanted) {
                raised.push(*mate);
            }
        }
        for path in absent.get(&id).into_iter().flatten() {
            let Some(producer) = cx.graph.producer(*path) else { continue };
            let wanted = match &verdicts[id.index()] {
                Ok(Verdict::Run { .. }) => Verdict::Run { reasons: vec![needed_by(cx, *path, id)] },
                Ok(Verdict::May { inputs }) => Verdict::May { inputs: inputs.clone() },
                _ => continue,
            };
            let is_spared = matches!(verdicts[producer.index()], Ok(Verdict::Restore { .. }));
            let raises = match (is_spared, &wanted) {
                (true, Verdict::Run { .. }) if restores.is_without_temps(producer) => {
                    verdicts[producer.index()] = Ok(wanted);
                    true
                }
                // What is needed of it comes out of the cache, too.
                (true, _) => false,
                (false, _) => raise(&mut verdicts[producer.index()], wanted),
            };
            if raises {
                raised.push(producer);
            }
        }
        for consumer in cx.graph.consumers(id) {
            if matches!(verdicts[consumer.index()], Ok(Verdict::UpToDate)) {
                let inputs = texts(cx, &remade(cx, consumer, verdicts, restores));
                if !inputs.is_empty() && raise(&mut verdicts[consumer.index()], Verdict::May { inputs }) {
                    raised.push(consumer);
                }
            }
        }
    }
}

pub(crate) fn needed_by(cx: &Context, path: PathId, job: JobId) -> Reason {
    let job = cx.graph.info(job, &cx.workflow, &cx.paths).title();
    Reason::NeededBy { path: cx.paths.text(path).to_string(), job }
}

/// Why a job runs that is connected with `job`, which must.
pub(crate) fn together(cx: &Context, job: JobId) -> Reason {
    Reason::Together { job: cx.graph.info(job, &cx.workflow, &cx.paths).title() }
}

/// Sets the verdict if it says more than the one before.
fn raise(verdict: &mut Result<Verdict, Box<Trouble>>, to: Verdict) -> bool {
    let says_more = match (&*verdict, &to) {
        (Ok(Verdict::UpToDate), _) => to != Verdict::UpToDate,
        (Ok(Verdict::May { .. }), Verdict::Run { .. } | Verdict::AfterCheckpoint { .. }) => true,
        _ => false,
    };
    if says_more {
        *verdict = Ok(to);
    }
    says_more
}

/// The inputs of a job that will or may be made anew.
fn remade(
    cx: &Context,
    id: JobId,
    verdicts: &[Result<Verdict, Box<Trouble>>],
    restores: &Restores,
) -> Vec<PathId> {
    let is_remade = |maker: &JobId| match &verdicts[maker.index()] {
        Ok(Verdict::UpToDate) => false,
        Ok(Verdict::Restore { .. }) => !restores.is_clear(*maker),
        _ => true,
    };
    inputs::made(cx, cx.job(id)).filter(|(_, maker)| is_remade(maker)).map(|(path, _)| path).collect()
}

fn without_action(cx: &Context, remade: &[PathId]) -> Verdict {
    if remade.is_empty() { Verdict::UpToDate } else { Verdict::May { inputs: texts(cx, remade) } }
}

fn texts(cx: &Context, paths: &[PathId]) -> Vec<String> {
    let mut texts: Vec<String> = paths.iter().map(|p| cx.paths.text(*p).to_string()).collect();
    texts.dedup();
    texts
}

fn verdict(cx: &Context, mut reasons: Vec<Reason>, pending: &[Pending], remade: &[PathId]) -> Verdict {
    // What an input that is made anew looked like before says nothing about what it will look like.
    if reasons.iter().any(|reason| matches!(reason, Reason::InputChanged { .. })) {
        let names: FxHashSet<&str> = remade.iter().map(|path| cx.paths.text(*path)).collect();
        let own =
            |reason: &Reason| !matches!(reason, Reason::InputChanged { path, .. } if names.contains(&**path));
        reasons.retain(own);
    }
    // An edited output is kept should the inputs come out as they were.
    let may_be_kept = cx.trust.keep_edited && !remade.is_empty() && reasons.iter().all(Reason::is_edit);
    match (reasons.is_empty() || may_be_kept, remade.is_empty()) {
        (false, _) => Verdict::Run { reasons },
        (true, true) if !pending.is_empty() => {
            let on: Vec<JobId> = pending.iter().filter_map(|pending| pending_job(cx, pending)).collect();
            Verdict::AfterCheckpoint { checkpoints: titles(cx, &on) }
        }
        (true, true) => Verdict::UpToDate,
        (true, false) => Verdict::May { inputs: texts(cx, remade) },
    }
}
