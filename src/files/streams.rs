//! Pipes and the files of services: made before the jobs that they connect, gone after them. Knows no job.
//!
//! Nobody here ever waits for the other end of a pipe.

use super::stat::is_missing;
use crate::error::{Error, ErrorKind, Result};
use std::fs;
use std::io;
use std::path::Path;

/// Makes a named pipe, in a directory that is there; nothing may be in its place.
///
/// # Errors
/// When the file system cannot have one.
pub(crate) fn make_pipe(root: &Path, path: &str) -> Result<()> {
    let full = root.join(path);
    make(&full).map_err(|error| Error::io("make the pipe", &full, error))
}

#[cfg(unix)]
fn make(full: &Path) -> io::Result<()> {
    crate::sys::make_fifo(full)
}

#[cfg(not(unix))]
fn make(_: &Path) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no named pipes"))
}

/// Removes a pipe, or what a service put in the place of its output: a file, a link, a socket. Nothing there is no error.
///
/// # Errors
/// When it is a directory, which may hold more than the service's own; when the file system refuses.
pub(crate) fn remove(root: &Path, path: &str) -> Result<()> {
    let full = root.join(path);
    let removed = match fs::symlink_metadata(&full) {
        Ok(meta) if meta.is_dir() => {
            let message = format!("`{path}` is a directory, not the file of a service: it stays");
            return Err(Error::new(ErrorKind::Environment, message).with_path(full));
        }
        Ok(_) => fs::remove_file(&full),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if !is_missing(&error) => Err(Error::io("remove", &full, error)),
        _ => Ok(()),
    }
}

/// Removes what is left of a pipe or of a service's socket after its jobs were cut short; anything else may be
/// somebody's. Whether there was one.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn remove_leftover(root: &Path, path: &str) -> Result<bool> {
    let full = root.join(path);
    let is_left = fs::symlink_metadata(&full).is_ok_and(|meta| is_stream(meta.file_type()));
    if is_left {
        remove(root, path)?;
    }
    Ok(is_left)
}

#[cfg(unix)]
fn is_stream(kind: fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_fifo() || kind.is_socket()
}

#[cfg(not(unix))]
fn is_stream(_: fs::FileType) -> bool {
    false
}

/// Whether a service is to be found at `full`, links followed.
pub(crate) fn is_there(full: &Path) -> bool {
    fs::metadata(full).is_ok()
}

/// Who waits at a pipe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waiting {
    Reader,
    Writer,
}

/// Opens the end of a pipe that nobody will open any more, and closes it at once: who waits for that goes on, a reader to
/// the end of the data, a writer to a broken pipe. Without anybody who waits nothing happens.
pub(crate) fn release(full: &Path, waiting: Waiting) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Only a pipe: a job may have put something else there.
        if fs::symlink_metadata(full).is_ok_and(|meta| is_stream(meta.file_type())) {
            let mut options = fs::OpenOptions::new();
            options.read(waiting == Waiting::Writer).write(waiting == Waiting::Reader);
            // Fails without a reader, and then nobody waits.
            drop(options.custom_flags(libc::O_NONBLOCK).open(full));
        }
    }
    #[cfg(not(unix))]
    let _ = (full, waiting);
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn who_waits_at_a_pipe_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let full = dir.path().join("p");
        for waiting in [Waiting::Reader, Waiting::Writer] {
            make_pipe(dir.path(), "p").unwrap();
            release(&full, waiting);
            let at = full.clone();
            thread::scope(|scope| {
                let waits = scope.spawn(move || match waiting {
                    Waiting::Reader => fs::read(at).map(|bytes| bytes.len()),
                    Waiting::Writer => fs::write(at, "x").map(|()| 0),
                });
                while !waits.is_finished() {
                    release(&full, waiting);
                    thread::sleep(Duration::from_millis(1));
                }
                match (waiting, waits.join().unwrap()) {
                    (Waiting::Reader, read) => assert_eq!(read.unwrap(), 0),
                    // The reader was there for a moment, and one byte fits into a pipe.
                    (Waiting::Writer, wrote) => {
                        assert!(wrote.is_ok() || wrote.is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe));
                    }
                }
            });
            assert!(remove_leftover(dir.path(), "p").unwrap());
            assert!(!remove_leftover(dir.path(), "p").unwrap());
        }
    }

    #[test]
    fn what_is_no_pipe_is_not_left_over() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("p"), "somebody's").unwrap();
        assert!(!remove_leftover(dir.path(), "p").unwrap());
        assert!(make_pipe(dir.path(), "p").is_err());
        fs::create_dir(dir.path().join("d")).unwrap();
        assert!(remove(dir.path(), "d").is_err());
        assert!(is_there(&dir.path().join("d")) && is_there(&dir.path().join("p")));
        remove(dir.path(), "p").unwrap();
        remove(dir.path(), "p").unwrap();
    }
}
