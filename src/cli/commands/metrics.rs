//! `rulemake metrics`: the values of the outputs below `metrics:`, and what changed of them.

use super::Place;
use crate::exit::{Exit, Failure};
use crate::git;
use crate::output::{Output, say};
use clap::ValueEnum;
use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use rulemake::inspect::{Metrics, MetricsDiff};
use rulemake::report::{self, printable};
use rulemake::{RunOptions, Session, Verdict};
use std::collections::BTreeMap;

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct MetricsArgs {
    /// What to do
    #[arg(value_name = "WHAT", default_value = "show", value_parser = AskedParser)]
    what: Asked,
    /// show: only these files or patterns. diff: a run by its number, or a revision of git; a second one instead of the files as
    /// they are
    #[arg(value_name = "FILE|RUN|REVISION")]
    names: Vec<String>,
    /// Print a table in Markdown
    #[arg(long, conflicts_with = "json")]
    md: bool,
    /// diff: also what did not change
    #[arg(long)]
    all: bool,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// Show the values as they are
    Show,
    /// Compare them with those after an earlier run, or in git
    Diff,
}

/// What is to be done; or a file, which is to be shown.
#[derive(Clone, Debug)]
enum Asked {
    Do(What),
    Show(String),
}

#[derive(Clone)]
struct AskedParser;

impl TypedValueParser for AskedParser {
    type Value = Asked;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Asked, clap::Error> {
        match value.to_str() {
            // What is called like a file is none of the words.
            Some(file) if file.contains(['.', '/', '*']) => Ok(Asked::Show(file.to_string())),
            _ => EnumValueParser::<What>::new().parse_ref(command, arg, value).map(Asked::Do),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(What::value_variants().iter().filter_map(What::to_possible_value)))
    }
}

pub(crate) fn metrics(place: &Place, args: &MetricsArgs) -> Result<Exit, Failure> {
    let session = place.open()?;
    let (what, names) = match &args.what {
        Asked::Do(what) => (*what, args.names.clone()),
        Asked::Show(file) => (What::Show, [std::slice::from_ref(file), &args.names].concat()),
    };
    match what {
        What::Show if args.all => Err(Failure::new(Exit::Usage, "`--all` is for `rulemake metrics diff`")),
        What::Show => show(place, &session, &names, args.md),
        What::Diff => diff(place, &session, args),
    }
}

fn show(place: &Place, session: &Session, names: &[String], md: bool) -> Result<Exit, Failure> {
    let mut metrics = now(place, session)?;
    if !names.is_empty() {
        let mut wanted = Vec::new();
        for target in place.targets(names, session.workflow()) {
            wanted.extend(session.files_of(&target)?);
        }
        let all = session.metric_files()?;
        if let Some(other) = wanted.iter().find(|path| !all.contains(path)) {
            let failure =
                Failure::new(Exit::Usage, format!("`{}` is no output below `metrics:`", printable(other)));
            return Err(failure.help(known(&all)));
        }
        metrics = metrics.only(|path| wanted.iter().any(|wanted| wanted == path));
    }
    if metrics.files().len() + metrics.unreadable().len() == 0 {
        return Err(nothing(session)?);
    }
    let output = &place.output;
    let stale = stale(session, &metrics);
    place.show_printed(&session.take_printed());
    if output.json {
        let mut json = serde_json::to_value(&metrics).unwrap_or_default();
        if !stale.is_empty() {
            json["stale"] = serde_json::to_value(&stale).unwrap_or_default();
        }
        output.answer_json(&json)?;
    } else if metrics.files().len() > 0 {
        output.answer(&match md {
            true => report::metrics_markdown(&metrics),
            false => report::metrics_text(&metrics, output.stdout_style()),
        })?;
    }
    tell_stale(output, &stale);
    Ok(told(metrics.unreadable()))
}

fn tell_stale(output: &Output, stale: &BTreeMap<String, String>) {
    for (path, why) in stale {
        output.remark(&format!("note: {} is not up to date: {}", printable(path), printable(why)));
    }
}

/// The files whose values another run would not leave as they are, each with the reason. Where there is no plan, nobody knows.
fn stale(session: &Session, metrics: &Metrics) -> BTreeMap<String, String> {
    let shown: Vec<&str> = metrics.files().map(|(path, _)| path).collect();
    let outputs = session.outputs(&shown, &RunOptions::default()).unwrap_or_default();
    let of_metrics = outputs.into_iter().filter(|output| shown.contains(&output.path.as_str()));
    of_metrics.filter_map(|output| Some((output.path, because(&output.verdict)?))).collect()
}

fn because(verdict: &Verdict) -> Option<String> {
    match verdict {
        Verdict::UpToDate => None,
        Verdict::Run { reasons } | Verdict::Restore { reasons } => {
            Some(reasons.first().map_or_else(|| "its job runs".into(), ToString::to_string))
        }
        _ => Some("what it is made of may change".into()),
    }
}

/// The metrics as they are; what the Rulefile prints on the way is shown.
fn now(place: &Place, session: &Session) -> Result<Metrics, Failure> {
    let metrics = session.metrics();
    place.show_printed(&session.take_printed());
    Ok(metrics?)
}

fn known(files: &[String]) -> String {
    match files {
        [] => "no rule has any".into(),
        files => {
            let names: Vec<String> =
                files.iter().take(5).map(|path| format!("`{}`", printable(path))).collect();
            format!("those are {}{}", names.join(", "), if files.len() > 5 { ", ..." } else { "" })
        }
    }
}

/// Why there is nothing to show.
fn nothing(session: &Session) -> Result<Failure, Failure> {
    Ok(match session.metric_files()?.first() {
        None => Failure::new(Exit::Usage, "no rule has metrics")
            .help("write the files with a rule's metrics below `metrics:`, as outputs are below `output:`"),
        Some(file) => {
            Failure::new(Exit::Usage, format!("there are no metrics yet: `{}` is not made", printable(file)))
                .help("run `rulemake` first")
        }
    })
}

/// Tells which files could not be read.
fn told<'m>(unreadable: impl Iterator<Item = (&'m str, &'m str)>) -> Exit {
    let mut exit = Exit::Success;
    for (path, why) in unreadable {
        exit = Exit::JobFailed;
        // The exit code says that something is wrong: `-q` must not hide what.
        say(&format!("warning: no metrics in {}: {}", printable(path), printable(why)));
    }
    exit
}

fn diff(place: &Place, session: &Session, args: &MetricsArgs) -> Result<Exit, Failure> {
    let (before, after) = match &args.names[..] {
        [] => {
            let now = State::now(now(place, session)?);
            match last_others(session, &now)? {
                Others::Of(before) => (before, now),
                Others::None { those, diff } => return same(place, &those, &diff),
            }
        }
        [one] => (state(session, one)?, State::now(now(place, session)?)),
        [one, other] => (state(session, one)?, state(session, other)?),
        _ => {
            return Err(Failure::new(Exit::Usage, "`rulemake metrics diff` compares two states, not more"));
        }
    };
    // What is there now may be of other params than those that stand there now.
    let stale = if args.names.len() < 2 { stale(session, &after.metrics) } else { BTreeMap::new() };
    let mut diff = MetricsDiff::between((&before.name, &before.metrics), (&after.name, &after.metrics));
    if !args.all {
        diff = diff.only_changes();
    }
    let output = &place.output;
    if output.json {
        let mut json = serde_json::to_value(&diff).unwrap_or_default();
        if !stale.is_empty() {
            json["stale"] = serde_json::to_value(&stale).unwrap_or_default();
        }
        output.answer_json(&json)?;
    } else if diff.metrics.is_empty() {
        output.remark(&format!("{} changed from {} to {}", no_metric(&diff), before.name, after.name));
    } else {
        output.answer(&match args.md {
            true => report::metrics_diff_markdown(&diff),
            false => report::metrics_diff_text(&diff, output.stdout_style()),
        })?;
    }
    tell_stale(output, &stale);
    Ok(unreadable(&diff))
}

/// Metrics, and what they are called.
struct State {
    name: String,
    metrics: Metrics,
}

impl State {
    fn now(metrics: Metrics) -> State {
        State { name: "now".into(), metrics }
    }
}

/// What the earlier runs left, beside what there is now.
enum Others {
    /// The last run that left other metrics.
    Of(State),
    /// All left the same: which, and how the last of them compares.
    None { those: String, diff: MetricsDiff },
}

fn last_others(session: &Session, now: &State) -> Result<Others, Failure> {
    if now.metrics.files().len() + now.metrics.unreadable().len() == 0 {
        return Err(nothing(session)?);
    }
    let (mut newest, mut oldest) = (None, 0);
    for run in session.metric_runs()? {
        let Some(metrics) = session.metrics_of_run(run)? else { continue };
        let before = State { name: format!("run {run}"), metrics };
        let diff = MetricsDiff::between((&before.name, &before.metrics), (&now.name, &now.metrics));
        let diff = diff.only_changes();
        if !diff.metrics.is_empty() {
            return Ok(Others::Of(before));
        }
        newest.get_or_insert((run, diff));
        oldest = run;
    }
    match newest {
        Some((newest, diff)) => {
            let those = match newest == oldest {
                true => format!("run {newest}"),
                false => format!("runs {oldest} to {newest}"),
            };
            Ok(Others::None { those, diff })
        }
        None => Err(Failure::new(Exit::Usage, "there is no earlier run whose metrics are known")
            .help("metrics are noted at the end of each run that runs a job; `rulemake metrics diff HEAD` compares with git")),
    }
}

/// Tells that no metric changed, as far as they can be read.
fn same(place: &Place, those: &str, diff: &MetricsDiff) -> Result<Exit, Failure> {
    if place.output.json {
        place.output.answer_json(diff)?;
    } else {
        place.output.remark(&format!(
            "{} is other than after {those}; `rulemake metrics diff HEAD` compares with git",
            no_metric(diff)
        ));
    }
    Ok(unreadable(diff))
}

fn no_metric(diff: &MetricsDiff) -> &'static str {
    if diff.unreadable.is_empty() { "no metric" } else { "no metric that can be read" }
}

fn unreadable(diff: &MetricsDiff) -> Exit {
    told(diff.unreadable.iter().map(|(path, why)| (path.as_str(), why.as_str())))
}

/// What a run left, or git holds.
fn state(session: &Session, name: &str) -> Result<State, Failure> {
    let run = name.strip_prefix('#').unwrap_or(name).parse::<u32>().ok();
    if let Some(run) = run
        && let Some(metrics) = session.metrics_of_run(run)?
    {
        return Ok(State { name: format!("run {run}"), metrics });
    }
    let root = session.root();
    let is_repository = match git::is_repository(root) {
        // Then there is none to know a run's number either.
        Err(_) if run.is_some() => false,
        other => other?,
    };
    let commit = if is_repository { git::commit(root, name)? } else { None };
    let Some(commit) = commit else { return Err(unknown(session, name, run, is_repository)?) };
    let mut files = session.metric_files()?;
    // Of rules that there are no more.
    for run in session.metric_runs()? {
        let noted = session.metrics_of_run(run)?.unwrap_or_default();
        files.extend(noted.files().map(|(path, _)| path.to_string()));
    }
    files.sort_unstable();
    files.dedup();
    let contents = git::files_at(root, &commit, &files)?;
    let mut metrics = Metrics::default();
    let mut untracked = Vec::new();
    for (path, content) in files.iter().zip(&contents) {
        match content {
            Some(content) => metrics.add(path, content),
            None => untracked.push(path.clone()),
        }
    }
    let lock = git::files_at(root, &commit, &["Rulefile.lock".to_string()])?.pop().flatten();
    let absent = match &lock {
        Some(lock) if !untracked.is_empty() => {
            session.metrics_of_lock(&String::from_utf8_lossy(lock), &untracked, &mut metrics)?
        }
        _ => Vec::new(),
    };
    if metrics.files().len() + metrics.unreadable().len() > 0 {
        if let Some(first) = absent.first() {
            say(&format!("warning: no cache holds `{}` as it was at {}", printable(first), printable(name)));
        }
        return Ok(State { name: name.to_string(), metrics });
    }
    let (file, name) = (files.first().map(|file| crate::project::quoted(file)), printable(name));
    Err(match (file, absent.first()) {
        (None, _) => {
            let failure = Failure::new(Exit::Usage, format!("git has no file with metrics at `{name}`"));
            failure.help("no rule has metrics: write their files below `metrics:`")
        }
        (Some(_), Some(absent)) => {
            let absent = printable(absent);
            let message = format!("no cache holds `{absent}` as Rulefile.lock names it at `{name}`");
            Failure::new(Exit::Usage, message)
                .help("what is locked while a cache is on is kept there; `rulemake push` shares it, or compare with a run by its number")
        }
        (Some(file), None) => {
            let failure = Failure::new(
                Exit::Usage,
                format!("neither git nor a Rulefile.lock of it has metrics at `{name}`"),
            );
            failure.help(format!(
                "commit them (`git add -f {file}`) or, with a cache, Rulefile.lock; or compare with a run by its number"
            ))
        }
    })
}

fn unknown(session: &Session, name: &str, run: Option<u32>, is_repository: bool) -> Result<Failure, Failure> {
    let name = printable(name);
    let runs = session.metric_runs()?;
    let known = match (runs.last(), runs.first()) {
        (Some(first), Some(last)) if first == last => format!("known is run {last}"),
        (Some(first), Some(last)) => format!("known are runs {first} to {last}"),
        _ => "no run is known that made metrics".to_string(),
    };
    let failure = match run {
        Some(run) => Failure::new(Exit::Usage, format!("the metrics of run {run} are not known")),
        None if is_repository => Failure::new(
            Exit::Usage,
            format!("`{name}` is neither the number of a run nor a revision of git"),
        ),
        None => Failure::new(
            Exit::Usage,
            format!("`{name}` is not the number of a run, and the project is not in a git repository"),
        ),
    };
    Ok(failure.help(known))
}
