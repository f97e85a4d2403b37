//! `rulemake list` and `rulemake summary`: the rules, or the files that they make.

use super::{Place, ask};
use crate::exit::{Exit, Failure};
use crate::options::RunArgs;
use crate::output::{FAINT, HEADING, painted};
use rulemake::inspect::OutputState;
use rulemake::report::{self, printable};
use rulemake::{PlannedJob, Reason, RunOptions, TextStyle, Verdict, Workflow};
use std::io::IsTerminal;
use unicode_width::UnicodeWidthStr;

/// One rule as it is shown.
#[derive(serde::Serialize)]
struct Listed<'a> {
    name: &'a str,
    default: bool,
    doc: Option<&'a str>,
    wildcards: Vec<&'a str>,
    outputs: Vec<&'a str>,
}

pub(crate) fn rules(place: &Place) -> Result<Exit, Failure> {
    let workflow = place.load(None)?;
    let rules = listed(&workflow);
    if place.output.json {
        place.output.answer_json(&serde_json::json!({"v": 1, "rules": rules}))?;
    } else {
        place.output.answer(&rules_text(&rules, place.output.stdout_style()))?;
    }
    Ok(Exit::Success)
}

pub(crate) fn outputs(place: &Place, targets: &[String]) -> Result<Exit, Failure> {
    let plan = ask::planned(place, targets, &RunArgs::default())?;
    let of_job = |planned: PlannedJob<'_>| -> Vec<(String, &'static str)> {
        let state = state(planned.verdict());
        planned.info().outputs.into_iter().map(|path| (path, state)).collect()
    };
    let mut outputs: Vec<(String, &str)> = plan.jobs().flat_map(of_job).collect();
    outputs.sort_unstable();
    // Who reads it in a pipe wants names and nothing else.
    let with_state = place.output.verbose > 0 || std::io::stdout().is_terminal();
    if place.output.json {
        let paths: Vec<&String> = outputs.iter().map(|(path, _)| path).collect();
        place.output.answer_json(&serde_json::json!({"v": 1, "outputs": paths}))?;
    } else {
        let line = |(path, state): &(String, &str)| match with_state {
            true => format!("{state:11} {}\n", printable(&place.project.for_user(path))),
            false => format!("{}\n", printable(&place.project.for_user(path))),
        };
        let lines: String = outputs.iter().map(line).collect();
        place.output.answer(&lines)?;
    }
    Ok(Exit::Success)
}

/// A word for what is known of a job.
fn state(verdict: &Verdict) -> &'static str {
    let is_now = |reason: &Reason| matches!(reason, Reason::RunningNow { .. });
    match verdict {
        Verdict::Run { reasons } if reasons.iter().any(is_now) => "runs now",
        Verdict::Run { .. } => "will run",
        Verdict::Restore { .. } => "is restored",
        Verdict::May { .. } => "may run",
        Verdict::AfterCheckpoint { .. } => "open",
        _ => "up to date",
    }
}

pub(crate) fn summary(place: &Place, targets: &[String]) -> Result<Exit, Failure> {
    let session = place.open()?;
    let targets = place.targets(targets, session.workflow());
    let outputs = session.outputs(&targets, &RunOptions::default());
    place.show_printed(&session.take_printed());
    let mut outputs = outputs.map_err(|error| place.explained(error, &targets))?;
    if place.output.json {
        place.output.answer_json(&serde_json::json!({"v": 1, "outputs": outputs}))?;
    } else {
        for output in &mut outputs {
            output.path = place.project.for_user(&output.path);
        }
        place.output.answer(&summary_table(&outputs, place.output.stdout_style()))?;
    }
    Ok(Exit::Success)
}

fn summary_table(outputs: &[OutputState], style: TextStyle) -> String {
    let heads = ["STATE", "SIZE", "LAST RUN", "TOOK", "RULE", "FILE"];
    let rows: Vec<[String; 6]> = outputs.iter().map(row).collect();
    let mut widths = heads.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |cells: [&str; 6]| {
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let fill = " ".repeat(width.saturating_sub(cell.width()));
            // Numbers to the right.
            let cell = if matches!(index, 1..=3) { format!("{fill}{cell}") } else { format!("{cell}{fill}") };
            line.push_str(&cell);
            line.push_str("  ");
        }
        line.trim_end().to_string()
    };
    let mut out = format!("{}\n", painted(style, FAINT, &line(heads)));
    for row in &rows {
        out.push_str(&line(row.each_ref().map(String::as_str)));
        out.push('\n');
    }
    out
}

fn row(output: &OutputState) -> [String; 6] {
    let size = match output.size {
        _ if output.stream.is_some() => output.stream.clone().unwrap_or_default(),
        Some(bytes) => size_text(bytes),
        None if output.directory => "dir".into(),
        None if output.temporary => "temp".into(),
        None => "missing".into(),
    };
    let (run, took) = match &output.last {
        Some(last) if last.accepted => (format!("{} accepted", last.run), String::new()),
        Some(last) if last.restored => (format!("{} restored", last.run), report::duration(last.duration_ms)),
        Some(last) => (last.run.to_string(), report::duration(last.duration_ms)),
        None => Default::default(),
    };
    let path = printable(&output.path).into_owned();
    [state(&output.verdict).into(), size, run, took, printable(&output.rule).into_owned(), path]
}

/// `512 B`, `1.5 kB`, `2.0 GB`.
pub(crate) fn size_text(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["kB", "MB", "GB", "TB", "PB", "EB"].into_iter();
    let mut unit = "B";
    while size >= 1000.0
        && let Some(next) = units.next()
    {
        size /= 1000.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}

fn listed(workflow: &Workflow) -> Vec<Listed<'_>> {
    let default = workflow.default_rule().map(|rule| rule.name());
    workflow
        .rules()
        .map(|rule| Listed {
            name: rule.name(),
            default: default == Some(rule.name()),
            doc: rule.doc(),
            wildcards: rule.wildcards().collect(),
            outputs: rule.outputs().collect(),
        })
        .collect()
}

fn rules_text(rules: &[Listed], style: TextStyle) -> String {
    let mut out = String::new();
    for rule in rules {
        out.push_str(&painted(style, HEADING, &printable(rule.name)));
        out.push_str(if rule.default { "  (default)\n" } else { "\n" });
        for line in rule.doc.unwrap_or_default().trim().lines() {
            let line = format!("    {}", printable(line.trim()));
            out.push_str(line.trim_end());
            out.push('\n');
        }
        for output in &rule.outputs {
            out.push_str(&format!("    {} {}\n", painted(style, FAINT, "->"), printable(output)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2_000_000_000, "2.0 GB")] {
            assert_eq!(size_text(bytes), text);
        }
    }

    #[test]
    fn rules_are_listed_with_their_words_and_patterns() {
        let rules = [
            Listed { name: "all", default: true, doc: None, wildcards: vec![], outputs: vec![] },
            Listed {
                name: "clean",
                default: false,
                doc: Some("\n    Removes bad rows.\n\n    Slowly.\n    "),
                wildcards: vec!["s"],
                outputs: vec!["clean/{s}.tsv", "clean/{s}.log"],
            },
        ];
        assert_eq!(
            rules_text(&rules, TextStyle::Plain),
            "\
all  (default)
clean
    Removes bad rows.

    Slowly.
    -> clean/{s}.tsv
    -> clean/{s}.log
"
        );
    }
}
