//! L6: the facade that wires the layers: load a workflow, open a session on a directory, plan, ask, run.

use crate::base::path::{PathId, PathTable, normalise};
use crate::engine::cancel::CancelToken;
use crate::engine::drive::{DriveOptions, drive};
use crate::engine::event::{Event, JobFailure, Summary};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::survivors::{self, Mark};
use crate::files::observe::{Observer, Seen};
use crate::files::outputs::remove_made;
use crate::graph::info::JobInfo;
use crate::graph::job::JobId;
use crate::graph::resolve::{Probe, Request, resolve};
use crate::lang::load::{LoadFailure, LoadRequest, load, load_file};
use crate::matching::index::PatternIndex;
use crate::model::dynamic::Dynamic;
use crate::model::value::Value;
use crate::model::workflow::Workflow;
use crate::plan::context::{Context, Force, RuleFacts};
use crate::plan::forecast::forecast;
use crate::plan::instance::{Instance, Trouble};
use crate::plan::plan::{Plan, PlannedJob, Verdict};
use crate::store::{Loaded, LockWait, Record, View, Writer, open, read, runs};
use rustc_hash::FxHashSet;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

type Observe = Box<dyn FnMut(&Event) + Send>;

/// Between SIGTERM and SIGKILL when a run is cancelled.
const GRACE: Duration = Duration::from_secs(10);

/// How a Rulefile is loaded.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoadOptions {
    /// Directory that relative paths of the workflow start from; the Rulefile's directory when `None`.
    pub root: Option<PathBuf>,
    /// Config files that override those of the Rulefile, in order.
    pub config_files: Vec<PathBuf>,
    /// `key=value` settings that override every config file; the value is read as YAML, `a.b=1` sets a nested key.
    pub config: Vec<String>,
}

/// A workflow on a directory: plans, answers, runs. Takes no lock until [`Session::run`].
pub struct Session {
    workflow: Arc<Workflow>,
    root: PathBuf,
    slots: u32,
    limits: Vec<(String, u64)>,
    cancel: CancelToken,
    observer: Observe,
    pool: rayon::ThreadPool,
    index: PatternIndex,
}

/// Options of a [`Session`].
pub struct SessionBuilder {
    workflow: Arc<Workflow>,
    root: PathBuf,
    jobs: usize,
    resources: Vec<(String, u64)>,
    cancel: CancelToken,
    observer: Option<Observe>,
}

/// Options of [`Session::plan`] and [`Session::run`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// After a failure go on with all that does not depend on the failed job.
    pub keep_going: bool,
    /// Run the jobs that make the targets even if they are up to date.
    pub force: bool,
    /// Run every job of the plan even if it is up to date.
    pub force_all: bool,
    /// Try a failed job again so often, unless its rule says otherwise.
    pub retries: u32,
    /// When another run holds the lock, wait for it instead of failing.
    pub wait: bool,
}

/// What a run did. A failed job is data here, not an error.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[must_use]
pub struct RunReport {
    /// Number of the run in this directory.
    pub run: u32,
    /// Counts.
    pub summary: Summary,
    /// The jobs that failed for good.
    pub failures: Vec<JobFailure>,
    /// Whether the run was cut short by its [`CancelToken`].
    pub cancelled: bool,
    /// Where the outputs went that stopped jobs had begun, relative to the root.
    pub partial: Option<String>,
}

/// Why a file will or will not be made again.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// Version of the JSON form.
    pub v: u32,
    /// The file that was asked about.
    pub path: String,
    /// `true` when no rule makes it.
    pub source: bool,
    /// The job that makes the file, then the jobs upstream that cause it to run, the root cause last.
    pub chain: Vec<WhyStep>,
    /// Rules that match the file and were not taken because they cannot run.
    pub passed_over: Vec<PassedOver>,
}

/// A rule that could make a file but for an input that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PassedOver {
    /// Its name.
    pub rule: String,
    /// The first input that does not exist and cannot be made; `None` when a function for its inputs failed.
    pub lacks: Option<String>,
}

/// Files that jobs made, as far as they are still there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MadeFiles {
    /// Those that are as their jobs left them. Sorted.
    pub files: Vec<String>,
    /// Those that were changed since: somebody's work. Sorted.
    pub changed: Vec<String>,
}

/// What the last execution of a job wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobLog {
    /// The file with its standard output and standard error.
    pub log: PathBuf,
    /// The text of that file; empty when the job wrote nothing.
    pub text: String,
    /// When that is empty: the existing files of the rule's `log:`, relative to the root, with their texts.
    pub own: Vec<(String, String)>,
}

/// One job of an explanation.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WhyStep {
    /// The job.
    pub job: JobInfo,
    /// What is known about it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Its last success, if one is on record.
    pub last: Option<LastRun>,
}

/// A success on record.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LastRun {
    /// Number of the run.
    pub run: u32,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
}

impl RunReport {
    /// Whether every wanted file is there and right.
    #[must_use]
    pub fn success(&self) -> bool {
        self.failures.is_empty() && !self.cancelled
    }
}

impl Workflow {
    /// Loads a Rulefile; relative paths of the workflow start from its directory.
    ///
    /// # Errors
    /// [`ErrorKind::Environment`] when a file cannot be read, [`ErrorKind::Workflow`] with all mistakes found.
    pub fn load(path: impl AsRef<Path>) -> Result<Workflow> {
        Workflow::load_with(path, &LoadOptions::default())
    }

    /// Loads a Rulefile with options.
    ///
    /// # Errors
    /// As [`Workflow::load`].
    pub fn load_with(path: impl AsRef<Path>, options: &LoadOptions) -> Result<Workflow> {
        let path = path.as_ref();
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let root = options.root.as_deref().unwrap_or(dir);
        load_file(path, root, &options.config_files, &options.config)
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
            config_files: Vec::new(),
            config: Vec::new(),
        };
        load(request).map_err(LoadFailure::into_error)
    }
}

/// Existence of sources, for the resolver.
struct Sources<'a> {
    root: &'a Path,
    view: &'a View,
}

impl Probe for Sources<'_> {
    fn exists(&self, path: &str) -> bool {
        // A source that cannot be looked at exists: the check that reads it gives the better error.
        crate::files::stat::stat(&self.root.join(path)).map_or(true, |found| found.is_some())
    }

    fn is_made(&self, path: PathId) -> bool {
        self.view.is_made(path)
    }
}

impl Session {
    /// Starts the description of a session.
    #[must_use]
    pub fn builder(workflow: Workflow) -> SessionBuilder {
        SessionBuilder {
            workflow: Arc::new(workflow),
            root: PathBuf::from("."),
            jobs: 0,
            resources: Vec::new(),
            cancel: CancelToken::new(),
            observer: None,
        }
    }

    /// The workflow.
    #[must_use]
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn state_dir(&self) -> PathBuf {
        self.root.join(".rulemake")
    }

    /// Resolves the targets on top of what is on record. `writable` when the state directory may be touched.
    fn context<T: AsRef<str>>(
        &self,
        targets: &[T],
        force: Force,
        loaded: &mut Loaded,
        writable: bool,
    ) -> Result<Context> {
        let mut paths = std::mem::take(&mut loaded.paths);
        let targets: Vec<String> = targets.iter().map(|t| t.as_ref().to_string()).collect();
        let graph = resolve(Request {
            workflow: &self.workflow,
            index: &self.index,
            paths: &mut paths,
            targets: &targets,
            probe: &Sources { root: &self.root, view: &loaded.view },
            pool: Some(&self.pool),
        })
        .map_err(|problems| Error::problems(ErrorKind::Plan, &problems, &self.workflow.sources))?;
        for target in targets.iter().filter(|target| self.workflow.rule(target).is_none()) {
            let made = paths.find(&normalise(target)).and_then(|id| graph.producer(id)).is_some();
            if !made && self.root.join(target).is_dir() {
                let message = format!("the target `{target}` is a directory, not a file");
                return Err(Error::new(ErrorKind::Plan, message)
                    .with_help("name a file in it, or a rule that makes its files"));
            }
        }
        Ok(Context {
            graph,
            paths,
            force,
            view: loaded.view.clone(),
            files: Observer::new(self.root.clone(), writable.then(|| self.state_dir())),
            facts: self.workflow.rules.iter().map(|rule| RuleFacts::of(rule)).collect(),
            workflow: self.workflow.clone(),
            root: self.root.clone(),
            slots: self.slots,
        })
    }

    /// Plans `targets` (paths or rule names; none = the default rule) without running or writing anything.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`] with the chain that needs a missing file, a cycle, or an ambiguity.
    pub fn plan<T: AsRef<str>>(&self, targets: &[T], options: &RunOptions) -> Result<Plan> {
        let cx = self.context(targets, options.force(), &mut read(&self.state_dir())?, false)?;
        self.refuse_oversized(&cx)?;
        let verdicts = self.verdicts(&cx)?;
        Ok(plan_of(&cx, verdicts))
    }

    /// A resource request above its limit can never be met: said before anything runs.
    fn refuse_oversized(&self, cx: &Context) -> Result<()> {
        let mut used = vec![false; self.workflow.rules.len()];
        cx.graph.jobs.iter().for_each(|job| used[job.rule as usize] = true);
        let rules = self.workflow.rules.iter().zip(used).filter(|(_, used)| *used);
        for (rule, (name, value)) in rules.flat_map(|(rule, _)| rule.resources.iter().map(move |r| (rule, r)))
        {
            let (Dynamic::Const(Value::Int(amount)), Some(limit)) = (value, self.limit(name)) else {
                continue;
            };
            if u64::try_from(*amount).is_ok_and(|amount| amount > limit) {
                return Err(Error::new(
                    ErrorKind::Plan,
                    format!("rule `{}` needs {name}={amount}, but the limit is {limit}", rule.name),
                )
                .with_help(format!("raise the limit to at least {amount}, or lower it in the rule")));
            }
        }
        Ok(())
    }

    fn limit(&self, name: &str) -> Option<u64> {
        self.limits.iter().rev().find(|(limited, _)| limited == name).map(|(_, limit)| *limit)
    }

    fn verdicts(&self, cx: &Context) -> Result<Vec<Verdict>> {
        forecast(cx, &self.pool).into_iter().map(|v| v.map_err(plan_error)).collect()
    }

    /// Explains why `path` will or will not be made again.
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn why(&self, path: &str) -> Result<Why> {
        let cx = self.context(&[path], Force::None, &mut read(&self.state_dir())?, false)?;
        let path = normalise(path).into_owned();
        let passed_over = cx.paths.find(&path).map(|id| passed_over(&cx, id)).unwrap_or_default();
        let Some(job) =
            cx.paths.find(&path).and_then(|id| cx.graph.producer(id)).or(cx.graph.targets.first().copied())
        else {
            return Ok(Why { v: 1, path, source: true, chain: Vec::new(), passed_over });
        };
        let verdicts = self.verdicts(&cx)?;
        let mut chain = vec![why_step(&cx, job, &verdicts)];
        let mut at = job;
        while let Some(next) = cause(&cx, at, &verdicts) {
            chain.push(why_step(&cx, next, &verdicts));
            at = next;
        }
        Ok(Why { v: 1, path, source: false, chain, passed_over })
    }

    /// Runs what is stale for `targets`. Blocks; this thread coordinates.
    ///
    /// # Errors
    /// As [`Session::plan`], and [`ErrorKind::Locked`], [`ErrorKind::Environment`].
    pub fn run<T: AsRef<str>>(&mut self, targets: &[T], options: &RunOptions) -> Result<RunReport> {
        let (mut loaded, writer) = self.open_store(options.wait, &holder("run", targets))?;
        let mut warnings: Vec<String> = loaded.lost.take().into_iter().collect();
        warnings.extend(self.end_survivors(&loaded.view)?);
        let cx = Arc::new(self.context(targets, options.force(), &mut loaded, true)?);
        self.refuse_oversized(&cx)?;
        let drive_options = DriveOptions {
            keep_going: options.keep_going,
            retries: options.retries,
            limits: self.limits.clone(),
            grace: GRACE,
            warnings,
        };
        let done = drive(&cx, writer, &self.pool, &self.cancel, &drive_options, &mut self.observer)?;
        Ok(RunReport {
            run: done.run,
            summary: done.summary,
            failures: done.failures,
            cancelled: done.cancelled,
            partial: done.partial,
        })
    }

    /// Ends what a killed run left running: it would write into outputs that are made again. Says so.
    fn end_survivors(&self, view: &View) -> Result<Option<String>> {
        let jobs = view.in_flight();
        let Some(mark) = Mark::of(&self.state_dir()).filter(|_| !jobs.is_empty()) else { return Ok(None) };
        let ended = survivors::end(&mark, &jobs);
        let list = |pids: &[u32]| pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        if !ended.alive.is_empty() {
            let message = format!(
                "jobs of a run that was killed still run and cannot be ended: {}",
                list(&ended.alive)
            );
            let error = Error::new(ErrorKind::Environment, message);
            return Err(
                error.with_help("they may still write into outputs: end these processes, then run again")
            );
        }
        let told = || format!("ended what a killed run had left running: process {}", list(&ended.pids));
        Ok((!ended.pids.is_empty()).then(told))
    }

    fn open_store(&self, wait: bool, what: &str) -> Result<(Loaded, Writer)> {
        let cancelled = || self.cancel.level().is_some();
        let wait = if wait { LockWait::Wait(&cancelled) } else { LockWait::Fail };
        open(&self.state_dir(), wait, what)
    }

    /// The log of the last execution of the job that makes `path`. `None` when nothing is on record.
    ///
    /// # Errors
    /// [`ErrorKind::Environment`] when it cannot be read.
    pub fn log(&self, path: &str) -> Result<Option<JobLog>> {
        let loaded = read(&self.state_dir())?;
        let last = loaded.paths.find(path).and_then(|id| loaded.view.last_job(id));
        let Some((run, job)) = last else { return Ok(None) };
        let log = runs::job_log(&self.state_dir(), run, job);
        let text = runs::read_log(&log)?;
        let own = if text.is_empty() { self.own_logs(path, loaded)? } else { Vec::new() };
        Ok(Some(JobLog { log, text, own }))
    }

    /// The texts of the `log:` files of the job that makes `path`. None when there is no plan for it any more.
    fn own_logs(&self, path: &str, mut loaded: Loaded) -> Result<Vec<(String, String)>> {
        let Ok(cx) = self.context(&[path], Force::None, &mut loaded, false) else { return Ok(Vec::new()) };
        let Some(job) = cx.paths.find(path).and_then(|id| cx.graph.producer(id)) else {
            return Ok(Vec::new());
        };
        let job = cx.job(job);
        let mut texts = Vec::new();
        for pattern in &cx.rule(job).logs {
            let mut name = String::new();
            pattern.render(&job.wildcards, &mut name);
            let text = runs::read_log(&self.root.join(&name))?;
            if !text.is_empty() {
                texts.push((name, text));
            }
        }
        Ok(texts)
    }

    /// The existing files that jobs on record made, for `targets` and all that they need or, when empty, all of them.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n")?;
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-made-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let session = Session::builder(workflow).root(&root).open()?;
    /// assert!(session.made_files(&[] as &[&str])?.files.is_empty(), "nothing has run");
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Session::plan`].
    pub fn made_files<T: AsRef<str>>(&self, targets: &[T]) -> Result<MadeFiles> {
        let mut loaded = read(&self.state_dir())?;
        let made: Vec<_> = loaded.view.made().collect();
        let wanted = if targets.is_empty() {
            None
        } else {
            let mut copy = Loaded { paths: loaded.paths.clone(), view: loaded.view.clone(), lost: None };
            let cx = self.context(targets, Force::None, &mut copy, false)?;
            let outputs = cx.graph.jobs.iter().flat_map(|job| job.outputs.iter());
            Some(outputs.map(|id| cx.paths.text(*id).to_string()).collect::<FxHashSet<_>>())
        };
        let sources = if targets.is_empty() { self.default_sources() } else { FxHashSet::default() };
        let files = Observer::new(self.root.clone(), None);
        let paths: PathTable = std::mem::take(&mut loaded.paths);
        let view = ViewHashes(&loaded.view);
        let mut found = MadeFiles::default();
        for id in made {
            let text = paths.text(id);
            if sources.contains(text) || wanted.as_ref().is_some_and(|wanted| !wanted.contains(text)) {
                continue;
            }
            let recorded = loaded.view.trace(id).and_then(|t| {
                t.fingerprint.outputs.iter().position(|o| *o == id).and_then(|i| t.results.get(i).copied())
            });
            if let (Some(recorded), Seen::File(now)) = (recorded, files.look(id, text, &view)?) {
                let list = if recorded == now { &mut found.files } else { &mut found.changed };
                list.push(text.to_string());
            }
        }
        found.files.sort();
        found.changed.sort();
        Ok(found)
    }

    /// What the default rule needs and no rule makes: nobody could make it again, even if a job once did. Empty when
    /// there is no plan for the default rule.
    fn default_sources(&self) -> FxHashSet<String> {
        let mut nothing = Loaded { paths: PathTable::default(), view: Arc::default(), lost: None };
        let Ok(cx) = self.context::<&str>(&[], Force::None, &mut nothing, false) else {
            return FxHashSet::default();
        };
        let inputs = cx.graph.jobs.iter().flat_map(|job| job.inputs.iter());
        let sources = inputs.filter(|id| cx.graph.producer(**id).is_none());
        sources.map(|id| cx.paths.text(*id).to_string()).collect()
    }

    /// Removes these files ([`MadeFiles::files`]) and directories that become empty; returns how
    /// many files are gone. Takes the lock.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`], [`ErrorKind::Environment`].
    pub fn remove(&mut self, paths: &[String]) -> Result<usize> {
        let (loaded, mut writer) = self.open_store(false, &holder("clean", paths))?;
        let removed = remove_made(&self.root, paths)?;
        let gone = paths.iter().filter(|path| !removed.skipped.contains(path));
        let forgotten = gone.filter_map(|path| loaded.paths.find(path));
        let records: Vec<Record<'_>> = forgotten.map(|path| Record::Forget { path }).collect();
        writer.append(&loaded.paths, &records)?;
        writer.sync()?;
        Ok(removed.files)
    }
}

struct ViewHashes<'a>(&'a View);

impl crate::files::observe::HashCache for ViewHashes<'_> {
    fn file_hash(&self, path: crate::base::path::PathId) -> Option<crate::trace::identity::FileHash> {
        self.0.file_hash(path)
    }
}

impl RunOptions {
    fn force(&self) -> Force {
        match (self.force_all, self.force) {
            (true, _) => Force::All,
            (false, true) => Force::Targets,
            (false, false) => Force::None,
        }
    }
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

fn plan_error(trouble: Trouble) -> Error {
    let error = Error::new(ErrorKind::Plan, trouble.message);
    match trouble.help {
        Some(help) => error.with_help(help),
        None => error,
    }
}

fn plan_of(cx: &Context, verdicts: Vec<Verdict>) -> Plan {
    let order = reading_order(cx);
    let mut position = vec![0u32; order.len()];
    for (index, id) in order.iter().enumerate() {
        position[id.index()] = index as u32;
    }
    let mut verdicts: Vec<Option<Verdict>> = verdicts.into_iter().map(Some).collect();
    let jobs = order.iter().map(|id| {
        let verdict = verdicts[id.index()].take().unwrap_or(Verdict::UpToDate);
        planned(cx, *id, verdict, &position)
    });
    let sources = cx.graph.sources.iter().map(|path| cx.paths.text(*path).to_string()).collect();
    Plan { v: 1, jobs: jobs.collect(), sources }
}

/// The jobs by their distance from the sources, those of one distance in the order in which they were asked for:
/// about the order in which a run starts them.
fn reading_order(cx: &Context) -> Vec<JobId> {
    let mut distance = vec![0u32; cx.graph.jobs.len()];
    for id in &cx.graph.order {
        let below = cx.job(*id).needs.iter().map(|need| distance[need.index()] + 1).max();
        distance[id.index()] = below.unwrap_or(0);
    }
    let mut order: Vec<JobId> = (0..cx.graph.jobs.len() as u32).map(JobId).collect();
    order.sort_by_key(|id| distance[id.index()]);
    order
}

fn planned(cx: &Context, id: JobId, verdict: Verdict, position: &[u32]) -> PlannedJob {
    let job = cx.job(id);
    let mut info = cx.graph.info(id, &cx.workflow, &cx.paths);
    info.id = position[id.index()];
    let command = match verdict {
        Verdict::UpToDate => None,
        // A command that cannot be rendered is said when the job is about to run, with its reason.
        _ => Instance::of(cx, job, 1).and_then(|i| i.command(cx.rule(job))).ok().flatten(),
    };
    PlannedJob {
        job: info,
        inputs: job.inputs.iter().map(|path| cx.paths.text(*path).to_string()).collect(),
        verdict,
        command,
        has_action: crate::plan::check::has_action(cx, id),
        needs: job.needs.iter().map(|need| position[need.index()]).collect(),
    }
}

fn why_step(cx: &Context, id: JobId, verdicts: &[Verdict]) -> WhyStep {
    let job = cx.job(id);
    let trace = job.outputs.first().and_then(|output| cx.view.trace(*output));
    WhyStep {
        job: cx.graph.info(id, &cx.workflow, &cx.paths),
        verdict: verdicts[id.index()].clone(),
        last: trace.map(|t| LastRun { run: t.run, duration_ms: t.duration_ms.into() }),
    }
}

fn passed_over(cx: &Context, path: PathId) -> Vec<PassedOver> {
    let here = cx.graph.passed_over.iter().filter(|passed| passed.path == path);
    here.map(|passed| PassedOver {
        rule: cx.workflow.rules[passed.rule as usize].name.to_string(),
        lacks: passed.lacks.map(|input| cx.paths.text(input).to_string()),
    })
    .collect()
}

/// The producer that makes `id` run: the first whose outputs will or may be made anew.
fn cause(cx: &Context, id: JobId, verdicts: &[Verdict]) -> Option<JobId> {
    cx.job(id).needs.iter().copied().find(|need| verdicts[need.index()] != Verdict::UpToDate)
}

impl SessionBuilder {
    /// Sets the root directory: every path of the workflow is relative to it. Default: the process's directory.
    #[must_use]
    pub fn root(mut self, root: impl Into<PathBuf>) -> SessionBuilder {
        self.root = root.into();
        self
    }

    /// Sets how many threads jobs may use together. 0, the default, means one per processor.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> SessionBuilder {
        self.jobs = jobs;
        self
    }

    /// Limits a named resource.
    #[must_use]
    pub fn resource(mut self, name: impl Into<String>, amount: u64) -> SessionBuilder {
        self.resources.push((name.into(), amount));
        self
    }

    /// Sets the token that stops runs.
    #[must_use]
    pub fn cancel(mut self, token: CancelToken) -> SessionBuilder {
        self.cancel = token;
        self
    }

    /// Sets the observer. It is called on the coordinating thread and must be quick.
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(&Event) + Send + 'static) -> SessionBuilder {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Opens the session.
    ///
    /// # Errors
    /// [`ErrorKind::Environment`] when the root is not a directory.
    pub fn open(self) -> Result<Session> {
        if !self.root.is_dir() {
            let message = format!("the root {} is not a directory", self.root.display());
            return Err(Error::new(ErrorKind::Environment, message).with_path(self.root));
        }
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(processors)
            .thread_name(|i| format!("rulemake-{i}"))
            .build()
            .map_err(|error| Error::new(ErrorKind::Environment, format!("cannot start threads: {error}")))?;
        let patterns = self.workflow.rules.iter().enumerate().flat_map(|(rule, r)| {
            r.outputs.iter().enumerate().map(move |(output, pattern)| (rule as u32, output as u16, pattern))
        });
        let index = PatternIndex::new(patterns)
            .map_err(|error| Error::new(ErrorKind::Workflow, error.to_string()))?;
        let jobs = if self.jobs == 0 { processors } else { self.jobs };
        Ok(Session {
            index,
            pool,
            slots: u32::try_from(jobs).unwrap_or(u32::MAX),
            limits: self.resources,
            cancel: self.cancel,
            observer: self.observer.unwrap_or_else(|| Box::new(|_| {})),
            root: self.root,
            workflow: self.workflow,
        })
    }
}
