//! Exit codes, and the errors of the command itself. Scripts rely on the numbers: they never change their meaning.

use rulemake::{Error, ErrorKind};
use std::io;
use std::process::ExitCode;

/// How the command ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    Success,
    JobFailed,
    /// A check found something: the same number, since it failed just so.
    Found,
    Usage,
    Workflow,
    Plan,
    Locked,
    Environment,
    Bug,
    /// Ended by this signal.
    Signal(i32),
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::JobFailed | Exit::Found => 1,
            Exit::Usage => 2,
            Exit::Workflow => 3,
            Exit::Plan => 4,
            Exit::Locked => 5,
            Exit::Environment => 7,
            Exit::Bug => 70,
            Exit::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Exit {
        match kind {
            ErrorKind::Workflow => Exit::Workflow,
            ErrorKind::Plan => Exit::Plan,
            ErrorKind::Hook => Exit::JobFailed,
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Locked => Exit::Locked,
            ErrorKind::Environment | ErrorKind::State => Exit::Environment,
            _ => Exit::Bug,
        }
    }
}

/// The stable name of a kind, for `--json`.
pub(crate) fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Workflow => "workflow",
        ErrorKind::Plan => "plan",
        ErrorKind::Hook => "hook",
        ErrorKind::Usage => "usage",
        ErrorKind::Locked => "locked",
        ErrorKind::Environment => "environment",
        ErrorKind::State => "state",
        _ => "bug",
    }
}

/// Why a command did not come to its normal end.
#[derive(Debug)]
pub(crate) enum Failure {
    Library(Error),
    /// With a fact that only the command knows.
    Noted(Error, String),
    /// A mistake that the command itself found.
    Own {
        exit: Exit,
        message: String,
        notes: Vec<String>,
        help: Vec<String>,
    },
    /// Standard output could not be written.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure::Own { exit, message: message.into(), notes: Vec::new(), help: Vec::new() }
    }

    pub(crate) fn note(mut self, text: impl Into<String>) -> Failure {
        if let Failure::Own { notes, .. } = &mut self {
            notes.push(text.into());
        }
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Failure {
        if let Failure::Own { help, .. } = &mut self {
            help.push(text.into());
        }
        self
    }

    /// A help before the others.
    pub(crate) fn help_first(mut self, text: impl Into<String>) -> Failure {
        if let Failure::Own { help, .. } = &mut self {
            help.insert(0, text.into());
        }
        self
    }

    /// What is wrong, in a sentence.
    pub(crate) fn message(&self) -> String {
        match self {
            Failure::Library(error) | Failure::Noted(error, _) => error.to_string(),
            Failure::Own { message, .. } => message.clone(),
            Failure::Output(error) => error.to_string(),
        }
    }

    /// The mistakes that it is about, with their places.
    pub(crate) fn diagnostics(&self) -> &[rulemake::Diagnostic] {
        match self {
            Failure::Library(error) | Failure::Noted(error, _) => error.diagnostics(),
            _ => &[],
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Library(error) | Failure::Noted(error, _) => error.kind().into(),
            Failure::Own { exit, .. } => *exit,
            // `rulemake plan | head` is not an error.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
            Failure::Output(_) => Exit::Environment,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_keep_their_meaning() {
        for (exit, code) in [
            (Exit::Success, 0),
            (Exit::JobFailed, 1),
            (Exit::Usage, 2),
            (Exit::Workflow, 3),
            (Exit::Plan, 4),
            (Exit::Locked, 5),
            (Exit::Environment, 7),
            (Exit::Bug, 70),
            (Exit::Signal(2), 130),
            (Exit::Signal(15), 143),
        ] {
            assert_eq!(exit.code(), code);
        }
    }

    #[test]
    fn a_closed_pipe_is_a_success_and_a_full_disk_is_not() {
        let pipe = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!((pipe.exit(), full.exit()), (Exit::Success, Exit::Environment));
    }
}
