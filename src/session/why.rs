//! Why files will or will not be made again: for one file, and for many with one plan.

use super::targets::as_target;
use super::views::{cause, passed_over, why_step};
use super::{RunOptions, Session, Why};
use crate::base::path::normalise;
use crate::error::Result;
use crate::graph::job::JobId;
use crate::model::flags::Flag;
use crate::plan::context::Context;
use crate::plan::foreseen::called;
use crate::plan::orphans::{Orphan, orphans};
use crate::plan::plan::{PlanRead, Verdict};
use crate::store::read;
use rustc_hash::{FxHashMap, FxHashSet};

/// Fewer files are planned one by one at once.
const TOGETHER: usize = 8;

impl Session {
    /// Explains why `path`, a file or a rule, will or will not be made again.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let why = Session::builder(workflow).open()?.why("no-such.txt")?;
    /// assert_eq!((why.source, why.chain[0].exists), (false, false));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn why(&self, path: &str) -> Result<Why> {
        let mut cx = self.context_of(&[path])?;
        let verdicts = self.verdicts(&mut cx, false)?;
        Ok(Answers::new(&cx, &verdicts).of(path))
    }

    /// As [`Session::why`] for each of `paths`, with one plan for all of them where that gives the same answers.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a', 'b'\n    shell: 'touch {output}'\n")?;
    /// let answers = Session::builder(workflow).open()?.why_each(&["a", "nothing", "b"]);
    /// assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn why_each<T: AsRef<str>>(&self, paths: &[T]) -> Vec<Result<Why>> {
        let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
        let mut answers: Vec<Option<Result<Why>>> = paths.iter().map(|_| None).collect();
        // Of those that cannot be planned with the others, half the others can be.
        let mut parts = vec![(0..paths.len()).collect::<Vec<usize>>()];
        while let Some(part) = parts.pop() {
            let names: Vec<&str> = part.iter().map(|at| paths[*at]).collect();
            match part.as_slice() {
                few if few.len() < TOGETHER => {
                    few.iter().for_each(|at| answers[*at] = Some(self.why(paths[*at])))
                }
                many => match self.why_together(&names) {
                    Ok(found) => {
                        for (at, answer) in many.iter().zip(found) {
                            answers[*at] = Some(answer.map_or_else(|| self.why(paths[*at]), Ok));
                        }
                    }
                    Err(_) => {
                        let (one, other) = many.split_at(many.len() / 2);
                        parts.extend([one.to_vec(), other.to_vec()]);
                    }
                },
            }
        }
        answers.into_iter().flatten().collect()
    }

    /// With one plan; nothing for temporary files, which are wanted only by who asks for them.
    fn why_together(&self, paths: &[&str]) -> Result<Vec<Option<Why>>> {
        let mut cx = self.context_of(paths)?;
        let is_temp: Vec<bool> = paths.iter().map(|path| is_temporary(&cx, path)).collect();
        let others = paths.iter().zip(&is_temp).filter(|(_, is_temp)| !**is_temp);
        let others: Vec<&str> = others.map(|(path, _)| *path).collect();
        if others.is_empty() {
            return Ok(paths.iter().map(|_| None).collect());
        }
        if others.len() < paths.len() {
            cx = self.context_of(&others)?;
        }
        let verdicts = self.verdicts(&mut cx, false)?;
        let answers = Answers::new(&cx, &verdicts);
        Ok(paths.iter().zip(is_temp).map(|(path, is_temp)| (!is_temp).then(|| answers.of(path))).collect())
    }

    /// The context of just these files and rules: none of them is a pattern.
    fn context_of(&self, paths: &[&str]) -> Result<Context> {
        let targets: Vec<String> = paths.iter().map(|path| as_target(path)).collect();
        self.context(&targets, &RunOptions::default(), &mut read(&self.state_dir())?, false)
    }
}

fn is_temporary(cx: &Context, path: &str) -> bool {
    let Some(id) = cx.paths.find(&normalise(path)) else { return false };
    let Some(job) = cx.graph.producer(id) else { return false };
    let flags = &cx.rule(cx.job(job)).output_flags;
    let outputs = cx.job(job).outputs.iter().zip(flags.iter());
    outputs.filter(|(output, _)| **output == id).any(|(_, flags)| flags.has(Flag::Temp))
}

/// What is said of the files of one context.
struct Answers<'a> {
    cx: &'a Context,
    verdicts: &'a [Verdict],
    /// By rule.
    reads: FxHashMap<String, Vec<PlanRead>>,
    orphans: Vec<Orphan>,
}

impl<'a> Answers<'a> {
    fn new(cx: &'a Context, verdicts: &'a [Verdict]) -> Answers<'a> {
        let mut reads: FxHashMap<String, Vec<PlanRead>> = FxHashMap::default();
        for read in called(cx) {
            if let Some(rule) = &read.rule {
                reads.entry(rule.clone()).or_default().push(read);
            }
        }
        Answers { cx, verdicts, reads, orphans: orphans(cx) }
    }

    fn of(&self, path: &str) -> Why {
        let (cx, verdicts) = (self.cx, self.verdicts);
        let named = self.job_of_rule(path);
        let path = normalise(path).into_owned();
        let passed_over = cx.paths.find(&path).map(|id| passed_over(cx, id)).unwrap_or_default();
        let Some(job) = cx.paths.find(&path).and_then(|id| cx.graph.producer(id)).or(named) else {
            let orphan = self.orphans.iter().find(|orphan| orphan.path == path).cloned();
            let (chain, reads) = (Vec::new(), Vec::new());
            return Why { v: 1, path, source: true, chain, passed_over, orphan, reads };
        };
        let mut chain = vec![why_step(cx, job, verdicts)];
        let mut at = job;
        while let Some(next) = cause(cx, at, verdicts) {
            chain.push(why_step(cx, next, verdicts));
            at = next;
        }
        let mut rules = FxHashSet::default();
        let rules = chain.iter().map(|step| &*step.job.rule).filter(|rule| rules.insert(*rule));
        let reads = rules.filter_map(|rule| self.reads.get(rule)).flatten().cloned().collect();
        Why { v: 1, path, source: false, chain, passed_over, orphan: None, reads }
    }

    /// The job of a rule that was asked for by its name.
    fn job_of_rule(&self, name: &str) -> Option<JobId> {
        let rule = *self.cx.workflow.by_name.get(name)?;
        self.cx.graph.targets.iter().copied().find(|id| self.cx.job(*id).rule == rule)
    }
}
