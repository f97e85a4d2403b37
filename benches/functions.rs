//! Input functions over many jobs: what one call costs, as the difference between two plans of the same jobs, one with
//! patterns and one with a function of each kind. The calls of big plans run in parallel.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::{RunOptions, Session, Workflow};
use std::fmt::Write as _;
use std::time::Duration;

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

fn plan(jobs: usize, above: &str, input: &str, root: &std::path::Path) -> Duration {
    let mut text = String::from(above);
    let _ = write!(
        text,
        "\nrule all:\n    input: [f'out/{{i}}.csv' for i in range({jobs})]\nrule one:\n    input: {input}\n    \
         output: 'out/{{s}}.csv'\n    shell: 'cp {{input}} {{output}}'\nrule source:\n    output: 'in/{{s}}.csv'\n    \
         shell: 'touch {{output}}'\n"
    );
    let workflow = Workflow::parse("Rulefile", &text).expect("it parses");
    let session = Session::builder(workflow).root(root).open().expect("it opens");
    let repeats = if jobs > 10_000 { 3 } else { 5 };
    support::median(repeats, || {
        let plan = session.plan::<&str>(&[], &RunOptions::default()).expect("it plans");
        assert_eq!(plan.jobs().len(), 2 * jobs + 1);
    })
}

fn main() {
    let scratch = support::Scratch::new("functions");
    for jobs in [1_000, 10_000, 100_000] {
        let mut base = Duration::ZERO;
        for (name, above, input) in KINDS {
            let time = plan(jobs, above, input, &scratch.0);
            support::row(name, jobs, time);
            if above.is_empty() && !input.starts_with("lambda") && !input.starts_with("expand") {
                base = time;
            } else {
                let call = time.saturating_sub(base).as_secs_f64() * 1e6 / jobs as f64;
                println!("{:<34} {jobs:>9} {:>14} {call:>8.3} us a call", "", "");
            }
        }
    }
}
