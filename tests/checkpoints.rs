//! Workflows whose graph depends on what jobs make: it grows while they run, and a plan knows as much as can be known.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use support::Case;

/// As many parts as `list` names; each is worked on; all are gathered.
const CLASSIC: &str = r#"
rule all:
    input: "all.txt"

checkpoint split:
    input: "list"
    output: directory("parts")
    shell: "mkdir {output}; for i in $(cat {input}); do echo part $i > {output}/$i.txt; done"

rule work:
    input: "parts/{i}.txt"
    output: "done/{i}.txt"
    shell: "test ! -e stop/{wildcards.i}; cat {input} > {output}"

def collected(wildcards):
    parts = checkpoints.split.get(**wildcards).output[0]
    return expand("done/{i}.txt", i=glob_wildcards(parts + "/{i}.txt").i)

rule gather:
    input: collected
    output: "all.txt"
    shell: "cat {input} > {output}"
"#;

fn classic() -> Case {
    Case::new().rulefile(CLASSIC).file("list", "1 2 3\n")
}

fn verdicts(case: &Case, args: &[&str]) -> Vec<String> {
    let mut all: Vec<String> =
        case.plan(args).into_iter().map(|(job, verdict)| format!("{job}: {verdict}")).collect();
    all.sort();
    all
}

const NOTHING: [&str; 5] = [
    "gather all.txt: up-to-date",
    "split parts: up-to-date",
    "work done/1.txt: up-to-date",
    "work done/2.txt: up-to-date",
    "work done/3.txt: up-to-date",
];

#[test]
fn the_files_of_a_directory_are_worked_on_and_gathered() {
    let case = classic();
    assert_eq!(verdicts(&case, &[]), ["gather all.txt: after-checkpoint", "split parts: run"]);
    let case = case
        .run(&[])
        .ran(&["split parts", "work done/1.txt", "work done/2.txt", "work done/3.txt", "gather all.txt"])
        .ran_in_order(&["split parts", "work done/2.txt", "gather all.txt"])
        .has("all.txt", "part 1\npart 2\npart 3\n");
    let grown = case.last().of("graph-extended").next().unwrap();
    assert_eq!((&grown["new"], &grown["jobs"]), (&3.into(), &5.into()));
    assert_eq!(support::title(&grown["after"]), "split parts");
    // The plan after it is complete, so it can say that there is nothing to do.
    assert_eq!(verdicts(&case, &[]), NOTHING);
    case.run(&[]).ran(&[]).up_to_date(5).call(&["-n"]).stdout_has("nothing to do: 5 jobs up to date");
}

#[test]
fn more_and_fewer_parts() {
    let case = classic().run(&[]).file("list", "1 2 4\n");
    // Which parts there will be is not known before.
    assert_eq!(verdicts(&case, &[]), ["gather all.txt: after-checkpoint", "split parts: run"]);
    case.run(&[])
        .ran(&["split parts", "work done/4.txt", "gather all.txt"])
        .because("gather all.txt", "input-added")
        .because("gather all.txt", "input-removed")
        .up_to_date(2)
        .has("all.txt", "part 1\npart 2\npart 4\n")
        // What was made for a part that is no more is nobody's input, and nobody's to remove.
        .has("done/3.txt", "part 3\n")
        .run(&[])
        .ran(&[])
        .up_to_date(5);
}

/// The checkpoint runs again and makes the same: nothing behind it runs.
#[test]
fn an_early_cutoff_works_through_a_checkpoint() {
    classic().run(&[]).file("list", "1 2   3\n").run(&[]).ran(&["split parts"]).up_to_date(4);
}

#[test]
fn a_part_that_changes_is_worked_on_again() {
    classic()
        .run(&[])
        .edit("Rulefile", "echo part $i", "echo part $((i % 2))")
        .run(&[])
        .ran(&["split parts", "work done/2.txt", "work done/3.txt", "gather all.txt"])
        .has("all.txt", "part 1\npart 0\npart 1\n");
}

#[test]
fn a_failed_checkpoint_skips_what_waits_for_it() {
    classic()
        .edit("Rulefile", "mkdir {output};", "test -e ok; mkdir {output};")
        .run_with_code(&["-k"], 1)
        .failed(&["split parts"])
        .skipped(&["gather all.txt"])
        .file("ok", "")
        .run(&[])
        .has("all.txt", "part 1\npart 2\npart 3\n");
}

#[test]
fn a_grown_job_that_fails_fails_the_run_and_the_others_go_on() {
    classic()
        .file("stop/2", "")
        .run_with_code(&["-k", "-j1"], 1)
        .ran(&["split parts", "work done/1.txt", "work done/3.txt"])
        .failed(&["work done/2.txt"])
        .skipped(&["gather all.txt"])
        .remove("stop")
        .run(&[])
        .ran(&["work done/2.txt", "gather all.txt"]);
}

/// What the function asks for cannot be had: the job fails with the whole diagnostic, others do not suffer.
#[test]
fn a_missing_input_after_a_checkpoint_is_told_in_full() {
    let case = classic()
        .edit("Rulefile", "rule all:\n    input: ", "rule all:\n    input: \"extra\", ")
        .append("Rulefile", "\nrule other:\n    output: 'extra'\n    shell: 'sleep 0.3; touch {output}'\n")
        .edit("Rulefile", "return expand(\"done/{i}.txt\"", "return [\"no/such\"] + expand(\"done/{i}.txt\"")
        .run_with_code(&["-k"], 1)
        .ran(&["split parts", "other extra"])
        .failed(&["gather all.txt"]);
    let failed = case.last().of("job-failed").next().unwrap();
    let diagnostic = &failed["failure"]["diagnostics"][0];
    assert_eq!(diagnostic["code"], "missing-input");
    assert_eq!(diagnostic["labels"][0]["line"], 19);
    // Before the next run it is known, so the plan says it.
    let case = case.call_with_code(&["-n"], 4);
    case.stderr_has("missing input `no/such`").stderr_has("needed by: `no/such` <- rule gather (target)");
}

#[test]
fn a_function_that_raises_after_a_checkpoint_fails_its_job() {
    classic()
        .edit(
            "Rulefile",
            "    return expand(\"done",
            "    assert parts == 'others'\n    return expand(\"done",
        )
        .call_with_code(&[], 1)
        .stderr_has("gather all.txt failed")
        .stderr_has("error[assertion-error]")
        .stderr_has("assert parts == 'others'");
}

/// Each sample has a checkpoint of its own, and the second kind is asked only when the first has ended.
#[test]
fn chained_checkpoints_for_each_sample() {
    let case = Case::new()
        .rulefile(
            r#"
SAMPLES = ["a", "b"]

rule all:
    input: expand("{s}.final", s=SAMPLES)

checkpoint first:
    output: "{s}.first"
    shell: "echo {wildcards.s}1 {wildcards.s}2 > {output}"

checkpoint second:
    input: "{s}.first"
    output: "{s}-{p}.second"
    shell: "echo {wildcards.p}x > {output}"

rule leaf:
    output: "leaf/{name}"
    shell: "echo {wildcards.name} > {output}"

def leaves(wildcards):
    names = []
    for part in open(checkpoints.first.get(s=wildcards.s).output[0]).read().split():
        names += open(checkpoints.second.get(s=wildcards.s, p=part).output[0]).read().split()
    return expand("leaf/{n}", n=names)

rule final:
    input: leaves
    output: "{s}.final"
    shell: "cat {input} > {output}"
"#,
        )
        .run(&["-j4"])
        .has("a.final", "a1x\na2x\n")
        .has("b.final", "b1x\nb2x\n");
    assert!(verdicts(&case, &[]).iter().all(|v| v.ends_with("up-to-date")));
    case.run(&[]).ran(&[]).up_to_date(12);
}

/// A grown job is a checkpoint itself, and what it makes asks for more.
#[test]
fn nested_checkpoints() {
    let case = Case::new()
        .rulefile(
            r#"
rule all:
    input: "level/4"

checkpoint ask:
    output: "ask/{n}"
    shell: "expr {wildcards.n} - 1 > {output} || true"

def below(wildcards):
    n = open(checkpoints.ask.get(n=wildcards.n).output[0]).read().strip()
    return [] if n == "0" else ["level/" + n]

rule level:
    input: below
    output: "level/{n}"
    shell: "cat {input} /dev/null > {output}; echo {wildcards.n} >> {output}"
"#,
        )
        .run(&["-j2"])
        .has("level/4", "1\n2\n3\n4\n");
    assert_eq!(case.last().of("graph-extended").count(), 4);
    assert!(verdicts(&case, &[]).iter().all(|v| v.ends_with("up-to-date")));
    case.run(&[]).ran(&[]).up_to_date(8);
}

/// The rule that is asked for has the function itself.
#[test]
fn a_target_rule_may_wait() {
    let case = Case::new()
        .rulefile(
            r#"
checkpoint split:
    output: "list"
    shell: "echo x y > {output}"

rule make:
    output: temp("{n}.made")
    shell: "echo {wildcards.n} > {output}"

rule all:
    default_target: True
    input: lambda wildcards: [n + ".made" for n in open(checkpoints.split.get().output[0]).read().split()]
"#,
        )
        .call(&["-n"])
        .stdout_has("waits     all         for checkpoint split list");
    // What the target lists in the end stays, temporary or not.
    case.run(&[]).has("x.made", "x\n").has("y.made", "y\n").run(&[]).ran(&[]).up_to_date(3);
}

#[test]
fn temporary_files_wait_for_what_a_checkpoint_may_still_ask_for() {
    Case::new()
        .rulefile(
            r#"
rule all:
    input: "early", "late"

rule mid:
    output: temp("mid")
    shell: "echo mid >> made; cp made {output}"

rule early:
    input: "mid"
    output: "early"
    shell: "cp {input} {output}"

checkpoint slow:
    input: "early"
    output: "slow"
    shell: "sleep 0.3; echo mid > {output}"

rule late:
    input: lambda wildcards: open(checkpoints.slow.get().output[0]).read().strip()
    output: "late"
    shell: "cp {input} {output}"
"#,
        )
        .run(&[])
        .ran(&["mid mid", "early early", "slow slow", "late late"])
        .has("late", "mid\n")
        .has_not("mid")
        .run(&[])
        .ran(&[]);
}

/// `kill -9` while the checkpoint runs, and while a grown job does.
#[test]
fn a_killed_run_is_taken_up_where_it_was() {
    for job in ["split", "work"] {
        let wait = "touch started; while test ! -e go; do sleep 0.02; done;";
        let case = classic();
        let case = match job {
            "split" => case.edit("Rulefile", "mkdir {output};", &format!("mkdir {{output}}; {wait}")),
            _ => case.edit("Rulefile", "test ! -e stop/{wildcards.i};", wait),
        };
        let mut running = case.start(&["-j1"]);
        case.wait_for("started");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        fs::write(case.path("go"), "").unwrap();
        case.run(&[]).has("all.txt", "part 1\npart 2\npart 3\n").run(&[]).ran(&[]).up_to_date(5);
    }
}

#[test]
fn force_all_reaches_grown_jobs() {
    classic().run(&[]).run(&["--force-all"]).ran(&[
        "split parts",
        "work done/1.txt",
        "work done/2.txt",
        "work done/3.txt",
        "gather all.txt",
    ]);
}

#[test]
fn why_leads_to_the_checkpoint_and_through_it() {
    let case = classic()
        .call(&["why", "all.txt"])
        .stdout_has("all.txt is made by rule gather, and what that needs is not known yet:")
        .stdout_has("checkpoint split parts has to run first")
        .stdout_has("root cause: split parts will run");
    case.run(&[])
        .edit("Rulefile", "cat {input} > {output}\"\n\ndef", "cat {input} {input} > {output}\"\n\ndef")
        .call(&["why", "all.txt"])
        .stdout_has("all.txt may be made by rule gather")
        .stdout_has("root cause: work done/1.txt will run");
}

#[test]
fn clean_knows_what_grown_jobs_made() {
    // Also when it is not known what they would make now.
    for list in ["1 2 3\n", "1 2\n"] {
        let case = classic().run(&[]).file("list", list).call(&["clean", "-y", "all"]);
        assert_eq!(case.files("."), ["Rulefile", "list"], "{list}");
    }
}

#[test]
fn graph_and_list_show_what_is_known() {
    classic()
        .call(&["graph"])
        .stdout_has("gather")
        .run(&[])
        .call(&["graph", "--by", "job"])
        .stdout_has("done/2.txt");
}

/// They are added at once.
#[test]
fn many_consumers_of_one_checkpoint() {
    let case = Case::new()
        .rulefile(
            r#"
checkpoint split:
    output: "list"
    shell: "echo x > {output}"

rule leaf:
    input: lambda wildcards: open(checkpoints.split.get().output[0]).read().strip()
    output: "leaf/{n}"
    shell: ": > {output}"

rule all:
    default_target: True
    input: expand("leaf/{n}", n=range(300))
"#,
        )
        .file("x", "");
    let case = case.run(&["-j2", "-q"]);
    assert_eq!(case.last().of("job-finished").count(), 301);
    assert_eq!(case.last().of("graph-extended").count(), 1);
}

/// A reader that a checkpoint brings in comes before the job that changes what it reads, although that one could have begun
/// long before; so it does when all is known from the start.
#[test]
fn a_reader_of_what_is_before_an_update_comes_in_time() {
    let rulefile = "
def readers(wildcards):
    return ['copy.' + name for name in open(checkpoints.split.get().output[0]).read().split()]
rule all:
    input: readers, 'db'
checkpoint split:
    input: 'names'
    output: 'parts'
    shell: 'cp {input} {output}'
rule copy:
    input: before_update('db')
    output: 'copy.{n}'
    shell: 'cp {input} {output}'
rule slow:
    input: 'new'
    output: 'slow'
    shell: 'until cmp -s names parts; do sleep 0.02; done; sleep 0.5; cp {input} {output}'
rule add:
    input: 'slow'
    output: update('db')
    shell: 'cat {input} >> {output}'
";
    let case = Case::new().rulefile(rulefile).file("names", "x\n").file("new", "1\n").file("db", "0\n");
    let case = case.run(&["-j2"]).has("copy.x", "0\n").has("db", "0\n1\n");
    let case = case.run(&["-j2"]).ran(&[]).file("names", "x y\n").file("new", "2\n");
    let case = case.run(&["-j2"]).has("copy.x", "0\n1\n").has("copy.y", "0\n1\n").has("db", "0\n1\n2\n");
    let case = case.run(&["-j2"]).ran(&[]);
    // Where it is too late for the order that is said, and the next run has it right.
    let quick = rulefile.replace("until cmp -s names parts; do sleep 0.02; done; sleep 0.5; ", "");
    let late = quick.replace(
        "    shell: 'cp {input} {output}'\nrule copy",
        "    shell: 'until grep -q 3 db; do sleep 0.02; done; cp {input} {output}'\nrule copy",
    );
    let case = case.rulefile(&late).file("names", "x y z\n").file("new", "3\n");
    let case = case
        .call_with_code(&["-j2", "-k"], 1)
        .stderr_has("which reads a file as it is before `add db` changes it");
    let case = case.has("db", "0\n1\n2\n3\n");
    case.run(&["-j2"]).has("copy.z", "0\n1\n2\n3\n").has("db", "0\n1\n2\n3\n").run(&["-j2"]).ran(&[]);
}

/// A rule that executes nothing fails like any other when a checkpoint names what nobody can make.
#[test]
fn a_target_without_a_command_that_cannot_have_its_inputs_is_a_failure() {
    let rulefile = "
def made(wildcards):
    return open(checkpoints.split.get().output[0]).read().split()
rule all:
    input: made
checkpoint split:
    input: 'names'
    output: 'parts'
    shell: 'cp {input} {output}'
";
    let case = Case::new().rulefile(rulefile).file("names", "nobody\n");
    case.run_with_code(&[], 1).failed(&["all"]).stderr_has("missing input `nobody`");
}

/// `a` and `b` wait for one checkpoint, and both need `new` then. At once they would seem to be on a cycle, for `a` needs `c`
/// besides, and that needs `b`; so they come one after the other, and `b` needs what came with `a`.
#[test]
fn what_waits_for_one_checkpoint_shares_what_it_brings_in_although_one_needs_the_other() {
    Case::new()
        .rulefile(
            r#"
rule all:
    input: "a"

rule a:
    input: lambda wildcards: [checkpoints.ck.get().output[0], "c", "new"]
    output: "a"
    shell: "cat {input} > {output}"

rule b:
    input: lambda wildcards: [checkpoints.ck.get().output[0], "new"]
    output: "b"
    shell: "cat {input} > {output}"

rule c:
    input: "b"
    output: "c"
    shell: "cat {input} > {output}"

rule new:
    output: "new"
    shell: "echo new > {output}"

checkpoint ck:
    output: "ck"
    shell: "echo ck > {output}"
"#,
        )
        .run(&["all", "c"])
        .ran(&["ck ck", "new new", "b b", "c c", "a a"])
        .has("a", "ck\nck\nnew\nnew\n")
        .run(&["all", "c"])
        .ran(&[]);
}

#[test]
fn what_needs_a_forced_job_that_a_checkpoint_brings_in_runs_too() {
    Case::new()
        .rulefile(
            r#"
rule all:
    input: "last", "leaf/0"

rule last:
    input: "middle"
    output: "last"
    shell: "cat {input} > {output}"

rule middle:
    input: lambda wildcards: [checkpoints.ck.get().output[0], "leaf/1"]
    output: "middle"
    shell: "cat {input} > {output}"

rule leaf:
    output: "leaf/{n}"
    shell: "echo {wildcards.n} > {output}"

checkpoint ck:
    output: "ck"
    shell: "echo ck > {output}"
"#,
        )
        .run(&[])
        .run(&["--force-from", "leaf"])
        .ran(&["leaf leaf/0", "leaf leaf/1", "middle middle", "last last"]);
}
