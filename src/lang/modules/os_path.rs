//! The module `os.path`: names taken apart and put together, and what files are. Looks at files are recorded.

use super::ModuleDef;
use crate::lang::builtins::args::wrong;
use crate::lang::builtins::path;
use crate::lang::raise::Raise;
use crate::lang::reads::{PathKind, join_path};
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "os.path",
    functions: &[
        Builtin { name: "abspath", call: abspath },
        Builtin { name: "basename", call: |_, args| Ok(split(&only_path(args, "basename")?).1.into()) },
        Builtin { name: "commonpath", call: commonpath },
        Builtin { name: "commonprefix", call: commonprefix },
        Builtin { name: "dirname", call: |_, args| Ok(split(&only_path(args, "dirname")?).0.into()) },
        Builtin { name: "exists", call: |vm, args| is_kind(vm, args, |kind| kind != PathKind::Absent) },
        Builtin { name: "expanduser", call: expanduser },
        Builtin { name: "expandvars", call: expandvars },
        Builtin { name: "getsize", call: getsize },
        Builtin {
            name: "isabs",
            call: |_, args| Ok(Value::Bool(only_path(args, "isabs")?.starts_with('/'))),
        },
        Builtin { name: "isdir", call: |vm, args| is_kind(vm, args, |kind| kind == PathKind::Directory) },
        Builtin { name: "isfile", call: |vm, args| is_kind(vm, args, |kind| kind == PathKind::File) },
        Builtin { name: "islink", call: |vm, args| link(vm, args, |(_, link)| link) },
        Builtin { name: "join", call: join },
        Builtin { name: "lexists", call: |vm, args| link(vm, args, |(there, _)| there) },
        Builtin { name: "normcase", call: |_, args| only_path(args, "normcase").map(Value::Str) },
        Builtin { name: "normpath", call: |_, args| Ok(normpath(&only_path(args, "normpath")?).into()) },
        Builtin { name: "realpath", call: realpath },
        Builtin { name: "relpath", call: relpath },
        Builtin { name: "split", call: split_function },
        Builtin { name: "splitdrive", call: splitdrive },
        Builtin { name: "splitext", call: splitext_function },
    ],
    values: || vec![("curdir", ".".into()), ("pardir", "..".into()), ("sep", "/".into())],
    refused: &[
        ("getatime", NO_DATES),
        ("getctime", NO_DATES),
        ("getmtime", NO_DATES),
        ("ismount", "take the value from `config`"),
        ("samefile", "compare the paths: `os.path.realpath(a) == os.path.realpath(b)`"),
    ],
};

const NO_DATES: &str = "whether a job runs is decided by the content of its inputs, not by their dates";

fn only_path(args: Args, function: &str) -> Result<Arc<str>, Raise> {
    path(&args.one(function)?, function)
}

fn is_kind(vm: &mut Vm, args: Args, test: fn(PathKind) -> bool) -> Result<Value, Raise> {
    let path = only_path(args, "os.path")?;
    Ok(Value::Bool(test(vm.path_kind(&path))))
}

fn link(vm: &mut Vm, args: Args, test: fn((bool, bool)) -> bool) -> Result<Value, Raise> {
    let path = only_path(args, "os.path")?;
    Ok(Value::Bool(test(vm.link_kind(&path))))
}

/// Folder and last part, as `os.path.split` does it.
pub(super) fn split(path: &str) -> (&str, &str) {
    let (head, tail) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
    let trimmed = head.trim_end_matches('/');
    (if trimmed.is_empty() { head } else { trimmed }, tail)
}

fn split_function(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = only_path(args, "split")?;
    let (head, tail) = split(&path);
    Ok(Value::tuple(vec![head.into(), tail.into()]))
}

/// The path up to its extension, and the extension with its dot.
pub(super) fn splitext(path: &str) -> (&str, &str) {
    let base = path.rfind('/').map_or(0, |at| at + 1);
    let name = &path[base..];
    // Dots in front of the name are part of it: `.bashrc` has no extension.
    let hidden = name.len() - name.trim_start_matches('.').len();
    path.split_at(name[hidden..].rfind('.').map_or(path.len(), |at| base + hidden + at))
}

fn splitext_function(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = only_path(args, "splitext")?;
    let (stem, extension) = splitext(&path);
    Ok(Value::tuple(vec![stem.into(), extension.into()]))
}

fn splitdrive(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = only_path(args, "splitdrive")?;
    Ok(Value::tuple(vec!["".into(), Value::Str(path)]))
}

fn join(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let parts = args.all_positional("join")?;
    let mut parts = parts.iter();
    let first = parts.next().ok_or_else(|| Raise::type_error("`join` needs at least one part"))?;
    let mut joined = path(first, "join")?.to_string();
    for part in parts {
        joined = join_path(&joined, &path(part, "join")?);
        vm.budget.allocate(joined.len() as u64)?;
    }
    Ok(Value::from(joined))
}

/// Without `.`, `..` and doubled `/`, by the text alone. Two slashes at the start have a meaning of their own.
pub(super) fn normpath(path: &str) -> String {
    let slashes = path.len() - path.trim_start_matches('/').len();
    let start = match slashes {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if slashes > 0 => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if slashes == 0 && joined.is_empty() { ".".into() } else { format!("{start}{joined}") }
}

pub(super) fn absolute(vm: &mut Vm, path: &str) -> Result<String, Raise> {
    if path.starts_with('/') {
        return Ok(normpath(path));
    }
    let root = vm.absolute_root()?;
    Ok(normpath(&join_path(&root, path)))
}

fn abspath(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = only_path(args, "abspath")?;
    absolute(vm, &path).map(Value::from)
}

fn realpath(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [file, _] = args.take("realpath", ["filename", "*strict"], 1)?;
    let file = path(&file.unwrap_or(Value::None), "realpath")?;
    vm.real_path(&file).map(Value::from)
}

fn relpath(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [target, start] = args.take("relpath", ["path", "start"], 1)?;
    let target = path(&target.unwrap_or(Value::None), "relpath")?;
    if target.is_empty() {
        return Err(Raise::value_error("no path specified"));
    }
    let start = match &start {
        None | Some(Value::None) => ".".into(),
        Some(start) => path(start, "relpath")?,
    };
    let (target, start) = (normpath(&target), normpath(if start.is_empty() { "." } else { &start }));
    // Where both lie below the root, it does not matter where that is.
    let inside = |path: &str| !path.starts_with('/') && path != ".." && !path.starts_with("../");
    if inside(&target) && inside(&start) {
        return Ok(relative(&target, &start).into());
    }
    let (target, start) = (absolute(vm, &target)?, absolute(vm, &start)?);
    Ok(relative(&target, &start).into())
}

/// The way from one normal path to another.
fn relative(target: &str, start: &str) -> String {
    let parts = |path: &'_ str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(String::from).collect()
    };
    let (target, start) = (parts(target), parts(start));
    let common = target.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let up = start[common..].iter().map(|_| "..");
    let way: Vec<&str> = up.chain(target[common..].iter().map(String::as_str)).collect();
    if way.is_empty() { ".".into() } else { way.join("/") }
}

fn paths(vm: &mut Vm, args: Args, function: &str) -> Result<Vec<Arc<str>>, Raise> {
    let source = args.one(function)?;
    if source.as_str().is_some() {
        return Err(wrong(&source, function, "a list of paths"));
    }
    let items = vm.collect(&source)?;
    items.iter().map(|item| path(item, function)).collect()
}

fn commonprefix(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let paths = paths(vm, args, "commonprefix")?;
    let (Some(low), Some(high)) = (paths.iter().min(), paths.iter().max()) else { return Ok("".into()) };
    // What the first and the last in order share, all between them share.
    let end = low.chars().zip(high.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
    Ok(low.get(..end).unwrap_or("").into())
}

fn commonpath(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let paths = paths(vm, args, "commonpath")?;
    let Some(first) = paths.first() else {
        return Err(Raise::value_error("`commonpath` of nothing"));
    };
    let absolute = first.starts_with('/');
    if paths.iter().any(|path| path.starts_with('/') != absolute) {
        return Err(Raise::value_error("cannot mix absolute and relative paths"));
    }
    let parts = |path: &'_ str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(String::from).collect()
    };
    let mut common = parts(first);
    for path in &paths[1..] {
        let other = parts(path);
        common.truncate(common.iter().zip(&other).take_while(|(a, b)| a == b).count());
    }
    Ok(format!("{}{}", if absolute { "/" } else { "" }, common.join("/")).into())
}

fn getsize(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let file = only_path(args, "getsize")?;
    let size = vm.file_size(&file)?;
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

/// `~` by the variable `HOME`; the homes of others stay as they are.
pub(crate) fn with_home(vm: &mut Vm, path: &str) -> String {
    let rest = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match rest.and_then(|rest| Some((rest, vm.variable("HOME")?))) {
        Some((rest, home)) => {
            let joined = format!("{}{rest}", home.trim_end_matches('/'));
            if joined.is_empty() { "/".into() } else { joined }
        }
        None => path.to_string(),
    }
}

fn expanduser(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = only_path(args, "expanduser")?;
    Ok(with_home(vm, &path).into())
}

/// `$NAME` and `${NAME}`; names that are not set stay as they are.
fn expandvars(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = only_path(args, "expandvars")?;
    let mut out = String::new();
    let mut rest = &*path;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = after.strip_prefix('{').and_then(|inner| Some((&inner[..inner.find('}')?], 2)));
        let plain = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, marks) = braced.unwrap_or((&after[..plain], 0));
        let end = at + 1 + name.len() + marks;
        match if name.is_empty() { None } else { vm.variable(name) } {
            Some(value) => out.push_str(&value),
            None => out.push_str(&rest[at..end]),
        }
        vm.budget.allocate(out.len() as u64)?;
        rest = &rest[end..];
    }
    out.push_str(rest);
    Ok(out.into())
}
