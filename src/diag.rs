//! L0: sources, spans and diagnostics.
//!
//! Inside the crate a mistake is a [`Problem`]: text plus spans into a [`SourceMap`]. At the border it becomes
//! a self-contained [`Diagnostic`] with file, line, column and the source lines, so that an embedder or an
//! editor needs nothing else to show it.

use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};

pub(crate) mod render;
pub(crate) mod style;

/// Index of a source text in a [`SourceMap`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct SourceId(pub(crate) u32);

/// A range of bytes in one source text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Span {
    pub(crate) source: SourceId,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(source: SourceId, start: usize, end: usize) -> Span {
        Span { source, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both; `self` when they lie in different sources.
    pub(crate) fn to(self, other: Span) -> Span {
        if self.source != other.source {
            return self;
        }
        Span { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One source text with its display name.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) name: String,
    pub(crate) text: Arc<str>,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// 1-based line and 1-based column in characters of the byte offset.
    pub(crate) fn line_column(&self, offset: u32) -> (u32, u32) {
        let line = self.line_starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let start = self.line_starts[line] as usize;
        let end = (offset as usize).min(self.text.len());
        let column = self.text.get(start..end).map_or(0, |s| s.chars().count());
        (line as u32 + 1, column as u32 + 1)
    }

    /// The text of a 1-based line without its line end.
    pub(crate) fn line(&self, line: u32) -> &str {
        let index = line.saturating_sub(1) as usize;
        let Some(&start) = self.line_starts.get(index) else { return "" };
        let end = self.line_starts.get(index + 1).map_or(self.text.len(), |&e| e as usize);
        self.text[start as usize..end].trim_end_matches(['\n', '\r'])
    }
}

/// All source texts of one load, in order of reading. A clone is the same map: what one adds, the other has.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceMap {
    first: Arc<Chunk>,
}

/// Places for texts. A place is filled once, so that a text can be lent out while others come.
#[derive(Debug, Default)]
struct Chunk {
    files: [OnceLock<SourceFile>; CHUNK],
    next: OnceLock<Box<Chunk>>,
}

const CHUNK: usize = 32;

impl SourceMap {
    pub(crate) fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let text = text.into();
        let bytes = text.as_bytes();
        let mut line_starts = vec![0];
        for (i, b) in bytes.iter().enumerate() {
            // "\r\n" and "\n" end a line after the "\n"; a lone "\r" ends one too, as in Python.
            if *b == b'\n' || (*b == b'\r' && bytes.get(i + 1) != Some(&b'\n')) {
                line_starts.push(i as u32 + 1);
            }
        }
        let mut file = SourceFile { name: name.into(), text, line_starts };
        let mut chunk = &*self.first;
        let mut number = 0;
        loop {
            for place in &chunk.files {
                match place.set(file) {
                    Ok(()) => return SourceId(number),
                    Err(taken) => file = taken,
                }
                number += 1;
            }
            chunk = chunk.next.get_or_init(Box::default);
        }
    }

    /// The text with this number.
    ///
    /// # Panics
    /// When it is of another map.
    pub(crate) fn file(&self, id: SourceId) -> &SourceFile {
        self.files().nth(id.0 as usize).expect("ids are given out by `add`")
    }

    fn files(&self) -> impl Iterator<Item = &SourceFile> {
        let chunks = std::iter::successors(Some(&*self.first), |chunk| chunk.next.get().map(|next| &**next));
        chunks.flat_map(|chunk| &chunk.files).map_while(OnceLock::get)
    }

    /// The names of all texts, in order of reading.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files().map(|file| file.name.as_str())
    }

    /// All texts, in order of reading.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.files().map(|file| &*file.text)
    }

    /// The source text under a span.
    pub(crate) fn snippet(&self, span: Span) -> &str {
        self.file(span.source).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// `name:line` of a span, for one-line mentions.
    pub(crate) fn place(&self, span: Span) -> String {
        let file = self.file(span.source);
        format!("{}:{}", file.name, file.line_column(span.start).0)
    }
}

/// How bad it is.
///
/// ```
/// use rulemake::{Diagnostic, Severity};
/// fn is_wrong(found: &[Diagnostic]) -> bool {
///     found.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// The workflow cannot be used.
    Error,
    /// The workflow can be used, but probably not as meant.
    Warning,
}

/// A mistake with spans, before it leaves the crate.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) severity: Severity,
    /// Stable, kebab-case, for scripts: `unknown-section`.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// The first label is the place of the mistake, the others are related places.
    pub(crate) labels: Vec<(Span, String)>,
    pub(crate) notes: Vec<String>,
    pub(crate) help: Vec<String>,
}

impl Problem {
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Error,
            code,
            message: message.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Takes the warnings out of what was found.
    pub(crate) fn take_warnings(problems: &mut Vec<Problem>) -> Vec<Problem> {
        problems.extract_if(.., |problem| problem.severity == Severity::Warning).collect()
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(code, message) }
    }

    pub(crate) fn at(mut self, span: Span, text: impl Into<String>) -> Problem {
        self.labels.push((span, text.into()));
        self
    }

    pub(crate) fn note(mut self, text: impl Into<String>) -> Problem {
        self.notes.push(text.into());
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Problem {
        self.help.push(text.into());
        self
    }

    /// Resolves the spans: the form that leaves the crate.
    pub(crate) fn resolve(&self, sources: &SourceMap) -> Diagnostic {
        Diagnostic {
            severity: self.severity,
            code: self.code.to_string(),
            message: clipped(&self.message),
            labels: self.labels.iter().map(|(span, text)| label(*span, text, sources)).collect(),
            notes: self.notes.iter().map(|note| clipped(note)).collect(),
            help: self.help.iter().map(|help| clipped(help)).collect(),
        }
    }
}

/// Characters of one text that is shown, and of a line of a source. What is longer is data, and no help to anybody.
const LONGEST: usize = 2000;

/// A text with its middle left out if it is very long.
fn clipped(text: &str) -> String {
    let Some((start, _)) = text.char_indices().nth(LONGEST) else { return text.to_string() };
    let middle = text[..start].char_indices().nth(LONGEST * 3 / 4).map_or(start, |(at, _)| at);
    let end = text.char_indices().rev().nth(LONGEST / 4).map_or(start, |(at, _)| at);
    format!("{} ... {}", &text[..middle], &text[end..])
}

/// The part of a line around a column, with the column that it starts with.
fn around(line: &str, column: u32) -> (u32, String) {
    if line.len() <= LONGEST {
        return (1, line.to_string());
    }
    let skipped = (column as usize).saturating_sub(LONGEST / 2);
    (skipped as u32 + 1, line.chars().skip(skipped).take(LONGEST).collect())
}

/// A place with the words to show under it, without its spans.
pub(crate) fn label(span: Span, text: &str, sources: &SourceMap) -> Label {
    let file = sources.file(span.source);
    let (line, column) = file.line_column(span.start);
    let (end_line, end_column) = file.line_column(span.end.max(span.start));
    let (source_column, source_line) = around(file.line(line), column);
    Label {
        file: file.name.clone(),
        line,
        column,
        end_line,
        end_column,
        source_line,
        source_column,
        text: text.to_string(),
    }
}

/// One mistake in a workflow: what, where, why, and the way out.
///
/// ```
/// let error = rulemake::Workflow::parse("Rulefile", "rule a\n    output: 'x'\n").unwrap_err();
/// let diagnostic = &error.diagnostics()[0];
/// assert_eq!((diagnostic.labels[0].line, diagnostic.labels[0].column), (1, 7));
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Stable kebab-case code of the kind of mistake.
    pub code: String,
    /// One sentence: what is wrong.
    pub message: String,
    /// Places; the first is where the mistake is, the others are related. Empty when it has no place.
    pub labels: Vec<Label>,
    /// Facts that explain it.
    pub notes: Vec<String>,
    /// What to do next.
    pub help: Vec<String>,
}

/// A place in a source text, with the words to show under it.
///
/// ```
/// use rulemake::Label;
/// fn place(label: &Label) -> String {
///     format!("{}:{}:{}", label.file, label.line, label.column)
/// }
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Label {
    /// Name of the source as it was given.
    pub file: String,
    /// First line, from 1.
    pub line: u32,
    /// First column in characters, from 1.
    pub column: u32,
    /// Last line, from 1.
    pub end_line: u32,
    /// Column after the last character, from 1.
    pub end_column: u32,
    /// The text of the first line; of a line of thousands of characters the part around the place.
    pub source_line: String,
    /// The column of the first character of `source_line`: 1, unless the line is very long.
    pub source_column: u32,
    /// What is said about the place; may be empty.
    pub text: String,
}
