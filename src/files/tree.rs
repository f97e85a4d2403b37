//! Reads all that a directory holds. Knows no job and no record. Invariants: a link in it to a file counts as that file,
//! and no other link is followed, so there is an end; what is returned was there as a whole, or an error says that it kept changing.

use super::hash::{Content, FileHasher};
use super::stat;
use crate::base::digest::Digest;
use crate::disk as fs;
use crate::error::{Error, ErrorKind, Result};
use crate::trace::identity::StatSig;
use crate::trace::tree::{Entry, EntryContent, Tree};
use rayon::prelude::*;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

const ATTEMPTS: usize = 3;
const STATE_DIRECTORY: &str = ".rulemake";

/// The directory at `path` (joined to `root`), a link to it followed, and its own signature; `None` when there is no
/// directory. Files that look as in `known` and were settled then are not read. The state directory of `root` is left
/// out: it changes with every run. Runs on all threads of the pool it is called from, as [`FileHasher::content`] does.
///
/// # Errors
/// When something in it cannot be read, is no file, directory or link, or keeps changing.
pub(crate) fn read(
    root: &Path,
    path: &str,
    known: Option<&Tree>,
    hasher: &FileHasher,
) -> Result<Option<(StatSig, Tree)>> {
    let path = &root.join(path);
    for _ in 0..ATTEMPTS {
        let Some(there) = stat::stat(path)?.filter(|there| there.sig.is_directory()) else { return Ok(None) };
        if let Some(entries) = read_once(root, path, known, hasher)? {
            return Ok(Some((there.sig, Tree::new(entries))));
        }
    }
    let text = format!("{} keeps changing while it is read: something else is writing in it", path.display());
    Err(Error::new(ErrorKind::Environment, text).with_path(path))
}

/// Something below the directory: not a directory itself.
struct Leaf {
    path: Vec<u8>,
    full: PathBuf,
}

/// `None` when something vanished between being listed and being read.
fn read_once(
    root: &Path,
    top: &Path,
    known: Option<&Tree>,
    hasher: &FileHasher,
) -> Result<Option<Vec<Entry>>> {
    let mut entries = Vec::new();
    let mut leaves = Vec::new();
    let mut pending = vec![Leaf { path: Vec::new(), full: top.to_path_buf() }];
    while let Some(dir) = pending.pop() {
        let io = |error| Error::io("list", &dir.full, error);
        let listing = match fs::read_dir(&dir.full) {
            Ok(listing) => listing,
            Err(error) if stat::is_missing(&error) => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        for found in listing {
            let found = found.map_err(io)?;
            let name = found.file_name();
            if name == STATE_DIRECTORY && is_same(&found.path(), &root.join(STATE_DIRECTORY))? {
                continue;
            }
            let kind = match found.file_type() {
                Ok(kind) => kind,
                Err(error) if stat::is_missing(&error) => return Ok(None),
                Err(error) => return Err(Error::io("look at", &found.path(), error)),
            };
            let leaf = Leaf { path: joined(&dir.path, &name), full: found.path() };
            if kind.is_dir() {
                entries.push(Entry { path: leaf.path.as_slice().into(), content: EntryContent::Directory });
                pending.push(leaf);
            } else {
                leaves.push(leaf);
            }
        }
    }
    let one = |leaf: Leaf| {
        let content = content(&leaf, known, hasher)?;
        Ok(content.map(|content| Entry { path: leaf.path.into(), content }))
    };
    let found: Result<Vec<Option<Entry>>> = match rayon::current_thread_index() {
        Some(_) => leaves.into_par_iter().with_min_len(16).map(one).collect(),
        None => leaves.into_iter().map(one).collect(),
    };
    for entry in found? {
        let Some(entry) = entry else { return Ok(None) };
        entries.push(entry);
    }
    Ok(Some(entries))
}

fn is_same(a: &Path, b: &Path) -> Result<bool> {
    let (Some(a), Some(b)) = (stat::stat(a)?, stat::stat(b)?) else { return Ok(false) };
    Ok((a.device, a.sig.inode) == (b.device, b.sig.inode))
}

fn bytes(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}

fn joined(dir: &[u8], name: &OsStr) -> Vec<u8> {
    let mut path = dir.to_vec();
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(bytes(name));
    path
}

fn content(leaf: &Leaf, known: Option<&Tree>, hasher: &FileHasher) -> Result<Option<EntryContent>> {
    let Some(meta) = stat::lstat(&leaf.full)? else { return Ok(None) };
    let meta = match meta.is_symlink() {
        false => meta,
        true => match fs::metadata(&leaf.full) {
            // Who reads the directory reads through it, as through a link that is named itself.
            Ok(target) if target.is_file() => target,
            _ => return link(leaf),
        },
    };
    if !meta.is_file() {
        let what =
            if meta.is_dir() { return Ok(None) } else { super::outputs::special_name(meta.file_type()) };
        let text = format!("{} is {what}: a directory that counts holds only files", leaf.full.display());
        return Err(Error::new(ErrorKind::Environment, text)
            .with_path(leaf.full.clone())
            .with_help("make it somewhere else, or remove it"));
    }
    let executable = stat::is_executable(&meta);
    let now = stat::from_metadata(&meta).sig;
    if let Some(Entry { content: EntryContent::File { hash, .. }, .. }) =
        known.and_then(|k| k.find(&leaf.path))
        && hash.settled
        && hash.sig == now
    {
        return Ok(Some(EntryContent::File { executable, hash: *hash }));
    }
    match hasher.content(&leaf.full)? {
        Content::File(hash) => Ok(Some(EntryContent::File { executable, hash })),
        Content::Missing | Content::Directory(_) | Content::Special(_) => Ok(None),
    }
}

/// A link to a directory, or to nothing: where it leads is its content.
fn link(leaf: &Leaf) -> Result<Option<EntryContent>> {
    match fs::read_link(&leaf.full) {
        Ok(text) => Ok(Some(EntryContent::Link(Digest::of(bytes(text.as_os_str()))))),
        Err(error) if stat::is_missing(&error) => Ok(None),
        Err(error) => Err(Error::io("read the link", &leaf.full, error)),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn tree(path: &Path, known: Option<&Tree>) -> Tree {
        let (root, name) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
        read(root, name, known, &FileHasher::new(Some(root))).unwrap().unwrap().1
    }

    fn sample() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().join("top");
        fs::create_dir_all(top.join("a/empty")).unwrap();
        fs::write(top.join("a/x"), "1").unwrap();
        fs::write(top.join("b"), "2").unwrap();
        symlink("nowhere", top.join("link")).unwrap();
        (dir, top)
    }

    #[test]
    fn everything_below_is_found_and_links_to_directories_are_not_followed() {
        let (dir, top) = sample();
        symlink(&top, top.join("a/up")).unwrap();
        let tree = tree(&top, None);
        let names: Vec<_> =
            tree.entries().iter().map(|e| String::from_utf8_lossy(&e.path).into_owned()).collect();
        assert_eq!(names, ["a", "a/empty", "a/up", "a/x", "b", "link"]);
        let link = dir.path().join("to-top");
        symlink(&top, &link).unwrap();
        assert_eq!(self::tree(&link, None), tree, "the top itself may be a link");
    }

    /// The promise of the manifest: an unchanged tree costs stats only. Content that changed behind its signature
    /// would be read as before, so this also shows that the file was not opened.
    #[test]
    fn a_settled_file_is_not_read_again() {
        let (_dir, top) = sample();
        std::thread::sleep(std::time::Duration::from_millis(45));
        let known = tree(&top, None);
        fs::set_permissions(top.join("b"), fs::Permissions::from_mode(0o000)).unwrap();
        let lie = Digest::of(b"lie");
        let entries = known.entries().iter().cloned().map(|mut entry| {
            if let EntryContent::File { hash, .. } = &mut entry.content {
                assert!(hash.settled);
                if *entry.path == *b"a/x" {
                    hash.digest = lie;
                }
            }
            entry
        });
        let known = Tree::new(entries.collect());
        fs::set_permissions(top.join("b"), fs::Permissions::from_mode(0o644)).unwrap();
        let again = tree(&top, Some(&known));
        let content = |path: &[u8]| again.find(path).unwrap().content;
        assert!(matches!(content(b"a/x"), EntryContent::File { hash, .. } if hash.digest == lie));
        assert!(matches!(content(b"b"), EntryContent::File { hash, .. } if hash.digest == Digest::of(b"2")));
    }

    #[test]
    fn times_of_directories_do_not_count_and_the_executable_bit_does() {
        let (_dir, top) = sample();
        let before = tree(&top, None).digest();
        fs::write(top.join("c"), "3").unwrap();
        assert_ne!(tree(&top, None).digest(), before);
        fs::remove_file(top.join("c")).unwrap();
        assert_eq!(tree(&top, None).digest(), before);
        fs::set_permissions(top.join("b"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_ne!(tree(&top, None).digest(), before);
    }

    #[test]
    fn the_own_state_is_left_out_and_special_files_are_named() {
        let (_dir, top) = sample();
        let (hasher, before) = (FileHasher::new(None), tree(&top, None).digest());
        fs::create_dir_all(top.join("a/.rulemake")).unwrap();
        fs::write(top.join("a/.rulemake/state.log"), "x").unwrap();
        assert_ne!(tree(&top, None).digest(), before, "that of another root is content");
        let of_root = |path| read(&top.join("a"), path, None, &hasher).unwrap().unwrap().1.digest();
        assert_eq!(of_root(".."), before);
        let _socket = std::os::unix::net::UnixListener::bind(top.join("sock")).unwrap();
        let error = read(&top, ".", None, &hasher).unwrap_err();
        assert!(error.to_string().contains("sock is a socket"), "{error}");
    }

    #[test]
    fn a_file_or_nothing_is_no_tree() {
        let (_dir, top) = sample();
        let hasher = FileHasher::new(None);
        assert!(read(&top, "b", None, &hasher).unwrap().is_none());
        assert!(read(&top, "none", None, &hasher).unwrap().is_none());
    }

    #[test]
    fn threads_of_a_pool_find_the_same() {
        let (_dir, top) = sample();
        for n in 0..200 {
            fs::write(top.join(format!("a/{n}")), n.to_string()).unwrap();
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(|| tree(&top, None)).digest(), tree(&top, None).digest());
    }
}
