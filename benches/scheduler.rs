//! The scheduler under stress: all jobs are ready at once and take 1 ms, with priorities, several threads, and resources
//! that only some fit beside each other. What the engine spends on a completion must not
//! grow with what waits. Its user time is told: making the outputs costs the file system more than that.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints and may stop")]
mod support;

use rulemake::{BoxError, JobContext, Rule, Session, Workflow};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::child::cost;
use support::contest::sizes;
use support::machine;

/// Threads, memory, licences and priority of each kind of job.
const KINDS: [(u32, u32, u32, i64); 5] =
    [(1, 1, 0, 0), (2, 4, 0, 5), (1, 16, 0, 1), (4, 2, 1, 10), (1, 0, 1, -1)];
const SLOTS: usize = 8;

fn work(job: &JobContext) -> Result<(), BoxError> {
    std::thread::sleep(Duration::from_millis(1));
    fs::write(&job.outputs()[0], "x")?;
    Ok(())
}

fn workflow(jobs: usize) -> Workflow {
    let wanted = (0..jobs).map(|i| format!("out/{}/{i}", i % KINDS.len()));
    let mut builder = Workflow::builder().rule(Rule::builder("all").inputs(wanted));
    for (kind, (threads, memory, licences, priority)) in KINDS.into_iter().enumerate() {
        let mut rule = Rule::builder(format!("kind{kind}")).output(format!("out/{kind}/{{i}}"));
        rule = rule.threads(threads).priority(priority);
        for (name, amount) in [("memory", memory), ("licence", licences)] {
            if amount > 0 {
                rule = rule.resource(name, amount);
            }
        }
        builder = builder.rule(rule.action("1", work));
    }
    builder.build().expect("it builds")
}

fn run(jobs: usize, root: &Path) {
    let builder = Session::builder(workflow(jobs)).root(root).jobs(SLOTS);
    let mut session = builder.resource("memory", 20).resource("licence", 1).open().expect("it opens");
    assert_eq!(support::run(&mut session), jobs);
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [child, jobs, root, ..] = &words[..]
        && child == "child"
    {
        return run(jobs.parse().expect("a number"), Path::new(root));
    }
    let this = std::env::current_exe().expect("it runs");
    println!("{}", machine::describe(&std::env::temp_dir()));
    println!("{:>9} {:>12} {:>12} {:>9}", "ready", "wall us/job", "user us/job", "peak MiB");
    let mut first = 0.0;
    for jobs in sizes(&[1_000, 10_000, 100_000]) {
        let scratch = support::Scratch::new("scheduler");
        let cost = cost(Command::new(&this).args(["child", &jobs.to_string()]).arg(&scratch.0));
        let each = |time: Duration| time.as_secs_f64() * 1e6 / jobs as f64;
        if first == 0.0 {
            first = each(cost.user);
        }
        println!(
            "{jobs:>9} {:>12.1} {:>12.1} {:>9.1}  user time {:.2} x the first",
            each(cost.wall),
            each(cost.user),
            cost.peak_kib.unwrap_or_default() as f64 / 1024.0,
            each(cost.user) / first
        );
    }
}
