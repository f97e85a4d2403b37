//! `Index` as a value: the labels of rows or columns, and its methods.

use crate::lang::builtins::args::int;
use crate::lang::compare;
use crate::lang::index::Slice;
use crate::lang::methods;
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::arrange::{self, Keep, SortKey};
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::dtype::{DType, DTypeValue};
use crate::lang::table::elementwise::{self, Side};
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::index::Index;
use crate::lang::table::methods::shared::{keep_of, mapped, rows_where_in};
use crate::lang::table::objects::{
    Array, HeldIndex, Labels, Owner, Series, as_column, column_of, is_scalar, mask_of,
};
use crate::lang::table::pick::{self, Pick};
use crate::lang::table::series::contains_label;
use crate::lang::table::text::Texts;
use crate::lang::table::{INDEX, refused, render};
use crate::lang::value::{Args, HostType, Method, Object, Type, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::{BinaryOp, CompareOp, UnaryOp};
use std::sync::Arc;

/// Sorted by name.
pub(crate) static METHODS: &[Method] = &[
    Method { name: "all", call: |_, me, args| quantified(me, args, false) },
    Method { name: "any", call: |_, me, args| quantified(me, args, true) },
    Method { name: "append", call: append },
    Method { name: "astype", call: astype },
    Method { name: "copy", call: |_, me, _| Ok(Labels::value(index_of(me))) },
    Method { name: "difference", call: |vm, me, args| set_operation(vm, me, args, "difference") },
    Method { name: "drop", call: drop_labels },
    Method { name: "drop_duplicates", call: drop_duplicates },
    Method { name: "droplevel", call: droplevel },
    Method { name: "dropna", call: dropna },
    Method { name: "duplicated", call: duplicated },
    Method { name: "equals", call: equals },
    Method { name: "get_level_values", call: get_level_values },
    Method { name: "get_loc", call: get_loc },
    Method { name: "intersection", call: |vm, me, args| set_operation(vm, me, args, "intersection") },
    Method { name: "isin", call: isin },
    Method { name: "isna", call: |_, me, args| missing(me, args, true) },
    Method { name: "isnull", call: |_, me, args| missing(me, args, true) },
    Method { name: "map", call: map },
    Method { name: "max", call: |vm, me, args| extreme(vm, me, args, true) },
    Method { name: "min", call: |vm, me, args| extreme(vm, me, args, false) },
    Method { name: "notna", call: |_, me, args| missing(me, args, false) },
    Method { name: "notnull", call: |_, me, args| missing(me, args, false) },
    Method { name: "nunique", call: nunique },
    Method { name: "rename", call: set_names },
    Method { name: "set_levels", call: set_levels },
    Method { name: "set_names", call: set_names },
    Method { name: "sort_values", call: sort_values },
    Method { name: "to_flat_index", call: |_, me, _| Ok(Labels::value(flat(&index_of(me)))) },
    Method { name: "to_frame", call: to_frame },
    Method { name: "to_list", call: tolist },
    Method { name: "to_numpy", call: |_, me, _| Ok(Value::object(array(&index_of(me)))) },
    Method { name: "to_series", call: to_series },
    Method { name: "tolist", call: tolist },
    Method { name: "union", call: |vm, me, args| set_operation(vm, me, args, "union") },
    Method { name: "unique", call: unique },
    Method { name: "value_counts", call: value_counts },
];

const PROPERTIES: &[&str] = &[
    "dtype",
    "empty",
    "has_duplicates",
    "is_unique",
    "levels",
    "name",
    "names",
    "ndim",
    "nlevels",
    "shape",
    "size",
    "str",
    "values",
];

fn index_of(me: &Value) -> Arc<Index> {
    me.downcast::<Labels>().map_or_else(|| Index::count(0), Labels::get)
}

fn array(index: &Index) -> Array {
    Array { column: index.to_column(), width: None }
}

/// Tuples as labels of one level.
fn flat(index: &Index) -> Arc<Index> {
    Index::single(index.to_column(), Value::None)
}

/// The only level, for what has a meaning only there.
fn single(index: &Index, method: &str) -> Result<Arc<Column>, Raise> {
    match index.levels() {
        [only] => Ok(only.clone()),
        _ => Err(Raise::unsupported(
            format!("`{method}` of an index with several levels is not supported"),
            "take one level: `.get_level_values(\"name\")`",
        )),
    }
}

fn quantified(me: &Value, args: Args, any: bool) -> Result<Value, Raise> {
    args.none(if any { "any" } else { "all" })?;
    let column = index_of(me).to_column();
    let mut cells = column.cells().iter();
    Ok(Value::Bool(if any { cells.any(Value::truth) } else { cells.all(Value::truth) }))
}

fn append(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let other = args.one("append")?;
    let mut all = vec![index_of(me)];
    match (other.downcast::<Labels>(), &other) {
        (Some(labels), _) => all.push(labels.get()),
        (None, Value::List(_)) => {
            let parts = vm.collect(&other)?;
            all.extend(parts.iter().map(index_of));
        }
        _ => return Err(Raise::type_error("`append` takes an index")),
    }
    Ok(Labels::value(Index::concat(&all)))
}

fn astype(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [dtype] = args.take("astype", ["dtype"], 1)?;
    let index = index_of(me);
    let column = single(&index, "astype")?.cast(DType::named(&dtype.unwrap_or(Value::None))?)?;
    Ok(Labels::value(Index::single(Arc::new(column), index.name())))
}

fn set_operation(vm: &mut Vm, me: &Value, args: Args, name: &str) -> Result<Value, Raise> {
    let [other, sort] = args.take(name, ["other", "sort"], 1)?;
    let index = index_of(me);
    let other = match other.as_ref().and_then(|other| other.downcast::<Labels>()) {
        Some(labels) => labels.get(),
        None => Index::from_labels(as_column(vm, &other.unwrap_or(Value::None))?.cells().to_vec(), None),
    };
    let sort = sort.is_none_or(|sort| sort.truth() || matches!(sort, Value::None));
    if name == "union" {
        return arrange::union(vm, &index, &other, sort).map(Labels::value);
    }
    let places = other.places()?;
    let mut rows = Vec::new();
    for (key, found) in index.places()? {
        if places.contains_key(key) == (name == "intersection") {
            rows.extend(found.as_slice().first());
        }
    }
    let kept = index.take(&rows);
    let order =
        if sort && name == "difference" { arrange::order_of_labels(vm, &kept, &[true]).ok() } else { None };
    Ok(Labels::value(order.map_or_else(|| kept.clone(), |order| kept.take(&order))))
}

fn drop_labels(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [labels] = args.take("drop", ["labels"], 1)?;
    let index = index_of(me);
    let labels = labels.unwrap_or(Value::None);
    let labels = if is_scalar(&labels) { vec![labels] } else { as_column(vm, &labels)?.cells().to_vec() };
    let mut gone = vec![false; index.len()];
    for label in &labels {
        let found = index.find(label)?;
        if found.rows().is_empty() {
            return Err(pick::no_label(&index, label, "label"));
        }
        found.rows().iter().for_each(|row| gone[*row] = true);
    }
    Ok(Labels::value(index.take(&(0..index.len()).filter(|row| !gone[*row]).collect::<Vec<_>>())))
}

fn repeats(vm: &mut Vm, index: &Index, keep: Keep) -> Result<Vec<bool>, Raise> {
    let columns: Vec<&Column> = index.levels().iter().map(|level| &**level).collect();
    arrange::repeated(vm, &columns, index.len(), keep)
}

fn duplicated(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [keep] = args.take("duplicated", ["keep"], 0)?;
    let repeated = repeats(vm, &index_of(me), keep_of(keep.as_ref())?)?;
    Ok(Array::value(arrange::truths(repeated)))
}

fn drop_duplicates(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [keep] = args.take("drop_duplicates", ["*keep"], 0)?;
    let index = index_of(me);
    let repeated = repeats(vm, &index, keep_of(keep.as_ref())?)?;
    Ok(Labels::value(index.take(&rows_where_in(&repeated, false))))
}

fn unique(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [level] = args.take("unique", ["level"], 0)?;
    let index = match level {
        None | Some(Value::None) => index_of(me),
        Some(level) => level_of(&index_of(me), &level)?,
    };
    let repeated = repeats(vm, &index, Keep::First)?;
    Ok(Labels::value(index.take(&rows_where_in(&repeated, false))))
}

fn nunique(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("nunique")?;
    let index = index_of(me);
    let missing = index.places()?.keys().filter(|key| is_missing(key.get())).count();
    Ok(Value::Int((index.places()?.len() - missing) as i64))
}

fn droplevel(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [level] = args.take("droplevel", ["level"], 1)?;
    let index = index_of(me);
    let level = level.unwrap_or(Value::None);
    let wanted = if is_scalar(&level) { vec![level] } else { vm.collect(&level)? };
    let gone = wanted.iter().map(|level| index.level_number(level)).collect::<Result<Vec<_>, _>>()?;
    Ok(Labels::value(index.without_levels(&gone)))
}

fn dropna(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("dropna")?;
    let index = index_of(me);
    let full = |row: &usize| !index.levels().iter().any(|level| is_missing(&level.cells()[*row]));
    Ok(Labels::value(index.take(&(0..index.len()).filter(full).collect::<Vec<_>>())))
}

fn equals(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let other = args.one("equals")?;
    let same = match other.downcast::<Labels>() {
        Some(labels) => index_of(me).same_labels(&labels.get())?,
        None => false,
    };
    Ok(Value::Bool(same))
}

/// One level as an index.
fn level_of(index: &Index, level: &Value) -> Result<Arc<Index>, Raise> {
    let number = index.level_number(level)?;
    Ok(Index::single(index.levels()[number].clone(), index.names()[number].clone()))
}

fn get_level_values(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [level] = args.take("get_level_values", ["level"], 1)?;
    level_of(&index_of(me), &level.unwrap_or(Value::None)).map(Labels::value)
}

fn get_loc(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let index = index_of(me);
    match pick::by_label(vm, &index, &args.one("get_loc")?, "label")? {
        Pick::One(row) => Ok(Value::Int(row as i64)),
        pick => {
            let mask = Column::mask(index.len(), pick.rows(index.len()));
            Ok(Array::value(mask))
        }
    }
}

fn isin(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [values, level] = args.take("isin", ["values", "level"], 1)?;
    let index = match level {
        None | Some(Value::None) => index_of(me),
        Some(level) => level_of(&index_of(me), &level)?,
    };
    let wanted = as_column(vm, &values.unwrap_or(Value::None))?;
    let mut rows = Vec::new();
    for value in wanted.places()?.keys() {
        rows.extend(index.find(value.get())?.rows());
    }
    rows.sort_unstable();
    Ok(Array::value(Column::mask(index.len(), rows)))
}

fn missing(me: &Value, args: Args, wanted: bool) -> Result<Value, Raise> {
    args.none("isna")?;
    let column = index_of(me).to_column();
    Ok(Array::value(arrange::truths(column.cells().iter().map(|cell| is_missing(cell) == wanted))))
}

fn map(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [mapper] = args.take("map", ["mapper"], 1)?;
    let index = index_of(me);
    let column = mapped(vm, &index.to_column(), &mapper.unwrap_or(Value::None))?;
    let names = vec![index.name()];
    Ok(Labels::value(Index::from_labels(column.cells().to_vec(), Some(names))))
}

fn extreme(_: &mut Vm, me: &Value, args: Args, max: bool) -> Result<Value, Raise> {
    args.none("max")?;
    let mut best: Option<Value> = None;
    for label in index_of(me).labels().into_iter().filter(|label| !is_missing(label)) {
        let better = match &best {
            None => true,
            Some(best) => {
                let order = compare::order_of(&label, best)
                    .ok_or_else(|| Raise::type_error("the labels have no common order"))?;
                if max { order.is_gt() } else { order.is_lt() }
            }
        };
        if better {
            best = Some(label);
        }
    }
    Ok(best.unwrap_or(MISSING))
}

fn set_names(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [names, level] = args.take("set_names", ["names", "*level"], 1)?;
    let index = index_of(me);
    let names = names.unwrap_or(Value::None);
    let mut given = if is_scalar(&names) { vec![names] } else { vm.collect(&names)? };
    if let Some(level) = level.filter(|level| !matches!(level, Value::None)) {
        let mut all = index.names().to_vec();
        let number = index.level_number(&level)?;
        all[number] = given.pop().unwrap_or(Value::None);
        given = all;
    }
    renamed(&index, given).map(Labels::value)
}

fn renamed(index: &Index, names: Vec<Value>) -> Result<Arc<Index>, Raise> {
    if names.len() != index.levels().len() {
        let message = format!("{} names do not fit an index of {} levels", names.len(), index.levels().len());
        return Err(Raise::value_error(message));
    }
    Ok(index.with_names(names))
}

/// Gives levels other values: `index.set_levels([level.astype(str) for level in index.levels])`.
fn set_levels(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [new, level, _] = args.take("set_levels", ["levels", "level", "verify_integrity"], 1)?;
    let index = index_of(me);
    let new = new.unwrap_or(Value::None);
    let (numbers, new) = match level.filter(|level| !matches!(level, Value::None)) {
        Some(level) if is_scalar(&level) => (vec![index.level_number(&level)?], vec![new]),
        Some(levels) => {
            let wanted = vm.collect(&levels)?;
            let numbers = wanted.iter().map(|level| index.level_number(level)).collect::<Result<_, _>>()?;
            (numbers, vm.collect(&new)?)
        }
        None => ((0..index.levels().len()).collect(), vm.collect(&new)?),
    };
    if numbers.len() != new.len() {
        return Err(Raise::value_error(format!("{} levels were given for {}", new.len(), numbers.len())));
    }
    vm.budget.spend(index.len() as u64)?;
    let old: Vec<Column> =
        index.levels().iter().map(|level| arrange::sorted_unique(level)).collect::<Result<_, _>>()?;
    let mut columns = index.levels().to_vec();
    for (number, values) in numbers.into_iter().zip(new) {
        let values = as_column(vm, &values)?;
        if values.len() < old[number].len() {
            let message = format!("{} values do not fit a level of {}", values.len(), old[number].len());
            return Err(Raise::value_error(message));
        }
        let mut cells = Vec::with_capacity(index.len());
        for cell in columns[number].cells() {
            let at = old[number].find(cell)?.rows().first().copied();
            cells.push(at.map_or(MISSING, |at| values.get(at)));
        }
        columns[number] = Arc::new(Column::infer(cells));
    }
    Ok(Labels::value(Index::new(columns, index.names().to_vec())))
}

fn sort_values(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [ascending] = args.take("sort_values", ["*ascending"], 0)?;
    let index = index_of(me);
    let ascending = ascending.is_none_or(|value| value.truth());
    let keys: Vec<SortKey> = index.levels().iter().map(|column| SortKey { column, ascending }).collect();
    let order = arrange::order(vm, &keys, false)?;
    Ok(Labels::value(index.take(&order)))
}

fn to_frame(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [keep, _name] = args.take("to_frame", ["index", "name"], 0)?;
    let index = index_of(me);
    let name = |(at, name): (usize, &Value)| match name {
        Value::None => Value::Int(at as i64),
        name => name.clone(),
    };
    let columns = Index::from_labels(index.names().iter().enumerate().map(name).collect(), None);
    let rows = if keep.is_none_or(|keep| keep.truth()) { index.clone() } else { Index::count(index.len()) };
    Ok(crate::lang::table::objects::DataFrame::value(Frame::new(rows, columns, index.levels().to_vec())))
}

fn to_series(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("to_series")?;
    let index = index_of(me);
    let (name, column) = (index.name(), index.to_column());
    Ok(Series::value(Labelled { index, name, column }))
}

fn tolist(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("tolist")?;
    let index = index_of(me);
    vm.budget.allocate_items((index.len() * index.levels().len()) as u64)?;
    Ok(Value::list(index.labels()))
}

fn value_counts(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("value_counts")?;
    let index = index_of(me);
    crate::lang::table::methods::order::counts(vm, &index.to_column(), index.name(), true, true)
        .map(Series::value)
}

impl Labels {
    fn property(&self, name: &str) -> Result<Option<Value>, Raise> {
        let index = self.get();
        Ok(Some(match name {
            "name" => index.name(),
            "names" => Value::list(index.names().to_vec()),
            "nlevels" => Value::Int(index.levels().len() as i64),
            "levels" => {
                let columns = index.levels().iter().zip(index.names());
                let level = |(column, name): (&Arc<Column>, &Value)| {
                    let values = arrange::sorted_unique(column)?;
                    Ok(Labels::value(Index::single(Arc::new(values), name.clone())))
                };
                Value::list(columns.map(level).collect::<Result<_, Raise>>()?)
            }
            "values" => Value::object(array(&index)),
            "dtype" => Value::object(DTypeValue(index.dtype())),
            "shape" => Value::tuple(vec![Value::Int(index.len() as i64)]),
            "size" => Value::Int(index.len() as i64),
            "ndim" => Value::Int(1),
            "empty" => Value::Bool(index.len() == 0),
            "is_unique" => Value::Bool(index.is_unique()?),
            "has_duplicates" => Value::Bool(!index.is_unique()?),
            "str" => Value::object(Texts::of_index(&index)?),
            _ => return Ok(None),
        }))
    }

    /// Puts other names on the labels, and on those of the table they come from.
    fn rename(&self, names: Vec<Value>) -> Result<(), Raise> {
        let index = renamed(&self.get(), names)?;
        let old = self.index.write(|held| std::mem::replace(held, HeldIndex(index.clone())))?;
        drop(old);
        match &self.owner {
            Owner::Nobody => Ok(()),
            Owner::Rows(table) => table.replace(table.get().with_index(index)),
            Owner::Columns(table) => table.replace(Frame { columns: index, ..(*table.get()).clone() }),
            Owner::Series(series) => series.replace(Labelled { index, ..(*series.get()).clone() }),
        }
    }
}

impl Object for Labels {
    fn type_name(&self) -> &'static str {
        "Index"
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&INDEX)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        match self.property(name)? {
            Some(value) => Ok(Some(value)),
            None if methods::find(Type::Host(&INDEX), name).is_some() => Ok(None),
            None => refused::check("Index", name),
        }
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        let methods = METHODS.iter().map(|method| method.name);
        PROPERTIES.iter().copied().chain(methods).map(Arc::from).collect()
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        let index = self.get();
        let pick = match (key.downcast::<Slice>(), mask_of(key)) {
            (None, Some(mask)) if mask.len() == index.len() => Pick::many(mask.true_rows()),
            _ => pick::by_place(vm, index.len(), key)?,
        };
        match pick {
            Pick::One(row) => Ok(index.label(row)),
            Pick::All => Ok(Labels::value(index)),
            Pick::Many { rows, .. } => {
                vm.budget.allocate_items(rows.len() as u64)?;
                Ok(Labels::value(index.take(&rows)))
            }
        }
    }

    fn set(&self, _: &mut Vm, _: &Value, _: Value) -> Result<(), Raise> {
        Err(Raise::type_error("an index cannot be changed").help("set all labels: `df.index = [...]`"))
    }

    fn set_attribute(&self, vm: &mut Vm, name: &str, value: Value) -> Result<(), Raise> {
        match name {
            "name" => self.rename(vec![value]),
            "names" => {
                let names = vm.collect(&value)?;
                self.rename(names)
            }
            name => {
                Err(Raise::new(Exc::AttributeError, format!("attribute `{name}` of an index cannot be set")))
            }
        }
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.get().labels())
    }

    fn len(&self) -> Option<usize> {
        Some(self.get().len())
    }

    fn contains(&self, _: &mut Vm, item: &Value) -> Option<Result<bool, Raise>> {
        Some(contains_label(&self.get(), item))
    }

    fn condition(&self) -> Result<bool, Raise> {
        Err(Raise::value_error("the truth value of an index is ambiguous").help("write `len(index) > 0`"))
    }

    fn repr(&self) -> String {
        render::index(&self.get())
    }

    fn binary(
        &self,
        vm: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        let index = self.get();
        let column =
            operated(vm, &index.to_column(), other, reflected, |vm, a, b| elementwise::binary(vm, op, a, b))?;
        Some(column.map(|column| Labels::value(Index::single(Arc::new(column), index.name()))))
    }

    fn compare(
        &self,
        vm: &mut Vm,
        op: CompareOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        let column = self.get().to_column();
        let result = operated(vm, &column, other, reflected, |vm, a, b| elementwise::compare(vm, op, a, b))?;
        Some(result.map(Array::value))
    }

    fn unary(&self, vm: &mut Vm, op: UnaryOp) -> Option<Result<Value, Raise>> {
        let column = elementwise::unary(vm, op, &self.get().to_column());
        Some(column.map(|column| Labels::value(Index::single(Arc::new(column), self.get().name()))))
    }

    fn freeze(&self) {
        self.index.freeze();
    }

    fn inner(&self) -> Vec<Value> {
        match &self.owner {
            Owner::Nobody => Vec::new(),
            Owner::Rows(table) | Owner::Columns(table) => vec![Value::object(table.clone())],
            Owner::Series(series) => vec![Value::object(series.clone())],
        }
    }

    fn release(&mut self) -> Vec<Value> {
        let held = Arc::get_mut(&mut self.index).map(|shared| shared.take());
        let index = held.and_then(|held| Arc::into_inner(held.0));
        index.map(|mut index| index.release()).unwrap_or_default()
    }
}

/// Applies an operator to a column without labels and what stands on its other side.
pub(crate) fn operated(
    vm: &mut Vm,
    column: &Column,
    other: &Value,
    reflected: bool,
    apply: impl FnOnce(&mut Vm, Side, Side) -> Result<Column, Raise>,
) -> Option<Result<Column, Raise>> {
    // A series knows what to do with an index or an array.
    if other.downcast::<Series>().is_some() {
        return None;
    }
    let others = match column_of(other) {
        Some(column) => Some(column),
        None if matches!(other, Value::List(_)) => Some(Arc::new(Column::infer(other.snapshot()?))),
        None if is_scalar(other) || matches!(other, Value::Tuple(_)) => None,
        None => return None,
    };
    let theirs = others.as_deref().map_or(Side::Scalar(other), Side::Column);
    let mine = Side::Column(column);
    Some(if reflected { apply(vm, theirs, mine) } else { apply(vm, mine, theirs) })
}

/// The number of an argument that chooses an axis: 0 for rows, 1 for columns.
pub(crate) fn axis_of(value: Option<&Value>) -> Result<usize, Raise> {
    match value {
        None | Some(Value::None) => Ok(0),
        Some(Value::Str(name)) if matches!(&**name, "index" | "rows") => Ok(0),
        Some(Value::Str(name)) if &**name == "columns" => Ok(1),
        Some(value) => match int(value, "axis")? {
            0 => Ok(0),
            1 => Ok(1),
            other => Err(Raise::value_error(format!("a table has the axes 0 and 1, not {other}"))),
        },
    }
}
