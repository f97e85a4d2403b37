//! Why targets cannot be had: down the failed candidates to the files that are missing, the functions that
//! failed, or the cycle. Each failed path is looked at once; iterative.

use crate::base::path::PathId;
use crate::diag::Problem;
use crate::graph::errors::{self, Report};
use crate::graph::expand::{Expansion, NONE};
use crate::graph::feasible::Survey;
use crate::graph::other_names::OtherNames;
use crate::graph::render::Failure;
use crate::graph::resolve::{Probe, Root};
use crate::model::dynamic::CallError;
use crate::model::rule::Rule;

const NEW: u32 = 0;
const DONE: u32 = u32::MAX;

struct Frame {
    /// `NONE` for a target rule, which has `only` as its candidate.
    path: u32,
    only: u32,
    candidate: usize,
    input: usize,
}

struct Walk<'s, 'e> {
    expansion: &'s Expansion<'e>,
    survey: &'s Survey,
    probe: &'s dyn Probe,
    /// By path: `NEW`, `DONE`, or 1 + its place on the stack.
    marks: Vec<u32>,
    stack: Vec<Frame>,
    report: Report,
    /// Told only if nothing else explains it: ways that failed beside another way to make the same file.
    weak: Vec<Problem>,
}

/// Explains every root that cannot be had.
pub(crate) fn blame(
    expansion: &Expansion<'_>,
    survey: &Survey,
    probe: &dyn Probe,
    roots: impl Iterator<Item = Root>,
    report: Report,
) -> Report {
    let marks = vec![NEW; expansion.paths.len()];
    let mut walk = Walk { expansion, survey, probe, marks, stack: Vec::new(), report, weak: Vec::new() };
    for root in roots {
        match root {
            Root::Path(path) if walk.marks[path.index()] != NEW => continue,
            Root::Path(path) if expansion.candidates(path).is_empty() => {
                walk.marks[path.index()] = DONE;
                if walk.report.wants("no-such-target") {
                    let target = expansion.paths.text(path);
                    let problem = errors::no_such_target(target, &OtherNames::of(target, probe), expansion);
                    walk.report.add(problem);
                }
            }
            Root::Path(path) => walk.enter(path.0, NONE),
            Root::Job(job) => walk.enter(NONE, job),
        }
        walk.run();
    }
    if walk.report.is_empty() {
        walk.weak.into_iter().for_each(|problem| walk.report.add(problem));
    }
    walk.report
}

impl<'s> Walk<'s, '_> {
    fn enter(&mut self, path: u32, only: u32) {
        self.stack.push(Frame { path, only, candidate: 0, input: 0 });
        if path != NONE {
            self.marks[path as usize] = self.stack.len() as u32;
        }
    }

    fn run(&mut self) {
        while let Some(top) = self.stack.len().checked_sub(1) {
            let Some(job) = self.present(top) else {
                if let Some(frame) = self.stack.pop()
                    && frame.path != NONE
                {
                    self.marks[frame.path as usize] = DONE;
                }
                continue;
            };
            if let Some(failure) = self.expansion.failures.get(&job) {
                self.failed(job, failure);
                self.next_candidate(top);
                continue;
            }
            let job = &self.expansion.jobs[job as usize];
            let frame = &mut self.stack[top];
            let survey = self.survey;
            match (frame.input..job.inputs.len()).find(|index| survey.lacks(job, *index)) {
                None => self.next_candidate(top),
                Some(index) => {
                    frame.input = index + 1;
                    match job.is_before_update(index) {
                        true => self.missing(job.inputs[index], true),
                        false => self.follow(job.inputs[index]),
                    }
                }
            }
        }
    }

    fn next_candidate(&mut self, top: usize) {
        self.stack[top].candidate += 1;
        self.stack[top].input = 0;
    }

    fn follow(&mut self, input: PathId) {
        match self.marks[input.index()] {
            DONE => {}
            NEW if self.expansion.candidates(input).is_empty() => {
                self.marks[input.index()] = DONE;
                self.missing(input, false);
            }
            NEW => self.enter(input.0, NONE),
            place => self.cycle(place as usize - 1),
        }
    }

    fn all(&self, place: usize) -> &[u32] {
        let frame = &self.stack[place];
        match frame.path {
            NONE => std::slice::from_ref(&frame.only),
            path => self.expansion.candidates(PathId(path)),
        }
    }

    /// The candidate that is looked at. Where a rule names the very file, it is the one that was meant: what a pattern
    /// would need for it besides is nobody's missing input.
    fn present(&self, place: usize) -> Option<u32> {
        let all = self.all(place);
        let is_exact = |job: &u32| self.expansion.jobs[*job as usize].wildcards.is_empty();
        let has_exact = all.iter().any(is_exact);
        let meant = all.iter().filter(|job| !has_exact || is_exact(job));
        meant.copied().nth(self.stack[place].candidate)
    }

    fn rule_at(&self, place: usize) -> Option<&'s Rule> {
        let expansion = self.expansion;
        self.present(place).map(|job| expansion.rule_of(job))
    }

    fn file_at(&self, place: usize) -> &str {
        match self.stack[place].path {
            NONE => "",
            path => self.expansion.paths.text(PathId(path)),
        }
    }

    /// From `file`, which the rule of the top frame needs (or from the top frame's own file), to the target.
    fn chain(&self, file: Option<&str>) -> String {
        self.chain_from(self.stack.len() - 1, file)
    }

    /// As [`Walk::chain`], with another frame as the top.
    fn chain_from(&self, top: usize, file: Option<&str>) -> String {
        let name = |place| self.rule_at(place).map_or("", |rule| &*rule.name);
        let target = Some(self.file_at(0)).filter(|file| !file.is_empty());
        // Link `i` is the file below frame `top - i`, and the rule of that frame.
        let file_below =
            |place: usize| if place == top { file.unwrap_or("") } else { self.file_at(place + 1) };
        let from = usize::from(file.is_none());
        if file.is_none() && top == 0 {
            return target.map_or_else(|| format!("rule {} (target)", name(0)), |t| format!("target `{t}`"));
        }
        errors::chain((from..top + 1).map(|i| (file_below(top - i), name(top - i))), target)
    }

    fn missing(&mut self, input: PathId, before_update: bool) {
        let file = self.expansion.paths.text(input);
        if !self.report.wants_missing(file) {
            return;
        }
        let Some(rule) = self.rule_at(self.stack.len() - 1) else { return };
        if before_update {
            self.report.add(errors::nothing_before_update(file, rule, self.chain(Some(file))));
            return;
        }
        let (survey, paths) = (self.survey, &*self.expansion.paths);
        let had = |path: &PathId| survey.can_be_had(*path);
        let known = self.expansion.explored.iter().copied().filter(had).map(|path| paths.text(path));
        let others = OtherNames::of(file, self.probe);
        let named = (file, &others);
        let near = self.probe.near(file);
        let known = near.iter().map(String::as_str).chain(known);
        let problem = errors::missing_input(named, rule, self.chain(Some(file)), self.expansion, known);
        self.report.add(problem);
    }

    fn failed(&mut self, job: u32, failure: &Failure) {
        let rule = self.expansion.rule_of(job);
        if matches!(failure, Failure::Endless) {
            // Back to where the rule began to feed itself.
            let is_same = |place: &usize| self.rule_at(*place).is_some_and(|r| std::ptr::eq(r, rule));
            let first =
                (0..self.stack.len()).rev().take_while(is_same).last().unwrap_or(self.stack.len() - 1);
            let problem = errors::endless(
                rule,
                self.file_at(first),
                self.chain_from((first + 1).min(self.stack.len() - 1), None),
            );
            self.add_weak(problem);
            return;
        }
        if let Failure::Call { error: CallError::Problem(problem), .. } = failure
            && self.report.repeats(problem)
        {
            return;
        }
        if self.report.wants("input-function") && !matches!(failure, Failure::Unreported) {
            let problem = errors::failed_job(job, failure, self.chain(None), self.expansion);
            self.report.add(problem);
        }
    }

    fn add_weak(&mut self, problem: Problem) {
        if self.weak.len() < 20 {
            self.weak.push(problem);
        }
    }

    /// The rule of the top frame needs the file of the frame at `place`.
    fn cycle(&mut self, place: usize) {
        let is_only = (place..self.stack.len()).all(|place| self.all(place).len() == 1);
        if self.weak.len() >= 20 && !is_only || is_only && !self.report.wants("cycle") {
            return;
        }
        let links: Vec<(&str, &Rule)> = (place..self.stack.len())
            .filter_map(|place| Some((self.file_at(place), self.rule_at(place)?)))
            .collect();
        let problem = errors::cycle(&links);
        if is_only {
            self.report.add(problem);
        } else {
            self.add_weak(problem);
        }
    }
}
