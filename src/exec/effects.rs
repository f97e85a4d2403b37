//! What code of a Rulefile does to the world when it runs here: files and commands of one job, from its directory on.
//!
//! Each looks first whether the job was told to end, and long ones look again and again.

use super::job::Round;
use super::log::Log;
use super::process::{self, Launch, LogIs, beside, remove_script, shell_advice, shell_words};
use crate::exec::executor::{Outcome, RunWork};
use crate::exec::variables::Env;
use crate::model::action::{Change, CommandError, Effects, Opening, ShellUse};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// So much of a file is copied between two looks whether the job is to end.
const CHUNK: u64 = 64 << 20;

pub(super) struct JobEffects<'a> {
    round: &'a Round<'a>,
    log: &'a Path,
    /// Made with the first word that is written to it.
    file: Mutex<Option<File>>,
    cancelled: Arc<AtomicBool>,
    /// Whether it did anything but print.
    any: AtomicBool,
}

impl std::fmt::Debug for JobEffects<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobEffects").field("dir", &self.round.dir).finish_non_exhaustive()
    }
}

impl<'a> JobEffects<'a> {
    pub(super) fn new(work: &'a RunWork, round: &'a Round<'a>) -> JobEffects<'a> {
        let cancelled = round.control.flag().unwrap_or_default();
        JobEffects { round, log: &work.log, file: Mutex::default(), cancelled, any: AtomicBool::new(false) }
    }

    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// The end of the job: an empty log goes.
    pub(super) fn end(&self, outcome: Outcome) -> Outcome {
        if let Some(file) = self.file().take() {
            self.round.around.logs.over(self.log, Log::named(file));
        }
        outcome
    }

    fn file(&self) -> MutexGuard<'_, Option<File>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_log<R>(&self, work: impl FnOnce(&mut File) -> R) -> io::Result<R> {
        let mut file = self.file();
        if file.is_none() {
            let append = self.round.iteration.is_some_and(|n| n > 0);
            *file = Some(if append {
                self.round.around.logs.go_on(self.log)?
            } else {
                self.round.around.logs.begin(self.log)?
            });
        }
        match file.as_mut() {
            Some(file) => Ok(work(file)),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn full(&self, path: &str) -> PathBuf {
        self.round.dir.join(path)
    }

    /// From here on something is done.
    fn begin(&self) -> io::Result<()> {
        self.check()?;
        self.any.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        if self.round.control.asked().is_some() { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    fn copy(&self, from: &Path, to: &Path, mode: bool, times: bool) -> io::Result<()> {
        let meta = fs::metadata(from)?;
        if meta.is_dir() || to.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        regular(from)?;
        if is_same(from, to) {
            return Err(io::Error::other("source and target are the same file"));
        }
        let (source, mut target) = (File::open(from)?, File::create(to)?);
        loop {
            self.check()?;
            if io::copy(&mut (&source).take(CHUNK), &mut target)? == 0 {
                break;
            }
        }
        if times {
            let kept = fs::FileTimes::new().set_modified(meta.modified()?).set_accessed(meta.accessed()?);
            target.set_times(kept)?;
        }
        if mode {
            fs::set_permissions(to, meta.permissions())?;
        }
        Ok(())
    }

    /// Copies what is in a directory, links followed, as `shutil.copytree` does.
    fn copy_tree(&self, from: &Path, to: &Path, exist_ok: bool) -> io::Result<()> {
        if !exist_ok && to.symlink_metadata().is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let top = to.to_path_buf();
        let mut todo = vec![(from.to_path_buf(), top.clone())];
        while let Some((from, to)) = todo.pop() {
            let entries: Vec<_> = fs::read_dir(&from)?.collect::<io::Result<_>>()?;
            fs::create_dir_all(&to)?;
            for entry in entries {
                self.check()?;
                let (path, to) = (entry.path(), to.join(entry.file_name()));
                match fs::metadata(&path)?.is_dir() {
                    // A tree that is copied into itself would have no end.
                    true if path == top => {}
                    true => todo.push((path, to)),
                    false => self.copy(&path, &to, true, true)?,
                }
            }
            fs::set_permissions(&to, fs::metadata(&from)?.permissions())?;
        }
        Ok(())
    }

    fn move_to(&self, from: &Path, to: &Path) -> io::Result<()> {
        match fs::rename(from, to) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {}
            result => return result,
        }
        let meta = from.symlink_metadata()?;
        if meta.is_symlink() {
            symlink(&fs::read_link(from)?, to)?;
            fs::remove_file(from)
        } else if meta.is_dir() {
            self.copy_tree(from, to, false)?;
            fs::remove_dir_all(from)
        } else {
            self.copy(from, to, true, true)?;
            fs::remove_file(from)
        }
    }

    fn remove_tree(&self, path: &Path) -> io::Result<()> {
        // `shutil.rmtree` does not follow a link, and does not remove one.
        if path.symlink_metadata()?.is_symlink() {
            return Err(io::Error::other("it is a symbolic link"));
        }
        fs::remove_dir_all(path)
    }
}

impl Effects for JobEffects<'_> {
    fn dir(&self) -> &Path {
        self.round.dir
    }

    fn read(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        self.check()?;
        let full = self.full(path);
        regular(&full)?;
        let file = File::open(full)?;
        if file.metadata()?.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        Ok(Box::new(file))
    }

    fn open(&self, path: &str, how: Opening) -> io::Result<Box<dyn Write + Send>> {
        self.check()?;
        let full = self.full(path);
        match regular(&full) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => result?,
        }
        self.begin()?;
        let mut options = OpenOptions::new();
        match how {
            Opening::Truncate => options.write(true).create(true).truncate(true),
            Opening::Append => options.append(true).create(true),
            Opening::New => options.write(true).create_new(true),
        };
        Ok(Box::new(options.open(full)?))
    }

    fn change(&self, change: &Change<'_>) -> io::Result<()> {
        self.begin()?;
        match *change {
            Change::MakeDir { path, parents, exist_ok } => {
                let full = self.full(path);
                if full.symlink_metadata().is_ok() {
                    let there = exist_ok && full.is_dir();
                    return if there { Ok(()) } else { Err(ErrorKind::AlreadyExists.into()) };
                }
                if parents { fs::create_dir_all(full) } else { fs::create_dir(full) }
            }
            Change::RemoveFile { path } => fs::remove_file(self.full(path)),
            Change::RemoveDir { path } => fs::remove_dir(self.full(path)),
            Change::RemoveTree { path } => self.remove_tree(&self.full(path)),
            Change::Rename { from, to } => fs::rename(self.full(from), self.full(to)),
            Change::Move { from, to } => self.move_to(&self.full(from), &self.full(to)),
            Change::Copy { from, to, mode, times } => {
                self.copy(&self.full(from), &self.full(to), mode, times)
            }
            Change::CopyTree { from, to, exist_ok } => {
                self.copy_tree(&self.full(from), &self.full(to), exist_ok)
            }
            // The target is a text: a link leads from where it is.
            Change::Symlink { target, at } => symlink(Path::new(target), &self.full(at)),
            Change::HardLink { target, at } => fs::hard_link(self.full(target), self.full(at)),
            Change::Touch { path } => {
                let file = OpenOptions::new().append(true).create(true).open(self.full(path))?;
                file.set_modified(now())
            }
        }
    }

    fn shell(&self, shell: &ShellUse, command: &str, capture: bool) -> Result<Vec<u8>, CommandError> {
        if self.begin().is_err() {
            return Err(CommandError::Cancelled);
        }
        let (request, control) = (self.round.request, self.round.control);
        let script = beside(self.log, ".log.sh");
        let words = shell_words(&shell.program, command, &script).map_err(CommandError::NotStarted)?;
        let launch = Launch {
            dir: self.round.dir,
            log: self.log,
            around: self.round.around,
            log_is: LogIs::GoneOn,
            env: Env::of(&request.env),
            advice: shell_advice(&shell.program),
            meter: self.round.meter,
            ready: None,
        };
        let log = self.with_log(|file| file.try_clone()).and_then(|copy| copy);
        let log = log.map_err(|error| CommandError::NotStarted(format!("cannot create its log: {error}")))?;
        let ended = process::run_step(&words, &launch, control, &log, capture);
        remove_script(command, &script);
        let (outcome, output) = ended.map_err(CommandError::NotStarted)?;
        if control.asked().is_some() {
            return Err(CommandError::Cancelled);
        }
        match outcome {
            Outcome::Success => Ok(output),
            Outcome::Exit(code) => Err(CommandError::Exit(code)),
            Outcome::Signal(signal) => Err(CommandError::Signal(signal)),
            other => Err(CommandError::NotStarted(format!("{other:?}"))),
        }
    }

    fn print(&self, text: &str) {
        // A log that cannot be written is no reason to fail: the disk is full, and the outputs will say so.
        let _ = self.with_log(|file| file.write_all(text.as_bytes()));
    }

    fn cancelled(&self) -> Arc<AtomicBool> {
        self.cancelled.clone()
    }
}

/// What is no file may block for ever, and nothing here could end that.
fn regular(path: &Path) -> io::Result<()> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() || kind.is_dir() || path == Path::new("/dev/null") {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::Unsupported, "it is not a regular file"))
}

#[cfg(unix)]
fn is_same(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    id(a).is_some() && id(a) == id(b)
}

#[cfg(not(unix))]
fn is_same(a: &Path, b: &Path) -> bool {
    a == b
}

#[cfg(unix)]
fn symlink(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(crate::base::clock::wall_ms())
}
