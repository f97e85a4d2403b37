//! Jobs that read a file as it is before another job changes it in place: the reader has no producer for it, and the
//! one that changes it waits for the reader.
//!
//! The reader also waits for what the other one needs, as far as that does not need the reader: when the reader is
//! checked it can then be known whether the other one is about to run.

use crate::graph::job::{Job, JobId};
use std::collections::BTreeSet;

const NONE: u32 = u32::MAX;

/// Adds the order to [`Job::needs`], which holds the producers already.
pub(super) fn add_order(jobs: &mut [Job], producers: &[u32]) {
    let mut pairs: BTreeSet<(u32, u32)> = BTreeSet::new();
    for (reader, job) in (0..).zip(jobs.iter()) {
        let before = (0..job.inputs.len()).filter(|index| job.is_before_update(*index));
        let changers = before.map(|index| producers[job.inputs[index].index()]);
        pairs.extend(changers.filter(|changer| *changer != NONE && *changer != reader).map(|c| (reader, c)));
    }
    if pairs.is_empty() {
        return;
    }
    let consumers = consumers(jobs);
    for (reader, changer) in pairs {
        let depend = reached(reader, &consumers);
        let independent = |need: &&JobId| need.0 != reader && !depend[need.index()];
        let needs: Vec<JobId> = jobs[changer as usize].needs.iter().filter(independent).copied().collect();
        needs.into_iter().for_each(|need| add(&mut jobs[reader as usize], need));
        add(&mut jobs[changer as usize], JobId(reader));
    }
}

fn add(job: &mut Job, need: JobId) {
    if !job.needs.contains(&need) {
        let mut needs = job.needs.to_vec();
        needs.push(need);
        job.needs = needs.as_slice().into();
    }
}

/// By data alone: of the order that is being added nothing follows.
fn consumers(jobs: &[Job]) -> Vec<Vec<u32>> {
    let mut consumers = vec![Vec::new(); jobs.len()];
    for (consumer, job) in (0..).zip(jobs) {
        job.needs.iter().for_each(|need| consumers[need.index()].push(consumer));
    }
    consumers
}

/// The jobs that depend on `from`, itself included.
fn reached(from: u32, consumers: &[Vec<u32>]) -> Vec<bool> {
    let mut reached = vec![false; consumers.len()];
    let mut pending = vec![from];
    while let Some(job) = pending.pop() {
        if !std::mem::replace(&mut reached[job as usize], true) {
            pending.extend(&consumers[job as usize]);
        }
    }
    reached
}
