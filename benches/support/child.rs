//! Runs a program and tells what it cost.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a process and those it waited for used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// User and system time.
    pub(crate) cpu: Duration,
    /// User time alone: what the file system spends is not in it.
    pub(crate) user: Duration,
    /// The greatest resident set, in KiB.
    pub(crate) peak_kib: u64,
}

/// Runs the command to its end, its output thrown away.
///
/// # Panics
/// When it cannot be started or fails.
pub(crate) fn cost(command: &mut Command) -> Cost {
    cost_as_it_is(command.stdout(Stdio::null()).stderr(Stdio::null()))
}

/// As [`cost`], with its output where the command says.
#[expect(clippy::zombie_processes, reason = "`wait` reaps it")]
pub(crate) fn cost_as_it_is(command: &mut Command) -> Cost {
    command.stdin(Stdio::null());
    let start = Instant::now();
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (status, user, system, peak_kib) = wait(&child);
    assert_eq!(status, 0, "{command:?} failed");
    Cost { wall: start.elapsed(), cpu: user + system, user, peak_kib }
}

#[expect(unsafe_code, reason = "std does not tell what a child used")]
fn wait(child: &Child) -> (i32, Duration, Duration, u64) {
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    let mut status = 0;
    // SAFETY: both are out-parameters that live as long as the call; the child is ours and not yet waited for.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::wait4(pid, &raw mut status, 0, &raw mut usage), pid);
        usage
    };
    let time = |t: libc::timeval| Duration::from_micros((t.tv_sec * 1_000_000 + t.tv_usec) as u64);
    (status, time(usage.ru_utime), time(usage.ru_stime), usage.ru_maxrss as u64)
}
