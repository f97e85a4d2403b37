//! `deque`, on a list: queues in Rulefiles are short.

use super::{HostType, empty};
use crate::lang::builtins::args::{int, optional_int, wrong};
use crate::lang::index;
use crate::lang::methods;
use crate::lang::object::Object;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, List, Method, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static DEQUE: HostType = HostType {
    name: "collections.deque",
    construct: make,
    methods: &[
        Method { name: "append", call: |vm, me, args| add(vm, me, args, true) },
        Method { name: "appendleft", call: |vm, me, args| add(vm, me, args, false) },
        Method { name: "clear", call: |vm, me, args| as_list(vm, me, args, "clear") },
        Method { name: "copy", call: copy },
        Method { name: "count", call: |vm, me, args| as_list(vm, me, args, "count") },
        Method { name: "extend", call: |vm, me, args| extend(vm, me, args, true) },
        Method { name: "extendleft", call: |vm, me, args| extend(vm, me, args, false) },
        Method { name: "index", call: |vm, me, args| as_list(vm, me, args, "index") },
        Method { name: "insert", call: |vm, me, args| as_list(vm, me, args, "insert") },
        Method { name: "pop", call: |vm, me, args| pop(vm, me, args, true) },
        Method { name: "popleft", call: |vm, me, args| pop(vm, me, args, false) },
        Method { name: "remove", call: |vm, me, args| as_list(vm, me, args, "remove") },
        Method { name: "reverse", call: |vm, me, args| as_list(vm, me, args, "reverse") },
        Method { name: "rotate", call: rotate },
    ],
    ..HostType::PLAIN
};

struct Deque {
    list: Arc<List>,
    most: Option<usize>,
}

impl std::fmt::Debug for Deque {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Deque({})", self.list.0.read(Vec::len))
    }
}

impl Deque {
    fn list(&self) -> Value {
        Value::List(self.list.clone())
    }

    /// Adds values at one end and drops what is too much at the other.
    fn put(&self, vm: &mut Vm, values: Vec<Value>, right: bool) -> Result<(), Raise> {
        let len = self.list.0.read(Vec::len);
        vm.budget.allocate_items(values.len() as u64)?;
        vm.budget.spend((len + values.len()) as u64 / 64)?;
        let most = self.most.unwrap_or(usize::MAX);
        let dropped = self.list.0.write(|items| {
            if right {
                items.extend(values);
                let excess = items.len().saturating_sub(most);
                items.drain(..excess).collect::<Vec<_>>()
            } else {
                items.splice(0..0, values.into_iter().rev());
                items.split_off(items.len().min(most))
            }
        })?;
        drop(dropped);
        Ok(())
    }
}

impl Object for Deque {
    fn type_name(&self) -> &'static str {
        DEQUE.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&DEQUE)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let most = self.most.map_or(Value::None, |most| Value::Int(most as i64));
        Ok((name == "maxlen").then_some(most))
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        index::get_item(vm, &self.list(), key)
    }

    fn set(&self, vm: &mut Vm, key: &Value, value: Value) -> Result<(), Raise> {
        index::set_item(vm, &self.list(), key, value)
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.list.0.read(Vec::clone))
    }

    fn truth(&self) -> bool {
        self.list.0.read(|items| !items.is_empty())
    }

    fn shape(&self) -> Option<(String, Value, String)> {
        let end = self.most.map_or(")".into(), |most| format!(", maxlen={most})"));
        Some(("deque(".into(), self.list(), end))
    }

    fn stand_in(&self) -> Option<Value> {
        Some(self.list())
    }

    fn inner(&self) -> Vec<Value> {
        vec![self.list()]
    }

    fn release(&mut self) -> Vec<Value> {
        vec![self.list()]
    }
}

fn make(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, most] = args.take("deque", ["iterable", "maxlen"], 0)?;
    let most = match optional_int(most.as_ref(), "deque")? {
        Some(n) => Some(usize::try_from(n).map_err(|_| Raise::value_error("`maxlen` cannot be negative"))?),
        None => None,
    };
    let items = match &source {
        Some(source) => vm.collect(source)?,
        None => Vec::new(),
    };
    let Value::List(list) = Value::list(Vec::new()) else { return Ok(Value::None) };
    let deque = Deque { list, most };
    deque.put(vm, items, true)?;
    Ok(Value::object(deque))
}

fn this(me: &Value) -> Result<&Deque, Raise> {
    me.downcast::<Deque>().ok_or_else(|| wrong(me, "deque", "a deque"))
}

/// What a deque does as a list does it.
fn as_list(vm: &mut Vm, me: &Value, args: Args, name: &str) -> Result<Value, Raise> {
    let list = this(me)?.list();
    match methods::find(Type::List, name) {
        Some(method) => (method.call)(vm, &list, args),
        None => Ok(Value::None),
    }
}

fn add(vm: &mut Vm, me: &Value, args: Args, right: bool) -> Result<Value, Raise> {
    let value = args.one("append")?;
    this(me)?.put(vm, vec![value], right)?;
    Ok(Value::None)
}

fn extend(vm: &mut Vm, me: &Value, args: Args, right: bool) -> Result<Value, Raise> {
    let values = vm.collect(&args.one("extend")?)?;
    this(me)?.put(vm, values, right)?;
    Ok(Value::None)
}

fn pop(vm: &mut Vm, me: &Value, args: Args, right: bool) -> Result<Value, Raise> {
    args.none("pop")?;
    let list = &this(me)?.list;
    vm.budget.spend(list.0.read(Vec::len) as u64 / 64)?;
    let popped = list.0.write(|items| match (right, items.is_empty()) {
        (_, true) => None,
        (true, _) => items.pop(),
        (false, _) => Some(items.remove(0)),
    })?;
    popped.ok_or_else(|| empty("deque"))
}

fn copy(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("copy")?;
    let deque = this(me)?;
    let items = vm.collect(&deque.list())?;
    let Value::List(list) = Value::list(items) else { return Ok(Value::None) };
    Ok(Value::object(Deque { list, most: deque.most }))
}

fn rotate(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [steps] = args.take("rotate", ["/n"], 0)?;
    let steps = int(&steps.unwrap_or(Value::Int(1)), "rotate")?;
    let list = &this(me)?.list;
    let len = list.0.read(Vec::len);
    vm.budget.spend(len as u64 / 64)?;
    if len > 0 {
        let steps = steps.rem_euclid(len as i64) as usize;
        list.0.write(|items| items.rotate_right(steps))?;
    }
    Ok(Value::None)
}
