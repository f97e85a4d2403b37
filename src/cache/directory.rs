//! A directory with objects and entries:
//!
//! ```text
//! CACHEDIR.TAG          so that backups leave it out
//! v1/ac/a/bcd12...      entries, by the digest of what an execution depends on
//! v1/cas/ab/cd12...     objects, read-only, by the digest of their bytes
//! v1/seen/ab/cd12...    how a large object looked when its bytes were last read
//! v1/lost/ab/cd12...    that a shared place had not what it said it had of an object: it is given anew
//! v1/tmp/               what is being written
//! ```
//!
//! An object that is not copied is not read each time. It is believed while it looks as it did when its bytes were last read:
//! size, both times and number of the file, since the last start of the machine. Whatever writes into it changes one of
//! these. Who gives the file another name or takes one away changes one of its times, too: that is passed over when it has
//! another number of names, for a folder of results that is removed takes one from each. (Who then writes into it and sets
//! the time back by which others tell that, is not found out; `cache verify` reads everything.)

use super::backend::CacheBackend;
use super::entry::Entry;
use super::link::{self, CacheLink, Came, Rights};
use super::look::Look;
use crate::base::clock;
use crate::base::digest::Digest;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// An entry is text of a few lines for each output. What is larger was not written by us.
const MAX_ENTRY: u64 = 256 << 20;

const TAG_NAME: &str = "CACHEDIR.TAG";
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
# This directory holds results that rulemake can make again. https://bford.info/cachedir/\n";

/// A directory in which results are kept. Several processes and projects may use it at the same time, and so may several
/// machines where it is on a disk that they share.
///
/// ```
/// use rulemake::Digest;
/// use rulemake::cache::{CacheBackend, CacheDirectory};
/// # let dir = std::env::temp_dir().join(format!("rulemake-doc-cache-{}", std::process::id()));
/// let cache = CacheDirectory::new(&dir);
/// cache.create()?;
/// let file = dir.join("text");
/// std::fs::write(&file, "text")?;
/// cache.put(&Digest::of(b"text"), &mut std::fs::File::open(&file)?)?;
/// let mut bytes = Vec::new();
/// assert!(cache.get(&Digest::of(b"text"), None, &mut bytes)?);
/// assert_eq!(bytes, b"text");
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct CacheDirectory {
    dir: PathBuf,
    /// Set when the directory is there: what the names of scratch files begin with.
    begun: OnceLock<String>,
    next: AtomicU64,
    /// Known to be there.
    is_placed: AtomicBool,
    /// What of the rights of the directory has to be given to what is made in it.
    given: OnceLock<Given>,
}

impl CacheDirectory {
    /// The cache in `dir`, which is made when the first result is kept.
    ///
    /// ```
    /// # use rulemake::cache::CacheDirectory;
    /// let directory = CacheDirectory::new("/team/results");
    /// ```
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> CacheDirectory {
        CacheDirectory {
            dir: dir.into(),
            begun: OnceLock::new(),
            next: AtomicU64::new(0),
            is_placed: AtomicBool::new(false),
            given: OnceLock::new(),
        }
    }

    /// Makes the directory, which may be there. A place that is shared is only used when it is there: a disk that is not
    /// mounted, or a name with a mistake, is to be told.
    ///
    /// ```
    /// # use rulemake::cache::CacheDirectory;
    /// # let dir = std::env::temp_dir().join(format!("rulemake-doc-create-{}", std::process::id()));
    /// CacheDirectory::new(dir.join("team")).create()?;
    /// assert!(dir.join("team").is_dir());
    /// # std::fs::remove_dir_all(&dir)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// It cannot be made, nothing can be made in it, or it holds other things: then `AlreadyExists`.
    pub fn create(&self) -> io::Result<()> {
        let foreign = if self.is_marked() { None } else { self.foreign()? };
        match foreign {
            Some(name) => Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("it holds other things, such as `{name}`"),
            )),
            None => {
                // It is for others, too.
                fs::create_dir_all(&self.dir)?;
                self.begin().map(drop)
            }
        }
    }

    /// Where it is.
    ///
    /// ```
    /// # use rulemake::cache::CacheDirectory;
    /// assert!(CacheDirectory::new("/team/results").path().ends_with("results"));
    /// ```
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    pub(super) fn part(&self, part: &str) -> PathBuf {
        self.dir.join("v1").join(part)
    }

    fn place(&self, part: &str, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        // Each result has an entry, and to make a directory for every other one would take as long as to make the entries.
        let (shard, rest) = hex.split_at(if part == "ac" { 1 } else { 2 });
        self.part(part).join(shard).join(rest)
    }

    pub(super) fn object(&self, digest: &Digest) -> PathBuf {
        self.place("cas", digest)
    }

    pub(super) fn entry_place(&self, key: &Digest) -> PathBuf {
        self.place("ac", key)
    }

    /// Size of an object.
    pub(super) fn size(&self, object: &Digest) -> io::Result<Option<u64>> {
        found(fs::symlink_metadata(self.object(object)))
            .map(|meta| meta.filter(Metadata::is_file).map(|m| m.len()))
    }

    /// Makes the directory, once.
    fn begin(&self) -> io::Result<&str> {
        if let Some(begun) = self.begun.get() {
            return Ok(begun);
        }
        let failed = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot create a directory in it: {error}"))
        };
        if let Some(above) = self.dir.parent() {
            fs::create_dir_all(above).map_err(failed)?;
        }
        // It may hold what is nobody else's.
        match link::create_directory(&self.dir, true) {
            // It is there. Or a file, which what comes next says better.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(failed)?,
        }
        self.make_directory(&self.part("tmp")).map_err(failed)?;
        self.mark()?;
        // Numbers of processes are not unique among the machines that share a disk.
        let unique = Digest::of(format!("{} {} {self:p}", host(), clock::wall_ms()).as_bytes()).short();
        Ok(self.begun.get_or_init(|| format!("{}-{unique}", std::process::id())))
    }

    /// Says to backups and to git that they have nothing to do here. Of a directory with other things, of our part alone.
    fn mark(&self) -> io::Result<()> {
        let is_marked = |dir: &Path| fs::symlink_metadata(dir.join(TAG_NAME)).is_ok();
        let inner = self.part("");
        if is_marked(&self.dir) || is_marked(&inner) {
            return Ok(());
        }
        let dir = if self.foreign()?.is_some() { &inner } else { &self.dir };
        let ignored = dir.join(".gitignore");
        if fs::symlink_metadata(&ignored).is_err() {
            fs::write(ignored, "*\n")?;
        }
        fs::write(dir.join(TAG_NAME), TAG)
    }

    /// Whether it was made as a cache.
    fn is_marked(&self) -> bool {
        self.find_mark().unwrap_or(false)
    }

    /// The same; who may not look does not know.
    fn find_mark(&self) -> io::Result<bool> {
        if found(fs::metadata(self.part("")))?.is_some_and(|meta| meta.is_dir()) {
            return Ok(true);
        }
        match link::read(&self.dir.join(TAG_NAME)) {
            Ok(tag) => Ok(String::from_utf8_lossy(&tag).contains("rulemake")),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Something in it that no cache has.
    fn foreign(&self) -> io::Result<Option<String>> {
        let Some(listing) = found(fs::read_dir(&self.dir))? else { return Ok(None) };
        for item in listing {
            let name = item?.file_name().to_string_lossy().into_owned();
            // The last one is in the root of a disk.
            if !matches!(name.as_str(), "v1" | TAG_NAME | ".gitignore" | "lost+found") {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Makes a directory in this one, with those above it.
    fn make_directory(&self, path: &Path) -> io::Result<()> {
        let Ok(below) = path.strip_prefix(&self.dir) else { return fs::create_dir_all(path) };
        let mut at = self.dir.clone();
        for part in below {
            at.push(part);
            match fs::create_dir(&at) {
                Ok(()) => self.given().to_directory(&at),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn given(&self) -> &Given {
        self.given.get_or_init(|| Given::by(&self.dir))
    }

    /// A name in the cache that nobody has.
    fn scratch(&self) -> io::Result<PathBuf> {
        let begun = self.begin()?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(self.part("tmp").join(format!("{begun}-{number}")))
    }

    /// Moves what is complete to its place.
    fn publish(&self, scratch: &Path, place: &Path) -> io::Result<()> {
        let rename = || fs::rename(scratch, place);
        let done = match rename() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                place.parent().map_or(Ok(()), |parent| self.make_directory(parent)).and_then(|()| rename())
            }
            // A directory in the place of a file is nothing of ours.
            Err(_) if place.is_dir() => fs::remove_dir_all(place).and_then(|()| rename()),
            done => done,
        };
        if done.is_err() {
            let _ = fs::remove_file(scratch);
        }
        done
    }

    fn write(&self, place: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write_as(place, bytes, Rights::default())
    }

    fn write_as(&self, place: &Path, bytes: &[u8], rights: Rights) -> io::Result<()> {
        let scratch = self.scratch()?;
        link::write_small(&scratch, bytes, rights)?;
        self.given().to_file(&scratch);
        self.publish(&scratch, place)
    }

    /// Puts an entry where there is none mostly: in its place at once, for it proves by itself that it is whole. One that is
    /// there, or of which only the beginning is, is replaced.
    pub(super) fn add_entry(&self, key: &Digest, entry: &[u8], private: bool) -> io::Result<()> {
        self.begin()?;
        let (place, rights) = (self.entry_place(key), Rights { private, ..Rights::default() });
        let add = || link::write_small(&place, entry, rights);
        let added = match add() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                place.parent().map_or(Ok(()), |parent| self.make_directory(parent)).and_then(|()| add())
            }
            added => added,
        };
        match added {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.write_as(&place, entry, rights)
            }
            added => added.inspect(|()| self.given().to_file(&place)),
        }
    }

    /// Takes an object from bytes that `fill` writes, which must have this digest and be no more than `most`. `false`: there
    /// were none. What goes wrong here, and not where the bytes come from, [`is_own`].
    pub(super) fn receive(
        &self,
        object: &Digest,
        most: u64,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<bool>,
    ) -> io::Result<bool> {
        let scratch = self.scratch().map_err(own)?;
        let mut incoming = Incoming {
            file: link::new_file(&scratch, Rights::default()).map_err(own)?,
            hasher: blake3::Hasher::new(),
            size: 0,
            most,
        };
        let filled = fill(&mut incoming);
        let Incoming { file, hasher, size, .. } = incoming;
        drop(file);
        self.given().to_file(&scratch);
        let is_it = Digest::from_bytes(*hasher.finalize().as_bytes()) == *object;
        match filled {
            Ok(true) if is_it => self.settle(object, &scratch, size).map(|()| true).map_err(own),
            other => {
                let _ = fs::remove_file(&scratch);
                match other {
                    Ok(true) => Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("what came is not {object}, and was refused"),
                    )),
                    other => other,
                }
            }
        }
    }

    /// A new object whose bytes were read on the way.
    fn settle(&self, object: &Digest, scratch: &Path, size: u64) -> io::Result<()> {
        if let Err(error) = link::set_read_only(scratch) {
            let _ = fs::remove_file(scratch);
            return Err(error);
        }
        self.publish(scratch, &self.object(object))?;
        if size > link::SMALL {
            self.note_seen(object);
        }
        Ok(())
    }

    /// Takes an object from a file that holds it, if it does. Tells how it came, `None` when it was there before.
    /// `is_as_read` says whether the file is still the one whose digest is known.
    pub(super) fn take_file(
        &self,
        object: &Digest,
        from: &Path,
        size: u64,
        rights: Rights,
        how: CacheLink,
        is_as_read: &dyn Fn() -> bool,
    ) -> io::Result<Option<Came>> {
        if self.has_good(object, size)? {
            return Ok(None);
        }
        let scratch = self.scratch()?;
        let came = link::bring(from, &scratch, size, rights, how, None)?;
        let is_it = match came {
            Came::Copied(digest) => digest == *object,
            Came::Shared | Came::Linked => is_as_read(),
        };
        if !is_it {
            let _ = fs::remove_file(&scratch);
            return Err(io::Error::other(format!("{} changed while it was kept", from.display())));
        }
        self.settle(object, &scratch, size)?;
        Ok(Some(came))
    }

    /// Whether an object may be believed without reading it.
    pub(super) fn is_seen(&self, object: &Digest) -> bool {
        let look = fs::symlink_metadata(self.object(object)).ok().and_then(|meta| Look::of(&meta));
        let note = link::read(&self.place("seen", object)).ok();
        look.zip(note).is_some_and(|(look, note)| look.is_that_of(&note))
    }

    /// Takes note that the bytes of an object were just read and are right. Without the note they are read again.
    pub(super) fn note_seen(&self, object: &Digest) {
        if let Some(look) = fs::symlink_metadata(self.object(object)).ok().and_then(|meta| Look::of(&meta)) {
            let _ = self.write(&self.place("seen", object), look.note().as_bytes());
        }
    }

    /// Whether an object is there and right; one that is not is removed, so that it is taken anew.
    pub(super) fn verify(&self, object: &Digest) -> io::Result<bool> {
        match found(link::digest_of(&self.object(object))) {
            Ok(None) => return Ok(false),
            Ok(Some((digest, _))) if digest == *object => return Ok(true),
            Err(error) if !link::is_no_file(&error) => return Err(error),
            Ok(Some(_)) | Err(_) => {}
        }
        self.discard(object)?;
        Ok(false)
    }

    /// Whether an object is there with all its bytes, which are read unless they may be believed. One that is damaged is
    /// removed, so that it is taken anew.
    pub(super) fn has_good(&self, object: &Digest, size: u64) -> io::Result<bool> {
        if self.size(object)? != Some(size) {
            return Ok(false);
        }
        // What is small is read in less time than it takes to note that it was.
        let is_noted = size > link::SMALL;
        if is_noted && self.is_seen(object) {
            return Ok(true);
        }
        // What cannot be read is replaced.
        let is_good = self.verify(object).unwrap_or(false);
        if is_good && is_noted {
            self.note_seen(object);
        }
        Ok(is_good)
    }

    /// Takes note that a shared place had not what it said it had of an object.
    pub(super) fn note_lost(&self, object: &Digest) {
        let _ = self.write(&self.place("lost", object), b"");
    }

    pub(super) fn is_noted_lost(&self, object: &Digest) -> bool {
        fs::symlink_metadata(self.place("lost", object)).is_ok()
    }

    pub(super) fn forget_lost(&self, object: &Digest) {
        let _ = fs::remove_file(self.place("lost", object));
    }

    /// Whether what is in the place of an entry, and is none, may be one that somebody is at writing.
    pub(super) fn may_be_written_now(&self, key: &Digest, bytes: &[u8]) -> bool {
        const LONG: u64 = 60;
        let meta = fs::symlink_metadata(self.entry_place(key));
        let changed = |meta: Metadata| filetime::FileTime::from_last_modification_time(&meta).unix_seconds();
        let age =
            meta.map_or(0, |meta| (clock::wall_ms() / 1000).saturating_sub(changed(meta).max(0) as u64));
        age < LONG && Entry::is_beginning(bytes)
    }

    /// Removes an object.
    pub(super) fn discard(&self, object: &Digest) -> io::Result<()> {
        let _ = fs::remove_file(self.place("seen", object));
        remove(&self.object(object))
    }

    pub(super) fn discard_entry(&self, key: &Digest) -> io::Result<()> {
        remove(&self.entry_place(key))
    }

    /// Takes note that an entry was of use, for those who have to make room. Not each time: that would be a write for each
    /// read.
    pub(super) fn note_use(&self, key: &Digest) {
        const OFTEN: Duration = Duration::from_secs(3600);
        let place = self.entry_place(key);
        let Ok(meta) = fs::symlink_metadata(&place) else { return };
        let (now, then) = (clock::wall_ms() / 1000, filetime::FileTime::from_last_modification_time(&meta));
        if now.saturating_sub(then.unix_seconds().max(0) as u64) >= OFTEN.as_secs() {
            let _ = filetime::set_file_mtime(&place, filetime::FileTime::from_unix_time(now as i64, 0));
        }
    }
}

/// As a place that is shared, it is not made in passing: the disk that is meant may not be there, or the name be wrong.
impl CacheBackend for CacheDirectory {
    fn name(&self) -> String {
        self.dir.display().to_string()
    }

    fn entry(&self, key: &Digest) -> io::Result<Option<Vec<u8>>> {
        match self.read_entry(key)? {
            None => self.is_to_be_had().map(|()| None),
            entry => Ok(entry),
        }
    }

    fn put_entry(&self, key: &Digest, entry: &[u8], _: &[Digest]) -> io::Result<()> {
        self.is_to_be_had()?;
        self.write(&self.entry_place(key), entry)
    }

    fn get(&self, object: &Digest, _: Option<u64>, to: &mut dyn Write) -> io::Result<bool> {
        let place = self.object(object);
        let file = match found(link::open(&place)) {
            Err(error) if link::is_no_file(&error) => None,
            // Whoever is told of it has to find it.
            Err(error) => {
                return Err(io::Error::new(
                    error.kind(),
                    format!("cannot read {}: {error}", place.display()),
                ));
            }
            Ok(file) => file,
        };
        let Some(mut file) = file else { return Ok(false) };
        io::copy(&mut file, to).map(|_| true)
    }

    fn put(&self, object: &Digest, content: &mut File) -> io::Result<()> {
        self.put_unless(object, content, false, &|| false)
    }

    fn replace(&self, object: &Digest, content: &mut File) -> io::Result<()> {
        self.put_unless(object, content, true, &|| false)
    }

    fn put_unless(
        &self,
        object: &Digest,
        content: &mut File,
        over: bool,
        stops: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        self.is_to_be_had()?;
        let size = content.metadata()?.len();
        if !over && self.size(object)? == Some(size) {
            return Ok(());
        }
        let mut content = Unless { content, stops };
        self.receive(object, size, |to| io::copy(&mut content, to).map(|_| true)).map(drop)
    }
}

/// A content that ends with an error when `stops` says so.
struct Unless<'a> {
    content: &'a mut File,
    stops: &'a dyn Fn() -> bool,
}

impl Read for Unless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.stops)() {
            true => Err(io::Error::other("stopped")),
            false => self.content.read(buffer),
        }
    }
}

impl CacheDirectory {
    /// Whether it is there. An error of kind `NotFound` says what is missing.
    fn is_to_be_had(&self) -> io::Result<()> {
        if self.begun.get().is_some() || self.is_placed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let not_found = |what: String| Err(io::Error::new(io::ErrorKind::NotFound, what));
        match found(fs::metadata(&self.dir))? {
            Some(meta) if meta.is_dir() && self.find_mark()? => {
                self.is_placed.store(true, Ordering::Relaxed);
                Ok(())
            }
            // As the place is where a disk is to be mounted.
            Some(meta) if meta.is_dir() => not_found("the directory is no cache".into()),
            Some(_) => not_found("it is a file, not a directory".into()),
            None => {
                let above =
                    self.dir.ancestors().skip(1).find(|above| above.as_os_str().is_empty() || above.is_dir());
                not_found(match above.filter(|above| !above.as_os_str().is_empty()) {
                    Some(above) => format!("of its path only {} exists", above.display()),
                    None => "there is no such directory".into(),
                })
            }
        }
    }

    /// The bytes of what is in the place of an entry.
    pub(super) fn read_entry(&self, key: &Digest) -> io::Result<Option<Vec<u8>>> {
        let file = match found(link::open(&self.entry_place(key))) {
            // As any other thing that is no entry: whoever asks passes it over, and the next result takes its place.
            Err(error) if link::is_no_file(&error) => return Ok(Some(Vec::new())),
            other => other?,
        };
        let Some(file) = file else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(MAX_ENTRY + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_ENTRY {
            return Err(io::Error::other("an entry of more than 256 MiB"));
        }
        Ok(Some(bytes))
    }
}

/// What of the rights of a directory that others share has to be given to what is made in it, for the mask of a process takes
/// it away: who may read in it reads all, and who may write in it writes everywhere.
#[derive(Debug, Default, PartialEq, Eq)]
struct Given {
    directory: u32,
    file: u32,
    group: Option<u32>,
}

impl Given {
    #[cfg(unix)]
    fn by(dir: &Path) -> Given {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(meta) = fs::metadata(dir) else { return Given::default() };
        // For others than the owner; in what a group may write the group stays.
        let group = if meta.mode() & 0o020 != 0 { 0o2000 } else { 0 };
        Given { directory: meta.mode() & 0o2077 | group, file: meta.mode() & 0o044, group: Some(meta.gid()) }
    }

    #[cfg(not(unix))]
    fn by(_: &Path) -> Given {
        Given::default()
    }

    fn to_directory(&self, path: &Path) {
        self.to(path, self.directory);
    }

    fn to_file(&self, path: &Path) {
        self.to(path, self.file);
    }

    /// What cannot be given is not: that is between those who share.
    #[cfg(unix)]
    fn to(&self, path: &Path, rights: u32) {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        // Mostly nothing is missing, and files are many.
        let Some(meta) =
            Some(rights).filter(|rights| *rights != 0).and_then(|_| fs::symlink_metadata(path).ok())
        else {
            return;
        };
        if self.group.is_some_and(|group| group != meta.gid()) && rights & 0o070 != 0 {
            let _ = chown(path, None, self.group);
        }
        if meta.mode() & rights != rights {
            let _ = fs::set_permissions(path, fs::Permissions::from_mode((meta.mode() | rights) & 0o7777));
        }
    }

    #[cfg(not(unix))]
    fn to(&self, _: &Path, _: u32) {}
}

/// Something that went wrong in the directory that takes an object.
#[derive(Debug)]
struct Own(io::Error);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Own {}

fn own(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), Own(error))
}

pub(super) fn is_own(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Own>())
}

/// Bytes on their way into the cache.
struct Incoming {
    file: File,
    hasher: blake3::Hasher,
    size: u64,
    /// What is more is another object, and could be without end.
    most: u64,
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.most.saturating_sub(self.size) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "what came is more than was promised, and was refused",
            ));
        }
        let n = self.file.write(bytes).map_err(own)?;
        self.hasher.update(bytes.get(..n).unwrap_or_default());
        self.size += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Removes a file, or what stands in its place.
fn remove(path: &Path) -> io::Result<()> {
    match found(fs::remove_file(path)) {
        Err(_) if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) => fs::remove_dir_all(path),
        removed => removed.map(drop),
    }
}

/// Nothing there is no error.
pub(super) fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default()
}
