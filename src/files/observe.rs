//! What is known about each path in this run. Knows the store only as a [`HashCache`]. Invariants: a path is looked at
//! once until it is forgotten; no lock is held while the file system is asked.

use super::hash::{Content, FileHasher};
use super::stat::Root;
use super::tree;
use crate::base::digest::Digest;
use crate::base::path::PathId;
use crate::error::Result;
use crate::trace::identity::{FileHash, FileKind, Known, StatSig};
use crate::trace::tree::Tree;
use rustc_hash::FxHashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::{fs, io};

/// What earlier runs knew.
pub(crate) trait HashCache: Sync {
    fn file_hash(&self, path: PathId) -> Option<FileHash>;

    fn tree(&self, path: PathId) -> Option<Tree>;
}

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    Missing,
    /// What is in it is told by [`Observer::tree`].
    Directory,
    Special,
    File(Digest),
}

/// Looks at files, each once. Shared by threads; two that look at the same path at once both do the work and come to
/// the same answer.
pub(crate) struct Observer {
    root: Root,
    hasher: FileHasher,
    shards: Box<[Mutex<Shard>]>,
    /// The last known content of directories; current only while the memo says so.
    trees: Mutex<FxHashMap<PathId, Arc<Tree>>>,
    refreshed: Mutex<Vec<(PathId, Known)>>,
    /// Where a probe found nothing. Apart from the memos, for a job may make it by the time somebody looks.
    absent: Mutex<Vec<PathId>>,
    /// Whether signatures of files that nobody has read yet still hold: until the first job starts.
    probes_hold: AtomicBool,
    /// Directories of new outputs, as they were when these were looked for first.
    places: RwLock<FxHashMap<Box<str>, Place>>,
}

/// What was found of a directory in which new outputs are looked for.
#[derive(Clone, Debug)]
enum Place {
    Missing,
    /// One output was looked for in it; only for several it pays to list it.
    There,
    /// Nothing else was in it.
    Holds(Arc<[OsString]>),
    /// More than is worth remembering, or what cannot be listed.
    Full,
}

/// Of a directory that holds more, each output is looked for.
const FEW: usize = 64;

#[derive(Clone, Copy, Default)]
enum Memo {
    #[default]
    Unknown,
    Missing,
    Stat(StatSig),
    Hashed(FileHash),
    /// A directory whose content is in `trees`.
    Tree(StatSig),
}

/// Ids are dense, so neighbours fall into different shards and each shard is an array.
const SHARDS: usize = 64;

/// Memos by the number of a path in its shard. A memo takes a hundred bytes, and of most files of a plan from nothing
/// there is none to remember but that they are missing: these take four.
#[derive(Default)]
struct Shard {
    /// [`UNKNOWN`], [`MISSING`], or the place of its memo and [`FIRST`].
    places: Vec<u32>,
    memos: Vec<Memo>,
}

const UNKNOWN: u32 = 0;
const MISSING: u32 = 1;
const FIRST: u32 = 2;

impl Shard {
    fn get(&self, index: usize) -> Memo {
        match self.places.get(index).copied().unwrap_or(UNKNOWN) {
            UNKNOWN => Memo::Unknown,
            MISSING => Memo::Missing,
            place => self.memos.get((place - FIRST) as usize).copied().unwrap_or_default(),
        }
    }

    fn set(&mut self, index: usize, memo: Memo) {
        if self.places.len() <= index {
            self.places.resize(index + 1, UNKNOWN);
        }
        let place = &mut self.places[index];
        match (*place, memo) {
            (UNKNOWN | MISSING, Memo::Unknown) => *place = UNKNOWN,
            (UNKNOWN | MISSING, Memo::Missing) => *place = MISSING,
            (UNKNOWN | MISSING, memo) => {
                *place = self.memos.len() as u32 + FIRST;
                self.memos.push(memo);
            }
            (place, memo) => self.memos[(place - FIRST) as usize] = memo,
        }
    }
}

impl Observer {
    /// `probe_dir` is the state directory of a run; `None` for a plan, which must write nothing: then what is hashed
    /// counts as unsettled.
    pub(crate) fn new(root: PathBuf, probe_dir: Option<PathBuf>) -> Observer {
        Observer {
            root: Root::new(root),
            hasher: FileHasher::new(probe_dir.as_deref()),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            trees: Mutex::default(),
            refreshed: Mutex::default(),
            absent: Mutex::default(),
            probes_hold: AtomicBool::new(true),
            places: RwLock::default(),
        }
    }

    /// Whether something is at `path`. What is there is remembered for the first [`Observer::look`], so that a run in
    /// which nothing is to do looks at each source once. What is known already stays: of a file that the next run puts back
    /// a plan knows what it will be, not what it is.
    ///
    /// # Errors
    /// When the file system does not say.
    pub(crate) fn probe(&self, id: PathId, path: &str) -> Result<bool> {
        match self.memo(id) {
            Memo::Unknown => {}
            known => return Ok(known.signature().is_some()),
        }
        let sig = self.restat(path)?;
        match sig {
            Some(sig) => self.set(id, Memo::Stat(sig)),
            None => lock(&self.absent).push(id),
        }
        Ok(sig.is_some())
    }

    /// From now on jobs run, and take their time: a file is looked at when its reader is checked.
    pub(crate) fn distrust_probes(&self) {
        self.probes_hold.store(false, Ordering::Relaxed);
    }

    /// The content of `path`: from memory; from `cache` when its signature is the same and settled; else by reading
    /// the file. See [`FileHasher::content`] for the thread to call this from.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn look(&self, id: PathId, path: &str, cache: &dyn HashCache) -> Result<Seen> {
        let memo = self.memo(id);
        if let Some(seen) = memo.seen() {
            return Ok(seen);
        }
        let sig = match memo {
            Memo::Stat(sig) if self.probes_hold.load(Ordering::Relaxed) => Some(sig),
            _ => self.restat(path)?,
        };
        let cached = cache.file_hash(id);
        let memo = match sig {
            None => Memo::Missing,
            Some(sig) if sig.kind != FileKind::File => Memo::Stat(sig),
            Some(sig) => match cached.filter(|known| known.settled && known.sig == sig) {
                Some(known) => Memo::Hashed(known),
                None => Memo::of(self.hasher.content(&self.root.join(path))?),
            },
        };
        self.set(id, memo);
        if let Memo::Hashed(hash) = memo
            && cached != Some(hash)
        {
            lock(&self.refreshed).push((id, Known::File(hash)));
        }
        Ok(memo.seen().unwrap_or(Seen::Missing))
    }

    /// As [`Observer::look`], of an output that no run has made yet. Nothing was there when its directory was not, or held
    /// a few other files and no more: what is in it by now came with the jobs of this run, and whoever is about to make the
    /// output looks again. To look for each would cost what its job costs when that is short, and hold up those who make
    /// files in the same directory.
    ///
    /// # Errors
    /// As [`Observer::look`].
    pub(crate) fn look_new(&self, id: PathId, path: &str, cache: &dyn HashCache) -> Result<Seen> {
        match self.is_new(id, path)? {
            true => Ok(Seen::Missing),
            false => self.look(id, path, cache),
        }
    }

    /// As [`Observer::stat`], of an output that no run has made yet, see [`Observer::look_new`].
    ///
    /// # Errors
    /// As [`Observer::stat`].
    pub(crate) fn stat_new(&self, id: PathId, path: &str) -> Result<Option<StatSig>> {
        if self.is_new(id, path)? { Ok(None) } else { self.stat(id, path) }
    }

    fn is_new(&self, id: PathId, path: &str) -> Result<bool> {
        let is_new = matches!(self.memo(id), Memo::Unknown) && self.is_in_vacant(path)?;
        if is_new {
            self.set(id, Memo::Missing);
        }
        Ok(is_new)
    }

    /// Whether some directory above `path` was missing when this was asked first, or held nothing of the name.
    fn is_in_vacant(&self, path: &str) -> Result<bool> {
        let Some((directory, name)) = path.rsplit_once('/').filter(|(directory, _)| !directory.is_empty())
        else {
            return Ok(false);
        };
        // Once the last one is known, those above it are there.
        let last = match self.place(directory) {
            Some(place) => place,
            None => {
                let above = directory.char_indices().filter(|&(at, c)| c == '/' && at > 0);
                for upper in above.filter_map(|(at, _)| directory.get(..at)) {
                    let place = self.place(upper).map_or_else(|| self.visit(upper), Ok)?;
                    if matches!(place, Place::Missing) {
                        return Ok(true);
                    }
                }
                return Ok(matches!(self.visit(directory)?, Place::Missing));
            }
        };
        Ok(match last {
            Place::Missing => true,
            Place::Full => false,
            Place::Holds(names) => !names.iter().any(|held| held == name),
            Place::There => match self.list(directory) {
                Place::Holds(names) => !names.iter().any(|held| held == name),
                _ => false,
            },
        })
    }

    fn place(&self, directory: &str) -> Option<Place> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).get(directory).cloned()
    }

    /// Looks at a directory for the first time.
    fn visit(&self, directory: &str) -> Result<Place> {
        let place = if self.restat(directory)?.is_none() { Place::Missing } else { Place::There };
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        Ok(places.entry(directory.into()).or_insert(place).clone())
    }

    /// Lists a directory that is there, unless somebody has.
    fn list(&self, directory: &str) -> Place {
        let names: Option<Vec<OsString>> = fs::read_dir(self.root.join(directory)).ok().and_then(|entries| {
            let first = entries.take(FEW + 1).map(|entry| entry.map(|entry| entry.file_name()));
            first.collect::<io::Result<_>>().ok()
        });
        let place = match names {
            Some(names) if names.len() <= FEW => Place::Holds(names.into()),
            _ => Place::Full,
        };
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let known = places.entry(directory.into()).or_insert(Place::There);
        if matches!(known, Place::There) {
            *known = place;
        }
        known.clone()
    }

    /// All that the directory at `path` holds: from memory; else by looking at everything in it, and reading what does
    /// not look as in `cache`. `None`: no directory is there. See [`FileHasher::content`] for the thread to call
    /// this from.
    ///
    /// # Errors
    /// When something in it cannot be read, is no file, directory or link, or keeps changing.
    pub(crate) fn tree(&self, id: PathId, path: &str, cache: &dyn HashCache) -> Result<Option<Arc<Tree>>> {
        let last = lock(&self.trees).get(&id).cloned();
        if let (Memo::Tree(_), Some(tree)) = (self.memo(id), &last) {
            return Ok(Some(tree.clone()));
        }
        let last = last.or_else(|| cache.tree(id).map(Arc::new));
        let Some((sig, tree)) = tree::read(self.root.path(), path, last.as_deref(), &self.hasher)? else {
            self.forget(id);
            return Ok(None);
        };
        let tree = Arc::new(tree);
        let known = Known::Tree { sig, tree: tree.clone() };
        self.publish(id, &known);
        if last.as_ref() != Some(&tree) {
            lock(&self.refreshed).push((id, known));
        }
        Ok(Some(tree))
    }

    /// The signature of `path`, asked for once. `None`: missing.
    ///
    /// # Errors
    /// When the file system does not say.
    pub(crate) fn stat(&self, id: PathId, path: &str) -> Result<Option<StatSig>> {
        match self.memo(id) {
            Memo::Unknown => {}
            known => return Ok(known.signature()),
        }
        let sig = self.restat(path)?;
        self.set(id, sig.map_or(Memo::Missing, Memo::Stat));
        Ok(sig)
    }

    /// The signature of `path` now, whatever is remembered; nothing is remembered of it. For inputs that may change
    /// while a job runs.
    ///
    /// # Errors
    /// When the file system does not say.
    pub(crate) fn restat(&self, path: &str) -> Result<Option<StatSig>> {
        Ok(self.root.stat(path)?.map(|stat| stat.sig))
    }

    /// The last known content of a directory, whether or not it is still there. Asks nobody.
    pub(crate) fn last_tree(&self, id: PathId) -> Option<Arc<Tree>> {
        lock(&self.trees).get(&id).cloned()
    }

    /// Whether the directory at `path` holds now what was last known of it, whatever is remembered of it; nothing more is
    /// remembered.
    ///
    /// # Errors
    /// As [`Observer::tree`].
    pub(crate) fn is_same_tree(&self, id: PathId, path: &str) -> Result<bool> {
        let Some(last) = self.last_tree(id) else { return Ok(false) };
        let now = tree::read(self.root.path(), path, Some(&last), &self.hasher)?;
        Ok(now.is_some_and(|(_, now)| now.digest() == last.digest()))
    }

    /// Takes over what a job made. Recording it is the caller's.
    pub(crate) fn publish(&self, id: PathId, known: &Known) {
        match known {
            Known::File(hash) => self.set(id, Memo::Hashed(*hash)),
            Known::Tree { sig, tree } => {
                lock(&self.trees).insert(id, tree.clone());
                self.set(id, Memo::Tree(*sig));
            }
        }
    }

    /// Drops what is remembered of a path: the next look asks the file system.
    pub(crate) fn forget(&self, id: PathId) {
        self.set(id, Memo::Unknown);
    }

    /// Takes note that a file is about to be removed: the next look does not ask the file system.
    pub(crate) fn set_missing(&self, id: PathId) {
        self.set(id, Memo::Missing);
    }

    /// The remembered content. Asks nobody.
    pub(crate) fn remembered(&self, id: PathId) -> Option<Digest> {
        match self.memo(id) {
            Memo::Hashed(hash) => Some(hash.digest),
            Memo::Tree(_) => lock(&self.trees).get(&id).map(|tree| tree.digest()),
            Memo::Unknown | Memo::Missing | Memo::Stat(_) => None,
        }
    }

    /// The remembered signature. Asks nobody.
    pub(crate) fn signature(&self, id: PathId) -> Option<StatSig> {
        self.memo(id).signature()
    }

    /// What was found out by reading since the last call and still holds, by id: worth recording.
    pub(crate) fn take_refreshed(&self) -> Vec<(PathId, Known)> {
        let mut found = std::mem::take(&mut *lock(&self.refreshed));
        // Of two readings of one path the later one stays: reversed, it comes first and is the one kept.
        found.reverse();
        found.sort_by_key(|(id, _)| *id);
        found.dedup_by_key(|(id, _)| *id);
        // An old output that was looked at may have been made anew since, and is on record by then.
        found.retain(|(id, known)| self.holds(*id, known));
        found
    }

    /// All that was looked at, and what was there; `None` when something of it may change without looking otherwise, or
    /// is a directory whose content was looked at.
    pub(crate) fn looked(&self) -> Option<Vec<(PathId, Option<StatSig>)>> {
        let absent = std::mem::take(&mut *lock(&self.absent));
        let absent = absent.into_iter().filter(|id| matches!(self.memo(*id), Memo::Unknown));
        let mut looked: Vec<(PathId, Option<StatSig>)> = absent.map(|id| (id, None)).collect();
        for (number, shard) in self.shards.iter().enumerate() {
            let shard = lock(shard);
            for index in 0..shard.places.len() {
                let sig = match shard.get(index) {
                    Memo::Unknown => continue,
                    Memo::Missing => None,
                    Memo::Stat(sig) => Some(sig),
                    Memo::Hashed(hash) if hash.settled => Some(hash.sig),
                    Memo::Hashed(_) | Memo::Tree(_) => return None,
                };
                looked.push((PathId((index * SHARDS + number) as u32), sig));
            }
        }
        Some(looked)
    }

    fn holds(&self, id: PathId, known: &Known) -> bool {
        match (self.memo(id), known) {
            (Memo::Hashed(now), Known::File(then)) => now == *then,
            (Memo::Tree(_), Known::Tree { tree, .. }) => lock(&self.trees).get(&id) == Some(tree),
            _ => false,
        }
    }

    /// The hasher, for outputs.
    pub(crate) fn hasher(&self) -> &FileHasher {
        &self.hasher
    }

    fn memo(&self, id: PathId) -> Memo {
        lock(&self.shards[id.index() % SHARDS]).get(id.index() / SHARDS)
    }

    fn set(&self, id: PathId, memo: Memo) {
        lock(&self.shards[id.index() % SHARDS]).set(id.index() / SHARDS, memo);
    }
}

impl Memo {
    fn of(content: Content) -> Memo {
        match content {
            Content::Missing => Memo::Missing,
            Content::Directory(sig) | Content::Special(sig) => Memo::Stat(sig),
            Content::File(hash) => Memo::Hashed(hash),
        }
    }

    /// The answer, if it is remembered.
    fn seen(self) -> Option<Seen> {
        match self {
            Memo::Missing => Some(Seen::Missing),
            Memo::Hashed(hash) => Some(Seen::File(hash.digest)),
            Memo::Tree(_) => Some(Seen::Directory),
            Memo::Stat(sig) if sig.is_directory() => Some(Seen::Directory),
            Memo::Stat(sig) if sig.kind == FileKind::Special => Some(Seen::Special),
            Memo::Stat(_) | Memo::Unknown => None,
        }
    }

    fn signature(self) -> Option<StatSig> {
        match self {
            Memo::Stat(sig) | Memo::Tree(sig) | Memo::Hashed(FileHash { sig, .. }) => Some(sig),
            Memo::Unknown | Memo::Missing => None,
        }
    }
}

/// What the locks guard is whole after every step, so a thread that panicked elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
