//! A piece of code as a tree of brackets, with what the line breaker wants to know of each element: whether a blank
//! stands before it, and how readily a line breaks there.
//!
//! Recursion follows brackets, which the lexical check has limited.

use crate::syntax::print::tokens::{Kind, Token, Tokens, printed_comment, printed_string};
use std::borrow::Cow;
use std::ops::Range;

/// How readily a line breaks before an element; the largest of a sequence goes first. 0 is never.
pub(super) mod breaks {
    pub(in crate::syntax::print) const NEVER: u8 = 0;
    /// `.name` after a call.
    pub(in crate::syntax::print) const DOT: u8 = 1;
    pub(in crate::syntax::print) const POWER: u8 = 2;
    pub(in crate::syntax::print) const PRODUCT: u8 = 3;
    pub(in crate::syntax::print) const SUM: u8 = 4;
    pub(in crate::syntax::print) const SHIFT: u8 = 5;
    pub(in crate::syntax::print) const BIT_AND: u8 = 6;
    pub(in crate::syntax::print) const BIT_XOR: u8 = 7;
    pub(in crate::syntax::print) const BIT_OR: u8 = 8;
    pub(in crate::syntax::print) const COMPARISON: u8 = 9;
    /// Between adjacent strings.
    pub(in crate::syntax::print) const STRING: u8 = 10;
    pub(in crate::syntax::print) const LOGIC: u8 = 11;
    pub(in crate::syntax::print) const CONDITION: u8 = 12;
    pub(in crate::syntax::print) const COMPREHENSION: u8 = 13;
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// A name, number, string, `...`, or brackets that are a value of their own.
    Operand,
    /// Brackets right after an operand: a call or a subscript.
    Trailer,
    Keyword,
    Comma,
    /// A comma between the parameters of a lambda or the names of a `for`.
    InnerComma,
    Semicolon,
    /// `=` of an argument or a default.
    Default,
    /// `=`, `+=` and their like in a statement.
    Assign,
    /// The `:` after the parameters of a lambda.
    LambdaColon,
    /// The `:` of a slice; `true` when there are blanks around it.
    SliceColon(bool),
    /// Any other `:`: of a dict entry or an annotation.
    Colon,
    Dot,
    Unary,
    /// A binary operator; `true` for a `**` without blanks.
    Binary(bool),
    Comment,
}

/// What stands around a sequence of elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// A statement: `=` assigns.
    Statement,
    /// Items of a section, or arguments of a call.
    Items,
    /// Parameters of a `def`.
    Params,
    /// Names of a `from` import.
    Names,
    Subscript,
    /// A list, a dict, a set.
    Display,
    /// Round brackets around a value.
    Round,
}

#[derive(Debug)]
pub(super) struct Group<'t> {
    pub(super) open: &'t str,
    pub(super) close: &'t str,
    pub(super) place: Place,
    pub(super) items: Vec<Element<'t>>,
}

#[derive(Debug)]
pub(super) enum What<'t> {
    Text(Cow<'t, str>),
    Group(Group<'t>),
}

#[derive(Debug)]
pub(super) struct Element<'t> {
    pub(super) what: What<'t>,
    pub(super) role: Role,
    /// A blank stands before it, unless it starts a line.
    pub(super) space: bool,
    pub(super) weight: u8,
    /// In the source a line ended before it.
    pub(super) broken: bool,
    /// It cannot be on one line: a comment, a trailing comma or strings of several lines are in it.
    pub(super) forced: bool,
}

impl Element<'_> {
    pub(super) fn text(&self) -> &str {
        match &self.what {
            What::Text(text) => text,
            What::Group(group) => group.open,
        }
    }

    pub(super) fn is(&self, word: &str) -> bool {
        matches!(&self.what, What::Text(text) if text == word)
    }
}

/// Takes a range of tokens apart.
pub(super) struct Reader<'p, 't> {
    tokens: &'p Tokens<'t>,
    /// The next comment that nobody has printed.
    pub(super) comment: usize,
    next: usize,
    end: usize,
}

/// What is to be known of the elements before, within one pair of brackets.
#[derive(Default)]
struct Level {
    /// Lambdas whose colon is still to come.
    lambdas: usize,
    /// `for` whose `in` is still to come.
    fors: usize,
    comprehension: bool,
    /// The parameter has an annotation.
    annotated: bool,
    /// The slice has blanks around its colon.
    wide: bool,
}

impl<'p, 't> Reader<'p, 't> {
    pub(super) fn new(tokens: &'p Tokens<'t>, comment: usize, range: Range<usize>) -> Reader<'p, 't> {
        Reader { tokens, comment, next: range.start, end: range.end }
    }

    /// The elements up to the end of the range, with the comments between them.
    pub(super) fn all(&mut self, place: Place) -> Vec<Element<'t>> {
        let mut elements = self.elements(place, None);
        // Brackets are in pairs, so nothing is left; if it were, it must not get lost.
        while self.next < self.end {
            let token = self.tokens.list[self.next];
            self.next += 1;
            let text = self.tokens.str(token);
            elements.push(element(What::Text(text.into()), Role::Operand, true));
        }
        elements
    }

    /// Elements up to the closing bracket, which is left, or the end.
    fn elements(&mut self, place: Place, open: Option<Token>) -> Vec<Element<'t>> {
        let mut out: Vec<Element<'t>> = Vec::new();
        let mut level = Level { wide: place == Place::Subscript && self.is_wide(), ..Level::default() };
        let mut at = open.map_or_else(|| self.token().map_or(0, |token| token.start), |token| token.end);
        while let Some(token) = self.token() {
            self.comments(token.start, &mut out);
            if token.kind == Kind::Close {
                break;
            }
            self.next += 1;
            let broken = self.tokens.breaks(at, token.start);
            let mut element = match token.kind {
                Kind::Open => self.group(token, place, &out),
                _ => self.single(token, place, &mut level, &out),
            };
            at = self.tokens.list[self.next - 1].end;
            element.broken = broken;
            element.space = space(out.iter().rev().find(|e| e.role != Role::Comment), &element);
            let previous = out.last().map_or(Role::Comma, |e| e.role);
            // The author's lines of a text of several strings are kept.
            element.forced |= broken && element.weight == breaks::STRING && previous == Role::Operand;
            out.push(element);
        }
        out
    }

    fn token(&self) -> Option<Token> {
        self.tokens.list.get(self.next).copied().filter(|_| self.next < self.end)
    }

    fn comments(&mut self, before: usize, out: &mut Vec<Element<'t>>) {
        while let Some(comment) = self.tokens.comments.get(self.comment).filter(|c| c.start < before) {
            let text = printed_comment(&self.tokens.text[comment.start..comment.end]);
            let mut element = element(What::Text(text), Role::Comment, true);
            element.broken = comment.own_line;
            element.forced = true;
            self.comment += 1;
            out.push(element);
        }
    }

    fn group(&mut self, open: Token, around: Place, before: &[Element<'t>]) -> Element<'t> {
        let last = before.iter().rev().find(|e| e.role != Role::Comment);
        let trailer = last.is_some_and(|e| matches!(e.role, Role::Operand | Role::Trailer));
        let text = self.tokens.str(open);
        let place = match text {
            "(" if around == Place::Statement && is_def(before) => Place::Params,
            "(" if last.is_some_and(|e| e.is("import")) => Place::Names,
            "(" if trailer => Place::Items,
            "(" => Place::Round,
            "[" if trailer => Place::Subscript,
            _ => Place::Display,
        };
        let items = self.elements(place, Some(open));
        let close = match self.token() {
            Some(token) => {
                self.next += 1;
                self.tokens.str(token)
            }
            None => "",
        };
        let role = if trailer { Role::Trailer } else { Role::Operand };
        let forced = items.iter().any(|e| e.forced) || has_magic_comma(place, items.iter());
        let mut element = element(What::Group(Group { open: text, close, place, items }), role, false);
        element.forced = forced;
        element
    }

    fn single(&self, token: Token, place: Place, level: &mut Level, before: &[Element<'t>]) -> Element<'t> {
        let text = self.tokens.str(token);
        let last = before.iter().rev().find(|e| e.role != Role::Comment);
        let after_operand = last.is_some_and(|e| matches!(e.role, Role::Operand | Role::Trailer));
        let (role, weight) = match token.kind {
            Kind::Str if last.is_some_and(|e| is_string(e)) => (Role::Operand, breaks::STRING),
            Kind::Str | Kind::Number => (Role::Operand, breaks::NEVER),
            Kind::Word if is_keyword(text) => (Role::Keyword, level.keyword(text, last, after_operand)),
            Kind::Word => (Role::Operand, breaks::NEVER),
            _ => level.operator(text, place, before, after_operand, || self.is_simple_power(before)),
        };
        let text = if token.kind == Kind::Str { printed_string(text) } else { Cow::Borrowed(text) };
        let in_lambda = level.lambdas > 0 && role != Role::Keyword;
        let mut element = element(What::Text(text), role, false);
        element.weight = if in_lambda { breaks::NEVER } else { weight };
        element
    }

    /// Whether a slice that starts here has an operand that wants blanks around the colon.
    fn is_wide(&self) -> bool {
        let mut depth = 0;
        let mut colon = false;
        let mut wide = false;
        let mut before: Option<Token> = None;
        for token in &self.tokens.list[self.next..self.end] {
            let text = self.tokens.str(*token);
            match token.kind {
                Kind::Open => {
                    wide |= depth == 0
                        && before.is_some_and(|b| matches!(b.kind, Kind::Word | Kind::Close | Kind::Str));
                    depth += 1;
                }
                Kind::Close if depth == 0 => break,
                Kind::Close => depth -= 1,
                _ if depth > 0 => {}
                Kind::Op if text == ":" => colon = true,
                Kind::Op if matches!(text, "," | "...") => {}
                Kind::Op => {
                    let unary =
                        before.is_none_or(|b| matches!(b.kind, Kind::Op)) && matches!(text, "-" | "+" | "~");
                    wide |= !unary;
                }
                Kind::Word => wide |= is_keyword(text),
                _ => {}
            }
            before = Some(*token);
        }
        colon && wide
    }

    /// Whether the operands around a `**` are names, numbers or attributes. The operator was just taken.
    fn is_simple_power(&self, before: &[Element<'t>]) -> bool {
        let mut left = before.iter().rev().skip_while(|e| e.role == Role::Comment);
        let plain =
            |e: &Element<'_>| e.role == Role::Operand && matches!(e.what, What::Text(_)) && !is_string(e);
        if !left.next().is_some_and(plain) {
            return false;
        }
        while let Some(element) = left.next() {
            match element.role {
                Role::Dot if left.next().is_some_and(plain) => {}
                Role::Dot => return false,
                _ => break,
            }
        }
        let word = |i: usize| self.tokens.list.get(i).filter(|_| i < self.end).copied();
        let is = |i: usize, texts: &[&str]| word(i).is_some_and(|t| texts.contains(&self.tokens.str(t)));
        let mut at = self.next;
        let negative = is(at, &["-"]);
        at += usize::from(negative);
        match word(at) {
            Some(token) if token.kind == Kind::Number => {}
            Some(token) if token.kind == Kind::Word && !negative && !is_keyword(self.tokens.str(token)) => {}
            _ => return false,
        }
        at += 1;
        while is(at, &["."]) && word(at + 1).is_some_and(|t| t.kind == Kind::Word) {
            at += 2;
        }
        !is(at, &["(", "[", "**"])
    }
}

impl Level {
    fn keyword(&mut self, text: &str, last: Option<&Element<'_>>, after_operand: bool) -> u8 {
        match text {
            "lambda" => {
                self.lambdas += 1;
                breaks::NEVER
            }
            _ if self.lambdas > 0 => breaks::NEVER,
            "for" if after_operand => {
                self.fors += 1;
                self.comprehension = true;
                breaks::COMPREHENSION
            }
            "async" if after_operand => breaks::COMPREHENSION,
            "in" if self.fors > 0 => {
                self.fors -= 1;
                breaks::NEVER
            }
            "if" if self.comprehension => breaks::COMPREHENSION,
            "if" | "else" if after_operand => breaks::CONDITION,
            "and" | "or" => breaks::LOGIC,
            "in" if last.is_some_and(|e| e.is("not")) => breaks::NEVER,
            "in" | "is" => breaks::COMPARISON,
            "not" if after_operand => breaks::COMPARISON,
            _ => breaks::NEVER,
        }
    }

    fn operator(
        &mut self,
        text: &str,
        place: Place,
        before: &[Element<'_>],
        after_operand: bool,
        simple_power: impl FnOnce() -> bool,
    ) -> (Role, u8) {
        let last = before.iter().rev().find(|e| e.role != Role::Comment);
        match text {
            "," if self.lambdas > 0 || self.fors > 0 => (Role::InnerComma, breaks::NEVER),
            "," => {
                self.annotated = false;
                (Role::Comma, breaks::NEVER)
            }
            ";" => (Role::Semicolon, breaks::NEVER),
            "..." => (Role::Operand, breaks::NEVER),
            "." => {
                let after_call = last.is_some_and(|e| e.role == Role::Trailer);
                (Role::Dot, if after_call { breaks::DOT } else { breaks::NEVER })
            }
            ":" if self.lambdas > 0 => {
                self.lambdas -= 1;
                (Role::LambdaColon, breaks::NEVER)
            }
            ":" if place == Place::Subscript => (Role::SliceColon(self.wide), breaks::NEVER),
            ":" => {
                self.annotated = true;
                (Role::Colon, breaks::NEVER)
            }
            "=" if self.lambdas > 0 => (Role::Default, breaks::NEVER),
            "=" if place == Place::Statement || self.annotated => (Role::Assign, breaks::NEVER),
            "=" => (Role::Default, breaks::NEVER),
            ":=" | "->" => (Role::Binary(false), breaks::NEVER),
            "**" if after_operand => (Role::Binary(simple_power()), breaks::POWER),
            "==" | "!=" | "<" | ">" | "<=" | ">=" => (Role::Binary(false), breaks::COMPARISON),
            _ if text.len() > 1 && text.ends_with('=') => (Role::Assign, breaks::NEVER),
            _ if !after_operand => (Role::Unary, breaks::NEVER),
            "*" | "/" | "//" | "%" | "@" => (Role::Binary(false), breaks::PRODUCT),
            "+" | "-" => (Role::Binary(false), breaks::SUM),
            "<<" | ">>" => (Role::Binary(false), breaks::SHIFT),
            "&" => (Role::Binary(false), breaks::BIT_AND),
            "^" => (Role::Binary(false), breaks::BIT_XOR),
            "|" => (Role::Binary(false), breaks::BIT_OR),
            _ => (Role::Binary(false), breaks::NEVER),
        }
    }
}

fn element<'t>(what: What<'t>, role: Role, space: bool) -> Element<'t> {
    Element { what, role, space, weight: breaks::NEVER, broken: false, forced: false }
}

/// `def name`
fn is_def(before: &[Element<'_>]) -> bool {
    matches!(before, [def, _] if def.is("def"))
}

fn is_string(element: &Element<'_>) -> bool {
    matches!(&element.what, What::Text(text) if element.role == Role::Operand && text.ends_with(['"', '\'']))
}

/// A comma before the closing bracket keeps one item per line, unless the comma is what makes a tuple.
pub(super) fn has_magic_comma<'e, 't: 'e>(
    place: Place,
    items: impl DoubleEndedIterator<Item = &'e Element<'t>> + Clone,
) -> bool {
    let mut items = items.filter(|e| e.role != Role::Comment);
    let commas = items.clone().filter(|e| e.role == Role::Comma).count();
    let last = items.next_back().is_some_and(|e| e.role == Role::Comma);
    last && (commas > 1 || !matches!(place, Place::Round | Place::Subscript))
}

/// Whether a blank stands between two elements of one line.
fn space(before: Option<&Element<'_>>, element: &Element<'_>) -> bool {
    let Some(before) = before else { return false };
    match element.role {
        Role::Comma | Role::InnerComma | Role::Semicolon => return false,
        Role::Default | Role::LambdaColon | Role::Colon => return false,
        Role::SliceColon(_) if before.role == Role::Comma => return true,
        Role::SliceColon(wide) => return wide && !matches!(before.role, Role::SliceColon(_)),
        Role::Dot if before.is("from") => return true,
        // `1 .real`: without the blank it would be another number.
        Role::Dot => {
            return before.text().chars().all(|c| c.is_ascii_digit() || c == '_')
                && before.text().starts_with(|c: char| c.is_ascii_digit());
        }
        Role::Binary(true) => return false,
        _ => {}
    }
    match before.role {
        Role::Dot => element.is("import"),
        Role::Default | Role::Unary | Role::SliceColon(false) | Role::Binary(true) => false,
        Role::Operand | Role::Trailer => element.role != Role::Trailer,
        _ => true,
    }
}

/// Words that are no names.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "and"
            | "as"
            | "assert"
            | "async"
            | "await"
            | "break"
            | "class"
            | "continue"
            | "def"
            | "del"
            | "elif"
            | "else"
            | "except"
            | "finally"
            | "for"
            | "from"
            | "global"
            | "if"
            | "import"
            | "in"
            | "is"
            | "lambda"
            | "nonlocal"
            | "not"
            | "or"
            | "pass"
            | "raise"
            | "return"
            | "try"
            | "while"
            | "with"
            | "yield"
    )
}
