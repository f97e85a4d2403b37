//! What is to be looked after, and what it looks like: by the content of files where they are small, else by what the system
//! says of them. A look is compared with the one before, so a change is seen however it came about.

use crate::project::lexical;
use rulemake::inspect::Watched;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Of a larger file the content is not read for a look.
const SMALL: u64 = 1 << 20;
/// So much is read in one look at most.
const READ_AT_ONCE: u64 = 64 << 20;
/// Entries of directories that are looked at in one look.
const ENTRIES: usize = 50_000;
/// A file that changed so lately may change again and keep its time.
const RACY: Duration = Duration::from_millis(100);
/// Directories whose entries are heard of; of others a change is seen a little later.
const HEARD: usize = 4096;
const LINKS: usize = 40;

/// What is to be looked after.
#[derive(Clone, Default)]
pub(super) struct Wanted {
    /// Absolute.
    pub(super) files: BTreeSet<PathBuf>,
    watched: Watched,
    /// While nothing can be planned nobody knows what is needed: everything below this is.
    everything: Option<PathBuf>,
    root: Option<PathBuf>,
    outputs: FxHashSet<PathBuf>,
    /// What the commands read themselves.
    own: BTreeSet<PathBuf>,
    /// Whether it is what the plan of the last run needs.
    is_planned: bool,
}

impl Wanted {
    /// `own` are files besides those that are watched for the plan.
    pub(super) fn new(watched: Watched, own: BTreeSet<PathBuf>) -> Wanted {
        let full = |path: &String| lexical(&watched.root().join(path));
        let files = watched.files.iter().map(full).chain(own.iter().cloned()).collect();
        let outputs = watched.outputs.iter().map(full).collect();
        let root = Some(watched.root().to_path_buf());
        Wanted { files, outputs, root, watched, own, everything: None, is_planned: true }
    }

    /// The same, and these files.
    pub(super) fn with(&self, own: &BTreeSet<PathBuf>, root: &Path) -> Wanted {
        let files = self.files.union(own).cloned().collect();
        Wanted { files, root: Some(root.to_path_buf()), is_planned: false, ..self.clone() }
    }

    /// Whether these files are among it.
    pub(super) fn has(&self, own: &BTreeSet<PathBuf>, root: &Path) -> bool {
        self.root() == root && own.is_subset(&self.files)
    }

    pub(super) fn is_planned_no_more(&mut self) {
        self.is_planned = false;
    }

    /// All that is in the project.
    pub(super) fn with_everything(&self) -> Wanted {
        Wanted { everything: self.root.clone(), is_planned: false, ..self.clone() }
    }

    /// Whether with these changes, as the user calls them, it is still all that is to be looked after, also when the run has
    /// ended that they are reason for.
    pub(super) fn stays(&self, changed: &BTreeSet<String>, seen: &Look) -> bool {
        self.is_planned
            && changed.iter().all(|path| {
                let full = lexical(&self.root().join(path));
                self.watched.is_only_content(path)
                    && !self.own.contains(&full)
                    && matches!(seen.files.get(&full), Some(Fact::File { .. }))
            })
    }

    fn root(&self) -> &Path {
        self.root.as_deref().unwrap_or(Path::new(""))
    }

    fn is_made(&self, path: &Path) -> bool {
        path.ancestors().any(|above| self.outputs.contains(above))
    }

    /// Directories that are there, whose entries say when something of this changes: those of the files and the directories
    /// above them, as far as they are the project's, also those that links lead to. What is a link or a directory was seen in `look`.
    pub(super) fn directories(&self, look: &Look) -> BTreeSet<PathBuf> {
        let mut around = Around { root: self.root(), found: BTreeSet::new(), seen: FxHashSet::default() };
        for parent in self.files.iter().filter_map(|file| file.parent()) {
            around.directory(parent, 0);
        }
        for link in look.links.iter().filter(|link| self.files.contains(*link)) {
            around.entry(link, 0);
        }
        let root = self.root();
        for directory in &self.watched.directories {
            around.directory(&lexical(&root.join(directory)), 0);
        }
        let is_directory = |path: &&PathBuf| matches!(look.files.get(*path), Some(Fact::Directory));
        let inputs = self.files.iter().filter(is_directory).cloned();
        let trees = self.watched.trees.iter().map(|tree| lexical(&root.join(tree)));
        for tree in trees.chain(inputs).chain(self.everything.clone()) {
            around.directory(&tree, 0);
            let mut below = vec![tree];
            while let Some(directory) = below.pop().filter(|_| around.found.len() < HEARD) {
                for (path, kind) in entries(&directory) {
                    if kind.is_dir() && !self.is_made(&path) && !is_of_tools(&path) {
                        around.found.insert(path.clone());
                        below.push(path);
                    }
                }
            }
        }
        around.found
    }

    /// Looks at all of it. Of what looks as it did in `before` no content is read.
    pub(super) fn look(&self, before: &Look) -> Look {
        let mut eye = Eye { before, now: now(), look: Look::default(), left: READ_AT_ONCE };
        let mut below = Vec::new();
        for file in &self.files {
            if eye.take(file) {
                below.push(file.clone());
            }
        }
        below.extend(self.everything.clone());
        let mut first = 0;
        // The nearest first, for there may be more than can be looked at.
        while let Some(directory) = below.get(first).cloned() {
            first += 1;
            for (path, _) in entries(&directory) {
                if self.is_made(&path) || is_of_tools(&path) || eye.look.files.len() > ENTRIES {
                    continue;
                }
                let is_link = path.is_symlink();
                if eye.take(&path) && !is_link {
                    below.push(path);
                }
            }
        }
        eye.look.found = self.watched.found_now();
        eye.look
    }

    /// Looks at those of these paths that are files it is about, and takes into `seen` how they look; what changed. One that comes
    /// or goes is left to the whole look: what its name is found by changed, too, and would be told as another change.
    pub(super) fn glance(&self, paths: &BTreeSet<PathBuf>, seen: &mut Look) -> Vec<String> {
        let mut eye = Eye { before: seen, now: now(), look: Look::default(), left: READ_AT_ONCE };
        for path in paths.iter().filter(|path| self.files.contains(*path)) {
            eye.take(path);
        }
        let is_other =
            |(path, fact): &(&PathBuf, &Fact)| seen.files.get(*path).is_some_and(|old| !old.is_same(fact));
        let is_there = |fact: Option<&Fact>| !matches!(fact, None | Some(Fact::Absent));
        let mut found = eye.look.files;
        found.retain(|path, fact| is_there(Some(fact)) == is_there(seen.files.get(path)));
        let changed = found.iter().filter(is_other).map(|(path, _)| shown(path, self.root())).collect();
        seen.files.extend(found);
        changed
    }

    /// What changed between two looks: as the user calls it, each once. The second is what is only looked at while anything
    /// may be what mends a mistake.
    pub(super) fn changes(&self, before: &Look, after: &Look) -> (BTreeSet<String>, BTreeSet<String>) {
        let mut changed = BTreeSet::new();
        for (path, fact) in &after.files {
            if before.files.get(path).is_some_and(|old| !old.is_same(fact)) {
                changed.insert(path.clone());
            }
        }
        // What was below a directory, or is now.
        let other = |a: &Look, b: &Look| {
            let only = a
                .files
                .iter()
                .filter(|(path, _)| !b.files.contains_key(*path) && !self.files.contains(*path));
            only.map(|(path, _)| path.clone()).collect::<Vec<_>>()
        };
        changed.extend(other(before, after));
        changed.extend(other(after, before));
        let root = self.root();
        let is_wanted = |path: &PathBuf| path.ancestors().any(|above| self.files.contains(above));
        let (mut changed, beside): (BTreeSet<PathBuf>, BTreeSet<PathBuf>) =
            changed.into_iter().partition(is_wanted);
        let makes_below = |path: &Path| self.outputs.iter().any(|output| output.starts_with(path));
        let both = after.found.iter().filter_map(|(name, after)| Some((before.found.get(name)?, after)));
        for (path, _) in both.flat_map(|(before, after)| before.symmetric_difference(after)) {
            let path = lexical(&root.join(path));
            if !self.is_made(&path) && !makes_below(&path) {
                changed.insert(path);
            }
        }
        let named = |paths: BTreeSet<PathBuf>| paths.iter().map(|path| shown(path, root)).collect();
        (named(changed), named(beside))
    }

    pub(super) fn is_everything(&self) -> bool {
        self.everything.is_some()
    }

    /// `before` for another selection: what was looked at stays as it looked, what is new looks as it does `now`.
    pub(super) fn rebase(&self, before: Look, was: &Wanted, now: &Look) -> Look {
        let is_known = |path: &Path| before.files.contains_key(path) || was.is_below(path);
        let new = now.files.iter().filter(|(path, _)| !is_known(path));
        let new = new.map(|(path, fact)| (path.clone(), fact.clone())).collect::<Vec<_>>();
        let mut files = before.files;
        files.retain(|path, _| self.files.contains(path) || self.is_below(path));
        files.extend(new);
        let mut found = before.found;
        found.retain(|name, _| now.found.contains_key(name));
        for (name, paths) in &now.found {
            found.entry(name.clone()).or_insert_with(|| paths.clone());
        }
        Look { files, found, links: BTreeSet::new() }
    }

    /// What was not looked at before and was changed after `time`.
    pub(super) fn younger(&self, time: SystemTime, before: &Look, now: &Look) -> Vec<String> {
        let is_young = |fact: &Fact| matches!(fact, Fact::File { sign, .. } if sign.changed > time);
        let new = now.files.iter().filter(|(path, fact)| !before.files.contains_key(*path) && is_young(fact));
        new.map(|(path, _)| shown(path, self.root())).collect()
    }

    /// Whether it is looked at for the sake of a directory above it.
    fn is_below(&self, path: &Path) -> bool {
        let all = self.everything.as_ref().is_some_and(|top| path.starts_with(top));
        all || path.ancestors().skip(1).any(|above| self.files.contains(above))
    }
}

/// How everything looked at one time.
#[derive(Default)]
pub(super) struct Look {
    files: FxHashMap<PathBuf, Fact>,
    links: BTreeSet<PathBuf>,
    /// By what was looked for.
    found: BTreeMap<String, BTreeSet<(String, String)>>,
}

#[derive(Clone, Debug)]
enum Fact {
    Absent,
    Directory,
    File { sign: Sign, content: Option<blake3::Hash> },
}

/// What the system says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sign {
    length: u64,
    changed: SystemTime,
    /// Device, number, and when that what is told here changed.
    more: (u64, u64, i64, i64),
    is_regular: bool,
}

impl Fact {
    fn is_same(&self, other: &Fact) -> bool {
        match (self, other) {
            (Fact::Absent, Fact::Absent) | (Fact::Directory, Fact::Directory) => true,
            (Fact::File { sign: a, content: x }, Fact::File { sign: b, content: y }) => match (x, y) {
                (Some(x), Some(y)) => x == y,
                _ => a == b,
            },
            _ => false,
        }
    }
}

/// One look while it is made.
struct Eye<'a> {
    before: &'a Look,
    now: SystemTime,
    look: Look,
    left: u64,
}

impl Eye<'_> {
    /// Looks at `path`; whether it is a directory.
    fn take(&mut self, path: &Path) -> bool {
        let mut found = fs::symlink_metadata(path);
        if found.as_ref().is_ok_and(|meta| meta.is_symlink()) {
            self.look.links.insert(path.to_path_buf());
            found = fs::metadata(path);
        }
        let fact = match found {
            Err(_) => Fact::Absent,
            Ok(meta) if meta.is_dir() => Fact::Directory,
            Ok(meta) => self.file(path, &meta),
        };
        let is_directory = matches!(fact, Fact::Directory);
        self.look.files.insert(path.to_path_buf(), fact);
        is_directory
    }

    fn file(&mut self, path: &Path, meta: &Metadata) -> Fact {
        let sign = sign(meta);
        let is_settled = self.now.duration_since(sign.changed).is_ok_and(|age| age > RACY);
        match self.before.files.get(path) {
            Some(Fact::File { sign: old, content }) if *old == sign && (is_settled || content.is_none()) => {
                return Fact::File { sign, content: *content };
            }
            _ => {}
        }
        let is_read = sign.is_regular && sign.length <= SMALL.min(self.left);
        let content = if is_read { content(path) } else { None };
        self.left -= if is_read { sign.length } else { 0 };
        Fact::File { sign, content }
    }
}

fn content(path: &Path) -> Option<blake3::Hash> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(2 * SMALL).read_to_end(&mut bytes).ok()?;
    Some(blake3::hash(&bytes))
}

fn sign(meta: &Metadata) -> Sign {
    #[cfg(unix)]
    let more = {
        use std::os::unix::fs::MetadataExt;
        (meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec())
    };
    #[cfg(not(unix))]
    let more = (0, 0, 0, 0);
    let changed = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Sign { length: meta.len(), changed, more, is_regular: meta.is_file() }
}

pub(super) fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "held against the times of files, which are the system's")]
    SystemTime::now()
}

/// Directories around what is wanted, while they are collected.
struct Around<'a> {
    root: &'a Path,
    found: BTreeSet<PathBuf>,
    seen: FxHashSet<PathBuf>,
}

impl Around<'_> {
    /// The directory that `path` is an entry of, and where it leads to if it is a link.
    fn entry(&mut self, path: &Path, links: usize) {
        if let Some(parent) = path.parent() {
            self.directory(parent, links);
        }
        if links < LINKS
            && let Ok(target) = fs::read_link(path)
        {
            let target = path.parent().map_or(target.clone(), |parent| parent.join(&target));
            self.entry(&lexical(&target), links + 1);
        }
    }

    /// The directory, or the nearest that is there, and those in which it could be replaced.
    fn directory(&mut self, path: &Path, links: usize) {
        if !self.seen.insert(path.to_path_buf()) {
            return;
        }
        let is_there = path.is_dir();
        if is_there {
            self.found.insert(path.to_path_buf());
        }
        let is_inside = path != self.root && path.starts_with(self.root);
        if is_inside || !is_there || path.is_symlink() {
            self.entry(path, links);
        }
    }
}

fn entries(directory: &Path) -> Vec<(PathBuf, fs::FileType)> {
    let Ok(listing) = fs::read_dir(directory) else { return Vec::new() };
    listing.flatten().filter_map(|entry| Some((entry.path(), entry.file_type().ok()?))).collect()
}

/// What rulemake and git write for themselves.
pub(super) fn is_of_tools(path: &Path) -> bool {
    let own = |part| matches!(part, Component::Normal(name) if name == ".rulemake" || name == ".git");
    path.components().any(own)
}

fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
