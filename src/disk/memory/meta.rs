//! What is told of a file without opening it, as the types of `std::fs` tell it.

use super::{Node, Stats, lock};
use std::fs;

/// What is at a path.
#[derive(Clone, Debug)]
pub(crate) enum Metadata {
    Real(fs::Metadata),
    Memory { is_dir: bool, len: u64, stats: StatsOf },
}

/// The stats of a file in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatsOf(pub(super) Stats);

pub(super) fn metadata_of(node: &Node) -> Metadata {
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
