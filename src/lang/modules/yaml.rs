//! The module `yaml`, with the rules of config files: YAML 1.1 as PyYAML reads it, except that dates stay texts
//! and a key that is there twice is an error.

use super::ModuleDef;
use crate::lang::builtins::args::{text, wrong};
use crate::lang::config::{self, plain_scalar};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, MAX_NESTING, Type, Value};
use crate::lang::vm::Vm;
use crate::model::value::python_float;
use std::sync::Arc;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "yaml",
    functions: &[
        Builtin { name: "dump", call: dump },
        Builtin { name: "full_load", call: load },
        Builtin { name: "load", call: load },
        Builtin { name: "safe_dump", call: dump },
        Builtin { name: "safe_load", call: load },
    ],
    values: || {
        let loaders = ["BaseLoader", "CLoader", "CSafeLoader", "FullLoader", "Loader", "SafeLoader"];
        let dumpers = ["CDumper", "CSafeDumper", "Dumper", "SafeDumper"];
        let names = loaders.into_iter().chain(dumpers).map(|name| (name, Value::from(name)));
        let error = Value::Type(Type::Exception(Exc::YAMLError));
        names.chain([("YAMLError", error.clone()), ("scanner", error)]).collect()
    },
    refused: &[
        ("dump_all", "dump the documents one by one"),
        ("load_all", "keep one document in a file"),
        ("safe_load_all", "keep one document in a file"),
        ("unsafe_load", "use `yaml.safe_load`"),
    ],
};

/// A text or an open file.
fn load(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [stream, _] = args.take("load", ["stream", "Loader"], 1)?;
    let stream = stream.unwrap_or(Value::None);
    let whole = match &stream {
        Value::Object(object) if object.is_iterator() => {
            let read = vm.get_attr(&stream, "read")?;
            text(&vm.call_value(&read, Args::default(), None)?, "load")?
        }
        other => text(other, "load")
            .map_err(|raise| raise.help("give the text or the open file: `yaml.safe_load(open(path))`"))?,
    };
    vm.budget.allocate((whole.len() as u64).saturating_mul(32))?;
    config::yaml_value(&whole).map_err(|message| Raise::new(Exc::YAMLError, message))
}

struct Style {
    sort: bool,
    flow: bool,
    unicode: bool,
}

/// What is dumped is not broken into lines: it is YAML for programs.
fn dump(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let names = [
        "data",
        "stream",
        "*Dumper",
        "*default_flow_style",
        "*sort_keys",
        "*allow_unicode",
        "*indent",
        "*width",
        "*default_style",
        "*encoding",
        "*explicit_start",
    ];
    let [data, stream, _, flow, sort, unicode, ..] = args.take("dump", names, 1)?;
    if stream.is_some_and(|stream| !matches!(stream, Value::None)) {
        return Err(Raise::unsupported(
            "evaluating a Rulefile changes no files",
            "write files in the actions of a rule",
        ));
    }
    let yes = |value: Option<Value>, default: bool| value.map_or(default, |value| value.truth());
    let style = Style { sort: yes(sort, true), flow: yes(flow, false), unicode: yes(unicode, false) };
    let data = data.unwrap_or(Value::None);
    let mut out = String::new();
    match &data {
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) if !style.flow => {
            block(vm, &style, &data, 0, 0, &mut out)?;
        }
        other => {
            flow_value(vm, &style, other, 0, &mut out)?;
            out.push('\n');
            let plain = !out.starts_with(['[', '{', '\'', '"']);
            out.push_str(if plain { "...\n" } else { "" });
        }
    }
    vm.budget.allocate(out.len() as u64)?;
    Ok(out.into())
}

fn pairs(vm: &mut Vm, style: &Style, value: &Value) -> Result<Vec<(Value, Value)>, Raise> {
    let pairs: Vec<(Value, Value)> =
        vm.pairs(value)?.into_iter().map(|(key, value)| (key.value(), value)).collect();
    if !style.sort {
        return Ok(pairs);
    }
    let rows = pairs.iter().map(|(key, value)| Value::tuple(vec![key.clone(), value.clone()])).collect();
    let first = Value::Builtin(&FIRST);
    // Keys that cannot be compared stay in their order, as PyYAML has it.
    let Ok(sorted) = crate::lang::builtins::sequence::sort(vm, rows, Some(first), false) else {
        return Ok(pairs);
    };
    Ok(sorted
        .iter()
        .filter_map(|row| match row {
            Value::Tuple(row) => Some((row.0.first()?.clone(), row.0.get(1)?.clone())),
            _ => None,
        })
        .collect())
}

static FIRST: Builtin = Builtin {
    name: "first",
    call: |_, args| match args.one("first")? {
        Value::Tuple(row) => Ok(row.0.first().cloned().unwrap_or(Value::None)),
        other => Ok(other),
    },
};

/// Lines of a collection; the first is where the writer stands, the others have the indentation.
fn block(
    vm: &mut Vm,
    style: &Style,
    value: &Value,
    indent: usize,
    depth: usize,
    out: &mut String,
) -> Result<(), Raise> {
    if depth > MAX_NESTING {
        return Err(Raise::new(Exc::RecursionError, "value is nested too deeply for YAML"));
    }
    vm.budget.allocate(64)?;
    let margin = |out: &mut String, first: bool| {
        if !first {
            out.extend(std::iter::repeat_n(' ', indent));
        }
    };
    if matches!(value, Value::Dict(_)) {
        for (i, (key, item)) in pairs(vm, style, value)?.into_iter().enumerate() {
            margin(out, i == 0);
            flow_value(vm, style, &key, depth + 1, out)?;
            out.push(':');
            match is_block(vm, &item)? {
                // A list below a key stands at the key's own indentation.
                Some(false) => {
                    out.push('\n');
                    out.extend(std::iter::repeat_n(' ', indent));
                    block(vm, style, &item, indent, depth + 1, out)?;
                }
                Some(true) => {
                    out.push('\n');
                    out.extend(std::iter::repeat_n(' ', indent + 2));
                    block(vm, style, &item, indent + 2, depth + 1, out)?;
                }
                None => {
                    out.push(' ');
                    flow_value(vm, style, &item, depth + 1, out)?;
                    out.push('\n');
                }
            }
        }
        if out.ends_with('\n') { Ok(()) } else { end_empty(out, "{}\n") }
    } else {
        for (i, item) in vm.collect(value)?.into_iter().enumerate() {
            margin(out, i == 0);
            out.push_str("- ");
            match is_block(vm, &item)? {
                Some(_) => block(vm, style, &item, indent + 2, depth + 1, out)?,
                None => {
                    flow_value(vm, style, &item, depth + 1, out)?;
                    out.push('\n');
                }
            }
        }
        if out.ends_with('\n') { Ok(()) } else { end_empty(out, "[]\n") }
    }
}

fn end_empty(out: &mut String, text: &str) -> Result<(), Raise> {
    out.push_str(text);
    Ok(())
}

/// Whether it takes lines of its own, and then whether it is a mapping.
fn is_block(vm: &mut Vm, value: &Value) -> Result<Option<bool>, Raise> {
    Ok(match value {
        Value::Dict(dict) => (!dict.0.read(|map| map.is_empty())).then_some(true),
        Value::List(_) | Value::Tuple(_) | Value::Set(_) => (!vm.collect(value)?.is_empty()).then_some(false),
        _ => None,
    })
}

fn flow_value(
    vm: &mut Vm,
    style: &Style,
    value: &Value,
    depth: usize,
    out: &mut String,
) -> Result<(), Raise> {
    if depth > MAX_NESTING {
        return Err(Raise::new(Exc::RecursionError, "value is nested too deeply for YAML"));
    }
    vm.budget.spend(1)?;
    vm.budget.allocate(32)?;
    match value {
        Value::None => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::Float(x) => out.push_str(&float(*x)),
        Value::Str(text) => scalar(style, text, out),
        Value::Dict(_) => {
            out.push('{');
            for (i, (key, item)) in pairs(vm, style, value)?.into_iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                flow_value(vm, style, &key, depth + 1, out)?;
                out.push_str(": ");
                flow_value(vm, style, &item, depth + 1, out)?;
            }
            out.push('}');
        }
        Value::List(_) | Value::Tuple(_) | Value::Set(_) => {
            out.push('[');
            for (i, item) in vm.collect(value)?.into_iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                flow_value(vm, style, &item, depth + 1, out)?;
            }
            out.push(']');
        }
        Value::Object(object) if matches!(object.stand_in(), Some(Value::Str(_))) => {
            let text: Arc<str> = value.display();
            scalar(style, &text, out);
        }
        other => return Err(wrong(other, "dump", "plain values")),
    }
    Ok(())
}

fn float(x: f64) -> String {
    if x.is_nan() {
        return ".nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let text = python_float(x);
    // YAML 1.1 wants a point before the exponent.
    match text.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => text,
    }
}

/// A text, in quotes where it would be read as something else.
fn scalar(style: &Style, text: &str, out: &mut String) {
    let special =
        |c: char| !((' '..='~').contains(&c) || (style.unicode && !c.is_control() && c as u32 >= 0xa0));
    if text.chars().any(special) {
        double_quoted(text, special, out);
    } else if is_plain(text) {
        out.push_str(text);
    } else {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    }
}

fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let is_text =
        matches!(plain_scalar(text), Value::Str(_)) && !is_date(text) && !matches!(text, "=" | "<<");
    let after = text[first.len_utf8()..].chars().next();
    let spaced = after.is_none_or(|c| c == ' ');
    let starts = "#,[]{}&*!|>'\"%@`".contains(first)
        || ("?:-".contains(first) && spaced)
        || text.starts_with("---")
        || text.starts_with("...");
    let inside = text.contains(": ")
        || text.ends_with(':')
        || text.contains(" #")
        || text.starts_with(' ')
        || text.ends_with(' ');
    is_text && !starts && !inside
}

/// `2024-01-31` and with a time behind: PyYAML reads a date.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits =
        |from: usize, to: usize| bytes.get(from..to).is_some_and(|b| b.iter().all(u8::is_ascii_digit));
    let is = |at: usize, wanted: u8| bytes.get(at) == Some(&wanted);
    digits(0, 4)
        && is(4, b'-')
        && (digits(5, 7) || digits(5, 6))
        && text[5..].contains('-')
        && text.chars().all(|c| c.is_ascii_digit() || "-:.TtZz+ ".contains(c))
}

fn double_quoted(text: &str, special: impl Fn(char) -> bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            c if special(c) => out.push_str(&match c as u32 {
                code @ 0..=0xff => format!("\\x{code:02X}"),
                code @ 0x100..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            }),
            c => out.push(c),
        }
    }
    out.push('"');
}
