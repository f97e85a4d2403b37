//! The `rulemake` command.

fn main() {}
