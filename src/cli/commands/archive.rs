//! `rulemake archive` and `rulemake unpack`: a project as one file, with results that are up to date wherever it goes.

use super::{Place, here, list};
use crate::exit::{Exit, Failure};
use crate::init::io_failure;
use crate::options::{Common, RunArgs};
use crate::output::Output;
use crate::project::{lexical, quoted, shown};
use rulemake::archive::{ArchiveOptions, ArchiveResults, Archived, UnpackOptions, unpack as unpacked};
use rulemake::report::printable;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Things left out that are shown without `-v`.
const SHOWN: usize = 20;

/// What is in every archive of a project that has it: it decides what a plan says.
const SETTINGS: [&str; 2] = ["rulemake.toml", "profiles/default/config.yaml"];

/// What `archive` was asked to do.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ArchiveArgs {
    /// Files or rules that are archived with all that they need; the first rule when none is given
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Write it there, `-` for standard output; by default to this directory, called like the project
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    to: Option<PathBuf>,
    /// Which results: `all` that the targets need, only the `targets`, or `none`
    #[arg(long, value_name = "WHICH", default_value = "all")]
    results: Which,
    /// Also archive this file or directory, such as README.md. Repeat it for more
    #[arg(long, value_name = "PATH")]
    with: Vec<String>,
    /// Replace the archive that is there
    #[arg(long)]
    overwrite: bool,
}

#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Which {
    All,
    Targets,
    None,
}

/// What `unpack` was asked to do.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct UnpackArgs {
    /// The archive
    #[arg(value_name = "ARCHIVE")]
    from: PathBuf,
    /// The directory for it; by default one here that is called like the archive
    #[arg(value_name = "DIR")]
    to: Option<PathBuf>,
    /// Overwrite files that are there
    #[arg(long)]
    overwrite: bool,
    /// Allow this much to come out, such as 20GB; by default a thousand times what the archive has, and 1 GiB in any case
    #[arg(long, value_name = "SIZE", value_parser = crate::values::bytes)]
    max_size: Option<u64>,
}

pub(crate) fn archive(place: &Place, args: &ArchiveArgs) -> Result<Exit, Failure> {
    let workflow = place.load(None)?;
    let options = place.run_options(&RunArgs::default(), &workflow);
    let session = place.session(workflow, &RunArgs::default()).open()?;
    let targets = place.targets(&args.targets, session.workflow());
    let mut what = ArchiveOptions::default();
    what.results = match args.results {
        Which::All => ArchiveResults::All,
        Which::Targets => ArchiveResults::Targets,
        Which::None => ArchiveResults::None,
    };
    let root = &place.project.root;
    let settings = SETTINGS.iter().filter(|path| root.join(path).is_file());
    let (secret, settings): (Vec<&str>, Vec<&str>) =
        settings.copied().partition(|path| holds_password(&root.join(path)));
    for path in secret {
        place.output.remark(&format!(
            "warning: {path} is left out, for an address in it holds a password or a token; `--with {path}` takes it along"
        ));
    }
    let settings = settings.into_iter().map(str::to_string);
    what.also = place.targets(&args.with, session.workflow()).into_iter().chain(settings).collect();
    if args.to.as_deref() == Some(Path::new("-")) {
        let mut to = std::io::stdout().lock();
        let done = session.archive(&targets, &options, &what, &mut to);
        let done = done.map_err(|error| place.explained(error, &targets))?;
        to.flush()?;
        return told(&place.output, "standard output", &done, true);
    }
    let here = here()?;
    let to = match &args.to {
        Some(to) => lexical(&place.start().join(to)),
        None => {
            here.join(format!("{}.tar.zst", root.file_name().unwrap_or("project".as_ref()).to_string_lossy()))
        }
    };
    let to_shown = shown(&here, &to);
    if let Some(dir) = args.to.as_deref().filter(|_| to.is_dir()) {
        let name = format!("{}.tar.zst", root.file_name().unwrap_or("project".as_ref()).to_string_lossy());
        let message = format!("`{}` is a directory", dir.display());
        return Err(Failure::new(Exit::Usage, message)
            .help(format!("name the file, such as `-o {}`", quoted(&dir.join(name).to_string_lossy()))));
    }
    if std::fs::symlink_metadata(&to).is_ok() && !args.overwrite {
        let message = format!("`{}` is there already", to_shown.display());
        return Err(
            Failure::new(Exit::Usage, message).help("`-o FILE` writes another, `--overwrite` replaces it")
        );
    }
    what.replaces = Some(to_shown.clone());
    let mut name = std::ffi::OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let fresh = to.with_file_name(name);
    let done: Result<Archived, Failure> = (|| {
        let mut file = BufWriter::new(Fresh { path: &fresh, file: None });
        let done = session.archive(&targets, &options, &what, &mut file);
        place.show_printed(&session.take_printed());
        let done = done.map_err(|error| place.explained(error, &targets))?;
        file.flush()
            .and_then(|()| std::fs::rename(&fresh, &to))
            .map_err(|error| io_failure("write", &to_shown, &error))?;
        Ok(done)
    })();
    let _ = std::fs::remove_file(&fresh);
    // As it was written, where it is not meant from another directory.
    let written = args.to.as_deref().filter(|to| to.is_absolute() || place.start() == here);
    told(&place.output, &written.unwrap_or(&to_shown).to_string_lossy(), &done?, false)
}

/// A new file that is made when something is written to it: by then it is settled what goes into the archive, so it does not go
/// into itself.
struct Fresh<'a> {
    path: &'a Path,
    file: Option<File>,
}

impl Write for Fresh<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().write(true).create_new(true).open(self.path)?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), File::flush)
    }
}

/// Whether a file has an address such as `https://name:password@host`, or with a token behind its `?`.
fn holds_password(path: &Path) -> bool {
    let text = crate::read::at_most(path, 1 << 20).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.split("://").skip(1).any(|rest| {
        let address = rest.split(|c: char| c.is_whitespace() || "\"'".contains(c)).next().unwrap_or_default();
        if address.split(['?', '&', '#', ';']).skip(1).any(crate::secrets::is_secret) {
            return true;
        }
        let authority = address.split('/').next();
        let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
        user.is_some_and(|user| user.contains(':'))
    })
}

fn told(output: &Output, to: &str, done: &Archived, is_answer: bool) -> Result<Exit, Failure> {
    let exit = if done.left.is_empty() { Exit::Success } else { Exit::Found };
    if output.json && !is_answer {
        let mut json = crate::output::versioned(done);
        json["to"] = to.into();
        output.answer_json(&json)?;
        return Ok(exit);
    }
    let shown = if output.verbose > 0 { usize::MAX } else { SHOWN };
    for left in done.left.iter().take(shown) {
        output.remark(&format!("left {}: {}", printable(&left.path), printable(&left.because)));
    }
    if let Some(more @ 1..) = done.left.len().checked_sub(shown) {
        output.remark(&format!("... and {more} more left; -v shows all"));
    }
    let s = |n: usize| if n == 1 { "" } else { "s" };
    let size = list::size_text(done.bytes);
    let line = format!(
        "{to} has {} file{} ({size}), {} of them result{}",
        done.files,
        s(done.files),
        done.results,
        s(done.results)
    );
    output.remark(&printable(&line));
    Ok(exit)
}

pub(crate) fn unpack(common: &Common, output: &Output, args: &UnpackArgs) -> Result<Exit, Failure> {
    let here = here()?;
    let start = common.directory.as_ref().map_or(here.clone(), |directory| lexical(&here.join(directory)));
    let place = lexical(&start.join(&args.from));
    let from = shown(&here, &place);
    if place.is_dir() {
        let message = format!("`{}` is a directory, not an archive", args.from.display());
        return Err(
            Failure::new(Exit::Usage, message).help("`rulemake archive` writes one, and `unpack` takes it")
        );
    }
    let to = match &args.to {
        Some(to) => lexical(&start.join(to)),
        None => start.join(stem(&args.from)?),
    };
    let to = shown(&here, &to);
    let mut options = UnpackOptions::default();
    options.overwrite = args.overwrite;
    options.max_bytes = args.max_size;
    let to = if to.as_os_str().is_empty() { PathBuf::from(".") } else { to };
    let done = unpacked(&from, &to, &options)?;
    if output.json {
        let mut json = crate::output::versioned(&done);
        json["to"] = to.to_string_lossy().as_ref().into();
        output.answer_json(&json)?;
        return Ok(Exit::Success);
    }
    let s = if done.files.len() == 1 { "" } else { "s" };
    let size = list::size_text(done.bytes);
    let written = args.to.as_deref().filter(|to| to.is_absolute() || start == here).unwrap_or(&to);
    output.remark(&printable(&format!("{} has {} file{s} ({size})", written.display(), done.files.len())));
    let command = match to == Path::new(".") {
        true => String::new(),
        false => format!(" -C {}", quoted(&to.to_string_lossy())),
    };
    output.remark("next:");
    output.remark(&printable(&format!("  rulemake{command} -n")));
    Ok(Exit::Success)
}

/// The name of an archive without what says that it is one.
fn stem(from: &Path) -> Result<String, Failure> {
    let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = [".tar.zst", ".tar.zstd", ".tzst", ".zst"].iter().find_map(|end| name.strip_suffix(end));
    match stem.filter(|stem| !stem.is_empty()) {
        Some(stem) => Ok(stem.to_string()),
        None => {
            let message = format!("`{}` does not say what its directory is called", from.display());
            Err(Failure::new(Exit::Usage, message).help("name it: `rulemake unpack ARCHIVE DIR`"))
        }
    }
}
