//! Names that mean the same here and in Python. What is not in these lists is left to Python.

use crate::lang::methods;
use crate::lang::modules::name_of_refused;
use crate::lang::value::{Flavour, Type, Value};
use crate::lang::vm::Vm;

/// Functions and types of Python that we have as it has them; generators do no work of their own here. Sets are not among
/// them, for their order is Python's alone: see `resolve`.
pub(super) const BUILTINS: &[&str] = &[
    "abs",
    "all",
    "any",
    "bool",
    "chr",
    "dict",
    "divmod",
    "enumerate",
    "float",
    "int",
    "isinstance",
    "iter",
    "len",
    "list",
    "max",
    "min",
    "next",
    "ord",
    "range",
    "repr",
    "reversed",
    "round",
    "sorted",
    "str",
    "sum",
    "tuple",
    "zip",
    "map",
    "filter",
    "expand",
    "collect",
    "__name__",
];

/// Exceptions that a body may raise and catch. Broad ones are not among those it may catch: they would take what only we
/// lack for what they wait for.
pub(super) const EXCEPTIONS: &[&str] = &[
    "AssertionError",
    "EnvironmentError",
    "FileExistsError",
    "FileNotFoundError",
    "IOError",
    "IndexError",
    "IsADirectoryError",
    "KeyError",
    "LookupError",
    "NotADirectoryError",
    "OSError",
    "PermissionError",
    "StopIteration",
    "ValueError",
    "ZeroDivisionError",
];

/// These it may only raise.
pub(super) const BROAD: &[&str] =
    &["AttributeError", "Exception", "NameError", "NotImplementedError", "RuntimeError", "TypeError"];

/// Members of modules. Those that change files are among them: see `effects`.
const MEMBERS: &[(&str, &[&str])] = &[
    (
        "os",
        &[
            "curdir", "devnull", "extsep", "fspath", "getcwd", "linesep", "link", "listdir", "makedirs",
            "mkdir", "name", "pardir", "pathsep", "remove", "rename", "replace", "rmdir", "sep", "symlink",
            "unlink",
        ],
    ),
    (
        "os.path",
        &[
            "abspath",
            "basename",
            "commonpath",
            "commonprefix",
            "dirname",
            "exists",
            "getsize",
            "isabs",
            "isdir",
            "isfile",
            "islink",
            "join",
            "lexists",
            "normpath",
            "realpath",
            "relpath",
            "sep",
            "split",
            "splitext",
        ],
    ),
    ("shutil", &["copy", "copy2", "copyfile", "copytree", "move", "rmtree"]),
    ("pathlib", &["Path", "PosixPath", "PurePath", "PurePosixPath"]),
    ("json", &["dump", "dumps", "load", "loads"]),
    (
        "re",
        &[
            "A",
            "ASCII",
            "DOTALL",
            "I",
            "IGNORECASE",
            "M",
            "MULTILINE",
            "S",
            "VERBOSE",
            "X",
            "compile",
            "escape",
            "findall",
            "fullmatch",
            "match",
            "search",
            "split",
            "sub",
            "subn",
        ],
    ),
    (
        "math",
        &[
            "ceil", "copysign", "e", "exp", "fabs", "floor", "fmod", "fsum", "gcd", "hypot", "inf",
            "isclose", "isfinite", "isinf", "isnan", "isqrt", "log", "log10", "log2", "nan", "pi", "pow",
            "prod", "sqrt", "trunc",
        ],
    ),
    ("glob", &["escape", "glob"]),
    ("itertools", &["chain", "combinations", "permutations", "product", "zip_longest"]),
    ("collections", &["Counter", "OrderedDict", "defaultdict"]),
    ("copy", &["copy", "deepcopy"]),
    ("string", &["ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "punctuation"]),
    ("sys", &["stderr", "stdout"]),
    ("snakemake.shell", &["shell"]),
    ("snakemake.io", &["expand"]),
];

/// Attributes of files, paths and matches; those of the built-in types are in their tables.
const ATTRIBUTES: &[&str] = &[
    "close",
    "closed",
    "flush",
    "name",
    "read",
    "readline",
    "readlines",
    "write",
    "writelines",
    "end",
    "group",
    "groups",
    "groupdict",
    "span",
    "start",
    "findall",
    "fullmatch",
    "match",
    "pattern",
    "search",
    "sub",
    "parent",
    "parents",
    "parts",
    "stem",
    "suffix",
    "suffixes",
    "absolute",
    "as_posix",
    "exists",
    "glob",
    "is_absolute",
    "is_dir",
    "is_file",
    "iterdir",
    "joinpath",
    "mkdir",
    "open",
    "read_text",
    "relative_to",
    "rename",
    "rglob",
    "rmdir",
    "symlink_to",
    "touch",
    "unlink",
    "with_name",
    "with_stem",
    "with_suffix",
    "write_text",
];

/// Methods that are not as in Python, or take something that is not.
const OTHER_METHODS: &[&str] = &["encode", "format_map", "hex", "as_integer_ratio", "to_bytes"];

/// Methods that change files.
pub(super) const CHANGING: &[&str] = &[
    "close",
    "flush",
    "mkdir",
    "open",
    "rename",
    "rmdir",
    "symlink_to",
    "touch",
    "unlink",
    "write",
    "write_text",
    "writelines",
];

/// Whether a member of a module is the same here.
pub(super) fn is_member(module: &str, name: &str) -> bool {
    MEMBERS.iter().any(|(known, names)| *known == module && names.contains(&name))
}

/// Whether code may import this module.
pub(super) fn is_module(module: &str) -> bool {
    MEMBERS.iter().any(|(known, _)| *known == module)
}

/// Whether an attribute of a value that is not known yet is the same here.
pub(super) fn is_attribute(name: &str) -> bool {
    let types = [Type::Str, Type::List, Type::Tuple, Type::Dict, Type::Set, Type::FrozenSet];
    let is_method = || types.into_iter().any(|of| methods::find(of, name).is_some());
    ATTRIBUTES.contains(&name) || (!OTHER_METHODS.contains(&name) && is_method())
}

/// The member of a module that a value is: what `from os.path import join` gives.
pub(super) fn is_known_member(vm: &Vm<'_>, value: &Value) -> bool {
    if let Some(name) = name_of_refused(value) {
        return name.rsplit_once('.').is_some_and(|(module, member)| is_member(module, member));
    }
    MEMBERS.iter().any(|(module, names)| {
        let Some(Value::Module(module)) = vm.lookup_module(module) else { return false };
        names.iter().filter_map(|name| module.members.get(*name)).any(|member| match (member, value) {
            (Value::Builtin(a), Value::Builtin(b)) => std::ptr::eq(*a, *b),
            (Value::Type(a), Value::Type(b)) => a == b,
            _ => false,
        })
    })
}

/// Values are looked at as deep as this.
const MAX_DEPTH: usize = 50;
/// Larger globals are left to Python: each job would have a copy.
const MAX_PARTS: usize = 200_000;

/// Whether a value is data and nothing else; then whether it can be changed.
pub(super) fn plain(value: &Value) -> Option<bool> {
    let (mut parts, mut can_change) = (0, false);
    let mut todo = vec![(value.clone(), 0)];
    while let Some((value, depth)) = todo.pop() {
        parts += 1;
        if depth > MAX_DEPTH || parts > MAX_PARTS {
            return None;
        }
        let items = match &value {
            Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::Range(_) => continue,
            // A path, or a text with a flag, which is the same text to Python.
            Value::Object(object) if matches!(object.stand_in(), Some(Value::Str(_))) => continue,
            Value::List(_) => value.snapshot()?,
            Value::Tuple(tuple) if tuple.1.is_none() => value.snapshot()?,
            Value::Dict(dict) if matches!(dict.1, Flavour::Plain | Flavour::Ordered | Flavour::Counter) => {
                dict.0.read(|map| map.iter().flat_map(|(key, value)| [key.value(), value.clone()]).collect())
            }
            _ => return None,
        };
        can_change |= !matches!(value, Value::Tuple(_));
        todo.extend(items.into_iter().map(|item| (item, depth + 1)));
    }
    Some(can_change)
}
