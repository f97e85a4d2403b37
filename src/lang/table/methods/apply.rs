//! Methods that call functions of the user: on cells, rows, columns, or on the whole.

use super::shared::{call, frame, labelled, mapped};
use crate::lang::raise::Raise;
use crate::lang::table::arrange::{self};
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::index::Index;
use crate::lang::table::labels::axis_of;
use crate::lang::table::methods::compute::{Summary, frame_summary, summary};
use crate::lang::table::objects::{DataFrame, Series, labelled_of};
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

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
