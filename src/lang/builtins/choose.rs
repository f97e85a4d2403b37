//! `choose_file`, `choose_folder`, `choose_tmp`: the first of several paths that can be used on this machine. What the
//! machine allows is recorded.

use super::types::path;
use crate::lang::modules::{path_object, with_home};
use crate::lang::raise::Raise;
use crate::lang::reads::{PathKind, Rights};
use crate::lang::value::{Builtin, Value};
use crate::lang::vm::Vm;

pub(super) static TABLE: &[Builtin] = &[
    Builtin {
        name: "choose_file",
        call: |vm, args| {
            let names = ["file_list", "read", "write", "execute", "creatable"];
            Choice::of(args.take("choose_file", names, 1)?, None, false).choose(vm, "choose_file")
        },
    },
    Builtin {
        name: "choose_folder",
        call: |vm, args| {
            let names = ["folder_list", "read", "write", "open", "creatable"];
            Choice::of(args.take("choose_folder", names, 1)?, Some(true), true).choose(vm, "choose_folder")
        },
    },
    Builtin {
        name: "choose_tmp",
        call: |vm, args| {
            let names = ["tmp_list", "read", "write", "open", "creatable"];
            let mut choice = Choice::of(args.take("choose_tmp", names, 1)?, Some(true), true);
            choice.creatable = choice.creatable.or(Some(true));
            // What stands for the directory of the host, also in `resources: tmpdir=`.
            match choice.choose(vm, "choose_tmp")? {
                Value::None => Ok("system_tmpdir".into()),
                chosen => Ok(chosen),
            }
        },
    },
];

struct Choice {
    paths: Value,
    /// What must be allowed, or must not; read, write, execute.
    rights: [Option<bool>; 3],
    creatable: Option<bool>,
    directory: bool,
}

impl Choice {
    fn of(given: [Option<Value>; 5], execute: Option<bool>, directory: bool) -> Choice {
        let [paths, read, write, third, creatable] = given;
        let flag = |value: Option<Value>, default: Option<bool>| match value {
            None => default,
            Some(Value::None) => None,
            Some(value) => Some(value.truth()),
        };
        Choice {
            paths: paths.unwrap_or(Value::None),
            rights: [flag(read, Some(true)), flag(write, Some(true)), flag(third, execute)],
            creatable: flag(creatable, None),
            directory,
        }
    }

    fn choose(&self, vm: &mut Vm, name: &str) -> Result<Value, Raise> {
        for candidate in vm.collect(&self.paths)? {
            let candidate = path(&candidate, name)?;
            let candidate = with_home(vm, &candidate);
            let wanted = if self.directory { PathKind::Directory } else { PathKind::File };
            let is_right = vm.path_kind(&candidate) == wanted && {
                let rights = vm.rights(&candidate);
                let has = [rights.read, rights.write, rights.execute];
                self.rights.iter().zip(has).all(|(wanted, has)| wanted.is_none_or(|wanted| wanted == has))
            };
            if is_right || (self.creatable == Some(true) && is_creatable(vm, &candidate)) {
                return Ok(path_object(&candidate));
            }
        }
        Ok(Value::None)
    }
}

/// Whether the nearest directory above that is there can be written to.
fn is_creatable(vm: &mut Vm, path: &str) -> bool {
    let mut folder = vm.above_root(path);
    while let Some((above, _)) = folder.trim_end_matches('/').rsplit_once('/') {
        let above = if above.is_empty() { "/" } else { above }.to_string();
        let all = Rights { read: true, write: true, execute: true };
        if vm.path_kind(&above) == PathKind::Directory && vm.rights(&above) == all {
            return true;
        }
        folder = above;
    }
    false
}
