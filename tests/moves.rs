//! A project goes where files go: copies, archives, renamed directories, branches. Dates, inodes and roots change, and
//! nothing runs that would make the same again.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Case, program};

fn project() -> Case {
    Case::new()
        .rulefile(
            "rule all:\n    input: 'out/sum', 'out/tree'\n\
             rule sum:\n    input: 'mid/a', 'mid/b'\n    output: 'out/sum'\n    shell: 'cat {input} > {output}'\n\
             rule mid:\n    input: 'raw/{s}'\n    output: temp('mid/{s}')\n    shell: 'sort {input} > {output}'\n\
             rule tree:\n    input: 'raw'\n    output: directory('out/tree')\n    \
             shell: 'mkdir {output}; cp {input}/* {output}'\n",
        )
        .file("raw/a", "2\n1\n")
        .file("raw/b", "3\n")
        .run(&[])
        .ran(&["mid mid/a", "mid mid/b", "sum out/sum", "tree out/tree"])
}

/// Runs a program that must be there and succeed.
fn sh(dir: &Path, command: &str) {
    let status = program("sh").args(["-euc", command]).current_dir(dir).status().unwrap();
    assert!(status.success(), "{command}");
}

fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    found.status.success()
}

/// The project after a command that takes it from `project` to `copy`, in a directory of its own.
fn moved(command: &str) -> Case {
    let case = project();
    let copy = Case::new();
    let (from, to) = (case.root().display(), copy.root().display());
    sh(case.root(), &format!("from='{from}'; to='{to}'; {command}"));
    copy
}

#[test]
fn a_copy_that_keeps_dates_has_nothing_to_do() {
    moved("cp -a . \"$to\"").run(&[]).ran(&[]).up_to_date(4);
}

#[test]
fn a_copy_that_loses_dates_has_nothing_to_do() {
    moved("cp -r . \"$to\"").run(&[]).ran(&[]).up_to_date(4);
}

#[test]
fn an_archive_unpacked_elsewhere_has_nothing_to_do() {
    moved("tar cf - . | tar xf - -C \"$to\"").run(&[]).ran(&[]).run(&[]).ran(&[]);
}

#[test]
fn what_rsync_brings_is_judged_by_content() {
    if has("rsync") {
        moved("rsync -rt ./ \"$to\"/").run(&[]).ran(&[]);
        moved("rsync -r --no-times ./ \"$to\"/").run(&[]).ran(&[]);
    }
}

#[test]
fn a_project_without_its_state_offers_to_accept_what_is_there() {
    moved("cp -a . \"$to\"; rm -r \"$to/.rulemake\"")
        .call(&["-n"])
        .stdout_has("no record")
        .file("mid/a", "1\n2\n")
        .file("mid/b", "3\n")
        .call(&["accept"])
        .stderr_has("4 accepted")
        .run(&[])
        .ran(&[]);
}

/// A branch with other sources and back: what changes runs, dates of the checkout do not count, and what is the same
/// as on the other branch is left alone.
#[test]
fn branches_of_git_cost_only_what_differs() {
    if !has("git") {
        return;
    }
    let case = project();
    sh(
        case.root(),
        "git init -q . && git config user.email a@b.c && git config user.name t && printf 'out\\nmid\\n.rulemake\\n' > .gitignore \
         && git add . && git commit -qm one && git checkout -q -b two && echo 0 >> raw/a && git commit -qam two \
         && git checkout -q -",
    );
    let case = case.touch("raw/b", 2_000_000_000).run(&[]).ran(&[]);
    sh(case.root(), "git checkout -q two");
    let case =
        case.run(&[]).ran(&["mid mid/a", "mid mid/b", "sum out/sum", "tree out/tree"]).run(&[]).ran(&[]);
    sh(
        case.root(),
        "git stash -q --include-untracked 2> /dev/null || true; git stash pop -q 2> /dev/null || true",
    );
    case.run(&[]).ran(&[]);
}

/// Replaced by a file with the same size and date, under another inode: content decides.
#[test]
fn a_backup_that_is_put_back_is_no_change_and_another_content_is() {
    let case = project();
    sh(case.root(), "cp -p raw/a save && echo x > raw/a && cp -p save raw/a && rm save");
    let case = case.run(&[]).ran(&[]);
    sh(case.root(), "printf '1\\n2\\n' > other && touch -r raw/a other && mv other raw/a");
    case.run(&["out/sum"]).ran(&["mid mid/a"]).unchanged(&["mid mid/a"]);
}

/// Hard links and links to files are the files.
#[test]
fn links_count_by_what_they_lead_to() {
    let case = project();
    fs::hard_link(case.path("raw/a"), case.path("twin")).unwrap();
    let case = case.run(&[]).ran(&[]);
    sh(case.root(), "mv raw/b elsewhere && ln -s ../elsewhere raw/b");
    let case = case.run(&["out/sum"]).ran(&[]);
    case.file("elsewhere", "4\n").run(&["out/sum"]).ran(&["mid mid/a", "mid mid/b", "sum out/sum"]);
}

/// An output that another rule makes now is that rule's to make; what did not move stays.
#[test]
fn an_output_that_moves_to_another_rule_is_made_by_it() {
    Case::new()
        .rulefile("rule both:\n    output: 'a', 'b'\n    shell: 'echo 1 | tee {output} > /dev/null'\n")
        .run(&["a"])
        .ran(&["both a"])
        .rulefile(
            "rule a:\n    output: 'a'\n    shell: 'echo 1 > {output}'\nrule b:\n    output: 'b'\n    shell: 'echo 2 > {output}'\n",
        )
        .run(&["a"])
        .ran(&["a a"])
        .because("a a", "output-set-changed")
        .run(&["a", "b"])
        .ran(&["b b"])
        .has("b", "2\n")
        .run(&["a", "b"])
        .ran(&[]);
}
