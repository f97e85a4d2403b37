//! Performs the core's effects: checks on the pool, jobs on the executor, records in the store, events to the
//! observer. The thread that calls [`drive`] is the coordinator: it owns the core, the store's writer and the order of
//! events. It hashes nothing large and waits for no child, but for a few milliseconds when nothing runs beside it
//! ([`ride`]).

mod ahead;
mod checks;
mod end;
mod growth;
mod hooks;
mod log;
mod overwritten;
mod record;
mod restore;
mod ride;
mod shape;
mod slots;
mod spot;
mod start;
mod temps;
mod together;
mod way;

use crate::base::brisk;
use crate::base::clock::{self, Clock};
use crate::engine::cancel::{CancelLevel, CancelToken};
use crate::engine::conclude::Concluded;
use crate::engine::core::{Core, Effect, Msg};
use crate::engine::event::{Event, EventKind, FORMAT, JobFailure, Summary};
use crate::engine::launch::{self, Launcher};
use crate::engine::ledger::Ledger;
use crate::engine::slots::SlotSource;
use crate::engine::times::{self, Chains};
use crate::engine::work::{Prepared, Removed, Verdict};
use crate::error::{Error, Result};
use crate::exec::executor::{Completion, Signal};
use crate::exec::function::Told;
use crate::exec::host::{Executor, Executors, TaskId};
use crate::exec::local::Tell;
use crate::exec::software::Deployment;
use crate::exec::survivors::Mark;
use crate::files::outputs::Saved;
use crate::files::programs::Programs;
use crate::graph::info::JobInfo;
use crate::graph::job::JobId;
use crate::matching::index::PatternIndex;
use crate::plan::context::Context;
use crate::plan::instance::Trouble;
use crate::plan::locked;
use crate::store::runs::RunPlaces;
use crate::store::{Record, Writer};
use ahead::AheadState;
use growth::GrowthState;
use hooks::{HOOK, HookState};
use log::Journal;
use ride::RideState;
use rustc_hash::{FxHashMap, FxHashSet};
use slots::SlotState;
use spot::{Pace, Spot};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use temps::TempState;
use together::UnitState;

/// How a run is done.
#[derive(Clone)]
pub(crate) struct DriveOptions {
    /// Where jobs are executed that are not executed here.
    pub(crate) executor: Option<Arc<dyn Executor>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keep_going: bool,
    pub(crate) retries: u32,
    pub(crate) limits: Vec<(String, u64)>,
    /// Between SIGTERM and SIGKILL when a run is cancelled.
    pub(crate) grace: Duration,
    /// Where programs are that jobs do not name themselves.
    pub(crate) programs: Programs,
    /// Commands of plain words are started without a shell.
    pub(crate) direct: bool,
    /// Variables that jobs get besides those of the process.
    pub(crate) variables: Arc<[(String, String)]>,
    /// Said before anything else, for example what was lost of the state.
    pub(crate) warnings: Vec<String>,
    /// Temporary files stay.
    pub(crate) keep_temps: bool,
    /// What is in no cache fails instead of being made.
    pub(crate) only_restore: bool,
    /// Where slots are shared with others.
    pub(crate) slots: Option<Arc<dyn SlotSource>>,
}

/// What a run did.
pub(crate) struct Outcomes {
    pub(crate) run: u32,
    pub(crate) summary: Summary,
    pub(crate) failures: Vec<JobFailure>,
    pub(crate) cancelled: bool,
    /// Where the outputs went that stopped jobs had begun, relative to the root.
    pub(crate) partial: Option<String>,
    /// What the run looked at.
    pub(crate) cx: Arc<Context>,
    /// Nothing happened and nothing was told, but that each job is up to date.
    pub(crate) is_quiet: bool,
    /// Bytes of the state log at the end.
    pub(crate) log_len: u64,
}

/// How often the cancel token is looked at while nothing else happens.
const HEARTBEAT: Duration = Duration::from_millis(50);

/// A check is believed without another look for so long.
const TRUSTED: Duration = Duration::from_millis(200);

/// Logs of so many runs are kept.
const RUNS_KEPT: usize = 20;

enum Inbox {
    Checked(Vec<(u32, Verdict)>),
    Completed(Completion),
    /// A job ended, and what it left was looked at where it ended; whether the next that rides on it has begun.
    Ended(Box<Concluded>, bool),
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
    /// A result came out of the cache, or did not; this was in its way and is kept.
    Restored(Box<Concluded>, Vec<Saved>),
    Removed(Vec<Removed>),
    /// A job that is executed in this process said something.
    Told(u32, Told),
    /// There may be a slot to take.
    Waited,
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
    // What ends this run must not end the next.
    let cancel = &cancel.child();
    if let Some(cache) = &cx.cache {
        let token = cancel.clone();
        cache.stop_when(move || token.ends_work());
    }
    let (sender, inbox) = channel();
    let spot = Arc::new(Spot::new(cx.clone(), cancel.clone()));
    let (completions, look) = (sender.clone(), spot.clone());
    let done = move |completion, follow: &mut dyn FnMut() -> bool| {
        let ended = look.ended(completion);
        // A receiver that is gone means that the run was given up; the executor ends its jobs itself.
        if !matches!(ended, Inbox::Ended(_, true)) || !follow() {
            let _ = completions.send(ended);
            return None;
        }
        let completions = completions.clone();
        Some(Tell::by(move || drop(completions.send(ended))))
    };
    let executor = Executors::new(Arc::new(done), options.executor.clone(), options.clock.clone());
    let reports = sender.clone();
    let tell = move |job, told| {
        let _ = reports.send(Inbox::Told(job, told));
    };
    let state_dir = cx.root.join(".rulemake");
    let number = cx.view.next_run();
    let launcher = Launcher {
        run: number,
        places: RunPlaces::new(&state_dir, number),
        mark: Mark::of(&state_dir),
        grace: options.grace,
        variables: options.variables.clone(),
        known: RefCell::default(),
        direct: launch::absolute(&cx.root).to_str().filter(|_| options.direct).map(Arc::from),
        deployment: Arc::new(Deployment::new(options.programs.clone(), launch::absolute(&state_dir))),
        state_dir: state_dir.clone(),
        tell: Arc::new(tell),
    };
    let ledger = Ledger::new(cx.slots.into(), &options.limits);
    let mut temps = TempState::of(&cx, options.keep_temps);
    let mut run = Run {
        core: Core::new(shape::shape(&cx, &mut temps), ledger, options.keep_going),
        temps,
        units: UnitState::default(),
        riding: RideState::default(),
        ahead: AheadState::default(),
        growth: GrowthState::of(&cx, index),
        hooks: HookState::default(),
        slots: SlotState::of(options.slots.clone()),
        journal: Journal::default(),
        total: action_count(&cx),
        names_wait: false,
        in_pool: 0,
        due_checks: Vec::new(),
        effects: Vec::new(),
        writer,
        pool,
        cancel,
        options,
        observer,
        sender,
        executor,
        spot,
        launcher,
        state_dir,
        number,
        recording: false,
        told_capped: FxHashSet::default(),
        defined: FxHashSet::default(),
        begun: FxHashSet::default(),
        restored: FxHashSet::default(),
        prepared: FxHashMap::default(),
        pending_failure: FxHashMap::default(),
        failures: Vec::new(),
        summary: Summary::default(),
        chains: Chains::default(),
        partial: None,
        is_quiet: true,
        seq: 0,
        started: options.clock.monotonic(),
        observer_panic: None,
        #[cfg(feature = "tracing")]
        spans: Default::default(),
        kill_at: None,
        fatal: None,
        finished: false,
        cx,
    };
    let rules = times::shares(&run.cx);
    run.emit(EventKind::RunStarted { run: run.number, jobs: run.total, rules });
    for message in &options.warnings {
        run.emit(EventKind::Warning { message: message.clone() });
    }
    run.tell_printed();
    if let Some(slots) = run.slots.at_first() {
        run.tell(Msg::Slots(slots));
    }
    run.abandon_earlier();
    run.tell(Msg::Begin);
    // Who stopped the run while it was planned wants nothing of it.
    run.look_at_cancel();
    run.pump(&inbox);
    run.end_hooks(&inbox);
    let (outcomes, panic) = run.close();
    match panic {
        // Everything is on record and at rest; now it is the host's.
        Some(panic) => resume_unwind(panic),
        None => outcomes,
    }
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
    executor: Executors,
    spot: Arc<Spot>,
    state_dir: PathBuf,
    launcher: Launcher,
    number: u32,
    /// Whether the run is on record: it is from the first job on, so a run that does nothing writes nothing.
    recording: bool,
    /// Rules whose jobs get less than they ask for, once that is told.
    told_capped: FxHashSet<u32>,
    defined: FxHashSet<u32>,
    /// Jobs that came so far in this run that they may have changed their outputs.
    begun: FxHashSet<u32>,
    /// Jobs whose results came out of the cache, until they are settled.
    restored: FxHashSet<u32>,
    prepared: FxHashMap<u32, Prepared>,
    temps: TempState,
    units: UnitState,
    riding: RideState,
    ahead: AheadState,
    growth: GrowthState<'a>,
    hooks: HookState,
    slots: SlotState,
    journal: Journal,
    /// Jobs that execute something.
    total: usize,
    /// Jobs have begun just now whose logs get their names if they go on.
    names_wait: bool,
    /// Pieces of work that the pool has not finished.
    in_pool: usize,
    /// What the core wants checked and the pool does not know yet. Verdicts come in batches, and so do the checks that
    /// follow from them: to hand them over one by one would wake a thread for each.
    due_checks: Vec<u32>,
    /// Working memory of [`Run::tell`].
    effects: Vec<Effect>,
    pending_failure: FxHashMap<u32, JobFailure>,
    failures: Vec<JobFailure>,
    summary: Summary,
    chains: Chains,
    partial: Option<String>,
    /// Nothing was told so far but that jobs are up to date.
    is_quiet: bool,
    seq: u64,
    started: Duration,
    #[cfg(feature = "tracing")]
    spans: crate::engine::spans::Spans,
    /// The observer is not called again, and the run ends.
    observer_panic: Option<Box<dyn Any + Send>>,
    kill_at: Option<Instant>,
    fatal: Option<Error>,
    finished: bool,
}

impl Run<'_> {
    fn pump(&mut self, inbox: &Receiver<Inbox>) {
        while !self.finished || self.temps.is_removing() || self.hooks.is_running() {
            self.check_due();
            self.pause_if_asked();
            self.look_ahead();
            self.begin_near();
            let at_once = match self.spot.pace() {
                // Jobs follow each other meanwhile: to be woken by each would cost them more than they take.
                Pace::Brisk if self.core.has_riders() => brisk::doze(brisk::MOMENT, || inbox.try_recv().ok()),
                Pace::Brisk => brisk::linger(|| inbox.try_recv().ok()),
                Pace::Quick if self.core.is_all_carrying() && !self.ahead.is_any() => {
                    brisk::doze(ride::NAP, || inbox.try_recv().ok())
                }
                Pace::Quick | Pace::Calm => None,
            };
            match at_once.map_or_else(|| inbox.recv_timeout(self.patience()), Ok) {
                Ok(message) => self.receive(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(message) = inbox.try_recv() {
                self.receive(message);
            }
            self.tell_printed();
            self.tell_cache();
            self.grow_if_due();
            self.look_after_units();
            self.look_at_cancel();
            self.look_after_riders();
            self.look_after_slots();
            self.names_wait = self.executor.name_logs();
            match self.spot.pace() {
                Pace::Calm => self.journal.write(),
                Pace::Quick | Pace::Brisk => self.journal.write_shortly(),
            }
        }
    }

    fn receive(&mut self, message: Inbox) {
        match message {
            Inbox::Completed(_)
            | Inbox::Ended(..)
            | Inbox::NotStarted(_)
            | Inbox::Cleared { .. }
            | Inbox::Told(..)
            | Inbox::Waited => {}
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
                self.heard_of(completion.job, false);
                self.slots.job_ended(completion.job);
                let unit = self.cx.units.leader(JobId(completion.job));
                match self.cx.units.members(unit) {
                    Some(_) => self.member_ended(unit.0, completion),
                    None => self.completed(completion),
                }
            }
            Inbox::Ended(concluded, goes_on) => {
                self.heard_of(concluded.job, goes_on);
                self.slots.job_ended(concluded.job);
                self.unit_concluded(vec![*concluded], Vec::new());
            }
            Inbox::Concluded(concluded) => self.unit_concluded(vec![*concluded], Vec::new()),
            Inbox::Restored(concluded, saved) => {
                self.tell_saved(concluded.job, saved);
                self.unit_concluded(vec![*concluded], Vec::new());
            }
            Inbox::UnitConcluded(concluded, left) => self.unit_concluded(concluded, left),
            Inbox::Kept { unit, attempt, result } => self.kept(unit, attempt, result),
            Inbox::Cleared { job, saved } => self.tell_saved(job, saved),
            Inbox::Told(job, told) => {
                let job = self.info(job);
                self.emit(match told {
                    Told::Line(text) => EventKind::JobOutput { job, text },
                    Told::Progress { done, total } => EventKind::JobProgress { job, done, total },
                });
            }
            Inbox::Waited => self.slots.has_waited(),
            Inbox::NotStarted(concluded) => self.unit_concluded(concluded, Vec::new()),
            Inbox::Removed(removed) => {
                for Removed { unit, path, result } in removed {
                    self.removed(unit, path, result);
                }
            }
        }
        self.check_due();
    }

    /// Passes a message to the core and performs what it asks for; checks wait for [`Run::check_due`].
    fn tell(&mut self, msg: Msg) {
        let mut effects = std::mem::take(&mut self.effects);
        self.core.handle(msg, &mut effects);
        let mut unneeded = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Check { job } => self.due_checks.push(job),
                Effect::Start { job, attempt } => self.start(job, attempt),
                Effect::Ride { job, attempt, behind } => self.ride(job, attempt, behind),
                Effect::Begins { job } => self.begins(job),
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
        self.effects = effects;
        if !unneeded.is_empty() {
            // Who needed them is on record first.
            self.flush_records();
            self.remove_temps(&unneeded);
        }
        if self.finished {
            self.remove_late_temps();
        }
    }

    /// What was held back while the graph was to grow.
    fn give_held_back(&mut self) {
        let HeldBack { checks, completions, units, removals } = std::mem::take(&mut self.growth.held);
        self.check(&checks);
        completions.into_iter().for_each(|completion| self.completed(completion));
        units.into_iter().for_each(|unit| self.unit_over(unit));
        if !removals.is_empty() {
            self.remove_temps(&removals);
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

    /// Nothing is taken in while the run is paused, so nothing new begins.
    fn pause_if_asked(&mut self) {
        if !self.cancel.wants_pause() {
            return;
        }
        let begin = clock::monotonic();
        self.executor.pause();
        while self.cancel.wants_pause() {
            // Each time: somebody may have let it go on and paused it again meanwhile.
            self.cancel.set_paused();
            std::thread::sleep(HEARTBEAT);
        }
        self.executor.resume(begin.elapsed());
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

    /// What went wrong with the cache since the last time.
    fn tell_cache(&mut self) {
        let notices = self.cx.cache.as_ref().map(|cache| cache.take_notices());
        for message in notices.unwrap_or_default() {
            self.emit(EventKind::Warning { message });
        }
    }

    fn elapsed(&self) -> Duration {
        self.options.clock.monotonic().saturating_sub(self.started)
    }

    /// What a killed run had submitted to the host's executor and this one does not ask for is ended.
    fn abandon_earlier(&self) {
        let in_flight = self.cx.view.in_flight();
        if in_flight.is_empty() || !self.executor.is_hosted() {
            return;
        }
        let wanted: FxHashSet<(u32, u32)> = self
            .cx
            .graph
            .jobs
            .iter()
            .filter_map(|job| self.cx.view.last_job(*job.outputs.first()?))
            .collect();
        for (run, job) in in_flight.into_iter().filter(|earlier| !wanted.contains(earlier)) {
            self.executor.abandon(TaskId::new(run, job));
        }
    }

    fn emit(&mut self, kind: EventKind) {
        self.is_quiet &= matches!(
            kind,
            EventKind::RunStarted { .. } | EventKind::JobUpToDate { .. } | EventKind::RunFinished { .. }
        );
        let event = Event { v: FORMAT, seq: self.seq, time_ms: self.options.clock.wall_ms(), kind };
        self.seq += 1;
        #[cfg(feature = "tracing")]
        self.spans.note(&event);
        // What the observer shares with its host is the host's; after a panic it is not called again.
        if self.observer_panic.is_none()
            && let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.observer)(&event)))
        {
            self.observer_panic = Some(panic);
            self.cancel.cancel(CancelLevel::Terminate);
        }
        self.note_in_log(event);
    }

    /// Writes what the checks learned, ends the run on record, and reports.
    fn close(mut self) -> (Result<Outcomes>, Option<Box<dyn Any + Send>>) {
        let refreshed = self.cx.files.take_refreshed();
        if !refreshed.is_empty() && self.fatal.is_none() {
            let records: Vec<Record<'_>> =
                refreshed.iter().filter_map(|(path, known)| Record::known(*path, known)).collect();
            self.append(&records);
        }
        if self.recording && self.fatal.is_none() {
            self.fatal = self.writer.append(&self.cx.paths, &[Record::RunEnded { run: self.number }]).err();
        }
        self.tell_overwritten();
        self.tell_printed();
        self.tell_cache();
        for message in locked::warnings(&self.cx) {
            self.emit(EventKind::Warning { message });
        }
        self.summary.wall_ms = self.elapsed().as_millis() as u64;
        self.summary.critical_path = self.chains.critical(|job| self.info(job).title());
        let cancelled = self.fatal.is_none() && self.cancel.level().is_some();
        self.emit(EventKind::RunFinished { summary: self.summary.clone() });
        self.journal.write();
        let Run { number: run, summary, failures, partial, fatal, hooks, observer_panic, .. } = self;
        let Run { cx, is_quiet, writer, .. } = self;
        let outcomes = match fatal.or(hooks.failure) {
            Some(error) => Err(error),
            None => {
                let is_quiet = is_quiet && !cancelled && observer_panic.is_none();
                let log_len = writer.len();
                Ok(Outcomes { run, summary, failures, cancelled, partial, cx, is_quiet, log_len })
            }
        };
        (outcomes, observer_panic)
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}
