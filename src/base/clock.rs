//! The only place that reads time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall-clock time in milliseconds since the Unix epoch; 0 when the clock stands before it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub(crate) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis() as u64
}

/// Where a session has the time from that it tells: of its events, and how long its run took. See
/// [`SessionBuilder::clock`](crate::SessionBuilder::clock).
///
/// ```
/// use rulemake::{Clock, EventKind, Rule, RunOptions, Session, Workflow};
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// /// It is always noon.
/// struct Noon;
///
/// impl Clock for Noon {
///     fn wall_ms(&self) -> u64 {
///         43_200_000
///     }
///
///     fn monotonic(&self) -> Duration {
///         Duration::ZERO
///     }
/// }
///
/// # let root = std::env::temp_dir().join(format!("rulemake-doc-clock-{}", std::process::id()));
/// # std::fs::create_dir_all(&root)?;
/// let workflow = Workflow::builder().rule(Rule::builder("a").output("a").shell("touch a")).build()?;
/// let mut session = Session::builder(workflow)
///     .root(&root)
///     .clock(Arc::new(Noon))
///     .observer(|event| assert_eq!(event.time_ms, 43_200_000))
///     .open()?;
/// assert_eq!(session.run::<&str>(&[], &RunOptions::default())?.summary.wall_ms, 0);
/// # std::fs::remove_dir_all(&root)?;
/// # Ok::<(), rulemake::BoxError>(())
/// ```
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn wall_ms(&self) -> u64;

    /// Time since any fixed moment, which never goes back.
    fn monotonic(&self) -> Duration;
}

/// The clock of the machine.
#[derive(Debug)]
pub(crate) struct SystemClock {
    since: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> SystemClock {
        SystemClock { since: monotonic() }
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> u64 {
        wall_ms()
    }

    fn monotonic(&self) -> Duration {
        self.since.elapsed()
    }
}

/// A point of monotonic time, for durations.
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
