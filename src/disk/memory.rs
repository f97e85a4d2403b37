//! Files in memory beside those of the machine, behind the names of `std::fs`. Files and directories, no links.
//!
//! Each memory is found by the first part of its paths; it is gone with the last handle of it. Its clock goes on by a
//! second with each change, so that no two changes have the same time and every file is settled at once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub(crate) use std::fs::TryLockError;

/// Nothing of this name is on any machine: the path of a memory is this and a number.
const TOP: &str = "/rulemake-files-in-memory";

static MEMORIES: Mutex<BTreeMap<u64, Weak<Memory>>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A file system in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    number: u64,
    tree: Mutex<Tree>,
}

#[derive(Debug, Default)]
struct Tree {
    /// By the path below the root.
    nodes: BTreeMap<PathBuf, Node>,
    /// Seconds since the memory was made, and the last inode.
    changes: i64,
    inodes: u64,
}

#[derive(Clone, Debug)]
enum Node {
    Directory(Stats),
    File(Arc<Mutex<Data>>),
}

#[derive(Debug)]
struct Data {
    bytes: Vec<u8>,
    stats: Stats,
    lock: LockState,
}

#[derive(Debug, Default)]
struct LockState {
    exclusive: bool,
    shared: usize,
}

#[derive(Clone, Copy, Debug)]
struct Stats {
    changed: i64,
    modified: (i64, u32),
    inode: u64,
    mode: u32,
}

impl Tree {
    fn stats(&mut self, mode: u32) -> Stats {
        self.inodes += 1;
        let changed = self.tick();
        Stats { changed, modified: (changed, 1), inode: self.inodes, mode }
    }

    fn tick(&mut self) -> i64 {
        self.changes += 1;
        self.changes
    }

    fn file(&mut self, path: &Path, bytes: Vec<u8>) -> io::Result<Arc<Mutex<Data>>> {
        match path.parent().map(|parent| self.nodes.get(parent)) {
            Some(Some(Node::Directory(_))) => {}
            Some(Some(Node::File(_))) => return Err(io::ErrorKind::NotADirectory.into()),
            Some(None) | None => return Err(io::ErrorKind::NotFound.into()),
        }
        let stats = self.stats(0o644);
        let data = Arc::new(Mutex::new(Data { bytes, stats, lock: LockState::default() }));
        self.nodes.insert(path.to_path_buf(), Node::File(data.clone()));
        Ok(data)
    }

    fn directory(&mut self, path: &Path) {
        let stats = self.stats(0o755);
        self.nodes.insert(path.to_path_buf(), Node::Directory(stats));
    }

    fn below(&self, path: &Path) -> Vec<PathBuf> {
        let all = self.nodes.range(path.to_path_buf()..).map(|(path, _)| path);
        all.skip(1).take_while(|below| below.starts_with(path)).cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// A memory with nothing in it but its root.
    pub(crate) fn new() -> Arc<Memory> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let memory = Arc::new(Memory { number, tree: Mutex::default() });
        lock(&memory.tree).directory(Path::new(""));
        lock(&MEMORIES).insert(number, Arc::downgrade(&memory));
        memory
    }

    pub(crate) fn root(&self) -> PathBuf {
        Path::new(TOP).join(self.number.to_string())
    }

    /// All files, by their paths below the root.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let tree = lock(&self.tree);
        let files = tree.nodes.iter().filter(|(_, node)| matches!(node, Node::File(_)));
        files.map(|(path, _)| path.clone()).collect()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        lock(&MEMORIES).remove(&self.number);
    }
}

/// Where a path leads: `None` to the machine.
fn place(path: &Path) -> Option<io::Result<(Arc<Memory>, PathBuf)>> {
    let below = path.strip_prefix(TOP).ok()?;
    let mut parts = below.components();
    let number = parts.next().and_then(|part| part.as_os_str().to_str()?.parse().ok());
    let memory = number.and_then(|number: u64| lock(&MEMORIES).get(&number).and_then(Weak::upgrade));
    let Some(memory) = memory else { return Some(Err(io::ErrorKind::NotFound.into())) };
    let mut inside = PathBuf::new();
    for part in parts {
        match part {
            Component::Normal(name) => inside.push(name),
            Component::ParentDir => drop(inside.pop()),
            _ => {}
        }
    }
    Some(Ok((memory, inside)))
}

/// Does something here when the path leads into memory, else there.
fn either<T>(
    path: &Path,
    there: impl FnOnce() -> io::Result<T>,
    here: impl FnOnce(&Arc<Memory>, &mut Tree, &Path) -> io::Result<T>,
) -> io::Result<T> {
    match place(path) {
        None => there(),
        Some(Err(error)) => Err(error),
        Some(Ok((memory, inside))) => {
            let mut tree = lock(&memory.tree);
            // As the system says of `file/below`.
            let above = inside.ancestors().skip(1).find_map(|above| tree.nodes.get(above));
            if let Some(Node::File(_)) = above {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            here(&memory, &mut tree, &inside)
        }
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

pub(crate) fn is_real(path: &Path) -> bool {
    !path.starts_with(TOP)
}

pub(crate) fn exists(path: &Path) -> bool {
    metadata(path).is_ok()
}

pub(crate) fn is_dir(path: &Path) -> bool {
    metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// What is at a path.
#[derive(Clone, Debug)]
pub(crate) enum Metadata {
    Real(fs::Metadata),
    Memory { is_dir: bool, len: u64, stats: StatsOf },
}

/// The stats of a file in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatsOf(Stats);

fn metadata_of(node: &Node) -> Metadata {
    match node {
        Node::Directory(stats) => Metadata::Memory { is_dir: true, len: 0, stats: StatsOf(*stats) },
        Node::File(data) => {
            let data = lock(data);
            Metadata::Memory { is_dir: false, len: data.bytes.len() as u64, stats: StatsOf(data.stats) }
        }
    }
}

impl Metadata {
    pub(crate) fn is_file(&self) -> bool {
        match self {
            Metadata::Real(meta) => meta.is_file(),
            Metadata::Memory { is_dir, .. } => !is_dir,
        }
    }

    pub(crate) fn is_dir(&self) -> bool {
        match self {
            Metadata::Real(meta) => meta.is_dir(),
            Metadata::Memory { is_dir, .. } => *is_dir,
        }
    }

    pub(crate) fn is_symlink(&self) -> bool {
        matches!(self, Metadata::Real(meta) if meta.is_symlink())
    }

    pub(crate) fn len(&self) -> u64 {
        match self {
            Metadata::Real(meta) => meta.len(),
            Metadata::Memory { len, .. } => *len,
        }
    }

    pub(crate) fn file_type(&self) -> FileType {
        match self {
            Metadata::Real(meta) => FileType::Real(meta.file_type()),
            Metadata::Memory { is_dir, .. } => FileType::Memory { is_dir: *is_dir },
        }
    }

    pub(crate) fn permissions(&self) -> Permissions {
        match self {
            Metadata::Real(meta) => Permissions::Real(meta.permissions()),
            Metadata::Memory { stats, .. } => Permissions::Memory(stats.0.mode),
        }
    }

    #[cfg(unix)]
    fn of<T>(&self, there: impl FnOnce(&fs::Metadata) -> T, here: impl FnOnce(&Stats) -> T) -> T {
        match self {
            Metadata::Real(meta) => there(meta),
            Metadata::Memory { stats, .. } => here(&stats.0),
        }
    }
}

/// What `std::os::unix::fs::MetadataExt` says.
#[cfg(unix)]
impl Metadata {
    pub(crate) fn ctime(&self) -> i64 {
        self.of(std::os::unix::fs::MetadataExt::ctime, |stats| stats.changed)
    }

    pub(crate) fn ctime_nsec(&self) -> i64 {
        // Whole seconds look as if the clock were coarse.
        self.of(std::os::unix::fs::MetadataExt::ctime_nsec, |_| 1)
    }

    pub(crate) fn ino(&self) -> u64 {
        self.of(std::os::unix::fs::MetadataExt::ino, |stats| stats.inode)
    }

    pub(crate) fn dev(&self) -> u64 {
        self.of(std::os::unix::fs::MetadataExt::dev, |_| u64::MAX)
    }

    pub(crate) fn nlink(&self) -> u64 {
        self.of(std::os::unix::fs::MetadataExt::nlink, |_| 1)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum FileType {
    Real(fs::FileType),
    Memory { is_dir: bool },
}

impl FileType {
    pub(crate) fn is_file(&self) -> bool {
        match self {
            FileType::Real(kind) => kind.is_file(),
            FileType::Memory { is_dir } => !is_dir,
        }
    }

    pub(crate) fn is_dir(&self) -> bool {
        match self {
            FileType::Real(kind) => kind.is_dir(),
            FileType::Memory { is_dir } => *is_dir,
        }
    }

    pub(crate) fn is_symlink(&self) -> bool {
        matches!(self, FileType::Real(kind) if kind.is_symlink())
    }

    #[cfg(unix)]
    pub(crate) fn is_fifo(&self) -> bool {
        matches!(self, FileType::Real(kind) if std::os::unix::fs::FileTypeExt::is_fifo(kind))
    }

    #[cfg(unix)]
    pub(crate) fn is_socket(&self) -> bool {
        matches!(self, FileType::Real(kind) if std::os::unix::fs::FileTypeExt::is_socket(kind))
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Permissions {
    Real(fs::Permissions),
    Memory(u32),
}

impl Permissions {
    #[cfg(unix)]
    pub(crate) fn mode(&self) -> u32 {
        match self {
            Permissions::Real(real) => std::os::unix::fs::PermissionsExt::mode(real),
            Permissions::Memory(mode) => *mode,
        }
    }

    #[cfg(unix)]
    pub(crate) fn set_mode(&mut self, new: u32) {
        match self {
            Permissions::Real(real) => std::os::unix::fs::PermissionsExt::set_mode(real, new),
            Permissions::Memory(mode) => *mode = new,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn readonly(&self) -> bool {
        match self {
            Permissions::Real(real) => real.readonly(),
            Permissions::Memory(mode) => mode & 0o200 == 0,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn set_readonly(&mut self, readonly: bool) {
        match self {
            Permissions::Real(real) => real.set_readonly(readonly),
            Permissions::Memory(mode) => *mode = if readonly { 0o444 } else { 0o644 },
        }
    }
}

pub(crate) fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    let there = || fs::metadata(path).map(Metadata::Real);
    either(path, there, |_, tree, inside| tree.nodes.get(inside).map(metadata_of).ok_or_else(missing))
}

pub(crate) fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    let path = path.as_ref();
    match is_real(path) {
        true => fs::symlink_metadata(path).map(Metadata::Real),
        false => metadata(path),
    }
}

pub(crate) fn modified(meta: &Metadata) -> (i64, u32) {
    match meta {
        Metadata::Real(meta) => {
            let time = filetime::FileTime::from_last_modification_time(meta);
            (time.unix_seconds(), time.nanoseconds())
        }
        Metadata::Memory { stats, .. } => stats.0.modified,
    }
}

/// Changes the stats of what is at a path, which is a change of it.
fn change(tree: &mut Tree, inside: &Path, act: impl FnOnce(&mut Stats)) -> io::Result<()> {
    let changed = tree.tick();
    let with = |stats: &mut Stats| {
        stats.changed = changed;
        act(stats);
    };
    match tree.nodes.get_mut(inside).ok_or_else(missing)? {
        Node::Directory(stats) => with(stats),
        Node::File(data) => with(&mut lock(data).stats),
    }
    Ok(())
}

pub(crate) fn set_modified(path: &Path, seconds: i64, nanoseconds: u32) -> io::Result<()> {
    let there = || filetime::set_file_mtime(path, filetime::FileTime::from_unix_time(seconds, nanoseconds));
    either(path, there, |_, tree, inside| {
        change(tree, inside, |stats| stats.modified = (seconds, nanoseconds))
    })
}

pub(crate) fn set_permissions(path: impl AsRef<Path>, permissions: Permissions) -> io::Result<()> {
    let path = path.as_ref();
    match permissions {
        Permissions::Real(real) => fs::set_permissions(path, real),
        Permissions::Memory(mode) => {
            either(path, || Err(missing()), |_, tree, inside| change(tree, inside, |stats| stats.mode = mode))
        }
    }
}

pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    either(
        path,
        || fs::read(path),
        |_, tree, inside| match tree.nodes.get(inside) {
            Some(Node::File(data)) => Ok(lock(data).bytes.clone()),
            Some(Node::Directory(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(missing()),
        },
    )
}

pub(crate) fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let path = path.as_ref();
    match is_real(path) {
        true => fs::read_to_string(path),
        false => {
            String::from_utf8(read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        }
    }
}

pub(crate) fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    File::create(path.as_ref())?.write_all(bytes.as_ref())
}

pub(crate) fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    let (from, to) = (from.as_ref(), to.as_ref());
    if is_real(from) && is_real(to) {
        return fs::copy(from, to);
    }
    let bytes = read(from)?;
    write(to, &bytes).map(|()| bytes.len() as u64)
}

pub(crate) fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    if is_real(from) && is_real(to) {
        return fs::rename(from, to);
    }
    let (Some(source), Some(dest)) = (place(from), place(to)) else {
        return Err(io::ErrorKind::CrossesDevices.into());
    };
    let ((memory, source), (other, dest)) = (source?, dest?);
    if memory.number != other.number {
        return Err(io::ErrorKind::CrossesDevices.into());
    }
    let mut tree = lock(&memory.tree);
    if !matches!(dest.parent().and_then(|parent| tree.nodes.get(parent)), Some(Node::Directory(_))) {
        return Err(missing());
    }
    let node = tree.nodes.remove(&source).ok_or_else(missing)?;
    for below in tree.below(&source) {
        if let (Some(node), Ok(rest)) = (tree.nodes.remove(&below), below.strip_prefix(&source)) {
            tree.nodes.insert(dest.join(rest), node);
        }
    }
    tree.nodes.insert(dest.clone(), node);
    change(&mut tree, &dest, |_| {})
}

pub(crate) fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    either(
        path,
        || fs::remove_file(path),
        |_, tree, inside| match tree.nodes.get(inside) {
            Some(Node::File(_)) => {
                tree.nodes.remove(inside);
                Ok(())
            }
            Some(Node::Directory(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(missing()),
        },
    )
}

pub(crate) fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    either(
        path,
        || fs::remove_dir(path),
        |_, tree, inside| match tree.nodes.get(inside) {
            Some(Node::Directory(_)) if tree.below(inside).is_empty() => {
                tree.nodes.remove(inside);
                Ok(())
            }
            Some(Node::Directory(_)) => Err(io::ErrorKind::DirectoryNotEmpty.into()),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(missing()),
        },
    )
}

pub(crate) fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    either(
        path,
        || fs::remove_dir_all(path),
        |_, tree, inside| {
            for below in tree.below(inside) {
                tree.nodes.remove(&below);
            }
            tree.nodes.remove(inside).map(drop).ok_or_else(missing)
        },
    )
}

pub(crate) fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    either(
        path,
        || fs::create_dir(path),
        |_, tree, inside| {
            if tree.nodes.contains_key(inside) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            match inside.parent().and_then(|parent| tree.nodes.get(parent)) {
                Some(Node::Directory(_)) => tree.directory(inside),
                _ => return Err(missing()),
            }
            Ok(())
        },
    )
}

pub(crate) fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    either(
        path,
        || fs::create_dir_all(path),
        |_, tree, inside| {
            let all: Vec<&Path> = inside.ancestors().collect();
            for dir in all.into_iter().rev() {
                match tree.nodes.get(dir) {
                    Some(Node::Directory(_)) => {}
                    Some(Node::File(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
                    None => tree.directory(dir),
                }
            }
            Ok(())
        },
    )
}

pub(crate) fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref();
    let here = |memory: &Arc<Memory>, tree: &mut Tree, inside: &Path| match tree.nodes.contains_key(inside) {
        true => Ok(memory.root().join(inside)),
        false => Err(missing()),
    };
    either(path, || fs::canonicalize(path), here)
}

pub(crate) fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = path.as_ref();
    either(
        path,
        || fs::read_link(path),
        |_, tree, inside| match tree.nodes.contains_key(inside) {
            true => Err(io::ErrorKind::InvalidInput.into()),
            false => Err(missing()),
        },
    )
}

/// The entries of a directory.
pub(crate) fn read_dir(path: impl AsRef<Path>) -> io::Result<std::vec::IntoIter<io::Result<DirEntry>>> {
    let path = path.as_ref();
    let there = || {
        let entries = fs::read_dir(path)?;
        Ok(entries.map(|entry| entry.map(DirEntry::Real)).collect::<Vec<_>>().into_iter())
    };
    either(path, there, |_, tree, inside| {
        match tree.nodes.get(inside) {
            Some(Node::Directory(_)) => {}
            Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            None => return Err(missing()),
        }
        let direct = tree.below(inside).into_iter().filter(|below| below.parent() == Some(inside));
        let entries = direct.map(|below| {
            let is_dir = matches!(tree.nodes.get(&below), Some(Node::Directory(_)));
            let name = below.file_name().unwrap_or_default().to_os_string();
            Ok(DirEntry::Memory { path: path.join(&name), name, is_dir })
        });
        Ok(entries.collect::<Vec<_>>().into_iter())
    })
}

#[derive(Debug)]
pub(crate) enum DirEntry {
    Real(fs::DirEntry),
    Memory { path: PathBuf, name: OsString, is_dir: bool },
}

impl DirEntry {
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            DirEntry::Real(entry) => entry.path(),
            DirEntry::Memory { path, .. } => path.clone(),
        }
    }

    pub(crate) fn file_name(&self) -> OsString {
        match self {
            DirEntry::Real(entry) => entry.file_name(),
            DirEntry::Memory { name, .. } => name.clone(),
        }
    }

    pub(crate) fn file_type(&self) -> io::Result<FileType> {
        match self {
            DirEntry::Real(entry) => entry.file_type().map(FileType::Real),
            DirEntry::Memory { is_dir, .. } => Ok(FileType::Memory { is_dir: *is_dir }),
        }
    }
}

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

/// The names of `std::os::unix::fs`, whose methods the types here have themselves.
#[cfg(unix)]
#[allow(dead_code, reason = "they are named only where the standard library needs them in scope")]
pub(crate) mod unix {
    pub(crate) trait DirBuilderExt {}
    pub(crate) trait FileTypeExt {}
    pub(crate) trait MetadataExt {}
    pub(crate) trait PermissionsExt {}
}
