//! Methods that compute: sums and the like, functions on cells, rows and columns.

use super::shared::{call, frame, give_frame, give_series, given, is_true, labelled, labels, mapped};
use crate::lang::builtins::args::{int, text};
use crate::lang::compare;
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::arrange::{self, SortKey};
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::data_frame::{columns_of, with_column};
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::index::Index;
use crate::lang::table::labels::axis_of;
use crate::lang::table::methods::order::distinct;
use crate::lang::table::objects::{DataFrame, Series, as_column, frame_of, is_scalar, labelled_of};
use crate::lang::value::{Args, Key, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;
use std::sync::Arc;

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

// ---- functions of the user

/// What `apply` passes on to the function.
struct Applied {
    function: Value,
    extra: Args,
}

impl Applied {
    fn call(&self, vm: &mut Vm, value: Value) -> Result<Value, Raise> {
        vm.budget.spend(1)?;
        let mut args = self.extra.clone();
        args.positional.insert(0, value);
        vm.call_value(&self.function, args, None)
    }
}

/// Takes the parameters `known` of `apply` away; all others are for the function.
fn applied<const N: usize>(
    vm: &mut Vm,
    mut args: Args,
    known: [&str; N],
) -> Result<(Applied, [Option<Value>; N]), Raise> {
    let mut values = [const { None }; N];
    let mut positional = std::mem::take(&mut args.positional).into_iter();
    let mut function = positional.next();
    for (slot, value) in values.iter_mut().zip(positional) {
        *slot = Some(value);
    }
    let mut extra = Args::default();
    for (name, value) in args.named {
        match known.iter().position(|known| **known == *name) {
            _ if &*name == "func" => function = Some(value),
            _ if &*name == "args" => extra.positional = vm.collect(&value)?,
            Some(at) => values[at] = Some(value),
            None => extra.named.push((name, value)),
        }
    }
    let function = function.ok_or_else(|| Raise::type_error("`apply` needs a function"))?;
    Ok((Applied { function, extra }, values))
}

pub(super) fn series_apply(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let (applied, _) = applied(vm, args, ["convert_dtype"])?;
    let labelled = labelled(me);
    vm.budget.allocate_items(labelled.len() as u64)?;
    if let Some(of) = applied.function.as_str() {
        return summary(vm, &labelled.column, Summary::named(of)?);
    }
    let mut cells = Vec::with_capacity(labelled.len());
    for cell in labelled.column.cells() {
        cells.push(applied.call(vm, cell.clone())?);
    }
    if let Some(frame) = rows_from_series(vm, &labelled.index, &cells)? {
        return Ok(DataFrame::value(frame));
    }
    Ok(Series::value(labelled.with_column(Column::infer(cells))))
}

pub(super) fn frame_apply(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let (applied, [axis, _, result_type]) = applied(vm, args, ["axis", "raw", "result_type"])?;
    let frame = frame(me);
    vm.budget.spend(frame.size())?;
    let by_row = axis_of(axis.as_ref())? == 1;
    if let Some(of) = applied.function.as_str() {
        let named = vec![("axis".into(), Value::Int(i64::from(by_row)))];
        return frame_summary(vm, me, Args { positional: Vec::new(), named }, Summary::named(of)?);
    }
    let count = if by_row { frame.rows() } else { frame.data.len() };
    let mut results = Vec::with_capacity(count);
    for at in 0..count {
        if by_row {
            vm.budget.allocate_items(frame.data.len() as u64 + 8)?;
        }
        let part = if by_row { frame.row(at) } else { frame.series(at) };
        results.push(applied.call(vm, Series::value(part))?);
    }
    let labels = if by_row { &frame.index } else { &frame.columns };
    if let Some(rows) = rows_from_series(vm, labels, &results)? {
        let frame = if by_row { rows } else { crate::lang::table::data_frame::transposed(&rows) };
        return Ok(DataFrame::value(retyped(frame)));
    }
    if result_type.as_ref().and_then(Value::as_str) == Some("expand") && by_row {
        let rows: Vec<Vec<Value>> = results.iter().map(|row| vm.collect(row)).collect::<Result<_, _>>()?;
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &Vec<Value>, at: usize| row.get(at).cloned().unwrap_or(MISSING);
        let column = |at| Arc::new(Column::infer(rows.iter().map(|row| cell(row, at)).collect()));
        let data = (0..width).map(column).collect();
        return Ok(DataFrame::value(Frame::new(frame.index.clone(), Index::count(width), data)));
    }
    Ok(Series::value(Labelled::new(labels.clone(), Value::None, Column::infer(results))))
}

/// Columns with the types of their cells.
fn retyped(frame: Frame) -> Frame {
    let data = frame.data.iter().map(|column| match column.dtype() {
        DType::Object => Arc::new(Column::infer(column.cells().to_vec())),
        _ => column.clone(),
    });
    Frame { data: data.collect(), ..frame.clone() }
}

/// A table with a row for each series, when all results are series.
pub(crate) fn rows_from_series(
    vm: &mut Vm,
    index: &Arc<Index>,
    results: &[Value],
) -> Result<Option<Frame>, Raise> {
    let Some(rows) = results.iter().map(labelled_of).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(first) = rows.first() else { return Ok(None) };
    let mut columns = first.index.clone();
    for row in &rows[1..] {
        if !columns.same_labels(&row.index)? {
            columns = arrange::union(vm, &columns, &row.index, false)?;
        }
    }
    vm.budget.allocate_items((rows.len() * columns.len()) as u64)?;
    let mut data = Vec::with_capacity(columns.len());
    for at in 0..columns.len() {
        let label = columns.label(at);
        let mut cells = Vec::with_capacity(rows.len());
        for row in &rows {
            cells.push(row.index.find(&label)?.rows().first().map_or(MISSING, |at| row.column.get(*at)));
        }
        data.push(Arc::new(Column::infer(cells)));
    }
    Ok(Some(Frame::new(index.clone(), columns, data)))
}

pub(super) fn frame_map(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [function, _] = args.take("map", ["func", "na_action"], 1)?;
    let function = function.unwrap_or(Value::None);
    let frame = frame(me);
    let mut data = Vec::with_capacity(frame.data.len());
    for column in &frame.data {
        data.push(Arc::new(mapped(vm, column, &function)?));
    }
    Ok(DataFrame::value(Frame { data, ..(*frame).clone() }))
}

pub(super) fn series_map(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [mapper, na_action] = args.take("map", ["arg", "na_action"], 1)?;
    let (labelled, mapper) = (labelled(me), mapper.unwrap_or(Value::None));
    let ignores = na_action.as_ref().and_then(Value::as_str) == Some("ignore");
    if !ignores || !mapper.is_callable() {
        let column = mapped(vm, &labelled.column, &mapper)?;
        return Ok(Series::value(labelled.with_column(column)));
    }
    let mut cells = Vec::with_capacity(labelled.len());
    for cell in labelled.column.cells() {
        cells.push(if is_missing(cell) { cell.clone() } else { call(vm, &mapper, cell.clone())? });
    }
    Ok(Series::value(labelled.with_column(Column::infer(cells))))
}

/// `pipe(function, ...)`
pub(super) fn pipe(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let (applied, []) = applied(vm, Args { positional: args.positional.clone(), named: args.named }, [])?;
    let mut extra = applied.extra;
    extra.positional = args.positional.into_iter().skip(1).collect();
    Applied { function: applied.function, extra }.call(vm, me.clone())
}

/// `agg("sum")`, `agg(["min", "max"])`, `agg({"a": "sum"})`, or a function of the whole.
pub(super) fn series_agg(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [function] = args.take("agg", ["func"], 1)?;
    let labelled = labelled(me);
    match function.unwrap_or(Value::None) {
        Value::Str(name) => summary(vm, &labelled.column, Summary::named(&name)?),
        list @ Value::List(_) => {
            let (mut labels, mut cells) = (Vec::new(), Vec::new());
            for function in vm.collect(&list)? {
                labels.push(super::shared::function_name(&function));
                cells.push(reduced(vm, &labelled, &function)?);
            }
            let index = Index::from_labels(labels, None);
            Ok(Series::value(Labelled::new(index, labelled.name.clone(), Column::infer(cells))))
        }
        function => reduced(vm, &labelled, &function),
    }
}

/// A column by a summary or a function.
pub(crate) fn reduced(vm: &mut Vm, labelled: &Labelled, function: &Value) -> Result<Value, Raise> {
    match Summary::of(function)? {
        Some(of) => summary(vm, &labelled.column, of),
        None => call(vm, function, Series::value(labelled.clone())),
    }
}

pub(super) fn frame_agg(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [function, axis] = args.clone().take("agg", ["func", "axis"], 1)?;
    let function = function.unwrap_or(Value::None);
    let frame = frame(me);
    if let Value::Dict(_) = &function {
        let (mut labels, mut cells) = (Vec::new(), Vec::new());
        for (label, function) in vm.pairs(&function)? {
            let at = frame.expect(label.get())?;
            labels.push(label.value());
            cells.push(reduced(vm, &frame.series(at), &function)?);
        }
        let index = Index::from_labels(labels, None);
        return Ok(Series::value(Labelled::new(index, Value::None, Column::infer(cells))));
    }
    if let Value::List(_) = &function {
        return Err(Raise::unsupported(
            "`agg` of a table takes no list",
            "give a dict: `agg({\"column\": \"sum\"})`",
        ));
    }
    let _ = axis;
    frame_apply(vm, me, args)
}

// ---- changes of cells

pub(super) fn frame_astype(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [dtype, _, _] = args.take("astype", ["dtype", "copy", "errors"], 1)?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size())?;
    let dtype = dtype.unwrap_or(Value::None);
    let mut new = (*frame).clone();
    if let Value::Dict(_) = &dtype {
        for (label, dtype) in vm.pairs(&dtype)? {
            let at = frame.expect(label.get())?;
            new.data[at] = Arc::new(frame.data[at].cast(DType::named(&dtype)?)?);
        }
        return Ok(DataFrame::value(new));
    }
    let to = DType::named(&dtype)?;
    for column in &mut new.data {
        *column = Arc::new(column.cast(to)?);
    }
    Ok(DataFrame::value(new))
}

pub(super) fn series_astype(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [dtype, _, _] = args.take("astype", ["dtype", "copy", "errors"], 1)?;
    let labelled = labelled(me);
    vm.budget.allocate_items(labelled.len() as u64)?;
    let column = labelled.column.cast(DType::named(&dtype.unwrap_or(Value::None))?)?;
    Ok(Series::value(labelled.with_column(column)))
}

/// Which cells are among some values.
pub(crate) fn among(column: &Column, values: &Column) -> Result<Column, Raise> {
    let wanted = values.places()?;
    let has_missing = values.has_missing();
    let mut rows = Vec::new();
    for (row, cell) in column.cells().iter().enumerate() {
        let found =
            if is_missing(cell) { has_missing } else { wanted.contains_key(&Key::new(cell.clone())?) };
        if found {
            rows.push(row);
        }
    }
    Ok(Column::mask(column.len(), rows))
}

pub(super) fn series_isin(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let values = args.one("isin")?;
    if is_scalar(&values) {
        return Err(Raise::type_error(format!("`isin` takes a list, not `{}`", values.type_name()))
            .help("compare with a single value: `==`"));
    }
    let labelled = labelled(me);
    vm.budget.allocate_items(labelled.len() as u64)?;
    let wanted = as_column(vm, &values)?;
    Ok(Series::value(labelled.with_column(among(&labelled.column, &wanted)?)))
}

pub(super) fn frame_isin(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let values = args.one("isin")?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size())?;
    let mut data = Vec::with_capacity(frame.data.len());
    for (at, column) in frame.data.iter().enumerate() {
        let wanted = match &values {
            Value::Dict(dict) => dict.0.read(|map| map.get(&Key(frame.columns.label(at))).cloned()),
            other => Some(other.clone()),
        };
        let wanted = wanted.unwrap_or_else(|| Value::list(Vec::new()));
        let wanted = as_column(vm, &wanted)?;
        data.push(Arc::new(among(column, &wanted)?));
    }
    Ok(DataFrame::value(Frame { data, ..(*frame).clone() }))
}

pub(super) fn between(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    use crate::lang::table::elementwise::compare_cells;
    use crate::syntax::ast::CompareOp;
    let [low, high, inclusive] = args.take("between", ["left", "right", "inclusive"], 2)?;
    let (low, high) = (low.unwrap_or(Value::None), high.unwrap_or(Value::None));
    let (from, to) = match inclusive.as_ref().and_then(Value::as_str).unwrap_or("both") {
        "both" => (CompareOp::Ge, CompareOp::Le),
        "left" => (CompareOp::Ge, CompareOp::Lt),
        "right" => (CompareOp::Gt, CompareOp::Le),
        _ => (CompareOp::Gt, CompareOp::Lt),
    };
    let labelled = labelled(me);
    let inside = |cell: &Value| Ok(compare_cells(from, cell, &low)? && compare_cells(to, cell, &high)?);
    let flags: Result<Vec<bool>, Raise> = labelled.column.cells().iter().map(inside).collect();
    Ok(Series::value(labelled.with_column(arrange::truths(flags?))))
}

/// What `replace` puts in place of what.
enum Replacement {
    Values(Vec<(Value, Value)>),
    Patterns(Vec<(regex::Regex, Arc<str>)>),
}

impl Replacement {
    fn of(vm: &mut Vm, what: &Value, by: Option<&Value>, regex: bool) -> Result<Replacement, Raise> {
        let pairs: Vec<(Value, Value)> = match (what, by) {
            (Value::Dict(_), _) => {
                vm.pairs(what)?.into_iter().map(|(key, value)| (key.value(), value)).collect()
            }
            (Value::List(_), Some(by @ Value::List(_))) => {
                vm.collect(what)?.into_iter().zip(vm.collect(by)?).collect()
            }
            (Value::List(_), by) => {
                let by = by.cloned().unwrap_or(MISSING);
                vm.collect(what)?.into_iter().map(|old| (old, by.clone())).collect()
            }
            (one, by) => vec![(one.clone(), by.cloned().unwrap_or(MISSING))],
        };
        if !regex {
            return Ok(Replacement::Values(pairs));
        }
        let patterns = pairs.into_iter().map(|(old, new)| {
            Ok((crate::lang::table::text::pattern(&text(&old, "replace")?)?, text(&new, "replace")?))
        });
        patterns.collect::<Result<_, Raise>>().map(Replacement::Patterns)
    }

    fn apply(&self, vm: &mut Vm, column: &Column) -> Result<Column, Raise> {
        vm.budget.allocate_items(column.len() as u64)?;
        let cells = column.cells().iter();
        let mut changed = false;
        let cells: Vec<Value> = match self {
            Replacement::Values(pairs) => cells
                .map(|cell| {
                    let same = |old: &Value| {
                        cell.is_same(old)
                            || (is_missing(cell) && is_missing(old))
                            || (!is_missing(cell) && compare::equal(cell, old).unwrap_or(false))
                    };
                    match pairs.iter().find(|(old, _)| same(old)) {
                        Some((_, new)) => {
                            changed = true;
                            new.clone()
                        }
                        None => cell.clone(),
                    }
                })
                .collect(),
            Replacement::Patterns(patterns) => {
                let mut new = Vec::with_capacity(column.len());
                for cell in cells {
                    new.push(match cell {
                        Value::Str(text) => {
                            changed = true;
                            let mut text = text.to_string();
                            for (pattern, by) in patterns {
                                text =
                                    crate::lang::table::text::replaced(vm, &text, pattern, by, usize::MAX)?;
                            }
                            Value::from(text)
                        }
                        other => other.clone(),
                    });
                }
                new
            }
        };
        // `None` in place of something is meant as it is.
        let keeps_none = changed && cells.iter().any(|cell| matches!(cell, Value::None));
        Ok(match (changed, keeps_none) {
            (false, _) => Column::new(column.dtype(), cells),
            (true, true) => Column::new(DType::Object, cells),
            (true, false) => Column::infer(cells),
        })
    }
}

const REPLACE: [&str; 4] = ["to_replace", "value", "*inplace", "*regex"];

pub(super) fn frame_replace(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [what, by, in_place, regex] = args.take("replace", REPLACE, 1)?;
    let what = what.unwrap_or(Value::None);
    let regex = is_true(regex.as_ref(), false);
    let frame = frame(me);
    let mut new = (*frame).clone();
    let nested = match &what {
        Value::Dict(dict) => {
            dict.0.read(|map| !map.is_empty() && map.values().all(|v| matches!(v, Value::Dict(_))))
        }
        _ => false,
    };
    if nested {
        for (label, inner) in vm.pairs(&what)? {
            let replacement = Replacement::of(vm, &inner, None, regex)?;
            let at = frame.expect(label.get())?;
            new.data[at] = Arc::new(replacement.apply(vm, &frame.data[at])?);
        }
    } else {
        let replacement = Replacement::of(vm, &what, by.as_ref(), regex)?;
        for column in &mut new.data {
            *column = Arc::new(replacement.apply(vm, column)?);
        }
    }
    give_frame(me, new, in_place.as_ref())
}

pub(super) fn series_replace(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [what, by, in_place, regex] = args.take("replace", REPLACE, 1)?;
    let labelled = labelled(me);
    let what = what.unwrap_or(Value::None);
    let replacement = Replacement::of(vm, &what, by.as_ref(), is_true(regex.as_ref(), false))?;
    let column = replacement.apply(vm, &labelled.column)?;
    give_series(me, labelled.with_column(column), in_place.as_ref())
}

pub(super) fn assign(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let mut frame = (*frame(me)).clone();
    for (name, value) in args.named {
        let value = match value.is_callable() {
            true => call(vm, &value, DataFrame::value(frame.clone()))?,
            false => value,
        };
        frame = with_column(vm, &frame, Value::Str(name), &value)?;
    }
    Ok(DataFrame::value(frame))
}

/// `where(condition, other)` keeps cells where the condition holds, `mask` where it does not.
pub(super) fn series_where(vm: &mut Vm, me: &Value, args: Args, keep: bool) -> Result<Value, Raise> {
    let [condition, other] = args.take("where", ["cond", "other"], 1)?;
    let labelled = labelled(me);
    let mut condition = condition.unwrap_or(Value::None);
    if condition.is_callable() {
        condition = call(vm, &condition, me.clone())?;
    }
    let mask = as_column(vm, &condition)?;
    if mask.len() != labelled.len() {
        return Err(Raise::value_error("the condition does not fit the column"));
    }
    let other = other.unwrap_or(MISSING);
    let others = if is_scalar(&other) { None } else { Some(as_column(vm, &other)?) };
    let other_at = |row: usize| match &others {
        Some(others) => others.cells().get(row).cloned().unwrap_or(MISSING),
        None => other.clone(),
    };
    vm.budget.allocate_items(labelled.len() as u64)?;
    let cell = |row| if mask.is_true(row) == keep { labelled.column.get(row) } else { other_at(row) };
    Ok(Series::value(labelled.with_column(Column::infer((0..labelled.len()).map(cell).collect()))))
}

/// `filter(items=..., like=..., regex=...)`: some columns by their names.
pub(super) fn frame_filter(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [items, like, regex, _] = args.take("filter", ["items", "like", "regex", "axis"], 0)?;
    let frame = frame(me);
    let names = frame.columns.labels();
    let places: Vec<usize> = match (given(items), given(like), given(regex)) {
        (Some(items), _, _) => {
            let items = labels(vm, &items)?;
            items.iter().filter_map(|label| frame.position(label)).collect()
        }
        (_, Some(like), _) => {
            let like = text(&like, "filter")?;
            (0..names.len()).filter(|at| names[*at].display().contains(&*like)).collect()
        }
        (_, _, Some(regex)) => {
            let pattern = crate::lang::table::text::pattern(&text(&regex, "filter")?)?;
            (0..names.len()).filter(|at| pattern.is_match(&names[*at].display())).collect()
        }
        _ => return Err(Raise::type_error("`filter` needs `items`, `like` or `regex`")),
    };
    Ok(DataFrame::value(frame.select(&places)))
}

pub(super) fn equals(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let other = args.one("equals")?;
    let same_cells = |a: &Column, b: &Column| {
        let pairs = a.cells().iter().zip(b.cells());
        a.dtype() == b.dtype()
            && a.len() == b.len()
            && pairs.into_iter().all(|(x, y)| x.is_same(y) || compare::equal(x, y).unwrap_or(false))
    };
    if let (Some(a), Some(b)) = (labelled_of(me), labelled_of(&other)) {
        return Ok(Value::Bool(a.index.same_labels(&b.index)? && same_cells(&a.column, &b.column)));
    }
    let (Some(a), Some(b)) = (frame_of(me), frame_of(&other)) else { return Ok(Value::Bool(false)) };
    let labels = a.index.same_labels(&b.index)? && a.columns.same_labels(&b.columns)?;
    Ok(Value::Bool(labels && a.data.iter().zip(&b.data).all(|(x, y)| same_cells(x, y))))
}

/// The first rows in the order of some columns: `nlargest`, `nsmallest`.
pub(super) fn extremes(vm: &mut Vm, me: &Value, args: Args, largest: bool) -> Result<Value, Raise> {
    if let Some(labelled) = labelled_of(me) {
        let [n, _] = args.take("nlargest", ["n", "keep"], 0)?;
        let n = n.map_or(Ok(5), |n| int(&n, "nlargest"))?;
        let key = SortKey { column: &labelled.column, ascending: !largest };
        let mut order = arrange::order(vm, &[key], false)?;
        order.retain(|row| !is_missing(&labelled.column.cells()[*row]));
        order.truncate(usize::try_from(n).unwrap_or(0));
        return Ok(Series::value(labelled.take(&order)));
    }
    let [n, by, _] = args.take("nlargest", ["n", "columns", "keep"], 2)?;
    let frame = frame(me);
    let n = int(&n.unwrap_or(Value::None), "nlargest")?;
    let by = labels(vm, &by.unwrap_or(Value::None))?;
    let places = columns_of(&frame, &by)?;
    let keys: Vec<SortKey> =
        places.iter().map(|at| SortKey { column: &frame.data[*at], ascending: !largest }).collect();
    let mut order = arrange::order(vm, &keys, false)?;
    order.truncate(usize::try_from(n).unwrap_or(0));
    Ok(DataFrame::value(frame.take(&order)))
}
