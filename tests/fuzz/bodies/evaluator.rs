//! Any program is evaluated to an end or refused, in bounded time, and what it leaves behind can be planned.

use super::{Source, expressions, load, text};
use rulemake::{ErrorKind, RunOptions, Session};
use std::path::Path;

pub(crate) fn run(root: &Path, bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let text = match source.below(4) {
        0 | 1 => expressions::program(&mut source),
        2 => text(source.rest()),
        _ => String::from_utf8_lossy(source.rest()).into_owned(),
    };
    let Some(workflow) = load(root, &text) else { return };
    let session =
        Session::builder(workflow).root(root).jobs(2).open().unwrap_or_else(|error| panic!("{error}"));
    let options = RunOptions::default();
    if let Err(error) = session.plan::<&str>(&[], &options) {
        assert_ne!(error.kind(), ErrorKind::Bug, "{error}\n{text}");
    }
}
