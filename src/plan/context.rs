//! Everything that the checks of one run look at. Immutable but for the observer's memo, so that checks can run
//! on several threads.

use crate::base::digest::{Digest, DigestHasher};
use crate::base::path::{PathId, PathTable};
use crate::cache::Cache;
use crate::files::links::RealNames;
use crate::files::observe::{HashCache, Observer};
use crate::files::programs::Programs;
use crate::graph::dag::JobGraph;
use crate::graph::job::{Job, JobId};
use crate::graph::resolve::Probe;
use crate::model::action::{Action, Code, Interpreters, ShellUse};
use crate::model::draft::default_shell;
use crate::model::environment::Environments;
use crate::model::flags::Flag;
use crate::model::rule::Rule;
use crate::model::template::Used;
use crate::model::workflow::Workflow;
use crate::plan::aliases::Aliases;
use crate::plan::code::CodeCache;
use crate::plan::locked::Held;
use crate::plan::temp::Temps;
use crate::plan::trust::Trust;
use crate::plan::units::Units;
use crate::store::View;
use crate::trace::compare::Names;
use crate::trace::fingerprint::SEMANTICS;
use crate::trace::identity::{FileHash, Known};
use crate::trace::tree::Tree;
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// What one run's checks look at.
pub(crate) struct Context {
    pub(crate) workflow: Arc<Workflow>,
    pub(crate) graph: JobGraph,
    pub(crate) paths: PathTable,
    pub(crate) view: Arc<View>,
    pub(crate) files: Observer,
    /// Per rule of the workflow.
    pub(crate) facts: Vec<RuleFacts>,
    pub(crate) root: Arc<Path>,
    /// Threads that jobs may use together: a job's own are capped at it.
    pub(crate) slots: u32,
    /// What jobs may use together of named resources: a job's own amounts are capped at it, too.
    pub(crate) limits: Vec<(String, u64)>,
    /// What jobs take for temporary files unless their rule says something else.
    pub(crate) temp_dir: Arc<str>,
    pub(crate) force: Force,
    pub(crate) trust: Trust,
    pub(crate) code: CodeCache,
    pub(crate) environments: Environments,
    pub(crate) programs: Programs,
    pub(crate) interpreters: Interpreters,
    /// What `touch` outputs that were made in this run stand for.
    pub(crate) markers: Mutex<FxHashMap<PathId, Digest>>,
    pub(crate) temps: Temps,
    /// Where results are kept and looked for.
    pub(crate) cache: Option<Arc<Cache>>,
    /// What a lock file says of outputs.
    pub(crate) lock: Option<Held>,
    /// Before a run: what outputs will hold that are not there, as far as the cache knows.
    pub(crate) foreknown: RwLock<FxHashMap<PathId, (Digest, bool)>>,
    pub(crate) units: Units,
    pub(crate) aliases: Aliases,
    /// Files that are there and will not be when a run begins; only of plans.
    pub(crate) gone: FxHashSet<Box<str>>,
}

/// Which jobs run although they are up to date.
#[derive(Clone, Debug, Default)]
pub(crate) struct Force {
    pub(crate) all: bool,
    pub(crate) targets: bool,
    /// These, which are all that need one of them.
    pub(crate) from: FxHashSet<JobId>,
    /// And all jobs of these rules, also those that checkpoints bring in.
    pub(crate) rules: FxHashSet<u32>,
}

impl Force {
    /// Adds what needs a forced job: of `jobs`, in an order in which producers come first, and what needs those.
    pub(crate) fn spread(&mut self, graph: &JobGraph, jobs: impl IntoIterator<Item = JobId>) {
        if self.from.is_empty() && self.rules.is_empty() {
            return;
        }
        let mut added = Vec::new();
        for id in jobs {
            let job = &graph.jobs[id.index()];
            let is_forced =
                self.rules.contains(&job.rule) || job.needs.iter().any(|need| self.from.contains(need));
            if is_forced && self.from.insert(id) {
                added.push(id);
            }
        }
        while let Some(id) = added.pop() {
            added.extend(graph.consumers(id).filter(|consumer| self.from.insert(*consumer)));
        }
    }
}

impl Context {
    /// The limit of a named resource.
    pub(crate) fn limit(&self, name: &str) -> Option<u64> {
        self.limits.iter().rev().find(|(limited, _)| limited == name).map(|(_, limit)| *limit)
    }

    pub(crate) fn job(&self, id: JobId) -> &Job {
        &self.graph.jobs[id.index()]
    }

    pub(crate) fn rule(&self, job: &Job) -> &Rule {
        &self.workflow.rules[job.rule as usize]
    }

    /// What counts for consumers of `path` instead of its content, when it is a marker.
    pub(crate) fn marker(&self, path: PathId) -> Option<Digest> {
        let job = self.job(self.graph.producer(path)?);
        let index = job.outputs.iter().position(|output| *output == path)?;
        if !self.rule(job).output_flags.get(index)?.has(Flag::Touch) {
            return None;
        }
        let made = self.markers.lock().unwrap_or_else(PoisonError::into_inner).get(&path).copied();
        made.or_else(|| self.on_record(path))
    }

    /// Takes over what a job made, with what it is on record as. `made` are its outputs but for pipes and services,
    /// `results` belong to all.
    pub(crate) fn publish(&self, job: JobId, made: &[(PathId, Known)], results: &[Digest]) {
        self.graph.beside(job).iter().for_each(|path| self.files.forget(*path));
        let mut all = self.job(job).outputs.iter().zip(results);
        for (path, known) in made {
            let Some((_, result)) = all.find(|(output, _)| *output == path) else { return };
            self.files.publish(*path, known);
            if known.digest() != *result {
                self.markers.lock().unwrap_or_else(PoisonError::into_inner).insert(*path, *result);
            }
        }
    }

    /// Takes note of what outputs stand for that were put back, and of markers that were not.
    pub(crate) fn note_markers(&self, job: JobId, results: &[Digest]) {
        let (it, flags) = (self.job(job), &self.rule(self.job(job)).output_flags);
        let mut markers = self.markers.lock().unwrap_or_else(PoisonError::into_inner);
        let touched = it.outputs.iter().zip(results).zip(flags).filter(|(_, flags)| flags.has(Flag::Touch));
        markers.extend(touched.map(|((path, result), _)| (*path, *result)));
    }

    /// Drops what is remembered of all that a job writes.
    pub(crate) fn forget(&self, job: JobId) {
        let all = self.job(job).outputs.iter().chain(self.graph.beside(job));
        all.for_each(|path| self.files.forget(*path));
    }

    /// What a file will hold that the cache will put back, and whether it will be there at all: temporary files will not.
    pub(crate) fn foreknown(&self, path: PathId) -> Option<(Digest, bool)> {
        self.cache.as_ref()?;
        self.foreknown.read().unwrap_or_else(PoisonError::into_inner).get(&path).copied()
    }

    /// Whether a path is a pipe or the output of a service.
    pub(crate) fn is_stream(&self, path: &str) -> bool {
        !self.units.is_empty() && self.paths.find(path).is_some_and(|path| self.units.stream(path).is_some())
    }

    pub(crate) fn is_forced(&self, id: JobId) -> bool {
        let is_target = || self.graph.targets.contains(&id) || self.serves_target(id);
        self.force.all || self.force.from.contains(&id) || self.force.targets && is_target()
    }

    /// Whether a target without an action (`rule all`) names the job's outputs: it stands for them.
    fn serves_target(&self, id: JobId) -> bool {
        self.graph.consumers(id).any(|consumer| {
            let is_target = self.graph.targets.contains(&consumer);
            is_target && matches!(self.rule(self.job(consumer)).action, Action::None)
        })
    }
}

/// Existence of sources, for the resolver.
pub(crate) struct Sources<'a> {
    pub(crate) root: &'a Path,
    pub(crate) trust: &'a Trust,
    pub(crate) view: &'a View,
    /// Files that are there and will not be when a run begins.
    pub(crate) gone: &'a FxHashSet<Box<str>>,
    /// Takes note of what is found, for the checks that follow. `None` when a graph grows: its new paths have other ids
    /// by then, and jobs may have run.
    pub(crate) files: Option<&'a Observer>,
}

impl Probe for Sources<'_> {
    fn exists(&self, path: PathId, text: &str) -> bool {
        // A source that cannot be looked at exists: the check that reads it gives the better error.
        let is_there = match self.files {
            Some(files) => files.probe(path, text).unwrap_or(true),
            None => crate::files::stat::stat(&self.root.join(text)).map_or(true, |found| found.is_some()),
        };
        is_there && !self.gone.contains(text) || self.trust.assumes(text)
    }

    fn root(&self) -> &Path {
        self.root
    }

    fn is_made(&self, path: PathId, _: &str) -> bool {
        self.view.is_made(path)
    }

    fn real_name(&self, path: &str) -> Option<String> {
        RealNames::new(self.root).of_file(path)
    }

    fn near(&self, path: &str) -> Vec<String> {
        crate::files::near(self.root, path)
    }
}

impl HashCache for Context {
    fn file_hash(&self, path: PathId) -> Option<FileHash> {
        self.view.file_hash(path)
    }

    fn tree(&self, path: PathId) -> Option<Tree> {
        self.view.tree(path)
    }
}

impl Names for Context {
    fn definition(&self, digest: &Digest) -> Option<String> {
        let known =
            self.facts.iter().find(|facts| facts.definition == *digest).map(|facts| facts.text.to_string());
        known.or_else(|| self.view.definition(digest).map(str::to_string))
    }

    fn maker(&self, path: PathId) -> Option<String> {
        let producer = self.graph.producer(path)?;
        Some(self.graph.info(producer, &self.workflow, &self.paths).title())
    }
}

/// What the fingerprint takes from a rule, computed once per run.
#[derive(Debug)]
pub(crate) struct RuleFacts {
    pub(crate) definition: Digest,
    /// The text under the digest: what `why` shows and compares.
    pub(crate) text: Arc<str>,
    pub(crate) params: Used,
    pub(crate) wildcards: Used,
}

impl RuleFacts {
    pub(crate) fn of(rule: &Rule, interpreters: &Interpreters) -> RuleFacts {
        let (text, params, wildcards) = match &rule.action {
            Action::None => (String::new(), Used::None, Used::None),
            Action::Touch => {
                let mut text = "# touch".to_string();
                push_slots(rule, &mut text);
                (text, Used::None, Used::None)
            }
            Action::Function(action) => (function_text(rule, &action.version), Used::All, Used::All),
            Action::Interpreted(action) => {
                let mut text = format!("# {}:\n{}", action.kind, action.code.trim_end());
                if let Some(interpreter) = interpreters.get(&action.kind) {
                    push_version(&action.kind, interpreter.version(), &mut text);
                }
                push_slots(rule, &mut text);
                (text, Used::All, Used::All)
            }
            Action::Run(code) => {
                let mut text = format!("# run:\n{}", code.text.trim_end());
                push_shell(code, &mut text);
                if !code.refers.is_empty() {
                    let _ = write!(text, "\n# with:\n{}", code.refers);
                }
                push_slots(rule, &mut text);
                (text, Used::All, Used::All)
            }
            Action::Script(script) => {
                let path = script.path.canonical();
                let mut text = format!("# script: {path}");
                if let Some((kind, interpreter)) = interpreters.for_file(&path) {
                    push_version(kind, interpreter.version(), &mut text);
                }
                push_slots(rule, &mut text);
                (text, Used::All, Used::All)
            }
            Action::Shell(shell) => {
                let uses = shell.template.uses();
                let mut text = format!("{}{}{}", shell.prefix, shell.template.canonical(), shell.suffix);
                let _ = write!(text, "\n# shell: {}", shell.shell.join(" "));
                if uses.rule {
                    let _ = write!(text, "\n# rule: {}", rule.name);
                }
                push_slots(rule, &mut text);
                (text, uses.params, uses.wildcards)
            }
        };
        let definition =
            DigestHasher::new("rulemake definition").number(SEMANTICS.into()).text(&text).finish();
        RuleFacts { definition, text: text.into(), params, wildcards }
    }
}

/// How `shell(...)` in a body runs commands, where that is not the usual way.
fn push_shell(code: &Code, text: &mut String) {
    if !code.text.contains("shell") && !code.refers.contains("shell") {
        return;
    }
    let ShellUse { program, prefix, suffix } = &code.shell;
    if program[..] != default_shell()[..] {
        let _ = write!(text, "\n# shell: {}", program.join(" "));
    }
    for (name, value) in [("prefix", prefix), ("suffix", suffix)] {
        if !value.is_empty() {
            let _ = write!(text, "\n# {name} of commands: {value}");
        }
    }
}

fn push_version(kind: &str, version: &str, text: &mut String) {
    let _ = write!(text, "\n# interpreter of {kind}, version {version}");
}

fn function_text(rule: &Rule, version: &str) -> String {
    let mut text = format!("# function of rule {}, version {version}", rule.name);
    push_slots(rule, &mut text);
    text
}

/// Names of the slots: swapping two names swaps what the command sees.
fn push_slots(rule: &Rule, text: &mut String) {
    let name = |name: &Option<Arc<str>>| name.as_deref().unwrap_or("_").to_string();
    let inputs: Vec<String> = rule.inputs.iter().map(|i| name(&i.name)).collect();
    let outputs: Vec<String> = rule.output_slots.iter().map(|s| name(&s.name)).collect();
    for (section, names) in [("input", inputs), ("output", outputs)] {
        if names.iter().any(|n| n != "_") {
            let _ = write!(text, "\n# {section}: {}", names.join(", "));
        }
    }
    for (number, flags) in (1..).zip(&rule.output_flags) {
        let made_as = [Flag::Directory, Flag::Touch, Flag::Update, Flag::Pipe, Flag::Service].into_iter();
        for flag in made_as.filter(|flag| flags.has(*flag)) {
            let _ = write!(text, "\n# output {number}: {}", flag.name());
        }
    }
}
