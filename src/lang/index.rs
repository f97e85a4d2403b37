//! Indexing, slicing and length, with Python's semantics.

use crate::lang::modules::collections;
use crate::lang::ops::as_int;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Dict, Flavour, Key, List, Object, Range, Set, TextKey, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// The position that an index means in a sequence of `len`.
pub(crate) fn index_in(key: &Value, len: usize, name: &str) -> Result<usize, Raise> {
    let Some(index) = as_int(key) else {
        let message = format!("`{name}` indices must be integers or slices, not `{}`", key.type_name());
        return Err(Raise::type_error(message));
    };
    let from_start = if index < 0 { index.saturating_add(len as i64) } else { index };
    usize::try_from(from_start).ok().filter(|i| *i < len).ok_or_else(|| {
        Raise::new(Exc::IndexError, format!("`{name}` index {index} is out of range (length {len})"))
    })
}

/// `slice(start, stop, step)`: an index that is a range of places.
#[derive(Debug)]
pub(crate) struct Slice(pub(crate) [Value; 3]);

impl Slice {
    /// The ends as places in a sequence.
    pub(crate) fn ends(&self) -> Result<[Option<i64>; 3], Raise> {
        let mut ends = [None; 3];
        for (end, value) in ends.iter_mut().zip(&self.0) {
            *end = match value {
                Value::None => None,
                other => Some(as_int(other).ok_or_else(|| {
                    Raise::type_error(format!("slice indices must be integers, not `{}`", other.type_name()))
                })?),
            };
        }
        Ok(ends)
    }
}

impl Object for Slice {
    fn type_name(&self) -> &'static str {
        "slice"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let [start, stop, step] = &self.0;
        Ok(match name {
            "start" => Some(start.clone()),
            "stop" => Some(stop.clone()),
            "step" => Some(step.clone()),
            _ => None,
        })
    }

    fn repr(&self) -> String {
        format!("slice({}, {}, {})", self.0[0].repr(), self.0[1].repr(), self.0[2].repr())
    }

    fn stand_in(&self) -> Option<Value> {
        Some(Value::tuple(self.0.to_vec()))
    }

    fn inner(&self) -> Vec<Value> {
        self.0.to_vec()
    }
}

pub(crate) fn get_item(vm: &mut Vm, container: &Value, key: &Value) -> Result<Value, Raise> {
    if let (Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Range(_), Some(slice_key)) =
        (container, key.downcast::<Slice>())
    {
        return slice(vm, container, &slice_key.ends()?);
    }
    match container {
        Value::List(list) => {
            list.0.read(|items| index_in(key, items.len(), "list").map(|i| items[i].clone()))
        }
        Value::Tuple(tuple) => index_in(key, tuple.0.len(), "tuple").map(|i| tuple.0[i].clone()),
        Value::Dict(dict) => {
            let found = match key {
                Value::Str(text) => dict.0.read(|map| map.get(&TextKey(text)).cloned()),
                other => {
                    let key = Key::new(other.clone())?;
                    dict.0.read(|map| map.get(&key).cloned())
                }
            };
            match (found, &dict.1) {
                (Some(found), _) => Ok(found),
                (None, Flavour::Plain) => Err(Raise::missing_key(dict, key)),
                (None, _) => collections::missing(vm, dict, key),
            }
        }
        Value::Str(text) => char_at(text, key),
        Value::Range(range) => {
            let len = usize::try_from(range.len()).unwrap_or(usize::MAX);
            let index = index_in(key, len, "range")?;
            Ok(range.get(index as i64).map_or(Value::None, Value::Int))
        }
        Value::Object(object) => object.get(vm, key),
        // Annotations at run time: `list[str]`.
        Value::Type(of) => Ok(Value::Type(*of)),
        other => {
            let raise = Raise::type_error(format!("`{}` object is not subscriptable", other.type_name()));
            Err(match other {
                Value::View(_) | Value::Set(_) | Value::Iter(_) => {
                    raise.help("make a list first: `list(x)[0]`")
                }
                Value::Function(_) => raise.help("call it with round brackets"),
                _ => raise,
            })
        }
    }
}

fn char_at(text: &str, key: &Value) -> Result<Value, Raise> {
    if text.is_ascii() {
        let index = index_in(key, text.len(), "str")?;
        return Ok(Value::str(&text[index..=index]));
    }
    let index = index_in(key, text.chars().count(), "str")?;
    let found = text.chars().nth(index).unwrap_or(' ');
    Ok(Value::str(found.encode_utf8(&mut [0; 4]) as &str))
}

pub(crate) fn set_item(vm: &mut Vm, container: &Value, key: &Value, value: Value) -> Result<(), Raise> {
    match container {
        Value::List(list) => {
            let index = index_in(key, list.0.read(Vec::len), "list")?;
            let old =
                list.0.write(|items| items.get_mut(index).map(|slot| std::mem::replace(slot, value)))?;
            drop(old);
            Ok(())
        }
        Value::Dict(dict) => {
            vm.budget.allocate(2 * size_of::<Value>() as u64)?;
            let key = Key::new(key.clone())?;
            let old = dict.0.write(|map| map.insert(key, value))?;
            drop(old);
            Ok(())
        }
        Value::Object(object) => object.set(vm, key, value),
        other => {
            let raise = Raise::type_error(format!("`{}` object cannot be changed", other.type_name()));
            Err(match other {
                Value::Tuple(_) => raise.help("use a list"),
                _ => raise,
            })
        }
    }
}

pub(crate) fn delete_item(vm: &mut Vm, container: &Value, key: &Value) -> Result<(), Raise> {
    match container {
        Value::List(list) => {
            let index = index_in(key, list.0.read(Vec::len), "list")?;
            vm.budget.spend(list.0.read(Vec::len) as u64 / 64)?;
            let old = list.0.write(|items| (index < items.len()).then(|| items.remove(index)))?;
            drop(old);
            Ok(())
        }
        Value::Dict(dict) => match remove_key(vm, dict, key)? {
            Some(_) => Ok(()),
            None => Err(Raise::missing_key(dict, key)),
        },
        Value::Object(object) => object.delete(vm, key),
        other => Err(Raise::type_error(format!("items of `{}` cannot be deleted", other.type_name()))),
    }
}

/// Removes an entry and keeps the order of the others, which costs a move of those behind it.
pub(crate) fn remove_key(vm: &mut Vm, dict: &Arc<Dict>, key: &Value) -> Result<Option<Value>, Raise> {
    vm.budget.spend(dict.0.read(|map| map.len()) as u64 / 32)?;
    let key = Key::new(key.clone())?;
    dict.0.write(|map| map.shift_remove(&key))
}

/// First index, step and count of a slice of a sequence of `len`.
pub(crate) fn slice_range(ends: &[Option<i64>; 3], len: usize) -> Result<(i64, i64, usize), Raise> {
    let len = len as i64;
    let step = ends[2].unwrap_or(1);
    if step == 0 {
        return Err(Raise::value_error("slice step cannot be zero"));
    }
    let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |end: Option<i64>, default: i64| match end {
        None => default,
        Some(i) if i < 0 => i.saturating_add(len).max(lowest),
        Some(i) => i.min(highest),
    };
    let start = clamp(ends[0], if step > 0 { 0 } else { len - 1 });
    let stop = clamp(ends[1], if step > 0 { len } else { -1 });
    let count = Range { start, stop, step }.len();
    Ok((start, step, usize::try_from(count).unwrap_or(0)))
}

pub(crate) fn slice_indices(
    ends: &[Option<i64>; 3],
    len: usize,
) -> Result<impl Iterator<Item = usize> + Clone, Raise> {
    let (start, step, count) = slice_range(ends, len)?;
    Ok((0..count as i64).map(move |i| start.saturating_add(step.saturating_mul(i)) as usize))
}

pub(crate) fn slice(vm: &mut Vm, container: &Value, ends: &[Option<i64>; 3]) -> Result<Value, Raise> {
    match container {
        Value::Str(text) => slice_text(vm, text, ends),
        Value::List(list) => {
            let (_, _, count) = slice_range(ends, list.0.read(Vec::len))?;
            vm.budget.allocate_items(count as u64)?;
            list.0.read(|items| {
                Ok(Value::list(slice_indices(ends, items.len())?.map(|i| items[i].clone()).collect()))
            })
        }
        Value::Tuple(tuple) => {
            let indices = slice_indices(ends, tuple.0.len())?;
            vm.budget.allocate_items(tuple.0.len() as u64)?;
            Ok(Value::tuple(indices.map(|i| tuple.0[i].clone()).collect()))
        }
        Value::Range(range) => {
            let len = usize::try_from(range.len()).unwrap_or(usize::MAX);
            let (start, step, count) = slice_range(ends, len)?;
            let at = |i: i64| range.start.saturating_add(range.step.saturating_mul(i));
            let (start, step) = (at(start), range.step.saturating_mul(step));
            let stop = start.saturating_add(step.saturating_mul(count as i64));
            Ok(Value::Range(Arc::new(Range { start, stop, step })))
        }
        other => Err(Raise::type_error(format!("`{}` object cannot be sliced", other.type_name()))),
    }
}

fn slice_text(vm: &mut Vm, text: &str, ends: &[Option<i64>; 3]) -> Result<Value, Raise> {
    vm.budget.allocate(text.len() as u64)?;
    if !text.is_ascii() {
        let chars: Vec<char> = text.chars().collect();
        let picked: String = slice_indices(ends, chars.len())?.map(|i| chars[i]).collect();
        return Ok(Value::from(picked));
    }
    let (start, step, count) = slice_range(ends, text.len())?;
    if step == 1 {
        let start = start as usize;
        return Ok(Value::str(text.get(start..start + count).unwrap_or("")));
    }
    let bytes = text.as_bytes();
    let picked: String = slice_indices(ends, bytes.len())?.map(|i| char::from(bytes[i])).collect();
    Ok(Value::from(picked))
}

fn sliced_list(container: &Value) -> Result<&Arc<List>, Raise> {
    match container {
        Value::List(list) => Ok(list),
        other => Err(Raise::type_error(format!("`{}` object cannot be changed", other.type_name()))),
    }
}

pub(crate) fn set_slice(
    vm: &mut Vm,
    container: &Value,
    ends: &[Option<i64>; 3],
    value: &Value,
) -> Result<(), Raise> {
    let list = sliced_list(container)?;
    let items = vm.collect(value)?;
    let len = list.0.read(Vec::len);
    vm.budget.spend(len as u64 / 64)?;
    let (start, step, count) = slice_range(ends, len)?;
    if step == 1 {
        let start = start as usize;
        let old = list.0.write(|old| old.splice(start..start + count, items).collect::<Vec<_>>())?;
        drop(old);
        return Ok(());
    }
    if items.len() != count {
        let message = format!("cannot give {} values to a slice of {count}", items.len());
        return Err(Raise::value_error(message));
    }
    let indices = slice_indices(ends, len)?;
    list.0.write(|old| {
        for (i, item) in indices.zip(items) {
            old[i] = item;
        }
    })
}

pub(crate) fn delete_slice(vm: &mut Vm, container: &Value, ends: &[Option<i64>; 3]) -> Result<(), Raise> {
    let list = sliced_list(container)?;
    let len = list.0.read(Vec::len);
    vm.budget.spend(len as u64 / 16)?;
    let mut doomed = vec![false; len];
    slice_indices(ends, len)?.for_each(|i| doomed[i] = true);
    let mut doomed = doomed.into_iter();
    list.0.write(|items| items.retain(|_| !doomed.next().unwrap_or(false)))
}

/// The number of elements, as `len()` counts them.
pub(crate) fn length(value: &Value) -> Result<usize, Raise> {
    Ok(match value {
        Value::Str(text) => text.chars().count(),
        Value::List(list) => list.0.read(Vec::len),
        Value::Tuple(tuple) => tuple.0.len(),
        Value::Dict(dict) => dict.0.read(|map| map.len()),
        Value::Set(set) => length_of_set(set),
        Value::Range(range) => usize::try_from(range.len()).unwrap_or(usize::MAX),
        Value::View(view) => view.len(),
        Value::Object(object) => object.len().ok_or_else(|| no_length(value))?,
        other => return Err(no_length(other)),
    })
}

fn length_of_set(set: &Set) -> usize {
    set.items.read(|items| items.len())
}

fn no_length(value: &Value) -> Raise {
    let raise = Raise::type_error(format!("`{}` object has no length", value.type_name()));
    match value {
        Value::Iter(_) => raise.help("make a list first: `len(list(x))`"),
        _ => raise,
    }
}
