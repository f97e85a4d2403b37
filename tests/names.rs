//! Names of files as they come: whatever they hold, they are names, and one file has one name.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::Case;

const COPY: &str = "\
rule copy:
    input: 'in/{n}.txt'
    output: 'out/{n}.txt'
    shell: 'cat {input} > {output}'

rule quoted:
    input: 'in/{n}.txt'
    output: 'quoted/{n}.txt'
    shell: '''cat \"{input}\" '{input}' {input:q} > \"{output}\"; echo '{wildcards.n}' \"{wildcards.n}\" {wildcards.n} >> {output:q}'''
";

const ODD: [&str; 17] = [
    "two words",
    " led by a blank",
    "it's",
    "say \"hi\"",
    "line\nbreak",
    "tab\there",
    "żółć 漢字 🦀",
    "-rf",
    "--help",
    "$(touch hacked)",
    "`touch hacked`",
    "$HOME ${PATH}",
    "*",
    "a;touch hacked;&|b",
    "back\\slash",
    "[a-z]? {a,b}",
    "#no comment!~",
];

#[test]
fn odd_names_are_just_names_bare_and_quoted() {
    for name in ODD {
        let (copied, quoted) = (format!("out/{name}.txt"), format!("quoted/{name}.txt"));
        let case = Case::new()
            .rulefile(COPY)
            .file(&format!("in/{name}.txt"), "1\n")
            .run(&["--", &copied, &quoted])
            .ran(&[&format!("copy {copied}"), &format!("quoted {quoted}")])
            .has(&copied, "1\n")
            .has(&quoted, &format!("1\n1\n1\n{name} {name} {name}\n"))
            .run(&["--", &copied, &quoted])
            .ran(&[])
            .has_not("hacked");
        assert_eq!(case.files("out"), std::slice::from_ref(&copied), "{name:?}");
        let case =
            case.call(&["why", "--", &copied]).call(&["log", "--", &copied]).call(&["-n", "--", &copied]);
        let told = format!("{}{}", case.last().stdout, case.last().stderr);
        assert!(!told.contains("\n\n\n") && !told.contains('\t'), "{told}");
    }
}

#[test]
fn odd_names_are_found_by_glob_wildcards() {
    let rulefile = format!(
        "rule all:\n    input: expand('out/{{n}}.txt', n=glob_wildcards('in/{{n}}.txt').n)\n\n{COPY}"
    );
    // What `expand` gives is a pattern, as in Snakemake: braces in it are wildcards.
    let names: Vec<&str> = ODD.into_iter().filter(|name| !name.contains('{')).collect();
    let mut case = Case::new().rulefile(&rulefile);
    for name in &names {
        case = case.file(&format!("in/{name}.txt"), name);
    }
    let case = case.run(&[]).has_not("hacked");
    for name in &names {
        assert_eq!(case.read(&format!("out/{name}.txt")), *name);
    }
    case.run(&[]).ran(&[]).up_to_date(names.len());
}

#[test]
fn a_leading_dash_at_the_root_is_no_option() {
    Case::new()
        .rulefile("rule copy:\n    input: '{n}.in'\n    output: '{n}.out'\n    shell: 'cp {input} {output}; wc -c {output}'\n")
        .file("-n.in", "1\n")
        .run(&["--", "-n.out"])
        .has("-n.out", "1\n");
}

#[test]
fn one_file_has_one_name_however_it_is_written() {
    let case = Case::new().rulefile(COPY).file("in/a.txt", "1\n");
    let case = case.run(&["out/a.txt"]).ran(&["copy out/a.txt"]);
    let absolute = case.path("out/a.txt");
    let case = case.run(&["./out//a.txt", "out/./a.txt", "out/x/../a.txt", absolute.to_str().unwrap()]);
    case.ran(&[]).up_to_date(1);
}

#[test]
fn the_spelling_of_paths_in_rules_does_not_count() {
    Case::new()
        .rulefile("rule b:\n    input: './/a'\n    output: 'b'\n    shell: 'cp {input} {output}'\n\nrule a:\n    output: './a'\n    shell: 'echo 1 > {output}'\n")
        .run(&["b"])
        .ran(&["a a", "b b"])
        .edit("Rulefile", ".//a", "a")
        .run(&["b"])
        .ran(&[]);
}

#[test]
fn in_a_subdirectory_targets_are_relative_to_it_and_jobs_run_in_the_root() {
    let case =
        Case::new().rulefile(COPY).file("in/a.txt", "1\n").file("in/b.txt", "2\n").file("out/keep", "");
    let run = |args: &[&str]| {
        let output = case.command(args).current_dir(case.path("out")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["a.txt"]);
    run(&["../out/b.txt"]);
    let case = case.has("out/a.txt", "1\n").has("out/b.txt", "2\n");
    case.run(&["-C", "out", "a.txt", "b.txt"]).ran(&[]).up_to_date(2);
}

#[test]
fn with_c_the_state_is_in_that_directory() {
    let case = Case::new()
        .file("sub/Rulefile", COPY)
        .file("sub/in/a.txt", "1\n")
        .run(&["-C", "sub", "out/a.txt"])
        .ran(&["copy out/a.txt"])
        .has("sub/out/a.txt", "1\n")
        .has_not(".rulemake");
    assert!(case.path("sub/.rulemake/state.log").exists());
}

#[test]
fn a_wildcard_reaches_neither_outside_the_root_nor_into_the_state() {
    let case = Case::new()
        .rulefile("rule copy:\n    output: 'out/{n}'\n    shell: 'echo > {output}'\n\nrule any:\n    output: '{n}.any'\n    shell: 'echo > {output}'\n");
    for target in ["../x.any", ".rulemake/x.any", "out/../../x", "a/../../x.any"] {
        let outcome = case.command(&[target]).output().unwrap();
        assert_eq!(outcome.status.code(), Some(4), "{target}: {}", String::from_utf8_lossy(&outcome.stderr));
    }
}

/// Promise: "did you mean" names the file one edit away, also where only a pattern spells it, and no farther one.
#[test]
fn a_misspelt_file_is_answered_with_the_file_that_a_pattern_makes() {
    let rules = "rule all:\n    input: 'results/counts/all.tsv'\n\
                 rule sum:\n    input: 'results/counts/A.tsv'\n    output: 'results/counts/all.tsv'\n    shell: 'cat {input} > {output}'\n\
                 rule count:\n    input: '{s}.txt'\n    output: 'results/counts/{s}.tsv'\n    shell: 'wc {input} > {output}'\n\
                 rule plain:\n    input: '{s}.txt'\n    output: '{s}.count'\n    shell: 'wc {input} > {output}'\n\
                 rule index:\n    input: '{s}.bam'\n    output: '{s}.bai'\n    shell: 'touch {output}'\n\
                 rule wrong:\n    input: 'A.counts'\n    output: 'w'\n    shell: 'cp {input} {output}'\n";
    let mut case = Case::new().rulefile(rules).file("A.txt", "a\n");
    for (target, meant) in [
        ("results/count/A.tsv", "results/counts/A.tsv"),
        ("rsults/counts/A.tsv", "results/counts/A.tsv"),
        ("w", "A.count"),
    ] {
        case = case.call_with_code(&[target], 4);
        let text = &case.last().stderr;
        assert!(text.contains(&format!("did you mean `{meant}`?")), "{text}");
    }
    // What is made from the missing file is not what was meant.
    let case = case.call_with_code(&["x.bai"], 4);
    assert!(!case.last().stderr.contains("did you mean"), "{}", case.last().stderr);
}

/// Snakemake 9.27 gives the whole path.
#[test]
fn the_rulefile_is_known_to_itself_by_its_whole_path() {
    let rules = "include: 'sub/b.smk'\nprint('main', workflow.snakefile, workflow.main_snakefile)\n\
                 rule a:\n    output: 'o'\n    shell: 'touch {output}'\n";
    let case = Case::new()
        .rulefile(rules)
        .file("sub/b.smk", "print('sub', workflow.snakefile, workflow.main_snakefile)\n");
    let case = case.call_with_code(&["-n"], 0);
    let printed = |word: &str| -> Vec<String> {
        let line = case.last().stderr.lines().find_map(|line| line.strip_prefix(word));
        line.unwrap_or_default().split_whitespace().map(String::from).collect()
    };
    for (word, files) in [("main ", ["/Rulefile", "/Rulefile"]), ("sub ", ["/sub/b.smk", "/Rulefile"])] {
        let paths = printed(word);
        assert_eq!(paths.len(), 2, "{}", case.last().stderr);
        for (path, file) in paths.iter().zip(files) {
            assert!(path.starts_with('/') && path.ends_with(file), "{path}");
        }
    }
}

/// Promise: a command on the screen can be pasted.
#[test]
fn commands_are_shown_with_their_tabs() {
    let rules =
        "rule a:\n    output: 'o'\n    shell: \"printf 'a\\tb' > {output}; cut -d'\\t' -f2 {output}\"\n";
    let case = Case::new().rulefile(rules).call_with_code(&["-n", "-v"], 0).stdout_has("cut -d'\t' -f2 o");
    case.call_with_code(&["-vv"], 0).stderr_has("cut -d'\t' -f2 o");
}
