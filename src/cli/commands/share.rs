//! `rulemake push` and `rulemake pull`: results to and from the place that others share.

use super::{Place, list, run};
use crate::exit::{Exit, Failure};
use crate::options::RunArgs;
use crate::output::Output;
use crate::transfers::Teller;
use rulemake::inspect::LeftOut;
use rulemake::report::printable;
use std::time::Instant;

/// Results that were left out, as shown without `-v`.
const LEFT_SHOWN: usize = 5;

pub(crate) fn push(place: &Place, targets: &[String]) -> Result<Exit, Failure> {
    if !place.has_shared_cache() {
        let failure = Failure::new(Exit::Usage, "there is no shared cache to put results into");
        return Err(failure.help(
            "name one with `--cache-shared PLACE`, or with `shared` below `[cache]` in rulemake.toml",
        ));
    }
    let workflow = place.load(None)?;
    let options = place.run_options(&RunArgs::default(), &workflow);
    let session = place.session(workflow, &RunArgs::default()).open()?;
    let targets = place.targets(targets, session.workflow());
    let teller = Teller::start(&place.output, session.cache_traffic(), true);
    let pushed = session.push(&targets, &options);
    if let Some(teller) = teller {
        teller.end();
    }
    place.show_printed(&session.take_printed());
    let pushed = pushed.map_err(|error| place.explained(error, &targets))?;
    let output = &place.output;
    let is_good = pushed.warnings.is_empty() || pushed.refused + pushed.not_kept == 0;
    let exit = if is_good { Exit::Success } else { Exit::Environment };
    if output.json {
        let json = crate::output::versioned(&pushed);
        output.answer_json(&json)?;
        return Ok(exit);
    }
    pushed.warnings.iter().for_each(|warning| output.remark(&format!("warning: {}", printable(warning))));
    let of = |n: usize, one: &str, many: &str| match n {
        0 => String::new(),
        1 => format!("; 1 {one}"),
        n => format!("; {n} {many}"),
    };
    let rest = [
        of(pushed.refused, "was not taken", "were not taken"),
        of(pushed.others, "is another one there", "are others there"),
        of(pushed.not_kept, "could not be kept", "could not be kept"),
        of(pushed.left, "is not up to date or not for the cache", "are not up to date or not for the cache"),
    ];
    let size = list::size_text(pushed.bytes);
    let s = if pushed.results == 1 { "" } else { "s" };
    output.remark(&format!("{} result{s} ({size}) in the shared cache{}", pushed.results, rest.concat()));
    tell_left(output, &pushed.left_out);
    Ok(exit)
}

/// Which results did not go into a cache, and why.
pub(super) fn tell_left(output: &Output, left: &[LeftOut]) {
    let shown = if output.verbose > 0 { usize::MAX } else { LEFT_SHOWN };
    for LeftOut { job, because, .. } in left.iter().take(shown) {
        output.remark(&format!("  {}: {}", printable(&job.title()), printable(because)));
    }
    if let Some(more @ 1..) = left.len().checked_sub(shown) {
        output.remark(&format!("  and {more} more; -v shows all"));
    }
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
