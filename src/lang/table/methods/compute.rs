//! Methods that compute: sums and the like.

use super::shared::{frame, is_true, labelled};
use crate::lang::builtins::args::int;
use crate::lang::compare;
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::Labelled;
use crate::lang::table::labels::axis_of;
use crate::lang::table::methods::order::distinct;
use crate::lang::table::objects::Series;
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;

/// What many cells come down to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Summary {
    All,
    Any,
    Count,
    First,
    Last,
    Max,
    Mean,
    Median,
    Min,
    Nunique,
    Prod,
    Size,
    Std,
    Sum,
    Var,
}

impl Summary {
    const NAMED: &'static [(&'static str, Summary)] = &[
        ("all", Summary::All),
        ("any", Summary::Any),
        ("count", Summary::Count),
        ("first", Summary::First),
        ("last", Summary::Last),
        ("max", Summary::Max),
        ("mean", Summary::Mean),
        ("median", Summary::Median),
        ("min", Summary::Min),
        ("nunique", Summary::Nunique),
        ("prod", Summary::Prod),
        ("size", Summary::Size),
        ("std", Summary::Std),
        ("sum", Summary::Sum),
        ("var", Summary::Var),
    ];

    pub(crate) fn name(self) -> &'static str {
        Summary::NAMED.iter().find(|(_, summary)| *summary == self).map_or("", |(name, _)| name)
    }

    pub(crate) fn named(name: &str) -> Result<Summary, Raise> {
        let known = Summary::NAMED.iter().map(|(name, _)| *name);
        let found = Summary::NAMED.iter().find(|(known, _)| *known == name).map(|(_, summary)| *summary);
        found.ok_or_else(|| {
            Raise::new(Exc::AttributeError, format!("`{name}` is no function of a column"))
                .did_you_mean(name, known)
        })
    }

    /// What `agg` takes for a summary: its name, or the function of Python that does the same.
    pub(crate) fn of(function: &Value) -> Result<Option<Summary>, Raise> {
        match function {
            Value::Str(name) => Summary::named(name).map(Some),
            Value::Builtin(builtin) => Ok(match builtin.name {
                "sum" => Some(Summary::Sum),
                "max" => Some(Summary::Max),
                "min" => Some(Summary::Min),
                _ => None,
            }),
            _ => Ok(None),
        }
    }
}

/// The summary of a column; missing cells do not count.
pub(crate) fn summary(vm: &mut Vm, column: &Column, summary: Summary) -> Result<Value, Raise> {
    vm.budget.spend(column.len() as u64 / 4)?;
    let present = || column.cells().iter().filter(|cell| !is_missing(cell));
    let count = |n: usize| Value::Int(n as i64);
    Ok(match summary {
        Summary::All => Value::Bool(present().all(Value::truth)),
        Summary::Any => Value::Bool(present().any(Value::truth)),
        Summary::Count => count(present().count()),
        Summary::Size => count(column.len()),
        Summary::Nunique => count(distinct(column, false)?),
        Summary::First => present().next().cloned().unwrap_or(MISSING),
        Summary::Last => present().next_back().cloned().unwrap_or(MISSING),
        Summary::Max | Summary::Min => {
            extreme(column, summary == Summary::Max)?.map_or(MISSING, |row| column.get(row))
        }
        Summary::Sum => sum(vm, column)?,
        Summary::Prod => {
            let mut product = Value::Int(1);
            for cell in present() {
                product = ops::binary(vm, BinaryOp::Mul, &product, cell)?;
            }
            product
        }
        Summary::Mean => Value::Float(mean(&numbers(column)?)),
        Summary::Median => Value::Float(median(numbers(column)?)),
        Summary::Std => Value::Float(variance(&numbers(column)?).sqrt()),
        Summary::Var => Value::Float(variance(&numbers(column)?)),
    })
}

fn numbers(column: &Column) -> Result<Vec<f64>, Raise> {
    let number = |cell: &Value| match Number::of(cell) {
        Some(number) => Ok(number.float()),
        None => Err(Raise::type_error(format!("a `{}` is no number", cell.type_name()))
            .help("change the type of the column: `.astype(float)`")),
    };
    column.cells().iter().filter(|cell| !is_missing(cell)).map(number).collect()
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => numbers[middle],
        _ => f64::midpoint(numbers[middle - 1], numbers[middle]),
    }
}

fn variance(numbers: &[f64]) -> f64 {
    let mean = mean(numbers);
    let squares: f64 = numbers.iter().map(|x| (x - mean) * (x - mean)).sum();
    if numbers.len() < 2 { f64::NAN } else { squares / (numbers.len() - 1) as f64 }
}

fn sum(vm: &mut Vm, column: &Column) -> Result<Value, Raise> {
    let present = || column.cells().iter().filter(|cell| !is_missing(cell));
    match column.dtype() {
        DType::Float => Ok(Value::Float(
            0.0 + present().map(|cell| Number::of(cell).map_or(0.0, Number::float)).sum::<f64>(),
        )),
        DType::Str => {
            let texts: Vec<&str> = present().filter_map(Value::as_str).collect();
            vm.budget.allocate(texts.iter().map(|text| text.len() as u64).sum())?;
            Ok(Value::from(texts.concat()))
        }
        dtype => {
            let starts_at_first = usize::from(dtype == DType::Object);
            let first = present().take(starts_at_first).next().cloned();
            let mut total = first.unwrap_or(Value::Int(0));
            for cell in present().skip(starts_at_first) {
                total = ops::binary(vm, BinaryOp::Add, &total, cell)?;
            }
            Ok(total)
        }
    }
}

/// The row of the largest or smallest cell; the first of equal ones.
fn extreme(column: &Column, max: bool) -> Result<Option<usize>, Raise> {
    let mut best: Option<usize> = None;
    for (row, cell) in column.cells().iter().enumerate().filter(|(_, cell)| !is_missing(cell)) {
        let Some(at) = best else {
            best = Some(row);
            continue;
        };
        let other = &column.cells()[at];
        let order = compare::order_of(cell, other).ok_or_else(|| {
            Raise::type_error(format!("`{}` and `{}` have no order", cell.type_name(), other.type_name()))
        })?;
        if if max { order.is_gt() } else { order.is_lt() } {
            best = Some(row);
        }
    }
    Ok(best)
}

pub(super) fn series_summary(vm: &mut Vm, me: &Value, args: Args, of: Summary) -> Result<Value, Raise> {
    let names = ["axis", "*skipna", "*numeric_only", "*min_count", "*ddof"];
    let [_, skipna, ..] = args.take(of.name(), names, 0)?;
    let column = labelled(me).column.clone();
    let keeps_missing =
        !is_true(skipna.as_ref(), true) && !matches!(of, Summary::All | Summary::Any | Summary::Count);
    if keeps_missing && column.has_missing() {
        return Ok(MISSING);
    }
    summary(vm, &column, of)
}

pub(super) fn frame_summary(vm: &mut Vm, me: &Value, args: Args, of: Summary) -> Result<Value, Raise> {
    let names = ["axis", "*skipna", "*numeric_only", "*min_count", "*ddof"];
    let [axis, _, numeric_only, ..] = args.take(of.name(), names, 0)?;
    let frame = frame(me);
    vm.budget.spend(frame.size() / 4)?;
    let whole = matches!(axis, Some(Value::None)) && matches!(of, Summary::All | Summary::Any);
    let numeric = is_true(numeric_only.as_ref(), false);
    let places: Vec<usize> = (0..frame.data.len())
        .filter(|at| {
            !numeric || frame.data[*at].dtype().is_number() || frame.data[*at].dtype() == DType::Bool
        })
        .collect();
    let frame = frame.select(&places);
    if axis_of(axis.as_ref())? == 1 {
        let mut cells = Vec::with_capacity(frame.rows());
        for row in 0..frame.rows() {
            cells.push(summary(vm, &frame.row(row).column, of)?);
        }
        return Ok(Series::value(Labelled::new(frame.index.clone(), Value::None, Column::infer(cells))));
    }
    let mut cells = Vec::with_capacity(frame.data.len());
    for column in &frame.data {
        cells.push(summary(vm, column, of)?);
    }
    let column = Column::infer(cells);
    if whole {
        return summary(vm, &column, of);
    }
    Ok(Series::value(Labelled::new(frame.columns.clone(), Value::None, column)))
}

/// The only cell.
pub(crate) fn only(column: &Column) -> Result<Value, Raise> {
    match column.len() {
        1 => Ok(column.get(0)),
        other => Err(Raise::value_error(format!("`item` needs exactly one value, here are {other}"))
            .help("choose one: `.iloc[0]`")),
    }
}

pub(super) fn extreme_label(_: &mut Vm, me: &Value, args: Args, max: bool) -> Result<Value, Raise> {
    args.none("idxmax")?;
    let labelled = labelled(me);
    match extreme(&labelled.column, max)? {
        Some(row) => Ok(labelled.index.label(row)),
        None => Err(Raise::value_error("the column is empty")),
    }
}

pub(crate) fn rounded(vm: &mut Vm, column: &Column, args: Args) -> Result<Column, Raise> {
    let [decimals] = args.take("round", ["decimals"], 0)?;
    let decimals = decimals.map_or(Ok(0), |decimals| int(&decimals, "round"))?;
    vm.budget.allocate_items(column.len() as u64)?;
    let scale = 10f64.powi(i32::try_from(decimals.clamp(-300, 300)).unwrap_or(0));
    let round = |cell: &Value| match cell {
        Value::Float(x) => Value::Float((x * scale).round_ties_even() / scale),
        other => other.clone(),
    };
    let cells = column.cells().iter().map(round).collect();
    Ok(Column::new(column.dtype(), cells))
}

pub(super) fn series_round(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let labelled = labelled(me);
    let column = rounded(vm, &labelled.column, args)?;
    Ok(Series::value(labelled.with_column(column)))
}

pub(super) fn series_abs(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("abs")?;
    let labelled = labelled(me);
    vm.budget.allocate_items(labelled.len() as u64)?;
    let column = labelled.column.map(|cell| match cell {
        Value::Int(n) => n.checked_abs().map(Value::Int).ok_or_else(ops::overflow),
        Value::Float(x) => Ok(Value::Float(x.abs())),
        other => Err(Raise::type_error(format!("a `{}` has no absolute value", other.type_name()))),
    })?;
    Ok(Series::value(labelled.with_column(column)))
}

pub(super) fn series_cumsum(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("cumsum")?;
    let labelled = labelled(me);
    let mut total: Option<Value> = None;
    let mut cells = Vec::with_capacity(labelled.len());
    vm.budget.allocate_items(labelled.len() as u64)?;
    for cell in labelled.column.cells() {
        if is_missing(cell) {
            cells.push(MISSING);
            continue;
        }
        let sum = match total.take() {
            Some(total) => ops::binary(vm, BinaryOp::Add, &total, cell)?,
            None => ops::binary(vm, BinaryOp::Add, &Value::Int(0), cell)?,
        };
        cells.push(sum.clone());
        total = Some(sum);
    }
    Ok(Series::value(labelled.with_column(Column::infer(cells))))
}
