//! Texts that stand beside each other without a comma, which Python joins.

use super::Finder;
use super::scope::Scope;
use crate::diag::{Problem, Span};
use crate::syntax::ast::{ExprKind, Section};
use crate::syntax::walk::{Node, walk_expr};

/// `joined-paths`: two paths among inputs or outputs that become one because the comma between them is missing.
pub(super) fn joined_paths(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    let is_of_paths = |section: &&Section| matches!(&*section.name.text, "input" | "output" | "metrics");
    for site in &scope.sites {
        for section in site.sections().iter().filter(is_of_paths) {
            for arg in &section.args {
                walk_expr(&arg.value, |node| {
                    if let Node::Expr(expr) = node
                        && matches!(expr.kind, ExprKind::Str(_) | ExprKind::FString(_))
                        && let Some((first, second)) = joined(scope.workflow.sources.snippet(expr.span))
                    {
                        let message = format!("`{first}` and `{second}` are one path, `{first}{second}`");
                        finder.push(missing_comma(message, expr.span));
                    }
                    true
                });
            }
        }
    }
}

fn missing_comma(message: String, span: Span) -> Problem {
    Problem::warning("joined-paths", message)
        .at(span, "")
        .note("texts beside each other are joined")
        .help("write a comma between them")
}

/// The first two neighbours in an expression of literals that both look like whole paths.
fn joined(source: &str) -> Option<(&str, &str)> {
    let literals = literals(source);
    let pair = |pair: &[&str]| ends_like_a_file(pair[0]) && starts_like_a_path(pair[1]);
    let at = literals.windows(2).position(pair)?;
    Some((literals[at], literals[at + 1]))
}

/// `a.txt`, `x/{s}.fastq.gz`: an ending of letters and digits after a dot, and something before it.
fn ends_like_a_file(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && !stem.ends_with('/')
            && (1..=6).contains(&ending.len())
            && ending.starts_with(|c: char| c.is_ascii_alphabetic())
            && ending.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

/// No more of a name that goes on: `.gz`, `_2.txt`, `/b`.
fn starts_like_a_path(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '{') && ends_like_a_file(text)
}

/// What stands between the quotes of each literal, as it is written.
fn literals(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '\'', '#']) {
        let (mark, from) = (&rest[at..=at], &rest[at..]);
        if mark == "#" {
            rest = from.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let triple = mark.repeat(3);
        let mark = if from.starts_with(&triple) { triple.as_str() } else { mark };
        let body = &from[mark.len()..];
        let Some(end) = end_of(body, mark) else { break };
        found.push(&body[..end]);
        rest = &body[end + mark.len()..];
    }
    found
}

/// Where a literal ends: a backslash takes the character after it along.
fn end_of(body: &str, mark: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in body.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if body[at..].starts_with(mark) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: only what must be two paths is taken for two; a path in pieces is nobody's mistake.
    #[test]
    fn two_whole_paths_are_told_from_one_in_pieces() {
        let is_two = |source: &str| joined(source).is_some();
        assert_eq!(joined("\"x1.txt\"\n    'x2.txt'"), Some(("x1.txt", "x2.txt")));
        assert!(is_two("\"raw/{s}.fq.gz\" # one\n f'{dir}/b.bam'"));
        assert!(is_two("'''a.txt''' r\"b.txt\""));
        for one in [
            "'a.txt'",
            "'raw/' 'a.txt'",
            "'a.fastq' '.gz'",
            "'{s}.sorted' '_1.bam'",
            "'a.b' '/c.txt'",
            "'v1.2' 'x.txt'",
            "'a\\'.txt'",
            "'a.txt' 'b'",
            "'a \"b.txt\" \"c.txt\" '",
            "'ä.txt",
            "'ä\\",
        ] {
            assert!(!is_two(one), "{one}");
        }
    }
}
