//! What the formatter prints means the same, which it checks itself; formatting it again changes nothing.

use rulemake::{ErrorKind, FormatOptions, format_source};

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
