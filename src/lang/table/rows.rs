//! The rows of a table as dicts, to be checked and completed.

use crate::lang::raise::Raise;
use crate::lang::table::column::{Column, MISSING, is_missing};
use crate::lang::table::frame::Frame;
use crate::lang::table::objects::DataFrame;
use crate::lang::value::{Dict, DictMap, Key, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

/// Calls `check` with every row of a table as a dict without what is missing; what it adds to the dicts fills the
/// gaps of the table, and new columns. False when `value` is no table.
pub(crate) fn complete_rows(
    vm: &mut Vm,
    value: &Value,
    mut check: impl FnMut(&mut Vm, usize, &Value) -> Result<(), Raise>,
) -> Result<bool, Raise> {
    let Some(table) = value.downcast::<DataFrame>() else { return Ok(false) };
    let frame = table.get();
    vm.budget.allocate_items(frame.size().saturating_mul(3))?;
    let mut rows: Vec<Arc<Dict>> = Vec::with_capacity(frame.rows());
    for row in 0..frame.rows() {
        let Value::Dict(dict) = Value::dict(record(&frame, row)?) else { continue };
        check(vm, row, &Value::Dict(dict.clone()))?;
        rows.push(dict);
    }
    if let Some(completed) = completed(&frame, &rows)? {
        table.replace(completed)?;
    }
    Ok(true)
}

fn record(frame: &Frame, row: usize) -> Result<DictMap, Raise> {
    let labels = frame.columns.labels().into_iter();
    let cells = labels.zip(frame.cells(row)).filter(|(_, cell)| !is_missing(cell));
    cells.map(|(label, cell)| Ok((Key::new(label)?, cell))).collect()
}

/// The table with what the rows have more than it; nothing when they have no more.
fn completed(frame: &Frame, rows: &[Arc<Dict>]) -> Result<Option<Frame>, Raise> {
    let mut names: Vec<Key> = Vec::new();
    for row in rows {
        row.0.read(|map| {
            let new = map.keys().filter(|key| !names.contains(key)).cloned().collect::<Vec<_>>();
            names.extend(new);
        });
    }
    let at = |row: usize, name: &Key| rows[row].0.read(|map| map.get(name).cloned()).unwrap_or(MISSING);
    let mut result = frame.clone();
    let mut changed = false;
    for name in &names {
        let place = result.position(name.get());
        let gaps = place.map_or_else(|| (0..rows.len()).collect(), |place| result.data[place].missing_rows());
        if place.is_some() && gaps.iter().all(|row| is_missing(&at(*row, name))) {
            continue;
        }
        let mut cells = match place {
            Some(place) => result.data[place].cells().to_vec(),
            None => vec![MISSING; rows.len()],
        };
        gaps.iter().for_each(|row| cells[*row] = at(*row, name));
        let new = Column::infer(cells);
        // Numbers do not become whole because a gap was filled.
        let new = match place.map(|place| result.data[place].dtype()) {
            Some(old) if old.is_number() && new.dtype().is_number() => new.widen(old),
            _ => new,
        };
        result = result.with(name.value(), Arc::new(new));
        changed = true;
    }
    Ok(changed.then_some(result))
}
