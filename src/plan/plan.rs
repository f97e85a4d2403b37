//! The plan: each job with its verdict, before anything runs.

use crate::base::digest::Digest;
use crate::diag::Diagnostic;
use crate::graph::info::JobInfo;
use crate::model::value::Value;
use crate::plan::orphans::Orphan;
use crate::trace::reason::Reason;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use std::fmt;
use std::sync::Arc;

/// What is known about a job before the run. With early cutoff the truth is not always knowable in advance,
/// so there are more than two values: a [`Verdict::Run`] job runs, a [`Verdict::Restore`] job is restored, an [`Verdict::UpToDate`] job never does, a
/// [`Verdict::May`] job runs if what is made before it turns out different, and of a [`Verdict::AfterCheckpoint`] job
/// nothing can be said yet.
///
/// ```
/// use rulemake::{RunOptions, Session, Verdict, Workflow};
/// let text = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
/// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
/// let plan = session.plan(&["a.txt"], &RunOptions::default())?;
/// for job in plan.jobs() {
///     match job.verdict() {
///         Verdict::Run { reasons } => println!("{} runs: {}", job.rule(), reasons[0]),
///         Verdict::UpToDate => {}
///         other => println!("{}: {other:?}", job.rule()),
///     }
/// }
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Will run.
    Run {
        /// Why; never empty, the most telling first.
        reasons: Vec<Reason>,
    },
    /// Will not run: what it would make was made before, and comes out of the cache.
    Restore {
        /// Why it would have to run; never empty.
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

/// A job of a plan. What it shows is put together when it is asked for: a plan of a million jobs takes no more room
/// than their graph.
///
/// ```
/// use rulemake::{RunOptions, Session, Verdict, Workflow};
/// let text = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
/// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
/// let plan = session.plan(&["a.txt"], &RunOptions::default())?;
/// let job = plan.jobs().next().expect("there is one");
/// assert_eq!((job.rule(), job.command().as_deref()), ("a", Some("touch a.txt")));
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct PlannedJob<'p> {
    jobs: &'p dyn Foreseen,
    index: usize,
}

impl<'p> PlannedJob<'p> {
    /// The job; `id` is its index in [`Plan::jobs`].
    ///
    /// ```
    /// fn look(plan: &rulemake::Plan) {
    ///     for job in plan.jobs() {
    ///         println!("{}", job.info().title());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn info(&self) -> JobInfo {
        self.jobs.info(self.index)
    }

    /// Name of its rule.
    ///
    /// ```
    /// fn look(plan: &rulemake::Plan) {
    ///     for job in plan.jobs() {
    ///         println!("{}", job.rule());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn rule(&self) -> &'p str {
        self.jobs.rule(self.index)
    }

    /// Its inputs in order.
    ///
    /// ```
    /// fn look(plan: &rulemake::Plan) {
    ///     for job in plan.jobs() {
    ///         println!("{}", job.inputs().join(" "));
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn inputs(&self) -> Vec<&'p str> {
        self.jobs.inputs(self.index)
    }

    /// What is known about it.
    ///
    /// ```
    /// fn look(plan: &rulemake::Plan) {
    ///     for job in plan.jobs() {
    ///         println!("{:?}", job.verdict());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn verdict(&self) -> &'p Verdict {
        self.jobs.verdict(self.index)
    }

    /// The command that it would run, if it is a shell job that runs or may run. Calls the functions of its rule.
    ///
    /// ```
    /// fn look(plan: &rulemake::Plan) {
    ///     for job in plan.jobs() {
    ///         println!("{}", job.command().unwrap_or_default());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn command(&self) -> Option<String> {
        match self.verdict() {
            Verdict::UpToDate | Verdict::AfterCheckpoint { .. } | Verdict::Restore { .. } => None,
            Verdict::Run { .. } | Verdict::May { .. } => self.jobs.command(self.index),
        }
    }

    /// Whether the job executes anything: `false` for a rule that only names what it wants.
    ///
    /// ```
    /// fn look(plan: &rulemake::Plan) {
    ///     for job in plan.jobs() {
    ///         assert!(job.has_action() || job.command().is_none());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn has_action(&self) -> bool {
        self.jobs.has_action(self.index)
    }

    /// Jobs whose outputs it needs, by index.
    ///
    /// ```
    /// fn look(plan: &rulemake::Plan) {
    ///     for job in plan.jobs() {
    ///         println!("{:?}", job.needs());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn needs(&self) -> Vec<u32> {
        self.jobs.needs(self.index)
    }

    /// Its outputs that are marked with `report(...)`. Never a reason to run.
    ///
    /// ```
    /// fn look(plan: &rulemake::Plan) {
    ///     for job in plan.jobs() {
    ///         println!("{}", job.reported().len());
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn reported(&self) -> Vec<ReportedFile> {
        self.jobs.reported(self.index)
    }
}

/// The JSON form of a job.
#[derive(Serialize)]
struct Shown<'p> {
    job: JobInfo,
    inputs: Vec<&'p str>,
    #[serde(flatten)]
    verdict: &'p Verdict,
    command: Option<String>,
    has_action: bool,
    needs: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reported: Vec<ReportedFile>,
}

impl Serialize for PlannedJob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = Shown {
            job: self.info(),
            inputs: self.inputs(),
            verdict: self.verdict(),
            command: self.command(),
            has_action: self.has_action(),
            needs: self.needs(),
            reported: self.reported(),
        };
        shown.serialize(serializer)
    }
}

impl fmt::Debug for PlannedJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedJob").field("job", &self.info()).field("verdict", self.verdict()).finish()
    }
}

/// An output that is to be shown in a report.
///
/// ```
/// use rulemake::inspect::ReportedFile;
/// fn caption(file: &ReportedFile) -> Option<&str> {
///     file.about.get("caption").and_then(rulemake::Value::as_str)
/// }
/// ```
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
///
/// ```
/// use rulemake::inspect::PlanRead;
/// fn absent(reads: &[PlanRead]) -> Vec<&str> {
///     reads.iter().filter(|read| !read.found).map(|read| read.what.as_str()).collect()
/// }
/// ```
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

/// What a plan is read from: jobs by their index, below `len`.
pub(crate) trait Foreseen: Send + Sync {
    fn len(&self) -> usize;
    fn info(&self, index: usize) -> JobInfo;
    fn rule(&self, index: usize) -> &str;
    fn inputs(&self, index: usize) -> Vec<&str>;
    fn verdict(&self, index: usize) -> &Verdict;
    fn command(&self, index: usize) -> Option<String>;
    fn has_action(&self, index: usize) -> bool;
    fn needs(&self, index: usize) -> Vec<u32>;
    fn reported(&self, index: usize) -> Vec<ReportedFile>;
    fn sources(&self) -> Vec<&str>;
    fn reads(&self) -> Vec<PlanRead>;
    fn orphans(&self) -> Vec<Orphan>;
    fn warnings(&self) -> Vec<Diagnostic>;
    fn report(&self) -> Option<&str>;
}

/// All jobs that the targets need, in an order in which producers come first.
///
/// ```
/// # use rulemake::{RunOptions, Session, Verdict, Workflow};
/// let text = "rule hello:\n    output: 'no-such.txt'\n    shell: 'echo hi > {output}'\n";
/// let session = Session::builder(Workflow::parse("Rulefile", text)?).root(std::env::temp_dir()).open()?;
/// let plan = session.plan::<&str>(&[], &RunOptions::default())?;
/// let job = plan.jobs().next().unwrap();
/// assert!(matches!(job.verdict(), Verdict::Run { .. }));
/// assert_eq!(job.command().unwrap(), "echo hi > no-such.txt");
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone)]
pub struct Plan {
    jobs: Arc<dyn Foreseen>,
}

impl Verdict {
    /// The reason that says so when a run that is going on executes the job just now.
    pub(crate) fn running_now(&self) -> Option<&Reason> {
        let Verdict::Run { reasons } = self else { return None };
        reasons.iter().find(|reason| matches!(reason, Reason::RunningNow { .. }))
    }
}

impl Plan {
    pub(crate) fn new(jobs: Arc<dyn Foreseen>) -> Plan {
        Plan { jobs }
    }

    /// The jobs.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!(plan.jobs().len(), 1);
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    pub fn jobs(&self) -> impl ExactSizeIterator<Item = PlannedJob<'_>> + Clone {
        (0..self.jobs.len()).map(|index| PlannedJob { jobs: &*self.jobs, index })
    }

    /// The job with this index.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!(plan.job(0).unwrap().rule(), "a");
    /// assert!(plan.job(1).is_none());
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn job(&self, index: usize) -> Option<PlannedJob<'_>> {
        (index < self.jobs.len()).then_some(PlannedJob { jobs: &*self.jobs, index })
    }

    /// The files that the jobs read and no job makes.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let root = std::env::temp_dir().join(format!("rulemake-doc-sources-{}", std::process::id()));
    /// # std::fs::create_dir_all(&root)?;
    /// std::fs::write(root.join("raw.txt"), "")?;
    /// let workflow = Workflow::parse("Rulefile", "rule a:\n    input: 'raw.txt'\n    output: 'a.txt'\n    shell: 'touch {output}'\n")?;
    /// let plan = Session::builder(workflow).root(&root).open()?.plan(&["a.txt"], &RunOptions::default())?;
    /// assert_eq!(plan.sources(), ["raw.txt"]);
    /// # std::fs::remove_dir_all(&root)?;
    /// # Ok::<(), rulemake::BoxError>(())
    /// ```
    #[must_use]
    pub fn sources(&self) -> Vec<&str> {
        self.jobs.sources()
    }

    /// What else the plan rests on: what the Rulefile looked at while it was loaded, in order, then what functions of
    /// rules looked at so far, by rule. Those that only commands need are called when these are asked for.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// let text = "import os\nrule a:\n    output: 'b' if os.path.exists('no-such') else 'a'\n    shell: 'touch {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// let plan = session.plan(&["a"], &RunOptions::default())?;
    /// assert_eq!((&*plan.reads()[0].what, plan.reads()[0].found), ("no-such", false));
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn reads(&self) -> Vec<PlanRead> {
        self.jobs.reads()
    }

    /// Sources that an earlier run made and no rule makes any more.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// assert!(plan.orphans().is_empty());
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn orphans(&self) -> Vec<Orphan> {
        self.jobs.orphans()
    }

    /// What is probably not as meant: rules that could not be taken because their functions failed.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// for warning in plan.warnings() {
    ///     println!("{}", warning.render(rulemake::TextStyle::Plain));
    /// }
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.jobs.warnings()
    }

    /// The text for the front page of a report that `report:` names, from the root.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!(plan.report(), None, "the Rulefile has no `report:`");
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn report(&self) -> Option<&str> {
        self.jobs.report()
    }

    /// How many jobs there are of each verdict.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// let text = "rule all:\n    input: 'a.txt', 'b.txt'\nrule r:\n    output: '{x}.txt'\n    shell: 'touch {output}'\n";
    /// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
    /// let counts = session.plan::<&str>(&[], &RunOptions::default())?.counts();
    /// assert_eq!((counts.run, counts.up_to_date), (2, 0), "`all` executes nothing");
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn counts(&self) -> PlanCounts {
        let mut counts = PlanCounts::default();
        for job in self.jobs() {
            match job.verdict() {
                Verdict::AfterCheckpoint { .. } => counts.after_checkpoint += 1,
                Verdict::Restore { .. } => counts.restore += 1,
                _ if !job.has_action() => {}
                Verdict::Run { .. } => counts.run += 1,
                Verdict::May { .. } => counts.may += 1,
                Verdict::UpToDate => counts.up_to_date += 1,
            }
            counts.running_now += usize::from(job.verdict().running_now().is_some());
        }
        counts
    }
}

/// How many jobs of a plan there are of each [`Verdict`]. A job without an action counts only while it waits for a checkpoint.
///
/// ```
/// fn is_nothing_to_do(plan: &rulemake::Plan) -> bool {
///     let counts = plan.counts();
///     counts.run + counts.restore + counts.may + counts.after_checkpoint == 0
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlanCounts {
    /// Jobs that will run.
    pub run: usize,
    /// Jobs that will not run because the cache holds what they would make.
    pub restore: usize,
    /// Jobs that run if an input turns out to be different.
    pub may: usize,
    /// Jobs that wait for a checkpoint to say what they need.
    pub after_checkpoint: usize,
    /// Jobs that are up to date.
    pub up_to_date: usize,
    /// How many of those that will run are executed just now, by a run that is going on.
    pub running_now: usize,
}

/// Jobs one after the other, never all at once.
struct Jobs<'p>(&'p Plan);

impl Serialize for Jobs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.jobs())
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.report();
        let (orphans, warnings) = (self.orphans(), self.warnings());
        let more = [report.is_some(), !orphans.is_empty(), !warnings.is_empty()];
        let fields = 4 + more.iter().filter(|is_there| **is_there).count();
        let mut plan = serializer.serialize_struct("Plan", fields)?;
        plan.serialize_field("v", &1)?;
        plan.serialize_field("jobs", &Jobs(self))?;
        plan.serialize_field("sources", &self.sources())?;
        // After the jobs: their commands and report texts call functions, too.
        plan.serialize_field("reads", &self.reads())?;
        if !orphans.is_empty() {
            plan.serialize_field("orphans", &orphans)?;
        }
        if !warnings.is_empty() {
            plan.serialize_field("warnings", &warnings)?;
        }
        if let Some(report) = report {
            plan.serialize_field("report", report)?;
        }
        plan.end()
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.jobs()).finish()
    }
}
