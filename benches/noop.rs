//! Nothing to do, decided by content: 1,000 to 100,000 jobs, beside the bare stat of the same files.

#![expect(clippy::expect_used, reason = "a bench prints and may stop")]
mod support;

fn main() {
    for (jobs, repeats) in [(1_000, 10), (10_000, 7), (100_000, 3)] {
        let scratch = support::Scratch::new("noop");
        support::write_sources(&scratch.0, jobs);
        let mut session = support::session(support::copies(jobs), &scratch.0);
        assert_eq!(support::run(&mut session), jobs);
        assert_eq!(support::run(&mut session), 0, "the first run after a build settles what is young");
        let time = support::median(repeats, || assert_eq!(support::run(&mut session), 0));
        support::row("no-op run, jobs", jobs, time);
        let bare = support::median(repeats, || {
            for i in 0..jobs {
                for dir in ["data", "out"] {
                    std::fs::metadata(scratch.0.join(format!("{dir}/{i}"))).expect("it is there");
                }
            }
        });
        support::row("  bare stat on one thread, files", jobs * 2, bare);
        println!("  ratio {:.2}", time.as_secs_f64() / bare.as_secs_f64());
    }
}
