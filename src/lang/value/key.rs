//! Values as keys of dicts and sets: which may be one, when two are the same, and their hashes.

use super::{Key, MAX_NESTING, TextKey, Value};
use crate::lang::raise::{Exc, Raise};
use indexmap::{Equivalent, IndexSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

impl Key {
    /// The value as a key; `TypeError` when it is not hashable.
    pub(crate) fn new(value: Value) -> Result<Key, Raise> {
        if matches!(value, Value::Str(_)) {
            return Ok(Key(value));
        }
        check_hashable(&value, 0, &mut 0)?;
        Ok(Key(value))
    }

    pub(crate) fn text(text: impl Into<Arc<str>>) -> Key {
        Key(Value::Str(text.into()))
    }

    pub(crate) fn value(&self) -> Value {
        self.0.clone()
    }

    pub(crate) fn get(&self) -> &Value {
        &self.0
    }
}

/// Tuples with more elements, nested ones included, are no keys: hashing them costs that much every time.
const MAX_KEY_PARTS: usize = 4096;

fn check_hashable(value: &Value, depth: usize, parts: &mut usize) -> Result<(), Raise> {
    *parts += 1;
    if depth > MAX_NESTING || *parts > MAX_KEY_PARTS {
        return Err(Raise::new(Exc::RecursionError, "tuple is too large or too deep for a key"));
    }
    match value {
        Value::Tuple(tuple) => tuple.0.iter().try_for_each(|item| check_hashable(item, depth + 1, parts)),
        Value::List(_) | Value::Dict(_) | Value::View(_) => Err(unhashable(value)),
        Value::Set(set) if !set.immutable => Err(unhashable(value)),
        _ => Ok(()),
    }
}

fn unhashable(value: &Value) -> Raise {
    let raise = Raise::type_error(format!("unhashable type: `{}`", value.type_name()));
    match value {
        Value::List(_) => raise.help("use a tuple: `tuple(...)`"),
        Value::Set(_) => raise.help("use a `frozenset(...)`"),
        _ => raise,
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_value(&self.0, state);
    }
}

fn hash_value<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        Value::Str(text) => text.hash(state),
        Value::Bool(b) => state.write_i64(i64::from(*b)),
        Value::Int(n) => state.write_i64(*n),
        Value::Float(x) => match crate::lang::ops::float_to_int(*x) {
            Some(n) => state.write_i64(n),
            None => state.write_u64(x.to_bits()),
        },
        Value::Tuple(tuple) => {
            state.write_usize(tuple.0.len());
            tuple.0.iter().for_each(|item| hash_value(item, state));
        }
        Value::Range(range) => state.write_i64(range.len()),
        // Equal sets may differ in order: only the length is safe to hash.
        Value::Set(set) => state.write_usize(set.items.read(IndexSet::len)),
        Value::Type(kind) => kind.hash(state),
        Value::Object(object) => match object.stand_in() {
            Some(value) => hash_value(&value, state),
            None => value.address().hash(state),
        },
        Value::Method(method) => std::ptr::from_ref(method.method).hash(state),
        other => other.address().hash(state),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        match (&self.0, &other.0) {
            (Value::Str(a), Value::Str(b)) => a == b,
            (a, b) => a.is_same(b) || crate::lang::compare::equal(a, b).unwrap_or(false),
        }
    }
}

impl Eq for Key {}

impl Hash for TextKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Equivalent<Key> for TextKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.0.as_str() == Some(self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
