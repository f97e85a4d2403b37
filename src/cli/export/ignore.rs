//! What git is to leave to DVC: that names what is in its cache in `.gitignore`, beside each output, and refuses what git
//! tracks. Names are only added.

use crate::exit::Failure;
use crate::git;
use crate::init::io_failure;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Ignored {
    /// The files that say more now, from the root.
    pub(crate) files: Vec<PathBuf>,
    /// Outputs that git tracks.
    pub(crate) tracked: Vec<String>,
}

/// Names `outputs` (paths from the root) where git does not ignore them yet. Without a repository there is nothing to do.
pub(crate) fn name(root: &Path, outputs: &[&str]) -> Result<Ignored, Failure> {
    let mut done = Ignored::default();
    if outputs.is_empty() || !git::is_repository(root).unwrap_or(false) {
        return Ok(done);
    }
    done.tracked = git::tracked(root, outputs)?;
    let ignored = git::ignored(root, outputs)?;
    let mut by_file: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for output in outputs.iter().filter(|output| !ignored.iter().any(|path| path == *output)) {
        let (dir, name) = output.rsplit_once('/').unwrap_or(("", output));
        by_file.entry(Path::new(dir).join(".gitignore")).or_default().push(pattern(name));
    }
    for (file, names) in by_file {
        let full = root.join(&file);
        if add(&full, &names).map_err(|error| io_failure("write", &full, &error))? {
            done.files.push(file);
        }
    }
    Ok(done)
}

/// The line that stands for exactly this name.
fn pattern(name: &str) -> String {
    let mut line = String::from("/");
    for c in name.chars() {
        if matches!(c, '[' | ']' | '!' | '*' | '#' | '?' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    line
}

/// Whether there was something to add.
fn add(file: &Path, names: &[String]) -> io::Result<bool> {
    let mut text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let is_new = |name: &&String| !text.lines().any(|line| line.trim_end() == **name);
    let new: Vec<&String> = names.iter().filter(is_new).collect();
    if new.is_empty() {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for name in new {
        text.push_str(name);
        text.push('\n');
    }
    fs::write(file, text).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_for_one_name() {
        for (name, line) in
            [("a.txt", "/a.txt"), ("a[1]*?", "/a\\[1\\]\\*\\?"), ("#x", "/\\#x"), ("é b", "/é b")]
        {
            assert_eq!(pattern(name), line);
        }
    }
}
