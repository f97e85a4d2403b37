//! Runs that are stopped, killed, or meet each other: W20, W21, W22, and what the next run does.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};
use support::{Case, parse_events, program, until};

/// So long after the first signal jobs are killed that did not end.
const GRACE: Duration = Duration::from_secs(10);

/// `first` is quick, `slow` writes half of its output and then beats until it is let go on.
const SLOW: &str = "\
rule last:
    input: 'first.txt', 'slow.txt'
    output: 'last.txt'
    shell: 'cat {input} > {output}'

rule first:
    output: 'first.txt'
    shell: 'echo first > {output}'

rule slow:
    input: 'first.txt'
    output: 'slow.txt'
    shell:
        '''
        echo half > {output}
        touch started
        i=0
        while [ ! -e go ] && [ $i -lt 1200 ]; do echo >> beat; sleep 0.05; i=$((i + 1)); done
        echo whole > {output}
        '''
";

fn slow() -> Case {
    Case::new().rulefile(SLOW)
}

/// Nothing writes the beat any more: no process of the job is left.
#[track_caller]
fn no_beat(case: &Case) {
    // The signal may have come before the first one.
    let beats = || fs::metadata(case.path("beat")).map_or(0, |beat| beat.len());
    let before = beats();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(beats(), before, "a process of the job lives on");
}

/// The next run needs no flag: it does what is left to do and ends well.
#[track_caller]
fn goes_on(case: Case, jobs: &[&str]) {
    case.file("go", "")
        .run(&[])
        .ran(jobs)
        .has("slow.txt", "whole\n")
        .has("last.txt", "first\nwhole\n")
        .run(&[])
        .ran(&[]);
}

/// Snakemake 9.27: half outputs stay, and the next run refuses until it gets `--rerun-incomplete`.
#[test]
fn w20_after_a_signal_no_half_output_and_no_process_is_left_and_the_next_run_goes_on() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let case = slow();
        let run = case.start(&[]);
        case.wait_for("started");
        run.signal(signal);
        let ran = run.end();
        assert_eq!(ran.code, Some(code), "{ran}");
        assert!(ran.of("run-finished").any(|e| e["summary"]["cancelled"] == 1), "{ran}");
        assert!(ran.of("job-failed").next().is_none(), "a job that was stopped is no failure\n{ran}");
        no_beat(&case);
        let case = case.has_not("slow.txt").has_not("last.txt").has("first.txt", "first\n");
        goes_on(case, &["slow slow.txt", "last last.txt"]);
    }
}

#[test]
fn w20_jobs_that_ignore_the_first_signal_are_killed_by_the_second_ctrl_c() {
    let case = slow().edit("Rulefile", "echo half", "trap '' INT TERM; echo half");
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("INT");
    let before = fs::metadata(case.path("beat")).map_or(0, |m| m.len());
    let start = Instant::now();
    while fs::metadata(case.path("beat")).map_or(0, |m| m.len()) < before + 3 {
        assert!(start.elapsed() < GRACE, "the job was to go on for a while");
        std::thread::sleep(Duration::from_millis(20));
    }
    run.signal("INT");
    let ran = run.end();
    assert_eq!(ran.code, Some(130), "{ran}");
    assert!(start.elapsed() < GRACE, "it was killed, not waited for");
    no_beat(&case);
    goes_on(case.has_not("slow.txt"), &["slow slow.txt", "last last.txt"]);
}

/// Promise: who presses Ctrl-C many times leaves nothing behind that writes on.
#[test]
fn w20_a_third_ctrl_c_does_not_leave_before_the_second_has_killed() {
    let case = slow().edit("Rulefile", "echo half", "trap '' INT TERM; echo half");
    let run = case.start(&[]);
    case.wait_for("started");
    for _ in 0..3 {
        run.signal("INT");
        std::thread::sleep(Duration::from_millis(10));
    }
    let ran = run.end();
    assert_eq!(ran.code, Some(130), "{ran}");
    no_beat(&case);
    goes_on(case.has_not("slow.txt"), &["slow slow.txt", "last last.txt"]);
}

#[test]
fn w20_children_in_the_background_of_a_stopped_job_end_with_it() {
    let case = slow().edit(
        "Rulefile",
        "touch started",
        "(while :; do echo >> beat; sleep 0.05; done) & touch started",
    );
    let run = case.start(&[]);
    case.wait_for("started");
    case.wait_for("beat");
    run.signal("INT");
    assert_eq!(run.end().code, Some(130));
    no_beat(&case);
}

#[test]
fn w20_an_edited_output_is_not_lost_when_its_job_is_stopped() {
    let case = slow().file("go", "").run(&[]).file("slow.txt", "mine\n").remove("go").remove("started");
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("INT");
    assert_eq!(run.end().code, Some(130));
    let saved = fs::read_to_string(case.path(".rulemake/saved/2/slow.txt")).unwrap();
    assert_eq!(saved, "mine\n");
    goes_on(case, &["slow slow.txt"]);
}

/// Snakemake 9.27: the jobs go on writing; the next run needs `--unlock` and `--rerun-incomplete`.
#[test]
fn w21_after_kill_9_the_next_run_needs_no_flag_and_trusts_nothing_half_made() {
    // The job keeps its output open, so that what it still writes ends up in no file of the next run.
    let rulefile = SLOW
        .replace("echo half > {output}", "exec > {output}; echo half")
        .replace("echo whole > {output}", "echo whole");
    let case = Case::new().rulefile(&rulefile);
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("KILL");
    assert_eq!(run.end().code, None);
    let case = case.has("slow.txt", "half\n");
    let verdicts = case.plan(&[]);
    assert!(verdicts.contains(&("slow slow.txt".into(), "run".into())), "{verdicts:?}");
    case.file("go", "")
        .run(&[])
        .ran(&["slow slow.txt", "last last.txt"])
        .because("slow slow.txt", "interrupted")
        .has("slow.txt", "half\nwhole\n")
        .has("last.txt", "first\nhalf\nwhole\n")
        .run(&[])
        .ran(&[]);
}

#[test]
fn w21_what_a_killed_run_left_running_is_ended_before_its_output_is_made_again() {
    // Only the first one waits, and goes on as soon as it is let.
    let case = Case::new().rulefile(
        "rule a:\n    output: 'a'\n    shell: 'echo half > {output}; if mkdir first 2> /dev/null; then touch started; \
         for i in $(seq 1200); do [ -e end ] && break; sleep 0.05; done; fi; echo done >> {output}'\n",
    );
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("KILL");
    run.end();
    let case = case.call(&[]).stderr_has("ended what a killed run had left running").has("a", "half\ndone\n");
    let case = case.file("end", "");
    std::thread::sleep(Duration::from_millis(400));
    case.has("a", "half\ndone\n").run(&[]).ran(&[]);
}

/// Who asks after a kill hears what is still alive and may be writing, and what is said to end it does.
#[test]
fn w21_what_a_killed_run_left_running_is_told_from_outside() {
    let case = Case::new().rulefile(
        "rule all:\n    input: 'a', 'b', 'c'\n\
         rule r:\n    output: '{x,a|b}'\n    shell: 'touch {output}.begun; sleep 60 & sleep 61; touch {output}'\n\
         rule c:\n    output: 'c'\n    shell: 'touch c; (sleep 62 > /dev/null 2>&1 &)'\n",
    );
    let run = case.start(&["-j3"]);
    ["a.begun", "b.begun", ".rulemake/runs/1/events.jsonl"].into_iter().for_each(|file| case.wait_for(file));
    until("c ends", || case.read(".rulemake/runs/1/events.jsonl").contains("job-finished"));
    let case = case.call(&["status"]).stdout_lacks("alive");
    run.signal("KILL");
    run.end();
    let told =
        |case: &Case, args: &[&str]| String::from_utf8(case.command(args).output().unwrap().stdout).unwrap();
    let survivors = || -> Vec<Value> {
        let json: Value = serde_json::from_str(&told(&case, &["status", "--json"])).unwrap();
        json["survivors"].as_array().cloned().unwrap_or_default()
    };
    // They began before the kill, and may have been on their way to it.
    let sleeps = |number: &str| {
        survivors().iter().filter(|process| process["command"] == *format!("sleep {number}")).count()
    };
    until("all programs run", || sleeps("60") == 2 && sleeps("61") == 2);
    assert_eq!(survivors().len(), 6, "a shell and two programs of each: {:#?}", survivors());
    let case = case.call(&["status"]);
    let text = case.last().stdout.clone();
    for job in ["r a: process ", "r b: process "] {
        assert_eq!(text.matches(&format!(" still alive  {job}")).count(), 1, "each group once: {text}");
    }
    assert!(!text.contains("  c c"), "what a job left behind that ended well is meant so: {text}");
    let advice = text.split('`').nth(1).unwrap();
    let status = program("sh").args(["-c", advice]).status().unwrap();
    assert!(status.success(), "{advice}");
    until("they have ended", || !told(&case, &["status"]).contains("alive"));
}

#[test]
fn w21_a_kill_at_any_moment_leaves_a_directory_that_the_next_run_mends() {
    let mut rulefile = String::from(
        "rule all:\n    input: expand('o/{i}', i=range(40))\n    output: 'all'\n    shell: 'cat {input} > {output}'\n",
    );
    rulefile.push_str("rule one:\n    input: 'in'\n    output: 'o/{i}'\n    shell: 'echo {wildcards.i} > {output}; cat {input} >> {output}'\n");
    let expected: String = (0..40).map(|i| format!("{i}\nx\n")).collect();
    for moment in [5, 20, 40, 80, 150, 300] {
        let case = Case::new().rulefile(&rulefile).file("in", "x\n");
        let run = case.start(&["-j2"]);
        std::thread::sleep(Duration::from_millis(moment));
        run.signal("KILL");
        run.end();
        case.run(&[]).has("all", &expected).run(&[]).ran(&[]);
    }
}

/// Promise: a job that was stopped is not said to have failed, or to have had nothing to do.
#[test]
fn a_stopped_run_is_told_alike_by_status_and_diff() {
    let rules = "rule all:\n    input: 'q', 's'\n\nrule q:\n    output: 'q'\n    shell: 'echo > {output}'\n\nrule s:\n    output: 's'\n    shell: 'touch started; sleep 60; touch {output}'\n";
    let case = Case::new().rulefile(rules).run(&["q"]).ran(&["q q"]);
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("INT");
    run.end();
    let case = case.call(&["status"]).stdout_has("was stopped").stdout_lacks("none had to run");
    case.call(&["diff"]).stdout_has("stopped").stdout_has("1 job (rule s)").stdout_lacks("failed");
}

/// Promise: nobody is said to have edited what a killed run left half made, or advised to take it for the result.
#[test]
fn what_a_killed_run_left_half_made_is_nobody_s_edit() {
    let rules = "rule a:\n    input: 'in'\n    output: 'a'\n    shell: 'cat {input} > {output}; touch started; while [ ! -e go ]; do sleep 0.02; done; cat {input} >> {output}'\n";
    let case = Case::new().rulefile(rules).file("in", "1\n").file("go", "").run(&[]).ran(&["a a"]);
    let case = case.remove("go").remove("started").file("in", "2\n");
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("KILL");
    run.end();
    let case = case
        .call(&["why", "a"])
        .stdout_has("run 2 was interrupted")
        .stdout_lacks("by hand")
        .stdout_lacks("takes it as it is");
    let case = case.call(&["diff"]).stdout_lacks("edited").file("go", "");
    case.run(&[]).ran(&["a a"]).has("a", "2\n2\n");
}

/// A run that is dead is told from one that lives, also when somebody else has the lock by now.
#[test]
fn a_killed_run_is_no_running_one() {
    let case = slow();
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("KILL");
    run.end();
    let case = case
        .call(&["-n"])
        .stdout_has("will run  slow slow.txt  run 1 was interrupted while this job ran")
        .stdout_lacks("running now");
    let lock = std::fs::File::options().write(true).open(case.path(".rulemake/lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(case.path(".rulemake/lock"), "pid 1 on host h since now, `x`\ntaken 99999999999999\n")
        .unwrap();
    let case =
        case.call(&["why", "slow.txt"]).stdout_has("run 1 was interrupted").stdout_lacks("running now");
    drop(lock);
    case.file("go", "").run(&[]).ran(&["slow slow.txt", "last last.txt"]);
}

/// What a job is changing in place is not put back while it lives.
#[test]
fn a_plan_looks_at_what_a_living_run_changes_in_place() {
    let rules = "rule all:
    input: 'read'
\
                 rule change:
    output: update('data')
\
                 \x20   shell: 'echo x >> {output}; touch started; for i in $(seq 600); do [ -e go ] && break; sleep 0.05; done'
\
                 rule read:
    input: 'data'
    output: 'read'
    shell: 'cp {input} {output}'
";
    let case = Case::new().rulefile(rules).file("data", "1\n");
    let run = case.start(&[]);
    case.wait_for("started");
    let case = case.call(&["-n"]).stdout_has("runs now").stdout_lacks("interrupted");
    let case = case.file("go", "");
    assert_eq!(run.end().code, Some(0));
    case.has("read", "1\nx\n").run(&[]).ran(&[]);
}

/// Snakemake 9.27: the second run complains of incomplete files, and advises to clean up what is being written.
#[test]
fn w22_a_second_run_is_told_who_is_at_work() {
    let case = slow();
    let run = case.start(&[]);
    case.wait_for("started");
    let pid = format!("pid {} on host ", run.child.id());
    let case = case
        .call_with_code(&[], 5)
        .stderr_has("another run holds the lock")
        .stderr_has(&pid)
        .stderr_has(" since ")
        .stderr_has("--wait");
    // The run is not disturbed by those who only look.
    let verdicts = case.plan(&[]);
    assert!(verdicts.contains(&("first first.txt".into(), "up-to-date".into())), "{verdicts:?}");
    let case = case
        .call(&["why", "first.txt"])
        .stdout_has("is up to date")
        .call(&["why", "slow.txt"])
        .stdout_has(&format!("slow.txt is being made by rule slow:\n  - it is running now, in run 1: {pid}"))
        .stdout_lacks("interrupted")
        .call(&["-n"])
        .stdout_has(&format!("it is running now, in run 1: {pid}"))
        .stdout_has("1 runs now, 1 will run, 1 up to date")
        .call(&["summary"])
        .stdout_has("runs now ")
        .call(&["-n"])
        .stdout_has("last.txt")
        .stdout_lacks("interrupted")
        .call_with_code(&["accept", "-n", "slow.txt"], 1)
        .stdout_has("left slow slow.txt: it is running now")
        .call(&["list"])
        .stdout_has("slow")
        .call(&["log", "first.txt"])
        .call(&["graph"])
        .call(&["accept", "-n", "first.txt"])
        .stderr_has("1 up to date")
        .call(&["clean"])
        .stdout_has("first.txt");
    // Who writes is told, too, and has no option to wait.
    let busy = |case: Case, args: &[&str]| {
        let case = case.call_with_code(args, 5).stderr_has("another run holds the lock").stderr_has(&pid);
        assert!(!case.last().stderr.contains("--wait"), "{}", case.last());
        case.stderr_has("when the other run has ended")
    };
    let case = busy(case, &["accept", "first.txt"]);
    let case = busy(case, &["clean", "--yes"]).has("first.txt", "first\n").file("go", "");
    let ran = run.end();
    assert_eq!(ran.code, Some(0), "{ran}");
    case.has("last.txt", "first\nwhole\n").run(&[]).ran(&[]);
}

#[test]
fn w22_wait_waits_and_then_finds_nothing_to_do() {
    let case = slow();
    let first = case.start(&[]);
    case.wait_for("started");
    let mut second = case.start(&["--wait"]);
    until("it waits", || second.said().contains("waiting for run 1 to end"));
    assert!(second.child.try_wait().unwrap().is_none(), "it waits");
    let case = case.file("go", "");
    assert_eq!(first.end().code, Some(0));
    let ran = second.end();
    assert_eq!(ran.code, Some(0), "{ran}");
    let events = parse_events(&ran.stdout).unwrap();
    assert!(events.iter().all(|e| e["event"] != "job-started"), "{ran}");
    case.has("last.txt", "first\nwhole\n");
}

#[test]
fn w22_who_waits_can_be_stopped() {
    let case = slow();
    let first = case.start(&[]);
    case.wait_for("started");
    let waiting = case.start(&["--wait"]);
    until("it waits", || waiting.said().contains("waiting for run 1 to end"));
    waiting.signal("INT");
    assert_eq!(waiting.end().code, Some(130));
    let _case = case.file("go", "");
    assert_eq!(first.end().code, Some(0));
}

#[test]
fn w22_runs_in_two_directories_do_not_meet() {
    let case = slow();
    let run = case.start(&[]);
    case.wait_for("started");
    slow().file("go", "").run(&[]).has("last.txt", "first\nwhole\n");
    run.signal("INT");
    assert_eq!(run.end().code, Some(130));
}

/// Ctrl-Z stops the jobs with rulemake, and their time stands still; `fg` lets all go on.
#[cfg(target_os = "linux")]
#[test]
fn a_stopped_rulemake_stops_its_jobs_and_both_go_on() {
    let rules = SLOW.replace(
        "    input: 'first.txt'\n    output: 'slow.txt'",
        "    input: 'first.txt'\n    output: 'slow.txt'\n    timeout: 10",
    );
    let case = Case::new().rulefile(&rules);
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("TSTP");
    let state = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", run.child.id())).unwrap();
        stat.rsplit(')').next().unwrap().trim().chars().next()
    };
    until("rulemake stops", || state() == Some('T'));
    no_beat(&case);
    // Longer than the job may take.
    std::thread::sleep(Duration::from_secs(11));
    run.signal("CONT");
    fs::write(case.path("go"), "").unwrap();
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(case.read("last.txt"), "first\nwhole\n");
}

/// Promise: who is told to go on goes on, also when that comes before the stop that was asked for a moment ago.
#[cfg(target_os = "linux")]
#[test]
fn who_is_told_to_go_on_at_once_does_not_stop() {
    for _ in 0..5 {
        let case = Case::new().rulefile(SLOW);
        let run = case.start(&[]);
        case.wait_for("started");
        let pid = run.child.id().to_string();
        for signal in ["TSTP", "CONT"] {
            let status = std::process::Command::new("kill").args(["-s", signal, &pid]).status();
            assert!(status.unwrap().success());
        }
        fs::write(case.path("go"), "").unwrap();
        assert_eq!(run.end().code, Some(0));
        case.has("slow.txt", "whole\n").has("last.txt", "first\nwhole\n");
    }
}

/// A terminal stops all of the foreground group, and with it a job that is just being started, which is in that group for a
/// moment yet; nobody but rulemake can let it go on afterwards.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_z_amid_many_short_jobs_loses_none() {
    use std::os::unix::process::CommandExt as _;
    const JOBS: usize = 1500;
    let rules = format!(
        "rule all:\n    input: expand('out/{{i}}', i=range({JOBS}))\nrule one:\n    output: 'out/{{i}}'\n    shell: 'echo {{wildcards.i}} > {{output}}; true'\n"
    );
    let case = Case::new().rulefile(&rules);
    let mut run = program(env!("CARGO_BIN_EXE_rulemake"))
        .args(["-q", "-j2"])
        .current_dir(case.root())
        .process_group(0)
        .spawn()
        .unwrap();
    let group = format!("-{}", run.id());
    let signal = |name: &str| {
        std::process::Command::new("kill").args(["-s", name, "--", &group]).status().unwrap().success()
    };
    let stat = format!("/proc/{}/stat", run.id());
    let state = || {
        let stat = fs::read_to_string(&stat).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next())
    };
    let begin = Instant::now();
    while run.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(37));
        if begin.elapsed() > Duration::from_secs(120) {
            signal("KILL");
            panic!("the run hangs, in state {:?}", state());
        }
        if begin.elapsed() > Duration::from_secs(20) || !signal("TSTP") {
            continue;
        }
        let stop = Instant::now();
        while state() == Some('S') && stop.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(3));
        }
        signal("CONT");
    }
    assert!(run.wait().unwrap().success());
    case.run(&[]).ran(&[]);
}

/// A chain of short commands, which are done beside nothing else, with one in it that takes its time.
const CHAIN: &str = "\
rule last:
    input: 'c39'

rule first:
    output: 'c0'
    shell: 'echo 0 > {output}'

rule next:
    input: lambda w: 'c' + str(int(w.n) - 1)
    output: 'c{n,[1-9][0-9]*}'
    shell: 'if [ {wildcards.n} = 25 ]; then echo waiting; touch started; while [ ! -e go ]; do sleep 0.02; done; fi; cp {input} {output}'
";

/// Promise: what a job says that takes its time can be read while it runs, and it is the log of that job.
#[test]
fn the_log_of_a_job_that_goes_on_has_its_name() {
    let case = Case::new().rulefile(CHAIN);
    let run = case.start(&[]);
    case.wait_for("started");
    let logs = || {
        let jobs = fs::read_dir(case.path(".rulemake/runs/1/jobs")).into_iter().flatten().flatten();
        let logs = jobs.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "log"));
        logs.map(|entry| fs::read_to_string(entry.path()).unwrap_or_default()).collect::<Vec<_>>()
    };
    until("its log has its name", || logs() == ["waiting\n"]);
    fs::write(case.path("go"), "").unwrap();
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(logs(), ["waiting\n"], "nobody else's log, and none of those who said nothing");
    case.has("c39", "0\n").run(&[]).ran(&[]);
}

/// Promise: what is said of a command that cannot be started is in its log, also when others go on.
#[test]
fn the_log_of_a_program_that_is_not_there_stays() {
    let rules = "rule all:\n    input: 'b', 'a'\n\nrule a:\n    output: 'a'\n    shell: 'no-such-program foo'\n\n\
                 rule b:\n    output: 'b'\n    shell: 'sleep 0.2; touch {output}'\n";
    let case = Case::new().rulefile(rules).run_with_code(&["-k"], 1).failed(&["a a"]);
    case.call(&["log", "a"]).stdout_has("no-such-program: command not found");
}

/// Promise: what a process says that a job left behind stands in the log of that job, and never in that of another one.
#[test]
fn what_a_job_left_behind_writes_into_no_other_log() {
    let rules = "rule c:\n    input: 'b'\n    output: 'c'\n    shell: 'while [ ! -e said ]; do sleep 0.02; done; touch {output}'\n\n\
                 rule b:\n    input: 'a'\n    output: 'b'\n    shell: 'touch {output}'\n\n\
                 rule a:\n    output: 'a'\n    shell: '(sleep 0.3; echo late; touch said) & touch {output}'\n";
    let case = Case::new().rulefile(rules).run(&["-j1", "c"]).ran(&["a a", "b b", "c c"]);
    case.call(&["log", "a"]).stdout_has("late\n").call(&["log", "c"]).stdout_lacks("late");
}

/// Promise: what an attempt said that failed is not told of the one that went well.
#[test]
fn the_log_of_a_repeated_attempt_is_its_own() {
    let rules = "rule a:\n    output: 'a'\n    benchmark: repeat('b.tsv', 2)\n    retries: 1\n    shell: 'echo >> times; \
                 if [ $(wc -l < times) = 2 ]; then echo loud; exit 3; fi; touch {output}'\n";
    let case = Case::new().rulefile(rules).run(&[]).has("times", "\n\n\n\n");
    case.call(&["log", "a"]).stdout_lacks("loud");
}

/// Promise: Ctrl-C reaches a job at once that runs beside nothing else, after many short ones.
#[test]
fn a_job_amid_a_chain_of_short_ones_is_stopped() {
    let case = Case::new().rulefile(CHAIN);
    let run = case.start(&[]);
    case.wait_for("started");
    let start = Instant::now();
    run.signal("INT");
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{ended}");
    assert!(start.elapsed() < GRACE, "it was to end when it was asked");
    let case = case.has("c24", "0\n").has_not("c25").file("go", "");
    let ran: Vec<String> = (25..40).map(|n| format!("next c{n}")).collect();
    case.run(&[])
        .ran(&ran.iter().map(String::as_str).collect::<Vec<_>>())
        .has("c39", "0\n")
        .run(&[])
        .ran(&[]);
}

/// A branch that is checked out and left again while a job runs: the file is as before, and what the job read is not known.
#[test]
fn an_input_that_was_another_while_the_job_ran_is_noticed() {
    let rules = "rule b:\n    input: 'in.txt'\n    output: 'b.txt'\n    shell: 'touch started; while [ ! -e go ]; do sleep 0.02; done; cat {input} > {output}; touch read; while [ ! -e end ]; do sleep 0.02; done'\n";
    let case = Case::new().rulefile(rules).file("in.txt", "main\n");
    let run = case.start(&[]);
    case.wait_for("started");
    fs::write(case.path("dev"), "dev\n").unwrap();
    fs::rename(case.path("in.txt"), case.path("keep")).unwrap();
    fs::rename(case.path("dev"), case.path("in.txt")).unwrap();
    fs::write(case.path("go"), "").unwrap();
    case.wait_for("read");
    fs::write(case.path("other"), "main\n").unwrap();
    fs::rename(case.path("other"), case.path("in.txt")).unwrap();
    fs::write(case.path("end"), "").unwrap();
    let ended = run.end();
    assert!(ended.stdout.contains("input in.txt changed while b b.txt ran"), "{}", ended.stdout);
    case.run(&[]).ran(&["b b.txt"]).has("b.txt", "main\n").run(&[]).ran(&[]);
}

/// Promise: of the logs that a run had ready for its next jobs nothing is left, also when it had no time to remove them.
#[test]
fn empty_logs_of_a_killed_run_go_with_the_next_one() {
    let quick = "rule some:\n    input: 'last.txt', expand('quick/{n}', n=range(20))\n\
                 rule quick:\n    output: 'quick/{n}'\n    shell: 'touch {output}'\n";
    let case = Case::new().rulefile(&format!("{SLOW}\n{quick}"));
    let spares = || {
        let jobs = fs::read_dir(case.path(".rulemake/runs/1/jobs")).into_iter().flatten().flatten();
        jobs.filter(|entry| entry.file_name().to_string_lossy().starts_with("spare-")).count()
    };
    let mut running = case.start(&["-j2", "some"]);
    // Before the last of them has begun, the next one takes the log that was put aside.
    let all_began = || (0..20).all(|n| case.path(&format!("quick/{n}")).exists());
    until("a log is put aside", || case.path("started").exists() && all_began() && spares() > 0);
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    assert!(spares() > 0);
    fs::write(case.path("go"), "").unwrap();
    case.start(&["some"]).end();
    assert_eq!(spares(), 0);
}
