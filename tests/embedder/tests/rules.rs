//! The embedder's own rules, tested without a disk and without a program.

use embedder::workflow;
use rulemake::executor::TaskEnd;
use rulemake::test_support::{FakeExecutor, ManualClock, MemoryFiles};
use rulemake::{
    EventKind, PathPattern, Reason, Rule, RunOptions, RunReport, Session, Value, Workflow, event,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Bench {
    files: MemoryFiles,
    executor: Arc<FakeExecutor>,
}

impl Bench {
    fn new() -> Bench {
        let bench = Bench { files: MemoryFiles::new(), executor: FakeExecutor::new() };
        bench.files.write("texts/a.txt", "one two three");
        bench.files.write("texts/b.txt", "four");
        bench
    }

    fn session(&self) -> Session {
        let builder = Session::builder(workflow(&["a", "b"]).unwrap()).root(self.files.root());
        builder.executor(self.executor.clone()).open().unwrap()
    }

    fn run(&self) -> RunReport {
        self.session().run(&["report.html"], &RunOptions::default()).unwrap()
    }
}

#[test]
fn closures_run_and_programs_are_played() {
    let bench = Bench::new();
    let report = bench.run();
    assert!(report.success(), "{:?}", report.failures);
    assert_eq!(bench.files.read_to_string("sum.txt").as_deref(), Some("4\n"));
    assert_eq!(bench.executor.take(), ["report report.html"]);
    assert_eq!(
        bench.files.list(),
        ["counts/a.txt", "counts/b.txt", "report.html", "sum.txt", "texts/a.txt", "texts/b.txt"]
    );
    assert!(!std::path::Path::new(&bench.files.root()).exists(), "nothing of it is on a disk");
}

/// The staleness of the rules is that of a real run: by content, with early cutoff, across sessions.
#[test]
fn what_is_stale_is_what_would_be_stale_on_a_disk() {
    let bench = Bench::new();
    assert_eq!(bench.run().summary.ran, 4);
    bench.executor.take();
    assert_eq!(bench.run().summary.ran, 0);
    bench.files.write("texts/a.txt", "one two three");
    assert_eq!(bench.run().summary.ran, 0, "the same content again");
    bench.files.write("texts/a.txt", "three two one");
    let report = bench.run();
    assert_eq!(
        (report.summary.ran, report.summary.up_to_date),
        (1, 3),
        "as many words: the sum is not made again"
    );
    bench.files.write("texts/b.txt", "four five");
    assert_eq!(bench.run().summary.ran, 3);
    assert_eq!(bench.executor.take(), ["report report.html"]);
    bench.files.write("sum.txt", "edited");
    let plan = bench.session().plan(&["report.html"], &RunOptions::default()).unwrap();
    let edited = |reason: &Reason| matches!(reason, Reason::OutputModified { path, .. } if path == "sum.txt");
    let reasons = plan.jobs().find_map(|job| match job.verdict() {
        rulemake::Verdict::Run { reasons } if job.rule() == "sum" => Some(reasons.clone()),
        _ => None,
    });
    assert!(reasons.unwrap().iter().any(edited));
    let report = bench.run();
    assert_eq!(report.summary.ran, 1);
    let saved = format!(".rulemake/saved/{}/sum.txt", report.run);
    assert_eq!(bench.files.read_to_string(&saved).as_deref(), Some("edited"), "nobody's work is lost");
    assert!(bench.files.remove("report.html"));
    assert_eq!(bench.run().summary.ran, 1);
}

#[test]
fn failures_are_those_of_a_disk() {
    let bench = Bench::new();
    let files = bench.files.clone();
    bench.executor.play("report", move |_| {
        files.write("report.html", "half");
        TaskEnd::Exit(3)
    });
    let report = bench.run();
    assert_eq!(report.failures[0].outcome, "exit 3");
    assert_eq!(bench.files.read("report.html"), None, "a partial output is no result");
    let kept = format!("{}/report.html", report.failures[0].quarantine.as_deref().unwrap());
    assert_eq!(bench.files.read_to_string(&kept).as_deref(), Some("half"));
    bench.executor.play("report", |_| TaskEnd::Success);
    assert_eq!(bench.run().failures[0].outcome, "the command succeeded but did not create report.html");
}

#[test]
fn times_are_those_of_the_clock_that_was_given() {
    let bench = Bench::new();
    let clock = ManualClock::new(1_000_000);
    let (passes, files) = (clock.clone(), bench.files.clone());
    bench.executor.play("report", move |_| {
        passes.advance(Duration::from_secs(7));
        files.write("report.html", "");
        TaskEnd::Success
    });
    let (observer, events) = event::channel();
    let builder = Session::builder(workflow(&["a"]).unwrap()).root(bench.files.root()).clock(clock);
    let mut session = builder.executor(bench.executor.clone()).observer(observer).open().unwrap();
    let report = session.run(&["report.html"], &RunOptions::default()).unwrap();
    drop(session);
    assert_eq!(report.summary.wall_ms, 7_000);
    let events: Vec<_> = events.iter().collect();
    assert_eq!((events[0].time_ms, events[events.len() - 1].time_ms), (1_000_000, 1_007_000));
    let took = events.iter().find_map(|event| match &event.kind {
        EventKind::JobFinished { job, duration_ms, .. } if job.rule == "report" => Some(*duration_ms),
        _ => None,
    });
    assert_eq!(took, Some(7_000));
}

/// "In microseconds": a run in memory is so quick that nobody thinks twice to write one more test.
#[test]
fn a_run_takes_less_than_a_process() {
    let bench = Bench::new();
    assert!(bench.run().success());
    let mut session = bench.session();
    let mut best = Duration::MAX;
    for round in 0..50 {
        bench.files.write("texts/a.txt", "x ".repeat(round + 5));
        let start = Instant::now();
        assert_eq!(session.run(&["report.html"], &RunOptions::default()).unwrap().summary.ran, 3);
        best = best.min(start.elapsed());
    }
    println!("3 jobs in memory: {best:?}");
    assert!(best < Duration::from_millis(20), "{best:?}");
}

#[test]
fn memories_are_apart_and_locked_as_directories_are() {
    let (first, second) = (Bench::new(), Bench::new());
    assert!(first.run().success());
    assert_eq!(second.files.list().len(), 2);
    let root = first.files.root();
    drop(first);
    assert!(Session::builder(workflow(&["a"]).unwrap()).root(root).open().is_err(), "it is gone");
}

/// A checkpoint's function and the directory that it looks at need no disk either.
#[test]
fn functions_and_directories_are_tested_in_memory() {
    let files = MemoryFiles::new();
    files.write("list.src", "p q");
    let all = Rule::builder("all").input_fn(|cx| {
        cx.after_checkpoint("split", &[])?;
        let list = cx.read_to_string("parts/deep/list")?;
        assert_eq!(cx.read(cx.root().join("parts/deep/list"))?, list.as_bytes());
        Ok(Value::List(list.split(' ').map(|name| format!("{name}.out").into()).collect()))
    });
    let split = Rule::builder("split").checkpoint().input("list.src");
    let split = split.output(PathPattern::new("parts").directory()).action("1", |job| {
        let deep = job.output(0)?.join("deep");
        job.create_dir_all(&deep)?;
        Ok(job.write(deep.join("list"), job.read(job.input(0)?)?)?)
    });
    let out = Rule::builder("out").output("{n}.out").param_fn("size", |cx| {
        let missing = cx.read("no-such-file").unwrap_err().to_string();
        assert!(missing.contains("no-such-file"), "{missing}");
        Ok((cx.read("list.src")?.len() as i64).into())
    });
    let out = out.action("1", |job| {
        let size = job.param("size").and_then(Value::as_int).unwrap_or(-1);
        Ok(job.write(job.output(0)?, size.to_string())?)
    });
    let workflow = Workflow::builder().rule(all).rule(split).rule(out).build().unwrap();
    let mut session = Session::builder(workflow).root(files.root()).open().unwrap();
    let report = session.run::<&str>(&[], &RunOptions::default()).unwrap();
    assert_eq!(report.summary.ran, 3, "{:?}", report.failures);
    assert_eq!(files.list(), ["list.src", "p.out", "parts/deep/list", "q.out"]);
    assert_eq!(files.read_to_string("q.out").as_deref(), Some("3"));
    files.write("list.src", "p r");
    assert!(session.run::<&str>(&[], &RunOptions::default()).unwrap().success());
    assert!(files.read("r.out").is_some(), "the function sees what the checkpoint makes now");
}

#[test]
fn programs_that_make_directories_are_played_and_a_play_that_panics_says_why() {
    let (files, executor) = (MemoryFiles::new(), FakeExecutor::new());
    let text = "rule all:\n    input: 'd', 'f'\nrule d:\n    output: directory('d')\n    shell: 'mkdir {output}'\n\
                rule f:\n    input: 'd'\n    output: 'f'\n    shell: 'ls {input} > {output}'\n";
    let workflow = Workflow::parse("Rulefile", text).unwrap();
    let open = || {
        let builder = Session::builder(workflow.clone()).root(files.root());
        builder.executor(executor.clone()).open().unwrap()
    };
    let report = open().run::<&str>(&[], &RunOptions::default()).unwrap();
    assert_eq!(report.summary.ran, 2, "{:?}", report.failures);
    assert_eq!(files.list(), ["d/content", "f"]);
    assert_eq!(open().run::<&str>(&[], &RunOptions::default()).unwrap().summary.ran, 0);
    executor.play("f", |task| panic!("no part of {}", task.rule()));
    files.remove("f");
    let report = open().run::<&str>(&[], &RunOptions::default()).unwrap();
    assert_eq!(report.failures[0].outcome, "its executor panicked: no part of f");
}
