//! Growth of the graph during a run: when the checkpoints that a job waits for have ended, its functions are called
//! again, and what they ask for is added.
//!
//! The context is shared with the pool, so the graph grows while nothing is under way there: what would be given to the
//! pool is held back until then. Jobs that run do not matter.

use super::{HeldBack, Run};
use crate::base::path::PathId;
use crate::diag::Problem;
use crate::engine::core::{ChangedJob, Growth as CoreGrowth, Msg, NewJob};
use crate::engine::drive::shape;
use crate::engine::event::EventKind;
use crate::error::{Error, ErrorKind};
use crate::graph::grow::{Grown, Growth, MOST_NEW_JOBS};
use crate::graph::job::JobId;
use crate::matching::index::PatternIndex;
use crate::plan::aliases::Ground;
use crate::plan::check::has_action;
use crate::plan::context::{Context, Sources};
use crate::plan::temp::has_temp;
use crate::plan::units::Inspection;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
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
        if !self.growth.is_due() {
            return;
        }
        self.spot.close();
        // Whoever still looks at the end of a job with it says so when that is done.
        if self.in_pool > 0 || Arc::strong_count(&self.cx) > 1 {
            return;
        }
        let mut due = std::mem::take(&mut self.growth.due);
        due.sort_unstable();
        if !self.core.is_draining() {
            self.grow(&due);
        }
        self.spot.open(self.cx.clone());
        self.give_held_back();
    }

    fn grow(&mut self, due: &[u32]) {
        let Some(cx) = Arc::get_mut(&mut self.cx) else {
            let error = Error::new(ErrorKind::Bug, "the graph is to grow while somebody looks at it");
            return self.give_up(error);
        };
        let jobs: Vec<JobId> = due.iter().map(|job| JobId(*job)).collect();
        let (core, units) = (&self.core, &cx.units);
        let grown = Growth {
            workflow: &cx.workflow,
            index: self.growth.index,
            paths: &mut cx.paths,
            graph: &mut cx.graph,
            probe: &Sources { root: &cx.root, trust: &cx.trust, view: &cx.view, gone: &cx.gone, files: None },
            pool: Some(self.pool),
            is_final: &|job| core.is_good(units.leader(job).0),
            most: MOST_NEW_JOBS,
        }
        .grow(&jobs);
        cx.temps.keep_wanted(&cx.workflow, &cx.graph, grown.changed.iter().map(|changed| changed.job));
        let order = grown.order.iter().copied().chain(jobs.iter().copied());
        cx.force.spread(&cx.graph, order);
        for job in due {
            self.growth.missing.remove(job);
        }
        let (workflow, graph, paths) = (&cx.workflow, &cx.graph, &cx.paths);
        let mut problems = cx.aliases.inspect(&Ground { workflow, graph, paths, view: &cx.view });
        problems.extend(self.come_too_late(&grown));
        if problems.is_empty() {
            problems = self.join_units(&grown);
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
        let growth = self.for_core(grown, &problems);
        self.tell(Msg::Grow(growth));
    }

    /// What was added reads a file as it is before a job changes it that has begun to.
    fn come_too_late(&self, grown: &Grown) -> Vec<Problem> {
        let cx = &self.cx;
        let is_late = |changer: &JobId| self.core.has_begun(cx.units.leader(*changer).0);
        let late = grown.later.iter().find(|(changer, _)| is_late(changer));
        let problem = late.map(|(changer, reader)| {
            let (changer, reader) = (self.info(changer.0).title(), self.info(reader.0).title());
            let message = format!(
                "a checkpoint brought in `{reader}`, which reads a file as it is before `{changer}` changes it, \
                 and that has begun already"
            );
            let help = "run again: nothing is changed then before it; or let the rule that changes the file need \
                        what the checkpoint brings in";
            Problem::error("update-too-early", message).help(help)
        });
        problem.into_iter().collect()
    }

    /// Takes note of pipes and services of what was added. What is wrong with them; then none of it can run.
    fn join_units(&mut self, grown: &Grown) -> Vec<Problem> {
        let Some(cx) = Arc::get_mut(&mut self.cx) else { return Vec::new() };
        let new = (grown.first..cx.graph.jobs.len() as u32).map(JobId);
        let changed = grown.changed.iter().map(|changed| changed.job);
        let all = new.chain(changed);
        let mut units = cx.units.clone();
        let joined = units.extend(&cx.workflow, &cx.graph, all.clone());
        if units.is_empty() {
            return Vec::new();
        }
        // What was decided already cannot come to run with something new.
        let is_old = |part: &&JobId| part.0 < grown.first;
        let waits = |part: &JobId| self.core.is_waiting(part.0);
        let too_late = joined.iter().find(|joined| {
            let mut old = joined.parts.iter().filter(is_old);
            old.next().is_some_and(|first| !waits(first)) || old.next().is_some()
        });
        let inspection =
            Inspection { workflow: &cx.workflow, graph: &cx.graph, paths: &cx.paths, units: &units };
        let problems = match too_late {
            Some(joined) => {
                let old = joined.parts.iter().find(is_old).copied().unwrap_or(joined.parts[0]);
                vec![inspection.too_late(old)]
            }
            None => inspection.of_grown(all),
        };
        if problems.is_empty() {
            cx.units = units;
        }
        problems
    }

    /// What was added, as numbers of units. With `problems` the new jobs stand for nothing, and those fail that asked for
    /// them.
    fn for_core(&mut self, grown: Grown, problems: &[Problem]) -> CoreGrowth {
        let cx = self.cx.clone();
        let unit = |job: JobId| cx.units.leader(job);
        let is_open = |leader: JobId| match cx.units.members(leader) {
            Some(members) => members.iter().any(|job| cx.graph.open.contains_key(job)),
            None => cx.graph.open.contains_key(&leader),
        };
        let outside = |of: JobId, list: &[JobId]| -> Vec<u32> {
            list.iter().map(|need| unit(*need)).filter(|need| *need != of).map(|need| need.0).collect()
        };
        let mut growth =
            CoreGrowth { order: grown.order.iter().map(|job| job.0).collect(), ..CoreGrowth::default() };
        let mut more: BTreeMap<JobId, Vec<u32>> = BTreeMap::new();
        for id in (grown.first..cx.graph.jobs.len() as u32).map(JobId) {
            let job = cx.job(id);
            let needs = outside(unit(id), &job.needs);
            let is_part = unit(id) != id || !problems.is_empty();
            if is_part && problems.is_empty() {
                more.entry(unit(id)).or_default().extend(&needs);
            }
            growth.jobs.push(NewJob {
                needs: if is_part { Vec::new() } else { needs },
                priority: shape::priority(&cx, job),
                is_open: !is_part && is_open(id),
                is_part,
            });
        }
        if problems.is_empty() {
            for changed in &grown.changed {
                let leader = unit(changed.job);
                more.entry(leader).or_default().extend(outside(leader, &changed.needs));
            }
            let is_final = |leader: JobId| self.core.is_good(leader.0);
            for (changer, reader) in grown.later.iter().filter(|(changer, _)| !is_final(unit(*changer))) {
                let leader = unit(*changer);
                more.entry(leader).or_default().extend(outside(leader, &[*reader]));
            }
        }
        for (leader, needs) in more {
            match leader.0.checked_sub(grown.first) {
                Some(new) => growth.jobs[new as usize].needs.extend(needs),
                None => growth.changed.push(ChangedJob { job: leader.0, needs, is_open: is_open(leader) }),
            }
        }
        if !self.options.keep_temps && problems.is_empty() {
            growth.holds = self.new_holds(&cx, &grown);
        }
        let refused = grown.changed.iter().filter(|_| !problems.is_empty());
        let refused: Vec<_> = refused.map(|changed| (changed.job, problems.to_vec())).collect();
        for (job, problems) in grown.failed.into_iter().chain(refused) {
            let mut failure =
                self.failure(job.0, problems.first().map_or_else(String::new, |p| p.message.clone()));
            failure.diagnostics = problems.iter().map(|p| p.resolve(&cx.workflow.sources)).collect();
            self.pending_failure.insert(job.0, failure);
            self.note_cause(unit(job).0, job.0);
            growth.failed.push(unit(job).0);
        }
        growth
    }

    /// The temporary files of new jobs, and new readers of any.
    fn new_holds(&mut self, cx: &Context, grown: &Grown) -> Vec<(u32, u32)> {
        let mut holds = Vec::new();
        let new = grown.first..cx.graph.jobs.len() as u32;
        for id in new.clone().map(JobId).filter(|id| has_temp(cx.rule(cx.job(*id)))) {
            let made: Vec<PathId> = cx.temps_of(id).collect();
            let unit = cx.units.leader(id).0;
            holds.extend(made.into_iter().map(|path| (unit, self.temps.add(path))));
        }
        for reader in new.map(JobId).chain(grown.changed.iter().map(|changed| changed.job)) {
            let unit = cx.units.leader(reader).0;
            holds.extend(self.temps.read_by(cx, reader).into_iter().map(|(_, temp)| (unit, temp)));
        }
        holds
    }
}
