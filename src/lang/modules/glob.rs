//! The module `glob`: patterns for files that are there. What was found is recorded.

use super::ModuleDef;
use crate::lang::builtins::args::text;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "glob",
    functions: &[Builtin { name: "glob", call: glob }],
    values: super::no_values,
    refused: &[],
};

fn glob(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [pattern, recursive] = args.take("glob", ["/pathname", "*recursive"], 1)?;
    let pattern = text(&pattern.unwrap_or(Value::None), "glob")?;
    let paths = vm.glob(&pattern, recursive.is_some_and(|v| v.truth()))?;
    vm.budget.allocate_items(3 * paths.len() as u64)?;
    Ok(Value::list(paths.into_iter().map(Value::from).collect()))
}
