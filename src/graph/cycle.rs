//! One printable cycle among jobs. Iterative: a cycle may be as long as the graph.

use crate::graph::job::{Job, JobId};

/// A cycle through `start`, along what each job needs: `start` first, not repeated at the end. Empty when
/// there is none.
pub(crate) fn through(start: JobId, jobs: &[Job]) -> Vec<JobId> {
    let mut seen = vec![false; jobs.len()];
    let mut trail: Vec<(JobId, usize)> = vec![(start, 0)];
    while let Some((job, next)) = trail.last_mut() {
        let Some(&need) = jobs[job.index()].needs.get(*next) else {
            trail.pop();
            continue;
        };
        *next += 1;
        if need == start {
            return trail.iter().map(|(job, _)| *job).collect();
        }
        if !std::mem::replace(&mut seen[need.index()], true) {
            trail.push((need, 0));
        }
    }
    Vec::new()
}
