//! Runs a program, or a piece of work, and tells what it cost.

use std::fs;
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
    /// The greatest resident set, in KiB; of work in this process it is not known.
    pub(crate) peak_kib: Option<u64>,
    /// Bytes given to `write`, where the system tells.
    pub(crate) written: Option<u64>,
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
    give_back_memory();
    let start = Instant::now();
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (status, cost) = wait(&child, start);
    assert_eq!(status, 0, "{command:?} failed");
    cost
}

/// What `work` costs, in this process and in children that it waits for.
pub(crate) fn cost_of(work: impl FnOnce()) -> Cost {
    let (before, written) = (used(), written("self"));
    let start = Instant::now();
    work();
    let wall = start.elapsed();
    let [user, system] = [0, 1].map(|kind| used()[kind].saturating_sub(before[kind]));
    let written = self::written("self").zip(written).map(|(now, before)| now - before);
    Cost { wall, cpu: user + system, user, peak_kib: None, written }
}

#[expect(unsafe_code, reason = "std does not tell what a child used")]
fn wait(child: &Child, start: Instant) -> (i32, Cost) {
    let pid = libc::pid_t::try_from(child.id()).expect("a process id");
    let mut status = 0;
    // SAFETY: all are out-parameters that live as long as the call; the child is ours and not yet waited for.
    let (wall, written, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let mut ended: libc::siginfo_t = std::mem::zeroed();
        // What it wrote is told only as long as it is not reaped.
        libc::waitid(libc::P_PID, child.id(), &raw mut ended, libc::WEXITED | libc::WNOWAIT);
        let (wall, written) = (start.elapsed(), written(&child.id().to_string()));
        assert_eq!(libc::wait4(pid, &raw mut status, 0, &raw mut usage), pid);
        (wall, written, usage)
    };
    let [user, system] = times(&usage);
    (status, Cost { wall, cpu: user + system, user, peak_kib: Some(usage.ru_maxrss as u64), written })
}

/// Until it executes its program a child has the memory of this process, whose peak would count as its own: what is free is
/// given back, and the peak forgotten.
#[cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "std does not do it"))]
fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it touches only what is free.
    unsafe {
        libc::malloc_trim(0);
    }
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// User and system time of this process and of those it waited for.
#[expect(unsafe_code, reason = "std does not tell it")]
fn used() -> [Duration; 2] {
    [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN]
        .map(|who| {
            // SAFETY: the out-parameter lives as long as the call.
            times(&unsafe {
                let mut usage: libc::rusage = std::mem::zeroed();
                assert_eq!(libc::getrusage(who, &raw mut usage), 0);
                usage
            })
        })
        .into_iter()
        .fold([Duration::ZERO; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
}

fn times(usage: &libc::rusage) -> [Duration; 2] {
    [usage.ru_utime, usage.ru_stime].map(|t| Duration::from_micros((t.tv_sec * 1_000_000 + t.tv_usec) as u64))
}

fn written(process: &str) -> Option<u64> {
    let counters = fs::read_to_string(format!("/proc/{process}/io")).ok()?;
    counters.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok())
}
