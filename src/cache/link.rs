//! How the content of a file comes to another place of the disk. Invariant: the place is free before, and after a failure
//! it is free again.

use crate::base::digest::Digest;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::path::Path;
#[cfg(unix)]
use std::sync::mpsc;

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
/// From this size on a file is copied by one thread and hashed by another, in pieces.
const LARGE: u64 = 16 << 20;
#[cfg(unix)]
const PIECE: u64 = 4 << 20;

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

/// What is kept of the rights of a file; the rest is up to whoever gets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rights {
    /// Anybody may execute it.
    pub(crate) executable: bool,
    /// Nobody but its owner may do anything with it.
    pub(crate) private: bool,
}

impl Rights {
    #[cfg(unix)]
    pub(super) fn of(meta: &fs::Metadata) -> Rights {
        let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions());
        Rights { executable: mode & 0o111 != 0, private: mode & 0o077 == 0 }
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &fs::Metadata) -> Rights {
        Rights::default()
    }

    #[cfg(unix)]
    fn mode(self) -> u32 {
        let all = if self.executable { 0o777 } else { 0o666 };
        if self.private { all & 0o700 } else { all }
    }
}

/// Brings the content of `from`, a file of `size` bytes, to `to`. A copy that takes its time is made at `aside`, if that is
/// given, and moved when it is whole: so who is killed leaves no half of a file at `to`.
pub(super) fn bring(
    from: &Path,
    to: &Path,
    size: u64,
    rights: Rights,
    link: CacheLink,
    aside: Option<&Path>,
) -> io::Result<Came> {
    let is_small = size <= SMALL && link == CacheLink::Auto;
    if matches!(link, CacheLink::Auto | CacheLink::Reflink) && !is_small && share(from, to, rights)? {
        return Ok(Came::Shared);
    }
    // A file has one set of permissions whatever its names are, so a program would make programs of all that hold its bytes.
    // What is private is nobody else's in another project either.
    let may_link =
        matches!(link, CacheLink::Auto | CacheLink::Hardlink) && !is_small && rights == Rights::default();
    if may_link && hard_link(from, to)? {
        return Ok(Came::Linked);
    }
    if let Some(aside) = aside.filter(|_| size > SMALL)
        && let Some(digest) = copy_aside(from, to, size, rights, aside)?
    {
        return Ok(Came::Copied(digest));
    }
    copy(from, to, size, rights).map(Came::Copied)
}

/// `None`: it cannot be moved from there to `to`.
fn copy_aside(from: &Path, to: &Path, size: u64, rights: Rights, aside: &Path) -> io::Result<Option<Digest>> {
    if let Some(parent) = aside.parent() {
        fs::create_dir_all(parent)?;
    }
    // Of who was killed at it.
    let _ = fs::remove_file(aside);
    let digest = copy(from, aside, size, rights)?;
    give_group(aside, to);
    // A second name replaces nothing that came meanwhile.
    let moved = match fs::hard_link(aside, to) {
        Ok(()) => fs::remove_file(aside),
        Err(error) if is_final(error.kind()) => Err(error),
        // Not every file system has second names.
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(aside, to),
    };
    match moved {
        Ok(()) => Ok(Some(digest)),
        Err(error) => {
            let _ = fs::remove_file(aside);
            // A directory of results may be on another disk.
            if error.kind() == io::ErrorKind::CrossesDevices { Ok(None) } else { Err(error) }
        }
    }
}

/// Whether what cannot be given a second name for this reason cannot be renamed either.
fn is_final(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{AlreadyExists, CrossesDevices, NotFound, ReadOnlyFilesystem, StorageFull};
    matches!(kind, AlreadyExists | CrossesDevices | NotFound | ReadOnlyFilesystem | StorageFull)
}

/// What is made in a directory whose group is to stay has that group, and so has what is made in it.
#[cfg(unix)]
pub(super) fn give_group(made: &Path, place: &Path) {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    if let Some(parent) = place.parent().and_then(|parent| fs::metadata(parent).ok())
        && parent.mode() & 0o2000 != 0
        && std::os::unix::fs::chown(made, None, Some(parent.gid())).is_ok()
        && let Ok(meta) = fs::symlink_metadata(made)
        && meta.is_dir()
    {
        let _ = fs::set_permissions(made, Permissions::from_mode(meta.mode() | 0o2000));
    }
}

#[cfg(not(unix))]
pub(super) fn give_group(_: &Path, _: &Path) {}

/// Whether a directory lies on the same disk as the place where another one is to be, so far as the system says so.
#[cfg(unix)]
pub(super) fn is_on_one_disk(directory: &Path, to: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let disk = |path: &Path| fs::metadata(path).ok().map(|meta| meta.dev());
    disk(directory).is_some_and(|own| to.parent().and_then(disk) == Some(own))
}

#[cfg(not(unix))]
pub(super) fn is_on_one_disk(_: &Path, _: &Path) -> bool {
    false
}

/// `false`: it cannot be had between these places.
fn share(from: &Path, to: &Path, rights: Rights) -> io::Result<bool> {
    let source = open(from)?;
    let target = new_file(to, rights)?;
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

fn copy(from: &Path, to: &Path, size: u64, rights: Rights) -> io::Result<Digest> {
    let mut source = open(from)?;
    let mut target = new_target(to, rights)?;
    let done = match size >= LARGE {
        true => copy_large(&mut source, &mut target),
        false => pour(&mut source, &mut target, size).map(|(digest, _)| digest),
    };
    if done.is_err() {
        drop(target);
        let _ = fs::remove_file(to);
    }
    done
}

/// The system copies, piece by piece, and what has come is hashed meanwhile, from where it is now.
#[cfg(unix)]
fn copy_large(source: &mut File, target: &mut File) -> io::Result<Digest> {
    let (tell, told) = mpsc::channel();
    let (from, to) = (&*source, &*target);
    let done = std::thread::scope(|scope| {
        let hashing = std::thread::Builder::new().spawn_scoped(scope, move || hash_as_told(to, &told));
        let hashing = hashing.ok()?;
        let copied = copy_pieces(from, to, &tell);
        // So that the other one comes to its end.
        drop(tell);
        let hashed = hashing.join().unwrap_or_else(|_| Err(io::Error::other("the hashing broke off")));
        Some(copied.and(hashed))
    });
    // Where no thread is to be had, one does both.
    done.unwrap_or_else(|| pour(source, target, LARGE).map(|(digest, _)| digest))
}

#[cfg(not(unix))]
fn copy_large(source: &mut File, target: &mut File) -> io::Result<Digest> {
    pour(source, target, LARGE).map(|(digest, _)| digest)
}

#[cfg(unix)]
fn copy_pieces(from: &File, mut to: &File, tell: &mpsc::Sender<u64>) -> io::Result<()> {
    let mut total = 0;
    loop {
        let n = io::copy(&mut from.take(PIECE), &mut to)?;
        if n == 0 {
            return Ok(());
        }
        total += n;
        // Who does not listen any more has failed, and says why.
        let _ = tell.send(total);
    }
}

/// Hashes a file up to where it is told that there are bytes.
#[cfg(unix)]
fn hash_as_told(file: &File, told: &mpsc::Receiver<u64>) -> io::Result<Digest> {
    use std::os::unix::fs::FileExt as _;
    // So little that it stays near the processor.
    let (mut hasher, mut buffer, mut at) = (blake3::Hasher::new(), vec![0; SMALL as usize], 0u64);
    for end in told {
        while at < end {
            let most = (end - at).min(SMALL) as usize;
            let block = buffer.get_mut(..most).unwrap_or_default();
            file.read_exact_at(block, at)?;
            hasher.update(block);
            at += most as u64;
        }
    }
    Ok(Digest::from_bytes(*hasher.finalize().as_bytes()))
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

/// The first `size` bytes of a small file that is no link, or all if it has fewer, and who may do what with it.
pub(super) fn read_small(path: &Path, size: u64) -> io::Result<(Vec<u8>, Rights)> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOFOLLOW);
    let mut file = options.open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(NO_FILE, format!("{} is not a regular file", path.display())));
    }
    let mut bytes = vec![0; size as usize];
    let filled = fill(&mut file, &mut bytes)?;
    bytes.truncate(filled);
    Ok((bytes, Rights::of(&meta)))
}

/// Makes a file with this content.
pub(super) fn write_small(path: &Path, content: &[u8], rights: Rights) -> io::Result<()> {
    let mut file = new_file(path, rights)?;
    let written = file.write_all(content);
    drop(file);
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// A file that was not there. What a link leads to is never written.
pub(super) fn new_file(path: &Path, rights: Rights) -> io::Result<File> {
    create(path, rights, OpenOptions::new().write(true))
}

/// As [`new_file`], to be read, too.
fn new_target(path: &Path, rights: Rights) -> io::Result<File> {
    create(path, rights, OpenOptions::new().read(true).write(true))
}

fn create(path: &Path, rights: Rights, options: &mut OpenOptions) -> io::Result<File> {
    options.create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, rights.mode());
    options.open(path)
}

/// Copies up to the end, of probably `size` bytes; the digest and the number of bytes.
fn pour(from: &mut dyn Read, to: &mut dyn Write, size: u64) -> io::Result<(Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    // With room for one more the end shows at once.
    let mut buffer = vec![0; size.saturating_add(1).min(SMALL) as usize];
    let mut total = 0u64;
    loop {
        let filled = fill(from, &mut buffer)?;
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

/// Reads until the buffer is full, or there is no more.
fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The digest of a file of the cache.
pub(super) fn digest_of(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = open(path)?;
    let size = file.metadata()?.len();
    pour(&mut file, &mut io::sink(), size)
}

/// A directory that was not there.
pub(super) fn create_directory(path: &Path, private: bool) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, if private { 0o700 } else { 0o777 });
    #[cfg(not(unix))]
    let _ = private;
    builder.recursive(false).create(path)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_any_size_has_the_digest_of_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let bytes: Vec<u8> = (0..LARGE + PIECE + 5).map(|n| (n * 7 % 251) as u8).collect();
        for size in [0, 1, SMALL - 1, SMALL, BLOCK as u64, LARGE - 1, LARGE, LARGE + PIECE, LARGE + PIECE + 5]
        {
            let bytes = &bytes[..size as usize];
            fs::write(&from, bytes).unwrap();
            // Who says what size it has may be wrong.
            for told in [size, 0, LARGE] {
                assert_eq!(
                    copy(&from, &to, told, Rights::default()).unwrap(),
                    Digest::of(bytes),
                    "{size} {told}"
                );
                assert!(fs::read(&to).unwrap() == bytes, "{size} {told}");
                fs::remove_file(&to).unwrap();
            }
        }
    }
}
