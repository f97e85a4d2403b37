//! The module `numpy`: what workflows use beside tables. Arrays are columns without labels.

use crate::lang::builtins::args::int;
use crate::lang::modules::ModuleDef;
use crate::lang::ops::Number;
use crate::lang::raise::Raise;
use crate::lang::table;
use crate::lang::value::{Args, Builtin, Type, Value};
use crate::lang::vm::Vm;

const RULE: &str = "let a rule compute it with a program, and read its result";
const CHANCE: &str = "a Rulefile gives the same workflow every time: take the value from `config`";

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "numpy",
    functions: FUNCTIONS,
    values,
    refused: &[
        ("linalg", RULE),
        ("load", RULE),
        ("loadtxt", "read it with `pd.read_csv(path, sep=r\"\\s+\", header=None)`"),
        ("genfromtxt", "read it with `pd.read_csv(path)`"),
        ("random", CHANCE),
        ("save", "write files in the actions of a rule"),
        ("savetxt", "write files in the actions of a rule"),
    ],
};

static FUNCTIONS: &[Builtin] = &[
    Builtin { name: "abs", call: |vm, args| each(vm, args, "abs", f64::abs) },
    Builtin { name: "all", call: |vm, args| summed(vm, args, "all") },
    Builtin { name: "any", call: |vm, args| summed(vm, args, "any") },
    Builtin { name: "arange", call: arange },
    Builtin { name: "array", call: array },
    Builtin { name: "asarray", call: array },
    Builtin { name: "ceil", call: |vm, args| each(vm, args, "ceil", f64::ceil) },
    Builtin { name: "concatenate", call: concatenate },
    Builtin { name: "exp", call: |vm, args| each(vm, args, "exp", f64::exp) },
    Builtin { name: "floor", call: |vm, args| each(vm, args, "floor", f64::floor) },
    Builtin { name: "isnan", call: |vm, args| test(vm, args, "isnan", f64::is_nan) },
    Builtin { name: "isfinite", call: |vm, args| test(vm, args, "isfinite", f64::is_finite) },
    Builtin { name: "linspace", call: linspace },
    Builtin { name: "log", call: |vm, args| each(vm, args, "log", f64::ln) },
    Builtin { name: "log10", call: |vm, args| each(vm, args, "log10", f64::log10) },
    Builtin { name: "log2", call: |vm, args| each(vm, args, "log2", f64::log2) },
    Builtin { name: "max", call: |vm, args| summed(vm, args, "max") },
    Builtin { name: "mean", call: |vm, args| summed(vm, args, "mean") },
    Builtin { name: "median", call: |vm, args| summed(vm, args, "median") },
    Builtin { name: "min", call: |vm, args| summed(vm, args, "min") },
    Builtin { name: "ones", call: |vm, args| filled(vm, args, 1.0) },
    Builtin { name: "repeat", call: repeat },
    Builtin { name: "round", call: round },
    Builtin { name: "sort", call: sort },
    Builtin { name: "sqrt", call: |vm, args| each(vm, args, "sqrt", f64::sqrt) },
    Builtin { name: "sum", call: |vm, args| summed(vm, args, "sum") },
    Builtin { name: "unique", call: unique },
    Builtin { name: "where", call: choose },
    Builtin { name: "zeros", call: |vm, args| filled(vm, args, 0.0) },
];

fn values() -> Vec<(&'static str, Value)> {
    let types = [
        ("bool_", Type::Bool),
        ("float32", Type::Float),
        ("float64", Type::Float),
        ("int32", Type::Int),
        ("int64", Type::Int),
        ("ndarray", Type::Host(&table::ARRAY)),
        ("object_", Type::Object),
        ("str_", Type::Str),
    ];
    let numbers = [
        ("NaN", f64::NAN),
        ("e", std::f64::consts::E),
        ("inf", f64::INFINITY),
        ("nan", f64::NAN),
        ("pi", std::f64::consts::PI),
    ];
    let numbers = numbers.map(|(name, x)| (name, Value::Float(x)));
    types.map(|(name, of)| (name, Value::Type(of))).into_iter().chain(numbers).collect()
}

fn number(value: &Value, function: &str) -> Result<f64, Raise> {
    let wrong = || Raise::type_error(format!("`{function}` needs a number, not `{}`", value.type_name()));
    Number::of(value).map(Number::float).ok_or_else(wrong)
}

/// A function of one number, or of every cell.
fn each(vm: &mut Vm, args: Args, name: &'static str, function: fn(f64) -> f64) -> Result<Value, Raise> {
    let value = args.one(name)?;
    table::on_numbers(vm, &value, |cell| match (name, cell) {
        ("abs", Value::Int(n)) => n.checked_abs().map(Value::Int).ok_or_else(crate::lang::ops::overflow),
        _ => Ok(Value::Float(function(number(cell, name)?))),
    })
}

fn test(vm: &mut Vm, args: Args, name: &'static str, function: fn(f64) -> bool) -> Result<Value, Raise> {
    let value = args.one(name)?;
    table::on_numbers(vm, &value, |cell| Ok(Value::Bool(function(number(cell, name)?))))
}

fn round(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [value, decimals] = args.take("round", ["a", "decimals"], 1)?;
    let decimals = decimals.map_or(Ok(0), |decimals| int(&decimals, "round"))?;
    let scale = 10f64.powi(i32::try_from(decimals.clamp(-300, 300)).unwrap_or(0));
    table::on_numbers(vm, &value.unwrap_or(Value::None), |cell| match cell {
        Value::Int(n) if decimals >= 0 => Ok(Value::Int(*n)),
        cell => Ok(Value::Float((number(cell, "round")? * scale).round_ties_even() / scale)),
    })
}

/// A method of arrays as a function.
fn summed(vm: &mut Vm, args: Args, name: &'static str) -> Result<Value, Raise> {
    let array = table::as_array(vm, &args.one(name)?)?;
    table::array_method(vm, &array, name)
}

fn array(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [values, dtype] = args.take("array", ["object", "dtype"], 1)?;
    let array = table::as_array(vm, &values.unwrap_or(Value::None))?;
    match dtype {
        None | Some(Value::None) => Ok(array),
        Some(dtype) => table::cast_array(&array, &dtype),
    }
}

fn unique(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let values = args.one("unique")?;
    table::sorted_unique(vm, &values)
}

fn sort(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let values = args.one("sort")?;
    table::sorted(vm, &values)
}

/// `np.arange(stop)`, `np.arange(start, stop, step)`
fn arange(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [first, second, step] = args.take("arange", ["start", "stop", "step"], 1)?;
    let (start, stop) = match (first, second) {
        (Some(stop), None) => (Value::Int(0), stop),
        (start, stop) => (start.unwrap_or(Value::Int(0)), stop.unwrap_or(Value::None)),
    };
    let step = step.unwrap_or(Value::Int(1));
    let whole = [&start, &stop, &step].iter().all(|value| matches!(value, Value::Int(_)));
    let (from, to, by) = (number(&start, "arange")?, number(&stop, "arange")?, number(&step, "arange")?);
    if by == 0.0 {
        return Err(Raise::value_error("`arange` with step 0"));
    }
    let count = ((to - from) / by).ceil().max(0.0);
    // A number that is too large for a length is refused by the budget.
    vm.budget.allocate_items(count as u64)?;
    let cell = |i: u64| match (&start, &step) {
        (Value::Int(start), Value::Int(step)) if whole => {
            Value::Int(start.saturating_add(step.saturating_mul(i as i64)))
        }
        _ => Value::Float(from + i as f64 * by),
    };
    Ok(table::numbers((0..count as u64).map(cell).collect()))
}

/// `np.linspace(start, stop, num=50, endpoint=True)`
fn linspace(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [start, stop, count, endpoint] = args.take("linspace", ["start", "stop", "num", "endpoint"], 2)?;
    let from = number(&start.unwrap_or(Value::None), "linspace")?;
    let to = number(&stop.unwrap_or(Value::None), "linspace")?;
    let count = u64::try_from(count.map_or(Ok(50), |count| int(&count, "linspace"))?)
        .map_err(|_| Raise::value_error("`linspace` needs a number of values that is not negative"))?;
    vm.budget.allocate_items(count)?;
    let closed = endpoint.is_none_or(|value| value.truth());
    let parts = if closed { count.saturating_sub(1) } else { count };
    let step = (to - from) / parts.max(1) as f64;
    let cell = |i: u64| match closed && i + 1 == count && count > 1 {
        true => Value::Float(to),
        false => Value::Float(i as f64 * step + from),
    };
    Ok(table::numbers((0..count).map(cell).collect()))
}

fn filled(vm: &mut Vm, args: Args, with: f64) -> Result<Value, Raise> {
    let [count, dtype] = args.take("zeros", ["shape", "dtype"], 1)?;
    let count = u64::try_from(int(&count.unwrap_or(Value::None), "zeros")?).unwrap_or(0);
    vm.budget.allocate_items(count)?;
    let array = table::numbers((0..count).map(|_| Value::Float(with)).collect());
    match dtype {
        None | Some(Value::None) => Ok(array),
        Some(dtype) => table::cast_array(&array, &dtype),
    }
}

fn repeat(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [values, count] = args.take("repeat", ["a", "repeats"], 2)?;
    let count = usize::try_from(int(&count.unwrap_or(Value::None), "repeat")?).unwrap_or(0);
    let values = values.unwrap_or(Value::None);
    let values = if crate::lang::iter::Walk::over(&values).is_ok() && values.as_str().is_none() {
        vm.collect(&values)?
    } else {
        vec![values]
    };
    vm.budget.allocate_items((values.len() as u64).saturating_mul(count as u64))?;
    let cells = values.iter().flat_map(|value| std::iter::repeat_n(value.clone(), count)).collect();
    Ok(table::numbers(cells))
}

fn concatenate(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [arrays, _] = args.take("concatenate", ["arrays", "axis"], 1)?;
    let mut cells = Vec::new();
    for array in vm.collect(&arrays.unwrap_or(Value::None))? {
        cells.extend(vm.collect(&array)?);
    }
    Ok(table::numbers(cells))
}

/// `np.where(condition, a, b)`
fn choose(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [condition, then, otherwise] = args.take("where", ["condition", "x", "y"], 3)?;
    let [condition, then, otherwise] = [condition, then, otherwise].map(|value| value.unwrap_or(Value::None));
    table::chosen(vm, &condition, &then, &otherwise)
}
