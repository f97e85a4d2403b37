//! The places of outputs: cleared before a job runs, and when it failed. Knows no job. Invariants: a directory is
//! removed with what is in it only when the caller vouches for it; a link is never followed to something that is then
//! removed; what is not on record is moved, never lost, a link as a link.

use super::effect;
use super::place::{move_under, permit, remove_all};
use super::stat::is_missing;
use crate::base::path::is_outside;
use crate::disk::{self as fs, FileType};
use crate::error::{Error, ErrorKind, Result};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// An output of the job that is about to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrepareOutput<'a> {
    pub(crate) path: &'a str,
    /// What is there may be somebody's work: move it instead of removing it.
    pub(crate) keep: bool,
    /// A directory there is dealt with as a file would be. Of other outputs it is not ours to touch.
    pub(crate) directory: bool,
    /// The job changes it in place.
    pub(crate) stays: bool,
    /// A pipe or a service: a pipe or socket there is what an execution left that was cut short.
    pub(crate) is_stream: bool,
}

impl<'a> PrepareOutput<'a> {
    /// Whatever file is there is moved to be kept.
    pub(crate) fn moved(path: &'a str) -> PrepareOutput<'a> {
        PrepareOutput { path, keep: true, directory: false, stays: false, is_stream: false }
    }
}

/// A file that was moved to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Saved {
    pub(crate) path: String,
    pub(crate) to: PathBuf,
}

/// What stands where an output goes, links not followed.
enum Found {
    Nothing,
    Link,
    File,
    Directory,
    Other(&'static str),
}

/// Clears the way for a job: its outputs are gone and their directories exist. Removing them first also proves
/// afterwards that the job made them. Nothing is changed when any output cannot be cleared.
///
/// # Errors
/// When something is in the way that is not ours to remove, named with what to do.
pub(crate) fn prepare(root: &Path, outputs: &[PrepareOutput<'_>], save_dir: &Path) -> Result<Vec<Saved>> {
    let mut found = Vec::with_capacity(outputs.len());
    for output in outputs {
        let full = root.join(output.path);
        let there = find(&full).map_err(|error| Error::io("look at", &full, error))?;
        match there {
            Found::Other("a named pipe" | "a socket") if output.is_stream => {}
            Found::Other(what) => return Err(in_the_way(&full, output.path, what)),
            Found::Directory if !output.directory => {
                return Err(in_the_way(&full, output.path, "a directory"));
            }
            Found::File if output.stays && output.directory => {
                return Err(in_the_way(&full, output.path, "a file"));
            }
            Found::Directory if holds(&full, root) => return Err(holds_the_root(&full, output.path)),
            _ => {}
        }
        let has_parent = check_parents(root, output.path)?;
        found.push((full, there, has_parent));
    }
    let mut saved = Vec::new();
    // With a directory may go what another output lies in.
    let any_directory = found.iter().any(|(_, there, _)| matches!(there, Found::Directory));
    for (output, (full, there, has_parent)) in outputs.iter().zip(found) {
        let is_gone = any_directory && fs::symlink_metadata(&full).is_err_and(|error| is_missing(&error));
        let there = if is_gone { Found::Nothing } else { there };
        match there {
            _ if output.stays => {}
            Found::Directory if is_empty(&full) => {
                fs::remove_dir(&full).map_err(|error| Error::io("remove the old", &full, error))?;
            }
            Found::File | Found::Link | Found::Directory if output.keep || leads_nowhere(&full) => {
                let to = move_under(save_dir, &full, output.path)?;
                saved.push(Saved { path: output.path.to_string(), to });
            }
            Found::File | Found::Link | Found::Directory | Found::Other(_) => {
                remove_all(&full).map_err(|error| Error::io("remove the old", &full, error))?;
            }
            Found::Nothing => {}
        }
        if !has_parent || any_directory {
            make_parent(&full)?;
        }
    }
    Ok(saved)
}

/// Whether it is a link to nothing. No output is such a link when its job ends, so its content, which may lie elsewhere
/// (as those of git-annex do), is not known to be ours.
fn leads_nowhere(full: &Path) -> bool {
    fs::metadata(full).is_err_and(|error| is_missing(&error))
}

/// Nothing is lost with such a directory, whoever made it: perhaps we, for what was to be put back into it and was damaged.
fn is_empty(full: &Path) -> bool {
    fs::read_dir(full).is_ok_and(|mut entries| entries.next().is_none())
}

fn find(full: &Path) -> io::Result<Found> {
    match fs::symlink_metadata(full) {
        Ok(meta) if meta.is_file() => Ok(Found::File),
        Ok(meta) if meta.is_symlink() => Ok(Found::Link),
        Ok(meta) if meta.is_dir() => Ok(Found::Directory),
        Ok(meta) => Ok(Found::Other(special_name(meta.file_type()))),
        Err(error) if is_missing(&error) => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}

pub(super) fn special_name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        #[allow(unused_imports, reason = "with files in memory the types have these methods themselves")]
        use crate::disk::unix::FileTypeExt as _;
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    let _ = kind;
    "a device"
}

fn in_the_way(full: &Path, path: &str, what: &str) -> Error {
    let text = format!(
        "output `{path}` is {what}, where {} is to be made: move it away or change the output \
         (rulemake removes only what it made)",
        if what == "a file" { "a directory" } else { "a file" }
    );
    Error::new(ErrorKind::Environment, text).with_path(full)
}

/// Whether `dir` is `inner` or above it, whatever links lead there. What cannot be found out counts as yes.
fn holds(dir: &Path, inner: &Path) -> bool {
    match (fs::canonicalize(dir), fs::canonicalize(inner)) {
        (Ok(dir), Ok(inner)) => inner.starts_with(dir),
        _ => true,
    }
}

fn holds_the_root(full: &Path, path: &str) -> Error {
    let text =
        format!("output `{path}` is the directory that all paths start from, or above it: name one inside");
    Error::new(ErrorKind::Environment, text).with_path(full)
}

/// Whether the directory of an output is there. A file where a directory is needed is found before anything is removed.
fn check_parents(root: &Path, path: &str) -> Result<bool> {
    let Some((parent, _)) = path.rsplit_once('/') else { return Ok(false) };
    if parent.is_empty() || fs::metadata(root.join(parent)).is_ok_and(|meta| meta.is_dir()) {
        return Ok(true);
    }
    let mut ends: Vec<usize> = parent.match_indices('/').map(|(at, _)| at).filter(|&at| at > 0).collect();
    ends.push(parent.len());
    for dir in ends.into_iter().filter_map(|end| parent.get(..end)) {
        let full = root.join(dir);
        let what = match fs::symlink_metadata(&full) {
            Err(error) if is_missing(&error) => return Ok(false),
            Err(error) => return Err(Error::io("look at", &full, error)),
            Ok(_) => match fs::metadata(&full) {
                Ok(meta) if meta.is_dir() => continue,
                Ok(_) => "is not a directory",
                Err(error) if is_missing(&error) => "is a link to nowhere",
                Err(error) => return Err(Error::io("look at", &full, error)),
            },
        };
        let text = format!(
            "output `{path}` cannot be made because `{dir}` {what}: move it away or change the output"
        );
        return Err(Error::new(ErrorKind::Environment, text).with_path(full));
    }
    Ok(true)
}

fn make_parent(full: &Path) -> Result<()> {
    let Some(parent) = full.parent() else { return Ok(()) };
    make_directory(parent)
}

/// Makes a directory that a job expects, with those above it; it may be there already.
pub(crate) fn make_directory(full: &Path) -> Result<()> {
    effect::create_dir_all(full).map_err(|error| Error::io("create the directory", full, error))
}

/// A partial output larger than this is removed instead of kept.
pub(crate) const QUARANTINE_LIMIT: u64 = 1 << 30;

/// Takes away what a job left that did not succeed, so that nobody takes it for a result: moves it under `dest`, or
/// removes it when it is larger than [`QUARANTINE_LIMIT`]. Returns the outputs that were moved. Devices stay.
///
/// # Errors
/// When something cannot be taken away; the others are taken away nevertheless.
pub(crate) fn quarantine(root: &Path, dest: &Path, outputs: &[&str]) -> Result<Vec<String>> {
    quarantine_up_to(root, dest, outputs, QUARANTINE_LIMIT)
}

pub(super) fn quarantine_up_to(
    root: &Path,
    dest: &Path,
    outputs: &[&str],
    limit: u64,
) -> Result<Vec<String>> {
    let mut moved = Vec::new();
    let mut first_error = None;
    for path in outputs.iter().copied().filter(|path| !holds_root(path)) {
        match take_away(&root.join(path), dest, path, limit) {
            Ok(true) => moved.push(path.to_string()),
            Ok(false) => {}
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    first_error.map_or(Ok(moved), Err)
}

/// Whether moving this path would move the root itself.
fn holds_root(path: &str) -> bool {
    matches!(path, "." | "/" | "") || path.split('/').all(|part| part == "..")
}

fn take_away(full: &Path, dest: &Path, path: &str, limit: u64) -> Result<bool> {
    let meta = match fs::symlink_metadata(full) {
        Ok(meta) => meta,
        Err(error) if is_missing(&error) => return Ok(false),
        Err(error) => return Err(Error::io("look at", full, error)),
    };
    let kind = meta.file_type();
    if kind.is_file() && meta.len() > limit {
        effect::remove_file(full).map_err(|error| Error::io("remove the partial", full, error))?;
        return Ok(false);
    }
    let is_special = !(kind.is_file() || kind.is_dir() || kind.is_symlink());
    if is_special && special_name(kind) == "a device" {
        return Ok(false);
    }
    let to = move_under(dest, full, path)?;
    if kind.is_dir() {
        // Old quarantines are removed; what cannot be changed could not be.
        permit(&to).map_err(|error| Error::io("set the permissions of", &to, error))?;
    }
    Ok(true)
}

/// What [`remove_made`] did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Removed {
    /// Files and whole directories.
    pub(crate) files: usize,
    /// Left alone: directories nobody vouches for, devices, and whatever lies outside the root, by its name or by a
    /// link.
    pub(crate) skipped: Vec<String>,
}

/// Removes files that jobs made, then the directories inside the root that became empty. A directory is removed with
/// all that is in it when `is_made` says that a job made it so.
///
/// # Errors
/// When a file cannot be removed; those before it are gone.
pub(crate) fn remove_made<P: AsRef<str>>(
    root: &Path,
    paths: &[P],
    mut is_made: impl FnMut(&str) -> Result<bool>,
) -> Result<Removed> {
    let mut removed = Removed::default();
    let mut inside: FxHashMap<&str, bool> = FxHashMap::default();
    let mut emptied: BTreeSet<&str> = BTreeSet::new();
    for path in paths.iter().map(AsRef::as_ref) {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let removable = !is_outside(path)
            && *inside.entry(parent).or_insert_with(|| lies_inside(root, parent).unwrap_or(false));
        let full = root.join(path);
        let there = match if removable { find(&full) } else { Ok(Found::Other("outside")) } {
            Ok(Found::Directory) if holds(&full, root) || !is_made(path)? => Found::Other("a directory"),
            Ok(there) => there,
            Err(error) => return Err(Error::io("look at", &full, error)),
        };
        match there {
            Found::File | Found::Link | Found::Directory => {
                remove_all(&full).map_err(|error| Error::io("remove", &full, error))?;
                removed.files += 1;
                emptied.insert(parent);
            }
            Found::Nothing => {}
            Found::Other(_) => removed.skipped.push(path.to_string()),
        }
    }
    remove_empty(root, emptied);
    Ok(removed)
}

/// Removes a temporary file, or a directory with all that is in it. The directory above stays: a job that is about to write there has been promised it.
///
/// # Errors
/// When it cannot be removed.
pub(crate) fn remove_temp(root: &Path, path: &str) -> Result<()> {
    let full = root.join(path);
    remove_all(&full).map_err(|error| Error::io("remove", &full, error))
}

/// Whether the directory `dir` of the root is inside the root also when links on its way are followed.
fn lies_inside(root: &Path, dir: &str) -> io::Result<bool> {
    let ends = dir.match_indices('/').map(|(at, _)| at).chain([dir.len()]);
    let mut linked = false;
    for end in ends.filter(|&end| end > 0) {
        linked |= fs::symlink_metadata(root.join(&dir[..end])).is_ok_and(|meta| meta.is_symlink());
    }
    Ok(!linked || fs::canonicalize(root.join(dir))?.starts_with(fs::canonicalize(root)?))
}

/// Deepest first: a directory comes after all that begins with it, so backwards it comes after what is in it. One that
/// is not empty stays, and so do all above it.
fn remove_empty(root: &Path, mut dirs: BTreeSet<&str>) {
    while let Some(dir) = dirs.pop_last() {
        if dir.is_empty() || fs::remove_dir(root.join(dir)).is_err() {
            continue;
        }
        if let Some((parent, _)) = dir.rsplit_once('/') {
            dirs.insert(parent);
        }
    }
}
