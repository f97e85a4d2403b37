//! `rulemake push` and `rulemake pull`: results to and from the place that others share.

use super::{Place, list, run};
use crate::exit::{Exit, Failure};
use crate::options::RunArgs;
use rulemake::RunOptions;
use rulemake::report::printable;
use std::time::Instant;

pub(crate) fn push(place: &Place, targets: &[String]) -> Result<Exit, Failure> {
    let session = place.open()?;
    let targets = place.targets(targets, session.workflow());
    let pushed = session.push(&targets, &RunOptions::default());
    place.show_printed(&session.take_printed());
    let pushed = pushed.map_err(|error| place.explained(error, &targets))?;
    let output = &place.output;
    let exit = if pushed.warnings.is_empty() { Exit::Success } else { Exit::Environment };
    if output.json {
        let mut json = serde_json::to_value(&pushed).unwrap_or_default();
        json["v"] = 1.into();
        output.answer_json(&json)?;
        return Ok(exit);
    }
    pushed.warnings.iter().for_each(|warning| output.remark(&format!("warning: {}", printable(warning))));
    let left = match pushed.left {
        0 => String::new(),
        1 => "; 1 is not up to date or was not kept".to_string(),
        n => format!("; {n} are not up to date or were not kept"),
    };
    let size = list::size_text(pushed.bytes);
    let s = if pushed.results == 1 { "" } else { "s" };
    output.remark(&format!("{} result{s} ({size}) in the shared cache{left}", pushed.results));
    Ok(exit)
}

/// Restores what can be had, and runs nothing.
pub(crate) fn pull(place: &Place, targets: &[String], started: Instant) -> Result<Exit, Failure> {
    if !place.has_cache() {
        let failure = Failure::new(Exit::Usage, "there is no cache to restore results from");
        return Err(
            failure.help("name a shared one with `--cache-shared PLACE`, or your own with `--cache DIR`")
        );
    }
    run::run(
        place,
        targets,
        &RunArgs { only_restore: true, keep_going: true, ..RunArgs::default() },
        started,
        None,
    )
}
