//! Beside Snakemake, if it is installed: the same rules, word for word. Plan and no-op, and what a job costs beyond its no-op,
//! from full builds of a size that it can build in a minute. `-- 10000` for other sizes of plan and no-op; from 1,000 on the
//! results of the no-op are written and taken over.

#![expect(clippy::print_stdout, reason = "a bench prints")]
mod support;

use support::contest::{Scenario, contest, sizes};
use support::figures::Figures;
use support::goals::{Goal, tell};
use support::graph::{Graph, Kind};
use support::tool::Tool;

const TOOLS: [Tool; 2] = [Tool::Rulemake, Tool::Snakemake];
/// How many jobs are built.
const BUILT: usize = 200;

fn main() {
    for jobs in sizes(&[BUILT]) {
        let graph = Graph::new(Kind::Samples, jobs);
        for (title, scenario) in [("plan from nothing", Scenario::Plan), ("no-op", Scenario::Noop)] {
            contest(title, scenario, &graph, &TOOLS, |it| goals(jobs, it));
        }
    }
    let graph = Graph::new(Kind::Samples, BUILT);
    let noop = contest("no-op", Scenario::Noop, &graph, &TOOLS, |_| Vec::new());
    let full = contest("full build", Scenario::Full, &graph, &TOOLS, |_| Vec::new());
    overhead(&full, &noop, BUILT / 3 * 3 + 1);
}

/// Of small graphs most of the time is the start.
fn goals(jobs: usize, figures: &Figures) -> Vec<Goal> {
    let theirs = figures.find("snakemake").filter(|_| jobs >= 10_000);
    theirs.map(|it| Goal::at_least(300.0, "x ahead", it.wall / figures.ours().wall)).into_iter().collect()
}

/// What a job costs beyond the no-op, with its command and without: we start one as it is where we can, Snakemake by a shell.
fn overhead(full: &Figures, noop: &Figures, jobs: usize) {
    let ours = beyond_noop(full, noop, "rulemake", "bare commands", jobs);
    let theirs = beyond_noop(full, noop, "snakemake", "bare commands, sh", jobs);
    println!("\n{:<12} {:>12} {:>12} {:>24}", "ms per job", "wall", "CPU", "CPU without its command");
    for (name, each) in [("rulemake", ours), ("snakemake", theirs)] {
        let Some([wall, cpu, without]) = each else { continue };
        println!("{name:<12} {wall:>12.3} {cpu:>12.3} {without:>24.3}");
    }
    if let Some((ours, theirs)) = ours.zip(theirs) {
        let goal = |what, i: usize| Goal::at_least(10.0, what, theirs[i] / ours[i]);
        tell([
            goal("x ahead in wall", 0),
            goal("x ahead in CPU", 1),
            goal("x ahead in CPU without the command", 2),
        ]);
    }
}

/// Milliseconds of a job: wall, processor time, and that without its command.
fn beyond_noop(full: &Figures, noop: &Figures, name: &str, bare: &str, jobs: usize) -> Option<[f64; 3]> {
    let (full_run, noop, bare) = (full.find(name)?, noop.find(name)?, full.find(bare)?);
    let cpu = full_run.cpu - noop.cpu;
    Some([full_run.wall - noop.wall, cpu, cpu - bare.cpu].map(|all| all / jobs as f64))
}
