//! A list that mostly holds one thing: then it lies in place. A million jobs with an input and an output each would
//! otherwise make three million allocations of 32 bytes for four.

use std::ops::{Deref, DerefMut};

/// As large as a boxed slice.
#[derive(Clone)]
pub(crate) enum Few<T> {
    One(T),
    /// None, or several.
    Many(Box<[T]>),
}

impl<T> Default for Few<T> {
    fn default() -> Few<T> {
        Few::Many(Box::default())
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        match self {
            Few::One(one) => std::slice::from_ref(one),
            Few::Many(many) => many,
        }
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Few::One(one) => std::slice::from_mut(one),
            Few::Many(many) => many,
        }
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Few<T>) -> bool {
        **self == **other
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Few<T> {
        let mut items = items.into_iter();
        match (items.next(), items.next()) {
            (Some(one), None) => Few::One(one),
            (first, second) => Few::Many(first.into_iter().chain(second).chain(items).collect()),
        }
    }
}

impl<T: Copy> From<&[T]> for Few<T> {
    fn from(items: &[T]) -> Few<T> {
        match items {
            [one] => Few::One(*one),
            many => Few::Many(many.into()),
        }
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> std::slice::Iter<'a, T> {
        self.iter()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_come_out_as_went_in_and_one_takes_no_room_of_its_own() {
        for n in 0..5u32 {
            let all: Vec<u32> = (0..n).collect();
            assert_eq!(*all.iter().copied().collect::<Few<u32>>(), *all);
            assert_eq!(*Few::from(&all[..]), *all);
        }
        assert!(Few::<u32>::default().is_empty());
        assert_eq!(size_of::<Few<u32>>(), size_of::<Box<[u32]>>());
    }
}
