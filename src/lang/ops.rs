//! Operators with Python's semantics. Whole numbers are 64-bit: overflow is an error. Comparison is in `compare`,
//! indexing in `index`.

use crate::lang::modules::collections;
use crate::lang::percent;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Flavour, Key, SetItems, Value, ViewKind};
use crate::lang::vm::Vm;
use crate::syntax::ast::{BinaryOp, UnaryOp};

/// A number; `True` is 1.
#[derive(Clone, Copy)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub(crate) fn of(value: &Value) -> Option<Number> {
        match value {
            Value::Int(n) => Some(Number::Int(*n)),
            Value::Bool(b) => Some(Number::Int(i64::from(*b))),
            Value::Float(x) => Some(Number::Float(*x)),
            _ => None,
        }
    }

    pub(crate) fn float(self) -> f64 {
        match self {
            Number::Int(n) => n as f64,
            Number::Float(x) => x,
        }
    }
}

impl Value {
    /// Python's truth value.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(b) => *b,
            Value::Int(n) => *n != 0,
            Value::Float(x) => *x != 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::List(list) => list.0.read(|items| !items.is_empty()),
            Value::Tuple(tuple) => !tuple.0.is_empty(),
            Value::Dict(dict) => dict.0.read(|map| !map.is_empty()),
            Value::Set(set) => set.items.read(|items| !items.is_empty()),
            Value::Range(range) => range.len() > 0,
            Value::View(view) => view.len() > 0,
            Value::Object(object) => object.truth(),
            _ => true,
        }
    }

    /// The truth value where a program decides by it; an error for what has none, such as a column.
    pub(crate) fn condition(&self) -> Result<bool, Raise> {
        match self {
            Value::Object(object) => object.condition(),
            other => Ok(other.truth()),
        }
    }
}

/// The whole number equal to a float, if there is one.
pub(crate) fn float_to_int(x: f64) -> Option<i64> {
    let in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x);
    (in_range && x.fract() == 0.0).then_some(x as i64)
}

/// A whole number, where Python takes an index or a count.
pub(crate) fn as_int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(n) => Some(*n),
        Value::Bool(b) => Some(i64::from(*b)),
        _ => None,
    }
}

pub(crate) fn overflow() -> Raise {
    Raise::new(Exc::OverflowError, "whole number is too large: Rulefiles have 64 bits")
        .help("use a float: `2.0 ** 64`")
}

fn division_by_zero() -> Raise {
    Raise::new(Exc::ZeroDivisionError, "division by zero")
}

pub(crate) fn unary(vm: &mut Vm, op: UnaryOp, value: &Value) -> Result<Value, Raise> {
    if op == UnaryOp::Not {
        return Ok(Value::Bool(!value.condition()?));
    }
    if let Value::Object(object) = value
        && let Some(result) = object.unary(vm, op)
    {
        return result;
    }
    match (op, Number::of(value)) {
        (UnaryOp::Neg, Some(Number::Int(n))) => n.checked_neg().map(Value::Int).ok_or_else(overflow),
        (UnaryOp::Neg, Some(Number::Float(x))) => Ok(Value::Float(-x)),
        (UnaryOp::Pos, Some(Number::Int(n))) => Ok(Value::Int(n)),
        (UnaryOp::Pos, Some(Number::Float(x))) => Ok(Value::Float(x)),
        (UnaryOp::Invert, Some(Number::Int(n))) => Ok(Value::Int(!n)),
        _ => {
            let sign = match op {
                UnaryOp::Neg => "-",
                UnaryOp::Pos => "+",
                _ => "~",
            };
            Err(Raise::type_error(format!("bad operand for unary `{sign}`: `{}`", value.type_name())))
        }
    }
}

/// `a + b` of two numbers.
pub(crate) fn add_numbers(a: &Value, b: &Value) -> Result<Value, Raise> {
    match (Number::of(a), Number::of(b)) {
        (Some(x), Some(y)) => numeric(BinaryOp::Add, a, b, x, y),
        _ => Err(unsupported_operands(BinaryOp::Add, a, b)),
    }
}

/// `a + b` of two texts.
pub(crate) fn concat(vm: &mut Vm, a: &str, b: &str) -> Result<Value, Raise> {
    vm.budget.allocate((a.len() + b.len()) as u64)?;
    Ok(Value::Str([a, b].concat().into()))
}

pub(crate) fn binary(vm: &mut Vm, op: BinaryOp, a: &Value, b: &Value) -> Result<Value, Raise> {
    if let (Some(x), Some(y)) = (Number::of(a), Number::of(b)) {
        return numeric(op, a, b, x, y);
    }
    match (op, a, b) {
        (BinaryOp::Add, Value::Str(x), Value::Str(y)) => return concat(vm, x, y),
        (BinaryOp::Add, Value::List(x), Value::List(y)) => {
            vm.budget.allocate_items((x.0.read(Vec::len) + y.0.read(Vec::len)) as u64)?;
            let mut items = x.0.read(Vec::clone);
            y.0.read(|more| items.extend(more.iter().cloned()));
            return Ok(Value::list(items));
        }
        (BinaryOp::Add, Value::Tuple(x), Value::Tuple(y)) => {
            vm.budget.allocate_items((x.0.len() + y.0.len()) as u64)?;
            return Ok(Value::tuple(x.0.iter().chain(&y.0).cloned().collect()));
        }
        (BinaryOp::Mul, _, _) => {
            if let Some(result) = repeat(vm, a, b).or_else(|| repeat(vm, b, a)) {
                return result;
            }
        }
        (BinaryOp::Mod, Value::Str(template), _) => return percent::percent(vm, template, b),
        (_, Value::Dict(x), Value::Dict(y))
            if matches!((&x.1, &y.1), (Flavour::Counter, Flavour::Counter)) =>
        {
            if let Some(result) = collections::counter_operation(vm, op, x, y) {
                return result;
            }
        }
        (BinaryOp::BitOr, Value::Dict(x), Value::Dict(y)) => {
            vm.budget.allocate_items(2 * (x.0.read(|m| m.len()) + y.0.read(|m| m.len())) as u64)?;
            let mut map = x.0.read(Clone::clone);
            y.0.read(|more| map.extend(more.iter().map(|(k, v)| (k.clone(), v.clone()))));
            return Ok(Value::flavoured(map, x.1.clone()));
        }
        _ => {}
    }
    if let Some(result) = set_operation(vm, op, a, b) {
        return result;
    }
    if let Value::Object(object) = a
        && let Some(result) = object.binary(vm, op, b, false)
    {
        return result;
    }
    if let Value::Object(object) = b
        && let Some(result) = object.binary(vm, op, a, true)
    {
        return result;
    }
    Err(unsupported_operands(op, a, b))
}

fn unsupported_operands(op: BinaryOp, a: &Value, b: &Value) -> Raise {
    let sign = symbol(op);
    let message = format!("`{sign}` cannot combine `{}` and `{}`", a.type_name(), b.type_name());
    let raise = Raise::type_error(message);
    match (op, a, b) {
        (BinaryOp::Add, Value::Str(_), Value::Int(_) | Value::Float(_))
        | (BinaryOp::Add, Value::Int(_) | Value::Float(_), Value::Str(_)) => {
            raise.help("make a text of the number: `str(x)`, or use an f-string")
        }
        (BinaryOp::Add, Value::List(_), Value::Str(_)) => raise.help("put the text in a list: `[x]`"),
        _ => raise,
    }
}

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::FloorDiv => "//",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "**",
        BinaryOp::MatMul => "@",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::ShiftLeft => "<<",
        BinaryOp::ShiftRight => ">>",
    }
}

fn numeric(op: BinaryOp, a: &Value, b: &Value, x: Number, y: Number) -> Result<Value, Raise> {
    match (x, y) {
        (Number::Int(x), Number::Int(y)) => match (op, a, b) {
            (BinaryOp::BitAnd, Value::Bool(x), Value::Bool(y)) => Ok(Value::Bool(x & y)),
            (BinaryOp::BitOr, Value::Bool(x), Value::Bool(y)) => Ok(Value::Bool(x | y)),
            (BinaryOp::BitXor, Value::Bool(x), Value::Bool(y)) => Ok(Value::Bool(x ^ y)),
            _ => integers(op, x, y).unwrap_or_else(|| Err(unsupported_operands(op, a, b))),
        },
        _ => floats(op, x.float(), y.float()).unwrap_or_else(|| Err(unsupported_operands(op, a, b))),
    }
}

fn integers(op: BinaryOp, x: i64, y: i64) -> Option<Result<Value, Raise>> {
    let checked = match op {
        BinaryOp::Add => x.checked_add(y),
        BinaryOp::Sub => x.checked_sub(y),
        BinaryOp::Mul => x.checked_mul(y),
        BinaryOp::Div if y == 0 => return Some(Err(division_by_zero())),
        BinaryOp::Div => return Some(Ok(Value::Float(x as f64 / y as f64))),
        BinaryOp::FloorDiv | BinaryOp::Mod if y == 0 => return Some(Err(division_by_zero())),
        BinaryOp::FloorDiv => floor_div(x, y),
        BinaryOp::Mod => Some(floor_mod(x, y)),
        BinaryOp::Pow if y < 0 && x == 0 => {
            return Some(Err(Raise::new(Exc::ZeroDivisionError, "0 cannot be raised to a negative power")));
        }
        BinaryOp::Pow if y < 0 => return Some(Ok(Value::Float((x as f64).powf(y as f64)))),
        BinaryOp::Pow => power(x, y),
        BinaryOp::BitAnd => Some(x & y),
        BinaryOp::BitOr => Some(x | y),
        BinaryOp::BitXor => Some(x ^ y),
        BinaryOp::ShiftLeft | BinaryOp::ShiftRight if y < 0 => {
            return Some(Err(Raise::value_error("negative shift count")));
        }
        BinaryOp::ShiftLeft if x == 0 => Some(0),
        BinaryOp::ShiftLeft => shift_left(x, y),
        BinaryOp::ShiftRight => Some(x >> y.min(63)),
        BinaryOp::MatMul => return None,
    };
    Some(checked.map(Value::Int).ok_or_else(overflow))
}

fn floor_div(x: i64, y: i64) -> Option<i64> {
    let quotient = x.checked_div(y)?;
    Some(if x % y != 0 && (x < 0) != (y < 0) { quotient - 1 } else { quotient })
}

fn floor_mod(x: i64, y: i64) -> i64 {
    let rest = x.wrapping_rem(y);
    if rest != 0 && (rest < 0) != (y < 0) { rest + y } else { rest }
}

fn power(x: i64, y: i64) -> Option<i64> {
    match x {
        0 | 1 => Some(if y == 0 { 1 } else { x }),
        -1 => Some(if y % 2 == 0 { 1 } else { -1 }),
        _ => x.checked_pow(u32::try_from(y).ok()?),
    }
}

fn shift_left(x: i64, y: i64) -> Option<i64> {
    let shift = u32::try_from(y).ok().filter(|s| *s < 63)?;
    x.checked_mul(1i64 << shift)
}

fn floats(op: BinaryOp, x: f64, y: f64) -> Option<Result<Value, Raise>> {
    Some(match op {
        BinaryOp::Add => Ok(Value::Float(x + y)),
        BinaryOp::Sub => Ok(Value::Float(x - y)),
        BinaryOp::Mul => Ok(Value::Float(x * y)),
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod if y == 0.0 => Err(division_by_zero()),
        BinaryOp::Div => Ok(Value::Float(x / y)),
        BinaryOp::FloorDiv => Ok(Value::Float(float_divmod(x, y).0)),
        BinaryOp::Mod => Ok(Value::Float(float_divmod(x, y).1)),
        BinaryOp::Pow => float_power(x, y),
        _ => return None,
    })
}

/// Floor division and modulo of floats, step by step as CPython does it.
pub(crate) fn float_divmod(x: f64, y: f64) -> (f64, f64) {
    let mut rest = x % y;
    let mut quotient = (x - rest) / y;
    if rest == 0.0 {
        rest = 0.0f64.copysign(y);
    } else if (y < 0.0) != (rest < 0.0) {
        rest += y;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (0.0f64.copysign(x / y), rest);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rest)
}

fn float_power(x: f64, y: f64) -> Result<Value, Raise> {
    if x == 0.0 && y < 0.0 {
        return Err(Raise::new(Exc::ZeroDivisionError, "0.0 cannot be raised to a negative power"));
    }
    if x < 0.0 && x.is_finite() && y.is_finite() && y.fract() != 0.0 {
        return Err(Raise::value_error("a negative number cannot be raised to a fractional power"));
    }
    let result = x.powf(y);
    if result.is_infinite() && x.is_finite() && y.is_finite() {
        return Err(Raise::new(Exc::OverflowError, "result is too large for a float"));
    }
    Ok(Value::Float(result))
}

/// `sequence * count`; `None` when these are not a sequence and a number.
fn repeat(vm: &mut Vm, sequence: &Value, count: &Value) -> Option<Result<Value, Raise>> {
    let count = usize::try_from(as_int(count)?.max(0)).unwrap_or(usize::MAX);
    let repeat_items = |vm: &mut Vm, items: Vec<Value>| -> Result<Vec<Value>, Raise> {
        vm.budget.allocate_items((items.len() as u64).saturating_mul(count as u64))?;
        let total = items.len() * if items.is_empty() { 0 } else { count };
        Ok(items.iter().cycle().take(total).cloned().collect())
    };
    Some(match sequence {
        Value::Str(text) => {
            let bytes = (text.len() as u64).saturating_mul(count as u64);
            vm.budget.allocate(bytes).map(|()| match text.len() {
                0 => Value::Str(text.clone()),
                _ => Value::from(text.repeat(count)),
            })
        }
        Value::List(list) => repeat_items(vm, list.0.read(Vec::clone)).map(Value::list),
        Value::Tuple(tuple) => repeat_items(vm, tuple.0.clone()).map(Value::tuple),
        _ => return None,
    })
}

/// The elements of a set or of a view that behaves like one.
pub(crate) fn as_set(value: &Value) -> Option<Result<SetItems, Raise>> {
    match value {
        Value::Set(set) => Some(Ok(set.items.read(Clone::clone))),
        Value::View(view) if view.kind != ViewKind::Values => {
            Some(view.snapshot().into_iter().map(Key::new).collect())
        }
        _ => None,
    }
}

fn set_operation(vm: &mut Vm, op: BinaryOp, a: &Value, b: &Value) -> Option<Result<Value, Raise>> {
    if !matches!(op, BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor | BinaryOp::Sub) {
        return None;
    }
    let (x, mut y) = (as_set(a)?, as_set(b));
    // A view takes any iterable on the other side.
    if y.is_none()
        && let (Value::View(_), Ok(items)) = (a, vm.collect(b))
    {
        y = Some(items.into_iter().map(Key::new).collect());
    }
    let combined = combine(vm, op, x, y?);
    Some(combined.map(|items| match a {
        Value::Set(set) if set.immutable => Value::frozenset(items),
        _ => Value::set(items),
    }))
}

fn combine(
    vm: &mut Vm,
    op: BinaryOp,
    x: Result<SetItems, Raise>,
    y: Result<SetItems, Raise>,
) -> Result<SetItems, Raise> {
    let (x, y) = (x?, y?);
    vm.budget.allocate_items((x.len() + y.len()) as u64)?;
    Ok(match op {
        BinaryOp::BitAnd => x.into_iter().filter(|k| y.contains(k)).collect(),
        BinaryOp::BitOr => x.into_iter().chain(y).collect(),
        BinaryOp::Sub => x.into_iter().filter(|k| !y.contains(k)).collect(),
        _ => {
            let only_y: Vec<Key> = y.iter().filter(|k| !x.contains(*k)).cloned().collect();
            x.into_iter().filter(|k| !y.contains(k)).chain(only_y).collect()
        }
    })
}

/// `old op= value`: lists, sets and dicts change in place.
pub(crate) fn in_place(vm: &mut Vm, op: BinaryOp, old: Value, value: &Value) -> Result<Value, Raise> {
    match (op, &old) {
        (BinaryOp::Add, Value::List(list)) => {
            let items = vm.collect(value)?;
            list.0.write(|old| old.extend(items))?;
            Ok(old)
        }
        (BinaryOp::BitOr, Value::Dict(dict)) if !matches!(dict.1, Flavour::Counter) => {
            let pairs = vm.pairs(value)?;
            dict.0.write(|map| map.extend(pairs))?;
            Ok(old)
        }
        (_, Value::Set(set)) if !set.immutable => match set_operation(vm, op, &old, value) {
            Some(Ok(Value::Set(new))) => {
                let items = new.items.read(Clone::clone);
                set.items.write(|old| *old = items)?;
                Ok(old)
            }
            Some(Err(raise)) => Err(raise),
            _ => Err(unsupported_operands(op, &old, value)),
        },
        _ => binary(vm, op, &old, value),
    }
}
