//! What is up to date while a plan grows by what checkpoints say. Each round of growth costs what it adds: the whole is judged
//! only where that does not tell, and once in the end.
//!
//! Invariant, while [`Standing::follow`] says so: a job is known as up to date here exactly if a judgement of the whole would
//! find it so. What came to be up to date stays so: nothing it rests on is looked at again.

use super::{Finding, Findings, Trouble, Verdict, is_up_to_date, pending_job};
use crate::base::rows::Rows;
use crate::graph::checkpoints::CheckpointJob;
use crate::graph::job::JobId;
use crate::plan::context::Context;
use crate::plan::inputs;
use crate::plan::instance::Pending;
use rustc_hash::{FxHashMap, FxHashSet};

/// Of a job whose inputs are not all known, or that was up to date when the whole was judged.
const UNCOUNTED: u32 = u32::MAX;

pub(super) struct Standing {
    /// By job.
    is_fresh: Vec<bool>,
    /// By job: how many of its inputs are made by jobs that are not up to date.
    unsure_inputs: Vec<u32>,
    /// By job that was not up to date: who reads what it makes, once for each input.
    readers: Rows,
    /// By job of a checkpoint that is not up to date: the open jobs that wait for it …
    waiting: FxHashMap<JobId, Vec<JobId>>,
    /// … and for how many each waits.
    missing: FxHashMap<JobId, usize>,
    /// Jobs whose params look at a checkpoint that is not up to date.
    looking: FxHashMap<CheckpointJob, Vec<JobId>>,
    /// Open jobs that wait for nothing any more.
    due: Vec<JobId>,
    /// Jobs whose params look at a checkpoint that is up to date.
    informed: Vec<JobId>,
    /// Only a judgement of the whole tells what a round of growth brings.
    is_tangled: bool,
}

/// What there is to do now that more is known.
#[derive(Default)]
pub(super) struct News {
    /// Open jobs whose checkpoints are all up to date.
    pub(super) due: Vec<JobId>,
    /// Jobs whose params can be looked at again.
    pub(super) known: Vec<JobId>,
}

impl News {
    pub(super) fn is_empty(&self) -> bool {
        self.due.is_empty() && self.known.is_empty()
    }
}

impl Standing {
    /// From a judgement of the whole.
    pub(super) fn of(
        cx: &Context,
        checks: &Findings,
        verdicts: &[Result<Verdict, Box<Trouble>>],
    ) -> Standing {
        let mut standing = Standing {
            is_fresh: verdicts.iter().map(is_up_to_date).collect(),
            unsure_inputs: Vec::new(),
            readers: Rows::default(),
            waiting: FxHashMap::default(),
            missing: FxHashMap::default(),
            looking: FxHashMap::default(),
            due: Vec::new(),
            informed: Vec::new(),
            is_tangled: !cx.units.is_empty(),
        };
        cx.graph.open.keys().for_each(|id| standing.await_checkpoints(cx, *id));
        let checked = (0..).map(JobId).zip(checks);
        checked.for_each(|(id, check)| standing.await_params(cx, id, pending(check)));
        if standing.due.is_empty() && standing.informed.is_empty() {
            return standing;
        }
        standing.unsure_inputs = vec![UNCOUNTED; verdicts.len()];
        for id in (0..verdicts.len() as u32).map(JobId) {
            if !standing.is_fresh(id) {
                standing.count_inputs(cx, id);
            }
            standing.is_tangled |= standing.is_tangling(cx, id, checks);
        }
        standing
    }

    pub(super) fn is_fresh(&self, id: JobId) -> bool {
        self.is_fresh.get(id.index()).is_some_and(|is_fresh| *is_fresh)
    }

    /// What came to light since this was asked last. From now on functions may look at the checkpoints that it is about.
    pub(super) fn news(&mut self, cx: &Context, checks: &Findings) -> News {
        let mut due = std::mem::take(&mut self.due);
        due.sort_unstable();
        let mut informed = std::mem::take(&mut self.informed);
        informed.sort_unstable();
        informed.dedup();
        let mut told: FxHashSet<JobId> = FxHashSet::default();
        let mut known = Vec::new();
        for id in informed {
            let jobs = pending(&checks[id.index()]).iter().filter_map(|pending| pending_job(cx, pending));
            let jobs: Vec<JobId> = jobs.filter(|job| self.is_fresh(*job)).collect();
            told.extend(jobs.iter().filter(|job| cx.graph.finals.add(cx.rule(cx.job(**job)), cx.job(**job))));
            if jobs.iter().any(|job| told.contains(job)) {
                known.push(id);
            }
        }
        for checkpoint in due.iter().flat_map(|job| &cx.graph.open[job].on) {
            let job = cx.job(*checkpoint);
            cx.graph.finals.add(cx.rule(job), job);
        }
        News { due, known }
    }

    /// Takes in what was found of jobs that are new or have other inputs or params. Returns whether that tells what is up
    /// to date now; else the whole has to be judged.
    pub(super) fn follow(&mut self, cx: &Context, checks: &Findings, changed: &[JobId]) -> bool {
        self.is_fresh.resize(cx.graph.jobs.len(), false);
        self.unsure_inputs.resize(cx.graph.jobs.len(), UNCOUNTED);
        for id in changed {
            self.is_tangled |= self.is_fresh(*id);
            self.await_checkpoints(cx, *id);
            self.await_params(cx, *id, pending(&checks[id.index()]));
            self.count_inputs(cx, *id);
        }
        let mut fresh: Vec<JobId> = changed.iter().copied().filter(|id| self.is_good(*id, checks)).collect();
        while let Some(id) = fresh.pop() {
            if std::mem::replace(&mut self.is_fresh[id.index()], true) {
                continue;
            }
            self.tell_waiting(cx, id);
            let mut at = self.readers.cursor(id.0);
            while let Some(reader) = self.readers.next(&mut at).map(JobId) {
                self.unsure_inputs[reader.index()] -= 1;
                if self.is_good(reader, checks) {
                    fresh.push(reader);
                }
            }
        }
        self.is_tangled |= changed.iter().any(|id| self.is_tangling(cx, *id, checks));
        !self.is_tangled
    }

    #[cfg(test)]
    pub(super) fn compare(&self, verdicts: &[Result<Verdict, Box<Trouble>>]) {
        let judged: Vec<bool> = verdicts.iter().map(is_up_to_date).collect();
        assert_eq!(self.is_fresh, judged, "what is followed is what is judged");
    }

    /// Whether a job is up to date by itself, and so is all that makes its inputs.
    fn is_good(&self, id: JobId, checks: &Findings) -> bool {
        let by_itself = || match &checks[id.index()] {
            None => true,
            Some(Ok(check)) => check.reasons.is_empty() && check.pending().is_empty(),
            Some(Err(_)) => false,
        };
        self.unsure_inputs[id.index()] == 0 && by_itself()
    }

    /// Whether more than who makes its inputs decides about a job, or it about more than who reads its outputs: temporary files
    /// that it lacks, a state that may be about to change, results that may come out of the cache.
    fn is_tangling(&self, cx: &Context, id: JobId, checks: &Findings) -> bool {
        match &checks[id.index()] {
            None => false,
            Some(Ok(check)) => {
                let may_be_restored = cx.cache.is_some() && !check.reasons.is_empty();
                let lacks = !check.absent().is_empty() && !self.is_fresh(id);
                lacks || may_be_restored || !check.excused().is_empty()
            }
            Some(Err(_)) => cx.cache.is_some(),
        }
    }

    fn await_checkpoints(&mut self, cx: &Context, id: JobId) {
        let Some(open) = cx.graph.open.get(&id) else { return };
        let missing: Vec<JobId> = open.on.iter().copied().filter(|on| !self.is_fresh(*on)).collect();
        if missing.is_empty() {
            return self.due.push(id);
        }
        self.missing.insert(id, missing.len());
        missing.into_iter().for_each(|checkpoint| self.waiting.entry(checkpoint).or_default().push(id));
    }

    fn await_params(&mut self, cx: &Context, id: JobId, pending: &[Pending]) {
        for pending in pending {
            if pending_job(cx, pending).is_some_and(|checkpoint| self.is_fresh(checkpoint)) {
                self.informed.push(id);
            } else if let Ok(checkpoint) = CheckpointJob::find(&pending.0, &pending.1, &cx.workflow) {
                self.looking.entry(checkpoint).or_default().push(id);
            }
        }
    }

    /// Once, when all inputs are known.
    fn count_inputs(&mut self, cx: &Context, id: JobId) {
        if self.unsure_inputs[id.index()] != UNCOUNTED || cx.graph.open.contains_key(&id) {
            return;
        }
        self.unsure_inputs[id.index()] = 0;
        for (_, maker) in inputs::made(cx, cx.job(id)).filter(|(_, maker)| !self.is_fresh[maker.index()]) {
            self.readers.add(maker.0, id.0);
            self.unsure_inputs[id.index()] += 1;
        }
    }

    /// A job came to be up to date, which others may wait for.
    fn tell_waiting(&mut self, cx: &Context, id: JobId) {
        let job = cx.job(id);
        if !cx.rule(job).checkpoint {
            return;
        }
        for open in self.waiting.remove(&id).unwrap_or_default() {
            let Some(missing) = self.missing.get_mut(&open) else { continue };
            *missing -= 1;
            if *missing == 0 {
                self.missing.remove(&open);
                self.due.push(open);
            }
        }
        if !self.looking.is_empty() {
            let checkpoint = CheckpointJob { rule: job.rule, wildcards: job.wildcards.clone() };
            self.informed.extend(self.looking.remove(&checkpoint).unwrap_or_default());
        }
    }
}

fn pending(check: &Option<Result<Finding, Box<Trouble>>>) -> &[Pending] {
    match check {
        Some(Ok(check)) => check.pending(),
        _ => &[],
    }
}
