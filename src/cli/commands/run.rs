//! `rulemake [run]`: makes the targets.

use super::{Place, run_options};
use crate::args::RunArgs;
use crate::exit::{Exit, Failure};
use crate::output::{Output, say};
use crate::progress::Progress;
use crate::project::Project;
use crate::signals;
use rulemake::{CancelToken, RunReport, report};
use std::time::Instant;

/// Failures that are shown in full.
const FAILURES_SHOWN: usize = 5;

pub(crate) fn run(
    place: &Place,
    targets: &[String],
    args: &RunArgs,
    started: Instant,
) -> Result<Exit, Failure> {
    let workflow = place.load()?;
    let targets = place.targets(targets, &workflow);
    let progress = Progress::new(&place.output);
    let token = CancelToken::new();
    let observed = progress.clone();
    let mut session = place
        .session(workflow, args)
        .cancel(token.clone())
        .observer(move |event| observed.observe(event))
        .open()?;
    let caught = signals::catch(&token, &progress);
    let result = session.run(&targets, &run_options(args));
    progress.clear();
    let report = match (result, caught.first()) {
        (Ok(report), _) => report,
        // Stopped while it was still planning.
        (Err(_), Some(signal)) => return Ok(Exit::Signal(signal)),
        (Err(error), None) => return Err(place.explained(error, &targets)),
    };
    show_failures(&report, &place.project, &place.output);
    show_summary(&report, &place.output, started);
    Ok(match caught.first() {
        Some(signal) if report.cancelled => Exit::Signal(signal),
        _ if report.success() => Exit::Success,
        _ => Exit::JobFailed,
    })
}

fn show_failures(report: &RunReport, project: &Project, output: &Output) {
    let style = output.stderr_style();
    let mut gap = if output.quiet || output.json { "" } else { "\n" };
    for failure in report.failures.iter().take(FAILURES_SHOWN) {
        let rerun = match failure.job.outputs.first() {
            Some(path) => project.rerun(path, false),
            None => project.rerun(&failure.job.rule, true),
        };
        say(&format!("{gap}{}", report::failure_text(failure, Some(&rerun), style).trim_end()));
        gap = "\n";
    }
    if report.failures.len() > FAILURES_SHOWN {
        say("\nalso failed:");
    }
    for failure in report.failures.iter().skip(FAILURES_SHOWN) {
        say(&format!(
            "  {}: {}",
            report::printable(&failure.job.title()),
            report::printable(&failure.outcome)
        ));
    }
}

fn show_summary(report: &RunReport, output: &Output, started: Instant) {
    if output.quiet || output.json {
        return;
    }
    let mut summary = report.summary.clone();
    // What the user waited for: loading and planning, too.
    summary.wall_ms = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    let lead = if report.failures.is_empty() { "" } else { "\n" };
    say(&format!("{lead}{}", report::summary_text(&summary, output.stderr_style())));
}
