//! Files around a name that none has: what it may be a misspelling of. Only lists directories.

use std::path::Path;

/// Entries of a directory that are looked at.
const LISTED: usize = 1000;
/// Directories beside that of the file in which its name is looked for.
const NEIGHBOURS: usize = 200;

/// What lies in the directory of `path`, and what is called so in the directories beside that one. What cannot be listed
/// holds nothing.
pub(crate) fn near(root: &Path, path: &str) -> Vec<String> {
    let (dir, name) = split(path);
    let mut found: Vec<String> =
        names(root, dir).take(LISTED).map(|other| join(dir, &other)).filter(|other| other != path).collect();
    if !dir.is_empty() {
        let (above, own) = split(dir);
        let beside = names(root, above).take(LISTED).filter(|other| other != own).take(NEIGHBOURS);
        let beside = beside.map(|other| join(&join(above, &other), name));
        found.extend(beside.filter(|file| root.join(file).is_file()));
    }
    found.sort_unstable();
    found
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_string() } else { format!("{dir}/{name}") }
}

fn names(root: &Path, dir: &str) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(root.join(dir)).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).filter(|name| name != ".rulemake")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_directory_and_those_beside_it_are_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["data/z.txt", "data/y.txt", "other/x.txt", "top.txt"] {
            std::fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(path), "").unwrap();
        }
        assert_eq!(near(dir.path(), "datas/z.txt"), ["data/z.txt"]);
        assert_eq!(near(dir.path(), "data/x.txt"), ["data/y.txt", "data/z.txt", "other/x.txt"]);
        assert_eq!(near(dir.path(), "tip.txt"), ["data", "other", "top.txt"]);
        assert!(near(dir.path(), "a/b/c").is_empty());
    }
}
