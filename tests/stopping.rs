//! Jobs that are stopped, killed or run out of time, whatever they are made of: scripts, `run:` by Python and here,
//! directories of their own. Promises: nothing of them lives on, nothing half made is taken for done, and the next run
//! needs no flag.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::time::{Duration, Instant};
use support::Case;

/// What a job does by Python: half of its output, a child that beats, and the rest when it is let go on.
const BY_PYTHON: &str = r#"
import os, subprocess, time
base = os.environ["BASE"]
with open(OUTPUT, "w") as out:
    out.write("half\n")
    out.flush()
    child = subprocess.Popen(["bash", "-c", "while :; do echo >> $BASE/beat; sleep 0.05; done"])
    open(base + "/started", "w").close()
    while not os.path.exists(base + "/go"):
        time.sleep(0.02)
    child.kill()
    child.wait()
    out.write("whole\n")
"#;

/// The same by a shell.
const BY_SHELL: &str = "echo half > {output}; touch $BASE/started; i=0; while [ ! -e $BASE/go ] && [ $i -lt 600 ]; do \
                        echo >> $BASE/beat; sleep 0.05; i=$((i + 1)); done; echo whole >> {output}";

/// The same here, by a loop that never waits.
const BY_LOOP: &str = "open(output[0], 'w').write('half\\n')\nPath('started').touch()\n\
                       while not os.path.exists('go'):\n    pass\nwith open(output[0], 'a') as out:\n    out.write('whole\\n')";

fn indented(text: &str) -> String {
    text.trim().lines().map(|line| format!("        {line}\n")).collect()
}

/// Each kind of a job that makes `out.txt`, by its name.
fn kinds() -> Vec<(&'static str, Case)> {
    let rule = |action: &str| {
        format!("import os\nfrom pathlib import Path\nrule slow:\n    output: 'out.txt'\n{action}\n")
    };
    let python = BY_PYTHON.replace("OUTPUT", "output[0]");
    let actions = [
        ("script", "    script: 'slow.py'".to_string()),
        ("script in a directory of its own", "    shadow: 'minimal'\n    script: 'slow.py'".into()),
        ("run by Python", format!("    run:\n{}", indented(&python))),
        ("run here, by a command", format!("    run:\n{}", indented(&format!("shell('{BY_SHELL}')")))),
        ("run here, by a loop", format!("    run:\n{}", indented(BY_LOOP))),
        ("a command in a directory of its own", format!("    shadow: 'full'\n    shell: '{BY_SHELL}'")),
        (
            "run here in a directory of its own",
            format!("    shadow: 'shallow'\n    run:\n{}", indented(&format!("shell('{BY_SHELL}')"))),
        ),
    ];
    actions
        .into_iter()
        .map(|(name, action)| {
            let case = Case::new()
                .rulefile(&rule(&action))
                .file("slow.py", &BY_PYTHON.replace("OUTPUT", "snakemake.output[0]"));
            let base = case.root().to_string_lossy().into_owned();
            (name, case.env("BASE", &base))
        })
        .collect()
}

/// Nothing writes the beat any more.
#[track_caller]
fn no_beat(case: &Case, name: &str) {
    let beats = || fs::metadata(case.path("beat")).map_or(0, |meta| meta.len());
    let before = beats();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(beats(), before, "{name}: a process of the job lives on");
}

/// No directory of a job is left.
#[track_caller]
fn no_shadow(case: &Case, name: &str) {
    let left: Vec<_> = fs::read_dir(case.path(".rulemake/shadow")).into_iter().flatten().flatten().collect();
    let inside = |dir: &fs::DirEntry| fs::read_dir(dir.path()).is_ok_and(|entries| entries.count() > 0);
    assert!(!left.iter().any(inside), "{name}: {left:?}");
}

#[test]
fn after_ctrl_c_nothing_lives_on_and_the_next_run_goes_on() {
    for (name, case) in kinds() {
        let run = case.start(&[]);
        case.wait_for("started");
        let start = Instant::now();
        run.signal("INT");
        let ran = run.end();
        assert_eq!(ran.code, Some(130), "{name}: {ran}");
        // When it does not it is killed after ten.
        assert!(start.elapsed() < Duration::from_secs(10), "{name}: it was to end when it was asked");
        assert!(ran.of("job-failed").next().is_none(), "{name}: a job that was stopped is no failure\n{ran}");
        assert!(ran.of("run-finished").any(|e| e["summary"]["cancelled"] == 1), "{name}: {ran}");
        no_beat(&case, name);
        no_shadow(&case, name);
        case.has_not("out.txt")
            .file("go", "")
            .run(&[])
            .ran(&["slow out.txt"])
            .has("out.txt", "half\nwhole\n")
            .run(&[])
            .ran(&[]);
    }
}

#[test]
fn after_kill_9_the_next_run_ends_what_is_left_and_begins_anew() {
    for (name, case) in kinds() {
        let run = case.start(&[]);
        case.wait_for("started");
        run.signal("KILL");
        assert_eq!(run.end().code, None, "{name}");
        let case = case
            .file("go", "")
            .run(&[])
            .ran(&["slow out.txt"])
            .because("slow out.txt", "interrupted")
            .has("out.txt", "half\nwhole\n");
        no_beat(&case, name);
        no_shadow(&case, name);
        case.has("out.txt", "half\nwhole\n").run(&[]).ran(&[]);
    }
}

#[test]
fn a_job_whose_time_is_over_ends_with_all_that_it_started() {
    for (name, case) in kinds() {
        let mut case =
            case.edit("Rulefile", "    output: 'out.txt'\n", "    output: 'out.txt'\n    timeout: 0\n");
        let mut before = "0";
        // More, where Python takes longer to begin.
        for time in ["1.5", "6", "24", "59"] {
            case = case.edit("Rulefile", &format!("timeout: {before}\n"), &format!("timeout: {time}\n"));
            case = case.run_with_code(&[], 1).failed(&["slow out.txt"]).has_not("out.txt");
            let failure = case.last().of("job-failed").next().unwrap()["failure"].clone();
            assert_eq!(failure["outcome"], format!("timed out after {time} s"), "{name}");
            before = time;
            if case.path("started").exists() {
                break;
            }
        }
        assert!(case.path("started").exists(), "{name}: it had begun");
        no_beat(&case, name);
        no_shadow(&case, name);
    }
}

#[test]
fn a_job_that_ran_out_of_time_is_tried_again() {
    let shell = "shell: 'echo {resources.n} >> tries; test -e tries2 || (touch tries2; sleep 60 & sleep 60); touch {output}'";
    let run = "run:\n        shell('echo {resources.n} >> tries')\n        if not os.path.exists('tries2'):\n            \
               Path('tries2').touch()\n            while True:\n                pass\n        Path(output[0]).touch()";
    for action in [shell, run] {
        let text = format!(
            "import os\nfrom pathlib import Path\nrule a:\n    output: 'a'\n    timeout: 4\n    retries: 1\n    \
             resources: n=lambda wc, attempt: attempt\n    {action}\n"
        );
        let case = Case::new().rulefile(&text).run(&[]).ran(&["a a"]).has("tries", "1\n2\n");
        let failed: Vec<_> = case.last().of("job-failed").collect();
        assert!(failed.len() == 1 && failed[0]["retry"] == true, "{}", case.last());
    }
}

#[test]
fn the_end_of_one_job_is_not_that_of_another() {
    let text = "import os\nrule all:\n    input: 'quick', 'long'\n\
                rule quick:\n    output: 'quick'\n    timeout: 0.5\n    run:\n        while True:\n            pass\n\
                rule long:\n    output: 'long'\n    run:\n        shell('sleep 1')\n        for i in range(100000):\n            \
                pass\n        open(output[0], 'w').write('x')\n";
    Case::new()
        .rulefile(text)
        .run_with_code(&["-k", "-j2"], 1)
        .failed(&["quick quick"])
        .ran(&["long long"])
        .has("long", "x");
}

#[test]
fn a_job_that_does_not_heed_the_end_of_its_time_is_killed() {
    let text = "rule a:\n    output: 'a'\n    timeout: 0.3\n    shell: \"trap '' TERM; touch {output}; while :; do echo >> $BASE/beat; sleep 0.05; done\"\n";
    let case = Case::new().rulefile(text);
    let base = case.root().to_string_lossy().into_owned();
    let start = Instant::now();
    let case = case.env("BASE", &base).run_with_code(&[], 1).failed(&["a a"]).has_not("a");
    assert!(start.elapsed() < support::PATIENCE, "it was to be killed");
    no_beat(&case, "a job without ears");
}

/// Many programs end well when they are asked to end. What they made until then is no result: not in the folder, not on
/// record, not in a cache.
#[test]
fn a_program_that_ends_well_because_it_was_asked_to_end_has_not_done_its_work() {
    let text = "rule slow:\n    output: 'out.txt'\n    OPTION\n    \
                shell: \"trap 'exit 0' TERM INT; echo half > {output}; touch started; test -e go || {{ sleep 60 & wait; }}; \
                echo whole >> {output}\"\n";
    let cache = ["--cache", "kept"];
    let timed = Case::new().rulefile(&text.replace("OPTION", "timeout: 1")).run_with_code(&cache, 1);
    let timed = timed.failed(&["slow out.txt"]).has_not("out.txt");
    let timed = timed.file("go", "").run(&cache).ran(&["slow out.txt"]).has("out.txt", "half\nwhole\n");
    timed.run(&cache).ran(&[]);

    for signal in ["INT", "TERM"] {
        let case = Case::new().rulefile(&text.replace("OPTION", "threads: 1"));
        let run = case.start(&cache);
        case.wait_for("started");
        run.signal(signal);
        let ran = run.end();
        assert!(ran.of("run-finished").any(|e| e["summary"]["cancelled"] == 1), "{signal}: {ran}");
        case.has_not("out.txt")
            .file("go", "")
            .run(&cache)
            .ran(&["slow out.txt"])
            .has("out.txt", "half\nwhole\n")
            .run(&cache)
            .ran(&[]);
    }
}

/// As above for a reader of a pipe, which ends well when its writer is ended.
#[test]
fn the_reader_of_a_pipe_whose_writer_was_asked_to_end_has_not_done_its_work() {
    let text = "rule write:\n    output: pipe('p')\n    shell: \"trap 'exit 0' TERM INT; echo half > {output}; touch started; \
                sleep 60 & wait\"\n\
                rule read:\n    input: 'p'\n    output: 'out.txt'\n    \
                shell: \"trap 'exit 0' TERM INT; cat {input} > {output}\"\n\
                rule all:\n    input: 'out.txt'\n    default_target: True\n";
    let case = Case::new().rulefile(text);
    let run = case.start(&["-j2"]);
    case.wait_for("started");
    run.signal("INT");
    run.end();
    case.has_not("out.txt");
}
