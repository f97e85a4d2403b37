//! `rulemake push` and `rulemake pull`: results to and from the place that others share.

use super::{Place, ask, list, run};
use crate::exit::{Exit, Failure};
use crate::options::RunArgs;
use crate::output::{Output, say};
use crate::progress::Progress;
use crate::signals::Signals;
use crate::transfers::Teller;
use rulemake::CancelToken;
use rulemake::inspect::{LeftOut, PushOptions};
use rulemake::report::printable;
use rulemake::{PlannedJob, Verdict};
use std::time::Instant;

/// Results that were left out, as shown without `-v`.
const LEFT_SHOWN: usize = 5;
/// Results that a pull would restore, as shown without `-v`.
const WOULD_SHOWN: usize = 20;

pub(crate) fn push(place: &Place, targets: &[String], how: &PushOptions) -> Result<Exit, Failure> {
    if !place.has_shared_cache() {
        let failure = Failure::new(Exit::Usage, "there is no shared cache to put results into");
        return Err(failure.help(
            "name one with `--cache-shared PLACE`, or with `shared` below `[cache]` in rulemake.toml",
        ));
    }
    let workflow = place.load(None)?;
    let options = place.run_options(&RunArgs::default(), &workflow);
    let (token, signals) = (CancelToken::new(), Signals::default());
    let session = place.session(workflow, &RunArgs::default()).cancel(token.clone()).open()?;
    let targets = place.targets(targets, session.workflow());
    signals.aim(&token, &Progress::new(&place.output));
    let teller = Teller::start(&place.output, session.cache_traffic(), true);
    let pushed = session.push_with(&targets, &options, how);
    if let Some(teller) = teller {
        teller.end();
    }
    place.show_printed(&session.take_printed());
    let pushed = pushed.map_err(|error| place.explained(error, &targets))?;
    let output = &place.output;
    let is_good = pushed.warnings.is_empty() || pushed.refused + pushed.not_kept == 0;
    let exit = match signals.first() {
        Some(signal) if pushed.cancelled => Exit::Signal(signal),
        _ if is_good => Exit::Success,
        _ => Exit::Environment,
    };
    if output.json {
        let json = crate::output::versioned(&pushed);
        output.answer_json(&json)?;
        return Ok(exit);
    }
    pushed.warnings.iter().for_each(|warning| say(&format!("warning: {}", printable(warning))));
    let of = |n: usize, one: &str, many: &str| match n {
        0 => String::new(),
        1 => format!("; 1 {one}"),
        n => format!("; {n} {many}"),
    };
    let rest = [
        of(pushed.there, "is there", "are there"),
        of(
            pushed.mended,
            "file was damaged there and is replaced",
            "files were damaged there and are replaced",
        ),
        of(pushed.refused, "was not taken", "were not taken"),
        of(pushed.others, "is another one there", "are others there"),
        of(pushed.not_kept, "could not be kept", "could not be kept"),
        of(pushed.left, "is not up to date or not for the cache", "are not up to date or not for the cache"),
    ];
    let size = list::size_text(pushed.bytes);
    let s = if pushed.results == 1 { "" } else { "s" };
    let (would, into) = if how.dry { ("would put ", "into") } else { ("", "in") };
    output.remark(&format!(
        "{would}{} result{s} ({size}) {into} the shared cache{}{}",
        pushed.results,
        rest.concat(),
        if pushed.cancelled { "; stopped before the others" } else { "" }
    ));
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
    let args = pulling(place)?;
    run::run(place, targets, &args, started, None)
}

/// Shows what would be restored.
pub(crate) fn would_pull(place: &Place, targets: &[String]) -> Result<Exit, Failure> {
    let args = pulling(place)?;
    let (plan, coming) = ask::foreseen(place, targets, &args)?;
    let output = &place.output;
    if output.json {
        return output.answer_json(&plan).map(|()| Exit::Success);
    }
    let restored: Vec<PlannedJob<'_>> =
        plan.jobs().filter(|job| matches!(job.verdict(), Verdict::Restore { .. })).collect();
    let shown = if output.verbose > 0 { usize::MAX } else { WOULD_SHOWN };
    let mut text: String =
        restored.iter().take(shown).map(|job| format!("{}\n", printable(&job.info().title()))).collect();
    if let Some(more @ 1..) = restored.len().checked_sub(shown) {
        text += &format!("... and {more} more; -v shows all\n");
    }
    output.answer(&text)?;
    let counts = plan.counts();
    let others = match counts.run + counts.may + counts.after_checkpoint {
        0 => String::new(),
        n => format!("; {n} in no cache, or made from what is in none"),
    };
    let up_to_date = match counts.up_to_date {
        0 => String::new(),
        n => format!(", {n} up to date"),
    };
    let from = match coming {
        0 => String::new(),
        bytes => format!(" ({} from the shared cache)", list::size_text(bytes)),
    };
    output.remark(&format!("would restore {}{from}{up_to_date}{others}", counts.restore));
    Ok(Exit::Success)
}

/// A run that only restores.
fn pulling(place: &Place) -> Result<RunArgs, Failure> {
    if !place.has_cache() {
        let failure = Failure::new(Exit::Usage, "there is no cache to restore results from");
        return Err(
            failure.help("name a shared one with `--cache-shared PLACE`, or your own with `--cache DIR`")
        );
    }
    Ok(RunArgs { only_restore: true, keep_going: true, ..RunArgs::default() })
}
