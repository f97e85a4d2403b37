//! A full build of trivial jobs, two at a time, beside the bare spawn of the same commands. `-- 100000` for other sizes.

mod support;

use support::contest::{Scenario, Tool, contest, sizes};
use support::graph::{Graph, Kind};

fn main() {
    for jobs in sizes(&[1_000]) {
        for kind in [Kind::Samples, Kind::Wide, Kind::Chain] {
            let tools = [Tool::Rulemake, Tool::Ninja, Tool::Samurai, Tool::N2, Tool::Make];
            contest("full build", Scenario::Full, &Graph::new(kind, jobs), &tools);
        }
    }
}
