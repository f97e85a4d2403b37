//! Values of the evaluator. Knows no evaluation.
//!
//! Containers keep their identity and can be changed while the files load; [`Value::freeze`] then makes
//! everything reachable immutable in place, and reads need no lock any more. Invariant: a lock is held only
//! while looking at one container, never while Rulefile code runs.

mod key;

use crate::lang::modules::collections;
pub(crate) use crate::lang::object::{HostType, NamedList, Native, Object};
use crate::lang::raise::{Exc, Raise};
use crate::lang::scope::Scope;
use crate::lang::teardown::Held;
use crate::lang::vm::{SpaceId, Vm};
use crate::model;
use crate::syntax::ast::FunctionDef;
use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxBuildHasher, FxHashSet};
use std::any::Any;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Content that can be changed until it is frozen, and is read without a lock afterwards.
pub(crate) struct Shared<T> {
    frozen: OnceLock<T>,
    open: RwLock<T>,
}

impl<T: Default> Shared<T> {
    pub(crate) fn new(content: T) -> Shared<T> {
        Shared { frozen: OnceLock::new(), open: RwLock::new(content) }
    }

    /// Looks at the content. `look` must not run Rulefile code.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        if let Some(content) = self.frozen.get() {
            return look(content);
        }
        let guard = self.open.read().unwrap_or_else(PoisonError::into_inner);
        // It may have been frozen between the two lines above.
        look(self.frozen.get().unwrap_or(&guard))
    }

    /// Changes the content; an error once it is frozen. `change` must not run Rulefile code.
    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, Raise> {
        let mut guard = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if self.frozen.get().is_some() {
            return Err(Raise::frozen());
        }
        Ok(change(&mut guard))
    }

    /// Makes the content immutable; false when it was already.
    pub(crate) fn freeze(&self) -> bool {
        let mut guard = self.open.write().unwrap_or_else(PoisonError::into_inner);
        self.frozen.get().is_none() && self.frozen.set(std::mem::take(&mut *guard)).is_ok()
    }

    pub(crate) fn take(&mut self) -> T {
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.frozen.take().unwrap_or_else(|| std::mem::take(open))
    }
}

pub(crate) type DictMap = IndexMap<Key, Value, FxBuildHasher>;
pub(crate) type SetItems = IndexSet<Key, FxBuildHasher>;

/// `list`
pub(crate) struct List(pub(crate) Shared<Vec<Value>>);
/// `tuple`, or a `namedtuple` with its type.
pub(crate) struct Tuple(pub(crate) Vec<Value>, pub(crate) Option<Arc<Record>>);
/// `dict` and what `collections` makes of it, in order of insertion.
pub(crate) struct Dict(pub(crate) Shared<DictMap>, pub(crate) Flavour);
/// `set` or `frozenset`, in order of insertion.
pub(crate) struct Set {
    pub(crate) items: Shared<SetItems>,
    pub(crate) immutable: bool,
}
/// What kind of a dict it is.
#[derive(Clone)]
pub(crate) enum Flavour {
    Plain,
    Ordered,
    Counter,
    /// `defaultdict`, with the function that makes missing values.
    Default(Value),
}

/// The type of a `namedtuple`.
pub(crate) struct Record {
    pub(crate) name: Arc<str>,
    pub(crate) fields: Vec<Arc<str>>,
    /// Of the last fields.
    pub(crate) defaults: Held,
    /// Attributes besides the fields.
    pub(crate) more: Vec<(Arc<str>, Value)>,
}

/// A variable shared between a function and the functions defined inside it.
pub(crate) struct Cell(pub(crate) Shared<Option<Value>>);

/// `range(start, stop, step)`; `step` is not 0.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) stop: i64,
    pub(crate) step: i64,
}

impl Range {
    pub(crate) fn len(&self) -> i64 {
        let (start, stop, step) = (i128::from(self.start), i128::from(self.stop), i128::from(self.step));
        let count =
            if step > 0 { (stop - start + step - 1) / step } else { (start - stop - step - 1) / -step };
        i64::try_from(count.max(0)).unwrap_or(i64::MAX)
    }

    pub(crate) fn get(&self, index: i64) -> Option<i64> {
        if index < 0 || index >= self.len() {
            return None;
        }
        i64::try_from(i128::from(self.start) + i128::from(self.step) * i128::from(index)).ok()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ViewKind {
    Keys,
    Values,
    Items,
}

/// `d.keys()`, `d.values()`, `d.items()`: sees later changes of the dict.
pub(crate) struct View {
    pub(crate) dict: Arc<Dict>,
    pub(crate) kind: ViewKind,
}

/// A one-shot iterator.
pub(crate) struct Iter {
    pub(crate) name: &'static str,
    pub(crate) rest: Shared<Rest>,
}

/// What an iterator still gives.
pub(crate) enum Rest {
    /// Values that exist already, last first.
    Items(Vec<Value>),
    /// `itertools.count`: the next number and the step.
    Count(Value, Value),
    /// `itertools.cycle`: the values and the position of the next.
    Cycle(Vec<Value>, usize),
    /// `itertools.repeat` without a number.
    Repeat(Value),
}

impl Record {
    /// The values that it holds.
    pub(crate) fn held(&self) -> impl Iterator<Item = Value> {
        self.defaults.0.iter().chain(self.more.iter().map(|(_, value)| value)).cloned()
    }
}

impl Default for Rest {
    fn default() -> Rest {
        Rest::Items(Vec::new())
    }
}

impl Rest {
    pub(crate) fn next(&mut self) -> Result<Option<Value>, Raise> {
        Ok(match self {
            Rest::Items(items) => items.pop(),
            Rest::Count(next, step) => {
                let after = crate::lang::ops::add_numbers(next, step)?;
                Some(std::mem::replace(next, after))
            }
            Rest::Cycle(items, at) => {
                let item = items.get(*at).cloned();
                *at = if *at + 1 < items.len() { *at + 1 } else { 0 };
                item
            }
            Rest::Repeat(value) => Some(value.clone()),
        })
    }

    /// Values that are left; `None` when there is no end.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Rest::Items(items) => Some(items.len()),
            Rest::Cycle(items, _) if items.is_empty() => Some(0),
            _ => None,
        }
    }

    /// The values that it holds, in no order.
    pub(crate) fn held(&self) -> Vec<Value> {
        match self {
            Rest::Items(items) | Rest::Cycle(items, _) => items.clone(),
            Rest::Count(next, step) => vec![next.clone(), step.clone()],
            Rest::Repeat(value) => vec![value.clone()],
        }
    }

    /// As [`Rest::held`], without keeping them.
    pub(crate) fn into_held(self) -> Vec<Value> {
        match self {
            Rest::Items(items) | Rest::Cycle(items, _) => items,
            Rest::Count(next, step) => vec![next, step],
            Rest::Repeat(value) => vec![value],
        }
    }
}

/// A `def` or `lambda` with what it captured.
pub(crate) struct Function {
    pub(crate) def: Arc<FunctionDef>,
    pub(crate) scope: Arc<Scope>,
    /// Default values, one per parameter.
    pub(crate) defaults: Vec<Option<Value>>,
    /// One per name of `scope.free`; `None` when it is a global.
    pub(crate) captured: Vec<Option<Arc<Cell>>>,
    /// The namespace whose globals it sees.
    pub(crate) space: SpaceId,
}

/// Arguments of a call.
#[derive(Clone, Default)]
pub(crate) struct Args {
    pub(crate) positional: Vec<Value>,
    pub(crate) named: Vec<(Arc<str>, Value)>,
}

impl Args {
    pub(crate) fn positional(values: Vec<Value>) -> Args {
        Args { positional: values, named: Vec::new() }
    }
}

pub(crate) type NativeCall = fn(&mut Vm, Args) -> Result<Value, Raise>;
pub(crate) type MethodCall = fn(&mut Vm, &Value, Args) -> Result<Value, Raise>;

/// A function of the language that needs no state.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    pub(crate) call: NativeCall,
}

/// A method of a built-in type.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) call: MethodCall,
}

/// `value.method`, not yet called; without a receiver it is `str.lower`, which takes it as first argument.
pub(crate) struct BoundMethod {
    pub(crate) receiver: Option<Value>,
    pub(crate) of: Type,
    pub(crate) method: &'static Method,
}

/// A module of the language: `os`, `os.path`.
pub(crate) struct Module {
    pub(crate) name: Arc<str>,
    pub(crate) members: IndexMap<Arc<str>, Value, FxBuildHasher>,
    /// Where it has members besides these.
    pub(crate) home: Home,
}

/// Where a module has members that are looked up when they are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Home {
    Nowhere,
    /// Among the names that every Rulefile sees: `snakemake.io`.
    Builtins,
    /// In the namespace of an imported file.
    Space(SpaceId),
}

/// An exception as a value: `except KeyError as e`.
pub(crate) struct Exception {
    pub(crate) kind: Exc,
    pub(crate) args: Vec<Value>,
}

/// A type as a value: callable, and what `isinstance` takes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Type {
    None,
    Ellipsis,
    Bool,
    Int,
    Float,
    Str,
    List,
    Tuple,
    Dict,
    Set,
    FrozenSet,
    Range,
    View(&'static str),
    Iterator(&'static str),
    Function,
    Builtin,
    Method,
    Module,
    /// `type`: types are values too.
    Class,
    /// `object`: every value is one.
    Object,
    Exception(Exc),
    /// Types that modules bring: `Path`, `Counter`.
    Host(&'static HostType),
    /// Values of the host: wildcards, rules, files.
    Other(&'static str),
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::None => "NoneType",
            Type::Ellipsis => "ellipsis",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Str => "str",
            Type::List => "list",
            Type::Tuple => "tuple",
            Type::Dict => "dict",
            Type::Set => "set",
            Type::FrozenSet => "frozenset",
            Type::Range => "range",
            Type::Function => "function",
            Type::Builtin | Type::Method => "builtin_function_or_method",
            Type::Module => "module",
            Type::Class => "type",
            Type::Object => "object",
            Type::Exception(kind) => kind.name(),
            Type::Host(host) => host.name,
            Type::View(name) | Type::Iterator(name) | Type::Other(name) => name,
        }
    }
}

/// A value of the language. Cloning is cheap: containers are shared, not copied.
#[derive(Clone)]
pub(crate) enum Value {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Arc<str>),
    List(Arc<List>),
    Tuple(Arc<Tuple>),
    Dict(Arc<Dict>),
    Set(Arc<Set>),
    Range(Arc<Range>),
    View(Arc<View>),
    Iter(Arc<Iter>),
    Function(Arc<Function>),
    Builtin(&'static Builtin),
    Method(Arc<BoundMethod>),
    Type(Type),
    Exception(Arc<Exception>),
    Module(Arc<Module>),
    Object(Arc<dyn Object>),
}

/// A hashable value. `1`, `1.0` and `True` are one key, as in Python.
#[derive(Clone)]
pub(crate) struct Key(pub(crate) Value);

/// Looks up a text key without building a value.
pub(crate) struct TextKey<'a>(pub(crate) &'a str);

impl Value {
    pub(crate) fn str(text: impl Into<Arc<str>>) -> Value {
        Value::Str(text.into())
    }

    pub(crate) fn list(items: Vec<Value>) -> Value {
        Value::List(Arc::new(List(Shared::new(items))))
    }

    pub(crate) fn tuple(items: Vec<Value>) -> Value {
        Value::Tuple(Arc::new(Tuple(items, None)))
    }

    pub(crate) fn dict(map: DictMap) -> Value {
        Value::flavoured(map, Flavour::Plain)
    }

    pub(crate) fn flavoured(map: DictMap, flavour: Flavour) -> Value {
        Value::Dict(Arc::new(Dict(Shared::new(map), flavour)))
    }

    pub(crate) fn set(items: SetItems) -> Value {
        Value::Set(Arc::new(Set { items: Shared::new(items), immutable: false }))
    }

    pub(crate) fn frozenset(items: SetItems) -> Value {
        Value::Set(Arc::new(Set { items: Shared::new(items), immutable: true }))
    }

    pub(crate) fn iterator(name: &'static str, mut items: Vec<Value>) -> Value {
        items.reverse();
        Value::endless(name, Rest::Items(items))
    }

    /// An iterator that may have no end.
    pub(crate) fn endless(name: &'static str, rest: Rest) -> Value {
        Value::Iter(Arc::new(Iter { name, rest: Shared::new(rest) }))
    }

    pub(crate) fn object(object: impl Object) -> Value {
        Value::Object(Arc::new(object))
    }

    /// A function of the host with state.
    pub(crate) fn native<F>(name: &'static str, call: F) -> Value
    where
        F: Fn(&mut Vm, Args) -> Result<Value, Raise> + Send + Sync + 'static,
    {
        Value::object(Native { name, parameters: Vec::new(), inner: Vec::new(), call: Box::new(call) })
    }

    pub(crate) fn type_of(&self) -> Type {
        match self {
            Value::None => Type::None,
            Value::Ellipsis => Type::Ellipsis,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Float(_) => Type::Float,
            Value::Str(_) => Type::Str,
            Value::List(_) => Type::List,
            Value::Tuple(_) => Type::Tuple,
            Value::Dict(dict) => match &dict.1 {
                Flavour::Plain => Type::Dict,
                Flavour::Ordered => Type::Host(&collections::ORDERED_DICT),
                Flavour::Counter => Type::Host(&collections::COUNTER),
                Flavour::Default(_) => Type::Host(&collections::DEFAULT_DICT),
            },
            Value::Set(set) if set.immutable => Type::FrozenSet,
            Value::Set(_) => Type::Set,
            Value::Range(_) => Type::Range,
            Value::View(view) => Type::View(match view.kind {
                ViewKind::Keys => "dict_keys",
                ViewKind::Values => "dict_values",
                ViewKind::Items => "dict_items",
            }),
            Value::Iter(iter) => Type::Iterator(iter.name),
            Value::Function(_) => Type::Function,
            Value::Builtin(_) => Type::Builtin,
            Value::Method(_) => Type::Method,
            Value::Type(_) => Type::Class,
            Value::Exception(exception) => Type::Exception(exception.kind),
            Value::Module(_) => Type::Module,
            Value::Object(object) => match object.host_type() {
                Some(host) => Type::Host(host),
                None => Type::Other(object.type_name()),
            },
        }
    }

    pub(crate) fn type_name(&self) -> &'static str {
        self.type_of().name()
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_callable(&self) -> bool {
        match self {
            Value::Function(_) | Value::Builtin(_) | Value::Method(_) | Value::Type(_) => true,
            Value::Object(object) => object.is_callable(),
            _ => false,
        }
    }

    /// Names of the parameters of a callable that Rulefile code wrote or the host offers; else empty.
    pub(crate) fn parameters(&self) -> Vec<Arc<str>> {
        match self {
            Value::Function(function) => function.def.params.iter().map(|p| p.name.text.clone()).collect(),
            Value::Object(object) => object.parameters(),
            _ => Vec::new(),
        }
    }

    /// The host object of type `T`.
    pub(crate) fn downcast<T: Object>(&self) -> Option<&T> {
        match self {
            Value::Object(object) => (&**object as &dyn Any).downcast_ref::<T>(),
            _ => None,
        }
    }

    /// Whether both are the same object (`is`); by value for numbers and texts.
    pub(crate) fn is_same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::None, Value::None) | (Value::Ellipsis, Value::Ellipsis) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Str(a), Value::Str(b)) => a == b,
            (Value::Type(a), Value::Type(b)) => a == b,
            (Value::Tuple(a), Value::Tuple(b)) if a.0.is_empty() && b.0.is_empty() => true,
            _ => matches!((self.address(), other.address()), (Some(a), Some(b)) if a == b),
        }
    }

    /// The place in memory of a shared value: its identity.
    pub(crate) fn address(&self) -> Option<usize> {
        fn of<T: ?Sized>(shared: &Arc<T>) -> Option<usize> {
            Some(Arc::as_ptr(shared).cast::<()>().addr())
        }
        match self {
            Value::List(x) => of(x),
            Value::Tuple(x) => of(x),
            Value::Dict(x) => of(x),
            Value::Set(x) => of(x),
            Value::Range(x) => of(x),
            Value::View(x) => of(x),
            Value::Iter(x) => of(x),
            Value::Function(x) => of(x),
            Value::Method(x) => of(x),
            Value::Exception(x) => of(x),
            Value::Module(x) => of(x),
            Value::Object(x) => of(x),
            Value::Builtin(builtin) => Some(std::ptr::from_ref(*builtin).addr()),
            _ => None,
        }
    }

    /// Makes everything reachable immutable.
    pub(crate) fn freeze(&self) {
        let mut queue = vec![self.clone()];
        let mut seen = FxHashSet::default();
        while let Some(value) = queue.pop() {
            if value.address().is_some_and(|at| seen.insert(at)) {
                value.freeze_one(&mut queue);
            }
        }
    }

    fn freeze_one(&self, queue: &mut Vec<Value>) {
        match self {
            Value::List(list) if list.0.freeze() => list.0.read(|items| queue.extend(items.iter().cloned())),
            Value::Tuple(tuple) => {
                queue.extend(tuple.0.iter().cloned());
                queue.extend(tuple.1.iter().flat_map(|record| record.held()));
            }
            Value::Dict(dict) if dict.0.freeze() => {
                if let Flavour::Default(function) = &dict.1 {
                    queue.push(function.clone());
                }
                dict.0.read(|map| queue.extend(map.iter().flat_map(|(k, v)| [k.0.clone(), v.clone()])));
            }
            Value::Set(set) if set.items.freeze() => {
                set.items.read(|items| queue.extend(items.iter().map(|k| k.0.clone())));
            }
            Value::View(view) => queue.push(Value::Dict(view.dict.clone())),
            Value::Iter(iter) if iter.rest.freeze() => iter.rest.read(|r| queue.extend(r.held())),
            Value::Function(function) => {
                queue.extend(function.defaults.iter().flatten().cloned());
                for cell in function.captured.iter().flatten() {
                    if cell.0.freeze() {
                        cell.0.read(|value| queue.extend(value.iter().cloned()));
                    }
                }
            }
            Value::Method(method) => queue.extend(method.receiver.iter().cloned()),
            Value::Exception(exception) => queue.extend(exception.args.iter().cloned()),
            Value::Module(module) => queue.extend(module.members.values().cloned()),
            Value::Object(object) => {
                object.freeze();
                queue.extend(object.inner());
            }
            _ => {}
        }
    }

    pub(crate) fn from_model(value: &model::value::Value) -> Value {
        use model::value::Value as Model;
        let keys = |items: &[Model]| -> SetItems {
            items.iter().filter_map(|item| Key::new(Value::from_model(item)).ok()).collect()
        };
        match value {
            Model::None => Value::None,
            Model::Bool(b) => Value::Bool(*b),
            Model::Int(n) => Value::Int(*n),
            Model::Float(x) => Value::Float(*x),
            Model::Str(text) => Value::Str(text.clone()),
            Model::List(items) => Value::list(items.iter().map(Value::from_model).collect()),
            Model::Tuple(items) => Value::tuple(items.iter().map(Value::from_model).collect()),
            // What comes out of a set can be put into one.
            Model::Set(items) => Value::set(keys(items)),
            Model::FrozenSet(items) => Value::frozenset(keys(items)),
            Model::Record(items) => {
                let (fields, values): (Vec<Arc<str>>, Vec<Value>) =
                    items.iter().map(|(name, value)| (name.clone(), Value::from_model(value))).unzip();
                let (defaults, more) = (Held(Vec::new()), Vec::new());
                let record = Record { name: "Record".into(), fields, defaults, more };
                Value::Tuple(Arc::new(Tuple(values, Some(Arc::new(record)))))
            }
            Model::Map(items) => {
                let pairs = items.iter().map(|(k, v)| (Key::text(k.clone()), Value::from_model(v)));
                Value::dict(pairs.collect())
            }
        }
    }

    /// The plain value that a job sees: iterators become lists, keys become text.
    pub(crate) fn to_model(&self) -> Result<model::value::Value, Raise> {
        self.to_model_at(0, &mut 0)
    }

    fn to_model_at(&self, depth: usize, parts: &mut usize) -> Result<model::value::Value, Raise> {
        use model::value::Value as Model;
        *parts += 1;
        if depth > MAX_NESTING || *parts > MAX_PLAIN_PARTS {
            return Err(Raise::new(Exc::RecursionError, "value is too large or nested too deeply"));
        }
        let mut all = |items: &[Value]| -> Result<Arc<[Model]>, Raise> {
            items.iter().map(|item| item.to_model_at(depth + 1, parts)).collect()
        };
        Ok(match self {
            Value::None => Model::None,
            Value::Bool(b) => Model::Bool(*b),
            Value::Int(n) => Model::Int(*n),
            Value::Float(x) => Model::Float(*x),
            Value::Str(text) => Model::Str(text.clone()),
            Value::Tuple(tuple) if tuple.1.as_ref().is_some_and(|r| r.fields.len() == tuple.0.len()) => {
                let fields = tuple.1.iter().flat_map(|record| &record.fields);
                let named: Result<Vec<_>, Raise> = fields
                    .zip(&tuple.0)
                    .map(|(name, value)| Ok((name.clone(), value.to_model_at(depth + 1, parts)?)))
                    .collect();
                Model::Record(named?.into())
            }
            Value::Dict(dict) => {
                let pairs = dict.0.read(|map| {
                    map.iter()
                        .map(|(k, v)| Ok((k.0.display(), v.to_model_at(depth + 1, parts)?)))
                        .collect::<Result<Vec<_>, Raise>>()
                });
                Model::Map(pairs?.into())
            }
            Value::Object(object) => match (object.to_model(), object.items()) {
                (Some(value), _) => value,
                (None, Some(items)) => Model::List(all(&items)?),
                (None, None) if object.is_callable() => return Err(self.no_plain_value()),
                (None, None) => Model::Str(object.text().into()),
            },
            _ => match (self, self.snapshot()) {
                (Value::Tuple(_), Some(items)) => Model::Tuple(all(&items)?),
                (Value::Set(set), Some(items)) if set.immutable => Model::FrozenSet(all(&items)?),
                (Value::Set(_), Some(items)) => Model::Set(all(&items)?),
                (_, Some(items)) => Model::List(all(&items)?),
                (_, None) => return Err(self.no_plain_value()),
            },
        })
    }

    fn no_plain_value(&self) -> Raise {
        Raise::type_error(format!("`{}` cannot be given to a job as a value", self.type_name()))
    }

    /// The elements of a finite built-in collection, in order; `None` for other values and texts.
    pub(crate) fn snapshot(&self) -> Option<Vec<Value>> {
        Some(match self {
            Value::List(list) => list.0.read(Vec::clone),
            Value::Tuple(tuple) => tuple.0.clone(),
            Value::Dict(dict) => dict.0.read(|map| map.keys().map(Key::value).collect()),
            Value::Set(set) => set.items.read(|items| items.iter().map(Key::value).collect()),
            Value::View(view) => view.snapshot(),
            Value::Iter(iter) => iter.rest.read(|rest| match rest {
                Rest::Items(items) => Some(items.iter().rev().cloned().collect()),
                _ => None,
            })?,
            Value::Range(range) if range.len() <= MAX_SNAPSHOT_RANGE => {
                (0..range.len()).filter_map(|i| range.get(i).map(Value::Int)).collect()
            }
            _ => return None,
        })
    }
}

/// Values nested more deeply than this are refused by walks that recurse.
pub(crate) const MAX_NESTING: usize = 200;
/// Values with more parts are not given to jobs.
const MAX_PLAIN_PARTS: usize = 4_000_000;
/// Ranges longer than this reach nobody as a list unless the budget was asked.
const MAX_SNAPSHOT_RANGE: i64 = 1_000_000;

impl View {
    pub(crate) fn snapshot(&self) -> Vec<Value> {
        self.dict.0.read(|map| match self.kind {
            ViewKind::Keys => map.keys().map(Key::value).collect(),
            ViewKind::Values => map.values().cloned().collect(),
            ViewKind::Items => map.iter().map(|(k, v)| Value::tuple(vec![k.value(), v.clone()])).collect(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.dict.0.read(IndexMap::len)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(text.into())
    }
}
