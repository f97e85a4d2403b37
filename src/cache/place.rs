//! Between the cache and the places of outputs: what a job made is kept, what was kept is put back. Knows no job.
//!
//! Invariants: what is put back has the digest that is on record; a place is free before, and what cannot be put back as a
//! whole is told, so that the caller clears it. Nothing is put behind a link.

use super::directory::{CacheDirectory, found};
use super::entry::{self, Form, Kept};
use super::link::{self, CacheLink, Came, Rights};
use super::manifest::{self, Item};
use crate::base::digest::Digest;
use crate::files::hash::FileHasher;
use crate::files::{stat, tree};
use crate::trace::identity::{FileHash, Known};
use crate::trace::tree::{Entry as TreeEntry, EntryContent, Tree};
use rayon::prelude::*;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// Why something was not put back.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The cache does not hold it any more.
    Missing,
    /// It was not what it has to be, and is removed from the cache.
    Damaged(String),
    Failed(String),
}

impl Lost {
    fn of(error: &crate::error::Error) -> Lost {
        Lost::Failed(error.to_string())
    }

    fn io(what: &str, path: &Path, error: &io::Error) -> Lost {
        Lost::Failed(format!("cannot {what} {}: {error}", path.display()))
    }
}

/// Brings an object anew: its digest, and its size if that is known. Whether it came.
pub(super) type Again<'a> = dyn Fn(&Digest, Option<u64>) -> bool + Sync + 'a;

/// A directory with results, and how files come out of it and into it.
pub(super) struct Ground<'a> {
    pub(super) cache: &'a CacheDirectory,
    pub(super) link: CacheLink,
    pub(super) hasher: &'a FileHasher,
    pub(super) root: &'a Path,
    /// For what turns out to be damaged.
    pub(super) again: Option<&'a Again<'a>>,
}

/// Where copies are made before they are moved to their places, from the root.
pub(crate) const ASIDE: &str = ".rulemake/restoring";

impl Ground<'_> {
    /// Puts back what was kept, at `path` from the root. Its directory is made.
    pub(super) fn put_back(&self, kept: &Kept, path: &str) -> Result<Known, Lost> {
        let to = self.root.join(path);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|error| Lost::io("create", parent, &error))?;
        }
        match &kept.form {
            Form::Gone => Err(Lost::Missing),
            Form::File { size, executable, private } => {
                let rights = Rights { executable: *executable, private: *private };
                self.file(&kept.digest, *size, rights, &to, self.link).map(Known::File)
            }
            Form::Small { executable, private, content, .. } => {
                write(&to, content, Rights { executable: *executable, private: *private })?;
                self.known(&to, &kept.digest).map(Known::File)
            }
            Form::Directory { manifest, private, .. } => {
                self.directory(manifest, &kept.digest, *private, path, &to)
            }
        }
    }

    /// As [`Ground::put_back`] of a file that others go on writing to: always one of its own.
    pub(super) fn put_back_copy(&self, kept: &Kept, path: &str) -> Result<(), Lost> {
        let to = self.root.join(path);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|error| Lost::io("create", parent, &error))?;
        }
        match &kept.form {
            Form::File { size, executable, private } => {
                let rights = Rights { executable: *executable, private: *private };
                self.file(&kept.digest, *size, rights, &to, CacheLink::Copy).map(drop)
            }
            Form::Small { executable, private, content, .. } => {
                write(&to, content, Rights { executable: *executable, private: *private })
            }
            Form::Gone | Form::Directory { .. } => Err(Lost::Missing),
        }
    }

    fn file(
        &self,
        object: &Digest,
        size: u64,
        rights: Rights,
        to: &Path,
        how: CacheLink,
    ) -> Result<FileHash, Lost> {
        match self.try_file(object, size, rights, to, how) {
            Err(Lost::Damaged(_)) if self.comes_again(object, Some(size)) => {
                self.try_file(object, size, rights, to, how)
            }
            done => done,
        }
    }

    fn comes_again(&self, object: &Digest, size: Option<u64>) -> bool {
        self.again.is_some_and(|again| again(object, size))
    }

    fn try_file(
        &self,
        object: &Digest,
        size: u64,
        rights: Rights,
        to: &Path,
        how: CacheLink,
    ) -> Result<FileHash, Lost> {
        let from = self.cache.object(object);
        match self.cache.size(object).map_err(|error| Lost::io("look at", &from, &error))? {
            None => return Err(Lost::Missing),
            Some(found) if found != size => return Err(self.damaged(object)),
            Some(_) => {}
        }
        let copies = how == CacheLink::Copy || how == CacheLink::Auto && size <= link::SMALL;
        // What is small is read in less time than it takes to note that it was.
        let is_noted = size > link::SMALL;
        let is_believed = copies || is_noted && self.cache.is_seen(object);
        if !is_believed {
            // Nobody would read it on the way.
            match self.cache.verify(object).map_err(|error| Lost::io("read", &from, &error))? {
                true if is_noted => self.cache.note_seen(object),
                true => {}
                false => return Err(self.damaged(object)),
            }
        }
        let aside = self.root.join(ASIDE).join(aside_name(to));
        let came =
            link::bring(&from, to, size, rights, how, Some(&aside)).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Lost::Missing,
                _ => Lost::io("write", to, &error),
            })?;
        match came {
            Came::Copied(digest) if digest != *object => {
                let _ = fs::remove_file(to);
                return Err(self.damaged(object));
            }
            Came::Linked => {
                // Somebody may have made it writable, to edit what is the cache's.
                link::set_read_only(to).map_err(|error| Lost::io("protect", to, &error))?;
                if is_noted {
                    self.cache.note_seen(object);
                }
            }
            Came::Copied(_) | Came::Shared => {}
        }
        self.known(to, object)
    }

    /// The file at `to`, which was written with this content a moment ago.
    fn known(&self, to: &Path, digest: &Digest) -> Result<FileHash, Lost> {
        let known = self.hasher.known(to, *digest).map_err(|error| Lost::of(&error))?;
        known.ok_or_else(|| Lost::Failed(format!("something else removes {}", to.display())))
    }

    fn damaged(&self, object: &Digest) -> Lost {
        let _ = self.cache.discard(object);
        Lost::Damaged(format!("{object} was damaged in the cache {}", self.cache.path().display()))
    }

    fn directory(
        &self,
        manifest: &Digest,
        digest: &Digest,
        private: bool,
        path: &str,
        to: &Path,
    ) -> Result<Known, Lost> {
        let items = self.manifest(manifest)?;
        if let Some(aside) = self.room_aside(to, private)? {
            let inside = format!("{ASIDE}/{}", aside_name(to));
            let filled = self.fill(&items, &inside, &aside).and_then(|tree| match tree.digest() == *digest {
                true => Ok(tree),
                false => Err(self.damaged(manifest)),
            });
            let moved = filled.and_then(|tree| match move_directory(&aside, to) {
                Ok(()) => self.filled(tree, to).map(Some),
                // A mount that the system takes for the same disk.
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(None),
                Err(error) => Err(Lost::io("write", to, &error)),
            });
            let _ = fs::remove_dir_all(&aside);
            if let Some(known) = moved? {
                return Ok(known);
            }
        }
        link::create_directory(to, private).map_err(|error| Lost::io("create", to, &error))?;
        let tree = self.fill(&items, path, to)?;
        match tree.digest() == *digest {
            true => self.filled(tree, to),
            false => Err(self.damaged(manifest)),
        }
    }

    /// An empty directory that can be moved to `to`, with the rights that it has to have there: who is killed while it is filled
    /// leaves no half of it at `to`. `None`: there is none on the same disk.
    fn room_aside(&self, to: &Path, private: bool) -> Result<Option<PathBuf>, Lost> {
        let room = self.root.join(ASIDE);
        let failed = |error: io::Error| Lost::io("create", &room, &error);
        fs::create_dir_all(&room).map_err(failed)?;
        if !link::is_on_one_disk(&room, to) {
            return Ok(None);
        }
        let aside = room.join(aside_name(to));
        // Of who was killed at it: a directory, or a file where another thing was put there.
        let _ = fs::remove_dir_all(&aside).or_else(|_| fs::remove_file(&aside));
        link::create_directory(&aside, private).map_err(failed)?;
        link::give_group(&aside, to);
        Ok(Some(aside))
    }

    /// What is known of a directory in its place.
    fn filled(&self, tree: Tree, to: &Path) -> Result<Known, Lost> {
        let there = stat::stat(to).map_err(|error| Lost::of(&error))?;
        let there = there.ok_or_else(|| Lost::Failed(format!("something else removes {}", to.display())))?;
        Ok(Known::Tree { sig: there.sig, tree: tree.into() })
    }

    /// Puts what belongs into a directory there: into `to`, which is `path` from the root, and empty.
    fn fill(&self, items: &[Item], path: &str, to: &Path) -> Result<Tree, Lost> {
        let mut entries = Vec::with_capacity(items.len());
        let mut files = Vec::new();
        let mut has_links = false;
        for item in items {
            let full = below(to, item.path());
            match item {
                Item::Directory { path, private } => {
                    link::create_directory(&full, *private)
                        .map_err(|error| Lost::io("create", &full, &error))?;
                    entries
                        .push(TreeEntry { path: path.as_slice().into(), content: EntryContent::Directory });
                }
                Item::Link { to, .. } => {
                    has_links = true;
                    symlink(to, &full).map_err(|error| Lost::io("create", &full, &error))?;
                }
                Item::File { path, digest, size, rights } => {
                    files.push((path, full, *digest, *size, *rights));
                }
            }
        }
        let one = |(path, full, object, size, rights): (&Vec<u8>, PathBuf, Digest, u64, Rights)| {
            let hash = self.file(&object, size, rights, &full, self.link)?;
            let content = EntryContent::File { executable: rights.executable, hash };
            Ok(TreeEntry { path: path.as_slice().into(), content })
        };
        let placed: Result<Vec<TreeEntry>, Lost> = match rayon::current_thread_index() {
            Some(_) => files.into_par_iter().with_min_len(16).map(one).collect(),
            None => files.into_iter().map(one).collect(),
        };
        entries.extend(placed?);
        let gone = || Lost::Failed(format!("something else removes {}", to.display()));
        if !has_links {
            return Ok(Tree::new(entries));
        }
        // A link counts as what it leads to.
        let read = tree::read(self.root, path, None, self.hasher).map_err(|error| Lost::of(&error))?;
        read.map(|(_, tree)| tree).ok_or_else(gone)
    }

    pub(super) fn manifest(&self, object: &Digest) -> Result<Vec<Item>, Lost> {
        match self.try_manifest(object) {
            Err(Lost::Damaged(_)) if self.comes_again(object, None) => self.try_manifest(object),
            read => read,
        }
    }

    fn try_manifest(&self, object: &Digest) -> Result<Vec<Item>, Lost> {
        let place = self.cache.object(object);
        let bytes = found(link::read(&place)).map_err(|error| match link::is_no_file(&error) {
            true => self.damaged(object),
            false => Lost::io("read", &place, &error),
        })?;
        let bytes = bytes.ok_or(Lost::Missing)?;
        if Digest::of(&bytes) != *object {
            return Err(self.damaged(object));
        }
        match manifest::from_bytes(&bytes) {
            Some(items) => Ok(items),
            // What wrote it can read it.
            None if manifest::is_newer(&bytes) => Err(Lost::Missing),
            None => Err(self.damaged(object)),
        }
    }

    /// The content of a file that is to stand in its entry, as long as there is `room` for it. `None`: it is none of these.
    /// Where files are to be links, all of them are objects.
    ///
    /// # Errors
    /// Why it cannot be kept.
    pub(super) fn keep_small(&self, path: &str, known: &Known, room: u64) -> io::Result<Option<Form>> {
        let Known::File(hash) = known else { return Ok(None) };
        if hash.sig.size > room.min(entry::SMALL) || self.link == CacheLink::Hardlink {
            return Ok(None);
        }
        let full = self.root.join(path);
        let (content, rights) = link::read_small(&full, hash.sig.size)?;
        match Digest::of(&content) == hash.digest {
            true => Ok(Some(Form::of_small(content, rights))),
            false => Err(io::Error::other(format!("{} changed while it was kept", full.display()))),
        }
    }

    /// Keeps what is at `path`, whose content is `known`. It is known otherwise afterwards where it was linked. `objects`
    /// grows by all that was kept.
    ///
    /// # Errors
    /// Why it cannot be kept.
    pub(super) fn keep(&self, path: &str, known: &mut Known, objects: &mut Vec<Digest>) -> io::Result<Form> {
        let full = self.root.join(path);
        match known {
            Known::File(hash) => {
                let meta = fs::symlink_metadata(&full)?;
                if !meta.is_file() {
                    return Err(io::Error::other(format!("{path} is a link")));
                }
                let rights = Rights::of(&meta);
                *hash = self.keep_file(&full, &meta, rights, *hash)?;
                objects.push(hash.digest);
                let Rights { executable, private } = rights;
                Ok(Form::File { size: hash.sig.size, executable, private })
            }
            Known::Tree { tree, .. } => {
                let (manifest, size, anew) = self.keep_tree(&full, path, tree, objects)?;
                if let Some(anew) = anew {
                    *tree = anew.into();
                }
                let private = Rights::of(&fs::symlink_metadata(&full)?).private;
                Ok(Form::Directory { manifest, size, private })
            }
        }
    }

    fn keep_file(
        &self,
        full: &Path,
        meta: &Metadata,
        rights: Rights,
        hash: FileHash,
    ) -> io::Result<FileHash> {
        let is_as_read =
            || stat::stat(full).is_ok_and(|now| now.is_some_and(|now| hash.is_same_but_named(&now.sig)));
        // A file with another name belongs to somebody else, too: perhaps it is the source that a job linked to.
        let how = match self.link {
            CacheLink::Auto | CacheLink::Hardlink if has_other_names(meta) => CacheLink::Reflink,
            link => link,
        };
        let came = self.cache.take_file(&hash.digest, full, hash.sig.size, rights, how, &is_as_read)?;
        if came != Some(Came::Linked) {
            return Ok(hash);
        }
        let known = self.hasher.known(full, hash.digest).map_err(io::Error::other)?;
        match known.filter(|now| hash.is_same_but_named(&now.sig)) {
            Some(now) => Ok(FileHash { settled: now.settled && hash.settled, ..now }),
            None => Err(io::Error::other(format!("{} changed while it was kept", full.display()))),
        }
    }

    fn keep_tree(
        &self,
        full: &Path,
        path: &str,
        tree: &Tree,
        objects: &mut Vec<Digest>,
    ) -> io::Result<(Digest, u64, Option<Tree>)> {
        let mut items = Vec::with_capacity(tree.entries().len());
        let mut entries: Vec<TreeEntry> = tree.entries().to_vec();
        let (mut size, mut is_other) = (0u64, false);
        for entry in &mut entries {
            let (place, path_in) = (below(full, &entry.path), entry.path.to_vec());
            let meta = fs::symlink_metadata(&place)?;
            if meta.is_symlink() {
                let to = fs::read_link(&place)?.as_os_str().as_encoded_bytes().to_vec();
                if !manifest::stays_inside(&path_in, &to) {
                    let inside = String::from_utf8_lossy(&path_in).into_owned();
                    return Err(io::Error::other(format!("the link {path}/{inside} leads out of {path}")));
                }
                items.push(Item::Link { path: path_in, to });
                continue;
            }
            match &mut entry.content {
                EntryContent::Directory => {
                    items.push(Item::Directory { path: path_in, private: Rights::of(&meta).private });
                }
                EntryContent::File { executable, hash } => {
                    let rights = Rights { executable: *executable, ..Rights::of(&meta) };
                    let now = self.keep_file(&place, &meta, rights, *hash)?;
                    is_other |= now != *hash;
                    *hash = now;
                    size += hash.sig.size;
                    objects.push(hash.digest);
                    items.push(Item::File {
                        path: path_in,
                        digest: hash.digest,
                        size: hash.sig.size,
                        rights,
                    });
                }
                EntryContent::Link(_) => return Err(io::Error::other(format!("{path} keeps changing"))),
            }
        }
        let bytes = manifest::to_bytes(&items);
        let manifest = Digest::of(&bytes);
        if !self.cache.has_good(&manifest, bytes.len() as u64)? {
            self.cache.receive(&manifest, bytes.len() as u64, |to| to.write_all(&bytes).map(|()| true))?;
        }
        objects.push(manifest);
        Ok((manifest, size, is_other.then(|| Tree::new(entries))))
    }
}

fn write(to: &Path, content: &[u8], rights: Rights) -> Result<(), Lost> {
    link::write_small(to, content, rights).map_err(|error| Lost::io("write", to, &error))
}

/// What is made for `to` where copies are made.
fn aside_name(to: &Path) -> String {
    Digest::of(to.as_os_str().as_encoded_bytes()).hex()
}

/// Moves a directory to where nothing is but empty directories, as they are made for logs in it.
fn move_directory(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(meta) = found(fs::symlink_metadata(to))?
        && (!meta.is_dir() || remove_empty(to).is_err())
    {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from, to)
}

/// Removes a directory in which there is no file.
fn remove_empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => remove_empty(&entry.path())?,
            false => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
        }
    }
    fs::remove_dir(dir)
}

fn has_other_names(meta: &Metadata) -> bool {
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(meta);
    #[cfg(not(unix))]
    let names = {
        let _ = meta;
        2
    };
    names != 1
}

fn below(dir: &Path, path: &[u8]) -> PathBuf {
    #[cfg(unix)]
    let name: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(path);
    #[cfg(not(unix))]
    let name = std::str::from_utf8(path).map_or(OsStr::new("_"), OsStr::new);
    dir.join(name)
}

#[cfg(unix)]
fn symlink(to: &[u8], at: &Path) -> io::Result<()> {
    let to: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(to);
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn symlink(_: &[u8], _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
