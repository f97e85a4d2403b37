//! Processes of a run whose engine was killed: found by a mark in their environment, and ended.
//!
//! A killed engine cannot end its jobs. One that went on writing would write into the output of the job that is run
//! again. Knows no store: which jobs were in flight is told. Only Linux shows the environment of processes; elsewhere
//! nobody is found.

#[cfg(target_os = "linux")]
use crate::exec::executor::Signal;
#[cfg(target_os = "linux")]
use crate::sys::processes::{Process, with_entry};
use std::path::Path;
#[cfg(target_os = "linux")]
use std::time::Duration;

/// Variable that every job's processes inherit.
pub(crate) const VARIABLE: &str = "RULEMAKE_JOB";

#[cfg(target_os = "linux")]
const PAUSE: Duration = Duration::from_millis(20);
/// Two seconds for each signal.
#[cfg(target_os = "linux")]
const LOOKS: u32 = 100;

/// Tells the jobs of one state directory from those of all others, however the directory is spelled.
#[derive(Clone, Debug)]
pub(crate) struct Mark(String);

impl Mark {
    /// `None` where directories have no identity.
    pub(crate) fn of(state_dir: &Path) -> Option<Mark> {
        identity(state_dir).map(Mark)
    }

    /// The variable's value for one job.
    pub(crate) fn job(&self, run: u32, job: u32) -> String {
        format!("{}:{run}:{job}", self.0)
    }
}

#[cfg(unix)]
fn identity(dir: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(dir).ok()?;
    Some(format!("{}:{}", metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<String> {
    None
}

/// What became of the survivors.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Processes that were ended.
    pub(crate) pids: Vec<u32>,
    /// Processes that could not be ended in time.
    pub(crate) alive: Vec<u32>,
}

/// Ends the processes of `jobs` (run and number): asks first, kills after a while.
#[cfg(target_os = "linux")]
pub(crate) fn end(mark: &Mark, jobs: &[(u32, u32)]) -> Ended {
    let entries: Vec<String> =
        jobs.iter().map(|(run, job)| format!("{VARIABLE}={}", mark.job(*run, *job))).collect();
    let find = || with_entry(&entries).into_iter().map(|(_, process)| process).collect::<Vec<_>>();
    let mut ended = Ended::default();
    for signal in [Signal::Terminate, Signal::Kill] {
        let mut found = find();
        signal_groups(&found, signal.number());
        ended.pids.extend(found.iter().map(|process| process.pid));
        for _ in 0..LOOKS {
            if found.is_empty() {
                break;
            }
            std::thread::sleep(PAUSE);
            found = find();
        }
        ended.alive = found.iter().map(|process| process.pid).collect();
    }
    ended.pids.sort_unstable();
    ended.pids.dedup();
    ended
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn end(_: &Mark, _: &[(u32, u32)]) -> Ended {
    Ended::default()
}

/// Asks the groups of these processes.
#[cfg(target_os = "linux")]
fn signal_groups(processes: &[Process], signal: i32) {
    let mut groups: Vec<u32> =
        processes.iter().map(|process| process.group).filter(|group| *group > 1).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        // A group that is gone meanwhile is what is wanted.
        let _ = crate::sys::signal_group(group, signal);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    #[test]
    fn only_the_processes_of_the_named_jobs_are_ended() {
        let dir = tempfile::tempdir().unwrap();
        let mark = Mark::of(dir.path()).unwrap();
        let start = |job| {
            let mut command = Command::new("sleep");
            command.arg("60").env(VARIABLE, mark.job(3, job)).process_group(0);
            command.spawn().unwrap()
        };
        let (mut wanted, mut other) = (start(1), start(11));
        let ended = end(&mark, &[(3, 1)]);
        assert_eq!(ended, Ended { pids: vec![wanted.id()], alive: vec![] });
        assert!(!wanted.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "the other job goes on");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
