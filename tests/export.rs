//! `rulemake export`: DVC finds a project as if it had made it itself. `tests/export/dvc.lock` was written by DVC 3.67 for
//! the project beside it; where DVC is installed it is asked itself.

#![cfg(all(unix, feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use rulemake::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use support::Case;

/// Imported and built.
fn built() -> Case {
    let case = Case::new().copy_of("tests/export/project");
    case.call(&["import", "-q", "dvc.yaml"]).run(&[])
}

fn has_dvc() -> bool {
    let call = Command::new("dvc").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    call.is_ok_and(|status| status.success())
}

fn dvc(case: &Case, args: &[&str]) -> String {
    let mut dvc = Command::new("dvc");
    dvc.args(args).current_dir(case.root()).env("DVC_NO_ANALYTICS", "1").env("NO_COLOR", "1");
    let output = dvc.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "dvc {args:?}: {text}");
    text
}

fn lock(text: &str) -> Value {
    Value::from_yaml_core("dvc.lock", text).unwrap()
}

#[test]
fn the_lock_file_says_what_dvc_says() {
    let case = built().call(&["export"]).stderr_has("dvc.lock has 7 stages; no .dvc here");
    let expected =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/dvc.lock")).unwrap();
    assert_eq!(lock(&case.read("dvc.lock")), lock(&expected), "{}", case.read("dvc.lock"));
    let before = fs::metadata(case.path("dvc.lock")).unwrap().modified().unwrap();
    let case = case.call(&["export", "dvc.lock"]);
    assert_eq!(fs::metadata(case.path("dvc.lock")).unwrap().modified().unwrap(), before);
    // And back: what was exported is known when the project is imported anew.
    let case = case.remove("Rulefile").remove("out").remove("dir").call(&["import", "-q", "dvc.yaml"]);
    assert!(case.read("Rulefile").contains("directory(\"dir\")"));
}

#[test]
fn outputs_go_into_the_cache_of_dvc_whole_and_read_only() {
    let case = built().file(".dvc/config", "[core]\n    no_scm = True\n");
    let case = case.call(&["export"]).stderr_has("4 new files in .dvc/cache");
    let object = ".dvc/cache/files/md5/a5/d38d3ca7aacfaadf8a49740d945a09";
    assert_eq!(case.read(object), case.read("out/a.txt"));
    assert!(fs::metadata(case.path(object)).unwrap().permissions().readonly());
    let list = case.read(".dvc/cache/files/md5/80/ae32dc8ca34efde641498bf05ebe02.dir");
    assert!(list.contains("\"relpath\": \"sub/\\u00e9 b\""), "{list}");
    assert!(!case.path(".dvc/cache/files/md5/b1/946ac92492d2347c6235b4d2611184").exists(), "`cache: false`");
    // One that was cut short is replaced.
    let torn = case.path(object);
    fs::remove_file(&torn).unwrap();
    fs::write(&torn, "a").unwrap();
    let case = case.call(&["export"]).stderr_has("1 new file in .dvc/cache");
    assert_eq!(case.read(object), case.read("out/a.txt"));
    let case = case.file(".dvc/config.local", "[cache]\n    dir = ../elsewhere\n").call(&["export"]);
    assert!(case.path("elsewhere/files/md5/a5").exists());
}

/// Nothing is said of a stage that is not as its outputs are.
#[test]
fn stages_that_are_not_up_to_date_are_left_as_dvc_knows_them() {
    let case = built().call(&["export"]);
    let before = lock(&case.read("dvc.lock"));
    let case = case.append("data/a.txt", "c\n").append("out/a.txt", "edited\n");
    let case = case.call_with_code(&["export"], 1).stdout_has("left prep: out/a.txt is not up to date");
    let stages = |lock: &Value| lock.get("stages").unwrap().clone();
    let after = lock(&case.read("dvc.lock"));
    assert_eq!(stages(&after).get("prep"), stages(&before).get("prep"));
    let case = case.run(&[]).call(&["export"]);
    assert_ne!(stages(&lock(&case.read("dvc.lock"))).get("prep"), stages(&before).get("prep"));

    let without =
        case.remove("dvc.lock").edit("Rulefile", "        \"sub/w.txt\",\n        \".st", "        \".st");
    let without = without
        .call_with_code(&["export"], 1)
        .stdout_has("left below: the first rule does not need sub/w.txt");
    assert_eq!(stages(&lock(&without.read("dvc.lock"))).get("below"), None);
}

#[test]
fn what_cannot_be_exported_is_told() {
    let case = Case::new().rulefile("rule a:\n    output: 'a'\n    shell: 'touch a'\n");
    let case = case.call_with_code(&["export"], 2).stderr_has("there is no dvc.yaml");
    let case =
        case.call_with_code(&["export", "x.lock"], 2).stderr_has("`x.lock` is nothing that can be exported");
    let case =
        case.file("dvc.yaml", "stages: []\n").call_with_code(&["export"], 3).stderr_has("has no `stages`");
    let yaml = "stages:\n  a:\n    cmd: touch a ${nope}\n    outs: [a]\n  b:\n    cmd: x\n    outs: [b]\n";
    let case = case.file("dvc.yaml", yaml).run(&[]).call_with_code(&["export"], 1);
    case.stdout_has("left a: `${nope}` is set nowhere").stdout_has("left b: the first rule does not need b");
}

/// The promise itself, held against DVC: it finds nothing to do, and knows how to restore what it did not make.
#[test]
fn dvc_itself_finds_nothing_to_do() {
    if !has_dvc() {
        eprintln!("dvc is not here: skipped");
        return;
    }
    let case = built();
    dvc(&case, &["init", "-q", "--no-scm"]);
    let case = case.call(&["export"]);
    let status = dvc(&case, &["status"]);
    assert!(status.contains("Data and pipelines are up to date"), "{status}");
    let text = dvc(&case, &["repro"]);
    assert!(!text.contains("Running stage"), "{text}");
    let (a, x) = (case.read("out/a.txt"), case.read("dir/x"));
    let case = case.remove("out").remove("dir");
    dvc(&case, &["checkout"]);
    assert_eq!((case.read("out/a.txt"), case.read("dir/x")), (a, x));
    // It is not merely blind.
    let case = case.append("data/a.txt", "c\n");
    let status = dvc(&case, &["status"]);
    assert!(status.contains("data/a.txt"), "{status}");
}
