//! `rulemake watch`: runs, and runs again when a source or the Rulefile changes.
//!
//! Changes only wake it: what then has to run is decided by content as ever. A thread of its own hears of them (`ear`) and
//! looks (`look`), also when it hears nothing: so it cannot go deaf. What jobs make is overlooked.

mod ear;
mod look;

use super::Place;
use super::run::{Around, OnWatched, run_once};
use crate::exit::{Exit, Failure};
use crate::jobserver::Jobserver;
use crate::options::{Common, RunArgs};
use crate::output::{Output, say};
use crate::project::lexical;
use crate::signals::Signals;
use ear::{Ear, Noise};
use look::{Look, Wanted};
use rulemake::report::printable;
use rulemake::{CancelLevel, CancelToken, TextStyle, Workflow};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Changes that come together are one: no other came for so long …
const QUIET: Duration = Duration::from_millis(150);
/// … or the first of them is so old.
const LONGEST: Duration = Duration::from_secs(2);
/// How often it is looked whether somebody wants to stop.
const TICK: Duration = Duration::from_millis(50);
/// How often it is looked when nothing is heard; seldomer where a look takes long.
const EVERY: Duration = Duration::from_secs(1);
/// Of the time of a thread, this part is spent with looking at most, and with looking for nothing.
const LOOKING: (u32, u32) = (10, 50);
/// Changed files that are named.
const NAMED: usize = 3;

pub(crate) fn watch(
    common: &Common,
    output: Output,
    targets: &[String],
    args: &RunArgs,
    restart: bool,
    slots: Option<Arc<Jobserver>>,
) -> Result<Exit, Failure> {
    let here = super::here()?;
    // Another run is no reason to lose a change.
    let args = &RunArgs { wait: true, ..args.clone() };
    let watcher = Watcher::start()?;
    let signals = Signals::default();
    signals.catch();
    let mut told = String::new();
    let mut knows_all = false;
    loop {
        if !be_there(&here, &signals) {
            break;
        }
        let token = CancelToken::new();
        let around = Around { token: token.clone(), signals: &signals, slots: slots.clone(), watching: None };
        watcher.interrupt(restart.then(|| token.clone()));
        let began = (Instant::now(), look::now());
        let outcome = Place::find(common.clone(), output).and_then(|place| match knows_all {
            true => run_once(&place, targets, args, began.0, &around).map(drop),
            false => round(&place, common, targets, args, around, &watcher, began),
        });
        watcher.interrupt(None);
        if signals.first().is_some() {
            break;
        }
        let stopped = token.level().is_some();
        let mut wrong = None;
        match outcome {
            Ok(()) => {}
            // Without a Rulefile there is nothing to wait for.
            Err(failure) if watcher.state().wanted.files.is_empty() => return Err(failure),
            // It was ended before it had begun.
            Err(_) if stopped => {}
            Err(failure) => {
                output.failure(&failure);
                if matches!(failure.exit(), Exit::Workflow | Exit::Plan) {
                    watcher.look_after_everything(began.1);
                }
                wrong = Some(mistake(&failure));
            }
        }
        let watching = watcher.told();
        if !stopped && watching != told {
            output.remark(&format!("watching {watching} (Ctrl-C ends)"));
            told = watching;
        }
        // Nothing is said again: this may be what it goes to.
        let is_other = || mistake_now(common, output, targets, args) != wrong;
        let Some(changed) = watcher.wait(&signals, is_other) else { break };
        let and_so = if stopped { ": beginning again" } else { "" };
        output.remark(&format!("{}{and_so}", change_text(&changed)));
        knows_all = watcher.state().stays(&changed);
    }
    Ok(signals.first().map_or(Exit::Success, Exit::Signal))
}

/// A failure as a text, to be held against another one.
fn mistake(failure: &Failure) -> String {
    match failure {
        Failure::Library(error) | Failure::Noted(error, _) => error.render(TextStyle::Plain),
        other => other.message(),
    }
}

/// What keeps the targets from being planned; prints nothing.
fn mistake_now(common: &Common, output: Output, targets: &[String], args: &RunArgs) -> Option<String> {
    let planned = || -> Result<(), Failure> {
        let place = Place::find(common.clone(), output)?;
        let workflow = place.load_for_completion()?;
        let names = place.targets(targets, &workflow);
        let options = place.run_options(args, &workflow);
        let session = place.session(workflow, args).open()?;
        session.watched(&names, &options).map_err(|error| place.explained(error, &names)).map(drop)
    };
    planned().err().map(|failure| mistake(&failure))
}

/// What is said to `watch --dry-run`.
pub(crate) fn only_to_look() -> Failure {
    Failure::new(Exit::Usage, "`watch` makes files, which --dry-run forbids")
        .help("`rulemake -n` shows once what would run")
}

/// Whether this process is where it was started, once that is there: a directory that is made anew is another one.
fn be_there(here: &Path, signals: &Signals) -> bool {
    let mut is_told = false;
    while signals.first().is_none() {
        #[expect(
            clippy::disallowed_methods,
            reason = "the process is the command's own, and goes where it was started"
        )]
        if std::env::set_current_dir(here).is_ok() {
            return true;
        }
        if !is_told {
            say(&format!("{} is gone: waiting until it is there again", here.display()));
            is_told = true;
        }
        std::thread::sleep(TICK);
    }
    false
}

fn change_text(changed: &BTreeSet<String>) -> String {
    let named: Vec<String> = changed.iter().take(NAMED).map(|path| printable(path).into_owned()).collect();
    match changed.len() - named.len() {
        0 => match named.split_last() {
            Some((last, [])) => format!("{last} changed"),
            Some((last, others)) => format!("{} and {last} changed", others.join(", ")),
            None => String::from("something changed"),
        },
        more => format!("{} and {more} more changed", named.join(", ")),
    }
}

/// Runs once, and learns what to look after.
fn round(
    place: &Place,
    common: &Common,
    targets: &[String],
    args: &RunArgs,
    around: Around<'_>,
    watcher: &Watcher,
    (began, time): (Instant, std::time::SystemTime),
) -> Result<(), Failure> {
    let dotenv = common.dotenv.iter().map(|file| place.start().join(file));
    let own: BTreeSet<PathBuf> = dotenv.chain([absolute(&place.project.rulefile)]).collect();
    let own: BTreeSet<PathBuf> = own.iter().map(|path| lexical(path)).collect();
    // A Rulefile that cannot be loaded is waited for, too.
    watcher.look_also_after(&own, &place.project.root);
    let learned = Arc::new(Mutex::new(None));
    let watching = |workflow: &Workflow| -> OnWatched {
        let files = workflow.files().map(|path| lexical(&absolute(Path::new(path))));
        let own: BTreeSet<PathBuf> = files.chain(own.iter().cloned()).collect();
        watcher.look_also_after(&own, &place.project.root);
        let (watcher, learned) = (watcher.clone(), learned.clone());
        Box::new(move |watched| {
            watcher.look_after(Wanted::new(watched.clone(), own.clone()), Some(time));
            let is_all = !watched.rests_on_outputs();
            *learned.lock().unwrap_or_else(PoisonError::into_inner) = Some((is_all, own.clone()));
        })
    };
    let ended = run_once(place, targets, args, began, &Around { watching: Some(&watching), ..around });
    let learned = learned.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (&ended, learned) {
        (Ok(_), Some((true, _))) => {}
        (Ok(_), Some((false, own))) => {
            let workflow = place.load_silently(args.jobs)?;
            let (names, options) = (place.targets(targets, &workflow), place.run_options(args, &workflow));
            match place.session(workflow, args).open()?.watched(&names, &options) {
                Ok(watched) => watcher.look_after(Wanted::new(watched, own), Some(time)),
                Err(_) => watcher.state().wanted.is_planned_no_more(),
            }
        }
        _ => watcher.state().wanted.is_planned_no_more(),
    }
    ended.map(drop)
}

/// What is looked after, and how it looked last.
struct State {
    wanted: Wanted,
    seen: Look,
    changed: BTreeSet<String>,
    /// What changed of all that is looked at while nothing can be planned.
    beside: BTreeSet<String>,
    /// Ended as soon as something changes.
    running: Option<CancelToken>,
    ear: Ear,
    looked: Instant,
    /// How long the last look took.
    took: Duration,
}

impl State {
    /// Looks, and compares with the last time.
    fn look(&mut self, lost: &[PathBuf]) {
        let begin = Instant::now();
        let now = self.listen_and_look(lost);
        self.compare(now);
        self.took = begin.elapsed();
    }

    /// How all looks now. What comes afterwards is heard.
    fn listen_and_look(&mut self, lost: &[PathBuf]) -> Look {
        let now = self.wanted.look(&self.seen);
        match self.ear.listen(&self.wanted.directories(&now), lost) {
            true => self.wanted.look(&now),
            false => now,
        }
    }

    /// Holds how all looks `now` against the last time.
    fn compare(&mut self, now: Look) {
        let (changed, beside) = self.wanted.changes(&self.seen, &now);
        self.changed.extend(changed);
        self.beside.extend(beside);
        self.seen = now;
        self.looked = Instant::now();
        self.interrupt();
    }

    fn interrupt(&self) {
        if let Some(token) = self.running.as_ref().filter(|_| !self.changed.is_empty()) {
            token.cancel(CancelLevel::Terminate);
        }
    }

    /// Looks at these alone, which is quick however much is looked after; whether one changed.
    fn glance(&mut self, paths: &BTreeSet<PathBuf>) -> bool {
        let changed = self.wanted.glance(paths, &mut self.seen);
        let is_changed = !changed.is_empty();
        self.changed.extend(changed);
        self.interrupt();
        is_changed
    }

    /// Whether these changes leave what is looked after as it is.
    fn stays(&self, changed: &BTreeSet<String>) -> bool {
        self.wanted.stays(changed, &self.seen)
    }

    /// Looks after `wanted` from now on. What is new in it and younger than `time` changed while nobody looked.
    fn look_after(&mut self, wanted: Wanted, time: Option<std::time::SystemTime>) {
        let was = std::mem::replace(&mut self.wanted, wanted);
        let begin = Instant::now();
        let now = self.listen_and_look(&[]);
        let younger = time.map(|time| self.wanted.younger(time, &self.seen, &now)).unwrap_or_default();
        match self.wanted.is_everything() {
            true => self.beside.extend(younger),
            false => {
                self.changed.extend(younger);
                self.beside.clear();
            }
        }
        let seen = std::mem::take(&mut self.seen);
        self.seen = self.wanted.rebase(seen, &was, &now);
        self.compare(now);
        self.took = begin.elapsed();
    }
}

/// Looks in a thread of its own until it is dropped.
#[derive(Clone)]
struct Watcher(Arc<Mutex<State>>);

impl Watcher {
    fn start() -> Result<Watcher, Failure> {
        let (sender, noises) = channel();
        let state = State {
            wanted: Wanted::default(),
            seen: Look::default(),
            changed: BTreeSet::new(),
            beside: BTreeSet::new(),
            running: None,
            ear: Ear::new(sender),
            looked: Instant::now(),
            took: Duration::ZERO,
        };
        let watcher = Watcher(Arc::new(Mutex::new(state)));
        let seen = Arc::downgrade(&watcher.0);
        let keep_looking = move || {
            let mut heard = Heard::default();
            loop {
                heard.hear(&noises);
                let Some(state) = seen.upgrade() else { return };
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                if heard.is_quiet() && !heard.paths.is_empty() && !state.wanted.is_everything() {
                    let paths = std::mem::take(&mut heard.paths);
                    heard.needs_look |= !paths.is_subset(&state.wanted.files);
                    let is_changed = state.glance(&paths);
                    match heard.needs_look {
                        false => heard = Heard::default(),
                        // The run goes first.
                        true if is_changed => heard.begin_again(),
                        true => {}
                    }
                }
                if heard.is_due(state.looked, state.took) {
                    let lost = std::mem::take(&mut heard).lost;
                    state.look(&lost);
                }
            }
        };
        std::thread::Builder::new().name("watch".into()).spawn(keep_looking).map_err(|error| {
            Failure::new(Exit::Environment, format!("cannot start the thread that watches: {error}"))
        })?;
        Ok(watcher)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a change ends this run.
    fn interrupt(&self, token: Option<CancelToken>) {
        let mut state = self.state();
        // One that was seen since the last wait, too.
        if let Some(token) = token.as_ref().filter(|_| !state.changed.is_empty()) {
            token.cancel(CancelLevel::Terminate);
        }
        state.running = token;
    }

    fn look_after(&self, wanted: Wanted, time: Option<std::time::SystemTime>) {
        self.state().look_after(wanted, time);
    }

    /// Looks after these files besides what was looked after.
    fn look_also_after(&self, own: &BTreeSet<PathBuf>, root: &Path) {
        let mut state = self.state();
        if state.wanted.has(own, root) {
            return state.wanted.is_planned_no_more();
        }
        let wanted = state.wanted.with(own, root);
        state.look_after(wanted, None);
    }

    /// While nothing can be planned, anything may be what mends it.
    fn look_after_everything(&self, time: std::time::SystemTime) {
        let mut state = self.state();
        let wanted = state.wanted.with_everything();
        state.look_after(wanted, Some(time));
    }

    /// Waits for a change that matters; `None` when somebody wants to stop. Where anything may mend what is wrong, it is asked
    /// whether something `is_other` by now.
    fn wait(&self, signals: &Signals, is_other: impl Fn() -> bool) -> Option<BTreeSet<String>> {
        while signals.first().is_none() {
            let (mut changed, beside) = {
                let mut state = self.state();
                (std::mem::take(&mut state.changed), std::mem::take(&mut state.beside))
            };
            if !changed.is_empty() || !beside.is_empty() && is_other() {
                changed.extend(beside);
                return Some(changed);
            }
            std::thread::sleep(TICK);
        }
        None
    }

    fn told(&self) -> String {
        match self.state().wanted.files.len() {
            1 => "1 file".into(),
            n => format!("{n} files"),
        }
    }
}

/// What was heard since the last look.
#[derive(Default)]
struct Heard {
    first: Option<Instant>,
    last: Option<Instant>,
    lost: Vec<PathBuf>,
    paths: BTreeSet<PathBuf>,
    /// Whether it is not enough to look at the paths alone.
    needs_look: bool,
}

impl Heard {
    fn hear(&mut self, noises: &Receiver<Noise>) {
        let first = match noises.recv_timeout(TICK) {
            Ok(noise) => noise,
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => return std::thread::sleep(TICK),
        };
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.last = Some(now);
        for noise in std::iter::once(first).chain(noises.try_iter()) {
            self.lost.extend(noise.lost);
            self.paths.extend(noise.paths);
            self.needs_look |= !noise.is_content;
        }
    }

    /// As if all of it came now.
    fn begin_again(&mut self) {
        let now = Some(Instant::now());
        (self.first, self.last) = (now, now);
    }

    /// Whether no more is to be waited for.
    fn is_quiet(&self) -> bool {
        let is_old = self.first.is_some_and(|first| first.elapsed() >= LONGEST);
        is_old || self.last.is_some_and(|last| last.elapsed() >= QUIET)
    }

    /// Whether it is time to look, given when that was done last and how long it took.
    fn is_due(&self, looked: Instant, took: Duration) -> bool {
        let since = looked.elapsed();
        self.is_quiet() && since >= took * LOOKING.0 || since >= EVERY.max(took * LOOKING.1)
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
