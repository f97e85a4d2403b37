//! `groupby`: rows by the values of columns, and what is made of each group.

use crate::lang::builtins::args::optional_int;
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::arrange::{self, SortKey};
use crate::lang::table::column::{Column, is_missing};
use crate::lang::table::data_frame::columns_of;
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::index::Index;
use crate::lang::table::methods::apply;
use crate::lang::table::methods::compute::{self, Summary};
use crate::lang::table::methods::shared::{call, frame, function_name, given, is_true, labels};
use crate::lang::table::objects::{
    Array, DataFrame, Labels, Series, column_of, frame_of, is_scalar, labelled_of,
};
use crate::lang::value::{Args, DictMap, HostType, Key, Method, Object, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(crate) static GROUP_BY: HostType = HostType { name: "GroupBy", methods: METHODS, ..HostType::PLAIN };

/// Which columns are looked at.
#[derive(Clone, Debug)]
enum Selection {
    All,
    /// One column: what is made of it is a series.
    One(usize),
    Many(Vec<usize>),
}

#[derive(Clone, Debug)]
pub(crate) struct GroupBy {
    frame: Arc<Frame>,
    /// Columns of the frame that the keys come from.
    keys: Vec<usize>,
    names: Vec<Value>,
    groups: Arc<Groups>,
    /// Whether a list of keys was given: then a key is a tuple.
    by_list: bool,
    as_index: bool,
    selection: Selection,
}

/// The groups, in order.
#[derive(Debug)]
struct Groups {
    /// Labels of the groups: a level per key.
    index: Arc<Index>,
    rows: Vec<Vec<usize>>,
}

/// Sorted by name.
static METHODS: &[Method] = &[
    Method { name: "agg", call: aggregate },
    Method { name: "aggregate", call: aggregate },
    Method { name: "all", call: |vm, me, args| summarised(vm, me, args, Summary::All) },
    Method { name: "any", call: |vm, me, args| summarised(vm, me, args, Summary::Any) },
    Method { name: "apply", call: apply },
    Method { name: "count", call: |vm, me, args| summarised(vm, me, args, Summary::Count) },
    Method { name: "cumcount", call: cumcount },
    Method { name: "filter", call: filter },
    Method { name: "first", call: |vm, me, args| summarised(vm, me, args, Summary::First) },
    Method { name: "get_group", call: get_group },
    Method { name: "head", call: |vm, me, args| ends(vm, me, args, false) },
    Method { name: "last", call: |vm, me, args| summarised(vm, me, args, Summary::Last) },
    Method { name: "max", call: |vm, me, args| summarised(vm, me, args, Summary::Max) },
    Method { name: "mean", call: |vm, me, args| summarised(vm, me, args, Summary::Mean) },
    Method { name: "median", call: |vm, me, args| summarised(vm, me, args, Summary::Median) },
    Method { name: "min", call: |vm, me, args| summarised(vm, me, args, Summary::Min) },
    Method { name: "ngroup", call: ngroup },
    Method { name: "nth", call: nth },
    Method { name: "nunique", call: |vm, me, args| summarised(vm, me, args, Summary::Nunique) },
    Method { name: "size", call: size },
    Method { name: "std", call: |vm, me, args| summarised(vm, me, args, Summary::Std) },
    Method { name: "sum", call: |vm, me, args| summarised(vm, me, args, Summary::Sum) },
    Method { name: "tail", call: |vm, me, args| ends(vm, me, args, true) },
    Method { name: "transform", call: transform },
    Method { name: "unique", call: unique },
];

/// `df.groupby(...)` and `series.groupby(...)`
pub(crate) fn group_by(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let names = ["by", "*axis", "level", "as_index", "sort", "group_keys", "observed", "dropna"];
    let [by, _, level, as_index, sort, _, _, dropna] = args.take("groupby", names, 0)?;
    let (frame, selection) = match labelled_of(me) {
        Some(labelled) => (Arc::new(labelled.to_frame(None)), Selection::One(0)),
        None => (frame(me), Selection::All),
    };
    let by = match (given(by), given(level)) {
        (Some(by), _) => by,
        (None, Some(level)) => {
            return by_levels(vm, &frame, selection, &level, sort.as_ref(), dropna.as_ref());
        }
        (None, None) => return Err(Raise::type_error("`groupby` needs a column: `df.groupby(\"x\")`")),
    };
    let by_list = matches!(by, Value::List(_) | Value::Tuple(_));
    let wanted = if by_list { vm.collect(&by)? } else { vec![by] };
    let mut grouped = GroupBy {
        frame: frame.clone(),
        keys: Vec::new(),
        names: Vec::new(),
        groups: Arc::new(Groups { index: Index::count(0), rows: Vec::new() }),
        by_list,
        as_index: is_true(as_index.as_ref(), true),
        selection,
    };
    let mut columns = Vec::new();
    for key in wanted {
        let column = key_column(vm, &frame, &key, &mut grouped)?;
        if column.len() != frame.rows() {
            return Err(Raise::value_error("a key of `groupby` has another length than the table"));
        }
        columns.push(column);
    }
    grouped.collect(vm, &columns, is_true(sort.as_ref(), true), is_true(dropna.as_ref(), true))?;
    Ok(Value::object(grouped))
}

/// The values that a key stands for: a column, a level, other values, or a function of the labels.
fn key_column(vm: &mut Vm, frame: &Frame, key: &Value, grouped: &mut GroupBy) -> Result<Arc<Column>, Raise> {
    if let Some(column) = column_of(key) {
        let name = labelled_of(key).map(|l| l.name.clone());
        grouped
            .names
            .push(name.or_else(|| key.downcast::<Labels>().map(|l| l.get().name())).unwrap_or(Value::None));
        // A column of the table itself is left out of what is made of the groups.
        let own = grouped.names.last().and_then(|name| frame.position(name));
        grouped.keys.extend(own.filter(|at| Arc::ptr_eq(&frame.data[*at], &column)));
        return Ok(column);
    }
    if key.is_callable() {
        grouped.names.push(Value::None);
        return crate::lang::table::methods::shared::mapped(vm, &frame.index.to_column(), key).map(Arc::new);
    }
    if let Value::Dict(_) = key {
        grouped.names.push(Value::None);
        return crate::lang::table::methods::shared::mapped(vm, &frame.index.to_column(), key).map(Arc::new);
    }
    grouped.names.push(key.clone());
    let level = frame.index.names().iter().position(|name| name.is_same(key));
    match (frame.position(key), level) {
        (None, Some(level)) => Ok(frame.index.levels()[level].clone()),
        _ => {
            let at = frame.expect(key)?;
            grouped.keys.push(at);
            Ok(frame.data[at].clone())
        }
    }
}

fn by_levels(
    vm: &mut Vm,
    frame: &Arc<Frame>,
    selection: Selection,
    level: &Value,
    sort: Option<&Value>,
    dropna: Option<&Value>,
) -> Result<Value, Raise> {
    let by_list = !is_scalar(level);
    let mut columns = Vec::new();
    let mut names = Vec::new();
    for level in labels(vm, level)? {
        let number = frame.index.level_number(&level)?;
        columns.push(frame.index.levels()[number].clone());
        names.push(frame.index.names()[number].clone());
    }
    let groups = Arc::new(Groups { index: Index::count(0), rows: Vec::new() });
    let keys = Vec::new();
    let mut grouped =
        GroupBy { frame: frame.clone(), keys, names, groups, by_list, as_index: true, selection };
    grouped.collect(vm, &columns, is_true(sort, true), is_true(dropna, true))?;
    Ok(Value::object(grouped))
}

impl GroupBy {
    fn collect(
        &mut self,
        vm: &mut Vm,
        columns: &[Arc<Column>],
        sort: bool,
        dropna: bool,
    ) -> Result<(), Raise> {
        let keys: Vec<&Column> = columns.iter().map(|column| &**column).collect();
        let found = arrange::group_rows(vm, &keys, self.frame.rows())?;
        let mut rows: Vec<Vec<usize>> = found.into_values().collect();
        let first = |rows: &[usize]| rows.first().copied().unwrap_or(0);
        if dropna {
            rows.retain(|rows| !columns.iter().any(|column| is_missing(&column.cells()[first(rows)])));
        }
        let firsts: Vec<usize> = rows.iter().map(|rows| first(rows)).collect();
        let levels: Vec<Arc<Column>> = columns.iter().map(|column| Arc::new(column.take(&firsts))).collect();
        let mut index = Index::new(levels, self.names.clone());
        if sort {
            let sort_keys: Vec<SortKey> =
                index.levels().iter().map(|column| SortKey { column, ascending: true }).collect();
            // Keys without an order stay as they are.
            if let Ok(order) = arrange::order(vm, &sort_keys, false) {
                rows = order.iter().map(|at| std::mem::take(&mut rows[*at])).collect();
                index = index.take(&order);
            }
        }
        self.groups = Arc::new(Groups { index, rows });
        Ok(())
    }

    /// The columns that something is made of: all but the keys, or those that were chosen.
    fn columns(&self) -> Vec<usize> {
        match &self.selection {
            Selection::All => (0..self.frame.data.len()).filter(|at| !self.keys.contains(at)).collect(),
            Selection::One(at) => vec![*at],
            Selection::Many(places) => places.clone(),
        }
    }

    /// A group as its members see it: a table, or a column when one was chosen.
    fn group(&self, vm: &mut Vm, number: usize, with_keys: bool) -> Result<Value, Raise> {
        let rows = &self.groups.rows[number];
        vm.budget.allocate_items((rows.len() as u64).saturating_mul(self.frame.data.len() as u64 + 1))?;
        Ok(match &self.selection {
            Selection::One(at) => Series::value(self.frame.series(*at).take(rows)),
            Selection::Many(places) => DataFrame::value(self.frame.select(places).take(rows)),
            Selection::All if with_keys => DataFrame::value(self.frame.take(rows)),
            Selection::All => DataFrame::value(self.frame.select(&self.columns()).take(rows)),
        })
    }

    /// The key of a group as iteration gives it.
    fn key(&self, number: usize) -> Value {
        match self.groups.index.label(number) {
            label @ Value::Tuple(_) if self.groups.index.is_multi() => label,
            label if self.by_list => Value::tuple(vec![label]),
            label => label,
        }
    }

    /// Columns with a cell per group as the result: under the keys, or beside them.
    fn result(&self, labels: Vec<Value>, data: Vec<Column>) -> Result<Value, Raise> {
        let data: Vec<Arc<Column>> = data.into_iter().map(Arc::new).collect();
        let index = self.groups.index.clone();
        if self.as_index {
            return match (&self.selection, data.as_slice()) {
                (Selection::One(_), [only]) => {
                    let name = labels.into_iter().next().unwrap_or(Value::None);
                    Ok(Series::value(Labelled { index, name, column: only.clone() }))
                }
                _ => Ok(DataFrame::value(Frame::new(index, Index::from_labels(labels, None), data))),
            };
        }
        let mut all = self.names.clone();
        all.extend(labels);
        let columns: Vec<Arc<Column>> = index.levels().iter().cloned().chain(data).collect();
        Ok(DataFrame::value(Frame::new(Index::count(index.len()), Index::from_labels(all, None), columns)))
    }

    /// A column with a cell per group.
    fn reduced(&self, vm: &mut Vm, at: usize, function: &Value) -> Result<Column, Raise> {
        let series = self.frame.series(at);
        let mut cells = Vec::with_capacity(self.groups.rows.len());
        let of = Summary::of(function)?;
        for rows in &self.groups.rows {
            vm.budget.allocate_items(2 * rows.len() as u64 + 8)?;
            let part = series.take(rows);
            cells.push(match of {
                Some(of) => compute::summary(vm, &part.column, of)?,
                None => apply::reduced(vm, &part, function)?,
            });
        }
        Ok(kept_type(cells, series.column.dtype(), of))
    }
}

/// First and last cells, the largest and the smallest, keep the type of their column.
fn kept_type(cells: Vec<Value>, dtype: DType, of: Option<Summary>) -> Column {
    let keeps = matches!(of, Some(Summary::First | Summary::Last | Summary::Max | Summary::Min));
    if keeps && cells.iter().all(|cell| dtype.holds(cell)) {
        return Column::new(dtype, cells);
    }
    let holds_objects = cells.iter().any(|cell| !is_scalar(cell));
    if holds_objects { Column::new(DType::Object, cells) } else { Column::infer(cells) }
}

fn grouped(me: &Value) -> Result<&GroupBy, Raise> {
    me.downcast::<GroupBy>().ok_or_else(|| Raise::type_error("this is no group"))
}

fn summarised(vm: &mut Vm, me: &Value, args: Args, of: Summary) -> Result<Value, Raise> {
    let [numeric_only, ..] = args.take(of.name(), ["numeric_only", "min_count", "skipna", "dropna"], 0)?;
    let groups = grouped(me)?;
    let numeric = is_true(numeric_only.as_ref(), false);
    let (mut labels, mut data) = (Vec::new(), Vec::new());
    for at in groups.columns() {
        let dtype = groups.frame.data[at].dtype();
        if numeric && !dtype.is_number() && dtype != DType::Bool {
            continue;
        }
        labels.push(groups.frame.columns.label(at));
        data.push(groups.reduced(vm, at, &of.name().into())?);
    }
    groups.result(labels, data)
}

fn size(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("size")?;
    let groups = grouped(me)?;
    let counts = groups.groups.rows.iter().map(|rows| Value::Int(rows.len() as i64)).collect();
    let column = Column::new(DType::Int, counts);
    if !groups.as_index {
        return GroupBy { selection: Selection::Many(Vec::new()), ..groups.clone() }
            .result(vec!["size".into()], vec![column]);
    }
    let name = match &groups.selection {
        Selection::One(at) => groups.frame.columns.label(*at),
        _ => Value::None,
    };
    Ok(Series::value(Labelled::new(groups.groups.index.clone(), name, column)))
}

fn aggregate(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let groups = grouped(me)?;
    let Args { positional, named } = args;
    let mut named = named;
    let function = positional.into_iter().next().or_else(|| {
        let at = named.iter().position(|(name, _)| &**name == "func")?;
        Some(named.remove(at).1)
    });
    let (mut labels, mut data) = (Vec::new(), Vec::new());
    match function {
        // `agg(total=("n", "sum"))`
        None => {
            if named.is_empty() {
                return Err(Raise::type_error("`agg` needs a function"));
            }
            for (name, part) in named {
                let (at, function) = match (&part, &groups.selection) {
                    (Value::Tuple(pair), _) if pair.0.len() == 2 => {
                        (groups.frame.expect(&pair.0[0])?, pair.0[1].clone())
                    }
                    (_, Selection::One(at)) => (*at, part.clone()),
                    _ => {
                        return Err(Raise::type_error(format!(
                            "`{name}` needs a column and a function: `(\"x\", \"sum\")`"
                        )));
                    }
                };
                labels.push(Value::Str(name));
                data.push(groups.reduced(vm, at, &function)?);
            }
            let groups = GroupBy { selection: Selection::Many(Vec::new()), ..groups.clone() };
            return groups.result(labels, data);
        }
        Some(by_column @ Value::Dict(_)) => {
            for (label, function) in vm.pairs(&by_column)? {
                if let Value::List(_) = function {
                    return Err(no_levels());
                }
                let at = groups.frame.expect(label.get())?;
                labels.push(label.value());
                data.push(groups.reduced(vm, at, &function)?);
            }
            let groups = GroupBy { selection: Selection::Many(Vec::new()), ..groups.clone() };
            return groups.result(labels, data);
        }
        Some(functions @ Value::List(_)) => {
            let Selection::One(at) = groups.selection else { return Err(no_levels()) };
            for function in vm.collect(&functions)? {
                labels.push(function_name(&function));
                data.push(groups.reduced(vm, at, &function)?);
            }
            let groups = GroupBy { selection: Selection::Many(Vec::new()), ..groups.clone() };
            return groups.result(labels, data);
        }
        Some(function) => {
            for at in groups.columns() {
                labels.push(groups.frame.columns.label(at));
                data.push(groups.reduced(vm, at, &function)?);
            }
        }
    }
    groups.result(labels, data)
}

fn no_levels() -> Raise {
    Raise::unsupported(
        "several functions for several columns would give column names with levels",
        "name the results: `agg(total=(\"n\", \"sum\"))`",
    )
}

fn apply(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let groups = grouped(me)?;
    let [function, _] = args.take("apply", ["func", "include_groups"], 1)?;
    let function = function.unwrap_or(Value::None);
    let mut results = Vec::with_capacity(groups.groups.rows.len());
    for number in 0..groups.groups.rows.len() {
        let group = groups.group(vm, number, false)?;
        results.push(call(vm, &function, group)?);
    }
    let index = &groups.groups.index;
    if !results.is_empty() && results.iter().all(|result| frame_of(result).is_some()) {
        return groups.stacked(vm, &results);
    }
    if let (Selection::All | Selection::Many(_), Some(rows)) =
        (&groups.selection, apply::rows_from_series(vm, index, &results)?)
    {
        return Ok(DataFrame::value(rows));
    }
    let name = match &groups.selection {
        Selection::One(at) => groups.frame.columns.label(*at),
        _ => Value::None,
    };
    let column = kept_type(results, DType::Object, None);
    if groups.as_index {
        return Ok(Series::value(Labelled::new(index.clone(), name, column)));
    }
    GroupBy { selection: Selection::Many(Vec::new()), ..groups.clone() }.result(vec![name], vec![column])
}

impl GroupBy {
    /// Tables that a function gave for the groups, below each other under their keys.
    fn stacked(&self, vm: &mut Vm, tables: &[Value]) -> Result<Value, Raise> {
        let keys = Value::list(self.groups.index.labels());
        if self.groups.index.is_multi() {
            return Err(Raise::unsupported(
                "`apply` that gives tables needs a single key",
                "loop over the groups, and use `pd.concat`",
            ));
        }
        let named = vec![("keys".into(), keys), ("names".into(), Value::list(self.names.clone()))];
        crate::lang::table::join::concat(vm, Args { positional: vec![Value::list(tables.to_vec())], named })
    }

    /// A series with a cell for every row of the table, from cells for the rows of each group.
    fn spread(&self, name: Value, groups: Vec<Vec<Value>>) -> Value {
        let mut cells = vec![crate::lang::table::column::MISSING; self.frame.rows()];
        for (rows, values) in self.groups.rows.iter().zip(groups) {
            rows.iter().zip(values).for_each(|(row, value)| cells[*row] = value);
        }
        Series::value(Labelled::new(self.frame.index.clone(), name, Column::infer(cells)))
    }
}

fn transform(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let groups = grouped(me)?;
    let [function] = args.take("transform", ["func"], 1)?;
    let function = function.unwrap_or(Value::None);
    let Selection::One(at) = groups.selection else {
        return Err(Raise::unsupported(
            "`transform` needs one column",
            "choose it: `df.groupby(\"a\")[\"b\"].transform(...)`",
        ));
    };
    let series = groups.frame.series(at);
    let mut parts = Vec::new();
    for rows in &groups.groups.rows {
        let part = series.take(rows);
        let result = apply::reduced(vm, &part, &function)?;
        parts.push(match column_of(&result) {
            Some(column) if column.len() == rows.len() => column.cells().to_vec(),
            _ => vec![result; rows.len()],
        });
        vm.budget.allocate_items(2 * rows.len() as u64)?;
    }
    Ok(groups.spread(series.name.clone(), parts))
}

fn cumcount(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [ascending] = args.take("cumcount", ["ascending"], 0)?;
    let groups = grouped(me)?;
    vm.budget.allocate_items(groups.frame.rows() as u64)?;
    let up = is_true(ascending.as_ref(), true);
    let number = |at: usize, len: usize| Value::Int(if up { at } else { len - 1 - at } as i64);
    let parts =
        groups.groups.rows.iter().map(|rows| (0..rows.len()).map(|at| number(at, rows.len())).collect());
    Ok(groups.spread(Value::None, parts.collect()))
}

fn ngroup(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("ngroup")?;
    let groups = grouped(me)?;
    vm.budget.allocate_items(groups.frame.rows() as u64)?;
    let parts = groups.groups.rows.iter().enumerate();
    let parts = parts.map(|(number, rows)| vec![Value::Int(number as i64); rows.len()]).collect();
    Ok(groups.spread(Value::None, parts))
}

/// Some rows of every group, in the order of the table.
fn chosen(vm: &mut Vm, groups: &GroupBy, mut rows: Vec<usize>) -> Result<Value, Raise> {
    rows.sort_unstable();
    vm.budget.allocate_items((rows.len() as u64).saturating_mul(groups.frame.data.len() as u64 + 1))?;
    Ok(match &groups.selection {
        Selection::One(at) => Series::value(groups.frame.series(*at).take(&rows)),
        Selection::Many(places) => DataFrame::value(groups.frame.select(places).take(&rows)),
        Selection::All => DataFrame::value(groups.frame.take(&rows)),
    })
}

fn ends(vm: &mut Vm, me: &Value, args: Args, last: bool) -> Result<Value, Raise> {
    let [n] = args.take("head", ["n"], 0)?;
    let n = usize::try_from(optional_int(n.as_ref(), "head")?.unwrap_or(5)).unwrap_or(0);
    let groups = grouped(me)?;
    let part = |rows: &Vec<usize>| {
        let from = if last { rows.len().saturating_sub(n) } else { 0 };
        rows.iter().skip(from).take(n).copied().collect::<Vec<_>>()
    };
    chosen(vm, groups, groups.groups.rows.iter().flat_map(part).collect())
}

fn nth(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [n] = args.take("nth", ["n"], 1)?;
    let n = optional_int(n.as_ref(), "nth")?.unwrap_or(0);
    let groups = grouped(me)?;
    let member = |rows: &Vec<usize>| {
        let at = if n < 0 { n.saturating_add(rows.len() as i64) } else { n };
        usize::try_from(at).ok().and_then(|at| rows.get(at).copied())
    };
    chosen(vm, groups, groups.groups.rows.iter().filter_map(member).collect())
}

/// The rows of the groups for which a function says yes.
fn filter(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [function, _] = args.take("filter", ["func", "dropna"], 1)?;
    let function = function.unwrap_or(Value::None);
    let groups = grouped(me)?;
    let mut rows = Vec::new();
    for number in 0..groups.groups.rows.len() {
        let group = groups.group(vm, number, true)?;
        if call(vm, &function, group)?.condition()? {
            rows.extend(&groups.groups.rows[number]);
        }
    }
    chosen(vm, groups, rows)
}

fn get_group(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [key] = args.take("get_group", ["name"], 1)?;
    let key = key.unwrap_or(Value::None);
    let groups = grouped(me)?;
    let label = match (&key, groups.by_list && !groups.groups.index.is_multi()) {
        (Value::Tuple(one), true) if one.0.len() == 1 => one.0[0].clone(),
        _ => key.clone(),
    };
    match groups.groups.index.find(&label)?.rows() {
        [number] => groups.group(vm, *number, true),
        _ => Err(crate::lang::table::pick::no_label(&groups.groups.index, &key, "group")),
    }
}

fn unique(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("unique")?;
    let groups = grouped(me)?;
    let Selection::One(at) = groups.selection else {
        return Err(Raise::new(
            Exc::AttributeError,
            "`unique` needs one column: `df.groupby(\"a\")[\"b\"].unique()`",
        ));
    };
    let series = groups.frame.series(at);
    let mut cells = Vec::new();
    for rows in &groups.groups.rows {
        vm.budget.allocate_items(2 * rows.len() as u64)?;
        cells.push(Array::value(series.column.take(rows).unique()?));
    }
    let column = Column::new(DType::Object, cells);
    Ok(Series::value(Labelled::new(groups.groups.index.clone(), series.name.clone(), column)))
}

impl Object for GroupBy {
    fn type_name(&self) -> &'static str {
        "GroupBy"
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&GROUP_BY)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let groups = &self.groups;
        Ok(match name {
            "ngroups" => Some(Value::Int(groups.rows.len() as i64)),
            "groups" => {
                let entry = |(number, rows): (usize, &Vec<usize>)| {
                    let labels = Labels::value(self.frame.index.take(rows));
                    Ok((Key::new(self.key(number))?, labels))
                };
                Some(Value::dict(
                    groups.rows.iter().enumerate().map(entry).collect::<Result<DictMap, Raise>>()?,
                ))
            }
            "indices" => {
                let entry = |(number, rows): (usize, &Vec<usize>)| {
                    let rows = rows.iter().map(|row| Value::Int(*row as i64)).collect();
                    Ok((Key::new(self.key(number))?, Array::value(Column::new(DType::Int, rows))))
                };
                Some(Value::dict(
                    groups.rows.iter().enumerate().map(entry).collect::<Result<DictMap, Raise>>()?,
                ))
            }
            name if crate::lang::methods::find(Type::Host(&GROUP_BY), name).is_some() => None,
            name => self
                .frame
                .position(&name.into())
                .map(|at| Value::object(GroupBy { selection: Selection::One(at), ..self.clone() })),
        })
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        let columns = self.frame.columns.labels();
        let columns = columns.iter().filter_map(|label| label.as_str().map(Arc::from));
        let methods = METHODS.iter().map(|method| Arc::from(method.name));
        columns.chain(methods).chain(["groups", "indices", "ngroups"].map(Arc::from)).collect()
    }

    fn item(&self, key: &Value) -> Result<Value, Raise> {
        let selection = match key {
            Value::List(list) => Selection::Many(columns_of(&self.frame, &list.0.read(Clone::clone))?),
            label => Selection::One(self.frame.expect(label)?),
        };
        Ok(Value::object(GroupBy { selection, ..self.clone() }))
    }

    fn items(&self) -> Option<Vec<Value>> {
        let group = |number: usize| {
            let rows = &self.groups.rows[number];
            let part = match &self.selection {
                Selection::One(at) => Series::value(self.frame.series(*at).take(rows)),
                Selection::Many(places) => DataFrame::value(self.frame.select(places).take(rows)),
                Selection::All => DataFrame::value(self.frame.take(rows)),
            };
            Value::tuple(vec![self.key(number), part])
        };
        Some((0..self.groups.rows.len()).map(group).collect())
    }

    fn len(&self) -> Option<usize> {
        Some(self.groups.rows.len())
    }

    fn inner(&self) -> Vec<Value> {
        vec![DataFrame::value((*self.frame).clone())]
    }
}
