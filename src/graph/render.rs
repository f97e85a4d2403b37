//! The paths of new jobs: patterns with their values, and the results of input functions.
//!
//! Pure and without ids, so that many jobs can be rendered at once; [`expand`](super::expand) interns the
//! texts in order.

use crate::graph::job::Job;
use crate::model::dynamic::{CallContext, CallError};
use crate::model::pattern::Pattern;
use crate::model::rule::{InputSource, Rule};
use crate::model::slots::{NamedPaths, Slot};
use crate::model::value::Value;
use crate::model::wildcards::Wildcards;
use crate::model::workflow::Workflow;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Why a candidate can never run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An input function gave no value.
    Call {
        function: String,
        error: CallError,
    },
    /// An input function gave something that is no path.
    NotAPath {
        function: String,
        what: String,
    },
    /// Its inputs would grow for ever.
    Endless,
    TooDeep,
    PathTooLong,
    /// As many others: not kept word for word.
    Unreported,
}

/// Paths of a piece of new jobs, rendered: one text, cut by `ends`.
#[derive(Default)]
pub(crate) struct Drafts {
    pub(crate) text: String,
    pub(crate) ends: Vec<usize>,
    pub(crate) jobs: Vec<Draft>,
}

pub(crate) struct Draft {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// Only where an input function decides them.
    pub(crate) slots: Option<Vec<Slot>>,
    pub(crate) failure: Option<Failure>,
}

/// The slots of a rule without input functions.
pub(crate) fn fixed_layout(rule: &Rule) -> Option<Arc<[Slot]>> {
    rule.inputs
        .iter()
        .map(|item| match &item.source {
            InputSource::Patterns { patterns, list } => {
                Some(Slot { name: item.name.clone(), list: *list, len: patterns.len() as u32 })
            }
            InputSource::Function(_) => None,
        })
        .collect()
}

/// Renders `jobs`, numbered from `first` on, into `drafts`; jobs that have failed already get no inputs.
pub(crate) fn render_chunk(
    workflow: &Workflow,
    jobs: &[Job],
    first: u32,
    failures: &FxHashMap<u32, Failure>,
    path_length: usize,
    drafts: &mut Drafts,
) {
    drafts.text.clear();
    drafts.ends.clear();
    drafts.jobs.clear();
    for (id, job) in (first..).zip(jobs) {
        let rule = &workflow.rules[job.rule as usize];
        let before = (drafts.text.len(), drafts.ends.len());
        let mut slots = None;
        // A job that is given up already asks for nothing, but messages want to name what it makes.
        let mut failure = None;
        if !failures.contains_key(&id) {
            failure = render_inputs(rule, job, drafts, &mut slots).err();
            let mut start = before.0;
            let is_long = |end: &usize| *end - std::mem::replace(&mut start, *end) > path_length;
            if failure.is_none() && drafts.ends[before.1..].iter().any(is_long) {
                failure = Some(Failure::PathTooLong);
            }
            if failure.is_some() {
                drafts.text.truncate(before.0);
                drafts.ends.truncate(before.1);
                slots = None;
            }
        }
        let inputs = drafts.ends.len() - before.1;
        for pattern in &rule.outputs {
            pattern.render(&job.wildcards, &mut drafts.text);
            drafts.ends.push(drafts.text.len());
        }
        drafts.jobs.push(Draft { inputs, outputs: rule.outputs.len(), slots, failure });
    }
}

fn render_inputs(
    rule: &Rule,
    job: &Job,
    drafts: &mut Drafts,
    slots: &mut Option<Vec<Slot>>,
) -> Result<(), Failure> {
    let has_function = rule.inputs.iter().any(|item| matches!(item.source, InputSource::Function(_)));
    if !has_function {
        for item in &rule.inputs {
            if let InputSource::Patterns { patterns, .. } = &item.source {
                for pattern in patterns {
                    pattern.render(&job.wildcards, &mut drafts.text);
                    drafts.ends.push(drafts.text.len());
                }
            }
        }
        return Ok(());
    }
    let wildcards = Wildcards::new(rule.wildcards.clone(), job.wildcards.clone());
    let cx = CallContext {
        wildcards: &wildcards,
        attempt: 1,
        rule: &rule.name,
        input: NamedPaths::EMPTY,
        output: NamedPaths::EMPTY,
        threads: 1,
        resources: &[],
    };
    let mut own = Vec::with_capacity(rule.inputs.len());
    for item in &rule.inputs {
        let before = drafts.ends.len();
        let list = match &item.source {
            InputSource::Patterns { patterns, list } => {
                for pattern in patterns {
                    pattern.render(&job.wildcards, &mut drafts.text);
                    drafts.ends.push(drafts.text.len());
                }
                *list
            }
            InputSource::Function(function) => {
                let name = || function.name().to_string();
                let value = function.call(&cx).map_err(|error| Failure::Call { function: name(), error })?;
                let not_a_path = |what| Failure::NotAPath { function: name(), what };
                if let (Value::Map(entries), None) = (&value, &item.name) {
                    // What `unpack` is for: every entry is an item with its own name.
                    for (key, value) in entries.iter() {
                        let start = drafts.ends.len();
                        add_paths(value, &wildcards, drafts).map_err(not_a_path)?;
                        let (list, len) = (matches!(value, Value::List(_)), drafts.ends.len() - start);
                        own.push(Slot { name: Some(key.clone()), list, len: len as u32 });
                    }
                    continue;
                }
                add_paths(&value, &wildcards, drafts).map_err(not_a_path)?;
                matches!(value, Value::List(_))
            }
        };
        own.push(Slot { name: item.name.clone(), list, len: (drafts.ends.len() - before) as u32 });
    }
    *slots = Some(own);
    Ok(())
}

/// Adds the path or the (nested) list of paths that an input function returned; what it is instead, as an error.
/// Wildcards of the job that stand in them are replaced, as in any other input; other braces are literal.
fn add_paths(value: &Value, wildcards: &Wildcards, drafts: &mut Drafts) -> Result<(), String> {
    // Lists nest as deep as the workflow likes, so no recursion.
    let mut pending = vec![value];
    while let Some(value) = pending.pop() {
        match value {
            Value::Str(text) if text.is_empty() => return Err("an empty path".into()),
            Value::Str(text) => {
                match bound(text, wildcards) {
                    Some(pattern) => pattern.render(wildcards.values(), &mut drafts.text),
                    None => drafts.text.push_str(text),
                }
                drafts.ends.push(drafts.text.len());
            }
            Value::List(items) => pending.extend(items.iter().rev()),
            Value::None => return Err("`None`".into()),
            Value::Map(_) => return Err("a mapping".into()),
            other => return Err(format!("`{}`, which is no text", other.canonical())),
        }
    }
    Ok(())
}

fn bound(text: &str, wildcards: &Wildcards) -> Option<Pattern> {
    let pattern = text.contains('{').then(|| Pattern::parse(text).ok())??;
    pattern.bind(wildcards.names()).ok()
}
