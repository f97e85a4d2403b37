//! The bodies of the fuzz targets (`tests/fuzz`), with random bytes: no text makes the parser panic or point outside of
//! it, what the formatter prints is stable and means the same, patterns match as a naive search says.

#[path = "fuzz/bodies/mod.rs"]
mod bodies;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

/// The seed is fixed, so that the suite says the same each time; the fuzz targets and other seeds look further.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        max_shrink_iters: 500,
        rng_seed: RngSeed::Fixed(11),
        ..ProptestConfig::default()
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn any_text_is_parsed_or_refused_with_places_in_it(bytes in bytes()) {
        bodies::grammar::check(&bodies::text(&bytes));
    }

    #[test]
    fn what_is_formatted_is_stable_and_means_the_same(bytes in bytes(), width in prop_oneof![Just(100_usize), 1..100_usize]) {
        bodies::formatter::check(&bodies::text(&bytes), width);
    }
}

#[test]
fn patterns_match_as_a_naive_search_says() {
    let root = tempfile::tempdir().unwrap();
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    TestRunner::new(config(200))
        .run(&bytes, |bytes| {
            bodies::matcher::check(root.path(), &bytes);
            Ok(())
        })
        .unwrap();
}

/// The generator is worth its name only if most of its programs are right.
#[test]
fn most_made_programs_are_rulefiles() {
    let mut accepted = 0;
    let mut state = 1_u32;
    for _ in 0..200 {
        let mut bytes = vec![7];
        for _ in 0..300 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.push((state >> 24) as u8);
        }
        accepted += usize::from(bodies::formatter::accepts(&bodies::text(&bytes)));
    }
    assert!(accepted >= 120, "{accepted} of 200");
}
