//! Operators, comparison and indexing, with Python's semantics. Whole numbers are 64-bit: overflow is an error.

use crate::lang::format;
use crate::lang::iter::Walk;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Dict, Key, List, MAX_NESTING, Range, Set, SetItems, Value, ViewKind};
use crate::lang::vm::Vm;
use crate::syntax::ast::{BinaryOp, CompareOp, UnaryOp};
use std::cmp::Ordering;
use std::sync::Arc;

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

pub(crate) fn unary(op: UnaryOp, value: &Value) -> Result<Value, Raise> {
    if op == UnaryOp::Not {
        return Ok(Value::Bool(!value.truth()));
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
        (BinaryOp::Mod, Value::Str(template), _) => return format::percent(vm, template, b),
        (BinaryOp::BitOr, Value::Dict(x), Value::Dict(y)) => {
            vm.budget.allocate_items(2 * (x.0.read(|m| m.len()) + y.0.read(|m| m.len())) as u64)?;
            let mut map = x.0.read(Clone::clone);
            y.0.read(|more| map.extend(more.iter().map(|(k, v)| (k.clone(), v.clone()))));
            return Ok(Value::dict(map));
        }
        _ => {}
    }
    if let Some(result) = set_operation(vm, op, a, b) {
        return result;
    }
    if let Value::Object(object) = a
        && let Some(result) = object.binary(op, b, false)
    {
        return result;
    }
    if let Value::Object(object) = b
        && let Some(result) = object.binary(op, a, true)
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
fn as_set(value: &Value) -> Option<Result<SetItems, Raise>> {
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
        (BinaryOp::BitOr, Value::Dict(dict)) => {
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

pub(crate) fn compare(vm: &mut Vm, op: CompareOp, a: &Value, b: &Value) -> Result<Value, Raise> {
    let result = match op {
        CompareOp::Eq => equal_paid(vm, a, b)?,
        CompareOp::Ne => !equal_paid(vm, a, b)?,
        CompareOp::In => contains(vm, b, a)?,
        CompareOp::NotIn => !contains(vm, b, a)?,
        CompareOp::Is => a.is_same(b),
        CompareOp::IsNot => !a.is_same(b),
        CompareOp::Lt => less(vm, a, b, op)?,
        CompareOp::Gt => less(vm, b, a, op)?,
        CompareOp::Le | CompareOp::Ge => {
            let (a, b) = if op == CompareOp::Le { (a, b) } else { (b, a) };
            match (as_set(a), as_set(b)) {
                (Some(x), Some(y)) => x?.is_subset(&y?),
                _ => matches!(
                    order(a, b, op, 0, &mut Steps(MAX_STEPS))?,
                    Some(Ordering::Less | Ordering::Equal)
                ),
            }
        }
    };
    Ok(Value::Bool(result))
}

fn less(vm: &mut Vm, a: &Value, b: &Value, op: CompareOp) -> Result<bool, Raise> {
    if let (Some(x), Some(y)) = (as_set(a), as_set(b)) {
        let (x, y) = (x?, y?);
        return Ok(x.len() < y.len() && x.is_subset(&y));
    }
    let mut steps = Steps(MAX_STEPS);
    let result = order(a, b, op, 0, &mut steps);
    vm.budget.spend((MAX_STEPS - steps.0) / 16)?;
    Ok(result? == Some(Ordering::Less))
}

/// `a < b`, for sorting.
pub(crate) fn is_less(vm: &mut Vm, a: &Value, b: &Value) -> Result<bool, Raise> {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => Ok(a < b),
        (Value::Int(a), Value::Int(b)) => Ok(a < b),
        _ => less(vm, a, b, CompareOp::Lt),
    }
}

/// Elements that one comparison may look at: two lists that share their parts again and again have
/// exponentially many.
const MAX_STEPS: u64 = 10_000_000;

struct Steps(u64);

impl Steps {
    fn take(&mut self, depth: usize) -> Result<(), Raise> {
        if depth > MAX_NESTING {
            return Err(Raise::new(Exc::RecursionError, "values are nested too deeply to compare"));
        }
        match self.0.checked_sub(1) {
            Some(left) => self.0 = left,
            None => return Err(Raise::new(Exc::BudgetExceeded, "comparison takes too many steps")),
        }
        Ok(())
    }
}

/// `a == b`
pub(crate) fn equal(a: &Value, b: &Value) -> Result<bool, Raise> {
    equal_at(a, b, 0, &mut Steps(MAX_STEPS))
}

fn equal_paid(vm: &mut Vm, a: &Value, b: &Value) -> Result<bool, Raise> {
    let mut steps = Steps(MAX_STEPS);
    let result = equal_at(a, b, 0, &mut steps);
    vm.budget.spend((MAX_STEPS - steps.0) / 16)?;
    result
}

fn equal_at(a: &Value, b: &Value, depth: usize, steps: &mut Steps) -> Result<bool, Raise> {
    steps.take(depth)?;
    if let (Value::Object(object), _) | (_, Value::Object(object)) = (a, b) {
        let other = if matches!(a, Value::Object(_)) { b } else { a };
        return match (object.stand_in(), other) {
            (Some(x), Value::Object(y)) => match y.stand_in() {
                Some(y) if object.type_name() == other.type_name() => equal_at(&x, &y, depth + 1, steps),
                _ => Ok(a.is_same(b)),
            },
            _ => Ok(a.is_same(b)),
        };
    }
    match (a, b) {
        (Value::Str(x), Value::Str(y)) => Ok(x == y),
        (Value::List(x), Value::List(y)) => {
            if Arc::ptr_eq(x, y) {
                return Ok(true);
            }
            x.0.read(|x| y.0.read(|y| all_equal(x, y, depth, steps)))
        }
        (Value::Tuple(x), Value::Tuple(y)) => all_equal(&x.0, &y.0, depth, steps),
        (Value::Dict(x), Value::Dict(y)) => {
            if Arc::ptr_eq(x, y) {
                return Ok(true);
            }
            x.0.read(|x| {
                y.0.read(|y| {
                    if x.len() != y.len() {
                        return Ok(false);
                    }
                    for (key, value) in x {
                        match y.get(key) {
                            Some(other) if equal_at(value, other, depth + 1, steps)? => {}
                            _ => return Ok(false),
                        }
                    }
                    Ok(true)
                })
            })
        }
        (Value::Range(x), Value::Range(y)) => Ok(same_range(x, y)),
        (Value::Set(_) | Value::View(_), Value::Set(_) | Value::View(_)) => match (as_set(a), as_set(b)) {
            (Some(x), Some(y)) => Ok(x? == y?),
            _ => Ok(a.is_same(b)),
        },
        (Value::Method(x), Value::Method(y)) => {
            let same = std::ptr::eq(x.method, y.method) && x.of == y.of;
            Ok(same
                && match (&x.receiver, &y.receiver) {
                    (Some(x), Some(y)) => x.is_same(y),
                    (None, None) => true,
                    _ => false,
                })
        }
        _ => match (Number::of(a), Number::of(b)) {
            (Some(x), Some(y)) => Ok(compare_numbers(x, y) == Some(Ordering::Equal)),
            _ => Ok(a.is_same(b)),
        },
    }
}

fn all_equal(x: &[Value], y: &[Value], depth: usize, steps: &mut Steps) -> Result<bool, Raise> {
    if x.len() != y.len() {
        return Ok(false);
    }
    for (a, b) in x.iter().zip(y) {
        if !equal_at(a, b, depth + 1, steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same_range(x: &Range, y: &Range) -> bool {
    let len = x.len();
    len == y.len() && (len == 0 || (x.start == y.start && (len == 1 || x.step == y.step)))
}

/// Exact, also where a whole number has more digits than a float.
pub(crate) fn compare_numbers(x: Number, y: Number) -> Option<Ordering> {
    match (x, y) {
        (Number::Int(x), Number::Int(y)) => Some(x.cmp(&y)),
        (Number::Float(x), Number::Float(y)) => x.partial_cmp(&y),
        (Number::Int(x), Number::Float(y)) => int_to_float(x, y),
        (Number::Float(x), Number::Int(y)) => int_to_float(y, x).map(Ordering::reverse),
    }
}

fn int_to_float(x: i64, y: f64) -> Option<Ordering> {
    if y.is_nan() {
        return None;
    }
    if y >= 9_223_372_036_854_775_808.0 {
        return Some(Ordering::Less);
    }
    if y < -9_223_372_036_854_775_808.0 {
        return Some(Ordering::Greater);
    }
    let floor = y.floor();
    match x.cmp(&(floor as i64)) {
        Ordering::Equal if y > floor => Some(Ordering::Less),
        other => Some(other),
    }
}

fn order(
    a: &Value,
    b: &Value,
    op: CompareOp,
    depth: usize,
    steps: &mut Steps,
) -> Result<Option<Ordering>, Raise> {
    steps.take(depth)?;
    match (a, b) {
        (Value::Str(x), Value::Str(y)) => Ok(Some(x.cmp(y))),
        (Value::List(x), Value::List(y)) => x.0.read(|x| y.0.read(|y| order_items(x, y, op, depth, steps))),
        (Value::Tuple(x), Value::Tuple(y)) => order_items(&x.0, &y.0, op, depth, steps),
        (Value::Object(x), Value::Object(y)) => match (x.stand_in(), y.stand_in()) {
            (Some(x), Some(y)) => order(&x, &y, op, depth + 1, steps),
            _ => Err(not_ordered(a, b, op)),
        },
        _ => match (Number::of(a), Number::of(b)) {
            (Some(x), Some(y)) => Ok(compare_numbers(x, y)),
            _ => Err(not_ordered(a, b, op)),
        },
    }
}

fn order_items(
    x: &[Value],
    y: &[Value],
    op: CompareOp,
    depth: usize,
    steps: &mut Steps,
) -> Result<Option<Ordering>, Raise> {
    for (a, b) in x.iter().zip(y) {
        if !equal_at(a, b, depth + 1, steps)? {
            return order(a, b, op, depth + 1, steps);
        }
    }
    Ok(Some(x.len().cmp(&y.len())))
}

fn not_ordered(a: &Value, b: &Value, op: CompareOp) -> Raise {
    let sign = match op {
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
        _ => "<",
    };
    let (a, b) = if matches!(op, CompareOp::Gt | CompareOp::Ge) { (b, a) } else { (a, b) };
    Raise::type_error(format!("`{sign}` cannot compare `{}` and `{}`", a.type_name(), b.type_name()))
}

/// `item in container`
pub(crate) fn contains(vm: &mut Vm, container: &Value, item: &Value) -> Result<bool, Raise> {
    match container {
        Value::Str(text) => match item {
            Value::Str(part) => {
                vm.budget.spend(text.len() as u64 / 256)?;
                Ok(text.contains(&**part))
            }
            other => {
                let message = format!("`in` a text needs a text, not `{}`", other.type_name());
                Err(Raise::type_error(message))
            }
        },
        Value::Dict(dict) => {
            let key = Key::new(item.clone())?;
            Ok(dict.0.read(|map| map.contains_key(&key)))
        }
        Value::Set(set) => {
            let key = set_key(item)?;
            Ok(set.items.read(|items| items.contains(&key)))
        }
        Value::View(view) if view.kind == ViewKind::Keys => {
            let key = Key::new(item.clone())?;
            Ok(view.dict.0.read(|map| map.contains_key(&key)))
        }
        Value::Range(range) if as_int(item).is_some() => {
            let n = i128::from(as_int(item).unwrap_or(0));
            let offset = n - i128::from(range.start);
            let index = offset / i128::from(range.step);
            Ok(offset % i128::from(range.step) == 0 && (0..i128::from(range.len())).contains(&index))
        }
        Value::List(list) => {
            vm.budget.spend(list.0.read(Vec::len) as u64 / 16)?;
            list.0.read(|items| find_equal(items, item)).map(|found| found.is_some())
        }
        Value::Tuple(tuple) => {
            vm.budget.spend(tuple.0.len() as u64 / 16)?;
            find_equal(&tuple.0, item).map(|found| found.is_some())
        }
        other => {
            let mut walk = Walk::over(other)?;
            while let Some(element) = walk.next()? {
                vm.budget.spend(1)?;
                if equal(&element, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

/// The position of the first element equal to `item`.
pub(crate) fn find_equal(items: &[Value], item: &Value) -> Result<Option<usize>, Raise> {
    let mut steps = Steps(MAX_STEPS);
    for (i, element) in items.iter().enumerate() {
        if element.is_same(item) || equal_at(element, item, 0, &mut steps)? {
            return Ok(Some(i));
        }
    }
    Ok(None)
}

/// A key to look up in a set: a set looks for its frozen twin.
pub(crate) fn set_key(item: &Value) -> Result<Key, Raise> {
    match item {
        Value::Set(set) if !set.immutable => Key::new(Value::frozenset(set.items.read(Clone::clone))),
        other => Key::new(other.clone()),
    }
}

/// The position that an index means in a sequence of `len`.
pub(crate) fn index_in(key: &Value, len: usize, name: &str) -> Result<usize, Raise> {
    let Some(index) = as_int(key) else {
        let message = format!("`{name}` indices must be integers or slices, not `{}`", key.type_name());
        return Err(Raise::type_error(message));
    };
    let from_start = if index < 0 { index.saturating_add(len as i64) } else { index };
    usize::try_from(from_start).ok().filter(|i| *i < len).ok_or_else(|| {
        Raise::new(Exc::IndexError, format!("`{name}` index {index} is out of range (length {len})"))
    })
}

pub(crate) fn get_item(container: &Value, key: &Value) -> Result<Value, Raise> {
    match container {
        Value::List(list) => {
            list.0.read(|items| index_in(key, items.len(), "list").map(|i| items[i].clone()))
        }
        Value::Tuple(tuple) => index_in(key, tuple.0.len(), "tuple").map(|i| tuple.0[i].clone()),
        Value::Dict(dict) => {
            let found = match key {
                Value::Str(text) => dict.0.read(|map| map.get(&crate::lang::value::TextKey(text)).cloned()),
                other => {
                    let key = Key::new(other.clone())?;
                    dict.0.read(|map| map.get(&key).cloned())
                }
            };
            found.ok_or_else(|| Raise::missing_key(dict, key))
        }
        Value::Str(text) => char_at(text, key),
        Value::Range(range) => {
            let len = usize::try_from(range.len()).unwrap_or(usize::MAX);
            let index = index_in(key, len, "range")?;
            Ok(range.get(index as i64).map_or(Value::None, Value::Int))
        }
        Value::Object(object) => object.item(key),
        // Annotations at run time: `list[str]`.
        Value::Type(of) => Ok(Value::Type(*of)),
        other => {
            let raise = Raise::type_error(format!("`{}` object is not subscriptable", other.type_name()));
            Err(match other {
                Value::View(_) | Value::Set(_) | Value::Iter(_) => {
                    raise.help("make a list first: `list(x)[0]`")
                }
                Value::Function(_) => raise.help("call it with round brackets"),
                _ => raise,
            })
        }
    }
}

fn char_at(text: &str, key: &Value) -> Result<Value, Raise> {
    if text.is_ascii() {
        let index = index_in(key, text.len(), "str")?;
        return Ok(Value::str(&text[index..=index]));
    }
    let index = index_in(key, text.chars().count(), "str")?;
    let found = text.chars().nth(index).unwrap_or(' ');
    Ok(Value::str(found.encode_utf8(&mut [0; 4]) as &str))
}

pub(crate) fn set_item(vm: &mut Vm, container: &Value, key: &Value, value: Value) -> Result<(), Raise> {
    match container {
        Value::List(list) => {
            let index = index_in(key, list.0.read(Vec::len), "list")?;
            let old =
                list.0.write(|items| items.get_mut(index).map(|slot| std::mem::replace(slot, value)))?;
            drop(old);
            Ok(())
        }
        Value::Dict(dict) => {
            vm.budget.allocate(2 * size_of::<Value>() as u64)?;
            let key = Key::new(key.clone())?;
            let old = dict.0.write(|map| map.insert(key, value))?;
            drop(old);
            Ok(())
        }
        other => {
            let raise = Raise::type_error(format!("`{}` object cannot be changed", other.type_name()));
            Err(match other {
                Value::Tuple(_) => raise.help("use a list"),
                _ => raise,
            })
        }
    }
}

pub(crate) fn delete_item(vm: &mut Vm, container: &Value, key: &Value) -> Result<(), Raise> {
    match container {
        Value::List(list) => {
            let index = index_in(key, list.0.read(Vec::len), "list")?;
            vm.budget.spend(list.0.read(Vec::len) as u64 / 64)?;
            let old = list.0.write(|items| (index < items.len()).then(|| items.remove(index)))?;
            drop(old);
            Ok(())
        }
        Value::Dict(dict) => match remove_key(vm, dict, key)? {
            Some(_) => Ok(()),
            None => Err(Raise::missing_key(dict, key)),
        },
        other => Err(Raise::type_error(format!("items of `{}` cannot be deleted", other.type_name()))),
    }
}

/// Removes an entry and keeps the order of the others, which costs a move of those behind it.
pub(crate) fn remove_key(vm: &mut Vm, dict: &Arc<Dict>, key: &Value) -> Result<Option<Value>, Raise> {
    vm.budget.spend(dict.0.read(|map| map.len()) as u64 / 32)?;
    let key = Key::new(key.clone())?;
    dict.0.write(|map| map.shift_remove(&key))
}

/// First index, step and count of a slice of a sequence of `len`.
pub(crate) fn slice_range(ends: &[Option<i64>; 3], len: usize) -> Result<(i64, i64, usize), Raise> {
    let len = len as i64;
    let step = ends[2].unwrap_or(1);
    if step == 0 {
        return Err(Raise::value_error("slice step cannot be zero"));
    }
    let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |end: Option<i64>, default: i64| match end {
        None => default,
        Some(i) if i < 0 => i.saturating_add(len).max(lowest),
        Some(i) => i.min(highest),
    };
    let start = clamp(ends[0], if step > 0 { 0 } else { len - 1 });
    let stop = clamp(ends[1], if step > 0 { len } else { -1 });
    let count = Range { start, stop, step }.len();
    Ok((start, step, usize::try_from(count).unwrap_or(0)))
}

fn slice_indices(ends: &[Option<i64>; 3], len: usize) -> Result<impl Iterator<Item = usize> + Clone, Raise> {
    let (start, step, count) = slice_range(ends, len)?;
    Ok((0..count as i64).map(move |i| start.saturating_add(step.saturating_mul(i)) as usize))
}

pub(crate) fn slice(vm: &mut Vm, container: &Value, ends: &[Option<i64>; 3]) -> Result<Value, Raise> {
    match container {
        Value::Str(text) => slice_text(vm, text, ends),
        Value::List(list) => {
            let (_, _, count) = slice_range(ends, list.0.read(Vec::len))?;
            vm.budget.allocate_items(count as u64)?;
            list.0.read(|items| {
                Ok(Value::list(slice_indices(ends, items.len())?.map(|i| items[i].clone()).collect()))
            })
        }
        Value::Tuple(tuple) => {
            let indices = slice_indices(ends, tuple.0.len())?;
            vm.budget.allocate_items(tuple.0.len() as u64)?;
            Ok(Value::tuple(indices.map(|i| tuple.0[i].clone()).collect()))
        }
        Value::Range(range) => {
            let len = usize::try_from(range.len()).unwrap_or(usize::MAX);
            let (start, step, count) = slice_range(ends, len)?;
            let at = |i: i64| range.start.saturating_add(range.step.saturating_mul(i));
            let (start, step) = (at(start), range.step.saturating_mul(step));
            let stop = start.saturating_add(step.saturating_mul(count as i64));
            Ok(Value::Range(Arc::new(Range { start, stop, step })))
        }
        Value::Object(object) => match object.items() {
            Some(items) => slice(vm, &Value::list(items), ends),
            None => Err(not_sliceable(container)),
        },
        other => Err(not_sliceable(other)),
    }
}

fn not_sliceable(value: &Value) -> Raise {
    Raise::type_error(format!("`{}` object cannot be sliced", value.type_name()))
}

fn slice_text(vm: &mut Vm, text: &str, ends: &[Option<i64>; 3]) -> Result<Value, Raise> {
    vm.budget.allocate(text.len() as u64)?;
    if !text.is_ascii() {
        let chars: Vec<char> = text.chars().collect();
        let picked: String = slice_indices(ends, chars.len())?.map(|i| chars[i]).collect();
        return Ok(Value::from(picked));
    }
    let (start, step, count) = slice_range(ends, text.len())?;
    if step == 1 {
        let start = start as usize;
        return Ok(Value::str(text.get(start..start + count).unwrap_or("")));
    }
    let bytes = text.as_bytes();
    let picked: String = slice_indices(ends, bytes.len())?.map(|i| char::from(bytes[i])).collect();
    Ok(Value::from(picked))
}

fn sliced_list<'l>(container: &'l Value) -> Result<&'l Arc<List>, Raise> {
    match container {
        Value::List(list) => Ok(list),
        other => Err(Raise::type_error(format!("`{}` object cannot be changed", other.type_name()))),
    }
}

pub(crate) fn set_slice(
    vm: &mut Vm,
    container: &Value,
    ends: &[Option<i64>; 3],
    value: &Value,
) -> Result<(), Raise> {
    let list = sliced_list(container)?;
    let items = vm.collect(value)?;
    let len = list.0.read(Vec::len);
    vm.budget.spend(len as u64 / 64)?;
    let (start, step, count) = slice_range(ends, len)?;
    if step == 1 {
        let start = start as usize;
        let old = list.0.write(|old| old.splice(start..start + count, items).collect::<Vec<_>>())?;
        drop(old);
        return Ok(());
    }
    if items.len() != count {
        let message = format!("cannot give {} values to a slice of {count}", items.len());
        return Err(Raise::value_error(message));
    }
    let indices = slice_indices(ends, len)?;
    list.0.write(|old| {
        for (i, item) in indices.zip(items) {
            old[i] = item;
        }
    })
}

pub(crate) fn delete_slice(vm: &mut Vm, container: &Value, ends: &[Option<i64>; 3]) -> Result<(), Raise> {
    let list = sliced_list(container)?;
    let len = list.0.read(Vec::len);
    vm.budget.spend(len as u64 / 16)?;
    let mut doomed = vec![false; len];
    slice_indices(ends, len)?.for_each(|i| doomed[i] = true);
    let mut doomed = doomed.into_iter();
    list.0.write(|items| items.retain(|_| !doomed.next().unwrap_or(false)))
}

/// The number of elements, as `len()` counts them.
pub(crate) fn length(value: &Value) -> Result<usize, Raise> {
    Ok(match value {
        Value::Str(text) => text.chars().count(),
        Value::List(list) => list.0.read(Vec::len),
        Value::Tuple(tuple) => tuple.0.len(),
        Value::Dict(dict) => dict.0.read(|map| map.len()),
        Value::Set(set) => length_of_set(set),
        Value::Range(range) => usize::try_from(range.len()).unwrap_or(usize::MAX),
        Value::View(view) => view.len(),
        Value::Object(object) => match object.items() {
            Some(items) => items.len(),
            None => return Err(no_length(value)),
        },
        other => return Err(no_length(other)),
    })
}

fn length_of_set(set: &Set) -> usize {
    set.items.read(|items| items.len())
}

fn no_length(value: &Value) -> Raise {
    let raise = Raise::type_error(format!("`{}` object has no length", value.type_name()));
    match value {
        Value::Iter(_) => raise.help("make a list first: `len(list(x))`"),
        _ => raise,
    }
}
