//! Walking over values, one element at a time, without making a list first.

use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Dict, Iter, List, Object, Range, Rest, Set, Tuple, Value, View, ViewKind};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// A walk in progress.
pub(crate) enum Walk {
    Items(std::vec::IntoIter<Value>),
    List(Arc<List>, usize),
    Tuple(Arc<Tuple>, usize),
    Range(Range, i64),
    View(View, usize, usize),
    Set(Arc<Set>, usize, usize),
    Text(Arc<str>, usize),
    Iter(Arc<Iter>),
    /// An iterator of the host: an open file.
    Object(Arc<dyn Object>),
}

impl Walk {
    pub(crate) fn over(value: &Value) -> Result<Walk, Raise> {
        Ok(match value {
            Value::List(list) => Walk::List(list.clone(), 0),
            Value::Tuple(tuple) => Walk::Tuple(tuple.clone(), 0),
            Value::Range(range) => Walk::Range(**range, 0),
            Value::Str(text) => Walk::Text(text.clone(), 0),
            Value::Dict(dict) => Walk::keys(dict),
            Value::View(view) => Walk::View(View { dict: view.dict.clone(), kind: view.kind }, 0, view.len()),
            Value::Set(set) => Walk::Set(set.clone(), 0, set.items.read(|items| items.len())),
            Value::Iter(iter) => Walk::Iter(iter.clone()),
            Value::Object(object) if object.is_iterator() => Walk::Object(object.clone()),
            Value::Object(object) => match object.items() {
                Some(items) => Walk::Items(items.into_iter()),
                None => return Err(not_iterable(value)),
            },
            other => return Err(not_iterable(other)),
        })
    }

    fn keys(dict: &Arc<Dict>) -> Walk {
        let len = dict.0.read(|map| map.len());
        Walk::View(View { dict: dict.clone(), kind: ViewKind::Keys }, 0, len)
    }

    pub(crate) fn next(&mut self) -> Result<Option<Value>, Raise> {
        Ok(match self {
            Walk::Items(items) => items.next(),
            Walk::List(list, at) => {
                *at += 1;
                list.0.read(|items| items.get(*at - 1).cloned())
            }
            Walk::Tuple(tuple, at) => {
                *at += 1;
                tuple.0.get(*at - 1).cloned()
            }
            Walk::Range(range, at) => {
                *at += 1;
                range.get(*at - 1).map(Value::Int)
            }
            Walk::Text(text, at) => text.get(*at..).and_then(|rest| rest.chars().next()).map(|c| {
                *at += c.len_utf8();
                Value::str(c.encode_utf8(&mut [0; 4]) as &str)
            }),
            Walk::View(view, at, len) => {
                *at += 1;
                return view_entry(view, *at - 1, *len);
            }
            Walk::Set(set, at, len) => {
                *at += 1;
                let (now, item) = set.items.read(|s| (s.len(), s.get_index(*at - 1).map(|k| k.value())));
                if now != *len {
                    return Err(Raise::new(Exc::RuntimeError, "set changed size during iteration"));
                }
                item
            }
            Walk::Iter(iter) => return iter.rest.write(Rest::next)?,
            Walk::Object(object) => return object.next(),
        })
    }

    /// A guess of how many elements follow.
    pub(crate) fn len_hint(&self) -> u64 {
        match self {
            Walk::Items(items) => items.len() as u64,
            Walk::List(list, at) => list.0.read(Vec::len).saturating_sub(*at) as u64,
            Walk::Tuple(tuple, at) => tuple.0.len().saturating_sub(*at) as u64,
            Walk::Range(range, at) => range.len().saturating_sub(*at) as u64,
            Walk::Text(text, at) => text.len().saturating_sub(*at) as u64,
            Walk::View(_, at, len) | Walk::Set(_, at, len) => len.saturating_sub(*at) as u64,
            Walk::Iter(iter) => iter.rest.read(Rest::len).unwrap_or(0) as u64,
            Walk::Object(_) => 0,
        }
    }
}

/// Elements that are paid for at once where their number is not known.
const MORE: u64 = 16;

fn view_entry(view: &View, at: usize, len: usize) -> Result<Option<Value>, Raise> {
    view.dict.0.read(|map| {
        if map.len() != len {
            return Err(Raise::new(Exc::RuntimeError, "dictionary changed size during iteration"));
        }
        Ok(map.get_index(at).map(|(key, value)| match view.kind {
            ViewKind::Keys => key.value(),
            ViewKind::Values => value.clone(),
            ViewKind::Items => Value::tuple(vec![key.value(), value.clone()]),
        }))
    })
}

fn not_iterable(value: &Value) -> Raise {
    let raise = Raise::type_error(format!("`{}` object is not iterable", value.type_name()));
    match value {
        Value::Int(_) => raise.help("use `range(n)` to count"),
        Value::None => raise.help("does a function lack a `return`?"),
        _ => raise,
    }
}

impl Vm<'_> {
    /// All elements of an iterable, paid for before they are collected.
    pub(crate) fn collect(&mut self, value: &Value) -> Result<Vec<Value>, Raise> {
        let mut walk = Walk::over(value)?;
        let mut paid = walk.len_hint();
        self.budget.spend(paid / 4)?;
        self.budget.allocate_items(paid)?;
        let mut items = Vec::with_capacity(paid as usize);
        while let Some(item) = walk.next()? {
            if items.len() as u64 == paid {
                // No end in sight: pay as it goes on.
                self.budget.spend(MORE)?;
                self.budget.allocate_items(4 * MORE)?;
                paid += MORE;
            }
            items.push(item);
        }
        Ok(items)
    }
}
