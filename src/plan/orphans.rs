//! Sources that a rule once made. Who renames an output and forgets a reader would otherwise go on with the old file and
//! never hear of it.

use crate::plan::context::Context;
use serde::Serialize;

/// A file that an earlier run made, that a job reads, and that no rule makes any more: it counts as a source.
///
/// ```
/// use rulemake::inspect::Orphan;
/// fn tell(orphan: &Orphan) -> String {
///     format!("{} was made by {} in run {}, and no rule makes it now", orphan.path, orphan.rule, orphan.run)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Orphan {
    /// The file.
    pub path: String,
    /// The rule that made it.
    pub rule: String,
    /// The run in which it did.
    pub run: u32,
}

/// Those that are told; a moved directory has thousands of them.
const TOLD: usize = 3;

/// The orphans among the sources of the graph.
pub(crate) fn orphans(cx: &Context) -> Vec<Orphan> {
    let made = cx.graph.sources.iter().filter(|path| cx.view.is_made(**path));
    made.filter_map(|path| {
        let trace = cx.view.trace(*path)?;
        Some(Orphan { path: cx.paths.text(*path).to_string(), rule: trace.rule.to_string(), run: trace.run })
    })
    .collect()
}

/// What is said of them before a run.
pub(crate) fn warnings(orphans: &[Orphan]) -> Vec<String> {
    let mut warnings: Vec<String> = orphans.iter().take(TOLD).map(Orphan::to_string).collect();
    if let Some(more @ 1..) = orphans.len().checked_sub(TOLD) {
        warnings.push(format!("and {more} more files that no rule makes any more"));
    }
    warnings
}

impl std::fmt::Display for Orphan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Orphan { path, rule, run } = self;
        write!(
            f,
            "{path} was made by rule {rule} in run {run}, and no rule makes it now: it counts as a source \
             (`rulemake accept {path}` says that it is one)"
        )
    }
}
