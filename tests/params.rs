//! Params from files by key: a rule depends on the values that it reads, and on nothing else in the file.

#![cfg(all(unix, feature = "cli"))]

mod support;

use support::Case;

const RULEFILE: &str = r#"
rule all:
    input: "model.txt", "eval.txt"
rule train:
    output: "model.txt"
    params: lr=from_file("params.FORMAT", "train.lr"), layers=from_file("params.FORMAT", "train.layers[1]")
    shell: "echo {params.lr} {params.layers} > {output}"
rule evaluate:
    output: "eval.txt"
    params: from_file("params.FORMAT", "evaluate")
    shell: "cat params.FORMAT > /dev/null; echo evaluated > {output}"
"#;

fn project(format: &str, text: &str) -> Case {
    Case::new().rulefile(&RULEFILE.replace("FORMAT", format)).file(&format!("params.{format}"), text)
}

/// Promise: in each format, another key runs nothing and a key runs just the rule that reads it, also when the command
/// does not name it, because its program reads the file itself.
fn only_what_is_read_counts(format: &str, text: &str, lr: (&str, &str), seed: (&str, &str), k: (&str, &str)) {
    let file = format!("params.{format}");
    let case = project(format, text)
        .run(&[])
        .ran(&["train model.txt", "evaluate eval.txt"])
        .has("model.txt", "0.1 32\n");
    let case = case.edit(&file, seed.0, seed.1).run(&[]).ran(&[]);
    let case = case.edit(&file, lr.0, lr.1).run(&[]).ran(&["train model.txt"]).has("model.txt", "0.2 32\n");
    let case = case.because("train model.txt", "param-changed");
    let case = case.edit(&file, k.0, k.1).run(&[]).ran(&["evaluate eval.txt"]);
    // What was recalled as done a moment ago is not, once the file says something else.
    let case = case.run(&[]).ran(&[]).run(&[]).ran(&[]);
    case.edit(&file, lr.1, lr.0).run(&[]).ran(&["train model.txt"]);
}

/// Promise: YAML is read as DVC reads it, and as `rulemake import` and `export` do: by the rules of YAML 1.2.
#[test]
fn yaml_is_read_as_dvc_reads_it() {
    let rulefile = "rule a:\n    output: 'a.txt'\n    params:\n        lr=from_file('p.yaml', 'lr'), twice=from_file('p.yaml', 'lr') * 2,\n        \
                    answer=from_file('p.yaml', 'yes'), ten=from_file('p.yaml', 'ten') + 1,\n    \
                    shell: 'echo {params.lr} {params.twice} {params.answer} {params.ten} > {output}'\n";
    let case = Case::new().rulefile(rulefile).file("p.yaml", "lr: 1e-3\nyes: no\nten: 010\n").run(&["a.txt"]);
    assert_eq!(case.read("a.txt"), "0.001 0.002 no 11\n");
}

#[test]
fn yaml_by_key() {
    only_what_is_read_counts(
        "yaml",
        "seed: 7\ntrain:\n  lr: 0.1 # a comment\n  layers: [64, 32]\nevaluate: {k: 5}\n",
        ("lr: 0.1", "lr: 0.2"),
        ("seed: 7", "seed: 8\nunused: [1]"),
        ("k: 5", "k: 6"),
    );
}

#[test]
fn json_by_key() {
    only_what_is_read_counts(
        "json",
        r#"{"seed": 7, "train": {"lr": 0.1, "layers": [64, 32]}, "evaluate": {"k": 5}}"#,
        (r#""lr": 0.1"#, r#""lr": 0.2"#),
        (r#""seed": 7"#, r#""seed": 8, "unused": [1]"#),
        (r#""k": 5"#, r#""k": 6"#),
    );
}

#[test]
fn toml_by_key() {
    only_what_is_read_counts(
        "toml",
        "seed = 7\n[train]\nlr = 0.1\nlayers = [64, 32]\n[evaluate]\nk = 5\n",
        ("lr = 0.1", "lr = 0.2"),
        ("seed = 7", "seed = 8\nunused = [1]"),
        ("k = 5", "k = 6"),
    );
}

/// Promise: the order of the keys that are read, comments and the way values are written are no reason to run.
#[test]
fn what_a_file_says_counts_and_not_how() {
    let case = project("yaml", "train:\n  lr: 0.1\n  layers: [64, 32]\nevaluate:\n  k: 5\n  m: x\n").run(&[]);
    let other = "# new\nevaluate: &e\n  k: 0x5\n  m: 'x'\ntrain:\n  layers:\n  - 64\n  - 32\n  lr: 1.0e-1\n";
    case.file("params.yaml", other).run(&[]).ran(&[]);
}

/// Promise: a wildcard may choose the key or the file, and then each job depends on its own.
#[test]
fn wildcards_choose_keys_and_files() {
    let rulefile = r#"
rule all:
    input: expand("{model}.txt", model=["a", "b"])
rule train:
    output: "{model}.txt"
    params:
        lr=from_file("params.yaml", "models.{model}.lr"),
        more=from_file("params/{model}.json", "x", default="none"),
    shell: "echo {params.lr} {params.more} > {output}"
"#;
    let case = Case::new().rulefile(rulefile).file("params.yaml", "models:\n  a: {lr: 1}\n  b: {lr: 2}\n");
    let case = case.file("params/a.json", "{\"x\": 10}").file("params/b.json", "{}");
    let case = case.run(&[]).has("a.txt", "1 10\n").has("b.txt", "2 none\n");
    let case = case.run(&[]).ran(&[]).edit("params.yaml", "lr: 2", "lr: 3").run(&[]).ran(&["train b.txt"]);
    let case = case.run(&[]).ran(&[]).edit("params/a.json", "10", "11").run(&[]).ran(&["train a.txt"]);
    case.run(&[]).ran(&[]);
}

/// Promise: keys with dots, numbers as keys, anchors, merges and large numbers are what the file says, exactly.
#[test]
fn odd_keys_and_values() {
    let rulefile = r#"
rule a:
    output: "a.txt"
    params:
        dotted=from_file("p.yaml", '"v1.2".lr'),
        number=from_file("p.yaml", "layers.2"),
        anchored=from_file("p.yaml", "large.lr"),
        merged=from_file("p.yaml", "large.depth"),
        big=from_file("p.yaml", "big"),
        as_json=from_file("p.json", "big"),
        from_toml=from_file("p.toml", "a.\"b.c\""),
        other=from_file("p.conf", "x", format="yaml"),
        **from_file("p.yaml", "small"),
    shell: "echo {params.dotted} {params.number} {params.anchored} {params.merged} {params.big} {params.as_json} {params.from_toml} {params.other} {params.lr} > {output}"
"#;
    let yaml = "v1.2: {lr: 1}\nlayers: {1: one, 2: two}\nsmall: &small {lr: 5, depth: 3}\nlarge:\n  <<: *small\n  lr: 6\n\
                big: 12345678901234567890\n";
    let case =
        Case::new().rulefile(rulefile).file("p.yaml", yaml).file("p.json", "{\"big\": 12345678901234567890}");
    let case = case.file("p.toml", "[a]\n\"b.c\" = 'toml'\n").file("p.conf", "x: conf\n");
    let said = "1 two 6 3 12345678901234567890 12345678901234567890 toml conf 5\n";
    let case = case.run(&[]).has("a.txt", said);
    // One more in the last place is another number.
    case.file("p.json", "{\"big\": 12345678901234567891}").run(&[]).ran(&["a a.txt"]);
}

/// Promise: a file that lacks, or that says nothing under the key, is told at its place, before anything runs.
#[test]
fn mistakes_are_told_before_anything_runs() {
    let rule = |call: &str| {
        format!(
            "rule a:\n    output: 'a.txt'\n    params: x={call}\n    shell: 'echo {{params.x}} > {{output}}'\n"
        )
    };
    let yaml = "train:\n  lr: 0.1\n  epochs: 5\n\"v1.2\": 3\nsteps: [1, 2]\n";
    for (call, words) in [
        ("from_file('none.yaml', 'a')", "cannot read `none.yaml`: no such file or directory"),
        ("from_file('p.yaml', 'train.lrr')", "`p.yaml` has no `train.lrr`"),
        ("from_file('p.yaml', 'train.lrr')", "did you mean `train.lr`?"),
        ("from_file('p.yaml', 'nothing')", "it has: `train`, `v1.2`, `steps`"),
        ("from_file('p.yaml', 'train.lr.x')", "`train.lr` in `p.yaml` is 0.1, so it has no `x`"),
        ("from_file('p.yaml', 'v1.2')", "a key that holds a dot is quoted: `\"v1.2\"`"),
        ("from_file('p.yaml', 'steps.2')", "`steps` is a list with 2 items, counted from 0"),
        ("from_file('p.yaml', 'a..b')", "`a..b` is no key of a file: a part of it is empty"),
        ("from_file('p.yaml', 3)", "`from_file`"),
        ("from_file('p.py', 'a')", "Python is not read for its values"),
        ("from_file('p.txt', 'a')", "with `format=\"yaml\"`"),
        ("from_file('p.txt', 'a', format='ini')", "`from_file` reads no `ini`"),
        ("from_file('twice.yaml', 'a')", "cannot read `twice.yaml`: key `a` is there twice (line 3)"),
        ("from_file('twice.json', 'a')", "key `a` is there twice"),
        ("from_file('twice.toml', 'a')", "(line 2)"),
        ("from_file('big.json', 'a')", "too many digits to be read exactly (line 1)"),
        ("from_file('big.toml', 'a')", "cannot read `big.toml`: not TOML"),
        ("from_file('tab.yaml', 'a')", "cannot read `tab.yaml`: not YAML"),
    ] {
        let case =
            Case::new().rulefile(&rule(call)).file("p.yaml", yaml).file("p.txt", "").file("p.py", "a = 1\n");
        let case = case.file("twice.yaml", "a: 1\nb: 2\na: 3\n").file("twice.json", "{\"a\": 1, \"a\": 2}");
        let case =
            case.file("twice.toml", "a = 1\na = 2\n").file("big.json", "{\"a\": -123456789012345678901}");
        let case = case.file("big.toml", "a = 123456789012345678901\n").file("tab.yaml", "a:\n\tb: 1\n");
        let case = case.call_with_code(&[], 3);
        assert!(case.last().stderr.contains(words), "{call}: {words}\n{}", case.last());
        assert!(case.last().stderr.contains("Rulefile:3:"), "{call}\n{}", case.last());
        case.has_not("a.txt");
    }
}

/// Promise: a param from a file that the command does not name is no mistake, while others are told of.
#[test]
fn the_lint_knows_that_programs_read_files() {
    let rulefile = "rule a:\n    output: \"a.txt\"\n    params:\n        lr=from_file(\"p.yaml\", \"lr\"),\n        \
                    other=1,\n    shell:\n        \"touch {output}\"\n";
    let case = Case::new().rulefile(rulefile).file("p.yaml", "lr: 1\n").call_with_code(&["check"], 0);
    let stderr = &case.last().stderr;
    assert!(stderr.contains("param `other` is used by nothing"), "{}", case.last());
    assert!(!stderr.contains("param `lr`"), "{}", case.last());
}

/// Promise: a file of params that is edited while a job runs leaves no result that stands for other values than the job
/// saw. A program may read the file itself, so nobody knows what it saw; and an edit of another key costs nothing.
#[test]
fn values_that_change_while_a_job_runs() {
    let text = "rule train:\n    output: 'model.txt'\n    params: from_file('params.yaml', 'lr')\n    \
                shell: 'touch started; until test -e go; do sleep 0.05; done; cat params.yaml > {output}'\n";
    for (edit, runs_again) in [("lr: 1\nseed: 2\n", false), ("lr: 2\nseed: 1\n", true)] {
        let case = Case::new().rulefile(text).file("params.yaml", "lr: 1\nseed: 1\n");
        let run = case.start(&["--cache", "kept"]);
        case.wait_for("started");
        let case = case.file("params.yaml", edit).file("go", "");
        let ran = run.end();
        let told = ran
            .of("warning")
            .any(|e| e["message"].as_str().unwrap().contains("`lr` in params.yaml changed while"));
        assert_eq!(told, runs_again, "{ran}");
        let again: &[&str] = if runs_again { &["train model.txt"] } else { &[] };
        let case = case.run(&["--cache", "kept"]).ran(again);
        // Back to what it was: nothing that was made of other values comes back for it.
        let case = case.file("params.yaml", "lr: 1\nseed: 1\n").run(&["--cache", "kept"]).ran(again);
        case.has("model.txt", if runs_again { "lr: 1\nseed: 1\n" } else { edit });
    }
}

/// Promise: a key that is not there is a matter of the jobs that read it; all others are made.
#[test]
fn a_bad_key_fails_only_those_who_read_it() {
    let rulefile = "rule bad:\n    output: 'bad'\n    params: x=from_file('p.yaml', 'train.lrr')\n    \
                    shell: 'echo {params.x} > {output}'\nrule good:\n    output: 'good'\n    \
                    params: x=from_file('p.yaml', 'train.lr')\n    shell: 'echo {params.x} > {output}'\n";
    let case = Case::new().rulefile(rulefile).file("p.yaml", "train:\n  lr: 0.1\n");
    let case = case.run(&["good"]).ran(&["good good"]).has("good", "0.1\n");
    let case = case.call_with_code(&["bad"], 3).stderr_has("`p.yaml` has no `train.lrr`");
    let case = case.stderr_has("did you mean `train.lr`?").has_not("bad");
    case.file("p.yaml", "train:\n  lr: 0.1\n  lrr: 2\n").run(&["bad"]).has("bad", "2\n");
}

/// Promise: a wildcard that the rule does not have is named, with those that it has, once for all of its jobs.
#[test]
fn an_unknown_wildcard_is_named_with_the_known_ones() {
    let rulefile = r#"
rule all:
    input: expand("{model}-{n}.txt", model=["a", "b"], n=range(3))
rule a:
    output: "{model}-{n}.txt"
    params: lr=from_file("params.yaml", "models.{modl}.lr")
    shell: "echo {params.lr} > {output}"
"#;
    let case = Case::new().rulefile(rulefile).file("params.yaml", "models: {a: {lr: 1}}\n");
    let case = case.call_with_code(&["-k"], 1);
    let told = case.last().stderr.clone();
    assert_eq!(
        told.matches("\nerror: a a-0.txt failed: param `lr` of rule `a`: the job has no wildcard `modl`")
            .count(),
        1,
        "{told}"
    );
    assert!(told.contains("help: did you mean `model`? its wildcards are: model, n\n"), "{told}");
    assert!(told.contains("and the same for 5 more jobs"), "{told}");
    let case = case.edit("Rulefile", "{modl}", "{other}").call_with_code(&["-n"], 4);
    case.stderr_has("the job has no wildcard `other`").stderr_has("its wildcards are: model, n");
}
