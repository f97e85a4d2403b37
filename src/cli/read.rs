//! Files that the command reads itself. Knows nothing of what is in them.

use std::fs;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// The whole content of a regular file.
pub(crate) fn whole(path: &Path) -> Result<Vec<u8>> {
    at_most(path, u64::MAX)
}

/// The whole content of a regular file that is no larger than so many bytes. A pipe is refused before it is opened, which
/// would wait for a writer; it and a device could be read for ever.
pub(crate) fn at_most(path: &Path, most: u64) -> Result<Vec<u8>> {
    let meta = fs::metadata(path)?;
    if meta.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !meta.is_file() {
        return Err(Error::new(ErrorKind::Unsupported, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Error::other(format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}
