//! Names that every Rulefile sees without importing them.

pub(crate) mod args;
mod basic;
mod choose;
pub(crate) mod expand;
mod files;
pub(crate) mod flags;
pub(crate) mod from_file;
mod helpers;
pub(crate) mod later;
mod lookup;
mod numbers;
pub(crate) mod sequence;
mod types;

use crate::lang::bytes;
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, Builtin, Type, Value};

pub(crate) use files::{open, text_reader};
pub(crate) use numbers::abs;
pub(crate) use types::{construct, has_type, path};

/// All built-in names with their values.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, Value)> {
    let tables = [
        basic::TABLE,
        choose::TABLE,
        sequence::TABLE,
        numbers::TABLE,
        expand::TABLE,
        files::TABLE,
        flags::TABLE,
        from_file::TABLE,
        helpers::TABLE,
        lookup::TABLE,
        REFUSED,
    ];
    let functions = tables.into_iter().flatten().map(|builtin| (builtin.name, Value::Builtin(builtin)));
    let types = types::NAMED.iter().map(|of| (of.name(), Value::Type(*of)));
    let exceptions = Exc::ALL
        .iter()
        .filter(|kind| !kind.is_fatal())
        .map(|kind| (kind.name(), Value::Type(Type::Exception(*kind))));
    let aliases =
        ["IOError", "EnvironmentError"].map(|name| (name, Value::Type(Type::Exception(Exc::OSError))));
    functions
        .chain(types)
        .chain(exceptions)
        .chain(aliases)
        .chain([("Ellipsis", Value::Ellipsis), ("__name__", Value::from("Rulefile")), bytes::named()])
        .chain([("access", flags::access())])
        .chain(later::parts())
}

/// Names of Python that Rulefiles do not have, each with the way out.
static REFUSED: &[Builtin] = &[
    Builtin { name: "bytearray", call: |_, _| refuse("bytearray", "keep data as text") },
    Builtin { name: "classmethod", call: |_, _| refuse("classmethod", "Rulefiles have no classes") },
    Builtin { name: "compile", call: |_, _| refuse("compile", "write the code in the Rulefile") },
    Builtin { name: "delattr", call: |_, _| refuse("delattr", "use a dict and `del x[\"name\"]`") },
    Builtin { name: "eval", call: |_, _| refuse("eval", "use a dict to choose a value by its name") },
    Builtin { name: "exec", call: |_, _| refuse("exec", "use `include:` for code in another file") },
    Builtin { name: "property", call: |_, _| refuse("property", "Rulefiles have no classes") },
    Builtin { name: "setattr", call: |_, _| refuse("setattr", "use a dict and `x[\"name\"] = value`") },
    Builtin { name: "super", call: |_, _| refuse("super", "Rulefiles have no classes") },
    Builtin { name: "vars", call: |_, _| refuse("vars", "use a dict") },
];

/// Whether it is a name of Python that Rulefiles do not have.
pub(crate) fn is_refused(name: &str) -> bool {
    REFUSED.iter().any(|builtin| builtin.name == name)
}

fn refuse(name: &str, help: &str) -> Result<Value, Raise> {
    Err(Raise::unsupported(format!("`{name}` is not available in Rulefiles"), help))
}

/// `Args` with values by position only, for calls of callbacks.
pub(crate) fn call_args<const N: usize>(values: [Value; N]) -> Args {
    Args::positional(values.into())
}
