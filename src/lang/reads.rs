//! Reads of the file system by the evaluator, each recorded with a digest of what it saw. The only place of
//! the language that touches files; it never writes.

mod globbing;

pub(crate) use globbing::GlobRules;

use crate::base::digest::{Digest, DigestHasher};
use crate::base::path::normalise;
use crate::lang::raise::{Exc, Raise};
use crate::lang::vm::Vm;
use crate::model::pattern::{Pattern, Segment};
use crate::model::workflow::{How, Read};
use regex::Regex;
use rustc_hash::FxHashSet;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::Arc;

/// What was read, in order, each thing once.
#[derive(Default)]
pub(crate) struct Reads {
    /// What a job looks at is no part of the plan.
    is_off: bool,
    list: Vec<Read>,
    seen: FxHashSet<(&'static str, String, How)>,
}

/// The text of a file as it is now, which is no read of the evaluation.
pub(crate) fn text_now(full: &Path) -> Option<String> {
    let mut text = String::new();
    open_regular(full).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

impl Reads {
    /// Records nothing.
    pub(crate) fn off() -> Reads {
        Reads { is_off: true, ..Reads::default() }
    }

    /// Records a read; of several reads of one thing the first counts.
    pub(crate) fn record(&mut self, kind: &'static str, what: &str, digest: Option<Digest>) {
        self.record_as(kind, what, How::Named, digest);
    }

    /// Records that a file was read, or looked for, which is called `what` but lies at `at`.
    pub(crate) fn record_file(&mut self, what: &str, at: &Path, digest: Option<Digest>) {
        self.record_as("file", what, How::At(at.to_path_buf()), digest);
    }

    /// Records a read of which its kind and name do not say all.
    pub(crate) fn record_as(&mut self, kind: &'static str, what: &str, how: How, digest: Option<Digest>) {
        if !self.is_off && self.seen.insert((kind, what.to_string(), how.clone())) {
            self.list.push(Read { kind, what: what.to_string(), how, digest });
        }
    }

    pub(crate) fn list(&self) -> &[Read] {
        &self.list
    }

    pub(crate) fn into_list(self) -> Vec<Read> {
        self.list
    }
}

/// What a path is, symlinks followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PathKind {
    Absent,
    File,
    Directory,
    Other,
}

/// What this process may do with a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rights {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) execute: bool,
}

/// The file that a raise is about because it is not there.
#[derive(Debug)]
pub(crate) struct Absent(pub(crate) Arc<str>);

/// Bytes of a file. Not recorded: sizes are asked for threads and resources, which are no reason to run.
pub(crate) fn file_size(root: &Path, path: &str) -> Result<u64, Raise> {
    fs::metadata(root.join(path)).map(|meta| meta.len()).map_err(|error| io_raise(&error, path))
}

/// What would be seen of `read` now, by looking at it in the same way; `None` when that cannot be told. `vm` is bare.
pub(crate) fn again(vm: &mut Vm, read: &Read) -> Option<Option<Digest>> {
    vm.reads = Reads::default();
    let what = read.what.as_str();
    // What fails is on record as absent, or not at all.
    match (read.kind, &read.how) {
        ("file", How::Named) => drop(vm.read_file(what)),
        ("file", How::At(path)) => drop(vm.read_source(path, what)),
        ("exists", How::Named) => drop(vm.path_kind(what)),
        ("link", How::Named) => drop(vm.link_kind(what)),
        ("size", How::Named) => drop(vm.file_size(what)),
        ("rights", How::Named) => drop(vm.rights(what)),
        ("links", How::Named) => drop(vm.real_path(what)),
        ("list", How::Named) => drop(vm.list_directory(what)),
        ("list-kinds", How::Named) => drop(vm.list_kinds(what)),
        ("variable", How::Named) => drop(vm.variable(what)),
        ("host", How::Named) if what == "directory" => drop(vm.absolute_root()),
        ("host", How::Named) if what == "processors" => drop(vm.processors()),
        ("glob", How::Wildcards { follow }) => drop(vm.glob_wildcards(what, *follow)),
        (_, How::Pattern { base, pattern, recursive, hidden, directories }) => {
            let (recursive, hidden, directories) = (*recursive, *hidden, *directories);
            drop(vm.glob(base, pattern, GlobRules { recursive, hidden, directories }));
        }
        _ => return None,
    }
    let same = |seen: &&Read| (seen.kind, &seen.what, &seen.how) == (read.kind, &read.what, &read.how);
    vm.reads.list().iter().find(same).map(|seen| seen.digest)
}

/// What `read` finds now, each path with what is to be known of it besides its name; `None` when it finds no paths or cannot
/// be done again. `vm` is bare.
pub(crate) fn found_now(vm: &mut Vm, read: &Read) -> Option<Vec<(String, String)>> {
    let what = read.what.as_str();
    let named = |paths: Vec<String>| paths.into_iter().map(|path| (path, String::new())).collect();
    match (read.kind, &read.how) {
        ("file" | "variable" | "host", _) => None,
        ("glob", How::Wildcards { follow }) => {
            let (_, found) = vm.paths_like(what, *follow).ok()?;
            Some(named(found.into_iter().map(|(path, _)| path).collect()))
        }
        (_, How::Pattern { base, pattern, recursive, hidden, directories }) => {
            let (recursive, hidden, directories) = (*recursive, *hidden, *directories);
            let found = vm.glob(base, pattern, GlobRules { recursive, hidden, directories }).ok()?;
            Some(named(found.into_iter().map(|path| join_path(base, &path)).collect()))
        }
        ("list" | "list-kinds", How::Named) => {
            let names = vm.list_kinds(what).unwrap_or_default();
            let entry = |(name, is_dir): (String, bool)| {
                (join_path(what, &name), if is_dir { "directory" } else { "" }.to_string())
            };
            Some(names.into_iter().map(entry).collect())
        }
        (kind, _) => {
            let seen = again(vm, read)??;
            Some(vec![(what.to_string(), format!("{kind} {seen}"))])
        }
    }
}

impl Vm<'_> {
    /// The whole text of a file.
    pub(crate) fn read_file(&mut self, path: &str) -> Result<String, Raise> {
        let full = self.root().join(path);
        let bytes = match self.read_bytes(&full) {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(error)) => {
                self.reads.record("file", path, None);
                return Err(io_raise(&error, path));
            }
            Err(raise) => return Err(raise),
        };
        self.reads.record("file", path, Some(Digest::of(&bytes)));
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Raise::new(Exc::UnicodeDecodeError, format!("`{path}` is not UTF-8 text (byte {at})"))
        })
    }

    /// The text of a file that belongs to the Rulefile, by its whole path; `shown` is how it is named.
    pub(crate) fn read_source(&mut self, path: &Path, shown: &str) -> Result<String, Raise> {
        let bytes = match self.read_bytes(path)? {
            Ok(bytes) => bytes,
            Err(error) => {
                self.reads.record_file(shown, path, None);
                let folder = path.parent().unwrap_or(Path::new("")).display().to_string();
                let folder = if folder.is_empty() { ".".to_string() } else { folder };
                return Err(io_raise(&error, shown).help(format!("it is looked for in `{folder}`")));
            }
        };
        self.reads.record_file(shown, path, Some(Digest::of(&bytes)));
        String::from_utf8(bytes)
            .map_err(|_| Raise::new(Exc::UnicodeDecodeError, format!("`{shown}` is not UTF-8 text")))
    }

    fn read_bytes(&mut self, full: &Path) -> Result<std::io::Result<Vec<u8>>, Raise> {
        let file = match open_regular(full) {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        match file.metadata() {
            Ok(meta) => self.budget.allocate(meta.len())?,
            Err(error) => return Ok(Err(error)),
        }
        let mut bytes = Vec::new();
        let most = self.budget.room();
        Ok(file.take(most).read_to_end(&mut bytes).map(|_| bytes))
    }

    /// What this process may do with a path.
    pub(crate) fn rights(&mut self, path: &str) -> Rights {
        let full = self.root().join(path);
        #[cfg(unix)]
        let [read, write, execute] = crate::sys::rights(&full);
        #[cfg(not(unix))]
        let [read, write, execute] = fs::metadata(&full)
            .map_or([false; 3], |meta| [true, !meta.permissions().readonly(), meta.is_dir()]);
        let seen = Digest::of(&[read.into(), write.into(), execute.into()]);
        self.reads.record("rights", path, Some(seen));
        Rights { read, write, execute }
    }

    /// What a path is.
    pub(crate) fn path_kind(&mut self, path: &str) -> PathKind {
        let kind = match fs::metadata(self.root().join(path)) {
            Ok(meta) if meta.is_file() => PathKind::File,
            Ok(meta) if meta.is_dir() => PathKind::Directory,
            Ok(_) => PathKind::Other,
            Err(_) => PathKind::Absent,
        };
        let digest = match kind {
            PathKind::Absent => None,
            PathKind::File => Some(Digest::of(b"file")),
            PathKind::Directory => Some(Digest::of(b"directory")),
            PathKind::Other => Some(Digest::of(b"other")),
        };
        self.reads.record("exists", path, digest);
        kind
    }

    /// Whether something is there under this name, and whether it is a symlink.
    pub(crate) fn link_kind(&mut self, path: &str) -> (bool, bool) {
        let found = fs::symlink_metadata(self.root().join(path)).ok();
        let link = found.as_ref().is_some_and(fs::Metadata::is_symlink);
        let digest = found.as_ref().map(|_| Digest::of(if link { b"link" } else { b"no link" }));
        self.reads.record("link", path, digest);
        (found.is_some(), link)
    }

    /// The size of a file in bytes, symlinks followed.
    pub(crate) fn file_size(&mut self, path: &str) -> Result<u64, Raise> {
        let found = fs::metadata(self.root().join(path));
        let digest = found.as_ref().ok().map(|meta| Digest::of(&meta.len().to_le_bytes()));
        self.reads.record("size", path, digest);
        found.map(|meta| meta.len()).map_err(|error| io_raise(&error, path))
    }

    /// `os.path.realpath`: absolute and without symlinks, as far as the path is there.
    pub(crate) fn real_path(&mut self, path: &str) -> Result<String, Raise> {
        let root = self.absolute_root()?;
        let mut todo: Vec<String> = join_path(&root, path).rsplit('/').map(String::from).collect();
        let mut done = String::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    done.truncate(done.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            self.budget.spend(1)?;
            let next = format!("{done}/{part}");
            let target = match fs::read_link(&next) {
                Ok(target) if links < MAX_LINKS => target,
                _ => {
                    done = next;
                    continue;
                }
            };
            links += 1;
            let target = target.to_str().ok_or_else(|| not_utf8(&target))?;
            if target.starts_with('/') {
                done.clear();
            }
            todo.extend(target.rsplit('/').map(String::from));
        }
        let real = if done.is_empty() { "/".to_string() } else { done };
        self.reads.record("links", path, Some(Digest::of(real.as_bytes())));
        Ok(real)
    }

    /// Names in a directory and whether each is a directory, sorted.
    pub(crate) fn list_kinds(&mut self, path: &str) -> Result<Vec<(String, bool)>, Raise> {
        let names = self.list_directory(path)?;
        let is_dir = |name: &String| self.root().join(path).join(name).is_dir();
        let kinds: Vec<(String, bool)> = names.into_iter().map(|n| (n.clone(), is_dir(&n))).collect();
        let shown: Vec<String> =
            kinds.iter().map(|(name, dir)| format!("{name}{}", if *dir { "/" } else { "" })).collect();
        self.reads.record("list-kinds", path, Some(digest_of(&shown)));
        Ok(kinds)
    }

    /// Names in a directory, sorted.
    pub(crate) fn list_directory(&mut self, path: &str) -> Result<Vec<String>, Raise> {
        let listed = entries(&self.root().join(path));
        match listed {
            Ok(entries) => {
                self.budget.spend(entries.len() as u64)?;
                if let Some(bad) = entries.iter().find(|e| !e.is_utf8) {
                    return Err(not_utf8(&Path::new(path).join(&bad.name)));
                }
                let names: Vec<String> = entries.into_iter().map(|e| e.name).collect();
                self.reads.record("list", path, Some(digest_of(&names)));
                Ok(names)
            }
            Err(error) => {
                self.reads.record("list", path, None);
                Err(io_raise(&error, path))
            }
        }
    }

    /// `glob_wildcards`: the wildcards' names, and their values for every path below the constant part of the
    /// pattern that matches, sorted by path.
    pub(crate) fn glob_wildcards(&mut self, text: &str, follow: bool) -> Result<Found, Raise> {
        let (pattern, found) = self.paths_like(text, follow)?;
        let (matched, rows): (Vec<String>, Vec<Vec<Arc<str>>>) = found.into_iter().unzip();
        self.reads.record_as("glob", text, How::Wildcards { follow }, Some(digest_of(&matched)));
        Ok(Found { names: pattern.names.clone(), rows })
    }

    /// The paths that match, each with the values of the wildcards.
    fn paths_like(&mut self, text: &str, follow: bool) -> Result<(Pattern, Matched), Raise> {
        let pattern = Pattern::parse(text)
            .map_err(|error| Raise::value_error(format!("`{text}` is not a pattern: {}", error.message)))?;
        let matcher = Matcher::new(&pattern)?;
        let constant = match pattern.segments.first() {
            Some(Segment::Literal(start)) => &**start,
            _ => "",
        };
        let start = if pattern.names.is_empty() { &*pattern.text } else { constant };
        let top = start.rsplit_once('/').map_or("", |(top, _)| if top.is_empty() { "/" } else { top });
        let (paths, unnamed) = self.walk(top, follow)?;
        // Data that is passed over in silence is worse than an error.
        if let Some(path) = unnamed.iter().find(|path| matcher.matches(path).is_some()) {
            return Err(not_utf8(Path::new(path)));
        }
        let found = paths.into_iter().filter_map(|path| Some((matcher.matches(&path)?, path)));
        let found = found.map(|(values, path)| (path, values)).collect();
        Ok((pattern, found))
    }

    /// As [`Vm::glob_wildcards`], among given paths and in their order.
    pub(crate) fn match_wildcards(&mut self, text: &str, files: &[Arc<str>]) -> Result<Found, Raise> {
        let pattern = Pattern::parse(text)
            .map_err(|error| Raise::value_error(format!("`{text}` is not a pattern: {}", error.message)))?;
        let matcher = Matcher::new(&pattern)?;
        self.budget.spend(files.len() as u64)?;
        let rows = files.iter().filter_map(|path| matcher.matches(&normalise(path))).collect();
        Ok(Found { names: pattern.names.clone(), rows })
    }

    /// All files and directories below `top`, sorted. Symlinked directories are entered only with `follow`,
    /// and never twice on one branch.
    /// Apart from them those whose names are not UTF-8, as messages show them.
    fn walk(&mut self, top: &str, follow: bool) -> Result<(Vec<String>, Vec<String>), Raise> {
        let (mut paths, mut unnamed) = (Vec::new(), Vec::new());
        let mut todo: Vec<(String, Vec<FileId>)> = vec![(top.to_string(), Vec::new())];
        while let Some((folder, ancestors)) = todo.pop() {
            let full = self.root().join(&folder);
            // As `os.walk` does, folders that cannot be listed are passed over.
            let Ok(entries) = entries(&full) else { continue };
            for entry in entries {
                self.budget.spend(1)?;
                let path = match folder.as_str() {
                    "" => entry.name,
                    "/" => format!("/{}", entry.name),
                    folder => format!("{folder}/{}", entry.name),
                };
                if is_own_state(&path) {
                    continue;
                }
                if !entry.is_utf8 {
                    unnamed.push(path);
                    continue;
                }
                let enter = entry.is_dir || (follow && entry.is_link && self.root().join(&path).is_dir());
                let mut branch = ancestors.clone();
                if enter && (!follow || enter_once(&self.root().join(&path), &mut branch)) {
                    todo.push((path.clone(), branch));
                }
                self.budget.allocate(path.len() as u64)?;
                paths.push(path);
            }
        }
        paths.sort_unstable();
        Ok((paths, unnamed))
    }
}

/// Paths with the values of their wildcards.
type Matched = Vec<(String, Vec<Arc<str>>)>;

/// What `glob_wildcards` found.
pub(crate) struct Found {
    pub(crate) names: Arc<[Arc<str>]>,
    /// One value per name and path.
    pub(crate) rows: Vec<Vec<Arc<str>>>,
}

/// As the system has it.
const MAX_LINKS: u32 = 40;

type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn file_id(_: &Path) -> Option<FileId> {
    None
}

/// Whether a folder is not one of its own ancestors; then it becomes one.
fn enter_once(path: &Path, ancestors: &mut Vec<FileId>) -> bool {
    match file_id(path) {
        Some(id) if !ancestors.contains(&id) => {
            ancestors.push(id);
            true
        }
        _ => false,
    }
}

/// rulemake's own directory is no data.
fn is_own_state(path: &str) -> bool {
    path.split('/').any(|part| part == ".rulemake")
}

struct Entry {
    name: String,
    /// Otherwise the name is only for messages.
    is_utf8: bool,
    is_dir: bool,
    is_link: bool,
}

fn entries(folder: &Path) -> std::io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, is_utf8) = match entry.file_name().into_string() {
            Ok(name) => (name, true),
            Err(name) => (name.to_string_lossy().into_owned(), false),
        };
        let kind = entry.file_type()?;
        found.push(Entry { name, is_utf8, is_dir: kind.is_dir(), is_link: kind.is_symlink() });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn digest_of(names: &[String]) -> Digest {
    let mut hasher = DigestHasher::new("rulemake read names");
    hasher.number(names.len() as u64);
    for name in names {
        hasher.text(name);
    }
    hasher.finish()
}

/// Opens a file to read it whole. A pipe is refused before it is opened, which would wait for a writer; it and a device
/// could be read for ever.
pub(crate) fn open_regular(path: &Path) -> std::io::Result<fs::File> {
    let meta = fs::metadata(path)?;
    if meta.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !meta.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    fs::File::open(path)
}

fn not_utf8(path: &Path) -> Raise {
    Raise::new(Exc::OSError, format!("the name of the file `{}` is not UTF-8", path.display()))
        .help("rename the file, or move it out of the way")
}

fn io_raise(error: &std::io::Error, path: &str) -> Raise {
    let (kind, what) = match error.kind() {
        ErrorKind::NotFound => (Exc::FileNotFoundError, "no such file or directory".to_string()),
        ErrorKind::PermissionDenied => (Exc::PermissionError, "permission denied".to_string()),
        ErrorKind::IsADirectory => (Exc::IsADirectoryError, "it is a directory".to_string()),
        ErrorKind::NotADirectory => (Exc::NotADirectoryError, "it is not a directory".to_string()),
        _ => (Exc::OSError, error.to_string()),
    };
    let raise = Raise::new(kind, format!("cannot read `{path}`: {what}"));
    match error.kind() {
        ErrorKind::NotFound => raise.with_payload(Arc::new(Absent(path.into()))).help(
            "the path starts from the directory that rulemake works in; what rules make is not there yet while it loads",
        ),
        _ => raise,
    }
}

/// Matches paths against a pattern with wildcards.
struct Matcher {
    regex: Regex,
    /// Wildcard number of each group; groups of one number must agree.
    groups: Vec<u16>,
    count: usize,
    /// For patterns in which a name occurs twice: the regular expression alone may split it wrongly.
    parts: Option<Vec<Part>>,
}

enum Part {
    Literal(Arc<str>),
    Wildcard(u16, Option<Regex>),
}

impl Matcher {
    fn new(pattern: &Pattern) -> Result<Matcher, Raise> {
        let mut source = String::from("(?s)^");
        let mut groups = Vec::new();
        let mut parts = Vec::new();
        for segment in &pattern.segments {
            match segment {
                Segment::Literal(text) => {
                    source.push_str(&regex::escape(text));
                    parts.push(Part::Literal(text.clone()));
                }
                Segment::Wildcard { name, constraint } => {
                    let wanted = constraint.as_deref().unwrap_or(".+");
                    source.push_str(&format!("(?P<w{}>{wanted})", groups.len()));
                    groups.push(*name);
                    let regex = match constraint {
                        Some(text) => Some(compile(&format!("(?s)^(?:{text})$"), &pattern.text)?),
                        None => None,
                    };
                    parts.push(Part::Wildcard(*name, regex));
                }
            }
        }
        source.push('$');
        let repeats = groups.len() > pattern.names.len();
        Ok(Matcher {
            regex: compile(&source, &pattern.text)?,
            groups,
            count: pattern.names.len(),
            parts: repeats.then_some(parts),
        })
    }

    fn matches(&self, path: &str) -> Option<Vec<Arc<str>>> {
        let captures = self.regex.captures(path)?;
        if let Some(parts) = &self.parts {
            let mut values = vec![None; self.count];
            let mut steps = MATCH_STEPS;
            return match_parts(parts, path, &mut values, &mut steps)
                .then(|| values.into_iter().map(|v| v.unwrap_or("").into()).collect());
        }
        let mut values: Vec<Arc<str>> = vec!["".into(); self.count];
        for (i, number) in self.groups.iter().enumerate() {
            values[*number as usize] = captures.name(&format!("w{i}"))?.as_str().into();
        }
        Some(values)
    }
}

/// Tries per path when a name occurs twice; a pattern that needs more matches nothing.
const MATCH_STEPS: u32 = 100_000;

/// Backtracking, longest value first; depth is the number of parts of the pattern.
fn match_parts<'p>(
    parts: &[Part],
    path: &'p str,
    values: &mut Vec<Option<&'p str>>,
    steps: &mut u32,
) -> bool {
    *steps = steps.saturating_sub(1);
    if *steps == 0 {
        return false;
    }
    let Some((part, rest)) = parts.split_first() else { return path.is_empty() };
    match part {
        Part::Literal(text) => match path.strip_prefix(&**text) {
            Some(path) => match_parts(rest, path, values, steps),
            None => false,
        },
        Part::Wildcard(number, constraint) => {
            let number = *number as usize;
            if let Some(value) = values[number] {
                return match path.strip_prefix(value) {
                    Some(path) => match_parts(rest, path, values, steps),
                    None => false,
                };
            }
            for end in (1..=path.len()).rev().filter(|end| path.is_char_boundary(*end)) {
                let (value, after) = path.split_at(end);
                if constraint.as_ref().is_some_and(|regex| !regex.is_match(value)) {
                    continue;
                }
                values[number] = Some(value);
                if match_parts(rest, after, values, steps) {
                    return true;
                }
            }
            values[number] = None;
            false
        }
    }
}

fn compile(source: &str, pattern: &str) -> Result<Regex, Raise> {
    Regex::new(source).map_err(|error| {
        let reason = error.to_string();
        let last = reason.lines().last().unwrap_or("").to_string();
        Raise::value_error(format!("a constraint in `{pattern}` is not a regular expression: {last}"))
            .help("look-around and back references are not supported")
    })
}

/// Joins like `os.path.join` of two parts.
pub(crate) fn join_path(base: &str, part: &str) -> String {
    if part.starts_with('/') || base.is_empty() {
        return part.to_string();
    }
    if base.ends_with('/') { format!("{base}{part}") } else { format!("{base}/{part}") }
}
