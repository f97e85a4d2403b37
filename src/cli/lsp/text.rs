//! A text with its lines: places of the protocol to bytes and back.

use lsp_types::{Position, Range};
use rulemake::source::Outline;
use std::sync::{Arc, OnceLock};

/// What the protocol counts in a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Encoding {
    Utf8,
    #[default]
    Utf16,
    Utf32,
}

impl Encoding {
    pub(super) const ALL: [(&str, Encoding); 3] =
        [("utf-8", Encoding::Utf8), ("utf-16", Encoding::Utf16), ("utf-32", Encoding::Utf32)];

    pub(super) fn name(self) -> &'static str {
        Encoding::ALL.iter().find(|(_, encoding)| *encoding == self).map_or("utf-16", |(name, _)| name)
    }

    fn units(self, c: char) -> usize {
        match self {
            Encoding::Utf8 => c.len_utf8(),
            Encoding::Utf16 => c.len_utf16(),
            Encoding::Utf32 => 1,
        }
    }
}

/// A text that does not change.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) content: Arc<str>,
    starts: Vec<usize>,
    outline: OnceLock<Outline>,
}

impl Text {
    pub(super) fn new(content: impl Into<Arc<str>>) -> Text {
        let content = content.into();
        let bytes = content.as_bytes();
        let ends_line =
            |at: &usize| bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        let starts = std::iter::once(0).chain((0..bytes.len()).filter(ends_line).map(|at| at + 1)).collect();
        Text { content, starts, outline: OnceLock::new() }
    }

    /// Made when somebody asks for it first.
    pub(super) fn outline(&self) -> &Outline {
        self.outline.get_or_init(|| Outline::of(&self.content))
    }

    /// Whether it is known to have no mistakes.
    pub(super) fn is_complete(&self) -> bool {
        self.outline.get().is_some_and(|outline| outline.is_complete)
    }

    /// The start of a line, and the line without its end.
    pub(super) fn line(&self, line: usize) -> (usize, &str) {
        let end = self.content.len();
        let start = self.starts.get(line).copied().unwrap_or(end);
        let next = self.starts.get(line + 1).copied().unwrap_or(end);
        (start, self.content.get(start..next).unwrap_or("").trim_end_matches(['\n', '\r']))
    }

    /// The number of the line that holds a byte.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// The byte at a position; what lies beyond a line or the text is its end, what lies in a character its start.
    pub(super) fn offset(&self, position: Position, encoding: Encoding) -> usize {
        let (start, line) = self.line(position.line as usize);
        let wanted = position.character as usize;
        let mut units = 0;
        for (at, c) in line.char_indices() {
            units += encoding.units(c);
            if units > wanted {
                return start + at;
            }
        }
        start + line.len()
    }

    pub(super) fn position(&self, offset: usize, encoding: Encoding) -> Position {
        let line = self.line_of(offset);
        let (start, text) = self.line(line);
        let within = |(at, _): &(usize, char)| start + at < offset;
        let units: usize = text.char_indices().take_while(within).map(|(_, c)| encoding.units(c)).sum();
        Position::new(number(line), number(units))
    }

    pub(super) fn range(&self, range: &std::ops::Range<usize>, encoding: Encoding) -> Range {
        Range::new(self.position(range.start, encoding), self.position(range.end, encoding))
    }

    /// The position of a line and a column in characters, both from 1.
    pub(super) fn place(&self, line: u32, column: u32, encoding: Encoding) -> Position {
        let line = (line as usize).saturating_sub(1);
        let (_, text) = self.line(line);
        let before = text.chars().take((column as usize).saturating_sub(1));
        Position::new(number(line), number(before.map(|c| encoding.units(c)).sum()))
    }

    /// The text with a range replaced.
    pub(super) fn edited(&self, range: Range, by: &str, encoding: Encoding) -> String {
        let (start, end) = (self.offset(range.start, encoding), self.offset(range.end, encoding));
        let end = end.max(start);
        let (before, after) = (self.content.get(..start), self.content.get(end..));
        [before.unwrap_or(""), by, after.unwrap_or("")].concat()
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_what_was_agreed_on() {
        let text = Text::new("a🦀b\r\né\rx\n");
        for (encoding, column) in [(Encoding::Utf8, 5), (Encoding::Utf16, 3), (Encoding::Utf32, 2)] {
            assert_eq!(text.position(5, encoding), Position::new(0, column), "{encoding:?}");
            assert_eq!(text.offset(Position::new(0, column), encoding), 5, "{encoding:?}");
            assert_eq!(text.place(1, 3, encoding), Position::new(0, column));
        }
        // In the middle of the crab.
        assert_eq!(text.offset(Position::new(0, 2), Encoding::Utf16), 1);
        assert_eq!(text.offset(Position::new(0, 3), Encoding::Utf8), 1);
        // Beyond the line, and beyond the text.
        assert_eq!(text.offset(Position::new(0, 99), Encoding::Utf16), 6);
        assert_eq!(text.offset(Position::new(99, 0), Encoding::Utf16), text.content.len());
        assert_eq!(text.position(10, Encoding::Utf16), Position::new(1, 1));
        assert_eq!(text.position(11, Encoding::Utf16), Position::new(2, 0));
    }

    #[test]
    fn edits_with_nonsense_ranges_change_no_other_place() {
        let text = Text::new("one\ntwo\n");
        let range = |a, b, c, d| Range::new(Position::new(a, b), Position::new(c, d));
        assert_eq!(text.edited(range(1, 0, 1, 3), "2", Encoding::Utf16), "one\n2\n");
        assert_eq!(text.edited(range(1, 0, 0, 0), "x", Encoding::Utf16), "one\nxtwo\n");
        assert_eq!(text.edited(range(7, 7, 9, 9), "x", Encoding::Utf16), "one\ntwo\nx");
    }
}
