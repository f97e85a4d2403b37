//! The dry run: what is known before anything runs.
//!
//! Promise: a job that is said to run does run, and one that is said to be up to date does not. What hangs on
//! the content of a file that will be made anew *may* run.

use crate::base::path::PathId;
use crate::graph::job::JobId;
use crate::plan::check::{Check, Mode, check, has_action};
use crate::plan::context::Context;
use crate::plan::instance::Trouble;
use crate::plan::plan::Verdict;
use crate::trace::reason::Reason;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// A verdict per job, by job number.
pub(crate) fn forecast(cx: &Context, pool: &rayon::ThreadPool) -> Vec<Result<Verdict, Trouble>> {
    let jobs = cx.graph.jobs.len() as u32;
    let mut checks: Vec<Option<Result<Check, Trouble>>> = pool.install(|| {
        let one = |job| has_action(cx, JobId(job)).then(|| check(cx, JobId(job), Mode::Forecast));
        (0..jobs).into_par_iter().with_min_len(64).map(one).collect()
    });
    let mut verdicts: Vec<Result<Verdict, Trouble>> = vec![Ok(Verdict::UpToDate); jobs as usize];
    // Jobs that run or may run and read temporary files that are gone.
    let mut lacking: Vec<(JobId, Vec<PathId>)> = Vec::new();
    for id in &cx.graph.order {
        let remade = remade(cx, *id, &verdicts);
        let verdict = match checks[id.index()].take() {
            None => Ok(without_action(cx, &remade)),
            Some(Ok(mut check)) => {
                let absent = std::mem::take(&mut check.absent);
                let verdict = verdict(cx, check, &remade);
                if !absent.is_empty() {
                    lacking.push((*id, absent));
                }
                Ok(verdict)
            }
            Some(Err(trouble)) => Err(trouble),
        };
        verdicts[id.index()] = verdict;
    }
    if !lacking.is_empty() {
        recall(cx, lacking, &mut verdicts);
    }
    verdicts
}

/// Producers of temporary files that are gone run when a job that reads them does. What they make may come out
/// different, so what else reads it may run, and need such files in turn: until nothing changes. Verdicts only rise, so
/// each job is looked at a few times at most.
fn recall(cx: &Context, lacking: Vec<(JobId, Vec<PathId>)>, verdicts: &mut [Result<Verdict, Trouble>]) {
    let absent: FxHashMap<JobId, Vec<PathId>> = lacking.into_iter().collect();
    let mut raised: Vec<JobId> = absent.keys().copied().collect();
    raised.sort_unstable();
    while let Some(id) = raised.pop() {
        for path in absent.get(&id).into_iter().flatten() {
            let Some(producer) = cx.graph.producer(*path) else { continue };
            let wanted = match &verdicts[id.index()] {
                Ok(Verdict::Run { .. }) => Verdict::Run { reasons: vec![needed_by(cx, *path, id)] },
                Ok(Verdict::May { inputs }) => Verdict::May { inputs: inputs.clone() },
                _ => continue,
            };
            if raise(&mut verdicts[producer.index()], wanted) {
                raised.push(producer);
            }
        }
        for consumer in cx.graph.consumers(id) {
            if matches!(verdicts[consumer.index()], Ok(Verdict::UpToDate)) {
                let inputs = texts(cx, &remade(cx, consumer, verdicts));
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

/// Sets the verdict if it says more than the one before.
fn raise(verdict: &mut Result<Verdict, Trouble>, to: Verdict) -> bool {
    let says_more = match (&*verdict, &to) {
        (Ok(Verdict::UpToDate), _) => to != Verdict::UpToDate,
        (Ok(Verdict::May { .. }), Verdict::Run { .. }) => true,
        _ => false,
    };
    if says_more {
        *verdict = Ok(to);
    }
    says_more
}

/// The inputs of a job that will or may be made anew.
fn remade(cx: &Context, id: JobId, verdicts: &[Result<Verdict, Trouble>]) -> Vec<PathId> {
    let is_remade = |path: &PathId| {
        let producer = cx.graph.producer(*path);
        producer.is_some_and(|producer| !matches!(verdicts[producer.index()], Ok(Verdict::UpToDate)))
    };
    cx.job(id).inputs.iter().copied().filter(is_remade).collect()
}

fn without_action(cx: &Context, remade: &[PathId]) -> Verdict {
    if remade.is_empty() { Verdict::UpToDate } else { Verdict::May { inputs: texts(cx, remade) } }
}

fn texts(cx: &Context, paths: &[PathId]) -> Vec<String> {
    let mut texts: Vec<String> = paths.iter().map(|p| cx.paths.text(*p).to_string()).collect();
    texts.dedup();
    texts
}

fn verdict(cx: &Context, check: Check, remade: &[PathId]) -> Verdict {
    let is_remade = |path: &str| remade.iter().any(|p| cx.paths.text(*p) == path);
    // What an input that is made anew looked like before says nothing about what it will look like.
    let own = |reason: &Reason| !matches!(reason, Reason::InputChanged { path, .. } if is_remade(path));
    let reasons: Vec<Reason> = check.reasons.into_iter().filter(own).collect();
    match (reasons.is_empty(), remade.is_empty()) {
        (false, _) => Verdict::Run { reasons },
        (true, true) => Verdict::UpToDate,
        (true, false) => Verdict::May { inputs: texts(cx, remade) },
    }
}
