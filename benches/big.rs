//! A few large files, each copied once, beside `b3sum` of sources and copies and the bare copies, two at a time. They share
//! a tree, and the copies are removed between contenders. `-- mib 50 files 20` for 20 files of 50 MiB.

#![expect(clippy::print_stdout, reason = "a bench prints")]
mod support;

use support::contest::{Scenario, contest};
use support::graph::{Graph, Kind};
use support::number_after;
use support::tool::Tool;

fn main() {
    let mib = number_after("mib").unwrap_or(200);
    let files = number_after("files").unwrap_or(20);
    println!("{files} files of {mib} MiB");
    let tools = [Tool::Rulemake, Tool::Ninja, Tool::Make];
    let graph = Graph::new(Kind::Big { mib }, files);
    let figures = contest("full build", Scenario::Full, &graph, &tools, |_| Vec::new());
    match (figures.find("b3sum"), figures.find("bare commands")) {
        (Some(hashing), Some(copying)) => {
            let ratio = figures.ours().wall / (hashing.wall + copying.wall);
            println!("ours beside b3sum and the bare commands together: {ratio:.2}");
        }
        _ => println!("not installed: b3sum"),
    }
}
