//! How much goes between a cache and the place that it shares, as it goes.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// A look at what is under way between a cache and its shared place; clones look at the same.
///
/// ```
/// # use rulemake::{Session, Workflow};
/// # let text = "rule a:\n    output: 'a.txt'\n    shell: 'touch {output}'\n";
/// let session = Session::builder(Workflow::parse("Rulefile", text)?).open()?;
/// if let Some(traffic) = session.cache_traffic() {
///     // While the session runs, from a thread that shows something.
///     println!("{} of {} bytes", traffic.received().bytes, traffic.received().expected);
/// }
/// # Ok::<(), rulemake::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CacheTraffic(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    received: Way,
    sent: Way,
    foreseen: AtomicU64,
    has_failed: AtomicBool,
    stops: RwLock<Option<Stops>>,
}

/// Says whether what is under way is to break off.
struct Stops(Box<dyn Fn() -> bool + Send + Sync>);

impl fmt::Debug for Stops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stops")
    }
}

#[derive(Debug, Default)]
struct Way {
    files: AtomicU64,
    bytes: AtomicU64,
    expected: AtomicU64,
}

/// What went one way.
///
/// ```
/// use rulemake::cache::Transferred;
/// fn is_under_way(way: Transferred) -> bool {
///     way.bytes < way.expected
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transferred {
    /// Files that have arrived, each once.
    pub files: u64,
    /// Bytes that have arrived, before they were compressed. Of what is sent a file counts when the place holds it.
    pub bytes: u64,
    /// Bytes of all files that have arrived or are on their way.
    pub expected: u64,
}

impl CacheTraffic {
    /// What came from the shared place.
    ///
    /// ```
    /// use rulemake::cache::CacheTraffic;
    /// fn megabytes(traffic: &CacheTraffic) -> u64 {
    ///     traffic.received().bytes / 1_000_000
    /// }
    /// ```
    #[must_use]
    pub fn received(&self) -> Transferred {
        self.0.received.now()
    }

    /// What the shared place was given; what it held already counts, too.
    ///
    /// ```
    /// use rulemake::cache::CacheTraffic;
    /// fn files(traffic: &CacheTraffic) -> u64 {
    ///     traffic.sent().files
    /// }
    /// ```
    #[must_use]
    pub fn sent(&self) -> Transferred {
        self.0.sent.now()
    }

    /// Bytes of what was found in the shared place and is not in the cache, whether or not it came since: after a plan, so much would
    /// come at most.
    ///
    /// ```
    /// use rulemake::{RunOptions, Session};
    /// fn bytes_to_come(session: &Session) -> rulemake::Result<u64> {
    ///     session.plan::<&str>(&[], &RunOptions::default())?;
    ///     Ok(session.cache_traffic().map_or(0, |traffic| traffic.foreseen()))
    /// }
    /// ```
    #[must_use]
    pub fn foreseen(&self) -> u64 {
        self.0.foreseen.load(Ordering::Relaxed)
    }

    pub(super) fn foresee(&self, bytes: u64) {
        self.0.foreseen.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether the shared place once did not answer what it was asked for, so that nobody knows whether it has more.
    ///
    /// ```
    /// use rulemake::cache::CacheTraffic;
    /// fn is_worth_another_try(traffic: &CacheTraffic) -> bool {
    ///     traffic.has_failed()
    /// }
    /// ```
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.0.has_failed.load(Ordering::Relaxed)
    }

    /// From now on `stops` says whether what is under way is to break off; what was said before counts no more.
    pub(super) fn stop_when(&self, stops: impl Fn() -> bool + Send + Sync + 'static) {
        *self.0.stops.write().unwrap_or_else(PoisonError::into_inner) = Some(Stops(Box::new(stops)));
    }

    pub(super) fn is_stopped(&self) -> bool {
        let stops = self.0.stops.read().unwrap_or_else(PoisonError::into_inner);
        stops.as_ref().is_some_and(|stops| stops.0())
    }

    pub(super) fn note_failure(&self) {
        self.0.has_failed.store(true, Ordering::Relaxed);
    }

    /// Counts what `receive` writes through its argument, and takes it back unless all of it came.
    pub(super) fn receiving(
        &self,
        size: Option<u64>,
        receive: impl FnOnce(&Receiving<'_>) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let way = &self.0.received;
        way.expected.fetch_add(size.unwrap_or(0), Ordering::Relaxed);
        let receiving = Receiving { all: self, way, size, bytes: AtomicU64::new(0) };
        let got = receive(&receiving);
        let bytes = receiving.bytes.into_inner();
        match got {
            Ok(true) => drop(way.files.fetch_add(1, Ordering::Relaxed)),
            _ => {
                way.bytes.fetch_sub(bytes, Ordering::Relaxed);
                way.expected.fetch_sub(size.unwrap_or(bytes), Ordering::Relaxed);
            }
        }
        got
    }

    /// Counts a file of `size` bytes that `send` sends.
    pub(super) fn sending(&self, size: u64, send: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let way = &self.0.sent;
        way.expected.fetch_add(size, Ordering::Relaxed);
        let sent = send();
        match sent {
            Ok(()) => {
                way.files.fetch_add(1, Ordering::Relaxed);
                way.bytes.fetch_add(size, Ordering::Relaxed);
            }
            Err(_) => drop(way.expected.fetch_sub(size, Ordering::Relaxed)),
        }
        sent
    }
}

impl Way {
    fn now(&self) -> Transferred {
        let [files, bytes, expected] =
            [&self.files, &self.bytes, &self.expected].map(|count| count.load(Ordering::Relaxed));
        // The three are read one after the other.
        Transferred { files, bytes, expected: expected.max(bytes) }
    }
}

/// One file that comes.
pub(super) struct Receiving<'a> {
    all: &'a CacheTraffic,
    way: &'a Way,
    size: Option<u64>,
    bytes: AtomicU64,
}

impl Receiving<'_> {
    /// Counts what is written to it.
    pub(super) fn to<'w>(&'w self, to: &'w mut dyn Write) -> impl Write + use<'w> {
        Counted { to, receiving: self }
    }
}

struct Counted<'a> {
    to: &'a mut dyn Write,
    receiving: &'a Receiving<'a>,
}

impl Write for Counted<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let Receiving { all, way, size, bytes } = self.receiving;
        if all.is_stopped() {
            return Err(io::Error::other("stopped"));
        }
        let written = self.to.write(buffer)?;
        bytes.fetch_add(written as u64, Ordering::Relaxed);
        if size.is_none() {
            way.expected.fetch_add(written as u64, Ordering::Relaxed);
        }
        way.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_off_is_taken_back() {
        let traffic = CacheTraffic::default();
        let write = |way: &Receiving<'_>, bytes: &[u8]| way.to(&mut Vec::new()).write_all(bytes);
        let broken = |way: &Receiving<'_>| write(way, b"1234").and_then(|()| Err(io::Error::other("broken")));
        assert!(traffic.receiving(Some(10), broken).is_err());
        assert!(!traffic.receiving(None, |way| write(way, b"12").map(|()| false)).unwrap());
        assert!(traffic.sending(5, || Err(io::Error::other("full"))).is_err());
        assert_eq!((traffic.received(), traffic.sent()), Default::default());
        let seen = traffic.clone();
        let whole = |way: &Receiving<'_>| {
            write(way, b"1234")?;
            assert_eq!(seen.received(), Transferred { files: 0, bytes: 4, expected: 10 });
            write(way, b"567890").map(|()| true)
        };
        assert!(traffic.receiving(Some(10), whole).unwrap());
        traffic.sending(5, || Ok(())).unwrap();
        // What comes after a stop is not taken any more.
        let stopped = traffic.clone();
        stopped.stop_when(|| true);
        assert!(traffic.receiving(None, |way| write(way, b"12").map(|()| true)).is_err());
        assert_eq!(traffic.received(), Transferred { files: 1, bytes: 10, expected: 10 });
        assert_eq!(traffic.sent(), Transferred { files: 1, bytes: 5, expected: 5 });
    }
}
