//! `expand` (alias `collect`): file patterns times values, as Snakemake does it.

use super::flags::{Flagged, Marks};
use super::later::{holds_function, later};
use super::types::path;
use crate::lang::budget::MAX_PRODUCT;
use crate::lang::format::{self, First};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Object, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static TABLE: &[Builtin] = &[
    Builtin { name: "collect", call: expand },
    Builtin { name: "expand", call: expand },
    Builtin { name: "unpack", call: unpack },
];

/// `unpack(function)`: the function's mapping or list stands for as many inputs.
fn unpack(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    match args.positional.as_slice() {
        [function] if function.is_callable() => Ok(Value::object(Unpack(function.clone()))),
        [Value::Dict(_)] => {
            Err(Raise::type_error("`unpack` takes a function").help("write `**` before a dict"))
        }
        _ => Err(Raise::type_error("`unpack` takes a function")),
    }
}

/// A function whose result is spread. An input function without a name may give a mapping anyway; what differs is
/// where it may stand.
#[derive(Debug)]
pub(crate) struct Unpack(Value);

impl Object for Unpack {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        self.0.parameters()
    }

    fn inner(&self) -> Vec<Value> {
        vec![self.0.clone()]
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let value = vm.call_value(&self.0, args, None)?;
        match &value {
            Value::Dict(_) | Value::List(_) | Value::Tuple(_) => Ok(value),
            // It hands over to another function.
            other if other.is_callable() => Ok(value),
            other => {
                let message = format!(
                    "`unpack` spreads a dict or a list, but the function gave a `{}`",
                    other.type_name()
                );
                Err(Raise::type_error(message).help("leave `unpack` out for a single path"))
            }
        }
    }
}

type Named = (Arc<str>, Value);

fn expand(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut positional = args.positional.into_iter();
    let patterns = positional.next().ok_or_else(|| Raise::type_error("`expand` needs a pattern"))?;
    let combinator = positional.next();
    if positional.next().is_some() {
        return Err(Raise::type_error(
            "`expand` takes a pattern, a combinator such as `zip`, and named values",
        ));
    }
    let mut values = args.named;
    let allow_missing = match values.iter().position(|(name, _)| &**name == "allow_missing") {
        Some(index) => values.remove(index).1.truth(),
        None => false,
    };
    let request = Request { patterns, combinator, values, allow_missing };
    if request.waits() {
        return request.defer();
    }
    request.run(vm)
}

#[derive(Debug)]
struct Request {
    patterns: Value,
    combinator: Option<Value>,
    values: Vec<Named>,
    allow_missing: bool,
}

impl Request {
    fn waits(&self) -> bool {
        self.patterns.is_callable() || self.values.iter().any(|(_, value)| holds_function(value))
    }

    /// A function of the job that expands when its values are known.
    fn defer(self) -> Result<Value, Raise> {
        let values = self.values.iter().map(|(_, value)| value.clone());
        let parts = values.chain([self.patterns.clone()]).chain(self.combinator.clone()).collect();
        later("expand", parts, move |vm, job| {
            let patterns = job.resolve_all(vm, &self.patterns)?;
            let mut values = Vec::with_capacity(self.values.len());
            for (name, value) in &self.values {
                values.push((name.clone(), job.resolve_all(vm, value)?));
            }
            let combinator = self.combinator.clone();
            Request { patterns, combinator, values, allow_missing: self.allow_missing }.run(vm)
        })
    }

    fn run(&self, vm: &mut Vm) -> Result<Value, Raise> {
        let patterns = match &self.patterns {
            one @ Value::Str(_) => vec![one.clone()],
            Value::Object(object) if matches!(object.stand_in(), Some(Value::Str(_))) => {
                vec![self.patterns.clone()]
            }
            many => vm.collect(many)?,
        };
        let mut columns: Vec<(Arc<str>, Vec<Value>)> = Vec::with_capacity(self.values.len());
        for (name, value) in &self.values {
            let items = match value {
                Value::Str(_) => vec![value.clone()],
                other => match vm.collect(other) {
                    Ok(items) => items,
                    Err(raise) if raise.kind() == Exc::TypeError => vec![other.clone()],
                    Err(raise) => return Err(raise),
                },
            };
            columns.push((name.clone(), items));
        }
        let mut out = Vec::new();
        for pattern in &patterns {
            let marks = marks_of(pattern)?;
            let pattern = path(pattern, "expand")?;
            // Values that the pattern does not name would only repeat it.
            let used = names_in(&pattern);
            let columns: Vec<_> = columns.iter().filter(|(name, _)| used.contains(&&**name)).collect();
            let first = out.len();
            self.fill(vm, &pattern, &columns, &mut out)?;
            if let Some(marks) = marks {
                for path in &mut out[first..] {
                    *path = Value::object(Flagged { path: path.clone(), marks: marks.clone() });
                }
            }
        }
        Ok(Value::list(out))
    }

    fn fill(
        &self,
        vm: &mut Vm,
        pattern: &str,
        columns: &[&(Arc<str>, Vec<Value>)],
        out: &mut Vec<Value>,
    ) -> Result<(), Raise> {
        match self.combinator.as_ref() {
            None => self.product(vm, pattern, columns, out),
            Some(Value::Builtin(builtin)) if builtin.name == "zip" => {
                let rows = columns.iter().map(|(_, items)| items.len()).min().unwrap_or(0);
                check_product(rows as u64)?;
                for row in 0..rows {
                    let chosen: Vec<(&str, &Value)> =
                        columns.iter().map(|(name, items)| (&**name, &items[row])).collect();
                    out.push(self.fill_one(vm, pattern, &chosen)?);
                }
                Ok(())
            }
            Some(Value::Builtin(builtin)) if builtin.name == "product" => {
                self.product(vm, pattern, columns, out)
            }
            Some(function) => self.custom(vm, function, pattern, columns, out),
        }
    }

    /// Every combination, the last value changing fastest.
    fn product(
        &self,
        vm: &mut Vm,
        pattern: &str,
        columns: &[&(Arc<str>, Vec<Value>)],
        out: &mut Vec<Value>,
    ) -> Result<(), Raise> {
        let total = columns.iter().fold(1u64, |n, (_, items)| n.saturating_mul(items.len() as u64));
        check_product(total)?;
        vm.budget.allocate_items(total)?;
        let mut chosen: Vec<(&str, &Value)> = Vec::with_capacity(columns.len());
        for index in 0..total {
            chosen.clear();
            let mut rest = total;
            for (name, items) in columns {
                rest /= items.len() as u64;
                let at = (index / rest) % items.len() as u64;
                chosen.push((name, &items[at as usize]));
            }
            out.push(self.fill_one(vm, pattern, &chosen)?);
        }
        Ok(())
    }

    /// A combinator of the author: takes one list of (name, value) per name, gives rows of them.
    fn custom(
        &self,
        vm: &mut Vm,
        function: &Value,
        pattern: &str,
        columns: &[&(Arc<str>, Vec<Value>)],
        out: &mut Vec<Value>,
    ) -> Result<(), Raise> {
        let pair =
            |name: &Arc<str>, value: &Value| Value::tuple(vec![Value::Str(name.clone()), value.clone()]);
        let lists =
            columns.iter().map(|(name, items)| Value::list(items.iter().map(|v| pair(name, v)).collect()));
        let rows = vm.call_value(function, Args::positional(lists.collect()), None)?;
        let rows = vm.collect(&rows)?;
        check_product(rows.len() as u64)?;
        for row in rows {
            let entries = crate::lang::methods::containers::entries(vm, &row)?;
            let chosen: Vec<(&str, &Value)> = entries
                .iter()
                .filter_map(|(key, value)| key.get().as_str().map(|name| (name, value)))
                .collect();
            out.push(self.fill_one(vm, pattern, &chosen)?);
        }
        Ok(())
    }

    fn fill_one(&self, vm: &mut Vm, pattern: &str, chosen: &[(&str, &Value)]) -> Result<Value, Raise> {
        vm.budget.spend(1)?;
        let mut lookup = |_: &mut Vm, first: First<'_>| match first {
            First::Name(name) => match chosen.iter().find(|(n, _)| *n == name) {
                Some((_, value)) => Ok((*value).clone()),
                None if self.allow_missing => Ok(Value::from(format!("{{{name}}}"))),
                None => Err(self.missing(name)),
            },
            First::Index(index) => {
                let message = format!("`{{{index}}}` in a pattern of `expand` has no name");
                Err(Raise::new(Exc::IndexError, message))
            }
        };
        format::str_format(vm, pattern, &mut lookup).map(Value::from)
    }

    fn missing(&self, name: &str) -> Raise {
        let known = self.values.iter().map(|(n, _)| &**n);
        let raise = Raise::new(Exc::WildcardError, format!("`expand` has no values for wildcard `{name}`"))
            .help(format!(
                "give `{name}=...`; to keep the wildcard write `{{{{{name}}}}}` or `allow_missing=True`"
            ));
        raise.did_you_mean(name, known)
    }
}

/// What the paths inherit from a pattern that stands for another rule's output: whether a module's prefix stands in
/// them, but not, as in Snakemake, that this rule makes them. Flags inside of `expand` are most likely not meant as
/// they stand, so they are refused.
fn marks_of(pattern: &Value) -> Result<Option<Marks>, Raise> {
    let Some(flagged) = pattern.downcast::<Flagged>() else { return Ok(None) };
    match flagged.marks.flags.iter().next() {
        None if flagged.marks.prefixed => Ok(Some(Marks { prefixed: true, ..Marks::default() })),
        None => Ok(None),
        Some(flag) => {
            let (flag, path) = (flag.name(), flagged.path.display());
            Err(Raise::value_error(format!("`{flag}` stands inside of `expand`"))
                .help(format!("put it outside: `{flag}(expand(\"{path}\", ...))`")))
        }
    }
}

/// Names that a pattern uses: the start of each field, as Snakemake finds them.
fn names_in(pattern: &str) -> Vec<&str> {
    let starts = pattern.match_indices('{').map(|(at, _)| &pattern[at + 1..]);
    let names = starts.map(|rest| &rest[..rest.find(['}', '.', '[', '!', ':']).unwrap_or(rest.len())]);
    names.filter(|name| !name.is_empty()).collect()
}

fn check_product(count: u64) -> Result<(), Raise> {
    if count > MAX_PRODUCT {
        let message = format!("`expand` would make {count} paths, more than {MAX_PRODUCT}");
        return Err(Raise::new(Exc::BudgetExceeded, message).help(
            "are there several long lists? To combine them one by one, give `zip` as second argument",
        ));
    }
    Ok(())
}
