//! The lexical check before the grammars: one linear pass that splits a file into top-level statements and
//! refuses what the recursive parsers must never see (unclosed or too deep nesting, mixed indentation).
//!
//! It knows strings, f-strings, brackets, lambdas and indentation, and nothing of statements. After it, both
//! grammars can take for granted that every bracket and string of a chunk is closed.

use crate::diag::{Problem, SourceId, Span};
use std::ops::Range;

/// Brackets, f-string fields and lambdas inside one another, and operators in one chain. An unoptimised build
/// takes up to 17 KiB of stack for a level, and threads have 2 MiB; Python allows 200.
pub(super) const MAX_NESTING: usize = 100;
/// Blocks inside one another; Python's limit too.
const MAX_INDENTS: usize = 100;
/// After so many mistakes the rest is noise, and each restart may scan to the end of the file.
pub(super) const MAX_PROBLEMS: usize = 50;
/// Spans hold 32-bit offsets.
const MAX_BYTES: usize = 1 << 28;

/// What the check found.
#[derive(Default)]
pub(super) struct Scan {
    /// Top-level statements without lexical mistakes, in order.
    pub(super) chunks: Vec<Range<usize>>,
    pub(super) problems: Vec<Problem>,
    /// Form feeds before the first token of a line: Python restarts the line there.
    pub(super) form_feeds: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TokenKind {
    Word,
    Number,
    /// A whole plain string.
    Str,
    /// The opening quote of an f-string.
    FStart,
    FEnd,
    Open,
    Close,
    Op,
    /// The end of a logical line.
    Newline,
    End,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    /// Whether an operand can end with this token.
    pub(super) fn ends_operand(&self) -> bool {
        use TokenKind::{Close, FEnd, Number, Str, Word};
        matches!(self.kind, Word | Number | Str | FEnd | Close)
    }

    /// Whether an operand can start with this token.
    pub(super) fn starts_operand(&self) -> bool {
        use TokenKind::{FStart, Number, Open, Str, Word};
        matches!(self.kind, Word | Number | Str | FStart | Open)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Quote {
    One(u8),
    Three(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Frame {
    Bracket(u8, usize),
    /// `lambda` whose colon is still to come.
    Lambda,
    FString(Quote, usize),
    Field(usize),
    /// After the colon of a field.
    Spec(usize),
}

/// A lexical mistake, and where to look for the next statement.
pub(super) struct LexError {
    pub(super) problem: Box<Problem>,
    resume: usize,
    /// Found only at the end of the text: the search for the next statement must be choosy.
    at_end: bool,
}

pub(super) struct Lexer<'t> {
    source: SourceId,
    text: &'t str,
    pub(super) pos: usize,
    frames: Vec<Frame>,
    /// The comments passed over, when somebody wants them.
    comments: Option<Vec<Range<usize>>>,
}

type Lexed<T> = Result<T, LexError>;

impl<'t> Lexer<'t> {
    pub(super) fn new(source: SourceId, text: &'t str, pos: usize) -> Lexer<'t> {
        Lexer { source, text, pos, frames: Vec::new(), comments: None }
    }

    /// A lexer that keeps the comments it passes over.
    pub(super) fn with_comments(source: SourceId, text: &'t str, pos: usize) -> Lexer<'t> {
        Lexer { comments: Some(Vec::new()), ..Lexer::new(source, text, pos) }
    }

    /// The comments since the last call of this.
    pub(super) fn take_comments(&mut self) -> Vec<Range<usize>> {
        self.comments.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The innermost open bracket or field: its byte and place.
    pub(super) fn innermost(&self) -> Option<(u8, usize)> {
        self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Bracket(byte, at) => Some((*byte, *at)),
            Frame::Field(at) | Frame::Spec(at) => Some((b'{', *at)),
            _ => None,
        })
    }

    /// Whether the innermost open thing is a field of an f-string.
    pub(super) fn in_field(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Field(_)))
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.pos + ahead).copied()
    }

    fn line_end(&self) -> Option<usize> {
        match (self.byte(0), self.byte(1)) {
            (Some(b'\r'), Some(b'\n')) => Some(2),
            (Some(b'\r' | b'\n'), _) => Some(1),
            _ => None,
        }
    }

    fn error(
        &self,
        code: &'static str,
        message: impl Into<String>,
        at: Range<usize>,
        label: &str,
    ) -> LexError {
        let span = Span::new(self.source, at.start, at.end);
        let problem = Box::new(Problem::error(code, message).at(span, label));
        LexError { problem, resume: self.pos, at_end: false }
    }

    fn push(&mut self, frame: Frame) -> Lexed<()> {
        if self.frames.len() >= MAX_NESTING {
            let message = format!("this is nested too deeply: more than {MAX_NESTING} levels");
            return Err(self.error(
                "nested-too-deeply",
                message,
                self.pos..self.pos + 1,
                "one level too many",
            ));
        }
        self.frames.push(frame);
        Ok(())
    }

    /// The next token. Inside f-strings the text is skipped: tokens come from the fields.
    pub(super) fn next(&mut self) -> Lexed<Token> {
        loop {
            if matches!(self.frames.last(), Some(Frame::FString(..) | Frame::Spec(_))) {
                if let Some(token) = self.fstring_text()? {
                    return Ok(token);
                }
            } else if !self.skip_space()? {
                return self.code_token();
            }
        }
    }

    fn token(&mut self, kind: TokenKind, length: usize) -> Token {
        let start = self.pos;
        self.pos += length;
        Token { kind, start, end: self.pos }
    }

    fn in_brackets(&self) -> bool {
        self.frames.iter().any(|frame| *frame != Frame::Lambda)
    }

    /// Skips one piece of white space or a comment; `false` when there is none.
    fn skip_space(&mut self) -> Lexed<bool> {
        match self.byte(0) {
            Some(b' ' | b'\t' | 0x0c) => self.pos += 1,
            Some(b'#') => {
                let rest = &self.text[self.pos..];
                let end = self.pos + rest.find(['\n', '\r']).unwrap_or(rest.len());
                if let Some(comments) = &mut self.comments {
                    comments.push(self.pos..end);
                }
                self.pos = end;
            }
            Some(b'\\') => {
                self.pos += 1;
                let Some(length) = self.line_end() else {
                    let at = self.pos - 1..self.pos;
                    let message = "unexpected `\\`";
                    return Err(self
                        .error("unexpected-text", message, at, "")
                        .help("a `\\` outside a string may only stand at the very end of a line"));
                };
                self.pos += length;
            }
            Some(b'\n' | b'\r') if self.in_brackets() => {
                self.pos += self.line_end().unwrap_or(1);
                if starts_statement(&self.text[self.pos..]) {
                    return Err(self.unclosed());
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn code_token(&mut self) -> Lexed<Token> {
        use TokenKind::{Close, End, Newline, Number, Op, Open};
        let Some(byte) = self.byte(0) else {
            return if self.in_brackets() { Err(self.unclosed().at_end()) } else { Ok(self.token(End, 0)) };
        };
        match byte {
            b'\n' | b'\r' => {
                self.frames.clear();
                let length = self.line_end().unwrap_or(1);
                Ok(self.token(Newline, length))
            }
            b'(' | b'[' | b'{' => {
                self.push(Frame::Bracket(byte, self.pos))?;
                Ok(self.token(Open, 1))
            }
            b')' | b']' | b'}' => {
                self.close(byte)?;
                Ok(self.token(Close, 1))
            }
            b'"' | b'\'' => self.string(self.pos, false),
            b'0'..=b'9' => {
                let rest = &self.text[self.pos..];
                let length = rest.find(|c: char| !is_continue(c)).unwrap_or(rest.len());
                Ok(self.token(Number, length))
            }
            b':' => {
                match self.frames.last() {
                    Some(Frame::Lambda) => {
                        self.frames.pop();
                    }
                    Some(&Frame::Field(at)) => {
                        self.frames.pop();
                        self.frames.push(Frame::Spec(at));
                    }
                    _ => {}
                }
                Ok(self.token(Op, 1))
            }
            _ => self.word_or_operator(),
        }
    }

    fn word_or_operator(&mut self) -> Lexed<Token> {
        let rest = &self.text[self.pos..];
        let first = rest.chars().next().unwrap_or(' ');
        if !is_start(first) {
            let two = ["**", "//", "==", "!=", "<=", ">=", "<<", ">>", "->", ":="];
            let length = two.iter().find(|op| rest.starts_with(**op)).map_or(first.len_utf8(), |op| op.len());
            return Ok(self.token(TokenKind::Op, length));
        }
        let length = rest.find(|c: char| !is_continue(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        if matches!(rest.as_bytes().get(length), Some(b'"' | b'\'')) && is_string_prefix(word) {
            let start = self.pos;
            self.pos += length;
            return self.string(start, word.contains(['f', 'F']));
        }
        if word == "lambda" {
            self.push(Frame::Lambda)?;
        }
        Ok(self.token(TokenKind::Word, length))
    }

    /// A string whose quote is at `pos` and whose prefix starts at `start`.
    fn string(&mut self, start: usize, formatted: bool) -> Lexed<Token> {
        let quote = self.byte(0).unwrap_or(b'"');
        let long = self.byte(1) == Some(quote) && self.byte(2) == Some(quote);
        let (quote, length) = if long { (Quote::Three(quote), 3) } else { (Quote::One(quote), 1) };
        if formatted {
            self.push(Frame::FString(quote, start))?;
            self.pos += length;
            return Ok(Token { kind: TokenKind::FStart, start, end: self.pos });
        }
        self.pos += length;
        loop {
            if let Some(length) = self.at_quote(quote) {
                self.pos += length;
                return Ok(Token { kind: TokenKind::Str, start, end: self.pos });
            }
            self.string_char(quote, start)?;
        }
    }

    fn at_quote(&self, quote: Quote) -> Option<usize> {
        match quote {
            Quote::One(byte) => (self.byte(0) == Some(byte)).then_some(1),
            Quote::Three(byte) => (0..3).all(|i| self.byte(i) == Some(byte)).then_some(3),
        }
    }

    /// Passes one character or escape of a string that started at `start`.
    fn string_char(&mut self, quote: Quote, start: usize) -> Lexed<()> {
        match self.byte(0) {
            None => Err(self.unclosed_string(quote, start).at_end()),
            Some(b'\n' | b'\r') if matches!(quote, Quote::One(_)) => Err(self.unclosed_string(quote, start)),
            Some(b'\\') => {
                self.pos += 1;
                match self.line_end() {
                    Some(length) => self.pos += length,
                    None if self.byte(0).is_some() => self.pass_char(),
                    None => {}
                }
                Ok(())
            }
            Some(_) => {
                self.pass_char();
                Ok(())
            }
        }
    }

    fn pass_char(&mut self) {
        self.pos += self.text[self.pos..].chars().next().map_or(0, char::len_utf8);
    }

    /// Passes the text of an f-string or of a format spec up to the next field or its end.
    fn fstring_text(&mut self) -> Lexed<Option<Token>> {
        let (quote, start) = self
            .frames
            .iter()
            .rev()
            .find_map(|f| if let Frame::FString(quote, at) = f { Some((*quote, *at)) } else { None })
            .unwrap_or((Quote::One(b'"'), self.pos));
        let spec = match self.frames.last() {
            Some(Frame::Spec(at)) => Some(*at),
            _ => None,
        };
        loop {
            if let Some(length) = self.at_quote(quote) {
                if let Some(field) = spec {
                    return Err(self.unclosed_field(field));
                }
                self.frames.pop();
                return Ok(Some(self.token(TokenKind::FEnd, length)));
            }
            match (self.byte(0), self.byte(1)) {
                (Some(b'{'), Some(b'{')) | (Some(b'}'), Some(b'}')) if spec.is_none() => self.pos += 2,
                (Some(b'{'), _) => {
                    self.push(Frame::Field(self.pos))?;
                    self.pos += 1;
                    return Ok(None);
                }
                (Some(b'}'), _) => {
                    if spec.is_none() {
                        let at = self.pos..self.pos + 1;
                        return Err(self
                            .error("lone-brace", "single `}` in an f-string", at, "")
                            .help("write `}}` for a literal brace"));
                    }
                    self.frames.pop();
                    return Ok(Some(self.token(TokenKind::Close, 1)));
                }
                (Some(b'\\'), Some(b'{' | b'}')) => self.pos += 1,
                (Some(b'\\'), Some(b'N')) if self.byte(2) == Some(b'{') => self.pos += 3,
                (Some(b'\n' | b'\r') | None, _) if spec.is_some() && matches!(quote, Quote::One(_)) => {
                    return Err(self.unclosed_field(spec.unwrap_or(start)));
                }
                _ => self.string_char(quote, start)?,
            }
        }
    }

    fn close(&mut self, byte: u8) -> Lexed<()> {
        while self.frames.last() == Some(&Frame::Lambda) {
            self.frames.pop();
        }
        let opening = match byte {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        let here = self.pos..self.pos + 1;
        let shown = byte as char;
        match self.frames.last() {
            Some(Frame::Bracket(open, _)) if *open == opening => {}
            Some(Frame::Field(_)) if byte == b'}' => {}
            Some(&(Frame::Bracket(_, at) | Frame::Field(at))) => {
                let open = self.text.as_bytes().get(at).map_or('{', |b| *b as char);
                let message = format!("closing `{shown}` does not match opening `{open}`");
                let mut error = self.error("mismatched-bracket", message, here, "");
                let span = Span::new(self.source, at, at + 1);
                error.problem.labels.push((span, format!("this `{open}` is still open")));
                return Err(error);
            }
            _ => {
                let message = format!("`{shown}` without an opening `{}`", opening as char);
                return Err(self.error("unmatched-bracket", message, here, "nothing to close"));
            }
        }
        self.frames.pop();
        Ok(())
    }

    /// The innermost open bracket or field is never closed.
    fn unclosed(&self) -> LexError {
        match self.frames.iter().rev().find(|f| **f != Frame::Lambda) {
            Some(&Frame::Field(at) | &Frame::Spec(at)) => self.unclosed_field(at),
            Some(&Frame::Bracket(byte, at)) => {
                let message = format!("`{}` is never closed", byte as char);
                self.error("unclosed-bracket", message, at..at + 1, "opened here")
            }
            _ => self.error("unclosed-bracket", "something is never closed", self.pos..self.pos, ""),
        }
    }

    fn unclosed_field(&self, at: usize) -> LexError {
        self.error("unclosed-bracket", "`{` in an f-string is never closed", at..at + 1, "opened here")
            .help("write `{{` for a literal brace")
    }

    fn unclosed_string(&self, quote: Quote, start: usize) -> LexError {
        // In a field a string of the same quote starts anew: more likely the field is not closed.
        if let (Some(&Frame::Field(at)), Quote::One(byte)) = (self.frames.last(), quote) {
            let outer = self.frames.iter().rev().find_map(|f| match f {
                Frame::FString(quote, _) => Some(*quote),
                _ => None,
            });
            if outer == Some(Quote::One(byte)) {
                return self.unclosed_field(at);
            }
        }
        let quotes = self.text[start..].find(['"', '\'']).unwrap_or(0);
        let (length, shown) = match quote {
            Quote::One(byte) => (1, (byte as char).to_string()),
            Quote::Three(byte) => (3, (byte as char).to_string().repeat(3)),
        };
        let at = start..start + quotes + length;
        let error = self.error("unclosed-string", "this string is never closed", at, "opened here");
        match quote {
            Quote::One(_) => error.help(format!(
                "add the closing `{shown}` on the same line, or use triple quotes for a text of several lines"
            )),
            Quote::Three(_) => {
                error.help(format!("if this string looks closed, an earlier `{shown}` may be missing"))
            }
        }
    }
}

impl LexError {
    /// Found only at the end of the text: go on after the place that the mistake is about.
    fn at_end(mut self) -> LexError {
        self.at_end = true;
        self.resume = self.problem.labels.first().map_or(self.resume, |(span, _)| span.start as usize + 1);
        self
    }

    fn help(mut self, text: impl Into<String>) -> LexError {
        self.problem.help.push(text.into());
        self
    }
}

/// Checks a lone expression; `Err` with the first mistake.
pub(super) fn check(source: SourceId, text: &str) -> Result<(), Box<Problem>> {
    if text.len() > MAX_BYTES {
        return Err(Box::new(too_large(source)));
    }
    let mut lexer = Lexer::new(source, text, 0);
    loop {
        if lexer.next().map_err(|e| e.problem)?.kind == TokenKind::End {
            return Ok(());
        }
    }
}

fn too_large(source: SourceId) -> Problem {
    Problem::error("file-too-large", format!("the text is larger than {} MiB", MAX_BYTES >> 20))
        .at(Span::new(source, 0, 0), "")
}

/// Splits a file into top-level statements.
pub(super) fn scan(source: SourceId, text: &str) -> Scan {
    let mut scan = Scan::default();
    if text.len() > MAX_BYTES {
        scan.problems.push(too_large(source));
        return scan;
    }
    if let Some(at) = text.find('\0') {
        let problem = Problem::error("nul-character", "a NUL character cannot stand in a Rulefile");
        let problem = problem.at(Span::new(source, at, at + 1), "").help("is this a text file?");
        scan.problems.push(problem);
        return scan;
    }
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut lexer = Lexer::new(source, text, start);
    let mut chunk: Option<usize> = None;
    let mut decorated = false;
    let mut indents = Indents { source, previous: start..start, levels: vec![0] };
    while let Some(indent) = next_line(text, &mut lexer.pos, &mut scan.form_feeds) {
        let line = &text[indent.end..];
        let continues = is_arm(line) || (decorated && is_decorable(line));
        let starts = chunk.is_none() || (indent.is_empty() && !continues);
        decorated = indent.is_empty() && line.starts_with('@');
        if let Some(begin) = starts.then(|| chunk.replace(indent.start)).flatten() {
            scan.chunks.push(begin..indent.start);
        }
        let checked = indents.line(text, indent).and_then(|()| logical_line(&mut lexer));
        if let Err(error) = checked {
            scan.problems.push(*error.problem);
            chunk = None;
            if scan.problems.len() >= MAX_PROBLEMS {
                return scan;
            }
            lexer.frames.clear();
            lexer.pos = resume(text, error.resume, error.at_end);
            indents.reset(lexer.pos);
        }
    }
    if let Some(begin) = chunk {
        scan.chunks.push(begin..text.len());
    }
    scan
}

fn logical_line(lexer: &mut Lexer<'_>) -> Lexed<()> {
    while !matches!(lexer.next()?.kind, TokenKind::Newline | TokenKind::End) {}
    Ok(())
}

/// Moves `pos` to the first token of the next line that has one; its indentation.
fn next_line(text: &str, pos: &mut usize, form_feeds: &mut Vec<usize>) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = *pos;
    loop {
        match bytes.get(*pos)? {
            b' ' | b'\t' => *pos += 1,
            0x0c => {
                form_feeds.push(*pos);
                *pos += 1;
                start = *pos;
            }
            b'\n' | b'\r' => {
                *pos += 1;
                start = *pos;
            }
            b'#' => *pos += text[*pos..].find(['\n', '\r']).unwrap_or(text.len() - *pos),
            _ => return Some(start..*pos),
        }
    }
}

struct Indents {
    source: SourceId,
    previous: Range<usize>,
    levels: Vec<usize>,
}

impl Indents {
    fn reset(&mut self, pos: usize) {
        self.previous = pos..pos;
        self.levels = vec![0];
    }

    /// Checks the indentation of a line against the line before.
    fn line(&mut self, text: &str, indent: Range<usize>) -> Lexed<()> {
        let (before, now) = (&text[self.previous.clone()], &text[indent.clone()]);
        let span = Span::new(self.source, indent.start, indent.end);
        let fail = |code, message: String, label: String| {
            let problem = Box::new(Problem::error(code, message).at(span, label));
            LexError { problem, resume: indent.end, at_end: false }
        };
        if !before.starts_with(now) && !now.starts_with(before) {
            let label = format!("this line starts with {}", describe(now));
            let mut error = fail("mixed-indentation", "indentation mixes tabs and blanks".into(), label);
            let previous = Span::new(self.source, self.previous.start, self.previous.end);
            error.problem.labels.push((previous, format!("this line starts with {}", describe(before))));
            return Err(error.help("indent the whole file in one way, best with four blanks per level"));
        }
        while self.levels.last().is_some_and(|level| *level > now.len()) {
            self.levels.pop();
        }
        if self.levels.last() != Some(&now.len()) {
            self.levels.push(now.len());
        }
        if self.levels.len() > MAX_INDENTS {
            let message = format!("blocks are nested too deeply: more than {MAX_INDENTS} levels");
            return Err(fail("nested-too-deeply", message, "one level too many".into()));
        }
        self.previous = indent;
        Ok(())
    }
}

fn describe(indent: &str) -> String {
    let count = |c: char, name: &str| match indent.matches(c).count() {
        0 => None,
        1 => Some(format!("1 {name}")),
        n => Some(format!("{n} {name}s")),
    };
    let parts: Vec<String> = [count('\t', "tab"), count(' ', "blank")].into_iter().flatten().collect();
    parts.join(" and ")
}

/// The start of the next line of indentation 0 that can start a statement.
fn resume(text: &str, from: usize, choosy: bool) -> usize {
    let bytes = text.as_bytes();
    let mut pos = from.min(text.len());
    let mut at_start = pos == 0 || matches!(bytes.get(pos - 1), Some(b'\n' | b'\r'));
    loop {
        if at_start {
            let rest = &text[pos..];
            let starts = rest.chars().next().is_some_and(|c| is_start(c) || c == '@');
            if (starts && !choosy && !is_arm(rest)) || starts_statement(rest) || (choosy && is_label(rest)) {
                return pos;
            }
        }
        let Some(length) = text[pos..].find(['\n', '\r']) else { return text.len() };
        pos += length + 1;
        at_start = bytes.get(pos) != Some(&b'\n') || bytes.get(pos - 1) == Some(&b'\n');
    }
}

/// `elif`, `else`, `except`, `finally`: the line continues the statement before.
fn is_arm(line: &str) -> bool {
    matches!(first_word(line), "elif" | "else" | "except" | "finally")
}

/// What a decorator can stand before.
fn is_decorable(line: &str) -> bool {
    line.starts_with('@') || matches!(first_word(line), "def" | "class" | "async")
}

fn first_word(line: &str) -> &str {
    &line[..line.find(|c: char| !is_continue(c)).unwrap_or(line.len())]
}

fn is_label(line: &str) -> bool {
    let word = first_word(line);
    !word.is_empty() && line[word.len()..].trim_start_matches([' ', '\t']).starts_with(':')
}

/// Whether a line at indentation 0 can only be the start of a statement, even after an open bracket.
fn starts_statement(line: &str) -> bool {
    let word = first_word(line);
    let rest = line[word.len()..].trim_start_matches([' ', '\t']);
    let spaced = rest.len() < line.len() - word.len();
    match word {
        "rule" | "checkpoint" => {
            let name = first_word(rest);
            let after = rest[name.len()..].trim_start_matches([' ', '\t']);
            after.starts_with(':') && (name.is_empty() || spaced)
        }
        "def" | "class" | "import" | "while" | "with" | "return" | "raise" | "assert" | "del" => spaced,
        "try" => rest.starts_with(':'),
        _ => false,
    }
}

fn is_string_prefix(word: &str) -> bool {
    word.len() <= 2
        && matches!(word.to_ascii_lowercase().as_str(), "r" | "b" | "u" | "f" | "br" | "rb" | "fr" | "rf")
}

fn is_start(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (!c.is_ascii() && unicode_ident::is_xid_start(c))
}

fn is_continue(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric() || (!c.is_ascii() && unicode_ident::is_xid_continue(c))
}
