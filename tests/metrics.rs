//! Outputs below `metrics:`: what they say, and what changed of it.

#![cfg(all(unix, feature = "cli"))]

mod support;

use std::process::Command;
use support::{Case, program};

const RULEFILE: &str = r#"
rule all:
    input: "model.txt", "plain.txt"
rule train:
    output: "model.txt"
    metrics: "eval.json"
    params: lr=from_file("params.yaml", "lr")
    shell:
        """
        echo {params.lr} > {output[0]}
        echo '{{"auc": {params.lr}, "n": 10, "by": {{"cat": 1}}}}' > {output.metrics}
        """
rule plain:
    output: "plain.txt"
    params: from_file("params.yaml", "other")
    shell: "echo plain > {output}"
"#;

fn project() -> Case {
    Case::new().rulefile(RULEFILE).file("params.yaml", "lr: 0.5\nother: 1\n")
}

fn lr(case: Case, value: &str) -> Case {
    case.file("params.yaml", &format!("lr: {value}\nother: 1\n")).run(&[])
}

/// Promise: the values are shown as a table, as Markdown and as JSON, and no run has to be on record for it.
#[test]
fn values_are_shown_in_three_ways() {
    let case = project().run(&[]).call(&["metrics"]);
    let text = "FILE       METRIC  VALUE\neval.json  auc       0.5\neval.json  n          10\neval.json  by.cat      1\n";
    assert_eq!(case.last().stdout, text);
    let case = case.call(&["metrics", "show", "--md"]);
    let markdown = "| file | metric | value |\n| --- | --- | ---: |\n| eval.json | auc | 0.5 |\n";
    assert!(case.last().stdout.starts_with(markdown), "{}", case.last());
    let case = case.call(&["metrics", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    let expected = r#"{"v":1,"files":{"eval.json":{"auc":0.5,"n":10,"by.cat":1}},"unreadable":{}}"#;
    assert_eq!(json.to_string(), expected);
    let case = case.remove(".rulemake").call(&["metrics"]);
    assert_eq!(case.last().stdout, text);
    let case = case.call(&["metrics", "show", "eval.json"]);
    assert_eq!(case.last().stdout, text);
    case.call_with_code(&["metrics", "show", "model.txt"], 2)
        .stderr_has("`model.txt` is no output below `metrics:`");
}

/// Promise: where the metrics are not in git, a revision's lock file and the cache have them, also for who never made them.
#[test]
fn a_revision_is_compared_by_its_lock_file() {
    let rules = RULEFILE.replace("metrics: \"eval.json\"", "metrics: \"eval.json\"\n    log: \"x.log\"");
    let dir = tempfile::TempDir::new().unwrap();
    let [own, shared] = ["own", "shared"].map(|name| dir.path().join(name).display().to_string());
    support::make_shared(&shared);
    let settings = format!("lock = true\n[cache]\ndir = '{own}'\nshared = '{shared}'\npush = true\n");
    let case = project().rulefile(&rules).file("rulemake.toml", &settings);
    let case = case.file(".gitignore", "/eval.json\n/*.txt\n/.rulemake\n");
    let git = |case: &Case, args: &[&str]| {
        let mut call = program("git");
        call.arg("-C").arg(case.root()).args(["-c", "user.name=n", "-c", "user.email=e@e"]);
        assert!(call.args(args).output().unwrap().status.success(), "{args:?}");
    };
    git(&case, &["init", "-q", "-b", "main"]);
    let case = case.run(&[]);
    git(&case, &["add", "-A"]);
    git(&case, &["commit", "-q", "-m", "first"]);
    let case = lr(case, "0.75").call(&["metrics", "diff", "main"]);
    let case = case.stdout_has("auc").stdout_has("0.25");
    // From the shared place, without what runs left here.
    std::fs::remove_dir_all(&own).unwrap();
    let case = case.remove(".rulemake/runs").call(&["metrics", "diff", "main"]).stdout_has("0.25");
    // Where no cache has it, that is said.
    std::fs::remove_dir_all(&own).unwrap();
    let case = case.file("rulemake.toml", "").call_with_code(&["metrics", "diff", "main"], 2);
    case.stderr_has("no cache holds `eval.json` as Rulefile.lock names it at `main`");
}

/// Promise: a run can be compared with one before it, although the files are made anew: with the last that left other values,
/// with one by its number, and two with each other.
#[test]
fn runs_are_compared() {
    let case = lr(lr(project().run(&[]), "0.75"), "0.25");
    // A run of another rule leaves the metrics as they are.
    let case = case.edit("params.yaml", "other: 1", "other: 2").run(&[]).ran(&["plain plain.txt"]);
    let case = case.call(&["metrics", "diff"]);
    assert_eq!(
        case.last().stdout,
        "FILE       METRIC  RUN 2   NOW  CHANGE\neval.json  auc      0.75  0.25    -0.5\n"
    );
    let case = case.call(&["metrics", "diff", "1"]).stdout_has("RUN 1   NOW").stdout_has("-0.25");
    let case = case.call(&["metrics", "diff", "1", "2", "--md"]);
    let markdown = "| file | metric | run 1 | run 2 | change |\n| --- | --- | ---: | ---: | ---: |\n| eval.json | auc | 0.5 | 0.75 | +0.25 |\n";
    assert_eq!(case.last().stdout, markdown);
    let case = case.call(&["metrics", "diff", "1", "--all"]).stdout_has("by.cat");
    let case = case.call(&["metrics", "diff", "1", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!((&json["before"], &json["after"]), (&"run 1".into(), &"now".into()));
    assert_eq!(json["metrics"].as_array().unwrap().len(), 1);
    assert_eq!(json["metrics"][0]["change"], -0.25);
    // Run 3 and 4 are as it is now.
    let case = case.call(&["metrics", "diff", "3"]).stderr_has("no metric changed from run 3 to now");
    let case = case.call(&["metrics", "diff", "4"]).stderr_has("no metric changed from run 4 to now");
    case.call_with_code(&["metrics", "diff", "77"], 2).stderr_has("the metrics of run 77 are not known");
}

/// Promise: what comes out of the cache is compared like what was made, and a run with nothing to do changes nothing.
#[test]
fn restored_metrics_are_metrics() {
    let cache = ["--cache", "cache"];
    let case = project().run(&cache).file("params.yaml", "lr: 0.75\nother: 1\n").run(&cache);
    let case = case.file("params.yaml", "lr: 0.5\nother: 1\n").run(&cache).restored(&["train model.txt"]);
    let case = case.run(&cache).ran(&[]).run(&cache).ran(&[]);
    let case = case.call(&["metrics", "diff"]);
    assert!(case.last().stdout.contains("RUN 2  NOW"), "{}", case.last());
    assert!(case.last().stdout.contains("-0.25"), "{}", case.last());
    case.call(&["metrics"]).stdout_has("auc       0.5");
}

/// Promise: a run for one target leaves the values of the others on record, and files that are gone are not carried along.
#[test]
fn each_run_notes_all_that_is_known() {
    let rulefile = "rule all:\n    input: expand('{x}.json', x=['a', 'b'])\nrule one:\n    metrics: '{x}.json'\n    \
                    params: from_file('params.yaml', '{x}')\n    \
                    shell: \"echo '{{\\\"v\\\": {params[0]}}}' > {output}\"\n";
    let case = Case::new().rulefile(rulefile).file("params.yaml", "a: 1\nb: 2\n").run(&[]);
    let case = case.call(&["metrics"]);
    assert_eq!(case.last().stdout, "FILE    v\na.json  1\nb.json  2\n");
    let case = case.call(&["metrics", "show", "b*"]);
    assert_eq!(case.last().stdout, "FILE    METRIC  VALUE\nb.json  v           2\n");
    let case = case.file("params.yaml", "a: 3\nb: 4\n").run(&["a.json"]).run(&["b.json"]);
    let case = case.call(&["metrics", "diff", "2", "3"]);
    assert_eq!(
        case.last().stdout,
        "FILE    METRIC  RUN 2  RUN 3  CHANGE\nb.json  v           2      4      +2\n"
    );
    let case = case.edit("Rulefile", "['a', 'b']", "['a']").remove("b.json");
    let case = case.file("params.yaml", "a: 5\nb: 4\n").run(&[]).call(&["metrics", "diff", "3", "4"]);
    assert!(case.last().stdout.contains("b.json  v           4      -    gone"), "{}", case.last());
}

/// Promise: `NaN` and its like, which Python writes into JSON, are values: one that is as it was is no change, in JSON it is null.
#[test]
fn what_is_no_number_is_a_value() {
    let rulefile = "rule a:\n    metrics: 'm.json', 'n.yaml'\n    params: from_file('params.yaml', 'x')\n    \
                    shell: \"echo '{{\\\"loss\\\": NaN, \\\"top\\\": -Infinity, \\\"x\\\": {params[0]}}}' > m.json; echo 'y: .nan' > n.yaml\"\n";
    let case = Case::new().rulefile(rulefile).file("params.yaml", "x: 1\n").run(&[]);
    let case = case
        .call(&["metrics"])
        .stdout_has("loss      nan")
        .stdout_has("top      -inf")
        .stdout_has("y         nan");
    let case = case.file("params.yaml", "x: 2\n").run(&[]).call(&["metrics", "diff"]);
    assert_eq!(
        case.last().stdout,
        "FILE    METRIC  RUN 1  NOW  CHANGE\nm.json  x           1    2      +1\n"
    );
    let case = case.call(&["metrics", "diff", "1", "2", "--all"]).stdout_has("loss      nan    nan\n");
    let case = case.call(&["metrics", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap_or_default();
    assert_eq!(json["files"]["m.json"]["loss"], serde_json::Value::Null);
    assert_eq!(json["files"]["m.json"]["x"], 2);
}

/// Promise: `show` need not be said before a file.
#[test]
fn a_file_is_shown() {
    let case = project().run(&[]).call(&["metrics", "eval.json"]);
    assert!(case.last().stdout.contains("auc"), "{}", case.last());
    let case = case
        .call_with_code(&["metrics", "score.json"], 2)
        .stderr_has("`score.json` is no output below `metrics:`");
    case.call_with_code(&["metrics", "dif"], 2).stderr_has("diff");
}

fn git(case: &Case, args: &[&str]) {
    let call = program("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(case.root())
        .output()
        .unwrap();
    assert!(call.status.success(), "{}", String::from_utf8_lossy(&call.stderr));
}

/// Promise: a revision of git is compared with by what was committed then; what git does not have is told.
#[test]
fn revisions_of_git_are_compared() {
    let case = project().run(&[]);
    let case = case
        .call_with_code(&["metrics", "diff", "HEAD"], 2)
        .stderr_has("the project is not in a git repository");
    git(&case, &["init", "-q"]);
    let case = case.call_with_code(&["metrics", "diff", "HEAD"], 2);
    let case = case.stderr_has("`HEAD` is neither the number of a run nor a revision of git");
    git(&case, &["add", "Rulefile", "params.yaml"]);
    git(&case, &["commit", "-qm", "one"]);
    let case = case.call_with_code(&["metrics", "diff", "HEAD"], 2);
    let case = case
        .stderr_has("neither git nor a Rulefile.lock of it has metrics at `HEAD`")
        .stderr_has("git add -f eval.json");
    git(&case, &["add", "eval.json"]);
    git(&case, &["commit", "-qm", "two"]);
    git(&case, &["tag", "then"]);
    let case = case.call(&["metrics", "diff", "HEAD"]).stderr_has("no metric changed from HEAD to now");
    let case = lr(case, "0.75").call(&["metrics", "diff", "then"]);
    assert_eq!(
        case.last().stdout,
        "FILE       METRIC  then   NOW  CHANGE\neval.json  auc      0.5  0.75   +0.25\n"
    );
    let case = case.call(&["metrics", "diff", "then", "1", "--all"]).stdout_has("RUN 1");
    let case = case.call_with_code(&["metrics", "diff", "no-such"], 2).stderr_has("known are runs 1 to 2");
    // No option of git, whatever it is called.
    case.call_with_code(&["metrics", "diff", "--", "--output=x"], 2)
        .stderr_has("nor a revision of git")
        .has_not("x");
}

/// Promise: a project below the top of a repository finds its own files there.
#[test]
fn a_project_in_a_directory_of_a_repository() {
    let case = Case::new().file("sub/Rulefile", RULEFILE).file("sub/params.yaml", "lr: 0.5\nother: 1\n");
    let case = case.call(&["-C", "sub"]);
    git(&case, &["init", "-q"]);
    git(&case, &["add", "sub/Rulefile", "sub/eval.json"]);
    git(&case, &["commit", "-qm", "one"]);
    let case = case.file("sub/params.yaml", "lr: 1\nother: 1\n").call(&["-C", "sub"]);
    case.call(&["-C", "sub", "metrics", "diff", "HEAD"]).stdout_has("auc      0.5    1    +0.5");
}

/// Promise: files that say nothing are told by name, and hide none of the others; nothing to show is told, too.
#[test]
fn what_cannot_be_shown_is_told() {
    let case = Case::new().rulefile("rule a:\n    output: 'a'\n    shell: 'touch a'\n");
    case.call_with_code(&["metrics"], 2).stderr_has("no rule has metrics");
    let case = project()
        .call_with_code(&["metrics"], 2)
        .stderr_has("`eval.json` is not made")
        .file("eval.json", "{");
    let case = case.call_with_code(&["metrics"], 1).stderr_has("warning: no metrics in eval.json: not JSON");
    let case = case.remove("eval.json").run(&[]).call_with_code(&["metrics", "diff"], 0);
    let case = case.stderr_has("no metric is other than after run 1");
    // What cannot be read did not stay as it was, whether or not it is said what to compare with.
    let case = case.edit("eval.json", "{", "");
    for words in [&["metrics", "diff"][..], &["metrics", "diff", "1"], &["metrics", "diff", "--json"]] {
        let case = case.command(words).output().unwrap();
        let stderr = String::from_utf8_lossy(&case.stderr).into_owned();
        assert_eq!(case.status.code(), Some(1), "{words:?}: {stderr}");
        assert!(stderr.contains("warning: no metrics in eval.json: now: not JSON"), "{words:?}: {stderr}");
    }
    // Nobody writes to a pipe in the place of a note; of a run that is not known nothing is said.
    let note = case.path(".rulemake/runs/1/metrics.json");
    let case = case.remove(".rulemake/runs/1/metrics.json");
    assert!(Command::new("mkfifo").arg(&note).status().unwrap().success());
    let mut command = program("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_rulemake"), "metrics", "diff"]).current_dir(case.root());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("there is no earlier run whose metrics are known"), "{stderr}");
    let case = case.remove(".rulemake/runs/1/metrics.json");
    // A note that was cut off is none.
    let case = case.file(".rulemake/runs/1/metrics.json", "{\"v\":1,\"fi");
    case.call_with_code(&["metrics", "diff", "1"], 2).stderr_has("the metrics of run 1 are not known");
}

/// Promise: one damaged file is named in each form, on a pipe and with `-q`, too, and the others are compared.
#[test]
fn a_damaged_file_stands_in_each_form() {
    let rulefile = r#"
rule all:
    input: "a.json", "b.json"
rule a:
    metrics: "{x}.json"
    shell: "echo '{{\"n\": 1}}' > {output}"
"#;
    let case = Case::new().rulefile(rulefile).run(&[]);
    git(&case, &["init", "-q"]);
    git(&case, &["add", "-A"]);
    git(&case, &["commit", "-qm", "one"]);
    let case = case.file("a.json", "{\"n\": 2}").file("b.json", "{\"n\": ");
    let case = case.call_with_code(&["metrics", "diff", "HEAD", "-q"], 1);
    assert_eq!(
        case.last().stdout,
        "FILE    METRIC  HEAD  NOW      CHANGE\na.json  n          1    2          +1\nb.json  -          -    -  unreadable\n"
    );
    assert!(
        case.last().stderr.starts_with("warning: no metrics in b.json: now: not JSON"),
        "{}",
        case.last()
    );
    let case = case.call_with_code(&["metrics", "diff", "HEAD", "--md"], 1);
    assert!(case.last().stdout.ends_with("| b.json | - | - | - | unreadable |\n"), "{}", case.last());
    let case = case.call_with_code(&["metrics", "diff", "HEAD", "--json"], 1);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert!(json["unreadable"]["b.json"].as_str().unwrap().starts_with("now: not JSON"), "{json}");
    assert_eq!(json["metrics"][0]["change"], 1.0);
    let case = case.call_with_code(&["metrics"], 1);
    assert!(case.last().stdout.ends_with("b.json  -       unreadable\n"), "{}", case.last());
    let case = case.file("a.json", "{\"n\": 1}").call_with_code(&["metrics", "diff", "HEAD"], 1);
    case.stderr_has("no metric that can be read changed from HEAD to now");
}

/// Promise: below `metrics:` stand outputs: with names, for other rules, inherited, and not what cannot be read as a file.
#[test]
fn metrics_are_outputs() {
    let rulefile = r#"
rule all:
    input: rules_of_all
rule a:
    output: main="a.txt"
    metrics: "a.json", test="a.yaml"
    shell: "echo {output} > {output.main}; echo 1 > {output.metrics}; echo 2 > {output.test}"
rule b:
    input: rules.a.metrics, m=rules.a.output.metrics, all=rules.a.output
    output: "b.txt"
    shell: "echo {input.m} {input.all} > {output}"
use rule a as c with:
    output: main="c.txt"
    metrics: "c.json", test="c.yaml"
use rule a as d with:
    metrics: "d.json", test="d.yaml"
    output: main="d.txt"
rule script:
    metrics: "s.json"
    script: "s.sh"
"#;
    let rulefile = rulefile.replace("rules_of_all", "\"b.txt\", \"c.txt\", \"d.txt\", \"s.json\"");
    let case = Case::new().rulefile(&rulefile).file("s.sh", "echo 3 > \"${snakemake_output[metrics]}\"\n");
    let case =
        case.run(&[]).has("a.txt", "a.txt a.json a.yaml\n").has("b.txt", "a.json a.txt a.json a.yaml\n");
    let case =
        case.has("c.txt", "c.txt c.json c.yaml\n").has("d.txt", "d.txt d.json d.yaml\n").run(&[]).ran(&[]);
    let case = case.remove("c.yaml").run(&[]).ran(&["c c.txt"]).call(&["metrics"]);
    assert_eq!(case.last().stdout.lines().count(), 8, "{}", case.last());
    for (section, code) in [
        ("metrics: temp('m.json')", "flags-contradict"),
        ("metrics: directory('m')", "flags-contradict"),
        ("metrics: lambda wc: 'm.json'", "function-not-allowed"),
        ("metric: 'm.json'", "did you mean `metrics`"),
        ("output: metrics='a'\n    metrics: 'm.json'", "metrics"),
    ] {
        let case = Case::new().rulefile(&format!("rule a:\n    {section}\n    shell: 'x'\n"));
        let case = case.call_with_code(&[], 3);
        assert!(case.last().stderr.contains(code), "{section}\n{}", case.last());
    }
    // `{metrics}` is a name of no command: the message says what is.
    let case = Case::new().rulefile("rule a:\n    metrics: 'm.json'\n    shell: 'echo 1 > {metrics}'\n");
    case.call_with_code(&[], 3).stderr_has("{output.metrics}");
}

/// Promise: the shell completes the files whose metrics can be shown, and the runs that they can be compared with.
#[test]
fn names_are_completed() {
    let case = project().run(&[]);
    let found = |verb: &str| {
        let mut command = case.command(&["--", "rulemake", "metrics", verb, ""]);
        command
            .env("RULEMAKE_COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", "3")
            .env("_CLAP_COMPLETE_IFS", "\n");
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        (said.contains("eval.json"), said.lines().any(|line| line == "1"))
    };
    assert_eq!(found("diff"), (false, true));
    assert!(found("show").0);
}

/// Promise: values that the next run would not leave as they are, are marked so.
#[test]
fn stale_metrics_are_told_to_be_stale() {
    let case = project().run(&[]).call(&["metrics"]);
    assert!(!case.last().stderr.contains("not up to date"), "{}", case.last());
    let case = case.file("params.yaml", "lr: 0.75\nother: 1\n").call(&["metrics"]);
    let case = case.stdout_has("auc       0.5").stderr_has("eval.json is not up to date: param lr changed");
    let case = case.call(&["metrics", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert!(json["stale"]["eval.json"].as_str().unwrap().contains("lr"), "{json}");
    // Whoever compares is told, too: else they would be taken for the values of these params.
    let case =
        case.call(&["metrics", "diff", "1"]).stderr_has("eval.json is not up to date: param lr changed");
    let case = case.call(&["metrics", "diff", "1", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert!(json["stale"]["eval.json"].as_str().unwrap().contains("lr"), "{json}");
    let case = case.run(&[]).call(&["metrics"]);
    assert!(!case.last().stderr.contains("not up to date"), "{}", case.last());
}

/// Promise: a revision stands in the table as it was typed, and what rules made then that are there no more is compared, too.
#[test]
fn revisions_are_shown_as_typed_with_what_was_made_then() {
    let case = project().run(&[]);
    let git = |args: &[&str]| {
        let mut command = program("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args).current_dir(case.root());
        assert!(command.output().unwrap().status.success(), "{args:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "-f", "eval.json", "Rulefile", "params.yaml"]);
    git(&["commit", "-qm", "1"]);
    git(&["branch", "feature/Small"]);
    let case = case.edit("Rulefile", "metrics: \"eval.json\"", "metrics: \"new.json\"").run(&[]);
    let case = case.call(&["metrics", "diff", "feature/Small"]).stdout_has("feature/Small  NOW");
    case.stdout_has("eval.json  auc").stdout_has("gone").stdout_has("new.json");
}
