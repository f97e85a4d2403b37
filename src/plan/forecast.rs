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

/// A verdict per job, by job number.
pub(crate) fn forecast(cx: &Context, pool: &rayon::ThreadPool) -> Vec<Result<Verdict, Trouble>> {
    let jobs = cx.graph.jobs.len() as u32;
    let checks: Vec<Option<Result<Check, Trouble>>> = pool.install(|| {
        let one = |job| has_action(cx, JobId(job)).then(|| check(cx, JobId(job), Mode::Forecast));
        (0..jobs).into_par_iter().with_min_len(64).map(one).collect()
    });
    let mut unsure = vec![false; jobs as usize];
    let mut verdicts: Vec<Result<Verdict, Trouble>> = vec![Ok(Verdict::UpToDate); jobs as usize];
    let mut checks = checks;
    for id in &cx.graph.order {
        let job = cx.job(*id);
        let remade: Vec<PathId> =
            job.inputs.iter().copied().filter(|path| is_remade(cx, *path, &unsure)).collect();
        let verdict = match checks[id.index()].take() {
            None => Ok(without_action(cx, &remade)),
            Some(Ok(check)) => Ok(verdict(cx, check, &remade)),
            Some(Err(trouble)) => Err(trouble),
        };
        unsure[id.index()] = !matches!(verdict, Ok(Verdict::UpToDate));
        verdicts[id.index()] = verdict;
    }
    verdicts
}

fn is_remade(cx: &Context, path: PathId, unsure: &[bool]) -> bool {
    cx.graph.producer(path).is_some_and(|producer| unsure[producer.index()])
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
