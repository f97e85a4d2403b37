//! Tables and columns from plain values: `pd.DataFrame(...)`, `pd.Series(...)`, `pd.Index(...)`.

use crate::lang::raise::Raise;
use crate::lang::table::arrange;
use crate::lang::table::column::{Column, MISSING};
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled, rows_for};
use crate::lang::table::index::Index;
use crate::lang::table::methods::apply::rows_from_series;
use crate::lang::table::methods::shared::given;
use crate::lang::table::objects::{
    Array, DataFrame, Labels, Series, as_column, column_of, frame_of, is_scalar, labelled_of,
};
use crate::lang::value::{Args, Builtin, Key, Value};
use crate::lang::vm::Vm;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::sync::Arc;

/// Functions that belong to `pd.DataFrame`.
pub(crate) static FRAME_STATICS: &[Builtin] =
    &[Builtin { name: "from_dict", call: from_dict }, Builtin { name: "from_records", call: from_records }];

/// Functions that belong to `pd.MultiIndex`.
pub(crate) static INDEX_STATICS: &[Builtin] = &[
    Builtin { name: "from_arrays", call: index_from_arrays },
    Builtin { name: "from_frame", call: index_from_frame },
    Builtin { name: "from_product", call: index_from_product },
    Builtin { name: "from_tuples", call: index_from_tuples },
];

/// Labels from a parameter, with the names that they bring.
fn labels_of(vm: &mut Vm, value: &Value) -> Result<Arc<Index>, Raise> {
    if let Some(labels) = value.downcast::<Labels>() {
        return Ok(labels.get());
    }
    let name = labelled_of(value).map_or(Value::None, |labelled| labelled.name.clone());
    let labels = match column_of(value) {
        Some(column) => column.cells().to_vec(),
        None => vm.collect(value)?,
    };
    Ok(Index::from_labels(labels, Some(vec![name])))
}

/// `pd.DataFrame(data, index, columns, dtype)`
pub(crate) fn data_frame(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [data, index, columns, dtype, _] =
        args.take("DataFrame", ["data", "index", "columns", "dtype", "copy"], 0)?;
    let index = match given(index) {
        Some(index) => Some(labels_of(vm, &index)?),
        None => None,
    };
    let columns = match given(columns) {
        Some(columns) => Some(labels_of(vm, &columns)?),
        None => None,
    };
    if columns.as_ref().is_some_and(|columns| columns.is_multi()) {
        return Err(Raise::unsupported("column names cannot have levels", "join them: `\"a_b\"`"));
    }
    let mut frame = match given(data) {
        None => empty(index, columns),
        Some(data) => from_value(vm, &data, index, columns)?,
    };
    if let Some(dtype) = given(dtype) {
        let to = DType::named(&dtype)?;
        for column in &mut frame.data {
            *column = Arc::new(column.cast(to)?);
        }
    }
    Ok(DataFrame::value(frame))
}

fn empty(index: Option<Arc<Index>>, columns: Option<Arc<Index>>) -> Frame {
    let index = index.unwrap_or_else(|| Index::count(0));
    let columns = columns.unwrap_or_else(|| Index::count(0));
    let column = Arc::new(Column::new(DType::Object, vec![MISSING; index.len()]));
    let data = vec![column; columns.len()];
    Frame::new(index, columns, data)
}

fn from_value(
    vm: &mut Vm,
    data: &Value,
    index: Option<Arc<Index>>,
    columns: Option<Arc<Index>>,
) -> Result<Frame, Raise> {
    if let Value::Dict(_) = data {
        let pairs = vm.pairs(data)?.into_iter().map(|(key, value)| (key.value(), value)).collect();
        return from_columns(vm, pairs, index, columns);
    }
    if let Some(frame) = frame_of(data) {
        return chosen((*frame).clone(), index, columns);
    }
    if let Some(labelled) = labelled_of(data) {
        let frame = labelled.to_frame(None);
        return match columns {
            Some(columns) if columns.len() == 1 && matches!(labelled.name, Value::None) => {
                chosen(Frame { columns, ..frame }, index, None)
            }
            columns => chosen(frame, index, columns),
        };
    }
    if let Some(array) = data.downcast::<Array>()
        && let Some(width) = array.width
    {
        let column = |at: usize| {
            let cells = array.column.cells().iter().skip(at).step_by(width.max(1)).cloned().collect();
            Arc::new(Column::new(array.column.dtype(), cells))
        };
        return labelled_rows((0..width).map(column).collect(), index, columns);
    }
    if is_scalar(data) {
        let (Some(index), Some(columns)) = (index, columns) else {
            return Err(Raise::value_error(format!("a table cannot be made of {}", data.repr()))
                .help("give a dict of columns, or a list of rows"));
        };
        let column = Arc::new(Column::infer(vec![data.clone(); index.len()]));
        let data = vec![column; columns.len()];
        return Ok(Frame::new(index, columns, data));
    }
    let rows = match column_of(data) {
        Some(column) => column.cells().to_vec(),
        None => vm.collect(data)?,
    };
    from_rows(vm, rows, index, columns)
}

/// Some columns and rows of a table, missing where there are none.
fn chosen(mut frame: Frame, index: Option<Arc<Index>>, columns: Option<Arc<Index>>) -> Result<Frame, Raise> {
    if let Some(columns) = columns {
        let places = rows_for(&frame.columns, &columns)?;
        let missing = || Arc::new(Column::new(DType::Object, vec![MISSING; frame.rows()]));
        let data =
            places.into_iter().map(|at| at.map_or_else(missing, |at| frame.data[at].clone())).collect();
        frame = Frame::new(frame.index.clone(), columns, data);
    }
    if let Some(index) = index {
        let places = rows_for(&frame.index, &index)?;
        let data = frame.data.iter().map(|column| Arc::new(column.take_or_missing(&places))).collect();
        frame = Frame::new(index, frame.columns.clone(), data);
    }
    Ok(frame)
}

fn labelled_rows(
    data: Vec<Arc<Column>>,
    index: Option<Arc<Index>>,
    columns: Option<Arc<Index>>,
) -> Result<Frame, Raise> {
    let rows = data.first().map_or(0, |column| column.len());
    let columns = columns.unwrap_or_else(|| Index::count(data.len()));
    if columns.len() != data.len() {
        let message = format!("{} column names do not fit {} columns", columns.len(), data.len());
        return Err(Raise::value_error(message));
    }
    let index = index.unwrap_or_else(|| Index::count(rows));
    if index.len() != rows && !data.is_empty() {
        return Err(Raise::value_error(format!("{} labels do not fit {rows} rows", index.len())));
    }
    Ok(Frame::new(index, columns, data))
}

/// A dict of columns.
fn from_columns(
    vm: &mut Vm,
    pairs: Vec<(Value, Value)>,
    index: Option<Arc<Index>>,
    columns: Option<Arc<Index>>,
) -> Result<Frame, Raise> {
    let pairs = match &columns {
        None => pairs,
        Some(columns) => {
            let find = |label: Value| {
                let found = pairs.iter().find(|(name, _)| name.is_same(&label));
                (label, found.map_or(Value::None, |(_, value)| value.clone()))
            };
            columns.labels().into_iter().map(find).collect()
        }
    };
    let parts: Vec<Part> = pairs.iter().map(|(_, value)| Part::of(vm, value)).collect::<Result<_, _>>()?;
    let index = match index {
        Some(index) => index,
        None => common_index(vm, &parts)?,
    };
    vm.budget.allocate_items((index.len() as u64).saturating_mul(parts.len() as u64))?;
    let mut data = Vec::with_capacity(parts.len());
    for part in parts {
        data.push(Arc::new(match part {
            Part::Labelled(labelled) if labelled.index.same_labels(&index)? => {
                Column::new(labelled.column.dtype(), labelled.column.cells().to_vec())
            }
            Part::Labelled(labelled) => labelled.column.take_or_missing(&rows_for(&labelled.index, &index)?),
            Part::Plain(column) if column.len() == index.len() => {
                Column::new(column.dtype(), column.cells().to_vec())
            }
            Part::Plain(column) => {
                let message =
                    format!("the columns have different lengths: {} and {}", column.len(), index.len());
                return Err(Raise::value_error(message));
            }
            Part::Scalar(Value::None) if columns.is_some() => {
                Column::new(DType::Object, vec![MISSING; index.len()])
            }
            Part::Scalar(value) => Column::infer(vec![value; index.len()]),
        }));
    }
    let names = pairs.into_iter().map(|(name, _)| name).collect();
    let columns = columns.unwrap_or_else(|| Index::from_labels(names, None));
    if columns.is_multi() {
        return Err(Raise::unsupported("column names cannot have levels", "join them: `\"a_b\"`"));
    }
    Ok(Frame::new(index, columns, data))
}

/// A column as it is given.
enum Part {
    Labelled(Labelled),
    Plain(Arc<Column>),
    Scalar(Value),
}

impl Part {
    fn of(vm: &mut Vm, value: &Value) -> Result<Part, Raise> {
        if let Some(labelled) = labelled_of(value) {
            return Ok(Part::Labelled((*labelled).clone()));
        }
        if let Value::Dict(_) = value {
            let (labels, cells): (Vec<Value>, Vec<Value>) =
                vm.pairs(value)?.into_iter().map(|(key, value)| (key.value(), value)).unzip();
            let index = Index::from_labels(labels, None);
            return Ok(Part::Labelled(Labelled::new(index, Value::None, Column::infer(cells))));
        }
        if is_scalar(value) {
            return Ok(Part::Scalar(value.clone()));
        }
        as_column(vm, value).map(Part::Plain)
    }
}

fn common_index(vm: &mut Vm, parts: &[Part]) -> Result<Arc<Index>, Raise> {
    let mut index: Option<Arc<Index>> = None;
    for part in parts {
        if let Part::Labelled(labelled) = part {
            index = Some(match index {
                None => labelled.index.clone(),
                Some(index) if index.same_labels(&labelled.index)? => index,
                Some(index) => arrange::union(vm, &index, &labelled.index, true)?,
            });
        }
    }
    if let Some(index) = index {
        return Ok(index);
    }
    let plain = parts.iter().find_map(|part| match part {
        Part::Plain(column) => Some(column.len()),
        _ => None,
    });
    match plain {
        Some(rows) => Ok(Index::count(rows)),
        None if parts.is_empty() => Ok(Index::count(0)),
        None => Err(Raise::value_error("a table of single values needs an `index`")
            .help("give lists: `pd.DataFrame({\"a\": [1]})`")),
    }
}

/// A list of rows: dicts, lists or tuples, series, or single values.
fn from_rows(
    vm: &mut Vm,
    rows: Vec<Value>,
    index: Option<Arc<Index>>,
    columns: Option<Arc<Index>>,
) -> Result<Frame, Raise> {
    let count = rows.len();
    match rows.first() {
        None => Ok(empty(index, columns)),
        Some(Value::Dict(_)) => {
            let (names, data) = columns_of_records(vm, &rows)?;
            let frame = labelled_rows(data, index, Some(Index::from_labels(names, None)))?;
            chosen(frame, None, columns)
        }
        Some(first) if labelled_of(first).is_some() => {
            let names: Vec<Value> =
                rows.iter().map(|row| labelled_of(row).map_or(Value::None, |row| row.name.clone())).collect();
            let named = names.iter().any(|name| !matches!(name, Value::None));
            let labels = if named { Index::from_labels(names, None) } else { Index::count(count) };
            let frame = rows_from_series(vm, &index.unwrap_or(labels), &rows)?;
            let frame = frame.ok_or_else(|| Raise::type_error("the rows of a table are of one kind"))?;
            chosen(frame, None, columns)
        }
        Some(Value::List(_) | Value::Tuple(_)) => {
            let fields = match &rows[0] {
                Value::Tuple(tuple) => tuple.1.as_ref().map(|record| {
                    let names = record.fields.iter().map(|name| Value::Str(name.clone()));
                    Index::from_labels(names.collect(), None)
                }),
                _ => None,
            };
            let cells: Vec<Vec<Value>> = rows.iter().map(|row| vm.collect(row)).collect::<Result<_, _>>()?;
            let width = cells.iter().map(Vec::len).max().unwrap_or(0);
            vm.budget.allocate_items((width as u64).saturating_mul(count as u64))?;
            let cell = |row: &Vec<Value>, at: usize| row.get(at).cloned().unwrap_or(Value::None);
            let column = |at| Arc::new(Column::infer(cells.iter().map(|row| cell(row, at)).collect()));
            let columns = columns.or(fields.filter(|fields| fields.len() == width));
            labelled_rows((0..width).map(column).collect(), index, columns)
        }
        Some(_) => labelled_rows(vec![Arc::new(Column::infer(rows))], index, columns),
    }
}

/// Names and columns of a list of dicts: every key in order of first occurrence.
fn columns_of_records(vm: &mut Vm, rows: &[Value]) -> Result<(Vec<Value>, Vec<Arc<Column>>), Raise> {
    let mut columns: IndexMap<Key, Vec<Value>, FxBuildHasher> = IndexMap::default();
    for (row, record) in rows.iter().enumerate() {
        for (key, value) in vm.pairs(record)? {
            let cells = columns.entry(key).or_default();
            cells.resize(row, MISSING);
            cells.push(value);
        }
    }
    vm.budget.allocate_items((columns.len() * rows.len()) as u64)?;
    let named = columns.into_iter().map(|(key, mut cells)| {
        cells.resize(rows.len(), MISSING);
        (key.value(), Arc::new(Column::infer(cells)))
    });
    Ok(named.unzip())
}

/// `pd.DataFrame.from_dict(data, orient="columns", columns=None)`
fn from_dict(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [data, orient, _, columns] = args.take("from_dict", ["data", "orient", "dtype", "columns"], 1)?;
    let data = data.unwrap_or(Value::None);
    let pairs: Vec<(Value, Value)> =
        vm.pairs(&data)?.into_iter().map(|(key, value)| (key.value(), value)).collect();
    let columns = match given(columns) {
        Some(columns) => Some(labels_of(vm, &columns)?),
        None => None,
    };
    if orient.as_ref().and_then(Value::as_str) != Some("index") {
        return from_columns(vm, pairs, None, columns).map(DataFrame::value);
    }
    let (labels, rows): (Vec<Value>, Vec<Value>) = pairs.into_iter().unzip();
    let index = Index::from_labels(labels, None);
    from_rows(vm, rows, Some(index), columns).map(DataFrame::value)
}

fn from_records(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [data, index, columns] = args.take("from_records", ["data", "index", "columns"], 1)?;
    let mut named = vec![("data".into(), data.unwrap_or(Value::None))];
    named.extend(given(columns).map(|columns| ("columns".into(), columns)));
    named.extend(given(index).map(|index| ("index".into(), index)));
    data_frame(vm, Args { positional: Vec::new(), named })
}

/// `pd.Series(data, index, dtype, name)`
pub(crate) fn series(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [data, index, dtype, name, _] = args.take("Series", ["data", "index", "dtype", "name", "copy"], 0)?;
    let index = match given(index) {
        Some(index) => Some(labels_of(vm, &index)?),
        None => None,
    };
    let data = data.unwrap_or_else(|| Value::list(Vec::new()));
    let part = match &data {
        Value::None if index.is_some() => Part::Scalar(MISSING),
        Value::None => Part::Plain(Arc::new(Column::infer(Vec::new()))),
        data => Part::of(vm, data)?,
    };
    let own_name = labelled_of(&data).map(|labelled| labelled.name.clone());
    let name = given(name).or(own_name).unwrap_or(Value::None);
    let (index, column) = match (part, index) {
        (Part::Labelled(labelled), None) => (labelled.index.clone(), labelled.column.clone()),
        (Part::Labelled(labelled), Some(index)) => {
            let column = labelled.column.take_or_missing(&rows_for(&labelled.index, &index)?);
            (index, Arc::new(column))
        }
        (Part::Plain(column), index) => {
            let index = index.unwrap_or_else(|| Index::count(column.len()));
            if index.len() != column.len() {
                let message = format!("{} labels do not fit {} values", index.len(), column.len());
                return Err(Raise::value_error(message));
            }
            (index, column)
        }
        (Part::Scalar(value), index) => {
            let index = index.unwrap_or_else(|| Index::count(1));
            vm.budget.allocate_items(index.len() as u64)?;
            let column = Column::infer(vec![value; index.len()]);
            (index, Arc::new(column))
        }
    };
    let column = match given(dtype) {
        Some(dtype) => Arc::new(column.cast(DType::named(&dtype)?)?),
        None => column,
    };
    Ok(Series::value(Labelled { index, name, column }))
}

/// `pd.Index(labels, name=...)`
pub(crate) fn index(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [data, dtype, _, name] = args.take("Index", ["data", "dtype", "copy", "name"], 0)?;
    let index = labels_of(vm, &data.unwrap_or_else(|| Value::list(Vec::new())))?;
    let column = match (given(dtype), index.levels()) {
        (Some(dtype), [only]) => Arc::new(only.cast(DType::named(&dtype)?)?),
        (_, [only]) => only.clone(),
        _ => return Ok(Labels::value(index)),
    };
    let name = given(name).unwrap_or_else(|| index.name());
    Ok(Labels::value(Index::single(column, name)))
}

fn level_names(vm: &mut Vm, names: Option<Value>, count: usize) -> Result<Vec<Value>, Raise> {
    let mut names = match given(names) {
        Some(names) => vm.collect(&names)?,
        None => Vec::new(),
    };
    names.resize(count, Value::None);
    Ok(names)
}

fn index_from_arrays(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [arrays, _, names] = args.take("from_arrays", ["arrays", "sortorder", "names"], 1)?;
    let arrays = vm.collect(&arrays.unwrap_or(Value::None))?;
    let levels: Vec<Arc<Column>> =
        arrays.iter().map(|array| as_column(vm, array)).collect::<Result<_, _>>()?;
    let rows = levels.first().map_or(0, |level| level.len());
    if levels.is_empty() || levels.iter().any(|level| level.len() != rows) {
        return Err(Raise::value_error("the levels of an index must have one length"));
    }
    let names = level_names(vm, names, levels.len())?;
    Ok(Labels::value(Index::new(levels, names)))
}

fn index_from_tuples(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [tuples, _, names] = args.take("from_tuples", ["tuples", "sortorder", "names"], 1)?;
    let tuples = vm.collect(&tuples.unwrap_or(Value::None))?;
    let index = Index::from_labels(tuples, None);
    let names = level_names(vm, names, index.levels().len())?;
    Ok(Labels::value(index.with_names(names)))
}

fn index_from_product(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [iterables, _, names] = args.take("from_product", ["iterables", "sortorder", "names"], 1)?;
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for part in vm.collect(&iterables.unwrap_or(Value::None))? {
        let values = vm.collect(&part)?;
        vm.budget.allocate_items((rows.len() as u64).saturating_mul(values.len() as u64) * 4)?;
        rows = rows
            .iter()
            .flat_map(|row| values.iter().map(|value| [row.as_slice(), std::slice::from_ref(value)].concat()))
            .collect();
    }
    let index = Index::from_labels(rows.into_iter().map(Value::tuple).collect(), None);
    let names = level_names(vm, names, index.levels().len())?;
    Ok(Labels::value(index.with_names(names)))
}

fn index_from_frame(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [frame] = args.take("from_frame", ["df"], 1)?;
    match frame.as_ref().and_then(frame_of) {
        Some(frame) if !frame.data.is_empty() => {
            Ok(Labels::value(Index::new(frame.data.clone(), frame.columns.labels())))
        }
        _ => Err(Raise::type_error("`from_frame` takes a table")),
    }
}
