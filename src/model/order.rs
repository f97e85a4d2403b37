//! `ruleorder`: which of two rules makes a file that both could make.

/// The statements of a workflow, the rules by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleOrder {
    statements: Box<[Box<[u32]>]>,
}

impl RuleOrder {
    pub(crate) fn new(statements: Vec<Vec<u32>>) -> RuleOrder {
        RuleOrder { statements: statements.into_iter().map(Vec::into_boxed_slice).collect() }
    }

    /// Nothing is said about any rule.
    pub(crate) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether rule `a` goes before rule `b`; `None` when no statement names both. Of several statements about a pair
    /// the last counts, and what follows from two statements together counts for nothing, as in Snakemake.
    pub(crate) fn prefers(&self, a: u32, b: u32) -> Option<bool> {
        let place = |statement: &[u32], rule| statement.iter().position(|r| *r == rule);
        let places = self.statements.iter().rev().find_map(|s| Some((place(s, a)?, place(s, b)?)));
        places.filter(|(a, b)| a != b).map(|(a, b)| a < b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_statement_about_a_pair_counts_and_none_follows_from_two() {
        let order = RuleOrder::new(vec![vec![1, 2, 3], vec![3, 2], vec![3, 4]]);
        assert_eq!(order.prefers(1, 3), Some(true));
        assert_eq!(order.prefers(2, 3), Some(false));
        assert_eq!(order.prefers(1, 4), None);
        assert_eq!(order.prefers(1, 1), None);
    }
}
