//! From jobs to units: jobs that run at the same time are one to the core, known by the number of the first of them. The
//! numbers of the others are parts, which have no life of their own.

use super::Shape;
use crate::base::rows::Rows;

/// The shape over units, from that over jobs. `leader` tells the first job of each job's unit, which has the lowest
/// number.
pub(crate) fn contract(jobs: &Shape, leader: impl Fn(u32) -> u32) -> Shape {
    let n = jobs.priority.len();
    let numbers = 0..n as u32;
    let from_each = |rows: &Rows, job: u32| rows.of(job).collect::<Vec<_>>();
    let mut edges = Vec::new();
    let mut holds = Vec::new();
    for job in numbers.clone() {
        let unit = leader(job);
        edges.extend(from_each(&jobs.consumers, job).into_iter().map(|to| (unit, leader(to))));
        holds.extend(from_each(&jobs.holds, job).into_iter().map(|temp| (unit, temp)));
    }
    edges.retain(|(from, to)| from != to);
    for pairs in [&mut edges, &mut holds] {
        pairs.sort_unstable();
        pairs.dedup();
    }
    let mut shape = Shape {
        producers: vec![0; n],
        consumers: Rows::pack(n, edges.iter().copied()),
        priority: jobs.priority.clone(),
        height: vec![0; n],
        holds: Rows::pack(n, holds.iter().copied()),
        holders: vec![0; jobs.holders.len()],
        open: jobs.open.iter().map(|job| leader(*job)).collect(),
        parts: numbers.clone().filter(|job| leader(*job) != *job).collect(),
    };
    edges.iter().for_each(|(_, to)| shape.producers[*to as usize] += 1);
    holds.iter().for_each(|(_, temp)| shape.holders[*temp as usize] += 1);
    for job in numbers {
        let priority = &mut shape.priority[leader(job) as usize];
        *priority = (*priority).max(jobs.priority[job as usize]);
    }
    shape.open.sort_unstable();
    shape.open.dedup();
    set_heights(&mut shape);
    shape
}

fn set_heights(shape: &mut Shape) {
    let mut missing = shape.producers.clone();
    let mut order: Vec<u32> = (0..missing.len() as u32).filter(|unit| missing[*unit as usize] == 0).collect();
    let mut at = 0;
    while let Some(unit) = order.get(at).copied() {
        at += 1;
        for consumer in shape.consumers.of(unit) {
            missing[consumer as usize] -= 1;
            if missing[consumer as usize] == 0 {
                order.push(consumer);
            }
        }
    }
    for unit in order.into_iter().rev() {
        let above = shape.consumers.of(unit).map(|consumer| shape.height[consumer as usize] + 1).max();
        shape.height[unit as usize] = above.unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_has_the_edges_the_files_and_the_urgency_of_its_jobs() {
        // 0 and 1 before 2 and 3, which run together; 4 after both; 5 holds a file with them.
        let edges = [(0, 2), (1, 3), (2, 3), (2, 4), (3, 4)];
        let jobs = Shape {
            producers: vec![0, 0, 1, 2, 2, 0],
            consumers: Rows::pack(6, edges.into_iter()),
            priority: vec![0, 0, 1, 7, 0, 0],
            height: vec![0; 6],
            holds: Rows::pack(6, [(2, 0), (3, 0), (5, 0)].into_iter()),
            holders: vec![3],
            open: vec![2, 3],
            parts: vec![],
        };
        let shape = contract(&jobs, |job| if job == 3 { 2 } else { job });
        assert_eq!(shape.producers, [0, 0, 2, 0, 1, 0]);
        assert_eq!(shape.consumers.of(2).collect::<Vec<_>>(), [4]);
        assert_eq!(shape.height, [2, 2, 1, 0, 0, 0]);
        assert_eq!(
            (shape.priority[2], shape.holders, shape.open, shape.parts),
            (7, vec![2], vec![2], vec![3])
        );
    }
}
