//! The variables of a call, of a file and of comprehensions that run in it.

use crate::lang::raise::Raise;
use crate::lang::value::{Cell, Function, Shared, Value};
use crate::lang::vm::SpaceId;
use std::sync::Arc;

/// A local variable.
pub(crate) enum Slot {
    Unbound,
    Value(Value),
    /// Shared with a function defined inside.
    Cell(Arc<Cell>),
}

impl Slot {
    pub(super) fn get(&self) -> Option<Value> {
        match self {
            Slot::Unbound => None,
            Slot::Value(value) => Some(value.clone()),
            Slot::Cell(cell) => cell.0.read(Option::clone),
        }
    }

    pub(super) fn set(&mut self, value: Option<Value>) -> Result<(), Raise> {
        if let Slot::Cell(cell) = self {
            let old = cell.0.write(|content| std::mem::replace(content, value))?;
            drop(old);
            return Ok(());
        }
        *self = value.map_or(Slot::Unbound, Slot::Value);
        Ok(())
    }

    /// The variable as a cell, so that a function can share it.
    fn share(&mut self) -> Arc<Cell> {
        if let Slot::Cell(cell) = self {
            return cell.clone();
        }
        let content = match std::mem::replace(self, Slot::Unbound) {
            Slot::Value(value) => Some(value),
            _ => None,
        };
        let cell = Arc::new(Cell(Shared::new(content)));
        *self = Slot::Cell(cell.clone());
        cell
    }
}

/// The variables of one call, or of a file at top level.
pub(crate) struct Frame<'f> {
    pub(crate) space: SpaceId,
    pub(super) function: Option<&'f Function>,
    pub(super) slots: Vec<Slot>,
    /// Variables of the comprehensions that are running, innermost last.
    pub(super) inner: Vec<(Arc<str>, Slot)>,
    /// The exceptions being handled, for a bare `raise`.
    pub(crate) handling: Vec<Raise>,
    /// What a function with `yield` has given so far.
    pub(crate) yields: Option<Vec<Value>>,
}

impl<'f> Frame<'f> {
    /// The top level of a file: all names are globals.
    pub(crate) fn module(space: SpaceId) -> Frame<'f> {
        Frame {
            space,
            function: None,
            slots: Vec::new(),
            inner: Vec::new(),
            handling: Vec::new(),
            yields: None,
        }
    }

    pub(crate) fn call(function: &'f Function, slots: Vec<Slot>) -> Frame<'f> {
        let space = function.space;
        Frame {
            space,
            function: Some(function),
            slots,
            inner: Vec::new(),
            handling: Vec::new(),
            yields: None,
        }
    }

    /// A local variable without cloning, when that is possible.
    pub(super) fn peek(&self, name: &str) -> Peek<'_> {
        if let Some((_, slot)) = self.inner.iter().rev().find(|(n, _)| **n == *name) {
            return Peek::Slot(slot);
        }
        let Some(function) = self.function else { return Peek::Global };
        if let Some(index) = function.scope.local(name) {
            return Peek::Slot(&self.slots[index]);
        }
        match function.scope.free(name).and_then(|index| function.captured[index].as_ref()) {
            Some(cell) => Peek::Cell(cell),
            None => Peek::Global,
        }
    }

    /// The variable as a cell, if it is not a global.
    pub(super) fn share(&mut self, name: &str) -> Option<Arc<Cell>> {
        if let Some((_, slot)) = self.inner.iter_mut().rev().find(|(n, _)| **n == *name) {
            return Some(slot.share());
        }
        let function = self.function?;
        if let Some(index) = function.scope.local(name) {
            return Some(self.slots[index].share());
        }
        function.scope.free(name).and_then(|index| function.captured[index].clone())
    }

    /// The local variables with their values; `None` at the top level of a file.
    pub(super) fn variables(&self) -> Option<Vec<(Arc<str>, Value)>> {
        if self.function.is_none() && self.inner.is_empty() {
            return None;
        }
        let locals = self.function.iter().flat_map(|f| f.scope.locals.iter().zip(&self.slots));
        let captured = self.function.iter().flat_map(|f| f.scope.free.iter().zip(&f.captured));
        let captured =
            captured.filter_map(|(name, cell)| Some((name.clone(), cell.as_ref()?.0.read(Option::clone)?)));
        let locals = locals.filter_map(|(name, slot)| Some((name.clone(), slot.get()?)));
        let inner = self.inner.iter().filter_map(|(name, slot)| Some((name.clone(), slot.get()?)));
        Some(locals.chain(captured).chain(inner).collect())
    }

    pub(super) fn local_names(&self) -> impl Iterator<Item = &str> {
        let inner = self.inner.iter().map(|(name, _)| &**name);
        inner.chain(self.function.iter().flat_map(|f| f.scope.locals.iter().map(|n| &**n)))
    }
}

/// Where a variable is found.
pub(super) enum Peek<'p> {
    Slot(&'p Slot),
    Cell(&'p Arc<Cell>),
    Global,
}
