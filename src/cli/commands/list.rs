//! `rulemake list`: the rules, or the files that they make.

use super::{Place, ask};
use crate::args::RunArgs;
use crate::exit::{Exit, Failure};
use crate::output::{FAINT, HEADING, painted};
use rulemake::report::printable;
use rulemake::{TextStyle, Workflow};

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
    let mut outputs: Vec<String> = plan.jobs().flat_map(|job| job.info().outputs).collect();
    outputs.sort_unstable();
    if place.output.json {
        place.output.answer_json(&serde_json::json!({"v": 1, "outputs": outputs}))?;
    } else {
        let lines: String = outputs.iter().map(|path| format!("{}\n", printable(path))).collect();
        place.output.answer(&lines)?;
    }
    Ok(Exit::Success)
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
