//! Where a template comes from: one that is built in, a directory, an archive, or a repository that git clones.

use super::io_failure;
use crate::exit::{Exit, Failure};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the word after `--template` means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Directory(PathBuf),
    /// A zip file.
    Archive(PathBuf),
    /// The address for git.
    Repository(String),
}

pub(crate) fn origin(word: &str) -> Origin {
    for (short, host) in
        [("gh", "https://github.com/"), ("gl", "https://gitlab.com/"), ("bb", "https://bitbucket.org/")]
    {
        if let Some(rest) = word.strip_prefix(short).and_then(|rest| rest.strip_prefix(':')) {
            return Origin::Repository(format!("{host}{rest}.git"));
        }
    }
    let address = word.strip_prefix("git+").unwrap_or(word);
    // `user@host:path`, but not a file of that name.
    let by_ssh = address
        .split_once(':')
        .and_then(|(host, _)| host.split_once('@'))
        .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('/'));
    if address.contains("://") && address.to_lowercase().ends_with(".zip") {
        // Said when it is not found: nothing is downloaded but by git.
        return Origin::Archive(word.into());
    }
    if address.contains("://") || (by_ssh && !Path::new(word).exists()) {
        return Origin::Repository(address.into());
    }
    match word.to_lowercase().ends_with(".zip") && !Path::new(word).is_dir() {
        true => Origin::Archive(word.into()),
        false => Origin::Directory(word.into()),
    }
}

/// Unpacks a zip file below `scratch`: the one directory that is in it, as Cookiecutter expects.
pub(crate) fn unpack(start: &Path, file: &Path, scratch: &Scratch) -> Result<PathBuf, Failure> {
    let (shown, file) = (file.display(), start.join(file));
    if !file.is_file() {
        let failure = Failure::new(Exit::Usage, format!("there is no file `{shown}`"));
        return Err(match file.to_string_lossy().contains(":/") {
            true => failure.help("an archive is not downloaded: get it, and name the file"),
            false => failure,
        });
    }
    let dir = scratch.path().join("archive");
    // It leaves out paths that lead out of the directory.
    let mut unzip = Command::new("unzip");
    let unzipped = unpacked(unzip.args(["-q", "-n"]).arg(&file).arg("-d").arg(&dir), &dir);
    if unzipped.as_ref().is_ok_and(|is_whole| !is_whole) {
        let message = format!("`{shown}` is no template: unpacked it has more than {} MB", UNPACKED >> 20);
        return Err(Failure::new(Exit::Usage, message));
    }
    unzipped.map_err(|told| match told {
        Told::Missing(error) if error.kind() == io::ErrorKind::NotFound => {
            Failure::new(Exit::Environment, "templates in zip files need `unzip`, which is not installed")
        }
        told => Failure::new(Exit::Environment, format!("cannot unpack `{shown}`"))
            .note(format!("unzip says: {}", told.text())),
    })?;
    let entries = std::fs::read_dir(&dir).map_err(|error| io_failure("read", &dir, &error))?;
    let found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    match found.as_slice() {
        [only] if only.is_dir() && !only.is_symlink() => Ok(only.clone()),
        _ => Err(Failure::new(Exit::Usage, format!("`{shown}` is no template: it must hold one directory"))),
    }
}

/// Bytes that an archive may come out as. What it says of itself may be wrong, so what comes is counted.
const UNPACKED: u64 = 256 << 20;

/// Runs a command that fills `dir`; `false` when it was ended because that became too much.
fn unpacked(command: &mut Command, dir: &Path) -> Result<bool, Told> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(Told::Missing)?;
    let mut said = child.stderr.take();
    // A full pipe would hold it up.
    let reader = std::thread::Builder::new().spawn(move || {
        let mut text = Vec::new();
        let _ = said.as_mut().map(|said| io::Read::read_to_end(said, &mut text));
        String::from_utf8_lossy(&text).trim_end().to_string()
    });
    let reader = reader.map_err(Told::Missing)?;
    let status = loop {
        if bytes_below(dir) > UNPACKED {
            let _ = child.kill().and_then(|()| child.wait());
            return Ok(false);
        }
        match child.try_wait().map_err(Told::Missing)? {
            Some(status) => break status,
            None => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    };
    let text = reader.join().unwrap_or_default();
    match status.success() {
        true => Ok(bytes_below(dir) <= UNPACKED),
        false => Err(Told::Said(text)),
    }
}

fn bytes_below(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// A directory of our own that is gone when this is.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Scratch, Failure> {
        let base = std::env::temp_dir();
        for number in 0..1000 {
            let dir = base.join(format!("rulemake-template-{}-{number}", std::process::id()));
            let mut builder = std::fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&dir) {
                Ok(()) => return Ok(Scratch(dir)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io_failure("make the directory", &dir, &error)),
            }
        }
        Err(io_failure("make a directory in", &base, &io::ErrorKind::AlreadyExists.into()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Clones `address` into a directory below `scratch`. Of `revision`, a branch, a tag or a commit, else of the usual one.
pub(crate) fn clone(address: &str, revision: Option<&str>, scratch: &Scratch) -> Result<PathBuf, Failure> {
    // As the repository is called, for hooks and `_repo_dir`.
    let name = address.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    let name = name.strip_suffix(".git").unwrap_or(name);
    let name = if name.is_empty() || name.starts_with('.') { "template" } else { name };
    let dir = scratch.path().join(name);
    if revision.is_some_and(|revision| revision.starts_with('-')) {
        return Err(Failure::new(Exit::Usage, "a revision cannot start with `-`"));
    }
    let shallow = ["clone", "--quiet", "--depth", "1"];
    let Some(revision) = revision else {
        return git(&shallow, &["--", address], &dir).map(|()| dir).map_err(|told| failed(address, &told));
    };
    // A branch or tag is cloned alone; a commit needs all of the history.
    if git(&shallow, &["--branch", revision, "--", address], &dir).is_ok() {
        return Ok(dir);
    }
    let _ = std::fs::remove_dir_all(&dir);
    git(&["clone", "--quiet", "--no-checkout"], &["--", address], &dir)
        .map_err(|told| failed(address, &told))?;
    let place = dir.to_string_lossy().into_owned();
    let checkout = ["-C", &place, "checkout", "--quiet", "--detach", revision, "--"];
    match run(Command::new("git").args(checkout)) {
        Ok(()) => Ok(dir),
        Err(told) => {
            let message = format!("the repository {address} has no `{revision}`");
            Err(Failure::new(Exit::Usage, message).note(format!("git says: {}", told.text())))
        }
    }
}

fn git(before: &[&str], after: &[&str], dir: &Path) -> Result<(), Told> {
    run(Command::new("git").args(before).args(after).arg(dir))
}

/// Why git did not do it.
enum Told {
    Missing(io::Error),
    Said(String),
}

impl Told {
    fn text(&self) -> String {
        match self {
            Told::Missing(error) => error.to_string(),
            Told::Said(text) => text.clone(),
        }
    }
}

fn run(command: &mut Command) -> Result<(), Told> {
    // Without a terminal nobody could type a password.
    if !io::IsTerminal::is_terminal(&io::stdin()) {
        command.env("GIT_TERMINAL_PROMPT", "0");
    }
    let output = command.stdin(Stdio::inherit()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(Told::Missing)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Told::Said(String::from_utf8_lossy(&output.stderr).trim_end().to_string()))
}

fn failed(address: &str, told: &Told) -> Failure {
    match told {
        Told::Missing(error) if error.kind() == io::ErrorKind::NotFound => {
            Failure::new(Exit::Environment, "templates from a repository need `git`, which is not installed")
        }
        Told::Missing(error) => Failure::new(Exit::Environment, format!("cannot start git: {error}")),
        Told::Said(text) => Failure::new(Exit::Environment, format!("cannot clone {address}"))
            .note(format!("git says: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_directories_or_repositories() {
        for (word, address) in [
            ("gh:user/repo", "https://github.com/user/repo.git"),
            ("gl:group/sub/repo", "https://gitlab.com/group/sub/repo.git"),
            ("bb:user/repo", "https://bitbucket.org/user/repo.git"),
            ("https://example.org/x.git", "https://example.org/x.git"),
            ("git+ssh://git@example.org/x", "ssh://git@example.org/x"),
            ("git@example.org:user/x.git", "git@example.org:user/x.git"),
            ("file:///tmp/x", "file:///tmp/x"),
        ] {
            assert_eq!(origin(word), Origin::Repository(address.into()));
        }
        assert_eq!(origin("a/t.ZIP"), Origin::Archive("a/t.ZIP".into()));
        for word in ["x", "./x", "../a@b/c", "/a:b", "C:x", "@a:b"] {
            assert_eq!(origin(word), Origin::Directory(word.into()));
        }
    }
}
