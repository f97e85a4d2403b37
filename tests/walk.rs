//! The first walk of a newcomer, as the README tells it: each command is typed, and the screen must be the one shown there.

// The texts of `bash` stand in it.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test panics when it cannot go on, is told by the environment what to do, and uses a part of what there is"
)]

#[path = "support/golden.rs"]
mod golden;

use golden::{Case, redacted};
use std::path::Path;

const README: &str = include_str!("../README.md");

/// The block of the section: lines with `$` are typed, the others are shown.
fn walk() -> &'static str {
    let section = README.split("\n## ").nth(1).unwrap();
    assert!(section.starts_with("A first walk\n"), "the second part of the README is the walk");
    section.split("```console\n").nth(1).unwrap().split("```").next().unwrap()
}

#[test]
fn the_walk_of_the_readme_is_what_happens() {
    let typed: Vec<&str> = walk().lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    for step in ["rulemake init ", "rulemake why ", "sed ", "mv "] {
        assert!(typed.iter().any(|line| line.starts_with(step)), "{step} is part of the walk");
    }
    // Jobs that run beside each other would end in any order.
    let mut script = String::from("export RULEMAKE_JOBS=1\n");
    for line in &typed {
        script.push_str(&format!("echo {}\n{line}\n", quoted(&format!("$ {line}"))));
    }
    let text = format!("--- note\nnothing\n--- run\n{script}");
    let shown = Case::parse(&text).play();
    let shown = shown.strip_prefix("--- output 0\n").unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(shown, redacted(walk(), Path::new("/nowhere")));
}

/// Rulefiles that are shown to newcomers, in the README and in the templates, are as `fmt` writes them, and `check` has nothing
/// to say.
#[test]
fn what_newcomers_see_is_in_our_own_style() {
    let section = README.split("\n## A Rulefile\n").nth(1).unwrap();
    let rulefile = section.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let text = format!(
        "--- Rulefile\n{rulefile}--- raw/a.txt\na\n--- raw/b.txt\nb\n--- run\n\
         rulemake fmt --check && rulemake check --strict\n\
         for template in minimal data-science make-style; do\n\
         rulemake init -q -t $template in-$template && (cd in-$template && rulemake fmt --check && rulemake check --strict) \
         || exit 1\ndone\n"
    );
    let shown = Case::parse(&text).play();
    assert_eq!(shown, format!("--- output 0\n{}", "the file is in style\nnothing to object to\n".repeat(4)));
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
