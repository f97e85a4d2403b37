//! YAML to values, from the parser's events, with a stack of its own instead of recursion.

use crate::diag::{Problem, SourceId, Span};
use crate::lang::config::{MAX_DEPTH, Parsed, copy};
use crate::lang::value::{Dict, DictMap, Key, Value};
use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use indexmap::map::Entry;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Values in one file, aliases expanded.
const MAX_VALUES: usize = 2_000_000;

/// A collection that is still open.
enum Open {
    List { items: Vec<Value>, anchor: usize, size: usize },
    Map { map: Map, key: Option<(Key, bool, Span)>, anchor: usize, size: usize },
}

#[derive(Default)]
struct Map {
    own: DictMap,
    places: Vec<Span>,
    /// What `<<` brings in: for keys that are not there.
    merged: Vec<Arc<Dict>>,
}

/// Builds values from the parser's events, with a stack of its own.
pub(super) struct Yaml<'t> {
    source: SourceId,
    base: usize,
    text: &'t str,
    open: Vec<Open>,
    anchors: FxHashMap<usize, (Value, usize)>,
    values: usize,
    result: Option<Value>,
    /// What a plain scalar is.
    plain: fn(&str) -> Value,
}

impl<'t> Yaml<'t> {
    pub(super) fn new(source: SourceId, base: usize, text: &'t str) -> Yaml<'t> {
        let anchors = FxHashMap::default();
        Yaml { source, base, text, open: Vec::new(), anchors, values: 0, result: None, plain: plain_scalar }
    }

    /// By the rules of YAML 1.2.
    pub(super) fn core(self) -> Yaml<'t> {
        Yaml { plain: core_scalar, ..self }
    }

    pub(super) fn document(mut self) -> Parsed<Value> {
        let mut documents = 0;
        for event in Parser::new_from_str(self.text) {
            let (event, span) = event.map_err(|e| self.scan_error(&e))?;
            let at = self.span(&span.start, &span.end);
            match event {
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        return self.fail("a config file can only hold one document", at);
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let tag = self.tag(tag.as_deref(), at)?;
                    let plain = style == ScalarStyle::Plain;
                    let merge = plain && &*text == "<<" && tag.is_none();
                    let value = self.scalar(&text, plain, tag.as_deref(), at)?;
                    self.anchor(anchor, &value, 1);
                    self.add(value, 1, merge, at)?;
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.tag(tag.as_deref(), at)?;
                    self.push(Open::List { items: Vec::new(), anchor, size: 1 }, at)?;
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.tag(tag.as_deref(), at)?;
                    self.push(Open::Map { map: Map::default(), key: None, anchor, size: 1 }, at)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(at)?,
                Event::Alias(id) => {
                    let Some((value, size)) = self.anchors.get(&id).cloned() else {
                        return self.fail("an alias cannot stand inside what it names", at);
                    };
                    // Before the copy: this is what stops a file that multiplies itself.
                    self.count(size, at)?;
                    self.add(copy(&value, 0), size, false, at)?;
                }
                _ => {}
            }
        }
        Ok(self.result.unwrap_or(Value::None))
    }

    fn span(&self, start: &Marker, end: &Marker) -> Span {
        let offset = |m: &Marker| {
            m.byte_offset().unwrap_or_else(|| char_offset(self.text, m.index())).min(self.text.len())
        };
        let (start, end) = (offset(start), offset(end));
        Span::new(self.source, self.base + start, self.base + end.max(start))
    }

    fn scan_error(&self, error: &ScanError) -> Box<Problem> {
        let at = self.span(error.marker(), error.marker());
        let problem = Problem::error("bad-config", format!("not YAML: {}", error.info())).at(at, "");
        let line = self.text[..(at.start as usize - self.base).min(self.text.len())]
            .rsplit('\n')
            .next()
            .unwrap_or("");
        Box::new(if line.contains('\t') {
            problem.help("YAML cannot be indented with tabs")
        } else {
            problem
        })
    }

    fn fail<T>(&self, message: impl Into<String>, at: Span) -> Parsed<T> {
        Err(Box::new(Problem::error("bad-config", message).at(at, "")))
    }

    fn count(&mut self, more: usize, at: Span) -> Parsed<()> {
        self.values += more;
        if self.values > MAX_VALUES {
            return self.fail(format!("this config file has more than {MAX_VALUES} values"), at);
        }
        Ok(())
    }

    fn tag(&self, tag: Option<&granit_parser::Tag>, at: Span) -> Parsed<Option<String>> {
        let Some(tag) = tag else { return Ok(None) };
        match tag.core_suffix() {
            Some(name @ ("str" | "int" | "float" | "bool" | "null" | "map" | "seq")) => {
                Ok(Some(name.to_string()))
            }
            _ => self.fail(format!("the YAML tag `{}` isn't supported", tag.original()), at),
        }
    }

    fn scalar(&mut self, text: &str, plain: bool, tag: Option<&str>, at: Span) -> Parsed<Value> {
        self.count(1, at)?;
        let resolved = match tag {
            Some("str") => return Ok(text.into()),
            None if !plain => return Ok(text.into()),
            _ => (self.plain)(text),
        };
        let value = match (tag, resolved) {
            (Some("float"), Value::Int(n)) => Value::Float(n as f64),
            (Some("float"), Value::Str(text)) => match text.parse() {
                Ok(x) => Value::Float(x),
                Err(_) => return self.fail(format!("`{text}` is not a number"), at),
            },
            (_, value) => value,
        };
        let wanted = match tag {
            Some("int") => "int",
            Some("bool") => "bool",
            Some("null") => "NoneType",
            _ => return Ok(value),
        };
        if value.type_name() == wanted {
            Ok(value)
        } else {
            self.fail(format!("`{text}` is not of the type that its tag says"), at)
        }
    }

    fn push(&mut self, open: Open, at: Span) -> Parsed<()> {
        self.count(1, at)?;
        if self.open.len() >= MAX_DEPTH {
            return self
                .fail(format!("this config file is nested too deeply: more than {MAX_DEPTH} levels"), at);
        }
        self.open.push(open);
        Ok(())
    }

    fn anchor(&mut self, anchor: usize, value: &Value, size: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
    }

    fn close(&mut self, at: Span) -> Parsed<()> {
        let (value, anchor, size) = match self.open.pop() {
            Some(Open::List { items, anchor, size }) => (Value::list(items), anchor, size),
            Some(Open::Map { mut map, anchor, size, .. }) => {
                for merged in std::mem::take(&mut map.merged) {
                    for (key, value) in
                        merged.0.read(|m| m.iter().map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>())
                    {
                        map.own.entry(key).or_insert(value);
                    }
                }
                (Value::dict(map.own), anchor, size)
            }
            None => return Ok(()),
        };
        self.anchor(anchor, &value, size);
        self.add(value, size, false, at)
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, value: Value, size: usize, merge: bool, at: Span) -> Parsed<()> {
        match self.open.last_mut() {
            None => self.result = Some(value),
            Some(Open::List { items, size: total, .. }) => {
                items.push(value);
                *total += size;
            }
            Some(Open::Map { map, key, size: total, .. }) => {
                *total += size;
                match key.take() {
                    None => {
                        let Ok(new) = Key::new(value) else {
                            return self.fail("a list or mapping cannot be a key", at);
                        };
                        *key = Some((new, merge, at));
                    }
                    Some((_, true, _)) => {
                        let Some(merged) = mappings(&value) else {
                            return self.fail("`<<` needs a mapping or a list of mappings", at);
                        };
                        map.merged.extend(merged);
                    }
                    Some((key, false, place)) => match map.own.entry(key) {
                        Entry::Vacant(entry) => {
                            entry.insert(value);
                            map.places.push(place);
                        }
                        Entry::Occupied(entry) => {
                            let message = format!("key `{}` is there twice", entry.key().get().display());
                            let first = map.places.get(entry.index()).copied().unwrap_or(place);
                            let problem = Problem::error("duplicate-key", message)
                                .at(place, "again here")
                                .at(first, "first here");
                            return Err(Box::new(problem.help("remove one of them")));
                        }
                    },
                }
            }
        }
        Ok(())
    }
}

fn mappings(value: &Value) -> Option<Vec<Arc<Dict>>> {
    let dict = |v: &Value| if let Value::Dict(dict) = v { Some(dict.clone()) } else { None };
    match value {
        Value::List(list) => list.0.read(|items| items.iter().map(dict).collect()),
        other => dict(other).map(|d| vec![d]),
    }
}

/// Byte offset of a character; only for markers without one.
fn char_offset(text: &str, index: usize) -> usize {
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

/// A plain scalar by the rules of YAML 1.1 as PyYAML has them; dates stay texts.
pub(crate) fn plain_scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::None,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Value::Float(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if let Some(n) = yaml_int(digits) {
        return Value::Int(if negative { -n } else { n });
    }
    match yaml_float(digits, text.len() > digits.len()) {
        Some(x) => Value::Float(if negative { -x } else { x }),
        None => text.into(),
    }
}

/// A plain scalar by the core schema of YAML 1.2: `yes` is a text, `1e-4` a number, and `010` is ten. As Python's readers of it
/// do, `_` may stand between digits.
pub(crate) fn core_scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::None,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (if text.starts_with('-') { -1 } else { 1 }, rest),
        None => (1, text),
    };
    if matches!(digits, ".inf" | ".Inf" | ".INF") {
        return Value::Float(f64::from(sign) * f64::INFINITY);
    }
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b));
    let clean = digits.replace('_', "");
    let radix = [("0b", 2), ("0o", 8), ("0x", 16)].into_iter().find_map(|(prefix, radix)| {
        let rest = clean.strip_prefix(prefix).filter(|rest| !rest.starts_with(['-', '+']))?;
        Some(i64::from_str_radix(rest, radix).ok())
    });
    match radix {
        _ if !is_number => text.into(),
        Some(Some(n)) => Value::Int(i64::from(sign) * n),
        Some(None) => text.into(),
        None if clean.bytes().all(|b| b.is_ascii_digit()) => match clean.parse::<i64>() {
            Ok(n) => Value::Int(i64::from(sign) * n),
            Err(_) => text.into(),
        },
        None => match clean.parse::<f64>() {
            // What is read as a number besides: `inf`, `nan`.
            Ok(x) if clean.contains(|c: char| c.is_ascii_digit()) => Value::Float(f64::from(sign) * x),
            _ => text.into(),
        },
    }
}

/// Digits without their sign; too large ones stay texts.
fn yaml_int(digits: &str) -> Option<i64> {
    let clean: String = digits.chars().filter(|c| *c != '_').collect();
    let only = |text: &str, allowed: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| allowed(&b));
    if let Some(rest) = digits.strip_prefix("0b") {
        return only(rest, |b| matches!(b, b'0' | b'1' | b'_'))
            .then(|| i64::from_str_radix(&clean[2..], 2).ok())?;
    }
    if let Some(rest) = digits.strip_prefix("0x") {
        return only(rest, |b| b.is_ascii_hexdigit() || *b == b'_')
            .then(|| i64::from_str_radix(&clean[2..], 16).ok())?;
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return only(digits, |b| matches!(b, b'0'..=b'7' | b'_'))
            .then(|| i64::from_str_radix(&clean, 8).ok())?;
    }
    if only(digits, |b| b.is_ascii_digit() || *b == b'_') {
        return clean.parse().ok();
    }
    // Base 60: `1:30` is 90.
    let mut parts = clean.split(':');
    let first = parts.next().filter(|p| only(p, u8::is_ascii_digit))?;
    let mut total: i64 = first.parse().ok()?;
    let mut more = false;
    for part in parts {
        if part.len() > 2 || !only(part, u8::is_ascii_digit) || part.parse::<u8>().ok()? > 59 {
            return None;
        }
        total = total.checked_mul(60)?.checked_add(part.parse().ok()?)?;
        more = true;
    }
    more.then_some(total)
}

/// `1.5`, `.5` (without a sign), `1.5e+3`; a number without a point or an exponent without a sign is none.
fn yaml_float(digits: &str, signed: bool) -> Option<f64> {
    let clean: String = digits.chars().filter(|c| *c != '_').collect();
    let (mantissa, exponent) = match clean.find(['e', 'E']) {
        Some(at) => (&clean[..at], Some(&clean[at + 1..])),
        None => (clean.as_str(), None),
    };
    let (whole, part) = mantissa.split_once('.')?;
    let digit = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let signs = exponent
        .is_none_or(|e| e.strip_prefix(['+', '-']).is_some_and(|digits| !digits.is_empty() && digit(digits)));
    if !signs || !digit(part) || (whole.is_empty() && (part.is_empty() || signed)) {
        return None;
    }
    if !digit(whole) {
        // Base 60 with a fraction: `1:30.5` is 90.5.
        let total = yaml_int(whole)?;
        return (whole.contains(':') && exponent.is_none())
            .then(|| format!("{total}.{part}").parse().ok())?;
    }
    format!("0{clean}").parse().ok()
}
