//! Jobs that fail, and limits: what else runs, what is kept, what the user is told.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use support::Case;

/// `bad` fails, `good*` do not depend on it, `after` does.
const TREE: &str = "\
rule all:
    input: 'after', expand('good{i}', i=range(6))

rule after:
    input: 'bad'
    output: 'after'
    shell: 'cp {input} {output}'

rule bad:
    input: 'switch'
    output: 'bad'
    priority: 10
    shell: 'echo part > {output}; echo I am broken >&2; cat {input}; test ! -s {input}'

# Goes on until the failure is known of the one that fails.
rule good:
    output: 'good{i}'
    shell: 'for i in $(seq 1200); do test -s switch || break; grep -qs job-failed .rulemake/runs/*/events.jsonl && break; sleep 0.05; done; touch {output}'
";

fn tree() -> Case {
    Case::new().rulefile(TREE).file("switch", "down\n")
}

#[test]
fn after_the_first_failure_nothing_new_starts_and_what_runs_may_end() {
    let case = tree().run_with_code(&["-j2"], 1).failed(&["bad bad"]);
    let (ran, started) = (case.last().of("job-finished").count(), case.last().of("job-started").count());
    assert!(ran <= 2, "{ran} jobs ran on two processors\n{}", case.last());
    assert_eq!(started, ran + 1, "what was started came to its end");
    assert_eq!(case.files("").iter().filter(|f| f.starts_with("good")).count(), ran);
    let skipped = case.last().jobs("job-skipped", |e| e["because"]["cause"] == "drained");
    assert!(!skipped.is_empty(), "{}", case.last());
    case.file("switch", "").run(&[]).run(&[]).ran(&[]).up_to_date(8);
}

#[test]
fn with_k_all_that_does_not_depend_on_the_failure_runs() {
    let goods: Vec<String> = (0..6).map(|i| format!("good good{i}")).collect();
    let goods: Vec<&str> = goods.iter().map(String::as_str).collect();
    let case = tree().run_with_code(&["-k"], 1).failed(&["bad bad"]).ran(&goods).skipped(&["after after"]);
    let cause = case.last().of("job-skipped").next().unwrap()["because"].clone();
    assert_eq!((cause["cause"].as_str(), cause["job"].as_str()), (Some("upstream-failed"), Some("bad bad")));
    case.run_with_code(&["-k"], 1)
        .ran(&[])
        .failed(&["bad bad"])
        .up_to_date(6)
        .file("switch", "")
        .run(&["-k"])
        .ran(&["bad bad", "after after"]);
}

#[test]
fn a_failure_is_told_with_its_log_and_what_it_left_is_kept_aside() {
    let case = tree()
        .call_with_code(&["bad"], 1)
        .stderr_has("error: bad bad failed: exit 1")
        .stderr_has("I am broken\n    down\n")
        .stderr_has("rerun: rulemake bad")
        .has_not("bad")
        .call(&["log", "bad"])
        .stdout_has("I am broken\ndown\n")
        .run_with_code(&["bad"], 1);
    let failure = case.last().of("job-failed").next().unwrap()["failure"].clone();
    assert_eq!((failure["exit_code"].as_i64(), failure["attempt"].as_i64()), (Some(1), Some(1)));
    assert_eq!(failure["log_tail"], serde_json::json!(["I am broken", "down"]));
    let log = fs::read_to_string(case.path(failure["log"].as_str().unwrap())).unwrap();
    assert_eq!(log, "I am broken\ndown\n");
    let partial = case.path(failure["quarantine"].as_str().unwrap()).join("bad");
    assert_eq!(fs::read_to_string(partial).unwrap(), "part\n");
}

/// The words of the command that a line shows behind `lead`, without the name of the program.
fn shown_after(text: &str, lead: &str) -> Vec<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(lead)).unwrap();
    line.split_whitespace().skip(1).map(str::to_string).collect()
}

/// Promise: the line that is shown for running a failed job again does to it what this run did, when it is pasted.
#[test]
fn the_line_for_another_try_does_the_same() {
    let rulefile = "rule bad:\n    output: 'bad'\n    resources: mem_mb=9000\n    shell: 'echo {resources.mem_mb} {config[x]}; exit 1'\n";
    let case = Case::new().file("sub/Rulefile", rulefile);
    let options = ["-C", "sub", "-k", "--resources", "mem=1GB", "--env", "conda", "--config", "x=5", "bad"];
    let case = case.call_with_code(&options, 1);
    let line = shown_after(&case.last().stderr, "rerun: ");
    assert_eq!(line, ["-C", "sub", "--config=x=5", "--env=conda", "--resources=mem_mb=1000", "bad"]);
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    let case = case.call_with_code(&words, 1).stderr_has("end of its log:\n    1000 5\n");
    assert_eq!(shown_after(&case.last().stderr, "rerun: "), line);
}

/// Promise: of many failures the last ones are named, and one line tells where their logs are.
#[test]
fn failures_that_are_only_named_have_a_pointer_to_their_logs() {
    let rulefile = "rule all:\n    input: expand('f{n}', n=range(10))\nrule bad:\n    output: 'f{n}'\n    shell: 'echo I am {output}; exit 1'\n";
    let case = Case::new().rulefile(rulefile).call_with_code(&["-k", "-j1"], 1);
    let told = case.last().stderr.clone();
    assert_eq!(told.matches("  the log of the first of them: ").count(), 1, "{told}");
    let line = shown_after(&told, "the log of the first of them: ");
    let file = line.last().unwrap();
    assert!(told.contains(&format!("also failed:\n  bad {file}: exit 1\n")), "{told}");
    case.call(&["log", file]).stdout_has(&format!("I am {file}\n"));
}

/// Promise: a run with very many failures does not flood: they are counted, and `-v` tells each.
#[test]
fn very_many_failures_are_counted() {
    let rulefile = "rule all:\n    input: expand('f{n}', n=range(200))\nrule bad:\n    output: 'f{n}'\n    shell: 'exit 1'\n";
    let case = Case::new().rulefile(rulefile).call_with_code(&["-k"], 1);
    let told = case.last().stderr.clone();
    assert_eq!(told.matches("] FAILED bad").count(), 50, "{told}");
    assert_eq!(told.matches("more failures are only counted (-v tells each)\n").count(), 1, "{told}");
    assert!(told.contains("\n  and 190 more\n") && told.contains("0 ran, 200 failed"), "{told}");
    let case = case.call_with_code(&["-k", "-v"], 1);
    assert_eq!(case.last().stderr.matches("] FAILED bad").count(), 200, "{}", case.last());
}

#[test]
fn a_failure_in_the_middle_of_a_command_or_a_pipe_counts() {
    for command in
        ["false; true", "false | cat", "echo $UNSET_VARIABLE", "cat no-such-file > /dev/null; true"]
    {
        let rulefile = format!("rule a:\n    output: 'a'\n    shell: '{command}; touch {{output}}'\n");
        Case::new().rulefile(&rulefile).run_with_code(&[], 1).failed(&["a a"]).has_not("a");
    }
}

#[test]
fn an_output_that_was_not_created_is_a_failure_that_names_it() {
    Case::new()
        .rulefile("rule a:\n    output: 'a', 'b'\n    shell: 'touch a'\n")
        .call_with_code(&[], 1)
        .stderr_has("did not create b")
        .has_not("a")
        .run_with_code(&[], 1)
        .failed(&["a a"]);
}

#[test]
fn an_old_output_does_not_stand_for_one_that_was_not_created() {
    Case::new()
        .rulefile("rule a:\n    input: 'in'\n    output: 'a'\n    shell: 'cp {input} {output}'\n")
        .file("in", "1\n")
        .run(&[])
        .edit("Rulefile", "cp {input} {output}", "true {input} {output}")
        .run_with_code(&[], 1)
        .failed(&["a a"])
        .has_not("a");
}

#[test]
fn a_job_killed_by_a_signal_is_a_failure_and_the_run_goes_on_to_its_end() {
    Case::new()
        .rulefile("rule a:\n    output: 'a'\n    shell: 'touch {output}; kill -9 $$'\n")
        .call_with_code(&[], 1)
        .stderr_has("killed by signal 9")
        .has_not("a");
}

#[test]
fn a_program_that_is_not_there_is_explained() {
    Case::new()
        .rulefile("rule a:\n    output: 'a'\n    shell: 'no-such-program-at-all > {output}'\n")
        .call_with_code(&[], 1)
        .stderr_has("exit 127")
        .stderr_has("PATH");
}

#[test]
fn a_job_is_tried_again_as_often_as_its_rule_says() {
    let rulefile = "rule a:\n    output: 'a'\n    retries: 2\n    resources: attempt_seen=lambda wildcards, attempt: attempt\n    \
                    shell: 'echo {resources.attempt_seen} >> tries; test $(wc -l < tries) -ge 3; touch {output}'\n";
    let case = Case::new().rulefile(rulefile).run(&[]).ran(&["a a"]).has("tries", "1\n2\n3\n");
    assert_eq!(case.last().of("job-started").count(), 3);
    let attempts: Vec<_> = case.last().of("job-started").map(|e| e["attempt"].as_i64().unwrap()).collect();
    assert_eq!(attempts, [1, 2, 3]);
    let again: Vec<_> = case.last().of("job-failed").map(|e| e["retry"].as_bool().unwrap()).collect();
    assert_eq!(again, [true, true]);
    case.run(&[]).ran(&[]).up_to_date(1);
}

#[test]
fn retries_of_the_command_line_hold_for_rules_without_their_own_and_come_to_an_end() {
    Case::new()
        .rulefile("rule all:\n    input: 'a', 'b'\n\nrule a:\n    output: 'a'\n    shell: 'echo a >> tries; false'\n\nrule b:\n    output: 'b'\n    retries: 0\n    shell: 'echo b >> tries; false'\n")
        .run_with_code(&["-k", "-j1", "--retries", "2"], 1)
        .failed(&["a a", "b b"]);
    let case = Case::new()
        .rulefile("rule a:\n    output: 'a'\n    shell: 'echo a >> tries; false'\n")
        .run_with_code(&["--retries", "2"], 1)
        .failed(&["a a"])
        .has("tries", "a\na\na\n");
    let last = case.last().of("job-failed").last().unwrap()["failure"]["attempt"].clone();
    assert_eq!(last, 3);
}

#[test]
fn a_retry_does_not_see_what_the_attempt_before_left() {
    Case::new()
        .rulefile("rule a:\n    output: 'a'\n    retries: 1\n    shell: 'echo x >> {output}; echo >> tries; test $(wc -l < tries) -ge 2'\n")
        .run(&[])
        .has("a", "x\n");
}

#[test]
fn jobs_read_nothing_from_the_terminal() {
    Case::new().rulefile("rule a:\n    output: 'a'\n    shell: 'cat > {output}'\n").run(&[]).has("a", "");
    let case = Case::new().rulefile("rule a:\n    output: 'a'\n    shell: 'cat > {output}'\n");
    let input = fs::File::open(case.path("Rulefile")).unwrap();
    assert!(case.command(&[]).stdin(input).status().unwrap().success());
    case.has("a", "");
}

/// The most jobs that were between their `+` and their `-` at once.
fn most_at_once(journal: &str) -> usize {
    let (mut now, mut most) = (0usize, 0usize);
    for line in journal.lines() {
        match line {
            "+" => now += 1,
            "-" => now -= 1,
            other => panic!("{other:?} in the journal"),
        }
        most = most.max(now);
    }
    assert_eq!(now, 0, "{journal}");
    most
}

fn limited(section: &str, args: &[&str]) -> usize {
    limited_that(section, args, "sleep 0.05")
}

fn limited_that(section: &str, args: &[&str], wait: &str) -> usize {
    let rulefile = format!(
        "rule all:\n    input: expand('o{{i}}', i=range(12))\n\nrule one:\n    output: 'o{{i}}'\n    {section}\n    \
         shell: 'echo + >> journal; {wait}; touch {{output}}; echo - >> journal'\n"
    );
    let case = Case::new().rulefile(&rulefile).run(args);
    assert_eq!(case.last().of("job-finished").count(), 12);
    most_at_once(&case.read("journal"))
}

#[test]
fn never_more_run_at_once_than_processors_threads_and_resources_allow() {
    assert_eq!(limited("priority: 0", &["-j1"]), 1);
    // The first one goes on until others have begun.
    let others =
        "for i in $(seq 1200); do [ $(grep -c + journal) -ge 3 ] && break; sleep 0.05; done; sleep 0.05";
    assert_eq!(limited_that("priority: 0", &["-j3"], others), 3);
    assert!(limited("threads: 2", &["-j4"]) <= 2);
    assert_eq!(limited("threads: 64", &["-j4"]), 1, "more threads than there are is all of them");
    assert!(limited("resources: mem_mb=400", &["-j8", "--resources", "mem_mb=1000"]) <= 2);
    assert_eq!(limited("resources: gpu=1", &["-j8", "--resources", "gpu=1"]), 1);
}

#[test]
fn an_input_that_changes_while_its_job_runs_is_told_and_the_job_runs_again_next_time() {
    let case = Case::new()
        .rulefile("rule b:\n    input: 'a'\n    output: 'b'\n    shell: 'cp {input} {output}'\n\nrule a:\n    input: 'in'\n    output: 'a'\n    shell: 'cp {input} {output}; touch started; while [ ! -e go ]; do sleep 0.02; done'\n")
        .file("in", "1\n");
    let run = case.start(&[]);
    case.wait_for("started");
    let case = case.file("in", "2\n").file("go", "");
    let ran = run.end();
    assert_eq!(ran.code, Some(0), "{ran}");
    let told =
        ran.of("warning").any(|e| e["message"].as_str().unwrap().contains("input in changed while a a ran"));
    assert!(told, "{ran}");
    let case = case.run(&[]).ran(&["a a", "b b"]).has("b", "2\n");
    let log = std::fs::read_to_string(case.path(".rulemake/runs/2/run.log")).unwrap();
    assert!(log.contains("start a a: an input changed while it ran, in run 1; "), "{log}");
    let case = case.run(&[]).ran(&[]);
    assert!(!case.path(".rulemake/saved").exists(), "what the job made itself is nobody's work");
}

/// Promise: what a job made while an input changed is its own work; what somebody makes of that afterwards is not. And when
/// the input is again what it was before, nobody believes that the job had read that.
#[test]
fn what_a_job_made_of_a_changing_input_is_known_and_not_believed() {
    let rules = "rule a:\n    input: 'in'\n    output: 'a'\n    shell: 'touch started; while [ ! -e go ]; do sleep 0.02; done; cp {input} {output}'\n";
    let case = Case::new().rulefile(rules).file("in", "1\n");
    let run = case.start(&[]);
    case.wait_for("started");
    let case = case.file("in", "2\n").file("go", "");
    run.end();
    let case = case.has("a", "2\n").file("in", "1\n").run(&[]).ran(&["a a"]).has("a", "1\n");
    assert!(!case.path(".rulemake/saved").exists(), "{}", case.last().stdout);
    let case = case.remove("started").remove("go").file("in", "3\n");
    let run = case.start(&[]);
    case.wait_for("started");
    let case = case.file("in", "4\n").file("go", "");
    run.end();
    let case = case.file("a", "mine\n").run(&[]).ran(&["a a"]).has("a", "4\n");
    assert_eq!(case.read(".rulemake/saved/4/a"), "mine\n");
}

#[test]
fn an_input_that_changes_while_its_job_waits_is_read_as_it_is_at_the_start() {
    let rulefile = "\
rule all:
    input: 'a', 'b'

rule first:
    output: 'a'
    priority: 1
    shell: 'sleep 0.5; echo new > in; touch {output}'

rule second:
    input: 'in'
    output: 'b'
    shell: 'cp {input} {output}'
";
    let case = Case::new().rulefile(rulefile).file("in", "old\n").call(&["-j1", "--json"]).has("b", "new\n");
    case.run(&["-j1"]).ran(&[]);
}

/// Promise: what cannot be run is told by what the log says of it.
#[test]
fn programs_that_cannot_be_run_are_told_by_what_the_shell_said() {
    let rules = "rule long:\n    output: 'long'\n    shell: 'touch $(seq 1000000)'\n\
                 rule dir:\n    output: 'dir'\n    shell: './sub; touch dir'\n\
                 rule plain:\n    output: 'plain'\n    shell: './sub/x; touch plain'\n";
    let mut case = Case::new().rulefile(rules).file("sub/x", "echo\n");
    for (target, help) in [
        ("long", "the system starts no program with that many words"),
        ("dir", "the name of a directory stands where a program is called"),
        ("plain", "`chmod +x`"),
    ] {
        case = case.call_with_code(&[target], 1).stderr_has(help);
    }
}

#[test]
fn an_old_result_does_not_hide_a_mistake_in_an_input_function() {
    let rulefile = "rule all:\n    input: 'out/a'\n\nrule one:\n    input: lambda wc: 'in/' + wc.name\n    output: 'out/{name}'\n    shell: 'cp {input} {output}'\n";
    let case = Case::new().rulefile(rulefile).file("in/a", "1\n").run(&[]).ran(&["one out/a"]);
    let case = case.rulefile(&rulefile.replace("wc.name", "wc.nme"));
    case.call_with_code(&[], 4)
        .stderr_has("`nme`")
        .call_with_code(&["why", "out/a"], 4)
        .stderr_has("did you mean");
}

#[test]
fn a_result_on_record_is_no_source_when_what_it_was_made_from_is_gone() {
    let rulefile = "rule all:\n    input: 'out/a', 'out/b'\n\nrule one:\n    input: lambda wc: [f'in/{wc.name}', 'in/c']\n    output: 'out/{name}'\n    shell: 'cat {input} > {output}'\n";
    let case = Case::new().rulefile(rulefile).file("in/a", "1\n").file("in/b", "2\n").file("in/c", "3\n");
    let case = case.run(&[]).ran(&["one out/a", "one out/b"]).remove("in/b");
    case.call_with_code(&[], 4).stderr_has("missing input `in/b`").has("out/b", "2\n3\n");
}

#[test]
fn a_job_without_an_output_runs_each_time() {
    Case::new()
        .rulefile("rule tell:\n    input: 'in'\n    shell: 'cat {input} >> told'\n")
        .file("in", "1\n")
        .run(&[])
        .ran(&["tell"])
        .because("tell", "no-outputs")
        .run(&[])
        .ran(&["tell"])
        .has("told", "1\n1\n");
}

#[test]
fn a_file_that_somebody_else_made_is_saved_before_a_job_makes_its_own() {
    let case = Case::new()
        .rulefile("rule a:\n    output: 'a'\n    shell: 'echo made > {output}'\n")
        .file("a", "by hand\n")
        .run(&[])
        .because("a a", "no-record")
        .has("a", "made\n");
    assert_eq!(case.read(".rulemake/saved/1/a"), "by hand\n");
}

#[test]
fn a_directory_in_the_place_of_an_output_is_never_removed() {
    Case::new()
        .rulefile("rule a:\n    output: 'a'\n    shell: 'echo made > {output}'\n")
        .file("a/precious", "1\n")
        .call_with_code(&[], 1)
        .stderr_has("is a directory")
        .has("a/precious", "1\n");
}

#[test]
fn a_source_that_is_gone_is_an_error_although_its_result_is_there() {
    Case::new()
        .rulefile("rule a:\n    input: 'in'\n    output: 'a'\n    shell: 'cp {input} {output}'\n")
        .file("in", "1\n")
        .run(&[])
        .remove("in")
        .call_with_code(&[], 4)
        .stderr_has("missing input `in`")
        .has("a", "1\n");
}

#[test]
fn exit_codes_tell_who_has_to_act() {
    tree()
        .call_with_code(&["bad"], 1)
        .call_with_code(&["--no-such-option"], 2)
        .call_with_code(&["-f", "absent"], 3)
        .call_with_code(&["absent"], 4)
        .call(&["good1"])
        .rulefile("rule a:\n    output: 'a'\n    shell: '{absent}'\n")
        .call_with_code(&[], 3);
}
