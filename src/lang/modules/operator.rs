//! The module `operator`: operators as functions, and functions that take something of a value.

use super::ModuleDef;
use crate::lang::builtins::args::text;
use crate::lang::compare;
use crate::lang::index;
use crate::lang::object::Object;
use crate::lang::ops;
use crate::lang::raise::Raise;
use crate::lang::teardown::Held;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::{BinaryOp, CompareOp, UnaryOp};
use std::sync::Arc;

macro_rules! operators {
    ($($name:literal $op:ident)*; $($comparison:literal $cmp:ident)*; $($single:literal $un:ident)*) => {
        &[
            $(Builtin { name: $name, call: |vm, args| binary(vm, args, $name, BinaryOp::$op) },)*
            $(Builtin { name: $comparison, call: |vm, args| compared(vm, args, $comparison, CompareOp::$cmp) },)*
            $(Builtin { name: $single, call: |vm, args| ops::unary(vm, UnaryOp::$un, &args.one($single)?) },)*
            Builtin { name: "abs", call: |vm, args| crate::lang::builtins::abs(vm, args) },
            Builtin { name: "attrgetter", call: |_, args| getter(args, Kind::Attributes) },
            Builtin { name: "contains", call: contains },
            Builtin { name: "countOf", call: count_of },
            Builtin { name: "getitem", call: getitem },
            Builtin { name: "itemgetter", call: |_, args| getter(args, Kind::Items) },
            Builtin { name: "methodcaller", call: |_, args| getter(args, Kind::Method) },
            Builtin { name: "truth", call: |_, args| Ok(Value::Bool(args.one("truth")?.truth())) },
        ]
    };
}

const FUNCTIONS: &[Builtin] = operators! {
    "add" Add "and_" BitAnd "concat" Add "floordiv" FloorDiv "lshift" ShiftLeft "mod" Mod "mul" Mul "or_" BitOr
    "pow" Pow "rshift" ShiftRight "sub" Sub "truediv" Div "xor" BitXor;
    "eq" Eq "ge" Ge "gt" Gt "is_" Is "is_not" IsNot "le" Le "lt" Lt "ne" Ne;
    "inv" Invert "invert" Invert "neg" Neg "not_" Not "pos" Pos
};

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "operator",
    functions: FUNCTIONS,
    values: super::no_values,
    refused: &[("setitem", "write `x[key] = value`"), ("delitem", "write `del x[key]`")],
};

fn pair(args: Args, name: &str) -> Result<(Value, Value), Raise> {
    let [a, b] = args.take(name, ["/a", "/b"], 2)?;
    Ok((a.unwrap_or(Value::None), b.unwrap_or(Value::None)))
}

fn binary(vm: &mut Vm, args: Args, name: &str, op: BinaryOp) -> Result<Value, Raise> {
    let (a, b) = pair(args, name)?;
    ops::binary(vm, op, &a, &b)
}

fn compared(vm: &mut Vm, args: Args, name: &str, op: CompareOp) -> Result<Value, Raise> {
    let (a, b) = pair(args, name)?;
    compare::compare(vm, op, &a, &b)
}

fn contains(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let (container, item) = pair(args, "contains")?;
    compare::contains(vm, &container, &item).map(Value::Bool)
}

fn count_of(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let (container, item) = pair(args, "countOf")?;
    let mut count = 0;
    for element in vm.collect(&container)? {
        count += i64::from(element.is_same(&item) || compare::equal_paid(vm, &element, &item)?);
    }
    Ok(Value::Int(count))
}

fn getitem(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let (container, key) = pair(args, "getitem")?;
    index::get_item(vm, &container, &key)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// `itemgetter("a", 0)`
    Items,
    /// `attrgetter("a.b")`
    Attributes,
    /// `methodcaller("split", ",")`
    Method,
}

/// A function that takes something of the value that it is called with.
#[derive(Debug)]
struct Getter {
    kind: Kind,
    what: Held,
    named: Vec<(Arc<str>, Value)>,
}

fn getter(args: Args, kind: Kind) -> Result<Value, Raise> {
    if args.positional.is_empty() {
        return Err(Raise::type_error("a getter needs at least one argument"));
    }
    if kind != Kind::Method && !args.named.is_empty() {
        return Err(Raise::type_error("a getter takes no named arguments"));
    }
    if kind == Kind::Attributes {
        for name in &args.positional {
            text(name, "attrgetter")?;
        }
    }
    Ok(Value::object(Getter { kind, what: Held(args.positional), named: args.named }))
}

impl Getter {
    fn one(&self, vm: &mut Vm, value: &Value, what: &Value) -> Result<Value, Raise> {
        if self.kind == Kind::Items {
            return index::get_item(vm, value, what);
        }
        let mut value = value.clone();
        for name in text(what, "attrgetter")?.split('.') {
            value = vm.get_attr(&value, name)?;
        }
        Ok(value)
    }
}

impl Object for Getter {
    fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Items => "operator.itemgetter",
            Kind::Attributes => "operator.attrgetter",
            Kind::Method => "operator.methodcaller",
        }
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let value = args.one(self.type_name())?;
        match self.what.0.as_slice() {
            [name, rest @ ..] if self.kind == Kind::Method => {
                let method = vm.get_attr(&value, &text(name, "methodcaller")?)?;
                vm.call_value(&method, Args { positional: rest.to_vec(), named: self.named.clone() }, None)
            }
            [what] => self.one(vm, &value, what),
            many => {
                let parts: Result<Vec<Value>, Raise> =
                    many.iter().map(|what| self.one(vm, &value, what)).collect();
                Ok(Value::tuple(parts?))
            }
        }
    }

    fn inner(&self) -> Vec<Value> {
        self.what.0.iter().cloned().chain(self.named.iter().map(|(_, value)| value.clone())).collect()
    }

    fn release(&mut self) -> Vec<Value> {
        let named = std::mem::take(&mut self.named).into_iter().map(|(_, value)| value);
        std::mem::take(&mut self.what.0).into_iter().chain(named).collect()
    }
}
