//! A workflow built in Rust, without a Rulefile: closures as actions, decided by content.
//!
//! `cargo run --example embed_minimal` runs two jobs; run it again and nothing is to do.

use rulemake::{BoxError, EventKind, Rule, RunOptions, Session, Workflow};
use std::fs;

fn main() -> Result<(), BoxError> {
    let root = std::env::temp_dir().join("rulemake-embed-minimal");
    fs::create_dir_all(&root)?;
    fs::write(root.join("words.txt"), "pear\napple\nfig\napple\n")?;

    let workflow = Workflow::builder()
        .rule(Rule::builder("count").input("{name}.sorted").output("{name}.count").action("1", |job| {
            let lines = fs::read_to_string(job.input(0)?)?.lines().count();
            Ok(fs::write(job.output(0)?, format!("{lines} different words\n"))?)
        }))
        .rule(
            Rule::builder("sort")
                .input("{name}.txt")
                .output("{name}.sorted")
                .shell("sort -u {input} > {output}"),
        )
        .build()?;

    let mut session = Session::builder(workflow)
        .root(&root)
        .observer(|event| {
            if let EventKind::JobStarted { job, reasons, .. } = &event.kind {
                println!("{}: {}", job.title(), reasons[0]);
            }
        })
        .open()?;
    let report = session.run(&["words.count"], &RunOptions::default())?;
    println!("{} ran, {} up to date", report.summary.ran, report.summary.up_to_date);
    print!("{}", fs::read_to_string(root.join("words.count"))?);
    Ok(())
}
