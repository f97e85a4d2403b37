//! L3: the only module that touches the user's files. Does not know the store.

pub(crate) mod hash;
pub(crate) mod observe;
pub(crate) mod outputs;
pub(crate) mod results;
mod place;
pub(crate) mod stat;
pub(crate) mod tree;

#[cfg(test)]
mod tests;
