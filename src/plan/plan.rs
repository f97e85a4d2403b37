//! The plan: each job with its verdict, before anything runs.

use crate::base::digest::Digest;
use crate::diag::Diagnostic;
use crate::graph::info::JobInfo;
use crate::model::value::Value;
use crate::plan::orphans::Orphan;
use crate::trace::reason::Reason;
use serde::Serialize;

/// What is known about a job before the run. With early cutoff the truth is not always knowable in advance,
/// so there are more than two values: a [`Verdict::Run`] job runs, an [`Verdict::UpToDate`] job never does, a
/// [`Verdict::May`] job runs if what is made before it turns out different, and of a [`Verdict::AfterCheckpoint`] job
/// nothing can be said yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Will run.
    Run {
        /// Why; never empty, the most telling first.
        reasons: Vec<Reason>,
    },
    /// Will run only if an input turns out to be different.
    May {
        /// The inputs that will or may be made anew.
        #[serde(rename = "waits_for")]
        inputs: Vec<String>,
    },
    /// What it needs is not known before a checkpoint has run: it is not known whether it runs, and what else does.
    AfterCheckpoint {
        /// Titles of the checkpoints' jobs.
        #[serde(rename = "waits_for")]
        checkpoints: Vec<String>,
    },
    /// Will not run.
    UpToDate,
}

/// A job of a plan.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PlannedJob {
    /// The job; `job.id` is its index in [`Plan::jobs`].
    pub job: JobInfo,
    /// Its inputs in order.
    pub inputs: Vec<String>,
    /// What is known about it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The command that it would run, if it is a shell job.
    pub command: Option<String>,
    /// Whether the job executes anything: `false` for a rule that only names what it wants.
    pub has_action: bool,
    /// Jobs whose outputs it needs, by index.
    pub needs: Vec<u32>,
    /// Its outputs that are marked with `report(...)`. Never a reason to run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<ReportedFile>,
}

/// An output that is to be shown in a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReportedFile {
    /// The output.
    pub path: String,
    /// What is said of it: `caption`, `category`, `subcategory`, `labels`, `patterns`, `htmlindex`, as far as given and
    /// known, with the job's wildcards in them. The path of the caption starts from the root.
    pub about: Value,
    /// Why something of it is not known: a function failed, perhaps because it looks at a file that is still to be
    /// made, or a wildcard has no value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// Something besides the inputs of jobs that the plan rests on, because the Rulefile looked at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlanRead {
    /// `file`, `glob`, `exists`, `list`... as the Rulefile looked, `variable` of the environment, `host` for what else
    /// the machine says.
    pub kind: String,
    /// Path, pattern or name.
    pub what: String,
    /// The rule whose function looked at it; `None` when it was looked at while the Rulefile was loaded.
    pub rule: Option<String>,
    /// Whether it was there.
    pub found: bool,
    /// Digest of what was seen. None for a variable, whose value may be a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// All jobs that the targets need, in an order in which producers come first.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// Version of the JSON form.
    pub v: u32,
    /// The jobs.
    pub jobs: Vec<PlannedJob>,
    /// The files that the jobs read and no job makes.
    pub sources: Vec<String>,
    /// What else it rests on: what the Rulefile looked at while it was loaded, in order, then what functions of rules
    /// looked at so far, by rule.
    pub reads: Vec<PlanRead>,
    /// Sources that an earlier run made and no rule makes any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orphans: Vec<Orphan>,
    /// What is probably not as meant: rules that could not be taken because their functions failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Diagnostic>,
    /// The text for the front page of a report that `report:` names, from the root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

impl Verdict {
    /// The reason that says so when a run that is going on executes the job just now.
    pub(crate) fn running_now(&self) -> Option<&Reason> {
        let Verdict::Run { reasons } = self else { return None };
        reasons.iter().find(|reason| matches!(reason, Reason::RunningNow { .. }))
    }
}

impl Plan {
    /// How many jobs will run, may run, and are up to date; jobs without an action are not counted.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let mut counts = (0, 0, 0);
        for job in self.jobs.iter().filter(|j| j.has_action) {
            match job.verdict {
                Verdict::Run { .. } => counts.0 += 1,
                Verdict::May { .. } => counts.1 += 1,
                Verdict::UpToDate => counts.2 += 1,
                Verdict::AfterCheckpoint { .. } => {}
            }
        }
        counts
    }

    /// How many of the jobs that will run are executed just now, by a run that is going on.
    #[must_use]
    pub fn running(&self) -> usize {
        self.jobs.iter().filter(|job| job.verdict.running_now().is_some()).count()
    }

    /// How many jobs, with an action or not, wait for a checkpoint to say what they need.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let waits = |job: &&PlannedJob| matches!(job.verdict, Verdict::AfterCheckpoint { .. });
        self.jobs.iter().filter(waits).count()
    }
}
