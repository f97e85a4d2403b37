//! `from_file("params.yaml", "train.lr")`: the value under a key of a YAML, JSON or TOML file, now or when the wildcards of
//! the job are known. Only that value is what a rule depends on, whatever else is in the file.

use super::args::text;
use super::later::{Job, later};
use super::lookup::{filled, names_in};
use super::types::path;
use crate::base::digest::Digest;
use crate::lang::config::{self, Format, format_of};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Key, Object, TextKey, Value};
use crate::lang::vm::Vm;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What the loader looks for in `params:`: such a param counts, whoever reads the file.
pub(crate) const NAME: &str = "from_file";

pub(super) static TABLE: &[Builtin] = &[Builtin { name: NAME, call: from_file }];

/// Keys that a message names.
const MAX_KEYS_SHOWN: usize = 8;

fn from_file(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [file, key, default, format] = args.take(NAME, ["file", "key", "*default", "*format"], 1)?;
    let format = format.map(|format| named_format(&format)).transpose()?;
    let file = file.unwrap_or(Value::None);
    let key = key.filter(|key| !matches!(key, Value::None));
    let waits = |value: &Value| match value {
        Value::Str(text) => !names_in(text).is_empty(),
        value => value.is_callable(),
    };
    if !waits(&file) && !key.as_ref().is_some_and(waits) {
        let key = key.map(|key| text(&key, NAME)).transpose()?;
        return find(vm, &path(&file, NAME)?, format, key.as_deref(), default.as_ref());
    }
    let parts = [Some(file.clone()), key.clone()].into_iter().flatten().collect();
    later(NAME, parts, move |vm, job| {
        let file = of_job(vm, job, &file)?;
        let key = key.as_ref().map(|key| of_job(vm, job, key)).transpose()?;
        find(vm, &file, format, key.as_deref(), default.as_ref())
    })
}

/// Whether an error is about what is in a file, and not about how it is asked for.
pub(crate) fn is_of_the_file(raise: &Raise) -> bool {
    matches!(raise.kind(), Exc::WorkflowError | Exc::FileNotFoundError)
}

/// Stands for a value that is not to be had, as a function of the job: others do not need it.
pub(crate) fn mistaken(raise: Raise) -> Value {
    Value::object(Mistaken(raise))
}

/// Why a value is not to be had.
pub(crate) fn mistake(value: &Value) -> Option<&Raise> {
    value.downcast::<Mistaken>().map(|Mistaken(raise)| raise)
}

struct Mistaken(Raise);

impl fmt::Debug for Mistaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mistaken")
    }
}

impl Object for Mistaken {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn repr(&self) -> String {
        format!("<function {NAME}>")
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        vec!["wildcards".into()]
    }

    fn call(&self, _: &mut Vm, _: Args) -> Result<Value, Raise> {
        Err(self.0.clone())
    }
}

/// A path or key with what the job puts into it.
fn of_job(vm: &mut Vm, job: &Job, value: &Value) -> Result<Arc<str>, Raise> {
    match value {
        Value::Str(text) if !names_in(text).is_empty() => {
            filled(vm, text, &Vec::new(), Some(job.wildcards()))
        }
        value => {
            let value = job.resolve(vm, value)?;
            path(&value, NAME)
        }
    }
}

fn named_format(value: &Value) -> Result<Format, Raise> {
    match &*text(value, NAME)? {
        "yaml" => Ok(Format::Yaml),
        "json" => Ok(Format::Json),
        "toml" => Ok(Format::Toml),
        other => Err(Raise::value_error(format!("`{NAME}` reads no `{other}`"))
            .help("`format` is `\"yaml\"`, `\"json\"` or `\"toml\"`")),
    }
}

fn find(
    vm: &mut Vm,
    file: &str,
    format: Option<Format>,
    key: Option<&str>,
    default: Option<&Value>,
) -> Result<Value, Raise> {
    let (document, text, format) = document(vm, file, format)?;
    vm.documents().note(file, &text, format, key, digest_under(&document, key));
    let Some(key) = key else { return Ok(config::copy(&document, 0)) };
    let parts = parts_of(key).map_err(|message| {
        Raise::value_error(format!("`{key}` is no key of a file: {message}"))
            .help("keys follow each other with dots; one that holds a dot is quoted: `'models.\"v1.2\".lr'`")
    })?;
    match walk(&document, &parts) {
        Ok(found) => Ok(config::copy(&found, 0)),
        Err(Missing::Key { .. }) if default.is_some() => Ok(default.cloned().unwrap_or(Value::None)),
        Err(missing) => Err(missing.raise(file, &parts)),
    }
}

/// Of the value under a key, or of all there is; `None` when nothing is there.
pub(crate) fn digest_under(document: &Value, key: Option<&str>) -> Option<Digest> {
    let value = match key {
        Some(key) => walk(document, &parts_of(key).ok()?).ok()?,
        None => document.clone(),
    };
    value.whole_repr().map(|text| Digest::of(text.as_bytes()))
}

/// The content of a file, parsed once for all keys of it, with its text.
fn document(vm: &mut Vm, file: &str, format: Option<Format>) -> Result<(Value, String, Format), Raise> {
    let Some(format) = format.or_else(|| format_of(Path::new(file))) else {
        let raise = Raise::value_error(format!("`{NAME}` cannot tell the format of `{file}` by its name"));
        return Err(match file.ends_with(".py") {
            true => raise.help("Python is not read for its values: move them to a YAML, JSON or TOML file"),
            false => {
                raise.help("it reads `.yaml`, `.yml`, `.json` and `.toml`, and others with `format=\"yaml\"`")
            }
        });
    };
    let text = vm.read_file(file)?;
    vm.budget.allocate((text.len() as u64).saturating_mul(32))?;
    let document = vm.documents().get(file, &text, format).map_err(|message| {
        // It is told where it is asked for; where in the file stands in the text.
        Raise::new(Exc::WorkflowError, format!("cannot read `{file}`: {message}"))
    })?;
    Ok((document, text, format))
}

/// A part of a key.
#[derive(Debug, PartialEq)]
struct Part {
    text: String,
    /// What is quoted is a text, and no number.
    quoted: bool,
}

/// `train.lr`, `models[0].lr`, `models.0.lr`, `"v1.2".lr`, as in TOML.
fn parts_of(key: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = key;
    loop {
        let (part, after) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let (inside, after) = rest[1..].split_once(quote).ok_or("a quote is not closed")?;
                (Part { text: inside.into(), quoted: true }, after)
            }
            _ => {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (inside, after) = rest.split_at(end);
                (Part { text: inside.trim().into(), quoted: false }, after)
            }
        };
        if part.text.is_empty() && !part.quoted {
            return Err("a part of it is empty");
        }
        parts.push(part);
        rest = after;
        while let Some(inside) = rest.strip_prefix('[') {
            let (number, after) = inside.split_once(']').ok_or("a bracket is not closed")?;
            let number: usize = number.trim().parse().map_err(|_| "brackets hold the number of an item")?;
            parts.push(Part { text: number.to_string(), quoted: false });
            rest = after;
        }
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None if rest.is_empty() => return Ok(parts),
            None => return Err("a part ends with neither a dot nor the key"),
        }
    }
}

/// Why there is nothing under a key; `at` is the number of the part that was not found.
enum Missing {
    Key {
        at: usize,
        within: Value,
    },
    /// What stands there has no keys.
    Scalar {
        at: usize,
        within: Value,
    },
}

fn walk(document: &Value, parts: &[Part]) -> Result<Value, Missing> {
    let mut value = document.clone();
    for (at, part) in parts.iter().enumerate() {
        let found = match &value {
            Value::Dict(dict) => dict.0.read(|map| {
                // `1: x` and `true: x` have keys that are no texts.
                let other = || map.get(&Key(config::core_scalar(&part.text))).filter(|_| !part.quoted);
                map.get(&TextKey(&part.text)).or_else(other).cloned()
            }),
            Value::List(list) if !part.quoted => {
                part.text.parse::<usize>().ok().and_then(|at| list.0.read(|items| items.get(at).cloned()))
            }
            Value::List(_) | Value::None => None,
            _ => return Err(Missing::Scalar { at, within: value }),
        };
        value = found.ok_or(Missing::Key { at, within: value })?;
    }
    Ok(value)
}

impl Missing {
    fn raise(&self, file: &str, parts: &[Part]) -> Raise {
        let (Missing::Key { at, .. } | Missing::Scalar { at, .. }) = self;
        let (known, unknown) = parts.split_at((*at).min(parts.len()));
        let (above, wanted) = (shown(known), shown(&unknown[..1.min(unknown.len())]));
        let full = |key: &str| if above.is_empty() { key.to_string() } else { format!("{above}.{key}") };
        let within = match self {
            Missing::Scalar { within, .. } => {
                let message = format!("`{above}` in `{file}` is {}, so it has no `{wanted}`", within.repr());
                return Raise::new(Exc::WorkflowError, message);
            }
            Missing::Key { within, .. } => within,
        };
        let raise = Raise::new(Exc::WorkflowError, format!("`{file}` has no `{}`", full(&wanted)));
        let keys: Vec<String> = match within {
            Value::Dict(dict) => {
                dict.0.read(|map| map.keys().map(|key| key.0.display().to_string()).collect())
            }
            Value::List(list) => {
                let count = list.0.read(Vec::len);
                return raise.help(format!("`{above}` is a list with {count} items, counted from 0"));
            }
            _ => return raise.help(format!("`{above}` is empty there")),
        };
        // A key with dots in it was written as if it were several.
        let dotted = unknown.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".");
        if unknown.len() > 1 && keys.contains(&dotted) {
            return raise
                .help(format!("a key that holds a dot is quoted: `{}`", full(&format!("\"{dotted}\""))));
        }
        let plain: Vec<String> = keys.iter().map(|key| full(&written(key))).collect();
        let raise = raise.help(match keys.len() {
            0 => "there are no keys at all".to_string(),
            n => {
                let names: Vec<String> =
                    keys.iter().take(MAX_KEYS_SHOWN).map(|key| format!("`{key}`")).collect();
                let more = if n > MAX_KEYS_SHOWN {
                    format!(" and {} more", n - MAX_KEYS_SHOWN)
                } else {
                    String::new()
                };
                let place = if above.is_empty() { "it has".to_string() } else { format!("`{above}` has") };
                format!("{place}: {}{more}", names.join(", "))
            }
        });
        raise.did_you_mean(&full(&wanted), plain.iter().map(String::as_str))
    }
}

/// A key as it is written in a path of keys.
pub(crate) fn written(key: &str) -> String {
    if key.contains(['.', '[', '"', '\'']) || key.trim() != key || key.is_empty() {
        let quote = if key.contains('"') { '\'' } else { '"' };
        return format!("{quote}{key}{quote}");
    }
    key.to_string()
}

fn shown(parts: &[Part]) -> String {
    parts.iter().map(|part| written(&part.text)).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(key: &str) -> Result<Vec<String>, &'static str> {
        Ok(parts_of(key)?.into_iter().map(|part| part.text).collect())
    }

    #[test]
    fn keys_follow_each_other_with_dots() {
        for (key, expected) in [
            ("lr", vec!["lr"]),
            ("train.lr", vec!["train", "lr"]),
            ("models[0].lr", vec!["models", "0", "lr"]),
            ("models.0.lr", vec!["models", "0", "lr"]),
            ("grid[1][2]", vec!["grid", "1", "2"]),
            ("\"v1.2\".lr", vec!["v1.2", "lr"]),
            ("a.'b.c'", vec!["a", "b.c"]),
            ("größe.ü", vec!["größe", "ü"]),
        ] {
            assert_eq!(parts(key).unwrap(), expected, "{key}");
        }
        for key in ["", ".", "a.", ".a", "a..b", "\"a", "a[", "a[x]", "a[0", "\"a\"b", "a[0]b"] {
            assert!(parts(key).is_err(), "{key}");
        }
    }
}
