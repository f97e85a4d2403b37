//! Comments that silence lints: `# rulemake: allow(lint-name)`.

use super::LINTS;
use super::scope::Scope;
use crate::diag::{Problem, SourceId, Span};
use crate::model::workflow::Workflow;
use crate::syntax::words::meant;
use rustc_hash::{FxHashMap, FxHashSet};

const MARK: &str = "# rulemake: allow(";

/// What is silenced where.
pub(super) struct Allowed {
    /// Names of lints by the line that they are silenced on.
    lines: FxHashMap<(SourceId, u32), FxHashSet<String>>,
    /// Statements that define rules, with the line that they start on.
    definitions: Vec<(Span, u32)>,
}

impl Allowed {
    /// Reads the comments; those with an unknown name are problems themselves.
    pub(super) fn read(scope: &Scope<'_>) -> (Allowed, Vec<Problem>) {
        let mut lines: FxHashMap<(SourceId, u32), FxHashSet<String>> = FxHashMap::default();
        let mut unknown = Vec::new();
        for file in scope.files {
            let mut above: Vec<String> = Vec::new();
            let mut start = 0;
            for line in file.text.split_inclusive('\n') {
                let number = line_of(scope.workflow, file.source, start);
                let mut names: Vec<String> = Vec::new();
                if let Some(listed) = listed(line) {
                    for name in listed.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                        let offset = name.as_ptr() as usize - line.as_ptr() as usize;
                        let span = Span::new(file.source, start + offset, start + offset + name.len());
                        match LINTS.iter().any(|lint| lint.name == name) {
                            true => names.push(name.to_string()),
                            false => unknown.push(unknown_lint(name, span)),
                        }
                    }
                }
                if line.trim_start().starts_with('#') {
                    // It is for the first line below that is no comment.
                    above.extend(names);
                } else {
                    names.append(&mut above);
                    if !names.is_empty() {
                        lines.entry((file.source, number)).or_default().extend(names);
                    }
                }
                start += line.len();
            }
        }
        let line = |span: &Span| line_of(scope.workflow, span.source, span.start as usize);
        let definitions = scope.definitions.iter().map(|span| (*span, line(span))).collect();
        (Allowed { lines, definitions }, unknown)
    }

    /// Whether a comment at the place of the problem, or at the head of its rule, allows it.
    pub(super) fn silences(&self, problem: &Problem, workflow: &Workflow) -> bool {
        let Some((place, _)) = problem.labels.first() else { return false };
        let has = |line: u32| {
            self.lines.get(&(place.source, line)).is_some_and(|names| names.contains(problem.code))
        };
        let around = |(span, line): &(Span, u32)| {
            (span.source == place.source && (span.start..span.end).contains(&place.start)).then_some(*line)
        };
        has(line_of(workflow, place.source, place.start as usize))
            || self.definitions.iter().filter_map(around).any(has)
    }
}

fn line_of(workflow: &Workflow, source: SourceId, offset: usize) -> u32 {
    workflow.sources.file(source).line_column(offset as u32).0
}

/// The names between the parentheses.
fn listed(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(MARK)?;
    rest.split_once(')').map(|(names, _)| names)
}

fn unknown_lint(name: &str, span: Span) -> Problem {
    let problem = Problem::warning("unknown-lint", format!("there is no lint `{name}`")).at(span, "");
    match meant(name, LINTS.iter().map(|lint| lint.name)) {
        Some(question) => problem.help(question),
        None => problem.help("`rulemake check --list` shows all lints"),
    }
}
