//! What the command says when something is wrong, compared as a whole with `tests/diagnostics/*/*.case`.
//!
//! A case is a text: files, each under `--- <path>`; a bash script under `--- run`; and what it must print
//! (standard output and standard error together, in order) with its exit code under `--- output <code>`.
//! After a wanted change `UPDATE_GOLDEN=1 cargo test --test diagnostics` writes the outputs anew: read the diff.

#![cfg(all(unix, feature = "cli"))]

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
        let path = format!(
            "{}:{}",
            binary.parent().unwrap().display(),
            std::env::var("PATH").unwrap_or_default()
        );
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

/// The text without what differs between machines and runs: the directory and times.
fn redacted(text: &str, root: &Path) -> String {
    let text = text.replace(&*root.to_string_lossy(), "[DIR]");
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words: Vec<&str> = line.split(' ').collect();
        let shown: Vec<String> = words.iter().map(|word| redacted_word(word)).collect();
        out.push_str(&shown.join(" "));
    }
    out
}

/// `12ms`, `0.4s` and the like become `[TIME]`, with what stands around them kept.
fn redacted_word(word: &str) -> String {
    let core = word.trim_matches(|c: char| !c.is_alphanumeric());
    let number = core.strip_suffix("ms").or_else(|| core.strip_suffix('s'));
    match number {
        Some(number) if number.parse::<f64>().is_ok() => word.replace(core, "[TIME]"),
        _ => word.to_string(),
    }
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
}
