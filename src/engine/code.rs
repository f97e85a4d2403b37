//! What code of a Rulefile is given besides its job: its place, and what other rules have.

use crate::diag::SourceMap;
use crate::engine::launch::absolute;
use crate::exec::script::describe::Section;
use crate::exec::script::python;
use crate::model::action::Code;
use crate::model::job_context::OwnedPaths;
use crate::model::pattern::Pattern;
use crate::model::rule::{InputSource, ParamSource};
use crate::model::slots::Slot;
use crate::model::value::Value;
use crate::model::workflow::Workflow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory of a file, absolute.
pub(super) fn directory(file: &str) -> PathBuf {
    absolute(Path::new(file).parent().unwrap_or(Path::new("")))
}

/// The directories of all files of the workflow, each once.
pub(super) fn directories(sources: &SourceMap) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for file in sources.names() {
        let dir = directory(file);
        if !found.contains(&dir) {
            found.push(dir);
        }
    }
    found
}

/// What other rules have, as JSON, for code that asks for it.
pub(super) fn rules(workflow: &Workflow, code: &Code) -> Arc<str> {
    let asks = |text: &str| text.contains("rules.") || text.contains("checkpoints.");
    if asks(&code.text) || asks(&code.around) { all_rules(workflow).into() } else { "{}".into() }
}

fn all_rules(workflow: &Workflow) -> String {
    let paths = |patterns: &[Pattern], slots: &Arc<[Slot]>| {
        let paths = patterns.iter().map(|pattern| pattern.text.clone()).collect();
        Section::of_paths(&OwnedPaths { layout: slots.clone(), paths })
    };
    let rules = workflow.rules.iter().map(|rule| {
        let mut inputs = Section::default();
        for item in &rule.inputs {
            if let InputSource::Patterns { patterns, list, .. } = &item.source {
                let slot = Slot { name: item.name.clone(), list: *list, len: patterns.len() as u32 };
                inputs.extend(paths(patterns, &[slot].into()));
            }
        }
        let params = rule.params.iter().map(|param| (param.name.as_ref(), written(&param.source)));
        let parts = [
            ("input", inputs),
            ("output", paths(&rule.outputs, &rule.output_slots)),
            ("log", paths(&rule.logs, &rule.log_slots)),
            ("params", Section::of_values(params)),
        ];
        let parts = parts.map(|(name, section)| {
            let mut text = format!("\"{name}\": ");
            python::push_section(&section, &mut text);
            text
        });
        format!("{}: {{{}}}", python::text(&rule.name), parts.join(", "))
    });
    format!("{{{}}}", rules.collect::<Vec<_>>().join(",\n"))
}

/// A param as it is written; a function is none.
fn written(source: &ParamSource) -> Value {
    match source {
        ParamSource::Const(value) => value.clone(),
        ParamSource::Text(pattern) => Value::Str(pattern.text.clone()),
        ParamSource::List(items) => Value::List(items.iter().map(written).collect()),
        ParamSource::Function(_) => Value::None,
    }
}
