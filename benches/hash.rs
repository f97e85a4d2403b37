//! Content digests: a few large files with a job each, and many small ones that one job reads; all of them touched, so that a
//! run reads each again and has nothing else to do. Beside it a run in which one other file was touched, so that all is planned
//! and checked but nothing read: the difference is reading, hashing and noting the digests. And a bare loop, and `b3sum` if
//! it is installed. `-- large 20 200` for 20 files of 200 MB, `-- small 100000` for so many small files.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use support::bare::{b3sum, hash_all};
use support::binary::{self, rulemake};
use support::child::{Cost, cost, cost_of};
use support::figures::Row;
use support::goals::{Goal, tell};
use support::tool::is_installed;
use support::{Scratch, machine, number_after};

const ROUNDS: usize = 5;

/// That it was touched is nothing to recall a run by.
const OTHER: &str =
    "rule other:\n    input: 'other'\n    output: 'seen/other'\n    shell: 'touch {output}'\n";

fn main() {
    let parts = [number_after("large"), number_after("small")];
    let [large, small] = if parts == [None; 2] { [Some(10), Some(20_000)] } else { parts };
    if let Some(files) = large {
        let mb = std::env::args().skip_while(|arg| arg != "large").nth(2).and_then(|mb| mb.parse().ok());
        let (mb, rules) = (
            mb.unwrap_or(100),
            format!(
                "rule all:\n    input: 'seen/other', expand('seen/{{i}}', i=range({files}))\n{OTHER}\
             rule one:\n    input: 'data/{{i}}'\n    output: 'seen/{{i}}'\n    shell: 'touch {{output}}'\n"
            ),
        );
        contest(&format!("{files} files of {mb} MB"), files, &|i| vec![i as u8; mb * 1_000_000], &rules);
    }
    if let Some(files) = small {
        let rules = format!(
            "rule all:\n    input: 'seen/other', 'seen/all'\n{OTHER}\
             rule one:\n    input: expand('data/{{i}}', i=range({files}))\n    output: 'seen/all'\n    \
             shell: 'touch {{output}}'\n"
        );
        contest(&format!("{files} small files"), files, &|i| format!("source {i}\n").into_bytes(), &rules);
    }
}

fn contest(title: &str, files: usize, content: &dyn Fn(usize) -> Vec<u8>, rules: &str) {
    let scratch = Scratch::new("hash");
    let root = &scratch.0;
    fs::create_dir_all(root.join("data")).expect("a directory");
    fs::write(root.join("Rulefile"), rules).expect("a Rulefile");
    fs::write(root.join("other"), "other").expect("a file");
    let names: Vec<String> = (0..files).map(|i| format!("data/{i}")).collect();
    let paths: Vec<PathBuf> = names.iter().map(|name| root.join(name)).collect();
    let mut bytes = 0;
    for (i, path) in paths.iter().enumerate() {
        let content = content(i);
        bytes += content.len();
        fs::write(path, content).expect("a file");
    }
    let other = [root.join("other")];
    let run = |touched: &[PathBuf]| {
        touch(touched);
        cost(rulemake(root).args(["-j2", "-q"]))
    };
    // All is made; then what was too young to be believed is looked at once more.
    run(&other);
    run(&other);
    let has_b3sum = is_installed("b3sum");
    let mut costs: [Vec<Cost>; 4] = Default::default();
    for _ in 0..ROUNDS {
        costs[0].push(run(&[&paths[..], &other].concat()));
        costs[1].push(run(&other));
        costs[2].push(cost_of(|| hash_all(&paths)));
        if has_b3sum {
            costs[3].push(b3sum(&names, root));
        }
    }
    let [whole, rest, bare, b3sum] =
        costs.map(|costs| Row::of(String::new(), false, &costs).map(|row| row.wall));
    println!("\n{title}, medians of {ROUNDS}; {}", machine::describe(root));
    println!("{}", binary::describe());
    println!("{:<36} {:>10} {:>8} {:>12} {:>9}", "", "wall ms", "GB/s", "us per file", "x b3sum");
    let hashing = whole.zip(rest).map(|(whole, rest)| (whole - rest).max(0.001));
    let rows = [
        ("the whole run", whole),
        ("the run with nothing to read", rest),
        ("the difference", hashing),
        ("a bare loop on two threads", bare),
        ("b3sum", b3sum),
    ];
    for (name, wall) in rows.into_iter().filter_map(|(name, wall)| Some((name, wall?))) {
        let (speed, each) = (bytes as f64 / 1e6 / wall, wall * 1e3 / files as f64);
        let beside = b3sum.map_or("-".into(), |b3sum| format!("{:.2}", b3sum / wall));
        println!("{name:<36} {wall:>10.1} {speed:>8.3} {each:>12.2} {beside:>9}");
    }
    match (b3sum, hashing) {
        (Some(b3sum), Some(hashing)) => tell([Goal::at_least(0.9, "x the speed of b3sum", b3sum / hashing)]),
        _ => println!("not installed: b3sum"),
    }
}

/// What was touched just now would be waited for.
fn touch(files: &[PathBuf]) {
    let now = filetime::FileTime::now();
    files.iter().for_each(|file| filetime::set_file_mtime(file, now).expect("it is touched"));
    std::thread::sleep(Duration::from_millis(50));
}
