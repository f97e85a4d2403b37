//! The tokens of a file and its comments, as the printer needs them: an f-string is one token whatever it holds,
//! numbers and augmented operators are whole, and what the printer writes instead of a token is worked out here.

use crate::diag::SourceId;
use crate::syntax::scan::{Lexer, TokenKind};
use std::borrow::Cow;
use std::ops::Range;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Word,
    Number,
    Str,
    Open,
    Close,
    Op,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A comment from its `#` to the end of the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comment {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Nothing else stands on its line.
    pub(super) own_line: bool,
}

/// A file that passed the lexical check, in tokens.
pub(super) struct Tokens<'t> {
    pub(super) text: &'t str,
    pub(super) list: Vec<Token>,
    pub(super) comments: Vec<Comment>,
}

impl<'t> Tokens<'t> {
    pub(super) fn of(source: SourceId, text: &'t str) -> Tokens<'t> {
        let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut lexer = Lexer::with_comments(source, text, start);
        let mut tokens = Tokens { text, list: Vec::new(), comments: Vec::new() };
        let mut open_strings: Vec<usize> = Vec::new();
        // The file passed the lexical check, so there are no errors here.
        while let Ok(token) = lexer.next() {
            let comments = lexer.take_comments();
            if open_strings.is_empty() {
                tokens.comments.extend(comments.into_iter().map(|range| comment(text, range)));
            }
            let kind = match token.kind {
                TokenKind::End => break,
                TokenKind::Newline => continue,
                TokenKind::FStart => {
                    open_strings.push(token.start);
                    continue;
                }
                TokenKind::FEnd => {
                    let start = open_strings.pop().unwrap_or(token.start);
                    if open_strings.is_empty() {
                        tokens.list.push(Token { kind: Kind::Str, start, end: token.end });
                    }
                    continue;
                }
                _ if !open_strings.is_empty() => continue,
                TokenKind::Word => Kind::Word,
                TokenKind::Number => Kind::Number,
                TokenKind::Str => Kind::Str,
                TokenKind::Open => Kind::Open,
                TokenKind::Close => Kind::Close,
                TokenKind::Op => Kind::Op,
            };
            tokens.push(Token { kind, start: token.start, end: token.end });
        }
        tokens
    }

    /// Adds a token of the lexer, which takes numbers and some operators apart.
    fn push(&mut self, token: Token) {
        if self.list.last().is_some_and(|last| token.start < last.end) {
            return; // within a number that was taken as a whole
        }
        let rest = &self.text[token.start..];
        let digit = rest.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
        let number =
            token.kind == Kind::Number || (rest.starts_with('.') && !rest.starts_with("..") && digit);
        if number {
            let end = token.start + number_length(rest);
            self.list.push(Token { kind: Kind::Number, end, ..token });
            return;
        }
        let merged = match &self.text[token.start..token.end] {
            // The dots of `from ...a import b` are no `...`.
            "." if rest.starts_with("...")
                && !self.list.last().is_some_and(|t| matches!(self.str(*t), "from" | ".")) =>
            {
                3
            }
            "**" | "//" | "<<" | ">>" if rest[2..].starts_with('=') => 3,
            ":" | "*" | "/" | "+" | "-" | "%" | "@" | "&" | "|" | "^" if rest[1..].starts_with('=') => 2,
            _ => 0,
        };
        self.list.push(Token { end: token.end.max(token.start + merged), ..token });
    }

    pub(super) fn str(&self, token: Token) -> &'t str {
        &self.text[token.start..token.end]
    }

    /// Indices of the tokens that start in a range of the text.
    pub(super) fn within(&self, range: Range<usize>) -> Range<usize> {
        let index = |at: usize| self.list.partition_point(|token| token.start < at);
        let start = index(range.start);
        start..index(range.end).max(start)
    }

    /// Where the next token starts; the end of the text when there is none.
    pub(super) fn next_start(&self, at: usize) -> usize {
        let index = self.list.partition_point(|token| token.start < at);
        self.list.get(index).map_or(self.text.len(), |token| token.start)
    }

    /// The comment on the line that ends at a place, of those from an index on.
    pub(super) fn comment_behind(&self, at: usize, from: usize) -> Option<Comment> {
        let from = from + self.comments[from.min(self.comments.len())..].partition_point(|c| c.start < at);
        let comment = *self.comments.get(from)?;
        let behind =
            !comment.own_line && !self.breaks(at, comment.start) && self.next_start(at) > comment.start;
        behind.then_some(comment)
    }

    /// The column of a place, in characters.
    pub(super) fn column(&self, at: usize) -> usize {
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        self.text[line..at].chars().count()
    }

    /// Whether a line ends between two places.
    pub(super) fn breaks(&self, from: usize, to: usize) -> bool {
        self.text.get(from..to).is_some_and(|gap| gap.contains('\n'))
    }
}

fn comment(text: &str, range: Range<usize>) -> Comment {
    let before = text[..range.start].trim_end_matches([' ', '\t', '\x0c']);
    let own_line = before.is_empty() || before.ends_with(['\n', '\u{feff}']);
    Comment { start: range.start, end: range.end, own_line }
}

/// The length of the number that a text starts with.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let run = |from: usize, digit: fn(&u8) -> bool| {
        from + bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|b| digit(b)).count())
    };
    let digits: fn(&u8) -> bool = |b| b.is_ascii_digit() || *b == b'_';
    let words: fn(&u8) -> bool = |b| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80;
    if bytes.first() == Some(&b'0') && bytes.get(1).is_some_and(u8::is_ascii_alphabetic) {
        return run(0, words);
    }
    let mut end = run(0, digits);
    if bytes.get(end) == Some(&b'.') {
        end = run(end + 1, digits);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = run(end + 1 + sign, digits);
        }
    }
    run(end, words)
}

/// A comment as it is printed: a blank after the `#`, none at the end.
pub(super) fn printed_comment(text: &str) -> Cow<'_, str> {
    let text = text.trim_end();
    match text[1..].chars().next() {
        None | Some(' ' | '#' | '!' | ':' | '\'') => Cow::Borrowed(text),
        Some('\t') => Cow::Owned(format!("# {}", text[1..].trim_start())),
        Some(_) => Cow::Owned(format!("# {}", &text[1..])),
    }
}

/// A string as it is printed: with double quotes where that needs no other change, and a small prefix.
pub(super) fn printed_string(text: &str) -> Cow<'_, str> {
    let Some(quote) = text.find(['"', '\'']) else { return Cow::Borrowed(text) };
    let (prefix, rest) = text.split_at(quote);
    let small: String = prefix
        .chars()
        .filter(|c| !c.eq_ignore_ascii_case(&'u'))
        .map(|c| if c == 'R' { c } else { c.to_ascii_lowercase() })
        .collect();
    let (mark, double) = if rest.starts_with("'''") { ("'''", "\"\"\"") } else { ("'", "\"") };
    let body = rest.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    match body.filter(|body| can_be_double(body, &small, mark.len() == 3)) {
        Some(body) => Cow::Owned(format!("{small}{double}{body}{double}")),
        None if small == prefix => Cow::Borrowed(text),
        None => Cow::Owned(format!("{small}{rest}")),
    }
}

/// Whether a body in single quotes means the same in double ones.
fn can_be_double(body: &str, prefix: &str, long: bool) -> bool {
    if long {
        let quotes = prefix.contains('f') && body.contains('"');
        return !quotes && !body.contains("\"\"\"") && !body.ends_with('"');
    }
    !body.contains('"') && !body.contains("\\'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let tokens = Tokens::of(SourceId(0), text);
        tokens.list.iter().map(|token| tokens.str(*token)).collect()
    }

    #[test]
    fn numbers_and_operators_are_whole() {
        assert_eq!(words("a+=1.5e-7 //=.5+5.**2"), ["a", "+=", "1.5e-7", "//=", ".5", "+", "5.", "**", "2"]);
        assert_eq!(
            words("x=-1;y = ... , 0xFF_f, 1_0.e3"),
            ["x", "=", "-", "1", ";", "y", "=", "...", ",", "0xFF_f", ",", "1_0.e3"]
        );
        assert_eq!(
            words("1 .real, a.b, from_.x"),
            ["1", ".", "real", ",", "a", ".", "b", ",", "from_", ".", "x"]
        );
        assert_eq!(
            words("f'{a!r:>{w}}' f\"\"\"{x # c\n}\"\"\""),
            ["f'{a!r:>{w}}'", "f\"\"\"{x # c\n}\"\"\""]
        );
    }

    #[test]
    fn comments_know_whether_they_are_alone() {
        let tokens = Tokens::of(SourceId(0), "\u{feff}# a\nx = ( # b\n  # c\n 1)  # d\n");
        let found: Vec<(&str, bool)> =
            tokens.comments.iter().map(|c| (&tokens.text[c.start..c.end], c.own_line)).collect();
        assert_eq!(found, [("# a", true), ("# b", false), ("# c", true), ("# d", false)]);
    }

    #[test]
    fn strings_get_double_quotes_when_that_is_all() {
        for (from, to) in [
            ("'a'", "\"a\""),
            ("''", "\"\""),
            (r"'a\'b'", r"'a\'b'"),
            ("'a\"b'", "'a\"b'"),
            (r"'a\nb'", r#""a\nb""#),
            (r"Rb'\d'", r#"Rb"\d""#),
            ("U'x'", "\"x\""),
            ("F'{x}'", "f\"{x}\""),
            ("f'{x[\"a\"]}'", "f'{x[\"a\"]}'"),
            ("'''a\n\"b\" '''", "\"\"\"a\n\"b\" \"\"\""),
            ("'''a\"'''", "'''a\"'''"),
            ("f'''{x[\"a\"]} '''", "f'''{x[\"a\"]} '''"),
            ("\"it's\"", "\"it's\""),
        ] {
            assert_eq!(printed_string(from), to, "{from}");
        }
    }

    #[test]
    fn comments_get_a_blank() {
        for (from, to) in
            [("#a", "# a"), ("#", "#"), ("#!x", "#!x"), ("##a", "##a"), ("# a  ", "# a"), ("#\ta", "# a")]
        {
            assert_eq!(printed_comment(from), to);
        }
    }
}
