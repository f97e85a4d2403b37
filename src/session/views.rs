//! Views of a resolved context: plans and explanations as callers see them. Pure.

use super::{LastRun, PassedOver, WhyStep};
use crate::base::path::PathId;
use crate::graph::job::JobId;
use crate::model::workflow::Read;
use crate::plan::context::Context;
use crate::plan::inputs;
use crate::plan::instance::Instance;
use crate::plan::plan::{Plan, PlanRead, PlannedJob, Verdict};
use crate::plan::reported;
use crate::trace::fingerprint::{Origin, Trace};
use crate::trace::reason::Reason;

pub(super) fn plan_of(cx: &Context, verdicts: Vec<Verdict>) -> Plan {
    let order = reading_order(cx);
    let mut position = vec![0u32; order.len()];
    for (index, id) in order.iter().enumerate() {
        position[id.index()] = index as u32;
    }
    let mut verdicts: Vec<Option<Verdict>> = verdicts.into_iter().map(Some).collect();
    let jobs = order.iter().map(|id| {
        let verdict = verdicts[id.index()].take().unwrap_or(Verdict::UpToDate);
        planned(cx, *id, verdict, &position)
    });
    let sources = cx.graph.sources.iter().map(|path| cx.paths.text(*path).to_string()).collect();
    let jobs = jobs.collect();
    // After the jobs: their commands and report texts call functions, too.
    let reads = cx.workflow.reads.iter().map(|read| shown(read, None)).chain(called(cx)).collect();
    Plan { v: 1, jobs, sources, reads, report: cx.workflow.report.as_deref().map(str::to_string) }
}

/// What functions of rules looked at.
pub(super) fn called(cx: &Context) -> impl Iterator<Item = PlanRead> {
    let reads = cx.workflow.called.as_ref().map(|called| called.reads()).unwrap_or_default();
    reads.into_iter().map(|(rule, read)| shown(&read, Some(&rule)))
}

fn shown(read: &Read, rule: Option<&str>) -> PlanRead {
    PlanRead {
        kind: read.kind.to_string(),
        what: read.what.clone(),
        rule: rule.map(str::to_string),
        found: read.digest.is_some(),
        digest: read.digest.filter(|_| read.kind != "variable"),
    }
}

/// The jobs by their distance from the sources, those of one distance in the order in which they were asked for:
/// about the order in which a run starts them.
pub(super) fn reading_order(cx: &Context) -> Vec<JobId> {
    let mut distance = vec![0u32; cx.graph.jobs.len()];
    for id in &cx.graph.order {
        let below = cx.job(*id).needs.iter().map(|need| distance[need.index()] + 1).max();
        distance[id.index()] = below.unwrap_or(0);
    }
    let mut order: Vec<JobId> = (0..cx.graph.jobs.len() as u32).map(JobId).collect();
    order.sort_by_key(|id| distance[id.index()]);
    order
}

fn planned(cx: &Context, id: JobId, verdict: Verdict, position: &[u32]) -> PlannedJob {
    let job = cx.job(id);
    let mut info = cx.graph.info(id, &cx.workflow, &cx.paths);
    info.id = position[id.index()];
    let command = match verdict {
        Verdict::UpToDate | Verdict::AfterCheckpoint { .. } => None,
        // A command that cannot be rendered is said when the job is about to run, with its reason.
        _ => Instance::of(cx, job, 1).and_then(|i| i.command(cx.rule(job))).ok().flatten(),
    };
    PlannedJob {
        job: info,
        inputs: job.inputs.iter().map(|path| cx.paths.text(*path).to_string()).collect(),
        verdict,
        command,
        has_action: crate::plan::check::has_action(cx, id),
        needs: job.needs.iter().map(|need| position[need.index()]).collect(),
        reported: reported::of(cx, job),
    }
}

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
    })
    .collect()
}

/// The producer that makes `id` run: the first whose outputs will or may be made anew. One that runs only because its
/// temporary output is needed, or which is connected with one that runs, is no cause.
pub(super) fn cause(cx: &Context, id: JobId, verdicts: &[Verdict]) -> Option<JobId> {
    let serves = |reason: &Reason| matches!(reason, Reason::NeededBy { .. } | Reason::Together { .. });
    let is_cause = |need: &JobId| match &verdicts[need.index()] {
        Verdict::Run { reasons } => !reasons.iter().all(serves),
        Verdict::May { .. } | Verdict::AfterCheckpoint { .. } => true,
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
