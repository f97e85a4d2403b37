//! The printer: a Rulefile in one style, with its comments, meaning the same.
//!
//! It walks what the structure grammar matched and prints each piece of code from its tokens, so nothing that was
//! written can be lost on the way through the tree. `run:` bodies, hooks and statements that are only text to us
//! keep their lines. The result is read again: should it not mean the same, it is thrown away.

mod layout;
mod seq;
mod tokens;

use crate::diag::{Problem, SourceId, SourceMap};
use crate::error::{Error, ErrorKind, Result};
use crate::syntax::build::{Builder, Node};
use crate::syntax::grammar::rulefile::{Rule, RulefileParser};
use crate::syntax::words::DIRECTIVES;
use crate::syntax::{restart_lines, rules, scan, shape};
use layout::{INDENT, Lines};
use pest::Parser;
use pest::iterators::Pair;
use seq::{Element, Place, Reader, Role, What};
use std::ops::Range;
use tokens::{Tokens, printed_comment, printed_string};

/// How [`format_source`] writes a Rulefile.
///
/// ```
/// let options = rulemake::FormatOptions::default().line_length(60);
/// let text = "x = [alpha, beta, gamma, delta, epsilon, zeta, eta, theta, iota]\n";
/// assert_eq!(
///     rulemake::format_source(text, &options)?,
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
    #[must_use]
    pub fn line_length(mut self, columns: usize) -> FormatOptions {
        self.line_length = columns;
        self
    }

    /// Sets what messages call the text: the path that it was read from.
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
///     rulemake::format_source(text, &rulemake::FormatOptions::default())?,
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
pub fn format_source(text: &str, options: &FormatOptions) -> Result<String> {
    let mut sources = SourceMap::default();
    let source = sources.add(&options.name, text);
    let wrong =
        |problems: &[Problem], sources: &SourceMap| Error::problems(ErrorKind::Workflow, problems, sources);
    super::parse_file(source, text).map_err(|problems| wrong(&problems, &sources))?;
    let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    let before = Meaning::of(&unix).ok_or_else(|| changed(&options.name))?;
    let mut printed = print(&unix, options);
    if Meaning::of(&printed) != Some(before) {
        return Err(changed(&options.name));
    }
    if crlf {
        printed = printed.replace('\n', "\r\n");
    }
    Ok(printed)
}

fn changed(name: &str) -> Error {
    let message = format!("the formatter would have changed the meaning of `{name}`, so it left it as it is");
    Error::new(ErrorKind::Bug, message)
}

/// What must be the same before and after: the tree without places, every word, every comment.
#[derive(PartialEq)]
struct Meaning {
    tree: String,
    words: Vec<String>,
    comments: Vec<String>,
}

impl Meaning {
    fn of(text: &str) -> Option<Meaning> {
        let tree = shape::block(&super::parse_file(SourceId(0), text).ok()?);
        let text = restart_lines(text, &scan::scan(SourceId(0), text).form_feeds).into_owned();
        let tokens = Tokens::of(SourceId(0), &text);
        // Commas and brackets that the layout adds are for the tree to judge.
        let words = tokens.list.iter().map(|token| tokens.str(*token));
        let words = words.filter(|word| !matches!(*word, "," | "(" | ")" | ";"));
        let comments = tokens.comments.iter().map(|c| printed_comment(&text[c.start..c.end]).into_owned());
        let mut comments: Vec<String> = comments.collect();
        comments.sort_unstable();
        Some(Meaning { words: words.map(|word| printed_string(word).into_owned()).collect(), tree, comments })
    }
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

/// How a statement wants to be set apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind<'t> {
    Comment,
    Import,
    Code,
    /// `if`, `for`... with rules in it: set apart from what follows.
    Around,
    /// A function or a class.
    Def,
    /// A rule, a module, a hook, a directive with its items on lines of their own.
    Rule,
    /// A directive on one line: stands close to others of its name.
    Line(&'t str),
}

/// What was printed before, in the same block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Last<'t> {
    Start,
    /// A comment that belongs to what follows.
    Attached,
    Was(Kind<'t>),
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
}

/// How the items of a section are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    /// One per line, each with a comma.
    List,
    /// One value, on a line of its own.
    Value,
    /// One value, on the line of the name.
    Line,
}

impl Style {
    fn of(word: &str) -> Style {
        match word {
            "threads" | "priority" | "retries" | "localrule" | "default_target" | "cache" | "handover"
            | "timeout" => Style::Line,
            "include" | "configfile" | "workdir" | "pepfile" | "pepschema" | "report" | "ruleorder" => {
                Style::Line
            }
            "name" | "benchmark" | "message" | "shadow" | "group" | "conda" | "container"
            | "containerized" | "singularity" | "script" | "notebook" | "shell" | "wrapper" | "cwl"
            | "template_engine" => Style::Value,
            "snakefile" | "config" | "prefix" | "replace_prefix" | "skip_validation" | "meta_wrapper" => {
                Style::Value
            }
            _ => Style::List,
        }
    }

    /// At statement level software is named on one line.
    fn of_directive(word: &str) -> Style {
        match word {
            "conda" | "container" | "containerized" | "singularity" => Style::Line,
            word if DIRECTIVES.contains(&word) => Style::of(word),
            _ => Style::Line,
        }
    }
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

    // ---- comments and blank lines

    /// A comment on the line that ends at `from` in the source goes to the end of the last printed line.
    fn trailing(&mut self, from: usize) {
        self.at = from;
        if let Some(comment) = self.tokens.comments.get(self.comment)
            && !comment.own_line
            && comment.start >= from
            && !self.tokens.breaks(from, comment.start)
            && self.tokens.next_start(from) > comment.start
        {
            self.lines.trail(&printed_comment(&self.tokens.text[comment.start..comment.end]));
            self.at = comment.end;
            self.comment += 1;
        }
    }

    /// The comments before a place, as lines; only those that are indented by `column` at least.
    fn comments(&mut self, before: usize, column: usize, indent: usize, mut last: Last<'t>) -> Last<'t> {
        while let Some(comment) = self.next_comment(before, column) {
            let next = self.one_comment(comment, indent, None, last);
            // In a rule there are no empty lines.
            last = if last == Last::Attached { last } else { next };
        }
        last
    }

    fn next_comment(&self, before: usize, column: usize) -> Option<tokens::Comment> {
        let comment = *self.tokens.comments.get(self.comment)?;
        (comment.start < before && self.tokens.column(comment.start) >= column).then_some(comment)
    }

    /// Prints a comment; `owner` is what it belongs to when it stands right above.
    fn one_comment(
        &mut self,
        comment: tokens::Comment,
        indent: usize,
        owner: Option<Kind<'t>>,
        last: Last<'t>,
    ) -> Last<'t> {
        self.separate(owner.unwrap_or(Kind::Comment), comment.start, indent, last);
        self.lines.push(indent, &printed_comment(&self.tokens.text[comment.start..comment.end]));
        self.at = comment.end;
        self.comment += 1;
        if owner.is_some() { Last::Attached } else { Last::Was(Kind::Comment) }
    }

    /// The comments above a statement. Those without an empty line in between belong to it.
    fn comments_above(
        &mut self,
        start: usize,
        kind: Kind<'t>,
        indent: usize,
        mut last: Last<'t>,
    ) -> Last<'t> {
        let count = self.tokens.comments[self.comment..].iter().take_while(|c| c.start < start).count();
        let above = self.tokens.comments[self.comment..self.comment + count].to_vec();
        let ends = above.iter().skip(1).map(|c| c.start).chain([start]);
        let close: Vec<bool> =
            above.iter().zip(ends).map(|(c, next)| self.empty_lines(c.end, next) == 0).collect();
        for (index, comment) in above.into_iter().enumerate() {
            let owner = close[index..].iter().all(|close| *close).then_some(kind);
            last = self.one_comment(comment, indent, owner, last);
        }
        last
    }

    fn empty_lines(&self, from: usize, to: usize) -> usize {
        self.tokens.text.get(from..to).map_or(0, |gap| gap.matches('\n').count().saturating_sub(1))
    }

    /// The empty lines before something.
    fn separate(&mut self, kind: Kind<'t>, start: usize, indent: usize, last: Last<'t>) {
        let most = if indent == 0 { 2 } else { 1 };
        let written = self.empty_lines(self.at, start).min(most);
        let apart = |kind| matches!(kind, Kind::Def | Kind::Rule | Kind::Line(_));
        let count = match last {
            Last::Attached => 0,
            Last::Start if indent == 0 => 0,
            Last::Start => usize::from(matches!(kind, Kind::Rule | Kind::Line(_))),
            Last::Was(Kind::Line(name)) if kind == Kind::Line(name) => 0,
            Last::Was(before) if apart(kind) || apart(before) || before == Kind::Around => most,
            Last::Was(Kind::Import) if kind != Kind::Import => written.max(1),
            Last::Was(_) => written,
        };
        (0..count).for_each(|_| self.lines.push(0, ""));
    }

    // ---- statements

    fn kind(&self, node: &Node<'t>) -> Kind<'t> {
        match node.as_rule() {
            Rule::def_stmt | Rule::decorated | Rule::class_stmt => Kind::Def,
            Rule::async_stmt if node.clone().into_inner().any(|word| word.as_str() == "def") => Kind::Def,
            Rule::rule_def | Rule::module_def | Rule::use_rule | Rule::hook | Rule::storage_def => Kind::Rule,
            Rule::labelled => match self.directive(node) {
                Some((word, _)) if Style::of_directive(word) == Style::Line => Kind::Line(word),
                Some(_) => Kind::Rule,
                None => Kind::Code,
            },
            Rule::simple_line => {
                let first =
                    self.tokens.list.get(self.range(node).start).map_or("", |token| self.tokens.str(*token));
                if matches!(first, "import" | "from") { Kind::Import } else { Kind::Code }
            }
            Rule::if_stmt | Rule::for_stmt | Rule::while_stmt | Rule::with_stmt | Rule::try_stmt => {
                if self.holds_rules(node) { Kind::Around } else { Kind::Code }
            }
            _ => Kind::Code,
        }
    }

    /// Whether a compound statement has rules or directives in it.
    fn holds_rules(&self, node: &Node<'t>) -> bool {
        let mut todo: Vec<Node<'t>> = node.clone().into_inner().collect();
        while let Some(node) = todo.pop() {
            match node.as_rule() {
                Rule::def_stmt | Rule::decorated => {}
                _ if matches!(self.kind_alone(&node), Kind::Rule | Kind::Line(_)) => return true,
                _ => todo.extend(node.into_inner()),
            }
        }
        false
    }

    fn kind_alone(&self, node: &Node<'t>) -> Kind<'t> {
        match node.as_rule() {
            Rule::if_stmt | Rule::for_stmt | Rule::while_stmt | Rule::with_stmt | Rule::try_stmt => {
                Kind::Code
            }
            _ => self.kind(node),
        }
    }

    /// The name and items of a labelled line, unless it is an annotation.
    fn directive(&self, node: &Node<'t>) -> Option<(&'t str, Node<'t>)> {
        let mut parts = node.clone().into_inner();
        let (name, text) = (parts.next()?, parts.next()?);
        let directive = self.builder.is_directive(name.as_str(), &text);
        directive.then_some((name.as_str(), text))
    }

    fn statements(&mut self, nodes: Vec<Node<'t>>, indent: usize, mut last: Last<'t>) -> Last<'t> {
        for node in nodes {
            let start = self.tokens.next_start(self.start(&node));
            let kind = self.kind(&node);
            last = self.comments_above(start, kind, indent, last);
            self.separate(kind, start, indent, last);
            self.statement(node, indent);
            last = Last::Was(kind);
        }
        last
    }

    fn statement(&mut self, node: Node<'t>, indent: usize) {
        let start = self.tokens.next_start(self.start(&node));
        match node.as_rule() {
            Rule::simple_line => {
                let range = self.range(&node);
                self.simple(range, indent);
            }
            Rule::labelled => self.labelled(node, indent),
            Rule::storage_def => {
                let mut parts = node.into_inner().skip(1);
                if let (Some(tag), Some(items)) = (parts.next(), parts.next()) {
                    self.section(&format!("storage {}", tag.as_str()), Style::List, start, &items, indent);
                }
            }
            Rule::rule_def | Rule::module_def | Rule::use_rule => self.rule(node, indent),
            Rule::hook => {
                let mut parts = node.into_inner();
                if let (Some(word), Some(body)) = (parts.next(), parts.next()) {
                    self.code(word.as_str(), &body, indent);
                }
            }
            Rule::def_stmt => self.def(node, indent),
            Rule::decorated => self.decorated(node, indent),
            Rule::class_stmt | Rule::async_stmt | Rule::match_stmt => {
                let line = self.tokens.text[..start].rfind('\n').map_or(0, |end| end + 1);
                let end = self.start(&node) + node.as_str().trim_end().len();
                self.verbatim(line..end, indent);
            }
            _ => self.compound(node, indent),
        }
    }

    /// The statements of one line, each on its own.
    fn simple(&mut self, range: Range<usize>, indent: usize) {
        let end = range.end.checked_sub(1).map_or(0, |last| self.tokens.list[last].end);
        let mut elements = self.elements(range, Place::Statement);
        while !elements.is_empty() {
            let semicolon = elements.iter().position(|e| e.role == Role::Semicolon);
            let rest = semicolon.map_or(Vec::new(), |at| elements.split_off(at + 1));
            if semicolon.is_some() {
                elements.pop();
            }
            self.simple_statement(elements, indent);
            elements = rest;
        }
        self.trailing(end);
    }

    fn simple_statement(&mut self, elements: Vec<Element<'t>>, indent: usize) {
        let Some(first) = elements.first() else { return };
        let value = match first.text() {
            "return" if first.role == Role::Keyword => Some(1),
            "from" if first.role == Role::Keyword => return self.import(elements, indent),
            _ if first.role == Role::Keyword && !matches!(first.text(), "not" | "lambda" | "await") => None,
            _ => elements.iter().rposition(|e| e.role == Role::Assign).map(|at| at + 1),
        };
        match value.filter(|value| *value < elements.len()) {
            Some(value) => self.lines.with_value(indent, "", elements, value, ""),
            None => self.lines.statement(indent, "", &elements, ""),
        }
    }

    /// `from a import b, c`: brackets only if it is too long for one line.
    fn import(&mut self, mut elements: Vec<Element<'t>>, indent: usize) {
        let bracketed = matches!(elements.last(), Some(Element { what: What::Group(_), forced: false, .. }));
        if bracketed && let Some(Element { what: What::Group(group), .. }) = elements.pop() {
            let start = elements.len();
            elements.extend(group.items);
            elements[start].space = true;
        }
        if elements.last().is_some_and(|e| matches!(e.what, What::Group(_)))
            || self.lines.fits(indent, "", &elements)
        {
            return self.lines.statement(indent, "", &elements, "");
        }
        let names = elements.iter().position(|e| e.is("import")).map_or(elements.len(), |at| at + 1);
        if elements.get(names).is_none_or(|e| e.is("*")) {
            return self.lines.statement(indent, "", &elements, "");
        }
        let names = elements.split_off(names);
        self.lines.statement(indent, "", &elements, " (");
        self.lines.items(indent + INDENT, &names, true);
        self.lines.push(indent, ")");
    }

    fn labelled(&mut self, node: Node<'t>, indent: usize) {
        match self.directive(&node) {
            Some((word, items)) => {
                let start = self.start(&node);
                self.section(word, Style::of_directive(word), start, &items, indent);
            }
            None => {
                let range = self.range(&node);
                self.simple(range, indent);
            }
        }
    }

    /// `if`, `for`, `while`, `with`, `try` with all their arms.
    fn compound(&mut self, node: Node<'t>, indent: usize) {
        let holds_rules = self.holds_rules(&node);
        let arms: Vec<Node<'t>> = match node.as_rule() {
            Rule::if_stmt | Rule::try_stmt => node.into_inner().collect(),
            _ => vec![node],
        };
        for (index, arm) in arms.into_iter().enumerate() {
            self.arm(arm, indent, index > 0 && holds_rules);
        }
    }

    fn arm(&mut self, node: Node<'t>, indent: usize, apart: bool) {
        let (mut body, mut others) = (None, Vec::new());
        let start = self.tokens.next_start(self.start(&node));
        for part in node.into_inner() {
            match part.as_rule() {
                Rule::block | Rule::inline_suite => body = Some(part),
                Rule::else_arm => others.push(part),
                _ => {}
            }
        }
        let Some(body) = body else { return };
        if apart {
            self.lines.push(0, "");
        }
        self.comments(start, 0, indent, Last::Attached);
        let mut range = self.tokens.within(start..self.first_of(&body));
        range.end = range.end.saturating_sub(1);
        self.head(range, indent);
        self.body(body, indent);
        others.into_iter().for_each(|arm| self.arm(arm, indent, false));
    }

    /// Where the first token of a body is.
    fn first_of(&self, body: &Node<'t>) -> usize {
        let first = body.clone().into_inner().next();
        self.tokens.next_start(first.map_or(self.end(body), |first| self.start(&first)))
    }

    /// The line before a body; the last token of the range stands before the colon.
    fn head(&mut self, range: Range<usize>, indent: usize) {
        let colon = self.tokens.list.get(range.end).map_or(self.at, |token| token.end);
        let elements = self.elements(range, Place::Statement);
        let word = elements.first().map_or("", Element::text);
        let value = match word {
            "if" | "elif" | "while" => Some(1),
            "for" => elements.iter().position(|e| e.is("in")).map(|at| at + 1),
            _ => None,
        };
        match value.filter(|value| *value < elements.len()) {
            Some(value) => self.lines.with_value(indent, "", elements, value, ":"),
            None => self.lines.statement(indent, "", &elements, ":"),
        }
        self.trailing(colon);
    }

    /// A block, with the comments at its end.
    fn body(&mut self, body: Node<'t>, indent: usize) {
        let column = match body.as_rule() {
            Rule::block => self.tokens.column(self.first_of(&body)),
            _ => usize::MAX,
        };
        let last = self.statements(body.into_inner().collect(), indent + INDENT, Last::Start);
        let next = self.tokens.next_start(self.at);
        self.comments(next, column, indent + INDENT, last);
    }

    fn def(&mut self, node: Node<'t>, indent: usize) {
        let start = self.tokens.next_start(self.start(&node));
        let body = node.into_inner().find(|part| matches!(part.as_rule(), Rule::block | Rule::inline_suite));
        let Some(body) = body else { return };
        let mut range = self.tokens.within(start..self.first_of(&body));
        range.end = range.end.saturating_sub(1);
        let colon = self.tokens.list.get(range.end).map_or(self.at, |token| token.end);
        let elements = self.elements(range, Place::Statement);
        self.lines.definition(indent, &elements);
        self.trailing(colon);
        let outer = std::mem::replace(&mut self.builder.in_def, true);
        self.body(body, indent);
        self.builder.in_def = outer;
    }

    fn decorated(&mut self, node: Node<'t>, indent: usize) {
        for part in node.into_inner() {
            let start = self.tokens.next_start(self.start(&part));
            self.comments(start, 0, indent, Last::Attached);
            if part.as_rule() != Rule::decorator {
                self.statement(part, indent);
                continue;
            }
            let mut range = self.range(&part);
            range.start += 1;
            let end = self.tokens.list.get(range.end.saturating_sub(1)).map_or(self.at, |token| token.end);
            let elements = self.elements(range, Place::Statement);
            self.lines.statement(indent, "@", &elements, "");
            self.trailing(end);
        }
    }

    // ---- rules

    fn rule(&mut self, node: Node<'t>, indent: usize) {
        let start = self.tokens.next_start(self.start(&node));
        let body =
            node.clone().into_inner().find(|p| matches!(p.as_rule(), Rule::item_block | Rule::inline_item));
        let Some(body) = body else {
            // `use rule` without sections.
            let range = self.tokens.within(start..self.end(&node));
            let end = self.tokens.list.get(range.end.saturating_sub(1)).map_or(self.at, |token| token.end);
            self.rule_head(range, indent, "");
            return self.trailing(end);
        };
        let mut range = self.tokens.within(start..self.first_of(&body));
        range.end = range.end.saturating_sub(1);
        let colon = self.tokens.list.get(range.end).map_or(self.at, |token| token.end);
        self.rule_head(range, indent, ":");
        self.trailing(colon);
        let column = match body.as_rule() {
            Rule::item_block => self.tokens.column(self.first_of(&body)),
            _ => usize::MAX,
        };
        for item in body.into_inner() {
            let start = self.tokens.next_start(self.start(&item));
            self.comments(start, 0, indent + INDENT, Last::Attached);
            self.item(item, indent + INDENT);
        }
        let next = self.tokens.next_start(self.at);
        self.comments(next, column, indent + INDENT, Last::Attached);
    }

    /// `rule a`, `use rule a, b from m as c_*`: words, and names that may hold a `*`.
    fn rule_head(&mut self, range: Range<usize>, indent: usize, suffix: &str) {
        let mut line = String::new();
        let mut before = 0;
        for index in range {
            let token = self.tokens.list[index];
            let text = self.tokens.str(token);
            // The parts of a name such as `a_*` touch each other.
            let apart = token.start > before && text != ",";
            if apart && !line.is_empty() || line.ends_with(',') {
                line.push(' ');
            }
            line.push_str(text);
            before = token.end;
        }
        self.lines.push(indent, &(line + suffix));
        self.at = before;
    }

    fn item(&mut self, node: Node<'t>, indent: usize) {
        let start = self.start(&node);
        match node.as_rule() {
            Rule::section => {
                let mut parts = node.into_inner();
                if let (Some(name), Some(items)) = (parts.next(), parts.next()) {
                    self.section(name.as_str(), Style::of(name.as_str()), start, &items, indent);
                }
            }
            Rule::run_section => {
                let mut parts = node.into_inner();
                if let (Some(word), Some(body)) = (parts.next(), parts.next()) {
                    self.code(word.as_str(), &body, indent);
                }
            }
            _ => {
                let range = self.range(&node);
                let end =
                    self.tokens.list.get(range.end.saturating_sub(1)).map_or(self.at, |token| token.end);
                let elements = self.elements(range, Place::Items);
                self.lines.items(indent, &elements, false);
                self.trailing(end);
            }
        }
    }

    /// A section or directive that starts at a place of the source, with its items.
    fn section(&mut self, name: &str, style: Style, start: usize, items: &Node<'t>, indent: usize) {
        let column = self.tokens.column(start);
        let range = self.range(items);
        self.at = self.end_before(self.start(items));
        let mut elements = self.elements(range, Place::Items);
        let end = self.at;
        let commas = elements.iter().filter(|e| e.role == Role::Comma).count();
        let ends_with_comma = elements.last().is_some_and(|e| e.role == Role::Comma);
        let style = if commas == usize::from(ends_with_comma) { style } else { Style::List };
        if style != Style::List && ends_with_comma {
            elements.pop();
        }
        let prefix = format!("{name}: ");
        if style == Style::Line && !elements.is_empty() && self.lines.fits(indent, &prefix, &elements) {
            self.lines.statement(indent, &prefix, &elements, "");
            return self.trailing(end);
        }
        self.lines.push(indent, &format!("{name}:"));
        let items = match elements.split_first() {
            // A comment on the line of the name stays there.
            Some((first, rest)) if first.role == Role::Comment && !first.broken => {
                self.lines.trail(first.text());
                rest
            }
            _ => elements.as_slice(),
        };
        self.lines.items(indent + INDENT, items, style == Style::List);
        self.trailing(end);
        // Comments that are indented deeper than the section belong to its items.
        let next = self.tokens.next_start(self.at);
        self.comments(next, column + 1, indent + INDENT, Last::Attached);
    }

    /// `run:`, `onstart:`... The code keeps its lines.
    fn code(&mut self, word: &str, body: &Node<'t>, indent: usize) {
        let first = self.first_of(body);
        self.lines.push(indent, &format!("{word}:"));
        self.trailing(self.end_before(first));
        self.comments(first, 0, indent + INDENT, Last::Attached);
        let Some(range) = self.builder.code_range(body) else { return };
        self.verbatim(range, indent + INDENT);
        if body.as_rule() == Rule::block {
            let next = self.tokens.next_start(self.at);
            self.comments(next, self.tokens.column(first), indent + INDENT, Last::Attached);
        }
    }

    /// Lines as they are, at another indentation. Those that start within a string are not moved.
    fn verbatim(&mut self, range: Range<usize>, indent: usize) {
        let mut lines = Vec::new();
        rules::dedented(self.builder.source, self.tokens.text, range.clone(), |in_string, line| {
            let line = line.strip_suffix('\n').unwrap_or(line);
            let blanks = if in_string || line.is_empty() { 0 } else { indent };
            lines.push(" ".repeat(blanks) + line);
        });
        self.lines.out.append(&mut lines);
        while self.tokens.comments.get(self.comment).is_some_and(|c| c.start < range.end) {
            self.comment += 1;
        }
        self.at = range.end;
    }
}
