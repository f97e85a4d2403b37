//! The real binary, killed at each system call of its state path in turn, or told by it that the disk is full or broken.
//! Promises: the next run, without a flag, ends in the right result; a further one finds nothing to do; what the user
//! wrote is lost in no case; and no failing call makes the binary panic or claim a success.
//!
//! Needs `strace`, and a machine that lets it trace. It injects into every process of the run, so jobs meet the faults,
//! too. `RULEMAKE_FAULTS=all` goes through every call instead of a selection, `RULEMAKE_FAULTS=rename:3:`
//! through those whose name in the report holds this text.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{Case, program};

/// Every kind of a file on the way of a run: removed, moved to be kept, changed in place, left half by a failure, made in
/// a directory of its own, read by one job only, written by a hook.
const RULEFILE: &str = "\
onstart:
    shell('echo go >> hook.txt')

rule all:
    input: 'cat.txt', 'edited.txt', 'sum.txt', 'dir.txt', 'flaky.txt', 'apart.txt', 'mark', 'kept.txt'

rule copy:
    input: 'in'
    output: temp('copy.txt')
    shell: 'cp {input} {output}'

rule cat:
    input: 'copy.txt', 'in'
    output: 'cat.txt'
    log: 'logs/cat.log'
    shell: 'cat {input} > {output}; echo done > {log}'

rule edited:
    input: 'in'
    output: 'edited.txt'
    shell: 'cp {input} {output}'

rule sum:
    input: 'in'
    output: update('sum.txt')
    shell: 'cat {input} >> {output}'

rule tree:
    input: 'in'
    output: directory('tree')
    shell: 'mkdir {output}; cp {input} {output}/a; cp {input} {output}/b'

rule dir:
    input: 'tree'
    output: 'dir.txt'
    shell: 'cat {input}/a {input}/b > {output}'

rule flaky:
    input: 'in'
    output: 'flaky.txt'
    shell: 'echo half > {output}; test -e ok; cp {input} {output}'

rule apart:
    input: 'in'
    output: 'apart.txt'
    shadow: 'minimal'
    shell: 'cp {input} scratch; cp scratch {output}'

rule mark:
    input: 'cat.txt'
    output: touch('mark')
";

/// In the Rulefile of the run that is disturbed.
const KEPT: &str = "
rule kept:
    input: 'mark'
    output: protected('kept.txt')
    shell: 'echo kept > {output}'
";

const RIGHT: [(&str, &str); 7] = [
    ("cat.txt", "1\n1\n"),
    ("edited.txt", "1\n"),
    ("sum.txt", "start\n0\n1\n"),
    ("dir.txt", "1\n1\n"),
    ("flaky.txt", "1\n"),
    ("apart.txt", "1\n"),
    ("kept.txt", "kept\n"),
];

const NAMES: &str = "?open,openat,?creat,write,?pwrite64,?writev,fsync,fdatasync,?rename,?renameat,?renameat2,?unlink,\
                     unlinkat,?link,?linkat,?symlink,?symlinkat,?mkdir,mkdirat,?rmdir,ftruncate,?truncate,?chmod,fchmod,\
                     fchmodat,utimensat,?copy_file_range,?sendfile,flock,?ioctl,execve";

/// Built once, then changed in all ways at once: the run that follows has all kinds of things to do.
fn before() -> Case {
    let first = RULEFILE.replace(", 'kept.txt'", "");
    let case = Case::in_memory().rulefile(&first).file("in", "0\n").file("sum.txt", "start\n").file("ok", "");
    case.run(&["-j2"])
        .has("sum.txt", "start\n0\n")
        .file("in", "1\n")
        .file("edited.txt", "mine\n")
        .remove("ok")
        .rulefile(&format!("{RULEFILE}{KEPT}"))
}

/// As [`before`], of a directory with so many runs behind it that the next one writes the log anew and removes old runs.
fn before_compaction() -> Case {
    let many = "\nrule many:\n    input: expand('m/{i}', i=range(150))\nrule mark_one:\n    output: touch('m/{i}')\n";
    let first = RULEFILE.replace(", 'kept.txt'", "");
    let mut case = Case::in_memory().rulefile(&format!("{first}{many}"));
    case = case.file("in", "0\n").file("sum.txt", "start\n").file("ok", "").run(&["-j2"]);
    for _ in 0..22 {
        case = case.run(&["--force-all", "many"]);
    }
    case.has("sum.txt", "start\n0\n")
        .file("in", "1\n")
        .file("edited.txt", "mine\n")
        .remove("ok")
        .rulefile(&format!("{RULEFILE}{KEPT}"))
}

/// One disturbance: the n-th call of this name in any thread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    name: String,
    nth: usize,
    what: &'static str,
    lasts: bool,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}{}", self.name, self.nth, self.what, if self.lasts { "+" } else { "" })
    }
}

struct Trial {
    dir: tempfile::TempDir,
}

impl Trial {
    /// A copy with all times, so that the state of the original holds for it.
    fn of(origin: &Case) -> Trial {
        let dir = tempfile::tempdir_in(origin.root().parent().unwrap()).unwrap();
        let from = format!("{}/.", origin.root().display());
        assert!(Command::new("cp").args(["-a", &from]).arg(dir.path()).status().unwrap().success());
        Trial { dir }
    }

    /// Runs what was changed under strace, with these options of it. `None`: it did not end.
    fn disturbed(&self, options: &[String]) -> Option<Ended> {
        let mut command = program("strace");
        command.args(["-f", "-qq", "--seccomp-bpf"]).args(options).arg(env!("CARGO_BIN_EXE_rulemake"));
        self.ended(command.args(["-k", "-j2", "--json"]))
    }

    /// Runs what was changed with a fault at one call; why it is not to be looked at further.
    fn with(&self, fault: &Fault) -> Result<Ended, String> {
        let Fault { name, nth, what, lasts } = fault;
        let inject = format!("inject={name}:{what}:when={nth}{}", if *lasts { "+" } else { "" });
        let options = ["-o", "/dev/null", "-e", &format!("trace={name}"), "-e", &inject].map(str::to_string);
        let ended = self.disturbed(&options).ok_or("it hangs")?;
        if ended.stderr.contains("panicked") { Err(format!("panics: {ended}")) } else { Ok(ended) }
    }

    fn run(&self) -> Option<Ended> {
        self.ended(program(env!("CARGO_BIN_EXE_rulemake")).arg("--json"))
    }

    fn ended(&self, command: &mut Command) -> Option<Ended> {
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| self.dir.path().join(".out").join(name));
        fs::create_dir_all(stdout.parent().unwrap()).unwrap();
        command.current_dir(self.dir.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        command.stdout(fs::File::create(&stdout).unwrap()).stderr(fs::File::create(&stderr).unwrap());
        let mut child = command.spawn().unwrap();
        let start = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if start.elapsed() > Duration::from_secs(180) => {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    return None;
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        Some(Ended { status, stdout: text(&stdout), stderr: text(&stderr) })
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir.path().join(path)).unwrap_or_else(|error| format!("({error})"))
    }

    /// Whether a file with this content is anywhere.
    fn holds(&self, content: &str) -> bool {
        let mut todo = vec![self.dir.path().to_path_buf()];
        while let Some(dir) = todo.pop() {
            for entry in fs::read_dir(dir).unwrap().flatten() {
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    todo.push(entry.path());
                } else if kind.is_file()
                    && fs::read(entry.path()).is_ok_and(|text| text == content.as_bytes())
                {
                    return true;
                }
            }
        }
        false
    }
}

struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}\n{}", self.status, self.stdout, self.stderr)
    }
}

/// The calls of the engine that change something in the directory, or read what its decisions rest on: by name, which
/// ones of a thread.
fn calls(
    origin: &Case,
    wanted: fn(&str) -> bool,
    expected: i32,
) -> Option<BTreeMap<String, BTreeSet<usize>>> {
    let trial = Trial::of(origin);
    let log = trial.dir.path().join(".out/trace");
    let options =
        ["-y", "-e", &format!("trace={NAMES},read"), "-o", &log.to_string_lossy()].map(str::to_string);
    let ended = trial.disturbed(&options)?;
    if ended.status.code() != Some(expected) {
        eprintln!("strace cannot trace here: {ended}");
        return None;
    }
    let text = String::from_utf8_lossy(&fs::read(log).unwrap()).into_owned();
    let mut threads: BTreeMap<&str, Vec<(&str, bool)>> = BTreeMap::new();
    let main = text.split_whitespace().next()?;
    for line in text.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let is_effect = is_effect(name, arguments, trial.dir.path()) && wanted(arguments);
            threads.entry(thread).or_default().push((name, is_effect));
        }
    }
    // Threads of the engine execute nothing, jobs do.
    threads.retain(|thread, calls| *thread == main || !calls.iter().any(|(name, _)| *name == "execve"));
    let mut found: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    for calls in threads.values() {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, is_effect) in calls {
            let count = counts.entry(name).or_default();
            *count += 1;
            if *is_effect {
                found.entry((*name).to_string()).or_default().insert(*count);
            }
        }
    }
    Some(found)
}

fn is_effect(name: &str, arguments: &str, dir: &Path) -> bool {
    let shown = dir.to_string_lossy();
    let path = arguments.split('"').nth(1);
    let is_inside = arguments.contains(&*shown) || path.is_some_and(|path| !path.starts_with('/'));
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| arguments.contains(flag));
    is_inside
        && match name {
            "openat" | "open" => writes || arguments.contains("state.log") || arguments.contains(RESULTS),
            "read" => arguments.contains("state.log") || arguments.contains(RESULTS),
            "execve" => false,
            _ => true,
        }
}

fn check(origin: &Case, fault: &Fault) -> Result<(), String> {
    let trial = Trial::of(origin);
    let disturbed = trial.with(fault)?;
    let code = disturbed.status.code();
    if code == Some(0) {
        return Err(format!("claims success: {disturbed}"));
    }
    let is_told = disturbed.stderr.contains("error") || disturbed.stdout.contains("job-failed");
    // Who cannot write can say nothing.
    if fault.what != KILL && !is_told && !(fault.lasts && fault.name.contains("write")) {
        return Err(format!("fails without a word: {disturbed}"));
    }
    fs::write(trial.dir.path().join("ok"), "").unwrap();
    let next = trial.run().ok_or("the next run hangs")?;
    let context = || format!("\n-- next: {next}\n-- disturbed: {disturbed}");
    if next.status.code() != Some(0) {
        return Err(format!("the next run fails{}", context()));
    }
    for (path, text) in RIGHT {
        let found = trial.read(path);
        if found != text {
            return Err(format!("{path} is {found:?}{}", context()));
        }
    }
    if trial.dir.path().join("copy.txt").exists() {
        return Err(format!("a temporary file stays{}", context()));
    }
    if !trial.holds("mine\n") {
        return Err(format!("what the user wrote is lost{}", context()));
    }
    let further = trial.run().ok_or("the further run hangs")?;
    if further.status.code() != Some(0) || further.stdout.contains("job-started") {
        return Err(format!("the further run: {further}{}", context()));
    }
    Ok(())
}

const KILL: &str = "signal=KILL";

/// What a call meets, and whether all that follow meet it, too: a disk stays full.
const KINDS: [(&str, bool); 4] =
    [(KILL, false), ("error=ENOSPC", false), ("error=ENOSPC", true), ("error=EIO", false)];

#[test]
fn after_any_call_that_kills_or_fails_the_next_run_is_right() {
    go_through(before(), |_| true, 90, 1, check);
}

/// The log that is written anew in place of a long one, and the directories of old runs that go: half of either must
/// neither lose what is on record nor stand in the way.
#[test]
fn so_it_is_where_the_log_is_compacted_and_old_runs_are_removed() {
    let origin = before_compaction();
    let length = |root: &Path| fs::metadata(root.join(".rulemake/state.log")).unwrap().len();
    let trial = Trial::of(&origin);
    assert_eq!(trial.run().unwrap().status.code(), Some(1), "a job fails");
    let (before, after) = (length(origin.root()), length(trial.dir.path()));
    assert!(after < before / 2, "the log was to be written anew: {before} bytes, then {after}");
    let runs = |root: &Path| -> BTreeSet<u32> {
        let names =
            fs::read_dir(root.join(".rulemake/runs")).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_str().unwrap().parse().unwrap()).collect()
    };
    let gone: Vec<u32> = runs(origin.root()).difference(&runs(trial.dir.path())).copied().collect();
    assert!(!gone.is_empty() && gone.iter().all(|run| *run < 9), "old runs go, and no others: {gone:?}");
    // Those of the new log and of whole directories of runs; `jobs/<n>.log` and the like are those of the other test.
    let wanted = |call: &str| {
        let concerns_old =
            (1..9).any(|run| call.contains(&format!("/{run}\"")) || call.contains(&format!("runs/{run}>")));
        call.contains("state.log.new") || call.contains("rulemake/runs") && concerns_old
    };
    go_through(origin, wanted, 60, 1, check);
}

#[expect(clippy::disallowed_methods, reason = "a test may be told how much to try")]
fn go_through(
    origin: Case,
    wanted: fn(&str) -> bool,
    most: usize,
    expected: i32,
    check: fn(&Case, &Fault) -> Result<(), String>,
) {
    if program("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        eprintln!("strace is not installed: nothing is tested");
        return;
    }
    let Some(calls) = calls(&origin, wanted, expected) else { return };
    let mut faults: Vec<Fault> = Vec::new();
    for (name, ordinals) in calls {
        for nth in ordinals {
            for (what, lasts) in KINDS {
                faults.push(Fault { name: name.clone(), nth, what, lasts });
            }
        }
    }
    let all = faults.len();
    match std::env::var("RULEMAKE_FAULTS").unwrap_or_default().as_str() {
        "all" => {}
        "" => {
            // A few of each kind, however often a call is made.
            let step = all.div_ceil(most) | 1;
            faults = faults.into_iter().step_by(step).collect();
        }
        part => faults.retain(|fault| fault.to_string().contains(part)),
    }
    assert!(!faults.is_empty() || all > 0, "there is something to disturb");
    eprintln!("{} of {all} faults", faults.len());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = check(&origin, fault) {
                        wrong.lock().unwrap().push(format!("{fault}: {error}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} faults:\n{}", wrong.len(), faults.len(), wrong.join("\n\n"));
}

/// Where the results of [`before_restoring`] are kept.
const RESULTS: &str = ".results";

const RESTORED: &str = "\
rule all:
    input: 'cat.txt', 'tree', 'large.txt', 'mark'

rule copy:
    input: 'in'
    output: temp('copy.txt')
    shell: 'cp {input} {output}'

rule cat:
    input: 'copy.txt'
    output: 'cat.txt'
    log: 'logs/cat.log'
    shell: 'cat {input} {input} > {output}; echo done > {log}; echo said'

rule tree:
    input: 'in'
    output: directory('tree')
    shell: 'mkdir -p {output}/sub; cp {input} {output}/a; cp {input} {output}/sub/b'

rule large:
    input: 'in'
    output: 'large.txt'
    # Each of its programs fails when a write of it fails.
    shell: 'x=$(cat {input}); awk -v x=\"$x\" \"BEGIN {{ for (i = 0; i < 100000; i++) print x }}\" > {output}'

rule mark:
    input: 'cat.txt'
    output: touch('mark')
";

/// In the Rulefile of the run that is disturbed: something that is kept anew.
const NEW: &str = "
rule fresh:
    input: 'in'
    output: 'fresh.txt'
    shell: 'cp {input} {output}'
";

/// What was made once, then made otherwise, is to be restored.
fn before_restoring() -> Case {
    let settings = format!("[cache]\ndir = '{RESULTS}'\n");
    let case = Case::in_memory().rulefile(RESTORED).file("rulemake.toml", &settings).file("in", "0\n");
    let case = case.run(&[]).file("in", "1\n").run(&[]).file("in", "0\n");
    case.rulefile(&RESTORED.replace("'mark'\n\nrule copy", "'mark', 'fresh.txt'\n\nrule copy"))
        .append("Rulefile", NEW)
}

fn right_after_restoring(dir: &Path) -> Result<(), String> {
    let large = "0\n".repeat(100_000);
    let right = [
        ("cat.txt", "0\n0\n"),
        ("tree/a", "0\n"),
        ("tree/sub/b", "0\n"),
        ("large.txt", large.as_str()),
        ("fresh.txt", "0\n"),
        ("mark", ""),
    ];
    for (path, text) in right {
        match fs::read_to_string(dir.join(path)) {
            Ok(found) if found == text => {}
            Ok(found) => return Err(format!("{path} has {} bytes: {:.20}", found.len(), found)),
            Err(error) => return Err(format!("{path}: {error}")),
        }
    }
    Ok(())
}

/// The cache costs no result: a run that says it succeeded did, the next one is right, and so is what another project gets
/// from the cache afterwards.
fn check_restoring(origin: &Case, fault: &Fault) -> Result<(), String> {
    let trial = Trial::of(origin);
    let disturbed = trial.with(fault)?;
    if disturbed.status.code() == Some(0) {
        right_after_restoring(trial.dir.path())
            .map_err(|wrong| format!("claims success: {wrong}\n{disturbed}"))?;
    }
    let next = trial.run().ok_or("the next run hangs")?;
    let context = || format!("\n-- next: {next}\n-- disturbed: {disturbed}");
    if next.status.code() != Some(0) {
        return Err(format!("the next run fails{}", context()));
    }
    right_after_restoring(trial.dir.path()).map_err(|wrong| format!("{wrong}{}", context()))?;
    let further = trial.run().ok_or("the further run hangs")?;
    let does = ["job-started", "job-restored"].iter().any(|event| further.stdout.contains(event));
    if further.status.code() != Some(0) || does {
        return Err(format!("the further run: {further}{}", context()));
    }
    for made in ["cat.txt", "large.txt", "fresh.txt", "mark", "tree", ".rulemake"] {
        let path = trial.dir.path().join(made);
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    }
    let other = trial.run().ok_or("the run of the other project hangs")?;
    if other.status.code() != Some(0) {
        return Err(format!("the other project: {other}{}", context()));
    }
    right_after_restoring(trial.dir.path())
        .map_err(|wrong| format!("in the other project {wrong}{}", context()))
}

#[test]
fn whatever_happens_to_a_cache_its_results_are_right() {
    go_through(before_restoring(), |call| call.contains(RESULTS), 60, 0, check_restoring);
}

#[test]
fn a_run_that_restores_may_be_killed_anywhere() {
    go_through(before_restoring(), |call| !call.contains(RESULTS), 40, 0, check_restoring);
}

/// As [`before_restoring`], with nothing here: all has to come from the place that is shared, and what is new goes there, too.
fn before_sharing() -> Case {
    let case = before_restoring().remove(RESULTS);
    let settings = format!("[cache]\ndir = '{RESULTS}'\nshared = '{RESULTS}-shared'\npush = true\n");
    let case = case.remove(".rulemake").file("rulemake.toml", &settings).rulefile(RESTORED);
    let case = case.file("in", "0\n").run(&["--force-all"]).file("in", "1\n").run(&[]).file("in", "0\n");
    case.remove(RESULTS)
        .rulefile(&RESTORED.replace("'mark'\n\nrule copy", "'mark', 'fresh.txt'\n\nrule copy"))
        .append("Rulefile", NEW)
}

/// What is received is whole or not there, and so is what is shared: at whatever step either is cut short, what comes
/// of it here and for others is right.
#[test]
fn a_run_that_receives_and_shares_may_be_cut_short_anywhere() {
    go_through(before_sharing(), |call| call.contains(RESULTS), 60, 0, check_restoring);
}
