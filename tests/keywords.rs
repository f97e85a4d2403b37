//! Sections of rules that mean nothing here, or that rulemake does not do.
//! Promise: such a rule is no mistake while nothing needs it; when a target does, the answer says why not and what else.

#![cfg(unix)]

mod support;

use support::Case;

fn with(section: &str) -> Case {
    let rules = format!(
        "rule all:\n    input: 'b'\nrule b:\n    output: 'b'\n    shell: 'touch {{output}}'\n\
         rule a:\n    output: 'a'\n    {section}\n"
    );
    Case::new().rulefile(&rules)
}

#[test]
fn a_rule_that_cannot_be_run_stops_only_those_who_need_it() {
    for (section, why, way_out) in [
        ("wrapper: 'v1/bio/sort'", "downloads nothing", "environment.yaml"),
        ("cwl: 'https://x/tool.cwl'", "no CWL", "cwltool"),
        ("template_engine: 'jinja2'", "no templates", "script:"),
        ("handover: True\n    shell: 'x'", "starts jobs of its own", "remove `handover`"),
    ] {
        let case =
            with(section).run(&[]).ran(&["b b"]).call_with_code(&["a"], 4).call_with_code(&["-n", "a"], 4);
        let text = &case.last().stderr;
        assert!(text.contains(why) && text.contains(way_out) && text.contains("Rulefile:8:5"), "{text}");
        assert!(text.contains("rule `a` is needed"), "{text}");
    }
}

#[test]
fn what_means_nothing_here_is_taken() {
    for section in [
        "cache: True",
        "cache: 'omit-software'",
        "handover: False",
        "localrule: True",
        "group: 'g'",
        "group: lambda wc: 'g'",
        "containerized: 'docker://debian'",
    ] {
        with(&format!("{section}\n    shell: 'touch {{output}}'")).run(&["a"]).ran(&["a a"]);
    }
}

#[test]
fn mistakes_in_them_are_told_at_once() {
    for section in ["cache: 5", "cache: 'sometimes'", "wrapper: 'a', 'b'", "containerized: 5"] {
        let case = with(&format!("{section}\n    shell: 'x'")).call_with_code(&[], 3);
        assert!(case.last().stderr.contains("bad-section-value"), "{}", case.last().stderr);
    }
}

#[test]
fn what_functions_print_is_told_once_for_each_call() {
    let text = "def find(wildcards):\n    print('looking for', wildcards.x)\n    return 'raw.txt'\n\
                def size(wildcards, input):\n    print('size of', input[0])\n    return 1\n\
                rule a:\n    input: find\n    output: '{x}.txt'\n    params: n=size\n    shell: 'echo {params.n} > {output}'\n";
    let case = Case::new().rulefile(text).file("raw.txt", "").run(&["b.txt", "c.txt"]);
    let printed: Vec<String> =
        case.last().of("printed").map(|event| event["text"].as_str().unwrap().to_string()).collect();
    let count = |wanted: &str| printed.iter().filter(|text| *text == wanted).count();
    assert_eq!((count("looking for b"), count("looking for c")), (1, 1), "{printed:?}");
    // Params are asked for when the job is checked and when it starts, as Snakemake does.
    assert_eq!(count("size of raw.txt"), 4, "{printed:?}");
    // As text, in a plan that is not run, and where there is no plan.
    let case = case.remove("b.txt").call(&["b.txt"]).stderr_has("looking for b\n");
    let case = case.remove("b.txt").call(&["-n", "b.txt"]).stderr_has("looking for b\n");
    case.remove("raw.txt").call_with_code(&["b.txt"], 4).stderr_has("looking for b\n");
}
