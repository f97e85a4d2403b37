//! L0: the one error type of the public interface.
//!
//! A job that fails is not an `Error`: it is data in the run's report. An `Error` means that rulemake could
//! not do its own work, and says whose turn it is: the author's (Rulefile, target), the machine's (disk, lock),
//! or ours (bug).

use crate::diag::render::push_headline;
use crate::diag::style::{Role, TextStyle};
use crate::diag::{Diagnostic, Problem, SourceMap};
use std::path::{Path, PathBuf};

/// Shorthand for results of this crate.
///
/// ```
/// fn names(path: &str) -> rulemake::Result<Vec<String>> {
///     let workflow = rulemake::Workflow::load(path)?;
///     Ok(workflow.rules().map(|rule| rule.name().to_string()).collect())
/// }
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, by whose turn it is.
///
/// ```
/// use rulemake::{Error, ErrorKind};
/// fn exit_code(error: &Error) -> u8 {
///     match error.kind() {
///         ErrorKind::Workflow | ErrorKind::Plan | ErrorKind::Usage => 2,
///         ErrorKind::Bug => 70,
///         _ => 3,
///     }
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The Rulefile or the built workflow is wrong; see [`Error::diagnostics`].
    Workflow,
    /// A target is unknown, or the plan for it cannot be made: missing input, cycle, ambiguity.
    Plan,
    /// The code of `onstart:` failed, so no job was started.
    Hook,
    /// An option or an argument has a value that cannot be used.
    Usage,
    /// Another run holds the lock of this directory.
    Locked,
    /// The machine refused: a file could not be read or written, a disk is full, a program is missing.
    Environment,
    /// The state directory was written by a newer rulemake.
    State,
    /// A broken invariant of rulemake itself; please report it.
    Bug,
}

/// Nobody reads more at once, and a loop can make a million.
const MOST_PROBLEMS: usize = 50;

impl ErrorKind {
    /// The code of a diagnostic that has no better one.
    fn code(self) -> &'static str {
        match self {
            ErrorKind::Workflow => "workflow",
            ErrorKind::Plan => "plan",
            ErrorKind::Hook => "hook",
            ErrorKind::Usage => "usage",
            ErrorKind::Locked => "locked",
            ErrorKind::Environment => "environment",
            ErrorKind::State => "state",
            ErrorKind::Bug => "bug",
        }
    }
}

/// Why rulemake could not do its work.
///
/// ```
/// let error = rulemake::Workflow::load("no/such/Rulefile").unwrap_err();
/// assert_eq!(error.kind(), rulemake::ErrorKind::Environment);
/// assert!(error.to_string().contains("no/such/Rulefile"));
/// ```
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Inner>);

/// As it is rendered for people: that is what a `main` that returns it prints.
impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.render(TextStyle::Plain).trim_end())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Inner {
    kind: ErrorKind,
    message: String,
    path: Option<PathBuf>,
    diagnostics: Vec<Diagnostic>,
    printed: Vec<String>,
    #[source]
    source: Option<std::io::Error>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        let message = message.into();
        Error(Box::new(Inner {
            kind,
            message,
            path: None,
            diagnostics: Vec::new(),
            printed: Vec::new(),
            source: None,
        }))
    }

    /// An operation on a file failed: `cannot open data/x.csv: permission denied`.
    pub(crate) fn io(doing: &str, path: &Path, source: std::io::Error) -> Error {
        // `File exists (os error 17)`: the number helps nobody.
        let text = source.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        let mut error =
            Error::new(ErrorKind::Environment, format!("cannot {doing} {}: {text}", path.display()));
        error.0.path = Some(path.to_path_buf());
        error.0.source = Some(source);
        error
    }

    /// Mistakes of the author, with their places. The message is that of the first.
    pub(crate) fn problems(kind: ErrorKind, problems: &[Problem], sources: &SourceMap) -> Error {
        let message = problems.first().map_or_else(|| "the workflow is wrong".into(), |p| p.message.clone());
        let mut error = Error::new(kind, message);
        let more = problems.len().saturating_sub(MOST_PROBLEMS);
        let shown = if more > 1 { &problems[..MOST_PROBLEMS] } else { problems };
        error.0.diagnostics = shown.iter().map(|p| p.resolve(sources)).collect();
        if more > 1 {
            let rest = Problem::error("more-mistakes", format!("there are {more} more mistakes"));
            error.0.diagnostics.push(rest.resolve(sources));
        }
        error
    }

    pub(crate) fn with_printed(mut self, printed: Vec<String>) -> Error {
        self.0.printed = printed;
        self
    }

    pub(crate) fn with_path(mut self, path: impl Into<PathBuf>) -> Error {
        self.0.path = Some(path.into());
        self
    }

    /// Adds what to do next, as a diagnostic without a place.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Error {
        let problem = Problem::error(self.0.kind.code(), self.0.message.clone()).help(help);
        self.0.diagnostics = vec![problem.resolve(&SourceMap::default())];
        self
    }

    /// The kind, for a decision by a program.
    ///
    /// ```
    /// let error = rulemake::Workflow::parse("Rulefile", "rule a").unwrap_err();
    /// assert_eq!(error.kind(), rulemake::ErrorKind::Workflow);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code of the first mistake, or of the kind where there is none: stable, in kebab-case.
    ///
    /// ```
    /// let error = rulemake::Workflow::parse("Rulefile", "rule a:\n    output: 'x'\n").unwrap_err();
    /// assert_eq!(error.code(), "no-action");
    /// let error = rulemake::Workflow::load("no/such/Rulefile").unwrap_err();
    /// assert_eq!(error.code(), "environment");
    /// ```
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.diagnostics.first().map_or(self.0.kind.code(), |first| &first.code)
    }

    /// The mistakes in the workflow or plan, with their places; empty for other kinds.
    ///
    /// ```
    /// let error = rulemake::Workflow::parse("Rulefile", "rule a").unwrap_err();
    /// assert_eq!(error.diagnostics()[0].labels[0].line, 1);
    /// ```
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// The file or directory that the error is about.
    ///
    /// ```
    /// let error = rulemake::Workflow::load("no/such/Rulefile").unwrap_err();
    /// assert!(error.path().is_some_and(|path| path.ends_with("Rulefile")));
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// What `print` wrote before the load of the Rulefile failed, in order.
    ///
    /// ```
    /// let text = "print('so far')\nrule a:\n    shel: 'true'\n";
    /// let error = rulemake::Workflow::parse("Rulefile", text).unwrap_err();
    /// assert_eq!(error.printed(), ["so far"]);
    /// ```
    #[must_use]
    pub fn printed(&self) -> &[String] {
        &self.0.printed
    }

    /// The error as text for people: all its diagnostics with excerpts of the source, or its one message.
    ///
    /// ```
    /// let error = rulemake::Workflow::load("no/such/Rulefile").unwrap_err();
    /// assert!(error.render(rulemake::TextStyle::Plain).contains("no/such/Rulefile"));
    /// ```
    #[must_use]
    pub fn render(&self, style: TextStyle) -> String {
        if self.0.diagnostics.is_empty() {
            let mut out = String::new();
            push_headline(&mut out, "error", Role::Error, &self.0.message, style);
            return out;
        }
        let rendered: Vec<String> = self.0.diagnostics.iter().map(|d| d.render(style)).collect();
        rendered.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_diagnostics_renders_its_message() {
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = Error::io("open", Path::new("data/x.csv"), source);
        assert_eq!(error.render(TextStyle::Plain), "error: cannot open data/x.csv: permission denied\n");
    }

    #[test]
    fn all_diagnostics_are_rendered_with_an_empty_line_between() {
        let problems = [Problem::error("a", "first"), Problem::warning("b", "second").help("h")];
        let error = Error::problems(ErrorKind::Workflow, &problems, &SourceMap::default());
        assert_eq!(error.render(TextStyle::Plain), "error[a]: first\n\nwarning[b]: second\n  = help: h\n");
    }
}
