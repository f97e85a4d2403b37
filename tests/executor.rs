//! Executors of a host. Promise: what it says of a task is what the run takes for true, whatever it breaks is the failure
//! of that task, and what it still executes after a run was killed is not executed twice.

#![expect(clippy::disallowed_methods, reason = "a host does as it likes")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use rulemake::executor::{Executor, Task, TaskEnd, TaskId, TaskSignal};
use rulemake::{CancelLevel, CancelToken, Event, EventKind, RunOptions, RunReport, Session, Workflow};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

type Behaviour = Box<dyn Fn(&Fake, Task) + Send + Sync>;

/// Does with tasks what a test says, and remembers what it was told.
struct Fake {
    all: bool,
    behave: Behaviour,
    held: Mutex<Vec<Task>>,
    told: Mutex<Vec<String>>,
    /// Tasks of earlier runs that it still executes, with their keys.
    earlier: Vec<(TaskId, rulemake::Digest)>,
}

impl Fake {
    fn new(behave: impl Fn(&Fake, Task) + Send + Sync + 'static) -> Fake {
        Fake {
            all: false,
            behave: Box::new(behave),
            held: Mutex::default(),
            told: Mutex::default(),
            earlier: Vec::new(),
        }
    }

    fn say(&self, what: String) {
        self.told.lock().unwrap().push(what);
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

impl Executor for Fake {
    fn accepts(&self, task: &Task) -> bool {
        self.all || task.command().is_some()
    }

    fn submit(&self, task: Task) {
        self.say(format!("submit {}", task.title()));
        (self.behave)(self, task);
    }

    fn signal(&self, task: TaskId, signal: TaskSignal) {
        self.say(format!("{signal:?} {}/{}", task.run, task.job));
        let mut held = self.held.lock().unwrap();
        if signal == TaskSignal::Kill || signal == TaskSignal::Terminate {
            let ended = held.iter().position(|one| one.id() == task).map(|at| held.remove(at));
            drop(held);
            ended.into_iter().for_each(|task| task.finish(TaskEnd::Signal(15)));
        }
    }

    fn reattach(&self, task: Task, earlier: TaskId) -> Result<(), Task> {
        self.say(format!("reattach {} to {}/{}", task.title(), earlier.run, earlier.job));
        if !self.earlier.contains(&(earlier, task.key())) {
            return Err(task);
        }
        for output in task.outputs() {
            fs::write(output, "made by the earlier one\n").unwrap();
        }
        task.finish(TaskEnd::Success);
        Ok(())
    }
}

/// As an executor should: begins, runs the command, tells its end.
fn honest(_: &Fake, mut task: Task) {
    if task.begin().is_err() {
        return;
    }
    let command = task.command().unwrap().clone();
    let mut process = Command::new(&command.words[0]);
    process.args(&command.words[1..]).current_dir(&command.directory);
    process.stdout(fs::File::create(&command.log).unwrap());
    let code = process.envs(command.variables).status().unwrap().code().unwrap();
    task.finish(if code == 0 { TaskEnd::Success } else { TaskEnd::Exit(code) });
}

fn session(root: &Path, text: &str, executor: &Arc<Fake>) -> Session {
    let workflow = Workflow::parse("Rulefile", text).unwrap();
    Session::builder(workflow).root(root).executor(executor.clone()).open().unwrap()
}

fn run(root: &Path, text: &str, executor: &Arc<Fake>) -> RunReport {
    session(root, text, executor).run::<&str>(&[], &RunOptions::default()).unwrap()
}

const CHAIN: &str = "rule b:\n    input: 'a'\n    output: 'b'\n    threads: 2\n    resources: mem='1 GB'\n    \
                     shell: 'cat {input} > {output}; echo b >> {output}'\n\nrule a:\n    output: 'a'\n    shell: 'echo a > {output}'\n";

#[test]
fn commands_go_to_the_executor_and_their_results_are_judged_as_ever() {
    let root = TempDir::new().unwrap();
    let fake = Arc::new(Fake::new(|fake, task| {
        let memory = task.resource("mem_mb").and_then(rulemake::Value::as_int);
        fake.say(format!("{} {:?} {}", task.threads(), memory, task.inputs().len()));
        assert!(task.outputs()[0].is_absolute() && task.command().unwrap().directory.is_absolute());
        honest(fake, task);
    }));
    assert_eq!(run(root.path(), CHAIN, &fake).summary.ran, 2);
    assert_eq!(fs::read_to_string(root.path().join("b")).unwrap(), "a\nb\n");
    assert_eq!(fake.told(), ["submit a a", "1 None 0", "submit b b", "2 Some(1000) 1"]);
    assert_eq!(run(root.path(), CHAIN, &fake).summary.ran, 0);
    assert_eq!(fake.told().len(), 4, "what is up to date is no task");
}

#[test]
fn what_it_says_of_an_end_is_told() {
    let text = "rule a:\n    output: 'a'\n    shell: 'echo x; exit 7'\n";
    let cases: [(Behaviour, &str); 9] = [
        (Box::new(honest), "exit 7"),
        (Box::new(|_, task| drop(task)), "its executor dropped it"),
        (
            Box::new(|_, task| task.finish(TaskEnd::Failed("the queue is closed".into()))),
            "the queue is closed",
        ),
        (
            Box::new(|_, task| task.finish(TaskEnd::Success)),
            "its executor says that it succeeded, but it never began",
        ),
        (
            Box::new(|_, mut task| {
                task.begin().unwrap();
                task.finish(TaskEnd::Success);
            }),
            "the command succeeded but did not create a",
        ),
        (Box::new(|_, task| task.finish(TaskEnd::Signal(9))), "killed by signal 9"),
        (Box::new(|_, _| panic!("no")), "its executor panicked: no"),
        (
            Box::new(|_, mut task| {
                task.begin().unwrap();
                panic!("in {}", task.rule());
            }),
            "its executor panicked: in a",
        ),
        (
            Box::new(|_, task| drop(std::thread::spawn(move || panic!("elsewhere, with {}", task.rule())))),
            "its executor panicked",
        ),
    ];
    for (behave, outcome) in cases {
        let root = TempDir::new().unwrap();
        let fake = Arc::new(Fake { behave, ..Fake::new(honest) });
        let report = run(root.path(), text, &fake);
        assert_eq!(report.failures[0].outcome, outcome);
        if outcome == "exit 7" {
            assert_eq!(report.failures[0].log_tail, ["x"]);
        }
    }
}

#[test]
fn what_is_no_plain_command_runs_here_or_where_the_executor_says() {
    let text = "rule a:\n    output: 'a'\n    benchmark: 'a.bench'\n    shell: 'echo a > {output}'\n";
    let root = TempDir::new().unwrap();
    let fake = Arc::new(Fake::new(honest));
    assert!(run(root.path(), text, &fake).success());
    assert!(fake.told().is_empty() && root.path().join("a.bench").exists());

    let root = TempDir::new().unwrap();
    let here = |_: &Fake, task: Task| {
        assert!(task.command().is_none());
        task.run_here();
    };
    let fake = Arc::new(Fake { all: true, ..Fake::new(here) });
    assert!(run(root.path(), text, &fake).success());
    assert_eq!(fake.told(), ["submit a a"]);
    assert!(root.path().join("a.bench").exists());
}

#[test]
fn a_cancel_reaches_what_the_executor_runs() {
    let root = TempDir::new().unwrap();
    let token = CancelToken::new();
    let stop = token.clone();
    let fake = Arc::new(Fake::new(move |fake, mut task| {
        task.begin().unwrap();
        fs::write(&task.outputs()[0], "half").unwrap();
        fake.held.lock().unwrap().push(task);
        stop.cancel(CancelLevel::Terminate);
    }));
    let workflow = Workflow::parse("Rulefile", CHAIN).unwrap();
    let builder = Session::builder(workflow).root(root.path()).executor(fake.clone()).cancel(token);
    let report = builder.open().unwrap().run::<&str>(&[], &RunOptions::default()).unwrap();
    assert!(report.cancelled && report.summary.cancelled == 1 && report.failures.is_empty(), "{report:?}");
    assert_eq!(fake.told(), ["submit a a", "Terminate 1/1"]);
    assert!(!root.path().join("a").exists(), "half a file is no result");
    assert_eq!(run(root.path(), CHAIN, &Arc::new(Fake::new(honest))).summary.ran, 2);
}

/// A copy of the directory while a job is in flight is what a killed run leaves.
fn killed(text: &str) -> (TempDir, TaskId, rulemake::Digest) {
    let root = TempDir::new().unwrap();
    let copy = TempDir::new().unwrap();
    let (from, to) = (root.path().to_path_buf(), copy.path().to_path_buf());
    let seen: Arc<Mutex<Option<(TaskId, rulemake::Digest)>>> = Arc::default();
    let see = seen.clone();
    let fake = Arc::new(Fake::new(move |fake, mut task| {
        task.begin().unwrap();
        let known = (task.id(), task.key());
        // First, or the cancel finds nothing that it could end.
        fake.held.lock().unwrap().push(task);
        *see.lock().unwrap() = Some(known);
    }));
    let token = CancelToken::new();
    let stop = token.clone();
    let watch = seen.clone();
    let copier = std::thread::spawn(move || {
        while watch.lock().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(&to).status().unwrap();
        assert!(copied.success());
        stop.cancel(CancelLevel::Kill);
    });
    let workflow = Workflow::parse("Rulefile", text).unwrap();
    let builder = Session::builder(workflow).root(root.path()).executor(fake).cancel(token);
    assert!(builder.open().unwrap().run::<&str>(&[], &RunOptions::default()).unwrap().cancelled);
    copier.join().unwrap();
    let (id, key) = seen.lock().unwrap().unwrap();
    (copy, id, key)
}

#[test]
fn what_a_killed_run_had_submitted_is_gone_on_with() {
    let (root, id, key) = killed(CHAIN);
    let fake = Arc::new(Fake { earlier: vec![(id, key)], ..Fake::new(honest) });
    let events: Arc<Mutex<Vec<Event>>> = Arc::default();
    let heard = events.clone();
    let workflow = Workflow::parse("Rulefile", CHAIN).unwrap();
    let builder = Session::builder(workflow).root(root.path()).executor(fake.clone());
    let builder = builder.observer(move |event| heard.lock().unwrap().push(event.clone()));
    let report = builder.open().unwrap().run::<&str>(&[], &RunOptions::default()).unwrap();
    assert!(report.success());
    assert_eq!(fake.told(), [format!("reattach a a to {}/{}", id.run, id.job), "submit b b".into()]);
    assert_eq!(fs::read_to_string(root.path().join("b")).unwrap(), "made by the earlier one\nb\n");
    let interrupted = |event: &Event| matches!(&event.kind, EventKind::JobStarted { reasons, .. } if reasons[0].tag() == "interrupted");
    assert!(events.lock().unwrap().iter().any(interrupted));
    assert_eq!(run(root.path(), CHAIN, &fake).summary.ran, 0, "its result is on record");
}

#[test]
fn other_work_under_the_same_name_is_not_taken_for_it() {
    let (root, id, key) = killed(CHAIN);
    let other = CHAIN.replace("echo a >", "echo other >");
    let fake = Arc::new(Fake { earlier: vec![(id, key)], ..Fake::new(honest) });
    assert!(run(root.path(), &other, &fake).success());
    assert_eq!(fs::read_to_string(root.path().join("b")).unwrap(), "other\nb\n", "the key is another");
}

#[test]
fn what_nobody_asks_for_any_more_is_ended() {
    let (root, id, _) = killed(CHAIN);
    let fake = Arc::new(Fake::new(honest));
    assert!(run(root.path(), "rule c:\n    output: 'c'\n    shell: 'touch c'\n", &fake).success());
    assert_eq!(fake.told(), [format!("Kill {}/{}", id.run, id.job), "submit c c".into()]);
}
