//! The bodies of the fuzz targets (`tests/fuzz`), with random bytes: no text makes the parser panic or point outside of
//! it, what the formatter prints is stable and means the same, patterns match as a naive search says, and whatever else
//! is read from outside is read or refused.

#[path = "fuzz/bodies/mod.rs"]
#[allow(dead_code, reason = "some of it is for the fuzz targets only")]
mod bodies;
#[path = "support/outside.rs"]
mod outside;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The suite says the same each time, so its seed is fixed. A search for more takes another from outside, and more cases:
/// `RULEMAKE_SEED=5 RULEMAKE_CASES=100000 cargo test --release --test properties`.
const SEED: u64 = 11;

/// Runs a body with many random bytes, no more than `length` each; what fails is made small and told with its seed.
fn search(cases: u32, length: usize, body: impl Fn(&[u8])) {
    let seed = outside::number("RULEMAKE_SEED").unwrap_or(SEED);
    let cases = outside::number("RULEMAKE_CASES").map_or(cases, |cases| cases as u32);
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2000,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    };
    let bytes = prop::collection::vec(any::<u8>(), 0..length);
    let found = TestRunner::new(config).run(&bytes, |bytes| {
        catch_unwind(AssertUnwindSafe(|| body(&bytes))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            TestCaseError::fail(text.unwrap_or("a panic").to_string())
        })
    });
    if let Err(error) = found {
        panic!("with RULEMAKE_SEED={seed} and {cases} cases: {error}");
    }
}

fn in_a_directory(cases: u32, length: usize, body: impl Fn(&Path, &[u8])) {
    let root = tempfile::tempdir().unwrap();
    search(cases, length, |bytes| body(root.path(), bytes));
}

#[test]
fn any_text_is_parsed_or_refused_with_places_in_it() {
    search(600, 600, bodies::grammar::run);
}

#[test]
fn what_is_formatted_is_stable_and_means_the_same() {
    search(300, 600, bodies::formatter::run);
}

#[test]
fn patterns_match_as_a_naive_search_says() {
    in_a_directory(1000, 40, bodies::matcher::run);
}

#[test]
fn programs_come_to_an_end_or_are_refused() {
    in_a_directory(200, 400, bodies::evaluator::run);
}

#[test]
fn templates_of_commands_are_rendered_or_refused() {
    in_a_directory(500, 60, bodies::commands::run);
}

#[test]
fn names_match_as_a_naive_reading_of_fnmatch_says() {
    in_a_directory(400, 30, bodies::names::run);
}

#[test]
fn regexes_find_what_is_there_or_are_refused() {
    in_a_directory(400, 50, bodies::regexes::run);
}

#[test]
fn data_files_are_read_or_refused_and_read_the_same_again() {
    in_a_directory(400, 120, bodies::readers::run);
}

#[test]
fn format_specs_give_a_text_or_an_error_of_python() {
    in_a_directory(150, 300, bodies::formats::run);
}

#[test]
fn state_logs_are_read_cut_or_refused() {
    in_a_directory(400, 300, bodies::state::run);
}

/// The generator is worth its name only if most of its programs are right.
#[test]
fn most_made_programs_are_rulefiles() {
    let mut accepted = 0;
    let mut state = 1_u32;
    for _ in 0..100 {
        let mut bytes = vec![7];
        for _ in 0..300 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.push((state >> 24) as u8);
        }
        accepted += usize::from(bodies::formatter::accepts(&bodies::text(&bytes)));
    }
    assert!(accepted >= 60, "{accepted} of 100");
}
