//! What a job made, when it says that it succeeded: completed, looked at, checked and hashed. Knows no job.

use super::hash::{Content, FileHasher};
use super::outputs::special_name;
use super::stat::Stat;
use super::{stat, tree};
use crate::base::checksum::Checksum;
use crate::base::clock;
use crate::base::path::PathId;
use crate::disk::{self as fs, File, OpenOptions};
use crate::error::{Error, Result};
use crate::trace::identity::{FileKind, Known};
use std::path::{Path, PathBuf};

/// Something that a job has to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due<'a> {
    pub(crate) id: PathId,
    pub(crate) path: &'a str,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    File,
    Directory,
    /// No output, but somebody wants it: it has to be there, whatever it is.
    Beside,
}

/// What stands where something is due, and is not that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    Missing,
    /// A link to something that is not there.
    Dangling {
        to: String,
    },
    /// A directory where a file is due.
    Directory,
    /// A file where a directory is due.
    File,
    /// `a named pipe`, `a device`.
    Special(&'static str),
}

/// Makes a file if there is none, and sets its modification time to now.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn touch(root: &Path, path: &str) -> Result<()> {
    let full = root.join(path);
    let io = |error| Error::io("touch", &full, error);
    OpenOptions::new().append(true).create(true).open(&full).map_err(io)?;
    let now = clock::wall_ms();
    fs::set_modified(&full, (now / 1000) as i64, (now % 1000) as u32 * 1_000_000).map_err(io)
}

/// What stands where something is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct There {
    /// Links followed; `None`: nothing, a link to nothing included.
    pub(crate) found: Option<Stat>,
    pub(crate) is_link: bool,
}

/// Looks once at each of the places.
///
/// # Errors
/// When the file system does not say.
pub(crate) fn look(root: &Path, dues: &[Due<'_>]) -> Result<Vec<There>> {
    let look = |due: &Due<'_>| {
        let full = root.join(due.path);
        Ok(match stat::lstat(&full)? {
            Some(meta) if meta.is_symlink() => There { found: stat::stat(&full)?, is_link: true },
            meta => There { found: meta.map(|meta| stat::from_metadata(&meta)), is_link: false },
        })
    };
    dues.iter().map(look).collect()
}

/// What is not as it has to be, in order; `there` is what [`look`] found. Reads no content.
///
/// # Errors
/// When the file system does not say.
pub(crate) fn faults<'a>(root: &Path, dues: &[Due<'a>], there: &[There]) -> Result<Vec<(&'a str, Fault)>> {
    let mut found = Vec::new();
    for (due, there) in dues.iter().zip(there) {
        if let Some(fault) = fault(&root.join(due.path), due.kind, there)? {
            found.push((due.path, fault));
        }
    }
    Ok(found)
}

fn fault(full: &Path, kind: Kind, there: &There) -> Result<Option<Fault>> {
    let Some(found) = &there.found else {
        let to = if there.is_link { fs::read_link(full).ok() } else { None };
        let dangling = |to: PathBuf| Fault::Dangling { to: to.to_string_lossy().into_owned() };
        return Ok(Some(to.map_or(Fault::Missing, dangling)));
    };
    Ok(match (found.sig.kind, kind) {
        (_, Kind::Beside) | (FileKind::File, Kind::File) | (FileKind::Directory, Kind::Directory) => None,
        (FileKind::File, Kind::Directory) => Some(Fault::File),
        (FileKind::Directory, Kind::File) => Some(Fault::Directory),
        (FileKind::Special, _) => {
            Some(Fault::Special(fs::metadata(full).map_or("a device", |meta| special_name(meta.file_type()))))
        }
    })
}

/// Whether a file or directory has nothing in it.
///
/// # Errors
/// When the file system does not say.
pub(crate) fn is_empty(root: &Path, path: &str) -> Result<bool> {
    let full = root.join(path);
    let io = |error| Error::io("look at", &full, error);
    let meta = fs::metadata(&full).map_err(io)?;
    match meta.is_dir() {
        true => Ok(fs::read_dir(&full).map_err(io)?.next().is_none()),
        false => Ok(meta.len() == 0),
    }
}

/// The checksum of a file, in hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn checksum(root: &Path, path: &str, kind: Checksum) -> Result<String> {
    let full = root.join(path);
    let io = |error| Error::io("read", &full, error);
    kind.of_reader(File::open(&full).map_err(io)?).map_err(io)
}

/// Takes away the permission to write to a file, or to a directory and all that is in it. Links stay as they are: what
/// they lead to is somebody else's.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn protect(root: &Path, path: &str) -> Result<()> {
    let mut pending = vec![root.join(path)];
    let mut directories = Vec::new();
    while let Some(full) = pending.pop() {
        let Some(meta) = stat::lstat(&full)?.filter(|meta| !meta.is_symlink()) else { continue };
        if !meta.is_dir() {
            stat::set_writable(&full, &meta, false)?;
            continue;
        }
        let io = |error| Error::io("list", &full, error);
        for entry in fs::read_dir(&full).map_err(io)? {
            pending.push(entry.map_err(io)?.path());
        }
        directories.push((full, meta));
    }
    directories.iter().rev().try_for_each(|(full, meta)| stat::set_writable(full, meta, false))
}

/// Whether nobody may write to what is at `path`. A link is not protected, nor is what is not there.
///
/// # Errors
/// When the file system does not say.
pub(crate) fn is_protected(root: &Path, path: &str) -> Result<bool> {
    let meta = stat::lstat(&root.join(path))?;
    Ok(meta.is_some_and(|meta| !meta.is_symlink() && !stat::is_writable(&meta)))
}

/// Whether a file has further names, as one that a cache has put in its place.
///
/// # Errors
/// When the file system does not say.
pub(crate) fn has_names(root: &Path, path: &str) -> Result<bool> {
    #[cfg(unix)]
    {
        #[allow(unused_imports, reason = "with files in memory the types have these methods themselves")]
        use crate::disk::unix::MetadataExt as _;
        let meta = stat::lstat(&root.join(path))?;
        Ok(meta.is_some_and(|meta| meta.is_file() && meta.nlink() > 1))
    }
    #[cfg(not(unix))]
    {
        let _ = (root, path);
        Ok(false)
    }
}

/// Where a link leads that stands in the place of an output, if it leaves the root.
pub(crate) fn leads_outside(root: &Path, path: &str) -> Option<PathBuf> {
    let full = root.join(path);
    let (to, root) = (fs::canonicalize(&full).ok()?, fs::canonicalize(root).ok()?);
    (!to.starts_with(&root)).then_some(to)
}

/// Hashes the outputs; `None` when one is gone or something else since [`look`] found `there`. See
/// [`FileHasher::content`] for the thread to call this from.
///
/// # Errors
/// When an output cannot be read, or something still writes it.
pub(crate) fn collect(
    root: &Path,
    dues: &[Due<'_>],
    there: &[There],
    hasher: &FileHasher,
) -> Result<Option<Vec<(PathId, Known)>>> {
    let mut collected = Vec::with_capacity(dues.len());
    for (due, there) in dues.iter().zip(there) {
        let known = match due.kind {
            Kind::Beside => continue,
            Kind::Directory => tree::read(root, due.path, None, hasher)?
                .map(|(sig, tree)| Known::Tree { sig, tree: tree.into() }),
            Kind::File => match hasher.content_of(&root.join(due.path), there.found)? {
                Content::File(hash) => Some(Known::File(hash)),
                Content::Missing | Content::Directory(_) | Content::Special(_) => None,
            },
        };
        let Some(known) = known else { return Ok(None) };
        collected.push((due.id, known));
    }
    Ok(Some(collected))
}
