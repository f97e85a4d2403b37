//! What the fuzz targets do with a few bytes. The normal test suite does the same with bytes of its own
//! (`tests/properties.rs`), so it never depends on a fuzzer being there.
//!
//! Uses the public names of `rulemake` only.

pub(crate) mod commands;
pub(crate) mod evaluator;
mod expressions;
pub(crate) mod formats;
pub(crate) mod formatter;
pub(crate) mod grammar;
pub(crate) mod matcher;
pub(crate) mod names;
mod programs;
pub(crate) mod readers;
pub(crate) mod regexes;
pub(crate) mod state;

use rulemake::{ErrorKind, LoadOptions, TextStyle, Workflow};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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

/// A directory for the files of one fuzzing process.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = std::env::temp_dir().join(format!("rulemake-fuzz-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        root
    })
}

/// A text as a literal of Python.
pub(crate) fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => drop(write!(out, "\\U{:08x}", u32::from(c))),
        }
    }
    out + "\""
}

/// Words until the decisions are used up; once in a while any character.
pub(crate) fn soup(source: &mut Source<'_>, words: &[&str], most: usize) -> String {
    let mut text = String::new();
    for _ in 0..most {
        if source.is_empty() {
            break;
        }
        if source.once_in(16) {
            text.push(char::from_u32(u32::from(source.byte()) << source.below(9)).unwrap_or('\u{1f600}'));
        } else {
            text.push_str(source.pick(words));
        }
    }
    text
}

/// Loads a text as the Rulefile of a directory. What it refuses it refuses with a reason and a place; nothing that a
/// Rulefile says is ever taken for a bug of ours.
pub(crate) fn load(root: &Path, text: &str) -> Option<Workflow> {
    let path = root.join("Rulefile");
    fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut options = LoadOptions::default();
    options.cores = Some(4);
    options.steps = Some(300_000);
    match Workflow::load_with(&path, &options) {
        Ok(workflow) => {
            workflow.warnings().iter().for_each(|warning| drop(warning.render(TextStyle::Plain)));
            Some(workflow)
        }
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Workflow | ErrorKind::Environment), "{error}\n{text}");
            assert!(!error.diagnostics().is_empty() || error.path().is_some(), "{error}\n{text}");
            for diagnostic in error.diagnostics() {
                assert!(!diagnostic.message.trim().is_empty(), "{diagnostic:?}\n{text}");
                assert!(!diagnostic.render(TextStyle::Ansi).is_empty());
            }
            None
        }
    }
}

/// What the Rulefile has printed; `None` when it was refused.
pub(crate) fn printed(root: &Path, text: &str) -> Option<Vec<String>> {
    load(root, text).map(|workflow| workflow.printed().to_vec())
}
