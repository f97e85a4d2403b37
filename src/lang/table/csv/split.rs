//! Text to records of fields, line by line, as pandas' reader splits it. Knows no columns.

use crate::lang::raise::Raise;
use regex::Regex;
use std::borrow::Cow;

/// What stands between fields.
#[derive(Debug)]
pub(crate) enum Separator {
    Char(char),
    /// Any run of blanks and tabs.
    Blanks,
    /// Quotes mean nothing then.
    Pattern(Regex),
}

/// Which lines of the file are passed over before anything else.
#[derive(Debug)]
pub(crate) enum Skip {
    First(usize),
    /// Numbers of lines, from 0.
    Lines(Vec<usize>),
}

#[derive(Debug)]
pub(crate) struct Syntax {
    pub(crate) separator: Separator,
    pub(crate) quote: Option<char>,
    pub(crate) comment: Option<char>,
    pub(crate) skip: Skip,
    pub(crate) skip_blank_lines: bool,
    pub(crate) skip_space: bool,
}

/// The fields of a line, and its number in the file, from 1.
pub(crate) struct Record<'t> {
    pub(crate) line: usize,
    pub(crate) fields: Vec<Cow<'t, str>>,
}

/// At most `most` records.
pub(crate) fn split<'t>(text: &'t str, syntax: &Syntax, most: usize) -> Result<Vec<Record<'t>>, Raise> {
    let mut scanner = Scanner { rest: text, line: 0 };
    let mut records = Vec::new();
    while records.len() < most && !scanner.rest.is_empty() {
        let number = scanner.line;
        let skipped = match &syntax.skip {
            Skip::First(count) => number < *count,
            Skip::Lines(lines) => lines.contains(&number),
        };
        if skipped {
            scanner.skip_line();
            continue;
        }
        let fields = match &syntax.separator {
            Separator::Pattern(pattern) => split_by_pattern(scanner.take_line(), pattern, syntax),
            _ => scanner.record(syntax)?,
        };
        if let Some(fields) = fields {
            records.push(Record { line: number + 1, fields });
        }
    }
    Ok(records)
}

fn split_by_pattern<'t>(line: &'t str, pattern: &Regex, syntax: &Syntax) -> Option<Vec<Cow<'t, str>>> {
    let line = match syntax.comment {
        Some(comment) => {
            let content = line.split(comment).next().unwrap_or("");
            if content.trim().is_empty() && content.len() < line.len() {
                return None;
            }
            content
        }
        None => line,
    };
    if syntax.skip_blank_lines && line.trim().is_empty() {
        return None;
    }
    Some(pattern.split(line.trim()).map(Cow::Borrowed).collect())
}

struct Scanner<'t> {
    rest: &'t str,
    /// Number of the line that `rest` starts in, from 0.
    line: usize,
}

impl<'t> Scanner<'t> {
    /// The line without its end.
    fn take_line(&mut self) -> &'t str {
        let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.take_line_end();
        line
    }

    fn skip_line(&mut self) {
        self.take_line();
    }

    fn take_line_end(&mut self) -> bool {
        let after = ["\r\n", "\n", "\r"].iter().find_map(|end| self.rest.strip_prefix(end));
        if let Some(after) = after {
            self.rest = after;
            self.line += 1;
        }
        after.is_some()
    }

    fn eat(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        match self.rest.chars().next() {
            Some(c) if wanted(c) => {
                self.rest = &self.rest[c.len_utf8()..];
                true
            }
            _ => false,
        }
    }

    /// The fields of one record, which may span lines; `None` for a line without any.
    fn record(&mut self, syntax: &Syntax) -> Result<Option<Vec<Cow<'t, str>>>, Raise> {
        let is_blank = |c: char| match syntax.separator {
            Separator::Char(separator) => matches!(c, ' ' | '\t') && c != separator,
            _ => matches!(c, ' ' | '\t'),
        };
        let start = self.rest;
        let line = self.line;
        while self.eat(is_blank) {}
        if syntax.comment.is_some_and(|comment| self.rest.starts_with(comment)) {
            self.skip_line();
            return Ok(None);
        }
        if syntax.skip_blank_lines && (self.rest.is_empty() || self.take_line_end()) {
            return Ok(None);
        }
        let blanks = matches!(syntax.separator, Separator::Blanks);
        if !blanks {
            (self.rest, self.line) = (start, line);
        }
        let mut fields = Vec::new();
        loop {
            if syntax.skip_space {
                while self.eat(is_blank) {}
            }
            fields.push(self.field(syntax)?);
            let more = match &syntax.separator {
                Separator::Char(separator) => self.eat(|c| c == *separator),
                _ => {
                    let found = self.eat(is_blank);
                    while self.eat(is_blank) {}
                    found
                }
            };
            let comment = syntax.comment.is_some_and(|comment| self.rest.starts_with(comment));
            if comment {
                // With a separator in front there is one more field, an empty one.
                if more && !blanks {
                    fields.push(Cow::Borrowed(""));
                }
                self.skip_line();
                break;
            }
            let ends = self.rest.is_empty() || self.rest.starts_with(['\n', '\r']);
            if ends && (!more || blanks) {
                self.take_line_end();
                break;
            }
        }
        Ok(Some(fields))
    }

    fn field(&mut self, syntax: &Syntax) -> Result<Cow<'t, str>, Raise> {
        let ends = |c: char| {
            matches!(c, '\n' | '\r')
                || syntax.comment == Some(c)
                || match syntax.separator {
                    Separator::Char(separator) => c == separator,
                    _ => matches!(c, ' ' | '\t'),
                }
        };
        let quoted = match syntax.quote {
            Some(quote) if self.rest.starts_with(quote) => self.quoted(quote)?,
            _ => Cow::Borrowed(""),
        };
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (plain, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(match (quoted.is_empty(), plain.is_empty()) {
            (true, _) => Cow::Borrowed(plain),
            (false, true) => quoted,
            (false, false) => Cow::Owned(format!("{quoted}{plain}")),
        })
    }

    /// What stands in quotes; a doubled quote is one.
    fn quoted(&mut self, quote: char) -> Result<Cow<'t, str>, Raise> {
        let line = self.line;
        let mut rest = &self.rest[quote.len_utf8()..];
        let mut text: Cow<'t, str> = Cow::Borrowed("");
        loop {
            let Some(end) = rest.find(quote) else {
                return Err(Raise::value_error(format!(
                    "a quote in line {} of the table is never closed",
                    line + 1
                ))
                .help("if quotes mean nothing in this file, read it with `quoting=3`"));
            };
            let (part, after) = rest.split_at(end);
            self.line += part.matches('\n').count();
            let after = &after[quote.len_utf8()..];
            if text.is_empty() {
                text = Cow::Borrowed(part);
            } else {
                text.to_mut().push_str(part);
            }
            if !after.starts_with(quote) {
                self.rest = after;
                return Ok(text);
            }
            text.to_mut().push(quote);
            rest = &after[quote.len_utf8()..];
        }
    }
}
