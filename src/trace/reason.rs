//! Why a job must run.

use crate::base::digest::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// On record of a job that was to begin, and did not: the run was stopped, or what it waited for did not come to a good end. That
/// is no reason for anything.
pub(crate) const NOT_BEGUN: &str = "not begun";

/// On record of a job that ended well, but of which nobody knows what it read.
pub(crate) const INPUT_CHANGED: &str = "an input changed while it ran";

/// Why a job must run, with old and new where there is an old and a new.
///
/// The JSON form has a stable `reason` tag in kebab-case; new reasons may be added.
///
/// ```
/// # use rulemake::Reason;
/// let reason = Reason::ParamChanged { name: "min".into(), old: "5".into(), new: "6".into() };
/// assert_eq!(reason.to_string(), "param min changed: 5 -> 6");
/// assert_eq!(reason.tag(), "param-changed");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// Forced on the command line or by the caller.
    Forced,
    /// The rule has an action and no output: it runs each time.
    NoOutputs,
    /// An earlier run was killed while this job ran, so what it left is not trusted.
    Interrupted {
        /// Number of that run.
        run: u32,
    },
    /// A run that is going on executes this job just now; only who looks from outside sees it.
    RunningNow {
        /// Number of that run.
        run: u32,
        /// Whose run it is: process, host, since when.
        by: String,
    },
    /// The outputs belong to a job with another set of outputs.
    OutputSetChanged {
        /// Outputs that were recorded together with these, or are new.
        path: String,
    },
    /// The outputs exist, but nothing is known about how they were made.
    NoRecord,
    /// Never built before.
    NeverBuilt,
    /// The last attempt failed.
    FailedBefore {
        /// Number of that run.
        run: u32,
        /// What happened: `exit 1`, `signal 9`, `output not created`.
        outcome: String,
    },
    /// The command or another part of the rule's definition changed.
    CommandChanged {
        /// The old definition, if it is still on record.
        old: Option<String>,
        /// The new definition.
        new: String,
    },
    /// The content of the rule's script changed.
    ScriptChanged {
        /// The script.
        path: String,
        /// Its content at the last execution; `None` when another one was executed.
        old: Option<Digest>,
        /// Its content now.
        new: Digest,
    },
    /// The software environment that the rule names is another one.
    EnvironmentChanged {
        /// `conda`, `container` or `envmodules`.
        kind: String,
        /// What the rule names.
        name: String,
        /// Its description at the last execution; `None` when another one or none was used.
        old: Option<Digest>,
        /// Its description now.
        new: Digest,
    },
    /// A param that the command uses has another value.
    ParamChanged {
        /// Name of the param, or its position.
        name: String,
        /// Canonical old value.
        old: String,
        /// Canonical new value.
        new: String,
    },
    /// The command uses a param that it did not use before.
    ParamAdded {
        /// Name of the param, or its position.
        name: String,
        /// Canonical value.
        new: String,
    },
    /// The command no longer uses a param.
    ParamRemoved {
        /// Name of the param, or its position.
        name: String,
        /// Canonical value.
        old: String,
    },
    /// A wildcard that the command uses has another value.
    WildcardChanged {
        /// Name of the wildcard.
        name: String,
        /// Old value, if it was used before.
        old: Option<String>,
        /// New value, if it is still used.
        new: Option<String>,
    },
    /// A file is now an input.
    InputAdded {
        /// The input.
        path: String,
    },
    /// A file is no longer an input.
    InputRemoved {
        /// The former input.
        path: String,
    },
    /// The same inputs stand in another order, or under another name.
    InputsReordered,
    /// The content of an input changed.
    InputChanged {
        /// The input.
        path: String,
        /// Its content at the last execution.
        old: Digest,
        /// Its content now.
        new: Digest,
        /// The job that makes it; `None` for a source.
        by: Option<String>,
    },
    /// The content of an input counts, which did not when it was `ancient`.
    InputCounts {
        /// The input.
        path: String,
    },
    /// What `ensure` asks of an output is more or something else than before.
    RequirementChanged {
        /// The output.
        path: String,
        /// What was asked of it at the last execution.
        old: Option<String>,
        /// What is asked of it now.
        new: String,
    },
    /// An output does not exist.
    OutputMissing {
        /// The output.
        path: String,
    },
    /// An output was changed by somebody else.
    OutputModified {
        /// The output.
        path: String,
        /// What the job made.
        old: Digest,
        /// What is there now.
        new: Digest,
    },
    /// A directory is where a file is to be, or the other way round, or something that is neither.
    OutputKindChanged {
        /// The output.
        path: String,
        /// `regular file` or `directory`.
        expected: String,
    },
    /// It is up to date, but the lock file has another result of the same, which is wanted and can be had.
    OtherLocked {
        /// The output.
        path: String,
        /// What the lock file says.
        locked: Digest,
        /// What is here.
        here: Digest,
    },
    /// An output that need not be there is gone, and a job that must run reads it.
    NeededBy {
        /// The output.
        path: String,
        /// Title of that job.
        job: String,
    },
    /// It runs at the same time as a job that must run: a pipe or a service connects them.
    Together {
        /// Title of that job.
        job: String,
    },
}

impl Reason {
    /// What would have to be so for this reason to fall away, as the end of a sentence: `param min were 5`. `None` when
    /// nothing but a run helps.
    ///
    /// ```
    /// # use rulemake::Reason;
    /// let reason = Reason::ParamChanged { name: "min".into(), old: "5".into(), new: "6".into() };
    /// assert_eq!(reason.unless().as_deref(), Some("param min were 5"));
    /// assert_eq!(Reason::NeverBuilt.unless(), None);
    /// ```
    #[must_use]
    pub fn unless(&self) -> Option<String> {
        Some(match self {
            Reason::Forced => "it were not forced".into(),
            Reason::NoOutputs
            | Reason::Interrupted { .. }
            | Reason::RunningNow { .. }
            | Reason::NoRecord
            | Reason::NeverBuilt
            | Reason::FailedBefore { .. }
            | Reason::Together { .. }
            | Reason::NeededBy { .. } => return None,
            Reason::OutputSetChanged { .. } => "its outputs were those of before".into(),
            Reason::CommandChanged { .. } => "its command were as before".into(),
            Reason::ScriptChanged { path, old: Some(old), .. } => {
                format!("script {path} were {} again", old.short())
            }
            Reason::ScriptChanged { path, old: None, .. } => format!("script {path} were not used"),
            Reason::EnvironmentChanged { kind, name, old: Some(old), .. } => {
                format!("{kind} environment {name} were {} again", old.short())
            }
            Reason::EnvironmentChanged { kind, name, old: None, .. } => {
                format!("{kind} environment {name} were not used")
            }
            Reason::ParamChanged { name, old, .. } => format!("param {name} were {old}"),
            Reason::ParamAdded { name, .. } => format!("its command did not use param {name}"),
            Reason::ParamRemoved { name, old } => format!("its command used param {name} = {old}"),
            Reason::WildcardChanged { name, old: Some(old), .. } => format!("wildcard {name} were {old}"),
            Reason::WildcardChanged { name, old: None, .. } => {
                format!("its command did not use wildcard {name}")
            }
            Reason::InputAdded { path } => format!("{path} were no input"),
            Reason::InputRemoved { path } => format!("{path} were an input"),
            Reason::InputsReordered => "its inputs stood as before".into(),
            Reason::InputChanged { path, old, .. } => format!("{path} were {} again", old.short()),
            Reason::InputCounts { path } => format!("{path} were ancient"),
            Reason::RequirementChanged { path, old: Some(old), .. } => {
                format!("{path} were to be {old} as before")
            }
            Reason::RequirementChanged { path, old: None, .. } => format!("nothing were asked of {path}"),
            Reason::OutputMissing { path } => format!("{path} were there"),
            Reason::OutputModified { path, old, .. } => format!("{path} were {} again", old.short()),
            Reason::OutputKindChanged { path, expected } => format!("{path} were a {expected}"),
            Reason::OtherLocked { path, here, .. } => format!("{path} were locked as {}", here.short()),
        })
    }

    /// Whether it is only that somebody changed an output.
    pub(crate) fn is_edit(&self) -> bool {
        matches!(self, Reason::OutputModified { .. })
    }

    /// Whether it is one that follows from outputs that are not there, of the job or of those before it.
    pub(crate) fn may_be_of_absence(&self) -> bool {
        matches!(
            self,
            Reason::NeverBuilt | Reason::OutputMissing { .. } | Reason::InputChanged { by: Some(_), .. }
        )
    }

    /// Whether the files as they are could be taken for the result all the same.
    pub(crate) fn may_be_accepted(&self) -> bool {
        !matches!(
            self,
            Reason::Forced
                | Reason::NoOutputs
                | Reason::Interrupted { .. }
                | Reason::RunningNow { .. }
                | Reason::NeverBuilt
                | Reason::OutputMissing { .. }
                | Reason::OutputKindChanged { .. }
                | Reason::OtherLocked { .. }
                | Reason::Together { .. }
                | Reason::NeededBy { .. }
        )
    }

    /// The stable kebab-case tag, as in JSON.
    ///
    /// ```
    /// # use rulemake::Reason;
    /// assert_eq!(Reason::NeverBuilt.tag(), "never-built");
    /// ```
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self {
            Reason::Forced => "forced",
            Reason::NoOutputs => "no-outputs",
            Reason::Interrupted { .. } => "interrupted",
            Reason::RunningNow { .. } => "running-now",
            Reason::OutputSetChanged { .. } => "output-set-changed",
            Reason::NoRecord => "no-record",
            Reason::NeverBuilt => "never-built",
            Reason::FailedBefore { .. } => "failed-before",
            Reason::CommandChanged { .. } => "command-changed",
            Reason::ScriptChanged { .. } => "script-changed",
            Reason::EnvironmentChanged { .. } => "environment-changed",
            Reason::ParamChanged { .. } => "param-changed",
            Reason::ParamAdded { .. } => "param-added",
            Reason::ParamRemoved { .. } => "param-removed",
            Reason::WildcardChanged { .. } => "wildcard-changed",
            Reason::InputAdded { .. } => "input-added",
            Reason::InputRemoved { .. } => "input-removed",
            Reason::InputsReordered => "inputs-reordered",
            Reason::InputChanged { .. } => "input-changed",
            Reason::InputCounts { .. } => "input-counts",
            Reason::RequirementChanged { .. } => "requirement-changed",
            Reason::OutputMissing { .. } => "output-missing",
            Reason::OutputModified { .. } => "output-modified",
            Reason::OutputKindChanged { .. } => "output-kind-changed",
            Reason::OtherLocked { .. } => "other-locked",
            Reason::NeededBy { .. } => "needed-by",
            Reason::Together { .. } => "together",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Forced => write!(f, "forced"),
            Reason::NoOutputs => write!(f, "the rule has no outputs, so it runs each time"),
            Reason::Interrupted { run } => write!(f, "run {run} was interrupted while this job ran"),
            Reason::RunningNow { run, by } => write!(f, "it is running now, in run {run}: {by}"),
            Reason::OutputSetChanged { path } => write!(f, "the set of outputs changed at {path}"),
            Reason::NoRecord => write!(f, "outputs exist but there is no record of how they were made"),
            Reason::NeverBuilt => write!(f, "never built"),
            Reason::FailedBefore { run, outcome } if outcome == "cancelled" => {
                write!(f, "stopped in run {run}")
            }
            Reason::FailedBefore { run, outcome } if outcome == "interrupted" => {
                write!(f, "run {run} was interrupted while this job ran")
            }
            Reason::FailedBefore { run, outcome } if outcome == INPUT_CHANGED => {
                write!(f, "{outcome}, in run {run}")
            }
            Reason::FailedBefore { run, outcome } => write!(f, "failed in run {run} ({outcome})"),
            Reason::CommandChanged { .. } => write!(f, "command changed"),
            Reason::ScriptChanged { path, old: Some(_), .. } => write!(f, "script {path} changed"),
            Reason::ScriptChanged { path, old: None, .. } => write!(f, "script {path} is new"),
            Reason::EnvironmentChanged { kind, name, old: Some(_), .. } => {
                write!(f, "{kind} environment {name} changed")
            }
            Reason::EnvironmentChanged { kind, name, old: None, .. } => {
                write!(f, "{kind} environment {name} was not used before")
            }
            Reason::ParamChanged { name, old, new } => write!(f, "param {name} changed: {old} -> {new}"),
            Reason::ParamAdded { name, new } => write!(f, "param {name} is new: {new}"),
            Reason::ParamRemoved { name, old } => write!(f, "param {name} is gone: {old}"),
            Reason::WildcardChanged { name, old, new } => {
                let (old, new) = (old.as_deref().unwrap_or("unused"), new.as_deref().unwrap_or("unused"));
                write!(f, "wildcard {name} changed: {old} -> {new}")
            }
            Reason::InputAdded { path } => write!(f, "input {path} is new"),
            Reason::InputRemoved { path } => write!(f, "input {path} is no longer used"),
            Reason::InputsReordered => write!(f, "the order or the names of the inputs changed"),
            Reason::InputChanged { path, by: None, .. } => write!(f, "input {path} changed"),
            Reason::InputChanged { path, by: Some(job), .. } => {
                // The job's title mostly ends in this very path; its rule may be called as the path, too.
                let rule = job.strip_suffix(path.as_str()).map_or(job.as_str(), str::trim_end);
                match path.split(['/', '.']).any(|part| part == rule) || rule.is_empty() {
                    true => write!(f, "input {path} changed"),
                    false => write!(f, "input {path} changed (made by {rule})"),
                }
            }
            Reason::InputCounts { path } => {
                write!(f, "the content of input {path} counts, which was ancient before")
            }
            Reason::RequirementChanged { path, old: None, new } => {
                write!(f, "output {path} is now to be checked: {new}")
            }
            Reason::RequirementChanged { path, old: Some(old), new } => {
                write!(f, "what is asked of output {path} changed: {old} -> {new}")
            }
            Reason::OutputMissing { path } => write!(f, "output {path} is missing"),
            Reason::OutputModified { path, .. } => write!(f, "output {path} was modified by hand"),
            Reason::OutputKindChanged { path, expected } => write!(f, "output {path} is not a {expected}"),
            Reason::OtherLocked { path, .. } => write!(f, "Rulefile.lock has another result of {path}"),
            Reason::NeededBy { path, job } => write!(f, "{path} is gone, and {job} needs it"),
            Reason::Together { job } => write!(f, "it runs together with {job}"),
        }
    }
}
