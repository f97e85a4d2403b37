//! L2: which rule makes a path. Knows patterns and nothing else of rules.

mod ends;
pub(crate) mod index;
pub(crate) mod matcher;
