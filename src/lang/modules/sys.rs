//! The module `sys`: what of it means something to a Rulefile.

use super::collections::record;
use super::{HostType, ModuleDef};
use crate::lang::builtins::args::text;
use crate::lang::object::Object;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Method, Value};
use crate::lang::vm::Vm;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "sys",
    functions: &[
        Builtin { name: "exit", call: exit },
        Builtin {
            name: "getrecursionlimit",
            call: |_, args| args.none("getrecursionlimit").map(|()| Value::Int(200)),
        },
        Builtin { name: "intern", call: |_, args| text(&args.one("intern")?, "intern").map(Value::Str) },
        Builtin {
            name: "setrecursionlimit",
            call: |_, args| args.one("setrecursionlimit").map(|_| Value::None),
        },
    ],
    values: || {
        let int = |n: i64| Value::Int(n);
        let version = [("major", int(3)), ("minor", int(12)), ("micro", int(0))];
        let release = [("releaselevel", "final".into()), ("serial", int(0))];
        let version = version.into_iter().chain(release).collect();
        vec![
            ("argv", Value::list(vec!["rulemake".into()])),
            ("byteorder", "little".into()),
            ("executable", "python3".into()),
            ("maxsize", int(i64::MAX)),
            // Folders of Rulefiles come in front when these are run.
            ("path", Value::list(Vec::new())),
            ("platform", if cfg!(target_os = "macos") { "darwin".into() } else { "linux".into() }),
            ("stderr", Value::object(Stream)),
            ("stdout", Value::object(Stream)),
            ("version", "3.12.0 (rulemake)".into()),
            ("version_info", record::with_more("sys.version_info", version, Vec::new())),
        ]
    },
    refused: &[("modules", "import what you need by its name"), ("stdin", "take the value from `config`")],
};

fn exit(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [code] = args.take("exit", ["/status"], 0)?;
    let message = match &code {
        None | Some(Value::None) => "the Rulefile ended itself: `sys.exit()`".to_string(),
        Some(Value::Int(n)) => format!("the Rulefile ended itself: `sys.exit({n})`"),
        Some(other) => other.display().to_string(),
    };
    Err(Raise::new(Exc::SystemExit, message))
}

/// `sys.stderr` and `sys.stdout`: lines for the log.
#[derive(Debug)]
struct Stream;

static STREAM: HostType = HostType {
    name: "TextIOWrapper",
    methods: &[
        Method { name: "flush", call: |_, _, args| args.none("flush").map(|()| Value::None) },
        Method { name: "isatty", call: |_, _, args| args.none("isatty").map(|()| Value::Bool(false)) },
        Method { name: "write", call: write },
    ],
    ..HostType::PLAIN
};

impl Object for Stream {
    fn type_name(&self) -> &'static str {
        STREAM.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&STREAM)
    }
}

fn write(vm: &mut Vm, _: &Value, args: Args) -> Result<Value, Raise> {
    let line = text(&args.one("write")?, "write")?;
    vm.budget.allocate(line.len() as u64 + 64)?;
    let (shown, end) = line.strip_suffix('\n').map_or((&*line, ""), |shown| (shown, "\n"));
    if !shown.is_empty() || vm.acts.is_some() {
        vm.say(shown.to_string(), end);
    }
    Ok(Value::Int(line.chars().count() as i64))
}
