//! Directories as outputs and as inputs: what a user relies on, through the real binary.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use support::Case;

const SPLIT: &str = "\
rule all:
    input: 'count.txt'

rule count:
    input: 'parts'
    output: 'count.txt'
    shell: 'cat {input}/* > {output}'

rule split:
    input: 'in.txt'
    output: directory('parts')
    shell: 'mkdir {output}; for w in $(cat {input}); do echo $w > {output}/$w; done'
";

fn split() -> Case {
    Case::new()
        .rulefile(SPLIT)
        .file("in.txt", "a b\n")
        .run(&[])
        .ran(&["split parts", "count count.txt"])
        .has("count.txt", "a\nb\n")
}

#[test]
fn a_directory_is_one_output() {
    split()
        .run(&[])
        .ran(&[])
        .up_to_date(2)
        .file("in.txt", "a c\n")
        .run(&[])
        .ran(&["split parts", "count count.txt"])
        .has("count.txt", "a\nc\n")
        .has_not("parts/b")
        .file("in.txt", "c  a\n")
        .run(&[])
        .ran(&["split parts"])
        .unchanged(&["split parts"]);
}

/// The times of a directory change with what comes and goes in it; they are no content.
#[test]
fn a_touched_tree_is_the_same_tree() {
    split()
        .touch("parts/a", 1_000_000_000)
        .touch("parts", 2_000_000_000)
        .run(&[])
        .ran(&[])
        .file("parts/new", "")
        .remove("parts/new")
        .run(&[])
        .ran(&[]);
}

/// The edited tree is somebody's work: it is kept, and the job makes its own again.
#[test]
fn edits_in_a_directory_are_noticed_and_saved_as_a_whole() {
    let case = split()
        .file("parts/a", "edited\n")
        .run(&[])
        .ran(&["split parts"])
        .unchanged(&["split parts"])
        .because("split parts", "output-modified")
        .warned("parts was not what rulemake recorded last")
        .has("parts/a", "a\n")
        .has(".rulemake/saved/2/parts/a", "edited\n");
    case.file("parts/mine", "precious\n")
        .run(&[])
        .because("split parts", "output-modified")
        .has(".rulemake/saved/3/parts/mine", "precious\n")
        .has_not("parts/mine")
        .remove("parts/b")
        .run(&[])
        .because("split parts", "output-modified")
        .remove("parts")
        .run(&[])
        .ran(&["split parts"])
        .because("split parts", "output-missing")
        .run(&[])
        .ran(&[]);
}

#[test]
fn empty_directories_links_and_permissions_are_content() {
    let rulefile = "\
rule sum:
    input: 'd'
    output: 'sum.txt'
    shell: 'ls -lR {input} | wc -l > {output}'
rule make:
    output: directory('d')
    shell: 'mkdir -p {output}/empty; ln -s nowhere {output}/link; echo 1 > {output}/x'
";
    let case = Case::new().rulefile(rulefile).run(&["sum.txt"]).ran(&["make d", "sum sum.txt"]);
    fs::set_permissions(case.path("d/x"), fs::Permissions::from_mode(0o755)).unwrap();
    let case = case.run(&["sum.txt"]).ran(&["make d"]).because("make d", "output-modified");
    fs::remove_dir(case.path("d/empty")).unwrap();
    let case = case.run(&["sum.txt"]).ran(&["make d"]).because("make d", "output-modified");
    fs::remove_file(case.path("d/link")).unwrap();
    symlink("elsewhere", case.path("d/link")).unwrap();
    case.run(&["sum.txt"]).ran(&["make d"]).because("make d", "output-modified").run(&["sum.txt"]).ran(&[]);
}

#[test]
fn an_empty_directory_is_a_result() {
    Case::new()
        .rulefile("rule a:\n    output: directory('d')\n    shell: 'mkdir {output}'\n")
        .run(&[])
        .ran(&["a d"])
        .run(&[])
        .ran(&[]);
}

/// Declared one way and made the other way is a failure that says what to do.
#[test]
fn the_kind_must_be_the_declared_one() {
    Case::new()
        .rulefile("rule a:\n    output: directory('d')\n    shell: 'echo 1 > {output}'\n")
        .run_with_code(&[], 1)
        .stderr_has("d is a file, where a directory is due")
        .has_not("d")
        .rulefile("rule a:\n    output: 'd'\n    shell: 'mkdir {output}; touch {output}/x'\n")
        .run_with_code(&[], 1)
        .stderr_has("d is a directory, where a file is due")
        .stderr_has("directory(\"d\")")
        .has_not("d")
        .rulefile("rule a:\n    output: directory('d')\n    shell: 'ln -s nowhere {output}'\n")
        .run_with_code(&[], 1)
        .stderr_has("d is a link to nowhere, which does not exist");
}

/// A rule that changes its mind about the kind finds its own old output, and only that, out of the way.
#[test]
fn a_file_becomes_a_directory_and_a_directory_a_file() {
    let file = "rule a:\n    output: 'd'\n    shell: 'echo 1 > {output}'\n";
    let directory = "rule a:\n    output: directory('d')\n    shell: 'mkdir {output}; echo 1 > {output}/x'\n";
    Case::new()
        .rulefile(file)
        .run(&[])
        .rulefile(directory)
        .run(&[])
        .because("a d", "output-kind-changed")
        .has("d/x", "1\n")
        .rulefile(file)
        .run(&[])
        .because("a d", "output-kind-changed")
        .has("d", "1\n")
        .rulefile(directory)
        .run(&[])
        .file("d/mine", "precious")
        .rulefile(file)
        .run_with_code(&[], 1)
        .stderr_has("output `d` is a directory, where a file is to be made")
        .has("d/mine", "precious");
}

#[test]
fn a_failed_job_leaves_no_directory_behind() {
    let case = split()
        .edit("Rulefile", "done'", "done; exit 3'")
        .append("in.txt", "d\n")
        .run_with_code(&[], 1)
        .failed(&["split parts"])
        .has_not("parts");
    let kept = case.files(".rulemake/quarantine/2");
    assert!(kept.iter().any(|path| path.ends_with("/parts/d")), "{kept:?}");
    case.edit("Rulefile", "done; exit 3'", "done'")
        .run(&[])
        .ran(&["split parts", "count count.txt"])
        .has("count.txt", "a\nb\nd\n");
}

/// A link in the place of an output is unlinked; what it leads to is not ours.
#[test]
fn nothing_is_removed_through_a_link() {
    let case = split().file("outside/precious", "x").remove("parts");
    symlink("outside", case.path("parts")).unwrap();
    let case = case.run(&[]).ran(&["split parts"]).has("outside/precious", "x").has("parts/a", "a\n");
    assert!(!fs::symlink_metadata(case.path("parts")).unwrap().is_symlink());
}

/// An output may be a link to a directory: what it leads to is its content.
#[test]
fn a_link_to_a_directory_is_a_directory() {
    let rulefile = "\
rule count:
    input: 'd'
    output: 'count.txt'
    shell: 'ls {input}/ > {output}'
rule link:
    input: 'real'
    output: directory('d')
    shell: 'ln -s {input} {output}'
";
    Case::new()
        .rulefile(rulefile)
        .file("real/x", "1")
        .run(&["count.txt"])
        .ran(&["link d", "count count.txt"])
        .run(&["count.txt"])
        .ran(&[])
        .file("real/y", "2")
        .run(&["count.txt"])
        .ran(&["link d", "count count.txt"])
        .has("count.txt", "x\ny\n")
        .has("real/x", "1")
        .run(&["count.txt"])
        .ran(&[]);
}

// Directories as inputs.

const LIST: &str = "\
rule list:
    input: 'data'
    output: 'list.txt'
    shell: 'ls -R {input} > {output}'
";

/// No flag is needed for an input: what is there decides.
#[test]
fn an_input_directory_counts_with_all_that_is_in_it() {
    Case::new()
        .rulefile(LIST)
        .file("data/deep/x", "1")
        .run(&[])
        .ran(&["list list.txt"])
        .run(&[])
        .ran(&[])
        .touch("data/deep", 1_000_000_000)
        .run(&[])
        .ran(&[])
        .file_with_old_mtime("data/deep/x", "2")
        .run(&[])
        .ran(&["list list.txt"])
        .because("list list.txt", "input-changed")
        .file("data/y", "")
        .run(&[])
        .ran(&["list list.txt"])
        .remove("data/y")
        .run(&[])
        .ran(&["list list.txt"])
        .remove("data")
        .call_with_code(&[], 4)
        .stderr_has("missing input `data`");
}

/// What a job makes in its own input directory would be a change of its input each time.
#[test]
fn a_job_may_write_into_its_own_input_directory() {
    let rulefile = "\
rule index:
    input: 'data'
    output: 'data/index/all.txt'
    log: 'data/log.txt'
    shell: 'cat {input}/*.csv > {output} 2> {log}'
";
    Case::new()
        .rulefile(rulefile)
        .file("data/a.csv", "1\n")
        .run(&[])
        .ran(&["index data/index/all.txt"])
        .run(&[])
        .ran(&[])
        .file("data/b.csv", "2\n")
        .run(&[])
        .ran(&["index data/index/all.txt"])
        .has("data/index/all.txt", "1\n2\n")
        .run(&[])
        .ran(&[])
        .file("data/index/theirs", "")
        .run(&[])
        .ran(&["index data/index/all.txt"]);
}

#[test]
fn the_root_itself_may_be_an_input() {
    Case::new()
        .rulefile("rule a:\n    input: '.'\n    output: 'list.txt'\n    shell: 'ls > {output}'\n")
        .file("x", "")
        .run(&[])
        .ran(&["a list.txt"])
        .run(&[])
        .ran(&[])
        .file("y", "")
        .run(&[])
        .ran(&["a list.txt"]);
}

/// The result does not stand for what is there now, so it must be made again.
#[test]
fn a_directory_that_changes_while_it_is_read_is_noticed() {
    Case::new()
        .rulefile("rule a:\n    input: 'data'\n    output: 'list.txt'\n    shell: 'ls {input} > {output}; echo 1 > data/$(date +%N)'\n")
        .file("data/x", "")
        .run(&[])
        .ran(&["a list.txt"])
        .warned("input data changed while a list.txt ran")
        .edit("Rulefile", "; echo 1 > data/$(date +%N)", "")
        .run(&[])
        .ran(&["a list.txt"])
        .run(&[])
        .ran(&[]);
}

#[test]
fn what_is_no_file_in_an_input_directory_is_named() {
    let case = Case::new().rulefile(LIST).file("data/x", "");
    let _socket = std::os::unix::net::UnixListener::bind(case.path("data/sock")).unwrap();
    case.call_with_code(&[], 1).stderr_has("data/sock is a socket");
}

// Cleaning.

#[test]
fn clean_removes_directories_as_they_were_made() {
    split()
        .call(&["clean"])
        .stdout_has("parts\n")
        .call(&["clean", "--yes"])
        .stderr_has("removed 2 files")
        .has_not("parts")
        .has("in.txt", "a b\n")
        .run(&[])
        .ran(&["split parts", "count count.txt"])
        .file("parts/mine", "precious")
        .call(&["clean", "--yes"])
        .stderr_has("removed 1 file; 1 kept: accepted, or changed by hand")
        .has("parts/mine", "precious");
}

/// `kill -9` while a directory is half made: the half is not taken for the result, and not lost either.
#[test]
fn a_killed_run_does_not_leave_half_a_directory_as_good() {
    let case =
        Case::new().rulefile(&SPLIT.replace("done'", "done; touch half; sleep 30'")).file("in.txt", "a b\n");
    let mut running = case.start(&[]);
    case.wait_for("half");
    running.child.kill().unwrap();
    running.end();
    case.edit("Rulefile", "done; touch half; sleep 30'", "done'")
        .file("in.txt", "b\n")
        .run(&[])
        .ran(&["split parts", "count count.txt"])
        .because("split parts", "interrupted")
        .has("count.txt", "b\n")
        .run(&[])
        .ran(&[]);
}

/// A temporary directory goes as a whole when its last reader is done, and comes back when one must run again.
#[test]
fn a_temporary_directory_comes_and_goes() {
    let case = split()
        .edit("Rulefile", "directory('parts')", "temp(directory('parts'))")
        .remove("parts")
        .remove("count.txt")
        .run(&[])
        .ran(&["split parts", "count count.txt"])
        .has_not("parts")
        .run(&[])
        .ran(&[])
        .append("in.txt", "c\n")
        .run(&[])
        .ran(&["split parts", "count count.txt"])
        .has("count.txt", "a\nb\nc\n")
        .has_not("parts");
    case.edit("Rulefile", "cat {input}/*", "cat {input}/* /dev/null")
        .run(&[])
        .ran(&["split parts", "count count.txt"])
        .because("split parts", "needed-by")
        .has_not("parts")
        .run(&[])
        .ran(&[]);
}

// Files in directories that jobs make.

const INSIDE: &str = "\
rule all:
    input: 'picked/a.txt', 'picked/b.txt'

rule pick:
    input: 'parts/{s}/one.txt'
    output: 'picked/{s}.txt'
    shell: 'cp {input} {output}'

rule split:
    input: 'in/{s}.txt'
    output: directory('parts/{s}')
    shell: 'mkdir {output}; cp {input} {output}/one.txt; date +%N > {output}/two.txt'
";

fn inside() -> Case {
    Case::new().rulefile(INSIDE).file("in/a.txt", "a\n").file("in/b.txt", "b\n").run(&[]).ran(&[
        "split parts/a",
        "split parts/b",
        "pick picked/a.txt",
        "pick picked/b.txt",
    ])
}

/// The job that makes the directory is the producer of what is in it; each reader follows its own file.
#[test]
fn a_file_in_a_directory_is_made_by_the_directorys_job() {
    inside()
        .run(&[])
        .ran(&[])
        .append("in/a.txt", "more\n")
        .run(&[])
        .ran(&["split parts/a", "pick picked/a.txt"])
        .has("picked/a.txt", "a\nmore\n")
        .remove("parts/a")
        .run(&[])
        .ran(&["split parts/a"])
        .run(&["parts/b/two.txt"])
        .ran(&[])
        .up_to_date(1);
}

#[test]
fn why_and_dry_run_know_the_producer_of_a_file_in_a_directory() {
    let case = inside().append("in/b.txt", "more\n");
    let verdict = |job: &str, verdict: &str| (job.to_string(), verdict.to_string());
    let plan = case.plan(&["picked/b.txt"]);
    assert_eq!(plan, [verdict("split parts/b", "run"), verdict("pick picked/b.txt", "may")]);
    case.call(&["why", "parts/b/one.txt"]).stdout_has("parts/b/one.txt will be made by rule split");
}

/// A file that is wanted and not made fails the job that was to make it, with a sentence that names it.
#[test]
fn a_directory_without_the_wanted_file_is_a_failure() {
    Case::new()
        .rulefile(INSIDE)
        .edit("Rulefile", "/one.txt'", "/three.txt'")
        .file("in/a.txt", "a\n")
        .run_with_code(&["picked/a.txt"], 1)
        .failed(&["split parts/a"])
        .stderr_has("did not create parts/a/three.txt");
    inside()
        .run_with_code(&["parts/a/three.txt"], 1)
        .because("split parts/a", "output-missing")
        .failed(&["split parts/a"])
        .stderr_has("did not create parts/a/three.txt")
        .run(&[])
        .ran(&["split parts/a"]);
}

#[test]
fn a_reader_of_a_file_in_a_temporary_directory_holds_the_directory() {
    inside()
        .edit("Rulefile", "directory('parts/{s}')", "temp(directory('parts/{s}'))")
        .remove("parts")
        .remove("picked")
        .run(&[])
        .has_not("parts/a")
        .run(&[])
        .ran(&[])
        .edit("Rulefile", "cp {input} {output}'\n\nrule split", "cat {input} > {output}'\n\nrule split")
        .append("in/b.txt", "more\n")
        .run(&[])
        .ran(&["split parts/a", "split parts/b", "pick picked/a.txt", "pick picked/b.txt"])
        .because("split parts/a", "needed-by")
        .has("picked/b.txt", "b\nmore\n")
        .has_not("parts/b")
        .run(&[])
        .ran(&[]);
}

/// What another job has in a directory would be removed with it.
#[test]
fn jobs_do_not_work_in_each_others_directories() {
    let nested = "\
rule all:
    input: 'd', 'd/x.txt'
rule a:
    output: directory('d')
    shell: 'mkdir {output}'
rule b:
    output: 'd/{n}.txt'
    shell: 'touch {output}'
";
    Case::new()
        .rulefile(nested)
        .call_with_code(&[], 4)
        .stderr_has("output `d/x.txt` of rule `b` lies in the directory `d`, which rule `a` makes")
        .rulefile(
            &nested.replace("'d/x.txt'", "'x.txt'").replace("'d/{n}.txt'", "'{n}.txt'\n    log: 'd/{n}.log'"),
        )
        .call_with_code(&[], 4)
        .stderr_has("log `d/x.log` of rule `b` lies in the directory `d`, which rule `a` makes")
        .rulefile("rule a:\n    input: 'd/x.txt'\n    output: directory('d')\n    shell: 'mkdir d'\n")
        .file("d/x.txt", "precious")
        .call_with_code(&[], 4)
        .stderr_has("rule `a` reads `d/x.txt` from the directory `d`, which it makes itself")
        .has("d/x.txt", "precious");
}

/// What a checkpoint found in its directory is read from there: the directory's job is the producer of each file.
#[test]
fn files_in_the_directory_of_a_checkpoint_have_a_producer() {
    let rulefile = "\
def found(wildcards):
    directory = checkpoints.split.get().output[0]
    return expand('counted/{w}.txt', w=glob_wildcards(os.path.join(directory, '{w}.txt')).w)

rule all:
    input: found
    output: 'all.txt'
    shell: 'cat {input} > {output}'

rule count:
    input: 'parts/{w}.txt'
    output: 'counted/{w}.txt'
    shell: 'wc -c < {input} > {output}'

checkpoint split:
    input: 'in.txt'
    output: directory('parts')
    shell: 'mkdir {output}; for w in $(cat {input}); do echo $w > {output}/$w.txt; done'
";
    let case = Case::new()
        .rulefile(&format!("import os\n{rulefile}"))
        .file("in.txt", "a bb\n")
        .run(&[])
        .ran(&["split parts", "count counted/a.txt", "count counted/bb.txt", "all all.txt"])
        .has("all.txt", "2\n3\n")
        .run(&[])
        .ran(&[])
        .up_to_date(4)
        .file("in.txt", "a ccc\n")
        .run(&[])
        .ran(&["split parts", "count counted/ccc.txt", "all all.txt"])
        .has("all.txt", "2\n4\n");
    case.append("Rulefile", "rule spoil:\n    output: 'parts/{w}.spoilt'\n    shell: 'touch {output}'\n")
        .edit("Rulefile", "expand('counted/{w}.txt'", "expand('parts/{w}.spoilt'")
        .run_with_code(&[], 1)
        .stderr_has(
            "input `parts/a.spoilt` does not exist: rule `split` made the directory `parts` without it",
        );
}

/// Big files are often linked into a directory: who reads it reads through the links.
#[test]
fn a_link_to_a_file_in_an_input_directory_counts_as_that_file() {
    let case = Case::new()
        .rulefile("rule a:\n    input: 'data'\n    output: 'sum'\n    shell: 'cat {input}/* > {output}'\n")
        .file("store/big", "1\n")
        .file("data/small", "0\n");
    symlink("../store/big", case.path("data/big")).unwrap();
    let case = case.run(&[]).ran(&["a sum"]).touch("store/big", 2_000_000_000).run(&[]).ran(&[]);
    case.file("store/big", "2\n").run(&[]).ran(&["a sum"]).has("sum", "2\n0\n").run(&[]).ran(&[]);
}

/// Promise: an output in a directory that the same rule makes does not keep the two from being made again.
#[test]
fn a_directory_with_another_output_in_it_is_made_again() {
    let rule = "rule n:\n    input: 'in'\n    output: directory('o'), 'o/b', directory('o/s')\n    shell: 'mkdir -p o/s; cp in o/b; cp in o/s/x'\n";
    let case = Case::new().rulefile(rule).file("in", "1\n").run(&[]).ran(&["n o"]);
    let case = case.run(&["-F"]).ran(&["n o"]).file("in", "2\n").run(&[]).ran(&["n o"]).has("o/b", "2\n");
    let case = case.file("o/s/x", "mine\n").run(&[]).ran(&["n o"]).has("o/s/x", "2\n");
    case.stderr_has("that copy is kept in ").run(&[]).ran(&[]);
}
