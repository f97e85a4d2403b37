//! Rulefile text to workflow: rules of the usual size, 300 lines and 10,000 rules.

#![expect(clippy::expect_used, reason = "a bench may stop")]
mod support;

use rulemake::Workflow;
use std::fmt::Write as _;

fn rulefile(rules: usize) -> String {
    let mut text = String::from("SAMPLES = [f'{i:03d}' for i in range(10)]\n");
    for i in 0..rules {
        let _ = write!(
            text,
            "\nrule step{i}:\n    input: 'in{i}/{{s}}.csv', ref='ref.txt'\n    output: 'out{i}/{{s}}.csv'\n    params: k={i}\n    threads: 2\n    shell: 'tool -k {{params.k}} {{input}} > {{output}}'\n"
        );
    }
    text
}

fn main() {
    for (rules, repeats) in [(43, 20), (1_000, 5), (10_000, 3)] {
        let text = rulefile(rules);
        let time = support::median(repeats, || Workflow::parse("Rulefile", &text).expect("it parses"));
        support::row("parse and load, rules", rules, time);
    }
}
