//! Which rules make the paths of a wave. Pure, so that many threads can look at once; [`expand`](super::expand) takes what they
//! find in order.

use crate::base::path::{PathId, PathTable};
use crate::matching::index::{Candidate, PatternIndex, Scratch};
use crate::model::workflow::Workflow;
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// What matching a piece of a wave found.
#[derive(Default)]
pub(super) struct Matches {
    pub(super) hits: Vec<Hit>,
    pub(super) ranges: Vec<(u32, u32)>,
}

#[derive(Clone, Copy)]
pub(super) struct Hit {
    pub(super) path: PathId,
    pub(super) rule: u32,
    pub(super) first: u32,
    pub(super) len: u32,
    pub(super) role: Role,
    /// The hash of the job that it stands for.
    pub(super) job: u64,
}

/// What a path is to the job that makes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Output,
    /// A log or a benchmark.
    Record,
    /// In a directory that is an output.
    Inside,
}

impl Hit {
    /// A pattern without wildcards matched.
    pub(super) fn is_concrete(&self) -> bool {
        self.len == 0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// The matches of the best rank.
    First,
    /// Those of the next rank.
    Next,
}

/// The pieces of `text` in these ranges.
pub(super) fn cuts<'t>(text: &'t str, ranges: &'t [(u32, u32)]) -> impl Iterator<Item = &'t str> + Clone {
    ranges.iter().map(move |&(start, end)| &text[start as usize..end as usize])
}

pub(super) fn job_hash<'v>(rule: u32, values: impl Iterator<Item = &'v str>) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u32(rule);
    for value in values {
        hasher.write(value.as_bytes());
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

pub(super) fn match_chunk(
    paths: &PathTable,
    index: &PatternIndex,
    workflow: &Workflow,
    chunk: &[PathId],
    take: Take,
    scratch: &mut Scratch,
    matches: &mut Matches,
) {
    matches.hits.clear();
    matches.ranges.clear();
    let Matches { hits, ranges } = matches;
    let mut add = |path, candidate: Candidate<'_>, role| {
        let (first, len) = (ranges.len() as u32, candidate.values.len() as u32);
        ranges.extend_from_slice(candidate.values);
        let job = job_hash(candidate.rule, cuts(paths.text(path), candidate.values));
        hits.push(Hit { path, rule: candidate.rule, first, len, role, job });
    };
    for &path in chunk {
        let text = paths.text(path);
        let mut is_found = false;
        index.candidates(text, scratch, |candidate| {
            is_found = true;
            let outputs = workflow.rules[candidate.rule as usize].outputs.len();
            let is_output = usize::from(candidate.output) < outputs;
            add(path, candidate, if is_output { Role::Output } else { Role::Record });
        });
        if !is_found || take == Take::Next {
            index.above(text, scratch, |candidate| add(path, candidate, Role::Inside));
        }
    }
}
