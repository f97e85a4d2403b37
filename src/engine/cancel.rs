//! Cancelling a run from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// How a run is stopped; a higher level overrides a lower one, never the other way round.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
#[non_exhaustive]
pub enum CancelLevel {
    /// Start nothing new; what runs may finish.
    Drain = 1,
    /// Ask the running jobs to end (SIGTERM to their process groups), kill them after a grace period.
    Terminate = 2,
    /// Kill the running jobs now.
    Kill = 3,
}

/// Stops a run from another thread, a signal handler or an observer. Clones share one state.
///
/// ```
/// use rulemake::{CancelLevel, CancelToken};
/// let token = CancelToken::new();
/// let handle = token.clone();
/// handle.cancel(CancelLevel::Terminate);
/// assert_eq!(token.level(), Some(CancelLevel::Terminate));
/// ```
#[derive(Clone, Debug, Default)]
pub struct CancelToken {
    level: Arc<AtomicU8>,
}

impl CancelToken {
    /// Makes a token that cancels nothing yet.
    #[must_use]
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// Asks for `level`; returns at once. Async-signal-safe.
    pub fn cancel(&self, level: CancelLevel) {
        self.level.fetch_max(level as u8, Ordering::SeqCst);
    }

    /// The highest level asked for.
    #[must_use]
    pub fn level(&self) -> Option<CancelLevel> {
        match self.level.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(CancelLevel::Drain),
            2 => Some(CancelLevel::Terminate),
            _ => Some(CancelLevel::Kill),
        }
    }
}
