//! What the command costs before it does anything: `--version`, and a run of ten jobs in which nothing is to do.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use support::child::{Cost, cost};
use support::graph::{Graph, Kind};
use support::machine;

fn row(name: &str, words: &[&str], root: &Path) {
    let run = || cost(Command::new(env!("CARGO_BIN_EXE_rulemake")).args(words).current_dir(root));
    let median = |of: fn(&Cost) -> f64| {
        let mut all: Vec<f64> = (0..31).map(|_| of(&run())).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let cpu = median(|cost| cost.cpu.as_secs_f64() * 1e3);
    let wall = median(|cost| cost.wall.as_secs_f64() * 1e3);
    println!("{name:<24} {cpu:>8.2} ms CPU {wall:>8.2} ms wall {:>6.1} MiB", run().peak_kib as f64 / 1024.0);
}

fn main() {
    let scratch = support::Scratch::new("start");
    let graph = Graph::new(Kind::Wide, 10);
    graph.write(&scratch.0);
    fs::write(scratch.0.join("Rulefile"), graph.rulefile()).expect("a Rulefile");
    println!("{}", machine::describe(&scratch.0));
    let size = fs::metadata(env!("CARGO_BIN_EXE_rulemake")).expect("it is there").len();
    println!("the binary has {:.1} MB", size as f64 / 1e6);
    row("--version", &["--version"], &scratch.0);
    for _ in 0..2 {
        cost(Command::new(env!("CARGO_BIN_EXE_rulemake")).args(["-j2", "-q"]).current_dir(&scratch.0));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    row("no-op of 10 jobs", &["-j2", "-q"], &scratch.0);
}
