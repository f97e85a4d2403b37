//! What a user can have taken for granted: edited outputs, files that are gone, sources that are not there, results of
//! another tool; and what can be forced or named by pattern.

#![cfg(unix)]

mod support;

use support::Case;

/// The jobs that a dry run says will run.
fn planned(case: &Case, args: &[&str]) -> Vec<String> {
    case.plan(args).into_iter().filter(|(_, verdict)| verdict == "run").map(|(job, _)| job).collect()
}

/// raw -> mid -> out, twice.
fn case() -> Case {
    Case::new()
        .rulefile(
            "rule all:\n    input: 'out/a', 'out/b'\n\
             rule mid:\n    input: 'raw/{s}'\n    output: 'mid/{s}'\n    shell: 'sort {input} > {output}'\n\
             rule out:\n    input: 'mid/{s}'\n    output: 'out/{s}'\n    shell: 'wc -l < {input} > {output}'\n",
        )
        .file("raw/a", "2\n1\n")
        .file("raw/b", "4\n3\n5\n")
}

fn built() -> Case {
    case().run(&[]).ran(&["mid mid/a", "mid mid/b", "out out/a", "out out/b"])
}

/// `accept` takes an edit as the result: nothing makes it again, and what reads it is made anew.
#[test]
fn an_accepted_edit_stays_and_is_what_consumers_read() {
    built()
        .file("mid/a", "1\n2\n3\n")
        .call(&["accept", "mid/a"])
        .stdout_has("accepted mid mid/a\n")
        .run(&[])
        .ran(&["out out/a"])
        .has("mid/a", "1\n2\n3\n")
        .has("out/a", "3\n")
        .run(&[])
        .up_to_date(4)
        .call(&["why", "mid/a"])
        .stdout_has("taken as it was in run 2, not made by rule mid");
}

/// Moving from another tool: what exists is taken, and only what then changes runs.
#[test]
fn results_of_another_tool_can_be_taken_as_they_are() {
    case()
        .file("mid/a", "1\n2\n")
        .file("mid/b", "3\n4\n5\n")
        .file("out/a", "2\n")
        .call(&["accept", "-n"])
        .stdout_has("would accept mid mid/a\n")
        .call(&["accept"])
        .stdout_has("accepted out out/a\n")
        .stdout_has("left out out/b: out/b is not there\n")
        .run(&[])
        .ran(&["out out/b"])
        .append("raw/a", "0\n")
        .run(&[])
        .ran(&["mid mid/a", "out out/a"])
        .has("out/a", "3\n");
}

/// A change of a rule that changes no result does not have to cost a run.
#[test]
fn a_rule_that_changed_in_form_only_can_be_accepted() {
    built()
        .edit("Rulefile", "wc -l <", "cat - <")
        .call(&["accept", "out"])
        .stderr_has("2 accepted, 0 up to date")
        .run(&[])
        .up_to_date(4)
        .call(&["accept"])
        .stderr_has("0 accepted, 4 up to date");
}

/// What cannot be had is said, and by its exit code when it was asked for by name.
#[test]
fn what_is_not_there_cannot_be_accepted() {
    case()
        .call_with_code(&["accept", "out/a"], 1)
        .stdout_has("left out out/a: input `mid/a` does not exist\n");
}

/// What an interrupted or failed job left is no result unless somebody says so of that very file.
#[test]
fn what_a_failed_job_left_is_accepted_by_its_name_only() {
    case()
        .edit("Rulefile", "sort {input} > {output}", "false")
        .run_with_code(&["mid/a"], 1)
        .file("mid/a", "by hand\n")
        .call_with_code(&["accept", "mid"], 1)
        .stdout_has("left mid mid/a: failed in run 1 (exit 1); name its file to take it all the same\n")
        .call(&["accept", "mid/a"])
        .run(&["mid/a"])
        .up_to_date(1)
        .has("mid/a", "by hand\n");
}

/// The dry run promises what the run does: the edit stays, and only its consumer runs.
#[test]
fn keep_edited_keeps_edits_and_makes_what_reads_them() {
    let case = built().file("mid/a", "1\n2\n3\n");
    assert_eq!(planned(&case, &["--keep-edited"]), ["out out/a"]);
    case.run(&["--keep-edited"])
        .ran(&["out out/a"])
        .warned("mid/a was changed since it was made, and is kept as it is now")
        .has("mid/a", "1\n2\n3\n")
        .has("out/a", "3\n")
        .run(&[])
        .up_to_date(4);
}

/// An edit does not stand for a result that has to be made anew for another reason: then it is saved.
#[test]
fn keep_edited_does_not_hide_another_reason() {
    let case = built().file("mid/a", "1\n").append("raw/a", "0\n").run(&["--keep-edited"]);
    let saved = case.files(".rulemake/saved");
    assert!(saved.iter().any(|path| path.ends_with("mid/a")), "{saved:?}");
    case.ran(&["mid mid/a", "out out/a"]).has("mid/a", "0\n1\n2\n");
}

/// Whether an edit stays is open while what the job reads is to be made anew: the dry run promises neither.
#[test]
fn the_dry_run_does_not_promise_to_run_what_keep_edited_may_keep() {
    let case = built().file("out/a", "by hand\n").file("raw/a", "1\n2\n");
    assert_eq!(planned(&case, &["--keep-edited"]), ["mid mid/a"]);
    assert_eq!(planned(&case, &[]), ["mid mid/a", "out out/a"]);
    case.run(&["--keep-edited"]).ran(&["mid mid/a"]).has("out/a", "by hand\n");
}

/// A file that is gone is no reason by itself; a job that must run has its input made first.
#[test]
fn only_needed_makes_what_is_gone_only_for_those_who_read_it() {
    let case = built().remove("mid/a").remove("mid/b");
    assert!(planned(&case, &["--only-needed"]).is_empty());
    case.run(&["--only-needed"])
        .up_to_date(4)
        .has_not("mid/a")
        .edit("Rulefile", "wc -l", "wc -c")
        .remove("out/b")
        .run(&["--only-needed", "out/b"])
        .ran(&["mid mid/b", "out out/b"])
        .has_not("mid/a")
        .has("out/b", "6\n")
        .run(&[])
        .ran(&["mid mid/a", "out out/a"]);
}

/// A target is wanted, whatever else is not.
#[test]
fn only_needed_makes_targets_that_are_gone() {
    built().remove("out/a").run(&["--only-needed"]).ran(&["out out/a"]);
}

/// A source that went away is an error, until its recorded content is said to do; a job that has to run then fails.
#[test]
fn an_absent_source_can_be_assumed_while_nothing_changes() {
    let case = built().remove("raw/b").run_with_code(&[], 4);
    assert!(planned(&case, &["--assume-inputs", "raw/b"]).is_empty());
    case.run(&["--assume-inputs", "raw/*"])
        .up_to_date(4)
        .warned("raw/b is not there; what is on record of its content is assumed")
        .remove("mid/b")
        .run_with_code(&["--assume-inputs", "raw/b"], 1)
        .failed(&["mid mid/b"])
        .has("out/b", "3\n")
        .file("raw/b", "4\n3\n5\n")
        .run(&[])
        .ran(&["mid mid/b"]);
}

#[test]
fn a_source_of_which_nothing_is_on_record_cannot_be_assumed() {
    built()
        .run_with_code(&["--assume-inputs", "raw/c"], 4)
        .stderr_has("nothing is on record of `raw/c`, so its content cannot be assumed");
}

/// All downstream of the name runs, whether or not contents change, and nothing else.
#[test]
fn force_from_runs_the_job_and_all_after_it() {
    let case = built();
    assert_eq!(planned(&case, &["--force-from", "mid/a"]), ["mid mid/a", "out out/a"]);
    case.run(&["--force-from", "mid/a"])
        .ran(&["mid mid/a", "out out/a"])
        .unchanged(&["mid mid/a", "out out/a"])
        .run(&["--force-from", "out"])
        .ran(&["out out/a", "out out/b"])
        .run_with_code(&["--force-from", "nothing"], 4)
        .stderr_has("`--force-from` names `nothing`, which is no rule and no file of this plan");
}

/// A pattern stands for what rules make, in any directory only with `**`.
#[test]
fn targets_may_be_patterns() {
    case()
        .run(&["mid/*"])
        .ran(&["mid mid/a", "mid mid/b"])
        .run(&["**/a"])
        .ran(&["out out/a"])
        .run(&["out/[b-z]"])
        .ran(&["out out/b"])
        .run_with_code(&["none/*.txt"], 4)
        .stderr_has("no file that a rule makes fits `none/*.txt`");
}

/// A file may be called like a pattern.
#[test]
fn a_file_with_a_star_in_its_name_is_meant_first() {
    Case::new()
        .rulefile("rule r:\n    output: 'o[1].txt', 'o1.txt'\n    shell: 'touch {output}'\n")
        .run(&["o[1].txt"])
        .ran(&["r o[1].txt"]);
}

/// From a directory below, patterns are as names are.
#[test]
fn patterns_start_where_the_command_does() {
    let case = built().edit("Rulefile", "wc -l", "wc -c");
    let output = case.command(&["-n", "[ab]"]).current_dir(case.path("out")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("2 will run"), "{text}");
}

/// What another tool built has no temporary files any more, and is taken all the same.
#[test]
fn a_project_whose_temporary_files_are_gone_can_be_taken_over() {
    let case = Case::new()
        .rulefile(
            "rule b:\n    input: 't'\n    output: 'b'\n    shell: 'cp {input} {output}'\n\
             rule t:\n    input: 'in'\n    output: temp('t')\n    shell: 'cp {input} {output}'\n",
        )
        .file("in", "1\n");
    let case = case
        .call(&["accept"])
        .stdout_has("left t t: it is not there, nor what was made from it")
        .file("b", "1\n")
        .call(&["accept"])
        .stderr_has("2 accepted");
    let case = case.run(&[]).ran(&[]).edit(
        "Rulefile",
        "cp {input} {output}'\nrule",
        "cat {input} > {output}'\nrule",
    );
    let case = case.run(&[]).ran(&["t t", "b b"]).has_not("t").run(&[]).ran(&[]);
    case.file("in", "2\n").run(&[]).ran(&["t t", "b b"]).has("b", "2\n");
}

/// Who accepts a file behind a stale one is told that it may not last.
#[test]
fn what_is_accepted_behind_a_stale_file_says_so() {
    built().append("raw/a", "0\n").file("out/a", "mine\n").call(&["accept", "out/a"]).stdout_has(
        "note: out out/a: mid mid/a is not up to date: if it comes out different, this is made again",
    );
}

/// An edited output cannot stay when its job has to run for a temporary file beside it. Then the plan knows no more of
/// who reads the edit than that it may run, and the edit is lost to nobody.
#[test]
fn an_edit_beside_a_temporary_file_that_is_needed_is_planned_as_it_comes() {
    let case = Case::new()
        .rulefile(
            "rule all:\n    input: 'kept', 'out', 'seen'\n\
             rule make:\n    input: 'raw'\n    output: k='kept', t=temp('tmp')\n\
             \x20   shell: 'cp {input} {output.k}; cp {input} {output.t}'\n\
             rule out:\n    input: 'tmp', 'other'\n    output: 'out'\n    shell: 'cat {input} > {output}'\n\
             rule seen:\n    input: 'kept'\n    output: 'seen'\n    shell: 'cp {input} {output}'\n",
        )
        .file("raw", "1\n")
        .file("other", "o\n")
        .run(&[])
        .file("kept", "edit\n");
    // Nobody needs the temporary file: the edit is the result.
    assert_eq!(planned(&case, &["--keep-edited"]), ["seen seen"]);
    let case = case.file("other", "p\n");
    let mut plan = case.plan(&["--keep-edited"]);
    plan.sort();
    let plan: Vec<(&str, &str)> = plan.iter().map(|(job, verdict)| (&**job, &**verdict)).collect();
    assert_eq!(plan, [("make kept", "run"), ("out out", "run"), ("seen seen", "may")]);
    let case = case
        .run(&["--keep-edited", "-j1"])
        .has("kept", "1\n")
        .has("out", "1\np\n")
        .has("seen", "1\n")
        .has(".rulemake/saved/2/kept", "edit\n")
        .warned("that copy is kept in .rulemake/saved/2/kept");
    let lies =
        case.last().of("warning").any(|event| event["message"].as_str().unwrap().contains("each time"));
    assert!(!lies, "the rule makes the same each time\n{}", case.last());
    case.run(&[]).up_to_date(3);
}

/// As above, where the only reader of the temporary file runs because of the edit itself: nobody knows before whether
/// it is still there when that is looked at.
#[test]
fn an_edit_that_is_the_reason_for_its_own_end_may_come_either_way() {
    let case = Case::new()
        .rulefile(
            "rule all:\n    input: 'kept', 'out'\n\
             rule make:\n    input: 'raw'\n    output: k='kept', t=temp('tmp')\n\
             \x20   shell: 'cp {input} {output.k}; cp {input} {output.t}'\n\
             rule out:\n    input: 'tmp', 'kept'\n    output: 'out'\n    shell: 'cat {input} > {output}'\n",
        )
        .file("raw", "1\n")
        .run(&[])
        .file("kept", "edit\n");
    assert_eq!(planned(&case, &["--keep-edited"]), [""; 0]);
    let case =
        case.call(&["-n", "--keep-edited"]).stdout_has("may run   make kept  if tmp turns out different");
    case.run(&["--keep-edited"]).has("out", "1\n1\n").run(&[]).ran(&[]);
}

/// Who renames an output and forgets a reader is told that the reader goes on with the old file; `accept` says that it is
/// meant.
#[test]
fn a_source_that_a_rule_made_once_is_told_until_it_is_accepted() {
    let case = built()
        .edit("Rulefile", "output: 'mid/{s}'", "output: 'middle/{s}'")
        .append("raw/a", "0\n")
        .call(&["-n"])
        .stdout_has("warning: mid/a was made by rule mid in run 1, and no rule makes it now: it counts as a source (`rulemake accept mid/a` says that it is one)\n")
        .run(&[])
        .ran(&[])
        .warned("mid/b was made by rule mid in run 1, and no rule makes it now")
        .call(&["why", "mid/a"])
        .stdout_has("mid/a was made by rule mid in run 1, and no rule makes it now")
        .call(&["accept", "mid/a", "mid/b"])
        .stdout_has("accepted mid/a as a source\naccepted mid/b as a source\n")
        .run(&[])
        .up_to_date(2)
        .call(&["-n"]);
    assert!(!case.last().stdout.contains("warning"), "{}", case.last().stdout);
}

/// Another project that restores the same result from a cache gives the file a further name, and `cache gc` takes one away:
/// nobody edited it.
#[test]
fn a_result_that_got_another_name_meanwhile_is_nobodys_work() {
    Case::new()
        .rulefile(
            "K = config.get('k', 1)\n\
             rule all:\n    input: 'a', 'b'\n\
             rule a:\n    output: 'a'\n    priority: 9\n    shell: 'ln -f b c || true; echo {K} > {output}'\n\
             rule b:\n    output: 'b'\n    shell: 'echo {K} > {output}'\n",
        )
        .run(&["-j1"])
        .run(&["-j1", "--config", "k=2"])
        .ran(&["a a", "b b"])
        .has("c", "1\n")
        .stdout_lacks("kept in");
}
