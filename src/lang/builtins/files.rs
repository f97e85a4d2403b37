//! Built-ins that look at files: `open` for reading, `glob_wildcards`, `exists`. Every look is recorded.

use super::args::{optional_int, text};
use super::types::path;
use crate::diag::Problem;
use crate::lang::action;
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::PathKind;
use crate::lang::value::{Args, Builtin, NamedList, Native, Object, Value};
use crate::lang::vm::Vm;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) static TABLE: &[Builtin] = &[
    Builtin { name: "exists", call: exists },
    Builtin { name: "glob_wildcards", call: glob_wildcards },
    Builtin { name: "open", call: open },
];

fn exists(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = path(&args.one("exists")?, "exists")?;
    Ok(Value::Bool(vm.path_kind(&path) != PathKind::Absent))
}

fn glob_wildcards(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [pattern, files, follow] = args.take("glob_wildcards", ["pattern", "files", "followlinks"], 1)?;
    let pattern = path(&pattern.unwrap_or(Value::None), "glob_wildcards")?;
    let found = match files.filter(|files| !matches!(files, Value::None)) {
        None => {
            let found = vm.glob_wildcards(&pattern, follow.is_some_and(|v| v.truth()))?;
            if found.rows.is_empty() {
                vm.remark(no_match(&pattern));
            }
            found
        }
        Some(files) => {
            let files = vm.collect(&files)?;
            let files: Result<Vec<Arc<str>>, Raise> =
                files.iter().map(|f| path(f, "glob_wildcards")).collect();
            vm.match_wildcards(&pattern, &files?)?
        }
    };
    vm.budget.allocate_items((found.names.len() * found.rows.len()) as u64)?;
    let column = |index: usize| -> Value {
        Value::list(found.rows.iter().map(|row| Value::Str(row[index].clone())).collect())
    };
    let items = found.names.iter().enumerate().map(|(i, name)| (Some(name.clone()), column(i))).collect();
    Ok(Value::object(NamedList { type_name: "Wildcards", items, text: None }))
}

/// Then nothing is to do for all that is expanded with it, which looks like success.
fn no_match(pattern: &str) -> Problem {
    Problem::warning("empty-glob", format!("`glob_wildcards(\"{pattern}\")` matched no file"))
}

pub(crate) fn open(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let names = ["file", "mode", "buffering", "encoding", "errors", "newline"];
    let [file, mode, _, encoding, ..] = args.take("open", names, 1)?;
    let path = path(&file.unwrap_or(Value::None), "open")?;
    let mode = match &mode {
        Some(mode) => text(mode, "open")?,
        None => "r".into(),
    };
    if vm.acts.is_some() {
        return action::open(vm, &path, &mode);
    }
    if mode.contains(['w', 'a', 'x', '+']) {
        return Err(Raise::unsupported(
            format!("cannot open `{path}` for writing: evaluating a Rulefile changes no files"),
            "write files in the `shell:` of a rule",
        ));
    }
    if mode.contains('b') {
        return Err(Raise::unsupported(
            "bytes are not supported in Rulefiles",
            "open the file as text: `open(path)`",
        ));
    }
    if !matches!(&*mode, "r" | "rt" | "tr") {
        return Err(Raise::value_error(format!("`{mode}` is not a mode of `open`")));
    }
    if let Some(Value::Str(encoding)) = &encoding
        && !matches!(
            encoding.to_ascii_lowercase().replace('_', "-").as_str(),
            "utf-8" | "utf8" | "ascii" | "utf-8-sig"
        )
    {
        return Err(Raise::unsupported(
            format!("encoding `{encoding}` is not supported"),
            "convert the file to UTF-8",
        ));
    }
    let content = vm.read_file(&path)?;
    Ok(Reader::over(path, content))
}

/// A text that is read like a file: `io.StringIO`.
pub(crate) fn text_reader(text: &str) -> Value {
    Reader::over("<text>".into(), text.to_string())
}

/// A file opened for reading; its text was read at once.
#[derive(Debug)]
pub(crate) struct Reader {
    path: Arc<str>,
    state: Arc<Mutex<State>>,
}

impl Reader {
    /// A file with this text, at its start.
    pub(super) fn over(path: Arc<str>, content: String) -> Value {
        let content =
            if content.contains('\r') { content.replace("\r\n", "\n").replace('\r', "\n") } else { content };
        let state = State { text: content.into(), at: 0, closed: false };
        Value::object(Reader { path, state: Arc::new(Mutex::new(state)) })
    }
}

#[derive(Debug)]
struct State {
    text: Arc<str>,
    at: usize,
    closed: bool,
}

impl State {
    fn check(&self) -> Result<(), Raise> {
        if self.closed { Err(Raise::value_error("the file is closed")) } else { Ok(()) }
    }

    fn line(&mut self) -> Option<Value> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let line = Value::from(&rest[..end]);
        self.at += end;
        Some(line)
    }

    fn read(&mut self, most: Option<i64>) -> Value {
        let rest = &self.text[self.at..];
        let end = match most.and_then(|n| usize::try_from(n).ok()) {
            Some(count) => rest.char_indices().nth(count).map_or(rest.len(), |(at, _)| at),
            None => rest.len(),
        };
        let part = if self.at == 0 && end == rest.len() {
            Value::Str(self.text.clone())
        } else {
            Value::from(&rest[..end])
        };
        self.at += end;
        part
    }
}

type FileMethod = fn(&mut Vm, &mut State, Args) -> Result<Value, Raise>;

const METHODS: &[(&str, FileMethod)] = &[
    ("close", |_, state, args| {
        args.none("close")?;
        state.closed = true;
        Ok(Value::None)
    }),
    ("read", |vm, state, args| {
        let [size] = args.take("read", ["/size"], 0)?;
        state.check()?;
        vm.budget.allocate((state.text.len() - state.at) as u64)?;
        Ok(state.read(optional_int(size.as_ref(), "read")?))
    }),
    ("readable", |_, _, _| Ok(Value::Bool(true))),
    ("readline", |_, state, args| {
        args.none("readline")?;
        state.check()?;
        Ok(state.line().unwrap_or_else(|| Value::from("")))
    }),
    ("readlines", |vm, state, args| {
        args.none("readlines")?;
        state.check()?;
        vm.budget.allocate(64 * state.text[state.at..].matches('\n').count() as u64)?;
        Ok(Value::list(std::iter::from_fn(|| state.line()).collect()))
    }),
    ("write", |_, _, _| Err(cannot_write())),
    ("writelines", |_, _, _| Err(cannot_write())),
];

fn cannot_write() -> Raise {
    Raise::unsupported("evaluating a Rulefile changes no files", "write files in the actions of a rule")
}

impl Object for Reader {
    fn type_name(&self) -> &'static str {
        "TextIOWrapper"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        match name {
            "closed" => {
                let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                return Ok(Some(Value::Bool(state.closed)));
            }
            "name" => return Ok(Some(Value::Str(self.path.clone()))),
            _ => {}
        }
        let Some((name, method)) = METHODS.iter().find(|(n, _)| *n == name) else { return Ok(None) };
        let state = self.state.clone();
        let call = move |vm: &mut Vm, args: Args| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            method(vm, &mut state, args)
        };
        let native = Native { name, parameters: Vec::new(), inner: Vec::new(), call: Box::new(call) };
        Ok(Some(Value::object(native)))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        METHODS.iter().map(|(name, _)| Arc::from(*name)).chain([Arc::from("name")]).collect()
    }

    fn item(&self, _: &Value) -> Result<Value, Raise> {
        Err(Raise::new(Exc::TypeError, "a file has no items").help("read its lines: `f.readlines()`"))
    }

    fn is_iterator(&self) -> bool {
        true
    }

    fn next(&self) -> Result<Option<Value>, Raise> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.check()?;
        Ok(state.line())
    }

    fn truth(&self) -> bool {
        true
    }

    fn repr(&self) -> String {
        format!("<file '{}'>", self.path)
    }

    fn is_context(&self) -> bool {
        true
    }

    fn exit(&self) -> Result<(), Raise> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        Ok(())
    }
}
