//! Programs in other languages that see their job as the object `snakemake`, so that scripts written for Snakemake run
//! as they are. Each language gets the job in a file beside the job's log; nothing goes through arguments, which have
//! a limit.

mod bash;
pub(crate) mod describe;
mod julia;
mod notebook;
pub(crate) mod python;
mod r;
mod rust;
#[cfg(test)]
mod tests;

use super::job::Round;
use super::process::{Words, beside};
use crate::exec::executor::{Outcome, ScriptWork};
use crate::model::action::ScriptLanguage;
use describe::Description;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Runs the script of a job.
pub(super) fn run(work: &ScriptWork, round: &Round<'_>) -> Outcome {
    let job = Description::of(&work.context, round.iteration);
    let mut files = Files::default();
    let outcome = match launch(work, &job, round, &mut files) {
        Ok(program) => {
            let words: Words<'_> = program.words.iter().map(|word| Cow::Borrowed(OsStr::new(word))).collect();
            round.program(words, &work.log, &program.env, work.language.advice())
        }
        Err(message) => Outcome::NotStarted(message),
    };
    files.remove();
    outcome
}

struct Program {
    words: Vec<String>,
    env: Vec<(String, String)>,
}

impl Program {
    fn of<const N: usize>(words: [&str; N]) -> Program {
        Program { words: words.map(str::to_string).into(), env: Vec::new() }
    }
}

/// Files that exist as long as the program runs.
#[derive(Default)]
pub(super) struct Files {
    files: Vec<PathBuf>,
    dir: Option<PathBuf>,
}

impl Files {
    pub(super) fn write(&mut self, path: PathBuf, content: &[u8]) -> Result<String, String> {
        let written = fs::write(&path, content);
        let shown = path.to_string_lossy().into_owned();
        self.files.push(path);
        written.map(|()| shown.clone()).map_err(|error| format!("cannot write `{shown}`: {error}"))
    }

    /// A directory of the job's own.
    fn dir(&mut self, path: PathBuf) -> Result<PathBuf, String> {
        let made = fs::create_dir_all(&path);
        self.dir = Some(path.clone());
        made.map(|()| path.clone()).map_err(|error| format!("cannot create `{}`: {error}", path.display()))
    }

    pub(super) fn remove(&self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        if let Some(dir) = &self.dir {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// The program to start, with its files in place.
fn launch(
    work: &ScriptWork,
    job: &Description,
    round: &Round<'_>,
    files: &mut Files,
) -> Result<Program, String> {
    let source = fs::read(&work.path).map_err(|error| unreadable(work, &error))?;
    let scriptdir = work.path.parent().unwrap_or(Path::new("/")).to_string_lossy();
    let name = work.path.file_name().unwrap_or_default().to_string_lossy();
    // The name of the script stands in messages of its interpreter.
    let copy = beside(&work.log, &format!(".{name}"));
    let program = work.language.program();
    match work.language {
        ScriptLanguage::Python => {
            let support = support(work)?;
            let path = work.path.to_string_lossy();
            let fields = python::job_fields(job);
            let (script, dir) = (python::text(&path), python::text(&scriptdir));
            let text = format!("{{\"script\": {script},\n\"scriptdir\": {dir},\n{fields}}}\n");
            let file = files.write(beside(&work.log, ".json"), text.as_bytes())?;
            let start = support.join("job.py");
            // The last word is for people who look at the list of processes.
            Ok(Program::of([program, &start.to_string_lossy(), &file, &work.shown]))
        }
        ScriptLanguage::Bash => {
            let text = bash::combined(&bash::preamble(job, &scriptdir), &source);
            Ok(Program::of([program, &files.write(copy, &text)?]))
        }
        ScriptLanguage::R => {
            let text = [r::preamble(job, &scriptdir).as_bytes(), &source].concat();
            Ok(Program::of([program, "--vanilla", &files.write(copy, &text)?]))
        }
        ScriptLanguage::Julia => {
            let text = [julia::preamble(job, &scriptdir).as_bytes(), &source].concat();
            Ok(Program::of([program, &files.write(copy, &text)?]))
        }
        ScriptLanguage::Rust => {
            let source =
                String::from_utf8(source).map_err(|_| format!("`{}` is not UTF-8 text", work.shown))?;
            let text = rust::combined(&rust::preamble(job, &scriptdir), &source);
            let file = files.write(copy, text.as_bytes())?;
            let mut words = vec![program.to_string()];
            words.extend(
                rust::DEPENDENCIES.iter().flat_map(|crate_| ["-d".to_string(), (*crate_).to_string()]),
            );
            words.push(file);
            Ok(Program { words, env: Vec::new() })
        }
        ScriptLanguage::RMarkdown => markdown(work, job, round, &source, &scriptdir, files),
        ScriptLanguage::Notebook => in_jupyter(work, job, round, &source, &scriptdir, files),
    }
}

fn unreadable(work: &ScriptWork, error: &io::Error) -> String {
    format!("cannot read the script `{}`: {error}", work.shown)
}

fn support(work: &ScriptWork) -> Result<PathBuf, String> {
    python::support_dir(&work.support)
        .map_err(|error| format!("cannot write to `{}`: {error}", work.support.display()))
}

/// An R Markdown document: what is rendered is the job's one output. The job is defined before R reads the document, which
/// stays as it is, so that R's messages name the lines that its author sees.
fn markdown(
    work: &ScriptWork,
    job: &Description,
    round: &Round<'_>,
    source: &[u8],
    scriptdir: &str,
    files: &mut Files,
) -> Result<Program, String> {
    let [output] = &*work.context.outputs.paths else {
        return Err(format!(
            "`{}` is rendered to one file: its rule must have exactly one output",
            work.shown
        ));
    };
    let dir = files.dir(beside(&work.log, ".d"))?;
    let name = work.path.file_name().unwrap_or_default();
    let file = files.write(dir.join(name), source)?;
    let before = files.write(beside(&work.log, ".R"), r::preamble(job, scriptdir).as_bytes())?;
    let work_dir = round.dir.to_string_lossy();
    let output = round.dir.join(&**output);
    let render = format!(
        "source({3}, encoding = \"UTF-8\"); rmarkdown::render({0}, output_file = {1}, quiet = TRUE, knit_root_dir = {2}, params = list(rmd = {0}))",
        r::text(&file),
        r::text(&output.to_string_lossy()),
        r::text(&work_dir),
        r::text(&before)
    );
    Ok(Program::of([work.language.program(), "--vanilla", "-e", &render]))
}

fn in_jupyter(
    work: &ScriptWork,
    job: &Description,
    round: &Round<'_>,
    source: &[u8],
    scriptdir: &str,
    files: &mut Files,
) -> Result<Program, String> {
    let dir = files.dir(beside(&work.log, ".d"))?;
    let support = support(work)?;
    let place = notebook::Place { dir: &dir, support: &support };
    let text = notebook::with_job(source, job, round.dir, scriptdir, &place)
        .map_err(|message| format!("the notebook `{}` {message}", work.shown))?;
    let file = files.write(dir.join("notebook.ipynb"), text.as_bytes())?;
    let kept = work.context.logs.view().named("notebook").and_then(|(paths, _)| paths.first());
    let output = match kept {
        Some(path) => round.dir.join(&**path),
        None => dir.join("executed.ipynb"),
    };
    let words = [
        work.language.program(),
        "nbconvert",
        "--log-level",
        "ERROR",
        "--execute",
        "--to",
        "notebook",
        "--ExecutePreprocessor.timeout=-1",
        "--output",
        &output.to_string_lossy(),
        &file,
    ];
    let mut program = Program::of(words);
    // Settings and history of a person's own sessions have no part in a job.
    program.env.push(("IPYTHONDIR".into(), dir.join("ipython").to_string_lossy().into_owned()));
    Ok(program)
}
