//! R: the job stands before the script as an S4 object, as scripts know it from Snakemake.

use super::describe::{Description, Section};
use crate::model::value::{Value, python_float};
use std::fmt::Write as _;

/// Items of one call that R's parser is given; longer lists are joined.
const CHUNK: usize = 10_000;

/// The R code that defines `snakemake`.
pub(crate) fn preamble(job: &Description, scriptdir: &str) -> String {
    let mut out = String::from(
        "library(methods)
Snakemake <- setClass(\"Snakemake\", slots = c(
    input = \"list\", output = \"list\", params = \"list\", wildcards = \"list\", threads = \"numeric\",
    log = \"list\", resources = \"list\", config = \"list\", rule = \"character\",
    bench_iteration = \"numeric\", scriptdir = \"character\", source = \"function\"))
snakemake <- new(\"Snakemake\"",
    );
    for (name, section) in job.sections() {
        let _ = write!(out, ",\n    {name} = {}", list(section, name == "resources"));
    }
    let config = match &*job.config {
        Value::Map(_) => value(&job.config),
        _ => "list()".into(),
    };
    let iteration = job.iteration.map_or("as.numeric(NA)".into(), |n| n.to_string());
    let _ = write!(
        out,
        ",\n    threads = {},\n    config = {config},\n    rule = {},\n    bench_iteration = {iteration},\n    scriptdir = {},\n",
        job.threads,
        text(&job.rule),
        text(scriptdir),
    );
    out.push_str(
        "    source = function(...) {
        before <- setwd(snakemake@scriptdir)
        on.exit(setwd(before), add = TRUE)
        base::source(...)
    })\n",
    );
    out
}

/// All values by number, then those with names once more.
fn list(section: &Section, only_names: bool) -> String {
    let mut items: Vec<String> = match only_names {
        true => Vec::new(),
        false => section.flat.iter().map(value).collect(),
    };
    items.extend(section.named().map(|(name, v)| format!("{} = {}", text(name), value(&v))));
    call("list", &items)
}

/// A call that joins items, in pieces that R's parser can take.
fn call(function: &str, items: &[String]) -> String {
    if items.len() <= CHUNK {
        return format!("{function}({})", items.join(", "));
    }
    let pieces: Vec<String> =
        items.chunks(CHUNK).map(|chunk| format!("{function}({})", chunk.join(", "))).collect();
    format!("c({})", pieces.join(", "))
}

fn value(value_: &Value) -> String {
    match value_ {
        Value::None => "NULL".into(),
        Value::Bool(true) => "TRUE".into(),
        Value::Bool(false) => "FALSE".into(),
        // R's whole numbers have 32 bits.
        Value::Int(n) if i32::try_from(*n).is_ok_and(|n| n != i32::MIN) => format!("{n}L"),
        Value::Int(n) => n.to_string(),
        Value::Float(x) if x.is_nan() => "NaN".into(),
        Value::Float(x) if x.is_infinite() => if *x > 0.0 { "Inf" } else { "-Inf" }.into(),
        Value::Float(x) => python_float(*x),
        Value::Str(s) => text(s),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
            let parts: Vec<String> = items.iter().map(value).collect();
            call(if is_vector(items) { "c" } else { "list" }, &parts)
        }
        Value::Map(items) | Value::Record(items) => {
            // An empty name is none.
            let parts: Vec<String> = items
                .iter()
                .map(|(name, v)| match name.is_empty() {
                    true => value(v),
                    false => format!("{} = {}", text(name), value(v)),
                })
                .collect();
            call("list", &parts)
        }
    }
}

/// Whether all elements fit one vector without changing what they are, but for whole numbers among others.
fn is_vector(items: &[Value]) -> bool {
    let numbers = |v: &Value| matches!(v, Value::Int(_) | Value::Float(_) | Value::Bool(_));
    items.iter().all(numbers) || items.iter().all(|v| matches!(v, Value::Str(_)))
}

/// A text as R reads it, whatever its locale: bytes of UTF-8 as they are, what would end it or disturb it escaped.
pub(crate) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // R has no text with a NUL.
            '\0' => {}
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
