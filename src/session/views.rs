//! Views of a resolved context: explanations as callers see them. Pure.

use super::{LastRun, PassedOver, WhyStep};
use crate::base::path::PathId;
use crate::graph::job::JobId;
use crate::plan::context::Context;
use crate::plan::inputs;
use crate::plan::plan::Verdict;
use crate::plan::reported;
use crate::trace::fingerprint::{Origin, Trace};
use crate::trace::reason::Reason;

pub(super) fn why_step(cx: &Context, id: JobId, verdicts: &[Verdict]) -> WhyStep {
    let job = cx.job(id);
    let trace = job.outputs.first().and_then(|output| cx.view.trace(*output));
    WhyStep {
        job: cx.graph.info(id, &cx.workflow, &cx.paths),
        verdict: verdicts[id.index()].clone(),
        unless: unless(&verdicts[id.index()]),
        last: trace.as_ref().map(last_run),
        exists: job
            .outputs
            .iter()
            .all(|output| cx.files.stat(*output, cx.paths.text(*output)).is_ok_and(|found| found.is_some())),
    }
}

/// A success on record as callers see it.
pub(super) fn last_run(trace: &Trace) -> LastRun {
    LastRun {
        run: trace.run,
        duration_ms: trace.duration_ms.into(),
        accepted: trace.origin == Origin::Accepted,
        restored: trace.origin == Origin::Restored,
        reported: trace.reported.iter().map(reported::from_bound).collect(),
    }
}

/// All that would have to be so for a job not to run; nothing when one of its reasons cannot be helped.
fn unless(verdict: &Verdict) -> Vec<String> {
    let Verdict::Run { reasons } = verdict else { return Vec::new() };
    reasons.iter().map(Reason::unless).collect::<Option<_>>().unwrap_or_default()
}

pub(super) fn passed_over(cx: &Context, path: PathId) -> Vec<PassedOver> {
    let here = cx.graph.passed_over.iter().filter(|passed| passed.path == path);
    here.map(|passed| PassedOver {
        rule: cx.workflow.rules[passed.rule as usize].name.to_string(),
        lacks: passed.lacks.map(|input| cx.paths.text(input).to_string()),
        because: passed.failure.as_ref().map(|problem| problem.message.clone()),
    })
    .collect()
}

/// The producer that makes `id` run: the first whose outputs will or may be made anew. One that runs only because its
/// temporary output is needed, or which is connected with one that runs, is no cause.
pub(super) fn cause(cx: &Context, id: JobId, verdicts: &[Verdict]) -> Option<JobId> {
    let serves = |reason: &Reason| matches!(reason, Reason::NeededBy { .. } | Reason::Together { .. });
    let is_cause = |need: &JobId| match &verdicts[need.index()] {
        Verdict::Run { reasons } => !reasons.iter().all(serves),
        Verdict::May { .. } | Verdict::AfterCheckpoint { .. } | Verdict::Restore { .. } => true,
        Verdict::UpToDate => false,
    };
    // One that runs only because it is connected with others has its cause among them.
    if let (Some(mates), false) = (cx.units.with(id), is_cause(&id))
        && verdicts[id.index()] != Verdict::UpToDate
    {
        return mates.iter().copied().find(is_cause);
    }
    let waits_for = cx.graph.open.get(&id).into_iter().flat_map(|open| open.on.iter().copied());
    waits_for.chain(inputs::made(cx, cx.job(id)).map(|(_, maker)| maker)).find(is_cause)
}
