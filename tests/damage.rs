//! A state log that was cut or damaged: the next run starts, makes what is right, and then knows everything again.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Case, program};

const RULEFILE: &str = "\
shell.executable('sh')

rule c:
    input: 'a', 'b'
    output: 'c'
    shell: 'cat {input} > {output}'

rule a:
    input: 'in'
    output: 'a'
    shell: 'cp {input} {output}'

rule b:
    input: 'in'
    output: 'b'
    params: n=2
    shell: 'echo {params.n} > {output}'
";

/// What the trials start from: built, then edited and built again, so that the log has superseded records.
fn built() -> Case {
    Case::new().rulefile(RULEFILE).file("in", "0\n").run(&[]).file("in", "1\n").run(&[]).has("c", "1\n2\n")
}

fn trial(origin: &Case, dir: &Path, log: &[u8]) -> Result<(), String> {
    fs::create_dir_all(dir.join(".rulemake")).unwrap();
    for file in ["Rulefile", "in", "a", "b", "c"] {
        // The copy has other signatures: what the log still knows is found out by digests.
        fs::copy(origin.path(file), dir.join(file)).unwrap();
    }
    fs::write(dir.join(".rulemake/state.log"), log).unwrap();
    let run = |what: &str| {
        let mut command = program(env!("CARGO_BIN_EXE_rulemake"));
        let output = command.current_dir(dir).args(["--json"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            code => Err(format!("{what} ended with {code:?}: {said}")),
        }
    };
    run("the first run")?;
    let content = fs::read_to_string(dir.join("c")).unwrap_or_default();
    if content != "1\n2\n" {
        return Err(format!("c is {content:?}"));
    }
    match run("the second run")? {
        events if events.contains("job-started") => Err(format!("the second run did something:\n{events}")),
        _ => Ok(()),
    }
}

/// Runs the trials on two threads, each in a directory of its own.
fn all_trials(origin: &Case, trials: &[(String, Vec<u8>)]) {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, log)) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let dir = tempfile::tempdir().unwrap();
                    if let Err(error) = trial(origin, dir.path(), log) {
                        wrong.lock().unwrap().push(format!("{name}: {error}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} trials:\n{}", wrong.len(), trials.len(), wrong.join("\n"));
}

fn log_of(case: &Case) -> (PathBuf, Vec<u8>) {
    let path = case.path(".rulemake/state.log");
    let log = fs::read(&path).unwrap();
    (path, log)
}

#[test]
fn a_log_cut_at_any_byte_costs_at_most_some_runs() {
    let case = Case::new().rulefile(RULEFILE).file("in", "1\n").run(&[]).has("c", "1\n2\n");
    let (_, log) = log_of(&case);
    let cut = |at: usize| (format!("cut at {at} of {}", log.len()), log[..at].to_vec());
    all_trials(&case, &(0..=log.len()).map(cut).collect::<Vec<_>>());
}

#[test]
fn a_log_with_a_wrong_byte_costs_at_most_some_runs() {
    let case = built();
    let (_, log) = log_of(&case);
    let trials: Vec<_> = (0..log.len())
        .step_by(13)
        .map(|at| {
            let mut damaged = log.clone();
            damaged[at] ^= 1 << (at % 8);
            (format!("byte {at} of {} flipped", log.len()), damaged)
        })
        .collect();
    all_trials(&case, &trials);
}

#[test]
fn a_log_with_rubbish_or_zeros_at_its_end_costs_nothing() {
    let case = built();
    let (_, log) = log_of(&case);
    for tail in [vec![0u8; 4096], b"rubbish\n".repeat(50)] {
        let dir = tempfile::tempdir().unwrap();
        let damaged = [log.clone(), tail].concat();
        trial(&case, dir.path(), &damaged).unwrap();
    }
    let (path, log) = log_of(&case);
    fs::write(path, [log, vec![0; 300]].concat()).unwrap();
    case.run(&[]).ran(&[]).up_to_date(3).run(&[]).ran(&[]);
}

#[test]
fn without_the_state_directory_all_is_made_again_and_nothing_is_lost() {
    let case = built().remove(".rulemake").run(&[]).ran(&["a a", "b b", "c c"]).has("c", "1\n2\n");
    case.run(&[]).ran(&[]);
}
