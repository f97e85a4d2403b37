//! Jobs that run at the same time, because one reads what another writes into a pipe, or uses its service. A unit is one
//! job, or all jobs that are connected so; only units of several jobs are kept, so a workflow without them pays nothing.
//!
//! Invariants: a unit is known by its first job; its jobs are in an order in which producers come first; whatever else
//! they need is made outside of the unit and does not need it.

use crate::base::path::{PathId, PathTable};
use crate::diag::Problem;
use crate::graph::cycle;
use crate::graph::dag::JobGraph;
use crate::graph::job::{Job, JobId};
use crate::model::action::Action;
use crate::model::flags::Stream;
use crate::model::rule::{Rule, Shadow};
use crate::model::workflow::Workflow;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The units of several jobs in a graph.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    streams: FxHashMap<PathId, Stream>,
    /// Of jobs that run with others: the first job of their unit.
    leaders: FxHashMap<JobId, JobId>,
    members: FxHashMap<JobId, Arc<[JobId]>>,
}

/// Units, by their first jobs, and jobs that ran alone, which are one unit now.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) parts: Vec<JobId>,
}

/// Whether the rule writes a pipe or offers a service.
pub(crate) fn has_stream(rule: &Rule) -> bool {
    rule.output_flags.iter().any(|flags| flags.stream().is_some())
}

/// The pipes and services of a job.
pub(crate) fn streams_of<'a>(rule: &'a Rule, job: &'a Job) -> impl Iterator<Item = (PathId, Stream)> + 'a {
    let flagged = job.outputs.iter().zip(&rule.output_flags);
    flagged.filter_map(|(path, flags)| Some((*path, flags.stream()?)))
}

impl Units {
    /// The units of the whole graph.
    pub(crate) fn of(workflow: &Workflow, graph: &JobGraph) -> Units {
        let mut units = Units::default();
        units.extend(workflow, graph, (0..graph.jobs.len() as u32).map(JobId));
        units
    }

    /// Takes note of what these jobs make and read, which are new or have new inputs. Returns the units that are not what
    /// they were.
    pub(crate) fn extend(
        &mut self,
        workflow: &Workflow,
        graph: &JobGraph,
        jobs: impl Iterator<Item = JobId> + Clone,
    ) -> Vec<Joined> {
        if !workflow.rules.iter().any(|rule| has_stream(rule)) {
            return Vec::new();
        }
        for id in jobs.clone() {
            let job = &graph.jobs[id.index()];
            self.streams.extend(streams_of(&workflow.rules[job.rule as usize], job));
        }
        let mut joined: FxHashMap<JobId, JobId> = FxHashMap::default();
        for id in jobs {
            for (_, path) in graph.jobs[id.index()].made_inputs() {
                let producer = graph.producer(path).filter(|_| self.streams.contains_key(&path));
                let pair = producer.map(|producer| (self.leader(id), self.leader(producer)));
                if let Some((one, other)) = pair.filter(|(one, other)| one != other) {
                    join(&mut joined, one, other);
                }
            }
        }
        let mut groups: BTreeMap<JobId, Vec<JobId>> = BTreeMap::new();
        let mut known: Vec<JobId> = joined.keys().copied().collect();
        known.sort_unstable();
        for part in known {
            groups.entry(root(&mut joined, part)).or_default().push(part);
        }
        groups.into_iter().map(|(leader, parts)| self.merge(graph, leader, parts)).collect()
    }

    fn merge(&mut self, graph: &JobGraph, leader: JobId, parts: Vec<JobId>) -> Joined {
        let mut group = Vec::new();
        for part in &parts {
            match self.members.remove(part) {
                Some(members) => group.extend(members.iter()),
                None => group.push(*part),
            }
        }
        group.sort_unstable();
        let members = producers_first(graph, &group);
        self.leaders.extend(members.iter().map(|member| (*member, leader)));
        self.members.insert(leader, members.into());
        Joined { parts }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.streams.is_empty()
    }

    /// The first job of the unit of `job`: itself, when it runs alone.
    pub(crate) fn leader(&self, job: JobId) -> JobId {
        self.leaders.get(&job).copied().unwrap_or(job)
    }

    /// The jobs of the unit whose first job is `leader`, producers first; `None` when it runs alone.
    pub(crate) fn members(&self, leader: JobId) -> Option<&Arc<[JobId]>> {
        self.members.get(&leader)
    }

    /// The jobs that run at the same time as `job`, itself included; `None` when it runs alone.
    pub(crate) fn with(&self, job: JobId) -> Option<&Arc<[JobId]>> {
        self.members.get(self.leaders.get(&job)?)
    }

    /// All units, by their first jobs, in no particular order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (JobId, &Arc<[JobId]>)> {
        self.members.iter().map(|(leader, members)| (*leader, members))
    }

    /// How readers get `path`, when it is no file.
    pub(crate) fn stream(&self, path: PathId) -> Option<Stream> {
        if self.streams.is_empty() { None } else { self.streams.get(&path).copied() }
    }

    /// The units, and jobs that run alone, in an order in which producers come first.
    ///
    /// # Errors
    /// The jobs of units and others that wait for each other.
    pub(crate) fn order(&self, graph: &JobGraph) -> Result<Vec<JobId>, Vec<JobId>> {
        let mut whole: DiGraph<(), (), u32> = DiGraph::with_capacity(graph.jobs.len(), 0);
        for _ in &graph.jobs {
            whole.add_node(());
        }
        for (consumer, job) in (0..).map(JobId).zip(&graph.jobs) {
            let to = self.leader(consumer);
            for from in job.needs.iter().map(|need| self.leader(*need)).filter(|from| *from != to) {
                whole.add_edge(NodeIndex::new(from.index()), NodeIndex::new(to.index()), ());
            }
        }
        let id = |node: NodeIndex<u32>| JobId(node.index() as u32);
        match toposort(&whole, None) {
            Ok(nodes) => Ok(nodes.into_iter().map(id).filter(|job| self.leader(*job) == *job).collect()),
            Err(cycle) => Err(cycle::through(id(cycle.node_id()), |unit| self.needs(graph, unit))),
        }
    }

    /// The units that a unit needs.
    fn needs(&self, graph: &JobGraph, unit: JobId) -> Vec<JobId> {
        let alone = [unit];
        let jobs = self.members(unit).map_or(&alone[..], |members| members);
        let needs = jobs.iter().flat_map(|job| graph.jobs[job.index()].needs.iter());
        needs.map(|need| self.leader(*need)).filter(|need| *need != unit).collect()
    }
}

fn root(joined: &mut FxHashMap<JobId, JobId>, mut job: JobId) -> JobId {
    while let Some(above) = joined.get(&job).copied().filter(|above| *above != job) {
        // Halves the way for the next one.
        let next = joined.get(&above).copied().unwrap_or(above);
        joined.insert(job, next);
        job = next;
    }
    job
}

fn join(joined: &mut FxHashMap<JobId, JobId>, one: JobId, other: JobId) {
    joined.entry(one).or_insert(one);
    joined.entry(other).or_insert(other);
    let (one, other) = (root(joined, one), root(joined, other));
    joined.insert(one.max(other), one.min(other));
}

/// Jobs sorted by number, put in an order in which those come first that others of them need.
fn producers_first(graph: &JobGraph, jobs: &[JobId]) -> Vec<JobId> {
    let mut missing: FxHashMap<JobId, usize> = FxHashMap::default();
    let mut consumers: FxHashMap<JobId, Vec<JobId>> = FxHashMap::default();
    for job in jobs {
        let needs = graph.jobs[job.index()].needs.iter().filter(|need| jobs.binary_search(need).is_ok());
        let needs: Vec<JobId> = needs.copied().collect();
        missing.insert(*job, needs.len());
        needs.into_iter().for_each(|need| consumers.entry(need).or_default().push(*job));
    }
    let mut ready: BTreeSet<JobId> = jobs.iter().copied().filter(|job| missing[job] == 0).collect();
    let mut ordered = Vec::with_capacity(jobs.len());
    while let Some(job) = ready.pop_first() {
        ordered.push(job);
        for consumer in consumers.remove(&job).unwrap_or_default() {
            if let Some(left) = missing.get_mut(&consumer) {
                *left -= 1;
                if *left == 0 {
                    ready.insert(consumer);
                }
            }
        }
    }
    ordered
}

/// Looks at units for what can never run.
pub(crate) struct Inspection<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) graph: &'a JobGraph,
    pub(crate) paths: &'a PathTable,
    pub(crate) units: &'a Units,
}

impl Inspection<'_> {
    /// What is wrong with the streams and units of the whole graph.
    pub(crate) fn all(&self) -> Vec<Problem> {
        if self.units.is_empty() {
            return Vec::new();
        }
        let mut problems = self.of((0..self.graph.jobs.len() as u32).map(JobId));
        if problems.is_empty()
            && let Err(on_cycle) = self.units.order(self.graph)
        {
            problems.push(self.cycle(&on_cycle));
        }
        problems
    }

    /// What is wrong with the streams that these jobs make, and with the units that they are in.
    pub(crate) fn of(&self, jobs: impl Iterator<Item = JobId>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut units = BTreeSet::new();
        for id in jobs {
            let job = self.job(id);
            for (path, stream) in streams_of(self.rule(job), job) {
                problems.extend(self.stream(id, path, stream));
            }
            units.extend(self.units.leaders.get(&id));
        }
        // One such problem is enough: the same connection shows in many ways.
        if problems.is_empty() {
            problems.extend(units.into_iter().filter_map(|leader| self.within(leader)));
        }
        problems
    }

    /// As [`Inspection::of`], of what a checkpoint brought in and of the jobs that asked for it.
    pub(crate) fn of_grown(&self, jobs: impl Iterator<Item = JobId> + Clone) -> Vec<Problem> {
        let makers = jobs.clone().flat_map(|id| self.job(id).needs.iter().copied());
        let makers: BTreeSet<JobId> = makers.filter(|maker| self.units.leaders.contains_key(maker)).collect();
        let is_concerned = jobs.clone().any(|id| self.units.leaders.contains_key(&id)) || !makers.is_empty();
        let mut problems = self.of(jobs.chain(makers));
        if problems.is_empty()
            && is_concerned
            && let Err(on_cycle) = self.units.order(self.graph)
        {
            problems.push(self.cycle(&on_cycle));
        }
        problems
    }

    /// A checkpoint brought in a job that would have to run with `job`, of which is decided already whether it runs.
    pub(crate) fn too_late(&self, job: JobId) -> Problem {
        let message = format!(
            "a checkpoint brought in a job that has to run together with `{}`, whose time was before",
            self.title(job)
        );
        self.problem("stream-too-late", job, message)
            .help("name what it makes as an input beside the function that asks for the checkpoint")
    }

    fn job(&self, id: JobId) -> &Job {
        &self.graph.jobs[id.index()]
    }

    fn rule(&self, job: &Job) -> &Rule {
        &self.workflow.rules[job.rule as usize]
    }

    fn title(&self, id: JobId) -> String {
        self.graph.info(id, self.workflow, self.paths).title()
    }

    fn problem(&self, code: &'static str, maker: JobId, message: String) -> Problem {
        let problem = Problem::error(code, message);
        let rule = self.rule(self.job(maker));
        match rule.place {
            Some(place) => problem.at(place, "made by this rule"),
            None => problem.note(format!("rule `{}` makes it", rule.name)),
        }
    }

    fn stream(&self, maker: JobId, path: PathId, stream: Stream) -> Option<Problem> {
        let text = self.paths.text(path);
        let name = stream.name();
        let reads = |job: &JobId| self.job(*job).made_inputs().any(|(_, input)| input == path);
        let readers: Vec<JobId> = self.graph.consumers(maker).filter(reads).collect();
        let is_idle = |job: &JobId| matches!(self.rule(self.job(*job)).action, Action::None);
        if readers.iter().all(is_idle) {
            let what = if stream == Stream::Pipe { "no job reads it" } else { "no job uses it" };
            let message = format!("`{text}` is a {name}, and {what}");
            let help = format!(
                "ask for what is made of `{text}` instead, or take `{name}(...)` away to make an ordinary file"
            );
            return Some(self.problem("stream-without-reader", maker, message).help(help));
        }
        if stream == Stream::Pipe && readers.len() > 1 {
            let titles: Vec<String> =
                readers.iter().take(3).map(|job| format!("`{}`", self.title(*job))).collect();
            let message = format!(
                "`{text}` is a pipe, and {} jobs read it: what one reads another lacks",
                readers.len()
            );
            let problem = self.problem("pipe-with-readers", maker, message);
            return Some(problem.note(format!("it is read by {}", titles.join(", "))).help(
                "give each of them a pipe of its own, or make an ordinary file that is marked `temp(...)`",
            ));
        }
        readers.iter().find_map(|reader| self.reader(maker, *reader, text, name))
    }

    /// What of a job keeps it from running beside the one that it reads from.
    fn reader(&self, maker: JobId, reader: JobId, text: &str, name: &str) -> Option<Problem> {
        let rule = self.rule(self.job(reader));
        let repeats = rule.benchmark.as_ref().is_some_and(|benchmark| benchmark.repeat > 1);
        let (why, help) = match (&rule.action, rule.shadow) {
            (Action::None, _) => ("executes nothing", "ask for what is made of it instead"),
            (Action::Run(_) | Action::Function(_) | Action::Interpreted(_), _) => (
                "is code that could not be ended if it waited for it",
                "write `shell:` or `script:` instead of `run:`",
            ),
            (_, Some(Shadow::CopyMinimal)) => ("copies its inputs", "use another `shadow:`"),
            _ if repeats => ("runs several times for its benchmark", "remove `repeat` from `benchmark:`"),
            _ => return None,
        };
        let message = format!("`{text}` is a {name}, but rule `{}`, which reads it, {why}", rule.name);
        Some(self.problem("stream-reader", maker, message).help(help))
    }

    /// A job of a unit that waits for the end of another one.
    fn within(&self, leader: JobId) -> Option<Problem> {
        let members: FxHashSet<JobId> = self.units.members(leader)?.iter().copied().collect();
        for reader in self.units.members(leader)?.iter() {
            for (_, path) in self.job(*reader).made_inputs() {
                let Some(maker) = self.graph.producer(path).filter(|maker| members.contains(maker)) else {
                    continue;
                };
                if self.units.stream(path).is_none() {
                    let text = self.paths.text(path);
                    let message = format!(
                        "`{}` needs `{text}` as a whole, but runs at the same time as `{}`, which makes it",
                        self.title(*reader),
                        self.title(maker)
                    );
                    let help =
                        format!("pipes or services connect the two: make `{text}` in a rule of its own");
                    return Some(self.problem("waits-for-itself", maker, message).help(help));
                }
            }
            // For the sake of `before_update`.
            let streams_from = |need: &JobId| {
                let makes = |(_, path): (usize, PathId)| self.graph.producer(path) == Some(*need);
                self.job(*reader).made_inputs().any(makes)
            };
            let needs = self.job(*reader).needs.iter().filter(|need| members.contains(need));
            if let Some(first) = needs.copied().find(|need| !streams_from(need)) {
                let message = format!(
                    "`{}` has to run after `{}`, but pipes or services connect the two",
                    self.title(*reader),
                    self.title(first)
                );
                let help = "one reads with `before_update` what the other changes: read a copy instead";
                return Some(self.problem("waits-for-itself", *reader, message).help(help));
            }
        }
        None
    }

    fn cycle(&self, on_cycle: &[JobId]) -> Problem {
        let unit = on_cycle.iter().copied().find(|job| self.units.members(*job).is_some());
        let members = unit.and_then(|unit| self.units.members(unit));
        let together: Vec<String> = members
            .into_iter()
            .flat_map(|all| all.iter())
            .take(4)
            .map(|job| format!("`{}`", self.title(*job)))
            .collect();
        let between = on_cycle.iter().copied().find(|job| self.units.members(*job).is_none());
        let between = between.or(on_cycle.last().copied()).map(|job| self.title(job)).unwrap_or_default();
        let message = format!(
            "{} run at the same time, but `{between}` has to run after one of them and before another",
            together.join(" and ")
        );
        let problem = Problem::error("waits-for-itself", message);
        let place = unit.and_then(|unit| self.rule(self.job(unit)).place);
        let problem = match place {
            Some(place) => problem.at(place, "one of them is of this rule"),
            None => problem,
        };
        problem.help("pipes and services connect them: make one of the connections an ordinary file")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_jobs_have_the_lowest_number_as_their_root() {
        let mut joined = FxHashMap::default();
        for (one, other) in [(5, 3), (9, 8), (8, 5), (2, 9), (7, 6)] {
            join(&mut joined, JobId(one), JobId(other));
        }
        let roots: Vec<u32> = [2, 3, 5, 8, 9, 6, 7].map(|job| root(&mut joined, JobId(job)).0).to_vec();
        assert_eq!(roots, [2, 2, 2, 2, 2, 6, 6]);
    }
}
