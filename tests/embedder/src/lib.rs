//! Sizes of texts: a small library that makes its results with rulemake.

use rulemake::{BoxError, JobContext, PathPattern, Rule, RunOptions, Session, SessionBuilder, Workflow};

/// Counts words of one text.
fn count(job: &JobContext) -> Result<(), BoxError> {
    let words = job.read_to_string(job.input(0)?)?.split_whitespace().count();
    job.log(&format!("{words} words"));
    Ok(job.write(job.output(0)?, format!("{words}\n"))?)
}

/// Adds up the counts.
fn add(job: &JobContext) -> Result<(), BoxError> {
    let mut sum = 0;
    for (done, path) in (1..).zip(job.inputs()) {
        sum += job.read_to_string(path)?.trim().parse::<u64>()?;
        job.progress(done, job.inputs().len() as u64);
    }
    Ok(job.write(job.output(0)?, format!("{sum}\n"))?)
}

/// The workflow for texts of these names: counts by closures, the report by a program.
pub fn workflow(names: &[&str]) -> rulemake::Result<Workflow> {
    let counts = names.iter().map(|name| format!("counts/{name}.txt"));
    Workflow::builder()
        .constraint("name", "[a-z]+")
        .rule(
            Rule::builder("report").input("sum.txt").output("report.html").shell("render {input} > {output}"),
        )
        .rule(Rule::builder("sum").inputs(counts).output("sum.txt").action("1", add))
        .rule(
            Rule::builder("count")
                .input("texts/{name}.txt")
                .output(PathPattern::new("counts/{name}.txt").non_empty())
                .action("1", count),
        )
        .build()
}

/// Makes the sum of the texts in `root`.
pub fn sum(session: SessionBuilder) -> Result<u64, BoxError> {
    let mut session: Session = session.open()?;
    let report = session.run(&["sum.txt"], &RunOptions::default())?;
    if let Some(failure) = report.failures.first() {
        return Err(format!("{}: {}", failure.job.title(), failure.outcome).into());
    }
    Ok(std::fs::read_to_string(session.root().join("sum.txt"))?.trim().parse()?)
}
