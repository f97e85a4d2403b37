//! A full build of trivial jobs, two at a time, beside the bare spawn of the same commands. `-- 100000` for other sizes,
//! `-- wide 10000` for one of the graphs.

mod support;

use support::contest::{Scenario, contest, kinds, sizes};
use support::graph::{Graph, Kind};
use support::tool::Tool;

fn main() {
    for jobs in sizes(&[1_000]) {
        for kind in kinds(&[Kind::Samples, Kind::Wide, Kind::Chain]) {
            let tools = [Tool::Rulemake, Tool::Ninja, Tool::Samurai, Tool::N2, Tool::Make];
            // Plain copies need no shell.
            let limit = if kind == Kind::Samples { 1.1 } else { 1.0 };
            contest("full build", Scenario::Full, &Graph::new(kind, jobs), &tools, |it| {
                vec![it.ahead_of_peers(), it.within(limit, "bare commands, sh")]
            });
        }
    }
}
