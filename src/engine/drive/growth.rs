//! Growth of the graph during a run: when the checkpoints that a job waits for have ended, its functions are called
//! again, and what they ask for is added.
//!
//! The context is shared with the pool, so the graph grows while nothing is under way there: what would be given to the
//! pool is held back until then. Jobs that run do not matter.

use super::{HeldBack, Run};
use crate::base::path::PathId;
use crate::engine::core::{ChangedJob, Growth as CoreGrowth, Msg, NewJob};
use crate::engine::drive::shape;
use crate::engine::event::EventKind;
use crate::error::{Error, ErrorKind};
use crate::graph::grow::{Grown, Growth, MOST_NEW_JOBS};
use crate::graph::job::JobId;
use crate::matching::index::PatternIndex;
use crate::plan::check::has_action;
use crate::plan::context::{Context, Sources};
use crate::plan::temp::has_temp;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Who waits for which checkpoint.
pub(super) struct GrowthState<'a> {
    index: &'a PatternIndex,
    /// Per open job, how many of its checkpoints have not ended well.
    missing: FxHashMap<u32, usize>,
    /// Per checkpoint's job, the open jobs that wait for it.
    waiting: FxHashMap<u32, Vec<u32>>,
    /// Open jobs that miss nothing.
    due: Vec<u32>,
    /// The first checkpoint's job that ended well since the graph grew last.
    after: Option<u32>,
    pub(super) held: HeldBack,
}

impl<'a> GrowthState<'a> {
    pub(super) fn of(cx: &Context, index: &'a PatternIndex) -> GrowthState<'a> {
        let mut state = GrowthState {
            index,
            missing: FxHashMap::default(),
            waiting: FxHashMap::default(),
            due: Vec::new(),
            after: None,
            held: HeldBack::default(),
        };
        for (job, open) in &cx.graph.open {
            state.wait(job.0, open.on.iter().copied());
        }
        state
    }

    /// Whether nothing may be given to the pool, because the graph is to grow.
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    fn wait(&mut self, job: u32, on: impl Iterator<Item = JobId>) {
        let mut missing = 0;
        for checkpoint in on {
            self.waiting.entry(checkpoint.0).or_default().push(job);
            missing += 1;
        }
        self.missing.insert(job, missing);
    }

    fn ended(&mut self, checkpoint: u32) {
        self.after = self.after.or(Some(checkpoint));
        for job in self.waiting.get(&checkpoint).into_iter().flatten() {
            if let Some(missing) = self.missing.get_mut(job) {
                *missing -= 1;
                if *missing == 0 {
                    self.due.push(*job);
                }
            }
        }
    }

    fn reopened(&mut self, checkpoint: u32) {
        for job in self.waiting.get(&checkpoint).into_iter().flatten() {
            if let Some(missing) = self.missing.get_mut(job) {
                *missing += 1;
                self.due.retain(|due| due != job);
            }
        }
    }
}

impl Run<'_> {
    /// A job came to a good end.
    pub(super) fn note_end(&mut self, job: u32) {
        let it = self.cx.job(JobId(job));
        if self.cx.rule(it).checkpoint {
            self.cx.graph.finals.add(self.cx.rule(it), it);
            self.growth.ended(job);
        }
    }

    /// A job that had ended well is to be checked again.
    pub(super) fn note_reopened(&mut self, job: u32) {
        let it = self.cx.job(JobId(job));
        if self.cx.rule(it).checkpoint {
            self.cx.graph.finals.remove(self.cx.rule(it), it);
            self.growth.reopened(job);
        }
    }

    /// Lets the graph grow if it is to, and nothing is under way on the pool.
    pub(super) fn grow_if_due(&mut self) {
        if !self.growth.is_due() || self.in_pool > 0 {
            return;
        }
        let mut due = std::mem::take(&mut self.growth.due);
        due.sort_unstable();
        if !self.core.is_draining() {
            self.grow(&due);
        }
        self.give_held_back();
    }

    fn grow(&mut self, due: &[u32]) {
        let Some(cx) = Arc::get_mut(&mut self.cx) else {
            let error = Error::new(ErrorKind::Bug, "the graph is to grow while somebody looks at it");
            return self.give_up(error);
        };
        let jobs: Vec<JobId> = due.iter().map(|job| JobId(*job)).collect();
        let core = &self.core;
        let grown = Growth {
            workflow: &cx.workflow,
            index: self.growth.index,
            paths: &mut cx.paths,
            graph: &mut cx.graph,
            probe: &Sources { root: &cx.root, trust: &cx.trust, view: &cx.view },
            pool: Some(self.pool),
            is_final: &|job| core.is_good(job.0),
            most: MOST_NEW_JOBS,
        }
        .grow(&jobs);
        cx.temps.keep_wanted(&cx.workflow, &cx.graph, grown.changed.iter().map(|changed| changed.job));
        let order = grown.order.iter().copied().chain(jobs.iter().copied());
        cx.force.spread(&cx.graph, order);
        for job in due {
            self.growth.missing.remove(job);
        }
        let new = (grown.first..self.cx.graph.jobs.len() as u32).map(JobId);
        for job in new.clone().chain(jobs) {
            if let Some(open) = self.cx.graph.open.get(&job) {
                self.growth.wait(job.0, open.on.iter().copied());
            }
        }
        self.total += new.filter(|job| has_action(&self.cx, *job)).count();
        if let Some(after) = self.growth.after.take() {
            let (after, jobs) = (self.info(after), self.total);
            self.emit(EventKind::GraphExtended { after, new: grown.order.len(), jobs });
        }
        let growth = self.for_core(grown);
        self.tell(Msg::Grow(growth));
    }

    /// What was added, as numbers.
    fn for_core(&mut self, grown: Grown) -> CoreGrowth {
        let cx = self.cx.clone();
        let needs = |list: &[JobId]| list.iter().map(|need| need.0).collect();
        let mut growth = CoreGrowth { order: needs(&grown.order), ..CoreGrowth::default() };
        for id in grown.first..cx.graph.jobs.len() as u32 {
            let job = cx.job(JobId(id));
            growth.jobs.push(NewJob {
                needs: needs(&job.needs),
                priority: shape::priority(&cx, job),
                is_open: cx.graph.open.contains_key(&JobId(id)),
            });
        }
        let changed = grown.changed.iter();
        let changed =
            changed.map(|c| ChangedJob { job: c.job.0, needs: needs(&c.needs), is_open: c.is_open });
        growth.changed = changed.collect();
        if !self.options.keep_temps {
            growth.holds = self.new_holds(&cx, &grown);
        }
        for (job, problems) in grown.failed {
            let mut failure =
                self.failure(job.0, problems.first().map_or_else(String::new, |p| p.message.clone()));
            failure.diagnostics = problems.iter().map(|p| p.resolve(&cx.workflow.sources)).collect();
            self.pending_failure.insert(job.0, failure);
            growth.failed.push(job.0);
        }
        growth
    }

    /// The temporary files of new jobs, and new readers of any.
    fn new_holds(&mut self, cx: &Context, grown: &Grown) -> Vec<(u32, u32)> {
        let mut holds = Vec::new();
        let new = grown.first..cx.graph.jobs.len() as u32;
        for id in new.clone().map(JobId).filter(|id| has_temp(cx.rule(cx.job(*id)))) {
            let made: Vec<PathId> = cx.temps_of(id).collect();
            holds.extend(made.into_iter().map(|path| (id.0, self.temps.add(path))));
        }
        for reader in new.map(JobId).chain(grown.changed.iter().map(|changed| changed.job)) {
            holds.extend(self.temps.read_by(cx, reader));
        }
        holds
    }
}
