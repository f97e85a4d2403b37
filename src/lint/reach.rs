//! Rules that no target needs.

use super::Finder;
use super::ambiguous::{ends, may_meet};
use super::scope::{Scope, Site};
use crate::diag::Span;
use crate::matching::index::Scratch;
use crate::model::pattern::{Pattern, Segment};
use crate::model::rule::InputSource;
use crate::syntax::ast::{Expr, ExprKind, FPart};
use crate::syntax::walk::Node;

/// `unreachable-rule`: no input of a rule that can be reached names an output of it, and it is no target itself.
/// Rules without outputs are targets.
pub(super) fn unreachable_rule(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    let Some(default) = scope.workflow.default_rule.filter(|_| finder.wants("unreachable-rule")) else {
        return;
    };
    let mut reached: Vec<bool> =
        scope.sites.iter().map(|site| site.number == default || site.rule.outputs.is_empty()).collect();
    let mut todo: Vec<u32> =
        scope.sites.iter().map(|site| site.number).filter(|number| reached[*number as usize]).collect();
    let mut calls = false;
    let texts = Texts::of(scope);
    loop {
        while let Some(number) = todo.pop() {
            let site = &scope.sites[number as usize];
            calls |= site.has_input_functions();
            let patterns = site.rule.inputs.iter().flat_map(|item| match &item.source {
                InputSource::Patterns { patterns, .. } => &**patterns,
                InputSource::Function(_) => &[],
            });
            for pattern in patterns {
                for maker in makers(scope, pattern) {
                    if !std::mem::replace(&mut reached[maker as usize], true) {
                        todo.push(maker);
                    }
                }
            }
        }
        // What a function asks for is not known: whatever looks like it counts.
        for site in scope.sites.iter().filter(|_| calls) {
            if !reached[site.number as usize] && texts.mention(site) {
                reached[site.number as usize] = true;
                todo.push(site.number);
            }
        }
        if todo.is_empty() {
            break;
        }
    }
    for site in scope.sites.iter().filter(|site| !reached[site.number as usize]) {
        let message = format!("nothing needs rule `{}`", site.rule.name);
        finder.push(
            site.warning("unreachable-rule", message, None)
                .note("no rule that leads to a target has an input that it makes")
                .help("name one of its outputs in the `input` of a target, or remove it"),
        );
    }
}

/// The rules that make what a pattern may stand for.
fn makers(scope: &Scope<'_>, wanted: &Pattern) -> Vec<u32> {
    let mut found = Vec::new();
    if wanted.segments.iter().all(|segment| matches!(segment, Segment::Literal(_))) {
        let mut scratch = Scratch::default();
        scope.index.candidates(&wanted.text, &mut scratch, |candidate| found.push(candidate.rule));
        scope.index.above(&wanted.text, &mut scratch, |candidate| found.push(candidate.rule));
        return found;
    }
    for site in &scope.sites {
        let may_make = |pattern: &Pattern| may_meet(ends(pattern), ends(wanted));
        // Everything below a directory.
        let may_hold = |pattern: &Pattern| may_meet((ends(pattern).0, ""), ends(wanted));
        let is_made = site.rule.products().any(|(_, pattern)| may_make(pattern))
            || site.rule.directories().any(|(_, pattern)| may_hold(pattern));
        if is_made {
            found.push(site.number);
        }
    }
    found
}

/// The texts and names of all Rulefiles, with their places.
struct Texts<'w> {
    texts: Vec<(Span, &'w str)>,
    sources: Vec<&'w str>,
}

impl<'w> Texts<'w> {
    fn of(scope: &Scope<'w>) -> Texts<'w> {
        let mut texts = Vec::new();
        scope.walk(|node| {
            match node {
                Node::Expr(Expr { kind: ExprKind::Str(text), span }) => texts.push((*span, &**text)),
                Node::Expr(Expr { kind: ExprKind::FString(parts), span }) => {
                    texts.extend(parts.iter().filter_map(|part| match part {
                        FPart::Text(text) => Some((*span, &**text)),
                        FPart::Field { .. } => None,
                    }));
                }
                _ => {}
            }
            true
        });
        let is_other =
            |(number, _): &(u32, &str)| !scope.workflow.rulefiles.iter().any(|source| source.0 == *number);
        let others = (0..).zip(scope.workflow.sources.texts()).filter(is_other);
        let files = scope.files.iter().map(|file| &*file.text);
        Texts { texts, sources: others.map(|(_, text)| text).chain(files).collect() }
    }

    /// Whether a function may speak of the rule: of its name, or of a part of what it makes.
    fn mention(&self, site: &Site<'_>) -> bool {
        // A module calls its rules by shorter names.
        let name = &*site.rule.name;
        let shorter = name.match_indices('_').map(|(at, _)| &name[at + 1..]);
        let named = |name: &str| {
            let names = ["rules", "checkpoints"].map(|owner| format!("{owner}.{name}"));
            self.sources.iter().any(|text| names.iter().any(|name| text.contains(name.as_str())))
        };
        if std::iter::once(name).chain(shorter).any(named) {
            return true;
        }
        let own = site.section("output");
        let is_own = |span: &Span| {
            let args = own.into_iter().flat_map(|section| &section.args).map(|arg| arg.value.span);
            args.into_iter()
                .any(|arg| arg.source == span.source && arg.start <= span.start && span.end <= arg.end)
        };
        let others = || self.texts.iter().filter(|(span, _)| !is_own(span)).map(|(_, text)| *text);
        let is_part = |made: &str| {
            let pieces = |text: &'w str| text.split(['/', '{', '}']).filter(|piece| piece.len() > 2);
            others().any(|text| text.contains(made) || pieces(text).any(|piece| made.contains(piece)))
        };
        site.rule.products().any(|(_, pattern)| {
            let literals = || {
                pattern.segments.iter().filter_map(|segment| match segment {
                    Segment::Literal(text) => Some(&**text),
                    Segment::Wildcard { .. } => None,
                })
            };
            let parts = literals().flat_map(|text| text.split('/')).filter(|part| part.len() > 2);
            let mut parts = parts.peekable();
            // Of a name without literal parts nothing can be told.
            parts.peek().is_none() || parts.any(is_part)
        })
    }
}
