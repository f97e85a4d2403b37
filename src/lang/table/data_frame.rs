//! `DataFrame` as a value: its attributes, its columns by name, operators. Its methods are next door.

use crate::lang::index::Slice;
use crate::lang::methods;
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::column::Column;
use crate::lang::table::dtype::{DType, DTypeValue};
use crate::lang::table::elementwise::{self, Side};
use crate::lang::table::frame::{Frame, Labelled, rows_for};
use crate::lang::table::index::Index;
use crate::lang::table::indexer::{Indexer, Kind, Target};
use crate::lang::table::objects::{
    Array, DataFrame, Labels, Owner, Series, as_column, column_of, frame_of, is_scalar, labelled_of, mask_of,
};
use crate::lang::table::pick::{self, Pick, is_place_slice};
use crate::lang::table::{DATA_FRAME, refused, render};
use crate::lang::value::{Args, HostType, Object, Type, Value};
use crate::lang::vm::Vm;
use crate::model;
use crate::syntax::ast::{BinaryOp, CompareOp, UnaryOp};
use std::sync::Arc;

const PROPERTIES: &[&str] = &[
    "T", "at", "columns", "dtypes", "empty", "iat", "iloc", "index", "loc", "ndim", "shape", "size", "values",
];

impl DataFrame {
    fn property(&self, name: &str) -> Option<Value> {
        let indexer = |kind| Value::object(Indexer { target: Target::Frame(self.clone()), kind });
        let count = |n: usize| Value::Int(n as i64);
        Some(match name {
            "loc" => indexer(Kind::Loc),
            "iloc" => indexer(Kind::Iloc),
            "at" => indexer(Kind::At),
            "iat" => indexer(Kind::Iat),
            "index" => Value::object(Labels::new(self.get().index.clone(), Owner::Rows(self.clone()))),
            "columns" => Value::object(Labels::new(self.get().columns.clone(), Owner::Columns(self.clone()))),
            "values" => values(&self.get()),
            "shape" => {
                let frame = self.get();
                Value::tuple(vec![count(frame.rows()), count(frame.data.len())])
            }
            "size" => Value::Int(i64::try_from(self.get().size()).unwrap_or(i64::MAX)),
            "empty" => Value::Bool(self.get().size() == 0),
            "ndim" => Value::Int(2),
            "dtypes" => dtypes(&self.get()),
            "T" => DataFrame::value(transposed(&self.get())),
            _ => return None,
        })
    }
}

fn dtypes(frame: &Frame) -> Value {
    let types = frame.data.iter().map(|column| Value::object(DTypeValue(column.dtype()))).collect();
    let column = Column::new(DType::Object, types);
    Series::value(Labelled::new(frame.columns.clone(), Value::None, column))
}

/// All cells, row by row.
pub(crate) fn values(frame: &Frame) -> Value {
    let dtype = DType::common(frame.data.iter().map(|column| column.dtype())).unwrap_or(DType::Object);
    let rows = 0..frame.rows();
    let cells =
        rows.flat_map(|row| frame.data.iter().map(move |column| dtype.fit(column.get(row)))).collect();
    Value::object(Array { column: Arc::new(Column::new(dtype, cells)), width: Some(frame.data.len()) })
}

pub(crate) fn transposed(frame: &Frame) -> Frame {
    let data = (0..frame.rows()).map(|row| frame.row(row).column.clone()).collect();
    Frame::new(frame.columns.clone(), frame.index.clone(), data)
}

/// `df[key]`
pub(crate) fn item(vm: &mut Vm, this: &DataFrame, key: &Value) -> Result<Value, Raise> {
    let frame = this.get();
    if let Value::Str(_) = key {
        return by_label(&frame, key);
    }
    if let Some(slice) = key.downcast::<Slice>() {
        let pick = match is_place_slice(slice) {
            true => pick::place_slice(vm, frame.rows(), &slice.ends()?)?,
            false => pick::by_label(vm, &frame.index, key, "row")?,
        };
        return take_rows(vm, &frame, &pick);
    }
    if let Some(mask) = mask_of(key) {
        let pick = pick::by_mask(vm, &frame.index, key, &mask)?;
        return take_rows(vm, &frame, &pick);
    }
    if key.is_callable() {
        let key = vm.call_value(key, Args::positional(vec![Value::object(this.clone())]), None)?;
        return if key.is_callable() {
            Err(Raise::type_error("a function is no key"))
        } else {
            item(vm, this, &key)
        };
    }
    if is_scalar(key) || matches!(key, Value::Tuple(_)) {
        return by_label(&frame, key);
    }
    if frame_of(key).is_some() {
        return Err(Raise::unsupported(
            "a table cannot choose cells of a table",
            "choose rows with a column: `df[df[\"x\"] == 1]`",
        ));
    }
    let labels = as_column(vm, key)?;
    Ok(DataFrame::value(frame.select(&columns_of(&frame, labels.cells())?)))
}

fn by_label(frame: &Frame, label: &Value) -> Result<Value, Raise> {
    let found = frame.columns.find(label)?;
    match found.rows() {
        [] => Err(frame.no_column(label)),
        [only] => Ok(Series::value(frame.series(*only))),
        several => Ok(DataFrame::value(frame.select(several))),
    }
}

/// The places of several columns.
pub(crate) fn columns_of(frame: &Frame, labels: &[Value]) -> Result<Vec<usize>, Raise> {
    let mut places = Vec::with_capacity(labels.len());
    for label in labels {
        let found = frame.columns.find(label)?;
        if found.rows().is_empty() {
            return Err(frame.no_column(label));
        }
        places.extend(found.rows());
    }
    Ok(places)
}

/// Some rows as a table.
pub(crate) fn take_rows(vm: &mut Vm, frame: &Frame, pick: &Pick) -> Result<Value, Raise> {
    let Pick::Many { rows, gone } = pick else {
        return match pick {
            Pick::One(row) => Ok(DataFrame::value(frame.take(&[*row]))),
            _ => Ok(DataFrame::value(frame.clone())),
        };
    };
    vm.budget.allocate_items((rows.len() as u64).saturating_mul(frame.data.len() as u64 + 1))?;
    let taken = frame.take(rows);
    let index = if gone.is_empty() { taken.index.clone() } else { taken.index.without_levels(gone) };
    Ok(DataFrame::value(taken.with_index(index)))
}

/// A value as a column of a table: one for all rows, one per row, or those with the labels of the rows.
pub(crate) fn column_for(vm: &mut Vm, frame: &Frame, value: &Value) -> Result<Arc<Column>, Raise> {
    let rows = frame.rows();
    vm.budget.allocate_items(rows as u64)?;
    if let Some(labelled) = labelled_of(value) {
        if Arc::ptr_eq(&labelled.index, &frame.index) || labelled.index.same_labels(&frame.index)? {
            return Ok(labelled.column.clone());
        }
        return Ok(Arc::new(labelled.column.take_or_missing(&rows_for(&labelled.index, &frame.index)?)));
    }
    if let Some(other) = frame_of(value) {
        return match other.data.as_slice() {
            [only] => {
                column_for(vm, frame, &Series::value(Labelled { column: only.clone(), ..other.series(0) }))
            }
            _ => Err(Raise::value_error(format!("a table of {} columns is no column", other.data.len()))),
        };
    }
    if is_scalar(value) {
        return Ok(Arc::new(Column::infer(vec![value.clone(); rows])));
    }
    let column = as_column(vm, value)?;
    if column.len() != rows {
        let message = format!("{} values do not fit a table of {rows} rows", column.len());
        return Err(Raise::value_error(message));
    }
    Ok(column)
}

/// `df[key] = value`
fn set_item(vm: &mut Vm, this: &DataFrame, key: &Value, value: &Value) -> Result<(), Raise> {
    let frame = this.get();
    if is_scalar(key) || matches!(key, Value::Tuple(_)) {
        return this.replace(with_column(vm, &frame, key.clone(), value)?);
    }
    if mask_of(key).is_some() || key.downcast::<Slice>().is_some() {
        let indexer = Indexer { target: Target::Frame(this.clone()), kind: Kind::Loc };
        return indexer.set(vm, key, value.clone());
    }
    let labels = as_column(vm, key)?;
    let mut new = (*frame).clone();
    match frame_of(value) {
        Some(other) if other.data.len() == labels.len() => {
            for (at, label) in labels.cells().iter().enumerate() {
                let column = column_for(vm, &new, &Series::value(other.series(at)))?;
                new = new.with(label.clone(), column);
            }
        }
        Some(other) => {
            let message = format!("{} columns were given for {} names", other.data.len(), labels.len());
            return Err(Raise::value_error(message));
        }
        None => {
            for label in labels.cells() {
                new = with_column(vm, &new, label.clone(), value)?;
            }
        }
    }
    this.replace(new)
}

/// With a column from a value; a table without columns takes the rows of the value.
pub(crate) fn with_column(vm: &mut Vm, frame: &Frame, label: Value, value: &Value) -> Result<Frame, Raise> {
    if !pick::is_label(&label) {
        return Err(Raise::type_error(format!("`{}` cannot name a column", label.type_name())));
    }
    if frame.data.is_empty() && frame.rows() == 0 && !is_scalar(value) && frame_of(value).is_none() {
        let column = as_column(vm, value)?;
        let index = match labelled_of(value) {
            Some(labelled) => labelled.index.clone(),
            None => Index::count(column.len()),
        };
        return Ok(Frame::new(index, frame.columns.clone(), Vec::new()).with(label, column));
    }
    let column = column_for(vm, frame, value)?;
    Ok(frame.with(label, column))
}

/// The table as one without what it holds now of another type; for operators on all cells.
fn on_all(
    vm: &mut Vm,
    frame: &Frame,
    other: &Value,
    reflected: bool,
    mut each: impl FnMut(&mut Vm, Side, Side) -> Result<Column, Raise>,
) -> Option<Result<Value, Raise>> {
    let others = match frame_of(other) {
        Some(other) if other.data.len() == frame.data.len() && other.rows() == frame.rows() => Some(other),
        Some(_) => return Some(Err(Raise::value_error("tables of different shapes cannot be combined"))),
        None if is_scalar(other) => None,
        None => return None,
    };
    let mut data = Vec::with_capacity(frame.data.len());
    for (at, column) in frame.data.iter().enumerate() {
        let other = match &others {
            Some(frame) => Side::Column(&frame.data[at]),
            None => Side::Scalar(other),
        };
        let mine = Side::Column(column);
        let result = if reflected { each(vm, other, mine) } else { each(vm, mine, other) };
        match result {
            Ok(column) => data.push(Arc::new(column)),
            Err(raise) => return Some(Err(raise)),
        }
    }
    Some(Ok(DataFrame::value(Frame { data, ..frame.clone() })))
}

impl Object for DataFrame {
    fn type_name(&self) -> &'static str {
        "DataFrame"
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&DATA_FRAME)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        if let Some(value) = self.property(name) {
            return Ok(Some(value));
        }
        if methods::find(Type::Host(&DATA_FRAME), name).is_some() {
            return Ok(None);
        }
        let frame = self.get();
        match frame.position(&name.into()) {
            Some(at) => Ok(Some(Series::value(frame.series(at)))),
            None => refused::check("DataFrame", name),
        }
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        let columns = self.get().columns.labels();
        let columns = columns.iter().filter_map(|label| label.as_str().map(Arc::from));
        let methods = methods::names(Type::Host(&DATA_FRAME)).map(Arc::from);
        columns.chain(PROPERTIES.iter().map(|name| Arc::from(*name))).chain(methods).collect()
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        item(vm, self, key)
    }

    fn set(&self, vm: &mut Vm, key: &Value, value: Value) -> Result<(), Raise> {
        set_item(vm, self, key, &value)
    }

    fn delete(&self, _: &mut Vm, key: &Value) -> Result<(), Raise> {
        let frame = self.get();
        let place = frame.expect(key)?;
        self.replace(frame.without(&[place]))
    }

    fn set_attribute(&self, vm: &mut Vm, name: &str, value: Value) -> Result<(), Raise> {
        let frame = self.get();
        match name {
            "index" => self.replace(frame.with_index(labels_from(vm, &value, frame.rows())?)),
            "columns" => {
                let columns = labels_from(vm, &value, frame.data.len())?;
                if columns.is_multi() {
                    return Err(Raise::unsupported(
                        "column names cannot have levels",
                        "join them: `\"a_b\"`",
                    ));
                }
                self.replace(Frame { columns, ..(*frame).clone() })
            }
            name if frame.position(&name.into()).is_some() => set_item(vm, self, &name.into(), &value),
            name => Err(Raise::new(Exc::AttributeError, format!("the table has no column `{name}`"))
                .help(format!("add one with `[\"{name}\"] = ...`"))),
        }
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.get().columns.labels())
    }

    fn len(&self) -> Option<usize> {
        Some(self.get().rows())
    }

    fn contains(&self, _: &mut Vm, item: &Value) -> Option<Result<bool, Raise>> {
        Some(self.get().columns.find(item).map(|found| !found.rows().is_empty()))
    }

    fn entries(&self) -> Option<Vec<(Arc<str>, Value)>> {
        let frame = self.get();
        (0..frame.data.len())
            .map(|at| Some((frame.columns.label(at).as_str()?.into(), Series::value(frame.series(at)))))
            .collect()
    }

    fn condition(&self) -> Result<bool, Raise> {
        Err(Raise::value_error("the truth value of a table is ambiguous")
            .help("ask what is meant: `df.empty`, `len(df) > 0`"))
    }

    fn repr(&self) -> String {
        render::frame(&self.get())
    }

    fn binary(
        &self,
        vm: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        on_all(vm, &self.get(), other, reflected, |vm, a, b| elementwise::binary(vm, op, a, b))
    }

    fn compare(
        &self,
        vm: &mut Vm,
        op: CompareOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        on_all(vm, &self.get(), other, reflected, |vm, a, b| elementwise::compare(vm, op, a, b))
    }

    fn unary(&self, vm: &mut Vm, op: UnaryOp) -> Option<Result<Value, Raise>> {
        let frame = self.get();
        let data: Result<Vec<_>, Raise> =
            frame.data.iter().map(|column| elementwise::unary(vm, op, column).map(Arc::new)).collect();
        Some(data.map(|data| DataFrame::value(Frame { data, ..(*frame).clone() })))
    }

    fn inner(&self) -> Vec<Value> {
        let frame = self.get();
        frame.data.iter().filter(|c| c.dtype() == DType::Object).flat_map(|c| c.cells().to_vec()).collect()
    }

    fn freeze(&self) {
        self.0.freeze();
    }

    fn release(&mut self) -> Vec<Value> {
        let frame = Arc::get_mut(&mut self.0).map(|shared| shared.take());
        let frame = frame.and_then(Arc::into_inner);
        frame.map(|mut frame| frame.release()).unwrap_or_default()
    }

    fn to_model(&self) -> Option<model::value::Value> {
        let frame = self.get();
        let columns = (0..frame.data.len()).map(|at| {
            let cells = Value::list(frame.data[at].cells().to_vec());
            cells.to_model().ok().map(|cells| (frame.columns.label(at).display(), cells))
        });
        Some(model::value::Value::Map(columns.collect::<Option<Vec<_>>>()?.into()))
    }
}

/// Labels from a value that is assigned: a list, a column, or labels with their names.
pub(crate) fn labels_from(vm: &mut Vm, value: &Value, len: usize) -> Result<Arc<Index>, Raise> {
    let index = match (value.downcast::<Labels>(), column_of(value)) {
        (Some(labels), _) => labels.get(),
        (None, Some(column)) => {
            let name = labelled_of(value).map_or(Value::None, |labelled| labelled.name.clone());
            Index::single(column, name)
        }
        (None, None) => Index::from_labels(vm.collect(value)?, None),
    };
    if index.len() != len {
        let message = format!("{} labels do not fit an axis of {len}", index.len());
        return Err(Raise::value_error(message));
    }
    Ok(index)
}
