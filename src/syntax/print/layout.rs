//! Where lines break. Knows elements and a width, no statements.
//!
//! What fits on one line is put on one, unless it holds a comment, a trailing comma or strings that the author wrote
//! on lines of their own. Otherwise a bracket is opened: its content goes on lines of its own, one level deeper: on
//! one line if it fits, else one item per line with a comma after the last, and an item that is too long is broken
//! before its weakest operators. Outside of brackets nothing breaks; there a value may be put in brackets.

use crate::syntax::print::seq::{Element, Group, Place, Role, What, breaks, has_magic_comma};
use std::borrow::Cow;
use std::ops::Range;
use unicode_width::UnicodeWidthStr;

pub(super) const INDENT: usize = 4;

type Run<'e, 't> = &'e [&'e Element<'t>];

/// An item between commas, with its comments.
#[derive(Default)]
struct Part<'e, 't> {
    above: Vec<&'e Element<'t>>,
    elements: Vec<&'e Element<'t>>,
    after: Vec<&'e Element<'t>>,
    /// A comma follows.
    comma: bool,
}

pub(super) struct Lines {
    width: usize,
    pub(super) out: Vec<String>,
}

impl Lines {
    pub(super) fn new(width: usize) -> Lines {
        Lines { width, out: Vec::new() }
    }

    /// A line of its own.
    pub(super) fn push(&mut self, indent: usize, text: &str) {
        let blanks = if text.is_empty() { 0 } else { indent };
        self.out.push(" ".repeat(blanks) + text);
    }

    /// A comment at the end of the last line.
    pub(super) fn trail(&mut self, comment: &str) {
        if let Some(last) = self.out.last_mut() {
            last.push_str("  ");
            last.push_str(comment);
        }
    }

    /// A statement, or the head of one: breaks in brackets only.
    pub(super) fn statement(&mut self, indent: usize, prefix: &str, run: &[Element<'_>], suffix: &str) {
        let run: Vec<&Element<'_>> = run.iter().collect();
        if !self.flat(indent, prefix, &run, suffix) {
            self.open_brackets(indent, prefix, &run, suffix);
        }
    }

    /// The head of a function: opens its parameters first.
    pub(super) fn definition(&mut self, indent: usize, run: &[Element<'_>], suffix: &str) {
        let run: Vec<&Element<'_>> = run.iter().collect();
        if self.flat(indent, "", &run, suffix) {
            return;
        }
        let Some(at) = run.iter().position(|e| is_open(e)) else {
            return self.open_brackets(indent, "", &run, suffix);
        };
        let What::Group(group) = &run[at].what else { return };
        let mut line = String::new();
        push_run(&mut line, &run[..at]);
        line.push_str(group.open);
        self.push(indent, &line);
        self.group(indent + INDENT, group);
        self.open_brackets(indent, group.close, &run[at + 1..], suffix);
    }

    /// A statement whose elements from `value` on are one value: it may get brackets, or lose those it has.
    pub(super) fn with_value(
        &mut self,
        indent: usize,
        prefix: &str,
        mut run: Vec<Element<'_>>,
        value: usize,
        suffix: &str,
    ) {
        while run.len() == value + 1 && run.last().is_some_and(is_needless) {
            let Some(Element { what: What::Group(group), space, .. }) = run.pop() else { return };
            run.extend(group.items);
            run[value].space = space;
        }
        let run: Vec<&Element<'_>> = run.iter().collect();
        let value = value + value_of(&run[value..]);
        self.value(indent, prefix, &run, value, suffix);
    }

    /// Items, each on lines of its own.
    pub(super) fn items(&mut self, indent: usize, items: &[Element<'_>], comma: bool) {
        let items: Vec<&Element<'_>> = items.iter().collect();
        self.parts(indent, &items, comma);
    }

    /// Whether items, without a comma at their end, fit behind a prefix.
    pub(super) fn fits(&self, indent: usize, prefix: &str, items: &[Element<'_>]) -> bool {
        let run: Vec<&Element<'_>> = items.iter().collect();
        !run.iter().any(|e| e.forced) && self.width_of(indent, prefix, &run).is_some()
    }

    fn parts(&mut self, indent: usize, items: Run<'_, '_>, comma: bool) {
        let (parts, below) = parts_of(items);
        let count = parts.len();
        for (index, part) in parts.iter().enumerate() {
            self.hoist(indent, &part.above);
            let comma = comma || index + 1 < count;
            self.inside(indent, "", &part.elements, if comma { "," } else { "" });
            self.after(indent, &part.after);
        }
        self.hoist(indent, &below);
    }

    fn hoist(&mut self, indent: usize, comments: &[&Element<'_>]) {
        comments.iter().for_each(|comment| self.push(indent, comment.text()));
    }

    /// Comments after something: the first at the end of its last line, unless it was below it.
    fn after(&mut self, indent: usize, comments: &[&Element<'_>]) {
        match comments {
            [first, rest @ ..] if !first.broken => {
                self.trail(first.text());
                self.hoist(indent, rest);
            }
            all => self.hoist(indent, all),
        }
    }

    /// A value between brackets: may break before its operators.
    fn inside(&mut self, indent: usize, prefix: &str, run: Run<'_, '_>, suffix: &str) {
        if self.flat(indent, prefix, run, suffix) {
            return;
        }
        // Comments that stand at no place for a break go above, and what is left is judged without them: the next pass
        // finds it so.
        let (moved, kept) = misplaced(run);
        if !moved.is_empty() {
            self.hoist(indent, &moved);
            return self.inside(indent, prefix, &kept, suffix);
        }
        let (comments, code): (Vec<_>, Vec<_>) = run.iter().partition(|e| e.role == Role::Comment);
        let value = value_of(&code);
        let (head, weight) = (&code[..value], heaviest(&code[value..]));
        let head_weight = heaviest(head);
        let place = code.get(value).and_then(|first| run.iter().position(|e| std::ptr::eq(*e, *first)));
        let place = place.unwrap_or(run.len());
        let start = run.iter().position(|e| e.role != Role::Comment).unwrap_or(0);
        if head_weight > breaks::NEVER && !self.head_fits(indent, prefix, head) {
            self.operators(indent, prefix, run, head_weight, start + 1..place, suffix);
        } else if weight == breaks::NEVER {
            self.hoist(indent, &comments);
            self.open_brackets(indent, prefix, &code, suffix);
        } else if value == 0 || matches!(weight, breaks::STRING | breaks::COMPREHENSION) {
            self.operators(indent, prefix, run, weight, place + 1..run.len(), suffix);
        } else {
            self.hoist(indent, &comments);
            self.value(indent, prefix, &code, value, suffix);
        }
    }

    /// Whether `name=` or `key:` is on one line, with a bracket behind it.
    fn head_fits(&self, indent: usize, prefix: &str, head: Run<'_, '_>) -> bool {
        let fits = || self.width_of(indent, prefix, head).is_some_and(|at| at + " (".len() <= self.width);
        !head.iter().any(|e| e.forced) && fits()
    }

    /// Breaks before the operators of one weight, of those in a range that starts behind a first operand.
    fn operators(
        &mut self,
        indent: usize,
        prefix: &str,
        run: Run<'_, '_>,
        weight: u8,
        within: Range<usize>,
        suffix: &str,
    ) {
        let mut ends: Vec<usize> = within.filter(|i| run[*i].weight == weight).collect();
        ends.push(run.len());
        let mut start = 0;
        for end in ends {
            let piece = &run[start..end];
            let above = piece.iter().take_while(|e| e.role == Role::Comment).count();
            let below = piece[above..].iter().rev().take_while(|e| e.role == Role::Comment).count();
            let (code, after) = piece[above..].split_at(piece.len() - above - below);
            self.hoist(indent, &piece[..above]);
            let (prefix, suffix) =
                (if start == 0 { prefix } else { "" }, if end == run.len() { suffix } else { "" });
            self.inside(indent, prefix, code, suffix);
            self.after(indent, after);
            start = end;
        }
    }

    /// A run whose elements from `value` on can stand in brackets of their own.
    fn value(&mut self, indent: usize, prefix: &str, run: Run<'_, '_>, value: usize, suffix: &str) {
        if self.flat(indent, prefix, run, suffix) {
            return;
        }
        let (head, items) = run.split_at(value);
        // What stands before the value is broken whatever the value does, so the value starts on its last line. It is
        // not judged by a line that is never written: the brackets that one pass adds would make that line longer.
        if head.iter().any(|e| is_open(e)) && !self.head_fits(indent, prefix, head) {
            self.open_brackets(indent, prefix, head, "");
            let last = self.out.pop().unwrap_or_default();
            return self.value(indent, last.trim_start_matches(' '), items, 0, suffix);
        }
        if !self.wraps(indent, prefix, run, value, suffix) {
            return self.open_brackets(indent, prefix, run, suffix);
        }
        let apart = run[value].space && (value > 0 || !(prefix.is_empty() || prefix.ends_with(' ')));
        let open = if apart { " (" } else { "(" };
        self.open_brackets(indent, prefix, &run[..value], open);
        self.content(indent + INDENT, &run[value..], Place::Round);
        self.push(indent, &format!("){suffix}"));
    }

    /// Whether the value of a run is put in brackets: when its own do not do, or look worse.
    fn wraps(&self, indent: usize, prefix: &str, run: Run<'_, '_>, value: usize, suffix: &str) -> bool {
        let items = &run[value..];
        let (Some(first), Some(last)) = (items.first(), items.last()) else { return false };
        if first.is("yield") || (items.len() == 1 && is_in_brackets(first)) {
            return false;
        }
        if items.iter().any(|e| e.role == Role::Comma || (e.forced && e.weight == breaks::STRING)) {
            return true;
        }
        let fits = |end: usize| self.width_of(indent, prefix, &run[..end]).is_some_and(|at| at < self.width);
        let opens = |index: usize| is_open(run[index]) && fits(index);
        let weight = heaviest(items);
        if weight == breaks::NEVER {
            // Brackets only around what has none of its own, and only if that helps.
            let helps = self.width_of(indent + INDENT, "", items).is_some();
            let any = (value..run.len()).any(|index| opens(index) && !is_small(run[index]));
            return !any && helps;
        }
        // An operator with brackets beside it: they do. What one pass opens must not sway the next, so whether
        // something is forced counts only where it is not what gets opened.
        if items[1..].iter().filter(|e| e.weight == weight).count() == 1 {
            let forced = |items: Run<'_, '_>| items.iter().any(|e| e.forced);
            if is_open(last) && opens(run.len() - 1) && !forced(&run[value..run.len() - 1]) {
                return false;
            }
            let rest =
                self.width_of(indent, ")", &items[1..]).is_some_and(|at| at + suffix.len() <= self.width);
            if is_open(first) && opens(value) && rest && !forced(&items[1..]) {
                return false;
            }
        }
        true
    }

    /// Breaks a run by opening brackets, from left to right: of those whose beginning fits on the line, the last.
    fn open_brackets(&mut self, indent: usize, prefix: &str, run: Run<'_, '_>, suffix: &str) {
        let mut run = run;
        let mut prefix = Cow::Borrowed(prefix);
        while let Some(index) = self.bracket(indent, &prefix, run, suffix) {
            let What::Group(group) = &run[index].what else { return };
            let mut line = prefix.into_owned();
            push_run(&mut line, &run[..index]);
            push_space(&mut line, run[index]);
            line.push_str(group.open);
            self.push(indent, &line);
            self.group(indent + INDENT, group);
            prefix = Cow::Borrowed(group.close);
            run = &run[index + 1..];
        }
        let mut line = prefix.into_owned();
        push_run(&mut line, run);
        line.push_str(suffix);
        self.push(indent, &line);
    }

    /// The brackets to open next; `None` when the rest fits or has none.
    fn bracket(&self, indent: usize, prefix: &str, run: Run<'_, '_>, suffix: &str) -> Option<usize> {
        let mut column = Column::after(indent, prefix);
        let mut best: Option<usize> = None;
        for (index, element) in run.iter().enumerate() {
            if is_open(element) {
                let fits = column.clone().space(element).at.is_some_and(|at| at < self.width);
                match best {
                    _ if element.forced && fits => return Some(index),
                    Some(best) if !fits => return Some(best),
                    None if !fits => return Some(index),
                    Some(best) if is_small(element) && !is_small(run[best]) => {}
                    _ => best = Some(index),
                }
            }
            column.add(element, self.width);
            if column.at.is_none() && best.is_some() {
                return best;
            }
        }
        let fits = column.at.is_some_and(|at| at + suffix.width() <= self.width);
        if fits { None } else { best }
    }

    fn group(&mut self, indent: usize, group: &Group<'_>) {
        let items: Vec<&Element<'_>> = group.items.iter().collect();
        match items.as_slice() {
            // A comment right after the bracket stays there.
            [first, rest @ ..] if first.role == Role::Comment && !first.broken => {
                self.trail(first.text());
                self.content(indent, rest, group.place);
            }
            all => self.content(indent, all, group.place),
        }
    }

    /// The lines between brackets.
    fn content(&mut self, indent: usize, items: Run<'_, '_>, place: Place) {
        if items.is_empty() {
            return;
        }
        let commas = items.iter().any(|e| e.role == Role::Comma);
        let one_each = match place {
            Place::Names => true,
            Place::Display | Place::Round if commas => true,
            _ => has_magic_comma(place, items.iter().copied()),
        };
        if !one_each && self.flat(indent, "", items, "") {
            return;
        }
        // A comma after a lone value would make it a tuple; names and parameters are no values.
        self.parts(indent, items, commas || matches!(place, Place::Names | Place::Params));
    }

    /// Puts a run on one line, if that can be.
    fn flat(&mut self, indent: usize, prefix: &str, run: Run<'_, '_>, suffix: &str) -> bool {
        // Before a string that starts the run the line was broken already.
        if run.iter().enumerate().any(|(at, e)| e.forced && !(at == 0 && e.weight == breaks::STRING)) {
            return false;
        }
        let fits = self.width_of(indent, prefix, run).is_some_and(|at| at + suffix.width() <= self.width);
        if fits {
            let mut line = prefix.to_string();
            push_run(&mut line, run);
            line.push_str(suffix);
            self.push(indent, &line);
        }
        fits
    }

    /// The column after a run; `None` when a line is too long.
    fn width_of(&self, indent: usize, prefix: &str, run: Run<'_, '_>) -> Option<usize> {
        let mut column = Column::after(indent, prefix);
        for element in run {
            column.add(element, self.width);
            column.at?;
        }
        column.at
    }
}

/// How far a line has come.
#[derive(Clone)]
struct Column {
    /// `None` once the line is too long.
    at: Option<usize>,
    /// No blank is wanted here: at the start, or after one.
    blank: bool,
}

impl Column {
    fn after(indent: usize, prefix: &str) -> Column {
        Column { at: Some(indent + prefix.width()), blank: prefix.is_empty() || prefix.ends_with(' ') }
    }

    fn space(mut self, element: &Element<'_>) -> Column {
        self.at = self.at.map(|at| at + usize::from(element.space && !self.blank));
        self.blank = true;
        self
    }

    fn add(&mut self, element: &Element<'_>, limit: usize) {
        if element.role == Role::Comment {
            return;
        }
        *self = self.clone().space(element);
        self.blank = false;
        match &element.what {
            What::Text(text) => self.text(text, limit),
            What::Group(group) => {
                self.text(group.open, limit);
                self.blank = true;
                for element in &group.items {
                    self.add(element, limit);
                    if self.at.is_none() {
                        return;
                    }
                }
                self.text(group.close, limit);
                self.blank = false;
            }
        }
    }

    fn text(&mut self, text: &str, limit: usize) {
        let Some(at) = self.at else { return };
        let first = text.split('\n').next().unwrap_or(text);
        let end = at + first.width();
        self.at = match text.rfind('\n') {
            _ if end > limit => None,
            Some(line) => Some(text[line + 1..].width()),
            None => Some(end),
        };
    }
}

fn push_space(line: &mut String, element: &Element<'_>) {
    if element.space && !line.is_empty() && !line.ends_with(' ') {
        line.push(' ');
    }
}

/// Appends a run on one line; comments are printed elsewhere.
fn push_run(line: &mut String, run: Run<'_, '_>) {
    for element in run.iter().filter(|e| e.role != Role::Comment) {
        push_space(line, element);
        push_element(line, element);
    }
}

fn push_element(line: &mut String, element: &Element<'_>) {
    match &element.what {
        What::Text(text) => line.push_str(text),
        What::Group(group) => {
            line.push_str(group.open);
            for (index, element) in group.items.iter().enumerate() {
                if index > 0 && element.space {
                    line.push(' ');
                }
                push_element(line, element);
            }
            line.push_str(group.close);
        }
    }
}

/// Splits at commas. What is left at the end are comments below the last item.
fn parts_of<'e, 't>(items: Run<'e, 't>) -> (Vec<Part<'e, 't>>, Vec<&'e Element<'t>>) {
    let mut parts: Vec<Part<'e, 't>> = Vec::new();
    let mut part = Part::default();
    for element in items {
        let fresh = part.elements.is_empty();
        match (element.role, parts.last_mut()) {
            (Role::Comma, _) => {
                part.comma = true;
                parts.push(ended(std::mem::take(&mut part)));
            }
            (Role::Comment, Some(last)) if fresh && part.above.is_empty() && !element.broken => {
                last.after.push(element);
            }
            (Role::Comment, _) if fresh => part.above.push(element),
            _ => part.elements.push(element),
        }
    }
    if part.elements.is_empty() {
        return (parts, part.above);
    }
    parts.push(ended(part));
    (parts, Vec::new())
}

/// Comments at the end of an item stand after it.
fn ended<'e, 't>(mut part: Part<'e, 't>) -> Part<'e, 't> {
    let comments = part.elements.iter().rev().take_while(|e| e.role == Role::Comment).count();
    part.after = part.elements.split_off(part.elements.len() - comments);
    part
}

/// Where the value of `name=value`, `key: value` or `lambda x: value` starts; 0 for all else.
fn value_of(run: Run<'_, '_>) -> usize {
    let mut value = match run {
        [_, equals, ..] if equals.role == Role::Default => 2,
        [first, ..] if first.is("lambda") => 0,
        // An annotated parameter with a default.
        _ if run.iter().any(|e| e.role == Role::Assign) => return 0,
        _ => run.iter().position(|e| e.role == Role::Colon).map_or(0, |colon| colon + 1),
    };
    while run.get(value).is_some_and(|e| e.is("lambda")) {
        match run[value..].iter().position(|e| e.role == Role::LambdaColon) {
            Some(colon) => value += colon + 1,
            None => break,
        }
    }
    if value < run.len() { value } else { 0 }
}

/// The weight of the break that comes first; breaks before a single attribute are none.
fn heaviest(run: Run<'_, '_>) -> u8 {
    let inner = run.get(1..).unwrap_or_default();
    let weight = inner.iter().map(|e| e.weight).max().unwrap_or(breaks::NEVER);
    let calls = || inner.iter().filter(|e| e.weight == breaks::DOT).count();
    if weight == breaks::DOT && calls() < 2 { breaks::NEVER } else { weight }
}

/// The comments that stand where no line can break, and all else: at the start, at the end, or before what clings to its
/// left.
fn misplaced<'e, 't>(run: Run<'e, 't>) -> (Vec<&'e Element<'t>>, Vec<&'e Element<'t>>) {
    let start = run.iter().take_while(|e| e.role == Role::Comment).count();
    let (mut moved, mut kept) = (Vec::new(), Vec::new());
    let mut next = breaks::NEVER;
    for (at, element) in run.iter().enumerate().rev() {
        if element.role != Role::Comment {
            next = element.weight;
            kept.push(*element);
        } else if at < start || next == breaks::NEVER {
            moved.push(*element);
        } else {
            kept.push(*element);
        }
    }
    moved.reverse();
    kept.reverse();
    (moved, kept)
}

/// Brackets with something in them.
fn is_open(element: &Element<'_>) -> bool {
    matches!(&element.what, What::Group(group) if !group.items.is_empty())
}

/// A subscript of one word: no good place for a break.
fn is_small(element: &Element<'_>) -> bool {
    matches!(&element.what, What::Group(group) if group.place == Place::Subscript && group.items.len() == 1)
}

/// Round brackets around a value that means the same without them.
/// A value that has round brackets of its own: the next pass would find those that this one put around it.
fn is_in_brackets(element: &Element<'_>) -> bool {
    matches!(&element.what, What::Group(group) if group.place == Place::Round)
}

fn is_needless(element: &Element<'_>) -> bool {
    let What::Group(group) = &element.what else { return false };
    let keeps = |e: &Element<'_>| {
        matches!(e.role, Role::Comma | Role::Comment)
            || e.weight == breaks::COMPREHENSION
            || e.is(":=")
            || e.is("yield")
            || (e.role == Role::Unary && matches!(e.text(), "*" | "**"))
    };
    group.place == Place::Round && !group.items.is_empty() && !group.items.iter().any(keeps)
}
