//! A rule: the template of jobs.

use crate::diag::Span;
use crate::model::action::Action;
use crate::model::dynamic::{Dynamic, JobFunction};
use crate::model::pattern::Pattern;
use crate::model::slots::Slot;
use crate::model::template::Template;
use crate::model::value::Value;
use std::sync::Arc;

/// A rule as it stands after all checks. Made by [`RuleBuilder`](crate::RuleBuilder) or by a Rulefile.
#[derive(Debug)]
pub struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) doc: Option<Arc<str>>,
    /// Where it is defined; `None` for a rule built in Rust.
    pub(crate) place: Option<Span>,
    /// Wildcard names in the order of the first output (or log, or none).
    pub(crate) wildcards: Arc<[Arc<str>]>,
    pub(crate) inputs: Box<[InputItem]>,
    /// Bound patterns, flat in slot order; `output_slots` groups them.
    pub(crate) outputs: Box<[Pattern]>,
    pub(crate) output_slots: Arc<[Slot]>,
    pub(crate) logs: Box<[Pattern]>,
    pub(crate) log_slots: Arc<[Slot]>,
    pub(crate) params: Box<[ParamItem]>,
    pub(crate) threads: Dynamic,
    pub(crate) resources: Box<[(Arc<str>, Dynamic)]>,
    pub(crate) priority: i64,
    pub(crate) retries: Option<u32>,
    pub(crate) message: Option<Template>,
    pub(crate) action: Action,
}

/// One item of `input:`.
#[derive(Debug)]
pub(crate) struct InputItem {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) source: InputSource,
}

#[derive(Debug)]
pub(crate) enum InputSource {
    /// One path, or a list of paths (`list` even with one element).
    Patterns { patterns: Box<[Pattern]>, list: bool },
    /// A function that gives a path or a list of paths, or nothing (`[]`).
    Function(Arc<dyn JobFunction>),
}

/// One item of `params:`.
#[derive(Debug)]
pub(crate) struct ParamItem {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) source: ParamSource,
}

#[derive(Debug)]
pub(crate) enum ParamSource {
    Const(Value),
    /// A string in which wildcards are replaced.
    Text(Pattern),
    /// A list with strings in which wildcards are replaced; its elements are constants and texts.
    List(Box<[ParamSource]>),
    Function(Arc<dyn JobFunction>),
}

impl Rule {
    /// The rule's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rule's docstring.
    #[must_use]
    pub fn doc(&self) -> Option<&str> {
        self.doc.as_deref()
    }

    /// The output patterns as written (normalised).
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = &str> {
        self.outputs.iter().map(|p| &*p.text)
    }

    /// The names of its wildcards.
    pub fn wildcards(&self) -> impl ExactSizeIterator<Item = &str> {
        self.wildcards.iter().map(|n| &**n)
    }
}
