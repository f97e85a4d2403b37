//! Temporary outputs: they go when nobody needs them, are not missed, and come back when a job needs them after all.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use support::Case;

/// raw -> mid (temporary) -> out and other.
const TWO_READERS: &str = "
rule all:
    input: 'out', 'other'
rule mid:
    input: 'raw'
    output: temp('mid')
    shell: 'cp {input} {output}'
rule out:
    input: 'mid'
    output: 'out'
    shell: 'test ! -e stop; cat {input} > {output}; echo out >> {output}'
rule other:
    input: 'mid'
    output: 'other'
    shell: 'wc -l < {input} > {output}'
";

fn removed(case: &Case) -> Vec<String> {
    case.last().of("temp-removed").map(|e| e["path"].as_str().unwrap().to_string()).collect()
}

fn two_readers() -> Case {
    Case::new().rulefile(TWO_READERS).file("raw", "1\n")
}

#[test]
fn a_temporary_file_goes_after_its_last_reader_and_is_not_missed() {
    let case = two_readers().run(&[]).ran(&["mid mid", "out out", "other other"]).has_not("mid");
    assert_eq!(removed(&case), ["mid"]);
    assert_eq!(case.last().of("run-finished").next().unwrap()["summary"]["temp_removed"], 1);
    let plan = case.plan(&[]);
    assert!(plan.iter().all(|(_, verdict)| verdict == "up-to-date"), "{plan:?}");
    let case = case.run(&[]).ran(&[]).up_to_date(3);
    assert_eq!(removed(&case), [""; 0]);
}

/// The reader that must run sends the producer back; the other reader sees the same content and rests.
#[test]
fn a_reader_that_must_run_has_it_made_again() {
    let case = two_readers().run(&[]).edit("Rulefile", "echo out ", "echo changed ");
    let plan = case.plan(&[]);
    let verdict = |job: &str| plan.iter().find(|(title, _)| title == job).unwrap().1.clone();
    assert_eq!((verdict("mid mid").as_str(), verdict("out out").as_str()), ("run", "run"));
    // What mid makes may come out different.
    assert_eq!(verdict("other other"), "may");
    let case = case
        .run(&[])
        .ran_in_order(&["mid mid", "out out"])
        .ran(&["mid mid", "out out"])
        .because("mid mid", "needed-by")
        .up_to_date(1)
        .has("out", "1\nchanged\n")
        .has_not("mid");
    assert_eq!(removed(&case), ["mid"]);
    case.run(&[]).ran(&[]);
}

#[test]
fn temporary_files_upstream_of_temporary_files_come_back_too() {
    let case = Case::new()
        .rulefile(
            "
rule c:
    input: 'b', 'k'
    output: 'c'
    shell: 'cat {input} > {output}'
rule b:
    input: 'a'
    output: temp('b')
    shell: 'cp {input} {output}'
rule a:
    input: 'raw'
    output: temp('a'), 'k'
    shell: 'cp {input} {output[0]}; echo kept > {output[1]}'
",
        )
        .file("raw", "1\n")
        .run(&[])
        .ran(&["a a", "b b", "c c"])
        .has_not("a")
        .has_not("b")
        .remove("c");
    let plan = case.plan(&[]);
    assert!(plan.iter().all(|(_, verdict)| verdict == "run"), "{plan:?}");
    case.run(&[])
        .ran_in_order(&["a a", "b b", "c c"])
        .because("a a", "needed-by")
        .because("b b", "needed-by")
        .has("c", "1\nkept\n")
        .has_not("a")
        .has_not("b")
        .run(&[])
        .ran(&[]);
}

/// An early cutoff works through a file that is gone: its digest is on record.
#[test]
fn a_change_that_ends_at_a_temporary_file_stops_there() {
    let case = Case::new()
        .rulefile(
            "
rule out:
    input: 'mid'
    output: 'out'
    shell: 'cp {input} {output}'
rule mid:
    input: 'raw'
    output: temp('mid')
    shell: 'sed -n 1p {input} > {output}'
",
        )
        .file("raw", "1\n2\n")
        .run(&[])
        .ran(&["mid mid", "out out"])
        .append("raw", "3\n");
    assert_eq!(case.plan(&[]), [("mid mid".into(), "run".into()), ("out out".into(), "may".into())]);
    case.run(&[]).ran(&["mid mid"]).up_to_date(1).has_not("mid").run(&[]).ran(&[]);
}

#[test]
fn a_file_stays_while_a_reader_failed_and_goes_when_it_is_repaired() {
    two_readers()
        .file("stop", "")
        .run_with_code(&["-k"], 1)
        .ran(&["mid mid", "other other"])
        .failed(&["out out"])
        .has("mid", "1\n")
        .remove("stop")
        .run(&[])
        .ran(&["out out"])
        .has_not("mid");
}

#[test]
fn targets_and_what_a_target_rule_lists_stay() {
    let case = Case::new()
        .rulefile(
            "
rule all:
    input: 'mid', 'out'
rule mid:
    output: temp('mid'), temp('side')
    shell: 'echo 1 > {output[0]}; echo 2 > {output[1]}'
rule out:
    input: 'mid'
    output: 'out'
    shell: 'cp {input} {output}'
",
        )
        .run(&[])
        .has("mid", "1\n")
        .has_not("side")
        .run(&[])
        .ran(&[]);
    // Asked for by name it must be there, and so it comes back.
    case.run(&["out"])
        .ran(&[])
        .has_not("mid")
        .run(&["mid"])
        .ran(&["mid mid"])
        .because("mid mid", "output-missing")
        .has("mid", "1\n");
}

#[test]
fn notemp_keeps_them_and_a_later_run_removes_them() {
    let case =
        two_readers().run(&["--notemp"]).has("mid", "1\n").run(&["--notemp"]).ran(&[]).has("mid", "1\n");
    let case = case.run(&[]).ran(&[]).has_not("mid");
    assert_eq!(removed(&case), ["mid"]);
    // What is gone is not made again only to be kept.
    case.run(&["--notemp"]).ran(&[]).has_not("mid").call(&[]).stderr_has("nothing to do: 3 jobs up to date");
}

/// A file that is not as its job left it is somebody's work: it is not removed as ours.
#[test]
fn what_somebody_changed_is_not_removed() {
    let case = two_readers()
        .run(&["--notemp"])
        .file("mid", "edited\n")
        .run(&[])
        .because("mid mid", "output-modified")
        .warned("was not what rulemake recorded last")
        .has_not("mid");
    let saved: Vec<String> = case.files(".rulemake/saved");
    assert!(saved.iter().any(|path| path.ends_with("/mid")), "{saved:?}");
}

/// Made again it is another: readers that were decided look again, and it is said.
#[test]
fn a_producer_that_makes_something_else_has_its_readers_checked_again() {
    let rulefile = TWO_READERS
        .replace("cp {input} {output}", "cp {input} {output}; echo x >> count; cat count >> {output}");
    let case = Case::new().rulefile(&rulefile).file("raw", "1\n").run(&["-j1"]).has("other", "2\n");
    case.edit("Rulefile", "echo out ", "echo changed ")
        .run(&["-j1"])
        .ran(&["mid mid", "out out", "other other"])
        .warned("is not what it was before")
        .has("other", "3\n")
        .has_not("mid")
        .run(&[])
        .ran(&[]);
}

#[test]
fn a_failed_attempt_keeps_the_input_for_the_next() {
    Case::new()
        .rulefile(
            "
rule out:
    input: 'mid'
    output: 'out'
    retries: 1
    shell: 'echo x >> tries; cat {input} > {output}; test $(wc -l < tries) = 2'
rule mid:
    output: temp('mid')
    shell: 'echo 1 > {output}'
",
        )
        .run(&[])
        .ran(&["mid mid", "out out"])
        .has("out", "1\n")
        .has_not("mid");
}

/// `kill -9` between the reader's end and the removal, or while the reader runs: the next run tidies up.
#[test]
fn what_a_killed_run_left_goes_in_the_next() {
    let case = Case::new().rulefile(
        "
rule out:
    input: 'mid'
    output: 'out'
    shell: 'touch started; while test ! -e go; do sleep 0.02; done; cp {input} {output}'
rule mid:
    output: temp('mid')
    shell: 'echo 1 > {output}'
",
    );
    let mut running = case.start(&[]);
    case.wait_for("started");
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    fs::write(case.path("go"), "").unwrap();
    case.has("mid", "1\n").run(&[]).ran(&["out out"]).has("out", "1\n").has_not("mid").run(&[]).ran(&[]);
}

#[test]
fn a_producer_that_fails_when_it_is_needed_again_fails_the_run() {
    two_readers()
        .run(&[])
        .edit("Rulefile", "echo out ", "echo changed ")
        .edit("Rulefile", "'cp {input} {output}'", "'test -e ok; cp {input} {output}'")
        .run_with_code(&["-k"], 1)
        .failed(&["mid mid"])
        .skipped(&["out out", "other other"])
        .file("ok", "")
        .run(&[])
        .ran(&["mid mid", "out out"])
        .has("out", "1\nchanged\n");
}

#[test]
fn why_goes_upstream_past_a_producer_that_only_serves() {
    two_readers()
        .run(&[])
        .edit("Rulefile", "echo out ", "echo changed ")
        .call(&["why", "out"])
        .stdout_has("out will be made by rule out:")
        .stdout_has("command changed");
}

/// What is read beside the outputs of a job, its log or benchmark, changes when its temporary file is made again: who was
/// decided by it before is checked again.
#[test]
fn who_reads_the_log_of_a_temporary_job_is_not_left_stale() {
    let rules = "\
rule all:
    input: 'big.txt', 'rep.txt', 'bench.txt'
rule tmp:
    input: '{s}.txt'
    output: temp('t/{s}')
    log: 'logs/{s}.log'
    benchmark: 'bench/{s}.tsv'
    shell: 'cp {input} {output}; echo >> count; cat count | wc -l > {log}'
rule big:
    input: 't/a', 't/b'
    output: 'big.txt'
    shell: 'sleep 0.1; cat {input} > {output}'
rule rep:
    input: 'logs/a.log'
    output: 'rep.txt'
    shell: 'cp {input} {output}'
rule bench:
    input: 'bench/b.tsv'
    output: 'bench.txt'
    shell: 'cp {input} {output}'
";
    let mut case = Case::new().rulefile(rules).file("a.txt", "a\n").file("b.txt", "b\n").run(&["-j2"]);
    for jobs in ["-j1", "-j2", "-j4", "-j2", "-j1"] {
        case = case.remove("big.txt").run(&[jobs]);
        assert_eq!(case.read("rep.txt"), case.read("logs/a.log"));
        assert_eq!(case.read("bench.txt"), case.read("bench/b.tsv"));
        case = case.run(&[jobs]).ran(&[]);
    }
}
