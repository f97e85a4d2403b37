//! Content digests: a few large files, and many small ones, all of them touched, so that a run reads each again and has
//! nothing else to do; beside a bare loop that reads and hashes them, and `b3sum` if it is installed.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::{Rule, Workflow};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::machine;

/// Reads and hashes each file whole, on two threads.
fn bare(files: &[PathBuf]) {
    std::thread::scope(|scope| {
        for part in files.chunks(files.len().div_ceil(2)) {
            scope.spawn(move || {
                for file in part {
                    std::hint::black_box(blake3::hash(&fs::read(file).expect("it is there")));
                }
            });
        }
    });
}

fn b3sum(files: &[PathBuf]) -> Option<()> {
    // No command line takes a hundred thousand names.
    for part in files.chunks(4_000) {
        let mut command = Command::new("b3sum");
        command.arg("--no-names").args(part).stdout(Stdio::null());
        command.status().ok().filter(|status| status.success())?;
    }
    Some(())
}

fn contest(
    name: &str,
    files: &[PathBuf],
    bytes: usize,
    workflow: &dyn Fn() -> Workflow,
    root: &std::path::Path,
) {
    let mut times: [Vec<Duration>; 3] = Default::default();
    assert_eq!(support::run(&mut support::session(workflow(), root)), files.len());
    for _ in 0..5 {
        for file in files {
            let now = filetime::FileTime::now();
            filetime::set_file_mtime(file, now).expect("it is touched");
        }
        // What was touched just now would be waited for.
        std::thread::sleep(Duration::from_millis(50));
        let mut session = support::session(workflow(), root);
        let start = Instant::now();
        assert_eq!(support::run(&mut session), 0);
        times[0].push(start.elapsed());
        let start = Instant::now();
        bare(files);
        times[1].push(start.elapsed());
        let start = Instant::now();
        if b3sum(files).is_some() {
            times[2].push(start.elapsed());
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times.get(times.len() / 2).map(Duration::as_secs_f64)
    };
    let [ours, bare, b3sum] = times.each_mut().map(median);
    let ours = ours.unwrap_or_default();
    println!("{name}: {:.1} ms, {:.2} GB/s", ours * 1e3, bytes as f64 / 1e9 / ours);
    println!("  throughput beside the bare loop on two threads: {:.2}", bare.unwrap_or_default() / ours);
    match b3sum {
        Some(time) => println!("  throughput beside b3sum: {:.2}", time / ours),
        None => println!("  b3sum is not installed"),
    }
}

fn main() {
    let scratch = support::Scratch::new("hash");
    println!("{}", machine::describe(&scratch.0));
    let (large, mib) = (10, 100);
    fs::create_dir_all(scratch.0.join("big")).expect("a directory");
    let files: Vec<PathBuf> = (0..large).map(|i| scratch.0.join(format!("big/{i}"))).collect();
    for (i, file) in files.iter().enumerate() {
        fs::write(file, vec![i as u8; mib << 20]).expect("a large file");
    }
    let workflow = || {
        let all = Rule::builder("all").inputs((0..large).map(|i| format!("seen/{i}")));
        let one = Rule::builder("one").input("big/{i}").output("seen/{i}").action("1", |job| {
            fs::write(&job.outputs()[0], "seen")?;
            Ok(())
        });
        Workflow::builder().rule(all).rule(one).build().expect("a workflow")
    };
    contest("10 files of 100 MiB", &files, large * (mib << 20), &workflow, &scratch.0);

    let small = 20_000;
    support::write_sources(&scratch.0, small);
    let files: Vec<PathBuf> = (0..small).map(|i| scratch.0.join(format!("data/{i}"))).collect();
    let bytes = files.iter().map(|file| fs::metadata(file).map_or(0, |meta| meta.len() as usize)).sum();
    contest(
        "20,000 small files, with their jobs planned and checked",
        &files,
        bytes,
        &|| support::copies(small),
        &scratch.0,
    );
}
