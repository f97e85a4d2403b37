//! Starting a project: what a template holds, what it is asked, and how its files get onto the disk.
//!
//! Templates are Cookiecutter's, the built-in ones too: one way from `cookiecutter.json` to the files. `template` reads
//! them, `context` finds the values of their variables, `render` makes files in memory, `place` puts them down. Only
//! `hooks` and `fetch` start programs, the first only with consent.

pub(crate) mod builtin;
pub(crate) mod context;
pub(crate) mod fetch;
mod filters;
pub(crate) mod hooks;
pub(crate) mod place;
pub(crate) mod render;
mod slug;
mod tags;
pub(crate) mod template;
mod text;
pub(crate) mod user;

use crate::exit::{Exit, Failure};
use std::io;
use std::path::Path;

/// A file or directory to be made, relative to the project's directory: no `..`, nothing absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    /// Nothing for a directory.
    pub(crate) file: Option<File>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) executable: bool,
}

/// An error of the machine, without the number of the system, which helps nobody.
pub(crate) fn io_failure(what: &str, path: &Path, error: &io::Error) -> Failure {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    Failure::new(Exit::Environment, format!("cannot {what} {}: {text}", path.display()))
}
