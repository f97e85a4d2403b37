//! From targets to the graph of jobs.
//!
//! First everything that could take part is expanded, in waves. If there was nothing to choose and all leaves
//! exist, that is the graph. Otherwise it is settled which candidates can run at all, then which of them is
//! taken, with all that is wrong collected on the way. Whether a file exists is asked through [`Probe`]; no
//! file is opened here.

use crate::base::path::{PathId, PathTable};
use crate::diag::Problem;
use crate::graph::blame;
use crate::graph::choose::{self, Choice};
use crate::graph::dag::{self, JobGraph, LinkError, PassedOver};
use crate::graph::errors::{self, Report};
use crate::graph::expand::{Expansion, Limits, NONE};
use crate::graph::feasible::{self, Survey};
use crate::graph::job::{Job, JobId};
use crate::matching::index::PatternIndex;
use crate::model::rule::Rule;
use crate::model::workflow::Workflow;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

/// Answers whether a file exists; asked once per path, from several threads.
pub(crate) trait Probe: Sync {
    fn exists(&self, path: &str) -> bool;

    /// Whether a job of an earlier run made `path`: then it is no source, even when no rule can make it now.
    fn is_made(&self, path: PathId) -> bool {
        let _ = path;
        false
    }
}

/// What is to be made, and from what.
pub(crate) struct Request<'a> {
    pub(crate) workflow: &'a Workflow,
    /// The outputs of the workflow's rules.
    pub(crate) index: &'a PatternIndex,
    pub(crate) paths: &'a mut PathTable,
    /// Rule names and paths; the default rule when empty.
    pub(crate) targets: &'a [String],
    pub(crate) probe: &'a dyn Probe,
    /// For big workflows.
    pub(crate) pool: Option<&'a rayon::ThreadPool>,
}

/// A target: a path, or the candidate job of a rule named by the user.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Root {
    Path(PathId),
    Job(u32),
}

/// Finds the jobs that make the targets, or all that stands in the way.
pub(crate) fn resolve(request: Request<'_>) -> Result<JobGraph, Vec<Problem>> {
    resolve_within(request, Limits::default())
}

pub(crate) fn resolve_within(request: Request<'_>, limits: Limits) -> Result<JobGraph, Vec<Problem>> {
    let Request { workflow, index, paths, targets, probe, pool } = request;
    let wanted = wanted(workflow, targets, limits)?;
    let mut expansion = Expansion::new(workflow, index, paths, pool, limits);
    let roots: Vec<Root> = wanted.into_iter().map(|target| add_root(target, &mut expansion)).collect();
    expansion.run();
    expansion.keep_named_makers();
    if expansion.is_plain() && leaves_exist(&expansion, probe) {
        match dag::link(&mut expansion.jobs, expansion.paths.len()) {
            Ok(links) => {
                let jobs = std::mem::take(&mut expansion.jobs);
                let targets = roots.iter().map(|root| match root {
                    Root::Path(path) => Err(*path),
                    Root::Job(job) => Ok(JobId(*job)),
                });
                return Ok(JobGraph::new(jobs, links, targets));
            }
            Err(error @ LinkError::Conflicts(_)) => {
                let jobs = &expansion.jobs;
                return Err(link_problems(error, jobs, expansion.paths, workflow));
            }
            // A candidate on the cycle may have to give way to a file that exists.
            Err(LinkError::Cycle(_)) => {}
        }
    }
    let (choice, survey) = settle(&mut expansion, probe, &roots)?;
    let passed_over = passed_over(&expansion, &survey);
    let mut graph = assemble(expansion, &choice, &roots)?;
    graph.passed_over = passed_over;
    Ok(graph)
}

enum Wanted<'t> {
    Path(&'t str),
    Rule(u32),
}

/// The targets as what they name: a rule before a file of the same name.
fn wanted<'t>(
    workflow: &Workflow,
    targets: &'t [String],
    limits: Limits,
) -> Result<Vec<Wanted<'t>>, Vec<Problem>> {
    if targets.is_empty() {
        let rule = workflow.default_rule.ok_or_else(|| vec![errors::no_targets()])?;
        let default = &workflow.rules[rule as usize];
        if !default.wildcards.is_empty() {
            return Err(vec![errors::target_has_wildcards(default, true)]);
        }
        return Ok(vec![Wanted::Rule(rule)]);
    }
    let mut problems = Vec::new();
    let mut wanted = Vec::with_capacity(targets.len());
    for target in targets {
        match workflow.by_name.get(&**target) {
            Some(&rule) if workflow.rules[rule as usize].wildcards.is_empty() => {
                wanted.push(Wanted::Rule(rule))
            }
            Some(&rule) => {
                problems.push(errors::target_has_wildcards(&workflow.rules[rule as usize], false));
            }
            None if target.len() > limits.path_length => {
                problems.push(errors::target_too_long(target, limits.path_length));
            }
            None if target.is_empty() => problems.push(errors::empty_target()),
            None => match pattern_called(target, workflow) {
                Some(rule) => problems.push(errors::target_is_pattern(rule, target)),
                None => wanted.push(Wanted::Path(target)),
            },
        }
    }
    if problems.is_empty() { Ok(wanted) } else { Err(problems) }
}

/// The rule whose output pattern the target is, word for word: nobody wants a file with braces in its name.
fn pattern_called<'w>(target: &str, workflow: &'w Workflow) -> Option<&'w Rule> {
    let has_it = |rule: &&std::sync::Arc<Rule>| {
        !rule.wildcards.is_empty() && rule.outputs.iter().any(|pattern| &*pattern.text == target)
    };
    if !target.contains('{') {
        return None;
    }
    workflow.rules.iter().find(has_it).map(|rule| &**rule)
}

fn add_root(target: Wanted<'_>, expansion: &mut Expansion<'_>) -> Root {
    match target {
        Wanted::Rule(rule) => Root::Job(expansion.add_rule(rule)),
        Wanted::Path(text) => {
            let path = expansion.paths.intern(text);
            expansion.add_path(path);
            Root::Path(path)
        }
    }
}

fn leaves_exist(expansion: &Expansion<'_>, probe: &dyn Probe) -> bool {
    let is_leaf = |path: &&PathId| expansion.candidates(**path).is_empty();
    let leaves: Vec<PathId> = expansion.explored.iter().filter(is_leaf).copied().collect();
    feasible::probe_all(&leaves, expansion.paths, probe, expansion.pool).into_iter().all(|exists| exists)
}

/// Chooses a candidate for every path; all that is wrong, as an error.
fn settle(
    expansion: &mut Expansion<'_>,
    probe: &dyn Probe,
    roots: &[Root],
) -> Result<(Choice, Survey), Vec<Problem>> {
    loop {
        let survey = feasible::survey(expansion, probe);
        let can_be_had = |root: &Root| match *root {
            Root::Path(path) => survey.can_be_had(path),
            Root::Job(job) => survey.can_run(job),
        };
        let (good, bad): (Vec<Root>, Vec<Root>) = roots.iter().partition(|root| can_be_had(root));
        let choice = choose::choose(expansion, &survey, probe, good.into_iter());
        if !choice.wanting.is_empty() {
            let mut wanting = choice.wanting;
            wanting.sort_unstable();
            wanting.dedup();
            expansion.run_deferred(&wanting);
            continue;
        }
        let report = complain(expansion, &survey, &choice, bad);
        return if report.is_empty() { Ok((choice, survey)) } else { Err(report) };
    }
}

fn complain(expansion: &Expansion<'_>, survey: &Survey, choice: &Choice, bad: Vec<Root>) -> Vec<Problem> {
    let mut report = Report::default();
    // A pair of rules is told once, however many files it concerns.
    let mut pairs: IndexMap<(u32, u32), (PathId, u32, u32, usize), FxBuildHasher> = IndexMap::default();
    for &(path, first, second) in &choice.ambiguous {
        let rule = |job: u32| expansion.jobs[job as usize].rule;
        let entry = pairs.entry((rule(first), rule(second)));
        entry.and_modify(|pair| pair.3 += 1).or_insert((path, first, second, 0));
    }
    for &(path, first, second, more) in pairs.values() {
        if report.wants("ambiguous-rules") {
            report.add(errors::ambiguous(path, first, second, more, expansion));
        }
    }
    if let Some(root) = choice.tangled {
        let name = match root {
            Root::Path(path) => expansion.paths.text(path),
            Root::Job(job) => &expansion.rule_of(job).name,
        };
        report.add(errors::tangled(name));
    }
    blame::blame(expansion, survey, bad.into_iter(), report).finish()
}

/// The candidates that cannot run, of paths that can be had without them.
fn passed_over(expansion: &Expansion<'_>, survey: &Survey) -> Vec<PassedOver> {
    let had = expansion.explored.iter().filter(|path| survey.can_be_had(**path));
    let candidates = had.flat_map(|path| expansion.candidates(*path).iter().map(move |job| (*path, *job)));
    let failed = candidates.filter(|(_, job)| !survey.can_run(*job));
    failed
        .map(|(path, job)| {
            let job = &expansion.jobs[job as usize];
            let lacks = job.inputs.iter().copied().find(|input| !survey.can_be_had(*input));
            PassedOver { path, rule: job.rule, lacks }
        })
        .collect()
}

/// The graph of the chosen candidates that the roots need.
fn assemble(expansion: Expansion<'_>, choice: &Choice, roots: &[Root]) -> Result<JobGraph, Vec<Problem>> {
    let numbers = numbers(&expansion, choice, roots);
    let Expansion { jobs, workflow, paths, .. } = expansion;
    let mut kept = numbers.iter().map(|number| *number != NONE);
    let mut jobs = jobs;
    jobs.retain(|_| kept.next().unwrap_or(false));
    match dag::link(&mut jobs, paths.len()) {
        Ok(links) => {
            let targets = roots.iter().map(|root| match root {
                Root::Path(path) => Err(*path),
                Root::Job(job) => Ok(JobId(numbers[*job as usize])),
            });
            Ok(JobGraph::new(jobs, links, targets))
        }
        Err(error) => Err(link_problems(error, &jobs, paths, workflow)),
    }
}

/// By candidate: its number among those that are needed, or `NONE`. Their order stays that of the candidates.
fn numbers(expansion: &Expansion<'_>, choice: &Choice, roots: &[Root]) -> Vec<u32> {
    let mut is_needed = vec![false; expansion.jobs.len()];
    let mut pending: Vec<u32> = Vec::new();
    let mut need = |job: u32, pending: &mut Vec<u32>| {
        if job != NONE && !std::mem::replace(&mut is_needed[job as usize], true) {
            pending.push(job);
        }
    };
    for root in roots {
        match root {
            Root::Path(path) => need(choice.producers[path.index()], &mut pending),
            Root::Job(job) => need(*job, &mut pending),
        }
    }
    while let Some(job) = pending.pop() {
        for input in &expansion.jobs[job as usize].inputs {
            need(choice.producers[input.index()], &mut pending);
        }
    }
    let mut next = 0;
    let number = |is_needed: bool| {
        if !is_needed {
            return NONE;
        }
        next += 1;
        next - 1
    };
    is_needed.into_iter().map(number).collect()
}

fn link_problems(error: LinkError, jobs: &[Job], paths: &PathTable, workflow: &Workflow) -> Vec<Problem> {
    let rule = |job: JobId| -> &Rule { &workflow.rules[jobs[job.index()].rule as usize] };
    let mut report = Report::default();
    match error {
        LinkError::Conflicts(conflicts) => {
            for (path, a, b) in conflicts {
                if report.wants("output-conflict") {
                    let side = |job: JobId| (rule(job), &*jobs[job.index()].wildcards);
                    report.add(errors::conflict(paths.text(path), [side(a), side(b)]));
                }
            }
        }
        LinkError::Cycle(cycle) => {
            // Each job with the output that the job before it needs.
            let links: Vec<(&str, &Rule)> = cycle
                .iter()
                .enumerate()
                .map(|(i, &job)| {
                    let before = cycle[(i + cycle.len() - 1) % cycle.len()];
                    let inputs = &jobs[before.index()].inputs;
                    let outputs = &jobs[job.index()].outputs;
                    let file = outputs.iter().find(|o| inputs.contains(o)).or(outputs.first());
                    (file.map_or("", |path| paths.text(*path)), rule(job))
                })
                .collect();
            report.add(errors::cycle(&links));
        }
    }
    report.finish()
}
