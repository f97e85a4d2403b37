//! What an evaluation may cost: turns, depth, bytes, and whether it was cancelled.
//!
//! Evaluating an untrusted Rulefile must end: every loop turn and call costs fuel, and memory is asked for
//! before it is allocated. Exceeding it cannot be caught by the Rulefile.

use crate::lang::raise::{Exc, Raise};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Clone, Debug)]
pub(crate) struct Budget {
    fuel: u64,
    bytes: u64,
    depth: u32,
    /// Bytes of the thread's stack that evaluation may use, from where it was entered.
    stack: usize,
    base: usize,
    cancel: Option<Arc<AtomicBool>>,
    /// The size of the largest object that may be made.
    object: u64,
}

/// One object may not be larger.
pub(crate) const MAX_OBJECT_BYTES: u64 = 256 << 20;
/// `expand` and the like make at most so many results.
pub(crate) const MAX_PRODUCT: u64 = 1_000_000;
const MAX_DEPTH: u32 = 200;
const CANCEL_EVERY: u64 = 1024;

impl Budget {
    /// For loading a workflow, in a number of steps if somebody has set one.
    pub(crate) fn load(steps: Option<u64>) -> Budget {
        Budget::new(steps.unwrap_or(200_000_000), 2 << 30)
    }

    /// For one call of a function of a rule.
    pub(crate) fn call() -> Budget {
        Budget::new(20_000_000, 512 << 20)
    }

    /// For code that runs as a job: it takes the time and the memory that it takes, and ends when it is told to.
    pub(crate) fn job(cancel: Arc<AtomicBool>) -> Budget {
        Budget { object: u64::MAX, ..Budget::new(u64::MAX, u64::MAX) }.with_cancel(cancel)
    }

    pub(crate) fn new(fuel: u64, bytes: u64) -> Budget {
        Budget { fuel, bytes, depth: 0, stack: 1 << 20, base: 0, cancel: None, object: MAX_OBJECT_BYTES }
    }

    pub(crate) fn with_cancel(mut self, flag: Arc<AtomicBool>) -> Budget {
        self.cancel = Some(flag);
        self
    }

    /// Pays for `n` turns of a loop.
    pub(crate) fn spend(&mut self, n: u64) -> Result<(), Raise> {
        let before = self.fuel;
        let Some(left) = before.checked_sub(n) else {
            self.fuel = 0;
            return Err(Raise::new(Exc::BudgetExceeded, "evaluation takes too many steps")
                .help("is there a loop that never ends? Heavy computing belongs into a rule"));
        };
        self.fuel = left;
        if before / CANCEL_EVERY != left / CANCEL_EVERY
            && self.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
        {
            return Err(Raise::new(Exc::Cancelled, "evaluation was cancelled"));
        }
        Ok(())
    }

    /// Pays for memory before it is allocated, and for the time to fill it.
    pub(crate) fn allocate(&mut self, bytes: u64) -> Result<(), Raise> {
        if bytes > self.object {
            return Err(too_much(bytes));
        }
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| too_much(bytes))?;
        self.spend(bytes / 256)
    }

    /// Steps that are left to spend.
    pub(crate) fn fuel(&self) -> u64 {
        self.fuel
    }

    /// The size of the largest object that may still be made.
    pub(crate) fn room(&self) -> u64 {
        self.bytes.min(self.object)
    }

    /// Pays for `count` elements of a list before they are made.
    pub(crate) fn allocate_items(&mut self, count: u64) -> Result<(), Raise> {
        self.allocate(count.saturating_mul(size_of::<crate::lang::value::Value>() as u64))
    }

    /// Enters a call.
    pub(crate) fn enter(&mut self) -> Result<(), Raise> {
        self.spend(1)?;
        if self.depth >= MAX_DEPTH {
            return Err(Raise::new(Exc::RecursionError, "functions call each other too deeply")
                .help(format!("the limit is {MAX_DEPTH} calls inside each other")));
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Notes where the stack stands when evaluation is entered from outside; gives what to restore.
    pub(crate) fn enter_stack(&mut self) -> usize {
        let old = self.base;
        if old == 0 {
            self.base = stack_address();
        }
        old
    }

    pub(crate) fn restore_stack(&mut self, old: usize) {
        self.base = old;
    }

    /// Whether the thread's stack has room for one more level.
    #[inline]
    pub(crate) fn check_stack(&self) -> Result<(), Raise> {
        if self.base.abs_diff(stack_address()) > self.stack {
            return Err(Raise::new(Exc::RecursionError, "evaluation is nested too deeply"));
        }
        Ok(())
    }
}

#[inline]
fn stack_address() -> usize {
    let here = 0u8;
    std::ptr::from_ref(&here).addr()
}

fn too_much(bytes: u64) -> Raise {
    Raise::new(Exc::BudgetExceeded, format!("evaluation needs too much memory (asked for {bytes} bytes)"))
        .help("large data belongs into files and rules")
}
