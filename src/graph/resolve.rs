//! From targets to the graph of jobs.
//!
//! First everything that could take part is expanded, in waves. If there was nothing to choose and all leaves
//! exist, that is the graph. Otherwise it is settled which candidates can run at all, then which of them is
//! taken, with all that is wrong collected on the way. Whether a file exists is asked through [`Probe`]; no
//! file is opened here.

use crate::base::path::{PathId, PathTable};
use crate::diag::{Problem, Severity};
use crate::graph::blame;
use crate::graph::checkpoints::{Open, Wait};
use crate::graph::choose::{self, Choice};
use crate::graph::dag::{self, Beside, JobGraph, LinkError, Links, PassedOver};
use crate::graph::errors::{self, Report};
use crate::graph::expand::{Expansion, Limits, NONE};
use crate::graph::feasible::{self, Survey};
use crate::graph::job::{Job, JobId};
use crate::graph::nested::{self, Nested};
use crate::graph::render::Failure;
use crate::matching::index::PatternIndex;
use crate::model::dynamic::CallError;
use crate::model::rule::Rule;
use crate::model::workflow::Workflow;
use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashSet};
use std::path::Path;
use std::sync::Arc;

/// Answers whether a file exists; asked once per path, from several threads.
pub(crate) trait Probe: Sync {
    /// `path` is called `text`; its id is one of [`Request::paths`].
    fn exists(&self, path: PathId, text: &str) -> bool;

    /// Whether a job of an earlier run made `path`, which is called `text`: then it is no source, even when no rule can make it now.
    fn is_made(&self, path: PathId, text: &str) -> bool {
        let _ = (path, text);
        false
    }

    /// Where relative paths start, for functions that look at files.
    fn root(&self) -> &Path {
        Path::new(".")
    }

    /// The name of the same file without links, if that is another one.
    fn real_name(&self, path: &str) -> Option<String> {
        let _ = path;
        None
    }

    /// Files that are there, and whose names `path` may be a misspelling of.
    fn near(&self, path: &str) -> Vec<String> {
        let _ = path;
        Vec::new()
    }
}

/// What is to be made, and from what.
pub(crate) struct Request<'a> {
    pub(crate) workflow: &'a Workflow,
    /// What the workflow's rules make.
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
    let mut expansion = Expansion::new(workflow, probe.root(), index, paths, pool, limits);
    let roots: Vec<Root> = wanted.into_iter().map(|target| add_root(target, &mut expansion)).collect();
    expansion.run();
    expansion.keep_named_makers();
    let chosen = choose(&mut expansion, probe, &roots)?;
    let targets = roots.iter().map(|root| match root {
        Root::Path(path) => Err(*path),
        Root::Job(job) => Ok(chosen.number(*job)),
    });
    let targets: Vec<_> = targets.collect();
    let mut graph = JobGraph::new(chosen.jobs, chosen.links, targets.into_iter());
    graph.passed_over = chosen.passed_over;
    for (job, waits) in chosen.open {
        let open = open(&graph, job, &waits, 1).map_err(|wait| {
            let job = &graph.jobs[job.index()];
            vec![errors::other_maker(expansion.paths.text(wait.path), &wait.job, job, workflow)]
        })?;
        graph.open.insert(job, open);
    }
    Ok(graph)
}

/// What a job waits for, or that of it which is no job of the graph.
pub(crate) fn open(graph: &JobGraph, job: JobId, waits: &[Wait], depth: u32) -> Result<Open, Wait> {
    let maker = |wait: &Wait| {
        let maker = graph.producer(wait.path).filter(|maker| wait.job.is(&graph.jobs[maker.index()]));
        maker.filter(|maker| *maker != job).ok_or_else(|| wait.clone())
    };
    Ok(Open { on: waits.iter().map(maker).collect::<Result<_, _>>()?, depth })
}

/// The jobs that were taken, connected with each other.
pub(crate) struct Chosen {
    pub(crate) jobs: Vec<Job>,
    pub(crate) links: Links,
    pub(crate) open: Vec<(JobId, Vec<Wait>)>,
    pub(crate) passed_over: Vec<PassedOver>,
    /// By candidate: its number among the jobs. `None`: all were taken.
    numbers: Option<Vec<u32>>,
}

impl Chosen {
    fn number(&self, candidate: u32) -> JobId {
        JobId(self.numbers.as_ref().map_or(candidate, |numbers| numbers[candidate as usize]))
    }
}

/// Chooses among the candidates of an expansion that has run.
pub(crate) fn choose(
    expansion: &mut Expansion<'_>,
    probe: &dyn Probe,
    roots: &[Root],
) -> Result<Chosen, Vec<Problem>> {
    if expansion.is_plain() && leaves_exist(expansion, probe) {
        let beside = expansion.beside.clone();
        match dag::link(&mut expansion.jobs, beside, expansion.paths.len()) {
            Ok(links) => {
                refuse_nested(&expansion.jobs, expansion.paths, expansion.workflow)?;
                let jobs = std::mem::take(&mut expansion.jobs);
                let open = open_ones(expansion, None);
                return Ok(Chosen { jobs, links, open, passed_over: Vec::new(), numbers: None });
            }
            Err(error @ LinkError::Conflicts(_)) => {
                let jobs = &expansion.jobs;
                return Err(link_problems(error, jobs, expansion.paths, expansion.workflow));
            }
            // A candidate on the cycle may have to give way to a file that exists.
            Err(LinkError::Cycle(_)) => {}
        }
    }
    let (choice, survey) = settle(expansion, probe, roots)?;
    let passed_over = passed_over(expansion, &survey);
    let numbers = numbers(expansion, &choice, roots);
    let beside = beside(expansion, &choice, &numbers);
    let open = open_ones(expansion, Some(&numbers));
    let mut kept = numbers.iter().map(|number| *number != NONE);
    let mut jobs = std::mem::take(&mut expansion.jobs);
    jobs.retain(|_| kept.next().unwrap_or(false));
    match dag::link(&mut jobs, beside, expansion.paths.len()) {
        Ok(links) => {
            refuse_nested(&jobs, expansion.paths, expansion.workflow)?;
            Ok(Chosen { jobs, links, open, passed_over, numbers: Some(numbers) })
        }
        Err(error) => Err(link_problems(error, &jobs, expansion.paths, expansion.workflow)),
    }
}

/// The candidates that are taken and open, by number.
fn open_ones(expansion: &mut Expansion<'_>, numbers: Option<&[u32]>) -> Vec<(JobId, Vec<Wait>)> {
    let number = |job: u32| numbers.map_or(job, |numbers| numbers[job as usize]);
    let open = expansion.open.drain().map(|(job, waits)| (JobId(number(job)), waits));
    let mut open: Vec<_> = open.filter(|(job, _)| job.0 != NONE).collect();
    open.sort_unstable_by_key(|(job, _)| *job);
    open
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
    let before = expansion.before.iter().map(|(_, path)| *path);
    let leaves: Vec<PathId> = expansion.explored.iter().filter(is_leaf).copied().chain(before).collect();
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
        let report = complain(expansion, &survey, &choice, probe, bad);
        return if report.is_empty() { Ok((choice, survey)) } else { Err(report) };
    }
}

fn complain(
    expansion: &Expansion<'_>,
    survey: &Survey,
    choice: &Choice,
    probe: &dyn Probe,
    bad: Vec<Root>,
) -> Vec<Problem> {
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
    blame::blame(expansion, survey, probe, bad.into_iter(), report).finish()
}

/// The candidates that cannot run, of paths that can be had without them.
fn passed_over(expansion: &Expansion<'_>, survey: &Survey) -> Vec<PassedOver> {
    let had = expansion.explored.iter().filter(|path| survey.can_be_had(**path));
    let candidates = had.flat_map(|path| expansion.candidates(*path).iter().map(move |job| (*path, *job)));
    let failed = candidates.filter(|(_, job)| !survey.can_run(*job));
    let mut told: FxHashSet<u32> = FxHashSet::default();
    failed
        .map(|(path, id)| {
            let job = &expansion.jobs[id as usize];
            let lacks = (0..job.inputs.len()).find(|input| survey.lacks(job, *input)).map(|i| job.inputs[i]);
            let failure = expansion.failures.get(&id).filter(|failure| {
                matches!(failure, Failure::Call { error: CallError::Problem(_) | CallError::Message(_), .. })
            });
            let failure = failure.filter(|_| told.insert(job.rule)).map(|failure| {
                let mut problem =
                    errors::failed_job(id, failure, expansion.paths.text(path).into(), expansion);
                problem.severity = Severity::Warning;
                problem.message = format!(
                    "rule `{}` could make `{}`, but its input function failed: {}",
                    expansion.rule_of(id).name,
                    expansion.paths.text(path),
                    problem.message
                );
                Arc::new(
                    problem.help("another rule is taken instead; if that is meant, let the function say so"),
                )
            });
            PassedOver { path, rule: job.rule, lacks, failure }
        })
        .collect()
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
        for (_, input) in expansion.jobs[job as usize].made_inputs() {
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

/// What is wanted of the chosen jobs beside their outputs, by their numbers in the graph.
fn beside(expansion: &Expansion<'_>, choice: &Choice, numbers: &[u32]) -> Beside {
    let mut chosen = Beside::default();
    for (job, paths) in &expansion.beside {
        let made = paths.iter().copied().filter(|path| choice.producers[path.index()] == *job);
        let number = numbers[*job as usize];
        if number != NONE {
            chosen.insert(number, made.collect());
        }
    }
    chosen
}

fn refuse_nested(jobs: &[Job], paths: &PathTable, workflow: &Workflow) -> Result<(), Vec<Problem>> {
    let rule = |job: JobId| -> &Rule { &workflow.rules[jobs[job.index()].rule as usize] };
    let mut report = Report::default();
    for Nested { directory, made_by, file, job, what } in nested::find(jobs, workflow, paths) {
        if report.wants("nested-output") {
            report.add(errors::nested(paths.text(directory), rule(made_by), &file, what, rule(job)));
        }
    }
    if report.is_empty() { Ok(()) } else { Err(report.finish()) }
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
            let cycle: Vec<_> = cycle.iter().map(|job| (&jobs[job.index()], paths)).collect();
            report.add(cycle_problem(&cycle, workflow));
        }
    }
    report.finish()
}

/// Jobs of which each needs the next and the last needs the first, with the table of their paths.
pub(crate) fn cycle_problem(cycle: &[(&Job, &PathTable)], workflow: &Workflow) -> Problem {
    // Each job with the output that the job before it needs.
    let link = |i: usize| {
        let ((job, paths), (before, before_paths)) = (cycle[i], cycle[(i + cycle.len() - 1) % cycle.len()]);
        let mut outputs = job.outputs.iter().map(|path| paths.text(*path));
        let is_needed = |file: &&str| before.inputs.iter().any(|input| before_paths.text(*input) == *file);
        let file = outputs.clone().find(is_needed).or(outputs.next());
        (file.unwrap_or(""), &*workflow.rules[job.rule as usize])
    };
    errors::cycle(&(0..cycle.len()).map(link).collect::<Vec<(&str, &Rule)>>())
}
