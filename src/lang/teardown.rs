//! Dropping values without recursion: a chain of a million nested lists must not overflow the stack.
//!
//! Whatever a container holds is moved into a queue, and only what nobody else holds is opened.

use crate::lang::value::{Cell, Dict, Exception, Flavour, Function, Iter, List, Set, Tuple, Value};
use std::sync::Arc;

impl Drop for List {
    fn drop(&mut self) {
        dismantle(self.0.take());
    }
}

impl Drop for Tuple {
    fn drop(&mut self) {
        dismantle(self.parts());
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        dismantle(self.parts());
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        dismantle(self.parts());
    }
}

impl Drop for Iter {
    fn drop(&mut self) {
        dismantle(self.rest.take().into_held());
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        dismantle(self.0.take().into_iter().collect());
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        dismantle(self.parts());
    }
}

impl Drop for Exception {
    fn drop(&mut self) {
        dismantle(std::mem::take(&mut self.args));
    }
}

impl Dict {
    fn parts(&mut self) -> Vec<Value> {
        let flavour = std::mem::replace(&mut self.1, Flavour::Plain);
        let factory = if let Flavour::Default(function) = flavour { Some(function) } else { None };
        let entries = self.0.take().into_iter().flat_map(|(key, value)| [key.0, value]);
        entries.chain(factory).filter(holds_others).collect()
    }
}

impl Tuple {
    fn parts(&mut self) -> Vec<Value> {
        let mut parts = std::mem::take(&mut self.0);
        if let Some(mut record) = self.1.take().and_then(Arc::into_inner) {
            parts.append(&mut record.defaults.0);
            parts.extend(record.more.into_iter().map(|(_, value)| value));
        }
        parts
    }
}

impl Set {
    fn parts(&mut self) -> Vec<Value> {
        self.items.take().into_iter().map(|key| key.0).filter(holds_others).collect()
    }
}

impl Function {
    fn parts(&mut self) -> Vec<Value> {
        let mut parts: Vec<Value> = std::mem::take(&mut self.defaults).into_iter().flatten().collect();
        for cell in std::mem::take(&mut self.captured).into_iter().flatten() {
            parts.extend(Arc::into_inner(cell).and_then(|mut cell| cell.0.take()));
        }
        parts
    }
}

/// Values that an object holds: dropped without recursion.
#[derive(Debug)]
pub(crate) struct Held(pub(crate) Vec<Value>);

impl Drop for Held {
    fn drop(&mut self) {
        dismantle(std::mem::take(&mut self.0));
    }
}

pub(crate) fn dismantle(mut queue: Vec<Value>) {
    if !queue.iter().any(holds_others) {
        return;
    }
    while let Some(value) = queue.pop() {
        match value {
            Value::List(list) => {
                queue.extend(Arc::into_inner(list).map(|mut list| list.0.take()).unwrap_or_default());
            }
            Value::Tuple(tuple) => {
                let parts = Arc::into_inner(tuple).map(|mut tuple| tuple.parts());
                queue.extend(parts.unwrap_or_default());
            }
            Value::Dict(dict) => {
                queue.extend(Arc::into_inner(dict).map(|mut dict| dict.parts()).unwrap_or_default());
            }
            Value::Set(set) => {
                queue.extend(Arc::into_inner(set).map(|mut set| set.parts()).unwrap_or_default());
            }
            Value::Iter(iter) => {
                let rest = Arc::into_inner(iter).map(|mut iter| iter.rest.take());
                queue.extend(rest.unwrap_or_default().into_held());
            }
            Value::Function(function) => {
                let parts = Arc::into_inner(function).map(|mut function| function.parts());
                queue.extend(parts.unwrap_or_default());
            }
            Value::Exception(exception) => {
                let parts = Arc::into_inner(exception).map(|mut e| std::mem::take(&mut e.args));
                queue.extend(parts.unwrap_or_default());
            }
            Value::Method(method) => queue.extend(Arc::into_inner(method).and_then(|m| m.receiver)),
            Value::Object(mut object) => {
                queue.extend(Arc::get_mut(&mut object).map(|object| object.release()).unwrap_or_default());
            }
            Value::View(view) => queue.extend(Arc::into_inner(view).map(|view| Value::Dict(view.dict))),
            _ => {}
        }
    }
}

fn holds_others(value: &Value) -> bool {
    matches!(
        value,
        Value::List(_)
            | Value::Tuple(_)
            | Value::Dict(_)
            | Value::Set(_)
            | Value::Iter(_)
            | Value::Function(_)
            | Value::Exception(_)
            | Value::Method(_)
            | Value::View(_)
            | Value::Object(_)
    )
}
