//! `lookup`: one value or several out of a mapping or a table, now or when the wildcards of the job are known.

use super::args::text;
use super::later::{Job, holds_function, later};
use crate::lang::format::{self, First};
use crate::lang::index;
use crate::lang::modules::fnmatch::Pattern;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Key, TextKey, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static TABLE: &[Builtin] = &[Builtin { name: "lookup", call: lookup }];

type Named = Vec<(Arc<str>, Value)>;

/// What is asked, before wildcards are filled in.
struct Question {
    /// A text or a function of the job.
    path: Value,
    within: Value,
    default: Option<Value>,
    /// Names that the texts may hold besides wildcards.
    names: Named,
}

fn lookup(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut given = Given { positional: args.positional.into_iter(), named: args.named };
    let query = given.take("query");
    let dpath = given.take("dpath");
    let (cols, is_nrows) = (given.take("cols"), given.take("is_nrows"));
    let within = given
        .take("within")
        .ok_or_else(|| Raise::type_error("`lookup` needs a mapping or a table: `within=...`"))?;
    let default = given.take("default");
    let names = given.named;
    let path = match (query, dpath) {
        (Some(_), Some(_)) => return Err(Raise::type_error("`lookup` takes `query` or `dpath`, not both")),
        (Some(path), None) | (None, Some(path)) => path,
        (None, None) => return Err(Raise::type_error("`lookup` needs a `query` or a `dpath`")),
    };
    if !matches!(within, Value::Dict(_)) {
        let message = format!("`lookup` looks into mappings, not into `{}`", within.type_name());
        return Err(Raise::unsupported(message, "make a dict of it, or choose with an input function"));
    }
    if cols.is_some() || is_nrows.is_some() {
        return Err(Raise::type_error("`lookup`: `cols` and `is_nrows` are for tables, not for mappings"));
    }
    let question = Question { path, within, default, names };
    if !question.waits() {
        let path = text(&question.path, "lookup")?;
        let path = match question.names.is_empty() {
            true => path.to_string(),
            false => filled(vm, &path, &question.names, None)?,
        };
        return question.find(vm, &path);
    }
    let values = question.names.iter().map(|(_, value)| value.clone());
    let parts = values.chain([question.path.clone(), question.within.clone()]).collect();
    later("lookup", parts, move |vm, job| question.ask(vm, job))
}

/// Arguments in the order in which they are asked for.
struct Given {
    positional: std::vec::IntoIter<Value>,
    named: Named,
}

impl Given {
    fn take(&mut self, name: &str) -> Option<Value> {
        let by_name = |named: &mut Named| {
            let at = named.iter().position(|(n, _)| **n == *name)?;
            Some(named.remove(at).1)
        };
        let value = self.positional.next().or_else(|| by_name(&mut self.named))?;
        (!matches!(value, Value::None) || name == "default").then_some(value)
    }
}

impl Question {
    /// Whether the answer depends on the job.
    fn waits(&self) -> bool {
        let is_known = |name: &str| self.names.iter().any(|(n, _)| **n == *name);
        let is_open = match &self.path {
            Value::Str(text) => names_in(text).iter().any(|name| !is_known(name)),
            other => other.is_callable(),
        };
        is_open || self.names.iter().any(|(_, value)| holds_function(value))
    }

    fn ask(&self, vm: &mut Vm, job: &Job) -> Result<Value, Raise> {
        let mut names = Vec::with_capacity(self.names.len());
        for (name, value) in &self.names {
            names.push((name.clone(), job.resolve(vm, value)?));
        }
        let path = job.resolve(vm, &self.path)?;
        let path = filled(vm, &text(&path, "lookup")?, &names, Some(job.wildcards()))?;
        self.find(vm, &path)
    }

    /// The value at `a/b/c` in nested mappings and lists; a list of all where `*` stands in the path.
    fn find(&self, vm: &mut Vm, path: &str) -> Result<Value, Raise> {
        let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
        let is_open = steps.iter().any(|step| step.contains(['*', '?', '[']));
        let mut found = vec![self.within.clone()];
        for step in &steps {
            let mut next = Vec::new();
            for value in &found {
                vm.budget.spend(1)?;
                step_into(vm, value, step, &mut next)?;
            }
            found = next;
        }
        match (found.len(), &self.default) {
            (0, Some(default)) => Ok(default.clone()),
            (0, None) => Err(Raise::new(Exc::LookupError, format!("`lookup` finds nothing at `{path}`"))
                .help("give a `default=...`, or look at the keys of the mapping")),
            (1, _) => Ok(found.remove(0)),
            _ if is_open => Ok(Value::list(found)),
            _ => Ok(found.remove(0)),
        }
    }
}

/// Adds what the step leads to.
fn step_into(vm: &mut Vm, value: &Value, step: &str, next: &mut Vec<Value>) -> Result<(), Raise> {
    let pattern = step.contains(['*', '?', '[']).then(|| Pattern::new(step));
    match value {
        Value::Dict(dict) => {
            if pattern.is_none()
                && let Some(found) = dict.0.read(|map| map.get(&TextKey(step)).cloned())
            {
                next.push(found);
                return Ok(());
            }
            let entries: Vec<(Key, Value)> =
                dict.0.read(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect());
            vm.budget.spend(entries.len() as u64)?;
            for (key, value) in entries {
                let key = key.get().display();
                let is_meant = match &pattern {
                    Some(pattern) => pattern.matches(vm, &key)?,
                    None => *key == *step,
                };
                next.extend(is_meant.then_some(value));
            }
        }
        Value::List(_) | Value::Tuple(_) => {
            let items = value.snapshot().unwrap_or_default();
            match (step.parse::<usize>(), pattern) {
                (Ok(at), _) => next.extend(items.get(at).cloned()),
                (_, Some(pattern)) => {
                    vm.budget.spend(items.len() as u64)?;
                    for (i, item) in items.into_iter().enumerate() {
                        next.extend(pattern.matches(vm, &i.to_string())?.then_some(item));
                    }
                }
                _ => {}
            }
        }
        _ => {}
    }
    Ok(())
}

/// Names of the wildcards in a text.
pub(super) fn names_in(text: &str) -> Vec<&str> {
    let starts = text.match_indices('{').map(|(at, _)| &text[at + 1..]);
    let names = starts.map(|rest| rest[..rest.find(['}', ',', '!', ':']).unwrap_or(0)].trim());
    names.filter(|name| !name.is_empty() && !name.starts_with('{')).collect()
}

/// The text with names and wildcards in their places; names go first.
fn filled(vm: &mut Vm, template: &str, names: &Named, wildcards: Option<&Value>) -> Result<String, Raise> {
    let mut lookup = |vm: &mut Vm, first: First<'_>| match first {
        First::Name(name) => match (names.iter().find(|(n, _)| **n == *name), wildcards) {
            (Some((_, value)), _) => Ok(value.clone()),
            (None, Some(wildcards)) => index::get_item(vm, wildcards, &Value::from(name)),
            (None, None) => Err(Raise::new(Exc::NameError, format!("`lookup` knows no `{name}`"))),
        },
        First::Index(index) => {
            Err(Raise::new(Exc::IndexError, format!("`{{{index}}}` in `lookup` has no name")))
        }
    };
    format::str_format(vm, template, &mut lookup)
}
