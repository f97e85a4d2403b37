//! The cache of a session: a directory of its own, and perhaps a place that is shared behind it (`shared`).

mod shared;

use super::backend::CacheBackend;
use super::directory::CacheDirectory;
use super::entry::{self, Entry, Form, Kept};
use super::link::{self, CacheLink, Rights};
use super::manifest::Item;
use super::place::{Ground, Lost};
use super::traffic::CacheTraffic;
use crate::base::digest::Digest;
use crate::files::hash::FileHasher;
use crate::trace::identity::Known;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shared::Shared;
pub(crate) use shared::{Giving, Sharing, WouldPush};

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
        self.shared = Some(Shared::new(place, writes));
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

    /// From now on `stops` says whether the session was stopped: then what goes from or to the shared place breaks off.
    pub(crate) fn stop_when(&self, stops: impl Fn() -> bool + Send + Sync + 'static) {
        self.traffic.stop_when(stops);
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
        let foresee = |entry: &Entry| {
            let outputs = entry.outputs.iter().enumerate().filter(|(index, _)| needs(*index));
            self.traffic.foresee(outputs.map(|(_, kept)| self.bytes_to_come(key, kept)).sum());
        };
        if let Some(entry) = self.find_here(key).filter(|entry| self.is_complete(entry, &needs)) {
            // Of a directory only the list is here for certain.
            foresee(&entry);
            return Some(entry);
        }
        let entry = self.find_there(key).filter(|entry| self.has_all_forms(entry, &needs))?;
        match entry.kept().all(|kept| kept.object().is_none()) {
            true => self.take_over(key, &entry),
            false => {
                if let Some(shared) = &self.shared {
                    shared.arrived.add(*key);
                }
                foresee(&entry);
            }
        }
        Some(entry)
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
        self.when_here(root, (key, kept), path, hasher, |ground| ground.put_back(kept, path))
    }

    /// Brings here what is in the shared place alone, so that it can be put back.
    pub(crate) fn bring(
        &self,
        root: &Path,
        (key, kept): (&Digest, &Kept),
        path: &str,
        hasher: &FileHasher,
    ) -> Result<(), Lost> {
        self.when_here(root, (key, kept), path, hasher, |_| Ok(()))
    }

    /// Puts a log back, as a file that may be written to.
    pub(crate) fn put_back_log(
        &self,
        root: &Path,
        (key, kept): (&Digest, &Kept),
        path: &str,
        hasher: &FileHasher,
    ) -> Result<(), Lost> {
        self.when_here(root, (key, kept), path, hasher, |ground| ground.put_back_copy(kept, path))
    }

    /// Goes on when all that it takes is here; what is damaged comes once more.
    fn when_here<T>(
        &self,
        root: &Path,
        (key, kept): (&Digest, &Kept),
        path: &str,
        hasher: &FileHasher,
        go_on: impl FnOnce(&Ground<'_>) -> Result<T, Lost>,
    ) -> Result<T, Lost> {
        let again = |object: &Digest, size| self.fetch_again(key, path, object, size);
        let ground = Ground { again: Some(&again), ..self.ground(root, hasher) };
        self.fetch(&ground, key, kept)?;
        go_on(&ground)
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

    fn is_here(&self, object: &Digest) -> bool {
        self.directory.size(object).is_ok_and(|size| size.is_some())
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
            self.tell_not_taken(error);
        }
        kept.is_ok()
    }

    /// Tells that the directory did not take something, and gives it nothing more if it would take nothing else either.
    fn tell_not_taken(&self, error: &io::Error) {
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
            return;
        }
        self.is_full.store(true, Ordering::Relaxed);
        self.tell("write", || {
            format!("the cache {} takes no results: {error}", self.directory.path().display())
        });
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
            self.share(key, &entry, &bytes, objects, Giving::default());
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
            self.push(pin, hasher, Giving::default());
        }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("directory", &self.directory)
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}
