//! What keeps a plan from being run, said before anything runs.

use super::{RunOptions, Session};
use crate::diag::Problem;
use crate::engine::ledger::{self, Ask, Ledger};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::dag::JobGraph;
use crate::graph::job::JobId;
use crate::model::rule::{ParamItem, ParamSource};
use crate::model::workflow::Workflow;
use crate::plan::code::{lacking_software, missing_scripts};
use crate::plan::context::Context;
use crate::plan::instance::{Instance, Trouble};
use crate::plan::plan::Verdict;
use crate::store::read;

impl Session {
    /// Rules with what rulemake does not do are no mistake until a job of theirs is needed.
    pub(super) fn refuse_unsupported(&self, cx: &Context) -> Result<()> {
        let mut seen = vec![false; self.workflow.rules.len()];
        let mut problems = Vec::new();
        for job in &cx.graph.jobs {
            if !std::mem::replace(&mut seen[job.rule as usize], true)
                && let Some(problem) = &cx.rule(job).refused
            {
                let named = problem.as_ref().clone().note(format!("rule `{}` is needed", cx.rule(job).name));
                problems.push(named);
            }
        }
        problems.extend(missing_scripts(cx));
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::problems(ErrorKind::Plan, &problems, &self.workflow.sources))
    }

    /// Says of the first missing input where it was looked for, when the Rulefile was loaded for another place.
    pub(super) fn placed(&self, mut problems: Vec<Problem>) -> Vec<Problem> {
        let home = self.workflow.home.as_ref().map(|home| match &self.workflow.workdir {
            Some(below) => home.join(below),
            None => home.clone(),
        });
        let missing = problems.iter_mut().find(|problem| problem.code == "missing-input");
        if let (Some(home), Some(missing)) = (home.filter(|home| *home != self.root), missing) {
            let (root, home) = (self.root.display(), home.display());
            let note = format!("the root of this session is {root}; the Rulefile was loaded for {home}");
            *missing = missing.clone().note(note);
        }
        problems
    }

    /// What jobs that will run cannot have here is said once, before anything runs.
    pub(super) fn refuse_lacking<T: AsRef<str>>(
        &self,
        cx: &Context,
        targets: &[T],
        options: &RunOptions,
    ) -> Result<()> {
        let mut lacking = Vec::new();
        for (id, job) in (0..).map(JobId).zip(&cx.graph.jobs) {
            let lack =
                lacking_software(cx, job, cx.rule(job)).map_err(|trouble| environment_error(&trouble))?;
            lacking.extend(lack.map(|message| (id, message)));
        }
        if lacking.is_empty() {
            return Ok(());
        }
        // Those that are up to date do not matter, which only a forecast can tell.
        let mut fresh = self.context(targets, options, &mut read(&self.state_dir())?, false)?;
        let verdicts = self.verdicts(&mut fresh, false)?;
        let runs = |id: &JobId| matches!(verdicts[id.index()], Verdict::Run { .. });
        match lacking.into_iter().find(|(id, _)| runs(id)) {
            Some((id, message)) => {
                let title = cx.graph.info(id, &cx.workflow, &cx.paths).title();
                Err(Error::new(ErrorKind::Environment, format!("{title} cannot run: {message}")))
            }
            None => Ok(()),
        }
    }

    /// Units of several jobs, by their first jobs, that need more at once than the run has.
    pub(super) fn oversized_units(&self, cx: &Context) -> Vec<(JobId, Error)> {
        let ledger = Ledger::new(self.slots.into(), &self.limits);
        let mut units: Vec<_> = cx.units.all().collect();
        units.sort_unstable_by_key(|(leader, _)| *leader);
        let ask = |job: &JobId| {
            // What cannot be evaluated yet is told when it is.
            let instance = Instance::foreseen(cx, cx.job(*job)).ok();
            let asked = instance.map(|it| it.asked());
            asked.map(|(threads, named)| Ask { threads, named, rides: false }).unwrap_or_default()
        };
        let oversized = units.into_iter().filter_map(|(leader, members)| {
            let (first, others) = members.split_first()?;
            let others: Vec<Ask> = others.iter().map(ask).collect();
            let (name, amount, limit) = ledger.admit(&ask(first), &others).err()?;
            let title = |job: &JobId| format!("`{}`", cx.graph.info(*job, &cx.workflow, &cx.paths).title());
            let titles: Vec<String> = members.iter().map(title).collect();
            let message = format!(
                "{} run at the same time, because pipes or services connect them, and need {name}={amount} \
                 together, but the run has {limit}",
                titles.join(", ")
            );
            Some((leader, Error::new(ErrorKind::Plan, message).with_help(ledger::way_out(&name, amount))))
        });
        oversized.collect()
    }
}

/// What is known to be wrong with params of rules that jobs are of.
pub(super) fn mistakes(workflow: &Workflow, graph: &JobGraph) -> Vec<Problem> {
    let mut rules: Vec<u32> = graph.jobs.iter().map(|job| job.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let params = rules.iter().flat_map(|rule| workflow.rules[*rule as usize].params.iter());
    let mistake = |param: &ParamItem| match &param.source {
        ParamSource::Function(function) => function.mistake(),
        _ => None,
    };
    params.filter_map(mistake).collect()
}

fn environment_error(trouble: &Trouble) -> Error {
    let error = Error::new(ErrorKind::Environment, &*trouble.message);
    match &trouble.help {
        Some(help) => error.with_help(&**help),
        None => error,
    }
}
