//! How a program starts on Linux: found by looking, with the variables of this process as they were when the executor was
//! made, by [`sys::start`].

use super::process::Start;
use super::unix::Leader;
use crate::base::clock::monotonic;
use crate::sys;
use crate::sys::start::Program;
use rustc_hash::{FxHashMap, FxHashSet};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Where the C library looks for programs when `PATH` is not set.
const SEARCH: &str = "/bin:/usr/bin";

/// What all programs of an executor inherit.
#[derive(Debug)]
pub(super) struct Inherited {
    variables: Vec<Variable>,
    nothing: OnceLock<File>,
    /// Where programs were found, by name.
    found: Mutex<FxHashMap<OsString, Found>>,
}

#[derive(Debug)]
struct Found {
    search: OsString,
    file: PathBuf,
    at: Instant,
}

/// Workflows name few programs.
const MOST_FOUND: usize = 100;

#[derive(Debug)]
struct Variable {
    name: OsString,
    /// `NAME=value`.
    entry: CString,
}

impl Inherited {
    #[expect(clippy::disallowed_methods, reason = "passed on to programs as it is, as std does")]
    pub(super) fn new() -> Inherited {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some(Variable { entry: entry(&name, &value).ok()?, name }));
        let variables = variables.collect();
        Inherited { variables, nothing: OnceLock::new(), found: Mutex::default() }
    }

    pub(super) fn start(&self, start: &Start<'_>) -> io::Result<Leader> {
        let Some((program, _)) = start.words.split_first() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let own = |(name, value): &(String, String)| entry(OsStr::new(name), OsStr::new(value));
        let own: Vec<CString> = start.env.iter().map(own).collect::<io::Result<_>>()?;
        let file = self.locate(program, start)?;
        let words: Vec<CString> = start.words.iter().map(|word| text(word)).collect::<io::Result<_>>()?;
        let pid = sys::start::start(&Program {
            file: &text(file.as_os_str())?,
            words: &words.iter().map(|word| &**word).collect::<Vec<_>>(),
            variables: &self.with(start.env, &own),
            dir: &text(start.dir.as_os_str())?,
            streams: [
                start.input.map_or_else(|| self.nothing(), Ok)?.as_fd(),
                start.output.as_fd(),
                start.log.as_fd(),
            ],
        })?;
        Ok(Leader(pid))
    }

    /// The file that is executed. What was found since the job was ready holds for it as well, for what else runs could
    /// come before or after it as it likes: so of many jobs that are ready together one looks, in a dozen directories.
    fn locate(&self, program: &OsStr, start: &Start<'_>) -> io::Result<PathBuf> {
        let search = self.search(start.env);
        let Some(ready) = start.ready else { return Ok(locate(program, search, start.dir)?.file) };
        let known = || self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(program).filter(|found| found.at >= ready && found.search == search)
        {
            return Ok(found.file.clone());
        }
        let at = monotonic();
        let Located { file, depends_on_dir } = locate(program, search, start.dir)?;
        let mut known = known();
        if known.len() < MOST_FOUND && !depends_on_dir {
            known.insert(program.into(), Found { search: search.into(), file: file.clone(), at });
        }
        Ok(file)
    }

    /// The variables of a program: its own, the last of those of one name, before the inherited ones.
    fn with<'a>(&'a self, own: &[(String, String)], entries: &'a [CString]) -> Vec<&'a CStr> {
        let mut names = FxHashSet::default();
        let last = own.iter().zip(entries).rev().filter(|((name, _), _)| names.insert(OsStr::new(name)));
        let mut all: Vec<&CStr> = last.map(|(_, entry)| &**entry).collect();
        all.reverse();
        let inherited = self.variables.iter().filter(|variable| !names.contains(&*variable.name));
        all.extend(inherited.map(|variable| &*variable.entry));
        all
    }

    fn search<'a>(&'a self, own: &'a [(String, String)]) -> &'a OsStr {
        if let Some((_, path)) = own.iter().rev().find(|(name, _)| name == "PATH") {
            return OsStr::new(path);
        }
        let inherited = self.variables.iter().find(|variable| variable.name == "PATH");
        inherited.map_or(OsStr::new(SEARCH), |variable| {
            OsStr::from_bytes(&variable.entry.as_bytes()["PATH=".len()..])
        })
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

fn entry(name: &OsStr, value: &OsStr) -> io::Result<CString> {
    let mut entry = OsString::with_capacity(name.len() + value.len() + 2);
    [name, OsStr::new("="), value].into_iter().for_each(|part| entry.push(part));
    Ok(CString::new(entry.into_vec())?)
}

fn text(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}

struct Located {
    file: PathBuf,
    /// Whether it may be another one for who works elsewhere.
    depends_on_dir: bool,
}

/// The file that is executed for a program that will work in `dir`, as execvp(3) chooses it. That one tries to execute in one
/// directory after the other, and each try costs ten times a look.
fn locate(program: &OsStr, search: &OsStr, dir: &Path) -> io::Result<Located> {
    if program.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    if program.as_bytes().contains(&b'/') {
        return Ok(Located { file: program.into(), depends_on_dir: true });
    }
    let mut depends_on_dir = false;
    let mut found = io::ErrorKind::NotFound;
    let places: Vec<&[u8]> = search.as_bytes().split(|byte| *byte == b':').collect();
    for (n, place) in places.iter().enumerate() {
        if places[..n].contains(place) {
            continue;
        }
        // Nothing is the directory where it will work.
        let place = if place.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(place)) };
        let file = place.join(program);
        let seen = dir.join(&file);
        depends_on_dir |= file.is_relative();
        match sys::may_execute(&seen) {
            Ok(()) if seen.is_file() => return Ok(Located { file, depends_on_dir }),
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {}
            // What comes later may do.
            Ok(()) | Err(_) => found = io::ErrorKind::PermissionDenied,
        }
    }
    Err(found.into())
}
