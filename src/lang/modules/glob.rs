//! The module `glob`: patterns for files that are there. What was found is recorded.

use super::ModuleDef;
use crate::lang::builtins::args::text;
use crate::lang::builtins::path;
use crate::lang::raise::Raise;
use crate::lang::reads::GlobRules;
use crate::lang::value::{Args, Builtin, Value};
use crate::lang::vm::Vm;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "glob",
    functions: &[
        Builtin { name: "escape", call: escape },
        Builtin { name: "glob", call: glob },
        Builtin {
            name: "iglob",
            call: |vm, args| found(vm, args).map(|paths| Value::iterator("generator", paths)),
        },
    ],
    values: super::no_values,
    refused: &[],
};

fn glob(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    found(vm, args).map(Value::list)
}

fn found(vm: &mut Vm, args: Args) -> Result<Vec<Value>, Raise> {
    let names = ["/pathname", "*root_dir", "*dir_fd", "*recursive", "*include_hidden"];
    let [pattern, base, _, recursive, hidden] = args.take("glob", names, 1)?;
    let pattern = text(&pattern.unwrap_or(Value::None), "glob")?;
    let base = match &base {
        None | Some(Value::None) => "".into(),
        Some(base) => path(base, "glob")?,
    };
    let yes = |value: Option<Value>| value.is_some_and(|value| value.truth());
    let rules = GlobRules { recursive: yes(recursive), hidden: yes(hidden), directories: false };
    let paths = vm.glob(&base, &pattern, rules)?;
    vm.budget.allocate_items(3 * paths.len() as u64)?;
    Ok(paths.into_iter().map(Value::from).collect())
}

fn escape(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let whole = text(&args.one("escape")?, "escape")?;
    vm.budget.allocate(3 * whole.len() as u64)?;
    let mut out = String::new();
    for c in whole.chars() {
        match c {
            '*' | '?' | '[' => out.extend(['[', c, ']']),
            c => out.push(c),
        }
    }
    Ok(out.into())
}
