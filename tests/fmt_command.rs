//! `rulemake fmt` as people call it: which files it changes, which it leaves alone, and what it says.

#![cfg(unix)]

mod support;

use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Stdio;
use support::Case;

const UNTIDY: &str = "rule a:\n  output: 'x'\n  shell: 'touch x'\n";
const TIDY: &str = "rule a:\n    output:\n        \"x\",\n    shell:\n        \"touch x\"\n";
const WRONG: &str = "rule a\n  output: 'x\n";

/// Calls `fmt` with a text on standard input: exit code, standard output, standard error.
fn piped(case: &Case, args: &[&str], text: &str) -> (i32, String, String) {
    let mut child = case
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code().unwrap(), out, err)
}

fn json(case: &Case) -> Value {
    serde_json::from_str(&case.last().stdout).unwrap_or_else(|error| panic!("{error}\n{}", case.last()))
}

/// Promise: without names the Rulefile and what it includes are written in style, and a second time nothing is to do.
#[test]
fn the_rulefile_and_its_includes_are_written() {
    let case = Case::new()
        .rulefile(&format!("include: 'rules/b.smk'\ninclude: 'gone.smk'\n{UNTIDY}"))
        .file("rules/b.smk", "x=1\n")
        .file("other.smk", "x=1\n")
        .call(&["fmt"])
        .stderr_has("formatted: Rulefile\nformatted: rules/b.smk\n");
    assert_eq!(case.read("rules/b.smk"), "x = 1\n");
    assert_eq!(case.read("other.smk"), "x=1\n", "it is not a part of the workflow");
    assert!(case.read("Rulefile").ends_with(&format!("\n{TIDY}")));
    let before = fs::metadata(case.path("Rulefile")).unwrap();
    let case = case.call(&["fmt"]).stderr_has("all 2 files are in style");
    let after = fs::metadata(case.path("Rulefile")).unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec()),
        "it was not written again"
    );
}

/// Promise: `--check` changes nothing, names the files, and its exit code says whether something would change.
#[test]
fn check_only_looks() {
    let case = Case::new().rulefile(UNTIDY).file("b.smk", TIDY);
    let case = case.call_with_code(&["fmt", "--check"], 1).stderr_has("would be changed: Rulefile\n");
    assert_eq!(case.read("Rulefile"), UNTIDY);
    let case = case.call(&["fmt", "--check", "b.smk"]).stderr_has("the file is in style");
    let case = case.call_with_code(&["fmt", "--check", "b.smk", "Rulefile"], 1);
    assert!(!case.last().stderr.contains("b.smk"), "{}", case.last());
    case.call_with_code(&["fmt", "--check", "-q"], 1)
        .call_with_code(&["fmt", "--check", "--line-length", "0"], 2);
}

/// Promise: `--diff` prints what would change as a patch that can be applied, and changes nothing.
#[test]
fn diff_is_a_patch() {
    let case = Case::new().rulefile(UNTIDY).call(&["fmt", "--diff"]);
    assert_eq!(case.read("Rulefile"), UNTIDY);
    let patch = case.last().stdout.clone();
    assert!(patch.contains("-  output: 'x'\n") && patch.contains("+        \"x\",\n"), "{patch}");
    let case = case.file("change.patch", &patch);
    let status = std::process::Command::new("patch")
        .args(["-s", "-i", "change.patch", "Rulefile"])
        .current_dir(case.root())
        .status();
    // Not every machine has `patch`.
    if let Ok(status) = status {
        assert!(status.success(), "{patch}");
        assert_eq!(case.read("Rulefile"), TIDY);
    }
    let case = case.file("Rulefile", TIDY).call(&["fmt", "--diff"]);
    assert_eq!(case.last().stdout, "");
    case.rulefile(UNTIDY).call_with_code(&["fmt", "--diff", "--check"], 1).stdout_has("+    output");
}

/// Promise: `--json` tells all files, whether they changed or failed, with the mistakes and their places.
#[test]
fn json_tells_every_file() {
    let case = Case::new().file("a.smk", UNTIDY).file("b.smk", TIDY).file("c.smk", WRONG);
    let case = case.call_with_code(&["fmt", "--json", "a.smk", "b.smk", "c.smk"], 3);
    let answer = json(&case);
    let files: Vec<(&str, bool, bool)> = answer["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let flag = |name: &str| file[name].as_bool().unwrap();
            (file["path"].as_str().unwrap(), flag("changed"), flag("failed"))
        })
        .collect();
    assert_eq!(files, [("a.smk", true, false), ("b.smk", false, false), ("c.smk", false, true)]);
    let first = &answer["diagnostics"][0]["labels"][0];
    assert_eq!((first["file"].as_str(), first["line"].as_u64()), (Some("c.smk"), Some(2)));
    assert_eq!((case.read("a.smk"), case.read("c.smk")), (TIDY.into(), WRONG.into()));
}

/// Promise: `-` reads standard input and writes standard output, so that an editor can use it; with a mistake it
/// writes nothing there.
#[test]
fn standard_input_goes_to_standard_output() {
    let case = Case::new();
    assert_eq!(piped(&case, &["fmt", "-"], UNTIDY), (0, TIDY.into(), String::new()));
    let (code, out, _) = piped(&case, &["fmt", "--check", "-"], UNTIDY);
    assert_eq!((code, out.as_str()), (1, ""));
    let (code, out, err) = piped(&case, &["fmt", "-"], WRONG);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.contains("<stdin>:2:11"), "{err}");
    let (code, out, _) = piped(&case, &["fmt", "--json", "-"], UNTIDY);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, answer["files"][0]["text"].as_str()), (0, Some(TIDY)));
    let (code, _, err) = piped(&case, &["fmt", "-", "a.smk"], UNTIDY);
    assert_eq!(code, 2, "{err}");
}

/// Promise: a file that cannot be understood stays as it is, byte for byte, and the others are done all the same.
#[test]
fn a_file_with_a_mistake_is_left_alone() {
    let case = Case::new().file("a.smk", WRONG).file("b.smk", UNTIDY).file("c.smk", "");
    fs::write(case.path("c.smk"), b"x = '\xff'\n").unwrap();
    let case = case.call_with_code(&["fmt", "a.smk", "b.smk"], 3);
    let case = case
        .stderr_has("a.smk:2:11")
        .stderr_has("formatted: b.smk")
        .stderr_has("1 of 2 files left as they are");
    assert_eq!((case.read("a.smk"), case.read("b.smk")), (WRONG.into(), TIDY.into()));
    let case = case.call_with_code(&["fmt", "c.smk"], 3).stderr_has("c.smk is not UTF-8");
    assert_eq!(fs::read(case.path("c.smk")).unwrap(), b"x = '\xff'\n");
}

/// Promise: a name that is no file is a mistake of the command line, said before anything is written.
#[test]
fn a_missing_file_stops_everything() {
    let case = Case::new().file("a.smk", UNTIDY).file("dir/x", "");
    let case = case
        .call_with_code(&["fmt", "a.smk", "gone.smk"], 2)
        .stderr_has("cannot read gone.smk: No such file");
    assert_eq!(case.read("a.smk"), UNTIDY);
    case.call_with_code(&["fmt", "dir"], 2)
        .stderr_has("dir")
        .call_with_code(&["fmt"], 3)
        .stderr_has("no Rulefile");
}

/// Promise: what nobody may write to is not replaced, and the others are done all the same.
#[test]
fn a_read_only_file_is_not_replaced() {
    let case = Case::new().file("a.smk", UNTIDY).file("b.smk", UNTIDY);
    fs::set_permissions(case.path("a.smk"), fs::Permissions::from_mode(0o444)).unwrap();
    let case = case
        .call_with_code(&["fmt", "a.smk", "b.smk"], 7)
        .stderr_has("cannot write a.smk: permission denied");
    let case = case.stderr_has("formatted: b.smk");
    assert!(!case.last().stderr.contains("formatted: a.smk"), "{}", case.last());
    assert_eq!((case.read("a.smk"), case.read("b.smk")), (UNTIDY.into(), TIDY.into()));
    assert_eq!(case.files("."), ["a.smk", "b.smk"], "nothing else is left");
}

/// Promise: links stay links, however many lie on the way, and the file at their end is written.
#[test]
fn links_stay_links() {
    let case = Case::new().file("real/a.smk", UNTIDY);
    symlink("real/a.smk", case.path("middle.smk")).unwrap();
    symlink("middle.smk", case.path("link.smk")).unwrap();
    let case = case.call(&["fmt", "link.smk"]);
    assert_eq!(case.read("real/a.smk"), TIDY);
    for link in ["link.smk", "middle.smk"] {
        assert!(fs::symlink_metadata(case.path(link)).unwrap().is_symlink(), "{link}");
    }
    assert!(!fs::symlink_metadata(case.path("real/a.smk")).unwrap().is_symlink());
    symlink("gone.smk", case.path("dangling.smk")).unwrap();
    case.call_with_code(&["fmt", "dangling.smk"], 2);
}

/// Promise: the mode of the file stays, also bits that are rare.
#[test]
fn modes_are_kept() {
    let case = Case::new().file("a.smk", UNTIDY);
    fs::set_permissions(case.path("a.smk"), fs::Permissions::from_mode(0o750)).unwrap();
    let case = case.call(&["fmt", "a.smk"]);
    assert_eq!(case.read("a.smk"), TIDY);
    assert_eq!(fs::metadata(case.path("a.smk")).unwrap().mode() & 0o7777, 0o750);
}

/// Promise: the ends of lines that a file has are those that it keeps.
#[test]
fn line_ends_of_windows_are_kept() {
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let case = Case::new().file("a.smk", &crlf(UNTIDY)).call(&["fmt", "a.smk"]);
    assert_eq!(case.read("a.smk"), crlf(TIDY));
    case.call(&["fmt", "--check", "a.smk"]);
}

/// Promise: a file that is named twice, or in two ways, is one file.
#[test]
fn a_file_that_is_named_twice_is_told_once() {
    let case = Case::new().file("d/a.smk", UNTIDY).call(&["fmt", "d/a.smk", "d/a.smk", "./d/../d/a.smk"]);
    assert_eq!(case.last().stderr.matches("formatted").count(), 1, "{}", case.last());
    assert_eq!(case.read("d/a.smk"), TIDY);
}

/// Promise: names start from the directory that `-C` names.
#[test]
fn names_start_from_the_directory_of_the_work() {
    let case = Case::new().file("d/a.smk", UNTIDY).file("d/Rulefile", UNTIDY);
    let case = case.call(&["-C", "d", "fmt", "a.smk"]).stderr_has("formatted: d/a.smk");
    case.call(&["-C", "d", "fmt"])
        .stderr_has("formatted: d/Rulefile")
        .call(&["fmt", "-f", "d/a.smk", "--check"]);
}
