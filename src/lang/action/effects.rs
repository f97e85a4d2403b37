//! Functions of modules that change files: they are there for code that runs as a job, and for nothing else.

use super::body::io_raise;
use crate::lang::builtins::args::text;
use crate::lang::builtins::path;
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::{PathKind, join_path};
use crate::lang::value::{Args, NativeCall, Value};
use crate::lang::vm::Vm;
use crate::model::action::{Change, Opening};
use std::io::Write as _;
use std::sync::Arc;

/// By dotted name; methods of paths get the path as the first argument.
static TABLE: &[(&str, NativeCall)] = &[
    ("json.dump", json_dump),
    ("os.link", |vm, args| linked(vm, args, "link", |target, at| Change::HardLink { target, at })),
    ("os.makedirs", makedirs),
    ("os.mkdir", |vm, args| {
        let [at] = args.take("mkdir", ["path"], 1)?;
        one(vm, at, "mkdir", "create", |path| Change::MakeDir { path, parents: false, exist_ok: false })
    }),
    ("os.remove", |vm, args| removed(vm, args, "remove")),
    ("os.rename", |vm, args| renamed(vm, args, "rename").map(|_| Value::None)),
    ("os.replace", |vm, args| renamed(vm, args, "replace").map(|_| Value::None)),
    ("os.rmdir", |vm, args| {
        let [at] = args.take("rmdir", ["path"], 1)?;
        one(vm, at, "rmdir", "remove", |path| Change::RemoveDir { path })
    }),
    ("os.symlink", |vm, args| linked(vm, args, "symlink", |target, at| Change::Symlink { target, at })),
    ("os.unlink", |vm, args| removed(vm, args, "unlink")),
    ("pathlib.Path.mkdir", path_mkdir),
    ("pathlib.Path.rename", |vm, args| renamed(vm, args, "rename")),
    ("pathlib.Path.replace", |vm, args| renamed(vm, args, "replace")),
    ("pathlib.Path.rmdir", |vm, args| {
        let [at] = args.take("rmdir", ["path"], 1)?;
        one(vm, at, "rmdir", "remove", |path| Change::RemoveDir { path })
    }),
    ("pathlib.Path.symlink_to", |vm, args| {
        let [at, target] = args.take("symlink_to", ["path", "target"], 2)?;
        let (at, target) = (given(at, "symlink_to")?, given(target, "symlink_to")?);
        changed(vm, &Change::Symlink { target: &target, at: &at }, "link", &at)
    }),
    ("pathlib.Path.touch", path_touch),
    ("pathlib.Path.unlink", path_unlink),
    ("pathlib.Path.write_text", write_text),
    ("shutil.copy", |vm, args| copied(vm, args, "copy", (true, false))),
    ("shutil.copy2", |vm, args| copied(vm, args, "copy2", (true, true))),
    ("shutil.copyfile", copyfile),
    ("shutil.copytree", copytree),
    ("shutil.move", moved),
    ("shutil.rmtree", rmtree),
];

/// The function of this name that changes something.
pub(crate) fn function(name: &str) -> Option<NativeCall> {
    TABLE.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

fn given(value: Option<Value>, function: &str) -> Result<Arc<str>, Raise> {
    path(&value.unwrap_or(Value::None), function)
}

fn is_true(value: Option<Value>) -> bool {
    value.is_some_and(|value| value.truth())
}

fn changed(vm: &mut Vm, change: &Change<'_>, what: &str, path: &str) -> Result<Value, Raise> {
    vm.budget.spend(1)?;
    let Some(acts) = vm.acts else { return Err(Raise::unsupported("nothing can be changed here", "")) };
    acts.effects.change(change).map(|()| Value::None).map_err(|error| io_raise(&error, what, path))
}

fn one(
    vm: &mut Vm,
    at: Option<Value>,
    function: &str,
    what: &str,
    change: impl for<'c> Fn(&'c str) -> Change<'c>,
) -> Result<Value, Raise> {
    let at = given(at, function)?;
    changed(vm, &change(&at), what, &at)
}

fn makedirs(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [at, exist_ok] = args.take("makedirs", ["name", "*exist_ok"], 1)?;
    let exist_ok = is_true(exist_ok);
    one(vm, at, "makedirs", "create", |path| Change::MakeDir { path, parents: true, exist_ok })
}

fn path_mkdir(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [at, parents, exist_ok] = args.take("mkdir", ["path", "*parents", "*exist_ok"], 1)?;
    let (parents, exist_ok) = (is_true(parents), is_true(exist_ok));
    one(vm, at, "mkdir", "create", |path| Change::MakeDir { path, parents, exist_ok })
}

fn removed(vm: &mut Vm, args: Args, function: &str) -> Result<Value, Raise> {
    let [at] = args.take(function, ["path"], 1)?;
    one(vm, at, function, "remove", |path| Change::RemoveFile { path })
}

fn path_unlink(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [at, missing_ok] = args.take("unlink", ["path", "missing_ok"], 1)?;
    match one(vm, at, "unlink", "remove", |path| Change::RemoveFile { path }) {
        Err(raise) if raise.kind() == Exc::FileNotFoundError && is_true(missing_ok) => Ok(Value::None),
        result => result,
    }
}

fn path_touch(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [at, exist_ok] = args.take("touch", ["path", "*exist_ok"], 1)?;
    let at = given(at, "touch")?;
    if exist_ok.is_some_and(|value| !value.truth()) && vm.path_kind(&at) != PathKind::Absent {
        return Err(Raise::new(Exc::FileExistsError, format!("cannot touch `{at}`: it exists already")));
    }
    changed(vm, &Change::Touch { path: &at }, "touch", &at)
}

fn renamed(vm: &mut Vm, args: Args, function: &str) -> Result<Value, Raise> {
    let [from, to] = args.take(function, ["src", "dst"], 2)?;
    let (from, to) = (given(from, function)?, given(to, function)?);
    changed(vm, &Change::Rename { from: &from, to: &to }, "rename", &from)?;
    Ok(Value::Str(to))
}

fn linked(
    vm: &mut Vm,
    args: Args,
    function: &str,
    change: impl for<'c> Fn(&'c str, &'c str) -> Change<'c>,
) -> Result<Value, Raise> {
    let [target, at] = args.take(function, ["src", "dst"], 2)?;
    let (target, at) = (given(target, function)?, given(at, function)?);
    changed(vm, &change(&target, &at), "link", &at)
}

/// Where a file gets that is put to `to`: into it, if that is a directory.
fn place(vm: &mut Vm, from: &str, to: Arc<str>) -> Arc<str> {
    if vm.path_kind(&to) != PathKind::Directory {
        return to;
    }
    let from = from.trim_end_matches('/');
    join_path(&to, from.rsplit('/').next().unwrap_or(from)).into()
}

fn copied(vm: &mut Vm, args: Args, function: &str, (mode, times): (bool, bool)) -> Result<Value, Raise> {
    let [from, to] = args.take(function, ["src", "dst"], 2)?;
    let (from, to) = (given(from, function)?, given(to, function)?);
    let to = place(vm, &from, to);
    changed(vm, &Change::Copy { from: &from, to: &to, mode, times }, "copy", &from)?;
    Ok(Value::Str(to))
}

fn copyfile(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [from, to] = args.take("copyfile", ["src", "dst"], 2)?;
    let (from, to) = (given(from, "copyfile")?, given(to, "copyfile")?);
    changed(vm, &Change::Copy { from: &from, to: &to, mode: false, times: false }, "copy", &from)?;
    Ok(Value::Str(to))
}

fn copytree(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [from, to, exist_ok] = args.take("copytree", ["src", "dst", "*dirs_exist_ok"], 2)?;
    let (from, to) = (given(from, "copytree")?, given(to, "copytree")?);
    changed(vm, &Change::CopyTree { from: &from, to: &to, exist_ok: is_true(exist_ok) }, "copy", &from)?;
    Ok(Value::Str(to))
}

fn moved(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [from, to] = args.take("move", ["src", "dst"], 2)?;
    let (from, to) = (given(from, "move")?, given(to, "move")?);
    let inside = place(vm, &from, to.clone());
    if inside != to && vm.link_kind(&inside).0 {
        return Err(Raise::new(Exc::OSError, format!("cannot move `{from}`: `{inside}` exists already")));
    }
    changed(vm, &Change::Move { from: &from, to: &inside }, "move", &from)?;
    Ok(Value::Str(inside))
}

fn rmtree(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [at, ignore_errors] = args.take("rmtree", ["path", "ignore_errors"], 1)?;
    match one(vm, at, "rmtree", "remove", |path| Change::RemoveTree { path }) {
        Err(raise) if raise.kind().is_a(Exc::OSError) && is_true(ignore_errors) => Ok(Value::None),
        result => result,
    }
}

fn write_text(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [at, data] = args.take("write_text", ["path", "data"], 2)?;
    let (at, data) = (given(at, "write_text")?, text(&data.unwrap_or(Value::None), "write_text")?);
    let Some(acts) = vm.acts else { return Err(Raise::unsupported("nothing can be changed here", "")) };
    let opened = acts.effects.open(&at, Opening::Truncate);
    let written = opened.and_then(|mut file| file.write_all(data.as_bytes()).and_then(|()| file.flush()));
    written.map_err(|error| io_raise(&error, "write to", &at))?;
    Ok(Value::Int(data.chars().count() as i64))
}

/// `json.dump(value, file, indent=2)`
fn json_dump(vm: &mut Vm, mut args: Args) -> Result<Value, Raise> {
    if args.positional.len() < 2 {
        return Err(Raise::type_error("`json.dump` needs a value and a file"));
    }
    let file = args.positional.remove(1);
    let json = vm.lookup_module("json").cloned().unwrap_or(Value::None);
    let dumps = vm.get_attr(&json, "dumps")?;
    let text = vm.call_value(&dumps, args, None)?;
    let write = vm.get_attr(&file, "write")?;
    vm.call_value(&write, Args::positional(vec![text]), None).map(|_| Value::None)
}
