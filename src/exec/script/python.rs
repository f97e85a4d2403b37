//! Python: the job is handed over as JSON, a module of ours makes objects of it.

use super::describe::{Description, Section};
use crate::base::digest::Digest;
use crate::model::value::{Value, python_float};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files that all Python jobs share: the module, and the programs that use it.
const SUPPORT: [(&str, &str); 2] =
    [("rulemake_job.py", include_str!("python/rulemake_job.py")), ("job.py", include_str!("python/job.py"))];

/// The directory with the shared files, made when it is not there; its name tells versions apart.
pub(crate) fn support_dir(dir: &Path) -> io::Result<PathBuf> {
    let all: Vec<u8> = SUPPORT.iter().flat_map(|(_, text)| text.bytes()).collect();
    let place = dir.join(format!("python-{}", Digest::of(&all).short()));
    if place.join(SUPPORT[SUPPORT.len() - 1].0).exists() {
        return Ok(place);
    }
    fs::create_dir_all(&place)?;
    for (name, text) in SUPPORT {
        // Other jobs may make them at the same time: each file appears as a whole.
        let part = place.join(format!(".{name}-{:?}", std::thread::current().id()));
        fs::write(&part, text)?;
        fs::rename(&part, place.join(name))?;
    }
    Ok(place)
}

/// The fields of a job, to be put into a JSON object.
pub(crate) fn job_fields(job: &Description) -> String {
    let mut out = String::new();
    for (name, section) in job.sections() {
        let _ = write!(out, "\"{name}\": ");
        push_section(section, &mut out);
        out.push_str(",\n");
    }
    let _ = write!(out, "\"threads\": {},\n\"rule\": {}", job.threads, text(&job.rule));
    let iteration = job.iteration.map_or("null".to_string(), |n| n.to_string());
    let _ = write!(out, ",\n\"bench_iteration\": {iteration},\n\"config\": ");
    push_json(&job.config, &mut out);
    out
}

/// A section as JSON.
pub(crate) fn push_section(section: &Section, out: &mut String) {
    out.push_str("{\"flat\": [");
    for (index, value) in section.flat.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        push_json(value, out);
    }
    out.push_str("], \"names\": [");
    for (index, (name, start, end)) in section.names.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        let end = end.map_or("null".to_string(), |end| end.to_string());
        let _ = write!(out, "[{}, {start}, {end}]", text(name));
    }
    out.push_str("]}");
}

/// The key of what stands for a value that JSON does not have: a list with names, a tuple, a set.
fn tag(kind: &str) -> String {
    format!("{{\"rulemake:{kind}\": ")
}

/// A text as JSON.
pub(crate) fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value as Python's `json` reads it: with `NaN` and infinities, which JSON itself does not have.
pub(crate) fn push_json(value: &Value, out: &mut String) {
    match value {
        Value::None => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => {
            let _ = write!(out, "{n}");
        }
        Value::Float(x) if x.is_nan() => out.push_str("NaN"),
        Value::Float(x) if x.is_infinite() => out.push_str(if *x > 0.0 { "Infinity" } else { "-Infinity" }),
        Value::Float(x) => out.push_str(&python_float(*x)),
        Value::Str(s) => out.push_str(&text(s)),
        Value::List(items) => push_items(items, out),
        Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
            out.push_str(&tag(match value {
                Value::Tuple(_) => "tuple",
                Value::Set(_) => "set",
                _ => "frozenset",
            }));
            push_items(items, out);
            out.push('}');
        }
        Value::Record(items) => {
            let names: Vec<Value> = items.iter().map(|(name, _)| Value::Str(name.clone())).collect();
            let values: Vec<Value> = items.iter().map(|(_, value)| value.clone()).collect();
            out.push_str(&tag("record"));
            push_json(&Value::from([Value::List(names.into()), Value::List(values.into())]), out);
            out.push('}');
        }
        Value::Map(items) => {
            out.push('{');
            for (index, (key, item)) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                let _ = write!(out, "{}: ", text(key));
                push_json(item, out);
            }
            out.push('}');
        }
    }
}

fn push_items(items: &[Value], out: &mut String) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { ", " });
        push_json(item, out);
    }
    out.push(']');
}
