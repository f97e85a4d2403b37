//! Methods of `dict`, its views, `set` and `frozenset`.

use crate::lang::builtins::args::wrong;
use crate::lang::compare;
use crate::lang::index;
use crate::lang::iter::Walk;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Dict, DictMap, Key, Method, Set, SetItems, Value, View, ViewKind};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;
use std::sync::Arc;

pub(super) const DICT: &[Method] = &[
    Method { name: "clear", call: clear },
    Method { name: "copy", call: copy },
    Method { name: "fromkeys", call: fromkeys },
    Method { name: "get", call: get },
    Method { name: "items", call: |_, me, args| view(me, args, ViewKind::Items) },
    Method { name: "keys", call: |_, me, args| view(me, args, ViewKind::Keys) },
    Method { name: "pop", call: pop },
    Method { name: "popitem", call: popitem },
    Method { name: "setdefault", call: setdefault },
    Method { name: "update", call: update },
    Method { name: "values", call: |_, me, args| view(me, args, ViewKind::Values) },
];

pub(super) const VIEW: &[Method] = &[Method { name: "isdisjoint", call: isdisjoint }];

pub(super) const SET: &[Method] = &[
    Method { name: "add", call: add },
    Method { name: "clear", call: set_clear },
    Method { name: "copy", call: set_copy },
    Method { name: "difference", call: |vm, me, args| combine(vm, me, args, BinaryOp::Sub) },
    Method { name: "difference_update", call: |vm, me, args| change(vm, me, args, BinaryOp::Sub) },
    Method { name: "discard", call: discard },
    Method { name: "intersection", call: |vm, me, args| combine(vm, me, args, BinaryOp::BitAnd) },
    Method { name: "intersection_update", call: |vm, me, args| change(vm, me, args, BinaryOp::BitAnd) },
    Method { name: "isdisjoint", call: isdisjoint },
    Method { name: "issubset", call: issubset },
    Method { name: "issuperset", call: issuperset },
    Method { name: "pop", call: set_pop },
    Method { name: "remove", call: remove },
    Method { name: "symmetric_difference", call: |vm, me, args| combine(vm, me, args, BinaryOp::BitXor) },
    Method {
        name: "symmetric_difference_update",
        call: |vm, me, args| change(vm, me, args, BinaryOp::BitXor),
    },
    Method { name: "union", call: |vm, me, args| combine(vm, me, args, BinaryOp::BitOr) },
    Method { name: "update", call: |vm, me, args| change(vm, me, args, BinaryOp::BitOr) },
];

pub(super) const FROZENSET: &[Method] = &[
    Method { name: "copy", call: set_copy },
    Method { name: "difference", call: |vm, me, args| combine(vm, me, args, BinaryOp::Sub) },
    Method { name: "intersection", call: |vm, me, args| combine(vm, me, args, BinaryOp::BitAnd) },
    Method { name: "isdisjoint", call: isdisjoint },
    Method { name: "issubset", call: issubset },
    Method { name: "issuperset", call: issuperset },
    Method { name: "symmetric_difference", call: |vm, me, args| combine(vm, me, args, BinaryOp::BitXor) },
    Method { name: "union", call: |vm, me, args| combine(vm, me, args, BinaryOp::BitOr) },
];

/// The receiver; the table guarantees that it is a dict.
fn this(me: &Value) -> Result<&Arc<Dict>, Raise> {
    match me {
        Value::Dict(dict) => Ok(dict),
        other => Err(wrong(other, "dict", "a dict")),
    }
}

fn clear(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("clear")?;
    drop(this(me)?.0.write(std::mem::take)?);
    Ok(Value::None)
}

fn copy(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("copy")?;
    Ok(Value::flavoured(vm.pairs(me)?.into_iter().collect(), this(me)?.1.clone()))
}

pub(crate) fn fromkeys(vm: &mut Vm, _: &Value, args: Args) -> Result<Value, Raise> {
    let [keys, value] = args.take("fromkeys", ["/iterable", "/value"], 1)?;
    let value = value.unwrap_or(Value::None);
    let keys = vm.collect(&keys.unwrap_or(Value::None))?;
    vm.budget.allocate_items(2 * keys.len() as u64)?;
    let pairs: Result<DictMap, Raise> =
        keys.into_iter().map(|key| Ok((Key::new(key)?, value.clone()))).collect();
    pairs.map(Value::dict)
}

fn lookup(dict: &Dict, key: &Value) -> Result<Option<Value>, Raise> {
    let key = Key::new(key.clone())?;
    Ok(dict.0.read(|map| map.get(&key).cloned()))
}

fn get(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [key, default] = args.take("get", ["/key", "/default"], 1)?;
    let found = lookup(this(me)?, &key.unwrap_or(Value::None))?;
    Ok(found.or(default).unwrap_or(Value::None))
}

fn view(me: &Value, args: Args, kind: ViewKind) -> Result<Value, Raise> {
    args.none("keys")?;
    Ok(Value::View(Arc::new(View { dict: this(me)?.clone(), kind })))
}

fn pop(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [key, default] = args.take("pop", ["/key", "/default"], 1)?;
    let key = key.unwrap_or(Value::None);
    let removed = index::remove_key(vm, this(me)?, &key)?;
    removed.or(default).ok_or_else(|| match this(me) {
        Ok(dict) => Raise::missing_key(dict, &key),
        Err(raise) => raise,
    })
}

fn popitem(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("popitem")?;
    match this(me)?.0.write(|map| map.pop())? {
        Some((key, value)) => Ok(Value::tuple(vec![key.value(), value])),
        None => Err(Raise::key_error(&Value::from("popitem(): dictionary is empty"))),
    }
}

fn setdefault(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [key, default] = args.take("setdefault", ["/key", "/default"], 1)?;
    let key = key.unwrap_or(Value::None);
    if let Some(found) = lookup(this(me)?, &key)? {
        return Ok(found);
    }
    let default = default.unwrap_or(Value::None);
    index::set_item(vm, me, &key, default.clone())?;
    Ok(default)
}

fn update(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    if args.positional.len() > 1 {
        return Err(Raise::type_error("`update` takes at most one argument by position"));
    }
    let mut pairs = match args.positional.first() {
        Some(source) => entries(vm, source)?,
        None => Vec::new(),
    };
    pairs.extend(args.named.into_iter().map(|(name, value)| (Key::text(name), value)));
    vm.budget.allocate_items(2 * pairs.len() as u64)?;
    this(me)?.0.write(|map| map.extend(pairs))?;
    Ok(Value::None)
}

/// Entries of a mapping or of an iterable of pairs, as `dict()` and `update` take them.
pub(crate) fn entries(vm: &mut Vm, source: &Value) -> Result<Vec<(Key, Value)>, Raise> {
    let is_mapping = match source {
        Value::Dict(_) => true,
        Value::Object(object) => object.entries().is_some(),
        _ => false,
    };
    if is_mapping {
        return vm.pairs(source);
    }
    let mut pairs = Vec::new();
    for (i, item) in vm.collect(source)?.into_iter().enumerate() {
        let pair = vm.collect(&item).map_err(|raise| {
            if raise.kind() != Exc::TypeError {
                return raise;
            }
            Raise::type_error(format!("element {i} of the entries is not a pair"))
        })?;
        let len = pair.len();
        let Ok([key, value]) = <[Value; 2]>::try_from(pair) else {
            let message = format!("element {i} of the entries has {len} values, 2 are needed");
            return Err(Raise::value_error(message));
        };
        pairs.push((Key::new(key)?, value));
    }
    Ok(pairs)
}

fn this_set(me: &Value) -> Result<&Arc<Set>, Raise> {
    match me {
        Value::Set(set) => Ok(set),
        other => Err(wrong(other, "set", "a set")),
    }
}

fn add(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let key = Key::new(args.one("add")?)?;
    vm.budget.allocate(2 * size_of::<Value>() as u64)?;
    this_set(me)?.items.write(|items| items.insert(key))?;
    Ok(Value::None)
}

fn set_clear(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("clear")?;
    drop(this_set(me)?.items.write(std::mem::take)?);
    Ok(Value::None)
}

fn set_copy(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("copy")?;
    let set = this_set(me)?;
    if set.immutable {
        return Ok(me.clone());
    }
    vm.budget.allocate_items(2 * set.items.read(|items| items.len()) as u64)?;
    Ok(Value::set(set.items.read(Clone::clone)))
}

fn take_out(vm: &mut Vm, me: &Value, item: &Value) -> Result<bool, Raise> {
    let set = this_set(me)?;
    vm.budget.spend(set.items.read(|items| items.len()) as u64 / 32)?;
    let key = compare::set_key(item)?;
    set.items.write(|items| items.shift_remove(&key))
}

fn discard(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    take_out(vm, me, &args.one("discard")?)?;
    Ok(Value::None)
}

fn remove(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let item = args.one("remove")?;
    if take_out(vm, me, &item)? { Ok(Value::None) } else { Err(Raise::key_error(&item)) }
}

fn set_pop(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("pop")?;
    match this_set(me)?.items.write(|items| items.pop())? {
        Some(key) => Ok(key.value()),
        None => Err(Raise::key_error(&Value::from("pop from an empty set"))),
    }
}

/// The elements of any iterable as a set.
pub(crate) fn as_items(vm: &mut Vm, value: &Value) -> Result<SetItems, Raise> {
    if let Value::Set(set) = value {
        vm.budget.allocate_items(2 * set.items.read(|items| items.len()) as u64)?;
        return Ok(set.items.read(Clone::clone));
    }
    let items = vm.collect(value)?;
    vm.budget.allocate_items(items.len() as u64)?;
    items.into_iter().map(Key::new).collect()
}

fn combined(vm: &mut Vm, me: &Value, args: Args, op: BinaryOp) -> Result<SetItems, Raise> {
    let mut items = as_items(vm, me)?;
    for other in args.all_positional("set")? {
        let other = as_items(vm, &other)?;
        items = match op {
            BinaryOp::Sub => items.into_iter().filter(|k| !other.contains(k)).collect(),
            BinaryOp::BitAnd => items.into_iter().filter(|k| other.contains(k)).collect(),
            BinaryOp::BitOr => items.into_iter().chain(other).collect(),
            _ => {
                let new: Vec<Key> = other.iter().filter(|k| !items.contains(*k)).cloned().collect();
                items.into_iter().filter(|k| !other.contains(k)).chain(new).collect()
            }
        };
        vm.budget.allocate_items(2 * items.len() as u64)?;
    }
    Ok(items)
}

fn combine(vm: &mut Vm, me: &Value, args: Args, op: BinaryOp) -> Result<Value, Raise> {
    let immutable = this_set(me)?.immutable;
    let items = combined(vm, me, args, op)?;
    Ok(if immutable { Value::frozenset(items) } else { Value::set(items) })
}

fn change(vm: &mut Vm, me: &Value, args: Args, op: BinaryOp) -> Result<Value, Raise> {
    let items = combined(vm, me, args, op)?;
    let old = this_set(me)?.items.write(|old| std::mem::replace(old, items))?;
    drop(old);
    Ok(Value::None)
}

fn isdisjoint(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let mut walk = Walk::over(&args.one("isdisjoint")?)?;
    while let Some(item) = walk.next()? {
        vm.budget.spend(1)?;
        if compare::contains(vm, me, &item)? {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn issubset(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let other = as_items(vm, &args.one("issubset")?)?;
    Ok(Value::Bool(this_set(me)?.items.read(|items| items.is_subset(&other))))
}

fn issuperset(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let other = as_items(vm, &args.one("issuperset")?)?;
    Ok(Value::Bool(this_set(me)?.items.read(|items| items.is_superset(&other))))
}
