//! Files in memory beside those of the machine, behind the names of `std::fs`. Files and directories, no links.
//!
//! Each memory is found by the first part of its paths; it is gone with the last handle of it. Its clock goes on by a
//! second with each change, so that no two changes have the same time and every file is settled at once.

mod handle;
mod meta;

pub(crate) use handle::{DirBuilder, File, OpenOptions};
use meta::metadata_of;
pub(crate) use meta::{FileType, Metadata, Permissions};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
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

/// The names of `std::os::unix::fs`, whose methods the types here have themselves.
#[cfg(unix)]
#[allow(dead_code, reason = "they are named only where the standard library needs them in scope")]
pub(crate) mod unix {
    pub(crate) trait DirBuilderExt {}
    pub(crate) trait FileTypeExt {}
    pub(crate) trait MetadataExt {}
    pub(crate) trait PermissionsExt {}
}
