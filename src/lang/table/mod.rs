//! Tables, as workflows use pandas': sample sheets that are read once and looked up for every job.
//!
//! Three layers, each knowing only those below: data (`column`, `index`, `frame`, with `dtype`, `elementwise`,
//! `arrange`), what makes tables and chooses from them (`csv`, `build`, `join`, `pick`, `query`), and the values
//! that Rulefile code holds (`data_frame`, `series`, `labels`, `array`, `indexer`, `group_by`, `text`) with their
//! `methods`.
//!
//! Rules are those of pandas 3: types, what becomes of missing values, what a lookup gives. A test holds a few
//! hundred expressions against what pandas said.

mod arrange;
mod array;
mod build;
mod column;
mod csv;
mod data_frame;
pub(crate) mod dpath;
mod dtype;
mod elementwise;
mod frame;
mod group_by;
mod index;
mod indexer;
mod join;
mod labels;
pub(crate) mod lookup;
mod methods;
mod objects;
mod paramspace;
mod pick;
mod query;
mod refused;
mod render;
pub(crate) mod rows;
mod series;
#[cfg(test)]
mod tests;
mod text;

use crate::lang::raise::Raise;
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::methods::shared::given;
use crate::lang::table::objects::{Array, DataFrame, Series, as_column, labelled_of};
pub(crate) use crate::lang::table::paramspace::PARAMSPACE;
use crate::lang::value::{Args, Builtin, HostType, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(crate) static DATA_FRAME: HostType = HostType {
    name: "DataFrame",
    construct: build::data_frame,
    statics: build::FRAME_STATICS,
    methods: methods::FRAME,
    ..HostType::PLAIN
};

pub(crate) static SERIES: HostType =
    HostType { name: "Series", construct: build::series, methods: methods::SERIES, ..HostType::PLAIN };

pub(crate) static INDEX: HostType =
    HostType { name: "Index", construct: build::index, methods: labels::METHODS, ..HostType::PLAIN };

static MULTI_INDEX: HostType = HostType {
    name: "MultiIndex",
    construct: build::index,
    statics: build::INDEX_STATICS,
    ..HostType::PLAIN
};

pub(crate) static ARRAY: HostType = HostType { name: "ndarray", methods: array::METHODS, ..HostType::PLAIN };

/// Functions of the module `pandas`.
pub(crate) static FUNCTIONS: &[Builtin] = &[
    Builtin { name: "concat", call: join::concat },
    Builtin { name: "isna", call: |vm, args| methods::missing::isna(vm, args, "isna", true) },
    Builtin { name: "isnull", call: |vm, args| methods::missing::isna(vm, args, "isnull", true) },
    Builtin { name: "merge", call: join::merge },
    Builtin { name: "notna", call: |vm, args| methods::missing::isna(vm, args, "notna", false) },
    Builtin { name: "notnull", call: |vm, args| methods::missing::isna(vm, args, "notnull", false) },
    Builtin { name: "read_csv", call: |vm, args| csv::read(vm, "read_csv", ",", args).map(DataFrame::value) },
    Builtin {
        name: "read_table",
        call: |vm, args| csv::read(vm, "read_table", "\t", args).map(DataFrame::value),
    },
    Builtin { name: "to_numeric", call: to_numeric },
    Builtin { name: "unique", call: unique },
];

/// What the module has beside functions.
pub(crate) fn module_values() -> Vec<(&'static str, Value)> {
    let types =
        [&DATA_FRAME, &INDEX, &MULTI_INDEX, &SERIES].map(|host| (host.name, Value::Type(Type::Host(host))));
    types.into_iter().chain([("NA", MISSING), ("NaT", MISSING), ("__version__", "3.0.0".into())]).collect()
}

/// `pd.to_numeric(column, errors="raise")`
fn to_numeric(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let [value, errors, _] = args.take("to_numeric", ["arg", "errors", "downcast"], 1)?;
    let value = value.unwrap_or(Value::None);
    let lenient = given(errors).as_ref().and_then(Value::as_str) == Some("coerce");
    let number = |cell: &Value| match cell {
        Value::Str(text) => match (text.trim().parse::<i64>(), text.trim().parse::<f64>()) {
            (Ok(n), _) => Ok(Value::Int(n)),
            (_, Ok(x)) => Ok(Value::Float(x)),
            _ if lenient => Ok(MISSING),
            _ => Err(Raise::value_error(format!("{} is no number", cell.repr()))
                .help("let such values be missing: `errors=\"coerce\"`")),
        },
        cell if is_missing(cell) => Ok(MISSING),
        cell => Ok(cell.clone()),
    };
    if objects::is_scalar(&value) {
        return number(&value);
    }
    let column = as_column(vm, &value)?;
    vm.budget.allocate_items(column.len() as u64)?;
    let converted = column.map(number)?;
    Ok(match labelled_of(&value) {
        Some(labelled) => Series::value(labelled.with_column(converted)),
        None => Array::value(converted),
    })
}

/// `pd.unique(values)`
fn unique(vm: &mut Vm, args: Args) -> Result<Value, Raise> {
    let column = as_column(vm, &args.one("unique")?)?;
    vm.budget.allocate_items(column.len() as u64)?;
    Ok(Array::value(column.unique()?))
}

/// Sorted distinct values: `np.unique`.
pub(crate) fn sorted_unique(vm: &mut Vm, value: &Value) -> Result<Value, Raise> {
    let column = as_column(vm, value)?;
    vm.budget.allocate_items(column.len() as u64)?;
    array::unique(&column)
}

/// An array of numbers.
pub(crate) fn numbers(values: Vec<Value>) -> Value {
    Array::value(Column::infer(values))
}

/// A function of numbers on one number, or on every cell of a column.
pub(crate) fn on_numbers(
    vm: &mut Vm,
    value: &Value,
    function: impl Fn(&Value) -> Result<Value, Raise>,
) -> Result<Value, Raise> {
    if objects::is_scalar(value) {
        return function(value);
    }
    let column = as_column(vm, value)?;
    vm.budget.allocate_items(column.len() as u64)?;
    let result = column.map(function)?;
    Ok(match labelled_of(value) {
        Some(labelled) => Series::value(labelled.with_column(result)),
        None => Value::object(Array { column: Arc::new(result), width: None }),
    })
}

/// The cells of a list or column as an array; rows of lists become rows.
pub(crate) fn as_array(vm: &mut Vm, value: &Value) -> Result<Value, Raise> {
    if let Some(frame) = objects::frame_of(value) {
        return Ok(data_frame::values(&frame));
    }
    if value.downcast::<Array>().is_some() {
        return Ok(value.clone());
    }
    let rows = match objects::column_of(value) {
        Some(column) => return Ok(Value::object(Array { column, width: None })),
        None => vm.collect(value)?,
    };
    let width = match rows.first() {
        Some(Value::List(first)) => first.0.read(Vec::len),
        _ => 0,
    };
    if width == 0 {
        return Ok(Array::value(Column::infer(rows)));
    }
    let mut cells = Vec::new();
    for row in &rows {
        let row = vm.collect(row)?;
        if row.len() != width {
            return Err(Raise::value_error("the rows of an array must have one length"));
        }
        cells.extend(row);
    }
    Ok(Value::object(Array { column: Arc::new(Column::infer(cells)), width: Some(width) }))
}

/// `array.name()`
pub(crate) fn array_method(vm: &mut Vm, array: &Value, name: &str) -> Result<Value, Raise> {
    match ARRAY.methods.iter().find(|method| method.name == name) {
        Some(method) => (method.call)(vm, array, Args::default()),
        None => Err(Raise::type_error(format!("an array has no method `{name}`"))),
    }
}

/// `array.astype(dtype)`
pub(crate) fn cast_array(array: &Value, dtype: &Value) -> Result<Value, Raise> {
    let Some(array) = array.downcast::<Array>() else { return Ok(array.clone()) };
    let column = array.column.cast(dtype::DType::named(dtype)?)?;
    Ok(Value::object(Array { column: Arc::new(column), width: array.width }))
}

/// The cells in order: `np.sort`.
pub(crate) fn sorted(vm: &mut Vm, value: &Value) -> Result<Value, Raise> {
    let column = as_column(vm, value)?;
    let key = arrange::SortKey { column: &column, ascending: true };
    let order = arrange::order(vm, &[key], false)?;
    Ok(Array::value(column.take(&order)))
}

/// `np.where(condition, then, otherwise)`
pub(crate) fn chosen(
    vm: &mut Vm,
    condition: &Value,
    then: &Value,
    otherwise: &Value,
) -> Result<Value, Raise> {
    if objects::is_scalar(condition) {
        return Ok(if condition.condition()? { then.clone() } else { otherwise.clone() });
    }
    let mask = as_column(vm, condition)?;
    vm.budget.allocate_items(mask.len() as u64)?;
    let side = |vm: &mut Vm, value: &Value| -> Result<Option<Arc<Column>>, Raise> {
        if objects::is_scalar(value) {
            return Ok(None);
        }
        let column = as_column(vm, value)?;
        match column.len() == mask.len() {
            true => Ok(Some(column)),
            false => Err(Raise::value_error("`where` needs arrays of one length")),
        }
    };
    let (yes, no) = (side(vm, then)?, side(vm, otherwise)?);
    let cell = |row: usize| {
        let (column, scalar) = if mask.cells()[row].truth() { (&yes, then) } else { (&no, otherwise) };
        column.as_ref().map_or_else(|| scalar.clone(), |column| column.get(row))
    };
    Ok(Array::value(Column::infer((0..mask.len()).map(cell).collect())))
}
