//! Bash: the job stands before the script as associative arrays `snakemake_input`, `snakemake_params`, ...

use super::describe::{Description, Section};
use crate::model::value::Value;

/// The definitions, on one line: it takes the place of the script's first, so that lines keep their numbers.
pub(crate) fn preamble(job: &Description, scriptdir: &str) -> String {
    let mut arrays: Vec<String> = job
        .sections()
        .into_iter()
        .map(|(name, section)| format!("declare -A snakemake_{name}=( {})", of_section(section)))
        .collect();
    if let Value::Map(items) = &*job.config {
        let pairs = items.iter().map(|(key, value)| pair(key, &flat(value)));
        arrays.push(format!("declare -A snakemake_config=( {})", pairs.collect::<String>()));
    }
    let iteration = job.iteration.map_or("None".into(), |n| n.to_string());
    let rest = [
        ("threads", job.threads.to_string()),
        ("rule", job.rule.to_string()),
        ("bench_iteration", iteration),
        ("scriptdir", scriptdir.to_string()),
    ];
    let rest: String = rest.iter().map(|(key, value)| pair(key, value)).collect();
    arrays.push(format!("declare -A snakemake=( {rest})"));
    arrays.join("; ")
}

fn of_section(section: &Section) -> String {
    let mut out = String::new();
    for (index, (name, value)) in section.items().into_iter().enumerate() {
        let text = flat(&value);
        if let Some(name) = name {
            out.push_str(&pair(name, &text));
        }
        out.push_str(&pair(&index.to_string(), &text));
    }
    out
}

/// Bash refuses an empty key.
fn pair(key: &str, value: &str) -> String {
    if key.is_empty() { String::new() } else { format!("[{}]={} ", quote(key), quote(value)) }
}

/// A value as one text: elements of a list one after the other, of a mapping its keys.
fn flat(value: &Value) -> String {
    match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
            items.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")
        }
        Value::Record(items) => {
            items.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(" ")
        }
        Value::Map(items) => items.iter().map(|(key, _)| &**key).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A text as one word of bash, without a line break in it.
fn quote(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "@%+:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(harmless) {
        return text.to_string();
    }
    if !text.contains(['\n', '\r']) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let escaped = text.replace('\\', r"\\").replace('\'', r"\'").replace('\n', r"\n").replace('\r', r"\r");
    format!("$'{escaped}'")
}

/// The script with the definitions in place of its first line, if that only names an interpreter, or before it.
pub(crate) fn combined(preamble: &str, source: &[u8]) -> Vec<u8> {
    let body = match source {
        [b'#', b'!', ..] => {
            let end = source.iter().position(|b| *b == b'\n').unwrap_or(source.len());
            source.get(end + 1..).unwrap_or_default()
        }
        _ => source,
    };
    let mut out = Vec::with_capacity(preamble.len() + 1 + body.len());
    out.extend_from_slice(preamble.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(body);
    out
}
