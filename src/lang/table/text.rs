//! `.str`: methods of texts on every cell of a column.

use crate::lang::builtins::args::{int, optional_int, text, wrong};
use crate::lang::index;
use crate::lang::methods;
use crate::lang::modules::re::{Expression, Reach};
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::arrange;
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::index::Index;
use crate::lang::table::methods::shared::{given, is_true};
use crate::lang::table::objects::{Array, DataFrame, Labels, Series, as_column};
use crate::lang::value::{Args, Native, Object, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// `series.str` or `index.str`
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    labelled: Labelled,
    of_index: bool,
}

type TextMethod = fn(&mut Vm, &Texts, Args) -> Result<Value, Raise>;

/// Methods that differ from those of a single text.
const METHODS: &[(&str, TextMethod)] = &[
    ("cat", cat),
    ("contains", |vm, me, args| matching(vm, me, args, "contains", Reach::Anywhere)),
    ("count", count),
    ("extract", extract),
    ("findall", findall),
    ("fullmatch", |vm, me, args| matching(vm, me, args, "fullmatch", Reach::Whole)),
    ("get", get),
    ("join", join),
    ("len", length),
    ("match", |vm, me, args| matching(vm, me, args, "match", Reach::Start)),
    ("pad", pad),
    ("replace", replace),
    ("rsplit", |vm, me, args| split(vm, me, args, "rsplit")),
    ("slice", slice),
    ("split", |vm, me, args| split(vm, me, args, "split")),
];

/// Methods of a single text that do on every cell what they do there.
const SAME: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "endswith",
    "find",
    "isalnum",
    "isalpha",
    "isdecimal",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "istitle",
    "isupper",
    "ljust",
    "lower",
    "lstrip",
    "removeprefix",
    "removesuffix",
    "rfind",
    "rjust",
    "rstrip",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];

impl Texts {
    pub(crate) fn of_series(labelled: &Labelled) -> Result<Texts, Raise> {
        Texts::of(labelled.clone(), false)
    }

    pub(crate) fn of_index(index: &Arc<Index>) -> Result<Texts, Raise> {
        Texts::of(Labelled { index: index.clone(), name: index.name(), column: index.to_column() }, true)
    }

    fn of(labelled: Labelled, of_index: bool) -> Result<Texts, Raise> {
        let dtype = labelled.column.dtype();
        match dtype {
            DType::Str | DType::Object => Ok(Texts { labelled, of_index }),
            _ => Err(Raise::new(
                Exc::AttributeError,
                format!("`.str` needs a column of texts, not of type `{}`", dtype.name()),
            )
            .help("make texts of it first: `.astype(str).str`")),
        }
    }

    /// What a method gives for all cells.
    fn give(&self, column: Column) -> Value {
        if !self.of_index {
            return Series::value(self.labelled.with_column(column));
        }
        match column.dtype() {
            DType::Bool => Array::value(column),
            _ => Labels::value(Index::single(Arc::new(column), self.labelled.name.clone())),
        }
    }

    /// What a test gives for a missing text: `na=`, or false, or missing among other things than texts.
    fn of_missing(&self, na: Option<Value>) -> Value {
        match na {
            Some(na) => na,
            None if self.labelled.column.dtype() == DType::Str => Value::Bool(false),
            None => MISSING,
        }
    }

    /// Every text by a function; what is no text is missing.
    fn each(
        &self,
        vm: &mut Vm,
        missing: &Value,
        mut make: impl FnMut(&mut Vm, &Arc<str>) -> Result<Value, Raise>,
    ) -> Result<Column, Raise> {
        let column = &self.labelled.column;
        vm.budget.allocate_items(column.len() as u64)?;
        let mut cells = Vec::with_capacity(column.len());
        for cell in column.cells() {
            cells.push(match cell {
                Value::Str(text) => make(vm, text)?,
                _ => missing.clone(),
            });
        }
        Ok(if column.dtype() == DType::Object { Column::infer(cells) } else { typed(cells, DType::Str) })
    }
}

/// A column of results; of texts it has texts even if all are missing, of objects it has objects.
fn typed(cells: Vec<Value>, of: DType) -> Column {
    if of == DType::Object {
        return Column::new(DType::Object, cells);
    }
    let column = Column::infer(cells);
    match (of, column.dtype()) {
        (DType::Str, DType::Float) if column.cells().iter().all(is_missing) => column.widen(DType::Str),
        (DType::Str, DType::Object) if column.len() == 0 => Column::new(DType::Str, Vec::new()),
        _ => column,
    }
}

/// The pattern of a method: `case=False` and `flags` as pandas has them; `regex=False` takes it as it is.
fn expression(
    vm: &mut Vm,
    wanted: &Arc<str>,
    case: Option<&Value>,
    flags: Option<&Value>,
    is_pattern: bool,
) -> Result<Expression, Raise> {
    let mut all = optional_int(flags, "flags")?.unwrap_or(0);
    if !is_true(case, true) {
        all |= IGNORECASE;
    }
    if is_pattern { Expression::new(vm, wanted, all) } else { Expression::literal(vm, wanted, all) }
}

/// `re.IGNORECASE`
const IGNORECASE: i64 = 2;

fn matching(vm: &mut Vm, me: &Texts, args: Args, name: &str, reach: Reach) -> Result<Value, Raise> {
    let [wanted, case, flags, na, regex] = args.take(name, ["pat", "case", "flags", "na", "regex"], 1)?;
    let wanted = text(&wanted.unwrap_or(Value::None), name)?;
    let pattern = expression(vm, &wanted, case.as_ref(), flags.as_ref(), is_true(regex.as_ref(), true))?;
    let missing = me.of_missing(na);
    let column = me.each(vm, &missing, |vm, cell| pattern.fits(vm, cell, reach).map(Value::Bool))?;
    Ok(me.give(bools(column)))
}

/// Truth values, also where there are no rows.
fn bools(column: Column) -> Column {
    if column.len() == 0 { arrange::truths([]) } else { column }
}

fn count(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    let [wanted, flags] = args.take("count", ["pat", "flags"], 1)?;
    let wanted = text(&wanted.unwrap_or(Value::None), "count")?;
    let pattern = expression(vm, &wanted, None, flags.as_ref(), true)?;
    let column = me.each(vm, &MISSING, |vm, cell| Ok(Value::Int(pattern.all(vm, cell)?.len() as i64)))?;
    Ok(me.give(column))
}

fn findall(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    let [wanted, flags] = args.take("findall", ["pat", "flags"], 1)?;
    let wanted = text(&wanted.unwrap_or(Value::None), "findall")?;
    let pattern = expression(vm, &wanted, None, flags.as_ref(), true)?;
    let column = me.each(vm, &MISSING, |vm, cell| pattern.all(vm, cell).map(Value::list))?;
    Ok(me.give(Column::new(DType::Object, column.cells().to_vec())))
}

fn extract(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    let [wanted, flags, expand] = args.take("extract", ["pat", "flags", "expand"], 1)?;
    let wanted = text(&wanted.unwrap_or(Value::None), "extract")?;
    let pattern = expression(vm, &wanted, None, flags.as_ref(), true)?;
    let groups = pattern.groups();
    if groups == 0 {
        return Err(Raise::value_error("`extract` needs a pattern with a group: `\"(...)\"`"));
    }
    let mut data = Vec::with_capacity(groups);
    for group in 1..=groups {
        let column = me.each(vm, &MISSING, |vm, cell| {
            let found = pattern.first(vm, cell)?.and_then(|found| found.get(group).copied().flatten());
            Ok(found.map_or(MISSING, Value::from))
        })?;
        data.push(Arc::new(typed(column.cells().to_vec(), DType::Str)));
    }
    if groups == 1 && !is_true(expand.as_ref(), true) {
        let own = pattern.name_of(1).map(Value::Str);
        let labelled = Labelled { column: data[0].clone(), ..me.labelled.clone() };
        return Ok(Series::value(Labelled { name: own.unwrap_or(labelled.name), ..labelled }));
    }
    let name = |group: usize| pattern.name_of(group).map_or(Value::Int(group as i64 - 1), Value::Str);
    let names = (1..=groups).map(name).collect();
    Ok(DataFrame::value(Frame::new(me.labelled.index.clone(), Index::from_labels(names, None), data)))
}

/// An element of every text or list.
fn get(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    let key = args.one("get")?;
    picked(vm, me, &key)
}

fn picked(vm: &mut Vm, me: &Texts, key: &Value) -> Result<Value, Raise> {
    let column = &me.labelled.column;
    vm.budget.allocate_items(column.len() as u64)?;
    let mut cells = Vec::with_capacity(column.len());
    for cell in column.cells() {
        cells.push(match cell {
            Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_) => {
                match index::get_item(vm, cell, key) {
                    Ok(value) => value,
                    Err(raise) if raise.kind().is_a(Exc::LookupError) => MISSING,
                    Err(raise) => return Err(raise),
                }
            }
            _ => MISSING,
        });
    }
    Ok(me.give(typed(cells, column.dtype())))
}

fn slice(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    let [start, stop, step] = args.take("slice", ["start", "stop", "step"], 0)?;
    let end = |value: Option<Value>| value.unwrap_or(Value::None);
    picked(vm, me, &Value::object(index::Slice([end(start), end(stop), end(step)])))
}

fn length(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    args.none("len")?;
    let column = &me.labelled.column;
    vm.budget.allocate_items(column.len() as u64)?;
    let length = |cell: &Value| match index::length(cell) {
        Ok(length) => Value::Int(length as i64),
        Err(_) => MISSING,
    };
    Ok(me.give(Column::infer(column.cells().iter().map(length).collect())))
}

fn pad(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    let [width, side, fill] = args.take("pad", ["width", "side", "fillchar"], 1)?;
    let name = match side.as_ref().and_then(Value::as_str) {
        Some("right") => "ljust",
        Some("both") => "center",
        _ => "rjust",
    };
    let Some(method) = methods::find(Type::Str, name) else { return Ok(Value::None) };
    let args = Args::positional([width, fill].into_iter().flatten().collect());
    let column =
        me.each(vm, &MISSING, |vm, cell| (method.call)(vm, &Value::Str(cell.clone()), args.clone()))?;
    Ok(me.give(column))
}

fn join(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    let separator = args.one("join")?;
    let Some(method) = methods::find(Type::Str, "join") else { return Ok(Value::None) };
    let mut cells = Vec::new();
    for cell in me.labelled.column.cells() {
        cells.push(match cell {
            Value::List(_) | Value::Tuple(_) | Value::Str(_) => {
                (method.call)(vm, &separator, Args::positional(vec![cell.clone()]))?
            }
            _ => MISSING,
        });
    }
    Ok(me.give(Column::infer(cells)))
}

fn cat(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    let [others, separator, missing] = args.take("cat", ["others", "sep", "na_rep"], 0)?;
    let separator = separator.map_or(Ok("".into()), |separator| text(&separator, "cat"))?;
    let missing = given(missing);
    let of = |cell: &Value| match (cell, &missing) {
        (Value::Str(text), _) => Some(text.clone()),
        (_, Some(missing)) => Some(missing.display()),
        _ => None,
    };
    let column = &me.labelled.column;
    let Some(others) = given(others) else {
        let texts: Vec<Arc<str>> = column.cells().iter().filter_map(of).collect();
        vm.budget.allocate(texts.iter().map(|t| (t.len() + separator.len()) as u64).sum())?;
        return Ok(Value::from(texts.join(&separator)));
    };
    let parts = match &others {
        Value::List(_) => vm.collect(&others)?,
        _ => vec![others],
    };
    // A list of texts is one more column, a list of columns is several.
    let columns: Vec<Arc<Column>> =
        match parts.iter().all(|part| matches!(part, Value::Str(_))) && !parts.is_empty() {
            true => vec![Arc::new(Column::infer(parts))],
            false => parts.iter().map(|part| as_column(vm, part)).collect::<Result<_, _>>()?,
        };
    if columns.iter().any(|other| other.len() != column.len()) {
        return Err(Raise::value_error("the columns have different lengths"));
    }
    let mut cells = Vec::with_capacity(column.len());
    for row in 0..column.len() {
        let texts: Option<Vec<Arc<str>>> =
            std::iter::once(column).chain(&columns).map(|column| of(&column.get(row))).collect();
        vm.budget.allocate(texts.iter().flatten().map(|t| (t.len() + separator.len()) as u64).sum())?;
        cells.push(texts.map_or(MISSING, |texts| Value::from(texts.join(&separator))));
    }
    Ok(me.give(typed(cells, DType::Str)))
}

fn replace(vm: &mut Vm, me: &Texts, args: Args) -> Result<Value, Raise> {
    let names = ["pat", "repl", "n", "case", "flags", "regex"];
    let [wanted, by, n, case, flags, regex] = args.take("replace", names, 2)?;
    let wanted = text(&wanted.unwrap_or(Value::None), "replace")?;
    let by = by.unwrap_or(Value::None);
    // As many as there are below 0, which is 0 for `re`.
    let most = optional_int(n.as_ref(), "replace")?.filter(|n| *n > 0).unwrap_or(0);
    let is_pattern = is_true(regex.as_ref(), false);
    let pattern = expression(vm, &wanted, case.as_ref(), flags.as_ref(), is_pattern)?;
    if by.is_callable() {
        return Err(Raise::unsupported(
            "`replace` by a function is not supported",
            "use `.map(function)` on the column",
        ));
    }
    // Only in a pattern `\1` stands for a group.
    let by = text(&by, "replace")?;
    let by = pattern.template(&if is_pattern { by } else { by.replace('\\', "\\\\").into() })?;
    let column = me.each(vm, &MISSING, |vm, cell| pattern.replaced(vm, cell, &by, most).map(Value::from))?;
    Ok(me.give(column))
}

fn split(vm: &mut Vm, me: &Texts, args: Args, name: &'static str) -> Result<Value, Raise> {
    let [separator, n, expand, regex] = args.take(name, ["pat", "*n", "*expand", "*regex"], 0)?;
    let separator = given(separator);
    let most = optional_int(n.as_ref(), name)?.filter(|n| *n > 0);
    let by_pattern = match &separator {
        Some(Value::Str(text)) => match regex {
            Some(regex) => regex.truth(),
            None => text.chars().count() > 1,
        },
        Some(other) => return Err(wrong(other, name, "a text")),
        None => false,
    };
    let column = if by_pattern && name == "split" {
        let separator = separator.map_or(Ok("".into()), |s| text(&s, name))?;
        let pattern = expression(vm, &separator, None, None, true)?;
        me.each(vm, &MISSING, |vm, cell| pattern.split(vm, cell, most.unwrap_or(0)).map(Value::list))?
    } else {
        let Some(method) = methods::find(Type::Str, name) else { return Ok(Value::None) };
        let args = Args::positional(vec![separator.unwrap_or(Value::None), Value::Int(most.unwrap_or(-1))]);
        me.each(vm, &MISSING, |vm, cell| (method.call)(vm, &Value::Str(cell.clone()), args.clone()))?
    };
    if !is_true(expand.as_ref(), false) {
        return Ok(me.give(Column::new(DType::Object, column.cells().to_vec())));
    }
    let rows: Vec<Vec<Value>> =
        column.cells().iter().map(|cell| cell.snapshot().unwrap_or_default()).collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    vm.budget.allocate_items((rows.len() * width) as u64)?;
    let data = (0..width).map(|at| {
        let cells = rows.iter().map(|row| row.get(at).cloned().unwrap_or(MISSING)).collect();
        Arc::new(typed(cells, DType::Str))
    });
    let data = data.collect();
    Ok(DataFrame::value(Frame::new(me.labelled.index.clone(), Index::count(width), data)))
}

impl Object for Texts {
    fn type_name(&self) -> &'static str {
        "StringMethods"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let me = self.clone();
        if let Some((name, method)) = METHODS.iter().find(|(known, _)| *known == name) {
            let call = move |vm: &mut Vm, args: Args| method(vm, &me, args);
            let native = Native { name, parameters: Vec::new(), inner: Vec::new(), call: Box::new(call) };
            return Ok(Some(Value::object(native)));
        }
        let (Some(name), Some(method)) =
            (SAME.iter().find(|same| **same == name), methods::find(Type::Str, name))
        else {
            return Ok(None);
        };
        let call = move |vm: &mut Vm, mut args: Args| {
            let na =
                args.named.iter().position(|(name, _)| &**name == "na").map(|at| args.named.remove(at).1);
            let is_test = name.starts_with("is") || name.ends_with("with");
            let missing = if is_test { me.of_missing(na) } else { MISSING };
            let column =
                me.each(vm, &missing, |vm, cell| (method.call)(vm, &Value::Str(cell.clone()), args.clone()))?;
            Ok(me.give(if is_test { bools(column) } else { column }))
        };
        Ok(Some(Value::object(Native {
            name,
            parameters: Vec::new(),
            inner: Vec::new(),
            call: Box::new(call),
        })))
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        METHODS.iter().map(|(name, _)| *name).chain(SAME.iter().copied()).map(Arc::from).collect()
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        if let Value::Int(_) = key {
            int(key, "str")?;
        }
        picked(vm, self, key)
    }

    fn inner(&self) -> Vec<Value> {
        let column = &self.labelled.column;
        if column.dtype() == DType::Object { column.cells().to_vec() } else { Vec::new() }
    }
}
