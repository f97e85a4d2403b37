//! `namedtuple`: tuples whose elements have names.

use crate::lang::builtins::args::{text, wrong};
use crate::lang::methods::containers::entries;
use crate::lang::object::Object;
use crate::lang::raise::Raise;
use crate::lang::teardown::Held;
use crate::lang::value::{Args, BoundMethod, DictMap, Key, Method, Record, Tuple, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// A type that `namedtuple` made.
#[derive(Debug)]
struct RecordType(Arc<Record>);

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// `namedtuple("Point", "x y", defaults=[...])`
pub(super) fn namedtuple(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let names = ["typename", "field_names", "*rename", "*defaults", "*module"];
    let [name, fields, _, defaults, _] = args.take("namedtuple", names, 2)?;
    let name = text(&name.unwrap_or(Value::None), "namedtuple")?;
    let fields: Vec<Arc<str>> = match &fields {
        Some(Value::Str(names)) => names.replace(',', " ").split_whitespace().map(Arc::from).collect(),
        Some(other) => {
            let names = vm.collect(other)?;
            names.iter().map(|name| text(name, "namedtuple")).collect::<Result<_, _>>()?
        }
        None => Vec::new(),
    };
    for (i, field) in fields.iter().enumerate() {
        let mut chars = field.chars();
        let plain = chars.next().is_some_and(unicode_ident::is_xid_start)
            && chars.all(unicode_ident::is_xid_continue);
        if !plain {
            return Err(Raise::value_error(format!("`{field}` cannot be the name of a field")));
        }
        if fields[..i].contains(field) {
            return Err(Raise::value_error(format!("field `{field}` is named twice")));
        }
    }
    let defaults = match &defaults {
        None | Some(Value::None) => Vec::new(),
        Some(values) => vm.collect(values)?,
    };
    if defaults.len() > fields.len() {
        return Err(Raise::type_error("there are more default values than fields"));
    }
    let record = Record { name, fields, defaults: Held(defaults), more: Vec::new() };
    Ok(Value::object(RecordType(Arc::new(record))))
}

impl RecordType {
    fn make(&self, args: Args) -> Result<Value, Raise> {
        let record = &self.0;
        let count = record.fields.len();
        if args.positional.len() > count {
            let message =
                format!("`{}` has {count} fields, {} values were given", record.name, args.positional.len());
            return Err(Raise::type_error(message));
        }
        let mut values: Vec<Option<Value>> = args.positional.into_iter().map(Some).collect();
        values.resize(count, None);
        for (name, value) in args.named {
            let known = record.fields.iter().position(|field| *field == name);
            let Some(slot) = known.and_then(|at| values.get_mut(at)) else {
                let raise = Raise::type_error(format!("`{}` has no field `{name}`", record.name));
                return Err(raise.did_you_mean(&name, record.fields.iter().map(|f| &**f)));
            };
            if slot.is_some() {
                return Err(Raise::type_error(format!("field `{name}` is given twice")));
            }
            *slot = Some(value);
        }
        let first_default = count - record.defaults.0.len();
        let mut items = Vec::with_capacity(count);
        for (at, value) in values.into_iter().enumerate() {
            let default = at.checked_sub(first_default).and_then(|at| record.defaults.0.get(at)).cloned();
            let missing =
                || Raise::type_error(format!("`{}`: field `{}` is missing", record.name, record.fields[at]));
            items.push(value.or(default).ok_or_else(missing)?);
        }
        Ok(Value::Tuple(Arc::new(Tuple(items, Some(record.clone())))))
    }
}

impl Object for RecordType {
    fn type_name(&self) -> &'static str {
        "type"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(match name {
            "__name__" => Some(Value::Str(self.0.name.clone())),
            "_fields" => Some(fields_of(&self.0)),
            "_make" => Some(Value::object(Make(self.0.clone()))),
            _ => None,
        })
    }

    fn repr(&self) -> String {
        format!("<class '{}'>", self.0.name)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        self.0.fields.clone()
    }

    fn call(&self, _: &mut Vm, args: Args) -> Result<Value, Raise> {
        self.make(args)
    }

    fn inner(&self) -> Vec<Value> {
        self.0.held().collect()
    }

    fn release(&mut self) -> Vec<Value> {
        Arc::get_mut(&mut self.0).map(|record| std::mem::take(&mut record.defaults.0)).unwrap_or_default()
    }
}

/// `Point._make`
#[derive(Debug)]
struct Make(Arc<Record>);

impl Object for Make {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        let values = vm.collect(&args.one("_make")?)?;
        if values.len() != self.0.fields.len() {
            let message = format!(
                "`{}` has {} fields, {} values were given",
                self.0.name,
                self.0.fields.len(),
                values.len()
            );
            return Err(Raise::type_error(message));
        }
        RecordType(self.0.clone()).make(Args::positional(values))
    }

    fn inner(&self) -> Vec<Value> {
        self.0.held().collect()
    }

    fn release(&mut self) -> Vec<Value> {
        Arc::get_mut(&mut self.0).map(|record| std::mem::take(&mut record.defaults.0)).unwrap_or_default()
    }
}

/// A namedtuple with attributes besides its fields, for other modules.
pub(in crate::lang) fn with_more(name: &str, fields: Vec<(&str, Value)>, more: Vec<(&str, Value)>) -> Value {
    let (names, values): (Vec<_>, Vec<_>) =
        fields.into_iter().map(|(name, value)| (name.into(), value)).unzip();
    let more = more.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let record = Record { name: name.into(), fields: names, defaults: Held(Vec::new()), more };
    Value::Tuple(Arc::new(Tuple(values, Some(Arc::new(record)))))
}

fn fields_of(record: &Record) -> Value {
    Value::tuple(record.fields.iter().map(|field| Value::Str(field.clone())).collect())
}

static METHODS: &[Method] =
    &[Method { name: "_asdict", call: as_dict }, Method { name: "_replace", call: replace }];

/// The attribute of a namedtuple, given as a tuple and as a value.
pub(crate) fn field(tuple: &Tuple, value: &Value, name: &str) -> Option<Value> {
    let record = tuple.1.as_ref()?;
    if let Some(at) = record.fields.iter().position(|field| **field == *name) {
        return tuple.0.get(at).cloned();
    }
    if let Some((_, value)) = record.more.iter().find(|(known, _)| **known == *name) {
        return Some(value.clone());
    }
    if name == "_fields" {
        return Some(fields_of(record));
    }
    let method = METHODS.iter().find(|method| method.name == name)?;
    let bound = BoundMethod { receiver: Some(value.clone()), of: Type::Tuple, method };
    Some(Value::Method(Arc::new(bound)))
}

fn this(me: &Value) -> Result<(&Arc<Tuple>, &Arc<Record>), Raise> {
    if let Value::Tuple(tuple) = me
        && let Some(record) = &tuple.1
    {
        return Ok((tuple, record));
    }
    Err(wrong(me, "namedtuple", "a namedtuple"))
}

fn as_dict(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("_asdict")?;
    let (tuple, record) = this(me)?;
    vm.budget.allocate_items(2 * tuple.0.len() as u64)?;
    let pairs =
        record.fields.iter().zip(&tuple.0).map(|(name, value)| (Key::text(name.clone()), value.clone()));
    Ok(Value::dict(pairs.collect::<DictMap>()))
}

fn replace(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let (tuple, record) = this(me)?;
    vm.budget.allocate_items(tuple.0.len() as u64)?;
    let mut items = tuple.0.clone();
    let given = Value::dict(args.named.into_iter().map(|(name, value)| (Key::text(name), value)).collect());
    for (name, value) in entries(vm, &given)? {
        let name = name.get().display();
        match record.fields.iter().position(|field| *field == name) {
            Some(at) => items[at] = value,
            None => return Err(Raise::value_error(format!("`{}` has no field `{name}`", record.name))),
        }
    }
    Ok(Value::Tuple(Arc::new(Tuple(items, Some(record.clone())))))
}

/// The type of a namedtuple, as `type(value)` gives it.
pub(crate) fn record_type(value: &Value) -> Option<Value> {
    match value {
        Value::Tuple(tuple) => tuple.1.clone().map(|record| Value::object(RecordType(record))),
        _ => None,
    }
}

pub(crate) fn is_record_type(value: &Value) -> bool {
    value.downcast::<RecordType>().is_some()
}

/// Whether `value` is a namedtuple of the type `of`.
pub(crate) fn is_record_of(value: &Value, of: &Value) -> bool {
    match (value, of.downcast::<RecordType>()) {
        (Value::Tuple(tuple), Some(of)) => tuple.1.as_ref().is_some_and(|record| Arc::ptr_eq(record, &of.0)),
        _ => false,
    }
}
