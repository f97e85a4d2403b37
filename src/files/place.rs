//! Moves files out of the way into a directory of ours. Invariant: nothing is overwritten and nothing is created outside
//! that directory, whatever the names are and whatever links somebody put there.

use super::effect;
use super::stat::is_missing;
use crate::base::digest::Digest;
use crate::base::path::is_outside;
use crate::disk as fs;
use crate::error::{Error, Result};
use std::io;
use std::path::{Path, PathBuf};

/// Moves `from`, known as `path` to the user, to a free place under `dest`: the same relative path if that can be had,
/// else a flat name. Returns where it is now.
pub(super) fn move_under(dest: &Path, from: &Path, path: &str) -> Result<PathBuf> {
    effect::create_dir_all(dest).map_err(|error| Error::io("create", dest, error))?;
    let to = free_place(dest, path)?;
    match effect::rename(from, &to) {
        Ok(()) => Ok(to),
        // A directory that may not be written to does not let go of its parent, either.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_directory(from) => {
            permit(from)
                .and_then(|()| effect::rename(from, &to))
                .map_err(|error| cannot_move(from, &to, error))?;
            Ok(to)
        }
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_all(from, &to).and_then(|()| remove_all(from)).map_err(|error| {
                // Half a copy helps nobody; the original is still there, or as far as it could be removed.
                let _ = remove_all(&to);
                cannot_move(from, &to, error)
            })?;
            Ok(to)
        }
        Err(error) => Err(cannot_move(from, &to, error)),
    }
}

fn cannot_move(from: &Path, to: &Path, error: io::Error) -> Error {
    Error::io(&format!("move {} to", from.display()), to, error)
}

fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// Copies a file, a link as a link, or a directory with all that is in it: with permissions, and with the modification
/// times of files, which may be what the user looks for. `to` must be free.
pub(super) fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    let mut pending = vec![(from.to_path_buf(), to.to_path_buf())];
    let mut directories = Vec::new();
    while let Some((from, to)) = pending.pop() {
        let meta = fs::symlink_metadata(&from)?;
        if meta.is_symlink() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
        } else if meta.is_dir() {
            effect::create_dir(&to)?;
            for entry in fs::read_dir(&from)? {
                let entry = entry?;
                pending.push((entry.path(), to.join(entry.file_name())));
            }
            directories.push((to, meta.permissions()));
        } else if meta.is_file() {
            copy_file(&from, &to, &meta)?;
        } else {
            return Err(io::Error::other(format!("{} is no file and no directory", from.display())));
        }
    }
    // Deepest first, and when they are full: without permission to write nothing could be put into them.
    directories.into_iter().rev().try_for_each(|(to, permissions)| effect::set_permissions(&to, permissions))
}

fn copy_file(from: &Path, to: &Path, meta: &fs::Metadata) -> io::Result<()> {
    effect::copy(from, to)?;
    let (seconds, rest) = fs::modified(meta);
    match fs::set_modified(to, seconds, rest) {
        // Of a file that may not be written to only its owner may set the time, which is no content.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        done => done,
    }
}

/// Removes a file, a link, or a directory with all that is in it; links in it are unlinked, not followed. Nothing there
/// is no error.
pub(super) fn remove_all(path: &Path) -> io::Result<()> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if is_missing(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    if !meta.is_dir() {
        return effect::remove_file(path);
    }
    match effect::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            permit(path)?;
            effect::remove_dir_all(path)
        }
        done => done,
    }
}

/// Lets the owner change what is in a directory and in those below it.
pub(super) fn permit(dir: &Path) -> io::Result<()> {
    let mut pending = vec![dir.to_path_buf()];
    while let Some(dir) = pending.pop() {
        #[cfg(unix)]
        {
            #[allow(
                unused_imports,
                reason = "with files in memory the types have these methods themselves"
            )]
            use crate::disk::unix::PermissionsExt as _;
            let mut permissions = fs::symlink_metadata(&dir)?.permissions();
            permissions.set_mode(permissions.mode() | 0o700);
            effect::set_permissions(&dir, permissions)?;
        }
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                pending.push(entry.path());
            }
        }
    }
    Ok(())
}

fn free_place(dest: &Path, path: &str) -> Result<PathBuf> {
    if !is_outside(path) && make_parents(dest, path)? {
        let place = dest.join(path);
        if is_free(&place)? {
            return Ok(place);
        }
    }
    let flat = flat_name(path);
    for n in 0u32..=u32::MAX {
        let place = if n == 0 { dest.join(&flat) } else { dest.join(format!("{flat}.{n}")) };
        if is_free(&place)? {
            return Ok(place);
        }
    }
    Ok(dest.join(flat))
}

fn is_free(place: &Path) -> Result<bool> {
    match fs::symlink_metadata(place) {
        Ok(_) => Ok(false),
        Err(error) if is_missing(&error) => Ok(true),
        Err(error) => Err(Error::io("look at", place, error)),
    }
}

/// Makes the directories of `path` under `dest`, one by one. `false` when something else is in the way: a link there
/// could lead anywhere.
fn make_parents(dest: &Path, path: &str) -> Result<bool> {
    let mut dir = dest.to_path_buf();
    let Some((parents, _)) = path.rsplit_once('/') else { return Ok(path != ".") };
    for part in parents.split('/') {
        dir.push(part);
        match effect::create_dir(&dir) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&dir).is_ok_and(|meta| meta.is_dir()) {
                    return Ok(false);
                }
            }
            Err(error) => return Err(Error::io("create", &dir, error)),
        }
    }
    Ok(true)
}

/// One file name for a path that cannot keep its shape: `outside%..%x`. Cut when too long for a file system, and then
/// made unique by a digest.
fn flat_name(path: &str) -> String {
    let kind = if is_outside(path) { "outside" } else { "other" };
    let name = format!("{kind}%{}", path.replace(['/', '\\', '\0'], "%"));
    if name.len() <= 200 {
        return name;
    }
    let end = (0..=180).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    format!("{}%{}", &name[..end], Digest::of(path.as_bytes()).short())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn flat_names_are_single_components_of_bounded_length() {
        let long = "ü/".repeat(300);
        for path in ["../x", "..", "/", "/etc/passwd", "../../a/../b", &long, "a\0b"] {
            let name = flat_name(path);
            assert!(name.len() <= 200 && !name.contains('/') && name != ".." && name != ".", "{name}");
        }
        assert_ne!(flat_name(&format!("{long}a")), flat_name(&format!("{long}b")));
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let dest = dir.path().join("dest");
        let mut places = Vec::new();
        for n in 0..4 {
            let from = dir.path().join("x");
            fs::write(&from, n.to_string()).unwrap();
            places.push(move_under(&dest, &from, "a/x").unwrap());
        }
        for (n, place) in places.iter().enumerate() {
            assert_eq!(fs::read_to_string(place).unwrap(), n.to_string());
        }
        // A file now stands where a directory would have to go.
        fs::write(dir.path().join("x"), "below").unwrap();
        let place = move_under(&dest, &dir.path().join("x"), "a/x/y").unwrap();
        assert_eq!(fs::read_to_string(place).unwrap(), "below");
        assert_eq!(fs::read_to_string(dest.join("a/x")).unwrap(), "0");
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_link_does_not_lead_out() {
        let dir = tempfile::tempdir().unwrap();
        let (dest, outside) = (dir.path().join("dest"), dir.path().join("outside"));
        fs::create_dir_all(&dest).unwrap();
        fs::create_dir_all(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, dest.join("a")).unwrap();
        fs::write(dir.path().join("x"), "x").unwrap();
        let place = move_under(&dest, &dir.path().join("x"), "a/x").unwrap();
        assert_eq!(place, dest.join("other%a%x"));
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_keeps_times_permissions_and_links() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("deep/empty")).unwrap();
        fs::write(from.join("deep/x"), "text").unwrap();
        std::os::unix::fs::symlink("/nowhere", from.join("link")).unwrap();
        let time = filetime::FileTime::from_unix_time(1_000_000, 5000);
        filetime::set_file_mtime(from.join("deep/x"), time).unwrap();
        fs::set_permissions(from.join("deep/x"), fs::Permissions::from_mode(0o444)).unwrap();
        fs::set_permissions(from.join("deep"), fs::Permissions::from_mode(0o555)).unwrap();
        copy_all(&from, &to).unwrap();
        let meta = fs::metadata(to.join("deep/x")).unwrap();
        assert_eq!(filetime::FileTime::from_last_modification_time(&meta), time);
        assert_eq!(meta.permissions().mode() & 0o777, 0o444);
        assert_eq!(fs::metadata(to.join("deep")).unwrap().permissions().mode() & 0o777, 0o555);
        assert!(to.join("deep/empty").is_dir());
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/nowhere"));
        remove_all(&from).unwrap();
        remove_all(&to).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "also what may not be written to");
    }

    #[cfg(unix)]
    #[test]
    fn removing_does_not_follow_links() {
        let dir = tempfile::tempdir().unwrap();
        let precious = dir.path().join("precious");
        fs::create_dir_all(precious.join("sub")).unwrap();
        fs::write(precious.join("sub/x"), "x").unwrap();
        let made = dir.path().join("made");
        fs::create_dir(&made).unwrap();
        std::os::unix::fs::symlink(&precious, made.join("inner")).unwrap();
        std::os::unix::fs::symlink(&precious, dir.path().join("top")).unwrap();
        remove_all(&made).unwrap();
        remove_all(&dir.path().join("top")).unwrap();
        remove_all(&dir.path().join("none")).unwrap();
        assert_eq!(fs::read_to_string(precious.join("sub/x")).unwrap(), "x");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
