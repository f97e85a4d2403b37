//! Performs the core's effects: checks on the pool, jobs on the executor, records in the store, events to the
//! observer. The thread that calls [`drive`] is the coordinator: it owns the core, the store's writer and the order of
//! events, and never hashes, stats or waits for a child.

mod growth;
mod hooks;
mod log;
mod shape;
mod temps;
mod together;
mod way;

use crate::base::clock;
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::engine::cancel::{CancelLevel, CancelToken};
use crate::engine::conclude::{self, AfterFacts, Concluded, Conclusion};
use crate::engine::core::{Checked, Core, Effect, End, Msg, Settled};
use crate::engine::event::{Event, EventKind, JobFailure, SkipCause, Summary};
use crate::engine::launch::{self, Launcher};
use crate::engine::ledger::{Ask, Ledger};
use crate::engine::work::{self, Prepared, Removed, Verdict};
use crate::error::{Error, Result};
use crate::exec::executor::{Completion, JobRequest, Signal};
use crate::exec::local::LocalExecutor;
use crate::exec::software::Deployment;
use crate::exec::survivors::Mark;
use crate::files::backup::Backups;
use crate::files::outputs::{Saved, make_directory};
use crate::files::programs::Programs;
use crate::files::shadow;
use crate::graph::info::JobInfo;
use crate::graph::job::JobId;
use crate::matching::index::PatternIndex;
use crate::plan::context::Context;
use crate::plan::instance::{Instance, Trouble};
use crate::store::runs::RunLog;
use crate::store::{Record, Writer, boot_id, runs};
use crate::trace::fingerprint::Trace;
use crate::trace::identity::Known;
use crate::trace::reason::Reason;
use growth::GrowthState;
use hooks::{HOOK, HookState};
use log::Journal;
use rustc_hash::{FxHashMap, FxHashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use temps::TempState;
use together::UnitState;

/// How a run is done.
#[derive(Clone, Debug)]
pub(crate) struct DriveOptions {
    pub(crate) keep_going: bool,
    pub(crate) retries: u32,
    pub(crate) limits: Vec<(String, u64)>,
    /// Between SIGTERM and SIGKILL when a run is cancelled.
    pub(crate) grace: Duration,
    /// Where programs are that jobs do not name themselves.
    pub(crate) programs: Programs,
    /// Commands of plain words are started without a shell.
    pub(crate) direct: bool,
    /// Said before anything else, for example what was lost of the state.
    pub(crate) warnings: Vec<String>,
    /// Temporary files stay.
    pub(crate) keep_temps: bool,
}

/// What a run did.
#[derive(Debug)]
pub(crate) struct Outcomes {
    pub(crate) run: u32,
    pub(crate) summary: Summary,
    pub(crate) failures: Vec<JobFailure>,
    pub(crate) cancelled: bool,
    /// Where the outputs went that stopped jobs had begun, relative to the root.
    pub(crate) partial: Option<String>,
}

/// How often the cancel token is looked at while nothing else happens.
const HEARTBEAT: Duration = Duration::from_millis(50);

/// A check is believed without another look for so long.
const TRUSTED: Duration = Duration::from_millis(200);

/// Logs of so many runs are kept.
const RUNS_KEPT: usize = 20;

/// Jobs per message of a check: enough to make a message cheap, few enough to share among threads.
const CHECK_CHUNK: usize = 128;

enum Inbox {
    Checked(Vec<(u32, Verdict)>),
    Completed(Completion),
    Concluded(Box<Concluded>),
    /// The jobs of a unit, and what could not be removed of their pipes and services.
    UnitConcluded(Vec<Concluded>, Vec<String>),
    /// What a unit changes in place was copied; it goes on with its start.
    Kept {
        unit: u32,
        attempt: u32,
        result: std::result::Result<(), (u32, Trouble)>,
    },
    /// A unit could not be started.
    NotStarted(Vec<Concluded>),
    /// A job begins; this was in its way and is kept.
    Cleared {
        job: u32,
        saved: Vec<Saved>,
    },
    Removed(Vec<Removed>),
}

/// What waits until the graph has grown.
#[derive(Default)]
struct HeldBack {
    checks: Vec<u32>,
    completions: Vec<Completion>,
    units: Vec<u32>,
    removals: Vec<u32>,
}

/// Runs everything that is stale in `cx`; the observer hears it in order.
pub(crate) fn drive(
    cx: Arc<Context>,
    index: &PatternIndex,
    writer: Writer,
    pool: &rayon::ThreadPool,
    cancel: &CancelToken,
    options: &DriveOptions,
    observer: &mut dyn FnMut(&Event),
) -> Result<Outcomes> {
    let (sender, inbox) = channel();
    let completions = sender.clone();
    let executor = LocalExecutor::new(Box::new(move |completion| {
        // A receiver that is gone means that the run was given up; the executor ends its jobs itself.
        let _ = completions.send(Inbox::Completed(completion));
    }));
    let state_dir = cx.root.join(".rulemake");
    let number = cx.view.next_run();
    let launcher = Launcher {
        run: number,
        mark: Mark::of(&state_dir),
        grace: options.grace,
        direct: launch::absolute(&cx.root).to_str().filter(|_| options.direct).map(Arc::from),
        deployment: Arc::new(Deployment::new(options.programs.clone(), launch::absolute(&state_dir))),
        state_dir: state_dir.clone(),
    };
    let ledger = Ledger::new(cx.slots.into(), &options.limits);
    let mut temps = TempState::of(&cx, options.keep_temps);
    let mut run = Run {
        core: Core::new(shape::shape(&cx, &mut temps), ledger, options.keep_going),
        temps,
        units: UnitState::default(),
        growth: GrowthState::of(&cx, index),
        hooks: HookState::default(),
        journal: Journal::default(),
        total: action_count(&cx),
        in_pool: 0,
        writer,
        pool,
        cancel,
        options,
        observer,
        sender,
        executor,
        launcher,
        state_dir,
        number,
        recording: false,
        defined: FxHashSet::default(),
        begun: FxHashSet::default(),
        prepared: FxHashMap::default(),
        pending_failure: FxHashMap::default(),
        failures: Vec::new(),
        summary: Summary::default(),
        partial: None,
        seq: 0,
        started: clock::monotonic(),
        kill_at: None,
        fatal: None,
        finished: false,
        cx,
    };
    run.emit(EventKind::RunStarted { run: run.number, jobs: run.total });
    for message in &options.warnings {
        run.emit(EventKind::Warning { message: message.clone() });
    }
    run.tell_printed();
    run.tell(Msg::Begin);
    run.pump(&inbox);
    run.end_hooks(&inbox);
    run.close()
}

fn action_count(cx: &Context) -> usize {
    (0..cx.graph.jobs.len() as u32).filter(|j| crate::plan::check::has_action(cx, JobId(*j))).count()
}

struct Run<'a> {
    cx: Arc<Context>,
    core: Core,
    writer: Writer,
    pool: &'a rayon::ThreadPool,
    cancel: &'a CancelToken,
    options: &'a DriveOptions,
    observer: &'a mut dyn FnMut(&Event),
    sender: Sender<Inbox>,
    executor: LocalExecutor,
    state_dir: PathBuf,
    launcher: Launcher,
    number: u32,
    /// Whether the run is on record: it is from the first job on, so a run that does nothing writes nothing.
    recording: bool,
    defined: FxHashSet<u32>,
    /// Jobs that came so far in this run that they may have changed their outputs.
    begun: FxHashSet<u32>,
    prepared: FxHashMap<u32, Prepared>,
    temps: TempState,
    units: UnitState,
    growth: GrowthState<'a>,
    hooks: HookState,
    journal: Journal,
    /// Jobs that execute something.
    total: usize,
    /// Pieces of work that the pool has not finished.
    in_pool: usize,
    pending_failure: FxHashMap<u32, JobFailure>,
    failures: Vec<JobFailure>,
    summary: Summary,
    partial: Option<String>,
    seq: u64,
    started: Instant,
    kill_at: Option<Instant>,
    fatal: Option<Error>,
    finished: bool,
}

impl Run<'_> {
    fn pump(&mut self, inbox: &Receiver<Inbox>) {
        while !self.finished || self.temps.is_removing() || self.hooks.is_running() {
            match inbox.recv_timeout(HEARTBEAT) {
                Ok(message) => self.receive(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(message) = inbox.try_recv() {
                self.receive(message);
            }
            self.tell_printed();
            self.grow_if_due();
            self.look_after_units();
            self.look_at_cancel();
        }
    }

    fn receive(&mut self, message: Inbox) {
        match message {
            Inbox::Completed(_) | Inbox::NotStarted(_) | Inbox::Cleared { .. } => {}
            _ => self.in_pool -= 1,
        }
        match message {
            Inbox::Checked(verdicts) => {
                for (unit, verdict) in verdicts {
                    self.checked(unit, verdict);
                }
            }
            Inbox::Completed(completion) if completion.job == HOOK => self.hook_completed(&completion),
            Inbox::Completed(completion) => {
                let unit = self.cx.units.leader(JobId(completion.job));
                match self.cx.units.members(unit) {
                    Some(_) => self.member_ended(unit.0, completion),
                    None => self.completed(completion),
                }
            }
            Inbox::Concluded(concluded) => self.unit_concluded(vec![*concluded], Vec::new()),
            Inbox::UnitConcluded(concluded, left) => self.unit_concluded(concluded, left),
            Inbox::Kept { unit, attempt, result } => self.kept(unit, attempt, result),
            Inbox::Cleared { job, saved } => self.tell_saved(job, saved),
            Inbox::NotStarted(concluded) => self.unit_concluded(concluded, Vec::new()),
            Inbox::Removed(removed) => {
                for Removed { unit, path, result } in removed {
                    self.removed(unit, path, result);
                }
            }
        }
    }

    /// Passes a message to the core and performs what it asks for.
    fn tell(&mut self, msg: Msg) {
        let mut effects = Vec::new();
        self.core.handle(msg, &mut effects);
        let (mut checks, mut unneeded) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Check { job } => checks.push(job),
                Effect::Start { job, attempt } => self.start(job, attempt),
                Effect::Settled { job, as_ } => self.unit_settled(job, as_),
                Effect::WillRetry { job } => self.report_failure(self.cause_in(job), true),
                Effect::Refused { job, name, amount, limit } => {
                    let trouble = self.oversized(job, &name, amount, limit);
                    self.refuse(job, trouble);
                }
                Effect::Reopened { job } => match self.cx.units.members(JobId(job)).cloned() {
                    Some(members) => self.unit_reopened(&members),
                    None => self.reopened(job),
                },
                Effect::Restless { job, producer } => {
                    let message =
                        format!("{} would have to run again and again", self.info(producer).title());
                    let help = "a rule whose output is temporary should make the same each time";
                    self.refuse(job, Trouble { message, help: Some(help.into()) });
                }
                Effect::Remove { temp } => unneeded.push(temp),
                Effect::Signal(level) => self.signal(level),
                Effect::Finish => self.finished = true,
            }
        }
        self.check(checks);
        if !unneeded.is_empty() {
            self.remove_temps(&unneeded);
        }
        if self.finished {
            self.remove_late_temps();
        }
    }

    /// What was held back while the graph was to grow.
    fn give_held_back(&mut self) {
        let HeldBack { checks, completions, units, removals } = std::mem::take(&mut self.growth.held);
        self.check(checks);
        completions.into_iter().for_each(|completion| self.completed(completion));
        units.into_iter().for_each(|unit| self.unit_over(unit));
        if !removals.is_empty() {
            self.remove_temps(&removals);
        }
    }

    fn check(&mut self, units: Vec<u32>) {
        if self.growth.is_due() {
            return self.growth.held.checks.extend(units);
        }
        for chunk in units.chunks(CHECK_CHUNK) {
            let chunk: Vec<_> = chunk.iter().map(|unit| self.temps.to_check(&self.cx, *unit)).collect();
            let (cx, sender) = (self.cx.clone(), self.sender.clone());
            self.in_pool += 1;
            self.pool.spawn(move || {
                let verdicts = chunk.iter().map(|one| (one.unit, work::check_unit(&cx, one))).collect();
                drop(cx);
                let _ = sender.send(Inbox::Checked(verdicts));
            });
        }
    }

    fn checked(&mut self, unit: u32, verdict: Verdict) {
        let verdict = match verdict {
            Verdict::UpToDate => Checked::UpToDate,
            Verdict::Adopted(traces) => {
                traces.iter().for_each(|trace| self.adopt(trace));
                Checked::UpToDate
            }
            Verdict::Trouble(job, trouble) => {
                self.refuse(job, trouble);
                self.note_cause(unit, job);
                Checked::Failed
            }
            Verdict::Lacks(absent) => {
                self.note_lack(unit, &absent);
                Checked::Lacks { producers: absent.into_iter().map(|(producer, _)| producer).collect() }
            }
            Verdict::Run(prepared) => {
                let mut retries = 0;
                let mut asks = prepared.into_iter().map(|(job, prepared)| {
                    let own = self.cx.rule(self.cx.job(JobId(job))).retries;
                    retries = own.unwrap_or(self.options.retries).max(retries);
                    let instance = &prepared.instance;
                    let ask = Ask { threads: instance.threads.into(), named: instance.amounts() };
                    self.prepared.insert(job, prepared);
                    ask
                });
                let ask = asks.next().unwrap_or_default();
                let others = asks.collect();
                Checked::Run { ask, others, retries }
            }
        };
        self.tell(Msg::Checked { job: unit, verdict });
    }

    /// The machine or a limit is too small for what is to run at once.
    fn oversized(&mut self, unit: u32, name: &str, amount: u64, limit: u64) -> Trouble {
        self.note_cause(unit, unit);
        let units = &self.cx.units;
        let together = units.members(JobId(unit)).map(|members| {
            let titles: Vec<String> = members.iter().map(|job| self.info(job.0).title()).collect();
            format!("together with the jobs that it runs with ({})", titles.join(", "))
        });
        let help = match name {
            "threads" => {
                format!("give the run more with `--jobs {amount}`, or let the rules ask for fewer threads")
            }
            _ => format!("raise the limit with `--resources {name}={amount}`"),
        };
        let message = format!("it needs {name}={amount}, but the limit is {limit}");
        let message = together.map_or(message.clone(), |together| {
            format!("{together} it needs {name}={amount}, but the limit is {limit}")
        });
        Trouble { message, help: Some(help) }
    }

    /// What somebody made of the outputs of a job is its result from now on.
    fn adopt(&mut self, trace: &Trace) {
        let (cx, job) = (self.cx.clone(), trace.job);
        let mut records: Vec<Record<'_>> = self.new_definition(&cx, job).into_iter().collect();
        records.push(Record::Traced(trace));
        self.append(&records);
        self.temps.adopted.insert(job);
        for path in cx.job(JobId(job)).outputs.iter() {
            let is_edited =
                cx.view.trace(*path).and_then(|before| before.result(*path)) != trace.result(*path);
            if is_edited {
                let path = cx.paths.text(*path);
                let message = format!("{path} was changed since it was made, and is kept as it is now");
                self.emit(EventKind::Warning { message });
            }
        }
    }

    /// A failure without an execution.
    fn refuse(&mut self, job: u32, trouble: Trouble) {
        let mut failure = self.failure(job, trouble.message);
        failure.help = trouble.help;
        self.pending_failure.insert(job, failure);
    }

    fn failure(&self, job: u32, outcome: String) -> JobFailure {
        let prepared = self.prepared.get(&job);
        JobFailure {
            job: self.info(job),
            outcome,
            exit_code: None,
            command: prepared.and_then(|p| p.command.clone()),
            log: None,
            log_tail: Vec::new(),
            quarantine: None,
            attempt: prepared.map_or(0, |p| p.instance.attempt),
            help: None,
            target: self.target_of(job),
            diagnostics: Vec::new(),
        }
    }

    fn start(&mut self, unit: u32, attempt: u32) {
        if self.hold_for_hook(unit, attempt) || self.temps.hold_start(unit, attempt) {
            return;
        }
        if !self.keep_updated(unit, attempt) {
            self.start_now(unit, attempt, Ok(()));
        }
    }

    fn start_now(&mut self, unit: u32, attempt: u32, kept: std::result::Result<(), (u32, Trouble)>) {
        let alone = [JobId(unit)];
        let members = self.cx.units.members(JobId(unit)).cloned();
        let jobs = members.as_deref().unwrap_or(&alone);
        if let Err((failed, trouble)) = kept.and_then(|()| self.try_start(unit, jobs, attempt)) {
            let mut concluded = self.unit_not_started(jobs, failed, trouble);
            if self.fatal.is_some() {
                concluded.iter_mut().for_each(|one| one.conclusion = Conclusion::NotBegun);
            }
            let _ = self.sender.send(Inbox::NotStarted(concluded));
        }
    }

    /// Copies what the unit changes in place, on the pool, for files may be large. `false` when there is nothing to copy.
    /// The copies are complete before a job is on record as started: see `files::backup`.
    fn keep_updated(&mut self, unit: u32, attempt: u32) -> bool {
        let alone = [JobId(unit)];
        let cx = self.cx.clone();
        let jobs = cx.units.members(JobId(unit)).map_or(&alone[..], |members| members);
        let updated = jobs.iter().flat_map(|id| work::updated(&cx, *id).map(|path| (id.0, path.to_string())));
        let updated: Vec<(u32, String)> = updated.collect();
        if updated.is_empty() {
            return false;
        }
        let (backups, sender) = (self.backups(), self.sender.clone());
        self.in_pool += 1;
        self.pool.spawn(move || {
            let keep = |(job, path): &(u32, String)| backups.keep(path).map_err(|e| (*job, Trouble::of(&e)));
            let result = updated.iter().try_for_each(keep);
            let _ = sender.send(Inbox::Kept { unit, attempt, result });
        });
        true
    }

    fn kept(&mut self, unit: u32, attempt: u32, result: std::result::Result<(), (u32, Trouble)>) {
        if self.told_to_end() {
            // Not on record: it was never in flight. Copies without such a job are of no use to anybody.
            return self.tell(Msg::Ended { job: unit, end: End::Cancelled });
        }
        self.start_now(unit, attempt, result);
    }

    /// Starts all jobs of a unit, or none.
    fn try_start(
        &mut self,
        unit: u32,
        jobs: &[JobId],
        attempt: u32,
    ) -> std::result::Result<(), (u32, Trouble)> {
        let cx = self.cx.clone();
        if attempt > 1 {
            self.again(jobs, attempt)?;
        }
        self.check_again_if_moved(unit, jobs)?;
        let mut requests = Vec::with_capacity(jobs.len());
        for id in jobs {
            requests.push(self.request(*id).map_err(|trouble| (id.0, trouble))?);
        }
        for id in jobs {
            self.record_start(id.0, &cx.job(*id).outputs);
        }
        // A job of which that cannot be put on record must not begin: nobody would know of what it leaves half made.
        if let Some(error) = &self.fatal {
            return Err((unit, Trouble::of(error)));
        }
        for (id, request) in jobs.iter().zip(&mut requests) {
            let Some(way) = self.way(id.0, &cx.job(*id).outputs) else { continue };
            cx.forget(*id);
            if jobs.len() == 1 {
                request.begin = Some(self.clear_at_begin(id.0, way));
            } else {
                // Its pipes are made in places that are clear.
                self.begun.insert(id.0);
                let saved = way.clear().map_err(|message| (id.0, Trouble::new(message)))?;
                self.tell_saved(id.0, saved);
            }
        }
        if jobs.len() > 1 {
            together::make_pipes(&cx, jobs)?;
        }
        if jobs.len() > 1 {
            self.run_together(unit, jobs, &mut requests);
        }
        for request in requests {
            self.tell_started(request.job, attempt);
            self.executor.submit(request);
        }
        Ok(())
    }

    fn request(&self, id: JobId) -> std::result::Result<JobRequest, Trouble> {
        let Some(prepared) = self.prepared.get(&id.0) else {
            return Err(Trouble::new("it was not prepared"));
        };
        make_temp_dir(&self.cx, &prepared.instance)?;
        self.launcher.request(&self.cx, id.0, prepared)
    }

    fn tell_started(&mut self, job: u32, attempt: u32) {
        let Some(prepared) = self.prepared.get(&job) else { return };
        let rule = self.cx.rule(self.cx.job(JobId(job)));
        let event = EventKind::JobStarted {
            job: self.info(job),
            reasons: prepared.reasons.clone(),
            command: prepared.command.clone(),
            message: prepared.message.clone(),
            attempt,
            log: launch::has_log(rule).then(|| relative(&self.launcher.log(job), &self.cx.root)),
        };
        self.emit(event);
    }

    /// A further attempt sees its number: functions of resources may ask for more.
    fn again(&mut self, jobs: &[JobId], attempt: u32) -> std::result::Result<(), (u32, Trouble)> {
        for id in jobs {
            let job = self.cx.job(*id);
            let rule = self.cx.rule(job);
            let anew = Instance::of(&self.cx, job, attempt)
                .and_then(|instance| Ok((instance.command(rule)?, instance.message(rule)?, instance)));
            let (command, message, instance) = anew.map_err(|trouble| (id.0, trouble))?;
            if let Some(prepared) = self.prepared.get_mut(&id.0) {
                prepared.unknown_outputs.clear();
                prepared.command = command;
                prepared.message = message;
                prepared.instance = instance;
            }
        }
        Ok(())
    }

    /// A job that waited long is checked again when an input was touched meanwhile: its trace must name the
    /// content that the job reads.
    fn check_again_if_moved(&mut self, unit: u32, jobs: &[JobId]) -> std::result::Result<(), (u32, Trouble)> {
        let cx = self.cx.clone();
        let has_moved = |prepared: &&Prepared| {
            let is_trusted =
                prepared.checked_at.elapsed() < TRUSTED && !self.hooks.is_newer_than(prepared.checked_at);
            !is_trusted && work::inputs_moved(&cx, prepared)
        };
        let mut all = jobs.iter().filter_map(|id| self.prepared.get(&id.0));
        let Some(attempt) = all.find(has_moved).map(|prepared| prepared.instance.attempt) else {
            return Ok(());
        };
        for prepared in jobs.iter().filter_map(|id| self.prepared.get(&id.0)) {
            prepared.input_signatures.iter().for_each(|(path, _)| cx.files.forget(*path));
        }
        match work::check_unit(&cx, &self.temps.to_check(&cx, unit)) {
            Verdict::Run(anew) => {
                self.prepared.extend(anew);
                if attempt > 1 { self.again(jobs, attempt) } else { Ok(()) }
            }
            Verdict::Trouble(job, trouble) => Err((job, trouble)),
            Verdict::Lacks(absent) => {
                let path = absent.first().map_or("", |(_, path)| cx.paths.text(*path));
                let message = format!("its temporary input `{path}` was removed while it waited");
                Err((unit, Trouble::new(message)))
            }
            // The inputs are back to what is on record. It was said to run, so it does, for its first reasons.
            Verdict::UpToDate | Verdict::Adopted(_) => Ok(()),
        }
    }

    /// From here on until its end is on record the job is in flight: whatever it leaves is not trusted.
    fn record_start(&mut self, job: u32, outputs: &[PathId]) {
        let cx = self.cx.clone();
        let mut records: Vec<Record<'_>> = self.new_definition(&cx, job).into_iter().collect();
        records.push(Record::JobStarted { run: self.number, job, outputs });
        self.append(&records);
    }

    /// The text of the job's rule, unless it is on record.
    fn new_definition<'c>(&mut self, cx: &'c Context, job: u32) -> Option<Record<'c>> {
        let rule = cx.job(JobId(job)).rule;
        let facts = &cx.facts[rule as usize];
        let is_new = self.defined.insert(rule) && cx.view.definition(&facts.definition).is_none();
        is_new.then(|| Record::Definition { digest: facts.definition, text: &facts.text })
    }

    fn append(&mut self, records: &[Record<'_>]) {
        if self.fatal.is_some() {
            return;
        }
        let begin = if self.recording { Ok(()) } else { self.begin_record() };
        self.recording = true;
        if let Err(error) = begin.and_then(|()| self.writer.append(&self.cx.paths, records)) {
            // Without a state nothing that ran can be trusted to be remembered: finish what runs, start nothing.
            self.give_up(error);
        }
    }

    fn give_up(&mut self, error: Error) {
        // The first error is the cause of others.
        self.fatal.get_or_insert(error);
        self.cancel.cancel(CancelLevel::Drain);
    }

    /// Puts the run on record, and makes room for its logs.
    fn begin_record(&mut self) -> Result<()> {
        runs::prune_runs(&self.state_dir, RUNS_KEPT)?;
        // Of jobs whose engine was killed.
        shadow::remove(&self.state_dir.join("shadow"))?;
        runs::run_dir(&self.state_dir, self.number)?;
        self.journal.open(RunLog::create(&self.state_dir, self.number)?);
        let (boot_id, time_ms) = (boot_id(), clock::wall_ms());
        self.writer
            .append(&self.cx.paths, &[Record::RunStarted { run: self.number, boot_id: &boot_id, time_ms }])
    }

    fn completed(&mut self, completion: Completion) {
        if self.growth.is_due() {
            return self.growth.held.completions.push(completion);
        }
        let (cx, sender) = (self.cx.clone(), self.sender.clone());
        let Some(facts) = self.after_facts(completion.job) else { return };
        let told_to_end = self.told_to_end();
        self.in_pool += 1;
        self.pool.spawn(move || {
            let concluded = conclude::conclude(&cx, completion, facts, told_to_end);
            drop(cx);
            let _ = sender.send(Inbox::Concluded(Box::new(concluded)));
        });
    }

    fn told_to_end(&self) -> bool {
        self.cancel.level() > Some(CancelLevel::Drain)
    }

    fn after_facts(&self, job: u32) -> Option<AfterFacts> {
        let prepared = self.prepared.get(&job)?;
        Some(AfterFacts {
            inputs: prepared.input_signatures.clone(),
            fingerprint: prepared.fingerprint.clone(),
            required: prepared.required.clone(),
            quarantine: runs::quarantine_dir(&self.state_dir, self.number).join(job.to_string()),
            log: runs::job_log(&self.state_dir, self.number, job),
            own_logs: prepared.instance.logs.paths.clone(),
            has_log: launch::has_log(self.cx.rule(self.cx.job(JobId(job)))),
        })
    }

    /// Takes over what became of a job.
    fn conclude_one(&mut self, concluded: Concluded) -> End {
        let Concluded { job, duration_ms, conclusion } = concluded;
        if !matches!(conclusion, Conclusion::Failed { untouched: true, .. } | Conclusion::NotBegun) {
            self.begun.insert(job);
        }
        match conclusion {
            Conclusion::Done { outputs, results, changed, warnings } => {
                for message in warnings {
                    self.emit(EventKind::Warning { message });
                }
                self.done(job, duration_ms, &outputs, results, changed)
            }
            Conclusion::Failed {
                outcome,
                exit_code,
                log,
                log_tail,
                quarantine,
                help,
                cancelled,
                untouched,
                stuck,
            } => {
                stuck.into_iter().for_each(|error| self.give_up(error));
                let mut failure = self.failure(job, outcome);
                (failure.exit_code, failure.log_tail, failure.help) = (exit_code, log_tail, help);
                failure.log = log.map(|path| relative(&path, &self.cx.root));
                failure.quarantine = quarantine.map(|path| relative(&path, &self.cx.root));
                self.record_failure(job, if cancelled { "cancelled" } else { &failure.outcome });
                if untouched {
                    self.record_untouched(job);
                }
                if cancelled {
                    if failure.quarantine.is_some() {
                        let all = runs::quarantine_dir(&self.state_dir, self.number);
                        self.partial = Some(relative(&all, &self.cx.root));
                    }
                    End::Cancelled
                } else {
                    self.pending_failure.insert(job, failure);
                    End::Failed
                }
            }
            Conclusion::Ended { stuck } => {
                stuck.into_iter().for_each(|error| self.give_up(error));
                self.record_ended_with(job);
                End::Failed
            }
            Conclusion::NotBegun => End::Cancelled,
        }
    }

    fn backups(&self) -> Backups {
        Backups::new(&self.cx.root, &self.state_dir)
    }

    /// The end of the job is on record, so what it changed in place stays as it is.
    fn discard_backups(&mut self, job: u32) {
        if self.fatal.is_some() {
            return;
        }
        let cx = self.cx.clone();
        for path in work::updated(&cx, JobId(job)) {
            if let Err(error) = self.backups().discard(path) {
                self.emit(EventKind::Warning { message: error.to_string() });
            }
        }
    }

    fn record_failure(&mut self, job: u32, outcome: &str) {
        let cx = self.cx.clone();
        let outputs = &cx.job(JobId(job)).outputs;
        self.append(&[Record::JobEnded { run: self.number, job, outputs, outcome }]);
    }

    /// Success is on record before anybody relies on it.
    fn done(
        &mut self,
        job: u32,
        duration_ms: u64,
        outputs: &[(PathId, Known)],
        results: Vec<Digest>,
        changed: Option<String>,
    ) -> End {
        let cx = self.cx.clone();
        let Some(prepared) = self.prepared.remove(&job) else { return End::Failed };
        cx.publish(JobId(job), outputs, &results);
        let made = cx.job(JobId(job)).outputs.iter().zip(&results).map(|(path, digest)| (*path, *digest));
        let made: Vec<_> = made.filter(|(path, _)| cx.units.stream(*path).is_none()).collect();
        let affected = self.affected(job, &made);
        if prepared.reasons.iter().all(|reason| matches!(reason, Reason::NeededBy { .. })) {
            self.tell_nondeterministic(job, affected.len());
        }
        let unchanged = prepared.recorded.as_deref() == Some(&results[..]);
        if let Some(changed) = changed {
            let title = self.info(job).title();
            self.emit(EventKind::Warning {
                message: format!("{changed} changed while {title} ran; it will run again next time"),
            });
            self.record_failure(job, "an input changed while it ran");
        } else {
            let trace = prepared.into_trace(&cx, job, results, self.number, duration_ms);
            let mut records: Vec<Record<'_>> =
                outputs.iter().filter_map(|(path, known)| Record::known(*path, known)).collect();
            records.push(if trace.fingerprint.outputs.is_empty() {
                Record::JobEnded { run: self.number, job, outputs: &[], outcome: "done" }
            } else {
                Record::Traced(&trace)
            });
            self.append(&records);
        }
        self.emit(EventKind::JobFinished { job: self.info(job), duration_ms, unchanged });
        End::Done { affected }
    }

    fn unit_settled(&mut self, unit: u32, as_: Settled) {
        match self.cx.units.members(JobId(unit)).cloned() {
            Some(members) => members.iter().for_each(|member| self.settled(unit, member.0, as_)),
            None => self.settled(unit, unit, as_),
        }
    }

    fn settled(&mut self, unit: u32, job: u32, as_: Settled) {
        self.temps.settle(job);
        if matches!(as_, Settled::Done | Settled::UpToDate) {
            self.note_end(job);
        }
        if !crate::plan::check::has_action(&self.cx, JobId(job)) {
            // It executes nothing, but it may have failed to get its inputs after a checkpoint.
            if as_ == Settled::Failed && self.pending_failure.contains_key(&job) {
                self.summary.failed += 1;
                self.report_failure(job, false);
            }
            return;
        }
        let skipped = |because, job: JobInfo| EventKind::JobSkipped { job, because };
        match as_ {
            Settled::Done => self.summary.ran += 1,
            Settled::UpToDate => {
                self.summary.up_to_date += 1;
                self.emit(EventKind::JobUpToDate { job: self.info(job) });
            }
            Settled::Failed => match self.ended_with(unit).filter(|_| self.cause_in(unit) != job) {
                Some(because) => {
                    self.summary.skipped += 1;
                    self.emit(skipped(because, self.info(job)));
                }
                None => {
                    self.summary.failed += 1;
                    self.report_failure(job, false);
                }
            },
            Settled::Cancelled => {
                self.summary.cancelled += 1;
                self.emit(skipped(SkipCause::Cancelled, self.info(job)));
            }
            Settled::SkippedAfter { failed } => {
                self.summary.skipped += 1;
                let because = SkipCause::UpstreamFailed { job: self.info(self.cause_in(failed)).title() };
                self.emit(skipped(because, self.info(job)));
            }
            Settled::Drained => {
                self.summary.skipped += 1;
                let cancelled = self.cancel.level().is_some() || self.hooks.failure.is_some();
                let because = if cancelled { SkipCause::Cancelled } else { SkipCause::Drained };
                self.emit(skipped(because, self.info(job)));
            }
        }
        self.prepared.remove(&job);
    }

    fn report_failure(&mut self, job: u32, retry: bool) {
        let Some(failure) = self.pending_failure.remove(&job) else { return };
        self.emit(EventKind::JobFailed { failure: failure.clone(), retry });
        if !retry {
            self.failures.push(failure);
        }
    }

    fn look_at_cancel(&mut self) {
        if let Some(level) = self.cancel.level() {
            self.tell(Msg::Cancel(level));
            self.cancel_hook(level);
        }
        if self.recording
            && self.fatal.is_none()
            && let Err(error) = self.writer.sync_if_due()
        {
            self.give_up(error);
        }
        if self.kill_at.is_some_and(|at| clock::monotonic() >= at) {
            self.kill_at = None;
            self.executor.signal_all(Signal::Kill);
        }
    }

    fn signal(&mut self, level: CancelLevel) {
        if level >= CancelLevel::Kill {
            self.executor.signal_all(Signal::Kill);
        } else {
            self.executor.signal_all(Signal::Terminate);
            self.kill_at = Some(clock::monotonic() + self.options.grace);
        }
    }

    fn info(&self, job: u32) -> JobInfo {
        self.cx.graph.info(JobId(job), &self.cx.workflow, &self.cx.paths)
    }

    /// What functions of the Rulefile printed since the last time.
    fn tell_printed(&mut self) {
        let printed = self.cx.workflow.called.as_ref().map(|called| called.take_printed());
        for text in printed.unwrap_or_default() {
            self.emit(EventKind::Printed { text });
        }
    }

    fn emit(&mut self, kind: EventKind) {
        self.note_in_log(&kind);
        let event = Event { v: 1, seq: self.seq, time_ms: clock::wall_ms(), kind };
        self.seq += 1;
        (self.observer)(&event);
    }

    /// Writes what the checks learned, ends the run on record, and reports.
    fn close(mut self) -> Result<Outcomes> {
        let refreshed = self.cx.files.take_refreshed();
        if !refreshed.is_empty() && self.fatal.is_none() {
            let records: Vec<Record<'_>> =
                refreshed.iter().filter_map(|(path, known)| Record::known(*path, known)).collect();
            self.append(&records);
        }
        if self.recording && self.fatal.is_none() {
            self.fatal = self.writer.append(&self.cx.paths, &[Record::RunEnded { run: self.number }]).err();
        }
        self.tell_printed();
        self.summary.wall_ms = self.started.elapsed().as_millis() as u64;
        let cancelled = self.fatal.is_none() && self.cancel.level().is_some();
        self.emit(EventKind::RunFinished { summary: self.summary.clone() });
        match self.fatal.or(self.hooks.failure) {
            Some(error) => Err(error),
            None => {
                let Run { number: run, summary, failures, partial, .. } = self;
                Ok(Outcomes { run, summary, failures, cancelled, partial })
            }
        }
    }
}

/// Makes the directory for temporary files that a rule names itself.
fn make_temp_dir(cx: &Context, instance: &Instance) -> std::result::Result<(), Trouble> {
    match instance.temp_dir().filter(|directory| *directory != cx.temp_dir) {
        Some(own) => make_directory(&cx.root.join(&*own)).map_err(|error| Trouble::new(error.to_string())),
        None => Ok(()),
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}
