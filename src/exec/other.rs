//! The processes of one job where there are no process groups: the shell and what `taskkill` finds below it.

use crate::exec::executor::{Outcome, Signal};
use crate::exec::usage::Meter;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

pub(super) fn reap(child: &mut Child, _meter: Option<&Arc<Meter>>) -> io::Result<ExitStatus> {
    child.wait()
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    leader: u32,
}

impl Tree {
    pub(super) fn prepare(_command: &mut Command) {}

    pub(super) fn of(child: &Child) -> Tree {
        Tree { leader: child.id() }
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

    /// The number stays taken as long as `child` holds its handle.
    pub(super) fn wait_leader(self, child: &mut Child) -> io::Result<bool> {
        child.wait().map(|status| status.success())
    }
}

pub(super) fn outcome(status: ExitStatus) -> Outcome {
    match status.code() {
        Some(0) => Outcome::Success,
        Some(code) => Outcome::Exit(code),
        None => Outcome::FunctionError(format!("ended in an unknown way: {status}")),
    }
}
