//! Methods of `list`, `tuple` and `range`.

use crate::lang::builtins::args::{int, optional_int, wrong};
use crate::lang::builtins::sequence::sort;
use crate::lang::compare;
use crate::lang::index;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, List, Method, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) const LIST: &[Method] = &[
    Method { name: "append", call: append },
    Method { name: "clear", call: clear },
    Method { name: "copy", call: copy },
    Method { name: "count", call: count },
    Method { name: "extend", call: extend },
    Method { name: "index", call: index },
    Method { name: "insert", call: insert },
    Method { name: "pop", call: pop },
    Method { name: "remove", call: remove },
    Method { name: "reverse", call: reverse },
    Method { name: "sort", call: list_sort },
];

pub(super) const TUPLE: &[Method] =
    &[Method { name: "count", call: count }, Method { name: "index", call: index }];

pub(super) const RANGE: &[Method] =
    &[Method { name: "count", call: count }, Method { name: "index", call: index }];

/// The receiver; the table guarantees that it is a list.
fn this(me: &Value) -> Result<&Arc<List>, Raise> {
    match me {
        Value::List(list) => Ok(list),
        other => Err(wrong(other, "list", "a list")),
    }
}

fn append(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let value = args.one("append")?;
    vm.budget.allocate(size_of::<Value>() as u64)?;
    this(me)?.0.write(|items| items.push(value))?;
    Ok(Value::None)
}

fn clear(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("clear")?;
    drop(this(me)?.0.write(std::mem::take)?);
    Ok(Value::None)
}

fn copy(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("copy")?;
    vm.collect(me).map(Value::list)
}

fn extend(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let items = vm.collect(&args.one("extend")?)?;
    this(me)?.0.write(|old| old.extend(items))?;
    Ok(Value::None)
}

fn insert(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [at, value] = args.take("insert", ["/index", "/value"], 2)?;
    let at = int(&at.unwrap_or(Value::None), "insert")?;
    let value = value.unwrap_or(Value::None);
    let list = this(me)?;
    let len = list.0.read(Vec::len);
    vm.budget.spend(len as u64 / 64)?;
    vm.budget.allocate(size_of::<Value>() as u64)?;
    let at = if at < 0 { at.saturating_add(len as i64).max(0) } else { at } as usize;
    list.0.write(|items| items.insert(at.min(items.len()), value))?;
    Ok(Value::None)
}

fn pop(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [at] = args.take("pop", ["/index"], 0)?;
    let list = this(me)?;
    let len = list.0.read(Vec::len);
    if len == 0 {
        return Err(Raise::new(Exc::IndexError, "pop from an empty list"));
    }
    let at = index::index_in(&at.unwrap_or(Value::Int(-1)), len, "pop")?;
    vm.budget.spend((len - at) as u64 / 64)?;
    let popped = list.0.write(|items| (at < items.len()).then(|| items.remove(at)))?;
    Ok(popped.unwrap_or(Value::None))
}

fn remove(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let value = args.one("remove")?;
    let list = this(me)?;
    let at = list.0.read(|items| compare::find_equal(vm, items, &value))?;
    let at = at.ok_or_else(|| Raise::value_error("the value is not in the list"))?;
    let removed = list.0.write(|items| (at < items.len()).then(|| items.remove(at)))?;
    drop(removed);
    Ok(Value::None)
}

fn reverse(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("reverse")?;
    let list = this(me)?;
    vm.budget.spend(list.0.read(Vec::len) as u64 / 64)?;
    list.0.write(|items| items.reverse())?;
    Ok(Value::None)
}

fn list_sort(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [key, reverse] = args.take("sort", ["*key", "*reverse"], 0)?;
    let list = this(me)?;
    let items = vm.collect(me)?;
    let sorted = sort(vm, items, key, reverse.is_some_and(|v| v.truth()))?;
    let old = list.0.write(|items| std::mem::replace(items, sorted))?;
    drop(old);
    Ok(Value::None)
}

fn count(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let value = args.one("count")?;
    let items = vm.collect(me)?;
    let mut found = 0;
    for item in &items {
        found += i64::from(item.is_same(&value) || compare::equal_paid(vm, item, &value)?);
    }
    Ok(Value::Int(found))
}

fn index(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [value, start, end] = args.take("index", ["/value", "/start", "/stop"], 1)?;
    let value = value.unwrap_or(Value::None);
    let ends = [optional_int(start.as_ref(), "index")?, optional_int(end.as_ref(), "index")?, None];
    let items = vm.collect(me)?;
    let (start, _, count) = index::slice_range(&ends, items.len())?;
    let start = start as usize;
    let part = items.get(start..start + count).unwrap_or_default();
    match compare::find_equal(vm, part, &value)? {
        Some(at) => Ok(Value::Int((start + at) as i64)),
        None => Err(Raise::value_error(format!("{} is not in the {}", value.repr(), me.type_name()))),
    }
}
