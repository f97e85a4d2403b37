//! The core driven by seeds: random graphs, random orders of completion, failures, retries, cancels.

use super::*;

/// xorshift64*: a run is its seed.
struct Dice(u64);

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

fn shape(needs: &[Vec<u32>]) -> Shape {
    let n = needs.len();
    let mut consumers_of: Vec<Vec<u32>> = vec![Vec::new(); n];
    for (job, producers) in needs.iter().enumerate() {
        for producer in producers {
            consumers_of[*producer as usize].push(job as u32);
        }
    }
    let mut consumer_starts = vec![0];
    let mut consumers = Vec::new();
    for list in &consumers_of {
        consumers.extend(list);
        consumer_starts.push(consumers.len() as u32);
    }
    Shape {
        producers: needs.iter().map(|p| p.len() as u32).collect(),
        consumer_starts,
        consumers,
        priority: vec![0; n],
        height: vec![0; n],
    }
}

/// One simulated run with the promises checked at every step.
struct World {
    needs: Vec<Vec<u32>>,
    core: Core,
    threads: u64,
    memory: u64,
    checking: Vec<u32>,
    running: Vec<(u32, u64, u64)>,
    settled: Vec<Option<Settled>>,
    attempts: Vec<u32>,
    request: Vec<(u64, u64)>,
    finished: bool,
    cancelled: bool,
    failed_for_good: u32,
}

const MEMORY: u64 = 10;

impl World {
    fn new(dice: &mut Dice) -> (World, bool) {
        let n = 1 + dice.roll(40) as usize;
        let needs: Vec<Vec<u32>> = (0..n)
            .map(|job| {
                let mut list: Vec<u32> = (0..dice.roll(4)).map(|_| dice.roll(job as u64) as u32).collect();
                list.sort_unstable();
                list.dedup();
                if job == 0 { Vec::new() } else { list }
            })
            .collect();
        let threads = 1 + dice.roll(4);
        let keep_going = dice.chance(50);
        let ledger = Ledger::new(threads, &[("memory".into(), MEMORY)]);
        let request = (0..n).map(|_| (1 + dice.roll(6), dice.roll(MEMORY + 2))).collect();
        let world = World {
            core: Core::new(shape(&needs), ledger, keep_going),
            needs,
            threads,
            memory: MEMORY,
            checking: Vec::new(),
            running: Vec::new(),
            settled: vec![None; n],
            attempts: vec![0; n],
            request,
            finished: false,
            cancelled: false,
            failed_for_good: 0,
        };
        (world, keep_going)
    }

    fn send(&mut self, msg: Msg) {
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
                self.checking.push(job);
            }
            Effect::Start { job, attempt } => {
                assert!(!self.cancelled, "nothing starts after a cancel");
                self.assert_producers_good(job);
                self.attempts[job as usize] += 1;
                assert_eq!(attempt, self.attempts[job as usize], "attempts count from 1 without gaps");
                let (threads, memory) = self.request[job as usize];
                let threads = threads.min(self.threads_total());
                self.threads = self.threads.checked_sub(threads).expect("threads are never overcommitted");
                self.memory = self.memory.checked_sub(memory).expect("memory is never overcommitted");
                self.running.push((job, threads, memory));
            }
            Effect::Settled { job, as_ } => {
                assert_eq!(self.settled[job as usize].replace(as_), None, "a job settles once");
                self.failed_for_good += u32::from(as_ == Settled::Failed);
            }
            Effect::Finish => self.finished = true,
            Effect::WillRetry { .. } | Effect::Refused { .. } | Effect::Signal(_) => {}
        }
    }

    fn threads_total(&self) -> u64 {
        self.threads + self.running.iter().map(|r| r.1).sum::<u64>()
    }

    fn assert_producers_good(&self, job: u32) {
        for producer in &self.needs[job as usize] {
            let state = self.settled[*producer as usize];
            assert!(
                matches!(state, Some(Settled::UpToDate | Settled::Done)),
                "job {job} before {producer}: {state:?}"
            );
        }
    }

    fn step(&mut self, dice: &mut Dice) {
        let choices = self.checking.len() + self.running.len();
        if dice.chance(1) {
            self.cancelled = true;
            let level =
                [CancelLevel::Drain, CancelLevel::Terminate, CancelLevel::Kill][dice.roll(3) as usize];
            self.send(Msg::Cancel(level));
            return;
        }
        let pick = dice.roll(choices as u64) as usize;
        if pick < self.checking.len() {
            let job = self.checking.swap_remove(pick);
            let (threads, memory) = self.request[job as usize];
            let verdict = match dice.roll(10) {
                0 => Checked::Failed,
                1..=3 => Checked::UpToDate,
                _ => Checked::Run {
                    threads,
                    named: vec![("memory".into(), memory)],
                    retries: dice.roll(3) as u32,
                },
            };
            self.send(Msg::Checked { job, verdict });
        } else {
            let (job, threads, memory) = self.running.swap_remove(pick - self.checking.len());
            self.threads += threads;
            self.memory += memory;
            let end = match dice.roll(10) {
                0..=1 => End::Failed,
                2 if self.cancelled => End::Cancelled,
                _ => End::Done,
            };
            self.send(Msg::Ended { job, end });
        }
    }
}

fn simulate(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut world, keep_going) = World::new(&mut dice);
    world.send(Msg::Begin);
    let mut steps = 0;
    while !world.finished {
        steps += 1;
        assert!(steps < 10_000, "the run ends");
        assert!(
            world.checking.len() + world.running.len() > 0,
            "a run that is not finished has something under way"
        );
        world.step(&mut dice);
    }
    assert_eq!(world.threads, world.threads_total(), "every thread was given back");
    assert_eq!(world.memory, MEMORY, "every amount was given back");
    for (job, settled) in world.settled.iter().enumerate() {
        let settled = settled.expect("every job settles");
        let bad_producer = world.needs[job]
            .iter()
            .any(|p| !matches!(world.settled[*p as usize], Some(Settled::UpToDate | Settled::Done)));
        match settled {
            Settled::UpToDate | Settled::Done | Settled::Failed | Settled::Cancelled => {
                assert!(!bad_producer)
            }
            Settled::SkippedAfter { failed } => {
                assert!(bad_producer);
                let cause = world.settled[failed as usize];
                assert!(matches!(cause, Some(Settled::Failed | Settled::Cancelled)), "{cause:?}");
            }
            Settled::Drained => {
                assert!(world.cancelled || (!keep_going && world.failed_for_good > 0), "only a stop drains");
            }
        }
    }
}

#[test]
fn ten_thousand_seeds_keep_every_promise() {
    for seed in 0..10_000 {
        if let Err(panic) = std::panic::catch_unwind(|| simulate(seed)) {
            panic!("seed {seed}: {:?}", panic.downcast_ref::<String>());
        }
    }
}

#[test]
fn a_chain_of_a_million_up_to_date_jobs_is_linear() {
    let needs: Vec<Vec<u32>> =
        (0..1_000_000u32).map(|job| job.checked_sub(1).into_iter().collect()).collect();
    let mut core = Core::new(shape(&needs), Ledger::new(2, &[]), false);
    let (mut out, mut done) = (Vec::new(), 0);
    core.handle(Msg::Begin, &mut out);
    while let Some(effect) = out.pop() {
        match effect {
            Effect::Check { job } => {
                done += 1;
                core.handle(Msg::Checked { job, verdict: Checked::UpToDate }, &mut out);
            }
            Effect::Finish => break,
            _ => {}
        }
    }
    assert_eq!(done, 1_000_000);
}

#[test]
fn checks_run_ahead_of_starts_only_so_far() {
    let needs = vec![Vec::new(); LOOKAHEAD * 2];
    let mut core = Core::new(shape(&needs), Ledger::new(1, &[]), false);
    let mut out = Vec::new();
    core.handle(Msg::Begin, &mut out);
    let mut checks = 0;
    let mut at = 0;
    while at < out.len() {
        if let Effect::Check { job } = out[at] {
            checks += 1;
            let verdict = Checked::Run { threads: 1, named: Vec::new(), retries: 0 };
            core.handle(Msg::Checked { job, verdict }, &mut out);
        }
        at += 1;
    }
    assert_eq!(checks, LOOKAHEAD + 1, "one runs, the lookahead waits, the rest is not checked yet");
}
