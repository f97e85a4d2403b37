//! Random workflows and random histories against an oracle that knows nothing of digests, times and logs.
//!
//! After each run: every wanted file is what it would be if all were made from nothing; temporary ones are there exactly
//! while somebody may need them; the jobs that ran are exactly those that had to; the plan before it kept its promises;
//! a second run does nothing.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/growing.rs"]
mod growing;
mod support;

use filetime::FileTime;
use growing::{Growing, GrowingChange};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use support::Case;

/// A file: a source, or output 0 or 1 of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum File {
    Source(usize),
    Output(usize, usize),
}

impl File {
    fn path(self) -> String {
        match self {
            File::Source(i) => format!("s{i}"),
            File::Output(job, 0) => format!("o/j{job}"),
            File::Output(job, _) => format!("o/second/j{job}"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Cat,
    /// Cut off early most changes of what they read.
    First,
    Unique,
    WithoutA,
}

#[derive(Clone, Debug)]
struct Job {
    inputs: Vec<File>,
    kind: Kind,
    param: u8,
    uses_param: bool,
    /// A part of the command without an effect.
    variant: u8,
    second: bool,
    fails: bool,
    /// Its first output is temporary.
    temp: bool,
}

impl Job {
    fn outputs(&self) -> usize {
        1 + usize::from(self.second)
    }

    fn command(&self, number: usize) -> String {
        let (all, filter) = (
            "cat {input}",
            match self.kind {
                Kind::Cat => "cat",
                Kind::First => "sed -n 1p",
                Kind::Unique => "sort -u",
                Kind::WithoutA => "sed /a/d",
            },
        );
        let mut text = format!(": variant {}; {all} | {filter} > {{output[0]}}", self.variant);
        if self.uses_param {
            text.push_str("; echo {params.p} >> {output[0]}");
        }
        if self.second {
            text.push_str("; sed -n 1p {output[0]} > {output[1]}");
        }
        let _ = write!(text, "; test ! -e fail/j{number}");
        text
    }

    fn make(&self, inputs: &[String]) -> Vec<String> {
        let all = inputs.concat();
        let lines: Vec<&str> = all.lines().collect();
        let kept: Vec<&str> = match self.kind {
            Kind::Cat => lines,
            Kind::First => lines.into_iter().take(1).collect(),
            Kind::Unique => lines.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
            Kind::WithoutA => lines.into_iter().filter(|line| !line.contains('a')).collect(),
        };
        let mut text: String = kept.iter().map(|line| format!("{line}\n")).collect();
        if self.uses_param {
            let _ = writeln!(text, "{}", self.param);
        }
        let first = text.lines().next().map(|line| format!("{line}\n")).unwrap_or_default();
        let mut made = vec![text];
        if self.second {
            made.push(first);
        }
        made
    }
}

#[derive(Clone, Debug)]
struct Workflow {
    sources: usize,
    jobs: Vec<Job>,
}

impl Workflow {
    /// What `all` asks for: every output that is to be kept.
    fn kept(&self) -> Vec<File> {
        self.outputs().into_iter().filter(|file| !self.is_temp(*file)).collect()
    }

    fn is_temp(&self, file: File) -> bool {
        matches!(file, File::Output(job, 0) if self.jobs[job].temp)
    }

    fn rulefile(&self) -> String {
        let mut text = String::from("rule all:\n    input:\n        's0',\n        'o/grown',\n");
        for file in self.kept() {
            let _ = writeln!(text, "        '{}',", file.path());
        }
        for (number, job) in self.jobs.iter().enumerate() {
            let list = |files: Vec<File>| {
                files.iter().map(|f| format!("'{}'", f.path())).collect::<Vec<_>>().join(", ")
            };
            let outputs = (0..job.outputs()).map(|k| File::Output(number, k));
            let outputs = outputs.map(|file| match self.is_temp(file) {
                true => format!("temp('{}')", file.path()),
                false => format!("'{}'", file.path()),
            });
            let outputs = outputs.collect::<Vec<_>>().join(", ");
            let _ = write!(
                text,
                "\nrule j{number}:\n    input: {}\n    output: {}\n    params: p={}\n    shell: '{}'\n",
                list(job.inputs.clone()),
                outputs,
                job.param,
                job.command(number)
            );
        }
        text
    }

    fn outputs(&self) -> Vec<File> {
        let jobs = self.jobs.iter().enumerate();
        jobs.flat_map(|(n, job)| (0..job.outputs()).map(move |k| File::Output(n, k))).collect()
    }

    /// The jobs that a file needs. A job comes after those that it needs, so one pass backwards is enough.
    fn closure(&self, target: Option<File>) -> Vec<usize> {
        let mut wanted = vec![false; self.jobs.len()];
        for file in target.map_or(self.kept(), |target| vec![target]) {
            if let File::Output(job, _) = file {
                wanted[job] = true;
            }
        }
        for n in (0..self.jobs.len()).rev() {
            for input in self.jobs[n].inputs.iter().filter(|_| wanted[n]).collect::<Vec<_>>() {
                if let File::Output(job, _) = input {
                    wanted[*job] = true;
                }
            }
        }
        (0..self.jobs.len()).filter(|n| wanted[*n]).collect()
    }

    /// Every file, made from the sources alone.
    fn made_anew(&self, sources: &BTreeMap<File, String>) -> BTreeMap<File, String> {
        let mut files = sources.clone();
        for (n, job) in self.jobs.iter().enumerate() {
            let inputs: Vec<String> = job.inputs.iter().map(|f| files[f].clone()).collect();
            let made = job.make(&inputs).into_iter().enumerate();
            files.extend(made.map(|(k, text)| (File::Output(n, k), text)));
        }
        files
    }
}

#[derive(Clone, Debug)]
enum Change {
    Append(Index, u8),
    /// One of few contents, so that earlier ones come back.
    Content(Index, u8),
    Touch(Index, i64),
    /// Other content of the same size, an older time.
    OlderSameSize(Index),
    /// The same, by renaming another file over it.
    RenamedOver(Index),
    DeleteOutput(Index),
    EditOutput(Index),
    EditOutputSameSizeAndTime(Index),
    TouchOutput(Index),
    Param(Index, u8),
    Variant(Index, u8),
    SwapInputs(Index),
    Fails(Index, bool),
    Temp(Index, bool),
    Growing(GrowingChange),
}

#[derive(Clone, Debug)]
struct Round {
    changes: Vec<Change>,
    /// One output in particular, or all.
    target: Option<Index>,
    processors: u8,
}

fn job(number: usize, sources: usize) -> impl Strategy<Value = Job> {
    let kind = prop_oneof![Just(Kind::Cat), Just(Kind::First), Just(Kind::Unique), Just(Kind::WithoutA)];
    let inputs = prop::collection::vec(any::<Index>(), 1..4);
    (inputs, kind, 0..3u8, any::<(bool, bool)>(), prop::bool::weighted(0.3)).prop_map(
        move |(inputs, kind, param, (uses_param, second), temp)| {
            // Inputs come from the few files before it: layers of random depth.
            let files = sources + number;
            let mut chosen = Vec::new();
            for index in inputs {
                let at = index.index(files);
                let file = if at < sources { File::Source(at) } else { File::Output(at - sources, 0) };
                if !chosen.contains(&file) {
                    chosen.push(file);
                }
            }
            Job { inputs: chosen, kind, param, uses_param, variant: 0, second, fails: false, temp }
        },
    )
}

fn workflow() -> impl Strategy<Value = Workflow> {
    (3..9usize, 2..9usize).prop_flat_map(|(sources, jobs)| {
        let jobs: Vec<_> = (0..jobs).map(|number| job(number, sources)).collect();
        jobs.prop_map(move |jobs| Workflow { sources, jobs })
    })
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        3 => (at(), 0..4u8).prop_map(|(i, n)| Change::Append(i, n)),
        2 => (at(), 0..3u8).prop_map(|(i, n)| Change::Content(i, n)),
        1 => (at(), 1_000_000_000..2_000_000_000i64).prop_map(|(i, t)| Change::Touch(i, t)),
        2 => at().prop_map(Change::OlderSameSize),
        1 => at().prop_map(Change::RenamedOver),
        1 => at().prop_map(Change::DeleteOutput),
        1 => at().prop_map(Change::EditOutput),
        1 => at().prop_map(Change::EditOutputSameSizeAndTime),
        1 => at().prop_map(Change::TouchOutput),
        1 => (at(), 0..3u8).prop_map(|(i, n)| Change::Param(i, n)),
        1 => (at(), 0..3u8).prop_map(|(i, n)| Change::Variant(i, n)),
        1 => at().prop_map(Change::SwapInputs),
        1 => (at(), any::<bool>()).prop_map(|(i, fails)| Change::Fails(i, fails)),
        1 => (at(), any::<bool>()).prop_map(|(i, temp)| Change::Temp(i, temp)),
        3 => growing::change().prop_map(Change::Growing),
    ]
}

fn round() -> impl Strategy<Value = Round> {
    let changes = prop::collection::vec(change(), 0..4);
    (changes, prop::option::weighted(0.3, any::<Index>()), 1..4u8)
        .prop_map(|(changes, target, processors)| Round { changes, target, processors })
}

/// What the oracle remembers of a success: all that the job saw and made.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Success {
    command: String,
    param: Option<u8>,
    inputs: Vec<(File, String)>,
    made: Vec<String>,
}

#[derive(Default, Debug, PartialEq, Eq)]
struct Did {
    ran: BTreeSet<usize>,
    failed: BTreeSet<usize>,
    skipped: BTreeSet<usize>,
}

struct World {
    case: Case,
    workflow: Workflow,
    successes: BTreeMap<usize, Success>,
    failed: BTreeSet<usize>,
    growing: Growing,
}

impl World {
    fn new(workflow: Workflow) -> World {
        let growing = Growing::default();
        let case = Case::new().rulefile(&(workflow.rulefile() + &growing.rules())).env("LC_ALL", "C");
        fs::create_dir(case.path("fail")).unwrap();
        for i in 0..workflow.sources {
            fs::write(case.path(&File::Source(i).path()), format!("{i}\na\n")).unwrap();
        }
        World { case, workflow, successes: BTreeMap::new(), failed: BTreeSet::new(), growing }
    }

    fn read(&self, file: File) -> Option<String> {
        fs::read_to_string(self.case.path(&file.path())).ok()
    }

    fn write(&self, file: File, text: &str) {
        let path = self.case.path(&file.path());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn sources(&self) -> BTreeMap<File, String> {
        (0..self.workflow.sources).map(File::Source).map(|f| (f, self.read(f).unwrap())).collect()
    }

    fn apply(&mut self, change: &Change) {
        let source = |index: &Index| File::Source(index.index(self.workflow.sources));
        let outputs = self.workflow.outputs();
        let output = |index: &Index| outputs[index.index(outputs.len())];
        let job = |index: &Index| index.index(self.workflow.jobs.len());
        match change {
            Change::Append(index, n) => {
                let file = source(index);
                let text = self.read(file).unwrap();
                self.write(file, &format!("{text}{}\n", ["a", "b", "ab", "0"][usize::from(*n)]));
            }
            Change::Content(index, n) => {
                self.write(source(index), ["", "a\nb\n", "0\n1\na\n"][usize::from(*n)])
            }
            Change::Touch(index, time) => self.set_time(source(index), *time),
            Change::OlderSameSize(index) => {
                let file = source(index);
                let text = flipped(&self.read(file).unwrap());
                self.write(file, &text);
                self.set_time(file, 1_000_000_000);
            }
            Change::RenamedOver(index) => {
                let file = source(index);
                let (text, time) = (flipped(&self.read(file).unwrap()), self.time(file));
                let other = self.case.path("other");
                fs::write(&other, text).unwrap();
                filetime::set_file_mtime(&other, time).unwrap();
                fs::rename(other, self.case.path(&file.path())).unwrap();
            }
            Change::DeleteOutput(index) => {
                let _ = fs::remove_file(self.case.path(&output(index).path()));
            }
            Change::EditOutput(index) => self.write(output(index), "edited\n"),
            Change::EditOutputSameSizeAndTime(index) => {
                let file = output(index);
                if let Some(text) = self.read(file) {
                    let time = self.time(file);
                    self.write(file, &flipped(&text));
                    filetime::set_file_mtime(self.case.path(&file.path()), time).unwrap();
                }
            }
            Change::TouchOutput(index) => {
                if self.read(output(index)).is_some() {
                    self.set_time(output(index), 1_500_000_000);
                }
            }
            Change::Param(index, n) => {
                let job = job(index);
                self.workflow.jobs[job].param = *n;
            }
            Change::Variant(index, n) => {
                let job = job(index);
                self.workflow.jobs[job].variant = *n;
            }
            Change::SwapInputs(index) => {
                let job = job(index);
                self.workflow.jobs[job].inputs.reverse();
            }
            Change::Fails(index, fails) => self.set_fails(job(index), *fails),
            Change::Temp(index, temp) => {
                let job = job(index);
                self.workflow.jobs[job].temp = *temp;
            }
            Change::Growing(change) => self.growing.apply(&self.case, change),
        }
        let text = self.workflow.rulefile() + &self.growing.rules();
        fs::write(self.case.path("Rulefile"), text).unwrap();
    }

    fn set_fails(&mut self, job: usize, fails: bool) {
        self.workflow.jobs[job].fails = fails;
        let switch = self.case.path(&format!("fail/j{job}"));
        if fails {
            fs::write(switch, "").unwrap();
        } else {
            let _ = fs::remove_file(switch);
        }
    }

    fn time(&self, file: File) -> FileTime {
        FileTime::from_last_modification_time(&fs::metadata(self.case.path(&file.path())).unwrap())
    }

    fn set_time(&self, file: File, seconds: i64) {
        filetime::set_file_mtime(self.case.path(&file.path()), FileTime::from_unix_time(seconds, 0)).unwrap();
    }

    /// The jobs that must run by what they read and made, and those that must make a temporary file again for them.
    fn decide(&self, jobs: &[usize], target: Option<File>) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let (mut stale, mut needed) = (BTreeSet::new(), BTreeSet::new());
        let mut files = self.sources();
        for &n in jobs {
            let now = self.success(n, &files);
            files.extend((0..).zip(&now.made).map(|(k, text)| (File::Output(n, k), text.clone())));
            let is_there = (0..now.made.len()).all(|k| {
                let file = File::Output(n, k);
                let may_be_gone = self.is_removed(file, target);
                self.read(file).map_or(may_be_gone, |text| text == now.made[k])
            });
            if self.successes.get(&n) != Some(&now) || !is_there || self.failed.contains(&n) {
                stale.insert(n);
            }
        }
        for &n in jobs.iter().rev().filter(|n| !self.workflow.jobs[**n].inputs.is_empty()) {
            if !stale.contains(&n) && !needed.contains(&n) {
                continue;
            }
            for input in &self.workflow.jobs[n].inputs {
                if let File::Output(p, _) = input
                    && !stale.contains(p)
                    && self.read(*input).is_none()
                {
                    needed.insert(*p);
                }
            }
        }
        (stale, needed)
    }

    /// Whether the file goes when nobody needs it.
    fn is_removed(&self, file: File, target: Option<File>) -> bool {
        let is_wanted = match (target, file) {
            (Some(File::Output(job, _)), File::Output(own, _)) => job == own,
            _ => false,
        };
        self.workflow.is_temp(file) && !is_wanted
    }

    fn success(&self, n: usize, files: &BTreeMap<File, String>) -> Success {
        let job = &self.workflow.jobs[n];
        let inputs: Vec<(File, String)> = job.inputs.iter().map(|f| (*f, files[f].clone())).collect();
        Success {
            command: job.command(n),
            param: job.uses_param.then_some(job.param),
            made: job.make(&inputs.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>()),
            inputs,
        }
    }

    /// What a run of `jobs` must do from here, by the contents of files alone.
    fn expect(&mut self, jobs: &[usize], target: Option<File>) -> Did {
        let (stale, needed) = self.decide(jobs, target);
        // Who is needed and fails makes the rest a matter of who was checked first.
        needed.iter().for_each(|n| self.set_fails(*n, false));
        let mut did = Did::default();
        let mut files = self.sources();
        for &n in jobs {
            let now = self.success(n, &files);
            files.extend((0..).zip(&now.made).map(|(k, text)| (File::Output(n, k), text.clone())));
            let lost = |f: &File| matches!(f, File::Output(p, _) if did.failed.contains(p) || did.skipped.contains(p));
            if now.inputs.iter().any(|(file, _)| lost(file)) {
                did.skipped.insert(n);
            } else if !stale.contains(&n) && !needed.contains(&n) {
                // Nothing to do.
            } else if self.workflow.jobs[n].fails {
                did.failed.insert(n);
                self.failed.insert(n);
            } else {
                did.ran.insert(n);
                self.failed.remove(&n);
                self.successes.insert(n, now);
            }
        }
        did
    }

    fn run(&mut self, target: Option<File>, processors: u8) -> Result<(), TestCaseError> {
        let jobs = self.workflow.closure(target);
        let path = target.map(File::path);
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        let plan = self.case.plan(&args);
        let before = self.sources();
        let were_there: BTreeSet<File> =
            self.workflow.outputs().into_iter().filter(|file| self.read(*file).is_some()).collect();
        let expected = self.expect(&jobs, target);
        let grown = target.is_none().then(|| self.growing.expect(&self.case));
        let processors = format!("-j{processors}");
        args.extend(["-k", &processors, "--json"]);
        let output = self.case.command(&args).output().unwrap();
        let told = format!(
            "{}\n{}{}",
            self.case.read("Rulefile"),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let events = support::parse_events(&String::from_utf8_lossy(&output.stdout)).unwrap();
        let jobs_of = |kind: &str| -> BTreeSet<usize> {
            let chosen = events.iter().filter(|e| e["event"] == kind);
            let job = |e: &'_ serde_json::Value| match kind {
                "job-failed" => e["failure"]["job"].clone(),
                _ => e["job"].clone(),
            };
            let jobs = chosen.map(job).filter(|job| !growing::is_grown(job));
            jobs.map(|job| number(job["rule"].as_str().unwrap())).collect()
        };
        let did = Did {
            ran: jobs_of("job-finished"),
            failed: jobs_of("job-failed"),
            skipped: jobs_of("job-skipped"),
        };
        prop_assert_eq!(&did, &expected, "the jobs of the run\n{}", told);
        let code = i32::from(!did.failed.is_empty());
        prop_assert_eq!(output.status.code(), Some(code), "the exit code\n{}", told);
        self.check_files(&jobs, &did, &before, &told)?;
        self.check_temps(&jobs, target, &did, &were_there, &told)?;
        let (plan, plan_grown): (Vec<_>, Vec<_>) =
            plan.into_iter().partition(|(title, _)| title.starts_with('j'));
        if let Some(grown) = grown {
            grown.check(&self.case, &events, &plan_grown, &told)?;
        }
        check_plan(&plan, &did, &told)
    }

    fn check_files(
        &self,
        jobs: &[usize],
        did: &Did,
        before: &BTreeMap<File, String>,
        told: &str,
    ) -> Result<(), TestCaseError> {
        prop_assert_eq!(&self.sources(), before, "sources are nobody's to change\n{}", told);
        let right = self.workflow.made_anew(before);
        for &n in jobs {
            for file in (0..self.workflow.jobs[n].outputs()).map(|k| File::Output(n, k)) {
                if did.failed.contains(&n) {
                    prop_assert_eq!(self.read(file), None, "{} of a failed job\n{}", file.path(), told);
                } else if !(did.skipped.contains(&n)
                    || self.workflow.is_temp(file) && self.read(file).is_none())
                {
                    let right = right.get(&file).cloned();
                    prop_assert_eq!(self.read(file), right, "content of {}\n{}", file.path(), told);
                }
            }
        }
        Ok(())
    }
}

impl World {
    /// A temporary file is there exactly when somebody asked for it, or a job that reads it has not come to a good end.
    fn check_temps(
        &self,
        jobs: &[usize],
        target: Option<File>,
        did: &Did,
        were_there: &BTreeSet<File>,
        told: &str,
    ) -> Result<(), TestCaseError> {
        for &n in jobs.iter().filter(|n| self.workflow.jobs[**n].temp) {
            let file = File::Output(n, 0);
            let is_bad = |job: usize| did.failed.contains(&job) || did.skipped.contains(&job);
            if is_bad(n) {
                continue;
            }
            let mut readers = jobs.iter().filter(|r| self.workflow.jobs[**r].inputs.contains(&file));
            let is_needed = readers.any(|reader| is_bad(*reader));
            let stays = !self.is_removed(file, target) || is_needed;
            let is_made = did.ran.contains(&n) || were_there.contains(&file);
            prop_assert_eq!(
                self.read(file).is_some(),
                stays && is_made,
                "is {} there\n{}",
                file.path(),
                told
            );
        }
        Ok(())
    }
}

/// What the plan said would run did, unless a failure before it kept it; what was up to date did not.
fn check_plan(plan: &[(String, String)], did: &Did, told: &str) -> Result<(), TestCaseError> {
    for (title, verdict) in plan {
        let n = number(title.split(' ').next().unwrap());
        let executed = did.ran.contains(&n) || did.failed.contains(&n);
        let kept = match verdict.as_str() {
            "run" => executed || did.skipped.contains(&n),
            "up-to-date" => !executed,
            _ => true,
        };
        prop_assert!(kept, "the plan said {} for {}\n{}", verdict, title, told);
    }
    Ok(())
}

fn number(rule: &str) -> usize {
    rule.strip_prefix('j').and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("rule {rule}"))
}

/// Other content of the same size.
fn flipped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a' => 'b',
            'b' => 'a',
            '0'..='8' => char::from(c as u8 + 1),
            '9' => '0',
            other => other,
        })
        .collect()
}

fn history(workflow: Workflow, rounds: &[Round]) -> Result<(), TestCaseError> {
    let mut world = World::new(workflow);
    world.run(None, 2)?;
    for round in rounds {
        for change in &round.changes {
            world.apply(change);
        }
        let outputs = world.workflow.outputs();
        let target = round.target.map(|index| outputs[index.index(outputs.len())]);
        world.run(target, round.processors)?;
        let jobs = world.workflow.closure(target);
        if !jobs.iter().any(|n| world.failed.contains(n)) {
            let again = world.expect(&jobs, target);
            prop_assert_eq!(again, Did::default(), "the oracle itself comes to rest");
        }
        world.run(target, round.processors)?;
    }
    Ok(())
}

/// `RULEMAKE_CASES` asks for more.
#[expect(clippy::disallowed_methods, reason = "a test may be told how much to try")]
fn cases() -> u32 {
    std::env::var("RULEMAKE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(64)
}

/// Two runners at once: each case waits for processes most of the time.
#[test]
fn every_run_is_right_minimal_and_foretold() {
    let config = || Config {
        cases: cases().div_ceil(2),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let one = || {
        let strategy = (workflow(), prop::collection::vec(round(), 1..6));
        let result =
            TestRunner::new(config()).run(&strategy, |(workflow, rounds)| history(workflow, &rounds));
        result.map_err(|error| error.to_string())
    };
    let results = std::thread::scope(|scope| {
        let threads = [scope.spawn(one), scope.spawn(one)];
        threads.map(|thread| thread.join().unwrap())
    });
    for result in results {
        if let Err(error) = result {
            panic!("{error}");
        }
    }
}
