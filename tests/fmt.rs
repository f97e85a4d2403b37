//! The formatter against `tests/fmt/*.in` and `*.out`. Promise: a text in style stays as it is, and any other comes
//! out as its `.out` says.
//!
//! After a wanted change `UPDATE_GOLDEN=1 cargo test --test fmt` writes the outputs anew: read the diff.

#![expect(
    clippy::disallowed_methods,
    reason = "a test panics when it cannot go on, and is told by the environment what to do"
)]

use rulemake::source::{FormatOptions, format_source};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn texts_come_out_in_style() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fmt");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut paths: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "in"));
    paths.sort();
    assert!(paths.len() >= 40, "{} cases", paths.len());
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let options = FormatOptions::default().name(name.as_str());
        let found = format_source(&fs::read_to_string(&path).unwrap(), &options)
            .unwrap_or_else(|error| panic!("{}", error.render(rulemake::TextStyle::Plain)));
        let expected = fs::read_to_string(path.with_extension("out")).unwrap_or_default();
        if update {
            fs::write(path.with_extension("out"), &found).unwrap();
        } else if found != expected {
            wrong.push(format!("===== {name}\n----- expected\n{expected}\n----- found\n{found}"));
        }
        let again = format_source(&found, &options).unwrap();
        assert_eq!(again, found, "{name}: the second time changes something");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Promise: the width is a wish of the user, and words longer than it stay whole.
#[test]
fn lines_are_as_long_as_was_asked_for() {
    let text = "x = [alpha, beta, gamma, delta]\ny = 'a very long text that is one literal'\n";
    let narrow = format_source(text, &FormatOptions::default().line_length(20)).unwrap();
    assert_eq!(
        narrow,
        "x = [\n    alpha,\n    beta,\n    gamma,\n    delta,\n]\ny = \"a very long text that is one literal\"\n"
    );
    assert!(format_source(text, &FormatOptions::default().line_length(1)).is_ok());
}

/// Promise: a text with mistakes gets their diagnostics, under the name that was given, and nothing else.
#[test]
fn mistakes_are_told_with_their_places() {
    let error =
        format_source("rule a\n    output: 'x\n", &FormatOptions::default().name("a.smk")).unwrap_err();
    let text = error.render(rulemake::TextStyle::Plain);
    assert_eq!(error.kind(), rulemake::ErrorKind::Workflow);
    assert!(text.contains("a.smk:2:13") && text.contains("never closed"), "{text}");
}

/// Promise: formatting a second time changes nothing, whatever people write. Takes the Rulefiles of the tests and examples,
/// and the files below the directory that `RULEMAKE_CORPUS` names: `RULEMAKE_CORPUS=dir cargo test --test fmt`.
#[test]
fn what_people_write_is_formatted_once_and_for_all() {
    let own = ["tests", "examples", "src/cli/templates"]
        .map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let mut folders: Vec<PathBuf> =
        own.into_iter().chain(std::env::var_os("RULEMAKE_CORPUS").map(PathBuf::from)).collect();
    let (mut formatted, mut wrong) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            for (number, text) in texts(&text).into_iter().enumerate() {
                let is_stable = |width: &usize| {
                    let options = FormatOptions::default().line_length(*width);
                    let once = format_source(text, &options).ok()?;
                    Some(format_source(&once, &options).is_ok_and(|twice| twice == once))
                };
                // What is no Rulefile has nothing to be formatted.
                let found: Vec<bool> = [100, 30].iter().filter_map(is_stable).collect();
                formatted += found.len();
                if found.contains(&false) {
                    wrong.push(format!("text {number} of {}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "of {formatted} texts:\n{}", wrong.join("\n"));
    assert!(formatted > 1_000, "only {formatted} texts are Rulefiles");
}

/// The whole file, or the parts of a file of cases.
fn texts(file: &str) -> Vec<&str> {
    let starts = file.strip_prefix("--- ").map_or(file, |rest| rest);
    if starts == file && !file.contains("\n--- ") {
        return vec![file];
    }
    let parts = starts.split("\n--- ").filter_map(|part| part.split_once('\n'));
    parts.map(|(_, text)| text.split("\n$ ").next().unwrap_or(text)).collect()
}
