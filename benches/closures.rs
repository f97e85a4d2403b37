//! What a closure costs as a job, beyond its work, hashing and state: the budget is 5 us.
//!
//! One job after the other on one slot, each of which reads a byte and writes another; and the same on four slots. Beside it
//! the same by hand, in a loop on one thread in a fresh directory: what the closure does, and hashing and state as whoever
//! rebuilds by content has to do them. It looks whether something stands where the output goes, puts on record that
//! the work begins, looks at the output, reads and hashes it, looks again at it and at the input, and puts the result on record.
//! What is left is the plan, the check, the hand-over to the thread of the job and back, the events and the logs of the run.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::{Digest, Rule, Session, Workflow};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use support::machine;

/// Told is the median.
const ROUNDS: usize = 5;

fn workflow(jobs: usize) -> Workflow {
    let all = Rule::builder("all").inputs((0..jobs).map(|i| format!("out/{i}")));
    let one = Rule::builder("one").input("in").output("out/{i}").action("1", |job| {
        let bytes = job.read(&job.inputs()[0])?;
        job.write(&job.outputs()[0], bytes)?;
        Ok(())
    });
    Workflow::builder().rule(all).rule(one).build().expect("it builds")
}

/// The work, the hashing and the state of the same jobs, by hand.
fn by_hand(root: &Path, jobs: usize) -> Duration {
    let dir = root.join("by-hand");
    fs::create_dir_all(&dir).expect("a directory");
    let mut log = fs::File::create(root.join("by-hand.log")).expect("a file");
    let input = root.join("in");
    let start = Instant::now();
    for i in 0..jobs {
        let path = dir.join(i.to_string());
        assert!(fs::symlink_metadata(&path).is_err(), "nothing is there");
        log.write_all(&[0; 36]).expect("it is written");
        let bytes = fs::read(&input).expect("it is read");
        fs::write(&path, bytes).expect("it is written");
        let before = fs::symlink_metadata(&path).and_then(|meta| meta.modified()).expect("it is there");
        let digest = Digest::of(&fs::read(&path).expect("it is read"));
        let after = fs::metadata(&path).and_then(|meta| meta.modified()).expect("it is there");
        assert_eq!(before, after, "nobody changed it meanwhile");
        fs::metadata(&input).expect("it is there");
        let mut record = [0; 200];
        record[..32].copy_from_slice(digest.as_bytes());
        log.write_all(&record).expect("it is written");
    }
    let took = start.elapsed();
    fs::remove_dir_all(&dir).expect("it can be removed");
    took
}

/// Runs them all, from nothing.
fn run(root: &Path, jobs: usize, slots: usize) -> Duration {
    let _ = fs::remove_dir_all(root.join(".rulemake"));
    let _ = fs::remove_dir_all(root.join("out"));
    let mut session = Session::builder(workflow(jobs)).root(root).jobs(slots).open().expect("it opens");
    let start = Instant::now();
    assert_eq!(support::run(&mut session), jobs);
    start.elapsed()
}

fn main() {
    let jobs = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(20_000);
    let root = std::env::temp_dir().join(format!("rulemake-bench-closures-{}", std::process::id()));
    fs::create_dir_all(&root).expect("a directory");
    fs::write(root.join("in"), "x").expect("a file");
    println!("{}", machine::describe(&root));
    println!("{:>6} {:>12} {:>12} {:>12} {:>12}", "slots", "us/job", "by hand", "overhead", "ratio");
    for slots in [1, 4] {
        let mut overheads: Vec<[f64; 3]> = (0..ROUNDS)
            .map(|_| {
                let each = |time: Duration| time.as_secs_f64() * 1e6 / jobs as f64;
                let (wall, hand) = (each(run(&root, jobs, slots)), each(by_hand(&root, jobs)));
                [wall - hand, wall, hand]
            })
            .collect();
        overheads.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let [overhead, wall, hand] = overheads[ROUNDS / 2];
        println!("{slots:>6} {wall:>12.1} {hand:>12.1} {overhead:>12.1} {:>12.2}", wall / hand);
    }
    fs::remove_dir_all(&root).expect("it can be removed");
}
