//! Comments and empty lines between statements.

use crate::syntax::print::Printer;
use crate::syntax::print::tokens::{Comment, printed_comment};

/// How a statement wants to be set apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind<'t> {
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
pub(super) enum Last<'t> {
    Start,
    /// A comment that belongs to what follows.
    Attached,
    Was(Kind<'t>),
}

impl<'t> Printer<'t> {
    /// A comment on the line that ends at `from` in the source goes to the end of the last printed line.
    pub(super) fn trailing(&mut self, from: usize) {
        self.at = from;
        if let Some(comment) = self.tokens.comment_behind(from, self.comment) {
            self.lines.trail(&printed_comment(&self.tokens.text[comment.start..comment.end]));
            self.at = comment.end;
            self.comment += 1;
        }
    }

    /// The comments before a place, as lines; only those that are indented by `column` at least.
    pub(super) fn comments(
        &mut self,
        before: usize,
        column: usize,
        indent: usize,
        mut last: Last<'t>,
    ) -> Last<'t> {
        while let Some(comment) = self.next_comment(before, column) {
            let next = self.one_comment(comment, indent, None, last);
            // In a rule there are no empty lines.
            last = if last == Last::Attached { last } else { next };
        }
        last
    }

    pub(super) fn next_comment(&self, before: usize, column: usize) -> Option<Comment> {
        let comment = *self.tokens.comments.get(self.comment)?;
        (comment.start < before && self.tokens.column(comment.start) >= column).then_some(comment)
    }

    /// Prints a comment; `owner` is what it belongs to when it stands right above.
    fn one_comment(
        &mut self,
        comment: Comment,
        indent: usize,
        owner: Option<Kind<'t>>,
        last: Last<'t>,
    ) -> Last<'t> {
        self.separate(owner.unwrap_or(Kind::Comment), comment.start, indent, last);
        let text = &self.tokens.text[comment.start..comment.end];
        self.lines.push(indent, &printed_comment(text));
        self.at = comment.end;
        self.comment += 1;
        match &*printed_comment(text) {
            "# fmt: off" => self.off = true,
            "# fmt: on" => self.off = false,
            _ => {}
        }
        if owner.is_some() { Last::Attached } else { Last::Was(Kind::Comment) }
    }

    /// The comments above a statement. Those without an empty line in between belong to it.
    pub(super) fn comments_above(
        &mut self,
        start: usize,
        kind: Kind<'t>,
        indent: usize,
        mut last: Last<'t>,
    ) -> Last<'t> {
        let count = self.tokens.comments[self.comment..].iter().take_while(|c| c.start < start).count();
        let above = self.tokens.comments[self.comment..self.comment + count].to_vec();
        let mut below = start;
        let near = |comment: &&Comment| {
            let near = self.empty_lines(comment.end, below) == 0;
            below = comment.start;
            near
        };
        let attached = above.iter().rev().take_while(near).count();
        for (index, comment) in above.into_iter().enumerate() {
            let owner = (index + attached >= count).then_some(kind);
            last = self.one_comment(comment, indent, owner, last);
        }
        last
    }

    pub(super) fn empty_lines(&self, from: usize, to: usize) -> usize {
        self.tokens.text.get(from..to).map_or(0, |gap| gap.matches('\n').count().saturating_sub(1))
    }

    /// The empty lines before something.
    pub(super) fn separate(&mut self, kind: Kind<'t>, start: usize, indent: usize, last: Last<'t>) {
        let most = if indent == 0 { 2 } else { 1 };
        let written = self.empty_lines(self.at, start).min(most);
        let apart = |kind| matches!(kind, Kind::Def | Kind::Rule | Kind::Line(_));
        let comment = self.tokens.text[start..].starts_with('#')
            && matches!(kind, Kind::Comment | Kind::Def | Kind::Code);
        let count = match last {
            _ if self.off => self.empty_lines(self.at, start),
            Last::Attached => 0,
            Last::Start if indent == 0 => 0,
            Last::Start if comment || (kind == Kind::Def && self.builder.in_def) => written.min(1),
            Last::Start if apart(kind) => 1,
            Last::Start => 0,
            Last::Was(Kind::Line(name)) if kind == Kind::Line(name) => 0,
            Last::Was(before) if apart(kind) || apart(before) || before == Kind::Around => most,
            Last::Was(Kind::Import) if kind != Kind::Import => written.max(1),
            Last::Was(_) => written,
        };
        (0..count).for_each(|_| self.lines.push(0, ""));
    }
}
