//! What the command says when something is wrong, compared as a whole with `tests/diagnostics/*/*.case`.
//! `support/golden.rs` says how a case is written; `UPDATE_GOLDEN=1 cargo test --test diagnostics` writes the outputs anew.

// The texts of `bash` and of the system stand in some of them.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when it cannot go on, and is told by the environment what to do"
)]

use std::fs;

#[path = "support/golden.rs"]
mod golden;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/diagnostics");

macro_rules! groups {
    ($($name:ident: $group:literal),* $(,)?) => {$(
        #[test]
        fn $name() {
            golden::check_all(concat!("diagnostics/", $group));
        }
    )*};
}

groups! {
    texts_for_syntax: "syntax",
    texts_for_names: "names",
    texts_for_rules: "rules",
    texts_for_plans: "plan",
    texts_for_runs: "run",
    texts_for_files: "files",
    texts_for_config: "config",
    texts_for_evaluation: "eval",
    texts_for_the_command_line: "cli",
    texts_for_check: "check",
}

/// The Rulefiles of all cases, and the example.
fn rulefiles() -> Vec<String> {
    let mut texts = Vec::new();
    for group in fs::read_dir(ROOT).unwrap() {
        for path in golden::cases(&group.unwrap().path()) {
            let text = fs::read_to_string(path).unwrap();
            let files = golden::Case::parse(&text).files;
            texts.extend(files.into_iter().filter(|(name, _)| *name == "Rulefile").map(|(_, text)| text));
        }
    }
    // What takes long as it is takes long in all its variants.
    texts.retain(|text| !text.contains("while True") && !text.contains("range(1"));
    texts.sort();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/weather/Rulefile");
    texts.push(fs::read_to_string(example).unwrap());
    texts
}

/// A text and a few others that come from it by slips: lines that are missing at the end, bytes that are lost,
/// doubled or others. Always the same ones.
fn variants(text: &str, random: &mut impl FnMut(usize) -> usize) -> Vec<String> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let mut variants: Vec<String> = ends.iter().map(|end| text[..*end].to_string()).collect();
    for _ in 0..12 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=random(3) {
            if bytes.is_empty() {
                break;
            }
            let at = random(bytes.len());
            match random(4) {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, bytes[at]),
                2 => bytes[at] = b"()[]{}:,='\"\n\t \\#\0"[random(16)],
                _ => {
                    let end = (at + random(20)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
        variants.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    variants
}

#[test]
fn no_rulefile_makes_it_panic_and_every_refusal_says_why() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut refused = 0;
    let mut all = rulemake::lint::LintOptions::default();
    all.pedantic = true;
    for text in rulefiles() {
        for variant in variants(&text, &mut random) {
            let error = match rulemake::Workflow::parse("Rulefile", &variant) {
                Err(error) => error,
                Ok(workflow) => {
                    for found in workflow.lints(&all) {
                        assert!(!found.render(rulemake::TextStyle::Plain).is_empty());
                    }
                    continue;
                }
            };
            refused += 1;
            let diagnostics = error.diagnostics();
            assert!(!diagnostics.is_empty(), "no diagnostic for:\n{variant}");
            for diagnostic in diagnostics {
                assert!(!diagnostic.message.trim().is_empty(), "no message for:\n{variant}");
                let lines = u32::try_from(variant.lines().count()).unwrap() + 1;
                let inside = |label: &rulemake::Label| label.file != "Rulefile" || label.line <= lines;
                assert!(diagnostic.labels.iter().all(inside), "a place outside of:\n{variant}");
                assert!(!diagnostic.render(rulemake::TextStyle::Plain).is_empty());
            }
        }
    }
    assert!(refused > 500, "only {refused} variants were refused");
}
