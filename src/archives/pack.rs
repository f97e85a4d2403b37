//! Writes an archive, entry by entry, in the order in which it is told to.

use crate::base::digest::Digest;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// All entries are of this time, 1980-01-01: earlier ones some tools take for a mistake.
const TIME: u64 = 315_532_800;

/// What an entry holds.
#[derive(Debug)]
pub(super) enum Content<'a> {
    /// Whether it is its owner's alone.
    Directory(bool),
    Text(&'a str),
    /// A file on the disk, links followed; what it has to hold, where that is known.
    File(&'a Path, Option<Digest>),
    /// A link with this text.
    Link(&'a str),
}

/// An archive that is being written.
pub(super) struct Packer<'w> {
    tar: Builder<zstd::Encoder<'w, &'w mut dyn Write>>,
    /// Bytes of the files so far.
    pub(super) bytes: u64,
}

impl<'w> Packer<'w> {
    pub(super) fn new(to: &'w mut dyn Write) -> io::Result<Packer<'w>> {
        let mut encoder = zstd::Encoder::new(to, zstd::DEFAULT_COMPRESSION_LEVEL)?;
        // So that a damaged archive is told from a good one.
        encoder.include_checksum(true)?;
        let mut tar = Builder::new(encoder);
        tar.mode(tar::HeaderMode::Deterministic);
        Ok(Packer { tar, bytes: 0 })
    }

    /// Adds an entry; `path` is relative, `/` between its parts.
    ///
    /// # Errors
    /// A file that cannot be read, that changed, or an archive that cannot be written.
    pub(super) fn add(&mut self, path: &str, content: &Content<'_>) -> io::Result<()> {
        match content {
            Content::Directory(private) => {
                let mode = if *private { 0o700 } else { 0o755 };
                let mut header = header(EntryType::Directory, mode, 0);
                self.tar.append_data(&mut header, format!("{path}/"), io::empty())
            }
            Content::Text(text) => {
                let mut header = header(EntryType::Regular, 0o644, text.len() as u64);
                self.bytes += text.len() as u64;
                self.tar.append_data(&mut header, path, text.as_bytes())
            }
            Content::Link(to) => {
                let mut header = header(EntryType::Symlink, 0o777, 0);
                self.tar.append_link(&mut header, path, to)
            }
            Content::File(from, digest) => self.file(path, from, *digest),
        }
    }

    fn file(&mut self, path: &str, from: &Path, digest: Option<Digest>) -> io::Result<()> {
        let file = File::open(from)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        // What nobody else may read here, nobody else may read where it comes out.
        let mode =
            if is_program(&meta) { 0o755 } else { 0o644 } & if is_private(&meta) { 0o700 } else { 0o777 };
        let mut header = header(EntryType::Regular, mode, meta.len());
        let mut read = Hashed { file: file.take(meta.len()), hasher: blake3::Hasher::new(), size: 0 };
        self.tar.append_data(&mut header, path, &mut read)?;
        let found = Digest::from_bytes(*read.hasher.finalize().as_bytes());
        if read.size != meta.len() || digest.is_some_and(|digest| digest != found) {
            return Err(io::Error::other("it changed while it was read"));
        }
        self.bytes += read.size;
        Ok(())
    }

    /// Ends the archive. Without it there is none.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn finish(self) -> io::Result<()> {
        self.tar.into_inner()?.finish().map(drop)
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Whether nobody but its owner may do anything with it.
pub(super) fn is_private(meta: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    let is_private = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077 == 0;
    #[cfg(not(unix))]
    let is_private = {
        let _ = meta;
        false
    };
    is_private
}

fn is_program(meta: &std::fs::Metadata) -> bool {
    #[cfg(unix)]
    let is_program = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let is_program = {
        let _ = meta;
        false
    };
    is_program
}

/// A file on its way, hashed.
struct Hashed<R> {
    file: R,
    hasher: blake3::Hasher,
    size: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.hasher.update(buffer.get(..n).unwrap_or_default());
        self.size += n as u64;
        Ok(n)
    }
}
