//! The module `collections`. Its dicts are dicts with a flavour, its namedtuples are tuples with a type: every
//! other part of the evaluator takes them for what they are.

mod counter;
mod deque;
pub(super) mod record;

use super::{HostType, ModuleDef};
use crate::lang::methods::containers;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Dict, DictMap, Flavour, Key, Method, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(crate) use counter::{COUNTER, by_count, operation as counter_operation};
pub(crate) use record::{field, is_record_of, is_record_type, record_type};

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "collections",
    functions: &[Builtin { name: "namedtuple", call: record::namedtuple }],
    values: || {
        vec![
            ("Counter", Value::Type(Type::Host(&COUNTER))),
            ("OrderedDict", Value::Type(Type::Host(&ORDERED_DICT))),
            ("defaultdict", Value::Type(Type::Host(&DEFAULT_DICT))),
            ("deque", Value::Type(Type::Host(&deque::DEQUE))),
        ]
    },
    refused: &[
        ("ChainMap", "merge the dicts: `{**defaults, **values}`"),
        ("UserDict", "use a dict"),
        ("UserList", "use a list"),
        ("UserString", "use a text"),
    ],
};

pub(crate) static ORDERED_DICT: HostType = HostType {
    name: "OrderedDict",
    parent: Some(Type::Dict),
    construct: |vm, args| filled(vm, args, Flavour::Ordered),
    statics: &[Builtin { name: "fromkeys", call: fromkeys }],
    methods: &[Method { name: "move_to_end", call: move_to_end }, Method { name: "popitem", call: popitem }],
    ..HostType::PLAIN
};

pub(crate) static DEFAULT_DICT: HostType =
    HostType { name: "defaultdict", parent: Some(Type::Dict), construct: default_dict, ..HostType::PLAIN };

fn filled(vm: &mut Vm, args: Args, flavour: Flavour) -> Result<Value, Raise> {
    let plain = crate::lang::builtins::construct(vm, Type::Dict, args)?;
    let map: DictMap = vm.pairs(&plain)?.into_iter().collect();
    Ok(Value::flavoured(map, flavour))
}

fn default_dict(vm: &mut Vm, mut args: Args) -> Result<Value, Raise> {
    let factory = if args.positional.is_empty() { Value::None } else { args.positional.remove(0) };
    if !factory.is_callable() && !matches!(factory, Value::None) {
        return Err(Raise::type_error("the first argument of `defaultdict` must be a function or a type")
            .help("write `defaultdict(list)` or `defaultdict(lambda: value)`"));
    }
    filled(vm, args, Flavour::Default(factory))
}

/// What `d[key]` is when the key is not there.
pub(crate) fn missing(vm: &mut Vm, dict: &Arc<Dict>, key: &Value) -> Result<Value, Raise> {
    match &dict.1 {
        Flavour::Counter => Ok(Value::Int(0)),
        Flavour::Default(factory) if !matches!(factory, Value::None) => {
            let value = vm.call_value(factory, Args::default(), None)?;
            vm.budget.allocate(2 * size_of::<Value>() as u64)?;
            let key = Key::new(key.clone())?;
            dict.0.write(|map| map.insert(key, value.clone()))?;
            Ok(value)
        }
        _ => Err(Raise::missing_key(dict, key)),
    }
}

fn fromkeys(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let plain = containers::fromkeys(vm, &Value::Type(Type::Dict), args)?;
    let map: DictMap = vm.pairs(&plain)?.into_iter().collect();
    Ok(Value::flavoured(map, Flavour::Ordered))
}

fn this(me: &Value) -> Result<&Arc<Dict>, Raise> {
    match me {
        Value::Dict(dict) => Ok(dict),
        other => Err(crate::lang::builtins::args::wrong(other, "dict", "a dict")),
    }
}

fn move_to_end(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [key, last] = args.take("move_to_end", ["key", "last"], 1)?;
    let key = key.unwrap_or(Value::None);
    let dict = this(me)?;
    let Some(value) = crate::lang::index::remove_key(vm, dict, &key)? else {
        return Err(Raise::missing_key(dict, &key));
    };
    let new = Key::new(key)?;
    let last = last.is_none_or(|v| v.truth());
    dict.0.write(|map| {
        let at = if last { map.len() } else { 0 };
        map.shift_insert(at, new, value);
    })?;
    Ok(Value::None)
}

fn popitem(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [last] = args.take("popitem", ["last"], 0)?;
    let last = last.is_none_or(|v| v.truth());
    let dict = this(me)?;
    vm.budget.spend(dict.0.read(DictMap::len) as u64 / 32)?;
    let popped = dict.0.write(|map| if last { map.pop() } else { map.shift_remove_index(0) })?;
    match popped {
        Some((key, value)) => Ok(Value::tuple(vec![key.value(), value])),
        None => Err(Raise::key_error(&Value::from("dictionary is empty"))),
    }
}

/// `collections.abc`: what values can do, for `isinstance`.
pub(super) static ABC: ModuleDef = ModuleDef {
    name: "collections.abc",
    functions: &[],
    values: || {
        let types: [&'static HostType; 9] =
            [&CALLABLE, &COLLECTION, &HASHABLE, &ITERABLE, &ITERATOR, &MAPPING, &SEQUENCE, &SET, &SIZED];
        let mutable = [
            ("Generator", &ITERATOR),
            ("MutableMapping", &MAPPING),
            ("MutableSequence", &MUTABLE_SEQUENCE),
            ("MutableSet", &MUTABLE_SET),
            ("Container", &COLLECTION),
        ];
        let value = |host: &'static HostType| Value::Type(Type::Host(host));
        types.into_iter().map(|t| (t.name, value(t))).chain(mutable.map(|(n, t)| (n, value(t)))).collect()
    },
    refused: &[],
};

macro_rules! abstract_types {
    ($($id:ident $name:literal $test:expr;)*) => {
        $(static $id: HostType = HostType { name: $name, includes: $test, ..HostType::PLAIN };)*
    };
}

abstract_types! {
    CALLABLE "Callable" Value::is_callable;
    COLLECTION "Collection" is_sized;
    HASHABLE "Hashable" |value| Key::new(value.clone()).is_ok();
    ITERABLE "Iterable" |value| crate::lang::iter::Walk::over(value).is_ok();
    ITERATOR "Iterator" |value| matches!(value, Value::Iter(_)) || matches!(value, Value::Object(o) if o.is_iterator());
    MAPPING "Mapping" |value| matches!(value, Value::Dict(_));
    SEQUENCE "Sequence" |value| matches!(value, Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Range(_));
    MUTABLE_SEQUENCE "MutableSequence" |value| matches!(value, Value::List(_));
    SET "Set" |value| matches!(value, Value::Set(_));
    MUTABLE_SET "MutableSet" |value| matches!(value, Value::Set(set) if !set.immutable);
    SIZED "Sized" is_sized;
}

fn is_sized(value: &Value) -> bool {
    crate::lang::index::length(value).is_ok()
}

/// An exception that says that something is empty.
fn empty(what: &str) -> Raise {
    Raise::new(Exc::IndexError, format!("pop from an empty {what}"))
}
