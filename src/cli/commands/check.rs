//! `rulemake check`: all mistakes of the Rulefile, what is probably one, and what keeps the default target from being
//! planned. Runs nothing and writes nothing.

use super::Place;
use crate::exit::{Exit, Failure};
use crate::github;
use crate::meant;
use crate::options::{Common, RunArgs};
use crate::output::{FAINT, HEADING, Output, painted, say};
use rulemake::lint::{LINTS, Lint, LintLevel, LintOptions};
use rulemake::{Diagnostic, Severity, Workflow};

const MISSING_INPUT: &str = "missing-input";

/// What `check` was asked to do.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct CheckArgs {
    /// Also what is a matter of taste, or often wanted so
    #[arg(long)]
    pedantic: bool,
    /// Take warnings for mistakes: exit with 1 when there are any
    #[arg(long)]
    strict: bool,
    /// Take the findings of this lint for mistakes. Repeat it for more
    #[arg(long, value_name = "LINT", value_parser = lint)]
    deny: Vec<String>,
    /// Leave this lint out. Repeat it for more
    #[arg(long, value_name = "LINT", value_parser = lint)]
    allow: Vec<String>,
    /// Do not look for what keeps the first rule from being planned: for a place without the inputs
    #[arg(long)]
    no_plan: bool,
    /// List all lints and check nothing
    #[arg(long)]
    list: bool,
}

/// The name of a lint, or what it was probably meant to be.
fn lint(name: &str) -> Result<String, String> {
    if LINTS.iter().any(|lint| lint.name == name) {
        return Ok(name.into());
    }
    let near = meant::nearest(name, LINTS.iter().map(|lint| lint.name), meant::a_third);
    Err(match meant::question(&near) {
        Some(question) => format!("there is no such lint; {question}"),
        None => "there is no such lint; `rulemake check --list` shows them all".into(),
    })
}

pub(crate) fn check(common: &Common, output: Output, args: &CheckArgs) -> Result<Exit, Failure> {
    if let Some(both) = args.deny.iter().find(|name| args.allow.contains(name)) {
        return Err(Failure::new(Exit::Usage, format!("`{both}` is both allowed and denied")));
    }
    if args.list {
        return list(&output);
    }
    let place = Place::find(common.clone(), output)?;
    let workflow = match place.load_silently(None) {
        Ok(workflow) => workflow,
        // Without a place it is not about the Rulefile but about this machine.
        Err(Failure::Library(error)) if Exit::from(error.kind()) == Exit::Workflow => {
            report(&output, error.diagnostics())?;
            return Ok(Exit::Workflow);
        }
        Err(failure) => return Err(failure),
    };
    let mut options = LintOptions::default();
    options.pedantic = args.pedantic;
    options.strict = args.strict;
    options.allow = args.allow.clone();
    options.deny = args.deny.clone();
    options.root = Some(place.project.root.clone());
    let mut found = workflow.lints(&options);
    if !args.no_plan {
        let is_allowed = |found: &Diagnostic| args.allow.contains(&found.code);
        let kept = keeps_from_planning(&place, workflow)?;
        found.extend(kept.into_iter().filter(|found| !is_allowed(found)).map(|found| weighed(found, args)));
    }
    report(&output, &found)?;
    let missing = found.iter().any(|diagnostic| diagnostic.code == MISSING_INPUT);
    if let Some(note) = place.project.elsewhere().filter(|_| missing) {
        output.remark(&note);
    }
    Ok(if count(&found, Severity::Error) > 0 { Exit::Found } else { Exit::Success })
}

fn keeps_from_planning(place: &Place, workflow: Workflow) -> Result<Vec<Diagnostic>, Failure> {
    let session = place.session(workflow, &RunArgs::default()).open()?;
    let found = session.check::<&str>(&[]);
    place.show_printed(&session.take_printed());
    Ok(found?)
}

/// A missing input is no mistake of the Rulefile: where checks run, the data may not be.
fn weighed(mut found: Diagnostic, args: &CheckArgs) -> Diagnostic {
    let is_denied = args.strict || args.deny.contains(&found.code);
    if found.code == MISSING_INPUT && !is_denied {
        found.severity = Severity::Warning;
    }
    found
}

fn count(diagnostics: &[Diagnostic], severity: Severity) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
}

fn report(output: &Output, diagnostics: &[Diagnostic]) -> Result<(), Failure> {
    let (errors, warnings) = (count(diagnostics, Severity::Error), count(diagnostics, Severity::Warning));
    let style = output.stderr_style();
    let wanted = |found: &&Diagnostic| !output.quiet || found.severity == Severity::Error;
    for found in diagnostics.iter().filter(wanted) {
        say(&found.render(style));
    }
    if github::is_there() {
        github::annotate_diagnostics(diagnostics);
    }
    output.remark(&match (errors, warnings) {
        (0, 0) => "nothing to object to".into(),
        (0, warnings) => counted(warnings, "warning"),
        (errors, 0) => counted(errors, "mistake"),
        (errors, warnings) => format!("{} and {}", counted(errors, "mistake"), counted(warnings, "warning")),
    });
    if output.json {
        output.answer_json(&serde_json::json!({
            "v": 1, "errors": errors, "warnings": warnings, "diagnostics": diagnostics
        }))?;
    }
    Ok(())
}

fn counted(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

fn list(output: &Output) -> Result<Exit, Failure> {
    if output.json {
        output.answer_json(&serde_json::json!({"v": 1, "lints": LINTS}))?;
        return Ok(Exit::Success);
    }
    let style = output.stdout_style();
    let width = LINTS.iter().map(|lint| lint.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (level, heading) in [
        (LintLevel::Error, "Mistakes"),
        (LintLevel::Warn, "Always"),
        (LintLevel::Pedantic, "With --pedantic, or --deny NAME"),
    ] {
        let gap = if text.is_empty() { "" } else { "\n" };
        text.push_str(&format!("{gap}{}\n", painted(style, HEADING, heading)));
        let of_level = |lint: &&Lint| lint.level == level;
        for lint in LINTS.iter().filter(of_level) {
            text.push_str(&format!("  {:width$}  {}\n", lint.name, painted(style, FAINT, lint.summary)));
        }
    }
    output.answer(&text)?;
    Ok(Exit::Success)
}
