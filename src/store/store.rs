//! Opens, reads and extends a state directory. Invariants: a reader changes nothing; only the holder of the lock
//! writes; what is appended goes out in one write; after an error nothing more is written.

use super::frame::{self, HeaderFault};
use super::index::{self, Running, Scan, TooNew, View};
pub(crate) use super::lock::LockWait;
use super::lock::{self, Lock};
use super::record::{Encoder, Record};
use super::{compact, runs};
use crate::base::clock;
use crate::base::digest::Digest;
use crate::base::path::PathTable;
use crate::disk::{self as fs, File, OpenOptions};
use crate::error::{Error, ErrorKind, Result};
use rustc_hash::FxHashSet;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What was found in a state directory.
pub(crate) struct Loaded {
    /// The paths on record, in the order of the log; a session adds its own behind them.
    pub(crate) paths: PathTable,
    pub(crate) view: Arc<View>,
    /// What the user should hear about the state, if it was not in order.
    pub(crate) lost: Option<String>,
}

impl Loaded {
    /// Whether nothing is on record.
    pub(crate) fn is_empty(&self) -> bool {
        self.paths.len() == 0 && self.view.next_run() == 1
    }
}

const SYNC_EVERY: Duration = Duration::from_secs(5);

/// Reads the state as of now, without a lock; another run may be writing it. Writes nothing. A missing directory
/// is an empty state.
pub(crate) fn read(state_dir: &Path) -> Result<Loaded> {
    let (mut scan, mut lost) = scan_as_is(state_dir)?;
    if let Some((run, began_ms)) = scan.view.without_end() {
        match lock::holder(state_dir) {
            // Who took the lock after that run had begun is another one, which has not come to its first job.
            Some(holder) if holder.since_ms <= began_ms => {
                scan.view.running = Some(Running { run, by: holder.who });
            }
            Some(_) => {}
            // It may have ended meanwhile.
            None => (scan, lost) = scan_as_is(state_dir)?,
        }
    }
    Ok(loaded(state_dir, scan, lost))
}

fn scan_as_is(state_dir: &Path) -> Result<(Scan, Option<String>)> {
    let path = state_dir.join("state.log");
    let log = read_log(&path)?;
    let mut lost = None;
    let scan = match log {
        None => Scan::default(),
        Some(log) => match frame::read_header(&log) {
            Ok(_) => {
                let scan = index::scan(log, &boot_id()).map_err(|kind| too_new(&path, &kind))?;
                // A torn end may be a record that another run is writing just now.
                if frame::good_frame_after(&scan.view.log, scan.end, scan.seq) {
                    lost = Some(damaged(&path));
                }
                scan
            }
            Err(HeaderFault::Version(major)) if major > frame::MAJOR => return Err(newer(&path, "version")),
            Err(_) => {
                lost =
                    Some(format!("{} cannot be read, so nothing is known of earlier runs", path.display()));
                Scan::default()
            }
        },
    };
    Ok((scan, lost))
}

/// Opens the state for a run: takes the lock, mends the log, and compacts it when most of it is superseded.
/// `holder` is the command, for the message to whoever finds the directory locked.
pub(crate) fn open(state_dir: &Path, wait: LockWait<'_>, holder: &str) -> Result<(Loaded, Writer)> {
    create_layout(state_dir)?;
    let lock = lock::acquire(state_dir, wait, holder)?;
    let mut notes = Vec::new();
    if !lock.held {
        let text = "this file system has no locks: do not start a second run in this directory meanwhile";
        notes.push(text.to_string());
    }
    let path = state_dir.join("state.log");
    let (store_id, mut scan) = load_for_writing(state_dir, &path, &mut notes)?;
    if compact::worth_it(&scan) {
        scan = compact_now(state_dir, &path, scan, store_id)?;
    }
    let file = OpenOptions::new().append(true).open(&path).map_err(|e| Error::io("open", &path, e))?;
    let writer = Writer::new(Box::new(file), path, &scan, Some(lock));
    let lost = (!notes.is_empty()).then(|| notes.join("; "));
    Ok((loaded(state_dir, scan, lost), writer))
}

/// Identifies the time since the machine was started; empty when unknown, which equals no other.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_string()).unwrap_or_default()
}

fn loaded(state_dir: &Path, scan: Scan, lost: Option<String>) -> Loaded {
    let Scan { paths, mut view, end, .. } = scan;
    view.log.truncate(end);
    view.raise_run(runs::highest(state_dir));
    Loaded { paths, view: Arc::new(view), lost }
}

fn read_log(path: &Path) -> Result<Option<Vec<u8>>> {
    // To read a pipe would wait for its other end, deaf to Ctrl-C.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        let text = format!("{} is not a file: move it away", path.display());
        return Err(Error::new(ErrorKind::Environment, text).with_path(path));
    }
    match fs::read(path) {
        Ok(log) => Ok(Some(log)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

fn create_layout(state_dir: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        #[allow(unused_imports, reason = "with files in memory the types have these methods themselves")]
        use crate::disk::unix::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(state_dir).map_err(|error| match fs::symlink_metadata(state_dir) {
        Ok(_) => Error::io("use", state_dir, error)
            .with_help("rulemake keeps its records in a directory of this name: move what is there away"),
        Err(_) => Error::io("create", state_dir, error),
    })?;
    let ignore = state_dir.join(".gitignore");
    match OpenOptions::new().write(true).create_new(true).open(&ignore) {
        Ok(mut file) => file.write_all(b"*\n").map_err(|error| Error::io("write", &ignore, error)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::io("create", &ignore, error)),
    }
}

/// The log as far as it is good, with what is not good moved out of the way.
fn load_for_writing(state_dir: &Path, path: &Path, notes: &mut Vec<String>) -> Result<([u8; 16], Scan)> {
    let Some(log) = read_log(path)? else { return start_log(state_dir) };
    match frame::read_header(&log) {
        Ok(id) => {
            let scan = index::scan(log, &boot_id()).map_err(|kind| too_new(path, &kind))?;
            if scan.end < scan.view.log.len() {
                notes.push(cut_tail(path, &scan)?);
            }
            Ok((id, scan))
        }
        Err(HeaderFault::Version(major)) if major > frame::MAJOR => Err(newer(path, "version")),
        Err(_) => {
            let aside = move_aside(path)?;
            let (path, aside) = (path.display(), aside.display());
            notes.push(format!(
                "{path} could not be read and was moved to {aside}: nothing is known of earlier runs"
            ));
            start_log(state_dir)
        }
    }
}

fn start_log(state_dir: &Path) -> Result<([u8; 16], Scan)> {
    let id = random_id();
    let header = frame::header(id);
    compact::replace(state_dir, &header)?;
    let scan = index::scan(header.to_vec(), "").map_err(|kind| too_new(state_dir, &kind))?;
    Ok((id, scan))
}

/// Two hashers with the keys that the standard library draws from the system's random source.
fn random_id() -> [u8; 16] {
    let draw = || std::hash::RandomState::new().build_hasher().finish();
    let mut seed = [0; 24];
    seed[..8].copy_from_slice(&draw().to_le_bytes());
    seed[8..16].copy_from_slice(&draw().to_le_bytes());
    seed[16..].copy_from_slice(&clock::wall_ms().to_le_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&Digest::of(&seed).as_bytes()[..16]);
    id
}

fn move_aside(path: &Path) -> Result<PathBuf> {
    let aside = (1u32..)
        .map(|n| path.with_extension(format!("log.old-{n}")))
        .find(|aside| matches!(fs::symlink_metadata(aside), Err(e) if e.kind() == io::ErrorKind::NotFound))
        .unwrap_or_else(|| path.with_extension("log.old"));
    fs::rename(path, &aside).map_err(|error| Error::io("move aside", path, error))?;
    Ok(aside)
}

/// Cuts the log behind its last good frame; otherwise what is appended would stand behind the bad one, where
/// nobody finds it. Returns what to tell the user.
fn cut_tail(path: &Path, scan: &Scan) -> Result<String> {
    let bad = path.with_extension("log.bad");
    let tail = scan.view.log.get(scan.end..).unwrap_or_default();
    fs::write(&bad, tail).map_err(|error| Error::io("write", &bad, error))?;
    OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| {
            file.set_len(scan.end as u64)?;
            file.sync_all()
        })
        .map_err(|error| Error::io("cut the damaged end off", path, error))?;
    let (shown, kept) = (path.display(), bad.display());
    Ok(if frame::good_frame_after(&scan.view.log, scan.end, scan.seq) {
        format!("{}; that part was moved to {kept}", damaged(path))
    } else {
        format!(
            "the last record of {shown} was not written to its end, so the job it was about may run again"
        )
    })
}

fn damaged(path: &Path) -> String {
    format!(
        "{} is damaged in the middle: what was recorded behind that place is lost, and jobs run again for it",
        path.display()
    )
}

fn too_new(path: &Path, TooNew { kind }: &TooNew) -> Error {
    newer(path, &format!("record type {kind}"))
}

fn newer(path: &Path, what: &str) -> Error {
    let text = format!("{} was written by a newer rulemake (unknown {what})", path.display());
    Error::new(ErrorKind::State, text).with_path(path)
}

/// The new log is only a saving, so when it cannot be written the old one stays in use.
fn compact_now(state_dir: &Path, path: &Path, scan: Scan, store_id: [u8; 16]) -> Result<Scan> {
    let Ok(log) = compact::compacted(&scan, store_id) else { return Ok(scan) };
    if compact::replace(state_dir, &log).is_err() {
        return Ok(scan);
    }
    index::scan(log, &boot_id()).map_err(|kind| too_new(path, &kind))
}

/// Where the log goes: a seam, so that tests can make writing fail.
pub(super) trait Sink: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn sync(&mut self) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
}

impl Sink for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        let meta = self.metadata()?;
        // What is written to a removed file is gone with this process, and no write fails.
        #[cfg(unix)]
        {
            #[allow(
                unused_imports,
                reason = "with files in memory the types have these methods themselves"
            )]
            use crate::disk::unix::MetadataExt as _;
            if meta.nlink() == 0 {
                return Err(io::Error::other("somebody has removed it meanwhile"));
            }
        }
        Ok(meta.len())
    }
}

/// Extends the log. Holds the lock until dropped.
pub(crate) struct Writer {
    sink: Box<dyn Sink>,
    path: PathBuf,
    encoder: Encoder,
    /// Those on record.
    definitions: FxHashSet<Digest>,
    /// Those of the batch that is being assembled.
    new_definitions: Vec<Digest>,
    len: u64,
    dirty_since: Option<Instant>,
    /// The message of the first error. After a failed write the end of the log is unknown, after a failed sync so is
    /// everything since the last one; going on would build on what may not be there.
    failed: Option<String>,
    _lock: Option<Lock>,
}

impl Writer {
    pub(super) fn new(sink: Box<dyn Sink>, path: PathBuf, scan: &Scan, lock: Option<Lock>) -> Writer {
        Writer {
            sink,
            path,
            encoder: Encoder::new(scan.view.known() as u32, scan.seq),
            definitions: scan.view.definition_digests().collect(),
            new_definitions: Vec::new(),
            len: scan.end as u64,
            dirty_since: None,
            failed: None,
            _lock: lock,
        }
    }

    /// Appends `records` in one write. `paths` is the table that came with this writer, possibly extended. Definitions
    /// on record are left out. Survives the death of this process at once, and a power failure after [`Writer::sync`],
    /// which happens by itself with `RunEnded` and when five seconds have passed.
    ///
    /// # Errors
    /// A record that is too long is refused and the writer goes on; after any other error it refuses everything.
    pub(crate) fn append(&mut self, paths: &PathTable, records: &[Record<'_>]) -> Result<()> {
        self.hold(paths, records)?;
        self.flush()?;
        match records.iter().any(|record| matches!(record, Record::RunEnded { .. })) {
            true => self.sync(),
            false => self.sync_if_due(),
        }
    }

    /// Takes in `records`, which go to the log with the next ones or by [`Writer::flush`].
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub(crate) fn hold(&mut self, paths: &PathTable, records: &[Record<'_>]) -> Result<()> {
        self.check()?;
        for record in records {
            if let Record::Definition { digest, .. } = record {
                if !self.definitions.insert(*digest) {
                    continue;
                }
                self.new_definitions.push(*digest);
            }
            if let Err(error) = self.encoder.push(paths, record) {
                self.new_definitions.drain(..).for_each(|digest| {
                    self.definitions.remove(&digest);
                });
                return Err(error);
            }
        }
        self.new_definitions.clear();
        Ok(())
    }

    /// Appends what was held.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.check()?;
        let batch = self.encoder.take();
        if let Err(error) = self.write(&batch) {
            return Err(self.fail("write the state to", error));
        }
        self.encoder.reuse(batch);
        Ok(())
    }

    /// Brings what was appended to the disk.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.check()?;
        if self.dirty_since.is_none() {
            return Ok(());
        }
        if let Err(error) = self.sink.sync() {
            return Err(self.fail("bring the state to the disk in", error));
        }
        self.dirty_since = None;
        Ok(())
    }

    /// [`Writer::sync`] if something has waited for it for five seconds; for a coordinator that wakes up now and then.
    pub(crate) fn sync_if_due(&mut self) -> Result<()> {
        let due =
            self.dirty_since.is_some_and(|since| clock::monotonic().duration_since(since) >= SYNC_EVERY);
        if due { self.sync() } else { Ok(()) }
    }

    /// Bytes of the log, with all that was appended.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    #[cfg(test)]
    pub(super) fn encoder(&mut self) -> &mut Encoder {
        &mut self.encoder
    }

    fn check(&self) -> Result<()> {
        match &self.failed {
            None => Ok(()),
            Some(message) => {
                Err(Error::new(ErrorKind::Environment, message.clone()).with_path(self.path.clone()))
            }
        }
    }

    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if self.sink.len()? != self.len {
            return Err(io::Error::other("another process has changed it meanwhile"));
        }
        self.dirty_since.get_or_insert_with(clock::monotonic);
        let mut rest = batch;
        while !rest.is_empty() {
            match self.sink.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.len += batch.len() as u64;
        Ok(())
    }

    fn fail(&mut self, doing: &str, error: io::Error) -> Error {
        let error = Error::io(doing, &self.path, error);
        self.failed = Some(error.to_string());
        error
    }
}
