//! L1: text to syntax tree. Knows nothing of what rules mean; never opens a file. The only module that names pest.

pub(crate) mod ast;
