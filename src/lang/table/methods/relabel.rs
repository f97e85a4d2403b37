//! Methods that change the labels of rows and columns, or leave some of them out.

use super::shared::{call, frame, give_frame, give_series, given, is_true, labelled, labels};
use crate::lang::raise::Raise;
use crate::lang::table::column::{Column, MISSING};
use crate::lang::table::data_frame::{columns_of, labels_from, take_rows};
use crate::lang::table::frame::{Frame, Labelled, rows_for};
use crate::lang::table::index::Index;
use crate::lang::table::indexer::series_item;
use crate::lang::table::labels::axis_of;
use crate::lang::table::objects::{DataFrame, Labels, Series, column_of, is_scalar, labelled_of};
use crate::lang::table::pick::{self, Pick};
use crate::lang::value::{Args, Key, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) fn set_index(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["keys", "*drop", "*append", "*inplace", "*verify_integrity"];
    let [keys, drop, append, in_place, verify] = args.take("set_index", names, 1)?;
    let frame = frame(me);
    let keys = keys.unwrap_or(Value::None);
    let keys = match (column_of(&keys), &keys) {
        (Some(_), _) => vec![keys],
        (None, Value::List(_)) => vm.collect(&keys)?,
        _ => vec![keys],
    };
    let (mut levels, mut level_names, mut used) = (Vec::new(), Vec::new(), Vec::new());
    if is_true(append.as_ref(), false) {
        levels.extend(frame.index.levels().iter().cloned());
        level_names.extend(frame.index.names().iter().cloned());
    }
    for key in keys {
        match column_of(&key) {
            Some(column) if column.len() == frame.rows() => {
                let labels = key.downcast::<Labels>().map(|labels| labels.get().name());
                level_names.push(labelled_of(&key).map(|l| l.name.clone()).or(labels).unwrap_or(Value::None));
                levels.push(column);
            }
            Some(column) => {
                let message = format!("{} labels do not fit a table of {} rows", column.len(), frame.rows());
                return Err(Raise::value_error(message));
            }
            None => {
                let at = frame.expect(&key)?;
                levels.push(frame.data[at].clone());
                level_names.push(key);
                used.push(at);
            }
        }
    }
    if levels.is_empty() {
        return Err(Raise::value_error("`set_index` needs at least one column"));
    }
    let index = Index::new(levels, level_names);
    vm.budget.spend(frame.rows() as u64)?;
    if is_true(verify.as_ref(), false) && !index.is_unique()? {
        let twice = index.places()?.iter().find(|(_, rows)| rows.as_slice().len() > 1);
        let label = twice.map_or(Value::None, |(key, _)| key.value());
        return Err(Raise::value_error(format!("the index has the label {} more than once", label.repr())));
    }
    let left = if is_true(drop.as_ref(), true) { frame.without(&used) } else { (*frame).clone() };
    give_frame(me, left.with_index(index), in_place.as_ref())
}

/// The column names that levels of the index get.
fn level_names(frame_columns: Option<&Index>, index: &Index, levels: &[usize]) -> Vec<Value> {
    let taken = |name: &str| {
        frame_columns.is_some_and(|c| c.find(&name.into()).is_ok_and(|found| !found.rows().is_empty()))
    };
    levels
        .iter()
        .map(|level| match &index.names()[*level] {
            Value::None if index.is_multi() => format!("level_{level}").into(),
            Value::None if taken("index") => "level_0".into(),
            Value::None => "index".into(),
            name => name.clone(),
        })
        .collect()
}

fn levels_of(vm: &mut Vm, index: &Index, level: Option<Value>) -> Result<Vec<usize>, Raise> {
    match given(level) {
        None => Ok((0..index.levels().len()).collect()),
        Some(level) => {
            let wanted = labels(vm, &level)?;
            wanted.iter().map(|level| index.level_number(level)).collect()
        }
    }
}

pub(super) fn frame_reset_index(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["level", "*drop", "*inplace", "*names"];
    let [level, drop, in_place, new_names] = args.take("reset_index", names, 0)?;
    let frame = frame(me);
    let mut levels = levels_of(vm, &frame.index, level)?;
    levels.sort_unstable();
    let mut reset = frame.with_index(frame.index.without_levels(&levels));
    if !is_true(drop.as_ref(), false) {
        let names = match given(new_names) {
            Some(names) => labels(vm, &names)?,
            None => level_names(Some(&frame.columns), &frame.index, &levels),
        };
        for (at, (level, name)) in levels.iter().zip(names).enumerate() {
            if !frame.columns.find(&name)?.rows().is_empty() {
                let message = format!("cannot insert {}: the table has a column of that name", name.repr());
                return Err(Raise::value_error(message).help("drop the index: `reset_index(drop=True)`"));
            }
            reset = reset.inserted(at, name, frame.index.levels()[*level].clone());
        }
    }
    give_frame(me, reset, in_place.as_ref())
}

pub(super) fn series_reset_index(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [level, drop, name, in_place] =
        args.take("reset_index", ["level", "*drop", "*name", "*inplace"], 0)?;
    let labelled = labelled(me);
    let levels = levels_of(vm, &labelled.index, level)?;
    let index = labelled.index.without_levels(&levels);
    if is_true(drop.as_ref(), false) {
        return give_series(me, Labelled { index, ..(*labelled).clone() }, in_place.as_ref());
    }
    let mut names = level_names(None, &labelled.index, &levels);
    let mut data: Vec<Arc<Column>> =
        levels.iter().map(|level| labelled.index.levels()[*level].clone()).collect();
    names.push(match (name, &labelled.name) {
        (Some(name), _) => name,
        (None, Value::None) => Value::Int(0),
        (None, name) => name.clone(),
    });
    data.push(labelled.column.clone());
    Ok(DataFrame::value(Frame::new(index, Index::from_labels(names, None), data)))
}

/// Labels with new names, by a dict, a series or a function.
fn renamed(vm: &mut Vm, index: &Index, mapper: &Value) -> Result<Arc<Index>, Raise> {
    vm.budget.allocate_items(index.len() as u64)?;
    let mut levels = Vec::new();
    for level in index.levels() {
        let mut cells = Vec::with_capacity(level.len());
        for label in level.cells() {
            cells.push(match (mapper, labelled_of(mapper)) {
                (Value::Dict(dict), _) => {
                    let key = Key::new(label.clone())?;
                    dict.0.read(|map| map.get(&key).cloned()).unwrap_or_else(|| label.clone())
                }
                (_, Some(series)) => {
                    let found = series.index.find(label)?;
                    found.rows().first().map_or_else(|| label.clone(), |row| series.column.get(*row))
                }
                _ => call(vm, mapper, label.clone())?,
            });
        }
        levels.push(Arc::new(Column::infer(cells)));
    }
    Ok(Index::new(levels, index.names().to_vec()))
}

pub(super) fn frame_rename(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["mapper", "*index", "*columns", "*axis", "*inplace", "*errors", "*copy"];
    let [mapper, rows, columns, axis, in_place, errors, _] = args.take("rename", names, 0)?;
    let mut frame = (*frame(me)).clone();
    let (mut rows, mut columns) = (given(rows), given(columns));
    if let Some(mapper) = given(mapper) {
        *(if axis_of(axis.as_ref())? == 0 { &mut rows } else { &mut columns }) = Some(mapper);
    }
    if let Some(mapper) = rows {
        frame.index = renamed(vm, &frame.index, &mapper)?;
    }
    if let Some(mapper) = columns {
        if errors.as_ref().and_then(Value::as_str) == Some("raise")
            && let Value::Dict(dict) = &mapper
        {
            let wanted: Vec<Value> = dict.0.read(|map| map.keys().map(Key::value).collect());
            columns_of(&frame, &wanted)?;
        }
        frame.columns = renamed(vm, &frame.columns, &mapper)?;
    }
    give_frame(me, frame, in_place.as_ref())
}

pub(super) fn series_rename(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [index, in_place, _] = args.take("rename", ["index", "*inplace", "*axis"], 0)?;
    let labelled = labelled(me);
    let new = index.unwrap_or(Value::None);
    let is_mapper = matches!(new, Value::Dict(_)) || labelled_of(&new).is_some() || new.is_callable();
    let renamed = match is_mapper {
        true => Labelled { index: renamed(vm, &labelled.index, &new)?, ..(*labelled).clone() },
        false => Labelled { name: new, ..(*labelled).clone() },
    };
    give_series(me, renamed, in_place.as_ref())
}

/// The index with other names of its levels.
fn with_names(vm: &mut Vm, index: &Index, names: &Value) -> Result<Arc<Index>, Raise> {
    if let Value::Dict(_) = names {
        let mapping = vm.pairs(names)?;
        let new = index.names().iter().map(|name| {
            let found = mapping.iter().find(|(old, _)| old.get().is_same(name));
            found.map_or_else(|| name.clone(), |(_, new)| new.clone())
        });
        return Ok(index.with_names(new.collect()));
    }
    let names = if is_scalar(names) { vec![names.clone()] } else { vm.collect(names)? };
    if names.len() != index.levels().len() {
        let message = format!("{} names do not fit {} levels", names.len(), index.levels().len());
        return Err(Raise::value_error(message));
    }
    Ok(index.with_names(names))
}

pub(super) fn frame_rename_axis(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["mapper", "*index", "*columns", "*axis", "*inplace"];
    let [mapper, index, columns, axis, in_place] = args.take("rename_axis", names, 0)?;
    let mut frame = (*frame(me)).clone();
    let on_columns = axis_of(axis.as_ref())? == 1;
    let (rows, columns) = match mapper {
        Some(mapper) if on_columns => (None, Some(mapper)),
        Some(mapper) => (Some(mapper), None),
        None => (index, columns),
    };
    if let Some(names) = rows {
        frame.index = with_names(vm, &frame.index, &names)?;
    }
    if let Some(names) = columns {
        frame.columns = with_names(vm, &frame.columns, &names)?;
    }
    give_frame(me, frame, in_place.as_ref())
}

pub(super) fn series_rename_axis(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [mapper] = args.take("rename_axis", ["mapper"], 1)?;
    let labelled = labelled(me);
    let index = with_names(vm, &labelled.index, &mapper.unwrap_or(Value::None))?;
    Ok(Series::value(Labelled { index, ..(*labelled).clone() }))
}

/// The places on an axis of labels that are to go.
fn places_to_drop(
    vm: &mut Vm,
    index: &Arc<Index>,
    gone: &Value,
    level: Option<&Value>,
    lenient: bool,
    axis: &'static str,
) -> Result<Vec<usize>, Raise> {
    let wanted = labels(vm, gone)?;
    let index = match level {
        Some(level) => Index::single(index.levels()[index.level_number(level)?].clone(), Value::None),
        None => index.clone(),
    };
    let mut places = Vec::new();
    for label in wanted {
        match pick::by_label(vm, &index, &label, axis) {
            Ok(pick) => places.extend(pick.rows(index.len())),
            Err(_) if lenient => {}
            Err(raise) => return Err(raise),
        }
    }
    Ok(places)
}

fn is_lenient(errors: Option<&Value>) -> bool {
    errors.and_then(Value::as_str) == Some("ignore")
}

fn rest(len: usize, gone: &[usize]) -> Vec<usize> {
    let mut keep = vec![true; len];
    gone.iter().for_each(|at| keep[*at] = false);
    (0..len).filter(|at| keep[*at]).collect()
}

pub(super) fn frame_drop(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["labels", "*axis", "*index", "*columns", "*level", "*inplace", "*errors"];
    let [gone, axis, rows, columns, level, in_place, errors] = args.take("drop", names, 0)?;
    let mut frame = (*frame(me)).clone();
    let lenient = is_lenient(errors.as_ref());
    let (mut rows, mut columns) = (given(rows), given(columns));
    if let Some(gone) = given(gone) {
        *(if axis_of(axis.as_ref())? == 0 { &mut rows } else { &mut columns }) = Some(gone);
    }
    if let Some(gone) = columns {
        let places = places_to_drop(vm, &frame.columns, &gone, None, lenient, "column")?;
        frame = frame.without(&places);
    }
    if let Some(gone) = rows {
        let places = places_to_drop(vm, &frame.index, &gone, given(level).as_ref(), lenient, "row")?;
        vm.budget.allocate_items(frame.size())?;
        frame = frame.take(&rest(frame.rows(), &places));
    }
    give_frame(me, frame, in_place.as_ref())
}

pub(super) fn series_drop(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["labels", "*index", "*level", "*inplace", "*errors", "*axis"];
    let [gone, index, level, in_place, errors, _] = args.take("drop", names, 0)?;
    let labelled = labelled(me);
    let gone = given(gone).or(given(index)).unwrap_or(Value::None);
    let lenient = is_lenient(errors.as_ref());
    let places = places_to_drop(vm, &labelled.index, &gone, given(level).as_ref(), lenient, "label")?;
    give_series(me, labelled.take(&rest(labelled.len(), &places)), in_place.as_ref())
}

/// Labels that an axis shall have, in that order.
fn wanted_labels(vm: &mut Vm, index: &Index, wanted: &Value) -> Result<Arc<Index>, Raise> {
    match wanted.downcast::<Labels>() {
        Some(labels) => Ok(labels.get()),
        None => {
            let wanted = crate::lang::table::objects::as_column(vm, wanted)?;
            Ok(Index::from_labels(wanted.cells().to_vec(), Some(index.names().to_vec())))
        }
    }
}

/// The cells of some rows, and something else where there is no row.
fn taken(column: &Column, rows: &[Option<usize>], fill: Option<&Value>) -> Column {
    match fill {
        None => column.take_or_missing(rows),
        Some(fill) => {
            let cell = |row: &Option<usize>| row.map_or_else(|| fill.clone(), |row| column.get(row));
            Column::infer(rows.iter().map(cell).collect())
        }
    }
}

pub(super) fn frame_reindex(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["labels", "*index", "*columns", "*axis", "*fill_value"];
    let [wanted, rows, columns, axis, fill] = args.take("reindex", names, 0)?;
    let mut frame = (*frame(me)).clone();
    let (mut rows, mut columns) = (given(rows), given(columns));
    if let Some(wanted) = given(wanted) {
        *(if axis_of(axis.as_ref())? == 0 { &mut rows } else { &mut columns }) = Some(wanted);
    }
    if let Some(wanted) = rows {
        let index = wanted_labels(vm, &frame.index, &wanted)?;
        let places = rows_for(&frame.index, &index)?;
        vm.budget.allocate_items((places.len() * (frame.data.len() + 1)) as u64)?;
        let data = frame.data.iter().map(|column| Arc::new(taken(column, &places, fill.as_ref()))).collect();
        frame = Frame::new(index, frame.columns.clone(), data);
    }
    if let Some(wanted) = columns {
        let columns = wanted_labels(vm, &frame.columns, &wanted)?;
        let absent = fill.unwrap_or(MISSING);
        let empty = || Arc::new(Column::infer(vec![absent.clone(); frame.rows()]));
        let places = rows_for(&frame.columns, &columns)?.into_iter();
        let data = places.map(|at| at.map_or_else(empty, |at| frame.data[at].clone()));
        frame = Frame::new(frame.index.clone(), columns, data.collect());
    }
    Ok(DataFrame::value(frame))
}

pub(super) fn series_reindex(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [wanted, fill] = args.take("reindex", ["index", "*fill_value"], 1)?;
    let labelled = labelled(me);
    let index = wanted_labels(vm, &labelled.index, &wanted.unwrap_or(Value::None))?;
    let column = taken(&labelled.column, &rows_for(&labelled.index, &index)?, fill.as_ref());
    Ok(Series::value(Labelled::new(index, labelled.name.clone(), column)))
}

/// `add_prefix("a_")`, `add_suffix("_b")`: of the columns.
pub(super) fn affix(vm: &mut Vm, me: &Value, args: Args, before: bool) -> Result<Value, Raise> {
    let [affix, _] = args.take("add_prefix", ["prefix", "axis"], 1)?;
    let affix = affix.unwrap_or(Value::None).display();
    let frame = frame(me);
    vm.budget.allocate((frame.data.len() * (affix.len() + 16)) as u64)?;
    let label = |label: Value| {
        let label = label.display();
        Value::from(if before { format!("{affix}{label}") } else { format!("{label}{affix}") })
    };
    let columns = Index::from_labels(frame.columns.labels().into_iter().map(label).collect(), None);
    Ok(DataFrame::value(Frame { columns, ..(*frame).clone() }))
}

pub(super) fn droplevel(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [level, _] = args.take("droplevel", ["level", "axis"], 1)?;
    let level = level.unwrap_or(Value::None);
    if let Some(labelled) = labelled_of(me) {
        let index = labelled.index.without_levels(&levels_of(vm, &labelled.index, Some(level))?);
        return Ok(Series::value(Labelled { index, ..(*labelled).clone() }));
    }
    let frame = frame(me);
    let gone = levels_of(vm, &frame.index, Some(level))?;
    Ok(DataFrame::value(frame.with_index(frame.index.without_levels(&gone))))
}

/// `xs(key, level=...)`: the rows with a label in one level.
pub(super) fn xs(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [key, _, level, drop_level] = args.take("xs", ["key", "axis", "level", "drop_level"], 1)?;
    let key = key.unwrap_or(Value::None);
    let series = labelled_of(me);
    let frame = frame(me);
    let index = series.as_ref().map_or_else(|| frame.index.clone(), |series| series.index.clone());
    let mut pick = match given(level) {
        None => pick::by_label(vm, &index, &key, "row")?,
        Some(level) => {
            let number = index.level_number(&level)?;
            let single = Index::single(index.levels()[number].clone(), Value::None);
            let rows = pick::by_label(vm, &single, &key, "row")?.rows(index.len());
            Pick::Many { rows, gone: vec![number] }
        }
    };
    if !is_true(drop_level.as_ref(), true)
        && let Pick::Many { gone, .. } = &mut pick
    {
        gone.clear();
    }
    match (series, pick) {
        (Some(series), pick) => series_item(vm, &series, &pick),
        (None, Pick::One(row)) => Ok(Series::value(frame.row(row))),
        (None, pick) => take_rows(vm, &frame, &pick),
    }
}

pub(super) fn set_axis(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [new, axis] = args.take("set_axis", ["labels", "*axis"], 1)?;
    let new = new.unwrap_or(Value::None);
    let mut frame = (*frame(me)).clone();
    match axis_of(axis.as_ref())? {
        0 => frame.index = labels_from(vm, &new, frame.rows())?,
        _ => frame.columns = labels_from(vm, &new, frame.data.len())?,
    }
    Ok(DataFrame::value(frame))
}
