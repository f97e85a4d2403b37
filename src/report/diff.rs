//! A small line diff for commands.

/// How many lines of unchanged text stand around a change.
const CONTEXT: usize = 2;
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
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let mut all: Vec<(Change, &str)> = old[..head].iter().map(|l| (Change::Same, *l)).collect();
    middle(&old[head..old.len() - tail], &new[head..new.len() - tail], &mut all);
    all.extend(old[old.len() - tail..].iter().map(|l| (Change::Same, *l)));
    near_changes(all)
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
