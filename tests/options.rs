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
