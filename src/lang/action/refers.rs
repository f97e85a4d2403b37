//! What code uses of its file, as text: another function or another value makes it another program.
//!
//! Goes by words, so that code which only Python understands is covered, too. A word that happens to be a name is one
//! reason too many, never one too few.

use super::Place;
use crate::base::digest::Digest;
use crate::diag::SourceMap;
use crate::lang::value::{Function, Home, Value};
use crate::lang::vm::{SpaceId, Vm};
use crate::model;
use crate::syntax::ast::FunctionBody;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longer values are known by their digest.
const MAX_VALUE: usize = 400;

/// The functions and values that `code` uses, and what those use.
pub(super) fn text(vm: &Vm<'static>, place: Place<'_>, code: &str) -> String {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut seen: FxHashSet<(SpaceId, Arc<str>)> = FxHashSet::default();
    let own = |name: &str| place.parameters.contains(&name);
    let mut todo: Vec<(SpaceId, String)> = vec![(place.space, code.to_string())];
    while let Some((space, text)) = todo.pop() {
        settings(vm, space, &text, &mut found);
        for name in words(&text).filter(|name| !own(name) && *name != "config") {
            let Some((name, value)) = vm.space(space).get_key_value(name) else { continue };
            if !seen.insert((space, name.clone())) {
                continue;
            }
            let shown = match value {
                Value::Function(function) => {
                    let text = source(place.sources, function);
                    todo.push((function.space, text.clone()));
                    text
                }
                Value::Module(module) => {
                    // Of a file of the project all counts; it is rare that a body uses one.
                    if let Home::Space(inside) = module.home {
                        let all: Vec<&str> = vm.space(inside).keys().map(|name| &**name).collect();
                        todo.push((inside, all.join(" ")));
                    }
                    continue;
                }
                Value::Builtin(_) | Value::Type(_) => continue,
                other => match other.to_model() {
                    Ok(value) => format!("{name} = {}", shown(&value)),
                    // What cannot be shown, such as a class: then the whole file counts.
                    Err(_) => format!("{name}: in {}", Digest::of(place.around.as_bytes())),
                },
            };
            found.insert(format!("{name} {}", space.0), shown);
        }
    }
    found.into_values().collect::<Vec<_>>().join("\n")
}

fn shown(value: &model::value::Value) -> String {
    let text = value.canonical();
    if text.len() > MAX_VALUE { format!("content {}", Digest::of(text.as_bytes())) } else { text }
}

/// The text of a function, without its decorators.
fn source(sources: &SourceMap, function: &Function) -> String {
    let def = &function.def;
    let end = match &def.body {
        FunctionBody::Expr(expr) => expr.span,
        FunctionBody::Block(block) => block.last().map_or(def.name.span, |stmt| stmt.span),
    };
    let start = match &def.body {
        FunctionBody::Expr(expr) => expr.span,
        FunctionBody::Block(_) => def.name.span,
    };
    let text = sources.snippet(start.to(end));
    match &def.body {
        FunctionBody::Expr(_) => format!("lambda: {text}"),
        FunctionBody::Block(_) => format!("def {}", text.trim_end()),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty())
}

/// The settings that a text reads: those whose key stands in it, or all.
fn settings(vm: &Vm<'static>, space: SpaceId, text: &str, found: &mut BTreeMap<String, String>) {
    let Some(Value::Dict(_)) = vm.space(space).get("config") else { return };
    let config = vm.space(space).get("config").and_then(|config| config.to_model().ok());
    let Some(config) = config else { return };
    for (at, _) in text.match_indices("config") {
        let is_part = text[..at].ends_with(|c| is_word(c) || c == '.');
        let rest = &text[at + "config".len()..];
        if is_part || rest.starts_with(is_word) {
            continue;
        }
        match key(rest) {
            Some(key) => {
                let value = config.get(key).map_or("None".to_string(), shown);
                found.insert(format!("config {key}"), format!("config[{key:?}] = {value}"));
            }
            None => {
                found.insert("config".into(), format!("config = {}", shown(&config)));
            }
        }
    }
}

/// The literal key that follows: `["key"]`, `.get("key"`, and `[key]` as templates write it.
fn key(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix(".get(").or_else(|| rest.strip_prefix('['))?.trim_start();
    let mark = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (key, _) = rest[1..].split_once(mark)?;
    (!key.contains(['{', '\n'])).then_some(key)
}
