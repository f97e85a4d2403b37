//! Slots that are shared with others: taken when the next job lacks nothing else, given back when none waits.
//!
//! Taking never waits, so the driver never does. When there is none, a thread waits until there may be one and says so; it
//! takes nothing, so that nothing is lost with it. Invariant: at most [`PATIENCE`] without a change slots are held that no
//! job uses.

use super::{Inbox, Run};
use crate::base::clock;
use crate::engine::core::Msg;
use crate::engine::slots::{JobSlots, SlotSource};
use crate::exec::executor::JobRequest;
use crate::graph::job::JobId;
use rustc_hash::FxHashMap;
use std::any::Any;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// So long a job waits for a further slot. Then it runs with those that there are, or, while others run, they are given
/// back for as long.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread that waits looks so often whether it is still wanted.
const WAIT: Duration = Duration::from_millis(100);

pub(super) struct SlotState {
    source: Option<Arc<dyn SlotSource>>,
    /// Slots that were taken, beside the one that every run has.
    taken: u64,
    /// Since when a job lacks slots and none comes.
    lacking_since: Option<Instant>,
    /// None are taken before.
    rests_until: Option<Instant>,
    /// Asks the thread that waits; it is started when it is needed first.
    waiter: Option<Sender<()>>,
    is_waiting: bool,
    /// What lives as long as a job.
    of_jobs: FxHashMap<u32, Box<dyn Any + Send>>,
}

impl SlotState {
    pub(super) fn of(source: Option<Arc<dyn SlotSource>>) -> SlotState {
        SlotState {
            source,
            taken: 0,
            lacking_since: None,
            rests_until: None,
            waiter: None,
            is_waiting: false,
            of_jobs: FxHashMap::default(),
        }
    }

    /// How many slots a run begins with, if they are shared.
    pub(super) fn at_first(&self) -> Option<u64> {
        self.source.as_ref().map(|_| 1)
    }

    pub(super) fn has_waited(&mut self) {
        self.is_waiting = false;
    }

    pub(super) fn job_ended(&mut self, job: u32) {
        self.of_jobs.remove(&job);
    }

    fn give_back(&mut self, slots: u64) {
        let Some(source) = &self.source else { return };
        for _ in 0..slots.min(self.taken) {
            source.give_back();
            self.taken -= 1;
        }
    }
}

/// However the run ends, by a panic, too.
impl Drop for SlotState {
    fn drop(&mut self) {
        self.give_back(self.taken);
    }
}

impl Run<'_> {
    /// Takes slots for jobs that wait for nothing else, and gives back those that nobody needs.
    pub(super) fn look_after_slots(&mut self) {
        let Some(source) = self.slots.source.clone() else { return };
        let now = clock::monotonic();
        if self.slots.rests_until.is_some_and(|until| now < until) {
            return;
        }
        self.slots.rests_until = None;
        loop {
            let lacking = self.core.lacking_slots();
            if lacking == 0 {
                self.slots.lacking_since = None;
                return self.give_back_unused();
            }
            let got = (0..lacking).take_while(|_| source.try_take()).count() as u64;
            if got > 0 {
                self.slots.taken += got;
                self.slots.lacking_since = None;
                self.tell(Msg::Slots(1 + self.slots.taken));
            }
            if got < lacking {
                break;
            }
        }
        let since = *self.slots.lacking_since.get_or_insert(now);
        let is_alone = self.core.used_slots() == 0;
        match now.saturating_duration_since(since) >= PATIENCE {
            true if is_alone => {
                self.slots.lacking_since = None;
                self.tell(Msg::Squeeze);
            }
            true => {
                self.give_back_unused();
                self.slots.lacking_since = None;
                self.slots.rests_until = Some(now + PATIENCE);
            }
            false => self.wait_for_slot(source),
        }
    }

    /// The processes of a unit have ended: of the last one, none is left that could hold a slot.
    pub(super) fn unit_lets_slots_go(&self) {
        if let Some(source) = self.slots.source.as_ref().filter(|_| self.core.running() == 1) {
            source.renew();
        }
    }

    fn give_back_unused(&mut self) {
        let needed = self.core.used_slots().max(1);
        let unused = (1 + self.slots.taken).saturating_sub(needed);
        if unused > 0 {
            // First, for none of them may start a job any more.
            self.tell(Msg::Slots(needed));
            self.slots.give_back(unused);
        }
    }

    /// Has the driver woken when there may be a slot.
    fn wait_for_slot(&mut self, source: Arc<dyn SlotSource>) {
        if self.slots.is_waiting {
            return;
        }
        let waiter = self.slots.waiter.get_or_insert_with(|| {
            let (asks, asked) = channel();
            let inbox = self.sender.clone();
            let wait = move || {
                for () in asked {
                    source.wait(WAIT);
                    let _ = inbox.send(Inbox::Waited);
                }
            };
            // Without a thread the driver looks whenever it looks around.
            let _ = std::thread::Builder::new().name("rulemake-slots".into()).spawn(wait);
            asks
        });
        self.slots.is_waiting = waiter.send(()).is_ok();
    }

    /// How many threads a job was given, if that is fewer than it asked for. Jobs that run together were promised their
    /// shares.
    pub(super) fn squeezed(&self, job: u32) -> Option<u32> {
        let (given, asked) = self.core.threads_of(job)?;
        let is_squeezed = given < asked && self.cx.units.members(JobId(job)).is_none();
        is_squeezed.then(|| u32::try_from(given).unwrap_or(u32::MAX))
    }

    /// Tells a job where programs in it find slots. In a container there is no way to them.
    pub(super) fn share_slots(&mut self, request: &mut JobRequest) {
        let Some(source) = &self.slots.source else { return };
        let Some(prepared) = self.prepared.get(&request.job) else { return };
        let software = request.extras.as_ref().and_then(|extras| extras.software.as_ref());
        if software.is_some_and(|used| used.software.container.is_some()) {
            return;
        }
        let JobSlots { variables, until_its_end } = source.for_job(prepared.instance.threads);
        request.env.extend(variables);
        if let Some(kept) = until_its_end {
            self.slots.of_jobs.insert(request.job, kept);
        }
    }
}
