//! Rules of other workflows, rules like other rules, and what holds for the paths of a file.
//! Promise: what Snakemake's users write with `module`, `use rule`, `pathvars` and `scattergather` means the same here.

#![cfg(unix)]

mod support;

use support::Case;

const OTHER: &str = "configfile: 'other.yaml'\nrule all:\n    input: 'end.txt'\nrule start:\n    output: '{x}.start'\n    \
                     params: word=config['word']\n    shell: 'echo {params.word} {wildcards.x} > {output}'\n\
                     rule end:\n    input: rules.start.output\n    output: '{x}.txt'\n    shell: 'cat {input} > {output}; echo {rules.start.name} >> {output}'\n";

fn case(main: &str) -> Case {
    Case::new().rulefile(main).file("other/Snakefile", OTHER).file("other.yaml", "word: file\n")
}

#[test]
fn a_module_has_a_namespace_a_prefix_and_a_config_of_its_own() {
    case(
        "config['word'] = 'main'\nmodule other:\n    snakefile: 'other/Snakefile'\n    prefix: 'p'\n    config: {'word': 'given'}\n\
         use rule * from other as o_*\nrule mine:\n    input: rules.o_end.output\n    output: '{x}.mine'\n    shell: 'cp {input} {output}'\n",
    )
    .run(&["a.mine"])
    .has("a.mine", "given a\no_start\n")
    .has("p/a.start", "given a\n")
    .ran_in_order(&["o_start p/a.start", "o_end p/a.txt", "mine a.mine"]);
}

#[test]
fn without_a_config_the_module_reads_its_own() {
    case("module other:\n    snakefile: 'other/Snakefile'\nuse rule * from other\n")
        .run(&[])
        .has("end.txt", "file end\nstart\n");
}

#[test]
fn one_rule_is_replaced_after_all_were_taken() {
    case(
        "module other:\n    snakefile: 'other/Snakefile'\nuse rule * from other exclude all as o_*\n\
         use rule start from other as o_start with:\n    params: word='changed'\nrule last:\n    input: 'z.txt'\n    default_target: True\n",
    )
    .run(&[])
    .has("z.txt", "changed z\no_start\n");
}

#[test]
fn rules_of_a_module_are_taken_one_by_one_and_twice() {
    case(
        "module other:\n    snakefile: 'other/Snakefile'\nuse rule start from other as one with:\n    output: '{x}.one'\n\
         use rule start from other as two with:\n    output: '{x}.two'\n    params: word='two'\n",
    )
    .run(&["a.one", "a.two"])
    .has("a.one", "file a\n")
    .has("a.two", "two a\n");
}

#[test]
fn inheritance_merges_params_by_name_and_replaces_the_rest() {
    Case::new()
        .rulefile(
            "rule a:\n    \"\"\"Doc.\"\"\"\n    input: 'i'\n    output: 'a'\n    params: 'first', x=1, y=2\n    threads: 1\n    \
             shell: 'echo {params[0]} {params.x} {params.y} {input} > {output}'\n\
             use rule a as b with:\n    output: 'b'\n    params: y=3\n\
             use rule b as c with:\n    input: 'j'\n    output: 'c'\n    params: 'second', z=4\n",
        )
        .file("i", "")
        .file("j", "")
        .run(&["a", "b", "c"])
        .has("a", "first 1 2 i\n")
        .has("b", "first 1 3 i\n")
        .has("c", "second 1 3 j\n");
}

#[test]
fn mistakes_name_the_place_and_the_way_out() {
    for (text, message) in [
        ("use rule a from m\n", "there is no module `m`"),
        ("use rule x as y with:\n    output: 'o'\n", "no rule `x`"),
        ("module m:\n    prefix: 'x'\n", "module `m` names no file"),
        ("module m:\n    snakefile: 'none.smk'\nuse rule * from m\n", "none.smk"),
        ("module m:\n    snakefile: 'other/Snakefile'\nuse rule begin from m\n", "has no rule `begin`"),
        (
            "module m:\n    snakefile: 'other/Snakefile'\nuse rule * from m as x\n",
            "several rules cannot get one name",
        ),
        ("module m:\n    snakefiel: 'x'\n", "did you mean `snakefile`?"),
        ("module m:\n    snakefile: 'https://x.org/y'\nuse rule * from m\n", "copy the workflow"),
    ] {
        let case = case(text).call_with_code(&["-n"], 3);
        assert!(case.last().stderr.contains(message), "{text}\n{}", case.last().stderr);
    }
}

#[test]
fn path_variables_come_from_rule_module_config_and_file() {
    Case::new()
        .file("c.yaml", "pathvars:\n  results: from_config\n")
        .rulefile(
            "pathvars: results='from_file', deep='<results>/x'\nconfigfile: 'c.yaml'\n\
             rule a:\n    output: '<deep>/a'\n    log: '<logs>/a.log'\n    shell: 'echo {log} > {output}'\n\
             rule b:\n    output: '<results>/b'\n    pathvars: results='own'\n    shell: 'touch {output}'\n\
             rule c:\n    input: lambda w: '<results>/x/a'\n    output: 'c'\n    shell: 'cp {input} {output}'\n",
        )
        .run(&["c", "own/b"])
        .has("c", "logs/a.log\n")
        .has("from_config/x/a", "logs/a.log\n");
    let case = Case::new()
        .rulefile("rule a:\n    output: '<nope>/a'\n    shell: 'touch {output}'\n")
        .call_with_code(&["-n"], 3);
    assert!(case.last().stderr.contains("no path variable `<nope>`"), "{}", case.last().stderr);
}

#[test]
fn scatter_and_gather_follow_the_command_line() {
    let rules = "scattergather: split=3\nrule cut:\n    input: 'in'\n    output: scatter.split('parts/{scatteritem}')\n    \
                 shell: 'for f in {output}; do echo $f > $f; done'\n\
                 rule work:\n    input: 'parts/{scatteritem}'\n    output: 'done/{scatteritem}'\n    shell: 'cp {input} {output}'\n\
                 rule join:\n    input: gather.split('done/{scatteritem}')\n    output: 'all'\n    shell: 'cat {input} > {output}'\n";
    let case = Case::new().rulefile(rules).file("in", "");
    case.run(&["all"])
        .has("all", "parts/1-of-3\nparts/2-of-3\nparts/3-of-3\n")
        .run(&["all", "--set-scatter", "split=2"])
        .has("all", "parts/1-of-2\nparts/2-of-2\n");
    let case =
        Case::new().rulefile(rules).file("in", "").call_with_code(&["--set-scatter", "splt=2", "-n"], 3);
    assert!(case.last().stderr.contains("there are: split"), "{}", case.last().stderr);
}

#[test]
fn default_flags_hold_for_the_rules_that_follow() {
    Case::new()
        .rulefile(
            "rule z:\n    output: 'kept'\n    shell: 'echo 1 > {output}'\noutputflags: temp\n\
             rule a:\n    input: 'kept'\n    output: 'half'\n    shell: 'cp {input} {output}'\n\
             rule b:\n    input: 'half'\n    output: protected('whole')\n    shell: 'cp {input} {output}'\n",
        )
        .run(&["whole"])
        .has("kept", "1\n")
        .has("whole", "1\n")
        .has_not("half");
}

#[test]
fn ruleorder_decides_and_names_what_it_does_not_know() {
    let rules = "rule a:\n    output: '{x}.txt'\n    shell: 'echo a > {output}'\nrule b:\n    output: '{y}.txt'\n    shell: 'echo b > {output}'\n";
    Case::new().rulefile(&format!("ruleorder: b > a\n{rules}")).run(&["1.txt"]).has("1.txt", "b\n");
    let case =
        Case::new().rulefile(&format!("ruleorder: bb > a\n{rules}")).call_with_code(&["-n", "1.txt"], 3);
    assert!(case.last().stderr.contains("did you mean `b`?"), "{}", case.last().stderr);
}

#[test]
fn all_paths_start_from_the_workdir_unless_the_command_line_says_where() {
    let rules = "workdir: 'w/x'\nprint(exists('i'))\nrule a:\n    input: 'i'\n    output: 'o'\n    shell: 'pwd; cp {input} {output}'\n";
    Case::new()
        .rulefile(rules)
        .file("w/x/i", "1\n")
        .call(&[])
        .stderr_has("True")
        .has("w/x/o", "1\n")
        .has_not(".rulemake")
        .file("i", "2\n")
        .call(&["-C", "."])
        .has("o", "2\n");
}

#[test]
fn input_functions_of_a_module_are_used_outside_with_its_prefix() {
    Case::new()
        .rulefile(
            "module m:\n    snakefile: 'm.smk'\n    prefix: 'p'\nuse rule * from m as m_*\n\
             rule all:\n    input: rules.m_all.input, 'x'\n    default_target: True\nrule x:\n    output: 'x'\n    shell: 'touch {output}'\n",
        )
        .file(
            "m.smk",
            "rule all:\n    input: lambda wildcards: ['a.txt'], ['b.txt', lambda wc: 'c.txt']\n\
             rule any:\n    output: '{n}.txt'\n    shell: 'touch {output}'\n",
        )
        .run(&[])
        .has("p/a.txt", "")
        .has("p/b.txt", "")
        .has("p/c.txt", "");
}

#[test]
fn variables_that_a_workflow_needs_must_be_set() {
    let rules = "import os\nenvvars: 'RM_ONE', 'RM_TWO'\nrule a:\n    output: 'o'\n    params: os.environ['RM_ONE']\n    \
                 shell: 'echo {params} $RM_TWO > {output}'\n";
    let case = Case::new().rulefile(rules).env("RM_ONE", "1").call_with_code(&["-n"], 3);
    let text = &case.last().stderr;
    assert!(text.contains("`RM_TWO` is not set") && !text.contains("`RM_ONE` is not set"), "{text}");
    case.env("RM_TWO", "2").run(&[]).has("o", "1 2\n");
}
