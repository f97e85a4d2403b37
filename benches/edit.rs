//! One source edited: its three jobs and the merge run, and all else is found to be up to date. `-- 100000` for other
//! sizes.

mod support;

use support::contest::{Scenario, Tool, contest, sizes};
use support::graph::{Graph, Kind};

fn main() {
    for jobs in sizes(&[1_000, 10_000]) {
        let tools = [Tool::Rulemake, Tool::Ninja, Tool::Samurai, Tool::N2, Tool::Make];
        contest("one source edited", Scenario::Edit, &Graph::new(Kind::Samples, jobs), &tools);
    }
}
