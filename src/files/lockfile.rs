//! The lock file on the disk. Invariant: it is there as it was or as it is to be, never in between.

use crate::disk as fs;
use crate::error::{Error, ErrorKind, Result};
use crate::trace::lock::NAME;
use std::io;
use std::path::{Path, PathBuf};

/// A line for each of some million outputs; what is larger was not written by us.
const MOST_BYTES: u64 = 1 << 30;

/// The text of the lock file; `None` when there is none.
pub(crate) fn read(root: &Path) -> Result<Option<String>> {
    let path = root.join(NAME);
    let meta = match fs::metadata(&path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("look at", &path, error)),
    };
    // To open a pipe would wait for a writer.
    if !meta.is_file() || meta.len() > MOST_BYTES {
        let message =
            format!("{} is no lock file: it is not a regular file, or larger than 1 GiB", path.display());
        return Err(Error::new(ErrorKind::Environment, message)
            .with_path(path)
            .with_help("move it away, or leave it alone with `--no-lock`"));
    }
    match fs::read(&path).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(Some(text)),
        Ok(Err(_)) => {
            let error = Error::new(ErrorKind::Workflow, format!("{} is not UTF-8 text", path.display()));
            Err(error.with_path(path).with_help("remove it, and write it anew with `rulemake lock`"))
        }
        Err(error) => Err(Error::io("read", &path, error)),
    }
}

/// Puts a text in its place: where there is a link, in that of the file that it leads to.
pub(crate) fn write(root: &Path, text: &str) -> Result<()> {
    let path = real(root.join(NAME))?;
    // Two that write at once must not write into one file.
    let fresh = path.with_file_name(format!(".{NAME}.{}.new", std::process::id()));
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &path));
    written.map_err(|error| {
        let _ = fs::remove_file(&fresh);
        Error::io("write", &path, error)
    })
}

/// The end of a chain of links, which need not be there yet.
fn real(mut path: PathBuf) -> Result<PathBuf> {
    /// As many as systems follow.
    const MOST: usize = 40;
    for _ in 0..MOST {
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_symlink() => {}
            _ => return Ok(path),
        }
        let to = fs::read_link(&path).map_err(|error| Error::io("look at", &path, error))?;
        path = path.parent().unwrap_or(Path::new("")).join(to);
    }
    Err(Error::io("write", &path, io::Error::other("too many links lead to each other")))
}
