//! What a closure costs as a job, beyond hashing and state: the budget is 5 us.
//!
//! One job after the other on one slot, each of which reads a byte and writes another. Told are the wall time of a job, and
//! what is left when the same work is taken away that is done by hand: read, write, stat, hash, and a record appended to a
//! log. What the two have in common is hashing and state; the rest is the plan, the check, the hand-over to the thread of
//! the job and back, and the events.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::{Digest, Rule, Session, Workflow};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::machine;

fn workflow(jobs: usize, inside: &Arc<AtomicU64>) -> Workflow {
    let inside = inside.clone();
    let all = Rule::builder("all").inputs((0..jobs).map(|i| format!("out/{i}")));
    let one = Rule::builder("one").input("in").output("out/{i}").action("1", move |job| {
        let start = Instant::now();
        let bytes = job.read(&job.inputs()[0])?;
        job.write(&job.outputs()[0], bytes)?;
        inside.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        Ok(())
    });
    Workflow::builder().rule(all).rule(one).build().expect("it builds")
}

/// Hashing and state of one job, by hand: its output is looked at, read and hashed, and two records are appended.
fn by_hand(root: &Path, jobs: usize) -> Duration {
    let mut log = fs::File::create(root.join("by-hand.log")).expect("a file");
    let start = Instant::now();
    for i in 0..jobs {
        let path = root.join(format!("out/{i}"));
        log.write_all(&[0; 32]).expect("it is written");
        fs::metadata(&path).expect("it is there");
        let digest = Digest::of(&fs::read(&path).expect("it is read"));
        fs::metadata(&path).expect("it is there");
        log.write_all(digest.as_bytes()).and_then(|()| log.write_all(&[0; 200])).expect("it is written");
    }
    start.elapsed()
}

fn main() {
    let jobs = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(20_000);
    let root = std::env::temp_dir().join(format!("rulemake-bench-closures-{}", std::process::id()));
    fs::create_dir_all(&root).expect("a directory");
    fs::write(root.join("in"), "x").expect("a file");
    println!("{}", machine::describe(&root));
    println!(
        "{:>6} {:>12} {:>12} {:>14} {:>12}",
        "slots", "us/job", "in closure", "hash + state", "overhead"
    );
    for slots in [1, 4] {
        let _ = fs::remove_dir_all(root.join(".rulemake"));
        let _ = fs::remove_dir_all(root.join("out"));
        let inside = Arc::new(AtomicU64::new(0));
        let mut session =
            Session::builder(workflow(jobs, &inside)).root(&root).jobs(slots).open().expect("it opens");
        let start = Instant::now();
        assert_eq!(support::run(&mut session), jobs);
        let wall = start.elapsed();
        let each = |time: Duration| time.as_secs_f64() * 1e6 / jobs as f64;
        let inside = each(Duration::from_nanos(inside.load(Ordering::Relaxed))) / slots as f64;
        let hand = each(by_hand(&root, jobs));
        let overhead = each(wall) - inside - hand;
        println!("{slots:>6} {:>12.1} {inside:>12.1} {hand:>14.1} {overhead:>12.1}", each(wall));
    }
    fs::remove_dir_all(&root).expect("it can be removed");
}
