//! Closures as rules over real data: the hottest day of each year in `examples/weather/raw`, and of all.
//!
//! `cargo run --example embed_functions`. Which years there are is asked when the jobs are made, so a new file is a new job.

use rulemake::{BoxError, JobContext, Rule, RunOptions, Session, Value, Workflow};
use std::fs;
use std::path::Path;

/// The line of a table with the greatest maximum, the third column.
fn hottest(job: &JobContext) -> Result<(), BoxError> {
    let text = job.read_to_string(job.input(0)?)?;
    let mut best: Option<(f64, &str)> = None;
    for line in text.lines().skip(1) {
        let Some(Ok(maximum)) = line.split(',').nth(2).map(str::parse::<f64>) else { continue };
        if best.is_none_or(|(other, _)| maximum > other) {
            best = Some((maximum, line));
        }
    }
    let (maximum, line) = best.ok_or("there is no measurement in it")?;
    job.log(&format!("{maximum} degrees"));
    Ok(job.write(job.output(0)?, format!("{line}\n"))?)
}

fn join(job: &JobContext) -> Result<(), BoxError> {
    let mut lines = String::new();
    for path in job.inputs() {
        lines.push_str(&job.read_to_string(path)?);
    }
    Ok(job.write(job.output(0)?, lines)?)
}

fn main() -> Result<(), BoxError> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/weather/raw");
    let root = std::env::temp_dir().join(format!("rulemake-embed-functions-{}", std::process::id()));
    fs::create_dir_all(&root)?;
    let (raw, years) = (data.display().to_string(), data.clone());
    let workflow = Workflow::builder()
        .rule(
            Rule::builder("all_years")
                .input_fn(move |_| {
                    let mut names = Vec::new();
                    for entry in fs::read_dir(&years)? {
                        names.push(entry?.file_name().to_string_lossy().replace(".csv", ".hottest"));
                    }
                    names.sort();
                    Ok(Value::from(names))
                })
                .output("hottest.csv")
                .action("1", join),
        )
        .rule(
            Rule::builder("hottest")
                .input(format!("{raw}/{{year}}.csv"))
                .output("{year}.hottest")
                .constraint("year", "[0-9]{4}")
                .action("1", hottest),
        )
        .build()?;
    let mut session = Session::builder(workflow).root(&root).open()?;
    let report = session.run(&["hottest.csv"], &RunOptions::default())?;
    for failure in &report.failures {
        eprintln!("{}: {}", failure.job.title(), failure.outcome);
    }
    println!("{} jobs ran", report.summary.ran);
    print!("{}", fs::read_to_string(root.join("hottest.csv"))?);
    fs::remove_dir_all(&root)?;
    if report.success() { Ok(()) } else { Err("not everything was made".into()) }
}
