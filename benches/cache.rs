//! The cache of results: restoring many small files and a large one beside the bare copy or link of the same files, and what
//! keeping results adds to a build from nothing. `-- 100000` for another number of files.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]

mod support;

use rulemake::cache::{Cache, CacheLink};
use rulemake::{Rule, RunOptions, Session, Workflow};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use support::contest::sizes;
use support::{Scratch, row};

/// One directory with so many files of a few bytes, or single files of so many bytes.
fn workflow(files: usize, large: usize) -> Workflow {
    let tree = Rule::builder("tree").output(rulemake::PathPattern::new("tree").directory()).action(
        "1",
        move |job| {
            let dir = job.outputs()[0].clone();
            fs::create_dir(&dir)?;
            (0..files).try_for_each(|n| fs::write(dir.join(n.to_string()), format!("{n}\n")))?;
            Ok(())
        },
    );
    let large = Rule::builder("large").output("large").action("1", move |job| {
        let block: Vec<u8> = (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mut file = fs::File::create(&job.outputs()[0])?;
        (0..large).try_for_each(|_| std::io::Write::write_all(&mut file, &block))?;
        Ok(())
    });
    Workflow::builder().rule(tree).rule(large).build().unwrap()
}

fn run(root: &Path, workflow: Workflow, target: &str, cache: Option<Cache>) -> (Duration, usize) {
    let mut builder = Session::builder(workflow).root(root);
    if let Some(cache) = cache {
        builder = builder.cache(cache);
    }
    let mut session = builder.open().unwrap();
    let start = Instant::now();
    let report = session.run(&[target], &RunOptions::default()).unwrap();
    assert!(report.success());
    (start.elapsed(), report.summary.restored)
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn copy_tree(from: &Path, to: &Path, one: impl Fn(&Path, &Path)) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        one(&entry.path(), &to.join(entry.file_name()));
    }
}

fn best(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[0]
}

fn main() {
    let scratch = Scratch::new("cache");
    let root = scratch.0.join("root");
    fs::create_dir_all(&root).unwrap();
    for files in sizes(&[10_000]) {
        let megabytes = 1024;
        for (target, size) in [("tree", files), ("large", megabytes)] {
            for link in [CacheLink::Copy, CacheLink::Hardlink, CacheLink::Auto] {
                let dir = scratch.0.join("results");
                let cache = || Cache::new(&dir).link(link);
                let made = root.join(target);
                let clear = || {
                    let _ = if made.is_dir() { fs::remove_dir_all(&made) } else { fs::remove_file(&made) };
                };
                clear();
                let plain = best(
                    (0..3)
                        .map(|_| {
                            clear();
                            let _ = fs::remove_dir_all(root.join(".rulemake"));
                            run(&root, workflow(files, megabytes), target, None).0
                        })
                        .collect(),
                );
                let keeping = best(
                    (0..3)
                        .map(|_| {
                            clear();
                            let _ = fs::remove_dir_all(root.join(".rulemake"));
                            let _ = fs::remove_dir_all(&dir);
                            run(&root, workflow(files, megabytes), target, Some(cache())).0
                        })
                        .collect(),
                );
                let restoring = best(
                    (0..3)
                        .map(|_| {
                            clear();
                            let (time, restored) =
                                run(&root, workflow(files, megabytes), target, Some(cache()));
                            assert_eq!(restored, 1);
                            time
                        })
                        .collect(),
                );
                let other = scratch.0.join("bare");
                let bare = best(
                    (0..3)
                        .map(|_| {
                            let _ = if other.is_dir() {
                                fs::remove_dir_all(&other)
                            } else {
                                fs::remove_file(&other)
                            };
                            timed(|| {
                                let one = |from: &Path, to: &Path| match link {
                                    CacheLink::Hardlink => fs::hard_link(from, to).unwrap(),
                                    _ => drop(fs::copy(from, to).unwrap()),
                                };
                                if made.is_dir() { copy_tree(&made, &other, one) } else { one(&made, &other) }
                            })
                        })
                        .collect(),
                );
                println!("-- {target}, {link:?}");
                row("build without a cache", size, plain);
                row("build, results kept", size, keeping);
                row("restored", size, restoring);
                row("bare copy or link", size, bare);
                println!("restored / bare: {:.2}", restoring.as_secs_f64() / bare.as_secs_f64());
            }
        }
    }
}
