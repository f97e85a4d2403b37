//! The place behind the directory of a cache that is shared with others: what comes from it, what is given to it, and how long it
//! is asked.

use super::Cache;
use crate::base::digest::Digest;
use crate::cache::backend::CacheBackend;
use crate::cache::directory::is_own;
use crate::cache::entry::{Entry, Form, Kept};
use crate::cache::link;
use crate::cache::manifest::{self, Item};
use crate::cache::place::{Ground, Lost};
use crate::cache::waiting;
use crate::files::hash::FileHasher;
use rayon::prelude::*;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) struct Shared {
    pub(super) place: Arc<dyn CacheBackend>,
    pub(super) writes: bool,
    /// Entries that it was asked for: only then it has to know where their objects are.
    asked: Digests,
    /// Entries that came from there, and are not in the directory before their objects are: an entry without these is a
    /// promise that is not held.
    pub(super) arrived: Digests,
    /// Objects that entries there tell of, and that could not be had.
    lost: Digests,
    /// Objects of which was counted that they have to come.
    foreseen: Digests,
    /// Objects that it was given in this session.
    given: Digests,
    /// How many were found damaged there, and replaced.
    mended: AtomicU32,
    /// Calls in a row that went wrong, of those that read and of those that write: who may not write may still read.
    failed: [AtomicU32; 2],
}

impl Shared {
    pub(super) fn new(place: Arc<dyn CacheBackend>, writes: bool) -> Shared {
        Shared {
            place,
            writes,
            asked: Digests::default(),
            arrived: Digests::default(),
            lost: Digests::default(),
            foreseen: Digests::default(),
            given: Digests::default(),
            mended: AtomicU32::new(0),
            failed: Default::default(),
        }
    }

    /// It is not asked again in this run, neither to read nor to write.
    fn leave_alone(&self) {
        self.failed.iter().for_each(|failures| failures.store(PATIENCE, Ordering::Relaxed));
    }
}

/// Digests that several threads take note of.
#[derive(Default)]
pub(super) struct Digests(Mutex<rustc_hash::FxHashSet<Digest>>);

impl Digests {
    /// Whether it was not among them.
    pub(super) fn add(&self, digest: Digest) -> bool {
        self.all().insert(digest)
    }

    pub(super) fn remove(&self, digest: &Digest) -> bool {
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

/// What a push would do with a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WouldPush {
    New,
    IsThere,
    /// The place has another one of the same, and keeps it.
    Other,
}

/// What a place has where a result is to be put.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// Or something that is known not to be whole.
    Nothing,
    Same,
    /// The same content, with another list of what lies in a directory.
    Otherwise,
    Other,
}

/// What a place has of an object.
#[derive(Debug)]
enum There {
    NotAsked,
    Missing,
    Good,
    Damaged,
    /// It answers, but does not give this one.
    Unreadable(io::Error),
}

/// What became of a result that was put where others find it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sharing {
    Done,
    /// There is another one of the same, and it stays.
    Other,
    Failed,
}

/// How results are given to a place.
#[derive(Clone, Copy, Default)]
pub(crate) struct Giving {
    /// What the place has already is read, and replaced where it is damaged.
    pub(crate) verifies: bool,
    /// It has the result by the name that a lock file gives it, so nobody needs to hear that another one of the same was first.
    pub(crate) is_named: bool,
}

impl Cache {
    /// What the shared place has under a key, which it knows from then on.
    pub(super) fn find_there(&self, key: &Digest) -> Option<Entry> {
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
    pub(super) fn take_over(&self, key: &Digest, entry: &Entry) {
        for content in entry.files().filter_map(|kept| kept.form.small()) {
            let _ = self.traffic.receiving(Some(content.len() as u64), |way| {
                way.to(&mut io::sink()).write_all(content).map(|()| true)
            });
        }
        let _ = self.directory.add_entry(key, &entry.to_bytes(), entry.is_private());
    }

    /// Brings an object from the shared place that was damaged here.
    pub(super) fn fetch_again(&self, key: &Digest, path: &str, object: &Digest, size: Option<u64>) -> bool {
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
    pub(super) fn fetch(&self, ground: &Ground<'_>, key: &Digest, kept: &Kept) -> Result<(), Lost> {
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

    /// Bytes that are here neither and have to come from the shared place for an output of what was found under `key`; each
    /// object counts once.
    pub(super) fn bytes_to_come(&self, key: &Digest, kept: &Kept) -> u64 {
        let Some(shared) = &self.shared else { return 0 };
        let of = |object: &Digest, size: u64| {
            let comes = !self.is_here(object) && shared.foreseen.add(*object);
            if comes { size } else { 0 }
        };
        let Form::Directory { manifest, .. } = &kept.form else {
            return kept.object().map_or(0, |object| of(&object, kept.size()));
        };
        // Most of it may be here.
        let list = self.fetch_one(key, &kept.path, manifest, None);
        let items =
            Some(list).filter(|list| *list).and_then(|_| link::read(&self.directory.object(manifest)).ok());
        match items.and_then(|bytes| manifest::from_bytes(&bytes)) {
            Some(items) => items
                .iter()
                .map(|item| match item {
                    Item::File { digest, size, .. } => of(digest, *size),
                    Item::Directory { .. } | Item::Link { .. } => 0,
                })
                .sum(),
            None => 0,
        }
    }

    /// Brings an object here, of the output at `path`, if it is not; whether it is now.
    fn fetch_one(&self, key: &Digest, path: &str, object: &Digest, size: Option<u64>) -> bool {
        let Some(shared) = self.shared.as_ref().filter(|_| !self.is_here(object)) else { return true };
        if self.is_full.load(Ordering::Relaxed) {
            return false;
        }
        let mut own_fault = None;
        if !shared.asked.has(key) {
            // It has to know of an object by its entry, and this one was found here.
            drop(self.find_there(key));
        }
        let got = self.ask(Call::Read, |place| {
            // What is refused did not come.
            let got = self.traffic.receiving(size, |way| {
                let most = size.unwrap_or(manifest::MOST);
                let get =
                    |to: &mut dyn Write| waiting::get(place, (object, size), &mut way.to(to), &self.traffic);
                self.directory.receive(object, most, get)
            });
            // What is damaged is an answer, and says nothing about the next one.
            match got {
                Err(error) if is_own(&error) => {
                    own_fault = Some(error);
                    Ok(Ok(true))
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Err(error)),
                other => other.map(Ok),
            }
        });
        if let Some(error) = own_fault {
            self.tell_not_taken(&error);
            return false;
        }
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

    /// Puts a result where others find it: its objects first. Whoever was first with a result of the same stays: what others
    /// made of that is restored with it.
    pub(super) fn share(
        &self,
        key: &Digest,
        entry: &Entry,
        bytes: &[u8],
        mut objects: Vec<Digest>,
        how: Giving,
    ) -> Sharing {
        // A place that does not say what it has may have another one.
        let Some(there) = self.compare_there(key, entry) else { return Sharing::Failed };
        if there == Standing::Other {
            if how.is_named {
                return Sharing::Other;
            }
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
        let put = |object: &Digest| self.give(object, how.verifies);
        let all = match rayon::current_thread_index() {
            Some(_) => objects.par_iter().all(put),
            None => objects.iter().all(put),
        };
        // Of the same in another form, perhaps a newer one, the first stays, too.
        let puts = there != Standing::Otherwise || how.verifies;
        if !all || puts && self.put_entry(key, bytes, &objects).is_none() {
            return Sharing::Failed;
        }
        // Of a result with a second name for a lock file each file counts once.
        for content in entry.files().filter(|_| !entry.pinned).filter_map(|kept| kept.form.small()) {
            let _ = self.traffic.sending(content.len() as u64, || Ok(()));
        }
        Sharing::Done
    }

    fn put_entry(&self, key: &Digest, entry: &[u8], objects: &[Digest]) -> Option<()> {
        self.ask(Call::Write, |place| waiting::put_entry(place, key, (entry, objects), &self.traffic))
    }

    /// Gives an object to the shared place, over one that is known to be damaged there. What is damaged here stays here.
    fn give(&self, object: &Digest, verifies: bool) -> bool {
        let Some(shared) = &self.shared else { return false };
        if shared.given.has(object) {
            return true;
        }
        let path = self.directory.object(object);
        let size = self.directory.size(object).ok().flatten();
        let is_good = |size: &u64| self.directory.has_good(object, *size).unwrap_or(false);
        let own = size.filter(is_good).and_then(|size| Some((size, link::open(&path).ok()?)));
        let Some((size, content)) = own else {
            self.tell("bad own", || {
                format!(
                    "{object} is damaged or missing in the cache {}, so a result with it is not shared",
                    self.directory.path().display()
                )
            });
            return false;
        };
        let there = match verifies.then(|| self.look_there(object, size)) {
            None => There::NotAsked,
            Some(Some(there)) => there,
            Some(None) => return false,
        };
        let is_lost = self.is_known_lost(object)
            || matches!(there, There::Missing | There::Damaged | There::Unreadable(_));
        let put = |place: &Arc<dyn CacheBackend>| {
            let put = || waiting::put(place, object, content, is_lost, &self.traffic);
            self.traffic.sending(size, put).map_err(|error| match &there {
                There::Unreadable(why) => io::Error::new(
                    error.kind(),
                    format!("it does not give {object} ({why}), nor take it anew: {error}"),
                ),
                _ => error,
            })
        };
        let mut is_done = self.ask(Call::Write, put).is_some();
        if is_done
            && let There::Unreadable(why) = &there
            && !matches!(self.look_there(object, size), Some(There::Good))
        {
            is_done = false;
            self.tell("unreadable", || {
                format!(
                    "the shared cache {} does not give {object}, though it took it anew: {why}",
                    self.shared_name()
                )
            });
        }
        if is_done {
            shared.given.add(*object);
            let is_mended = matches!(there, There::Damaged | There::Unreadable(_));
            shared.mended.fetch_add(u32::from(is_mended), Ordering::Relaxed);
            if is_lost {
                shared.lost.remove(object);
                self.directory.forget_lost(object);
            }
        }
        is_done
    }

    /// Reads what the shared place has of an object; `None` when that cannot be told.
    fn look_there(&self, object: &Digest, size: u64) -> Option<There> {
        let mut read = blake3::Hasher::new();
        let got = self.ask(Call::Read, |place| {
            match waiting::get(place, (object, Some(size)), &mut read, &self.traffic) {
                Err(error) if is_of_the_whole(&error) || self.traffic.is_stopped() => Err(error),
                got => Ok(got),
            }
        })?;
        Some(match got {
            Ok(true) if Digest::from_bytes(*read.finalize().as_bytes()) == *object => There::Good,
            Ok(false) => There::Missing,
            Ok(true) => There::Damaged,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => There::Damaged,
            Err(error) => There::Unreadable(error),
        })
    }

    /// Objects that were found damaged in the shared place, and replaced, since the last call.
    pub(crate) fn take_mended(&self) -> usize {
        self.shared.as_ref().map_or(0, |shared| shared.mended.swap(0, Ordering::Relaxed) as usize)
    }

    /// Whether the shared place had not what it said it had of an object, now or in an earlier session.
    fn is_known_lost(&self, object: &Digest) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.lost.has(object))
            || self.directory.is_noted_lost(object)
    }

    /// What the shared place has under this key, so far as is known. `None`: it does not say.
    fn compare_there(&self, key: &Digest, entry: &Entry) -> Option<Standing> {
        let there = self.ask(Call::Read, |place| waiting::entry(place, key, &self.traffic))?;
        let whole = there
            .and_then(|bytes| Entry::from_bytes(&bytes))
            .filter(|there| there.kept().filter_map(Kept::object).all(|object| !self.is_known_lost(&object)));
        let what = |entry: &Entry| -> Vec<_> {
            entry.outputs.iter().map(|kept| (kept.path.clone(), kept.digest)).collect()
        };
        let lists = |entry: &Entry| -> Vec<_> {
            entry
                .outputs
                .iter()
                .filter(|kept| matches!(kept.form, Form::Directory { .. }))
                .map(Kept::object)
                .collect()
        };
        Some(match whole {
            None => Standing::Nothing,
            Some(there) if what(&there) != what(entry) => Standing::Other,
            Some(there) if lists(&there) != lists(entry) => Standing::Otherwise,
            Some(_) => Standing::Same,
        })
    }

    /// Puts a result that is kept here where others find it, whether or not that is done with each new one. With the bytes of
    /// its files.
    pub(crate) fn push(&self, key: &Digest, hasher: &FileHasher, how: Giving) -> (Sharing, u64) {
        self.try_push(key, hasher, how).unwrap_or((Sharing::Failed, 0))
    }

    fn try_push(&self, key: &Digest, hasher: &FileHasher, how: Giving) -> Option<(Sharing, u64)> {
        let bytes = self.directory.read_entry(key).ok().flatten()?;
        let entry = Entry::from_bytes(&bytes)?;
        let objects = self.objects_of(&entry, &self.ground(Path::new(""), hasher))?;
        let objects = objects.into_iter().map(|(object, _)| object).collect();
        let size = entry.kept().map(Kept::size).sum();
        Some((self.share(key, &entry, &bytes, objects, how), size))
    }

    /// What a push would do with a result that has these contents, and the bytes of its files if it is kept here. `None`: the place
    /// does not say what it has.
    pub(crate) fn would_push(
        &self,
        key: &Digest,
        contents: &[Option<Digest>],
    ) -> Option<(WouldPush, Option<u64>)> {
        let there = self.ask(Call::Read, |place| waiting::entry(place, key, &self.traffic))?;
        let what = match there.and_then(|bytes| Entry::from_bytes(&bytes)) {
            None => WouldPush::New,
            Some(there)
                if there
                    .outputs
                    .iter()
                    .zip(contents)
                    .all(|(kept, content)| content.is_none_or(|content| content == kept.digest)) =>
            {
                WouldPush::IsThere
            }
            Some(_) => WouldPush::Other,
        };
        let here = self.directory.read_entry(key).ok().flatten().and_then(|bytes| Entry::from_bytes(&bytes));
        Some((what, here.map(|entry| entry.kept().map(Kept::size).sum())))
    }

    pub(super) fn shared_name(&self) -> String {
        self.shared.as_ref().map(|shared| shared.place.name()).unwrap_or_default()
    }

    /// Asks the shared place, if there is one and it answers.
    fn ask<T>(&self, what: Call, call: impl FnOnce(&Arc<dyn CacheBackend>) -> io::Result<T>) -> Option<T> {
        let shared = self.shared.as_ref().filter(|_| !self.traffic.is_stopped())?;
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
            Err(_) if self.traffic.is_stopped() => None,
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
                shared.leave_alone();
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
                shared.leave_alone();
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

/// Whether what went wrong is the same for all that is in a place.
fn is_of_the_whole(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NotFound, TimedOut};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NotFound | TimedOut)
}

/// Whether trying it with another object would be of no use.
fn is_forbidden(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}
