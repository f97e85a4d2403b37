//! L1: text to syntax tree. Knows nothing of what rules mean; never opens a file. The only module that names pest.
//!
//! Three steps: `scan` checks what is lexical and splits the file into top-level statements; `build` (with
//! `rules`) matches each of them with the structure grammar; `expr` (with `atoms` and
//! `names`) and `lines` match the expression text in it. A mistake in
//! one statement does not hide those of the others.

pub(crate) mod ast;
mod atoms;
mod build;
mod conflict;
mod diagnose;
mod expr;
mod grammar;
mod includes;
mod lines;
mod names;
mod outline;
mod print;
mod reference;
mod rules;
mod scan;
mod shape;
mod strings;
#[cfg(test)]
mod tests;
pub(crate) mod walk;
pub(crate) mod words;

pub use includes::included_files;
pub(crate) use includes::plain_includes;
pub use outline::{FileMention, Outline, OutlineItem, OutlineKind, OutlineSection, RuleMention};
pub use print::{FormatOptions, format_source};
pub use reference::{Word, WordKind, words_of_the_language};

use crate::diag::{Problem, SourceId};
use ast::{Block, Expr};
use diagnose::Context;
use std::borrow::Cow;

/// Parses a Rulefile; all mistakes that can be found in one go, in order of their places.
pub(crate) fn parse_file(source: SourceId, text: &str) -> Result<Block, Vec<Problem>> {
    match parse_parts(source, text) {
        (block, problems) if problems.is_empty() => Ok(block),
        (_, problems) => Err(problems),
    }
}

/// What of a Rulefile can be parsed, and all mistakes. A statement or section with mistakes is left out.
fn parse_parts(source: SourceId, text: &str) -> (Block, Vec<Problem>) {
    let scan::Scan { chunks, mut problems, form_feeds } = scan::scan(source, text);
    let text = restart_lines(text, &form_feeds);
    let mut builder = build::Builder::new(source, &text);
    let mut block = Block::new();
    for chunk in chunks {
        builder.chunk(chunk, &mut block);
        if problems.len() + builder.problems.len() >= scan::MAX_PROBLEMS {
            break;
        }
    }
    problems.append(&mut builder.problems);
    if !problems.is_empty()
        && let Some(problem) =
            conflict::problem(source, &text).or_else(|| conflict::remainder(source, &text, &problems))
    {
        return (block, vec![problem]);
    }
    problems.sort_by_key(|p| p.labels.first().map(|(span, _)| span.start));
    (block, problems)
}

/// Parses a single expression.
pub(crate) fn parse_expression(source: SourceId, text: &str) -> Result<Expr, Problem> {
    scan::check(source, text).map_err(|p| *p)?;
    expr::Piece { source, base: 0, text }.whole(Context::Expression).map_err(|p| *p)
}

/// A form feed in an indentation starts the line anew: as a line end it does so for the grammar too, at the
/// same offsets.
fn restart_lines<'t>(text: &'t str, form_feeds: &[usize]) -> Cow<'t, str> {
    if form_feeds.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    for at in form_feeds {
        bytes[*at] = b'\n';
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}
