//! Tables from text: `pd.read_csv` and `pd.read_table`.

mod infer;
mod options;
mod split;

use crate::lang::raise::{Exc, Raise};
use crate::lang::table::column::Column;
use crate::lang::table::csv::options::{Header, IndexColumns, Options, Selection, Types};
use crate::lang::table::csv::split::Record;
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::Frame;
use crate::lang::table::index::Index;
use crate::lang::value::{Args, Value};
use crate::lang::vm::Vm;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// `pd.read_csv(...)`, or `pd.read_table(...)` with a tab for the separator.
pub(crate) fn read(vm: &mut Vm, function: &str, separator: &str, args: Args) -> Result<Frame, Raise> {
    let (source, options) = Options::of(vm, function, separator, args)?;
    let text = text_of(vm, function, &source)?;
    // A field takes a value and its share of a record.
    vm.budget.allocate(text.len() as u64)?;
    vm.budget.spend(text.len() as u64 / 16)?;
    let frame = frame(vm, &text, &options);
    // What is wrong in a file is said with its name.
    frame.map_err(|raise| match source.as_str().filter(|_| raise.kind() == Exc::ValueError) {
        Some(path) => raise.also_help(format!("the table is read from `{path}`")),
        None => raise,
    })
}

/// The text of a path, or what an open file still has.
fn text_of(vm: &mut Vm, function: &str, source: &Value) -> Result<Arc<str>, Raise> {
    let path = match source {
        Value::Object(object) => match object.stand_in() {
            Some(Value::Str(path)) => path,
            _ => {
                let read = vm.get_attr(source, "read")?;
                let text = vm.call_value(&read, Args::default(), None)?;
                return crate::lang::builtins::args::text(&text, function);
            }
        },
        other => crate::lang::builtins::args::text(other, function)?,
    };
    if path.contains("://") {
        return Err(Raise::unsupported(
            format!("cannot read a table from `{path}`: evaluating a Rulefile uses no network"),
            "keep the table beside the Rulefile",
        ));
    }
    if [".gz", ".bz2", ".zip", ".xz", ".zst"].iter().any(|end| path.ends_with(end)) {
        return Err(Raise::unsupported(
            format!("cannot read the compressed table `{path}`"),
            "keep it as plain text, or let a rule unpack it",
        ));
    }
    let text = vm.read_file(&path)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).into())
}

/// Names of the columns, and the records below them.
struct Layout<'r, 't> {
    names: Vec<Value>,
    /// Whether the names are only numbers.
    numbered: bool,
    /// Columns in front of the named ones: labels of the rows.
    leading: usize,
    records: &'r [Record<'t>],
}

fn frame(vm: &mut Vm, text: &str, options: &Options) -> Result<Frame, Raise> {
    let header = match options.header {
        Header::None => 0,
        Header::Line(line) => line + 1,
    };
    let most = options.rows.map_or(usize::MAX, |rows| rows.saturating_add(header));
    let records = split::split(text, &options.syntax, most)?;
    let fields: usize = records.iter().map(|record| record.fields.len()).sum();
    vm.budget.allocate(fields as u64 * 32)?;
    let layout = layout(&records, options)?;
    check_widths(&layout, options)?;
    build(vm, &layout, options)
}

fn layout<'r, 't>(records: &'r [Record<'t>], options: &Options) -> Result<Layout<'r, 't>, Raise> {
    let (head, records) = match options.header {
        Header::None => (None, records),
        Header::Line(line) => match records.get(line) {
            Some(head) => (Some(head), &records[line + 1..]),
            None if options.names.is_some() => (None, &records[records.len()..]),
            None => return Err(no_columns()),
        },
    };
    let width = records.first().map_or(0, |record| record.fields.len());
    let numbered = head.is_none() && options.names.is_none();
    let mut names: Vec<Value> = match (head, &options.names) {
        (_, Some(names)) => names.clone(),
        (Some(head), None) => header_names(head),
        (None, None) if records.is_empty() => return Err(no_columns()),
        (None, None) => (0..width).map(|i| Value::Int(i as i64)).collect(),
    };
    let mut leading = width.saturating_sub(names.len());
    match &options.index {
        IndexColumns::Infer => {}
        IndexColumns::None | IndexColumns::Columns(_) if leading == 0 => {}
        IndexColumns::None => leading = 0,
        // Fields without a name are told apart by their number.
        IndexColumns::Columns(_) => {
            names.extend((names.len()..width).map(|i| format!("Unnamed: {i}").into()));
            leading = 0;
        }
    }
    Ok(Layout { names, numbered, leading, records })
}

fn no_columns() -> Raise {
    Raise::value_error("the table is empty: there is no line with the names of its columns")
}

/// Names of the header line: empty ones are numbered, repeated ones too.
fn header_names(head: &Record) -> Vec<Value> {
    let mut seen: FxHashSet<String> = FxHashSet::default();
    let mut names = Vec::new();
    for (i, field) in head.fields.iter().enumerate() {
        let name = if field.is_empty() { format!("Unnamed: {i}") } else { field.to_string() };
        let mut unique = name.clone();
        let mut count = 0;
        while !seen.insert(unique.clone()) {
            count += 1;
            unique = format!("{name}.{count}");
        }
        names.push(unique.into());
    }
    names
}

/// Lines with too many fields are mistakes, unless they are to be passed over.
fn check_widths(layout: &Layout, options: &Options) -> Result<(), Raise> {
    let first = layout.records.first().map_or(0, |record| record.fields.len());
    let expected = first.max(layout.names.len() + layout.leading);
    let wide = layout.records.iter().find(|record| record.fields.len() > expected);
    match wide {
        Some(record) if options.columns.is_none() && !options.skip_bad_lines => {
            let (line, found) = (record.line, record.fields.len());
            let message =
                format!("line {line} of the table has {found} fields, the lines above have {expected}");
            Err(Raise::value_error(message).help("is the separator right? A tab is `sep=\"\\t\"`"))
        }
        _ => Ok(()),
    }
}

fn build(vm: &mut Vm, layout: &Layout, options: &Options) -> Result<Frame, Raise> {
    let expected = layout.names.len() + layout.leading;
    let records: Vec<&Record> = layout
        .records
        .iter()
        .filter(|record| !options.skip_bad_lines || record.fields.len() <= expected)
        .collect();
    let mut columns = Vec::new();
    for (i, name) in layout.names.iter().enumerate() {
        if is_used(vm, options, name, i)? {
            let column = read_column(vm, &records, layout.leading + i, name, i, options)?;
            columns.push((name.clone(), Arc::new(column)));
        }
    }
    check_used(layout, options)?;
    let mut levels = Vec::new();
    for i in 0..layout.leading {
        levels.push((Value::None, Arc::new(read_column(vm, &records, i, &Value::None, i, options)?)));
    }
    if let IndexColumns::Columns(wanted) = &options.index {
        levels = take_index(&mut columns, wanted)?;
    }
    let index = match levels.is_empty() {
        true => Index::count(records.len()),
        false => {
            let (names, levels): (Vec<Value>, Vec<_>) = levels.into_iter().unzip();
            Index::new(levels, names)
        }
    };
    let count = columns.len();
    let (names, data): (Vec<Value>, Vec<_>) = columns.into_iter().unzip();
    let labels = match layout.numbered && count == layout.names.len() {
        true => Index::count(count),
        false => Index::from_labels(names, None),
    };
    Ok(Frame::new(index, labels, data))
}

fn is_used(vm: &mut Vm, options: &Options, name: &Value, number: usize) -> Result<bool, Raise> {
    Ok(match &options.columns {
        None => true,
        Some(Selection::Labels(wanted)) => wanted.iter().any(|w| match w {
            Value::Int(n) if !name_is_number(name) => *n == number as i64,
            label => label.is_same(name),
        }),
        Some(Selection::Test(test)) => {
            vm.call_value(test, Args::positional(vec![name.clone()]), None)?.condition()?
        }
    })
}

fn name_is_number(name: &Value) -> bool {
    matches!(name, Value::Int(_))
}

fn check_used(layout: &Layout, options: &Options) -> Result<(), Raise> {
    let Some(Selection::Labels(wanted)) = &options.columns else { return Ok(()) };
    for label in wanted {
        let known = match label {
            Value::Int(n) => usize::try_from(*n).is_ok_and(|n| n < layout.names.len()),
            label => layout.names.iter().any(|name| name.is_same(label)),
        };
        if !known {
            let names: Vec<String> = layout.names.iter().take(20).map(Value::repr).collect();
            return Err(Raise::value_error(format!(
                "`usecols` names a column {} that is not there",
                label.repr()
            ))
            .help(format!("the columns are: {}", names.join(", "))));
        }
    }
    Ok(())
}

/// Takes the columns away that label the rows.
fn take_index(
    columns: &mut Vec<(Value, Arc<Column>)>,
    wanted: &[Value],
) -> Result<Vec<(Value, Arc<Column>)>, Raise> {
    let mut places = Vec::new();
    for label in wanted {
        let by_name = columns.iter().position(|(name, _)| name.is_same(label));
        let by_number = match label {
            Value::Int(n) => {
                let n = if *n < 0 { n.saturating_add(columns.len() as i64) } else { *n };
                usize::try_from(n).ok().filter(|n| *n < columns.len())
            }
            _ => None,
        };
        let Some(place) = by_name.or(by_number) else {
            let names: Vec<String> = columns.iter().take(20).map(|(name, _)| name.repr()).collect();
            return Err(Raise::value_error(format!(
                "`index_col` names a column {} that is not there",
                label.repr()
            ))
            .help(format!("the columns are: {}", names.join(", "))));
        };
        places.push(place);
    }
    let levels = places.iter().map(|place| {
        let (name, column) = columns[*place].clone();
        // A column that had no name in the file gives none to the index.
        let unnamed = name.as_str().is_some_and(|name| name.starts_with("Unnamed: "));
        (if unnamed { Value::None } else { name }, column)
    });
    let levels = levels.collect();
    let mut at = 0;
    columns.retain(|_| {
        at += 1;
        !places.contains(&(at - 1))
    });
    Ok(levels)
}

fn read_column(
    vm: &mut Vm,
    records: &[&Record],
    field: usize,
    name: &Value,
    number: usize,
    options: &Options,
) -> Result<Column, Raise> {
    vm.budget.allocate_items(records.len() as u64)?;
    let fields = records.iter().map(|record| record.fields.get(field).map(|text| &**text));
    let of_this =
        |(label, _): &&(Value, Value)| label.is_same(name) || label.is_same(&Value::Int(number as i64));
    if let Some((_, converter)) = options.converters.iter().find(of_this) {
        let mut cells = Vec::with_capacity(records.len());
        for field in fields {
            let text = Value::from(field.unwrap_or(""));
            cells.push(vm.call_value(converter, Args::positional(vec![text]), None)?);
        }
        return Ok(Column::infer(cells));
    }
    let wanted: Option<DType> = match &options.types {
        Types::Found => None,
        Types::All(dtype) => Some(*dtype),
        Types::Some(types) => types
            .iter()
            .find(|(label, _)| label.is_same(name) || label.is_same(&Value::Int(number as i64)))
            .map(|(_, dtype)| *dtype),
    };
    infer::column(fields, options.missing.of_column(name), wanted).map_err(|raise| {
        if raise.kind() == Exc::ValueError {
            raise.also_help(format!("it is the column {}", name.repr()))
        } else {
            raise
        }
    })
}
