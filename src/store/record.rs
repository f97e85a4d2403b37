//! The records of `state.log` and their bytes. Knows no file and no index. Invariant: a path is named by its own
//! record before any other record uses its number.
//!
//! Numbers are LEB128 varints unless a size is given; `text` is a varint length in bytes and UTF-8; a list is a varint
//! count and its items; a digest is 32 bytes; a path is its number: the how-many-eth `Path` record of this log, from 0.
//! A reader ignores bytes behind the fields it knows (except in `Path`), so fields may be added at the end under a new
//! minor version. Bit 7 of the type means that a reader that does not know the type may skip the record; without it the
//! log is too new for that reader.
//!
//! | Type | Record | Body |
//! |---|---|---|
//! | 1 | `Path` | the normalised path, UTF-8, the whole body |
//! | 2 | `Definition` | digest, text |
//! | 3 | `Traced` | run, job, outputs: list of path; origin: 1 byte (0 executed, 1 accepted); duration in ms; rule: text; definition: digest; params: list of (name: text, value: text); wildcards: the same; inputs: list of (slot, path, digest); results: list of digest; since minor version 1, as far as there is any: what is required: list of (path: text, what: text); code: list of (kind: 1 byte (0 script, 1 conda, 2 container, 3 modules), name: text, digest); what is said for a report: list of (path: text, JSON: text) |
//! | 4 | `FileHash` | path; kind: 1 byte (0 file, 1 directory, 2 special); settled: 1 byte (0, 1); size; mtime: 8 bytes, ns, signed; ctime: the same; inode; digest |
//! | 5 | `JobStarted` | run, job (2³² - 1 is a hook of the run), outputs: list of path |
//! | 6 | `JobEnded` | run, job, outputs: list of path; outcome: text |
//! | 7 | `Forget` | path |
//! | 8 | `RunStarted` | run; time in ms since 1970; boot id: text |
//! | 9 | `RunEnded` | run |
//! | 10, may be skipped | `Tree` | path; entries, sorted: list of (bytes it has in common with the path before, the others: text of bytes; kind: 1 byte (0 file, 1 executable file, 2 directory, 3 link); of a file settled, size, mtime, ctime, inode, digest as in `FileHash`; of a link the digest of its text) |

use super::codec::{Cursor, put_bytes, put_text, put_varint};
use super::frame;
use crate::base::digest::Digest;
use crate::base::path::{PathId, PathTable};
use crate::error::{Error, ErrorKind, Result};
use crate::trace::fingerprint::{Bound, CodeKind, CodePart, Fingerprint, InputState, Origin, Trace};
use crate::trace::identity::{FileHash, FileKind, Known, StatSig};
use crate::trace::tree::{Entry, EntryContent, Tree};
use std::sync::Arc;

pub(super) const PATH: u8 = 1;
pub(super) const DEFINITION: u8 = 2;
pub(super) const TRACED: u8 = 3;
pub(super) const FILE_HASH: u8 = 4;
pub(super) const JOB_STARTED: u8 = 5;
pub(super) const JOB_ENDED: u8 = 6;
pub(super) const FORGET: u8 = 7;
pub(super) const RUN_STARTED: u8 = 8;
pub(super) const RUN_ENDED: u8 = 9;
pub(super) const MAY_SKIP: u8 = 0x80;
/// Since minor version 1.
pub(super) const TREE: u8 = 10 | MAY_SKIP;

/// One thing to remember. Paths are those of the session's table; `Path` records are written as needed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Record<'a> {
    /// A run begins. `boot_id` tells later whether the machine went down since.
    RunStarted { run: u32, boot_id: &'a str, time_ms: u64 },
    /// A run ended in good order: what it recorded is on disk.
    RunEnded { run: u32 },
    /// The text behind a definition digest, so that old and new can be shown.
    Definition { digest: Digest, text: &'a str },
    /// A job is about to run: until the next record about them its outputs are not to be trusted.
    JobStarted { run: u32, job: u32, outputs: &'a [PathId] },
    /// A job succeeded, or the user accepted what is there.
    Traced(&'a Trace),
    /// A job ended without a result: failed or cancelled.
    JobEnded { run: u32, job: u32, outputs: &'a [PathId], outcome: &'a str },
    /// The content of a file under a signature.
    FileHash { path: PathId, hash: FileHash },
    /// The content of a directory, each file under its signature.
    Tree { path: PathId, tree: &'a Tree },
    /// Drops all that is on record about a path.
    Forget { path: PathId },
}

/// Bytes in memory of a tree that goes on record.
const MAX_TREE: usize = 128 << 20;

impl<'a> Record<'a> {
    /// What is known of a path, if it is worth its place: to read a tree of a million files again costs less than to
    /// carry such a record along.
    pub(crate) fn known(path: PathId, known: &'a Known) -> Option<Record<'a>> {
        match known {
            Known::File(hash) => Some(Record::FileHash { path, hash: *hash }),
            Known::Tree { tree, .. } => (tree.weight() <= MAX_TREE).then_some(Record::Tree { path, tree }),
        }
    }
}

/// Assembles batches of frames and numbers their paths.
///
/// Paths below `known` have their log number; the others get one with their first use.
pub(super) struct Encoder {
    known: u32,
    /// Log numbers of the session's paths from `known` on; `NONE` until used.
    numbers: Vec<u32>,
    next_number: u32,
    seq: u32,
    limit: usize,
    out: Vec<u8>,
    /// Paths numbered in this batch, to take back when it cannot be written.
    fresh: Vec<PathId>,
    batch_seq: u32,
}

const NONE: u32 = u32::MAX;

impl Encoder {
    pub(super) fn new(known: u32, seq: u32) -> Encoder {
        let limit = frame::MAX_BODY;
        let (numbers, out, fresh) = (Vec::new(), Vec::new(), Vec::new());
        Encoder { known, numbers, next_number: known, seq, limit, out, fresh, batch_seq: seq }
    }

    #[cfg(test)]
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Adds a record, with the `Path` records it needs before it. After an error the batch is empty again.
    pub(super) fn push(&mut self, paths: &PathTable, record: &Record<'_>) -> Result<()> {
        let done = self.push_paths(paths, record).and_then(|()| {
            let (kind, number) = (record.kind(), |id: PathId| number_of(self.known, &self.numbers, id));
            frame::put(&mut self.out, self.seq, kind, self.limit, |out| record.encode(out, number))
                .map_err(too_long)?;
            self.seq = self.seq.wrapping_add(1);
            Ok(())
        });
        if done.is_err() {
            self.take_back();
        }
        done
    }

    /// The assembled batch; the encoder goes on behind it with the next one.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.fresh.clear();
        self.batch_seq = self.seq;
        std::mem::take(&mut self.out)
    }

    /// Gives the buffer of a batch back for the next one.
    pub(super) fn reuse(&mut self, mut buffer: Vec<u8>) {
        if self.out.capacity() == 0 && buffer.capacity() <= 1 << 20 {
            buffer.clear();
            self.out = buffer;
        }
    }

    fn take_back(&mut self) {
        self.out.clear();
        self.seq = self.batch_seq;
        for id in self.fresh.drain(..) {
            self.next_number -= 1;
            if let Some(slot) = self.numbers.get_mut(id.index() - self.known as usize) {
                *slot = NONE;
            }
        }
    }

    fn push_paths(&mut self, paths: &PathTable, record: &Record<'_>) -> Result<()> {
        let (trace_inputs, ids): (&[InputState], &[PathId]) = match record {
            Record::Traced(trace) => (&trace.fingerprint.inputs, &trace.fingerprint.outputs),
            Record::JobStarted { outputs, .. } | Record::JobEnded { outputs, .. } => (&[], outputs),
            Record::FileHash { path, .. } | Record::Tree { path, .. } | Record::Forget { path } => {
                (&[], std::slice::from_ref(path))
            }
            Record::RunStarted { .. } | Record::RunEnded { .. } | Record::Definition { .. } => (&[], &[]),
        };
        trace_inputs.iter().map(|input| input.path).chain(ids.iter().copied()).try_for_each(|id| {
            if number_of(self.known, &self.numbers, id) == NONE { self.push_path(paths, id) } else { Ok(()) }
        })
    }

    fn push_path(&mut self, paths: &PathTable, id: PathId) -> Result<()> {
        if id.index() >= paths.len() {
            return Err(Error::new(ErrorKind::Bug, "a record names a path of another session"));
        }
        let text = paths.text(id).as_bytes();
        frame::put(&mut self.out, self.seq, PATH, self.limit, |out| out.extend_from_slice(text))
            .map_err(too_long)?;
        self.seq = self.seq.wrapping_add(1);
        let index = id.index() - self.known as usize;
        if self.numbers.len() <= index {
            self.numbers.resize(index + 1, NONE);
        }
        self.numbers[index] = self.next_number;
        self.next_number += 1;
        self.fresh.push(id);
        Ok(())
    }
}

fn number_of(known: u32, numbers: &[u32], id: PathId) -> u32 {
    match id.0.checked_sub(known) {
        None => id.0,
        Some(index) => numbers.get(index as usize).copied().unwrap_or(NONE),
    }
}

fn too_long(len: usize) -> Error {
    let mib = len >> 20;
    Error::new(ErrorKind::Environment, format!("a record of {mib} MiB is too long for the state log"))
}

impl Record<'_> {
    fn kind(&self) -> u8 {
        match self {
            Record::RunStarted { .. } => RUN_STARTED,
            Record::RunEnded { .. } => RUN_ENDED,
            Record::Definition { .. } => DEFINITION,
            Record::JobStarted { .. } => JOB_STARTED,
            Record::Traced(_) => TRACED,
            Record::JobEnded { .. } => JOB_ENDED,
            Record::FileHash { .. } => FILE_HASH,
            Record::Tree { .. } => TREE,
            Record::Forget { .. } => FORGET,
        }
    }

    fn encode(&self, out: &mut Vec<u8>, number: impl Fn(PathId) -> u32) {
        let put_head = |out: &mut Vec<u8>, run: u32, job: u32, outputs: &[PathId]| {
            put_varint(out, run.into());
            put_varint(out, job.into());
            put_varint(out, outputs.len() as u64);
            outputs.iter().for_each(|&id| put_varint(out, number(id).into()));
        };
        match *self {
            Record::RunStarted { run, boot_id, time_ms } => {
                put_varint(out, run.into());
                put_varint(out, time_ms);
                put_text(out, boot_id);
            }
            Record::RunEnded { run } => put_varint(out, run.into()),
            Record::Definition { digest, text } => {
                out.extend_from_slice(digest.as_bytes());
                put_text(out, text);
            }
            Record::JobStarted { run, job, outputs } => put_head(out, run, job, outputs),
            Record::Traced(trace) => {
                put_head(out, trace.run, trace.job, &trace.fingerprint.outputs);
                put_trace(out, trace, number);
            }
            Record::JobEnded { run, job, outputs, outcome } => {
                put_head(out, run, job, outputs);
                put_text(out, outcome);
            }
            Record::FileHash { path, hash } => {
                put_varint(out, number(path).into());
                out.push(hash.sig.kind as u8);
                put_file_hash(out, &hash);
            }
            Record::Tree { path, tree } => {
                put_varint(out, number(path).into());
                put_tree(out, tree);
            }
            Record::Forget { path } => put_varint(out, number(path).into()),
        }
    }
}

fn put_trace(out: &mut Vec<u8>, trace: &Trace, number: impl Fn(PathId) -> u32) {
    let Fingerprint { definition, params, wildcards, code, inputs, outputs: _, required } =
        &trace.fingerprint;
    out.push(trace.origin as u8);
    put_varint(out, trace.duration_ms.into());
    put_text(out, &trace.rule);
    out.extend_from_slice(definition.as_bytes());
    put_bound(out, params);
    put_bound(out, wildcards);
    put_varint(out, inputs.len() as u64);
    for input in inputs {
        put_varint(out, input.slot.into());
        put_varint(out, number(input.path).into());
        out.extend_from_slice(input.digest.as_bytes());
    }
    put_varint(out, trace.results.len() as u64);
    trace.results.iter().for_each(|digest| out.extend_from_slice(digest.as_bytes()));
    let reported = &trace.reported;
    if !required.is_empty() || !code.is_empty() || !reported.is_empty() {
        put_bound(out, required);
    }
    if !code.is_empty() || !reported.is_empty() {
        put_varint(out, code.len() as u64);
        for part in code {
            out.push(part.kind as u8);
            put_text(out, &part.name);
            out.extend_from_slice(part.digest.as_bytes());
        }
    }
    if !reported.is_empty() {
        put_bound(out, reported);
    }
}

fn put_bound(out: &mut Vec<u8>, bound: &[Bound]) {
    put_varint(out, bound.len() as u64);
    for (name, value) in bound {
        put_text(out, name);
        put_text(out, value);
    }
}

/// All but the kind.
fn put_file_hash(out: &mut Vec<u8>, hash: &FileHash) {
    out.push(hash.settled.into());
    put_varint(out, hash.sig.size);
    out.extend_from_slice(&hash.sig.mtime_ns.to_le_bytes());
    out.extend_from_slice(&hash.sig.ctime_ns.to_le_bytes());
    put_varint(out, hash.sig.inode);
    out.extend_from_slice(hash.digest.as_bytes());
}

fn put_tree(out: &mut Vec<u8>, tree: &Tree) {
    put_varint(out, tree.entries().len() as u64);
    let mut before: &[u8] = &[];
    for Entry { path, content } in tree.entries() {
        let common = before.iter().zip(&**path).take_while(|(a, b)| a == b).count();
        put_varint(out, common as u64);
        put_bytes(out, &path[common..]);
        before = path;
        match content {
            EntryContent::File { executable, hash } => {
                out.push((*executable).into());
                put_file_hash(out, hash);
            }
            EntryContent::Directory => out.push(2),
            EntryContent::Link(text) => {
                out.push(3);
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

/// The common front of `Traced`, `JobStarted` and `JobEnded`.
pub(super) struct JobHead<'a> {
    pub(super) run: u32,
    pub(super) job: u32,
    count: usize,
    ids: Cursor<'a>,
    limit: usize,
}

impl<'a> JobHead<'a> {
    /// Reads the front of `body`; every output is below `limit`. The cursor stands behind it afterwards.
    pub(super) fn decode(cursor: &mut Cursor<'a>, limit: usize) -> Option<JobHead<'a>> {
        let (run, job, count) = (cursor.u32()?, cursor.u32()?, cursor.count(1)?);
        let head = JobHead { run, job, count, ids: cursor.clone(), limit };
        for _ in 0..count {
            cursor.path(limit)?;
        }
        Some(head)
    }

    pub(super) fn outputs(&self) -> impl Iterator<Item = PathId> + use<'a> {
        let (mut ids, limit) = (self.ids.clone(), self.limit);
        (0..self.count).map_while(move |_| ids.path(limit))
    }
}

pub(super) fn decode_trace(body: &[u8], limit: usize) -> Option<Trace> {
    let mut cursor = Cursor::new(body);
    let head = JobHead::decode(&mut cursor, limit)?;
    let origin = match cursor.byte()? {
        0 => Origin::Executed,
        1 => Origin::Accepted,
        2 => Origin::Restored,
        _ => return None,
    };
    let duration_ms = cursor.u32()?;
    let rule = Arc::from(cursor.text()?);
    let definition = cursor.digest()?;
    let (params, wildcards) = (decode_bound(&mut cursor)?, decode_bound(&mut cursor)?);
    let count = cursor.count(34)?;
    let mut inputs = Vec::with_capacity(count);
    for _ in 0..count {
        let slot = u16::try_from(cursor.u32()?).ok()?;
        inputs.push(InputState { slot, path: cursor.path(limit)?, digest: cursor.digest()? });
    }
    let results = (0..cursor.count(32)?).map(|_| cursor.digest()).collect::<Option<_>>()?;
    let outputs = head.outputs().collect();
    let required = if cursor.is_at_end() { Vec::new() } else { decode_bound(&mut cursor)? };
    let code = if cursor.is_at_end() { Vec::new() } else { decode_code(&mut cursor)? };
    let reported = if cursor.is_at_end() { Vec::new() } else { decode_bound(&mut cursor)? };
    let fingerprint = Fingerprint { definition, params, wildcards, code, inputs, outputs, required };
    Some(Trace { rule, fingerprint, results, run: head.run, job: head.job, duration_ms, origin, reported })
}

fn decode_code(cursor: &mut Cursor<'_>) -> Option<Vec<CodePart>> {
    let part = |cursor: &mut Cursor<'_>| {
        let kind = *CodeKind::ALL.get(usize::from(cursor.byte()?))?;
        Some(CodePart { kind, name: Arc::from(cursor.text()?), digest: cursor.digest()? })
    };
    (0..cursor.count(34)?).map(|_| part(cursor)).collect()
}

fn decode_bound(cursor: &mut Cursor<'_>) -> Option<Vec<Bound>> {
    (0..cursor.count(2)?).map(|_| Some((Arc::from(cursor.text()?), Arc::from(cursor.text()?)))).collect()
}

pub(super) fn decode_file_hash(body: &[u8], limit: usize) -> Option<(PathId, FileHash)> {
    let mut cursor = Cursor::new(body);
    let path = cursor.path(limit)?;
    let kind = match cursor.byte()? {
        0 => FileKind::File,
        1 => FileKind::Directory,
        2 => FileKind::Special,
        _ => return None,
    };
    Some((path, decode_rest_of_hash(&mut cursor, kind)?))
}

fn decode_rest_of_hash(cursor: &mut Cursor<'_>, kind: FileKind) -> Option<FileHash> {
    let settled = cursor.byte()? == 1;
    let (size, mtime_ns, ctime_ns) = (cursor.varint()?, cursor.i64()?, cursor.i64()?);
    let sig = StatSig { kind, size, mtime_ns, ctime_ns, inode: cursor.varint()? };
    Some(FileHash { sig, digest: cursor.digest()?, settled })
}

/// Only whose tree it is: the rest is decoded when asked for.
pub(super) fn decode_tree_path(body: &[u8], limit: usize) -> Option<PathId> {
    Cursor::new(body).path(limit)
}

pub(super) fn decode_tree(body: &[u8], limit: usize) -> Option<(PathId, Tree)> {
    let mut cursor = Cursor::new(body);
    let id = cursor.path(limit)?;
    let count = cursor.count(3)?;
    let mut entries: Vec<Entry> = Vec::with_capacity(count);
    for _ in 0..count {
        let common = usize::try_from(cursor.varint()?).ok()?;
        let before = entries.last().map_or(&[][..], |entry| &*entry.path);
        let path = [before.get(..common)?, cursor.bytes()?].concat().into();
        let content = match cursor.byte()? {
            executable @ 0..=1 => EntryContent::File {
                executable: executable == 1,
                hash: decode_rest_of_hash(&mut cursor, FileKind::File)?,
            },
            2 => EntryContent::Directory,
            3 => EntryContent::Link(cursor.digest()?),
            _ => return None,
        };
        entries.push(Entry { path, content });
    }
    Some((id, Tree::new(entries)))
}

pub(super) fn decode_definition(body: &[u8]) -> Option<(Digest, &str)> {
    let mut cursor = Cursor::new(body);
    Some((cursor.digest()?, cursor.text()?))
}

/// Run, time, boot id.
pub(super) fn decode_run_started(body: &[u8]) -> Option<(u32, u64, &str)> {
    let mut cursor = Cursor::new(body);
    Some((cursor.u32()?, cursor.varint()?, cursor.text()?))
}
