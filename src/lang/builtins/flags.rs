//! Functions that say something of a path: `temp("x")`, `directory("d")`, `ensure("x", non_empty=True)`.
//!
//! They only mark; a list is marked element by element, and what is a function of the job is marked when it is called.

use super::args::{int, text, wrong};
use super::types::path;
use crate::base::checksum::Checksum;
use crate::lang::index;
use crate::lang::methods;
use crate::lang::ops;
use crate::lang::raise::Raise;
use crate::lang::value::{Args, BoundMethod, Builtin, Home, Module, NamedList, Object, Type, Value};
use crate::lang::vm::Vm;
use crate::model;
use crate::model::flags::{Flag, Flags};
use crate::syntax::ast::BinaryOp;
use std::sync::Arc;

pub(super) static TABLE: &[Builtin] = &[
    Builtin { name: "ancient", call: |vm, args| simple(vm, args, Flag::Ancient) },
    Builtin { name: "before_update", call: |vm, args| simple(vm, args, Flag::BeforeUpdate) },
    Builtin { name: "directory", call: |vm, args| simple(vm, args, Flag::Directory) },
    Builtin { name: "ensure", call: ensure },
    Builtin { name: "local", call: |vm, args| simple(vm, args, Flag::Local) },
    Builtin { name: "multiext", call: multiext },
    Builtin { name: "pipe", call: |vm, args| simple(vm, args, Flag::Pipe) },
    Builtin { name: "protected", call: |vm, args| simple(vm, args, Flag::Protected) },
    Builtin { name: "repeat", call: repeat },
    Builtin { name: "report", call: report },
    Builtin { name: "service", call: |vm, args| simple(vm, args, Flag::Service) },
    Builtin { name: "temp", call: temp },
    Builtin { name: "temporary", call: temp },
    Builtin { name: "touch", call: |vm, args| simple(vm, args, Flag::Touch) },
    Builtin { name: "update", call: |vm, args| simple(vm, args, Flag::Update) },
];

/// `access.random(path)`: how a job reads a file, which means nothing where files are not copied.
pub(super) fn access() -> Value {
    static KINDS: [Builtin; 3] = [
        Builtin {
            name: "multi",
            call: |_, args| mark(args.one("access.multi")?, &Marks::default(), "access.multi"),
        },
        Builtin {
            name: "random",
            call: |_, args| mark(args.one("access.random")?, &Marks::default(), "access.random"),
        },
        Builtin {
            name: "sequential",
            call: |_, args| mark(args.one("access.sequential")?, &Marks::default(), "access.sequential"),
        },
    ];
    let members = KINDS.iter().map(|kind| (kind.name.into(), Value::Builtin(kind))).collect();
    Value::Module(Arc::new(Module { name: "access".into(), members, home: Home::Nowhere }))
}

/// A path with flags: for everything else it is the path.
#[derive(Debug)]
pub(crate) struct Flagged {
    /// A text or an object that stands for one.
    pub(crate) path: Value,
    pub(crate) marks: Marks,
}

/// What a call of a flag function says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) flags: Flags,
    /// `ensure(...)`, with values of the language: the loader makes them the rule's.
    pub(crate) ensure: Option<EnsureMark>,
    /// `report(...)`: what is said of the file, by name, also with values of the language.
    pub(crate) report: Option<Arc<[(&'static str, Value)]>>,
    /// `repeat(path, n)`: how often a benchmark runs the command.
    pub(crate) repeat: Option<u32>,
    /// The module's prefix stands in it already.
    pub(crate) prefixed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct EnsureMark {
    pub(crate) non_empty: bool,
    /// The checksum is a text or a function of the job.
    pub(crate) checksum: Option<(Checksum, Value)>,
}

impl Marks {
    fn of(flag: Flag) -> Marks {
        let mut marks = Marks::default();
        marks.flags.set(flag);
        marks
    }

    /// What both say; `outer` wins.
    pub(crate) fn with(&self, outer: &Marks) -> Marks {
        let mut all = self.clone();
        all.flags.add(&outer.flags);
        all.ensure = outer.ensure.clone().or(all.ensure);
        all.report = outer.report.clone().or(all.report);
        all.repeat = outer.repeat.or(all.repeat);
        all.prefixed |= outer.prefixed;
        all
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.flags.is_empty()
            && self.ensure.is_none()
            && self.report.is_none()
            && self.repeat.is_none()
            && !self.prefixed
    }

    /// Flags for all paths, except where a path has one that says the contrary.
    pub(crate) fn add_defaults(&mut self, defaults: &Marks) {
        for flag in defaults.flags.iter() {
            if !self.flags.iter().any(|own| own.contradicts(flag)) {
                self.flags.set(flag);
            }
        }
        self.ensure = self.ensure.take().or(defaults.ensure.clone());
        self.report = self.report.take().or(defaults.report.clone());
    }
}

impl Object for Flagged {
    fn type_name(&self) -> &'static str {
        "str"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let Some(text) = self.stand_in() else { return Ok(None) };
        // Files of rules can be opened as they are: `checkpoints.a.get().output[0].open()`.
        if name == "open" {
            return Ok(Some(Value::native("open", move |vm, args| {
                let positional = std::iter::once(text.clone()).chain(args.positional).collect();
                super::files::open(vm, Args { positional, named: args.named })
            })));
        }
        Ok(methods::find(Type::Str, name).map(|method| {
            Value::Method(Arc::new(BoundMethod { receiver: Some(text), of: Type::Str, method }))
        }))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        methods::names(Type::Str).map(Arc::from).collect()
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        index::get_item(vm, &self.stand_in().unwrap_or(Value::None), key)
    }

    fn text(&self) -> String {
        self.path.display().to_string()
    }

    fn repr(&self) -> String {
        self.path.repr().to_string()
    }

    fn stand_in(&self) -> Option<Value> {
        match &self.path {
            Value::Object(object) => object.stand_in(),
            text => Some(text.clone()),
        }
    }

    /// What is made of a marked path is no longer that path, so the marks are gone.
    fn binary(
        &self,
        vm: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        let (mine, other) = (self.path.display(), other.as_str()?);
        let (first, second) = if reflected { (other, &*mine) } else { (&*mine, other) };
        (op == BinaryOp::Add).then(|| ops::concat(vm, first, second))
    }

    fn inner(&self) -> Vec<Value> {
        let checksum = self.marks.ensure.as_ref().and_then(|ensure| ensure.checksum.as_ref());
        std::iter::once(&self.path).chain(checksum.map(|(_, value)| value)).cloned().collect()
    }

    fn to_model(&self) -> Option<model::value::Value> {
        self.path.to_model().ok()
    }
}

/// `flag(path)`
fn simple(_: &mut Vm, args: Args, flag: Flag) -> Result<Value, Raise> {
    mark(args.one(flag.name())?, &Marks::of(flag), flag.name())
}

/// `temp(path, group_jobs=False)`: where jobs of a group run is the executor's affair.
fn temp(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [path, _group_jobs] = args.take("temp", ["/path", "group_jobs"], 1)?;
    mark(path.unwrap_or(Value::None), &Marks::of(Flag::Temp), "temp")
}

fn ensure(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [path, non_empty, sha256, md5, sha1] =
        args.take("ensure", ["/path", "*non_empty", "*sha256", "*md5", "*sha1"], 1)?;
    let given = [(Checksum::Sha256, sha256), (Checksum::Md5, md5), (Checksum::Sha1, sha1)];
    let mut given = given.into_iter().filter_map(|(algorithm, value)| Some((algorithm, value?)));
    let checksum = given.next();
    if given.next().is_some() {
        return Err(Raise::value_error("`ensure` takes one checksum").help("remove the others"));
    }
    if let Some((algorithm, value)) = &checksum
        && value.as_str().is_none()
        && !value.is_callable()
    {
        return Err(wrong(value, "ensure", &format!("a text or a function as `{}`", algorithm.name())));
    }
    let non_empty = non_empty.is_some_and(|value| value.truth());
    if !non_empty && checksum.is_none() {
        return Err(Raise::value_error("`ensure` without a condition says nothing")
            .help("add `non_empty=True` or a checksum such as `sha256=\"...\"`"));
    }
    let ensure = Some(EnsureMark { non_empty, checksum });
    mark(path.unwrap_or(Value::None), &Marks { ensure, ..Marks::default() }, "ensure")
}

fn repeat(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [path, times] = args.take("repeat", ["/path", "n"], 2)?;
    let times = int(&times.unwrap_or(Value::None), "repeat")?;
    let Some(times) = u32::try_from(times).ok().filter(|times| (1..=10_000).contains(times)) else {
        return Err(Raise::value_error(format!("`repeat` takes a number from 1 to 10000, not {times}")));
    };
    mark(path.unwrap_or(Value::None), &Marks { repeat: Some(times), ..Marks::default() }, "repeat")
}

/// What `report` takes besides the path.
const REPORT_FIELDS: [&str; 6] = ["caption", "category", "subcategory", "labels", "patterns", "htmlindex"];

fn report(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [caption, category, subcategory, labels, patterns, htmlindex] = REPORT_FIELDS;
    let names = ["/path", caption, category, subcategory, labels, patterns, htmlindex];
    let [path, rest @ ..] = args.take("report", names, 1)?;
    let given = REPORT_FIELDS.into_iter().zip(rest);
    let said = given.filter_map(|(name, value)| Some((name, value.filter(|v| !matches!(v, Value::None))?)));
    let report = Some(said.collect());
    mark(path.unwrap_or(Value::None), &Marks { report, ..Marks::default() }, "report")
}

/// `multiext("a/b", ".x", ".y")`: paths with a common beginning; `multiext("a/b", x=".x")` gives them names.
fn multiext(_: &mut Vm, args: Args) -> Result<Value, Raise> {
    let Args { positional, named } = args;
    let mut positional = positional.into_iter();
    let prefix = path(&positional.next().unwrap_or(Value::None), "multiext")?;
    let joined = |extension: &Value| -> Result<Value, Raise> {
        let extension = text(extension, "multiext")?;
        if extension.contains('/') {
            let message = format!("`multiext`: the extension `{extension}` holds a `/`");
            return Err(Raise::value_error(message).help("move the directory to the first argument"));
        }
        Ok(Value::from(format!("{prefix}{extension}")))
    };
    let mut items = Vec::new();
    for extension in positional {
        items.push((None, joined(&extension)?));
    }
    if !items.is_empty() && !named.is_empty() {
        return Err(Raise::value_error("`multiext`: either all extensions have names or none"));
    }
    for (name, extension) in named {
        items.push((Some(name), joined(&extension)?));
    }
    if items.is_empty() {
        return Err(Raise::type_error("`multiext` needs at least one extension"));
    }
    if items.iter().all(|(name, _)| name.is_none()) {
        return Ok(Value::list(items.into_iter().map(|(_, value)| value).collect()));
    }
    Ok(Value::object(NamedList { type_name: "multiext", items, text: None }))
}

/// The value with marks: a path, each element of a list, or what a function will give.
fn mark(value: Value, marks: &Marks, function: &'static str) -> Result<Value, Raise> {
    if let Some(known) = value.downcast::<Flagged>() {
        return Ok(Value::object(Flagged { path: known.path.clone(), marks: known.marks.with(marks) }));
    }
    // `multiext` with names keeps them.
    if let Some(list) = value.downcast::<NamedList>() {
        let items =
            list.items.iter().map(|(name, value)| Ok((name.clone(), mark(value.clone(), marks, function)?)));
        let items = items.collect::<Result<_, Raise>>()?;
        return Ok(Value::object(NamedList { items, ..list.clone() }));
    }
    if value.is_callable() {
        return Ok(Value::object(Marked { function: value, marks: marks.clone(), name: function }));
    }
    let items = match &value {
        Value::Str(_) => None,
        Value::Object(object) if object.stand_in().is_some() => None,
        Value::Object(object) => object.items(),
        Value::Dict(_) => None,
        other => other.snapshot(),
    };
    match items {
        Some(items) => {
            let marked: Result<Vec<Value>, Raise> =
                items.into_iter().map(|item| mark(item, marks, function)).collect();
            Ok(Value::list(marked?))
        }
        None if path(&value, function).is_ok() => {
            Ok(Value::object(Flagged { path: value, marks: marks.clone() }))
        }
        None => Err(wrong(&value, function, "a path, a list of paths or a function")),
    }
}

/// `ancient(lambda wildcards: ...)`: marks what the function gives.
#[derive(Debug)]
struct Marked {
    function: Value,
    marks: Marks,
    name: &'static str,
}

impl Object for Marked {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn repr(&self) -> String {
        format!("<function {}>", self.name)
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Arc<str>> {
        self.function.parameters()
    }

    fn inner(&self) -> Vec<Value> {
        vec![self.function.clone()]
    }

    fn call(&self, vm: &mut Vm, args: Args) -> Result<Value, Raise> {
        // A function that gives a function is marked again: the caller goes on with it.
        let value = vm.call_value(&self.function, args, None)?;
        mark(value, &self.marks, self.name)
    }
}
