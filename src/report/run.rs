//! The end of a run: one block for each failure, and one line of counts.

use super::narrate::Detail;
use super::text::{count, cut, cut_middle, duration, title};
use crate::diag::render::push_headline;
use crate::diag::style::{Role, TextStyle, command_lines, printable, printable_lines};
use crate::engine::event::{CriticalStep, JobFailure, Summary};
use std::fmt::Write;

/// All that a person needs to know about a failed job: outcome, command, last lines of its log, where to look.
/// `rerun` is the command line that tries it again. Ends with a line end.
///
/// ```no_run
/// # use rulemake::{Session, RunOptions, TextStyle, report};
/// # fn show(mut session: Session) -> rulemake::Result<()> {
/// let report = session.run(&["all"], &RunOptions::default())?;
/// for failure in &report.failures {
///     eprint!("{}", report::failure_text(failure, None, TextStyle::Plain));
/// }
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn failure_text(failure: &JobFailure, rerun: Option<&str>, style: TextStyle) -> String {
    let mut out = String::new();
    let attempt = if failure.attempt > 1 { format!(" (attempt {})", failure.attempt) } else { String::new() };
    let outcome = cut(&failure.outcome, LINE_SHOWN);
    let message = format!("{} failed: {outcome}{attempt}", title(&failure.job));
    push_headline(&mut out, "error", Role::Error, &message, style);
    if let Some(command) = &failure.command {
        push_field(&mut out, "command", "", style);
        push_command(&mut out, command);
    }
    if !failure.log_tail.is_empty() {
        push_field(&mut out, "end of its log", "", style);
        let last = failure.log_tail.len() - 1;
        for (index, line) in failure.log_tail.iter().enumerate() {
            // The last line is where the error stands, mostly at its end.
            let shorten = if index == last { cut_middle } else { cut };
            push_indented(&mut out, &shorten(&shown_log_line(line), LINE_SHOWN));
        }
    } else if was_executed(failure) {
        push_field(&mut out, "end of its log", "(it wrote nothing)", style);
    }
    let fields = [
        // The log of a job that wrote nothing becomes that of another.
        ("log", failure.log.as_deref().filter(|_| !failure.log_tail.is_empty())),
        ("partial outputs", failure.quarantine.as_deref()),
        ("help", failure.help.as_deref()),
        ("rerun", rerun),
    ];
    for (word, text) in fields {
        if let Some(text) = text {
            push_field(&mut out, word, text, style);
        }
    }
    for diagnostic in &failure.diagnostics {
        let _ = write!(out, "\n{}", diagnostic.render(style));
    }
    out
}

/// Whether it came so far that it could have written something.
fn was_executed(failure: &JobFailure) -> bool {
    let by_its_end = ["killed by ", "timed out ", "the command succeeded"];
    failure.log.is_some()
        || failure.exit_code.is_some()
        || by_its_end.iter().any(|begin| failure.outcome.starts_with(begin))
}

/// The command as far as a screen has room for it. All of it is in the log of the run, and in what a dry run tells with `-v`.
fn push_command(out: &mut String, command: &str) {
    let mut left = COMMAND_SHOWN;
    let mut lines = command_lines(command);
    for (index, line) in lines.by_ref().enumerate() {
        if index == COMMAND_LINES || left == 0 {
            let rest = lines.count() + 1;
            return push_indented(out, &format!("... and {}", count(rest, "more line")));
        }
        push_indented(out, &cut(&line, left));
        left = left.saturating_sub(line.chars().count());
    }
}

/// Characters of a command, and lines of it.
const COMMAND_SHOWN: usize = 2_000;
const COMMAND_LINES: usize = 40;
/// Characters of a line of a log.
const LINE_SHOWN: usize = 500;

fn push_field(out: &mut String, word: &str, text: &str, style: TextStyle) {
    let word = format!("{word}:");
    let line = format!("  {} {}", style.paint(Role::Strong, &word), printable(text));
    let _ = writeln!(out, "{}", line.trim_end());
}

fn push_indented(out: &mut String, line: &str) {
    let _ = writeln!(out, "{}", format!("    {line}").trim_end());
}

/// What a terminal would show of the line: the text after the last carriage return (progress bars), without
/// colours; other control characters are escaped.
fn shown_log_line(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.rsplit('\r').next().unwrap_or(line);
    printable_lines(&without_escapes(line)).next().unwrap_or_default()
}

/// Removes CSI sequences (`ESC [ ... letter`): colours and cursor movements.
fn without_escapes(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let body = &rest[at + 2..];
        match body.find(|c: char| ('@'..='~').contains(&c)) {
            Some(end) => rest = &body[end + 1..],
            None => rest = "",
        }
    }
    out + rest
}

/// A line of counts, without a line end: `12 ran, 3 up to date, 1 failed in 3.2 s`, or `nothing to do`. A second one tells the
/// longest chain of jobs, of a run that took five seconds, or in more detail ([`Detail::Verbose`]).
///
/// ```
/// use rulemake::{Summary, TextStyle, report, report::Detail};
/// let mut summary = Summary::default();
/// (summary.up_to_date, summary.wall_ms) = (12, 30);
/// let text = report::summary_text(&summary, Detail::Normal, TextStyle::Plain);
/// assert_eq!(text, "nothing to do: 12 jobs up to date (0.03 s)");
/// ```
#[must_use]
pub fn summary_text(summary: &Summary, detail: Detail, style: TextStyle) -> String {
    let wall = duration(summary.wall_ms);
    let Summary { ran, restored, up_to_date, failed, skipped, cancelled, temp_removed, .. } = *summary;
    let removed = match temp_removed {
        0 => String::new(),
        n => format!(", {} removed", count(n, "temporary file")),
    };
    if ran + restored + failed + skipped + cancelled == 0 {
        return match up_to_date {
            0 => format!("nothing to do{removed} ({wall})"),
            n => format!("nothing to do: {} up to date{removed} ({wall})", count(n, "job")),
        };
    }
    let mut parts = vec![style.paint(Role::Good, &format!("{ran} ran")).into_owned()];
    if restored > 0 {
        parts.push(style.paint(Role::Good, &format!("{restored} restored")).into_owned());
    }
    if up_to_date > 0 {
        parts.push(format!("{up_to_date} up to date"));
    }
    if failed > 0 {
        parts.push(style.paint(Role::Error, &format!("{failed} failed")).into_owned());
    }
    let rest = [(skipped, "skipped"), (cancelled, "stopped")];
    for (n, word) in rest.into_iter().filter(|(n, _)| *n > 0) {
        parts.push(style.paint(Role::Warning, &format!("{n} {word}")).into_owned());
    }
    format!("{}{removed} in {wall}{}", parts.join(", "), critical_text(summary, detail))
}

/// What more processors would not have made faster, of a run that took its time.
fn critical_text(summary: &Summary, detail: Detail) -> String {
    let is_told = summary.wall_ms >= LONG_MS || detail >= Detail::Verbose;
    let Some(path) = summary.critical_path.as_ref().filter(|_| is_told) else {
        return String::new();
    };
    let step = |step: &CriticalStep| format!("{} {}", printable(&step.job), duration(step.duration_ms));
    let mut steps: Vec<&CriticalStep> = path.steps.iter().collect();
    steps.sort_by_key(|step| std::cmp::Reverse(step.duration_ms));
    steps.truncate(STEPS_SHOWN);
    // In their order again.
    let shown: Vec<String> = path
        .steps
        .iter()
        .filter(|one| steps.iter().any(|kept| std::ptr::eq(*kept, *one)))
        .map(step)
        .collect();
    let rest = path.jobs - shown.len();
    let more = if rest > 0 { format!(", and {} more", rest) } else { String::new() };
    format!("\nlongest chain: {} of it, {}{more}", duration(path.duration_ms), shown.join(", "))
}

/// Of a run that took less nobody wonders why.
const LONG_MS: u64 = 5_000;
const STEPS_SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::super::text::testing::job;
    use super::*;
    use crate::engine::event::CriticalPath;

    fn failure() -> JobFailure {
        JobFailure {
            job: job(3, "clean", "clean/a.tsv"),
            outcome: "exit 1".into(),
            exit_code: Some(1),
            command: Some("cut -f1 raw/a.tsv \\\n\t> clean/a.tsv".into()),
            log: Some(".rulemake/runs/4/3.log".into()),
            log_tail: vec!["10 %\r90 %\rdone".into(), "\u{1b}[31mcut: no\u{1b}[0m file\u{7}".into()],
            quarantine: Some(".rulemake/failed/4-3".into()),
            attempt: 2,
            help: Some("look at the input".into()),
            target: None,
            diagnostics: vec![],
        }
    }

    #[test]
    fn a_failure_says_all_that_is_needed_to_go_on() {
        assert_eq!(
            failure_text(&failure(), Some("rulemake clean/a.tsv"), TextStyle::Plain),
            "\
error: clean clean/a.tsv failed: exit 1 (attempt 2)
  command:
    cut -f1 raw/a.tsv \\
    	> clean/a.tsv
  end of its log:
    done
    cut: no file\\u{7}
  log: .rulemake/runs/4/3.log
  partial outputs: .rulemake/failed/4-3
  help: look at the input
  rerun: rulemake clean/a.tsv
"
        );
    }

    #[test]
    fn a_failure_of_a_function_shows_only_what_there_is() {
        let failure = JobFailure {
            outcome: "no such file".into(),
            exit_code: None,
            command: None,
            log: None,
            log_tail: vec![],
            quarantine: None,
            help: None,
            attempt: 1,
            ..failure()
        };
        assert_eq!(
            failure_text(&failure, None, TextStyle::Plain),
            "error: clean clean/a.tsv failed: no such file\n"
        );
    }

    /// A command that names thousands of files, or a log that is one line, must not push away what is to be read.
    #[test]
    fn a_failure_does_not_flood_the_screen() {
        let command = format!("cat {} > all\n{}", "in/file.txt ".repeat(5_000), "true\n".repeat(100));
        let log_tail = vec!["x".repeat(60_000), format!("cut: {} no file", "y".repeat(60_000))];
        let text = failure_text(
            &JobFailure { command: Some(command), log_tail, ..failure() },
            None,
            TextStyle::Plain,
        );
        assert!(text.len() < 3_500, "{} bytes", text.len());
        assert!(text.contains(" ... and 58010 more characters\n    ... and 100 more lines\n"), "{text}");
        assert!(text.contains("x ... and 59500 more characters\n    cut: y"), "{text}");
        assert!(text.contains("y ... 59513 characters ... y") && text.contains("y no file\n"), "{text}");
        let lines = "true\n".repeat(41);
        let text = failure_text(&JobFailure { command: Some(lines), ..failure() }, None, TextStyle::Plain);
        assert!(text.contains("    true\n    ... and 1 more line\n"), "{text}");
    }

    #[test]
    fn a_job_that_wrote_nothing_is_said_to() {
        let failure =
            JobFailure { command: None, log_tail: vec![], quarantine: None, help: None, ..failure() };
        assert_eq!(
            failure_text(&failure, None, TextStyle::Plain),
            "error: clean clean/a.tsv failed: exit 1 (attempt 2)\n  end of its log: (it wrote nothing)\n"
        );
    }

    #[test]
    fn an_escape_sequence_that_is_cut_off_leaves_no_rest() {
        assert_eq!(without_escapes("a\u{1b}[1;3"), "a");
        assert_eq!(without_escapes("\u{1b}[1;31mé\u{1b}[0m"), "é");
        assert_eq!(without_escapes("a\u{1b}"), "a\u{1b}");
    }

    #[test]
    fn the_summary_leaves_out_what_did_not_happen() {
        let mut summary =
            Summary { ran: 12, up_to_date: 3, failed: 1, skipped: 2, wall_ms: 3_200, ..Summary::default() };
        assert_eq!(
            summary_text(&summary, Detail::Normal, TextStyle::Plain),
            "12 ran, 3 up to date, 1 failed, 2 skipped in 3.2 s"
        );
        summary.temp_removed = 1;
        assert_eq!(
            summary_text(&summary, Detail::Normal, TextStyle::Plain),
            "12 ran, 3 up to date, 1 failed, 2 skipped, 1 temporary file removed in 3.2 s"
        );
        let summary = Summary { cancelled: 2, wall_ms: 61_000, ..Summary::default() };
        assert_eq!(
            summary_text(&summary, Detail::Normal, TextStyle::Plain),
            "0 ran, 2 stopped in 1 min 01 s"
        );
        assert_eq!(
            summary_text(&Summary::default(), Detail::Normal, TextStyle::Plain),
            "nothing to do (0 ms)"
        );
        let step = |job: &str, duration_ms| CriticalStep { job: job.into(), duration_ms };
        let steps = vec![step("a", 9_000), step("b", 10), step("c", 2_000), step("d", 3_000)];
        let path = CriticalPath { duration_ms: 14_010, jobs: 4, steps };
        let summary = Summary { ran: 9, wall_ms: 20_000, critical_path: Some(path), ..Summary::default() };
        assert_eq!(
            summary_text(&summary, Detail::Normal, TextStyle::Plain),
            "9 ran in 20.0 s\nlongest chain: 14.0 s of it, a 9.0 s, c 2.0 s, d 3.0 s, and 1 more"
        );
        // Of a short run only who asks for more hears it.
        let summary = Summary { wall_ms: 4_900, ..summary };
        assert_eq!(summary_text(&summary, Detail::Normal, TextStyle::Plain), "9 ran in 4.9 s");
        assert!(summary_text(&summary, Detail::Verbose, TextStyle::Plain).contains("\nlongest chain: "));
    }
}
