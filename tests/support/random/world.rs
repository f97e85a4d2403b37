//! A directory with a random workflow, and the oracle: what each run has to do, by the contents of files alone.

use super::drivers::{Choice, Driver, Ran, cache_of};
use super::growing::{self, Growing, GrowingChange};
use super::model::{File, Shape, Workflow};
use super::support::Case;
use filetime::FileTime;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

#[derive(Clone, Debug)]
pub(crate) enum Change {
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
    SwapParams(Index),
    /// The rule is called something else.
    Rename(Index, u8),
    SwapInputs(Index),
    AddInput(Index, Index),
    DropInput(Index, Index),
    /// So many bytes of the state's log are lost.
    Tear(u16),
    /// A bit of the state's log is another one.
    Flip(Index, u8),
    Fails(Index, bool),
    Temp(Index, bool),
    Growing(GrowingChange),
}

/// What the oracle remembers of a success: all that the job saw and made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Success {
    command: String,
    params: Option<(u8, u8)>,
    inputs: Vec<(File, String)>,
    made: Vec<String>,
}

/// The files of a moment.
#[derive(Clone, Default)]
struct Files {
    content: BTreeMap<File, String>,
    /// What counts for readers: the content, or what a marker stands for.
    meaning: BTreeMap<File, String>,
}

impl Files {
    fn of(sources: BTreeMap<File, String>) -> Files {
        Files { meaning: sources.clone(), content: sources }
    }

    fn add(&mut self, job: usize, made: &Success) {
        for (k, text) in made.made.iter().enumerate() {
            let file = File::Output(job, k);
            let is_marker = k == 0 && Shape::of(job) == Shape::Marker;
            let meaning = if is_marker { made.as_marker() } else { text.clone() };
            self.content.insert(file, text.clone());
            self.meaning.insert(file, meaning);
        }
    }
}

impl Success {
    fn as_marker(&self) -> String {
        format!("{} {:?} {:?}", self.command, self.params, self.inputs)
    }
}

#[derive(Default, Debug, PartialEq, Eq)]
pub(crate) struct Did {
    ran: BTreeSet<usize>,
    failed: BTreeSet<usize>,
    skipped: BTreeSet<usize>,
}

impl Did {
    fn executed(&self, n: usize) -> bool {
        self.ran.contains(&n) || self.failed.contains(&n)
    }

    /// By the events of a run.
    fn of(events: &[serde_json::Value]) -> Did {
        let jobs_of = |kind: &str| -> BTreeSet<usize> {
            let chosen = events.iter().filter(|e| e["event"] == kind);
            let job = |e: &'_ serde_json::Value| match kind {
                "job-failed" => e["failure"]["job"].clone(),
                _ => e["job"].clone(),
            };
            let jobs = chosen.map(job).filter(|job| !growing::is_grown(job));
            jobs.map(|job| number(job["rule"].as_str().unwrap())).collect()
        };
        Did { ran: jobs_of("job-finished"), failed: jobs_of("job-failed"), skipped: jobs_of("job-skipped") }
    }
}

pub(crate) struct World {
    /// All that was made and is in the cache, where there is one.
    kept: BTreeSet<(usize, Success)>,
    pub(crate) case: Case,
    driver: Driver,
    pub(crate) workflow: Workflow,
    successes: BTreeMap<usize, Success>,
    pub(crate) failed: BTreeSet<usize>,
    growing: Growing,
    /// The state's log was harmed: what is on record is not known.
    is_harmed: bool,
}

impl World {
    pub(crate) fn new(workflow: Workflow, driver: Driver) -> World {
        let growing = Growing::default();
        let case = Case::in_memory().rulefile(&(workflow.rulefile() + &growing.rules())).env("LC_ALL", "C");
        fs::create_dir(case.path("fail")).unwrap();
        fs::create_dir(case.path("seen")).unwrap();
        for i in 0..workflow.sources {
            fs::write(case.path(&File::Source(i).path()), format!("{i}\na\n")).unwrap();
        }
        World {
            kept: BTreeSet::new(),
            case,
            driver,
            workflow,
            successes: BTreeMap::new(),
            failed: BTreeSet::new(),
            growing,
            is_harmed: false,
        }
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

    pub(crate) fn apply(&mut self, change: &Change) {
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
                let path = self.case.path(&output(index).output());
                let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
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
                self.workflow.jobs[job].params.0 = *n;
            }
            Change::SwapParams(index) => {
                let job = job(index);
                let (p, q) = &mut self.workflow.jobs[job].params;
                std::mem::swap(p, q);
            }
            Change::Rename(index, n) => {
                let job = job(index);
                self.workflow.jobs[job].name = *n;
            }
            Change::AddInput(index, which) => {
                let job = job(index);
                let at = which.index(self.workflow.sources + job);
                let file = self.workflow.file(at);
                let inputs = &mut self.workflow.jobs[job].inputs;
                if !inputs.contains(&file) {
                    inputs.push(file);
                }
            }
            Change::DropInput(index, which) => {
                let job = job(index);
                let inputs = &mut self.workflow.jobs[job].inputs;
                if inputs.len() > 1 {
                    inputs.remove(which.index(inputs.len()));
                }
            }
            Change::Tear(bytes) => {
                let log = self.case.path(".rulemake/state.log");
                let file = fs::OpenOptions::new().write(true).open(log).unwrap();
                let left = file.metadata().unwrap().len().saturating_sub((*bytes).into());
                file.set_len(left).unwrap();
                self.is_harmed = true;
            }
            Change::Flip(at, bit) => {
                let log = self.case.path(".rulemake/state.log");
                let mut bytes = fs::read(&log).unwrap();
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] ^= 1 << bit;
                    fs::write(log, bytes).unwrap();
                    self.is_harmed = true;
                }
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

    /// Who knows nothing of what is on record: nothing fails, everything is made, and then it is known again.
    pub(crate) fn recover(&mut self) -> Result<(), TestCaseError> {
        (0..self.workflow.jobs.len()).for_each(|job| self.set_fails(job, false));
        let before = self.sources();
        let ran =
            self.driver.run(&self.case, &self.workflow, &self.growing, None, &Choice::processors(2), None);
        prop_assert_eq!(ran.code, Some(0), "the run after the loss\n{}", ran.told);
        let all = self.workflow.closure(None);
        self.check_files(&all, &Did::default(), &before, &ran.told)?;
        self.successes.clear();
        self.expect(&all, None);
        self.growing.forget();
        self.growing.expect(&self.case).check_files(&self.case, &ran.told)?;
        // What nobody else needs was not looked at yet.
        for target in (0..self.workflow.jobs.len()).filter(|job| !all.contains(job)) {
            let target = Some(File::Output(target, 0));
            let ran = self.driver.run(
                &self.case,
                &self.workflow,
                &self.growing,
                target,
                &Choice::processors(2),
                None,
            );
            prop_assert_eq!(ran.code, Some(0), "the run after the loss\n{}", ran.told);
            let jobs = self.workflow.closure(target);
            self.check_files(&jobs, &Did::default(), &before, &ran.told)?;
            self.expect(&jobs, target);
        }
        self.failed.clear();
        self.is_harmed = false;
        Ok(())
    }

    /// A run with options: its plan keeps its promises, and what it makes is right.
    pub(crate) fn run_with(&mut self, choice: &Choice) -> Result<(), TestCaseError> {
        if self.is_harmed {
            self.recover()?;
        }
        (0..self.workflow.jobs.len()).for_each(|job| self.set_fails(job, false));
        let plan = self.driver.plan(&self.case, &self.workflow, &self.growing, None, choice);
        let before = self.sources();
        let Ran { code, events, told } =
            self.driver.run(&self.case, &self.workflow, &self.growing, None, choice, None);
        let told = format!("{choice:?}\n{told}");
        prop_assert_eq!(code, Some(0), "the exit code\n{}", told);
        let did = Did::of(&events);
        let ran: Vec<usize> = did.ran.iter().copied().collect();
        // What somebody edited is an input like any other while it is kept.
        if !choice.keep_edited {
            self.check_files(&ran, &did, &before, &told)?;
        }
        let plan: Vec<_> = plan.into_iter().filter(|(title, _)| title.starts_with('j')).collect();
        let planned =
            |n: &usize| plan.iter().any(|(title, _)| number(title.split(' ').next().unwrap()) == *n);
        prop_assert!(ran.iter().all(planned), "a job ran that was not in the plan\n{}", told);
        check_plan(&self.workflow, &plan, &did, &told)?;
        if choice.keep_edited {
            // What was adopted goes again.
            let all = Choice { force_all: true, ..Choice::processors(2) };
            self.driver.run(&self.case, &self.workflow, &self.growing, None, &all, None);
        }
        // What is on record now is another question.
        self.is_harmed = true;
        Ok(())
    }

    /// Does a run and kills it after so many moments: from then on nothing that it did has happened.
    pub(crate) fn killed(&mut self, moment: u16) {
        let driver = self.driver;
        driver.run(&self.case, &self.workflow, &self.growing, None, &Choice::processors(2), Some(moment));
        self.is_harmed = true;
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
        let mut files = Files::of(self.sources());
        for &n in jobs {
            let now = self.success(n, &files);
            files.add(n, &now);
            let is_there = (0..now.made.len()).all(|k| {
                let file = File::Output(n, k);
                let may_be_gone = self.is_removed(file, target);
                self.read(file).map_or(may_be_gone, |text| text == now.made[k])
            });
            if self.successes.get(&n) != Some(&now) || !is_there || self.failed.contains(&n) {
                stale.insert(n);
            }
        }
        // What needs the output of a job that fails is never looked at.
        let mut lost: BTreeSet<usize> = BTreeSet::new();
        let mut skipped: BTreeSet<usize> = BTreeSet::new();
        for &n in jobs {
            let is_lost = |file: &File| matches!(file, File::Output(p, _) if lost.contains(p));
            let job = &self.workflow.jobs[n];
            if job.inputs.iter().any(is_lost) {
                skipped.insert(n);
                lost.insert(n);
            } else if stale.contains(&n) && job.fails {
                lost.insert(n);
            }
        }
        for &n in jobs.iter().rev() {
            if !stale.contains(&n) && !needed.contains(&n) || skipped.contains(&n) {
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

    fn success(&self, n: usize, files: &Files) -> Success {
        let job = &self.workflow.jobs[n];
        let contents: Vec<String> = job.inputs.iter().map(|f| files.content[f].clone()).collect();
        Success {
            command: self.driver.identity(job, n),
            params: job.uses_params.then_some(job.params),
            made: job.make(n, &contents),
            inputs: job.inputs.iter().map(|f| (*f, files.meaning[f].clone())).collect(),
        }
    }

    /// What a run of `jobs` must do from here, by the contents of files alone.
    pub(crate) fn expect(&mut self, jobs: &[usize], target: Option<File>) -> Did {
        let (stale, needed) = self.decide(jobs, target);
        // Who is needed and fails makes the rest a matter of who was checked first.
        needed.iter().for_each(|n| self.set_fails(*n, false));
        let mut did = Did::default();
        let mut files = Files::of(self.sources());
        for &n in jobs {
            let now = self.success(n, &files);
            files.add(n, &now);
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

    pub(crate) fn run(&mut self, target: Option<File>, processors: u8) -> Result<(), TestCaseError> {
        if self.is_harmed {
            self.recover()?;
        }
        let jobs = self.workflow.closure(target);
        let choice = Choice::processors(processors);
        let plan = self.driver.plan(&self.case, &self.workflow, &self.growing, target, &choice);
        let before = self.sources();
        let were_there: BTreeSet<File> =
            self.workflow.outputs().into_iter().filter(|file| self.read(*file).is_some()).collect();
        let expected = self.expect(&jobs, target);
        let grown = target.is_none().then(|| self.growing.expect(&self.case));
        let Ran { code, events, told } =
            self.driver.run(&self.case, &self.workflow, &self.growing, target, &choice, None);
        let did = Did::of(&events);
        prop_assert_eq!(&did, &expected, "the jobs of the run\n{}", told);
        prop_assert_eq!(code, Some(i32::from(!did.failed.is_empty())), "the exit code\n{}", told);
        self.check_files(&jobs, &did, &before, &told)?;
        self.check_temps(&jobs, target, &did, &were_there, &told)?;
        let (plan, plan_grown): (Vec<_>, Vec<_>) =
            plan.into_iter().partition(|(title, _)| title.starts_with('j'));
        if let Some(grown) = grown {
            grown.check(&self.case, &events, &plan_grown, &told)?;
        }
        check_plan(&self.workflow, &plan, &did, &told)
    }

    /// A run with a cache: what it makes is right, what it restores is what would be made, nothing runs whose result is kept,
    /// the plan keeps its promises, and a second run has nothing to do.
    pub(crate) fn run_cached(&mut self, target: Option<File>, processors: u8) -> Result<(), TestCaseError> {
        let jobs = self.workflow.closure(target);
        let choice = Choice::processors(processors);
        let plan = self.driver.plan(&self.case, &self.workflow, &self.growing, target, &choice);
        let before = self.sources();
        let Ran { code, events, told } =
            self.driver.run(&self.case, &self.workflow, &self.growing, target, &choice, None);
        let did = Did::of(&events);
        prop_assert_eq!(code, Some(i32::from(!did.failed.is_empty())), "the exit code\n{}", told);
        self.check_files(&jobs, &did, &before, &told)?;
        let warned = |part: &str| {
            events.iter().any(|event| event["message"].as_str().is_some_and(|text| text.contains(part)))
        };
        let is_damaged = warned("was damaged in the cache");
        let mut files = Files::of(before);
        for &n in &jobs {
            let now = self.success(n, &files);
            files.add(n, &now);
            let is_lost = did.failed.contains(&n) || did.skipped.contains(&n);
            // Of temporary files only the digest is kept.
            if self.workflow.jobs[n].temp || is_lost {
                continue;
            }
            if did.ran.contains(&n) {
                let is_kept = self.kept.contains(&(n, now.clone()));
                prop_assert!(!is_kept || is_damaged, "j{} was made before, and is made again\n{}", n, told);
            }
            self.kept.insert((n, now));
        }
        let restored: BTreeSet<String> = events
            .iter()
            .filter(|event| event["event"] == "job-restored")
            .map(|event| super::support::title(&event["job"]))
            .collect();
        // Of what is found to be damaged no plan knows.
        let foretold = plan.iter().filter(|(title, _)| title.starts_with('j') && !is_damaged);
        for (title, verdict) in foretold {
            let n = number(title.split(' ').next().unwrap());
            let is_kept = match verdict.as_str() {
                "run" => {
                    // What runs before it may make what was made before.
                    let may_be_restored = restored.contains(title) && !did.ran.is_empty();
                    did.executed(n) || is_kept_by_failure(&self.workflow, &did, n) || may_be_restored
                }
                "restore" => restored.contains(title),
                "up-to-date" => !did.executed(n) && !restored.contains(title),
                _ => true,
            };
            prop_assert!(is_kept, "the plan said {} for {}\n{}", verdict, title, told);
        }
        if did.failed.is_empty() {
            let again = self.driver.run(&self.case, &self.workflow, &self.growing, target, &choice, None);
            let is_done = |event: &serde_json::Value| {
                matches!(event["event"].as_str(), Some("job-started" | "job-restored"))
                    && event["job"]["rule"].as_str().is_some_and(|rule| rule.starts_with('j'))
            };
            prop_assert!(!again.events.iter().any(is_done), "the second run\n{}\n{}", told, again.told);
        }
        Ok(())
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

/// What the plan said would run did, unless a failure kept it or the only job that needs it; what was up to date did not.
fn check_plan(
    workflow: &Workflow,
    plan: &[(String, String)],
    did: &Did,
    told: &str,
) -> Result<(), TestCaseError> {
    for (title, verdict) in plan {
        let n = number(title.split(' ').next().unwrap());
        let kept = match verdict.as_str() {
            "run" => did.executed(n) || is_kept_by_failure(workflow, did, n),
            "up-to-date" => !did.executed(n),
            _ => true,
        };
        prop_assert!(kept, "the plan said {} for {}\n{}", verdict, title, told);
    }
    Ok(())
}

/// Whether a job did not run because one before it failed, or because nobody needed its temporary file after all: those
/// who read it were kept.
fn is_kept_by_failure(workflow: &Workflow, did: &Did, n: usize) -> bool {
    let reads = |reader: &usize| workflow.jobs[*reader].inputs.contains(&File::Output(n, 0));
    let mut readers = (0..workflow.jobs.len()).filter(reads);
    did.skipped.contains(&n)
        || workflow.jobs[n].temp
            && readers.any(|reader| !did.executed(reader) && is_kept_by_failure(workflow, did, reader))
}

fn number(rule: &str) -> usize {
    rule.strip_prefix('j')
        .and_then(|n| n.trim_end_matches(['x', 'y']).parse().ok())
        .unwrap_or_else(|| panic!("rule {rule}"))
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

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(cache_of(&self.case));
    }
}
