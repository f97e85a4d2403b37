//! A small line diff: for commands, and for files as others print it.

use crate::diag::style::{Role, TextStyle};
use std::fmt::Write as _;

/// How many lines of unchanged text stand around a change.
const CONTEXT: usize = 2;
/// The same in the diff of a file.
const AROUND: usize = 3;
/// Above this many pairs of lines the diff is not worth its time: all old lines, then all new ones.
const PAIRS_MAX: usize = 250_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Same,
    Removed,
    Added,
    /// Unchanged lines were left out here.
    Gap,
}

/// The lines of `old` and `new`, unchanged ones only near a change.
pub(super) fn lines<'a>(old: &'a str, new: &'a str) -> Vec<(Change, &'a str)> {
    near_changes(all_lines(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>()))
}

fn all_lines<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(Change, &'a str)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut all: Vec<(Change, &str)> = old[..head].iter().map(|l| (Change::Same, *l)).collect();
    middle(&old[head..old.len() - tail], &new[head..new.len() - tail], &mut all);
    all.extend(old[old.len() - tail..].iter().map(|l| (Change::Same, *l)));
    all
}

/// What changed in a file, in the form that `diff -u` gives and `patch` takes; empty when nothing did.
///
/// ```
/// let text = rulemake::report::unified_diff("Rulefile", "a\nb\n", "a\nc\n", rulemake::TextStyle::Plain);
/// assert_eq!(text, "--- Rulefile\n+++ Rulefile\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
/// ```
#[must_use]
pub fn unified_diff(name: &str, before: &str, after: &str, style: TextStyle) -> String {
    if before == after {
        return String::new();
    }
    let (old, new): (Vec<&str>, Vec<&str>) =
        (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    let all = all_lines(&old, &new);
    let changes: Vec<usize> = (0..all.len()).filter(|i| all[*i].0 != Change::Same).collect();
    let mut out = format!("--- {name}\n+++ {name}\n");
    let (mut old_line, mut new_line, mut done) = (1, 1, 0);
    for hunk in changes.chunk_by(|a, b| b - a <= 2 * AROUND) {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { continue };
        let start = first.saturating_sub(AROUND).max(done);
        let end = (last + AROUND + 1).min(all.len());
        // Between hunks all lines are in both.
        (old_line, new_line) = (old_line + start - done, new_line + start - done);
        let count = |gone: Change| all[start..end].iter().filter(|(change, _)| *change != gone).count();
        let (old_count, new_count) = (count(Change::Added), count(Change::Removed));
        // A range without lines names the line before it.
        let (at_old, at_new) =
            (old_line - usize::from(old_count == 0), new_line - usize::from(new_count == 0));
        let head = format!("@@ -{at_old},{old_count} +{at_new},{new_count} @@");
        let _ = writeln!(out, "{}", style.paint(Role::Frame, &head));
        for (change, line) in &all[start..end] {
            push_line(&mut out, *change, line, style);
        }
        (old_line, new_line, done) = (old_line + old_count, new_line + new_count, end);
    }
    out
}

fn push_line(out: &mut String, change: Change, line: &str, style: TextStyle) {
    let (mark, role) = match change {
        Change::Removed => ("-", Some(Role::Error)),
        Change::Added => ("+", Some(Role::Good)),
        Change::Same | Change::Gap => (" ", None),
    };
    let text = format!("{mark}{}", line.strip_suffix('\n').unwrap_or(line));
    match role {
        Some(role) => out.push_str(&style.paint(role, &text)),
        None => out.push_str(&text),
    }
    out.push('\n');
    if !line.ends_with('\n') {
        out.push_str("\\ No newline at end of file\n");
    }
}

/// Longest common subsequence by the usual table.
fn middle<'a>(old: &[&'a str], new: &[&'a str], out: &mut Vec<(Change, &'a str)>) {
    if old.len().saturating_mul(new.len()) > PAIRS_MAX {
        out.extend(old.iter().map(|l| (Change::Removed, *l)));
        out.extend(new.iter().map(|l| (Change::Added, *l)));
        return;
    }
    let width = new.len() + 1;
    let mut common = vec![0u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let next = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
            common[i * width + j] = next;
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            out.push((Change::Same, old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len()
            || (i < old.len() && common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            out.push((Change::Removed, old[i]));
            i += 1;
        } else {
            out.push((Change::Added, new[j]));
            j += 1;
        }
    }
}

fn near_changes(all: Vec<(Change, &str)>) -> Vec<(Change, &str)> {
    let mut keep = vec![false; all.len()];
    for (i, _) in all.iter().enumerate().filter(|(_, (change, _))| *change != Change::Same) {
        let end = (i + CONTEXT + 1).min(all.len());
        keep[i.saturating_sub(CONTEXT)..end].fill(true);
    }
    let mut out = Vec::new();
    for (entry, keep) in all.into_iter().zip(keep) {
        if keep {
            out.push(entry);
        } else if out.last().is_none_or(|(change, _)| *change != Change::Gap) {
            out.push((Change::Gap, ""));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use Change::{Added, Gap, Removed, Same};

    #[test]
    fn a_changed_line_stands_between_its_neighbours() {
        let old = "1\n2\n3\n4\n5\n6\n7";
        let new = "1\n2\n3\nX\n5\n6\n7";
        assert_eq!(
            lines(old, new),
            [
                (Gap, ""),
                (Same, "2"),
                (Same, "3"),
                (Removed, "4"),
                (Added, "X"),
                (Same, "5"),
                (Same, "6"),
                (Gap, "")
            ]
        );
    }

    #[test]
    fn lines_that_stay_in_the_middle_are_found() {
        assert_eq!(
            lines("a\nb\nc", "x\nb\ny"),
            [(Removed, "a"), (Added, "x"), (Same, "b"), (Removed, "c"), (Added, "y")]
        );
        assert_eq!(lines("", "a"), [(Added, "a")]);
        assert_eq!(lines("a\na", "a"), [(Same, "a"), (Removed, "a")]);
        assert_eq!(lines("a", "a"), [(Gap, "")]);
    }

    #[test]
    fn very_long_commands_cost_no_time() {
        let old: String = (0..5000).map(|i| format!("{i}\n")).collect();
        let new: String = (0..5000).map(|i| format!("{}\n", i * 2 + 1)).collect();
        let diff = lines(&old, &new);
        assert_eq!(diff.iter().filter(|(c, _)| *c == Added).count(), 5000);
    }
}
