//! Attacks that once succeeded: each test is named by the promise that was broken.

#![cfg(unix)]

mod support;

use std::fs;
use std::process::Command;
use support::Case;

/// The first job opens its output once more when it is let go on, as `>>`, `split` and most real programs do.
const REOPENS: &str = "\
rule all:
    input: 'out'
rule a:
    input: 'in'
    output: 'out'
    shell:
        '''
        cat {input} > {output}
        if mkdir first 2> /dev/null; then
            touch started
            for i in $(seq 1200); do [ -e end ] && break; sleep 0.05; done
        fi
        cat {input} >> {output}
        '''
";

/// Lets go on what the first job left behind, and gives it time for it.
fn nothing_goes_on(case: Case) -> Case {
    let case = case.file("end", "");
    std::thread::sleep(std::time::Duration::from_millis(400));
    case
}

#[test]
#[cfg(target_os = "linux")]
fn a_job_that_outlived_a_killed_run_never_writes_into_what_the_next_run_makes() {
    let case = Case::new().rulefile(REOPENS).file("in", "1\n");
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("KILL");
    run.end();
    let case =
        case.run(&[]).ran(&["a out"]).warned("ended what a killed run had left running").has("out", "1\n1\n");
    nothing_goes_on(case).has("out", "1\n1\n").run(&[]).ran(&[]);
}

/// Such a job is on record by no path.
#[test]
#[cfg(target_os = "linux")]
fn a_job_without_outputs_does_not_outlive_a_killed_run_for_long() {
    let case = Case::new().rulefile(
        "rule a:\n    input: 'in'\n    shell: 'touch started; while true; do echo >> beat; sleep 0.05; done'\n",
    );
    let case = case.file("in", "1\n");
    let run = case.start(&["a"]);
    case.wait_for("started");
    case.wait_for("beat");
    run.signal("KILL");
    run.end();
    let case = case.edit("Rulefile", "while true", "while false").run(&["a"]).ran(&["a"]);
    case.warned("ended what a killed run had left running");
}

/// What is accepted must stay what it was.
#[test]
#[cfg(target_os = "linux")]
fn accept_ends_first_what_a_killed_run_left_running() {
    let case = Case::new().rulefile(REOPENS).file("in", "1\n");
    let run = case.start(&[]);
    case.wait_for("started");
    run.signal("KILL");
    run.end();
    let case = case.file("out", "mine\n").call(&["accept", "out"]).stdout_has("accepted a out");
    let case = case.stderr_has("ended what a killed run had left running");
    nothing_goes_on(case).has("out", "mine\n").run(&[]).ran(&[]);
}

const CHAIN: &str = "\
rule all:
    input: 'out'
rule last:
    input: 'mid'
    output: 'out'
    shell: 'cp {input} {output}'
";

const FIRST: &str = "\
rule first:
    input: 'in'
    output: 'mid'
    shell: 'cp {input} {output}'
";

#[test]
fn clean_leaves_alone_what_became_a_source() {
    let case = Case::new().rulefile(&format!("{CHAIN}{FIRST}")).file("in", "1\n").run(&[]).rulefile(CHAIN);
    let case = case.call(&["clean", "--yes"]).has("mid", "1\n").has_not("out");
    case.run(&[])
        .ran(&["last out"])
        .rulefile(&format!("{CHAIN}{FIRST}"))
        .call(&["clean", "--yes"])
        .has_not("mid");
}

#[test]
fn a_pipe_in_the_place_of_the_state_is_an_error_and_no_hang() {
    let case = Case::new()
        .rulefile(&format!("{CHAIN}{FIRST}"))
        .file("in", "1\n")
        .run(&[])
        .remove(".rulemake/state.log");
    assert!(Command::new("mkfifo").arg(case.path(".rulemake/state.log")).status().unwrap().success());
    let case = case.call_with_code(&[], 7).stderr_has("is not a file");
    let case = case.call_with_code(&["-n"], 7).stderr_has("is not a file");
    assert!(fs::symlink_metadata(case.path(".rulemake/state.log")).is_ok(), "it is not ours to remove");
}

#[test]
fn a_state_log_that_is_removed_while_a_run_goes_on_is_noticed() {
    let removes = FIRST.replace("shell: '", "shell: 'rm .rulemake/state.log; ");
    Case::new()
        .rulefile(&format!("{CHAIN}{removes}"))
        .file("in", "1\n")
        .call_with_code(&[], 7)
        .stderr_has("somebody has removed it meanwhile")
        .rulefile(&format!("{CHAIN}{FIRST}"))
        .run(&[])
        .run(&[])
        .ran(&[]);
}

#[test]
fn a_log_never_costs_a_file_that_holds_data() {
    let rule =
        "rule a:\n    input: 'in'\n    output: 'out'\n    log: 'in'\n    shell: 'cp {input} {output}'\n";
    let case = Case::new().rulefile(rule).file("in", "precious\n").file("notes", "mine\n");
    let case = case.run_with_code(&[], 1).has("in", "precious\n");
    // Somebody else's file in the place of a log is saved, as in the place of an output.
    let case = case.edit("Rulefile", "log: 'in'", "log: 'notes'").run(&[]).warned(".rulemake/saved/");
    let saved =
        fs::read_dir(case.path(".rulemake/saved")).unwrap().flatten().next().unwrap().path().join("notes");
    assert_eq!(fs::read_to_string(saved).unwrap(), "mine\n");
    // Later it would be taken for the log of the execution before, had it not been changed since.
    let case = case.file("notes", "mine too\n").touch("notes", 4_000_000_000).file("in", "other\n");
    let case = case.run(&[]).ran(&["a out"]).has_not("notes").warned("kept in .rulemake/saved/");
    let mut grep = Command::new("grep");
    grep.args(["-rq", "mine too", ".rulemake/saved"]).current_dir(case.root());
    assert!(grep.status().unwrap().success());
}

#[test]
fn a_retry_takes_the_log_of_the_attempt_before_for_what_it_is() {
    let case = Case::new()
        .rulefile("rule a:\n    output: 'out'\n    log: 'log'\n    retries: 1\n    shell: 'echo x >> {log}; test -e mark || ( touch mark; exit 1 ); touch {output}'\n")
        .run(&[])
        .has("log", "x\n");
    assert!(!case.path(".rulemake/saved").exists());
}

#[test]
fn a_rule_that_matches_two_inputs_of_its_own_is_refused_at_once() {
    let start = std::time::Instant::now();
    Case::new()
        .rulefile(
            "rule a:\n    input: '{x}.a', '{x}.b'\n    output: '{x}'\n    shell: 'cat {input} > {output}'\n",
        )
        .call_with_code(&["q"], 4)
        .stderr_has("ever longer names");
    assert!(start.elapsed() < support::PATIENCE, "{:?}", start.elapsed());
}

#[test]
fn clean_says_when_it_leaves_a_file_alone() {
    let case =
        Case::new().rulefile("rule a:\n    output: 'd/out'\n    shell: 'echo 1 > {output}'\n").run(&[]);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::rename(case.path("d/out"), elsewhere.path().join("out")).unwrap();
    fs::remove_dir(case.path("d")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), case.path("d")).unwrap();
    case.call(&["clean", "--yes"]).stderr_has("removed 0 files; left alone").stderr_has("1 file");
    assert!(elsewhere.path().join("out").exists());
}

/// Two jobs that wait for each other's processor: what is done to the output of the second meanwhile is not on record.
#[test]
fn what_is_made_of_an_output_while_its_job_waits_is_saved() {
    let case = Case::new()
        .rulefile(
            "rule all:\n    input: 'x', 'y', 'd', 'new'\n\
             rule x:\n    input: 'in'\n    output: 'x'\n    priority: 9\n    \
             shell: 'touch started; while ! test -e go; do sleep 0.05; done; cat {input} > {output}'\n\
             rule y:\n    input: 'in'\n    output: 'y'\n    shell: 'cat {input} > {output}'\n\
             rule d:\n    input: 'in'\n    output: directory('d')\n    shell: 'mkdir d; cat {input} > {output}/f'\n\
             rule new:\n    output: 'new'\n    shell: 'echo 1 > {output}'\n",
        )
        .file("in", "1\n")
        .file("go", "")
        .run(&["x", "y", "d"])
        .file("in", "2\n")
        .remove("go")
        .remove("started");
    let running = case.start(&["-j1"]);
    case.wait_for("started");
    let case = case
        .file("y", "my work y\n")
        .file("d/mine", "my work d\n")
        .file("new", "my work new\n")
        .file("go", "");
    let ran = running.end();
    assert_eq!(ran.code, Some(0), "{ran}");
    let saved = case.files(".rulemake/saved");
    for name in ["/y", "/d/mine", "/new"] {
        assert!(saved.iter().any(|path| path.ends_with(name)), "{name} in {saved:?}\n{ran}");
    }
    assert_eq!((case.read("y"), case.read("d/f")), ("2\n".into(), "2\n".into()));
}

/// A temporary file that its reader saw change is somebody's work by then.
#[test]
fn a_temporary_file_that_was_changed_is_not_removed() {
    Case::new()
        .rulefile(
            "rule b:\n    input: 't'\n    output: 'b'\n    shell: 'cat {input} > {output}; echo my work > t'\n\
             rule a:\n    output: temp('t')\n    shell: 'echo 1 > {output}'\n",
        )
        .run(&["b"])
        .warned("temporary file t was not removed: it was changed since its job made it")
        .has("t", "my work\n");
}

/// Accepted content exists only because somebody made it: temporary or not, it is never removed without a copy.
#[test]
fn what_was_accepted_is_never_lost() {
    let rules = "rule all:\n    input: 'c'\n\
                 rule a:\n    input: 'in'\n    output: 'a'\n    shell: 'cp {input} {output}'\n\
                 rule t:\n    input: 'a'\n    output: temp('t')\n    shell: 'cp {input} {output}'\n\
                 rule c:\n    input: 't'\n    output: 'c'\n    shell: 'cp {input} {output}'\n";
    let case =
        Case::new().rulefile(rules).file("in", "1\n").run(&[]).file("t", "work t\n").call(&["accept", "t"]);
    let case = case.run(&[]).ran(&["c c"]).has("c", "work t\n").has("t", "work t\n").file("c", "work c\n");
    let case =
        case.call(&["accept", "c"]).call(&["clean", "--yes"]).has("c", "work c\n").has("t", "work t\n");
    let case = case.file("in", "2\n").run(&[]).has("c", "2\n");
    let saved = case.files(".rulemake/saved");
    for name in ["/t", "/c"] {
        assert!(saved.iter().any(|path| path.ends_with(name)), "{name} in {saved:?}");
    }
}

/// A list that a job only adds to holds what its user wrote.
#[test]
fn clean_keeps_what_jobs_change_in_place() {
    Case::new()
        .rulefile("rule add:\n    output: update('list')\n    shell: 'echo two >> {output}'\n")
        .file("list", "one\n")
        .run(&[])
        .call(&["clean", "--yes"])
        .has("list", "one\ntwo\n");
}

/// `shell.prefix` is a part of what a body runs.
#[test]
fn a_changed_prefix_of_commands_counts_for_bodies_too() {
    Case::new()
        .rulefile(
            "shell.prefix('V=1; ')\nrule a:\n    output: 'a'\n    run:\n        shell('echo $V > {output}')\n",
        )
        .run(&[])
        .ran(&["a a"])
        .edit("Rulefile", "V=1", "V=2")
        .run(&[])
        .ran(&["a a"])
        .has("a", "2\n")
        .run(&[])
        .ran(&[]);
}

/// A rule behind a checkpoint is a name like any other.
#[test]
fn force_from_reaches_behind_a_checkpoint() {
    Case::new()
        .rulefile(
            "checkpoint split:\n    output: directory('parts')\n    shell: 'mkdir parts; touch parts/a.txt'\n\
             rule up:\n    input: 'parts/{n}.txt'\n    output: 'up/{n}'\n    shell: 'cp {input} {output}'\n\
             rule final:\n    default_target: True\n    input: lambda w: expand('up/{n}', \
             n=glob_wildcards(checkpoints.split.get().output[0] + '/{n}.txt').n)\n    output: 'final'\n    \
             shell: 'cat {input} > {output}'\n",
        )
        .run(&[])
        .ran(&["split parts", "up up/a", "final final"])
        .call(&["-n", "--force-from", "up"])
        .stdout_has("2 will run")
        .run(&["--force-from", "up"])
        .ran(&["up up/a", "final final"])
        .run_with_code(&["--until", "up"], 4)
        .stderr_has("is known only behind a checkpoint");
}

/// A process that left its group keeps the pipe open that the body reads from.
#[test]
#[cfg(target_os = "linux")]
fn a_timeout_ends_a_body_that_reads_from_a_process_out_of_reach() {
    let case = Case::new().rulefile(
        "rule a:\n    output: 'a'\n    timeout: 1\n    run:\n        \
         v = shell('setsid sleep 100 & echo hi', read=True)\n        open(output[0], 'w').write(v)\n",
    );
    let start = std::time::Instant::now();
    let case = case.run_with_code(&["a"], 1).failed(&["a a"]);
    assert!(start.elapsed() < support::PATIENCE, "{}", case.last());
}

fn make_pipe(case: &Case, path: &str) {
    assert!(Command::new("mkfifo").arg(case.path(path)).status().unwrap().success());
}

/// To open a pipe waits for somebody at its other end, and no signal ends that.
#[test]
fn a_pipe_where_a_text_belongs_is_refused_and_never_waited_for() {
    let rulefile = "rule a:\n    output: 'a'\n    script: 's.py'\n";
    let case = Case::new().rulefile(rulefile);
    make_pipe(&case, "s.py");
    let case = case.run_with_code(&[], 4).stderr_has("the script `s.py` of rule `a` is not a regular file");

    let case = case.remove("s.py").file("s.py", "import helper\n");
    make_pipe(&case, "helper.py");
    let case = case.run_with_code(&[], 4).stderr_has("imports `helper.py`, which is not a regular file");

    make_pipe(&case, "pipe");
    let case = case.call_with_code(&["fmt", "pipe"], 2).stderr_has("it is not a regular file");
    let case = case.call_with_code(&["--dotenv", "pipe"], 2).stderr_has("it is not a regular file");
    let case = case.call_with_code(&["--dotenv", "/dev/zero"], 2).stderr_has("it is not a regular file");
    let large = "A=1\n".repeat(300_000);
    case.file("large", &large).call_with_code(&["--dotenv", "large"], 2).stderr_has("it is larger than");
}

/// The clock of the file system is read from a file of ours.
#[test]
fn a_pipe_or_a_link_in_place_of_the_probe_is_replaced() {
    let case =
        Case::new().rulefile("rule a:\n    input: 'in'\n    output: 'a'\n    shell: 'cp {input} {output}'\n");
    let case = case.file("in", "1\n").file("mine", "mine\n").run(&[]);
    fs::remove_file(case.path(".rulemake/probe")).unwrap();
    make_pipe(&case, ".rulemake/probe");
    let case = case.file("in", "2\n").run(&[]).ran(&["a a"]);
    fs::remove_file(case.path(".rulemake/probe")).unwrap();
    std::os::unix::fs::symlink("../mine", case.path(".rulemake/probe")).unwrap();
    case.file("in", "3\n").run(&[]).ran(&["a a"]).has("mine", "mine\n");
}

/// Data managers put links in the place of files; what they lead to is not always there.
#[test]
fn a_link_in_the_place_of_an_output_is_kept() {
    let rules = "rule a:\n    output: '{n}.txt'\n    shell: 'echo made > {output}'\n";
    let case = Case::new().rulefile(rules).file("object", "precious\n");
    std::os::unix::fs::symlink(".git/annex/objects/XYZ/key", case.path("gone.txt")).unwrap();
    std::os::unix::fs::symlink("object", case.path("live.txt")).unwrap();
    let case = case.run(&["gone.txt", "live.txt"]);
    let case = case.warned(
        "gone.txt was there, and rulemake has no record of it; that copy is kept in .rulemake/saved/",
    );
    let case =
        case.warned("live.txt was there, and rulemake has no record of it").has("object", "precious\n");
    let link = |name: &str| fs::read_link(case.path(&format!(".rulemake/saved/1/{name}"))).unwrap();
    assert_eq!(link("gone.txt").to_str(), Some(".git/annex/objects/XYZ/key"));
    assert_eq!(link("live.txt").to_str(), Some("object"));
    case.has("gone.txt", "made\n").has("live.txt", "made\n").run(&["gone.txt", "live.txt"]).ran(&[]);
}

/// What an earlier job of the run left in the place of a later one's output, in a directory that was not there when the
/// run began, is on no record, and is kept.
#[test]
fn what_another_job_left_in_a_new_directory_is_kept() {
    let rules = "\
rule b:
    input: 'out/sub/a'
    output: 'out/sub/b'
    shell: 'test ! -e {output} && echo b > {output}'
rule a:
    output: 'out/sub/a'
    shell: 'echo a > {output}; echo beside > out/sub/b'
";
    let case = Case::new().rulefile(rules).run(&["out/sub/b"]).ran(&["a out/sub/a", "b out/sub/b"]);
    let case = case.warned(
        "out/sub/b was there, and rulemake has no record of it; that copy is kept in .rulemake/saved/",
    );
    case.has(".rulemake/saved/1/out/sub/b", "beside\n").has("out/sub/b", "b\n").run(&["out/sub/b"]).ran(&[]);
}

/// Otherwise the next run takes it for an edit of the user.
#[test]
fn a_target_that_another_job_overwrites_is_told_in_the_same_run() {
    let rules = "\
rule all:
    input: 'b.txt', 'd.txt'
rule b:
    output: 'b.txt'
    shell: 'echo b > {output}'
rule x:
    input: 'b.txt'
    output: 'x.txt'
    shell: 'cp {input} {output}'
rule c:
    input: 'x.txt'
    output: 'c.txt'
    shell: 'cp {input} {output}; echo c >> b.txt'
rule d:
    input: 'c.txt'
    output: 'd.txt'
    shell: 'ln {input} {output}; touch {input}'
";
    let case = Case::new().rulefile(rules).run(&[]);
    let told = |case: &Case| {
        let warnings =
            case.last().of("warning").filter_map(|event| event["message"].as_str().map(String::from));
        warnings.filter(|text| text.contains("was changed after")).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&case),
        ["b.txt was changed after rule b had made it, while other jobs ran; it will be made again next time"]
    );
    let case = case.edit("Rulefile", "; echo c >> b.txt", "").run(&[]).because("b b.txt", "output-modified");
    assert!(told(&case).is_empty(), "{}", case.last());
}

/// A benchmark is on no record, but what somebody wrote there is somebody's work.
#[test]
fn an_edited_benchmark_or_log_is_kept_for_ever() {
    let rules = "rule a:\n    input: 'in'\n    output: 'a'\n    log: 'a.log'\n    benchmark: 'a.tsv'\n    \
                 shell: 'cp {input} {output}; echo 1 > {log}'\n";
    let case =
        Case::new().rulefile(rules).file("in", "1\n").run(&[]).file("in", "2\n").run(&[]).ran(&["a a"]);
    let warned = |case: &Case| case.last().of("warning").count();
    assert_eq!(warned(&case), 0, "{}", case.last());
    let case =
        case.file("a.tsv", "mine\n").touch("a.tsv", 4_000_000_000).file("in", "3\n").run(&[]).ran(&["a a"]);
    assert_eq!(warned(&case), 1, "{}", case.last());
    let case = case
        .warned("a.tsv was not what rulemake recorded last; that copy is kept in .rulemake/saved/3/a.tsv");
    let case = case.has(".rulemake/saved/3/a.tsv", "mine\n");
    // The log of the run may be gone by then.
    fs::remove_dir_all(case.path(".rulemake/runs")).unwrap();
    let case = case.file("in", "4\n").run(&[]).ran(&["a a"]);
    assert_eq!(warned(&case), 0, "{}", case.last());
    fs::remove_dir_all(case.path(".rulemake/runs")).unwrap();
    let case = case.file("a.log", "mine\n").touch("a.log", 4_000_000_000).file("in", "5\n").run(&[]);
    case.warned("a.log was not what rulemake recorded last").has(".rulemake/saved/5/a.log", "mine\n");
}

/// Who asks for events and gets none must learn it.
#[test]
#[cfg(target_os = "linux")]
fn events_that_were_lost_are_an_error_and_a_closed_pipe_is_none() {
    let case = Case::new().rulefile("rule a:\n    output: 'a'\n    shell: 'echo 1 > {output}'\n");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ran = case.command(&["--json"]).stdout(full).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(7), "{told}");
    assert!(told.contains("cannot write to standard output"), "{told}");
    let case = case.has("a", "1\n").remove("a");
    let mut closed = case.command(&["--json"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(closed.stdout.take());
    assert_eq!(closed.wait().unwrap().code(), Some(0));
    case.has("a", "1\n");
}

/// What is offered must be a target where the user stands.
#[test]
fn a_target_that_was_meant_from_the_root_is_offered_as_it_is_called_below() {
    let rules = "rule a:\n    output: 'o1.txt'\n    shell: 'echo 1 > {output}'\n\
                 rule b:\n    output: 'oub/{n}.txt'\n    shell: 'echo 1 > {output}'\n";
    let case = Case::new().rulefile(rules).file("sub/x", "");
    let below = |target: &str| {
        let ran = case.command(&[target]).current_dir(case.path("sub")).output().unwrap();
        (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let (code, told) = below("o1.txt");
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("did you mean `../o1.txt`?") && !told.contains("`oub/"), "{told}");
    assert_eq!(below("../o1.txt").0, Some(0));
}
