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
