//! Scenarios through the real binary: a directory, steps that change it, runs, and what each run did.
//!
//! ```ignore
//! Case::new()
//!     .rulefile("rule a:\n    input: 'in'\n    output: 'out'\n    shell: 'cp {input} {output}'\n")
//!     .file("in", "1\n")
//!     .run(&["out"]).ran(&["a out"])
//!     .run(&["out"]).ran(&[]).up_to_date(1);
//! ```
//!
//! Every step gives the case back; a step that does not hold panics with the whole output of the last run.

#![expect(dead_code, reason = "each test crate uses another part")]

pub(crate) mod schema;
pub(crate) mod surroundings;
#[cfg(target_os = "linux")]
pub(crate) mod terminal;

use filetime::FileTime;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
pub(crate) use surroundings::program;
use tempfile::{NamedTempFile, TempDir};

/// How long a test waits for something that must come, on a machine that does other things too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with a Rulefile, and the last run in it.
pub(crate) struct Case {
    dir: TempDir,
    env: Vec<(String, String)>,
    last: Option<Ran>,
}

/// Makes a directory that is to be shared, as one does it on purpose.
pub(crate) fn make_shared(path: &str) {
    let mut command = program(env!("CARGO_BIN_EXE_rulemake"));
    let made = command.args(["cache", "init", path]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Waits for something that lasts once it is there.
#[track_caller]
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it does not come: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What one call of the binary did.
pub(crate) struct Ran {
    pub(crate) args: Vec<String>,
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The lines of a `--json` run; empty for other calls.
    pub(crate) events: Vec<Value>,
}

impl Case {
    pub(crate) fn new() -> Case {
        Case { dir: TempDir::new().unwrap(), env: Vec::new(), last: None }
    }

    /// In memory where there is such a directory: for tests of which each run would otherwise wait for a disk.
    pub(crate) fn in_memory() -> Case {
        let dir = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        Case { dir, env: Vec::new(), last: None }
    }

    // Steps that change the directory.

    pub(crate) fn rulefile(self, text: &str) -> Case {
        self.file("Rulefile", text)
    }

    /// Writes a file and the directories above it.
    pub(crate) fn file(self, path: &str, text: &str) -> Case {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn append(self, path: &str, text: &str) -> Case {
        let old = self.read(path);
        self.file(path, &(old + text))
    }

    /// Copies a directory of the repository with all that is in it, for example `examples/weather`.
    pub(crate) fn copy_of(self, dir: &str) -> Case {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        let mut todo = vec![from.clone()];
        while let Some(dir) = todo.pop() {
            for entry in fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
                let path = entry.unwrap().path();
                let to = self.root().join(path.strip_prefix(&from).unwrap());
                // Who followed the README before the tests has built the example in its place.
                if path.ends_with("results") || path.ends_with(".rulemake") {
                    continue;
                }
                if path.is_dir() {
                    fs::create_dir_all(to).unwrap();
                    todo.push(path);
                } else {
                    fs::copy(path, to).unwrap();
                }
            }
        }
        self
    }

    /// Replaces a piece of a file that must be there.
    pub(crate) fn edit(self, path: &str, from: &str, to: &str) -> Case {
        let old = self.read(path);
        assert!(old.contains(from), "{path} does not contain {from:?}:\n{old}");
        self.file(path, &old.replace(from, to))
    }

    /// Writes other content and puts the old modification time back, as `rsync -t` and `tar` may do.
    pub(crate) fn file_with_old_mtime(self, path: &str, text: &str) -> Case {
        let time = FileTime::from_last_modification_time(&fs::metadata(self.path(path)).unwrap());
        let case = self.file(path, text);
        filetime::set_file_mtime(case.path(path), time).unwrap();
        case
    }

    /// Sets the modification time, in seconds since the epoch; the file must be there.
    pub(crate) fn touch(self, path: &str, seconds: i64) -> Case {
        filetime::set_file_mtime(self.path(path), FileTime::from_unix_time(seconds, 0)).unwrap();
        self
    }

    /// Removes a file or a whole directory.
    pub(crate) fn remove(self, path: &str) -> Case {
        let full = self.path(path);
        let result = if full.is_dir() { fs::remove_dir_all(&full) } else { fs::remove_file(&full) };
        result.unwrap_or_else(|e| panic!("cannot remove {path}: {e}"));
        self
    }

    pub(crate) fn rename(self, from: &str, to: &str) -> Case {
        let to = self.path(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(self.path(from), to).unwrap();
        self
    }

    /// A variable for the following runs.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Case {
        self.env.push((name.into(), value.into()));
        self
    }

    // Calls of the binary.

    /// Runs with `--json`; it must succeed.
    #[track_caller]
    pub(crate) fn run(self, args: &[&str]) -> Case {
        self.run_with_code(args, 0)
    }

    /// Runs with `--json`; it must end with this code.
    #[track_caller]
    pub(crate) fn run_with_code(self, args: &[&str], code: i32) -> Case {
        let all: Vec<&str> = std::iter::once("--json").chain(args.iter().copied()).collect();
        let mut case = self.call_with_code(&all, code);
        if let Some(ran) = &mut case.last {
            ran.events = parse_events(&ran.stdout).unwrap_or_else(|e| panic!("{e}\n{ran}"));
            ran.assert_consistent();
        }
        case
    }

    /// Calls any command as people do, without `--json`; it must succeed.
    #[track_caller]
    pub(crate) fn call(self, args: &[&str]) -> Case {
        self.call_with_code(args, 0)
    }

    #[track_caller]
    pub(crate) fn call_with_code(mut self, args: &[&str], code: i32) -> Case {
        let output = self.command(args).output().unwrap();
        let ran = Ran::new(args, &output);
        assert!(ran.code == Some(code), "expected exit code {code}\n{ran}");
        self.last = Some(ran);
        self
    }

    /// The binary, ready to be started by the test itself (to signal it, to start two).
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program(env!("CARGO_BIN_EXE_rulemake"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env("NO_COLOR", "1")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Starts the binary with `--json` in the background. It writes to files, so it never waits for its reader.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let all: Vec<&str> = std::iter::once("--json").chain(args.iter().copied()).collect();
        let [stdout, stderr] = [(); 2].map(|()| NamedTempFile::new().unwrap());
        let mut command = self.command(&all);
        command.stdout(stdout.reopen().unwrap()).stderr(stderr.reopen().unwrap());
        let child = command.spawn().unwrap();
        Running { args: all.iter().map(|a| (*a).to_string()).collect(), child, stdout, stderr }
    }

    /// The verdicts of `-n --json`: `(rule first-output, verdict)` of each job that executes something. Nothing may
    /// be written by it.
    #[track_caller]
    pub(crate) fn plan(&self, args: &[&str]) -> Vec<(String, String)> {
        let all: Vec<&str> = ["-n", "--json"].iter().chain(args).copied().collect();
        let ran = Ran::new(&all, &self.command(&all).output().unwrap());
        assert!(ran.code == Some(0), "the plan failed\n{ran}");
        let plan: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}\n{ran}"));
        let jobs = plan["jobs"].as_array().unwrap();
        let active = jobs.iter().filter(|job| job["has_action"] == true);
        active.map(|job| (title(&job["job"]), job["verdict"].as_str().unwrap().to_string())).collect()
    }

    /// Waits until a file is there that a running job makes.
    #[track_caller]
    pub(crate) fn wait_for(&self, path: &str) {
        until(path, || self.path(path).exists());
    }

    // What the last run did.

    /// Exactly these jobs ran and ended well: `rule first-output`, in any order.
    #[track_caller]
    pub(crate) fn ran(self, jobs: &[&str]) -> Case {
        self.assert_jobs("ran", "job-finished", jobs, |_| true)
    }

    /// Exactly these jobs came out of the cache: `rule first-output`, in any order.
    #[track_caller]
    pub(crate) fn restored(self, jobs: &[&str]) -> Case {
        self.assert_jobs("restored", "job-restored", jobs, |_| true)
    }

    /// These jobs ran in this order, among others.
    #[track_caller]
    pub(crate) fn ran_in_order(self, jobs: &[&str]) -> Case {
        let started = self.last().jobs("job-started", |_| true);
        let places: Vec<_> = jobs.iter().map(|job| started.iter().position(|s| s == job)).collect();
        let in_order = places.iter().all(Option::is_some) && places.is_sorted();
        assert!(in_order, "expected in this order: {jobs:?}, started: {started:?}\n{}", self.last());
        self
    }

    /// Exactly these jobs ran and made what was there before.
    #[track_caller]
    pub(crate) fn unchanged(self, jobs: &[&str]) -> Case {
        self.assert_jobs("unchanged", "job-finished", jobs, |e| e["unchanged"] == true)
    }

    /// Exactly these jobs failed for good.
    #[track_caller]
    pub(crate) fn failed(self, jobs: &[&str]) -> Case {
        self.assert_jobs("failed", "job-failed", jobs, |e| e["retry"] == false)
    }

    /// Exactly these jobs did not run because of a failure or a stop.
    #[track_caller]
    pub(crate) fn skipped(self, jobs: &[&str]) -> Case {
        self.assert_jobs("skipped", "job-skipped", jobs, |_| true)
    }

    /// So many jobs were checked and need not run.
    #[track_caller]
    pub(crate) fn up_to_date(self, count: usize) -> Case {
        let jobs = self.last().up_to_date();
        assert!(jobs.len() == count, "expected {count} up to date, found {jobs:?}\n{}", self.last());
        self
    }

    /// The job started for this reason (its tag), among others.
    #[track_caller]
    pub(crate) fn because(self, job: &str, reason: &str) -> Case {
        let found: Vec<String> = self
            .last()
            .of("job-started")
            .filter(|e| title(&e["job"]) == job)
            .flat_map(|e| e["reasons"].as_array().cloned().unwrap_or_default())
            .filter_map(|r| r["reason"].as_str().map(str::to_string))
            .collect();
        assert!(
            found.iter().any(|r| r == reason),
            "`{job}` ran for {found:?}, not {reason:?}\n{}",
            self.last()
        );
        self
    }

    #[track_caller]
    pub(crate) fn warned(self, part: &str) -> Case {
        let found =
            self.last().of("warning").any(|e| e["message"].as_str().is_some_and(|m| m.contains(part)));
        assert!(found, "no warning with {part:?}\n{}", self.last());
        self
    }

    #[track_caller]
    pub(crate) fn stdout_lacks(self, part: &str) -> Case {
        assert!(!self.last().stdout.contains(part), "stdout says {part:?}\n{}", self.last());
        self
    }

    #[track_caller]
    pub(crate) fn stdout_has(self, part: &str) -> Case {
        assert!(self.last().stdout.contains(part), "stdout has no {part:?}\n{}", self.last());
        self
    }

    #[track_caller]
    pub(crate) fn stderr_has(self, part: &str) -> Case {
        assert!(self.last().stderr.contains(part), "stderr has no {part:?}\n{}", self.last());
        self
    }

    // What the directory holds.

    #[track_caller]
    pub(crate) fn has(self, path: &str, text: &str) -> Case {
        assert_eq!(self.read(path), text, "content of {path}");
        self
    }

    #[track_caller]
    pub(crate) fn has_not(self, path: &str) -> Case {
        assert!(fs::symlink_metadata(self.path(path)).is_err(), "{path} is there");
        self
    }

    /// All files under a directory, sorted, without `.rulemake/`.
    pub(crate) fn files(&self, dir: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        let mut todo = vec![self.path(dir)];
        while let Some(dir) = todo.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|t| t.is_dir()) {
                    if entry.file_name() != ".rulemake" {
                        todo.push(path);
                    }
                } else if let Ok(relative) = path.strip_prefix(self.dir.path()) {
                    let text = relative.to_string_lossy();
                    found.insert(if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() });
                }
            }
        }
        found.into_iter().collect()
    }

    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|e| panic!("cannot read {path}: {e}"))
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    #[track_caller]
    pub(crate) fn last(&self) -> &Ran {
        self.last.as_ref().expect("nothing was run yet")
    }

    #[track_caller]
    fn assert_jobs(self, what: &str, event: &str, jobs: &[&str], wanted: impl Fn(&Value) -> bool) -> Case {
        let mut found = self.last().jobs(event, wanted);
        let mut expected: Vec<String> = jobs.iter().map(|j| (*j).to_string()).collect();
        found.sort();
        expected.sort();
        assert!(found == expected, "{what}: expected {expected:?}, found {found:?}\n{}", self.last());
        self
    }
}

/// A call of the binary that goes on.
pub(crate) struct Running {
    args: Vec<String>,
    pub(crate) child: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

impl Running {
    /// Sends a signal by its name (`INT`) to the binary alone, as `kill` does.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// What it said on standard error so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.stderr.path()).unwrap()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if start.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("rulemake {} does not end\n{}", self.args.join(" "), self.said());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let code = self.child.wait().unwrap().code();
        let [stdout, stderr] =
            [&self.stdout, &self.stderr].map(|file| fs::read_to_string(file.path()).unwrap());
        let events = parse_events(&stdout).unwrap_or_default();
        Ran { args: self.args, code, stdout, stderr, events }
    }
}

impl Ran {
    fn new(args: &[&str], output: &Output) -> Ran {
        Ran {
            args: args.iter().map(|a| (*a).to_string()).collect(),
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            events: Vec::new(),
        }
    }

    /// The events of one kind.
    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events.iter().filter(move |e| e["event"] == kind)
    }

    /// The jobs of the events of one kind, in order.
    pub(crate) fn jobs(&self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
        let job = |event: &Value| match kind {
            "job-failed" => title(&event["failure"]["job"]),
            _ => title(&event["job"]),
        };
        self.of(kind).filter(|e| wanted(e)).map(job).collect()
    }

    /// The jobs that were told to be up to date, without those of which that was taken back.
    fn up_to_date(&self) -> Vec<String> {
        let mut jobs = self.jobs("job-up-to-date", |_| true);
        for job in self.jobs("job-reopened", |e| e["was_up_to_date"] == true) {
            let at = jobs.iter().position(|known| *known == job);
            jobs.remove(at.unwrap_or_else(|| panic!("{job} is reopened and was not up to date\n{self}")));
        }
        jobs
    }

    /// The promises that every run keeps: one order without gaps, reasons for each job, counts that can be
    /// recounted from the events.
    #[track_caller]
    fn assert_consistent(&self) {
        if self.of("run-started").next().is_none() {
            return;
        }
        for (i, event) in self.events.iter().enumerate() {
            assert!(event["seq"] == i && event["v"] == 1, "event {i} has another number\n{self}");
        }
        for event in self.of("job-started") {
            let reasons = event["reasons"].as_array();
            assert!(reasons.is_some_and(|r| !r.is_empty()), "a job runs without a reason: {event}\n{self}");
        }
        let Some(end) = self.of("run-finished").next() else { panic!("the run has no end\n{self}") };
        let counts = [
            ("ran", self.of("job-finished").count()),
            ("restored", self.of("job-restored").count()),
            ("up_to_date", self.up_to_date().len()),
            ("failed", self.of("job-failed").filter(|e| e["retry"] == false).count()),
        ];
        for (name, count) in counts {
            assert!(end["summary"][name] == count, "{name} is {count} by the events\n{self}");
        }
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        let _ = writeln!(text, "--- rulemake {} -> {:?}", self.args.join(" "), self.code);
        let _ =
            writeln!(text, "--- stdout\n{}\n--- stderr\n{}", self.stdout.trim_end(), self.stderr.trim_end());
        f.write_str(&text)
    }
}

/// `rule first-output`, or the rule alone.
pub(crate) fn title(job: &Value) -> String {
    let rule = job["rule"].as_str().unwrap_or("?");
    match job["outputs"][0].as_str() {
        Some(output) => format!("{rule} {output}"),
        None => rule.to_string(),
    }
}

/// The lines of a `--json` run, each as the published schema says.
pub(crate) fn parse_events(stdout: &str) -> Result<Vec<Value>, String> {
    let parse = |line: &str| {
        let event: Value = serde_json::from_str(line).map_err(|e| format!("not JSON: {line:?}: {e}"))?;
        // What kept a run from its beginning is told by the command, and is no event of a run.
        if event["event"] == "error" {
            return Ok(event);
        }
        schema::check_event(&event).map(|()| event)
    };
    stdout.lines().filter(|l| !l.trim().is_empty()).map(parse).collect()
}
