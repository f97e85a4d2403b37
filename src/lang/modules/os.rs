//! The module `os`, as far as it only looks. What it looks at is recorded.

use super::{HostType, ModuleDef};
use crate::lang::builtins::args::text;
use crate::lang::builtins::path;
use crate::lang::object::Object;
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::join_path;
use crate::lang::value::{Args, Builtin, Method, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

const NO_CHANGES: &str = "evaluating a Rulefile changes no files: do it in the `shell:` of a rule";
const NO_DIRECTORIES: &str =
    "the directories of outputs and logs are made for every job: remove the call, or do it in a rule";
const NO_PROGRAMS: &str = "run programs in the `shell:` of a rule";

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "os",
    functions: &[
        Builtin { name: "cpu_count", call: cpu_count },
        Builtin { name: "fspath", call: |_, args| path(&args.one("fspath")?, "fspath").map(Value::Str) },
        Builtin { name: "getcwd", call: getcwd },
        Builtin { name: "getenv", call: getenv },
        Builtin { name: "listdir", call: listdir },
        Builtin { name: "stat", call: stat_function },
        Builtin { name: "walk", call: walk },
    ],
    values: || {
        vec![
            ("curdir", ".".into()),
            ("devnull", "/dev/null".into()),
            ("environ", Value::object(Environ)),
            ("extsep", ".".into()),
            ("linesep", "\n".into()),
            ("name", "posix".into()),
            ("pardir", "..".into()),
            ("pathsep", ":".into()),
            ("sep", "/".into()),
        ]
    },
    refused: &[
        ("access", "test whether the file is there: `os.path.exists(path)`"),
        ("chdir", "paths start from the directory of the workflow: use `workdir:`"),
        ("chmod", NO_CHANGES),
        ("getlogin", "take the value from `config`, or `os.environ[\"USER\"]`"),
        ("getpid", "a Rulefile gives the same workflow every time"),
        ("link", NO_CHANGES),
        ("makedirs", NO_DIRECTORIES),
        ("mkdir", NO_DIRECTORIES),
        ("popen", NO_PROGRAMS),
        ("putenv", "set it in `shell.prefix(\"export NAME=value; \")`"),
        ("remove", NO_CHANGES),
        ("removedirs", NO_CHANGES),
        ("rename", NO_CHANGES),
        ("replace", NO_CHANGES),
        ("rmdir", NO_CHANGES),
        ("scandir", "use `os.listdir` with `os.path.isdir`, or `Path.iterdir`"),
        ("symlink", NO_CHANGES),
        ("system", NO_PROGRAMS),
        ("uname", "a Rulefile gives the same workflow everywhere: take the value from `config`"),
        ("unlink", NO_CHANGES),
        ("urandom", "a Rulefile gives the same workflow every time"),
        ("utime", NO_CHANGES),
    ],
};

fn folder_of(folder: Option<Value>, function: &str) -> Result<Arc<str>, Raise> {
    match &folder {
        None | Some(Value::None) => Ok(".".into()),
        Some(folder) => path(folder, function),
    }
}

fn listdir(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [folder] = args.take("listdir", ["path"], 0)?;
    let folder = folder_of(folder, "listdir")?;
    let names = vm.list_directory(&folder)?;
    vm.budget.allocate_items(3 * names.len() as u64)?;
    Ok(Value::list(names.into_iter().map(Value::from).collect()))
}

/// Directories with what is in them, all at once and sorted; what cannot be listed is passed over.
fn walk(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [top, from_top, _, follow] = args.take("walk", ["top", "topdown", "onerror", "followlinks"], 1)?;
    if follow.is_some_and(|v| v.truth()) {
        return Err(Raise::unsupported(
            "`os.walk` does not follow symlinks in Rulefiles",
            "use `glob_wildcards`",
        ));
    }
    let top = path(&top.unwrap_or(Value::None), "walk")?;
    let mut rows = Vec::new();
    let mut todo = vec![top.to_string()];
    while let Some(folder) = todo.pop() {
        let Ok(entries) = vm.list_kinds(&folder) else { continue };
        vm.budget.allocate_items(16 + 4 * entries.len() as u64)?;
        let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(_, is_dir)| *is_dir);
        let names = |entries: &[(String, bool)]| {
            Value::list(entries.iter().map(|(name, _)| Value::from(name.as_str())).collect())
        };
        for (name, _) in folders.iter().rev().filter(|(name, _)| name != ".rulemake") {
            let inside = join_path(&folder, name);
            if !vm.link_kind(&inside).1 {
                todo.push(inside);
            }
        }
        rows.push(Value::tuple(vec![folder.into(), names(&folders), names(&files)]));
    }
    if from_top.is_some_and(|v| !v.truth()) {
        rows.reverse();
    }
    Ok(Value::iterator("generator", rows))
}

fn getcwd(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    args.none("getcwd")?;
    vm.absolute_root().map(Value::Str)
}

fn cpu_count(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    args.none("cpu_count")?;
    Ok(Value::Int(vm.processors()))
}

/// `os.stat(path)`: only what the content decides.
#[derive(Debug)]
struct Stat(i64);

impl Object for Stat {
    fn type_name(&self) -> &'static str {
        "os.stat_result"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        match name {
            "st_size" => Ok(Some(Value::Int(self.0))),
            name if name.starts_with("st_") => Err(Raise::unsupported(
                format!("`{name}` is not available in Rulefiles"),
                "whether a job runs is decided by the content of its inputs, not by their dates",
            )),
            _ => Ok(None),
        }
    }
}

/// `os.stat` and `Path.stat`.
pub(super) fn stat(vm: &mut Vm, path: &str) -> Result<Value, Raise> {
    let size = vm.file_size(path)?;
    Ok(Value::object(Stat(i64::try_from(size).unwrap_or(i64::MAX))))
}

fn stat_function(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let file = path(&args.one("stat")?, "stat")?;
    stat(vm, &file)
}

fn getenv(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [name, default] = args.take("getenv", ["key", "default"], 1)?;
    let name = text(&name.unwrap_or(Value::None), "getenv")?;
    Ok(vm.variable(&name).map(Value::Str).or(default).unwrap_or(Value::None))
}

/// `os.environ`: variables by name. As a whole it is not to be had, as every plan would depend on all of it.
#[derive(Debug)]
struct Environ;

static ENVIRON: HostType = HostType {
    name: "os._Environ",
    methods: &[
        Method { name: "copy", call: |_, _, _| Err(whole()) },
        Method { name: "get", call: |vm, _, args| getenv(vm, args) },
        Method { name: "items", call: |_, _, _| Err(whole()) },
        Method { name: "keys", call: |_, _, _| Err(whole()) },
        Method { name: "pop", call: |_, _, _| Err(cannot_set()) },
        Method { name: "setdefault", call: |_, _, _| Err(cannot_set()) },
        Method { name: "update", call: |_, _, _| Err(cannot_set()) },
        Method { name: "values", call: |_, _, _| Err(whole()) },
    ],
    ..HostType::PLAIN
};

fn whole() -> Raise {
    Raise::unsupported(
        "the whole environment is not available in Rulefiles",
        "ask for each variable that you need by its name: `os.environ.get(\"NAME\")`",
    )
}

fn cannot_set() -> Raise {
    Raise::unsupported(
        "variables of the environment cannot be set by a Rulefile",
        "set them for all commands: `shell.prefix(\"export NAME=value; \")`",
    )
}

impl Object for Environ {
    fn type_name(&self) -> &'static str {
        ENVIRON.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&ENVIRON)
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        let name = text(key, "os.environ")?;
        let missing = || {
            Raise::with_args(Exc::KeyError, vec![key.clone()])
                .help(format!("set it before rulemake is started: `export {name}=...`"))
        };
        vm.variable(&name).map(Value::Str).ok_or_else(missing)
    }

    fn set(&self, _: &mut Vm, _: &Value, _: Value) -> Result<(), Raise> {
        Err(cannot_set())
    }

    fn contains(&self, vm: &mut Vm, item: &Value) -> Option<Result<bool, Raise>> {
        Some(text(item, "os.environ").map(|name| vm.variable(&name).is_some()))
    }

    fn truth(&self) -> bool {
        true
    }
}
