//! L5: one run. The core is a pure state machine; `drive` performs its effects.

mod ahead;
pub(crate) mod cancel;
mod code;
pub(crate) mod conclude;
pub(crate) mod core;
pub(crate) mod drive;
pub(crate) mod event;
mod launch;
pub(crate) mod ledger;
pub(crate) mod restore;
pub(crate) mod slots;
#[cfg(feature = "tracing")]
mod spans;
pub(crate) mod state;
pub(crate) mod times;
mod together;
pub(crate) mod work;
