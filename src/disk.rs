//! The file system as the rooms see it that touch it: the standard library's, under its own names. With the feature
//! `test-support` a path below a root in memory leads into that memory, and all others to the machine: so what is tested
//! there is all of rulemake but for the calls of the system.
//!
//! Without the feature every name here *is* that of the standard library, and costs what it costs.

#[cfg(feature = "test-support")]
mod memory;

#[cfg(feature = "test-support")]
pub(crate) use memory::*;

#[cfg(not(feature = "test-support"))]
pub(crate) use real::*;

#[cfg(not(feature = "test-support"))]
mod real {
    use std::io;
    use std::path::Path;

    pub(crate) use std::fs::{
        DirBuilder, File, FileType, Metadata, OpenOptions, Permissions, TryLockError, canonicalize, copy,
        create_dir, create_dir_all, metadata, read, read_dir, read_link, read_to_string, remove_dir,
        remove_dir_all, remove_file, rename, set_permissions, symlink_metadata, write,
    };

    #[cfg(unix)]
    pub(crate) mod unix {
        pub(crate) use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
    }

    /// Whether a path leads to the machine.
    pub(crate) fn is_real(_: &Path) -> bool {
        true
    }

    pub(crate) fn exists(path: &Path) -> bool {
        path.exists()
    }

    pub(crate) fn is_dir(path: &Path) -> bool {
        path.is_dir()
    }

    /// When the content was changed last: seconds and nanoseconds.
    pub(crate) fn modified(meta: &Metadata) -> (i64, u32) {
        let time = filetime::FileTime::from_last_modification_time(meta);
        (time.unix_seconds(), time.nanoseconds())
    }

    pub(crate) fn set_modified(path: &Path, seconds: i64, nanoseconds: u32) -> io::Result<()> {
        filetime::set_file_mtime(path, filetime::FileTime::from_unix_time(seconds, nanoseconds))
    }
}
