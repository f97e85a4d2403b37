//! A table: columns of one length with labels, and one column with labels. Pure data: every operation makes a
//! new table that shares the columns it did not change.

use crate::lang::raise::Raise;
use crate::lang::table::column::{Column, Rows};
use crate::lang::table::dtype::DType;
use crate::lang::table::index::Index;
use crate::lang::value::Value;
use std::sync::Arc;

/// `DataFrame`
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) index: Arc<Index>,
    /// Labels of the columns: one level.
    pub(crate) columns: Arc<Index>,
    /// All as long as the index.
    pub(crate) data: Vec<Arc<Column>>,
}

impl Default for Frame {
    fn default() -> Frame {
        Frame { index: Index::count(0), columns: Index::count(0), data: Vec::new() }
    }
}

/// `Series`
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    pub(crate) index: Arc<Index>,
    pub(crate) name: Value,
    pub(crate) column: Arc<Column>,
}

impl Default for Labelled {
    fn default() -> Labelled {
        let column = Arc::new(Column::new(DType::Object, Vec::new()));
        Labelled { index: Index::count(0), name: Value::None, column }
    }
}

impl Labelled {
    pub(crate) fn new(index: Arc<Index>, name: Value, column: Column) -> Labelled {
        debug_assert_eq!(index.len(), column.len());
        Labelled { index, name, column: Arc::new(column) }
    }

    pub(crate) fn len(&self) -> usize {
        self.column.len()
    }

    pub(crate) fn take(&self, rows: &[usize]) -> Labelled {
        Labelled::new(self.index.take(rows), self.name.clone(), self.column.take(rows))
    }

    /// The same labels with other cells.
    pub(crate) fn with_column(&self, column: Column) -> Labelled {
        Labelled::new(self.index.clone(), self.name.clone(), column)
    }

    pub(crate) fn to_frame(&self, name: Option<Value>) -> Frame {
        let name = name.unwrap_or_else(|| self.name.clone());
        let columns = match name {
            Value::None => Index::count(1),
            name => Index::from_labels(vec![name], None),
        };
        Frame { index: self.index.clone(), columns, data: vec![self.column.clone()] }
    }
}

impl Frame {
    pub(crate) fn new(index: Arc<Index>, columns: Arc<Index>, data: Vec<Arc<Column>>) -> Frame {
        debug_assert_eq!(columns.len(), data.len());
        debug_assert!(data.iter().all(|column| column.len() == index.len()));
        Frame { index, columns, data }
    }

    pub(crate) fn rows(&self) -> usize {
        self.index.len()
    }

    /// Number of cells, for what an operation costs.
    pub(crate) fn size(&self) -> u64 {
        (self.rows() as u64).saturating_mul(self.data.len() as u64)
    }

    /// The place of the only column with this label, if there is one.
    pub(crate) fn position(&self, label: &Value) -> Option<usize> {
        match self.columns.find(label).ok()?.rows() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The place of a column that must be there, once.
    pub(crate) fn expect(&self, label: &Value) -> Result<usize, Raise> {
        let found = self.columns.find(label)?;
        match found.rows() {
            [only] => Ok(*only),
            [] => Err(self.no_column(label)),
            _ => Err(Raise::value_error(format!("several columns are called {}", label.repr()))),
        }
    }

    /// `KeyError` that names what there is.
    pub(crate) fn no_column(&self, label: &Value) -> Raise {
        let raise = Raise::key_error(label);
        let known = self.columns.labels();
        let names: Vec<&str> = known.iter().filter_map(Value::as_str).collect();
        if let Value::Str(wanted) = label
            && let Some(near) = crate::lang::raise::closest(wanted, names.iter().copied())
        {
            return raise.help(format!("the table has no such column; did you mean `{near}`?"));
        }
        let level = self.index.names().iter().any(|name| name.is_same(label));
        if level {
            return raise.help("it is in the index: use `.index`, or `set_index(..., drop=False)`");
        }
        let shown: Vec<String> = known.iter().take(20).map(Value::repr).collect();
        raise.help(format!("the table has no such column; its columns are: {}", shown.join(", ")))
    }

    /// The column at a place.
    pub(crate) fn series(&self, at: usize) -> Labelled {
        Labelled { index: self.index.clone(), name: self.columns.label(at), column: self.data[at].clone() }
    }

    /// A row as cells under the labels of the columns, in the type that holds them all.
    pub(crate) fn row(&self, row: usize) -> Labelled {
        let dtype = DType::common(self.data.iter().map(|column| column.dtype())).unwrap_or(DType::Object);
        let cells = self.data.iter().map(|column| dtype.fit(column.get(row))).collect();
        Labelled::new(self.columns.clone(), self.index.label(row), Column::new(dtype, cells))
    }

    /// The cells of a row as they are.
    pub(crate) fn cells(&self, row: usize) -> Vec<Value> {
        self.data.iter().map(|column| column.get(row)).collect()
    }

    pub(crate) fn take(&self, rows: &[usize]) -> Frame {
        let data = self.data.iter().map(|column| Arc::new(column.take(rows))).collect();
        Frame::new(self.index.take(rows), self.columns.clone(), data)
    }

    /// Some columns, by place.
    pub(crate) fn select(&self, places: &[usize]) -> Frame {
        let data = places.iter().map(|at| self.data[*at].clone()).collect();
        Frame::new(self.index.clone(), self.columns.take(places), data)
    }

    /// Without some columns.
    pub(crate) fn without(&self, places: &[usize]) -> Frame {
        let left: Vec<usize> = (0..self.data.len()).filter(|at| !places.contains(at)).collect();
        self.select(&left)
    }

    /// With a column under a label: in place of the one that is there, or after all others.
    pub(crate) fn with(&self, label: Value, column: Arc<Column>) -> Frame {
        let mut frame = self.clone();
        let places = self.columns.find(&label).map(|found| found.rows().to_vec()).unwrap_or_default();
        if places.is_empty() {
            frame.columns = appended(&self.columns, label);
            frame.data.push(column);
        } else {
            places.into_iter().for_each(|at| frame.data[at] = column.clone());
        }
        frame
    }

    /// With a new column at a place.
    pub(crate) fn inserted(&self, at: usize, label: Value, column: Arc<Column>) -> Frame {
        let mut labels = self.columns.labels();
        labels.insert(at, label);
        let mut data = self.data.clone();
        data.insert(at, column);
        let columns = Index::from_labels(labels, Some(self.columns.names().to_vec()));
        Frame::new(self.index.clone(), columns, data)
    }

    pub(crate) fn with_index(&self, index: Arc<Index>) -> Frame {
        Frame { index, ..self.clone() }
    }

    pub(crate) fn release(&mut self) -> Vec<Value> {
        let columns = self.data.iter_mut().filter_map(Arc::get_mut);
        columns.flat_map(Column::release).collect()
    }
}

/// The labels with one more at the end.
pub(crate) fn appended(index: &Index, label: Value) -> Arc<Index> {
    let mut labels = index.labels();
    labels.push(label);
    Index::from_labels(labels, Some(index.names().to_vec()))
}

/// For every label of `wanted` the row of `index` that has it; an error when a label is there twice.
pub(crate) fn rows_for(index: &Index, wanted: &Index) -> Result<Vec<Option<usize>>, Raise> {
    let places = index.places()?;
    let row_of = |row: usize| -> Result<Option<usize>, Raise> {
        match places.get(&crate::lang::value::Key::new(wanted.label(row))?) {
            None => Ok(None),
            Some(Rows::One(at)) => Ok(Some(*at)),
            Some(Rows::Many(_)) => Err(Raise::value_error("cannot reindex on an axis with duplicate labels")),
        }
    };
    (0..wanted.len()).map(row_of).collect()
}
