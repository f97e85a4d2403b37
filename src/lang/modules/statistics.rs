//! The module `statistics`: what one needs to choose resources.

use super::ModuleDef;
use super::math::exact_sum;
use crate::lang::builtins::args::wrong;
use crate::lang::builtins::sequence::sort;
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, DictMap, Key, Type, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "statistics",
    functions: &[
        Builtin {
            name: "fmean",
            call: |vm, args| {
                let x = data(vm, args, "fmean")?;
                Ok(Value::Float(mean_of(&x)?))
            },
        },
        Builtin { name: "mean", call: mean },
        Builtin { name: "median", call: |vm, args| median(vm, args, "median") },
        Builtin { name: "median_high", call: |vm, args| median(vm, args, "median_high") },
        Builtin { name: "median_low", call: |vm, args| median(vm, args, "median_low") },
        Builtin { name: "mode", call: |vm, args| modes(vm, args, "mode") },
        Builtin { name: "multimode", call: |vm, args| modes(vm, args, "multimode") },
        Builtin {
            name: "pstdev",
            call: |vm, args| spread(vm, args, "pstdev", 0).map(|x| Value::Float(x.sqrt())),
        },
        Builtin {
            name: "stdev",
            call: |vm, args| spread(vm, args, "stdev", 1).map(|x| Value::Float(x.sqrt())),
        },
    ],
    values: || vec![("StatisticsError", Value::Type(Type::Exception(Exc::StatisticsError)))],
    refused: &[
        ("quantiles", "compute it in a script that a rule runs"),
        ("variance", "use `statistics.stdev(x) ** 2`"),
        ("pvariance", "use `statistics.pstdev(x) ** 2`"),
    ],
};

fn none(name: &str) -> Raise {
    Raise::new(Exc::StatisticsError, format!("`{name}` of no data"))
}

fn data(vm: &mut Vm, args: Args, name: &str) -> Result<Vec<f64>, Raise> {
    let items = vm.collect(&args.one(name)?)?;
    if items.is_empty() {
        return Err(none(name));
    }
    vm.budget.spend(items.len() as u64)?;
    let number =
        |item: &Value| Number::of(item).map(Number::float).ok_or_else(|| wrong(item, name, "numbers"));
    items.iter().map(number).collect()
}

fn mean_of(values: &[f64]) -> Result<f64, Raise> {
    Ok(exact_sum(values)? / values.len() as f64)
}

/// Of whole numbers the mean is one, too, when it is whole.
fn mean(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let items = vm.collect(&args.one("mean")?)?;
    if items.is_empty() {
        return Err(none("mean"));
    }
    vm.budget.spend(items.len() as u64)?;
    let mut total: i128 = 0;
    for item in &items {
        match Number::of(item) {
            Some(Number::Int(n)) => total += i128::from(n),
            Some(Number::Float(_)) => {
                return mean_of(&data(vm, Args::positional(vec![Value::list(items)]), "mean")?)
                    .map(Value::Float);
            }
            None => return Err(wrong(item, "mean", "numbers")),
        }
    }
    let count = items.len() as i128;
    if total % count == 0 {
        return i64::try_from(total / count).map(Value::Int).map_err(|_| ops::overflow());
    }
    Ok(Value::Float(total as f64 / count as f64))
}

fn median(vm: &mut Vm, args: Args, name: &str) -> Result<Value, Raise> {
    let items = vm.collect(&args.one(name)?)?;
    let items = sort(vm, items, None, false)?;
    let middle = items.len() / 2;
    match (items.len() % 2, name) {
        _ if items.is_empty() => Err(none(name)),
        (1, _) | (0, "median_high") => Ok(items[middle].clone()),
        (_, "median_low") => Ok(items[middle - 1].clone()),
        _ => {
            let sum = ops::binary(vm, BinaryOp::Add, &items[middle - 1], &items[middle])?;
            ops::binary(vm, BinaryOp::Div, &sum, &Value::Int(2))
        }
    }
}

fn modes(vm: &mut Vm, args: Args, name: &str) -> Result<Value, Raise> {
    let mut counts = DictMap::default();
    for item in vm.collect(&args.one(name)?)? {
        vm.budget.spend(1)?;
        vm.budget.allocate_items(2)?;
        let count = counts.entry(Key::new(item)?).or_insert(Value::Int(0));
        *count = Value::Int(ops::as_int(count).unwrap_or(0) + 1);
    }
    let most = counts.values().filter_map(ops::as_int).max();
    let mut frequent =
        counts.iter().filter(|(_, count)| ops::as_int(count) == most).map(|(key, _)| key.value());
    match name {
        "multimode" => Ok(Value::list(frequent.collect())),
        _ => frequent.next().ok_or_else(|| none(name)),
    }
}

fn spread(vm: &mut Vm, args: Args, name: &str, missing: usize) -> Result<f64, Raise> {
    let values = data(vm, args, name)?;
    if values.len() <= missing {
        return Err(Raise::new(Exc::StatisticsError, format!("`{name}` needs at least two values")));
    }
    let mean = mean_of(&values)?;
    let squares: Vec<f64> = values.iter().map(|x| (x - mean) * (x - mean)).collect();
    Ok(exact_sum(&squares)? / (values.len() - missing) as f64)
}
