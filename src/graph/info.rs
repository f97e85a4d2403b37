//! A job as people and programs see it from outside.

use serde::{Deserialize, Serialize};

/// Which job.
///
/// ```
/// use rulemake::JobInfo;
/// fn sample(job: &JobInfo) -> Option<&str> {
///     job.wildcards.iter().find(|(name, _)| name == "sample").map(|(_, value)| value.as_str())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobInfo {
    /// Number of the job in this run.
    pub id: u32,
    /// Name of its rule.
    pub rule: String,
    /// Its outputs.
    pub outputs: Vec<String>,
    /// Its wildcards, in order.
    pub wildcards: Vec<(String, String)>,
}

impl JobInfo {
    /// A short name for people: rule and first output.
    ///
    /// ```
    /// # use rulemake::{RunOptions, Session, Workflow};
    /// # let workflow = Workflow::parse("Rulefile", "rule a:\n    output: 'no-such.txt'\n    shell: 'touch {output}'\n")?;
    /// # let session = Session::builder(workflow).open()?;
    /// let plan = session.plan(&["no-such.txt"], &RunOptions::default())?;
    /// assert_eq!(plan.jobs().next().unwrap().info().title(), "a no-such.txt");
    /// # Ok::<(), rulemake::Error>(())
    /// ```
    #[must_use]
    pub fn title(&self) -> String {
        match self.outputs.first() {
            Some(output) => format!("{} {output}", self.rule),
            None => self.rule.clone(),
        }
    }
}
