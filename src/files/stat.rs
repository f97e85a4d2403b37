//! What one `stat` tells, and when it may be believed. Knows no content and no memory of earlier runs. Invariant: the
//! times of files are compared with the clock of their file system only, never with that of this machine.

use crate::base::clock;
#[cfg(unix)]
#[allow(unused_imports, reason = "with files in memory the types have these methods themselves")]
use crate::disk::unix::{MetadataExt as _, PermissionsExt as _};
use crate::disk::{self as fs, File, Metadata, OpenOptions};
use crate::error::{Error, Result};
use crate::trace::identity::{FileKind, StatSig};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A signature, and the file system it is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stat {
    pub(crate) sig: StatSig,
    pub(crate) device: u64,
}

/// Looks at `path`, symlinks followed. `None`: nothing is there, a dangling link included.
pub(crate) fn stat(path: &Path) -> Result<Option<Stat>> {
    match fs::metadata(path) {
        Ok(meta) => Ok(Some(from_metadata(&meta))),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(Error::io("look at", path, error)),
    }
}

/// A directory in which many files are looked at.
pub(crate) struct Root {
    path: PathBuf,
    /// `None`: it cannot be opened, or is not there yet.
    handle: Option<std::fs::File>,
}

impl Root {
    pub(crate) fn new(path: PathBuf) -> Root {
        // In memory there is nothing to keep open.
        let handle = std::fs::File::open(&path).ok();
        Root { path, handle }
    }

    pub(crate) fn join(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// As [`stat`], of a path below the directory or an absolute one.
    pub(crate) fn stat(&self, path: &str) -> Result<Option<Stat>> {
        let Some(handle) = &self.handle else { return stat(&self.join(path)) };
        match crate::sys::stat_from(handle, path) {
            Ok(found) => Ok(Some(from_system(&found))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(Error::io("look at", &self.join(path), error)),
        }
    }
}

#[allow(clippy::unnecessary_cast, reason = "the fields have another size on other systems")]
fn from_system(found: &libc::stat) -> Stat {
    let kind = match found.st_mode & libc::S_IFMT {
        libc::S_IFREG => FileKind::File,
        libc::S_IFDIR => FileKind::Directory,
        _ => FileKind::Special,
    };
    let sig = StatSig {
        kind,
        size: found.st_size as u64,
        mtime_ns: nanoseconds(found.st_mtime as i64, found.st_mtime_nsec as i64),
        ctime_ns: nanoseconds(found.st_ctime as i64, found.st_ctime_nsec as i64),
        inode: found.st_ino as u64,
    };
    Stat { sig, device: found.st_dev as u64 }
}

/// Looks at `path` itself, a symlink included. `None`: nothing is there.
pub(super) fn lstat(path: &Path) -> Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(Error::io("look at", path, error)),
    }
}

/// Whether anybody may execute the file.
pub(crate) fn is_executable(meta: &Metadata) -> bool {
    #[cfg(unix)]
    let executable = meta.permissions().mode() & 0o111 != 0;
    #[cfg(not(unix))]
    let executable = {
        let _ = meta;
        false
    };
    executable
}

/// Whether anybody may write to it.
pub(super) fn is_writable(meta: &Metadata) -> bool {
    #[cfg(unix)]
    let writable = meta.permissions().mode() & 0o222 != 0;
    #[cfg(not(unix))]
    let writable = !meta.permissions().readonly();
    writable
}

/// Lets the owner write to it, or nobody.
pub(super) fn set_writable(path: &Path, meta: &Metadata, writable: bool) -> Result<()> {
    let mut permissions = meta.permissions();
    #[cfg(unix)]
    {
        let mode = permissions.mode();
        permissions.set_mode(if writable { mode | 0o200 } else { mode & !0o222 });
    }
    #[cfg(not(unix))]
    permissions.set_readonly(!writable);
    fs::set_permissions(path, permissions).map_err(|error| Error::io("set the permissions of", path, error))
}

/// Whether an error says that there is no such file. `a/b` does not exist when `a` is a file.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(super) fn from_metadata(meta: &Metadata) -> Stat {
    let kind = if meta.is_file() {
        FileKind::File
    } else if meta.is_dir() {
        FileKind::Directory
    } else {
        FileKind::Special
    };
    let (seconds, rest) = fs::modified(meta);
    let mtime_ns = nanoseconds(seconds, rest.into());
    #[cfg(unix)]
    let (ctime_ns, inode, device) =
        { (nanoseconds(meta.ctime(), meta.ctime_nsec()), meta.ino(), meta.dev()) };
    #[cfg(not(unix))]
    let (ctime_ns, inode, device) = (mtime_ns, 0, 0);
    Stat { sig: StatSig { kind, size: meta.len(), mtime_ns, ctime_ns, inode }, device }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// The time of a file system, read before a file was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Observed {
    pub(crate) time_ns: i64,
    pub(crate) device: u64,
}

/// A clock tick of common kernels is at most 10 ms; within one, two changes leave the same times.
const SLACK_NS: i64 = 20_000_000;
/// For file systems that keep whole seconds (some keep only even ones), and for those whose clock we do not read.
const COARSE_SLACK_NS: i64 = 2_000_000_000;

/// Whether an equal signature will prove an equal content: the last change lay so long before the reading that a
/// change after it must show another time.
pub(crate) fn is_settled(stat: &Stat, observed: Option<Observed>) -> bool {
    observed.is_some_and(|observed| {
        stat.sig.ctime_ns.saturating_add(slack(stat, observed.device)) < observed.time_ns
    })
}

fn slack(stat: &Stat, clock_device: u64) -> i64 {
    let whole_seconds = stat.sig.ctime_ns % 1_000_000_000 == 0;
    if whole_seconds || stat.device != clock_device { COARSE_SLACK_NS } else { SLACK_NS }
}

/// How long to wait until a file that was changed just now can be read as settled, if that is soon.
pub(crate) fn settles_in(stat: &Stat, observed: Observed) -> Option<Duration> {
    if slack(stat, observed.device) != SLACK_NS {
        return None;
    }
    let left = stat.sig.ctime_ns.saturating_add(SLACK_NS).saturating_sub(observed.time_ns);
    // A reading of the clock may be a little older than the file.
    u64::try_from(left).ok().filter(|&left| left <= 2 * SLACK_NS as u64).map(Duration::from_nanos)
}

/// The clock of the file system that holds the state directory: a probe file is written and its time looked at.
pub(crate) struct FsClock {
    probe: Option<PathBuf>,
    last: Mutex<LastReading>,
}

#[derive(Default)]
struct LastReading {
    file: Option<File>,
    at: Option<(Instant, Observed)>,
    /// The probe could not be written: nothing more is tried, and nothing is settled.
    broken: bool,
}

/// An old reading is an early one, which only leaves more files unsettled.
const FRESH: Duration = Duration::from_millis(4);

impl FsClock {
    /// `probe_dir` exists and may be written to. Without it nothing is written and nothing is ever settled.
    pub(crate) fn new(probe_dir: Option<&Path>) -> FsClock {
        FsClock { probe: probe_dir.map(|dir| dir.join("probe")), last: Mutex::default() }
    }

    /// The time now, or at most 4 ms ago.
    pub(crate) fn now(&self) -> Option<Observed> {
        let probe = self.probe.as_deref()?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = clock::monotonic();
        if let Some((_, observed)) = last.at.filter(|(at, _)| asked.duration_since(*at) < FRESH) {
            return Some(observed);
        }
        if last.broken {
            return None;
        }
        let reading = read_clock(probe, &mut last.file);
        last.broken = reading.is_err();
        last.at = reading.ok().map(|observed| (asked, observed));
        last.at.map(|(_, observed)| observed)
    }
}

fn read_clock(probe: &Path, file: &mut Option<File>) -> io::Result<Observed> {
    let file = match file {
        Some(file) => file,
        None => {
            // To open a pipe would wait for a reader, and through a link somebody's file would be written to.
            if fs::symlink_metadata(probe).is_ok_and(|meta| !meta.is_file()) {
                fs::remove_file(probe)?;
            }
            file.insert(OpenOptions::new().write(true).create(true).truncate(false).open(probe)?)
        }
    };
    file.seek(SeekFrom::Start(0))?;
    file.write_all(b".")?;
    let stat = from_metadata(&file.metadata()?);
    Ok(Observed { time_ns: stat.sig.ctime_ns, device: stat.device })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settled_rule() {
        let second = 1_000_000_000i64;
        let (here, there) = (5, 6);
        for (ctime_ns, device, observed, settled, why) in [
            (7 * second + 1, here, Some(7 * second + 20_000_002), true, "20 ms and more before the reading"),
            (7 * second + 1, here, Some(7 * second + 20_000_001), false, "exactly 20 ms"),
            (7 * second + 1, here, Some(7 * second + 1), false, "the same tick"),
            (7 * second + 1, here, Some(6 * second), false, "changed after the reading, or a clock set back"),
            (7 * second, here, Some(8 * second), false, "no part of a second: the clock may be coarse"),
            (7 * second, here, Some(9 * second + 1), true, "coarse, but two seconds ago"),
            (7 * second + 1, there, Some(8 * second), false, "the clock of another file system"),
            (7 * second + 1, there, Some(9 * second + 2), true, "another clock, but two seconds ago"),
            (7 * second + 1, here, None, false, "no clock"),
            (i64::MAX, here, Some(i64::MAX), false, "no overflow"),
            (i64::MIN, here, Some(0), true, "before all times"),
        ] {
            let sig = StatSig { kind: FileKind::File, size: 0, mtime_ns: 0, ctime_ns, inode: 1 };
            let observed = observed.map(|time_ns| Observed { time_ns, device: here });
            assert_eq!(is_settled(&Stat { sig, device }, observed), settled, "{why}");
        }
    }

    #[test]
    fn the_clock_goes_on_and_follows_its_file_system() {
        let dir = tempfile::tempdir().unwrap();
        let clock = FsClock::new(Some(dir.path()));
        let before = clock.now().unwrap();
        fs::write(dir.path().join("x"), "x").unwrap();
        std::thread::sleep(Duration::from_millis(30));
        let after = clock.now().unwrap();
        let file = stat(&dir.path().join("x")).unwrap().unwrap();
        assert!(!is_settled(&file, Some(before)) && is_settled(&file, Some(after)));
        assert!(before.time_ns < after.time_ns && before.device == file.device);
    }

    #[test]
    fn without_a_place_for_the_probe_there_is_no_clock_and_no_error() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(FsClock::new(None).now(), None);
        assert_eq!(FsClock::new(Some(&dir.path().join("none"))).now(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn kinds_and_absences() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "abc").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        std::os::unix::fs::symlink("loop", at("loop")).unwrap();
        let kind = |name: &str| stat(&at(name)).unwrap().map(|stat| (stat.sig.kind, stat.sig.size));
        let root = Root::new(dir.path().to_path_buf());
        for name in ["file", "link", ".", "dangling", "none", "file/below", "none/below"] {
            assert_eq!(
                root.stat(name).unwrap(),
                stat(&at(name)).unwrap(),
                "{name}: the same from its directory"
            );
        }
        let long = format!("{}file", "./".repeat(200));
        assert_eq!(root.stat(&long).unwrap(), root.stat("file").unwrap(), "a path of any length");
        assert_eq!(root.stat("/dev/null").unwrap(), stat(Path::new("/dev/null")).unwrap());
        assert!(root.stat("a\0b").is_err() && root.stat("loop").unwrap_err().path() == Some(&at("loop")));
        assert_eq!(kind("file"), Some((FileKind::File, 3)));
        assert_eq!(kind("link"), kind("file"), "symlinks are followed");
        assert_eq!(kind("."), Some((FileKind::Directory, fs::metadata(dir.path()).unwrap().len())));
        assert_eq!(stat(Path::new("/dev/null")).unwrap().unwrap().sig.kind, FileKind::Special);
        for missing in ["none", "dangling", "file/below", "none/below"] {
            assert_eq!(kind(missing), None, "{missing}");
        }
        let error = stat(&at("loop")).unwrap_err();
        assert!(error.to_string().contains("loop") && error.path() == Some(&at("loop")), "{error}");
        assert!(stat(Path::new("a\0b")).unwrap_err().path().is_some());
    }
}
