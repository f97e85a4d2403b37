//! Writes a log anew without what was superseded. Invariant: at every moment `state.log` is one whole log, the old or
//! the new one; what the new one says is what the old one said.

use super::frame;
use super::index::{Scan, View};
use super::record::{self, Encoder, JobHead, Record};
use crate::base::digest::Digest;
use crate::base::path::{PathId, PathTable};
use crate::disk::{self as fs, File};
use crate::error::{Error, Result};
use rustc_hash::FxHashSet;
use std::io::Write;
use std::path::Path;

const MIN_FRAMES: u32 = 10_000;

/// Whether most of a log that is worth the trouble is superseded. Records that we do not know may name paths by
/// numbers that compaction changes, so a log with such records stays as it is.
pub(super) fn worth_it(scan: &Scan) -> bool {
    scan.seq > MIN_FRAMES && scan.end / 3 > scan.live && !scan.skipped
}

/// The bytes of the new log. Keeps the order of what is live, so that the runs that wrote it still enclose it.
pub(super) fn compacted(scan: &Scan, store_id: [u8; 16]) -> Result<Vec<u8>> {
    let (view, paths) = (&scan.view, &scan.paths);
    let used = used_definitions(view);
    let in_flight = view.in_flight().into_iter().collect();
    let mut out = Rewriter { paths, encoder: Encoder::new(0, 0), pending: None, in_flight };
    for frame in view.frames().take(scan.seq as usize) {
        match frame.kind {
            record::RUN_STARTED => out.pending = Some((frame.body, false)),
            record::RUN_ENDED => out.end_run(frame.body)?,
            record::DEFINITION => {
                let Some((digest, text)) = record::decode_definition(frame.body) else { continue };
                if view.is_definition(frame.at, &digest) && used.contains(&digest) {
                    out.push(&Record::Definition { digest, text })?;
                }
            }
            record::TRACED => {
                let Some(trace) = record::decode_trace(frame.body, view.known()) else { continue };
                if trace.fingerprint.outputs.first().is_some_and(|&id| view.is_live_trace(frame.at, id)) {
                    out.push(&Record::Traced(&trace))?;
                }
            }
            record::FILE_HASH => {
                let decoded = record::decode_file_hash(frame.body, view.known());
                if let Some((path, hash)) = decoded.filter(|&(path, _)| view.is_hash(frame.at, path)) {
                    out.push(&Record::FileHash { path, hash })?;
                }
            }
            record::TREE => {
                let decoded = record::decode_tree(frame.body, view.known());
                if let Some((path, tree)) = decoded.filter(|(path, _)| view.is_hash(frame.at, *path)) {
                    out.push(&Record::Tree { path, tree: &tree })?;
                }
            }
            record::JOB_STARTED | record::JOB_ENDED => out.push_attempt(view, frame)?,
            _ => {}
        }
    }
    out.flush_run()?;
    let mut log = frame::header(store_id).to_vec();
    log.append(&mut out.encoder.take());
    Ok(log)
}

fn used_definitions(view: &View) -> FxHashSet<Digest> {
    view.frames()
        .filter(|frame| frame.kind == record::TRACED)
        .filter_map(|frame| Some((frame.at, record::decode_trace(frame.body, view.known())?)))
        .filter(|(at, trace)| {
            trace.fingerprint.outputs.first().is_some_and(|&id| view.is_live_trace(*at, id))
        })
        .map(|(_, trace)| trace.fingerprint.definition)
        .collect()
}

struct Rewriter<'a> {
    paths: &'a PathTable,
    encoder: Encoder,
    /// The last `RunStarted` while nothing live was found in its run, and whether the run ended. Runs of which
    /// nothing is left vanish, except the last: it carries the number of runs.
    pending: Option<(&'a [u8], bool)>,
    /// Jobs that a killed run had started: whether or not anything is to be known of their outputs, they may live.
    in_flight: FxHashSet<(u32, u32)>,
}

impl Rewriter<'_> {
    fn push(&mut self, record: &Record<'_>) -> Result<()> {
        self.flush_run()?;
        self.encoder.push(self.paths, record)
    }

    fn flush_run(&mut self) -> Result<()> {
        let Some((body, ended)) = self.pending.take() else { return Ok(()) };
        let Some((run, time_ms, boot_id)) = record::decode_run_started(body) else { return Ok(()) };
        self.encoder.push(self.paths, &Record::RunStarted { run, boot_id, time_ms })?;
        if ended { self.encoder.push(self.paths, &Record::RunEnded { run }) } else { Ok(()) }
    }

    fn end_run(&mut self, body: &[u8]) -> Result<()> {
        let Some(run) = super::codec::Cursor::new(body).u32() else { return Ok(()) };
        match &mut self.pending {
            Some((started, ended)) => {
                *ended |= record::decode_run_started(started).is_some_and(|(started, ..)| started == run);
                Ok(())
            }
            None => self.encoder.push(self.paths, &Record::RunEnded { run }),
        }
    }

    /// Only for the outputs about which nothing newer is known: otherwise a `Forget` that is left out would
    /// bring the attempt back.
    fn push_attempt(&mut self, view: &View, frame: frame::Frame<'_>) -> Result<()> {
        let mut cursor = super::codec::Cursor::new(frame.body);
        let Some(head) = JobHead::decode(&mut cursor, view.known()) else { return Ok(()) };
        let outputs: Vec<PathId> = head.outputs().filter(|&id| view.is_attempt(frame.at, id)).collect();
        let (run, job, outputs) = (head.run, head.job, outputs.as_slice());
        match (frame.kind, cursor.text()) {
            (record::JOB_STARTED, _) if self.in_flight.contains(&(run, job)) => {
                self.push(&Record::JobStarted { run, job, outputs })
            }
            _ if outputs.is_empty() => Ok(()),
            (record::JOB_STARTED, _) => self.push(&Record::JobStarted { run, job, outputs }),
            (_, Some(outcome)) => self.push(&Record::JobEnded { run, job, outputs, outcome }),
            (_, None) => Ok(()),
        }
    }
}

/// Puts `log` in the place of `state.log`: whoever looks sees the old or the new one, also after a power failure.
pub(super) fn replace(state_dir: &Path, log: &[u8]) -> Result<()> {
    let (new, to) = (state_dir.join("state.log.new"), state_dir.join("state.log"));
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(log)?;
        file.sync_data()
    });
    if let Err(error) = written {
        // Half a log must not stay where the next one goes; that it may fail to go changes nothing.
        let _ = fs::remove_file(&new);
        return Err(Error::io("write", &new, error));
    }
    fs::rename(&new, &to).map_err(|error| Error::io("replace", &to, error))?;
    sync_dir(state_dir);
    Ok(())
}

/// Makes a rename durable. Not every system can open a directory, and nothing is wrong without it until the power
/// fails, so an error is no reason to stop.
pub(super) fn sync_dir(dir: &Path) {
    if let Ok(dir) = File::open(dir) {
        let _ = dir.sync_all();
    }
}
