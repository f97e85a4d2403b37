//! The module `pathlib`. A path object is accepted wherever a path is; looks at files are recorded.

use super::fnmatch::Pattern;
use super::os_path::with_home;
use super::{HostType, ModuleDef, os};
use crate::lang::action;
use crate::lang::builtins;
use crate::lang::builtins::args::{text, wrong};
use crate::lang::object::Object;
use crate::lang::raise::{Exc, Raise};
use crate::lang::reads::{GlobRules, PathKind, join_path};
use crate::lang::value::{Args, Builtin, Method, Type, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::BinaryOp;
use std::sync::Arc;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "pathlib",
    functions: &[],
    values: || {
        vec![
            ("Path", Value::Type(Type::Host(&PATH))),
            ("PosixPath", Value::Type(Type::Host(&POSIX_PATH))),
            ("PurePath", Value::Type(Type::Host(&PURE_PATH))),
            ("PurePosixPath", Value::Type(Type::Host(&PURE_POSIX_PATH))),
        ]
    },
    refused: &[("PureWindowsPath", "use `PurePath`"), ("WindowsPath", "use `Path`")],
};

static PURE_PATH: HostType = HostType {
    name: "PurePath",
    construct: |vm, args| construct(vm, args, true),
    methods: &[
        Method {
            name: "as_posix",
            call: |_, me, args| args.none("as_posix").and_then(|()| Ok(Value::Str(this(me)?.text.clone()))),
        },
        Method { name: "as_uri", call: as_uri },
        Method {
            name: "is_absolute",
            call: |_, me, args| {
                args.none("is_absolute").and_then(|()| Ok(Value::Bool(this(me)?.is_absolute())))
            },
        },
        Method {
            name: "is_relative_to",
            call: |vm, me, args| Ok(Value::Bool(below(vm, me, args)?.is_some())),
        },
        Method { name: "joinpath", call: joinpath },
        Method { name: "match", call: matches },
        Method { name: "relative_to", call: relative_to },
        Method { name: "with_name", call: with_name },
        Method { name: "with_stem", call: with_stem },
        Method { name: "with_suffix", call: with_suffix },
    ],
    ..HostType::PLAIN
};

static PURE_POSIX_PATH: HostType = HostType {
    name: "PurePosixPath",
    parent: Some(Type::Host(&PURE_PATH)),
    construct: |vm, args| construct(vm, args, true),
    includes: |value| value.downcast::<PathObject>().is_some(),
    ..HostType::PLAIN
};

static PATH: HostType = HostType {
    name: "Path",
    parent: Some(Type::Host(&PURE_PATH)),
    construct: |vm, args| construct(vm, args, false),
    statics: &[Builtin { name: "cwd", call: cwd }, Builtin { name: "home", call: home }],
    methods: &[
        Method {
            name: "absolute",
            call: |vm, me, args| args.none("absolute").and_then(|()| to_absolute(vm, me)),
        },
        Method { name: "chmod", call: |_, _, _| Err(no_changes("chmod")) },
        Method {
            name: "exists",
            call: |vm, me, args| is_kind(vm, me, args, |kind| kind != PathKind::Absent),
        },
        Method { name: "expanduser", call: expanduser },
        Method { name: "glob", call: |vm, me, args| glob(vm, me, args, "") },
        Method {
            name: "is_dir",
            call: |vm, me, args| is_kind(vm, me, args, |kind| kind == PathKind::Directory),
        },
        Method { name: "is_file", call: |vm, me, args| is_kind(vm, me, args, |kind| kind == PathKind::File) },
        Method { name: "is_symlink", call: is_symlink },
        Method { name: "iterdir", call: iterdir },
        Method { name: "mkdir", call: |vm, me, args| change(vm, me, args, "mkdir") },
        Method { name: "open", call: open },
        Method {
            name: "read_bytes",
            call: |_, _, _| {
                Err(Raise::unsupported(
                    "`Path.read_bytes` is not available in Rulefiles",
                    "read the file as text: `read_text()`",
                ))
            },
        },
        Method { name: "read_text", call: read_text },
        Method { name: "rename", call: |vm, me, args| change(vm, me, args, "rename") },
        Method { name: "replace", call: |vm, me, args| change(vm, me, args, "replace") },
        Method { name: "resolve", call: resolve },
        Method { name: "rglob", call: |vm, me, args| glob(vm, me, args, "**/") },
        Method { name: "rmdir", call: |vm, me, args| change(vm, me, args, "rmdir") },
        Method {
            name: "stat",
            call: |vm, me, args| args.none("stat").and_then(|()| os::stat(vm, &this(me)?.text)),
        },
        Method { name: "symlink_to", call: |vm, me, args| change(vm, me, args, "symlink_to") },
        Method { name: "touch", call: |vm, me, args| change(vm, me, args, "touch") },
        Method { name: "unlink", call: |vm, me, args| change(vm, me, args, "unlink") },
        Method { name: "write_text", call: |vm, me, args| change(vm, me, args, "write_text") },
    ],
    ..HostType::PLAIN
};

static POSIX_PATH: HostType = HostType {
    name: "PosixPath",
    parent: Some(Type::Host(&PATH)),
    construct: |vm, args| construct(vm, args, false),
    ..HostType::PLAIN
};

fn no_changes(name: &str) -> Raise {
    Raise::unsupported(
        format!("`Path.{name}` is not available in Rulefiles"),
        "evaluating a Rulefile changes no files: do it in the `shell:` of a rule",
    )
}

/// What only code can do that runs as a job.
fn change(vm: &mut Vm, me: &Value, mut args: Args, name: &'static str) -> Result<Value, Raise> {
    let function = vm.acts.and_then(|_| action::function(&format!("pathlib.Path.{name}")));
    let path = this(me)?;
    match (function, name) {
        (Some(function), _) => {
            args.positional.insert(0, Value::Str(path.text.clone()));
            match function(vm, args)? {
                // A path where it lies now.
                Value::Str(now) => Ok(path.like(&now)),
                other => Ok(other),
            }
        }
        (None, "mkdir") => super::not_made(
            vm,
            "Path.mkdir",
            Args { positional: vec![Value::Str(path.text.clone())], ..args },
        ),
        (None, _) => Err(no_changes(name)),
    }
}

/// A path in pathlib's normal form: no `.`, no doubled or trailing `/`; `..` stays.
#[derive(Debug)]
struct PathObject {
    text: Arc<str>,
    /// Only the name, without the files: `PurePath`.
    pure: bool,
}

fn normal(path: &str) -> String {
    let slashes = path.len() - path.trim_start_matches('/').len();
    let start = match slashes {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let joined = parts.join("/");
    if slashes == 0 && joined.is_empty() { ".".into() } else { format!("{start}{joined}") }
}

/// A `Path`, for other rooms.
pub(crate) fn path_object(path: &str) -> Value {
    PathObject::value(path, false)
}

impl PathObject {
    fn value(path: &str, pure: bool) -> Value {
        Value::object(PathObject { text: normal(path).into(), pure })
    }

    /// Another path of the same type.
    fn like(&self, path: &str) -> Value {
        PathObject::value(path, self.pure)
    }

    fn is_absolute(&self) -> bool {
        self.text.starts_with('/')
    }

    fn anchor(&self) -> &str {
        &self.text[..self.text.len() - self.text.trim_start_matches('/').len()]
    }

    /// The parts without the anchor.
    fn names(&self) -> Vec<&str> {
        match &self.text[self.anchor().len()..] {
            "" | "." => Vec::new(),
            names => names.split('/').collect(),
        }
    }

    fn parts(&self) -> Vec<&str> {
        Some(self.anchor()).filter(|anchor| !anchor.is_empty()).into_iter().chain(self.names()).collect()
    }

    fn name(&self) -> &str {
        self.names().last().copied().unwrap_or("")
    }

    /// Name up to the last dot, and from there.
    fn stem_and_suffix(&self) -> (&str, &str) {
        let name = self.name();
        match name.rfind('.') {
            Some(at) if at > 0 && at < name.len() - 1 => name.split_at(at),
            _ => (name, ""),
        }
    }

    fn suffixes(&self) -> Vec<Value> {
        let name = self.name();
        if name.ends_with('.') {
            return Vec::new();
        }
        name.trim_start_matches('.').split('.').skip(1).map(|suffix| format!(".{suffix}").into()).collect()
    }

    /// The path without its last `count` names.
    fn up(&self, count: usize) -> Value {
        let names = self.names();
        let kept = names.len().saturating_sub(count);
        self.like(&format!("{}{}", self.anchor(), names[..kept].join("/")))
    }

    fn renamed(&self, name: &str) -> Result<Value, Raise> {
        if self.name().is_empty() {
            return Err(Raise::value_error(format!("`{}` has an empty name", self.text)));
        }
        if name.is_empty() || name == "." || name.contains('/') {
            return Err(Raise::value_error(format!("`{name}` is not the name of a file")));
        }
        let names = self.names();
        let folder: String = names[..names.len() - 1].iter().map(|name| format!("{name}/")).collect();
        Ok(self.like(&format!("{}{folder}{name}", self.anchor())))
    }
}

impl Object for PathObject {
    fn type_name(&self) -> &'static str {
        if self.pure { PURE_POSIX_PATH.name } else { POSIX_PATH.name }
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(if self.pure { &PURE_POSIX_PATH } else { &POSIX_PATH })
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(Some(match name {
            "anchor" | "root" => self.anchor().into(),
            "drive" => "".into(),
            "name" => self.name().into(),
            "parent" => self.up(1),
            "parents" => Value::tuple((1..=self.names().len()).map(|count| self.up(count)).collect()),
            "parts" => Value::tuple(self.parts().into_iter().map(Value::from).collect()),
            "stem" => self.stem_and_suffix().0.into(),
            "suffix" => self.stem_and_suffix().1.into(),
            "suffixes" => Value::list(self.suffixes()),
            _ => return Ok(None),
        }))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        let own = ["anchor", "name", "parent", "parents", "parts", "stem", "suffix", "suffixes"];
        let of = self.host_type().map(Type::Host).into_iter();
        own.into_iter().chain(of.flat_map(crate::lang::methods::names)).map(Arc::from).collect()
    }

    fn text(&self) -> String {
        self.text.to_string()
    }

    fn repr(&self) -> String {
        format!("{}({})", self.type_name(), Value::Str(self.text.clone()).repr())
    }

    fn stand_in(&self) -> Option<Value> {
        Some(Value::Str(self.text.clone()))
    }

    fn sort_key(&self) -> Option<Value> {
        Some(Value::tuple(self.parts().into_iter().map(Value::from).collect()))
    }

    fn binary(
        &self,
        vm: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        if op != BinaryOp::Div {
            return None;
        }
        let other = builtins::path(other, "Path").ok()?;
        let joined = if reflected { join_path(&other, &self.text) } else { join_path(&self.text, &other) };
        Some(vm.budget.allocate(joined.len() as u64).map(|()| self.like(&joined)))
    }
}

fn this(me: &Value) -> Result<&PathObject, Raise> {
    me.downcast::<PathObject>().ok_or_else(|| wrong(me, "Path", "a path object"))
}

fn join(vm: &mut Vm, start: &str, parts: &[Value]) -> Result<String, Raise> {
    let mut joined = start.to_string();
    for part in parts {
        joined = join_path(&joined, &builtins::path(part, "Path")?);
        vm.budget.allocate(joined.len() as u64)?;
    }
    Ok(joined)
}

fn construct(vm: &mut Vm, args: Args, pure: bool) -> Result<Value, Raise> {
    let parts = args.all_positional("Path")?;
    Ok(PathObject::value(&join(vm, "", &parts)?, pure))
}

fn cwd(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    args.none("cwd")?;
    Ok(PathObject::value(&vm.absolute_root()?, false))
}

fn home(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    args.none("home")?;
    Ok(PathObject::value(&with_home(vm, "~"), false))
}

fn joinpath(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let parts = args.all_positional("joinpath")?;
    let path = this(me)?;
    Ok(path.like(&join(vm, &path.text, &parts)?))
}

fn as_uri(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("as_uri")?;
    let path = this(me)?;
    if !path.is_absolute() {
        return Err(Raise::value_error("a relative path can't be expressed as a file URI"));
    }
    Ok(format!("file://{}", super::urllib::quoted(&path.text, "/")).into())
}

/// What follows the other path; `None` when this one does not lie below it.
fn below(vm: &mut Vm, me: &Value, args: Args) -> Result<Option<Value>, Raise> {
    let parts = args.all_positional("relative_to")?;
    if parts.is_empty() {
        return Err(Raise::type_error("`relative_to` needs a path"));
    }
    let path = this(me)?;
    let other = PathObject { text: normal(&join(vm, "", &parts)?).into(), pure: path.pure };
    let (mine, theirs) = (path.parts(), other.parts());
    Ok(mine.strip_prefix(theirs.as_slice()).map(|rest| path.like(&rest.join("/"))))
}

fn relative_to(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let shown = args.positional.first().map(Value::display).unwrap_or_default();
    below(vm, me, args)?.ok_or_else(|| {
        Raise::value_error(format!("`{}` does not lie below `{shown}`", me.display()))
            .help("`os.path.relpath(path, start)` goes up with `..` where it must")
    })
}

fn matches(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let pattern = normal(&builtins::path(&args.one("match")?, "match")?);
    let pattern = PathObject { text: pattern.into(), pure: true };
    let (mine, wanted) = (this(me)?.parts(), pattern.parts());
    if wanted.is_empty() {
        return Err(Raise::value_error("empty pattern"));
    }
    let whole = pattern.is_absolute() && mine.len() != wanted.len();
    let Some(start) = mine.len().checked_sub(wanted.len()).filter(|_| !whole) else {
        return Ok(Value::Bool(false));
    };
    for (name, pattern) in mine[start..].iter().zip(wanted) {
        if !Pattern::new(pattern)?.matches(vm, name)? {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn with_name(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let name = text(&args.one("with_name")?, "with_name")?;
    this(me)?.renamed(&name)
}

fn with_stem(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let stem = text(&args.one("with_stem")?, "with_stem")?;
    let path = this(me)?;
    path.renamed(&format!("{stem}{}", path.stem_and_suffix().1))
}

fn with_suffix(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let suffix = text(&args.one("with_suffix")?, "with_suffix")?;
    let fits = suffix.is_empty() || (suffix.starts_with('.') && &*suffix != "." && !suffix.contains('/'));
    if !fits {
        return Err(Raise::value_error(format!("`{suffix}` is not a suffix: it starts with a dot")));
    }
    let path = this(me)?;
    path.renamed(&format!("{}{suffix}", path.stem_and_suffix().0))
}

// ---- with the file system

fn is_kind(vm: &mut Vm, me: &Value, args: Args, test: fn(PathKind) -> bool) -> Result<Value, Raise> {
    args.none("exists")?;
    Ok(Value::Bool(test(vm.path_kind(&this(me)?.text))))
}

fn is_symlink(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("is_symlink")?;
    Ok(Value::Bool(vm.link_kind(&this(me)?.text).1))
}

fn to_absolute(vm: &mut Vm, me: &Value) -> Result<Value, Raise> {
    let path = this(me)?;
    if path.is_absolute() {
        return Ok(me.clone());
    }
    let root = vm.absolute_root()?;
    Ok(path.like(&join_path(&root, &path.text)))
}

fn resolve(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [_] = args.take("resolve", ["strict"], 0)?;
    let path = this(me)?;
    Ok(path.like(&vm.real_path(&path.text)?))
}

fn expanduser(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("expanduser")?;
    let path = this(me)?;
    Ok(path.like(&with_home(vm, &path.text)))
}

fn iterdir(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("iterdir")?;
    let path = this(me)?;
    let names = vm.list_directory(&path.text)?;
    vm.budget.allocate_items(6 * names.len() as u64)?;
    let inside = |name: String| path.like(&join_path(&path.text, &name));
    Ok(Value::iterator("generator", names.into_iter().map(inside).collect()))
}

fn glob(vm: &mut Vm, me: &Value, args: Args, prefix: &str) -> Result<Value, Raise> {
    let pattern = text(&args.one("glob")?, "glob")?;
    if pattern.starts_with('/') {
        let message = format!("`{pattern}` is not a pattern below a path");
        return Err(Raise::new(Exc::NotImplementedError, message));
    }
    if pattern.is_empty() {
        return Err(Raise::value_error(format!("`{pattern}` is not a pattern below a path")));
    }
    let path = this(me)?;
    let start = if &*path.text == "." { "" } else { &path.text };
    let rules = GlobRules { recursive: true, hidden: true, directories: true };
    let found = vm.glob(start, &format!("{prefix}{pattern}"), rules)?;
    vm.budget.allocate_items(6 * found.len() as u64)?;
    let inside = |found: &String| path.like(&join_path(&path.text, found));
    Ok(Value::iterator("generator", found.iter().map(inside).collect()))
}

fn open(vm: &mut Vm, me: &Value, mut args: Args) -> Result<Value, Raise> {
    args.positional.insert(0, me.clone());
    builtins::open(vm, args)
}

fn read_text(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [encoding, _] = args.take("read_text", ["encoding", "errors"], 0)?;
    let named = encoding.into_iter().map(|encoding| ("encoding".into(), encoding)).collect();
    let file = builtins::open(vm, Args { positional: vec![me.clone()], named })?;
    let read = vm.get_attr(&file, "read")?;
    vm.call_value(&read, Args::default(), None)
}
