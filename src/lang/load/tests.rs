//! Every feature of the loader, and the code and place of every mistake.

mod checkpoints;
mod helpers;
mod imports;

use super::*;
use crate::diag::Problem;
use crate::model::action::Action;
use crate::model::dynamic::{CallContext, CallError, Dynamic, JobFunction};
use crate::model::rule::{InputSource, ParamSource};
use crate::model::slots::{NamedPaths, Slot};
use crate::model::wildcards::Wildcards;
use std::fs;
use tempfile::TempDir;

/// A directory with files, the first of which is the Rulefile.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn request(dir: &TempDir, name: &str, config_files: &[&str], config: &[&str]) -> LoadRequest {
    let path = dir.path().join(name);
    LoadRequest {
        name: name.into(),
        text: fs::read_to_string(&path).unwrap(),
        dir: path.parent().unwrap().to_path_buf(),
        root: dir.path().to_path_buf(),
        settings: Settings {
            config_files: config_files.iter().map(|f| dir.path().join(f)).collect(),
            config: config.iter().map(|c| (*c).to_string()).collect(),
            ..Settings::default()
        },
    }
}

/// Gives every rule a command, where a test is about something else: rules without one are refused.
fn runnable(text: &str) -> String {
    if text.contains("shell:") {
        return text.to_string();
    }
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        if let Some(at) = line.find("output:").filter(|at| line[..*at].trim().is_empty()) {
            out += &format!("{}shell: 'x'\n", &line[..at]);
        }
        out += line;
    }
    out
}

#[track_caller]
fn loaded(files: &[(&str, &str)]) -> Workflow {
    with_config(files, &[], &[])
}

#[track_caller]
fn with_config(files: &[(&str, &str)], config_files: &[&str], config: &[&str]) -> Workflow {
    let files: Vec<(&str, String)> = files.iter().map(|(name, text)| (*name, runnable(text))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let dir = directory(&files);
    match load(request(&dir, files[0].0, config_files, config)) {
        Ok(workflow) => workflow,
        Err(failure) => panic!("{:#?}", shown(&failure.problems, &failure.sources)),
    }
}

#[track_caller]
fn workflow(text: &str) -> Workflow {
    loaded(&[("Rulefile", text)])
}

fn shown(problems: &[Problem], sources: &SourceMap) -> Vec<String> {
    let show = |p: &Problem| {
        let place = p.labels.first().map_or("-".to_string(), |(span, _)| {
            let file = sources.file(span.source);
            let (line, column) = file.line_column(span.start);
            format!("{}:{line}:{column}", file.name)
        });
        format!("{place} {} | {} | {}", p.code, p.message, p.help.join("; "))
    };
    problems.iter().map(show).collect()
}

fn failures(files: &[(&str, &str)]) -> Vec<String> {
    let dir = directory(files);
    match load(request(&dir, files[0].0, &[], &[])) {
        Ok(_) => vec!["loaded".into()],
        Err(mut failure) => {
            failure.problems.retain(|p| p.code != "no-action");
            shown(&failure.problems, &failure.sources)
        }
    }
}

/// Checks `line:column code` of each mistake of a Rulefile.
#[track_caller]
fn check(text: &str, expected: &[&str]) -> Vec<String> {
    let found = failures(&[("Rulefile", text)]);
    let short: Vec<&str> =
        found.iter().map(|f| f.split(" | ").next().unwrap_or("").trim_start_matches("Rulefile:")).collect();
    assert_eq!(short, expected, "\n{text}\n{found:#?}");
    found
}

fn patterns(source: &InputSource) -> String {
    match source {
        InputSource::Patterns { patterns, list, .. } => {
            let texts: Vec<&str> = patterns.iter().map(|p| &*p.text).collect();
            if *list { format!("[{}]", texts.join(" ")) } else { texts.join(" ") }
        }
        InputSource::Function(function) => format!("<{}>", function.name()),
    }
}

fn inputs(workflow: &Workflow, rule: &str) -> String {
    let rule = workflow.rule(rule).unwrap();
    let items = rule.inputs.iter().map(|item| {
        let name = item.name.as_ref().map_or(String::new(), |n| format!("{n}="));
        name + &patterns(&item.source)
    });
    items.collect::<Vec<_>>().join(", ")
}

fn outputs(workflow: &Workflow, rule: &str) -> String {
    workflow.rule(rule).unwrap().outputs().collect::<Vec<_>>().join(" ")
}

fn param(workflow: &Workflow, rule: &str, name: &str) -> String {
    let rule = workflow.rule(rule).unwrap();
    match &rule.params.iter().find(|p| p.name.as_deref() == Some(name)).unwrap().source {
        ParamSource::Const(value) => value.canonical(),
        ParamSource::Text(pattern) => format!("text {}", pattern.text),
        ParamSource::List(items) => format!("list of {}", items.len()),
        ParamSource::Function(function) => call(&**function, &[]),
    }
}

fn command(workflow: &Workflow, rule: &str) -> (String, String, String) {
    match &workflow.rule(rule).unwrap().action {
        Action::Shell(shell) => (shell.shell.join(" "), shell.prefix.to_string(), shell.suffix.to_string()),
        other => panic!("{other:?}"),
    }
}

fn call(function: &dyn JobFunction, wildcards: &[(&str, &str)]) -> String {
    let names: Arc<[Arc<str>]> = wildcards.iter().map(|(n, _)| Arc::from(*n)).collect();
    let values = wildcards.iter().map(|(_, v)| Arc::from(*v)).collect();
    let wildcards = Wildcards::new(names, values);
    let slot = |name: Option<&str>, list, len| Slot { name: name.map(Arc::from), list, len };
    let layout = [slot(None, false, 1), slot(Some("ref"), true, 2)];
    let paths: [Arc<str>; 3] = ["a.txt".into(), "r1".into(), "r2".into()];
    let cx = CallContext {
        root: std::path::Path::new("."),
        wildcards: &wildcards,
        attempt: 2,
        rule: "a",
        input: NamedPaths { layout: &layout, paths: &paths },
        output: NamedPaths { layout: &layout[..1], paths: &paths[..1] },
        threads: 4,
        resources: &[("mem".into(), crate::model::value::Value::Int(7))],
        checkpoints: None,
    };
    match function.call(&cx) {
        Ok(value) => value.canonical(),
        Err(CallError::Problem(problem)) => format!("{} | {}", problem.message, problem.help.join("; ")),
        Err(CallError::Message(message)) => message,
        Err(CallError::Pending { checkpoint, .. }) => format!("waits for {checkpoint}"),
        Err(CallError::Absent(path)) => format!("`{path}` is absent"),
    }
}

fn input_call(text: &str, wildcards: &[(&str, &str)]) -> String {
    let workflow = workflow(&format!("{text}\nrule a:\n    input: f\n    output: '{{sample}}.o'\n"));
    match &workflow.rule("a").unwrap().inputs[0].source {
        InputSource::Function(function) => call(&**function, wildcards),
        other => panic!("{other:?}"),
    }
}

// ---- rules

/// Promise: what an editor has not saved counts instead of the disk, in the Rulefile, in what it includes and in config
/// files, and by any spelling of a path.
#[test]
fn texts_count_instead_of_files() {
    let dir =
        directory(&[("Rulefile", "nonsense ="), ("sub/inc.smk", "more nonsense ("), ("config.yaml", "a: [")]);
    let path = |name: &str| dir.path().join(name);
    let texts = [
        ("Rulefile", "configfile: 'config.yaml'\ninclude: './sub/inc.smk'\n"),
        ("sub/../sub/inc.smk", "rule a:\n    output: config['name']\n    shell: 'touch {output}'\n"),
        ("config.yaml", "name: fresh"),
    ];
    let texts = texts.iter().map(|(name, text)| (path(name), text.to_string())).collect();
    let settings = Settings { texts, ..Settings::default() };
    let workflow = load_file(&path("Rulefile"), dir.path(), settings).unwrap();
    assert_eq!(workflow.rules().next().unwrap().outputs().collect::<Vec<_>>(), ["fresh"]);
    assert_eq!(workflow.rulefiles().count(), 2);
    assert!(workflow.place_of("a").unwrap().file.ends_with("sub/inc.smk"));
}

#[test]
fn sections_become_the_parts_of_a_rule() {
    let workflow = workflow(
        "rule a:\n    'What it does.'\n    input: 'x/{s}.csv', ref='r.fa', many=['m1', ('m2', ['m3'])]\n    output: 'o/{s}.txt', idx='o/{s}.idx'\n    log: 'l/{s}.log'\n    params: 1, k=[1, 'b'], t='p-{s}', f=lambda wc: 5\n    threads: 4\n    resources: mem=100, tmp='x'\n    priority: 3\n    retries: 2\n    wildcard_constraints: s='[a-z]+'\n    message: 'making {output}'\n    shell: 'cp {input.ref} {output.idx}'\n",
    );
    let rule = workflow.rule("a").unwrap();
    assert_eq!(rule.doc(), Some("What it does."));
    assert_eq!(inputs(&workflow, "a"), "x/{s}.csv, ref=r.fa, many=[m1 m2 m3]");
    assert_eq!(outputs(&workflow, "a"), "o/{s}.txt o/{s}.idx");
    assert_eq!(&*rule.logs[0].text, "l/{s}.log");
    assert_eq!(param(&workflow, "a", "k"), "[1, 'b']");
    assert_eq!(param(&workflow, "a", "t"), "text p-{s}");
    assert_eq!(param(&workflow, "a", "f"), "5");
    assert!(matches!(rule.threads, Dynamic::Const(crate::model::value::Value::Int(4))));
    assert_eq!(rule.resources.len(), 2);
    assert!(matches!(rule.priority, Dynamic::Const(crate::model::value::Value::Int(3))));
    assert_eq!(rule.retries, Some(2));
    assert!(rule.message.is_some());
    assert_eq!(command(&workflow, "a").0, "bash -euo pipefail -c");
}

#[test]
fn the_first_rule_of_the_main_file_is_the_default() {
    let files = [
        ("Rulefile", "include: 'rules/a.smk'\nrule b:\n    output: 'b'\nrule c:\n    output: 'c'\n"),
        ("rules/a.smk", "rule a:\n    output: 'a'\n"),
    ];
    assert_eq!(loaded(&files).default_rule().unwrap().name(), "b");
    let text = "rule b:\n    output: 'b'\nrule c:\n    output: 'c'\n    default_target: True\n";
    assert_eq!(workflow(text).default_rule().unwrap().name(), "c");
}

#[test]
fn rules_work_inside_if_and_for() {
    let workflow = workflow(
        "for x in ['u', 'v']:\n    rule:\n        name: f'make_{x}'\n        output: f'{x}.txt'\nif len('ab') == 2:\n    rule c:\n        output: 'c'\nelse:\n    rule c:\n        output: 'd'\nrule:\n    output: 'e'\n",
    );
    let names: Vec<&str> = workflow.rules().map(Rule::name).collect();
    assert_eq!(names, ["make_u", "make_v", "c", "4"]);
    assert_eq!(outputs(&workflow, "c"), "c");
}

#[test]
fn stars_spread_and_generators_are_lists() {
    let workflow = workflow(
        "d = dict(x='a', y=['b', 'c'])\nrule a:\n    input: *['p', 'q'], **d, z=(f'{i}' for i in range(2))\n    output: 'o'\n",
    );
    assert_eq!(inputs(&workflow, "a"), "p, q, x=a, y=[b c], z=[0 1]");
}

#[test]
fn rules_that_are_defined_can_be_asked() {
    let workflow = workflow(
        "rule a:\n    input: 'i', j='j'\n    output: 'o1', x='o2', y=['o3', 'o4']\n    params: p=5\n    log: 'l'\nrule b:\n    input: rules.a.output, rules.a.output[0], rules.a.output.x, rules.a.output['y'], n=rules.a.output.y, i=rules.a.input.j, l=rules.a.log[-1]\n    output: 'b'\n    params: p=rules.a.params.p, n=rules.a.name, l=len(rules.a.output), s=str(rules.a.output), c=rules.a.output + ['z'], g=rules.a.output.get('q', 'none')\n",
    );
    assert_eq!(inputs(&workflow, "b"), "[o1 o2 o3 o4], o1, o2, [o3 o4], n=[o3 o4], i=j, l=l");
    for (name, value) in [
        ("p", "5"),
        ("n", "'a'"),
        ("l", "4"),
        ("s", "'o1 o2 o3 o4'"),
        ("c", "['o1', 'o2', 'o3', 'o4', 'z']"),
        ("g", "'none'"),
    ] {
        assert_eq!(param(&workflow, "b", name), value, "{name}");
    }
}

#[test]
fn unknown_rules_and_items_get_a_suggestion() {
    let found = check(
        "rule sort:\n    output: 'o', index='i'\nrule b:\n    input: rules.srt.output\n    output: 'b'\nrule c:\n    input: rules.sort.output.idnex, rules.sort.outptu\n    output: 'c'\n",
        &["4:12 attribute-error", "7:12 attribute-error", "7:37 attribute-error"],
    );
    assert!(
        found[0].contains("no rule `srt` is defined above") && found[0].contains("did you mean `sort`?"),
        "{found:?}"
    );
    assert!(
        found[1].contains("output of rule `sort` has no item `idnex` | did you mean `index`?"),
        "{found:?}"
    );
    check("rule a:\n    output: 'a'\nx = rules.a.output[3]\n", &["3:5 index-error"]);
}

#[test]
fn what_follows_from_a_broken_rule_is_not_reported_again() {
    check(
        "rule a:\n    output: nope\nrule b:\n    input: rules.a.output\n    output: 'b'\nrule c:\n    output: 'c'\n    thread: 1\n",
        &["2:13 name-error", "8:5 unknown-section"],
    );
}

// ---- functions

#[test]
fn input_functions_get_the_wildcards() {
    assert_eq!(input_call("f = lambda wc: 'raw/' + wc.sample", &[("sample", "x")]), "'raw/x'");
    assert_eq!(
        input_call("def f(w):\n    return [w['sample'], w[0], dict(**w)['sample']]", &[("sample", "x")]),
        "['x', 'x', 'x']"
    );
    assert_eq!(input_call("f = lambda wc: wc.get('none', 'd')", &[("sample", "x")]), "'d'");
    assert_eq!(
        input_call("def f(wc, attempt, rule):\n    return f'{wc.sample}{attempt}{rule}'", &[("sample", "x")]),
        "'x2a'"
    );
    assert_eq!(
        input_call(
            "s = {'x': ['1', '2']}\ndef f(wc):\n    return (p for p in s[wc.sample])",
            &[("sample", "x")]
        ),
        "['1', '2']"
    );
    assert_eq!(input_call("def f(wc, n=3):\n    return str(n)", &[("sample", "x")]), "'3'");
}

#[test]
fn a_wildcard_typo_is_put_right() {
    assert_eq!(
        input_call("f = lambda wc: wc.smple", &[("sample", "x")]),
        "the job has no wildcard `smple` | did you mean `sample`?"
    );
    assert_eq!(
        input_call("f = lambda wc: wc.other", &[("sample", "x")]),
        "the job has no wildcard `other` | its wildcards are: sample"
    );
    assert_eq!(
        input_call("f = lambda wc: wc['smple']", &[("sample", "x")]),
        "the job has no wildcard `smple` | did you mean `sample`?"
    );
}

#[test]
fn functions_of_params_see_input_and_output() {
    let workflow = workflow(
        "rule a:\n    input: 'x'\n    output: 'o'\n    params:\n        i=lambda wc, input: [input[0], input.ref, len(input), str(input)],\n        o=lambda wc, output, threads: output[0] * threads,\n        r=lambda wc, resources, attempt: resources.mem + attempt\n    threads: lambda wc, attempt: attempt * 2\n    resources: mem=lambda wc, input, threads: threads\n",
    );
    assert_eq!(param(&workflow, "a", "i"), "['a.txt', ['r1', 'r2'], 3, 'a.txt r1 r2']");
    assert_eq!(param(&workflow, "a", "o"), "'a.txta.txta.txta.txt'");
    assert_eq!(param(&workflow, "a", "r"), "9");
    let rule = workflow.rule("a").unwrap();
    let Dynamic::Function(threads) = &rule.threads else { panic!() };
    assert_eq!(call(&**threads, &[]), "4");
}

#[test]
fn arguments_that_no_job_can_give_are_found_at_load() {
    let found = check(
        "rule a:\n    input: lambda wc, input: 'x', lambda: 'y'\n    output: 'o'\n    params: lambda wc, inptu: 1\n    threads: lambda wc, output: 1\n",
        &[
            "2:23 unavailable-argument",
            "2:35 bad-function",
            "4:24 unavailable-argument",
            "5:25 unavailable-argument",
        ],
    );
    assert!(found[2].contains("did you mean `input`?"), "{found:?}");
}

#[test]
fn a_failing_function_has_its_place_and_calls() {
    let workflow = workflow(
        "def g(x):\n    return table[x]\ntable = {'b': 1}\nrule a:\n    input: lambda wc: g(wc.s)\n    output: '{s}.o'\n",
    );
    let InputSource::Function(function) = &workflow.rule("a").unwrap().inputs[0].source else { panic!() };
    let wildcards = Wildcards::new(["s".into()].into(), ["x".into()].into());
    let cx = CallContext::naming("a", &wildcards);
    let Err(CallError::Problem(problem)) = function.call(&cx) else { panic!() };
    let lines: Vec<u32> =
        problem.labels.iter().map(|(s, _)| workflow.sources.file(s.source).line_column(s.start).0).collect();
    assert_eq!((problem.message.as_str(), lines), ("`table` has no key `x`", vec![2, 5]));
}

#[test]
fn functions_cannot_change_what_was_loaded() {
    let found =
        input_call("seen = []\ndef f(wc):\n    seen.append(wc.sample)\n    return 'x'", &[("sample", "x")]);
    assert!(found.contains("cannot change"), "{found}");
}

// ---- mistakes in rules

#[test]
fn mistakes_in_sections() {
    check("rule a:\n    output: 'a'\n    output: 'b'\n", &["3:5 duplicate-section"]);
    let found = check("rule a:\n    output: 'a'\n    inptu: 'b'\n", &["3:5 unknown-section"]);
    assert!(found[0].contains("did you mean `input`?"), "{found:?}");
    check("rule a:\n    output: x='a', 'b'\n", &["2:20 positional-after-named"]);
    check("rule a:\n    output: lambda wc: 'a'\n", &["2:13 function-not-allowed"]);
    check(
        "rule a:\n    input: None, 3, {'a': 'b'}\n    output: 'a'\n",
        &["2:12 not-a-path", "2:18 not-a-path", "2:21 not-a-path"],
    );
    check(
        "rule a:\n    output: 'a'\n    threads: 'x'\n    priority: []\n    retries: -1\n    shell: 5\n",
        &[
            "3:14 bad-section-value",
            "4:15 bad-section-value",
            "5:14 bad-section-value",
            "6:12 bad-section-value",
        ],
    );
    check(
        "rule a:\n    output: 'a'\n    shell: 'a', 'b'\n    message:\n",
        &["3:5 bad-section-value", "4:5 bad-section-value"],
    );
    check(
        "rule a:\n    output: 'a'\n    resources: 5, mem=[1]\n",
        &["3:16 bad-section-value", "3:23 bad-resource"],
    );
    check("rule a:\n    output: 'a'\n    default_target: 'a'\n", &["3:5 bad-section-value"]);
    check("rule a:\n    output: 'a'\n    wildcard_constraints: 'x'\n", &["3:27 bad-section-value"]);
    check("rule:\n    name: 'a b'\n    output: 'a'\n", &["2:11 bad-rule-name"]);
    check("rule a:\n    shell: 'x'\nrule a:\n    shell: 'x'\n", &["3:1 duplicate-rule"]);
}

#[test]
fn independent_mistakes_come_in_one_go() {
    check(
        "rule a:\n    input: nope, 'x'\n    output: 'a'\nrule b:\n    input: '{x}'\n    output: 'b'\nrule c:\n    output: 'c'\n    shell: 'echo {nope}'\n",
        &["2:12 name-error", "5:13 wildcard-not-in-output", "9:18 bad-command"],
    );
}

#[test]
fn a_mistake_in_a_loop_is_reported_once() {
    check("for x in range(5):\n    rule:\n        output: nope\n", &["3:17 name-error"]);
}

/// Neither the mistakes of an endless loop nor its rules and hooks may fill the memory until the steps are used up.
#[test]
fn an_endless_loop_of_rules_is_given_up_soon() {
    check("while True:\n    rule:\n        output: nope\n", &["3:17 name-error"]);
    check("while True:\n    onstart: pass\n", &["2:5 budget-exceeded"]);
}

#[test]
fn a_failing_statement_stops_with_its_calls() {
    check(
        "def f(x):\n    return 1 / x\nrule a:\n    output: 'a'\ny = f(0)\nrule b:\n    output: nope\n",
        &["2:12 zero-division-error"],
    );
    check("rule a:\n    output: 'a'\nassert False, 'no'\n", &["3:8 assertion-error"]);
    check("rule a:\n    output: 'a'\nraise ValueError('bad samples')\n", &["3:1 value-error"]);
}

#[test]
fn an_empty_rulefile_says_how_a_rule_looks() {
    for text in ["", "x = 1\n", "# nothing\n"] {
        let found = check(text, &["- no-rules"]);
        assert!(found[0].contains("rule hello:\n    output: \"hello.txt\"\n    shell:"), "{found:?}");
    }
}

// ---- directives

#[test]
fn includes_are_relative_to_their_file_and_run_once() {
    let workflow = loaded(&[
        (
            "wf/Rulefile",
            "n = 'x'\ninclude: 'rules/a.smk'\ninclude: 'rules/' + n + '.smk'\ninclude: 'rules/a.smk'\nrule c:\n    output: shared\n",
        ),
        ("wf/rules/a.smk", "include: 'deep/b.smk'\nrule a:\n    output: 'a'\n"),
        ("wf/rules/deep/b.smk", "shared = 'from-b'\n"),
        ("wf/rules/x.smk", "rule x:\n    output: shared + '2'\n"),
    ]);
    let names: Vec<&str> = workflow.rules().map(Rule::name).collect();
    assert_eq!(names, ["a", "x", "c"]);
    assert_eq!((outputs(&workflow, "c"), outputs(&workflow, "x")), ("from-b".into(), "from-b2".into()));
    let reads: Vec<&str> = workflow.reads.iter().map(|r| r.what.as_str()).collect();
    assert_eq!(reads, ["wf/rules/a.smk", "wf/rules/deep/b.smk", "wf/rules/x.smk"]);
}

#[test]
fn mistakes_in_includes_have_the_place_in_their_file() {
    let found = failures(&[("wf/Rulefile", "include: 'a.smk'\n"), ("wf/a.smk", "rule a\n    output: 'a'\n")]);
    assert!(found[0].starts_with("wf/a.smk:1:7 missing-colon"), "{found:?}");
    let found = failures(&[("Rulefile", "include: 'a.smk'\n"), ("a.smk", "x = 1\ny = nope\n")]);
    assert!(found[0].starts_with("a.smk:2:5 name-error") && found.len() == 1, "{found:?}");
    let found = failures(&[
        ("Rulefile", "include: 'a.smk'\n"),
        ("a.smk", "include: 'b.smk'\n"),
        ("b.smk", "include: 'a.smk'\n"),
    ]);
    assert!(found[0].starts_with("b.smk:1:10 include-cycle"), "{found:?}");
    let found = failures(&[("Rulefile", "include: 'Rulefile'\n")]);
    assert!(found[0].starts_with("Rulefile:1:10 include-cycle"), "{found:?}");
    check("include: 'none.smk'\n", &["1:10 include-not-read"]);
    check("include: 5\n", &["1:10 bad-directive"]);
    check("include:\n", &["1:1 bad-directive"]);
}

#[test]
fn config_comes_from_files_and_settings_in_order() {
    let files = [
        (
            "Rulefile",
            "configfile: 'a.yaml'\nconfigfile: 'b.json'\nrule a:\n    output: 'o'\n    params: c=config\n",
        ),
        ("a.yaml", "x: 1\nd: {k: 1, l: 1, m: 1}\n"),
        ("b.json", "{\"y\": 2, \"d\": {\"l\": 2}}"),
        ("c.toml", "z = 3\n[d]\nm = 3\n"),
    ];
    let plain = with_config(&files, &[], &[]);
    assert_eq!(param(&plain, "a", "c"), "{'x': 1, 'd': {'k': 1, 'l': 2, 'm': 1}, 'y': 2}");
    let full = with_config(&files, &["c.toml"], &["d.k=9", "n=yes", "x=[a, 1]"]);
    assert_eq!(
        param(&full, "a", "c"),
        "{'z': 3, 'd': {'m': 3, 'k': 9, 'l': 2}, 'n': True, 'x': ['a', 1], 'y': 2}"
    );
}

#[test]
fn settings_win_again_after_every_configfile() {
    let files = [
        (
            "Rulefile",
            "before = config['x']\nconfigfile: 'a.yaml'\nrule a:\n    output: 'o'\n    params: b=before, c=config['x']\n",
        ),
        ("a.yaml", "x: 1\n"),
    ];
    let workflow = with_config(&files, &[], &["x=5"]);
    assert_eq!((param(&workflow, "a", "b"), param(&workflow, "a", "c")), ("5".into(), "5".into()));
}

#[test]
fn a_missing_configfile_is_an_error_unless_one_is_given() {
    check("configfile: 'none.yaml'\nrule a:\n    output: 'o'\n", &["1:13 config-not-read"]);
    let files =
        [("Rulefile", "configfile: 'none.yaml'\nrule a:\n    output: config['o']\n"), ("c.yaml", "o: x\n")];
    assert_eq!(outputs(&with_config(&files, &["c.yaml"], &[]), "a"), "x");
}

#[test]
fn mistakes_in_config_have_the_place_in_their_file() {
    let found = failures(&[("Rulefile", "configfile: 'c.yaml'\n"), ("c.yaml", "a: 1\na: 2\n")]);
    assert!(found[0].starts_with("c.yaml:2:1 duplicate-key"), "{found:?}");
    let dir = directory(&[("Rulefile", "rule a:\n    output: 'o'\n")]);
    let failure = load(request(&dir, "Rulefile", &["none.yaml"], &["x", "=3"])).unwrap_err();
    let codes: Vec<&str> = failure.problems.iter().map(|p| p.code).collect();
    assert_eq!(codes, ["config-not-read", "bad-setting", "bad-setting"]);
    let found = check("rule a:\n    output: config['smaple']\n", &["2:13 key-error"]);
    assert!(found[0].contains("`config` has no key `smaple`"), "{found:?}");
}

#[test]
fn global_constraints_hold_for_earlier_rules_too() {
    let text = "rule a:\n    output: '{s}.o'\nrule b:\n    output: '{s}.p'\n    wildcard_constraints: s='z'\nwildcard_constraints:\n    s='[a-z]+'\nlocalrules: a, b\n";
    let workflow = workflow(text);
    let constraint = |rule: &str| format!("{:?}", workflow.rule(rule).unwrap().outputs[0].segments);
    assert!(constraint("a").contains("[a-z]+"), "{}", constraint("a"));
    assert!(!constraint("b").contains("[a-z]+"), "{}", constraint("b"));
    check("wildcard_constraints: s='('\nrule a:\n    output: 'o'\n", &["1:25 bad-constraint"]);
    check("rule a:\n    output: 'o{s,)a|(}'\n", &["2:18 bad-constraint"]);
}

#[test]
fn directives_that_are_not_supported_say_so() {
    check(
        "storage: provider='s3'\npepfile: 'x'\nsubworkflow: 'x'\nrule a:\n    output: 'o'\n",
        &["1:1 unsupported-directive", "2:1 unsupported-directive", "3:1 unsupported-directive"],
    );
    let found = check("includ: 'x'\n", &["1:1 unknown-directive"]);
    assert!(found[0].contains("did you mean `include`?"), "{found:?}");
}

#[test]
fn the_shell_can_be_chosen() {
    let rule = "rule a:\n    output: 'o'\n    shell: 'touch {output}'\n";
    for (program, expected) in
        [("/bin/sh", "/bin/sh -c"), ("bash", "bash -euo pipefail -c"), ("fish", "fish -c")]
    {
        let workflow = workflow(&format!("shell.executable('{program}')\n{rule}"));
        assert_eq!(command(&workflow, "a").0, expected);
    }
    let workflow = workflow(&format!("shell.prefix('set -x; ')\nshell.suffix(' # done')\n{rule}"));
    assert_eq!(
        command(&workflow, "a"),
        ("bash -euo pipefail -c".into(), "set -x; ".into(), " # done".into())
    );
    check("shell('ls')\n", &["1:1 unsupported"]);
    check("shell.executable(5)\n", &["1:1 type-error"]);
}

#[test]
fn commands_see_names_of_the_file_and_rules() {
    let text = "rule a:\n    output: 'o1'\n    shell: 'x'\nrule b:\n    output: 'b'\n    shell: 'cat {rules.a.output} {config[k]} {late} > {output}'\nconfig['k'] = 'v'\nlate = 'x'\n";
    let workflow = workflow(text);
    let Action::Shell(shell) = &workflow.rule("b").unwrap().action else { panic!() };
    let text = format!("{:?}", shell.template.parts);
    assert!(text.contains("o1") && text.contains("\"v\"") && text.contains("\"x\""), "{text}");
}

#[test]
fn the_workflow_knows_its_place() {
    let workflow = workflow(
        "import os\nrule a:\n    output: os.path.basename(workflow.snakefile)\n    params: len(workflow.basedir) > 0\n",
    );
    assert_eq!(outputs(&workflow, "a"), "Rulefile");
}

#[test]
fn files_that_cannot_be_read_are_the_machines_fault() {
    let error =
        load_file(Path::new("/no/such/Rulefile"), Path::new("/no/such"), Settings::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment);
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("Rulefile");
    fs::write(&path, b"x = '\xff'\n").unwrap();
    assert_eq!(load_file(&path, dir.path(), Settings::default()).unwrap_err().kind(), ErrorKind::Workflow);
    fs::write(&path, "rule a:\n    output: 'a'\n    shell: 'x'\n").unwrap();
    assert!(load_file(&path, dir.path(), Settings::default()).is_ok());
}
