//! The module `os`, as far as it only looks.

use super::ModuleDef;
use crate::lang::builtins::path;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "os",
    functions: &[Builtin { name: "listdir", call: listdir }],
    values: || vec![("sep", "/".into()), ("linesep", "\n".into())],
    refused: &[],
};

fn listdir(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [folder] = args.take("listdir", ["path"], 0)?;
    let folder = match &folder {
        Some(folder) => path(folder, "listdir")?,
        None => ".".into(),
    };
    let names = vm.list_directory(&folder)?;
    Ok(Value::list(names.into_iter().map(Value::from).collect()))
}
