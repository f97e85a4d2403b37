//! What a directory holds, as far as it counts: names, kinds, contents. Not its own times, which change with every
//! file that comes and goes.

use crate::base::digest::{Digest, DigestHasher};
use crate::trace::identity::FileHash;
use rustc_hash::FxHashSet;

/// Everything below a directory, sorted by path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Tree {
    entries: Box<[Entry]>,
    digest: Digest,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// Relative to the directory, `/` between the parts. Bytes: other people's names need not be text.
    pub(crate) path: Box<[u8]>,
    pub(crate) content: EntryContent,
}

/// What is at a path of a tree. A link is its text, whatever it leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EntryContent {
    File { executable: bool, hash: FileHash },
    Directory,
    Link(Digest),
}

impl Tree {
    /// The tree of these entries, in whatever order they come.
    pub(crate) fn new(mut entries: Vec<Entry>) -> Tree {
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Tree { digest: digest_of(entries.iter()), entries: entries.into() }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Its bytes in memory, about.
    pub(crate) fn weight(&self) -> usize {
        self.entries.iter().map(|entry| size_of::<Entry>() + entry.path.len()).sum()
    }

    /// The digest without some of the paths and what is below them. A directory that holds nothing else is left out, too:
    /// whether it was there before somebody made those paths must not count.
    pub(crate) fn digest_without(&self, left_out: &[&[u8]]) -> Digest {
        // From the back, where what is in a directory comes before it.
        let mut inhabited: FxHashSet<&[u8]> = FxHashSet::default();
        let mut kept: Vec<&Entry> = Vec::new();
        for entry in self.entries.iter().rev() {
            let path = &*entry.path;
            let only_holds_them = || {
                matches!(entry.content, EntryContent::Directory)
                    && !inhabited.contains(path)
                    && left_out.iter().any(|out| is_below(out, path))
            };
            if left_out.iter().any(|out| path == *out || is_below(path, out)) || only_holds_them() {
                continue;
            }
            inhabited.extend(parents(path));
            kept.push(entry);
        }
        digest_of(kept.into_iter().rev())
    }

    /// What `path` is, if this is the tree of the directory it is in; a directory with all that is in it. Links are told
    /// by their text, so of what they lead to nothing is known.
    pub(crate) fn content(&self, path: &[u8]) -> Option<Digest> {
        match self.find(path)?.content {
            EntryContent::File { hash, .. } => Some(hash.digest),
            EntryContent::Link(_) => None,
            EntryContent::Directory => {
                let inside = self.entries.iter().filter(|entry| is_below(&entry.path, path));
                let relative = |entry: &Entry| Entry {
                    path: entry.path.get(path.len() + 1..).unwrap_or_default().into(),
                    content: entry.content,
                };
                Some(Tree::new(inside.map(relative).collect()).digest())
            }
        }
    }

    /// The entry at `path`.
    pub(crate) fn find(&self, path: &[u8]) -> Option<&Entry> {
        let index = self.entries.binary_search_by(|entry| (*entry.path).cmp(path)).ok()?;
        self.entries.get(index)
    }
}

fn is_below(path: &[u8], dir: &[u8]) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.first() == Some(&b'/'))
}

fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at])
}

fn digest_of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Digest {
    let mut hasher = DigestHasher::new("rulemake tree");
    for entry in entries {
        hasher.bytes(&entry.path);
        match &entry.content {
            EntryContent::File { executable, hash } => {
                hasher.number(u64::from(*executable)).bytes(hash.digest.as_bytes());
            }
            EntryContent::Directory => {
                hasher.number(2);
            }
            EntryContent::Link(text) => {
                hasher.number(3).bytes(text.as_bytes());
            }
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::identity::{FileKind, StatSig};

    fn file(path: &str, text: &str) -> Entry {
        let sig = StatSig { kind: FileKind::File, size: 1, mtime_ns: 0, ctime_ns: 0, inode: 0 };
        let hash = FileHash { sig, digest: Digest::of(text.as_bytes()), settled: true };
        entry(path, EntryContent::File { executable: false, hash })
    }

    fn entry(path: &str, content: EntryContent) -> Entry {
        Entry { path: path.as_bytes().into(), content }
    }

    fn dir(path: &str) -> Entry {
        entry(path, EntryContent::Directory)
    }

    fn tree(entries: &[Entry]) -> Tree {
        Tree::new(entries.to_vec())
    }

    #[test]
    fn names_kinds_and_contents_count_and_times_do_not() {
        let base = tree(&[file("a", "1"), dir("d"), file("d/b", "2")]);
        let changed = |change: fn(&mut bool, &mut FileHash)| {
            let mut entries = base.entries().to_vec();
            if let EntryContent::File { executable, hash } = &mut entries[0].content {
                change(executable, hash);
            }
            Tree::new(entries)
        };
        let touched = changed(|_, hash| (hash.sig.mtime_ns, hash.settled) = (7, false));
        assert_eq!(touched.digest(), base.digest());
        let executable = changed(|executable, _| *executable = true);
        let link = entry("a", EntryContent::Link(Digest::of(b"1")));
        for (other, what) in [
            (executable, "executable bit"),
            (tree(&[file("a", "1"), dir("d"), file("d/c", "2")]), "name"),
            (tree(&[file("a", "1"), dir("d"), file("d/b", "3")]), "content"),
            (tree(&[file("a", "1"), dir("d"), file("d/b", "2"), dir("e")]), "empty directory"),
            (tree(&[link, dir("d"), file("d/b", "2")]), "kind"),
            (tree(&[]), "nothing"),
        ] {
            assert_ne!(other.digest(), base.digest(), "{what}");
        }
    }

    #[test]
    fn what_is_left_out_counts_as_if_it_had_never_been() {
        let before = tree(&[file("a", "1"), dir("a-b"), file("a-b/x", "2")]);
        let after = tree(&[
            file("a", "1"),
            dir("a-b"),
            file("a-b/x", "2"),
            file("a-b/own", "3"),
            dir("new"),
            dir("new/deep"),
            file("new/deep/own", "4"),
            dir("own"),
            file("own/x", "5"),
        ]);
        let own: [&[u8]; 3] = [b"a-b/own", b"new/deep/own", b"own"];
        assert_eq!(after.digest_without(&own), before.digest_without(&own));
        assert_eq!(after.digest_without(&own), before.digest());
        // A directory that was there before with nothing else in it.
        let hollow = tree(&[file("a", "1"), dir("a-b"), file("a-b/x", "2"), dir("new")]);
        assert_eq!(hollow.digest_without(&own), before.digest_without(&own));
        let other =
            tree(&[file("a", "1"), dir("a-b"), file("a-b/x", "2"), dir("new"), file("new/theirs", "")]);
        assert_ne!(other.digest_without(&own), before.digest_without(&own));
        assert_eq!(after.digest_without(&[]), after.digest());
    }

    #[test]
    fn entries_are_found_by_their_path() {
        let inner = tree(&[file("b", "2")]);
        let tree = tree(&[file("b", "1"), file("a/b", "2"), dir("a")]);
        assert_eq!(tree.content(b"b"), Some(Digest::of(b"1")));
        assert_eq!(tree.content(b"a"), Some(inner.digest()), "as if it were looked at by itself");
        assert_eq!(tree.content(b"c"), None);
        assert_eq!(tree.find(b"a/b"), Some(&tree.entries[1]));
        assert_eq!(tree.find(b"a/"), None);
    }
}
