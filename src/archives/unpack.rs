//! Unpacks an archive. It is read twice: first to see whether all of it may come out, then for good; both times each entry goes
//! through the gate. What comes out is made beside its place and moved there when it is whole.

use super::gate::{Gate, Kind};
use super::pack::is_private;
use crate::error::{Error, ErrorKind, Result};
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use tar::{Archive, EntryType};

/// How an archive is unpacked.
///
/// ```
/// use rulemake::archive::UnpackOptions;
/// let mut options = UnpackOptions::default();
/// options.max_bytes = Some(10 << 30);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct UnpackOptions {
    /// Files that are there already may be overwritten.
    pub overwrite: bool,
    /// No more bytes come out; when nothing is said, a thousand times what the archive has, and 1 GiB in any case. What would
    /// give more is refused before anything is written.
    pub max_bytes: Option<u64>,
}

/// What came out of an archive.
///
/// ```
/// use rulemake::archive::Unpacked;
/// fn tell(unpacked: &Unpacked) -> String {
///     format!("{} files, {} bytes", unpacked.files.len(), unpacked.bytes)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unpacked {
    /// Files and links, from the directory, in order of the archive.
    pub files: Vec<String>,
    /// Bytes of the files.
    pub bytes: u64,
    /// How many of the files took the place of others.
    pub overwritten: usize,
}

/// Entries of an archive; more are no project.
const MOST_ENTRIES: usize = 10_000_000;
const ALWAYS: u64 = 1 << 30;
const RATIO: u64 = 1000;

/// Unpacks the archive at `from` into the directory `to`, which is made. Nothing is written outside of `to`, whatever the
/// archive says, and nothing at all when any of it is refused. What was a result is up to date where it is unpacked, by the
/// `Rulefile.lock` beside it.
///
/// ```
/// # use rulemake::{RunOptions, Session, Workflow};
/// # use rulemake::archive::{ArchiveOptions, UnpackOptions, unpack};
/// # let dir = std::env::temp_dir().join(format!("rulemake-doc-unpack-{}", std::process::id()));
/// # let root = dir.join("project");
/// # std::fs::create_dir_all(&root)?;
/// # std::fs::write(root.join("Rulefile"), "rule a:\n    output: 'a.txt'\n    shell: 'echo a > {output}'\n")?;
/// let mut session = Session::builder(Workflow::load(root.join("Rulefile"))?).root(&root).open()?;
/// assert!(session.run::<&str>(&[], &RunOptions::default())?.success());
/// let mut file = std::fs::File::create(dir.join("project.tar.zst"))?;
/// session.archive::<&str>(&[], &RunOptions::default(), &ArchiveOptions::default(), &mut file)?;
///
/// let elsewhere = dir.join("elsewhere");
/// unpack(dir.join("project.tar.zst"), &elsewhere, &UnpackOptions::default())?;
/// let session = Session::builder(Workflow::load(elsewhere.join("Rulefile"))?).root(&elsewhere).open()?;
/// let counts = session.plan::<&str>(&[], &RunOptions::default())?.counts();
/// assert_eq!((counts.run, counts.up_to_date), (0, 1));
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), rulemake::BoxError>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Usage`] when the archive is none, holds what may not come out, or would overwrite something;
/// [`ErrorKind::Environment`] when something cannot be read or written.
pub fn unpack(from: impl AsRef<Path>, to: impl AsRef<Path>, options: &UnpackOptions) -> Result<Unpacked> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let meta = fs::metadata(from).map_err(|error| Error::io("read", from, error))?;
    // To open a pipe would wait for a writer.
    if !meta.is_file() {
        let message = format!("{} is not a regular file", from.display());
        return Err(Error::new(ErrorKind::Usage, message).with_path(from));
    }
    let size = meta.len();
    let most = options.max_bytes.unwrap_or(size.saturating_mul(RATIO).max(ALWAYS));
    let mut look = Look::default();
    let looked = pour(from, most, &mut look)?;
    let conflicts = conflicts(to, &look.directories, &looked.files)?;
    if let (Some(first), false) = (conflicts.first(), options.overwrite) {
        let more = match conflicts.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        let message = format!("{} is there already{more}", to.join(first).display());
        return Err(
            Error::new(ErrorKind::Usage, message).with_help("unpack elsewhere, or with `--overwrite`")
        );
    }
    let is_new = fs::symlink_metadata(to).is_err();
    let beside = beside(to, is_new);
    let done = (|| {
        fs::create_dir_all(&beside).map_err(|error| Error::io("create", &beside, error))?;
        let mut make = Make { dir: beside.clone(), links: Vec::new(), directories: Vec::new() };
        let made = pour(from, most, &mut make)?;
        make.links()?;
        match is_new {
            true => fs::rename(&beside, to).map_err(|error| Error::io("create", to, error))?,
            false => settle(&beside, to, &make.directories, &made.files)?,
        }
        Ok(Unpacked { overwritten: conflicts.len(), ..made })
    })();
    let _ = fs::remove_dir_all(&beside);
    done
}

/// A directory where an archive is made before it goes to its place.
fn beside(to: &Path, is_new: bool) -> PathBuf {
    let name = format!(".rulemake-unpack-{}", std::process::id());
    match to.parent().filter(|_| is_new) {
        Some(parent) => parent.join(name),
        None => to.join(name),
    }
}

/// An entry that came through the gate.
struct New<'a> {
    path: &'a str,
    kind: Kind,
    link: &'a str,
    is_program: bool,
    /// Its owner's alone.
    private: bool,
}

/// What is to be done with the entries of an archive that may come out.
trait Take {
    fn take(&mut self, new: &New<'_>, content: &mut dyn Read) -> io::Result<u64>;
}

/// Names that are too long for a header stand in entries of their own, before the one that they are for.
#[derive(Default)]
struct Long {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl Long {
    /// Whether an entry is such a name.
    fn take(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> io::Result<bool> {
        /// No system knows longer ones.
        const MOST: u64 = 1 << 16;
        let which = match entry.header().entry_type() {
            EntryType::GNULongName => &mut self.path,
            EntryType::GNULongLink => &mut self.link,
            _ => return Ok(false),
        };
        if entry.size() > MOST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a name in it is too long"));
        }
        let mut name = Vec::new();
        entry.read_to_end(&mut name)?;
        while name.last() == Some(&0) {
            name.pop();
        }
        *which = Some(name);
        Ok(true)
    }
}

fn refused(from: &Path, path: &[u8], why: &str) -> Error {
    let shown = String::from_utf8_lossy(path);
    let message = format!("{} is refused: `{}` in it {why}", from.display(), shown.escape_debug());
    Error::new(ErrorKind::Usage, message)
        .with_path(from)
        .with_help("nothing was unpacked; an archive of `rulemake archive` holds nothing of that kind")
}

/// Reads the archive to its end.
fn pour(from: &Path, most: u64, take: &mut dyn Take) -> Result<Unpacked> {
    let broken = |error: &io::Error| {
        let message = format!("{} is no archive, or damaged: {error}", from.display());
        Error::new(ErrorKind::Usage, message).with_path(from)
    };
    let file = File::open(from).map_err(|error| Error::io("read", from, error))?;
    let decoder = zstd::Decoder::new(BufReader::new(file)).map_err(|error| broken(&error))?;
    let mut archive = Archive::new(decoder);
    let mut gate = Gate::default();
    let mut done = Unpacked::default();
    let mut long = Long::default();
    // As they are: what names of any length would be read into memory is looked at here.
    for (number, entry) in archive.entries().map_err(|error| broken(&error))?.raw(true).enumerate() {
        let mut entry = entry.map_err(|error| broken(&error))?;
        if long.take(&mut entry).map_err(|error| broken(&error))? {
            continue;
        }
        let path = long.path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
        let link = long.link.take().or_else(|| entry.link_name_bytes().map(|link| link.into_owned()));
        let kind = kind_of(entry.header().entry_type());
        let name = gate.pass(&path, kind, link.as_deref()).map_err(|why| refused(from, &path, &why))?;
        let size = if kind == Kind::File { entry.size() } else { 0 };
        if number >= MOST_ENTRIES || done.bytes.saturating_add(size) > most {
            let message =
                format!("{} is refused: more than {most} bytes would come out of it", from.display());
            return Err(Error::new(ErrorKind::Usage, message)
                .with_path(from)
                .with_help("if that is right, allow more with `--max-size`"));
        }
        let mode = entry.header().mode().unwrap_or(0o644);
        let (is_program, private) = (mode & 0o111 != 0, mode & 0o077 == 0);
        let link = link.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        let new = New { path: &name, kind, link: &link, is_program, private };
        let bytes = take.take(&new, &mut entry).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                broken(&error)
            }
            _ => Error::new(ErrorKind::Environment, format!("cannot unpack {name}: {error}")),
        })?;
        if bytes != size {
            return Err(broken(&io::ErrorKind::UnexpectedEof.into()));
        }
        done.bytes += bytes;
        if kind != Kind::Directory {
            done.files.push(name);
        }
    }
    gate.end().map_err(|(path, why)| refused(from, path.as_bytes(), &why))?;
    // What stands behind the end of the tar: the checksum of the whole, above all.
    let rest = io::copy(&mut archive.into_inner().take(1 << 20), &mut io::sink());
    rest.map_err(|error| broken(&error))?;
    Ok(done)
}

fn kind_of(kind: EntryType) -> Kind {
    match kind {
        EntryType::Regular => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Link,
        EntryType::Link => Kind::Other("a hard link"),
        EntryType::Char | EntryType::Block => Kind::Other("a device"),
        EntryType::Fifo => Kind::Other("a named pipe"),
        EntryType::XHeader | EntryType::XGlobalHeader => {
            Kind::Other("a header of PAX, as other programs write them before a file")
        }
        _ => Kind::Other("of an unknown kind"),
    }
}

/// Only looks.
#[derive(Default)]
struct Look {
    directories: Vec<String>,
}

impl Take for Look {
    fn take(&mut self, new: &New<'_>, content: &mut dyn Read) -> io::Result<u64> {
        let New { path, kind, .. } = *new;
        match kind {
            Kind::File => io::copy(content, &mut io::sink()),
            Kind::Directory => {
                self.directories.push(path.to_string());
                Ok(0)
            }
            _ => Ok(0),
        }
    }
}

/// Makes what comes, in a directory of its own. Links come last, so that nothing goes through one.
struct Make {
    dir: PathBuf,
    links: Vec<(String, String)>,
    directories: Vec<String>,
}

impl Take for Make {
    fn take(&mut self, new: &New<'_>, content: &mut dyn Read) -> io::Result<u64> {
        let New { path, kind, link, is_program, private } = *new;
        let full = self.dir.join(path);
        if let Some(parent) = full.parent() {
            fs::create_dir_all(parent)?;
        }
        match kind {
            Kind::Directory => {
                fs::create_dir_all(&full)?;
                if private {
                    make_private(&full)?;
                }
                self.directories.push(path.to_string());
                Ok(0)
            }
            Kind::Link => {
                self.links.push((path.to_string(), link.to_string()));
                Ok(0)
            }
            _ => {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(
                    &mut options,
                    if is_program { 0o777 } else { 0o666 } & if private { 0o700 } else { 0o777 },
                );
                let _ = (is_program, private);
                let mut file = options.open(&full)?;
                let bytes = io::copy(content, &mut file)?;
                file.flush()?;
                Ok(bytes)
            }
        }
    }
}

impl Make {
    fn links(&self) -> Result<()> {
        for (path, to) in &self.links {
            let full = self.dir.join(path);
            symlink(to, &full).map_err(|error| Error::io("create", &full, error))?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn symlink(to: &str, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn symlink(_: &str, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Which of the files are there already. Where a directory of theirs is a link, no directory, or cannot be written to, nothing
/// can be unpacked: one by one they are moved to their places, and half of them would be there.
fn conflicts(to: &Path, directories: &[String], files: &[String]) -> Result<Vec<String>> {
    match fs::metadata(to) {
        Err(_) if there(to)?.is_none() => return Ok(Vec::new()),
        Ok(meta) if meta.is_dir() => {}
        _ => {
            let message = format!("{} is there, and is no directory", to.display());
            return Err(Error::new(ErrorKind::Usage, message).with_path(to));
        }
    }
    let above = |path: &'_ String| -> Vec<String> {
        path.match_indices('/').filter_map(|(at, _)| path.get(..at).map(String::from)).collect()
    };
    // Whether each is there.
    let mut known = rustc_hash::FxHashMap::default();
    for directory in directories.iter().chain(files).flat_map(above).chain(directories.iter().cloned()) {
        if known.contains_key(&directory) {
            continue;
        }
        let place = to.join(&directory);
        let meta = there(&place)?;
        if meta.as_ref().is_some_and(|meta| !meta.is_dir()) {
            let message = format!("{} is no directory, and nothing is unpacked behind it", place.display());
            return Err(elsewhere(message, place));
        }
        known.insert(directory, meta.is_some());
    }
    let mut found = Vec::new();
    for file in files {
        let place = to.join(file);
        match there(&place)? {
            Some(meta) if meta.is_dir() => {
                let message = format!("{} is a directory, and a file in the archive", place.display());
                return Err(elsewhere(message, place));
            }
            Some(_) => found.push(file.clone()),
            None => {}
        }
    }
    let is_there = |directory: &String| known.get(directory) == Some(&true);
    let new = directories.iter().filter(|directory| !is_there(directory)).chain(files);
    let changed = new.map(|path| above(path).into_iter().rev().find(is_there).unwrap_or_default());
    let changed: std::collections::BTreeSet<String> = changed.collect();
    changed.iter().try_for_each(|directory| takes_files(to, directory))?;
    Ok(found)
}

/// What is at a path, links not followed.
fn there(place: &Path) -> Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(place) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("look at", place, error).with_help(NOTHING)),
    }
}

/// Whether files can be moved into a directory that is there, from one that is made beside the others in `to`.
#[cfg(unix)]
fn takes_files(to: &Path, directory: &str) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let place = if directory.is_empty() { to.to_path_buf() } else { to.join(directory) };
    let device = |path: &Path| {
        let meta = fs::metadata(path).map_err(|error| Error::io("look at", path, error))?;
        Ok::<u64, Error>(meta.dev())
    };
    let because = match crate::sys::rights(&place) {
        [_, true, true] if device(&place)? == device(to)? => return Ok(()),
        [_, true, true] => format!("it is on another file system than {}", to.display()),
        _ => "permission denied".to_string(),
    };
    let message = format!("cannot unpack into {}: {because}", place.display());
    Err(Error::new(ErrorKind::Environment, message).with_path(place).with_help(NOTHING))
}

#[cfg(not(unix))]
fn takes_files(_: &Path, _: &str) -> Result<()> {
    Ok(())
}

const NOTHING: &str = "nothing was unpacked; allow it, or unpack elsewhere";

fn elsewhere(message: String, place: PathBuf) -> Error {
    Error::new(ErrorKind::Usage, message).with_path(place).with_help("move it away, or unpack elsewhere")
}

#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Moves what is whole to its places.
fn settle(beside: &Path, to: &Path, directories: &[String], files: &[String]) -> Result<()> {
    let make = |path: &Path| fs::create_dir_all(path).map_err(|error| Error::io("create", path, error));
    for directory in directories {
        let place = to.join(directory);
        let is_new = fs::symlink_metadata(&place).is_err();
        make(&place)?;
        if is_new && fs::metadata(beside.join(directory)).is_ok_and(|meta| is_private(&meta)) {
            make_private(&place).map_err(|error| Error::io("create", &place, error))?;
        }
    }
    for file in files {
        let place = to.join(file);
        if let Some(parent) = place.parent() {
            make(parent)?;
        }
        fs::rename(beside.join(file), &place).map_err(|error| Error::io("create", &place, error))?;
    }
    Ok(())
}
