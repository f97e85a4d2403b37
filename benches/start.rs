//! What the command costs before it does anything: `--version`, and a run of ten jobs in which nothing is to do.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use std::fs;
use std::path::Path;
use support::binary::{self, rulemake};
use support::child::{Cost, cost};
use support::goals::{Goal, tell};
use support::graph::{Graph, Kind};
use support::machine;

/// The row, and its processor time in milliseconds.
fn row(name: &str, words: &[&str], root: &Path) -> f64 {
    let run = || cost(rulemake(root).args(words));
    let median = |of: fn(&Cost) -> f64| {
        let mut all: Vec<f64> = (0..31).map(|_| of(&run())).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let cpu = median(|cost| cost.cpu.as_secs_f64() * 1e3);
    let wall = median(|cost| cost.wall.as_secs_f64() * 1e3);
    let peak = run().peak_kib.unwrap_or_default() as f64 / 1024.0;
    println!("{name:<24} {cpu:>8.2} ms CPU {wall:>8.2} ms wall {peak:>6.1} MiB");
    cpu
}

fn main() {
    let scratch = support::Scratch::new("start");
    let graph = Graph::new(Kind::Wide, 10);
    graph.write(&scratch.0);
    fs::write(scratch.0.join("Rulefile"), graph.rulefile()).expect("a Rulefile");
    println!("{}; {}", binary::describe(), machine::describe(&scratch.0));
    let version = row("--version", &["--version"], &scratch.0);
    for _ in 0..2 {
        cost(rulemake(&scratch.0).args(["-j2", "-q"]));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let noop = row("no-op of 10 jobs", &["-j2", "-q"], &scratch.0);
    tell([Goal::at_most(5.0, "ms of CPU", version.max(noop))]);
}
