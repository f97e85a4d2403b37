//! Annotations and the summary page of GitHub Actions: what failed shows beside the code and on the page of the run.
//!
//! Workflow commands are lines on standard output or error; the format is in GitHub's documentation, "Workflow commands".

use crate::output::write_line;
use crate::project::{Project, lexical};
use rulemake::{Diagnostic, JobFailure, Label, RunReport, report};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// GitHub shows no more of each kind in a step.
const ANNOTATIONS: usize = 10;

/// Characters of a message: the log has all of it.
const MESSAGE_SHOWN: usize = 4_000;

/// Whether this is a step of GitHub Actions.
pub(crate) fn is_there() -> bool {
    variable("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

#[expect(clippy::disallowed_methods, reason = "the command learns here who called it")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// Whether the runner takes a line for a command, in its new or its old way of writing them.
fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("::") || line.contains("##[")
}

/// A text as it can be shown to the runner, which obeys nothing of what a job, a rule or a Rulefile says.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !is_there() || !text.split(['\n', '\r']).any(is_command) {
        return text.into();
    }
    // Nobody may foresee it, or a log could end the quotation.
    let number = || std::hash::RandomState::new().build_hasher().finish();
    let token = format!("rulemake-{:016x}{:016x}", number(), number());
    format!("::stop-commands::{token}\n{text}\n::{token}::").into()
}

/// The same of whole lines.
pub(crate) fn shown_in_lines(text: &str) -> Cow<'_, str> {
    match shown(text.strip_suffix('\n').unwrap_or(text)) {
        Cow::Borrowed(_) => text.into(),
        Cow::Owned(shown) => (shown + "\n").into(),
    }
}

/// Says what failed in a run, and adds its counts to the summary page. `place_of` tells where a rule is written.
pub(crate) fn annotate(run: &RunReport, project: &Project, place_of: impl Fn(&str) -> Option<Label>) {
    let files = Files::find(project.here());
    for failure in run.failures.iter().take(ANNOTATIONS) {
        let place = place_of(&failure.job.rule);
        let (file, line) = match &place {
            Some(label) => (files.of(Path::new(&label.file)), Some(label.line)),
            None => (files.of(&project.rulefile), None),
        };
        write_line(&failure_line(failure, &file, line));
    }
    if let Some(page) = variable("GITHUB_STEP_SUMMARY")
        && let Ok(mut page) = std::fs::OpenOptions::new().append(true).create(true).open(page)
    {
        let _ = page.write_all(summary(run).as_bytes());
    }
}

/// Says what is wrong in the Rulefile, each at its place.
pub(crate) fn annotate_diagnostics(diagnostics: &[Diagnostic]) {
    #[expect(clippy::disallowed_methods, reason = "messages name files from where the command was started")]
    let files = Files::find(&std::env::current_dir().unwrap_or_default());
    // The worst first, for not all of them are shown.
    let is_error = |diagnostic: &&Diagnostic| diagnostic.severity == rulemake::Severity::Error;
    for diagnostic in diagnostics.iter().filter(is_error).take(ANNOTATIONS) {
        write_line(&diagnostic_line(diagnostic, &files));
    }
    for diagnostic in diagnostics.iter().filter(|diagnostic| !is_error(diagnostic)).take(ANNOTATIONS) {
        write_line(&diagnostic_line(diagnostic, &files));
    }
}

/// How GitHub calls files: from the checkout, wherever the step runs.
struct Files {
    here: PathBuf,
    workspace: Option<PathBuf>,
}

impl Files {
    fn find(here: &Path) -> Files {
        Files { here: here.to_path_buf(), workspace: variable("GITHUB_WORKSPACE").map(PathBuf::from) }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a step may reach the checkout by another name than the runner's"
    )]
    fn of(&self, file: &Path) -> String {
        let path = lexical(&self.here.join(file));
        let inside = |workspace: &PathBuf| {
            let real = || Some((path.canonicalize().ok()?, workspace.canonicalize().ok()?));
            path.strip_prefix(workspace).map(Path::to_path_buf).ok().or_else(|| {
                let (path, workspace) = real()?;
                path.strip_prefix(workspace).map(Path::to_path_buf).ok()
            })
        };
        let inside = self.workspace.as_ref().and_then(inside);
        inside.as_deref().unwrap_or(file).to_string_lossy().into_owned()
    }
}

fn failure_line(failure: &JobFailure, file: &str, line: Option<u32>) -> String {
    let title = format!("{} failed: {}", failure.job.title(), failure.outcome);
    let mut text = failure.log_tail.join("\n");
    if text.is_empty() {
        text = failure.command.clone().unwrap_or_else(|| title.clone());
    }
    if let Some((at, _)) = text.char_indices().nth(MESSAGE_SHOWN) {
        text.replace_range(at.., " ...");
    }
    let line = line.map(|line| format!(",line={line}")).unwrap_or_default();
    format!("::error file={}{line},title={}::{}", property(file), property(&title), message(&text))
}

fn diagnostic_line(diagnostic: &Diagnostic, files: &Files) -> String {
    let kind = match diagnostic.severity {
        rulemake::Severity::Error => "error",
        _ => "warning",
    };
    let place = diagnostic.labels.first().map(|label| {
        let file = files.of(Path::new(&label.file));
        format!("file={},line={},col={},", property(&file), label.line, label.column)
    });
    let place = place.unwrap_or_default();
    format!("::{kind} {place}title={}::{}", property(&diagnostic.code), message(&diagnostic.message))
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

fn summary(run: &RunReport) -> String {
    let mut out = format!(
        "### rulemake: {}\n",
        report::summary_text(&run.summary, report::Detail::Normal, rulemake::TextStyle::Plain)
    );
    if !run.failures.is_empty() {
        out.push_str("\n| failed | why |\n|---|---|\n");
    }
    let cell = |text: &str| text.replace('|', "\\|").replace(['\n', '\r'], " ");
    for failure in &run.failures {
        let _ = writeln!(out, "| {} | {} |", cell(&failure.job.title()), cell(&failure.outcome));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub knows files by their place in the checkout, and a step may run anywhere.
    #[test]
    fn files_are_named_from_the_checkout() {
        let files = |here: &str, workspace: Option<&str>| Files {
            here: here.into(),
            workspace: workspace.map(PathBuf::from),
        };
        for (here, workspace, file, named) in [
            ("/ws/sub", Some("/ws"), "Rulefile", "sub/Rulefile"),
            ("/ws/sub/deep", Some("/ws"), "../Rulefile", "sub/Rulefile"),
            ("/ws", Some("/ws"), "/ws/a/Rulefile", "a/Rulefile"),
            ("/elsewhere", Some("/ws"), "Rulefile", "Rulefile"),
            ("/ws/sub", None, "Rulefile", "Rulefile"),
        ] {
            assert_eq!(files(here, workspace).of(Path::new(file)), named, "{here} {file}");
        }
    }

    #[test]
    fn texts_cannot_end_a_workflow_command() {
        assert_eq!(message("50 %\nnext"), "50 %25%0Anext");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }
}
