//! L2: what is remembered of one execution, and how it compares with what would be executed now. Pure data; knows
//! no graph, no files, no store.

pub(crate) mod compare;
pub(crate) mod fingerprint;
pub(crate) mod identity;
pub(crate) mod lock;
pub(crate) mod reason;
pub(crate) mod tree;
