//! The bytes inside a record: varints, length-prefixed text, digests. Knows no record. Invariant: a decoder never
//! reads past its slice, never allocates more than the slice could fill, and answers `None` instead of panicking.

use crate::base::digest::Digest;
use crate::base::path::PathId;

/// Appends `n` as LEB128: seven bits per byte, lowest first, the top bit set on all but the last.
pub(super) fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Appends the length in bytes as a varint, then the text.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

/// As [`put_text`], for what need not be UTF-8.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads one body from front to back.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: body }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes that are not read yet.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    pub(super) fn digest(&mut self) -> Option<Digest> {
        self.take().map(Digest::from_bytes)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(bytes)
    }

    /// A path id below `limit`, the number of paths known at this place of the log.
    pub(super) fn path(&mut self, limit: usize) -> Option<PathId> {
        let id = self.u32()?;
        ((id as usize) < limit).then_some(PathId(id))
    }

    /// The length of a list whose items take at least `item` bytes each, so that a wrong length cannot make us
    /// allocate more than the record's own size.
    pub(super) fn count(&mut self, item: usize) -> Option<usize> {
        let n = usize::try_from(self.varint()?).ok()?;
        (n <= self.rest.len() / item).then_some(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_texts_survive(n: u64, text: String, tail: Vec<u8>) {
            let mut out = Vec::new();
            put_varint(&mut out, n);
            put_text(&mut out, &text);
            out.extend_from_slice(&tail);
            let mut cursor = Cursor::new(&out);
            prop_assert_eq!(cursor.varint(), Some(n));
            prop_assert_eq!(cursor.text(), Some(text.as_str()));
        }
    }

    #[test]
    fn overlong_numbers_and_lengths_are_refused() {
        assert_eq!(Cursor::new(&[0xff; 10]).varint(), None, "more than 64 bits");
        assert_eq!(Cursor::new(&[0x80]).varint(), None, "no last byte");
        assert_eq!(Cursor::new(&[5, b'a']).text(), None, "text longer than the record");
        assert_eq!(Cursor::new(&[200, 1, 0, 0]).count(1), None, "list longer than the record");
        assert_eq!(Cursor::new(&[1, 0xff]).text(), None, "not UTF-8");
    }
}
