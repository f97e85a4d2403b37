//! The lock of a state directory: an OS lock on a file that is never deleted, so it ends with its holder however that
//! ends. The text in the file is only for the message.

use crate::base::clock;
use crate::disk::{File, OpenOptions, TryLockError};
use crate::error::{Error, ErrorKind, Result};
use crate::sys::processes::state_and_group;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

/// What to do when another run holds the lock.
#[derive(Clone, Copy)]
pub(crate) enum LockWait<'a> {
    /// Fail at once.
    Fail,
    /// Try again until it is free or the function says that the user gave up.
    Wait(&'a dyn Fn() -> bool),
}

/// Held until dropped.
pub(super) struct Lock {
    file: File,
    /// `false` on a file system without locks: two writers are then noticed by the log itself.
    pub(super) held: bool,
}

/// Closing the file would do, but a process that is being started by another thread holds a copy of it until its
/// `exec`: without the explicit unlock the next run of this program could find the lock held by nobody.
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

const RETRY: Duration = Duration::from_millis(100);
/// A reader that asks who holds the lock has it for a moment: so often, and so long after each other, a run tries
/// before it believes in another one.
const TRIES: u32 = 5;
const BRIEF: Duration = Duration::from_millis(5);

pub(super) fn acquire(state_dir: &Path, wait: LockWait<'_>, holder: &str) -> Result<Lock> {
    let path = state_dir.join("lock");
    let mut file = open(&path).map_err(|error| Error::io("open", &path, error))?;
    let mut tries = 0;
    let held = loop {
        tries += 1;
        match file.try_lock() {
            Ok(()) => break true,
            Err(TryLockError::WouldBlock) if tries < TRIES => std::thread::sleep(BRIEF),
            Err(TryLockError::WouldBlock) => match wait {
                LockWait::Fail => return Err(busy(&mut file, "").with_path(path)),
                LockWait::Wait(cancelled) if cancelled() => {
                    return Err(busy(&mut file, "stopped waiting: ").with_path(path));
                }
                LockWait::Wait(_) => std::thread::sleep(RETRY),
            },
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) if no_locks_here(&error) => break false,
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path, error)),
        }
    };
    // Who holds the lock is a courtesy to the next one: a full disk is found by the log.
    let _ = describe(&mut file, holder);
    Ok(Lock { file, held })
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn no_locks_here(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::ENOLCK) {
        return true;
    }
    error.kind() == std::io::ErrorKind::Unsupported
}

/// Who holds a lock.
pub(super) struct Holder {
    /// `pid 17 on host h since 2026-02-28 13:05:09 UTC`.
    pub(super) who: String,
    /// When it took the lock, by its own clock.
    pub(super) since_ms: u64,
}

/// As [`holder`], for other rooms: who, and since when.
pub(crate) fn lock_holder(state_dir: &Path) -> Option<(String, u64)> {
    holder(state_dir).map(|holder| (holder.who, holder.since_ms))
}

/// Who holds the lock now, if anybody does and that can be told. Writes nothing.
pub(super) fn holder(state_dir: &Path) -> Option<Holder> {
    let mut file = File::open(state_dir.join("lock")).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        Ok(()) => {
            let _ = file.unlock();
            return None;
        }
        Err(TryLockError::Error(_)) => return None,
    }
    let text = text(&mut file)?;
    let mut lines = text.lines();
    let who = lines.next()?.split(", `").next().map(printable)?;
    let since_ms = lines.next()?.strip_prefix("taken ")?.parse().ok()?;
    Some(Holder { who, since_ms })
}

/// Whether this holder was stopped, as by Ctrl-Z. Of another machine nobody can tell.
pub(crate) fn is_suspended(who: &str) -> bool {
    let Some((pid, rest)) = who.strip_prefix("pid ").and_then(|rest| rest.split_once(" on host ")) else {
        return false;
    };
    let is_here = rest.strip_prefix(&host_name()).is_some_and(|rest| rest.starts_with(" since "));
    let Ok(pid) = pid.parse::<u32>() else { return false };
    is_here && state_and_group(pid).is_some_and(|(state, _)| state == 'T')
}

fn text(file: &mut File) -> Option<String> {
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(0)).and_then(|_| file.take(4096).read_to_end(&mut text)).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn busy(file: &mut File, before: &str) -> Error {
    let holder = text(file).map(|text| printable(text.lines().next().unwrap_or_default()));
    let who = holder.filter(|who| !who.is_empty()).unwrap_or_else(|| "holder unknown".to_string());
    Error::new(ErrorKind::Locked, format!("{before}another run holds the lock of this directory: {who}"))
}

fn describe(file: &mut File, holder: &str) -> std::io::Result<()> {
    let (pid, host) = (std::process::id(), host_name());
    let taken = clock::wall_ms();
    let since = utc(taken / 1000);
    let command: String = printable(holder).chars().take(400).collect();
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(format!("pid {pid} on host {host} since {since}, `{command}`\ntaken {taken}\n").as_bytes())
}

/// What comes from a file or a command line goes to a terminal: no control characters.
fn printable(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "(unknown)".into() } else { name.trim().to_string() }
}

/// `2026-02-28 13:05:09 UTC`, by the days-to-civil algorithm for the proleptic Gregorian calendar.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_calendar_times() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_772_323_199, "2026-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }

    #[test]
    fn a_busy_lock_names_its_holder_and_ends_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let lock = acquire(dir.path(), LockWait::Fail, "rulemake run\x1b[2J all").unwrap();
        let error = acquire(dir.path(), LockWait::Fail, "other").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Locked);
        let (text, pid) = (error.to_string(), std::process::id());
        assert!(text.contains(&format!("pid {pid} on host ")), "{text}");
        assert!(text.contains("`rulemake run [2J all`"), "no escape may reach the terminal: {text:?}");
        let who = holder(dir.path()).unwrap();
        assert!(
            who.who.starts_with(&format!("pid {pid} on host ")) && who.who.ends_with(" UTC"),
            "{}",
            who.who
        );
        assert!(who.since_ms <= clock::wall_ms() && who.since_ms + 60_000 > clock::wall_ms());
        drop(lock);
        assert!(holder(dir.path()).is_none(), "a lock ends with its holder");
        assert!(acquire(dir.path(), LockWait::Fail, "other").is_ok_and(|lock| lock.held));
        assert!(dir.path().join("lock").exists());
    }

    #[test]
    fn waiting_ends_by_the_lock_or_by_giving_up() {
        let dir = tempfile::tempdir().unwrap();
        let lock = acquire(dir.path(), LockWait::Fail, "first").unwrap();
        let error = acquire(dir.path(), LockWait::Wait(&|| true), "second").err().unwrap();
        assert!(error.to_string().starts_with("stopped waiting: another run holds"), "{error}");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| acquire(dir.path(), LockWait::Wait(&|| false), "second").is_ok());
            std::thread::sleep(Duration::from_millis(30));
            drop(lock);
            assert!(waiting.join().unwrap());
        });
    }
}
