//! Command templates: literal text with `{input.name[0]!r:q}` fields.

use crate::diag::Span;
use crate::model::slots::NamedPaths;
use crate::model::value::Value;
use crate::model::wildcards::Wildcards;
use std::sync::Arc;

/// A parsed template.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// As written, dedented: the text for people.
    pub(crate) text: Arc<str>,
    pub(crate) parts: Box<[Part]>,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Literal text, `{{` and `}}` resolved.
    Text(Arc<str>),
    Field(Field),
}

/// `{root.access!conversion:spec}`
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) root: Root,
    pub(crate) access: Box<[Access]>,
    pub(crate) conversion: Option<char>,
    pub(crate) spec: Arc<str>,
    /// Where in the shell text it stands.
    pub(crate) quoting: Quoting,
    /// Byte range in [`Template::text`], for messages.
    pub(crate) at: (u32, u32),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Root {
    Input,
    Output,
    Params,
    Wildcards,
    Log,
    Threads,
    Resources,
    Rule,
    Attempt,
    /// A name of the Rulefile, not resolved yet.
    Name(Arc<str>),
    /// A name of the Rulefile with the value that it had at the end of the load (accesses are applied already).
    Constant(Value),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Attribute(Arc<str>),
    /// `[0]` or `[key]`
    Index(Arc<str>),
}

/// The shell's quoting state at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    Bare,
    Single,
    Double,
}

/// Everything that fields can refer to in one job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bindings<'a> {
    pub(crate) rule: &'a str,
    pub(crate) wildcards: &'a Wildcards,
    pub(crate) input: NamedPaths<'a>,
    pub(crate) output: NamedPaths<'a>,
    pub(crate) log: NamedPaths<'a>,
    pub(crate) params: &'a [(Option<Arc<str>>, Value)],
    pub(crate) threads: u32,
    pub(crate) resources: &'a [(Arc<str>, Value)],
    pub(crate) attempt: u32,
}

/// A mistake in a template; `at` is a byte range in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemplateError {
    pub(crate) at: (u32, u32),
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// A place in a source for a template whose text came from there.
pub(crate) type TemplateSpan = Option<Span>;
