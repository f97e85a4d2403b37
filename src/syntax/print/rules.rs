//! Rules and directives with their items, and code that keeps its lines.

use crate::syntax::build::Node;
use crate::syntax::grammar::rulefile::Rule;
use crate::syntax::print::Printer;
use crate::syntax::print::comments::Last;
use crate::syntax::print::layout::INDENT;
use crate::syntax::print::seq::{Place, Role};
use crate::syntax::print::tokens::printed_comment;
use crate::syntax::rules;
use crate::syntax::words::DIRECTIVES;
use std::ops::Range;

/// How the items of a section are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// One per line, each with a comma.
    List,
    /// One value, on a line of its own.
    Value,
    /// One value, on the line of the name.
    Line,
}

impl Style {
    pub(super) fn of(word: &str) -> Style {
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

    /// At statement level software is named on one line. What nobody knows stays below its name: beside it, it would be an
    /// annotation.
    pub(super) fn of_directive(word: &str) -> Style {
        match word {
            "conda" | "container" | "containerized" | "singularity" => Style::Line,
            word if DIRECTIVES.contains(&word) => Style::of(word),
            _ => Style::List,
        }
    }
}

impl<'t> Printer<'t> {
    pub(super) fn rule(&mut self, node: Node<'t>, indent: usize) {
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
            if self.is_off(&item) {
                self.verbatim_node(&item, indent + INDENT);
            } else {
                self.item(item, indent + INDENT);
            }
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
    pub(super) fn section(
        &mut self,
        name: &str,
        style: Style,
        start: usize,
        items: &Node<'t>,
        indent: usize,
    ) {
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
    pub(super) fn code(&mut self, word: &str, body: &Node<'t>, indent: usize) {
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

    /// Whether a statement or section keeps its lines because its author wants so.
    pub(super) fn is_off(&self, node: &Node<'t>) -> bool {
        let short =
            matches!(node.as_rule(), Rule::simple_line | Rule::labelled | Rule::section | Rule::storage_def);
        let skip = || {
            let end = self.range(node).end.checked_sub(1).map_or(0, |last| self.tokens.list[last].end);
            let comment = self.tokens.comment_behind(end, self.comment);
            comment.is_some_and(|c| *printed_comment(&self.tokens.text[c.start..c.end]) == *"# fmt: skip")
        };
        self.off || (short && skip())
    }

    /// The lines of a node, with the comments that belong to it.
    pub(super) fn verbatim_node(&mut self, node: &Node<'t>, indent: usize) {
        let text = self.tokens.text;
        let start = self.tokens.next_start(self.start(node));
        let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
        let blank = text[line..start].trim_matches([' ', '\t', '\x0c', '\u{feff}']).is_empty();
        let mut end = self.range(node).end.checked_sub(1).map_or(start, |last| self.tokens.list[last].end);
        // Comments below that are indented deeper are its own.
        let column = self.tokens.column(start);
        let next = self.tokens.next_start(end);
        let first = self.tokens.comments.partition_point(|c| c.start < end);
        for comment in self.tokens.comments[first..].iter().take_while(|c| c.start < next) {
            if comment.own_line && self.tokens.column(comment.start) <= column {
                break;
            }
            end = comment.start + text[comment.start..comment.end].trim_end().len();
        }
        self.verbatim(if blank { line } else { start }..end, indent);
    }

    /// Lines as they are, at another indentation. Those that start within a string are not moved.
    pub(super) fn verbatim(&mut self, range: Range<usize>, indent: usize) {
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
