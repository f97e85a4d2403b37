//! The dependency direction between modules is a table, and this test reads the `use` lines against it.
//! Promise: no module reaches upward; the command uses only the public names.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/sources.rs"]
mod sources;

use sources::rust_files;
use std::fs;
use std::path::Path;

/// Lower layers first; a module may use modules of lower layers.
const LAYERS: [(&str, u8); 24] = [
    ("base", 0),
    ("diag", 0),
    ("disk", 0),
    ("error", 0),
    ("sys", 0),
    ("syntax", 1),
    ("model", 2),
    ("matching", 2),
    ("trace", 2),
    ("archives", 3),
    ("graph", 3),
    ("files", 3),
    ("store", 3),
    ("cache", 3),
    ("lang", 3),
    ("plan", 4),
    ("exec", 4),
    ("engine", 5),
    ("session", 6),
    ("report", 6),
    ("lint", 6),
    ("test_support", 6),
    ("architecture", 6),
    ("language", 6),
];

/// Pairs of one layer that are allowed: who, whom.
const BESIDE: [(&str, &str); 4] =
    [("error", "diag"), ("matching", "model"), ("cache", "files"), ("report", "session")];

/// Pairs downward that are not allowed all the same: who must not know whom, and why.
const FORBIDDEN: [(&str, &str, &str); 16] = [
    ("graph", "syntax", "the graph knows rules, not text"),
    ("files", "model", "files knows paths, not rules"),
    ("store", "model", "the store knows traces, not rules"),
    ("store", "matching", "the store knows traces, not patterns"),
    ("archives", "model", "an archive knows paths and bytes, not rules"),
    ("archives", "trace", "an archive knows paths and bytes, not records"),
    ("cache", "model", "the cache knows digests, paths and bytes, not rules"),
    ("cache", "matching", "the cache knows paths, not patterns"),
    ("plan", "lang", "only the session knows the language"),
    ("exec", "graph", "an executor runs one job and knows no plan"),
    ("exec", "store", "an executor records nothing"),
    ("engine", "lang", "only the session knows the language"),
    ("lint", "plan", "lints look at a workflow, not at what is to be done"),
    ("lint", "engine", "lints run nothing"),
    ("lint", "store", "lints do not depend on what was run"),
    ("report", "store", "reports are views of plans and events"),
];

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// The modules that a line names as `crate::module`.
fn named_modules(line: &str) -> Vec<String> {
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    line.match_indices("crate::").map(|(at, found)| word(&line[at + found.len()..])).collect()
}

fn violation(from: &str, to: &str) -> Option<String> {
    if from == to {
        return None;
    }
    let (own, other) = (layer(from)?, layer(to)?);
    if let Some((.., why)) = FORBIDDEN.iter().find(|(who, whom, _)| (*who, *whom) == (from, to)) {
        return Some((*why).to_string());
    }
    if other < own || BESIDE.contains(&(from, to)) {
        return None;
    }
    Some(format!("`{from}` (L{own}) may not use `{to}` (L{other})"))
}

#[test]
fn no_module_reaches_upward() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    let mut checked = 0;
    for file in files.iter().filter(|f| !f.starts_with(src.join("cli")) && **f != src.join("lib.rs")) {
        let inside = file.strip_prefix(&src).unwrap();
        let from = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_string();
        assert!(layer(&from).is_some(), "module `{from}` has no layer: give it one in this table");
        for (number, line) in fs::read_to_string(file).unwrap().lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for to in named_modules(line) {
                checked += 1;
                if let Some(why) = violation(&from, &to) {
                    wrong.push(format!("{}:{}: {why}\n    {}", inside.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(checked > 100, "the scan finds the `use` lines");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_command_uses_only_public_names() {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli");
    let mut files = Vec::new();
    rust_files(&cli, &mut files);
    assert!(files.len() > 3);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        // `src/cli/main.rs` is a crate root of its own, so `crate::` cannot reach the library; `#[path]` and
        // `include!` could.
        assert!(!text.contains("#[path = \"..") && !text.contains("include!("), "{}", file.display());
    }
}

#[test]
fn the_table_finds_a_violation() {
    assert!(violation("base", "engine").is_some() && violation("files", "store").is_some());
    assert!(violation("engine", "base").is_none() && violation("matching", "model").is_none());
    assert_eq!(named_modules("use crate::base::x; crate::plan::y"), ["base", "plan"]);
}
