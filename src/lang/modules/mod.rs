//! Modules that a Rulefile can import: Python's own, as far as they are pure or their reads can be recorded, and
//! what stands for all others.
//!
//! One file per module, one line per module in [`TABLE`]. Importing what is not there is no error: using it is,
//! at the place of the use.

mod ambient;
pub(crate) mod collections;
mod copy;
mod csv;
mod datetime;
pub(crate) mod fnmatch;
mod functools;
mod glob;
mod hashlib;
mod itertools;
mod json;
mod log;
mod math;
mod numpy;
mod operator;
mod os;
mod os_path;
mod pandas;
mod pathlib;
mod random;
pub(crate) mod re;
mod shlex;
mod small;
mod snakemake;
mod statistics;
mod string;
mod sys;
#[cfg(test)]
mod tests;
mod textwrap;
mod typing;
mod urllib;
mod yaml;

pub(crate) use self::ambient::ambient;
pub(crate) use self::os_path::with_home;
pub(crate) use self::pathlib::path_object;
pub(crate) use self::re::RegexStore;
use crate::diag::Problem;
use crate::lang::action;
pub(crate) use crate::lang::object::HostType;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Home, Module, Object, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::OpaqueKind;
use std::sync::Arc;

/// A module by its dotted name. `a.b` is a member of `a` by itself.
pub(crate) struct ModuleDef {
    name: &'static str,
    functions: &'static [Builtin],
    /// Members that are no functions; made anew for every load, since some of them can change.
    values: fn() -> Vec<(&'static str, Value)>,
    /// What Python has under a name and Rulefiles do not, with the way out. Naming it is no error, calling it is.
    refused: &'static [(&'static str, &'static str)],
}

/// All modules, members before the module that they belong to.
static TABLE: &[&ModuleDef] = &[
    &collections::ABC,
    &collections::MODULE,
    &copy::MODULE,
    &csv::MODULE,
    &datetime::MODULE,
    &fnmatch::MODULE,
    &functools::MODULE,
    &glob::MODULE,
    &hashlib::MODULE,
    &itertools::MODULE,
    &json::MODULE,
    &log::LOGGING,
    &log::WARNINGS,
    &math::MODULE,
    &numpy::MODULE,
    &operator::MODULE,
    &os_path::MODULE,
    &os::MODULE,
    &pandas::MODULE,
    &pathlib::MODULE,
    &random::MODULE,
    &re::MODULE,
    &shlex::MODULE,
    &small::BISECT,
    &small::GETPASS,
    &small::HEAPQ,
    &small::IO,
    &small::MULTIPROCESSING,
    &small::PLATFORM,
    &small::SHUTIL,
    &small::TEMPFILE,
    &small::TIME,
    &small::TYPES,
    &snakemake::EXCEPTIONS,
    &snakemake::IO,
    &snakemake::LOGGING,
    &snakemake::SHELL,
    &snakemake::UTILS,
    &snakemake::PACKAGE,
    &statistics::MODULE,
    &string::MODULE,
    &sys::MODULE,
    &textwrap::MODULE,
    &typing::MODULE,
    &urllib::MODULE,
    &urllib::PACKAGE,
    &yaml::MODULE,
];

/// All modules by dotted name.
pub(crate) fn modules() -> Vec<(&'static str, Value)> {
    let mut made: Vec<(&'static str, Value)> = Vec::with_capacity(TABLE.len());
    for def in TABLE {
        let functions = def.functions.iter().map(|function| (function.name, Value::Builtin(function)));
        let refused = def.refused.iter().map(|(name, help)| (*name, refused(def.name, name, help)));
        let inside = made.iter().filter_map(|(name, module)| {
            let (owner, member) = name.rsplit_once('.')?;
            (owner == def.name).then(|| (member, module.clone()))
        });
        let members = functions.chain((def.values)()).chain(refused).chain(inside);
        let members = members.map(|(name, value)| (name.into(), value)).collect();
        let home = match def.name {
            "snakemake.io" | "snakemake.shell" => Home::Builtins,
            _ => Home::Nowhere,
        };
        made.push((def.name, Value::Module(Arc::new(Module { name: def.name.into(), members, home }))));
    }
    made
}

/// A module without members that are no functions.
fn no_values() -> Vec<(&'static str, Value)> {
    Vec::new()
}

/// Whether Rulefiles have this module, by its dotted name.
pub(crate) fn is_known(name: &str) -> bool {
    TABLE.iter().any(|def| def.name == name)
}

/// What to do instead of using a member that a module of ours lacks on purpose.
pub(crate) fn refused_member(module: &str, member: &str) -> Option<&'static str> {
    let def = TABLE.iter().find(|def| def.name == module)?;
    def.refused.iter().find(|(name, _)| *name == member).map(|(_, help)| *help)
}

/// What to do instead of using a module that Rulefiles do not have.
pub(crate) fn advice(name: &str) -> &'static str {
    match name.split('.').next().unwrap_or("") {
        "boto3" | "ftplib" | "paramiko" | "requests" | "urllib" | "urllib3" => "download files in a rule",
        "bz2" | "gzip" | "lzma" | "tarfile" | "zipfile" => "unpack files in a rule",
        "dataclasses" | "enum" => "use a dict, or `collections.namedtuple`",
        "random" | "secrets" | "uuid" => {
            "a Rulefile gives the same workflow every time: take the value from `config`, or from a rule"
        }
        "polars" => "read the table with `pandas`: `pd.read_csv(path)`",
        "subprocess" => "run programs in the `shell:` of a rule",
        _ => "do it in the `shell:` of a rule",
    }
}

/// What stands for a module that Rulefiles do not have: importing it is no error, using it is.
pub(crate) fn placeholder(name: &str) -> Value {
    Value::object(Missing { name: name.into(), what: NOT_AVAILABLE, help: advice(name) })
}

const NOT_AVAILABLE: &str = "is not available in Rulefiles";

/// What a class or an async function is: something that cannot be used.
pub(crate) fn opaque(name: &str, kind: OpaqueKind) -> Value {
    let what = match kind {
        OpaqueKind::Class => "is a class, which Rulefiles do not have",
        _ => "is an async function, which Rulefiles do not have",
    };
    Value::object(Missing { name: name.into(), what, help: kind.reason().2 })
}

/// What stands for a member that a module of ours lacks on purpose.
fn refused(module: &str, name: &str, help: &'static str) -> Value {
    Value::object(Missing { name: format!("{module}.{name}").into(), what: NOT_AVAILABLE, help })
}

/// A module, function or class that Rulefiles do not have.
#[derive(Debug)]
struct Missing {
    name: Arc<str>,
    what: &'static str,
    help: &'static str,
}

impl Missing {
    fn error(&self, used: &str) -> Raise {
        let dot = if used.is_empty() { "" } else { "." };
        Raise::unsupported(format!("`{}{dot}{used}` {}", self.name, self.what), self.help)
    }
}

impl Object for Missing {
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

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        match vm.acts.and_then(|_| action::function(&self.name)) {
            Some(function) => function(vm, args),
            None if MAKE_DIRECTORIES.contains(&&*self.name) => not_made(vm, &self.name, args),
            None => Err(self.error("")),
        }
    }
}

/// Functions that make directories, which no Rulefile needs: calling them does nothing.
const MAKE_DIRECTORIES: [&str; 3] = ["os.makedirs", "os.mkdir", "snakemake.utils.makedirs"];

/// A directory that is not made, for evaluating a Rulefile changes nothing. Most are those of outputs and logs.
fn not_made(vm: &mut Vm, function: &str, args: Args) -> Result<Value, Raise> {
    let Some(directory) = args.positional.first().or_else(|| args.named.first().map(|(_, value)| value))
    else {
        return Err(Raise::type_error(format!("`{function}` misses the directory")));
    };
    let message = match directory.as_str() {
        Some(path) => format!("`{function}` does nothing here: `{path}` is not made"),
        None => format!("`{function}` does nothing here"),
    };
    vm.remark_once(Problem::warning("no-directory", message).help(
        "the directories of outputs and logs are made for every job: remove the call, or make others in a rule",
    ));
    Ok(Value::None)
}

/// The dotted name of what a module of ours lacks on purpose.
pub(crate) fn name_of_refused(value: &Value) -> Option<&str> {
    value.downcast::<Missing>().map(|missing| &*missing.name)
}
