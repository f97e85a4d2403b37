//! The core driven by seeds: random graphs, random orders of completion, failures, retries, cancels.

mod world;

use super::*;
use world::{Dice, MEMORY, World, is_good, shape};

fn simulate(seed: u64) -> usize {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (mut world, keep_going) = World::new(&mut dice);
    world.slots.map(Msg::Slots).into_iter().for_each(|msg| world.send(msg));
    world.send(Msg::Begin);
    let mut steps = 0;
    while !world.finished {
        steps += 1;
        assert!(steps < 10_000, "the run ends");
        assert!(
            world.checking.len() + world.running.len() > 0
                || world.due().is_some()
                || world.core.lacking_slots() > 0,
            "a run that is not finished has something under way"
        );
        world.step(&mut dice);
    }
    assert_eq!(world.threads, world.threads_total(), "every thread was given back");
    assert_eq!(world.memory, MEMORY, "every amount was given back");
    let is_calm = world.reopened.iter().all(|times| *times < 3);
    let is_drained = world.settled.contains(&Some(Settled::Drained));
    for (job, settled) in world.settled.iter().enumerate() {
        if world.leaders[job] != job as u32 {
            assert_eq!(*settled, None, "a part has no end of its own");
            continue;
        }
        let settled = settled.expect("every job settles");
        let bad_producer = world.needs[job].iter().any(|p| !is_good(world.settled[*p as usize]));
        match settled {
            // A producer may have been reopened after the job was decided, and have failed then.
            Settled::UpToDate | Settled::Done | Settled::Failed | Settled::Cancelled => {
                let reopened = world.needs[job].iter().any(|p| world.reopened[*p as usize] > 0);
                // Nor does a job that cannot have its inputs wait for the others.
                let never_begun = settled == Settled::Failed && !world.was_checked[job];
                assert!(!bad_producer || reopened || never_begun);
                let is_decided = matches!(settled, Settled::UpToDate | Settled::Done);
                if is_decided && !bad_producer && is_calm && !is_drained && !world.cancelled {
                    assert_eq!(world.saw[job], Some(world.sees(job as u32)), "job {job} is behind");
                }
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
    for temp in &world.temps {
        let is_needed = temp.holders().any(|job| !is_good(world.settled[job as usize]));
        assert!(!temp.is_there || is_needed, "what nobody needs is gone");
        let is_made = world.settled[temp.maker as usize] == Some(Settled::Done);
        let calm = temp.holders().all(|job| world.reopened[job as usize] == 0);
        assert!(temp.is_there || !is_made || !is_needed || !calm, "what a job still needs stays");
    }
    world.went_ahead
}

#[test]
fn ten_thousand_seeds_keep_every_promise() {
    let mut went_ahead = 0;
    for seed in 0..10_000 {
        match std::panic::catch_unwind(|| simulate(seed)) {
            Ok(ahead) => went_ahead += ahead,
            Err(panic) => panic!("seed {seed}: {:?}", panic.downcast_ref::<String>()),
        }
    }
    assert!(went_ahead > 50, "{went_ahead}");
}

#[test]
fn a_chain_of_a_million_up_to_date_jobs_is_linear() {
    let needs: Vec<Vec<u32>> =
        (0..1_000_000u32).map(|job| job.checked_sub(1).into_iter().collect()).collect();
    let mut core = Core::new(shape(&needs, &[], &[]), Ledger::new(2, &[]), false);
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
    let mut core = Core::new(shape(&needs, &[], &[]), Ledger::new(1, &[]), false);
    let mut out = Vec::new();
    core.handle(Msg::Begin, &mut out);
    let mut checks = 0;
    let mut at = 0;
    while at < out.len() {
        if let Effect::Check { job } = out[at] {
            checks += 1;
            let ask = Ask { threads: 1, named: Vec::new(), rides: false };
            let verdict = Checked::Run { ask, others: Vec::new(), retries: 0 };
            core.handle(Msg::Checked { job, verdict }, &mut out);
        }
        at += 1;
    }
    assert_eq!(checks, LOOKAHEAD, "one runs, the lookahead waits, the rest is not checked yet");
}
