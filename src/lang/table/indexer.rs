//! `loc`, `iloc`, `at` and `iat`: cells, rows and parts of tables and columns, to read and to set.

use crate::lang::index::Slice;
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::data_frame::take_rows;
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled, appended, rows_for};
use crate::lang::table::index::Index;
use crate::lang::table::objects::{DataFrame, Series, as_column, frame_of, is_scalar, labelled_of};
use crate::lang::table::pick::{self, Pick, too_many_keys};
use crate::lang::value::{Args, Object, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Loc,
    Iloc,
    At,
    Iat,
}

impl Kind {
    fn by_label(self) -> bool {
        matches!(self, Kind::Loc | Kind::At)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Target {
    Frame(DataFrame),
    Series(Series),
}

#[derive(Debug)]
pub(crate) struct Indexer {
    pub(crate) target: Target,
    pub(crate) kind: Kind,
}

impl Indexer {
    /// A key that is a function of the table is what the function gives.
    fn key(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        if !key.is_callable() {
            return Ok(key.clone());
        }
        let table = match &self.target {
            Target::Frame(frame) => Value::object(frame.clone()),
            Target::Series(series) => Value::object(series.clone()),
        };
        vm.call_value(key, Args::positional(vec![table]), None)
    }

    fn pick(&self, vm: &mut Vm, index: &Arc<Index>, key: &Value, axis: &'static str) -> Result<Pick, Raise> {
        let key = self.key(vm, key)?;
        if self.kind.by_label() {
            pick::by_label(vm, index, &key, axis)
        } else {
            pick::by_place(vm, index.len(), &key)
        }
    }

    /// Rows and columns that a key means.
    fn picks(&self, vm: &mut Vm, frame: &Frame, key: &Value) -> Result<(Pick, Pick), Raise> {
        let Value::Tuple(parts) = key else {
            return Ok((self.pick(vm, &frame.index, key, "row")?, Pick::All));
        };
        let parts = &parts.0;
        let levels = frame.index.levels().len();
        // A tuple can be the label of a row with several levels, or a row and a column.
        let can_be_label = |part: &Value| is_scalar(part) && !part.is_callable();
        if self.kind.by_label() && levels > 1 && parts.len() <= levels && parts.iter().all(can_be_label) {
            match pick::by_label(vm, &frame.index, key, "row") {
                Ok(rows) => return Ok((rows, Pick::All)),
                Err(raise) if raise.kind() != Exc::KeyError || parts.len() != 2 => return Err(raise),
                Err(_) => {}
            }
        }
        match parts.as_slice() {
            [rows] => Ok((self.pick(vm, &frame.index, rows, "row")?, Pick::All)),
            [rows, columns] => Ok((
                self.pick(vm, &frame.index, rows, "row")?,
                self.pick(vm, &frame.columns, columns, "column")?,
            )),
            many => Err(too_many_keys(many.len(), 2)),
        }
    }

    fn set_in_frame(&self, vm: &mut Vm, table: &DataFrame, key: &Value, value: &Value) -> Result<(), Raise> {
        let mut frame = (*table.get()).clone();
        if self.kind.by_label() {
            frame = self.with_new_labels(vm, frame, key, value)?;
        }
        let (rows, columns) = self.picks(vm, &frame, key)?;
        let places = columns.rows(frame.data.len());
        let row_numbers = rows.rows(frame.rows());
        vm.budget.allocate_items((places.len() as u64).saturating_mul(frame.rows() as u64))?;
        for (at, place) in places.iter().enumerate() {
            let values = values_for(vm, &frame, &row_numbers, (at, *place, places.len()), value)?;
            frame.data[*place] = Arc::new(replaced(&frame.data[*place], &row_numbers, values)?);
        }
        table.replace(frame)
    }

    /// The table with a row or a column for a label that it does not have yet.
    fn with_new_labels(
        &self,
        vm: &mut Vm,
        mut frame: Frame,
        key: &Value,
        value: &Value,
    ) -> Result<Frame, Raise> {
        let (row, column) = match key {
            Value::Tuple(parts)
                if parts.0.len() == 2 && !(frame.index.is_multi() && is_scalar(&parts.0[1])) =>
            {
                (&parts.0[0], Some(&parts.0[1]))
            }
            row => (row, None),
        };
        if let Some(column) = column.filter(|column| is_scalar(column) && frame.position(column).is_none())
            && frame.columns.find(column)?.rows().is_empty()
        {
            let empty = Column::new(kind_of(value), vec![MISSING; frame.rows()]);
            frame = frame.with(column.clone(), Arc::new(empty));
        }
        let is_new_row = match row {
            Value::Tuple(parts) => {
                frame.index.is_multi()
                    && parts.0.iter().all(is_scalar)
                    && parts.0.len() == frame.index.levels().len()
            }
            label => !frame.index.is_multi() && is_scalar(label) && !label.is_callable(),
        };
        if is_new_row && frame.index.find(row)?.rows().is_empty() {
            vm.budget.allocate_items(frame.size())?;
            let rows: Vec<Option<usize>> = (0..frame.rows()).map(Some).chain([None]).collect();
            frame.index = appended(&frame.index, row.clone());
            for at in 0..frame.data.len() {
                let old = frame.data[at].clone();
                let is_set = column.is_none_or(|label| is_scalar(label) && frame.position(label) == Some(at));
                // What is set in the new row says more about the type than a missing cell.
                frame.data[at] = Arc::new(match is_set {
                    true => grown(&old, cell_of_row(vm, value, at)?),
                    false => old.take_or_missing(&rows),
                });
            }
        }
        Ok(frame)
    }

    fn set_in_series(&self, vm: &mut Vm, series: &Series, key: &Value, value: &Value) -> Result<(), Raise> {
        let labelled = series.get();
        let is_new = self.kind.by_label()
            && is_scalar(key)
            && !labelled.index.is_multi()
            && labelled.index.find(key)?.rows().is_empty();
        vm.budget.allocate_items(labelled.len() as u64)?;
        if is_new {
            let cells = labelled.column.cells().iter().cloned().chain([value.clone()]).collect();
            let index = appended(&labelled.index, key.clone());
            return series.replace(Labelled::new(index, labelled.name.clone(), Column::infer(cells)));
        }
        let rows = self.pick(vm, &labelled.index, key, "label")?.rows(labelled.len());
        let frame = labelled.to_frame(None);
        let values = values_for(vm, &frame, &rows, (0, 0, 1), value)?;
        series.replace(labelled.with_column(replaced(&labelled.column, &rows, values)?))
    }
}

/// The column with one more cell.
fn grown(column: &Column, cell: Value) -> Column {
    Column::infer(column.cells().iter().cloned().chain([cell]).collect())
}

/// The cell of a new row for one of its columns.
fn cell_of_row(vm: &mut Vm, value: &Value, at: usize) -> Result<Value, Raise> {
    if is_scalar(value) {
        return Ok(value.clone());
    }
    let values = as_column(vm, value)?;
    values.cells().get(at).cloned().ok_or_else(|| Raise::value_error("the new row has too few values"))
}

/// The type of a column that is made for a value.
fn kind_of(value: &Value) -> DType {
    match value {
        Value::Str(_) => DType::Str,
        Value::Bool(_) => DType::Object,
        Value::Int(_) | Value::Float(_) => DType::Float,
        _ => DType::Object,
    }
}

/// One value per row, for the column `(at, place)` of `count` that are set.
fn values_for(
    vm: &mut Vm,
    frame: &Frame,
    rows: &[usize],
    (at, place, count): (usize, usize, usize),
    value: &Value,
) -> Result<Vec<Value>, Raise> {
    if is_scalar(value) {
        return Ok(vec![value.clone(); rows.len()]);
    }
    if let Some(labelled) = labelled_of(value) {
        // Of one row, the labels of a series are those of the columns.
        if rows.len() == 1 && count > 1 {
            let found = labelled.index.find(&frame.columns.label(place))?;
            return Ok(vec![found.rows().first().map_or(MISSING, |row| labelled.column.get(*row))]);
        }
        let wanted = frame.index.take(rows);
        let places = rows_for(&labelled.index, &wanted)?;
        return Ok(places
            .into_iter()
            .map(|row| row.map_or(MISSING, |row| labelled.column.get(row)))
            .collect());
    }
    if let Some(other) = frame_of(value) {
        return match other.data.get(at) {
            Some(column) if column.len() == rows.len() => Ok(column.cells().to_vec()),
            _ => Err(Raise::value_error("the table that is set has another shape")),
        };
    }
    let values = as_column(vm, value)?;
    let fits_rows = values.len() == rows.len() && (count == 1 || rows.len() > 1 && count != values.len());
    match fits_rows {
        true => Ok(values.cells().to_vec()),
        false if values.len() == count => Ok(vec![values.get(at); rows.len()]),
        false => Err(Raise::value_error(format!("{} values do not fit {} rows", values.len(), rows.len()))),
    }
}

/// The column with other values in some rows; they must be of its type.
fn replaced(column: &Column, rows: &[usize], values: Vec<Value>) -> Result<Column, Raise> {
    let mut dtype = column.dtype();
    for value in &values {
        let fits = match dtype {
            DType::Int => match value {
                Value::Float(x) => x.fract() == 0.0,
                value => matches!(value, Value::Int(_)) || is_missing(value),
            },
            DType::Float => matches!(value, Value::Int(_) | Value::Float(_) | Value::None),
            DType::Bool => matches!(value, Value::Bool(_)),
            DType::Str => matches!(value, Value::Str(_)) || is_missing(value),
            DType::Object => true,
        };
        if !fits {
            return Err(Raise::type_error(format!(
                "{} is no value for a column of type `{}`",
                value.repr(),
                dtype.name()
            ))
            .help("change the type of the column first: `df[\"x\"] = df[\"x\"].astype(object)`"));
        }
        if dtype == DType::Int && is_missing(value) {
            dtype = DType::Float;
        }
    }
    let mut cells: Vec<Value> = column.cells().iter().map(|cell| dtype.fit(cell.clone())).collect();
    for (row, value) in rows.iter().zip(values) {
        cells[*row] = match (dtype, value) {
            (DType::Int, Value::Float(x)) => {
                crate::lang::ops::float_to_int(x).map_or(Value::Float(x), Value::Int)
            }
            (dtype, value) => dtype.fit(value),
        };
    }
    // A whole number of more than 64 bits does not fit after all.
    if dtype == DType::Int && !cells.iter().all(|cell| dtype.holds(cell)) {
        return Err(crate::lang::ops::overflow());
    }
    Ok(Column::new(dtype, cells))
}

/// What a pick of rows and columns is: a cell, a row, a column or a table.
fn part(vm: &mut Vm, frame: &Frame, rows: &Pick, columns: &Pick) -> Result<Value, Raise> {
    match (rows, columns) {
        (Pick::One(row), Pick::One(column)) => Ok(frame.data[*column].get(*row)),
        (Pick::One(row), Pick::All) => Ok(Series::value(frame.row(*row))),
        // The type of a row is that of the chosen columns.
        (Pick::One(row), columns) => {
            Ok(Series::value(frame.select(&columns.rows(frame.data.len())).row(*row)))
        }
        (rows, Pick::One(column)) => series_item(vm, &frame.series(*column), rows),
        (rows, Pick::All) => take_rows(vm, frame, rows),
        (rows, columns) => take_rows(vm, &frame.select(&columns.rows(frame.data.len())), rows),
    }
}

/// What a pick of a series is: a cell or a series.
pub(crate) fn series_item(vm: &mut Vm, labelled: &Labelled, rows: &Pick) -> Result<Value, Raise> {
    match rows {
        Pick::All => Ok(Series::value(labelled.clone())),
        Pick::One(row) => Ok(labelled.column.get(*row)),
        Pick::Many { rows, gone } => {
            vm.budget.allocate_items(2 * rows.len() as u64)?;
            let taken = labelled.take(rows);
            let index = if gone.is_empty() { taken.index.clone() } else { taken.index.without_levels(gone) };
            Ok(Series::value(Labelled { index, ..taken }))
        }
    }
}

impl Object for Indexer {
    fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Loc => "loc",
            Kind::Iloc => "iloc",
            Kind::At => "at",
            Kind::Iat => "iat",
        }
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        match &self.target {
            Target::Frame(table) => {
                let frame = table.get();
                let (rows, columns) = self.picks(vm, &frame, key)?;
                part(vm, &frame, &rows, &columns)
            }
            Target::Series(series) => {
                let labelled = series.get();
                let rows = self.pick(vm, &labelled.index, key, "label")?;
                series_item(vm, &labelled, &rows)
            }
        }
    }

    fn set(&self, vm: &mut Vm, key: &Value, value: Value) -> Result<(), Raise> {
        if matches!(self.kind, Kind::At | Kind::Iat) && key.downcast::<Slice>().is_some() {
            return Err(Raise::type_error("`at` and `iat` set single cells").help("use `loc` or `iloc`"));
        }
        match &self.target {
            Target::Frame(table) => self.set_in_frame(vm, table, key, &value),
            Target::Series(series) => self.set_in_series(vm, series, key, &value),
        }
    }

    fn inner(&self) -> Vec<Value> {
        vec![match &self.target {
            Target::Frame(frame) => Value::object(frame.clone()),
            Target::Series(series) => Value::object(series.clone()),
        }]
    }
}
