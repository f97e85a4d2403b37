//! Directories in which single jobs work instead of in the root. Invariants: nothing outside of the directory is
//! removed, links in it are never followed for removal; what a job made appears in the root as a whole or not at all.

use super::place::remove_all;
use super::stat::is_missing;
use crate::base::path::is_outside;
use crate::error::{Error, ErrorKind, Result};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// What such a directory shows of the root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// The inputs of the job, as links.
    Inputs,
    /// Copies of the inputs.
    Copies,
    /// Links to what is in the root itself.
    TopLevel,
    /// The whole tree: directories anew, files as links.
    Tree,
}

/// The state directory is no data: a copy of it in itself would have no end.
const STATE: &str = ".rulemake";

/// Makes the directory `dir` for a job with these files, all relative to `root`; both are absolute.
///
/// # Errors
/// When a file of the job lies outside of the root, or something cannot be made.
pub(crate) fn make<'a>(
    root: &Path,
    mode: Mode,
    dir: &Path,
    inputs: &'a [Arc<str>],
    outputs: impl Iterator<Item = &'a str> + Clone,
    logs: &'a [Arc<str>],
) -> Result<()> {
    // What an execution of the same number left that was killed.
    remove(dir)?;
    fs::create_dir_all(dir).map_err(|error| Error::io("create", dir, error))?;
    let made = outputs.chain(logs.iter().map(|path| &**path));
    match mode {
        Mode::Inputs | Mode::Copies => minimal(root, dir, inputs, mode == Mode::Copies)?,
        Mode::TopLevel => {
            for entry in entries(root)? {
                let name = entry.file_name();
                if name != STATE {
                    link(&root.join(&name), &dir.join(&name))?;
                }
            }
        }
        Mode::Tree => full(root, dir)?,
    }
    for path in made.filter(|path| !path.starts_with('/')) {
        refuse_outside(path)?;
        make_parents(dir, path)?;
    }
    Ok(())
}

fn refuse_outside(path: &str) -> Result<()> {
    if !is_outside(path) || path.starts_with('/') {
        return Ok(());
    }
    let text = format!(
        "`{path}` lies outside of the root, where the directory of a job with `shadow:` cannot show it: \
         use an absolute path"
    );
    Err(Error::new(ErrorKind::Plan, text))
}

fn minimal(root: &Path, dir: &Path, inputs: &[Arc<str>], copy: bool) -> Result<()> {
    let mut inputs: Vec<&str> = inputs.iter().map(|path| &**path).filter(|p| !p.starts_with('/')).collect();
    // A directory comes before what is in it, which it then shows already.
    inputs.sort_unstable();
    inputs.dedup();
    for path in inputs {
        refuse_outside(path)?;
        make_parents(dir, path)?;
        let (from, to) = (root.join(path), dir.join(path));
        if fs::symlink_metadata(&to).is_ok() {
            continue;
        }
        if copy { copy_tree(&from, &to)? } else { link(&from, &to)? }
    }
    Ok(())
}

/// The directories of the root anew, its files as links. Links to directories are entered, but for those that lead to
/// a directory above them.
fn full(root: &Path, dir: &Path) -> Result<()> {
    let mut todo: Vec<(PathBuf, PathBuf, Vec<PathBuf>)> =
        vec![(root.to_path_buf(), dir.to_path_buf(), vec![])];
    while let Some((from, to, mut above)) = todo.pop() {
        above.push(real(&from)?);
        for entry in entries(&from)? {
            let (name, path) = (entry.file_name(), entry.path());
            if above.len() == 1 && name == STATE {
                continue;
            }
            let place = to.join(&name);
            let enter = path.is_dir() && !above.contains(&real(&path)?);
            if enter {
                fs::create_dir(&place).map_err(|error| Error::io("create", &place, error))?;
                todo.push((path, place, above.clone()));
            } else {
                link(&path, &place)?;
            }
        }
    }
    Ok(())
}

fn entries(dir: &Path) -> Result<Vec<fs::DirEntry>> {
    let listed = fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    listed.map_err(|error| Error::io("list", dir, error))
}

fn real(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|error| Error::io("look at", path, error))
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> Result<()> {
    std::os::unix::fs::symlink(to, at).map_err(|error| Error::io("make the link", at, error))
}

#[cfg(not(unix))]
fn link(to: &Path, at: &Path) -> Result<()> {
    copy_tree(to, at)
}

fn make_parents(dir: &Path, path: &str) -> Result<()> {
    let Some((parents, _)) = path.rsplit_once('/') else { return Ok(()) };
    let parent = dir.join(parents);
    fs::create_dir_all(&parent).map_err(|error| Error::io("create the directory", &parent, error))
}

/// A copy with all that is in it; links become what they lead to.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let mut todo = vec![(from.to_path_buf(), to.to_path_buf())];
    while let Some((from, to)) = todo.pop() {
        let meta = fs::metadata(&from).map_err(|error| Error::io("copy", &from, error))?;
        if meta.is_dir() {
            fs::create_dir_all(&to).map_err(|error| Error::io("create", &to, error))?;
            for entry in entries(&from)? {
                todo.push((entry.path(), to.join(entry.file_name())));
            }
        } else {
            fs::copy(&from, &to).map_err(|error| Error::io("copy", &from, error))?;
        }
    }
    Ok(())
}

/// Moves files that a job made in `dir` to where they belong in the root. Those that it did not make are left to who
/// asks for them.
///
/// # Errors
/// When one cannot be moved; others are moved nevertheless.
pub(crate) fn take_back<'a>(root: &Path, dir: &Path, paths: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut first_error = None;
    // An absolute path is in its place already.
    for path in paths.filter(|path| !path.starts_with('/')) {
        if let Err(error) = take_one(root, dir, path) {
            first_error = first_error.or(Some(error));
        }
    }
    first_error.map_or(Ok(()), Err)
}

fn take_one(root: &Path, dir: &Path, path: &str) -> Result<()> {
    let (from, to) = (dir.join(path), root.join(path));
    let meta = match fs::symlink_metadata(&from) {
        Ok(meta) => meta,
        Err(error) if is_missing(&error) => return Ok(()),
        Err(error) => return Err(Error::io("look at", &from, error)),
    };
    // Through a link to a directory of the root it was made in its place.
    let parent = |path: &Path| path.parent().map(fs::canonicalize).and_then(std::result::Result::ok);
    if parent(&from).is_some() && parent(&from) == parent(&to) {
        return Ok(());
    }
    if meta.is_symlink() {
        keep_target(root, dir, &from)?;
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|error| Error::io("create the directory", parent, error))?;
    }
    match fs::rename(&from, &to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            // Beside its place first, so that it is never there by half.
            let mut part = to.clone().into_os_string();
            part.push(".rulemake-part");
            let part = PathBuf::from(part);
            // What a killed run left there is half of something else.
            remove_all(&part).map_err(|error| Error::io("remove", &part, error))?;
            copy_tree(&from, &part)?;
            fs::rename(&part, &to).map_err(|error| Error::io("move to", &to, error))
        }
        Err(error) => Err(Error::io(&format!("move {} to", from.display()), &to, error)),
    }
}

/// A link that leads into the job's directory leads to the same place of the root from now on.
fn keep_target(root: &Path, dir: &Path, at: &Path) -> Result<()> {
    let target = fs::read_link(at).map_err(|error| Error::io("read the link", at, error))?;
    let Ok(inside) = target.strip_prefix(dir) else { return Ok(()) };
    fs::remove_file(at).map_err(|error| Error::io("remove the link", at, error))?;
    link(&root.join(inside), at)
}

/// Removes what an execution made, before the next.
///
/// # Errors
/// When something cannot be removed.
pub(crate) fn clear<'a>(dir: &Path, paths: impl Iterator<Item = &'a str>) -> Result<()> {
    for path in paths {
        let full = dir.join(path);
        let removed = match fs::symlink_metadata(&full) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(&full),
            Ok(_) => fs::remove_file(&full),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(|error| Error::io("remove", &full, error))?;
    }
    Ok(())
}

/// Removes a job's directory, or that of all jobs. Links are removed, not what they lead to.
///
/// # Errors
/// When something in it cannot be removed.
pub(crate) fn remove(dir: &Path) -> Result<()> {
    debug_assert!(dir.components().any(|part| part == Component::Normal(STATE.as_ref())));
    match fs::remove_dir_all(dir) {
        Err(error) if !is_missing(&error) => Err(Error::io("remove", dir, error)),
        _ => Ok(()),
    }
}
