//! The graph of jobs: who makes a path, who needs a job, and an order in which producers come first.
//!
//! Knows nothing of how the jobs were chosen, of verdicts or of running. Invariants: acyclic; every path has
//! at most one producer; the same jobs always give the same order. It only grows, and ids never move.

use crate::base::path::{PathId, PathTable};
use crate::base::rows::Rows;
use crate::diag::Problem;
use crate::graph::checkpoints::{FinalCheckpoints, Open};
use crate::graph::cycle;
use crate::graph::info::JobInfo;
use crate::graph::job::{Job, JobId};
use crate::graph::updates;
use crate::model::workflow::Workflow;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::sync::Arc;

// What is known of a path, above all job numbers.
const NONE: u32 = u32::MAX;
const SOURCE: u32 = u32::MAX - 1;

/// The jobs that the targets need, and how they hang together.
#[derive(Debug)]
pub(crate) struct JobGraph {
    pub(crate) jobs: Vec<Job>,
    /// Topological, producers first.
    pub(crate) order: Vec<JobId>,
    /// Jobs of the targets, in order of the targets, each once.
    pub(crate) targets: Vec<JobId>,
    /// Paths that no job makes: inputs in order of the jobs, then targets that are such files themselves.
    pub(crate) sources: Vec<PathId>,
    /// Where another rule could make a path, or any rule an existing file, were it not for what it lacks.
    pub(crate) passed_over: Vec<PassedOver>,
    /// Jobs whose inputs are not all known yet.
    pub(crate) open: BTreeMap<JobId, Open>,
    /// The jobs of checkpoints that functions may look at.
    pub(crate) finals: Arc<FinalCheckpoints>,
    /// By path: the job that makes it, or that it is a source.
    producers: Vec<u32>,
    beside: Beside,
    consumers: Rows,
}

/// A rule that matches a path and was not taken because it cannot run.
#[derive(Clone, Debug)]
pub(crate) struct PassedOver {
    pub(crate) path: PathId,
    pub(crate) rule: u32,
    /// The first input that cannot be had; `None` when a function for its inputs failed.
    pub(crate) lacks: Option<PathId>,
    /// How that function failed; told once for each rule.
    pub(crate) failure: Option<Arc<Problem>>,
}

/// What the inputs and outputs of jobs say about their connections.
#[derive(Debug)]
pub(crate) struct Links {
    order: Vec<JobId>,
    producers: Vec<u32>,
    beside: Beside,
    consumers: Rows,
}

impl Links {
    /// Producers first.
    pub(crate) fn order(&self) -> &[JobId] {
        &self.order
    }

    /// What is wanted of jobs beside their outputs.
    pub(crate) fn beside(&self) -> &Beside {
        &self.beside
    }

    /// The job that makes `path`.
    pub(crate) fn producer(&self, path: PathId) -> Option<JobId> {
        self.producers.get(path.index()).filter(|&&job| job < SOURCE).map(|&job| JobId(job))
    }
}

/// Why jobs do not make a graph.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// Two jobs make one path.
    Conflicts(Vec<(PathId, JobId, JobId)>),
    /// Each needs the next, the last needs the first.
    Cycle(Vec<JobId>),
}

/// By job: what is wanted of it beside its outputs, that is, logs, benchmarks, and files in directories that it makes.
pub(crate) type Beside = FxHashMap<u32, Vec<PathId>>;

/// Connects `jobs`, setting what each needs; paths are below `path_count`.
pub(crate) fn link(jobs: &mut [Job], beside: Beside, path_count: usize) -> Result<Links, LinkError> {
    let producers = producers(jobs, &beside, path_count)?;
    let mut seen = vec![NONE; jobs.len()];
    let mut needs = Vec::new();
    for (id, job) in jobs.iter_mut().enumerate() {
        needs.clear();
        for (_, input) in job.made_inputs() {
            let producer = producers[input.index()];
            if producer != NONE && seen[producer as usize] != id as u32 {
                seen[producer as usize] = id as u32;
                needs.push(JobId(producer));
            }
        }
        job.needs = needs.as_slice().into();
    }
    updates::add_order(jobs, &producers);
    let order = order(jobs).map_err(|on_cycle| {
        LinkError::Cycle(cycle::through(on_cycle, |job| jobs[job.index()].needs.to_vec()))
    })?;
    Ok(Links { order, producers, beside, consumers: Rows::pack(jobs.len(), edges(jobs)) })
}

fn producers(jobs: &[Job], beside: &Beside, path_count: usize) -> Result<Vec<u32>, LinkError> {
    let mut producers = vec![NONE; path_count];
    let mut conflicts = Vec::new();
    for (id, job) in (0..).zip(jobs) {
        for output in job.outputs.iter().chain(beside.get(&id).into_iter().flatten()) {
            let known = &mut producers[output.index()];
            if *known == NONE {
                *known = id;
            } else if *known != id {
                conflicts.push((*output, JobId(*known), JobId(id)));
            }
        }
    }
    if conflicts.is_empty() { Ok(producers) } else { Err(LinkError::Conflicts(conflicts)) }
}

/// Producers first, or a job on a cycle. petgraph's `toposort` keeps its own stack, so depth does not matter.
pub(crate) fn order(jobs: &[Job]) -> Result<Vec<JobId>, JobId> {
    let edges = jobs.iter().map(|job| job.needs.len()).sum();
    let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(jobs.len(), edges);
    for _ in jobs {
        graph.add_node(());
    }
    for (consumer, job) in jobs.iter().enumerate() {
        for producer in &job.needs {
            graph.add_edge(NodeIndex::new(producer.index()), NodeIndex::new(consumer), ());
        }
    }
    let job = |node: NodeIndex<u32>| JobId(node.index() as u32);
    match toposort(&graph, None) {
        Ok(nodes) => Ok(nodes.into_iter().map(job).collect()),
        Err(cycle) => Err(job(cycle.node_id())),
    }
}

/// Each need of each job, as producer and consumer.
fn edges(jobs: &[Job]) -> impl Iterator<Item = (u32, u32)> + Clone + '_ {
    jobs.iter().zip(0..).flat_map(|(job, consumer)| job.needs.iter().map(move |need| (need.0, consumer)))
}

impl JobGraph {
    /// Puts the parts together. `target_paths` without a producer count as sources.
    pub(crate) fn new(
        mut jobs: Vec<Job>,
        links: Links,
        target_jobs: impl Iterator<Item = Result<JobId, PathId>>,
    ) -> JobGraph {
        let Links { order, mut producers, beside, consumers } = links;
        jobs.iter_mut().zip(0..).for_each(|(job, id)| job.id = JobId(id));
        let mut sources = Vec::new();
        let mut add_source = |path: PathId, producers: &mut [u32]| {
            if producers[path.index()] == NONE {
                producers[path.index()] = SOURCE;
                sources.push(path);
            }
        };
        for input in jobs.iter().flat_map(|job| &job.inputs) {
            add_source(*input, &mut producers);
        }
        let mut is_target = vec![false; jobs.len()];
        let mut targets = Vec::new();
        for target in target_jobs {
            let job = match target {
                Ok(job) => job,
                Err(path) if producers[path.index()] < SOURCE => JobId(producers[path.index()]),
                Err(path) => {
                    add_source(path, &mut producers);
                    continue;
                }
            };
            if !std::mem::replace(&mut is_target[job.index()], true) {
                targets.push(job);
            }
        }
        JobGraph {
            jobs,
            order,
            targets,
            sources,
            passed_over: Vec::new(),
            open: BTreeMap::new(),
            finals: Arc::default(),
            producers,
            beside,
            consumers,
        }
    }

    /// The job that makes `path`.
    pub(crate) fn producer(&self, path: PathId) -> Option<JobId> {
        // Paths may have been interned since.
        self.producers.get(path.index()).filter(|&&job| job < SOURCE).map(|&job| JobId(job))
    }

    /// The job that makes an input of `job`, unless it is to be there as it is before.
    pub(crate) fn maker(&self, job: &Job, input: usize) -> Option<JobId> {
        if job.is_before_update(input) { None } else { self.producer(*job.inputs.get(input)?) }
    }

    /// What is wanted of `job` beside its outputs: logs, its benchmark, files in directories that it makes.
    pub(crate) fn beside(&self, job: JobId) -> &[PathId] {
        self.beside.get(&job.0).map_or(&[], Vec::as_slice)
    }

    /// Whether it is settled where `path` comes from: a job makes it, or it is a source.
    pub(crate) fn is_settled(&self, path: PathId) -> bool {
        self.producers.get(path.index()).is_some_and(|&known| known != NONE)
    }

    /// The jobs that need `job`, each once.
    pub(crate) fn consumers(&self, job: JobId) -> impl Iterator<Item = JobId> + '_ {
        self.consumers.of(job.0).map(JobId)
    }

    /// For each job the jobs that need it.
    pub(crate) fn consumer_rows(&self) -> &Rows {
        &self.consumers
    }

    /// Takes out all jobs but those that are to be kept. With a job all are kept that it needs.
    pub(crate) fn restrict(&mut self, keep: &[bool], targets: &[JobId]) {
        let mut numbers = vec![NONE; self.jobs.len()];
        let kept = keep.iter().enumerate().filter(|(_, is_kept)| **is_kept);
        kept.zip(0..).for_each(|((old, _), new)| numbers[old] = new);
        let number = |job: JobId| Some(JobId(numbers[job.index()])).filter(|new| new.0 != NONE);
        let all = |jobs: &[JobId]| -> Vec<JobId> { jobs.iter().filter_map(|job| number(*job)).collect() };
        let mut is_kept = keep.iter().copied();
        self.jobs.retain(|_| is_kept.next().unwrap_or(false));
        self.jobs.iter_mut().for_each(|job| job.needs = all(&job.needs).as_slice().into());
        self.order = all(&self.order);
        self.targets = all(targets);
        let open = std::mem::take(&mut self.open).into_iter();
        self.open = open
            .filter_map(|(job, open)| Some((number(job)?, Open { on: all(&open.on).into(), ..open })))
            .collect();
        for producer in self.producers.iter_mut().filter(|producer| **producer < SOURCE) {
            *producer = numbers[*producer as usize];
        }
        let beside = std::mem::take(&mut self.beside).into_iter();
        self.beside = beside.filter_map(|(job, paths)| Some((number(JobId(job))?.0, paths))).collect();
        let mut is_read = vec![false; self.producers.len()];
        self.jobs.iter().flat_map(|job| &job.inputs).for_each(|path| is_read[path.index()] = true);
        self.sources.retain(|path| is_read[path.index()]);
        self.consumers = Rows::pack(self.jobs.len(), edges(&self.jobs));
    }

    /// Adds a job whose outputs nobody makes yet, and what it needs.
    pub(crate) fn add_job(&mut self, job: Job) {
        let id = self.jobs.len() as u32;
        for output in &job.outputs {
            self.make_room(*output);
            self.producers[output.index()] = id;
        }
        self.jobs.push(Job { id: JobId(id), ..job });
    }

    /// Takes note that no job makes `path`, unless one does.
    pub(crate) fn add_source(&mut self, path: PathId) {
        self.make_room(path);
        if self.producers[path.index()] == NONE {
            self.producers[path.index()] = SOURCE;
            self.sources.push(path);
        }
    }

    /// Takes note that a job makes `path` beside its outputs.
    pub(crate) fn add_beside(&mut self, path: PathId, job: JobId) {
        self.make_room(path);
        if self.producers[path.index()] == NONE {
            self.producers[path.index()] = job.0;
            self.beside.entry(job.0).or_default().push(path);
        }
    }

    /// Sets what a job needs by its inputs, and `more`; what it needed before stays. Returns what is new.
    pub(crate) fn connect(&mut self, id: JobId, more: &[JobId]) -> Vec<JobId> {
        let job = &self.jobs[id.index()];
        let before = job.needs.len();
        let mut needs = job.needs.to_vec();
        let mut seen: FxHashSet<JobId> = needs.iter().copied().collect();
        let producers = job.made_inputs().filter_map(|(_, input)| self.producer(input));
        needs.extend(producers.chain(more.iter().copied()).filter(|need| seen.insert(*need)));
        let added = needs.split_off(before);
        added.iter().for_each(|need| self.consumers.add(need.0, id.0));
        needs.extend(&added);
        self.jobs[id.index()].needs = needs.as_slice().into();
        added
    }

    /// Puts the order right after jobs were added.
    pub(crate) fn reorder(&mut self) {
        if let Ok(order) = order(&self.jobs) {
            self.order = order;
        }
    }

    fn make_room(&mut self, path: PathId) {
        if self.producers.len() <= path.index() {
            self.producers.resize(path.index() + 1, NONE);
        }
    }

    /// The job as it is shown outside.
    pub(crate) fn info(&self, job: JobId, workflow: &Workflow, paths: &PathTable) -> JobInfo {
        let it = &self.jobs[job.index()];
        let rule = &workflow.rules[it.rule as usize];
        let names = rule.wildcards.iter().map(|n| n.to_string());
        JobInfo {
            id: job.0,
            rule: rule.name.to_string(),
            outputs: it.outputs.iter().map(|p| paths.text(*p).to_string()).collect(),
            wildcards: names.zip(it.wildcards.iter().map(|v| v.to_string())).collect(),
        }
    }
}
