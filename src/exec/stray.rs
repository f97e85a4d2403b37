//! Jobs that outlived the engine that started them, because it was killed. Knows no state: the caller says whose logs
//! to look at.
//!
//! The failure story: an engine dies by SIGKILL, its job goes on, the next run starts the same job, and both write the
//! same output; what comes out is recorded as good. So each job holds an OS lock on its log for as long as one of its
//! processes has the log open, and a run starts nothing before such locks are gone. Invariant: only processes whose
//! standard output or error is a log of a job in flight are ever signalled.

use crate::base::clock::monotonic;
use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

/// Between SIGTERM and SIGKILL.
const LINGER: Duration = Duration::from_secs(2);

/// What is not gone by then is out of reach: on another machine, or of another user.
const PATIENCE: Duration = Duration::from_secs(5);

const STEP: Duration = Duration::from_millis(50);

/// Marks the log of a job that is about to start. Its processes inherit the mark, and it ends with the last of them.
/// Where the file system has no locks there is no mark.
pub(super) fn mark(log: &File) {
    let _ = log.try_lock();
}

/// Ends the jobs that still hold one of these logs; returns how many there were. `Err`, with their number, when some
/// cannot be ended; with `wait` only after `cancelled` said that the user gave up.
pub(crate) fn end(
    logs: impl Iterator<Item = PathBuf>,
    wait: bool,
    cancelled: &dyn Fn() -> bool,
) -> Result<usize, usize> {
    let mut held: Vec<File> = logs.filter_map(open_if_held).collect();
    let count = held.len();
    let start = monotonic();
    let mut step = Duration::from_millis(1);
    if count > 0 {
        signal_holders(&held, false);
    }
    while !held.is_empty() {
        std::thread::sleep(step);
        step = STEP.min(step * 2);
        held.retain(is_held);
        if start.elapsed() > LINGER {
            signal_holders(&held, true);
        }
        if !held.is_empty() && (cancelled() || (!wait && start.elapsed() > PATIENCE)) {
            return Err(held.len());
        }
    }
    Ok(count)
}

fn open_if_held(log: PathBuf) -> Option<File> {
    // To open a pipe would wait for its other end.
    fs::symlink_metadata(&log).ok().filter(fs::Metadata::is_file)?;
    File::open(log).ok().filter(is_held)
}

fn is_held(log: &File) -> bool {
    match log.try_lock_shared() {
        Ok(()) => {
            let _ = log.unlock();
            false
        }
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => false,
    }
}

/// Signals the groups of all processes that write to one of these logs, as far as the system tells which they are.
#[cfg(target_os = "linux")]
fn signal_holders(logs: &[File], kill: bool) {
    use crate::sys::signal_group;
    use std::os::unix::fs::MetadataExt;

    let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let wanted: Vec<_> = logs.iter().filter_map(|log| log.metadata().ok().map(identity)).collect();
    let Ok(entries) = fs::read_dir("/proc") else { return };
    let own = group_of(&PathBuf::from("/proc/self"));
    let mut groups: Vec<u32> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .map(|entry| entry.path())
        .filter(|process| {
            let opened = ["fd/1", "fd/2"].map(|fd| fs::metadata(process.join(fd)).ok().map(identity));
            opened.into_iter().flatten().any(|file| wanted.contains(&file))
        })
        .filter_map(|process| group_of(&process))
        .filter(|group| Some(*group) != own)
        .collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        let signal = if kill { libc::SIGKILL } else { libc::SIGTERM };
        let _ = signal_group(group, signal);
        // A stopped process takes no SIGTERM until it goes on.
        let _ = signal_group(group, libc::SIGCONT);
    }
}

/// There is no way to tell; they are waited for.
#[cfg(not(target_os = "linux"))]
fn signal_holders(_logs: &[File], _kill: bool) {}

/// `pid (name) state parent group …`, and the name may hold anything.
#[cfg(target_os = "linux")]
fn group_of(process: &std::path::Path) -> Option<u32> {
    let stat = fs::read(process.join("stat")).ok()?;
    let after_name = stat.iter().rposition(|b| *b == b')')?;
    let rest = String::from_utf8_lossy(stat.get(after_name + 1..)?).into_owned();
    rest.split_ascii_whitespace().nth(2)?.parse().ok()
}
