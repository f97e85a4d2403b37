//! The files that get what jobs print.
//!
//! Most jobs print nothing, and 100,000 quiet jobs must leave no 100,000 files. To make a file for each and to remove it is
//! what costs most of a small job on some systems: ext4 passes by inodes that were freed in the last seconds, one by one,
//! whenever it makes a file, so each job pays for all that ended just before it. So the file of a job that said nothing
//! becomes the file of a later one. To rename it each time costs what else there is to do for a small job, so it has no
//! name of a log until there is a reason: something was said, somebody else has it open, or the job takes its time and
//! people may want to look.
//!
//! Invariant: a file is passed on only when nobody else can write to it. A process that a job left behind would otherwise
//! write into the log of a stranger.

use crate::base::clock::monotonic;
use crate::sys;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use std::fs::{self, File, OpenOptions};
use std::hash::BuildHasher as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// More than run at once at any time are not needed, and each holds a descriptor.
const MOST: usize = 32;

const SPARE: &str = "spare-";

/// A job that has run for so long gets a log by its name.
const NAMELESS: Duration = Duration::from_millis(5);

/// Where it can be known that nobody else has a file open.
const MAY_BE_NAMELESS: bool = cfg!(target_os = "linux");

/// What a job writes to while it runs.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) file: File,
    /// Its number among those that had no name when they began.
    nameless: Option<u32>,
}

impl Log {
    pub(super) fn named(file: File) -> Log {
        Log { file, nameless: None }
    }
}

/// A log that waits for its name.
#[derive(Debug)]
struct Nameless {
    spare: PathBuf,
    path: PathBuf,
    since: Instant,
}

/// Makes logs, and keeps those that stayed empty. They are removed when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Logs {
    spare: Mutex<Vec<Spare>>,
    nameless: Mutex<FxHashMap<u32, Nameless>>,
    /// Empty when their jobs ended, and open elsewhere: in a process that the job left behind and that may still say
    /// something, or for a moment in one that is just being started.
    watched: Mutex<Vec<PathBuf>>,
    made: AtomicU32,
    /// There may be something at these places, by [`place`]; at others there is nothing.
    named: Mutex<FxHashSet<u64>>,
}

/// An empty file that nobody else has open; no name of a log.
#[derive(Debug)]
struct Spare {
    path: PathBuf,
    file: File,
}

impl Logs {
    /// As [`Logs::begin`], but it gets its name later, if at all.
    pub(super) fn begin_nameless(&self, path: &Path) -> io::Result<Log> {
        let Some(dir) = path.parent().filter(|_| MAY_BE_NAMELESS) else {
            return Ok(Log::named(self.begin(path)?));
        };
        // What an earlier attempt said is not to be taken for what this one says.
        if lock(&self.named).contains(&place(path)) {
            let _ = fs::remove_file(path);
        }
        while let Some(Spare { path: spare, file }) = self.take() {
            // Unless somebody removed it: then nothing could be found of what it gets.
            if file.metadata().is_ok_and(|meta| sys::has_name(&meta)) {
                return Ok(self.wait_for_name(spare, path, file));
            }
        }
        let spare = self.new_spare(dir);
        let file = OpenOptions::new().append(true).create_new(true).open(&spare)?;
        Ok(self.wait_for_name(spare, path, file))
    }

    /// Goes on with a log.
    pub(super) fn go_on(&self, path: &Path) -> io::Result<File> {
        lock(&self.named).insert(place(path));
        OpenOptions::new().append(true).create(true).open(path)
    }

    fn wait_for_name(&self, spare: PathBuf, path: &Path, file: File) -> Log {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let waiting = Nameless { spare, path: path.into(), since: monotonic() };
        lock(&self.nameless).insert(number, waiting);
        Log { file, nameless: Some(number) }
    }

    /// Gives those a name that have had none for long; to be called now and then, and soon again if it says so.
    pub(super) fn name_due(&self) -> bool {
        let mut nameless = lock(&self.nameless);
        if nameless.is_empty() {
            return false;
        }
        let now = monotonic();
        // Under the lock: a log that is found in there has no name yet.
        nameless.retain(|_, log| {
            let is_due = now.duration_since(log.since) >= NAMELESS;
            if is_due {
                self.name(log);
            }
            !is_due
        });
        !nameless.is_empty()
    }

    /// Begins a log: with nothing in it, in append mode, so that stdout and stderr do not overwrite each other.
    pub(super) fn begin(&self, path: &Path) -> io::Result<File> {
        lock(&self.named).insert(place(path));
        // Replaces what lies there: an earlier attempt's children may still write to it.
        while let Some(spare) = self.take() {
            if fs::rename(&spare.path, path).is_ok() {
                return Ok(spare.file);
            }
            let _ = fs::remove_file(&spare.path);
        }
        match OpenOptions::new().append(true).create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(path)?;
                OpenOptions::new().append(true).create_new(true).open(path)
            }
            result => result,
        }
    }

    /// The end of a job that another process wrote for.
    pub(super) fn end(&self, log: &Path) {
        if let Some(file) = empty(log) {
            self.over(log, Log::named(file));
        }
    }

    /// The end of a job whose log this is: one that holds nothing goes, unless something may still come.
    pub(super) fn over(&self, path: &Path, log: Log) {
        let Log { file, nameless } = log;
        let nameless = nameless.and_then(|number| lock(&self.nameless).remove(&number));
        if let Some(nameless) = nameless {
            // In this order: who had it open may have written before it was closed.
            let is_free = |file: &File| {
                sys::is_ours_alone(file) == Some(true) && file.metadata().is_ok_and(|meta| meta.len() == 0)
            };
            if let Some(file) = anew(file, &nameless.spare).filter(is_free)
                && lock(&self.spare).len() < MOST
            {
                lock(&self.spare).push(Spare { path: nameless.spare, file });
                return;
            }
            self.name(&nameless);
        } else {
            drop(file);
        }
        if let Some(file) = empty(path) {
            self.named_over(path, file);
        }
    }

    /// From now on the log is where all look for it. Replaces what lies there, as [`Logs::begin`] does.
    fn name(&self, log: &Nameless) {
        lock(&self.named).insert(place(&log.path));
        let _ = fs::rename(&log.spare, &log.path);
    }

    fn named_over(&self, log: &Path, file: File) {
        if !file.metadata().is_ok_and(|meta| meta.len() == 0) {
            return;
        }
        match sys::is_ours_alone(&file) {
            Some(true) if lock(&self.spare).len() < MOST => {
                if let Some(spare) = self.put_aside(log, file) {
                    lock(&self.spare).push(spare);
                }
            }
            Some(false) => lock(&self.watched).push(log.into()),
            Some(true) | None => drop(fs::remove_file(log)),
        }
    }

    fn put_aside(&self, log: &Path, file: File) -> Option<Spare> {
        let path = self.new_spare(log.parent()?);
        fs::rename(log, &path).ok()?;
        // Somebody may have opened it by its name in the last moment; from now on nobody can.
        let is_free =
            sys::is_ours_alone(&file) == Some(true) && file.metadata().is_ok_and(|meta| meta.len() == 0);
        if is_free {
            return Some(Spare { path, file });
        }
        // Who did not find it may have made another, which stays.
        if fs::hard_link(&path, log).is_ok() || file.metadata().is_ok_and(|meta| meta.len() == 0) {
            let _ = fs::remove_file(&path);
        }
        None
    }

    fn new_spare(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{SPARE}{}", self.made.fetch_add(1, Ordering::Relaxed)))
    }

    fn take(&self) -> Option<Spare> {
        lock(&self.spare).pop()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        while let Some(spare) = self.take() {
            let _ = fs::remove_file(spare.path);
        }
        for log in std::mem::take(&mut *lock(&self.watched)) {
            if empty(&log).is_some_and(|file| sys::is_ours_alone(&file) != Some(false)) {
                let _ = fs::remove_file(log);
            }
        }
    }
}

/// Removes what a killed run had ready for the logs of its next jobs, in the directory of its logs. Nothing depends on it.
pub(crate) fn remove_spares(logs: &Path) {
    for entry in fs::read_dir(logs).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(SPARE));
        if number.is_none_or(|number| number.parse::<u32>().is_err()) {
            continue;
        }
        // What a process of a killed job may still write to stays.
        if empty(&entry.path()).is_some_and(|file| sys::is_ours_alone(&file) != Some(false)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The log, if it is there and holds nothing.
fn empty(log: &Path) -> Option<File> {
    let is_empty = fs::symlink_metadata(log).is_ok_and(|meta| meta.is_file() && meta.len() == 0);
    is_empty.then(|| OpenOptions::new().append(true).open(log).ok()).flatten()
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number for a path: a hundred thousand logs are remembered. Two may have the same, for to look once more is no harm.
fn place(path: &Path) -> u64 {
    FxBuildHasher.hash_one(path)
}

/// The file opened again, and no more as it was: a process that was started with that shares it with us, so nobody could tell
/// that somebody else has it.
fn anew(file: File, path: &Path) -> Option<File> {
    let again = OpenOptions::new().append(true).open(path).ok();
    drop(file);
    again
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;

    fn inode(path: &Path) -> u64 {
        fs::metadata(path).unwrap().ino()
    }

    /// Other tests of this process start programs, which have all our files open for a moment: what is to hold holds in one of
    /// a few tries.
    fn holds(check: fn()) {
        let is_good = (0..9).any(|_| std::panic::catch_unwind(check).is_ok());
        if !is_good {
            check();
        }
    }

    #[test]
    fn a_log_that_stayed_empty_becomes_that_of_the_next_job() {
        holds(|| {
            let dir = tempfile::tempdir().unwrap();
            let (one, two) = (dir.path().join("1.log"), dir.path().join("2.log"));
            let logs = Logs::default();
            let file = logs.begin(&one).unwrap();
            let first = inode(&one);
            logs.over(&one, Log::named(file));
            assert!(!one.exists());
            logs.begin(&two).unwrap().write_all(b"said").unwrap();
            assert_eq!(inode(&two), first);
            logs.end(&two);
            drop(logs);
            assert_eq!(fs::read(&two).unwrap(), b"said");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        });
    }

    #[test]
    fn a_job_that_says_nothing_in_time_has_no_log_and_one_that_does_has() {
        holds(|| {
            let dir = tempfile::tempdir().unwrap();
            let (one, two, three) =
                (dir.path().join("1.log"), dir.path().join("2.log"), dir.path().join("3.log"));
            let logs = Logs::default();
            let first = logs.begin_nameless(&one).unwrap();
            logs.over(&one, first);
            assert!(!one.exists());
            let mut second = logs.begin_nameless(&two).unwrap();
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "the file of the first");
            second.file.write_all(b"said").unwrap();
            logs.over(&two, second);
            assert_eq!(fs::read(&two).unwrap(), b"said");
            let third = logs.begin_nameless(&three).unwrap();
            logs.name_due();
            assert!(!three.exists(), "it has just begun");
            std::thread::sleep(NAMELESS);
            logs.name_due();
            assert!(three.exists());
            logs.over(&three, third);
            drop(logs);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        });
    }

    #[test]
    fn a_nameless_log_that_a_process_was_left_with_gets_its_name_and_a_removed_one_is_not_used() {
        holds(|| {
            let dir = tempfile::tempdir().unwrap();
            let (one, two) = (dir.path().join("1.log"), dir.path().join("2.log"));
            let logs = Logs::default();
            let log = logs.begin_nameless(&one).unwrap();
            let mut left_behind = log.file.try_clone().unwrap();
            logs.over(&one, log);
            assert!(one.exists(), "somebody has it open");
            left_behind.write_all(b"late").unwrap();
            drop(left_behind);
            let second = logs.begin_nameless(&two).unwrap();
            logs.over(&two, second);
            for entry in fs::read_dir(dir.path()).unwrap().flatten() {
                if entry.path() != one {
                    fs::remove_file(entry.path()).unwrap();
                }
            }
            let mut again = logs.begin_nameless(&two).unwrap();
            again.file.write_all(b"said").unwrap();
            logs.over(&two, again);
            assert_eq!(
                (fs::read(&one).unwrap(), fs::read(&two).unwrap()),
                (b"late".to_vec(), b"said".to_vec())
            );
        });
    }

    #[test]
    fn a_process_that_a_job_left_behind_writes_into_no_other_log() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("1.log"), dir.path().join("2.log"));
        let logs = Logs::default();
        let mut left_behind = logs.begin(&one).unwrap();
        logs.end(&one);
        drop(logs.begin(&two).unwrap());
        left_behind.write_all(b"late").unwrap();
        assert_eq!(fs::read(&two).unwrap(), b"");
        drop(logs);
        assert_eq!(fs::read(&one).unwrap(), b"late", "what it says is in the log of its own job");
    }

    #[test]
    fn a_log_that_somebody_had_open_for_a_moment_goes_in_the_end() {
        holds(|| {
            let dir = tempfile::tempdir().unwrap();
            let one = dir.path().join("1.log");
            let logs = Logs::default();
            let for_a_moment = logs.begin(&one).unwrap();
            logs.end(&one);
            assert!(one.exists());
            drop(for_a_moment);
            drop(logs);
            assert!(!one.exists());
        });
    }

    #[test]
    fn what_lies_at_the_place_of_a_log_is_replaced_and_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("1.log"), dir.path().join("2.log"));
        let logs = Logs::default();
        drop(logs.begin(&one).unwrap());
        logs.end(&one);
        for _ in 0..2 {
            fs::write(&two, "of an earlier attempt").unwrap();
            let mut earlier = OpenOptions::new().append(true).open(&two).unwrap();
            let log = logs.begin(&two).unwrap();
            earlier.write_all(b"late").unwrap();
            assert_eq!(log.metadata().unwrap().len(), 0);
        }
    }

    #[test]
    fn spares_that_somebody_removed_are_no_loss() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("1.log"), dir.path().join("2.log"));
        let logs = Logs::default();
        drop(logs.begin(&one).unwrap());
        logs.end(&one);
        for entry in fs::read_dir(dir.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        logs.begin(&two).unwrap().write_all(b"said").unwrap();
        assert_eq!(fs::read(&two).unwrap(), b"said");
    }
}
