//! Directories of one job in which another one works: whoever comes last would destroy what the other made.

use crate::base::path::{PathId, PathTable};
use crate::graph::job::{Job, JobId};
use crate::model::flags::Flag;
use crate::model::workflow::Workflow;
use rustc_hash::FxHashMap;

/// A file in a directory that another job makes, or that the same job reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Nested {
    pub(crate) directory: PathId,
    pub(crate) made_by: JobId,
    pub(crate) file: String,
    pub(crate) job: JobId,
    /// `output`, `log`, `benchmark`, or `input` of the same job.
    pub(crate) what: &'static str,
}

/// All such files, in order of the jobs. Looks only at workflows that make directories.
pub(super) fn find(jobs: &[Job], workflow: &Workflow, paths: &PathTable) -> Vec<Nested> {
    let mut directories: FxHashMap<PathId, JobId> = FxHashMap::default();
    for (id, job) in (0..).map(JobId).zip(jobs) {
        let flags = &workflow.rules[job.rule as usize].output_flags;
        let made = job.outputs.iter().zip(flags).filter(|(_, flags)| flags.has(Flag::Directory));
        directories.extend(made.map(|(path, _)| (*path, id)));
    }
    let mut found = Vec::new();
    if directories.is_empty() {
        return found;
    }
    let above = |path: &str| {
        let ends = path.rmatch_indices('/').map(|(at, _)| at);
        ends.filter_map(|end| paths.find(&path[..end])).find_map(|dir| Some((dir, *directories.get(&dir)?)))
    };
    for (id, job) in (0..).map(JobId).zip(jobs) {
        let rule = &workflow.rules[job.rule as usize];
        let mut look = |file: &str, what, by_itself: bool| {
            let inside = above(file).filter(|(_, made_by)| (*made_by == id) == by_itself);
            let file = file.to_string();
            found.extend(inside.map(|(directory, made_by)| Nested {
                directory,
                made_by,
                file,
                job: id,
                what,
            }));
        };
        job.outputs.iter().for_each(|path| look(paths.text(*path), "output", false));
        job.inputs.iter().for_each(|path| look(paths.text(*path), "input", true));
        let mut text = String::new();
        let benchmark = rule.benchmark.as_ref().map(|benchmark| &benchmark.path);
        let others =
            rule.logs.iter().map(|log| (log, "log")).chain(benchmark.map(|path| (path, "benchmark")));
        for (pattern, what) in others {
            text.clear();
            pattern.render(&job.wildcards, &mut text);
            look(&text, what, false);
        }
    }
    found
}
