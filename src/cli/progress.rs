//! What a run shows while it goes on: a live area on a terminal, plain lines elsewhere, events with `--json`.
//!
//! Built from the stream of events alone. An event only changes the state here; the live area is drawn by its own
//! thread a few times per second, so that a run of many short jobs is not slowed by its display.

use crate::output::{Output, say};
use anstyle::AnsiColor;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rulemake::report::{Narrator, printable};
use rulemake::{CancelLevel, Event, EventKind, TextStyle, report::Detail};
use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Running jobs that are shown.
const JOBS_SHOWN: usize = 8;
/// Columns beside the label of a running job: its time, and one that stays free.
const TIME_COLUMNS: usize = 12;
/// What a terminal has that does not say how wide it is; of a very narrow one the labels wrap.
const USUAL_COLUMNS: usize = 80;
const LEAST_COLUMNS: usize = 40;
const RULE_COLOURS: [AnsiColor; 5] =
    [AnsiColor::Cyan, AnsiColor::Yellow, AnsiColor::Magenta, AnsiColor::Blue, AnsiColor::Green];
const CUT: &str = "...";
const REDRAW: Duration = Duration::from_millis(120);

/// The display of one run; clones show the same.
#[derive(Clone)]
pub(crate) struct Progress {
    view: Arc<Mutex<View>>,
    /// Dropped with the last clone, which ends the drawing thread.
    _ticker: Option<Sender<()>>,
}

struct View {
    narrator: Narrator,
    running: Vec<Running>,
    live: Option<Live>,
    json: bool,
    /// An event's time, and when it came.
    clock: Option<(u64, Instant)>,
    /// Why events were lost that somebody waits for.
    lost: Option<io::Error>,
}

struct Running {
    id: u32,
    rule: String,
    label: String,
    since: Instant,
}

impl Progress {
    pub(crate) fn new(output: &Output) -> Progress {
        let live = output.live();
        let detail = match (live, output.json) {
            (true, _) => Detail::Brief,
            // Standard output tells it all; standard error keeps what went wrong.
            (_, true) => Detail::Quiet,
            _ => output.detail(),
        };
        let style = output.stderr_style();
        let view = View {
            narrator: Narrator::new(detail, style),
            running: Vec::new(),
            live: live.then(|| Live::new(style)),
            json: output.json,
            clock: None,
            lost: None,
        };
        let view = Arc::new(Mutex::new(view));
        let ticker = if live { start_ticker(view.clone()) } else { None };
        Progress { view, _ticker: ticker }
    }

    /// Takes an event of the run.
    pub(crate) fn observe(&self, event: &Event) {
        self.view().observe(event);
    }

    /// Says that the run is being stopped; `typed` is whether by a key.
    pub(crate) fn stopping(&self, level: CancelLevel, typed: bool) {
        let view = self.view();
        if let (Some(live), true) = (&view.live, typed) {
            live.step_back_over_echo();
        }
        let jobs = match view.running.len() {
            1 => "1 job".to_string(),
            n => format!("{n} jobs"),
        };
        view.print(&[match level {
            _ if view.running.is_empty() => "stopping".to_string(),
            CancelLevel::Kill => format!("killing {jobs}"),
            _ if typed => format!("stopping: {jobs} asked to end (Ctrl-C again kills them)"),
            _ => format!("stopping: {jobs} asked to end"),
        }]);
    }

    /// Removes the live area until the next event or tick draws it again. Ctrl-Z was typed.
    pub(crate) fn rest(&self) {
        if let Some(live) = &self.view().live {
            live.step_back_over_echo();
            live.clear();
        }
    }

    /// Removes the live area for good; what is printed from now on stays.
    pub(crate) fn clear(&self) {
        if let Some(live) = self.view().live.take() {
            live.clear();
        }
    }

    /// Why events did not reach standard output, if somebody may wait for them there.
    pub(crate) fn lost(&self) -> Option<io::Error> {
        self.view().lost.take()
    }

    fn view(&self) -> MutexGuard<'_, View> {
        // A panic elsewhere is reported by itself; the display goes on.
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    fn observe(&mut self, event: &Event) {
        self.clock = Some((event.time_ms, Instant::now()));
        match &event.kind {
            EventKind::JobStarted { job, message, .. } => {
                let label = message.as_deref().and_then(|m| m.lines().next()).map(str::to_string);
                let label = printable(&label.unwrap_or_else(|| job.title())).into_owned();
                // A job that is ended with another one, and is tried again with it, does not fail itself.
                self.running.retain(|r| r.id != job.id);
                let rule = job.rule.clone();
                self.running.push(Running { id: job.id, rule, label, since: Instant::now() });
            }
            EventKind::JobFinished { job, .. } | EventKind::JobSkipped { job, .. } => {
                self.running.retain(|r| r.id != job.id)
            }
            EventKind::JobFailed { failure, .. } => self.running.retain(|r| r.id != failure.job.id),
            _ => {}
        }
        let lines = self.narrator.lines(event);
        self.print(&lines);
        if self.json {
            // The run goes on all the same. When nobody reads any more, its exit code tells how it went.
            let lost = write_json(event).err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
            self.lost = self.lost.take().or(lost);
        }
    }

    fn print(&self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        match &self.live {
            Some(live) => live.above(&lines.join("\n")),
            None => say(&lines.join("\n")),
        }
    }

    fn draw(&mut self) {
        let progress = self.narrator.progress();
        let failed = self.narrator.failed();
        let now_ms = self.clock.map(|(time_ms, at)| time_ms + at.elapsed().as_millis() as u64);
        let left = now_ms.and_then(|now| self.narrator.time_left_ms(now)).map(rulemake::report::time_left);
        if let Some(live) = &mut self.live {
            live.draw(progress, tally(self.running.len(), failed, left), &self.running);
        }
    }
}

fn write_json(event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

fn start_ticker(view: Arc<Mutex<View>>) -> Option<Sender<()>> {
    let (sender, receiver) = mpsc::channel::<()>();
    let tick = move || {
        while receiver.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
            view.lock().unwrap_or_else(PoisonError::into_inner).draw();
        }
    };
    std::thread::Builder::new().name("progress".into()).spawn(tick).ok().map(|_| sender)
}

/// The live area: a line for each running job, and a bar.
struct Live {
    area: MultiProgress,
    bar: ProgressBar,
    lines: Vec<ProgressBar>,
    line_style: ProgressStyle,
    style: TextStyle,
}

impl Live {
    fn new(style: TextStyle) -> Live {
        let template = match style {
            TextStyle::Ansi => "{bar:24.green} {pos}/{len}{msg}",
            _ => "{bar:24} {pos}/{len}{msg}",
        };
        let bar_style = template_style(template).progress_chars("=> ");
        let bar = ProgressBar::no_length().with_style(bar_style);
        Live {
            area: MultiProgress::new(),
            bar,
            lines: Vec::new(),
            line_style: template_style("{wide_msg}"),
            style,
        }
    }

    fn draw(&mut self, (done, total): (usize, usize), tally: String, running: &[Running]) {
        if total == 0 {
            return;
        }
        if self.bar.length().is_none() {
            self.area.add(self.bar.clone());
        }
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(tally);
        let texts = running_lines(running, Instant::now(), label_columns(), self.style);
        while self.lines.len() < texts.len() {
            let line = ProgressBar::no_length().with_style(self.line_style.clone());
            let line = self.area.insert_before(&self.bar, line);
            self.lines.push(line);
        }
        for line in self.lines.split_off(texts.len()) {
            line.finish_and_clear();
            self.area.remove(&line);
        }
        for (line, text) in self.lines.iter().zip(texts) {
            line.set_message(text);
            line.tick();
        }
    }

    fn above(&self, text: &str) {
        self.area.suspend(|| say(text));
    }

    /// The cursor rests at the right end of the last line, so that the terminal writes the `^C` or `^Z` of the user on
    /// a line of its own, which is not known to be there when the area is removed.
    fn step_back_over_echo(&self) {
        let _ = io::stderr().lock().write_all(b"\r\x1b[2K\x1b[1A");
    }

    fn clear(&self) {
        let _ = self.area.clear();
    }
}

fn template_style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn tally(running: usize, failed: usize, left: Option<String>) -> String {
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let left = left.map(|left| format!(", {left}")).unwrap_or_default();
    format!("  {running} running{failed}{left}")
}

/// How wide the label of a running job may be, so that it stays on a line of its own.
fn label_columns() -> usize {
    let found = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0));
    found.unwrap_or(USUAL_COLUMNS).max(LEAST_COLUMNS) - TIME_COLUMNS
}

/// A line for each of the first running jobs, which are those that run longest.
fn running_lines(running: &[Running], now: Instant, columns: usize, style: TextStyle) -> Vec<String> {
    let mut lines: Vec<String> = running
        .iter()
        .take(JOBS_SHOWN)
        .map(|job| {
            let label = shortened(&job.label, columns);
            format!(
                "{:>8}  {}",
                elapsed(now.saturating_duration_since(job.since)),
                coloured(&job.rule, &label, style)
            )
        })
        .collect();
    if running.len() > JOBS_SHOWN {
        lines.push(format!("{:>8}  and {} more", "", running.len() - JOBS_SHOWN));
    }
    lines
}

/// The label with its rule's name in the colour of the rule, or all of it where it is the rule's message.
fn coloured(rule: &str, label: &str, style: TextStyle) -> String {
    if style == TextStyle::Plain {
        return label.to_string();
    }
    let sum = rule.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let colour = RULE_COLOURS[sum % RULE_COLOURS.len()].on_default();
    match label.strip_prefix(rule) {
        Some(rest) => format!("{colour}{rule}{colour:#}{rest}"),
        None => format!("{colour}{label}{colour:#}"),
    }
}

/// `label` with its middle left out when it is too long: its end tells jobs of one rule apart.
fn shortened(label: &str, columns: usize) -> String {
    let total = label.width();
    if total <= columns {
        return label.to_string();
    }
    let head = columns / 3;
    let tail = columns - head - CUT.len();
    let mut column = 0;
    let mut out = String::new();
    for c in label.chars() {
        let start = column;
        column += c.width().unwrap_or(0);
        if column > head && start <= head && !out.ends_with(CUT) {
            out.push_str(CUT);
        }
        if column <= head || start >= total - tail {
            out.push(c);
        }
    }
    out
}

fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02} h", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_longest_running_jobs_have_a_line() {
        let since = Instant::now();
        let running: Vec<Running> =
            (0..10).map(|id| Running { id, rule: "r".into(), label: format!("r o{id}"), since }).collect();
        let lines = running_lines(&running, since + Duration::from_secs(75), 68, TextStyle::Plain);
        assert_eq!(lines.len(), 9);
        assert_eq!(lines[0], "1:15 min  r o0");
        assert_eq!(lines[8], "          and 2 more");
    }

    #[test]
    fn a_long_label_keeps_its_end() {
        assert_eq!(shortened("clean a.tsv", 68), "clean a.tsv");
        let long = format!("clean {}/sample_17.tsv", "deep/".repeat(30));
        let short = shortened(&long, 68);
        assert_eq!(short.width(), 68);
        assert!(short.starts_with("clean deep/") && short.ends_with("/sample_17.tsv"), "{short}");
        assert!(shortened(&"日".repeat(60), 68).width() <= 68);
        assert_eq!(shortened(&"a".repeat(68), 68), "a".repeat(68));
    }

    #[test]
    fn the_bar_counts_running_and_failed_jobs() {
        assert_eq!(tally(3, 0, Some("about 5 min left".into())), "  3 running, about 5 min left");
        assert_eq!(tally(1, 2, None), "  1 running, 2 failed");
    }

    #[test]
    fn templates_of_the_live_area_are_sound() {
        for template in ["{bar:24.green} {pos}/{len}{msg}", "{bar:24} {pos}/{len}{msg}", "{wide_msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
