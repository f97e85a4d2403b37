//! rulemake inside a host. Promises: sessions are apart from each other and from what the host has (its pool, its
//! directory, its signals); whatever becomes of an observer or of the thread that waits, the state is right afterwards.

#![expect(clippy::disallowed_methods, reason = "a host does as it likes")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use rulemake::{
    CancelGuard, CancelLevel, CancelToken, Error, ErrorKind, Event, EventKind, Plan, Rule, RunOptions,
    RunReport, Session, SessionBuilder, Value, Workflow,
};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// How long something may take that must not wait for ever.
const PATIENCE: Duration = Duration::from_secs(60);

const TEXT: &str = "rule all:\n    input: expand('{x}.out', x=['a', 'b', 'c'])\n\nrule one:\n    output: '{x}.out'\n    \
                    shell: 'echo {wildcards.x} > {output}'\n";

fn workflow() -> Workflow {
    Workflow::parse("Rulefile", TEXT).unwrap()
}

fn run(session: &mut Session) -> RunReport {
    session.run::<&str>(&[], &RunOptions::default()).unwrap()
}

fn is_right(root: &Path) -> bool {
    ["a", "b", "c"]
        .iter()
        .all(|x| fs::read_to_string(root.join(format!("{x}.out"))).is_ok_and(|t| t.trim() == *x))
}

/// Runs something that must come to an end.
fn in_time<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(what()));
    receiver.recv_timeout(PATIENCE).expect("it waits for ever")
}

#[test]
fn what_a_host_holds_can_be_sent_and_shared() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Session>();
    shared::<Workflow>();
    shared::<Plan>();
    shared::<RunReport>();
    shared::<Event>();
    shared::<Error>();
    shared::<CancelToken>();
    shared::<CancelGuard>();
    shared::<Value>();
    shared::<rulemake::executor::Task>();
    fn sent<T: Send + 'static>() {}
    sent::<SessionBuilder>();
}

/// At whatever event the observer breaks: nothing runs on, everything is on record, the panic is the host's to hear, and
/// the next run makes what is missing.
/// Promise: who stops a run before it begins, at whatever level, gets nothing done of it.
#[test]
fn a_token_that_was_pulled_before_the_run_lets_nothing_start() {
    for level in [CancelLevel::Drain, CancelLevel::Terminate, CancelLevel::Kill] {
        let (dir, token, started) =
            (TempDir::new().unwrap(), CancelToken::new(), Arc::new(AtomicUsize::new(0)));
        token.cancel(level);
        let seen = started.clone();
        let builder = Session::builder(workflow()).root(dir.path()).cancel(token).observer(move |event| {
            if matches!(event.kind, EventKind::JobStarted { .. }) {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        });
        let report = run(&mut builder.open().unwrap());
        assert!(report.cancelled && report.summary.ran == 0 && report.summary.skipped == 3, "{report:?}");
        assert_eq!(started.load(Ordering::Relaxed), 0);
        assert!(!dir.path().join("a.out").exists());
    }
}

#[test]
fn a_panicking_observer_leaves_the_state_right() {
    // The run, three jobs that start and end, its end.
    for at in 0..8 {
        let root = TempDir::new().unwrap();
        let heard = Arc::new(AtomicUsize::new(0));
        let count = heard.clone();
        let mut session = Session::builder(workflow())
            .root(root.path())
            .jobs(2)
            .observer(move |_| {
                if count.fetch_add(1, Ordering::SeqCst) == at {
                    panic!("the observer broke");
                }
            })
            .open()
            .unwrap();
        let ended = catch_unwind(AssertUnwindSafe(|| session.run::<&str>(&[], &RunOptions::default())));
        let panic = ended.unwrap_err();
        assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "the observer broke");
        assert!(heard.load(Ordering::SeqCst) == at + 1, "it is not called again");
        let made = ["a", "b", "c"].iter().filter(|x| root.path().join(format!("{x}.out")).exists()).count();
        let report = run(&mut session);
        assert!(report.success() && is_right(root.path()), "the same session goes on");
        assert_eq!(report.summary.ran + made, 3, "what was done before event {at} is on record");
    }
}

/// A host that stops waiting (an aborted task, a closed window) drops its guard.
#[test]
fn a_dropped_guard_ends_the_run_and_the_next_one_repeats_what_was_cut_short() {
    let root = TempDir::new().unwrap();
    let text = "rule slow:\n    output: 'slow'\n    shell: 'echo half > {output}; sleep 60'\n";
    let token = CancelToken::new();
    let guard = token.guard(CancelLevel::Kill);
    let path = root.path().to_path_buf();
    let (started, waits) = channel();
    let runner = std::thread::spawn(move || {
        let observer = move |event: &Event| {
            if let EventKind::JobStarted { .. } = event.kind {
                let _ = started.send(());
            }
        };
        let builder = Session::builder(Workflow::parse("Rulefile", text).unwrap()).root(path);
        run(&mut builder.cancel(token).observer(observer).open().unwrap())
    });
    waits.recv_timeout(PATIENCE).unwrap();
    drop(guard);
    let report = runner.join().unwrap();
    assert!(report.cancelled && report.summary.cancelled == 1);
    assert!(!root.path().join("slow").exists());
    let quick = Workflow::parse("Rulefile", &text.replace("; sleep 60", "")).unwrap();
    assert_eq!(run(&mut Session::builder(quick).root(root.path()).open().unwrap()).summary.ran, 1);
}

#[test]
fn sessions_on_two_roots_run_at_once_and_on_one_root_one_after_the_other() {
    let roots = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let meet = Arc::new(std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        for root in &roots {
            let meet = meet.clone();
            scope.spawn(move || {
                // Each waits in its job for the other: they could not if one session kept the other from running.
                let both = Rule::builder("both").output("out").action("1", move |job| {
                    meet.wait();
                    Ok(job.write(&job.outputs()[0], "")?)
                });
                let workflow = Workflow::builder().rule(both).build().unwrap();
                assert!(run(&mut Session::builder(workflow).root(root.path()).open().unwrap()).success());
            });
        }
    });
    let root = roots[0].path().to_path_buf();
    let inner = Arc::new(Mutex::new(None));
    let (seen, same) = (inner.clone(), root.clone());
    let nested = Rule::builder("nested").output("nested").action("1", move |job| {
        let mut second = Session::builder(workflow()).root(&same).open()?;
        *seen.lock().unwrap() =
            second.run::<&str>(&[], &RunOptions::default()).err().map(|error| error.kind());
        Ok(job.write(&job.outputs()[0], "")?)
    });
    let workflow = Workflow::builder().rule(nested).build().unwrap();
    assert!(run(&mut Session::builder(workflow).root(&root).open().unwrap()).success());
    assert_eq!(*inner.lock().unwrap(), Some(ErrorKind::Locked));
}

/// A pool of one thread would wait for itself if anything of the library used the pool that it is called from.
#[test]
fn a_host_may_call_it_from_its_own_pool_of_one_thread() {
    let root = TempDir::new().unwrap();
    let path = root.path().to_path_buf();
    let right = in_time(move || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        pool.install(|| {
            let mut session = Session::builder(workflow()).root(&path).open().unwrap();
            let (first, second) = rayon::join(
                || session.plan::<&str>(&[], &RunOptions::default()).unwrap().jobs().len(),
                || Workflow::parse("Rulefile", TEXT).unwrap().rules().len(),
            );
            assert_eq!((first, second), (4, 2));
            let ran = run(&mut session).summary.ran;
            // A closure may use the host's pool, which is the one that waits here: with a pool of its own it goes on.
            let own = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let sum = Rule::builder("sum").output("sum").action("1", move |job| {
                let sum: u64 = own.install(|| rayon::join(|| 1, || 2)).0;
                Ok(job.write(&job.outputs()[0], sum.to_string())?)
            });
            let workflow = Workflow::builder().rule(sum).build().unwrap();
            ran + run(&mut Session::builder(workflow).root(&path).open().unwrap()).summary.ran
        })
    });
    assert_eq!(right, 4);
    assert!(is_right(root.path()));
}

/// What the process is, besides its memory: directory, environment, what becomes of signals, mask of new files.
#[cfg(target_os = "linux")]
fn process() -> Vec<String> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let kept = ["SigBlk", "SigIgn", "SigCgt", "Umask", "Groups"];
    let mut facts: Vec<String> = status
        .lines()
        .filter(|line| kept.iter().any(|name| line.starts_with(name)))
        .map(str::to_string)
        .collect();
    facts.push(fs::read_link("/proc/self/cwd").unwrap().display().to_string());
    facts.extend(std::env::vars().map(|(name, value)| format!("{name}={value}")));
    facts
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_as_it_was() {
    let before = process();
    assert!(before.iter().any(|fact| fact.starts_with("SigCgt")));
    let root = TempDir::new().unwrap();
    let text = format!(
        "{TEXT}\nonsuccess:\n    shell('true')\n\nrule py:\n    output: 'py'\n    run:\n        open(output[0], 'w').write('x')\n\n\
         rule bad:\n    output: 'bad'\n    shell: 'kill -9 $$'\n\nrule quick:\n    output: 'quick'\n    timeout: 0.05\n    shell: 'sleep 9'\n"
    );
    let mut session =
        Session::builder(Workflow::parse("Rulefile", &text).unwrap()).root(root.path()).open().unwrap();
    let mut options = RunOptions::default();
    options.keep_going = true;
    let report = session.run(&["all", "py", "bad", "quick"], &options).unwrap();
    assert_eq!((report.summary.ran, report.summary.failed), (4, 2));
    assert_eq!(process(), before, "also while the session is there");
    drop(session);
    assert_eq!(process(), before);
}

/// The variables of the process say nothing to the library: neither the ones of the command nor those of the system.
#[test]
fn the_environment_says_nothing_to_it() {
    let run_with = |variables: &[(&str, &str)]| {
        let root = TempDir::new().unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "helper_that_runs", "--ignored", "--nocapture"])
            .env("RULEMAKE_TEST_ROOT", root.path())
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        let lines = String::from_utf8(child.stdout).unwrap();
        // All that is printed is of the test harness and of the helper.
        let own =
            |line: &&str| !line.is_empty() && !line.starts_with("running ") && !line.starts_with("test ");
        lines.lines().filter(own).map(str::to_string).collect::<Vec<_>>()
    };
    let plain = run_with(&[]);
    assert!(plain[0].starts_with("temp /tmp "), "{plain:?}");
    let hostile = [
        ("RULEMAKE_JOBS", "no number"),
        ("RULEMAKE_LOG", "trace"),
        ("RULEMAKE_KEEP_GOING", "1"),
        ("RAYON_NUM_THREADS", "1000"),
        ("TMPDIR", "/no/such/directory"),
        ("RUST_LOG", "trace"),
        ("NO_COLOR", "1"),
        ("MAKEFLAGS", "-j --jobserver-auth=99,100"),
        ("XDG_CONFIG_HOME", "/no/such/directory"),
        ("SNAKEMAKE_PROFILE", "/no/such/profile"),
    ];
    assert_eq!(run_with(&hostile), plain);
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn helper_that_runs() {
    let Some(root) = std::env::var_os("RULEMAKE_TEST_ROOT") else { return };
    let text = "import os\nrule a:\n    output: 'a'\n    params: seen=os.environ.get('RULEMAKE_JOBS', 'nothing')\n    \
                shell: 'echo temp {resources.tmpdir} {params.seen} > {output}'\n";
    let mut session =
        Session::builder(Workflow::parse("Rulefile", text).unwrap()).root(&root).open().unwrap();
    let report = run(&mut session);
    assert!(report.success());
    print!("{}", fs::read_to_string(Path::new(&root).join("a")).unwrap());
    println!("{} {}", report.summary.ran, report.summary.failed);
}

/// Promise: the root is where it was when the session was opened, and a Rulefile's directory is the root of its session.
/// In a process of its own, which goes somewhere else meanwhile.
#[test]
fn a_host_may_go_to_another_directory() {
    let elsewhere = TempDir::new().unwrap();
    let dir = TempDir::new().unwrap();
    for below in ["sub", "proj/parts"] {
        fs::create_dir_all(dir.path().join(below)).unwrap();
    }
    let text = "include: 'parts/more.smk'\nBASE = workflow.basedir\nrule all:\n    input: lambda w: \
                open('list.txt').read().split()\n    output: 'all.txt'\n    \
                shell: 'echo {BASE} {input} > {output}'\n";
    fs::write(dir.path().join("proj/Rulefile"), text).unwrap();
    fs::write(dir.path().join("proj/list.txt"), "a.part").unwrap();
    let more = "rule more:\n    output: '{x}.part'\n    shell: 'pwd > {output}'\n";
    fs::write(dir.path().join("proj/parts/more.smk"), more).unwrap();
    let helper = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["helper_that_goes", "--exact", "--ignored", "--nocapture"])
        .env("RULEMAKE_TEST_ELSEWHERE", elsewhere.path())
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(helper.status.success(), "{helper:?}");
    let base = fs::canonicalize(dir.path()).unwrap();
    assert!(is_right(&base.join("sub")), "{helper:?}");
    let all = fs::read_to_string(base.join("proj/all.txt")).unwrap();
    assert_eq!(all, format!("{} a.part\n", base.join("proj").display()));
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is made where it went");
}

#[test]
#[ignore = "in a process of its own, for `a_host_may_go_to_another_directory`"]
fn helper_that_goes() {
    let mut by_name = Session::builder(workflow()).root("sub").open().unwrap();
    let mut loaded = Session::builder(Workflow::load("proj/Rulefile").unwrap()).open().unwrap();
    let here = std::env::current_dir().unwrap();
    assert_eq!(by_name.root(), here.join("sub"));
    assert_eq!(loaded.root(), here.join("proj"));
    assert_eq!(Session::builder(workflow()).open().unwrap().root(), here);
    std::env::set_current_dir(std::env::var_os("RULEMAKE_TEST_ELSEWHERE").unwrap()).unwrap();
    assert!(run(&mut by_name).success());
    let report = run(&mut loaded);
    assert!(report.success(), "{:?}", report.failures);
    assert!(!format!("{loaded:?} {:?}", Session::builder(workflow())).is_empty());
}

/// Promise: a root other than the one that the Rulefile was loaded for is told where that can be the cause.
#[test]
fn a_missing_input_tells_of_two_roots() {
    let (home, root) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(
        home.path().join("Rulefile"),
        "rule a:\n    input: 'in'\n    output: 'a'\n    shell: 'touch a'\n",
    )
    .unwrap();
    let workflow = Workflow::load(home.path().join("Rulefile")).unwrap();
    let error = |builder: SessionBuilder| {
        let error = builder.open().unwrap().plan::<&str>(&[], &RunOptions::default()).unwrap_err();
        error.diagnostics().iter().flat_map(|one| one.notes.clone()).collect::<Vec<_>>().join("\n")
    };
    let told = error(Session::builder(workflow.clone()).root(root.path()));
    let note = format!(
        "the root of this session is {}; the Rulefile was loaded for {}",
        root.path().display(),
        home.path().display()
    );
    assert!(told.contains(&note), "{told}");
    assert!(!error(Session::builder(workflow.clone())).contains("the root of this session"));
    fs::write(home.path().join("in"), "").unwrap();
    assert!(Session::builder(workflow).open().unwrap().plan::<&str>(&[], &RunOptions::default()).is_ok());
}
