//! Statements: each on lines of its own, blocks one level deeper.

use crate::syntax::build::Node;
use crate::syntax::grammar::rulefile::Rule;
use crate::syntax::print::Printer;
use crate::syntax::print::comments::{Kind, Last};
use crate::syntax::print::layout::INDENT;
use crate::syntax::print::rules::Style;
use crate::syntax::print::seq::{Element, Place, Role, What};
use std::ops::Range;

impl<'t> Printer<'t> {
    pub(super) fn kind(&self, node: &Node<'t>) -> Kind<'t> {
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
    pub(super) fn directive(&self, node: &Node<'t>) -> Option<(&'t str, Node<'t>)> {
        let mut parts = node.clone().into_inner();
        let (name, text) = (parts.next()?, parts.next()?);
        let directive = self.builder.is_directive(name.as_str(), &text);
        directive.then_some((name.as_str(), text))
    }

    pub(super) fn statements(&mut self, nodes: Vec<Node<'t>>, indent: usize, mut last: Last<'t>) -> Last<'t> {
        for node in nodes {
            let start = self.tokens.next_start(self.start(&node));
            let kind = self.kind(&node);
            last = self.comments_above(start, kind, indent, last);
            self.separate(kind, start, indent, last);
            last = Last::Was(kind);
            if self.is_off(&node) {
                self.verbatim_node(&node, indent);
            } else if node.as_rule() == Rule::simple_line {
                last = Last::Was(self.simple(self.range(&node), indent));
            } else {
                self.statement(node, indent);
            }
        }
        last
    }

    fn statement(&mut self, node: Node<'t>, indent: usize) {
        let start = self.tokens.next_start(self.start(&node));
        match node.as_rule() {
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
            Rule::class_stmt | Rule::async_stmt | Rule::match_stmt | Rule::named_block => {
                self.verbatim_node(&node, indent);
            }
            _ => self.compound(node, indent),
        }
    }

    /// The statements of one line, each on its own.
    pub(super) fn simple(&mut self, range: Range<usize>, indent: usize) -> Kind<'t> {
        let end = range.end.checked_sub(1).map_or(0, |last| self.tokens.list[last].end);
        let (mut statement, mut last) = (Vec::new(), None);
        for element in self.elements(range, Place::Statement) {
            if element.role == Role::Semicolon {
                last = Some(self.simple_statement(std::mem::take(&mut statement), last, indent));
            } else {
                statement.push(element);
            }
        }
        if !statement.is_empty() {
            last = Some(self.simple_statement(statement, last, indent));
        }
        self.trailing(end);
        last.unwrap_or(Kind::Code)
    }

    /// `last` is what stands before it on the same line.
    fn simple_statement(
        &mut self,
        elements: Vec<Element<'t>>,
        last: Option<Kind<'t>>,
        indent: usize,
    ) -> Kind<'t> {
        let Some(first) = elements.first() else { return Kind::Code };
        let kind = if first.is("import") || first.is("from") { Kind::Import } else { Kind::Code };
        if last == Some(Kind::Import) && kind != Kind::Import {
            self.lines.push(0, "");
        }
        let value = match first.text() {
            "return" if first.role == Role::Keyword => Some(1),
            "assert" if first.role == Role::Keyword => {
                Some(elements.iter().position(|e| e.role == Role::Comma).unwrap_or(0) + 1)
            }
            "from" if first.role == Role::Keyword => {
                self.import(elements, indent);
                return kind;
            }
            _ if first.role == Role::Keyword && !matches!(first.text(), "not" | "lambda" | "await") => None,
            _ => elements.iter().rposition(|e| e.role == Role::Assign).map(|at| at + 1),
        };
        match value.filter(|value| *value < elements.len()) {
            Some(value) => self.lines.with_value(indent, "", elements, value, ""),
            None => self.lines.statement(indent, "", &elements, ""),
        }
        kind
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

    pub(super) fn labelled(&mut self, node: Node<'t>, indent: usize) {
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
            self.arm(arm, indent, (index > 0).then_some(holds_rules));
        }
    }

    /// `apart` is there for arms after the first: whether an empty line must stand before.
    fn arm(&mut self, node: Node<'t>, indent: usize, apart: Option<bool>) {
        let holds_rules = self.holds_rules(&node);
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
        if let Some(apart) = apart {
            // Rules are set apart by one empty line, all else as it was written.
            let last = if apart { Last::Attached } else { Last::Was(Kind::Code) };
            if apart {
                self.lines.push(0, "");
            }
            let last = self.comments_above(start, Kind::Code, indent, last);
            self.separate(Kind::Code, start, indent, last);
        }
        let mut range = self.tokens.within(start..self.first_of(&body));
        range.end = range.end.saturating_sub(1);
        self.head(range, indent);
        self.body(body, indent);
        others.into_iter().for_each(|arm| self.arm(arm, indent, Some(holds_rules)));
    }

    /// Where the first token of a body is.
    pub(super) fn first_of(&self, body: &Node<'t>) -> usize {
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
        let off = self.off;
        let last = self.statements(body.into_inner().collect(), indent + INDENT, Last::Start);
        let next = self.tokens.next_start(self.at);
        self.comments(next, column, indent + INDENT, last);
        self.off = off;
    }

    fn def(&mut self, node: Node<'t>, indent: usize) {
        let start = self.tokens.next_start(self.start(&node));
        let body = node.into_inner().find(|part| matches!(part.as_rule(), Rule::block | Rule::inline_suite));
        let Some(body) = body else { return };
        let mut range = self.tokens.within(start..self.first_of(&body));
        range.end = range.end.saturating_sub(1);
        let colon = self.tokens.list.get(range.end).map_or(self.at, |token| token.end);
        let elements = self.elements(range, Place::Statement);
        if body.as_rule() == Rule::inline_suite && self.is_stub(&body) {
            self.lines.definition(indent, &elements, ": ...");
            return self.trailing(self.end_before(self.end(&body)));
        }
        self.lines.definition(indent, &elements, ":");
        self.trailing(colon);
        let outer = std::mem::replace(&mut self.builder.in_def, true);
        self.body(body, indent);
        self.builder.in_def = outer;
    }

    /// `...` alone: a function that is only declared.
    fn is_stub(&self, body: &Node<'t>) -> bool {
        let range = self.range(body);
        range.len() == 1
            && self.tokens.list.get(range.start).is_some_and(|token| self.tokens.str(*token) == "...")
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
}
