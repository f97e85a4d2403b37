//! Command templates: literal text with `{input.name[0]!r:q}` fields, in Python's `str.format` syntax with
//! Snakemake's `:q` and `:u`.
//!
//! Knows nothing of jobs and files: a template is parsed once, its names are resolved once, and it is rendered
//! per job from [`Bindings`]. Invariant: a path or a wildcard never changes how the shell reads the rest of the
//! command, whatever characters it holds.

mod check;
mod parse;
mod quote;
mod render;
mod shell;
mod spec;
#[cfg(test)]
mod tests;

use crate::model::slots::{NamedPaths, SlotLayout};
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
    /// Inside of `` `…` ``, where the shell removes one more layer of backslashes.
    pub(crate) backticks: bool,
    /// Directly after a `$`: probably meant for the shell.
    pub(crate) after_dollar: bool,
    /// Byte range in the text that was given to [`Template::parse`], for messages.
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
    /// `{jobid}`: as `threads`, nothing that a result depends on.
    JobId,
    /// A name of the Rulefile, not resolved yet.
    Name(Arc<str>),
    /// Paths of another rule, `{rules.a.output}`: constant, and quoted as all paths are.
    Paths(Value),
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
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `$'…'`
    Ansi,
    /// The body of `<<EOF`: expansions, but quotes are ordinary characters.
    Heredoc,
    /// The body of `<<'EOF'`: every character stands for itself, nothing can be quoted and nothing needs it.
    Verbatim,
    /// After `#`, up to the end of the line.
    Comment,
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
    /// Number of the job.
    pub(crate) job: u32,
}

/// What the text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenderMode {
    /// A command: values are quoted for the place where they stand.
    Shell,
    /// A text for people: nothing is quoted.
    Plain,
}

/// What is known of a rule before there are jobs, for [`Template::check`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct TemplateScope<'a> {
    /// An item that is a function stands here with its name.
    pub(crate) input: &'a SlotLayout,
    /// Some item is a function: positions and lengths are not known, nor names that an unnamed one may add.
    pub(crate) input_dynamic: bool,
    pub(crate) output: &'a SlotLayout,
    pub(crate) log: &'a SlotLayout,
    pub(crate) params: &'a [Option<Arc<str>>],
    pub(crate) wildcards: &'a [Arc<str>],
    /// Including those that every job has.
    pub(crate) resources: &'a [Arc<str>],
}

/// Which values of a section the command refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Used {
    #[default]
    None,
    /// Names or positions (as digits), each once, in order of first use.
    Some(Vec<Arc<str>>),
    All,
}

/// What a command refers to: an unreferenced value cannot change its result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    pub(crate) params: Used,
    pub(crate) wildcards: Used,
    pub(crate) resources: Used,
    pub(crate) log: bool,
    pub(crate) threads: bool,
    pub(crate) attempt: bool,
    pub(crate) rule: bool,
}

/// A mistake in a template; `at` is a byte range in the text that was given to [`Template::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemplateError {
    pub(crate) at: (u32, u32),
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Template {
    /// Parses a text: common indentation, blank lines around it and trailing blanks of command lines are
    /// dropped; inside of quotes and heredocs only the indentation changes. Gives all mistakes, not the first.
    pub(crate) fn parse(text: &str) -> Result<Template, Vec<TemplateError>> {
        parse::parse(text)
    }

    /// The text, when it is the same for every job.
    pub(crate) fn literal(&self) -> Option<String> {
        let text = |part: &Part| match part {
            Part::Text(text) => Some(text.to_string()),
            Part::Field(_) => None,
        };
        self.parts.iter().map(text).collect()
    }

    /// The fields in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(field) => Some(field),
            Part::Text(_) => None,
        })
    }

    /// Finds out anew where in the shell text each field stands: a constant may hold quotes.
    fn place_fields(&mut self) {
        let mut tokens = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => tokens.extend(text.chars().map(shell::Token::Char)),
                Part::Field(field) => match field.raw_constant() {
                    Some(text) => tokens.extend(text.chars().map(shell::Token::Char)),
                    None => tokens.push(shell::Token::Field),
                },
            }
        }
        let scan = shell::scan(&tokens);
        let fields = self.parts.iter_mut().filter_map(|part| match part {
            Part::Field(field) if field.raw_constant().is_none() => Some(field),
            _ => None,
        });
        for (field, place) in fields.zip(scan.places) {
            (field.quoting, field.backticks) = place;
        }
    }
}

impl Field {
    /// The error that this field gives.
    fn error(&self, message: impl Into<String>, help: Option<String>) -> TemplateError {
        TemplateError { at: self.at, message: message.into(), help }
    }
}

impl Root {
    /// The root that a name stands for.
    fn of(name: &str) -> Root {
        match name {
            "input" => Root::Input,
            "output" => Root::Output,
            "params" => Root::Params,
            "wildcards" => Root::Wildcards,
            "log" => Root::Log,
            "threads" => Root::Threads,
            "resources" => Root::Resources,
            "rule" => Root::Rule,
            "attempt" => Root::Attempt,
            "jobid" => Root::JobId,
            other => Root::Name(other.into()),
        }
    }

    /// The name as it is written; `None` for a constant, which has lost it.
    fn name(&self) -> Option<&str> {
        Some(match self {
            Root::Input => "input",
            Root::Output => "output",
            Root::Params => "params",
            Root::Wildcards => "wildcards",
            Root::Log => "log",
            Root::Threads => "threads",
            Root::Resources => "resources",
            Root::Rule => "rule",
            Root::Attempt => "attempt",
            Root::JobId => "jobid",
            Root::Name(name) => name,
            Root::Paths(_) | Root::Constant(_) => return None,
        })
    }

    /// Whether its values are always text.
    fn is_text(&self) -> bool {
        matches!(self, Root::Input | Root::Output | Root::Log | Root::Wildcards | Root::Rule)
    }
}

impl Access {
    fn key(&self) -> &Arc<str> {
        match self {
            Access::Attribute(key) | Access::Index(key) => key,
        }
    }

    /// The position, if it is `[0]` and the like.
    fn position(&self) -> Option<usize> {
        match self {
            Access::Index(key) if key.bytes().all(|b| b.is_ascii_digit()) => key.parse().ok(),
            _ => None,
        }
    }
}
