//! What a user sees of a run and of a project: how much a run prints, what changed, what there is.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::Case;

/// raw -> mid -> out for each of `n` samples, and one file of all.
fn samples(n: usize) -> Case {
    let names: Vec<String> = (0..n).map(|n| format!("s{n}")).collect();
    let case = Case::new().rulefile(&format!(
        "SAMPLES = {names:?}\n\
         rule all:\n    input: 'out/all'\n\
         rule mid:\n    input: 'raw/{{s}}'\n    output: 'mid/{{s}}'\n    params: min=1\n    shell: 'sort {{input}} > {{output}} # {{params.min}}'\n\
         rule out:\n    input: expand('mid/{{s}}', s=SAMPLES)\n    output: 'out/all'\n    shell: 'cat {{input}} > {{output}}'\n"
    ));
    names.iter().fold(case, |case, name| case.file(&format!("raw/{name}"), &format!("{name}\n")))
}

/// What a call prints to standard output, whatever its exit code.
fn answer(case: &Case, line: &[&str]) -> String {
    String::from_utf8(case.command(line).output().unwrap().stdout).unwrap()
}

fn stderr_lines(case: &Case) -> usize {
    case.last().stderr.lines().count()
}

/// Quick jobs are counted, not listed; Snakemake prints 363 lines for as many.
#[test]
fn a_run_of_many_quick_jobs_prints_few_lines() {
    let case = samples(22).call(&[]);
    assert_eq!(case.last().stdout, "");
    assert!(stderr_lines(&case) < 10, "{}", case.last().stderr);
    let case = case.stderr_has("23 ran in ").call(&[]).stderr_has("nothing to do: 23 jobs up to date");
    assert_eq!(stderr_lines(&case), 1);
}

/// A few jobs are told each: it shows what was made.
#[test]
fn a_run_of_few_jobs_says_what_it_made() {
    samples(2)
        .call(&[])
        .stderr_has("done mid mid/s0")
        .stderr_has("done out out/all")
        .stderr_has("3 ran in ")
        .append("raw/s1", "more\n")
        .call(&[])
        .stderr_has("(input raw/s1 changed)");
}

/// With -v each job is told, however many there are.
#[test]
fn all_jobs_are_told_when_that_is_asked_for() {
    let case = samples(22).call(&["-v"]);
    let done = case.last().stderr.lines().filter(|line| line.contains(" done ")).count();
    assert_eq!(done, 23);
}

/// The whole change is seen at a glance: each cause once, with what it reaches.
#[test]
fn diff_tells_each_change_once() {
    let case = samples(5).call(&["diff"]);
    let text = "new: 5 jobs that never ran (rule mid)\nnew: 1 job that never ran (rule out)\n";
    assert_eq!(case.last().stdout, text);
    let case = case.call(&[]).call(&["diff"]);
    assert_eq!(case.last().stdout, "nothing changed\n");
    let case = case
        .append("raw/s1", "more\n")
        .edit("Rulefile", "min=1", "min=2")
        .edit("Rulefile", "cat {input}", "cat -- {input}")
        .remove("out/all")
        .call(&["diff"]);
    let lines: Vec<&str> = case.last().stdout.lines().collect();
    let [source, param, command, old, new, _, output] = lines[..] else { panic!("{lines:?}") };
    assert!(source.starts_with("source: raw/s1 changed: ") && source.ends_with(" (1 job)"), "{source}");
    assert_eq!(param, "rule: mid: param min changed: 1 -> 2 (5 jobs)");
    assert_eq!(command, "rule: out: command changed (1 job)");
    assert!(old.starts_with("      - ") && old.contains("cat {input}"), "{old}");
    assert!(new.starts_with("      + ") && new.contains("cat -- {input}"), "{new}");
    assert_eq!(output, "output: out/all is missing");
    let case = case.call(&["diff", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(json["changes"][1]["reason"], "param-changed");
    assert_eq!(json["changes"][1]["jobs"], 5);
}

/// Each output has a line with its state, size, last run and rule.
#[test]
fn summary_is_a_table_of_the_outputs() {
    let case = samples(2).call(&[]).remove("out/all").append("raw/s0", "zz\n").call(&["summary"]);
    let rows: Vec<Vec<&str>> =
        case.last().stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["STATE", "SIZE", "LAST", "RUN", "TOOK", "RULE", "FILE"]);
    let of = |file: &str| rows.iter().find(|row| row.last() == Some(&file)).unwrap();
    assert_eq!(of("mid/s0")[..5], ["will", "run", "3", "B", "1"]);
    assert_eq!(of("mid/s1")[..5], ["up", "to", "date", "3", "B"]);
    assert_eq!(of("out/all")[..4], ["will", "run", "missing", "1"]);
    let case = case.call(&["summary", "--json", "mid/s1"]);
    let json: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    let output = &json["outputs"][0];
    assert_eq!((&output["path"], &output["verdict"]), (&"mid/s1".into(), &"up-to-date".into()));
    assert_eq!((&output["size"], &output["last"]["run"]), (&3.into(), &1.into()));
    assert!(output["log"].is_null(), "a job that said nothing has no log: {output}");
}

/// Names alone where another program reads them; with their state where a person does.
#[test]
fn outputs_are_listed_with_their_state_on_request() {
    let case = samples(1).call(&["list", "--outputs"]);
    assert_eq!(case.last().stdout, "mid/s0\nout/all\n");
    let case = case.call(&[]).remove("mid/s0").call(&["list", "--outputs", "-v"]);
    assert_eq!(case.last().stdout, "will run    mid/s0\nmay run     out/all\n");
}

/// A picture that a browser shows: well-formed, with a box for each node and an arrow for each edge.
#[test]
fn the_graph_is_drawn() {
    let case = samples(3).file("raw/s1", "<&>\n").call(&["graph", "--format", "svg", "--by", "job"]);
    let svg = case.last().stdout.clone();
    assert!(
        svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"") && svg.ends_with("</svg>\n")
    );
    assert_eq!(svg.matches("<rect ").count(), 5, "mid, mid, mid, out, all\n{svg}");
    assert_eq!(svg.matches("<path d=\"M").count(), 5, "four edges and the arrow head\n{svg}");
    assert_eq!(svg.matches("<text ").count(), svg.matches("</text>").count());
    let boxes: Vec<&str> = svg.lines().filter(|line| line.starts_with("<rect ")).collect();
    assert!(
        boxes.iter().enumerate().all(|(n, one)| !boxes[..n].contains(one)),
        "no box hides another\n{svg}"
    );
    let by_rule = case.call(&["graph", "--format", "svg"]);
    assert!(by_rule.last().stdout.contains(">3 jobs</text>"), "{}", by_rule.last().stdout);
}

/// What nobody could read is refused with the way out.
#[test]
fn a_graph_that_is_too_large_for_a_picture_is_refused() {
    samples(1_001)
        .call_with_code(&["graph", "--format", "svg", "--by", "job"], 2)
        .stderr_has("a picture of 1003 nodes and 1002 edges cannot be read")
        .stderr_has("`--by rule`")
        .call(&["graph", "--format", "svg"]);
}

/// Ten thousand jobs: what is looked at for an overview stays one, and lists say all.
#[test]
fn ten_thousand_jobs_are_looked_at() {
    let rulefile = "rule all:\n    input: expand('out/{n}.txt', n=range(10000))\n\
        rule one:\n    input: 'in'\n    output: 'out/{n}.txt'\n    shell: 'cp {input} {output}'\n";
    let mut case = Case::in_memory().rulefile(rulefile).file("in", "1\n");
    for (args, lines) in [
        (&["-n"][..], 10..25),
        (&["diff"], 1..10),
        (&["graph"], 1..10),
        (&["graph", "--format", "svg"], 1..60),
        (&["status"], 1..3),
        (&["why", "out/77.txt"], 1..10),
        (&["list"], 1..10),
        (&["list", "--outputs"], 10_000..10_001),
        (&["summary"], 10_001..10_002),
        (&["check"], 1..12),
    ] {
        let begin = std::time::Instant::now();
        case = case.call(args);
        let last = case.last();
        let printed = last.stdout.lines().count() + last.stderr.lines().count();
        assert!(lines.contains(&printed), "{args:?} prints {printed} lines");
        assert!(begin.elapsed() < support::PATIENCE, "{args:?} takes {:?}", begin.elapsed());
    }
}

/// Where the terminal follows links, a click opens the log of a failed job.
#[test]
fn the_log_of_a_failed_job_is_a_link_where_links_are_followed() {
    let case = Case::new()
        .rulefile("rule a:\n    output: 'o'\n    shell: 'echo oops; false'\n")
        .env("FORCE_HYPERLINK", "1")
        .call_with_code(&["--color", "always"], 1);
    let link = format!("\u{1b}]8;;file://{}", case.root().display());
    assert!(case.last().stderr.contains(&link), "{}", case.last().stderr);
    let case = case.env("FORCE_HYPERLINK", "0").call_with_code(&["--color", "always"], 1);
    let text = &case.last().stderr;
    assert!(text.contains(".rulemake/runs/2/jobs/") && !text.contains("\u{1b}]8;;"), "{text}");
}

/// The chain of jobs that a run had to wait for, and what its rules took before: what the end of a run and its ETA tell.
#[test]
fn a_run_knows_its_longest_chain_and_what_jobs_took_before() {
    let rules = "\
rule all:
    input: 'c', 'd'
rule a:
    input: 'i'
    output: 'a'
    shell: 'sleep 0.3; cp {input} {output}'
rule b:
    input: 'a'
    output: 'b'
    shell: 'sleep 0.3; cp {input} {output}'
rule c:
    input: 'b', 'd'
    output: 'c'
    shell: 'cat {input} > {output}'
rule d:
    output: 'd'
    shell: 'sleep 0.1; touch {output}'
";
    let case = Case::new().rulefile(rules).file("i", "1\n").run(&["-j4"]);
    let path = &case.last().of("run-finished").next().unwrap()["summary"]["critical_path"];
    let jobs: Vec<&str> =
        path["steps"].as_array().unwrap().iter().map(|step| step["job"].as_str().unwrap()).collect();
    assert_eq!((jobs, path["jobs"].as_u64()), (vec!["a a", "b b", "c c"], Some(3)), "{path}");
    assert!((600..60_000).contains(&path["duration_ms"].as_u64().unwrap()), "{path}");
    assert!(case.last().of("run-started").all(|event| event["rules"][0]["earlier_ms"].is_null()));

    let case = case.file("i", "2\n").run(&["a"]);
    let finished = case.last().of("run-finished").next().unwrap();
    assert!(finished["summary"].get("critical_path").is_none(), "one job is no chain: {finished}");
    let started = case.last().of("run-started").next().unwrap();
    let earlier = started["rules"][0]["earlier_ms"].as_u64().unwrap();
    assert_eq!((&started["rules"][0]["rule"], &started["rules"][0]["jobs"]), (&"a".into(), &1.into()));
    assert!((300..60_000).contains(&earlier), "{started}");
}

/// Promise: each answer in JSON begins with its version, and a log is called the same in all of them.
#[test]
fn answers_in_json_are_alike() {
    let case = samples(2).call(&[]).env("RULEMAKE_CACHE", "kept");
    let mut case = case.call(&["cache", "add"]);
    for line in [
        &["plan"][..],
        &["list"],
        &["list", "--outputs"],
        &["summary"],
        &["status"],
        &["diff"],
        &["why", "mid/s0"],
        &["log", "mid/s0"],
        &["graph"],
        &["check"],
        &["cache"],
        &["cache", "verify"],
        &["cache", "gc", "--max-age", "1d"],
        &["lock"],
        &["config"],
        &["clean"],
    ] {
        case = case.call(&[line, &["--json"]].concat());
        assert!(case.last().stdout.starts_with("{\n  \"v\": 1,\n"), "{line:?}\n{}", case.last());
    }
    let case = case.call(&["log", "mid/s0", "--json"]);
    let log: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    let case = case.call(&["summary", "mid/s0", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(
        (&log["log"], &summary["outputs"][0]["log"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
    let case = case.edit("Rulefile", "sort {input} >", "echo said; sort {input} >").call(&[]);
    let case = case.call(&["log", "mid/s0", "--json"]);
    let log: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    let case = case.call(&["summary", "mid/s0", "--json"]);
    let summary: serde_json::Value = serde_json::from_str(&case.last().stdout).unwrap();
    assert_eq!(log["log"], summary["outputs"][0]["log"]);
    assert!(log["log"].as_str().unwrap().starts_with(".rulemake/runs/2/jobs/"), "{log}");
}

const FILES: &str = "\
rule all:
    input: 'o/final.txt', 'a[1].txt', 'a1.txt'
rule final:
    output: 'o/final.txt'
    shell: 'echo not so; false'
rule any:
    output: '{x}.txt'
    shell: 'echo > {output:q}'
";

/// Promise: to ask of many files costs one plan, however many they are, and each is answered as if it had been asked for alone.
#[test]
fn many_files_are_explained_at_once() {
    let rules = "rule all:\n    input: expand('out/{s}', s=range(3000))\n\
                 rule t:\n    output: temp('t/{s}')\n    shell: 'echo > {output}'\n\
                 rule o:\n    input: 't/{s}'\n    output: 'out/{s}'\n    shell: 'cp {input} {output}'\n";
    let case = Case::new().rulefile(rules).run(&["out/1", "out/2"]);
    let names: Vec<String> =
        (0..3000).map(|n| format!("out/{n}")).chain(["t/1".into(), "no".into()]).collect();
    let line: Vec<&str> = ["why"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let begin = std::time::Instant::now();
    let case = case.call_with_code(&line, 4);
    let took = begin.elapsed();
    assert!(took < std::time::Duration::from_secs(60), "each with a plan of its own: {took:?}");
    let text = case.last().stdout.clone();
    assert!(text.matches("out/").count() >= 3000, "{}", text.lines().take(20).collect::<String>());
    for name in ["out/1", "t/1", "out/7"] {
        let alone = answer(&case, &["why", name]);
        assert!(text.contains(alone.trim_end()), "{name}: {alone}");
    }
    case.stderr_has("no rule makes `no`");
}

/// Promise: a file whose name looks like a pattern is meant by its name, and the hint to try again names it alone.
#[test]
fn names_that_look_like_patterns_are_names() {
    let case = Case::new().rulefile(&FILES.replace("echo > {output:q}", "echo x; false"));
    let case = case.call_with_code(&["a[1].txt"], 1).stderr_has("rulemake 'a[[]1].txt'");
    let case = case.call_with_code(&["b[2].txt"], 1).stderr_has("rulemake 'b[[]2].txt'");
    for hint in ["a[[]1].txt", "b[[]2].txt", "a[1].txt"] {
        let name = hint.replace("[[]", "[");
        let one = answer(&case, &["why", hint]);
        assert!(one.starts_with(&format!("{name} ")) || one.contains(&name), "{hint}: {one}");
        assert_eq!(answer(&case, &["log", hint]), "x\n", "{hint}");
    }
    let case = case.call_with_code(&["b[[]2].txt"], 1).stderr_has("any b[2].txt");
    let case = case.call_with_code(&["c\n\u{1b}.txt"], 1).stderr_has(r"rulemake $'c\n\x1b.txt'");
    drop(case);
}

/// Promise: what was probably meant is named: other letters, a missing ending, a path from elsewhere, a command.
#[test]
fn what_was_meant_is_named() {
    let case = Case::new().rulefile(&FILES.replace("'{x}.txt'", "'a1.txt', 'a[1].txt'")).file("sub/x", "");
    let case = case.call_with_code(&["FINAL"], 4).stderr_has("did you mean `final`?");
    let case = case.call_with_code(&["A1.TXT"], 4).stderr_has("did you mean `a1.txt`?");
    let case = case.call_with_code(&["o/final"], 4).stderr_has("did you mean `o/final.txt`?");
    let case =
        case.call_with_code(&["-C", "sub", "why", "a1.txt"], 4).stderr_has("did you mean `../a1.txt`?");
    // Also where only a pattern spells it, made or not.
    let with = "rule all:\n    input: 'out/a.1.txt'\n\
                rule one:\n    output: 'out/{a}.{b}.txt'\n    shell: 'touch {output}'\n";
    let mut patterns = Case::new().rulefile(with);
    for _ in 0..2 {
        for wrong in ["OUT/a.1.txt", "out/a.1"] {
            patterns = patterns.call_with_code(&[wrong], 4).stderr_has("did you mean `out/a.1.txt`?");
        }
        patterns = patterns.run(&[]);
    }
    // The way out of the project and in again is no other file.
    let around = format!("../{}/out/a.1.txt", patterns.root().file_name().unwrap().to_str().unwrap());
    drop(patterns.call(&[&around]).has("out/a.1.txt", ""));
    let case = case.call_with_code(&["--", "plan"], 4);
    assert!(!case.last().stderr.contains("the command comes first"), "{}", case.last());
    let case = case.call_with_code(&["-s", "Snakefile"], 3);
    assert!(!case.last().stderr.contains("--force"), "{}", case.last());
    let case = case.call_with_code(&["-j", "-3"], 2).stderr_has("expected a number, or `all`");
    drop(case);
    Case::new().call_with_code(&["initt"], 3).stderr_has("did you mean the command `init`?");
}

/// Promise: `log` alone shows what the job printed that failed in the last run.
#[test]
fn the_log_of_what_failed_needs_no_name() {
    let case = Case::new().rulefile(FILES);
    let case = case.call_with_code(&["log"], 4).stderr_has("no job failed in the last run");
    let case = case.call_with_code(&["-k"], 1).call(&["log"]).stderr_has("o/final.txt:");
    assert_eq!(case.last().stdout, "not so\n");
    let case = case.edit("Rulefile", "echo not so; false", "echo > {output}").call(&[]);
    case.call_with_code(&["log"], 4).stderr_has("no job failed in the last run");
}

/// Promise: `CLICOLOR_FORCE=0` forces nothing, and what cannot be written is an error of any answer.
#[test]
fn colours_and_full_disks_are_minded_everywhere() {
    let case = Case::new().rulefile(FILES);
    for line in [&["--help"][..], &["list"], &["--nonsense"]] {
        let output = case.command(line).env("CLICOLOR_FORCE", "0").output().unwrap();
        let all = [output.stdout, output.stderr].concat();
        assert!(!all.contains(&0x1b), "{line:?}");
    }
    for line in [&["--help"][..], &["--version"], &["help", "run"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = case.command(line).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{line:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"),
            "{line:?}"
        );
    }
}
