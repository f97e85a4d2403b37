//! Who follows whom on a thread: a job that is to begin when another one has ended begins on the thread of that one.
//!
//! Invariants: a lane has one job under way at most; one that was stopped begins nothing until it is emptied; whoever was
//! put in a lane leaves it once, to begin or because it was withdrawn.

use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// Lanes of jobs, by number; `T` is what there is to do for one.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    /// The lanes of jobs that are under way or wait in one.
    of: FxHashMap<u32, u32>,
    waiting: FxHashMap<u32, VecDeque<(u32, T)>>,
    opened: u32,
}

impl<T> Default for Lanes<T> {
    fn default() -> Lanes<T> {
        Lanes { of: FxHashMap::default(), waiting: FxHashMap::default(), opened: 0 }
    }
}

impl<T> Lanes<T> {
    /// Others may follow this job, which begins.
    pub(super) fn open(&mut self, job: u32) {
        self.opened = self.opened.wrapping_add(1);
        self.of.insert(job, self.opened);
        self.waiting.insert(self.opened, VecDeque::new());
    }

    /// Lets `job` begin after `behind`; gives it back when that has ended and nothing stopped its lane.
    pub(super) fn follow(&mut self, behind: u32, job: u32, work: T) -> Result<(), T> {
        let Some(lane) = self.of.get(&behind).copied() else { return Err(work) };
        self.of.insert(job, lane);
        self.waiting.entry(lane).or_default().push_back((job, work));
        Ok(())
    }

    /// The job came to a good end: what begins now.
    pub(super) fn next(&mut self, ended: u32) -> Option<T> {
        let lane = self.of.remove(&ended)?;
        let next = self.waiting.get_mut(&lane).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.waiting.remove(&lane);
        }
        next.map(|(_, work)| work)
    }

    /// Takes out all that wait in the lane of this job. One that has ended without letting others follow is forgotten.
    pub(super) fn withdraw(&mut self, job: u32, has_ended: bool) -> Vec<u32> {
        let Some(lane) = self.of.get(&job).copied() else { return Vec::new() };
        let waiting = self.waiting.get_mut(&lane).map(std::mem::take).unwrap_or_default();
        if has_ended {
            self.of.remove(&job);
            self.waiting.remove(&lane);
        }
        let jobs: Vec<u32> = waiting.iter().map(|(job, _)| *job).collect();
        for job in &jobs {
            self.of.remove(job);
        }
        jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_follows_begins_in_order_and_a_lane_ends_with_its_last_job() {
        let mut lanes = Lanes::default();
        lanes.open(1);
        assert_eq!(lanes.follow(1, 2, "two"), Ok(()));
        assert_eq!(lanes.follow(2, 3, "three"), Ok(()));
        assert_eq!((lanes.next(1), lanes.next(2), lanes.next(3)), (Some("two"), Some("three"), None));
        assert_eq!(lanes.follow(3, 4, "four"), Err("four"), "there is nobody to follow any more");
        assert!(lanes.of.is_empty() && lanes.waiting.is_empty());
    }

    #[test]
    fn what_was_stopped_begins_nothing_and_is_withdrawn_whole() {
        let mut lanes = Lanes::default();
        lanes.open(1);
        lanes.follow(1, 2, ()).unwrap();
        // The end of 1 was not good, and who submits does not know yet.
        lanes.follow(2, 3, ()).unwrap();
        assert_eq!(lanes.withdraw(1, true), [2, 3]);
        assert!(lanes.of.is_empty() && lanes.waiting.is_empty());
    }

    #[test]
    fn those_that_wait_too_long_are_withdrawn_and_the_lane_goes_on() {
        let mut lanes = Lanes::default();
        lanes.open(1);
        lanes.follow(1, 2, "two").unwrap();
        assert_eq!(lanes.withdraw(2, false), [2]);
        assert!(lanes.withdraw(2, false).is_empty(), "it is not there any more");
        assert_eq!(lanes.follow(1, 3, "three"), Ok(()));
        assert_eq!((lanes.next(1), lanes.next(3)), (Some("three"), None));
    }
}
