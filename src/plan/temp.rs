//! Temporary outputs: files that go when nobody needs them any more. One that is absent is no reason to make it again:
//! jobs that only compare take what is on record of it.

use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::graph::dag::JobGraph;
use crate::graph::job::{Job, JobId};
use crate::model::action::Action;
use crate::model::flags::{Flag, Flags};
use crate::model::rule::Rule;
use crate::model::workflow::Workflow;
use crate::plan::context::Context;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of the temporary files of a graph.
#[derive(Default)]
pub(crate) struct Temps {
    /// Files that the user asked for: they stay, whatever their rule says.
    wanted: FxHashSet<PathId>,
    all: bool,
    /// What the temporary files hold that were made in this run.
    made: Mutex<FxHashMap<PathId, Digest>>,
}

impl Temps {
    /// `all` when what is wanted matters for kept outputs, too.
    pub(crate) fn of(workflow: &Workflow, graph: &JobGraph, all: bool) -> Temps {
        let mut temps = Temps { all, ..Temps::default() };
        temps.keep_wanted(workflow, graph, graph.targets.iter().copied());
        temps
    }

    /// Takes note of what targets among these jobs are there for.
    pub(crate) fn keep_wanted(
        &mut self,
        workflow: &Workflow,
        graph: &JobGraph,
        jobs: impl Iterator<Item = JobId>,
    ) {
        if !self.all && !workflow.rules.iter().any(|rule| has_temp(rule)) {
            return;
        }
        for target in jobs.filter(|job| graph.targets.contains(job)) {
            let job = &graph.jobs[target.index()];
            self.wanted.extend(job.outputs.iter().copied());
            if let Action::None = workflow.rules[job.rule as usize].action {
                // It stands for what it lists.
                self.wanted.extend(job.inputs.iter().copied());
                // With what lies in a directory the directory stays.
                let makers = job.inputs.iter().filter_map(|path| Some((path, graph.producer(*path)?)));
                let inside = makers.map(|(path, maker)| (path, &graph.jobs[maker.index()].outputs));
                let inside = inside.filter(|(path, outputs)| !outputs.contains(path));
                self.wanted.extend(inside.flat_map(|(_, outputs)| outputs.iter().copied()));
            }
        }
    }

    /// Takes note of what a temporary file holds that was just made.
    pub(crate) fn publish(&self, path: PathId, digest: Digest) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(path, digest);
    }

    fn made(&self, path: PathId) -> Option<Digest> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).get(&path).copied()
    }
}

/// Whether an output of the rule is temporary. What a checkpoint makes decides what else there is to do, so it stays.
pub(crate) fn has_temp(rule: &Rule) -> bool {
    !rule.checkpoint && rule.output_flags.iter().any(|flags| flags.has(Flag::Temp))
}

impl Context {
    /// Whether the job's output is removed when nobody needs it any more.
    pub(crate) fn is_temp(&self, job: &Job, output: usize) -> bool {
        let is_temp = |flags: &Flags| flags.has(Flag::Temp);
        self.rule(job).output_flags.get(output).is_some_and(is_temp) && self.is_unwanted(job, output)
    }

    /// Whether nobody asked for an output. What a checkpoint makes decides what else there is to do.
    pub(crate) fn is_unwanted(&self, job: &Job, output: usize) -> bool {
        !self.rule(job).checkpoint && !self.temps.wanted.contains(&job.outputs[output])
    }

    /// The temporary outputs of a job.
    pub(crate) fn temps_of(&self, id: JobId) -> impl Iterator<Item = PathId> + '_ {
        let job = self.job(id);
        (0..job.outputs.len()).filter(|output| self.is_temp(job, *output)).map(|output| job.outputs[output])
    }

    /// What an absent file holds for those who only compare. `None`: it has to be there.
    pub(crate) fn held(&self, path: PathId) -> Option<Digest> {
        let job = self.job(self.graph.producer(path)?);
        let Some(output) = job.outputs.iter().position(|output| *output == path) else {
            return self.held_inside(job, path);
        };
        if !self.may_be_absent(job, output) {
            return None;
        }
        self.temps.made(path).or_else(|| self.on_record(path))
    }

    /// As [`Context::held`], of a path in a temporary directory that `job` makes.
    fn held_inside(&self, job: &Job, path: PathId) -> Option<Digest> {
        let inside = |output: &usize| self.inside(job.outputs[*output], path);
        let (output, rest) = (0..job.outputs.len())
            .filter(|output| self.may_be_absent(job, *output))
            .find_map(|output| Some((output, inside(&output)?)))?;
        let directory = job.outputs[output];
        let tree = self.files.last_tree(directory).or_else(|| self.view.tree(directory).map(Arc::new))?;
        (Some(tree.digest()) == self.held(directory)).then(|| tree.content(rest.as_bytes()))?
    }

    /// `path` from `directory` on, when it is below it.
    pub(crate) fn inside(&self, directory: PathId, path: PathId) -> Option<&str> {
        self.paths.text(path).strip_prefix(self.paths.text(directory))?.strip_prefix('/')
    }

    /// Whether a job reads `output`, or something in it when it is a directory.
    pub(crate) fn reads(&self, reader: JobId, output: PathId) -> bool {
        let mut inputs = self.job(reader).made_inputs();
        inputs.any(|(_, path)| path == output || self.inside(output, path).is_some())
    }

    /// The output by which a file is there: itself, or the directory that a job makes and in which it lies.
    pub(crate) fn output_of(&self, path: PathId) -> PathId {
        let Some(maker) = self.graph.producer(path) else { return path };
        let outputs = &self.job(maker).outputs;
        let above = || outputs.iter().find(|output| self.inside(**output, path).is_some());
        if outputs.contains(&path) { path } else { above().copied().unwrap_or(path) }
    }
}
