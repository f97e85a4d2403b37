//! L3: jobs and their order. Knows rules and paths; opens no file.

mod blame;
pub(crate) mod checkpoints;
mod choose;
pub(crate) mod cycle;
pub(crate) mod dag;
mod errors;
mod expand;
mod feasible;
pub(crate) mod grow;
mod hits;
pub(crate) mod info;
pub(crate) mod job;
mod nearby;
mod nested;
mod other_names;
mod render;
pub(crate) mod resolve;
#[cfg(test)]
mod tests;
mod updates;
