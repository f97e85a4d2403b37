//! Types as functions: `int("3")`, `list(x)`, `ValueError("...")`; and `isinstance`.

use super::args::{int, wrong};
use super::flags::Flagged;
use crate::lang::methods::containers::{as_items, entries};
use crate::lang::modules::collections;
use crate::lang::ops;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, DictMap, Exception, HostType, Key, Range, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// Types with a name in the language.
pub(super) const NAMED: &[Type] = &[
    Type::Bool,
    Type::Int,
    Type::Float,
    Type::Str,
    Type::List,
    Type::Tuple,
    Type::Dict,
    Type::Set,
    Type::FrozenSet,
    Type::Range,
    Type::Class,
    Type::Object,
];

/// `of(...)`
pub(crate) fn construct(vm: &mut Vm, of: Type, args: Args) -> Result<Value, Raise> {
    match of {
        Type::Bool => {
            let [value] = args.take("bool", ["/value"], 0)?;
            match value {
                Some(value) => value.condition().map(Value::Bool),
                None => Ok(Value::Bool(false)),
            }
        }
        Type::Int => to_int(args),
        Type::Float => to_float(args),
        Type::Str => to_str(vm, args),
        Type::List => elements(vm, args, "list").map(Value::list),
        Type::Tuple => to_tuple(vm, args),
        Type::Dict => to_dict(vm, args),
        Type::Set | Type::FrozenSet => {
            let [source] = args.take(of.name(), ["/iterable"], 0)?;
            let items = match &source {
                Some(source) => as_items(vm, source)?,
                None => Default::default(),
            };
            Ok(if of == Type::Set { Value::set(items) } else { Value::frozenset(items) })
        }
        Type::Range => to_range(args),
        Type::Class => {
            let value = args.one("type")?;
            Ok(collections::record_type(&value).unwrap_or_else(|| Value::Type(value.type_of())))
        }
        Type::Exception(kind) => {
            let args = args.all_positional(kind.name())?;
            Ok(Value::Exception(Arc::new(Exception { kind, args })))
        }
        Type::Host(host) => (host.construct)(vm, args),
        other => Err(Raise::type_error(format!("cannot make a `{}`", other.name()))),
    }
}

fn elements(vm: &mut Vm, args: Args, name: &str) -> Result<Vec<Value>, Raise> {
    let [source] = args.take(name, ["/iterable"], 0)?;
    match &source {
        Some(source) => vm.collect(source),
        None => Ok(Vec::new()),
    }
}

fn to_tuple(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    if let [value @ Value::Tuple(tuple)] = args.positional.as_slice()
        && tuple.1.is_none()
    {
        return Ok(value.clone());
    }
    elements(vm, args, "tuple").map(Value::tuple)
}

fn to_dict(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    if args.positional.len() > 1 {
        return Err(Raise::type_error("`dict` takes at most one argument by position"));
    }
    let mut map: DictMap = match args.positional.first() {
        Some(source) => entries(vm, source)?.into_iter().collect(),
        None => DictMap::default(),
    };
    map.extend(args.named.into_iter().map(|(name, value)| (Key::text(name), value)));
    vm.budget.allocate_items(2 * map.len() as u64)?;
    Ok(Value::dict(map))
}

fn to_str(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [value] = args.take("str", ["object"], 0)?;
    match &value {
        Some(value) => vm.text(value).map(Value::Str),
        None => Ok(Value::from("")),
    }
}

fn to_range(args: Args) -> Result<Value, Raise> {
    let numbers = args.all_positional("range")?;
    let numbers: Vec<i64> = numbers.iter().map(|n| int(n, "range")).collect::<Result<_, _>>()?;
    let (start, stop, step) = match numbers.as_slice() {
        [stop] => (0, *stop, 1),
        [start, stop] => (*start, *stop, 1),
        [start, stop, step] => (*start, *stop, *step),
        _ => return Err(Raise::type_error("`range` takes 1 to 3 arguments")),
    };
    if step == 0 {
        return Err(Raise::value_error("`range` with step 0"));
    }
    Ok(Value::Range(Arc::new(Range { start, stop, step })))
}

fn to_int(args: Args) -> Result<Value, Raise> {
    let [value, base] = args.take("int", ["/value", "base"], 0)?;
    let base = match &base {
        Some(base) => Some(int(base, "int")?),
        None => None,
    };
    match (value, base) {
        (None, None) => Ok(Value::Int(0)),
        (Some(Value::Str(text)), base) => parse_int(&text, base.unwrap_or(10)).map(Value::Int),
        (_, Some(_)) => Err(Raise::type_error("`int` with a base needs a text")),
        (Some(Value::Float(x)), None) => {
            if x.is_nan() {
                return Err(Raise::value_error("nan is not a whole number"));
            }
            let too_large = || Raise::new(Exc::OverflowError, "the float is too large for a whole number");
            ops::float_to_int(x.trunc()).map(Value::Int).ok_or_else(too_large)
        }
        (Some(other), None) => int(&other, "int").map(Value::Int),
    }
}

fn parse_int(text: &str, base: i64) -> Result<i64, Raise> {
    if base != 0 && !(2..=36).contains(&base) {
        return Err(Raise::value_error("the base of `int` is 0 or 2 to 36"));
    }
    let invalid = || Raise::value_error(format!("`{text}` is not a whole number in base {base}"));
    let trimmed = text.trim();
    let (negative, body) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let lower = body.to_ascii_lowercase();
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| lower.strip_prefix(prefix).map(|rest| (rest, radix)))
        .filter(|(_, radix)| base == 0 || base == i64::from(*radix));
    let (digits, radix) = match prefixed {
        // An underscore may follow the prefix.
        Some((rest, radix)) => (rest.strip_prefix('_').unwrap_or(rest), radix),
        None if base == 0 => {
            if lower.len() > 1 && lower.starts_with('0') && lower.chars().any(|c| c != '0' && c != '_') {
                return Err(invalid());
            }
            (lower.as_str(), 10)
        }
        None => (lower.as_str(), base as u32),
    };
    let misplaced = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if digits.is_empty() || misplaced {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    for c in digits.chars().filter(|c| *c != '_') {
        let digit = c.to_digit(radix).ok_or_else(invalid)?;
        total = total.saturating_mul(i128::from(radix)).saturating_add(i128::from(digit));
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| ops::overflow())
}

fn to_float(args: Args) -> Result<Value, Raise> {
    let [value] = args.take("float", ["/value"], 0)?;
    match value {
        None => Ok(Value::Float(0.0)),
        Some(Value::Str(text)) => parse_float(&text).map(Value::Float),
        Some(value) => match ops::Number::of(&value) {
            Some(number) => Ok(Value::Float(number.float())),
            None => Err(wrong(&value, "float", "a text or a number")),
        },
    }
}

fn parse_float(text: &str) -> Result<f64, Raise> {
    let invalid = || Raise::value_error(format!("`{text}` is not a number"));
    let trimmed = text.trim();
    let unsigned = trimmed.trim_start_matches(['+', '-']).to_ascii_lowercase();
    if matches!(unsigned.as_str(), "inf" | "infinity" | "nan") {
        return trimmed.parse().map_err(|_| invalid());
    }
    let bytes = trimmed.as_bytes();
    let plain = bytes.iter().all(|b| b.is_ascii_digit() || b"+-.eE_".contains(b));
    let between_digits = |at: usize| {
        let digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    if !plain || !trimmed.match_indices('_').all(|(at, _)| between_digits(at)) {
        return Err(invalid());
    }
    trimmed.replace('_', "").parse().map_err(|_| invalid())
}

/// `isinstance(value, types)`
pub(super) fn is_instance(value: &Value, types: &Value, depth: usize) -> Result<bool, Raise> {
    match types {
        Value::Type(of) => Ok(has_type(value, *of)),
        Value::Tuple(tuple) if depth < 8 => {
            for of in &tuple.0 {
                if is_instance(value, of, depth + 1)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        other if collections::is_record_type(other) => Ok(collections::is_record_of(value, other)),
        other => Err(wrong(other, "isinstance", "a type or a tuple of types")),
    }
}

pub(crate) fn has_type(value: &Value, of: Type) -> bool {
    is_subtype(value.type_of(), of)
        || matches!(of, Type::Host(host) if (host.includes)(value))
        // A path with flags is a text with something to say.
        || of == Type::Str && value.downcast::<Flagged>().is_some()
}

pub(crate) fn is_subtype(mut actual: Type, of: Type) -> bool {
    loop {
        match (actual, of) {
            (_, Type::Object) => return true,
            (Type::Bool, Type::Int) => return true,
            (Type::Exception(kind), Type::Exception(wanted)) => return kind.is_a(wanted),
            (actual, of) if actual == of => return true,
            (Type::Host(HostType { parent: Some(parent), .. }), _) => actual = *parent,
            _ => return false,
        }
    }
}

/// The text of a value that names a path.
pub(crate) fn path(value: &Value, function: &str) -> Result<Arc<str>, Raise> {
    match value {
        Value::Str(text) => Ok(text.clone()),
        // A path object stands for its text.
        Value::Object(object) => match object.stand_in() {
            Some(Value::Str(text)) => Ok(text),
            _ => Err(wrong(value, function, "a path")),
        },
        other => Err(wrong(other, function, "a path")),
    }
}
