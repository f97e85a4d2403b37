//! Content digests of what is new: one large file, and many small ones.

#![expect(clippy::expect_used, reason = "a bench prints and may stop")]
mod support;

use rulemake::{Rule, RunOptions, Workflow};

fn main() {
    let scratch = support::Scratch::new("hash");
    let mib = 256;
    std::fs::write(scratch.0.join("big"), vec![7u8; mib << 20]).expect("a large file");
    let workflow =
        Workflow::builder().rule(Rule::builder("r").input("big").output("o").shell("true")).build();
    let session = support::session(workflow.expect("a workflow"), &scratch.0);
    let time = support::median(5, || session.plan(&["o"], &RunOptions::default()).expect("a plan"));
    support::row("hash one file, MiB", mib, time);
    println!("  {:.2} GiB/s", mib as f64 / 1024.0 / time.as_secs_f64());

    let files = 20_000;
    support::write_sources(&scratch.0, files);
    let session = support::session(support::copies(files), &scratch.0);
    let time = support::median(3, || session.plan::<&str>(&[], &RunOptions::default()).expect("a plan"));
    support::row("plan and hash small files", files, time);
}
