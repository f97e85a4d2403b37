//! Every screen that a user sees, compared as a whole with `tests/screens/*.case`.
//! `support/golden.rs` says how a case is written; `UPDATE_GOLDEN=1 cargo test --test screens` writes the outputs anew.
//! The live area of a terminal is looked at in `terminal.rs`, mistakes of Rulefiles in `diagnostics.rs`.

// The texts of `bash` and of the system stand in some of them.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when it cannot go on, and is told by the environment what to do"
)]

#[path = "support/golden.rs"]
mod golden;

#[test]
fn screens_are_as_they_were() {
    golden::check_all("screens");
}
