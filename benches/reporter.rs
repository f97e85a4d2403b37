//! What it costs to show a run: ten thousand quick jobs, silent, as lines, as events, and live on a terminal.
//! Compared by processor time, the jobs' own included, for that says something on a busy machine, too. `-- 1000` for another size. The terminal is that of `script`, of util-linux; without it that row is left out.

mod support;

use std::fs::{self, File};
use std::process::{Command, Stdio};
use support::child::{Cost, cost_as_it_is};
use support::contest::sizes;
use support::machine::describe;
use support::{Scratch, binary};

const REPEATS: usize = 5;

/// How a run is shown, by which flags, and whether on a terminal.
const WAYS: [(&str, &str, bool); 6] = [
    ("silent", "-q", false),
    ("lines of what matters", "", false),
    ("two lines for each job", "-v", false),
    ("events", "--json", false),
    ("silent, on a terminal", "-q", true),
    ("live, on a terminal", "", true),
];

fn main() {
    for jobs in sizes(&[10_000]) {
        let scratch = Scratch::new("reporter");
        let rulefile = format!(
            "rule all:\n    input: expand('out/{{n}}', n=range({jobs}))\n\
             rule one:\n    output: 'out/{{n}}'\n    shell: 'touch {{output}}'\n"
        );
        fs::write(scratch.0.join("Rulefile"), rulefile).unwrap();
        println!("{jobs} jobs; {}; {}", binary::describe(), describe(&scratch.0));
        let has_script = Command::new("script").arg("--version").stdout(Stdio::null()).status().is_ok();
        let mut costs = vec![Vec::new(); WAYS.len()];
        let mut shown = vec![(0, 0); WAYS.len()];
        // In turn, so that what disturbs the machine disturbs all.
        for _ in 0..REPEATS {
            for (way, (_, flags, on_terminal)) in WAYS.iter().enumerate() {
                if *on_terminal && !has_script {
                    continue;
                }
                costs[way].push(run(&scratch, flags, *on_terminal));
                let text = fs::read(scratch.0.join("shown")).unwrap_or_default();
                shown[way] = (text.len(), text.iter().filter(|byte| **byte == b'\n').count());
            }
        }
        let mut silent = None;
        for ((mut costs, (bytes, lines)), (name, flags, _)) in costs.into_iter().zip(shown).zip(WAYS) {
            costs.sort_by_key(|cost: &Cost| cost.cpu);
            let Some(Cost { wall, cpu, .. }) = costs.get(costs.len() / 2) else { continue };
            let (wall, cpu) = (wall.as_secs_f64(), cpu.as_secs_f64());
            if flags == "-q" {
                silent = Some(cpu);
            }
            let ratio = cpu / silent.unwrap_or(cpu);
            println!(
                "{name:<24} {cpu:>7.2} s CPU, {ratio:>5.2} x silent  {wall:>7.2} s wall  {bytes:>9} bytes, {lines:>6} lines"
            );
        }
    }
}

/// A run from nothing; what it shows is in the file `shown`.
fn run(scratch: &Scratch, flags: &str, on_terminal: bool) -> Cost {
    for dir in ["out", ".rulemake"] {
        let _ = fs::remove_dir_all(scratch.0.join(dir));
    }
    let shown = File::create(scratch.0.join("shown")).unwrap();
    let line = format!("'{}' -j2 {flags}", binary::path().display());
    let mut command = match on_terminal {
        true => Command::new("script"),
        false => Command::new("sh"),
    };
    match on_terminal {
        true => command.args(["-qec", &line, "/dev/null"]),
        false => command.args(["-c", &line]),
    };
    command.current_dir(&scratch.0).env_remove("MAKEFLAGS");
    command.stderr(shown.try_clone().unwrap()).stdout(shown);
    cost_as_it_is(&mut command)
}
