//! The form in which a directory is kept: one line for each thing in it, sorted by path.
//!
//! ```text
//! d  sub
//! f- 1d2e... 120 sub/data.tsv
//! fx 77aa... 3k  sub/run.sh
//! p- 9c01... 12  sub/key
//! dp             sub/mine
//! l  data.tsv    sub/latest
//! ```
//!
//! `x` is a program, `p` what nobody but its owner may read. A line of another kind was written by a newer version, which tells
//! that it is no damage: the words of such a line that are digests are objects.
//!
//! Invariant of what is read: every path lies below the directory, each thing comes after the directory that holds it,
//! and no link leads out.

use super::link::Rights;
use crate::base::digest::Digest;
use crate::base::percent;
use std::fmt::Write as _;

/// Something in a directory. Paths and texts of links are bytes, `/` between the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Directory { path: Vec<u8>, private: bool },
    File { path: Vec<u8>, digest: Digest, size: u64, rights: Rights },
    Link { path: Vec<u8>, to: Vec<u8> },
}

impl Item {
    pub(super) fn path(&self) -> &[u8] {
        match self {
            Item::Directory { path, .. } | Item::File { path, .. } | Item::Link { path, .. } => path,
        }
    }
}

const ANY_HEAD: &str = "rulemake directory ";
const HEAD: &str = "rulemake directory 1";

/// What is larger was not written by us.
pub(super) const MOST: u64 = 256 << 20;

pub(super) fn to_bytes(items: &[Item]) -> Vec<u8> {
    let mut text = format!("{HEAD}\n");
    for item in items {
        let _ = match item {
            Item::Directory { path, private } => {
                writeln!(text, "{} {}", if *private { "dp" } else { "d" }, escaped(path))
            }
            Item::File { path, digest, size, rights } => {
                let kind = if rights.private { 'p' } else { 'f' };
                let program = if rights.executable { 'x' } else { '-' };
                writeln!(text, "{kind}{program} {digest} {size} {}", escaped(path))
            }
            Item::Link { path, to } => writeln!(text, "l {} {}", escaped(to), escaped(path)),
        };
    }
    text.into_bytes()
}

/// `None` for bytes that are no manifest, or one that would reach out of its directory.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<Vec<Item>> {
    let mut lines = lines(bytes)?;
    if lines.next()? != HEAD {
        return None;
    }
    let items: Vec<Item> = lines.map(item).collect::<Option<_>>()?;
    is_sound(&items).then_some(items)
}

/// Whether something stands in a manifest that this version does not know.
pub(super) fn is_newer(bytes: &[u8]) -> bool {
    let Some(mut lines) = lines(bytes) else { return false };
    let is_known = |line: &str| {
        let kind = line.split(' ').next().unwrap_or_default();
        matches!(kind, "d" | "dp" | "f-" | "fx" | "p-" | "px" | "l")
    };
    lines.next().is_some_and(|head| head.starts_with(ANY_HEAD) && head != HEAD || !lines.all(is_known))
}

/// The objects that a manifest names, also one of a newer version; `None` for bytes that are none.
pub(super) fn objects(bytes: &[u8]) -> Option<Vec<Digest>> {
    match from_bytes(bytes) {
        Some(items) => {
            let object = |item| match item {
                Item::File { digest, .. } => Some(digest),
                Item::Directory { .. } | Item::Link { .. } => None,
            };
            Some(items.into_iter().filter_map(object).collect())
        }
        None if is_newer(bytes) => {
            Some(lines(bytes)?.flat_map(|line| line.split(' ')).filter_map(Digest::parse).collect())
        }
        None => None,
    }
}

fn lines(bytes: &[u8]) -> Option<std::str::Split<'_, char>> {
    Some(std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split('\n'))
        .filter(|lines| lines.clone().next().is_some_and(|head| head.starts_with(ANY_HEAD)))
}

fn item(line: &str) -> Option<Item> {
    let words: Vec<&str> = line.split(' ').collect();
    Some(match words[..] {
        [kind @ ("d" | "dp"), path] => Item::Directory { path: percent::plain(path)?, private: kind == "dp" },
        [kind @ ("fx" | "f-" | "px" | "p-"), digest, size, path] => Item::File {
            path: percent::plain(path)?,
            digest: Digest::parse(digest)?,
            size: size.parse().ok()?,
            rights: Rights { executable: kind.ends_with('x'), private: kind.starts_with('p') },
        },
        ["l", to, path] => Item::Link { path: percent::plain(path)?, to: percent::plain(to)? },
        _ => return None,
    })
}

fn is_sound(items: &[Item]) -> bool {
    let mut directories: rustc_hash::FxHashSet<&[u8]> = rustc_hash::FxHashSet::default();
    let mut last: &[u8] = &[];
    items.iter().all(|item| {
        let path = item.path();
        let parts_are_names = path
            .split(|byte| *byte == b'/')
            .all(|part| !matches!(part, b"" | b"." | b"..") && !part.contains(&0));
        let parent = path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at));
        let has_parent = parent.is_none_or(|parent| directories.contains(parent));
        let is_next = last < path;
        last = path;
        if let Item::Directory { path, .. } = item {
            directories.insert(path);
        }
        let stays = match item {
            Item::Link { path, to } => stays_inside(path, to),
            _ => true,
        };
        parts_are_names && has_parent && is_next && stays
    })
}

/// Whether a link at `path` with the text `to` leads to something below the directory, as far as names tell.
pub(super) fn stays_inside(path: &[u8], to: &[u8]) -> bool {
    let mut depth = path.iter().filter(|byte| **byte == b'/').count();
    if to.is_empty() || to.starts_with(b"/") || to.contains(&0) {
        return false;
    }
    for part in to.split(|byte| *byte == b'/') {
        match part {
            b".." if depth == 0 => return false,
            b".." => depth -= 1,
            b"" | b"." => {}
            _ => depth += 1,
        }
    }
    true
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'!'..=b'~' if *byte != b'%' => text.push(char::from(*byte)),
            _ => percent::escape(&[*byte], &mut text),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Item> {
        let file = |path: &[u8], executable| Item::File {
            path: path.to_vec(),
            digest: Digest::of(path),
            size: 3,
            rights: Rights { executable, private: path == b"sub/run" },
        };
        vec![
            file(b"a b\n%\xff", false),
            Item::Directory { path: b"sub".to_vec(), private: false },
            Item::Link { path: b"sub/link".to_vec(), to: b"../a".to_vec() },
            Item::Directory { path: b"sub/own".to_vec(), private: true },
            file(b"sub/run", true),
        ]
    }

    #[test]
    fn any_name_comes_back_as_it_was() {
        assert_eq!(from_bytes(&to_bytes(&sample())).unwrap(), sample());
        assert_eq!(from_bytes(&to_bytes(&[])).unwrap(), []);
    }

    /// The promise against an entry that somebody made up: nothing is written outside of the directory.
    #[test]
    fn what_would_reach_out_of_the_directory_is_no_manifest() {
        let one = |item: Item| from_bytes(&to_bytes(&[item]));
        let link = |path: &str, to: &str| Item::Link { path: path.into(), to: to.into() };
        for path in ["../x", "/x", "a/../../x", "./x", "a//b", "a/b"] {
            assert_eq!(one(Item::Directory { path: path.into(), private: false }), None, "{path}");
        }
        for to in ["/etc", "..", "../x", "a/../../x", ""] {
            assert_eq!(one(link("l", to)), None, "{to}");
        }
        assert!(one(link("l", "a/../b")).is_some());
        // What lies below a link would go where the link leads.
        let below = Item::Directory { path: b"a/x".to_vec(), private: false };
        assert_eq!(from_bytes(&to_bytes(&[link("a", "b"), below])), None);
        let twice = [link("a", "b"), link("a", "c")];
        assert_eq!(from_bytes(&to_bytes(&twice)), None);
    }

    /// What a newer version writes is nothing to be repaired, and the objects it needs stay.
    #[test]
    fn what_is_newer_is_told_from_what_is_no_manifest() {
        let (here, there) = (Digest::of(b"here"), Digest::of(b"there"));
        let text = |line: String| format!("rulemake directory 1\nf- {here} 3 a\n{line}\n").into_bytes();
        let newer = text(format!("fz {there} 4 x z"));
        assert!(from_bytes(&newer).is_none() && is_newer(&newer));
        assert_eq!(objects(&newer).unwrap(), [here, there]);
        let next = b"rulemake directory 2\nanything\n";
        assert!(is_newer(next) && objects(next).unwrap().is_empty());
        for bad in [text("f- nothing".into()), text("d ../x".into()), b"rulemake\nfz\n".to_vec(), Vec::new()]
        {
            assert!(from_bytes(&bad).is_none() && !is_newer(&bad) && objects(&bad).is_none());
        }
        assert!(!is_newer(&to_bytes(&sample())));
        assert_eq!(objects(&to_bytes(&sample())).unwrap().len(), 2);
    }

    #[test]
    fn bytes_that_were_cut_or_changed_do_not_panic() {
        let bytes = to_bytes(&sample());
        for at in 0..bytes.len() {
            let _ = from_bytes(&bytes[..at]);
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let _ = from_bytes(&changed);
        }
    }
}
