//! The graph as the core sees it: numbers only.

use crate::base::rows::Rows;
use crate::engine::core::Shape;
use crate::engine::core::units::contract;
use crate::engine::drive::temps::TempState;
use crate::graph::job::{Job, JobId};
use crate::plan::context::Context;
use crate::plan::instance;

/// The whole graph, over units.
pub(super) fn shape(cx: &Context, temps: &mut TempState) -> Shape {
    let graph = &cx.graph;
    let n = graph.jobs.len();
    let mut height = vec![0u32; n];
    for id in graph.order.iter().rev() {
        let above = height[id.index()] + 1;
        for need in &graph.jobs[id.index()].needs {
            height[need.index()] = height[need.index()].max(above);
        }
    }
    let mut holders = vec![0; temps.count()];
    let holds = temps.holds(cx);
    holds.iter().for_each(|(_, temp)| holders[*temp as usize] += 1);
    let shape = Shape {
        producers: graph.jobs.iter().map(|j| j.needs.len() as u32).collect(),
        consumers: graph.consumer_rows().clone(),
        priority: graph.jobs.iter().map(|j| priority(cx, j)).collect(),
        height,
        holds: Rows::pack(n, holds.iter().copied()),
        holders,
        open: graph.open.keys().map(|job| job.0).collect(),
        parts: Vec::new(),
    };
    match cx.units.is_empty() {
        true => shape,
        false => contract(&shape, |job| cx.units.leader(JobId(job)).0),
    }
}

/// A priority that is no number counts as none here: the check of its job tells it.
pub(super) fn priority(cx: &Context, job: &Job) -> i64 {
    instance::priority(cx, job).unwrap_or(0)
}
