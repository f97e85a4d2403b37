//! L2: what a workflow *is*: rules, patterns, templates, values. Pure data and its validation; no job ids, no
//! files, no evaluator.

pub(crate) mod action;
pub(crate) mod build;
mod closure;
pub(crate) mod draft;
pub(crate) mod dynamic;
pub(crate) mod environment;
pub(crate) mod finish;
pub(crate) mod flags;
pub(crate) mod imported;
pub(crate) mod job_context;
pub(crate) mod order;
pub(crate) mod path_pattern;
pub(crate) mod pattern;
pub(crate) mod rule;
pub(crate) mod rule_builder;
pub(crate) mod slots;
pub(crate) mod template;
pub(crate) mod units;
pub(crate) mod value;
pub(crate) mod wildcards;
pub(crate) mod workflow;
