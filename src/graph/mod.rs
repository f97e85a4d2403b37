//! L3: jobs and their order. Knows rules and paths; opens no file.

pub(crate) mod info;
