//! Which rows or columns a key means: by label (`loc`) or by place (`iloc`).

use crate::lang::compare;
use crate::lang::index::{Slice, index_in, slice_range};
use crate::lang::raise::{Exc, Raise, closest};
use crate::lang::table::column::Column;
use crate::lang::table::index::Index;
use crate::lang::table::objects::{column_of, labelled_of, mask_of};
use crate::lang::value::{Key, Value};
use crate::lang::vm::Vm;
use std::cmp::Ordering;
use std::sync::Arc;

/// Rows or columns.
#[derive(Clone, Debug)]
pub(crate) enum Pick {
    All,
    One(usize),
    Many {
        rows: Vec<usize>,
        /// Levels that the key fixed: the result has no need of them.
        gone: Vec<usize>,
    },
}

impl Pick {
    pub(crate) fn many(rows: Vec<usize>) -> Pick {
        Pick::Many { rows, gone: Vec::new() }
    }

    pub(crate) fn rows(&self, len: usize) -> Vec<usize> {
        match self {
            Pick::All => (0..len).collect(),
            Pick::One(row) => vec![*row],
            Pick::Many { rows, .. } => rows.clone(),
        }
    }
}

/// `KeyError` for a label, with those that are like it.
pub(crate) fn no_label(index: &Arc<Index>, label: &Value, axis: &'static str) -> Raise {
    let (index, wanted) = (index.clone(), label.clone());
    Raise::key_error(label).help_later(move || {
        let level = &index.levels()[0];
        let texts: Vec<&str> = level.cells().iter().filter_map(Value::as_str).collect();
        if let Value::Str(text) = &wanted {
            if let Some(near) = closest(text, texts.iter().copied()) {
                return format!("the table has no such {axis}; did you mean `{near}`?");
            }
            if text
                .parse::<i64>()
                .is_ok_and(|n| level.find(&Value::Int(n)).is_ok_and(|f| !f.rows().is_empty()))
            {
                return format!(
                    "{text} is a number in the table: read the column as text, `dtype={{...: str}}`"
                );
            }
        }
        let shown: Vec<String> = (0..index.len().min(10)).map(|row| index.label(row).repr()).collect();
        let more = if index.len() > 10 { ", …" } else { "" };
        format!("the table has no such {axis}; it has: {}{more}", shown.join(", "))
    })
}

/// The rows that a key of `loc` means.
pub(crate) fn by_label(
    vm: &mut Vm,
    index: &Arc<Index>,
    key: &Value,
    axis: &'static str,
) -> Result<Pick, Raise> {
    if let Some(slice) = key.downcast::<Slice>() {
        return label_slice(vm, index, slice, axis);
    }
    if let Some(mask) = mask_of(key) {
        return by_mask(vm, index, key, &mask);
    }
    match key {
        Value::Tuple(tuple) if index.is_multi() => by_levels(vm, index, &tuple.0, key, axis),
        Value::List(_) | Value::Set(_) | Value::View(_) | Value::Range(_) | Value::Iter(_) => {
            let labels = vm.collect(key)?;
            by_labels(vm, index, &labels, axis)
        }
        Value::Object(_) => match column_of(key) {
            Some(column) => by_labels(vm, index, column.cells(), axis),
            None => one_label(index, key, axis),
        },
        scalar => one_label(index, scalar, axis),
    }
}

fn one_label(index: &Arc<Index>, label: &Value, axis: &'static str) -> Result<Pick, Raise> {
    if index.is_multi() {
        let rows = index.levels()[0].find(label)?.rows().to_vec();
        if rows.is_empty() {
            return Err(no_label(index, label, axis));
        }
        return Ok(Pick::Many { rows, gone: vec![0] });
    }
    match index.find(label)?.rows() {
        [] => Err(no_label(index, label, axis)),
        [row] => Ok(Pick::One(*row)),
        rows => Ok(Pick::many(rows.to_vec())),
    }
}

fn by_labels(vm: &mut Vm, index: &Arc<Index>, labels: &[Value], axis: &'static str) -> Result<Pick, Raise> {
    vm.budget.spend(labels.len() as u64)?;
    let mut rows = Vec::new();
    for label in labels {
        let found = match label {
            label if !index.is_multi() => index.find(label)?.rows().to_vec(),
            Value::Tuple(tuple) => index.find_prefix(&tuple.0)?,
            label => index.levels()[0].find(label)?.rows().to_vec(),
        };
        if found.is_empty() {
            return Err(no_label(index, label, axis));
        }
        vm.budget.allocate(8 * found.len() as u64)?;
        rows.extend(found);
    }
    Ok(Pick::many(rows))
}

/// A tuple for an index of several levels: labels, and perhaps slices and lists among them.
fn by_levels(
    vm: &mut Vm,
    index: &Arc<Index>,
    parts: &[Value],
    key: &Value,
    axis: &'static str,
) -> Result<Pick, Raise> {
    let levels = index.levels();
    if parts.len() > levels.len() {
        return Err(too_many_keys(parts.len(), levels.len()));
    }
    let is_several = |part: &Value| matches!(part, Value::List(_) | Value::Object(_));
    if !parts.iter().any(is_several) {
        let rows = index.find_prefix(parts)?;
        return match rows.as_slice() {
            [] => Err(no_label(index, key, axis)),
            [row] if parts.len() == levels.len() => Ok(Pick::One(*row)),
            _ if parts.len() == levels.len() => Ok(Pick::many(rows)),
            _ => Ok(Pick::Many { rows, gone: (0..parts.len()).collect() }),
        };
    }
    let mut keep = vec![true; index.len()];
    for (level, part) in levels.iter().zip(parts) {
        let single = Index::single(level.clone(), Value::None);
        let Some(rows) = rows_in_level(vm, &single, part, axis)? else { continue };
        let mut here = vec![false; index.len()];
        rows.into_iter().for_each(|row| here[row] = true);
        keep.iter_mut().zip(here).for_each(|(keep, here)| *keep &= here);
    }
    vm.budget.allocate((index.len() * levels.len()) as u64)?;
    Ok(Pick::many((0..index.len()).filter(|row| keep[*row]).collect()))
}

/// Rows of one level; `None` for all.
fn rows_in_level(
    vm: &mut Vm,
    level: &Arc<Index>,
    part: &Value,
    axis: &'static str,
) -> Result<Option<Vec<usize>>, Raise> {
    Ok(match by_label(vm, level, part, axis)? {
        Pick::All => None,
        Pick::One(row) => Some(vec![row]),
        Pick::Many { rows, .. } => Some(rows),
    })
}

pub(crate) fn too_many_keys(given: usize, levels: usize) -> Raise {
    Raise::new(Exc::IndexError, format!("{given} keys were given for a table with {levels} axes or levels"))
}

/// A slice of labels: both ends are in it.
fn label_slice(vm: &mut Vm, index: &Arc<Index>, slice: &Slice, axis: &'static str) -> Result<Pick, Raise> {
    let [start, stop, step] = &slice.0;
    let step = match step {
        Value::None => 1,
        other => crate::lang::builtins::args::int(other, "loc")?,
    };
    if matches!((start, stop), (Value::None, Value::None)) && step == 1 {
        return Ok(Pick::All);
    }
    vm.budget.spend(index.len() as u64 / 8)?;
    let edge = |label: &Value, last: bool| -> Result<usize, Raise> {
        let rows = match (index.is_multi(), label) {
            (true, Value::Tuple(tuple)) => index.find_prefix(&tuple.0)?,
            (true, label) => index.levels()[0].find(label)?.rows().to_vec(),
            (false, label) => index.find(label)?.rows().to_vec(),
        };
        match (last, rows.first(), rows.last()) {
            (false, Some(first), _) => Ok(*first),
            (true, _, Some(last)) => Ok(*last + 1),
            // Between the labels of a sorted index.
            _ if !index.is_multi() && index.is_sorted() => Ok(place_of(&index.levels()[0], label)?),
            _ => Err(no_label(index, label, axis)),
        }
    };
    let first = if matches!(start, Value::None) { 0 } else { edge(start, false)? };
    let end = if matches!(stop, Value::None) { index.len() } else { edge(stop, true)? };
    let rows = first..end.max(first);
    let step = usize::try_from(step).ok().filter(|step| *step > 0).ok_or_else(|| {
        Raise::unsupported("a slice of labels cannot go backwards", "reverse the table: `df.iloc[::-1]`")
    })?;
    Ok(Pick::many(rows.step_by(step).collect()))
}

/// Where a label would stand in a sorted column.
fn place_of(column: &Column, label: &Value) -> Result<usize, Raise> {
    let cells = column.cells();
    if let Some(first) = cells.first()
        && compare::order_of(first, label).is_none()
    {
        return Err(Raise::type_error(format!("`{}` is no label of this index", label.type_name())));
    }
    Ok(cells.partition_point(|cell| compare::order_of(cell, label) == Some(Ordering::Less)))
}

/// The rows that are true in a mask, which is a list or a column, with labels or without.
pub(crate) fn by_mask(vm: &mut Vm, index: &Arc<Index>, key: &Value, mask: &Column) -> Result<Pick, Raise> {
    if mask.sparse_rows().is_none() {
        vm.budget.allocate(mask.len() as u64)?;
    }
    if let Some(labelled) = labelled_of(key)
        && !Arc::ptr_eq(&labelled.index, index)
        && !labelled.index.same_labels(index)?
    {
        // A mask of another table is matched by its labels.
        let rows = crate::lang::table::frame::rows_for(&labelled.index, index)?;
        let Some(rows) = rows.into_iter().collect::<Option<Vec<_>>>() else {
            return Err(Raise::new(Exc::IndexError, "the mask has other labels than the table")
                .help("make the mask from the same table: `df[df[\"x\"] == 1]`"));
        };
        return Ok(Pick::many((0..rows.len()).filter(|row| mask.is_true(rows[*row])).collect()));
    }
    if mask.len() != index.len() {
        let (given, wanted) = (mask.len(), index.len());
        return Err(Raise::value_error(format!("a mask of {given} values does not fit {wanted} rows")));
    }
    if mask.has_missing() {
        return Err(
            Raise::value_error("a mask cannot have missing values").help("fill them: `.fillna(False)`")
        );
    }
    Ok(Pick::many(mask.true_rows()))
}

/// The rows that a key of `iloc` means.
pub(crate) fn by_place(vm: &mut Vm, len: usize, key: &Value) -> Result<Pick, Raise> {
    if let Some(slice) = key.downcast::<Slice>() {
        return place_slice(vm, len, &slice.ends()?);
    }
    if let Some(mask) = mask_of(key) {
        if mask.len() != len {
            let message = format!("a mask of {} values does not fit {len} rows", mask.len());
            return Err(Raise::new(Exc::IndexError, message));
        }
        return Ok(Pick::many(mask.true_rows()));
    }
    match key {
        Value::Int(_) | Value::Bool(_) => index_in(key, len, "table").map(Pick::One),
        Value::List(_) | Value::Range(_) | Value::Object(_) => {
            let places = match column_of(key) {
                Some(column) => column.cells().to_vec(),
                None => vm.collect(key)?,
            };
            vm.budget.spend(places.len() as u64)?;
            let rows: Result<Vec<usize>, Raise> =
                places.iter().map(|place| index_in(place, len, "table")).collect();
            rows.map(Pick::many)
        }
        other => Err(Raise::type_error(format!("`iloc` takes places, not `{}`", other.type_name()))
            .help("use `loc` for labels")),
    }
}

pub(crate) fn place_slice(vm: &mut Vm, len: usize, ends: &[Option<i64>; 3]) -> Result<Pick, Raise> {
    if ends.iter().all(Option::is_none) {
        return Ok(Pick::All);
    }
    let (start, step, count) = slice_range(ends, len)?;
    vm.budget.allocate(8 * count as u64)?;
    Ok(Pick::many((0..count as i64).map(|i| (start + step * i) as usize).collect()))
}

/// Whether a key of `[]` is a slice of places, as it is for whole numbers.
pub(crate) fn is_place_slice(slice: &Slice) -> bool {
    slice.0.iter().all(|end| matches!(end, Value::None | Value::Int(_)))
}

/// Whether a label can be looked up: it has a hash.
pub(crate) fn is_label(value: &Value) -> bool {
    Key::new(value.clone()).is_ok()
}
