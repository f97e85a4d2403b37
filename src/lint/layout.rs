//! What is missing or lies around: logs, tabs, blanks.

use super::Finder;
use super::scope::Scope;
use crate::diag::{Problem, Span};
use crate::model::action::Action;
use crate::syntax::ast::{Expr, ExprKind, Stmt, StmtKind};
use crate::syntax::walk::{Node, walk};

/// `no-log`: a rule that runs something and names no log.
pub(super) fn no_log(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    for site in scope.sites.iter().filter(|site| !site.is_inherited()) {
        let runs = matches!(site.rule.action, Action::Shell(_) | Action::Script(_) | Action::Run(_));
        if runs && site.rule.logs.is_empty() {
            let message = format!("rule `{}` has no `log:`", site.rule.name);
            finder.push(
                site.warning("no-log", message, None)
                    .note("`rulemake log FILE` shows what the last job printed; a log of its own stays beside the results")
                    .help("add `log: \"logs/...\"`, and write `2> {log}` in the command"),
            );
        }
    }
}

/// `tabs-and-blanks`: lines that are indented by tabs or end with blanks; told once for each file.
pub(super) fn tabs_and_blanks(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    for file in scope.files {
        let mut texts: Vec<(usize, usize)> = Vec::new();
        walk(&file.block, |node| {
            // Within one line a text hides nothing.
            let spans_lines =
                |(from, to): &(usize, usize)| file.text.get(*from..*to).is_some_and(|t| t.contains('\n'));
            texts.extend(text_of(node).filter(spans_lines));
            true
        });
        let (mut first, mut more) = (None, 0);
        let mut start = 0;
        for line in file.text.split_inclusive('\n') {
            let end = start + line.len();
            // What stands in a text is data.
            let is_code = !texts.iter().any(|(from, to)| *from < end && *to > start);
            if let (true, Some((from, to))) = (is_code, untidy(line)) {
                match first {
                    None => first = Some(Span::new(file.source, start + from, start + to)),
                    Some(_) => more += 1,
                }
            }
            start = end;
        }
        let Some(place) = first else { continue };
        let what = scope.workflow.sources.snippet(place);
        let what = if what.contains('\t') { "a tab" } else { "a blank at the end" };
        let problem = Problem::warning("tabs-and-blanks", format!("this line has {what}")).at(place, "");
        let problem = match more {
            0 => problem,
            1 => problem.note("1 more line of the file has such blanks"),
            more => problem.note(format!("{more} more lines of the file have such blanks")),
        };
        finder.push(problem.help("`rulemake fmt` takes them away"));
    }
}

/// Where blanks of a line are that should not be.
fn untidy(line: &str) -> Option<(usize, usize)> {
    let text = line.trim_end_matches(['\n', '\r']);
    let indent = text.len() - text.trim_start_matches([' ', '\t']).len();
    if let Some(at) = text[..indent].find('\t') {
        return Some((at, at + 1));
    }
    let kept = text.trim_end_matches([' ', '\t']).len();
    (kept < text.len()).then_some((kept, text.len()))
}

/// The lines that hold a text: a string over several lines, a docstring, or Python that is not ours.
fn text_of(node: Node<'_>) -> Option<(usize, usize)> {
    let range = |span: Span| (span.start as usize, span.end as usize);
    match node {
        Node::Expr(Expr { kind: ExprKind::Str(_) | ExprKind::FString(_), span }) => Some(range(*span)),
        Node::Code(code) if code.block.is_err() => Some(range(code.span)),
        Node::Stmt(Stmt { kind: StmtKind::Rule(def), .. }) if def.doc.is_some() => {
            let end = def.sections.first().map_or(def.head.end, |section| section.name.span.start);
            Some((def.head.end as usize, end as usize))
        }
        Node::Stmt(Stmt { kind: StmtKind::Opaque(_), span }) => Some(range(*span)),
        _ => None,
    }
}
