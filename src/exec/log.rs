//! The files that get what jobs print.
//!
//! Most jobs print nothing, and 100,000 quiet jobs must leave no 100,000 files. To make a file for each and to remove it is
//! what costs most of a small job on some systems: ext4 passes by inodes that were freed in the last seconds, one by one,
//! whenever it makes a file, so each job pays for all that ended just before it. So the file of a job that said nothing
//! becomes, by renaming, the file of a later one.
//!
//! Invariant: a file is passed on only when nobody else can write to it. A process that a job left behind would otherwise
//! write into the log of a stranger.

use crate::sys;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More than run at once at any time are not needed, and each holds a descriptor.
const MOST: usize = 32;

const SPARE: &str = "spare-";

/// Makes logs, and keeps those that stayed empty. They are removed when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Logs {
    spare: Mutex<Vec<Spare>>,
    /// Empty when their jobs ended, and open elsewhere: in a process that the job left behind and that may still say
    /// something, or for a moment in one that is just being started.
    watched: Mutex<Vec<PathBuf>>,
    made: AtomicU32,
}

/// An empty file that nobody else has open; no name of a log.
#[derive(Debug)]
struct Spare {
    path: PathBuf,
    file: File,
}

impl Logs {
    /// Begins a log: with nothing in it, in append mode, so that stdout and stderr do not overwrite each other.
    pub(super) fn begin(&self, path: &Path) -> io::Result<File> {
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
            self.over(log, file);
        }
    }

    /// The end of a job whose log this is: one that holds nothing goes, unless something may still come.
    pub(super) fn over(&self, log: &Path, file: File) {
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
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = log.parent()?.join(format!("{SPARE}{number}"));
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
        if number.is_some_and(|number| number.parse::<u32>().is_ok()) && empty(&entry.path()).is_some() {
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

/// Goes on with a log.
pub(super) fn go_on(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
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

    #[test]
    fn a_log_that_stayed_empty_becomes_that_of_the_next_job() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("1.log"), dir.path().join("2.log"));
        let logs = Logs::default();
        let file = logs.begin(&one).unwrap();
        let first = inode(&one);
        logs.over(&one, file);
        assert!(!one.exists());
        logs.begin(&two).unwrap().write_all(b"said").unwrap();
        assert_eq!(inode(&two), first);
        logs.end(&two);
        drop(logs);
        assert_eq!(fs::read(&two).unwrap(), b"said");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
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
        let dir = tempfile::tempdir().unwrap();
        let one = dir.path().join("1.log");
        let logs = Logs::default();
        let for_a_moment = logs.begin(&one).unwrap();
        logs.end(&one);
        assert!(one.exists());
        drop(for_a_moment);
        drop(logs);
        assert!(!one.exists());
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
