//! Code that an interpreter of the host runs. Like a closure it is called on the job's thread, and its panic is its
//! failure, not ours.

use super::function;
use crate::disk as fs;
use crate::exec::executor::{InterpretedCode, InterpretedWork, Outcome};
use std::borrow::Cow;
use std::path::Path;

pub(super) fn run(work: &InterpretedWork, dir: &Path) -> Outcome {
    let code = match &work.code {
        InterpretedCode::Text(text) => Cow::Borrowed(&**text),
        InterpretedCode::File(path) => match fs::read_to_string(path) {
            Ok(text) => Cow::Owned(text),
            Err(error) => return Outcome::NotStarted(format!("cannot read {}: {error}", path.display())),
        },
    };
    function::run(dir, &work.context, |job| work.interpreter.run(&code, job))
}
