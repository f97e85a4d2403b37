//! Values as they reach a job: params, config, resources.

use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// A plain value: what params, resources and config hold.
///
/// Displays as Python's `str()` would, so that `{params.x}` reads the same as in Snakemake.
///
/// ```
/// use rulemake::Value;
/// assert_eq!(Value::from(true).to_string(), "True");
/// assert_eq!(Value::from(vec![Value::from("a"), Value::from(1)]).to_string(), "['a', 1]");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// Python's `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// A text.
    Str(Arc<str>),
    /// A list.
    List(Arc<[Value]>),
    /// A tuple: a list that is equal to no list.
    Tuple(Arc<[Value]>),
    /// A set, in order of insertion.
    Set(Arc<[Value]>),
    /// A set that can be part of another one.
    FrozenSet(Arc<[Value]>),
    /// A mapping from text, in order of insertion.
    #[serde(serialize_with = "serialize_map")]
    Map(Arc<[(Arc<str>, Value)]>),
    /// A list whose items have names, such as a row of a table.
    #[serde(serialize_with = "serialize_map")]
    Record(Arc<[(Arc<str>, Value)]>),
}

fn serialize_map<S: serde::Serializer>(map: &Arc<[(Arc<str>, Value)]>, s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(map.iter().map(|(k, v)| (k, v)))
}

impl Value {
    /// Python's `repr()`: distinguishes `1` from `'1'`. Part of the on-disk format: it enters fingerprints.
    ///
    /// ```
    /// # use rulemake::Value;
    /// assert_eq!((Value::from(1).canonical(), Value::from("1").canonical()), ("1".into(), "'1'".into()));
    /// ```
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write_canonical(&mut out);
        out
    }

    fn write_canonical(&self, out: &mut String) {
        match self {
            Value::Str(text) => python_quote(text, out),
            Value::List(items) => write_items(items, ("[", "]"), out),
            Value::Tuple(items) => write_items(items, ("(", if items.len() == 1 { ",)" } else { ")" }), out),
            Value::Set(items) if items.is_empty() => out.push_str("set()"),
            Value::Set(items) => write_items(items, ("{", "}"), out),
            Value::FrozenSet(items) if items.is_empty() => out.push_str("frozenset()"),
            Value::FrozenSet(items) => write_items(items, ("frozenset({", "})"), out),
            Value::Map(items) => {
                out.push('{');
                for (i, (key, item)) in items.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    python_quote(key, out);
                    out.push_str(": ");
                    item.write_canonical(out);
                }
                out.push('}');
            }
            Value::Record(items) => {
                out.push('(');
                for (i, (key, item)) in items.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    out.push_str(key);
                    out.push('=');
                    item.write_canonical(out);
                }
                out.push(')');
            }
            Value::None => out.push_str("None"),
            Value::Bool(true) => out.push_str("True"),
            Value::Bool(false) => out.push_str("False"),
            Value::Int(n) => out.push_str(&n.to_string()),
            Value::Float(x) => out.push_str(&python_float(*x)),
        }
    }

    /// The items of a list, a tuple or a set.
    pub(crate) fn items(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
                Some(items)
            }
            _ => None,
        }
    }

    /// The text, if it is one.
    ///
    /// ```
    /// # use rulemake::Value;
    /// assert_eq!((Value::from("a").as_str(), Value::from(1).as_str()), (Some("a"), None));
    /// ```
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    ///
    /// ```
    /// # use rulemake::Value;
    /// assert_eq!((Value::from(1).as_int(), Value::from(1.0).as_int()), (Some(1), None));
    /// ```
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The number, whole or not, if it is one.
    ///
    /// ```
    /// # use rulemake::Value;
    /// assert_eq!((Value::from(1).as_float(), Value::from(1.5).as_float()), (Some(1.0), Some(1.5)));
    /// ```
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Value::Int(n) => Some(*n as f64),
            Value::Float(x) => Some(*x),
            _ => None,
        }
    }

    /// The entry of a mapping or record.
    ///
    /// ```
    /// # use rulemake::Value;
    /// let value = Value::from_yaml("config.yaml", "min: 5\n")?;
    /// assert_eq!((value.get("min"), value.get("max")), (Some(&Value::Int(5)), None));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(items) | Value::Record(items) => {
                items.iter().find(|(k, _)| &**k == key).map(|(_, v)| v)
            }
            _ => None,
        }
    }
}

fn write_items(items: &[Value], (open, close): (&str, &str), out: &mut String) {
    out.push_str(open);
    for (i, item) in items.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        item.write_canonical(out);
    }
    out.push_str(close);
}

/// Python's `repr` of a string: single quotes unless only single quotes occur inside.
pub(crate) fn python_quote(text: &str, out: &mut String) {
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
            c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// Python's `repr` of a float: shortest digits that round-trip, exponent form outside 1e-4..1e16.
pub(crate) fn python_float(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.into();
    }
    let magnitude = x.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{x:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |e| ('-', e));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = format!("{x}");
    if text.contains('.') { text } else { text + ".0" }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Str(text) => f.write_str(text),
            other => f.write_str(&other.canonical()),
        }
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

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Value {
        Value::Int(n)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Value {
        Value::Int(n.into())
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Value {
        Value::Int(n.into())
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Float(x)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_as_python_writes_them() {
        for (x, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1.5e-7, "1.5e-07"),
            (-0.0, "-0.0"),
            (123456.5, "123456.5"),
        ] {
            assert_eq!(python_float(x), text);
        }
    }

    #[test]
    fn tuples_and_sets_read_as_python_writes_them() {
        let items = |n: usize| -> Arc<[Value]> { [1, 2].into_iter().take(n).map(Value::from).collect() };
        for (value, text) in [
            (Value::Tuple(items(0)), "()"),
            (Value::Tuple(items(1)), "(1,)"),
            (Value::Tuple(items(2)), "(1, 2)"),
            (Value::Set(items(0)), "set()"),
            (Value::Set(items(2)), "{1, 2}"),
            (Value::FrozenSet(items(0)), "frozenset()"),
            (Value::FrozenSet(items(2)), "frozenset({1, 2})"),
        ] {
            assert_eq!(value.canonical(), text);
        }
        assert_ne!(Value::Tuple(items(2)), Value::List(items(2)));
    }

    #[test]
    fn strings_quote_as_python_repr() {
        assert_eq!(Value::from("it's").canonical(), "\"it's\"");
        assert_eq!(Value::from("a\n\"b'").canonical(), r#"'a\n"b\''"#);
    }
}
