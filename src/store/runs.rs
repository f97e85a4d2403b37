//! The directories of single runs. Knows no log. Invariant: only directories named by a number are ever removed.
//!
//! `runs/<run>/run.log` what happened; `runs/<run>/events.jsonl` the same for programs; `runs/<run>/metrics.json` the values of metrics at its end;
//! `runs/<run>/onstart.log` what a hook printed; `runs/<run>/jobs/<job>.log` what a job
//! printed; `quarantine/<run>/` what failed jobs left; `saved/<run>/` outputs
//! that somebody else had changed, kept until the user removes them.

use crate::disk as fs;
use crate::error::{Error, Result};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes the directory of a run, with `jobs/` in it, and returns it.
pub(crate) fn run_dir(state_dir: &Path, run: u32) -> Result<PathBuf> {
    let dir = state_dir.join("runs").join(run.to_string());
    let jobs = dir.join("jobs");
    fs::create_dir_all(&jobs).map_err(|error| Error::io("create", &jobs, error))?;
    Ok(dir)
}

/// Where the logs of a run's jobs are. Touches nothing.
pub(crate) fn job_logs(state_dir: &Path, run: u32) -> PathBuf {
    state_dir.join("runs").join(run.to_string()).join("jobs")
}

/// The log of a job. Touches nothing.
pub(crate) fn job_log(state_dir: &Path, run: u32, job: u32) -> PathBuf {
    log_in(&job_logs(state_dir, run), job)
}

fn log_in(logs: &Path, job: u32) -> PathBuf {
    logs.join(format!("{job}.log"))
}

/// The log of a run: what happened, for people. Touches nothing.
pub(crate) fn run_log(state_dir: &Path, run: u32) -> PathBuf {
    state_dir.join("runs").join(run.to_string()).join("run.log")
}

/// The events of a run, a JSON object on each line. Touches nothing.
pub(crate) fn event_log(state_dir: &Path, run: u32) -> PathBuf {
    state_dir.join("runs").join(run.to_string()).join("events.jsonl")
}

/// What the metrics were at the end of a run. Touches nothing.
pub(crate) fn metrics(state_dir: &Path, run: u32) -> PathBuf {
    state_dir.join("runs").join(run.to_string()).join("metrics.json")
}

/// Writes a note beside a run's logs. Nothing depends on it, so a failure leaves none.
pub(crate) fn note(path: &Path, bytes: &[u8]) {
    if fs::write(path, bytes).is_err() {
        let _ = fs::remove_file(path);
    }
}

/// The log of what is done at a moment of a run. Touches nothing.
pub(crate) fn hook_log(state_dir: &Path, run: u32, hook: &str) -> PathBuf {
    state_dir.join("runs").join(run.to_string()).join(format!("{hook}.log"))
}

/// The open log of a run. What is written is in the file at once: hooks read it while the run goes on.
#[derive(Debug)]
pub(crate) struct RunLog(fs::File);

impl RunLog {
    pub(crate) fn create(path: PathBuf) -> Result<RunLog> {
        fs::File::create(&path).map(RunLog).map_err(|error| Error::io("create", &path, error))
    }

    /// Nothing depends on it, and where the disk is full the state log says so.
    pub(crate) fn write(&mut self, text: &[u8]) {
        let _ = self.0.write_all(text);
    }
}

/// At most so much of a log's end is looked at for its last lines.
const TAIL_BYTES: u64 = 64 << 10;

/// The text of a log; empty when the job wrote nothing, for then there is no file. Nor has a pipe or a device a text:
/// to open it could wait for a writer, to read it for ever.
pub(crate) fn read_log(log: &Path) -> Result<String> {
    if fs::metadata(log).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        return Ok(String::new());
    }
    match fs::read(log) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::io("read", log, error)),
    }
}

/// The last `lines` lines of a log, as far as they can be read: they are shown beside a failure, which counts more
/// than a failure to read them.
pub(crate) fn tail(log: &Path, lines: usize) -> Vec<String> {
    let Ok(mut file) = fs::File::open(log) else { return Vec::new() };
    let length = file.metadata().map_or(0, |m| m.len());
    let mut bytes = Vec::new();
    let start = length.saturating_sub(TAIL_BYTES);
    if file.seek(SeekFrom::Start(start)).and_then(|_| file.take(TAIL_BYTES).read_to_end(&mut bytes)).is_err()
    {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    let first = all.len().saturating_sub(lines);
    let mut last: Vec<String> = all[first..].iter().map(|line| (*line).to_string()).collect();
    if let Some(line) = last.first_mut().filter(|_| first == 0 && start > 0) {
        *line = end_of(line);
    }
    last
}

/// Characters shown of a line that begins before what was read.
const CUT_LINE: usize = 400;

/// Nobody knows how long the whole line is.
fn end_of(line: &str) -> String {
    let line = line.trim_start_matches(char::REPLACEMENT_CHARACTER);
    let start = line.char_indices().nth_back(CUT_LINE - 1).map_or(0, |(at, _)| at);
    format!("... {}", &line[start..])
}

/// Where partial outputs of failed jobs go. Touches nothing.
pub(crate) fn quarantine_dir(state_dir: &Path, run: u32) -> PathBuf {
    state_dir.join("quarantine").join(run.to_string())
}

/// Where outputs go that hold somebody else's work. Touches nothing.
pub(crate) fn saved_dir(state_dir: &Path, run: u32) -> PathBuf {
    state_dir.join("saved").join(run.to_string())
}

/// Where the files of one run lie: names that most jobs never need are made when they are. Touches nothing.
#[derive(Clone, Debug)]
pub(crate) struct RunPlaces {
    state_dir: Arc<Path>,
    /// Where the logs of its jobs are: each is asked for several times.
    logs: Arc<Path>,
    run: u32,
}

impl RunPlaces {
    pub(crate) fn new(state_dir: &Path, run: u32) -> RunPlaces {
        RunPlaces { state_dir: state_dir.into(), logs: job_logs(state_dir, run).into(), run }
    }

    pub(crate) fn job_log(&self, job: u32) -> PathBuf {
        log_in(&self.logs, job)
    }

    /// Where partial outputs of a job go.
    pub(crate) fn partial(&self, job: u32) -> PathBuf {
        quarantine_dir(&self.state_dir, self.run).join(job.to_string())
    }

    /// Where logs of earlier runs go that are in the way.
    pub(crate) fn old_logs(&self) -> PathBuf {
        quarantine_dir(&self.state_dir, self.run).join("old-logs")
    }

    /// Where outputs go that hold somebody else's work.
    pub(crate) fn saved(&self) -> PathBuf {
        saved_dir(&self.state_dir, self.run)
    }
}

/// Removes the logs and the quarantine of all but the last `keep` runs. `saved/` is never touched.
pub(crate) fn prune_runs(state_dir: &Path, keep: usize) -> Result<()> {
    let runs = newest_first(state_dir)?;
    let Some(&oldest_kept) = runs.get(keep.saturating_sub(1)) else { return Ok(()) };
    for place in ["runs", "quarantine"] {
        let place = state_dir.join(place);
        for run in numbered(&place)?.into_iter().filter(|&run| run < oldest_kept || keep == 0) {
            let dir = place.join(run.to_string());
            fs::remove_dir_all(&dir).map_err(|error| Error::io("remove", &dir, error))?;
        }
    }
    Ok(())
}

/// The runs that have a directory. Touches nothing.
pub(crate) fn newest_first(state_dir: &Path) -> Result<Vec<u32>> {
    let mut runs = numbered(&state_dir.join("runs"))?;
    runs.sort_unstable_by(|a, b| b.cmp(a));
    Ok(runs)
}

/// The highest number that any run has a directory for.
pub(super) fn highest(state_dir: &Path) -> u32 {
    ["runs", "quarantine", "saved"]
        .iter()
        .filter_map(|place| numbered(&state_dir.join(place)).ok())
        .flatten()
        .max()
        .unwrap_or(0)
}

/// Real directories whose name is a number as we write it.
fn numbered(dir: &Path) -> Result<Vec<u32>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", dir, error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Error::io("read", dir, error))?;
        let Some(run) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && entry.file_name() == *run.to_string() {
            found.push(run);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_numbered_directories_are_pruned() {
        let dir = tempfile::tempdir().unwrap();
        for run in [1, 2, 9, 10] {
            run_dir(dir.path(), run).unwrap();
            fs::create_dir_all(quarantine_dir(dir.path(), run)).unwrap();
            fs::create_dir_all(saved_dir(dir.path(), run)).unwrap();
        }
        fs::create_dir(dir.path().join("runs/007")).unwrap();
        fs::write(dir.path().join("runs/3"), "a file").unwrap();
        prune_runs(dir.path(), 2).unwrap();
        let mut left = numbered(&dir.path().join("runs")).unwrap();
        left.sort_unstable();
        assert_eq!(left, [9, 10]);
        assert!(dir.path().join("runs/007").exists() && dir.path().join("runs/3").exists());
        assert!(!quarantine_dir(dir.path(), 1).exists() && quarantine_dir(dir.path(), 9).exists());
        assert!(saved_dir(dir.path(), 1).exists(), "the user's own work is never pruned");
        assert_eq!(highest(dir.path()), 10);
        prune_runs(dir.path(), 5).unwrap();
        assert!(run_dir(dir.path(), 9).unwrap().join("jobs").is_dir());
    }

    /// Promise: a piece of a line is told as one, and it is the end, where errors stand.
    #[test]
    fn a_line_longer_than_what_is_read_shows_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        fs::write(&log, format!("FIRST\n{}END\n", "ä".repeat(100_000))).unwrap();
        assert_eq!(tail(&log, 20), [format!("... {}END", "ä".repeat(397))]);
        fs::write(&log, format!("FIRST\n{}END\nlast\n", "x".repeat(100_000))).unwrap();
        assert_eq!(tail(&log, 20), [format!("... {}END", "x".repeat(397)), "last".to_string()]);
        assert_eq!(tail(&log, 1), ["last"]);
        fs::write(&log, "a\nb\n").unwrap();
        assert_eq!(tail(&log, 20), ["a", "b"]);
    }

    #[test]
    fn pruning_nothing_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        prune_runs(dir.path(), 3).unwrap();
        prune_runs(dir.path(), 0).unwrap();
    }
}
