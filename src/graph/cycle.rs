//! One printable cycle among jobs. Iterative: a cycle may be as long as the graph.

use rustc_hash::FxHashSet;
use std::hash::Hash;

/// A cycle through `start`, along what each node needs: `start` first, not repeated at the end. Empty when
/// there is none.
pub(crate) fn through<N: Copy + Eq + Hash>(start: N, needs: impl Fn(N) -> Vec<N>) -> Vec<N> {
    let mut seen = FxHashSet::default();
    let mut trail: Vec<(N, std::vec::IntoIter<N>)> = vec![(start, needs(start).into_iter())];
    while let Some((_, rest)) = trail.last_mut() {
        match rest.next() {
            None => {
                trail.pop();
            }
            Some(need) if need == start => return trail.iter().map(|(node, _)| *node).collect(),
            Some(need) => {
                if seen.insert(need) {
                    trail.push((need, needs(need).into_iter()));
                }
            }
        }
    }
    Vec::new()
}
