//! How a program starts on Linux: found by looking, with the variables of this process as they were when the executor was
//! made, by [`sys::start`].

use super::process::Start;
use super::unix::Leader;
use super::variables::Variable;
use crate::base::clock::monotonic;
use crate::sys;
use crate::sys::start::Program;
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// Where the C library looks for programs when `PATH` is not set.
const SEARCH: &str = "/bin:/usr/bin";

/// What all programs of an executor inherit.
#[derive(Debug)]
pub(super) struct Inherited {
    variables: Vec<Entry>,
    nothing: OnceLock<File>,
    /// What was put together for jobs that have variables in common, the last first.
    merged: Mutex<Vec<Arc<Merged>>>,
    /// Where programs were looked for, by name.
    known: Mutex<FxHashMap<OsString, Known>>,
}

/// A variable as a program gets it.
#[derive(Clone, Debug)]
struct Entry {
    name: OsString,
    /// `NAME=value`.
    text: CString,
}

impl Entry {
    fn value(&self) -> &OsStr {
        OsStr::from_bytes(&self.text.as_bytes()[self.name.len() + 1..])
    }
}

/// The inherited variables with those that jobs have in common in their places.
#[derive(Debug)]
struct Merged {
    /// Kept, so that nothing else can be at its place.
    common: Arc<[Variable]>,
    entries: Vec<Entry>,
    /// Where each is, by its name.
    places: FxHashMap<OsString, usize>,
}

impl Merged {
    fn place(&self, name: &OsStr) -> Option<usize> {
        self.places.get(name).copied()
    }
}

/// As jobs of a run differ little in their variables.
const MOST_MERGED: usize = 8;

/// A program that was looked for.
#[derive(Debug)]
struct Known {
    search: OsString,
    places: Arc<Places>,
    /// Where it was found, and when somebody began to look.
    found: Option<(Arc<CString>, Instant)>,
}

/// Workflows name few programs.
const MOST_KNOWN: usize = 100;

impl Inherited {
    #[expect(clippy::disallowed_methods, reason = "passed on to programs as it is, as std does")]
    pub(super) fn new() -> Inherited {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some(Entry { text: entry(&name, &value).ok()?, name }))
            .collect();
        Inherited { variables, nothing: OnceLock::new(), merged: Mutex::default(), known: Mutex::default() }
    }

    pub(super) fn start(&self, start: &Start<'_>) -> io::Result<Leader> {
        let Some((program, _)) = start.words.split_first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let merged = self.merged(start.env.common())?;
        let own = last_of_each(start.env.own())?;
        let file = self.locate(program, search(&merged, &own), start)?;
        let words: Vec<CString> = start.words.iter().map(|word| text(word)).collect::<io::Result<_>>()?;
        let hidden: Vec<usize> = own.iter().filter_map(|own| merged.place(&own.name)).collect();
        let common = merged.entries.iter().enumerate().filter(|(place, _)| !hidden.contains(place));
        let pid = sys::start::start(&Program {
            file: &file,
            words: &words.iter().map(|word| &**word).collect::<Vec<_>>(),
            variables: &own
                .iter()
                .chain(common.map(|(_, entry)| entry))
                .map(|entry| &*entry.text)
                .collect::<Vec<_>>(),
            dir: &text(start.dir.as_os_str())?,
            streams: [
                start.input.map_or_else(|| self.nothing(), Ok)?.as_fd(),
                start.output.as_fd(),
                start.log.as_fd(),
            ],
        })?;
        Ok(Leader(pid))
    }

    /// Put together once for all that have the same in common.
    fn merged(&self, common: &Arc<[Variable]>) -> io::Result<Arc<Merged>> {
        let mut known = lock(&self.merged);
        if let Some(merged) = known.iter().find(|merged| Arc::ptr_eq(&merged.common, common)) {
            return Ok(merged.clone());
        }
        let mut entries = last_of_each(common.iter())?;
        let names: FxHashSet<OsString> = entries.iter().map(|entry| entry.name.clone()).collect();
        entries.extend(self.variables.iter().filter(|variable| !names.contains(&variable.name)).cloned());
        let places = entries.iter().enumerate().map(|(place, entry)| (entry.name.clone(), place)).collect();
        let merged = Arc::new(Merged { common: common.clone(), entries, places });
        known.truncate(MOST_MERGED - 1);
        known.insert(0, merged.clone());
        Ok(merged)
    }

    /// The file that is executed. What was found since the job was ready holds for it as well, for what else runs could
    /// come before or after it as it likes: so of many jobs that are ready together one looks, in a dozen directories.
    fn locate(&self, program: &OsStr, search: &OsStr, start: &Start<'_>) -> io::Result<Arc<CString>> {
        let mut places = None;
        if let Some(known) = lock(&self.known).get(program).filter(|known| known.search == search) {
            match &known.found {
                Some((file, at)) if start.ready.is_some_and(|ready| *at >= ready) => return Ok(file.clone()),
                _ => places = Some(known.places.clone()),
            }
        }
        let at = monotonic();
        let places = match places {
            Some(places) => places,
            None => Arc::new(Places::of(program, search)?),
        };
        let file = places.look(start.dir)?;
        let mut known = lock(&self.known);
        if known.len() < MOST_KNOWN || known.contains_key(program) {
            let found = (!places.depend_on_dir).then(|| (file.clone(), at));
            known.insert(program.into(), Known { search: search.into(), places, found });
        }
        Ok(file)
    }

    /// The input of who gets none.
    fn nothing(&self) -> io::Result<&File> {
        if let Some(file) = self.nothing.get() {
            return Ok(file);
        }
        let file = File::open("/dev/null")?;
        Ok(self.nothing.get_or_init(|| file))
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of those of one name the last.
fn last_of_each<'a>(variables: impl DoubleEndedIterator<Item = &'a Variable>) -> io::Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for (name, value) in variables.rev() {
        let (name, value) = (OsStr::new(name), OsStr::new(value));
        // A dozen or two: to look through them is quicker than a set.
        if entries.iter().all(|entry| entry.name != *name) {
            entries.push(Entry { name: name.into(), text: entry(name, value)? });
        }
    }
    entries.reverse();
    Ok(entries)
}

/// Where programs are looked for.
fn search<'a>(merged: &'a Merged, own: &'a [Entry]) -> &'a OsStr {
    let name = OsStr::new("PATH");
    let common = || merged.place(name).and_then(|place| merged.entries.get(place));
    let path = own.iter().find(|entry| entry.name == name).or_else(common);
    path.map_or(OsStr::new(SEARCH), Entry::value)
}

fn entry(name: &OsStr, value: &OsStr) -> io::Result<CString> {
    let mut entry = OsString::with_capacity(name.len() + value.len() + 2);
    [name, OsStr::new("="), value].into_iter().for_each(|part| entry.push(part));
    Ok(CString::new(entry.into_vec())?)
}

fn text(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}

/// The files that a program may be.
#[derive(Debug)]
struct Places {
    /// In the order in which they are looked for.
    files: Vec<Arc<CString>>,
    /// It may be another one for who works elsewhere.
    depend_on_dir: bool,
    /// It was named with a directory, and is not looked for.
    is_named: bool,
}

impl Places {
    fn of(program: &OsStr, search: &OsStr) -> io::Result<Places> {
        if program.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if program.as_bytes().contains(&b'/') {
            let files = vec![Arc::new(text(program)?)];
            return Ok(Places { files, depend_on_dir: true, is_named: true });
        }
        let mut places = Places { files: Vec::new(), depend_on_dir: false, is_named: false };
        for place in search.as_bytes().split(|byte| *byte == b':') {
            // Nothing is the directory where it will work.
            let place = if place.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(place)) };
            let file = Arc::new(text(place.join(program).as_os_str())?);
            places.depend_on_dir |= place.is_relative();
            if !places.files.contains(&file) {
                places.files.push(file);
            }
        }
        Ok(places)
    }

    /// The file that is executed for a program that will work in `dir`, as execvp(3) chooses it. That one tries to execute
    /// in one directory after the other, and each try costs ten times a look.
    fn look(&self, dir: &Path) -> io::Result<Arc<CString>> {
        if let Some(file) = self.files.first().filter(|_| self.is_named) {
            return Ok(file.clone());
        }
        let mut error = io::ErrorKind::NotFound;
        for file in &self.files {
            let seen = match is_absolute(file) {
                true => Cow::Borrowed(&***file),
                false => Cow::Owned(text(dir.join(path(file)).as_os_str())?),
            };
            match sys::may_execute(&seen) {
                Ok(()) if path(&seen).is_file() => return Ok(file.clone()),
                Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {}
                // What comes later may do.
                Ok(()) | Err(_) => error = io::ErrorKind::PermissionDenied,
            }
        }
        Err(error.into())
    }
}

fn is_absolute(file: &CStr) -> bool {
    file.to_bytes().starts_with(b"/")
}

fn path(file: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(file.to_bytes()))
}
