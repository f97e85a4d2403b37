//! Whether two patterns can match one path, by walking their automata side by side.

use crate::matching::matcher::{ConstraintCache, Matcher, Values, compile_with};
use crate::model::pattern::{Pattern, Segment};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::fmt::Write;

/// Bytes of one automaton; a pattern that needs more is not looked at.
const AUTOMATON: usize = 1 << 20;

/// Pairs of states that are looked at for one pair of patterns.
const PAIRS: usize = 20_000;

/// One pattern, ready to be compared.
pub(super) struct Shape<'p> {
    pub(super) pattern: &'p Pattern,
    matcher: Matcher,
    automaton: dense::DFA<Vec<u32>>,
}

impl<'p> Shape<'p> {
    /// `None` when the pattern is too big for it.
    pub(super) fn of(pattern: &'p Pattern) -> Option<Shape<'p>> {
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .match_kind(MatchKind::All)
            .dfa_size_limit(Some(AUTOMATON))
            .determinize_size_limit(Some(4 * AUTOMATON));
        let automaton = dense::Builder::new().configure(config).build(&regex(pattern)).ok()?;
        let matcher = compile_with(pattern, &mut ConstraintCache::default()).ok()?;
        Some(Shape { pattern, matcher, automaton })
    }

    /// A shortest path that both match, made of letters where it can be.
    pub(super) fn common_path(&self, other: &Shape<'_>) -> Option<String> {
        let path = shortest(&self.automaton, &other.automaton)?;
        // A wildcard that stands twice is two wildcards to an automaton.
        let fits = |shape: &Shape<'_>| shape.matcher.matches(&path, &mut Values::default());
        (fits(self) && fits(other)).then_some(path)
    }
}

/// The pattern as one regular expression.
fn regex(pattern: &Pattern) -> String {
    let mut text = String::from("(?s)");
    for segment in &pattern.segments {
        // Writing to a text cannot fail.
        let _ = match segment {
            Segment::Literal(literal) => write!(text, "{}", regex::escape(literal)),
            Segment::Wildcard { constraint: Some(constraint), .. } => write!(text, "(?:{constraint})"),
            Segment::Wildcard { constraint: None, .. } => write!(text, ".+"),
        };
    }
    text.push_str(r"\z");
    text
}

/// Bytes in the order of preference.
fn alphabet() -> impl Iterator<Item = u8> {
    let plain = (b'a'..=b'z').chain(b'0'..=b'9').chain(b'A'..=b'Z').chain(*b"_-./");
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte);
    plain.chain((0..=u8::MAX).filter(move |byte| !is_plain(byte)))
}

type Pair = (StateID, StateID);

fn shortest(left: &dense::DFA<Vec<u32>>, right: &dense::DFA<Vec<u32>>) -> Option<String> {
    let config = start::Config::new().anchored(Anchored::Yes);
    let first = (left.start_state(&config).ok()?, right.start_state(&config).ok()?);
    let alphabet: Vec<u8> = alphabet().collect();
    let mut from: FxHashMap<Pair, (Pair, u8)> = FxHashMap::default();
    let mut queue = VecDeque::from([first]);
    while let Some(pair) = queue.pop_front() {
        let (a, b) = pair;
        let ends =
            left.is_match_state(left.next_eoi_state(a)) && right.is_match_state(right.next_eoi_state(b));
        if ends {
            return path_to(pair, first, &from);
        }
        for &byte in &alphabet {
            let next = (left.next_state(a, byte), right.next_state(b, byte));
            let is_dead = left.is_dead_state(next.0) || right.is_dead_state(next.1);
            if is_dead || next == first || from.contains_key(&next) {
                continue;
            }
            from.insert(next, (pair, byte));
            queue.push_back(next);
        }
        if from.len() > PAIRS {
            return None;
        }
    }
    None
}

fn path_to(end: Pair, first: Pair, from: &FxHashMap<Pair, (Pair, u8)>) -> Option<String> {
    let mut bytes = Vec::new();
    let mut at = end;
    while at != first {
        let (before, byte) = from.get(&at)?;
        bytes.push(*byte);
        at = *before;
    }
    bytes.reverse();
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn common(a: &str, b: &str) -> Option<String> {
        let [a, b] = [a, b].map(|text| Pattern::parse(text).unwrap());
        Shape::of(&a)?.common_path(&Shape::of(&b)?)
    }

    #[test]
    fn a_common_path_is_found_where_there_is_one() {
        assert_eq!(common("{s}.bam", "{s}.sorted.bam").as_deref(), Some("a.sorted.bam"));
        assert_eq!(common("a/{x}", "{y}/b").as_deref(), Some("a/b"));
        assert_eq!(common(r"{s,\d+}.txt", "{s}.txt").as_deref(), Some("0.txt"));
        assert_eq!(common("a.txt", "{x}.txt").as_deref(), Some("a.txt"));
    }

    #[test]
    fn constraints_and_literals_keep_patterns_apart() {
        assert_eq!(common(r"{s,\d+}.txt", "{s,[a-z]+}.txt"), None);
        assert_eq!(common("{s,[^.]+}.bam", "{s,[^.]+}.sorted.bam"), None);
        assert_eq!(common("a/{x}.txt", "b/{x}.txt"), None);
        assert_eq!(common("{x,a|b}", "{x,c|d}"), None);
    }

    #[test]
    fn a_repeated_wildcard_is_one_value() {
        assert_eq!(common("{x}/{x}", "a/b"), None);
        assert_eq!(common("{x}/{x}", "{y}/a").as_deref(), Some("a/a"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

        /// Without repeats and constraints, the answer is that of trying all short paths.
        #[test]
        fn no_short_common_path_is_missed(
            a in "[ab]{0,2}\\{x\\}[ab]{0,2}",
            b in "[ab]{0,2}(\\{x\\}[ab]{0,2})?",
            path in "[ab]{1,6}",
        ) {
            prop_assume!(!b.is_empty());
            let [one, other] = [&a, &b].map(|text| Pattern::parse(text).unwrap());
            let [one, other] = [&one, &other].map(|pattern| Shape::of(pattern).unwrap());
            let fits = |shape: &Shape<'_>| shape.matcher.matches(&path, &mut Values::default());
            if fits(&one) && fits(&other) {
                prop_assert!(one.common_path(&other).is_some(), "{a} and {b} have {path}");
            }
        }
    }
}
