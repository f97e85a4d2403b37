//! The modules `logging` and `warnings`, and Snakemake's logger: lines for the log of the load.

use super::{HostType, ModuleDef};
use crate::lang::builtins::args::text;
use crate::lang::object::Object;
use crate::lang::ops;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, Builtin, Method, Type, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;

pub(super) static LOGGING: ModuleDef = ModuleDef {
    name: "logging",
    functions: &[
        Builtin { name: "basicConfig", call: |_, _| Ok(Value::None) },
        Builtin { name: "critical", call: |vm, args| say(vm, args, "error: ") },
        Builtin { name: "debug", call: |_, _| Ok(Value::None) },
        Builtin { name: "disable", call: |_, _| Ok(Value::None) },
        Builtin { name: "error", call: |vm, args| say(vm, args, "error: ") },
        Builtin { name: "getLogger", call: |_, _| Ok(Value::object(Logger)) },
        Builtin { name: "info", call: |vm, args| say(vm, args, "") },
        Builtin { name: "warning", call: |vm, args| say(vm, args, "warning: ") },
    ],
    values: || {
        let levels =
            [("CRITICAL", 50), ("DEBUG", 10), ("ERROR", 40), ("INFO", 20), ("NOTSET", 0), ("WARNING", 30)];
        let levels = levels.into_iter().map(|(name, level)| (name, Value::Int(level)));
        levels.chain([("Logger", Value::Type(Type::Host(&LOGGER)))]).collect()
    },
    refused: &[
        ("FileHandler", "what is logged stands before the output of rulemake"),
        ("Formatter", "what is logged stands before the output of rulemake"),
        ("StreamHandler", "what is logged stands before the output of rulemake"),
    ],
};

pub(super) static WARNINGS: ModuleDef = ModuleDef {
    name: "warnings",
    functions: &[
        Builtin { name: "filterwarnings", call: |_, _| Ok(Value::None) },
        Builtin { name: "resetwarnings", call: |_, _| Ok(Value::None) },
        Builtin { name: "simplefilter", call: |_, _| Ok(Value::None) },
        Builtin { name: "warn", call: warn },
    ],
    values: super::no_values,
    refused: &[("catch_warnings", "leave it out: a warning is a line in the log")],
};

/// The logger of Snakemake, which is like any other.
pub(super) fn logger() -> Value {
    Value::object(Logger)
}

static LOGGER: HostType = HostType {
    name: "Logger",
    methods: &[
        Method { name: "addHandler", call: |_, _, _| Ok(Value::None) },
        Method { name: "critical", call: |vm, _, args| say(vm, args, "error: ") },
        Method { name: "debug", call: |_, _, _| Ok(Value::None) },
        Method { name: "error", call: |vm, _, args| say(vm, args, "error: ") },
        Method { name: "exception", call: |vm, _, args| say(vm, args, "error: ") },
        Method { name: "getChild", call: |_, _, _| Ok(Value::object(Logger)) },
        Method { name: "info", call: |vm, _, args| say(vm, args, "") },
        Method { name: "setLevel", call: |_, _, _| Ok(Value::None) },
        Method { name: "warn", call: |vm, _, args| say(vm, args, "warning: ") },
        Method { name: "warning", call: |vm, _, args| say(vm, args, "warning: ") },
    ],
    ..HostType::PLAIN
};

#[derive(Debug)]
struct Logger;

impl Object for Logger {
    fn type_name(&self) -> &'static str {
        LOGGER.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&LOGGER)
    }
}

fn push(vm: &mut Vm, line: String) -> Result<Value, Raise> {
    vm.budget.allocate(line.len() as u64 + 64)?;
    vm.log.push(line);
    Ok(Value::None)
}

/// A message with what `%` puts in.
fn say(vm: &mut Vm, args: Args, level: &str) -> Result<Value, Raise> {
    let mut values = args.positional.into_iter();
    let message = values.next().ok_or_else(|| Raise::type_error("a log entry needs a message"))?;
    let rest: Vec<Value> = values.collect();
    let message = match rest.is_empty() {
        true => message,
        false => {
            let template = Value::Str(vm.text(&message)?);
            ops::binary(vm, BinaryOp::Mod, &template, &Value::tuple(rest))?
        }
    };
    let message = vm.text(&message)?;
    push(vm, format!("{level}{message}"))
}

fn warn(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let names = ["message", "category", "stacklevel", "source", "*skip_file_prefixes"];
    let [message, ..] = args.take("warn", names, 1)?;
    let message = message.unwrap_or(Value::None);
    let message = text(&message, "warn").or_else(|_| vm.text(&message))?;
    push(vm, format!("warning: {message}"))
}
