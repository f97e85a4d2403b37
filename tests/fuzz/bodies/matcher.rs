//! A pattern against a path, as the whole engine sees it, and as a naive search of all values says.

use super::Source;
use rulemake::{RunOptions, Session, Workflow};
use std::path::Path;

#[derive(Clone, Debug)]
enum Piece {
    Text(&'static str),
    /// A wildcard with its constraint.
    Hole(&'static str, Option<&'static str>),
}

const CONSTRAINTS: [&str; 9] =
    ["[0-9]+", "[ab]+", "a|ab", "ab|a", "[^/]+", "a.*", "a.*?", "[ab]+?", "(a|b)+1?"];

/// What the constraints mean, without a regex.
fn allows(constraint: Option<&str>, value: &str) -> bool {
    let only = |allowed: &str| !value.is_empty() && value.chars().all(|c| allowed.contains(c));
    match constraint {
        Some("[0-9]+") => only("0123456789"),
        Some("[ab]+" | "[ab]+?") => only("ab"),
        Some("a|ab" | "ab|a") => value == "a" || value == "ab",
        Some("[^/]+") => !value.is_empty() && !value.contains('/'),
        Some("a.*" | "a.*?") => value.starts_with('a'),
        Some(_) => {
            let value = value.strip_suffix('1').unwrap_or(value);
            !value.is_empty() && value.chars().all(|c| c == 'a' || c == 'b')
        }
        None => !value.is_empty(),
    }
}

/// Whether a constraint wants the shortest value that will do; the others want the longest.
fn is_lazy(constraint: Option<&str>) -> bool {
    matches!(constraint, Some("a|ab" | "a.*?" | "[ab]+?"))
}

/// The first wildcard takes what it wants most, then the second...: what Snakemake's regex gives.
fn naive<'p>(pieces: &[Piece], path: &'p str, found: &mut Vec<(&'static str, &'p str)>) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return path.is_empty() };
    match piece {
        Piece::Text(text) => path.strip_prefix(text).is_some_and(|path| naive(rest, path, found)),
        Piece::Hole(name, constraint) => {
            if let Some((_, value)) = found.iter().find(|(known, _)| known == name) {
                let value = *value;
                return path.strip_prefix(value).is_some_and(|path| naive(rest, path, found));
            }
            let mut ends: Vec<usize> = (1..=path.len()).collect();
            if !is_lazy(*constraint) {
                ends.reverse();
            }
            for end in ends {
                let value = &path[..end];
                if allows(*constraint, value) {
                    found.push((name, value));
                    if naive(rest, &path[end..], found) {
                        return true;
                    }
                    found.pop();
                }
            }
            false
        }
    }
}

fn pieces(source: &mut Source<'_>) -> Vec<Piece> {
    let mut pieces = vec![Piece::Text("o/")];
    let mut constrained: Vec<&str> = Vec::new();
    for _ in 0..1 + source.below(6) {
        let slash = matches!(pieces.last(), Some(Piece::Text(text)) if text.ends_with('/'));
        pieces.push(match source.below(5) {
            0 => Piece::Text("a"),
            1 if !slash => Piece::Text("/"),
            2 => Piece::Text("_"),
            _ => {
                let name = ["x", "y", "z"][source.below(3)];
                // A constraint stands where the name is first.
                let first = !constrained.contains(&name);
                constrained.push(name);
                let constraint =
                    (first && source.once_in(2)).then(|| CONSTRAINTS[source.below(CONSTRAINTS.len())]);
                Piece::Hole(name, constraint)
            }
        });
    }
    if matches!(pieces.last(), Some(Piece::Text("/"))) {
        pieces.push(Piece::Text("b"));
    }
    pieces
}

fn path(source: &mut Source<'_>) -> String {
    let mut path = String::from("o");
    let mut slash = true;
    for _ in 0..1 + source.below(12) {
        if slash {
            path.push('/');
        }
        slash = false;
        match source.below(8) {
            0..=2 => path.push('a'),
            3 | 4 => path.push('b'),
            5 => path.push('_'),
            6 => path.push('1'),
            _ => {
                path.push('b');
                slash = true;
            }
        }
    }
    path
}

/// Plans `path` in `root`, an empty directory.
pub(crate) fn run(root: &Path, bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let pieces = pieces(&mut source);
    let path = path(&mut source);
    let pattern: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => (*text).to_string(),
            Piece::Hole(name, None) => format!("{{{name}}}"),
            Piece::Hole(name, Some(constraint)) => format!("{{{name},{constraint}}}"),
        })
        .collect();
    let mut expected = Vec::new();
    let matches = naive(&pieces, &path, &mut expected);
    expected.sort_unstable();

    let text = format!("rule making:\n    output: r\"{pattern}\"\n    shell: \"true\"\n");
    let workflow = Workflow::parse("Rulefile", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let session = Session::builder(workflow).root(root).open().unwrap_or_else(|error| panic!("{error}"));
    let found = match session.plan(&[&path], &RunOptions::default()) {
        Ok(plan) => {
            let mut wildcards = plan.job(0).expect("the target's job").info().wildcards;
            wildcards.sort_unstable();
            Some(wildcards)
        }
        // Any other error would be one of ours.
        Err(error) if error.diagnostics().iter().all(|d| d.code == "no-such-target") => None,
        Err(error) => panic!("`{pattern}` against `{path}`: {error}"),
    };
    let expected: Option<Vec<(String, String)>> =
        matches.then(|| expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect());
    assert_eq!(found, expected, "`{pattern}` against `{path}`");
}
