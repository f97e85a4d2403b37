//! `Counter`: a dict of numbers in which what is not there counts 0.

use super::{HostType, this};
use crate::lang::builtins::args::{int, optional_int, wrong};
use crate::lang::compare;
use crate::lang::iter::Walk;
use crate::lang::ops::{self, Number};
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Dict, DictMap, Flavour, Key, Method, Type, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;
use std::cmp::Ordering;
use std::sync::Arc;

pub(crate) static COUNTER: HostType = HostType {
    name: "Counter",
    parent: Some(Type::Dict),
    construct: |vm, args| {
        let counter = Value::flavoured(DictMap::default(), Flavour::Counter);
        change(vm, &counter, args, BinaryOp::Add)?;
        Ok(counter)
    },
    methods: &[
        Method { name: "elements", call: elements },
        Method { name: "most_common", call: most_common },
        Method { name: "subtract", call: |vm, me, args| change(vm, me, args, BinaryOp::Sub) },
        Method { name: "total", call: total },
        Method { name: "update", call: |vm, me, args| change(vm, me, args, BinaryOp::Add) },
    ],
    ..HostType::PLAIN
};

fn count_of(dict: &Dict, key: &Key) -> Value {
    dict.0.read(|map| map.get(key).cloned()).unwrap_or(Value::Int(0))
}

/// Adds to the counts, or takes from them: elements one by one, or the counts of a mapping.
fn change(vm: &mut Vm, me: &Value, args: Args, op: BinaryOp) -> Result<Value, Raise> {
    if args.positional.len() > 1 {
        return Err(Raise::type_error("a `Counter` is made of at most one value"));
    }
    let dict = this(me)?;
    let add = |vm: &mut Vm, key: Key, more: Value| -> Result<(), Raise> {
        vm.budget.spend(1)?;
        let new = match dict.0.read(|map| map.get(&key).cloned()) {
            None if op == BinaryOp::Add => more,
            old => ops::binary(vm, op, &old.unwrap_or(Value::Int(0)), &more)?,
        };
        vm.budget.allocate(2 * size_of::<Value>() as u64)?;
        dict.0.write(|map| map.insert(key, new)).map(drop)
    };
    match args.positional.first() {
        None | Some(Value::None) => {}
        Some(Value::Dict(other)) => {
            for (key, count) in other.0.read(|map| map.clone()) {
                add(vm, key, count)?;
            }
        }
        Some(source) => {
            let mut walk = Walk::over(source)?;
            while let Some(item) = walk.next()? {
                add(vm, Key::new(item)?, Value::Int(1))?;
            }
        }
    }
    for (name, count) in args.named {
        add(vm, Key::text(name), count)?;
    }
    Ok(Value::None)
}

/// Entries, the most frequent first; of equal ones the first that came.
pub(crate) fn by_count(dict: &Dict) -> Vec<(Key, Value)> {
    let mut rows: Vec<(Key, Value)> =
        dict.0.read(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect());
    let number = |value: &Value| Number::of(value).unwrap_or(Number::Int(0));
    rows.sort_by(|a, b| compare::compare_numbers(number(&b.1), number(&a.1)).unwrap_or(Ordering::Equal));
    rows
}

fn most_common(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [most] = args.take("most_common", ["n"], 0)?;
    let most = optional_int(most.as_ref(), "most_common")?;
    let dict = this(me)?;
    let count = dict.0.read(DictMap::len) as u64;
    vm.budget.allocate_items(6 * count)?;
    vm.budget.spend(count)?;
    let most = most.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(0));
    let rows = by_count(dict).into_iter().take(most);
    Ok(Value::list(rows.map(|(key, count)| Value::tuple(vec![key.value(), count])).collect()))
}

fn elements(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("elements")?;
    let mut items = Vec::new();
    for (key, count) in vm.pairs(me)? {
        let count = int(&count, "elements")?.max(0) as u64;
        vm.budget.allocate_items(count)?;
        items.extend(std::iter::repeat_n(key.value(), count as usize));
    }
    Ok(Value::iterator("itertools.chain", items))
}

fn total(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("total")?;
    let mut total = Value::Int(0);
    for (_, count) in vm.pairs(me)? {
        total = ops::binary(vm, BinaryOp::Add, &total, &count)?;
    }
    Ok(total)
}

/// `+`, `-`, `|` and `&` of two counters: what is not above 0 falls out.
pub(crate) fn operation(
    vm: &mut Vm,
    op: BinaryOp,
    x: &Arc<Dict>,
    y: &Arc<Dict>,
) -> Option<Result<Value, Raise>> {
    let combine: fn(&mut Vm, &Value, &Value) -> Result<Value, Raise> = match op {
        BinaryOp::Add => |vm, a, b| ops::binary(vm, BinaryOp::Add, a, b),
        BinaryOp::Sub => |vm, a, b| ops::binary(vm, BinaryOp::Sub, a, b),
        BinaryOp::BitOr => |vm, a, b| Ok(if compare::is_less(vm, a, b)? { b.clone() } else { a.clone() }),
        BinaryOp::BitAnd => |vm, a, b| Ok(if compare::is_less(vm, a, b)? { a.clone() } else { b.clone() }),
        _ => return None,
    };
    Some(combined(vm, combine, x, y))
}

fn combined(
    vm: &mut Vm,
    combine: fn(&mut Vm, &Value, &Value) -> Result<Value, Raise>,
    x: &Arc<Dict>,
    y: &Arc<Dict>,
) -> Result<Value, Raise> {
    let only_y = |key: &Key| x.0.read(|map| !map.contains_key(key));
    let keys_of = |dict: &Dict| dict.0.read(|map| map.keys().cloned().collect::<Vec<Key>>());
    vm.budget.allocate_items(4 * (x.0.read(DictMap::len) + y.0.read(DictMap::len)) as u64)?;
    let mut keys = keys_of(x);
    keys.extend(keys_of(y).into_iter().filter(only_y));
    let mut map = DictMap::default();
    for key in keys {
        let count = combine(vm, &count_of(x, &key), &count_of(y, &key))?;
        let Some(number) = Number::of(&count) else { return Err(wrong(&count, "Counter", "numbers")) };
        if number.float() > 0.0 {
            map.insert(key, count);
        }
    }
    Ok(Value::flavoured(map, Flavour::Counter))
}
