//! What `lookup(query=..., within=table)` gives: rows of a table as Snakemake gives them.

use crate::lang::raise::{Exc, Raise};
use crate::lang::table::data_frame::{columns_of, take_rows};
use crate::lang::table::methods::export::records;
use crate::lang::table::objects::{frame_of, labelled_of};
use crate::lang::table::pick::Pick;
use crate::lang::table::query;
use crate::lang::value::Value;
use crate::lang::vm::Vm;
use std::sync::Arc;

/// Which columns of the rows are given.
#[derive(Clone, Debug)]
pub(crate) enum Columns {
    /// All, with the index.
    All,
    /// A list of its values.
    One(Arc<str>),
    Many(Vec<Arc<str>>),
}

/// Whether a value is a table or a column.
pub(crate) fn is_table(value: &Value) -> bool {
    frame_of(value).is_some() || labelled_of(value).is_some()
}

/// The rows of a table for which a query holds: a namedtuple for one row, a list of them for several, the values
/// of a column when only that is asked for, or whether there are `count` rows.
pub(crate) fn rows(
    vm: &mut Vm,
    within: &Value,
    text: &str,
    columns: &Columns,
    count: Option<i64>,
    default: Option<&Value>,
) -> Result<Value, Raise> {
    let frame =
        frame_of(within).or_else(|| labelled_of(within).map(|series| Arc::new(series.to_frame(None))));
    let frame = frame.unwrap_or_default();
    let found = query::rows(vm, &frame, text, &[]).map_err(|raise| in_query(raise, text))?;
    if let Some(count) = count {
        return Ok(Value::Bool(found.len() as i64 == count));
    }
    if found.is_empty()
        && let Some(default) = default
    {
        return Ok(default.clone());
    }
    let selected = match columns {
        Columns::All => (*frame).clone(),
        Columns::One(name) => {
            let at = frame.expect(&Value::Str(name.clone()))?;
            vm.budget.allocate_items(found.len() as u64)?;
            return Ok(Value::list(found.iter().map(|row| frame.data[at].get(*row)).collect()));
        }
        Columns::Many(names) => {
            let labels: Vec<Value> = names.iter().map(|name| Value::Str(name.clone())).collect();
            frame.select(&columns_of(&frame, &labels)?)
        }
    };
    let taken = take_rows(vm, &selected, &Pick::many(found))?;
    let taken = frame_of(&taken).unwrap_or_default();
    let mut rows = records(vm, &taken, matches!(columns, Columns::All), Some("Pandas"))?;
    Ok(match rows.len() {
        1 => rows.pop().unwrap_or(Value::None),
        _ => Value::list(rows),
    })
}

/// A failing query, with the text that was asked in the end.
fn in_query(raise: Raise, text: &str) -> Raise {
    if raise.kind().is_fatal() {
        return raise;
    }
    let message = format!("`lookup` with the query `{text}`: {}", raise.message());
    raise.with_message(Exc::WorkflowError, message)
}
