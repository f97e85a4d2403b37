//! Config files and `key=value` settings to values of the language. Opens nothing.
//!
//! YAML is read with PyYAML's rules for plain scalars (YAML 1.1), because that is what workflows were written
//! for: `yes` is true, `1e3` is a text. An alias is a copy; size and depth are limited, so that neither a deep
//! nor a self-multiplying file ("billion laughs") harms.

use crate::diag::{Problem, SourceId, Span};
use crate::lang::value::{Dict, DictMap, Key, TextKey, Value};
use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use indexmap::map::Entry;
use rustc_hash::FxHashMap;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::path::Path;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    Yaml,
    Json,
    Toml,
}

/// Values inside one another.
const MAX_DEPTH: usize = 100;
/// Values in one file, aliases expanded.
const MAX_VALUES: usize = 2_000_000;

type Parsed<T> = Result<T, Box<Problem>>;

/// The format by the name of the file; `None` when the extension says nothing.
pub(crate) fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "yaml" | "yml" => Some(Format::Yaml),
        "json" => Some(Format::Json),
        "toml" => Some(Format::Toml),
        _ => None,
    }
}

/// Parses a config file: always a mapping at the top, an empty file is an empty one.
pub(crate) fn parse(source: SourceId, text: &str, format: Format) -> Parsed<Arc<Dict>> {
    let text = text.strip_prefix('\u{feff}').map_or((0, text), |rest| (3, rest));
    let value = match format {
        Format::Yaml => Yaml::new(source, text.0, text.1).document()?,
        Format::Json => parse_json(source, text.0, text.1)?,
        Format::Toml => parse_toml(source, text.0, text.1)?,
    };
    match value {
        Value::Dict(dict) => Ok(dict),
        Value::None => Ok(empty()),
        other => {
            let message =
                format!("a config file must be a mapping at its top, not a `{}`", other.type_name());
            Err(Box::new(
                Problem::error("bad-config", message)
                    .at(Span::new(source, text.0, text.0), "")
                    .help("write `name: value` lines"),
            ))
        }
    }
}

pub(crate) fn empty() -> Arc<Dict> {
    match Value::dict(DictMap::default()) {
        Value::Dict(dict) => dict,
        _ => unreachable!("`Value::dict` makes a dict"),
    }
}

/// Deep merge: mappings are merged, everything else is replaced. Both are at most [`MAX_DEPTH`] deep when they
/// came from files; deeper parts, which code may have made, are replaced.
pub(crate) fn merge(into: &Arc<Dict>, from: &Arc<Dict>) -> Result<(), crate::lang::raise::Raise> {
    merge_at(into, from, 0)
}

fn merge_at(into: &Arc<Dict>, from: &Arc<Dict>, depth: usize) -> Result<(), crate::lang::raise::Raise> {
    let new: Vec<(Key, Value)> = from.0.read(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect());
    for (key, value) in new {
        let old = into.0.read(|map| map.get(&key).cloned());
        match (old, value) {
            (Some(Value::Dict(old)), Value::Dict(new)) if depth < MAX_DEPTH => {
                merge_at(&old, &new, depth + 1)?
            }
            (_, value) => {
                let value = copy(&value, 0);
                into.0.write(|map| map.insert(key, value))?;
            }
        }
    }
    Ok(())
}

/// A copy that shares nothing that can change.
fn copy(value: &Value, depth: usize) -> Value {
    match value {
        Value::Dict(dict) if depth < MAX_DEPTH => {
            let map: DictMap =
                dict.0.read(|map| map.iter().map(|(k, v)| (k.clone(), copy(v, depth + 1))).collect());
            Value::dict(map)
        }
        Value::List(list) if depth < MAX_DEPTH => {
            Value::list(list.0.read(|items| items.iter().map(|v| copy(v, depth + 1)).collect()))
        }
        other => other.clone(),
    }
}

/// Parses `a.b=value`: the mapping `{a: {b: value}}`.
pub(crate) fn parse_setting(setting: &str) -> Result<Arc<Dict>, String> {
    let Some((path, text)) = setting.split_once('=') else {
        return Err(format!("`{setting}` is not a setting: write `key=value`"));
    };
    let keys: Vec<&str> = path.trim().split('.').collect();
    if keys.len() > MAX_DEPTH {
        return Err(format!("`{path}` has too many parts"));
    }
    if keys.iter().any(|key| key.is_empty()) {
        return Err(format!("`{setting}` has no key before `=`: write `key=value` or `key.part=value`"));
    }
    let mut value =
        setting_value(text.trim()).map_err(|message| format!("in the setting `{setting}`: {message}"))?;
    for key in keys.into_iter().rev() {
        value = Value::dict(DictMap::from_iter([(Key::text(key), value)]));
    }
    match value {
        Value::Dict(dict) => Ok(dict),
        _ => Err(format!("`{setting}` is not a setting: write `key=value`")),
    }
}

/// A scalar, a quoted text or a flow collection. A text with a colon in it is not a mapping here.
fn setting_value(text: &str) -> Result<Value, String> {
    match text.bytes().next() {
        None => Ok(Value::from("")),
        Some(b'[' | b'{' | b'"' | b'\'') => {
            Yaml::new(SourceId(0), 0, text).document().map_err(|p| p.message.clone())
        }
        Some(_) => Ok(plain_scalar(text)),
    }
}

fn parse_json(source: SourceId, base: usize, text: &str) -> Parsed<Value> {
    if text.trim().is_empty() {
        return Ok(Value::None);
    }
    serde_json::from_str::<Json>(text).map(|json| json.0).map_err(|error| {
        let at = offset_of(text, error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or("").to_string();
        let span = Span::new(source, base + at, base + at);
        Box::new(Problem::error("bad-config", format!("not JSON: {message}")).at(span, ""))
    })
}

/// A JSON value; serde_json limits its depth.
struct Json(Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json(Value::None))
    }

    fn visit_bool<E>(self, b: bool) -> Result<Json, E> {
        Ok(Json(Value::Bool(b)))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Json, E> {
        Ok(Json(Value::Int(n)))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Json, E> {
        Ok(Json(i64::try_from(n).map_or(Value::Float(n as f64), Value::Int)))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Json, E> {
        Ok(Json(Value::Float(x)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(Json(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json(Value::list(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut map = DictMap::default();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&TextKey(&key)) {
                return Err(serde::de::Error::custom(format!("key `{key}` is there twice")));
            }
            let Json(value) = entries.next_value()?;
            map.insert(Key::text(key), value);
        }
        Ok(Json(Value::dict(map)))
    }
}

/// Byte offset of a 1-based line and a 1-based column in bytes, on a character boundary.
fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn parse_toml(source: SourceId, base: usize, text: &str) -> Parsed<Value> {
    match text.parse::<toml::Table>() {
        Ok(table) => Ok(from_toml(toml::Value::Table(table))),
        Err(error) => {
            let at = error.span().unwrap_or(0..0);
            let span = Span::new(source, base + at.start.min(text.len()), base + at.end.min(text.len()));
            let message = error.message().lines().next().unwrap_or("").to_string();
            Err(Box::new(Problem::error("bad-config", format!("not TOML: {message}")).at(span, "")))
        }
    }
}

/// The parser has limited the depth already.
fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(n) => Value::Int(n),
        toml::Value::Float(x) => Value::Float(x),
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => Value::list(items.into_iter().map(from_toml).collect()),
        toml::Value::Table(table) => {
            Value::dict(table.into_iter().map(|(k, v)| (Key::text(k), from_toml(v))).collect())
        }
    }
}

// ---- YAML

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
struct Yaml<'t> {
    source: SourceId,
    base: usize,
    text: &'t str,
    open: Vec<Open>,
    anchors: FxHashMap<usize, (Value, usize)>,
    values: usize,
    result: Option<Value>,
}

impl<'t> Yaml<'t> {
    fn new(source: SourceId, base: usize, text: &'t str) -> Yaml<'t> {
        let anchors = FxHashMap::default();
        Yaml { source, base, text, open: Vec::new(), anchors, values: 0, result: None }
    }

    fn document(mut self) -> Parsed<Value> {
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
            _ => plain_scalar(text),
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

/// The value under a key of a config mapping.
pub(crate) fn get(dict: &Arc<Dict>, key: &str) -> Option<Value> {
    dict.0.read(|map| map.get(&TextKey(key)).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::SourceMap;

    fn yaml(text: &str) -> String {
        parsed(text, Format::Yaml)
    }

    fn parsed(text: &str, format: Format) -> String {
        match parse(SourceId(0), text, format) {
            Ok(dict) => Value::Dict(dict).to_model().unwrap().canonical(),
            Err(p) => {
                let mut sources = SourceMap::default();
                sources.add("c", text);
                let (line, column) = sources.file(SourceId(0)).line_column(p.labels[0].0.start);
                format!("{line}:{column} {} {}", p.code, p.message)
            }
        }
    }

    fn scalar(text: &str) -> String {
        plain_scalar(text).to_model().unwrap().canonical()
    }

    #[test]
    fn plain_scalars_are_those_of_pyyaml() {
        for (text, value) in [
            ("yes", "True"),
            ("Off", "False"),
            ("y", "'y'"),
            ("~", "None"),
            ("Null", "None"),
            ("12", "12"),
            ("-1_000", "-1000"),
            ("+5", "5"),
            ("0o14", "'0o14'"),
            ("014", "12"),
            ("09", "'09'"),
            ("0x1F", "31"),
            ("0b101", "5"),
            ("1:30", "90"),
            ("1:75", "'1:75'"),
            ("190:20:30", "685230"),
            ("1.5", "1.5"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("-.5", "'-.5'"),
            ("1e3", "'1e3'"),
            ("1.5e3", "'1.5e3'"),
            ("1.5e+3", "1500.0"),
            ("-.inf", "-inf"),
            (".nan", "nan"),
            ("1:30.5", "90.5"),
            ("1.2.3", "'1.2.3'"),
            ("2001-01-01", "'2001-01-01'"),
            ("9223372036854775808", "'9223372036854775808'"),
            ("hg38", "'hg38'"),
            ("-", "'-'"),
            (".", "'.'"),
        ] {
            assert_eq!(scalar(text), value, "{text}");
        }
    }

    #[test]
    fn collections_anchors_and_merge_keys() {
        assert_eq!(
            yaml("a: 1\nb:\n  - x\n  - {c: [yes, 'no']}\n"),
            "{'a': 1, 'b': ['x', {'c': [True, 'no']}]}"
        );
        assert_eq!(
            yaml("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\nc: *x\n"),
            "{'a': {'k': 1, 'l': 2}, 'b': {'k': 3, 'l': 2}, 'c': {'k': 1, 'l': 2}}"
        );
        assert_eq!(
            yaml("a: &x {k: 1}\nd: &y {k: 2, m: 3}\nb:\n  <<: [*x, *y]\n"),
            "{'a': {'k': 1}, 'd': {'k': 2, 'm': 3}, 'b': {'k': 1, 'm': 3}}"
        );
        assert_eq!(yaml("2: a\nyes: b\n"), "{'2': 'a', 'True': 'b'}");
        assert_eq!(yaml("a: |\n  x\n  y\nb: >\n  x\n  y\n"), "{'a': 'x\\ny\\n', 'b': 'x y\\n'}");
        assert_eq!(yaml("a: !!str 1\nb: !!float 1\nc: !!int '3'\n"), "{'a': '1', 'b': 1.0, 'c': 3}");
        assert_eq!(yaml(""), "{}");
        assert_eq!(yaml("# nothing\n---\n"), "{}");
        assert_eq!(yaml("\u{feff}a: ü # c\n"), "{'a': 'ü'}");
    }

    #[test]
    fn mistakes_have_their_place() {
        assert_eq!(yaml("a: 1\nb: 2\na: 3\n"), "3:1 duplicate-key key `a` is there twice");
        assert!(yaml("a: [1, 2\nb: 3\n").contains("bad-config not YAML"), "{}", yaml("a: [1, 2\nb: 3\n"));
        assert!(yaml("a:\n\tb: 1\n").contains("bad-config not YAML"), "{}", yaml("a:\n\tb: 1\n"));
        assert_eq!(yaml("- a\n"), "1:1 bad-config a config file must be a mapping at its top, not a `list`");
        assert_eq!(yaml("a: !py x\n"), "1:8 bad-config the YAML tag `!py` isn't supported");
        assert_eq!(yaml("a: 1\n---\nb: 2\n"), "2:1 bad-config a config file can only hold one document");
        assert!(yaml("ä: 1\nü: *x\n").starts_with("2:4 "), "{}", yaml("ä: 1\nü: *x\n"));
        assert_eq!(parsed("{\"a\": 1,}", Format::Json), "1:9 bad-config not JSON: trailing comma");
        assert!(parsed("a = \n", Format::Toml).starts_with("1:"), "{}", parsed("a = \n", Format::Toml));
    }

    #[test]
    fn a_file_that_multiplies_itself_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
        for i in 1..10 {
            let items = vec![format!("*a{}", i - 1); 10].join(", ");
            text += &format!("a{i}: &a{i} [{items}]\n");
        }
        assert!(yaml(&text).contains("more than 2000000 values"));
        assert!(yaml(&format!("a: {}{}", "[".repeat(150), "]".repeat(150))).contains("too deeply"));
        assert!(yaml("a: &a [*a]\n").contains("inside what it names"));
    }

    #[test]
    fn json_and_toml_have_their_own_scalars() {
        assert_eq!(
            parsed("{\"a\": [1, -2.5, 1e3, true, null, \"yes\"], \"b\": {}}", Format::Json),
            "{'a': [1, -2.5, 1000.0, True, None, 'yes'], 'b': {}}"
        );
        assert_eq!(
            parsed("{\"a\": 1, \"a\": 2}", Format::Json),
            "1:12 bad-config not JSON: key `a` is there twice"
        );
        assert_eq!(
            parsed("a = 1\n[b]\nc = [true, 1.5, 'x']\nd = 2001-01-01\n", Format::Toml),
            "{'a': 1, 'b': {'c': [True, 1.5, 'x'], 'd': '2001-01-01'}}"
        );
    }

    #[test]
    fn settings_are_scalars_or_flow_collections() {
        for (setting, value) in [
            ("n=5", "{'n': 5}"),
            ("a.b=yes", "{'a': {'b': True}}"),
            ("a=[1, x]", "{'a': [1, 'x']}"),
            ("a={b: 1}", "{'a': {'b': 1}}"),
            ("a=", "{'a': ''}"),
            ("a='5'", "{'a': '5'}"),
            ("a=b: c", "{'a': 'b: c'}"),
            ("a=x=y", "{'a': 'x=y'}"),
            ("a=null", "{'a': None}"),
        ] {
            let dict = parse_setting(setting).unwrap();
            assert_eq!(Value::Dict(dict).to_model().unwrap().canonical(), value, "{setting}");
        }
        assert!(parse_setting("abc").is_err());
        assert!(parse_setting("=1").is_err());
        assert!(parse_setting("a=[1").is_err());
    }

    #[test]
    fn merging_is_deep_for_mappings_only() {
        let dict = |text: &str| parse(SourceId(0), text, Format::Yaml).unwrap();
        let base = dict("a: {x: 1, y: [1, 2]}\nb: 1\n");
        merge(&base, &dict("a: {y: [3], z: {k: 1}}\nc: 2\n")).unwrap();
        assert_eq!(
            Value::Dict(base).to_model().unwrap().canonical(),
            "{'a': {'x': 1, 'y': [3], 'z': {'k': 1}}, 'b': 1, 'c': 2}"
        );
    }
}
