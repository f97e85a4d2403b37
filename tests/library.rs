//! What a host does with the library alone, through public names: rules from closures, with a Rulefile's, under
//! cancels and panics. Promise: what a closure says is heard, what it breaks is its own job.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use rulemake::inspect::{EndedJob, JobEnd};
use rulemake::{
    BoxError, CancelLevel, CancelToken, Event, EventKind, Interpreter, JobContext, LoadOptions, PathPattern,
    Reason, Rule, RuleBuilder, RunOptions, RunReport, Session, Shadow, Value, Workflow,
};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

fn dir(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        fs::write(dir.path().join(path), text).unwrap();
    }
    dir
}

fn workflow(rules: impl IntoIterator<Item = RuleBuilder>) -> Workflow {
    rules.into_iter().fold(Workflow::builder(), |builder, rule| builder.rule(rule)).build().unwrap()
}

fn run(root: &Path, workflow: Workflow) -> (RunReport, Vec<Event>) {
    let events: Arc<Mutex<Vec<Event>>> = Arc::default();
    let heard = events.clone();
    let mut session = Session::builder(workflow)
        .root(root)
        .observer(move |event| heard.lock().unwrap().push(event.clone()))
        .open()
        .unwrap();
    let report = session.run::<&str>(&[], &RunOptions::default()).unwrap();
    let events = events.lock().unwrap().clone();
    (report, events)
}

fn read(root: &TempDir, path: &str) -> String {
    fs::read_to_string(root.path().join(path)).unwrap()
}

#[test]
fn what_a_closure_logs_is_told_and_stands_in_its_log() {
    let root = dir(&[]);
    let rule = Rule::builder("talk").output("out").action("1", |job| {
        job.log("one\ntwo");
        for step in 0..1000 {
            job.progress(step + 1, 1000);
        }
        Err("that is all".into())
    });
    let (report, events) = run(root.path(), workflow([rule]));
    let lines: Vec<&str> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::JobOutput { job, text } if job.rule == "talk" => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(lines, ["one", "two"]);
    let steps: Vec<(u64, u64)> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::JobProgress { done, total, .. } => Some((*done, *total)),
            _ => None,
        })
        .collect();
    assert_eq!((steps.first(), steps.last()), (Some(&(1, 1000)), Some(&(1000, 1000))));
    assert!(steps.len() < 900, "steps that follow at once are not all told: {}", steps.len());
    let failure = &report.failures[0];
    assert_eq!(
        (failure.outcome.as_str(), &failure.log_tail[..]),
        ("that is all", &["one".to_string(), "two".into()][..])
    );
    assert_eq!(read(&root, failure.log.as_deref().unwrap()), "one\ntwo\n");
}

#[test]
fn a_panic_is_the_failure_of_its_job_and_the_next_run_repeats_it() {
    let root = dir(&[]);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let rule = move || {
        let count = count.clone();
        Rule::builder("shaky").output("out").action("1", move |job| {
            fs::write(&job.outputs()[0], "half").unwrap();
            assert!(count.fetch_add(1, Ordering::SeqCst) > 0, "the first time it breaks");
            Ok(())
        })
    };
    let (report, _) = run(root.path(), workflow([rule()]));
    assert_eq!(report.failures[0].outcome, "panicked: the first time it breaks");
    assert!(!root.path().join("out").exists(), "what it left is no result");
    let (report, _) = run(root.path(), workflow([rule()]));
    assert!(report.success() && read(&root, "out") == "half");
    assert_eq!(run(root.path(), workflow([rule()])).0.summary.up_to_date, 1);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_closure_sees_the_cancel_and_its_half_work_is_no_result() {
    let root = dir(&[]);
    let token = CancelToken::new();
    let stop = token.clone();
    let rule = Rule::builder("long").output("out").action("1", move |job| {
        job.write(&job.outputs()[0], "half")?;
        stop.cancel(CancelLevel::Terminate);
        while !job.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Err("stopped".into())
    });
    let mut session = Session::builder(workflow([rule])).root(root.path()).cancel(token).open().unwrap();
    let report = session.run::<&str>(&[], &RunOptions::default()).unwrap();
    assert!(report.cancelled && report.summary.cancelled == 1 && report.failures.is_empty());
    assert!(!root.path().join("out").exists());
}

#[test]
fn a_time_limit_raises_the_flag_of_a_closure() {
    let root = dir(&[]);
    let rule = Rule::builder("slow").output("out").timeout(Duration::from_millis(50)).action("1", |job| {
        while !job.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Err("stopped".into())
    });
    let (report, _) = run(root.path(), workflow([rule]));
    assert_eq!(report.failures[0].outcome, "timed out after 0.05 s");
}

/// As [`run`] for one rule whose run is cancelled by the token as soon as the rule says so; then once more, uncancelled.
fn cancelled_then_run(root: &Path, rule: impl Fn(CancelToken) -> RuleBuilder) -> (RunReport, RunReport) {
    let token = CancelToken::new();
    let builder = Session::builder(workflow([rule(token.clone())])).root(root).cancel(token);
    let mut session = builder.open().unwrap();
    let first = session.run::<&str>(&[], &RunOptions::default()).unwrap();
    session.set_cancel(CancelToken::new());
    (first, session.run::<&str>(&[], &RunOptions::default()).unwrap())
}

/// Promise: whoever was told to end before it ended has not done its work, whatever it says; as with programs.
#[test]
fn a_closure_that_stops_early_and_says_all_is_well_has_made_nothing() {
    let root = dir(&[]);
    // It ends well both when it is told to end, with half of its lines, and when it is not.
    let rule = |token: CancelToken| {
        let calls = AtomicUsize::new(0);
        Rule::builder("sum").output("sum").action("1", move |job| {
            let mut text = String::new();
            let is_first = calls.fetch_add(1, Ordering::SeqCst) == 0;
            for line in 0..3 {
                if job.is_cancelled() {
                    break;
                }
                text.push_str(&format!("{line}\n"));
                token.cancel(CancelLevel::Terminate);
                let told = std::time::Instant::now();
                while line == 0 && is_first && !job.is_cancelled() && told.elapsed() < Duration::from_secs(60)
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Ok(job.write(job.output(0)?, text)?)
        })
    };
    let (first, second) = cancelled_then_run(root.path(), rule);
    assert!(first.cancelled && first.summary.cancelled == 1 && first.failures.is_empty(), "{first:?}");
    assert_eq!((second.summary.ran, read(&root, "sum").as_str()), (1, "0\n1\n2\n"), "{second:?}");
}

/// Promise: what is called has the time that its rule gives it, whether it looks or not, and whatever it returns.
#[test]
fn a_closure_that_ends_well_after_its_time_is_timed_out() {
    type Act = fn(&JobContext) -> Result<(), BoxError>;
    let looks: Act = |job| {
        while !job.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(job.write(job.output(0)?, "half")?)
    };
    let sleeps: Act = |job| {
        std::thread::sleep(Duration::from_millis(400));
        Ok(job.write(job.output(0)?, "late, but whole")?)
    };
    for act in [looks, sleeps] {
        let root = dir(&[]);
        let rule = Rule::builder("a").output("a").timeout(Duration::from_millis(50)).action("1", act);
        let (report, _) = run(root.path(), workflow([rule]));
        assert_eq!(report.failures[0].outcome, "timed out after 0.05 s");
        assert!(!root.path().join("a").exists());
    }
    let root = dir(&[]);
    let rule = Rule::builder("a").output("a").timeout(Duration::from_secs(60)).action("1", sleeps);
    assert!(run(root.path(), workflow([rule])).0.success(), "in its time it is as ever");
}

/// Ends well when it is told to end.
struct Waits;

impl Interpreter for Waits {
    fn version(&self) -> &str {
        "1"
    }

    fn run(&self, _: &str, job: &JobContext) -> Result<(), BoxError> {
        job.log("waiting");
        while !job.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(job.write(job.output(0)?, "half")?)
    }
}

#[test]
fn an_interpreter_that_ends_well_when_it_is_cancelled_has_made_nothing() {
    let root = dir(&[]);
    let token = CancelToken::new();
    let stop = token.clone();
    let observer = move |event: &Event| {
        if matches!(event.kind, EventKind::JobOutput { .. }) {
            stop.cancel(CancelLevel::Terminate);
        }
    };
    let rules = workflow([Rule::builder("i").output("i").interpreted("q", "code")]);
    let builder = Session::builder(rules).root(root.path()).interpreter("q", Arc::new(Waits));
    let report =
        builder.cancel(token).observer(observer).open().unwrap().run::<&str>(&[], &RunOptions::default());
    let report = report.unwrap();
    assert!(report.cancelled && report.summary.cancelled == 1 && report.summary.ran == 0, "{report:?}");
    assert!(!root.path().join("i").exists());
}

#[test]
fn the_version_stands_for_the_code_of_a_closure() {
    let root = dir(&[("in", "x")]);
    let rule = |version: &str| {
        let write = |job: &JobContext| Ok(job.write(&job.outputs()[0], job.read(&job.inputs()[0])?)?);
        Rule::builder("copy").input("in").output("out").action(version, write)
    };
    assert_eq!(run(root.path(), workflow([rule("1")])).0.summary.ran, 1);
    assert_eq!(run(root.path(), workflow([rule("1")])).0.summary.ran, 0);
    let (report, events) = run(root.path(), workflow([rule("2")]));
    assert_eq!(report.summary.ran, 1);
    let changed = |event: &Event| match &event.kind {
        EventKind::JobStarted { reasons, .. } => matches!(reasons[..], [Reason::CommandChanged { .. }]),
        _ => false,
    };
    assert!(events.iter().any(changed));
}

#[test]
fn rules_of_a_rulefile_and_closures_make_files_for_each_other() {
    let root = dir(&[("words.txt", "pear\napple\n")]);
    let text = "rule all:\n    input: 'report.txt'\n\nrule sort:\n    input: '{x}.txt'\n    output: '{x}.sorted'\n    \
                shell: 'sort {input} > {output}'\n\nrule report:\n    input: 'words.count'\n    output: 'report.txt'\n    \
                shell: 'cat {input} > {output}'\n";
    let mixed = || {
        let count = |job: &JobContext| {
            let lines = job.read_to_string(&job.inputs()[0])?.lines().count();
            Ok(job.write(&job.outputs()[0], format!("{lines}\n"))?)
        };
        Workflow::builder()
            .rulefile(Workflow::parse("Rulefile", text).unwrap())
            .rule(Rule::builder("count").input("{x}.sorted").output("{x}.count").action("1", count))
            .build()
            .unwrap()
    };
    assert_eq!(run(root.path(), mixed()).0.summary.ran, 3);
    assert_eq!(read(&root, "report.txt"), "2\n");
    fs::write(root.path().join("words.txt"), "apple\npear\n").unwrap();
    let (report, _) = run(root.path(), mixed());
    assert_eq!((report.summary.ran, report.summary.up_to_date), (1, 2), "sorted it is the same");

    let again = Workflow::builder()
        .rulefile(Workflow::parse("Rulefile", text).unwrap())
        .rule(Rule::builder("sort").output("z").shell("touch z"))
        .build();
    assert_eq!(again.unwrap_err().code(), "duplicate-rule");
}

#[test]
fn checkpoints_and_their_readers_are_closures() {
    let root = dir(&[("parts", "a b c")]);
    let list = root.path().join("list");
    let all = Rule::builder("all").input_fn(move |cx| {
        cx.after_checkpoint("split", &[])?;
        Ok(Value::List(
            fs::read_to_string(&list)?.split_whitespace().map(|x| Value::from(format!("{x}.part"))).collect(),
        ))
    });
    let split = Rule::builder("split").checkpoint().input("parts").output("list");
    let split = split.action("1", |job| Ok(job.write(&job.outputs()[0], job.read(&job.inputs()[0])?)?));
    let part = Rule::builder("part").output("{x}.part").constraint("x", "[a-z]");
    let part =
        part.action("1", |job| Ok(job.write(&job.outputs()[0], job.wildcards().get("x").unwrap_or(""))?));
    let (report, _) = run(root.path(), workflow([all, split, part]));
    assert_eq!(report.summary.ran, 4);
    assert_eq!(read(&root, "b.part"), "b");
}

/// A rule whose function asks for the checkpoint `cp` of two wildcards, and one of none, `plain`, which is no checkpoint.
fn asks(cp: impl Fn(&rulemake::CallContext<'_>) -> Result<(), BoxError> + Send + Sync + 'static) -> Workflow {
    let touch = |job: &JobContext| Ok(job.write(job.output(0)?, "")?);
    let all = Rule::builder("all").input_fn(move |cx| {
        cp(cx)?;
        Ok("x.o".into())
    });
    workflow([
        all,
        Rule::builder("cp").checkpoint().output("cp/{k}-{l}").action("1", touch),
        Rule::builder("o").output("{n}.o").action("1", touch),
        Rule::builder("plain").output("plain").action("1", touch),
    ])
}

/// Promise: a job of a checkpoint is named by its wildcards, in whatever order they are given; anything else is one error
/// before the run, and never a wait that has no end.
#[test]
fn checkpoints_are_asked_by_the_names_of_their_wildcards() {
    for order in [[("k", "1"), ("l", "2")], [("l", "2"), ("k", "1")]] {
        let root = dir(&[]);
        let (report, _) = run(root.path(), asks(move |cx| cx.after_checkpoint("cp", &order)));
        assert_eq!(report.summary.ran, 2, "{:?}", report.failures);
        assert!(root.path().join("cp/1-2").exists(), "{order:?}");
        assert_eq!(run(root.path(), asks(move |cx| cx.after_checkpoint("cp", &order))).0.summary.ran, 0);
    }
    type Wrong = (&'static str, &'static [(&'static str, &'static str)], &'static str);
    let wrong: [Wrong; 7] = [
        (
            "cp",
            &[("k", "1")],
            "checkpoint `cp` was asked for without a value for wildcard `l`: it has `k`, `l`",
        ),
        ("cp", &[], "without a value for wildcard `k`"),
        (
            "cp",
            &[("kk", "1"), ("l", "2")],
            "with a value for `kk`, which is none of its wildcards: it has `k`, `l`",
        ),
        ("cp", &[("k", "1"), ("l", "2"), ("m", "3")], "with a value for `m`, which is none of its wildcards"),
        ("cp", &[("k", "1"), ("l", "2"), ("k", "1")], "with two values for wildcard `k`"),
        (
            "plain",
            &[],
            "there is no checkpoint `plain`: the rule `plain` is none; declare it with `.checkpoint()`",
        ),
        ("nothing", &[], "there is no checkpoint `nothing`"),
    ];
    for (name, wildcards, message) in wrong {
        let root = dir(&[]);
        let rules = asks(move |cx| cx.after_checkpoint(name, wildcards));
        let mut session = Session::builder(rules).root(root.path()).open().unwrap();
        let error = session.run::<&str>(&[], &RunOptions::default()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn a_param_that_asks_for_no_checkpoint_is_told_what_is_wrong() {
    let root = dir(&[]);
    let rule = Rule::builder("a").output("a").param_fn("p", |cx| {
        cx.after_checkpoint("a", &[])?;
        Ok(1.into())
    });
    let mut session =
        Session::builder(workflow([rule.shell("touch {output}")])).root(root.path()).open().unwrap();
    let told = match session.run::<&str>(&[], &RunOptions::default()) {
        Ok(report) => report.failures[0].outcome.clone(),
        Err(error) => error.to_string(),
    };
    assert!(told.contains("there is no checkpoint `a`: the rule `a` is none"), "{told}");
}

#[derive(Debug)]
struct Mine(BoxError);

impl std::fmt::Display for Mine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the list of samples is not known")
    }
}

impl std::error::Error for Mine {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// Promise: a host's own error may stand around the one of a checkpoint, as its source.
#[test]
fn a_wait_for_a_checkpoint_is_found_in_the_error_around_it() {
    type Wrap = fn(BoxError) -> BoxError;
    let wraps: [Wrap; 3] = [
        |error| Box::new(Mine(error)),
        |error| Box::new(std::io::Error::other(error)),
        |error| Box::new(std::io::Error::other(Mine(Box::new(Mine(error))))),
    ];
    for wrap in wraps {
        let root = dir(&[]);
        let rules = asks(move |cx| cx.after_checkpoint("cp", &[("k", "1"), ("l", "2")]).map_err(wrap));
        let (report, _) = run(root.path(), rules);
        assert_eq!(report.summary.ran, 2, "{:?}", report.failures);
    }
}

#[test]
fn a_function_that_panics_fails_the_plan_of_its_job_alone() {
    let root = dir(&[]);
    let rule = Rule::builder("odd").input_fn(|_| panic!("no idea")).output("out").shell("touch {output}");
    let session = Session::builder(workflow([rule])).root(root.path()).open().unwrap();
    let error = session.plan(&["out"], &RunOptions::default()).unwrap_err();
    assert!(error.to_string().contains("the closure panicked: no idea"), "{error}");
}

#[test]
fn a_job_with_shadow_works_in_a_directory_of_its_own() {
    let root = dir(&[("in", "x")]);
    let rule = Rule::builder("r").input("in").output("out").shadow(Shadow::Minimal).action("1", |job| {
        job.write(job.root().join("scratch"), "no output")?;
        Ok(job.write(&job.outputs()[0], job.read(&job.inputs()[0])?)?)
    });
    let (report, _) = run(root.path(), workflow([rule]));
    assert!(report.success(), "{:?}", report.failures);
    assert_eq!(read(&root, "out"), "x");
    assert!(!root.path().join("scratch").exists());
}

#[test]
fn flags_resources_and_logs_are_as_in_a_rulefile() {
    let root = dir(&[("in", "x")]);
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let see = seen.clone();
    let rules = || {
        let see = see.clone();
        [
            Rule::builder("all").input("out").input("dir"),
            Rule::builder("middle")
                .input(PathPattern::new("in").ancient())
                .output(PathPattern::new("middle").temp().non_empty())
                .shell("cp {input} {output}"),
            Rule::builder("out")
                .input_named("m", "middle")
                .output(PathPattern::new("out").protected())
                .log_named("main", "logs/out.log")
                .param("min", 3)
                .param_fn("size", |cx| Ok((cx.inputs().len() as i64).into()))
                .threads(2)
                .resource("mem", "1 GB")
                .resource_fn("slots", |cx| Ok((cx.threads() * 2).into()))
                .message("making {output}")
                .action("1", move |job| {
                    let int = |value: Option<&Value>| value.and_then(Value::as_int).unwrap_or(-1);
                    see.lock().unwrap().push(format!(
                        "{} {} {} {} {}",
                        int(job.param("min")),
                        int(job.param("size")),
                        int(job.resource("mem_mb")),
                        int(job.resource("slots")),
                        job.logs()[0].ends_with("logs/out.log"),
                    ));
                    Ok(job.write(
                        job.output("missing").or_else(|_| job.output(0))?,
                        job.read(&job.inputs_named("m")[0])?,
                    )?)
                }),
            Rule::builder("dir")
                .output(PathPattern::new("dir").directory())
                .shell("mkdir {output}; touch {output}/a"),
        ]
    };
    let (report, events) = run(root.path(), workflow(rules()));
    assert!(report.success(), "{:?}", report.failures);
    assert_eq!(seen.lock().unwrap()[..], ["3 1 1000 4 true"]);
    assert!(!root.path().join("middle").exists() && root.path().join("dir/a").exists());
    assert!(fs::metadata(root.path().join("out")).unwrap().permissions().readonly());
    let message = |event: &Event| matches!(&event.kind, EventKind::JobStarted { message: Some(m), .. } if m == "making out");
    assert!(events.iter().any(message));
    fs::write(root.path().join("in"), "y").unwrap();
    assert_eq!(
        run(root.path(), workflow(rules())).0.summary.ran,
        0,
        "the content of an ancient input counts for nothing"
    );

    let digest = "0000000000000000000000000000000000000000000000000000000000000000";
    let wrong = Rule::builder("w").output(PathPattern::new("w").sha256(digest)).shell("echo > {output}");
    let (report, _) = run(root.path(), workflow([wrong]));
    assert!(report.failures[0].outcome.contains("sha256 of w"), "{}", report.failures[0].outcome);
}

struct Upper(&'static str);

impl Interpreter for Upper {
    fn version(&self) -> &str {
        self.0
    }

    fn run(&self, code: &str, job: &JobContext) -> Result<(), BoxError> {
        if code.contains("panic") {
            panic!("as asked");
        }
        job.log("shouting");
        Ok(job.write(&job.outputs()[0], code.to_uppercase())?)
    }
}

/// Promise: a pause that follows at once on the end of another one is told as well.
#[test]
fn a_second_pause_is_told_too() {
    let root = dir(&[]);
    // The last of them goes on until all pauses were told.
    let all_told = Arc::new(AtomicBool::new(false));
    let seen = all_told.clone();
    let one = Rule::builder("one").output("{i}.txt").action("1", move |job| {
        std::thread::sleep(Duration::from_millis(20));
        while job.wildcards().get("i") == Some("29") && !seen.load(Ordering::SeqCst) && !job.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(job.write(&job.outputs()[0], "1")?)
    });
    let token = CancelToken::new();
    let workflow = Workflow::builder().rule(one).build().unwrap();
    let mut session =
        Session::builder(workflow).root(root.path()).cancel(token.clone()).jobs(1).open().unwrap();
    std::thread::scope(|scope| {
        let run = scope.spawn(move || {
            let targets: Vec<String> = (0..30).map(|i| format!("{i}.txt")).collect();
            session.run(&targets, &RunOptions::default()).unwrap().summary.ran
        });
        for pause in 0..4 {
            token.pause();
            let begin = std::time::Instant::now();
            while !token.is_paused() {
                if begin.elapsed() > Duration::from_secs(60) {
                    token.cancel(CancelLevel::Terminate);
                    panic!("pause {pause} is not told");
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            token.resume();
        }
        all_told.store(true, Ordering::SeqCst);
        assert_eq!(run.join().unwrap(), 30);
    });
}

/// Promise: who recalls is not told the interpreters of a session, so nothing is recalled that another one of them would make
/// anew.
#[test]
fn nothing_is_recalled_that_an_interpreter_of_the_host_made() {
    let text = "rule script:\n    output: 'script.txt'\n    script: 'load.up'\n";
    let root = dir(&[("load.up", "select"), ("Rulefile", text)]);
    let (rulefile, load, options) =
        (root.path().join("Rulefile"), LoadOptions::default(), RunOptions::default());
    let run = |version: &'static str| {
        let workflow = Workflow::load_with(&rulefile, &load).unwrap();
        let builder = Session::builder(workflow).root(root.path());
        let mut session = builder.interpreter("up", Arc::new(Upper(version))).open().unwrap();
        session.run(&["script.txt"], &options).unwrap().summary.ran
    };
    assert_eq!(run("1"), 1);
    for _ in 0..2 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(run("1"), 0);
    }
    assert!(Session::recall(&rulefile, &load, &["script.txt"], &options).is_none());
    assert_eq!(run("2"), 1);
}

/// Promise: a kind of action that rulemake does not know is one like its own: its code and its version are compared,
/// its failures are those of jobs, and it also runs scripts that a Rulefile names.
#[test]
fn a_session_runs_kinds_of_actions_that_its_host_knows() {
    let root = dir(&[("load.up", "select")]);
    let rules = |code: &str| {
        let text = "rule script:\n    output: 'script.txt'\n    script: 'load.up'\n";
        Workflow::builder()
            .rulefile(Workflow::parse("Rulefile", text).unwrap())
            .rule(Rule::builder("inline").output("inline.txt").interpreted("up", code))
            .build()
            .unwrap()
    };
    let run = |code: &str, version: &'static str| {
        let mut session = Session::builder(rules(code))
            .root(root.path())
            .interpreter("up", Arc::new(Upper(version)))
            .open()
            .unwrap();
        let report = session.run(&["script.txt", "inline.txt"], &RunOptions::default()).unwrap();
        (report.summary.ran, report.failures.first().map(|failure| failure.outcome.clone()))
    };
    assert_eq!(run("abc", "1"), (2, None));
    assert_eq!((read(&root, "script.txt"), read(&root, "inline.txt")), ("SELECT".into(), "ABC".into()));
    assert_eq!(run("abc", "1"), (0, None));
    assert_eq!(run("abd", "1"), (1, None), "code is compared");
    assert_eq!(run("abd", "2"), (2, None), "the version is compared, too");
    fs::write(root.path().join("load.up"), "insert").unwrap();
    assert_eq!(run("abd", "2"), (1, None), "a script is compared by content");
    assert_eq!(run("panic", "2").1.unwrap(), "panicked: as asked");

    let unknown = workflow([Rule::builder("a").output("a").interpreted("sql", "select 1")]);
    let session = Session::builder(unknown).root(root.path()).open().unwrap();
    let error = session.plan(&["a"], &RunOptions::default()).unwrap_err();
    assert!(error.to_string().contains("needs an interpreter of `sql`"), "{error}");
}

/// A job says itself what it has when it is asked for a file that it has not.
#[test]
fn files_are_named_by_number_or_name() {
    let root = dir(&[("in", "x"), ("more", "y")]);
    let rule = || Rule::builder("r").input("in").input_named("table", "more").outputs(["a", "b"]);
    let good = rule().action("1", |job| {
        let both = [job.read_to_string(job.input(0)?)?, job.read_to_string(job.input("table")?)?];
        assert_eq!(job.input(1)?, job.input("table")?);
        job.write(job.output(0)?, both.concat())?;
        Ok(job.write(job.output(1)?, "")?)
    });
    assert!(run(root.path(), workflow([good])).0.success());
    assert_eq!(read(&root, "a"), "xy");
    let outcome = |rule: RuleBuilder| run(root.path(), workflow([rule])).0.failures[0].outcome.clone();
    let wrong = rule().action("2", |job| Ok(job.write(job.input("tabel")?, "")?));
    assert_eq!(outcome(wrong), "rule `r` has no input `tabel`: it has 2, named `table`");
    let wrong = rule().action("3", |job| Ok(job.write(job.output(2)?, "")?));
    assert_eq!(outcome(wrong), "rule `r` has no output 2 (they count from 0): it has 2");
}

/// What was meant to be executed is never dropped in silence.
#[test]
fn two_actions_are_a_mistake() {
    let rule = || Rule::builder("r").output("out");
    let code = |rule: RuleBuilder| {
        let error = Workflow::builder().rule(rule).build().unwrap_err();
        (error.code().to_string(), error.diagnostics()[0].message.clone())
    };
    let both = code(rule().action("1", |_| Ok(())).shell("touch {output}"));
    assert_eq!(both, ("two-actions".into(), "rule `r` has two actions: both `action` and `shell`".into()));
    let twice = code(rule().shell("touch {output}").shell("date > {output}"));
    assert_eq!(twice.1, "rule `r` has two actions: `shell` was called twice");
}

/// A failure speaks of what the rule executes.
#[test]
fn a_closure_that_makes_nothing_is_told_as_one() {
    let root = dir(&[]);
    let idle = Rule::builder("idle").output("out").action("1", |_| Ok(()));
    let failure = &run(root.path(), workflow([idle])).0.failures[0];
    assert_eq!(failure.outcome, "the closure succeeded but did not create out");
    assert_eq!(failure.help.as_deref(), Some("check that it writes to the paths of its outputs"));
    let empty = Rule::builder("empty")
        .output(PathPattern::new("out").non_empty())
        .action("1", |job| Ok(job.write(job.output(0)?, "")?));
    let failure = &run(root.path(), workflow([empty])).0.failures[0];
    assert_eq!(failure.outcome, "the closure succeeded, but out is empty, which `ensure` forbids");
}

/// The report names the jobs that did something, each once, however often it was tried or run.
#[test]
fn a_report_names_its_jobs() {
    let root = dir(&[]);
    let cache = tempfile::tempdir().unwrap();
    let make = |text: &'static str| {
        let all = Rule::builder("all").inputs(["a.txt", "b.txt"]);
        let good =
            Rule::builder("good").output("{x}.txt").constraint("x", "[a-z]").action(
                "1",
                move |job| match job.wildcards().get("x") {
                    Some("b") if text == "fails" => Err("no b today".into()),
                    _ => Ok(job.write(job.output(0)?, "made")?),
                },
            );
        let workflow = workflow([all, good.retries(1)]);
        let cache = rulemake::cache::Cache::new(cache.path());
        let mut session = Session::builder(workflow).root(root.path()).jobs(1).cache(cache).open().unwrap();
        session.run::<&str>(&[], &{
            let mut options = RunOptions::default();
            options.keep_going = true;
            options
        })
    };
    let told = |report: &RunReport| {
        let tell = |ended: EndedJob| {
            let (name, value) = ended.job.wildcards[0].clone();
            (ended.job.outputs.join(" "), ended.end, format!("{name}={value}"))
        };
        let mut all: Vec<(String, JobEnd, String)> = report.jobs().map(tell).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    let expect = |path: &str, end, wildcards: &str| (path.to_string(), end, wildcards.to_string());
    let report = make("fails").unwrap();
    let expected = [expect("a.txt", JobEnd::Ran, "x=a"), expect("b.txt", JobEnd::Failed, "x=b")];
    assert_eq!(told(&report), expected);
    assert_eq!(told(&make("works").unwrap()), [expect("b.txt", JobEnd::Ran, "x=b")]);
    assert_eq!(told(&make("works").unwrap()), []);
    fs::remove_file(root.path().join("a.txt")).unwrap();
    let report = make("works").unwrap();
    assert_eq!(told(&report), [expect("a.txt", JobEnd::Restored, "x=a")]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (&json["jobs"][0]["end"], &json["jobs"][0]["job"]["rule"]),
        (&"restored".into(), &"good".into())
    );
}

/// Promise: who watches is told what the plan of the run rests on, and once more only what the run itself brought to light.
#[test]
fn a_watcher_is_told_what_to_look_after() {
    let text = "\
rule b:
    input: 'a'
    output: 'b'
    shell: 'cp {input} {output}'
def late(wildcards, input):
    return open(input[0]).read() + open('extra').read()
rule c:
    input: 'b'
    output: 'c'
    params: late
    default_target: True
    shell: 'echo {params} > {output}'
";
    let dir = dir(&[("a", "1"), ("extra", "2"), ("Rulefile", text)]);
    let told: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let heard = told.clone();
    let mut session = Session::builder(Workflow::load(dir.path().join("Rulefile")).unwrap())
        .watcher(move |watched| heard.lock().unwrap().push(watched.files.clone()))
        .open()
        .unwrap();
    let options = RunOptions::default();
    assert!(session.run::<&str>(&[], &options).unwrap().success());
    assert_eq!(*told.lock().unwrap(), [vec!["a"], vec!["a", "b", "extra"]]);
    told.lock().unwrap().clear();
    assert!(session.run::<&str>(&[], &options).unwrap().success());
    assert_eq!(*told.lock().unwrap(), [vec!["a", "b", "extra"]], "known by now");
    assert_eq!(session.watched::<&str>(&[], &options).unwrap().files, ["a", "b", "extra"]);
}
