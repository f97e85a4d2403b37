//! What the answer "nothing is to do" of a run rested on, so that the next run can see that all of it is as it was
//! without loading, resolving or comparing anything.
//!
//! One file of `proofs/` for each thing that was asked for. It never says that something has to run, so it can be
//! removed at any time, and one that is damaged or of another version is none. Bytes (see `codec` for numbers and
//! texts): `rulemake proof` and the version; the key; the boot id; the signature of `state.log`; the answer; the reads
//! of the evaluation; the directories with their real names; the files, in groups that lie in one directory; a CRC-32
//! of all before it.

use super::codec::{Cursor, put_bytes, put_text, put_varint};
use crate::base::digest::Digest;
use crate::disk as fs;
use crate::trace::identity::{FileKind, StatSig};
use std::io;
use std::path::{Path, PathBuf};

/// To be raised with the format, and whenever the same files may mean another answer.
const MAGIC: &[u8] = concat!("rulemake proof 1 ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();
/// Answers that are kept: more are asked for in turn by nobody.
const KEPT: usize = 8;
/// Files of a group, so that threads can share the work.
pub(crate) const GROUP: usize = 1024;
/// A proof is no larger, so that a foreign file costs no more memory than that.
const MOST_BYTES: u64 = 1 << 32;

/// What a run found that had nothing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) run: u32,
    pub(crate) up_to_date: usize,
}

/// Something that the evaluation looked at; the session knows what it means.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Look {
    pub(crate) kind: String,
    pub(crate) what: String,
    pub(crate) how: u8,
    /// What `how` needs besides; paths are bytes.
    pub(crate) more: Vec<Vec<u8>>,
    pub(crate) digest: Option<Digest>,
}

/// What an answer rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Basis {
    pub(crate) boot: String,
    /// Of `state.log`.
    pub(crate) log: StatSig,
    pub(crate) looks: Vec<Look>,
    /// Directories, and their names without links.
    pub(crate) directories: Vec<(String, String)>,
}

/// A proof as it is read.
pub(crate) struct Proof {
    bytes: Vec<u8>,
    pub(crate) answer: Answer,
    pub(crate) basis: Basis,
    /// Where the groups start in `bytes`, and how many there are.
    groups: (usize, usize),
}

/// Files of one directory.
#[derive(Clone)]
pub(crate) struct Group<'a> {
    /// From the root, `""` for the root itself, or absolute.
    pub(crate) directory: &'a str,
    count: usize,
    files: Cursor<'a>,
}

/// Where the answer for `key` is kept.
fn path_of(state_dir: &Path, key: &Digest) -> PathBuf {
    let name: String = key.as_bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    state_dir.join("proofs").join(name)
}

/// The file whose signature tells that nothing was recorded since.
pub(crate) fn log_path(state_dir: &Path) -> PathBuf {
    state_dir.join("state.log")
}

/// The bytes of a proof. `files` are sorted by directory; `None` means that nothing was there.
pub(crate) fn encode<'f>(
    key: &Digest,
    answer: Answer,
    basis: &Basis,
    files: impl Iterator<Item = (&'f str, &'f str, Option<StatSig>)>,
) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(key.as_bytes());
    put_text(&mut out, &basis.boot);
    put_signature(&mut out, Some(basis.log));
    put_varint(&mut out, answer.run.into());
    put_varint(&mut out, answer.up_to_date as u64);
    put_varint(&mut out, basis.looks.len() as u64);
    for Look { kind, what, how, more, digest } in &basis.looks {
        put_text(&mut out, kind);
        put_text(&mut out, what);
        out.push(*how);
        put_varint(&mut out, more.len() as u64);
        more.iter().for_each(|bytes| put_bytes(&mut out, bytes));
        out.push(u8::from(digest.is_some()));
        digest.iter().for_each(|digest| out.extend_from_slice(digest.as_bytes()));
    }
    put_varint(&mut out, basis.directories.len() as u64);
    for (name, real) in &basis.directories {
        put_text(&mut out, name);
        put_text(&mut out, real);
    }
    put_groups(&mut out, files);
    let sum = crc32fast::hash(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

fn put_groups<'f>(out: &mut Vec<u8>, files: impl Iterator<Item = (&'f str, &'f str, Option<StatSig>)>) {
    let (mut groups, mut body) = (0u64, Vec::new());
    let mut group: (&str, u64, Vec<u8>) = ("", 0, Vec::new());
    let mut end = |(directory, count, files): &mut (&str, u64, Vec<u8>)| {
        if *count > 0 {
            put_text(&mut body, directory);
            put_varint(&mut body, *count);
            put_bytes(&mut body, files);
            groups += 1;
        }
        *count = 0;
        files.clear();
    };
    for (directory, name, sig) in files {
        if group.0 != directory || group.1 as usize == GROUP {
            end(&mut group);
            group.0 = directory;
        }
        put_text(&mut group.2, name);
        put_signature(&mut group.2, sig);
        group.1 += 1;
    }
    end(&mut group);
    put_varint(out, groups);
    out.extend_from_slice(&body);
}

fn put_signature(out: &mut Vec<u8>, sig: Option<StatSig>) {
    let Some(StatSig { kind, size, mtime_ns, ctime_ns, inode }) = sig else { return out.push(u8::MAX) };
    out.push(kind as u8);
    put_varint(out, size);
    out.extend_from_slice(&mtime_ns.to_le_bytes());
    out.extend_from_slice(&ctime_ns.to_le_bytes());
    put_varint(out, inode);
}

fn signature(cursor: &mut Cursor<'_>) -> Option<Option<StatSig>> {
    let kind = match cursor.byte()? {
        u8::MAX => return Some(None),
        0 => FileKind::File,
        1 => FileKind::Directory,
        2 => FileKind::Special,
        _ => return None,
    };
    let (size, mtime_ns, ctime_ns) = (cursor.varint()?, cursor.i64()?, cursor.i64()?);
    Some(Some(StatSig { kind, size, mtime_ns, ctime_ns, inode: cursor.varint()? }))
}

/// Keeps a proof, unless it is the one that is kept. Nobody needs one, so that it cannot be written is no error.
pub(crate) fn keep(state_dir: &Path, key: &Digest, bytes: &[u8]) {
    let path = path_of(state_dir, key);
    if read_file(&path).is_some_and(|kept| kept == bytes) {
        return;
    }
    // Two that write at once must not write into one file.
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let written = fs::create_dir_all(state_dir.join("proofs"))
        .and_then(|()| fs::write(&fresh, bytes))
        .and_then(|()| fs::rename(&fresh, &path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    prune(&state_dir.join("proofs"));
}

/// Removes the oldest ones.
fn prune(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let written = |path: PathBuf| Some((fs::modified(&fs::metadata(&path).ok()?), path));
    let mut kept: Vec<_> = entries.flatten().filter_map(|entry| written(entry.path())).collect();
    kept.sort_by(|a, b| b.cmp(a));
    kept.iter().skip(KEPT).for_each(|(_, path)| drop(fs::remove_file(path)));
}

/// The proof that is kept for `key`, if it can be read.
pub(crate) fn read(state_dir: &Path, key: &Digest) -> Option<Proof> {
    decode(read_file(&path_of(state_dir, key))?, key)
}

fn read_file(path: &Path) -> Option<Vec<u8>> {
    let is_plain = |meta: io::Result<fs::Metadata>| meta.is_ok_and(|m| m.is_file() && m.len() < MOST_BYTES);
    if !is_plain(fs::symlink_metadata(path)) {
        return None;
    }
    fs::read(path).ok()
}

fn decode(bytes: Vec<u8>, key: &Digest) -> Option<Proof> {
    let (body, sum) = bytes.split_last_chunk::<4>()?;
    let body = body.strip_prefix(MAGIC)?;
    if !body.starts_with(key.as_bytes()) || crc32fast::hash(&bytes[..bytes.len() - 4]).to_le_bytes() != *sum {
        return None;
    }
    let mut cursor = Cursor::new(body.get(key.as_bytes().len()..)?);
    let boot = cursor.text()?.to_string();
    let log = signature(&mut cursor)??;
    let answer = Answer { run: cursor.u32()?, up_to_date: usize::try_from(cursor.varint()?).ok()? };
    let looks = (0..cursor.count(4)?).map(|_| look(&mut cursor)).collect::<Option<_>>()?;
    let directory = |cursor: &mut Cursor<'_>| Some((cursor.text()?.to_string(), cursor.text()?.to_string()));
    let directories = (0..cursor.count(2)?).map(|_| directory(&mut cursor)).collect::<Option<_>>()?;
    let count = cursor.count(3)?;
    let start = bytes.len() - 4 - cursor.left();
    Some(Proof { answer, basis: Basis { boot, log, looks, directories }, groups: (start, count), bytes })
}

fn look(cursor: &mut Cursor<'_>) -> Option<Look> {
    let (kind, what, how) = (cursor.text()?.to_string(), cursor.text()?.to_string(), cursor.byte()?);
    let more = (0..cursor.count(1)?).map(|_| cursor.bytes().map(<[u8]>::to_vec)).collect::<Option<_>>()?;
    let digest = match cursor.byte()? {
        0 => None,
        _ => Some(cursor.digest()?),
    };
    Some(Look { kind, what, how, more, digest })
}

impl Proof {
    /// The files; `None` when it is no proof.
    pub(crate) fn groups(&self) -> Option<Vec<Group<'_>>> {
        let (start, count) = self.groups;
        let mut cursor = Cursor::new(self.bytes.get(start..self.bytes.len() - 4)?);
        let mut groups = Vec::with_capacity(count);
        for _ in 0..count {
            let (directory, count) = (cursor.text()?, usize::try_from(cursor.varint()?).ok()?);
            groups.push(Group { directory, count, files: Cursor::new(cursor.bytes()?) });
        }
        Some(groups).filter(|_| cursor.is_at_end())
    }
}

impl<'a> Group<'a> {
    /// Whether `holds` says yes to each file, by its name and what was there.
    pub(crate) fn all(&self, mut holds: impl FnMut(&'a str, Option<StatSig>) -> bool) -> bool {
        let mut files = self.files.clone();
        for _ in 0..self.count {
            let (Some(name), Some(sig)) = (files.text(), signature(&mut files)) else { return false };
            if !holds(name, sig) {
                return false;
            }
        }
        files.is_at_end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sig(size: u64) -> StatSig {
        StatSig { kind: FileKind::File, size, mtime_ns: -5, ctime_ns: i64::MAX, inode: u64::MAX }
    }

    fn basis() -> Basis {
        let more = vec![b"a\xff".to_vec()];
        let look =
            Look { kind: "file".into(), what: "x".into(), how: 1, more, digest: Some(Digest::of(b"x")) };
        let looks = vec![look, Look { kind: "exists".into(), ..Look::default() }];
        Basis { boot: "b".into(), log: sig(9), looks, directories: vec![("d".into(), "e".into())] }
    }

    fn proof() -> (Digest, Vec<u8>) {
        let files = [("", "a", Some(sig(1))), ("d", "b", None), ("d", "c", Some(sig(0)))];
        let key = Digest::of(b"key");
        (key, encode(&key, Answer { run: 3, up_to_date: 2 }, &basis(), files.into_iter()))
    }

    #[test]
    fn a_proof_survives_the_disk() {
        let (dir, (key, bytes)) = (tempfile::tempdir().unwrap(), proof());
        keep(dir.path(), &key, &bytes);
        let read = read(dir.path(), &key).unwrap();
        assert_eq!((read.answer, &read.basis), (Answer { run: 3, up_to_date: 2 }, &basis()));
        let mut files = Vec::new();
        for group in read.groups().unwrap() {
            let directory = group.directory.to_string();
            assert!(group.all(|name, sig| {
                files.push((directory.clone(), name.to_string(), sig.map(|sig| sig.size)));
                true
            }));
        }
        let expected = [("", "a", Some(1)), ("d", "b", None), ("d", "c", Some(0))];
        assert_eq!(files, expected.map(|(dir, name, size)| (dir.to_string(), name.to_string(), size)));
    }

    #[test]
    fn many_files_of_a_directory_are_several_groups() {
        let names: Vec<String> = (0..2 * GROUP + 1).map(|n| n.to_string()).collect();
        let key = Digest::of(b"key");
        let files = names.iter().map(|name| ("d", name.as_str(), None));
        let bytes = encode(&key, Answer { run: 1, up_to_date: 1 }, &basis(), files);
        assert_eq!(decode(bytes, &key).unwrap().groups().unwrap().len(), 3);
    }

    /// Promise: a damaged proof is none, whichever bit is damaged or wherever it is cut.
    #[test]
    fn a_damaged_proof_is_none() {
        let (key, bytes) = proof();
        assert!(decode(bytes.clone(), &Digest::of(b"other")).is_none());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(decode(damaged, &key).is_none(), "byte {at}");
            assert!(decode(bytes[..at].to_vec(), &key).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn only_the_newest_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..KEPT as u8 + 3 {
            keep(dir.path(), &Digest::of(&[n]), &[n]);
        }
        assert_eq!(fs::read_dir(dir.path().join("proofs")).unwrap().count(), KEPT);
    }
}
