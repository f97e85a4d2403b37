//! Promise: a session that is gone leaves nothing behind in the process of its host: no thread, no open file, no child.
//!
//! One test alone in its process, for it counts what the whole process has.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![cfg(target_os = "linux")]

use rulemake::{CancelLevel, CancelToken, Rule, RunOptions, Session, Workflow};
use std::fs;
use std::time::{Duration, Instant};

fn count(dir: &str) -> usize {
    fs::read_dir(dir).unwrap().count()
}

/// Threads, open files and children of this process.
fn counts() -> (usize, usize, String) {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let children: Vec<String> = tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
        .filter(|children| !children.trim().is_empty())
        .collect();
    (count("/proc/self/task"), count("/proc/self/fd"), children.join(" "))
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One session with all that starts threads: the pool, jobs as processes and closures, limits, a cancel in each third.
fn session(number: usize) {
    let root = tempfile::tempdir().unwrap();
    let token = CancelToken::new();
    let stop = token.clone();
    let cancels = number % 3 == 2;
    let closure = Rule::builder("closure").input("shell").output("closure").action("1", move |job| {
        if cancels {
            stop.cancel(CancelLevel::Terminate);
        }
        job.log("here");
        Ok(job.write(&job.outputs()[0], "")?)
    });
    let shell =
        Rule::builder("shell").output("shell").timeout(Duration::from_secs(60)).shell("touch {output}");
    let workflow = Workflow::builder().rule(closure).rule(shell).build().unwrap();
    let mut session = Session::builder(workflow).root(root.path()).cancel(token).open().unwrap();
    session.plan::<&str>(&[], &RunOptions::default()).unwrap();
    let report = session.run::<&str>(&[], &RunOptions::default()).unwrap();
    assert!(report.failures.is_empty() && report.cancelled == cancels, "{report:?}");
}

#[test]
fn a_hundred_sessions_leave_nothing_behind() {
    (0..6).for_each(session);
    let settled = |wanted: &(usize, usize, String)| {
        // A thread of a pool that is told to end needs a moment.
        let start = Instant::now();
        while counts() != *wanted && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(10));
        }
        counts()
    };
    // What ends with those first sessions has ended when nothing changes any more.
    let mut same = 0;
    let mut last = counts();
    for _ in 0..600 {
        std::thread::sleep(Duration::from_millis(50));
        same = if counts() == last { same + 1 } else { 0 };
        last = counts();
        if same == 10 && last.2.is_empty() {
            break;
        }
    }
    let (before, memory) = (counts(), resident_kib());
    assert_eq!(before.2, "", "no child is left");
    (0..100).for_each(session);
    assert_eq!(settled(&before), before);
    let grown = resident_kib().saturating_sub(memory);
    assert!(grown < 20_000, "100 sessions took {grown} KiB and did not give them back");
}
