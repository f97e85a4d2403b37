//! The events of a run as lines for people. A pure fold: the same events give the same lines.

use super::eta::Eta;
use super::text::{cut, duration, time_left, title};
use crate::diag::style::{Role, TextStyle, command_lines, printable, printable_lines};
use crate::engine::event::{Event, EventKind, JobFailure, SkipCause};
use crate::graph::info::JobInfo;
use crate::trace::reason::Reason;
use rustc_hash::FxHashMap;

/// How much is told; a higher level tells all that a lower one does.
///
/// ```
/// use rulemake::report::Detail;
/// assert!(Detail::Quiet < Detail::Normal && Detail::Normal < Detail::All);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[non_exhaustive]
pub enum Detail {
    /// Nothing but what went wrong.
    Quiet,
    /// Failures, warnings and jobs that took long: beside a live display.
    Brief,
    /// Also the messages of rules, quick jobs where they are few, and from time to time how far the run is.
    #[default]
    Normal,
    /// Start and end of every job, with all reasons.
    Verbose,
    /// Also commands, jobs that were up to date or skipped, and temporary files that were removed.
    All,
}

/// Tells a run: takes its events and gives the lines to print.
///
/// ```
/// # use rulemake::{Session, Workflow, TextStyle, report::{Detail, Narrator}};
/// # fn open(workflow: Workflow) -> rulemake::Result<Session> {
/// let mut narrator = Narrator::new(Detail::Normal, TextStyle::Plain);
/// Session::builder(workflow)
///     .observer(move |event| narrator.lines(event).iter().for_each(|line| eprintln!("{line}")))
///     .open()
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Narrator {
    detail: Detail,
    style: TextStyle,
    total: usize,
    done: usize,
    failed: usize,
    /// Failures so far, those that are tried again, too.
    failures: usize,
    /// How often a job that had ended was to be executed again: it counts once more.
    again: usize,
    /// Lines of quick jobs that are not yet told: they are, unless they become too many.
    held: Vec<String>,
    /// Quick jobs that ended.
    quick: usize,
    /// Lines of slow jobs that may still be told.
    slow_left: usize,
    /// Messages of rules that may still be told.
    messages_left: usize,
    /// The first reason of each running job.
    reasons: FxHashMap<u32, String>,
    eta: Eta,
    /// When something was told last.
    told_ms: u64,
}

/// A job that took this long has a line of its own.
const SLOW_MS: u64 = 10_000;
/// Quick jobs that have a line, if there are no more.
const QUICK_TOLD: usize = 6;
/// Failures that are told when they happen.
const FAILURES_TOLD: usize = 50;
const SLOW_TOLD: usize = 50;
/// Characters of what happened to a job.
const OUTCOME_SHOWN: usize = 200;
const MESSAGES_TOLD: usize = 6;
/// Without another line, one says so often how far the run is.
const SILENCE_MS: u64 = 30_000;

impl Narrator {
    /// Starts a tale.
    ///
    /// ```
    /// # use rulemake::{TextStyle, report::{Detail, Narrator}};
    /// assert_eq!(Narrator::new(Detail::Normal, TextStyle::Plain).progress(), (0, 0));
    /// ```
    #[must_use]
    pub fn new(detail: Detail, style: TextStyle) -> Narrator {
        Narrator {
            detail,
            style,
            total: 0,
            done: 0,
            failed: 0,
            failures: 0,
            again: 0,
            held: Vec::new(),
            quick: 0,
            slow_left: SLOW_TOLD,
            messages_left: MESSAGES_TOLD,
            reasons: FxHashMap::default(),
            eta: Eta::default(),
            told_ms: 0,
        }
    }

    /// How many jobs have come to their end, of how many.
    ///
    /// ```
    /// fn percent(narrator: &rulemake::report::Narrator) -> usize {
    ///     let (done, total) = narrator.progress();
    ///     100 * done / total.max(1)
    /// }
    /// ```
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.total)
    }

    /// How many jobs have failed for good.
    ///
    /// ```
    /// # use rulemake::{TextStyle, report::{Detail, Narrator}};
    /// assert_eq!(Narrator::new(Detail::Normal, TextStyle::Plain).failed(), 0);
    /// ```
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// How long the run may still take at `now_ms` (as in [`Event::time_ms`]), in milliseconds; `None` while nobody can
    /// tell.
    ///
    /// ```
    /// use rulemake::report::{Narrator, time_left};
    /// fn shown(narrator: &Narrator, event: &rulemake::Event) -> Option<String> {
    ///     narrator.time_left_ms(event.time_ms).map(time_left)
    /// }
    /// ```
    #[must_use]
    pub fn time_left_ms(&self, now_ms: u64) -> Option<u64> {
        self.eta.left(now_ms)
    }

    /// Takes the next event of the run and returns the lines to print, without line ends.
    ///
    /// ```
    /// fn show(narrator: &mut rulemake::report::Narrator, event: &rulemake::Event) {
    ///     for line in narrator.lines(event) {
    ///         println!("{line}");
    ///     }
    /// }
    /// ```
    pub fn lines(&mut self, event: &Event) -> Vec<String> {
        self.eta.take(event);
        let mut lines = self.told(event);
        let is_over = matches!(event.kind, EventKind::RunFinished { .. });
        if is_over || !lines.is_empty() {
            // What came before is told before.
            lines.splice(0..0, std::mem::take(&mut self.held));
        }
        lines.extend(self.how_far(event.time_ms).filter(|_| lines.is_empty() && !is_over));
        if !lines.is_empty() {
            self.told_ms = event.time_ms;
        }
        lines
    }

    fn told(&mut self, event: &Event) -> Vec<String> {
        match &event.kind {
            EventKind::RunStarted { jobs, .. } => {
                self.total = *jobs;
                self.told_ms = event.time_ms;
                Vec::new()
            }
            EventKind::JobUpToDate { job } => {
                self.end_job(job.id);
                self.at(Detail::All, || format!("up to date {}", title(job)))
            }
            EventKind::JobStarted { job, reasons, command, message, attempt, .. } => {
                // At higher levels the reasons stand in the line of the start.
                if (Detail::Brief..=Detail::Normal).contains(&self.detail) {
                    let reason = reasons.first().map(Reason::to_string).unwrap_or_default();
                    self.reasons.insert(job.id, reason);
                }
                self.started(job, reasons, command.as_deref(), message.as_deref(), *attempt)
            }
            EventKind::JobOutput { job, text } => {
                self.at(Detail::Verbose, || format!("    {}: {}", title(job), printable(text)))
            }
            EventKind::JobProgress { job, done, total } => {
                self.at(Detail::All, || format!("    {}: {done} of {total}", title(job)))
            }
            EventKind::JobFinished { job, duration_ms, unchanged } => {
                let reason = self.end_job(job.id).unwrap_or_default();
                self.finished(job, *duration_ms, *unchanged, &reason)
            }
            EventKind::JobRestored { job, reasons, .. } => {
                self.end_job(job.id);
                self.at(Detail::Verbose, || {
                    let reason = reasons.first().map(Reason::to_string).unwrap_or_default();
                    format!("{} restored {}: {}", self.counter(), title(job), printable(&reason))
                })
            }
            EventKind::JobFailed { failure, .. }
                if matches!(&*failure.outcome, JobFailure::IN_NO_CACHE | JobFailure::NOT_FOR_CACHE) =>
            {
                self.end_job(failure.job.id);
                let why = match failure.outcome == JobFailure::IN_NO_CACHE {
                    true => "in no cache",
                    false => "not for a cache",
                };
                self.at(Detail::Verbose, || format!("{} {why}: {}", self.counter(), title(&failure.job)))
            }
            EventKind::JobFailed { failure, retry } => {
                if !retry {
                    self.end_job(failure.job.id);
                    self.failed += 1;
                }
                self.failures += 1;
                if self.detail <= Detail::Normal && self.failures > FAILURES_TOLD {
                    // The bar and the end count them, and the end shows the first of them in full.
                    let is_first = self.failures == FAILURES_TOLD + 1;
                    return self
                        .at(Detail::Brief, || "more failures are only counted (-v tells each)".into())
                        .into_iter()
                        .filter(|_| is_first)
                        .collect();
                }
                self.at(Detail::Brief, || {
                    let (counter, title) = (self.counter(), title(&failure.job));
                    // The files that were not made, say. The end tells more of it.
                    let outcome = cut(&printable(&failure.outcome), OUTCOME_SHOWN);
                    match retry {
                        true => {
                            let word = self.style.paint(Role::Warning, "retrying");
                            format!("{counter} {word} {title}: {outcome} in attempt {}", failure.attempt)
                        }
                        false => {
                            format!(
                                "{counter} {} {title}: {outcome}",
                                self.style.paint(Role::Error, "FAILED")
                            )
                        }
                    }
                })
            }
            // Not counted: it was not done.
            EventKind::JobSkipped { job, because } => {
                self.reasons.remove(&job.id);
                self.at(Detail::All, || format!("skipped {}: {}", title(job), skip_cause(because)))
            }
            EventKind::JobReopened { job, reason, .. } => {
                // What was done stays done: there is one more to do.
                self.again += 1;
                self.total += 1;
                self.at(Detail::All, || format!("again {}: {}", title(job), printable(&reason.to_string())))
            }
            EventKind::GraphExtended { after, new, jobs } => {
                self.total = *jobs + self.again;
                self.at(Detail::Verbose, || {
                    let more = super::text::count(*new, "more job");
                    format!("{more} after {}", title(after))
                })
            }
            EventKind::TempRemoved { path } => {
                self.at(Detail::All, || format!("removed temporary {}", printable(path)))
            }
            EventKind::Printed { text } if self.detail >= Detail::Brief => printable_lines(text).collect(),
            EventKind::Printed { .. } => Vec::new(),
            EventKind::HookStarted { hook } => self.at(Detail::Verbose, || format!("start {hook}")),
            // It ends the run, and the error tells it.
            EventKind::HookFinished { hook, outcome: Some(_), .. } if hook == "onstart" => Vec::new(),
            // Its author wanted it to be read.
            EventKind::HookFinished { output, .. } => match self.detail >= Detail::Brief {
                true => output.iter().flat_map(|line| printable_lines(line)).collect(),
                false => Vec::new(),
            },
            // Something went wrong, however little else is told.
            EventKind::Warning { message } => {
                let word = self.style.paint(Role::Warning, "warning");
                vec![format!("{word}: {}", printable(message))]
            }
            EventKind::RunFinished { .. } => Vec::new(),
        }
    }

    fn at(&self, detail: Detail, line: impl FnOnce() -> String) -> Vec<String> {
        if self.detail >= detail { vec![line()] } else { Vec::new() }
    }

    fn end_job(&mut self, id: u32) -> Option<String> {
        self.done += 1;
        self.reasons.remove(&id)
    }

    fn started(
        &mut self,
        job: &JobInfo,
        reasons: &[Reason],
        command: Option<&str>,
        message: Option<&str>,
        attempt: u32,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        if self.detail >= Detail::Verbose {
            let attempt = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            let reasons: Vec<String> = reasons.iter().map(Reason::to_string).collect();
            lines.push(format!("start {}{attempt}: {}", title(job), printable(&reasons.join("; "))));
        }
        // The author of the rule wanted it to be read.
        if let Some(message) = message
            && (self.detail >= Detail::Verbose || self.detail == Detail::Normal && self.messages_left > 0)
        {
            self.messages_left = self.messages_left.saturating_sub(1);
            lines.extend(printable_lines(message));
        }
        if self.detail >= Detail::All {
            lines.extend(command.into_iter().flat_map(command_lines).map(|line| format!("    {line}")));
        }
        lines
    }

    fn finished(&mut self, job: &JobInfo, duration_ms: u64, unchanged: bool, reason: &str) -> Vec<String> {
        let is_slow = duration_ms >= SLOW_MS;
        match self.detail {
            Detail::Quiet => return Vec::new(),
            Detail::Brief | Detail::Normal if is_slow && self.slow_left > 0 => self.slow_left -= 1,
            Detail::Brief => return Vec::new(),
            Detail::Normal => {
                self.quick += 1;
                if self.quick > QUICK_TOLD {
                    self.held.clear();
                    return Vec::new();
                }
            }
            Detail::Verbose | Detail::All => {}
        }
        let same = if unchanged { ", same content as before" } else { "" };
        let mut line = format!(
            "{} {} {}  {}{same}",
            self.counter(),
            self.style.paint(Role::Good, "done"),
            title(job),
            duration(duration_ms)
        );
        if !reason.is_empty() {
            let reason = format!("  ({})", printable(reason));
            line.push_str(&self.style.paint(Role::Faint, &reason));
        }
        if self.detail <= Detail::Normal && !is_slow {
            self.held.push(line);
            return Vec::new();
        }
        vec![line]
    }

    /// `[ 3/23]`.
    fn counter(&self) -> String {
        let width = self.total.checked_ilog10().map_or(1, |log| log as usize + 1);
        let counter = format!("[{:>width$}/{}]", self.done, self.total);
        self.style.paint(Role::Faint, &counter).into_owned()
    }

    /// How far the run is, when nothing was told for long.
    fn how_far(&self, now_ms: u64) -> Option<String> {
        let due = self.detail == Detail::Normal && now_ms.saturating_sub(self.told_ms) >= SILENCE_MS;
        due.then(|| {
            let percent = (self.done * 100).checked_div(self.total).unwrap_or(0);
            let left = self.time_left_ms(now_ms).map(|ms| format!(", {}", time_left(ms))).unwrap_or_default();
            format!("{} of {} jobs done ({percent} %){left}", self.done, self.total)
        })
    }
}

fn skip_cause(cause: &SkipCause) -> String {
    match cause {
        SkipCause::UpstreamFailed { job } => format!("{} failed", printable(job)),
        SkipCause::PartnerFailed { job } => format!("{} failed, with which it runs", printable(job)),
        SkipCause::Drained => "another job failed (-k goes on)".into(),
        SkipCause::Cancelled => "the run was stopped".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{changed, job};
    use super::*;
    use crate::engine::event::{JobFailure, RuleJobs, Summary};

    fn event(kind: EventKind) -> Event {
        Event { v: 1, seq: 0, time_ms: 0, kind }
    }

    fn started(id: u32) -> Event {
        event(EventKind::JobStarted {
            job: job(id, "r", &format!("o{id}")),
            reasons: vec![changed("raw"), Reason::NeverBuilt],
            command: Some("cp a b".into()),
            message: None,
            attempt: 1,
            log: None,
        })
    }

    fn finished(id: u32, duration_ms: u64) -> Event {
        event(EventKind::JobFinished {
            job: job(id, "r", &format!("o{id}")),
            duration_ms,
            unchanged: id == 1,
        })
    }

    fn failed(id: u32, retry: bool) -> Event {
        let failure = JobFailure {
            job: job(id, "r", &format!("o{id}")),
            outcome: "exit 1".into(),
            exit_code: Some(1),
            command: None,
            log: None,
            log_tail: vec![],
            quarantine: None,
            attempt: 1,
            help: None,
            target: None,
            diagnostics: vec![],
        };
        event(EventKind::JobFailed { failure, retry })
    }

    fn tell(detail: Detail, jobs: usize, events: &[Event]) -> (Vec<String>, Narrator) {
        let mut narrator = Narrator::new(detail, TextStyle::Plain);
        let mut lines = narrator.lines(&event(EventKind::RunStarted { run: 1, jobs, rules: vec![] }));
        lines.extend(events.iter().flat_map(|e| narrator.lines(e)));
        lines.extend(narrator.lines(&event(EventKind::RunFinished { summary: Summary::default() })));
        (lines, narrator)
    }

    fn small_run() -> Vec<Event> {
        let message = "counting\u{7} things".to_string();
        let mut with_message = started(3);
        if let EventKind::JobStarted { message: slot, .. } = &mut with_message.kind {
            *slot = Some(message);
        }
        vec![
            event(EventKind::JobUpToDate { job: job(0, "r", "o0") }),
            started(1),
            finished(1, 250),
            started(2),
            failed(2, true),
            started(2),
            failed(2, false),
            with_message,
            finished(3, 12_000),
            event(EventKind::Warning { message: "beware".into() }),
            event(EventKind::JobSkipped {
                job: job(4, "r", "o4"),
                because: SkipCause::UpstreamFailed { job: "r o2".into() },
            }),
        ]
    }

    #[test]
    fn normal_tells_messages_and_what_is_slow_wrong_or_rare() {
        let (lines, narrator) = tell(Detail::Normal, 5, &small_run());
        assert_eq!(
            lines,
            [
                "[2/5] done r o1  0.25 s, same content as before  (input raw changed)",
                "[2/5] retrying r o2: exit 1 in attempt 1",
                "[3/5] FAILED r o2: exit 1",
                "counting\\u{7} things",
                "[4/5] done r o3  12.0 s  (input raw changed)",
                "warning: beware",
            ]
        );
        assert_eq!((narrator.progress(), narrator.failed()), ((4, 5), 1));
    }

    #[test]
    fn brief_leaves_messages_and_quick_jobs_to_the_live_display() {
        let (lines, _) = tell(Detail::Brief, 5, &small_run());
        assert_eq!(
            lines,
            [
                "[2/5] retrying r o2: exit 1 in attempt 1",
                "[3/5] FAILED r o2: exit 1",
                "[4/5] done r o3  12.0 s  (input raw changed)",
                "warning: beware",
            ]
        );
    }

    /// A job that makes its temporary files again counts once more: the counter never goes back.
    #[test]
    fn what_is_done_again_lets_the_total_grow() {
        let reopened = |id| {
            let reason = Reason::NeededBy { path: "o1".into(), job: "r o3".into() };
            event(EventKind::JobReopened { job: job(id, "r", "o1"), was_up_to_date: true, reason })
        };
        let events = [
            event(EventKind::JobUpToDate { job: job(1, "r", "o1") }),
            started(2),
            finished(2, 1),
            reopened(1),
            started(1),
            finished(1, 1),
            event(EventKind::GraphExtended { after: job(2, "r", "o2"), new: 1, jobs: 4 }),
            started(3),
            finished(3, 1),
        ];
        let (lines, narrator) = tell(Detail::Normal, 3, &events);
        let counters: Vec<&str> =
            lines.iter().filter_map(|line| line.split_once(']')).map(|(c, _)| c).collect();
        assert_eq!(counters, ["[2/3", "[3/4", "[4/5"]);
        assert_eq!(narrator.progress(), (4, 5));
    }

    #[test]
    fn quiet_says_what_went_wrong_and_still_counts() {
        let (lines, narrator) = tell(Detail::Quiet, 5, &small_run());
        assert_eq!(lines, ["warning: beware"]);
        assert_eq!((narrator.progress(), narrator.failed()), ((4, 5), 1));
    }

    #[test]
    fn the_highest_level_tells_reasons_commands_and_skips() {
        let (lines, _) = tell(Detail::All, 5, &small_run());
        assert_eq!(
            lines[..4],
            [
                "up to date r o0",
                "start r o1: input raw changed; never built",
                "    cp a b",
                "[2/5] done r o1  0.25 s, same content as before",
            ]
        );
        assert_eq!(lines.last().unwrap(), "skipped r o4: r o2 failed");
    }

    #[test]
    fn few_quick_jobs_are_told_at_the_end_and_many_are_not() {
        let run =
            |jobs: u32| -> Vec<Event> { (0..jobs).flat_map(|id| [started(id), finished(id, 1)]).collect() };
        let (lines, _) = tell(Detail::Normal, 6, &run(6));
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[5], "[6/6] done r o5  1 ms  (input raw changed)");
        assert_eq!(tell(Detail::Normal, 7, &run(7)).0, [""; 0]);
    }

    #[test]
    fn a_long_silence_is_broken_by_how_far_the_run_is() {
        let mut narrator = Narrator::new(Detail::Normal, TextStyle::Plain);
        let at = |time_ms, event: Event| Event { time_ms, ..event };
        let mut lines = Vec::new();
        let rules = vec![RuleJobs { rule: "r".into(), jobs: 100, earlier_ms: None }];
        let start = event(EventKind::RunStarted { run: 1, jobs: 100, rules });
        lines.extend(narrator.lines(&at(1, start)));
        for id in 0..40 {
            lines.extend(narrator.lines(&at(u64::from(id) * 2_000, started(id))));
            lines.extend(narrator.lines(&at(u64::from(id) * 2_000 + 1_999, finished(id, 1_999))));
        }
        assert_eq!(
            lines,
            ["16 of 100 jobs done (16 %), about 3 min left", "31 of 100 jobs done (31 %), about 3 min left",]
        );
    }
}
