//! The values of a job's wildcards.

use std::sync::Arc;

/// The wildcard values of one job, by name, in the order in which the rule's first output names them.
///
/// ```
/// # use rulemake::{Rule, Workflow, Session};
/// let rule = Rule::builder("r")
///     .input_fn(|cx| Ok(format!("raw/{}.csv", cx.wildcards.get("s").unwrap_or("none")).into()))
///     .output("out/{s}.csv")
///     .shell("cp {input} {output}");
/// assert!(Workflow::builder().rule(rule).build().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wildcards {
    names: Arc<[Arc<str>]>,
    values: Arc<[Arc<str>]>,
}

impl Wildcards {
    pub(crate) fn new(names: Arc<[Arc<str>]>, values: Arc<[Arc<str>]>) -> Wildcards {
        debug_assert_eq!(names.len(), values.len());
        Wildcards { names, values }
    }

    /// The value of the wildcard `name`.
    ///
    /// ```
    /// fn act(job: &rulemake::JobContext) -> Option<&str> {
    ///     job.wildcards().get("sample")
    /// }
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.names.iter().position(|n| &**n == name).map(|i| &*self.values[i])
    }

    /// Names and values in order.
    ///
    /// ```
    /// fn labels(job: &rulemake::JobContext) -> Vec<String> {
    ///     job.wildcards().iter().map(|(name, value)| format!("{name}={value}")).collect()
    /// }
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.names.iter().map(|n| &**n).zip(self.values.iter().map(|v| &**v))
    }

    /// The rule's wildcard names.
    pub(crate) fn names(&self) -> &Arc<[Arc<str>]> {
        &self.names
    }

    /// Values in the order of the rule's wildcard names.
    pub(crate) fn values(&self) -> &[Arc<str>] {
        &self.values
    }
}
