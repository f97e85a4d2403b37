//! L4: what must run, and why. Starts nothing.

#[expect(clippy::module_inception, reason = "the plan is what this room makes")]
pub(crate) mod plan;
