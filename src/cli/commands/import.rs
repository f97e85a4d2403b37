//! `rulemake import`: a Rulefile from what another tool reads, with a report of what is different.

use super::here;
use crate::exit::{Exit, Failure};
use crate::import::{Imported, dvc, make, snake};
use crate::init::io_failure;
use crate::init::place::moved;
use crate::options::Common;
use crate::output::{FAINT, Output, painted, say};
use crate::project::{lexical, quoted, shown};
use rulemake::report::printable;
use rulemake::{LoadOptions, Workflow};
use std::path::{Path, PathBuf};

/// What `import` was asked to do.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  rulemake import                     the one that lies in this directory
  rulemake import dvc.yaml -o -       print the Rulefile instead of writing it
  rulemake import workflow/Snakefile  what of it has to be changed")]
pub(crate) struct ImportArgs {
    /// A Makefile, dvc.yaml or Snakefile; the one that lies here when none is given
    #[arg(value_name = "FILE")]
    source: Option<PathBuf>,
    /// Write the Rulefile there, `-` for standard output; beside the file by default
    #[arg(short, long, value_name = "RULEFILE")]
    output: Option<PathBuf>,
    /// What the file is, if its name does not tell
    #[arg(long, value_name = "TOOL")]
    from: Option<Tool>,
}

#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tool {
    Make,
    Dvc,
    Snakemake,
}

/// Names that are looked for, in this order.
const NAMES: [(&str, Tool); 6] = [
    ("GNUmakefile", Tool::Make),
    ("makefile", Tool::Make),
    ("Makefile", Tool::Make),
    ("dvc.yaml", Tool::Dvc),
    ("Snakefile", Tool::Snakemake),
    ("workflow/Snakefile", Tool::Snakemake),
];

pub(crate) fn import(common: &Common, output: &Output, args: &ImportArgs) -> Result<Exit, Failure> {
    let here = here()?;
    let start = common.directory.as_ref().map_or(here.clone(), |directory| lexical(&here.join(directory)));
    let (file, tool) = chosen(&start, args)?;
    let path = shown(&here, &start.join(&file));
    if tool == Tool::Snakemake {
        if args.output.is_some() {
            let message = "a Snakefile is used as it is: there is nothing to write";
            return Err(Failure::new(Exit::Usage, message)
                .help(format!("run it with `rulemake -f {}`", file.display())));
        }
        return snakefile(output, &start, &path);
    }
    let bytes = crate::read::whole(&here.join(&path)).map_err(|error| {
        let failure = io_failure("read", &path, &error);
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::new(Exit::Usage, format!("there is no file `{}`", path.display()))
            }
            _ => failure,
        }
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Workflow, format!("{} is not UTF-8 text", path.display())))?;
    let dir = start.join(&file).parent().map_or(start.clone(), Path::to_path_buf);
    let imported = match tool {
        Tool::Dvc => dvc::import(&path.display().to_string(), &text, &dir)?,
        _ => make::import(&text, &dir),
    };
    let to = match &args.output {
        Some(to) if to == Path::new("-") => None,
        Some(to) => Some(start.join(to)),
        None => Some(dir.join("Rulefile")),
    };
    let Some(to) = to else {
        if output.json {
            output.answer_json(&report(&path, None, &imported))?;
        } else {
            output.answer_as_it_is(&imported.text)?;
        }
        told(output, &imported);
        return Ok(Exit::Success);
    };
    let to_shown = shown(&here, &lexical(&to));
    write(&to, &to_shown, &imported.text)?;
    if output.json {
        output.answer_json(&report(&path, Some(&to_shown), &imported))?;
    }
    let count = match imported.rules.len() {
        1 => "1 rule".to_string(),
        count => format!("{count} rules"),
    };
    let line = format!("{} has {count}, from {}", to_shown.display(), path.display());
    output.remark(&printable(&line));
    told(output, &imported);
    let mut options = LoadOptions::default();
    options.root = to.parent().map(Path::to_path_buf);
    options.variables = super::variables();
    if let Err(error) = Workflow::load_with(&to_shown, &options) {
        output.show(&error.into());
        say("the Rulefile does not load yet: this is to be mended by hand");
        return Ok(Exit::Workflow);
    }
    next(output, &here, &to)
}

fn chosen(start: &Path, args: &ImportArgs) -> Result<(PathBuf, Tool), Failure> {
    if let Some(file) = &args.source {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let by_name = || {
            let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, tool)| *tool);
            known.or(match name.rsplit('.').next() {
                Some("mk" | "mak") => Some(Tool::Make),
                Some("yaml" | "yml") => Some(Tool::Dvc),
                Some("smk") => Some(Tool::Snakemake),
                _ => None,
            })
        };
        return match args.from.or_else(by_name) {
            Some(tool) => Ok((file.clone(), tool)),
            None => {
                let message = format!("`{}` could be anything by its name", file.display());
                Err(Failure::new(Exit::Usage, message)
                    .help("say what it is: `--from make`, `dvc` or `snakemake`"))
            }
        };
    }
    let wanted = |tool: Tool| args.from.is_none_or(|from| from == tool);
    let found: Vec<_> =
        NAMES.iter().filter(|(name, tool)| wanted(*tool) && start.join(name).is_file()).collect();
    match found.as_slice() {
        [(name, tool)] => Ok((name.into(), *tool)),
        [] => Err(Failure::new(Exit::Usage, format!("nothing to import in {}", start.display()))
            .note("looked for a Makefile, a dvc.yaml and a Snakefile")
            .help("name the file; to begin anew there is `rulemake init`")),
        several => {
            let names: Vec<String> = several.iter().map(|(name, _)| format!("`{name}`")).collect();
            Err(Failure::new(Exit::Usage, format!("there are {}", names.join(" and ")))
                .help("name the one to import"))
        }
    }
}

/// Never over a file that is there.
fn write(to: &Path, to_shown: &Path, text: &str) -> Result<(), Failure> {
    if std::fs::symlink_metadata(to).is_ok() {
        let message = format!("`{}` is there already, and nothing is overwritten", to_shown.display());
        return Err(
            Failure::new(Exit::Usage, message).help("`-o FILE` writes to another file, `-o -` prints it")
        );
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let new = to.with_file_name(name);
    let written = std::fs::write(&new, text).and_then(|()| moved(&new, to));
    let _ = std::fs::remove_file(&new);
    written.map_err(|error| io_failure("write", to_shown, &error))
}

fn report(from: &Path, to: Option<&Path>, imported: &Imported) -> serde_json::Value {
    serde_json::json!({
        "v": 1, "from": from, "to": to, "rules": imported.rules, "notes": imported.notes,
        "text": to.is_none().then_some(&imported.text),
    })
}

fn told(output: &Output, imported: &Imported) {
    for (missing, heading) in [(false, "different here:"), (true, "to be done by hand:")] {
        let notes: Vec<_> = imported.notes.iter().filter(|note| note.missing == missing).collect();
        if notes.is_empty() || (!missing && output.quiet) {
            continue;
        }
        say(heading);
        let width = notes.iter().map(|note| note.line.to_string().len()).max().unwrap_or(1);
        notes
            .iter()
            .for_each(|note| say(&format!("  line {:width$}  {}", note.line, printable(&note.message))));
    }
}

fn next(output: &Output, here: &Path, to: &Path) -> Result<Exit, Failure> {
    let mut command = String::from("rulemake");
    let dir = to.parent().unwrap_or(here);
    if dir != here {
        command.push_str(&format!(" -C {}", quoted(&shown(here, dir).to_string_lossy())));
    }
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    if !["Rulefile", "rulefile"].contains(&&*name) {
        command.push_str(&format!(" -f {}", quoted(&name)));
    }
    output.remark("next:");
    let lines = [
        (format!("{command} check"), "look for mistakes"),
        (format!("{command} -n"), "what would run, and why"),
        (format!("{command} accept"), "or take the files that are there as they are"),
    ];
    let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
    for (line, words) in lines {
        output.remark(&format!("  {line:width$}  {}", painted(output.stderr_style(), FAINT, words)));
    }
    Ok(Exit::Success)
}

/// A Snakefile needs no import: what is said is whether it loads, and what stands in the way.
fn snakefile(output: &Output, start: &Path, path: &Path) -> Result<Exit, Failure> {
    let mut options = LoadOptions::default();
    options.root = Some(start.to_path_buf());
    options.variables = super::variables();
    let found = snake::report(path, &options)?;
    if output.json {
        output.answer_json(&found.json())?;
    }
    found.diagnostics.iter().for_each(|diagnostic| say(&diagnostic.render(output.stderr_style())));
    output.remark(&printable(&found.summary()));
    if found.is_used() {
        output.remark(&format!("next:\n  rulemake -f {} -n", quoted(&path.to_string_lossy())));
    }
    Ok(if found.is_used() { Exit::Success } else { Exit::Found })
}
