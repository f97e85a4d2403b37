//! What is going on in a directory just now, for who looks on from outside.

use super::Session;
use crate::base::clock;
use crate::error::Result;
use crate::exec::survivors::{self, Mark};
use crate::store::{is_suspended, lock_holder, read, runs};
use crate::sys::processes::{self, Process};
use serde::Serialize;
use serde_json::Value as Json;

/// A run, as of the moment when it was asked about.
///
/// ```
/// use rulemake::{Session, Workflow};
/// let text = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
/// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
/// let status = session.status()?;
/// println!("{} of {} jobs are done", status.done, status.total);
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Version of the JSON form.
    pub v: u32,
    /// Whether a run is going on.
    pub running: bool,
    /// Whether it was stopped for a while, as by Ctrl-Z, as far as that can be told from here.
    pub suspended: bool,
    /// Who does it: `pid 17 on host h since 2026-02-28 13:05:09 UTC`; `None` when no run is going on.
    pub by: Option<String>,
    /// The run that is going on or was the last; `None` when it has not begun a job yet, or there was none.
    pub run: Option<u32>,
    /// When it began, in milliseconds since the Unix epoch; 0 when that is not known.
    pub since_ms: u64,
    /// Now, by the same clock.
    pub now_ms: u64,
    /// Jobs that have come to their end, with those that were up to date and those that failed.
    pub done: usize,
    /// Jobs in the plan.
    pub total: usize,
    /// Jobs that ran and ended well.
    pub ran: usize,
    /// Titles of jobs that failed for good, with what happened.
    pub failed: Vec<(String, String)>,
    /// Jobs that are running, the longest first.
    pub jobs: Vec<RunningJob>,
    /// Whether it ended because somebody stopped it.
    pub stopped: bool,
    /// When it ended; `None` while it goes on, and when it was killed.
    pub ended_ms: Option<u64>,
    /// Of a run that was killed, what is still alive of its jobs, as far as that can be told from here. The next run ends it
    /// before anything else.
    pub survivors: Vec<Survivor>,
}

/// A job that is running.
///
/// ```
/// use rulemake::inspect::RunningJob;
/// fn since(job: &RunningJob, now_ms: u64) -> String {
///     format!("{} for {} s", job.title, now_ms.saturating_sub(job.since_ms) / 1000)
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RunningJob {
    /// Its number in the run.
    pub id: u64,
    /// Rule and first output.
    pub title: String,
    /// When it was started, in milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Where its output goes, relative to the root.
    pub log: Option<String>,
}

/// A process of a job that outlived its run.
///
/// ```
/// use rulemake::inspect::Survivor;
/// fn how_to_end(survivor: &Survivor) -> String {
///     format!("kill -- -{}", survivor.group)
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Survivor {
    /// Rule and first output of the job; its number when no more is known.
    pub title: String,
    /// The process.
    pub pid: u32,
    /// Its process group, by which all of a job is reached.
    pub group: u32,
    /// The words of its command, with spaces between.
    pub command: String,
}

impl Session {
    /// What is going on in the directory, or how the last run ended. Takes no lock and writes nothing.
    ///
    /// ```
    /// # use rulemake::{Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n")?;
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-status-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// let session = Session::builder(workflow).root(&root).open()?;
    /// let status = session.status()?;
    /// assert_eq!((status.running, status.run), (false, None));
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    ///
    /// # Errors
    /// [`Environment`](crate::ErrorKind::Environment) when the state cannot be read.
    pub fn status(&self) -> Result<Status> {
        let state_dir = self.state_dir();
        // In this order: a run that ends in between is told as ended.
        let holder = lock_holder(&state_dir);
        let loaded = read(&state_dir)?;
        let mut status = Status { v: 1, now_ms: clock::wall_ms(), ..Status::default() };
        let going_on = loaded.view.running_now().map(|running| (running.run, running.by.clone()));
        if let Some((run, by)) = &going_on {
            status.running = true;
            (status.run, status.by) = (Some(*run), Some(by.clone()));
        } else if let Some((by, since_ms)) = holder {
            (status.running, status.by, status.since_ms) = (true, Some(by), since_ms);
            status.suspended = status.by.as_deref().is_some_and(is_suspended);
            return Ok(status);
        } else {
            // What was accepted has a number, too, but did not run.
            status.run = runs::newest_first(&state_dir)?.first().copied().filter(|run| *run > 0);
        }
        status.suspended = status.by.as_deref().is_some_and(is_suspended);
        let Some(run) = status.run else { return Ok(status) };
        let text = runs::read_log(&runs::event_log(&state_dir, run))?;
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).for_each(|event| status.take(&event));
        if going_on.is_none() {
            let unended = std::mem::take(&mut status.jobs);
            status.survivors = self.survivors(&loaded.view.in_flight(), &unended);
        }
        Ok(status)
    }

    /// What is alive of `jobs` (run and number), which a killed run left in flight.
    fn survivors(&self, jobs: &[(u32, u32)], told: &[RunningJob]) -> Vec<Survivor> {
        let Some(mark) = Mark::of(&self.state_dir()).filter(|_| !jobs.is_empty()) else { return Vec::new() };
        let entry = |(run, job): &(u32, u32)| format!("{}={}", survivors::VARIABLE, mark.job(*run, *job));
        let entries: Vec<String> = jobs.iter().map(entry).collect();
        let title = |job: u32| {
            let known = told.iter().find(|known| known.id == u64::from(job));
            known.map_or_else(|| format!("job {job}"), |known| known.title.clone())
        };
        let survivor = |(at, process): (usize, Process)| {
            let Process { pid, group, command } = process;
            Survivor { title: title(jobs[at].1), pid, group, command }
        };
        processes::with_entry(&entries).into_iter().map(survivor).collect()
    }
}

impl Status {
    /// Takes the next event of the run, as it was noted.
    fn take(&mut self, event: &Json) {
        let number = |name: &str| event[name].as_u64().unwrap_or(0);
        (self.done, self.total) = (number("done") as usize, number("total") as usize);
        let time_ms = number("time_ms");
        match event["event"].as_str().unwrap_or_default() {
            "run-started" => self.since_ms = time_ms,
            "job-started" => {
                let job = &event["job"];
                let id = job["id"].as_u64().unwrap_or(0);
                self.end(id);
                let log = event["log"].as_str().map(str::to_string);
                self.jobs.push(RunningJob { id, title: title(job), since_ms: time_ms, log });
            }
            "job-finished" => {
                self.ran += 1;
                self.end(event["job"]["id"].as_u64().unwrap_or(0));
            }
            "job-skipped" => {
                self.stopped |= event["because"]["cause"] == "cancelled";
                self.end(event["job"]["id"].as_u64().unwrap_or(0));
            }
            "job-failed" => {
                let failure = &event["failure"];
                self.end(failure["job"]["id"].as_u64().unwrap_or(0));
                if event["retry"] != true {
                    let outcome = failure["outcome"].as_str().unwrap_or_default().to_string();
                    self.failed.push((title(&failure["job"]), outcome));
                }
            }
            "run-finished" => self.ended_ms = Some(time_ms),
            _ => {}
        }
    }

    fn end(&mut self, id: u64) {
        self.jobs.retain(|job| job.id != id);
    }
}

/// As [`JobInfo::title`](crate::JobInfo::title).
fn title(job: &Json) -> String {
    let rule = job["rule"].as_str().unwrap_or_default();
    match job["outputs"][0].as_str() {
        Some(output) => format!("{rule} {output}"),
        None => rule.to_string(),
    }
}
