//! `rulemake [run]`: makes the targets.

use super::Place;
use crate::exit::{Exit, Failure};
use crate::github;
use crate::jobserver::Jobserver;
use crate::links;
use crate::options::RunArgs;
use crate::output::{Output, say};
use crate::progress::Progress;
use crate::project::Project;
use crate::signals::Signals;
use crate::transfers::{Teller, Transfers};
use rulemake::inspect::Watched;
use rulemake::{CancelToken, JobFailure, RunReport, Session, Workflow, report};
use std::sync::Arc;
use std::time::Instant;

/// Failures that are shown in full; one more, if it is the last.
const FAILURES_SHOWN: usize = 3;
/// Failures after those that are named.
const FAILURES_NAMED: usize = 7;
/// Characters of what happened to one of those.
const OUTCOME_SHOWN: usize = 200;
/// Jobs that are named whose results are in no cache.
const ABSENT_SHOWN: usize = 5;

pub(crate) fn run(
    place: &Place,
    targets: &[String],
    args: &RunArgs,
    started: Instant,
    slots: Option<Arc<Jobserver>>,
) -> Result<Exit, Failure> {
    if let Some(report) = place.recall(targets, args) {
        show_summary(&report, place, started);
        return Ok(Exit::Success);
    }
    let around = Around { token: CancelToken::new(), signals: &Signals::default(), slots, watching: None };
    run_once(place, targets, args, started, &around)
}

/// What goes on around a run.
pub(super) struct Around<'a> {
    /// They end it early.
    pub(super) token: CancelToken,
    pub(super) signals: &'a Signals,
    pub(super) slots: Option<Arc<Jobserver>>,
    /// Is told of the workflow, and makes who is told what to look after.
    pub(super) watching: Option<&'a dyn Fn(&Workflow) -> OnWatched>,
}

pub(super) type OnWatched = Box<dyn FnMut(&Watched) + Send>;

/// Runs until its end, or until the token or a signal stops it.
pub(super) fn run_once(
    place: &Place,
    targets: &[String],
    args: &RunArgs,
    started: Instant,
    Around { token, signals, slots, watching }: &Around<'_>,
) -> Result<Exit, Failure> {
    let workflow = place.load(args.jobs)?;
    let on_watched = watching.map(|watching| watching(&workflow));
    let targets = place.targets(targets, &workflow);
    let options = place.run_options(args, &workflow);
    let progress = Progress::new(&place.output);
    let observed = progress.clone();
    let mut session =
        place.session(workflow, args).cancel(token.clone()).observer(move |event| observed.observe(event));
    if let Some(slots) = slots {
        signals.hold(slots.clone());
        session = session.slots(slots.clone());
    }
    if let Some(on_watched) = on_watched {
        session = session.watcher(on_watched);
    }
    let mut session = session.open()?;
    signals.aim(token, &progress);
    let transfers = session.cache_traffic().map(Transfers::new);
    progress.with_transfers(transfers.clone());
    if args.wait {
        say_who_is_waited_for(&session, &place.output);
    }
    let teller = Teller::start(&place.output, session.cache_traffic(), false);
    let result = session.run(&targets, &options);
    progress.clear();
    if let Some(teller) = teller {
        teller.end();
    }
    // Of a run that never began.
    place.show_printed(&session.take_printed());
    let report = match (result, signals.first()) {
        (Ok(report), _) => report,
        // Stopped while it was still planning.
        (Err(_), Some(signal)) => return Ok(Exit::Signal(signal)),
        (Err(error), None) => return Err(place.explained(error, &targets)),
    };
    let is_success = report.success();
    let mut report = report;
    let mut pulled = Pulled::default();
    if args.only_restore {
        // Nothing went wrong with these.
        (pulled.absent, report.failures) =
            report.failures.into_iter().partition(|failure| failure.outcome == JobFailure::IN_NO_CACHE);
        (pulled.apart, report.failures) =
            report.failures.into_iter().partition(|failure| failure.outcome == JobFailure::NOT_FOR_CACHE);
        pulled.is_unsure = session.cache_traffic().is_some_and(|traffic| traffic.has_failed());
    }
    show_failures(&report, &place.project, &place.output);
    if github::is_there() {
        let workflow = session.workflow();
        github::annotate(&report, &place.project, |rule| workflow.place_of(rule));
    }
    if let Some(text) = transfers.and_then(|transfers| transfers.end()).filter(|_| !place.output.json) {
        place.output.remark(&text);
    }
    match args.only_restore {
        true => show_pulled(&report, &pulled, &place.output, started),
        false => show_summary(&report, place, started),
    }
    let exit = match signals.first() {
        Some(signal) if report.cancelled => Exit::Signal(signal),
        _ if is_success || args.only_restore && pulled.is_all(&report) => Exit::Success,
        _ => Exit::JobFailed,
    };
    match progress.lost().map(Failure::Output) {
        Some(failure) if exit == Exit::Success => Err(failure),
        Some(failure) => {
            place.output.show(&failure);
            Ok(exit)
        }
        None => Ok(exit),
    }
}

fn say_who_is_waited_for(session: &Session, output: &Output) {
    let Ok(status) = session.status() else { return };
    if let (true, Some(by)) = (status.running, &status.by) {
        let run = status.run.map_or("another run".into(), |run| format!("run {run}"));
        output.remark(&format!("waiting for {run} to end ({})", report::printable(by)));
    }
}

fn show_failures(report: &RunReport, project: &Project, output: &Output) {
    let style = output.stderr_style();
    let mut gap = if output.quiet || output.json { "" } else { "\n" };
    let groups = grouped(&report.failures);
    let shown = if groups.len() == FAILURES_SHOWN + 1 { groups.len() } else { FAILURES_SHOWN };
    for (failure, more) in groups.iter().take(shown) {
        let rerun = match failure.target.as_ref().or(failure.job.outputs.first()) {
            Some(path) => project.rerun(path, false),
            None => project.rerun(&failure.job.rule, true),
        };
        let file = |path: &Option<String>| path.as_ref().map(|path| project.file(path));
        let mut told = (*failure).clone();
        (told.log, told.quarantine) = (file(&failure.log), file(&failure.quarantine));
        let mut text = report::failure_text(&told, Some(&rerun), style);
        if output.links() {
            let places = [&told.log, &told.quarantine];
            for path in places.into_iter().flatten() {
                text = links::linked(&text, path, project.here());
            }
        }
        say(&format!("{gap}{}", text.trim_end()));
        if *more > 0 {
            say(&format!("  and the same for {more} more job{}", if *more == 1 { "" } else { "s" }));
        }
        gap = "\n";
    }
    if groups.len() > shown {
        say("\nalso failed:");
    }
    for (failure, _) in groups.iter().skip(shown).take(FAILURES_NAMED) {
        say(&format!(
            "  {}: {}",
            report::printable(&failure.job.title()),
            report::printable(&failure.outcome.chars().take(OUTCOME_SHOWN).collect::<String>())
        ));
    }
    let rest = groups.iter().skip(shown + FAILURES_NAMED).map(|(_, more)| more + 1).sum::<usize>();
    if rest > 0 {
        say(&format!("  and {rest} more"));
    }
    // Where more is to be read, once.
    let logged = groups.iter().skip(shown).find(|(failure, _)| !failure.log_tail.is_empty());
    if let Some(path) =
        logged.and_then(|(failure, _)| failure.target.as_ref().or(failure.job.outputs.first()))
    {
        say(&format!("  the log of the first of them: {}", project.log(path)));
    }
}

/// Each failure with the number of those that have the same cause: jobs of one rule that could not be started.
fn grouped(failures: &[JobFailure]) -> Vec<(&JobFailure, usize)> {
    let mut groups: Vec<(&JobFailure, usize)> = Vec::new();
    let mut causes: indexmap::IndexMap<(&str, &str), usize> = indexmap::IndexMap::new();
    for failure in failures {
        if failure.command.is_some() {
            groups.push((failure, 0));
            continue;
        }
        let at = *causes.entry((&failure.job.rule, &failure.outcome)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, more)) => *more += 1,
            None => groups.push((failure, 0)),
        }
    }
    groups
}

/// What did not come out of a cache.
#[derive(Default)]
struct Pulled {
    absent: Vec<JobFailure>,
    /// Of rules whose results are in no cache by their own will.
    apart: Vec<JobFailure>,
    /// The shared place did not answer all questions.
    is_unsure: bool,
}

impl Pulled {
    /// Whether all came that a cache can have.
    fn is_all(&self, report: &RunReport) -> bool {
        let summary = &report.summary;
        self.absent.is_empty() && report.failures.is_empty() && summary.skipped + summary.cancelled == 0
    }
}

/// What came out of caches, and what is in none.
fn show_pulled(report: &RunReport, pulled: &Pulled, output: &Output, started: Instant) {
    let Pulled { absent, apart, is_unsure } = pulled;
    let nowhere = if *is_unsure { "not found" } else { "in no cache" };
    if output.quiet || output.json {
        return;
    }
    let summary = &report.summary;
    let mut parts = vec![format!("{} restored", summary.restored)];
    let failed = report.failures.len();
    // Of what needs something that is not here nobody knows yet by what name a cache would have it.
    for (n, what) in [
        (summary.up_to_date, "up to date"),
        (absent.len(), nowhere),
        (apart.len(), "not for a cache"),
        (failed, "failed"),
        (
            summary.skipped,
            match failed {
                _ if report.cancelled => "left",
                0 => "made from these",
                _ => "made from what is missing",
            },
        ),
        (summary.cancelled, "stopped"),
    ] {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    }
    let wall = report::duration(started.elapsed().as_millis().try_into().unwrap_or(u64::MAX));
    say(&format!("{} in {wall}", parts.join(", ")));
    if !apart.is_empty() {
        say(&format!("not for a cache, by `cache: False` of the rule: {}", named(apart)));
    }
    if !absent.is_empty() {
        say(&format!("{nowhere}: {}", named(absent)));
    }
    match (absent.is_empty(), is_unsure) {
        (true, _) if apart.is_empty() => {}
        (true, _) => say("help: `rulemake` makes what is missing"),
        (false, true) => say(
            "help: the shared cache did not answer all questions, so it may have them: `rulemake pull` again when it does, or `rulemake` makes them",
        ),
        (false, false) => say(
            "help: `rulemake` makes what is missing; `rulemake push` where it was made puts it into the shared cache",
        ),
    }
}

fn named(jobs: &[JobFailure]) -> String {
    let titles = jobs.iter().take(ABSENT_SHOWN).map(|failure| failure.job.title());
    let titles: Vec<String> = titles.map(|title| report::printable(&title).into_owned()).collect();
    let more = match jobs.len() - titles.len() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    titles.join(", ") + &more
}

fn show_summary(report: &RunReport, Place { project, output, .. }: &Place, started: Instant) {
    if output.quiet || output.json {
        return;
    }
    let mut summary = report.summary.clone();
    // What the user waited for: loading and planning, too.
    summary.wall_ms = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    let lead = if report.failures.is_empty() { "" } else { "\n" };
    say(&format!("{lead}{}", report::summary_text(&summary, output.detail(), output.stderr_style())));
    if let Some(place) = &report.partial {
        let place = project.file(place);
        say(&format!("what the stopped jobs had written is in {}", report::printable(&place)));
    }
    if let Some(note) = project.names_note().filter(|_| !report.failures.is_empty()) {
        say(&note);
    }
}
