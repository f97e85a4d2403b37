//! L3: the language: syntax tree to workflow. The only module that knows the evaluator's types.

pub(crate) mod action;
pub(crate) mod budget;
pub(crate) mod builtins;
pub(crate) mod bytes;
pub(crate) mod compare;
pub(crate) mod config;
pub(crate) mod eval;
pub(crate) mod exec;
pub(crate) mod format;
pub(crate) mod frame;
pub(crate) mod import;
pub(crate) mod index;
pub(crate) mod iter;
pub(crate) mod load;
pub(crate) mod methods;
pub(crate) mod modules;
pub(crate) mod object;
pub(crate) mod ops;
pub(crate) mod percent;
pub(crate) mod raise;
pub(crate) mod reads;
pub(crate) mod repr;
pub(crate) mod schema;
pub(crate) mod scope;
pub(crate) mod table;
pub(crate) mod teardown;
pub(crate) mod value;
pub(crate) mod vm;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
