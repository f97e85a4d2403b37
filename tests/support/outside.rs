//! What a search for more is told from outside: `RULEMAKE_SEED`, `RULEMAKE_CASES`.

/// The number in a variable.
#[expect(clippy::disallowed_methods, reason = "how long and where to search is the caller's to say")]
pub(crate) fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not `{value}`")))
}
