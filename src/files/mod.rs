//! L3: the only module that touches the user's files. Does not know the store.

pub(crate) mod hash;
pub(crate) mod observe;
pub(crate) mod outputs;
mod place;
pub(crate) mod results;
pub(crate) mod stat;
pub(crate) mod tree;

#[cfg(test)]
mod tests;
