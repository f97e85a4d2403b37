//! `lookup`: one value or several out of a mapping or a table, now or when the wildcards of the job are known.

use super::args::text;
use super::later::{Job, holds_function, later};
use crate::lang::format::{self, First};
use crate::lang::index;
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::dpath;
use crate::lang::table::lookup::{self as tables, Columns};
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static TABLE: &[Builtin] = &[Builtin { name: "lookup", call: lookup }];

pub(super) type Named = Vec<(Arc<str>, Value)>;

/// What is asked, before wildcards are filled in.
struct Question {
    /// A text or a function of the job.
    text: Value,
    within: Value,
    default: Option<Value>,
    asked: Asked,
    /// Names that the texts may hold besides wildcards.
    names: Named,
}

enum Asked {
    /// The value at a path in a mapping.
    Path,
    /// Rows of a table.
    Rows { columns: Columns, count: Option<i64> },
}

/// Parameters by position, as in Snakemake; all other names are for the texts.
const KNOWN: [&str; 6] = ["query", "dpath", "cols", "is_nrows", "within", "default"];

fn lookup(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let question = Question::of(args)?;
    if !question.waits() {
        return question.ask(vm, None);
    }
    let values = question.names.iter().map(|(_, value)| value.clone());
    let parts =
        values.chain([question.text.clone(), question.within.clone()]).chain(question.default.clone());
    later("lookup", parts.collect(), move |vm, job| question.ask(vm, Some(job)))
}

fn error(message: impl Into<String>) -> Raise {
    Raise::new(Exc::WorkflowError, message)
}

impl Question {
    fn of(args: Args) -> Result<Question, Raise> {
        let (known, names): (Vec<_>, Vec<_>) =
            args.named.into_iter().partition(|(name, _)| KNOWN.contains(&&**name));
        let [query, dpath, columns, count, within, default] =
            Args { positional: args.positional, named: known }.take("lookup", KNOWN, 0)?;
        let given = |value: Option<Value>| value.filter(|value| !matches!(value, Value::None));
        let (query, dpath) = (given(query), given(dpath));
        let within = given(within)
            .ok_or_else(|| error("`lookup` needs a mapping or a table to search: `within=...`"))?;
        let is_mapping = matches!(within, Value::Dict(_));
        let is_table = tables::is_table(&within);
        if !is_mapping && !is_table {
            return Err(error(format!(
                "`lookup` looks into mappings and tables, not into `{}`",
                within.type_name()
            )));
        }
        let (text, asked) = match (query, dpath) {
            (Some(_), Some(_)) => return Err(error("`lookup` takes `query` or `dpath`, not both")),
            // What stands first may be either.
            (Some(text), None) | (None, Some(text)) if is_mapping => (text, Asked::Path),
            (Some(text), None) => {
                (text, Asked::Rows { columns: columns_of(given(columns))?, count: count_of(given(count))? })
            }
            (None, Some(_)) => return Err(error("`dpath` is for mappings: a table is asked with `query`")),
            (None, None) => return Err(error("`lookup` needs a `query` or a `dpath`")),
        };
        Ok(Question { text, within, default, asked, names })
    }

    /// Whether the answer depends on the job.
    fn waits(&self) -> bool {
        let is_known = |name: &str| self.names.iter().any(|(n, _)| **n == *name);
        let is_open = |text: &str| names_in(text).iter().any(|name| !is_known(name));
        let open_text = match &self.text {
            Value::Str(text) => is_open(text),
            other => other.is_callable(),
        };
        let open_columns = match &self.asked {
            Asked::Rows { columns: Columns::One(name), .. } => is_open(name),
            Asked::Rows { columns: Columns::Many(names), .. } => names.iter().any(|name| is_open(name)),
            _ => false,
        };
        open_text || open_columns || self.names.iter().any(|(_, value)| holds_function(value))
    }

    /// The answer, for a job or for none.
    fn ask(&self, vm: &mut Vm, job: Option<&Job>) -> Result<Value, Raise> {
        let mut names = self.names.clone();
        let mut text_value = self.text.clone();
        if let Some(job) = job {
            for (_, value) in &mut names {
                *value = job.resolve(vm, value)?;
            }
            text_value = job.resolve(vm, &text_value)?;
        }
        // As in Snakemake, braces mean something only where there are names for them.
        let fills = job.is_some() || !names.is_empty();
        let fill = |vm: &mut Vm, template: &Arc<str>| -> Result<Arc<str>, Raise> {
            if fills { filled(vm, template, &names, job.map(Job::wildcards)) } else { Ok(template.clone()) }
        };
        let text = fill(vm, &text(&text_value, "lookup")?)?;
        match &self.asked {
            Asked::Path => match dpath::find(vm, &self.within, &text)? {
                Some(value) => Ok(value),
                None => self.default.clone().ok_or_else(|| {
                    error(format!("`lookup` finds nothing at `{text}`"))
                        .help("give a `default=...`, or look at the keys of the mapping")
                }),
            },
            Asked::Rows { columns, count } => {
                let columns = match columns {
                    Columns::All => Columns::All,
                    Columns::One(name) => Columns::One(fill(vm, name)?),
                    Columns::Many(many) => {
                        Columns::Many(many.iter().map(|name| fill(vm, name)).collect::<Result<_, _>>()?)
                    }
                };
                tables::rows(vm, &self.within, &text, &columns, *count, self.default.as_ref())
            }
        }
    }
}

fn columns_of(value: Option<Value>) -> Result<Columns, Raise> {
    match value {
        None => Ok(Columns::All),
        Some(Value::Str(one)) => Ok(Columns::One(one)),
        Some(Value::List(many)) => {
            let many = many.0.read(Clone::clone);
            many.iter().map(|name| text(name, "lookup")).collect::<Result<_, _>>().map(Columns::Many)
        }
        Some(_) => Err(error("`cols` is the name of a column, or a list of names")),
    }
}

fn count_of(value: Option<Value>) -> Result<Option<i64>, Raise> {
    match value {
        None => Ok(None),
        Some(Value::Int(count)) => Ok(Some(count)),
        Some(_) => Err(error("`is_nrows` is a whole number")),
    }
}

/// Names of the wildcards in a text: `{name}` and `{name,constraint}`.
pub(super) fn names_in(text: &str) -> Vec<&str> {
    let starts = text.match_indices('{').map(|(at, _)| &text[at + 1..]);
    let names = starts.map(|rest| rest[..rest.find(['}', ',']).unwrap_or(0)].trim());
    names.filter(|name| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')).collect()
}

/// The text with names and wildcards in their places; names go first.
pub(super) fn filled(
    vm: &mut Vm,
    template: &str,
    names: &Named,
    wildcards: Option<&Value>,
) -> Result<Arc<str>, Raise> {
    let mut lookup = |vm: &mut Vm, first: First<'_>| match first {
        First::Name(name) => match (names.iter().find(|(n, _)| **n == *name), wildcards) {
            (Some((_, value)), _) => Ok(value.clone()),
            (None, Some(wildcards)) => {
                // Its words are no key: they are shown as they are.
                index::get_item(vm, wildcards, &Value::from(name)).map_err(|raise| match raise.kind() {
                    Exc::KeyError => raise.of_kind(Exc::WildcardError),
                    _ => raise,
                })
            }
            (None, None) => Err(Raise::new(Exc::NameError, format!("`lookup` knows no `{name}`"))),
        },
        First::Index(index) => {
            Err(Raise::new(Exc::IndexError, format!("`{{{index}}}` in `lookup` has no name")))
        }
    };
    format::format_with(vm, template, &mut lookup, format::command_field).map(Arc::from)
}
