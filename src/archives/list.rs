//! What is to go into an archive: files and directories of one project, by their paths from its top.

use super::gate::{foreign_part, stays_inside};
use super::pack::{Content, Packer, is_private};
use crate::base::digest::Digest;
use crate::base::path::{is_outside, normalise};
use crate::error::{Error, ErrorKind, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write};
use std::path::{Component, Path, PathBuf};

/// What went into an archive.
///
/// ```
/// use rulemake::archive::Archived;
/// fn is_complete(archived: &Archived) -> bool {
///     archived.left.is_empty()
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Archived {
    /// Files and links.
    pub files: usize,
    /// Those of them that are results, or lie in one.
    pub results: usize,
    /// Bytes of the files, before they were compressed.
    pub bytes: u64,
    /// What is missing in it.
    pub left: Vec<ArchiveLeft>,
}

/// Something that is not in an archive.
///
/// ```
/// use rulemake::archive::ArchiveLeft;
/// fn tell(left: &ArchiveLeft) -> String {
///     format!("{}: {}", left.path, left.because)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ArchiveLeft {
    /// The file.
    pub path: String,
    /// Why, as a sentence without a full stop.
    pub because: String,
}

/// What an entry is made of.
enum Item {
    Directory,
    Link(String),
    File { full: PathBuf, digest: Option<Digest>, is_result: bool },
}

/// What is to go into an archive, by path from its top.
pub(crate) struct List<'s> {
    /// The directory that becomes the top of the archive.
    base: PathBuf,
    /// From there to the session's root.
    below: String,
    root: &'s Path,
    items: BTreeMap<String, Item>,
    left: BTreeMap<String, String>,
    /// The archive that there is already, by all its names: what lies around it does not bring it in.
    itself: Vec<PathBuf>,
}

impl<'s> List<'s> {
    /// Of the project at `root`; `below` are the last parts of that, which are below the top. `None` when that is not so.
    pub(crate) fn new(root: &'s Path, below: &Path) -> Option<List<'s>> {
        let name = |part: Component<'_>| match part {
            Component::Normal(name) => name.to_str().map(String::from),
            _ => None,
        };
        let parts = below.components().filter(|part| *part != Component::CurDir).map(name);
        let parts: Vec<String> = parts.collect::<Option<_>>()?;
        let base = root.ancestors().nth(parts.len())?.to_path_buf();
        Some(List {
            base,
            below: parts.join("/"),
            root,
            items: BTreeMap::new(),
            left: BTreeMap::new(),
            itself: Vec::new(),
        })
    }

    /// Leaves out an archive that is going to be replaced, where it only lies in a directory that is added. What is none may be
    /// anybody's.
    pub(crate) fn without(&mut self, file: &Path) {
        const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
        let mut head = [0; 4];
        // To open a pipe would wait for a writer.
        let is_file = fs::metadata(file).is_ok_and(|meta| meta.is_file());
        let is_read =
            is_file && fs::File::open(file).is_ok_and(|mut file| file.read_exact(&mut head).is_ok());
        if is_read && head == MAGIC {
            self.itself = real_names(file);
        }
    }

    /// Whether there is anything at a path from the root.
    pub(crate) fn is_there(&self, path: &str) -> bool {
        fs::symlink_metadata(self.root.join(path)).is_ok()
    }

    /// Says why something is not in the archive.
    pub(crate) fn leave(&mut self, path: &str, because: String) {
        self.left.insert(path.to_string(), because);
    }

    /// Adds what is at a path from the top.
    pub(crate) fn add_from_top(&mut self, path: &str) {
        self.add_at(&normalise(path), self.base.join(path), None, false);
    }

    /// A path from the root as one from the top.
    fn seen_from_top(&self, path: &str) -> String {
        match self.below.is_empty() {
            true => normalise(path).into_owned(),
            false => normalise(&format!("{}/{path}", self.below)).into_owned(),
        }
    }

    /// Adds what is at a path from the root: a file, or a directory with all that is in it.
    pub(crate) fn add(&mut self, path: &str, digest: Option<Digest>, is_result: bool) {
        self.add_at(&self.seen_from_top(path), self.root.join(path), digest, is_result);
    }

    fn add_at(&mut self, name: &str, full: PathBuf, digest: Option<Digest>, is_result: bool) {
        let because = match fs::metadata(&full) {
            _ if is_outside(name) => "it lies outside of the project".to_string(),
            _ if self.leaves_foreign(name) => return,
            Err(error) => format!("it cannot be read: {error}"),
            Ok(meta) if meta.is_dir() => return self.add_directory(name, &full, is_result),
            Ok(meta) if meta.is_file() => {
                self.items.insert(name.to_string(), Item::File { full, digest, is_result });
                return;
            }
            Ok(_) => "it is neither a file nor a directory".to_string(),
        };
        self.left.insert(name.to_string(), because);
    }

    /// Leaves out what lies in a directory that is not the project's own.
    fn leaves_foreign(&mut self, name: &str) -> bool {
        let Some(part) = foreign_part(name) else { return false };
        self.left.insert(name.to_string(), format!("what lies in {part} is not the project's own"));
        true
    }

    /// Adds a file that is called `called`, if there is one and it is not on the list. Where it has to be the one that is
    /// read, it is told when it cannot be.
    pub(crate) fn add_file(&mut self, file: &Path, called: &str, is_read: bool) {
        let absolute =
            |path: &Path| std::path::absolute(path).ok().map(|path| path.to_string_lossy().into_owned());
        let (Some(path), Some(base)) = (absolute(file), absolute(&self.base)) else { return };
        let (path, base) = (normalise(&path).into_owned(), normalise(&base).into_owned());
        let Some(name) = path.strip_prefix(&format!("{}/", base.trim_end_matches('/'))) else {
            if is_read {
                self.leave(called, "it lies outside of the project".into());
            }
            return;
        };
        let full = PathBuf::from(&path);
        let is_new = !self.items.contains_key(name) && fs::metadata(&full).is_ok_and(|meta| meta.is_file());
        if is_new && !self.leaves_foreign(name) {
            self.items.insert(name.to_string(), Item::File { full, digest: None, is_result: false });
        }
    }

    fn add_directory(&mut self, name: &str, full: &Path, is_result: bool) {
        let mut todo = vec![(name.to_string(), full.to_path_buf(), String::new())];
        while let Some((name, full, inside)) = todo.pop() {
            let entries = match fs::read_dir(&full).and_then(Iterator::collect::<std::io::Result<Vec<_>>>) {
                Ok(entries) => entries,
                Err(error) => {
                    self.left.insert(name, format!("it cannot be read: {error}"));
                    continue;
                }
            };
            self.items.insert(name.clone(), Item::Directory);
            for entry in entries {
                let Ok(own) = entry.file_name().into_string() else {
                    let shown = format!("{name}/{}", entry.file_name().to_string_lossy());
                    self.left.insert(shown, "its name is not UTF-8".into());
                    continue;
                };
                let (path, inside) = (format!("{name}/{own}"), format!("{inside}{own}"));
                self.add_inside(path, entry.path(), inside, is_result, &mut todo);
            }
        }
    }

    /// Adds something in a directory. A link that stays in the directory stays a link, any other counts as what it leads to.
    fn add_inside(
        &mut self,
        path: String,
        full: PathBuf,
        inside: String,
        is_result: bool,
        todo: &mut Vec<(String, PathBuf, String)>,
    ) {
        if self.leaves_foreign(&path) {
            return;
        }
        if !self.itself.is_empty()
            && !is_result
            && real_names(&full).iter().any(|name| self.itself.contains(name))
        {
            return;
        }
        let link = fs::read_link(&full).ok().and_then(|to| to.to_str().map(String::from));
        if let Some(to) = link.filter(|to| stays_inside(&inside, to)) {
            self.items.insert(path, Item::Link(to));
            return;
        }
        let is_link = fs::symlink_metadata(&full).is_ok_and(|meta| meta.is_symlink());
        match fs::metadata(&full) {
            Ok(meta) if meta.is_file() => {
                self.items.insert(path, Item::File { full, digest: None, is_result });
            }
            Ok(meta) if meta.is_dir() && !is_link => todo.push((path, full, format!("{inside}/"))),
            Ok(meta) if meta.is_dir() => {
                self.left.insert(path, "it is a link to a directory elsewhere".into());
            }
            Ok(_) => drop(self.left.insert(path, "it is neither a file nor a directory".into())),
            Err(error) => drop(self.left.insert(path, format!("it cannot be read: {error}"))),
        }
    }

    /// Whether a file is one that is on the list, one that was left, or one of `others`, which are paths from the root: by
    /// whatever name, through links, too.
    pub(crate) fn holds<'o>(&self, file: &Path, others: impl Iterator<Item = &'o str>) -> bool {
        let searched = real_names(file);
        if searched.is_empty() {
            return false;
        }
        let is_it = |other: &Path| real_names(other).iter().any(|name| searched.contains(name));
        let mut items = self.items.iter().map(|(path, item)| match item {
            Item::File { full, .. } => full.clone(),
            Item::Directory | Item::Link(_) => self.base.join(path),
        });
        // Of a directory that is left, all that is in it is. One that is around the project is named by mistake.
        let base = fs::canonicalize(&self.base).unwrap_or_default();
        let has_it = |other: &Path| {
            let around = |real: &PathBuf| searched.iter().any(|name| name.starts_with(real));
            real_names(other).iter().any(|real| !base.starts_with(real) && around(real))
        };
        // They are called as somebody named them.
        let named = |path: &String| [PathBuf::from(path), self.root.join(path), self.base.join(path)];
        let mut others = self.left.keys().flat_map(named).chain(others.map(|path| self.root.join(path)));
        items.any(|item| is_it(&item)) || others.any(|other| has_it(&other))
    }

    /// Writes the archive, with a text that is called `name` in the root.
    ///
    /// # Errors
    /// A file that cannot be read, or an archive that cannot be written.
    pub(crate) fn write(mut self, name: &str, text: &str, to: &mut dyn Write) -> Result<Archived> {
        let lock_name = self.seen_from_top(name);
        // One of the project's own is of what it was, this one of what is here.
        self.items.remove(&lock_name);
        let failed = |path: &str, error: &std::io::Error| {
            Error::new(ErrorKind::Environment, format!("cannot archive {path}: {error}"))
        };
        let mut archived = Archived::default();
        let mut packer = Packer::new(to).map_err(|error| failed("the project", &error))?;
        let mut lock = Some((lock_name, text));
        for (path, item) in &self.items {
            if let Some((name, text)) = lock.take_if(|(name, _)| *name < *path) {
                packer.add(&name, &Content::Text(text)).map_err(|error| failed(&name, &error))?;
            }
            let content = match item {
                Item::Directory => {
                    Content::Directory(fs::metadata(self.base.join(path)).is_ok_and(|meta| is_private(&meta)))
                }
                Item::Link(to) => Content::Link(to),
                Item::File { full, digest, .. } => Content::File(full, *digest),
            };
            packer.add(path, &content).map_err(|error| failed(path, &error))?;
            archived.files += usize::from(!matches!(item, Item::Directory));
            archived.results += usize::from(matches!(item, Item::File { is_result: true, .. }));
        }
        if let Some((name, text)) = lock {
            packer.add(&name, &Content::Text(text)).map_err(|error| failed(&name, &error))?;
        }
        archived.files += 1;
        archived.bytes = packer.bytes;
        packer.finish().map_err(|error| failed("the project", &error))?;
        archived.left = self.left.into_iter().map(|(path, because)| ArchiveLeft { path, because }).collect();
        Ok(archived)
    }
}

/// What is at a path by its real name, and the entry that the path names, which may be a link to that. Empty where there is
/// nothing.
fn real_names(path: &Path) -> Vec<PathBuf> {
    let entry = path.file_name().and_then(|name| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some(fs::canonicalize(parent).ok()?.join(name)).filter(|entry| fs::symlink_metadata(entry).is_ok())
    });
    fs::canonicalize(path).ok().into_iter().chain(entry).collect()
}
