//! Rulefile text to workflow: rules of the usual size, 300 lines and 10,000 rules; and texts of odd shapes that grow to a
//! megabyte, whose time per byte must not grow with them.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::Workflow;
use rulemake::source::{FormatOptions, format_source, included_files};
use std::fmt::Write as _;
use support::goals::{Goal, tell};
use support::machine;

const RULES_IN_300_LINES: usize = 43;

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

/// Texts that somebody's program wrote, or that are broken: a piece, what it stands between, and what it repeats.
const SHAPES: [(&str, &str, &str, &str); 9] = [
    ("a list on one line", "x = [", "'abc', ", "]\n"),
    ("a list on lines", "x = [\n", "    'abc',  # why\n", "]\n"),
    ("a string", "x = '", "abcdefg ", "'\n"),
    ("statements", "", "x = f(1, 'a')\n", ""),
    ("fields of an f-string", "a = 1\nx = f'", "{a!r:>5} ", "'\n"),
    ("open brackets", "x = ", "(", "\n"),
    ("open brackets on lines", "", "x = [\n", ""),
    ("open strings", "", "x = 'abc\n", ""),
    ("open f-strings", "", "x = f'{abc\n", ""),
];

fn main() {
    for (rules, repeats) in [(RULES_IN_300_LINES, 21), (1_000, 5), (10_000, 3)] {
        let text = rulefile(rules);
        let time = support::median(repeats, || Workflow::parse("Rulefile", &text).expect("it parses"));
        support::row("parse and load, rules", rules, time);
        if rules == RULES_IN_300_LINES {
            println!("{} lines; {}", text.lines().count(), machine::describe(&std::env::temp_dir()));
            tell([Goal::at_most(10.0, "ms", time.as_secs_f64() * 1e3)]);
        }
    }
    for (name, before, piece, after) in SHAPES {
        for bytes in [1_000, 10_000, 100_000, 1_000_000] {
            let text = format!("{before}{}{after}", piece.repeat(bytes / piece.len()));
            let time = support::median(3, || included_files(&text));
            support::row(&format!("parse {name}, bytes"), bytes, time);
            let time = support::median(3, || format_source(&text, &FormatOptions::default()));
            support::row(&format!("format {name}, bytes"), bytes, time);
        }
    }
}
