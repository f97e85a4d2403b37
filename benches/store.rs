//! The state log: what a trace costs to append, and what they cost to load. Results are written by hand and accepted; that
//! they are accepted once more, for their rule has changed, beside the same as a dry run, is what making the records and
//! writing them together costs. In a run each goes to the log by itself: the bare writes of as many bytes are told apart.
//! `-- 1000000` for other sizes; that takes 6 GB on tmpfs.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::{Rule, Session, Workflow};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use support::child::cost_of;
use support::contest::sizes;
use support::goals::{Goal, tell};
use support::{machine, median, row};

const ROUNDS: usize = 3;
/// So many results are made from each source.
const SHARE: usize = 3;

fn main() {
    for traces in sizes(&[1_000, 10_000, 100_000]) {
        let scratch = support::Scratch::new("store");
        let root = &scratch.0;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / traces as f64;
        println!("{traces} traces; {}", machine::describe(root));
        write_files(root, traces);
        accept(root, traces, 0, false);
        let log = root.join(".rulemake/state.log");
        let bytes = fs::metadata(&log).expect("a log").len() as usize;
        let session = session(root, traces, 0);
        let load = median(5, || session.log("out/0.0").expect("it loads"));
        row("load the state", traces, load);
        println!("  {} bytes a trace, with the files that it is of", bytes / traces);

        // What was too young to be believed is looked at once more.
        accept(root, traces, 1, false);
        let mut appends = Vec::new();
        let mut appended = 0;
        for version in 2..2 + ROUNDS {
            let before = fs::metadata(&log).expect("a log").len();
            let dry = accept(root, traces, version, true);
            appends.push(each(accept(root, traces, version, false)) - each(dry));
            appended = fs::metadata(&log).expect("a log").len().saturating_sub(before) as usize / traces;
        }
        appends.sort_by(f64::total_cmp);
        let together = appends[ROUNDS / 2];
        let write = each(cost_of(|| bare_writes(root, traces, appended)).cpu);
        println!(
            "append one of many: {together:.2} us CPU; a bare write of {appended} bytes: {write:.2} us CPU"
        );
        let mut goals =
            vec![Goal::at_most(3.0, "us to append one, with a write of its own", together + write)];
        if traces >= 1_000_000 {
            goals.push(Goal::at_most(0.5, "s to load", load.as_secs_f64()));
        }
        tell(goals);
    }
}

fn outputs(traces: usize) -> impl Iterator<Item = String> {
    (0..traces).map(|i| format!("out/{}.{}", i / SHARE, i % SHARE))
}

fn write_files(root: &Path, traces: usize) {
    support::write_sources(root, traces.div_ceil(SHARE));
    fs::create_dir_all(root.join("out")).expect("a directory");
    for output in outputs(traces) {
        fs::write(root.join(&output), format!("{output}\n")).expect("an output");
    }
    std::thread::sleep(Duration::from_millis(50));
}

fn session(root: &Path, traces: usize, version: usize) -> Session {
    let all = Rule::builder("all").inputs(outputs(traces));
    let copy = Rule::builder("copy").input("data/{x}").output("out/{x}.{k}");
    let copy = copy.action(&version.to_string(), |_| Err("it is not to run".into()));
    support::session(Workflow::builder().rule(all).rule(copy).build().expect("a workflow"), root)
}

/// The processor time, for by wall time the difference drowns in what else the machine does.
fn accept(root: &Path, traces: usize, version: usize, dry: bool) -> Duration {
    let mut session = session(root, traces, version);
    let accept = || {
        let accepted = session.accept::<&str>(&[], dry).expect("they are there");
        assert_eq!(accepted.accepted.len(), traces);
    };
    cost_of(accept).cpu
}

fn bare_writes(root: &Path, times: usize, bytes: usize) {
    let mut file = fs::File::create(root.join("bare")).expect("a file");
    let record = vec![0; bytes];
    (0..times).for_each(|_| file.write_all(&record).expect("it is written"));
}
