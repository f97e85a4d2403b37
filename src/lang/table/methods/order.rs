//! Methods that order rows, choose some of them, and look for repetitions.

use super::shared::{
    call, frame, give_frame, give_series, given, is_true, keep_of, labelled, labels, mapped, rows_where_in,
};
use crate::lang::builtins::args::optional_int;
use crate::lang::raise::Raise;
use crate::lang::table::arrange::{self, SortKey};
use crate::lang::table::column::{Column, is_missing};
use crate::lang::table::data_frame::columns_of;
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::index::Index;
use crate::lang::table::labels::axis_of;
use crate::lang::table::objects::{Array, DataFrame, Series, labelled_of};
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// The first or last rows; a negative number leaves rows out at the other end.
fn end_rows(len: usize, args: Args, last: bool) -> Result<Vec<usize>, Raise> {
    let [n] = args.take(if last { "tail" } else { "head" }, ["n"], 0)?;
    let n = optional_int(n.as_ref(), "head")?.unwrap_or(5);
    let count = match usize::try_from(n) {
        Ok(count) => count.min(len),
        Err(_) => len.saturating_sub(usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    Ok(if last { (len - count..len).collect() } else { (0..count).collect() })
}

pub(super) fn frame_ends(vm: &mut Vm, me: &Value, args: Args, last: bool) -> Result<Value, Raise> {
    let frame = frame(me);
    let rows = end_rows(frame.rows(), args, last)?;
    vm.budget.allocate_items((rows.len() * (frame.data.len() + 1)) as u64)?;
    Ok(DataFrame::value(frame.take(&rows)))
}

pub(super) fn series_ends(vm: &mut Vm, me: &Value, args: Args, last: bool) -> Result<Value, Raise> {
    let labelled = labelled(me);
    let rows = end_rows(labelled.len(), args, last)?;
    vm.budget.allocate_items(2 * rows.len() as u64)?;
    Ok(Series::value(labelled.take(&rows)))
}

/// Whether each key ascends.
fn directions(vm: &mut Vm, value: Option<&Value>, count: usize) -> Result<Vec<bool>, Raise> {
    match value {
        None => Ok(vec![true; count]),
        Some(list @ (Value::List(_) | Value::Tuple(_))) => {
            let flags: Vec<bool> = vm.collect(list)?.iter().map(Value::truth).collect();
            if flags.len() != count {
                let message = format!("`ascending` has {} values for {count} keys", flags.len());
                return Err(Raise::value_error(message));
            }
            Ok(flags)
        }
        Some(one) => Ok(vec![one.truth(); count]),
    }
}

fn missing_first(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str) == Some("first")
}

/// A column to sort by: what `key=` makes of it.
fn keyed(vm: &mut Vm, column: Arc<Column>, key: Option<&Value>) -> Result<Arc<Column>, Raise> {
    let Some(key) = key else { return Ok(column) };
    let index = Index::count(column.len());
    let made = call(vm, key, Series::value(Labelled { index, name: Value::None, column: column.clone() }))?;
    match labelled_of(&made) {
        Some(labelled) => Ok(labelled.column.clone()),
        None => mapped(vm, &column, key).map(Arc::new),
    }
}

pub(super) fn frame_sort_values(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["by", "*axis", "*ascending", "*inplace", "*kind", "*na_position", "*ignore_index", "*key"];
    let [by, axis, ascending, in_place, _, na_position, ignore_index, key] =
        args.take("sort_values", names, 1)?;
    let frame = frame(me);
    if axis_of(axis.as_ref())? == 1 {
        return Err(Raise::unsupported("columns cannot be sorted by values", "choose them: `df[[...]]`"));
    }
    let by = labels(vm, &by.unwrap_or(Value::None))?;
    let key = given(key);
    let mut columns = Vec::new();
    for label in &by {
        // A level of the index has a name, too.
        let level = frame.index.names().iter().position(|name| name.is_same(label));
        let column = match (frame.position(label), level) {
            (None, Some(level)) => frame.index.levels()[level].clone(),
            _ => frame.data[frame.expect(label)?].clone(),
        };
        columns.push(keyed(vm, column, key.as_ref())?);
    }
    let directions = directions(vm, ascending.as_ref(), by.len())?;
    let keys: Vec<SortKey> =
        columns.iter().zip(directions).map(|(column, ascending)| SortKey { column, ascending }).collect();
    let order = match keys.is_empty() {
        true => (0..frame.rows()).collect(),
        false => arrange::order(vm, &keys, missing_first(na_position.as_ref()))?,
    };
    vm.budget.allocate_items(frame.size())?;
    let mut sorted = frame.take(&order);
    if is_true(ignore_index.as_ref(), false) {
        sorted.index = Index::count(sorted.rows());
    }
    give_frame(me, sorted, in_place.as_ref())
}

pub(super) fn series_sort_values(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["*axis", "*ascending", "*inplace", "*kind", "*na_position", "*ignore_index", "*key"];
    let [_, ascending, in_place, _, na_position, ignore_index, key] = args.take("sort_values", names, 0)?;
    let labelled = labelled(me);
    let column = keyed(vm, labelled.column.clone(), given(key).as_ref())?;
    let key = SortKey { column: &column, ascending: is_true(ascending.as_ref(), true) };
    let order = arrange::order(vm, &[key], missing_first(na_position.as_ref()))?;
    let mut sorted = labelled.take(&order);
    if is_true(ignore_index.as_ref(), false) {
        sorted.index = Index::count(sorted.len());
    }
    give_series(me, sorted, in_place.as_ref())
}

const SORT_INDEX: [&str; 9] = [
    "*axis",
    "*level",
    "*ascending",
    "*inplace",
    "*kind",
    "*na_position",
    "*sort_remaining",
    "*ignore_index",
    "*key",
];

/// The order of the rows by their labels, and whether they are numbered anew.
fn label_order(vm: &mut Vm, index: &Index, args: &[Option<Value>; 9]) -> Result<(Vec<usize>, bool), Raise> {
    let [_, level, ascending, _, _, na_position, _, ignore_index, key] = args;
    let mut numbers: Vec<usize> = (0..index.levels().len()).collect();
    if let Some(level) = given(level.clone()) {
        let wanted = labels(vm, &level)?;
        let first: Vec<usize> =
            wanted.iter().map(|level| index.level_number(level)).collect::<Result<_, _>>()?;
        numbers.retain(|number| !first.contains(number));
        numbers = first.into_iter().chain(numbers).collect();
    }
    let flags = match ascending {
        Some(list @ Value::List(_)) => directions(vm, Some(list), numbers.len())?,
        other => directions(vm, other.as_ref(), numbers.len())?,
    };
    let mut columns = Vec::new();
    for number in numbers {
        columns.push(keyed(vm, index.levels()[number].clone(), given(key.clone()).as_ref())?);
    }
    let keys: Vec<SortKey> =
        columns.iter().zip(flags).map(|(column, ascending)| SortKey { column, ascending }).collect();
    let order = arrange::order(vm, &keys, missing_first(na_position.as_ref()))?;
    Ok((order, is_true(ignore_index.as_ref(), false)))
}

pub(super) fn frame_sort_index(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let args = args.take("sort_index", SORT_INDEX, 0)?;
    let frame = frame(me);
    if axis_of(args[0].as_ref())? == 1 {
        let (order, _) = label_order(vm, &frame.columns, &args)?;
        return give_frame(me, frame.select(&order), args[3].as_ref());
    }
    let (order, numbered) = label_order(vm, &frame.index, &args)?;
    vm.budget.allocate_items(frame.size())?;
    let mut sorted = frame.take(&order);
    if numbered {
        sorted.index = Index::count(sorted.rows());
    }
    give_frame(me, sorted, args[3].as_ref())
}

pub(super) fn series_sort_index(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let args = args.take("sort_index", SORT_INDEX, 0)?;
    let labelled = labelled(me);
    let (order, numbered) = label_order(vm, &labelled.index, &args)?;
    let mut sorted = labelled.take(&order);
    if numbered {
        sorted.index = Index::count(sorted.len());
    }
    give_series(me, sorted, args[3].as_ref())
}

/// For every row whether it repeats another, by all columns or some.
fn frame_repeats(
    vm: &mut Vm,
    frame: &Frame,
    subset: Option<Value>,
    keep: Option<&Value>,
) -> Result<Vec<bool>, Raise> {
    let places = match given(subset) {
        Some(subset) => {
            let wanted = labels(vm, &subset)?;
            columns_of(frame, &wanted)?
        }
        None => (0..frame.data.len()).collect(),
    };
    let columns: Vec<&Column> = places.iter().map(|at| &*frame.data[*at]).collect();
    arrange::repeated(vm, &columns, frame.rows(), keep_of(keep)?)
}

pub(super) fn frame_duplicated(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [subset, keep] = args.take("duplicated", ["subset", "keep"], 0)?;
    let frame = frame(me);
    let repeats = frame_repeats(vm, &frame, subset, keep.as_ref())?;
    Ok(Series::value(Labelled::new(frame.index.clone(), Value::None, arrange::truths(repeats))))
}

pub(super) fn frame_drop_duplicates(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["subset", "*keep", "*inplace", "*ignore_index"];
    let [subset, keep, in_place, ignore_index] = args.take("drop_duplicates", names, 0)?;
    let frame = frame(me);
    let repeats = frame_repeats(vm, &frame, subset, keep.as_ref())?;
    let mut kept = frame.take(&rows_where_in(&repeats, false));
    if is_true(ignore_index.as_ref(), false) {
        kept.index = Index::count(kept.rows());
    }
    give_frame(me, kept, in_place.as_ref())
}

pub(super) fn series_duplicated(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [keep] = args.take("duplicated", ["keep"], 0)?;
    let labelled = labelled(me);
    let repeats = arrange::repeated(vm, &[&labelled.column], labelled.len(), keep_of(keep.as_ref())?)?;
    Ok(Series::value(labelled.with_column(arrange::truths(repeats))))
}

pub(super) fn series_drop_duplicates(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [keep, in_place, ignore_index] =
        args.take("drop_duplicates", ["*keep", "*inplace", "*ignore_index"], 0)?;
    let labelled = labelled(me);
    let repeats = arrange::repeated(vm, &[&labelled.column], labelled.len(), keep_of(keep.as_ref())?)?;
    let mut kept = labelled.take(&rows_where_in(&repeats, false));
    if is_true(ignore_index.as_ref(), false) {
        kept.index = Index::count(kept.len());
    }
    give_series(me, kept, in_place.as_ref())
}

pub(super) fn series_unique(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("unique")?;
    let column = labelled(me).column.clone();
    vm.budget.allocate_items(column.len() as u64)?;
    Ok(Array::value(column.unique()?))
}

/// The number of distinct values.
pub(crate) fn distinct(column: &Column, with_missing: bool) -> Result<usize, Raise> {
    let places = column.places()?;
    let missing = places.keys().filter(|key| is_missing(key.get())).count();
    Ok(if with_missing { places.len() } else { places.len() - missing })
}

pub(super) fn frame_nunique(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [_, dropna] = args.take("nunique", ["axis", "dropna"], 0)?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size())?;
    let with_missing = !is_true(dropna.as_ref(), true);
    let counts = frame.data.iter().map(|column| Ok(Value::Int(distinct(column, with_missing)? as i64)));
    let counts = Column::new(DType::Int, counts.collect::<Result<_, Raise>>()?);
    Ok(Series::value(Labelled::new(frame.columns.clone(), Value::None, counts)))
}

pub(super) fn series_nunique(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [dropna] = args.take("nunique", ["dropna"], 0)?;
    let column = labelled(me).column.clone();
    vm.budget.allocate_items(column.len() as u64)?;
    Ok(Value::Int(distinct(&column, !is_true(dropna.as_ref(), true))? as i64))
}

/// How often each value is there, most frequent first.
pub(crate) fn counts(
    vm: &mut Vm,
    column: &Column,
    name: Value,
    drop_missing: bool,
    sort: bool,
) -> Result<Labelled, Raise> {
    vm.budget.allocate_items(column.len() as u64)?;
    let mut counted: Vec<(Value, usize)> = column
        .places()?
        .iter()
        .filter(|(key, _)| !(drop_missing && is_missing(key.get())))
        .map(|(key, rows)| (key.value(), rows.as_slice().len()))
        .collect();
    if sort {
        counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    }
    let (labels, counts): (Vec<Value>, Vec<usize>) = counted.into_iter().unzip();
    let dtype = column.dtype();
    let index = Index::single(Arc::new(Column::new(dtype, labels)), name);
    let counts = Column::new(DType::Int, counts.into_iter().map(|n| Value::Int(n as i64)).collect());
    Ok(Labelled::new(index, "count".into(), counts))
}

pub(super) fn series_value_counts(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["normalize", "sort", "ascending", "bins", "dropna"];
    let [normalize, sort, ascending, _, dropna] = args.take("value_counts", names, 0)?;
    let labelled = labelled(me);
    let drop_missing = is_true(dropna.as_ref(), true);
    let mut counted = counts(
        vm,
        &labelled.column,
        labelled.name.clone(),
        drop_missing,
        is_true(sort.as_ref(), true) && !is_true(ascending.as_ref(), false),
    )?;
    if is_true(ascending.as_ref(), false) {
        let key = SortKey { column: &counted.column, ascending: true };
        let order = arrange::order(vm, &[key], false)?;
        counted = counted.take(&order);
    }
    if is_true(normalize.as_ref(), false) {
        let total: f64 = counted.column.cells().iter().filter_map(count_of).sum();
        let share = |cell: &Value| Value::Float(count_of(cell).unwrap_or(0.0) / total);
        let shares = Column::new(DType::Float, counted.column.cells().iter().map(share).collect());
        counted = Labelled { name: "proportion".into(), ..counted.with_column(shares) };
    }
    Ok(Series::value(counted))
}

fn count_of(cell: &Value) -> Option<f64> {
    crate::lang::ops::Number::of(cell).map(crate::lang::ops::Number::float)
}

/// How often each combination of values is there.
pub(super) fn frame_value_counts(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [subset] = args.take("value_counts", ["subset"], 0)?;
    let frame = frame(me);
    let places = match given(subset) {
        Some(subset) => {
            let wanted = labels(vm, &subset)?;
            columns_of(&frame, &wanted)?
        }
        None => (0..frame.data.len()).collect(),
    };
    let columns: Vec<&Column> = places.iter().map(|at| &*frame.data[*at]).collect();
    let groups = arrange::group_rows(vm, &columns, frame.rows())?;
    let firsts: Vec<usize> = groups.values().filter_map(|rows| rows.first().copied()).collect();
    let counts: Vec<usize> = groups.values().map(Vec::len).collect();
    let levels: Vec<Arc<Column>> = places.iter().map(|at| Arc::new(frame.data[*at].take(&firsts))).collect();
    let names = places.iter().map(|at| frame.columns.label(*at)).collect();
    let counts = Column::new(DType::Int, counts.into_iter().map(|n| Value::Int(n as i64)).collect());
    let found = Labelled::new(Index::new(levels, names), "count".into(), counts);
    let mut keys = vec![SortKey { column: &found.column, ascending: false }];
    keys.extend(found.index.levels().iter().map(|column| SortKey { column, ascending: true }));
    let order = arrange::order(vm, &keys, false)?;
    Ok(Series::value(found.take(&order)))
}
