//! Contenders on the same graph, measured in turn, so that what disturbs the machine disturbs all of them. What is not
//! installed is said to be missing.

use super::bare::Bare;
use super::child::{Cost, cost};
use super::figures::{Figures, Row};
use super::goals::{Goal, tell};
use super::graph::{Graph, Kind};
use super::tool::{Tool, is_installed};
use super::{Scratch, binary, machine};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// A dry run, nothing there but the sources.
    Plan,
    Full,
    /// Everything is up to date.
    Noop,
    /// One source has changed.
    Edit,
}

/// From so many jobs on, commands would take hours: what they make is written by hand, and taken over.
const BY_HAND: usize = 200_000;
/// The same beside Snakemake.
const BY_HAND_BESIDE_SNAKEMAKE: usize = 1_000;
/// Who has taken so long is not measured again.
const PATIENCE: Duration = Duration::from_secs(30);

enum Does {
    Run(Tool, Scenario),
    /// The first run after an edit: nothing to do, but nothing can be recalled.
    WorkOut(Tool),
    Bare(Bare),
}

struct Contender {
    does: Does,
    /// One for each round, or one for all.
    roots: Vec<PathBuf>,
}

impl Contender {
    fn name(&self, scenario: Scenario) -> String {
        match &self.does {
            Does::Run(tool, own) if *own != scenario => format!("{}, no-op", tool.name()),
            Does::Run(tool, _) => tool.name().into(),
            Does::WorkOut(tool) => format!("{}, worked out", tool.name()),
            Does::Bare(bare) => bare.name(),
        }
    }

    fn measure(&self, round: usize, graph: &Graph) -> Option<Cost> {
        let root = &self.roots[round % self.roots.len()];
        let (tool, scenario) = match &self.does {
            Does::Bare(bare) => return Some(bare.measure(graph, root)),
            Does::WorkOut(tool) => {
                // What was made just now is not believed, and nothing kept that rests on it.
                std::thread::sleep(Duration::from_millis(50));
                (*tool, Scenario::Noop)
            }
            Does::Run(tool, scenario) => (*tool, *scenario),
        };
        match scenario {
            Scenario::Plan | Scenario::Full => tool.clean(graph, root),
            Scenario::Noop => {}
            Scenario::Edit => {
                let mut file = fs::OpenOptions::new().append(true).open(root.join(graph.edited()));
                writeln!(file.as_mut().expect("a source"), "more").expect("it can be written");
            }
        }
        tool.command(scenario == Scenario::Plan, root).map(|mut command| cost(&mut command))
    }
}

/// Measures `scenario` for all that can do it, and prints the table and whether `goals` are met.
pub(crate) fn contest(
    title: &str,
    scenario: Scenario,
    graph: &Graph,
    tools: &[Tool],
    goals: impl FnOnce(&Figures) -> Vec<Goal>,
) -> Figures {
    let scratch = Scratch::new("contest");
    let (installed, missing): (Vec<Tool>, Vec<Tool>) = tools.iter().partition(|tool| tool.is_installed());
    let by_hand = is_by_hand(scenario, graph, tools);
    let takes_part = |tool: &Tool| match scenario {
        Scenario::Plan => true,
        Scenario::Noop => !by_hand || tool.takes_files_over(),
        Scenario::Full | Scenario::Edit => graph.jobs < BY_HAND || *tool == Tool::Rulemake,
    };
    let (taking_part, left_out): (Vec<Tool>, Vec<Tool>) = installed.into_iter().partition(takes_part);
    let rounds = rounds(scenario, graph.jobs);
    let contenders = contenders(scenario, graph, &taking_part, rounds, by_hand, &scratch.0);
    let mut costs: Vec<Vec<Cost>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for (contender, costs) in contenders.iter().zip(&mut costs) {
            if costs.iter().map(|cost| cost.wall).sum::<Duration>() < PATIENCE {
                costs.extend(contender.measure(round, graph));
            }
        }
    }
    let rows = contenders.iter().zip(costs).filter_map(|(contender, costs)| {
        Row::of(contender.name(scenario), matches!(contender.does, Does::Bare(_)), &costs)
    });
    let figures = Figures(rows.collect());
    println!("\n{title}: {} {} jobs, medians; {}", graph.name(), graph.jobs, machine::describe(&scratch.0));
    println!("{}", binary::describe());
    figures.print(scenario == Scenario::Edit);
    tell(goals(&figures));
    let names = |tools: &[Tool]| tools.iter().map(|tool| tool.name()).collect::<Vec<_>>().join(", ");
    if by_hand {
        println!("results were written and taken over, not built");
    }
    if !left_out.is_empty() {
        println!("left out, for they would have to build so many: {}", names(&left_out));
    }
    if !missing.is_empty() {
        println!("not installed: {}", names(&missing));
    }
    figures
}

fn is_by_hand(scenario: Scenario, graph: &Graph, tools: &[Tool]) -> bool {
    let from = if tools.contains(&Tool::Snakemake) { BY_HAND_BESIDE_SNAKEMAKE } else { BY_HAND };
    matches!(scenario, Scenario::Noop | Scenario::Edit) && graph.jobs >= from
}

/// All of them, with their trees as they are to be before the first round.
fn contenders(
    scenario: Scenario,
    graph: &Graph,
    tools: &[Tool],
    rounds: usize,
    by_hand: bool,
    dir: &Path,
) -> Vec<Contender> {
    let is_big = matches!(graph.kind, Kind::Big { .. });
    // Who only looks needs no tree of its own, and for large files there is no room.
    let is_shared = scenario == Scenario::Plan || by_hand || is_big;
    // File systems take their time where much was just removed: full builds have a fresh tree each.
    let trees = if scenario == Scenario::Full && !is_shared { rounds } else { 1 };
    let place = |name: &str| -> Vec<PathBuf> {
        let tree = |round: usize| dir.join(if is_shared { "all".into() } else { format!("{name}-{round}") });
        let roots: Vec<PathBuf> = (0..trees).map(tree).collect();
        roots.iter().filter(|root| !root.exists()).for_each(|root| graph.write(root));
        roots
    };
    let run = |tool: &Tool| {
        let roots = place(tool.name());
        roots.iter().for_each(|root| tool.describe(graph, root));
        Contender { does: Does::Run(*tool, scenario), roots }
    };
    let mut all: Vec<Contender> = tools.iter().map(run).collect();
    let ours = all[0].roots.clone();
    let bare = |bare, roots: &[PathBuf]| Contender { does: Does::Bare(bare), roots: roots.to_vec() };
    if matches!(scenario, Scenario::Noop | Scenario::Edit) {
        if by_hand {
            graph.make(&ours[0]);
        }
        for contender in &all {
            make_current(contender, by_hand);
        }
    }
    match scenario {
        Scenario::Plan => {}
        Scenario::Full => {
            if is_big && is_installed("b3sum") {
                all.push(bare(Bare::Digests, &ours));
            }
            let spawns = [("sh", true), ("direct", false)];
            all.extend(spawns.map(|(name, shell)| bare(Bare::Spawn { shell }, &place(name))));
        }
        Scenario::Noop => all.extend([1, 2].map(|threads| bare(Bare::Stat(threads), &ours))),
        Scenario::Edit => {
            let roots = || ours.clone();
            all.push(Contender { does: Does::WorkOut(Tool::Rulemake), roots: roots() });
            all.push(Contender { does: Does::Run(Tool::Rulemake, Scenario::Noop), roots: roots() });
            all.push(bare(Bare::Edited, &ours));
        }
    }
    all
}

/// Everything is there and known.
fn make_current(contender: &Contender, by_hand: bool) {
    let Does::Run(tool, _) = contender.does else { return };
    let root = &contender.roots[0];
    match by_hand {
        true => tool.take_over(root),
        false => drop(tool.command(false, root).map(|mut command| cost(&mut command))),
    }
    // What was too young to be believed is looked at once more.
    std::thread::sleep(Duration::from_millis(50));
    tool.command(false, root).map(|mut command| cost(&mut command));
}

fn rounds(scenario: Scenario, jobs: usize) -> usize {
    match (scenario, jobs) {
        (Scenario::Full, ..=1_000) => 5,
        (Scenario::Full, ..=10_000) => 3,
        (Scenario::Full, _) => 1,
        (_, ..=10_000) => 9,
        _ => 5,
    }
}

/// The sizes named on the command line, or `default`.
pub(crate) fn sizes(default: &[usize]) -> Vec<usize> {
    let named: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    if named.is_empty() { default.to_vec() } else { named }
}

/// Those of `kinds` that are named on the command line, or all.
pub(crate) fn kinds(kinds: &[Kind]) -> Vec<Kind> {
    let is_named = |kind: &Kind| std::env::args().any(|word| word == Graph::new(*kind, 0).name());
    let named: Vec<Kind> = kinds.iter().copied().filter(is_named).collect();
    if named.is_empty() { kinds.to_vec() } else { named }
}
