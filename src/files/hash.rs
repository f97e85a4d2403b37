//! Digests of files. Knows no memory of earlier runs. Invariant: a digest is returned only with a signature that was the
//! same before and after the reading.

use super::stat::{self, FsClock, Observed, Stat};
use crate::base::digest::Digest;
use crate::disk::File;
use crate::error::{Error, ErrorKind, Result};
use crate::trace::identity::{FileHash, FileKind, StatSig};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    /// Nothing, or a dangling link.
    Missing,
    Directory(StatSig),
    Special(StatSig),
    File(FileHash),
}

const BLOCK: usize = 1 << 20;
/// From this size on a file is hashed by several threads.
const LARGE: u64 = 16 << 20;
/// What threads share at a time: enough for all of them, and still in their caches when they read it.
const SHARED_BLOCK: usize = 2 << 20;
const ATTEMPTS: usize = 3;

/// Hashes files, with buffers that are used again.
pub(crate) struct FileHasher {
    clock: FsClock,
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl FileHasher {
    /// See [`FsClock::new`] for `probe_dir`.
    pub(crate) fn new(probe_dir: Option<&Path>) -> FileHasher {
        FileHasher { clock: FsClock::new(probe_dir), buffers: Mutex::default() }
    }

    /// Reads and hashes the file at `path`. On a thread of a rayon pool a large file is shared with the other threads
    /// of *that* pool, so call it from the session's private pool; elsewhere it stays on the calling thread, and the
    /// global pool is never used.
    ///
    /// # Errors
    /// When it cannot be read, or is different after three readings.
    pub(crate) fn content(&self, path: &Path) -> Result<Content> {
        self.content_of(path, stat::stat(path)?)
    }

    /// As [`FileHasher::content`] of what was found at `path` just now.
    ///
    /// # Errors
    /// When it cannot be read, or is different after three readings.
    pub(crate) fn content_of(&self, path: &Path, found: Option<Stat>) -> Result<Content> {
        self.content_by(path, found, |file, size| self.digest(file, size))
    }

    /// The frame around the reading: stat, read, stat, until both agree.
    fn content_by(
        &self,
        path: &Path,
        found: Option<Stat>,
        mut digest: impl FnMut(&mut File, u64) -> io::Result<Digest>,
    ) -> Result<Content> {
        let Some(mut before) = found else { return Ok(Content::Missing) };
        for _ in 0..ATTEMPTS {
            match before.sig.kind {
                FileKind::Directory => return Ok(Content::Directory(before.sig)),
                FileKind::Special => return Ok(Content::Special(before.sig)),
                FileKind::File => {}
            }
            let observed = self.observe(&before);
            let digest = match File::open(path).and_then(|mut file| digest(&mut file, before.sig.size)) {
                Ok(digest) => Some(digest),
                Err(error) if stat::is_missing(&error) => None,
                Err(error) => return Err(Error::io("read", path, error)),
            };
            let Some(after) = stat::stat(path)? else { return Ok(Content::Missing) };
            if let Some(digest) = digest.filter(|_| after == before) {
                let settled = stat::is_settled(&before, observed);
                return Ok(Content::File(FileHash { sig: before.sig, digest, settled }));
            }
            before = after;
        }
        let text =
            format!("{} keeps changing while it is read: something else is writing it", path.display());
        Err(Error::new(ErrorKind::Environment, text).with_path(path))
    }

    /// The file at `path`, of which somebody knows that its content has this digest; `None` when no file is there. Whoever
    /// calls it wrote the file, or read it and knows by [`FileHash::is_same_but_named`] that nobody wrote since.
    ///
    /// # Errors
    /// When the file system does not say.
    pub(crate) fn known(&self, path: &Path, digest: Digest) -> Result<Option<FileHash>> {
        let Some(file) = stat::stat(path)?.filter(|file| file.sig.kind == FileKind::File) else {
            return Ok(None);
        };
        let settled = stat::is_settled(&file, self.observe(&file));
        // What came while that was waited for is another file.
        let is_same = stat::stat(path)?.is_some_and(|now| now == file);
        Ok(Some(FileHash { sig: file.sig, digest, settled: settled && is_same }))
    }

    /// The time before the reading. Reading a large file takes longer than letting it settle, so a fresh one is
    /// given that moment: otherwise every large output would be read again at the next check.
    fn observe(&self, file: &Stat) -> Option<Observed> {
        let observed = self.clock.now()?;
        if file.sig.size < LARGE || stat::is_settled(file, Some(observed)) {
            return Some(observed);
        }
        let Some(left) = stat::settles_in(file, observed) else { return Some(observed) };
        // A tick more, and more than the age of a reading that the clock may give out.
        std::thread::sleep(left + std::time::Duration::from_millis(10));
        self.clock.now()
    }

    fn digest(&self, file: &mut File, size: u64) -> io::Result<Digest> {
        let large = size >= LARGE;
        let shared = large && rayon::current_thread_index().is_some();
        let mut buffer = self.take_buffer(if shared { SHARED_BLOCK } else { BLOCK });
        let digest = digest_all(file, size, &mut buffer, shared);
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        digest
    }

    fn take_buffer(&self, len: usize) -> Vec<u8> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let found = buffers.iter().rposition(|buffer| buffer.len() == len);
        found.map(|index| buffers.swap_remove(index)).unwrap_or_else(|| {
            drop(buffers);
            vec![0; len]
        })
    }
}

/// Reads up to the end, or up to `size`: that nothing came behind it is seen by the second stat, so a small file
/// costs one read. A size of 0 is not believed, since the kernel's own files show it.
fn digest_all(file: &mut impl Read, size: u64, buffer: &mut [u8], shared: bool) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut total = 0u64;
    loop {
        let n = fill(file, buffer, size.saturating_sub(total))?;
        let block = buffer.get(..n).unwrap_or_default();
        if shared {
            hasher.update_rayon(block);
        } else {
            hasher.update(block);
        }
        total += n as u64;
        if n == 0 || total == size {
            return Ok(Digest::from_bytes(*hasher.finalize().as_bytes()));
        }
    }
}

/// Reads until the buffer is full, the `wanted` bytes are there, or the file ends.
fn fill(file: &mut impl Read, buffer: &mut [u8], wanted: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if filled as u64 >= wanted {
            break;
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    /// From here on a file is large.
    const SIZE: usize = LARGE as usize;

    fn settle() {
        std::thread::sleep(std::time::Duration::from_millis(45));
    }

    #[test]
    fn a_digest_is_that_of_the_bytes_for_all_sizes_and_on_any_thread() {
        let dir = tempfile::tempdir().unwrap();
        let hasher = FileHasher::new(Some(dir.path()));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let bytes: Vec<u8> = (0..SIZE + BLOCK + 5).map(|n| (n * 7 % 251) as u8).collect();
        for size in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, SIZE - 1, SIZE, SIZE + BLOCK + 5] {
            let path = dir.path().join("odd näme\n");
            fs::write(&path, &bytes[..size]).unwrap();
            let expected = Digest::of(&bytes[..size]);
            for content in [hasher.content(&path).unwrap(), pool.install(|| hasher.content(&path)).unwrap()] {
                assert!(matches!(content, Content::File(h) if h.digest == expected), "{size} bytes");
            }
        }
    }

    #[test]
    fn fresh_files_are_unsettled_until_their_tick_is_over_and_large_ones_wait_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let hasher = FileHasher::new(Some(dir.path()));
        let settled = |name: &str| match hasher.content(&dir.path().join(name)).unwrap() {
            Content::File(hash) => hash.settled,
            other => panic!("{other:?}"),
        };
        let write = |name: &str, size| fs::write(dir.path().join(name), vec![0; size]).unwrap();
        write("small", 1);
        let fresh = |n: usize| {
            write("fresh", n);
            !settled("fresh")
        };
        assert!((0..20).any(fresh), "a busy machine may need more than a tick, but not each time");
        write("large", SIZE);
        assert!(settled("large"), "or it would be read twice");
        settle();
        assert!(settled("small"));
        let blind = FileHasher::new(None);
        let content = blind.content(&dir.path().join("small")).unwrap();
        assert!(matches!(content, Content::File(hash) if !hash.settled), "no clock, no trust");
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, "old").unwrap();
        let hasher = FileHasher::new(Some(dir.path()));
        let mut readings = 0;
        let content = hasher.content_by(&path, stat::stat(&path).unwrap(), |file, size| {
            readings += 1;
            let digest = hasher.digest(file, size);
            if readings == 1 {
                fs::write(&path, "new text").unwrap();
            }
            digest
        });
        assert!(matches!(content.unwrap(), Content::File(hash) if hash.digest == Digest::of(b"new text")));
        assert_eq!(readings, 2);
    }

    #[test]
    fn a_file_that_keeps_changing_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "x").unwrap();
        let hasher = FileHasher::new(Some(dir.path()));
        let error = hasher
            .content_by(&path, stat::stat(&path).unwrap(), |file, size| {
                fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
                hasher.digest(file, size)
            })
            .unwrap_err();
        assert!(error.to_string().contains("keeps changing") && error.path() == Some(&path), "{error}");
    }

    #[test]
    fn a_file_that_vanishes_while_it_is_read_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        fs::write(&path, "x").unwrap();
        let hasher = FileHasher::new(None);
        let content = hasher.content_by(&path, stat::stat(&path).unwrap(), |file, size| {
            fs::remove_file(&path).unwrap();
            hasher.digest(file, size)
        });
        assert_eq!(content.unwrap(), Content::Missing);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn files_of_the_kernel_are_read_in_spite_of_their_size() {
        let content = FileHasher::new(None).content(Path::new("/proc/version")).unwrap();
        let expected = Digest::of(&fs::read("/proc/version").unwrap());
        assert!(matches!(content, Content::File(hash) if hash.digest == expected));
    }
}
