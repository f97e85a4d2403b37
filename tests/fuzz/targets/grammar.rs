#![no_main]
#![allow(dead_code, reason = "each target has one body of many")]

#[path = "../bodies/mod.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::grammar::run(bytes));
