//! Waiting for what comes at once. To sleep and to be woken costs more than a small function takes, so who has just seen
//! one looks for the next for a moment before it sleeps.

use super::clock::monotonic;
use std::thread;
use std::time::Duration;

/// Functions that take less than this are worth it; no process is started, executed and reaped in so short a time. Without
/// optimisation all of it takes longer, and the tests are to go the same ways.
const SHORT: Duration = Duration::from_micros(if cfg!(debug_assertions) { 1000 } else { 100 });

/// About what it costs to be woken.
pub(crate) const MOMENT: Duration = Duration::from_micros(50);

/// Whether what took so long is followed by the next at once.
pub(crate) fn is(took: Duration) -> bool {
    took < SHORT
}

/// Looks again and again for a moment; lets others have the processor in between.
pub(crate) fn linger<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = monotonic();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() > MOMENT {
            return None;
        }
        thread::yield_now();
    }
}

/// Looks, sleeps for so long and looks again: for who has given others enough to do, and is not to be woken for each.
pub(crate) fn doze<T>(time: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    look().or_else(|| {
        thread::sleep(time);
        look()
    })
}
