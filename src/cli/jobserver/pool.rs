//! A pool of slots: a pipe that holds a byte for each one that is free.

use super::flags::{self, Way};
use crate::sys;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const TOKEN: u8 = b'+';

/// This end of a pool.
pub(super) struct Pool {
    read: File,
    write: File,
    /// What was taken and is to be given back, byte by byte: some pools tell slots apart.
    taken: Mutex<Vec<u8>>,
}

/// A pool that is ours, and what is said of it.
pub(super) struct Own {
    pub(super) pool: Pool,
    /// One of them is that of the process which uses the pool.
    slots: usize,
    /// Inherited by jobs; the pool lives as long as one of them is open.
    files: (OwnedFd, OwnedFd),
}

impl Own {
    pub(super) fn new(slots: usize) -> io::Result<Own> {
        let (read, write) = io::pipe()?;
        let files = (sys::inheritable(&read.into())?, sys::inheritable(&write.into())?);
        let pool = Pool::of(&files.0, &files.1)?;
        let own = Own { pool, slots: slots.max(1), files };
        own.fill(own.slots - 1)?;
        Ok(own)
    }

    /// `MAKEFLAGS` with this pool.
    pub(super) fn offered(&self, makeflags: &str) -> String {
        let (read, write) = (self.files.0.as_raw_fd(), self.files.1.as_raw_fd());
        // Opening it there opens the pipe, and nothing has to be removed after a kill.
        let fifo = cfg!(target_os = "linux").then(|| format!("/proc/{}/fd/{read}", std::process::id()));
        flags::offering(makeflags, self.slots, (read, write), fifo.as_deref())
    }

    /// Makes the pool what it is when nobody but us has taken from it.
    pub(super) fn renew(&self) {
        let taken = self.pool.taken();
        let mut rest = [0; 256];
        while matches!((&self.pool.read).read(&mut rest), Ok(1..)) {}
        let _ = self.fill((self.slots - 1).saturating_sub(taken.len()));
    }

    fn fill(&self, slots: usize) -> io::Result<()> {
        // More than this no pipe holds for sure.
        let tokens = vec![TOKEN; slots.min(4096)];
        (&self.pool.write).write_all(&tokens)
    }
}

impl Pool {
    /// A pool that was offered, if it can be reached.
    pub(super) fn reached(way: &Way) -> io::Result<Pool> {
        match way {
            Way::Fifo(path) => {
                // For both, or opening would wait for somebody at the other end.
                let read =
                    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
                is_pipe(&read)?;
                Ok(Pool { write: read.try_clone()?, read, taken: Mutex::default() })
            }
            Way::Files(read, write) => Pool::of(&sys::inherited(*read)?, &sys::inherited(*write)?),
        }
    }

    fn of(read: &OwnedFd, write: &OwnedFd) -> io::Result<Pool> {
        let write = File::from(write.try_clone()?);
        is_pipe(&write)?;
        // An opening of our own, for that it never waits is a property of an opening, and others share this one.
        let own = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(format!("/proc/self/fd/{}", read.as_raw_fd()));
        let read = match own {
            Ok(own) => own,
            Err(_) => {
                // GNU make does the same to those that it shares.
                let shared = File::from(read.try_clone()?);
                sys::never_wait(&shared)?;
                shared
            }
        };
        is_pipe(&read)?;
        Ok(Pool { read, write, taken: Mutex::default() })
    }

    pub(super) fn try_take(&self) -> bool {
        let mut taken = self.taken();
        let mut token = [0];
        loop {
            match (&self.read).read(&mut token) {
                Ok(1) => break taken.push(token[0]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // None is free, or nobody is left who could give one.
                _ => return false,
            }
        }
        true
    }

    pub(super) fn give_back(&self) {
        // What cannot be written is lost with the pool.
        if let Some(token) = self.taken().pop() {
            let _ = (&self.write).write_all(&[token]);
        }
    }

    pub(super) fn give_all_back(&self) {
        let tokens = std::mem::take(&mut *self.taken());
        let _ = (&self.write).write_all(&tokens);
    }

    pub(super) fn wait(&self, at_most: Duration) {
        if !sys::wait_readable(&self.read, at_most) {
            // A pool that is gone is found so at once, again and again.
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn taken(&self) -> MutexGuard<'_, Vec<u8>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_pipe(file: &File) -> io::Result<()> {
    match file.metadata()?.file_type().is_fifo() {
        true => Ok(()),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}
