//! `rulemake lock`: writes `Rulefile.lock`, or holds it against what is here.

use super::Place;
use crate::exit::{Exit, Failure};
use crate::options::RunArgs;
use rulemake::lock::{LockDifference, LockMismatch};
use rulemake::report::printable;

/// Outputs that are shown without `-v`.
const SHOWN: usize = 20;

/// What `lock` was asked to do.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct LockArgs {
    /// Files or rules whose outputs are locked; those of the first rule when none is given
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Write nothing; tell what differs, and exit with 1 when something does
    #[arg(long, conflicts_with = "prune")]
    check: bool,
    /// Remove the lines of all other outputs, also of those that a rule could make
    #[arg(long)]
    prune: bool,
}

pub(crate) fn lock(place: &Place, args: &LockArgs) -> Result<Exit, Failure> {
    let workflow = place.load(None)?;
    let options = place.run_options(&RunArgs::default(), &workflow);
    let session = place.session(workflow, &RunArgs::default()).open()?;
    let targets = place.targets(&args.targets, session.workflow());
    let is_new = !session.root().join("Rulefile.lock").exists();
    let done = match args.check {
        true => session.check_lock(&targets, &options).map(Done::Checked),
        false => session.write_lock(&targets, &options, args.prune).map(Done::Written),
    };
    place.show_printed(&session.take_printed());
    match done.map_err(|error| place.explained(error, &targets))? {
        Done::Checked(found) => checked(place, &found),
        Done::Written(written) if is_new && written.outputs == 0 && !place.output.json => {
            place.output.answer(&lines(place, &written.left))?;
            let failure = Failure::new(Exit::Found, "nothing is built, so there is nothing to lock");
            Err(failure.help("run `rulemake` first, or `rulemake --lock`, which does both"))
        }
        Done::Written(written) => told(place, &written),
    }
}

enum Done {
    Checked(rulemake::lock::LockCheck),
    Written(rulemake::lock::LockWritten),
}

fn checked(place: &Place, found: &rulemake::lock::LockCheck) -> Result<Exit, Failure> {
    let output = &place.output;
    let count = found.differences.len();
    let exit = if count == 0 { Exit::Success } else { Exit::Found };
    if output.json {
        let json = crate::output::versioned(found);
        output.answer_json(&json)?;
        return Ok(exit);
    }
    output.answer(&lines(place, &found.differences))?;
    match count {
        0 if found.absent == 0 => output.remark(&format!("Rulefile.lock agrees: {}", outputs(found.outputs))),
        0 => {
            let (all, absent) = (outputs(found.outputs), found.absent);
            let are = if absent == 1 { "is" } else { "are" };
            output.remark(&format!("Rulefile.lock agrees: {all}, {absent} of which {are} not here"));
            output.remark(
                "help: `rulemake pull` restores them where a cache has them, `rulemake` makes the others",
            );
        }
        _ if found.differences.iter().all(|it| matches!(it.kind, LockMismatch::NotUpToDate { .. })) => {
            let are = if count == 1 { "is" } else { "are" };
            output.remark(&format!(
                "{} {are} not up to date, so nothing here tells whether Rulefile.lock is right",
                outputs(count)
            ));
        }
        1 => output.remark("1 output differs from Rulefile.lock"),
        n => output.remark(&format!("{n} outputs differ from Rulefile.lock")),
    }
    helps(&found.differences).for_each(|help| output.remark(&format!("help: {help}")));
    Ok(exit)
}

/// What is to be done about each kind of difference that there is.
fn helps(differences: &[LockDifference]) -> impl Iterator<Item = &'static str> {
    let kinds: [(fn(&LockMismatch) -> bool, &str); 4] = [
        (
            |kind| matches!(kind, LockMismatch::NotUpToDate { .. }),
            "`rulemake` makes what is not up to date, then `rulemake lock` locks it; `rulemake pull` takes what is locked, where a cache has it",
        ),
        (
            |kind| matches!(kind, LockMismatch::NotLocked | LockMismatch::MadeOtherwise),
            "`rulemake lock` locks what is here",
        ),
        (
            |kind| matches!(kind, LockMismatch::OtherResult { .. }),
            "`rulemake pull` takes the locked result, where a cache has it; `rulemake lock` locks the one that is here",
        ),
        (
            |kind| matches!(kind, LockMismatch::NoRule),
            "`rulemake lock` removes the lines of files that no rule makes",
        ),
    ];
    let is_there = move |is_it: &fn(&LockMismatch) -> bool| differences.iter().any(|it| is_it(&it.kind));
    kinds.into_iter().filter(move |(is_it, _)| is_there(is_it)).map(|(_, help)| help)
}

fn told(place: &Place, written: &rulemake::lock::LockWritten) -> Result<Exit, Failure> {
    let output = &place.output;
    let exit = if written.left.is_empty() { Exit::Success } else { Exit::Found };
    if output.json {
        let json = crate::output::versioned(written);
        output.answer_json(&json)?;
        return Ok(exit);
    }
    output.answer(&lines(place, &written.left))?;
    let counts = [("added", written.added), ("changed", written.changed), ("removed", written.removed)];
    let changes: Vec<String> =
        counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {what}")).collect();
    let changes = match changes.is_empty() {
        // The file with the conflict was another one.
        true if written.settled > 0 => String::new(),
        true => ", as it was".to_string(),
        false => format!(", {}", changes.join(", ")),
    };
    match written.settled {
        0 => {}
        1 => output.remark(
            "the conflict of a merge is settled: of 1 output the line stays that is true of what is here",
        ),
        n => output.remark(&format!(
            "the conflict of a merge is settled: of {n} outputs the lines stay that are true of what is here"
        )),
    }
    output.remark(&format!("Rulefile.lock: {}{changes}", outputs(written.outputs)));
    if !written.left.is_empty() {
        output.remark("help: what is not up to date is locked as it was before: make it first, with `rulemake`, or with `--lock` both at once");
    }
    Ok(exit)
}

fn outputs(count: usize) -> String {
    format!("{count} output{}", if count == 1 { "" } else { "s" })
}

fn lines(place: &Place, differences: &[LockDifference]) -> String {
    let shown = if place.output.verbose > 0 { usize::MAX } else { SHOWN };
    let mut text = String::new();
    for LockDifference { path, kind, .. } in differences.iter().take(shown) {
        text += &format!("{} {}\n", printable(&place.project.for_user(path)), printable(&kind.to_string()));
    }
    if let Some(more @ 1..) = differences.len().checked_sub(shown) {
        text += &format!("... and {more} more; -v shows all\n");
    }
    text
}
