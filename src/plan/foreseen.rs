//! A plan as a view of the context that it was made from.

use crate::diag::Diagnostic;
use crate::graph::info::JobInfo;
use crate::graph::job::{Job, JobId};
use crate::model::workflow::Read;
use crate::plan::check::has_action;
use crate::plan::context::Context;
use crate::plan::instance::Instance;
use crate::plan::orphans::{Orphan, orphans};
use crate::plan::plan::{Foreseen, Plan, PlanRead, ReportedFile, Verdict};
use crate::plan::reported;
use std::sync::Arc;

struct View {
    cx: Context,
    /// By number of the job in the graph.
    verdicts: Vec<Verdict>,
    /// Jobs in the order in which they are shown …
    order: Vec<JobId>,
    /// … and by number in the graph, where each is shown.
    position: Vec<u32>,
}

/// The plan that says `verdicts` of the jobs of `cx`.
pub(crate) fn plan_of(cx: Context, verdicts: Vec<Verdict>) -> Plan {
    let order = reading_order(&cx);
    let mut position = vec![0u32; order.len()];
    for (index, id) in (0..).zip(&order) {
        position[id.index()] = index;
    }
    Plan::new(Arc::new(View { cx, verdicts, order, position }))
}

/// The jobs by their distance from the sources, those of one distance in the order in which they were asked for:
/// about the order in which a run starts them.
pub(crate) fn reading_order(cx: &Context) -> Vec<JobId> {
    let mut distance = vec![0u32; cx.graph.jobs.len()];
    for id in &cx.graph.order {
        let below = cx.job(*id).needs.iter().map(|need| distance[need.index()] + 1).max();
        distance[id.index()] = below.unwrap_or(0);
    }
    let mut order: Vec<JobId> = (0..cx.graph.jobs.len() as u32).map(JobId).collect();
    order.sort_by_key(|id| distance[id.index()]);
    order
}

impl View {
    fn job(&self, index: usize) -> &Job {
        self.cx.job(self.order[index])
    }
}

impl Foreseen for View {
    fn len(&self) -> usize {
        self.order.len()
    }

    fn info(&self, index: usize) -> JobInfo {
        let mut info = self.cx.graph.info(self.order[index], &self.cx.workflow, &self.cx.paths);
        info.id = index as u32;
        info
    }

    fn rule(&self, index: usize) -> &str {
        &self.cx.rule(self.job(index)).name
    }

    fn inputs(&self, index: usize) -> Vec<&str> {
        self.job(index).inputs.iter().map(|path| self.cx.paths.text(*path)).collect()
    }

    fn verdict(&self, index: usize) -> &Verdict {
        &self.verdicts[self.order[index].index()]
    }

    /// A command that cannot be rendered is said when the job is about to run, with its reason.
    fn command(&self, index: usize) -> Option<String> {
        let job = self.job(index);
        Instance::of(&self.cx, job, 1).and_then(|it| it.command(self.cx.rule(job))).ok().flatten()
    }

    fn has_action(&self, index: usize) -> bool {
        has_action(&self.cx, self.order[index])
    }

    fn needs(&self, index: usize) -> Vec<u32> {
        self.job(index).needs.iter().map(|need| self.position[need.index()]).collect()
    }

    fn reported(&self, index: usize) -> Vec<ReportedFile> {
        reported::of(&self.cx, self.job(index))
    }

    fn sources(&self) -> Vec<&str> {
        self.cx.graph.sources.iter().map(|path| self.cx.paths.text(*path)).collect()
    }

    fn reads(&self) -> Vec<PlanRead> {
        self.cx.workflow.reads.iter().map(|read| shown(read, None)).chain(called(&self.cx)).collect()
    }

    fn orphans(&self) -> Vec<Orphan> {
        orphans(&self.cx)
    }

    fn warnings(&self) -> Vec<Diagnostic> {
        warnings(&self.cx)
    }

    fn report(&self) -> Option<&str> {
        self.cx.workflow.report.as_deref()
    }
}

/// What is probably not as meant: rules that were not taken because their functions failed.
pub(crate) fn warnings(cx: &Context) -> Vec<Diagnostic> {
    let failures = cx.graph.passed_over.iter().filter_map(|passed| passed.failure.as_ref());
    failures.map(|problem| problem.resolve(&cx.workflow.sources)).collect()
}

/// What functions of rules looked at.
pub(crate) fn called(cx: &Context) -> impl Iterator<Item = PlanRead> {
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
