//! `rulemake fmt`: Rulefiles in one style.

use super::here;
use crate::exit::{Exit, Failure};
use crate::options::Common;
use crate::output::{Output, say};
use crate::project::{Project, shown};
use rulemake::report::{printable, unified_diff};
use rulemake::source::{FormatOptions, format_source, included_files};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What `fmt` was asked to do.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct FmtArgs {
    /// Files to format, `-` for standard input; the Rulefile and what it includes when none is given
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing; exit with 1 when something would change
    #[arg(long)]
    check: bool,
    /// Change nothing; print what would change
    #[arg(long)]
    diff: bool,
    /// Break lines that are longer
    #[arg(long, value_name = "COLUMNS", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    line_length: u16,
}

/// One file as it was and as it is in style.
struct File {
    path: PathBuf,
    shown: String,
    before: String,
    after: Result<String, Failure>,
}

impl File {
    fn changed(&self) -> bool {
        self.after.as_ref().is_ok_and(|after| *after != self.before)
    }
}

pub(crate) fn fmt(common: &Common, output: &Output, args: &FmtArgs) -> Result<Exit, Failure> {
    let options = FormatOptions::default().line_length(usize::from(args.line_length));
    if args.files.iter().any(|file| file == Path::new("-")) {
        return standard_input(output, args, &options);
    }
    let here = here()?;
    let start = common.directory.as_ref().map_or(here.clone(), |directory| here.join(directory));
    let mut files = match args.files.as_slice() {
        [] => with_includes(&here, Project::find(&here, common)?.rulefile, &options)?,
        named => {
            let mut files = Vec::new();
            let mut seen = BTreeSet::new();
            for file in named {
                let path = shown(&here, &start.join(file));
                // By its place on the disk: a link beside its file is the same file, too.
                if seen.insert(real(&here.join(&path))) {
                    files.push(read(&here, path, &options)?);
                }
            }
            files
        }
    };
    let keep = args.check || args.diff;
    for file in files.iter_mut().filter(|file| !keep && file.changed()) {
        let Ok(after) = &file.after else { continue };
        // The others are written all the same.
        if let Err(error) = write(&here.join(&file.path), after) {
            let message = format!("cannot write {}: {}", file.shown, reason(&error));
            file.after = Err(Failure::new(Exit::Environment, message));
        }
    }
    report(output, args, &files)?;
    match files.iter().find_map(|file| file.after.as_ref().err()) {
        Some(failure) => Ok(failure.exit()),
        None if args.check && files.iter().any(File::changed) => Ok(Exit::Found),
        None => Ok(Exit::Success),
    }
}

fn standard_input(output: &Output, args: &FmtArgs, options: &FormatOptions) -> Result<Exit, Failure> {
    if args.files.len() > 1 {
        return Err(Failure::new(Exit::Usage, "`-` cannot stand with other files"));
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(Exit::Environment, format!("cannot read standard input: {error}")))?;
    let before = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Workflow, "standard input is not UTF-8 text"))?;
    let name = "<stdin>";
    let after = format_source(&before, &options.clone().name(name))?;
    let changed = before != after;
    if args.diff {
        output.answer(&unified_diff(name, &before, &after, output.stdout_style()))?;
    } else if output.json {
        output.answer_json(&serde_json::json!({
            "v": 1, "files": [{"path": name, "changed": changed, "text": after}]
        }))?;
    } else if !args.check {
        output.answer_as_it_is(&after)?;
    }
    Ok(if args.check && changed { Exit::Found } else { Exit::Success })
}

fn read(here: &Path, path: PathBuf, options: &FormatOptions) -> Result<File, Failure> {
    let shown = path.to_string_lossy().into_owned();
    let bytes = crate::read::whole(&here.join(&path)).map_err(|error| {
        let exit = match error.kind() {
            std::io::ErrorKind::NotFound
            | std::io::ErrorKind::IsADirectory
            | std::io::ErrorKind::Unsupported => Exit::Usage,
            _ => Exit::Environment,
        };
        Failure::new(exit, format!("cannot read {shown}: {}", reason(&error)))
    })?;
    let before = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Workflow, format!("{shown} is not UTF-8 text")))?;
    let after = format_source(&before, &options.clone().name(shown.as_str())).map_err(Failure::from);
    Ok(File { path, shown, before, after })
}

/// The Rulefile and, in order, the files that it and they include by plain names.
fn with_includes(here: &Path, rulefile: PathBuf, options: &FormatOptions) -> Result<Vec<File>, Failure> {
    let mut files: Vec<File> = Vec::new();
    let mut seen = BTreeSet::from([rulefile.clone()]);
    let mut todo = vec![rulefile];
    while let Some(path) = todo.pop() {
        let file = match read(here, path, options) {
            // That an included file is missing, or made by something, is for the load to say.
            Err(_) if !files.is_empty() => continue,
            file => file?,
        };
        let dir = file.path.parent().unwrap_or(Path::new("")).to_path_buf();
        let included = included_files(&file.before).unwrap_or_default();
        files.push(file);
        let paths = included.iter().map(|name| shown(here, &here.join(&dir).join(name)));
        let mut paths: Vec<PathBuf> = paths.filter(|path| seen.insert(path.clone())).collect();
        paths.reverse();
        todo.extend(paths);
    }
    Ok(files)
}

/// Without the number of the system, which helps nobody.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_string()
}

/// The file that a path leads to: links stay links, however many lie on the way.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// In one step: who looks at the file sees the old text or the new one.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let path = &real(path);
    let permissions = std::fs::metadata(path)?.permissions();
    // A new file in its place would need no permission to write to it.
    if permissions.readonly() {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let new = path.with_file_name(name);
    let written = std::fs::write(&new, text)
        .and_then(|()| std::fs::set_permissions(&new, permissions))
        .and_then(|()| std::fs::rename(&new, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written
}

fn report(output: &Output, args: &FmtArgs, files: &[File]) -> Result<(), Failure> {
    let changed: Vec<&File> = files.iter().filter(|file| file.changed()).collect();
    let failed: Vec<&Failure> = files.iter().filter_map(|file| file.after.as_ref().err()).collect();
    if output.json {
        let diagnostics: Vec<_> = failed.iter().flat_map(|failure| failure.diagnostics()).collect();
        let files: Vec<_> = files
            .iter()
            .map(|file| {
                serde_json::json!({"path": file.shown, "changed": file.changed(), "failed": file.after.is_err()})
            })
            .collect();
        output.answer_json(&serde_json::json!({"v": 1, "files": files, "diagnostics": diagnostics}))?;
    } else if args.diff {
        for file in &changed {
            let Ok(after) = &file.after else { continue };
            output.answer(&unified_diff(&file.shown, &file.before, after, output.stdout_style()))?;
        }
    }
    failed.iter().for_each(|failure| output.show(failure));
    if args.diff {
        return Ok(());
    }
    let word = if args.check { "would be changed" } else { "formatted" };
    changed.iter().for_each(|file| output.remark(&format!("{word}: {}", printable(&file.shown))));
    if changed.is_empty() && failed.is_empty() {
        let text = match files {
            [_] => "the file is in style".to_string(),
            files => format!("all {} files are in style", files.len()),
        };
        output.remark(&text);
    }
    if !failed.is_empty() {
        say(&format!("{} of {} files left as they are", failed.len(), files.len()));
    }
    Ok(())
}
