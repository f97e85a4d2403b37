//! Input functions that look rows up in a table: `.loc` must cost the same in a table of 1,000 rows and of 100,000, with
//! an index of one level or two, and where labels repeat.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::{RunOptions, Session, Workflow};
use std::time::Duration;

const JOBS: usize = 10_000;

/// What the function of a rule is, and how the table gets its index.
const KINDS: [(&str, &str, &str); 5] = [
    ("no table", "", "'in/' + wc.s"),
    ("loc, a row and a column", ".set_index('s')", "T.loc[wc.s, 'fq']"),
    ("loc, a row", ".set_index('s', drop=False)", "T.loc[wc.s].fq"),
    ("loc, two levels", ".set_index(['s', 'unit'])", "T.loc[(wc.s, 'u1'), 'fq']"),
    ("loc, all units of a sample", ".set_index(['s', 'unit'])", "list(T.loc[wc.s, 'fq'])"),
];

fn plan(rows: usize, index: &str, input: &str, root: &std::path::Path) -> Duration {
    let text = format!(
        "import pandas as pd\nN = range({rows})\nT = pd.DataFrame({{'s': [f's{{i}}' for i in N], \
         'unit': ['u1' for i in N], 'fq': [f'in/s{{i}}' for i in N]}}){index}\nT = T.sort_index()\n\
         rule all:\n    input: [f'out/s{{i % {rows}}}.{{i}}' for i in range({JOBS})]\n\
         rule one:\n    input: lambda wc: {input}\n    output: 'out/{{s}}.{{n}}'\n    shell: 'cp {{input}} {{output}}'\n\
         rule source:\n    output: 'in/{{s}}'\n    shell: 'touch {{output}}'\n"
    );
    let workflow = Workflow::parse("Rulefile", &text).expect("it parses");
    let session = Session::builder(workflow).root(root).open().expect("it opens");
    support::median(5, || {
        let plan = session.plan::<&str>(&[], &RunOptions::default()).expect("it plans");
        assert_eq!(plan.jobs().len(), JOBS + rows.min(JOBS) + 1);
    })
}

fn main() {
    let scratch = support::Scratch::new("tables");
    for rows in [1_000, 10_000, 100_000] {
        println!("{rows} rows");
        let mut base = Duration::ZERO;
        for (name, index, input) in KINDS {
            let time = plan(rows, index, input, &scratch.0);
            support::row(name, JOBS, time);
            if index.is_empty() {
                base = time;
            } else {
                let call = time.saturating_sub(base).as_secs_f64() * 1e6 / JOBS as f64;
                println!("{:<34} {JOBS:>9} {:>14} {call:>8.3} us a call", "", "");
            }
        }
    }
}
