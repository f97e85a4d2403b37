//! `rulemake export`: DVC finds a project as if it had made it itself. `tests/export/dvc.lock` was written by DVC 3.67 for
//! the project beside it; where DVC is installed it is asked itself.

#![cfg(all(unix, feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use rulemake::Value;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use support::{Case, program};

/// Imported and built.
fn built() -> Case {
    let case = Case::new().copy_of("tests/export/project");
    case.call(&["import", "-q", "dvc.yaml"]).run(&[])
}

fn has_dvc() -> bool {
    let call = program("dvc").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    call.is_ok_and(|status| status.success())
}

fn dvc(case: &Case, args: &[&str]) -> String {
    let mut dvc = program("dvc");
    // It wants a directory for settings, even if there are none.
    dvc.env_remove("XDG_CONFIG_HOME").env("DVC_NO_ANALYTICS", "1").env("NO_COLOR", "1");
    dvc.args(args).current_dir(case.root());
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
    let case = built()
        .call(&["export"])
        .stderr_has("dvc.lock now has the results of 7 stages of dvc.yaml; no .dvc here");
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

const TWO: &str = "stages:\n  a:\n    cmd: echo 111 > a.txt\n    outs: [a.txt]\n  b:\n    cmd: cp a.txt b.txt\n    deps: [a.txt]\n    \
                   params: [lr]\n    outs: [b.txt]\n  c:\n    cmd: cp b.txt c.txt\n    deps: [b.txt]\n    outs: [c.txt]\n";

fn two() -> Case {
    let case = Case::new().file("dvc.yaml", TWO).file("params.yaml", "lr: 1e-3\n");
    case.call(&["import", "-q", "dvc.yaml"]).run(&[])
}

/// Promise: nothing is said to be a stage's result that its command would not give, whichever of the two files was changed. What
/// comes after it is not held back.
#[test]
fn stages_that_the_rulefile_does_otherwise_are_left() {
    let case = two().call(&["export"]).stderr_has("dvc.lock now has the results of 3 stages of dvc.yaml");
    let stages = |case: &Case| lock(&case.read("dvc.lock")).get("stages").unwrap().clone();
    let before = stages(&case);
    let case = case.edit("Rulefile", "cp a.txt b.txt", "tr 1 9 < a.txt > b.txt").run(&[]);
    let case = case.call_with_code(&["export"], 1);
    assert_eq!(case.last().stdout, "left b: dvc.yaml makes b.txt by another command than the Rulefile\n");
    let case = case.stderr_has("`rulemake import dvc.yaml -o -`");
    assert_eq!(stages(&case).get("b"), before.get("b"), "what DVC knew of it stays");
    assert_ne!(stages(&case).get("c"), before.get("c"));
    // The other file takes it over.
    let case = case.edit("dvc.yaml", "cp a.txt b.txt", "tr 1 9 < a.txt > b.txt").call(&["export"]);
    assert_ne!(stages(&case).get("b"), before.get("b"));
    case.edit("dvc.yaml", "echo 111", "echo 222")
        .call_with_code(&["export"], 1)
        .stdout_has("left a: dvc.yaml makes a.txt by another command than the Rulefile");
}

/// Promise: what a stage depends on counts as its command does; a rule that is written otherwise, or depends on more, does not.
#[test]
fn stages_with_other_needs_are_left_and_those_written_otherwise_are_not() {
    let case = two().edit("dvc.yaml", "deps: [a.txt]", "deps: [a.txt, more.txt]").file("more.txt", "x\n");
    case.call_with_code(&["export"], 1)
        .stdout_has("left b: dvc.yaml makes b.txt otherwise than the Rulefile: there it needs more.txt, too");
    let without_param = two().edit("Rulefile", "lr=from_file(\"params.yaml\", \"lr\"),", "").run(&[]);
    without_param.call_with_code(&["export"], 1).stdout_has(
        "left b: dvc.yaml makes b.txt otherwise than the Rulefile: there it has the param lr, 0.001",
    );
    let outs = two().edit("dvc.yaml", "outs: [c.txt]", "outs: [c.txt, d.txt]");
    outs.call_with_code(&["export"], 1).stdout_has("left c: the first rule does not need d.txt");

    let case = two().file("more.txt", "x\n").edit("Rulefile", "cp b.txt c.txt", "cp {input[0]} {output}");
    let case = case.edit(
        "Rulefile",
        "\"b.txt\",\n    output:\n        \"c.txt\"",
        "\"b.txt\", \"more.txt\"\n    output:\n        \"c.txt\"",
    );
    let case = case.edit("Rulefile", "shell.prefix(", "# (").run(&[]).call(&["export"]);
    case.stderr_has("dvc.lock now has the results of 3 stages of dvc.yaml");
}

/// Promise: what DVC would not write is not written.
#[test]
fn nothing_built_is_nothing_written() {
    let case =
        Case::new().file("dvc.yaml", TWO).file("params.yaml", "lr: 1\n").call(&["import", "-q", "dvc.yaml"]);
    let case = case.call_with_code(&["export"], 1).stderr_has("nothing to write into dvc.lock");
    assert!(!case.path("dvc.lock").exists());
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

fn git(case: &Case, args: &[&str]) {
    let mut command = program("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args).current_dir(case.root());
    assert!(command.output().unwrap().status.success(), "{args:?}");
}

/// All that is named to git, with what is said there.
fn ignored(case: &Case) -> Vec<(&'static str, String)> {
    let places = [".gitignore", "out/.gitignore", "m/.gitignore", "sub/.gitignore", "dir/.gitignore"];
    let there = places.into_iter().filter(|place| case.path(place).exists());
    there.map(|place| (place, case.read(place))).collect()
}

/// Promise: what is in DVC's cache is named to git, once and as DVC names it; what git tracks all the same is told.
#[test]
fn git_is_told_what_dvc_keeps() {
    let case = built();
    git(&case, &["init", "-q"]);
    std::fs::create_dir(case.path(".dvc")).unwrap();
    let case = case.call(&["export"]).stderr_has("out/.gitignore").stderr_has("so that git does not");
    let expected = [
        (".gitignore", "/dir\n"),
        ("out/.gitignore", "/a.txt\n"),
        ("m/.gitignore", "/one.bin\n/two.bin\n"),
        ("sub/.gitignore", "/w.txt\n"),
    ];
    assert_eq!(ignored(&case), expected.map(|(place, text)| (place, text.to_string())));
    let case = case.call(&["export"]);
    assert!(!case.last().stderr.contains("gitignore"), "{}", case.last());
    // A file that does not end with a line, and one that git tracks.
    std::fs::write(case.path("out/.gitignore"), "mine").unwrap();
    git(&case, &["add", "-f", "dir/x"]);
    let case = case.call(&["export"]).has("out/.gitignore", "mine\n/a.txt\n");
    let case = case.stderr_has("git tracks dir, and DVC refuses").stderr_has("git rm -r --cached dir");
    // Where DVC leaves git alone, so do we.
    let case =
        case.file(".dvc/config", "[core]\n    no_scm = True\n").remove("sub/.gitignore").call(&["export"]);
    case.has_not("sub/.gitignore");
}

#[test]
fn dvc_itself_has_nothing_to_add_for_git() {
    if !has_dvc() {
        eprintln!("dvc is not here: skipped");
        return;
    }
    let case = built();
    git(&case, &["init", "-q"]);
    dvc(&case, &["init", "-q"]);
    let case = case.call(&["export"]);
    let before = ignored(&case);
    assert!(before.len() == 4, "{before:?}");
    dvc(&case, &["commit", "-q", "-f"]);
    assert_eq!(ignored(&case), before);
}
