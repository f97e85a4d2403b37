//! GNU make's jobserver, as its client and as one: nested make, cargo, ninja and rulemake share the slots of whoever
//! was called first.
//!
//! A process has one slot by itself, from the one who started it; further ones are bytes in a pipe, which `MAKEFLAGS` names.
//! A job of several threads holds that many slots already. So it gets a pool of its own with them, and can neither be
//! robbed of them nor take others.

mod flags;
mod pool;

use crate::options::RunArgs;
use crate::output::Output;
use flags::Offer;
use pool::{Own, Pool};
use rulemake::{JobSlots, SlotSource};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The slots that this process shares with those who called it, or with those that it calls.
pub(crate) struct Jobserver {
    side: Side,
    /// Those of this process.
    makeflags: String,
    /// What jobs are told that draw from its own pool.
    told: OnceLock<Vec<(String, String)>>,
}

enum Side {
    Client(Pool),
    Server(Own),
}

/// Where the runs of this process take their slots. Who says `-j` on the command line begins a pool, as with make; a number
/// that is set elsewhere bounds what is taken from one that is there, or what the make above says without having one. The
/// number of slots goes into `run`.
pub(crate) fn slots(
    run: &mut RunArgs,
    jobs_are_typed: impl FnOnce() -> bool,
    output: &Output,
) -> Option<Arc<Jobserver>> {
    let makeflags = variable("MAKEFLAGS").unwrap_or_default();
    let cargo = || variable("CARGO_MAKEFLAGS").and_then(|text| flags::offered(&text));
    let offer = flags::offered(&makeflags).or_else(cargo);
    let told = flags::jobs(&makeflags);
    let is_below = variable("MAKELEVEL").is_some_and(|level| !matches!(&*level, "" | "0"));
    let is_told = offer.is_some() || told.is_some() || is_below;
    let is_told = is_told && !jobs_are_typed();
    let side = match offer.filter(|_| is_told) {
        None => {
            // `make -j1` has no pool that would say so.
            match told.filter(|_| is_told) {
                Some(Some(slots)) => run.jobs = Some(bounded(run.jobs, slots)),
                None if is_told && run.jobs.is_none() => {
                    run.jobs = Some(1);
                    if !run.dry_run {
                        output.remark(SERIAL);
                    }
                }
                _ => {}
            }
            Side::Server(Own::new(number(run.jobs)).ok()?)
        }
        Some(Offer { ways, slots }) => match ways.iter().find_map(|way| Pool::reached(way).ok()) {
            Some(pool) => {
                run.jobs = Some(slots.map_or_else(|| number(run.jobs), |slots| bounded(run.jobs, slots)));
                Side::Client(pool)
            }
            None => {
                // As make does in this place.
                run.jobs = Some(1);
                if !run.dry_run {
                    output.remark(UNREACHABLE);
                }
                return None;
            }
        },
    };
    Some(Arc::new(Jobserver { side, makeflags, told: OnceLock::new() }))
}

const UNREACHABLE: &str = "one job at a time: the jobserver that MAKEFLAGS names is out of reach\n  \
                           = help: begin the line that calls rulemake with `+` in the Makefile, or say how many with -j N";

const SERIAL: &str = "one job at a time, as the make above was called without -j\n  \
                      = help: begin the line that calls rulemake with `+` and call `make -jN`, or say how many with -j N";

/// At most so many, and no more than what is set.
fn bounded(set: Option<usize>, slots: usize) -> usize {
    set.filter(|set| *set > 0).map_or(slots, |set| set.min(slots))
}

/// How many jobs run at once, when that is said or not.
fn number(jobs: Option<usize>) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    jobs.filter(|jobs| *jobs > 0).unwrap_or_else(processors)
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the command learns here who called it")]
    std::env::var(name).ok()
}

impl Jobserver {
    /// Gives back what the run of this process holds: for an end without one.
    pub(crate) fn give_all_back(&self) {
        self.pool().give_all_back();
    }

    fn pool(&self) -> &Pool {
        match &self.side {
            Side::Client(pool) => pool,
            Side::Server(own) => &own.pool,
        }
    }
}

impl SlotSource for Jobserver {
    fn try_take(&self) -> bool {
        self.pool().try_take()
    }

    fn give_back(&self) {
        self.pool().give_back();
    }

    fn wait(&self, at_most: Duration) {
        self.pool().wait(at_most);
    }

    fn renew(&self) {
        if let Side::Server(own) = &self.side {
            own.renew();
        }
    }

    fn for_job(&self, slots: u32) -> JobSlots {
        let variables = |own: &Own| {
            let flags = own.offered(&self.makeflags);
            // The one that cargo looks at first.
            vec![("CARGO_MAKEFLAGS".to_string(), flags.clone()), ("MAKEFLAGS".to_string(), flags)]
        };
        if slots > 1
            && let Ok(own) = Own::new(slots as usize)
        {
            return JobSlots { variables: variables(&own), until_its_end: Some(Box::new(own)) };
        }
        match &self.side {
            // What this process was told holds for its jobs, too.
            Side::Client(_) => JobSlots::default(),
            Side::Server(own) => {
                let variables = self.told.get_or_init(|| variables(own)).clone();
                JobSlots { variables, until_its_end: None }
            }
        }
    }
}
