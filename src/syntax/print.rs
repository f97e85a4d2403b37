//! The printer: a Rulefile in one style, with its comments, meaning the same.
//!
//! It walks what the structure grammar matched and prints each piece of code from its tokens, so nothing that was
//! written can be lost on the way through the tree. `run:` bodies, hooks and statements that are only text to us
//! keep their lines. The result is read again: should it not mean the same, it is thrown away.

mod comments;
mod layout;
mod rules;
mod seq;
mod statements;
mod tokens;

use crate::diag::{Problem, SourceId, SourceMap};
use crate::error::{Error, ErrorKind};
use crate::syntax::build::{Builder, Node};
use crate::syntax::grammar::rulefile::{Rule, RulefileParser};
use crate::syntax::{restart_lines, scan, shape};
use comments::Last;
use layout::Lines;
use pest::Parser;
use pest::iterators::Pair;
use seq::{Element, Place, Reader};
use std::ops::Range;
use tokens::{Tokens, printed_comment, printed_string};

/// How [`format_source`] writes a Rulefile.
///
/// ```
/// let options = rulemake::source::FormatOptions::default().line_length(60);
/// let text = "x = [alpha, beta, gamma, delta, epsilon, zeta, eta, theta, iota]\n";
/// assert_eq!(
///     rulemake::source::format_source(text, &options)?,
///     "x = [\n    alpha,\n    beta,\n    gamma,\n    delta,\n    epsilon,\n    zeta,\n    eta,\n    theta,\n    iota,\n]\n"
/// );
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FormatOptions {
    /// Columns of a line; 100 by default.
    pub line_length: usize,
    /// What messages call the text; `Rulefile` by default.
    pub name: String,
}

impl Default for FormatOptions {
    fn default() -> FormatOptions {
        FormatOptions { line_length: 100, name: "Rulefile".into() }
    }
}

impl FormatOptions {
    /// Sets how long a line may be. Words and strings that are longer stay whole.
    ///
    /// ```
    /// # use rulemake::source::{FormatOptions, format_source};
    /// let options = FormatOptions::default().line_length(40);
    /// let text = "rule a:\n    input: 'a-rather-long-name', 'another-long-name'\n";
    /// assert!(format_source(text, &options)?.lines().all(|line| line.len() <= 40));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn line_length(mut self, columns: usize) -> FormatOptions {
        self.line_length = columns;
        self
    }

    /// Sets what messages call the text: the path that it was read from.
    ///
    /// ```
    /// # use rulemake::source::{FormatOptions, format_source};
    /// let error = format_source("rule a\n", &FormatOptions::default().name("rules/a.smk")).unwrap_err();
    /// assert_eq!(error.diagnostics()[0].labels[0].file, "rules/a.smk");
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> FormatOptions {
        self.name = name.into();
        self
    }
}

/// Writes the text of a Rulefile in one style: four blanks per level, one item per line, double quotes.
///
/// Comments are kept, and the result means the same: the texts of commands and of `run:` bodies are not touched.
/// Formatting a second time changes nothing.
///
/// # Errors
///
/// [`ErrorKind::Workflow`] with all mistakes that the text has.
///
/// ```
/// let text = "rule sort:\n  input: 'a.txt'  # raw\n  output: 'b.txt',\n  shell: 'sort {input} > {output}'\n";
/// assert_eq!(
///     rulemake::source::format_source(text, &rulemake::source::FormatOptions::default())?,
///     r#"rule sort:
///     input:
///         "a.txt",  # raw
///     output:
///         "b.txt",
///     shell:
///         "sort {input} > {output}"
/// "#
/// );
/// # Ok::<(), rulemake::Error>(())
/// ```
pub fn format_source(text: &str, options: &FormatOptions) -> Result<String, Error> {
    let mut sources = SourceMap::default();
    let source = sources.add(&options.name, text);
    let wrong =
        |problems: &[Problem], sources: &SourceMap| Error::problems(ErrorKind::Workflow, problems, sources);
    super::parse_file(source, text).map_err(|problems| wrong(&problems, &sources))?;
    let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut printed = print(&unix, options);
    if let Some(difference) = difference(&unix, &printed) {
        let name = &options.name;
        let message =
            format!("the formatter would have changed {difference} of `{name}`, so it left it as it is");
        return Err(Error::new(ErrorKind::Bug, message));
    }
    if crlf {
        printed = printed.replace('\n', "\r\n");
    }
    Ok(printed)
}

/// What must be the same before and after.
struct Meaning {
    /// The tree without places.
    tree: String,
    /// Every word with its place; commas and brackets that the layout adds are for the tree to judge.
    words: Vec<(usize, String)>,
    comments: Vec<String>,
}

impl Meaning {
    /// `Err` with the first mistake.
    fn of(text: &str) -> Result<Meaning, String> {
        let block = super::parse_file(SourceId(0), text).map_err(|problems| {
            let Some(problem) = problems.first() else { return String::new() };
            let line = problem.labels.first().map_or(1, |(span, _)| line_of(text, span.start as usize));
            format!("{} in line {line}", problem.message)
        })?;
        let tree = shape::block(&block);
        let text = restart_lines(text, &scan::scan(SourceId(0), text).form_feeds).into_owned();
        let tokens = Tokens::of(SourceId(0), &text);
        let words =
            tokens.list.iter().map(|token| (token.start, printed_string(tokens.str(*token)).into_owned()));
        let words = words.filter(|(_, word)| !matches!(word.as_str(), "," | "(" | ")" | ";")).collect();
        let comments = tokens.comments.iter().map(|c| printed_comment(&text[c.start..c.end]).into_owned());
        let mut comments: Vec<String> = comments.collect();
        comments.sort_unstable();
        Ok(Meaning { tree, words, comments })
    }
}

/// What a printed text does not share with the text that it was made from.
fn difference(before: &str, after: &str) -> Option<String> {
    let (old, new) = match (Meaning::of(before), Meaning::of(after)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(message), _) | (_, Err(message)) => return Some(format!("the syntax ({message})")),
    };
    let mut pairs = old.words.iter().zip(&new.words);
    if let Some(((at, word), _)) = pairs.find(|((_, old), (_, new))| old != new) {
        return Some(format!("`{word}` in line {}", line_of(before, *at)));
    }
    if old.words.len() != new.words.len() {
        return Some("the end".into());
    }
    if old.tree != new.tree {
        return Some("the meaning".into());
    }
    (old.comments != new.comments).then(|| "the comments".into())
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
}

fn print(text: &str, options: &FormatOptions) -> String {
    let source = SourceId(0);
    let scan::Scan { chunks, form_feeds, .. } = scan::scan(source, text);
    let text = &*restart_lines(text, &form_feeds);
    let mut printer = Printer {
        tokens: Tokens::of(source, text),
        builder: Builder::new(source, text),
        lines: Lines::new(options.line_length),
        comment: 0,
        at: 0,
        off: false,
    };
    let mut last = Last::Start;
    for chunk in chunks {
        printer.builder.base = chunk.start;
        let parsed = RulefileParser::parse(Rule::chunk, &text[chunk]);
        let nodes =
            parsed.into_iter().flatten().flat_map(Pair::into_inner).filter(|n| n.as_rule() != Rule::EOI);
        last = printer.statements(nodes.collect(), 0, last);
    }
    printer.comments(text.len(), 0, 0, last);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    if text.starts_with('\u{feff}') {
        out.push('\u{feff}');
    }
    for line in printer.lines.out {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

struct Printer<'t> {
    tokens: Tokens<'t>,
    /// Knows an annotation from a directive, and where a chunk starts.
    builder: Builder<'t>,
    lines: Lines,
    /// The next comment to print.
    comment: usize,
    /// End of what was printed last.
    at: usize,
    /// Between `# fmt: off` and `# fmt: on`.
    off: bool,
}

impl<'t> Printer<'t> {
    // ---- places

    fn start(&self, node: &Node<'t>) -> usize {
        self.builder.base + node.as_span().start()
    }

    fn end(&self, node: &Node<'t>) -> usize {
        self.builder.base + node.as_span().end()
    }

    /// The tokens of a node.
    fn range(&self, node: &Node<'t>) -> Range<usize> {
        self.tokens.within(self.start(node)..self.end(node))
    }

    /// The place after the last token before a place.
    fn end_before(&self, at: usize) -> usize {
        let index = self.tokens.list.partition_point(|token| token.start < at);
        index.checked_sub(1).map_or(0, |last| self.tokens.list[last].end)
    }

    /// The elements of some tokens, with the comments between them.
    fn elements(&mut self, range: Range<usize>, place: Place) -> Vec<Element<'t>> {
        let mut reader = Reader::new(&self.tokens, self.comment, range.clone());
        let elements = reader.all(place);
        self.comment = reader.comment;
        if let Some(last) = range.end.checked_sub(1).filter(|_| !range.is_empty()) {
            self.at = self.tokens.list[last].end;
        }
        elements
    }
}
