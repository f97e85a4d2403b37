//! Any text is parsed, or refused with places that are in it.

use super::text;
use rulemake::source::included_files;

pub(crate) fn run(bytes: &[u8]) {
    check(&text(bytes));
}

pub(crate) fn check(text: &str) {
    let Err(error) = included_files(text) else { return };
    assert_eq!(error.kind(), rulemake::ErrorKind::Workflow, "{error}\n{text}");
    assert!(!error.diagnostics().is_empty(), "an error without a place\n{text}");
    let lines = text.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count() as u32 + 1;
    for diagnostic in error.diagnostics() {
        assert!(diagnostic.message != "this text is not understood", "{diagnostic:?}\n{text}");
        assert!(!diagnostic.labels.is_empty(), "{diagnostic:?}\n{text}");
        for label in &diagnostic.labels {
            assert!(1 <= label.line && label.line <= lines, "{label:?} of {lines} lines\n{text}");
        }
    }
}
