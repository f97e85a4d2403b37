//! What a caller can ask for: of a load, and of a plan or run.

use super::lock::LockUse;
use super::targets::{GLOB, target_pattern};
use crate::base::path::{PathTable, normalise};
use crate::graph::dag::JobGraph;
use crate::lang::load::Settings;
use crate::model::environment::Environments;
use crate::model::workflow::Workflow;
use crate::plan::context::Force;
use crate::plan::instance::Trouble;
use crate::plan::select::{Batch, FORCE_FROM, Selection, named_jobs};
use crate::plan::trust::{Trust, last_known};
use crate::store::Loaded;
use rustc_hash::FxHashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// How a Rulefile is loaded.
///
/// ```
/// use rulemake::{LoadOptions, Workflow};
/// let mut options = LoadOptions::default();
/// options.config = vec!["samples=[a, b]".into()];
/// options.keep_root = true;
/// let loaded = Workflow::load_with("no/such/Rulefile", &options);
/// assert!(loaded.is_err());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Directory that relative paths of the workflow start from; the Rulefile's directory when `None`.
    pub root: Option<PathBuf>,
    /// Config files that override those of the Rulefile, in order.
    pub config_files: Vec<PathBuf>,
    /// `key=value` settings that override every config file; the value is read as YAML, `a.b=1` sets a nested key.
    pub config: Vec<String>,
    /// Config files and settings from outside take the place of all that the Rulefile configures.
    pub replace_config: bool,
    /// Threads of rules, by name, over what the Rulefile says.
    pub threads: Vec<(String, u32)>,
    /// Resources of rules as (rule, resource, value), over what the Rulefile says. A value is a number, a text such as
    /// `2 GB`, or an expression with `input`, `threads`, `attempt` and `wildcards`.
    pub resources: Vec<(String, String, String)>,
    /// Resources of rules that say nothing about them; values as in `resources`.
    pub default_resources: Vec<(String, String)>,
    /// Numbers of parts of `scattergather` processes, over those of the Rulefile.
    pub scatter: Vec<(String, u32)>,
    /// Environment variables, by name and value, that the Rulefile may ask for with `os.environ`: the library itself
    /// reads none. Each one that is asked for is on record with its value.
    ///
    /// ```
    /// let mut options = rulemake::LoadOptions::default();
    /// options.variables = std::env::vars().collect();
    /// ```
    pub variables: Vec<(String, String)>,
    /// Threads that jobs may use together, as the Rulefile sees them in `workflow.cores`; one per processor when `None`.
    pub cores: Option<usize>,
    /// Paths start from `root`, whatever `workdir:` says.
    pub keep_root: bool,
    /// Texts that count instead of the files at these paths: what an editor has not saved yet. They stand for Rulefiles
    /// and config files; relative paths start from the process's directory.
    ///
    /// ```
    /// let mut options = rulemake::LoadOptions::default();
    /// options.texts = vec![("no/such/Rulefile".into(), "rule a:\n    output: 'x'\n    shell: 'touch x'\n".into())];
    /// let workflow = rulemake::Workflow::load_with("no/such/Rulefile", &options)?;
    /// assert!(workflow.rule("a").is_some());
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub texts: Vec<(PathBuf, String)>,
    /// Steps that evaluating the Rulefile may take before it is given up as endless; 200 million when `None`, which is
    /// some seconds. Less suits a host that loads what strangers wrote.
    ///
    /// ```
    /// let mut options = rulemake::LoadOptions::default();
    /// options.steps = Some(1_000_000);
    /// ```
    pub steps: Option<u64>,
}

/// Options of [`Session::plan`](crate::Session::plan) and [`Session::run`](crate::Session::run).
///
/// ```
/// use rulemake::RunOptions;
/// let mut options = RunOptions::default();
/// options.keep_going = true;
/// options.retries = 2;
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// After a failure go on with all that does not depend on the failed job.
    pub keep_going: bool,
    /// Run the jobs that make the targets even if they are up to date.
    pub force: bool,
    /// Rules and files whose jobs run even if they are up to date, together with all that needs them.
    pub force_from: Vec<String>,
    /// Run every job of the plan even if it is up to date.
    pub force_all: bool,
    /// Try a failed job again so often, unless its rule says otherwise.
    pub retries: u32,
    /// When another run holds the lock, wait for it instead of failing.
    pub wait: bool,
    /// Use the software environments that rules name; none by default.
    pub environments: Environments,
    /// Temporary files that are made or there stay. One that is gone is not made again for that.
    pub keep_temps: bool,
    /// Rules and files that are the last ones to be made: what they need is made, and nothing after them.
    pub until: Vec<String>,
    /// Rules and files that are not made, nor what needs them.
    pub omit_from: Vec<String>,
    /// A rule, a part (from 1) and the number of parts: only this part of the inputs of the rule is made, sorted by
    /// name. The last part makes all that is still missing, and the rule itself.
    pub batch: Option<(String, u32, u32)>,
    /// Files that jobs made and that are gone are made again only when they are targets, or when a job that must run
    /// reads them. Otherwise what is on record of them is enough, as with temporary files.
    pub only_needed: bool,
    /// Nothing runs: what the session's cache holds is restored, and every other job that would have to run fails.
    pub only_restore: bool,
    /// An output that somebody edited is taken as the result, where nothing else makes its job run: that is put on
    /// record, and what reads the file is made anew. Otherwise the edited file is moved aside and made again.
    pub keep_edited: bool,
    /// Sources, or patterns of such, that may be absent: what is on record of their content counts. A job that reads
    /// one and has to run fails.
    pub assume_inputs: Vec<String>,
    /// What is done with `Rulefile.lock`.
    pub lock: LockUse,
}

impl LoadOptions {
    pub(super) fn settings(&self) -> Settings {
        Settings {
            config_files: self.config_files.clone(),
            config: self.config.clone(),
            replace_config: self.replace_config,
            threads: self.threads.clone(),
            resources: self.resources.clone(),
            default_resources: self.default_resources.clone(),
            scatter: self.scatter.clone(),
            variables: self.variables.clone(),
            cores: self.cores,
            keep_root: self.keep_root,
            texts: self.texts.clone(),
            steps: self.steps,
        }
    }
}

impl RunOptions {
    pub(super) fn selection(&self) -> Selection {
        let batch = self.batch.clone().map(|(rule, part, parts)| Batch { rule, part, parts });
        Selection { until: self.until.clone(), omit_from: self.omit_from.clone(), batch }
    }

    /// Which jobs of `graph` run in any case.
    ///
    /// # Errors
    /// A name that is no rule and no file of the plan.
    pub(super) fn force(
        &self,
        graph: &JobGraph,
        workflow: &Workflow,
        paths: &PathTable,
    ) -> Result<Force, Trouble> {
        let from = named_jobs(&self.force_from, FORCE_FROM, graph, workflow, paths)?;
        let rules = self.force_from.iter().filter_map(|name| workflow.by_name.get(name.as_str()).copied());
        let mut force = Force {
            all: self.force_all,
            targets: self.force,
            from: from.into_iter().collect(),
            rules: rules.collect(),
        };
        force.spread(graph, graph.order.iter().copied());
        Ok(force)
    }

    /// What is taken for granted.
    ///
    /// # Errors
    /// A pattern that is none, or that fits no file on record.
    pub(super) fn trust(&self, loaded: &Loaded) -> Result<Trust, Trouble> {
        let mut assumed = FxHashSet::default();
        for text in &self.assume_inputs {
            let pattern = target_pattern(text)?;
            let name = normalise(text);
            let is_it = |path: &str| path == name || pattern.matches_with(path, GLOB);
            let known = loaded.paths.iter().filter(|(_, path)| is_it(path));
            let known = known.filter(|(id, _)| last_known(&loaded.view, *id).is_some());
            let before = assumed.len();
            assumed.extend(known.map(|(_, path)| Arc::from(path)));
            if assumed.len() == before {
                return Err(Trouble {
                    message: format!("nothing is on record of `{text}`, so its content cannot be assumed"),
                    help: Some("paths start from the directory of the Rulefile, as in the rules".into()),
                });
            }
        }
        Ok(Trust { only_needed: self.only_needed, keep_edited: self.keep_edited, assumed })
    }
}
