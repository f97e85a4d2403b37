//! What users of Snakemake rely on: workflows with the files that Snakemake 9.27 made from them, and the places
//! where the answer differs on purpose, each with its reason.

#![cfg(unix)]

mod support;

use support::Case;

/// Runs a Rulefile with these files beside it.
#[track_caller]
fn made(rulefile: &str, files: &[(&str, &str)], args: &[&str]) -> Case {
    with(rulefile, files).run(args)
}

fn with(rulefile: &str, files: &[(&str, &str)]) -> Case {
    files.iter().fold(Case::new().rulefile(rulefile), |case, (path, text)| case.file(path, text))
}

/// The Rulefile is refused with this in the message.
#[track_caller]
fn refused(rulefile: &str, files: &[(&str, &str)], code: i32, message: &str) {
    let case = with(rulefile, files).call_with_code(&[], code);
    let text = &case.last().stderr;
    assert!(text.contains(message), "{text}");
}

/// A rule that makes any `.txt` file.
const ANY: &str = "rule any:\n    output: '{n}.txt'\n    shell: 'echo {wildcards.n} > {output}'\n";

// ---- sections

#[test]
fn items_by_position_by_name_and_in_lists() {
    let rule = "rule all:\n    input: 'a.txt', 'b.txt', c='c.txt', many=['d.txt', 'e.txt'], f=lambda w: ['a.txt']\n    \
                output: 'o'\n    shell: 'echo {input} : {input[0]} {input.c} {input.many} {input.many[1]} {input[4]} {input.f[0]} > {output[0]}'\n";
    made(&format!("{rule}{ANY}"), &[], &[])
        .has("o", "a.txt b.txt c.txt d.txt e.txt a.txt : a.txt c.txt d.txt e.txt e.txt e.txt a.txt\n");
    let stars = "A = ['a.txt', 'b.txt']\nD = dict(x='c.txt', y=['d.txt', 'e.txt'])\nrule all:\n    input: *A, **D\n    \
                 output: *['o'], **{'z': 'z'}\n    shell: 'echo {input.x} {input.y} {input} > {output.z}; cp z o'\n";
    made(&format!("{stars}{ANY}"), &[], &[]).has("o", "c.txt d.txt e.txt a.txt b.txt c.txt d.txt e.txt\n");
    let nested = "rule all:\n    input: ['a.txt', ['b.txt']], ('c.txt', 'd.txt'), x=('e.txt',), y=[]\n    output: 'o'\n    \
                  shell: 'echo {input} / {input.x} / {input.y} / {input[2]} > {output}'\n";
    made(&format!("{nested}{ANY}"), &[], &[]).has("o", "a.txt b.txt c.txt d.txt e.txt / e.txt / / c.txt\n");
}

#[test]
fn strings_are_joined_and_comments_stand_anywhere() {
    made(
        "# top\nrule all: # c\n    \"\"\"doc\n    string\"\"\"\n    # c\n    output: # c\n        'a' \"b\" '.txt', # c\n        # c\n        'c' # c\n        'd.txt'\n    \
         params: a=\"\"\"one\ntwo\"\"\"\n    shell:\n        # c\n        \"echo '{params.a}' > {output[0]}\" # c\n        \" && echo 2 \"\n        \"> {output[1]}\" # c\n",
        &[],
        &[],
    )
    .has("ab.txt", "one\ntwo\n")
    .has("cd.txt", "2\n");
}

#[test]
fn rules_in_if_and_for_and_anonymous_rules() {
    made(
        "rule:\n    input: expand('{n}.txt', n=['p0', 'p1']), 'yes'\n    output: 'o'\n    shell: 'cat {input} > {output}; echo {rule} >> {output}'\n\
         for i in range(2):\n    rule:\n        name: f'p{i}'\n        output: f'p{i}.txt'\n        params: i=i, k=lambda w, k=i: k * 10\n        shell: 'echo {params.i} {params.k} {rule} > {output}'\n\
         if not config:\n    rule y:\n        output: 'yes'\n        shell: 'echo yes > {output}'\nelse:\n    rule n:\n        output: 'yes'\n        shell: 'echo no > {output}'\n",
        &[],
        &[],
    )
    .has("o", "0 0 p0\n1 10 p1\nyes\n1\n");
}

#[test]
fn values_of_globals_are_those_at_the_end_in_commands_and_at_once_in_params() {
    made(
        "X = 1\nrule all:\n    output: 'o'\n    params: a=X, b=lambda w: X\n    shell: 'echo {X} {params.a} {params.b} > {output}'\nX = 2\n",
        &[],
        &[],
    )
    .has("o", "2 1 2\n");
}

// ---- functions

#[test]
fn functions_get_what_their_parameters_name() {
    made(
        "rule r:\n    output: x='o', y=['p1', 'p2']\n    input: a='in'\n    threads: 2\n    resources: mem_mb=lambda w, threads, attempt: 100 * threads * attempt\n    \
         params:\n        b=lambda wildcards, input: input.a + '!',\n        c=lambda wildcards, output: output.y[1] + output[0],\n        d=lambda w, threads: threads + 1,\n        \
         e=lambda w, resources: resources.mem_mb * 2,\n        f=lambda w, input, output: [str(input), str(output)]\n    \
         shell: \"echo '{params.b} {params.c} {params.d} {params.e} {params.f} {params.f[1]}' > {output.x}; touch {output.y}\"\n",
        &[("in", "")],
        &["-j2"],
    )
    .has("o", "in! p2o 3 400 in o p1 p2 o p1 p2\n");
}

#[test]
fn wildcards_are_an_object_with_names_positions_and_the_methods_of_a_dict() {
    made(
        "rule all:\n    input: 'a_b.o'\nrule r:\n    output: '{x}_{y}.o'\n    params: a=lambda w: '/'.join(w), c=lambda w: sorted(w.keys()), \
         d=lambda w: expand('{x}+{y}+{z}', z=[1, 2], **w), e=lambda w: w['x'] + w[1], f=lambda w: '{x}:{y}'.format(**w), g=lambda w: hasattr(w, 'q'), h=lambda w: w.get('q', 'none'), l=lambda w: str(w)\n    \
         shell: \"echo '{params.a} {params.c} {params.d} {params.e} {params.f} {params.g} {params.h} {params.l}' > {output}\"\n",
        &[],
        &[],
    )
    .has("a_b.o", "a/b x y a+b+1 a+b+2 ab a:b False none a b\n");
}

#[test]
fn wildcards_in_the_result_of_an_input_function_are_replaced() {
    let files = [("i/s_1", "a\n"), ("i/s_2", "b\n")];
    for input in [
        "lambda wc: expand('i/{{s}}_{r}', r=[1, 2])",
        "expand('i/{s}_{r}', r=lambda w: ['1', '2'], allow_missing=True)",
        "lambda wc: lambda w: [f'i/{w.s}_1', 'i/{s}_2']",
    ] {
        let text = format!(
            "rule all:\n    input: 'o/s'\nrule r:\n    input: {input}\n    output: 'o/{{s}}'\n    shell: 'cat {{input}} > {{output}}'\n"
        );
        made(&text, &files, &[]).has("o/s", "a\nb\n");
    }
}

#[test]
fn an_unpacked_function_gives_items_with_names() {
    made(
        "rule r:\n    input: unpack(lambda w: ['a', 'b']), unpack(lambda w: dict(x='c', y=['d']))\n    output: 'o'\n    shell: 'echo {input} {input.x} {input.y[0]} {input[3]} > {output}'\n",
        &[("a", ""), ("b", ""), ("c", ""), ("d", "")],
        &[],
    )
    .has("o", "a b c d c d d\n");
}

#[test]
fn wildcards_in_params_are_replaced_in_texts_and_lists_but_not_in_results_of_functions() {
    made(
        "rule all:\n    input: 'x.o'\nrule r:\n    output: '{s}.o'\n    params: a=['{s}1', '{s}2'], b=lambda w: '{s}', c=expand('{{s}}_{r}', r=[1, 2]), d={'k': '{s}v'}, e='pre-{s}'\n    \
         shell: \"echo '{params.a} {params.a[1]} {params.b} {params.c} {params.d[k]} {params.e}' > {output}\"\n",
        &[],
        &[],
    )
    .has("x.o", "x1 x2 x2 {s} x_1 x_2 {s}v pre-x\n");
}

#[test]
fn expand_multiplies_zips_formats_and_keeps_what_is_missing() {
    made(
        "A, N = ['a', 'b'], [1, 2]\nrule all:\n    output: 'o'\n    params: a=expand('{x}_{n}', zip, x=A, n=N), b=expand(['p_{x}_{n}', 'q_{x}'], x=A, n=N), c=expand('r{i:03d}', i=range(3)), \
         d=expand('{d[k]}', d=[{'k': 'v'}]), e=expand('{x}', x=[]), f=expand('plain'), g=expand('{x}_{y}', zip, x=[1, 2, 3], y=[4, 5]), h=expand('{x}', x='solo'), \
         i=lambda w: expand('{k}/{x}', x=A, allow_missing=True), j=lambda w: collect('{{k}}{x}', x=1)\n    \
         shell: \"echo '{params.a}|{params.b}|{params.c}|{params.d}|{params.e}|{params.f}|{params.g}|{params.h}|{params.i}|{params.j}' > {output}\"\n",
        &[],
        &[],
    )
    .has("o", "a_1 b_2|p_a_1 p_a_2 p_b_1 p_b_2 q_a q_b|r000 r001 r002|v||plain|1_4 2_5|solo|{k}/a {k}/b|{k}1\n");
}

#[test]
fn glob_wildcards_gives_lists_that_fit_together() {
    made(
        "S, = glob_wildcards('data/{s}.csv')\nG = glob_wildcards('data/{a}_{b}.csv')\nD = glob_wildcards('data/{d}/{f,[a-z]+}.csv')\nS = sorted(S)\n\
         rule all:\n    output: 'o'\n    params: ab=sorted(zip(G.a, G.b))[0]\n    shell: 'echo {S} {params.ab} {D.d} {D.f} {D[1]} > {output}'\n",
        &[("data/x_1.csv", ""), ("data/y_2.csv", ""), ("data/sub/abc.csv", ""), ("data/sub/AB9.csv", ""), ("data/no.txt", "")],
        &[],
    )
    .has("o", "sub/AB9 sub/abc x_1 y_2 x 1 sub abc abc\n");
}

// ---- config and include

#[test]
fn config_of_files_and_of_the_command_line_is_merged() {
    made(
        "configfile: 'a.yaml'\nconfigfile: 'b.json'\nconfig.setdefault('z', 9)\nrule r:\n    output: 'o'\n    params: t=type(config['num']).__name__, s=lambda w: config['s']['k']\n    \
         shell: 'echo {config[m][x]} {config[m][y]} {config[l]} {config[l2][0][n]} {config[z]} {config[num]} {config[eps]} {params.t} {params.s} {config[nul]} > {output}'\n",
        &[("a.yaml", "m: {x: 1, y: 2}\nl: [1, 2, 3]\ns: {k: v}\nl2:\n  - n: first\nnum: 0\nnul: null\n"), ("b.json", "{\"m\": {\"y\": 3}, \"l\": [4]}")],
        &["--config", "num=7", "--config", "eps=1e-5"],
    )
    .has("o", "1 3 4 first 9 7 1e-05 int v None\n");
}

#[test]
fn yaml_is_read_as_snakemake_reads_it() {
    made(
        "configfile: 'c.yaml'\nrule r:\n    output: 'o'\n    params: ' '.join(f'{k}={v!r}' for k, v in config.items())\n    shell: 'echo {params:q} > {output}'\n",
        &[("c.yaml", "a: yes\nb: off\nc: 012\nd: 0x1F\ne: 1_000\nf: 1.5e3\ng: 1e3\nh: ~\nl: &x [1, 2]\nm: *x\no: 12:30\np: -.inf\nt: 3.0\nx: 0o14\n")],
        &[],
    )
    .has("o", "a=True b=False c=10 d=31 e=1000 f='1.5e3' g='1e3' h=None l=[1, 2] m=[1, 2] o=750 p=-inf t=3.0 x='0o14'\n");
}

#[test]
fn rules_of_included_files_are_not_the_default_target() {
    let included = "VALUE = 5\ninclude: 'sub/c.smk'\nrule a:\n    default_target: True\n    input: C\n    output: 'a'\n    shell: 'cat {input} > {output}'\n";
    let sub = "C = 'c'\nrule c:\n    output: C\n    shell: 'echo c > {output}'\n";
    let files = [("rules/a.smk", included), ("rules/sub/c.smk", sub)];
    let main = "include: 'rules/a.smk'\nrule main:\n    output: 'm'\n    shell: 'echo {VALUE} > {output}'\n";
    made(main, &files, &[]).ran(&["main m"]).has("m", "5\n").run(&["a"]).has("a", "c\n");
    made(
        &format!(
            "{main}rule other:\n    default_target: True\n    output: 'x'\n    shell: 'touch {{output}}'\n"
        ),
        &files,
        &[],
    )
    .ran(&["other x"]);
}

// ---- rules.NAME

#[test]
fn outputs_of_other_rules_stand_in_sections_and_commands() {
    made(
        "rule all:\n    input: 'b'\n    message: 'after {rules.b.output}'\n\
         rule a:\n    output: 'a.txt', n='n n.txt'\n    log: 'a.log'\n    params: v=[5, 6]\n    shell: 'echo a > {output[0]}; echo n > {output.n:q}; echo {params.v} > {log}'\n\
         rule b:\n    input: rules.a.output, rules.a.output.n, x=rules.a.output[0]\n    output: 'b'\n    params: p=rules.a.params.v\n    \
         shell: 'cat {rules.a.output:q} {rules.a.output.n:q} {rules.a.output[0]} {rules.a.log} > {output}; echo {params.p} {rules.a.params.v[1]} {rules.b.output} {rules.c.output} {input.x} >> {output}'\n\
         rule c:\n    output: 'late.txt'\n    shell: 'touch {output}'\n",
        &[],
        &[],
    )
    .has("b", "a\nn\nn\na\n5 6\n5 6 6 b late.txt a.txt\n");
    made(
        "rule a:\n    output: 'd/{s}'\n    shell: 'echo {wildcards.s} > {output}'\nrule b:\n    input: rules.a.output\n    output: 'e/{s}'\n    shell: 'cp {input} {output}'\n\
         rule all:\n    default_target: True\n    input: expand(rules.b.output, s=['x', 'y'])\n",
        &[],
        &[],
    )
    .has("e/x", "x\n")
    .has("e/y", "y\n");
    let unknown = "rule b:\n    output: 'b'\n    shell: 'cat {rules.zz.output} > {output}'\n";
    refused(unknown, &[], 3, "`rules.zz.output` is not known");
}

#[test]
fn attributes_of_host_values_stand_in_commands() {
    let case = made(
        "import os\nrule all:\n    output: 'o'\n    shell: 'echo {workflow.basedir}{os.sep}x > {output}'\n",
        &[],
        &[],
    );
    let expected = format!("{}/x\n", case.root().display());
    case.has("o", &expected);
}

// ---- format language

#[test]
fn fields_of_commands() {
    made(
        "GL, LST, DCT, T, N = 'glob', ['a', 'b'], {'k': {'n': 5}}, (1, 'x'), None\nrule all:\n    input: 'w1.txt'\nrule w:\n    output: a='{x}{y}.txt'\n    wildcard_constraints: x='[a-z]', y='[0-9]'\n    \
         resources: mem_mb=10\n    log: 'l/{x}{y}.log'\n    params: s='sp ace', f=3.14159, n=7, e='', l=['a b', 'c'], d={'k': 'v', 'm': 2}\n    \
         shell: \"echo {wildcards} {wildcards.x} {wildcards[1]} {wildcards.x!r} {params.s:q} {params.l:q} {params.n:03d} {params.f:.2f} {{lit}} {GL} {LST} {LST[1]} {DCT[k][n]} {T} {T[1]} {N} {threads} {resources.mem_mb} {log} {output:q} {output.a!r} {params.e} {params.s!s} '{params.n:>4}' '{params.d}' '{DCT[k]}' > {output}; echo {rule} > {log}\"\n",
        &[],
        &[],
    )
    .has(
        "w1.txt",
        "x=w,y=1 w 1 w sp ace a b c 007 3.14 {lit} glob a b b 5 1 x x None 1 10 l/w1.log w1.txt w1.txt sp ace    7 k m {n: 5}\n"
            .replace("sp ace    7 k m {n: 5}", "sp ace    7 {k: v, m: 2} {n: 5}")
            .as_str(),
    )
    .has("l/w1.log", "w\n");
}

#[test]
fn f_strings_and_concatenation_make_patterns_and_commands() {
    made(
        "X, D = 'xx', 'res/'\nrule all:\n    input: f'{X}/a.txt', D + 'x', '%s/y' % 'res', '{}/z'.format('res')\n\
         rule a:\n    output: f'{X}/{{n}}.txt'\n    shell: f'echo {X} {{wildcards.n}} {{{{z}}}} > {{output}}'\n\
         rule b:\n    output: D + '{n}'\n    shell: 'echo {wildcards.n} ' + '> {output}'\n",
        &[],
        &[],
    )
    .has("xx/a.txt", "xx a {z}\n")
    .has("res/z", "z\n");
}

// ---- wildcards and candidates

#[test]
fn wildcards_are_greedy_match_slashes_and_are_never_empty() {
    made(
        "rule all:\n    input: 'o/1_2_3.txt', 'o/a/b_c.txt', 'o/x.y_z.w.txt', 'r/ab/ab', 'x.tar.gz.o', 'a+b(c)[d]^$', 'pre'\n\
         rule r:\n    output: 'o/{x}_{y}.txt'\n    shell: 'echo {wildcards.x} {wildcards.y} > {output}'\n\
         rule s:\n    output: 'r/{x}/{x}'\n    shell: 'echo {wildcards.x} > {output}'\n\
         rule d:\n    output: '{s}.{e}.o'\n    shell: 'echo {wildcards.s} {wildcards.e} > {output}'\n\
         rule p:\n    output: '{s}+b(c)[d]^$'\n    shell: 'echo {wildcards.s} > {output:q}'\n\
         rule e:\n    output: 'pre{x,.*}'\n    shell: 'echo [{wildcards.x}] > {output}'\n",
        &[],
        &[],
    )
    .has("o/1_2_3.txt", "1_2 3\n")
    .has("o/a/b_c.txt", "a/b c\n")
    .has("o/x.y_z.w.txt", "x.y z.w\n")
    .has("r/ab/ab", "ab\n")
    .has("x.tar.gz.o", "x.tar gz\n")
    .has("a+b(c)[d]^$", "a\n")
    .has("pre", "[]\n");
    for (target, pattern) in
        [("pre.txt", "pre{x}.txt"), ("r/ab/cd", "r/{x}/{x}"), ("a.txt", "{s}xtxt"), ("a1", "a{n,[a-z]+}")]
    {
        refused(
            &format!(
                "rule all:\n    input: '{target}'\nrule r:\n    output: '{pattern}'\n    shell: 'touch {{output}}'\n"
            ),
            &[],
            4,
            "missing input",
        );
    }
}

#[test]
fn constraints_inline_before_rule_before_workflow() {
    made(
        "rule all:\n    input: 'a/1', 'b/z', 'c/q9', 'd/123', 'x_1', 'x_a', 'e/f/g'\nrule a:\n    output: 'a/{n}'\n    shell: 'echo {rule}{wildcards.n} > {output}'\n\
         rule b:\n    wildcard_constraints: n='[a-z]'\n    output: 'b/{n}'\n    shell: 'echo {rule}{wildcards.n} > {output}'\n\
         rule c:\n    wildcard_constraints: n='[a-z]'\n    output: 'c/{n,q[0-9]}'\n    shell: 'echo {rule}{wildcards.n} > {output}'\n\
         rule d:\n    output: 'd/{m,[0-9]{2,3}}'\n    shell: 'echo {rule}{wildcards.m} > {output}'\n\
         rule num:\n    output: 'x_{n}'\n    shell: 'echo {rule} > {output}'\n\
         rule alpha:\n    output: 'x_{n,a|b}'\n    shell: 'echo {rule} > {output}'\n\
         rule e:\n    output: '{d}/{f,[^/]+}'\n    wildcard_constraints: d='e.*'\n    shell: 'echo {wildcards.d} {wildcards.f} > {output}'\n\
         wildcard_constraints:\n    n='[0-9]+'\n",
        &[],
        &[],
    )
    .has("a/1", "a1\n")
    .has("b/z", "bz\n")
    .has("c/q9", "cq9\n")
    .has("d/123", "d123\n")
    .has("x_1", "num\n")
    .has("x_a", "alpha\n")
    .has("e/f/g", "e/f g\n");
}

#[test]
fn a_rule_for_one_file_wins_and_a_rule_that_lacks_inputs_gives_way() {
    made(
        "rule all:\n    input: 'a.txt', 'b.txt', 'c.x', 's'\nrule wild:\n    output: '{x}.txt'\n    shell: 'echo wild > {output}'\n\
         rule conc:\n    output: 'a.txt'\n    shell: 'echo conc > {output}'\nrule gives:\n    input: 'nope'\n    output: 'b.txt'\n    shell: 'echo no > {output}'\n\
         rule v1:\n    input: '{n}.mid1'\n    output: '{n}.x'\n    shell: 'echo v1 > {output}'\nrule m1:\n    input: '{n}.nope'\n    output: '{n}.mid1'\n    shell: 'touch {output}'\n\
         rule v2:\n    input: '{n}.mid2'\n    output: '{n}.x'\n    shell: 'echo v2 > {output}'\nrule m2:\n    output: '{n}.mid2'\n    shell: 'touch {output}'\n\
         rule s:\n    input: 'nope'\n    output: 's'\n    shell: 'echo no > {output}'\n",
        &[("s", "source\n")],
        &[],
    )
    .has("a.txt", "conc\n")
    .has("b.txt", "wild\n")
    .has("c.x", "v2\n")
    .has("s", "source\n");
    refused(
        "rule all:\n    input: 'a.t'\nrule w1:\n    output: '{x}.t'\n    shell: 'touch {output}'\nrule w2:\n    output: 'a.{y}'\n    shell: 'touch {output}'\n",
        &[],
        4,
        "can be made by rule `w1` and by rule `w2`",
    );
}

#[test]
fn targets_are_rules_and_files_and_rules_without_output_run() {
    let text = "rule all:\n    input: 'never'\nrule a:\n    output: 'd/{n}'\n    shell: 'echo {wildcards.n} > {output}'\nrule b:\n    output: 'bb'\n    shell: 'echo b > {output}'\n\
                rule doit:\n    input: 'bb'\n    shell: 'cat {input} > side'\n";
    made(text, &[], &["d/x", "d/y", "doit"])
        .ran(&["a d/x", "a d/y", "b bb", "doit"])
        .has("d/y", "y\n")
        .has("side", "b\n")
        .run_with_code(&["a"], 4);
}

// ---- jobs

#[test]
fn commands_run_in_strict_mode() {
    for command in
        ["false | cat > {output}", "echo $UNDEFINED_X > {output}", "echo 1 > {output}; false; echo 2 > after"]
    {
        with(&format!("rule a:\n    output: 'o'\n    shell: '{command}'\n"), &[])
            .run_with_code(&[], 1)
            .has_not("o")
            .has_not("after");
    }
    made("rule a:\n    output: 'o'\n    shell: 'false && true; echo 1 > {output}'\n", &[], &[])
        .has("o", "1\n");
}

#[test]
fn directories_are_made_logs_are_kept_and_old_outputs_removed() {
    with("rule a:\n    output: 'o/x/a', 'q/b'\n    log: 'logs/deep/a.log'\n    shell: 'echo half > {output[0]}; echo trace > {log}; ls -d q; exit 3'\n", &[])
        .run_with_code(&[], 1)
        .has_not("o/x/a")
        .has("logs/deep/a.log", "trace\n");
    made("rule a:\n    input: 'in'\n    output: 'o'\n    log: 'l'\n    shell: 'echo 1 >> {output}; echo 2 >> {log}'\n", &[("in", ""), ("o", "old\n"), ("l", "old\n")], &["--force"])
        .has("o", "1\n")
        .has("l", "2\n");
}

#[test]
fn a_retry_sees_its_number_and_threads_reach_the_environment() {
    made(
        "rule a:\n    output: 'o'\n    retries: 2\n    resources: mem_mb=lambda w, attempt: attempt * 10\n    shell: 'echo {resources.mem_mb} >> tries; test $(wc -l < tries) -ge 3; echo {resources.mem_mb} > {output}'\n",
        &[],
        &[],
    )
    .has("o", "30\n")
    .has("tries", "10\n20\n30\n");
    made(
        "rule a:\n    output: 'o'\n    threads: 64\n    shell: 'echo {threads} $OMP_NUM_THREADS $MKL_NUM_THREADS $OPENBLAS_NUM_THREADS $VECLIB_MAXIMUM_THREADS > {output}'\n\
         rule b:\n    output: 'b'\n    threads: 1.5\n    shell: 'echo {threads} > {output}'\n",
        &[],
        &["-j2", "a", "b"],
    )
    .has("o", "2 2 2 2 2\n")
    .has("b", "2\n");
}

#[test]
fn shell_texts_reach_bash_as_written() {
    made(
        r##"
rule a:
    input: "in.tsv"
    output: "o"
    params: v="val"
    shell:
        r"""
        # comment with {output}
        awk 'BEGIN {{FS="\t"}}
             {{ s += $2 }}
             END {{ printf "%d\n", s }}' {input} \
          | sed 's/\(.*\)/<\1>/' > {output}
        x=$(echo hi); echo ${{x}} $x ${{#x}} $((1+2)) >> {output}
        case x in x) echo casex;; *) echo no;; esac >> {output}
        [[ a == a ]] && arr=(1 2) && echo ${{arr[@]}} >> {output}
        echo "it's" 'q"q' `echo bt` $(echo "$(echo nested)") >> {output}
        cat >> {output} <<EOF
{params.v} $x
EOF
        cat >> {output} <<'EOF'
$HOME {{x}}
EOF
        """
"##,
        &[("in.tsv", "a\t1\nc\t2\n")],
        &[],
    )
    .has("o", "<3>\nhi hi 2 3\ncasex\n1 2\nit's q\"q bt nested\nval hi\n$HOME {x}\n");
    made(
        "NAME = '日本'\nrule all:\n    input: 'öl_日本.txt'\nrule a:\n    output: '{ä}_{b}.txt'\n    shell: 'echo {wildcards.ä} {wildcards.b} {NAME} ü > {output}'\n",
        &[],
        &[],
    )
    .has("öl_日本.txt", "öl 日本 日本 ü\n");
}

// ---- where the answer differs on purpose

#[test]
fn differs_a_name_with_a_space_is_one_name_without_asking() {
    made("rule all:\n    input: 's p.o'\nrule a:\n    output: '{n}.o'\n    shell: 'echo {wildcards.n} > {output}'\n", &[], &[])
        .has("s p.o", "s p\n")
        .has_not("s");
}

#[test]
fn differs_a_command_cannot_name_a_pattern_of_another_rule_since_no_file_has_that_name() {
    refused(
        "rule all:\n    input: 'e/x'\nrule a:\n    output: 'd/{s}'\n    shell: 'touch {output}'\nrule b:\n    input: rules.a.output\n    output: 'e/{s}'\n    shell: 'cat {rules.a.output} > {output}'\n",
        &[],
        3,
        "`rules.a.output` has the wildcard `s`",
    );
}

#[test]
fn differs_lists_in_params_are_spread_since_nobody_wants_the_brackets_of_a_list() {
    made(
        "rule a:\n    output: 'o'\n    params: 'x', l=['a', 'b']\n    shell: 'echo {params} > {output}'\n",
        &[],
        &[],
    )
    .has("o", "x a b\n");
}

#[test]
fn differs_settings_are_yaml_as_config_files_are() {
    made(
        "rule a:\n    output: 'o'\n    params: [type(config[k]).__name__ for k in ['aa', 'bb', 'cc']]\n    shell: 'echo {params} > {output}'\n",
        &[],
        &["--config", "aa=true", "--config", "bb=null", "--config", "cc=007"],
    )
    .has("o", "bool NoneType int\n");
}

#[test]
fn differs_paths_are_normalised_and_a_source_may_be_a_target() {
    made(
        "rule all:\n    input: './a.txt'\nrule a:\n    output: 'a.txt'\n    shell: 'echo 1 > {output}'\n",
        &[("src", "")],
        &["all", "src"],
    )
    .has("a.txt", "1\n");
}

#[test]
fn differs_an_indented_heredoc_ends_where_it_looks_as_if() {
    made("rule a:\n    output: 'o'\n    shell:\n        '''\n        cat > {output} <<EOF\n        l1\n          l2\n        EOF\n        '''\n", &[], &[])
        .has("o", "l1\n  l2\n");
}

#[test]
fn differs_a_file_that_no_run_is_known_to_have_made_is_made_and_the_old_one_saved() {
    let case = made("rule a:\n    output: 'o'\n    shell: 'echo new > {output}'\n", &[("o", "old\n")], &[])
        .has("o", "new\n");
    assert_eq!(case.read(".rulemake/saved/1/o"), "old\n");
}

#[test]
fn differs_what_cannot_work_is_refused_before_anything_runs() {
    let cases = [
        ("rule a:\n    output: 'o'\n    output: 'p'\n    shell: 'touch o p'\n", 3, "stands twice"),
        (
            "rule a:\n    output: 'o'\n    threads: -1\n    shell: 'touch o'\n",
            3,
            "must be a whole number from 0",
        ),
        ("rule a:\n    output: 'o'\n", 3, "no command"),
        (
            "rule a:\n    input: x='i'\n    output: 'o'\n    shell: 'echo {input.x[0]} > o'\n",
            3,
            "is one path, not a list",
        ),
        (
            "rule a:\n    output: '{x,(?!z)[a-z]}'\n    shell: 'echo {wildcards.x} > {output}'\n",
            3,
            "look-around",
        ),
        ("rule a:\n    input: 'o'\n    output: 'o'\n    shell: 'touch o'\n", 4, "needed to make itself"),
        ("include: 'a.smk'\n", 4, "no rule to start with"),
    ];
    for (text, code, message) in cases {
        refused(
            text,
            &[("a.smk", "rule a:\n    output: 'o'\n    shell: 'touch o'\n"), ("i", "")],
            code,
            message,
        );
    }
}
