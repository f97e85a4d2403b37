//! Values that a body has for itself: copies of globals, which it may change as in a process of its own.

use crate::lang::value::{Dict, Key, List, Set, Shared, Tuple, Value};
use crate::lang::vm::{Frozen, Space, SpaceId};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Copies of globals, by namespace. What is one object stays one.
pub(super) fn copies(evaluator: &Frozen, globals: &[(SpaceId, Arc<str>)]) -> Vec<(SpaceId, Space)> {
    let mut known = FxHashMap::default();
    let mut all: Vec<(SpaceId, Space)> = Vec::new();
    for (space, name) in globals {
        let Some(value) = evaluator.global(*space, name) else { continue };
        let copy = copy(value, &mut known);
        match all.iter_mut().find(|(of, _)| of == space) {
            Some((_, own)) => drop(own.insert(name.clone(), copy)),
            None => all.push((*space, Space::from_iter([(name.clone(), copy)]))),
        }
    }
    all
}

/// Nesting is limited: see `names::is_plain`.
fn copy(value: &Value, known: &mut FxHashMap<usize, Value>) -> Value {
    let Some(at) = value.address() else { return value.clone() };
    if let Some(copy) = known.get(&at) {
        return copy.clone();
    }
    let made = match value {
        Value::List(list) => {
            let items = list.0.read(|items| items.clone());
            Value::List(Arc::new(List(Shared::new(items.iter().map(|item| copy(item, known)).collect()))))
        }
        Value::Tuple(tuple) => {
            let items = tuple.0.iter().map(|item| copy(item, known)).collect();
            Value::Tuple(Arc::new(Tuple(items, tuple.1.clone())))
        }
        Value::Dict(dict) => {
            let pairs: Vec<(Key, Value)> =
                dict.0.read(|map| map.iter().map(|(key, value)| (key.clone(), value.clone())).collect());
            let pairs = pairs.into_iter().map(|(key, value)| (key, copy(&value, known)));
            Value::Dict(Arc::new(Dict(Shared::new(pairs.collect()), dict.1.clone())))
        }
        Value::Set(set) => {
            let items = set.items.read(|items| items.clone());
            Value::Set(Arc::new(Set { items: Shared::new(items), immutable: set.immutable }))
        }
        other => return other.clone(),
    };
    known.insert(at, made.clone());
    made
}
