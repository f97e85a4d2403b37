//! What a cache holds, what may go, and whether it is still right. Others may use the directory meanwhile: whoever loses an
//! object to this makes the result again.

use super::directory::{CacheDirectory, found};
use super::entry::{Entry, Form, Kept};
use super::link;
use super::manifest;
use crate::base::clock;
use crate::base::digest::Digest;
use rustc_hash::{FxHashMap, FxHashSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a cache holds.
///
/// ```
/// use rulemake::cache::CacheUsage;
/// fn tell(usage: &CacheUsage) -> String {
///     format!("{} results in {} bytes", usage.results, usage.bytes)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct CacheUsage {
    /// Results.
    pub results: usize,
    /// Objects: files, and lists of what lies in a directory. One object may belong to many results; a small file is one of
    /// the result alone that made it.
    pub objects: usize,
    /// Bytes of all objects.
    pub bytes: u64,
    /// Bytes of objects that are files of a project, too, by hard links: they take no room of their own.
    pub linked_bytes: u64,
    /// By rule, those with most bytes first.
    pub rules: Vec<CachedRule>,
}

/// What a cache holds of a rule.
///
/// ```
/// use rulemake::cache::CachedRule;
/// fn greatest(rules: &[CachedRule]) -> Option<&CachedRule> {
///     rules.iter().max_by_key(|rule| rule.bytes)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct CachedRule {
    /// Name of the rule.
    pub rule: String,
    /// Results.
    pub results: usize,
    /// Bytes of their files; what several results have in common counts for each.
    pub bytes: u64,
}

/// What may go of a cache. Without any limit only what is of no use to anybody.
///
/// ```
/// use rulemake::cache::CacheLimits;
/// let mut limits = CacheLimits::default();
/// limits.max_bytes = Some(10 << 30);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheLimits {
    /// The results that were of use last stay, as long as their objects have no more bytes together.
    pub max_bytes: Option<u64>,
    /// Results that were of no use for longer go.
    pub max_age: Option<Duration>,
    /// So many results of each output stay, whatever the other limits say, those that were of use last. Without other limits
    /// all others go.
    pub keep_last: Option<usize>,
    /// What was written within this time stays whatever the other limits say, for who writes it may be at it; an hour when
    /// nothing else is said.
    pub min_age: Option<Duration>,
}

/// What went, or would go.
///
/// ```
/// use rulemake::cache::CacheRemoved;
/// fn tell(removed: &CacheRemoved) -> String {
///     format!("{} results, {} bytes", removed.results, removed.bytes)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct CacheRemoved {
    /// Results.
    pub results: usize,
    /// Objects that belong to none of the others.
    pub objects: usize,
    /// Bytes of these objects.
    pub bytes: u64,
    /// Files that were being written by processes that ended at it.
    pub leftovers: usize,
    /// Bytes of these files.
    pub leftover_bytes: u64,
    /// Results that stay.
    pub kept: usize,
    /// Objects that will go, but are too young now. The results that need them stay as long as they do, and are among the
    /// kept ones.
    pub young_objects: usize,
    /// Files being written, or left so, that are too young to tell.
    pub young_leftovers: usize,
    /// Bytes of both.
    pub young_bytes: u64,
}

/// What is wrong in a cache.
///
/// ```
/// use rulemake::cache::CacheFaults;
/// fn is_good(faults: &CacheFaults) -> bool {
///     faults.damaged.is_empty()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct CacheFaults {
    /// Objects that were read.
    pub objects: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// Objects that are not what their name says.
    pub damaged: Vec<String>,
    /// Results that cannot be read, or lack an object.
    pub incomplete: usize,
}

/// What is written is left alone for so long: who writes it may be at it.
const YOUNG: Duration = Duration::from_secs(3600);

/// A note of what a shared place lacks is of use for so long.
const NOTED: Duration = Duration::from_secs(90 * 24 * 3600);

struct KeptResult {
    key: Digest,
    entry: Entry,
    /// Seconds since the epoch, when it was of use last.
    used: u64,
    changed_ms: u64,
    /// How many small files stand in the entry, and their bytes.
    small: (usize, u64),
    objects: Vec<Digest>,
    is_complete: bool,
}

struct Object {
    digest: Digest,
    bytes: u64,
    is_linked: bool,
    changed_ms: u64,
}

/// A file of `tmp/`.
struct Leftover {
    path: PathBuf,
    bytes: u64,
    changed_ms: u64,
}

struct Scan {
    results: Vec<KeptResult>,
    /// Entries that are none, and when they were written.
    bad: Vec<(Digest, u64)>,
    objects: Vec<Object>,
}

impl Scan {
    /// The objects that stand in entries.
    fn small(&self) -> (usize, u64) {
        sum(self.results.iter().map(|result| result.small))
    }

    /// Entries of results that are kept once more, as what a lock file names: with them each result would count twice.
    fn doubles(&self) -> FxHashSet<Digest> {
        let what = |result: &KeptResult| {
            let outputs = result.entry.outputs.iter().map(|kept| format!("{} {}\n", kept.digest, kept.path));
            Digest::of(outputs.collect::<String>().as_bytes())
        };
        let (pinned, own): (Vec<&KeptResult>, Vec<&KeptResult>) =
            self.results.iter().partition(|result| result.entry.pinned);
        let own: FxHashSet<Digest> = own.into_iter().map(what).collect();
        pinned.into_iter().filter(|result| own.contains(&what(result))).map(|result| result.key).collect()
    }
}

fn sum(all: impl Iterator<Item = (usize, u64)>) -> (usize, u64) {
    all.fold((0, 0), |(n, bytes), (more, size)| (n + more, bytes + size))
}

impl CacheDirectory {
    /// What is in it.
    ///
    /// ```
    /// # use rulemake::cache::CacheDirectory;
    /// # let dir = std::env::temp_dir().join("no-such-cache");
    /// let usage = CacheDirectory::new(&dir).usage()?;
    /// for rule in &usage.rules {
    ///     println!("{}: {} bytes", rule.rule, rule.bytes);
    /// }
    /// assert_eq!(usage.bytes, 0, "nothing is kept yet");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// It cannot be read.
    pub fn usage(&self) -> io::Result<CacheUsage> {
        let scan = self.scan()?;
        let mut rules: FxHashMap<&str, CachedRule> = FxHashMap::default();
        let doubles = scan.doubles();
        let results = || scan.results.iter().filter(|result| !doubles.contains(&result.key));
        for result in results() {
            let rule = rules.entry(&result.entry.rule).or_default();
            rule.results += 1;
            rule.bytes += result.entry.kept().map(Kept::size).sum::<u64>();
        }
        let named = |(name, rule): (&str, CachedRule)| CachedRule { rule: name.to_string(), ..rule };
        let mut rules: Vec<CachedRule> = rules.into_iter().map(named).collect();
        rules.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.rule.cmp(&b.rule)));
        let linked = scan.objects.iter().filter(|object| object.is_linked);
        let (small, small_bytes) = scan.small();
        Ok(CacheUsage {
            results: results().count(),
            objects: scan.objects.len() + small,
            bytes: scan.objects.iter().map(|object| object.bytes).sum::<u64>() + small_bytes,
            linked_bytes: linked.map(|object| object.bytes).sum(),
            rules,
        })
    }

    /// Makes room: finds what may go, and removes it if `remove`.
    ///
    /// ```
    /// # use rulemake::cache::{CacheDirectory, CacheLimits};
    /// # let dir = std::env::temp_dir().join("no-such-cache");
    /// let mut limits = CacheLimits::default();
    /// limits.max_age = Some(std::time::Duration::from_secs(90 * 24 * 3600));
    /// let would_go = CacheDirectory::new(&dir).make_room(&limits, false)?;
    /// assert_eq!((would_go.results, would_go.bytes), (0, 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// It cannot be read, or something cannot be removed.
    pub fn make_room(&self, limits: &CacheLimits, remove: bool) -> io::Result<CacheRemoved> {
        let mut scan = self.scan()?;
        scan.results.sort_by_key(|result| std::cmp::Reverse((result.used, result.key)));
        let doubles = scan.doubles();
        let is_counted = |key: &Digest| !doubles.contains(key);
        let sizes: FxHashMap<Digest, u64> = scan.objects.iter().map(|o| (o.digest, o.bytes)).collect();
        let now_ms = clock::wall_ms();
        let now = now_ms / 1000;
        let grace_ms = limits.min_age.unwrap_or(YOUNG).as_millis() as u64;
        let is_young = |changed_ms: u64| now_ms.saturating_sub(changed_ms) < grace_ms;
        let young: FxHashSet<Digest> =
            scan.objects.iter().filter(|o| is_young(o.changed_ms)).map(|o| o.digest).collect();
        let only_last = limits.max_bytes.is_none() && limits.max_age.is_none();
        let (mut live, mut waiting) = (FxHashSet::<Digest>::default(), FxHashSet::<Digest>::default());
        let (mut bytes, mut last) = (0u64, FxHashMap::<String, usize>::default());
        let (mut going, mut kept) = (Vec::new(), 0);
        let (mut gone_small, mut young_small) = ((0, 0), (0, 0));
        for result in &scan.results {
            let name = result.entry.outputs.first().map_or("", |output| &output.path);
            let kind = u8::from(result.entry.pinned);
            let nth = last.entry(format!("{kind} {} {name}", result.entry.rule)).or_default();
            *nth += 1;
            let is_last = limits.keep_last.map(|most| *nth <= most);
            let mut new: Vec<Digest> =
                result.objects.iter().filter(|o| !live.contains(*o)).copied().collect();
            new.sort_unstable();
            new.dedup();
            let more = new.iter().filter_map(|object| sizes.get(object)).sum::<u64>() + result.small.1;
            let is_old = limits.max_age.is_some_and(|age| now.saturating_sub(result.used) > age.as_secs());
            let is_much = limits.max_bytes.is_some_and(|most| bytes + more > most);
            let stays = match is_last {
                Some(true) => true,
                Some(false) if only_last => false,
                _ => !is_old && !is_much,
            };
            if stays && result.is_complete {
                bytes += more;
                live.extend(new);
                kept += usize::from(is_counted(&result.key));
                continue;
            }
            let is_young_itself = result.small.0 > 0 && is_young(result.changed_ms);
            if result.is_complete && (is_young_itself || new.iter().any(|object| young.contains(object))) {
                // Without its entry nothing would be gained, and the result lost.
                waiting.extend(new);
                young_small = sum([young_small, result.small].into_iter());
                kept += usize::from(is_counted(&result.key));
            } else {
                gone_small = sum([gone_small, result.small].into_iter());
                going.push(result.key);
            }
        }
        // One that was just begun is none either.
        going.extend(scan.bad.iter().filter(|(_, changed_ms)| !is_young(*changed_ms)).map(|(key, _)| key));
        let useless = scan.objects.iter().filter(|object| !live.contains(&object.digest));
        let (later, dead): (Vec<&Object>, Vec<&Object>) =
            useless.partition(|object| young.contains(&object.digest) || waiting.contains(&object.digest));
        let (unfinished, leftovers): (Vec<Leftover>, Vec<Leftover>) =
            self.leftovers()?.into_iter().partition(|leftover| is_young(leftover.changed_ms));
        let bytes_of = |objects: &[&Object]| objects.iter().map(|object| object.bytes).sum::<u64>();
        let bytes_in = |files: &[Leftover]| files.iter().map(|file| file.bytes).sum::<u64>();
        let removed = CacheRemoved {
            results: going.iter().filter(|key| is_counted(key)).count(),
            objects: dead.len() + gone_small.0,
            bytes: bytes_of(&dead) + gone_small.1,
            leftovers: leftovers.len(),
            leftover_bytes: bytes_in(&leftovers),
            kept,
            young_objects: later.len() + young_small.0,
            young_leftovers: unfinished.len(),
            young_bytes: bytes_of(&later) + bytes_in(&unfinished) + young_small.1,
        };
        if remove {
            // Entries first: one without its objects is a promise that is not held.
            going.iter().try_for_each(|key| self.discard_entry(key))?;
            dead.iter().try_for_each(|object| self.discard(&object.digest))?;
            leftovers.iter().try_for_each(|file| found(fs::remove_file(&file.path)).map(drop))?;
            // Who would give these anew has not come by.
            let is_old = |meta: &Metadata| now_ms.saturating_sub(changed_ms(meta)) > NOTED.as_millis() as u64;
            let mut notes = named(&self.part("lost"))?.into_iter().filter(|(.., meta)| is_old(meta));
            notes.try_for_each(|(_, path, _)| found(fs::remove_file(path)).map(drop))?;
        }
        Ok(removed)
    }

    /// Reads every object, and tells which are not what their names say. With `remove` these go, and the results that need
    /// them.
    ///
    /// ```
    /// # use rulemake::cache::CacheDirectory;
    /// # let dir = std::env::temp_dir().join("no-such-cache");
    /// assert!(CacheDirectory::new(&dir).check(false)?.damaged.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Something cannot be read, or removed.
    pub fn check(&self, remove: bool) -> io::Result<CacheFaults> {
        let scan = self.scan()?;
        // What is small was read with its entry.
        let (objects, bytes) = scan.small();
        let mut faults = CacheFaults { objects, bytes, ..CacheFaults::default() };
        let mut gone: FxHashSet<Digest> = FxHashSet::default();
        for object in &scan.objects {
            match found(link::digest_of(&self.object(&object.digest))) {
                // Somebody else may make room at the same time.
                Ok(None) => continue,
                Ok(Some((digest, bytes))) => {
                    faults.objects += 1;
                    faults.bytes += bytes;
                    if digest == object.digest {
                        continue;
                    }
                }
                Err(error) if link::is_no_file(&error) => faults.objects += 1,
                Err(error) => {
                    let place = self.object(&object.digest);
                    return Err(io::Error::new(
                        error.kind(),
                        format!("cannot read {}: {error}", place.display()),
                    ));
                }
            }
            faults.damaged.push(object.digest.to_string());
            gone.insert(object.digest);
            if remove {
                self.discard(&object.digest)?;
            }
        }
        let lacks =
            |result: &&KeptResult| !result.is_complete || result.objects.iter().any(|o| gone.contains(o));
        let incomplete: Vec<Digest> = scan.results.iter().filter(lacks).map(|result| result.key).collect();
        faults.incomplete = incomplete.len() + scan.bad.len();
        if remove {
            let bad = scan.bad.iter().map(|(key, _)| key);
            incomplete.iter().chain(bad).try_for_each(|key| self.discard_entry(key))?;
        }
        Ok(faults)
    }

    fn scan(&self) -> io::Result<Scan> {
        let mut scan = Scan { results: Vec::new(), bad: Vec::new(), objects: Vec::new() };
        for (digest, _, meta) in named(&self.part("cas"))? {
            let (is_linked, changed_ms) = (has_names(&meta), changed_ms(&meta));
            scan.objects.push(Object { digest, bytes: meta.len(), is_linked, changed_ms });
        }
        let there: FxHashSet<Digest> = scan.objects.iter().map(|object| object.digest).collect();
        for (key, _, meta) in named(&self.part("ac"))? {
            let entry = self.read_entry(&key).ok().flatten().and_then(|bytes| Entry::from_bytes(&bytes));
            let Some(entry) = entry else {
                scan.bad.push((key, changed_ms(&meta)));
                continue;
            };
            let small = entry.kept().filter_map(|kept| kept.form.small());
            let small = sum(small.map(|content| (1, content.len() as u64)));
            let used = filetime::FileTime::from_last_modification_time(&meta).unix_seconds().max(0) as u64;
            let objects = self.objects_of(&entry);
            let is_complete =
                objects.as_ref().is_some_and(|objects| objects.iter().all(|object| there.contains(object)));
            scan.results.push(KeptResult {
                key,
                entry: entry.without_small(),
                used,
                changed_ms: changed_ms(&meta),
                small,
                objects: objects.unwrap_or_default(),
                is_complete,
            });
        }
        Ok(scan)
    }

    /// All objects that an entry needs; `None` when one is missing that tells of others.
    fn objects_of(&self, entry: &Entry) -> Option<Vec<Digest>> {
        let mut objects = Vec::new();
        for kept in entry.kept() {
            objects.extend(kept.object());
            if let Form::Directory { manifest, .. } = &kept.form {
                let bytes = link::read(&self.object(manifest)).ok()?;
                objects.extend(manifest::objects(&bytes)?);
            }
        }
        Some(objects)
    }

    /// What is being written, or was by who died at it.
    fn leftovers(&self) -> io::Result<Vec<Leftover>> {
        let mut all = Vec::new();
        let Some(listing) = found(fs::read_dir(self.part("tmp")))? else { return Ok(all) };
        for item in listing {
            let item = item?;
            let Some(meta) = found(fs::symlink_metadata(item.path()))? else { continue };
            if !meta.is_dir() {
                all.push(Leftover { path: item.path(), bytes: meta.len(), changed_ms: changed_ms(&meta) });
            }
        }
        Ok(all)
    }
}

/// The files of a part of the cache by the digests that name them; what is not called so is not ours.
fn named(part: &Path) -> io::Result<Vec<(Digest, PathBuf, Metadata)>> {
    let mut all = Vec::new();
    let Some(shards) = found(fs::read_dir(part))? else { return Ok(all) };
    for shard in shards {
        let shard = shard?;
        let Some(listing) = found(fs::read_dir(shard.path()))? else { continue };
        for item in listing {
            let item = item?;
            let hex = format!(
                "blake3:{}{}",
                shard.file_name().to_string_lossy(),
                item.file_name().to_string_lossy()
            );
            let Some(digest) = Digest::parse(&hex) else { continue };
            // Gone meanwhile.
            let Some(meta) = found(fs::symlink_metadata(item.path()))? else { continue };
            // A pipe or a directory may stand for a file: it is found to be none when it is opened.
            all.push((digest, item.path(), meta));
        }
    }
    all.sort_unstable_by_key(|(digest, ..)| *digest);
    Ok(all)
}

/// When a file got its content or a name: a linked one has the time of its job.
fn changed_ms(meta: &Metadata) -> u64 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        (meta.ctime().max(0) as u64).saturating_mul(1000)
    }
    #[cfg(not(unix))]
    {
        let time = filetime::FileTime::from_last_modification_time(meta);
        (time.unix_seconds().max(0) as u64).saturating_mul(1000)
    }
}

fn has_names(meta: &Metadata) -> bool {
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(meta);
    #[cfg(not(unix))]
    let names = {
        let _ = meta;
        1
    };
    names > 1
}
