//! The cache of a session: a directory of its own, and perhaps a place that is shared behind it.

use super::backend::CacheBackend;
use super::directory::CacheDirectory;
use super::entry::{self, Entry, Form, Kept};
use super::link::{self, CacheLink, Rights};
use super::manifest::Item;
use super::place::{Ground, Lost};
use super::traffic::CacheTraffic;
use super::waiting;
use crate::base::digest::Digest;
use crate::files::hash::FileHasher;
use crate::trace::identity::Known;
use rayon::prelude::*;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where a session keeps results and looks for them.
///
/// ```
/// use rulemake::cache::Cache;
/// use rulemake::{RunOptions, Session, Workflow};
/// # let dir = std::env::temp_dir().join(format!("rulemake-doc-room-{}", std::process::id()));
/// # let (root, results) = (dir.join("root"), dir.join("cache"));
/// # std::fs::create_dir_all(&root)?;
/// let text = "rule hello:\n    output: 'hello.txt'\n    shell: 'echo hello > {output}'\n";
/// let session = || {
///     let workflow = Workflow::parse("Rulefile", text)?;
///     Session::builder(workflow).root(&root).cache(Cache::new(&results)).open()
/// };
/// assert_eq!(session()?.run::<&str>(&[], &RunOptions::default())?.summary.ran, 1);
/// std::fs::remove_file(root.join("hello.txt"))?;
/// let summary = session()?.run::<&str>(&[], &RunOptions::default())?.summary;
/// assert_eq!((summary.ran, summary.restored), (0, 1));
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), rulemake::BoxError>(())
/// ```
pub struct Cache {
    directory: CacheDirectory,
    link: CacheLink,
    shared: Option<Shared>,
    notices: Mutex<Notices>,
    traffic: CacheTraffic,
    /// Nothing is kept any more: the directory does not take it.
    is_full: AtomicBool,
}

struct Shared {
    place: Arc<dyn CacheBackend>,
    writes: bool,
    /// Entries that it was asked for: only then it has to know where their objects are.
    asked: Digests,
    /// Entries that came from there, and are not in the directory before their objects are: an entry without these is a
    /// promise that is not held.
    arrived: Digests,
    /// Objects that entries there tell of, and that could not be had.
    lost: Digests,
    /// Objects that it was given in this session.
    given: Digests,
    /// Calls in a row that went wrong, of those that read and of those that write: who may not write may still read.
    failed: [AtomicU32; 2],
}

/// Digests that several threads take note of.
#[derive(Default)]
struct Digests(Mutex<rustc_hash::FxHashSet<Digest>>);

impl Digests {
    fn add(&self, digest: Digest) {
        self.all().insert(digest);
    }

    fn remove(&self, digest: &Digest) -> bool {
        self.all().remove(digest)
    }

    fn has(&self, digest: &Digest) -> bool {
        self.all().contains(digest)
    }

    fn all(&self) -> std::sync::MutexGuard<'_, rustc_hash::FxHashSet<Digest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Read,
    Write,
}

/// After so many calls in a row that went wrong a shared place is not asked again in this run.
const PATIENCE: u32 = 3;

#[derive(Default)]
struct Notices {
    due: Vec<String>,
    /// Beginnings of what was told, so that each thing is told once.
    told: rustc_hash::FxHashSet<&'static str>,
}

/// An execution that is to be kept.
pub(crate) struct NewResult<'a> {
    pub(crate) rule: &'a str,
    pub(crate) duration_ms: u64,
    pub(crate) outputs: Vec<(&'a str, Made<'a>)>,
    /// Logs and benchmarks by their numbers.
    pub(crate) beside: Vec<(u32, &'a str)>,
    pub(crate) log: Option<PathBuf>,
    /// Nobody executed it.
    pub(crate) accepted: bool,
}

/// An output that is to be kept.
pub(crate) enum Made<'a> {
    /// With its bytes.
    There(&'a mut Known),
    /// Its digest alone.
    Gone(Digest),
}

/// What became of a result that was put where others find it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sharing {
    Done,
    /// There is another one of the same, and it stays.
    Other,
    Failed,
}

impl Cache {
    /// The cache in this directory. It is made when the first result is kept.
    ///
    /// ```
    /// let cache = rulemake::cache::Cache::new("/var/cache/rulemake");
    /// assert_eq!(cache.directory().path(), std::path::Path::new("/var/cache/rulemake"));
    /// ```
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Cache {
        Cache {
            directory: CacheDirectory::new(directory),
            link: CacheLink::default(),
            shared: None,
            notices: Mutex::default(),
            traffic: CacheTraffic::default(),
            is_full: AtomicBool::new(false),
        }
    }

    /// Sets how files come out of the directory and into it.
    ///
    /// ```
    /// use rulemake::cache::{Cache, CacheLink};
    /// let cache = Cache::new("/var/cache/rulemake").link(CacheLink::Copy);
    /// ```
    #[must_use]
    pub fn link(mut self, link: CacheLink) -> Cache {
        self.link = link;
        self
    }

    /// Sets a place that is shared with others. What is not in the directory is looked for there and taken over; what is
    /// kept in the directory is put there, too, if `writes`.
    ///
    /// ```
    /// use rulemake::cache::{Cache, CacheDirectory};
    /// use std::sync::Arc;
    /// let cache = Cache::new("/var/cache/rulemake").shared(Arc::new(CacheDirectory::new("/team/results")), false);
    /// ```
    #[must_use]
    pub fn shared(mut self, place: Arc<dyn CacheBackend>, writes: bool) -> Cache {
        self.shared = Some(Shared {
            place,
            writes,
            asked: Digests::default(),
            arrived: Digests::default(),
            lost: Digests::default(),
            given: Digests::default(),
            failed: Default::default(),
        });
        self
    }

    /// Whether there is a shared place, whose answers take their time.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// What goes between it and the shared place; `None` when there is none.
    pub(crate) fn traffic(&self) -> Option<CacheTraffic> {
        self.shared.as_ref().map(|_| self.traffic.clone())
    }

    /// The directory.
    ///
    /// ```
    /// # use rulemake::cache::Cache;
    /// # let dir = std::env::temp_dir().join("no-such-cache");
    /// assert_eq!(Cache::new(&dir).directory().usage()?.results, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn directory(&self) -> &CacheDirectory {
        &self.directory
    }

    /// The session was stopped: what comes from the shared place is not waited for.
    pub(crate) fn stop(&self) {
        self.traffic.stop();
    }

    /// What the user should hear, since the last call.
    pub(crate) fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner).due)
    }

    fn tell(&self, kind: &'static str, message: impl FnOnce() -> String) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.told.insert(kind) {
            let message = message();
            notices.due.push(message);
        }
    }

    /// What is on record of an execution, as far as all can be had that `needs` names by number of output.
    pub(crate) fn find(&self, key: &Digest, needs: impl Fn(usize) -> bool) -> Option<Entry> {
        if let Some(entry) = self.find_here(key).filter(|entry| self.is_complete(entry, &needs)) {
            return Some(entry);
        }
        let entry = self.find_there(key).filter(|entry| self.has_all_forms(entry, &needs))?;
        match entry.kept().all(|kept| kept.object().is_none()) {
            true => self.take_over(key, &entry),
            false => drop(self.shared.as_ref().map(|shared| shared.arrived.add(*key))),
        }
        Some(entry)
    }

    /// What the shared place has under a key, which it knows from then on.
    fn find_there(&self, key: &Digest) -> Option<Entry> {
        let bytes = self.ask(Call::Read, |place| waiting::entry(place, key, &self.traffic))?;
        if let Some(shared) = &self.shared {
            shared.asked.add(*key);
        }
        let entry = Entry::from_bytes(&bytes?);
        if entry.is_none() {
            self.tell("bad entry", || {
                format!(
                    "the shared cache {} holds something that is no result; it is passed over",
                    self.shared_name()
                )
            });
        }
        entry
    }

    /// An entry of the shared place becomes one of the directory.
    fn take_over(&self, key: &Digest, entry: &Entry) {
        for content in entry.files().filter_map(|kept| kept.form.small()) {
            let _ = self.traffic.receiving(Some(content.len() as u64), |way| {
                way.to(&mut io::sink()).write_all(content).map(|()| true)
            });
        }
        let _ = self.directory.add_entry(key, &entry.to_bytes(), entry.is_private());
    }

    /// A result was put back: what was found under `key` is kept here from now on, and under `own`, the key of its execution,
    /// too, if nothing is kept there.
    pub(crate) fn settle(&self, key: &Digest, own: &Digest, entry: &Entry) {
        if self.shared.as_ref().is_some_and(|shared| shared.arrived.remove(key)) {
            self.take_over(key, entry);
        }
        // What somebody accepted is what a lock file names, and not what the rule makes.
        if key != own && !entry.accepted && self.directory.read_entry(own).is_ok_and(|bytes| bytes.is_none())
        {
            let own_entry = Entry { pinned: false, ..entry.clone() };
            let _ = self.directory.add_entry(own, &own_entry.to_bytes(), entry.is_private());
        }
    }

    fn find_here(&self, key: &Digest) -> Option<Entry> {
        let bytes = match self.directory.read_entry(key) {
            Ok(bytes) => bytes?,
            Err(error) => {
                self.tell("read", || {
                    format!("the cache {} cannot be read: {error}", self.directory.path().display())
                });
                return None;
            }
        };
        // What is none stays where it is: perhaps somebody is at writing it, and if not the next result takes its place.
        let entry = Entry::from_bytes(&bytes);
        match &entry {
            Some(_) => self.directory.note_use(key),
            None if self.directory.may_be_written_now(key, &bytes) => {}
            None => self.tell("damaged entry", || {
                format!(
                    "an entry of the cache {} is damaged and counts as if it were not there; the next result of the same takes \
                     its place, and `rulemake cache verify` tells of all",
                    self.directory.path().display()
                )
            }),
        }
        entry
    }

    fn has_all_forms(&self, entry: &Entry, needs: &impl Fn(usize) -> bool) -> bool {
        let is_needed = |(index, kept): (usize, &Kept)| !needs(index) || kept.form != Form::Gone;
        entry.outputs.iter().enumerate().all(is_needed)
    }

    /// Whether all that is needed is here, so far as that shows without reading what lies in directories.
    fn is_complete(&self, entry: &Entry, needs: &impl Fn(usize) -> bool) -> bool {
        let is_here = |kept: &Kept| match kept.object() {
            Some(object) => self.is_here(&object),
            None => kept.form != Form::Gone,
        };
        entry.outputs.iter().enumerate().all(|(index, kept)| !needs(index) || is_here(kept))
    }

    /// Puts an output of what was found under `key` back, at `path` from `root`; the place is free.
    pub(crate) fn put_back(
        &self,
        root: &Path,
        (key, kept): (&Digest, &Kept),
        path: &str,
        hasher: &FileHasher,
    ) -> Result<Known, Lost> {
        let again = |object: &Digest, size| self.fetch_again(key, path, object, size);
        let ground = Ground { again: Some(&again), ..self.ground(root, hasher) };
        self.fetch(&ground, key, kept)?;
        ground.put_back(kept, path)
    }

    /// Puts a log back, as a file that may be written to.
    pub(crate) fn put_back_log(
        &self,
        root: &Path,
        (key, kept): (&Digest, &Kept),
        path: &str,
        hasher: &FileHasher,
    ) -> Result<(), Lost> {
        let again = |object: &Digest, size| self.fetch_again(key, path, object, size);
        let ground = Ground { again: Some(&again), ..self.ground(root, hasher) };
        self.fetch(&ground, key, kept)?;
        ground.put_back_copy(kept, path)
    }

    /// The bytes of a file, or of what a command printed, that was found under `key`.
    pub(crate) fn text(&self, key: &Digest, kept: &Kept, hasher: &FileHasher) -> Option<Vec<u8>> {
        if let Some(content) = kept.form.small() {
            return Some(content.to_vec());
        }
        let read = || {
            let mut bytes = Vec::new();
            self.directory.get(&kept.digest, None, &mut bytes).ok()?;
            (Digest::of(&bytes) == kept.digest).then_some(bytes)
        };
        self.fetch(&self.ground(Path::new(""), hasher), key, kept).ok()?;
        read().or_else(|| {
            let _ = self.directory.discard(&kept.digest);
            self.fetch_again(key, &kept.path, &kept.digest, Some(kept.size())).then(read).flatten()
        })
    }

    /// The digest of a file in a directory that is kept here; `rest` is its path from there. `None`: nobody can say.
    pub(crate) fn digest_inside(&self, kept: &Kept, rest: &str, hasher: &FileHasher) -> Option<Digest> {
        let Form::Directory { manifest, .. } = &kept.form else { return None };
        let items = self.ground(Path::new(""), hasher).manifest(manifest).ok()?;
        items.into_iter().find_map(|item| match item {
            Item::File { path, digest, .. } if path == rest.as_bytes() => Some(digest),
            _ => None,
        })
    }

    fn ground<'a>(&'a self, root: &'a Path, hasher: &'a FileHasher) -> Ground<'a> {
        Ground { cache: &self.directory, link: self.link, hasher, root, again: None }
    }

    /// Brings an object from the shared place that was damaged here.
    fn fetch_again(&self, key: &Digest, path: &str, object: &Digest, size: Option<u64>) -> bool {
        let came = self.shared.is_some() && self.fetch_one(key, path, object, size);
        if came {
            self.tell("healed", || {
                format!(
                    "{object} was damaged in the cache {}; it came anew from the shared cache",
                    self.directory.path().display()
                )
            });
        }
        came
    }

    /// Brings the objects here that are not.
    fn fetch(&self, ground: &Ground<'_>, key: &Digest, kept: &Kept) -> Result<(), Lost> {
        if self.shared.is_none() {
            return Ok(());
        }
        let came = |it_did: bool| if it_did { Ok(()) } else { Err(Lost::Missing) };
        let Some(object) = kept.object() else {
            return if kept.form == Form::Gone { Err(Lost::Missing) } else { Ok(()) };
        };
        let Form::Directory { manifest, .. } = &kept.form else {
            return came(self.fetch_one(key, &kept.path, &object, Some(kept.size())));
        };
        came(self.fetch_one(key, &kept.path, &object, None))?;
        let files: Vec<(Digest, u64)> = ground
            .manifest(manifest)?
            .into_iter()
            .filter_map(|item| match item {
                Item::File { digest, size, .. } => Some((digest, size)),
                Item::Directory { .. } | Item::Link { .. } => None,
            })
            .collect();
        let is_missing =
            |(object, size): &&(Digest, u64)| !self.fetch_one(key, &kept.path, object, Some(*size));
        // All of them: what is lost there is known then, and one new result mends all of it.
        let missing = match rayon::current_thread_index() {
            Some(_) => files.par_iter().filter(is_missing).count(),
            None => files.iter().filter(is_missing).count(),
        };
        came(missing == 0)
    }

    fn is_here(&self, object: &Digest) -> bool {
        self.directory.size(object).is_ok_and(|size| size.is_some())
    }

    /// Brings an object here, of the output at `path`, if it is not; whether it is now.
    fn fetch_one(&self, key: &Digest, path: &str, object: &Digest, size: Option<u64>) -> bool {
        let Some(shared) = self.shared.as_ref().filter(|_| !self.is_here(object)) else { return true };
        if !shared.asked.has(key) {
            // It has to know of an object by its entry, and this one was found here.
            drop(self.find_there(key));
        }
        let got = self.ask(Call::Read, |place| {
            // What is refused did not come.
            let got = self.traffic.receiving(size, |way| {
                let most = size.unwrap_or(super::manifest::MOST);
                let get =
                    |to: &mut dyn Write| waiting::get(place, (object, size), &mut way.to(to), &self.traffic);
                self.directory.receive(object, most, get)
            });
            // What is damaged is an answer, and says nothing about the next one.
            match got {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Err(error)),
                other => other.map(Ok),
            }
        });
        if matches!(got, Some(Ok(false) | Err(_))) {
            shared.lost.add(*object);
            // Whoever makes it again gives it to the place again, perhaps in another session.
            self.directory.note_lost(object);
        }
        match got {
            Some(Ok(true)) => return true,
            Some(Ok(false)) => self.tell("lost", || {
                format!(
                    "the shared cache {} lacks files of a result that it names; what is not there is made again",
                    self.shared_name()
                )
            }),
            Some(Err(error)) => self.tell("damaged there", || {
                let what = if path.is_empty() { "what a command printed" } else { path };
                format!(
                    "the shared cache {} holds {what} damaged: {error}; what is damaged counts as if it were not there, and \
                     `rulemake --cache-push` makes it and puts it right",
                    self.shared_name()
                )
            }),
            None => {}
        }
        false
    }

    /// Keeps what an execution made. What is known of the files may be known otherwise afterwards, for those that were
    /// linked. That it cannot be kept is told, once; `false` then.
    pub(crate) fn keep(
        &self,
        key: &Digest,
        root: &Path,
        hasher: &FileHasher,
        result: NewResult<'_>,
        is_shared: bool,
    ) -> bool {
        if self.is_full.load(Ordering::Relaxed) {
            return false;
        }
        let kept = self.try_keep(key, root, hasher, result, is_shared);
        if let Err(error) = &kept {
            use io::ErrorKind::{
                NotADirectory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
            };
            let is_of_the_cache = matches!(
                error.kind(),
                NotADirectory | PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
            );
            if !is_of_the_cache {
                // Of this one result: a link, or a file that changed meanwhile.
                self.tell("one", || format!("a result was not kept in the cache: {error}"));
                return false;
            }
            self.is_full.store(true, Ordering::Relaxed);
            self.tell("write", || {
                format!("the cache {} takes no results: {error}", self.directory.path().display())
            });
        }
        kept.is_ok()
    }

    fn try_keep(
        &self,
        key: &Digest,
        root: &Path,
        hasher: &FileHasher,
        result: NewResult<'_>,
        is_shared: bool,
    ) -> io::Result<()> {
        let ground = self.ground(root, hasher);
        let (mut objects, mut room) = (Vec::new(), entry::MOST_SMALL);
        let mut outputs = Vec::with_capacity(result.outputs.len());
        for (path, made) in result.outputs {
            let (digest, form) = match made {
                Made::Gone(digest) => (digest, Form::Gone),
                Made::There(known) => {
                    let form = match ground.keep_small(path, known, room)? {
                        Some(form) => form,
                        None => ground.keep(path, known, &mut objects)?,
                    };
                    (known.digest(), form)
                }
            };
            room -= form.small().map_or(0, |content| content.len() as u64);
            outputs.push(Kept { path: path.to_string(), digest, form });
        }
        let mut beside = Vec::new();
        for (number, path) in result.beside {
            if let Some(kept) = self.keep_text(&root.join(path), path, &mut objects, &mut room)? {
                beside.push((number, kept));
            }
        }
        let log = match &result.log {
            Some(log) => self.keep_text(log, "", &mut objects, &mut room)?,
            None => None,
        };
        let NewResult { duration_ms, accepted, .. } = result;
        let rule = result.rule.to_string();
        let entry = Entry { rule, duration_ms, outputs, beside, log, pinned: false, accepted };
        let bytes = entry.to_bytes();
        self.directory.add_entry(key, &bytes, entry.is_private())?;
        if is_shared && self.shared.as_ref().is_some_and(|shared| shared.writes) {
            self.share(key, &entry, &bytes, objects);
        }
        Ok(())
    }

    /// Keeps a file that is written by others, too: by its bytes as they are now.
    fn keep_text(
        &self,
        full: &Path,
        path: &str,
        objects: &mut Vec<Digest>,
        room: &mut u64,
    ) -> io::Result<Option<Kept>> {
        /// More than that nobody reads.
        const MOST: u64 = 16 << 20;
        let Some(meta) = super::directory::found(std::fs::symlink_metadata(full))? else { return Ok(None) };
        if !meta.is_file() || meta.len() > MOST {
            return Ok(None);
        }
        let bytes = link::read(full)?;
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        if size <= entry::SMALL.min(*room) {
            *room -= size;
            let form = Form::of_small(bytes, Rights::default());
            return Ok(Some(Kept { path: path.to_string(), digest, form }));
        }
        if !self.directory.has_good(&digest, size)? {
            self.directory.receive(&digest, size, |to| to.write_all(&bytes).map(|()| true))?;
        }
        objects.push(digest);
        let form = Form::File { size, executable: false, private: false };
        Ok(Some(Kept { path: path.to_string(), digest, form }))
    }

    /// Puts a result where others find it: its objects first. Whoever was first with a result of the same stays: what others
    /// made of that is restored with it.
    fn share(&self, key: &Digest, entry: &Entry, bytes: &[u8], mut objects: Vec<Digest>) -> Sharing {
        if self.is_another_there(key, entry) {
            self.tell("other", || {
                let path = entry.outputs.first().map_or("", |kept| &*kept.path);
                format!(
                    "the shared cache {} has another result of {path} than this one, made from the same, and keeps it: the \
                     command gives another one each time. `rulemake lock` says which is the project's, and `rulemake push` puts \
                     that there, too",
                    self.shared_name()
                )
            });
            return Sharing::Other;
        }
        objects.sort_unstable();
        objects.dedup();
        let put = |object: &Digest| self.give(object);
        let all = match rayon::current_thread_index() {
            Some(_) => objects.par_iter().all(put),
            None => objects.iter().all(put),
        };
        if !all || self.ask(Call::Write, |place| place.put_entry(key, bytes, &objects)).is_none() {
            return Sharing::Failed;
        }
        // Of a result with a second name for a lock file each file counts once.
        for content in entry.files().filter(|_| !entry.pinned).filter_map(|kept| kept.form.small()) {
            let _ = self.traffic.sending(content.len() as u64, || Ok(()));
        }
        Sharing::Done
    }

    /// Gives an object to the shared place, over one that is known to be damaged there. What is damaged here stays here.
    fn give(&self, object: &Digest) -> bool {
        let Some(shared) = &self.shared else { return false };
        if shared.given.has(object) {
            return true;
        }
        let path = self.directory.object(object);
        let size = self.directory.size(object).ok().flatten();
        if !size.is_some_and(|size| self.directory.has_good(object, size).unwrap_or(false)) {
            self.tell("bad own", || {
                format!(
                    "{object} is damaged or missing in the cache {}, so a result with it is not shared",
                    self.directory.path().display()
                )
            });
            return false;
        }
        let is_lost = self.is_known_lost(object);
        let put = |place: &Arc<dyn CacheBackend>| {
            let mut content = link::open(&path)?;
            let size = content.metadata()?.len();
            self.traffic.sending(size, || match is_lost {
                true => place.replace(object, &mut content),
                false => place.put(object, &mut content),
            })
        };
        let is_done = self.ask(Call::Write, put).is_some();
        if is_done {
            shared.given.add(*object);
            if is_lost {
                shared.lost.remove(object);
                self.directory.forget_lost(object);
            }
        }
        is_done
    }

    /// Whether the shared place had not what it said it had of an object, now or in an earlier session.
    fn is_known_lost(&self, object: &Digest) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.lost.has(object))
            || self.directory.is_noted_lost(object)
    }

    /// Whether the shared place has a result under this key that is another one, and whole so far as is known.
    fn is_another_there(&self, key: &Digest, entry: &Entry) -> bool {
        let there = self.ask(Call::Read, |place| waiting::entry(place, key, &self.traffic)).flatten();
        let Some(there) = there.and_then(|bytes| Entry::from_bytes(&bytes)) else { return false };
        let is_whole = there.kept().filter_map(Kept::object).all(|object| !self.is_known_lost(&object));
        let what = |entry: &Entry| -> Vec<_> {
            entry.outputs.iter().map(|kept| (kept.path.clone(), kept.digest)).collect()
        };
        is_whole && what(&there) != what(entry)
    }

    /// Whether a result is kept here with all that belongs to it, so far as that can be seen without reading.
    fn holds(&self, key: &Digest, is_it: impl Fn(&Entry) -> bool) -> bool {
        let bytes = self.directory.read_entry(key).ok().flatten();
        let entry = bytes.and_then(|bytes| Entry::from_bytes(&bytes)).filter(is_it);
        entry.is_some_and(|entry| entry.kept().filter_map(Kept::object).all(|object| self.is_here(&object)))
    }

    /// Whether there is any result under this key.
    pub(crate) fn has_result(&self, key: &Digest) -> bool {
        self.find_here(key).is_some()
    }

    /// As [`Cache::holds`], of what may be given to others: all of it is there, and was read when that may have changed since.
    /// What is damaged goes.
    pub(crate) fn holds_good(
        &self,
        key: &Digest,
        hasher: &FileHasher,
        is_it: impl Fn(&Entry) -> bool,
    ) -> bool {
        let bytes = self.directory.read_entry(key).ok().flatten();
        let Some(entry) = bytes.and_then(|bytes| Entry::from_bytes(&bytes)).filter(is_it) else {
            return false;
        };
        let Some(objects) = self.objects_of(&entry, &self.ground(Path::new(""), hasher)) else {
            return false;
        };
        let is_good = |(object, size): &(Digest, Option<u64>)| match size {
            Some(size) => self.directory.has_good(object, *size).unwrap_or(false),
            None => true,
        };
        // All of them, so that one new result mends all.
        objects.iter().filter(|object| !is_good(object)).count() == 0
    }

    /// The objects of an entry, with their sizes; lists of directories were read, and have none. `None`: one of these is gone.
    fn objects_of(&self, entry: &Entry, ground: &Ground<'_>) -> Option<Vec<(Digest, Option<u64>)>> {
        let mut objects = Vec::new();
        for kept in entry.kept() {
            match &kept.form {
                Form::Gone | Form::Small { .. } => {}
                Form::File { size, .. } => objects.push((kept.digest, Some(*size))),
                Form::Directory { manifest, .. } => {
                    let items = ground.manifest(manifest).ok()?;
                    objects.push((*manifest, None));
                    objects.extend(items.into_iter().filter_map(|item| match item {
                        Item::File { digest, size, .. } => Some((digest, Some(size))),
                        Item::Directory { .. } | Item::Link { .. } => None,
                    }));
                }
            }
        }
        Some(objects)
    }

    /// Keeps a result also under the key by which a lock file asks for it, if what is kept under `key` is that result; with
    /// whom the new ones are shared, it is shared, too.
    pub(crate) fn pin(
        &self,
        key: &Digest,
        pin: &Digest,
        hasher: &FileHasher,
        is_it: impl Fn(&Entry) -> bool,
    ) {
        if self.holds(pin, &is_it) {
            return;
        }
        let Some(entry) = self.find_here(key).filter(is_it) else { return };
        let entry = Entry { pinned: true, ..entry };
        if let Err(error) = self.directory.add_entry(pin, &entry.to_bytes(), entry.is_private()) {
            self.tell("write", || {
                format!("the cache {} takes no results: {error}", self.directory.path().display())
            });
        } else if self.shared.as_ref().is_some_and(|shared| shared.writes) {
            self.push(pin, hasher);
        }
    }

    /// Puts a result that is kept here where others find it, whether or not that is done with each new one. With the bytes of
    /// its files.
    pub(crate) fn push(&self, key: &Digest, hasher: &FileHasher) -> (Sharing, u64) {
        self.try_push(key, hasher).unwrap_or((Sharing::Failed, 0))
    }

    fn try_push(&self, key: &Digest, hasher: &FileHasher) -> Option<(Sharing, u64)> {
        let bytes = self.directory.read_entry(key).ok().flatten()?;
        let entry = Entry::from_bytes(&bytes)?;
        let objects = self.objects_of(&entry, &self.ground(Path::new(""), hasher))?;
        let objects = objects.into_iter().map(|(object, _)| object).collect();
        let size = entry.kept().map(Kept::size).sum();
        Some((self.share(key, &entry, &bytes, objects), size))
    }

    fn shared_name(&self) -> String {
        self.shared.as_ref().map(|shared| shared.place.name()).unwrap_or_default()
    }

    /// Asks the shared place, if there is one and it answers.
    fn ask<T>(&self, what: Call, call: impl FnOnce(&Arc<dyn CacheBackend>) -> io::Result<T>) -> Option<T> {
        let shared = self.shared.as_ref()?;
        let [reads, writes] = &shared.failed;
        let failures = if what == Call::Read { reads } else { writes };
        if failures.load(Ordering::Relaxed) >= PATIENCE {
            return None;
        }
        let answer = call(&shared.place);
        if what == Call::Read && answer.is_err() {
            self.traffic.note_failure();
        }
        match answer {
            Ok(answer) => {
                failures.store(0, Ordering::Relaxed);
                Some(answer)
            }
            // Nobody waits for what it says.
            Err(_) if self.traffic.is_stopped() => {
                reads.store(PATIENCE, Ordering::Relaxed);
                writes.store(PATIENCE, Ordering::Relaxed);
                None
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                failures.store(PATIENCE, Ordering::Relaxed);
                self.tell("shared lost", || {
                    format!(
                        "the shared cache {0} is not there: {error}; nothing is restored from it or put into it. \
                         Perhaps a disk is not mounted, or there is a mistake in the name; `rulemake cache init {0}` makes a new one",
                        shared.place.name()
                    )
                });
                None
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                // Neither way: what waits for nothing is the run.
                reads.store(PATIENCE, Ordering::Relaxed);
                writes.store(PATIENCE, Ordering::Relaxed);
                self.tell("shared slow", || {
                    format!(
                        "the shared cache {} does not answer in time and is left alone in this run: {error}; \
                         `--cache-timeout SECONDS` gives it more",
                        shared.place.name()
                    )
                });
                None
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable
                ) =>
            {
                reads.store(PATIENCE, Ordering::Relaxed);
                writes.store(PATIENCE, Ordering::Relaxed);
                self.tell("shared gone", || {
                    format!(
                        "the shared cache {} cannot be reached and is left alone in this run: {error}",
                        shared.place.name()
                    )
                });
                None
            }
            Err(error) if what == Call::Write && is_forbidden(&error) => {
                writes.store(PATIENCE, Ordering::Relaxed);
                self.tell("shared full", || {
                    format!(
                        "nothing can be put into the shared cache {}: {error}{}",
                        shared.place.name(),
                        match reads.load(Ordering::Relaxed) {
                            0 => "; what is in it is restored all the same",
                            _ => "",
                        }
                    )
                });
                None
            }
            Err(error) => {
                let failed = failures.fetch_add(1, Ordering::Relaxed) + 1;
                let name = shared.place.name();
                self.tell("shared", || format!("the shared cache {name} failed: {error}"));
                match what {
                    Call::Read if failed >= PATIENCE => self.tell("shared off", || {
                        format!("the shared cache {name} is not asked any more in this run")
                    }),
                    Call::Write if failed >= PATIENCE => self.tell("shared full", || {
                        format!("the shared cache {name} is given nothing more in this run")
                    }),
                    _ => {}
                }
                None
            }
        }
    }
}

/// Whether trying it with another object would be of no use.
fn is_forbidden(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("directory", &self.directory)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}
