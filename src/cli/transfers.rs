//! What goes between the cache and the place that others share, told while it goes.

use crate::commands::size_text;
use crate::live::Live;
use crate::output::{Output, say};
use rulemake::cache::{CacheTraffic, Transferred};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

const REDRAW: Duration = Duration::from_millis(120);
/// Where no line is drawn anew.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Before that the speed tells nothing.
const SPEED_AFTER: Duration = Duration::from_millis(500);

/// What went since it was made.
#[derive(Clone)]
pub(crate) struct Transfers {
    traffic: CacheTraffic,
    since: Option<Instant>,
}

impl Transfers {
    pub(crate) fn new(traffic: CacheTraffic) -> Transfers {
        Transfers { traffic, since: None }
    }

    /// `received 1.2 of 4.0 GB, 34 MB/s`; nothing while nothing went.
    pub(crate) fn now(&mut self) -> Option<String> {
        let (received, sent) = (self.traffic.received(), self.traffic.sent());
        if received.expected + sent.expected == 0 {
            return None;
        }
        let elapsed = self.since.get_or_insert_with(Instant::now).elapsed();
        Some(told(&received, &sent, elapsed))
    }

    /// The same when all is done: `received 12 files (4.0 GB)`.
    pub(crate) fn end(&self) -> Option<String> {
        let way = |verb: &str, way: Transferred| {
            let files = if way.files == 1 { "file" } else { "files" };
            (way.files > 0).then(|| format!("{verb} {} {files} ({})", way.files, size_text(way.bytes)))
        };
        let ways = [way("received", self.traffic.received()), way("shared", self.traffic.sent())];
        let told: Vec<String> = ways.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

fn told(received: &Transferred, sent: &Transferred, elapsed: Duration) -> String {
    let way = |verb: &str, way: &Transferred| {
        let (bytes, all) = (size_text(way.bytes), size_text(way.expected));
        match way.expected {
            0 => None,
            _ if way.bytes == way.expected => Some(format!("{verb} {all}")),
            _ => Some(format!("{verb} {bytes} of {all}")),
        }
    };
    let mut parts: Vec<String> =
        [way("received", received), way("shared", sent)].into_iter().flatten().collect();
    if elapsed >= SPEED_AFTER {
        let speed = (received.bytes + sent.bytes) as f64 / elapsed.as_secs_f64();
        parts.push(format!("{}/s", size_text(speed as u64)));
    }
    parts.join(", ")
}

/// Tells what goes until it is dropped: in a line of its own on a terminal if `draws`, elsewhere every half minute.
pub(crate) struct Teller {
    _ends: Sender<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Teller {
    /// `None` when nobody wants to hear it, or there is no shared place.
    pub(crate) fn start(output: &Output, traffic: Option<CacheTraffic>, draws: bool) -> Option<Teller> {
        if output.quiet || output.json || (output.live() && !draws) {
            return None;
        }
        let transfers = Transfers::new(traffic?);
        let is_live = output.live();
        let (sender, receiver) = mpsc::channel::<()>();
        let tell = move || {
            let mut transfers = transfers;
            let mut line = is_live.then(Live::new);
            let pause = if is_live { REDRAW } else { HEARTBEAT };
            let mut last = None;
            while receiver.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let now = transfers.now();
                match (&mut line, &now) {
                    (Some(line), Some(text)) => line.draw(std::slice::from_ref(text)),
                    (None, Some(text)) if now != last => say(text),
                    _ => {}
                }
                last = now;
            }
            if let Some(mut line) = line {
                line.clear();
            }
        };
        let thread = std::thread::Builder::new().name("transfers".into()).spawn(tell).ok()?;
        Some(Teller { _ends: sender, thread: Some(thread) })
    }

    /// Ends the telling; what is printed from now on stays.
    pub(crate) fn end(self) {
        let Teller { _ends, thread } = self;
        drop(_ends);
        if let Some(thread) = thread {
            // What it drew is gone when it has ended.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(files: u64, bytes: u64, expected: u64) -> Transferred {
        let mut way = Transferred::default();
        (way.files, way.bytes, way.expected) = (files, bytes, expected);
        way
    }

    #[test]
    fn bytes_and_speed_are_told() {
        let none = Transferred::default();
        let second = Duration::from_secs(1);
        assert_eq!(
            told(&way(1, 1_200_000_000, 4_000_000_000), &none, 10 * second),
            "received 1.2 GB of 4.0 GB, 120.0 MB/s"
        );
        assert_eq!(
            told(&way(2, 5_000, 5_000), &way(0, 0, 70), Duration::ZERO),
            "received 5.0 kB, shared 0 B of 70 B"
        );
    }
}
