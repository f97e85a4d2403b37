//! L4: runs one job. The only module that starts processes; knows no plan.

pub(crate) mod executor;
mod function;
pub(crate) mod local;
#[cfg(not(unix))]
mod other;
mod process;
pub(crate) mod survivors;
#[cfg(unix)]
mod unix;
