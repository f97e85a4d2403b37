//! Julia: the job stands before the script as an object with dictionaries, numbered from 1 as everything in Julia.

use super::describe::{Description, Section};
use crate::model::value::{Value, python_float};
use std::fmt::Write as _;

/// The Julia code that defines `snakemake`.
pub(crate) fn preamble(job: &Description, scriptdir: &str) -> String {
    let mut out = String::from(
        "struct Snakemake
    input::Dict
    output::Dict
    params::Dict
    wildcards::Dict
    resources::Dict
    log::Dict
    threads::Int64
    config::Dict
    rule::String
    bench_iteration
    scriptdir::String
end
snakemake = Snakemake(\n",
    );
    for (name, section) in job.sections() {
        let _ = writeln!(out, "    {}, # {name}", dict(section));
    }
    let config = match &*job.config {
        Value::Map(_) => value(&job.config),
        _ => "Dict()".into(),
    };
    let iteration = job.iteration.map_or("nothing".into(), |n| n.to_string());
    let (rule, scriptdir) = (text(&job.rule), text(scriptdir));
    let _ = writeln!(out, "    {}, {config}, {rule}, {iteration}, {scriptdir})", job.threads);
    out
}

fn dict(section: &Section) -> String {
    let numbered = section.flat.iter().enumerate().map(|(i, v)| format!("{} => {}", i + 1, value(v)));
    let named = section.named().map(|(name, v)| format!("{} => {}", text(name), value(&v)));
    let items: Vec<String> = numbered.chain(named).collect();
    format!("Dict({})", items.join(", "))
}

fn value(value_: &Value) -> String {
    match value_ {
        Value::None => "nothing".into(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) if x.is_nan() => "NaN".into(),
        Value::Float(x) if x.is_infinite() => if *x > 0.0 { "Inf" } else { "-Inf" }.into(),
        Value::Float(x) => python_float(*x),
        Value::Str(s) => text(s),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
            format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", "))
        }
        Value::Map(items) | Value::Record(items) => {
            let items: Vec<String> =
                items.iter().map(|(k, v)| format!("{} => {}", text(k), value(v))).collect();
            format!("Dict({})", items.join(", "))
        }
    }
}

fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            // `$` would insert a value.
            '"' | '\\' | '$' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
