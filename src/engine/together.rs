//! A unit of several jobs while it runs: who has ended how, who is to be ended, when all of it is over. Pure: the time
//! and the ends of the jobs are told.
//!
//! A failure of one ends the others. A service is ended when the last job is over that uses it, and then its end is good
//! whatever it is. A writer that dies of a broken pipe is mostly a victim: its reader, which ended first, gets a moment to
//! say why.

use crate::exec::executor::{Completion, Outcome};
use crate::files::streams::Waiting;
use std::time::{Duration, Instant};

/// How long a reader whose writer died of a broken pipe may take to end.
const PATIENCE: Duration = Duration::from_secs(1);

const SIGPIPE: i32 = 13;

#[derive(Debug)]
pub(super) struct Together {
    members: Vec<Member>,
    links: Vec<Link>,
    grace: Duration,
    /// When the others are ended because of a broken pipe.
    patience: Option<Instant>,
    failing: bool,
}

#[derive(Debug)]
struct Member {
    job: u32,
    is_service: bool,
    /// When it was asked to end.
    told: Option<Instant>,
    is_killed: bool,
    end: Option<Completion>,
}

/// A connection: a pipe or a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// The number of the pipe among those of the unit; `None` for a service.
    pub(super) pipe: Option<usize>,
    /// Positions in the unit.
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What is to be done to the jobs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    pub(super) end: Vec<u32>,
    pub(super) kill: Vec<u32>,
}

impl Together {
    /// `jobs` in the order of the unit.
    pub(super) fn new(jobs: impl Iterator<Item = u32>, links: Vec<Link>, grace: Duration) -> Together {
        let member = |(at, job)| Member {
            job,
            is_service: links.iter().any(|link| link.from == at && link.pipe.is_none()),
            told: None,
            is_killed: false,
            end: None,
        };
        let members = jobs.enumerate().map(member).collect();
        Together { members, links, grace, patience: None, failing: false }
    }

    /// A job has ended.
    pub(super) fn ended(&mut self, mut completion: Completion, now: Instant) -> Orders {
        let mut orders = Orders::default();
        let Some(at) = self.members.iter().position(|member| member.job == completion.job) else {
            return orders;
        };
        let member = &mut self.members[at];
        if member.is_service && member.told.is_some() && !self.failing {
            completion.outcome = Outcome::Success;
        }
        let is_bad = completion.outcome != Outcome::Success && member.told.is_none();
        let is_victim = is_broken_pipe(&completion.outcome);
        member.end = Some(completion);
        if is_bad && is_victim && !self.failing && self.patience.is_none() {
            self.patience = Some(now + PATIENCE);
        } else if is_bad {
            self.failing = true;
        }
        // Nobody is left who could be the cause.
        self.failing |= self.patience.is_some() && !self.members.iter().any(Member::runs_by_itself);
        if self.failing {
            self.end_all(now, &mut orders);
        } else if self.patience.is_none() {
            self.end_services(now, &mut orders);
        }
        orders
    }

    /// What the passing of time asks for.
    pub(super) fn tick(&mut self, now: Instant) -> Orders {
        let mut orders = Orders::default();
        if self.patience.is_some_and(|until| now >= until) && !self.failing {
            self.failing = true;
            self.end_all(now, &mut orders);
        }
        for member in self.members.iter_mut().filter(|member| member.end.is_none() && !member.is_killed) {
            if member.told.is_some_and(|told| now >= told + self.grace) {
                member.is_killed = true;
                orders.kill.push(member.job);
            }
        }
        orders
    }

    fn end_all(&mut self, now: Instant, orders: &mut Orders) {
        for member in self.members.iter_mut().filter(|member| member.end.is_none() && member.told.is_none()) {
            member.told = Some(now);
            orders.end.push(member.job);
        }
    }

    /// A service that another service uses is ended when that one was asked to end.
    fn end_services(&mut self, now: Instant, orders: &mut Orders) {
        for at in (0..self.members.len()).rev() {
            let is_used = |link: &Link| link.from == at && self.members[link.to].runs_by_itself();
            let member = &self.members[at];
            if member.is_service && member.runs_by_itself() && !self.links.iter().any(is_used) {
                self.members[at].told = Some(now);
                orders.end.push(self.members[at].job);
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.members.iter().all(|member| member.end.is_some())
    }

    /// Pipes of which one end will not be opened any more, by their numbers, and who may wait for that.
    pub(super) fn orphans(&self) -> impl Iterator<Item = (usize, Waiting)> + '_ {
        self.links.iter().filter_map(|link| {
            let is_over = |at: usize| self.members[at].end.is_some();
            match (is_over(link.from), is_over(link.to)) {
                (true, false) => Some((link.pipe?, Waiting::Reader)),
                (false, true) => Some((link.pipe?, Waiting::Writer)),
                _ => None,
            }
        })
    }

    /// The job whose failure is that of the unit.
    pub(super) fn cause(&self) -> Option<u32> {
        let failed = |member: &&Member| match &member.end {
            Some(end) => member.told.is_none() && end.outcome != Outcome::Success,
            None => false,
        };
        let is_victim =
            |member: &&Member| member.end.as_ref().is_some_and(|end| is_broken_pipe(&end.outcome));
        let mut all = self.members.iter().filter(failed);
        let first = all.clone().find(|member| !is_victim(member)).or_else(|| all.next());
        first.map(|member| member.job)
    }

    /// The ends of all jobs.
    pub(super) fn into_ends(self) -> Vec<Completion> {
        self.members.into_iter().filter_map(|member| member.end).collect()
    }
}

impl Member {
    fn runs_by_itself(&self) -> bool {
        self.end.is_none() && self.told.is_none()
    }
}

/// Whether a writer found nobody who reads any more: itself, or a program that its shell ran.
pub(super) fn is_broken_pipe(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Signal(SIGPIPE)) || *outcome == Outcome::Exit(128 + SIGPIPE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::monotonic;

    const GRACE: Duration = Duration::from_secs(10);

    struct Play {
        unit: Together,
        now: Instant,
    }

    impl Play {
        /// Jobs 10, 11, ...
        fn of(jobs: u32, pipes: &[(usize, usize)], services: &[(usize, usize)]) -> Play {
            let pipe = |(number, (from, to)): (usize, &(usize, usize))| Link {
                pipe: Some(number),
                from: *from,
                to: *to,
            };
            let service = |(from, to): &(usize, usize)| Link { pipe: None, from: *from, to: *to };
            let links = pipes.iter().enumerate().map(pipe).chain(services.iter().map(service)).collect();
            Play { unit: Together::new(10..10 + jobs, links, GRACE), now: monotonic() }
        }

        /// The jobs that are asked to end because of an end.
        fn ended(&mut self, job: u32, outcome: Outcome) -> Vec<u32> {
            let completion = Completion { job, outcome, duration: Duration::ZERO, began: true };
            let orders = self.unit.ended(completion, self.now);
            assert!(orders.kill.is_empty());
            orders.end
        }

        fn after(&mut self, time: Duration) -> Orders {
            self.now += time;
            self.unit.tick(self.now)
        }
    }

    #[test]
    fn a_failure_ends_the_others_and_is_the_cause() {
        let mut play = Play::of(3, &[(0, 1), (1, 2)], &[]);
        assert_eq!(play.ended(11, Outcome::Exit(3)), [10, 12]);
        assert_eq!(play.after(GRACE / 2), Orders::default());
        assert_eq!(play.ended(10, Outcome::Signal(15)), Vec::<u32>::new());
        assert_eq!(play.after(GRACE).kill, [12]);
        assert_eq!(play.after(GRACE), Orders::default(), "once");
        play.ended(12, Outcome::Signal(9));
        assert!(play.unit.is_over());
        assert_eq!(play.unit.cause(), Some(11));
    }

    #[test]
    fn a_broken_pipe_is_the_reader_s_fault_if_it_fails_and_the_writer_s_if_it_does_not() {
        for (reader, cause) in [(Outcome::Exit(1), 11), (Outcome::Success, 10)] {
            let mut play = Play::of(2, &[(0, 1)], &[]);
            assert_eq!(play.ended(10, Outcome::Exit(141)), Vec::<u32>::new(), "the reader gets a moment");
            assert_eq!(play.ended(11, reader), Vec::<u32>::new());
            assert_eq!((play.unit.is_over(), play.unit.cause()), (true, Some(cause)));
        }
        let mut play = Play::of(2, &[(0, 1)], &[]);
        play.ended(10, Outcome::Signal(13));
        assert_eq!(play.after(PATIENCE).end, [11], "but not more");
        play.ended(11, Outcome::Signal(15));
        assert_eq!(play.unit.cause(), Some(10));
    }

    #[test]
    fn a_service_is_ended_after_the_last_job_that_uses_it_and_that_is_no_failure() {
        // 10 serves 11, which serves 12 and 13.
        let mut play = Play::of(4, &[], &[(0, 1), (1, 2), (1, 3)]);
        assert_eq!(play.ended(13, Outcome::Success), Vec::<u32>::new());
        assert_eq!(play.ended(12, Outcome::Success), [11, 10]);
        play.ended(11, Outcome::Signal(15));
        assert_eq!(play.after(GRACE).kill, [10]);
        play.ended(10, Outcome::Signal(9));
        assert_eq!((play.unit.is_over(), play.unit.cause()), (true, None));
        assert!(play.unit.into_ends().iter().all(|end| end.outcome == Outcome::Success));
    }

    #[test]
    fn a_service_that_fails_before_it_is_ended_fails_the_unit() {
        let mut play = Play::of(2, &[], &[(0, 1)]);
        assert_eq!(play.ended(10, Outcome::Exit(1)), [11]);
        let mut play = Play::of(2, &[], &[(0, 1)]);
        assert_eq!(play.ended(10, Outcome::Success), Vec::<u32>::new(), "one that went into the background");
        assert_eq!(play.ended(11, Outcome::Success), Vec::<u32>::new());
        assert_eq!(play.unit.cause(), None);
    }

    #[test]
    fn an_end_of_a_pipe_that_nobody_opens_any_more_is_told() {
        let mut play = Play::of(3, &[(0, 1), (1, 2)], &[]);
        assert_eq!(play.unit.orphans().count(), 0);
        play.ended(11, Outcome::Success);
        let orphans: Vec<_> = play.unit.orphans().collect();
        assert_eq!(orphans, [(0, Waiting::Writer), (1, Waiting::Reader)]);
    }
}
