//! A simulated world around the core: it does what the core asks for in a random order, and holds every effect against what was
//! promised.

use super::*;
use crate::engine::core::grow::{ChangedJob, Growth, NewJob};
use crate::engine::core::units::contract;

/// xorshift64*: a run is its seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % sides.max(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

pub(super) fn shape(needs: &[Vec<u32>], temps: &[Temp], open: &[u32]) -> Shape {
    let n = needs.len();
    let consumers = needs.iter().zip(0..).flat_map(|(list, job)| list.iter().map(move |need| (*need, job)));
    let holds = temps.iter().zip(0..).flat_map(|(temp, i)| temp.holders().map(move |job| (job, i)));
    Shape {
        producers: needs.iter().map(|p| p.len() as u32).collect(),
        consumers: Rows::pack(n, consumers),
        priority: vec![0; n],
        height: vec![0; n],
        holds: Rows::pack(n, holds),
        holders: temps.iter().map(|temp| temp.holders().count() as u32).collect(),
        open: open.to_vec(),
        parts: Vec::new(),
    }
}

/// A temporary file.
pub(super) struct Temp {
    pub(super) maker: u32,
    pub(super) readers: Vec<u32>,
    pub(super) is_there: bool,
}

impl Temp {
    pub(super) fn holders(&self) -> impl Iterator<Item = u32> + Clone {
        std::iter::once(self.maker).chain(self.readers.iter().copied())
    }
}

/// Jobs that run at the same time, by the first of each: neighbours in number, so that no unit needs itself.
fn groups(n: usize, dice: &mut Dice) -> Vec<u32> {
    let chance = if dice.chance(50) { 25 } else { 0 };
    let mut leaders: Vec<u32> = Vec::with_capacity(n);
    for job in 0..n as u32 {
        let leader = leaders.last().copied().filter(|_| dice.chance(chance));
        leaders.push(leader.unwrap_or(job));
    }
    leaders
}

/// What units need, from what their jobs do; parts need nothing.
fn needs_of_units(needs: &[Vec<u32>], leaders: &[u32]) -> Vec<Vec<u32>> {
    let mut units = vec![Vec::new(); needs.len()];
    for (list, leader) in needs.iter().zip(leaders) {
        let outside = list.iter().map(|need| leaders[*need as usize]).filter(|need| need != leader);
        units[*leader as usize].extend(outside);
    }
    for list in &mut units {
        list.sort_unstable();
        list.dedup();
    }
    units
}

/// One simulated run with the promises checked at every step. But for `leaders` all is said of units.
pub(super) struct World {
    /// By job, the first of its unit.
    pub(super) leaders: Vec<u32>,
    pub(super) jobs_at_first: u32,
    pub(super) needs: Vec<Vec<u32>>,
    pub(super) core: Core,
    pub(super) threads: u64,
    /// How many slots are had now, where they are shared with others.
    pub(super) slots: Option<u64>,
    pub(super) memory: u64,
    pub(super) checking: Vec<u32>,
    pub(super) running: Vec<(u32, u64, u64)>,
    /// By a running job, those that ride on it.
    pub(super) lines: std::collections::BTreeMap<u32, Vec<u32>>,
    /// Those that rode on the job that ends just now.
    pub(super) left: Vec<u32>,
    /// Running jobs in whose lines nobody is to be seated any more, and whether the one that ends just now is one.
    pub(super) closed: std::collections::BTreeSet<u32>,
    pub(super) left_closed: bool,
    /// A job that must run whatever the one before it leaves, and that one.
    pub(super) ahead: Option<(u32, u32)>,
    /// How many went ahead.
    pub(super) went_ahead: usize,
    pub(super) settled: Vec<Option<Settled>>,
    pub(super) attempts: Vec<u32>,
    /// What each job of the unit asks for.
    pub(super) request: Vec<Vec<(u64, u64)>>,
    pub(super) temps: Vec<Temp>,
    /// What a job has made, and what it saw of each producer then; `None`: nothing is on record.
    pub(super) version: Vec<u32>,
    pub(super) saw: Vec<Option<Vec<u32>>>,
    pub(super) reopened: Vec<u32>,
    pub(super) was_checked: Vec<bool>,
    /// Open jobs and the checkpoints that they wait for.
    pub(super) open: Vec<(u32, Vec<u32>)>,
    /// Per job, below which number a job cannot depend on it.
    pub(super) below: Vec<u32>,
    pub(super) finished: bool,
    pub(super) cancelled: bool,
    pub(super) failed_for_good: u32,
}

pub(super) const MEMORY: u64 = 10;

impl World {
    pub(super) fn new(dice: &mut Dice) -> (World, bool) {
        let n = 1 + dice.roll(40) as usize;
        let is_chain = dice.chance(10);
        let needs: Vec<Vec<u32>> = (0..n)
            .map(|job| {
                if is_chain {
                    return (job as u32).checked_sub(1).into_iter().collect();
                }
                let mut list: Vec<u32> = (0..dice.roll(4)).map(|_| dice.roll(job as u64) as u32).collect();
                list.sort_unstable();
                list.dedup();
                if job == 0 { Vec::new() } else { list }
            })
            .collect();
        let threads = 1 + dice.roll(4);
        let keep_going = dice.chance(50);
        let ledger = Ledger::new(threads, &[("memory".into(), MEMORY)]);
        let leaders = groups(n, dice);
        let jobs = needs;
        let needs = needs_of_units(&jobs, &leaders);
        let mut request = vec![Vec::new(); n];
        leaders.iter().for_each(|leader| request[*leader as usize].push(roll_request(dice)));
        let built = !is_chain && dice.chance(50);
        let saw: Vec<Option<Vec<u32>>> =
            needs.iter().map(|list| (built && dice.chance(80)).then(|| vec![0; list.len()])).collect();
        let mut temps = Vec::new();
        for maker in 0..n as u32 {
            for _ in 0..dice.roll(3) {
                let consumers = (0..n as u32).filter(|job| jobs[*job as usize].contains(&maker));
                let readers = consumers.filter(|_| dice.chance(70)).collect();
                let is_there = saw[leaders[maker as usize] as usize].is_some() && dice.chance(30);
                temps.push(Temp { maker, readers, is_there });
            }
        }
        let mut open = Vec::new();
        for (job, list) in needs.iter().enumerate() {
            if !list.is_empty() && dice.chance(15) {
                open.push((job as u32, list[..1 + dice.roll(list.len() as u64) as usize].to_vec()));
            }
        }
        let open_jobs: Vec<u32> = open.iter().map(|(job, _)| *job).collect();
        let shape = contract(&shape(&jobs, &temps, &open_jobs), |job| leaders[job as usize]);
        for temp in &mut temps {
            temp.maker = leaders[temp.maker as usize];
            temp.readers.iter_mut().for_each(|reader| *reader = leaders[*reader as usize]);
            temp.readers.dedup();
            temp.readers.retain(|reader| *reader != temp.maker);
        }
        let world = World {
            core: Core::new(shape, ledger, keep_going),
            leaders,
            jobs_at_first: n as u32,
            open,
            below: (0..n as u32).collect(),
            needs,
            threads,
            slots: dice.chance(40).then_some(1),
            memory: MEMORY,
            checking: Vec::new(),
            running: Vec::new(),
            lines: Default::default(),
            left: Vec::new(),
            closed: Default::default(),
            left_closed: false,
            ahead: None,
            went_ahead: 0,
            settled: vec![None; n],
            attempts: vec![0; n],
            request,
            temps,
            version: vec![0; n],
            saw,
            reopened: vec![0; n],
            was_checked: vec![false; n],
            finished: false,
            cancelled: false,
            failed_for_good: 0,
        };
        (world, keep_going)
    }

    pub(super) fn send(&mut self, msg: Msg) {
        let mut out = Vec::new();
        self.core.handle(msg, &mut out);
        for effect in out {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        assert!(!self.finished, "nothing follows Finish");
        match effect {
            Effect::Check { job } => {
                self.assert_producers_good(job);
                assert!(self.open.iter().all(|(open, _)| *open != job), "open job {job} is checked");
                self.was_checked[job as usize] = true;
                self.checking.push(job);
            }
            Effect::Start { job, attempt } => {
                assert!(!self.cancelled, "nothing starts after a cancel");
                self.assert_producers_good(job);
                self.assert_files_of_start(job);
                self.attempts[job as usize] += 1;
                assert_eq!(attempt, self.attempts[job as usize], "attempts count from 1 without gaps");
                let total = self.threads_total();
                let asked: u64 =
                    self.request[job as usize].iter().map(|(threads, _)| threads.min(&total)).sum();
                let threads = self.core.threads_of(job).unwrap().0;
                let used = total - self.threads;
                match self.slots {
                    None => assert_eq!(threads, asked),
                    Some(slots) => {
                        assert!(used + threads <= slots, "slots are never overcommitted");
                        let is_alone = self.running.is_empty() && threads == slots;
                        assert!(
                            threads == asked || (threads < asked && is_alone),
                            "given {threads} of {asked}"
                        );
                    }
                }
                assert_eq!(self.leaders[job as usize], job, "a part never starts");
                self.begin(job, threads);
                self.lines.insert(job, Vec::new());
            }
            Effect::Ride { job, attempt, behind } => {
                assert!(!self.cancelled, "nothing starts after a cancel");
                match self.ahead {
                    Some((ahead, before)) if ahead == job => {
                        assert_eq!(before, behind);
                        self.went_ahead += 1;
                        assert!(self.lines.contains_key(&behind), "what it waits for runs");
                        let others = self.needs[job as usize].iter().filter(|need| **need != before);
                        others.for_each(|need| assert!(is_good(self.settled[*need as usize])));
                    }
                    _ => self.assert_producers_good(job),
                }
                self.assert_files_of_start(job);
                self.attempts[job as usize] += 1;
                assert_eq!(attempt, self.attempts[job as usize], "attempts count from 1 without gaps");
                let lines = &mut self.lines;
                let line = lines.iter_mut().find(|(head, line)| *line.last().unwrap_or(head) == behind);
                let (head, line) = line.expect("it comes after the last of those that ride");
                assert!(!self.closed.contains(head), "nobody follows where some were taken back");
                line.push(job);
            }
            Effect::Begins { job } => {
                assert_eq!(self.left.remove(0), job, "riders begin in their order");
                // As of any job that runs, a producer may have been reopened since: it waits for the end of this one.
                let is_fit =
                    |need: &u32| is_good(self.settled[*need as usize]) || self.reopened[*need as usize] > 0;
                assert!(self.needs[job as usize].iter().all(is_fit), "job {job} begins before its producers");
                self.assert_files_of_start(job);
                self.begin(job, self.core.threads_of(job).unwrap().0);
                let line = std::mem::take(&mut self.left);
                self.lines.insert(job, line);
                if self.left_closed {
                    self.closed.insert(job);
                }
            }
            Effect::Settled { job, as_ } => {
                assert_eq!(self.settled[job as usize].replace(as_), None, "a job settles once");
                self.failed_for_good += u32::from(as_ == Settled::Failed);
            }
            Effect::Reopened { job } => {
                let was = self.settled[job as usize].take();
                assert!(is_good(was), "{was:?}");
                self.attempts[job as usize] = 0;
                self.reopened[job as usize] += 1;
            }
            Effect::Remove { temp } => {
                let temp = &mut self.temps[temp as usize];
                assert!(temp.holders().all(|job| is_good(self.settled[job as usize])), "somebody needs it");
                let mut open = self.open.iter().map(|(job, _)| self.settled[*job as usize]);
                assert!(open.all(|state| state.is_some()), "an open job may come to need it");
                temp.is_there = false;
            }
            Effect::Finish => self.finished = true,
            Effect::WillRetry { .. }
            | Effect::Refused { .. }
            | Effect::Restless { .. }
            | Effect::Signal(_) => {}
        }
    }

    fn begin(&mut self, job: u32, threads: u64) {
        let memory = self.request[job as usize].iter().map(|(_, memory)| memory.min(&MEMORY)).sum();
        self.threads = self.threads.checked_sub(threads).expect("threads are never overcommitted");
        self.memory = self.memory.checked_sub(memory).expect("memory is never overcommitted");
        self.running.push((job, threads, memory));
        self.set_temps(job, false);
    }

    /// Riders of a job that have not begun are taken back: the last of them, or all.
    fn take_back(&mut self, job: u32, from: usize) {
        let jobs =
            self.lines.get_mut(&job).map(|line| line.split_off(from.min(line.len()))).unwrap_or_default();
        jobs.iter().for_each(|job| self.attempts[*job as usize] -= 1);
        self.closed.insert(job);
        self.send(Msg::Back { behind: job, jobs });
    }

    pub(super) fn threads_total(&self) -> u64 {
        self.threads + self.running.iter().map(|r| r.1).sum::<u64>()
    }

    fn assert_producers_good(&self, job: u32) {
        for producer in &self.needs[job as usize] {
            let state = self.settled[*producer as usize];
            assert!(is_good(state), "job {job} before {producer}: {state:?}");
        }
    }

    fn assert_files_of_start(&self, job: u32) {
        for temp in &self.temps {
            assert!(temp.is_there || !temp.readers.contains(&job), "job {job} starts without its input");
        }
        let reader = self.running.iter().find(|(other, ..)| self.needs[*other as usize].contains(&job));
        assert_eq!(reader, None, "job {job} would remove what a running job reads");
    }

    fn set_temps(&mut self, job: u32, is_there: bool) {
        self.temps.iter_mut().filter(|t| t.maker == job).for_each(|t| t.is_there = is_there);
    }

    pub(super) fn sees(&self, job: u32) -> Vec<u32> {
        self.needs[job as usize].iter().map(|producer| self.version[*producer as usize]).collect()
    }

    fn verdict(&self, job: u32, dice: &mut Dice) -> Checked {
        if dice.chance(5) {
            return Checked::Failed;
        }
        let is_needed = self.reopened[job as usize] > 0
            && self.temps.iter().any(|t| t.maker == job && !t.is_there)
            && dice.chance(90);
        if !is_needed && self.saw[job as usize] == Some(self.sees(job)) && !dice.chance(20) {
            return Checked::UpToDate;
        }
        let absent = self.temps.iter().filter(|t| !t.is_there && t.readers.contains(&job));
        let mut producers: Vec<u32> = absent.map(|t| t.maker).collect();
        producers.dedup();
        if !producers.is_empty() {
            return Checked::Lacks { producers };
        }
        let ask = |(threads, memory): &(u64, u64)| Ask {
            threads: *threads,
            named: vec![("memory".into(), *memory)],
            rides: !job.is_multiple_of(4),
        };
        let mut asks: Vec<Ask> = self.request[job as usize].iter().map(ask).collect();
        let others = asks.split_off(1);
        Checked::Run { ask: asks.remove(0), others, retries: dice.roll(3) as u32 }
    }

    /// An open job whose checkpoints are all final.
    pub(super) fn due(&self) -> Option<usize> {
        let is_due = |(job, on): &(u32, Vec<u32>)| {
            self.settled[*job as usize].is_none() && on.iter().all(|on| is_good(self.settled[*on as usize]))
        };
        self.open.iter().position(is_due).filter(|_| !self.core.is_draining())
    }

    /// New jobs for an open one. They need what cannot depend on it, and each other.
    fn grow(&mut self, at: usize, dice: &mut Dice) {
        let (job, _) = self.open.swap_remove(at);
        let below = self.below[job as usize];
        let mut growth = Growth::default();
        if dice.chance(10) {
            growth.failed.push(job);
            self.send(Msg::Grow(growth));
            return;
        }
        let first = self.needs.len() as u32;
        let mut more = Vec::new();
        for new in first..first + dice.roll(5) as u32 {
            let mut needs: Vec<u32> = (0..dice.roll(3)).map(|_| dice.roll(below.into()) as u32).collect();
            needs.extend((first..new).filter(|_| dice.chance(30)));
            needs.retain(|need| *need < self.needs.len() as u32);
            needs.iter_mut().for_each(|need| *need = self.leaders[*need as usize]);
            // What is part of the open job comes after what that needs.
            needs.retain(|need| *need != job);
            needs.sort_unstable();
            needs.dedup();
            if let Some(unit) = self.unit_to_join(first, new, job, dice) {
                self.add_job(Vec::new(), below, dice);
                self.leaders[new as usize] = unit;
                let asked = std::mem::take(&mut self.request[new as usize]);
                self.request[unit as usize].extend(asked);
                growth.jobs.push(NewJob { needs: Vec::new(), priority: 0, is_open: false, is_part: true });
                growth.order.push(new);
                match unit.checked_sub(first) {
                    Some(at) => {
                        let known = &self.needs[unit as usize];
                        needs.retain(|need| *need != unit && !known.contains(need));
                        self.needs[unit as usize].extend(&needs);
                        if let Some(saw) = &mut self.saw[unit as usize] {
                            saw.extend(needs.iter().map(|_| u32::MAX));
                        }
                        growth.jobs[at as usize].needs.extend(needs);
                    }
                    None => more.extend(needs),
                }
                continue;
            }
            let is_open = !needs.is_empty() && dice.chance(20);
            if is_open {
                self.open.push((new, needs[..1].to_vec()));
            }
            self.add_job(needs.clone(), below, dice);
            growth.jobs.push(NewJob { needs, priority: dice.roll(3) as i64, is_open, is_part: false });
            growth.order.push(new);
        }
        let known = self.needs[job as usize].clone();
        let is_unit = |need: &u32| self.leaders[*need as usize] == *need && *need != job;
        let all = (0..below).chain(first..self.needs.len() as u32).filter(is_unit);
        let mut needs: Vec<u32> = all
            .filter(|need| {
                !known.contains(need)
                    && (more.contains(need) || dice.chance(if *need < first { 5 } else { 60 }))
            })
            .collect();
        needs.dedup();
        self.needs[job as usize].extend(&needs);
        if let Some(saw) = &mut self.saw[job as usize] {
            // Inputs that are new are another list than before.
            saw.push(u32::MAX);
        }
        let is_open = dice.chance(20);
        if is_open {
            self.open.push((job, self.needs[job as usize][..1].to_vec()));
        }
        self.hold_temps(first, job, &needs, &mut growth, dice);
        growth.changed.push(ChangedJob { job, needs, is_open });
        if let Some(later) = self.put_later(job, dice) {
            let is_open = self.open.iter().any(|(open, _)| *open == later);
            growth.changed.push(ChangedJob { job: later, needs: vec![job], is_open });
        }
        self.send(Msg::Grow(growth));
    }

    /// A job that has not begun and is to come after `job` from now on, whatever is under way with it.
    fn put_later(&mut self, job: u32, dice: &mut Dice) -> Option<u32> {
        let after = job + 1..self.jobs_at_first;
        let later = after.start + dice.roll(after.len() as u64) as u32;
        let is_fit = after.contains(&later)
            && dice.chance(40)
            && self.leaders[later as usize] == later
            && self.settled[later as usize].is_none()
            && !self.core.has_begun(later)
            && !self.needs[later as usize].contains(&job);
        if !is_fit {
            return None;
        }
        self.needs[later as usize].push(job);
        if let Some(saw) = &mut self.saw[later as usize] {
            saw.push(u32::MAX);
        }
        Some(later)
    }

    /// The unit that a new job runs with, if any: that of the job before it, or the open one.
    fn unit_to_join(&self, first: u32, new: u32, open: u32, dice: &mut Dice) -> Option<u32> {
        let before = (new > first).then(|| self.leaders[new as usize - 1]);
        match dice.roll(8) {
            0 => before,
            1 => Some(open),
            _ => None,
        }
    }

    fn add_job(&mut self, needs: Vec<u32>, below: u32, dice: &mut Dice) {
        self.saw
            .push(dice.chance(50).then(|| needs.iter().map(|need| self.version[*need as usize]).collect()));
        self.needs.push(needs);
        self.below.push(below);
        self.settled.push(None);
        self.attempts.push(0);
        self.leaders.push(self.request.len() as u32);
        self.request.push(vec![roll_request(dice)]);
        self.version.push(0);
        self.reopened.push(0);
        self.was_checked.push(false);
    }

    /// New readers of temporary files that are there, and temporary files of the new jobs.
    fn hold_temps(&mut self, first: u32, job: u32, added: &[u32], growth: &mut Growth, dice: &mut Dice) {
        let new = first..self.needs.len() as u32;
        let reads: Vec<(u32, Vec<u32>)> = new
            .clone()
            .map(|new| (new, self.needs[new as usize].clone()))
            .chain([(job, added.to_vec())])
            .collect();
        for (i, temp) in (0..).zip(&mut self.temps) {
            for (reader, _) in reads.iter().filter(|(_, needs)| needs.contains(&temp.maker)) {
                if dice.chance(70) {
                    temp.readers.push(*reader);
                    growth.holds.push((*reader, i));
                }
            }
        }
        for maker in new.filter(|new| self.leaders[*new as usize] == *new) {
            let readers = reads.iter().filter(|(_, needs)| needs.contains(&maker)).map(|(job, _)| *job);
            let is_there = self.saw[maker as usize].is_some() && dice.chance(30);
            let temp = Temp { maker, readers: readers.collect(), is_there };
            growth.holds.extend(temp.holders().map(|job| (job, self.temps.len() as u32)));
            self.temps.push(temp);
        }
    }

    pub(super) fn step(&mut self, dice: &mut Dice) {
        let choices = self.checking.len() + self.running.len();
        if let Some(due) = self.due().filter(|_| choices == 0 || dice.chance(30)) {
            self.grow(due, dice);
            return;
        }
        if dice.chance(1) {
            self.cancelled = true;
            let level =
                [CancelLevel::Drain, CancelLevel::Terminate, CancelLevel::Kill][dice.roll(3) as usize];
            self.send(Msg::Cancel(level));
            return;
        }
        if self.slots.is_some() && (choices == 0 || dice.chance(30)) {
            return self.share(dice);
        }
        if dice.chance(10) {
            return self.send(Msg::Pace { riders: [0, 2, 32, 32][dice.roll(4) as usize] });
        }
        let carriers: Vec<(u32, u32)> = self.core.carriers().collect();
        if !carriers.is_empty() && dice.chance(10) {
            let (carrier, _) = carriers[dice.roll(carriers.len() as u64) as usize];
            return self.take_back(carrier, dice.roll(4) as usize);
        }
        // One that began when the job before it had just ended is heard of before that.
        let is_ahead = |carrier: &u32| self.needs[self.lines[carrier][0] as usize].contains(carrier);
        if let Some((carrier, _)) =
            carriers.first().filter(|(carrier, _)| !is_ahead(carrier) && dice.chance(10))
        {
            let job = self.lines.get_mut(carrier).expect("it runs").remove(0);
            let affected = self.make(job, dice);
            return self.send(Msg::Ended { job, end: End::Done { affected } });
        }
        if let Some((behind, job)) = self.core.next_in_chain().filter(|_| dice.chance(50)) {
            self.go_ahead(behind, job, dice);
            return;
        }
        let pick = dice.roll(choices as u64) as usize;
        if pick < self.checking.len() {
            let job = self.checking.swap_remove(pick);
            let verdict = self.verdict(job, dice);
            self.send(Msg::Checked { job, verdict });
        } else {
            let (job, threads, memory) = self.running.swap_remove(pick - self.checking.len());
            self.threads += threads;
            self.memory += memory;
            let end = match dice.roll(10) {
                0..=1 => End::Failed,
                2 if self.cancelled => End::Cancelled,
                _ => End::Done { affected: self.make(job, dice) },
            };
            if !matches!(end, End::Done { .. }) {
                self.take_back(job, 0);
            }
            self.left = self.lines.remove(&job).unwrap_or_default();
            self.left_closed = self.closed.remove(&job);
            self.send(Msg::Ended { job, end });
            assert!(self.left.is_empty(), "who rides begins at the end of the one before");
        }
    }

    /// The next job of a chain is to ride on the one that it waits for, if nothing that was decided before can change.
    fn go_ahead(&mut self, behind: u32, job: u32, dice: &mut Dice) {
        if self.reopened[behind as usize] > 0 || self.saw[job as usize].is_some() {
            return;
        }
        if dice.chance(80) {
            self.request[job as usize] = self.request[behind as usize].clone();
        }
        if let Checked::Run { ask, retries, others } = self.verdict(job, dice)
            && others.is_empty()
        {
            self.ahead = Some((job, behind));
            self.send(Msg::Ahead { behind, job, ask, retries });
            self.ahead = None;
        }
    }

    /// Somebody outside gives slots or takes them, or has none to give while nothing runs here.
    fn share(&mut self, dice: &mut Dice) {
        let (used, lacking) = (self.core.used_slots(), self.core.lacking_slots());
        assert_eq!(used, self.threads_total() - self.threads);
        if lacking > 0 && used == 0 && dice.chance(50) {
            return self.send(Msg::Squeeze);
        }
        let slots = used.max(1) + dice.roll(lacking + 1);
        self.slots = Some(slots.min(self.threads_total()));
        self.send(Msg::Slots(slots));
    }

    /// The job made its files; who read others before.
    fn make(&mut self, job: u32, dice: &mut Dice) -> Vec<u32> {
        self.set_temps(job, true);
        self.saw[job as usize] = Some(self.sees(job));
        let again = self.reopened[job as usize] > 0;
        if !dice.chance(if again { 30 } else { 50 }) {
            return Vec::new();
        }
        self.version[job as usize] += 1;
        let consumers = (0..self.needs.len()).filter(|c| again && self.needs[*c].contains(&job));
        consumers.map(|consumer| consumer as u32).collect()
    }
}

fn roll_request(dice: &mut Dice) -> (u64, u64) {
    (1 + dice.roll(6), dice.roll(MEMORY + 2))
}

pub(super) fn is_good(state: Option<Settled>) -> bool {
    matches!(state, Some(Settled::UpToDate | Settled::Done))
}
