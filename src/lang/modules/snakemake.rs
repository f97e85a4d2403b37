//! The modules of Snakemake that workflows import: `snakemake.utils`, `snakemake.io`, `snakemake.exceptions`,
//! `snakemake.logging`.

use crate::lang::builtins::args::text;
use crate::lang::builtins::path;
use crate::lang::format::{self, First};
use crate::lang::modules::{ModuleDef, log, no_values};
use crate::lang::raise::{Exc, Raise};
use crate::lang::schema::Schema;
use crate::lang::table;
use crate::lang::value::{Args, Builtin, Dict, Key, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static PACKAGE: ModuleDef =
    ModuleDef { name: "snakemake", functions: &[], values: no_values, refused: &[] };

pub(super) static UTILS: ModuleDef = ModuleDef {
    name: "snakemake.utils",
    functions: &[
        Builtin { name: "available_cpu_count", call: available_cpu_count },
        Builtin { name: "format", call: format_function },
        Builtin { name: "linecount", call: linecount },
        Builtin { name: "min_version", call: min_version },
        Builtin { name: "update_config", call: update_config },
        Builtin { name: "validate", call: validate },
    ],
    values: || vec![("Paramspace", Value::Type(Type::Host(&table::PARAMSPACE)))],
    refused: &[
        ("R", "run R in a `script:` or the `shell:` of a rule"),
        ("listfiles", "use `glob_wildcards`"),
        ("makedirs", "remove the call: the directories of outputs and logs are made before a job starts"),
        ("read_job_properties", "rulemake needs no submit scripts"),
        ("report", "write the report in the action of a rule"),
        ("simplify_path", "use `os.path.relpath`"),
    ],
};

/// Its other members are the names that every Rulefile sees.
pub(super) static IO: ModuleDef = ModuleDef {
    name: "snakemake.io",
    functions: &[],
    values: no_values,
    refused: &[
        ("apply_wildcards", "use `expand` or an f-string"),
        ("load_configfile", "use `configfile:`"),
        ("regex_from_filepattern", "use `glob_wildcards`"),
    ],
};

/// As [`IO`].
pub(super) static SHELL: ModuleDef =
    ModuleDef { name: "snakemake.shell", functions: &[], values: no_values, refused: &[] };

pub(super) static EXCEPTIONS: ModuleDef =
    ModuleDef { name: "snakemake.exceptions", functions: &[], values: exceptions, refused: &[] };

pub(super) static LOGGING: ModuleDef = ModuleDef {
    name: "snakemake.logging",
    functions: &[],
    values: || vec![("logger", log::logger())],
    refused: &[],
};

/// Kinds of exceptions that Snakemake has and we do not are the one that they are kinds of.
fn exceptions() -> Vec<(&'static str, Value)> {
    let kind = |kind| Value::Type(Type::Exception(kind));
    vec![
        ("IncompleteCheckpointException", kind(Exc::IncompleteCheckpoint)),
        ("LookupError", kind(Exc::LookupError)),
        ("MissingInputException", kind(Exc::WorkflowError)),
        ("RuleException", kind(Exc::WorkflowError)),
        ("WildcardError", kind(Exc::WildcardError)),
        ("WorkflowError", kind(Exc::WorkflowError)),
    ]
}

/// Workflows say which Snakemake they were written for; what counts here is whether they load.
fn min_version(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [version] = args.take("min_version", ["version"], 1)?;
    let version = text(&version.unwrap_or(Value::None), "min_version")?;
    let is_number = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    if version.is_empty() || !version.split('.').all(is_number) {
        return Err(Raise::value_error(format!("`{version}` is no version")).help("it looks like `\"8.0\"`"));
    }
    Ok(Value::None)
}

fn available_cpu_count(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    args.none("available_cpu_count")?;
    Ok(Value::Int(vm.processors()))
}

fn linecount(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let path = path(&args.one("linecount")?, "linecount")?;
    let text = vm.read_file(&path)?;
    Ok(Value::Int(text.lines().count() as i64))
}

/// `update_config(config, other)`: deep, in place.
fn update_config(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [config, other] = args.take("update_config", ["config", "overwrite_config"], 2)?;
    match (config, other) {
        (Some(Value::Dict(config)), Some(Value::Dict(other))) => {
            update(vm, &config, &other).map(|()| Value::None)
        }
        _ => Err(Raise::type_error("`update_config` takes two dicts")),
    }
}

fn update(vm: &mut Vm, config: &Arc<Dict>, other: &Arc<Dict>) -> Result<(), Raise> {
    vm.budget.check_stack()?;
    let new: Vec<(Key, Value)> =
        other.0.read(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect());
    vm.budget.allocate_items(2 * new.len() as u64)?;
    for (key, value) in new {
        let Value::Dict(inner) = &value else {
            config.0.write(|map| map.insert(key, value))?;
            continue;
        };
        let old = match config.0.read(|map| map.get(&key).cloned()) {
            Some(Value::Dict(old)) => old,
            // Anything else gives way to a mapping.
            _ => crate::lang::config::empty(),
        };
        update(vm, &old, inner)?;
        config.0.write(|map| map.insert(key, Value::Dict(old)))?;
    }
    Ok(())
}

/// `validate(config, "schema.yaml", set_default=True)`
fn validate(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [data, schema, set_default] = args.take("validate", ["data", "schema", "set_default"], 2)?;
    if !vm.validates {
        return Ok(Value::None);
    }
    let data = data.unwrap_or(Value::None);
    let name = path(&schema.unwrap_or(Value::None), "validate")?;
    let fills = set_default.is_none_or(|value| value.truth());
    let mut schema = Schema::read(vm, &name)?;
    if let Value::Dict(_) = data {
        return schema.check(vm, &data, "the config", fills).map(|()| Value::None);
    }
    let is_table = table::rows::complete_rows(vm, &data, |vm, row, record| {
        schema.check(vm, record, &format!("row {row} of the table"), fills)
    })?;
    if is_table {
        return Ok(Value::None);
    }
    Err(Raise::type_error(format!("`validate` checks a dict or a table, not `{}`", data.type_name())))
}

/// `format("{sample}.txt", ...)`: with the variables of the caller, lists after each other.
fn format_function(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let locals = vm.caller.take().unwrap_or_default();
    let Args { positional, named } = args;
    let mut positional = positional.into_iter();
    let template = text(&positional.next().unwrap_or(Value::None), "format")?;
    let positional: Vec<Value> = positional.collect();
    let mut find = |vm: &mut Vm, first: First<'_>| match first {
        First::Index(at) => positional
            .get(at)
            .cloned()
            .ok_or_else(|| Raise::new(Exc::IndexError, format!("`format` has no value for `{{{at}}}`"))),
        First::Name(name) => {
            let own = named.iter().chain(locals.iter().rev()).find(|(known, _)| **known == *name);
            let found = own.map(|(_, value)| value.clone());
            found.or_else(|| vm.lookup_global(vm.current_space(), name).cloned()).ok_or_else(|| {
                Raise::new(Exc::NameError, format!("the name `{name}` is not known in `{template}`"))
                    .help("braces that are no names are written twice: `{{print $1}}`")
            })
        }
    };
    format::format_with(vm, &template, &mut find, format::command_field).map(Value::from)
}
