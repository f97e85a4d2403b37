//! Nothing to do, beside those who compare times only and the bare stat of the same files. `-- 100000` for other sizes.

mod support;

use support::contest::{Scenario, Tool, contest, sizes};
use support::graph::{Graph, Kind};

fn main() {
    for jobs in sizes(&[1_000, 10_000]) {
        for kind in [Kind::Samples, Kind::Wide] {
            let tools = [Tool::Rulemake, Tool::Ninja, Tool::Samurai, Tool::N2, Tool::Make];
            contest("no-op", Scenario::Noop, &Graph::new(kind, jobs), &tools);
        }
    }
}
