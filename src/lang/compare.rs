//! Comparison and membership, with Python's semantics.
//!
//! Lists that share their parts again and again have exponentially many elements to compare: every comparison
//! counts its steps and pays for them.

use crate::lang::iter::Walk;
use crate::lang::ops::{Number, as_int, as_set};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Flavour, Key, MAX_NESTING, Range, Value, ViewKind};
use crate::lang::vm::Vm;
use crate::syntax::ast::CompareOp;
use std::cmp::Ordering;
use std::sync::Arc;

pub(crate) fn compare(vm: &mut Vm, op: CompareOp, a: &Value, b: &Value) -> Result<Value, Raise> {
    if let Some(result) = overloaded(vm, op, a, b) {
        return result;
    }
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
                _ => {
                    matches!(order(a, b, op, 0, &mut Steps::of(vm))?, Some(Ordering::Less | Ordering::Equal))
                }
            }
        }
    };
    Ok(Value::Bool(result))
}

/// The comparison of a host's object that has its own: element by element, for columns.
fn overloaded(vm: &mut Vm, op: CompareOp, a: &Value, b: &Value) -> Option<Result<Value, Raise>> {
    if matches!(op, CompareOp::In | CompareOp::NotIn | CompareOp::Is | CompareOp::IsNot) {
        return None;
    }
    if let Value::Object(object) = a
        && let Some(result) = object.compare(vm, op, b, false)
    {
        return Some(result);
    }
    match b {
        Value::Object(object) => object.compare(vm, op, a, true),
        _ => None,
    }
}

fn less(vm: &mut Vm, a: &Value, b: &Value, op: CompareOp) -> Result<bool, Raise> {
    if let (Some(x), Some(y)) = (as_set(a), as_set(b)) {
        let (x, y) = (x?, y?);
        return Ok(x.len() < y.len() && x.is_subset(&y));
    }
    let mut steps = Steps::of(vm);
    let result = order(a, b, op, 0, &mut steps);
    steps.pay(vm)?;
    Ok(result? == Some(Ordering::Less))
}

/// `a < b`, for sorting.
pub(crate) fn is_less(vm: &mut Vm, a: &Value, b: &Value) -> Result<bool, Raise> {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => Ok(a < b),
        (Value::Int(a), Value::Int(b)) => Ok(a < b),
        (Value::Object(object), _) => match object.less(vm, b) {
            Some(result) => result,
            None => less(vm, a, b, CompareOp::Lt),
        },
        _ => less(vm, a, b, CompareOp::Lt),
    }
}

/// Elements that one comparison may look at where nobody can pay.
const MAX_STEPS: u64 = 1_000_000;
/// Steps for one unit of fuel.
const STEPS_PER_FUEL: u64 = 16;

/// Steps that are left.
struct Steps(u64);

impl Steps {
    fn of(vm: &Vm) -> Steps {
        Steps(vm.budget.fuel().saturating_mul(STEPS_PER_FUEL))
    }

    /// Pays for the steps that were taken since [`Steps::of`].
    fn pay(self, vm: &mut Vm) -> Result<(), Raise> {
        let before = vm.budget.fuel().saturating_mul(STEPS_PER_FUEL);
        vm.budget.spend(before.saturating_sub(self.0) / STEPS_PER_FUEL)
    }

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

/// `a == b`, where no budget is at hand: a bounded number of steps.
pub(crate) fn equal(a: &Value, b: &Value) -> Result<bool, Raise> {
    equal_at(a, b, 0, &mut Steps(MAX_STEPS))
}

/// The order of two values, if they have one, in a bounded number of steps.
pub(crate) fn order_of(a: &Value, b: &Value) -> Option<Ordering> {
    order(a, b, CompareOp::Lt, 0, &mut Steps(MAX_STEPS)).ok().flatten()
}

/// `a == b`, paid from the budget.
pub(crate) fn equal_paid(vm: &mut Vm, a: &Value, b: &Value) -> Result<bool, Raise> {
    let mut steps = Steps::of(vm);
    let result = equal_at(a, b, 0, &mut steps);
    steps.pay(vm)?;
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
            let ordered = matches!((&x.1, &y.1), (Flavour::Ordered, Flavour::Ordered));
            x.0.read(|x| {
                y.0.read(|y| {
                    if x.len() != y.len() || (ordered && !x.keys().eq(y.keys())) {
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
        (Value::Object(x), Value::Object(y)) => match (x.sort_key(), y.sort_key()) {
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
        Value::List(list) => list.0.read(|items| find_equal(vm, items, item)).map(|found| found.is_some()),
        Value::Tuple(tuple) => find_equal(vm, &tuple.0, item).map(|found| found.is_some()),
        other => {
            if let Value::Object(object) = other
                && let Some(found) = object.contains(vm, item)
            {
                return found;
            }
            let mut walk = Walk::over(other)?;
            while let Some(element) = walk.next()? {
                vm.budget.spend(1)?;
                if equal_paid(vm, &element, item)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

/// The position of the first element equal to `item`.
pub(crate) fn find_equal(vm: &mut Vm, items: &[Value], item: &Value) -> Result<Option<usize>, Raise> {
    let mut steps = Steps::of(vm);
    for (i, element) in items.iter().enumerate() {
        if element.is_same(item) || equal_at(element, item, 0, &mut steps)? {
            steps.pay(vm)?;
            return Ok(Some(i));
        }
    }
    steps.pay(vm)?;
    Ok(None)
}

/// A key to look up in a set: a set looks for its frozen twin.
pub(crate) fn set_key(item: &Value) -> Result<Key, Raise> {
    match item {
        Value::Set(set) if !set.immutable => Key::new(Value::frozenset(set.items.read(Clone::clone))),
        other => Key::new(other.clone()),
    }
}
