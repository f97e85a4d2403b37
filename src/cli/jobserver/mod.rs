//! GNU make's jobserver, as its client and as one: nested make, cargo, ninja and rulemake share the slots of whoever
//! was called first.
//!
//! A process has one slot by itself, from the one who started it; further ones are bytes in a pipe, which `MAKEFLAGS` names.
//! A job of several threads holds that many slots already. So it gets a pool of its own with them, and can neither be
//! robbed of them nor take others.

mod flags;
mod pool;
mod sys;

use crate::options::RunArgs;
use crate::output::Output;
use flags::Offer;
use pool::{Own, Pool};
use rulemake::{JobSlots, SlotSource};
use std::sync::Arc;
use std::time::Duration;

/// The slots that this process shares with those who called it, or with those that it calls.
pub(crate) struct Jobserver {
    side: Side,
    /// Those of this process.
    makeflags: String,
}

enum Side {
    Client(Pool),
    Server(Own),
}

/// Where the runs of this process take their slots. Who says `-j` on the command line begins a pool, as with make; a number
/// that is set elsewhere bounds what is taken from one that is there. The number of slots goes into `run`.
pub(crate) fn slots(
    run: &mut RunArgs,
    jobs_are_typed: impl FnOnce() -> bool,
    output: &Output,
) -> Option<Arc<Jobserver>> {
    let makeflags = variable("MAKEFLAGS").unwrap_or_default();
    let cargo = || variable("CARGO_MAKEFLAGS").and_then(|text| flags::offered(&text));
    let offer = flags::offered(&makeflags).or_else(cargo).filter(|_| !jobs_are_typed());
    let side = match offer {
        None => Side::Server(Own::new(number(run.jobs)).ok()?),
        Some(Offer { ways, slots }) => match ways.iter().find_map(|way| Pool::reached(way).ok()) {
            Some(pool) => {
                let set = run.jobs.filter(|jobs| *jobs > 0);
                run.jobs = Some(match slots {
                    Some(slots) => set.map_or(slots, |set| set.min(slots)),
                    None => number(set),
                });
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
    Some(Arc::new(Jobserver { side, makeflags }))
}

const UNREACHABLE: &str = "one job at a time: the jobserver that MAKEFLAGS names is out of reach\n  \
                           = help: begin the line that calls rulemake with `+` in the Makefile, or say how many with -j N";

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
            Side::Server(own) => JobSlots { variables: variables(own), until_its_end: None },
        }
    }
}
