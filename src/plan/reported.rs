//! What `report(...)` says of the outputs of a job, with the job's values in it: for the plan, and for the record that
//! a report can be built from later. Never a reason to run, and nothing in it can make a job fail.

use crate::base::path::PathId;
use crate::graph::job::Job;
use crate::model::dynamic::Dynamic;
use crate::model::flags::{ReportEntry, Said};
use crate::model::pattern::Pattern;
use crate::model::rule::Rule;
use crate::model::value::Value;
use crate::plan::context::Context;
use crate::plan::instance::{Instance, explain};
use crate::plan::plan::ReportedFile;
use crate::trace::fingerprint::Bound;
use std::sync::Arc;

/// Lists in lists are looked into so deep.
const DEEPEST: u32 = 16;

/// The outputs of `job` that are marked for a report.
pub(crate) fn of(cx: &Context, job: &Job) -> Vec<ReportedFile> {
    let rule = cx.rule(job);
    let flagged = job.outputs.iter().zip(&rule.output_flags);
    let marked = flagged.filter_map(|(path, flags)| Some((path, flags.report.as_ref()?)));
    let mut instance = None;
    marked
        .map(|(path, entry)| {
            let instance = instance.get_or_insert_with(|| Instance::naming(cx, job));
            file(&Teller { cx, job, rule, instance }, *path, entry)
        })
        .collect()
}

/// As it goes on record: path, and what is said of it as JSON.
pub(crate) fn bound(file: &ReportedFile) -> Bound {
    // Plain values always have a JSON form.
    let about = serde_json::to_string(&file.about).unwrap_or_default();
    (file.path.as_str().into(), about.into())
}

/// What was recorded by [`bound`].
pub(crate) fn from_bound((path, about): &Bound) -> ReportedFile {
    let about = serde_json::from_str(about).map_or(Value::None, |json| plain(json, DEEPEST + 2));
    ReportedFile { path: path.to_string(), about, unknown: Vec::new() }
}

fn file(teller: &Teller<'_>, path: PathId, entry: &ReportEntry) -> ReportedFile {
    let mut unknown = Vec::new();
    let mut about = Vec::new();
    for (name, said) in &entry.fields {
        let value = match said {
            // Paths and patterns of files in a directory: their braces are their own.
            Said::One(Dynamic::Const(value)) if matches!(&**name, "caption" | "patterns" | "htmlindex") => {
                Some(value.clone())
            }
            Said::One(value) => teller.tell(name, value, &mut unknown),
            Said::Entries(entries) => {
                let told = entries.iter().map(|(key, value)| {
                    let value = teller.tell(&format!("{name}[{key:?}]"), value, &mut unknown);
                    (key.clone(), value.unwrap_or(Value::None))
                });
                Some(Value::Map(told.collect()))
            }
        };
        about.extend(value.map(|value| (name.clone(), value)));
    }
    let path = teller.cx.paths.text(path).to_string();
    ReportedFile { path, about: Value::Map(about.into()), unknown }
}

struct Teller<'a> {
    cx: &'a Context,
    job: &'a Job,
    rule: &'a Rule,
    instance: &'a Instance,
}

impl Teller<'_> {
    /// The value for this job; none when a function fails, which is then said in `unknown`.
    fn tell(&self, name: &str, value: &Dynamic, unknown: &mut Vec<String>) -> Option<Value> {
        match self.instance.evaluate(value, self.rule) {
            Ok(value) => Some(self.with_wildcards(&value, unknown, DEEPEST)),
            Err(error) => {
                unknown.push(explain(self.cx, self.rule, &format!("`{name}` of `report`"), error).message);
                None
            }
        }
    }

    /// The value with the job's wildcards in its texts; a text with other braces stays as it is.
    fn with_wildcards(&self, value: &Value, unknown: &mut Vec<String>, depth: u32) -> Value {
        match value {
            _ if depth == 0 => value.clone(),
            Value::Str(text) if text.contains('{') => {
                self.filled(text, unknown).unwrap_or_else(|| value.clone())
            }
            Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
                Value::List(items.iter().map(|item| self.with_wildcards(item, unknown, depth - 1)).collect())
            }
            Value::Map(entries) | Value::Record(entries) => {
                let filled = entries
                    .iter()
                    .map(|(name, value)| (name.clone(), self.with_wildcards(value, unknown, depth - 1)));
                Value::Map(filled.collect())
            }
            other => other.clone(),
        }
    }

    fn filled(&self, text: &str, unknown: &mut Vec<String>) -> Option<Value> {
        let pattern = Pattern::parse_text(text).ok()?;
        match pattern.bind(&self.rule.wildcards) {
            Ok(pattern) => {
                let mut filled = String::new();
                pattern.render(&self.job.wildcards, &mut filled);
                Some(Value::from(filled))
            }
            Err(name) => {
                unknown.push(format!("`{text}`: rule `{}` has no wildcard `{name}`", self.rule.name));
                None
            }
        }
    }
}

fn plain(json: serde_json::Value, depth: u32) -> Value {
    use serde_json::Value as Json;
    match json {
        _ if depth == 0 => Value::None,
        Json::Null => Value::None,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => number.as_f64().map_or(Value::None, Value::Float),
        },
        Json::String(text) => Value::from(text),
        Json::Array(items) => Value::List(items.into_iter().map(|item| plain(item, depth - 1)).collect()),
        Json::Object(entries) => {
            let entries = entries.into_iter().map(|(name, value)| (Arc::from(name), plain(value, depth - 1)));
            Value::Map(entries.collect())
        }
    }
}
