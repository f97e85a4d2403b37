//! The graph as the core sees it: numbers only.

use crate::base::path::PathId;
use crate::base::rows::Rows;
use crate::engine::core::Shape;
use crate::graph::job::{Job, JobId};
use crate::model::dynamic::Dynamic;
use crate::model::value::Value;
use crate::plan::context::Context;
use crate::plan::instance::Instance;
use crate::plan::temp::has_temp;

/// The whole graph, and the temporary files by their number in it. None when all are to be kept.
pub(super) fn shape(cx: &Context, keep_temps: bool) -> (Shape, Vec<PathId>) {
    let graph = &cx.graph;
    let n = graph.jobs.len();
    let consumers = (0..n as u32).flat_map(|job| graph.consumers(JobId(job)).iter().map(move |c| (job, c.0)));
    let mut height = vec![0u32; n];
    for id in graph.order.iter().rev() {
        let above = height[id.index()] + 1;
        for need in &graph.jobs[id.index()].needs {
            height[need.index()] = height[need.index()].max(above);
        }
    }
    let (temps, holds) = if keep_temps { Default::default() } else { temps(cx) };
    let mut holders = vec![0; temps.len()];
    holds.iter().for_each(|(_, temp)| holders[*temp as usize] += 1);
    let shape = Shape {
        producers: graph.jobs.iter().map(|j| j.needs.len() as u32).collect(),
        consumers: Rows::pack(n, consumers),
        priority: graph.jobs.iter().map(|j| priority(cx, j)).collect(),
        height,
        holds: Rows::pack(n, holds.iter().copied()),
        holders,
    };
    (shape, temps)
}

/// The temporary files, and which job holds which: its maker, and each job that reads it.
fn temps(cx: &Context) -> (Vec<PathId>, Vec<(u32, u32)>) {
    let (mut temps, mut holds) = (Vec::new(), Vec::new());
    let rule_has: Vec<bool> = cx.workflow.rules.iter().map(|rule| has_temp(rule)).collect();
    for (maker, job) in (0..).zip(&cx.graph.jobs) {
        if !rule_has[job.rule as usize] {
            continue;
        }
        for path in cx.temps_of(JobId(maker)) {
            let temp = temps.len() as u32;
            let readers = cx.graph.consumers(JobId(maker)).iter();
            let readers = readers.filter(|reader| cx.job(**reader).inputs.contains(&path));
            holds.push((maker, temp));
            holds.extend(readers.map(|reader| (reader.0, temp)));
            temps.push(path);
        }
    }
    (temps, holds)
}

/// A priority that is no number counts as none: it decides only what starts first.
fn priority(cx: &Context, job: &Job) -> i64 {
    let rule = cx.rule(job);
    match &rule.priority {
        Dynamic::Const(Value::Int(n)) => *n,
        Dynamic::Const(_) => 0,
        Dynamic::Function(_) => {
            let instance = Instance::naming(cx, job);
            match instance.evaluate(&rule.priority, rule) {
                Ok(Value::Int(n)) => n,
                Ok(Value::Float(x)) => x as i64,
                _ => 0,
            }
        }
    }
}
