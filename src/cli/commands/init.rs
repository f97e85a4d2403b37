//! `rulemake init`: a new project, from a template that is built in or any of Cookiecutter's.

use super::here;
use crate::exit::{Exit, Failure};
use crate::init::builtin::{self, ALL, NAME};
use crate::init::context::{Answers, Defaults, Question, check_extensions, nested, set, values};
use crate::init::fetch::{Origin, Scratch, clone, origin, unpack};
use crate::init::hooks::{self, Moment};
use crate::init::place::{Placing, conflicts, refused};
use crate::init::render::{Rendered, Renderer, render};
use crate::init::template::Template;
use crate::init::user;
use crate::meant;
use crate::options::Common;
use crate::output::{FAINT, Output, painted, say};
use rulemake::report::printable;
use serde_json::{Value as Json, json};
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Component, Path, PathBuf};

/// What `init` was asked to do.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  rulemake init                             a first Rulefile, in this directory
  rulemake init study -t data-science       a project for data, in `study`
  rulemake init -t gh:user/template name=x  any template of Cookiecutter")]
pub(crate) struct InitArgs {
    /// The project's directory, and values of the template's variables
    ///
    /// Without a directory a built-in template is put here, and one of Cookiecutter's into the directory that it names.
    #[arg(value_name = "DIR|KEY=VALUE")]
    words: Vec<String>,
    /// minimal, data-science, make-style; or a directory, a zip file, a git address, gh:USER/REPO
    #[arg(short, long, value_name = "TEMPLATE", default_value = "minimal", num_args = 0..=1, default_missing_value = "")]
    template: String,
    /// Take this branch, tag or commit of the template's repository
    #[arg(long, value_name = "REV")]
    checkout: Option<String>,
    /// Where in the repository or directory the template lies
    #[arg(long = "subdirectory", value_name = "SUBDIR")]
    subdirectory: Option<PathBuf>,
    /// Ask nothing: take the defaults
    #[arg(long)]
    no_input: bool,
    /// Take the answers from a file that Cookiecutter wrote, or any JSON object
    #[arg(long, value_name = "FILE")]
    replay_file: Option<PathBuf>,
    /// Let the template run its programs; without it they are only named
    #[arg(long, alias = "accept-hooks")]
    allow_hooks: bool,
    /// List the built-in templates
    #[arg(long)]
    list: bool,
}

pub(crate) fn init(common: &Common, output: &Output, args: &InitArgs) -> Result<Exit, Failure> {
    // `-t` alone asks which there are.
    if args.list || args.template.is_empty() {
        return list(output);
    }
    let start = start(common)?;
    let (dir, settings) = words(&args.words)?;
    let mut asker: Box<dyn Answers> = if args.no_input
        || args.replay_file.is_some()
        || output.json
        || !io::stdin().is_terminal()
        || !io::stderr().is_terminal()
    {
        Box::new(Defaults)
    } else {
        Box::new(Terminal)
    };
    let scratch = Scratch::new()?;
    let mut project = match builtin::named(&args.template) {
        Some(template) => {
            if args.checkout.is_some() || args.subdirectory.is_some() {
                let message = format!("the template `{}` is built in: it has no repository", template.name);
                return Err(Failure::new(Exit::Usage, message));
            }
            let mut template = Template::built_in(template)?;
            let target = dir.as_ref().map_or(start.clone(), |dir| start.join(dir));
            let name = lexical(&target).file_name().map(|name| name.to_string_lossy().into_owned());
            template.context.insert(NAME.into(), name.unwrap_or_else(|| "project".into()).into());
            Project { template, target: Some(target) }
        }
        None => {
            let target = dir.as_ref().map(|dir| start.join(dir));
            Project { template: foreign(&start, args, &mut *asker, &scratch)?, target }
        }
    };
    check_extensions(&project.template.context)?;
    let Template { context, remarks, dir: from, .. } = &mut project.template;
    if from.is_some() {
        remarks.extend(user::set_defaults(context)?);
    }
    if let Some(file) = &args.replay_file {
        user::replay(&start, file, context)?;
    }
    set(context, &settings)?;
    let made = project.make(&start, args, &mut *asker, &scratch)?;
    told(output, &start, args, &project.template, &made)
}

fn start(common: &Common) -> Result<PathBuf, Failure> {
    let here = here()?;
    let start = common.directory.as_ref().map_or(here.clone(), |directory| here.join(directory));
    if !start.is_dir() {
        return Err(Failure::new(Exit::Usage, format!("`{}` is not a directory", start.display())));
    }
    Ok(start)
}

/// A directory, and values of variables.
type Words = (Option<String>, Vec<(String, String)>);

/// The directory, if one is named, and `key=value` pairs.
fn words(words: &[String]) -> Result<Words, Failure> {
    let mut dir: Option<String> = None;
    let mut settings = Vec::new();
    for word in words {
        let name = |key: &&str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_');
        if let Some((key, value)) = word.split_once('=').filter(|(key, _)| name(key)) {
            settings.push((key.to_string(), value.to_string()));
        } else if word.is_empty() {
            return Err(Failure::new(Exit::Usage, "the name of the directory is empty"));
        } else if let Some(first) = &dir {
            let message = format!("`{first}` and `{word}`: a project has one directory");
            return Err(
                Failure::new(Exit::Usage, message).help("values of variables are written `key=value`")
            );
        } else {
            dir = Some(word.clone());
        }
    }
    Ok((dir, settings))
}

/// A template of Cookiecutter, from wherever it lies; of a template of templates the one that is chosen.
fn foreign(
    start: &Path,
    args: &InitArgs,
    asker: &mut dyn Answers,
    scratch: &Scratch,
) -> Result<Template, Failure> {
    let of_host = ["gh:", "gl:", "bb:"].iter().find(|host| args.template.starts_with(**host));
    if let Some(host) = of_host.filter(|host| !args.template[host.len()..].trim_matches('/').contains('/')) {
        let message = format!("`{}` names no repository", args.template);
        return Err(Failure::new(Exit::Usage, message).help(format!("write `{host}USER/REPO`")));
    }
    let mut dir = match origin(&args.template) {
        Origin::Repository(address) => clone(&address, args.checkout.as_deref(), scratch)?,
        Origin::Archive(path) => unpack(start, &path, scratch)?,
        Origin::Directory(path) => {
            let dir = start.join(&path);
            if !dir.is_dir() {
                return Err(no_such_template(&args.template));
            }
            if args.checkout.is_some() {
                let message = format!("`{}` is a directory: --checkout is for repositories", path.display());
                return Err(Failure::new(Exit::Usage, message)
                    .help(format!("for a repository in a directory there is `file://{}`", dir.display())));
            }
            dir
        }
    };
    if let Some(below) = &args.subdirectory {
        if !below.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            let message = format!("`{}` leads out of the template", below.display());
            return Err(Failure::new(Exit::Usage, message));
        }
        dir.push(below);
        if !dir.is_dir() {
            let message = format!("the template has no directory `{}`", below.display());
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    if args.allow_hooks && !hooks::of(&dir, Moment::BeforeQuestions).is_empty() {
        let name = dir.file_name().unwrap_or_default();
        let copies = scratch.path().join("before-questions");
        std::fs::create_dir(&copies)
            .map_err(|error| crate::init::io_failure("make the directory", &copies, &error))?;
        let copy = copies.join(name);
        hooks::copy(&dir, &copy)?;
        hooks::run(&copy, Moment::BeforeQuestions, None, scratch.path(), &copy)?;
        dir = copy;
    }
    // A template of templates may lead to another one.
    for _ in 0..10 {
        let context = Template::context_of(&dir)?;
        check_extensions(&context)?;
        match nested(&context, &Renderer::new(&context, None)?, asker)? {
            Some(path) => dir.push(path),
            None => return Template::read(&args.template, &dir, context),
        }
    }
    Err(Failure::new(Exit::Workflow, "the template leads from one to another without an end"))
}

fn no_such_template(word: &str) -> Failure {
    let failure =
        Failure::new(Exit::Usage, format!("there is no template `{word}`, and no directory of that name"));
    let near = meant::nearest(word, ALL.iter().map(|known| known.name), meant::a_third);
    match meant::question(&near) {
        Some(question) => failure.help(question),
        None => failure.help("`rulemake init --list` shows those that are built in"),
    }
}

/// A template and where it is to be put; nothing for the directory that it names itself.
struct Project {
    template: Template,
    target: Option<PathBuf>,
}

/// What was done.
struct Made {
    target: PathBuf,
    files: Vec<String>,
    /// Hooks that were not run.
    hooks: Vec<String>,
}

impl Project {
    fn make(
        &self,
        start: &Path,
        args: &InitArgs,
        asker: &mut dyn Answers,
        scratch: &Scratch,
    ) -> Result<Made, Failure> {
        let template = &self.template;
        let dir = template.dir.as_deref();
        let includes = dir.map(|dir| vec![dir.join(&template.top), dir.join("templates")]);
        let renderer = Renderer::new(&template.context, includes)?;
        let mut found = template.context.clone();
        found.shift_remove("__prompts__");
        found.extend(values(&template.context, &renderer, asker)?);
        found.insert("_template".into(), args.template.clone().into());
        found.insert("_output_dir".into(), start.to_string_lossy().into());
        found.insert("_repo_dir".into(), dir.map(|dir| dir.to_string_lossy()).unwrap_or_default().into());
        found.insert("_checkout".into(), args.checkout.clone().into());
        let raw = template.context.iter().filter(|(key, _)| !key.starts_with('_'));
        let asked: serde_json::Map<String, Json> =
            raw.map(|(key, value)| (key.clone(), value.clone())).collect();
        let context = json!({"cookiecutter": found, "_cookiecutter": asked});
        let Rendered { top, entries } = render(template, &renderer, &context)?;
        let target = self.target.clone().unwrap_or_else(|| start.join(top));
        let there = conflicts(&target, &entries);
        if !there.is_empty() {
            return Err(refused(&target, &there));
        }
        let mut placing = Placing::begin(&target)?;
        let hook = |moment| match dir.filter(|_| args.allow_hooks) {
            Some(dir) => hooks::run(dir, moment, Some((&renderer, &context)), scratch.path(), &target),
            None => Ok(()),
        };
        let done = hook(Moment::BeforeFiles)
            .and_then(|()| placing.write(&entries))
            .and_then(|()| hook(Moment::AfterFiles));
        if let Err(failure) = done {
            placing.undo();
            return Err(failure.help("nothing was left behind"));
        }
        let files =
            entries.into_iter().filter(|entry| entry.file.is_some()).map(|entry| entry.path).collect();
        let hooks = dir.filter(|_| !args.allow_hooks).map(hooks::described).unwrap_or_default();
        Ok(Made { target, files, hooks })
    }
}

fn told(
    output: &Output,
    start: &Path,
    args: &InitArgs,
    template: &Template,
    made: &Made,
) -> Result<Exit, Failure> {
    let here = here()?;
    let shown = crate::project::shown(&here, &lexical(&made.target));
    let is_here = shown.as_os_str().is_empty();
    template.remarks.iter().for_each(|remark| output.remark(&format!("note: {}", printable(remark))));
    if output.json {
        output.answer_json(&json!({
            "v": 1, "template": args.template, "directory": made.target.strip_prefix(start).unwrap_or(&made.target),
            "files": made.files, "hooks_not_run": made.hooks,
        }))?;
    }
    let place = if is_here { "here".into() } else { format!("in {}", printable(&shown.to_string_lossy())) };
    let count = match made.files.len() {
        1 => "1 file".to_string(),
        count => format!("{count} files"),
    };
    output.remark(&format!("{count} made {place}, from the template `{}`", printable(&template.name)));
    if !made.hooks.is_empty() {
        say("the template has hooks, programs that were not run:");
        made.hooks.iter().for_each(|hook| say(&format!("  {}", printable(hook))));
        say("look at them; `--allow-hooks` runs them");
    }
    let mut next: Vec<(String, &str)> = Vec::new();
    if !is_here {
        next.push((format!("cd {}", crate::project::quoted(&shown.to_string_lossy())), ""));
    }
    let has = |name: &str| made.files.iter().any(|file| file == name);
    if has("Rulefile") {
        next.push(("rulemake -n".into(), "what would run, and why"));
        next.push(("rulemake".into(), "make it"));
    } else if let Some(name) = ["Snakefile", "workflow/Snakefile"].into_iter().find(|name| has(name)) {
        next.push((format!("rulemake -f {name}"), "run it as it is"));
    } else if let Some(name) = ["Makefile", "dvc.yaml"].into_iter().find(|name| has(name)) {
        next.push((format!("rulemake import {name}"), "make a Rulefile of it"));
    } else {
        next.push(("rulemake init --template minimal".into(), "it has no Rulefile: begin one"));
    }
    output.remark("next:");
    let width = next.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
    for (line, words) in next {
        let line = printable(&line).to_string();
        output
            .remark(format!("  {line:width$}  {}", painted(output.stderr_style(), FAINT, words)).trim_end());
    }
    Ok(Exit::Success)
}

fn list(output: &Output) -> Result<Exit, Failure> {
    if output.json {
        let all: Vec<Json> =
            ALL.iter().map(|known| json!({"name": known.name, "summary": known.summary})).collect();
        output.answer_json(&json!({"v": 1, "templates": all}))?;
        return Ok(Exit::Success);
    }
    let width = ALL.iter().map(|known| known.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for known in &ALL {
        let summary = painted(output.stdout_style(), FAINT, known.summary);
        text.push_str(&format!("{:width$}  {summary}\n", known.name));
    }
    output.answer(&text)?;
    Ok(Exit::Success)
}

/// `path` without `.` and `..`, by its text alone.
fn lexical(path: &Path) -> PathBuf {
    crate::project::lexical(path)
}

/// Questions on a terminal.
struct Terminal;

impl Answers for Terminal {
    fn answer(&mut self, question: &Question) -> Result<Option<String>, Failure> {
        let mut text = String::new();
        if let Some(problem) = &question.problem {
            text.push_str(&format!("{}\n", printable(problem)));
        }
        text.push_str(&printable(&question.text));
        if !question.choices.is_empty() {
            text.push('\n');
            for (at, choice) in question.choices.iter().enumerate() {
                text.push_str(&format!("  {} - {}\n", at + 1, printable(choice)));
            }
            text.push_str(&format!("Choose from 1 to {}", question.choices.len()));
        }
        text.push_str(&format!(" ({}): ", printable(&question.default)));
        let mut err = io::stderr().lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) => {
                say("");
                Err(Failure::new(Exit::Usage, "the questions were not answered to the end")
                    .help("nothing was written; `--no-input` takes the defaults"))
            }
            Ok(_) => {
                Ok(Some(line.trim_end_matches(['\r', '\n']).to_string()).filter(|line| !line.is_empty()))
            }
            Err(error) => {
                Err(Failure::new(Exit::Environment, format!("cannot read standard input: {error}")))
            }
        }
    }
}
