//! The processes of one job on Unix: a process group.

use crate::exec::executor::{Outcome, Signal};
use crate::exec::usage::Meter;
use crate::sys;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

/// The process that leads a group: the number is its own until it is reaped.
#[derive(Debug)]
pub(super) struct Leader(pub(super) u32);

impl Leader {
    pub(super) fn id(&self) -> u32 {
        self.0
    }

    #[cfg(target_os = "linux")]
    pub(super) fn ends_within(&self, patience: Duration) -> bool {
        sys::ends_within(self.0, patience)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn ends_within(&self, _: Duration) -> bool {
        false
    }
}

/// Reaps a child that has ended; with a meter also what it and its descendants used.
pub(super) fn reap(leader: &mut Leader, meter: Option<&Arc<Meter>>) -> io::Result<ExitStatus> {
    let (status, used) = sys::reap_with_usage(leader.0)?;
    if let Some(meter) = meter {
        meter.used(used.cpu, used.max_rss_bytes);
    }
    Ok(ExitStatus::from_raw(status))
}

/// A job's process group; its leader is the shell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    leader: u32,
}

impl Tree {
    pub(super) fn of(leader: &Leader) -> Tree {
        Tree { leader: leader.0 }
    }

    /// Signals all members. Members that are gone are no error.
    pub(super) fn signal(self, signal: Signal) {
        let _ = sys::signal_group(self.leader, signal.number());
        if signal == Signal::Terminate {
            // A stopped process takes no SIGTERM until it goes on.
            let _ = sys::signal_group(self.leader, libc::SIGCONT);
        }
    }

    /// Stops all members, or lets them go on.
    pub(super) fn freeze(self, stop: bool) {
        let _ = sys::signal_group(self.leader, if stop { libc::SIGSTOP } else { libc::SIGCONT });
    }

    /// Whether members run, after the leader was reaped.
    pub(super) fn has_members(self) -> bool {
        let none =
            matches!(sys::signal_group(self.leader, 0), Err(e) if e.raw_os_error() == Some(libc::ESRCH));
        !none && !only_zombies(self.leader)
    }

    /// Waits for the end of the leader; tells whether it succeeded. It is not reaped: its number, and with it
    /// the group's, stays taken.
    pub(super) fn wait_leader(self, _leader: &mut Leader) -> io::Result<bool> {
        sys::wait_unreaped(self.leader)
    }
}

/// Whether all members of a group are dead and only wait to be reaped, which in a container can take for ever.
/// `false` where there is no `/proc` to tell.
fn only_zombies(group: u32) -> bool {
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    let mut found = false;
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        // `pid (name) state parent group …`, and the name may hold anything.
        let Ok(stat) = fs::read(entry.path().join("stat")) else { continue };
        let Some(after_name) = stat.iter().rposition(|b| *b == b')') else { continue };
        let rest = String::from_utf8_lossy(&stat[after_name + 1..]);
        let mut fields = rest.split_ascii_whitespace();
        if let (Some(state), Some(_), Some(Ok(in_group))) =
            (fields.next(), fields.next(), fields.next().map(str::parse::<u32>))
            && in_group == group
        {
            if !matches!(state, "Z" | "X") {
                return false;
            }
            found = true;
        }
    }
    found
}

pub(super) fn outcome(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(0), _) => Outcome::Success,
        (Some(code), _) => Outcome::Exit(code),
        (None, Some(signal)) => Outcome::Signal(signal),
        (None, None) => Outcome::FunctionError(format!("ended in an unknown way: {status}")),
    }
}
