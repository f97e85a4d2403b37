//! Files onto the disk: never over one that is there, never half of one, and none when not all can be made.

use super::{Entry, File, io_failure};
use crate::exit::{Exit, Failure};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Named at most in one message.
const SHOWN: usize = 20;

/// What of `entries` is there already, or could not be made because of what is there.
pub(crate) fn conflicts(target: &Path, entries: &[Entry]) -> Vec<String> {
    let mut found = BTreeSet::new();
    if std::fs::symlink_metadata(target).is_ok() && !target.is_dir() {
        found.insert(target.display().to_string());
        return found.into_iter().collect();
    }
    for entry in entries {
        let parts: Vec<&str> = entry.path.split('/').collect();
        for end in 1..=parts.len() {
            let path = parts[..end].join("/");
            let is_file = end == parts.len() && entry.file.is_some();
            // A link could lead anywhere: nothing is written through it.
            match std::fs::symlink_metadata(target.join(&path)) {
                Err(_) => break,
                Ok(kind) if kind.is_dir() && !is_file => {}
                Ok(_) => {
                    found.insert(path);
                    break;
                }
            }
        }
    }
    found.into_iter().collect()
}

pub(crate) fn refused(target: &Path, conflicts: &[String]) -> Failure {
    let message = match conflicts {
        [one] => format!("`{one}` is there already, and nothing is overwritten"),
        all => format!("{} of the files are there already, and nothing is overwritten", all.len()),
    };
    let mut failure = Failure::new(Exit::Usage, message);
    if conflicts.len() > 1 {
        let more = conflicts.len().saturating_sub(SHOWN);
        let mut lines: Vec<String> = conflicts.iter().take(SHOWN).cloned().collect();
        lines.extend((more > 0).then(|| format!("and {more} more")));
        failure = failure.note(format!("in {}:\n{}", target.display(), lines.join("\n")));
    }
    failure.help("nothing was written; name another directory, or move them away")
}

/// A project that is being made; what was made is known until the end, so that it can be taken back.
pub(crate) struct Placing {
    target: PathBuf,
    /// The topmost directory that had to be made for it.
    made_above: Option<PathBuf>,
    made: Vec<PathBuf>,
}

impl Placing {
    /// Makes the project's directory, if it is not there.
    pub(crate) fn begin(target: &Path) -> Result<Placing, Failure> {
        let mut placing = Placing { target: target.to_path_buf(), made_above: None, made: Vec::new() };
        if !target.is_dir() {
            let missing = target.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists());
            placing.made_above = missing.last().map(Path::to_path_buf);
            if let Err(error) = std::fs::create_dir_all(target) {
                placing.undo();
                return Err(io_failure("make the directory", target, &error));
            }
        }
        Ok(placing)
    }

    /// Writes all files beside their places, then moves each there.
    pub(crate) fn write(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        let beside = self.target.join(format!(".rulemake-init-{}", std::process::id()));
        let made = std::fs::create_dir(&beside).map_err(|error| io_failure("make", &beside, &error));
        let result = made.and_then(|()| self.write_by(&beside, entries));
        let _ = std::fs::remove_dir_all(&beside);
        result
    }

    fn write_by(&mut self, beside: &Path, entries: &[Entry]) -> Result<(), Failure> {
        let files =
            || entries.iter().filter_map(|entry| Some((&entry.path, entry.file.as_ref()?))).enumerate();
        for (number, (path, file)) in files() {
            written(&beside.join(number.to_string()), file)
                .map_err(|error| io_failure("write", &self.target.join(path), &error))?;
        }
        for entry in entries.iter().filter(|entry| entry.file.is_none()) {
            self.directory(&entry.path)?;
        }
        for (number, (path, _)) in files() {
            if let Some((dir, _)) = path.rsplit_once('/') {
                self.directory(dir)?;
            }
            let to = self.target.join(path);
            moved(&beside.join(number.to_string()), &to).map_err(|error| io_failure("make", &to, &error))?;
            self.made.push(to);
        }
        Ok(())
    }

    fn directory(&mut self, path: &str) -> Result<(), Failure> {
        let mut full = self.target.clone();
        for part in path.split('/') {
            full.push(part);
            match std::fs::create_dir(&full) {
                Ok(()) => self.made.push(full.clone()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && full.is_dir() => {}
                Err(error) => return Err(io_failure("make the directory", &full, &error)),
            }
        }
        Ok(())
    }

    /// Takes back what was made, and all of a directory that was not there before.
    pub(crate) fn undo(&mut self) {
        for path in std::mem::take(&mut self.made).into_iter().rev() {
            let _ = if path.is_dir() { std::fs::remove_dir(&path) } else { std::fs::remove_file(&path) };
        }
        if let Some(above) = self.made_above.take() {
            let _ = std::fs::remove_dir_all(above);
        }
    }
}

fn written(path: &Path, file: &File) -> io::Result<()> {
    std::fs::write(path, &file.bytes)?;
    #[cfg(unix)]
    if file.executable {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path)?.permissions().mode();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))?;
    }
    Ok(())
}

/// Moves a file to a place where nothing is, also if something appeared there since it was looked at.
pub(crate) fn moved(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(from, to) {
        Ok(()) => return std::fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A file system without links.
        Err(_) => {}
    }
    if std::fs::symlink_metadata(to).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    std::fs::rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, text: Option<&str>) -> Entry {
        let file = text.map(|text| File { bytes: text.into(), executable: path.ends_with(".sh") });
        Entry { path: path.into(), file }
    }

    #[test]
    fn all_is_made_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("x/y");
        let entries = [entry("a/b", None), entry("a/c/d.sh", Some("d")), entry("e", Some("e"))];
        let mut placing = Placing::begin(&target).unwrap();
        placing.write(&entries).unwrap();
        assert!(target.join("a/b").is_dir());
        assert_eq!(std::fs::read_to_string(target.join("a/c/d.sh")).unwrap(), "d");
        assert_eq!(std::fs::read_dir(&target).unwrap().count(), 2, "nothing is left beside");
        assert_eq!(conflicts(&target, &entries), ["a/c/d.sh", "e"]);
        placing.undo();
        assert!(!dir.path().join("x").exists());
    }

    #[test]
    fn what_appears_in_between_is_not_overwritten_and_the_rest_is_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("b"), "mine").unwrap();
        let mut placing = Placing::begin(dir.path()).unwrap();
        let entries = [entry("d/a", Some("a")), entry("b", Some("b"))];
        assert!(placing.write(&entries).is_err());
        placing.undo();
        assert_eq!(std::fs::read_to_string(dir.path().join("b")).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_conflicts() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("other")).unwrap();
        std::os::unix::fs::symlink("other", dir.path().join("data")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("x")).unwrap();
        let entries = [entry("data/a", Some("a")), entry("x", Some("a")), entry("other", None)];
        assert_eq!(conflicts(dir.path(), &entries), ["data", "x"]);
        assert_eq!(conflicts(&dir.path().join("x"), &entries).len(), 1);
    }
}
