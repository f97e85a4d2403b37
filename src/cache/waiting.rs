//! Waiting for a shared place on another machine, no longer than somebody wants its answer.

use super::backend::CacheBackend;
use super::traffic::CacheTraffic;
use crate::base::digest::Digest;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

/// So often it is looked whether the session was stopped.
const LOOK: Duration = Duration::from_millis(50);
/// Pieces of an object that may be on their way from one thread to the other.
const PIECES: usize = 16;

/// As [`CacheBackend::entry`]; an error when the session is stopped before the answer.
pub(super) fn entry(
    place: &Arc<dyn CacheBackend>,
    key: &Digest,
    traffic: &CacheTraffic,
) -> io::Result<Option<Vec<u8>>> {
    if !place.is_remote() {
        return place.entry(key);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let (there, key) = (place.clone(), *key);
    // Nobody listens any more: nobody wants it.
    apart(move || drop(sender.send(there.entry(&key))))?;
    next(&receiver, traffic)?
}

enum Piece {
    Bytes(Vec<u8>),
    End(io::Result<bool>),
}

/// As [`CacheBackend::get`]; an error when the session is stopped before the end.
pub(super) fn get(
    place: &Arc<dyn CacheBackend>,
    (object, size): (&Digest, Option<u64>),
    to: &mut dyn Write,
    traffic: &CacheTraffic,
) -> io::Result<bool> {
    if !place.is_remote() {
        return place.get(object, size, to);
    }
    let (sender, receiver) = mpsc::sync_channel(PIECES);
    let (there, object) = (place.clone(), *object);
    apart(move || {
        let mut pieces = Pieces(sender);
        let end = there.get(&object, size, &mut pieces);
        drop(pieces.0.send(Piece::End(end)));
    })?;
    loop {
        match next(&receiver, traffic)? {
            Piece::Bytes(bytes) => to.write_all(&bytes)?,
            Piece::End(end) => return end,
        }
    }
}

/// As [`CacheBackend::put`], or as [`CacheBackend::replace`] if `over`; an error when the session is stopped before the end.
pub(super) fn put(
    place: &Arc<dyn CacheBackend>,
    object: &Digest,
    mut content: File,
    over: bool,
    traffic: &CacheTraffic,
) -> io::Result<()> {
    let (watched, object) = (traffic.clone(), *object);
    let stops = move || watched.is_stopped();
    if !place.is_remote() {
        return place.put_unless(&object, &mut content, over, &stops);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let there = place.clone();
    apart(move || drop(sender.send(there.put_unless(&object, &mut content, over, &stops))))?;
    next(&receiver, traffic)?
}

/// As [`CacheBackend::put_entry`]; an error when the session is stopped before the answer.
pub(super) fn put_entry(
    place: &Arc<dyn CacheBackend>,
    key: &Digest,
    (entry, objects): (&[u8], &[Digest]),
    traffic: &CacheTraffic,
) -> io::Result<()> {
    if !place.is_remote() {
        return place.put_entry(key, entry, objects);
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    let (there, key, entry, objects) = (place.clone(), *key, entry.to_vec(), objects.to_vec());
    apart(move || drop(sender.send(there.put_entry(&key, &entry, &objects))))?;
    next(&receiver, traffic)?
}

fn apart(call: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("shared cache".into()).spawn(call).map(drop)
}

fn next<T>(receiver: &Receiver<T>, traffic: &CacheTraffic) -> io::Result<T> {
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Timeout) if traffic.is_stopped() => {
                return Err(io::Error::other("stopped"));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("no answer came")),
        }
    }
}

struct Pieces(SyncSender<Piece>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Piece::Bytes(bytes.to_vec());
        self.0.send(piece).map_err(|_| io::Error::other("nobody takes it"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
