//! Slots that a run shares with others: the pool of the make that started it, or one of its own that its jobs draw from.
//!
//! Knows no protocol: where slots come from is the host's affair.

use std::any::Any;
use std::fmt;
use std::time::Duration;

/// Where a run takes the slots of its jobs from, beside its own limit; see [`SessionBuilder::slots`].
///
/// A run has one slot of its own, that of the process which it is; this gives it more. It takes one for each thread of a job
/// before the job starts, and gives back what it does not use. A job that waits for several while none comes runs with
/// those that there are, so that runs which share slots never wait for each other.
///
/// ```
/// use rulemake::{RunOptions, Session, SlotSource, Workflow};
/// use std::sync::{Arc, atomic::{AtomicI64, Ordering::SeqCst}};
/// use std::time::Duration;
///
/// struct Pool(AtomicI64);
/// impl SlotSource for Pool {
///     fn try_take(&self) -> bool {
///         self.0.fetch_update(SeqCst, SeqCst, |free| (free > 0).then_some(free - 1)).is_ok()
///     }
///     fn give_back(&self) {
///         self.0.fetch_add(1, SeqCst);
///     }
///     fn wait(&self, at_most: Duration) {
///         std::thread::sleep(at_most);
///     }
/// }
///
/// # let root = std::env::temp_dir().join(format!("rulemake-slots-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// let text = "rule all:\n    input: 'a', 'b'\nrule one:\n    output: '{x}'\n    shell: 'touch {output}'\n";
/// let pool = Arc::new(Pool(AtomicI64::new(1)));
/// let mut session =
///     Session::builder(Workflow::parse("Rulefile", text)?).root(&root).jobs(4).slots(pool.clone()).open()?;
/// assert_eq!(session.run::<&str>(&[], &RunOptions::default())?.summary.ran, 2);
/// assert_eq!(pool.0.load(SeqCst), 1, "what was taken is given back");
/// # std::fs::remove_dir_all(&root)?;
/// # Ok::<(), rulemake::BoxError>(())
/// ```
///
/// [`SessionBuilder::slots`]: crate::SessionBuilder::slots
pub trait SlotSource: Send + Sync {
    /// Takes a slot if one is free. Must not wait.
    fn try_take(&self) -> bool;

    /// Gives a slot back that was taken.
    fn give_back(&self);

    /// Waits until a slot may be free, and no longer than so long. Called on a thread that does nothing else.
    fn wait(&self, at_most: Duration);

    /// Called when none of a run's jobs is running any more. Where nobody but those jobs takes slots, what is missing was
    /// lost by one that was killed, and can be made anew.
    fn renew(&self) {}

    /// What a job is told that has so many slots, by which programs in it find slots themselves. Default: nothing.
    fn for_job(&self, slots: u32) -> JobSlots {
        let _ = slots;
        JobSlots::default()
    }
}

/// What a job is told of its slots; made by [`SlotSource::for_job`].
///
/// ```
/// use rulemake::JobSlots;
/// let mut slots = JobSlots::default();
/// slots.variables.push(("MAKEFLAGS".into(), "-j2".into()));
/// ```
#[derive(Default)]
pub struct JobSlots {
    /// Variables of its environment.
    pub variables: Vec<(String, String)>,
    /// Dropped when the job has ended.
    pub until_its_end: Option<Box<dyn Any + Send>>,
}

impl fmt::Debug for JobSlots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSlots").field("variables", &self.variables).finish_non_exhaustive()
    }
}

impl fmt::Debug for dyn SlotSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlotSource")
    }
}
