//! The parameters of `read_csv` and `read_table`.

use crate::lang::builtins::args::{optional_int, text, wrong};
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::csv::infer::{MISSING_TEXTS, Missing};
use crate::lang::table::csv::split::{Separator, Skip, Syntax};
use crate::lang::table::dtype::DType;
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// Where the names of the columns stand.
pub(crate) enum Header {
    None,
    /// Among the lines that are not passed over, from 0.
    Line(usize),
}

/// Which columns label the rows.
pub(crate) enum IndexColumns {
    /// Those that have no name in the header, if any.
    Infer,
    None,
    Columns(Vec<Value>),
}

pub(crate) enum Types {
    Found,
    All(DType),
    Some(Vec<(Value, DType)>),
}

/// Which columns are read.
pub(crate) enum Selection {
    Labels(Vec<Value>),
    /// A function of the name.
    Test(Value),
}

pub(crate) struct Options {
    pub(crate) syntax: Syntax,
    pub(crate) header: Header,
    pub(crate) names: Option<Vec<Value>>,
    pub(crate) index: IndexColumns,
    pub(crate) columns: Option<Selection>,
    pub(crate) types: Types,
    pub(crate) converters: Vec<(Value, Value)>,
    pub(crate) missing: Missing,
    pub(crate) rows: Option<usize>,
    pub(crate) skip_bad_lines: bool,
}

/// Parameters that say how pandas works, not what it gives.
const IGNORED: &[&str] =
    &["engine", "low_memory", "encoding", "memory_map", "float_precision", "encoding_errors"];

const NAMES: [&str; 22] = [
    "filepath_or_buffer",
    "*sep",
    "*delimiter",
    "*header",
    "*names",
    "*index_col",
    "*usecols",
    "*dtype",
    "*comment",
    "*na_values",
    "*keep_default_na",
    "*na_filter",
    "*skiprows",
    "*nrows",
    "*quotechar",
    "*quoting",
    "*skipinitialspace",
    "*skip_blank_lines",
    "*delim_whitespace",
    "*converters",
    "*on_bad_lines",
    "*compression",
];

impl Options {
    /// The source of the table, and how to read it.
    pub(crate) fn of(
        vm: &mut Vm,
        function: &str,
        separator: &str,
        mut args: Args,
    ) -> Result<(Value, Options), Raise> {
        args.named.retain(|(name, _)| !IGNORED.contains(&&**name));
        let [
            source,
            sep,
            delimiter,
            header,
            names,
            index_col,
            usecols,
            dtype,
            comment,
            na_values,
            keep_default_na,
            na_filter,
            skiprows,
            nrows,
            quotechar,
            quoting,
            skipinitialspace,
            skip_blank_lines,
            delim_whitespace,
            converters,
            on_bad_lines,
            compression,
        ] = args.take(function, NAMES, 1).map_err(|raise| unknown(raise, function))?;
        if compression.as_ref().is_some_and(|value| !matches!(value.as_str(), Some("infer"))) {
            return Err(Raise::unsupported(
                "compressed tables are not supported",
                "keep the table as plain text",
            ));
        }
        let yes = |value: &Option<Value>, default: bool| value.as_ref().map_or(default, Value::truth);
        let syntax = Syntax {
            separator: match yes(&delim_whitespace, false) {
                true => Separator::Blanks,
                false => separator_of(sep.or(delimiter), separator, function)?,
            },
            quote: match quoting {
                Some(Value::Int(3)) => None,
                _ => one_char(quotechar.as_ref(), function)?.or(Some('"')),
            },
            comment: one_char(comment.as_ref(), function)?,
            skip: skip_of(vm, skiprows.as_ref(), function)?,
            skip_blank_lines: yes(&skip_blank_lines, true),
            skip_space: yes(&skipinitialspace, false),
        };
        let names = match names {
            None | Some(Value::None) => None,
            Some(names) => Some(vm.collect(&names)?),
        };
        let options = Options {
            syntax,
            header: header_of(header.as_ref(), names.is_some(), function)?,
            names,
            index: index_of(vm, index_col)?,
            columns: match usecols {
                None | Some(Value::None) => None,
                Some(test) if test.is_callable() => Some(Selection::Test(test)),
                Some(labels) => Some(Selection::Labels(vm.collect(&labels)?)),
            },
            types: types_of(vm, dtype)?,
            converters: match converters {
                None | Some(Value::None) => Vec::new(),
                Some(map) => vm.pairs(&map)?.into_iter().map(|(key, value)| (key.value(), value)).collect(),
            },
            missing: missing_of(vm, na_values, yes(&keep_default_na, true), yes(&na_filter, true))?,
            rows: optional_int(nrows.as_ref(), function)?.and_then(|n| usize::try_from(n).ok()),
            skip_bad_lines: matches!(on_bad_lines.as_ref().and_then(Value::as_str), Some("skip" | "warn")),
        };
        Ok((source.unwrap_or(Value::None), options))
    }
}

fn unknown(raise: Raise, function: &str) -> Raise {
    if raise.kind() != Exc::TypeError || !raise.message().contains("has no parameter") {
        return raise;
    }
    let known: Vec<&str> = NAMES.iter().skip(1).map(|name| name.trim_start_matches('*')).collect();
    raise.also_help(format!("`{function}` knows: {}", known.join(", ")))
}

fn separator_of(given: Option<Value>, default: &str, function: &str) -> Result<Separator, Raise> {
    let separator: Arc<str> = match given {
        None => default.into(),
        Some(Value::None) => {
            return Err(Raise::unsupported(
                format!("`{function}` does not guess the separator"),
                "name it: `sep=\",\"` or `sep=\"\\t\"`",
            ));
        }
        Some(value) => text(&value, function)?,
    };
    let mut chars = separator.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) => Ok(Separator::Char(only)),
        (None, _) => Err(Raise::value_error("the separator is empty")),
        _ if &*separator == "\\t" => Ok(Separator::Char('\t')),
        _ if &*separator == "\\s+" => Ok(Separator::Blanks),
        _ => match regex::Regex::new(&separator) {
            Ok(pattern) => Ok(Separator::Pattern(pattern)),
            Err(_) => {
                Err(Raise::value_error(format!("the separator `{separator}` is no regular expression")))
            }
        },
    }
}

fn one_char(value: Option<&Value>, function: &str) -> Result<Option<char>, Raise> {
    let Some(value) = value.filter(|value| !matches!(value, Value::None)) else { return Ok(None) };
    let given = text(value, function)?;
    let mut chars = given.chars();
    match (chars.next(), chars.next()) {
        (Some(only), None) => Ok(Some(only)),
        _ => Err(Raise::value_error(format!("`{function}` needs one character, not {}", value.repr()))),
    }
}

fn skip_of(vm: &mut Vm, value: Option<&Value>, function: &str) -> Result<Skip, Raise> {
    let line = |value: &Value| crate::lang::builtins::args::int(value, function);
    Ok(match value {
        None | Some(Value::None) => Skip::First(0),
        Some(Value::Int(count)) => Skip::First(usize::try_from(*count).unwrap_or(0)),
        Some(Value::Function(_)) => {
            return Err(Raise::unsupported(
                "`skiprows` cannot be a function",
                "give the number of lines, or a list of their numbers",
            ));
        }
        Some(lines) => {
            let lines: Vec<i64> = vm.collect(lines)?.iter().map(line).collect::<Result<_, _>>()?;
            Skip::Lines(lines.into_iter().filter_map(|line| usize::try_from(line).ok()).collect())
        }
    })
}

fn header_of(value: Option<&Value>, named: bool, function: &str) -> Result<Header, Raise> {
    match value {
        None => Ok(if named { Header::None } else { Header::Line(0) }),
        Some(Value::None) => Ok(Header::None),
        Some(Value::Str(word)) if &**word == "infer" => {
            Ok(if named { Header::None } else { Header::Line(0) })
        }
        Some(Value::Int(line)) if *line >= 0 => Ok(Header::Line(usize::try_from(*line).unwrap_or(0))),
        Some(Value::List(_)) => Err(Raise::unsupported(
            "several header lines are not supported",
            "name the columns: `header=None, names=[...], skiprows=n`",
        )),
        Some(other) => Err(wrong(other, function, "the number of the header line or `None`")),
    }
}

fn index_of(vm: &mut Vm, value: Option<Value>) -> Result<IndexColumns, Raise> {
    Ok(match value {
        None | Some(Value::None) => IndexColumns::Infer,
        Some(Value::Bool(false)) => IndexColumns::None,
        Some(one @ (Value::Int(_) | Value::Str(_))) => IndexColumns::Columns(vec![one]),
        Some(many) => IndexColumns::Columns(vm.collect(&many)?),
    })
}

fn types_of(vm: &mut Vm, value: Option<Value>) -> Result<Types, Raise> {
    match value {
        None | Some(Value::None) => Ok(Types::Found),
        Some(map @ Value::Dict(_)) => {
            let types = vm.pairs(&map)?.into_iter();
            types.map(|(key, value)| Ok((key.value(), DType::named(&value)?))).collect::<Result<_, Raise>>()
        }
        .map(Types::Some),
        Some(all) => DType::named(&all).map(Types::All),
    }
}

fn missing_of(vm: &mut Vm, more: Option<Value>, defaults: bool, filter: bool) -> Result<Missing, Raise> {
    let mut missing = Missing { texts: FxHashSet::default(), by_column: Vec::new() };
    if !filter {
        return Ok(missing);
    }
    if defaults {
        missing.texts.extend(MISSING_TEXTS.iter().map(|text| (*text).to_string()));
    }
    let texts = |vm: &mut Vm, value: &Value| -> Result<Vec<String>, Raise> {
        Ok(match value {
            Value::Str(one) => vec![one.to_string()],
            Value::List(_) | Value::Tuple(_) | Value::Set(_) => {
                vm.collect(value)?.iter().map(|text| text.display().to_string()).collect()
            }
            other => vec![other.display().to_string()],
        })
    };
    match more {
        None | Some(Value::None) => {}
        Some(map @ Value::Dict(_)) => {
            for (column, value) in vm.pairs(&map)? {
                let mut own = missing.texts.clone();
                own.extend(texts(vm, &value)?);
                missing.by_column.push((column.value(), own));
            }
        }
        Some(value) => missing.texts.extend(texts(vm, &value)?),
    }
    Ok(missing)
}
