//! The cache of results: what keeping them adds to a build of trivial jobs from nothing, and restoring many small files and a
//! large one beside the bare copy or link of the same files. All in turn, medians.
//!
//! `-- jobs 3000`, `-- files 100000`, `-- megabytes 10240` for one of the three, of another size.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]

mod support;

use rulemake::cache::{Cache, CacheLink};
use rulemake::{PathPattern, Rule, RunOptions, Session, Workflow};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use support::child::{Cost, cost};
use support::graph::{Graph, Kind};
use support::{Scratch, binary, machine, number_after, row};

fn main() {
    let parts = ["jobs", "files", "megabytes"].map(number_after);
    let defaults = if parts == [None; 3] { [Some(1_000), Some(10_000), Some(1_024)] } else { parts };
    let [jobs, files, megabytes] = defaults;
    let scratch = Scratch::new("cache");
    println!("{}; {}", binary::describe(), machine::describe(&scratch.0));
    if let Some(jobs) = jobs {
        storing(&scratch.0.join("jobs"), jobs);
    }
    for link in [CacheLink::Copy, CacheLink::Hardlink] {
        if let Some(files) = files {
            restoring(&scratch.0.join(format!("files-{link:?}")), &Made::Tree(files), link);
        }
        if let Some(megabytes) = megabytes {
            restoring(&scratch.0.join(format!("large-{link:?}")), &Made::Large(megabytes), link);
        }
    }
}

/// Builds from nothing through the command, each in a tree of its own: that of before, removed a moment ago, would cost the
/// next one a search for free inodes.
fn storing(dir: &Path, jobs: usize) {
    const ROUNDS: usize = 9;
    let graph = Graph::new(Kind::Samples, jobs);
    let tree = |round: usize, name: &str| dir.join(format!("{round}-{name}"));
    for round in 0..ROUNDS {
        for name in ["plain", "keeping"] {
            let root = tree(round, name);
            graph.write(&root);
            fs::write(root.join("Rulefile"), graph.rulefile()).unwrap();
        }
    }
    settle();
    let build = |root: PathBuf, more: &[&str]| cost(binary::rulemake(&root).args(["-j2", "-q"]).args(more));
    let (mut plain, mut keeping) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        plain.push(build(tree(round, "plain"), &["--no-cache"]));
        keeping.push(build(tree(round, "keeping"), &["--cache", ".rulemake/cache"]));
    }
    let by = |costs: &[Cost], what: fn(&Cost) -> Duration| middle(costs.iter().map(what).collect());
    println!("-- build from nothing, {jobs} jobs");
    row("without a cache", jobs, by(&plain, |cost| cost.wall));
    row("results kept", jobs, by(&keeping, |cost| cost.wall));
    let ratio = |what| by(&keeping, what).as_secs_f64() / by(&plain, what).as_secs_f64();
    println!("kept / without: {:.3}, processor time {:.3}", ratio(|cost| cost.wall), ratio(|cost| cost.cpu));
}

/// What is made, kept and restored.
enum Made {
    /// A directory with so many files of a few bytes.
    Tree(usize),
    /// A file of so many megabytes.
    Large(usize),
}

impl Made {
    fn workflow(&self) -> Workflow {
        let rule = match *self {
            Made::Tree(files) => {
                let output = PathPattern::new("made").directory();
                Rule::builder("tree").output(output).action("1", move |job| {
                    let dir = job.outputs()[0].clone();
                    fs::create_dir(&dir)?;
                    (0..files).try_for_each(|n| fs::write(dir.join(n.to_string()), format!("{n}\n")))?;
                    Ok(())
                })
            }
            Made::Large(megabytes) => Rule::builder("large").output("made").action("1", move |job| {
                let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8;
                let block: Vec<u8> = (0..1 << 20).map(noise).collect();
                let mut file = fs::File::create(&job.outputs()[0])?;
                (0..megabytes).try_for_each(|_| std::io::Write::write_all(&mut file, &block))?;
                Ok(())
            }),
        };
        Workflow::builder().rule(rule).build().unwrap()
    }

    /// Makes it, or takes it from the cache.
    fn run(&self, root: &Path, cache: Option<Cache>) -> (Duration, usize) {
        fs::create_dir_all(root).unwrap();
        let builder = Session::builder(self.workflow()).root(root);
        let builder = cache.into_iter().fold(builder, |builder, cache| builder.cache(cache));
        let mut session = builder.open().unwrap();
        let start = Instant::now();
        let report = session.run(&["made"], &RunOptions::default()).unwrap();
        assert!(report.success());
        (start.elapsed(), report.summary.restored)
    }

    /// The same files by the bare calls.
    fn bare(&self, from: &Path, to: &Path, link: CacheLink) -> Duration {
        let one = |from: &Path, to: &Path| match link {
            CacheLink::Hardlink => fs::hard_link(from, to).unwrap(),
            _ => drop(fs::copy(from, to).unwrap()),
        };
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let start = Instant::now();
        match self {
            Made::Large(_) => one(from, to),
            Made::Tree(_) => {
                fs::create_dir(to).unwrap();
                for entry in fs::read_dir(from).unwrap() {
                    let entry = entry.unwrap();
                    one(&entry.path(), &to.join(entry.file_name()));
                }
            }
        }
        start.elapsed()
    }
}

fn restoring(dir: &Path, made: &Made, link: CacheLink) {
    // There is not room for many large ones, and they take their time.
    let is_large = matches!(made, Made::Large(_));
    let rounds = if matches!(made, Made::Large(4_096..)) { 3 } else { 5 };
    let results = dir.join("results");
    let cache = || Cache::new(&results).link(link);
    let (plain, _) = made.run(&dir.join("plain"), None);
    if is_large {
        fs::remove_dir_all(dir.join("plain")).unwrap();
    }
    let (keeping, _) = made.run(&dir.join("first"), Some(cache()));
    let source = match is_large {
        true => {
            fs::remove_dir_all(dir.join("first")).unwrap();
            object(&results.join("v1/cas"))
        }
        false => dir.join("first/made"),
    };
    settle();
    let (mut restoring, mut bare) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let [restored, copied] = ["restored", "bare"].map(|name| dir.join(format!("{round}-{name}")));
        let (time, n) = made.run(&restored, Some(cache()));
        assert_eq!(n, 1);
        restoring.push(time);
        if is_large {
            fs::remove_dir_all(&restored).unwrap();
            settle();
        }
        bare.push(made.bare(&source, &copied.join("made"), link));
        if is_large {
            fs::remove_dir_all(&copied).unwrap();
            settle();
        }
    }
    let (size, what) = match made {
        Made::Tree(files) => (*files, "files in a directory"),
        Made::Large(megabytes) => (*megabytes, "MiB in one file"),
    };
    let (restoring, bare) = (middle(restoring), middle(bare));
    println!("-- {size} {what}, {link:?}");
    row("made, without a cache (once)", size, plain);
    row("made and kept (once)", size, keeping);
    row("restored", size, restoring);
    row("bare copy or link", size, bare);
    println!("restored / bare: {:.2}", restoring.as_secs_f64() / bare.as_secs_f64());
    fs::remove_dir_all(dir).unwrap();
}

/// The one object of a cache.
fn object(dir: &Path) -> PathBuf {
    let entry = fs::read_dir(dir).unwrap().next().unwrap().unwrap().path();
    if entry.is_dir() { object(&entry) } else { entry }
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Lets the file system come to rest: it goes on writing and freeing for some seconds.
fn settle() {
    Command::new("sync").status().unwrap();
    std::thread::sleep(Duration::from_secs(6));
}
