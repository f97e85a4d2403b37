//! The module `functools`.

use super::{HostType, ModuleDef};
use crate::lang::builtins::args::{optional_int, wrong};
use crate::lang::iter::Walk;
use crate::lang::object::Object;
use crate::lang::ops::Number;
use crate::lang::raise::Raise;
use crate::lang::teardown::Held;
use crate::lang::value::{Args, Builtin, DictMap, Key, Method, Type, Value};
use crate::lang::vm::Vm;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "functools",
    functions: &[
        Builtin { name: "cache", call: |vm, args| cached(vm, args.one("cache")?, None) },
        Builtin {
            name: "cmp_to_key",
            call: |_, args| Ok(Value::object(Ranking::of(args.one("cmp_to_key")?))),
        },
        Builtin { name: "lru_cache", call: lru_cache },
        Builtin { name: "reduce", call: reduce },
        // The function keeps its own name: nothing of a Rulefile depends on it.
        Builtin { name: "update_wrapper", call: |_, args| first(args, "update_wrapper") },
        Builtin { name: "wraps", call: |_, args| first(args, "wraps").map(|_| Value::Builtin(&IDENTITY)) },
    ],
    values: || vec![("partial", Value::Type(Type::Host(&PARTIAL)))],
    refused: &[
        ("cached_property", "Rulefiles have no classes"),
        ("partialmethod", "Rulefiles have no classes"),
        ("singledispatch", "test the type in the function: `isinstance(x, list)`"),
        ("total_ordering", "Rulefiles have no classes"),
    ],
};

static IDENTITY: Builtin = Builtin { name: "wraps", call: |_, args| args.one("wraps") };

fn first(args: Args, name: &str) -> Result<Value, Raise> {
    let missing = || Raise::type_error(format!("`{name}` needs a function"));
    args.positional.into_iter().next().ok_or_else(missing)
}

fn reduce(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [function, source, initial] = args.take("reduce", ["/function", "/iterable", "/initial"], 2)?;
    let function = function.unwrap_or(Value::None);
    let mut walk = Walk::over(&source.unwrap_or(Value::None))?;
    let start = match initial {
        Some(initial) => Some(initial),
        None => walk.next()?,
    };
    let Some(mut total) = start else {
        return Err(Raise::type_error("`reduce` of nothing").help("give a start: `reduce(f, x, 0)`"));
    };
    while let Some(item) = walk.next()? {
        vm.budget.spend(1)?;
        total = vm.call_value(&function, Args::positional(vec![total, item]), None)?;
    }
    Ok(total)
}

// ---- partial

static PARTIAL: HostType = HostType { name: "functools.partial", construct: partial, ..HostType::PLAIN };

/// A function with some of its arguments.
#[derive(Debug)]
struct Partial {
    /// The function, the positional arguments, the named ones.
    held: Held,
    names: Vec<Arc<str>>,
    parameters: Vec<Arc<str>>,
}

fn partial(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let Args { mut positional, mut named } = args;
    if !positional.first().is_some_and(Value::is_callable) {
        return Err(Raise::type_error("the first argument of `partial` must be a function"));
    }
    // A partial of a partial is one, so that a long chain cannot be.
    if let Some(inner) = positional[0].downcast::<Partial>() {
        let mut all = inner.arguments();
        for (name, value) in named {
            match all.named.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => all.named.push((name, value)),
            }
        }
        named = all.named;
        let function = inner.held.0.first().cloned().unwrap_or(Value::None);
        let rest = positional.drain(1..).collect::<Vec<_>>();
        positional = [vec![function], all.positional, rest].concat();
    }
    let given = positional.len() - 1;
    let parameters = positional[0].parameters().into_iter().skip(given);
    let parameters = parameters.filter(|p| !named.iter().any(|(name, _)| name == p)).collect();
    let names = named.iter().map(|(name, _)| name.clone()).collect();
    positional.extend(named.into_iter().map(|(_, value)| value));
    Ok(Value::object(Partial { held: Held(positional), names, parameters }))
}

impl Partial {
    fn arguments(&self) -> Args {
        let count = self.held.0.len() - self.names.len();
        let (positional, named) = self.held.0.split_at(count);
        Args {
            positional: positional.iter().skip(1).cloned().collect(),
            named: self.names.iter().cloned().zip(named.iter().cloned()).collect(),
        }
    }
}

impl Object for Partial {
    fn type_name(&self) -> &'static str {
        PARTIAL.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&PARTIAL)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let args = self.arguments();
        Ok(match name {
            "args" => Some(Value::tuple(args.positional)),
            "func" => self.held.0.first().cloned(),
            "keywords" => {
                let pairs = args.named.into_iter().map(|(name, value)| (Key::text(name), value));
                Some(Value::dict(pairs.collect()))
            }
            _ => None,
        })
    }

    fn repr(&self) -> String {
        "functools.partial(...)".into()
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        self.parameters.clone()
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let Some(function) = self.held.0.first() else { return Ok(Value::None) };
        let mut all = self.arguments();
        all.positional.extend(args.positional);
        for (name, value) in args.named {
            match all.named.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => all.named.push((name, value)),
            }
        }
        vm.call_value(function, all, None)
    }

    fn inner(&self) -> Vec<Value> {
        self.held.0.clone()
    }

    fn release(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.held.0)
    }
}

// ---- lru_cache

static CACHED: HostType = HostType {
    name: "functools._lru_cache_wrapper",
    methods: &[
        Method { name: "cache_clear", call: cache_clear },
        Method { name: "cache_info", call: cache_info },
    ],
    ..HostType::PLAIN
};

/// Results that one function keeps, whatever `maxsize` says.
const MAX_CACHED: usize = 1 << 16;

/// A function that remembers its results.
///
/// While the files load it is Python's. Afterwards many threads share the results: those are frozen, so that no
/// job can change what another one gets.
struct Cached {
    function: Held,
    parameters: Vec<Arc<str>>,
    most: usize,
    results: Mutex<DictMap>,
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cached")
    }
}

/// `@lru_cache`, `@lru_cache(maxsize=None)`
fn lru_cache(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [most, _] = args.take("lru_cache", ["maxsize", "typed"], 0)?;
    match most {
        Some(function) if function.is_callable() => cached(vm, function, Some(128)),
        most => {
            let most = match &most {
                None => Some(128),
                Some(_) => optional_int(most.as_ref(), "lru_cache")?,
            };
            let most = most.map_or(Value::None, Value::Int);
            Ok(Value::object(CacheMaker(most)))
        }
    }
}

/// `lru_cache(maxsize=n)`, which waits for the function.
#[derive(Debug)]
struct CacheMaker(Value);

impl Object for CacheMaker {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let function = args.one("lru_cache")?;
        cached(vm, function, optional_int(Some(&self.0), "lru_cache")?)
    }
}

fn cached(_: &mut Vm, function: Value, most: Option<i64>) -> Result<Value, Raise> {
    if !function.is_callable() {
        return Err(wrong(&function, "lru_cache", "a function"));
    }
    let most = most.map_or(MAX_CACHED, |n| usize::try_from(n).unwrap_or(0).min(MAX_CACHED));
    let parameters = function.parameters();
    let results = Mutex::new(DictMap::default());
    Ok(Value::object(Cached { function: Held(vec![function]), parameters, most, results }))
}

impl Cached {
    fn results(&self) -> MutexGuard<'_, DictMap> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(args: &Args) -> Result<Key, Raise> {
        let mut parts = args.positional.clone();
        for (name, value) in &args.named {
            parts.extend([Value::Ellipsis, Value::Str(name.clone()), value.clone()]);
        }
        Key::new(Value::tuple(parts))
    }
}

impl Object for Cached {
    fn type_name(&self) -> &'static str {
        CACHED.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&CACHED)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(match (name, self.function.0.first()) {
            ("__wrapped__", function) => function.cloned(),
            ("__name__", Some(Value::Function(function))) => Some(Value::Str(function.def.name.text.clone())),
            _ => None,
        })
    }

    fn repr(&self) -> String {
        "<functools._lru_cache_wrapper object>".into()
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        self.parameters.clone()
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let key = Cached::key(&args)?;
        if let Some(known) = self.results().get(&key) {
            return Ok(known.clone());
        }
        let Some(function) = self.function.0.first() else { return Ok(Value::None) };
        let value = vm.call_value(function, args, None)?;
        if self.most == 0 {
            return Ok(value);
        }
        if !vm.is_loading() {
            value.freeze();
            key.get().freeze();
        }
        vm.budget.allocate_items(4)?;
        let mut results = self.results();
        if results.len() >= self.most {
            results.swap_remove_index(0);
        }
        // Another thread may have been faster: all get the same value.
        Ok(results.entry(key).or_insert(value).clone())
    }

    fn inner(&self) -> Vec<Value> {
        let results = self.results();
        let kept = results.iter().flat_map(|(key, value)| [key.value(), value.clone()]);
        self.function.0.iter().cloned().chain(kept).collect()
    }

    fn release(&mut self) -> Vec<Value> {
        let results = self.results.get_mut().unwrap_or_else(PoisonError::into_inner);
        let kept = std::mem::take(results).into_iter().flat_map(|(key, value)| [key.value(), value]);
        let kept: Vec<Value> = kept.collect();
        std::mem::take(&mut self.function.0).into_iter().chain(kept).collect()
    }
}

fn cache_clear(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("cache_clear")?;
    if let Some(cached) = me.downcast::<Cached>() {
        let old = std::mem::take(&mut *cached.results());
        drop(old);
    }
    Ok(Value::None)
}

/// The number of results: hits are not counted, which would make threads wait for each other.
fn cache_info(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("cache_info")?;
    let size = me.downcast::<Cached>().map_or(0, |cached| cached.results().len());
    Ok(Value::dict(DictMap::from_iter([(Key::text("currsize"), Value::Int(size as i64))])))
}

// ---- cmp_to_key

/// `cmp_to_key(compare)`, and a value with it.
#[derive(Debug)]
struct Ranking(Held);

impl Ranking {
    fn of(compare: Value) -> Ranking {
        Ranking(Held(vec![compare]))
    }
}

impl Object for Ranking {
    fn type_name(&self) -> &'static str {
        "functools.KeyWrapper"
    }

    fn is_callable(&self) -> bool {
        self.0.0.len() == 1
    }

    fn call(&self, _: &mut Vm, args: Args) -> Result<Value, Raise> {
        let compare = self.0.0.first().cloned().unwrap_or(Value::None);
        Ok(Value::object(Ranking(Held(vec![compare, args.one("key")?]))))
    }

    fn less(&self, vm: &mut Vm, other: &Value) -> Option<Result<bool, Raise>> {
        let [compare, mine] = self.0.0.as_slice() else { return None };
        let [_, theirs] = other.downcast::<Ranking>()?.0.0.as_slice() else { return None };
        let result = vm.call_value(compare, Args::positional(vec![mine.clone(), theirs.clone()]), None);
        Some(result.and_then(|result| match Number::of(&result) {
            Some(number) => Ok(number.float() < 0.0),
            None => Err(wrong(&result, "cmp_to_key", "a function that gives numbers")),
        }))
    }

    fn inner(&self) -> Vec<Value> {
        self.0.0.clone()
    }

    fn release(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.0.0)
    }
}
