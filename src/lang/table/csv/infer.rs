//! Fields to columns, with the types that pandas finds in a file.

use crate::lang::raise::Raise;
use crate::lang::table::column::{Column, MISSING};
use crate::lang::table::dtype::{self, DType};
use crate::lang::value::Value;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// What stands for a missing value, as pandas takes it.
pub(crate) const MISSING_TEXTS: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A",
    "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
];

/// Which texts of a column are missing values.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) texts: FxHashSet<String>,
    /// For columns with texts of their own.
    pub(crate) by_column: Vec<(Value, FxHashSet<String>)>,
}

impl Missing {
    pub(crate) fn of_column(&self, name: &Value) -> &FxHashSet<String> {
        self.by_column.iter().find(|(column, _)| column.is_same(name)).map_or(&self.texts, |(_, texts)| texts)
    }
}

/// Distinct texts of a column that share their memory.
const MAX_SHARED: usize = 4096;

/// The column of some fields; a line that is too short has none.
pub(crate) fn column<'f>(
    fields: impl Iterator<Item = Option<&'f str>> + Clone,
    missing: &FxHashSet<String>,
    wanted: Option<DType>,
) -> Result<Column, Raise> {
    let given = |field: Option<&'f str>| field.filter(|text| !missing.contains(*text));
    let fields = fields.map(given);
    if let Some(wanted) = wanted {
        return as_wanted(fields, wanted);
    }
    let has_missing = fields.clone().any(|field| field.is_none());
    if fields.clone().next().is_none() {
        return Ok(Column::new(DType::Object, Vec::new()));
    }
    if fields.clone().all(|field| field.is_none()) {
        return Ok(Column::new(DType::Float, fields.map(|_| MISSING).collect()));
    }
    let int = if has_missing { DType::Float } else { DType::Int };
    if let Some(cells) = all(fields.clone(), |text| parse_int(text).map(|n| int.fit(Value::Int(n)))) {
        return Ok(Column::new(int, cells));
    }
    // Whole numbers of more than 64 bits keep their digits.
    let digits =
        |text: &str| is_long_int(text).then_some(Value::None).or_else(|| parse_int(text).map(Value::Int));
    if all(fields.clone(), digits).is_some() {
        return Ok(Column::new(DType::Object, texts(fields)));
    }
    if let Some(cells) = all(fields.clone(), |text| parse_float(text).map(Value::Float)) {
        return Ok(Column::new(DType::Float, cells));
    }
    if let Some(cells) = all(fields.clone(), |text| parse_bool(text).map(Value::Bool)) {
        return Ok(Column::new(if has_missing { DType::Object } else { DType::Bool }, cells));
    }
    Ok(Column::new(DType::Str, texts(fields)))
}

/// The cells when every field can be read; a missing one is NaN.
fn all<'f>(
    fields: impl Iterator<Item = Option<&'f str>>,
    parse: impl Fn(&str) -> Option<Value>,
) -> Option<Vec<Value>> {
    fields.map(|field| field.map_or(Some(MISSING), &parse)).collect()
}

fn texts<'f>(fields: impl Iterator<Item = Option<&'f str>>) -> Vec<Value> {
    let mut shared: FxHashMap<&str, Arc<str>> = FxHashMap::default();
    let mut text = |field: &'f str| -> Arc<str> {
        if let Some(known) = shared.get(field) {
            return known.clone();
        }
        let new: Arc<str> = field.into();
        if shared.len() < MAX_SHARED {
            shared.insert(field, new.clone());
        }
        new
    };
    fields.map(|field| field.map_or(MISSING, |field| Value::Str(text(field)))).collect()
}

fn as_wanted<'f>(
    fields: impl Iterator<Item = Option<&'f str>> + Clone,
    wanted: DType,
) -> Result<Column, Raise> {
    if wanted == DType::Str {
        return Ok(Column::new(DType::Str, texts(fields)));
    }
    if wanted == DType::Object {
        // `Int64` and the like: whole numbers beside missing values.
        let cells = all(fields.clone(), |text| parse_int(text).map(Value::Int));
        return Ok(Column::new(DType::Object, cells.unwrap_or_else(|| texts(fields))));
    }
    let cell = |field: Option<&str>| match (field, wanted) {
        (None, DType::Float) => Ok(MISSING),
        (None, _) => {
            Err(Raise::value_error(format!("a column of type `{}` has missing values", wanted.name()))
                .help("read it as `float` or `str`"))
        }
        (Some(text), DType::Bool) => parse_bool(text)
            .map(Value::Bool)
            .ok_or_else(|| Raise::value_error(format!("`{text}` is no truth value"))),
        (Some(text), _) => dtype::cast(&text.into(), DType::Str, wanted),
    };
    Ok(Column::new(wanted, fields.map(cell).collect::<Result<_, _>>()?))
}

fn parse_int(text: &str) -> Option<i64> {
    let digits = text.trim_matches(' ');
    // `+5` is a number, `+` and `1_0` are none: Rust agrees.
    digits.parse().ok()
}

fn is_long_int(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && text.parse::<i64>().is_err()
}

fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim_matches(' ');
    // Rust also reads `nan`, which is a missing value or a text here.
    text.parse().ok().filter(|x: &f64| !x.is_nan())
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "True" | "TRUE" | "true" => Some(true),
        "False" | "FALSE" | "false" => Some(false),
        _ => None,
    }
}
