//! Orders and repetitions of rows.

use crate::lang::compare;
use crate::lang::raise::Raise;
use crate::lang::table::column::{Column, is_missing};
use crate::lang::table::dtype::DType;
use crate::lang::table::index::Index;
use crate::lang::value::{Key, SetItems, Value};
use crate::lang::vm::Vm;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::cmp::Ordering;
use std::sync::Arc;

/// A column to sort by.
pub(crate) struct SortKey<'k> {
    pub(crate) column: &'k Column,
    pub(crate) ascending: bool,
}

/// The rows in order of the keys; equal ones stay as they are, missing ones are last (or first).
pub(crate) fn order(vm: &mut Vm, keys: &[SortKey], missing_first: bool) -> Result<Vec<usize>, Raise> {
    let rows = keys.first().map_or(0, |key| key.column.len());
    let steps = (rows as u64).saturating_mul(u64::from(rows.max(1).ilog2()) + 1);
    vm.budget.spend(steps)?;
    vm.budget.allocate(8 * rows as u64)?;
    sorted(keys, missing_first)
}

fn sorted(keys: &[SortKey], missing_first: bool) -> Result<Vec<usize>, Raise> {
    let rows = keys.first().map_or(0, |key| key.column.len());
    let mut failed = None;
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|x, y| {
        for key in keys {
            let (a, b) = (&key.column.cells()[*x], &key.column.cells()[*y]);
            let ordering = match (is_missing(a), is_missing(b)) {
                (true, true) => Ordering::Equal,
                (true, false) => {
                    if missing_first {
                        Ordering::Less
                    } else {
                        Ordering::Greater
                    }
                }
                (false, true) => {
                    if missing_first {
                        Ordering::Greater
                    } else {
                        Ordering::Less
                    }
                }
                (false, false) => {
                    let found = compare::order_of(a, b).unwrap_or_else(|| {
                        failed.get_or_insert_with(|| no_order(a, b));
                        Ordering::Equal
                    });
                    if key.ascending { found } else { found.reverse() }
                }
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    });
    match failed {
        Some(raise) => Err(raise),
        None => Ok(order),
    }
}

fn no_order(a: &Value, b: &Value) -> Raise {
    Raise::type_error(format!("`<` cannot compare `{}` and `{}`", a.type_name(), b.type_name()))
        .help("make them one type first: `.astype(str)`")
}

/// The rows in order of their labels.
pub(crate) fn order_of_labels(vm: &mut Vm, index: &Index, ascending: &[bool]) -> Result<Vec<usize>, Raise> {
    let direction = |level: usize| ascending.get(level).or(ascending.last()).copied().unwrap_or(true);
    let keys: Vec<SortKey> = index
        .levels()
        .iter()
        .enumerate()
        .map(|(level, column)| SortKey { column, ascending: direction(level) })
        .collect();
    order(vm, &keys, false)
}

/// Which of equal rows is the one that is no repetition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keep {
    First,
    Last,
    /// None of them.
    Neither,
}

/// For every row whether an equal one counts instead of it.
pub(crate) fn repeated(
    vm: &mut Vm,
    columns: &[&Column],
    rows: usize,
    keep: Keep,
) -> Result<Vec<bool>, Raise> {
    let groups = group_rows(vm, columns, rows)?;
    let mut repeated = vec![false; rows];
    for members in groups.values() {
        let kept = match keep {
            Keep::First => members.first(),
            Keep::Last => members.last(),
            Keep::Neither if members.len() == 1 => members.first(),
            Keep::Neither => None,
        };
        members.iter().filter(|row| Some(*row) != kept).for_each(|row| repeated[*row] = true);
    }
    Ok(repeated)
}

/// Rows by their values, in order of first occurrence. The key of several columns is a tuple.
pub(crate) type Groups = IndexMap<Key, Vec<usize>, FxBuildHasher>;

pub(crate) fn group_rows(vm: &mut Vm, columns: &[&Column], rows: usize) -> Result<Groups, Raise> {
    vm.budget.allocate_items((rows as u64).saturating_mul(columns.len() as u64 + 1))?;
    vm.budget.spend(rows as u64)?;
    let mut groups = Groups::default();
    for row in 0..rows {
        let key = match columns {
            [only] => only.get(row),
            many => Value::tuple(many.iter().map(|column| column.get(row)).collect()),
        };
        groups.entry(Key::new(key)?).or_default().push(row);
    }
    Ok(groups)
}

/// The distinct values of a column, sorted where they have an order. A missing one is none.
pub(crate) fn sorted_unique(column: &Column) -> Result<Column, Raise> {
    let unique = column.unique()?;
    let unique = unique.take(&unique.rows_where(|cell| !is_missing(cell)));
    match sorted(&[SortKey { column: &unique, ascending: true }], false) {
        Ok(order) => Ok(unique.take(&order)),
        Err(_) => Ok(unique),
    }
}

/// Labels of both, each once: sorted when `sort`, else those of the first before the others.
pub(crate) fn union(vm: &mut Vm, a: &Index, b: &Index, sort: bool) -> Result<Arc<Index>, Raise> {
    let names = if a.names().iter().zip(b.names()).all(|(x, y)| x.is_same(y)) { a.names() } else { &[] };
    let mut seen = SetItems::default();
    let mut labels = Vec::new();
    for label in a.labels().into_iter().chain(b.labels()) {
        if seen.insert(Key::new(label.clone())?) {
            labels.push(label);
        }
    }
    vm.budget.allocate_items(labels.len() as u64)?;
    let index = Index::from_labels(labels, (!names.is_empty()).then(|| names.to_vec()));
    if !sort {
        return Ok(index);
    }
    match order_of_labels(vm, &index, &[true]) {
        Ok(order) => Ok(index.take(&order)),
        Err(_) => Ok(index),
    }
}

/// A column of truth values.
pub(crate) fn truths(values: impl IntoIterator<Item = bool>) -> Column {
    Column::new(DType::Bool, values.into_iter().map(Value::Bool).collect())
}
