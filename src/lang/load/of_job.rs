//! What code that runs as a job sees of it: the same that Python code gets.

use super::objects::{JobWildcards, Named};
use crate::lang::value::Value;
use crate::model;
use crate::model::slots::NamedPaths;
use crate::model::wildcards::Wildcards;
use std::path::Path;
use std::sync::Arc;

/// Paths of a section; with a directory they have sizes. A group of several prints as its paths.
pub(crate) fn paths(type_name: &'static str, what: &str, paths: NamedPaths<'_>, dir: Option<&Path>) -> Value {
    let mut section = Named::paths(type_name, what, paths);
    section.files = dir.map(Arc::from);
    for (name, value) in &mut section.named {
        if let Some(flat) = value.snapshot() {
            let what = format!("`{name}` of {what}").into();
            *value =
                Value::object(Named { type_name: "Namedlist", what, flat, named: Vec::new(), files: None });
        }
    }
    Value::object(section)
}

/// Values of a section.
pub(crate) fn values<'v>(
    type_name: &'static str,
    what: &str,
    values: impl Iterator<Item = (Option<Arc<str>>, &'v model::value::Value)>,
) -> Value {
    let (mut flat, mut named) = (Vec::new(), Vec::new());
    for (name, value) in values {
        let value = Value::from_model(value);
        named.extend(name.map(|name| (name, value.clone())));
        flat.push(value);
    }
    Value::object(Named { type_name, what: what.into(), flat, named, files: None })
}

/// Its wildcards.
pub(crate) fn wildcards(wildcards: &Wildcards) -> Value {
    Value::object(JobWildcards(wildcards.clone()))
}
