//! Methods that change, choose or compare cells.

use super::shared::{call, frame, give_frame, give_series, given, is_true, labelled, labels};
use crate::lang::builtins::args::{int, text};
use crate::lang::compare;
use crate::lang::modules::re::{Expression, Reach, Template};
use crate::lang::raise::Raise;
use crate::lang::table::arrange::{self, SortKey};
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::data_frame::{columns_of, with_column};
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::Frame;
use crate::lang::table::objects::{DataFrame, Series, as_column, frame_of, is_scalar, labelled_of};
use crate::lang::value::{Args, Key, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) fn frame_astype(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [dtype, _, _] = args.take("astype", ["dtype", "copy", "errors"], 1)?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size())?;
    let dtype = dtype.unwrap_or(Value::None);
    let mut new = (*frame).clone();
    if let Value::Dict(_) = &dtype {
        for (label, dtype) in vm.pairs(&dtype)? {
            let at = frame.expect(label.get())?;
            new.data[at] = Arc::new(frame.data[at].cast(DType::named(&dtype)?)?);
        }
        return Ok(DataFrame::value(new));
    }
    let to = DType::named(&dtype)?;
    for column in &mut new.data {
        *column = Arc::new(column.cast(to)?);
    }
    Ok(DataFrame::value(new))
}

pub(super) fn series_astype(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [dtype, _, _] = args.take("astype", ["dtype", "copy", "errors"], 1)?;
    let labelled = labelled(me);
    vm.budget.allocate_items(labelled.len() as u64)?;
    let column = labelled.column.cast(DType::named(&dtype.unwrap_or(Value::None))?)?;
    Ok(Series::value(labelled.with_column(column)))
}

/// Which cells are among some values.
pub(crate) fn among(column: &Column, values: &Column) -> Result<Column, Raise> {
    let wanted = values.places()?;
    let has_missing = values.has_missing();
    let mut rows = Vec::new();
    for (row, cell) in column.cells().iter().enumerate() {
        let found =
            if is_missing(cell) { has_missing } else { wanted.contains_key(&Key::new(cell.clone())?) };
        if found {
            rows.push(row);
        }
    }
    Ok(Column::mask(column.len(), rows))
}

pub(super) fn series_isin(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let values = args.one("isin")?;
    if is_scalar(&values) {
        return Err(Raise::type_error(format!("`isin` takes a list, not `{}`", values.type_name()))
            .help("compare with a single value: `==`"));
    }
    let labelled = labelled(me);
    vm.budget.allocate_items(labelled.len() as u64)?;
    let wanted = as_column(vm, &values)?;
    Ok(Series::value(labelled.with_column(among(&labelled.column, &wanted)?)))
}

pub(super) fn frame_isin(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let values = args.one("isin")?;
    let frame = frame(me);
    vm.budget.allocate_items(frame.size())?;
    let mut data = Vec::with_capacity(frame.data.len());
    for (at, column) in frame.data.iter().enumerate() {
        let wanted = match &values {
            Value::Dict(dict) => dict.0.read(|map| map.get(&Key(frame.columns.label(at))).cloned()),
            other => Some(other.clone()),
        };
        let wanted = wanted.unwrap_or_else(|| Value::list(Vec::new()));
        let wanted = as_column(vm, &wanted)?;
        data.push(Arc::new(among(column, &wanted)?));
    }
    Ok(DataFrame::value(Frame { data, ..(*frame).clone() }))
}

pub(super) fn between(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    use crate::lang::table::elementwise::compare_cells;
    use crate::syntax::ast::CompareOp;
    let [low, high, inclusive] = args.take("between", ["left", "right", "inclusive"], 2)?;
    let (low, high) = (low.unwrap_or(Value::None), high.unwrap_or(Value::None));
    let (from, to) = match inclusive.as_ref().and_then(Value::as_str).unwrap_or("both") {
        "both" => (CompareOp::Ge, CompareOp::Le),
        "left" => (CompareOp::Ge, CompareOp::Lt),
        "right" => (CompareOp::Gt, CompareOp::Le),
        _ => (CompareOp::Gt, CompareOp::Lt),
    };
    let labelled = labelled(me);
    let inside = |cell: &Value| Ok(compare_cells(from, cell, &low)? && compare_cells(to, cell, &high)?);
    let flags: Result<Vec<bool>, Raise> = labelled.column.cells().iter().map(inside).collect();
    Ok(Series::value(labelled.with_column(arrange::truths(flags?))))
}

/// What `replace` puts in place of what.
enum Replacement {
    Values(Vec<(Value, Value)>),
    Patterns(Vec<(Expression, Template)>),
}

impl Replacement {
    fn of(vm: &mut Vm, what: &Value, by: Option<&Value>, regex: bool) -> Result<Replacement, Raise> {
        let pairs: Vec<(Value, Value)> = match (what, by) {
            (Value::Dict(_), _) => {
                vm.pairs(what)?.into_iter().map(|(key, value)| (key.value(), value)).collect()
            }
            (Value::List(_), Some(by @ Value::List(_))) => {
                vm.collect(what)?.into_iter().zip(vm.collect(by)?).collect()
            }
            (Value::List(_), by) => {
                let by = by.cloned().unwrap_or(MISSING);
                vm.collect(what)?.into_iter().map(|old| (old, by.clone())).collect()
            }
            (one, by) => vec![(one.clone(), by.cloned().unwrap_or(MISSING))],
        };
        if !regex {
            return Ok(Replacement::Values(pairs));
        }
        let patterns = pairs.into_iter().map(|(old, new)| {
            let pattern = Expression::new(vm, &text(&old, "replace")?, 0)?;
            let by = pattern.template(&text(&new, "replace")?)?;
            Ok((pattern, by))
        });
        patterns.collect::<Result<_, Raise>>().map(Replacement::Patterns)
    }

    fn apply(&self, vm: &mut Vm, column: &Column) -> Result<Column, Raise> {
        vm.budget.allocate_items(column.len() as u64)?;
        let cells = column.cells().iter();
        let mut changed = false;
        let cells: Vec<Value> = match self {
            Replacement::Values(pairs) => cells
                .map(|cell| {
                    let same = |old: &Value| {
                        cell.is_same(old)
                            || (is_missing(cell) && is_missing(old))
                            || (!is_missing(cell) && compare::equal(cell, old).unwrap_or(false))
                    };
                    match pairs.iter().find(|(old, _)| same(old)) {
                        Some((_, new)) => {
                            changed = true;
                            new.clone()
                        }
                        None => cell.clone(),
                    }
                })
                .collect(),
            Replacement::Patterns(patterns) => {
                let mut new = Vec::with_capacity(column.len());
                for cell in cells {
                    new.push(match cell {
                        Value::Str(text) => {
                            changed = true;
                            let mut text = text.to_string();
                            for (pattern, by) in patterns {
                                text = pattern.replaced(vm, &text, by, 0)?;
                            }
                            Value::from(text)
                        }
                        other => other.clone(),
                    });
                }
                new
            }
        };
        // `None` in place of something is meant as it is.
        let keeps_none = changed && cells.iter().any(|cell| matches!(cell, Value::None));
        Ok(match (changed, keeps_none) {
            (false, _) => Column::new(column.dtype(), cells),
            (true, true) => Column::new(DType::Object, cells),
            (true, false) => Column::infer(cells),
        })
    }
}

const REPLACE: [&str; 4] = ["to_replace", "value", "*inplace", "*regex"];

pub(super) fn frame_replace(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [what, by, in_place, regex] = args.take("replace", REPLACE, 1)?;
    let what = what.unwrap_or(Value::None);
    let regex = is_true(regex.as_ref(), false);
    let frame = frame(me);
    let mut new = (*frame).clone();
    let nested = match &what {
        Value::Dict(dict) => {
            dict.0.read(|map| !map.is_empty() && map.values().all(|v| matches!(v, Value::Dict(_))))
        }
        _ => false,
    };
    if nested {
        for (label, inner) in vm.pairs(&what)? {
            let replacement = Replacement::of(vm, &inner, None, regex)?;
            let at = frame.expect(label.get())?;
            new.data[at] = Arc::new(replacement.apply(vm, &frame.data[at])?);
        }
    } else {
        let replacement = Replacement::of(vm, &what, by.as_ref(), regex)?;
        for column in &mut new.data {
            *column = Arc::new(replacement.apply(vm, column)?);
        }
    }
    give_frame(me, new, in_place.as_ref())
}

pub(super) fn series_replace(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [what, by, in_place, regex] = args.take("replace", REPLACE, 1)?;
    let labelled = labelled(me);
    let what = what.unwrap_or(Value::None);
    let replacement = Replacement::of(vm, &what, by.as_ref(), is_true(regex.as_ref(), false))?;
    let column = replacement.apply(vm, &labelled.column)?;
    give_series(me, labelled.with_column(column), in_place.as_ref())
}

pub(super) fn assign(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let mut frame = (*frame(me)).clone();
    for (name, value) in args.named {
        let value = match value.is_callable() {
            true => call(vm, &value, DataFrame::value(frame.clone()))?,
            false => value,
        };
        frame = with_column(vm, &frame, Value::Str(name), &value)?;
    }
    Ok(DataFrame::value(frame))
}

/// `where(condition, other)` keeps cells where the condition holds, `mask` where it does not.
pub(super) fn series_where(vm: &mut Vm, me: &Value, args: Args, keep: bool) -> Result<Value, Raise> {
    let [condition, other] = args.take("where", ["cond", "other"], 1)?;
    let labelled = labelled(me);
    let mut condition = condition.unwrap_or(Value::None);
    if condition.is_callable() {
        condition = call(vm, &condition, me.clone())?;
    }
    let mask = as_column(vm, &condition)?;
    if mask.len() != labelled.len() {
        return Err(Raise::value_error("the condition does not fit the column"));
    }
    let other = other.unwrap_or(MISSING);
    let others = if is_scalar(&other) { None } else { Some(as_column(vm, &other)?) };
    let other_at = |row: usize| match &others {
        Some(others) => others.cells().get(row).cloned().unwrap_or(MISSING),
        None => other.clone(),
    };
    vm.budget.allocate_items(labelled.len() as u64)?;
    let cell = |row| if mask.is_true(row) == keep { labelled.column.get(row) } else { other_at(row) };
    Ok(Series::value(labelled.with_column(Column::infer((0..labelled.len()).map(cell).collect()))))
}

/// `filter(items=..., like=..., regex=...)`: some columns by their names.
pub(super) fn frame_filter(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [items, like, regex, _] = args.take("filter", ["items", "like", "regex", "axis"], 0)?;
    let frame = frame(me);
    let names = frame.columns.labels();
    let places: Vec<usize> = match (given(items), given(like), given(regex)) {
        (Some(items), _, _) => {
            let items = labels(vm, &items)?;
            items.iter().filter_map(|label| frame.position(label)).collect()
        }
        (_, Some(like), _) => {
            let like = text(&like, "filter")?;
            (0..names.len()).filter(|at| names[*at].display().contains(&*like)).collect()
        }
        (_, _, Some(regex)) => {
            let pattern = Expression::new(vm, &text(&regex, "filter")?, 0)?;
            let mut places = Vec::new();
            for (at, name) in names.iter().enumerate() {
                if pattern.fits(vm, &name.display(), Reach::Anywhere)? {
                    places.push(at);
                }
            }
            places
        }
        _ => return Err(Raise::type_error("`filter` needs `items`, `like` or `regex`")),
    };
    Ok(DataFrame::value(frame.select(&places)))
}

pub(super) fn equals(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let other = args.one("equals")?;
    let same_cells = |a: &Column, b: &Column| {
        let pairs = a.cells().iter().zip(b.cells());
        a.dtype() == b.dtype()
            && a.len() == b.len()
            && pairs.into_iter().all(|(x, y)| x.is_same(y) || compare::equal(x, y).unwrap_or(false))
    };
    if let (Some(a), Some(b)) = (labelled_of(me), labelled_of(&other)) {
        return Ok(Value::Bool(a.index.same_labels(&b.index)? && same_cells(&a.column, &b.column)));
    }
    let (Some(a), Some(b)) = (frame_of(me), frame_of(&other)) else { return Ok(Value::Bool(false)) };
    let labels = a.index.same_labels(&b.index)? && a.columns.same_labels(&b.columns)?;
    Ok(Value::Bool(labels && a.data.iter().zip(&b.data).all(|(x, y)| same_cells(x, y))))
}

/// The first rows in the order of some columns: `nlargest`, `nsmallest`.
pub(super) fn extremes(vm: &mut Vm, me: &Value, args: Args, largest: bool) -> Result<Value, Raise> {
    if let Some(labelled) = labelled_of(me) {
        let [n, _] = args.take("nlargest", ["n", "keep"], 0)?;
        let n = n.map_or(Ok(5), |n| int(&n, "nlargest"))?;
        let key = SortKey { column: &labelled.column, ascending: !largest };
        let mut order = arrange::order(vm, &[key], false)?;
        order.retain(|row| !is_missing(&labelled.column.cells()[*row]));
        order.truncate(usize::try_from(n).unwrap_or(0));
        return Ok(Series::value(labelled.take(&order)));
    }
    let [n, by, _] = args.take("nlargest", ["n", "columns", "keep"], 2)?;
    let frame = frame(me);
    let n = int(&n.unwrap_or(Value::None), "nlargest")?;
    let by = labels(vm, &by.unwrap_or(Value::None))?;
    let places = columns_of(&frame, &by)?;
    let keys: Vec<SortKey> =
        places.iter().map(|at| SortKey { column: &frame.data[*at], ascending: !largest }).collect();
    let mut order = arrange::order(vm, &keys, false)?;
    order.truncate(usize::try_from(n).unwrap_or(0));
    Ok(DataFrame::value(frame.take(&order)))
}
