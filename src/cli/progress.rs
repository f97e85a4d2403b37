//! What a run shows while it goes on: a live area on a terminal, plain lines elsewhere, events with `--json`.
//!
//! Built from the stream of events alone. An event only changes the state here; the live area is drawn by its own
//! thread a few times per second, so that a run of many short jobs is not slowed by its display.

use crate::live::{Live, Size};
use crate::output::{Output, say};
use crate::transfers::Transfers;
use anstyle::AnsiColor;
use rulemake::report::{Narrator, printable};
use rulemake::{CancelLevel, Event, EventKind, JobInfo, TextStyle, report::Detail};
use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Running jobs that are shown, where the terminal is high enough.
const JOBS_SHOWN: usize = 8;
/// Rows of the terminal that are left for others: one for the bar, one for what was said last.
const OTHER_ROWS: usize = 2;
/// Columns beside the label of a running job: its time, and one that stays free.
const TIME_COLUMNS: usize = 12;
/// With fewer columns for it a label tells nothing.
const LEAST_LABEL: usize = 12;
/// Columns of the bar, and with how few it still tells something.
const BAR_COLUMNS: usize = 24;
const LEAST_BAR: usize = 6;
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
    style: TextStyle,
    drawn: Instant,
    json: bool,
    /// What goes between the cache and the place that others share.
    transfers: Option<Transfers>,
    /// An event's time, and when it came.
    clock: Option<(u64, Instant)>,
    /// Why events were lost that somebody waits for.
    lost: Option<io::Error>,
}

struct Running {
    id: u32,
    rule: String,
    label: String,
    /// What tells it from others of its rule, where the label is its title and too long.
    wildcards: Option<String>,
    /// The values in that.
    values: Vec<String>,
    since: Instant,
}

impl Progress {
    pub(crate) fn new(output: &Output) -> Progress {
        let live = output.live();
        let detail = match (live, output.json) {
            // Also what is told without a terminal when more was asked for.
            (true, _) if output.verbose == 0 => Detail::Brief,
            // Standard output tells it all; standard error keeps what went wrong.
            (_, true) => Detail::Quiet,
            _ => output.detail(),
        };
        let style = output.stderr_style();
        let view = View {
            narrator: Narrator::new(detail, style),
            running: Vec::new(),
            live: live.then(Live::new),
            style,
            drawn: Instant::now(),
            json: output.json,
            transfers: None,
            clock: None,
            lost: None,
        };
        let view = Arc::new(Mutex::new(view));
        let ticker = if live { start_ticker(view.clone()) } else { None };
        let progress = Progress { view, _ticker: ticker };
        if progress._ticker.is_none() {
            progress.clear();
        }
        progress
    }

    /// Takes an event of the run.
    pub(crate) fn observe(&self, event: &Event) {
        self.view().observe(event);
    }

    /// Shows what goes between the cache and the place that others share, too.
    pub(crate) fn with_transfers(&self, transfers: Option<Transfers>) {
        self.view().transfers = transfers;
    }

    /// Says that the run is being stopped; `typed` is whether by a key.
    pub(crate) fn stopping(&self, level: CancelLevel, typed: bool) {
        let mut view = self.view();
        let jobs = match view.running.len() {
            1 => "1 job".to_string(),
            n => format!("{n} jobs"),
        };
        let text = match level {
            _ if view.running.is_empty() => "stopping".to_string(),
            CancelLevel::Kill => format!("killing {jobs}"),
            _ if typed => format!("stopping: {jobs} asked to end (Ctrl-C again kills them)"),
            _ => format!("stopping: {jobs} asked to end"),
        };
        view.print(&[text]);
    }

    /// Removes the live area until [`Progress::go_on`]. Ctrl-Z was typed.
    pub(crate) fn rest(&self) {
        if let Some(live) = &mut self.view().live {
            live.rest();
        }
    }

    pub(crate) fn go_on(&self) {
        if let Some(live) = &mut self.view().live {
            live.go_on();
        }
    }

    /// Removes the live area for good; what is printed from now on stays.
    pub(crate) fn clear(&self) {
        if let Some(mut live) = self.view().live.take() {
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
                let since = Instant::now();
                // A job that is ended with another one, and is tried again with it, does not fail itself.
                self.running.retain(|r| r.id != job.id);
                self.running.push(match self.live.is_some() {
                    true => Running::new(job, message.as_deref(), since),
                    // It is only counted.
                    false => Running::unseen(job.id, since),
                });
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

    fn print(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let Some(live) = &mut self.live else {
            return say(&lines.join("\n"));
        };
        live.above(lines);
        // Many lines in a moment are shown together.
        if self.drawn.elapsed() >= REDRAW {
            self.draw();
        }
    }

    fn draw(&mut self) {
        let progress = self.narrator.progress();
        let failed = self.narrator.failed();
        let now_ms = self.clock.map(|(time_ms, at)| time_ms + at.elapsed().as_millis() as u64);
        let left = now_ms.and_then(|now| self.narrator.time_left_ms(now)).map(rulemake::report::time_left);
        let moved = self.transfers.as_mut().and_then(Transfers::now);
        let Some(live) = self.live.as_mut() else { return };
        self.drawn = Instant::now();
        if !live.is_ready() {
            return;
        }
        // Before there is something to count there is nothing to show.
        if progress.1 == 0 {
            return live.draw(&[]);
        }
        let counts = Counts { progress, running: self.running.len(), failed, moved, left };
        let size = live.size();
        let mut lines = running_lines(&self.running, self.drawn, size, self.style);
        lines.push(bar_line(&counts, size.columns, self.style));
        live.draw(&lines);
    }
}

impl Running {
    fn new(job: &JobInfo, message: Option<&str>, since: Instant) -> Running {
        let message = message.and_then(|message| message.lines().next());
        let label = printable(message.unwrap_or(&job.title())).into_owned();
        let values: Vec<String> =
            job.wildcards.iter().map(|(_, value)| printable(value).into_owned()).collect();
        let named: Vec<String> =
            job.wildcards.iter().map(|(name, value)| format!("{name}={}", printable(value))).collect();
        let is_title = message.is_none() && !values.is_empty();
        let wildcards = is_title.then(|| format!("{} {}", printable(&job.rule), named.join(", ")));
        Running { id: job.id, rule: job.rule.clone(), label, wildcards, values, since }
    }

    /// Of a job that is not shown.
    fn unseen(id: u32, since: Instant) -> Running {
        let (rule, label) = (String::new(), String::new());
        Running { id, rule, label, wildcards: None, values: Vec::new(), since }
    }

    /// The label in so many columns, and whether all that tells the job from others of its rule is left of it.
    fn short_label(&self, columns: usize) -> (String, bool) {
        if self.label.width() <= columns {
            return (self.label.clone(), true);
        }
        let short = shortened(&self.label, columns);
        let tells =
            self.values.iter().all(|value| short.split(CUT).any(|part| part.contains(value.as_str())));
        (short, tells)
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

/// What the last line tells.
struct Counts {
    progress: (usize, usize),
    running: usize,
    failed: usize,
    moved: Option<String>,
    left: Option<String>,
}

/// A bar and what it stands for, in one line at any width: when room gets scarce the bar shrinks, then it goes, then go the
/// time that is left, the number of running jobs and what was transferred. How far it is and what failed is always told.
fn bar_line(counts: &Counts, columns: usize, style: TextStyle) -> String {
    let (done, total) = counts.progress;
    let failed = (counts.failed > 0).then(|| format!("{} failed", counts.failed));
    let mut parts =
        [Some(format!("{} running", counts.running)), failed, counts.moved.clone(), counts.left.clone()];
    // One column stays free, for a terminal may go to the next line when the last one is written.
    let room = columns.saturating_sub(1);
    loop {
        let told: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
        let text = format!("{done}/{total}  {}", told.join(", "));
        let text = text.trim_end();
        let bar = room.saturating_sub(text.width() + 1).min(BAR_COLUMNS);
        if bar >= LEAST_BAR {
            return format!("{} {text}", painted_bar(counts.progress, bar, style));
        }
        let longest = [3, 0, 2].into_iter().find(|part| parts[*part].is_some());
        match longest.filter(|_| text.width() > room) {
            Some(part) => parts[part] = None,
            None => return text.chars().take(room).collect(),
        }
    }
}

fn painted_bar((done, total): (usize, usize), columns: usize, style: TextStyle) -> String {
    let full = columns * done.min(total) / total.max(1);
    let head = if done > 0 && full < columns { ">" } else { "" };
    let bar = format!("{:<columns$}", format!("{}{head}", "=".repeat(full)));
    match style {
        TextStyle::Plain => bar,
        _ => format!("{green}{bar}{green:#}", green = AnsiColor::Green.on_default()),
    }
}

/// A line for each of the first running jobs, which are those that run longest, as far as they have room.
fn running_lines(running: &[Running], now: Instant, size: Size, style: TextStyle) -> Vec<String> {
    let columns = size.columns.saturating_sub(TIME_COLUMNS);
    let most =
        if columns < LEAST_LABEL { 0 } else { size.rows.saturating_sub(OTHER_ROWS).min(JOBS_SHOWN + 1) };
    let shown = match running.len() {
        all if all <= most.min(JOBS_SHOWN) => all,
        _ => most.saturating_sub(1),
    };
    let jobs = &running[..shown];
    let mut lines: Vec<String> = labels(jobs, columns)
        .iter()
        .zip(jobs)
        .map(|(label, job)| {
            let time = elapsed(now.saturating_duration_since(job.since));
            format!("{time:>8}  {}", coloured(&job.rule, label, style))
        })
        .collect();
    if shown > 0 && shown < running.len() {
        lines.push(format!("{:>8}  and {} more", "", running.len() - shown));
    }
    lines
}

/// The labels in so many columns: where the middle of one had to go and with it what tells it from others, its wildcards
/// stand in its place.
fn labels(jobs: &[Running], columns: usize) -> Vec<String> {
    let short: Vec<(String, bool)> = jobs.iter().map(|job| job.short_label(columns)).collect();
    let is_alone = |label: &String| short.iter().filter(|(other, _)| other == label).count() == 1;
    let label = |job: &Running, (label, tells): &(String, bool)| match &job.wildcards {
        Some(wildcards) if !(*tells && is_alone(label)) => shortened(wildcards, columns),
        _ => label.clone(),
    };
    jobs.iter().zip(&short).map(|(job, short)| label(job, short)).collect()
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
        let running: Vec<Running> = (0..10).map(|id| running(id, &format!("r o{id}"), &[], since)).collect();
        let now = since + Duration::from_secs(75);
        let lines = |columns, rows| running_lines(&running, now, Size { columns, rows }, TextStyle::Plain);
        let all = lines(80, 24);
        assert_eq!(all.len(), 9);
        assert_eq!(all[0], "1:15 min  r o0");
        assert_eq!(all[8], "          and 2 more");
        // The bar and a line above it keep their rows, and what has no room tells nothing.
        let low = lines(80, 8);
        assert_eq!((low.len(), low[5].as_str()), (6, "          and 5 more"));
        assert_eq!(lines(60, 4), ["1:15 min  r o0", "          and 9 more"]);
        assert_eq!(lines(60, 3), [""; 0]);
        assert_eq!(lines(10, 24), [""; 0]);
        let eight = running_lines(&running[..8], now, Size { columns: 80, rows: 24 }, TextStyle::Plain);
        assert_eq!((eight.len(), eight[7].as_str()), (8, "1:15 min  r o7"));
    }

    fn running(id: u32, label: &str, values: &[&str], since: Instant) -> Running {
        let values: Vec<String> = values.iter().map(|value| value.to_string()).collect();
        let wildcards = (!values.is_empty()).then(|| format!("r w={}", values.join(", w=")));
        Running { id, rule: "r".into(), label: label.into(), wildcards, values, since }
    }

    /// What tells a job from the others of its rule stays, wherever it stands in its name.
    #[test]
    fn a_label_keeps_its_wildcards() {
        let now = Instant::now();
        let rest = "_filtered_sorted_deduplicated.txt";
        let job = |value: &str| running(0, &format!("r out/deep/directory/{value}/all{rest}"), &[value], now);
        let jobs = ["left", "right"].map(job);
        assert_eq!(labels(&jobs, 40), ["r w=left", "r w=right"]);
        assert!(labels(&jobs, 70)[0].contains("/left/all"), "it fits: {:?}", labels(&jobs, 70));
        // A value that stands elsewhere, too.
        let jobs = ["de", "ir"].map(job);
        assert_eq!(labels(&jobs, 40), ["r w=de", "r w=ir"]);
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
    fn the_bar_gives_way_to_what_it_stands_for() {
        let line = |running, failed, left: Option<&str>, progress, columns| {
            let counts = Counts { progress, running, failed, moved: None, left: left.map(str::to_string) };
            bar_line(&counts, columns, TextStyle::Plain)
        };
        let left = Some("about 5 min left");
        for (columns, expected) in [
            (200, "============>            50/100  3 running, 2 failed, about 5 min left"),
            (62, "=======>        50/100  3 running, 2 failed, about 5 min left"),
            (48, "50/100  3 running, 2 failed, about 5 min left"),
            (40, "=====>      50/100  3 running, 2 failed"),
        ] {
            assert_eq!(line(3, 2, left, (50, 100), columns), expected);
            assert!(expected.width() < columns, "a column stays free");
        }
        assert_eq!(line(800, 100, left, (50_000, 1_000_000), 40), "50000/1000000  800 running, 100 failed");
        assert_eq!(
            line(8000, 1000, left, (5_000_000, 10_000_000), 40),
            "====>     5000000/10000000  1000 failed"
        );
        assert_eq!(line(0, 0, None, (4, 4), 80), "======================== 4/4  0 running");
        assert_eq!(line(1, 0, None, (0, 4), 80), "                         0/4  1 running");
    }
}
