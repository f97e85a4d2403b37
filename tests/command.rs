//! The `rulemake` command as its users meet it: exit codes, where texts go, paths, and the life of one project.

#![cfg(all(unix, feature = "cli"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/surroundings.rs"]
mod surroundings;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use surroundings::program;

const RULEFILE: &str = r#"
rule all:
    input: "out/a.txt", "out/b.txt"

rule upper:
    """Writes in capitals."""
    input: "raw/{name}.txt"
    output: "out/{name}.txt"
    shell: "tr a-z A-Z < {input} > {output}"

rule fail:
    output: "failed.txt"
    shell: "echo one; echo two >&2; echo part > {output}; exit 3"

rule slow:
    output: "slow.txt"
    shell: "sleep 60; touch {output}"
"#;

fn project() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Rulefile"), RULEFILE).unwrap();
    fs::create_dir(dir.path().join("raw")).unwrap();
    fs::write(dir.path().join("raw/a.txt"), "a\n").unwrap();
    fs::write(dir.path().join("raw/b.txt"), "b\n").unwrap();
    dir
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = program(env!("CARGO_BIN_EXE_rulemake"));
    command.args(args).current_dir(dir);
    command
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn rulemake(dir: &Path, args: &[&str]) -> Said {
    let Output { status, stdout, stderr } = command(dir, args).output().unwrap();
    let said = Said {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    };
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

fn done(dir: &Path, args: &[&str]) -> Said {
    let said = rulemake(dir, args);
    assert_eq!(said.code, Some(0), "{args:?}\n{}{}", said.out, said.err);
    said
}

#[test]
fn a_project_is_planned_run_explained_and_cleaned() {
    let dir = project();
    let dir = dir.path();

    let plan = done(dir, &["-n"]);
    assert!(plan.out.contains("upper  will run 2  never built (2)\n"), "{}", plan.out);
    assert!(plan.out.ends_with("\n2 will run, 0 up to date\n"), "{}", plan.out);
    assert!(!dir.join(".rulemake").exists(), "a plan writes nothing");

    let run = done(dir, &["-j2"]);
    assert_eq!(run.out, "");
    assert!(run.err.contains("[1/2] done upper out/") && run.err.contains("\n2 ran in "), "{}", run.err);
    assert_eq!(fs::read_to_string(dir.join("out/a.txt")).unwrap(), "A\n");

    let again = done(dir, &[]);
    assert!(again.err.starts_with("nothing to do: 2 jobs up to date ("), "{}", again.err);
    assert_eq!(again.err.lines().count(), 1, "{}", again.err);

    fs::write(dir.join("raw/a.txt"), "c\n").unwrap();
    let why = done(dir, &["why", "out/a.txt"]);
    assert!(why.out.starts_with("out/a.txt will be made by rule upper:\n"), "{}", why.out);
    assert!(why.out.contains("- input raw/a.txt changed: ") && why.out.contains(" -> "), "{}", why.out);
    let why = done(dir, &["why", "out/b.txt"]);
    assert!(why.out.starts_with("out/b.txt is up to date:\n  made in run 1 by rule upper"), "{}", why.out);
    let why = done(dir, &["why", "raw/b.txt"]);
    assert!(why.out.contains("raw/b.txt is a source"), "{}", why.out);
    // One that nothing is known of does not hide the others.
    let why = rulemake(dir, &["why", "out/b.txt", "no-such-file", "raw/b.txt"]);
    assert!(
        why.out.contains("out/b.txt is up to date") && why.out.contains("raw/b.txt is a source"),
        "{}",
        why.out
    );
    assert!(why.code != Some(0) && why.err.contains("no-such-file"), "{:?} {}", why.code, why.err);

    assert_eq!(done(dir, &["list", "--outputs"]).out, "out/a.txt\nout/b.txt\n");
    let clean = done(dir, &["clean"]);
    assert_eq!(clean.out, "out/a.txt\nout/b.txt\n");
    assert!(clean.err.contains("would remove 2 files"), "{}", clean.err);
    assert!(dir.join("out/a.txt").exists());
    assert!(done(dir, &["clean", "--yes"]).err.contains("removed 2 files"));
    assert!(!dir.join("out/a.txt").exists() && dir.join("raw/a.txt").exists());
}

#[test]
fn a_failed_job_is_told_once_with_all_that_is_needed() {
    let dir = project();
    let said = rulemake(dir.path(), &["failed.txt"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    for words in [
        "\nerror: fail failed.txt failed: exit 3\n  command:\n    echo one;",
        "\n  end of its log:\n    one\n    two\n",
        "\n  rerun: rulemake failed.txt\n",
        "\n0 ran, 1 failed in ",
    ] {
        assert!(said.err.contains(words), "{words:?} is missing:\n{}", said.err);
    }
    assert!(!dir.path().join("failed.txt").exists());
    let log = done(dir.path(), &["log", "failed.txt"]);
    assert_eq!(log.out, "one\ntwo\n");
    let quiet = rulemake(dir.path(), &["-q", "failed.txt"]);
    assert!(quiet.err.starts_with("error: fail failed.txt failed: exit 3\n"), "{}", quiet.err);
}

#[test]
fn exit_codes_tell_whose_turn_it_is() {
    let dir = project();
    let dir = dir.path();
    let code = |args: &[&str]| rulemake(dir, args).code;
    assert_eq!(code(&["--no-such-option"]), Some(2));
    assert_eq!(code(&["--config", "novalue"]), Some(2));
    assert_eq!(code(&["-C", "no/such/dir"]), Some(2));
    assert_eq!(code(&["-f", "no/such/file"]), Some(3));
    fs::write(dir.join("Bad"), "rule a:\n    otput: 'x'\n").unwrap();
    assert_eq!(code(&["-f", "Bad"]), Some(3));
    assert_eq!(code(&["no/such/target"]), Some(4));
    assert_eq!(code(&["-n", "no/such/target"]), Some(4));
    assert_eq!(code(&["why", "no/such/target"]), Some(4));
    assert_eq!(code(&["log", "no/such/target"]), Some(4));
    assert_eq!(code(&["--version"]), Some(0));
}

/// Each code that the help names, provoked; only a bug ends with 70.
#[test]
fn the_exit_codes_of_the_help_are_those_that_come() {
    let help = done(Path::new("."), &["--help"]).out;
    let table = help.split("Exit codes:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut told: Vec<i32> =
        table.split_whitespace().filter_map(|word| word.parse().ok().filter(|code| *code != 70)).collect();
    told.sort_unstable();
    let (dir, blocked) = (project(), project());
    let code = |args: &[&str]| rulemake(dir.path(), args).code.unwrap();
    fs::write(dir.path().join("Bad"), "rule a:\n    otput: 'x'\n").unwrap();
    fs::write(blocked.path().join(".rulemake"), "not a directory").unwrap();
    let mut came = vec![
        code(&[]),
        code(&["failed.txt"]),
        code(&["--no-such-option"]),
        code(&["-f", "Bad"]),
        code(&["no/such/target"]),
        rulemake(blocked.path(), &[]).code.unwrap(),
    ];
    for signal in ["INT", "TERM"] {
        let mut running = command(dir.path(), &["--json", "slow.txt"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("job-started")), "the job has started");
        if signal == "INT" {
            came.push(code(&["out/a.txt", "--force"]));
        }
        let id = running.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        lines.for_each(drop);
        came.push(running.wait().unwrap().code().unwrap());
    }
    came.sort_unstable();
    assert_eq!(came, told);
}

#[test]
fn without_a_rulefile_the_way_to_a_first_one_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let said = rulemake(dir.path(), &[]);
    assert_eq!(said.code, Some(3));
    assert!(said.err.contains("no Rulefile in") && said.err.contains("rule hello:"), "{}", said.err);
    let example = said.err.lines().skip_while(|l| !l.contains("rule hello:"));
    let example: Vec<&str> = example.map(|line| line.strip_prefix("          ").unwrap_or(line)).collect();
    fs::write(dir.path().join("Rulefile"), example.join("\n") + "\n").unwrap();
    done(dir.path(), &[]);
    assert_eq!(fs::read_to_string(dir.path().join("hello.txt")).unwrap(), "hello\n");
}

#[test]
fn in_a_subdirectory_paths_are_those_of_the_user() {
    let dir = project();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    done(&out, &["a.txt"]);
    assert!(out.join("a.txt").exists());
    done(&out, &["all"]);
    assert!(out.join("b.txt").exists());
    let said = rulemake(&out, &["../failed.txt"]);
    assert!(said.err.contains("\n  rerun: rulemake ../failed.txt\n"), "{}", said.err);
    let said = done(dir.path(), &["-C", "out", "why", "a.txt"]);
    assert!(said.out.starts_with("out/a.txt is up to date:"), "{}", said.out);
}

#[test]
fn with_json_standard_output_holds_json_and_nothing_else() {
    let dir = project();
    let dir = dir.path();
    let plan: serde_json::Value = serde_json::from_str(&done(dir, &["-n", "--json"]).out).unwrap();
    assert_eq!(plan["v"], 1);
    assert!(plan["jobs"].as_array().unwrap().iter().any(|j| j["reasons"][0]["reason"] == "never-built"));
    let run = rulemake(dir, &["--json", "-k", "all", "failed.txt"]);
    assert_eq!(run.code, Some(1));
    let events: Vec<serde_json::Value> =
        run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().enumerate().all(|(i, e)| e["seq"] == i && e["v"] == 1), "{}", run.out);
    assert_eq!(events.first().unwrap()["event"], "run-started");
    assert_eq!(events.last().unwrap()["event"], "run-finished");
    assert_eq!(events.last().unwrap()["summary"]["ran"], 2);
    assert!(run.err.starts_with("error: fail failed.txt"), "{}", run.err);
    let rules: serde_json::Value = serde_json::from_str(&done(dir, &["list", "--json"]).out).unwrap();
    assert_eq!(rules["rules"][0]["default"], true);
    assert_eq!(rules["rules"][1]["outputs"][0], "out/{name}.txt");
    let error: serde_json::Value = serde_json::from_str(&rulemake(dir, &["--json", "nope"]).out).unwrap();
    assert_eq!((error["event"].as_str(), error["kind"].as_str()), (Some("error"), Some("plan")));
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let dir = project();
    for args in [&["-n"] as &[&str], &["list"], &["graph"], &["--help"]] {
        let mut child =
            command(dir.path(), args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn signals_stop_the_run_and_name_themselves_in_the_exit_code() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let dir = project();
        let mut child = command(dir.path(), &["--json", "slow.txt"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("job-started")), "the job has started");
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{err}");
        assert!(err.contains("stopping: 1 job asked to end"), "{err}");
        assert!(!dir.path().join("slow.txt").exists());
    }
}

#[test]
fn colours_are_for_those_who_want_them() {
    let dir = project();
    let plan = |set: &[(&str, &str)], args: &[&str]| {
        let output = command(dir.path(), args).envs(set.iter().copied()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains('\u{1b}')
    };
    assert!(!plan(&[], &["-n"]));
    assert!(plan(&[("CLICOLOR_FORCE", "1")], &["-n"]));
    assert!(plan(&[], &["-n", "--color", "always"]));
    assert!(!plan(&[("CLICOLOR_FORCE", "1")], &["-n", "--color", "never"]));
    assert!(!plan(&[("NO_COLOR", "1")], &["-n"]));
}
