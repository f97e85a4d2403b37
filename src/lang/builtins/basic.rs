//! Built-in functions on single values: `len`, `repr`, `print`, `isinstance`, `getattr`…

use super::args::{int, text};
use super::call_args;
use super::types::is_instance;
use crate::lang::format;
use crate::lang::index;
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, DictMap, Key, Value};
use crate::lang::vm::Vm;

pub(super) static TABLE: &[Builtin] = &[
    Builtin { name: "ascii", call: ascii },
    Builtin { name: "bin", call: |vm, args| in_base(vm, args, "bin", "#b") },
    Builtin { name: "callable", call: callable },
    Builtin { name: "chr", call: chr },
    Builtin { name: "dir", call: dir },
    Builtin { name: "format", call: format_function },
    Builtin { name: "getattr", call: getattr },
    Builtin { name: "globals", call: globals },
    Builtin { name: "locals", call: locals },
    Builtin { name: "hasattr", call: hasattr },
    Builtin { name: "hex", call: |vm, args| in_base(vm, args, "hex", "#x") },
    Builtin { name: "isinstance", call: isinstance },
    Builtin { name: "len", call: len },
    Builtin { name: "oct", call: |vm, args| in_base(vm, args, "oct", "#o") },
    Builtin { name: "ord", call: ord },
    Builtin { name: "print", call: print },
    Builtin { name: "repr", call: repr },
    // As a decorator of a plain function.
    Builtin { name: "staticmethod", call: |_, args| args.one("staticmethod") },
];

fn len(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let length = index::length(&args.one("len")?)?;
    i64::try_from(length).map(Value::Int).map_err(|_| ops::overflow())
}

fn repr(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let value = args.one("repr")?;
    vm.repr(&value).map(Value::from)
}

fn ascii(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    format::ascii(vm, &args.one("ascii")?).map(Value::from)
}

fn chr(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let n = int(&args.one("chr")?, "chr")?;
    let c = u32::try_from(n).ok().and_then(char::from_u32);
    c.map(|c| Value::from(c.to_string()))
        .ok_or_else(|| Raise::value_error(format!("no character has the number {n}")))
}

fn ord(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let value = text(&args.one("ord")?, "ord")?;
    let mut chars = value.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(Value::Int(i64::from(c as u32))),
        _ => Err(Raise::type_error("`ord` needs a single character")),
    }
}

fn in_base(vm: &mut Vm, args: Args, name: &str, spec: &str) -> Result<Value, Raise> {
    let n = int(&args.one(name)?, name)?;
    format::format_value(vm, &Value::Int(n), spec).map(Value::from)
}

fn format_function(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [value, spec] = args.take("format", ["/value", "/format_spec"], 1)?;
    let spec = match &spec {
        Some(spec) => text(spec, "format")?,
        None => "".into(),
    };
    format::format_value(vm, &value.unwrap_or(Value::None), &spec).map(Value::from)
}

fn callable(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    Ok(Value::Bool(args.one("callable")?.is_callable()))
}

fn isinstance(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [value, types] = args.take("isinstance", ["/value", "/types"], 2)?;
    is_instance(&value.unwrap_or(Value::None), &types.unwrap_or(Value::None), 0).map(Value::Bool)
}

fn getattr(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [owner, name, default] = args.take("getattr", ["/object", "/name", "/default"], 2)?;
    let name = text(&name.unwrap_or(Value::None), "getattr")?;
    match (vm.get_attr(&owner.unwrap_or(Value::None), &name), default) {
        (Err(raise), Some(default)) if raise.kind() == Exc::AttributeError => Ok(default),
        (result, _) => result,
    }
}

fn hasattr(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [owner, name] = args.take("hasattr", ["/object", "/name"], 2)?;
    let name = text(&name.unwrap_or(Value::None), "hasattr")?;
    match vm.get_attr(&owner.unwrap_or(Value::None), &name) {
        Ok(_) => Ok(Value::Bool(true)),
        Err(raise) if raise.kind() == Exc::AttributeError => Ok(Value::Bool(false)),
        Err(raise) => Err(raise),
    }
}

fn dir(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let value = args.one("dir")?;
    let mut names: Vec<String> = match &value {
        Value::Object(object) => object.attribute_names().iter().map(ToString::to_string).collect(),
        Value::Module(module) => module.members.keys().map(ToString::to_string).collect(),
        other => crate::lang::methods::names(other.type_of()).map(String::from).collect(),
    };
    names.sort_unstable();
    Ok(Value::list(names.into_iter().map(Value::from).collect()))
}

/// A copy that cannot be changed: setting a global through it would be lost silently.
/// The variables of the function that calls it; at the top level of a file those are the globals.
fn locals(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    match vm.caller.take() {
        None => globals(vm, args),
        Some(variables) => {
            args.none("locals")?;
            vm.budget.allocate_items(2 * variables.len() as u64)?;
            let entries = variables.into_iter().map(|(name, value)| (Key::text(name), value));
            Ok(Value::dict(entries.collect()))
        }
    }
}

fn globals(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    args.none("globals")?;
    let space = vm.space(vm.current_space());
    let map: DictMap = space.iter().map(|(name, value)| (Key::text(name.clone()), value.clone())).collect();
    vm.budget.allocate_items(2 * map.len() as u64)?;
    let copy = Value::dict(map);
    if let Value::Dict(dict) = &copy {
        dict.0.freeze();
    }
    Ok(copy)
}

/// Lines for the log: the library itself writes nothing.
fn print(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let (values, named) = (args.positional, args.named);
    let [separator, end, file, _] =
        Args { positional: Vec::new(), named }.take("print", ["*sep", "*end", "*file", "*flush"], 0)?;
    let separator = match &separator {
        None | Some(Value::None) => " ".into(),
        Some(value) => text(value, "print")?,
    };
    let mut line = String::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            line.push_str(&separator);
        }
        let text = vm.text(value)?;
        vm.budget.allocate((text.len() + separator.len()) as u64)?;
        line.push_str(&text);
    }
    vm.budget.allocate(64)?;
    let end = match &end {
        None | Some(Value::None) => "\n".into(),
        Some(value) => text(value, "print")?,
    };
    match file.filter(|file| !matches!(file, Value::None)) {
        Some(file) if vm.acts.is_some() => {
            let write = vm.get_attr(&file, "write")?;
            vm.call_value(&write, call_args([Value::from(line + &end)]), None)?;
        }
        _ => vm.say(line, &end),
    }
    Ok(Value::None)
}

/// `abs`, kept here for `numbers`.
pub(super) fn number(value: &Value, function: &str) -> Result<Number, Raise> {
    Number::of(value).ok_or_else(|| super::args::wrong(value, function, "a number"))
}

/// Calls a callback with one argument.
pub(super) fn call_one(vm: &mut Vm, function: &Value, value: Value) -> Result<Value, Raise> {
    vm.call_value(function, call_args([value]), None)
}
