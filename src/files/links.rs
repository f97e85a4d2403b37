//! Where directories lead to: one directory may have several names, by links or as an absolute path. Knows no rules.
//! Each distinct directory costs one call of the system, once.

use crate::base::path::normalise;
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Links that one name may lead through: as many as the system follows.
const MOST_LINKS: usize = 40;

/// The real names of directories. Names are normalised and relative to the root, `""` is the root itself; what lies
/// outside has an absolute name.
pub(crate) struct RealNames {
    root: PathBuf,
    /// Absolute and without links; empty for `/`. `None` inside: nobody can say.
    real_root: Option<Option<Box<str>>>,
    known: FxHashMap<Box<str>, Arc<str>>,
}

impl RealNames {
    pub(crate) fn new(root: &Path) -> RealNames {
        RealNames { root: root.to_path_buf(), real_root: None, known: FxHashMap::default() }
    }

    /// The name that `dir` has when no link is on the way. What does not exist, or cannot be looked at, counts as it is
    /// called.
    pub(crate) fn of(&mut self, dir: &str) -> Arc<str> {
        let mut known = self.known.get(dir).cloned();
        if let Some(real) = known {
            return real;
        }
        let Some(base) = self.real_root() else { return dir.into() };
        let mut from = usize::from(dir.starts_with('/'));
        for (end, _) in dir.rmatch_indices('/').filter(|(end, _)| *end > 0) {
            known = self.known.get(&dir[..end]).cloned();
            if known.is_some() {
                from = end + 1;
                break;
            }
        }
        let mut real = match known {
            Some(real) if real.starts_with('/') => real.trim_end_matches('/').to_string(),
            Some(real) => join(&base, &real),
            None if dir.starts_with('/') => String::new(),
            None => base.to_string(),
        };
        let rest = dir.get(from..).unwrap_or_default();
        let mut end = from;
        for part in rest.split('/') {
            end += part.len();
            step(&mut real, part);
            let name = dir.get(..end).unwrap_or(dir);
            self.known.insert(name.into(), below(&base, &real).into());
            end += 1;
        }
        self.known.get(dir).cloned().unwrap_or_else(|| dir.into())
    }

    /// As [`RealNames::of`], of a directory that was asked for before. Asks nobody.
    pub(crate) fn known<'n>(&'n self, dir: &'n str) -> &'n str {
        self.known.get(dir).map_or(dir, |real| real)
    }

    /// The name of a file whose directory has another one; what the file itself is, is not looked at.
    pub(crate) fn of_file(&mut self, path: &str) -> Option<String> {
        let (dir, name) = split(path);
        let real = self.of(dir);
        (*real != *dir).then(|| join(&real, name))
    }

    fn real_root(&mut self) -> Option<Box<str>> {
        if let Some(real) = &self.real_root {
            return real.clone();
        }
        #[expect(clippy::disallowed_methods, reason = "the name is compared, and never used for a file")]
        let real = self.root.canonicalize().ok();
        let real = real.and_then(|real| real.to_str().map(|real| Box::from(real.trim_end_matches('/'))));
        self.real_root.insert(real).clone()
    }
}

/// Where a link leads in one step, as a path of the workflow: normalised, and from the root where it lies there. `None`: it
/// is no link.
pub(crate) fn target_of(root: &Path, path: &str) -> Option<String> {
    let target = crate::disk::read_link(root.join(path)).ok()?;
    let target = match target.strip_prefix(root) {
        Ok(inside) => inside.to_str()?.to_string(),
        Err(_) if target.is_absolute() => target.to_str()?.to_string(),
        Err(_) => join(split(path).0, target.to_str()?),
    };
    Some(normalise(&target).into_owned())
}

/// The directory of a path, and the name in it.
pub(crate) fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some(split) => split,
        None => ("", path),
    }
}

/// A name in a directory.
pub(crate) fn join(dir: &str, name: &str) -> String {
    match dir {
        "" => name.to_string(),
        _ if name.is_empty() => dir.to_string(),
        _ if dir.ends_with('/') => format!("{dir}{name}"),
        _ => format!("{dir}/{name}"),
    }
}

/// Goes from the real directory `at`, which is absolute, to `part` in it, and where that leads to.
fn step(at: &mut String, part: &str) {
    let mut rest = vec![part.to_string()];
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match &*part {
            "" | "." => continue,
            ".." => {
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }
            _ => {}
        }
        let before = at.len();
        at.push('/');
        at.push_str(&part);
        let Ok(target) = std::fs::read_link(&**at) else { continue };
        let Some(target) = target.to_str().filter(|_| links < MOST_LINKS) else { continue };
        links += 1;
        at.truncate(if target.starts_with('/') { 0 } else { before });
        rest.extend(target.rsplit('/').map(str::to_string));
    }
}

/// An absolute name, made relative when it is in `base`.
fn below<'a>(base: &str, real: &'a str) -> &'a str {
    match real.strip_prefix(base) {
        Some("") => "",
        Some(rest) if rest.starts_with('/') => &rest[1..],
        _ if real.is_empty() => "/",
        _ => real,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_directory_has_one_real_name() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("real");
        fs::create_dir_all(root.join("a/sub")).unwrap();
        symlink("a", root.join("b")).unwrap();
        symlink("../b/sub", root.join("a/up")).unwrap();
        symlink(root.join("a"), root.join("full")).unwrap();
        symlink("none", root.join("dangling")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("/", root.join("slash")).unwrap();
        symlink("real", dir.path().join("other")).unwrap();
        // The root itself may be reached by a link.
        for at in ["real", "other"] {
            let root = dir.path().join(at);
            let mut names = RealNames::new(&root);
            let absolute = root.join("a/sub").to_str().unwrap().to_string();
            for (name, real) in [
                ("", ""),
                ("a", "a"),
                ("b", "a"),
                ("b/sub", "a/sub"),
                ("b/new/deep", "a/new/deep"),
                ("a/up", "a/sub"),
                ("full/up", "a/sub"),
                ("dangling/x", "none/x"),
                ("loop", "loop"),
                (&*absolute, "a/sub"),
                ("../real/b", "a"),
                ("../other/b", "a"),
                ("slash", "/"),
                ("slash/nowhere", "/nowhere"),
                ("/nowhere/x", "/nowhere/x"),
                ("/", "/"),
            ] {
                for _ in 0..2 {
                    assert_eq!(&*names.of(name), real, "{name} in {at}");
                }
            }
            assert_eq!(names.of_file("b/x").as_deref(), Some("a/x"));
            assert_eq!(names.of_file("a/x"), None);
            assert_eq!(names.of_file("x"), None);
        }
    }
}
