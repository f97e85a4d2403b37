//! Files with two names: through a directory that is a link, or by an absolute path. A graph goes by names, so two jobs
//! that make one file would take turns for ever, and who reads it by another name than its maker's would not come
//! after it. Both are refused.
//!
//! Only directories are looked at, each once; files of directories with one name cost nothing.

use crate::base::path::{PathId, PathTable, is_outside};
use crate::diag::Problem;
use crate::files::links::{RealNames, join, split};
use crate::graph::dag::JobGraph;
use crate::graph::job::JobId;
use crate::model::rule::Rule;
use crate::model::workflow::Workflow;
use crate::store::View;
use rustc_hash::{FxHashMap, FxHashSet};
use std::path::Path;
use std::sync::Arc;

const CODE: &str = "same-file";
/// Problems that are told in full: a linked directory has as many as it has files.
const TOLD: usize = 3;

/// The names of the directories in which the files of a graph lie. Follows the graph as it grows.
pub(crate) struct Aliases {
    names: RealNames,
    /// By real name: the other names of a directory.
    others: FxHashMap<Arc<str>, Vec<Box<str>>>,
    seen: FxHashSet<Box<str>>,
    /// What rules make by a way out of the root and in again, or by absolute paths in it.
    around: Vec<Around>,
    jobs: usize,
    sources: usize,
}

/// Files of the root whose names begin in another way.
struct Around {
    prefix: String,
    /// Rules that make files without wildcards, by the rest of the name.
    makers: FxHashMap<Box<str>, u32>,
}

/// A graph, and what is known of files besides.
pub(crate) struct Ground<'a> {
    pub(crate) workflow: &'a Workflow,
    pub(crate) graph: &'a JobGraph,
    pub(crate) paths: &'a PathTable,
    pub(crate) view: &'a View,
}

/// A file with two names.
enum Double {
    Makers {
        file: (PathId, JobId),
        twin: (PathId, JobId),
    },
    /// Read as a source; without a maker it was made in an earlier run.
    Read {
        source: PathId,
        made: PathId,
        maker: Option<JobId>,
    },
    /// Read as a source, and made by a name that begins otherwise.
    Around {
        source: PathId,
        name: String,
        rule: Option<u32>,
    },
}

impl Around {
    /// `None` when no rule makes such a file.
    fn of(prefix: String, workflow: &Workflow) -> Option<Around> {
        let mut makers = FxHashMap::default();
        let mut is_used = false;
        for (number, rule) in (0..).zip(&workflow.rules) {
            for rest in rule.outputs.iter().filter_map(|output| output.text.strip_prefix(&*prefix)) {
                is_used = true;
                makers.entry(rest.into()).or_insert(number);
            }
        }
        is_used.then_some(Around { prefix, makers })
    }
}

impl Aliases {
    pub(crate) fn new(root: &Path, workflow: &Workflow) -> Aliases {
        let whole = root.to_str().map(|root| format!("{}/", root.trim_end_matches('/')));
        let name = root.file_name().and_then(|name| name.to_str()).map(|name| format!("../{name}/"));
        let prefixes = whole.into_iter().chain(name);
        Aliases {
            around: prefixes.filter_map(|prefix| Around::of(prefix, workflow)).collect(),
            names: RealNames::new(root),
            others: FxHashMap::default(),
            seen: FxHashSet::default(),
            jobs: 0,
            sources: 0,
        }
    }

    /// What is wrong with the files that came since the last call.
    pub(crate) fn inspect(&mut self, ground: &Ground<'_>) -> Vec<Problem> {
        let graph = ground.graph;
        let jobs = (self.jobs..graph.jobs.len()).map(|id| JobId(id as u32));
        let outputs =
            jobs.flat_map(|id| graph.jobs[id.index()].outputs.iter().map(move |path| (*path, Some(id))));
        let sources = graph.sources.get(self.sources..).unwrap_or_default().iter().map(|path| (*path, None));
        let mut found = Vec::new();
        if !self.around.is_empty() {
            found.extend(sources.clone().filter_map(|(path, _)| self.made_around(path, ground)));
        }
        let new = outputs.chain(sources);
        let mut last = None;
        for (path, _) in new.clone() {
            let (dir, _) = split(ground.paths.text(path));
            if last.replace(dir) != Some(dir) {
                self.note(dir);
            }
        }
        if !self.others.is_empty() {
            new.for_each(|(path, maker)| self.compare(path, maker, ground, &mut found));
        }
        (self.jobs, self.sources) = (graph.jobs.len(), graph.sources.len());
        let mut problems: Vec<Problem> =
            found.iter().take(TOLD).map(|double| self.tell(double, ground)).collect();
        if found.len() > TOLD {
            problems.push(Problem::error(CODE, format!("{} more files have two names", found.len() - TOLD)));
        }
        problems
    }

    /// The directories that were looked at, each with its name without links. Sorted.
    pub(crate) fn looked(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> =
            self.seen.iter().map(|dir| (dir.to_string(), self.names.known(dir).to_string())).collect();
        all.sort_unstable();
        all
    }

    fn note(&mut self, dir: &str) {
        if self.seen.contains(dir) {
            return;
        }
        self.seen.insert(dir.into());
        let real = self.names.of(dir);
        if *real != *dir {
            self.others.entry(real).or_default().push(dir.into());
        }
    }

    /// Looks for the other names of a file in the graph and on record.
    fn compare(&mut self, path: PathId, maker: Option<JobId>, ground: &Ground<'_>, found: &mut Vec<Double>) {
        let (dir, name) = split(ground.paths.text(path));
        let real = self.names.of(dir);
        let Some(others) = self.others.get(&real) else { return };
        let names = std::iter::once(&*real).chain(others.iter().map(|other| &**other));
        for twin in names.filter(|other| *other != dir).filter_map(|dir| ground.paths.find(&join(dir, name)))
        {
            let is_new = |job: JobId| job.index() >= self.jobs;
            found.extend(match (maker, ground.graph.producer(twin)) {
                // Both are new: one of them tells it.
                (Some(_), Some(other)) if is_new(other) && twin < path => None,
                (Some(maker), Some(other)) => {
                    Some(Double::Makers { file: (path, maker), twin: (twin, other) })
                }
                // At first the sources tell it, later the jobs.
                (Some(_), None) if self.jobs == 0 || !ground.graph.is_settled(twin) => None,
                (Some(maker), None) => Some(Double::Read { source: twin, made: path, maker: Some(maker) }),
                (None, Some(other)) if self.jobs > 0 && is_new(other) => None,
                (None, Some(other)) => Some(Double::Read { source: path, made: twin, maker: Some(other) }),
                (None, None) if ground.view.is_made(twin) => {
                    Some(Double::Read { source: path, made: twin, maker: None })
                }
                (None, None) => None,
            });
        }
    }

    /// How a source is made by a name that leads around.
    fn made_around(&self, source: PathId, ground: &Ground<'_>) -> Option<Double> {
        let text = ground.paths.text(source);
        if is_outside(text) {
            return None;
        }
        self.around.iter().find_map(|around| {
            let name = format!("{}{text}", around.prefix);
            let rule = around.makers.get(text).copied();
            let is_made = || ground.paths.find(&name).is_some_and(|name| ground.view.is_made(name));
            (rule.is_some() || is_made()).then_some(Double::Around { source, name, rule })
        })
    }

    fn tell(&mut self, double: &Double, ground: &Ground<'_>) -> Problem {
        let (problem, one, other) = match *double {
            Double::Around { source, ref name, rule } => {
                let maker = rule.map(|rule| &*ground.workflow.rules[rule as usize]);
                return ground.read_by_other_name(source, name, maker);
            }
            Double::Makers { file, twin } => (ground.two_makers(file, twin), file.0, twin.0),
            Double::Read { source, made, maker } => {
                let (text, maker) = (ground.paths.text(made), maker.map(|maker| ground.rule(maker)));
                (ground.read_by_other_name(source, text, maker), source, made)
            }
        };
        let real = self.names.of(split(ground.paths.text(one)).0);
        let dirs = [one, other].map(|path| split(ground.paths.text(path)).0);
        let links = dirs.into_iter().filter(|dir| **dir != *real);
        links.fold(problem, |problem, dir| {
            problem.note(format!("links lead from `{dir}` to `{}`", shown(&real)))
        })
    }
}

fn shown(dir: &str) -> &str {
    if dir.is_empty() { "." } else { dir }
}

impl<'a> Ground<'a> {
    fn rule(&self, job: JobId) -> &'a Rule {
        &self.workflow.rules[self.graph.jobs[job.index()].rule as usize]
    }

    fn two_makers(&self, file: (PathId, JobId), twin: (PathId, JobId)) -> Problem {
        let ((path, maker), (twin, other)) = if file.1 <= twin.1 { (file, twin) } else { (twin, file) };
        let (path, twin) = (self.paths.text(path), self.paths.text(twin));
        let (a, b) = (self.rule(maker), self.rule(other));
        if maker == other {
            let message = format!("two outputs of rule `{}` are one file: `{path}` and `{twin}`", a.name);
            return at(Problem::error(CODE, message), a, "makes both")
                .help("give one of the outputs another name, or take the link away");
        }
        let message = format!(
            "two jobs make one file: rule `{}` makes `{path}`, rule `{}` makes `{twin}`",
            a.name, b.name
        );
        let problem = at(Problem::error(CODE, message), a, "makes it");
        let problem = if std::ptr::eq(a, b) { problem } else { at(problem, b, "makes it too") };
        problem.help("give one of the outputs another name, or take the link away")
    }

    /// `read` is a source by its name.
    fn read_by_other_name(&self, read: PathId, made: &str, maker: Option<&Rule>) -> Problem {
        let mut jobs = self.graph.jobs.iter();
        let reader = jobs.find(|job| job.inputs.contains(&read)).map(|job| self.rule(job.id));
        let read = self.paths.text(read);
        let who = match reader {
            Some(rule) => format!("rule `{}` reads `{read}`", rule.name),
            None => format!("the target is `{read}`"),
        };
        let by = match maker {
            Some(maker) => format!("rule `{}` makes as `{made}`", maker.name),
            None => format!("a job of an earlier run made as `{made}`"),
        };
        let problem = Problem::error(CODE, format!("{who}, which {by}"));
        let problem = reader.into_iter().fold(problem, |problem, rule| at(problem, rule, "reads it"));
        let problem = maker.into_iter().fold(problem, |problem, rule| at(problem, rule, "makes it"));
        problem
            .help(format!("write `{made}`: who makes a file is known by the name in the rule that makes it"))
    }
}

fn at(problem: Problem, rule: &Rule, text: &str) -> Problem {
    match rule.place {
        Some(place) => problem.at(place, text),
        None => problem,
    }
}
