//! Operators on columns, cell by cell, with pandas' rules for missing values and types.

use crate::lang::compare::{self, compare_numbers};
use crate::lang::ops::{self, Number};
use crate::lang::raise::Raise;
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::dtype::DType;
use crate::lang::value::Value;
use crate::lang::vm::Vm;
use crate::syntax::ast::{BinaryOp, CompareOp, UnaryOp};
use std::cmp::Ordering;

/// What stands on one side of an operator.
#[derive(Clone, Copy)]
pub(crate) enum Side<'s> {
    Column(&'s Column),
    /// The same for every cell.
    Scalar(&'s Value),
}

impl Side<'_> {
    fn len(&self) -> Option<usize> {
        match self {
            Side::Column(column) => Some(column.len()),
            Side::Scalar(_) => None,
        }
    }

    fn at(&self, row: usize) -> &Value {
        match self {
            Side::Column(column) => &column.cells()[row],
            Side::Scalar(value) => value,
        }
    }

    fn dtype(&self) -> DType {
        match self {
            Side::Column(column) => column.dtype(),
            Side::Scalar(Value::Bool(_)) => DType::Bool,
            Side::Scalar(Value::Int(_)) => DType::Int,
            Side::Scalar(Value::Float(_)) => DType::Float,
            Side::Scalar(Value::Str(_)) => DType::Str,
            Side::Scalar(_) => DType::Object,
        }
    }
}

/// The number of rows of both sides.
fn rows_of(vm: &mut Vm, a: Side, b: Side) -> Result<usize, Raise> {
    let rows = match (a.len(), b.len()) {
        (Some(x), Some(y)) if x != y => {
            return Err(Raise::value_error(format!("columns of {x} and {y} cells cannot be combined")));
        }
        (x, y) => x.or(y).unwrap_or(0),
    };
    vm.budget.allocate_items(rows as u64)?;
    Ok(rows)
}

/// `a op b`
pub(crate) fn binary(vm: &mut Vm, op: BinaryOp, a: Side, b: Side) -> Result<Column, Raise> {
    let rows = rows_of(vm, a, b)?;
    if let Some(column) = logical(op, a, b) {
        return column;
    }
    let cells: Vec<Value> =
        (0..rows).map(|row| binary_cell(vm, op, a.at(row), b.at(row))).collect::<Result<_, _>>()?;
    let column = Column::infer(cells);
    Ok(match (op, a.dtype(), b.dtype()) {
        // What the values alone cannot tell.
        (BinaryOp::Div, x, y) if x.is_number() && y.is_number() && rows == 0 => column.widen(DType::Float),
        (_, x, y) if rows == 0 && x == y => Column::new(x, Vec::new()),
        _ if matches!(column.dtype(), DType::Float) && a.dtype() == DType::Str => column.widen(DType::Str),
        _ => column,
    })
}

fn binary_cell(vm: &mut Vm, op: BinaryOp, a: &Value, b: &Value) -> Result<Value, Raise> {
    if is_missing(a) || is_missing(b) {
        return Ok(MISSING);
    }
    let (Some(x), Some(y)) = (Number::of(a), Number::of(b)) else { return ops::binary(vm, op, a, b) };
    let divides = matches!(op, BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod);
    if divides && y.float() == 0.0 {
        // Columns divide as floats do.
        let quotient = if op == BinaryOp::Mod { f64::NAN } else { x.float() / y.float() };
        return Ok(Value::Float(quotient));
    }
    ops::binary(vm, op, a, b)
}

/// `&`, `|` and `^` of truth values; `None` for other operands.
fn logical(op: BinaryOp, a: Side, b: Side) -> Option<Result<Column, Raise>> {
    let truth: fn(bool, bool) -> bool = match op {
        BinaryOp::BitAnd => |x, y| x & y,
        BinaryOp::BitOr => |x, y| x | y,
        BinaryOp::BitXor => |x, y| x ^ y,
        _ => return None,
    };
    let is_logical = |side: Side| matches!(side.dtype(), DType::Bool | DType::Object);
    if !is_logical(a) || !is_logical(b) {
        return None;
    }
    if let (BinaryOp::BitAnd, Side::Column(x), Side::Column(y)) = (op, a, b)
        && let Some(column) = sparse_and(x, y)
    {
        return Some(Ok(column));
    }
    Some(all_cells(truth, a, b))
}

/// `x & y` by a look at the few rows where one of them is known to be true.
fn sparse_and(x: &Column, y: &Column) -> Option<Column> {
    let (few, other) = match (x.sparse_rows(), y.sparse_rows()) {
        (Some(few), _) => (few, y),
        (None, Some(few)) => (few, x),
        (None, None) => return None,
    };
    let both = || Column::mask(x.len(), few.iter().copied().filter(|row| other.is_true(*row)).collect());
    (x.len() == y.len() && other.dtype() == DType::Bool).then(both)
}

fn all_cells(truth: fn(bool, bool) -> bool, a: Side, b: Side) -> Result<Column, Raise> {
    let rows = a.len().or(b.len()).unwrap_or(0);
    let bit = |value: &Value| match value {
        Value::Bool(b) => Ok(*b),
        value if is_missing(value) => Ok(false),
        other => Err(Raise::type_error(format!("`{}` is no truth value", other.type_name()))
            .help("put brackets around comparisons: `(df.a == 1) & (df.b == 2)`")),
    };
    let cell = |row: usize| Ok(Value::Bool(truth(bit(a.at(row))?, bit(b.at(row))?)));
    (0..rows).map(cell).collect::<Result<Vec<_>, Raise>>().map(|cells| Column::new(DType::Bool, cells))
}

/// `-column`, `+column`, `~column`
pub(crate) fn unary(vm: &mut Vm, op: UnaryOp, column: &Column) -> Result<Column, Raise> {
    vm.budget.allocate_items(column.len() as u64)?;
    if op == UnaryOp::Invert && column.dtype() == DType::Bool {
        let flip = |cell: &Value| Value::Bool(!matches!(cell, Value::Bool(true)));
        return Ok(Column::new(DType::Bool, column.cells().iter().map(flip).collect()));
    }
    if op == UnaryOp::Invert && column.cells().iter().any(|cell| matches!(cell, Value::Bool(_))) {
        // Python's `~True` is -2, which nobody means.
        return Err(Raise::type_error("`~` of a column that is not all truth values")
            .help("fill what is missing first: `~x.fillna(False).astype(bool)`"));
    }
    let mut cells = Vec::with_capacity(column.len());
    for cell in column.cells() {
        cells.push(if is_missing(cell) { MISSING } else { ops::unary(vm, op, cell)? });
    }
    Ok(Column::infer(cells))
}

/// `a op b` as truth values: one that is missing equals nothing.
pub(crate) fn compare(vm: &mut Vm, op: CompareOp, a: Side, b: Side) -> Result<Column, Raise> {
    if let (CompareOp::Eq, Side::Column(column), Side::Scalar(value))
    | (CompareOp::Eq, Side::Scalar(value), Side::Column(column)) = (op, a, b)
        && let Some(rows) = equal_rows(column, value)
    {
        vm.budget.allocate(8 * rows.len() as u64)?;
        return Ok(Column::mask(column.len(), rows));
    }
    let rows = rows_of(vm, a, b)?;
    let cell = |row: usize| compare_cells(op, a.at(row), b.at(row)).map(Value::Bool);
    (0..rows).map(cell).collect::<Result<Vec<_>, _>>().map(|cells| Column::new(DType::Bool, cells))
}

/// The rows that equal a value, when a hash can tell.
fn equal_rows(column: &Column, value: &Value) -> Option<Vec<usize>> {
    if is_missing(value) || !column.has_cheap_places() {
        return None;
    }
    column.find(value).ok().map(|found| found.rows().to_vec())
}

pub(crate) fn compare_cells(op: CompareOp, a: &Value, b: &Value) -> Result<bool, Raise> {
    if is_missing(a) || is_missing(b) {
        return Ok(op == CompareOp::Ne);
    }
    let equal = || compare::equal(a, b);
    Ok(match op {
        CompareOp::Eq => equal()?,
        CompareOp::Ne => !equal()?,
        _ => {
            let order = match (Number::of(a), Number::of(b)) {
                (Some(x), Some(y)) => compare_numbers(x, y),
                _ => compare::order_of(a, b),
            };
            let Some(order) = order else {
                let (a, b) = (a.type_name(), b.type_name());
                return Err(Raise::type_error(format!("`{a}` and `{b}` have no order")));
            };
            match op {
                CompareOp::Lt => order == Ordering::Less,
                CompareOp::Le => order != Ordering::Greater,
                CompareOp::Gt => order == Ordering::Greater,
                _ => order != Ordering::Less,
            }
        }
    })
}
