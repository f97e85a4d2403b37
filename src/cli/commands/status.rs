//! `rulemake status`: what a run is doing, from a second terminal.

use super::Place;
use crate::exit::{Exit, Failure};
use rulemake::TextStyle;
use rulemake::inspect::{Status, Survivor};
use rulemake::report::{duration, printable};
use std::fmt::Write as _;

/// Running jobs that are listed.
const JOBS_SHOWN: usize = 30;
const FAILED_SHOWN: usize = 10;
/// Characters of the command of a process that are shown.
const COMMAND_SHOWN: usize = 80;

pub(crate) fn status(place: &Place) -> Result<Exit, Failure> {
    let mut status = place.open_on_record()?.status()?;
    if place.output.json {
        place.output.answer_json(&status)?;
    } else {
        for job in &mut status.jobs {
            job.log = job.log.as_ref().map(|log| place.project.file(log));
        }
        place.output.answer(&text(&status, place.output.stdout_style()))?;
        if !(status.jobs.is_empty() && status.failed.is_empty() && status.survivors.is_empty()) {
            place.say_names();
        }
    }
    Ok(Exit::Success)
}

fn text(status: &Status, style: TextStyle) -> String {
    let ago = |ms: u64| duration(status.now_ms.saturating_sub(ms));
    let mut out = String::new();
    let counts = || {
        let (done, failed) = (status.done, status.failed.len());
        // A run that only read files again is a run, too, and no job of it did anything.
        let ran = match status.ran + failed {
            _ if status.running || done == 0 => String::new(),
            // Of one that was cut short nobody knows what it would have run.
            0 if status.stopped || status.ended_ms.is_none() => String::new(),
            0 => ", none had to run".to_string(),
            ran if ran < done => format!(", {ran} of them ran"),
            _ => String::new(),
        };
        let failed = match failed {
            0 => String::new(),
            n if ran.is_empty() => format!(", {n} of them failed"),
            n => format!(", {n} failed"),
        };
        format!("{done} of {} jobs done{ran}{failed}", status.total)
    };
    let _ = match (status.running, status.run, &status.by) {
        (true, Some(run), by) => {
            let by = by.as_deref().map(printable).unwrap_or_default();
            let (since, counts) = (ago(status.since_ms), counts());
            match status.suspended {
                true => writeln!(out, "run {run} is suspended, begun {since} ago: {counts} ({by})"),
                false => writeln!(out, "run {run} is going on for {since}: {counts} ({by})"),
            }
        }
        (true, None, by) => {
            let by = by.as_deref().map(printable).unwrap_or_default();
            writeln!(out, "a run holds the lock and has not begun a job yet ({by})")
        }
        (false, None, _) => writeln!(out, "no run is going on, and there was none"),
        (false, Some(run), _) => match status.ended_ms {
            Some(ended) => {
                let how = if status.stopped { "was stopped" } else { "ended" };
                writeln!(out, "no run is going on; run {run} {how} {} ago: {}", ago(ended), counts())
            }
            None => writeln!(out, "no run is going on; run {run} was killed: {}", counts()),
        },
    };
    for job in status.jobs.iter().take(JOBS_SHOWN) {
        let log = job.log.as_deref().map(|log| format!("  {}", printable(log))).unwrap_or_default();
        let log = crate::output::painted(style, crate::output::FAINT, &log);
        let _ = writeln!(out, "{:>12}  {}{log}", ago(job.since_ms), printable(&job.title));
    }
    if let Some(more @ 1..) = status.jobs.len().checked_sub(JOBS_SHOWN) {
        let _ = writeln!(out, "{:>12}  and {more} more", "");
    }
    for (title, outcome) in status.failed.iter().take(FAILED_SHOWN) {
        let _ = writeln!(out, "{:>12}  {}: {}", "failed", printable(title), printable(outcome));
    }
    if let Some(more @ 1..) = status.failed.len().checked_sub(FAILED_SHOWN) {
        let _ = writeln!(out, "{:>12}  and {more} more", "");
    }
    survivors(&mut out, status);
    out
}

/// What a killed run left alive, a line for each group of processes, and how it is ended.
fn survivors(out: &mut String, status: &Status) {
    let mut groups: Vec<&Survivor> = Vec::new();
    for survivor in &status.survivors {
        if groups.iter().all(|known| known.group != survivor.group) {
            groups.push(survivor);
        }
    }
    for survivor in groups.iter().take(JOBS_SHOWN) {
        let (title, command) = (printable(&survivor.title), printable(&survivor.command));
        let mut command = command.into_owned();
        if let Some((at, _)) = command.char_indices().nth(COMMAND_SHOWN) {
            command.replace_range(at.., " ...");
        }
        let _ = writeln!(out, "{:>12}  {title}: process {} ({command})", "still alive", survivor.pid);
    }
    if let Some(more @ 1..) = groups.len().checked_sub(JOBS_SHOWN) {
        let _ = writeln!(out, "{:>12}  and {more} more", "");
    }
    if !groups.is_empty() {
        let groups: String = groups.iter().map(|survivor| format!(" -{}", survivor.group)).collect();
        let _ = writeln!(out, "the next run ends them before it begins; `kill --{groups}` ends them now");
    }
}
