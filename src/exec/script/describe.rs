//! What a job looks like to a program in another language: sections of values, some with names.

use crate::model::job_context::{JobContext, OwnedPaths};
use crate::model::value::Value;
use std::sync::Arc;

/// A section of a job: values by number, and names for some of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Section {
    pub(crate) flat: Vec<Value>,
    /// Name, first value and, for a group, the place behind its last.
    pub(crate) names: Vec<(Arc<str>, usize, Option<usize>)>,
}

impl Section {
    pub(crate) fn of_paths(paths: &OwnedPaths) -> Section {
        let mut section = Section::default();
        let mut rest = paths.paths.iter();
        for slot in &*paths.layout {
            let start = section.flat.len();
            section.flat.extend(rest.by_ref().take(slot.len as usize).map(|path| Value::Str(path.clone())));
            let end = section.flat.len();
            if let Some(name) = &slot.name {
                let is_one = !slot.list && end == start + 1;
                section.names.push((name.clone(), start, if is_one { None } else { Some(end) }));
            }
        }
        section
    }

    /// Appends the values of another section.
    pub(crate) fn extend(&mut self, other: Section) {
        let start = self.flat.len();
        let moved =
            other.names.into_iter().map(|(name, from, to)| (name, from + start, to.map(|to| to + start)));
        self.names.extend(moved);
        self.flat.extend(other.flat);
    }

    pub(crate) fn of_values<'a>(values: impl Iterator<Item = (Option<&'a Arc<str>>, Value)>) -> Section {
        let mut section = Section::default();
        for (name, value) in values {
            section.names.extend(name.map(|name| (name.clone(), section.flat.len(), None)));
            section.flat.push(value);
        }
        section
    }

    /// The named values, groups as lists.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&Arc<str>, Value)> {
        self.names.iter().map(|(name, start, end)| (name, self.value(*start, *end)))
    }

    fn value(&self, start: usize, end: Option<usize>) -> Value {
        match end {
            None => self.flat.get(start).cloned().unwrap_or(Value::None),
            Some(end) => Value::List(self.flat.get(start..end).unwrap_or_default().into()),
        }
    }

    /// All values in order, groups as lists.
    pub(crate) fn items(&self) -> Vec<(Option<&Arc<str>>, Value)> {
        let mut items = Vec::with_capacity(self.flat.len());
        let mut next = 0;
        for (name, start, end) in &self.names {
            items.extend(self.flat.get(next..*start).unwrap_or_default().iter().map(|v| (None, v.clone())));
            items.push((Some(name), self.value(*start, *end)));
            next = end.unwrap_or(start + 1);
        }
        items.extend(self.flat.get(next..).unwrap_or_default().iter().map(|v| (None, v.clone())));
        items
    }
}

/// A job as its program sees it.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) input: Section,
    pub(crate) output: Section,
    pub(crate) params: Section,
    pub(crate) wildcards: Section,
    pub(crate) threads: u32,
    pub(crate) resources: Section,
    pub(crate) log: Section,
    pub(crate) config: Arc<Value>,
    pub(crate) rule: Arc<str>,
    /// Which repetition of a benchmark this is.
    pub(crate) iteration: Option<u32>,
}

impl Description {
    pub(crate) fn of(job: &JobContext, iteration: Option<u32>) -> Description {
        let names = job.wildcards.names().iter().map(Some);
        let values = job.wildcards.values().iter().map(|text| Value::Str(text.clone()));
        let mut resources: Vec<(Arc<str>, Value)> = job.resources.clone();
        for (name, value) in [("_nodes", 1), ("_cores", i64::from(job.threads))] {
            if !resources.iter().any(|(known, _)| &**known == name) {
                resources.push((name.into(), Value::Int(value)));
            }
        }
        Description {
            input: Section::of_paths(&job.inputs),
            output: Section::of_paths(&job.outputs),
            log: Section::of_paths(&job.logs),
            params: Section::of_values(job.params.iter().map(|(name, value)| (name.as_ref(), value.clone()))),
            wildcards: Section::of_values(names.zip(values)),
            threads: job.threads,
            resources: Section::of_values(resources.iter().map(|(name, value)| (Some(name), value.clone()))),
            config: job.config.clone(),
            rule: job.rule.clone(),
            iteration,
        }
    }

    /// The sections by name.
    pub(crate) fn sections(&self) -> [(&'static str, &Section); 6] {
        [
            ("input", &self.input),
            ("output", &self.output),
            ("params", &self.params),
            ("wildcards", &self.wildcards),
            ("resources", &self.resources),
            ("log", &self.log),
        ]
    }
}
