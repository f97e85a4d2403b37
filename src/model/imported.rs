//! What Snakemake has imported before a Snakefile begins, and which its users therefore never import. The evaluator
//! gives these names, and so does the Python that runs a body.

/// A name, the module it is of, and the member of it; without one it is the module itself. Sorted by name.
pub(crate) const IMPORTED: &[(&str, &str, Option<&str>)] = &[
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
    ("WorkflowError", "snakemake.exceptions", Some("WorkflowError")),
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
pub(crate) fn is_imported(name: &str) -> bool {
    IMPORTED.iter().any(|(known, ..)| *known == name)
}
