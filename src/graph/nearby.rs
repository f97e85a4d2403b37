//! Files that a pattern would make, nearest to a name that none makes: what a misspelt path was meant to be.

use crate::model::pattern::{Pattern, Segment};

/// Longer names are not compared: the work grows with their length.
const LONGEST: usize = 256;

/// One step of a pattern.
#[derive(Clone, Copy)]
enum Step {
    Letter(char),
    /// At least one character, whatever it is.
    Hole,
}

/// The path nearest to `wanted` that `pattern` spells, and in how many letters its fixed parts differ. At most one
/// letter of four may: otherwise nothing is left by which one could have meant it. Letters of another size do not count.
/// Constraints are not looked at.
pub(crate) fn nearest(pattern: &Pattern, wanted: &str) -> Option<(usize, String)> {
    let mut steps: Vec<Step> = Vec::new();
    for segment in &pattern.segments {
        match segment {
            Segment::Literal(text) => steps.extend(text.chars().map(Step::Letter)),
            Segment::Wildcard { .. } => steps.push(Step::Hole),
        }
    }
    let letters = steps.iter().filter(|step| matches!(step, Step::Letter(_))).count();
    let limit = (letters / 4).min(4);
    let wanted: Vec<char> = wanted.chars().take(LONGEST + 1).collect();
    if limit == 0 || wanted.len() > LONGEST || steps.len() > LONGEST || letters > wanted.len() + limit {
        return None;
    }
    let costs = costs(&steps, &wanted);
    let distance = *costs.last()?.last()?;
    let path = (distance <= limit).then(|| spelled(&steps, &wanted, &costs))?;
    (path.chars().ne(wanted)).then_some((distance, path))
}

/// `[i][j]`: letters that differ between the first `i` steps and the first `j` characters.
fn costs(steps: &[Step], wanted: &[char]) -> Vec<Vec<usize>> {
    // More than any distance, and far from the end of the numbers.
    let never = LONGEST * 4;
    let mut all: Vec<Vec<usize>> = vec![(0..=wanted.len()).collect()];
    for (i, step) in steps.iter().enumerate() {
        let above = &all[i];
        let mut row = Vec::with_capacity(wanted.len() + 1);
        row.push(match step {
            Step::Letter(_) => above[0] + 1,
            Step::Hole => never,
        });
        for (j, found) in wanted.iter().enumerate() {
            row.push(match step {
                Step::Letter(letter) => {
                    let same = above[j] + usize::from(!is_same(*letter, *found));
                    same.min(above[j + 1] + 1).min(row[j] + 1)
                }
                Step::Hole => above[j].min(row[j]),
            });
        }
        all.push(row);
    }
    all
}

fn is_same(a: char, b: char) -> bool {
    a == b || a.to_lowercase().eq(b.to_lowercase())
}

/// `wanted` with the ending that `pattern` has and that was left out, if something else stands in the pattern by which one
/// could have meant it. Whether the rest matches is not looked at.
pub(crate) fn ended<'p>(pattern: &'p Pattern, wanted: &'p str) -> impl Iterator<Item = String> + 'p {
    let literal = |segment: &'p Segment| match segment {
        Segment::Literal(text) => Some(&**text),
        Segment::Wildcard { .. } => None,
    };
    let fixed: usize = pattern.segments.iter().filter_map(literal).map(str::len).sum();
    let last = pattern.segments.last().and_then(literal).unwrap_or_default();
    let endings = last.match_indices('.').map(|(at, _)| &last[at..]);
    endings
        .filter(move |ending| ending.len() < fixed && !ending.contains('/'))
        .map(move |ending| format!("{wanted}{ending}"))
}

/// The pattern with those characters in its holes that make it nearest, from the end to the start.
fn spelled(steps: &[Step], wanted: &[char], costs: &[Vec<usize>]) -> String {
    let (mut i, mut j) = (steps.len(), wanted.len());
    let mut path: Vec<char> = Vec::new();
    while i > 0 {
        let cost = costs[i][j];
        match steps[i - 1] {
            Step::Hole if j == 0 => break,
            Step::Hole => {
                path.push(wanted[j - 1]);
                // The hole ends here as soon as that costs nothing.
                if costs[i - 1][j - 1] == cost {
                    i -= 1;
                }
                j -= 1;
            }
            Step::Letter(letter)
                if j > 0 && costs[i - 1][j - 1] + usize::from(!is_same(letter, wanted[j - 1])) == cost =>
            {
                path.push(letter);
                (i, j) = (i - 1, j - 1);
            }
            Step::Letter(_) if j > 0 && costs[i][j - 1] + 1 == cost => j -= 1,
            Step::Letter(letter) => {
                path.push(letter);
                i -= 1;
            }
        }
    }
    path.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_more_less_or_other_is_found_and_the_value_stays() {
        for (pattern, wanted, meant) in [
            ("results/counts/{s}.tsv", "results/count/A.tsv", "results/counts/A.tsv"),
            ("results/counts/{s}.tsv", "rsults/counts/A.tsv", "results/counts/A.tsv"),
            ("{s}.count", "A.counts", "A.count"),
            ("{s}.count", "A.cunt", "A.count"),
            ("out/{a}_{b}.txt", "otu/x_y.txt", "out/x_y.txt"),
            ("out/{a}.{b}.txt", "OUT/a.B.txt", "out/a.B.txt"),
            ("größe/{a}.txt", "grösse/日本.txt", "größe/日本.txt"),
        ] {
            let near = nearest(&Pattern::parse(pattern).unwrap(), wanted).map(|(_, path)| path);
            assert_eq!(near.as_deref(), Some(meant), "{pattern} {wanted}");
        }
    }

    #[test]
    fn what_is_far_matches_or_has_too_few_letters_is_not() {
        for (pattern, wanted) in [
            ("{a}/{b}", "x"),
            ("{s}.count", "A.count"),
            ("{s}.count", "A.table"),
            ("a/{x}.txt", ""),
            ("{a}.c", "x.d"),
        ] {
            assert_eq!(nearest(&Pattern::parse(pattern).unwrap(), wanted), None, "{pattern} {wanted}");
        }
        let long = "x".repeat(100_000);
        assert_eq!(nearest(&Pattern::parse("{s}.count").unwrap(), &long), None);
    }
}
