//! `onstart:`, `onsuccess:`, `onerror:`: when they run, what they see, and what their failures do.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use support::Case;

const HOOKS: &str = "\
onstart:
    shell('echo start >> hooks')

onsuccess:
    shell('echo success >> hooks')

onerror:
    shell('echo error >> hooks')

rule a:
    output: 'a'
    shell: 'echo a >> hooks; touch {output}'

rule b:
    output: 'b'
    shell: 'echo b >> hooks; false'

rule slow:
    output: 'slow'
    shell: 'touch started; sleep 30; touch {output}'
";

#[test]
fn each_has_its_moment_and_a_run_with_nothing_to_do_has_none() {
    Case::new()
        .rulefile(HOOKS)
        .call(&["-n", "a"])
        .has_not("hooks")
        .run(&["a"])
        .has("hooks", "start\na\nsuccess\n")
        .run(&["a"])
        .has("hooks", "start\na\nsuccess\n")
        .remove("hooks")
        .run_with_code(&["-k", "b"], 1)
        .has("hooks", "start\nb\nerror\n");
}

#[test]
fn a_stopped_run_ends_without_a_hook() {
    let case = Case::new().rulefile(HOOKS);
    let run = case.start(&["slow"]);
    case.wait_for("started");
    run.signal("INT");
    let ran = run.end();
    assert_eq!(ran.code, Some(130), "{ran}");
    case.has("hooks", "start\n");
}

#[test]
fn the_last_of_several_counts() {
    Case::new()
        .rulefile("include: 'x.smk'\nonsuccess:\n    print('second')\nrule a:\n    output: 'a'\n    shell: 'touch a'\n")
        .file("x.smk", "onsuccess:\n    print('first')\n")
        .call(&["-q"])
        .remove("a")
        .call(&[])
        .stderr_has("second\n");
}

#[test]
fn no_job_starts_before_the_first_hook_has_ended_and_what_it_changed_counts() {
    let case = Case::new()
        .rulefile(
            "onstart:\n    shell('sleep 0.3; echo new > raw.txt; touch ended')\n\
             rule all:\n    input: expand('{i}.txt', i=range(4))\n\
             rule one:\n    input: 'raw.txt'\n    output: '{i}.txt'\n    shell: 'test -e ended; cp raw.txt {output}'\n",
        )
        .file("raw.txt", "old\n")
        .run(&["-j4"])
        .has("3.txt", "new\n");
    // What was made of the new content is on record with it: nothing is stale.
    case.edit("Rulefile", "echo new > raw.txt; ", "").run(&[]).ran(&[]);
}

#[test]
fn when_the_first_hook_fails_no_job_starts_and_the_next_run_knows_of_none() {
    let case = Case::new()
        .rulefile(&HOOKS.replace("echo start >> hooks", "echo no good; exit 3"))
        .call_with_code(&["a", "-j2"], 1)
        .stderr_has("`onstart` failed, so no job was started: a command failed: exit 3")
        .has_not("hooks")
        .has_not("a");
    case.rulefile(HOOKS).run(&["a"]).ran(&["a a"]).because("a a", "never-built");
}

#[test]
fn when_the_last_hook_fails_the_run_is_as_good_as_it_was() {
    let case = Case::new()
        .rulefile(&HOOKS.replace("echo success >> hooks", "echo mail is down; exit 3"))
        .run(&["a"])
        .ran(&["a a"])
        .warned("onsuccess failed");
    let finished = case.last().of("hook-finished").last().unwrap().clone();
    assert_eq!(finished["hook"], "onsuccess");
    assert_eq!(finished["outcome"], "a command failed: exit 3");
    assert_eq!(finished["output"][0], "mail is down");
    case.has(".rulemake/runs/1/onsuccess.log", &format!("{}\n", lines(&finished["output"])));
}

fn lines(output: &serde_json::Value) -> String {
    let lines: Vec<&str> = output.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    lines.join("\n")
}

#[test]
fn the_log_of_the_run_tells_what_happened_so_far() {
    let case = Case::new()
        .rulefile(
            "onstart:\n    print('hello')\n\
             onerror:\n    assert len(log) == 1\n    shell('cp {log} copy.log')\n\
             rule a:\n    output: 'a'\n    shell: 'echo the cause; exit 3'\n",
        )
        .run_with_code(&[], 1);
    let copy = case.read("copy.log");
    for part in
        ["run 1, jobs in the plan: 1", "hello", "start a a: never built", "FAILED a a: exit 3", "the cause"]
    {
        assert!(copy.contains(part), "{part} is not in\n{copy}");
    }
    let log = case.read(".rulemake/runs/1/run.log");
    assert!(
        log.starts_with(&copy) && log.contains("end: 0 ran, 0 restored, 0 up to date, 1 failed"),
        "{log}"
    );
}

#[test]
fn a_hook_is_stopped_like_a_job() {
    for (hook, wanted) in [("onstart", "a"), ("onsuccess", "a"), ("onerror", "b")] {
        let text = HOOKS.replacen(
            &format!("{hook}:\n    shell('"),
            &format!("{hook}:\n    shell('touch started; exec sleep 60; "),
            1,
        );
        let case = Case::new().rulefile(&text);
        let run = case.start(&[wanted]);
        case.wait_for("started");
        run.signal("INT");
        let ran = run.end();
        assert_eq!(ran.code, Some(130), "{hook}: {ran}");
        assert_eq!(ran.of("job-started").count(), usize::from(hook != "onstart"), "{hook}: {ran}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_hook_of_a_killed_run_had_started_is_ended_by_the_next_run() {
    let here = "shell('touch started; while :; do echo >> beat; sleep 0.05; done; ";
    let python = "import subprocess\n    subprocess.run(['sh', '-c', 'touch started; while :; do echo >> beat; \
                  sleep 0.05; done']); shell('";
    for (hook, wanted) in [("onstart", "a"), ("onsuccess", "a"), ("onerror", "b")] {
        for action in [here, python] {
            let begin = format!("{hook}:\n    ");
            let text = HOOKS.replacen(&format!("{begin}shell('"), &format!("{begin}{action}"), 1);
            let case = Case::new().rulefile(&text);
            let run = case.start(&[wanted]);
            case.wait_for("started");
            case.wait_for("beat");
            run.signal("KILL");
            run.end();
            let case = case.rulefile(HOOKS).run(&["a"]).warned("ended what a killed run had left running");
            let beats = || std::fs::metadata(case.path("beat")).unwrap().len();
            let before = beats();
            std::thread::sleep(std::time::Duration::from_millis(300));
            assert_eq!(beats(), before, "{hook}: it lives on");
            // Once is enough.
            let case = case.run(&["a"]).ran(&[]);
            assert!(case.last().of("warning").next().is_none(), "{}", case.last());
        }
    }
}

#[test]
fn those_of_modules_do_not_run() {
    Case::new()
        .rulefile("module m:\n    snakefile: 'm.smk'\nuse rule * from m\nonsuccess:\n    shell('echo own >> hooks')\n")
        .file("m.smk", &HOOKS.replace(">> hooks", ">> others"))
        .run(&["a"])
        .has("hooks", "own\n")
        .has("others", "a\n");
}
