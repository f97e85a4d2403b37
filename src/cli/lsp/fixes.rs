//! What can be done about a finding: what was probably meant, in place of what is there, or a comment that silences a lint.
//!
//! Knows findings as the client gives them back: what is meant stands in their texts, between backquotes.

use super::text::{Encoding, Text};
use lsp_types::{Diagnostic, DiagnosticSeverity, NumberOrString, Position, Range, Uri};
use serde_json::{Value, json};

const MEANT: &str = "help: did you mean ";

/// The actions for what was found in `text`.
pub(super) fn actions(text: &Text, uri: &Uri, encoding: Encoding, found: &[Diagnostic]) -> Vec<Value> {
    let ours = found.iter().filter(|one| one.source.as_deref() == Some("rulemake"));
    ours.flat_map(|one| {
        let corrections = corrections(text, uri, encoding, one);
        corrections.into_iter().chain(silence(text, uri, one))
    })
    .collect()
}

fn action(title: &str, uri: &Uri, found: &Diagnostic, (range, new): (Range, &str), preferred: bool) -> Value {
    json!({
        "title": title,
        "kind": "quickfix",
        "diagnostics": [found],
        "isPreferred": preferred,
        "edit": {"changes": {uri.as_str(): [{"range": range, "newText": new}]}},
    })
}

fn corrections(text: &Text, uri: &Uri, encoding: Encoding, found: &Diagnostic) -> Vec<Value> {
    let meant: Vec<&str> = found.message.lines().filter_map(|line| line.strip_prefix(MEANT)).collect();
    // Every second piece stands between backquotes.
    let meant: Vec<&str> = meant.iter().flat_map(|line| line.split('`').skip(1).step_by(2)).collect();
    let (start, end) = (text.offset(found.range.start, encoding), text.offset(found.range.end, encoding));
    let Some(there) = text.content.get(start..end) else { return Vec::new() };
    let replace = |meant: &&str| {
        let (at, wrong) = misspelt(there, meant)?;
        let range = text.range(&(start + at..start + at + wrong.len()), encoding);
        let title = format!("Replace `{wrong}` by `{meant}`");
        Some(action(&title, uri, found, (range, meant), true))
    };
    meant.iter().filter_map(replace).collect()
}

/// The piece of `there` that `meant` is to stand in place of: all of it, or the word in it that is most like it.
fn misspelt<'t>(there: &'t str, meant: &str) -> Option<(usize, &'t str)> {
    let is_near = |word: &str| {
        let distance = strsim::osa_distance(word, meant);
        (distance > 0 && distance <= meant.chars().count().max(3) / 3 + 1).then_some(distance)
    };
    // All of it, the paths in it, and the names in those: the first of what is most alike.
    let of_paths = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
    let of_names = |c: char| c.is_alphanumeric() || c == '_';
    let words = std::iter::once(there)
        .chain(there.split(move |c| !of_paths(c)))
        .chain(there.split(move |c| !of_names(c)));
    let near = words.filter_map(|word| Some((is_near(word)?, word)));
    let (_, word) = near.min_by_key(|(distance, _)| *distance)?;
    Some((word.as_ptr() as usize - there.as_ptr() as usize, word))
}

/// A comment above the line, as far to the right as that begins.
fn silence(text: &Text, uri: &Uri, found: &Diagnostic) -> Option<Value> {
    let Some(NumberOrString::String(lint)) = &found.code else { return None };
    let is_lint = found.severity == Some(DiagnosticSeverity::WARNING) && lint != "unknown-lint";
    let line = text.content.lines().nth(found.range.start.line as usize).filter(|_| is_lint)?;
    let indent = &line[..line.len() - line.trim_start().len()];
    let start = Position::new(found.range.start.line, 0);
    let comment = format!("{indent}# rulemake: allow({lint})\n");
    let title = format!("Silence `{lint}` here");
    Some(action(&title, uri, found, (Range::new(start, start), &comment), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_alike_is_replaced() {
        for (there, meant, expected) in [
            ("shel", "shell", Some((0, "shel"))),
            ("{outptu}", "{output}", Some((0, "{outptu}"))),
            ("rules.srot.output", "sort", Some((6, "srot"))),
            ("'raw/count.csv'", "raw/counts.csv", Some((1, "raw/count.csv"))),
            ("é srot", "sort", Some((3, "srot"))),
            ("sort", "sort", None),
            ("something else", "sort", None),
            ("", "sort", None),
        ] {
            assert_eq!(misspelt(there, meant), expected, "{there}");
        }
    }
}
