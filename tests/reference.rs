//! The language reference: every example in it is run as it stands, and nothing that the language has is missing.
//!
//! An example is a block of code marked `python`. Comments at its start of the form `# path: text` are files, `# $ ...`
//! is a call of the command (`# ! ...` one that must fail), and `# path: text` below a call is what must be there then;
//! `# path: no file` says that there must be none, `# > text` that the call says this. `\n` in a text is a line end.

#![cfg(unix)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use support::Case;

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/language");

struct Example {
    /// Page and line.
    place: String,
    lines: Vec<String>,
}

/// The examples of all pages.
fn examples() -> Vec<Example> {
    let mut pages: Vec<_> = fs::read_dir(PAGES).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    let mut examples = Vec::new();
    for page in pages.iter().filter(|page| page.extension().is_some_and(|e| e == "md")) {
        let text = fs::read_to_string(page).unwrap();
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let mut open: Option<Example> = None;
        for (number, line) in text.lines().enumerate() {
            match (&mut open, line) {
                (None, "```python") => {
                    open = Some(Example { place: format!("{name}:{}", number + 1), lines: Vec::new() });
                }
                (Some(_), "```") => examples.extend(open.take()),
                (Some(example), line) => example.lines.push(line.to_string()),
                (None, _) => {}
            }
        }
        assert!(open.is_none(), "{name}: a block of code is not closed");
    }
    examples
}

enum Step<'e> {
    File(&'e str, String),
    Call { line: &'e str, fails: bool },
    Made(&'e str, String),
    Said(String),
}

/// Whether a word before a colon in a comment is a path and not a word of a sentence.
fn is_path(text: &str) -> bool {
    !text.is_empty() && text.contains(['.', '/']) && text.split(' ').count() <= 2
}

fn steps(example: &Example) -> Vec<Step<'_>> {
    let (mut steps, mut in_head, mut called) = (Vec::new(), true, false);
    for line in &example.lines {
        let Some(comment) = line.strip_prefix("# ") else {
            in_head &= line.trim().is_empty();
            continue;
        };
        if let Some(line) = comment.strip_prefix("$ ").or(comment.strip_prefix("! ")) {
            steps.push(Step::Call { line, fails: comment.starts_with('!') });
            called = true;
        } else if let (Some(said), true) = (comment.strip_prefix("> "), called) {
            steps.push(Step::Said(said.to_string()));
        } else if let Some((path, text)) = comment.split_once(": ").filter(|(path, _)| is_path(path)) {
            let text = text.replace("\\n", "\n").replace("\\t", "\t");
            match (called, in_head) {
                (true, _) => steps.push(Step::Made(path, text)),
                (false, true) => steps.push(Step::File(path, text)),
                (false, false) => {}
            }
        }
    }
    steps
}

/// Plays one example; what is wrong with it.
fn play(example: &Example) -> Result<(), String> {
    let mut case = Case::new().rulefile(&(example.lines.join("\n") + "\n"));
    let mut calls = 0;
    let mut said = String::new();
    for step in steps(example) {
        match step {
            Step::File(path, text) => case = case.file(path, &(text + "\n")),
            Step::Call { line, fails } => {
                calls += 1;
                let words: Vec<&str> =
                    line.strip_prefix("rulemake").unwrap_or(line).split_whitespace().collect();
                let output = case.command(&words).output().unwrap();
                said = [output.stdout, output.stderr]
                    .map(|text| String::from_utf8_lossy(&text).into_owned())
                    .concat();
                if output.status.success() == fails {
                    return Err(format!("`{line}` ended with {}:\n{said}", output.status));
                }
            }
            Step::Made(path, text) if text == "no file" => {
                if case.path(path).exists() {
                    return Err(format!("there is a file `{path}`"));
                }
            }
            Step::Made(path, text) => {
                let found = fs::read_to_string(case.path(path))
                    .map_err(|error| format!("`{path}`: {error}\n{said}"))?;
                if found.trim_end() != text {
                    return Err(format!("`{path}` holds {found:?}, not {text:?}"));
                }
            }
            Step::Said(text) => {
                if !said.contains(&text) {
                    return Err(format!("it does not say {text:?} but:\n{said}"));
                }
            }
        }
    }
    if calls == 0 { Err("it calls nothing: add a line `# $ rulemake`".into()) } else { Ok(()) }
}

#[test]
fn every_example_does_what_it_says() {
    let examples = examples();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(example) =
                    examples.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    if let Err(message) = play(example) {
                        failed.lock().unwrap().push(format!("{}: {message}", example.place));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    let mut text = String::new();
    for message in &failed {
        let _ = writeln!(text, "\n{message}");
    }
    assert!(failed.is_empty(), "{} of {} examples fail:{text}", failed.len(), examples.len());
}

/// The words of a list such as `const SECTIONS: &[&str] = &[...]` in the source.
fn words_of(file: &str, list: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let start = text.find(&format!("const {list}")).unwrap_or_else(|| panic!("no {list} in {file}"));
    let body = text[start..].split_once("&[\n").unwrap().1.split_once("];").unwrap().0;
    body.split(',')
        .map(|word| word.trim().trim_matches('"').to_string())
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn every_keyword_and_directive_has_its_place() {
    for (page, list) in [("keywords.md", "SECTIONS"), ("directives.md", "DIRECTIVES")] {
        let text = fs::read_to_string(Path::new(PAGES).join(page)).unwrap();
        let is_there =
            |word: &String| text.lines().any(|l| l.starts_with("## ") && l.contains(&format!("`{word}`")));
        let missing: Vec<String> =
            words_of("src/syntax/words.rs", list).into_iter().filter(|w| !is_there(w)).collect();
        assert!(missing.is_empty(), "{page} has no heading for {missing:?}");
    }
}
