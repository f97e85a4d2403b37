//! `rulemake watch`: runs, and runs again when a source or the Rulefile changes.
//!
//! Changes only wake it: what then has to run is decided by content as ever, so a touch wakes it and runs nothing. What jobs
//! make is overlooked.

use super::Place;
use super::run::{Stops, run_once};
use crate::exit::{Exit, Failure};
use crate::jobserver::Jobserver;
use crate::options::{Common, RunArgs};
use crate::output::{Output, say};
use crate::project::lexical;
use crate::signals::Signals;
use notify::{RecursiveMode, Watcher as _};
use rulemake::inspect::Watched;
use rulemake::{CancelLevel, CancelToken};
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Changes that come together are one: no other came for so long …
const QUIET: Duration = Duration::from_millis(150);
/// … or the first of them is so old.
const LONGEST: Duration = Duration::from_secs(2);
/// How often it is looked whether somebody wants to stop.
const TICK: Duration = Duration::from_millis(50);

pub(crate) fn watch(
    common: &Common,
    output: Output,
    targets: &[String],
    args: &RunArgs,
    restart: bool,
    slots: Option<Arc<Jobserver>>,
) -> Result<Exit, Failure> {
    let (sender, changes) = channel();
    let mut watcher = Watcher::new(sender)?;
    let signals = Signals::default();
    signals.catch();
    loop {
        let stops = Stops { token: CancelToken::new(), signals: &signals };
        watcher.interrupt(restart.then(|| stops.token.clone()));
        let began = Instant::now();
        let outcome = Place::find(common.clone(), output)
            .and_then(|place| round(&place, targets, args, (&stops, slots.clone()), &mut watcher, began));
        watcher.interrupt(None);
        if let Some(signal) = signals.first() {
            return Ok(Exit::Signal(signal));
        }
        match outcome {
            Ok(()) => {}
            // Without a Rulefile there is nothing to wait for.
            Err(failure) if watcher.files.is_empty() => return Err(failure),
            Err(failure) => output.failure(&failure),
        }
        let stopped = stops.token.level().is_some();
        if !stopped {
            output.remark(&format!("watching {} (Ctrl-C ends)", watcher.told()));
        }
        if !wait(&changes, &signals, stopped) {
            return Ok(signals.first().map_or(Exit::Success, Exit::Signal));
        }
    }
}

/// What is said to `watch --dry-run`.
pub(crate) fn only_to_look() -> Failure {
    Failure::new(Exit::Usage, "`watch` makes files, which --dry-run forbids")
        .help("`rulemake -n` shows once what would run")
}

/// Runs once, and learns what to look after.
fn round(
    place: &Place,
    targets: &[String],
    args: &RunArgs,
    (stops, slots): (&Stops<'_>, Option<Arc<Jobserver>>),
    watcher: &mut Watcher,
    began: Instant,
) -> Result<(), Failure> {
    watcher.look_after_rulefile(place);
    let workflow = place.load(args.jobs)?;
    watcher.root = place.project.root.clone();
    let own: Vec<String> = workflow.files().map(str::to_string).collect();
    let names = place.targets(targets, &workflow);
    let options = place.run_options(args, &workflow);
    let session = place.session(workflow, args).open()?;
    // What it finds wrong the run tells.
    let watched = session.watched(&names, &options).unwrap_or_default();
    session.take_printed();
    drop(session);
    watcher.look_after(&own, &watched);
    let ended = run_once(place, targets, args, began, stops, slots);
    // Checkpoints may have brought more to light.
    let session = place.session(place.load_silently(args.jobs)?, args).open()?;
    if let Ok(watched) = session.watched(&names, &options) {
        watcher.look_after(&own, &watched);
    }
    session.take_printed();
    ended.map(drop)
}

/// Waits for a change that matters; `false` when somebody wants to stop. After a restart the change is known already.
fn wait(changes: &Receiver<()>, signals: &Signals, at_once: bool) -> bool {
    let mut first: Option<Instant> = at_once.then(Instant::now);
    let mut last = Instant::now();
    loop {
        if signals.first().is_some() {
            return false;
        }
        match changes.recv_timeout(TICK) {
            Ok(()) => {
                last = Instant::now();
                first.get_or_insert(last);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        if first.is_some_and(|first| last.elapsed() >= QUIET || first.elapsed() >= LONGEST) {
            return true;
        }
    }
}

/// What the thread that hears of changes decides by.
#[derive(Default)]
struct Known {
    /// Absolute paths.
    files: FxHashSet<PathBuf>,
    outputs: FxHashSet<PathBuf>,
    /// Everything in these matters, as far as no job makes it.
    directories: FxHashSet<PathBuf>,
    /// Ended as soon as something changes.
    running: Option<CancelToken>,
}

impl Known {
    fn matters(&self, path: &Path) -> bool {
        if path.components().any(|part| part == Component::Normal(".rulemake".as_ref())) {
            return false;
        }
        if self.files.contains(path) {
            return true;
        }
        let is_made = path.ancestors().any(|above| self.outputs.contains(above));
        !is_made && path.parent().is_some_and(|parent| self.directories.contains(parent))
    }
}

struct Watcher {
    inner: notify::RecommendedWatcher,
    known: Arc<Mutex<Known>>,
    directories: BTreeSet<PathBuf>,
    files: FxHashSet<PathBuf>,
    root: PathBuf,
}

impl Watcher {
    fn new(sender: Sender<()>) -> Result<Watcher, Failure> {
        let known: Arc<Mutex<Known>> = Arc::default();
        let seen = known.clone();
        let hear = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_access() {
                return;
            }
            let known = seen.lock().unwrap_or_else(PoisonError::into_inner);
            // An event without a path says that some were lost.
            if event.paths.is_empty() || event.paths.iter().any(|path| known.matters(path)) {
                if let Some(token) = &known.running {
                    token.cancel(CancelLevel::Terminate);
                }
                let _ = sender.send(());
            }
        };
        let inner = notify::recommended_watcher(hear).map_err(|error| {
            Failure::new(Exit::Environment, format!("changes of files cannot be watched here: {error}"))
        })?;
        Ok(Watcher {
            inner,
            known,
            directories: BTreeSet::new(),
            files: FxHashSet::default(),
            root: PathBuf::new(),
        })
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on a change ends this run.
    fn interrupt(&self, token: Option<CancelToken>) {
        self.known().running = token;
    }

    /// A Rulefile that cannot be loaded is waited for, too.
    fn look_after_rulefile(&mut self, place: &Place) {
        let path = lexical(&absolute(&place.project.rulefile));
        self.add(BTreeSet::from([path]));
    }

    fn look_after(&mut self, own: &[String], watched: &Watched) {
        let under_root = |path: &String| self.root.join(path);
        let files: BTreeSet<PathBuf> = watched.files.iter().map(under_root).collect();
        let outputs: FxHashSet<PathBuf> = watched.outputs.iter().map(under_root).collect();
        let directories: FxHashSet<PathBuf> =
            watched.directories.iter().map(under_root).map(|path| lexical(&path)).collect();
        let own = own.iter().map(|path| absolute(Path::new(path)));
        let all: BTreeSet<PathBuf> = files.into_iter().chain(own).map(|path| lexical(&path)).collect();
        {
            let mut known = self.known();
            known.outputs = outputs.iter().map(|path| lexical(path)).collect();
            known.directories = directories.clone();
        }
        for directory in directories {
            self.watch(&directory);
        }
        self.add(all);
    }

    fn add(&mut self, files: BTreeSet<PathBuf>) {
        // The directory is watched, not the file: editors replace files.
        let directories: BTreeSet<PathBuf> =
            files.iter().filter_map(|file| file.parent()).map(Path::to_path_buf).collect();
        self.files.extend(files.iter().cloned());
        self.known().files.extend(files);
        for directory in directories {
            self.watch(&directory);
        }
    }

    fn watch(&mut self, directory: &Path) {
        if self.directories.contains(directory) {
            return;
        }
        match self.inner.watch(directory, RecursiveMode::NonRecursive) {
            Ok(()) => drop(self.directories.insert(directory.to_path_buf())),
            Err(_) if !directory.is_dir() => {}
            Err(error) => say(&format!("warning: cannot watch {}: {error}", directory.display())),
        }
    }

    fn told(&self) -> String {
        let plural =
            |n: usize, one: &str, many: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") };
        let files = plural(self.files.len(), "file", "files");
        format!("{files} in {}", plural(self.directories.len(), "directory", "directories"))
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
