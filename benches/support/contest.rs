//! Contenders on the same graph, measured in turn, so that what disturbs the machine disturbs all of them. What is not
//! installed is said to be missing.

use super::child::{Cost, cost};
use super::graph::Graph;
use super::{Scratch, machine};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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

/// A program that builds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Rulemake,
    Ninja,
    Samurai,
    N2,
    Make,
    Snakemake,
}

impl Tool {
    pub(crate) fn program(self) -> &'static str {
        match self {
            Tool::Rulemake => env!("CARGO_BIN_EXE_rulemake"),
            Tool::Ninja => "ninja",
            Tool::Samurai => "samu",
            Tool::N2 => "n2",
            Tool::Make => "make",
            Tool::Snakemake => "snakemake",
        }
    }

    fn name(self) -> &'static str {
        if self == Tool::Rulemake { "rulemake" } else { self.program() }
    }

    fn is_installed(self) -> bool {
        let mut command = Command::new(self.program());
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    fn state(self) -> &'static [&'static str] {
        match self {
            Tool::Rulemake => &[".rulemake"],
            Tool::Ninja | Tool::Samurai => &[".ninja_log", ".ninja_deps"],
            Tool::N2 => &[".n2_db"],
            Tool::Make => &[],
            Tool::Snakemake => &[".snakemake"],
        }
    }

    fn describe(self, graph: &Graph, root: &Path) {
        let (name, text) = match self {
            Tool::Rulemake => ("Rulefile", graph.rulefile()),
            Tool::Snakemake => ("Snakefile", graph.rulefile()),
            Tool::Make => ("Makefile", graph.makefile()),
            Tool::Ninja | Tool::Samurai | Tool::N2 => ("build.ninja", graph.ninja()),
        };
        fs::write(root.join(name), text).expect("a description");
    }

    /// `None`: it has no such thing.
    fn command(self, is_dry: bool, root: &Path) -> Option<Command> {
        let words: &[&str] = match (self, is_dry) {
            (Tool::Rulemake, false) => &["-j2", "-q"],
            (Tool::Rulemake, true) => &["-j2", "-q", "-n"],
            (Tool::Ninja, false) => &["-j2", "--quiet"],
            (Tool::Ninja, true) => &["-n", "--quiet"],
            (Tool::Samurai | Tool::N2, false) => &["-j2"],
            (Tool::Samurai, true) => &["-n"],
            (Tool::N2, true) => return None,
            (Tool::Make, false) => &["-rR", "-s", "-j2"],
            (Tool::Make, true) => &["-rR", "-n"],
            (Tool::Snakemake, false) => &["-c2", "-q"],
            (Tool::Snakemake, true) => &["-n", "-q"],
        };
        let mut command = Command::new(self.program());
        command.args(words).current_dir(root);
        Some(command)
    }

    fn clean(self, graph: &Graph, root: &Path) {
        graph.clean(root);
        for state in self.state() {
            let path = root.join(state);
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

/// The physical limit: the same work, and nothing decided.
enum Bare {
    /// A stat of each file, on so many threads.
    Stat(usize),
    /// Each command, two at a time, through `sh` or, where it is plain words, without.
    Spawn { shell: bool },
}

enum Contender {
    Tool(Tool, PathBuf),
    Bare(Bare, PathBuf),
}

impl Contender {
    fn name(&self) -> String {
        match self {
            Contender::Tool(tool, _) => tool.name().into(),
            Contender::Bare(Bare::Stat(threads), _) => format!("bare stat, {threads} thr."),
            Contender::Bare(Bare::Spawn { shell: true }, _) => "bare commands, sh".into(),
            Contender::Bare(Bare::Spawn { shell: false }, _) => "bare commands".into(),
        }
    }

    fn is_bare(&self) -> bool {
        matches!(self, Contender::Bare(..))
    }

    fn measure(&self, scenario: Scenario, graph: &Graph) -> Option<Cost> {
        match self {
            Contender::Tool(tool, root) => {
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
            Contender::Bare(Bare::Stat(threads), root) => {
                let files: Vec<PathBuf> = graph.files().iter().map(|file| root.join(file)).collect();
                Some(timed(|| stat_all(&files, *threads)))
            }
            Contender::Bare(Bare::Spawn { shell }, root) => {
                graph.clean(root);
                let levels = graph.levels();
                Some(timed(|| levels.iter().for_each(|level| spawn_all(level, *shell, root))))
            }
        }
    }
}

fn timed(work: impl FnOnce()) -> Cost {
    let start = Instant::now();
    work();
    Cost { wall: start.elapsed(), ..Cost::default() }
}

fn stat_all(files: &[PathBuf], threads: usize) {
    std::thread::scope(|scope| {
        for part in files.chunks(files.len().div_ceil(threads)) {
            scope.spawn(|| part.iter().for_each(|file| assert!(fs::metadata(file).is_ok(), "{file:?}")));
        }
    });
}

fn spawn_all(level: &[super::graph::Job], shell: bool, root: &Path) {
    let spawn = |job: &super::graph::Job| {
        let mut command = match job.verb {
            verb if !shell && verb != "merge" => {
                let mut command = Command::new(verb);
                command.arg(&job.input);
                if verb == "cp" {
                    command.arg(&job.output);
                } else {
                    command.stdout(fs::File::create(root.join(&job.output)).expect("an output"));
                }
                command
            }
            _ => {
                let mut command = Command::new("sh");
                command.arg("-c").arg(job.command());
                command
            }
        };
        assert!(command.current_dir(root).status().is_ok_and(|status| status.success()), "{}", job.command());
    };
    // The two take turns from one list.
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..level.len().min(2) {
            scope.spawn(|| {
                while let Some(job) = level.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    spawn(job);
                }
            });
        }
    });
}

/// Measures `scenario` for all that can do it, and prints the table.
pub(crate) fn contest(title: &str, scenario: Scenario, graph: &Graph, tools: &[Tool]) {
    let scratch = Scratch::new("contest");
    let mut contenders = Vec::new();
    let mut missing = Vec::new();
    for tool in tools {
        if !tool.is_installed() {
            missing.push(tool.name());
            continue;
        }
        let root = scratch.0.join(tool.name());
        graph.write(&root);
        tool.describe(graph, &root);
        contenders.push(Contender::Tool(*tool, root));
    }
    if scenario == Scenario::Full {
        for shell in [true, false] {
            let root = scratch.0.join(format!("bare-{shell}"));
            graph.write(&root);
            contenders.push(Contender::Bare(Bare::Spawn { shell }, root));
        }
    }
    if matches!(scenario, Scenario::Noop | Scenario::Edit) {
        for contender in &contenders {
            contender.measure(Scenario::Full, graph);
            // What was too young to be believed is looked at once more.
            std::thread::sleep(Duration::from_millis(50));
            contender.measure(Scenario::Noop, graph);
        }
        if let Some(Contender::Tool(_, root)) = contenders.first() {
            let root = root.clone();
            contenders.extend([1, 2].map(|threads| Contender::Bare(Bare::Stat(threads), root.clone())));
        }
    }
    let mut costs: Vec<Vec<Cost>> = contenders.iter().map(|_| Vec::new()).collect();
    let rounds = rounds(scenario, graph.jobs);
    for _ in 0..rounds {
        for (contender, costs) in contenders.iter().zip(&mut costs) {
            costs.extend(contender.measure(scenario, graph));
        }
    }
    println!(
        "\n{title}: {} {} jobs, medians of {rounds}; {}",
        graph.name(),
        graph.jobs,
        machine::describe(&scratch.0)
    );
    report(&contenders, &costs);
    if !missing.is_empty() {
        println!("not installed: {}", missing.join(", "));
    }
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

/// The last contender that is bare is what the others are compared with; without one, the best peer.
fn report(contenders: &[Contender], costs: &[Vec<Cost>]) {
    let median = |costs: &[Cost], of: fn(&Cost) -> f64| {
        let mut all: Vec<f64> = costs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let wall = |cost: &Cost| cost.wall.as_secs_f64() * 1e3;
    let rows: Vec<_> = contenders.iter().zip(costs).filter(|(_, costs)| !costs.is_empty()).collect();
    let floors = rows.iter().filter(|(contender, _)| contender.is_bare());
    let floors: Vec<(String, f64)> = floors.map(|(c, costs)| (c.name(), median(costs, wall))).collect();
    let ours = rows.first().map_or(0.0, |(_, costs)| median(costs, wall));
    print!("{:<20} {:>11} {:>11} {:>9} {:>12}", "", "wall ms", "CPU ms", "peak MiB", "ours / it");
    floors.iter().for_each(|(name, _)| print!(" {:>20}", format!("x {name}")));
    println!();
    for (contender, costs) in rows {
        let time = median(costs, wall);
        let cpu = median(costs, |cost| cost.cpu.as_secs_f64() * 1e3);
        let peak = median(costs, |cost| cost.peak_kib as f64 / 1024.0);
        print!("{:<20} {time:>11.1} {cpu:>11.1} {peak:>9.1} {:>12.2}", contender.name(), ours / time);
        floors.iter().for_each(|(_, floor)| print!(" {:>20.2}", time / floor));
        println!();
    }
}

/// The sizes named on the command line, or `default`.
pub(crate) fn sizes(default: &[usize]) -> Vec<usize> {
    let named: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    if named.is_empty() { default.to_vec() } else { named }
}
