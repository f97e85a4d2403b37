//! The log in memory: for each path, where its newest records stand. Does no I/O. Invariant: records are applied
//! whole or not at all, so a view of a damaged log is the view of its good beginning.

use super::frame::{self, Frame, Frames, HEADER_LEN};
use super::record::{self, JobHead};
use crate::base::digest::Digest;
use crate::base::path::{PathId, PathTable};
use crate::trace::fingerprint::Trace;
use crate::trace::identity::FileHash;
use crate::trace::tree::{Entry, EntryContent, Tree};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;

/// Offsets of frames; 0, inside the header, means none.
#[derive(Clone, Copy, Default)]
struct PathState {
    traced: usize,
    /// `JobStarted` or `JobEnded`, if newer than the trace.
    attempt: usize,
    /// `FileHash` or `Tree`.
    hash: usize,
}

/// The records that one run wrote: those from `start` to the next span.
struct RunSpan {
    start: usize,
    run: u32,
    /// When it began, by its own clock.
    began_ms: u64,
    ended: bool,
    same_boot: bool,
}

/// A run that is going on while its directory is looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Running {
    pub(crate) run: u32,
    /// `pid 17 on host h since 2026-02-28 13:05:09 UTC`.
    pub(crate) by: String,
}

/// What is on record, as of the moment of loading. Traces are decoded when asked for.
#[derive(Default)]
pub(crate) struct View {
    pub(super) log: Vec<u8>,
    states: Vec<PathState>,
    /// Traces of which at least one output was taken over by a newer trace or forgotten.
    retired: FxHashSet<usize>,
    definitions: FxHashMap<Digest, usize>,
    runs: Vec<RunSpan>,
    /// Some run neither ended nor belongs to this boot.
    any_suspect: bool,
    highest_run: u32,
    /// Only readers see one: who writes is the only one.
    pub(super) running: Option<Running>,
}

/// The result of going once through the log.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) paths: PathTable,
    pub(super) view: View,
    /// Length of the good beginning.
    pub(super) end: usize,
    /// Number of good frames.
    pub(super) seq: u32,
    /// Bytes of what is still of use, roughly.
    pub(super) live: usize,
    /// Records of a newer minor version were skipped.
    pub(super) skipped: bool,
}

/// A record type that only a newer rulemake knows.
pub(super) struct TooNew {
    pub(super) kind: u8,
}

enum Applied {
    Yes,
    Skipped,
    Malformed,
    TooNew,
}

/// Reads the log, which starts with a good header, up to its end or its first bad frame. `boot_id` is that of
/// this machine now.
pub(super) fn scan(log: Vec<u8>, boot_id: &str) -> Result<Scan, TooNew> {
    let mut scan = Scan::default();
    let paths = count_paths(&log);
    scan.paths = PathTable::with_capacity(paths);
    scan.view.states.reserve(paths);
    let mut frames = Frames::new(&log);
    loop {
        (scan.end, scan.seq) = (frames.at, frames.seq);
        let Some(frame) = frames.next() else { break };
        match scan.apply(&log, &frame, boot_id) {
            Applied::Yes => {}
            Applied::Skipped => scan.skipped = true,
            // The checksum is right, so a wrong writer made it; what follows may build on it.
            Applied::Malformed => break,
            Applied::TooNew => return Err(TooNew { kind: frame.kind }),
        }
    }
    let view = &mut scan.view;
    view.any_suspect = view.runs.iter().any(RunSpan::suspect);
    view.log = log;
    Ok(scan)
}

/// Hops over the frames without looking into them. The number is only a hint: each frame has at least its head, so a
/// broken log cannot make it large.
fn count_paths(log: &[u8]) -> usize {
    let (mut at, mut paths) = (HEADER_LEN, 0);
    while let Some((_, frame)) = frame::frame_at(log, at) {
        paths += usize::from(frame.kind == record::PATH);
        at += size(&frame);
    }
    paths
}

impl RunSpan {
    fn suspect(&self) -> bool {
        !self.ended && !self.same_boot
    }
}

impl Scan {
    fn apply(&mut self, log: &[u8], frame: &Frame<'_>, boot_id: &str) -> Applied {
        let done = match frame.kind {
            record::PATH => self.add_path(frame),
            record::DEFINITION => self.add_definition(frame),
            record::TRACED => self.add_trace(log, frame),
            record::FILE_HASH => self.add_file_hash(log, frame),
            record::TREE => self.add_tree(log, frame),
            record::JOB_STARTED | record::JOB_ENDED => self.add_attempt(frame),
            record::FORGET => self.forget(log, frame),
            record::RUN_STARTED => self.start_run(frame, boot_id),
            record::RUN_ENDED => self.end_run(frame),
            kind if kind & record::MAY_SKIP != 0 => return Applied::Skipped,
            _ => return Applied::TooNew,
        };
        if done.is_some() { Applied::Yes } else { Applied::Malformed }
    }

    fn add_path(&mut self, frame: &Frame<'_>) -> Option<()> {
        let text = std::str::from_utf8(frame.body).ok()?;
        let id = self.paths.intern(text);
        // Another spelling or a repetition: no writer of ours does that.
        if id.index() != self.view.states.len() || self.paths.text(id) != text {
            return None;
        }
        self.view.states.push(PathState::default());
        self.live += size(frame);
        Some(())
    }

    fn add_definition(&mut self, frame: &Frame<'_>) -> Option<()> {
        let (digest, _) = record::decode_definition(frame.body)?;
        if self.view.definitions.insert(digest, frame.at).is_none() {
            self.live += size(frame);
        }
        Some(())
    }

    fn add_trace(&mut self, log: &[u8], frame: &Frame<'_>) -> Option<()> {
        let head = self.head(frame)?;
        for id in head.outputs() {
            self.retire(log, self.view.states[id.index()].traced, frame.at);
            let state = &mut self.view.states[id.index()];
            state.traced = frame.at;
            state.attempt = 0;
        }
        self.live += size(frame);
        Some(())
    }

    fn retire(&mut self, log: &[u8], old: usize, by: usize) {
        if old != 0 && old != by && self.view.retired.insert(old) {
            self.live -= frame::frame_at(log, old).map_or(0, |(_, frame)| size(&frame)).min(self.live);
        }
    }

    fn add_file_hash(&mut self, log: &[u8], frame: &Frame<'_>) -> Option<()> {
        let (id, _) = record::decode_file_hash(frame.body, self.view.states.len())?;
        self.set_hash(log, frame, id);
        Some(())
    }

    fn add_tree(&mut self, log: &[u8], frame: &Frame<'_>) -> Option<()> {
        let id = record::decode_tree_path(frame.body, self.view.states.len())?;
        self.set_hash(log, frame, id);
        Some(())
    }

    fn set_hash(&mut self, log: &[u8], frame: &Frame<'_>, id: PathId) {
        let old = std::mem::replace(&mut self.view.states[id.index()].hash, frame.at);
        self.live += size(frame);
        self.live -= hash_size(log, old).min(self.live);
    }

    fn add_attempt(&mut self, frame: &Frame<'_>) -> Option<()> {
        let head = self.head(frame)?;
        for id in head.outputs() {
            self.view.states[id.index()].attempt = frame.at;
        }
        Some(())
    }

    fn forget(&mut self, log: &[u8], frame: &Frame<'_>) -> Option<()> {
        let id = super::codec::Cursor::new(frame.body).path(self.view.states.len())?;
        let old = std::mem::take(&mut self.view.states[id.index()]);
        self.retire(log, old.traced, 0);
        self.live -= hash_size(log, old.hash).min(self.live);
        Some(())
    }

    fn start_run(&mut self, frame: &Frame<'_>, boot_id: &str) -> Option<()> {
        let (run, began_ms, boot) = record::decode_run_started(frame.body)?;
        let same_boot = !boot.is_empty() && boot == boot_id;
        self.view.runs.push(RunSpan { start: frame.at, run, began_ms, ended: false, same_boot });
        self.view.highest_run = self.view.highest_run.max(run);
        Some(())
    }

    fn end_run(&mut self, frame: &Frame<'_>) -> Option<()> {
        let run = super::codec::Cursor::new(frame.body).u32()?;
        if let Some(last) = self.view.runs.last_mut().filter(|last| last.run == run) {
            last.ended = true;
        }
        Some(())
    }

    fn head<'a>(&mut self, frame: &Frame<'a>) -> Option<JobHead<'a>> {
        let mut cursor = super::codec::Cursor::new(frame.body);
        let head = JobHead::decode(&mut cursor, self.view.states.len())?;
        self.view.highest_run = self.view.highest_run.max(head.run);
        Some(head)
    }
}

fn size(frame: &Frame<'_>) -> usize {
    frame::HEAD_LEN + frame.body.len()
}

fn hash_size(log: &[u8], at: usize) -> usize {
    if at == 0 { 0 } else { frame::frame_at(log, at).map_or(0, |(_, frame)| size(&frame)) }
}

impl View {
    /// The trace that vouches for `path`: the newest one of *all* its outputs.
    pub(crate) fn trace(&self, path: PathId) -> Option<Trace> {
        let at = self.live_trace_at(path)?;
        record::decode_trace(self.frame(at)?.body, self.states.len())
    }

    /// Whether a job on record made `path` last.
    pub(crate) fn is_made(&self, path: PathId) -> bool {
        self.live_trace_at(path).is_some()
    }

    /// Run and number of every job that was in flight when the last run was cut short. They are found by what was
    /// recorded, not by their outputs: of those a job may have none, or the user may have made the log forget them.
    pub(crate) fn in_flight(&self) -> Vec<(u32, u32)> {
        let Some(last) = self.runs.last().filter(|last| !last.ended) else { return Vec::new() };
        let mut jobs = BTreeSet::new();
        for frame in self.frames().filter(|frame| frame.at >= last.start) {
            let is_start = match frame.kind {
                record::JOB_STARTED => true,
                record::JOB_ENDED | record::TRACED => false,
                _ => continue,
            };
            let Some(head) = self.head(&frame) else { continue };
            match is_start {
                true => jobs.insert((head.run, head.job)),
                false => jobs.remove(&(head.run, head.job)),
            };
        }
        jobs.into_iter().collect()
    }

    /// The number of the last run, and when it began, if it came to no end so far.
    pub(crate) fn without_end(&self) -> Option<(u32, u64)> {
        self.runs.last().filter(|last| !last.ended).map(|last| (last.run, last.began_ms))
    }

    /// The run in which a job that makes `path` was started and neither succeeded nor ended since.
    pub(crate) fn interrupted(&self, path: PathId) -> Option<u32> {
        self.begun(path).filter(|run| self.running.as_ref().is_none_or(|running| running.run != *run))
    }

    /// The run that executes a job that makes `path` just now.
    pub(crate) fn running(&self, path: PathId) -> Option<&Running> {
        let running = self.running.as_ref()?;
        self.begun(path).filter(|run| *run == running.run).map(|_| running)
    }

    /// The run that goes on while this is looked at.
    pub(crate) fn running_now(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    fn begun(&self, path: PathId) -> Option<u32> {
        let frame = self.attempt(path)?;
        (frame.kind == record::JOB_STARTED).then(|| self.head(&frame).map(|head| head.run))?
    }

    /// The paths that jobs were to make that were started and neither succeeded nor ended since.
    pub(crate) fn interrupted_paths(&self) -> impl Iterator<Item = PathId> + '_ {
        (0..self.states.len() as u32).map(PathId).filter(|path| self.interrupted(*path).is_some())
    }

    /// The run in which the last job that makes `path` ended without a result, and how.
    pub(crate) fn failed(&self, path: PathId) -> Option<(u32, String)> {
        let frame = self.attempt(path).filter(|frame| frame.kind == record::JOB_ENDED)?;
        let mut cursor = super::codec::Cursor::new(frame.body);
        let head = JobHead::decode(&mut cursor, self.states.len())?;
        Some((head.run, cursor.text()?.to_string()))
    }

    /// Run and job number of the last execution that was to make `path`: they name its log.
    pub(crate) fn last_job(&self, path: PathId) -> Option<(u32, u32)> {
        let state = self.states.get(path.index())?;
        let at = if state.attempt != 0 { state.attempt } else { state.traced };
        self.head(&self.frame(at)?).map(|head| (head.run, head.job))
    }

    /// The content of a file under its last known signature.
    pub(crate) fn file_hash(&self, path: PathId) -> Option<FileHash> {
        let at = self.states.get(path.index())?.hash;
        let frame = self.frame(at).filter(|frame| frame.kind == record::FILE_HASH)?;
        let (_, mut hash) = record::decode_file_hash(frame.body, self.states.len())?;
        hash.settled &= !self.suspect(at);
        Some(hash)
    }

    /// The content of a directory, its files under their last known signatures.
    pub(crate) fn tree(&self, path: PathId) -> Option<Tree> {
        let at = self.states.get(path.index())?.hash;
        let frame = self.frame(at).filter(|frame| frame.kind == record::TREE)?;
        let (_, tree) = record::decode_tree(frame.body, self.states.len())?;
        if !self.suspect(at) {
            return Some(tree);
        }
        let unsettled = tree.entries().iter().cloned().map(|mut entry: Entry| {
            if let EntryContent::File { hash, .. } = &mut entry.content {
                hash.settled = false;
            }
            entry
        });
        Some(Tree::new(unsettled.collect()))
    }

    /// The text behind a definition digest.
    pub(crate) fn definition(&self, digest: &Digest) -> Option<&str> {
        let at = *self.definitions.get(digest)?;
        record::decode_definition(self.frame(at)?.body).map(|(_, text)| text)
    }

    /// The paths for which a trace vouches, in the order of their ids.
    pub(crate) fn made(&self) -> impl Iterator<Item = PathId> + '_ {
        (0..self.states.len() as u32).map(PathId).filter(|&id| self.live_trace_at(id).is_some())
    }

    /// Number for the next run; runs are counted from 1.
    pub(crate) fn next_run(&self) -> u32 {
        self.highest_run.saturating_add(1)
    }

    /// Run directories count too: after a lost log their numbers must not be given out again.
    pub(super) fn raise_run(&mut self, run: u32) {
        self.highest_run = self.highest_run.max(run);
    }

    /// Number of paths that the log names.
    pub(super) fn known(&self) -> usize {
        self.states.len()
    }

    pub(super) fn definition_digests(&self) -> impl Iterator<Item = Digest> + '_ {
        self.definitions.keys().copied()
    }

    pub(super) fn frames(&self) -> Frames<'_> {
        Frames::new(&self.log)
    }

    pub(super) fn is_live_trace(&self, at: usize, path: PathId) -> bool {
        self.live_trace_at(path) == Some(at)
    }

    pub(super) fn is_attempt(&self, at: usize, path: PathId) -> bool {
        self.states.get(path.index()).is_some_and(|state| state.attempt == at)
    }

    pub(super) fn is_hash(&self, at: usize, path: PathId) -> bool {
        self.states.get(path.index()).is_some_and(|state| state.hash == at)
    }

    pub(super) fn is_definition(&self, at: usize, digest: &Digest) -> bool {
        self.definitions.get(digest) == Some(&at)
    }

    fn live_trace_at(&self, path: PathId) -> Option<usize> {
        let at = self.states.get(path.index())?.traced;
        (at != 0 && !self.retired.contains(&at)).then_some(at)
    }

    fn attempt(&self, path: PathId) -> Option<Frame<'_>> {
        self.frame(self.states.get(path.index())?.attempt)
    }

    fn head<'a>(&self, frame: &Frame<'a>) -> Option<JobHead<'a>> {
        JobHead::decode(&mut super::codec::Cursor::new(frame.body), self.states.len())
    }

    fn frame(&self, at: usize) -> Option<Frame<'_>> {
        if at < HEADER_LEN {
            return None;
        }
        frame::frame_at(&self.log, at).map(|(_, frame)| frame)
    }

    /// After a power failure the files of a run may hold less than its records say.
    fn suspect(&self, at: usize) -> bool {
        if !self.any_suspect {
            return false;
        }
        let after = self.runs.partition_point(|run| run.start <= at);
        after.checked_sub(1).and_then(|index| self.runs.get(index)).is_some_and(RunSpan::suspect)
    }
}
