//! Nothing to do, beside those who compare times only and the bare stat of the same files. `-- 100000` for other sizes,
//! `-- samples 1000000` for one of the graphs.

mod support;

use support::contest::{Scenario, contest, kinds, sizes};
use support::figures::Figures;
use support::goals::Goal;
use support::graph::{Graph, Kind};
use support::tool::Tool;

fn main() {
    for jobs in sizes(&[1_000, 10_000]) {
        for kind in kinds(&[Kind::Samples, Kind::Wide]) {
            let tools = [Tool::Rulemake, Tool::Ninja, Tool::Samurai, Tool::N2, Tool::Make];
            contest("no-op", Scenario::Noop, &Graph::new(kind, jobs), &tools, |it| goals(jobs, it));
        }
    }
}

fn goals(jobs: usize, figures: &Figures) -> Vec<Goal> {
    let stat = |limit| figures.within(limit, "bare stat, 2 thr.");
    let more = match jobs {
        ..10_000 => Vec::new(),
        10_000..100_000 => vec![stat(2.0)],
        100_000..1_000_000 => vec![stat(1.5)],
        _ => vec![stat(2.5), figures.within_megabytes(1_500.0)],
    };
    [figures.ahead_of_peers()].into_iter().chain(more).collect()
}
