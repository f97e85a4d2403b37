//! Snakemake's structure to tree: rules with their sections, modules, `use rule`, hooks, and the Python in them.

use crate::diag::{Problem, SourceId, Span};
use crate::syntax::ast::{
    Code, Directive, ExprKind, Hook, Ident, ModuleDef, RuleDef, Section, StmtKind, UseRule,
};
use crate::syntax::build::{Builder, Node};
use crate::syntax::diagnose::Context;
use crate::syntax::grammar::rulefile::Rule;
use crate::syntax::scan::{Lexer, TokenKind};
use crate::syntax::words::{MODULE_SECTIONS, SECTIONS, is_misspelt};
use std::ops::Range;
use std::sync::Arc;

/// Words of Python that start what is not covered here.
const UNKNOWN: &[&str] = &["async", "await", "case", "class", "match", "type"];

/// What an expression must follow, wherever it stands.
const OPERATORS: &[&str] = &[
    "+", "-", "/", "//", "%", "@", "&", "|", "^", "~", "<<", ">>", "<", ">", "<=", ">=", "==", "!=", "=",
    "+=", "-=", "*=", "/=", "//=", "%=", "|=", "&=", "and", "or", "not", "in", "is",
];

/// What stands before the colon of a rule or a module.
struct Head {
    word: &'static str,
    name: Option<Ident>,
    span: Span,
    colon: bool,
    junk: Option<Span>,
}

impl Head {
    fn new(word: &'static str, span: Span) -> Head {
        Head { word, name: None, span, colon: true, junk: None }
    }
}

impl<'t> Builder<'t> {
    pub(super) fn rule(&mut self, node: Node<'t>) -> Option<StmtKind> {
        let mut head = Head::new("rule", self.span(&node));
        let (mut doc, mut sections) = (None, Vec::new());
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::rule_kw if part.as_str() == "checkpoint" => {
                    head = Head::new("checkpoint", self.span(&part));
                }
                Rule::rule_kw => head.span = self.span(&part),
                Rule::item_block | Rule::inline_item => self.items(part, SECTIONS, &mut doc, &mut sections),
                _ => self.head_part(part, &mut head),
            }
        }
        self.check_head(&head);
        let Head { word, name, span: head, .. } = head;
        let checkpoint = word == "checkpoint";
        Some(StmtKind::Rule(Arc::new(RuleDef { checkpoint, name, doc, sections, head })))
    }

    pub(super) fn module(&mut self, node: Node<'t>) -> Option<StmtKind> {
        let mut head = Head::new("module", self.span(&node));
        // Snakemake has no use for a text here either.
        let (mut doc, mut sections) = (None, Vec::new());
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::module_kw => head.span = self.span(&part),
                Rule::item_block | Rule::inline_item => {
                    self.items(part, MODULE_SECTIONS, &mut doc, &mut sections);
                }
                _ => self.head_part(part, &mut head),
            }
        }
        self.check_head(&head);
        let Head { name, span: head, .. } = head;
        Some(StmtKind::Module(Arc::new(ModuleDef { name, sections, head })))
    }

    fn head_part(&mut self, part: Node<'t>, head: &mut Head) {
        match part.as_rule() {
            Rule::rule_name => {
                head.span = head.span.to(self.span(&part));
                head.name = Some(self.ident(&part));
            }
            Rule::head_junk => head.junk = Some(self.span(&part)),
            Rule::no_colon => {
                head.colon = false;
                if head.junk.is_none() {
                    let shown = head
                        .name
                        .as_ref()
                        .map_or(head.word.to_string(), |name| format!("{} {}", head.word, name.text));
                    self.missing_colon(&shown, &part, true);
                }
            }
            Rule::no_body if head.colon && head.junk.is_none() => self.missing_body(head.word, &part),
            _ => {}
        }
    }

    fn check_head(&mut self, head: &Head) {
        let word = head.word;
        if let Some(at) = head.junk {
            let message = format!("unexpected text after the name of the {word}");
            let problem = self.report("bad-rule-head", message, at);
            problem.help.push(format!("write `{word} NAME:`; a name is one word of letters, digits and `_`"));
        }
        if let Some(name) = &head.name {
            self.check_name(name);
        }
    }

    fn check_name(&mut self, name: &Ident) {
        if name.text.starts_with(|c: char| c.is_ascii_digit()) {
            let message = format!("`{}` is not a name: it starts with a digit", name.text);
            self.report("bad-rule-head", message, name.span);
        }
    }

    pub(super) fn use_rule(&mut self, node: Node<'t>) -> Option<StmtKind> {
        let whole = self.span(&node);
        let mut head = Span { end: whole.start + 3, ..whole };
        let mut with = false;
        let mut junk = false;
        let (mut all, mut module_word, mut alias_word) = (None, None, None);
        let (mut rules, mut module, mut exclude, mut alias) = (Vec::new(), None, Vec::new(), None);
        let (mut doc, mut sections) = (None, Vec::new());
        for part in node.into_inner() {
            let at = self.span(&part);
            if !matches!(
                part.as_rule(),
                Rule::item_block | Rule::inline_item | Rule::no_colon | Rule::no_body
            ) {
                head = head.to(at);
            }
            match part.as_rule() {
                Rule::used => {
                    for name in part.into_inner() {
                        match name.as_rule() {
                            Rule::all_rules => all = Some(self.span(&name)),
                            _ => rules.push(self.ident(&name)),
                        }
                    }
                }
                Rule::use_from => {
                    module_word = Some(at);
                    module = part.into_inner().next().map(|name| self.ident(&name));
                }
                Rule::use_exclude => {
                    exclude = part.into_inner().map(|name| self.ident(&name)).collect();
                    if exclude.is_empty() {
                        self.bad_use("`exclude` needs the names of rules", at);
                    }
                }
                Rule::use_as => {
                    alias_word = Some(at);
                    alias = part.into_inner().next().map(|name| self.ident(&name));
                }
                Rule::with_word => with = true,
                Rule::head_junk | Rule::use_junk => {
                    junk = true;
                    self.bad_use("unexpected text in `use rule`", at);
                }
                Rule::no_colon if !junk => {
                    junk = true;
                    self.missing_colon("use rule ... with", &part, true);
                }
                Rule::no_body if !junk => self.missing_body("use rule ... with", &part),
                Rule::item_block | Rule::inline_item => self.items(part, SECTIONS, &mut doc, &mut sections),
                _ => {}
            }
        }
        for name in rules.iter().chain(&exclude).chain(&module).chain(&alias) {
            self.check_name(name);
        }
        if junk {
            // The rest would only follow from it.
        } else if all.is_none() && rules.is_empty() {
            self.bad_use("`use rule` needs the names of rules, or `*` for all of a module", head);
        } else if let (Some(at), None) = (module_word, &module) {
            self.bad_use("`from` needs the name of a module", at);
        } else if let (Some(at), None) = (alias_word, &alias) {
            self.bad_use("`as` needs a name, in which `*` stands for the old one", at);
        } else if let (Some(at), None) = (all, &module) {
            self.bad_use("`use rule *` needs `from` and a module", at);
        } else if let (Some(at), true) = (all, with) {
            self.bad_use("`with:` cannot stand with `*`", at)
                .help
                .push("name the rules that it is for, in a `use rule` of their own".into());
        } else if module.is_none() && alias.is_none() {
            self.bad_use("`use rule` needs `from` and a module, or `as` and a new name", head);
        }
        let rules = all.is_none().then_some(rules);
        Some(StmtKind::UseRule(Arc::new(UseRule { rules, module, exclude, alias, doc, sections, head })))
    }

    fn bad_use(&mut self, message: &str, at: Span) -> &mut Problem {
        let problem = self.report("bad-use-rule", message, at);
        problem.help.push("the form is `use rule a, b from module exclude c as name_*`, with `with:` at the end if sections follow".into());
        problem
    }

    pub(super) fn hook(&mut self, node: Node<'t>) -> Option<StmtKind> {
        let mut parts = node.into_inner();
        let name = self.ident(&parts.next()?);
        let code = self.code(parts.next()?, &name)?;
        Some(StmtKind::Hook(Arc::new(Hook { name, code: Arc::new(code) })))
    }

    /// `storage TAG:`
    pub(super) fn storage(&mut self, node: Node<'t>) -> Option<StmtKind> {
        let mut parts = node.into_inner();
        let (name, tag, text) = (parts.next()?, parts.next()?, parts.next()?);
        let args = self.keep(self.piece(&text).items("storage"))?;
        Some(StmtKind::Directive(Directive { name: self.ident(&name), tag: Some(self.ident(&tag)), args }))
    }

    fn items(
        &mut self,
        node: Node<'t>,
        known: &[&'static str],
        doc: &mut Option<Arc<str>>,
        sections: &mut Vec<Section>,
    ) {
        for item in node.into_inner() {
            match item.as_rule() {
                Rule::section => {
                    let mut parts = item.into_inner();
                    let (Some(name), Some(text)) = (parts.next(), parts.next()) else { continue };
                    let name = self.ident(&name);
                    let args = self.keep(self.piece(&text).items(&name.text));
                    sections.extend(args.map(|args| Section { name, args, code: None }));
                }
                Rule::run_section => {
                    let mut parts = item.into_inner();
                    let (Some(word), Some(body)) = (parts.next(), parts.next()) else { continue };
                    let name = self.ident(&word);
                    let code = self.code(body, &name);
                    sections.extend(code.map(|code| Section {
                        name,
                        args: Vec::new(),
                        code: Some(Arc::new(code)),
                    }));
                }
                Rule::docstring => {
                    let Some(text) = item.into_inner().next() else { continue };
                    let piece = self.piece(&text);
                    let Some(expr) = self.keep(piece.whole(Context::Expression)) else { continue };
                    match expr.kind {
                        ExprKind::Str(text) => *doc = Some(text),
                        _ => {
                            self.report("bad-docstring", "a docstring must be a plain string", expr.span);
                        }
                    }
                }
                Rule::bad_item => self.bad_item(item, known),
                _ => {}
            }
        }
    }

    /// A line in a rule that is no section.
    fn bad_item(&mut self, node: Node<'t>, words: &[&'static str]) {
        let Some(text) = node.into_inner().next() else { return };
        let piece = self.piece(&text);
        let line = piece.text.trim_end();
        let word = &line[..line.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(line.len())];
        let rest = line[word.len()..].trim_start();
        let known = words.contains(&word) || is_misspelt(word, words.iter().copied());
        if known && !rest.starts_with(['=', '.', '(', '[']) {
            let at = piece.span(word.len(), word.len());
            let problem = self.report("missing-colon", format!("missing `:` after `{word}`"), at);
            problem.labels[0].1 = "expected `:` here".into();
            return;
        }
        if known && rest.starts_with('=') && !rest.starts_with("==") {
            let at = piece.span(line.len() - rest.len(), line.len() - rest.len() + 1);
            self.report("missing-colon", format!("a section is written with `:`, not `=`: `{word}:`"), at);
            return;
        }
        let end = if word.is_empty() { line.chars().next().map_or(0, char::len_utf8) } else { word.len() };
        let at = piece.span(0, end);
        let (message, help) = match words {
            MODULE_SECTIONS => (
                "expected a section of the module such as `snakefile:`",
                "statements must stand before or after the module, at its indentation",
            ),
            _ => (
                "expected a section such as `input:` or `shell:`",
                "statements must stand before or after the rule, at its indentation",
            ),
        };
        self.report("not-a-section", message, at).help.push(help.into());
    }

    /// The body of `run:` or of a hook. A mistake in it is one of the file only when it is surely one: else it may be
    /// Python that we do not know.
    fn code(&mut self, body: Node<'t>, name: &Ident) -> Option<Code> {
        if body.as_rule() == Rule::no_body {
            self.missing_body(&name.text, &body);
            return None;
        }
        let range = self.code_range(&body)?;
        let mut text = String::with_capacity(range.len());
        dedented(self.source, self.text, range.clone(), |_, line| text.push_str(line));

        let problems = self.problems.len();
        let (in_def, outer) = (std::mem::replace(&mut self.in_def, true), self.opaque.take());
        let mut block = Vec::new();
        self.block(body, &mut block);
        self.in_def = in_def;
        let opaque = std::mem::replace(&mut self.opaque, outer);
        let mut reasons = self.problems.split_off(problems);
        let may_be_unknown = opaque.is_some() || words(&text).any(|word| UNKNOWN.contains(&word));
        if let Some(first) = reasons.first()
            && !may_be_unknown
            && self.is_surely_wrong(first)
        {
            self.problems.push(first.clone());
        }
        reasons.extend(opaque);
        let block = if reasons.is_empty() { Ok(block) } else { Err(reasons) };
        Some(Code { text: text.into(), span: Span::new(self.source, range.start, range.end), block })
    }

    /// Whether no Python accepts this: a part of a statement is missing that all of them have.
    fn is_surely_wrong(&self, problem: &Problem) -> bool {
        match problem.code {
            "missing-body" | "missing-colon" | "missing-else" | "assignment-in-condition" => true,
            "missing-expression" => problem.labels.first().is_some_and(|(at, _)| {
                let text = self.text.get(at.start as usize..at.end as usize).unwrap_or("");
                OPERATORS.contains(&text)
            }),
            _ => false,
        }
    }

    /// The text of a body: whole lines, from that of its first statement on.
    pub(super) fn code_range(&self, body: &Node<'t>) -> Option<Range<usize>> {
        let start = self.base + body.clone().into_inner().next()?.as_span().start();
        let line = self.text[..start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
        // On the line of `run:` itself the code starts after the colon.
        let start = if body.as_rule() == Rule::block { line } else { start };
        Some(start..self.base + body.as_span().start() + body.as_str().trim_end().len())
    }
}

/// The lines of `range` without the indentation of the first one, each with its end. A line that starts inside a
/// string belongs to the string and stays as it is: `true`.
pub(super) fn dedented(source: SourceId, text: &str, range: Range<usize>, mut line: impl FnMut(bool, &str)) {
    let code = &text[range.clone()];
    let blanks = [' ', '\t', '\x0c'];
    let indent = &code[..code.len() - code.trim_start_matches(blanks).len()];
    let strings = strings_of(source, text, range.clone());
    let mut inside = strings.iter().peekable();
    let mut at = range.start;
    for whole in code.split_inclusive(['\n', '\r']) {
        while inside.next_if(|string| string.end <= at).is_some() {}
        let in_string = inside.peek().is_some_and(|string| string.start < at);
        let shared = whole.bytes().zip(indent.bytes()).take_while(|(a, b)| a == b).count();
        line(in_string, if in_string { whole } else { &whole[shared..] });
        at += whole.len();
    }
}

/// Where strings are in a range of lines, f-strings with all that is in their fields.
fn strings_of(source: SourceId, text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut lexer = Lexer::new(source, text, range.start);
    let (mut strings, mut open) = (Vec::new(), Vec::new());
    // The file passed the lexical check, so there are no errors here.
    while let Ok(token) = lexer.next() {
        if token.start >= range.end || token.kind == TokenKind::End {
            break;
        }
        match token.kind {
            TokenKind::Str if open.is_empty() => strings.push(token.start..token.end),
            TokenKind::FStart => open.push(token.start),
            TokenKind::FEnd => {
                let start = open.pop().unwrap_or(token.start);
                if open.is_empty() {
                    strings.push(start..token.end);
                }
            }
            _ => {}
        }
    }
    strings
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
