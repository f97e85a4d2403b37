//! Small helpers of Snakemake on paths and jobs: `subpath`, `branch`, `evaluate`, `parse_input`, `flatten`…
//!
//! Each takes values or functions of the job; with a function among them it gives a function of the job.

use super::args::{text, wrong};
use super::files::Reader;
use super::later::{holds_function, later};
use super::types::path;
use crate::diag::SourceId;
use crate::lang::format::{self, First};
use crate::lang::index;
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::PathKind;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;
use crate::syntax::parse_expression;
use std::sync::Arc;

pub(super) static TABLE: &[Builtin] = &[
    Builtin { name: "as_py_module", call: as_py_module },
    Builtin { name: "branch", call: branch },
    Builtin { name: "evaluate", call: evaluate },
    Builtin { name: "exists", call: exists },
    Builtin { name: "extract_checksum", call: extract_checksum },
    Builtin { name: "flatten", call: flatten },
    Builtin { name: "parse_input", call: parse_input },
    Builtin { name: "prepend_param", call: prepend_param },
    Builtin { name: "subpath", call: subpath },
];

/// Applies `run` to a value, now or when the job is known.
fn on_value<F>(vm: &mut Vm, name: &'static str, value: Value, run: F) -> Result<Value, Raise>
where
    F: Fn(&mut Vm, &Value) -> Result<Value, Raise> + Send + Sync + 'static,
{
    if !holds_function(&value) {
        return run(vm, &value);
    }
    later(name, vec![value.clone()], move |vm, job| {
        let value = job.resolve_all(vm, &value)?;
        run(vm, &value)
    })
}

/// The part of a path that `subpath` is asked for.
#[derive(Clone, Copy)]
enum Piece {
    Whole,
    Basename,
    /// The directory that many levels up.
    Ancestor(i64),
}

fn subpath(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let names = ["path_or_func", "strip_suffix", "with_suffix", "basename", "parent", "ancestor"];
    let [path, strip, with, basename, parent, ancestor] = args.take("subpath", names, 1)?;
    let optional = |value: Option<Value>| match value {
        None | Some(Value::None) => Ok(None),
        Some(value) => text(&value, "subpath").map(Some),
    };
    let (strip, with) = (optional(strip)?, optional(with)?);
    let is_set = |value: &Option<Value>| value.as_ref().is_some_and(Value::truth);
    let ancestor = super::args::optional_int(ancestor.as_ref(), "subpath")?;
    let asked = [is_set(&basename), is_set(&parent), ancestor.is_some()];
    if asked.iter().filter(|asked| **asked).count() > 1 {
        return Err(Raise::value_error("`subpath` takes one of `basename`, `parent` and `ancestor`"));
    }
    let piece = match (asked, ancestor) {
        (_, Some(levels)) if levels < 1 => {
            return Err(Raise::value_error("`subpath`: `ancestor` is a number from 1"));
        }
        (_, Some(levels)) => Piece::Ancestor(levels),
        ([true, ..], _) => Piece::Basename,
        ([_, true, _], _) => Piece::Ancestor(1),
        _ => Piece::Whole,
    };
    on_value(vm, "subpath", path.unwrap_or(Value::None), move |_, value| {
        let path = single_path(value, "subpath")?;
        let stem = match &strip {
            None => &*path,
            Some(suffix) => path.strip_suffix(&**suffix).ok_or_else(|| {
                Raise::value_error(format!("`subpath`: `{path}` does not end in `{suffix}`"))
            })?,
        };
        let path = format!("{stem}{}", with.as_deref().unwrap_or(""));
        Ok(Value::from(piece_of(&path, piece)))
    })
}

fn piece_of(path: &str, piece: Piece) -> &str {
    match piece {
        Piece::Whole => path,
        Piece::Basename => path.rsplit_once('/').map_or(path, |(_, name)| name),
        Piece::Ancestor(levels) => {
            let mut at = path;
            for _ in 0..levels.min(1 + path.len() as i64) {
                at = match at.rsplit_once('/') {
                    Some(("", _)) => "/",
                    Some((parent, _)) => parent.trim_end_matches('/'),
                    None => return ".",
                };
            }
            at
        }
    }
}

/// The text of a path, or of the only path of a list with names.
fn single_path(value: &Value, function: &str) -> Result<Arc<str>, Raise> {
    let items = match value {
        Value::Object(object) if object.stand_in().is_none() => object.items(),
        _ => None,
    };
    match items.as_deref() {
        Some([only]) => path(only, function),
        Some(many) => Err(Raise::value_error(format!("`{function}` takes one path, not {}", many.len()))
            .help("choose one: `input[0]` or `input.name`")),
        None => path(value, function),
    }
}

fn flatten(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [lists] = args.take("flatten", ["list_of_lists"], 1)?;
    let lists = lists.unwrap_or(Value::None);
    let mut queue = vm.collect(&lists)?;
    queue.reverse();
    let mut flat = Vec::new();
    while let Some(value) = queue.pop() {
        vm.budget.spend(1)?;
        match &value {
            Value::List(_) => {
                let mut items = vm.collect(&value)?;
                items.reverse();
                queue.append(&mut items);
            }
            Value::Str(_) => flat.push(value),
            other => flat.push(Value::Str(vm.text(other)?)),
        }
    }
    Ok(Value::list(flat))
}

fn prepend_param(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [prefix, paths, space] = args.take("prepend_param", ["prefix", "paths_or_func", "space"], 2)?;
    let prefix = text(&prefix.unwrap_or(Value::None), "prepend_param")?;
    let between = if space.is_none_or(|space| space.truth()) { " " } else { "" };
    on_value(vm, "prepend_param", paths.unwrap_or(Value::None), move |vm, value| {
        let one = |value: &Value| Ok(format!("{prefix}{between}{}", path(value, "prepend_param")?));
        if let Ok(only) = one(value) {
            return Ok(Value::from(only));
        }
        let parts: Result<Vec<String>, Raise> = vm.collect(value)?.iter().map(one).collect();
        Ok(Value::from(parts?.join(" ")))
    })
}

fn exists(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [file] = args.take("exists", ["path"], 1)?;
    let file = path(&file.unwrap_or(Value::None), "exists")?;
    Ok(Value::Bool(vm.path_kind(&file) != PathKind::Absent))
}

/// `python -m` takes what this gives for the path of a `.py` file.
fn as_py_module(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [path] = args.take("as_py_module", ["path_or_func"], 0)?;
    let path = match path {
        Some(path) => path,
        None => {
            let input = vm.lookup_global(vm.current_space(), "input").cloned().unwrap_or(Value::None);
            vm.get_attr(&input, "script")?
        }
    };
    on_value(vm, "as_py_module", path, |_, value| {
        let path = single_path(value, "as_py_module")?;
        let Some(stem) = path.strip_suffix(".py") else {
            return Err(Raise::value_error(format!(
                "`{path}` is no Python module: it does not end in `.py`"
            )));
        };
        let is_name = |part: &str| {
            part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                && part.bytes().next().is_some_and(|b| !b.is_ascii_digit())
        };
        match stem.split('/').all(is_name) {
            true => Ok(Value::from(stem.replace('/', "."))),
            false => Err(Raise::value_error(format!("the path `{path}` is not the name of a Python module"))),
        }
    })
}

fn branch(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [condition, then, otherwise, cases] =
        args.take("branch", ["condition", "then", "otherwise", "cases"], 1)?;
    let [condition, then, otherwise, cases] =
        [condition, then, otherwise, cases].map(|value| value.unwrap_or(Value::None));
    let has_cases = !matches!(cases, Value::None);
    if has_cases && !matches!(then, Value::None) {
        return Err(Raise::value_error("`branch` takes `then` or `cases`, not both"));
    }
    let cases_now: Vec<Value> = match &cases {
        Value::Dict(dict) => dict.0.read(|map| map.values().cloned().collect()),
        _ => Vec::new(),
    };
    let parts: Vec<Value> =
        [condition.clone(), then.clone(), otherwise.clone()].into_iter().chain(cases_now).collect();
    let waits = parts.iter().any(Value::is_callable);
    let inner = [parts, vec![cases.clone()]].concat();
    // Only what is chosen is evaluated.
    let choose = move |vm: &mut Vm, resolve: &mut dyn FnMut(&mut Vm, &Value) -> Result<Value, Raise>| {
        let truth = resolve(vm, &condition)?;
        let chosen = if !has_cases {
            if truth.condition()? { then.clone() } else { otherwise.clone() }
        } else {
            match index::get_item(vm, &cases, &truth) {
                Ok(found) => found,
                Err(raise) if raise.kind() == Exc::KeyError && !matches!(otherwise, Value::None) => {
                    otherwise.clone()
                }
                Err(raise) => return Err(raise),
            }
        };
        let value = resolve(vm, &chosen)?;
        Ok(if value.truth() { value } else { Value::list(Vec::new()) })
    };
    if !waits {
        return choose(vm, &mut |_, value| Ok(value.clone()));
    }
    later("branch", inner, move |vm, job| choose(vm, &mut |vm, value| job.resolve(vm, value)))
}

/// `evaluate("{sample} == '100'")`: an expression in which wildcards stand as quoted texts.
fn evaluate(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [expression] = args.take("evaluate", ["expr"], 1)?;
    let template = text(&expression.unwrap_or(Value::None), "evaluate")?;
    later("evaluate", Vec::new(), move |vm, job| {
        let wildcards = job.wildcards().clone();
        let mut lookup = |vm: &mut Vm, first: First<'_>| match first {
            First::Name(name) => {
                let value = index::get_item(vm, &wildcards, &Value::from(name))?;
                vm.repr(&value).map(Value::from)
            }
            First::Index(index) => {
                Err(Raise::new(Exc::IndexError, format!("`{{{index}}}` in `evaluate` has no name")))
            }
        };
        let filled = format::str_format(vm, &template, &mut lookup)?;
        // The text is made here: places in it are nowhere in the Rulefile.
        let failed = |message: String| {
            Raise::new(Exc::WorkflowError, format!("cannot evaluate `{filled}`: {message}"))
                .help("wildcards stand as quoted texts: `{sample} == 'a'`, `int({n}) > 3`")
        };
        let expression = parse_expression(SourceId(0), &filled).map_err(|problem| failed(problem.message))?;
        vm.eval(&expression)
            .map_err(|raise| if raise.kind().is_fatal() { raise } else { failed(raise.message()) })
    })
}

/// `parse_input(input[0], parser=f, ...)`: what a function finds in an input file.
fn parse_input(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let mut named = args.named;
    let mut positional = args.positional.into_iter();
    let mut given = |name: &str| {
        positional.next().or_else(|| {
            let at = named.iter().position(|(n, _)| **n == *name)?;
            Some(named.remove(at).1)
        })
    };
    let file = given("infile").ok_or_else(|| Raise::type_error("`parse_input` needs a file"))?;
    let parser = given("parser").unwrap_or(Value::None);
    if positional.next().is_some() {
        return Err(Raise::type_error("`parse_input` takes a file, a parser, and its arguments by name"));
    }
    let inner = named.iter().map(|(_, value)| value.clone()).chain([file.clone(), parser.clone()]).collect();
    later("parse_input", inner, move |vm, job| {
        let file = job.resolve(vm, &file)?;
        let path = single_path(&file, "parse_input")?;
        let content = vm.read_file(&path)?;
        if matches!(parser, Value::None) {
            return Ok(Value::from(content.trim()));
        }
        let args = Args { positional: vec![Reader::over(path, content)], named: named.clone() };
        vm.call_value(&parser, args, None)
    })
}

/// The checksum of `file` in a list as `sha256sum` and its like write it.
fn extract_checksum(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [list, file] = args.take("extract_checksum", ["infile", "file"], 2)?;
    let list = list.unwrap_or(Value::None);
    let wanted = text(&file.unwrap_or(Value::None), "extract_checksum")?;
    let content = match (&list, path(&list, "extract_checksum")) {
        (_, Ok(file)) => vm.read_file(&file)?,
        // An open file.
        (Value::Object(_), _) => vm.collect(&list)?.iter().map(|line| line.display().to_string()).collect(),
        _ => return Err(wrong(&list, "extract_checksum", "a file")),
    };
    let plain = |name: &str| name.trim().trim_start_matches('*').trim_start_matches("./").to_string();
    let entry = |line: &str| line.split_once([' ', '\t']).map(|(sum, name)| (sum.to_string(), plain(name)));
    let found = content.lines().filter_map(entry).find(|(_, name)| *name == plain(&wanted));
    found
        .map(|(sum, _)| Value::from(sum))
        .ok_or_else(|| Raise::new(Exc::KeyError, format!("the list of checksums has none for `{wanted}`")))
}
