//! What methods of tables and columns have in common.

use crate::lang::raise::Raise;
use crate::lang::table::arrange::Keep;
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::objects::{DataFrame, Series, frame_of, is_scalar, labelled_of};
use crate::lang::value::{Args, Key, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// The table that a method is called on.
pub(crate) fn frame(me: &Value) -> Arc<Frame> {
    frame_of(me).unwrap_or_default()
}

/// The column that a method is called on.
pub(crate) fn labelled(me: &Value) -> Arc<Labelled> {
    labelled_of(me).unwrap_or_default()
}

/// What a method gives: a new table, or nothing when the table itself changes.
pub(crate) fn give_frame(me: &Value, frame: Frame, in_place: Option<&Value>) -> Result<Value, Raise> {
    match me.downcast::<DataFrame>() {
        Some(table) if in_place.is_some_and(Value::truth) => table.replace(frame).map(|()| Value::None),
        _ => Ok(DataFrame::value(frame)),
    }
}

pub(crate) fn give_series(me: &Value, labelled: Labelled, in_place: Option<&Value>) -> Result<Value, Raise> {
    match me.downcast::<Series>() {
        Some(series) if in_place.is_some_and(Value::truth) => series.replace(labelled).map(|()| Value::None),
        _ => Ok(Series::value(labelled)),
    }
}

/// An argument that is there and not `None`.
pub(crate) fn given(value: Option<Value>) -> Option<Value> {
    value.filter(|value| !matches!(value, Value::None))
}

pub(crate) fn is_true(value: Option<&Value>, default: bool) -> bool {
    value.map_or(default, Value::truth)
}

/// One label or several.
pub(crate) fn labels(vm: &mut Vm, value: &Value) -> Result<Vec<Value>, Raise> {
    if is_scalar(value) || matches!(value, Value::Tuple(_)) {
        return Ok(vec![value.clone()]);
    }
    vm.collect(value)
}

pub(crate) fn keep_of(value: Option<&Value>) -> Result<Keep, Raise> {
    match value {
        None => Ok(Keep::First),
        Some(Value::Bool(false)) => Ok(Keep::Neither),
        Some(Value::Str(word)) if &**word == "first" => Ok(Keep::First),
        Some(Value::Str(word)) if &**word == "last" => Ok(Keep::Last),
        Some(other) => {
            Err(Raise::value_error(format!("`keep` is \"first\", \"last\" or False, not {}", other.repr())))
        }
    }
}

/// The rows whose flag is as wanted.
pub(crate) fn rows_where_in(flags: &[bool], wanted: bool) -> Vec<usize> {
    (0..flags.len()).filter(|row| flags[*row] == wanted).collect()
}

/// Calls a function with one value.
pub(crate) fn call(vm: &mut Vm, function: &Value, value: Value) -> Result<Value, Raise> {
    vm.budget.spend(1)?;
    vm.call_value(function, Args::positional(vec![value]), None)
}

/// Every cell by a function, or by the entries of a dict or a series; what has no entry is missing.
pub(crate) fn mapped(vm: &mut Vm, column: &Column, mapper: &Value) -> Result<Column, Raise> {
    vm.budget.allocate_items(column.len() as u64)?;
    if let Some(entries) = labelled_of(mapper) {
        return column.map(|cell| {
            let found = entries.index.find(cell)?;
            Ok(found.rows().first().map_or(MISSING, |row| entries.column.get(*row)))
        });
    }
    if let Value::Dict(dict) = mapper {
        return column.map(|cell| {
            let key = Key::new(cell.clone())?;
            Ok(dict.0.read(|map| map.get(&key).cloned()).unwrap_or(MISSING))
        });
    }
    if !mapper.is_callable() {
        return Err(Raise::type_error(format!(
            "`map` takes a function or a dict, not `{}`",
            mapper.type_name()
        )));
    }
    let mut cells = Vec::with_capacity(column.len());
    for cell in column.cells() {
        cells.push(call(vm, mapper, cell.clone())?);
    }
    Ok(Column::infer(cells))
}

/// The name that a function goes by in `agg`.
pub(crate) fn function_name(function: &Value) -> Value {
    match function {
        Value::Str(_) => function.clone(),
        Value::Function(function) => Value::Str(function.def.name.text.clone()),
        Value::Type(of) => of.name().into(),
        Value::Builtin(builtin) => builtin.name.into(),
        other => other.type_name().into(),
    }
}

/// The missing rows of any of some columns, or of all of them.
pub(crate) fn rows_missing(columns: &[Arc<Column>], rows: usize, all: bool) -> Vec<bool> {
    let test = |row: usize| {
        let mut cells = columns.iter().map(|column| &column.cells()[row]);
        if all { !columns.is_empty() && cells.all(is_missing) } else { cells.any(is_missing) }
    };
    (0..rows).map(test).collect()
}
