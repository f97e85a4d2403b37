//! What the benches share: medians, a temporary directory, a workflow of any size with in-process actions.

#![allow(
    dead_code,
    missing_docs,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and not every bench uses everything"
)]

pub(crate) mod bare;
pub(crate) mod binary;
pub(crate) mod child;
pub(crate) mod contest;
pub(crate) mod figures;
pub(crate) mod goals;
pub(crate) mod graph;
pub(crate) mod machine;
pub(crate) mod tool;

use rulemake::{Rule, RunOptions, Session, Workflow};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Median of `repeats` timings of `work`.
pub(crate) fn median<T>(repeats: usize, mut work: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..repeats)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// The number after `word` on the command line.
pub(crate) fn number_after(word: &str) -> Option<usize> {
    std::env::args().skip_while(|arg| arg != word).nth(1)?.parse().ok()
}

/// One row: name, size, time, time per item.
pub(crate) fn row(name: &str, items: usize, time: Duration) {
    let each = time.as_secs_f64() * 1e6 / items as f64;
    println!("{name:<34} {items:>9} {:>10.2} ms {each:>9.3} us each", time.as_secs_f64() * 1e3);
}

/// A directory that is removed at the end.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Scratch {
        let dir = std::env::temp_dir().join(format!("rulemake-bench-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `n` independent copies, made in process.
pub(crate) fn copies(n: usize) -> Workflow {
    Workflow::builder()
        .rule(Rule::builder("all").inputs((0..n).map(|i| format!("out/{i}"))))
        .rule(Rule::builder("copy").input("data/{x}").output("out/{x}").action("1", |job| {
            fs::copy(&job.inputs()[0], &job.outputs()[0])?;
            Ok(())
        }))
        .build()
        .unwrap()
}

/// The sources of [`copies`].
pub(crate) fn write_sources(root: &Path, n: usize) {
    fs::create_dir_all(root.join("data")).unwrap();
    for i in 0..n {
        fs::write(root.join(format!("data/{i}")), format!("source {i}\n")).unwrap();
    }
}

pub(crate) fn session(workflow: Workflow, root: &Path) -> Session {
    Session::builder(workflow).root(root).open().unwrap()
}

/// Runs the default target; how many jobs ran.
pub(crate) fn run(session: &mut Session) -> usize {
    let report = session.run::<&str>(&[], &RunOptions::default()).unwrap();
    assert!(report.success(), "{:?}", report.failures.first());
    report.summary.ran
}
