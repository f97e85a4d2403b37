//! The module `itertools`. What has an end is made at once, after the budget was asked; what has none goes on
//! step by step.

use super::math::optional_count;
use super::{HostType, ModuleDef};
use crate::lang::builtins::args::int;
use crate::lang::compare;
use crate::lang::iter::Walk;
use crate::lang::ops::{self, Number};
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Rest, Type, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "itertools",
    functions: &[
        Builtin { name: "accumulate", call: accumulate },
        Builtin { name: "batched", call: batched },
        Builtin { name: "combinations", call: |vm, args| choose(vm, args, "combinations") },
        Builtin {
            name: "combinations_with_replacement",
            call: |vm, args| choose(vm, args, "combinations_with_replacement"),
        },
        Builtin { name: "compress", call: compress },
        Builtin { name: "count", call: count },
        Builtin { name: "cycle", call: cycle },
        Builtin { name: "dropwhile", call: dropwhile },
        Builtin { name: "filterfalse", call: filterfalse },
        Builtin { name: "groupby", call: groupby },
        Builtin { name: "islice", call: islice },
        Builtin { name: "pairwise", call: pairwise },
        Builtin { name: "permutations", call: |vm, args| choose(vm, args, "permutations") },
        Builtin { name: "product", call: product },
        Builtin { name: "repeat", call: repeat },
        Builtin { name: "starmap", call: starmap },
        Builtin { name: "takewhile", call: takewhile },
        Builtin { name: "tee", call: tee },
        Builtin { name: "zip_longest", call: zip_longest },
    ],
    values: || vec![("chain", Value::Type(Type::Host(&CHAIN)))],
    refused: &[],
};

static CHAIN: HostType = HostType {
    name: "itertools.chain",
    construct: |vm, args| {
        let sources = args.all_positional("chain")?;
        chain(vm, sources)
    },
    statics: &[Builtin {
        name: "from_iterable",
        call: |vm, args| {
            let sources = vm.collect(&args.one("from_iterable")?)?;
            chain(vm, sources)
        },
    }],
    ..HostType::PLAIN
};

fn chain(vm: &mut Vm, sources: Vec<Value>) -> Result<Value, Raise> {
    let mut items = Vec::new();
    for source in sources {
        items.extend(vm.collect(&source)?);
    }
    Ok(Value::iterator("itertools.chain", items))
}

fn call(vm: &mut Vm, function: &Value, values: Vec<Value>) -> Result<Value, Raise> {
    vm.call_value(function, Args::positional(values), None)
}

/// Rows that were paid for, as an iterator of tuples.
fn rows(name: &'static str, rows: Vec<Vec<Value>>) -> Value {
    Value::iterator(name, rows.into_iter().map(Value::tuple).collect())
}

/// Pays for `rows` rows of `width` values.
fn pay(vm: &mut Vm, rows: u64, width: usize) -> Result<(), Raise> {
    // A tuple and its place in the list besides the values.
    vm.budget.spend(rows)?;
    vm.budget.allocate_items(rows.saturating_mul(width as u64 + 4))
}

fn product(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [repeat] = Args { positional: Vec::new(), named: args.named }.take("product", ["*repeat"], 0)?;
    let repeat = optional_count(repeat.as_ref(), "product")?.unwrap_or(1);
    let mut once = Vec::with_capacity(args.positional.len());
    for source in &args.positional {
        once.push(vm.collect(source)?);
    }
    let width = once.len().saturating_mul(repeat);
    vm.budget.allocate_items(width as u64)?;
    let repeat = if once.is_empty() { 0 } else { repeat };
    let columns: Vec<&Vec<Value>> = std::iter::repeat_n(&once, repeat).flatten().collect();
    let total = columns.iter().fold(1u64, |n, column| n.saturating_mul(column.len() as u64));
    pay(vm, total, width)?;
    let row = |index: u64| {
        let mut rest = total;
        let mut row = Vec::with_capacity(width);
        for column in &columns {
            rest /= column.len() as u64;
            row.push(column[((index / rest) % column.len() as u64) as usize].clone());
        }
        row
    };
    Ok(rows("itertools.product", (0..total).map(row).collect()))
}

/// How many ways there are, as far as 64 bits go.
fn ways(n: u64, k: u64, kind: &str) -> u64 {
    match kind {
        "permutations" if k > n => 0,
        "permutations" => (0..k).fold(1u64, |ways, i| ways.saturating_mul(n - i)),
        "combinations" if k > n => 0,
        "combinations" => binomial(n, k),
        _ if n == 0 => u64::from(k == 0),
        _ => binomial((n - 1).saturating_add(k), k),
    }
}

fn binomial(n: u64, k: u64) -> u64 {
    let mut ways: u128 = 1;
    for i in 1..=k.min(n - k) {
        ways = ways * u128::from(n - i + 1) / u128::from(i);
        if ways > u128::from(u64::MAX) {
            return u64::MAX;
        }
    }
    ways as u64
}

/// `combinations`, `combinations_with_replacement`, `permutations`: rows of positions in order.
fn choose(vm: &mut Vm, args: Args, kind: &'static str) -> Result<Value, Raise> {
    let required = if kind == "permutations" { 1 } else { 2 };
    let [source, length] = args.take(kind, ["iterable", "r"], required)?;
    let items = vm.collect(&source.unwrap_or(Value::None))?;
    let length = optional_count(length.as_ref(), kind)?.unwrap_or(items.len());
    let total = ways(items.len() as u64, length as u64, kind);
    pay(vm, total, length)?;
    if total == 0 {
        return Ok(rows(kind_name(kind), Vec::new()));
    }
    let mut found = Vec::with_capacity(total as usize);
    let mut row: Vec<usize> = Vec::new();
    // Depth first with a stack of its own: `row` is the way down, `next` the position to try.
    let mut next = 0;
    // A position so late that not enough follow it leads nowhere.
    let end =
        |depth: usize| if kind == "combinations" { items.len() + 1 + depth - length } else { items.len() };
    loop {
        if row.len() == length {
            found.push(row.iter().map(|at| items[*at].clone()).collect());
        } else if let Some(at) = (next..end(row.len())).find(|at| kind != "permutations" || !row.contains(at))
        {
            row.push(at);
            next = match kind {
                "permutations" => 0,
                "combinations" => at + 1,
                _ => at,
            };
            continue;
        }
        match row.pop() {
            Some(at) => next = at + 1,
            None => return Ok(rows(kind_name(kind), found)),
        }
    }
}

fn kind_name(kind: &str) -> &'static str {
    match kind {
        "permutations" => "itertools.permutations",
        "combinations" => "itertools.combinations",
        _ => "itertools.combinations_with_replacement",
    }
}

fn accumulate(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, function, initial] = args.take("accumulate", ["iterable", "func", "*initial"], 1)?;
    let mut walk = Walk::over(&source.unwrap_or(Value::None))?;
    let function = function.filter(|f| !matches!(f, Value::None));
    let mut total = initial.filter(|value| !matches!(value, Value::None));
    let mut items: Vec<Value> = total.iter().cloned().collect();
    while let Some(item) = walk.next()? {
        vm.budget.spend(1)?;
        vm.budget.allocate_items(1)?;
        let next = match (&total, &function) {
            (None, _) => item,
            (Some(total), None) => ops::binary(vm, BinaryOp::Add, total, &item)?,
            (Some(total), Some(function)) => call(vm, function, vec![total.clone(), item])?,
        };
        items.push(next.clone());
        total = Some(next);
    }
    Ok(Value::iterator("itertools.accumulate", items))
}

fn batched(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, size] = args.take("batched", ["iterable", "n"], 2)?;
    let size = int(&size.unwrap_or(Value::None), "batched")?;
    let Some(size) = usize::try_from(size).ok().filter(|size| *size > 0) else {
        return Err(Raise::value_error("`batched` needs a size of at least 1"));
    };
    let items = vm.collect(&source.unwrap_or(Value::None))?;
    pay(vm, items.len().div_ceil(size) as u64, size.min(items.len()))?;
    Ok(rows("itertools.batched", items.chunks(size).map(<[Value]>::to_vec).collect()))
}

fn compress(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [data, selectors] = args.take("compress", ["data", "selectors"], 2)?;
    let mut data = Walk::over(&data.unwrap_or(Value::None))?;
    let mut selectors = Walk::over(&selectors.unwrap_or(Value::None))?;
    let mut items = Vec::new();
    while let (Some(item), Some(selector)) = (data.next()?, selectors.next()?) {
        vm.budget.spend(1)?;
        vm.budget.allocate_items(1)?;
        if selector.truth() {
            items.push(item);
        }
    }
    Ok(Value::iterator("itertools.compress", items))
}

fn count(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [start, step] = args.take("count", ["start", "step"], 0)?;
    let (start, step) = (start.unwrap_or(Value::Int(0)), step.unwrap_or(Value::Int(1)));
    for number in [&start, &step] {
        if Number::of(number).is_none() {
            return Err(Raise::type_error("`count` needs numbers"));
        }
    }
    Ok(Value::endless("itertools.count", Rest::Count(start, step)))
}

fn cycle(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let items = vm.collect(&args.one("cycle")?)?;
    Ok(Value::endless("itertools.cycle", Rest::Cycle(items, 0)))
}

fn repeat(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [value, times] = args.take("repeat", ["object", "times"], 1)?;
    let value = value.unwrap_or(Value::None);
    let Some(times) = times else { return Ok(Value::endless("itertools.repeat", Rest::Repeat(value))) };
    let times = int(&times, "repeat")?.max(0);
    vm.budget.allocate_items(times as u64)?;
    Ok(Value::iterator("itertools.repeat", vec![value; times as usize]))
}

/// The elements of a walk for which `keep` says so, until it says to stop.
fn filtered(
    vm: &mut Vm,
    source: Option<Value>,
    name: &'static str,
    keep: &mut dyn FnMut(&mut Vm, &Value) -> Result<Step, Raise>,
) -> Result<Value, Raise> {
    let mut walk = Walk::over(&source.unwrap_or(Value::None))?;
    let mut items = Vec::new();
    while let Some(item) = walk.next()? {
        vm.budget.spend(1)?;
        match keep(vm, &item)? {
            Step::Keep => {
                vm.budget.allocate_items(1)?;
                items.push(item);
            }
            Step::Skip => {}
            Step::Stop => break,
        }
    }
    Ok(Value::iterator(name, items))
}

enum Step {
    Keep,
    Skip,
    Stop,
}

fn takewhile(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [test, source] = args.take("takewhile", ["/predicate", "/iterable"], 2)?;
    let test = test.unwrap_or(Value::None);
    filtered(vm, source, "itertools.takewhile", &mut |vm, item| {
        Ok(if call(vm, &test, vec![item.clone()])?.truth() { Step::Keep } else { Step::Stop })
    })
}

fn dropwhile(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [test, source] = args.take("dropwhile", ["/predicate", "/iterable"], 2)?;
    let test = test.unwrap_or(Value::None);
    let mut dropping = true;
    filtered(vm, source, "itertools.dropwhile", &mut |vm, item| {
        dropping = dropping && call(vm, &test, vec![item.clone()])?.truth();
        Ok(if dropping { Step::Skip } else { Step::Keep })
    })
}

fn filterfalse(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [test, source] = args.take("filterfalse", ["/predicate", "/iterable"], 2)?;
    let test = test.unwrap_or(Value::None);
    filtered(vm, source, "itertools.filterfalse", &mut |vm, item| {
        let truth = match &test {
            Value::None => item.truth(),
            test => call(vm, test, vec![item.clone()])?.truth(),
        };
        Ok(if truth { Step::Skip } else { Step::Keep })
    })
}

fn groupby(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, key] = args.take("groupby", ["iterable", "key"], 1)?;
    let key = key.filter(|key| !matches!(key, Value::None));
    let mut walk = Walk::over(&source.unwrap_or(Value::None))?;
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    while let Some(item) = walk.next()? {
        vm.budget.spend(1)?;
        vm.budget.allocate_items(2)?;
        let name = match &key {
            Some(key) => call(vm, key, vec![item.clone()])?,
            None => item.clone(),
        };
        match groups.last_mut() {
            Some((last, items)) if last.is_same(&name) || compare::equal_paid(vm, last, &name)? => {
                items.push(item);
            }
            _ => {
                vm.budget.allocate_items(8)?;
                groups.push((name, vec![item]));
            }
        }
    }
    let group = |(name, items)| Value::tuple(vec![name, Value::iterator("itertools._grouper", items)]);
    Ok(Value::iterator("itertools.groupby", groups.into_iter().map(group).collect()))
}

fn islice(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut given = args.all_positional("islice")?.into_iter();
    let source = given.next().ok_or_else(|| Raise::type_error("`islice` needs an iterable"))?;
    let rest: Vec<Value> = given.collect();
    let wrong = |_| Raise::value_error("the ends of `islice` are whole numbers from 0, or None");
    let end = |value: Option<&Value>| optional_count(value, "islice").map_err(wrong);
    let (start, stop, step) = match rest.as_slice() {
        [stop] => (0, end(Some(stop))?, 1),
        [start, stop] => (end(Some(start))?.unwrap_or(0), end(Some(stop))?, 1),
        [start, stop, step] => {
            (end(Some(start))?.unwrap_or(0), end(Some(stop))?, end(Some(step))?.unwrap_or(1))
        }
        _ => return Err(Raise::type_error("`islice` takes 2 to 4 arguments")),
    };
    if step == 0 {
        return Err(Raise::value_error("the step of `islice` is at least 1"));
    }
    let mut walk = Walk::over(&source)?;
    let mut items = Vec::new();
    let mut at = 0;
    while stop.is_none_or(|stop| at < stop) {
        vm.budget.spend(1)?;
        let Some(item) = walk.next()? else { break };
        if at >= start && (at - start) % step == 0 {
            vm.budget.allocate_items(1)?;
            items.push(item);
        }
        at += 1;
    }
    Ok(Value::iterator("itertools.islice", items))
}

fn pairwise(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let items = vm.collect(&args.one("pairwise")?)?;
    pay(vm, items.len() as u64, 2)?;
    Ok(rows("itertools.pairwise", items.windows(2).map(<[Value]>::to_vec).collect()))
}

fn starmap(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [function, source] = args.take("starmap", ["/function", "/iterable"], 2)?;
    let function = function.unwrap_or(Value::None);
    let mut walk = Walk::over(&source.unwrap_or(Value::None))?;
    let mut items = Vec::new();
    while let Some(item) = walk.next()? {
        vm.budget.spend(1)?;
        vm.budget.allocate_items(1)?;
        let values = vm.collect(&item)?;
        items.push(call(vm, &function, values)?);
    }
    Ok(Value::iterator("itertools.starmap", items))
}

fn tee(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [source, count] = args.take("tee", ["/iterable", "/n"], 1)?;
    let items = vm.collect(&source.unwrap_or(Value::None))?;
    let count = optional_count(count.as_ref(), "tee")?.unwrap_or(2);
    pay(vm, count as u64, items.len())?;
    let copies = (0..count).map(|_| Value::iterator("itertools._tee", items.clone()));
    Ok(Value::tuple(copies.collect()))
}

fn zip_longest(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [fill] = Args { positional: Vec::new(), named: args.named }.take("zip_longest", ["*fillvalue"], 0)?;
    let fill = fill.unwrap_or(Value::None);
    let mut columns = Vec::with_capacity(args.positional.len());
    for source in &args.positional {
        columns.push(vm.collect(source)?);
    }
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0);
    pay(vm, longest as u64, columns.len())?;
    let row = |at: usize| columns.iter().map(|column| column.get(at).unwrap_or(&fill).clone()).collect();
    Ok(rows("itertools.zip_longest", (0..longest).map(row).collect()))
}
