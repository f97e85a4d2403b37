//! What is said of files, `touch`, `ancient`, `ensure`, `protected`, `update`: what a user relies on, through the real
//! binary.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use support::Case;

// touch

const TOUCH: &str = "\
rule all:
    input: 'report.txt'
rule report:
    input: 'done'
    output: 'report.txt'
    shell: 'cat db > {output}'
rule finish:
    input: 'loaded'
    output: touch('done')
rule load:
    input: 'data.txt'
    output: touch('loaded')
    shell: 'cat {input} > db'
";

/// A marker is made by rulemake, and stands for all that went into its job: a chain of them is not cut by their empty
/// content.
#[test]
fn markers_carry_a_change_along_a_chain() {
    Case::new()
        .rulefile(TOUCH)
        .file("data.txt", "1\n")
        .run(&[])
        .ran(&["load loaded", "finish done", "report report.txt"])
        .has("done", "")
        .run(&[])
        .ran(&[])
        .file("data.txt", "2\n")
        .run(&[])
        .ran(&["load loaded", "finish done", "report report.txt"])
        .because("finish done", "input-changed")
        .has("report.txt", "2\n")
        .edit("Rulefile", "cat {input} > db", "cat {input} {input} > db")
        .run(&[])
        .ran(&["load loaded", "finish done", "report report.txt"])
        .has("report.txt", "2\n2\n")
        .run(&[])
        .ran(&[]);
}

/// The same work gives the same marker, so nothing behind it runs.
#[test]
fn a_marker_that_is_made_again_from_the_same_is_the_same() {
    Case::new()
        .rulefile(TOUCH)
        .file("data.txt", "1\n")
        .run(&[])
        .touch("done", 1_000_000_000)
        .run(&[])
        .ran(&[])
        .remove("loaded")
        .run(&[])
        .ran(&["load loaded"])
        .unchanged(&["load loaded"])
        .file("done", "edited")
        .run(&[])
        .ran(&["finish done"])
        .because("finish done", "output-modified")
        .warned("done was not what rulemake recorded last")
        .has("done", "");
}

/// A command may write into the file that is touched; then that counts, too.
#[test]
fn a_touched_file_may_have_content() {
    let case = Case::new()
        .rulefile(
            "rule a:\n    output: touch('log.txt'), 'x'\n    shell: 'echo 1 > log.txt; touch -d @1000000000 log.txt; touch x'\n",
        )
        .run(&[])
        .has("log.txt", "1\n");
    let modified = fs::metadata(case.path("log.txt")).unwrap().modified().unwrap();
    assert!(modified.elapsed().unwrap().as_secs() < 3600, "touched after the command");
    case.run(&[])
        .ran(&[])
        .rulefile("rule a:\n    output: 'log.txt', 'x'\n    shell: 'echo 1 > log.txt; touch x'\n")
        .run(&[])
        .ran(&["a log.txt"])
        .because("a log.txt", "command-changed");
}

#[test]
fn clean_knows_markers() {
    Case::new()
        .rulefile(TOUCH)
        .file("data.txt", "1\n")
        .run(&[])
        .call(&["clean", "--yes"])
        .stderr_has("removed 3 files")
        .has_not("done");
}

// ancient

const ANCIENT: &str = "\
rule all:
    input: 'out.txt'
rule a:
    input: ancient('ref.txt'), 'in.txt'
    output: 'out.txt'
    shell: 'cat {input} > {output}'
rule ref:
    input: 'seed.txt'
    output: 'ref.txt'
    shell: 'cat {input} > {output}'
";

/// Only that it is there counts; it is made before, and what it holds is read when something else is a reason.
#[test]
fn the_content_of_an_ancient_input_is_no_reason() {
    Case::new()
        .rulefile(ANCIENT)
        .file("seed.txt", "1\n")
        .file("in.txt", "x\n")
        .run(&[])
        .ran(&["ref ref.txt", "a out.txt"])
        .file("seed.txt", "2\n")
        .run(&[])
        .ran(&["ref ref.txt"])
        .has("out.txt", "1\nx\n")
        .append("in.txt", "y\n")
        .run(&[])
        .ran(&["a out.txt"])
        .has("out.txt", "2\nx\ny\n")
        .remove("ref.txt")
        .run(&[])
        .ran(&["ref ref.txt"])
        .run(&[])
        .ran(&[]);
}

#[test]
fn the_dry_run_knows_that_an_ancient_input_is_no_reason() {
    let case = Case::new()
        .rulefile(ANCIENT)
        .file("seed.txt", "1\n")
        .file("in.txt", "x\n")
        .run(&[])
        .file("seed.txt", "2\n");
    let verdict = |job: &str, verdict: &str| (job.to_string(), verdict.to_string());
    assert_eq!(case.plan(&[]), [verdict("ref ref.txt", "run"), verdict("a out.txt", "up-to-date")]);
    case.call(&["why", "out.txt"]).stdout_has("out.txt is up to date");
}

/// To say that a content does not count is no reason to run; to say that it counts again is one, since nobody knows what
/// was read.
#[test]
fn becoming_ancient_is_no_reason_and_the_way_back_is_one() {
    Case::new()
        .rulefile(&ANCIENT.replace("ancient('ref.txt')", "'ref.txt'"))
        .file("seed.txt", "1\n")
        .file("in.txt", "x\n")
        .run(&[])
        .rulefile(ANCIENT)
        .run(&[])
        .ran(&[])
        .file("seed.txt", "2\n")
        .run(&[])
        .ran(&["ref ref.txt"])
        .append("in.txt", "y\n")
        .run(&[])
        .rulefile(&ANCIENT.replace("ancient('ref.txt')", "'ref.txt'"))
        .call(&["why", "out.txt"])
        .stdout_has("the content of input ref.txt counts, which was ancient before")
        .run(&[])
        .ran(&["a out.txt"])
        .because("a out.txt", "input-counts")
        .run(&[])
        .ran(&[]);
}

#[test]
fn functions_and_directories_may_be_ancient() {
    let rulefile = "\
rule a:
    input: ancient(lambda w: ['d', 'x'])
    output: 'out.txt'
    shell: 'ls {input} > {output}'
";
    Case::new()
        .rulefile(rulefile)
        .file("d/y", "")
        .file("x", "")
        .run(&[])
        .file("d/z", "")
        .file("x", "1")
        .run(&[])
        .ran(&[])
        .remove("x")
        .call_with_code(&[], 4)
        .stderr_has("missing input `x`");
}

// ensure

#[test]
fn an_empty_output_that_must_not_be_empty_is_a_failure() {
    Case::new()
        .rulefile("rule a:\n    input: 'in'\n    output: ensure('out', non_empty=True)\n    shell: 'cp {input} {output}'\n")
        .file("in", "")
        .run_with_code(&[], 1)
        .failed(&["a out"])
        .stderr_has("out is empty, which `ensure` forbids")
        .has_not("out")
        .file("in", "1")
        .run(&[])
        .ran(&["a out"])
        .run(&[])
        .ran(&[])
        .rulefile("rule a:\n    output: ensure(directory('d'), non_empty=True)\n    shell: 'mkdir {output}'\n")
        .run_with_code(&[], 1)
        .stderr_has("d is empty, which `ensure` forbids");
}

/// The published checksums of `hello\n`.
const HELLO: [(&str, &str); 3] = [
    ("md5", "b1946ac92492d2347c6235b4d2611184"),
    ("sha1", "f572d396fae9206628714fb2ce00f72e94f2258f"),
    ("sha256", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"),
];

#[test]
fn a_wrong_checksum_is_a_failure_that_names_both() {
    for (kind, sum) in HELLO {
        let rulefile = |sum: &str| {
            format!(
                "rule a:\n    input: 'in'\n    output: ensure('out', {kind}='{sum}')\n    shell: 'cp {{input}} {{output}}'\n"
            )
        };
        let wrong = sum.replace('b', "a");
        Case::new()
            .rulefile(&rulefile(&wrong))
            .file("in", "hello\n")
            .run_with_code(&[], 1)
            .failed(&["a out"])
            .stderr_has(&format!("the {kind} of out is {sum}, and `ensure` asks for {wrong}"))
            .has_not("out")
            .rulefile(&rulefile(&sum.to_uppercase()))
            .run(&[])
            .ran(&["a out"])
            .run(&[])
            .ran(&[]);
    }
}

/// What is asked of an output was checked when it was made; when something else is asked it has to be checked again.
#[test]
fn what_is_asked_is_part_of_what_was_done() {
    let [(_, md5), _, (_, sha256)] = HELLO;
    let rulefile = |ensure: &str| {
        format!("rule a:\n    input: 'in'\n    output: {ensure}\n    shell: 'cp {{input}} {{output}}'\n")
    };
    Case::new()
        .rulefile(&rulefile("'out'"))
        .file("in", "hello\n")
        .run(&[])
        .rulefile(&rulefile("ensure('out', non_empty=True)"))
        .call(&["why", "out"])
        .stdout_has("output out is now to be checked: non-empty")
        .run(&[])
        .ran(&["a out"])
        .because("a out", "requirement-changed")
        .unchanged(&["a out"])
        .rulefile(&rulefile(&format!("ensure('out', non_empty=True, md5='{md5}')")))
        .run(&[])
        .because("a out", "requirement-changed")
        .rulefile(&rulefile(&format!("ensure('out', md5='{md5}')")))
        .run(&[])
        .ran(&[])
        .rulefile(&rulefile(&format!("ensure('out', sha256='{sha256}')")))
        .run(&[])
        .ran(&["a out"])
        .rulefile(&rulefile("'out'"))
        .run(&[])
        .ran(&[]);
}

#[test]
fn a_checksum_may_be_a_function_of_the_wildcards() {
    let [(_, md5), ..] = HELLO;
    let rulefile = format!(
        "sums = {{'a': '{md5}', 'b': 'nonsense'}}\nrule a:\n    input: 'in'\n    output: ensure('{{s}}.txt', md5=lambda w: sums[w.s])\n    shell: 'cp {{input}} {{output}}'\n"
    );
    Case::new()
        .rulefile(&rulefile)
        .file("in", "hello\n")
        .run(&["a.txt"])
        .run_with_code(&["b.txt"], 1)
        .stderr_has("`ensure` asks for nonsense")
        .stderr_has("has not the form of such a checksum")
        .edit("Rulefile", "'nonsense'", &format!("'{md5}'"))
        .run(&["a.txt", "b.txt"])
        .ran(&["a b.txt"])
        .run_with_code(&["c.txt"], 1)
        .stderr_has("the md5 that `ensure` asks for of rule `a`");
}

// protected

fn mode(case: &Case, path: &str) -> u32 {
    fs::metadata(case.path(path)).unwrap().permissions().mode() & 0o777
}

const PROTECTED: &str = "\
rule a:
    input: 'in'
    output: protected('out'), protected(directory('d'))
    shell: 'cp {input} out; mkdir -p d/e; cp {input} d/e/x; ln -s ../in d/link'
";

#[test]
fn a_protected_output_is_read_only_and_is_not_made_again() {
    let case = Case::new().rulefile(PROTECTED).file("in", "1\n").run(&[]).ran(&["a out"]);
    for path in ["out", "d", "d/e", "d/e/x"] {
        assert_eq!(mode(&case, path) & 0o222, 0, "{path}");
    }
    assert_ne!(mode(&case, "in") & 0o200, 0, "not through a link");
    let case = case
        .run(&[])
        .ran(&[])
        .file("in", "2\n")
        .run_with_code(&[], 1)
        .failed(&["a out"])
        .stderr_has("`out` is to be made again, but it is protected")
        .stderr_has("chmod -R u+w 'out'")
        .call_with_code(&["-n"], 4)
        .stderr_has("`out` is to be made again, but it is protected")
        .has("out", "1\n");
    for path in ["out", "d", "d/e"] {
        fs::set_permissions(case.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let case = case.run(&[]).ran(&["a out"]).has("out", "2\n").has("d/e/x", "2\n").run(&[]).ran(&[]);
    for path in ["d", "d/e"] {
        fs::set_permissions(case.path(path), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Whether a job that only may run will run nobody knows, so that its output is protected is no mistake yet; and `why`
/// answers also of one that will.
#[test]
fn a_forecast_refuses_only_what_will_surely_be_made_again() {
    let rules = "\
rule b:
    input: 'a'
    output: protected('b')
    shell: 'cp {input} {output}'
rule a:
    input: 'in'
    output: 'a'
    shell: 'head -1 {input} > {output}'
";
    let case = Case::new().rulefile(rules).file("in", "1\n").run(&[]).file("in", "1\n2\n");
    let verdicts = case.plan(&[]);
    let expected =
        [("a a", "run"), ("b b", "may")].map(|(job, verdict)| (job.to_string(), verdict.to_string()));
    assert_eq!(verdicts, expected);
    case.call(&["why", "b"])
        .stdout_has("b may be made")
        .run(&[])
        .ran(&["a a"])
        .edit("Rulefile", "cp {input} {output}", "cat {input} > {output}")
        .call_with_code(&["-n"], 4)
        .stderr_has("`b` is to be made again, but it is protected")
        .call(&["why", "b"])
        .stdout_has("b will be made")
        .stdout_has("command changed");
}

/// Protection is no reason to believe: what was changed all the same is noticed.
#[test]
fn an_edit_of_a_protected_output_is_noticed() {
    let case = Case::new()
        .rulefile(
            "rule a:\n    input: 'in'\n    output: protected('out')\n    shell: 'cp {input} {output}'\n",
        )
        .file("in", "1\n")
        .run(&[]);
    fs::remove_file(case.path("out")).unwrap();
    case.file("out", "edited\n")
        .run(&[])
        .ran(&["a out"])
        .because("a out", "output-modified")
        .has("out", "1\n");
}

#[test]
fn clean_leaves_protected_files_alone_and_says_so() {
    let rulefile = "\
rule all:
    input: 'out', 'other'
rule a:
    output: protected('out')
    shell: 'echo 1 > {output}'
rule b:
    output: 'other'
    shell: 'echo 1 > {output}'
";
    Case::new()
        .rulefile(rulefile)
        .run(&[])
        .call(&["clean"])
        .stderr_has("would remove 1 file: `rulemake clean --yes` does it; 1 kept: protected")
        .call(&["clean", "--yes"])
        .stderr_has("removed 1 file; 1 kept: protected")
        .has_not("other")
        .has("out", "1\n");
}

/// What failed is moved away, whatever its permissions are.
#[test]
fn read_only_directories_of_failed_jobs_are_moved_away() {
    Case::new()
        .rulefile("rule a:\n    output: directory('d')\n    shell: 'mkdir -p d/e; touch d/e/x; chmod -R a-w d; false'\n")
        .run_with_code(&[], 1)
        .has_not("d");
}

// update

const UPDATE: &str = "\
rule all:
    input: 'db', 'before.txt'
rule archive:
    input: before_update('db')
    output: 'before.txt'
    shell: 'cp {input} {output}'
rule add:
    input: 'new.txt'
    output: update('db')
    shell: 'cat {input} >> {output}'
";

/// The file is changed in place, once per change of what goes into it; its own change is no reason for anything.
#[test]
fn an_update_changes_what_is_there_and_happens_once() {
    Case::new()
        .rulefile(UPDATE)
        .file("db", "0\n")
        .file("new.txt", "1\n")
        .run(&[])
        .ran(&["archive before.txt", "add db"])
        .ran_in_order(&["archive before.txt", "add db"])
        .has("db", "0\n1\n")
        .has("before.txt", "0\n")
        .run(&[])
        .ran(&[])
        .up_to_date(2)
        .file("new.txt", "2\n")
        .run(&[])
        .ran(&["archive before.txt", "add db"])
        .because("archive before.txt", "input-changed")
        .has("db", "0\n1\n2\n")
        .has("before.txt", "0\n1\n")
        .run(&[])
        .ran(&[]);
}

/// The reader may also be what the update is made of.
#[test]
fn a_file_that_is_extended_by_what_is_made_of_it() {
    let rulefile = "\
rule all:
    input: 'db'
rule derive:
    input: before_update('db'), 'seed.txt'
    output: 'more.txt'
    shell: 'cat {input} | wc -l > {output}'
rule add:
    input: 'more.txt'
    output: update('db')
    shell: 'cat {input} >> {output}'
";
    Case::new()
        .rulefile(rulefile)
        .file("db", "x\n")
        .file("seed.txt", "")
        .run(&[])
        .ran(&["derive more.txt", "add db"])
        .has("db", "x\n1\n")
        .run(&[])
        .ran(&[])
        .file("seed.txt", "s\n")
        .run(&[])
        .ran(&["derive more.txt", "add db"])
        .has("db", "x\n1\n3\n")
        .run(&[])
        .ran(&[]);
}

/// Others may change the file, too: the job that changes it has nothing to do with that, but who reads it does.
#[test]
fn an_edit_of_an_updated_file_is_for_its_readers() {
    let rulefile = &format!(
        "{UPDATE}rule count:\n    input: 'db'\n    output: 'count.txt'\n    shell: 'wc -l < {{input}} > {{output}}'\n"
    );
    Case::new()
        .rulefile(rulefile)
        .file("db", "0\n")
        .file("new.txt", "1\n")
        .run(&["count.txt", "before.txt"])
        .has("count.txt", "2\n")
        .append("db", "mine\n")
        .run(&["count.txt", "before.txt"])
        .ran(&["archive before.txt", "count count.txt"])
        .has("count.txt", "3\n")
        .has("db", "0\n1\nmine\n")
        .has("before.txt", "0\n1\nmine\n")
        .run(&["count.txt", "before.txt"])
        .ran(&[])
        .remove("db")
        .run(&["count.txt"])
        .ran(&["add db", "count count.txt"])
        .because("add db", "output-missing")
        .has("db", "1\n");
}

#[test]
fn the_dry_run_knows_who_reads_before_an_update() {
    let case = Case::new().rulefile(UPDATE).file("db", "0\n").file("new.txt", "1\n").run(&[]);
    let verdict = |job: &str, verdict: &str| (job.to_string(), verdict.to_string());
    let plan = case.plan(&[]);
    assert_eq!(plan, [verdict("archive before.txt", "up-to-date"), verdict("add db", "up-to-date")]);
    let case = case.file("new.txt", "2\n");
    assert_eq!(case.plan(&[]), [verdict("archive before.txt", "run"), verdict("add db", "run")]);
    let more =
        "rule new:\n    input: 'source.txt'\n    output: 'new.txt'\n    shell: 'cp {input} {output}'\n";
    let case = case
        .append("Rulefile", more)
        .file("source.txt", "3\n")
        .remove("new.txt")
        .run(&[])
        .file("source.txt", "4\n");
    let expected =
        [verdict("new new.txt", "run"), verdict("archive before.txt", "may"), verdict("add db", "may")];
    assert_eq!(case.plan(&[]), expected);
    case.run(&[]).ran(&["new new.txt", "archive before.txt", "add db"]).has("before.txt", "0\n1\n3\n");
}

#[test]
fn a_failed_update_puts_back_what_was_there() {
    Case::new()
        .rulefile(&UPDATE.replace("cat {input} >> {output}", "cat {input} >> {output}; grep -q good {input}"))
        .file("db", "0\n")
        .file("new.txt", "bad\n")
        .run_with_code(&["db"], 1)
        .failed(&["add db"])
        .stderr_has("put back as it was before the job: db")
        .has("db", "0\n")
        .has(".rulemake/quarantine/1/0/db", "0\nbad\n")
        .has_not(".rulemake/backup/x")
        .file("new.txt", "good\n")
        .run(&["db"])
        .has("db", "0\ngood\n");
}

/// Each attempt starts from what was there before the first.
#[test]
fn a_second_attempt_does_not_see_the_first() {
    let rulefile = UPDATE.replace(
        "cat {input} >> {output}",
        "cat {input} >> {output}; test -e again || {{ touch again; false; }}",
    );
    Case::new()
        .rulefile(&rulefile)
        .file("db", "0\n")
        .file("new.txt", "1\n")
        .run(&["--retries", "1", "db"])
        .ran(&["add db"])
        .has("db", "0\n1\n");
}

#[test]
fn a_directory_may_be_updated() {
    let rulefile = "\
rule add:
    input: 'new.txt'
    output: update(directory('d'))
    shell: 'mkdir -p d; cp {input} d/$(cat {input}); ! grep -q bad {input}'
";
    Case::new()
        .rulefile(rulefile)
        .file("new.txt", "a")
        .run(&[])
        .file("new.txt", "b")
        .run(&[])
        .ran(&["add d"])
        .has("d/a", "a")
        .has("d/b", "b")
        .file("new.txt", "bad")
        .run_with_code(&[], 1)
        .has_not("d/bad")
        .has("d/a", "a")
        .file("new.txt", "b")
        .run(&[])
        .run(&[])
        .ran(&[]);
}

/// `kill -9` while a file is half changed: the next run starts from what was there before.
#[test]
fn a_killed_update_is_put_back_by_the_next_run() {
    let slow = UPDATE.replace("cat {input} >> {output}", "cat {input} >> {output}; touch half; sleep 30");
    let case = Case::new().rulefile(&slow).file("db", "0\n").file("new.txt", "1\n").file("other.txt", "");
    let mut running = case.start(&["db"]);
    case.wait_for("half");
    running.child.kill().unwrap();
    running.end();
    let other = "rule other:\n    output: 'other2.txt'\n    shell: 'touch {output}'\n";
    let case = case.has("db", "0\n1\n").rulefile(&format!("{UPDATE}{other}"));
    // Also a run that does not need the file puts it back: who knows who looks at it.
    let case = case
        .run(&["other2.txt"])
        .warned("db was put back as it was before run 1 was interrupted")
        .has("db", "0\n")
        .has(".rulemake/quarantine/1/0/db", "0\n1\n");
    case.append("db", "mine\n")
        .run(&[])
        .ran(&["archive before.txt", "add db"])
        .because("add db", "failed-before")
        .has("db", "0\nmine\n1\n")
        .has("before.txt", "0\nmine\n")
        .run(&[])
        .ran(&[]);
}

/// Where there was nothing before, half a file is nothing, too.
#[test]
fn a_killed_first_update_leaves_nothing() {
    let slow = UPDATE.replace("cat {input} >> {output}", "cat {input} >> {output}; touch half; sleep 30");
    let case = Case::new().rulefile(&slow).file("new.txt", "1\n");
    let mut running = case.start(&["db"]);
    case.wait_for("half");
    running.child.kill().unwrap();
    running.end();
    // Half a file is there, and nothing will be when a run begins: so says the plan.
    let case =
        case.rulefile(UPDATE).call_with_code(&["-n"], 4).stderr_has("missing input `db`").has("db", "1\n");
    case.run(&["db"]).ran(&["add db"]).has("db", "1\n").run(&["db"]).ran(&[]);
}

/// What reads the file before its update was up to date, and is after a kill in the middle of the update: a plan that looked at the
/// half would say that it has to run.
#[test]
fn a_plan_after_a_killed_update_says_what_the_next_run_does() {
    let slow = UPDATE.replace(
        "cat {input} >> {output}",
        "cat {input} >> {output}; if test -e slow; then touch half; sleep 30; fi",
    );
    let case = Case::new().rulefile(&slow).file("db", "0\n").file("new.txt", "1\n").file("other.txt", "");
    let case = case.run(&[]).ran(&["archive before.txt", "add db"]).file("new.txt", "2\n").file("slow", "");
    let mut running = case.start(&["db"]);
    case.wait_for("half");
    running.child.kill().unwrap();
    running.end();
    let case = case.has("db", "0\n1\n2\n").remove("slow");
    let plan = case.plan(&["before.txt"]);
    assert_eq!(plan, [("archive before.txt".to_string(), "up-to-date".to_string())]);
    assert_eq!(case.read("db"), "0\n1\n2\n", "a plan changes nothing");
    case.run(&["before.txt"]).ran(&[]).has("db", "0\n1\n").run(&[]).has("db", "0\n1\n2\n");
}

#[test]
fn nothing_to_read_before_an_update_is_a_missing_input() {
    Case::new()
        .rulefile(UPDATE)
        .file("new.txt", "1\n")
        .call_with_code(&[], 4)
        .stderr_has("missing input `db`: there is nothing yet that could be read before its update");
}

/// The job that changes a file may name its old state as its input: then an edit is a reason.
#[test]
fn an_update_may_read_its_own_file() {
    let rulefile = "rule sort:\n    input: before_update('db')\n    output: update('db')\n    shell: 'sort -u -o {output} {input}'\n";
    Case::new()
        .rulefile(rulefile)
        .file("db", "b\na\n")
        .run(&["db"])
        .ran(&["sort db"])
        .has("db", "a\nb\n")
        .run(&["db"])
        .ran(&[])
        .append("db", "a\nc\n")
        .run(&["db"])
        .ran(&["sort db"])
        .because("sort db", "input-changed")
        .has("db", "a\nb\nc\n")
        .run(&["db"])
        .ran(&[]);
}

// Logs and benchmarks

const LOGS: &str = "\
rule all:
    input: 'logs/a.log', 'summary.txt'
rule summary:
    input: rules.work.log, 'a.txt'
    output: 'summary.txt'
    shell: 'cat {input} > {output}'
rule work:
    input: 'in.txt'
    output: '{s}.txt'
    log: 'logs/{s}.log'
    shell: 'cp {input} {output}; wc -l < {input} > {log}'
";

fn logs() -> Case {
    let work = LOGS.find("rule work").unwrap();
    let (before, after) = LOGS.split_at(work);
    let rulefile = format!("{after}{before}").replace("rules.work.log", "'logs/a.log'");
    Case::new()
        .rulefile(&rulefile)
        .file("in.txt", "1\n")
        .run(&["all"])
        .ran(&["work a.txt", "summary summary.txt"])
}

/// A log is made by its job: it may be a target or an input. Its job does not run for its content; who reads it does.
#[test]
fn logs_are_products() {
    logs()
        .run(&["all"])
        .ran(&[])
        .run(&["logs/b.log"])
        .ran(&["work b.txt"])
        .run(&["logs/b.log"])
        .ran(&[])
        .remove("logs/a.log")
        .run(&["a.txt"])
        .ran(&[])
        .run(&["all"])
        .ran(&["work a.txt"])
        .because("work a.txt", "output-missing")
        .has("logs/a.log", "1\n")
        .file("logs/a.log", "edited\n")
        .run(&["all"])
        .ran(&["summary summary.txt"])
        .has("summary.txt", "edited\n1\n")
        .append("in.txt", "2\n")
        .run(&["all"])
        .ran(&["work a.txt", "summary summary.txt"])
        .has("summary.txt", "2\n1\n2\n");
}

#[test]
fn a_wanted_log_that_is_not_written_is_a_failure() {
    logs()
        .edit("Rulefile", " > {log}", " > /dev/null")
        .run(&["a.txt"])
        .ran(&["work a.txt"])
        .run_with_code(&["all"], 1)
        .failed(&["work a.txt"])
        .stderr_has("did not create logs/a.log");
}

// Links

/// What a link leads to is its content; a link that leaves the root is told.
#[test]
fn links_are_looked_through() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x"), "1\n").unwrap();
    let rulefile = format!(
        "rule all:\n    input: 'out', 'copy'\nrule copy:\n    input: 'in'\n    output: 'copy'\n    shell: 'cat {{input}} > {{output}}'\nrule link:\n    output: 'out'\n    shell: 'ln -s {}/x {{output}}'\n",
        outside.path().display()
    );
    let case = Case::new().rulefile(&rulefile);
    symlink(outside.path().join("x"), case.path("in")).unwrap();
    let case =
        case.run(&[]).ran(&["copy copy", "link out"]).warned("output out is a link to").run(&[]).ran(&[]);
    fs::write(outside.path().join("x"), "2\n").unwrap();
    let case = case
        .run(&[])
        .ran(&["copy copy", "link out"])
        .because("link out", "output-modified")
        .has("copy", "2\n");
    fs::remove_file(case.path("in")).unwrap();
    symlink("nowhere", case.path("in")).unwrap();
    case.call_with_code(&[], 4).stderr_has("missing input `in`").has("copy", "2\n");
    assert_eq!(fs::read_to_string(outside.path().join("x")).unwrap(), "2\n");
}

// report, local

/// What is said of an output for a report is part of the plan and of the record, and no reason to run: a report can be
/// built later, from either. The caption lies beside the file that names it.
#[test]
fn what_is_said_for_a_report_is_in_the_plan_and_on_record() {
    let rulefile = "\
report: 'front.rst'
include: 'parts/a.rules'
";
    let part = "\
rule a:
    output: report(local('{s}.txt'), caption='a.rst', category=lambda w: f'Samples {w.s}', subcategory='{x}',
        labels={'sample': '{s}', 'kind': 3, 'of': lambda w, output: output[0]}, patterns=['{s}_{x}'])
    shell: 'echo 1 > {output}'
";
    let case = Case::new().file("parts/a.rules", part).rulefile(rulefile).run(&["b.txt"]).ran(&["a b.txt"]);
    let about = serde_json::json!({
        "caption": "parts/a.rst", "category": "Samples b", "subcategory": "{x}",
        "labels": {"sample": "b", "kind": 3, "of": "b.txt"}, "patterns": ["{s}_{x}"],
    });
    let case = case.call(&["-n", "--json", "b.txt"]);
    let plan: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(plan["report"], "front.rst");
    let unknown = ["`{x}`: rule `a` has no wildcard `x`"];
    let expected = serde_json::json!([{"path": "b.txt", "about": about, "unknown": unknown}]);
    assert_eq!(plan["jobs"][0]["reported"], expected);

    // The record keeps what was said when the file was made.
    let case = case.edit("parts/a.rules", "Samples", "Others").run(&["b.txt"]).ran(&[]);
    let case = case.call(&["why", "--json", "b.txt"]);
    let why: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(why["chain"][0]["last"]["reported"], serde_json::json!([{"path": "b.txt", "about": about}]));
    let case = case.call(&["-n", "--json", "b.txt"]);
    let plan: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(plan["jobs"][0]["reported"][0]["about"]["category"], "Others b");
}

/// A function for a report that fails makes no job fail: what it would have said is not known, and the plan says why.
#[test]
fn a_function_for_a_report_that_fails_is_only_told() {
    let rulefile = "\
rule a:
    output: report('a.txt', category=lambda w: nonsense, labels=lambda w, output: {'n': len(open(output[0]).read())})
    shell: 'echo 1 > {output}'
";
    let case = Case::new().rulefile(rulefile).call(&["-n", "--json", "a.txt"]);
    let plan: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(plan["jobs"][0]["reported"][0]["about"], serde_json::json!({}));
    let told = plan["jobs"][0]["reported"][0]["unknown"].to_string();
    assert!(told.contains("`category` of `report` of rule `a`") && told.contains("nonsense"), "{told}");
    assert!(told.contains("`labels` of `report` of rule `a`") && told.contains("a.txt"), "{told}");
    let case = case.run(&["a.txt"]).ran(&["a a.txt"]).call(&["-n", "--json", "a.txt"]);
    let plan: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(plan["jobs"][0]["reported"][0]["about"], serde_json::json!({"labels": {"n": 2}}));
}

/// What functions of rules looked at belongs to the plan as does what the load looked at, with the rule; of variables
/// only that they were there.
#[test]
fn what_the_rulefile_looked_at_is_in_the_plan() {
    let rulefile = "\
import os
HERE = os.path.exists('extra.txt'), os.environ.get('HOME')
rule a:
    input: lambda w: [l.strip() for l in open(f'{w.s}.list')]
    output: '{s}.out'
    shell: 'cat {input} > {output}'
rule b:
    output: 'b.out'
    params: lambda w: os.path.exists('c.txt')
    shell: 'echo {params} > {output}'
";
    let case = Case::new().file("x.list", "in\n").file("in", "1\n").rulefile(rulefile);
    let case = case.call(&["-n", "--json", "x.out", "b.out"]);
    let plan: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    let reads: Vec<String> = plan["reads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|read| {
            let digest = read["digest"].is_string();
            format!("{} {} {} {} {digest}", read["kind"], read["what"], read["rule"], read["found"])
        })
        .map(|line| line.replace('"', ""))
        .collect();
    for line in [
        "exists extra.txt null false false",
        "variable HOME null true false",
        "file x.list a true true",
        "exists c.txt b false false",
    ] {
        assert!(reads.iter().any(|read| read == line), "{line}: {reads:#?}");
    }
    let case = case.call(&["why", "--json", "x.out"]);
    let why: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    let reads = why["reads"].as_array().unwrap();
    assert_eq!(reads.len(), 1, "{reads:?}");
    assert_eq!((&reads[0]["what"], &reads[0]["rule"]), (&"x.list".into(), &"a".into()));
}
