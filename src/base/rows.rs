//! Lists of numbers, one per index, packed: a million short lists cost two arrays instead of a million boxes.
//!
//! Lists can grow after they were packed, at a constant cost per number; what was added comes after what was there, the
//! latest first. Indices that are new begin with an empty list.

const NONE: u32 = u32::MAX;

/// Packed lists, and what was added to them since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    /// The packed part of list `i` is `packed[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    packed: Vec<u32>,
    /// By index: its latest entry in `added`, or `NONE`. Shorter than the indices while nothing was added.
    latest: Vec<u32>,
    /// A number and the entry before it.
    added: Vec<(u32, u32)>,
}

impl Rows {
    /// Packs the pairs of an index below `len` and a number; the numbers of an index keep their order.
    pub(crate) fn pack(len: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Rows {
        let mut starts = vec![0u32; len + 1];
        for (index, _) in pairs.clone() {
            starts[index as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut packed = vec![0u32; starts[len] as usize];
        for (index, number) in pairs {
            let at = &mut next[index as usize];
            packed[*at as usize] = number;
            *at += 1;
        }
        Rows { starts, packed, latest: Vec::new(), added: Vec::new() }
    }

    /// Adds a number to the list of `index`, which may be new.
    pub(crate) fn add(&mut self, index: u32, number: u32) {
        let at = index as usize;
        if self.latest.len() <= at {
            self.latest.resize(at + 1, NONE);
        }
        let entry = self.added.len() as u32;
        self.added.push((number, std::mem::replace(&mut self.latest[at], entry)));
    }

    /// The packed part of a list: all of it while nothing was added.
    fn packed(&self, index: u32) -> &[u32] {
        let at = index as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(&start), Some(&end)) => &self.packed[start as usize..end as usize],
            _ => &[],
        }
    }

    /// The numbers of `index`.
    pub(crate) fn of(&self, index: u32) -> impl Iterator<Item = u32> + '_ {
        let mut cursor = self.cursor(index);
        std::iter::from_fn(move || self.next(&mut cursor))
    }

    /// The place of the first number of `index`, for [`Rows::next`].
    pub(crate) fn cursor(&self, index: u32) -> Cursor {
        Cursor { index, packed: 0, added: self.latest.get(index as usize).copied().unwrap_or(NONE) }
    }

    /// The number at the cursor, which moves on. For walks in which the owner of the rows changes between two numbers.
    pub(crate) fn next(&self, cursor: &mut Cursor) -> Option<u32> {
        if let Some(&number) = self.packed(cursor.index).get(cursor.packed) {
            cursor.packed += 1;
            return Some(number);
        }
        let &(number, before) = self.added.get(cursor.added as usize)?;
        cursor.added = before;
        Some(number)
    }
}

/// A place in a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    index: u32,
    packed: usize,
    added: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_their_order_and_grow_for_old_and_new_indices() {
        let mut rows = Rows::pack(3, [(2, 20), (0, 1), (2, 21), (0, 2)].into_iter());
        let list = |rows: &Rows, index: u32| rows.of(index).collect::<Vec<_>>();
        assert_eq!((list(&rows, 0), list(&rows, 1), list(&rows, 2)), (vec![1, 2], vec![], vec![20, 21]));
        rows.add(0, 3);
        rows.add(7, 70);
        rows.add(0, 4);
        assert_eq!((list(&rows, 0), list(&rows, 7)), (vec![1, 2, 4, 3], vec![70]));
        assert_eq!(list(&rows, 100), Vec::<u32>::new());
        let mut cursor = rows.cursor(0);
        let walked: Vec<u32> = std::iter::from_fn(|| rows.next(&mut cursor)).collect();
        assert_eq!(walked, list(&rows, 0));
    }
}
