//! In a chain of short commands the next one is prepared while the one before it runs, and begins as soon as that has ended.
//! Promises: it sees what that left and nothing else; after a failure or a stop it has not begun; what is on record is what
//! a run would put there that does one thing after the other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![cfg(unix)]

use rulemake::{
    CancelLevel, CancelToken, Event, EventKind, RunOptions, RunReport, Session, Verdict, Workflow,
};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const STEPS: usize = 40;

/// Step `i` makes `out/i` of `out/i-1`, and the first one of `source`; `special` steps have commands of their own.
fn chain(special: &[(usize, &str)]) -> Workflow {
    let mut text = format!("rule all:\n    input: 'out/{}'\n", STEPS - 1);
    for i in 0..STEPS {
        let input = if i == 0 { "source".to_string() } else { format!("out/{}", i - 1) };
        let command = special.iter().find(|(step, _)| *step == i);
        let command = command.map_or("cp {input} {output}", |(_, command)| command);
        text += &format!("rule s{i}:\n    input: '{input}'\n    output: 'out/{i}'\n    shell: '{command}'\n");
    }
    Workflow::parse("Rulefile", &text).unwrap()
}

fn session(root: &Path, workflow: Workflow) -> Session {
    Session::builder(workflow).root(root).jobs(2).open().unwrap()
}

fn run(session: &mut Session) -> RunReport {
    session.run::<&str>(&[], &RunOptions::default()).unwrap()
}

/// Why the steps would run now, as texts.
fn reasons(root: &Path) -> Vec<String> {
    let plan = session(root, chain(&[])).plan::<&str>(&[], &RunOptions::default()).unwrap();
    let mut found = Vec::new();
    for job in plan.jobs() {
        if let Verdict::Run { reasons } = job.verdict() {
            found.extend(reasons.iter().map(ToString::to_string));
        }
    }
    found
}

fn content(root: &Path, step: usize) -> Option<String> {
    fs::read_to_string(root.join(format!("out/{step}"))).ok()
}

fn step_of(event: &Event) -> Option<usize> {
    let (EventKind::JobStarted { job, .. } | EventKind::JobFinished { job, .. }) = &event.kind else {
        return None;
    };
    job.rule.strip_prefix('s')?.parse().ok()
}

#[test]
fn a_chain_is_run_and_told_in_order_and_its_record_holds() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("source"), "one").unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let observer = move |event: &Event| {
        if let Some(step) = step_of(event) {
            tell.lock().unwrap().push((step, matches!(event.kind, EventKind::JobStarted { .. })));
        }
    };
    let builder = Session::builder(chain(&[])).root(root.path()).jobs(2).observer(observer);
    let mut first = builder.open().unwrap();
    assert_eq!(run(&mut first).summary.ran, STEPS);
    let expected: Vec<_> = (0..STEPS).flat_map(|step| [(step, true), (step, false)]).collect();
    assert_eq!(*told.lock().unwrap(), expected, "a job starts when the one before it has finished");
    assert_eq!(run(&mut session(root.path(), chain(&[]))).summary.ran, 0, "all is on record");
    // What each read is on record as well: a change in the middle makes the rest run, and no more.
    fs::write(root.path().join("out/9"), "edited").unwrap();
    let mended = run(&mut session(root.path(), chain(&[])));
    assert_eq!((mended.summary.ran, content(root.path(), STEPS - 1)), (1, Some("one".into())));
    fs::write(root.path().join("source"), "two").unwrap();
    assert_eq!(run(&mut session(root.path(), chain(&[]))).summary.ran, STEPS);
    assert_eq!(content(root.path(), STEPS - 1), Some("two".into()));
}

#[test]
fn the_next_one_begins_before_anybody_is_told_of_the_end_of_the_one_before() {
    let has_begun = |_| {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("source"), "one").unwrap();
        let (place, seen) = (root.path().to_path_buf(), Arc::new(AtomicUsize::new(0)));
        let count = seen.clone();
        let observer = move |event: &Event| {
            if let (EventKind::JobFinished { .. }, Some(step)) = (&event.kind, step_of(event)) {
                std::thread::sleep(Duration::from_millis(3));
                count.fetch_add(usize::from(content(&place, step + 1).is_some()), Ordering::SeqCst);
            }
        };
        let builder = Session::builder(chain(&[])).root(root.path()).jobs(2).observer(observer);
        assert_eq!(run(&mut builder.open().unwrap()).summary.ran, STEPS);
        let again = run(&mut session(root.path(), chain(&[])));
        assert_eq!(again.summary.ran, 0, "what each of them read is on record");
        seen.load(Ordering::SeqCst) > 0
    };
    // Where other tests need the processors, commands are not short.
    assert!((0..100).any(has_begun));
}

#[test]
fn nothing_begins_behind_a_failure_and_the_next_run_does_the_rest() {
    // Whether the next one has been prepared by then is not the same each time.
    for _ in 0..6 {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("source"), "one").unwrap();
        let bad = STEPS / 2;
        // The next one would tell that it had begun. It has been prepared by the time of the failure.
        let special = [(bad, "sleep 0.01; cp no-such-file {output}"), (bad + 1, "tee begun {output}")];
        let failed = run(&mut session(root.path(), chain(&special)));
        assert_eq!((failed.summary.ran, failed.summary.failed), (bad, 1));
        assert_eq!(failed.summary.skipped, STEPS - bad - 1);
        assert!(!root.path().join("begun").exists());
        let why = reasons(root.path());
        let failed_before = why.iter().filter(|why| why.contains("run 1")).count();
        assert_eq!(failed_before, 1, "who did not begin neither failed nor was stopped: {why:?}");
        let rest = run(&mut session(root.path(), chain(&[])));
        assert_eq!((rest.summary.failed, rest.summary.ran), (0, STEPS - bad));
        assert_eq!(content(root.path(), STEPS - 1), Some("one".into()));
    }
}

#[test]
fn a_job_that_leaves_nothing_has_failed_and_nobody_takes_it_for_done() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("source"), "one").unwrap();
    let bad = STEPS / 2;
    let failed =
        run(&mut session(root.path(), chain(&[(bad, "cat {input}"), (bad + 1, "tee begun {output}")])));
    assert_eq!((failed.summary.ran, failed.summary.failed), (bad, 1));
    assert!(!root.path().join("begun").exists());
}

#[test]
fn what_lies_in_the_place_of_the_next_output_by_then_is_kept() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("source"), "one").unwrap();
    let step = STEPS / 2;
    let first = format!("tee {{output}} out/{} < {{input}}", step + 1);
    let report = run(&mut session(root.path(), chain(&[(step, &first), (step + 1, "cp source {output}")])));
    assert_eq!((report.summary.ran, content(root.path(), step + 1)), (STEPS, Some("one".into())));
    let saved: Vec<_> = walk(&root.path().join(".rulemake/saved"));
    assert_eq!(saved.len(), 1, "{saved:?}");
}

fn walk(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => found.extend(walk(&entry.path())),
            false => found.push(entry.path().display().to_string()),
        }
    }
    found
}

#[test]
fn who_changes_what_it_reads_runs_again() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("source"), "one").unwrap();
    let step = STEPS / 2;
    let special = [(step, "cp source {input} && cp source {output} && sh -c \"echo more >> {input}\"")];
    let report = run(&mut session(root.path(), chain(&special)));
    assert_eq!(report.summary.failed, 0);
    let again = session(root.path(), chain(&special)).plan::<&str>(&[], &RunOptions::default()).unwrap();
    assert!(again.counts().run > 0, "the file is not what is on record, for whoever reads or made it");
}

#[test]
fn nothing_begins_once_the_run_is_told_to_end() {
    for level in [CancelLevel::Drain, CancelLevel::Terminate] {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("source"), "one").unwrap();
        let token = CancelToken::new();
        let (stop, by) = (STEPS / 2, token.clone());
        let observer = move |event: &Event| {
            if matches!(event.kind, EventKind::JobStarted { .. }) && step_of(event) == Some(stop) {
                by.cancel(level);
            }
        };
        let builder = Session::builder(chain(&[])).root(root.path()).jobs(2).observer(observer).cancel(token);
        let stopped = run(&mut builder.open().unwrap());
        assert!(stopped.summary.ran >= stop && stopped.summary.ran <= stop + 1, "{:?}", stopped.summary);
        // What had begun by then may come to its end; what comes after that does not begin.
        assert_eq!(content(root.path(), stop + 2), None);
        let rest = run(&mut session(root.path(), chain(&[])));
        assert_eq!(rest.summary.ran, STEPS - stopped.summary.ran);
        assert_eq!(content(root.path(), STEPS - 1), Some("one".into()));
    }
}

#[test]
fn who_has_a_directory_of_its_own_for_temporary_files_finds_it() {
    // It is made before, and removed by the job before it.
    for _ in 0..5 {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("source"), "one").unwrap();
        let mut text = String::from("rule all:\n    input: 'b'\n");
        for i in 0..STEPS {
            let input = if i == 0 { "source".to_string() } else { format!("out/{}", i - 1) };
            text += &format!(
                "rule s{i}:\n    input: '{input}'\n    output: 'out/{i}'\n    shell: 'cp {{input}} {{output}}'\n"
            );
        }
        text += &format!(
            "rule a:\n    input: 'out/{}'\n    output: 'a'\n    shell: 'cp {{input}} {{output}}; rm -rf tmp'\n\
             rule b:\n    input: 'a'\n    output: 'b'\n    resources: tmpdir='tmp/x'\n    \
             shell: 'mktemp > {{output}}'\n",
            STEPS - 1
        );
        let report = run(&mut session(root.path(), Workflow::parse("Rulefile", &text).unwrap()));
        assert_eq!((report.summary.failed, report.summary.ran), (0, STEPS + 2));
    }
}
