//! What a user relies on, through the real binary.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::Case;

const CHAIN: &str = "\
rule report:
    input: expand('clean/{s}.tsv', s=['a', 'b'])
    output: 'report.txt'
    shell: 'cat {input} > {output}'

rule clean:
    input: 'raw/{s}.csv'
    output: 'clean/{s}.tsv'
    shell: 'grep -v bad {input} > {output}'
";

fn chain() -> Case {
    Case::new()
        .rulefile(CHAIN)
        .file("raw/a.csv", "1\nbad\n")
        .file("raw/b.csv", "2\n")
        .run(&[])
        .ran(&["clean clean/a.tsv", "clean clean/b.tsv", "report report.txt"])
        .has("report.txt", "1\n2\n")
}

#[test]
fn a_second_run_does_nothing() {
    chain().run(&[]).ran(&[]).up_to_date(3);
}

#[test]
fn an_edit_runs_what_depends_on_it() {
    chain()
        .append("raw/b.csv", "3\n")
        .run(&[])
        .ran(&["clean clean/b.tsv", "report report.txt"])
        .because("clean clean/b.tsv", "input-changed")
        .has("report.txt", "1\n2\n3\n");
}

#[test]
fn an_edit_without_effect_stops_where_it_has_none() {
    chain()
        .append("raw/a.csv", "bad\n")
        .run(&[])
        .ran(&["clean clean/a.tsv"])
        .unchanged(&["clean clean/a.tsv"]);
}

#[test]
fn other_content_with_the_old_time_is_noticed_and_a_touch_is_none() {
    chain()
        .touch("raw/a.csv", 2_000_000_000)
        .run(&[])
        .ran(&[])
        .touch("raw/a.csv", 1_000_000_000)
        .run(&[])
        .ran(&[])
        .file_with_old_mtime("raw/a.csv", "9\nbad\n")
        .run(&[])
        .ran(&["clean clean/a.tsv", "report report.txt"])
        .has("report.txt", "9\n2\n");
}

#[test]
fn a_failure_is_not_taken_for_a_result() {
    chain()
        .edit("Rulefile", "grep -v bad {input} > {output}", "echo half > {output}; false")
        .run_with_code(&[], 1)
        .has_not("clean/a.tsv")
        .edit("Rulefile", "echo half > {output}; false", "grep -v bad {input} > {output}")
        .append("raw/a.csv", "8\n")
        .run(&[])
        .has("report.txt", "1\n8\n2\n")
        .run(&[])
        .ran(&[]);
}

#[test]
fn names_full_of_shell_characters_are_just_names() {
    let name = "it's $HOME `id` \"x\" & (y) *";
    let input = format!("in/{name}.txt");
    let output = format!("out/{name}.txt");
    Case::new()
        .rulefile(
            "rule copy:\n    input: 'in/{n}.txt'\n    output: 'out/{n}.txt'\n    \
             shell: \"cp {input} {output}; echo '{wildcards.n}' >> \\\"{output}\\\"\"\n",
        )
        .file(&input, "1\n")
        .run(&[output.as_str()])
        .ran(&[format!("copy {output}").as_str()])
        .has(&output, &format!("1\n{name}\n"));
}

/// Promise: a link that a job made to its own input is no edit of anybody's when the input is made anew.
#[test]
fn an_output_that_is_a_link_to_an_input_is_made_again_without_ado() {
    let case = Case::new()
        .rulefile(
            "rule b:\n    input: 'a.txt'\n    output: 'b.txt'\n    shell: 'ln -s {input} {output}'\n\
             rule a:\n    input: 'i.txt'\n    output: 'a.txt'\n    shell: 'cp {input} {output}'\n",
        )
        .file("i.txt", "1\n")
        .run(&[])
        .file("i.txt", "2\n")
        .run(&[])
        .ran(&["a a.txt", "b b.txt"])
        .has("b.txt", "2\n")
        .has_not(".rulemake/saved");
    assert_eq!(case.last().of("warning").count(), 0);
    // What leads elsewhere is somebody's.
    std::fs::remove_file(case.path("b.txt")).unwrap();
    let case = case.file("mine.txt", "mine\n");
    std::os::unix::fs::symlink("mine.txt", case.path("b.txt")).unwrap();
    let case = case.run(&[]).ran(&["b b.txt"]).has("b.txt", "2\n").has("mine.txt", "mine\n");
    assert!(case.path(".rulemake/saved").is_dir());
}
