//! Which rule makes a path, and the graph that follows: 1,000 patterns, up to 1,000,000 targets.

#![expect(clippy::expect_used, reason = "a bench may stop")]
mod support;

use rulemake::{Rule, RunOptions, Workflow};

fn main() {
    for (targets, repeats) in [(1_000, 10), (10_000, 5), (100_000, 3), (1_000_000, 1)] {
        let scratch = support::Scratch::new("match");
        std::fs::write(scratch.0.join("source"), "x").expect("a file");
        let mut builder = Workflow::builder().rule(
            Rule::builder("all").inputs((0..targets).map(|i| format!("d{}/f{i}.t{}", i % 100, i % 10))),
        );
        for i in 0..1_000 {
            let (dir, kind) = (i / 10, i % 10);
            let output = format!("d{dir}/{{x}}.t{kind}");
            builder = builder.rule(
                Rule::builder(format!("r{i}")).input("source").output(output).shell("cp {input} {output}"),
            );
        }
        let session = support::session(builder.build().expect("a workflow"), &scratch.0);
        let time =
            support::median(repeats, || session.plan::<&str>(&[], &RunOptions::default()).expect("a plan"));
        support::row("plan from nothing, 1k patterns, jobs", targets, time);
    }
}
