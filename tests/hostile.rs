//! Attacks that once succeeded: each test is named by the promise that was broken.

#![cfg(unix)]

mod support;

use std::fs;
use std::process::Command;
use support::Case;

/// Opens its output once more after a pause, as `>>`, `split` and most real programs do.
const REOPENS: &str = "\
rule all:
    input: 'out'
rule a:
    input: 'in'
    output: 'out'
    shell: 'touch started; cat {input} > {output}; sleep 1; cat {input} >> {output}; echo x > beat'
";

#[test]
#[cfg(target_os = "linux")]
fn a_job_that_outlived_a_killed_run_never_writes_into_what_the_next_run_makes() {
    let case = Case::new().rulefile(REOPENS).file("in", "1\n");
    let mut run = case.command(&[]).spawn().unwrap();
    while !case.path("started").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let case = case.run(&[]).ran(&["a out"]).warned("1 job of a run that was killed").has("out", "1\n1\n");
    std::thread::sleep(std::time::Duration::from_millis(1200));
    case.has("out", "1\n1\n").run(&[]).ran(&[]);
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
