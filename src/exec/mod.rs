//! L4: runs one job. The only module that starts processes; knows no plan.

mod benchmark;
mod effects;
pub(crate) mod executor;
pub(crate) mod function;
pub(crate) mod host;
mod interpreted;
mod job;
mod lanes;
#[cfg(target_os = "linux")]
mod linux;
pub(crate) mod local;
pub(crate) mod log;
#[cfg(not(unix))]
mod other;
mod plain;
#[cfg(not(target_os = "linux"))]
mod portable;
mod process;
pub(crate) mod run;
pub(crate) mod script;
pub(crate) mod software;
pub(crate) mod survivors;
#[cfg(unix)]
mod unix;
mod usage;
pub(crate) mod variables;
mod watch;
