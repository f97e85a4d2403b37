//! L4: runs one job. The only module that starts processes; knows no plan.

pub(crate) mod executor;
