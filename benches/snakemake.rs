//! Beside Snakemake, if it is installed: the same rules, word for word. `-- 10000` for other sizes.

mod support;

use support::contest::{Scenario, Tool, contest, sizes};
use support::graph::{Graph, Kind};

fn main() {
    for jobs in sizes(&[200]) {
        for (title, scenario) in
            [("plan from nothing", Scenario::Plan), ("no-op", Scenario::Noop), ("full build", Scenario::Full)]
        {
            let graph = Graph::new(Kind::Samples, jobs);
            contest(title, scenario, &graph, &[Tool::Rulemake, Tool::Snakemake]);
        }
    }
}
