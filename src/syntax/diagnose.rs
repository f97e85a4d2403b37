//! Why a piece of expression text was refused, in words of the language. The grammar gives the place; what
//! stands before and after it gives the reason. Never names a production of the grammar.

use crate::diag::{Problem, Span};
use crate::syntax::ast::OpaqueKind;
use crate::syntax::expr::Piece;
use crate::syntax::grammar::expr::Rule;
use crate::syntax::scan::{Lexer, Token, TokenKind};
use crate::syntax::words::{DIRECTIVES, SECTIONS};

/// What kind of text it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Context<'a> {
    /// Items of a section or directive.
    Items(&'a str),
    /// A simple statement.
    Line,
    /// The head of `if`, `while`...
    Head(&'static str),
    /// The parameters of a `def`.
    Params,
    /// An expression on its own.
    Expression,
}

/// The tokens around the place of a failure.
struct Around<'t> {
    text: &'t str,
    before: Option<Token>,
    /// The token that was refused; `End` at the end of the text.
    at: Token,
    /// The one after it.
    after: Option<Token>,
    /// The innermost open bracket.
    bracket: Option<(u8, usize)>,
    in_field: bool,
}

impl Around<'_> {
    fn text(&self, token: Token) -> &str {
        &self.text[token.start..token.end]
    }

    fn at_text(&self) -> &str {
        self.text(self.at)
    }

    fn before_text(&self) -> &str {
        self.before.map_or("", |t| self.text(t))
    }

    /// Whether the refused token is the first of its line.
    fn starts_line(&self) -> bool {
        let line = self.text[..self.at.start].trim_end_matches([' ', '\t']);
        line.ends_with(['\n', '\r'])
    }
}

/// Describes the failure of `piece` at `pos`; `expected` is what the grammar tried there.
pub(super) fn diagnose(piece: &Piece<'_>, pos: usize, expected: &[Rule], context: Context<'_>) -> Problem {
    let around = look(piece, pos);
    let span = |token: Token| piece.span(token.start, token.end);
    let here = span(around.at);
    let word = around.at_text();
    if around.at.kind == TokenKind::Word
        && let Some(problem) = keyword(word, here, &around, context)
    {
        return problem;
    }
    if expected.contains(&Rule::k_else) && expected.iter().all(|r| *r != Rule::bin_op || word != "=") {
        let problem = missing_else(&around, here);
        if let Some(problem) = problem {
            return problem;
        }
    }
    if around.at.kind == TokenKind::End {
        return at_end(&around, piece, context);
    }
    if word == "=" {
        return equals(&around, here, context);
    }
    if let (Some(before), true) = (around.before, around.at.starts_operand())
        && before.ends_operand()
        && !is_keyword(around.before_text())
    {
        return side_by_side(&around, span(before), here, context);
    }
    if context == Context::Head("for") && expected.contains(&Rule::k_in) {
        return Problem::error("unexpected-text", format!("expected `in`, found `{word}`"))
            .at(here, "expected `in` here");
    }
    operator(&around, here)
}

fn look<'t>(piece: &Piece<'t>, pos: usize) -> Around<'t> {
    let mut lexer = Lexer::new(piece.source, piece.text, 0);
    let end = Token { kind: TokenKind::End, start: piece.text.len(), end: piece.text.len() };
    let mut around =
        Around { text: piece.text, before: None, at: end, after: None, bracket: None, in_field: false };
    loop {
        let (bracket, in_field) = (lexer.innermost(), lexer.in_field());
        // After the lexical check there are no errors here.
        let Ok(token) = lexer.next() else { return around };
        if token.kind == TokenKind::Newline {
            continue;
        }
        if token.end > pos || token.kind == TokenKind::End {
            around.at = token;
            around.bracket = bracket;
            around.in_field = in_field;
            around.after = lexer.next().ok();
            return around;
        }
        around.before = Some(token);
    }
}

const KEYWORDS: &[&str] = &[
    "and", "as", "assert", "break", "continue", "def", "del", "elif", "else", "except", "finally", "for",
    "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "class", "async", "await", "yield",
];

fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

fn keyword(word: &str, here: Span, around: &Around<'_>, context: Context<'_>) -> Option<Problem> {
    let unsupported = |code, help: &str| {
        let message = format!("`{word}` isn't supported in Rulefiles");
        Some(Problem::error(code, message).at(here, "").help(help))
    };
    match word {
        "await" | "async" => unsupported("unsupported-async", "call the function directly, without `async`"),
        "class" if around.after.is_some_and(|t| t.kind == TokenKind::Word) => {
            let (code, _, help) = OpaqueKind::Class.reason();
            unsupported(code, help)
        }
        "for" | "while" | "if" | "with" | "try" | "def"
            if around.before.is_none() && context == Context::Line =>
        {
            let message = format!("`{word}` cannot stand after `:` on the same line");
            Some(
                Problem::error("unexpected-text", message)
                    .at(here, "")
                    .help("put it on a line of its own, indented"),
            )
        }
        word if !is_keyword(word) => None,
        _ if around.after.is_some_and(|t| around.text(t) == "=")
            && (matches!(context, Context::Items(_)) || around.bracket.is_some()) =>
        {
            let message = format!("`{word}` is a keyword of the language and cannot name an item");
            Some(Problem::error("keyword-as-name", message).at(here, "").help("choose another name"))
        }
        _ => None,
    }
}

fn missing_else(around: &Around<'_>, here: Span) -> Option<Problem> {
    let operand = around.before.is_some_and(|t| t.ends_operand());
    let closing = matches!(around.at.kind, TokenKind::End | TokenKind::Close) || around.at_text() == ",";
    (operand && closing).then(|| {
        Problem::error("missing-else", "this conditional expression has no `else` part")
            .at(here, "expected `else` here")
            .help("write `a if condition else b`")
    })
}

fn at_end(around: &Around<'_>, piece: &Piece<'_>, context: Context<'_>) -> Problem {
    let Some(before) = around.before else {
        let what = match context {
            Context::Head(word) => format!("`{word}` needs an expression before the `:`"),
            _ => "an expression is missing here".to_string(),
        };
        return Problem::error("missing-expression", what).at(piece.span(0, 0), "");
    };
    let span = piece.span(before.start, before.end);
    match context {
        Context::Head("for") if before.ends_operand() && !is_keyword(around.before_text()) => {
            Problem::error("unexpected-text", "`for` needs `in` and what to go through")
                .at(span, "expected `in` after this")
        }
        _ => {
            let message = format!("an expression is missing after `{}`", around.before_text());
            Problem::error("missing-expression", message).at(span, "something must follow")
        }
    }
}

fn equals(around: &Around<'_>, here: Span, context: Context<'_>) -> Problem {
    let problem = match context {
        Context::Head("for" | "with" | "except") => Problem::error("unexpected-text", "unexpected `=`"),
        Context::Head(word) => {
            let message = format!("`=` is an assignment and cannot stand in the condition of `{word}`");
            Problem::error("assignment-in-condition", message).help("use `==` to compare")
        }
        Context::Items(_) if is_keyword(around.before_text()) => {
            let message =
                format!("`{}` is a keyword of the language and cannot name an item", around.before_text());
            Problem::error("keyword-as-name", message).help("choose another name")
        }
        Context::Items(_) if around.bracket.is_none() => {
            Problem::error("bad-item-name", "the part before `=` must be a plain name")
                .help("write `name=value`, or a value without a name")
        }
        _ if matches!(around.bracket, Some((b'(', _))) => Problem::error("unexpected-text", "unexpected `=`")
            .help("before `=` in a call must be a plain name; use `==` to compare"),
        _ => Problem::error("unexpected-text", "unexpected `=`").help("use `==` to compare"),
    };
    problem.at(here, "")
}

/// Two operands without anything between them.
fn side_by_side(around: &Around<'_>, before: Span, here: Span, context: Context<'_>) -> Problem {
    let word = around.at_text();
    let colon = around.after.is_some_and(|t| around.text(t) == ":");
    let labelled = around.at.kind == TokenKind::Word && colon && around.starts_line();
    if let (Context::Items(section), true, None) = (context, labelled, around.bracket) {
        let message = format!("`{word}:` is indented deeper than `{section}:`");
        return Problem::error("bad-indentation", message)
            .at(here, "unexpected indentation")
            .help("give all sections of a rule the same indentation");
    }
    let shown =
        |text: &str| if text.len() > 40 || text.contains('\n') { "...".into() } else { text.to_string() };
    if around.in_field {
        return Problem::error(
            "unexpected-text",
            format!("unexpected `{}` in a field of an f-string", shown(word)),
        )
        .at(here, "");
    }
    if around.bracket.is_some() || matches!(context, Context::Items(_)) {
        let gap = Span { start: before.end, end: before.end, ..before };
        let message = match context {
            Context::Items(section) if around.bracket.is_none() => {
                format!("missing `,` between the items of `{section}:`")
            }
            _ => "missing `,`".to_string(),
        };
        let problem = Problem::error("missing-comma", message).at(gap, "expected `,` here");
        let problem = match context {
            Context::Items(section) if around.bracket.is_none() => bare_words(problem, section, around),
            _ => problem,
        };
        return if around.starts_line() { problem.at(here, "before this") } else { problem };
    }
    if matches!(around.before_text(), "print" | "exec") {
        let message = format!("`{}` is a function: its arguments need parentheses", around.before_text());
        return Problem::error("unexpected-text", message).at(here, "");
    }
    let message = format!("unexpected `{}` after `{}`", shown(word), shown(around.before_text()));
    Problem::error("unexpected-text", message).at(here, "expected an operator or the end of the line")
}

/// Words without quotes: a command, or what a Makefile would hold.
fn bare_words(problem: Problem, section: &str, around: &Around<'_>) -> Problem {
    let is_word = around.before.is_some_and(|t| t.kind == TokenKind::Word);
    let line = &around.text[..around.at.start];
    if !is_word {
        return problem;
    }
    if matches!(section, "shell" | "message") {
        let what = if section == "shell" { "command" } else { "message" };
        return problem.help(format!("a {what} is a text: put it in quotes"));
    }
    let known = SECTIONS.contains(&section) || DIRECTIVES.contains(&section);
    if !known || around.starts_line() && line.ends_with('\t') { problem.help(MAKEFILE) } else { problem }
}

/// Said of lines such as `all: x`, followed by a command behind a tab.
pub(super) const MAKEFILE: &str = "\
this looks like a Makefile; in a Rulefile it is written so:
rule name:
    input: \"x\"
    output: \"y\"
    shell: \"command {input} > {output}\"";

/// Characters that word processors and web pages put in place of those that were typed.
fn looks_like_another(word: &str) -> Option<Problem> {
    let c = word.chars().next()?;
    let (what, help) = match c {
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => ("a curly quote", "type a straight one: `\"`"),
        '\u{2018}'..='\u{201b}' => ("a curly quote", "type a straight one: `'`"),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            ("a blank of another kind", "type an ordinary blank")
        }
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => ("a character that cannot be seen", "remove it"),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => ("a dash", "type a hyphen: `-`"),
        '\u{ff0c}' => ("a comma of another kind", "type `,`"),
        '\u{ff1a}' => ("a colon of another kind", "type `:`"),
        _ => return None,
    };
    let message = format!("this is {what} (U+{:04X}), which is no part of the language", u32::from(c));
    Some(Problem::error("unexpected-text", message).help(help))
}

fn operator(around: &Around<'_>, here: Span) -> Problem {
    let word = around.at_text();
    let next = around.after.map_or("", |t| around.text(t));
    let before = around.before_text();
    let after_operand = around.before.is_some_and(|t| t.ends_operand()) && !is_keyword(before);
    if let Some(problem) = looks_like_another(word) {
        return problem.at(here, "");
    }
    let problem = match word {
        "&" if next == "&" || before == "&" => {
            Problem::error("unexpected-text", "`&&` is not an operator").help("write `and`")
        }
        "|" if next == "|" || before == "|" => {
            Problem::error("unexpected-text", "`||` is not an operator").help("write `or`")
        }
        "!" => Problem::error("unexpected-text", "unexpected `!`")
            .help("write `not` for a negation, `!=` to compare"),
        "?" | "$" => Problem::error("unexpected-text", format!("unexpected character `{word}`")),
        ")" | "]" | "}" | "," if !after_operand && !before.is_empty() => {
            let message = format!("an expression is missing between `{before}` and `{word}`");
            Problem::error("missing-expression", message)
        }
        _ if is_keyword(word) => {
            let message = format!("unexpected `{word}`: it is a keyword of the language");
            Problem::error("unexpected-text", message)
        }
        _ => {
            let shown: String = word.chars().take(40).collect();
            Problem::error("unexpected-text", format!("unexpected `{shown}`"))
        }
    };
    problem.at(here, "")
}
