//! All places where a constraint can end that starts at a given place, in the order in which a backtracking regex
//! engine tries them: `a|ab` tries `a` first, `.+?` the shortest, `.+` the longest. The regex crate tells only the
//! first that fits, and has no back references, which patterns with a repeated wildcard need.
//!
//! A walk of the constraint's automaton in the order of its branches reaches each state at each place once, so it
//! costs states times text and cannot explode.

use regex_automata::nfa::thompson::{NFA, State, WhichCaptures};
use regex_automata::util::primitives::StateID;

/// The automaton of one constraint.
#[derive(Clone, Debug)]
pub(super) struct Ends(NFA);

/// The working memory of a walk.
#[derive(Default, Debug)]
pub(super) struct Walk {
    /// States to visit with their places, the next one last.
    todo: Vec<(StateID, usize)>,
    /// One bit for each state at each place.
    seen: Vec<u64>,
}

impl Ends {
    /// `constraint` is a regex of the regex crate; `None` when its automaton is larger than `size` bytes.
    pub(super) fn new(constraint: &str, size: usize) -> Option<Ends> {
        let config = NFA::config().which_captures(WhichCaptures::None).nfa_size_limit(Some(size));
        NFA::compiler().configure(config).build(&format!("(?s:{constraint})")).ok().map(Ends)
    }

    /// Appends the ends of what starts at `start` and ends at `limit` at the latest, most preferred first.
    pub(super) fn find(
        &self,
        path: &str,
        start: usize,
        limit: usize,
        walk: &mut Walk,
        ends: &mut Vec<usize>,
    ) {
        let (text, width) = (path.as_bytes(), limit - start + 1);
        walk.seen.clear();
        walk.seen.resize((self.0.states().len() * width).div_ceil(64), 0);
        walk.todo.clear();
        walk.todo.push((self.0.start_anchored(), start));
        while let Some((id, at)) = walk.todo.pop() {
            let bit = id.as_usize() * width + at - start;
            let (word, mask) = (bit / 64, 1 << (bit % 64));
            if walk.seen[word] & mask != 0 {
                continue;
            }
            walk.seen[word] |= mask;
            let next = match self.0.state(id) {
                State::ByteRange { trans } => trans.matches(text, at).then_some(trans.next),
                State::Sparse(transitions) => transitions.matches(text, at),
                State::Dense(transitions) => transitions.matches(text, at),
                State::Look { look, next } => {
                    if self.0.look_matcher().matches(*look, text, at) {
                        walk.todo.push((*next, at));
                    }
                    continue;
                }
                State::Union { alternates } => {
                    walk.todo.extend(alternates.iter().rev().map(|id| (*id, at)));
                    continue;
                }
                State::BinaryUnion { alt1, alt2 } => {
                    walk.todo.extend([(*alt2, at), (*alt1, at)]);
                    continue;
                }
                State::Capture { next, .. } => {
                    walk.todo.push((*next, at));
                    continue;
                }
                State::Fail => None,
                State::Match { .. } => {
                    ends.push(at);
                    None
                }
            };
            if let Some(next) = next.filter(|_| at < limit) {
                walk.todo.push((next, at + 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(constraint: &str, path: &str, start: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let ends = Ends::new(constraint, 1 << 20).unwrap();
        ends.find(path, start, path.len(), &mut Walk::default(), &mut found);
        found
    }

    /// What `re` of Python tries, in its order.
    #[test]
    fn ends_come_in_the_order_of_a_backtracking_engine() {
        assert_eq!(ends(".+", "abc", 0), [3, 2, 1]);
        assert_eq!(ends(".+?", "abc", 1), [2, 3]);
        assert_eq!(ends("a|ab", "abc", 0), [1, 2]);
        assert_eq!(ends("ab|a", "abc", 0), [2, 1]);
        assert_eq!(ends("a|ab|abc|a", "abc", 0), [1, 2, 3]);
        assert_eq!(ends("(a|b)*?c?", "abc", 0), [0, 1, 3, 2]);
        assert_eq!(ends("(a*)*", "aa", 0), [2, 1, 0]);
        assert_eq!(ends(r"\d+", "abc", 0), [0; 0]);
        assert_eq!(ends(".+", "é1", 0), [3, 2]);
        assert_eq!(ends(r"\w+$", "ab.ab", 3), [5]);
        assert_eq!(ends(r"\w+$", "ab.ab", 0), [0; 0]);
    }

    #[test]
    fn a_walk_cannot_explode() {
        let path = "a".repeat(2000);
        assert_eq!(ends("(a*)*b", &path, 0), [0; 0]);
        assert_eq!(ends("(a|a|a)+", &path, 0).len(), 2000);
    }
}
