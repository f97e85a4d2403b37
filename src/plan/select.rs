//! Which of the jobs that the targets need are wanted: `until`, `omit_from` and `batch`.
//!
//! Looks at the graph alone. Invariant: with a job all jobs are kept that it needs, so what is left is a plan.

use crate::base::path::{PathTable, normalise};
use crate::graph::dag::JobGraph;
use crate::graph::job::JobId;
use crate::model::finish::closest;
use crate::model::workflow::Workflow;
use crate::plan::instance::Trouble;
use crate::plan::units::Units;

/// What to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Rules and files that are the last ones to be made.
    pub(crate) until: Vec<String>,
    /// Rules and files that are not made, nor what needs them.
    pub(crate) omit_from: Vec<String>,
    pub(crate) batch: Option<Batch>,
}

/// One part of the inputs of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) rule: String,
    /// From 1.
    pub(crate) part: u32,
    pub(crate) parts: u32,
}

/// The jobs that are kept, and those among them that stand for the targets.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) jobs: Vec<bool>,
    pub(crate) targets: Vec<JobId>,
}

impl Selection {
    pub(crate) fn is_all(&self) -> bool {
        *self == Selection::default()
    }

    /// Selects among the jobs of `graph`.
    ///
    /// # Errors
    /// A name that is no rule and no file of the plan; a batch of a rule that has too few inputs.
    pub(crate) fn select(
        &self,
        graph: &JobGraph,
        workflow: &Workflow,
        paths: &PathTable,
    ) -> Result<Kept, Trouble> {
        let named = |names: &[String], option: &str| named_jobs(names, option, graph, workflow, paths);
        let mut targets = graph.targets.clone();
        let mut is_left_out = vec![false; graph.jobs.len()];
        let mut roots = Vec::new();
        if let Some(batch) = &self.batch {
            batch.apply(graph, workflow, paths, &mut is_left_out, &mut roots)?;
        }
        for job in named(&self.omit_from, "--omit-from")? {
            is_left_out[job.index()] = true;
        }
        let units = Units::of(workflow, graph);
        leave_out_consumers(graph, &mut is_left_out);
        // What runs with something that is left out would wait for it.
        while leave_out_mates(&units, &mut is_left_out) {
            leave_out_consumers(graph, &mut is_left_out);
        }
        if !self.until.is_empty() {
            targets = named(&self.until, "--until")?;
        } else if is_left_out.iter().any(|is_left_out| *is_left_out) {
            // The last jobs before those that are left out stand for the targets.
            let before = |id: &JobId| graph.jobs[id.index()].needs.to_vec();
            let left_out = graph.order.iter().filter(|id| is_left_out[id.index()]);
            let is_batch = self.batch.as_ref().is_some_and(|batch| batch.part < batch.parts);
            match is_batch && self.omit_from.is_empty() {
                true => targets.extend(roots),
                false => targets.extend(left_out.flat_map(before)),
            }
        }
        targets.retain(|job| !is_left_out[job.index()]);
        targets.sort_unstable();
        targets.dedup();
        Ok(Kept { jobs: upstream(graph, &units, &targets), targets })
    }
}

impl Batch {
    /// Leaves out the jobs of the rule, unless this is the last part; `roots` get the jobs that make the part's inputs.
    fn apply(
        &self,
        graph: &JobGraph,
        workflow: &Workflow,
        paths: &PathTable,
        is_left_out: &mut [bool],
        roots: &mut Vec<JobId>,
    ) -> Result<(), Trouble> {
        let jobs = named_jobs(std::slice::from_ref(&self.rule), "--batch", graph, workflow, paths)?;
        if self.part == self.parts {
            return Ok(());
        }
        for id in jobs {
            is_left_out[id.index()] = true;
            let mut inputs: Vec<&str> =
                graph.jobs[id.index()].inputs.iter().map(|path| paths.text(*path)).collect();
            inputs.sort_unstable();
            inputs.dedup();
            // As Snakemake cuts them: the last part may be smaller.
            let size = inputs.len().div_ceil(self.parts as usize);
            if inputs.len() < self.parts as usize {
                return Err(Trouble {
                    message: format!(
                        "rule `{}` has {} {}, fewer than the {} parts of --batch",
                        self.rule,
                        inputs.len(),
                        if inputs.len() == 1 { "input" } else { "inputs" },
                        self.parts
                    ),
                    help: Some("choose a smaller number of parts".into()),
                });
            }
            let start = (self.part as usize - 1) * size;
            let part = inputs.into_iter().skip(start).take(size);
            roots.extend(part.filter_map(|path| paths.find(path)).filter_map(|path| graph.producer(path)));
        }
        Ok(())
    }
}

/// The option whose names may stand for jobs that are not known yet.
pub(crate) const FORCE_FROM: &str = "--force-from";

/// The jobs of rules, and those that make files.
pub(crate) fn named_jobs(
    names: &[String],
    option: &str,
    graph: &JobGraph,
    workflow: &Workflow,
    paths: &PathTable,
) -> Result<Vec<JobId>, Trouble> {
    let mut jobs = Vec::new();
    for name in names {
        let before = jobs.len();
        match workflow.by_name.get(name.as_str()) {
            Some(rule) => {
                let of_rule = (0..).map(JobId).zip(&graph.jobs).filter(|(_, job)| job.rule == *rule);
                jobs.extend(of_rule.map(|(id, _)| id));
            }
            None => jobs.extend(paths.find(&normalise(name)).and_then(|path| graph.producer(path))),
        }
        if jobs.len() == before {
            let is_rule = workflow.by_name.contains_key(name.as_str());
            let may_come = is_rule && !graph.open.is_empty();
            if may_come && option == FORCE_FROM {
                // Jobs that a checkpoint brings in are forced when they come.
                continue;
            }
            if may_come {
                return Err(Trouble {
                    message: format!(
                        "`{option}` names rule `{name}`, and which jobs of it there are is known only behind a checkpoint"
                    ),
                    help: Some("name a rule or file before the checkpoint, or a file as the target".into()),
                });
            }
            if is_rule {
                return Err(Trouble {
                    message: format!("`{option}` names rule `{name}`, which the targets do not need"),
                    help: Some(format!(
                        "words behind `{option} RULE` are targets: to name several rules, repeat the option"
                    )),
                });
            }
            let known = workflow.rules.iter().map(|rule| &*rule.name);
            return Err(Trouble {
                message: format!("`{option}` names `{name}`, which is no rule and no file of this plan"),
                help: Some(match closest(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`rulemake list --outputs` shows the files of the plan".into(),
                }),
            });
        }
    }
    jobs.sort_unstable();
    jobs.dedup();
    Ok(jobs)
}

/// What needs something that is left out cannot be made either.
fn leave_out_consumers(graph: &JobGraph, is_left_out: &mut [bool]) {
    for id in &graph.order {
        let needs = &graph.jobs[id.index()].needs;
        is_left_out[id.index()] |= needs.iter().any(|need| is_left_out[need.index()]);
    }
}

/// Whether anything was left out besides.
fn leave_out_mates(units: &Units, is_left_out: &mut [bool]) -> bool {
    let mut any = false;
    for (_, members) in units.all() {
        if members.iter().any(|job| is_left_out[job.index()]) {
            for job in members.iter() {
                any |= !std::mem::replace(&mut is_left_out[job.index()], true);
            }
        }
    }
    any
}

/// `targets`, all that they need, and what runs with any of these.
fn upstream(graph: &JobGraph, units: &Units, targets: &[JobId]) -> Vec<bool> {
    let mut kept = vec![false; graph.jobs.len()];
    let mut pending = targets.to_vec();
    while let Some(job) = pending.pop() {
        if !std::mem::replace(&mut kept[job.index()], true) {
            pending.extend(graph.jobs[job.index()].needs.iter().copied());
            pending.extend(units.with(job).into_iter().flat_map(|members| members.iter().copied()));
        }
    }
    kept
}
