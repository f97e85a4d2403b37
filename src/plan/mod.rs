//! L4: what must run, and why. Starts nothing.

pub(crate) mod aliases;
pub(crate) mod cached;
pub(crate) mod check;
pub(crate) mod code;
pub(crate) mod context;
pub(crate) mod forecast;
pub(crate) mod foreseen;
mod imports;
pub(crate) mod inputs;
pub(crate) mod instance;
pub(crate) mod locked;
pub(crate) mod orphans;
#[expect(clippy::module_inception, reason = "the plan is what this room makes")]
pub(crate) mod plan;
pub(crate) mod reported;
pub(crate) mod required;
pub(crate) mod select;
pub(crate) mod temp;
pub(crate) mod trust;
pub(crate) mod units;
