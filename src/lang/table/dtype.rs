//! Types of columns: how they are found, widened and changed, as pandas 3 does it.

use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::table::column::{MISSING, is_missing};
use crate::lang::value::{Type, Value};
use crate::model::value::python_float;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DType {
    Bool,
    Int,
    /// Whole numbers become these when a value is missing.
    Float,
    /// Texts; a missing one is NaN.
    Str,
    /// Anything.
    Object,
}

impl DType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::Int => "int64",
            DType::Float => "float64",
            DType::Str => "str",
            DType::Object => "object",
        }
    }

    pub(crate) fn holds(self, value: &Value) -> bool {
        match self {
            DType::Bool => matches!(value, Value::Bool(_)),
            DType::Int => matches!(value, Value::Int(_)),
            DType::Float => matches!(value, Value::Float(_)),
            DType::Str => matches!(value, Value::Str(_)) || is_nan(value),
            DType::Object => true,
        }
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, DType::Int | DType::Float)
    }

    /// The type that also holds a missing value.
    pub(crate) fn with_missing(self) -> DType {
        match self {
            DType::Int => DType::Float,
            DType::Bool => DType::Object,
            other => other,
        }
    }

    /// The type that holds the values of all.
    pub(crate) fn common(types: impl Iterator<Item = DType>) -> Option<DType> {
        types.reduce(|a, b| match (a, b) {
            (a, b) if a == b => a,
            (a, b) if a.is_number() && b.is_number() => DType::Float,
            _ => DType::Object,
        })
    }

    /// A value of a narrower type as one of this type.
    pub(crate) fn fit(self, value: Value) -> Value {
        match (self, value) {
            (DType::Float, Value::Int(n)) => Value::Float(n as f64),
            (DType::Float | DType::Str, Value::None) => MISSING,
            (_, Value::Float(x)) if x.is_nan() => MISSING,
            (_, value) => value,
        }
    }

    /// The type that a program names: `str`, `"int64"`, `float`.
    pub(crate) fn named(value: &Value) -> Result<DType, Raise> {
        let known = match value {
            Value::Type(Type::Str) => Some(DType::Str),
            Value::Type(Type::Int) => Some(DType::Int),
            Value::Type(Type::Float) => Some(DType::Float),
            Value::Type(Type::Bool) => Some(DType::Bool),
            Value::Type(Type::Object) => Some(DType::Object),
            Value::Str(name) => match &**name {
                "str" | "string" | "U" => Some(DType::Str),
                "int" | "int64" | "int32" | "int16" | "int8" | "uint8" | "uint16" | "uint32" | "uint64" => {
                    Some(DType::Int)
                }
                "float" | "float64" | "float32" => Some(DType::Float),
                "bool" => Some(DType::Bool),
                // With missing values these are whole numbers all the same.
                "object" | "O" | "Int64" | "Int32" | "boolean" => Some(DType::Object),
                _ => None,
            },
            // `df.dtypes["x"]`
            Value::Object(_) => value.downcast::<DTypeValue>().map(|DTypeValue(dtype)| *dtype),
            _ => None,
        };
        known.ok_or_else(|| {
            Raise::unsupported(
                format!("a column cannot have the type {}", value.repr()),
                "its type can be `str`, `int`, `float`, `bool` or `object`",
            )
        })
    }
}

/// `df["x"].dtype`
#[derive(Debug)]
pub(crate) struct DTypeValue(pub(crate) DType);

impl crate::lang::value::Object for DTypeValue {
    fn type_name(&self) -> &'static str {
        "dtype"
    }

    fn attribute(&self, name: &str) -> Result<Option<Value>, Raise> {
        Ok(match name {
            "name" => Some(self.0.name().into()),
            "kind" => Some(
                match self.0 {
                    DType::Bool => "b",
                    DType::Int => "i",
                    DType::Float => "f",
                    DType::Str | DType::Object => "O",
                }
                .into(),
            ),
            _ => None,
        })
    }

    /// `dtype == "int64"`, `dtype == str`
    fn compare(
        &self,
        _: &mut crate::lang::vm::Vm,
        op: crate::syntax::ast::CompareOp,
        other: &Value,
        _: bool,
    ) -> Option<Result<Value, Raise>> {
        use crate::syntax::ast::CompareOp;
        let same = DType::named(other).is_ok_and(|dtype| dtype == self.0);
        match op {
            CompareOp::Eq => Some(Ok(Value::Bool(same))),
            CompareOp::Ne => Some(Ok(Value::Bool(!same))),
            _ => None,
        }
    }

    fn text(&self) -> String {
        self.0.name().to_string()
    }

    fn repr(&self) -> String {
        format!("dtype('{}')", self.0.name())
    }
}

fn is_nan(value: &Value) -> bool {
    matches!(value, Value::Float(x) if x.is_nan())
}

/// The type that pandas finds for values of Python, and the values as it keeps them.
pub(crate) fn infer(mut values: Vec<Value>) -> (DType, Vec<Value>) {
    let (mut bools, mut ints, mut floats, mut texts, mut others) = (0, 0, 0, 0, 0);
    let (mut nans, mut nones) = (0, 0);
    for value in &mut values {
        match value {
            Value::Bool(_) => bools += 1,
            Value::Int(_) => ints += 1,
            Value::Float(x) if x.is_nan() => {
                *value = MISSING;
                nans += 1;
            }
            Value::Float(_) => floats += 1,
            Value::Str(_) => texts += 1,
            Value::None => nones += 1,
            _ => others += 1,
        }
    }
    let (missing, numbers) = (nans + nones, ints + floats);
    let dtype = match () {
        () if values.is_empty() || others > 0 => DType::Object,
        () if texts > 0 && bools + numbers == 0 => DType::Str,
        () if texts > 0 => DType::Object,
        () if bools > 0 && numbers + missing == 0 => DType::Bool,
        () if bools > 0 => DType::Object,
        () if ints > 0 && floats + missing == 0 => DType::Int,
        () if numbers > 0 || nans > 0 => DType::Float,
        () => DType::Object,
    };
    if matches!(dtype, DType::Float | DType::Str) && (ints > 0 || nones > 0) {
        values = values.into_iter().map(|value| dtype.fit(value)).collect();
    }
    (dtype, values)
}

/// One cell as another type; `from` is the type of its column.
pub(crate) fn cast(value: &Value, from: DType, to: DType) -> Result<Value, Raise> {
    match to {
        DType::Object => Ok(value.clone()),
        DType::Str if is_missing(value) => Ok(MISSING),
        DType::Str => Ok(Value::Str(as_text(value))),
        DType::Float => cast_float(value),
        DType::Int => cast_int(value),
        DType::Bool => match value {
            // In a column of texts a missing one is false, in one of numbers it is not zero.
            value if is_missing(value) && from == DType::Str => Ok(Value::Bool(false)),
            value => Ok(Value::Bool(value.condition()?)),
        },
    }
}

/// `str(cell)`
pub(crate) fn as_text(value: &Value) -> std::sync::Arc<str> {
    match value {
        Value::Float(x) => python_float(*x).into(),
        other => other.display(),
    }
}

fn cast_float(value: &Value) -> Result<Value, Raise> {
    match value {
        Value::None => Ok(MISSING),
        Value::Str(text) => match text.trim().parse::<f64>() {
            Ok(x) => Ok(DType::Float.fit(Value::Float(x))),
            Err(_) => Err(Raise::value_error(format!("could not convert string to float: {}", value.repr()))),
        },
        other => match Number::of(other) {
            Some(number) => Ok(Value::Float(number.float())),
            None => Err(Raise::type_error(format!("a `{}` is no number", other.type_name()))),
        },
    }
}

fn cast_int(value: &Value) -> Result<Value, Raise> {
    match value {
        value if is_missing(value) => Err(Raise::value_error("a missing value is no whole number")
            .help("fill the gaps first: `.fillna(0)`, or drop them: `.dropna()`")),
        Value::Float(x) => match ops::float_to_int(x.trunc()) {
            Some(n) => Ok(Value::Int(n)),
            None => Err(Raise::new(Exc::OverflowError, format!("{x} is too large for a whole number"))),
        },
        Value::Str(text) => text.trim().parse().map(Value::Int).map_err(|_| {
            Raise::value_error(format!("invalid literal for int() with base 10: {}", value.repr()))
        }),
        other => match ops::as_int(other) {
            Some(n) => Ok(Value::Int(n)),
            None => Err(Raise::type_error(format!("a `{}` is no whole number", other.type_name()))),
        },
    }
}
