//! The shell's quoting state at each field of a command, by POSIX rules with bash's `$'…'`, `((…))` and `<<<`.
//!
//! A scanner, not a parser: it follows quotes, substitutions, comments and heredocs, and never fails. Text that
//! no shell would accept gets some state; then the shell reports the mistake.

use super::Quoting;
use std::collections::VecDeque;

/// A character of the command, or a field: some characters that are not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Char(char),
    Field,
}

/// What the scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// For each field: its quoting, and whether it stands inside of `` `…` ``.
    pub(super) places: Vec<(Quoting, bool)>,
    /// Line ends (and the end of the text) that end a line of commands: blanks before them mean nothing.
    pub(super) line_ends: Vec<usize>,
}

#[derive(Debug)]
enum Frame {
    Command {
        end: End,
        /// Open `case`: a `)` then ends a pattern.
        cases: u32,
    },
    /// `((…))` and `$((…))`, where `<<` is a shift; counts open parentheses.
    Arithmetic(u32),
    /// `${…}`
    Parameter {
        double: bool,
    },
    Single,
    Double,
    Ansi,
    Comment,
    Heredoc(Heredoc),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Text,
    Paren,
    Backtick,
}

#[derive(Debug)]
struct Heredoc {
    delimiter: String,
    expands: bool,
    /// `<<-`
    strip_tabs: bool,
    line_start: bool,
}

struct Scanner<'a> {
    tokens: &'a [Token],
    at: usize,
    stack: Vec<Frame>,
    backticks: u32,
    /// Heredocs whose bodies begin after this line.
    pending: VecDeque<Heredoc>,
    /// The next character begins a word: only there `#` begins a comment.
    word_start: bool,
    scan: Scan,
}

/// Scans a whole command.
pub(super) fn scan(tokens: &[Token]) -> Scan {
    let mut scanner = Scanner {
        tokens,
        at: 0,
        stack: Vec::new(),
        backticks: 0,
        pending: VecDeque::new(),
        word_start: true,
        scan: Scan::default(),
    };
    while let Some(token) = tokens.get(scanner.at) {
        match token {
            Token::Char(c) => scanner.step(*c),
            Token::Field => scanner.field(),
        }
    }
    if matches!(scanner.stack.last(), None | Some(Frame::Comment)) {
        scanner.scan.line_ends.push(tokens.len());
    }
    scanner.scan
}

impl Scanner<'_> {
    fn field(&mut self) {
        let quoting = match self.stack.last() {
            None | Some(Frame::Command { .. } | Frame::Arithmetic(_)) => Quoting::Bare,
            Some(Frame::Parameter { double }) => {
                if *double {
                    Quoting::Double
                } else {
                    Quoting::Bare
                }
            }
            Some(Frame::Single) => Quoting::Single,
            Some(Frame::Double) => Quoting::Double,
            Some(Frame::Ansi) => Quoting::Ansi,
            Some(Frame::Comment) => Quoting::Comment,
            Some(Frame::Heredoc(heredoc)) if heredoc.expands => Quoting::Heredoc,
            Some(Frame::Heredoc(_)) => Quoting::Verbatim,
        };
        if let Some(Frame::Heredoc(heredoc)) = self.stack.last_mut() {
            heredoc.line_start = false;
        }
        self.scan.places.push((quoting, self.backticks > 0));
        self.word_start = false;
        self.at += 1;
    }

    /// One or more characters, at least `c`.
    fn step(&mut self, c: char) {
        match self.stack.last_mut() {
            None => self.command(c, End::Text),
            Some(Frame::Command { end, .. }) => {
                let end = *end;
                self.command(c, end);
            }
            Some(Frame::Arithmetic(open)) => match c {
                '(' => {
                    *open += 1;
                    self.at += 1;
                }
                ')' => {
                    *open -= 1;
                    if *open == 0 {
                        self.pop();
                    }
                    self.at += 1;
                }
                '"' => self.push(Frame::Double, 1),
                _ => self.expansion(c, false),
            },
            Some(Frame::Parameter { double }) => {
                let double = *double;
                match c {
                    '}' => self.leave(),
                    '"' => self.push(Frame::Double, 1),
                    '\'' if !double => self.push(Frame::Single, 1),
                    _ => self.expansion(c, false),
                }
            }
            Some(Frame::Single) => match c {
                '\'' => self.leave(),
                // Inside of backticks one layer of backslashes goes before the quotes are seen.
                '\\' if self.backticks > 0 && matches!(self.peek(1), Some('\\' | '`' | '$')) => self.at += 2,
                _ => self.at += 1,
            },
            Some(Frame::Ansi) => match c {
                '\'' => self.leave(),
                '\\' => self.skip_escaped(),
                _ => self.at += 1,
            },
            Some(Frame::Double) => match c {
                '"' => self.leave(),
                _ => self.expansion(c, false),
            },
            Some(Frame::Comment) => {
                let below = self.stack.len().checked_sub(2).and_then(|i| self.stack.get(i));
                let in_backticks = matches!(below, Some(Frame::Command { end: End::Backtick, .. }));
                if c == '\n' || (c == '`' && in_backticks) {
                    self.pop();
                } else {
                    self.at += 1;
                }
            }
            Some(Frame::Heredoc(_)) => self.heredoc_body(c),
        }
    }

    fn command(&mut self, c: char, end: End) {
        let was_word_start = std::mem::replace(&mut self.word_start, false);
        match c {
            '\'' => self.push(Frame::Single, 1),
            '"' => self.push(Frame::Double, 1),
            '`' if end == End::Backtick => self.leave(),
            '(' if was_word_start && self.peek(1) == Some('(') => self.push(Frame::Arithmetic(2), 2),
            '(' => self.enter(End::Paren, 1),
            ')' => {
                if end == End::Paren && self.cases() == 0 {
                    self.leave();
                } else {
                    self.word_start = true;
                    self.at += 1;
                }
            }
            '#' if was_word_start => self.push(Frame::Comment, 1),
            '<' if self.peek(1) == Some('<') => self.heredoc_operator(),
            '\n' => {
                self.scan.line_ends.push(self.at);
                self.word_start = true;
                self.at += 1;
                self.begin_heredoc();
            }
            ' ' | '\t' | ';' | '&' | '|' | '<' | '>' => {
                self.word_start = true;
                self.at += 1;
            }
            '\\' if self.peek(1) == Some('\n') => {
                self.word_start = was_word_start;
                self.at += 2;
            }
            _ => {
                if was_word_start {
                    self.keyword();
                }
                self.expansion(c, true);
            }
        }
    }

    /// `$…`, backticks and backslashes, which mean the same in commands, in `"…"` and in heredocs.
    fn expansion(&mut self, c: char, bare: bool) {
        match (c, self.peek(1), self.peek(2)) {
            ('\\', _, _) => self.skip_escaped(),
            ('`', _, _) => self.enter(End::Backtick, 1),
            ('$', Some('\''), _) if bare => self.push(Frame::Ansi, 2),
            ('$', Some('('), Some('(')) => self.push(Frame::Arithmetic(2), 3),
            ('$', Some('('), _) => self.enter(End::Paren, 2),
            ('$', Some('{'), _) => {
                let double = match self.stack.last() {
                    Some(Frame::Double | Frame::Heredoc(_)) => true,
                    Some(Frame::Parameter { double }) => *double,
                    _ => false,
                };
                self.push(Frame::Parameter { double }, 2);
            }
            _ => self.at += 1,
        }
    }

    fn heredoc_body(&mut self, c: char) {
        let (tokens, at) = (self.tokens, self.at);
        let Some(Frame::Heredoc(heredoc)) = self.stack.last_mut() else { return };
        let line_start = std::mem::replace(&mut heredoc.line_start, c == '\n');
        if line_start && let Some(length) = heredoc.ends_with_line(tokens.get(at..).unwrap_or_default()) {
            self.pop();
            self.at += length;
            self.word_start = true;
            self.begin_heredoc();
        } else if heredoc.expands && c != '\n' {
            self.expansion(c, false);
        } else {
            self.at += 1;
        }
    }

    /// At `<<`: reads the delimiter. A delimiter with a field in it is not known, then there is no heredoc.
    fn heredoc_operator(&mut self) {
        self.word_start = true;
        if self.peek(2) == Some('<') {
            self.at += 3;
            return;
        }
        let strip_tabs = self.peek(2) == Some('-');
        let mut at = self.at + if strip_tabs { 3 } else { 2 };
        self.at = at;
        while matches!(self.tokens.get(at), Some(Token::Char(' ' | '\t'))) {
            at += 1;
        }
        let (mut delimiter, mut expands, mut quote) = (String::new(), true, None);
        while let Some(token) = self.tokens.get(at) {
            let Token::Char(c) = *token else { return };
            match c {
                _ if quote == Some(c) => quote = None,
                _ if quote.is_some() => delimiter.push(c),
                '\'' | '"' => (quote, expands) = (Some(c), false),
                '\\' => {
                    expands = false;
                    at += 1;
                    match self.tokens.get(at) {
                        Some(Token::Char(escaped)) => delimiter.push(*escaped),
                        _ => return,
                    }
                }
                ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '`' => break,
                _ => delimiter.push(c),
            }
            at += 1;
        }
        if !delimiter.is_empty() {
            self.at = at;
            self.pending.push_back(Heredoc { delimiter, expands, strip_tabs, line_start: true });
        }
    }

    fn begin_heredoc(&mut self) {
        if let Some(heredoc) = self.pending.pop_front() {
            self.stack.push(Frame::Heredoc(heredoc));
        }
    }

    /// Counts `case … esac`: inside of `$(…)` the `)` of a pattern must not end the substitution.
    fn keyword(&mut self) {
        let word = [self.peek(0), self.peek(1), self.peek(2), self.peek(3)];
        let ends = self.tokens.get(self.at + 4).is_none_or(|t| match t {
            Token::Char(c) => c.is_whitespace() || ";&|)".contains(*c),
            Token::Field => false,
        });
        if let Some(Frame::Command { cases, .. }) = self.stack.last_mut().filter(|_| ends) {
            match word {
                [Some('c'), Some('a'), Some('s'), Some('e')] => *cases += 1,
                [Some('e'), Some('s'), Some('a'), Some('c')] => *cases = cases.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn cases(&self) -> u32 {
        match self.stack.last() {
            Some(Frame::Command { cases, .. }) => *cases,
            _ => 0,
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        match self.tokens.get(self.at + ahead) {
            Some(Token::Char(c)) => Some(*c),
            _ => None,
        }
    }

    fn skip_escaped(&mut self) {
        self.at += if matches!(self.tokens.get(self.at + 1), Some(Token::Char(_))) { 2 } else { 1 };
    }

    fn push(&mut self, frame: Frame, length: usize) {
        self.stack.push(frame);
        self.at += length;
    }

    fn enter(&mut self, end: End, length: usize) {
        self.backticks += u32::from(end == End::Backtick);
        self.word_start = true;
        self.push(Frame::Command { end, cases: 0 }, length);
    }

    fn leave(&mut self) {
        self.pop();
        self.at += 1;
    }

    fn pop(&mut self) {
        if let Some(Frame::Command { end: End::Backtick, .. }) = self.stack.pop() {
            self.backticks -= 1;
        }
    }
}

impl Heredoc {
    /// The length of the line at the start of `tokens`, with its end, if it is the delimiter.
    fn ends_with_line(&self, tokens: &[Token]) -> Option<usize> {
        let mut at = 0;
        while self.strip_tabs && tokens.get(at) == Some(&Token::Char('\t')) {
            at += 1;
        }
        for c in self.delimiter.chars() {
            if tokens.get(at) != Some(&Token::Char(c)) {
                return None;
            }
            at += 1;
        }
        match tokens.get(at) {
            None => Some(at),
            Some(Token::Char('\n')) => Some(at + 1),
            Some(_) => None,
        }
    }
}
