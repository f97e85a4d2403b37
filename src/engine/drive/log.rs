//! The logs of a run: its events as lines, for hooks and for whoever asks later what happened, and as JSON for who looks on
//! while it goes on. They are no record: no decision rests on them.

use super::Run;
use crate::base::clock::monotonic;
use crate::diag::style::{printable, printable_lines};
use crate::engine::event::{Event, EventKind, SkipCause};
use crate::store::runs::RunLog;
use crate::trace::reason::Reason;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// What happened, and where it is written once there are files.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// What is not written yet.
    lines: String,
    events: Vec<u8>,
    /// Working memory of [`Run::note_in_log`].
    json: Vec<u8>,
    files: Option<(RunLog, RunLog)>,
    written: Option<Instant>,
}

/// While jobs are short, their events are written together, so often.
const SHORTLY: Duration = Duration::from_millis(5);

/// So much is held back at most while events come without a pause.
const HELD_BACK: usize = 1 << 16;

impl Journal {
    /// From now on the logs are in these files.
    pub(super) fn open(&mut self, lines: RunLog, events: RunLog) {
        self.files = Some((lines, events));
        self.write();
    }

    fn note(&mut self, seconds: f64, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            // Into memory, which takes it.
            let _ = match index {
                0 => writeln!(self.lines, "{seconds:>9.3}  {line}"),
                _ => writeln!(self.lines, "           {line}"),
            };
        }
    }

    fn note_finished(&mut self, seconds: f64, title: &str, unchanged: bool) {
        let same = if unchanged { ", same content as before" } else { "" };
        let _ = writeln!(self.lines, "{seconds:>9.3}  done {}{same}", printable(title));
    }

    /// As [`Journal::write`], unless that was done just now. Who does not sleep before calls it again.
    pub(super) fn write_shortly(&mut self) {
        if self.written.is_none_or(|last| last.elapsed() >= SHORTLY) {
            self.write();
        }
    }

    /// Writes what was held back.
    pub(super) fn write(&mut self) {
        self.written = Some(monotonic());
        if let Some((lines, events)) = &mut self.files {
            if !self.lines.is_empty() {
                lines.write(self.lines.as_bytes());
                self.lines.clear();
            }
            if !self.events.is_empty() {
                events.write(&self.events);
                self.events.clear();
            }
        }
    }
}

impl Run<'_> {
    pub(super) fn note_in_log(&mut self, event: &Event) {
        // There may be a million of them, and they say nothing of what happened; lines stand in the log of their job.
        if matches!(
            event.kind,
            EventKind::JobUpToDate { .. } | EventKind::JobOutput { .. } | EventKind::JobProgress { .. }
        ) {
            return;
        }
        let seconds = self.elapsed().as_secs_f64();
        match &event.kind {
            // Every job has one, so it is not put together first.
            EventKind::JobFinished { job, unchanged, .. } => {
                self.journal.note_finished(seconds, &job.title(), *unchanged);
            }
            kind => self.journal.note(seconds, &lines(kind)),
        }
        self.journal.json.clear();
        if serde_json::to_writer(&mut self.journal.json, event).is_err() {
            return;
        }
        let summary = &self.summary;
        let done = summary.ran + summary.restored + summary.up_to_date + summary.failed;
        let Journal { events, json, .. } = &mut self.journal;
        // Into memory, which takes it.
        let _ = write!(events, "{{\"done\":{done},\"total\":{},", self.total);
        events.extend_from_slice(json.get(1..).unwrap_or_default());
        events.push(b'\n');
        // A hook reads what came before it.
        let is_for_others = matches!(event.kind, EventKind::HookStarted { .. });
        if is_for_others || self.journal.events.len() > HELD_BACK {
            self.journal.write();
        }
    }
}

/// What stands in the log of an event. Jobs that are up to date do not: there may be a million of them.
fn lines(kind: &EventKind) -> Vec<String> {
    match kind {
        EventKind::RunStarted { run, jobs, .. } => vec![format!("run {run}, jobs in the plan: {jobs}")],
        EventKind::JobUpToDate { .. }
        | EventKind::JobOutput { .. }
        | EventKind::JobProgress { .. }
        | EventKind::JobFinished { .. } => Vec::new(),
        EventKind::JobStarted { job, reasons, command, message, attempt, .. } => {
            let attempt = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            let reasons: Vec<String> = reasons.iter().map(Reason::to_string).collect();
            let first =
                format!("start {}{attempt}: {}", printable(&job.title()), printable(&reasons.join("; ")));
            let texts = [message, command].into_iter().flatten();
            [first].into_iter().chain(indented(texts.map(String::as_str))).collect()
        }
        EventKind::JobRestored { job, reasons, unchanged, .. } => {
            let same = if *unchanged { ", same content as before" } else { "" };
            let reasons: Vec<String> = reasons.iter().map(Reason::to_string).collect();
            vec![format!("restored {}{same}: {}", printable(&job.title()), printable(&reasons.join("; ")))]
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
            "end: {} ran, {} restored, {} up to date, {} failed, {} skipped, {} cancelled",
            summary.ran,
            summary.restored,
            summary.up_to_date,
            summary.failed,
            summary.skipped,
            summary.cancelled
        )],
    }
}

fn indented<'a>(texts: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    texts.flat_map(printable_lines).map(|line| format!("    {line}"))
}
