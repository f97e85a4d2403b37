//! The logs of a run: its events as lines, for hooks and for whoever asks later what happened, and as JSON for who looks on
//! while it goes on. They are no record: no decision rests on them.

use super::Run;
use super::spot::Pace;
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
    /// What is not in words yet.
    held: Vec<Held>,
    /// What is not written yet.
    lines: String,
    events: Vec<u8>,
    files: Option<(RunLog, RunLog)>,
    written: Option<Instant>,
    /// Working memory of [`Journal::note_event`].
    json: Vec<u8>,
}

/// An event, and what was known when it came.
#[derive(Debug)]
struct Held {
    seconds: f64,
    done: usize,
    total: usize,
    event: Event,
}

/// While jobs are short, their events are written together, so often.
const SHORTLY: Duration = Duration::from_millis(20);

/// So many bytes are held back at most while events come without a pause.
const HELD_BACK: usize = 1 << 16;

/// So many events are put into words together, while each comes behind a program: what does that is not at hand then for the
/// processor.
const MOST_HELD: usize = 64;

impl Journal {
    /// From now on the logs are in these files.
    pub(super) fn open(&mut self, lines: RunLog, events: RunLog) {
        self.files = Some((lines, events));
        self.write();
    }

    fn note(&mut self, seconds: f64, lines: &[String]) {
        for (index, line) in lines.iter().enumerate() {
            match index {
                0 => self.begin_line(seconds, line),
                _ => self.lines.extend(["           ", line]),
            }
            self.lines.push('\n');
        }
    }

    fn note_started(
        &mut self,
        seconds: f64,
        title: &str,
        attempt: u32,
        reasons: &[Reason],
        texts: [&str; 2],
    ) {
        self.begin_line(seconds, "start ");
        self.lines.push_str(&printable(title));
        if attempt > 1 {
            // Into memory, which takes it.
            let _ = write!(self.lines, " (attempt {attempt})");
        }
        for (reason, before) in reasons.iter().zip([": "].into_iter().chain(std::iter::repeat("; "))) {
            self.lines.push_str(before);
            self.lines.push_str(&printable(&reason.to_string()));
        }
        self.lines.push('\n');
        for line in texts.into_iter().flat_map(printable_lines) {
            self.lines.extend(["               ", &line, "\n"]);
        }
    }

    fn note_finished(&mut self, seconds: f64, title: &str, unchanged: bool) {
        self.begin_line(seconds, "done ");
        let same = if unchanged { ", same content as before" } else { "" };
        self.lines.extend([&*printable(title), same, "\n"]);
    }

    fn begin_line(&mut self, seconds: f64, text: &str) {
        // Into memory, which takes it.
        let _ = write!(self.lines, "{seconds:>9.3}  {text}");
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
        self.put_into_words();
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

    fn put_into_words(&mut self) {
        let mut all = std::mem::take(&mut self.held);
        all.drain(..).for_each(|held| self.note_event(&held));
        self.held = all;
    }

    fn note_event(&mut self, held: &Held) {
        let Held { seconds, done, total, event } = held;
        match &event.kind {
            // Every job has these, so they are not put together first.
            EventKind::JobStarted { job, reasons, command, message, attempt, .. } => {
                let texts = [message, command].map(|text| text.as_deref().unwrap_or_default());
                self.note_started(*seconds, &job.title(), *attempt, reasons, texts);
            }
            EventKind::JobFinished { job, unchanged, .. } => {
                self.note_finished(*seconds, &job.title(), *unchanged);
            }
            kind => self.note(*seconds, &lines(kind)),
        }
        self.json.clear();
        if serde_json::to_writer(&mut self.json, event).is_ok() {
            // Into memory, which takes it.
            let _ = write!(self.events, "{{\"done\":{done},\"total\":{total},");
            self.events.extend_from_slice(self.json.get(1..).unwrap_or_default());
            self.events.push(b'\n');
        }
    }
}

impl Run<'_> {
    pub(super) fn note_in_log(&mut self, event: Event) {
        // There may be a million of them, and they say nothing of what happened; lines stand in the log of their job.
        if matches!(
            event.kind,
            EventKind::JobUpToDate { .. } | EventKind::JobOutput { .. } | EventKind::JobProgress { .. }
        ) {
            return;
        }
        // A hook reads what came before it.
        let is_for_others = matches!(event.kind, EventKind::HookStarted { .. });
        let summary = &self.summary;
        let done = summary.ran + summary.restored + summary.up_to_date + summary.failed;
        let seconds = self.elapsed().as_secs_f64();
        let held = Held { seconds, done, total: self.total, event };
        if self.spot.pace() == Pace::Quick && self.journal.held.len() < MOST_HELD {
            self.journal.held.push(held);
        } else {
            self.journal.put_into_words();
            self.journal.note_event(&held);
        }
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
        | EventKind::JobStarted { .. }
        | EventKind::JobFinished { .. } => Vec::new(),
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
