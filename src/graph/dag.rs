//! The graph of jobs: who makes a path, who needs a job, and an order in which producers come first.
//!
//! Knows nothing of how the jobs were chosen, of verdicts or of running. Invariants: acyclic; every path has
//! at most one producer; the same jobs always give the same order.

use crate::base::path::{PathId, PathTable};
use crate::graph::cycle;
use crate::graph::info::JobInfo;
use crate::graph::job::{Job, JobId};
use crate::graph::updates;
use crate::model::workflow::Workflow;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxHashMap;

const NONE: u32 = u32::MAX;

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
    producers: Vec<u32>,
    beside: Beside,
    consumers: Consumers,
}

/// A rule that matches a path and was not taken because it cannot run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassedOver {
    pub(crate) path: PathId,
    pub(crate) rule: u32,
    /// The first input that cannot be had; `None` when a function for its inputs failed.
    pub(crate) lacks: Option<PathId>,
}

/// Compressed rows: the consumers of job `j` are `list[starts[j]..starts[j + 1]]`.
#[derive(Debug)]
struct Consumers {
    starts: Vec<u32>,
    list: Vec<JobId>,
}

/// What the inputs and outputs of jobs say about their connections.
#[derive(Debug)]
pub(crate) struct Links {
    order: Vec<JobId>,
    producers: Vec<u32>,
    beside: Beside,
    consumers: Consumers,
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
    let order = order(jobs).map_err(|on_cycle| LinkError::Cycle(cycle::through(on_cycle, jobs)))?;
    Ok(Links { order, producers, beside, consumers: consumers(jobs) })
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
fn order(jobs: &[Job]) -> Result<Vec<JobId>, JobId> {
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

fn consumers(jobs: &[Job]) -> Consumers {
    let mut starts = vec![0u32; jobs.len() + 1];
    for need in jobs.iter().flat_map(|job| &job.needs) {
        starts[need.index() + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut next = starts.clone();
    let mut list = vec![JobId(0); starts[jobs.len()] as usize];
    for (consumer, job) in jobs.iter().enumerate() {
        for need in &job.needs {
            list[next[need.index()] as usize] = JobId(consumer as u32);
            next[need.index()] += 1;
        }
    }
    Consumers { starts, list }
}

impl JobGraph {
    /// Puts the parts together. `target_paths` without a producer count as sources.
    pub(crate) fn new(
        jobs: Vec<Job>,
        links: Links,
        target_jobs: impl Iterator<Item = Result<JobId, PathId>>,
    ) -> JobGraph {
        let Links { order, producers, beside, consumers } = links;
        let mut is_source_known = vec![false; producers.len()];
        let mut sources = Vec::new();
        let mut add_source = |path: PathId| {
            if producers[path.index()] == NONE && !std::mem::replace(&mut is_source_known[path.index()], true)
            {
                sources.push(path);
            }
        };
        for input in jobs.iter().flat_map(|job| &job.inputs) {
            add_source(*input);
        }
        let mut is_target = vec![false; jobs.len()];
        let mut targets = Vec::new();
        for target in target_jobs {
            let job = match target {
                Ok(job) => job,
                Err(path) if producers[path.index()] != NONE => JobId(producers[path.index()]),
                Err(path) => {
                    add_source(path);
                    continue;
                }
            };
            if !std::mem::replace(&mut is_target[job.index()], true) {
                targets.push(job);
            }
        }
        JobGraph { jobs, order, targets, sources, passed_over: Vec::new(), producers, beside, consumers }
    }

    /// The job that makes `path`.
    pub(crate) fn producer(&self, path: PathId) -> Option<JobId> {
        // Paths may have been interned since.
        self.producers.get(path.index()).filter(|&&job| job != NONE).map(|&job| JobId(job))
    }

    /// The job that makes an input of `job`, unless it is to be there as it is before.
    pub(crate) fn maker(&self, job: &Job, input: usize) -> Option<JobId> {
        if job.is_before_update(input) { None } else { self.producer(*job.inputs.get(input)?) }
    }

    /// What is wanted of `job` beside its outputs: logs, its benchmark, files in directories that it makes.
    pub(crate) fn beside(&self, job: JobId) -> &[PathId] {
        self.beside.get(&job.0).map_or(&[], Vec::as_slice)
    }

    /// The jobs that need `job`, each once, in order of their ids.
    pub(crate) fn consumers(&self, job: JobId) -> &[JobId] {
        let starts = &self.consumers.starts;
        &self.consumers.list[starts[job.index()] as usize..starts[job.index() + 1] as usize]
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
