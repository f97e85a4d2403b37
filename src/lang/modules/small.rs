//! Modules of which Rulefiles need one or two functions.

use super::{HostType, ModuleDef, datetime};
use crate::lang::builtins;
use crate::lang::builtins::args::{int, text};
use crate::lang::builtins::sequence::sort;
use crate::lang::compare;
use crate::lang::object::Object;
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::{PathKind, join_path};
use crate::lang::value::{Args, Builtin, DictMap, Key, Shared, TextKey, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

const CHANGES: &str = "change files in the actions of a rule";
const NOT_NOW: &str =
    "a Rulefile gives the same workflow every time: take the value from `config`, or from a rule";

pub(super) static BISECT: ModuleDef = ModuleDef {
    name: "bisect",
    functions: &[
        Builtin { name: "bisect", call: |vm, args| bisect(vm, args, "bisect", true) },
        Builtin { name: "bisect_left", call: |vm, args| bisect(vm, args, "bisect_left", false) },
        Builtin { name: "bisect_right", call: |vm, args| bisect(vm, args, "bisect_right", true) },
    ],
    values: super::no_values,
    refused: &[("insort", "append to the list and sort it")],
};

pub(super) static GETPASS: ModuleDef = ModuleDef {
    name: "getpass",
    functions: &[Builtin { name: "getuser", call: getuser }],
    values: super::no_values,
    refused: &[("getpass", "take the value from `config`")],
};

pub(super) static HEAPQ: ModuleDef = ModuleDef {
    name: "heapq",
    functions: &[
        Builtin { name: "nlargest", call: |vm, args| first_few(vm, args, "nlargest", true) },
        Builtin { name: "nsmallest", call: |vm, args| first_few(vm, args, "nsmallest", false) },
    ],
    values: super::no_values,
    refused: &[("heapify", "sort the list"), ("heappop", "sort the list"), ("heappush", "sort the list")],
};

pub(super) static IO: ModuleDef = ModuleDef {
    name: "io",
    functions: &[
        Builtin {
            name: "StringIO",
            call: |_, args| {
                let [initial] = args.take("StringIO", ["initial_value"], 0)?;
                Ok(builtins::text_reader(&initial.map_or(Ok("".into()), |value| text(&value, "StringIO"))?))
            },
        },
        Builtin { name: "open", call: builtins::open },
    ],
    values: super::no_values,
    refused: &[("BytesIO", "keep data as text: `io.StringIO`")],
};

pub(super) static MULTIPROCESSING: ModuleDef = ModuleDef {
    name: "multiprocessing",
    functions: &[Builtin {
        name: "cpu_count",
        call: |vm, args| args.none("cpu_count").map(|()| Value::Int(vm.processors())),
    }],
    values: super::no_values,
    refused: &[("Pool", "let rules run side by side"), ("Process", "run programs in the `shell:` of a rule")],
};

pub(super) static PLATFORM: ModuleDef = ModuleDef {
    name: "platform",
    functions: &[
        Builtin {
            name: "machine",
            call: |_, args| args.none("machine").map(|()| std::env::consts::ARCH.into()),
        },
        Builtin {
            name: "system",
            call: |_, args| {
                args.none("system")?;
                Ok(if cfg!(target_os = "macos") { "Darwin" } else { "Linux" }.into())
            },
        },
    ],
    values: super::no_values,
    refused: &[("node", NOT_NOW), ("release", NOT_NOW), ("version", NOT_NOW)],
};

pub(super) static SHUTIL: ModuleDef = ModuleDef {
    name: "shutil",
    functions: &[Builtin { name: "which", call: which }],
    values: super::no_values,
    refused: &[
        ("copy", CHANGES),
        ("copy2", CHANGES),
        ("copyfile", CHANGES),
        ("copytree", CHANGES),
        ("disk_usage", NOT_NOW),
        ("make_archive", CHANGES),
        ("move", CHANGES),
        ("rmtree", CHANGES),
        ("unpack_archive", CHANGES),
    ],
};

pub(super) static TEMPFILE: ModuleDef = ModuleDef {
    name: "tempfile",
    functions: &[Builtin { name: "gettempdir", call: gettempdir }],
    values: super::no_values,
    refused: &[
        ("NamedTemporaryFile", "name a file as `temp(...)` output of a rule"),
        ("TemporaryDirectory", "name a directory as `temp(directory(...))` output of a rule"),
        ("mkdtemp", "name a directory as `temp(directory(...))` output of a rule"),
        ("mkstemp", "name a file as `temp(...)` output of a rule"),
    ],
};

pub(super) static TIME: ModuleDef = ModuleDef {
    name: "time",
    functions: &[
        Builtin { name: "strftime", call: datetime::strftime_now },
        Builtin { name: "time", call: datetime::seconds_now },
    ],
    values: super::no_values,
    refused: &[
        ("asctime", NOT_NOW),
        ("ctime", NOT_NOW),
        ("localtime", NOT_NOW),
        ("monotonic", NOT_NOW),
        ("perf_counter", NOT_NOW),
        ("sleep", "wait in the `shell:` of a rule"),
    ],
};

pub(super) static TYPES: ModuleDef = ModuleDef {
    name: "types",
    functions: &[],
    values: || vec![("SimpleNamespace", Value::Type(Type::Host(&NAMESPACE)))],
    refused: &[("ModuleType", "import the module by its name")],
};

fn bisect(vm: &mut Vm, args: Args, name: &str, right: bool) -> Result<Value, Raise> {
    let [list, wanted, low, high, key] = args.take(name, ["a", "x", "lo", "hi", "*key"], 2)?;
    let items = vm.collect(&list.unwrap_or(Value::None))?;
    let wanted = wanted.unwrap_or(Value::None);
    let end = |value: Option<Value>, default: usize| match value {
        None | Some(Value::None) => Ok(default),
        Some(value) => {
            usize::try_from(int(&value, name)?).map_err(|_| Raise::value_error("lo must be non-negative"))
        }
    };
    let (mut low, mut high) = (end(low, 0)?, end(high, items.len())?.min(items.len()));
    while low < high {
        let middle = low.midpoint(high);
        let item = match &key {
            None | Some(Value::None) => items[middle].clone(),
            Some(key) => vm.call_value(key, Args::positional(vec![items[middle].clone()]), None)?,
        };
        let before = if right {
            !compare::is_less(vm, &wanted, &item)?
        } else {
            compare::is_less(vm, &item, &wanted)?
        };
        if before {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(Value::Int(low as i64))
}

fn first_few(vm: &mut Vm, args: Args, name: &str, reverse: bool) -> Result<Value, Raise> {
    let [count, source, key] = args.take(name, ["n", "iterable", "key"], 2)?;
    let count = int(&count.unwrap_or(Value::None), name)?.max(0) as usize;
    let items = vm.collect(&source.unwrap_or(Value::None))?;
    let mut sorted = sort(vm, items, key, reverse)?;
    sorted.truncate(count);
    Ok(Value::list(sorted))
}

fn getuser(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    args.none("getuser")?;
    let user = ["LOGNAME", "USER", "LNAME", "USERNAME"].into_iter().find_map(|name| vm.variable(name));
    user.map(Value::Str).ok_or_else(|| {
        Raise::new(Exc::OSError, "no variable of the environment says who the user is")
            .help("set `USER`, or take the value from `config`")
    })
}

fn gettempdir(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    args.none("gettempdir")?;
    let folder = ["TMPDIR", "TEMP", "TMP"]
        .into_iter()
        .filter_map(|name| vm.variable(name))
        .find(|dir| !dir.is_empty());
    Ok(folder.map_or_else(|| "/tmp".into(), Value::Str))
}

/// Where a program is, by the variable `PATH`; not whether it can be run.
fn which(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [program, _, path] = args.take("which", ["cmd", "mode", "path"], 1)?;
    let program = builtins::path(&program.unwrap_or(Value::None), "which")?;
    let folders = match path {
        None | Some(Value::None) => vm.variable("PATH").unwrap_or_default(),
        Some(path) => builtins::path(&path, "which")?,
    };
    let places: Vec<String> = match program.contains('/') {
        true => vec![program.to_string()],
        false => {
            folders.split(':').filter(|dir| !dir.is_empty()).map(|dir| join_path(dir, &program)).collect()
        }
    };
    let found = places.into_iter().find(|place| vm.path_kind(place) == PathKind::File);
    Ok(found.map_or(Value::None, Value::from))
}

// ---- types.SimpleNamespace

static NAMESPACE: HostType = HostType {
    name: "types.SimpleNamespace",
    construct: |_, args| {
        let named = args.named.into_iter().map(|(name, value)| (Key::text(name), value)).collect();
        match args.positional.is_empty() {
            true => Ok(Value::object(Namespace { fields: Shared::new(named) })),
            false => Err(Raise::type_error("`SimpleNamespace` takes named values only")),
        }
    },
    ..HostType::PLAIN
};

/// A thing with attributes.
struct Namespace {
    fields: Shared<DictMap>,
}

impl std::fmt::Debug for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Namespace({})", self.fields.read(DictMap::len))
    }
}

impl Object for Namespace {
    fn type_name(&self) -> &'static str {
        NAMESPACE.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&NAMESPACE)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(self.fields.read(|fields| fields.get(&TextKey(name)).cloned()))
    }

    fn set_attribute(&self, vm: &mut Vm, name: &str, value: Value) -> Result<(), Raise> {
        vm.budget.allocate(2 * size_of::<Value>() as u64)?;
        let old = self.fields.write(|fields| fields.insert(Key::text(name), value))?;
        drop(old);
        Ok(())
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        self.fields.read(|fields| fields.keys().map(|key| key.get().display()).collect())
    }

    fn shape(&self) -> Option<(String, Value, String)> {
        Some(("namespace(**".into(), Value::dict(self.fields.read(Clone::clone)), ")".into()))
    }

    fn inner(&self) -> Vec<Value> {
        self.fields.read(|fields| fields.values().cloned().collect())
    }

    fn freeze(&self) {
        self.fields.freeze();
    }

    fn release(&mut self) -> Vec<Value> {
        self.fields.take().into_iter().map(|(_, value)| value).collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        crate::lang::teardown::dismantle(self.release());
    }
}
