//! What changed since the last run, each change once, however many jobs it makes run.

use super::text::count;
use super::why::push_command_change;
use crate::base::digest::Digest;
use crate::diag::style::{Role, TextStyle, printable};
use crate::plan::plan::{Plan, Verdict};
use crate::trace::reason::Reason;
use indexmap::IndexMap;
use serde::Serialize;
use std::fmt::Write as _;

/// Paths that are shown of one kind of change.
const PATHS_SHOWN: usize = 20;

/// What changed since the last run, as far as it makes jobs of a plan run.
///
/// Changes that follow from others, as the content of a file that a job is about to make anew, are left out.
///
/// ```
/// # use rulemake::{Session, Workflow, RunOptions, TextStyle, report::Changes};
/// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
/// # let session = Session::builder(workflow).root(std::env::temp_dir()).open()?;
/// let changes = Changes::of(&session.plan(&["no-such.txt"], &RunOptions::default())?);
/// assert_eq!(changes.text(TextStyle::Plain), "new: 1 job that never ran (rule a)\n");
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Changes {
    /// Version of the JSON form.
    pub v: u32,
    /// The changes: sources first, then rules, then outputs.
    pub changes: Vec<ChangeFound>,
}

/// One change and how far it reaches.
///
/// ```
/// use rulemake::report::ChangeFound;
/// fn tell(change: &ChangeFound) -> String {
///     format!("{} jobs: {}", change.jobs, change.reason)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChangeFound {
    /// The rule, for changes of rules and jobs that never ran or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What changed.
    #[serde(flatten)]
    pub reason: Reason,
    /// How many jobs run because of it.
    pub jobs: usize,
}

/// The order in which kinds of changes are told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Group {
    Source,
    Rule,
    Inputs,
    Output,
    Job,
}

impl Changes {
    /// The changes that make jobs of `plan` run.
    ///
    /// ```
    /// # use rulemake::report::Changes;
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!(Changes::of(&plan).changes[0].jobs, 1);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn of(plan: &Plan) -> Changes {
        let mut found: IndexMap<(Group, Option<&str>, String), ChangeFound> = IndexMap::new();
        for job in plan.jobs() {
            let Verdict::Run { reasons } = job.verdict() else { continue };
            for reason in reasons {
                let Some(group) = group(reason) else { continue };
                let rule = (!matches!(group, Group::Source | Group::Output)).then_some(job.rule());
                // What was in a killed or failed run, and what is new, is counted, not listed.
                let key = match reason {
                    Reason::NeverBuilt | Reason::NoRecord | Reason::NoOutputs => reason.tag().to_string(),
                    Reason::Interrupted { .. } => reason.tag().to_string(),
                    Reason::FailedBefore { outcome, .. } => {
                        format!("{} {}", reason.tag(), outcome == "cancelled")
                    }
                    _ => format!("{reason:?}"),
                };
                let new = || ChangeFound { rule: rule.map(str::to_string), reason: reason.clone(), jobs: 0 };
                found.entry((group, rule, key)).or_insert_with(new).jobs += 1;
            }
        }
        found.sort_by(|(a, ..), _, (b, ..), _| a.cmp(b));
        Changes { v: 1, changes: found.into_values().collect() }
    }

    /// The changes as text for people, with the differences of commands; ends with a line end.
    ///
    /// ```
    /// # use rulemake::{TextStyle, report::Changes};
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// assert!(Changes::of(&plan).text(TextStyle::Plain).starts_with("new: 1 job"));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn text(&self, style: TextStyle) -> String {
        if self.changes.is_empty() {
            return "nothing changed\n".into();
        }
        let mut out = String::new();
        let mut shown: IndexMap<&'static str, usize> = IndexMap::new();
        for change in &self.changes {
            let told = shown.entry(change.reason.tag()).or_default();
            *told += 1;
            if *told <= PATHS_SHOWN {
                push(&mut out, change, style);
            }
        }
        for (tag, told) in shown {
            if let Some(more @ 1..) = told.checked_sub(PATHS_SHOWN) {
                let _ = writeln!(out, "... and {more} more of {tag}");
            }
        }
        out
    }
}

/// `None` for what follows from other changes or was asked for.
fn group(reason: &Reason) -> Option<Group> {
    Some(match reason {
        Reason::InputChanged { by: None, .. } => Group::Source,
        Reason::InputChanged { by: Some(_), .. }
        | Reason::NeededBy { .. }
        | Reason::Together { .. }
        | Reason::Forced
        | Reason::NoOutputs => return None,
        Reason::OutputMissing { .. } | Reason::OutputModified { .. } | Reason::OutputKindChanged { .. } => {
            Group::Output
        }
        Reason::InputAdded { .. } | Reason::InputRemoved { .. } | Reason::InputsReordered => Group::Inputs,
        Reason::NeverBuilt
        | Reason::NoRecord
        | Reason::Interrupted { .. }
        | Reason::FailedBefore { .. }
        | Reason::OutputSetChanged { .. } => Group::Job,
        _ => Group::Rule,
    })
}

fn push(out: &mut String, change: &ChangeFound, style: TextStyle) {
    let jobs = count(change.jobs, "job");
    let rule = printable(change.rule.as_deref().unwrap_or_default()).into_owned();
    let arrow = |old: &Digest, new: &Digest| format!("{} -> {}", old.short(), new.short());
    let (word, text) = match &change.reason {
        Reason::InputChanged { path, old, new, .. } => {
            ("source", format!("{path} changed: {} ({jobs})", arrow(old, new)))
        }
        Reason::OutputMissing { path } => ("output", format!("{path} is missing")),
        Reason::OutputModified { path, old, new } => {
            ("output", format!("{path} was edited: {}", arrow(old, new)))
        }
        Reason::OutputKindChanged { path, expected } => ("output", format!("{path} is no {expected}")),
        Reason::NeverBuilt => ("new", format!("{jobs} that never ran (rule {rule})")),
        Reason::NoRecord => ("new", format!("{jobs} of which nothing is on record (rule {rule})")),
        Reason::Interrupted { .. } => ("stopped", format!("{jobs} that did not end (rule {rule})")),
        Reason::FailedBefore { outcome, .. } if outcome == "cancelled" => {
            ("stopped", format!("{jobs} (rule {rule})"))
        }
        Reason::FailedBefore { outcome, .. } => ("failed", format!("{jobs} (rule {rule}, {outcome})")),
        other => ("rule", format!("{rule}: {other} ({jobs})")),
    };
    let _ = writeln!(out, "{}: {}", style.paint(Role::Strong, word), printable(&text));
    if let Reason::CommandChanged { old, new } = &change.reason {
        push_command_change(out, old.as_deref(), new, style);
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::testing::{changed, job, planned, run};
    use super::*;

    fn plan(jobs: &[(&str, &[Reason])]) -> Plan {
        let jobs = (0..)
            .zip(jobs)
            .map(|(id, (rule, reasons))| planned(job(id, rule, &format!("{rule}{id}")), run(reasons), &[]));
        super::super::text::testing::plan(jobs.collect())
    }

    #[test]
    fn each_change_is_told_once_with_the_jobs_that_it_reaches() {
        let param = || Reason::ParamChanged { name: "min".into(), old: "5".into(), new: "6".into() };
        let command =
            || Reason::CommandChanged { old: Some("sort {input}".into()), new: "sort -u {input}".into() };
        let made = Reason::InputChanged {
            path: "mid".into(),
            old: Digest::of(b"1"),
            new: Digest::of(b"2"),
            by: Some("mid mid".into()),
        };
        let changes = Changes::of(&plan(&[
            ("clean", &[param(), command()]),
            ("clean", &[param(), changed("raw/a.csv"), command()]),
            ("plot", &[made, changed("raw/a.csv")]),
            ("new", &[Reason::NeverBuilt]),
            ("new", &[Reason::NeverBuilt]),
            ("old", &[Reason::OutputMissing { path: "out/x".into() }]),
        ]));
        let digest = |text: &[u8]| Digest::of(text).short();
        assert_eq!(
            changes.text(TextStyle::Plain),
            format!(
                "source: raw/a.csv changed: {} -> {} (2 jobs)\n\
                 rule: clean: param min changed: 5 -> 6 (2 jobs)\n\
                 rule: clean: command changed (2 jobs)\n      - sort {{input}}\n      + sort -u {{input}}\n\
                 output: out/x is missing\n\
                 new: 2 jobs that never ran (rule new)\n",
                digest(b"old"),
                digest(b"new")
            )
        );
        assert_eq!(Changes::of(&plan(&[])).text(TextStyle::Plain), "nothing changed\n");
    }

    #[test]
    fn many_changes_of_one_kind_are_cut() {
        let reasons: Vec<Reason> = (0..30).map(|n| changed(&format!("raw/{n}"))).collect();
        let text = Changes::of(&plan(&[("all", &reasons)])).text(TextStyle::Plain);
        assert_eq!(text.lines().count(), 21, "{text}");
        assert!(text.ends_with("... and 10 more of input-changed\n"), "{text}");
    }
}
