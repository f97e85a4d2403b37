//! Pipes and services: jobs that run at the same time, are one for the plan and the run, and leave nothing behind.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use support::Case;

/// src -> numbers (a pipe) -> sum.
const PIPE: &str = "
rule sum:
    input: 'numbers'
    output: 'sum'
    shell: 'cat {input} > {output}; echo end >> {output}'
rule numbers:
    input: 'src'
    output: pipe('numbers')
    shell: 'cat {input} > {output}'
";

fn pipe() -> Case {
    Case::new().rulefile(PIPE).file("src", "1\n2\n")
}

/// No process has a file of this directory open or works in it.
#[track_caller]
fn nobody_is_left(case: &Case) {
    let root = fs::canonicalize(case.root()).unwrap();
    let until = Instant::now() + support::PATIENCE;
    let there = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut dirs = processes.filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok());
        dirs.any(|dir| dir == root)
    };
    while cfg!(target_os = "linux") && there() {
        assert!(Instant::now() < until, "a process is left");
        thread::sleep(Duration::from_millis(20));
    }
}

fn is_fifo(case: &Case, path: &str) -> bool {
    fs::symlink_metadata(case.path(path)).is_ok_and(|meta| meta.file_type().is_fifo())
}

#[test]
fn a_pipe_is_gone_after_its_jobs_and_is_not_missed() {
    let case = pipe().run(&["-j2"]).ran(&["numbers numbers", "sum sum"]).has("sum", "1\n2\nend\n");
    let case = case.has_not("numbers");
    assert!(case.plan(&["-j2"]).iter().all(|(_, verdict)| verdict == "up-to-date"));
    case.run(&["-j2"]).ran(&[]).up_to_date(2);
}

/// What the writer is executed with is the content of the pipe, and when one of the two must run both do.
#[test]
fn both_run_when_one_of_them_must() {
    let case = pipe().run(&["-j2"]).file("src", "3\n");
    let case = case
        .run(&["-j2"])
        .ran(&["numbers numbers", "sum sum"])
        .because("numbers numbers", "input-changed")
        .because("sum sum", "input-changed")
        .has("sum", "3\nend\n");
    let case = case.edit("Rulefile", "echo end", "echo END");
    assert!(case.plan(&["-j2"]).iter().all(|(_, verdict)| verdict == "run"));
    let case = case
        .run(&["-j2"])
        .ran(&["numbers numbers", "sum sum"])
        .because("numbers numbers", "together")
        .because("sum sum", "command-changed");
    let case = case.edit("Rulefile", "cat {input} > {output}'\n", "tac {input} > {output}'\n");
    let case =
        case.call(&["why", "sum"]).stdout_has("root cause: numbers numbers will run").stdout_has("tac");
    let case = case.run(&["-j2"]).ran(&["numbers numbers", "sum sum"]).remove("sum");
    case.run(&["-j2"])
        .because("sum sum", "output-missing")
        .ran(&["numbers numbers", "sum sum"])
        .run(&["-j2"])
        .ran(&[])
        .call(&["summary"])
        .stdout_has("  pipe ")
        .stdout_lacks("missing");
}

#[test]
fn an_output_that_is_no_pipe_any_more_is_made_as_a_file() {
    let case = pipe().run(&["-j2"]).edit("Rulefile", "pipe('numbers')", "'numbers'");
    let case = case.run(&["-j1"]).because("numbers numbers", "command-changed").has("numbers", "1\n2\n");
    let case = case.edit("Rulefile", "output: 'numbers'", "output: pipe('numbers')");
    // The file is on record as ours, but a pipe's place is taken from nobody without a trace.
    case.run(&["-j2"]).ran(&["numbers numbers", "sum sum"]).has_not("numbers").has("sum", "1\n2\nend\n");
}

#[test]
fn a_chain_of_pipes_with_files_beside_them() {
    let case = Case::new().rulefile(
        "
rule c:
    input: 'p2', 'p3'
    output: 'c'
    shell: 'cat {input} > {output}'
rule b:
    input: 'p1'
    output: pipe('p2'), pipe('p3'), log2='b.txt'
    shell: 'tee {output.log2} < {input} > {output[0]}; echo more > {output[1]}'
rule a:
    output: pipe('p1')
    shell: 'seq 3 > {output}'
rule after:
    input: 'b.txt', 'c'
    output: 'after'
    shell: 'cat {input} > {output}'
",
    );
    let case = case.run(&["-j3", "after"]).ran(&["a p1", "b p2", "c c", "after after"]);
    let case = case.has("after", "1\n2\n3\n1\n2\n3\nmore\n").has("b.txt", "1\n2\n3\n");
    let case = case.run(&["-j3", "after"]).ran(&[]).remove("b.txt");
    // The file beside the pipes is the same again, so what is made of it rests.
    case.run(&["-j3", "after"])
        .ran(&["a p1", "b p2", "c c"])
        .up_to_date(1)
        .unchanged(&["a p1", "b p2", "c c"]);
}

#[test]
fn a_failure_of_one_ends_the_other_and_is_told_as_the_cause() {
    // The writer would write for ever; the reader waits before it fails.
    let rulefile = "
rule reader:
    input: 'p'
    output: 'out'
    shell: 'head -n 1 {input} > {output}; sleep 0.2; exit 3'
rule writer:
    output: pipe('p'), 'side'
    shell: 'touch {output[1]}; yes > {output[0]}'
";
    let case = Case::new().rulefile(rulefile).run_with_code(&["-j2", "out"], 1);
    let case =
        case.failed(&["reader out"]).skipped(&["writer p"]).has_not("out").has_not("p").has_not("side");
    nobody_is_left(&case);
    let case = case.call(&["why", "out"]).stdout_has("failed in run 1 (exit 3)");
    let case = case.edit(
        "Rulefile",
        "head -n 1 {input} > {output}; sleep 0.2; exit 3",
        "head -n 1 {input} > {output}",
    );
    // As in a shell: who stops reading breaks the pipe of the writer.
    let case = case.call_with_code(&["-j2", "out"], 1).stderr_has("writer p failed: exit 141");
    let case =
        case.stderr_has("ended before it had read all").stderr_has("rerun: rulemake side").has_not("out");
    let case = case.edit("Rulefile", "yes > {output[0]}", "yes > {output[0]} || true");
    case.run(&["-j2", "out"])
        .ran(&["reader out", "writer p"])
        .has("out", "y\n")
        .run(&["-j2", "out"])
        .ran(&[]);
}

/// In Snakemake these hang for ever.
#[test]
fn nobody_waits_for_ever_at_a_pipe_that_the_other_side_never_opens() {
    let case = Case::new().rulefile(
        "
rule reader:
    input: 'p'
    output: 'out'
    shell: 'echo nothing > {output}'
rule writer:
    output: pipe('p')
    shell: 'seq 3 > {output} || true'
",
    );
    let case = case.run(&["-j2"]).ran(&["reader out", "writer p"]).has("out", "nothing\n");
    let case =
        case.edit("Rulefile", "echo nothing", "cat {input}").edit("Rulefile", "seq 3 > {output}", "true");
    case.run(&["-j2"]).ran(&["reader out", "writer p"]).has("out", "").has_not("p");
}

#[test]
fn a_unit_is_tried_again_as_a_whole() {
    let case = Case::new().rulefile(
        "
rule reader:
    input: 'p'
    output: 'out'
    shell: 'cat {input} > {output}; echo r >> runs'
rule writer:
    output: pipe('p')
    retries: 2
    resources: tries=lambda wildcards, attempt: attempt
    shell: 'echo {resources.tries} > {output}; echo w >> runs; test {resources.tries} = 3'
",
    );
    let case = case.run(&["-j2"]).has("out", "3\n").has_not("p");
    assert_eq!(case.read("runs").matches('w').count(), 3);
    let failed = case.last().of("job-failed").map(|e| e["retry"].as_bool().unwrap()).collect::<Vec<_>>();
    assert_eq!(failed, [true, true]);
    case.run(&["-j2"]).ran(&[]);
}

#[test]
fn a_timeout_of_one_is_the_end_of_both() {
    let case = Case::new().rulefile(
        "
rule reader:
    input: 'p'
    output: 'out'
    timeout: 0.3
    shell: 'cat {input} > {output}'
rule writer:
    output: pipe('p')
    shell: 'exec > {output}; sleep 100'
",
    );
    let start = Instant::now();
    let case = case.run_with_code(&["-j2"], 1).failed(&["reader out"]).skipped(&["writer p"]).has_not("p");
    assert!(start.elapsed() < support::PATIENCE);
    nobody_is_left(&case);
}

const SLOW: &str = "
rule reader:
    input: 'p'
    output: 'out'
    shell: 'cat {input} > {output}'
rule writer:
    output: pipe('p')
    shell: 'exec > {output}; echo half; touch started; test -e go || sleep 60; echo whole'
";

#[test]
fn a_stopped_unit_leaves_no_process_and_no_pipe() {
    let case = Case::new().rulefile(SLOW);
    let run = case.start(&["-j2"]);
    case.wait_for("started");
    assert!(is_fifo(&case, "p"));
    run.signal("TERM");
    assert_eq!(run.end().code, Some(143));
    let case = case.has_not("p").has_not("out");
    nobody_is_left(&case);
    let case = case.file("go", "").run(&["-j2"]).ran(&["reader out", "writer p"]).has("out", "half\nwhole\n");
    case.run(&["-j2"]).ran(&[]);
}

#[test]
fn after_kill_9_the_next_run_ends_the_processes_and_removes_the_pipe() {
    let case = Case::new()
        .rulefile(&(SLOW.to_string() + "rule other:\n    output: 'other'\n    shell: 'touch {output}'\n"));
    let run = case.start(&["-j2"]);
    case.wait_for("started");
    run.signal("KILL");
    run.end();
    assert!(is_fifo(&case, "p"));
    // A run that has nothing to do with the pipe removes it, too.
    let case = case.run(&["other"]).warned("ended what a killed run had left running").has_not("p");
    nobody_is_left(&case);
    let case =
        case.file("go", "").run(&["-j2"]).because("writer p", "interrupted").has("out", "half\nwhole\n");
    case.run(&["-j2"]).ran(&[]);
}

const SERVICE: &str = "
rule all:
    input: 'x.out', 'y.out'
rule serve:
    input: 'data'
    output: service('served')
    shell: 'trap \"echo stopped > stopped; exit 7\" TERM; sleep 0.3; cp {input} {output}; while :; do sleep 0.05; done'
rule use:
    input: 'served'
    output: '{n}.out'
    shell: 'cat {input} > {output}'
";

#[test]
fn a_service_runs_as_long_as_its_users_and_how_it_ends_does_not_matter() {
    let case = Case::new().rulefile(SERVICE).file("data", "1\n");
    let case = case.run(&["-j3"]).ran(&["serve served", "use x.out", "use y.out"]);
    let case = case.has("x.out", "1\n").has("y.out", "1\n").has("stopped", "stopped\n").has_not("served");
    nobody_is_left(&case);
    let case = case.run(&["-j3"]).ran(&[]).file("data", "2\n");
    let case = case.run(&["-j3"]).ran(&["serve served", "use x.out", "use y.out"]).has("x.out", "2\n");
    let case = case.remove("x.out").run(&["-j3"]).because("serve served", "together");
    case.because("use y.out", "together").has("x.out", "2\n").run(&["-j3"]).ran(&[]);
}

#[test]
fn a_service_that_is_deaf_is_killed_and_one_in_the_background_is_none_that_failed() {
    let case = Case::new().rulefile(
        "
rule use:
    input: 'served'
    output: 'out'
    shell: 'cat {input} > {output}'
rule serve:
    output: service('served')
    shell: 'echo 1 > {output}.part; mv {output}.part {output}'
",
    );
    let case = case.run(&["-j2"]).ran(&["serve served", "use out"]).has("out", "1\n").has_not("served");
    let case = case.edit(
        "Rulefile",
        "mv {output}.part {output}'",
        "mv {output}.part {output}; trap \"\" TERM; while :; do sleep 0.05; done'",
    );
    let case = case.run(&["-j2"]).ran(&["serve served", "use out"]).has_not("served");
    nobody_is_left(&case);
}

#[test]
fn a_service_that_fails_or_is_never_there_fails_its_users() {
    let case = Case::new().rulefile(SERVICE).file("data", "1\n");
    let case = case.edit("Rulefile", "cp {input} {output};", "false;");
    let case = case.run_with_code(&["-j3"], 1).failed(&["serve served"]).skipped(&["use x.out", "use y.out"]);
    let case = case.has_not("x.out").edit("Rulefile", "false; while :; do sleep 0.05; done", "exit 0");
    let case = case
        .call_with_code(&["-j3"], 1)
        .stderr_has("the job of the service `served` ended before it was there");
    nobody_is_left(&case);
}

#[test]
fn after_kill_9_a_service_is_ended_and_what_it_left_is_cleared() {
    let rulefile = SERVICE.replace(
        "cat {input} > {output}",
        "touch started.{wildcards.n}; test -e go || sleep 60; cat {input} > {output}",
    );
    let case = Case::new().rulefile(&rulefile).file("data", "1\n");
    let run = case.start(&["-j3"]);
    case.wait_for("started.x");
    run.signal("KILL");
    run.end();
    let case =
        case.has("served", "1\n").file("go", "").run(&["-j3"]).warned("ended what a killed run had left");
    let case = case.has("x.out", "1\n").has("y.out", "1\n").has_not("served");
    nobody_is_left(&case);
    case.run(&["-j3"]).ran(&[]);
}

#[test]
fn what_is_needed_at_once_and_is_too_much_is_said_before_anything_runs() {
    let rulefile = PIPE.replace("output: 'sum'", "output: 'sum'\n    threads: 2\n    resources: mem_mb=60");
    let rulefile =
        rulefile.replace("output: pipe", "resources: mem_mb=lambda w, input: 50\n    output: pipe");
    let case = Case::new().rulefile(&rulefile).file("src", "1\n");
    for args in [&["-j2"][..], &["-n", "-j2"]] {
        let output = case.command(args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && text.contains("`numbers numbers`, `sum sum` run at the same time"),
            "{text}"
        );
        assert!(text.contains("threads=3") && text.contains("--jobs 3"), "{text}");
    }
    // More than all that each alone may have, and what is named is enough.
    let output = case.command(&["-j1"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("--jobs 3") && text.contains("--set-threads"), "{text}");
    let case = case.call_with_code(&["-j3", "--resources", "mem_mb=100"], 4).stderr_has("mem_mb=110");
    let case = case.run(&["-j3", "--resources", "mem_mb=110"]).ran(&["numbers numbers", "sum sum"]);
    // What is up to date needs nothing.
    case.run(&["-j1"]).ran(&[]).call(&["-n", "-j1"]);
}

#[test]
fn what_cannot_run_at_the_same_time_is_refused_in_the_plan() {
    let readers = PIPE.to_string()
        + "rule other:\n    input: 'numbers'\n    output: 'other'\n    shell: 'cat {input} > {output}'\n";
    let case = Case::new().rulefile(&readers).file("src", "1\n");
    let case = case
        .call_with_code(&["-j3", "sum", "other"], 4)
        .stderr_has("`numbers` is a pipe, and 2 jobs read it");
    // One of the two alone is no problem.
    let case = case.run(&["-j3", "other"]).ran(&["numbers numbers", "other other"]);
    let case = case.call_with_code(&["-j3", "numbers"], 4).stderr_has("no job reads it");
    // A file that lies between two jobs which run at the same time.
    let between = "
rule c:
    input: 'p', 'made'
    output: 'c'
    shell: 'cat {input} > {output}'
rule made:
    input: 'side'
    output: 'made'
    shell: 'cp {input} {output}'
rule a:
    output: pipe('p'), 'side'
    shell: 'touch {output[1]}; echo > {output[0]}'
";
    let case =
        case.rulefile(between).call_with_code(&["-j3", "c"], 4).stderr_has("`made made` has to run after");
    let within = between.replace("'p', 'made'", "'p', 'side'");
    let case = case.rulefile(&within).call_with_code(&["-j3", "c"], 4).stderr_has("needs `side` as a whole");
    let idle = between.replace("'p', 'made'\n    output: 'c'\n    shell: 'cat {input} > {output}'", "'p'");
    case.rulefile(&idle).call_with_code(&["-j3", "c"], 4).stderr_has("`p` is a pipe, and no job reads it");
}

#[test]
fn what_stands_in_the_place_of_a_pipe_is_kept() {
    let case = pipe().file("numbers", "mine\n").run(&["-j2"]).ran(&["numbers numbers", "sum sum"]);
    let saved = case.files(".rulemake/saved/1");
    assert!(saved.iter().any(|path| path.ends_with("numbers")), "{saved:?}");
    assert_eq!(case.read(".rulemake/saved/1/numbers"), "mine\n");
    // A pipe is only a pipe: one that somebody left is taken away.
    Command::new("mkfifo").arg(case.path("numbers")).status().unwrap();
    case.file("src", "5\n").run(&["-j2"]).has("sum", "5\nend\n").has_not("numbers");
}

#[test]
fn until_and_omit_from_take_or_leave_a_unit_as_a_whole() {
    let rulefile = PIPE.to_string()
        + "rule last:\n    input: 'sum'\n    output: 'last'\n    shell: 'cp {input} {output}'\n";
    let case = Case::new().rulefile(&rulefile).file("src", "1\n");
    let case =
        case.run(&["-j2", "last", "--until", "numbers"]).ran(&["numbers numbers", "sum sum"]).has_not("last");
    let case = case.remove("sum").run(&["-j2", "last", "--omit-from", "sum"]).ran(&[]).has_not("sum");
    case.run(&["-j2", "last"]).ran(&["numbers numbers", "sum sum", "last last"]);
}

#[test]
fn a_temporary_file_of_a_unit_comes_back_with_all_of_it() {
    let case = Case::new().file("k", "1\n").rulefile(
        "
rule out:
    input: 'mid', 'k'
    output: 'out'
    shell: 'cat {input} > {output}'
rule mid:
    input: 'p'
    output: temp('mid')
    shell: 'cat {input} > {output}'
rule p:
    output: pipe('p')
    shell: 'echo p > {output}'
",
    );
    let case = case.run(&["-j2"]).ran(&["p p", "mid mid", "out out"]).has_not("mid").has_not("p");
    let case = case.run(&["-j2"]).ran(&[]).file("k", "2\n");
    let case = case.run(&["-j2"]).ran(&["p p", "mid mid", "out out"]).because("mid mid", "needed-by");
    case.has("out", "p\n2\n").has_not("mid").run(&["-j2"]).ran(&[]);
}

#[test]
fn jobs_that_a_checkpoint_brings_in_may_be_connected() {
    let rulefile = "
def made(wildcards):
    names = open(checkpoints.split.get().output[0]).read().split()
    return [name + '.out' for name in names]
rule all:
    input: made
    output: 'all'
    shell: 'cat {input} > {output}'
checkpoint split:
    input: 'names'
    output: 'parts'
    shell: 'cp {input} {output}'
rule out:
    input: '{n}.pipe'
    output: '{n}.out'
    shell: 'cat {input} > {output}'
rule writer:
    output: pipe('{n}.pipe')
    shell: 'echo {wildcards.n} > {output}'
";
    let case = Case::new().rulefile(rulefile).file("names", "x y\n");
    let case = case.run(&["-j2", "all"]).has("all", "x\ny\n").has_not("x.pipe");
    let case = case.run(&["-j2", "all"]).ran(&[]).file("names", "x y z\n");
    case.run(&["-j2", "all"]).ran(&["split parts", "out z.out", "writer z.pipe", "all all"]);
    // The open job itself reads a pipe that comes in later.
    let direct = rulefile.replace("name + '.out'", "name + '.pipe'").replace("x y", "x");
    let case = Case::new().rulefile(&direct).file("names", "x\n").run(&["-j2", "all"]).has("all", "x\n");
    let case = case.run(&["-j2", "all"]).ran(&[]).file("names", "x x2\n");
    case.run_with_code(&["-j2", "all"], 1).failed(&["all all"]).run(&["-j3", "all"]).has("all", "x\nx2\n");
}

/// Two units never wait for each other with half of what they need.
#[test]
fn many_units_on_few_slots_come_to_an_end() {
    let rulefile = "
rule all:
    input: expand('{n}.out', n=range(12))
rule out:
    input: '{n}.a', '{n}.b'
    output: '{n}.out'
    shell: 'cat {input} > {output}'
rule a:
    output: pipe('{n}.a')
    shell: 'echo {wildcards.n} > {output}'
rule b:
    output: pipe('{n}.b')
    shell: 'seq 20000 | tail -n 1 > {output}'
";
    let case =
        Case::new().rulefile(rulefile).run(&["-j4"]).has("7.out", "7\n20000\n").has("11.out", "11\n20000\n");
    case.run(&["-j1"]).ran(&[]);
}

/// Random jobs in a row, each reading what some before it make, by pipes and files, with a history of changes.
mod random {
    use super::Case;
    use proptest::prelude::*;
    use proptest::sample::Index;
    use proptest::test_runner::{Config, TestCaseError, TestRunner};
    use std::collections::{BTreeMap, BTreeSet};
    use std::fmt::Write as _;

    /// A job reads a source of its own, and what others make.
    #[derive(Clone, Debug)]
    struct Job {
        /// Jobs before it whose file it reads.
        files: BTreeSet<usize>,
        /// A job before it whose pipe it reads; nobody else does.
        pipe: Option<usize>,
        variant: u8,
    }

    #[derive(Clone, Debug)]
    enum Change {
        Source(Index, u8),
        Variant(Index, u8),
        Delete(Index),
        Touch(Index),
    }

    fn jobs() -> impl Strategy<Value = Vec<Job>> {
        let one = (prop::collection::vec(any::<Index>(), 0..3), any::<Option<Index>>());
        prop::collection::vec(one, 2..7).prop_map(|drafts| {
            let mut jobs: Vec<Job> = Vec::new();
            let mut unread: Vec<usize> = Vec::new();
            for (number, (files, pipe)) in drafts.into_iter().enumerate() {
                let pipe = pipe.filter(|_| !unread.is_empty());
                let pipe = pipe.map(|index| unread.remove(index.index(unread.len())));
                let mut job = Job { files: BTreeSet::new(), pipe, variant: 0 };
                if number > 0 {
                    job.files.extend(files.into_iter().map(|index| index.index(number)));
                }
                jobs.push(job);
                unread.push(number);
            }
            // No unit may wait for itself: a job reads no file that is made of its unit, which then is one at its last job.
            loop {
                let units = units(&jobs);
                let bad = (0..jobs.len()).find_map(|n| {
                    let file =
                        jobs[n].files.iter().find(|file| ahead(&jobs, &units, **file).contains(&units[n]))?;
                    Some((n, *file))
                });
                let Some((n, file)) = bad else { return jobs };
                jobs[n].files.remove(&file);
            }
        })
    }

    /// By job the lowest of those that are connected with it.
    fn units(jobs: &[Job]) -> Vec<usize> {
        let mut units: Vec<usize> = (0..jobs.len()).collect();
        for (n, job) in jobs.iter().enumerate() {
            if let Some(pipe) = job.pipe {
                let (from, to) = (units[pipe].max(units[n]), units[pipe].min(units[n]));
                units.iter_mut().filter(|unit| **unit == from).for_each(|unit| *unit = to);
            }
        }
        units
    }

    /// The units that the file of a job is made of.
    fn ahead(jobs: &[Job], units: &[usize], job: usize) -> BTreeSet<usize> {
        let (mut found, mut todo) = (BTreeSet::new(), vec![units[job]]);
        while let Some(unit) = todo.pop() {
            if found.insert(unit) {
                let members = (0..jobs.len()).filter(|n| units[*n] == unit);
                todo.extend(members.flat_map(|n| jobs[n].files.iter().map(|file| units[*file])));
            }
        }
        found
    }

    struct World {
        jobs: Vec<Job>,
        case: Option<Case>,
        /// By job, what it was executed with last, and what it made.
        last: BTreeMap<usize, (String, String)>,
    }

    impl World {
        fn rulefile(&self) -> String {
            let piped: BTreeSet<usize> = self.jobs.iter().filter_map(|job| job.pipe).collect();
            let mut text = String::from("rule all:\n    input: ");
            (0..self.jobs.len()).for_each(|n| _ = write!(text, "'f{n}', "));
            for (n, job) in self.jobs.iter().enumerate() {
                let files: Vec<String> = job.files.iter().map(|file| format!("'f{file}', ")).collect();
                let pipe = job.pipe.map(|pipe| format!("'p{pipe}', ")).unwrap_or_default();
                let (output, tee) = match piped.contains(&n) {
                    true => (format!("'f{n}', pipe('p{n}')"), "{output[1]}"),
                    false => (format!("'f{n}'"), "/dev/null"),
                };
                let variant = job.variant;
                let _ = write!(
                    text,
                    "\nrule j{n}:\n    input: 's{n}', {}{pipe}\n    output: {output}\n    shell: '(echo {variant}; cat {{input}}) | tee {{output[0]}} > {tee}'\n",
                    files.concat()
                );
            }
            text
        }

        /// What each job is executed with now, and what it makes.
        fn now(&self) -> BTreeMap<usize, (String, String)> {
            let case = self.case.as_ref().unwrap();
            let mut now: BTreeMap<usize, (String, String)> = BTreeMap::new();
            for (n, job) in self.jobs.iter().enumerate() {
                let source = case.read(&format!("s{n}"));
                let files: String = job.files.iter().map(|file| now[file].1.clone()).collect();
                let pipe = job.pipe.map(|pipe| now[&pipe].1.clone()).unwrap_or_default();
                let made = format!("{}\n{source}{files}{pipe}", job.variant);
                now.insert(n, (format!("{} {source} {files}", job.variant), made));
            }
            now
        }

        fn run(&mut self) -> Result<(), TestCaseError> {
            let now = self.now();
            let units = units(&self.jobs);
            let case = self.case.take().unwrap();
            let made = |n: usize| std::fs::read_to_string(case.path(&format!("f{n}"))).ok();
            let is_stale =
                |n: &usize| self.last.get(n) != Some(&now[n]) || made(*n).as_ref() != Some(&now[n].1);
            let stale: BTreeSet<usize> = now.keys().filter(|n| is_stale(n)).map(|n| units[*n]).collect();
            let expected: Vec<String> =
                now.keys().filter(|n| stale.contains(&units[**n])).map(|n| format!("j{n} f{n}")).collect();
            let planned = case.plan(&["-j8"]);
            let case = case.run(&["-j8"]).ran(&expected.iter().map(String::as_str).collect::<Vec<_>>());
            for (title, verdict) in planned {
                let ran = expected.contains(&title);
                let kept = if verdict == "may" { true } else { (verdict == "run") == ran };
                prop_assert!(kept, "the plan said {} for {}\n{}", verdict, title, self.rulefile());
            }
            for (n, (_, made)) in &now {
                prop_assert_eq!(&case.read(&format!("f{n}")), made, "f{} of\n{}", n, self.rulefile());
                let pipe = case.path(&format!("p{n}"));
                prop_assert!(!pipe.exists(), "{} is left", pipe.display());
            }
            self.last = now;
            self.case = Some(case);
            Ok(())
        }

        fn apply(&mut self, change: &Change) {
            let case = self.case.take().unwrap();
            let at = |index: &Index| index.index(self.jobs.len());
            let mut case = match change {
                Change::Source(index, n) => case.file(&format!("s{}", at(index)), &format!("{n}\n")),
                Change::Delete(index) => case.remove(&format!("f{}", at(index))),
                Change::Touch(index) => case.touch(&format!("f{}", at(index)), 1_500_000_000),
                Change::Variant(index, n) => {
                    let at = at(index);
                    self.jobs[at].variant = *n;
                    case
                }
            };
            case = case.rulefile(&self.rulefile());
            self.case = Some(case);
        }
    }

    #[test]
    fn units_run_exactly_when_one_of_their_jobs_must() {
        let at = any::<Index>;
        let change = prop_oneof![
            (at(), 0..3u8).prop_map(|(i, n)| Change::Source(i, n)),
            (at(), 0..3u8).prop_map(|(i, n)| Change::Variant(i, n)),
            at().prop_map(Change::Delete),
            at().prop_map(Change::Touch),
        ];
        let history = (jobs(), prop::collection::vec(change, 1..5));
        let config =
            Config { cases: 24, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
        let result = TestRunner::new(config).run(&history, |(jobs, changes)| {
            let mut case = Case::new();
            for n in 0..jobs.len() {
                case = case.file(&format!("s{n}"), "0\n");
            }
            let mut world = World { jobs, case: None, last: BTreeMap::new() };
            world.case = Some(case.rulefile(&world.rulefile()));
            world.run()?;
            for change in &changes {
                world.apply(change);
                world.run()?;
                world.run()?;
            }
            Ok(())
        });
        if let Err(error) = result {
            panic!("{error}");
        }
    }
}
