//! The log of a run: its events as lines, for hooks and for whoever asks later what happened. It is no record: nothing
//! reads it back.

use super::Run;
use crate::diag::style::{printable, printable_lines};
use crate::engine::event::{EventKind, SkipCause};
use crate::store::runs::RunLog;
use crate::trace::reason::Reason;

/// Lines until there is a file, then the file.
#[derive(Debug)]
pub(super) enum Journal {
    Waiting(Vec<String>),
    File(RunLog),
}

impl Default for Journal {
    fn default() -> Journal {
        Journal::Waiting(Vec::new())
    }
}

impl Journal {
    /// From now on lines go into `file`.
    pub(super) fn open(&mut self, file: RunLog) {
        if let Journal::Waiting(lines) = std::mem::replace(self, Journal::File(file)) {
            lines.iter().for_each(|line| self.write(line));
        }
    }

    fn write(&mut self, lines: &str) {
        match self {
            Journal::Waiting(waiting) => waiting.push(lines.to_string()),
            Journal::File(file) => file.write(lines),
        }
    }
}

impl Run<'_> {
    pub(super) fn note_in_log(&mut self, kind: &EventKind) {
        let lines = lines(kind);
        if lines.is_empty() {
            return;
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            match index {
                0 => text.push_str(&format!("{seconds:>9.3}  {line}\n")),
                _ => text.push_str(&format!("           {line}\n")),
            }
        }
        self.journal.write(&text);
    }
}

/// What stands in the log of an event. Jobs that are up to date do not: there may be a million of them.
fn lines(kind: &EventKind) -> Vec<String> {
    match kind {
        EventKind::RunStarted { run, jobs, .. } => vec![format!("run {run}, jobs in the plan: {jobs}")],
        EventKind::JobUpToDate { .. } => Vec::new(),
        EventKind::JobStarted { job, reasons, command, message, attempt, .. } => {
            let attempt = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            let reasons: Vec<String> = reasons.iter().map(Reason::to_string).collect();
            let first =
                format!("start {}{attempt}: {}", printable(&job.title()), printable(&reasons.join("; ")));
            let texts = [message, command].into_iter().flatten();
            [first].into_iter().chain(indented(texts.map(String::as_str))).collect()
        }
        EventKind::JobFinished { job, unchanged, .. } => {
            let same = if *unchanged { ", same content as before" } else { "" };
            vec![format!("done {}{same}", printable(&job.title()))]
        }
        EventKind::JobFailed { failure, retry } => {
            let again = if *retry { ", trying again" } else { "" };
            let (title, outcome) = (failure.job.title(), printable(&failure.outcome));
            let first = format!("FAILED {}: {outcome}{again}", printable(&title));
            let rest = failure.log_tail.iter().chain(&failure.help).map(String::as_str);
            [first].into_iter().chain(indented(rest)).collect()
        }
        EventKind::JobSkipped { job, because } => {
            let why = match because {
                SkipCause::UpstreamFailed { job } => format!("{} failed", printable(job)),
                SkipCause::PartnerFailed { job } => format!("{} failed, with which it runs", printable(job)),
                SkipCause::Drained => "another job failed".into(),
                SkipCause::Cancelled => "the run was stopped".into(),
            };
            vec![format!("skipped {}: {why}", printable(&job.title()))]
        }
        EventKind::JobReopened { job, reason, .. } => {
            vec![format!("again {}: {}", printable(&job.title()), printable(&reason.to_string()))]
        }
        EventKind::GraphExtended { after, new, .. } => {
            vec![format!("jobs added after {}: {new}", printable(&after.title()))]
        }
        EventKind::TempRemoved { path } => vec![format!("removed temporary {}", printable(path))],
        EventKind::Printed { text } => indented([text.as_str()].into_iter()).collect(),
        EventKind::HookStarted { hook } => vec![format!("start {hook}")],
        EventKind::HookFinished { hook, output, outcome } => {
            let first = match outcome {
                None => format!("done {hook}"),
                Some(outcome) => format!("FAILED {hook}: {}", printable(outcome)),
            };
            [first].into_iter().chain(indented(output.iter().map(String::as_str))).collect()
        }
        EventKind::Warning { message } => vec![format!("warning: {}", printable(message))],
        EventKind::RunFinished { summary } => vec![format!(
            "end: {} ran, {} up to date, {} failed, {} skipped, {} cancelled",
            summary.ran, summary.up_to_date, summary.failed, summary.skipped, summary.cancelled
        )],
    }
}

fn indented<'a>(texts: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    texts.flat_map(printable_lines).map(|line| format!("    {line}"))
}
