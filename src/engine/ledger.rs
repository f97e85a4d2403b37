//! Who may run beside whom: job slots and named resources, counted in integers.
//!
//! Slots that are shared with others (`engine::slots`) come one by one: as many as are had count, up to the threads of the
//! run, and a job that waits for more of them than there are for long is given those that there are.
//!
//! Jobs wait in one heap per distinct request. Few requests are distinct, so a start looks at a handful of heads
//! and never rescans the waiting jobs: the cost per completion does not grow with their number.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// What a job asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ask {
    pub(crate) threads: u64,
    pub(crate) named: Vec<(Arc<str>, u64)>,
    /// It may be given on ahead of its turn, to begin when one ends that has the same.
    pub(crate) rides: bool,
}

/// What to do when jobs that have to run at once need more than the run has.
pub(crate) fn way_out(name: &str, amount: u64) -> String {
    match name {
        "threads" => {
            format!(
                "give the run more with `--jobs {amount}`, or let the rules ask for less with `--set-threads`"
            )
        }
        _ => format!(
            "raise the limit with `--resources {name}={amount}`, or let the rules ask for less with \
             `--set-resources`"
        ),
    }
}

/// What a job takes while it runs: threads, and named amounts in name order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Request {
    pub(crate) threads: u64,
    pub(crate) named: Vec<(Arc<str>, u64)>,
    pub(crate) rides: bool,
}

/// Order of waiting jobs: greatest priority, then longest way to the end, then order of creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Rank {
    pub(crate) priority: i64,
    pub(crate) height: u32,
    pub(crate) creation: Reverse<u32>,
}

impl Rank {
    pub(crate) fn job(self) -> u32 {
        self.creation.0
    }
}

/// After so many starts of lesser jobs the best waiting job's amounts are held free for it.
const PATIENCE: u32 = 100;

/// A job whose turn it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) job: u32,
    pub(crate) request: Request,
    /// The threads that it gets: fewer than it asks for only by [`Ledger::squeeze`].
    pub(crate) threads: u64,
}

/// The limits, what is in use, and the jobs that wait.
#[derive(Debug)]
pub(crate) struct Ledger {
    threads: u64,
    /// Those that are had now: all of them, unless slots are shared with others.
    slots: u64,
    used: u64,
    limits: IndexMap<Arc<str>, u64, FxBuildHasher>,
    free: IndexMap<Arc<str>, u64, FxBuildHasher>,
    waiting: IndexMap<Request, BinaryHeap<Rank>, FxBuildHasher>,
    waiting_len: usize,
    passed_over: u32,
}

impl Ledger {
    pub(crate) fn new(threads: u64, limits: &[(String, u64)]) -> Ledger {
        let limits: IndexMap<Arc<str>, u64, FxBuildHasher> =
            limits.iter().map(|(name, amount)| (Arc::from(name.as_str()), *amount)).collect();
        let threads = threads.max(1);
        Ledger {
            threads,
            slots: threads,
            used: 0,
            free: limits.clone(),
            limits,
            waiting: IndexMap::default(),
            waiting_len: 0,
            passed_over: 0,
        }
    }

    /// The request as it counts here: what a job asks for is capped at what there is, unlimited resources do not count.
    /// What several jobs ask for that run at the same time is added up, and the sum is not capped: each of them was
    /// promised its share. Whoever asks for no threads takes one slot all the same, or all such jobs would run at once.
    ///
    /// # Errors
    /// The name, the amount and the limit of what can never be given. With that amount as the limit it is given: it is
    /// the sum of what was asked for, for shares that are capped grow with the limit.
    pub(crate) fn admit(&self, ask: &Ask, others: &[Ask]) -> Result<Request, (Arc<str>, u64, u64)> {
        let all = || std::iter::once(ask).chain(others);
        let sum = |amounts: &mut dyn Iterator<Item = u64>| amounts.fold(0, u64::saturating_add);
        let threads = sum(&mut all().map(|ask| ask.threads.min(self.threads)));
        if threads > self.threads {
            return Err(("threads".into(), sum(&mut all().map(|ask| ask.threads)), self.threads));
        }
        let mut counted: Vec<(Arc<str>, u64)> = Vec::new();
        for (name, amount) in all().flat_map(|ask| &ask.named) {
            let Some(limit) = self.limits.get(name) else { continue };
            let amount = *amount.min(limit);
            if amount == 0 {
                continue;
            }
            match counted.iter_mut().find(|(known, _)| !others.is_empty() && known == name) {
                Some((_, sum)) => *sum = sum.saturating_add(amount),
                None => counted.push((name.clone(), amount)),
            }
        }
        for (name, amount) in &counted {
            let limit = self.limits[name];
            if *amount > limit {
                let asked = all().flat_map(|ask| &ask.named).filter(|(known, _)| known == name);
                return Err((name.clone(), sum(&mut asked.map(|(_, amount)| *amount)), limit));
            }
        }
        counted.sort_unstable();
        Ok(Request { threads: threads.max(1), named: counted, rides: ask.rides && others.is_empty() })
    }

    /// Puts a job in the queue.
    pub(crate) fn push(&mut self, request: Request, rank: Rank) {
        self.waiting.entry(request).or_default().push(rank);
        self.waiting_len += 1;
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting_len
    }

    /// From now on so many slots are had. Never fewer than are in use.
    pub(crate) fn set_slots(&mut self, slots: u64) {
        debug_assert!(slots >= self.used, "slots are given back while jobs use them");
        self.slots = slots.min(self.threads);
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// How many slots more would let the next job start: 0 when none waits for a slot alone.
    pub(crate) fn lacking(&self) -> u64 {
        let next = self.next(self.threads);
        next.map_or(0, |(_, _, request)| (self.used + request.threads).saturating_sub(self.slots))
    }

    /// Takes the best job that fits now, and its amounts.
    pub(crate) fn start(&mut self) -> Option<Turn> {
        let (rank, index, request) = self.next(self.slots)?;
        let threads = request.threads;
        let is_best = self.heads().all(|(other, ..)| other <= rank);
        self.passed_over = if is_best { 0 } else { self.passed_over + 1 };
        self.take(index, threads)
    }

    /// Takes the job that would be next with more slots, and gives it those that there are.
    pub(crate) fn squeeze(&mut self) -> Option<Turn> {
        let (_, index, request) = self.next(self.threads)?;
        let threads = request.threads.min(self.slots - self.used);
        (threads > 0).then(|| self.take(index, threads)).flatten()
    }

    /// What the best of those that wait asks for.
    pub(crate) fn first(&self) -> Option<&Request> {
        self.heads().max_by_key(|(rank, ..)| *rank).map(|(_, _, request)| request)
    }

    /// Takes the best job that asks for this out of the queue: it will have what another one has now.
    pub(crate) fn pass(&mut self, request: &Request) -> Option<u32> {
        let rank = self.waiting.get_mut(request)?.pop()?;
        self.waiting_len -= 1;
        Some(rank.job())
    }

    fn heads(&self) -> impl Iterator<Item = (Rank, usize, &Request)> {
        self.waiting.iter().enumerate().filter_map(|(i, (request, heap))| Some((*heap.peek()?, i, request)))
    }

    /// The best of those that fit into so many slots, with the place of its queue.
    fn next(&self, slots: u64) -> Option<(Rank, usize, &Request)> {
        let best = self.heads().max_by_key(|(rank, ..)| *rank)?;
        let reserved = self.passed_over >= PATIENCE && !self.fits(best.2, slots);
        self.heads()
            .filter(|(rank, _, request)| self.fits(request, slots) && (!reserved || *rank == best.0))
            .max_by_key(|(rank, ..)| *rank)
    }

    fn take(&mut self, index: usize, threads: u64) -> Option<Turn> {
        let (request, heap) = self.waiting.get_index_mut(index)?;
        let (request, rank) = (request.clone(), heap.pop()?);
        self.waiting_len -= 1;
        self.used += threads;
        for (name, amount) in &request.named {
            if let Some(free) = self.free.get_mut(name) {
                *free -= amount;
            }
        }
        Some(Turn { job: rank.job(), request, threads })
    }

    /// Gives back what a job took: the threads that it was given, and all else that it asked for.
    pub(crate) fn release(&mut self, request: &Request, threads: u64) {
        debug_assert!(threads <= self.used, "more threads given back than taken");
        self.used = self.used.saturating_sub(threads);
        for (name, amount) in &request.named {
            if let Some(free) = self.free.get_mut(name) {
                *free += amount;
            }
        }
    }

    /// Empties the queue; the jobs in no particular meaning, but in a fixed order.
    pub(crate) fn drain(&mut self) -> Vec<u32> {
        self.waiting_len = 0;
        let mut jobs: Vec<u32> =
            self.waiting.drain(..).flat_map(|(_, heap)| heap.into_iter().map(Rank::job)).collect();
        jobs.sort_unstable();
        jobs
    }

    fn fits(&self, request: &Request, slots: u64) -> bool {
        self.used + request.threads <= slots
            && request
                .named
                .iter()
                .all(|(name, amount)| self.free.get(name).is_none_or(|free| amount <= free))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(job: u32, priority: i64) -> Rank {
        Rank { priority, height: 0, creation: Reverse(job) }
    }

    fn ask(threads: u64, named: &[(&str, u64)]) -> Ask {
        Ask {
            threads,
            named: named.iter().map(|(name, amount)| (Arc::from(*name), *amount)).collect(),
            rides: false,
        }
    }

    fn request(ledger: &Ledger, threads: u64, named: &[(&str, u64)]) -> Request {
        ledger.admit(&ask(threads, named), &[]).unwrap()
    }

    #[test]
    fn a_request_above_the_limit_is_capped() {
        let ledger = Ledger::new(4, &[("mem".into(), 10)]);
        assert_eq!(
            request(&ledger, 1, &[("mem", 11)]),
            Request { threads: 1, named: vec![("mem".into(), 10)], rides: false }
        );
        assert_eq!(
            request(&ledger, 64, &[("unlimited", 5)]),
            Request { threads: 4, named: vec![], rides: false }
        );
        assert_eq!(request(&ledger, 0, &[]).threads, 1, "else all jobs without threads would run at once");
    }

    #[test]
    fn what_jobs_need_at_the_same_time_is_added_up_and_not_capped() {
        let ledger = Ledger::new(4, &[("mem".into(), 10)]);
        let both = ledger.admit(&ask(3, &[("mem", 4), ("gpu", 1)]), &[ask(1, &[("mem", 6)])]).unwrap();
        assert_eq!(both, Request { threads: 4, named: vec![("mem".into(), 10)], rides: false });
        let threads = ledger.admit(&ask(64, &[]), &[ask(1, &[])]).unwrap_err();
        assert_eq!(threads, ("threads".into(), 65, 4), "each job alone is capped, the sum is not");
        let enough = Ledger::new(65, &[]);
        assert!(enough.admit(&ask(64, &[]), &[ask(1, &[])]).is_ok(), "what is named as needed is enough");
        assert_eq!(ledger.admit(&ask(64, &[]), &[ask(0, &[])]).unwrap().threads, 4);
        let memory = ledger.admit(&ask(1, &[("mem", 6)]), &[ask(1, &[("mem", 5)])]).unwrap_err();
        assert_eq!(memory, ("mem".into(), 11, 10));
    }

    #[test]
    fn priority_then_creation_order() {
        let mut ledger = Ledger::new(1, &[]);
        for (job, priority) in [(3, 0), (1, 0), (2, 5)] {
            ledger.push(request(&ledger, 1, &[]), rank(job, priority));
        }
        let mut order = Vec::new();
        while let Some(turn) = ledger.start() {
            assert!(ledger.start().is_none(), "one slot, one job");
            ledger.release(&turn.request, turn.threads);
            order.push(turn.job);
        }
        assert_eq!(order, [2, 1, 3]);
    }

    #[test]
    fn a_big_job_is_not_starved_by_small_ones() {
        let mut ledger = Ledger::new(2, &[]);
        let small = request(&ledger, 1, &[]);
        ledger.push(small.clone(), rank(0, 0));
        ledger.start().unwrap();
        ledger.push(request(&ledger, 2, &[]), rank(1, 9));
        for job in 2..1000 {
            ledger.push(small.clone(), rank(job, 0));
        }
        // One small job always runs, so two slots are never free by chance.
        let mut started = 0;
        while let Some(turn) = ledger.start() {
            assert_ne!(turn.job, 1);
            started += 1;
            ledger.release(&small, 1);
        }
        assert_eq!(started, PATIENCE, "after that the slots are kept for the big job");
        ledger.release(&small, 1);
        assert_eq!(ledger.start().unwrap().job, 1);
    }

    #[test]
    fn named_resources_limit_independently_of_threads() {
        let mut ledger = Ledger::new(8, &[("api".into(), 2)]);
        for job in 0..3 {
            ledger.push(request(&ledger, 1, &[("api", 1)]), rank(job, 0));
        }
        ledger.push(request(&ledger, 1, &[]), rank(3, 0));
        let jobs: Vec<u32> = std::iter::from_fn(|| ledger.start().map(|turn| turn.job)).collect();
        assert_eq!(jobs, [0, 1, 3]);
    }

    #[test]
    fn slots_that_are_shared_are_asked_for_and_a_big_job_makes_do_with_what_there_is() {
        let mut ledger = Ledger::new(4, &[("api".into(), 1)]);
        ledger.set_slots(1);
        assert_eq!(ledger.lacking(), 0, "nobody waits");
        ledger.push(request(&ledger, 1, &[]), rank(0, 2));
        ledger.push(request(&ledger, 3, &[("api", 1)]), rank(1, 1));
        ledger.push(request(&ledger, 1, &[("api", 1)]), rank(2, 0));
        let first = ledger.start().unwrap();
        assert_eq!((first.job, ledger.start()), (0, None));
        assert_eq!(ledger.lacking(), 3, "the next in order, not the next that would need least");
        assert_eq!(ledger.squeeze(), None, "all slots are in use");
        ledger.release(&first.request, first.threads);
        ledger.set_slots(2);
        let squeezed = ledger.squeeze().unwrap();
        assert_eq!((squeezed.job, squeezed.request.threads, squeezed.threads), (1, 3, 2));
        assert_eq!(ledger.lacking(), 0, "the last one waits for something else than a slot");
        ledger.release(&squeezed.request, squeezed.threads);
        assert_eq!((ledger.used(), ledger.start().unwrap().job), (0, 2));
    }
}
