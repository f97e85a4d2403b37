//! A dry run with nothing made, beside those who read a description in which every job is written out. `-- 10000 1000000`
//! for other sizes.

mod support;

use support::contest::{Scenario, contest, sizes};
use support::goals::{Goal, tell};
use support::graph::{Graph, Kind};
use support::tool::Tool;

fn main() {
    let mut each_at_10k = None;
    for jobs in sizes(&[1_000, 10_000, 100_000]) {
        let tools = [Tool::Rulemake, Tool::Ninja, Tool::Samurai, Tool::Make];
        let graph = Graph::new(Kind::Samples, jobs);
        let figures = contest("plan from nothing", Scenario::Plan, &graph, &tools, |it| match jobs {
            ..1_000_000 => vec![it.ahead_of_peers()],
            _ => vec![
                it.ahead_of_peers(),
                Goal::at_most(3.0, "s", it.ours().wall / 1e3),
                it.within_megabytes(800.0),
            ],
        });
        let each = figures.ours().wall / jobs as f64;
        if jobs == 10_000 {
            each_at_10k = Some(each);
        } else if let (Some(before), 100_000..) = (each_at_10k, jobs) {
            tell([Goal::at_most(1.5, "x the time per job at 10000", each / before)]);
        }
    }
}
