//! Peak memory and time per job as graphs grow, each in a process of its own: a plan from nothing, a full run of
//! in-process copies, a run in which nothing is to do. None may grow per job. `-- 1000 10000` for other sizes.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::{RunOptions, Session, Workflow};
use std::path::Path;
use std::process::Command;
use support::child::cost;
use support::contest::sizes;
use support::graph::{Graph, Kind};
use support::machine;

const MODES: [&str; 3] = ["plan", "full", "no-op"];

/// What one child does.
fn work(mode: &str, jobs: usize, root: &Path) {
    if mode == "plan" {
        let workflow = Workflow::parse("Rulefile", &Graph::new(Kind::Samples, jobs).rulefile());
        let session = Session::builder(workflow.expect("it parses")).root(root).open().expect("it opens");
        let plan = session.plan::<&str>(&[], &RunOptions::default()).expect("it plans");
        assert_eq!(plan.counts().run + plan.counts().may, jobs / 3 * 3 + 1);
        return;
    }
    let mut session = support::session(support::copies(jobs), root);
    assert_eq!(support::run(&mut session), if mode == "full" { jobs } else { 0 });
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [child, mode, jobs, root, ..] = &words[..]
        && child == "child"
    {
        return work(mode, jobs.parse().expect("a number"), Path::new(root));
    }
    let this = std::env::current_exe().expect("it runs");
    let mut first_of = [0.0; MODES.len()];
    println!("{}", machine::describe(&std::env::temp_dir()));
    println!(
        "{:<8} {:>9} {:>10} {:>12} {:>12} {:>9}",
        "", "jobs", "wall ms", "CPU us/job", "peak KiB/job", "peak MiB"
    );
    for jobs in sizes(&[1_000, 10_000, 100_000, 1_000_000]) {
        let samples = support::Scratch::new("memory-samples");
        Graph::new(Kind::Samples, jobs).write(&samples.0);
        let copies = support::Scratch::new("memory-copies");
        support::write_sources(&copies.0, jobs);
        for (mode, first) in MODES.into_iter().zip(&mut first_of) {
            let root = if mode == "plan" { &samples.0 } else { &copies.0 };
            let mut command = Command::new(&this);
            command.args(["child", mode, &jobs.to_string()]).arg(root);
            if mode == "no-op" {
                // The first run after a build settles what was too young to be believed.
                cost(&mut command);
            }
            let cost = cost(&mut command);
            let each = cost.cpu.as_secs_f64() * 1e6 / jobs as f64;
            if jobs == 10_000 || *first == 0.0 {
                *first = each;
            }
            let peak_kib = cost.peak_kib.unwrap_or_default() as f64;
            println!(
                "{mode:<8} {jobs:>9} {:>10.1} {each:>12.2} {:>12.2} {:>9.1}  {:.2} x the first or that at 10,000",
                cost.wall.as_secs_f64() * 1e3,
                peak_kib / jobs as f64,
                peak_kib / 1024.0,
                each / *first
            );
        }
    }
}
