//! The module `json`.

use super::ModuleDef;
use crate::lang::builtins::args::{optional_int, text, wrong};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Key, MAX_NESTING, Type, Value};
use crate::lang::vm::Vm;
use crate::model::value::python_float;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "json",
    functions: &[
        Builtin { name: "dumps", call: dumps },
        Builtin { name: "load", call: load },
        Builtin { name: "loads", call: loads },
    ],
    values: || vec![("JSONDecodeError", Value::Type(Type::Exception(Exc::JSONDecodeError)))],
    refused: &[("dump", "evaluating a Rulefile changes no files: write it in the action of a rule")],
};

fn load(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let file = args.one("load")?;
    let read = vm.get_attr(&file, "read")?;
    let content = vm.call_value(&read, Args::default(), None)?;
    parse(vm, &text(&content, "load")?)
}

fn loads(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let source = text(&args.one("loads")?, "loads")?;
    parse(vm, &source)
}

fn parse(vm: &mut Vm, source: &str) -> Result<Value, Raise> {
    // `[1,1,1` needs some 30 bytes of memory per byte of text.
    vm.budget.allocate((source.len() as u64).saturating_mul(32))?;
    let parsed: serde_json::Value = serde_json::from_str(source)
        .map_err(|error| Raise::new(Exc::JSONDecodeError, format!("this is not JSON: {error}")))?;
    from_json(parsed)
}

/// Nesting is limited by the parser.
fn from_json(value: serde_json::Value) -> Result<Value, Raise> {
    use serde_json::Value as Json;
    Ok(match value {
        Json::Null => Value::None,
        Json::Bool(b) => Value::Bool(b),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(n), _) => Value::Int(n),
            (None, Some(x)) if n.is_f64() => Value::Float(x),
            _ => {
                return Err(Raise::new(
                    Exc::OverflowError,
                    format!("`{n}` is too large: Rulefiles have 64 bits"),
                ));
            }
        },
        Json::String(text) => Value::from(text),
        Json::Array(items) => Value::list(items.into_iter().map(from_json).collect::<Result<_, _>>()?),
        Json::Object(map) => {
            let pairs = map.into_iter().map(|(key, value)| Ok((Key::text(key), from_json(value)?)));
            Value::dict(pairs.collect::<Result<_, Raise>>()?)
        }
    })
}

fn dumps(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [value, indent, sort, ascii] =
        args.take("dumps", ["obj", "*indent", "*sort_keys", "*ensure_ascii"], 1)?;
    let indent = optional_int(indent.as_ref(), "dumps")?.map(|n| usize::try_from(n).unwrap_or(0).min(64));
    let style =
        Style { indent, sort: sort.is_some_and(|v| v.truth()), ascii: ascii.is_none_or(|v| v.truth()) };
    let mut out = String::new();
    write(vm, &style, &value.unwrap_or(Value::None), 0, &mut out)?;
    vm.budget.allocate(out.len() as u64)?;
    Ok(Value::from(out))
}

struct Style {
    indent: Option<usize>,
    sort: bool,
    ascii: bool,
}

impl Style {
    fn line(&self, depth: usize, out: &mut String) {
        if let Some(width) = self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
        }
    }

    fn comma(&self, first: bool, out: &mut String) {
        if !first {
            out.push_str(if self.indent.is_some() { "," } else { ", " });
        }
    }
}

fn write(vm: &mut Vm, style: &Style, value: &Value, depth: usize, out: &mut String) -> Result<(), Raise> {
    if depth > MAX_NESTING {
        return Err(Raise::value_error("value is nested too deeply for JSON"));
    }
    vm.budget.spend(1)?;
    vm.budget.allocate(16)?;
    match value {
        Value::None => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::Float(x) if x.is_nan() => out.push_str("NaN"),
        Value::Float(x) if x.is_infinite() => out.push_str(if *x > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Float(x) => out.push_str(&python_float(*x)),
        Value::Str(text) => json_quote(text, style.ascii, out),
        Value::List(_) | Value::Tuple(_) => {
            let items = vm.collect(value)?;
            if items.is_empty() {
                out.push_str("[]");
                return Ok(());
            }
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                style.comma(i == 0, out);
                style.line(depth + 1, out);
                write(vm, style, item, depth + 1, out)?;
            }
            style.line(depth, out);
            out.push(']');
        }
        Value::Dict(_) => write_dict(vm, style, value, depth, out)?,
        other => return Err(wrong(other, "dumps", "plain values")),
    }
    Ok(())
}

fn write_dict(
    vm: &mut Vm,
    style: &Style,
    value: &Value,
    depth: usize,
    out: &mut String,
) -> Result<(), Raise> {
    let mut pairs: Vec<(String, Value)> = Vec::new();
    for (key, value) in vm.pairs(value)? {
        let name = match key.get() {
            Value::Str(text) => text.to_string(),
            Value::None => "null".to_string(),
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Float(x) => python_float(*x),
            other => return Err(wrong(other, "dumps", "keys that are texts or numbers")),
        };
        pairs.push((name, value));
    }
    if style.sort {
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
    }
    if pairs.is_empty() {
        out.push_str("{}");
        return Ok(());
    }
    out.push('{');
    for (i, (name, value)) in pairs.iter().enumerate() {
        style.comma(i == 0, out);
        style.line(depth + 1, out);
        json_quote(name, style.ascii, out);
        out.push_str(": ");
        write(vm, style, value, depth + 1, out)?;
    }
    style.line(depth, out);
    out.push('}');
    Ok(())
}

fn json_quote(text: &str, ascii: bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || (ascii && !c.is_ascii()) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
