//! What has nothing to do writes nothing: neither a run of which all is up to date, but for who holds the lock, nor
//! those who only ask. Seen by the signatures of all that is in the directory, that of the state included.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use support::Case;

const RULEFILE: &str = "\
import os

onstart:
    shell('echo go >> hook.txt')

rule all:
    input: 'cat.txt', 'sum.txt', 'dir.txt', 'apart.txt', 'mark', 'page.txt'

rule copy:
    input: 'in'
    output: temp('copy.txt')
    shell: 'cp {input} {output}'

rule cat:
    input: 'copy.txt'
    output: 'cat.txt'
    log: 'logs/cat.log'
    benchmark: 'logs/cat.tsv'
    shell: 'cat {input} > {output}; echo done > {log}'

rule sum:
    input: 'in'
    output: update('sum.txt')
    shell: 'cat {input} >> {output}'

rule tree:
    input: 'in'
    output: directory('tree')
    shell: 'mkdir {output}; cp {input} {output}/a'

rule dir:
    input: 'tree'
    output: 'dir.txt'
    shell: 'cat {input}/a > {output}'

rule apart:
    input: 'in'
    output: protected('apart.txt')
    shadow: 'minimal'
    shell: 'cp {input} {output}'

rule mark:
    input: 'cat.txt'
    output: touch('mark')

checkpoint pages:
    input: 'in'
    output: directory('pages')
    run:
        os.mkdir(output[0])
        with open(output[0] + '/1', 'w') as out:
            out.write('x')

def pages(wildcards):
    dir = checkpoints.pages.get().output[0]
    return [dir + '/' + name for name in sorted(os.listdir(dir))]

rule page:
    input: pages
    output: 'page.txt'
    run:
        with open(output[0], 'w') as out:
            out.write('x')
";

/// Inode, size and both times of everything, in nanoseconds.
fn signatures(case: &Case) -> BTreeMap<String, [i64; 4]> {
    let mut found = BTreeMap::new();
    let mut todo = vec![case.root().to_path_buf()];
    while let Some(path) = todo.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let time = |seconds: i64, rest: i64| seconds * 1_000_000_000 + rest;
        let times = [time(meta.mtime(), meta.mtime_nsec()), time(meta.ctime(), meta.ctime_nsec())];
        let shown = path.strip_prefix(case.root()).unwrap().display().to_string();
        found.insert(shown, [meta.ino() as i64, meta.size() as i64, times[0], times[1]]);
        if meta.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

#[test]
fn who_has_nothing_to_do_writes_nothing() {
    let case = Case::new().rulefile(RULEFILE).file("in", "1\n").file("sum.txt", "0\n").run(&[]);
    // A file that was young when it was read is read once more when it is not, and that is put on record, once.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let mut case = case.run(&[]).ran(&[]);
    let calls: [&[&str]; 11] = [
        &["--json"],
        &["-k", "-j2"],
        &["-n"],
        &["plan"],
        &["why", "cat.txt"],
        &["why", "page.txt"],
        &["list"],
        &["graph"],
        &["log", "cat.txt"],
        &["accept", "-n"],
        &["clean"],
    ];
    for args in calls {
        let before = signatures(&case);
        case = case.call(args);
        let mut after = signatures(&case);
        let runs = args[0].starts_with('-') && args[0] != "-n";
        if runs {
            // Who holds it.
            after.insert(".rulemake/lock".into(), before[".rulemake/lock"]);
        }
        for (path, signature) in &after {
            assert_eq!(before.get(path), Some(signature), "{args:?} has written {path:?}\n{}", case.last());
        }
        assert_eq!(before.len(), after.len(), "{args:?} has removed something");
    }
}

#[test]
fn who_only_asks_makes_no_state() {
    let mut case = Case::new().rulefile(RULEFILE).file("in", "1\n").file("sum.txt", "0\n");
    let before = signatures(&case);
    for args in
        [&["-n"] as &[&str], &["why", "cat.txt"], &["list"], &["graph"], &["clean"], &["accept", "-n"]]
    {
        let output = case.command(args).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code < 2), "{args:?}: {output:?}");
        assert_eq!(signatures(&case), before, "{args:?} has written something");
    }
    // What is broken writes nothing, either.
    case = case.rulefile("rule a:\n    input: 'none'\n    output: 'b'\n    shell: 'cp {input} {output}'\n");
    let before = signatures(&case);
    let case = case.call_with_code(&["-n"], 4);
    assert_eq!(signatures(&case), before);
}

/// Who calls it in a wrong directory finds nothing there afterwards that was not there before.
#[test]
fn a_plan_that_cannot_be_made_leaves_nothing_in_a_new_directory() {
    let case = Case::new()
        .file(
            "up/Rulefile",
            "rule a:\n    input: 'none'\n    output: 'x'\n    shell: 'cp {input} {output}'\n",
        )
        .file("up/down/other", "");
    let nothing = |case: Case, args: &[&str]| {
        let case = case.call_with_code(args, 4);
        for dir in ["up", "up/down", "."] {
            assert!(!case.path(dir).join(".rulemake").exists(), "{args:?} leaves .rulemake in {dir}");
        }
        case
    };
    let mut case = nothing(case, &["-C", "up/down", "-f", "../Rulefile"]);
    for args in [&["-C", "up"][..], &["-C", "up", "y"], &["-C", "up", "accept"]] {
        case = nothing(case, args);
    }
    case.file("up/none", "1\n").run(&["-C", "up"]).has("up/x", "1\n").run(&["-C", "up"]).ran(&[]);
}
