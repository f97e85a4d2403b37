//! What the binary prints, compared as a whole with files under version control.
//!
//! A case is a text: files, each under `--- <path>`; a bash script under `--- run`; and what it must print
//! (standard output and standard error together, in order) with its exit code under `--- output <code>`.
//! After a wanted change `UPDATE_GOLDEN=1` writes the outputs anew: read the diff.

#[path = "surroundings.rs"]
mod surroundings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use surroundings::program;

/// Files, the script, and the text up to the expected part.
pub(crate) struct Case<'t> {
    pub(crate) files: Vec<(&'t str, String)>,
    script: String,
    given: &'t str,
}

impl<'t> Case<'t> {
    pub(crate) fn parse(text: &'t str) -> Case<'t> {
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
    pub(crate) fn play(&self) -> String {
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
        let output = program("bash")
            .args(["-c", &script])
            .current_dir(&root)
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            // No user has settings of their own here.
            .env("HOME", "/home/somebody")
            .env_remove("XDG_CONFIG_HOME")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let code = output.status.code().map_or("by a signal".into(), |code| code.to_string());
        format!("--- output {code}\n{}", redacted(&said, &root))
    }
}

/// The text without what differs between machines and runs: the directory, times such as `0.05 s`, and in JSON the
/// numbers of `..._ms`, of `pid` and of `mtime`.
pub(crate) fn redacted(text: &str, root: &Path) -> String {
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
        out.push_str(&without_numbers(&words.join(" ")));
    }
    out
}

fn without_numbers(line: &str) -> String {
    let mut line = line.to_string();
    for key in ["_ms\":", "\"pid\":"] {
        let (mut done, mut rest) = (String::new(), &*line);
        while let Some(at) = rest.find(key) {
            let (before, after) = rest.split_at(at + key.len());
            let digits = after.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
            let is_number = digits.len() < after.trim_start().len();
            done.push_str(before);
            done.push_str(&after[..after.len() - after.trim_start().len()]);
            done.push_str(if is_number { "0" } else { "" });
            rest = digits;
        }
        done.push_str(rest);
        line = done;
    }
    line
}

pub(crate) fn cases(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "case"));
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {}", dir.display());
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
    let name = path.display();
    Some(format!("===== {name}\n{}\n===== expected\n{expected}===== found\n{found}", case.given))
}

/// Plays all cases in a directory under `tests`.
pub(crate) fn check_all(dir: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(dir);
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let paths = cases(&root);
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
        "{} of {} texts in {dir} differ\n{}",
        differences.len(),
        paths.len(),
        differences.join("\n")
    );
}
