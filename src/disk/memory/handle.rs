//! Open files, and how they are opened: bytes, places in them, locks.

use super::meta::metadata_of;
use super::{
    Data, Memory, Metadata, Node, change, create_dir, create_dir_all, either, is_real, lock, missing,
};
use std::fs::{self, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// An open file.
#[derive(Debug)]
pub(crate) enum File {
    Real(fs::File),
    Memory(Handle),
}

#[derive(Debug)]
pub(crate) struct Handle {
    memory: Arc<Memory>,
    data: Arc<Mutex<Data>>,
    at: u64,
    append: bool,
    locked: Mutex<Option<Locked>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Locked {
    Exclusive,
    Shared,
}

impl Handle {
    fn change(&self, act: impl FnOnce(&mut Vec<u8>)) {
        let now = lock(&self.memory.tree).tick();
        let mut data = lock(&self.data);
        data.stats.changed = now;
        data.stats.modified = (now, 1);
        act(&mut data.bytes);
    }

    fn take(&self, wanted: Locked) -> Result<(), TryLockError> {
        self.release();
        let mut data = lock(&self.data);
        match wanted {
            _ if data.lock.exclusive => return Err(TryLockError::WouldBlock),
            Locked::Exclusive if data.lock.shared > 0 => return Err(TryLockError::WouldBlock),
            Locked::Exclusive => data.lock.exclusive = true,
            Locked::Shared => data.lock.shared += 1,
        }
        drop(data);
        *lock(&self.locked) = Some(wanted);
        Ok(())
    }

    fn release(&self) {
        let mut data = lock(&self.data);
        match lock(&self.locked).take() {
            Some(Locked::Exclusive) => data.lock.exclusive = false,
            Some(Locked::Shared) => data.lock.shared = data.lock.shared.saturating_sub(1),
            None => {}
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.release();
    }
}

impl File {
    pub(crate) fn open(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().read(true).open(path)
    }

    pub(crate) fn create(path: impl AsRef<Path>) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    pub(crate) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            File::Real(file) => file.metadata().map(Metadata::Real),
            File::Memory(handle) => Ok(metadata_of(&Node::File(handle.data.clone()))),
        }
    }

    pub(crate) fn sync_all(&self) -> io::Result<()> {
        match self {
            File::Real(file) => file.sync_all(),
            File::Memory(_) => Ok(()),
        }
    }

    pub(crate) fn sync_data(&self) -> io::Result<()> {
        match self {
            File::Real(file) => file.sync_data(),
            File::Memory(_) => Ok(()),
        }
    }

    pub(crate) fn set_len(&self, len: u64) -> io::Result<()> {
        match self {
            File::Real(file) => file.set_len(len),
            File::Memory(handle) => {
                handle.change(|bytes| bytes.resize(len as usize, 0));
                Ok(())
            }
        }
    }

    pub(crate) fn try_lock(&self) -> Result<(), TryLockError> {
        match self {
            File::Real(file) => file.try_lock(),
            File::Memory(handle) => handle.take(Locked::Exclusive),
        }
    }

    pub(crate) fn try_lock_shared(&self) -> Result<(), TryLockError> {
        match self {
            File::Real(file) => file.try_lock_shared(),
            File::Memory(handle) => handle.take(Locked::Shared),
        }
    }

    pub(crate) fn unlock(&self) -> io::Result<()> {
        match self {
            File::Real(file) => file.unlock(),
            File::Memory(handle) => {
                handle.release();
                Ok(())
            }
        }
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            File::Real(file) => file.read(buffer),
            File::Memory(handle) => {
                let data = lock(&handle.data);
                let rest = data.bytes.get(handle.at as usize..).unwrap_or_default();
                let n = rest.len().min(buffer.len());
                buffer[..n].copy_from_slice(&rest[..n]);
                drop(data);
                handle.at += n as u64;
                Ok(n)
            }
        }
    }
}

impl Write for File {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            File::Real(file) => file.write(buffer),
            File::Memory(handle) => {
                let (append, mut at) = (handle.append, handle.at as usize);
                handle.change(|bytes| {
                    at = if append { bytes.len() } else { at };
                    let end = at + buffer.len();
                    if bytes.len() < end {
                        bytes.resize(end, 0);
                    }
                    bytes[at..end].copy_from_slice(buffer);
                });
                handle.at = (at + buffer.len()) as u64;
                Ok(buffer.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            File::Real(file) => file.seek(to),
            File::Memory(handle) => {
                let len = lock(&handle.data).bytes.len() as u64;
                let at = match to {
                    SeekFrom::Start(at) => Some(at),
                    SeekFrom::End(by) => len.checked_add_signed(by),
                    SeekFrom::Current(by) => handle.at.checked_add_signed(by),
                };
                handle.at = at.ok_or(io::ErrorKind::InvalidInput)?;
                Ok(handle.at)
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    create: bool,
    create_new: bool,
    truncate: bool,
}

impl OpenOptions {
    pub(crate) fn new() -> OpenOptions {
        OpenOptions::default()
    }

    pub(crate) fn read(&mut self, read: bool) -> &mut OpenOptions {
        self.read = read;
        self
    }

    pub(crate) fn write(&mut self, write: bool) -> &mut OpenOptions {
        self.write = write;
        self
    }

    pub(crate) fn append(&mut self, append: bool) -> &mut OpenOptions {
        self.append = append;
        self
    }

    pub(crate) fn create(&mut self, create: bool) -> &mut OpenOptions {
        self.create = create;
        self
    }

    pub(crate) fn create_new(&mut self, create_new: bool) -> &mut OpenOptions {
        self.create_new = create_new;
        self
    }

    pub(crate) fn truncate(&mut self, truncate: bool) -> &mut OpenOptions {
        self.truncate = truncate;
        self
    }

    pub(crate) fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref();
        let there = || {
            let mut real = fs::OpenOptions::new();
            real.read(self.read).write(self.write).append(self.append);
            real.create(self.create).create_new(self.create_new).truncate(self.truncate);
            real.open(path).map(File::Real)
        };
        either(path, there, |memory, tree, inside| {
            let data = match tree.nodes.get(inside) {
                Some(Node::Directory(_)) => return Err(io::ErrorKind::IsADirectory.into()),
                Some(Node::File(_)) if self.create_new => return Err(io::ErrorKind::AlreadyExists.into()),
                Some(Node::File(data)) => data.clone(),
                None if self.create || self.create_new => tree.file(inside, Vec::new())?,
                None => return Err(missing()),
            };
            let writes = self.write || self.append;
            if writes && lock(&data).stats.mode & 0o200 == 0 {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            if self.truncate {
                change(tree, inside, |_| {})?;
                lock(&data).bytes.clear();
            }
            Ok(File::Memory(Handle {
                memory: memory.clone(),
                data,
                at: 0,
                append: self.append,
                locked: Mutex::default(),
            }))
        })
    }
}

#[derive(Debug)]
pub(crate) struct DirBuilder {
    real: fs::DirBuilder,
    recursive: bool,
}

impl DirBuilder {
    pub(crate) fn new() -> DirBuilder {
        DirBuilder { real: fs::DirBuilder::new(), recursive: false }
    }

    pub(crate) fn recursive(&mut self, recursive: bool) -> &mut DirBuilder {
        self.real.recursive(recursive);
        self.recursive = recursive;
        self
    }

    #[cfg(unix)]
    pub(crate) fn mode(&mut self, mode: u32) -> &mut DirBuilder {
        std::os::unix::fs::DirBuilderExt::mode(&mut self.real, mode);
        self
    }

    pub(crate) fn create(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        match is_real(path) {
            true => self.real.create(path),
            false if self.recursive => create_dir_all(path),
            false => create_dir(path),
        }
    }
}
