//! Annotations and the summary page of GitHub Actions: what failed shows beside the code and on the page of the run.
//!
//! Workflow commands are lines on standard output or error; the format is in GitHub's documentation, "Workflow commands".

use crate::output::say;
use crate::project::Project;
use rulemake::{Diagnostic, JobFailure, RunReport, report};
use std::fmt::Write as _;
use std::io::Write as _;

/// GitHub shows no more of each kind in a step.
const ANNOTATIONS: usize = 10;

/// Whether this is a step of GitHub Actions.
pub(crate) fn is_there() -> bool {
    variable("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

#[expect(clippy::disallowed_methods, reason = "the command learns here who called it")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

/// Says what failed in a run, and adds its counts to the summary page.
pub(crate) fn annotate(run: &RunReport, project: &Project) {
    for failure in run.failures.iter().take(ANNOTATIONS) {
        say(&failure_line(failure, &project.rulefile.to_string_lossy()));
    }
    if let Some(page) = variable("GITHUB_STEP_SUMMARY")
        && let Ok(mut page) = std::fs::OpenOptions::new().append(true).create(true).open(page)
    {
        let _ = page.write_all(summary(run).as_bytes());
    }
}

/// Says what is wrong in the Rulefile, each at its place.
pub(crate) fn annotate_diagnostics(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics.iter().take(ANNOTATIONS) {
        say(&diagnostic_line(diagnostic));
    }
}

fn failure_line(failure: &JobFailure, rulefile: &str) -> String {
    let title = format!("{} failed: {}", failure.job.title(), failure.outcome);
    let mut text = failure.log_tail.join("\n");
    if text.is_empty() {
        text = failure.command.clone().unwrap_or_else(|| title.clone());
    }
    format!("::error file={},title={}::{}", property(rulefile), property(&title), message(&text))
}

fn diagnostic_line(diagnostic: &Diagnostic) -> String {
    let kind = match diagnostic.severity {
        rulemake::Severity::Error => "error",
        _ => "warning",
    };
    let place = diagnostic
        .labels
        .first()
        .map(|label| format!("file={},line={},col={},", property(&label.file), label.line, label.column));
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
    let mut out =
        format!("### rulemake: {}\n", report::summary_text(&run.summary, rulemake::TextStyle::Plain));
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

    #[test]
    fn texts_cannot_end_a_workflow_command() {
        assert_eq!(message("50 %\nnext"), "50 %25%0Anext");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }
}
