//! Normalised paths and their interner.
//!
//! Every file of a workflow is named by one key: relative to the root, `/` as separator, no `.`, no empty
//! component, no trailing `/`. `./a`, `a//b` and `a/../b` are other spellings of the same key. A path that is
//! absolute or climbs out of the root keeps that shape and is normalised otherwise.

use super::ids::IdTable;
use rustc_hash::FxHasher;
use std::borrow::Cow;
use std::hash::Hasher;

/// Index of a path in a [`PathTable`]; dense, starting at 0, never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct PathId(pub(crate) u32);

impl PathId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Brings `path` into the one spelling that names its file. Borrows when nothing is to do.
///
/// Purely textual: symlinks are not resolved. An empty path and `.` give `.`.
pub(crate) fn normalise(path: &str) -> Cow<'_, str> {
    if is_normal(path) {
        return Cow::Borrowed(path);
    }
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if absolute => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    Cow::Owned(match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_string(),
        (false, false) => joined,
    })
}

/// One pass over the bytes: this runs for every path of a plan.
fn is_normal(path: &str) -> bool {
    let bytes = path.as_bytes();
    if bytes == b"/" {
        return true;
    }
    let bytes = bytes.strip_prefix(b"/").unwrap_or(bytes);
    // Of the component so far.
    let (mut length, mut dots) = (0, 0);
    let is_step = |length: usize, dots: usize| length == dots && length <= 2;
    for &byte in bytes {
        if byte == b'/' {
            if is_step(length, dots) {
                return false;
            }
            (length, dots) = (0, 0);
        } else {
            length += 1;
            dots += usize::from(byte == b'.');
        }
    }
    !is_step(length, dots)
}

/// Whether a normalised path lies outside the root: absolute, or climbing out by `..`.
pub(crate) fn is_outside(path: &str) -> bool {
    path.starts_with('/') || path == ".." || path.starts_with("../")
}

/// Interns normalised paths in one arena: a path costs its bytes and about 20 more.
#[derive(Default, Clone)]
pub(crate) struct PathTable {
    bytes: String,
    ends: Vec<usize>,
    ids: IdTable,
}

impl PathTable {
    /// An empty table with room for `paths` paths: growing a large one costs as much as filling it.
    pub(crate) fn with_capacity(paths: usize) -> PathTable {
        let (bytes, ends) = (String::new(), Vec::with_capacity(paths));
        PathTable { bytes, ends, ids: IdTable::with_capacity(paths) }
    }

    /// Returns the id of `path` (normalised here), adding it when new.
    ///
    /// # Panics
    /// At 2^32 paths, the documented limit.
    pub(crate) fn intern(&mut self, path: &str) -> PathId {
        let path = normalise(path);
        self.intern_hashed(&path, hash_of(&path))
    }

    /// The same for a normalised path, of which the hash is known: what many threads prepare, one interns.
    pub(crate) fn intern_hashed(&mut self, path: &str, hash: u64) -> PathId {
        debug_assert!(normalise(path) == path && hash == hash_of(path), "{path}");
        if let Some(id) = self.ids.find(hash, |id| text_of(&self.bytes, &self.ends, id) == path) {
            return PathId(id);
        }
        let id = u32::try_from(self.ends.len()).expect("fewer than 2^32 paths");
        self.bytes.push_str(path);
        self.ends.push(self.bytes.len());
        self.ids.insert(hash, id);
        PathId(id)
    }

    /// Returns the id of `path` if it was interned.
    pub(crate) fn find(&self, path: &str) -> Option<PathId> {
        let path = normalise(path);
        self.ids.find(hash_of(&path), |id| text_of(&self.bytes, &self.ends, id) == path).map(PathId)
    }

    /// Returns the text of `id`.
    pub(crate) fn text(&self, id: PathId) -> &str {
        text_of(&self.bytes, &self.ends, id.0)
    }

    /// Bytes in the text of `id`.
    pub(crate) fn length(&self, id: PathId) -> usize {
        let start = if id.0 == 0 { 0 } else { self.ends[id.index() - 1] };
        self.ends[id.index()] - start
    }

    /// All paths with their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PathId, &str)> {
        (0..self.len() as u32).map(|id| (PathId(id), self.text(PathId(id))))
    }

    /// Number of paths; ids are `0..len`.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn text_of<'a>(bytes: &'a str, ends: &[usize], id: u32) -> &'a str {
    let index = id as usize;
    let start = if index == 0 { 0 } else { ends[index - 1] };
    &bytes[start..ends[index]]
}

/// What [`PathTable::intern_hashed`] wants to know.
pub(crate) fn hash_of(path: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(path.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_file_are_one_key() {
        let mut table = PathTable::default();
        let id = table.intern("a/b");
        for other in ["./a/b", "a//b", "a/./b", "a/c/../b", "a/b/"] {
            assert_eq!(table.intern(other), id, "{other}");
        }
        assert_eq!(table.text(id), "a/b");
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn climbing_and_absolute_paths_keep_their_shape() {
        for (from, to) in [
            ("../x", "../x"),
            ("a/../../x", "../x"),
            ("/a/../..", "/"),
            ("", "."),
            ("./", "."),
            ("//a//b", "/a/b"),
        ] {
            assert_eq!(normalise(from), to, "{from}");
        }
        assert!(is_outside("../x") && is_outside("/etc") && !is_outside("a/..b"));
    }
}
