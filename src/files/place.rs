//! Moves files out of the way into a directory of ours. Invariant: nothing is overwritten and nothing is created outside
//! that directory, whatever the names are and whatever links somebody put there.

use super::stat::is_missing;
use crate::base::digest::Digest;
use crate::base::path::is_outside;
use crate::error::{Error, Result};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Moves `from`, known as `path` to the user, to a free place under `dest`: the same relative path if that can be had,
/// else a flat name. Returns where it is now.
pub(super) fn move_under(dest: &Path, from: &Path, path: &str) -> Result<PathBuf> {
    fs::create_dir_all(dest).map_err(|error| Error::io("create", dest, error))?;
    let to = free_place(dest, path)?;
    match fs::rename(from, &to) {
        Ok(()) => Ok(to),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_over(from, &to).map_err(|error| {
                // Half a copy helps nobody; the original is still there.
                let _ = fs::remove_file(&to);
                Error::io(&format!("move {} to", from.display()), &to, error)
            })?;
            Ok(to)
        }
        Err(error) => Err(Error::io(&format!("move {} to", from.display()), &to, error)),
    }
}

/// To another file system: with its modification time, which may be what the user looks for. A link is read, not
/// followed.
fn copy_over(from: &Path, to: &Path) -> io::Result<()> {
    let meta = fs::symlink_metadata(from)?;
    if meta.is_symlink() {
        #[cfg(unix)]
        std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
    } else if meta.is_file() {
        fs::copy(from, to)?;
        filetime::set_file_mtime(to, filetime::FileTime::from_last_modification_time(&meta))?;
    } else {
        return Err(io::Error::other("it is no regular file and lies on another file system"));
    }
    fs::remove_file(from)
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
        match fs::create_dir(&dir) {
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

    #[test]
    fn a_copy_keeps_its_time_and_removes_the_original() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, "text").unwrap();
        let time = filetime::FileTime::from_unix_time(1_000_000, 5000);
        filetime::set_file_mtime(&from, time).unwrap();
        copy_over(&from, &to).unwrap();
        let meta = fs::metadata(&to).unwrap();
        assert_eq!(filetime::FileTime::from_last_modification_time(&meta), time);
        assert!(!from.exists());
    }
}
