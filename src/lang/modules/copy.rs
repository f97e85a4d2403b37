//! The module `copy`.

use super::ModuleDef;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, DictMap, Key, MAX_NESTING, SetItems, Tuple, Value};
use crate::lang::vm::Vm;
use rustc_hash::FxHashMap;
use std::sync::Arc;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "copy",
    functions: &[Builtin { name: "copy", call: copy }, Builtin { name: "deepcopy", call: deepcopy }],
    values: super::no_values,
    refused: &[],
};

fn copy(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let value = args.one("copy")?;
    let method = match &value {
        Value::List(_) | Value::Dict(_) | Value::Set(_) => true,
        Value::Object(object) => {
            object.host_type().is_some_and(|host| host.methods.iter().any(|m| m.name == "copy"))
        }
        _ => false,
    };
    if !method {
        return Ok(value);
    }
    let method = vm.get_attr(&value, "copy")?;
    vm.call_value(&method, Args::default(), None)
}

fn deepcopy(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [value, _] = args.take("deepcopy", ["x", "memo"], 1)?;
    deep(vm, &value.unwrap_or(Value::None), 0, &mut FxHashMap::default())
}

type Known = FxHashMap<usize, Value>;

/// A copy that shares nothing that can change; what occurs twice, occurs twice in the copy.
fn deep(vm: &mut Vm, value: &Value, depth: usize, known: &mut Known) -> Result<Value, Raise> {
    if depth > MAX_NESTING {
        return Err(Raise::new(Exc::RecursionError, "value is nested too deeply to copy"));
    }
    vm.budget.spend(1)?;
    let Some(at) = value.address() else { return Ok(value.clone()) };
    if let Some(copy) = known.get(&at) {
        return Ok(copy.clone());
    }
    match value {
        Value::List(_) => {
            let copy = Value::list(Vec::new());
            // Known before its elements are: it may hold itself.
            known.insert(at, copy.clone());
            for item in vm.collect(value)? {
                let item = deep(vm, &item, depth + 1, known)?;
                if let Value::List(list) = &copy {
                    list.0.write(|items| items.push(item))?;
                }
            }
            Ok(copy)
        }
        Value::Dict(dict) => {
            let copy = Value::flavoured(DictMap::default(), dict.1.clone());
            known.insert(at, copy.clone());
            for (key, item) in vm.pairs(value)? {
                let key = Key::new(deep(vm, key.get(), depth + 1, known)?)?;
                let item = deep(vm, &item, depth + 1, known)?;
                if let Value::Dict(dict) = &copy {
                    dict.0.write(|map| map.insert(key, item)).map(drop)?;
                }
            }
            Ok(copy)
        }
        Value::Set(set) => {
            let items = vm.collect(value)?.into_iter().map(Key::new).collect::<Result<SetItems, Raise>>()?;
            Ok(if set.immutable { Value::frozenset(items) } else { Value::set(items) })
        }
        Value::Tuple(tuple) => {
            vm.budget.allocate_items(tuple.0.len() as u64)?;
            let items: Result<Vec<Value>, Raise> =
                tuple.0.iter().map(|item| deep(vm, item, depth + 1, known)).collect();
            Ok(Value::Tuple(Arc::new(Tuple(items?, tuple.1.clone()))))
        }
        Value::Object(_) => copy(vm, Args::positional(vec![value.clone()])),
        other => Ok(other.clone()),
    }
}
