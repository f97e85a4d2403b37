//! How long jobs took: what earlier runs say of the rules of this one, and the chain of jobs that this run had to wait for.

use crate::engine::event::{CriticalPath, CriticalStep, RuleJobs};
use crate::graph::job::JobId;
use crate::plan::check::has_action;
use crate::plan::context::Context;
use crate::plan::inputs;
use crate::trace::fingerprint::Origin;
use rustc_hash::FxHashMap;

/// Jobs of a rule whose records are read to know what one takes.
const SAMPLED: usize = 16;
/// Steps of the critical path that are told.
const STEPS_TOLD: usize = 10;

/// The jobs of each rule, and what one of them took on average.
pub(crate) fn shares(cx: &Context) -> Vec<RuleJobs> {
    #[derive(Clone, Copy, Default)]
    struct Share {
        jobs: usize,
        sampled: u64,
        total_ms: u64,
    }
    let mut shares = vec![Share::default(); cx.workflow.rules.len()];
    for (id, job) in (0..).map(JobId).zip(&cx.graph.jobs) {
        let share = &mut shares[job.rule as usize];
        share.jobs += usize::from(has_action(cx, id));
        if share.jobs <= SAMPLED
            && let Some(trace) = job.outputs.first().and_then(|output| cx.view.trace(*output))
            && trace.origin != Origin::Accepted
        {
            share.sampled += 1;
            share.total_ms += u64::from(trace.duration_ms);
        }
    }
    let rules = cx.workflow.rules.iter().zip(shares).filter(|(_, share)| share.jobs > 0);
    rules
        .map(|(rule, share)| RuleJobs {
            rule: rule.name.to_string(),
            jobs: share.jobs,
            earlier_ms: share.total_ms.checked_div(share.sampled),
        })
        .collect()
}

/// The longest chains of jobs that had to wait for each other, as they end.
#[derive(Default)]
pub(crate) struct Chains {
    /// For each job that ran what its longest chain took, what it took itself, and the job before it.
    ends: FxHashMap<u32, (u64, u64, Option<u32>)>,
    longest: Option<u32>,
}

impl Chains {
    /// Takes a job that ended well; those before it in the graph came before.
    pub(crate) fn add(&mut self, cx: &Context, job: u32, duration_ms: u64) {
        let makers = inputs::made(cx, cx.job(JobId(job))).filter_map(|(_, maker)| {
            let (chain, ..) = self.ends.get(&maker.0)?;
            Some((*chain, maker.0))
        });
        let before = makers.max();
        let chain = duration_ms + before.map_or(0, |(chain, _)| chain);
        self.ends.insert(job, (chain, duration_ms, before.map(|(_, maker)| maker)));
        let longest =
            self.longest.and_then(|longest| self.ends.get(&longest)).map_or(0, |(chain, ..)| *chain);
        if self.longest.is_none() || chain > longest {
            self.longest = Some(job);
        }
    }

    /// The chain that took longest, unless it is a single job; of many steps the slowest.
    pub(crate) fn critical(&self, title: impl Fn(u32) -> String) -> Option<CriticalPath> {
        let (duration_ms, ..) = *self.ends.get(&self.longest?)?;
        let mut steps: Vec<(u32, u64)> = Vec::new();
        let mut next = self.longest;
        // A job that ran again may have come to stand before one that it came after.
        while let Some((job, (_, own, before))) = next.and_then(|job| Some((job, *self.ends.get(&job)?)))
            && steps.len() <= self.ends.len()
        {
            steps.push((job, own));
            next = before;
        }
        let jobs = steps.len();
        if jobs < 2 {
            return None;
        }
        steps.reverse();
        let mut slowest: Vec<u64> = steps.iter().map(|(_, own)| *own).collect();
        slowest.sort_unstable_by(|a, b| b.cmp(a));
        let least = slowest.get(STEPS_TOLD - 1).copied().unwrap_or(0);
        let told = steps.into_iter().filter(|(_, own)| *own >= least).take(STEPS_TOLD);
        let steps = told.map(|(job, duration_ms)| CriticalStep { job: title(job), duration_ms }).collect();
        Some(CriticalPath { duration_ms, jobs, steps })
    }
}
