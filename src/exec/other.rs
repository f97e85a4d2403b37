//! The processes of one job where there are no process groups: the shell and what `taskkill` finds below it.

use crate::exec::executor::{Outcome, Signal};
use crate::exec::usage::Meter;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The first process of a job: its handle keeps the number taken.
#[derive(Debug)]
pub(super) struct Leader(pub(super) Child);

impl Leader {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(super) fn ends_within(&self, _: Duration) -> bool {
        false
    }
}

pub(super) fn reap(leader: &mut Leader, _meter: Option<&Arc<Meter>>) -> io::Result<ExitStatus> {
    leader.0.wait()
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    leader: u32,
}

impl Tree {
    pub(super) fn of(leader: &Leader) -> Tree {
        Tree { leader: leader.id() }
    }

    /// There is no gentle way: both signals kill.
    pub(super) fn signal(self, _signal: Signal) {
        let _ = Command::new("taskkill")
            .args(["/T", "/F", "/PID", &self.leader.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }

    /// Nobody asks for it here.
    pub(super) fn freeze(self, _stop: bool) {}

    pub(super) fn has_members(self) -> bool {
        false
    }

    /// The number stays taken as long as the handle is held.
    pub(super) fn wait_leader(self, leader: &mut Leader) -> io::Result<bool> {
        leader.0.wait().map(|status| status.success())
    }
}

pub(super) fn outcome(status: ExitStatus) -> Outcome {
    match status.code() {
        Some(0) => Outcome::Success,
        Some(code) => Outcome::Exit(code),
        None => Outcome::FunctionError(format!("ended in an unknown way: {status}")),
    }
}
