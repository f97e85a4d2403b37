//! A column of values with a type, as pandas keeps it. Knows no labels and no evaluation.
//!
//! Cells never change: an operation makes a new column, so columns are shared freely between tables and threads.

use crate::lang::ops::{self, Number};
use crate::lang::raise::Raise;
use crate::lang::table::dtype::{self, DType};
use crate::lang::teardown::dismantle;
use crate::lang::value::{Key, Value};
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The missing value of numbers and texts. One bit pattern, so that it is one key.
pub(crate) const MISSING: Value = Value::Float(f64::NAN);

pub(crate) fn is_missing(value: &Value) -> bool {
    match value {
        Value::None => true,
        Value::Float(x) => x.is_nan(),
        _ => false,
    }
}

/// Where a value stands in a column.
#[derive(Debug)]
pub(crate) enum Rows {
    One(usize),
    Many(Vec<usize>),
}

impl Rows {
    pub(crate) fn as_slice(&self) -> &[usize] {
        match self {
            Rows::One(row) => std::slice::from_ref(row),
            Rows::Many(rows) => rows,
        }
    }

    pub(crate) fn push(&mut self, row: usize) {
        match self {
            Rows::One(first) => *self = Rows::Many(vec![*first, row]),
            Rows::Many(rows) => rows.push(row),
        }
    }
}

/// The rows of one value.
pub(crate) enum Found<'p> {
    None,
    One(usize),
    Many(&'p [usize]),
}

impl Found<'_> {
    pub(crate) fn rows(&self) -> &[usize] {
        match self {
            Found::None => &[],
            Found::One(row) => std::slice::from_ref(row),
            Found::Many(rows) => rows,
        }
    }
}

/// Looks a value up.
pub(crate) fn find_in<'p>(places: &'p Places, value: &Value) -> Result<Found<'p>, Raise> {
    Ok(match places.get(&Key::new(value.clone())?) {
        None => Found::None,
        Some(Rows::One(row)) => Found::One(*row),
        Some(Rows::Many(rows)) => Found::Many(rows),
    })
}

/// The rows of every value, in order of first occurrence.
pub(crate) type Places = IndexMap<Key, Rows, FxBuildHasher>;

/// What the cells are made from when somebody looks at them.
#[derive(Debug)]
enum Source {
    Cells,
    /// 0, 1, 2…
    Count,
    /// `True` in these rows, `False` in all others.
    Mask(Vec<usize>),
}

/// Cells of one type.
#[derive(Debug)]
pub(crate) struct Column {
    dtype: DType,
    len: usize,
    source: Source,
    cells: OnceLock<Vec<Value>>,
    /// `None` when a cell has no hash.
    places: OnceLock<Option<Places>>,
    /// How often the column was asked for equal cells: from the second time on a hash answers.
    asked: AtomicU32,
}

impl Column {
    fn of(dtype: DType, len: usize, source: Source) -> Column {
        let (cells, places) = (OnceLock::new(), OnceLock::new());
        Column { dtype, len, source, cells, places, asked: AtomicU32::new(0) }
    }

    /// Cells that are known to be of the type.
    pub(crate) fn new(dtype: DType, cells: Vec<Value>) -> Column {
        debug_assert!(cells.iter().all(|cell| dtype.holds(cell)), "{dtype:?} {cells:?}");
        let mut column = Column::of(dtype, cells.len(), Source::Cells);
        column.cells = OnceLock::from(cells);
        column
    }

    /// Values from Rulefile code, with the type that pandas finds for them.
    pub(crate) fn infer(values: Vec<Value>) -> Column {
        let (dtype, cells) = dtype::infer(values);
        Column::new(dtype, cells)
    }

    /// 0, 1, 2…
    pub(crate) fn count(len: usize) -> Column {
        Column::of(DType::Int, len, Source::Count)
    }

    /// `True` in some rows; `rows` ascend.
    pub(crate) fn mask(len: usize, rows: Vec<usize>) -> Column {
        Column::of(DType::Bool, len, Source::Mask(rows))
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether it counts 0, 1, 2…
    pub(crate) fn is_count(&self) -> bool {
        matches!(self.source, Source::Count)
    }

    pub(crate) fn cells(&self) -> &[Value] {
        self.cells.get_or_init(|| match &self.source {
            Source::Cells => Vec::new(),
            Source::Count => (0..self.len).map(|i| Value::Int(i as i64)).collect(),
            Source::Mask(rows) => {
                let mut cells = vec![Value::Bool(false); self.len];
                rows.iter().for_each(|row| cells[*row] = Value::Bool(true));
                cells
            }
        })
    }

    /// The cell of a row, which exists.
    pub(crate) fn get(&self, row: usize) -> Value {
        match self.source {
            Source::Count => Value::Int(row as i64),
            _ => self.cells()[row].clone(),
        }
    }

    /// The rows that are `True`.
    pub(crate) fn true_rows(&self) -> Vec<usize> {
        match &self.source {
            Source::Mask(rows) => rows.clone(),
            _ => self.rows_where(|cell| matches!(cell, Value::Bool(true))),
        }
    }

    /// Whether a row is `True`.
    pub(crate) fn is_true(&self, row: usize) -> bool {
        match &self.source {
            Source::Mask(rows) => rows.binary_search(&row).is_ok(),
            _ => matches!(self.cells().get(row), Some(Value::Bool(true))),
        }
    }

    /// The rows that are known to be `True` without a look at the others.
    pub(crate) fn sparse_rows(&self) -> Option<&[usize]> {
        match &self.source {
            Source::Mask(rows) => Some(rows),
            _ => None,
        }
    }

    pub(crate) fn rows_where(&self, test: impl Fn(&Value) -> bool) -> Vec<usize> {
        let cells = self.cells().iter().enumerate();
        cells.filter(|(_, cell)| test(cell)).map(|(row, _)| row).collect()
    }

    /// The cells of some rows, in that order.
    pub(crate) fn take(&self, rows: &[usize]) -> Column {
        Column::new(self.dtype, rows.iter().map(|row| self.get(*row)).collect())
    }

    /// The cells of some rows, missing where there is no row.
    pub(crate) fn take_or_missing(&self, rows: &[Option<usize>]) -> Column {
        if rows.iter().all(Option::is_some) {
            return self.take(&rows.iter().flatten().copied().collect::<Vec<_>>());
        }
        let dtype = self.dtype.with_missing();
        let cells = rows.iter().map(|row| match row {
            Some(row) => dtype.fit(self.get(*row)),
            None => MISSING,
        });
        Column::new(dtype, cells.collect())
    }

    /// A new column of values made from each cell; the type is found anew.
    pub(crate) fn map<E>(&self, make: impl FnMut(&Value) -> Result<Value, E>) -> Result<Column, E> {
        self.cells().iter().map(make).collect::<Result<Vec<_>, E>>().map(Column::infer)
    }

    /// The rows of every value; an error when a cell cannot be hashed.
    pub(crate) fn places(&self) -> Result<&Places, Raise> {
        let made = self.places.get_or_init(|| places_of(self.cells()));
        made.as_ref().ok_or_else(|| {
            let first = self.cells().iter().find_map(|cell| Key::new(cell.clone()).err());
            first.unwrap_or_else(|| Raise::type_error("a cell cannot be hashed"))
        })
    }

    /// The rows of a value.
    pub(crate) fn find(&self, value: &Value) -> Result<Found<'_>, Raise> {
        if self.is_count() {
            let number = match Number::of(value) {
                Some(Number::Int(n)) => Some(n),
                Some(Number::Float(x)) => ops::float_to_int(x),
                None => None,
            };
            let row = number.and_then(|n| usize::try_from(n).ok()).filter(|row| *row < self.len);
            return Ok(row.map_or(Found::None, Found::One));
        }
        find_in(self.places()?, value)
    }

    /// Whether asking for equal cells is worth a hash by now, and possible.
    pub(crate) fn has_cheap_places(&self) -> bool {
        let first = self.places.get().is_none() && self.asked.fetch_add(1, Ordering::Relaxed) == 0;
        !first && self.places().is_ok()
    }

    pub(crate) fn is_unique(&self) -> Result<bool, Raise> {
        Ok(self.is_count() || self.places()?.len() == self.len)
    }

    /// The values, each once, in order of first occurrence.
    pub(crate) fn unique(&self) -> Result<Column, Raise> {
        Ok(Column::new(self.dtype, self.places()?.keys().map(Key::value).collect()))
    }

    pub(crate) fn missing_rows(&self) -> Vec<usize> {
        match self.dtype {
            DType::Int | DType::Bool => Vec::new(),
            _ => self.rows_where(is_missing),
        }
    }

    pub(crate) fn has_missing(&self) -> bool {
        !matches!(self.dtype, DType::Int | DType::Bool) && self.cells().iter().any(is_missing)
    }

    /// `astype(dtype)`
    pub(crate) fn cast(&self, to: DType) -> Result<Column, Raise> {
        if to == self.dtype {
            return Ok(Column::new(to, self.cells().to_vec()));
        }
        let cells: Result<Vec<Value>, Raise> =
            self.cells().iter().map(|cell| dtype::cast(cell, self.dtype, to)).collect();
        Ok(Column::new(to, cells?))
    }

    /// The same cells under a wider type.
    pub(crate) fn widen(&self, to: DType) -> Column {
        Column::new(to, self.cells().iter().map(|cell| to.fit(cell.clone())).collect())
    }

    /// All cells one after the other, under the type that holds them all.
    pub(crate) fn concat<'c>(columns: impl Iterator<Item = &'c Column> + Clone) -> Column {
        let dtype = DType::common(columns.clone().map(Column::dtype)).unwrap_or(DType::Object);
        let cells = columns.flat_map(|column| column.cells().iter().map(|cell| dtype.fit(cell.clone())));
        Column::new(dtype, cells.collect())
    }

    /// Gives the cells away.
    pub(crate) fn release(&mut self) -> Vec<Value> {
        if self.dtype != DType::Object {
            return Vec::new();
        }
        let mut values = self.cells.take().unwrap_or_default();
        let places = self.places.take().flatten().unwrap_or_default();
        values.extend(places.into_keys().map(|key| key.0));
        values
    }
}

/// Cells of objects may hold lists, which may hold tables: dropping them must not recurse.
impl Drop for Column {
    fn drop(&mut self) {
        dismantle(self.release());
    }
}

fn places_of(cells: &[Value]) -> Option<Places> {
    let mut places = Places::with_capacity_and_hasher(cells.len(), FxBuildHasher);
    for (row, cell) in cells.iter().enumerate() {
        match places.entry(Key::new(cell.clone()).ok()?) {
            indexmap::map::Entry::Occupied(mut entry) => entry.get_mut().push(row),
            indexmap::map::Entry::Vacant(entry) => {
                entry.insert(Rows::One(row));
            }
        }
    }
    Some(places)
}
