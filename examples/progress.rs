//! A progress display on the events of a run: what runs, what is done, and how far a long job is.
//!
//! `cargo run --example progress`, or `-- broken`. The events come through a channel, so the display may be as slow as it likes.

use rulemake::{BoxError, Event, EventKind, Rule, RunOptions, Session, Workflow, event};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is shown: one line, made anew with each event.
#[derive(Default)]
struct Display {
    done: usize,
    all: usize,
    running: BTreeMap<u32, (String, u64)>,
}

impl Display {
    fn take(&mut self, event: &Event) -> Option<String> {
        match &event.kind {
            EventKind::RunStarted { jobs, .. } | EventKind::GraphExtended { jobs, .. } => self.all = *jobs,
            EventKind::JobStarted { job, .. } => drop(self.running.insert(job.id, (job.title(), 0))),
            EventKind::JobProgress { job, done, total } => {
                self.running.entry(job.id).and_modify(|(_, percent)| *percent = done * 100 / total.max(&1));
            }
            EventKind::JobUpToDate { .. } | EventKind::JobRestored { .. } => self.done += 1,
            EventKind::JobFinished { job, .. } => {
                self.done += 1;
                self.running.remove(&job.id);
            }
            EventKind::JobFailed { failure, retry } => {
                self.running.remove(&failure.job.id);
                let what = if *retry { "once more:" } else { "FAILED" };
                return Some(format!("{what} {}", failure.job.title()));
            }
            EventKind::JobReopened { .. } => self.done = self.done.saturating_sub(1),
            EventKind::JobSkipped { job, .. } => drop(self.running.remove(&job.id)),
            EventKind::RunFinished { summary } => {
                return Some(format!("done: {} ran in {} ms", summary.ran, summary.wall_ms));
            }
            _ => return None,
        }
        let running: Vec<String> =
            self.running.values().map(|(title, percent)| format!("{title} {percent} %")).collect();
        Some(format!("[{}/{}] {}", self.done, self.all, running.join(", ")))
    }
}

fn main() -> Result<(), BoxError> {
    let root = std::env::temp_dir().join(format!("rulemake-progress-{}", std::process::id()));
    std::fs::create_dir_all(&root)?;
    let failures = if std::env::args().any(|arg| arg == "broken") { 2 } else { 1 };
    let slow = Rule::builder("slow").output("{x}.slow").retries(1).action("1", move |job| {
        if job.wildcards().get("x") == Some("b") && job.attempt() <= failures {
            return Err("it does not always work".into());
        }
        for step in 1..=4 {
            std::thread::sleep(Duration::from_millis(30));
            job.progress(step, 4);
        }
        Ok(job.write(job.output(0)?, "")?)
    });
    let all =
        Rule::builder("all").inputs(["a.slow", "b.slow", "c.slow"]).output("all").shell("touch {output}");
    let workflow = Workflow::builder().rule(all).rule(slow).build()?;
    let (observer, events) = event::channel();
    let mut session = Session::builder(workflow).root(&root).jobs(2).observer(observer).open()?;
    let report = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut display = Display::default();
            events.iter().filter_map(|event| display.take(&event)).for_each(|line| println!("{line}"));
        });
        let report = session.run::<&str>(&[], &RunOptions::default());
        // The observer goes with the session, and the display ends with it.
        drop(session);
        report
    })?;
    std::fs::remove_dir_all(&root)?;
    if report.success() { Ok(()) } else { Err("something failed".into()) }
}
