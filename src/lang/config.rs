//! Config files and `key=value` settings to values of the language. Opens nothing.
//!
//! YAML is read with PyYAML's rules for plain scalars (YAML 1.1), because that is what workflows were written
//! for: `yes` is true, `1e3` is a text. Files of params and metrics are read as DVC reads them (YAML 1.2). An alias is a copy; size and depth are limited, so that neither a deep
//! nor a self-multiplying file ("billion laughs") harms.

#[cfg(test)]
mod tests;
mod yaml;

use crate::base::digest::Digest;
use crate::diag::{Problem, SourceId, Span};
use crate::lang::config::yaml::Yaml;
pub(crate) use crate::lang::config::yaml::{core_scalar, plain_scalar};
use crate::lang::value::{Dict, DictMap, Flavour, Key, Shared, TextKey, Value};
use rustc_hash::FxHashMap;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    Yaml,
    Json,
    Toml,
}

/// Values inside one another.
const MAX_DEPTH: usize = 100;

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
        Value::Dict(dict) if is_template(&dict) => {
            let message = "this config file is a YTE template (`__use_yte__`), and rulemake reads plain YAML";
            Err(Box::new(
                Problem::error("bad-config", message)
                    .at(Span::new(source, text.0, text.0), "")
                    .help("write the values out, or compute them in the Rulefile from `config`"),
            ))
        }
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

fn is_template(dict: &Dict) -> bool {
    dict.0.read(|map| map.get(&TextKey("__use_yte__")).is_some_and(Value::truth))
}

pub(crate) fn empty() -> Arc<Dict> {
    Arc::new(Dict(Shared::new(DictMap::default()), Flavour::Plain))
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
pub(crate) fn copy(value: &Value, depth: usize) -> Value {
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

impl crate::model::value::Value {
    /// Reads YAML with the rules of config files: YAML 1.1, one document, no aliases that multiply. `name` stands in
    /// messages.
    ///
    /// ```
    /// let value = rulemake::Value::from_yaml("profile", "jobs: 4\nresources: [mem_mb=100]\n")?;
    /// assert_eq!(value.get("jobs"), Some(&4.into()));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) with the place of the mistake.
    pub fn from_yaml(name: &str, text: &str) -> crate::Result<crate::Value> {
        read_yaml(name, text, |yaml| yaml)
    }

    /// As [`Value::from_yaml`](crate::Value::from_yaml), with the rules of YAML 1.2, as DVC and newer tools read it: `yes` is a
    /// text and `1e-4` a number.
    ///
    /// ```
    /// let value = rulemake::Value::from_yaml_core("params.yaml", "rate: 1e-4\nanswer: no\n")?;
    /// assert_eq!(value.get("rate"), Some(&rulemake::Value::Float(0.0001)));
    /// assert_eq!(value.get("answer"), Some(&"no".into()));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Value::from_yaml`](crate::Value::from_yaml).
    pub fn from_yaml_core(name: &str, text: &str) -> crate::Result<crate::Value> {
        read_yaml(name, text, |yaml| yaml.core())
    }
}

fn read_yaml(name: &str, text: &str, with: fn(Yaml<'_>) -> Yaml<'_>) -> crate::Result<crate::Value> {
    let mut sources = crate::diag::SourceMap::default();
    let source = sources.add(name, text);
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let base = text.len() - bare.len();
    let read = with(Yaml::new(source, base, bare))
        .document()
        .and_then(|value| value.to_model().map_err(|raise| Box::new(raise.to_problem())));
    read.map_err(|problem| crate::Error::problems(crate::ErrorKind::Usage, &[*problem], &sources))
}

impl crate::model::value::Value {
    /// Reads TOML: a mapping. `name` stands in messages.
    ///
    /// ```
    /// let value = rulemake::Value::from_toml("rulemake.toml", "jobs = 4\n[profile.ci]\njobs = 2\n")?;
    /// assert_eq!(value.get("jobs"), Some(&4.into()));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) with the place of the mistake.
    pub fn from_toml(name: &str, text: &str) -> crate::Result<crate::Value> {
        let mut sources = crate::diag::SourceMap::default();
        let source = sources.add(name, text);
        let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
        let read = parse_toml(source, text.len() - bare.len(), bare)
            .and_then(|value| value.to_model().map_err(|raise| Box::new(raise.to_problem())));
        read.map_err(|problem| crate::Error::problems(crate::ErrorKind::Usage, &[*problem], &sources))
    }
}

/// Files that were parsed before, by name. A rule may ask for many keys of one, and each of many jobs for one key.
#[derive(Default)]
pub(crate) struct Documents {
    parsed: Mutex<FxHashMap<Arc<str>, (Digest, Value)>>,
    asked: Mutex<BTreeMap<Arc<str>, Asked>>,
}

/// What was asked of a file.
struct Asked {
    format: Format,
    /// Of its text, as it was when it was asked first.
    text: Digest,
    /// Per key, the value that was found; all that is in the file without a key. `None`: nothing was there.
    keys: BTreeMap<Option<Arc<str>>, Option<Digest>>,
    /// A key under which different values were found.
    unsteady: Option<Option<Arc<str>>>,
}

/// As many are kept.
const MAX_DOCUMENTS: usize = 1000;

impl Documents {
    /// The content of a file, which nobody may change; or what is wrong and in which line.
    pub(crate) fn get(&self, name: &str, text: &str, format: Format) -> Result<Value, String> {
        let digest = Digest::of(text.as_bytes());
        let lock = || self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = lock().get(name).filter(|(then, _)| *then == digest) {
            return Ok(known.clone());
        }
        let value = document(text, format)?;
        value.freeze();
        let mut kept = lock();
        if kept.len() >= MAX_DOCUMENTS {
            kept.clear();
        }
        kept.insert(name.into(), (digest, value.clone()));
        Ok(value)
    }

    /// Takes note of what was found under a key.
    pub(crate) fn note(
        &self,
        name: &str,
        text: &str,
        format: Format,
        key: Option<&str>,
        found: Option<Digest>,
    ) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = asked.entry(name.into()).or_insert_with(|| Asked {
            format,
            text: Digest::of(text.as_bytes()),
            keys: BTreeMap::new(),
            unsteady: None,
        });
        let key = key.map(Arc::from);
        if *asked.keys.entry(key.clone()).or_insert(found) != found {
            asked.unsteady.get_or_insert(key);
        }
    }

    /// Something that was asked for and is another now, as people say it: a file may be written while jobs run that read it
    /// themselves. `now` reads a file, `find` looks for a key.
    pub(crate) fn moved(
        &self,
        now: impl Fn(&str) -> Option<String>,
        find: impl Fn(&Value, Option<&str>) -> Option<Digest>,
    ) -> Option<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().find_map(|(name, asked)| {
            let told = |key: Option<&str>| match key {
                Some(key) => format!("`{key}` in {name}"),
                None => format!("param file {name}"),
            };
            if let Some(key) = &asked.unsteady {
                return Some(told(key.as_deref()));
            }
            let text = now(name);
            if text.as_ref().is_some_and(|text| Digest::of(text.as_bytes()) == asked.text) {
                return None;
            }
            let Some(value) = text.and_then(|text| document(&text, asked.format).ok()) else {
                return Some(told(None));
            };
            let mut keys = asked.keys.iter();
            let moved = keys.find(|(key, then)| find(&value, key.as_deref()) != **then);
            moved.map(|(key, _)| told(key.as_deref()))
        })
    }
}

/// What a file of params or metrics holds, whatever stands at its top; or what is wrong and in which line. YAML is read as DVC
/// reads it, by the rules of YAML 1.2.
pub(crate) fn document(text: &str, format: Format) -> Result<Value, String> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let read = match format {
        Format::Yaml => Yaml::new(SourceId(0), 0, bare).core().document(),
        Format::Json => parse_json(SourceId(0), 0, bare),
        Format::Toml => parse_toml(SourceId(0), 0, bare),
    };
    read.map_err(|problem| with_line(&problem, bare))
}

/// A document of YAML as PyYAML reads it, or what is wrong and in which line.
pub(crate) fn yaml_value(text: &str) -> Result<Value, String> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    Yaml::new(SourceId(0), 0, bare).document().map_err(|problem| with_line(&problem, bare))
}

fn with_line(problem: &Problem, text: &str) -> String {
    let at = problem.labels.first().map_or(0, |(span, _)| span.start as usize);
    let line = text.get(..at).unwrap_or("").matches('\n').count() + 1;
    format!("{} (line {line})", problem.message)
}

/// A scalar, a quoted text or a flow collection. A text with a colon in it is not a mapping here.
fn setting_value(text: &str) -> Result<Value, String> {
    match text.bytes().next() {
        None => Ok(Value::None),
        Some(b'[' | b'{' | b'"' | b'\'') => {
            Yaml::new(SourceId(0), 0, text).document().map_err(|p| p.message.clone())
        }
        Some(_) => Ok(match plain_scalar(text) {
            Value::Str(plain) => exponential(&plain).map_or(Value::Str(plain), Value::Float),
            value => value,
        }),
    }
}

/// `1e-5`, which YAML takes for a text and nobody means as one on a command line.
fn exponential(text: &str) -> Option<f64> {
    let (mantissa, _) = text.split_once(['e', 'E'])?;
    mantissa.ends_with(|c: char| c.is_ascii_digit() || c == '.').then(|| text.parse().ok())?
}

fn parse_json(source: SourceId, base: usize, text: &str) -> Parsed<Value> {
    if text.trim().is_empty() {
        return Ok(Value::None);
    }
    if let Some(at) = inexact_integer(text) {
        let message = "this whole number has too many digits to be read exactly";
        let problem = Problem::error("bad-config", message).at(Span::new(source, base + at, base + at), "");
        return Err(Box::new(problem.help("write it as a text, in quotes")));
    }
    let (text, constants) = without_constants(text);
    let mut reader = serde_json::Deserializer::from_str(&text);
    let read = Json { constants: &constants, lists: &Cell::new(0) }.deserialize(&mut reader);
    read.and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        let at = offset_of(&text, error.line(), error.column());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or("").to_string();
        let span = Span::new(source, base + at, base + at);
        Box::new(Problem::error("bad-config", format!("not JSON: {message}")).at(span, ""))
    })
}

/// Where a whole number stands that would become another one: two that differ would be taken for one.
pub(crate) fn inexact_integer(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut in_text) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'0'..=b'9' if !in_text => {
                let start = at;
                while bytes.get(at + 1).is_some_and(|b| b.is_ascii_alphanumeric() || b".+-".contains(b)) {
                    at += 1;
                }
                let number = text.get(start..=at).unwrap_or("");
                let is_whole = number.bytes().all(|b| b.is_ascii_digit());
                let is_exact = match start.checked_sub(1).and_then(|before| bytes.get(before)) {
                    Some(b'-') => format!("-{number}").parse::<i64>().is_ok(),
                    _ => number.parse::<u64>().is_ok(),
                };
                if is_whole && !is_exact {
                    return Some(start);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// What `NaN` and its like are, by the number of the list that stands for it.
type Constants = FxHashMap<usize, f64>;

/// Python writes and reads `NaN`, `Infinity` and `-Infinity`, which are no JSON: an empty list as long as each, so that places
/// stay what they are, stands for it.
fn without_constants(text: &str) -> (Cow<'_, str>, Constants) {
    let mut constants = Constants::default();
    if !text.contains("NaN") && !text.contains("Infinity") {
        return (Cow::Borrowed(text), constants);
    }
    let known = [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)];
    let bytes = text.as_bytes();
    let is_word = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || b"_-+.".contains(b));
    let mut out = String::with_capacity(text.len());
    let (mut copied, mut at, mut lists, mut in_text) = (0, 0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'[' if !in_text => lists += 1,
            b'N' | b'I' | b'-' if !in_text && !at.checked_sub(1).is_some_and(is_word) => {
                let constant = known
                    .iter()
                    .find(|(name, _)| bytes[at..].starts_with(name.as_bytes()) && !is_word(at + name.len()));
                if let Some((name, value)) = constant {
                    out.push_str(text.get(copied..at).unwrap_or(""));
                    out.push_str("[]");
                    out.extend(std::iter::repeat_n(' ', name.len() - 2));
                    constants.insert(lists, *value);
                    lists += 1;
                    copied = at + name.len();
                    at = copied - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    out.push_str(text.get(copied..).unwrap_or(""));
    (Cow::Owned(out), constants)
}

/// Reads a JSON value; serde_json limits its depth.
#[derive(Clone, Copy)]
struct Json<'c> {
    constants: &'c Constants,
    /// Lists that were begun.
    lists: &'c Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Json<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Json<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Int(n))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        // As in YAML, what is too large for a number stays as it is written.
        Ok(i64::try_from(n).map_or_else(|_| n.to_string().into(), Value::Int))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Value, E> {
        Ok(Value::Float(x))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let number = self.lists.get();
        self.lists.set(number + 1);
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        Ok(self.constants.get(&number).map_or_else(|| Value::list(items), |x| Value::Float(*x)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = DictMap::default();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&TextKey(&key)) {
                return Err(serde::de::Error::custom(format!("key `{key}` is there twice")));
            }
            let value = entries.next_value_seed(self)?;
            map.insert(Key::text(key), value);
        }
        Ok(Value::dict(map))
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
