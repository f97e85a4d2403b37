//! Closures of microseconds are given on ahead of their turns. Promises: what one slot runs still runs one after the other, in
//! order; nothing begins after a failure or a stop that would not have begun otherwise; a long one holds up nobody.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use rulemake::{
    CancelLevel, CancelToken, Event, EventKind, JobContext, Rule, RuleBuilder, RunOptions, RunReport,
    Session, Value, Workflow,
};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

const JOBS: usize = 600;

fn session(root: &Path, rules: Vec<RuleBuilder>, slots: usize) -> Session {
    let workflow =
        rules.into_iter().fold(Workflow::builder(), |builder, rule| builder.rule(rule)).build().unwrap();
    Session::builder(workflow).root(root).jobs(slots).open().unwrap()
}

fn run(session: &mut Session) -> RunReport {
    session.run::<&str>(&[], &RunOptions::default()).unwrap()
}

fn number(job: &JobContext) -> usize {
    job.wildcards().get("i").unwrap().parse().unwrap()
}

fn all(count: usize) -> RuleBuilder {
    Rule::builder("all").inputs((0..count).map(|i| format!("out/{i}")))
}

/// Closures that note that they were called.
fn noted(
    calls: &Arc<AtomicUsize>,
    then: impl Fn(&JobContext) -> bool + Send + Sync + 'static,
) -> RuleBuilder {
    let calls = calls.clone();
    Rule::builder("one").output("out/{i}").action("1", move |job| {
        calls.fetch_add(1, Ordering::SeqCst);
        match then(job) {
            true => Ok(job.write(job.output(0)?, job.wildcards().get("i").unwrap_or("?"))?),
            false => Err("no".into()),
        }
    })
}

/// Work that fails the test when it is done twice at the same time.
fn alone() -> impl Fn(&JobContext) -> bool + Send + Sync + 'static {
    let inside = AtomicUsize::new(0);
    move |_| {
        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once, where one has all that there is");
        std::thread::yield_now();
        inside.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

fn are_right(root: &Path, numbers: impl IntoIterator<Item = usize>) {
    for i in numbers {
        assert_eq!(fs::read_to_string(root.join(format!("out/{i}"))).unwrap(), i.to_string());
    }
}

#[test]
fn one_slot_runs_one_after_the_other_and_tells_so() {
    let root = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let rule = noted(&calls, alone());
    let workflow = Workflow::builder().rule(all(JOBS)).rule(rule).build().unwrap();
    let started = Arc::new(Mutex::new(Vec::new()));
    let (told, mut running) = (started.clone(), None);
    let observer = move |event: &Event| match &event.kind {
        EventKind::JobStarted { job, .. } => {
            assert_eq!(running.replace(job.id), None, "told as running beside another one");
            told.lock().unwrap().push(job.id);
        }
        EventKind::JobFinished { job, .. } => assert_eq!(running.take(), Some(job.id)),
        _ => {}
    };
    let mut session = Session::builder(workflow).root(root.path()).jobs(1).observer(observer).open().unwrap();
    let report = run(&mut session);
    assert_eq!((report.summary.ran, calls.load(Ordering::SeqCst)), (JOBS, JOBS));
    let mut started = started.lock().unwrap();
    started.sort_unstable();
    started.dedup();
    assert_eq!(started.len(), JOBS, "each once");
    are_right(root.path(), 0..JOBS);
}

#[test]
fn nothing_begins_after_a_failure_and_the_next_run_does_the_rest() {
    let root = tempfile::tempdir().unwrap();
    let (calls, late) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (gate, behind, has_failed) = (root.path().join("mended"), late.clone(), AtomicBool::new(false));
    let rule = noted(&calls, move |job| {
        let is_good = number(job) != JOBS / 2 || gate.exists();
        behind.fetch_add(usize::from(has_failed.load(Ordering::SeqCst) && !gate.exists()), Ordering::SeqCst);
        has_failed.fetch_or(!is_good, Ordering::SeqCst);
        is_good
    });
    let mut session = session(root.path(), vec![all(JOBS), rule], 1);
    let failed = run(&mut session);
    assert_eq!((failed.failures.len(), failed.summary.failed), (1, 1));
    let before = calls.load(Ordering::SeqCst);
    assert_eq!(before, failed.summary.ran + 1, "what begins is told");
    assert_eq!(late.load(Ordering::SeqCst), 0, "and nothing does behind the one that failed");
    are_right(root.path(), (0..JOBS).filter(|i| root.path().join(format!("out/{i}")).exists()));
    fs::write(root.path().join("mended"), "").unwrap();
    let rest = run(&mut session);
    assert_eq!((rest.summary.failed, rest.summary.ran), (0, JOBS - failed.summary.ran));
    assert_eq!(calls.load(Ordering::SeqCst), before + rest.summary.ran);
    are_right(root.path(), 0..JOBS);
    assert_eq!(run(&mut session).summary.ran, 0);
}

#[test]
fn those_that_go_on_after_a_failure_all_run_once() {
    let root = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let bad = (0..JOBS).filter(|i| i % 7 == 3).count();
    for slots in [1, 3] {
        let _ = fs::remove_dir_all(root.path().join("out"));
        let _ = fs::remove_dir_all(root.path().join(".rulemake"));
        calls.store(0, Ordering::SeqCst);
        let mut session =
            session(root.path(), vec![all(JOBS), noted(&calls, |job| number(job) % 7 != 3)], slots);
        let mut options = RunOptions::default();
        options.keep_going = true;
        let report = session.run::<&str>(&[], &options).unwrap();
        assert_eq!((report.summary.failed, report.summary.ran), (bad, JOBS - bad));
        assert_eq!(calls.load(Ordering::SeqCst), JOBS);
        are_right(root.path(), (0..JOBS).filter(|i| i % 7 != 3));
    }
}

#[test]
fn nothing_begins_once_the_run_is_told_to_end() {
    for level in [CancelLevel::Drain, CancelLevel::Terminate] {
        let root = tempfile::tempdir().unwrap();
        let (calls, token) = (Arc::new(AtomicUsize::new(0)), CancelToken::new());
        let stop = token.clone();
        let count = calls.clone();
        let rule = noted(&calls, move |_| {
            if count.load(Ordering::SeqCst) == JOBS / 2 {
                stop.cancel(level);
            }
            true
        });
        let mut session = session(root.path(), vec![all(JOBS), rule], 1);
        session.set_cancel(token);
        let report = run(&mut session);
        assert!(report.cancelled);
        assert_eq!(calls.load(Ordering::SeqCst), JOBS / 2, "{level:?}");
        session.set_cancel(CancelToken::new());
        let rest = run(&mut session);
        assert_eq!(rest.summary.ran + report.summary.ran, JOBS);
        are_right(root.path(), 0..JOBS);
    }
}

#[test]
fn a_long_one_holds_up_nobody() {
    // Each of the last four waits until all of them are there: behind each other they would wait for ever.
    let root = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let meeting = Arc::new((Mutex::new(0), Condvar::new()));
    let rule = noted(&calls, move |job| {
        if number(job) < JOBS - 4 {
            return true;
        }
        let (there, all) = &*meeting;
        let mut there = there.lock().unwrap();
        *there += 1;
        all.notify_all();
        let waited = all.wait_timeout_while(there, Duration::from_secs(60), |there| *there < 4).unwrap();
        !waited.1.timed_out()
    });
    let mut session = session(root.path(), vec![all(JOBS), rule], 4);
    let report = run(&mut session);
    assert_eq!((report.summary.failed, report.summary.ran), (0, JOBS));
}

#[test]
fn a_resource_that_only_one_may_have_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let rule = noted(&calls, alone());
    let workflow = Workflow::builder().rule(all(JOBS)).rule(rule.resource("gpu", 1)).build().unwrap();
    let mut session = Session::builder(workflow).root(root.path()).jobs(4).resource("gpu", 1).open().unwrap();
    assert_eq!(run(&mut session).summary.ran, JOBS);
}

#[test]
fn large_results_between_short_ones_lose_nobody() {
    // What a large one left is looked at elsewhere, and nobody may follow it meanwhile.
    for round in 0..4 {
        let root = tempfile::tempdir().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let count = calls.clone();
        let large = vec![b'x'; 1_100_000];
        let rule = Rule::builder("one").output("out/{i}").action("1", move |job| {
            count.fetch_add(1, Ordering::SeqCst);
            match number(job) % 4 {
                3 => job.write(job.output(0)?, &large)?,
                _ => job.write(job.output(0)?, "x")?,
            }
            Ok(())
        });
        let jobs = 120;
        let mut session = session(root.path(), vec![all(jobs), rule], 2 + round % 3);
        let mut options = RunOptions::default();
        options.keep_going = true;
        assert_eq!(session.run::<&str>(&[], &options).unwrap().summary.ran, jobs);
        assert_eq!(calls.load(Ordering::SeqCst), jobs);
        assert_eq!(run(&mut session).summary.ran, 0);
    }
}

#[test]
fn who_cannot_begin_at_first_takes_nothing_from_others() {
    // Every tenth has a directory for temporary files that cannot be made, until somebody else takes away what is in its way.
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("block"), "").unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let rule = noted(&calls, alone());
    let rule = rule.resource("gpu", 1).resource_fn("tmpdir", |job| {
        let i: usize = job.wildcards.get("i").unwrap_or("0").parse()?;
        Ok(Value::from(if i % 10 == 3 && job.attempt == 1 { "block/x".to_string() } else { "tmp".into() }))
    });
    let workflow = Workflow::builder().rule(all(200)).rule(rule).build().unwrap();
    let mut session = Session::builder(workflow).root(root.path()).jobs(2).resource("gpu", 1).open().unwrap();
    let mut options = RunOptions::default();
    options.retries = 2;
    let report = session.run::<&str>(&[], &options).unwrap();
    assert_eq!((report.summary.failed, report.summary.ran), (0, 200));
    assert_eq!(calls.load(Ordering::SeqCst), 200);
}

/// Commands ride as well: one after the other on a slot, and nothing behind one that failed.
#[test]
#[cfg(unix)]
fn commands_that_are_short_keep_to_their_slots() {
    const COMMANDS: usize = 60;
    let root = tempfile::tempdir().unwrap();
    // Fails when another one is at work, as `mkdir` then does.
    let alone = "mkdir lock && printf {wildcards.i} > {output} && rmdir lock && echo {wildcards.i} >> order";
    let rules = vec![all(COMMANDS), Rule::builder("one").output("out/{i}").shell(alone)];
    let mut session = session(root.path(), rules, 1);
    let report = run(&mut session);
    assert_eq!((report.summary.failed, report.summary.ran), (0, COMMANDS));
    are_right(root.path(), 0..COMMANDS);
    let order = fs::read_to_string(root.path().join("order")).unwrap();
    assert_eq!(order.lines().count(), COMMANDS, "each ran once");
    assert_eq!(run(&mut session).summary.ran, 0);
}

#[test]
#[cfg(unix)]
fn no_command_begins_behind_one_that_failed() {
    const COMMANDS: usize = 60;
    let root = tempfile::tempdir().unwrap();
    let bad = "if test -e failed; then echo late >> late; fi; \
               if test {wildcards.i} = 30; then touch failed; exit 3; fi; printf {wildcards.i} > {output}";
    let rules = vec![all(COMMANDS), Rule::builder("one").output("out/{i}").shell(bad)];
    let mut session = session(root.path(), rules, 1);
    let report = run(&mut session);
    assert_eq!((report.summary.failed, report.failures.len()), (1, 1));
    assert!(!root.path().join("late").exists(), "nothing begins after a failure");
    are_right(root.path(), (0..COMMANDS).filter(|i| root.path().join(format!("out/{i}")).exists()));
}
