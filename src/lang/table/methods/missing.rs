//! Methods that look for missing values: `isna`, `dropna`, `fillna`.

use super::shared::{
    frame, give_frame, give_series, given, is_true, labelled, labels, rows_missing, rows_where_in,
};
use crate::lang::builtins::args::int;
use crate::lang::raise::Raise;
use crate::lang::table::column::{Column, is_missing};
use crate::lang::table::data_frame::columns_of;
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::Frame;
use crate::lang::table::index::Index;
use crate::lang::table::labels::axis_of;
use crate::lang::table::objects::{DataFrame, Series, labelled_of};
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// Where cells are missing, or where they are not.
pub(crate) fn flags(column: &Column, missing: bool) -> Column {
    let flag = |cell: &Value| Value::Bool(is_missing(cell) == missing);
    Column::new(DType::Bool, column.cells().iter().map(flag).collect())
}

pub(super) fn frame_missing(vm: &mut Vm, me: &Value, args: Args, missing: bool) -> Result<Value, Raise> {
    args.none("isna")?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size())?;
    let data = frame.data.iter().map(|column| Arc::new(flags(column, missing))).collect();
    Ok(DataFrame::value(Frame { data, ..(*frame).clone() }))
}

pub(super) fn series_missing(vm: &mut Vm, me: &Value, args: Args, missing: bool) -> Result<Value, Raise> {
    args.none("isna")?;
    let labelled = labelled(me);
    vm.budget.allocate_items(labelled.len() as u64)?;
    Ok(Series::value(labelled.with_column(flags(&labelled.column, missing))))
}

pub(super) fn frame_dropna(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["*axis", "*how", "*thresh", "*subset", "*inplace", "*ignore_index"];
    let [axis, how, least, subset, in_place, ignore_index] = args.take("dropna", names, 0)?;
    let frame = frame(me);
    vm.budget.allocate(frame.size())?;
    let all = match given(how).as_ref().and_then(Value::as_str) {
        None | Some("any") => false,
        Some("all") => true,
        Some(other) => {
            return Err(Raise::value_error(format!("`how` is \"any\" or \"all\", not \"{other}\"")));
        }
    };
    let least = match given(least) {
        Some(least) => Some(int(&least, "dropna")?),
        None => None,
    };
    if axis_of(axis.as_ref())? == 1 {
        let gone = |column: &Arc<Column>| {
            let missing = column.missing_rows().len();
            match least {
                Some(least) => ((column.len() - missing) as i64) < least,
                None => missing > 0 && (!all || missing == column.len()),
            }
        };
        let left: Vec<usize> = (0..frame.data.len()).filter(|at| !gone(&frame.data[*at])).collect();
        return give_frame(me, frame.select(&left), in_place.as_ref());
    }
    let columns: Vec<Arc<Column>> = match given(subset) {
        Some(subset) => {
            let wanted = labels(vm, &subset)?;
            columns_of(&frame, &wanted)?.into_iter().map(|at| frame.data[at].clone()).collect()
        }
        None => frame.data.clone(),
    };
    let rows = match least {
        Some(least) => {
            let present = |row: usize| columns.iter().filter(|c| !is_missing(&c.cells()[row])).count() as i64;
            (0..frame.rows()).filter(|row| present(*row) >= least).collect()
        }
        None => rows_where_in(&rows_missing(&columns, frame.rows(), all), false),
    };
    vm.budget.allocate_items((rows.len() * (frame.data.len() + 1)) as u64)?;
    let mut kept = if rows.len() == frame.rows() { (*frame).clone() } else { frame.take(&rows) };
    if is_true(ignore_index.as_ref(), false) {
        kept.index = Index::count(rows.len());
    }
    give_frame(me, kept, in_place.as_ref())
}

pub(super) fn series_dropna(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [_, in_place, _] = args.take("dropna", ["*axis", "*inplace", "*how"], 0)?;
    let labelled = labelled(me);
    vm.budget.allocate_items(2 * labelled.len() as u64)?;
    let rows = labelled.column.rows_where(|cell| !is_missing(cell));
    give_series(me, labelled.take(&rows), in_place.as_ref())
}

/// The column with something in place of what is missing.
pub(crate) fn filled(column: &Column, fill: impl Fn(usize) -> Value) -> Column {
    if !column.has_missing() {
        return Column::new(column.dtype(), column.cells().to_vec());
    }
    let cells = column.cells().iter().enumerate();
    let cells = cells.map(|(row, cell)| if is_missing(cell) { fill(row) } else { cell.clone() }).collect();
    let found = Column::infer(cells);
    match (column.dtype(), found.dtype()) {
        // Texts and objects stay what they are, and numbers do not become whole.
        (DType::Float, DType::Int) => found.widen(DType::Float),
        (DType::Object, _) => Column::new(DType::Object, found.cells().to_vec()),
        _ => found,
    }
}

pub(super) fn frame_fillna(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [value, _, in_place] = args.take("fillna", ["value", "*axis", "*inplace"], 1)?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size())?;
    let value = value.unwrap_or(Value::None);
    let mut data = Vec::with_capacity(frame.data.len());
    for (at, column) in frame.data.iter().enumerate() {
        let label = frame.columns.label(at);
        let fill = match (&value, labelled_of(&value)) {
            (Value::Dict(dict), _) => {
                dict.0.read(|map| map.iter().find(|(k, _)| k.get().is_same(&label)).map(|(_, v)| v.clone()))
            }
            (_, Some(series)) => series.index.find(&label)?.rows().first().map(|row| series.column.get(*row)),
            _ => Some(value.clone()),
        };
        data.push(match fill {
            Some(fill) if column.has_missing() => Arc::new(filled(column, |_| fill.clone())),
            _ => column.clone(),
        });
    }
    give_frame(me, Frame { data, ..(*frame).clone() }, in_place.as_ref())
}

pub(super) fn series_fillna(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [value, _, in_place] = args.take("fillna", ["value", "*axis", "*inplace"], 1)?;
    let labelled = labelled(me);
    vm.budget.allocate_items(labelled.len() as u64)?;
    let value = value.unwrap_or(Value::None);
    let column = match (&value, labelled_of(&value)) {
        (_, Some(others)) => {
            let places = crate::lang::table::frame::rows_for(&others.index, &labelled.index)?;
            filled(&labelled.column, |row| {
                places[row].map_or(crate::lang::table::column::MISSING, |at| others.column.get(at))
            })
        }
        (Value::Dict(_), _) => {
            return Err(Raise::unsupported(
                "`fillna` of a column takes no dict",
                "give one value, or a column",
            ));
        }
        _ => filled(&labelled.column, |_| value.clone()),
    };
    give_series(me, labelled.with_column(column), in_place.as_ref())
}

/// `pd.isna(value)`: of a cell, or of every cell.
pub(crate) fn isna(vm: &mut Vm, args: Args, function: &'static str, missing: bool) -> Result<Value, Raise> {
    let value = args.one(function)?;
    if crate::lang::table::objects::frame_of(&value).is_some() {
        return frame_missing(vm, &value, Args::default(), missing);
    }
    if labelled_of(&value).is_some() {
        return series_missing(vm, &value, Args::default(), missing);
    }
    let column = match crate::lang::table::objects::column_of(&value) {
        Some(column) => column,
        None if matches!(value, Value::List(_)) => Arc::new(Column::infer(vm.collect(&value)?)),
        None => return Ok(Value::Bool(is_missing(&value) == missing)),
    };
    vm.budget.allocate_items(column.len() as u64)?;
    Ok(crate::lang::table::objects::Array::value(flags(&column, missing)))
}
