//! `rulemake watch` and `rulemake status`: what a user sees who leaves a terminal open, and who looks on from another.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::time::{Duration, Instant};
use support::Case;

const RULES: &str = "\
rule all:
    input: 'out/all'
rule mid:
    input: 'raw/{s}'
    output: 'mid/{s}'
    shell: 'echo mid {wildcards.s} >> runs; sort {input} > {output}'
rule all_of_them:
    input: expand('mid/{s}', s=glob_wildcards('raw/{s,[a-z]+}').s)
    output: 'out/all'
    shell: 'echo all >> runs; cat {input} > {output}'
";

fn case() -> Case {
    Case::new().rulefile(RULES).file("raw/a", "1\n").file("raw/b", "2\n")
}

/// Waits until it holds; a watcher has all the time of a busy machine.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn text(case: &Case, path: &str) -> String {
    fs::read_to_string(case.path(path)).unwrap_or_default()
}

/// As editors do it: a new file takes the place of the old one.
fn replace(case: &Case, path: &str, text: &str) {
    let beside = case.path("beside");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, case.path(path)).unwrap();
}

/// Edited, replaced, added, renamed and removed sources are seen, and so is the Rulefile; a touch runs nothing.
#[test]
fn a_watcher_makes_again_what_changed() {
    let case = case();
    let watcher = case.start(&["watch"]);
    until("the first run", || text(&case, "out/all") == "1\n2\n");
    fs::write(case.path("raw/a"), "3\n").unwrap();
    until("an edit", || text(&case, "out/all") == "3\n2\n");
    replace(&case, "raw/b", "4\n");
    until("a replaced file", || text(&case, "out/all") == "3\n4\n");
    fs::write(case.path("raw/c"), "5\n").unwrap();
    until("a new file", || text(&case, "out/all") == "3\n4\n5\n");
    fs::rename(case.path("raw/c"), case.path("raw/d")).unwrap();
    until("a renamed file", || text(&case, "runs").contains("mid d"));
    fs::remove_file(case.path("raw/d")).unwrap();
    until("a removed file", || text(&case, "out/all") == "3\n4\n");
    let runs = text(&case, "runs");
    filetime::set_file_mtime(case.path("raw/a"), filetime::FileTime::from_unix_time(1_000_000_000, 0))
        .unwrap();
    replace(&case, "Rulefile", &RULES.replace("cat {input} >", "cat {input} {input} >"));
    until("an edited Rulefile", || text(&case, "out/all") == "3\n4\n3\n4\n");
    assert_eq!(
        text(&case, "runs"),
        format!("{runs}all\n"),
        "a touch runs nothing, nor do jobs wake their own watcher"
    );
    watcher.signal("INT");
    let ended = watcher.end();
    assert_eq!(ended.code, Some(130));
    assert!(ended.stderr.contains("watching "), "{}", ended.stderr);
    // While nothing runs there is nobody to ask.
    assert!(ended.stderr.ends_with("stopping\n"), "{}", ended.stderr);
}

/// A mistake is told, and waited for until it is mended.
#[test]
fn a_watcher_outlives_mistakes() {
    let case = case();
    let watcher = case.start(&["watch"]);
    until("the first run", || text(&case, "out/all") == "1\n2\n");
    replace(&case, "Rulefile", &RULES.replace("shell: 'echo all", "shel: 'echo all"));
    std::thread::sleep(Duration::from_millis(600));
    replace(&case, "Rulefile", &RULES.replace("sort {input}", "sort -r {input}; false"));
    until("a failing job", || text(&case, "runs").matches("mid").count() >= 3);
    replace(&case, "Rulefile", &RULES.replace("cat {input} >", "cat {input} {input} >"));
    until("all is well again", || text(&case, "out/all") == "1\n2\n1\n2\n");
    watcher.signal("TERM");
    let ended = watcher.end();
    assert_eq!(ended.code, Some(143));
    assert!(ended.stderr.contains("unknown section `shel`"), "{}", ended.stderr);
}

/// With --restart a change ends the run that goes on; without it the run comes to its end first.
#[test]
fn a_change_during_a_run_is_not_lost() {
    let rules = "rule a:\n    input: 'i'\n    output: 'o'\n    \
                 shell: 'x=$(cat {input}); echo $x >> started; sleep $x; echo $x > {output}; echo $x >> ended'\n";
    for (option, ended) in [(vec!["watch"], "3\n0\n"), (vec!["watch", "--restart"], "0\n")] {
        let case = Case::new().rulefile(rules).file("i", "3\n");
        let watcher = case.start(&option);
        until("the job runs", || text(&case, "started") == "3\n");
        // The file is watched from before the run on.
        replace(&case, "i", "0\n");
        until("the change is taken in", || text(&case, "o") == "0\n");
        until("the job has ended", || text(&case, "ended").ends_with("0\n"));
        assert_eq!(text(&case, "ended"), ended, "{option:?}");
        watcher.signal("INT");
        watcher.end();
    }
}

#[test]
fn without_a_rulefile_there_is_nothing_to_watch() {
    Case::new().call_with_code(&["watch"], 3).stderr_has("no Rulefile in ");
}

/// From a second terminal: what runs, for how long, how far it is, and how it ended.
#[test]
fn status_tells_what_a_run_is_doing() {
    let rules = "\
rule all:
    input: 'quick', 'slow'
rule quick:
    output: 'quick'
    shell: 'touch {output}'
rule slow:
    input: 'quick'
    output: 'slow'
    shell: 'touch started; while [ ! -e go ]; do sleep 0.05; done; touch {output}'
";
    let case = Case::new().rulefile(rules).call(&["status"]);
    assert_eq!(case.last().stdout, "no run is going on, and there was none\n");
    let run = case.start(&[]);
    case.wait_for("started");
    let seen = || {
        let output = case.command(&["status", "--json"]).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    until("the job is told", || seen()["jobs"][0]["title"] == "slow slow");
    let json = seen();
    assert_eq!((&json["running"], &json["run"], &json["total"]), (&true.into(), &1.into(), &2.into()));
    assert_eq!((&json["done"], &json["ran"]), (&1.into(), &1.into()));
    let output = case.command(&["status"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("run 1 is going on for ") && text.contains(": 1 of 2 jobs done (pid "),
        "{text}"
    );
    assert!(text.contains("  slow slow  .rulemake/runs/1/jobs/"), "{text}");
    fs::write(case.path("go"), "").unwrap();
    run.end();
    let case = case.call(&["status"]);
    let text = &case.last().stdout;
    assert!(
        text.starts_with("no run is going on; run 1 ended ") && text.contains(" ago: 2 of 2 jobs done\n"),
        "{text}"
    );
}

/// A killed run is no run that goes on.
#[test]
fn status_tells_that_a_run_was_killed() {
    let case = Case::new().rulefile("rule a:\n    output: 'o'\n    shell: 'touch started; sleep 60'\n");
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("KILL");
    run.end();
    case.call(&["status"]).stdout_has("no run is going on; run 1 was killed: 0 of 1 jobs done\n");
}

/// Promise: a job that failed is not one of those that are done, and one that failed did run.
#[test]
fn status_counts_failures_apart() {
    let rules = "rule all:\n    input: 'a', 'b', 'c'\nrule bad:\n    output: 'a'\n    shell: 'exit 1'\n\
                 rule good:\n    output: '{x,[bc]}'\n    shell: 'touch {output}'\n";
    let case = Case::new().rulefile(rules).run_with_code(&["-k"], 1).call(&["status"]);
    assert!(case.last().stdout.contains(" ago: 2 of 3 jobs done, 1 failed\n"), "{}", case.last());
    let case = case.run_with_code(&["-k"], 1).call(&["status"]);
    assert!(case.last().stdout.contains(" ago: 2 of 3 jobs done, 1 failed\n"), "{}", case.last());
    let case = case.remove("b").run_with_code(&["-k"], 1).call(&["status"]);
    assert!(case.last().stdout.contains(" 2 of 3 jobs done, 1 of them ran, 1 failed\n"), "{}", case.last());
}
