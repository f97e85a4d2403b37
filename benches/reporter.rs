//! What it costs to show a run: ten thousand quick jobs, silent, as lines, as events, and live on a terminal.
//! Compared by processor time, the jobs' own included, for that says something on a busy machine, too. `-- 1000` for another size. The terminal is that of `script`, of util-linux; without it that row is left out.

mod support;

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;
use support::Scratch;
use support::child::{Cost, cost_as_it_is};
use support::contest::sizes;
use support::machine::describe;

const BINARY: &str = env!("CARGO_BIN_EXE_rulemake");
const REPEATS: usize = 3;

fn main() {
    for jobs in sizes(&[10_000]) {
        let scratch = Scratch::new("reporter");
        let rulefile = format!(
            "rule all:\n    input: expand('out/{{n}}', n=range({jobs}))\n\
             rule one:\n    output: 'out/{{n}}'\n    shell: 'touch {{output}}'\n"
        );
        fs::write(scratch.0.join("Rulefile"), rulefile).unwrap();
        println!("{jobs} jobs; {}", describe(&scratch.0));
        let has_script = Command::new("script").arg("--version").stdout(Stdio::null()).status().is_ok();
        let mut silent = None;
        for (name, flags, on_terminal) in [
            ("silent", "-q", false),
            ("lines of what matters", "", false),
            ("two lines for each job", "-v", false),
            ("events", "--json", false),
            ("silent, on a terminal", "-q", true),
            ("live, on a terminal", "", true),
        ] {
            if on_terminal && !has_script {
                continue;
            }
            let mut costs: Vec<Cost> = (0..REPEATS).map(|_| run(&scratch, flags, on_terminal)).collect();
            costs.sort_by_key(|cost| cost.cpu);
            let Cost { wall, cpu, .. } = costs[REPEATS / 2];
            if flags == "-q" {
                silent = Some(cpu);
            }
            let ratio = silent.map_or(1.0, |silent: Duration| cpu.as_secs_f64() / silent.as_secs_f64());
            let shown = fs::read(scratch.0.join("shown")).unwrap_or_default();
            let lines = shown.iter().filter(|byte| **byte == b'\n').count();
            println!(
                "{name:<24} {:>7.2} s CPU, {ratio:>5.2} x silent  {:>7.2} s wall  {:>9} bytes, {lines:>6} lines",
                cpu.as_secs_f64(),
                wall.as_secs_f64(),
                shown.len()
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
    let line = format!("'{BINARY}' -j2 {flags}");
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
