//! Modules that can be imported: `os`, `os.path`, `glob`, `json`; and what stands for all others.

use super::args::text;
use super::json;
use super::types::path;
use crate::base::path::normalise;
use crate::lang::raise::Raise;
use crate::lang::reads::{PathKind, join_path};
use crate::lang::value::{Args, Builtin, Module, Object, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

static PATH: &[Builtin] = &[
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

static OS: &[Builtin] = &[Builtin { name: "listdir", call: listdir }];

static GLOB: &[Builtin] = &[Builtin { name: "glob", call: glob }];

fn module(name: &str, tables: &[&'static [Builtin]], more: Vec<(&str, Value)>) -> Value {
    let functions = tables.iter().flat_map(|table| table.iter()).map(|b| (b.name.into(), Value::Builtin(b)));
    let members = functions.chain(more.into_iter().map(|(name, value)| (name.into(), value))).collect();
    Value::Module(Arc::new(Module { name: name.into(), members }))
}

/// All modules by dotted name.
pub(crate) fn modules() -> Vec<(&'static str, Value)> {
    let path = module("os.path", &[PATH], vec![("sep", "/".into())]);
    vec![
        (
            "os",
            module("os", &[OS], vec![("path", path.clone()), ("sep", "/".into()), ("linesep", "\n".into())]),
        ),
        ("os.path", path),
        ("glob", module("glob", &[GLOB], Vec::new())),
        ("json", module("json", &[json::TABLE], Vec::new())),
    ]
}

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

fn listdir(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [folder] = args.take("listdir", ["path"], 0)?;
    let folder = match &folder {
        Some(folder) => path(folder, "listdir")?,
        None => ".".into(),
    };
    let names = vm.list_directory(&folder)?;
    Ok(Value::list(names.into_iter().map(Value::from).collect()))
}

fn glob(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [pattern, recursive] = args.take("glob", ["/pathname", "*recursive"], 1)?;
    let pattern = text(&pattern.unwrap_or(Value::None), "glob")?;
    let paths = vm.glob(&pattern, recursive.is_some_and(|v| v.truth()))?;
    vm.budget.allocate_items(3 * paths.len() as u64)?;
    Ok(Value::list(paths.into_iter().map(Value::from).collect()))
}

/// What stands for a module that Rulefiles do not have: importing it is no error, using it is.
pub(crate) fn placeholder(name: &str) -> Value {
    Value::object(Placeholder { name: name.into() })
}

#[derive(Debug)]
struct Placeholder {
    name: Arc<str>,
}

impl Placeholder {
    fn error(&self, used: &str) -> Raise {
        let root = self.name.split('.').next().unwrap_or("");
        let message = if used.is_empty() {
            format!("`{}` is not available in Rulefiles", self.name)
        } else {
            format!("`{}.{used}` is not available in Rulefiles", self.name)
        };
        let help = match root {
            "subprocess" => "run programs in the `shell:` of a rule",
            "shutil" | "tempfile" => "change files in the actions of a rule",
            "pandas" | "numpy" | "csv" => {
                "read the table with `open(path)` and `split`, or with a program in the `shell:` of a rule"
            }
            "yaml" => "read it with `configfile:`, or use JSON and `json.load`",
            "re" => "use the methods of texts: `split`, `replace`, `startswith`, `partition`",
            "pathlib" => "use `os.path`: `os.path.join(a, b)`, `os.path.basename(p)`",
            "requests" | "urllib" | "boto3" | "ftplib" => "download files in a rule",
            "os" | "sys" => "take the value from `config`",
            "random" | "time" | "datetime" | "uuid" => {
                "a Rulefile gives the same workflow every time: take the value from `config`, or from a rule"
            }
            "typing" | "__future__" => "annotations are not evaluated: remove the use",
            _ => "do it in the `shell:` of a rule",
        };
        Raise::unsupported(message, help)
    }
}

impl Object for Placeholder {
    fn type_name(&self) -> &'static str {
        "module"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Err(self.error(name))
    }

    fn item(&self, _: &Value) -> Result<Value, Raise> {
        Err(self.error(""))
    }

    fn repr(&self) -> String {
        format!("<module '{}', not available>", self.name)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _: &mut Vm, _: Args) -> Result<Value, Raise> {
        Err(self.error(""))
    }
}
