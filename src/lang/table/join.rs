//! Several tables as one: `pd.concat`, `merge`, `join`.

use crate::lang::raise::Raise;
use crate::lang::table::arrange;
use crate::lang::table::column::{Column, MISSING};
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled, rows_for};
use crate::lang::table::index::Index;
use crate::lang::table::methods::shared::{given, is_true, labels};
use crate::lang::table::objects::{DataFrame, Series, frame_of, labelled_of};
use crate::lang::value::{Args, Key, Value};
use crate::lang::vm::Vm;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

/// `pd.concat(objects, axis=0, ...)`
pub(crate) fn concat(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let names = ["objs", "*axis", "*ignore_index", "*join", "*keys", "*sort", "*names", "*verify_integrity"];
    let [objects, axis, ignore_index, join, keys, _, names, _] = args.take("concat", names, 1)?;
    let objects = objects.unwrap_or(Value::None);
    let (keys, objects) = match &objects {
        Value::Dict(_) => {
            let pairs = vm.pairs(&objects)?.into_iter();
            let (keys, values): (Vec<Value>, Vec<Value>) = pairs.map(|(k, v)| (k.value(), v)).unzip();
            (Some(keys), values)
        }
        _ => (
            match given(keys) {
                Some(keys) => Some(vm.collect(&keys)?),
                None => None,
            },
            vm.collect(&objects)?,
        ),
    };
    let parts: Vec<Value> = objects.into_iter().filter(|object| !matches!(object, Value::None)).collect();
    if parts.is_empty() {
        return Err(Raise::value_error("there is nothing to concatenate"));
    }
    let along = crate::lang::table::labels::axis_of(axis.as_ref())?;
    let ignore = is_true(ignore_index.as_ref(), false);
    let inner = join.as_ref().and_then(Value::as_str) == Some("inner");
    let columns: Option<Vec<Arc<Labelled>>> = parts.iter().map(labelled_of).collect();
    match columns {
        Some(columns) if along == 0 => {
            let cells = Column::concat(columns.iter().map(|c| &*c.column));
            vm.budget.allocate_items(2 * cells.len() as u64)?;
            let indexes: Vec<Arc<Index>> = columns.iter().map(|c| c.index.clone()).collect();
            let index = row_labels(vm, &indexes, ignore, keys, names)?;
            let name = &columns[0].name;
            let same = columns.iter().all(|column| column.name.is_same(name));
            Ok(Series::value(Labelled::new(index, if same { name.clone() } else { Value::None }, cells)))
        }
        _ => {
            let mut unnamed = 0;
            let mut frames = Vec::with_capacity(parts.len());
            for part in &parts {
                frames.push(as_frame(part, &mut unnamed)?);
            }
            let frame = if along == 0 {
                below(vm, &frames, ignore, inner, keys, names)?
            } else {
                beside(vm, &frames, ignore, inner, keys)?
            };
            Ok(DataFrame::value(frame))
        }
    }
}

fn as_frame(part: &Value, unnamed: &mut i64) -> Result<Arc<Frame>, Raise> {
    if let Some(frame) = frame_of(part) {
        return Ok(frame);
    }
    match labelled_of(part) {
        Some(labelled) => {
            let name = match &labelled.name {
                Value::None => {
                    *unnamed += 1;
                    Value::Int(*unnamed - 1)
                }
                name => name.clone(),
            };
            Ok(Arc::new(labelled.to_frame(Some(name))))
        }
        None => {
            Err(Raise::type_error(format!("`concat` takes tables and columns, not `{}`", part.type_name())))
        }
    }
}

/// The labels of rows of several tables, perhaps under a key for each table.
fn row_labels(
    vm: &mut Vm,
    indexes: &[Arc<Index>],
    ignore: bool,
    keys: Option<Vec<Value>>,
    names: Option<Value>,
) -> Result<Arc<Index>, Raise> {
    let rows: usize = indexes.iter().map(|index| index.len()).sum();
    if ignore {
        return Ok(Index::count(rows));
    }
    let together = Index::concat(indexes);
    let Some(keys) = keys else { return Ok(together) };
    if keys.len() != indexes.len() {
        return Err(Raise::value_error(format!("{} keys do not fit {} tables", keys.len(), indexes.len())));
    }
    vm.budget.allocate_items(rows as u64)?;
    let outer =
        keys.iter().zip(indexes).flat_map(|(key, index)| std::iter::repeat_n(key.clone(), index.len()));
    let mut levels = vec![Arc::new(Column::infer(outer.collect()))];
    levels.extend(together.levels().iter().cloned());
    let mut level_names = match given(names) {
        Some(names) => vm.collect(&names)?,
        None => vec![Value::None],
    };
    level_names.extend(together.names().iter().skip(level_names.len() - 1).cloned());
    level_names.resize(levels.len(), Value::None);
    Ok(Index::new(levels, level_names))
}

/// Rows below each other; columns by name.
fn below(
    vm: &mut Vm,
    frames: &[Arc<Frame>],
    ignore: bool,
    inner: bool,
    keys: Option<Vec<Value>>,
    names: Option<Value>,
) -> Result<Frame, Raise> {
    let mut columns = frames[0].columns.clone();
    for frame in &frames[1..] {
        if !Arc::ptr_eq(&columns, &frame.columns) && !columns.same_labels(&frame.columns)? {
            columns = arrange::union(vm, &columns, &frame.columns, false)?;
        }
    }
    if inner {
        let everywhere =
            |at: &usize| frames.iter().all(|frame| frame.position(&columns.label(*at)).is_some());
        columns = columns.take(&(0..columns.len()).filter(everywhere).collect::<Vec<_>>());
    }
    let indexes: Vec<Arc<Index>> = frames.iter().map(|frame| frame.index.clone()).collect();
    let index = row_labels(vm, &indexes, ignore, keys, names)?;
    vm.budget.allocate_items((index.len() as u64).saturating_mul(columns.len() as u64 + 1))?;
    let mut data = Vec::with_capacity(columns.len());
    for at in 0..columns.len() {
        let label = columns.label(at);
        let known: Vec<Option<&Column>> =
            frames.iter().map(|frame| frame.position(&label).map(|at| &*frame.data[at])).collect();
        // A table without rows says nothing about the type.
        let filled = known.iter().flatten().filter(|c| c.len() > 0 || known.len() == 1).map(|c| c.dtype());
        let has_gaps = known.iter().zip(frames).any(|(column, frame)| column.is_none() && frame.rows() > 0);
        let dtype = DType::common(filled).unwrap_or(DType::Object);
        let dtype = if has_gaps { dtype.with_missing() } else { dtype };
        let mut cells = Vec::with_capacity(index.len());
        for (column, frame) in known.iter().zip(frames) {
            match column {
                Some(column) => cells.extend(column.cells().iter().map(|cell| dtype.fit(cell.clone()))),
                None => cells.extend(std::iter::repeat_n(MISSING, frame.rows())),
            }
        }
        data.push(Arc::new(Column::new(dtype, cells)));
    }
    Ok(Frame::new(index, columns, data))
}

/// Columns beside each other; rows by label.
fn beside(
    vm: &mut Vm,
    frames: &[Arc<Frame>],
    ignore: bool,
    inner: bool,
    keys: Option<Vec<Value>>,
) -> Result<Frame, Raise> {
    let mut index = frames[0].index.clone();
    let mut same = true;
    for frame in &frames[1..] {
        if !index.same_labels(&frame.index)? {
            same = false;
            index = arrange::union(vm, &index, &frame.index, false)?;
        }
    }
    if inner && !same {
        let mut rows = Vec::new();
        for row in 0..index.len() {
            let label = index.label(row);
            let mut everywhere = true;
            for frame in frames {
                everywhere &= !frame.index.find(&label)?.rows().is_empty();
            }
            rows.extend(everywhere.then_some(row));
        }
        index = index.take(&rows);
    }
    let (mut labels, mut data) = (Vec::new(), Vec::new());
    for (number, frame) in frames.iter().enumerate() {
        let places = if same { None } else { Some(rows_for(&frame.index, &index)?) };
        vm.budget.allocate_items(frame.size())?;
        for (at, column) in frame.data.iter().enumerate() {
            labels.push(match &keys {
                Some(keys) if frame.data.len() == 1 => keys.get(number).cloned().unwrap_or(Value::None),
                Some(_) => {
                    return Err(Raise::unsupported(
                        "column names cannot have levels",
                        "rename the columns first",
                    ));
                }
                None => frame.columns.label(at),
            });
            data.push(match &places {
                None => column.clone(),
                Some(places) => Arc::new(column.take_or_missing(places)),
            });
        }
    }
    let columns = if ignore { Index::count(labels.len()) } else { Index::from_labels(labels, None) };
    Ok(Frame::new(index, columns, data))
}

/// Which rows of two tables belong together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Inner,
    Left,
    Right,
    Outer,
}

impl How {
    fn of(value: Option<&Value>, default: How) -> Result<How, Raise> {
        match value.map(|value| value.display()).as_deref() {
            None => Ok(default),
            Some("inner") => Ok(How::Inner),
            Some("left") => Ok(How::Left),
            Some("right") => Ok(How::Right),
            Some("outer") => Ok(How::Outer),
            Some(other) => Err(Raise::value_error(format!("`how` cannot be \"{other}\""))
                .help("it is \"inner\", \"left\", \"right\" or \"outer\"")),
        }
    }
}

type Pairs = Vec<(Option<usize>, Option<usize>)>;

/// The keys of every row.
fn row_keys(columns: &[Arc<Column>], rows: usize) -> Result<Vec<Key>, Raise> {
    let key = |row: usize| match columns {
        [only] => Key::new(only.get(row)),
        many => Key::new(Value::tuple(many.iter().map(|column| column.get(row)).collect())),
    };
    (0..rows).map(key).collect()
}

fn pair_rows(vm: &mut Vm, left: &[Key], right: &[Key], how: How) -> Result<Pairs, Raise> {
    if how == How::Right {
        let pairs = pair_rows(vm, right, left, How::Left)?;
        return Ok(pairs.into_iter().map(|(right, left)| (left, right)).collect());
    }
    vm.budget.allocate_items((left.len() + right.len()) as u64)?;
    let mut places: IndexMap<&Key, Vec<usize>, FxBuildHasher> = IndexMap::default();
    for (row, key) in right.iter().enumerate() {
        places.entry(key).or_default().push(row);
    }
    let mut pairs: Pairs = Vec::new();
    let mut met = vec![false; right.len()];
    for (row, key) in left.iter().enumerate() {
        match places.get(key) {
            Some(found) => {
                vm.budget.allocate(32 * found.len() as u64)?;
                for other in found {
                    met[*other] = true;
                    pairs.push((Some(row), Some(*other)));
                }
            }
            None if how != How::Inner => pairs.push((Some(row), None)),
            None => {}
        }
    }
    if how == How::Outer {
        pairs.extend((0..right.len()).filter(|row| !met[*row]).map(|row| (None, Some(row))));
        // As pandas does it, sorted by the keys.
        let keys = pairs.iter().map(|pair| match pair {
            (Some(row), _) => left[*row].value(),
            (None, Some(row)) => right[*row].value(),
            (None, None) => Value::None,
        });
        let index = Index::from_labels(keys.collect(), None);
        if let Ok(order) = arrange::order_of_labels(vm, &index, &[true]) {
            pairs = order.into_iter().map(|at| pairs[at]).collect();
        }
    }
    Ok(pairs)
}

/// `pd.merge(left, right, ...)` and `left.merge(right, ...)`
pub(crate) fn merge(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let names = [
        "left",
        "right",
        "how",
        "on",
        "left_on",
        "right_on",
        "left_index",
        "right_index",
        "sort",
        "suffixes",
        "validate",
        "copy",
    ];
    let [left, right, how, on, left_on, right_on, left_index, right_index, _, suffixes, ..] =
        args.take("merge", names, 2)?;
    let table = |value: Option<Value>| {
        let value = value.unwrap_or(Value::None);
        let found =
            frame_of(&value).or_else(|| labelled_of(&value).map(|series| Arc::new(series.to_frame(None))));
        found.ok_or_else(|| Raise::type_error(format!("`merge` takes tables, not `{}`", value.type_name())))
    };
    let (left, right) = (table(left)?, table(right)?);
    let how = How::of(how.as_ref(), How::Inner)?;
    let suffixes = match given(suffixes) {
        Some(suffixes) => vm.collect(&suffixes)?,
        None => vec!["_x".into(), "_y".into()],
    };
    let (by_left_index, by_right_index) =
        (is_true(left_index.as_ref(), false), is_true(right_index.as_ref(), false));
    let (left_on, right_on) = (given(left_on).or(given(on.clone())), given(right_on).or(given(on)));
    let side = |vm: &mut Vm, frame: &Frame, on: Option<Value>, by_index: bool| -> Result<Side, Raise> {
        if by_index {
            return Ok(Side {
                names: frame.index.names().to_vec(),
                keys: frame.index.levels().to_vec(),
                by_index,
            });
        }
        let names = match on {
            Some(on) => labels(vm, &on)?,
            None => {
                let mut common = Vec::new();
                for label in left.columns.labels() {
                    common.extend(right.position(&label).map(|_| label));
                }
                common
            }
        };
        if names.is_empty() {
            return Err(
                Raise::value_error("the tables have no common column").help("name the keys: `on=\"x\"`")
            );
        }
        let key = |name: &Value| {
            let level = frame.index.names().iter().position(|level| level.is_same(name));
            match (frame.position(name), level) {
                (None, Some(level)) => Ok(frame.index.levels()[level].clone()),
                _ => frame.expect(name).map(|at| frame.data[at].clone()),
            }
        };
        let keys = names.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Side { names, keys, by_index })
    };
    let left_side = side(vm, &left, left_on, by_left_index)?;
    let right_side = side(vm, &right, right_on, by_right_index)?;
    if left_side.keys.len() != right_side.keys.len() {
        return Err(Raise::value_error("the tables have different numbers of keys"));
    }
    joined(vm, (&left, &left_side), (&right, &right_side), how, &suffixes).map(DataFrame::value)
}

/// The keys of one table.
struct Side {
    names: Vec<Value>,
    keys: Vec<Arc<Column>>,
    by_index: bool,
}

fn joined(
    vm: &mut Vm,
    (left, left_side): (&Frame, &Side),
    (right, right_side): (&Frame, &Side),
    how: How,
    suffixes: &[Value],
) -> Result<Frame, Raise> {
    let left_keys = row_keys(&left_side.keys, left.rows())?;
    let right_keys = row_keys(&right_side.keys, right.rows())?;
    let pairs = pair_rows(vm, &left_keys, &right_keys, how)?;
    let (left_rows, right_rows): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let width = (left.data.len() + right.data.len() + 1) as u64;
    vm.budget.allocate_items((pairs.len() as u64).saturating_mul(width))?;
    let shared = |name: &Value| {
        let at = |side: &Side| side.names.iter().position(|key| key.is_same(name));
        !left_side.by_index
            && !right_side.by_index
            && at(left_side).is_some()
            && at(left_side) == at(right_side)
    };
    let suffix = |at: usize| suffixes.get(at).filter(|s| !matches!(s, Value::None)).map(Value::display);
    let named = |name: &Value, twice: bool, suffix: Option<Arc<str>>| match suffix {
        Some(suffix) if twice => format!("{}{suffix}", name.display()).into(),
        _ => name.clone(),
    };
    let told_apart = suffixes.iter().any(|suffix| matches!(suffix, Value::Str(text) if !text.is_empty()));
    let twice = left.columns.labels().into_iter().find(|n| !shared(n) && right.position(n).is_some());
    if let Some(name) = twice.filter(|_| !told_apart) {
        return Err(Raise::value_error(format!("both tables have a column {}", name.repr()))
            .help("tell them apart: `suffixes=(\"_x\", \"_y\")`, or `lsuffix` and `rsuffix` of `join`"));
    }
    let (mut labels, mut data) = (Vec::new(), Vec::new());
    for (at, column) in left.data.iter().enumerate() {
        let name = left.columns.label(at);
        if shared(&name) {
            // Of rows that only the right table has, the key comes from there.
            let from_right = right.position(&name).map(|at| right.data[at].clone());
            let cell = |pair: &(Option<usize>, Option<usize>)| match (pair, &from_right) {
                ((Some(row), _), _) => column.get(*row),
                ((None, Some(row)), Some(other)) => other.get(*row),
                _ => MISSING,
            };
            let dtype = DType::common(
                [Some(column.dtype()), from_right.as_ref().map(|c| c.dtype())].into_iter().flatten(),
            );
            let dtype = if how == How::Left { column.dtype() } else { dtype.unwrap_or(DType::Object) };
            data.push(Arc::new(Column::new(dtype, pairs.iter().map(|pair| dtype.fit(cell(pair))).collect())));
            labels.push(name);
            continue;
        }
        let twice = right.position(&name).is_some();
        labels.push(named(&name, twice, suffix(0)));
        data.push(Arc::new(column.take_or_missing(&left_rows)));
    }
    for (at, column) in right.data.iter().enumerate() {
        let name = right.columns.label(at);
        if shared(&name) {
            continue;
        }
        let twice = left.position(&name).is_some();
        labels.push(named(&name, twice, suffix(1)));
        data.push(Arc::new(column.take_or_missing(&right_rows)));
    }
    let index = match (left_side.by_index, right_side.by_index) {
        (false, false) => Index::count(pairs.len()),
        (_, true) if left_rows.iter().all(Option::is_some) => {
            left.index.take(&left_rows.iter().flatten().copied().collect::<Vec<_>>())
        }
        (true, _) if right_rows.iter().all(Option::is_some) => {
            right.index.take(&right_rows.iter().flatten().copied().collect::<Vec<_>>())
        }
        _ => {
            let label = |pair: &(Option<usize>, Option<usize>)| match pair {
                (Some(row), _) => left.index.label(*row),
                (None, Some(row)) => right.index.label(*row),
                (None, None) => Value::None,
            };
            Index::from_labels(pairs.iter().map(label).collect(), Some(left.index.names().to_vec()))
        }
    };
    Ok(Frame::new(index, Index::from_labels(labels, None), data))
}

/// `left.merge(right, ...)`
pub(crate) fn merge_method(vm: &mut Vm, me: &Value, mut args: Args) -> Result<Value, Raise> {
    args.positional.insert(0, me.clone());
    merge(vm, args)
}

/// `left.join(right, ...)`: rows by the index of the right table.
pub(crate) fn join_method(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [other, on, how, left_suffix, right_suffix, _] =
        args.take("join", ["other", "on", "how", "lsuffix", "rsuffix", "sort"], 1)?;
    let on = given(on);
    let named: Vec<(Arc<str>, Value)> = [
        ("how", Some(how.unwrap_or_else(|| "left".into()))),
        ("left_index", Some(Value::Bool(on.is_none()))),
        ("left_on", on),
        ("right_index", Some(Value::Bool(true))),
        (
            "suffixes",
            Some(Value::tuple(vec![
                left_suffix.unwrap_or_else(|| "".into()),
                right_suffix.unwrap_or_else(|| "".into()),
            ])),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name.into(), value)))
    .collect();
    merge(vm, Args { positional: vec![me.clone(), other.unwrap_or(Value::None)], named })
}
