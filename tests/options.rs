//! Options that say something over the Rulefile: threads, resources, profiles.
//! Promise: what stands on the command line wins over profiles, profiles over the Rulefile; none of it is a reason to run.

#![cfg(unix)]

mod support;

use support::Case;

const RULE: &str = "rule all:\n    input: 'o'\nrule a:\n    input: 'i'\n    output: 'o'\n    threads: 1\n    \
                    resources: mem_mb=10\n    shell: 'echo {threads} {resources.mem_mb} > {output}'\n";

fn case() -> Case {
    Case::new().rulefile(RULE).file("i", &"x".repeat(3000))
}

#[test]
fn threads_and_resources_of_a_rule_are_set_from_outside() {
    case()
        .run(&["-j8", "--set-threads", "a=4", "--set-resources", "a:mem_mb=20"])
        .has("o", "4 20\n")
        .run(&["-j8", "--set-threads", "a=2"])
        .ran(&[])
        .run(&["-j8", "--set-resources", "a:mem_mb=threads * 5 + attempt", "--force-all"])
        .has("o", "1 6\n");
}

#[test]
fn an_override_of_an_unknown_rule_says_so() {
    for option in [["--set-threads", "aa=4"], ["--set-resources", "aa:mem_mb=4"]] {
        let case = case().call_with_code(&option, 3);
        let text = &case.last().stderr;
        assert!(text.contains("rule `aa`") && text.contains("did you mean `a`?"), "{text}");
    }
    let case = case().call_with_code(&["--set-resources", "a=4"], 2);
    assert!(case.last().stderr.contains("expected RULE:NAME=VALUE"), "{}", case.last().stderr);
}

#[test]
fn default_resources_are_for_rules_that_say_nothing() {
    let rule = "rule a:\n    output: 'o'\n    shell: 'echo {resources.disk_mb} {resources.part} > {output}'\n\
                rule b:\n    output: 'p'\n    resources: disk_mb=7, part='own'\n    \
                shell: 'echo {resources.disk_mb} {resources.part} > {output}'\n";
    Case::new()
        .rulefile(rule)
        .run(&["o", "p", "--default-resources", "disk_mb=3", "--default-resources", "part=long"])
        .has("o", "3 long\n")
        .has("p", "7 own\n");
}

#[test]
fn a_profile_is_read_and_the_command_line_wins() {
    case()
        .file("prof/config.yaml", "jobs: 8\nset-threads:\n  a: 3\nset-resources:\n  a:\n    mem_mb: 30\n")
        .run(&["--profile", "prof"])
        .has("o", "3 30\n")
        .run(&["--profile", "prof", "--set-threads", "a=2", "--force-all"])
        .has("o", "2 30\n");
}

#[test]
fn the_profile_of_the_workflow_is_used_unless_told_otherwise() {
    case()
        .file("profiles/default/config.yaml", "set-threads: [a=2]\nprintshellcmds: true\njobs: 8\n")
        .file("other/config.yaml", "set-threads: [a=3]\n")
        .run(&[])
        .has("o", "2 10\n")
        .run(&["--force-all", "--workflow-profile", "none"])
        .has("o", "1 10\n")
        .run(&["--force-all", "-j8", "--workflow-profile", "other"])
        .has("o", "3 10\n")
        .run(&["--force-all", "--profile", "other"])
        .has("o", "2 10\n");
}

#[test]
fn mistakes_in_profiles_have_their_place() {
    for (text, message) in [
        ("job: 3\n", "unknown option `job`"),
        ("- a\n", "is no mapping"),
        ("keep-going: 3\n", "must be true or false"),
        ("a: [\n", "prof/config.yaml:"),
    ] {
        let case = case().file("prof/config.yaml", text).call_with_code(&["--profile", "prof"], 2);
        assert!(case.last().stderr.contains(message), "{}", case.last().stderr);
    }
    let case = case().call_with_code(&["--profile", "none"], 2);
    assert!(case.last().stderr.contains("there is no profile `none`"), "{}", case.last().stderr);
}

const CHAIN: &str = "rule all:\n    input: 'c', 'other'\nrule a:\n    output: 'a'\n    shell: 'touch {output}'\n\
                     rule b:\n    input: 'a'\n    output: 'b'\n    shell: 'touch {output}'\n\
                     rule c:\n    input: 'b'\n    output: 'c'\n    shell: 'touch {output}'\n\
                     rule other:\n    output: 'other'\n    shell: 'touch {output}'\n";

/// What a run with these options does, which must be what its plan says.
#[track_caller]
fn selects(rulefile: &str, args: &[&str], jobs: &[&str]) {
    let case = Case::new().rulefile(rulefile);
    let mut planned: Vec<String> = case.plan(args).into_iter().map(|(job, _)| job).collect();
    planned.sort();
    assert_eq!(planned, jobs, "the plan of {args:?}");
    case.run(args).ran(jobs).run(args).ran(&[]);
}

#[test]
fn until_makes_a_rule_and_what_it_needs() {
    selects(CHAIN, &["--until", "b"], &["a a", "b b"]);
    selects(CHAIN, &["--until", "b", "--until", "other"], &["a a", "b b", "other other"]);
    let case = Case::new().rulefile(CHAIN).call_with_code(&["--until", "othr"], 4);
    assert!(case.last().stderr.contains("did you mean `other`?"), "{}", case.last().stderr);
}

#[test]
fn omit_from_leaves_out_a_rule_and_what_needs_it() {
    selects(CHAIN, &["--omit-from", "b"], &["a a", "other other"]);
    selects(CHAIN, &["--omit-from", "c", "--until", "b"], &["a a", "b b"]);
}

#[test]
fn a_batch_is_a_part_of_the_inputs_of_a_rule_and_the_last_is_the_rest() {
    let rules = "rule all:\n    input: expand('{n}.x', n=range(5))\n    output: 'all'\n    shell: 'cat {input} > {output}'\n\
                 rule one:\n    output: '{n}.x'\n    shell: 'touch {output}'\n";
    selects(rules, &["--batch", "all=1/2"], &["one 0.x", "one 1.x", "one 2.x"]);
    selects(
        rules,
        &["--batch", "all=2/2"],
        &["all all", "one 0.x", "one 1.x", "one 2.x", "one 3.x", "one 4.x"],
    );
    let case = Case::new().rulefile(rules).call_with_code(&["--batch", "all=1/9"], 4);
    assert!(case.last().stderr.contains("smaller number of parts"), "{}", case.last().stderr);
    let case = case.call_with_code(&["--batch", "all=3/2"], 2);
    assert!(case.last().stderr.contains("with I from 1 to N"), "{}", case.last().stderr);
}

#[test]
fn limits_of_resources_are_written_with_units() {
    let rule = "rule a:\n    output: 'o'\n    resources: mem='2GB'\n    shell: 'echo {resources.mem_mb} > {output}'\n";
    Case::new().rulefile(rule).run(&["--resources", "mem=3GB"]).has("o", "2000\n");
    let case = Case::new().rulefile(rule).call_with_code(&["--resources", "mem=1GB"], 4);
    assert!(case.last().stderr.contains("mem_mb=2000"), "{}", case.last().stderr);
}
