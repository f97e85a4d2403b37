//! What the command says when something is wrong, compared as a whole with `tests/diagnostics/*/*.case`.
//!
//! A case is a text: files, each under `--- <path>`; a bash script under `--- run`; and what it must print
//! (standard output and standard error together, in order) with its exit code under `--- output <code>`.
//! After a wanted change `UPDATE_GOLDEN=1 cargo test --test diagnostics` writes the outputs anew: read the diff.

// The texts of `bash` and of the system stand in some of them.
#![cfg(all(target_os = "linux", feature = "cli"))]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test panics when it cannot go on, and is told by the environment what to do"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/diagnostics");

/// Files, the script, and the text up to the expected part.
struct Case<'t> {
    files: Vec<(&'t str, String)>,
    script: String,
    given: &'t str,
}

impl<'t> Case<'t> {
    fn parse(text: &'t str) -> Case<'t> {
        let end = text.find("\n--- output ").map_or(text.len(), |end| end + 1);
        let given = &text[..end];
        let mut case = Case { files: Vec::new(), script: String::new(), given };
        let parts = given.strip_prefix("--- ").and_then(|text| text.strip_suffix('\n'));
        for part in parts.expect("a case starts with a part and ends with a line end").split("\n--- ") {
            let (name, body) = match part.split_once('\n') {
                Some((name, body)) => (name, format!("{body}\n")),
                None => (part, String::new()),
            };
            match name {
                "run" => case.script = body,
                path => case.files.push((path, body)),
            }
        }
        assert!(!case.script.is_empty(), "the case has no script");
        case
    }

    /// Everything printed and the exit code, as the end of the case's text.
    fn play(&self) -> String {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        for (path, body) in &self.files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, body).unwrap();
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_rulemake"));
        let path =
            format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
        let script = format!("exec 2>&1\n{}", self.script);
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(&root)
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("NO_COLOR", "1")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("COLUMNS")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let code = output.status.code().map_or("by a signal".into(), |code| code.to_string());
        format!("--- output {code}\n{}", redacted(&said, &root))
    }
}

/// The text without what differs between machines and runs: the directory, and times such as `0.05 s`.
fn redacted(text: &str, root: &Path) -> String {
    let text = text.replace(&*root.to_string_lossy(), "[DIR]");
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut words: Vec<&str> = line.split(' ').collect();
        for i in 1..words.len() {
            let unit = words[i].trim_end_matches(|c: char| !c.is_alphanumeric());
            let number = words[i - 1].trim_start_matches('(');
            if matches!(unit, "s" | "ms") && number.parse::<f64>().is_ok() {
                words[i - 1] = if words[i - 1].starts_with('(') { "(0" } else { "0" };
                words[i] = if words[i].contains(')') { "s)\n" } else { words[i] };
                words[i] = if unit == "ms" { words[i].trim_start_matches('m') } else { words[i] };
            }
        }
        out.push_str(&words.join(" "));
    }
    out
}

fn cases(group: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(ROOT).join(group)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "case"));
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {group}");
    paths
}

/// Compares one case; the difference, if there is one.
fn check(path: &Path, update: bool) -> Option<String> {
    let text = fs::read_to_string(path).unwrap();
    let case = Case::parse(&text);
    let found = case.play();
    let expected = &text[case.given.len()..];
    if found == expected {
        return None;
    }
    if update {
        fs::write(path, format!("{}{found}", case.given)).unwrap();
        return None;
    }
    let name = path.strip_prefix(ROOT).unwrap_or(path).display();
    Some(format!("===== {name}\n{}\n===== expected\n{expected}===== found\n{found}", case.given))
}

fn check_group(group: &str) {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let paths = cases(group);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut differences = Vec::new();
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            differences.extend(check(path, update));
        }
        differences
    };
    let differences: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(
        differences.is_empty(),
        "{} of {} texts in {group} differ\n{}",
        differences.len(),
        paths.len(),
        differences.join("\n")
    );
}

macro_rules! groups {
    ($($name:ident: $group:literal),* $(,)?) => {$(
        #[test]
        fn $name() {
            check_group($group);
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
        for path in cases(&group.unwrap().file_name().to_string_lossy()) {
            let text = fs::read_to_string(path).unwrap();
            let files = Case::parse(&text).files;
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
