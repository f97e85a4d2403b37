//! The values that Rulefile code holds: tables, columns with labels, labels, and plain sequences of cells.
//!
//! A table can change: what changes is which [`Frame`] its value holds, never the frame. Invariant: no lock is
//! held while Rulefile code runs.

use crate::lang::raise::Raise;
use crate::lang::table::column::{Column, is_missing};
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::index::Index;
use crate::lang::value::{Shared, Value};
use crate::lang::vm::Vm;
use std::fmt;
use std::sync::Arc;

/// `pd.DataFrame`
#[derive(Clone)]
pub(crate) struct DataFrame(pub(crate) Arc<Shared<Arc<Frame>>>);

/// `pd.Series`
#[derive(Clone)]
pub(crate) struct Series(pub(crate) Arc<Shared<Arc<Labelled>>>);

/// `pd.Index`: labels of rows or columns. Renaming them renames those of the table they come from.
#[derive(Clone)]
pub(crate) struct Labels {
    pub(crate) index: Arc<Shared<HeldIndex>>,
    pub(crate) owner: Owner,
}

/// What a value of labels holds.
#[derive(Clone)]
pub(crate) struct HeldIndex(pub(crate) Arc<Index>);

impl Default for HeldIndex {
    fn default() -> HeldIndex {
        HeldIndex(Index::count(0))
    }
}

/// Whose labels they are.
#[derive(Clone)]
pub(crate) enum Owner {
    Nobody,
    Rows(DataFrame),
    Columns(DataFrame),
    Series(Series),
}

/// What numpy calls an array: cells in order, or rows of cells.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) column: Arc<Column>,
    /// Cells per row, when it has rows.
    pub(crate) width: Option<usize>,
}

impl fmt::Debug for DataFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = self.get();
        write!(f, "DataFrame({} rows, {} columns)", frame.rows(), frame.data.len())
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Series({} rows)", self.get().len())
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} labels)", self.get().len())
    }
}

impl DataFrame {
    pub(crate) fn new(frame: Frame) -> DataFrame {
        DataFrame(Arc::new(Shared::new(Arc::new(frame))))
    }

    pub(crate) fn value(frame: Frame) -> Value {
        Value::object(DataFrame::new(frame))
    }

    pub(crate) fn get(&self) -> Arc<Frame> {
        self.0.read(Arc::clone)
    }

    /// Holds another frame from now on; an error once it is frozen.
    pub(crate) fn replace(&self, frame: Frame) -> Result<(), Raise> {
        let old = self.0.write(|held| std::mem::replace(held, Arc::new(frame)))?;
        drop(old);
        Ok(())
    }
}

impl Series {
    pub(crate) fn new(labelled: Labelled) -> Series {
        Series(Arc::new(Shared::new(Arc::new(labelled))))
    }

    pub(crate) fn value(labelled: Labelled) -> Value {
        Value::object(Series::new(labelled))
    }

    pub(crate) fn get(&self) -> Arc<Labelled> {
        self.0.read(Arc::clone)
    }

    pub(crate) fn replace(&self, labelled: Labelled) -> Result<(), Raise> {
        let old = self.0.write(|held| std::mem::replace(held, Arc::new(labelled)))?;
        drop(old);
        Ok(())
    }
}

impl Labels {
    pub(crate) fn new(index: Arc<Index>, owner: Owner) -> Labels {
        Labels { index: Arc::new(Shared::new(HeldIndex(index))), owner }
    }

    pub(crate) fn value(index: Arc<Index>) -> Value {
        Value::object(Labels::new(index, Owner::Nobody))
    }

    pub(crate) fn get(&self) -> Arc<Index> {
        self.index.read(|held| held.0.clone())
    }
}

impl Array {
    pub(crate) fn value(column: Column) -> Value {
        Value::object(Array { column: Arc::new(column), width: None })
    }
}

/// The frame of a table.
pub(crate) fn frame_of(value: &Value) -> Option<Arc<Frame>> {
    value.downcast::<DataFrame>().map(DataFrame::get)
}

/// The column of a series.
pub(crate) fn labelled_of(value: &Value) -> Option<Arc<Labelled>> {
    value.downcast::<Series>().map(Series::get)
}

/// The cells of a column of any kind, without its labels.
pub(crate) fn column_of(value: &Value) -> Option<Arc<Column>> {
    if let Some(labelled) = labelled_of(value) {
        return Some(labelled.column.clone());
    }
    if let Some(labels) = value.downcast::<Labels>() {
        return Some(labels.get().to_column());
    }
    value.downcast::<Array>().map(|array| array.column.clone())
}

/// The values of a list, a column or any other iterable as a column.
pub(crate) fn as_column(vm: &mut Vm, value: &Value) -> Result<Arc<Column>, Raise> {
    match column_of(value) {
        Some(column) => Ok(column),
        None => vm.collect(value).map(|values| Arc::new(Column::infer(values))),
    }
}

/// Whether a value is one cell, not several.
pub(crate) fn is_scalar(value: &Value) -> bool {
    match value {
        Value::List(_)
        | Value::Tuple(_)
        | Value::Dict(_)
        | Value::Set(_)
        | Value::Range(_)
        | Value::View(_)
        | Value::Iter(_) => false,
        Value::Object(_) => {
            column_of(value).is_none()
                && frame_of(value).is_none()
                && value.downcast::<crate::lang::index::Slice>().is_none()
        }
        _ => true,
    }
}

/// Values that are all `True` or `False`, and at least one.
pub(crate) fn mask_of(value: &Value) -> Option<Arc<Column>> {
    if let Some(column) = column_of(value) {
        let is_mask = column.dtype() == DType::Bool
            || (column.dtype() == DType::Object
                && column.len() > 0
                && column.cells().iter().all(|cell| matches!(cell, Value::Bool(_)) || is_missing(cell))
                && column.cells().iter().any(|cell| matches!(cell, Value::Bool(_))));
        return is_mask.then_some(column);
    }
    let Value::List(list) = value else { return None };
    let all = list.0.read(|items| !items.is_empty() && items.iter().all(|v| matches!(v, Value::Bool(_))));
    all.then(|| Arc::new(Column::new(DType::Bool, list.0.read(Clone::clone))))
}
