//! Cancelling a run from another thread, or pausing it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// How a run is stopped; a higher level overrides a lower one, never the other way round.
///
/// ```
/// use rulemake::CancelLevel;
/// assert!(CancelLevel::Drain < CancelLevel::Terminate && CancelLevel::Terminate < CancelLevel::Kill);
/// ```
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
    pause: Arc<AtomicU8>,
    /// Of a run: the token that its session was given.
    parent: Option<Arc<AtomicU8>>,
}

/// Cancels when it is dropped; see [`CancelToken::guard`].
///
/// ```
/// # use rulemake::{CancelLevel, CancelToken};
/// let token = CancelToken::new();
/// token.guard(CancelLevel::Kill).disarm();
/// assert_eq!(token.level(), None);
/// ```
#[derive(Debug)]
#[must_use = "it cancels when it is dropped"]
pub struct CancelGuard {
    token: CancelToken,
    level: Option<CancelLevel>,
}

impl CancelGuard {
    /// Does not cancel any more.
    ///
    /// ```
    /// # use rulemake::{CancelLevel, CancelToken};
    /// let token = CancelToken::new();
    /// let guard = token.guard(CancelLevel::Terminate);
    /// // The run has come to its end.
    /// guard.disarm();
    /// assert_eq!(token.level(), None);
    /// ```
    pub fn disarm(mut self) {
        self.level = None;
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if let Some(level) = self.level {
            self.token.cancel(level);
        }
    }
}

const GOES_ON: u8 = 0;
const TO_PAUSE: u8 = 1;
const PAUSED: u8 = 2;

impl CancelToken {
    /// Makes a token that cancels nothing yet.
    ///
    /// ```
    /// assert_eq!(rulemake::CancelToken::new().level(), None);
    /// ```
    #[must_use]
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// A token that is cancelled with this one, and also by itself: what ends one run must not end the next.
    pub(crate) fn child(&self) -> CancelToken {
        CancelToken { level: Arc::default(), pause: self.pause.clone(), parent: Some(self.level.clone()) }
    }

    /// Cancels when the guard is dropped: for a host that may stop waiting for the run, such as a task of an async
    /// runtime that is aborted while a blocking thread runs.
    ///
    /// ```
    /// use rulemake::{CancelLevel, CancelToken};
    /// let token = CancelToken::new();
    /// let guard = token.guard(CancelLevel::Terminate);
    /// drop(guard);
    /// assert_eq!(token.level(), Some(CancelLevel::Terminate));
    /// ```
    pub fn guard(&self, level: CancelLevel) -> CancelGuard {
        CancelGuard { token: self.clone(), level: Some(level) }
    }

    /// Asks for `level`; returns at once. Async-signal-safe. The token stays cancelled: for the next run
    /// the session needs another, [`Session::set_cancel`](crate::Session::set_cancel).
    ///
    /// ```
    /// # use rulemake::{CancelLevel, CancelToken};
    /// let token = CancelToken::new();
    /// token.cancel(CancelLevel::Kill);
    /// token.cancel(CancelLevel::Drain);
    /// assert_eq!(token.level(), Some(CancelLevel::Kill), "a lower level takes nothing back");
    /// ```
    pub fn cancel(&self, level: CancelLevel) {
        self.level.fetch_max(level as u8, Ordering::SeqCst);
    }

    /// Whether what is under way is to end before it is done.
    pub(crate) fn ends_work(&self) -> bool {
        self.level() > Some(CancelLevel::Drain)
    }

    /// The highest level asked for.
    ///
    /// ```
    /// # use rulemake::{CancelLevel, CancelToken};
    /// let token = CancelToken::new();
    /// assert_eq!(token.level(), None);
    /// token.cancel(CancelLevel::Drain);
    /// assert_eq!(token.level(), Some(CancelLevel::Drain));
    /// ```
    #[must_use]
    pub fn level(&self) -> Option<CancelLevel> {
        let parent = self.parent.as_ref().map_or(0, |parent| parent.load(Ordering::SeqCst));
        match self.level.load(Ordering::SeqCst).max(parent) {
            0 => None,
            1 => Some(CancelLevel::Drain),
            2 => Some(CancelLevel::Terminate),
            _ => Some(CancelLevel::Kill),
        }
    }

    /// Asks the run to pause: the processes of its jobs are stopped where they are, none is started, and their time limits
    /// do not go on. Returns at once; [`CancelToken::is_paused`] tells when it is so. A cancel ends the pause.
    ///
    /// ```
    /// let token = rulemake::CancelToken::new();
    /// token.pause();
    /// assert!(!token.is_paused(), "no run has taken notice of it");
    /// token.resume();
    /// ```
    pub fn pause(&self) {
        let _ = self.pause.compare_exchange(GOES_ON, TO_PAUSE, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Lets a paused run go on.
    ///
    /// ```
    /// let token = rulemake::CancelToken::new();
    /// token.pause();
    /// token.resume();
    /// assert!(!token.is_paused());
    /// ```
    pub fn resume(&self) {
        self.pause.store(GOES_ON, Ordering::SeqCst);
    }

    /// Whether a run was asked to pause and has done so.
    ///
    /// ```
    /// fn state(token: &rulemake::CancelToken) -> &'static str {
    ///     if token.is_paused() { "paused" } else { "running" }
    /// }
    /// assert_eq!(state(&rulemake::CancelToken::new()), "running");
    /// ```
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.pause.load(Ordering::SeqCst) == PAUSED
    }

    /// Whether the run is to be paused.
    pub(crate) fn wants_pause(&self) -> bool {
        self.pause.load(Ordering::SeqCst) != GOES_ON && self.level().is_none()
    }

    /// The run is paused now.
    pub(crate) fn set_paused(&self) {
        let _ = self.pause.compare_exchange(TO_PAUSE, PAUSED, Ordering::SeqCst, Ordering::SeqCst);
    }
}
