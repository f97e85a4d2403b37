//! Where engines that compare modification times, or remember too little, are known to go wrong. Each test carries the
//! number of its scenario (B1, W1 ...) and the promise that rulemake keeps there; beside the first of each stands what
//! Snakemake does. W20 to W22 are in `interrupts.rs`, W10 (a script that a command names but no input) is the lint
//! `undeclared-file`. W16 is not a number.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use support::{Case, program};

/// raw -> clean -> final, and a second chain beside it that must stay alone.
const CHAIN: &str = "\
rule all:
    input: 'final.txt', 'other.txt'

rule final:
    input: 'clean.txt'
    output: 'final.txt'
    shell: 'sort {input} > {output}'

rule clean:
    input: 'raw.txt'
    output: 'clean.txt'
    shell: 'grep -v bad {input} > {output}'

rule other:
    input: 'beside.txt'
    output: 'other.txt'
    shell: 'cp {input} {output}'
";

fn chain() -> Case {
    Case::new()
        .rulefile(CHAIN)
        .file("raw.txt", "2\n1\nbad\n")
        .file("beside.txt", "x\n")
        .run(&[])
        .ran(&["clean clean.txt", "final final.txt", "other other.txt"])
        .has("final.txt", "1\n2\n")
}

/// The only file under `.rulemake/saved` that was saved as `name`.
#[track_caller]
fn saved(case: &Case, name: &str) -> String {
    let runs = fs::read_dir(case.path(".rulemake/saved")).unwrap();
    let found: Vec<_> = runs.map(|run| run.unwrap().path().join(name)).filter(|path| path.exists()).collect();
    assert_eq!(found.len(), 1, "saved copies of {name}: {found:?}");
    fs::read_to_string(&found[0]).unwrap()
}

/// Snakemake 9.27: the second run says "Nothing to be done" with exit code 0, and the stale final stays.
#[test]
fn b1_a_failed_intermediate_keeps_failing_until_it_is_mended() {
    let case = chain().file("raw.txt", "bad\n");
    // grep finds nothing and ends with 1; the old final is still there and must not be taken for good.
    let case = case
        .run_with_code(&[], 1)
        .failed(&["clean clean.txt"])
        .has_not("clean.txt")
        .run_with_code(&[], 1)
        .failed(&["clean clean.txt"])
        .because("clean clean.txt", "input-changed")
        .because("clean clean.txt", "failed-before")
        .run_with_code(&["final.txt"], 1)
        .failed(&["clean clean.txt"])
        .skipped(&["final final.txt"]);
    case.file("raw.txt", "3\n")
        .run(&[])
        .ran(&["clean clean.txt", "final final.txt"])
        .has("final.txt", "3\n")
        .run(&[])
        .ran(&[]);
}

#[test]
fn b1_a_failed_intermediate_runs_again_also_when_its_input_is_put_back() {
    chain()
        .file("raw.txt", "bad\n")
        .run_with_code(&[], 1)
        .file("raw.txt", "2\n1\nbad\n")
        .run(&[])
        .ran(&["clean clean.txt"])
        .unchanged(&["clean clean.txt"])
        .has("final.txt", "1\n2\n")
        .run(&[])
        .ran(&[]);
}

/// Snakemake 9.27: nothing to be done; the intermediate stays away.
#[test]
fn w1_a_deleted_intermediate_is_made_again_and_the_final_is_not() {
    chain()
        .remove("clean.txt")
        .run(&[])
        .ran(&["clean clean.txt"])
        .because("clean clean.txt", "output-missing")
        .unchanged(&["clean clean.txt"])
        .has("clean.txt", "2\n1\n");
}

/// Snakemake 9.27: what comes after is made from the edit, and the intermediate is never made again.
#[test]
fn w2_an_edited_intermediate_is_saved_and_made_again_and_nothing_is_made_from_the_edit() {
    let case = chain()
        .file("clean.txt", "tampered\n")
        .run(&[])
        .ran(&["clean clean.txt"])
        .because("clean clean.txt", "output-modified")
        .unchanged(&["clean clean.txt"])
        .warned("clean.txt was not what rulemake recorded last")
        .has("clean.txt", "2\n1\n")
        .has("final.txt", "1\n2\n");
    assert_eq!(saved(&case, "clean.txt"), "tampered\n");
    case.run(&[]).ran(&[]);
}

#[test]
fn w2_an_edit_of_the_same_size_with_the_old_time_is_noticed_too() {
    let case = chain().file_with_old_mtime("clean.txt", "1\n2\n").run(&[]).ran(&["clean clean.txt"]);
    assert_eq!(saved(&case, "clean.txt"), "1\n2\n");
}

/// Snakemake 9.27: nothing to be done.
#[test]
fn w3_an_edited_final_is_saved_and_made_again() {
    let case = chain()
        .append("final.txt", "my note\n")
        .run(&[])
        .ran(&["final final.txt"])
        .because("final final.txt", "output-modified")
        .has("final.txt", "1\n2\n");
    assert_eq!(saved(&case, "final.txt"), "1\n2\nmy note\n");
    case.run(&[]).ran(&[]);
}

/// Snakemake 9.27: nothing to be done, for the date is older.
#[test]
fn w4_other_content_with_an_older_time_is_noticed() {
    chain()
        .file("raw.txt", "2\n5\nbad\n")
        .touch("raw.txt", 1_000_000_000)
        .run(&[])
        .ran(&["clean clean.txt", "final final.txt"])
        .because("clean clean.txt", "input-changed")
        .has("final.txt", "2\n5\n");
}

#[test]
fn w4_another_file_renamed_over_a_source_with_the_same_size_and_time_is_noticed() {
    let case = chain().file("elsewhere.txt", "2\n7\nbad\n");
    let time = filetime::FileTime::from_last_modification_time(&fs::metadata(case.path("raw.txt")).unwrap());
    filetime::set_file_mtime(case.path("elsewhere.txt"), time).unwrap();
    case.rename("elsewhere.txt", "raw.txt")
        .run(&[])
        .ran(&["clean clean.txt", "final final.txt"])
        .has("final.txt", "2\n7\n");
}

/// Snakemake 9.27: nothing for a small file, a full rerun for one above a megabyte.
#[test]
fn w5_w6_a_touched_source_runs_nothing_whether_small_or_large() {
    let large = "0123456789abcde\n".repeat(400_000);
    chain()
        .file("raw.txt", &large)
        .run(&[])
        .ran(&["clean clean.txt", "final final.txt"])
        .touch("raw.txt", 2_000_000_000)
        .touch("beside.txt", 2_000_000_000)
        .run(&[])
        .ran(&[])
        .up_to_date(3)
        .touch("raw.txt", 1_000_000_000)
        .run(&[])
        .ran(&[]);
}

/// What the second run without changes reads must not depend on how large the files are.
#[cfg(target_os = "linux")]
#[test]
fn w5_w6_once_looked_at_a_touched_source_is_not_read_again() {
    let large = "0123456789abcde\n".repeat(400_000);
    let case = chain().file("raw.txt", &large).run(&[]).touch("raw.txt", 1_900_000_000);
    // Digests of files that were changed a moment ago are not trusted without another look.
    std::thread::sleep(std::time::Duration::from_millis(100));
    let case = case.run(&[]).ran(&[]).run(&[]).ran(&[]);
    let command = "\"$0\" \"$@\" >/dev/null 2>&1; while read -r name bytes; do \
                   [ \"$name\" = rchar: ] && echo \"$bytes\"; done < /proc/$$/io";
    let read = |args: &[&str]| -> u64 {
        let mut shell = program("bash");
        shell.args(["-c", command, env!("CARGO_BIN_EXE_rulemake")]).args(args).current_dir(case.root());
        let output = shell.output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    let (idle, all) = (read(&["--version"]), read(&[]));
    assert!(all - idle < 1_000_000, "a run that does nothing read {} bytes", all - idle);
}

/// Snakemake 9.27: nothing to be done, for params are compared as a set of values.
#[test]
fn w7_swapped_params_are_noticed() {
    Case::new()
        .rulefile(
            "rule a:\n    output: 'a'\n    params: x=1, y=2\n    shell: 'echo {params.x} {params.y} > {output}'\n",
        )
        .run(&[])
        .has("a", "1 2\n")
        .edit("Rulefile", "x=1, y=2", "x=2, y=1")
        .run(&[])
        .ran(&["a a"])
        .because("a a", "param-changed")
        .has("a", "2 1\n")
        .run(&[])
        .ran(&[]);
}

#[test]
fn w7_the_order_in_which_params_are_written_does_not_count() {
    Case::new()
        .rulefile(
            "rule a:\n    output: 'a'\n    params: x=1, y=2\n    shell: 'echo {params.x} {params.y} > {output}'\n",
        )
        .run(&[])
        .edit("Rulefile", "x=1, y=2", "y=2, x=1")
        .run(&[])
        .ran(&[]);
}

/// Snakemake 9.27: nothing to be done, for only the template of the command is compared.
#[test]
fn w8_a_global_in_a_command_is_part_of_it() {
    Case::new()
        .rulefile(
            "V = 5\nUNUSED = 1\n\nrule a:\n    output: 'a'\n    shell: 'echo {V} > {output}'\n\n\
             rule b:\n    input: 'a'\n    output: 'b'\n    shell: 'cp {input} {output}'\n",
        )
        .run(&["b"])
        .has("b", "5\n")
        .edit("Rulefile", "UNUSED = 1", "UNUSED = 2")
        .run(&["b"])
        .ran(&[])
        .edit("Rulefile", "V = 5", "V = 6")
        .run(&["b"])
        .ran(&["a a", "b b"])
        .because("a a", "command-changed")
        .has("b", "6\n");
}

/// Snakemake 9.27: nothing to be done, for the list of inputs is compared sorted.
#[test]
fn w9_the_order_of_inputs_counts() {
    Case::new()
        .rulefile("rule a:\n    input: 'x', 'y'\n    output: 'a'\n    shell: 'cat {input} > {output}'\n")
        .file("x", "x\n")
        .file("y", "y\n")
        .run(&[])
        .has("a", "x\ny\n")
        .edit("Rulefile", "'x', 'y'", "'y', 'x'")
        .run(&[])
        .ran(&["a a"])
        .because("a a", "inputs-reordered")
        .has("a", "y\nx\n")
        .run(&[])
        .ran(&[]);
}

#[test]
fn w9_two_inputs_that_swap_their_names_are_noticed() {
    Case::new()
        .rulefile(
            "rule a:\n    input: p='x', q='y'\n    output: 'a'\n    shell: 'cat {input.p} {input.q} > {output}'\n",
        )
        .file("x", "x\n")
        .file("y", "y\n")
        .run(&[])
        .edit("Rulefile", "p='x', q='y'", "q='x', p='y'")
        .run(&[])
        .ran(&["a a"])
        .has("a", "y\nx\n");
}

fn with_script() -> Case {
    Case::new()
        .rulefile(
            "rule a:\n    input: script='make.sh', data='in'\n    output: 'a'\n    \
             shell: 'sh {input.script} < {input.data} > {output}'\n",
        )
        .file("make.sh", "tr a b\n")
        .file("in", "aaa\n")
        .run(&[])
        .has("a", "bbb\n")
}

/// Snakemake 9.27: the job runs.
#[test]
fn w11_a_touched_script_runs_nothing() {
    with_script().touch("make.sh", 2_000_000_000).run(&[]).ran(&[]);
}

/// Snakemake 9.27: nothing to be done, for the date is older.
#[test]
fn w12_a_changed_script_is_noticed_also_with_an_older_time() {
    with_script()
        .file("make.sh", "tr a c\n")
        .touch("make.sh", 1_000_000_000)
        .run(&[])
        .ran(&["a a"])
        .because("a a", "input-changed")
        .has("a", "ccc\n");
}

/// Snakemake 9.27: the job runs, and all after it.
#[test]
fn w13_other_blanks_within_a_command_run_its_job_and_nothing_after_it() {
    chain()
        .edit("Rulefile", "grep -v bad {input}", "grep  -v bad  {input}")
        .run(&[])
        .ran(&["clean clean.txt"])
        .because("clean clean.txt", "command-changed")
        .unchanged(&["clean clean.txt"])
        .run(&[])
        .ran(&[]);
}

#[test]
fn w13_indentation_trailing_blanks_and_comments_around_a_command_run_nothing() {
    let rulefile = "rule a:\n    output: 'a'\n    shell:\n        \"\"\"\n        echo 1 > {output}\n        \
                    echo 2 >> {output}\n        \"\"\"\n";
    let other = "# A comment.\nrule a:\n  'What it does.'\n  output:\n      'a'  # here\n  shell:\n    '''\n    \
                 echo 1 > {output}  \n    echo 2 >> {output}\n    '''\n";
    Case::new().rulefile(rulefile).run(&[]).has("a", "1\n2\n").rulefile(other).run(&[]).ran(&[]);
}

/// Snakemake 9.27: all five jobs run.
#[test]
fn w18_a_result_without_a_change_stops_the_runs_after_it() {
    let rulefile = "rule last:\n    input: 'd4'\n    output: 'last'\n    shell: 'cp {input} {output}'\n\n\
                    rule first:\n    input: 'source'\n    output: 'd0'\n    shell: 'head -n 1 {input} > {output}'\n\n";
    let steps: String = (1..5)
        .map(|i| {
            let from = i - 1;
            format!(
                "rule s{i}:\n    input: 'd{from}'\n    output: 'd{i}'\n    shell: 'cp {{input}} {{output}}'\n\n"
            )
        })
        .collect();
    let case = Case::new().rulefile(&(rulefile.to_string() + &steps)).file("source", "1\n2\n").run(&[]);
    let plan = case.append("source", "3\n");
    let verdicts = plan.plan(&[]);
    let may = verdicts.iter().filter(|(_, verdict)| verdict == "may").count();
    assert_eq!(may, 5, "what comes after may run: {verdicts:?}");
    plan.run(&[]).ran(&["first d0"]).unchanged(&["first d0"]).up_to_date(5).run(&[]).ran(&[]);
}

const TWO_WAYS: &str = "\
rule all:
    input: 'out/a.txt'

rule packed:
    input: 'packed/{s}.gz'
    output: 'out/{s}.txt'
    shell: 'gunzip -c {input} > {output}'

rule plain:
    input: 'plain/{s}.txt'
    output: 'out/{s}.txt'
    shell: 'cp {input} {output}'
";

/// Snakemake 9.27: the candidate is dropped without a word.
#[test]
fn w23_a_candidate_whose_input_is_missing_is_passed_over_and_why_says_so() {
    let case = Case::new().rulefile(TWO_WAYS).file("plain/a.txt", "1\n").run(&[]).ran(&["plain out/a.txt"]);
    case.call(&["why", "out/a.txt"]).stdout_has("is up to date").stdout_has(
        "rule packed could make it too, but its input packed/a.gz does not exist and cannot be made",
    );
}

#[test]
fn w23_a_source_that_a_rule_could_have_made_is_told_why_it_was_not() {
    Case::new()
        .rulefile(TWO_WAYS)
        .file("out/a.txt", "by hand\n")
        .call(&["why", "out/a.txt"])
        .stdout_has("is a source")
        .stdout_has("rule packed could make it too, but its input packed/a.gz")
        .stdout_has("rule plain could make it too, but its input plain/a.txt")
        .run(&[])
        .ran(&[]);
}

#[test]
fn w23_when_no_candidate_can_run_each_is_explained() {
    Case::new()
        .rulefile(TWO_WAYS)
        .call_with_code(&[], 4)
        .stderr_has("packed/a.gz")
        .stderr_has("plain/a.txt")
        .stderr_has("out/a.txt");
}

/// Thirty lines and more, the mistake in line 30.
fn long_rulefile(line_30: &str) -> String {
    let mut text = String::from("# Comment.\nconfigfile_is_not_used = 1\n\n");
    for i in 0..5 {
        text.push_str(&format!("rule r{i}:\n    output: 'o{i}'\n    shell:\n        'touch {{output}}'\n\n"));
    }
    text.push('\n');
    assert_eq!(text.lines().count(), 29);
    format!("{text}{line_30}\n    output: 'merged'\n    shell: 'touch {{output}}'\n")
}

/// Snakemake 9.27: the line that it names is another one (14 for 30).
#[test]
fn w24_a_missing_colon_is_reported_where_it_is_missing() {
    Case::new().rulefile(&long_rulefile("rule merge")).call_with_code(&[], 3).stderr_has("Rulefile:30:11");
}

#[test]
fn w24_an_unknown_section_is_reported_in_its_line() {
    let text = long_rulefile("rule merge:").replace("    output: 'merged'", "    otput: 'merged'");
    Case::new().rulefile(&text).call_with_code(&[], 3).stderr_has("Rulefile:31:5").stderr_has("output");
}

#[test]
fn w24_an_unknown_name_in_a_command_is_reported_in_its_line() {
    let text = long_rulefile("rule merge:")
        .replace("'o3'\n    shell:\n        'touch", "'o3'\n    shell:\n        'touch {inptu}");
    Case::new().rulefile(&text).call_with_code(&[], 3).stderr_has("Rulefile:22:").stderr_has("inptu");
}

#[test]
fn w24_an_open_bracket_is_reported_where_it_was_opened() {
    let text = long_rulefile("rule merge:\n    input: expand('x{i}', i=[1, 2]");
    Case::new().rulefile(&text).call_with_code(&[], 3).stderr_has("Rulefile:31:");
}

#[test]
fn w24_an_error_in_an_included_file_names_that_file() {
    Case::new()
        .rulefile("include: 'rules/more.rules'\n")
        .file("rules/more.rules", "\n\nrule a\n    output: 'x'\n")
        .call_with_code(&[], 3)
        .stderr_has("rules/more.rules:3:7");
}

/// Snakemake 9.27: nothing to be done, as here: threads decide how fast a job is, not what it makes.
#[test]
fn w14_other_threads_are_no_reason_also_when_the_command_names_them() {
    Case::new()
        .rulefile("rule r:\n    output: 'o'\n    threads: 1\n    shell: 'echo {threads} > {output}'\n")
        .run(&["-j4"])
        .ran(&["r o"])
        .edit("Rulefile", "threads: 1", "threads: 3")
        .run(&["-j4"])
        .ran(&[])
        .has("o", "1\n");
}

/// Snakemake 9.27: nothing to be done.
#[test]
fn w15_a_changed_function_that_run_calls_is_noticed() {
    Case::new()
        .rulefile(
            "def text():\n    return 'one'\n\nrule r:\n    output: 'o'\n    run:\n        \
             with open(output[0], 'w') as f:\n            f.write(text())\n",
        )
        .run(&[])
        .ran(&["r o"])
        .edit("Rulefile", "'one'", "'two'")
        .run(&[])
        .ran(&["r o"])
        .has("o", "two");
}

/// Snakemake 9.27: an edit of a file in an input directory is not seen; a new file is, by the directory's date.
#[test]
fn w17_an_input_directory_is_all_that_is_in_it() {
    Case::new()
        .rulefile("rule r:\n    input: 'd'\n    output: 'o'\n    shell: 'cat {input}/* > {output}'\n")
        .file("d/a", "1\n")
        .run(&[])
        .ran(&["r o"])
        .file_with_old_mtime("d/a", "2\n")
        .run(&[])
        .ran(&["r o"])
        .because("r o", "input-changed")
        .has("o", "2\n")
        .file("d/b", "3\n")
        .run(&[])
        .ran(&["r o"])
        .touch("d", 2_000_000_000)
        .touch("d/a", 2_000_000_000)
        .run(&[])
        .ran(&[]);
}

/// Snakemake 9.27: `--rerun-triggers params` still looks at dates. Here no option is needed: a date is never a reason.
#[test]
fn w19_dates_are_no_reason_whatever_is_asked_for() {
    chain().touch("raw.txt", 2_000_000_000).touch("clean.txt", 1_000_000_000).run(&[]).ran(&[]);
}
