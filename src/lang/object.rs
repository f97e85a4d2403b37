//! Values that the host brings: wildcards, lists of paths with names, functions with state.

use crate::lang::index::{self, Slice, index_in};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Method, NativeCall, Type, Value};
use crate::lang::vm::Vm;
use crate::model;
use crate::syntax::ast::{BinaryOp, CompareOp, UnaryOp};
use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A value of the host: wildcards, `rules.x`, lists of paths with names, files, paths, deferred things.
pub(crate) trait Object: Any + Send + Sync + fmt::Debug {
    fn type_name(&self) -> &'static str;

    /// The type, when the language has a name for it: its methods are the object's.
    fn host_type(&self) -> Option<&'static HostType> {
        None
    }

    /// The attribute; `None` when there is none.
    fn attribute(&self, _name: &str) -> Result<Option<Value>, Raise> {
        Ok(None)
    }

    /// Names for "did you mean".
    fn attribute_names(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    /// `object[key]`
    fn item(&self, _key: &Value) -> Result<Value, Raise> {
        Err(Raise::type_error(format!("`{}` object is not subscriptable", self.type_name())))
    }

    /// `object[key]` where it costs more than a look; by default [`Object::item`], and a list for a slice.
    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        match (key.downcast::<Slice>(), self.items()) {
            (Some(slice), Some(items)) => index::slice(vm, &Value::list(items), &slice.ends()?),
            _ => self.item(key),
        }
    }

    /// `object[key] = value`
    fn set(&self, _vm: &mut Vm, _key: &Value, _value: Value) -> Result<(), Raise> {
        Err(Raise::type_error(format!("`{}` object cannot be changed", self.type_name())))
    }

    /// `del object[key]`
    fn delete(&self, _vm: &mut Vm, _key: &Value) -> Result<(), Raise> {
        Err(Raise::type_error(format!("items of `{}` cannot be deleted", self.type_name())))
    }

    /// `object.name = value`
    fn set_attribute(&self, _vm: &mut Vm, name: &str, _value: Value) -> Result<(), Raise> {
        let message = format!("attribute `{name}` of `{}` cannot be set", self.type_name());
        Err(Raise::new(Exc::AttributeError, message).help("use a dict: `x[\"name\"] = value`"))
    }

    /// `len(object)`; by default the number of items.
    fn len(&self) -> Option<usize> {
        self.items().map(|items| items.len())
    }

    /// `item in object`; `None` when its items are to be searched.
    fn contains(&self, _vm: &mut Vm, _item: &Value) -> Option<Result<bool, Raise>> {
        None
    }

    /// Whether it is an iterator itself: [`Object::next`] gives its elements once.
    fn is_iterator(&self) -> bool {
        false
    }

    /// The next element of an iterator.
    fn next(&self) -> Result<Option<Value>, Raise> {
        Ok(None)
    }

    /// Its elements, when it can be iterated; also serves `len` and `in`.
    fn items(&self) -> Option<Vec<Value>> {
        None
    }

    /// Its named entries, for `**object`.
    fn entries(&self) -> Option<Vec<(Arc<str>, Value)>> {
        None
    }

    fn truth(&self) -> bool {
        self.items().is_none_or(|items| !items.is_empty())
    }

    /// Its truth in a condition; an error where none is meant.
    fn condition(&self) -> Result<bool, Raise> {
        Ok(self.truth())
    }

    /// `str(object)`
    fn text(&self) -> String {
        self.repr()
    }

    /// `format(object, spec)` where the object reads the specification itself; at most 32 bytes for one of it.
    fn format(&self, _spec: &str) -> Option<String> {
        None
    }

    /// Whether its text may be asked for: not where it stands for something that is not known yet.
    fn check_text(&self) -> Result<(), Raise> {
        Ok(())
    }

    fn repr(&self) -> String {
        format!("<{}>", self.type_name())
    }

    /// A plain value that stands for it in comparisons and as a dict key; identity decides without one.
    fn stand_in(&self) -> Option<Value> {
        None
    }

    /// A plain value that says where it stands among its like in a sorted list.
    fn sort_key(&self) -> Option<Value> {
        self.stand_in()
    }

    /// `object < other` where that has to be evaluated; `None` to compare the sort keys.
    fn less(&self, _vm: &mut Vm, _other: &Value) -> Option<Result<bool, Raise>> {
        None
    }

    fn is_callable(&self) -> bool {
        false
    }

    /// Parameter names, when it is callable.
    fn parameters(&self) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn call(&self, _vm: &mut Vm, _args: Args) -> Result<Value, Raise> {
        Err(Raise::type_error(format!("`{}` object is not callable", self.type_name())))
    }

    /// `object op other`, or `other op object` when `reflected`; `None` when it is not supported.
    fn binary(
        &self,
        _vm: &mut Vm,
        _op: BinaryOp,
        _other: &Value,
        _reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        None
    }

    /// `op object`; `None` when it is not supported. `not` asks [`Object::condition`].
    fn unary(&self, _vm: &mut Vm, _op: UnaryOp) -> Option<Result<Value, Raise>> {
        None
    }

    /// `object op other`, or `other op object` when `reflected`, where the result is not a bool of the whole;
    /// `None` leaves it to [`Object::stand_in`].
    fn compare(
        &self,
        _vm: &mut Vm,
        _op: CompareOp,
        _other: &Value,
        _reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        None
    }

    /// Whether it stands for a module of the project that could not be loaded.
    fn is_failed_import(&self) -> bool {
        false
    }

    /// Whether `with object as x:` works; `x` is the object itself.
    fn is_context(&self) -> bool {
        false
    }

    /// What happens at the end of `with object:`.
    fn exit(&self) -> Result<(), Raise> {
        Ok(())
    }

    /// The values inside, so that freezing reaches them.
    fn inner(&self) -> Vec<Value> {
        Vec::new()
    }

    /// How `repr` writes it: the value inside between two texts. `None` for [`Object::repr`].
    fn shape(&self) -> Option<(String, Value, String)> {
        None
    }

    /// Makes its own content immutable; what is inside is frozen after it.
    fn freeze(&self) {}

    /// Gives the values inside away, when it is about to be dropped and nobody else holds them.
    fn release(&mut self) -> Vec<Value> {
        Vec::new()
    }

    /// The value that a job sees; by default its items or its text.
    fn to_model(&self) -> Option<model::value::Value> {
        None
    }
}

/// A type that a module brings: callable, and what `isinstance` takes.
pub(crate) struct HostType {
    pub(crate) name: &'static str,
    pub(crate) parent: Option<Type>,
    pub(crate) construct: NativeCall,
    /// Functions that belong to the type and need no value: `Path.cwd`.
    pub(crate) statics: &'static [Builtin],
    /// Sorted by name.
    pub(crate) methods: &'static [Method],
    /// Which values of other types are instances, too: `collections.abc.Mapping`.
    pub(crate) includes: fn(&Value) -> bool,
}

impl HostType {
    /// What most types leave as it is.
    pub(crate) const PLAIN: HostType = HostType {
        name: "",
        parent: None,
        construct: |_, _| Err(Raise::type_error("values of this type cannot be made")),
        statics: &[],
        methods: &[],
        includes: |_| false,
    };
}

impl PartialEq for HostType {
    fn eq(&self, other: &HostType) -> bool {
        self.name == other.name
    }
}

impl Eq for HostType {}

impl Hash for HostType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for HostType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A function of the host: a closure with a name.
pub(crate) struct Native {
    pub(crate) name: &'static str,
    pub(crate) parameters: Vec<Arc<str>>,
    /// Values that the closure keeps, so that freezing reaches them.
    pub(crate) inner: Vec<Value>,
    pub(crate) call: Box<NativeClosure>,
}

pub(crate) type NativeClosure = dyn Fn(&mut Vm, Args) -> Result<Value, Raise> + Send + Sync;

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Native({})", self.name)
    }
}

impl Object for Native {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn repr(&self) -> String {
        format!("<function {}>", self.name)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        self.parameters.clone()
    }

    fn inner(&self) -> Vec<Value> {
        self.inner.clone()
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        (self.call)(vm, args)
    }
}

/// Values in order, some with names: wildcards, `input`, the result of `glob_wildcards`.
#[derive(Clone, Debug)]
pub(crate) struct NamedList {
    pub(crate) type_name: &'static str,
    pub(crate) items: Vec<(Option<Arc<str>>, Value)>,
    /// What `str()` gives when it is not a list of values.
    pub(crate) text: Option<String>,
}

impl Object for NamedList {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(self.items.iter().find(|(n, _)| n.as_deref() == Some(name)).map(|(_, v)| v.clone()))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        self.items.iter().filter_map(|(name, _)| name.clone()).collect()
    }

    fn item(&self, key: &Value) -> Result<Value, Raise> {
        match key {
            Value::Str(name) => self.attribute(name)?.ok_or_else(|| {
                let known: Vec<Arc<str>> = self.attribute_names();
                Raise::key_error(key).did_you_mean(name, known.iter().map(|n| &**n))
            }),
            Value::Int(_) | Value::Bool(_) => {
                let index = index_in(key, self.items.len(), self.type_name)?;
                Ok(self.items[index].1.clone())
            }
            other => Err(Raise::type_error(format!("cannot index by `{}`", other.type_name()))),
        }
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.items.iter().map(|(_, value)| value.clone()).collect())
    }

    fn entries(&self) -> Option<Vec<(Arc<str>, Value)>> {
        Some(self.items.iter().filter_map(|(n, v)| n.clone().map(|n| (n, v.clone()))).collect())
    }

    fn text(&self) -> String {
        let join = || {
            let parts: Vec<Arc<str>> = self.items.iter().map(|(_, v)| v.display()).collect();
            parts.join(" ")
        };
        self.text.clone().unwrap_or_else(join)
    }

    fn repr(&self) -> String {
        let fields: Vec<String> = self
            .items
            .iter()
            .map(|(name, value)| match name {
                Some(name) => format!("{name}={}", value.repr()),
                None => value.repr().to_string(),
            })
            .collect();
        format!("{}({})", self.type_name, fields.join(", "))
    }

    fn inner(&self) -> Vec<Value> {
        self.items.iter().map(|(_, value)| value.clone()).collect()
    }
}
