//! Labels of rows or columns: one column of them, or several levels. Looking one up takes a hash, made once.

use crate::lang::compare;
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::column::{Column, Found, Places, Rows, find_in};
use crate::lang::table::dtype::DType;
use crate::lang::value::{Key, Value};
use indexmap::map::Entry;
use std::sync::{Arc, OnceLock};

/// Labels, one per row.
#[derive(Debug)]
pub(crate) struct Index {
    /// At least one; all of one length.
    levels: Vec<Arc<Column>>,
    /// One per level; `None` where a level has no name.
    names: Vec<Value>,
    /// Rows of whole labels, where there are several levels.
    whole: OnceLock<Option<Places>>,
}

impl Index {
    pub(crate) fn new(levels: Vec<Arc<Column>>, names: Vec<Value>) -> Arc<Index> {
        debug_assert!(!levels.is_empty() && levels.len() == names.len());
        Arc::new(Index { levels, names, whole: OnceLock::new() })
    }

    pub(crate) fn single(column: Arc<Column>, name: Value) -> Arc<Index> {
        Index::new(vec![column], vec![name])
    }

    /// 0, 1, 2…
    pub(crate) fn count(len: usize) -> Arc<Index> {
        Index::single(Arc::new(Column::count(len)), Value::None)
    }

    /// Labels from values; tuples of one length make levels.
    pub(crate) fn from_labels(labels: Vec<Value>, names: Option<Vec<Value>>) -> Arc<Index> {
        let width = match labels.first() {
            Some(Value::Tuple(first)) => first.0.len(),
            _ => 0,
        };
        let fits = |label: &Value| matches!(label, Value::Tuple(tuple) if tuple.0.len() == width);
        if width < 2 || !labels.iter().all(fits) {
            let name = names.and_then(|names| names.into_iter().next()).unwrap_or(Value::None);
            return Index::single(Arc::new(Column::infer(labels)), name);
        }
        let part = |label: &Value, level: usize| match label {
            Value::Tuple(tuple) => tuple.0[level].clone(),
            _ => Value::None,
        };
        let level = |level| Arc::new(Column::infer(labels.iter().map(|label| part(label, level)).collect()));
        let names = names.filter(|names| names.len() == width).unwrap_or_else(|| vec![Value::None; width]);
        Index::new((0..width).map(level).collect(), names)
    }

    pub(crate) fn len(&self) -> usize {
        self.levels[0].len()
    }

    pub(crate) fn levels(&self) -> &[Arc<Column>] {
        &self.levels
    }

    pub(crate) fn names(&self) -> &[Value] {
        &self.names
    }

    pub(crate) fn is_multi(&self) -> bool {
        self.levels.len() > 1
    }

    /// The name of the only level.
    pub(crate) fn name(&self) -> Value {
        if self.is_multi() { Value::None } else { self.names[0].clone() }
    }

    pub(crate) fn with_names(&self, names: Vec<Value>) -> Arc<Index> {
        debug_assert_eq!(names.len(), self.levels.len());
        Index::new(self.levels.clone(), names)
    }

    /// The type of the only level.
    pub(crate) fn dtype(&self) -> DType {
        if self.is_multi() { DType::Object } else { self.levels[0].dtype() }
    }

    /// Whether it counts 0, 1, 2…
    pub(crate) fn is_count(&self) -> bool {
        !self.is_multi() && self.levels[0].is_count()
    }

    /// The label of a row, which exists: a tuple when there are several levels.
    pub(crate) fn label(&self, row: usize) -> Value {
        match self.levels.as_slice() {
            [only] => only.get(row),
            levels => Value::tuple(levels.iter().map(|level| level.get(row)).collect()),
        }
    }

    pub(crate) fn labels(&self) -> Vec<Value> {
        match self.levels.as_slice() {
            [only] => only.cells().to_vec(),
            _ => (0..self.len()).map(|row| self.label(row)).collect(),
        }
    }

    /// The labels as one column: of tuples, when there are several levels.
    pub(crate) fn to_column(&self) -> Arc<Column> {
        match self.levels.as_slice() {
            [only] => only.clone(),
            _ => Arc::new(Column::new(DType::Object, self.labels())),
        }
    }

    /// The rows of every whole label.
    pub(crate) fn places(&self) -> Result<&Places, Raise> {
        if let [only] = self.levels.as_slice() {
            return only.places();
        }
        let made = self.whole.get_or_init(|| {
            let mut places = Places::default();
            for row in 0..self.len() {
                match places.entry(Key::new(self.label(row)).ok()?) {
                    Entry::Occupied(mut entry) => entry.get_mut().push(row),
                    Entry::Vacant(entry) => {
                        entry.insert(Rows::One(row));
                    }
                }
            }
            Some(places)
        });
        made.as_ref().ok_or_else(|| Raise::type_error("a label cannot be hashed"))
    }

    /// The rows of a whole label.
    pub(crate) fn find(&self, label: &Value) -> Result<Found<'_>, Raise> {
        match self.levels.as_slice() {
            [only] => only.find(label),
            _ => find_in(self.places()?, label),
        }
    }

    /// The rows whose first levels are `parts`: all of them, or fewer than there are levels.
    pub(crate) fn find_prefix(&self, parts: &[Value]) -> Result<Vec<usize>, Raise> {
        if parts.len() == self.levels.len() {
            return Ok(self.find(&Value::tuple(parts.to_vec()))?.rows().to_vec());
        }
        let Some((first, rest)) = parts.split_first() else { return Ok((0..self.len()).collect()) };
        let found = self.levels[0].find(first)?;
        let mut rows = Vec::with_capacity(found.rows().len());
        'rows: for row in found.rows() {
            for (level, part) in self.levels[1..].iter().zip(rest) {
                if !compare::equal(&level.get(*row), part)? {
                    continue 'rows;
                }
            }
            rows.push(*row);
        }
        Ok(rows)
    }

    pub(crate) fn is_unique(&self) -> Result<bool, Raise> {
        Ok(self.is_count() || self.places()?.len() == self.len())
    }

    pub(crate) fn take(&self, rows: &[usize]) -> Arc<Index> {
        let levels = self.levels.iter().map(|level| Arc::new(level.take(rows))).collect();
        Index::new(levels, self.names.clone())
    }

    /// Without some of its levels; 0, 1, 2… when none is left.
    pub(crate) fn without_levels(&self, gone: &[usize]) -> Arc<Index> {
        let left = (0..self.levels.len()).filter(|level| !gone.contains(level));
        let (levels, names): (Vec<_>, Vec<_>) =
            left.map(|level| (self.levels[level].clone(), self.names[level].clone())).unzip();
        if levels.is_empty() { Index::count(self.len()) } else { Index::new(levels, names) }
    }

    /// Whether both have the same labels in the same order.
    pub(crate) fn same_labels(&self, other: &Index) -> Result<bool, Raise> {
        if self.len() != other.len() || self.levels.len() != other.levels.len() {
            return Ok(false);
        }
        for (mine, theirs) in self.levels.iter().zip(&other.levels) {
            if Arc::ptr_eq(mine, theirs) || (mine.is_count() && theirs.is_count()) {
                continue;
            }
            for (a, b) in mine.cells().iter().zip(theirs.cells()) {
                if !a.is_same(b) && !compare::equal(a, b)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// All labels one after the other.
    pub(crate) fn concat(indexes: &[Arc<Index>]) -> Arc<Index> {
        let Some(first) = indexes.first() else { return Index::count(0) };
        let width = first.levels.len();
        let same_width = indexes.iter().all(|index| index.levels.len() == width);
        let shared = |level: usize| {
            let name = &first.names[level];
            let all = indexes.iter().all(|index| index.names[level].is_same(name));
            if all { name.clone() } else { Value::None }
        };
        if !same_width {
            let labels = indexes.iter().flat_map(|index| index.labels()).collect();
            return Index::single(Arc::new(Column::new(DType::Object, labels)), Value::None);
        }
        let level =
            |level: usize| Arc::new(Column::concat(indexes.iter().map(move |index| &*index.levels[level])));
        Index::new((0..width).map(level).collect(), (0..width).map(shared).collect())
    }

    /// The number of a level, by its name or place.
    pub(crate) fn level_number(&self, wanted: &Value) -> Result<usize, Raise> {
        if let Some(level) = self.names.iter().position(|name| name.is_same(wanted)) {
            return Ok(level);
        }
        match wanted {
            Value::Int(n) => {
                let count = self.levels.len();
                let from_end = if *n < 0 { n.saturating_add(count as i64) } else { *n };
                usize::try_from(from_end).ok().filter(|level| *level < count).ok_or_else(|| {
                    Raise::new(
                        Exc::IndexError,
                        format!("the index has {count} levels, there is no level {n}"),
                    )
                })
            }
            other => {
                let raise = Raise::key_error(other);
                let known: Vec<String> = self.names.iter().map(Value::repr).collect();
                Err(raise.help(format!("the names of the index are: {}", known.join(", "))))
            }
        }
    }

    /// Whether the labels ascend.
    pub(crate) fn is_sorted(&self) -> bool {
        if self.is_count() {
            return true;
        }
        let labels = self.labels();
        labels
            .windows(2)
            .all(|pair| compare::order_of(&pair[0], &pair[1]).is_some_and(std::cmp::Ordering::is_le))
    }

    pub(crate) fn release(&mut self) -> Vec<Value> {
        let columns = self.levels.iter_mut().filter_map(Arc::get_mut);
        let mut values: Vec<Value> = columns.flat_map(Column::release).collect();
        let whole = self.whole.take().flatten().unwrap_or_default();
        values.extend(whole.into_keys().map(|key| key.0));
        values
    }
}
