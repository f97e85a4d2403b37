//! Input functions over many jobs: what one call costs, as the difference between two plans of the same jobs, one with
//! patterns and one with a function of each kind, what it computes included. The calls of big plans run in parallel.
//! `-- 100000` for other sizes.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::{RunOptions, Session, Workflow};
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use support::goals::{Goal, tell};
use support::{contest, machine};

const ROUNDS: usize = 5;

/// What the function of a rule is, and what must stand above it.
const KINDS: [(&str, &str, &str); 5] = [
    ("pattern, no function", "", "'in/{s}.csv'"),
    ("lambda with a text", "", "lambda wc: 'in/' + wc.s + '.csv'"),
    ("lambda with an f-string", "", "lambda wc: f'in/{wc.s}.csv'"),
    (
        "def with a dict and a condition",
        "UNITS = {str(i): 'in' for i in range(1000)}\ndef find(wc):\n    dir = UNITS.get(wc.s, 'in')\n    \
         if wc.s in UNITS:\n        return [f'{dir}/{wc.s}.csv']\n    return 'in/%s.csv' % wc.s\n",
        "find",
    ),
    ("expand over a function", "", "expand('{d}/{{s}}.csv', d=lambda wc: ['in'])"),
];

fn session(jobs: usize, above: &str, input: &str, root: &Path) -> Session {
    let mut text = String::from(above);
    let _ = write!(
        text,
        "\nrule all:\n    input: [f'out/{{i}}.csv' for i in range({jobs})]\nrule one:\n    input: {input}\n    \
         output: 'out/{{s}}.csv'\n    shell: 'cp {{input}} {{output}}'\nrule source:\n    output: 'in/{{s}}.csv'\n    \
         shell: 'touch {{output}}'\n"
    );
    let workflow = Workflow::parse("Rulefile", &text).expect("it parses");
    Session::builder(workflow).root(root).open().expect("it opens")
}

fn main() {
    let scratch = support::Scratch::new("functions");
    println!("{}", machine::describe(&scratch.0));
    for jobs in contest::sizes(&[1_000, 10_000, 100_000]) {
        let sessions = KINDS.map(|(_, above, input)| session(jobs, above, input, &scratch.0));
        let mut times: [Vec<Duration>; KINDS.len()] = Default::default();
        for _ in 0..ROUNDS {
            for (session, times) in sessions.iter().zip(&mut times) {
                let start = Instant::now();
                let plan = session.plan::<&str>(&[], &RunOptions::default()).expect("it plans");
                assert_eq!(plan.jobs().len(), 2 * jobs + 1);
                times.push(start.elapsed());
            }
        }
        let [base, calling @ ..] = times.map(|mut times| {
            times.sort();
            times[ROUNDS / 2]
        });
        support::row(KINDS[0].0, jobs, base);
        let calls = calling.map(|time| time.saturating_sub(base).as_secs_f64() * 1e6 / jobs as f64);
        for (((name, ..), time), call) in KINDS[1..].iter().zip(calling).zip(calls) {
            support::row(name, jobs, time);
            println!("{:<34} {jobs:>9} {:>14} {call:>8.3} us a call", "", "");
        }
        // Of few calls the difference of two plans says nothing; and the last two kinds compute much themselves.
        if jobs >= 100_000 {
            tell([Goal::at_most(1.0, "us for a call of either lambda", calls[0].max(calls[1]))]);
        }
    }
}
