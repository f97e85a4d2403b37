//! Growth by checkpoints: one checkpoint with many consumers, many checkpoints with one consumer each, and a chain in
//! which each asks for the next. The time per consumer must not grow with their number.

#![expect(clippy::expect_used, reason = "a bench prints and may stop")]
mod support;

use rulemake::{BoxError, JobContext, Rule, Value, Workflow};
use std::fs;
use std::path::Path;
use std::time::Instant;

fn write(job: &JobContext) -> Result<(), BoxError> {
    fs::write(&job.outputs()[0], "x")?;
    Ok(())
}

/// `consumers` jobs, of which each `share` wait for one checkpoint.
fn fan(consumers: usize, share: usize) -> Workflow {
    Workflow::builder()
        .rule(Rule::builder("all").inputs((0..consumers).map(|i| format!("out/{i}"))))
        .rule(Rule::builder("ask").checkpoint().output("ask/{k}").action("1", write))
        .rule(
            Rule::builder("consume")
                .input_fn(move |cx| {
                    let i: usize = cx.wildcards.get("i").expect("its wildcard").parse()?;
                    let k = (i / share).to_string();
                    cx.after_checkpoint("ask", &[("k", &k)])?;
                    Ok(Value::from(format!("leaf/{i}")))
                })
                .output("out/{i}")
                .action("1", write),
        )
        .rule(Rule::builder("leaf").output("leaf/{i}").action("1", write))
        .build()
        .expect("it builds")
}

/// Step `n` waits for its own checkpoint, and then needs step `n - 1`.
fn chain(length: usize) -> Workflow {
    Workflow::builder()
        .rule(Rule::builder("all").input(format!("step/{}", length - 1)))
        .rule(Rule::builder("ask").checkpoint().output("ask/{n}").action("1", write))
        .rule(
            Rule::builder("step")
                .input_fn(|cx| {
                    let n = cx.wildcards.get("n").expect("its wildcard");
                    cx.after_checkpoint("ask", &[("n", n)])?;
                    let n: usize = n.parse()?;
                    Ok(Value::List(
                        n.checked_sub(1).map(|n| Value::from(format!("step/{n}"))).into_iter().collect(),
                    ))
                })
                .output("step/{n}")
                .action("1", write),
        )
        .build()
        .expect("it builds")
}

fn measure(name: &str, consumers: usize, workflow: impl Fn() -> Workflow, root: &Path) {
    let mut session = support::session(workflow(), root);
    let start = Instant::now();
    let ran = support::run(&mut session);
    support::row(&format!("{name}: build"), consumers, start.elapsed());
    assert!(ran > consumers);
    support::run(&mut session);
    let time = support::median(3, || assert_eq!(support::run(&mut session), 0));
    support::row("  nothing to do", consumers, time);
    let time = support::median(3, || {
        let plan = session.plan::<&str>(&[], &Default::default()).expect("it plans");
        assert_eq!((plan.counts().run, plan.counts().after_checkpoint), (0, 0));
    });
    support::row("  plan", consumers, time);
}

fn main() {
    for consumers in [1_000, 10_000, 100_000] {
        let scratch = support::Scratch::new("checkpoints-one");
        measure("one checkpoint, consumers", consumers, || fan(consumers, consumers), &scratch.0);
    }
    for consumers in [1_000, 10_000, 40_000] {
        let scratch = support::Scratch::new("checkpoints-each");
        measure("a checkpoint for each consumer", consumers, || fan(consumers, 1), &scratch.0);
    }
    for length in [100, 1_000, 4_000, 16_000] {
        let scratch = support::Scratch::new("checkpoints-chain");
        measure("chain of checkpoints", length, || chain(length), &scratch.0);
    }
}
