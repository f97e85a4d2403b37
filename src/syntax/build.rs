//! Structure to tree: what `rulefile.pest` matched becomes `ast::Stmt`, and every mistake a [`Problem`].
//!
//! A mistake in one piece of text does not stop the others: the statement or section is left out of the tree. With
//! problems nothing but an outline is made of it.

use crate::diag::{Problem, SourceId, Span};
use crate::syntax::ast::{
    Block, Directive, Expr, ExprKind, FunctionBody, FunctionDef, Handler, Ident, Opaque, OpaqueKind, Stmt,
    StmtKind,
};
use crate::syntax::diagnose::Context;
use crate::syntax::diagnose::MAKEFILE;
use crate::syntax::expr::{Built, Piece};
use crate::syntax::grammar::rulefile::{Rule, RulefileParser};
use crate::syntax::words::{DIRECTIVES, SECTIONS, is_misspelt, meant};
use pest::Parser;
use pest::error::InputLocation;
use pest::iterators::Pair;
use std::ops::Range;
use std::sync::Arc;

pub(super) type Node<'t> = Pair<'t, Rule>;

/// An arm of a compound statement: its head text, its block.
struct Arm<'t> {
    head: Option<Node<'t>>,
    colon: bool,
    body: Block,
    span: Span,
}

pub(super) struct Builder<'t> {
    pub(super) source: SourceId,
    pub(super) text: &'t str,
    pub(super) problems: Vec<Problem>,
    /// Start of the chunk in the text: the grammar sees the chunk alone.
    pub(super) base: usize,
    /// Inside the body of a `def` or in code of another time: directives are annotations there.
    pub(super) in_def: bool,
    /// The last statement was a section outside a rule, or a rule without its sections: that was told.
    pub(super) orphans: bool,
    /// Why the first statement that is kept as text is one.
    pub(super) opaque: Option<Problem>,
}

impl<'t> Builder<'t> {
    pub(super) fn new(source: SourceId, text: &'t str) -> Builder<'t> {
        Builder { source, text, problems: Vec::new(), base: 0, in_def: false, orphans: false, opaque: None }
    }

    /// Parses one top-level statement.
    pub(super) fn chunk(&mut self, range: Range<usize>, out: &mut Block) {
        self.base = range.start;
        let Some(text) = self.text.get(range.clone()) else { return };
        match RulefileParser::parse(Rule::chunk, text) {
            Ok(pairs) => {
                for node in pairs.flat_map(Pair::into_inner) {
                    self.statement(node, out);
                }
            }
            Err(error) => {
                let (InputLocation::Pos(pos) | InputLocation::Span((pos, _))) = error.location;
                let span = Span::new(self.source, range.start + pos, range.start + pos);
                self.report("unexpected-text", "this text is not understood", span);
            }
        }
    }

    // ---- helpers

    pub(super) fn span(&self, node: &Node<'_>) -> Span {
        let start = node.as_span().start();
        let text = node.as_str().trim_end();
        Span::new(self.source, self.base + start, self.base + start + text.len())
    }

    pub(super) fn piece(&self, node: &Node<'t>) -> Piece<'t> {
        Piece { source: self.source, base: self.base + node.as_span().start(), text: node.as_str() }
    }

    pub(super) fn ident(&self, node: &Node<'_>) -> Ident {
        Ident { text: node.as_str().into(), span: self.span(node) }
    }

    pub(super) fn report(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        at: Span,
    ) -> &mut Problem {
        let index = self.problems.len();
        self.problems.push(Problem::error(code, message).at(at, ""));
        &mut self.problems[index]
    }

    pub(super) fn keep<T>(&mut self, built: Built<T>) -> Option<T> {
        built.map_err(|problem| self.problems.push(*problem)).ok()
    }

    // ---- statements

    fn statement(&mut self, node: Node<'t>, out: &mut Block) {
        let span = self.span(&node);
        if !matches!(node.as_rule(), Rule::labelled | Rule::EOI) {
            self.orphans = false;
        }
        let kind = match node.as_rule() {
            Rule::EOI => None,
            Rule::simple_line => {
                if let Some(line) = node.into_inner().next()
                    && let Some(statements) = self.keep(self.piece(&line).simple())
                {
                    out.extend(statements);
                }
                None
            }
            Rule::rule_def => self.rule(node),
            Rule::module_def => self.module(node),
            Rule::use_rule => self.use_rule(node),
            Rule::hook => self.hook(node),
            Rule::storage_def => self.storage(node),
            Rule::class_stmt | Rule::async_stmt | Rule::match_stmt => Some(self.opaque(node)),
            Rule::decorated => self.decorated(node),
            Rule::labelled => self.labelled(node),
            Rule::if_stmt => self.if_statement(node),
            Rule::for_stmt => self.for_statement(node, span),
            Rule::while_stmt => self.while_statement(node, span),
            Rule::with_stmt => self.with_statement(node, span),
            Rule::try_stmt => self.try_statement(node, span),
            Rule::def_stmt => self.function(node, Vec::new()),
            Rule::named_block => self.named_block(node),
            _ => {
                self.misplaced(node, span);
                None
            }
        };
        out.extend(kind.map(|kind| Stmt { kind, span }));
    }

    /// Productions that are mistakes as a whole.
    fn misplaced(&mut self, node: Node<'t>, span: Span) {
        match node.as_rule() {
            Rule::leftover => self.leftover(&node),
            Rule::no_body => {}
            Rule::stray_arm => {
                let Some(word) = node.into_inner().next() else { return };
                let at = self.span(&word);
                self.stray_arm(word.as_str(), at);
            }
            _ => {
                self.report("unexpected-text", "this text is not understood", span);
            }
        }
    }

    /// `else` and its like without the statement that they continue.
    fn stray_arm(&mut self, word: &str, at: Span) {
        let before = match word {
            "except" | "finally" => "`try`",
            "elif" => "`if`",
            _ => "`if`, `for`, `while` or `try`",
        };
        self.report("stray-arm", format!("`{word}` without {before} before it"), at)
            .help
            .push("it must have the same indentation as the statement that it continues".into());
    }

    /// Text that no block took: its indentation fits none.
    fn leftover(&mut self, node: &Node<'t>) {
        let start = node.as_span().start();
        let text = node.as_str();
        let indent = text.len() - text.trim_start_matches([' ', '\t', '\x0c']).len();
        let at = Span::new(self.source, self.base + start, self.base + start + indent);
        let first_word =
            text[indent..].split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
        let before = self.text[..self.base + start].trim_end();
        let line = before.rfind(['\n', '\r']).map_or(before, |at| &before[at + 1..]);
        let previous = line.len() - line.trim_start_matches([' ', '\t']).len();
        if indent == 0 {
            // The only lines of indentation 0 within a chunk are those that continue a statement.
            let at = Span::new(self.source, self.base + start, self.base + start + first_word.len());
            self.stray_arm(first_word, at);
        } else if indent > previous || before.is_empty() {
            let help = match line.split_once(':') {
                Some((target, _))
                    if text.starts_with('\t') && !target.trim_end().contains(['"', '\'', ' ']) =>
                {
                    MAKEFILE
                }
                _ => "only the body of a rule, a section or a block ending in `:` is indented",
            };
            self.report("unexpected-indentation", "this line is indented for no reason", at)
                .help
                .push(help.into());
        } else {
            self.report("bad-dedent", "this indentation fits none of the blocks before it", at)
                .help
                .push("give it the same indentation as the line that it belongs with".into());
        }
    }

    fn labelled(&mut self, node: Node<'t>) -> Option<StmtKind> {
        let mut parts = node.into_inner();
        let (name, text) = (parts.next()?, parts.next()?);
        let ident = self.ident(&name);
        let piece = self.piece(&text);
        let word = name.as_str();
        if self.in_def && starts_below(text.as_str()) {
            self.unknown_statement(&ident);
            return None;
        }
        if !self.is_directive(word, &text) {
            let value = self.keep(piece.annotation())?;
            let target = Expr { kind: ExprKind::Name(ident.text), span: ident.span };
            return Some(StmtKind::AnnAssign { target, value });
        }
        if SECTIONS.contains(&word) && !DIRECTIVES.contains(&word) {
            if std::mem::replace(&mut self.orphans, true) {
                return None;
            }
            self.report(
                "section-outside-rule",
                format!("section `{word}:` stands outside a rule"),
                ident.span,
            )
            .help
            .push("indent it below the `rule NAME:` that it belongs to".into());
            return None;
        }
        let args = self.keep(piece.items(word))?;
        Some(StmtKind::Directive(Directive { name: ident, tag: None, args }))
    }

    /// Whether `word: text` is a directive, or a section in a wrong place; else it annotates a variable.
    pub(super) fn is_directive(&self, word: &str, text: &Node<'t>) -> bool {
        if self.in_def || DIRECTIVES.contains(&word) || SECTIONS.contains(&word) {
            return !self.in_def;
        }
        let piece = self.piece(text);
        // Python has no annotation on the next line.
        if starts_below(piece.text) {
            return true;
        }
        let is_misspelt = || is_misspelt(word, DIRECTIVES.iter().copied());
        match piece.annotation() {
            // `includ: "x"` would be an annotation as well, but nobody means that.
            Ok(None) => piece.text.starts_with(['"', '\'']) || is_misspelt(),
            // So would `resource_scope: x="local"`; `reports: list = []` is one.
            Ok(Some(_)) => !names_type(piece.text) && is_misspelt(),
            Err(_) => true,
        }
    }

    /// `subworkflow x:` or a misspelt `rul x:`.
    fn named_block(&mut self, node: Node<'t>) -> Option<StmtKind> {
        let word = node.into_inner().next()?;
        let ident = self.ident(&word);
        if DIRECTIVES.contains(&word.as_str()) {
            return Some(StmtKind::Directive(Directive { name: ident, tag: None, args: Vec::new() }));
        }
        self.unknown_statement(&ident);
        None
    }

    /// A word with a block that no statement starts with.
    fn unknown_statement(&mut self, word: &Ident) {
        let with_name =
            ["rule", "checkpoint", "def", "class", "module", "for", "while", "with", "if", "elif"];
        let alone = ["else", "try", "except", "finally"];
        let problem =
            self.report("unknown-statement", format!("unknown statement `{}`", word.text), word.span);
        problem.help.extend(meant(&word.text, with_name.into_iter().chain(alone)));
    }

    // ---- compound statements

    /// The parts of an arm, its mistakes reported. `word` is its keyword.
    fn arm(&mut self, node: Node<'t>, word: &'static str) -> Arm<'t> {
        let span = self.span(&node);
        let mut arm = Arm { head: None, colon: true, body: Vec::new(), span };
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::head_text => arm.head = Some(part),
                Rule::no_colon => {
                    arm.colon = false;
                    self.missing_colon(word, &part, arm.head.is_some());
                }
                Rule::block | Rule::inline_suite => self.block(part, &mut arm.body),
                Rule::no_body if arm.colon => self.missing_body(word, &part),
                _ => {}
            }
        }
        arm
    }

    pub(super) fn block(&mut self, node: Node<'t>, out: &mut Block) {
        for statement in node.into_inner() {
            self.statement(statement, out);
        }
    }

    /// The colon is missing at the end of a head.
    pub(super) fn missing_colon(&mut self, word: &str, marker: &Node<'_>, head: bool) {
        let at = self.base + marker.as_span().start();
        let trimmed = self.text[..at].trim_end_matches([' ', '\t']).len();
        let what = if head || word == "else" {
            format!("`{word}`")
        } else {
            format!("`{word}` and what belongs to it")
        };
        let span = Span::new(self.source, trimmed, trimmed);
        let problem = self.report("missing-colon", format!("missing `:` after {what}"), span);
        problem.labels[0].1 = "expected `:` here".into();
    }

    pub(super) fn missing_body(&mut self, word: &str, at: &Node<'_>) {
        let end = self.base + at.as_span().start();
        let start = end.saturating_sub(1);
        let span = Span::new(self.source, if self.text.is_char_boundary(start) { start } else { end }, end);
        self.orphans = matches!(word, "rule" | "checkpoint");
        self.report("missing-body", format!("`{word}` needs a body"), span)
            .help
            .push("write it on the next line, indented; `pass` does nothing".into());
    }

    fn no_head(&mut self, arm: &Arm<'t>, word: &str) {
        if let Some(head) = &arm.head {
            let piece = self.piece(head);
            let text = piece.text.trim();
            let start = piece.text.len() - piece.text.trim_start().len();
            let at = piece.span(start, start + text.len());
            let problem =
                self.report("unexpected-text", format!("unexpected text between `{word}` and `:`"), at);
            if word == "else" && text.starts_with("if ") {
                problem.help.push("write `elif`".into());
            }
        }
    }

    fn head<T>(
        &mut self,
        arm: &Arm<'t>,
        word: &str,
        build: impl FnOnce(&Piece<'t>) -> Built<T>,
    ) -> Option<T> {
        match &arm.head {
            // Without its colon the head took text that is not its own.
            Some(_) if !arm.colon => None,
            Some(head) => {
                let built = build(&self.piece(head));
                self.keep(built)
            }
            None if !arm.colon => None,
            None => {
                let at = Span { end: arm.span.start + word.len() as u32, ..arm.span };
                self.report("missing-expression", format!("`{word}` needs something before the `:`"), at);
                None
            }
        }
    }

    fn if_statement(&mut self, node: Node<'t>) -> Option<StmtKind> {
        let (mut arms, mut orelse) = (Vec::new(), Vec::new());
        for part in node.into_inner() {
            let word = if part.as_rule() == Rule::if_arm { "if" } else { "elif" };
            if part.as_rule() == Rule::else_arm {
                orelse = self.else_arm(part, "else");
            } else {
                let arm = self.arm(part, word);
                let test = self.head(&arm, word, |piece| piece.test(word));
                arms.extend(test.map(|test| (test, arm.body)));
            }
        }
        (!arms.is_empty()).then_some(StmtKind::If { arms, orelse })
    }

    fn else_arm(&mut self, node: Node<'t>, word: &'static str) -> Block {
        let arm = self.arm(node, word);
        self.no_head(&arm, word);
        arm.body
    }

    /// `for` and `while`: their own arm, and the `else` arm after it.
    fn loop_arms(&mut self, node: Node<'t>, word: &'static str, span: Span) -> (Arm<'t>, Block) {
        let mut arm = Arm { head: None, colon: true, body: Vec::new(), span };
        let mut orelse = Vec::new();
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::else_arm => orelse = self.else_arm(part, "else"),
                Rule::head_text => arm.head = Some(part),
                Rule::no_colon => {
                    arm.colon = false;
                    self.missing_colon(word, &part, arm.head.is_some());
                }
                Rule::block | Rule::inline_suite => self.block(part, &mut arm.body),
                Rule::no_body if arm.colon => self.missing_body(word, &part),
                _ => {}
            }
        }
        (arm, orelse)
    }

    fn for_statement(&mut self, node: Node<'t>, span: Span) -> Option<StmtKind> {
        let (arm, orelse) = self.loop_arms(node, "for", span);
        let (target, iter) = self.head(&arm, "for", |piece| piece.for_head())?;
        Some(StmtKind::For { target, iter, body: arm.body, orelse })
    }

    fn while_statement(&mut self, node: Node<'t>, span: Span) -> Option<StmtKind> {
        let (arm, orelse) = self.loop_arms(node, "while", span);
        let test = self.head(&arm, "while", |piece| piece.test("while"))?;
        Some(StmtKind::While { test, body: arm.body, orelse })
    }

    fn with_statement(&mut self, node: Node<'t>, span: Span) -> Option<StmtKind> {
        let (arm, _) = self.loop_arms(node, "with", span);
        let items = self.head(&arm, "with", |piece| piece.with_head())?;
        Some(StmtKind::With { items, body: arm.body })
    }

    fn try_statement(&mut self, node: Node<'t>, span: Span) -> Option<StmtKind> {
        let (mut body, mut handlers) = (Vec::new(), Vec::new());
        let (mut orelse, mut finally) = (Vec::new(), None);
        let mut caught = false;
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::try_arm => body = self.else_arm(part, "try"),
                Rule::else_arm => orelse = self.else_arm(part, "else"),
                Rule::finally_arm => finally = Some(self.else_arm(part, "finally")),
                _ => {
                    caught = true;
                    let arm = self.arm(part, "except");
                    let head = match &arm.head {
                        Some(_) => self.head(&arm, "except", |piece| piece.except_head()),
                        None => Some((None, None)),
                    };
                    handlers.extend(head.map(|(kind, name)| Handler { kind, name, body: arm.body }));
                }
            }
        }
        if !caught && finally.is_none() {
            let at = Span { end: span.start + 3, ..span };
            self.report("missing-except", "`try` needs an `except` or a `finally`", at);
        }
        Some(StmtKind::Try { body, handlers, orelse, finally: finally.unwrap_or_default() })
    }

    /// A `def` or `class` with `@` lines before it.
    fn decorated(&mut self, node: Node<'t>) -> Option<StmtKind> {
        let at = Span { end: self.span(&node).start + 1, ..self.span(&node) };
        let mut decorators = Vec::new();
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::decorator => match part.into_inner().next() {
                    Some(text) => decorators.extend(self.keep(self.piece(&text).whole(Context::Expression))),
                    None => {
                        self.report("missing-expression", "`@` needs the name of a decorator", at);
                    }
                },
                Rule::def_stmt => return self.function(part, decorators),
                _ => return Some(self.opaque(part)),
            }
        }
        self.report("stray-decorator", "`@` needs a `def` or a `class` after it", at)
            .help
            .push("it must have the same indentation, with nothing in between".into());
        None
    }

    /// A statement that is kept as text.
    fn opaque(&mut self, node: Node<'t>) -> StmtKind {
        let span = self.span(&node);
        let mut name = None;
        let (mut kind, mut word) = match node.as_rule() {
            Rule::class_stmt => (OpaqueKind::Class, "class"),
            Rule::async_stmt => (OpaqueKind::AsyncBlock, "async"),
            _ => (OpaqueKind::Match, "match"),
        };
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::async_word if part.as_str() == "def" => (kind, word) = (OpaqueKind::AsyncDef, "async"),
                Rule::opaque_name if kind != OpaqueKind::AsyncBlock => name = Some(self.ident(&part)),
                _ => {}
            }
        }
        let head = Span { end: span.start + word.len() as u32, ..span };
        let (code, message, help) = kind.reason();
        self.opaque.get_or_insert_with(|| Problem::error(code, message).at(head, "").help(help));
        StmtKind::Opaque(Opaque { kind, name, head })
    }

    fn function(&mut self, node: Node<'t>, decorators: Vec<Expr>) -> Option<StmtKind> {
        let span = self.span(&node);
        let (mut name, mut params, mut junk, mut colon) = (None, None, None, true);
        let mut body = Vec::new();
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::def_name => name = Some(self.ident(&part)),
                Rule::def_params => params = Some(part),
                Rule::head_junk => junk = Some(self.span(&part)),
                Rule::no_colon => {
                    colon = false;
                    // A head without its parameters has its own message.
                    if params.is_some() && junk.is_none() {
                        self.missing_colon("def", &part, true);
                    }
                }
                Rule::block | Rule::inline_suite => {
                    let outer = std::mem::replace(&mut self.in_def, true);
                    self.block(part, &mut body);
                    self.in_def = outer;
                }
                Rule::no_body if colon => self.missing_body("def", &part),
                _ => {}
            }
        }
        let head = Span { end: span.start + 3, ..span };
        match (&name, &params, junk) {
            (None, ..) => {
                self.report("bad-def", "`def` needs a name", head)
                    .help
                    .push("write `def name(arguments):`".into());
            }
            (Some(name), None, _) => {
                let message = format!("`def {}` needs parentheses with its parameters", name.text);
                self.report("bad-def", message, name.span)
                    .help
                    .push(format!("write `def {}():` when it has none", name.text));
            }
            (_, _, Some(junk)) => {
                self.report("unexpected-text", "unexpected text after the parameters of `def`", junk);
            }
            _ => {}
        }
        let params = self.keep(self.piece(&params?).params())?;
        let def = FunctionDef { name: name?, params, decorators, body: FunctionBody::Block(body) };
        Some(StmtKind::Def(Arc::new(def)))
    }
}

/// Whether the text after a colon begins on a line of its own.
fn starts_below(text: &str) -> bool {
    let rest = text.trim_start_matches([' ', '\t', '\x0c']);
    rest.starts_with(['\n', '\r', '#'])
}

/// Whether what follows a colon begins as the name of a type does: `str`, `List[int]`, `pd.DataFrame`, `"Name"`.
fn names_type(text: &str) -> bool {
    let word = &text[..text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())];
    let rest = text[word.len()..].trim_start();
    let types = [
        "bool",
        "bytes",
        "complex",
        "dict",
        "float",
        "frozenset",
        "int",
        "list",
        "object",
        "set",
        "str",
        "tuple",
        "type",
    ];
    types.contains(&word) || word.contains(char::is_uppercase) || !rest.starts_with('=')
}
