//! Tables as text, for `print` and messages.

use crate::lang::table::column::Column;
use crate::lang::table::dtype::DType;
use crate::lang::table::frame::{Frame, Labelled};
use crate::lang::table::index::Index;
use crate::lang::value::Value;
use crate::model::value::python_float;
use unicode_width::UnicodeWidthStr;

/// Longer tables are cut in the middle.
const MAX_ROWS: usize = 60;
/// Rows that are left of a longer table at each end.
const SHOWN: usize = 5;
const MAX_CELL: usize = 50;

/// The rows that are shown; `None` where others are left out.
fn shown_rows(len: usize) -> Vec<Option<usize>> {
    if len <= MAX_ROWS {
        return (0..len).map(Some).collect();
    }
    let head = (0..SHOWN).map(Some);
    head.chain([None]).chain((len - SHOWN..len).map(Some)).collect()
}

pub(crate) fn cell(value: &Value) -> String {
    let text = match value {
        Value::Float(x) if x.is_nan() => "NaN".to_string(),
        Value::Float(x) => python_float(*x),
        other => other.display().replace('\n', "\\n"),
    };
    match text.char_indices().nth(MAX_CELL) {
        Some((cut, _)) => format!("{}...", text.get(..cut.saturating_sub(3)).unwrap_or("")),
        None => text,
    }
}

fn cells(column: &Column, rows: &[Option<usize>]) -> Vec<String> {
    rows.iter().map(|row| row.map_or("...".into(), |row| cell(&column.get(row)))).collect()
}

fn padded(texts: Vec<String>, left: bool) -> Vec<String> {
    let width = texts.iter().map(|text| text.width()).max().unwrap_or(0);
    let pad = |text: String| {
        let fill = " ".repeat(width - text.width());
        if left { text + &fill } else { fill + &text }
    };
    texts.into_iter().map(pad).collect()
}

fn labels(index: &Index, rows: &[Option<usize>], heads: &[String]) -> Vec<Vec<String>> {
    let levels = index.levels().iter().zip(index.names());
    levels
        .map(|(level, name)| {
            let name = if matches!(name, Value::None) { String::new() } else { cell(name) };
            let mut texts = heads.to_vec();
            texts.extend((!heads.is_empty()).then_some(name));
            texts.extend(cells(level, rows));
            padded(texts, true)
        })
        .collect()
}

pub(crate) fn frame(frame: &Frame) -> String {
    if frame.data.is_empty() || frame.rows() == 0 {
        let columns: Vec<String> = frame.columns.labels().iter().map(cell).collect();
        return format!(
            "Empty DataFrame\nColumns: [{}]\nIndex: [{}]",
            columns.join(", "),
            frame.index.labels().iter().take(10).map(cell).collect::<Vec<_>>().join(", ")
        );
    }
    let rows = shown_rows(frame.rows());
    let is_named = frame.index.names().iter().any(|name| !matches!(name, Value::None));
    let head: Vec<String> = if is_named { vec![String::new()] } else { Vec::new() };
    let mut blocks = labels(&frame.index, &rows, &head);
    if !is_named {
        blocks.iter_mut().for_each(|block| {
            let width = block.first().map_or(0, |text| text.width());
            block.insert(0, " ".repeat(width));
        });
    }
    for (at, column) in frame.data.iter().enumerate() {
        let mut texts = vec![cell(&frame.columns.label(at))];
        texts.extend(is_named.then(String::new));
        texts.extend(cells(column, &rows));
        blocks.push(padded(texts, false));
    }
    let lines = blocks.first().map_or(0, Vec::len);
    let line = |at: usize| blocks.iter().map(|block| block[at].as_str()).collect::<Vec<_>>().join("  ");
    let mut text: Vec<String> = (0..lines).map(line).collect();
    if frame.rows() > MAX_ROWS {
        text.push(format!("\n[{} rows x {} columns]", frame.rows(), frame.data.len()));
    }
    text.join("\n")
}

pub(crate) fn series(series: &Labelled) -> String {
    let name = match &series.name {
        Value::None => String::new(),
        name => format!("Name: {}, ", name.display()),
    };
    let dtype = series.column.dtype().name();
    if series.len() == 0 {
        return format!("Series([], {name}dtype: {dtype})");
    }
    let rows = shown_rows(series.len());
    let mut blocks = labels(&series.index, &rows, &[]);
    blocks.push(padded(cells(&series.column, &rows), false));
    let line = |at: usize| blocks.iter().map(|block| block[at].as_str()).collect::<Vec<_>>().join("    ");
    let mut text: Vec<String> = (0..rows.len()).map(line).collect();
    let length = if series.len() > MAX_ROWS { format!("Length: {}, ", series.len()) } else { String::new() };
    text.push(format!("{name}{length}dtype: {dtype}"));
    text.join("\n")
}

pub(crate) fn index(index: &Index) -> String {
    let labels: Vec<String> = index.labels().iter().take(100).map(Value::repr).collect();
    let more = if index.len() > 100 { ", ..." } else { "" };
    if index.is_multi() {
        let names: Vec<String> = index.names().iter().map(Value::repr).collect();
        return format!("MultiIndex([{}{more}], names=[{}])", labels.join(", "), names.join(", "));
    }
    let name = match index.name() {
        Value::None => String::new(),
        name => format!(", name={}", name.repr()),
    };
    if index.is_count() {
        return format!("RangeIndex(start=0, stop={}, step=1{name})", index.len());
    }
    format!("Index([{}{more}], dtype='{}'{name})", labels.join(", "), index.dtype().name())
}

/// numpy's text of one row of cells.
pub(crate) fn array(cells: &[Value], dtype: DType) -> String {
    let text = |value: &Value| match (dtype, value) {
        (DType::Float, Value::Float(x)) if x.fract() == 0.0 && x.is_finite() => {
            python_float(*x).trim_end_matches('0').to_string()
        }
        (_, value) => value.repr(),
    };
    let texts: Vec<String> = cells.iter().take(1000).map(text).collect();
    format!("[{}{}]", texts.join(" "), if cells.len() > 1000 { " ..." } else { "" })
}
