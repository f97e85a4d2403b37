//! Commands that only answer: `plan`, `why`, `diff`, `graph`, `log`.

use super::{Place, size_text};
use crate::args::{GraphFormat, GraphNode};
use crate::exit::{Exit, Failure};
use crate::options::RunArgs;
use crate::output::say;
use crate::svg;
use clap::ValueEnum;
use indexmap::IndexSet;
use rulemake::inspect::JobLog;
use rulemake::report::{self, Changes, GraphBy, GraphState, PlanGraph};
use rulemake::{Plan, Session, Why, Workflow};
use serde_json::json;
use std::io::IsTerminal;

pub(crate) fn plan(place: &Place, targets: &[String], args: &RunArgs) -> Result<Exit, Failure> {
    let (plan, coming) = foreseen(place, targets, args)?;
    let output = &place.output;
    if output.json {
        output.answer_json(&plan)?;
    } else {
        output.answer(&report::plan_text(&plan, output.detail(), output.stdout_style()))?;
        if coming > 0 {
            output.remark(&format!("{} would come from the shared cache", size_text(coming)));
        }
        place.say_names();
    }
    // This process ends with it, and to give back the memory of a million jobs piece by piece takes a tenth of a second.
    std::mem::forget(plan);
    Ok(Exit::Success)
}

/// The plan for what the user calls `targets`.
pub(super) fn planned(place: &Place, targets: &[String], args: &RunArgs) -> Result<Plan, Failure> {
    foreseen(place, targets, args).map(|(plan, _)| plan)
}

/// The plan, and how many bytes would come from the shared cache.
pub(super) fn foreseen(place: &Place, targets: &[String], args: &RunArgs) -> Result<(Plan, u64), Failure> {
    let session = place.session(place.load(args.jobs)?, args).open()?;
    let targets = place.targets(targets, session.workflow());
    let options = place.run_options(args, session.workflow());
    let plan = session.plan(&targets, &options);
    place.show_printed(&session.take_printed());
    let plan = plan.map_err(|error| place.explained(error, &targets))?;
    session
        .take_cache_warnings()
        .iter()
        .for_each(|text| say(&format!("warning: {}", report::printable(text))));
    Ok((plan, session.cache_traffic().map_or(0, |traffic| traffic.foreseen())))
}

/// A file after the other, each as if it had been asked for alone. None is explained when one is unknown.
pub(crate) fn why(place: &Place, files: &[String]) -> Result<Exit, Failure> {
    let session = place.open()?;
    let (mut paths, mut failures): (IndexSet<String>, Vec<Failure>) = Default::default();
    for file in files {
        match files_meant(place, file, &session, "why", EXPLAINED) {
            Ok(meant) => paths.extend(meant),
            Err(failure) => failures.push(failure),
        }
    }
    let paths: Vec<String> = paths.into_iter().collect();
    let (answers, errors): (Vec<_>, Vec<_>) = session.why_each(&paths).into_iter().partition(Result::is_ok);
    let answers: Vec<Why> = answers.into_iter().flatten().collect();
    failures.extend(errors.into_iter().filter_map(Result::err).map(|error| place.explained(error, &paths)));
    place.show_printed(&session.take_printed());
    match (place.output.json, answers.as_slice()) {
        (_, []) => {}
        (true, [only]) if paths.len() == 1 => place.output.answer_json(only)?,
        (true, several) => place.output.answer_json(&several)?,
        (false, several) => {
            let texts = several.iter().map(|why| report::why_text(why, place.output.stdout_style()));
            place.output.answer(&texts.collect::<Vec<_>>().join("\n"))?;
            place.say_names();
        }
    }
    // One that cannot be answered does not hide the others.
    let last = failures.pop();
    failures.iter().for_each(|failure| place.output.show(failure));
    last.map_or(Ok(Exit::Success), Err)
}

pub(crate) fn diff(place: &Place, targets: &[String]) -> Result<Exit, Failure> {
    let changes = Changes::of(&planned(place, targets, &RunArgs::default())?);
    if place.output.json {
        place.output.answer_json(&changes)?;
    } else {
        place.output.answer(&changes.text(place.output.stdout_style()))?;
        place.say_names();
    }
    Ok(Exit::Success)
}

pub(crate) fn graph(
    place: &Place,
    targets: &[String],
    format: GraphFormat,
    by: GraphNode,
) -> Result<Exit, Failure> {
    let plan = planned(place, targets, &RunArgs::default());
    let plan = plan.map_err(|failure| with_option_meant(failure, targets))?;
    let by = match by {
        GraphNode::Rule => GraphBy::Rule,
        GraphNode::Job => GraphBy::Job,
    };
    if place.output.json {
        place.output.answer_json(&graph_json(&PlanGraph::of(&plan, by)))?;
        return Ok(Exit::Success);
    }
    let text = match format {
        GraphFormat::Dot => report::graph_dot(&plan, by),
        GraphFormat::Mermaid => report::graph_mermaid(&plan, by),
        GraphFormat::Svg => svg::drawn(&PlanGraph::of(&plan, by))?,
    };
    place.output.answer_as_it_is(&text)?;
    Ok(Exit::Success)
}

/// A target that is called as a format is, or as what a node may be, was meant as one.
fn with_option_meant(failure: Failure, targets: &[String]) -> Failure {
    let message = failure.message();
    let option =
        targets.iter().filter(|target| message.contains(&format!("`{target}`"))).find_map(|target| {
            let word = target.trim_end_matches('s');
            let format = GraphFormat::from_str(target, true).ok().map(|_| format!("--format {target}"));
            format.or_else(|| GraphNode::from_str(word, true).ok().map(|_| format!("--by {word}")))
        });
    match (option, failure.exit()) {
        (Some(option), Exit::Plan) => {
            Failure::new(Exit::Plan, message).help(format!("did you mean `rulemake graph {option}`?"))
        }
        _ => failure,
    }
}

fn graph_json(graph: &PlanGraph) -> serde_json::Value {
    let state = |state: GraphState| match state {
        GraphState::UpToDate => "up-to-date",
        GraphState::May => "may",
        _ => "run",
    };
    let nodes: Vec<_> =
        graph.nodes.iter().map(|node| json!({"lines": node.lines, "state": state(node.state)})).collect();
    json!({"v": 1, "nodes": nodes, "edges": graph.edges})
}

/// Without a file, of a job that failed in the last run.
pub(crate) fn log(place: &Place, file: Option<&str>) -> Result<Exit, Failure> {
    let session = place.open()?;
    let Some(file) = file else {
        let failed = session.failed_last()?;
        let Some(first) = failed.first() else {
            return Err(Failure::new(Exit::Plan, "no job failed in the last run")
                .help("name a file whose job it is about: `rulemake log FILE`"));
        };
        place.output.remark(&format!("{}:", report::printable(&place.project.for_user(first))));
        let shown = log_of(place, &session, first, None);
        for other in failed.iter().skip(1).take(FILES_NAMED) {
            place.output.remark(&format!("also failed: {}", place.project.log(other)));
        }
        if let Some(more) = failed.len().checked_sub(1 + FILES_NAMED).filter(|more| *more > 0) {
            place.output.remark(&format!("and {more} more"));
        }
        return shown;
    };
    let first = session.workflow().rule(file).map(|rule| rule.outputs().next().map(str::to_string));
    let path = match &first {
        Some(None) => file.to_string(),
        Some(Some(output)) if !output.contains('{') => output.clone(),
        _ => files_meant(place, file, &session, "log", 1)?.pop().unwrap_or_default(),
    };
    log_of(place, &session, &path, first)
}

/// `first` is the first output of the rule of this name, if it is one.
fn log_of(
    place: &Place,
    session: &Session,
    path: &str,
    first: Option<Option<String>>,
) -> Result<Exit, Failure> {
    let Some(log) = session.log(path)? else {
        if first == Some(None) {
            return Err(Failure::new(Exit::Plan, format!("no job of rule `{path}` has run here yet")));
        }
        // A file that no rule makes is the better answer, with what may be meant.
        session.why(path).map_err(|error| place.explained(error, &[path.to_string()]))?;
        return Err(Failure::new(Exit::Plan, format!("no job that makes `{path}` has run here yet")));
    };
    if place.output.json {
        let JobLog { log, text, own, not_executed, .. } = &log;
        let own: Vec<_> = own.iter().map(|(path, text)| json!({"path": path, "text": text})).collect();
        // As everywhere else: from the root.
        let log = log.strip_prefix(&place.project.root).unwrap_or(log);
        let log = (not_executed.is_none() && !text.is_empty()).then_some(log);
        place.output.answer_json(&json!({
            "v": 1, "path": path, "log": log, "text": text, "own": own, "not_executed": not_executed
        }))?;
        return Ok(Exit::Success);
    }
    if let Some(instead) = &log.not_executed {
        let path = place.project.for_user(path);
        place.output.remark(&format!("`{}` has no log: it was {instead}", report::printable(&path)));
    } else if log.text.is_empty() {
        // Its log became that of another job.
        place.output.remark("the job wrote nothing");
    } else {
        answer_log(place, &log.text)?;
    }
    for (path, text) in &log.own {
        place.output.remark(&format!("{}:", report::printable(&place.project.for_user(path))));
        answer_log(place, text)?;
    }
    Ok(Exit::Success)
}

fn answer_log(place: &Place, text: &str) -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        place.output.answer(&for_terminal(text))
    } else {
        place.output.answer(text)
    }
}

/// Files of a pattern that are explained, one after the other; more are not read.
const EXPLAINED: usize = 20;
/// Files that are named of those that a pattern fits.
const FILES_NAMED: usize = 5;

/// The files that one word asks about: those that a pattern fits, at most so many, or the one that it names.
fn files_meant(
    place: &Place,
    file: &str,
    session: &Session,
    command: &str,
    most: usize,
) -> Result<Vec<String>, Failure> {
    let path = path_of(place, file, session.workflow());
    if session.workflow().rule(&path).is_some() {
        return Ok(vec![path]);
    }
    let files = session.files_of(&path)?;
    if files.is_empty() {
        return Ok(vec![path]);
    }
    if files.len() <= most {
        return Ok(files);
    }
    let named = files.iter().take(FILES_NAMED).map(|file| place.project.for_user(file));
    let named: Vec<String> = named.map(|file| report::printable(&file).into_owned()).collect();
    let more = match files.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let most = if most == 1 { "one".to_string() } else { format!("at most {most}") };
    let message = format!("`{file}` fits {} files, and `{command}` is about {most}", files.len());
    Err(Failure::new(Exit::Usage, message)
        .note(format!("they are {}{more}", named.join(", ")))
        .help(format!("name one of them, such as `rulemake {command} {}`", named[0])))
}

fn path_of(place: &Place, file: &str, workflow: &Workflow) -> String {
    place.targets(&[file.to_string()], workflow).pop().unwrap_or_default()
}

/// A log may hold anything: colours and other commands to the terminal are dropped.
fn for_terminal(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (body, end) = line.strip_suffix('\n').map_or((line, "\n"), |body| (body, "\n"));
        out.push_str(&report::printable(&body.trim_end_matches('\r').replace('\t', "    ")));
        out.push_str(end);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_cannot_command_the_terminal() {
        assert_eq!(for_terminal("\u{1b}[31mred\u{1b}[0m\tx\r\nb\u{8}"), "red    x\nb\n");
    }
}
