//! Helper functions of Snakemake in sections of rules, now and when the job is known. The results are Snakemake's.

use super::*;

/// What `params: p=...` gives for wildcards s=1 and t=x, inputs `a.txt ref=[r1, r2]` and output `a.txt`.
fn given(expression: &str) -> String {
    given_after("", expression)
}

fn given_after(before: &str, expression: &str) -> String {
    let text = format!(
        "{before}\nrule a:\n    input: 'a.txt', ref=['r1', 'r2']\n    output: 'o/{{s}}/{{t}}'\n    params: p={expression}\n    shell: 'x'\n"
    );
    let dir = directory(&[("Rulefile", &text), ("sums", "aaa  ./f1\nbbb  f2\n"), ("n.txt", " 7 \n")]);
    match load(request(&dir, "Rulefile", &[], &[])) {
        Ok(workflow) => match &workflow.rule("a").unwrap().params[0].source {
            ParamSource::Function(function) => call(&**function, &[("s", "1"), ("t", "x")]),
            ParamSource::Const(value) => format!("now {}", value.canonical()),
            ParamSource::Text(pattern) => format!("text {}", pattern.text),
            other => format!("{other:?}"),
        },
        Err(failure) => shown(&failure.problems, &failure.sources).join("\n"),
    }
}

#[test]
fn parts_of_the_job_are_looked_up_when_it_is_known() {
    assert_eq!(given("input[0]"), "'a.txt'");
    assert_eq!(given("input.ref"), "['r1', 'r2']");
    assert_eq!(given("input.ref[1]"), "'r2'");
    assert_eq!(given("input"), "['a.txt', 'r1', 'r2']");
    assert_eq!(given("output[0]"), "'a.txt'");
    assert_eq!(given("threads"), "4");
    assert_eq!(given("resources.mem"), "7");
    assert_eq!(given("wildcards.s"), "'1'");
    assert!(
        given("input.reff").contains("has no item `reff` | did you mean `ref`?"),
        "{}",
        given("input.reff")
    );
}

#[test]
fn parts_of_the_job_cannot_be_used_while_no_job_is_known() {
    let found = given("f'{input[0]}.x'");
    assert!(found.contains("`input[0]` belongs to a job") && found.contains("without `f`"), "{found}");
    assert!(given("1 if input else 2").contains("belongs to a job"));
    assert!(given("input('how many')").contains("belongs to a job"));
    let found = check(
        "rule a:\n    input: output[0]\n    output: 'x'\n    shell: 'x'\n",
        &["2:12 unavailable-argument"],
    );
    assert!(found[0].contains("`output` is not known yet"), "{found:?}");
}

#[test]
fn subpath_takes_paths_apart() {
    assert_eq!(given("subpath('a/b/c.txt', basename=True)"), "now 'c.txt'");
    assert_eq!(given("subpath('a/b/c.txt', parent=True)"), "now 'a/b'");
    assert_eq!(given("subpath('c.txt', parent=True)"), "now '.'");
    assert_eq!(given("subpath('/c.txt', parent=True)"), "now '/'");
    assert_eq!(given("subpath('a/b/c.txt', ancestor=2)"), "now 'a'");
    assert_eq!(given("subpath('a/b/c.txt', ancestor=9)"), "now '.'");
    assert_eq!(given("subpath('a/b/c.txt', strip_suffix='.txt')"), "now 'a/b/c'");
    assert_eq!(
        given("subpath('a/c.txt', strip_suffix='txt', with_suffix='csv', basename=True)"),
        "now 'c.csv'"
    );
    assert_eq!(given("subpath(input[0], strip_suffix='.txt')"), "'a'");
    assert_eq!(given("subpath(lambda wc, input: input.ref[0] + '/z', parent=True)"), "'r1'");
    assert!(given("subpath('a.txt', strip_suffix='.csv')").contains("`a.txt` does not end in `.csv`"));
    assert!(given("subpath(input, basename=True)").contains("takes one path, not 3"));
    assert!(given("subpath('a', basename=True, parent=True)").contains("one of"));
}

#[test]
fn branch_chooses_and_evaluates_only_what_it_chose() {
    assert_eq!(given("branch(True, then='a', otherwise='b')"), "now 'a'");
    assert_eq!(given("branch(0, then='a')"), "now []");
    assert_eq!(given("branch('b', cases={'a': 1, 'b': 2})"), "now 2");
    assert_eq!(
        given("branch(lambda wc: wc.s == '1', then=lambda wc: wc.t, otherwise=lambda wc: 1 / 0)"),
        "'x'"
    );
    assert_eq!(given("branch(lambda wc: wc.t, cases={'x': lambda wc: wc.s + '!', 'y': 'no'})"), "'1!'");
    assert_eq!(given("branch(evaluate('{t} == \"x\"'), then='yes', otherwise='no')"), "'yes'");
    assert_eq!(given("branch(lambda wc: 'z', cases={'x': 1}, otherwise='else')"), "'else'");
    assert!(given("branch(lambda wc: 'z', cases={'x': 1})").contains("no key `z`"));
}

#[test]
fn evaluate_puts_wildcards_in_as_quoted_texts() {
    assert_eq!(given("evaluate('int({s}) + 2')"), "3");
    assert_eq!(given_after("K = 5", "evaluate('K * int({s})')"), "5");
    let found = given("evaluate('{s} +')");
    assert!(found.contains("cannot evaluate `'1' +`"), "{found}");
    assert!(given("evaluate('{u} == 1')").contains("no wildcard `u`"));
}

#[test]
fn lookup_finds_values_in_mappings() {
    let table = "D = {'s': {'1': {'f': 'p'}, '2': {'f': 'q'}}, 'l': ['u', 'v'], 5: 'five'}";
    let found = |expression: &str| given_after(table, expression);
    assert_eq!(found("lookup(dpath='s/2/f', within=D)"), "now 'q'");
    assert_eq!(found("lookup('s/{s}/f', within=D)"), "'p'");
    assert_eq!(found("lookup(dpath='l/1', within=D)"), "now 'v'");
    assert_eq!(found("lookup(dpath='5', within=D)"), "now 'five'");
    assert_eq!(found("lookup(dpath='s/*/f', within=D)"), "now ['p', 'q']");
    assert_eq!(found("lookup(dpath='s/{n}/f', within=D, n='2')"), "now 'q'");
    assert_eq!(found("lookup(dpath='s/{n}/f', within=D, n=lambda wc: wc.s)"), "'p'");
    assert_eq!(found("lookup(dpath='none', within=D, default=3)"), "now 3");
    assert!(found("lookup(dpath='none/{s}', within=D)").contains("finds nothing at `none/1`"));
    assert!(found("lookup(dpath='s/2')").contains("within"));
}

/// Rows of a table: one row is an item, several are a list; one column gives its values; a number of rows is asked for.
#[test]
fn lookup_finds_rows_of_tables() {
    let table = "import pandas as pd\nT = pd.DataFrame({'s': ['1', '1', '2'], 'u': [1, 2, 1], 'f': ['a', 'b', 'c']})\n";
    let found = |expression: &str| given_after(table, expression);
    assert_eq!(found("lookup(query='u == 2', within=T, cols='f')"), "now ['b']");
    assert_eq!(found("lookup(query='u == 1', within=T, cols='f')"), "now ['a', 'c']");
    assert_eq!(found("lookup(\"s == '{s}'\", within=T, cols='f')"), "['a', 'b']");
    assert_eq!(found("lookup(query='u == {n}', within=T, cols='f', n=2)"), "now ['b']");
    assert_eq!(found("lookup(query='u == {n}', within=T, cols='f', n=lambda wc: wc.s)"), "['a', 'c']");
    assert_eq!(found("lookup(query='u == 2', within=T).f"), "now 'b'");
    assert_eq!(found("[row.f for row in lookup(query='u == 1', within=T)]"), "now ['a', 'c']");
    assert_eq!(found("lookup(query='u == 2', within=T, cols=['f', 'u'])[:2]"), "now ('b', 2)");
    assert_eq!(found("lookup(query='u == 1', within=T, is_nrows=2)"), "now True");
    assert_eq!(found("lookup(query='u == 1', within=T, is_nrows=1)"), "now False");
    assert_eq!(found("lookup(query='u == 9', within=T, cols='f', default='none')"), "now 'none'");
    assert_eq!(found("lookup(query='u == 9', within=T, cols='f')"), "now []");
    assert!(found("lookup(query='u ==', within=T)").contains("`lookup` with the query `u ==`"));
    assert!(found("lookup(query='u == 1', within=T, cols='x')").contains("x"));
    assert!(found("lookup(dpath='u', within=T)").contains("`dpath` is for mappings"));
    assert!(found("lookup(query='u == 1', dpath='u', within=T)").contains("not both"));
    assert!(found("lookup(query='a', within=[1])").contains("not into `list`"));
}

#[test]
fn expand_waits_for_functions_among_its_values() {
    assert_eq!(given("expand('{a}-{b}', a=lambda wc: wc.s, b=['p', 'q'])"), "['1-p', '1-q']");
    assert_eq!(given("expand('{a}', a=[lambda wc: wc.s, 'k', lambda wc: wc.t])"), "['1', 'k', 'x']");
    assert_eq!(given("expand(lambda wc: wc.s + '{a}', a='z')"), "['1z']");
    assert_eq!(given("expand('{a}', a=lambda wc, input: input.ref)"), "['r1', 'r2']");
    assert_eq!(given("expand('{a}{b}', zip, a=lambda wc: [1, 2], b=[3, 4])"), "['13', '24']");
    assert!(given("expand(temp('{a}'), a=1)").contains("put it outside: `temp(expand("));
}

#[test]
fn small_helpers() {
    assert_eq!(given("flatten([1, ['a', [2.5]], [], 'b'])"), "now ['1', 'a', '2.5', 'b']");
    assert_eq!(given("prepend_param('--in', ['a', 'b'])"), "now '--in a --in b'");
    assert_eq!(given("prepend_param('--in=', input.ref, space=False)"), "'--in=r1 --in=r2'");
    assert_eq!(given("prepend_param('-i', input)"), "'-i a.txt -i r1 -i r2'");
    assert_eq!(given("as_py_module('pkg/sub/tool.py')"), "now 'pkg.sub.tool'");
    assert!(given("as_py_module('a-b/x.py')").contains("not the name of a Python module"));
    assert_eq!(given("[exists('sums'), exists('nothing')]"), "now [True, False]");
    assert_eq!(given("parse_input('n.txt', parser=None)"), "'7'");
    assert_eq!(
        given_after("def p(f, k):\n    return int(f.read()) * k", "parse_input('n.txt', parser=p, k=3)"),
        "21"
    );
    assert_eq!(given("parse_input('sums', parser=extract_checksum, file='f1')"), "'aaa'");
    assert_eq!(given("extract_checksum('sums', file='./f2')"), "now 'bbb'");
    assert!(given("extract_checksum('sums', file='f3')").contains("none for `f3`"));
}

#[test]
fn functions_in_functions_have_a_bound() {
    let found = given_after("x = lambda wc: 'a'\nfor i in range(100):\n    x = subpath(x)", "x");
    assert!(found.contains("nested too deeply"), "{found}");
}

/// The first path that this machine lets be used; what was looked at is on record.
#[test]
fn a_path_is_chosen_by_what_is_allowed() {
    assert_eq!(given("choose_file(['none', 'sums'])"), "now 'sums'");
    assert_eq!(given("choose_file(['sums'], execute=True)"), "now None");
    assert_eq!(given("choose_file(['sums'], execute=False)"), "now 'sums'");
    assert_eq!(given("choose_file(['.'])"), "now None");
    assert_eq!(given("choose_file(['new/er'], creatable=True)"), "now 'new/er'");
    assert_eq!(given("choose_folder(['sums', '.'])"), "now '.'");
    assert_eq!(given("choose_folder(['none/x'])"), "now None");
    assert_eq!(given("choose_tmp(['none/x'])"), "now 'none/x'");
    assert_eq!(given("choose_tmp(['none/x'], creatable=False)"), "now 'system_tmpdir'");
    assert!(given("choose_file([5])").contains("choose_file"));
}
