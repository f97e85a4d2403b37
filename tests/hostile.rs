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
