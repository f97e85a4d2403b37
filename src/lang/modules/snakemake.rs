//! Snakemake's own modules: their names are the ones that every Rulefile sees.

use super::ModuleDef;
use crate::lang::raise::Exc;
use crate::lang::value::{Type, Value};

/// Members are looked up among the names that every Rulefile sees.
pub(super) static IO: ModuleDef =
    ModuleDef { name: "snakemake.io", functions: &[], values: super::no_values, refused: &[] };

/// As [`IO`].
pub(super) static SHELL: ModuleDef =
    ModuleDef { name: "snakemake.shell", functions: &[], values: super::no_values, refused: &[] };

pub(super) static EXCEPTIONS: ModuleDef = ModuleDef {
    name: "snakemake.exceptions",
    functions: &[],
    values: || {
        let kind = |kind| Value::Type(Type::Exception(kind));
        vec![
            ("IncompleteCheckpointException", kind(Exc::IncompleteCheckpoint)),
            ("MissingInputException", kind(Exc::WorkflowError)),
            ("RuleException", kind(Exc::WorkflowError)),
            ("WildcardError", kind(Exc::WildcardError)),
            ("WorkflowError", kind(Exc::WorkflowError)),
        ]
    },
    refused: &[],
};

pub(super) static PACKAGE: ModuleDef = ModuleDef {
    name: "snakemake",
    functions: &[],
    values: || vec![("__version__", "9.0.0".into())],
    refused: &[
        ("main", "run programs in the `shell:` of a rule"),
        ("snakemake", "use `module` for other workflows"),
    ],
};
