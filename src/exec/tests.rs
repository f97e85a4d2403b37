//! Promises of the local executor, with real processes.

use super::*;
use crate::exec::executor::{Seat, Work};
use crate::exec::variables::Variables;
use crate::model::action::FunctionAction;
use crate::model::job_context::{JobContext, OwnedPaths};
use crate::model::wildcards::Wildcards;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

struct Bench {
    dir: TempDir,
    executor: LocalExecutor,
    ends: Receiver<Completion>,
}

impl Bench {
    fn new() -> Bench {
        let (sender, ends) = channel();
        let done: Done = Arc::new(move |completion, _| {
            let _ = sender.send(completion);
            None
        });
        Bench { dir: TempDir::new().unwrap(), executor: LocalExecutor::new(done), ends }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn request(&self, job: u32, shell: &[&str], command: &str, log: &str) -> JobRequest {
        let work = Work::Shell {
            direct: None,
            shell: shell.iter().map(|s| Arc::from(*s)).collect(),
            command: command.into(),
            log: self.path(log),
        };
        self.job(job, work)
    }

    fn job(&self, job: u32, work: Work) -> JobRequest {
        JobRequest {
            job,
            root: self.dir.path().into(),
            work,
            env: Variables::default(),
            extras: None,
            begin: None,
            facts: None,
        }
    }

    fn submit(&self, job: u32, command: &str) {
        let log = format!("log{job}");
        self.executor
            .submit(self.request(job, &["bash", "-euo", "pipefail", "-c"], command, &log), Seat::Alone);
    }

    fn next(&self) -> Completion {
        self.ends.recv_timeout(PATIENCE).unwrap()
    }

    fn run(&self, command: &str) -> Outcome {
        self.submit(0, command);
        self.next().outcome
    }

    fn function(
        &self,
        job: u32,
        run: impl Fn(&JobContext) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
    ) {
        let none = || OwnedPaths { layout: [].into(), paths: [].into() };
        let context = JobContext {
            rule: "f".into(),
            root: self.dir.path().into(),
            wildcards: Wildcards::default(),
            inputs: none(),
            outputs: none(),
            logs: none(),
            params: Vec::new(),
            threads: 1,
            resources: Vec::new(),
            attempt: 1,
            config: Arc::new(crate::model::value::Value::None),
            cancelled: Arc::new(AtomicBool::new(false)),
            reports: None,
        };
        let action = Arc::new(FunctionAction { version: "1".into(), run: Box::new(run) });
        let work = Work::Function { action, context: Box::new(context) };
        self.executor.submit(self.job(job, work), Seat::Alone);
    }
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = monotonic();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never came: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Whether a process runs; a zombie does not.
fn alive(pid: &str) -> bool {
    assert!(!pid.is_empty());
    let output = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout).trim().to_string();
    !state.is_empty() && !state.starts_with('Z')
}

/// Numbers of processes that a job wrote, one per line.
fn pids(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_string).collect()
}

#[test]
fn the_outcome_tells_exit_codes_and_signals_apart() {
    let bench = Bench::new();
    assert_eq!(bench.run("true"), Outcome::Success);
    assert_eq!(bench.run("exit 7"), Outcome::Exit(7));
    assert_eq!(bench.run("false; true"), Outcome::Exit(1));
    assert_eq!(bench.run("kill -KILL $$"), Outcome::Signal(9));
    assert_eq!(bench.run("kill -SEGV $$"), Outcome::Signal(11));
}

#[test]
fn stdin_is_empty_and_not_the_terminal() {
    let bench = Bench::new();
    assert_eq!(bench.run("cat; read x || echo end"), Outcome::Success);
    assert_eq!(bench.read("log0"), "end\n");
}

#[test]
fn the_log_holds_both_streams_in_order_of_writing() {
    let bench = Bench::new();
    assert_eq!(bench.run("echo 1; echo 2 >&2; sh -c 'echo 3; echo 4 >&2'; echo 5"), Outcome::Success);
    assert_eq!(bench.read("log0"), "1\n2\n3\n4\n5\n");
}

#[test]
fn a_log_is_created_anew_and_goes_when_it_is_empty() {
    let bench = Bench::new();
    fs::write(bench.path("log0"), "old").unwrap();
    assert_eq!(bench.run("echo new; exit 1"), Outcome::Exit(1));
    assert_eq!(bench.read("log0"), "new\n");
    assert_eq!(bench.run("exit 1"), Outcome::Exit(1));
    assert!(!bench.path("log0").exists());
}

#[test]
fn a_job_runs_in_the_root_with_its_variables() {
    let bench = Bench::new();
    let mut request = bench.request(0, &["sh", "-c"], "pwd -P; echo $RM_X", "log");
    request.env.extend([("RM_X".into(), "a b".into())]);
    bench.executor.submit(request, Seat::Alone);
    assert_eq!(bench.next().outcome, Outcome::Success);
    let mut lines = bench.read("log").lines().map(str::to_string).collect::<Vec<_>>();
    assert_eq!(lines.pop().as_deref(), Some("a b"));
    assert!(lines[0].ends_with(bench.dir.path().file_name().unwrap().to_str().unwrap()));
}

#[test]
fn odd_names_of_logs_work() {
    let bench = Bench::new();
    for (job, log) in [" ", "a b'c\"d$e", "-x", "new\nline", "é日本", "*", "a.sh"].iter().enumerate() {
        let long = format!("echo {}", "x".repeat(if job % 2 == 0 { 1 } else { 130_000 }));
        bench.executor.submit(bench.request(job as u32, &["sh", "-c"], &long, log), Seat::Alone);
        assert_eq!(bench.next().outcome, Outcome::Success, "{log:?}");
        assert!(bench.read(log).starts_with('x'), "{log:?}");
    }
    assert_eq!(fs::read_dir(bench.dir.path()).unwrap().count(), 7, "only the logs remain");
}

#[test]
fn a_log_that_cannot_be_made_is_said() {
    let bench = Bench::new();
    bench.executor.submit(bench.request(0, &["sh", "-c"], "true", "no/such/dir/log"), Seat::Alone);
    let Outcome::NotStarted(text) = bench.next().outcome else { panic!("it started") };
    assert!(text.starts_with("cannot create the log `"), "{text}");
}

#[test]
fn a_command_longer_than_an_argument_may_be_runs_from_a_script() {
    let bench = Bench::new();
    let command = format!("x='{}'\necho ${{#x}}\nfalse\necho not reached", "y".repeat(300_000));
    for shell in [&["bash", "-euo", "pipefail", "-c"][..], &["bash", "-euc"]] {
        bench.executor.submit(bench.request(0, shell, &command, "log"), Seat::Alone);
        assert_eq!(bench.next().outcome, Outcome::Exit(1));
        assert_eq!(bench.read("log"), "300000\n");
    }
    assert!(!bench.path("log.sh").exists());
    bench.executor.submit(bench.request(0, &["env", "sh"], &command, "log"), Seat::Alone);
    let Outcome::NotStarted(text) = bench.next().outcome else { panic!("it started") };
    assert!(text.contains("too long"), "{text}");
}

#[test]
fn a_missing_program_is_named_with_what_to_do() {
    let bench = Bench::new();
    bench.executor.submit(bench.request(0, &["no-such-shell", "-c"], "true", "log"), Seat::Alone);
    let Outcome::NotStarted(text) = bench.next().outcome else { panic!("it started") };
    assert!(text.contains("`no-such-shell` was not found: install it"), "{text}");
    assert!(!bench.path("log").exists());

    let mut request = bench.request(0, &["sh", "-c"], "true", "log");
    request.root = bench.path("gone");
    bench.executor.submit(request, Seat::Alone);
    let Outcome::NotStarted(text) = bench.next().outcome else { panic!("it started") };
    assert!(text.contains("gone` is not there"), "{text}");

    bench.executor.submit(bench.request(0, &["sh", "-c"], "echo a\0b", "log"), Seat::Alone);
    let Outcome::NotStarted(text) = bench.next().outcome else { panic!("it started") };
    assert!(text.contains("NUL"), "{text}");
    bench.executor.submit(bench.request(0, &[], "true", "log"), Seat::Alone);
    assert!(matches!(bench.next().outcome, Outcome::NotStarted(_)));
}

#[test]
fn a_signal_ends_the_whole_tree() {
    for signal in [Signal::Terminate, Signal::Kill] {
        let bench = Bench::new();
        bench.submit(3, "sleep 100 & echo $! >>pids; (sleep 100 & echo $! >>pids; wait) & wait");
        let file = bench.path("pids");
        wait_until("both children", || pids(&file).len() == 2);
        assert_eq!(bench.executor.running(), [3]);
        bench.executor.signal(3, signal);
        let end = bench.next();
        assert_eq!((end.job, end.outcome), (3, Outcome::Signal(signal.number())));
        wait_until("their end", || pids(&file).iter().all(|pid| !alive(pid)));
        assert!(bench.executor.running().is_empty());
        bench.executor.signal(3, signal);
    }
}

#[test]
fn a_signal_to_all_reaches_running_and_waiting_jobs() {
    let bench = Bench::new();
    for job in 0..5 {
        bench.submit(job, "sleep 100");
    }
    bench.executor.signal_all(Signal::Terminate);
    for _ in 0..5 {
        assert_eq!(bench.next().outcome, Outcome::Signal(15));
    }
    assert!(bench.executor.running().is_empty());
}

#[test]
fn a_terminated_job_may_tidy_up_and_is_killed_if_it_does_not_end() {
    let bench = Bench::new();
    // The shell dies at once; its child needs some time and uses it.
    bench.submit(
        0,
        "sh -c 'trap \"sleep 0.1; echo tidy; exit\" TERM; echo ready; while :; do sleep 0.01; done'; true",
    );
    wait_until("the trap", || {
        bench.executor.name_logs();
        bench.read("log0") == "ready\n"
    });
    bench.executor.signal(0, Signal::Terminate);
    assert_eq!(bench.next().outcome, Outcome::Signal(15));
    assert!(bench.read("log0").ends_with("tidy\n"), "{}", bench.read("log0"));

    bench.submit(1, "sh -c 'trap \"\" TERM; echo $$ >deaf; sleep 100; sleep 100'; true");
    wait_until("the deaf one", || !pids(&bench.path("deaf")).is_empty());
    bench.executor.signal(1, Signal::Terminate);
    thread::sleep(Duration::from_millis(50));
    bench.executor.signal(1, Signal::Kill);
    let end = bench.next();
    assert_eq!(end.outcome, Outcome::Signal(15));
    wait_until("its end", || !alive(&pids(&bench.path("deaf"))[0]));
}

#[test]
fn after_a_failure_nothing_goes_on_writing() {
    let bench = Bench::new();
    let command = "(echo $BASHPID >pid; while :; do echo x >>out; sleep 0.01; done) & \
                   until [ -s out ]; do sleep 0.01; done; exit 3";
    assert_eq!(bench.run(command), Outcome::Exit(3));
    let pid = &pids(&bench.path("pid"))[0];
    wait_until("its end", || !alive(pid));
}

#[test]
fn after_a_success_background_children_live_on() {
    let bench = Bench::new();
    assert_eq!(bench.run("sleep 100 & echo $! >pid"), Outcome::Success);
    let pid = &pids(&bench.path("pid"))[0];
    assert!(alive(pid));
    Command::new("kill").arg(pid).status().unwrap();
}

#[test]
fn many_short_jobs_are_reported_once_each_and_share_threads() {
    let bench = Bench::new();
    let mut seen = vec![0; 200];
    for job in 0..200 {
        bench.executor.submit(bench.request(job, &["sh", "-c"], "true", &format!("log{job}")), Seat::Alone);
        if job >= 4 {
            seen[bench.next().job as usize] += 1;
        }
    }
    for _ in 0..4 {
        seen[bench.next().job as usize] += 1;
    }
    assert!(seen.iter().all(|n| *n == 1), "{seen:?}");
    let Bench { dir, executor, .. } = bench;
    assert!(executor.shared.lock().threads.len() <= 20);
    drop(executor);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "no log of those that said nothing");
}

/// Promise: a command that follows has begun when the end of the one before it is told, and its own end is told after that; who may
/// follow only is not begun when there is nobody to follow any more.
#[test]
fn the_end_of_a_job_is_told_once_the_command_that_follows_has_begun() {
    let (sender, told) = channel();
    let root = TempDir::new().unwrap();
    let second_began = root.path().join("second");
    let done: Done = Arc::new(move |completion: Completion, follow: &mut dyn FnMut() -> bool| {
        let (sender, second_began) = (sender.clone(), second_began.clone());
        let tell = move || {
            // Its process is there; it may take its time to do something.
            let start = monotonic();
            while completion.job == 1 && !second_began.exists() && start.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(1));
            }
            let _ = sender.send((completion.job, completion.outcome, second_began.exists()));
        };
        if follow() {
            return Some(Tell::by(tell));
        }
        tell();
        None
    });
    let bench = Bench { dir: root, executor: LocalExecutor::new(done), ends: channel().1 };
    let submit = |job: u32, command: &str, seat| {
        bench.executor.submit(bench.request(job, &["sh", "-c"], command, &format!("log{job}")), seat)
    };
    assert!(submit(1, "until [ -e go ]; do sleep 0.01; done", Seat::First));
    assert!(submit(2, "touch second; exit 3", Seat::Only(1)));
    fs::write(bench.path("go"), "").unwrap();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), (1, Outcome::Success, true));
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), (2, Outcome::Exit(3), true));

    assert!(!submit(3, "touch third", Seat::Only(2)), "that has ended");
    assert!(bench.executor.running().is_empty());
    assert!(submit(4, "true", Seat::Behind(2)), "who may begin anyway does");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap().0, 4);
    assert!(!bench.path("third").exists());
}

/// Promise: of variables of one name a job sees one, its own before those that others have as well and before the inherited ones;
/// and where `PATH` is one of them, its program is looked for there.
#[cfg(unix)]
#[test]
fn own_variables_come_before_common_and_inherited_ones() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    fs::write(bench.path("said"), "#!/bin/sh\n/usr/bin/env\n").unwrap();
    fs::set_permissions(bench.path("said"), fs::Permissions::from_mode(0o755)).unwrap();
    let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
    let dir = bench.dir.path().display().to_string();
    let common: Arc<[_]> = [pair("RM_A", "common"), pair("RM_B", "common"), pair("HOME", "/common")].into();
    for (job, path, own) in [(0, dir.clone(), "first"), (1, format!("/no/such:{dir}"), "second")] {
        let mut request = bench.request(job, &["said"], "-", &format!("log{job}"));
        request.env = Variables::new(common.clone(), vec![pair("RM_B", "no"), pair("PATH", &path)]);
        request.env.extend([pair("RM_B", own)]);
        bench.executor.submit(request, Seat::Alone);
        assert_eq!(bench.next().outcome, Outcome::Success);
        let seen = bench.read(&format!("log{job}"));
        let of = |name: &str| -> Vec<&str> { seen.lines().filter_map(|l| l.strip_prefix(name)).collect() };
        assert_eq!([of("RM_A="), of("RM_B="), of("HOME=")], [["common"], [own], ["/common"]], "{seen}");
        assert_eq!(of("PATH="), [path.as_str()]);
    }
}

/// Promise: who submits can do a short command itself; one that takes long goes on elsewhere, and it is one job all the time.
#[cfg(target_os = "linux")]
#[test]
fn a_short_command_is_done_by_who_helps_and_a_long_one_goes_on_elsewhere() {
    let (sender, told) = channel();
    let done: Done = Arc::new(move |completion, _| {
        drop(sender.send((completion, thread::current().id())));
        None
    });
    let bench = Bench { dir: TempDir::new().unwrap(), executor: LocalExecutor::new(done), ends: channel().1 };
    let submit = |job: u32, command: &str| {
        let request = bench.request(job, &["sh", "-c"], command, &format!("log{job}"));
        bench.executor.submit(request, Seat::Near);
    };
    let next = || told.recv_timeout(PATIENCE).unwrap();
    let here = thread::current().id();

    submit(0, "echo short");
    bench.executor.help(PATIENCE);
    let (end, thread) = told.try_recv().unwrap();
    assert_eq!((end.job, end.outcome, thread), (0, Outcome::Success, here));
    assert_eq!(bench.read("log0"), "short\n");

    submit(1, "until [ -e go ]; do sleep 0.01; done; echo long");
    bench.executor.help(Duration::from_millis(10));
    assert!(told.try_recv().is_err());
    assert_eq!(bench.executor.running(), [1]);
    thread::sleep(Duration::from_millis(50));
    fs::write(bench.path("go"), "").unwrap();
    let (end, thread) = next();
    assert_eq!((end.job, end.outcome), (1, Outcome::Success));
    assert!(end.duration >= Duration::from_millis(60) && thread != here, "{:?}", end.duration);
    assert_eq!(bench.read("log1"), "long\n");

    submit(2, "sleep 100; true");
    bench.executor.help(Duration::from_millis(10));
    bench.executor.signal(2, Signal::Kill);
    assert_eq!(next().0.outcome, Outcome::Signal(9));
    // What was told to end before it began does not begin.
    submit(3, "touch begun");
    bench.executor.signal(3, Signal::Terminate);
    bench.executor.help(PATIENCE);
    assert_eq!(next().0.outcome, Outcome::Signal(15));
    assert!(!bench.path("begun").exists());

    (4..7).for_each(|job| submit(job, "true"));
    bench.executor.rouse();
    let mut jobs: Vec<u32> = (4..7).map(|_| next().0.job).collect();
    jobs.sort_unstable();
    assert_eq!(jobs, [4, 5, 6], "others do what nobody helps with");
}

#[test]
fn signals_that_race_with_the_end_do_no_harm() {
    let bench = Bench::new();
    for job in 0..100 {
        bench.executor.submit(bench.request(job, &["sh", "-c"], "true", "log"), Seat::Alone);
        if job % 2 == 0 {
            thread::yield_now();
        }
        bench.executor.signal(job, Signal::Kill);
        let end = bench.next();
        assert!(matches!(end.outcome, Outcome::Success | Outcome::Signal(9)), "{end:?}");
    }
}

#[test]
fn functions_report_errors_and_panics_and_the_thread_goes_on() {
    let bench = Bench::new();
    bench.function(0, |_| Ok(()));
    assert_eq!(bench.next().outcome, Outcome::Success);
    bench.function(1, |_| Err(std::io::Error::other("disk on fire").into()));
    assert_eq!(bench.next().outcome, Outcome::FunctionError("disk on fire".into()));
    bench.function(2, |cx| panic!("bad {}", cx.rule()));
    assert_eq!(bench.next().outcome, Outcome::FunctionError("panicked: bad f".into()));
    bench.function(3, |_| std::panic::panic_any(5));
    assert_eq!(bench.next().outcome, Outcome::FunctionError("panicked: without a message".into()));
    assert_eq!(bench.run("true"), Outcome::Success);
}

#[test]
fn a_signal_raises_the_flag_of_a_function() {
    let bench = Bench::new();
    bench.function(0, |cx| {
        while !cx.is_cancelled() {
            thread::yield_now();
        }
        Err("stopped".into())
    });
    wait_until("its start", || bench.executor.running() == [0]);
    bench.executor.signal(0, Signal::Terminate);
    assert!(matches!(bench.next().outcome, Outcome::FunctionError(_) | Outcome::Signal(15)));
}

#[test]
fn a_report_is_sent_even_if_the_thread_unwinds() {
    let bench = Bench::new();
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _report = Report::new(&bench.executor.shared, 9);
        panic!("a bug of ours");
    }));
    let end = bench.next();
    assert_eq!(end.job, 9);
    assert!(matches!(end.outcome, Outcome::FunctionError(text) if text.contains("lost")));
}

#[test]
fn a_receiver_that_panics_does_not_stop_the_executor() {
    let (sender, ends) = channel();
    let done: Done = Arc::new(move |completion, _| {
        let job = completion.job;
        let _ = sender.send(completion);
        assert!(job != 0, "the receiver has a bug");
        None
    });
    let bench = Bench { dir: TempDir::new().unwrap(), executor: LocalExecutor::new(done), ends };
    assert_eq!(bench.run("true"), Outcome::Success);
    bench.submit(1, "true");
    assert_eq!(bench.next().job, 1);
}

#[test]
fn dropping_the_executor_leaves_no_process() {
    let bench = Bench::new();
    bench.submit(0, "echo $$ >pid; sleep 100; true");
    wait_until("its start", || !pids(&bench.path("pid")).is_empty());
    let Bench { dir, executor, ends } = bench;
    drop(executor);
    assert_eq!(ends.recv_timeout(PATIENCE).unwrap().outcome, Outcome::Signal(9));
    assert!(!alive(&pids(&dir.path().join("pid"))[0]));
}
