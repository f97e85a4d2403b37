//! One file by two names, through links between directories: told before anything runs, for a graph goes by names.
//! Snakemake 9 lets the jobs overwrite each other, and reads the old file by the other name.

#![cfg(unix)]

mod support;

use std::os::unix::fs::symlink;
use support::Case;

fn link(case: Case, to: &str, name: &str) -> Case {
    symlink(to, case.path(name)).unwrap();
    case
}

const TWO: &str = "rule all:\n    input: 'a/x', 'b/x'\n\
                   rule one:\n    output: 'a/x'\n    shell: 'echo 1 > {output}'\n\
                   rule two:\n    output: 'b/x'\n    shell: 'echo 2 > {output}'\n";

/// Two jobs that overwrite each other would never come to rest.
#[test]
fn two_jobs_that_make_one_file_are_refused() {
    let case = Case::new().rulefile(TWO).file("a/other", "");
    let case = link(case, "a", "b")
        .call_with_code(&[], 4)
        .stderr_has(
            "error[same-file]: two jobs make one file: rule `one` makes `a/x`, rule `two` makes `b/x`",
        )
        .stderr_has("links lead from `b` to `a`")
        .stderr_has("give one of the outputs another name, or take the link away")
        .call_with_code(&["-n"], 4)
        .stderr_has("two jobs make one file");
    assert!(!case.path("a/x").exists());
    // One of them alone is no mistake, and a link that is taken away neither.
    let case = case.run(&["b/x"]).ran(&["two b/x"]).remove("b/x");
    std::fs::remove_file(case.path("b")).unwrap();
    case.run(&[]).ran(&["one a/x", "two b/x"]).has("a/x", "1\n").has("b/x", "2\n").run(&[]).up_to_date(2);
}

/// The directories need not be there yet, and the links may be above them, absolute, or lead to each other.
#[test]
fn links_above_and_absolute_names_count() {
    let rules = TWO.replace("'b/x'", "'c/deep/x'").replace("'a/x'", "'a/deep/x'");
    let case = link(link(Case::new().rulefile(&rules), "b", "c"), "a", "b");
    let case = case.call_with_code(&[], 4).stderr_has("links lead from `c/deep` to `a/deep`");
    let absolute = case.path("a/deep/x");
    let rules = rules.replace("c/deep/x", absolute.to_str().unwrap());
    case.rulefile(&rules)
        .call_with_code(&[], 4)
        .stderr_has("two jobs make one file: rule `one` makes `a/deep/x`");
}

/// One job can do it alone.
#[test]
fn two_outputs_of_one_job_are_two_files() {
    let rules =
        "rule both:\n    output: 'a/x', 'b/x'\n    shell: 'echo 1 > {output[0]}; echo 2 > {output[1]}'\n";
    let case = link(Case::new().rulefile(rules).file("a/other", ""), "a", "b");
    case.call_with_code(&[], 4).stderr_has("two outputs of rule `both` are one file: `a/x` and `b/x`");
}

/// Who reads a file by another name would not wait for who makes it, and would read what was there before. Nothing
/// hangs on whether the file is there already.
#[test]
fn a_file_is_read_by_the_name_it_is_made_by() {
    let rules = "rule read:\n    input: 'b/x', 'a/y'\n    output: 'out'\n    shell: 'cat {input} > {output}'\n\
                 rule make:\n    input: 'raw'\n    output: 'a/x'\n    shell: 'cp {input} {output}'\n\
                 rule y:\n    input: 'a/x'\n    output: 'a/y'\n    shell: 'cp {input} {output}'\n";
    let case = Case::new().rulefile(rules).file("raw", "1\n").file("a/other", "");
    let case = link(case, "a", "b")
        .call_with_code(&[], 4)
        .stderr_has("missing input `b/x`: it does not exist and no rule makes it")
        .stderr_has("links lead from `b/x` to `a/x`, which rule `make` makes")
        .stderr_has("write `a/x`")
        .call_with_code(&["b/x"], 4)
        .stderr_has("links lead from `b/x` to `a/x`, which rule `make` makes")
        .run(&["a/x"])
        .ran(&["make a/x"])
        .call_with_code(&[], 4)
        .stderr_has("error[same-file]: rule `read` reads `b/x`, which rule `make` makes as `a/x`")
        .stderr_has("write `a/x`")
        // Also when nothing else asks for it.
        .edit("Rulefile", "'b/x', 'a/y'", "'b/x'")
        .call_with_code(&[], 4)
        .stderr_has("rule `read` reads `b/x`, which a job of an earlier run made as `a/x`")
        .call_with_code(&["b/x"], 4)
        .stderr_has("the target is `b/x`, which a job of an earlier run made as `a/x`");
    case.edit("Rulefile", "'b/x'", "'a/x'").run(&[]).ran(&["read out"]).run(&[]).up_to_date(2);
}

/// Links are no mistake by themselves: data that lies elsewhere, results on another disk.
#[test]
fn linked_directories_with_one_name_each_are_as_any() {
    let rules = "rule sort:\n    input: 'data/x', 'store/x'\n    output: 'results/x'\n\
                 \x20   shell: 'sort {input} > {output}'\n";
    let case = Case::new().rulefile(rules).file("store/x", "2\n1\n").file("disk/other", "");
    let case = link(link(case, "store", "data"), "disk", "results");
    case.run(&[]).ran(&["sort results/x"]).has("disk/x", "1\n1\n2\n2\n").run(&[]).up_to_date(1);
}

/// What a checkpoint brings to light is held against all that was there.
#[test]
fn what_a_checkpoint_brings_in_counts() {
    let rules = "def parts(wildcards):\n    return open(checkpoints.find.get().output[0]).read().split()\n\
                 rule all:\n    input: 'a/x', parts\n    output: 'all'\n    shell: 'cat {input} > {output}'\n\
                 checkpoint find:\n    output: 'list'\n    shell: 'echo b/x > {output}'\n\
                 rule one:\n    output: 'a/x'\n    shell: 'echo 1 > {output}'\n\
                 rule two:\n    output: 'b/x'\n    shell: 'echo 2 > {output}'\n";
    let case = Case::new().rulefile(rules).file("a/other", "");
    let case = link(case, "a", "b")
        .call_with_code(&[], 1)
        .stderr_has("two jobs make one file: rule `one` makes `a/x`, rule `two` makes `b/x`");
    assert!(!case.path("all").exists());
    case.call_with_code(&["-n"], 4).stderr_has("two jobs make one file");
}

/// A path that leaves the project and comes back is another name of the same file: it can be asked for as it is written, and who
/// asks by the plain name hears of it. So do absolute paths.
#[test]
fn a_way_out_of_the_project_and_in_again_is_told() {
    for is_whole in [false, true] {
        let case = Case::new().file("d/in", "1\n");
        let name = if is_whole { case.path("d/x").to_str().unwrap().to_string() } else { "../d/x".into() };
        let rules = format!(
            "rule make:\n    input: 'in'\n    output: '{name}'\n    shell: 'cp {{input}} {{output}}'\n\
             rule read:\n    input: 'x'\n    output: 'y'\n    default_target: True\n    shell: 'cp {{input}} {{output}}'\n"
        );
        let case = case.file("d/Rulefile", &rules);
        let case = case
            .call_with_code(&["-C", "d"], 4)
            .stderr_has(&format!("rule `make` makes `{name}`, which is the same file"))
            .stderr_has("help: write `x` in rule `make`, too")
            .call(&["-C", "d", &name])
            .has("d/x", "1\n");
        // It is there now, and still no source.
        let case = case.call_with_code(&["-C", "d"], 4).stderr_has("error[same-file]");
        case.file("d/in", "2\n").call(&["-C", "d", &name]).has("d/x", "2\n");
    }
}
