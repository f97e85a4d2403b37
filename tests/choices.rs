//! Which rule makes a file that several rules could make. Every result was compared with Snakemake 9.27.

#![cfg(unix)]

mod support;

use support::Case;

const RULES: &str = "\
ruleorder: special > generic
rule generic:
    output: 'o/{s}.txt'
    shell: 'echo generic > {output}'
rule special:
    output: 'o/b{t}.txt'
    shell: 'echo special > {output}'
rule many:
    input: expand(rules.generic.output, s=['a', 'bb'])
    output: 'many'
    shell: 'cat {input} > {output}'
rule by_function:
    input: lambda w: rules.generic.output[0].format(s='bc')
    output: 'by_function'
    shell: 'cat {input} > {output}'
rule whole:
    input: rules.generic.output
    output: 'whole/{s}'
    shell: 'cat {input} > {output}'
rule one:
    input: x=rules.generic.output[0]
    output: 'one/{s}'
    shell: 'cat {input.x} > {output}'
rule handed:
    input: lambda w: rules.generic.output
    output: 'handed/{s}'
    shell: 'cat {input} > {output}'
";

#[test]
fn an_output_of_a_rule_as_an_input_comes_from_that_rule() {
    Case::new()
        .rulefile(RULES)
        .run(&["whole/bd", "one/be"])
        .has("whole/bd", "generic\n")
        .has("one/be", "generic\n");
}

#[test]
fn a_path_made_of_an_output_may_come_from_any_rule() {
    Case::new()
        .rulefile(RULES)
        .run(&["many", "by_function", "handed/bf"])
        .has("many", "generic\nspecial\n")
        .has("by_function", "special\n")
        .has("handed/bf", "special\n");
}

#[test]
fn a_named_rule_settles_what_is_ambiguous() {
    let rules = "rule a:\n    output: '{x}.t'\n    shell: 'echo a > {output}'\n\
                 rule b:\n    output: '{y}.t'\n    shell: 'echo b > {output}'\n\
                 rule c:\n    input: rules.b.output\n    output: '{y}.c'\n    shell: 'cat {input} > {output}'\n";
    let case = Case::new().rulefile(rules).run(&["1.c"]).has("1.c", "b\n").call_with_code(&["2.t"], 4);
    assert!(case.last().stderr.contains("ruleorder: a > b"), "{}", case.last().stderr);
}

#[test]
fn an_order_decides_and_the_last_statement_wins() {
    let rules = "rule a:\n    output: '{x}.t'\n    shell: 'echo a > {output}'\n\
                 rule b:\n    output: '{y}.t'\n    shell: 'echo b > {output}'\n\
                 rule fixed:\n    output: '9.t'\n    shell: 'echo fixed > {output}'\n";
    let with = |order: &str| Case::new().rulefile(&format!("{rules}{order}"));
    with("ruleorder: a > b\n").run(&["1.t", "9.t"]).has("1.t", "a\n").has("9.t", "fixed\n");
    with("ruleorder: a > b\nruleorder: b > a\n").run(&["1.t"]).has("1.t", "b\n");
    with("ruleorder: b > a > fixed\nruleorder: b > fixed\n").run(&["9.t"]).has("9.t", "b\n");
}

/// A mistake in an input function is told although another rule can make the file: who wrote it did not mean that.
#[test]
fn a_failing_input_function_is_told_when_another_rule_is_taken() {
    let case = Case::new()
        .rulefile(
            "rule all:\n    input: 'out/a.txt', 'out/b.txt'\n\
             rule special:\n    input: lambda wc: REF[wc.s]\n    output: 'out/{s}.txt'\n    shell: 'cat {input} > {output}'\n\
             rule general:\n    input: 'raw/{s}.txt'\n    output: '{d}/{s}.txt'\n    shell: 'cp {input} {output}'\n",
        )
        .file("raw/a.txt", "a\n")
        .file("raw/b.txt", "b\n")
        .call(&["-n"]);
    let plan = &case.last().stdout;
    assert_eq!(plan.matches("could make `out/").count(), 1, "once for the rule\n{plan}");
    assert!(
        plan.contains(
            "rule `special` could make `out/a.txt`, but its input function failed: name `REF` is not defined"
        ),
        "{plan}"
    );
    assert!(plan.contains(" --> Rulefile:4:"), "{plan}");
    case.run(&[])
        .ran(&["general out/a.txt", "general out/b.txt"])
        .warned("but its input function failed: name `REF` is not defined (Rulefile:4)")
        .call(&["why", "out/a.txt"])
        .stdout_has("rule `special` could make `out/a.txt`, but its input function failed");
}
