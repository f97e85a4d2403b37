//! L6: the facade that wires the layers: load a workflow, open a session on a directory, plan, ask, run.

mod accept;
mod answers;
#[cfg(feature = "archive")]
mod archive;
mod builder;
mod ended;
mod history;
mod load;
mod lock;
mod metrics;
mod options;
mod outputs;
mod recall;
mod recovery;
mod refuse;
mod run;
mod share;
mod status;
mod targets;
#[cfg(test)]
mod tests;
mod views;
mod watched;
mod why;

use crate::base::clock::Clock;
use crate::base::path::normalise;
use crate::cache::{Cache, CacheTraffic};
use crate::diag::Diagnostic;
use crate::disk;
use crate::engine::cancel::CancelToken;
use crate::engine::event::Event;
use crate::engine::slots::SlotSource;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::host::Executor;
use crate::files::observe::Observer;
use crate::files::programs::Programs;
use crate::graph::job::JobId;
use crate::graph::resolve::{Request, resolve};
use crate::matching::index::PatternIndex;
use crate::model::action::Interpreters;
use crate::model::workflow::Workflow;
use crate::plan::aliases::{Aliases, Ground};
use crate::plan::code::CodeCache;
use crate::plan::context::{Context, RuleFacts, Sources};
use crate::plan::forecast::forecast;
use crate::plan::foreseen::plan_of;
use crate::plan::instance::Trouble;
use crate::plan::locked::Held;
use crate::plan::plan::{Plan, Verdict};
use crate::plan::temp::Temps;
use crate::plan::units::{Inspection, Units};
use crate::store::{Loaded, read};
pub use accept::{Accepted, LeftOut};
pub use answers::{EndedJob, JobEnd, JobLog, LastRun, MadeFiles, PassedOver, RunReport, Why, WhyStep};
#[cfg(feature = "archive")]
pub use archive::{ArchiveOptions, ArchiveResults};
pub use builder::SessionBuilder;
pub use lock::{LockCheck, LockDifference, LockMismatch, LockUse, LockWritten};
pub use metrics::{MetricChange, Metrics, MetricsDiff};
pub use options::{LoadOptions, RunOptions};
pub use outputs::OutputState;
use recovery::Restored;
use refuse::mistakes;
use run::holder;
pub use share::{Added, PushOptions, Pushed};
pub use status::{RunningJob, Status, Survivor};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
pub use watched::Watched;

type Observe = Box<dyn FnMut(&Event) + Send>;
type Watch = Box<dyn FnMut(&Watched) + Send>;

/// A workflow on a directory: plans, answers, runs. Takes no lock until [`Session::run`].
///
/// ```
/// use rulemake::{RunOptions, Session, Workflow};
/// let text = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
/// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
/// let plan = session.plan(&["a.txt"], &RunOptions::default())?;
/// assert_eq!(plan.jobs().len(), 1);
/// # Ok::<(), rulemake::Error>(())
/// ```
pub struct Session {
    workflow: Arc<Workflow>,
    root: PathBuf,
    slots: u32,
    temp_dir: Arc<str>,
    limits: Vec<(String, u64)>,
    cancel: CancelToken,
    /// In a mutex only so that sessions can be shared.
    observer: Mutex<Observe>,
    watcher: Mutex<Option<Watch>>,
    executor: Option<Arc<dyn Executor>>,
    clock: Arc<dyn Clock>,
    pool: rayon::ThreadPool,
    index: PatternIndex,
    programs: Programs,
    interpreters: Interpreters,
    direct: bool,
    variables: Arc<[(String, String)]>,
    cache: Option<Arc<Cache>>,
    shared_slots: Option<Arc<dyn SlotSource>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Session");
        shown.field("root", &self.root).field("jobs", &self.slots).field("resources", &self.limits);
        shown.field("rules", &self.workflow.rules.len()).finish_non_exhaustive()
    }
}

impl Session {
    /// Starts the description of a session.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let session = Session::builder(workflow).root(std::env::temp_dir()).jobs(2).open()?;
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn builder(workflow: Workflow) -> SessionBuilder {
        SessionBuilder::new(workflow)
    }

    /// The workflow.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let session = Session::builder(workflow).open()?;
    /// assert_eq!(session.workflow().rules().len(), 1);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// The root directory, absolute.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let session = Session::builder(workflow).root(std::env::temp_dir()).open()?;
    /// assert_eq!(session.root(), std::env::temp_dir());
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Gives the following runs another token: one that was cancelled stays so, and a host may want to go on.
    ///
    /// ```
    /// # use rulemake::{CancelLevel, CancelToken, Rule, RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-token-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let workflow = Workflow::builder().rule(Rule::builder("a").output("a.txt").shell("touch {output}")).build()?;
    /// let token = CancelToken::new();
    /// let mut session = Session::builder(workflow).root(&root).cancel(token.clone()).open()?;
    /// token.cancel(CancelLevel::Terminate);
    /// assert!(session.run(&["a.txt"], &RunOptions::default())?.cancelled);
    /// session.set_cancel(CancelToken::new());
    /// assert!(session.run(&["a.txt"], &RunOptions::default())?.success());
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    pub fn set_cancel(&mut self, token: CancelToken) {
        self.cancel = token;
    }

    fn state_dir(&self) -> PathBuf {
        self.root.join(".rulemake")
    }

    /// Resolves the targets on top of what is on record. `writable` when the state directory may be touched.
    fn context<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        loaded: &mut Loaded,
        writable: bool,
    ) -> Result<Context> {
        self.context_with(targets, options, loaded, writable, lock::load(&self.root, options)?)
    }

    fn context_with<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        loaded: &mut Loaded,
        writable: bool,
        lock: Option<Held>,
    ) -> Result<Context> {
        let trust = options.trust(loaded).map_err(plan_error)?;
        let targets = self.targets(targets, loaded)?;
        let mut paths = std::mem::take(&mut loaded.paths);
        let files = Observer::new(self.root.clone(), writable.then(|| self.state_dir()));
        let restored = match writable {
            true => Restored::default(),
            false => self.foresee_restored(&loaded.view, &paths, files.hasher())?,
        };
        for (path, known) in &restored.files {
            match known {
                Some(known) => files.publish(*path, known),
                None => files.set_missing(*path),
            }
        }
        let gone = restored.gone;
        let mut graph = resolve(Request {
            workflow: &self.workflow,
            index: &self.index,
            paths: &mut paths,
            targets: &targets,
            probe: &Sources {
                root: &self.root,
                trust: &trust,
                view: &loaded.view,
                gone: &gone,
                files: Some(&files),
            },
            pool: Some(&self.pool),
        })
        .map_err(|problems| {
            Error::problems(ErrorKind::Plan, &self.placed(problems), &self.workflow.sources)
        })?;
        for target in targets.iter().filter(|target| self.workflow.rule(target).is_none()) {
            let made = paths.find(&normalise(target)).and_then(|id| graph.producer(id)).is_some();
            if !made && disk::is_dir(&self.root.join(target)) {
                let message = format!("the target `{target}` is a directory, not a file");
                return Err(Error::new(ErrorKind::Plan, message)
                    .with_help("name a file in it, or a rule that makes its files"));
            }
        }
        let selection = options.selection();
        if !selection.is_all() {
            let kept = selection.select(&graph, &self.workflow, &paths).map_err(plan_error)?;
            graph.restrict(&kept.jobs, &kept.targets);
        }
        let mistakes = mistakes(&self.workflow, &graph);
        if !mistakes.is_empty() {
            return Err(Error::problems(ErrorKind::Workflow, &mistakes, &self.workflow.sources));
        }
        let units = Units::of(&self.workflow, &graph);
        let inspection = Inspection { workflow: &self.workflow, graph: &graph, paths: &paths, units: &units };
        let problems = inspection.all();
        if !problems.is_empty() {
            return Err(Error::problems(ErrorKind::Plan, &problems, &self.workflow.sources));
        }
        let mut aliases = Aliases::new(&self.root, &self.workflow);
        let ground = Ground { workflow: &self.workflow, graph: &graph, paths: &paths, view: &loaded.view };
        let problems = aliases.inspect(&ground);
        if !problems.is_empty() {
            return Err(Error::problems(ErrorKind::Plan, &problems, &self.workflow.sources));
        }
        let force = options.force(&graph, &self.workflow, &paths).map_err(plan_error)?;
        Ok(Context {
            force,
            aliases,
            temps: Temps::of(&self.workflow, &graph, options.only_needed),
            units,
            graph,
            paths,
            trust,
            view: loaded.view.clone(),
            files,
            gone,
            facts: self.workflow.rules.iter().map(|rule| RuleFacts::of(rule, &self.interpreters)).collect(),
            workflow: self.workflow.clone(),
            root: self.root.as_path().into(),
            slots: self.slots,
            limits: self.limits.clone(),
            code: CodeCache::default(),
            environments: options.environments,
            programs: self.programs.clone(),
            interpreters: self.interpreters.clone(),
            markers: Default::default(),
            temp_dir: self.temp_dir.clone(),
            cache: self.cache.clone(),
            lock,
            foreknown: Default::default(),
        })
    }

    /// Plans `targets` (paths or rule names; none = the default rule) without running or writing anything.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!(plan.counts().run, 1);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Plan`] with the chain that needs a missing file, a cycle, or an ambiguity.
    pub fn plan<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions) -> Result<Plan> {
        let mut cx = self.context(targets, options, &mut read(&self.state_dir())?, false)?;
        self.refuse_lacking(&cx, targets, options)?;
        self.refuse_unsupported(&cx)?;
        let verdicts = self.verdicts(&mut cx, true)?;
        // And of what has come behind checkpoints.
        self.refuse_unsupported(&cx)?;
        let runs = |unit: &JobId| matches!(verdicts[unit.index()], Verdict::Run { .. } | Verdict::May { .. });
        match self.oversized_units(&cx).into_iter().find(|(unit, _)| runs(unit)) {
            Some((_, error)) => Err(error),
            None => Ok(plan_of(cx, verdicts)),
        }
    }

    /// Says what keeps `targets` from being planned (none = the default rule): missing inputs, cycles, ambiguous rules,
    /// functions that fail. Compares no file and writes nothing, so it is quicker than [`Session::plan`]. A default rule
    /// that says nothing to make is none of these: its author asks for files.
    ///
    /// # Errors
    /// The state cannot be read, or a target is none.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// let text = "rule a:\n    input: 'no/such.csv'\n    output: 'a.txt'\n    shell: 'sort {input} > {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// assert_eq!(session.check::<&str>(&[])?[0].code, "missing-input");
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn check<T: AsRef<str>>(&self, targets: &[T]) -> Result<Vec<Diagnostic>> {
        let planned = self
            .context(targets, &RunOptions::default(), &mut read(&self.state_dir())?, false)
            .and_then(|cx| self.refuse_unsupported(&cx));
        let says_nothing = |found: &Diagnostic| {
            targets.is_empty() && matches!(&*found.code, "no-target" | "target-has-wildcards")
        };
        match planned {
            Ok(()) => Ok(Vec::new()),
            Err(error) if error.kind() == ErrorKind::Plan && !error.diagnostics().is_empty() => {
                Ok(error.diagnostics().iter().filter(|found| !says_nothing(found)).cloned().collect())
            }
            Err(error) => Err(error),
        }
    }

    /// What is known about each job before the run; the graph grows where it can.
    fn verdicts(&self, cx: &mut Context, refusals: bool) -> Result<Vec<Verdict>> {
        let verdicts = forecast(cx, &self.index, &self.pool, refusals)
            .map_err(|problems| Error::problems(ErrorKind::Plan, &problems, &self.workflow.sources))?;
        verdicts.into_iter().map(|v| v.map_err(|trouble| plan_error(*trouble))).collect()
    }

    /// What goes between the session's cache and the place that it shares, for who shows it while the session runs, pushes or
    /// pulls; `None` when there is no such place.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let text = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// assert!(session.cache_traffic().is_none());
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn cache_traffic(&self) -> Option<CacheTraffic> {
        self.cache.as_ref()?.traffic()
    }

    /// What functions of the Rulefile printed when they were called for jobs, in order, since the last call of this. While
    /// a run goes on, this is told by events: [`EventKind::Printed`](crate::EventKind::Printed).
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// let text = "def find(wildcards):\n    print('for', wildcards.x)\n    return []\nrule a:\n    input: find\n    output: '{x}.txt'\n    shell: 'touch {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// session.plan(&["b.txt"], &RunOptions::default())?;
    /// assert_eq!(session.take_printed(), ["for b"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn take_printed(&self) -> Vec<String> {
        self.workflow.called.as_ref().map(|called| called.take_printed()).unwrap_or_default()
    }

    /// The files that a pattern such as `results/*.tsv` stands for, as a target does; any other name stands for itself.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// let text = "rule a:\n    output: 'a.txt', 'b.txt'\n    shell: 'touch {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// assert_eq!(session.files_of("*.txt")?, ["a.txt", "b.txt"]);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// The state cannot be read, or the pattern is none or fits nothing.
    pub fn files_of(&self, target: &str) -> Result<Vec<String>> {
        if targets::is_plain(target) {
            return Ok(vec![target.to_string()]);
        }
        self.targets(&[target], &read(&self.state_dir())?)
    }
}

fn plan_error(trouble: Trouble) -> Error {
    let error = Error::new(ErrorKind::Plan, trouble.message);
    match trouble.help {
        Some(help) => error.with_help(help),
        None => error,
    }
}
