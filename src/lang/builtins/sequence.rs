//! Built-in functions on iterables: `sorted`, `zip`, `map`, `sum`, `min`…

use super::args::{int, wrong};
use super::basic::call_one;
use crate::lang::compare;
use crate::lang::index::Slice;
use crate::lang::iter::Walk;
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Rest, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;

pub(super) static TABLE: &[Builtin] = &[
    Builtin { name: "all", call: |vm, args| quantify(vm, args, "all", false) },
    Builtin { name: "any", call: |vm, args| quantify(vm, args, "any", true) },
    Builtin { name: "enumerate", call: enumerate },
    Builtin { name: "filter", call: filter },
    Builtin { name: "iter", call: iter },
    Builtin { name: "map", call: map },
    Builtin { name: "max", call: |vm, args| extreme(vm, args, "max") },
    Builtin { name: "min", call: |vm, args| extreme(vm, args, "min") },
    Builtin { name: "next", call: next },
    Builtin { name: "reversed", call: reversed },
    Builtin { name: "slice", call: slice },
    Builtin { name: "sorted", call: sorted },
    Builtin { name: "sum", call: sum },
    Builtin { name: "zip", call: zip },
];

fn slice(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut ends = args.all_positional("slice")?.into_iter();
    Ok(Value::object(Slice(match (ends.next(), ends.next(), ends.next(), ends.next()) {
        (Some(stop), None, ..) => [Value::None, stop, Value::None],
        (Some(start), Some(stop), step, None) => [start, stop, step.unwrap_or(Value::None)],
        _ => return Err(Raise::type_error("`slice` takes 1 to 3 arguments")),
    })))
}

/// `any` stops at a true value, `all` at a false one.
fn quantify(vm: &mut Vm, args: Args, name: &str, stop: bool) -> Result<Value, Raise> {
    let mut walk = Walk::over(&args.one(name)?)?;
    while let Some(item) = walk.next()? {
        vm.budget.spend(1)?;
        if item.truth() == stop {
            return Ok(Value::Bool(stop));
        }
    }
    Ok(Value::Bool(!stop))
}

fn enumerate(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, start] = args.take("enumerate", ["iterable", "start"], 1)?;
    let start = int(&start.unwrap_or(Value::Int(0)), "enumerate")?;
    let items = vm.collect(&source.unwrap_or(Value::None))?;
    vm.budget.allocate_items(4 * items.len() as u64)?;
    let pair =
        |(i, item): (usize, Value)| Value::tuple(vec![Value::Int(start.saturating_add(i as i64)), item]);
    Ok(Value::iterator("enumerate", items.into_iter().enumerate().map(pair).collect()))
}

fn filter(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [function, source] = args.take("filter", ["/function", "/iterable"], 2)?;
    let function = function.unwrap_or(Value::None);
    let mut kept = Vec::new();
    for item in vm.collect(&source.unwrap_or(Value::None))? {
        vm.budget.spend(1)?;
        let keep = match &function {
            Value::None => item.truth(),
            function => call_one(vm, function, item.clone())?.truth(),
        };
        if keep {
            kept.push(item);
        }
    }
    Ok(Value::iterator("filter", kept))
}

type EachRow<'r> = dyn FnMut(&mut Vm, Vec<Value>) -> Result<(), Raise> + 'r;

/// The walks of several iterables side by side; stops at the shortest.
fn side_by_side(vm: &mut Vm, sources: &[Value], strict: bool, each: &mut EachRow<'_>) -> Result<(), Raise> {
    let mut walks = sources.iter().map(Walk::over).collect::<Result<Vec<Walk>, Raise>>()?;
    if walks.is_empty() {
        return Ok(());
    }
    loop {
        vm.budget.spend(1)?;
        vm.budget.allocate_items(2 + walks.len() as u64)?;
        let mut row = Vec::with_capacity(walks.len());
        for walk in &mut walks {
            match walk.next()? {
                Some(item) => row.push(item),
                None => break,
            }
        }
        if row.len() < walks.len() {
            let uneven = strict && (!row.is_empty() || walks.iter_mut().skip(1).any(|w| w.len_hint() > 0));
            return match uneven {
                true => Err(Raise::value_error("`zip` arguments have different lengths")),
                false => Ok(()),
            };
        }
        each(vm, row)?;
    }
}

fn zip(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [strict] = Args { positional: Vec::new(), named: args.named }.take("zip", ["*strict"], 0)?;
    let mut rows = Vec::new();
    let strict = strict.is_some_and(|v| v.truth());
    side_by_side(vm, &args.positional, strict, &mut |_, row| {
        rows.push(Value::tuple(row));
        Ok(())
    })?;
    Ok(Value::iterator("zip", rows))
}

fn map(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut values = args.all_positional("map")?;
    if values.len() < 2 {
        return Err(Raise::type_error("`map` needs a function and at least one iterable"));
    }
    let function = values.remove(0);
    let mut results = Vec::new();
    side_by_side(vm, &values, false, &mut |vm, row| {
        results.push(vm.call_value(&function, Args::positional(row), None)?);
        Ok(())
    })?;
    Ok(Value::iterator("map", results))
}

fn extreme(vm: &mut Vm, args: Args, name: &str) -> Result<Value, Raise> {
    let [key, default] =
        Args { positional: Vec::new(), named: args.named }.take(name, ["*key", "*default"], 0)?;
    let items = match args.positional.as_slice() {
        [] => return Err(Raise::type_error(format!("`{name}` needs at least one argument"))),
        [one] => vm.collect(one)?,
        many if default.is_some() => {
            let message =
                format!("`{name}` takes a default only with one iterable, {} were given", many.len());
            return Err(Raise::type_error(message));
        }
        many => many.to_vec(),
    };
    let mut best: Option<(Value, Value)> = None;
    for item in items {
        vm.budget.spend(1)?;
        let rank = match &key {
            None | Some(Value::None) => item.clone(),
            Some(key) => call_one(vm, key, item.clone())?,
        };
        let better = match &best {
            None => true,
            Some((_, old)) if name == "min" => compare::is_less(vm, &rank, old)?,
            Some((_, old)) => compare::is_less(vm, old, &rank)?,
        };
        if better {
            best = Some((item, rank));
        }
    }
    match (best, default) {
        (Some((item, _)), _) => Ok(item),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(Raise::value_error(format!("`{name}` of nothing"))
            .help(format!("give a default: `{name}(x, default=0)`"))),
    }
}

fn iter(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let source = args.one("iter")?;
    if matches!(source, Value::Iter(_)) || matches!(&source, Value::Object(o) if o.is_iterator()) {
        return Ok(source);
    }
    let items = match (source.snapshot(), &source) {
        (Some(items), _) => items,
        (None, Value::Str(text)) => text.chars().map(|c| Value::from(c.to_string())).collect(),
        (None, Value::Object(object)) if object.items().is_some() => object.items().unwrap_or_default(),
        (None, other) => return Err(wrong(other, "iter", "something to iterate")),
    };
    Ok(Value::iterator("iterator", items))
}

fn next(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, default] = args.take("next", ["/iterator", "/default"], 1)?;
    let source = source.unwrap_or(Value::None);
    let item = match &source {
        Value::Iter(iter) => iter.rest.write(Rest::next)??,
        Value::Object(object) if object.is_iterator() => object.next()?,
        _ => return Err(wrong(&source, "next", "an iterator").help("make one: `iter(x)`")),
    };
    item.or(default).ok_or_else(|| Raise::with_args(Exc::StopIteration, Vec::new()))
}

fn reversed(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let source = args.one("reversed")?;
    if matches!(source, Value::Set(_) | Value::Iter(_)) {
        return Err(wrong(&source, "reversed", "a sequence"));
    }
    let mut items = vm.collect(&source)?;
    items.reverse();
    Ok(Value::iterator("reversed", items))
}

fn sorted(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, key, reverse] = args.take("sorted", ["/iterable", "*key", "*reverse"], 1)?;
    let items = vm.collect(&source.unwrap_or(Value::None))?;
    sort(vm, items, key, reverse.is_some_and(|v| v.truth())).map(Value::list)
}

/// Sorts stably by Python's `<`. Our own merge sort: the standard library's may panic when the order
/// contradicts itself, and `<` of a Rulefile may do so (nan, sets).
pub(crate) fn sort(
    vm: &mut Vm,
    items: Vec<Value>,
    key: Option<Value>,
    reverse: bool,
) -> Result<Vec<Value>, Raise> {
    let count = items.len() as u64;
    vm.budget.allocate_items(4 * count)?;
    let mut rows: Vec<(Value, Value)> = Vec::with_capacity(items.len());
    for item in items {
        let rank = match &key {
            None | Some(Value::None) => item.clone(),
            Some(key) => call_one(vm, key, item.clone())?,
        };
        rows.push((rank, item));
    }
    if reverse {
        // Equal elements keep their order also when reversed.
        rows.reverse();
    }
    let mut rows = merge_sort(vm, rows)?;
    if reverse {
        rows.reverse();
    }
    Ok(rows.into_iter().map(|(_, item)| item).collect())
}

type Row = (Value, Value);

fn merge_sort(vm: &mut Vm, mut rows: Vec<Row>) -> Result<Vec<Row>, Raise> {
    let mut width = 1;
    while width < rows.len() {
        let mut merged = Vec::with_capacity(rows.len());
        let mut source = rows.into_iter().peekable();
        while source.peek().is_some() {
            let left: Vec<Row> = source.by_ref().take(width).collect();
            let right: Vec<Row> = source.by_ref().take(width).collect();
            vm.budget.spend((left.len() + right.len()) as u64 / 8)?;
            merge(vm, left, right, &mut merged)?;
        }
        rows = merged;
        width *= 2;
    }
    Ok(rows)
}

fn merge(vm: &mut Vm, left: Vec<Row>, right: Vec<Row>, out: &mut Vec<Row>) -> Result<(), Raise> {
    let mut left = left.into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let take_right = compare::is_less(vm, &b.0, &a.0)?;
        out.extend(if take_right { right.next() } else { left.next() });
    }
    out.extend(left);
    out.extend(right);
    Ok(())
}

fn sum(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, start] = args.take("sum", ["/iterable", "start"], 1)?;
    let mut total = start.unwrap_or(Value::Int(0));
    if matches!(total, Value::Str(_)) {
        return Err(wrong(&total, "sum", "numbers").help("join texts with `\"\".join(x)`"));
    }
    let mut walk = Walk::over(&source.unwrap_or(Value::None))?;
    while let Some(item) = walk.next()? {
        vm.budget.spend(1)?;
        total = match (&total, Number::of(&item)) {
            (Value::Int(a), Some(Number::Int(b))) => Value::Int(a.checked_add(b).ok_or_else(ops::overflow)?),
            _ => ops::binary(vm, BinaryOp::Add, &total, &item)?,
        };
    }
    Ok(total)
}
