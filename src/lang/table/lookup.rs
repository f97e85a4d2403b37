//! `lookup(query=..., within=table)` and `lookup(dpath=..., within=config)`.
//!
//! A [`Lookup`] is what was asked. One that names wildcards is evaluated for each job with
//! [`Lookup::evaluate`]; all others at once.

use crate::lang::builtins::args::text;
use crate::lang::format::{self, First};
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::data_frame::{columns_of, take_rows};
use crate::lang::table::dpath::{self, Found};
use crate::lang::table::frame::Frame;
use crate::lang::table::methods::export::records;
use crate::lang::table::objects::{frame_of, labelled_of};
use crate::lang::table::pick::Pick;
use crate::lang::table::query;
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// Names with values: wildcards, or what was given beside the known parameters.
pub(crate) type Names = [(Arc<str>, Value)];

#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    /// A text, or a function of the wildcards that gives one.
    expression: Value,
    within: Within,
    default: Option<Value>,
    namespace: Vec<(Arc<str>, Value)>,
}

#[derive(Clone, Debug)]
enum Within {
    Table { frame: Arc<Frame>, columns: Option<Columns>, rows: Option<i64> },
    Mapping(Value),
}

/// Which columns of the rows are given.
#[derive(Clone, Debug)]
enum Columns {
    /// A list of its values.
    One(Arc<str>),
    Many(Vec<Arc<str>>),
}

const KNOWN: [&str; 6] = ["query", "dpath", "cols", "is_nrows", "within", "default"];

impl Lookup {
    /// What a call asks for. All names but the known parameters are the namespace of the expression.
    pub(crate) fn of(args: Args) -> Result<Lookup, Raise> {
        let Args { positional, named } = args;
        let (known, namespace): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|(name, _)| KNOWN.contains(&&**name));
        let [query, dpath, columns, rows, within, default] =
            Args { positional, named: known }.take("lookup", KNOWN, 0)?;
        let given = |value: Option<Value>| value.filter(|value| !matches!(value, Value::None));
        let (mut query, mut dpath) = (given(query), given(dpath));
        let Some(within) = given(within) else {
            return Err(error("`lookup` needs a table, a column or a dict to search: `within=samples`"));
        };
        if query.is_some() && dpath.is_some() {
            return Err(error("`lookup` takes either a `query` or a `dpath`"));
        }
        let is_mapping = matches!(within, Value::Dict(_));
        if is_mapping && dpath.is_none() {
            dpath = query.take();
        }
        let frame =
            frame_of(&within).or_else(|| labelled_of(&within).map(|series| Arc::new(series.to_frame(None))));
        let (expression, within) = match (query, dpath, frame) {
            (Some(query), _, Some(frame)) => {
                let columns = match given(columns) {
                    None => None,
                    Some(Value::Str(one)) => Some(Columns::One(one)),
                    Some(Value::List(many)) => {
                        let many = many.0.read(Clone::clone);
                        Some(Columns::Many(
                            many.iter().map(|name| text(name, "lookup")).collect::<Result<_, _>>()?,
                        ))
                    }
                    Some(_) => return Err(error("`cols` is the name of a column, or a list of names")),
                };
                let rows = match given(rows) {
                    None => None,
                    Some(Value::Int(n)) => Some(n),
                    Some(_) => return Err(error("`is_nrows` is a whole number")),
                };
                (query, Within::Table { frame, columns, rows })
            }
            (Some(_), _, None) => return Err(error("`query` needs a table or a column to search")),
            (None, Some(dpath), _) if is_mapping => (dpath, Within::Mapping(within)),
            (None, Some(_), _) => return Err(error("`dpath` needs a dict to search")),
            (None, None, _) => return Err(error("`lookup` needs a `query` or a `dpath`")),
        };
        Ok(Lookup { expression, within, default, namespace })
    }

    /// Whether it can be evaluated only for a job.
    pub(crate) fn needs_wildcards(&self) -> bool {
        let names_wildcard = |text: &str| {
            wildcard_names(text).iter().any(|name| !self.namespace.iter().any(|(known, _)| **known == **name))
        };
        let columns_name_one = match &self.within {
            Within::Table { columns: Some(Columns::One(name)), .. } => names_wildcard(name),
            Within::Table { columns: Some(Columns::Many(names)), .. } => {
                names.iter().any(|name| names_wildcard(name))
            }
            _ => false,
        };
        self.expression.is_callable()
            || self.expression.as_str().is_some_and(names_wildcard)
            || columns_name_one
            || self.namespace.iter().any(|(_, value)| value.is_callable())
    }

    /// The values inside, for what keeps the lookup.
    pub(crate) fn inner(&self) -> Vec<Value> {
        let mut inner: Vec<Value> = self.namespace.iter().map(|(_, value)| value.clone()).collect();
        inner.push(self.expression.clone());
        inner.extend(self.default.clone());
        match &self.within {
            Within::Table { frame, .. } => {
                inner.extend(frame.data.iter().flat_map(|column| match column.dtype() {
                    crate::lang::table::dtype::DType::Object => column.cells().to_vec(),
                    _ => Vec::new(),
                }));
            }
            Within::Mapping(within) => inner.push(within.clone()),
        }
        inner
    }

    /// The result: for a job with the names of its `wildcards` and the value that functions get for them, or
    /// for no job.
    pub(crate) fn evaluate(&self, vm: &mut Vm, wildcards: Option<(&Names, &Value)>) -> Result<Value, Raise> {
        let mut names = self.namespace.clone();
        let mut expression = self.expression.clone();
        if let Some((wildcards, value)) = wildcards {
            let resolve = |vm: &mut Vm, function: &Value| {
                vm.call_value(function, Args::positional(vec![value.clone()]), None)
            };
            for (_, named) in &mut names {
                if named.is_callable() {
                    *named = resolve(vm, named)?;
                }
            }
            for (name, value) in wildcards {
                if !names.iter().any(|(known, _)| known == name) {
                    names.push((name.clone(), value.clone()));
                }
            }
            if expression.is_callable() {
                expression = resolve(vm, &expression)?;
            }
        }
        let expression = text(&expression, "lookup")?;
        // As in Snakemake, braces mean something only where there are names.
        let formats = wildcards.is_some() || !self.namespace.is_empty();
        let expression = if formats { formatted(vm, &expression, &names)?.into() } else { expression };
        match &self.within {
            Within::Mapping(within) => match dpath::find(vm, within, &expression)? {
                Found::One(value) => Ok(value),
                Found::Many(values) => Ok(Value::list(values)),
                Found::None => self.default.clone().ok_or_else(|| {
                    error(format!("`lookup` found nothing at the path `{expression}`"))
                        .help("give a value for this case: `default=...`")
                }),
            },
            Within::Table { frame, columns, rows } => {
                let columns = match (columns, formats) {
                    (Some(Columns::One(name)), true) => {
                        Some(Columns::One(formatted(vm, name, &names)?.into()))
                    }
                    (Some(Columns::Many(many)), true) => {
                        let many = many.iter().map(|name| formatted(vm, name, &names).map(Arc::from));
                        Some(Columns::Many(many.collect::<Result<_, _>>()?))
                    }
                    (columns, _) => columns.clone(),
                };
                self.query(vm, frame, &expression, columns.as_ref(), *rows)
            }
        }
    }

    fn query(
        &self,
        vm: &mut Vm,
        frame: &Frame,
        expression: &str,
        columns: Option<&Columns>,
        wanted_rows: Option<i64>,
    ) -> Result<Value, Raise> {
        let found = query::rows(vm, frame, expression, &[]).map_err(|raise| in_query(raise, expression))?;
        if let Some(wanted) = wanted_rows {
            return Ok(Value::Bool(found.len() as i64 == wanted));
        }
        if found.is_empty()
            && let Some(default) = &self.default
        {
            return Ok(default.clone());
        }
        let selected = match columns {
            None => frame.clone(),
            Some(Columns::One(name)) => {
                let at = frame.expect(&Value::Str(name.clone()))?;
                vm.budget.allocate_items(found.len() as u64)?;
                return Ok(Value::list(found.iter().map(|row| frame.data[at].get(*row)).collect()));
            }
            Some(Columns::Many(names)) => {
                let labels: Vec<Value> = names.iter().map(|name| Value::Str(name.clone())).collect();
                frame.select(&columns_of(frame, &labels)?)
            }
        };
        let taken = take_rows(vm, &selected, &Pick::many(found))?;
        let taken = frame_of(&taken).unwrap_or_default();
        let mut rows = records(vm, &taken, columns.is_none(), Some("Pandas"))?;
        Ok(match rows.len() {
            1 => rows.pop().unwrap_or(Value::None),
            _ => Value::list(rows),
        })
    }
}

fn error(message: impl Into<String>) -> Raise {
    Raise::new(Exc::WorkflowError, message)
}

/// A failing query, with the text that was asked in the end.
fn in_query(raise: Raise, expression: &str) -> Raise {
    if raise.kind().is_fatal() {
        return raise;
    }
    let message = raise.message();
    error(format!("the query `{expression}` failed: {message}"))
}

/// Puts names in: `{sample}`, `{sample.cell_type}`.
fn formatted(vm: &mut Vm, template: &str, names: &Names) -> Result<String, Raise> {
    let mut find = |_: &mut Vm, first: First<'_>| match first {
        First::Name(name) => {
            names.iter().find(|(known, _)| **known == *name).map(|(_, v)| v.clone()).ok_or_else(|| {
                let raise =
                    Raise::new(Exc::NameError, format!("the name `{name}` is not known in `{template}`"));
                raise.did_you_mean(name, names.iter().map(|(known, _)| &**known))
            })
        }
        First::Index(_) => Err(Raise::value_error(format!("`{template}` needs names in its braces"))),
    };
    format::format_with(vm, template, &mut find, format::command_field)
}

/// Names of wildcards in a text: `{name}` and `{name,constraint}`.
fn wildcard_names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        if !name.is_empty() && tail.trim_start().starts_with(['}', ',']) {
            names.push(name);
        }
    }
    names
}
