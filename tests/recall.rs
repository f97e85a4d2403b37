//! What a run recalls instead of working it out again.
//!
//! Promise: whenever "nothing to do" is recalled, a run that goes the whole way finds nothing to do either, whatever was
//! changed in between; and where nothing was changed, it is recalled.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/outside.rs"]
mod outside;
mod support;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use rulemake::{LoadOptions, RunOptions, RunReport, Session};
use std::fs;
use std::path::Path;
use support::Case;

const RULEFILE: &str = r#"
configfile: "config.yaml"
include: "more.smk"
import os
NAMES = open("names.txt").read().split()
MODE = os.environ.get("MODE", "none")
ruleorder: other > one

def extra(wildcards):
    return [path for path in ["extra/" + wildcards.s + ".txt"] if os.path.exists(path)]

rule all:
    input:
        expand("out/{s}.txt", s=NAMES),
        expand("g/{n}.up", n=glob_wildcards("data/{n}.csv").n),
        "scripted.txt",
        "kept.txt",

rule one:
    input: "src/{s}.txt", extra
    output: "out/{s}.txt"
    params: mode=MODE, level=config["level"], depth=from_file("params.yaml", "{s}.depth"), seed=from_file("params.yaml", "seed")
    shell: "cat {input} > {output}; echo {params.mode} {params.level} {params.depth} >> {output}"

rule other:
    input: "other/{s}.src"
    output: "out/{s}.txt"
    shell: "cat {input} > {output}"

rule scripted:
    input: "src/a.txt"
    output: "scripted.txt"
    script: "scripts/go.py"

rule middle:
    input: "src/b.txt"
    output: temp("middle.txt")
    shell: "sort {input} > {output}"

rule kept:
    input: "middle.txt"
    output: "kept.txt"
    shell: "cp {input} {output}"
"#;

const MORE: &str = r#"
rule up:
    input: "data/{n}.csv"
    output: "g/{n}.up"
    shell: "tr a-z A-Z < {input} > {output}"
"#;

fn project() -> Case {
    Case::new()
        .file("Rulefile", RULEFILE)
        .file("more.smk", MORE)
        .file("config.yaml", "level: 1\n")
        .file("params.yaml", "a: {depth: 1}\nb: {depth: 2}\nseed: 3\n")
        .file("names.txt", "a b\n")
        .file("src/a.txt", "one\ntwo\n")
        .file("src/b.txt", "three\nfour\n")
        .file("data/x.csv", "x\n")
        .file("data/y.csv", "y\n")
        .file("scripts/go.py", "import helper\nopen(snakemake.output[0], 'w').write(helper.TEXT)\n")
        .file("scripts/helper.py", "TEXT = 'h'\n")
}

/// Something that happens between two runs.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    Append(&'static str),
    SameSizeAndTime(&'static str),
    Touch(&'static str),
    ReplaceByItself(&'static str),
    ToLink(&'static str),
    Toggle(&'static str, &'static str),
    DirectoryToLink(&'static str),
    Variable(u8),
    RunOne,
    ForceOne,
    FailOne,
    ForgetState,
    CutState(u8),
    DamageProof(u8),
}

const FILES: [&str; 16] = [
    "src/a.txt",
    "src/b.txt",
    "data/x.csv",
    "out/a.txt",
    "out/b.txt",
    "g/x.up",
    "scripted.txt",
    "kept.txt",
    "names.txt",
    "config.yaml",
    "params.yaml",
    "more.smk",
    "Rulefile",
    "scripts/go.py",
    "scripts/helper.py",
    "extra/a.txt",
];
/// Files that come and go, with what is in them.
const TOGGLED: [(&str, &str); 9] = [
    ("data/z.csv", "z\n"),
    ("data/y.csv", "y\n"),
    ("extra/a.txt", "e\n"),
    ("other/a.src", "o\n"),
    ("out/a.txt", "edited\n"),
    ("g/x.up", "edited\n"),
    ("middle.txt", "m\n"),
    ("scripts/json.py", "X = 1\n"),
    ("scripts/helper/__init__.py", "TEXT = 'package'\n"),
];

fn change() -> impl Strategy<Value = Change> {
    let file = || prop::sample::select(&FILES[..]);
    prop_oneof![
        2 => Just(Change::Nothing),
        4 => file().prop_map(Change::Append),
        3 => file().prop_map(Change::SameSizeAndTime),
        2 => file().prop_map(Change::Touch),
        1 => file().prop_map(Change::ReplaceByItself),
        1 => file().prop_map(Change::ToLink),
        5 => prop::sample::select(&TOGGLED[..]).prop_map(|(path, text)| Change::Toggle(path, text)),
        1 => prop::sample::select(&["out", "src", "g"][..]).prop_map(Change::DirectoryToLink),
        1 => (0..2u8).prop_map(Change::Variable),
        1 => Just(Change::RunOne),
        1 => Just(Change::ForceOne),
        1 => Just(Change::FailOne),
        1 => Just(Change::ForgetState),
        1 => any::<u8>().prop_map(Change::CutState),
        1 => any::<u8>().prop_map(Change::DamageProof),
    ]
}

/// The project, and the variable that its Rulefile reads.
struct World {
    case: Case,
    mode: u8,
}

impl World {
    fn recalled(&self, targets: &[&str]) -> Option<RunReport> {
        let mut load = LoadOptions::default();
        load.root = Some(self.case.root().to_path_buf());
        load.variables = vec![("MODE".into(), self.mode.to_string())];
        Session::recall(self.case.path("Rulefile"), &load, targets, &RunOptions::default())
    }

    /// What a run that goes the whole way does: its code, and the jobs that it started.
    fn run(&self, args: &[&str]) -> (Option<i32>, Vec<String>, String) {
        let all: Vec<&str> = std::iter::once("--json").chain(args.iter().copied()).collect();
        let output = self.case.command(&all).env("MODE", self.mode.to_string()).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let events = support::parse_events(&stdout).unwrap();
        let started = events.iter().filter(|event| event["event"] == "job-started");
        let started = started.map(|event| support::title(&event["job"])).collect();
        (output.status.code(), started, format!("{stdout}{}", String::from_utf8_lossy(&output.stderr)))
    }

    fn apply(&mut self, change: Change) {
        let full = |path: &str| self.case.path(path);
        let read = |path: &str| fs::read(full(path)).ok();
        let make = |path: &Path, bytes: &[u8]| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        match change {
            Change::Nothing => {}
            Change::Append(path) => {
                let mut bytes = read(path).unwrap_or_default();
                bytes.extend_from_slice(b"\n# more\n");
                make(&full(path), &bytes);
            }
            Change::SameSizeAndTime(path) => {
                let Some(mut bytes) = read(path) else { return };
                let time =
                    filetime::FileTime::from_last_modification_time(&fs::metadata(full(path)).unwrap());
                // Another digit or letter of a kind that no syntax minds: the value of a level, a word in data.
                let Some(byte) = bytes.iter_mut().rev().find(|byte| byte.is_ascii_digit() || **byte == b'e')
                else {
                    return;
                };
                *byte = if byte.is_ascii_digit() { b'0' + (*byte - b'0' + 1) % 10 } else { b'e' };
                make(&full(path), &bytes);
                filetime::set_file_mtime(full(path), time).unwrap();
            }
            Change::Touch(path) if full(path).exists() => {
                filetime::set_file_mtime(full(path), filetime::FileTime::now()).unwrap();
            }
            Change::ReplaceByItself(path) => {
                let Some(bytes) = read(path) else { return };
                make(&full("fresh"), &bytes);
                fs::rename(full("fresh"), full(path)).unwrap();
            }
            Change::ToLink(path) => {
                let Some(bytes) = read(path) else { return };
                make(&full("aside").join(path), &bytes);
                fs::remove_file(full(path)).unwrap();
                std::os::unix::fs::symlink(full("aside").join(path), full(path)).unwrap();
            }
            Change::Toggle(path, text) => match full(path).exists() {
                true => fs::remove_file(full(path)).unwrap(),
                false => make(&full(path), text.as_bytes()),
            },
            Change::DirectoryToLink(path) => {
                if fs::symlink_metadata(full(path)).is_ok_and(|meta| meta.is_dir()) {
                    let aside = full(&format!("moved-{path}"));
                    fs::rename(full(path), &aside).unwrap();
                    std::os::unix::fs::symlink(&aside, full(path)).unwrap();
                }
            }
            Change::Variable(mode) => self.mode = mode,
            Change::RunOne => drop(self.run(&["out/b.txt"])),
            Change::ForceOne => drop(self.run(&["--force", "out/a.txt"])),
            // Its trace stays, and that it failed since is on record.
            Change::FailOne => {
                let text = self.case.read("Rulefile");
                make(
                    &full("Rulefile"),
                    text.replace("> {output}; echo", "> {output}; false; echo").as_bytes(),
                );
                drop(self.run(&["out/b.txt"]));
                make(&full("Rulefile"), text.as_bytes());
            }
            Change::ForgetState => drop(fs::remove_file(full(".rulemake/state.log"))),
            Change::CutState(bytes) => {
                let Some(log) = read(".rulemake/state.log") else { return };
                make(&full(".rulemake/state.log"), &log[..log.len().saturating_sub(bytes.into())]);
            }
            Change::DamageProof(at) => {
                for entry in fs::read_dir(full(".rulemake/proofs")).into_iter().flatten().flatten() {
                    let mut bytes = fs::read(entry.path()).unwrap();
                    let at = usize::from(at) * bytes.len() / 256;
                    bytes[at] ^= 1;
                    fs::write(entry.path(), bytes).unwrap();
                }
            }
            Change::Touch(_) => {}
        }
    }
}

fn history(changes: &[Vec<Change>]) -> Result<(), TestCaseError> {
    let mut world = World { case: project(), mode: 0 };
    let first = world.run(&[]);
    prop_assert_eq!(first.0, Some(0), "{}", first.2);
    for changes in changes {
        // What keeps to be unsettled for a moment is settled by the second one.
        for _ in 0..2 {
            let (code, started, told) = world.run(&[]);
            prop_assert!(code != Some(0) || started.is_empty(), "it comes to rest\n{}", told);
        }
        let (code, ..) = world.run(&[]);
        prop_assert_eq!(code == Some(0), world.recalled(&[]).is_some(), "what did not change is recalled");
        changes.iter().for_each(|change| world.apply(*change));
        let recalled = world.recalled(&[]);
        let (code, started, told) = world.run(&[]);
        if let Some(report) = recalled {
            prop_assert_eq!(code, Some(0), "{:?} was recalled, but\n{}", report, told);
            prop_assert!(started.is_empty(), "{:?} was recalled, but {:?} ran\n{}", report, started, told);
        }
        if code != Some(0) {
            return Ok(());
        }
    }
    Ok(())
}

/// The same histories each time; a search for more takes another seed from outside.
#[test]
fn what_is_recalled_is_what_a_run_would_find() {
    let seed = outside::number("RULEMAKE_SEED").unwrap_or(7);
    let cases = outside::number("RULEMAKE_CASES").unwrap_or(40) as u32;
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let strategy = prop::collection::vec(prop::collection::vec(change(), 0..3), 1..6);
    let result = TestRunner::new(config).run(&strategy, |changes| history(&changes));
    result.unwrap_or_else(|error| panic!("with RULEMAKE_SEED={seed}: {error}"));
}

/// Promise: the command answers from memory, with the words of a run that goes the whole way, and takes no lock for it.
#[test]
fn the_command_recalls_too() {
    let case = project().run(&[]).run(&[]).run(&[]);
    let told = |case: &Case| {
        let text = &case.last().stderr;
        text.split(" (").next().unwrap().to_string()
    };
    let case_root = case.root().to_path_buf();
    let case = case.call(&[]);
    assert_eq!(told(&case), "nothing to do: 7 jobs up to date");
    fs::remove_dir_all(case_root.join(".rulemake/proofs")).unwrap();
    let case = case.call(&[]);
    assert_eq!(told(&case), "nothing to do: 7 jobs up to date");
}

/// Promise: what has to be said each time is said each time.
#[test]
fn what_a_rulefile_prints_is_not_swallowed() {
    let case = Case::new()
        .file("Rulefile", "print('hello')\nrule a:\n    output: 'a.txt'\n    shell: 'echo a > {output}'\n")
        .call(&[])
        .call(&[])
        .call(&[])
        .call(&[]);
    assert!(format!("{}{}", case.last().stdout, case.last().stderr).contains("hello"));
}

/// Promise: what a clock says is asked again.
#[test]
fn what_a_clock_says_is_asked_again() {
    let text = "from datetime import datetime\nrule a:\n    output: 'a.txt'\n    \
                params: now=str(datetime.now())\n    shell: 'echo {params.now} > {output}'\n";
    Case::new().file("Rulefile", text).run(&[]).run(&[]).ran(&["a a.txt"]).run(&[]).ran(&["a a.txt"]);
}

/// Promise: where a directory leads to counts, even where its files look the same by another way.
#[test]
fn a_directory_that_became_a_link_is_looked_at() {
    let text = "rule all:\n    input: 'copy.txt'\nrule a:\n    output: 'out/a.txt'\n    shell: 'echo a > {output}'\n\
                rule copy:\n    input: 'out/a.txt', 'twin/a.txt'\n    output: 'copy.txt'\n    \
                shell: 'cat {input} > {output}'\n";
    let case = Case::new().file("Rulefile", text).file("twin/a.txt", "t\n").run(&[]);
    fs::remove_file(case.path("twin/a.txt")).unwrap();
    fs::hard_link(case.path("out/a.txt"), case.path("twin/a.txt")).unwrap();
    let world = World { case: case.run(&[]).run(&[]).run(&[]), mode: 0 };
    assert!(world.recalled(&[]).is_some());
    fs::rename(world.case.path("twin"), world.case.path("before")).unwrap();
    std::os::unix::fs::symlink("out", world.case.path("twin")).unwrap();
    assert!(world.recalled(&[]).is_none());
    world.case.run_with_code(&[], 4);
}
