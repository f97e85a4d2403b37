//! `shell("command {input}")` in a body: the command is filled in with the variables that its caller sees.

use crate::lang::builtins::args::text;
use crate::lang::format::{self, First};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use crate::model::action::CommandError;
use std::sync::Arc;

pub(crate) fn shell(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let locals = vm.caller.take().unwrap_or_default();
    let Some(acts) = vm.acts else { return Err(Raise::unsupported("no command can run here", "")) };
    let Args { mut positional, named } = args;
    let (options, named): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|(name, _)| matches!(&**name, "read" | "iterable"));
    let asked = |wanted: &str| options.iter().any(|(name, value)| **name == *wanted && value.truth());
    if positional.is_empty() {
        return Err(Raise::type_error("`shell` needs a command"));
    }
    let template = text(&positional.remove(0), "shell")?;
    let command = filled(vm, &template, &positional, &named, &locals)?;
    let whole = format!("{} {command} {}", acts.shell.prefix, acts.shell.suffix);
    let whole = whole.trim();
    let (iterable, read) = (asked("iterable"), asked("read"));
    let output =
        acts.effects.shell(acts.shell, whole, iterable || read).map_err(|error| failed(&error, whole))?;
    if !iterable && !read {
        return Ok(Value::None);
    }
    let output = String::from_utf8(output)
        .map_err(|_| Raise::new(Exc::UnicodeDecodeError, "what the command wrote is not UTF-8 text"))?;
    let output = output.replace("\r\n", "\n").replace('\r', "\n");
    Ok(match iterable {
        true => Value::iterator("generator", output.lines().map(Value::from).collect()),
        false => Value::from(output),
    })
}

type Names = [(Arc<str>, Value)];

fn filled(
    vm: &mut Vm,
    template: &str,
    positional: &[Value],
    named: &Names,
    locals: &Names,
) -> Result<String, Raise> {
    let mut find = |vm: &mut Vm, first: First<'_>| match first {
        First::Index(at) => positional.get(at).cloned().ok_or_else(|| {
            Raise::new(Exc::IndexError, format!("`shell` has no value for `{{{at}}}`"))
                .help("braces that are no names are written twice: `{{print $1}}`")
        }),
        First::Name(name) => {
            let own = named.iter().chain(locals.iter().rev()).find(|(known, _)| **known == *name);
            let found = own.map(|(_, value)| value.clone());
            found.or_else(|| vm.lookup_global(vm.current_space(), name).cloned()).ok_or_else(|| {
                Raise::new(Exc::NameError, format!("the name `{name}` is not known in this command"))
                    .help("braces that are no names are written twice: `{{print $1}}`")
            })
        }
    };
    format::format_with(vm, template, &mut find, field)
}

/// As in the commands of rules; each element of a list of files is quoted for itself.
fn field(
    vm: &mut Vm,
    value: &Value,
    conversion: Option<char>,
    spec: &str,
    out: &mut String,
) -> Result<(), Raise> {
    let items = match value {
        Value::Object(object) if spec == "q" && conversion.is_none() => object.items(),
        _ => None,
    };
    match items {
        Some(items) => format::command_field(vm, &Value::list(items), conversion, spec, out),
        None => format::command_field(vm, value, conversion, spec, out),
    }
}

fn failed(error: &CommandError, command: &str) -> Raise {
    let died =
        |how: String| Raise::new(Exc::CalledProcessError, how).help(format!("the command was: {command}"));
    match error {
        CommandError::Exit(code) => died(format!("a command failed: exit {code}")),
        CommandError::Signal(signal) => died(format!("a command was killed by signal {signal}")),
        CommandError::NotStarted(message) => {
            Raise::new(Exc::OSError, format!("cannot start a command: {message}"))
        }
        CommandError::Cancelled => Raise::new(Exc::Cancelled, "the job was told to end"),
    }
}
