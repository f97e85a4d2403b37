//! Files that two rules can make.

use super::Finder;
use super::overlap::Shape;
use super::scope::{Scope, Site};
use crate::diag::Problem;
use crate::model::pattern::{Pattern, Segment};
use crate::model::rule::InputSource;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// `ambiguous-outputs`: two rules make the same files, and nothing says which of them is taken. A rule without wildcards
/// goes before one with them, so such a pair is clear.
pub(super) fn ambiguous_outputs(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    for (one, other, path) in certain(scope) {
        let (one, other) = (&scope.sites[one as usize], &scope.sites[other as usize]);
        let message = format!("rules `{}` and `{}` both make `{path}`", one.rule.name, other.rule.name);
        finder.push(
            warning(scope, "ambiguous-outputs", message, one, other, &path)
                .note("a plan that needs such a file stops, unless only one of the two can get its inputs")
                .help(order(one, other)),
        );
    }
}

/// `overlapping-outputs`: two rules have patterns that share a path, though each has others, too.
pub(super) fn overlapping_outputs(scope: &Scope<'_>, finder: &mut Finder<'_>) {
    if !finder.wants("overlapping-outputs") {
        return;
    }
    let mut told: FxHashSet<(u32, u32)> = FxHashSet::default();
    let named = named_makers(scope);
    let outputs = scope.sites.iter().flat_map(|site| site.rule.outputs.iter().map(move |p| (site, p)));
    let wild: Vec<_> = outputs.filter(|(_, pattern)| !pattern.names.is_empty()).collect();
    let ends: Vec<(&str, &str)> = wild.iter().map(|(_, pattern)| ends(pattern)).collect();
    let texts: Vec<String> = wild.iter().map(|(_, pattern)| shape(pattern)).collect();
    let mut shapes: Vec<Option<Option<Shape<'_>>>> = wild.iter().map(|_| None).collect();
    for (later, (other, _)) in wild.iter().enumerate() {
        for (earlier, (one, _)) in wild[..later].iter().enumerate() {
            // Equal ones are ambiguous, which is said elsewhere.
            if !may_meet(ends[earlier], ends[later]) || texts[earlier] == texts[later] {
                continue;
            }
            let pair = (one.number, other.number);
            let is_open = pair.0 != pair.1 && !told.contains(&pair) && !is_ordered(scope, pair.0, pair.1);
            if !is_open || named.contains(&*one.rule.name) || named.contains(&*other.rule.name) {
                continue;
            }
            for number in [earlier, later] {
                shapes[number].get_or_insert_with(|| Shape::of(wild[number].1));
            }
            let [Some(Some(a)), Some(Some(b))] = [&shapes[earlier], &shapes[later]] else { continue };
            let Some(path) = a.common_path(b) else { continue };
            told.insert(pair);
            let message = format!(
                "`{}` of rule `{}` and `{}` of rule `{}` can be one file: `{path}`",
                b.pattern.text, other.rule.name, a.pattern.text, one.rule.name
            );
            let problem = warning(scope, "overlapping-outputs", message, one, other, &b.pattern.text);
            finder.push(problem.help(order(one, other)));
        }
    }
}

fn is_ordered(scope: &Scope<'_>, a: u32, b: u32) -> bool {
    scope.workflow.order.prefers(a, b).is_some()
}

fn order(one: &Site<'_>, other: &Site<'_>) -> String {
    let (one, other) = (&one.rule.name, &other.rule.name);
    format!("write `ruleorder: {one} > {other}`, or tell them apart with `wildcard_constraints:`")
}

fn warning(
    scope: &Scope<'_>,
    code: &'static str,
    message: String,
    one: &Site<'_>,
    other: &Site<'_>,
    path: &str,
) -> Problem {
    let problem = other.warning(code, message, scope.find(other, "output", path));
    match one.head() {
        Some(head) => problem.at(head, "the other rule"),
        None => problem,
    }
}

/// Pairs of rules, the earlier one first, whose outputs are the same paths.
fn certain(scope: &Scope<'_>) -> Vec<(u32, u32, Arc<str>)> {
    let named = named_makers(scope);
    let is_named = |number: u32| named.contains(&*scope.rule(number).name);
    let mut found = Vec::new();
    let mut told: FxHashSet<(u32, u32)> = FxHashSet::default();
    let mut add = |a: u32, b: u32, path: &Arc<str>| {
        let pair = (a.min(b), a.max(b));
        if a != b && !is_ordered(scope, a, b) && !is_named(a) && !is_named(b) && told.insert(pair) {
            found.push((pair.0, pair.1, path.clone()));
        }
    };
    let mut first: FxHashMap<String, u32> = FxHashMap::default();
    for site in &scope.sites {
        for pattern in &site.rule.outputs {
            let known = *first.entry(shape(pattern)).or_insert(site.number);
            add(known, site.number, &pattern.text);
        }
    }
    found
}

/// The rules that inputs name by `rules.a.output`: there is no doubt which rule they mean.
fn named_makers<'w>(scope: &Scope<'w>) -> FxHashSet<&'w str> {
    let items = scope.workflow.rules.iter().flat_map(|rule| &rule.inputs);
    let flags = items.flat_map(|item| match &item.source {
        InputSource::Patterns { flags, .. } => &**flags,
        InputSource::Function(_) => &[],
    });
    flags.filter_map(|flags| flags.maker.as_deref()).collect()
}

/// The pattern without what wildcards are called: equal shapes match the same paths.
fn shape(pattern: &Pattern) -> String {
    let mut order: Vec<u16> = Vec::new();
    let mut shape = String::new();
    for segment in &pattern.segments {
        match segment {
            Segment::Literal(text) => shape.push_str(text),
            Segment::Wildcard { name, constraint } => {
                let number = order.iter().position(|known| known == name).unwrap_or_else(|| {
                    order.push(*name);
                    order.len() - 1
                });
                shape.push_str(&format!("\0{number},{}\0", constraint.as_deref().unwrap_or(".+")));
            }
        }
    }
    shape
}

/// The literal texts at both ends of a pattern.
pub(super) fn ends(pattern: &Pattern) -> (&str, &str) {
    (literal(pattern.segments.first()), literal(pattern.segments.last()))
}

fn literal(segment: Option<&Segment>) -> &str {
    match segment {
        Some(Segment::Literal(text)) => text,
        _ => "",
    }
}

/// Whether a path can begin and end as both patterns do.
pub(super) fn may_meet(one: (&str, &str), other: (&str, &str)) -> bool {
    (one.0.starts_with(other.0) || other.0.starts_with(one.0))
        && (one.1.ends_with(other.1) || other.1.ends_with(one.1))
}
