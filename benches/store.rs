//! The state log: recording in-process jobs, and loading what they left.

#![expect(clippy::expect_used, reason = "a bench prints and may stop")]
mod support;

fn main() {
    for (jobs, repeats) in [(1_000, 10), (10_000, 5), (100_000, 3)] {
        let scratch = support::Scratch::new("store");
        support::write_sources(&scratch.0, jobs);
        let mut session = support::session(support::copies(jobs), &scratch.0);
        let full = support::median(1, || assert_eq!(support::run(&mut session), jobs));
        support::row("full run, in-process copies, jobs", jobs, full);
        let bytes = std::fs::metadata(scratch.0.join(".rulemake/state.log")).expect("a log").len();
        let load = support::median(repeats, || session.log("out/0").expect("it loads"));
        support::row("load the state, traces", jobs, load);
        println!("  {} bytes a job", bytes / jobs as u64);
    }
}
