//! Ids by the hash of what they stand for. The hash is kept beside the id: a table that grows would otherwise read every
//! text once more, from all over the memory, which is what growing to a million costs.

use hashbrown::HashTable;

#[derive(Default, Clone)]
pub(crate) struct IdTable {
    /// The folded hash, and the id.
    entries: HashTable<(u32, u32)>,
}

impl IdTable {
    /// An empty table with room for `ids` ids.
    pub(crate) fn with_capacity(ids: usize) -> IdTable {
        IdTable { entries: HashTable::with_capacity(ids) }
    }

    /// The id with this hash that `is_it` says yes to.
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let folded = fold(hash);
        let found = self.entries.find(spread(folded), |&(other, id)| other == folded && is_it(id));
        found.map(|&(_, id)| id)
    }

    /// Adds an id that is not in it.
    pub(crate) fn insert(&mut self, hash: u64, id: u32) {
        let folded = fold(hash);
        self.entries.insert_unique(spread(folded), (folded, id), |&(folded, _)| spread(folded));
    }
}

fn fold(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

/// A table takes the bucket from the low bits and a tag from the high ones.
fn spread(folded: u32) -> u64 {
    u64::from(folded) << 32 | u64::from(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_same_hash_are_told_apart_and_growing_keeps_all() {
        let mut table = IdTable::default();
        for id in 0..10_000 {
            table.insert(u64::from(id % 100) << 40 | 7, id);
        }
        for id in 0..10_000 {
            assert_eq!(table.find(u64::from(id % 100) << 40 | 7, |other| other == id), Some(id));
        }
        assert_eq!(table.find(7, |_| false), None);
        assert_eq!(table.find(8, |_| true), None);
    }
}
