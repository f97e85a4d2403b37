//! What a job made, looked at and hashed when it says that it succeeded. Knows no job.

use super::hash::{Content, FileHasher};
use super::outputs::special_name;
use super::{stat, tree};
use crate::base::path::PathId;
use crate::error::Result;
use crate::trace::identity::{FileKind, Known};
use std::fs;
use std::path::Path;

/// An output that a job had to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due<'a> {
    pub(crate) id: PathId,
    pub(crate) path: &'a str,
    /// A directory, not a file.
    pub(crate) directory: bool,
}

/// What stands where an output is due, and is not the output.
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

/// The outputs that are not what they have to be, in order. Reads no content.
///
/// # Errors
/// When the file system does not say.
pub(crate) fn faults<'a>(root: &Path, outputs: &[Due<'a>]) -> Result<Vec<(&'a str, Fault)>> {
    let mut found = Vec::new();
    for due in outputs {
        if let Some(fault) = fault(&root.join(due.path), due.directory)? {
            found.push((due.path, fault));
        }
    }
    Ok(found)
}

fn fault(full: &Path, directory: bool) -> Result<Option<Fault>> {
    let Some(there) = stat::stat(full)? else {
        let is_link = stat::lstat(full)?.is_some_and(|meta| meta.is_symlink());
        let to = if is_link { fs::read_link(full).ok() } else { None };
        let dangling = |to: std::path::PathBuf| Fault::Dangling { to: to.to_string_lossy().into_owned() };
        return Ok(Some(to.map_or(Fault::Missing, dangling)));
    };
    Ok(match (there.sig.kind, directory) {
        (FileKind::File, false) | (FileKind::Directory, true) => None,
        (FileKind::File, true) => Some(Fault::File),
        (FileKind::Directory, false) => Some(Fault::Directory),
        (FileKind::Special, _) => {
            Some(Fault::Special(fs::metadata(full).map_or("a device", |meta| special_name(meta.file_type()))))
        }
    })
}

/// Hashes the outputs; `None` for one that is gone or something else since [`faults`] looked. See
/// [`FileHasher::content`] for the thread to call this from.
///
/// # Errors
/// When an output cannot be read, or something still writes it.
pub(crate) fn collect(
    root: &Path,
    outputs: &[Due<'_>],
    hasher: &FileHasher,
) -> Result<Option<Vec<(PathId, Known)>>> {
    let mut collected = Vec::with_capacity(outputs.len());
    for due in outputs {
        let known = if due.directory {
            tree::read(root, due.path, None, hasher)?
                .map(|(sig, tree)| Known::Tree { sig, tree: tree.into() })
        } else {
            match hasher.content(&root.join(due.path))? {
                Content::File(hash) => Some(Known::File(hash)),
                Content::Missing | Content::Directory(_) | Content::Special(_) => None,
            }
        };
        let Some(known) = known else { return Ok(None) };
        collected.push((due.id, known));
    }
    Ok(Some(collected))
}
