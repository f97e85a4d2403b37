//! What a template holds, unrendered: `cookiecutter.json`, the one directory whose name is a variable, and hooks.

use super::tags::Delimiters;
use super::{builtin, io_failure};
use crate::exit::{Exit, Failure};
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};

/// Files of one template; more is a mistake (a whole disk by a link) rather than a template.
const MAX_FILES: usize = 50_000;

#[derive(Debug)]
pub(crate) struct Template {
    /// As its user named it.
    pub(crate) name: String,
    /// Where `cookiecutter.json` lies; nothing for one that is built in.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) context: Map<String, Json>,
    /// The name of the project's directory, with variables in it.
    pub(crate) top: String,
    /// Sorted, directories before what is in them.
    pub(crate) nodes: Vec<Node>,
    /// What the user should know of it.
    pub(crate) remarks: Vec<String>,
}

/// A file or directory of a template, by its path below the project's directory, with variables in it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) path: String,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Directory,
    Text(&'static str),
    File(PathBuf),
}

impl Template {
    pub(crate) fn built_in(template: &builtin::Template) -> Result<Template, Failure> {
        let mut nodes: Vec<Node> = template
            .files
            .iter()
            .map(|(path, text)| Node { path: (*path).into(), content: Content::Text(text) })
            .collect();
        nodes.sort_by(|a, b| Path::new(&a.path).cmp(Path::new(&b.path)));
        let name = template.name.to_string();
        let context = parsed(template.context, &name)?;
        Ok(Template { name, dir: None, context, top: builtin::TOP.into(), nodes, remarks: Vec::new() })
    }

    /// Reads `cookiecutter.json` alone: a template that only leads to others has no files.
    pub(crate) fn context_of(dir: &Path) -> Result<Map<String, Json>, Failure> {
        let file = dir.join("cookiecutter.json");
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let message = format!("{} is no template: it has no cookiecutter.json", dir.display());
                let failure = Failure::new(Exit::Usage, message);
                return Err(match subdirectories_with_templates(dir).as_slice() {
                    [] => failure,
                    [first, ..] => failure.help(format!("did you mean `--subdirectory {first}`?")),
                });
            }
            Err(error) => return Err(io_failure("read", &file, &error)),
        };
        let text = String::from_utf8(bytes).map_err(|_| broken(&file, "it is not UTF-8 text"))?;
        parsed(&text, &file.display().to_string())
    }

    pub(crate) fn read(name: &str, dir: &Path, context: Map<String, Json>) -> Result<Template, Failure> {
        let delimiters = delimiters(&context);
        let top = top_directory(dir, &delimiters)?;
        let mut template = Template {
            name: name.into(),
            dir: Some(dir.to_path_buf()),
            context,
            top: top.clone(),
            nodes: Vec::new(),
            remarks: Vec::new(),
        };
        template.collect(dir, &dir.join(top))?;
        template.nodes.sort_by(|a, b| Path::new(&a.path).cmp(Path::new(&b.path)));
        Ok(template)
    }

    /// All that lies in the directory `top` of the template. Links to directories are not followed.
    fn collect(&mut self, dir: &Path, top: &Path) -> Result<(), Failure> {
        // What links may lead to: the template and nothing else of this machine.
        let inside = std::fs::canonicalize(dir).map_err(|error| io_failure("read", dir, &error))?;
        let mut todo = vec![(top.to_path_buf(), String::new())];
        while let Some((dir, prefix)) = todo.pop() {
            for entry in std::fs::read_dir(&dir).map_err(|error| io_failure("read", &dir, &error))? {
                let full = entry.map_err(|error| io_failure("read", &dir, &error))?.path();
                let Some(name) = full.file_name().and_then(|name| name.to_str()) else {
                    return Err(broken(&full, "its name is not UTF-8"));
                };
                let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}/{name}") };
                let kind =
                    std::fs::symlink_metadata(&full).map_err(|error| io_failure("read", &full, &error))?;
                let content = if kind.is_symlink() {
                    let target = std::fs::canonicalize(&full)
                        .map_err(|_| broken(&full, "it is a link to something that does not exist"))?;
                    if !target.starts_with(&inside) {
                        return Err(broken(&full, "it is a link that leads out of the template"));
                    }
                    if target.is_dir() {
                        self.remarks.push(format!("{path} is a link to a directory: it is made empty"));
                        Content::Directory
                    } else {
                        Content::File(full)
                    }
                } else if kind.is_dir() {
                    todo.push((full, path.clone()));
                    Content::Directory
                } else if kind.is_file() {
                    Content::File(full)
                } else {
                    return Err(broken(&full, "it is neither a file nor a directory"));
                };
                self.nodes.push(Node { path, content });
                if self.nodes.len() > MAX_FILES {
                    return Err(broken(top, &format!("it has more than {MAX_FILES} files")));
                }
            }
        }
        Ok(())
    }
}

pub(super) fn broken(path: &Path, why: &str) -> Failure {
    Failure::new(Exit::Workflow, format!("the template cannot be used: {}: {why}", path.display()))
}

fn parsed(text: &str, name: &str) -> Result<Map<String, Json>, Failure> {
    match serde_json::from_str(text) {
        Ok(Json::Object(map)) => Ok(map),
        Ok(_) => Err(broken(Path::new(name), "it is no JSON object")),
        Err(error) => Err(broken(Path::new(name), &format!("it is not JSON: {error}"))),
    }
}

/// The first directory, by name, whose name is a variable.
fn top_directory(dir: &Path, delimiters: &Delimiters) -> Result<String, Failure> {
    let (open, close) = &delimiters.variable;
    let entries = std::fs::read_dir(dir).map_err(|error| io_failure("read", dir, &error))?;
    let names = entries.filter_map(|entry| {
        let entry = entry.ok().filter(|entry| entry.path().is_dir())?;
        entry.file_name().into_string().ok()
    });
    let is_top = |name: &String| {
        name.contains("cookiecutter") && name.contains(open.as_str()) && name.contains(close.as_str())
    };
    let top = names.filter(is_top).min();
    let why = format!("it has no directory named like `{open} cookiecutter.name {close}`, the project");
    let top = top.ok_or_else(|| broken(dir, &why))?;
    if std::fs::symlink_metadata(dir.join(&top)).is_ok_and(|kind| kind.is_symlink()) {
        return Err(broken(&dir.join(top), "the project's directory is a link"));
    }
    Ok(top)
}

/// What opens and closes tags, as `_jinja2_env_vars` sets it.
pub(super) fn delimiters(context: &Map<String, Json>) -> Delimiters {
    let mut delimiters = Delimiters::default();
    let set = |name: &str, place: &mut String| {
        let text = context.get("_jinja2_env_vars").and_then(|vars| vars.get(name)).and_then(Json::as_str);
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            *place = text.to_string();
        }
    };
    for (word, (start, end)) in [
        ("block", &mut delimiters.block),
        ("variable", &mut delimiters.variable),
        ("comment", &mut delimiters.comment),
    ] {
        set(&format!("{word}_start_string"), start);
        set(&format!("{word}_end_string"), end);
    }
    delimiters
}

/// Directories right below that are templates.
fn subdirectories_with_templates(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let with = entries.filter(|entry| entry.path().join("cookiecutter.json").is_file());
    let mut names: Vec<String> = with.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names
}
