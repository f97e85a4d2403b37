//! Methods that give rows and cells out as plain values: `itertuples`, `to_dict`, `tolist`.

use super::shared::{frame, given, is_true, labelled};
use crate::lang::raise::Raise;
use crate::lang::table::column::Column;
use crate::lang::table::data_frame::{self, columns_of};
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::labels::axis_of;
use crate::lang::table::methods::compute::only;
use crate::lang::table::objects::{Array, DataFrame, Labels, Series};
use crate::lang::table::pick::{self, Pick};
use crate::lang::teardown::Held;
use crate::lang::value::{Args, DictMap, Key, Record, Tuple, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// Rows as namedtuples, as pandas names their fields.
pub(crate) fn records(
    vm: &mut Vm,
    frame: &Frame,
    with_index: bool,
    name: Option<&str>,
) -> Result<Vec<Value>, Raise> {
    let width = frame.data.len() + usize::from(with_index);
    vm.budget.allocate_items((frame.rows() as u64).saturating_mul(width as u64 + 2))?;
    let labels = frame.columns.labels();
    let fields = with_index.then(|| "Index".into()).into_iter().chain(labels.iter().map(Value::display));
    let record = name.map(|name| {
        let fields = fields_of(fields.collect());
        Arc::new(Record { name: name.into(), fields, defaults: Held(Vec::new()), more: Vec::new() })
    });
    let row = |row: usize| {
        let index = with_index.then(|| frame.index.label(row)).into_iter();
        let cells = index.chain(frame.cells(row)).collect();
        Value::Tuple(Arc::new(Tuple(cells, record.clone())))
    };
    Ok((0..frame.rows()).map(row).collect())
}

/// Words that cannot name an attribute.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// A name that can be no attribute, or is there already, becomes `_` and its number.
fn fields_of(names: Vec<Arc<str>>) -> Vec<Arc<str>> {
    let mut fields: Vec<Arc<str>> = Vec::with_capacity(names.len());
    for (at, name) in names.into_iter().enumerate() {
        let mut chars = name.chars();
        let plain = chars.next().is_some_and(unicode_ident::is_xid_start)
            && chars.all(unicode_ident::is_xid_continue)
            && !KEYWORDS.contains(&&*name)
            && !fields.contains(&name);
        fields.push(if plain { name } else { format!("_{at}").into() });
    }
    fields
}

pub(super) fn itertuples(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [index, name] = args.take("itertuples", ["index", "name"], 0)?;
    let name = match &name {
        None => Some("Pandas"),
        Some(name) => name.as_str(),
    };
    let rows = records(vm, &frame(me), is_true(index.as_ref(), true), name)?;
    Ok(Value::iterator("map", rows))
}

pub(super) fn iterrows(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("iterrows")?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size() + 8 * frame.rows() as u64)?;
    let row = |row: usize| Value::tuple(vec![frame.index.label(row), Series::value(frame.row(row))]);
    Ok(Value::iterator("generator", (0..frame.rows()).map(row).collect()))
}

pub(super) fn frame_items(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("items")?;
    let frame = frame(me);
    let column = |at: usize| Value::tuple(vec![frame.columns.label(at), Series::value(frame.series(at))]);
    Ok(Value::iterator("generator", (0..frame.data.len()).map(column).collect()))
}

pub(super) fn series_items(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("items")?;
    let labelled = labelled(me);
    vm.budget.allocate_items(4 * labelled.len() as u64)?;
    let entry = |row: usize| Value::tuple(vec![labelled.index.label(row), labelled.column.get(row)]);
    Ok(Value::iterator("zip", (0..labelled.len()).map(entry).collect()))
}

fn dict_of(pairs: impl IntoIterator<Item = (Value, Value)>) -> Result<Value, Raise> {
    let pairs = pairs.into_iter().map(|(key, value)| Ok((Key::new(key)?, value)));
    pairs.collect::<Result<DictMap, Raise>>().map(Value::dict)
}

pub(super) fn frame_to_dict(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [orient] = args.take("to_dict", ["orient"], 0)?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size().saturating_mul(2))?;
    let labels = frame.columns.labels();
    let row_labels = || (0..frame.rows()).map(|row| frame.index.label(row));
    let list = |column: &Column| Value::list(column.cells().to_vec());
    let record = |row: usize| dict_of(labels.iter().cloned().zip(frame.cells(row)));
    match given(orient).as_ref().and_then(Value::as_str).unwrap_or("dict") {
        "dict" => {
            let columns = labels.iter().zip(&frame.data);
            let columns: Result<Vec<_>, Raise> = columns
                .map(|(label, column)| {
                    Ok((label.clone(), dict_of(row_labels().zip(column.cells().iter().cloned()))?))
                })
                .collect();
            dict_of(columns?)
        }
        "list" => dict_of(labels.iter().cloned().zip(frame.data.iter().map(|column| list(column)))),
        "series" => {
            dict_of((0..labels.len()).map(|at| (labels[at].clone(), Series::value(frame.series(at)))))
        }
        "records" => (0..frame.rows()).map(record).collect::<Result<_, _>>().map(Value::list),
        "index" => {
            if !frame.index.is_unique()? {
                return Err(Raise::value_error("the index must be unique for `to_dict(\"index\")`"));
            }
            let rows: Result<Vec<_>, Raise> =
                row_labels().enumerate().map(|(row, label)| Ok((label, record(row)?))).collect();
            dict_of(rows?)
        }
        "split" => {
            let data = (0..frame.rows()).map(|row| Value::list(frame.cells(row))).collect();
            let parts = [("index", frame.index.labels()), ("columns", labels.clone()), ("data", data)];
            dict_of(parts.into_iter().map(|(name, values)| (name.into(), Value::list(values))))
        }
        other => Err(Raise::value_error(format!("`to_dict` does not know \"{other}\""))
            .help("it knows \"dict\", \"list\", \"records\", \"index\", \"series\", \"split\"")),
    }
}

pub(super) fn series_to_dict(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("to_dict")?;
    let labelled = labelled(me);
    vm.budget.allocate_items(2 * labelled.len() as u64)?;
    dict_of((0..labelled.len()).map(|row| (labelled.index.label(row), labelled.column.get(row))))
}

pub(super) fn tolist(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("tolist")?;
    let column = labelled(me).column.clone();
    vm.budget.allocate_items(column.len() as u64)?;
    Ok(Value::list(column.cells().to_vec()))
}

pub(super) fn to_frame(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [name] = args.take("to_frame", ["name"], 0)?;
    Ok(DataFrame::value(labelled(me).to_frame(name)))
}

pub(super) fn frame_to_numpy(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.take("to_numpy", ["dtype", "copy"], 0)?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size())?;
    Ok(data_frame::values(&frame))
}

pub(super) fn series_to_numpy(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.take("to_numpy", ["dtype", "copy"], 0)?;
    Ok(Value::object(Array { column: labelled(me).column.clone(), width: None }))
}

pub(super) fn frame_keys(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("keys")?;
    Ok(Labels::value(frame(me).columns.clone()))
}

pub(super) fn series_keys(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("keys")?;
    Ok(Labels::value(labelled(me).index.clone()))
}

pub(super) fn item(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("item")?;
    only(&labelled(me).column)
}

pub(super) fn frame_squeeze(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [axis] = args.take("squeeze", ["axis"], 0)?;
    let frame = frame(me);
    let axis = match given(axis) {
        None => None,
        Some(axis) => Some(axis_of(Some(&axis))?),
    };
    let (one_row, one_column) =
        (frame.rows() == 1 && axis != Some(1), frame.data.len() == 1 && axis != Some(0));
    Ok(match (one_row, one_column) {
        (true, true) => frame.data[0].get(0),
        (true, false) => Series::value(frame.row(0)),
        (false, true) => Series::value(frame.series(0)),
        (false, false) => DataFrame::value((*frame).clone()),
    })
}

pub(super) fn series_squeeze(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.take("squeeze", ["axis"], 0)?;
    let labelled = labelled(me);
    Ok(if labelled.len() == 1 { labelled.column.get(0) } else { Series::value((*labelled).clone()) })
}

pub(super) fn frame_get(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [key, default] = args.take("get", ["key", "default"], 1)?;
    let frame = frame(me);
    let key = key.unwrap_or(Value::None);
    if let Value::List(_) = &key {
        let labels = key.snapshot().unwrap_or_default();
        return match columns_of(&frame, &labels) {
            Ok(places) => Ok(DataFrame::value(frame.select(&places))),
            Err(_) => Ok(default.unwrap_or(Value::None)),
        };
    }
    Ok(match frame.position(&key) {
        Some(at) => Series::value(frame.series(at)),
        None => default.unwrap_or(Value::None),
    })
}

pub(super) fn series_get(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [key, default] = args.take("get", ["key", "default"], 1)?;
    let labelled = labelled(me);
    match pick::by_label(vm, &labelled.index, &key.unwrap_or(Value::None), "label") {
        Ok(Pick::One(row)) => Ok(labelled.column.get(row)),
        Ok(pick) => crate::lang::table::indexer::series_item(vm, &labelled, &pick),
        Err(raise) if raise.kind().is_fatal() => Err(raise),
        Err(_) => Ok(default.unwrap_or(Value::None)),
    }
}

/// A table that is not the same value; columns that never change are shared.
pub(super) fn copy(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.take("copy", ["deep"], 0)?;
    Ok(match crate::lang::table::objects::labelled_of(me) {
        Some(labelled) => Series::value((*labelled).clone()),
        None => DataFrame::value((*frame(me)).clone()),
    })
}

pub(super) fn frame_pop(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let label = args.one("pop")?;
    let frame = frame(me);
    let at = frame.expect(&label)?;
    let column = Series::value(frame.series(at));
    if let Some(table) = me.downcast::<DataFrame>() {
        table.replace(frame.without(&[at]))?;
    }
    Ok(column)
}

pub(super) fn insert(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [at, label, value, twice] = args.take("insert", ["loc", "column", "value", "allow_duplicates"], 3)?;
    let (at, label, value) =
        (at.unwrap_or(Value::None), label.unwrap_or(Value::None), value.unwrap_or(Value::None));
    let frame = frame(me);
    let place = crate::lang::builtins::args::int(&at, "insert")?;
    let Some(place) = usize::try_from(place).ok().filter(|place| *place <= frame.data.len()) else {
        return Err(Raise::value_error(format!("there is no place {place} for a column")));
    };
    if frame.position(&label).is_some() && !is_true(twice.as_ref(), false) {
        return Err(Raise::value_error(format!(
            "cannot insert {}: the table has a column of that name",
            label.repr()
        )));
    }
    let column = data_frame::column_for(vm, &frame, &value)?;
    if let Some(table) = me.downcast::<DataFrame>() {
        table.replace(frame.inserted(place, label, column))?;
    }
    Ok(Value::None)
}

pub(super) fn transpose(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("transpose")?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size())?;
    Ok(DataFrame::value(data_frame::transposed(&frame)))
}

/// Text of the whole table.
pub(super) fn to_string(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.take("to_string", ["buf"], 0)?;
    let frame = frame(me);
    vm.budget.allocate(frame.size().saturating_mul(16))?;
    Ok(Value::from(crate::lang::table::render::frame(&frame)))
}

/// The dtypes of what `explode` gives cannot be told before.
pub(super) fn series_explode(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.take("explode", ["ignore_index"], 0)?;
    let labelled = labelled(me);
    let (rows, cells) = exploded(vm, &labelled.column)?;
    let column = Column::new(DType::Object, cells);
    Ok(Series::value(Labelled::new(labelled.index.take(&rows), labelled.name.clone(), column)))
}

/// Every element of a list in a row of its own.
fn exploded(vm: &mut Vm, column: &Column) -> Result<(Vec<usize>, Vec<Value>), Raise> {
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for (row, cell) in column.cells().iter().enumerate() {
        let parts = match cell {
            Value::List(_) | Value::Tuple(_) | Value::Set(_) => vm.collect(cell)?,
            other => vec![other.clone()],
        };
        vm.budget.allocate_items(parts.len() as u64 + 1)?;
        if parts.is_empty() {
            rows.push(row);
            cells.push(crate::lang::table::column::MISSING);
        }
        rows.extend(std::iter::repeat_n(row, parts.len()));
        cells.extend(parts);
    }
    Ok((rows, cells))
}

pub(super) fn frame_explode(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [label, ignore_index] = args.take("explode", ["column", "ignore_index"], 1)?;
    let frame = frame(me);
    let at = frame.expect(&label.unwrap_or(Value::None))?;
    let (rows, cells) = exploded(vm, &frame.data[at])?;
    vm.budget.allocate_items((rows.len() * frame.data.len()) as u64)?;
    let mut result = frame.take(&rows);
    result.data[at] = Arc::new(Column::new(DType::Object, cells));
    if is_true(ignore_index.as_ref(), false) {
        result.index = crate::lang::table::index::Index::count(rows.len());
    }
    Ok(DataFrame::value(result))
}
