//! What the formatter prints means the same, which it checks itself; formatting it again changes nothing.

use super::{Source, text};
use rulemake::ErrorKind;
use rulemake::source::{FormatOptions, format_source};

/// The first byte is the width, the others are the text. Half of them are as wide as the default.
pub(crate) fn run(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let width = usize::from(source.byte());
    check(&text(source.rest()), if width < 128 { 100 } else { width - 127 });
}

pub(crate) fn check(text: &str, width: usize) {
    let options = FormatOptions::default().line_length(width);
    let once = match format_source(text, &options) {
        Ok(once) => once,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Workflow, "{error}\n----- text\n{text}"),
    };
    match format_source(&once, &options) {
        Ok(twice) => assert_eq!(twice, once, "not stable\n----- text\n{text}\n----- once\n{once}"),
        Err(error) => panic!("{error}\n----- text\n{text}\n----- once\n{once}"),
    }
}

/// Whether a text is a Rulefile at all: a generator that makes only wrong ones proves nothing.
pub(crate) fn accepts(text: &str) -> bool {
    format_source(text, &FormatOptions::default()).is_ok()
}
