//! `ndarray` as a value: cells in order, without labels.

use crate::lang::index::{Slice, index_in};
use crate::lang::methods;
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::arrange;
use crate::lang::table::column::{Column, is_missing};
use crate::lang::table::dtype::{DType, DTypeValue};
use crate::lang::table::elementwise;
use crate::lang::table::labels::operated;
use crate::lang::table::methods::compute::{self, Summary};
use crate::lang::table::objects::{Array, mask_of};
use crate::lang::table::pick::{self, Pick};
use crate::lang::table::{ARRAY, render};
use crate::lang::value::{Args, HostType, Method, Object, Type, Value};
use crate::lang::vm::Vm;
use crate::syntax::ast::{BinaryOp, CompareOp, UnaryOp};
use std::sync::Arc;

/// Sorted by name.
pub(crate) static METHODS: &[Method] = &[
    Method { name: "all", call: |vm, me, args| summed(vm, me, args, Summary::All) },
    Method { name: "any", call: |vm, me, args| summed(vm, me, args, Summary::Any) },
    Method { name: "astype", call: astype },
    Method { name: "copy", call: |_, me, _| Ok(me.clone()) },
    Method { name: "flatten", call: |_, me, _| Ok(flat(me)) },
    Method { name: "item", call: item },
    Method { name: "max", call: |vm, me, args| summed(vm, me, args, Summary::Max) },
    Method { name: "mean", call: |vm, me, args| summed(vm, me, args, Summary::Mean) },
    Method { name: "median", call: |vm, me, args| summed(vm, me, args, Summary::Median) },
    Method { name: "min", call: |vm, me, args| summed(vm, me, args, Summary::Min) },
    Method { name: "ravel", call: |_, me, _| Ok(flat(me)) },
    Method { name: "round", call: |vm, me, args| rounded(vm, me, args) },
    Method { name: "sum", call: |vm, me, args| summed(vm, me, args, Summary::Sum) },
    Method { name: "to_list", call: tolist },
    Method { name: "tolist", call: tolist },
];

fn array_of(me: &Value) -> Array {
    let empty = || Array { column: Arc::new(Column::count(0)), width: None };
    me.downcast::<Array>().cloned().unwrap_or_else(empty)
}

fn flat(me: &Value) -> Value {
    Value::object(Array { width: None, ..array_of(me) })
}

fn summed(vm: &mut Vm, me: &Value, args: Args, summary: Summary) -> Result<Value, Raise> {
    args.none(summary.name())?;
    compute::summary(vm, &array_of(me).column, summary)
}

fn astype(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [dtype] = args.take("astype", ["dtype"], 1)?;
    let array = array_of(me);
    let column = array.column.cast(DType::named(&dtype.unwrap_or(Value::None))?)?;
    Ok(Value::object(Array { column: Arc::new(column), width: array.width }))
}

fn rounded(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let array = array_of(me);
    let column = compute::rounded(vm, &array.column, args)?;
    Ok(Value::object(Array { column: Arc::new(column), width: array.width }))
}

fn item(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("item")?;
    compute::only(&array_of(me).column)
}

fn tolist(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    args.none("tolist")?;
    let array = array_of(me);
    vm.budget.allocate_items(array.column.len() as u64)?;
    let cells = array.column.cells();
    Ok(Value::list(match array.width {
        None => cells.to_vec(),
        Some(0) => Vec::new(),
        Some(width) => cells.chunks(width).map(|row| Value::list(row.to_vec())).collect(),
    }))
}

impl Array {
    fn rows(&self) -> usize {
        match self.width {
            Some(width) => self.column.len().checked_div(width).unwrap_or(0),
            None => self.column.len(),
        }
    }

    fn row(&self, row: usize) -> Value {
        match self.width {
            None => self.column.get(row),
            Some(width) => {
                let cells = self.column.cells()[row * width..(row + 1) * width].to_vec();
                Array::value(Column::new(self.column.dtype(), cells))
            }
        }
    }

    fn pick(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        let rows = match pick::by_place(vm, self.rows(), key)? {
            Pick::One(row) => return Ok(self.row(row)),
            Pick::All => return Ok(Value::object(self.clone())),
            Pick::Many { rows, .. } => rows,
        };
        let width = self.width.unwrap_or(1);
        vm.budget.allocate_items((rows.len() * width) as u64)?;
        let cells =
            rows.iter().flat_map(|row| (row * width..(row + 1) * width).map(|at| self.column.get(at)));
        let column = Arc::new(Column::new(self.column.dtype(), cells.collect()));
        Ok(Value::object(Array { column, width: self.width }))
    }

    /// `array[rows, column]`
    fn pick_column(&self, vm: &mut Vm, rows: &Value, column: &Value) -> Result<Value, Raise> {
        let Some(width) = self.width else {
            return Err(Raise::new(Exc::IndexError, "this array has one dimension"));
        };
        if column.downcast::<Slice>().is_some() {
            return Err(Raise::unsupported(
                "a slice of the columns of an array",
                "choose the columns of the table",
            ));
        }
        let at = index_in(column, width, "array")?;
        let cells = (0..self.rows()).map(|row| self.column.get(row * width + at)).collect();
        Array { column: Arc::new(Column::new(self.column.dtype(), cells)), width: None }.pick(vm, rows)
    }
}

impl Object for Array {
    fn type_name(&self) -> &'static str {
        "ndarray"
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&ARRAY)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        let count = |n: usize| Value::Int(n as i64);
        Ok(match name {
            "size" => Some(count(self.column.len())),
            "shape" => Some(Value::tuple(
                [Some(count(self.rows())), self.width.map(count)].into_iter().flatten().collect(),
            )),
            "ndim" => Some(count(1 + usize::from(self.width.is_some()))),
            "dtype" => Some(Value::object(DTypeValue(self.column.dtype()))),
            _ => None,
        })
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        let methods = methods::names(Type::Host(&ARRAY));
        ["size", "shape", "ndim", "dtype"].into_iter().chain(methods).map(Arc::from).collect()
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        match key {
            Value::Tuple(parts) => match parts.0.as_slice() {
                [rows, column] => self.pick_column(vm, rows, column),
                _ => Err(Raise::new(Exc::IndexError, "an array has at most two dimensions")),
            },
            key => {
                if let Some(mask) = mask_of(key).filter(|_| self.width.is_some())
                    && mask.len() == self.column.len()
                {
                    let rows = mask.true_rows();
                    return Ok(Array::value(self.column.take(&rows)));
                }
                self.pick(vm, key)
            }
        }
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some((0..self.rows()).map(|row| self.row(row)).collect())
    }

    fn len(&self) -> Option<usize> {
        Some(self.rows())
    }

    fn contains(&self, vm: &mut Vm, item: &Value) -> Option<Result<bool, Raise>> {
        if is_missing(item) {
            return Some(Ok(false));
        }
        if self.column.has_cheap_places() {
            return Some(self.column.find(item).map(|found| !found.rows().is_empty()));
        }
        Some(crate::lang::compare::find_equal(vm, self.column.cells(), item).map(|found| found.is_some()))
    }

    fn condition(&self) -> Result<bool, Raise> {
        match self.column.cells() {
            [only] => Ok(only.truth()),
            _ => Err(Raise::value_error("the truth value of an array is ambiguous")
                .help("ask what is meant: `.any()`, `.all()`, `len(x) > 0`")),
        }
    }

    fn repr(&self) -> String {
        format!("array({})", self.text().replace(' ', ", "))
    }

    fn text(&self) -> String {
        let cells = self.column.cells();
        match self.width {
            None => render::array(cells, self.column.dtype()),
            Some(width) => {
                let rows: Vec<String> = cells
                    .chunks(width.max(1))
                    .take(100)
                    .map(|row| render::array(row, self.column.dtype()))
                    .collect();
                format!("[{}]", rows.join("\n "))
            }
        }
    }

    fn binary(
        &self,
        vm: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        let result =
            operated(vm, &self.column, other, reflected, |vm, a, b| elementwise::binary(vm, op, a, b))?;
        Some(result.map(|column| Value::object(Array { column: Arc::new(column), width: self.width })))
    }

    fn compare(
        &self,
        vm: &mut Vm,
        op: CompareOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        let result =
            operated(vm, &self.column, other, reflected, |vm, a, b| elementwise::compare(vm, op, a, b))?;
        Some(result.map(|column| Value::object(Array { column: Arc::new(column), width: self.width })))
    }

    fn unary(&self, vm: &mut Vm, op: UnaryOp) -> Option<Result<Value, Raise>> {
        let column = elementwise::unary(vm, op, &self.column);
        Some(column.map(|column| Value::object(Array { column: Arc::new(column), width: self.width })))
    }

    fn inner(&self) -> Vec<Value> {
        if self.column.dtype() == DType::Object { self.column.cells().to_vec() } else { Vec::new() }
    }

    fn release(&mut self) -> Vec<Value> {
        Arc::get_mut(&mut self.column).map(Column::release).unwrap_or_default()
    }
}

/// Sorted distinct cells: `np.unique`.
pub(crate) fn unique(column: &Column) -> Result<Value, Raise> {
    arrange::sorted_unique(column).map(Array::value)
}
