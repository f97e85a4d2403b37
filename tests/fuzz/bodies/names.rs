//! Patterns of file names: `fnmatch` against a naive reading of its rules; `glob` and `PurePath.match` come to an end.

use super::{Source, literal, printed, soup};
use std::fs;
use std::path::Path;

const PATTERN: &[&str] = &[
    "a", "b", "*", "?", "[", "]", "!", "-", ".", "^", "\\", "**", "/", "[ab]", "[!a]", "[a-c]", "é", "&",
    "~", "|",
];
const NAME: &[&str] = &["a", "b", "c", "-", "]", "[", ".", "/", "!", "^", "\\", "\n", "é", "&", "~"];

/// Characters between brackets.
struct Set {
    refused: bool,
    ranges: Vec<(char, char)>,
    /// Of the whole with its brackets.
    length: usize,
}

/// The set that a pattern starts with, if its bracket is closed.
fn set(pattern: &[char]) -> Option<Set> {
    let refused = pattern.get(1) == Some(&'!');
    let start = 1 + usize::from(refused);
    // A bracket that comes first is one of the characters.
    let end = (start + 1..pattern.len()).find(|at| pattern[*at] == ']')?;
    let (mut ranges, mut at) = (Vec::new(), start);
    while at < end {
        if at + 2 < end && pattern[at + 1] == '-' {
            ranges.push((pattern[at], pattern[at + 2]));
            at += 3;
        } else {
            ranges.push((pattern[at], pattern[at]));
            at += 1;
        }
    }
    Some(Set { refused, ranges, length: end + 1 })
}

fn naive(pattern: &[char], name: &[char]) -> bool {
    match (pattern.first(), name.first()) {
        (None, first) => first.is_none(),
        (Some('*'), _) => {
            let rest = pattern.iter().take_while(|c| **c == '*').count();
            (0..=name.len()).any(|skip| naive(&pattern[rest..], &name[skip..]))
        }
        (Some('?'), Some(_)) => naive(&pattern[1..], &name[1..]),
        (Some('['), Some(first)) => match set(pattern) {
            Some(Set { refused, ranges, length }) => {
                let found = ranges.iter().any(|(low, high)| low <= first && first <= high);
                found != refused && naive(&pattern[length..], &name[1..])
            }
            None => *first == '[' && naive(&pattern[1..], &name[1..]),
        },
        (Some(want), Some(first)) => want == first && naive(&pattern[1..], &name[1..]),
        (Some(_), None) => false,
    }
}

pub(crate) fn run(root: &Path, bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let length = 1 + source.below(10);
    let pattern = soup(&mut source, PATTERN, length);
    let name = soup(&mut source, NAME, 12);
    let tree = root.join("t/a/b");
    fs::create_dir_all(&tree)
        .and_then(|()| fs::write(tree.join("a.b"), ""))
        .unwrap_or_else(|error| panic!("{error}"));
    let text = format!(
        "import fnmatch, glob\nfrom pathlib import PurePath\np = {}\nn = {}\nprint(fnmatch.fnmatchcase(n, p))\n\
         for call in [lambda: glob.glob('t/' + p.replace('..', ''), recursive=True), lambda: PurePath(n).match(p)]:\n    \
         try:\n        call()\n    except ValueError as e: str(e)\n\
         rule all:\n    output: 'o'\n    shell: 'true'\n",
        literal(&pattern),
        literal(&name)
    );
    let printed = printed(root, &text).unwrap_or_else(|| panic!("{pattern:?} against {name:?} is refused"));
    let as_chars = |text: &str| text.chars().collect::<Vec<_>>();
    let expected = if naive(&as_chars(&pattern), &as_chars(&name)) { "True" } else { "False" };
    assert_eq!(printed, [expected], "{pattern:?} against {name:?}");
}
