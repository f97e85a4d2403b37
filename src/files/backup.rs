//! Copies of files that jobs change in place, from before the job until its end is on record. Knows no job and no record.
//!
//! A copy is complete before the job is on record as started, and goes when its end is, or back to its place. So a job that
//! is on record as started and not as ended has its copy, or a note that there was nothing, or the file is as it was; any
//! other copy is of no use.

use super::effect;
use super::hash::{Content, FileHasher};
use super::place::{copy_all, move_under, remove_all};
use super::{stat, tree};
use crate::base::digest::Digest;
use crate::disk as fs;
use crate::error::{Error, Result};
use crate::trace::identity::Known;
use std::io;
use std::path::{Path, PathBuf};

/// The directory of such copies.
#[derive(Clone, Debug)]
pub(crate) struct Backups {
    root: PathBuf,
    dir: PathBuf,
}

/// What was done about an output whose job was cut short.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Restored {
    /// Where that is now what the job had made of it, if it had begun.
    pub(crate) aside: Option<PathBuf>,
}

impl Backups {
    pub(crate) fn new(root: &Path, state_dir: &Path) -> Backups {
        Backups { root: root.into(), dir: state_dir.join("backup") }
    }

    fn copy(&self, path: &str) -> PathBuf {
        self.dir.join(Digest::of(path.as_bytes()).to_string().replace(':', "-"))
    }

    fn note(&self, path: &str) -> PathBuf {
        self.copy(path).with_extension("none")
    }

    /// Keeps what is at `path` now.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(crate) fn keep(&self, path: &str) -> Result<()> {
        self.discard(path)?;
        effect::create_dir_all(&self.dir).map_err(|error| Error::io("create", &self.dir, error))?;
        let full = self.root.join(path);
        if stat::lstat(&full)?.is_none() {
            let note = self.note(path);
            return effect::create_file(&note).map_err(|error| Error::io("create", &note, error));
        }
        let (begun, copy) = (self.copy(path).with_extension("begun"), self.copy(path));
        let io = |error| Error::io(&format!("keep a copy of {} in", full.display()), &copy, error);
        remove_all(&begun)
            .and_then(|()| copy_all(&full, &begun))
            .and_then(|()| bring_to_disk(&begun))
            .and_then(|()| effect::rename(&begun, &copy))
            .map_err(io)
    }

    /// Puts back what was at `path`, which takes no room on the disk; what is there now is moved under `aside`. `None`:
    /// nothing was kept, or it was put back before.
    ///
    /// # Errors
    /// When the file system refuses; then what was kept still is, and it can be tried again.
    pub(crate) fn restore(&self, path: &str, aside: &Path) -> Result<Option<Restored>> {
        let (copy, full) = (self.copy(path), self.root.join(path));
        let was_there = stat::lstat(&copy)?.is_some();
        if !was_there && stat::lstat(&self.note(path))?.is_none() {
            return Ok(None);
        }
        let is_there = stat::lstat(&full)?.is_some();
        let aside = if is_there { Some(move_under(aside, &full, path)?) } else { None };
        let back = match was_there {
            true => put_back(&copy, &full),
            false => remove_all(&self.note(path)),
        };
        back.map_err(|error| {
            Error::io("put back", &full, error)
                .with_help(format!("as it was before its job it is kept in {}", copy.display()))
        })?;
        Ok(Some(Restored { aside }))
    }

    /// Removes the copy of what was at `path`: the end of its job is on record.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn discard(&self, path: &str) -> Result<()> {
        for place in [self.copy(path), self.note(path)] {
            remove_all(&place).map_err(|error| Error::io("remove", &place, error))?;
        }
        Ok(())
    }

    /// What [`Backups::restore`] would put at `path`, with its content; `Some(None)`: there would be nothing. `None`:
    /// nothing was kept. See [`FileHasher::content`] for the thread to call this from.
    ///
    /// # Errors
    /// When the copy cannot be read.
    pub(crate) fn kept(&self, path: &str, hasher: &FileHasher) -> Result<Option<Option<Known>>> {
        let copy = self.copy(path);
        let Some(meta) = stat::lstat(&copy)? else {
            return Ok(stat::lstat(&self.note(path))?.map(|_| None));
        };
        if meta.is_symlink() {
            // Where it leads from there says nothing.
            return Ok(None);
        }
        if meta.is_dir() {
            let name = copy.strip_prefix(&self.dir).unwrap_or(&copy).to_string_lossy();
            let tree = tree::read(&self.dir, &name, None, hasher)?;
            return Ok(tree.map(|(sig, tree)| Some(Known::Tree { sig, tree: tree.into() })));
        }
        Ok(match hasher.content(&copy)? {
            Content::File(hash) => Some(Some(Known::File(hash))),
            Content::Missing | Content::Directory(_) | Content::Special(_) => None,
        })
    }

    /// Whether anything is kept.
    pub(crate) fn any(&self) -> bool {
        fs::read_dir(&self.dir).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Removes all copies: no job is in flight.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(crate) fn clear(&self) -> Result<()> {
        remove_all(&self.dir).map_err(|error| Error::io("remove", &self.dir, error))
    }
}

fn put_back(copy: &Path, full: &Path) -> io::Result<()> {
    match effect::rename(copy, full) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_all(copy, full).inspect_err(|_| {
                // Half of it would be moved aside, as if a job had made it, when this is tried again.
                let _ = remove_all(full);
            })?;
            remove_all(copy)
        }
        done => done,
    }
}

/// After a power failure the name must not stand for half a copy.
fn bring_to_disk(path: &Path) -> io::Result<()> {
    let mut pending = vec![path.to_path_buf()];
    while let Some(path) = pending.pop() {
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            for entry in fs::read_dir(&path)? {
                pending.push(entry?.path());
            }
        } else if kind.is_file() {
            effect::sync(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::effect::each_fault;

    struct Place {
        dir: tempfile::TempDir,
        backups: Backups,
    }

    fn place() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let backups = Backups::new(&dir.path().join("root"), &dir.path().join("root/.rulemake"));
        fs::create_dir_all(dir.path().join("root")).unwrap();
        Place { dir, backups }
    }

    impl Place {
        fn full(&self, path: &str) -> PathBuf {
            self.dir.path().join("root").join(path)
        }

        fn write(&self, path: &str, text: &str) {
            fs::create_dir_all(self.full(path).parent().unwrap()).unwrap();
            fs::write(self.full(path), text).unwrap();
        }

        fn read(&self, path: &str) -> String {
            fs::read_to_string(self.full(path)).unwrap()
        }

        fn restore(&self, path: &str) -> Option<Restored> {
            self.backups.restore(path, &self.dir.path().join("aside")).unwrap()
        }
    }

    #[test]
    fn what_was_there_comes_back_once_for_each_time_it_was_kept() {
        let place = place();
        place.write("a/x", "before");
        place.write("d/deep/y", "before");
        for attempt in ["half", "another half"] {
            for path in ["a/x", "d"] {
                place.backups.keep(path).unwrap();
            }
            place.write("a/x", attempt);
            place.write("d/new", attempt);
            let aside = place.restore("a/x").unwrap().aside.unwrap();
            assert_eq!(fs::read_to_string(aside).unwrap(), attempt);
            assert!(place.restore("d").unwrap().aside.unwrap().join("new").exists());
            assert_eq!((place.read("a/x"), place.read("d/deep/y")), ("before".into(), "before".into()));
            assert!(!place.full("d/new").exists());
        }
        // What somebody writes after that is theirs.
        place.write("a/x", "mine");
        assert_eq!((place.restore("a/x"), place.read("a/x")), (None, "mine".into()));
        for path in ["a/x", "d"] {
            place.backups.keep(path).unwrap();
        }
        place.backups.discard("a/x").unwrap();
        assert_eq!(place.restore("a/x"), None);
        place.backups.clear().unwrap();
        assert_eq!(place.restore("d"), None);
    }

    #[test]
    fn where_nothing_was_nothing_comes_back() {
        let place = place();
        assert_eq!(place.restore("x"), None, "nothing is known");
        place.backups.keep("x").unwrap();
        assert_eq!(place.restore("x"), Some(Restored { aside: None }));
        place.backups.keep("x").unwrap();
        place.write("x", "half");
        assert!(place.restore("x").unwrap().aside.is_some());
        assert!(!place.full("x").exists());
        place.write("x", "mine");
        assert_eq!(place.restore("x"), None, "it was put back before");
        place.write("x", "now");
        place.backups.keep("x").unwrap();
        place.write("x", "later");
        place.restore("x").unwrap();
        assert_eq!(place.read("x"), "now", "the last state that was kept counts");
    }

    #[test]
    fn half_a_copy_counts_for_nothing() {
        let place = place();
        place.write("x", "before");
        fs::create_dir_all(place.full(".rulemake/backup")).unwrap();
        fs::write(place.backups.copy("x").with_extension("begun"), "bef").unwrap();
        assert_eq!(place.restore("x"), None);
        assert_eq!(place.read("x"), "before");
        place.backups.keep("x").unwrap();
        place.restore("x").unwrap();
        assert_eq!(place.read("x"), "before");
    }

    #[test]
    fn at_whatever_effect_keeping_fails_or_dies_the_file_is_as_it_was() {
        each_fault(|fault, under| {
            let place = place();
            place.write("d/x", "before");
            let mut kept = false;
            under(&mut || kept = place.backups.keep("d").is_ok());
            assert_eq!(place.read("d/x"), "before", "{fault:?}");
            if kept {
                // Then the job runs, and dies.
                place.write("d/x", "half");
                place.restore("d").unwrap();
            }
            // Else it never began, and what was kept before its record is of no use to anybody.
            assert_eq!(place.read("d/x"), "before", "{fault:?}");
            place.backups.keep("d").unwrap();
            assert_eq!(place.read("d/x"), "before", "{fault:?}: the next attempt");
        });
    }

    #[test]
    fn at_whatever_effect_putting_back_fails_or_dies_the_next_attempt_does_it() {
        for was_there in [true, false] {
            each_fault(|fault, under| {
                let place = place();
                if was_there {
                    place.write("d/x", "before");
                }
                place.backups.keep("d").unwrap();
                place.write("d/x", "half");
                under(&mut || drop(place.backups.restore("d", &place.dir.path().join("aside"))));
                place.restore("d");
                match was_there {
                    true => assert_eq!(place.read("d/x"), "before", "{fault:?}"),
                    false => assert!(!place.full("d").exists(), "{fault:?}"),
                }
                let half = place.dir.path().join("aside/d/x");
                assert_eq!(
                    fs::read_to_string(half).unwrap(),
                    "half",
                    "{fault:?}: it is somebody's work, perhaps"
                );
            });
        }
    }
}
