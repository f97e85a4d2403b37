//! Actions that are Rust closures. A panic in one is its failure, not ours.

use crate::exec::executor::Outcome;
use crate::model::action::{FunctionAction, JobContext};
use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) fn run(action: &FunctionAction, context: &JobContext) -> Outcome {
    // Unwind safety: what the closure shares with its host is the host's; of ours it has only shared data.
    match catch_unwind(AssertUnwindSafe(|| (action.run)(context))) {
        Ok(Ok(())) => Outcome::Success,
        Ok(Err(error)) => Outcome::FunctionError(chain(&*error)),
        Err(panic) => Outcome::FunctionError(panicked(&*panic)),
    }
}

/// The error and its sources, those left out that an outer message already contains.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text = format!("{text}: {inner}");
        }
        source = error.source();
    }
    text
}

/// How a panic is told.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> String {
    format!("panicked: {}", panic_text(panic))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "without a message",
    }
}
