//! L6: the facade that wires the layers: load a workflow, open a session on a directory, plan, ask, run.

mod accept;
mod answers;
#[cfg(feature = "archive")]
mod archive;
mod builder;
mod ended;
mod history;
mod lock;
mod metrics;
mod options;
mod outputs;
mod recall;
mod recovery;
mod share;
mod status;
mod targets;
mod views;
mod watched;
mod why;

use crate::base::clock::Clock;
use crate::base::path::normalise;
use crate::cache::{Cache, CacheTraffic};
use crate::diag::{Diagnostic, Problem};
use crate::disk;
use crate::engine::cancel::CancelToken;
use crate::engine::drive::{DriveOptions, drive};
use crate::engine::event::Event;
use crate::engine::ledger::{Ask, Ledger};
use crate::engine::slots::SlotSource;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::host::Executor;
use crate::files::observe::Observer;
use crate::files::outputs::make_directory;
use crate::files::programs::Programs;
use crate::graph::dag::JobGraph;
use crate::graph::job::JobId;
use crate::graph::resolve::{Request, resolve};
use crate::lang::load::{LoadFailure, LoadRequest, Settings, load, load_file};
use crate::matching::index::PatternIndex;
use crate::model::action::Interpreters;
use crate::model::rule::{ParamItem, ParamSource};
use crate::model::workflow::Workflow;
use crate::plan::aliases::{Aliases, Ground};
use crate::plan::code::{CodeCache, lacking_software, missing_scripts};
use crate::plan::context::{Context, RuleFacts, Sources};
use crate::plan::forecast::forecast;
use crate::plan::foreseen::{self, plan_of};
use crate::plan::instance::{Instance, Trouble};
use crate::plan::locked::Held;
use crate::plan::orphans;
use crate::plan::plan::{Plan, Verdict};
use crate::plan::temp::Temps;
use crate::plan::units::{Inspection, Units};
use crate::store::{Loaded, LockWait, Writer, open, read};
pub use accept::{Accepted, LeftOut};
pub use answers::{EndedJob, JobEnd, JobLog, LastRun, MadeFiles, PassedOver, RunReport, Why, WhyStep};
#[cfg(feature = "archive")]
pub use archive::{ArchiveOptions, ArchiveResults};
pub use builder::SessionBuilder;
use ended::Hearing;
pub use lock::{LockCheck, LockDifference, LockMismatch, LockUse, LockWritten};
pub use metrics::{MetricChange, Metrics, MetricsDiff};
pub use options::{LoadOptions, RunOptions};
pub use outputs::OutputState;
use recovery::Restored;
pub use share::{Added, PushOptions, Pushed};
pub use status::{RunningJob, Status, Survivor};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
pub use watched::Watched;

type Observe = Box<dyn FnMut(&Event) + Send>;

/// Between SIGTERM and SIGKILL when a run is cancelled.
const GRACE: Duration = Duration::from_secs(10);

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

impl Workflow {
    /// What rulemake does not do of what the rules ask for, such as `wrapper:`. The workflow can be used; a plan that holds a
    /// job of such a rule fails.
    ///
    /// ```
    /// use rulemake::Workflow;
    /// let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'x'\n    wrapper: 'v1/bio/bwa'\n")?;
    /// assert_eq!(workflow.unsupported().len(), 1);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn unsupported(&self) -> Vec<Diagnostic> {
        let refused = self.rules.iter().filter_map(|rule| rule.refused.as_ref());
        refused.map(|problem| problem.resolve(&self.sources)).collect()
    }

    /// Loads a Rulefile; relative paths of the workflow start from its directory, which is also the root of a
    /// [`Session`] that is given no other.
    ///
    /// ```
    /// let error = rulemake::Workflow::load("no-such/Rulefile").unwrap_err();
    /// assert_eq!(error.kind(), rulemake::ErrorKind::Environment);
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Environment`] when a file cannot be read, [`ErrorKind::Workflow`] with all mistakes found.
    pub fn load(path: impl AsRef<Path>) -> Result<Workflow> {
        Workflow::load_with(path, &LoadOptions::default())
    }

    /// Loads a Rulefile with options.
    ///
    /// ```
    /// # use rulemake::{LoadOptions, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-load-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// std::fs::write(root.join("Rulefile"), "rule a:\n    output: config['name']\n    shell: 'touch {output}'\n")?;
    /// let mut options = LoadOptions::default();
    /// options.config = vec!["name=a.txt".into()];
    /// let workflow = Workflow::load_with(root.join("Rulefile"), &options)?;
    /// assert_eq!(workflow.rule("a").unwrap().outputs().collect::<Vec<_>>(), ["a.txt"]);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Workflow::load`].
    pub fn load_with(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Workflow> {
        let path = path.as_ref();
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let root = options.root.as_deref().unwrap_or(dir);
        let mut workflow = load_file(path, root, options.settings())?;
        workflow.request = recall::request(path, options);
        workflow.home = std::path::absolute(root).ok();
        Ok(workflow)
    }

    /// Loads a Rulefile from a text. `name` stands in messages; relative paths start from the process's directory.
    ///
    /// ```
    /// let workflow = rulemake::Workflow::parse("Rulefile", "rule hello:\n    output: 'hi'\n    shell: 'echo hi > {output}'\n")?;
    /// assert_eq!(workflow.default_rule().unwrap().name(), "hello");
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Workflow::load`].
    pub fn parse(name: &str, text: &str) -> Result<Workflow> {
        let request = LoadRequest {
            name: name.to_string(),
            text: text.to_string(),
            dir: PathBuf::from("."),
            root: PathBuf::from("."),
            settings: Settings::default(),
        };
        load(request).map_err(LoadFailure::into_error)
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
        let mut aliases = Aliases::new(&self.root);
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

    /// Rules with what rulemake does not do are no mistake until a job of theirs is needed.
    fn refuse_unsupported(&self, cx: &Context) -> Result<()> {
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
    fn placed(&self, mut problems: Vec<Problem>) -> Vec<Problem> {
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
    fn refuse_lacking<T: AsRef<str>>(&self, cx: &Context, targets: &[T], options: &RunOptions) -> Result<()> {
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
    fn oversized_units(&self, cx: &Context) -> Vec<(JobId, Error)> {
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
            let help = match &*name {
                "threads" => format!(
                    "give the run more with `--jobs {amount}`, or let the rules ask for less with `--set-threads`"
                ),
                _ => format!(
                    "raise the limit with `--resources {name}={amount}`, or let the rules ask for less with \
                     `--set-resources`"
                ),
            };
            Some((leader, Error::new(ErrorKind::Plan, message).with_help(help)))
        });
        oversized.collect()
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

    /// Runs what is stale for `targets`. Blocks; this thread coordinates.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-run-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// let mut session = Session::builder(workflow).root(&root).open()?;
    /// let report = session.run(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!((report.success(), report.summary.ran), (true, 1));
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`], and [`ErrorKind::Locked`], [`ErrorKind::Environment`].
    pub fn run<T: AsRef<str>>(&mut self, targets: &[T], options: &RunOptions) -> Result<RunReport> {
        // Where nothing is on record a plan that cannot be made leaves nothing behind.
        let early = match disk::exists(&self.state_dir()) {
            true => None,
            false => Some(self.admitted(targets, options, &mut read(&self.state_dir())?)?),
        };
        let (mut loaded, mut writer) = self.open_store(options.wait, &holder("run", targets))?;
        let mut warnings: Vec<String> = loaded.lost.take().into_iter().collect();
        warnings.extend(self.end_survivors(&loaded.view)?);
        self.remove_leftovers(&loaded)?;
        let restored = self.restore_updates(&loaded, &mut writer)?;
        if !restored.is_empty() {
            warnings.extend(restored);
            loaded = read(&self.state_dir())?;
        }
        let cx = match early.filter(|_| loaded.is_empty()) {
            Some(cx) => cx,
            None => self.admitted(targets, options, &mut loaded)?,
        };
        let cx = Arc::new(cx);
        warnings.extend(assumed(&cx));
        warnings.extend(foreseen::warnings(&cx).iter().map(in_a_line));
        warnings.extend(orphans::warnings(&orphans::orphans(&cx)));
        let drive_options = DriveOptions {
            executor: self.executor.clone(),
            clock: self.clock.clone(),
            keep_going: options.keep_going,
            retries: options.retries,
            limits: self.limits.clone(),
            grace: GRACE,
            warnings,
            keep_temps: options.keep_temps,
            programs: self.programs.clone(),
            direct: self.direct,
            variables: self.variables.clone(),
            only_restore: options.only_restore,
            slots: self.shared_slots.clone(),
        };
        let observer = self.observer.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut hearing = Hearing::default();
        let mut tell = |event: &Event| {
            hearing.hear(event);
            observer(event);
        };
        let done = drive(cx, &self.index, writer, &self.pool, &self.cancel, &drive_options, &mut tell)?;
        self.note_metrics(&done);
        if options.lock == LockUse::Keep {
            self.keep_lock(targets, options, done.run)?;
        }
        self.prove(targets, options, &done);
        Ok(RunReport {
            jobs: hearing.into_ended(&done.cx),
            run: done.run,
            summary: done.summary,
            failures: done.failures,
            cancelled: done.cancelled,
            partial: done.partial,
        })
    }

    /// What a run rests on, if nothing that is known before stands against it.
    fn admitted<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        loaded: &mut Loaded,
    ) -> Result<Context> {
        let cx = self.context(targets, options, loaded, true)?;
        self.refuse_unsupported(&cx)?;
        self.refuse_lacking(&cx, targets, options)?;
        if !self.oversized_units(&cx).is_empty() {
            // Those that are up to date do not matter, which only a plan can tell.
            self.plan(targets, options)?;
        }
        Ok(cx)
    }

    /// Makes the directory that `workdir:` names, and with it the state in it, ready to be written.
    fn open_store(&self, wait: bool, what: &str) -> Result<(Loaded, Writer)> {
        if self.workflow.workdir.is_some() {
            make_directory(&self.root)?;
        }
        let cancelled = || self.cancel.level().is_some();
        let wait = if wait { LockWait::Wait(&cancelled) } else { LockWait::Fail };
        open(&self.state_dir(), wait, what)
    }
}

/// A diagnostic as a sentence with its place.
fn in_a_line(diagnostic: &Diagnostic) -> String {
    match diagnostic.labels.first() {
        Some(label) => format!("{} ({}:{})", diagnostic.message, label.file, label.line),
        None => diagnostic.message.clone(),
    }
}

/// Says which sources are not there and what counts instead.
fn assumed(cx: &Context) -> Option<String> {
    let absent = cx.graph.sources.iter().filter(|path| {
        let text = cx.paths.text(**path);
        cx.trust.assumes(text) && matches!(cx.files.stat(**path, text), Ok(None))
    });
    let absent: Vec<&str> = absent.map(|path| cx.paths.text(*path)).collect();
    let first = absent.first()?;
    let more = match absent.len() {
        1 => "is not there".to_string(),
        n => format!("and {} more are not there", n - 1),
    };
    Some(format!("{first} {more}; what is on record of its content is assumed"))
}

/// What is known to be wrong with params of rules that jobs are of.
fn mistakes(workflow: &Workflow, graph: &JobGraph) -> Vec<Problem> {
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

/// What the lock says its holder does: the command and its first targets.
fn holder<T: AsRef<str>>(what: &str, targets: &[T]) -> String {
    let mut text = format!("rulemake {what}");
    for target in targets.iter().take(3) {
        text.push(' ');
        text.push_str(target.as_ref());
    }
    if targets.len() > 3 {
        text.push_str(" ...");
    }
    text
}

fn environment_error(trouble: &Trouble) -> Error {
    let error = Error::new(ErrorKind::Environment, &*trouble.message);
    match &trouble.help {
        Some(help) => error.with_help(&**help),
        None => error,
    }
}

fn plan_error(trouble: Trouble) -> Error {
    let error = Error::new(ErrorKind::Plan, trouble.message);
    match trouble.help {
        Some(help) => error.with_help(help),
        None => error,
    }
}
