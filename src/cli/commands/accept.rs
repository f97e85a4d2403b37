//! `rulemake accept`: takes files as they are for what their rules make.

use super::Place;
use crate::exit::{Exit, Failure};
use rulemake::ErrorKind;
use rulemake::report::printable;

/// Jobs that are shown without `-v`.
const SHOWN: usize = 20;

pub(crate) fn accept(place: &Place, named: &[String], dry: bool) -> Result<Exit, Failure> {
    let mut session = place.open()?;
    let targets = place.targets(named, session.workflow());
    let done = session.accept(&targets, dry).map_err(|error| match error.kind() {
        ErrorKind::Locked => Place::hurried(error),
        _ => place.explained(error, &targets),
    })?;
    let output = &place.output;
    // What was asked for by name and cannot be had is a failure; of all there is, some may well be missing.
    let exit = if named.is_empty() || done.left.is_empty() { Exit::Success } else { Exit::Found };
    if output.json {
        output.answer_json(&serde_json::json!({
            "v": 1, "run": done.run, "accepted": done.accepted, "up_to_date": done.up_to_date, "left": done.left,
            "uncertain": done.uncertain, "sources": done.sources,
            "warnings": done.warnings
        }))?;
        return Ok(exit);
    }
    for warning in &done.warnings {
        output.remark(&format!("warning: {}", printable(warning)));
    }
    let shown = if output.verbose > 0 { usize::MAX } else { SHOWN };
    let mut text = String::new();
    let verb = if dry { "would accept" } else { "accepted" };
    for job in done.accepted.iter().take(shown) {
        text += &format!("{verb} {}\n", printable(&job.title()));
    }
    for path in done.sources.iter().take(shown) {
        text += &format!("{verb} {} as a source\n", printable(path));
    }
    if let Some(more @ 1..) = done.accepted.len().checked_sub(shown) {
        text += &format!("... and {more} more; -v shows all\n");
    }
    for left in done.left.iter().take(shown) {
        text += &format!("left {}: {}\n", printable(&left.job.title()), printable(&left.because));
    }
    if let Some(more @ 1..) = done.left.len().checked_sub(shown) {
        text += &format!("... and {more} more left; -v shows all\n");
    }
    for uncertain in done.uncertain.iter().take(shown) {
        text += &format!("note: {}: {}\n", printable(&uncertain.job.title()), printable(&uncertain.because));
    }
    output.answer(&text)?;
    let left = if done.left.is_empty() { String::new() } else { format!(", {} left", done.left.len()) };
    let count = done.accepted.len() + done.sources.len();
    output.remark(&format!("{count} {verb}, {} up to date{left}", done.up_to_date));
    Ok(exit)
}
