//! The module `os.path`: names taken apart and put together, and what files are. Looks at files are recorded.

use super::ModuleDef;
use crate::base::path::normalise;
use crate::lang::builtins::path;
use crate::lang::raise::Raise;
use crate::lang::reads::{PathKind, join_path};
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static MODULE: ModuleDef =
    ModuleDef { name: "os.path", functions: FUNCTIONS, values: || vec![("sep", "/".into())], refused: &[] };

const FUNCTIONS: &[Builtin] = &[
    Builtin { name: "abspath", call: abspath },
    Builtin { name: "basename", call: |_, args| Ok(Value::from(split(&args, "basename")?.1)) },
    Builtin { name: "dirname", call: |_, args| Ok(Value::from(split(&args, "dirname")?.0)) },
    Builtin { name: "exists", call: |vm, args| is_kind(vm, args, |kind| kind != PathKind::Absent) },
    Builtin { name: "isabs", call: |_, args| Ok(Value::Bool(only_path(&args, "isabs")?.starts_with('/'))) },
    Builtin { name: "isdir", call: |vm, args| is_kind(vm, args, |kind| kind == PathKind::Directory) },
    Builtin { name: "isfile", call: |vm, args| is_kind(vm, args, |kind| kind == PathKind::File) },
    Builtin { name: "join", call: join },
    Builtin {
        name: "normpath",
        call: |_, args| Ok(Value::from(&*normalise(&only_path(&args, "normpath")?))),
    },
    Builtin { name: "split", call: split_function },
    Builtin { name: "splitext", call: splitext },
];

fn only_path(args: &Args, function: &str) -> Result<Arc<str>, Raise> {
    path(&args.clone().one(function)?, function)
}

fn is_kind(vm: &mut Vm, args: Args, test: fn(PathKind) -> bool) -> Result<Value, Raise> {
    let path = only_path(&args, "os.path")?;
    Ok(Value::Bool(test(vm.path_kind(&path))))
}

/// Folder and last part, as `os.path.split` does it.
fn split(args: &Args, function: &str) -> Result<(String, String), Raise> {
    let path = only_path(args, function)?;
    let at = path.rfind('/').map_or(0, |at| at + 1);
    let (head, tail) = path.split_at(at);
    let trimmed = head.trim_end_matches('/');
    Ok((if trimmed.is_empty() { head } else { trimmed }.to_string(), tail.to_string()))
}

fn split_function(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let (head, tail) = split(&args, "split")?;
    Ok(Value::tuple(vec![head.into(), tail.into()]))
}

fn splitext(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = only_path(&args, "splitext")?;
    let base = path.rfind('/').map_or(0, |at| at + 1);
    let name = &path[base..];
    // Dots in front of the name are part of it: `.bashrc` has no extension.
    let hidden = name.len() - name.trim_start_matches('.').len();
    let at = name[hidden..].rfind('.').map_or(path.len(), |at| base + hidden + at);
    Ok(Value::tuple(vec![path[..at].into(), path[at..].into()]))
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

fn abspath(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = only_path(&args, "abspath")?;
    let full = vm.root().join(&*path);
    let text = full.to_str().ok_or_else(|| Raise::value_error("the root is not UTF-8"))?;
    Ok(Value::from(&*normalise(text)))
}
