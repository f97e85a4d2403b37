//! One source edited: its three jobs and the merge run, and all else is found to be up to date. Beside it the same with
//! nothing edited: recalled, and worked out, as it is after every change; and the bare commands of the four jobs.
//! `-- 100000` for other sizes.

#![expect(clippy::print_stdout, reason = "a bench prints")]
mod support;

use support::contest::{Scenario, contest, sizes};
use support::figures::Figures;
use support::goals::{Goal, tell};
use support::graph::{Graph, Kind};
use support::tool::Tool;

fn main() {
    let mut first = None;
    for jobs in sizes(&[1_000, 10_000]) {
        let tools = [Tool::Rulemake, Tool::Ninja, Tool::Samurai, Tool::N2, Tool::Make];
        let graph = Graph::new(Kind::Samples, jobs);
        let figures = contest("one source edited", Scenario::Edit, &graph, &tools, goals);
        let Some(beyond) = written_beyond(&figures) else { continue };
        let files = graph.files_of_edit();
        let each = beyond / files as f64;
        println!(
            "written beyond the commands: {each:.0} bytes for each of {files} files that the jobs read or make"
        );
        match first {
            None => first = Some(each),
            Some(first) => tell([Goal::at_most(1.5, "x that of the first size", each / first)]),
        }
    }
}

fn goals(figures: &Figures) -> Vec<Goal> {
    let commands = figures.find("bare commands").map_or(0.0, |row| row.wall);
    let beside = |noop: &str| {
        let noop = figures.find(noop).map_or(0.0, |row| row.wall);
        figures.ours().wall / (noop + commands)
    };
    let recalled = beside("rulemake, no-op");
    let worked_out = beside("rulemake, worked out");
    let what = format!("x no-op worked out and bare commands ({recalled:.2} x with the no-op recalled)");
    vec![figures.ahead_of_peers(), Goal::at_most(1.1, &what, worked_out)]
}

/// What the run wrote that its commands did not.
fn written_beyond(figures: &Figures) -> Option<f64> {
    Some(figures.ours().written? - figures.find("bare commands")?.written?)
}
