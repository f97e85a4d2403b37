//! A dry run with nothing made, beside those who read a description in which every job is written out. `-- 100000` for
//! other sizes.

mod support;

use support::contest::{Scenario, Tool, contest, sizes};
use support::graph::{Graph, Kind};

fn main() {
    for jobs in sizes(&[1_000, 10_000, 100_000]) {
        let tools = [Tool::Rulemake, Tool::Ninja, Tool::Samurai, Tool::Make];
        contest("plan from nothing", Scenario::Plan, &Graph::new(Kind::Samples, jobs), &tools);
    }
}
