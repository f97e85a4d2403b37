//! How the content of a file comes to another place of the disk. Invariant: the place is free before, and after a failure
//! it is free again.

use crate::base::digest::Digest;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::path::Path;

/// How files come out of a cache, and into it.
///
/// ```
/// use rulemake::cache::{Cache, CacheLink};
/// let cache = Cache::new("/var/cache/results").link(CacheLink::Hardlink);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum CacheLink {
    /// As may be had, in this order: shared blocks, a hard link, a copy. Small files are copied: that is as quick, and they
    /// stay files of their own.
    #[default]
    Auto,
    /// Shared blocks (`reflink`), where the file system can; else a copy. Such a file is one of its own.
    Reflink,
    /// A hard link: the file in the project *is* that of the cache, and may not be written to. A copy where the two are on
    /// different disks, and of programs.
    Hardlink,
    /// A copy.
    Copy,
}

/// Up to this size [`CacheLink::Auto`] copies.
pub(super) const SMALL: u64 = 128 << 10;
const BLOCK: usize = 1 << 20;

/// What came to be at the other place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Came {
    /// Every byte was read: a file of its own with this content.
    Copied(Digest),
    /// A file of its own, which nobody has read.
    Shared,
    /// The same file.
    Linked,
}

/// Brings the content of `from`, a file of `size` bytes, to `to`.
pub(super) fn bring(
    from: &Path,
    to: &Path,
    size: u64,
    executable: bool,
    link: CacheLink,
) -> io::Result<Came> {
    let is_small = size <= SMALL && link == CacheLink::Auto;
    if matches!(link, CacheLink::Auto | CacheLink::Reflink) && !is_small && share(from, to, executable)? {
        return Ok(Came::Shared);
    }
    // A file has one set of permissions whatever its names are, so a program would make programs of all that hold its bytes.
    let may_link = matches!(link, CacheLink::Auto | CacheLink::Hardlink) && !is_small && !executable;
    if may_link && hard_link(from, to)? {
        return Ok(Came::Linked);
    }
    copy(from, to, executable).map(Came::Copied)
}

/// `false`: it cannot be had between these places.
fn share(from: &Path, to: &Path, executable: bool) -> io::Result<bool> {
    let source = open(from)?;
    let target = new_file(to, executable)?;
    if crate::sys::share_blocks(&source, &target).is_ok() {
        return Ok(true);
    }
    drop(target);
    fs::remove_file(to).map(|()| false)
}

fn hard_link(from: &Path, to: &Path) -> io::Result<bool> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {
            Err(error)
        }
        // Another disk, too many names, a file system or a rule of the system against it.
        Err(_) => Ok(false),
    }
}

fn copy(from: &Path, to: &Path, executable: bool) -> io::Result<Digest> {
    let mut source = open(from)?;
    let mut target = new_file(to, executable)?;
    let done = pour(&mut source, &mut target);
    if done.is_err() {
        drop(target);
        let _ = fs::remove_file(to);
    }
    done.map(|(digest, _)| digest)
}

/// Opens a file to read it. What is no regular file is [`is_no_file`]: a pipe would be waited for without end, a device read
/// without end, and both may lie in a directory that others write to.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(NO_FILE, format!("{} is not a regular file", path.display())))
}

const NO_FILE: io::ErrorKind = io::ErrorKind::InvalidData;

/// Whether [`open`] found what is not a regular file.
pub(super) fn is_no_file(error: &io::Error) -> bool {
    // A socket cannot even be opened.
    #[cfg(unix)]
    let is_socket = error.raw_os_error() == Some(libc::ENXIO);
    #[cfg(not(unix))]
    let is_socket = false;
    error.kind() == NO_FILE || is_socket
}

/// All bytes of a regular file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map(|_| bytes)
}

/// A file that was not there. What a link leads to is never written.
pub(super) fn new_file(path: &Path, executable: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o777 } else { 0o666 });
    options.open(path)
}

/// Copies up to the end; the digest and the number of bytes.
pub(super) fn pour(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<(Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; SMALL as usize];
    let mut total = 0u64;
    loop {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match from.read(rest) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let block = buffer.get(..filled).unwrap_or_default();
        // Where there are threads of our own for it, large blocks are shared among them.
        if block.len() >= BLOCK && rayon::current_thread_index().is_some() {
            hasher.update_rayon(block);
        } else {
            hasher.update(block);
        }
        to.write_all(block)?;
        total += filled as u64;
        if filled < buffer.len() {
            return Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), total));
        }
        if buffer.len() < BLOCK {
            buffer.resize(BLOCK, 0);
        }
    }
}

/// The digest of a file of the cache.
pub(super) fn digest_of(path: &Path) -> io::Result<(Digest, u64)> {
    pour(&mut open(path)?, &mut io::sink())
}

/// Takes away the permission to write.
pub(super) fn set_read_only(path: &Path) -> io::Result<()> {
    let mut permissions: Permissions = fs::symlink_metadata(path)?.permissions();
    if permissions.readonly() {
        return Ok(());
    }
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions)
}
