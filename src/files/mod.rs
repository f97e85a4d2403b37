//! L3: the only module that touches the user's files. Does not know the store.

pub(crate) mod backup;
mod effect;
pub(crate) mod hash;
pub(crate) mod links;
pub(crate) mod lockfile;
mod near;
pub(crate) mod observe;
pub(crate) mod outputs;
mod place;
pub(crate) mod programs;
pub(crate) mod results;
pub(crate) mod shadow;
pub(crate) mod stat;
pub(crate) mod streams;
pub(crate) mod tree;

use crate::disk::{self, File};
pub(crate) use near::near;
use std::io::{self, Read as _};
use std::path::Path;

/// Whether there is a directory, links followed.
pub(crate) fn is_directory(path: &Path) -> bool {
    disk::is_dir(path)
}

/// A program is text that somebody wrote: a larger file is none.
const MAX_CODE_BYTES: u64 = 64 << 20;

/// The content of a file with code, known by its path from the root.
pub(crate) fn read_code(root: &Path, path: &str) -> io::Result<Vec<u8>> {
    read_small(root, path, MAX_CODE_BYTES)
}

/// The content of a regular file of at most `most` bytes.
pub(crate) fn read_small(root: &Path, path: &str, most: u64) -> io::Result<Vec<u8>> {
    let full = root.join(path);
    let meta = disk::metadata(&full)?;
    if meta.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // To open a pipe would wait for a writer; it and a device could be read for ever.
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "it is not a regular file"));
    }
    if meta.len() > most {
        return Err(io::Error::other(format!("it is larger than {} MiB", most >> 20)));
    }
    let mut bytes = Vec::new();
    File::open(full)?.take(most).read_to_end(&mut bytes).map(|_| bytes)
}

#[cfg(test)]
mod tests;
