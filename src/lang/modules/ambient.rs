//! What Snakemake has imported before a Snakefile begins, and which its users therefore never import.

use super::placeholder;
use crate::lang::value::Value;

/// A name, the module it is of, and the member of it; without one it is the module itself. Python code of a job gets the
/// same from `_IMPORTED` in `rulemake_job.py`.
const NAMES: &[(&str, &str, Option<&str>)] = &[
    ("Callable", "typing", Some("Callable")),
    ("Dict", "typing", Some("Dict")),
    ("Iterable", "typing", Some("Iterable")),
    ("Iterator", "typing", Some("Iterator")),
    ("List", "typing", Some("List")),
    ("Mapping", "typing", Some("Mapping")),
    ("Optional", "typing", Some("Optional")),
    ("OrderedDict", "collections", Some("OrderedDict")),
    ("Path", "pathlib", Some("Path")),
    ("Set", "typing", Some("Set")),
    ("ThreadPoolExecutor", "concurrent.futures", Some("ThreadPoolExecutor")),
    ("Union", "typing", Some("Union")),
    ("chain", "itertools", Some("chain")),
    ("copy", "copy", None),
    ("dataclass", "dataclasses", Some("dataclass")),
    ("datetime", "datetime", Some("datetime")),
    ("field", "dataclasses", Some("field")),
    ("filterfalse", "itertools", Some("filterfalse")),
    ("hashlib", "hashlib", None),
    ("logger", "snakemake.logging", Some("logger")),
    ("namedtuple", "collections", Some("namedtuple")),
    ("os", "os", None),
    ("partial", "functools", Some("partial")),
    ("platform", "platform", None),
    ("re", "re", None),
    ("snakemake", "snakemake", None),
    ("subprocess", "subprocess", None),
    ("sys", "sys", None),
    ("tarfile", "tarfile", None),
    ("tempfile", "tempfile", None),
    ("threading", "threading", None),
];

/// Whether a name is there without an import.
pub(crate) fn is_ambient(name: &str) -> bool {
    NAMES.iter().any(|(known, ..)| *known == name)
}

/// These names with what an import gives: a part of one of `modules`, or what stands for one that is not covered.
pub(crate) fn ambient(modules: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let value = |module: &str, member: Option<&str>| {
        let found = modules.iter().find(|(name, _)| *name == module).map(|(_, module)| module);
        match (found, member) {
            (Some(module), None) => module.clone(),
            (None, None) => placeholder(module),
            (found, Some(member)) => match found {
                Some(Value::Module(found)) => found.members.get(member).cloned(),
                _ => None,
            }
            .unwrap_or_else(|| placeholder(&format!("{module}.{member}"))),
        }
    };
    NAMES.iter().map(|(name, module, member)| (*name, value(module, *member))).collect()
}
