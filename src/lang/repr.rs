//! `repr()` and `str()`, character for character as CPython writes them (sets in order of insertion).

use crate::lang::modules::collections;
use crate::lang::raise::{Exc, Raise, exception_text};
use crate::lang::value::{Dict, DictMap, Flavour, Key, MAX_NESTING, Tuple, Value, View, ViewKind};
use crate::lang::vm::Vm;
use crate::model::value::python_float;
use std::fmt::Write;
use std::sync::Arc;

/// Longest text of a value inside a message.
const MESSAGE_BYTES: usize = 1 << 16;

impl Value {
    /// `repr()` for messages: cut when it is very long.
    pub(crate) fn repr(&self) -> String {
        let mut writer = Writer { out: String::new(), limit: MESSAGE_BYTES, open: Vec::new() };
        if writer.value(self).is_err() {
            writer.out.push('…');
        }
        writer.out
    }

    /// `repr()`, all of it; `None` for what contains itself.
    pub(crate) fn whole_repr(&self) -> Option<String> {
        let mut writer = Writer { out: String::new(), limit: usize::MAX, open: Vec::new() };
        writer.value(self).ok()?;
        Some(writer.out)
    }

    /// `str()` for messages; a text is not copied.
    pub(crate) fn display(&self) -> Arc<str> {
        match self {
            Value::Str(text) => text.clone(),
            Value::Exception(exception) => exception_text(exception.kind, &exception.args).into(),
            Value::Object(object) => object.text().into(),
            other => other.repr().into(),
        }
    }
}

impl Vm<'_> {
    /// `repr()`, paid from the budget.
    pub(crate) fn repr(&mut self, value: &Value) -> Result<String, Raise> {
        let limit = self.budget.room() as usize;
        let mut writer = Writer { out: String::new(), limit, open: Vec::new() };
        writer.value(value)?;
        self.budget.allocate(writer.out.len() as u64)?;
        Ok(writer.out)
    }

    /// `str()`, paid from the budget.
    pub(crate) fn text(&mut self, value: &Value) -> Result<Arc<str>, Raise> {
        match value {
            Value::Str(_) | Value::Exception(_) => Ok(value.display()),
            Value::Object(object) => object.check_text().map(|()| value.display()),
            other => self.repr(other).map(Arc::from),
        }
    }
}

struct Writer {
    out: String,
    limit: usize,
    /// Containers being written, so that one that holds itself is written as `[...]`.
    open: Vec<usize>,
}

impl Writer {
    fn push(&mut self, text: std::fmt::Arguments) {
        // Writing to a `String` cannot fail.
        let _ = self.out.write_fmt(text);
    }

    fn value(&mut self, value: &Value) -> Result<(), Raise> {
        if self.out.len() > self.limit {
            return Err(Raise::new(Exc::BudgetExceeded, "the text of a value is too long"));
        }
        match value {
            Value::None => self.out.push_str("None"),
            Value::Ellipsis => self.out.push_str("Ellipsis"),
            Value::Bool(true) => self.out.push_str("True"),
            Value::Bool(false) => self.out.push_str("False"),
            Value::Int(n) => self.push(format_args!("{n}")),
            Value::Float(x) => self.out.push_str(&python_float(*x)),
            Value::Str(text) => quote(text, false, &mut self.out),
            Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) | Value::View(_) => {
                return self.container(value);
            }
            Value::Range(r) if r.step == 1 => self.push(format_args!("range({}, {})", r.start, r.stop)),
            Value::Range(r) => self.push(format_args!("range({}, {}, {})", r.start, r.stop, r.step)),
            Value::Iter(iter) => self.push(format_args!("<{} object>", iter.name)),
            Value::Function(function) => self.push(format_args!("<function {}>", function.def.name.text)),
            Value::Builtin(builtin) => self.push(format_args!("<built-in function {}>", builtin.name)),
            Value::Method(method) => self.push(format_args!("<built-in method {}>", method.method.name)),
            Value::Type(of) => self.push(format_args!("<class '{}'>", of.name())),
            Value::Module(module) => self.push(format_args!("<module '{}'>", module.name)),
            Value::Object(object) => match object.shape() {
                Some((open, inside, close)) => return self.shape(value, &open, &inside, &close),
                None => self.out.push_str(&object.repr()),
            },
            Value::Exception(exception) => {
                self.out.push_str(exception.kind.name());
                return self.sequence("(", &exception.args, ")");
            }
        }
        Ok(())
    }

    fn container(&mut self, value: &Value) -> Result<(), Raise> {
        let at = value.address().unwrap_or(0);
        if self.open.contains(&at) {
            self.out.push_str(match value {
                Value::List(_) => "[...]",
                Value::Tuple(_) => "(...)",
                Value::Dict(_) => "{...}",
                _ => "...",
            });
            return Ok(());
        }
        if self.open.len() >= MAX_NESTING {
            return Err(Raise::new(Exc::RecursionError, "value is nested too deeply"));
        }
        self.open.push(at);
        let result = match value {
            Value::List(list) => list.0.read(|items| self.sequence("[", items, "]")),
            Value::Tuple(tuple) if tuple.1.is_some() => self.record(tuple),
            Value::Tuple(tuple) if tuple.0.len() == 1 => self.sequence("(", &tuple.0, ",)"),
            Value::Tuple(tuple) => self.sequence("(", &tuple.0, ")"),
            Value::Dict(dict) => match &dict.1 {
                Flavour::Plain => dict.0.read(|map| self.dict(map)),
                _ => self.flavoured(dict),
            },
            Value::Set(set) => set.items.read(|items| match (items.is_empty(), set.immutable) {
                (true, true) => self.raw("frozenset()"),
                (true, false) => self.raw("set()"),
                (false, true) => self.keys("frozenset({", items.iter(), "})"),
                (false, false) => self.keys("{", items.iter(), "}"),
            }),
            Value::View(view) => self.view(view),
            _ => Ok(()),
        };
        self.open.pop();
        result
    }

    /// An object that is written as the value inside it between two texts.
    fn shape(&mut self, object: &Value, open: &str, inside: &Value, close: &str) -> Result<(), Raise> {
        let at = object.address().unwrap_or(0);
        if self.open.contains(&at) || self.open.len() >= MAX_NESTING {
            return self.raw("...");
        }
        self.open.push(at);
        self.out.push_str(open);
        let result = self.value(inside);
        self.open.pop();
        result?;
        self.raw(close)
    }

    /// `Point(x=1, y=2)`
    fn record(&mut self, tuple: &Tuple) -> Result<(), Raise> {
        let Some(record) = &tuple.1 else { return Ok(()) };
        self.out.push_str(&record.name);
        self.out.push('(');
        for (i, (name, value)) in record.fields.iter().zip(&tuple.0).enumerate() {
            self.out.push_str(if i == 0 { "" } else { ", " });
            self.out.push_str(name);
            self.out.push('=');
            self.value(value)?;
        }
        self.raw(")")
    }

    /// `Counter({'a': 2})`, `defaultdict(<class 'list'>, {})`, `OrderedDict({'a': 1})`
    fn flavoured(&mut self, dict: &Dict) -> Result<(), Raise> {
        match &dict.1 {
            Flavour::Counter if dict.0.read(DictMap::is_empty) => return self.raw("Counter()"),
            Flavour::Ordered if dict.0.read(DictMap::is_empty) => return self.raw("OrderedDict()"),
            Flavour::Counter => self.out.push_str("Counter("),
            Flavour::Ordered => self.out.push_str("OrderedDict("),
            Flavour::Default(function) => {
                self.out.push_str("defaultdict(");
                self.value(function)?;
                self.out.push_str(", ");
            }
            Flavour::Plain => {}
        }
        match &dict.1 {
            Flavour::Counter => self.dict(&collections::by_count(dict).into_iter().collect())?,
            _ => dict.0.read(|map| self.dict(map))?,
        }
        self.raw(")")
    }

    fn raw(&mut self, text: &str) -> Result<(), Raise> {
        self.out.push_str(text);
        Ok(())
    }

    fn view(&mut self, view: &View) -> Result<(), Raise> {
        let items = view.snapshot();
        let name = match view.kind {
            ViewKind::Keys => "dict_keys([",
            ViewKind::Values => "dict_values([",
            ViewKind::Items => "dict_items([",
        };
        self.sequence(name, &items, "])")
    }

    fn sequence(&mut self, open: &str, items: &[Value], close: &str) -> Result<(), Raise> {
        self.out.push_str(open);
        for (i, item) in items.iter().enumerate() {
            self.out.push_str(if i == 0 { "" } else { ", " });
            self.value(item)?;
        }
        self.raw(close)
    }

    fn keys<'k>(
        &mut self,
        open: &str,
        keys: impl Iterator<Item = &'k Key>,
        close: &str,
    ) -> Result<(), Raise> {
        self.out.push_str(open);
        for (i, key) in keys.enumerate() {
            self.out.push_str(if i == 0 { "" } else { ", " });
            self.value(key.get())?;
        }
        self.raw(close)
    }

    fn dict(&mut self, map: &DictMap) -> Result<(), Raise> {
        self.out.push('{');
        for (i, (key, value)) in map.iter().enumerate() {
            self.out.push_str(if i == 0 { "" } else { ", " });
            self.value(key.get())?;
            self.out.push_str(": ");
            self.value(value)?;
        }
        self.raw("}")
    }
}

/// A text in quotes with escapes; `ascii` escapes everything else too.
pub(crate) fn quote(text: &str, ascii: bool, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) && (c.is_ascii() || !ascii) => out.push(c),
            c => {
                let code = c as u32;
                let escape = match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                };
                out.push_str(&escape);
            }
        }
    }
    out.push(quote);
}

/// `str.isprintable` of one character: not a control, format, private or separator character.
pub(crate) fn is_printable(c: char) -> bool {
    let hidden = matches!(c as u32,
        0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e
        | 0x2060..=0x206f | 0xe000..=0xf8ff | 0xfeff | 0xfff0..=0xfffb | 0xfffe..=0xffff
        | 0xe0000..=0x10ffff);
    c == ' ' || !(hidden || c.is_control() || c.is_whitespace())
}
