//! `Series` as a value: a column with labels. Its methods are next door.

use crate::lang::index::Slice;
use crate::lang::methods;
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::arrange;
use crate::lang::table::column::Column;
use crate::lang::table::dtype::{DType, DTypeValue};
use crate::lang::table::elementwise::{self, Side};
use crate::lang::table::frame::{Labelled, rows_for};
use crate::lang::table::indexer::{Indexer, Kind, Target, series_item};
use crate::lang::table::objects::{
    Array, Labels, Owner, Series, column_of, frame_of, is_scalar, labelled_of, mask_of,
};
use crate::lang::table::pick::{self, is_place_slice};
use crate::lang::table::text::Texts;
use crate::lang::table::{SERIES, data_frame, refused, render};
use crate::lang::value::{Args, HostType, Object, Type, Value};
use crate::lang::vm::Vm;
use crate::model;
use crate::syntax::ast::{BinaryOp, CompareOp, UnaryOp};
use std::sync::Arc;

const PROPERTIES: &[&str] = &[
    "array",
    "at",
    "dtype",
    "empty",
    "hasnans",
    "iat",
    "iloc",
    "index",
    "is_unique",
    "loc",
    "name",
    "ndim",
    "shape",
    "size",
    "str",
    "values",
];

impl Series {
    fn property(&self, name: &str) -> Result<Option<Value>, Raise> {
        let indexer = |kind| Value::object(Indexer { target: Target::Series(self.clone()), kind });
        let labelled = self.get();
        Ok(Some(match name {
            "loc" => indexer(Kind::Loc),
            "iloc" => indexer(Kind::Iloc),
            "at" => indexer(Kind::At),
            "iat" => indexer(Kind::Iat),
            "name" => labelled.name.clone(),
            "index" => Value::object(Labels::new(labelled.index.clone(), Owner::Series(self.clone()))),
            "values" | "array" => Value::object(Array { column: labelled.column.clone(), width: None }),
            "dtype" => Value::object(DTypeValue(labelled.column.dtype())),
            "shape" => Value::tuple(vec![Value::Int(labelled.len() as i64)]),
            "size" => Value::Int(labelled.len() as i64),
            "empty" => Value::Bool(labelled.len() == 0),
            "ndim" => Value::Int(1),
            "hasnans" => Value::Bool(labelled.column.has_missing()),
            "is_unique" => Value::Bool(labelled.column.is_unique()?),
            "str" => Value::object(Texts::of_series(&labelled)?),
            _ => return Ok(None),
        }))
    }
}

/// `series[key]`
fn item(vm: &mut Vm, this: &Series, key: &Value) -> Result<Value, Raise> {
    let labelled = this.get();
    if let Some(slice) = key.downcast::<Slice>()
        && is_place_slice(slice)
    {
        let pick = pick::place_slice(vm, labelled.len(), &slice.ends()?)?;
        return series_item(vm, &labelled, &pick);
    }
    if let Some(mask) = mask_of(key) {
        let pick = pick::by_mask(vm, &labelled.index, key, &mask)?;
        return series_item(vm, &labelled, &pick);
    }
    if key.is_callable() {
        let key = vm.call_value(key, Args::positional(vec![Value::object(this.clone())]), None)?;
        return if key.is_callable() {
            Err(Raise::type_error("a function is no key"))
        } else {
            item(vm, this, &key)
        };
    }
    let pick = pick::by_label(vm, &labelled.index, key, "label").map_err(|raise| match key {
        Value::Int(_) if raise.kind() == Exc::KeyError => raise.help("places are written `.iloc[n]`"),
        _ => raise,
    })?;
    series_item(vm, &labelled, &pick)
}

/// The columns of two series with the labels of both, and the name of what they make together.
fn aligned(vm: &mut Vm, a: &Labelled, b: &Labelled, compares: bool) -> Result<(Labelled, Labelled), Raise> {
    if Arc::ptr_eq(&a.index, &b.index) || a.index.same_labels(&b.index)? {
        return Ok((a.clone(), Labelled { index: a.index.clone(), ..b.clone() }));
    }
    if compares {
        return Err(Raise::value_error("only columns with the same labels can be compared")
            .help("compare with a value, or with `.values` of the other"));
    }
    let index = arrange::union(vm, &a.index, &b.index, true)?;
    let fit = |part: &Labelled| -> Result<Labelled, Raise> {
        let column = part.column.take_or_missing(&rows_for(&part.index, &index)?);
        Ok(Labelled::new(index.clone(), part.name.clone(), column))
    };
    Ok((fit(a)?, fit(b)?))
}

/// Applies an operator to a series and what stands on its other side; `None` when that is no operand.
fn operate(
    vm: &mut Vm,
    this: &Labelled,
    other: &Value,
    reflected: bool,
    compares: bool,
    apply: impl FnOnce(&mut Vm, Side, Side) -> Result<Column, Raise>,
) -> Option<Result<Value, Raise>> {
    let pair = |vm: &mut Vm, mine: Side, theirs: Side| {
        if reflected { apply(vm, theirs, mine) } else { apply(vm, mine, theirs) }
    };
    if let Some(other) = labelled_of(other) {
        return Some(aligned(vm, this, &other, compares).and_then(|(a, b)| {
            let name = if a.name.is_same(&b.name) { a.name.clone() } else { Value::None };
            let column = pair(vm, Side::Column(&a.column), Side::Column(&b.column))?;
            Ok(Series::value(Labelled::new(a.index.clone(), name, column)))
        }));
    }
    if frame_of(other).is_some() {
        return Some(Err(Raise::unsupported(
            "a column and a table cannot be combined",
            "combine it with a column",
        )));
    }
    let column = match column_of(other) {
        Some(column) => Some(column),
        None if matches!(other, Value::List(_) | Value::Tuple(_)) => {
            Some(Arc::new(Column::infer(other.snapshot()?)))
        }
        None if is_scalar(other) => None,
        None => return None,
    };
    let theirs = column.as_deref().map_or(Side::Scalar(other), Side::Column);
    Some(pair(vm, Side::Column(&this.column), theirs).map(|column| Series::value(this.with_column(column))))
}

impl Object for Series {
    fn type_name(&self) -> &'static str {
        "Series"
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&SERIES)
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        if let Some(value) = self.property(name)? {
            return Ok(Some(value));
        }
        if methods::find(Type::Host(&SERIES), name).is_some() {
            return Ok(None);
        }
        let labelled = self.get();
        if !labelled.index.is_multi()
            && let [row] = labelled.index.find(&name.into())?.rows()
        {
            return Ok(Some(labelled.column.get(*row)));
        }
        refused::check("Series", name)
    }

    fn attribute_names(&self) -> Vec<Arc<str>> {
        let labels = self.get().index.labels();
        let labels = labels.iter().take(1000).filter_map(|label| label.as_str().map(Arc::from));
        let methods = methods::names(Type::Host(&SERIES)).map(Arc::from);
        labels.chain(PROPERTIES.iter().map(|name| Arc::from(*name))).chain(methods).collect()
    }

    fn get(&self, vm: &mut Vm, key: &Value) -> Result<Value, Raise> {
        item(vm, self, key)
    }

    fn set(&self, vm: &mut Vm, key: &Value, value: Value) -> Result<(), Raise> {
        let kind = match key.downcast::<Slice>() {
            Some(slice) if is_place_slice(slice) => Kind::Iloc,
            _ => Kind::Loc,
        };
        Indexer { target: Target::Series(self.clone()), kind }.set(vm, key, value)
    }

    fn delete(&self, _: &mut Vm, key: &Value) -> Result<(), Raise> {
        let labelled = self.get();
        let found = labelled.index.find(key)?;
        if found.rows().is_empty() {
            return Err(pick::no_label(&labelled.index, key, "label"));
        }
        let left: Vec<usize> = (0..labelled.len()).filter(|row| !found.rows().contains(row)).collect();
        self.replace(labelled.take(&left))
    }

    fn set_attribute(&self, vm: &mut Vm, name: &str, value: Value) -> Result<(), Raise> {
        let labelled = self.get();
        match name {
            "name" => self.replace(Labelled { name: value, ..(*labelled).clone() }),
            "index" => {
                let index = data_frame::labels_from(vm, &value, labelled.len())?;
                self.replace(Labelled { index, ..(*labelled).clone() })
            }
            name => {
                Err(Raise::new(Exc::AttributeError, format!("attribute `{name}` of a column cannot be set"))
                    .help(format!("write `[\"{name}\"] = ...`")))
            }
        }
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.get().column.cells().to_vec())
    }

    fn len(&self) -> Option<usize> {
        Some(self.get().len())
    }

    /// As in pandas: `in` looks at the labels.
    fn contains(&self, _: &mut Vm, item: &Value) -> Option<Result<bool, Raise>> {
        Some(contains_label(&self.get().index, item))
    }

    fn entries(&self) -> Option<Vec<(Arc<str>, Value)>> {
        let labelled = self.get();
        (0..labelled.len())
            .map(|row| Some((labelled.index.label(row).as_str()?.into(), labelled.column.get(row))))
            .collect()
    }

    fn condition(&self) -> Result<bool, Raise> {
        Err(Raise::value_error("the truth value of a column is ambiguous")
            .help("ask what is meant: `.any()`, `.all()`, `.empty`, or `.item()` for a single value"))
    }

    fn repr(&self) -> String {
        render::series(&self.get())
    }

    fn binary(
        &self,
        vm: &mut Vm,
        op: BinaryOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        operate(vm, &self.get(), other, reflected, false, |vm, a, b| elementwise::binary(vm, op, a, b))
    }

    fn compare(
        &self,
        vm: &mut Vm,
        op: CompareOp,
        other: &Value,
        reflected: bool,
    ) -> Option<Result<Value, Raise>> {
        operate(vm, &self.get(), other, reflected, true, |vm, a, b| elementwise::compare(vm, op, a, b))
    }

    fn unary(&self, vm: &mut Vm, op: UnaryOp) -> Option<Result<Value, Raise>> {
        let labelled = self.get();
        let column = elementwise::unary(vm, op, &labelled.column);
        Some(column.map(|column| Series::value(labelled.with_column(column))))
    }

    /// A row keeps the names of its cells: `{params.row.fq1}`.
    fn to_model(&self) -> Option<model::value::Value> {
        let named = self.entries()?.into_iter().map(|(name, value)| Some((name, value.to_model().ok()?)));
        Some(model::value::Value::Record(named.collect::<Option<Vec<_>>>()?.into()))
    }

    fn inner(&self) -> Vec<Value> {
        let labelled = self.get();
        if labelled.column.dtype() == DType::Object { labelled.column.cells().to_vec() } else { Vec::new() }
    }

    fn freeze(&self) {
        self.0.freeze();
    }

    fn release(&mut self) -> Vec<Value> {
        let labelled = Arc::get_mut(&mut self.0).map(|shared| shared.take());
        let column = labelled.and_then(Arc::into_inner).map(|labelled| labelled.column);
        column.and_then(Arc::into_inner).map(|mut column| column.release()).unwrap_or_default()
    }
}

/// `label in index`: whole labels, or the first levels of them.
pub(crate) fn contains_label(index: &crate::lang::table::index::Index, label: &Value) -> Result<bool, Raise> {
    match label {
        Value::Tuple(parts) if index.is_multi() => {
            Ok(parts.0.len() <= index.levels().len() && !index.find_prefix(&parts.0)?.is_empty())
        }
        label if index.is_multi() => Ok(!index.levels()[0].find(label)?.rows().is_empty()),
        label => Ok(!index.find(label)?.rows().is_empty()),
    }
}
