//! What the fuzz targets do with a few bytes. The normal test suite does the same with bytes of its own
//! (`tests/properties.rs`), so it never depends on a fuzzer being there.
//!
//! Uses the public names of `rulemake` only.

pub(crate) mod formatter;
pub(crate) mod grammar;
pub(crate) mod matcher;
mod programs;

/// Bytes as a row of decisions. When they are used up every decision is the first choice, so what is made ends.
pub(crate) struct Source<'a> {
    bytes: &'a [u8],
}

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Source<'a> {
        Source { bytes }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// A number below `count`, which is 256 at most.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    /// True once in `count`.
    pub(crate) fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    pub(crate) fn pick<'t>(&mut self, words: &[&'t str]) -> &'t str {
        words[self.below(words.len())]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn rest(self) -> &'a [u8] {
        self.bytes
    }
}

/// A text from bytes: the bytes themselves, a soup of tokens, a program, or a program with damage.
pub(crate) fn text(bytes: &[u8]) -> String {
    let mut source = Source::new(bytes);
    match source.below(8) {
        0 => String::from_utf8_lossy(source.rest()).into_owned(),
        1 => programs::soup(&mut source),
        2 => {
            let mut damage = [source.byte(), source.byte(), source.byte(), source.byte()];
            let mut text = programs::program(&mut source);
            for pair in damage.chunks_mut(2) {
                programs::damage(&mut text, usize::from(pair[0]), usize::from(pair[1]));
            }
            text
        }
        _ => programs::program(&mut source),
    }
}
