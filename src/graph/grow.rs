//! Adds to a graph what checkpoints brought to light: the functions of jobs that waited are called again, and their
//! inputs, with all that these need, are added.
//!
//! Only the new region is looked at: it is resolved by itself, on a table of its own, and ends where it is settled
//! already where a file comes from. So the cost does not depend on the size of the graph, and nothing that was
//! decided is decided again.

use crate::base::few::Few;
use crate::base::path::{PathId, PathTable};
use crate::diag::Problem;
use crate::graph::checkpoints::{Open, Wait};
use crate::graph::cycle;
use crate::graph::dag::{JobGraph, PassedOver};
use crate::graph::errors;
use crate::graph::expand::{Expansion, Ground, Limits};
use crate::graph::job::{Job, JobId};
use crate::graph::resolve::{Chosen, Probe, Root, choose, cycle_problem};
use crate::matching::index::{PatternIndex, Scratch};
use crate::model::flags::Flag;
use crate::model::workflow::Workflow;
use rustc_hash::FxHashSet;
use std::path::Path;
use std::sync::Arc;

/// Jobs that one job may bring in at a time.
pub(crate) const MOST_NEW_JOBS: usize = 1_000_000;
/// Checkpoints that may lead to each other, one after the other. Each costs an execution, so an endless chain is seen
/// long before; this ends it.
const DEEPEST: u32 = 10_000;

const NONE: u32 = u32::MAX;

/// A graph that is to grow, and what it grows from.
pub(crate) struct Growth<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) index: &'a PatternIndex,
    pub(crate) paths: &'a mut PathTable,
    /// Its `finals` say which checkpoints can be looked at.
    pub(crate) graph: &'a mut JobGraph,
    pub(crate) probe: &'a dyn Probe,
    pub(crate) pool: Option<&'a rayon::ThreadPool>,
    /// Whether a job has come to a good end: then it does not wait for anything that is added.
    pub(crate) is_final: &'a dyn Fn(JobId) -> bool,
    /// Jobs that one job may bring in; several at once may bring in a few times as many.
    pub(crate) most: usize,
}

/// What was added.
#[derive(Debug, Default)]
pub(crate) struct Grown {
    /// Jobs from here on are new …
    pub(crate) first: u32,
    /// … and in this order producers come first.
    pub(crate) order: Vec<JobId>,
    pub(crate) changed: Vec<Changed>,
    /// Jobs that were there and change a file in place, each with one that reads it as it is before: they come later than
    /// that, unless they were final.
    pub(crate) later: Vec<(JobId, JobId)>,
    /// Jobs that cannot have their inputs.
    pub(crate) failed: Vec<(JobId, Vec<Problem>)>,
}

/// A job that was there and whose functions were called again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) job: JobId,
    /// What it needs besides.
    pub(crate) needs: Vec<JobId>,
    /// It waits for further checkpoints.
    pub(crate) is_open: bool,
}

/// Existence of files that are not settled yet.
struct OnGround<'a> {
    paths: &'a PathTable,
    graph: &'a JobGraph,
    workflow: &'a Workflow,
    index: &'a PatternIndex,
    probe: &'a dyn Probe,
}

impl OnGround<'_> {
    fn is_settled(&self, text: &str) -> bool {
        let is_known = self.paths.find(text).is_some_and(|path| self.graph.is_settled(path));
        is_known || maker_beside(text, self.graph, self.paths, self.workflow, self.index).is_some()
    }
}

/// The job of the graph that makes a file nobody asked for so far: in a directory, or as a log or benchmark.
fn maker_beside(
    text: &str,
    graph: &JobGraph,
    paths: &PathTable,
    workflow: &Workflow,
    index: &PatternIndex,
) -> Option<JobId> {
    if let Some((_, maker)) = directory_above(text, graph, paths, workflow) {
        return Some(maker);
    }
    let mut found = None;
    index.candidates(text, &mut Scratch::default(), |candidate| {
        let rule = &workflow.rules[candidate.rule as usize];
        let values =
            candidate.values.iter().map(|&(start, end)| Arc::from(&text[start as usize..end as usize]));
        let values: Vec<Arc<str>> = values.collect();
        let (Some(output), true) =
            (rule.outputs.first(), usize::from(candidate.output) >= rule.outputs.len())
        else {
            return;
        };
        let mut name = String::new();
        output.render(&values, &mut name);
        let maker = paths.find(&name).and_then(|path| graph.producer(path));
        found = found.or(maker.filter(|maker| {
            let job = &graph.jobs[maker.index()];
            job.rule == candidate.rule && *job.wildcards == *values
        }));
    });
    found
}

/// The directory of the graph in which a file lies, and the job that makes it.
fn directory_above(
    text: &str,
    graph: &JobGraph,
    paths: &PathTable,
    workflow: &Workflow,
) -> Option<(PathId, JobId)> {
    let above = text.rmatch_indices('/').filter_map(|(end, _)| paths.find(&text[..end]));
    let mut made = above.filter_map(|path| Some((path, graph.producer(path)?)));
    made.find(|(path, maker)| {
        let job = &graph.jobs[maker.index()];
        let flags = &workflow.rules[job.rule as usize].output_flags;
        job.outputs.iter().zip(flags).any(|(output, flags)| output == path && flags.has(Flag::Directory))
    })
}

impl Probe for OnGround<'_> {
    fn exists(&self, path: PathId, text: &str) -> bool {
        self.is_settled(text) || self.probe.exists(path, text)
    }

    fn is_made(&self, _: PathId, text: &str) -> bool {
        self.paths.find(text).is_some_and(|path| self.probe.is_made(path, text))
    }

    fn root(&self) -> &Path {
        self.probe.root()
    }

    fn real_name(&self, path: &str) -> Option<String> {
        self.probe.real_name(path)
    }

    fn near(&self, path: &str) -> Vec<String> {
        self.probe.near(path)
    }
}

impl Growth<'_> {
    /// Calls the functions of open jobs again, whose checkpoints are all final.
    pub(crate) fn grow(&mut self, jobs: &[JobId]) -> Grown {
        let mut grown = Grown { first: self.graph.jobs.len() as u32, ..Grown::default() };
        if jobs.len() > 1 && self.try_grow(jobs, self.most.saturating_mul(4), &mut grown).is_ok() {
            return grown;
        }
        // Something is wrong with one of them: each alone, so that the others do not suffer for it.
        for job in jobs {
            if let Err(problems) = self.try_grow(std::slice::from_ref(job), self.most, &mut grown) {
                grown.failed.push((*job, problems));
            }
        }
        grown
    }

    /// All of them or none.
    fn try_grow(&mut self, jobs: &[JobId], most: usize, grown: &mut Grown) -> Result<(), Vec<Problem>> {
        let mut local = PathTable::default();
        let (graph, paths, workflow) = (&*self.graph, &*self.paths, self.workflow);
        let probe = OnGround { paths, graph, workflow, index: self.index, probe: self.probe };
        let is_settled = |text: &str| probe.is_settled(text);
        let ground = Ground { is_settled: &is_settled, checkpoints: &*graph.finals };
        let limits = Limits { jobs: most.saturating_add(jobs.len()), ..Limits::default() };
        let root = self.probe.root();
        let mut expansion =
            Expansion::new(workflow, root, self.index, &mut local, self.pool, limits).on(ground);
        let add = |id: &JobId| {
            let job = &graph.jobs[id.index()];
            Root::Job(expansion.add_job(job.rule, &job.wildcards))
        };
        let roots: Vec<Root> = jobs.iter().map(add).collect();
        expansion.run();
        expansion.keep_named_makers();
        let chosen = choose(&mut expansion, &probe, &roots)?;
        let region = Region { old: jobs, chosen, local: &local, graph, paths, workflow };
        region.validate(self.is_final)?;
        let Region { chosen, .. } = region;
        self.apply(jobs, chosen, &local, grown);
        Ok(())
    }

    /// Inputs of a region that jobs of the graph make beside their outputs.
    fn made_beside(&self, chosen: &Chosen, local: &PathTable) -> Vec<(PathId, JobId)> {
        let (graph, paths) = (&*self.graph, &*self.paths);
        let inputs = chosen.jobs.iter().flat_map(|job| job.made_inputs()).map(|(_, path)| path);
        let unmade = inputs.filter(|path| chosen.links.producer(*path).is_none());
        let unmade = unmade.map(|path| (path, local.text(path)));
        let unknown = unmade.filter(|(_, text)| !paths.find(text).is_some_and(|path| graph.is_settled(path)));
        unknown
            .filter_map(|(path, text)| {
                Some((path, maker_beside(text, graph, paths, self.workflow, self.index)?))
            })
            .collect()
    }

    /// Puts a region that was found sound into the graph.
    fn apply(&mut self, old: &[JobId], chosen: Chosen, local: &PathTable, grown: &mut Grown) {
        let beside = self.made_beside(&chosen, local);
        let mut ids = vec![NONE; local.len()];
        let paths = &mut *self.paths;
        let mut global = |path: PathId| {
            let id = &mut ids[path.index()];
            if *id == NONE {
                *id = paths.intern(local.text(path)).0;
            }
            PathId(*id)
        };
        let graph = &mut *self.graph;
        let first = graph.jobs.len() as u32;
        let number = |job: JobId| match old.get(job.index()) {
            Some(old) => *old,
            None => JobId(first + (job.index() - old.len()) as u32),
        };
        let mut order: Vec<Vec<JobId>> = Vec::with_capacity(chosen.jobs.len());
        for (i, mut job) in chosen.jobs.into_iter().enumerate() {
            order.push(job.needs.iter().map(|need| number(*need)).collect());
            job.inputs.iter_mut().chain(job.outputs.iter_mut()).for_each(|path| *path = global(*path));
            match old.get(i) {
                Some(id) => {
                    let known = &mut graph.jobs[id.index()];
                    (known.inputs, known.layout) = (job.inputs, job.layout);
                }
                None => graph.add_job(Job { needs: Few::default(), ..job }),
            }
        }
        beside.into_iter().for_each(|(path, job)| graph.add_beside(global(path), job));
        for (job, paths) in chosen.links.beside() {
            paths.iter().for_each(|path| graph.add_beside(global(*path), number(JobId(*job))));
        }
        let new = (first..graph.jobs.len() as u32).map(JobId);
        for (id, order) in old.iter().copied().chain(new).zip(order) {
            for i in 0..graph.jobs[id.index()].inputs.len() {
                graph.add_source(graph.jobs[id.index()].inputs[i]);
            }
            let needs = graph.connect(id, &order);
            if id.0 < first {
                grown.changed.push(Changed { job: id, needs, is_open: false });
            }
        }
        put_before_updates(graph, old, first, self.is_final, grown);
        let depths = old.iter().map(|job| graph.open.remove(job).map_or(0, |open| open.depth));
        let depth = depths.max().unwrap_or(0) + 1;
        let changed = grown.changed.len() - old.len();
        for (job, waits) in chosen.open {
            let on = waits.iter().filter_map(|wait| graph.producer(global(wait.path))).collect();
            graph.open.insert(number(job), Open { on, depth });
            if let Some(changed) = grown.changed[changed..].get_mut(job.index()) {
                changed.is_open = true;
            }
        }
        let is_new = |job: &&JobId| job.index() >= old.len();
        grown.order.extend(chosen.links.order().iter().filter(is_new).map(|job| number(*job)));
        let passed_over = chosen.passed_over.into_iter().map(|passed| PassedOver {
            path: global(passed.path),
            lacks: passed.lacks.map(&mut global),
            ..passed
        });
        graph.passed_over.extend(passed_over);
    }
}

/// The order for the sake of `before_update`, as [`updates`](super::updates) adds it to a whole graph, between what was
/// added and jobs that were there before.
fn put_before_updates(
    graph: &mut JobGraph,
    old: &[JobId],
    first: u32,
    is_final: &dyn Fn(JobId) -> bool,
    grown: &mut Grown,
) {
    let new = (first..graph.jobs.len() as u32).map(JobId);
    for reader in old.iter().copied().chain(new) {
        for changer in changers(graph, &graph.jobs[reader.index()]) {
            if changer.0 >= first || old.contains(&changer) {
                continue;
            }
            grown.later.push((changer, reader));
            if is_final(changer) {
                continue;
            }
            let mut dependent: FxHashSet<JobId> = FxHashSet::from_iter([reader]);
            let mut stack = vec![reader];
            while let Some(job) = stack.pop() {
                stack.extend(graph.consumers(job).filter(|consumer| dependent.insert(*consumer)));
            }
            let needs = graph.jobs[changer.index()].needs.iter().copied();
            let independent: Vec<JobId> = needs.filter(|need| !dependent.contains(need)).collect();
            let added = graph.connect(reader, &independent);
            if let Some(changed) = grown.changed.iter_mut().find(|changed| changed.job == reader) {
                changed.needs.extend(added);
            }
            graph.connect(changer, &[reader]);
        }
    }
}

/// The jobs that change in place what `job` reads as it is before, each once.
fn changers(graph: &JobGraph, job: &Job) -> Vec<JobId> {
    let before = (0..job.inputs.len()).filter(|index| job.is_before_update(*index));
    let mut changers: Vec<JobId> = before.filter_map(|index| graph.producer(job.inputs[index])).collect();
    changers.sort_unstable();
    changers.dedup();
    changers.retain(|changer| graph.jobs[changer.index()].outputs != job.outputs);
    changers
}

/// A part to be added: the jobs that were there come first in it.
struct Region<'a> {
    old: &'a [JobId],
    chosen: Chosen,
    local: &'a PathTable,
    graph: &'a JobGraph,
    paths: &'a PathTable,
    workflow: &'a Workflow,
}

/// A job of the region or of the graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Node {
    Local(u32),
    Outside(JobId),
}

impl Region<'_> {
    fn validate(&self, is_final: &dyn Fn(JobId) -> bool) -> Result<(), Vec<Problem>> {
        let problems: Vec<Problem> = self
            .conflicts()
            .chain(self.nested())
            .chain(self.other_makers())
            .chain(self.too_deep())
            .take(10)
            .collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        self.refuse_cycles(is_final)
    }

    /// The path in the graph's table, if it has it.
    fn known(&self, path: PathId) -> Option<PathId> {
        self.paths.find(self.local.text(path))
    }

    fn outside_producer(&self, path: PathId) -> Option<JobId> {
        self.graph.producer(self.known(path)?)
    }

    fn new_jobs(&self) -> &[Job] {
        &self.chosen.jobs[self.old.len()..]
    }

    /// Outputs of new jobs that are settled already, by a side output of theirs: they were asked for another one.
    fn conflicts(&self) -> impl Iterator<Item = Problem> + '_ {
        let outputs = self.new_jobs().iter().flat_map(|job| job.outputs.iter().map(move |path| (job, *path)));
        outputs.filter_map(|(job, path)| {
            let known = self.known(path).filter(|known| self.graph.is_settled(*known))?;
            let file = self.local.text(path);
            let side = |job: &Job| (&*self.workflow.rules[job.rule as usize], job.wildcards.clone());
            Some(match self.graph.producer(known) {
                None => errors::makes_source(file, job, self.workflow),
                Some(other) => {
                    let (a, b) = (side(job), side(&self.graph.jobs[other.index()]));
                    errors::conflict(file, [(a.0, &a.1), (b.0, &b.1)])
                }
            })
        })
    }

    /// Outputs of new jobs in directories that jobs of the graph make.
    fn nested(&self) -> impl Iterator<Item = Problem> + '_ {
        let outputs = self.new_jobs().iter().flat_map(|job| job.outputs.iter().map(move |path| (job, *path)));
        outputs.filter_map(|(job, path)| {
            let file = self.local.text(path);
            let (directory, maker) = directory_above(file, self.graph, self.paths, self.workflow)?;
            let rule = |job: &Job| &*self.workflow.rules[job.rule as usize];
            let made_by = rule(&self.graph.jobs[maker.index()]);
            Some(errors::nested(self.paths.text(directory), made_by, file, "output", rule(job)))
        })
    }

    /// Jobs that would wait for ever, because the checkpoint is not what makes the file.
    fn other_makers(&self) -> impl Iterator<Item = Problem> + '_ {
        let waits = self.chosen.open.iter().flat_map(|(job, waits)| waits.iter().map(move |w| (*job, w)));
        let lost = waits.filter(|(_, wait)| {
            let maker = match self.chosen.links.producer(wait.path) {
                Some(job) => Some(&self.chosen.jobs[job.index()]),
                None => self.outside_producer(wait.path).map(|job| &self.graph.jobs[job.index()]),
            };
            !maker.is_some_and(|maker| wait.job.is(maker))
        });
        lost.map(|(job, Wait { job: checkpoint, path })| {
            let job = &self.chosen.jobs[job.index()];
            errors::other_maker(self.local.text(*path), checkpoint, job, self.workflow)
        })
    }

    fn too_deep(&self) -> impl Iterator<Item = Problem> + '_ {
        let open = self.chosen.open.iter().filter_map(|(job, _)| self.old.get(job.index()));
        let deep = open.filter(|job| self.graph.open.get(job).is_some_and(|open| open.depth >= DEEPEST));
        deep.map(|job| errors::too_many_rounds(&self.graph.jobs[job.index()], DEEPEST, self.workflow))
    }

    /// Inside the region there is no cycle. One through the graph leaves the region by a job that is not final and
    /// comes back by a job that was there, so only what these lead to is looked at.
    fn refuse_cycles(&self, is_final: &dyn Fn(JobId) -> bool) -> Result<(), Vec<Problem>> {
        let mut doors: FxHashSet<JobId> = FxHashSet::default();
        for (i, job) in self.chosen.jobs.iter().enumerate() {
            let needed = |need: &JobId| match self.old.get(i) {
                Some(old) => self.graph.jobs[old.index()].needs.contains(need),
                None => false,
            };
            let made = job.made_inputs().map(|(_, path)| path);
            let outside = made.filter(|path| self.chosen.links.producer(*path).is_none());
            let producers = outside.filter_map(|path| self.outside_producer(path));
            doors.extend(producers.filter(|need| !is_final(*need) && !needed(need)));
        }
        if doors.is_empty() {
            return Ok(());
        }
        let mut seen: FxHashSet<JobId> = FxHashSet::default();
        let mut stack = self.old.to_vec();
        let later = self.later(is_final);
        stack.extend(later.iter().filter(|changer| seen.insert(**changer)));
        while let Some(job) = stack.pop() {
            stack.extend(self.graph.consumers(job).filter(|consumer| seen.insert(*consumer)));
        }
        if self.old.len() > 1 {
            // Perhaps none of them alone is on a cycle.
            seen.extend(self.old);
        }
        match doors.is_disjoint(&seen) {
            true => Ok(()),
            false if !later.is_empty() => Err(self.read_too_late()),
            false => Err(self.cycle()),
        }
    }

    /// A job of the region reads a file as it is before, and needs what is made of the change.
    fn read_too_late(&self) -> Vec<Problem> {
        let read = self.chosen.jobs.iter().find_map(|job| {
            let mut before = (0..job.inputs.len()).filter(|index| job.is_before_update(*index));
            let index = before.find(|index| self.outside_producer(job.inputs[*index]).is_some())?;
            Some((job, job.inputs[index]))
        });
        let problem = |(job, path): (&Job, PathId)| {
            let rule = &self.workflow.rules[job.rule as usize];
            errors::read_too_late(self.local.text(path), rule)
        };
        read.map(problem).into_iter().collect()
    }

    /// The jobs of the graph that change in place what jobs of the region read as it is before.
    fn later(&self, is_final: &dyn Fn(JobId) -> bool) -> Vec<JobId> {
        let inputs = self.chosen.jobs.iter().flat_map(|job| {
            let before = (0..job.inputs.len()).filter(|index| job.is_before_update(*index));
            before.map(|index| job.inputs[index])
        });
        let outside = inputs.filter(|path| self.chosen.links.producer(*path).is_none());
        let changers = outside.filter_map(|path| self.outside_producer(path));
        changers.filter(|changer| !is_final(*changer) && !self.old.contains(changer)).collect()
    }

    /// The cycle through the first job, for the message.
    fn cycle(&self) -> Vec<Problem> {
        let needs = |node: Node| -> Vec<Node> {
            let outside = |job: JobId| match self.old.iter().position(|old| *old == job) {
                Some(local) => Node::Local(local as u32),
                None => Node::Outside(job),
            };
            match node {
                Node::Outside(job) => {
                    self.graph.jobs[job.index()].needs.iter().map(|need| outside(*need)).collect()
                }
                Node::Local(job) => {
                    let inputs = self.chosen.jobs[job as usize].inputs.iter();
                    let producer = |path: &PathId| match self.chosen.links.producer(*path) {
                        Some(job) => Some(Node::Local(job.0)),
                        None => self.outside_producer(*path).map(outside),
                    };
                    inputs.filter_map(producer).collect()
                }
            }
        };
        let on_cycle = cycle::through(Node::Local(0), needs);
        let job = |node: &Node| -> (&Job, &PathTable) {
            match node {
                Node::Local(job) => (&self.chosen.jobs[*job as usize], self.local),
                Node::Outside(job) => (&self.graph.jobs[job.index()], self.paths),
            }
        };
        vec![cycle_problem(&on_cycle.iter().map(job).collect::<Vec<_>>(), self.workflow)]
    }
}
