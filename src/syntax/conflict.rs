//! A text in which a merge left both sides: what is wrong with it is that, and nothing that the lines themselves say.

use crate::diag::{Problem, SourceId, Span};

/// Conflicts that are told by their lines.
const TOLD: usize = 5;

/// One conflict: its first line and its last one, as bytes.
struct Conflict {
    begin: (usize, usize),
    end: (usize, usize),
    line: usize,
}

/// The one mistake of a text with conflicts; `None` when there are none.
pub(super) fn problem(source: SourceId, text: &str) -> Option<Problem> {
    let all = conflicts(text);
    let first = all.first()?;
    let span = |(start, end): (usize, usize)| Span { source, start: start as u32, end: end as u32 };
    let others = &all[1..];
    let mut problem = Problem::error("merge-conflict", "a merge left a conflict here that is not settled")
        .at(span(first.begin), "it begins here")
        .at(span(first.end), "and ends here");
    if !others.is_empty() {
        let mut lines: Vec<String> = others.iter().take(TOLD).map(|one| one.line.to_string()).collect();
        if let Some(more @ 1..) = others.len().checked_sub(TOLD) {
            lines.push(format!("{more} more"));
        }
        problem = problem.note(match others.len() {
            1 => format!("another begins in line {}", lines.concat()),
            _ => format!("others begin in lines {}", lines.join(", ")),
        });
    }
    Some(problem.help(
        "keep what is to stay of the two sides, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`",
    ))
}

/// The same of a mark that stands alone, for the others were removed: where something is wrong at it.
pub(super) fn remainder(source: SourceId, text: &str, problems: &[Problem]) -> Option<Problem> {
    let begins: Vec<u32> =
        problems.iter().filter_map(|problem| Some(problem.labels.first()?.0.start)).collect();
    let mut at = 0;
    let lone = text.split_inclusive('\n').find_map(|line| {
        let shown = Span { source, start: at as u32, end: (at + line.trim_end().len()) as u32 };
        at += line.len();
        let is_wrong = || begins.iter().any(|begin| (shown.start..=shown.end).contains(begin));
        (MARKS.iter().any(|mark| is_mark(line, mark)) && is_wrong()).then_some(shown)
    })?;
    Some(
        Problem::error("merge-conflict", "this mark is what is left of a merge's conflict")
            .at(lone, "no other belongs to it")
            .help("look whether both sides are still there, keep what is to stay, and remove this line"),
    )
}

const MARKS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

fn is_mark(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\r', '\n']))
}

fn conflicts(text: &str) -> Vec<Conflict> {
    let (mut all, mut at, mut begun, mut is_halfway) = (Vec::new(), 0, None, false);
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let shown = (at, at + line.trim_end().len());
        at += line.len();
        let is = |mark: &str| is_mark(line, mark);
        match begun {
            _ if is("<<<<<<<") => (begun, is_halfway) = (Some((shown, number)), false),
            Some(_) if is("=======") => is_halfway = true,
            Some((begin, line)) if is_halfway && is(">>>>>>>") => {
                all.push(Conflict { begin, end: shown, line });
                begun = None;
            }
            _ => {}
        }
    }
    all
}
