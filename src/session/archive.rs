//! A project as one file: what its plan is made of, what is made, and what that was made from.

use super::lock::State;
use super::{RunOptions, Session};
use crate::archives::{Content, Packer, foreign_part, stays_inside};
use crate::base::digest::Digest;
use crate::base::path::{PathId, is_outside, normalise};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::job::JobId;
use crate::model::action::Action;
use crate::model::flags::Flag;
use crate::model::workflow::{How, Read};
use crate::plan::context::Context;
use crate::trace::lock::{LockFile, NAME};
use rustc_hash::FxHashSet;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

/// What goes into an archive.
///
/// ```
/// use rulemake::archive::{ArchiveOptions, ArchiveResults};
/// let mut options = ArchiveOptions::default();
/// options.results = ArchiveResults::Targets;
/// options.also = vec!["README.md".into()];
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ArchiveOptions {
    /// Which results.
    pub results: ArchiveResults,
    /// More files and directories, from the root.
    pub also: Vec<String>,
}

/// Which results go into an archive.
///
/// ```
/// assert_eq!(rulemake::archive::ArchiveResults::default(), rulemake::archive::ArchiveResults::All);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ArchiveResults {
    /// All that the targets need.
    #[default]
    All,
    /// Those that the targets name. What lies between is known by its digests: with
    /// [`RunOptions::only_needed`](crate::RunOptions::only_needed) it is not made again.
    Targets,
    /// None: with a shared cache they can be restored.
    None,
}

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
struct List<'s> {
    /// The directory that becomes the top of the archive.
    base: PathBuf,
    /// From there to the session's root.
    below: String,
    root: &'s Path,
    items: BTreeMap<String, Item>,
    left: BTreeMap<String, String>,
}

impl Session {
    /// Writes the project as an archive, a tar behind zstd: the Rulefile with all that it reads, the sources that `targets`
    /// (none = the default rule) need, results, and a `Rulefile.lock` that says what these were made from. So what is unpacked
    /// with [`unpack`](crate::archive::unpack) is up to date there. The same content gives the same bytes. An example is at
    /// `unpack`.
    ///
    /// # Errors
    /// As [`Session::plan`]; [`ErrorKind::Environment`] when a file cannot be read or the archive cannot be written.
    pub fn archive<T: AsRef<str>>(
        &self,
        targets: &[T],
        options: &RunOptions,
        what: &ArchiveOptions,
        to: &mut dyn Write,
    ) -> Result<Archived> {
        let cx = self.looking(targets, options)?;
        let mut list = List::new(self)?;
        let lock = self.list_results(&cx, what.results, &mut list)?;
        for path in &cx.graph.sources {
            list.add(cx.paths.text(*path), None, false);
        }
        for path in read_by(&cx) {
            list.add_read(&path);
        }
        for path in &what.also {
            list.add(&normalise(path), None, false);
        }
        if let Some(report) = &self.workflow.report {
            list.add(report, None, false);
        }
        list.write(&lock.to_text(), to)
    }

    /// Adds the results that are up to date; gives what is to be said of them.
    fn list_results(&self, cx: &Context, which: ArchiveResults, list: &mut List<'_>) -> Result<LockFile> {
        let named = named(cx);
        let is_wanted = |path: &PathId| match which {
            ArchiveResults::All => true,
            ArchiveResults::Targets => named.contains(path),
            ArchiveResults::None => false,
        };
        let mut lock = LockFile::default();
        for (id, state) in self.states(cx, false)? {
            let (job, flags) = (cx.job(id), &cx.rule(cx.job(id)).output_flags);
            match state {
                State::Current { outputs, .. } => {
                    for (path, locked) in outputs {
                        let text = cx.paths.text(path);
                        lock.lines.insert(text.to_string(), locked);
                        let index =
                            job.outputs.iter().position(|output| *output == path).unwrap_or(usize::MAX);
                        let has = |flag| flags.get(index).is_some_and(|flags| flags.has(flag));
                        let is_plain = !has(Flag::Touch) && !has(Flag::Directory);
                        if is_wanted(&path) && fs::symlink_metadata(self.root.join(text)).is_ok() {
                            list.add(text, is_plain.then_some(locked.result), true);
                        }
                    }
                    for path in cx.graph.beside(id) {
                        let text = cx.paths.text(*path);
                        if which == ArchiveResults::All && fs::symlink_metadata(self.root.join(text)).is_ok()
                        {
                            list.add(text, None, true);
                        }
                    }
                }
                State::Stale(because) => {
                    for path in job.outputs.iter().filter(|path| is_wanted(path)) {
                        let because = format!("it is not up to date: {because}");
                        list.left.insert(cx.paths.text(*path).to_string(), because);
                    }
                }
            }
        }
        Ok(lock)
    }
}

/// The files that the targets are there for.
fn named(cx: &Context) -> FxHashSet<PathId> {
    let of = |id: &JobId| {
        let job = cx.job(*id);
        let inputs: &[PathId] = match cx.rule(job).action {
            Action::None => &job.inputs,
            _ => &[],
        };
        job.outputs.iter().chain(inputs).copied().collect::<Vec<_>>()
    };
    cx.graph.targets.iter().flat_map(of).collect()
}

/// The files that evaluating the Rulefile read: itself, what it includes, modules, config files, scripts.
fn read_by(cx: &Context) -> Vec<Read> {
    let workflow = &cx.workflow;
    let file = |what: String, how: How| Read { kind: "file", what, how, digest: Some(Digest::of(b"")) };
    let rulefiles = workflow.rulefiles.iter().map(|id| workflow.sources.file(*id).name.clone());
    let rulefiles = rulefiles.map(|name| file(name.clone(), How::At(PathBuf::from(name))));
    let called = workflow.called.as_ref().map(|called| called.reads()).unwrap_or_default();
    let code = cx.code.looked().into_iter().filter(|(_, digest)| digest.is_some());
    let code = code.map(|(path, _)| file(path.to_string(), How::Named));
    rulefiles
        .chain(workflow.reads.iter().cloned())
        .chain(called.into_iter().map(|(_, read)| read))
        .chain(code)
        .filter(|read| matches!(read.kind, "file" | "exists" | "size" | "rights" | "links"))
        .filter(|read| read.digest.is_some())
        .collect()
}

impl<'s> List<'s> {
    fn new(session: &'s Session) -> Result<List<'s>> {
        let root = &session.root;
        let below = session.workflow.workdir.as_deref().unwrap_or(Path::new(""));
        let parts: Option<Vec<&str>> = below
            .components()
            .filter(|part| *part != Component::CurDir)
            .map(|part| match part {
                Component::Normal(name) => name.to_str(),
                _ => None,
            })
            .collect();
        let Some((parts, base)) = parts.and_then(|parts| {
            let base = root.ancestors().nth(parts.len())?.to_path_buf();
            Some((parts, base))
        }) else {
            let message =
                format!("`workdir` leads to {}, so the project is not in one directory", root.display());
            return Err(Error::new(ErrorKind::Workflow, message));
        };
        Ok(List { base, below: parts.join("/"), root, items: BTreeMap::new(), left: BTreeMap::new() })
    }

    /// A path from the root as one from the top.
    fn from_top(&self, path: &str) -> String {
        match self.below.is_empty() {
            true => normalise(path).into_owned(),
            false => normalise(&format!("{}/{path}", self.below)).into_owned(),
        }
    }

    /// Adds what is at a path from the root: a file, or a directory with all that is in it.
    fn add(&mut self, path: &str, digest: Option<Digest>, is_result: bool) {
        let name = self.from_top(path);
        if is_outside(&name) {
            self.left.insert(path.to_string(), "it lies outside of the project".into());
            return;
        }
        if self.leaves_foreign(&name) {
            return;
        }
        let full = self.root.join(path);
        match fs::metadata(&full) {
            Err(error) => drop(self.left.insert(path.to_string(), format!("it cannot be read: {error}"))),
            Ok(meta) if meta.is_dir() => self.add_directory(&name, &full, is_result),
            Ok(meta) if meta.is_file() => {
                drop(self.items.insert(name, Item::File { full, digest, is_result }))
            }
            Ok(_) => drop(self.left.insert(path.to_string(), "it is neither a file nor a directory".into())),
        }
    }

    /// Leaves out what lies in a directory that is not the project's own.
    fn leaves_foreign(&mut self, name: &str) -> bool {
        let Some(part) = foreign_part(name) else { return false };
        self.left.insert(name.to_string(), format!("what lies in {part} is not the project's own"));
        true
    }

    /// Adds a file that the Rulefile looked at. What is there and is no file, it only knows to be there.
    fn add_read(&mut self, read: &Read) {
        let path = match &read.how {
            How::At(path) => path.clone(),
            _ => self.root.join(&read.what),
        };
        let absolute =
            |path: &Path| std::path::absolute(path).ok().map(|path| path.to_string_lossy().into_owned());
        let (Some(path), Some(base)) = (absolute(&path), absolute(&self.base)) else { return };
        let (path, base) = (normalise(&path).into_owned(), normalise(&base).into_owned());
        let Some(name) = path.strip_prefix(&format!("{}/", base.trim_end_matches('/'))) else {
            if read.kind == "file" {
                self.left.insert(read.what.clone(), "it lies outside of the project".into());
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

    fn write(mut self, lock: &str, to: &mut dyn Write) -> Result<Archived> {
        let lock_name = self.from_top(NAME);
        // One of the project's own is of what it was, this one of what is here.
        self.items.remove(&lock_name);
        let failed = |path: &str, error: &std::io::Error| {
            Error::new(ErrorKind::Environment, format!("cannot archive {path}: {error}"))
        };
        let mut archived = Archived::default();
        let mut packer = Packer::new(to).map_err(|error| failed("the project", &error))?;
        let mut lock = Some((lock_name, lock));
        for (path, item) in &self.items {
            if let Some((name, text)) = lock.take_if(|(name, _)| *name < *path) {
                packer.add(&name, &Content::Text(text)).map_err(|error| failed(&name, &error))?;
            }
            let content = match item {
                Item::Directory => Content::Directory,
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
