//! How a file is recognised: the signature of its metadata and the digest of its content.

use crate::base::digest::Digest;
use crate::trace::tree::Tree;
use std::sync::Arc;

/// Kinds of file system entries that matter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum FileKind {
    File = 0,
    Directory = 1,
    /// FIFO, socket, device: neither an input nor an output.
    Special = 2,
}

/// What one `stat` tells, symlinks followed. Any difference means "hash again", never "changed".
///
/// The inode is in it because a rename-replacement can leave size and mtime identical; ctime because `touch -d`,
/// `cp -p`, `tar` and `rsync -t` set mtime freely but none can set ctime. The device is not in it: it changes
/// with mounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StatSig {
    pub(crate) kind: FileKind,
    pub(crate) size: u64,
    pub(crate) mtime_ns: i64,
    pub(crate) ctime_ns: i64,
    pub(crate) inode: u64,
}

impl StatSig {
    pub(crate) fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }

    /// Whether the file that has the signature `now` is this one, though it may have got other names or permissions since:
    /// these change only the time of the last change of its record.
    pub(crate) fn is_same_but_named(&self, now: &StatSig) -> bool {
        StatSig { ctime_ns: self.ctime_ns, ..*now } == *self
    }
}

/// A content digest with the signature under which it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileHash {
    pub(crate) sig: StatSig,
    pub(crate) digest: Digest,
    /// Whether an equal signature proves an equal content: the last change lay safely before the reading.
    pub(crate) settled: bool,
}

impl FileHash {
    /// As [`StatSig::is_same_but_named`], of the file that was read.
    pub(crate) fn is_same_but_named(&self, now: &StatSig) -> bool {
        self.sig.is_same_but_named(now)
    }
}

/// What is known of a path: a file's content, or all that a directory holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Known {
    File(FileHash),
    Tree {
        /// Of the directory itself; tells that another one took its place, not what is in it.
        sig: StatSig,
        tree: Arc<Tree>,
    },
}

impl Known {
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Known::File(hash) => hash.digest,
            Known::Tree { tree, .. } => tree.digest(),
        }
    }
}
