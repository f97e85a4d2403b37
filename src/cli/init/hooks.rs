//! Programs that a template wants to have run. They can do whatever their user can: only with consent.

use super::io_failure;
use super::render::Renderer;
use crate::exit::{Exit, Failure};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// In the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before questions are asked; in a copy of the template, which it may change.
    BeforeQuestions,
    /// In the project's directory, still empty.
    BeforeFiles,
    AfterFiles,
}

impl Moment {
    pub(crate) const ALL: [Moment; 3] = [Moment::BeforeQuestions, Moment::BeforeFiles, Moment::AfterFiles];

    fn name(self) -> &'static str {
        match self {
            Moment::BeforeQuestions => "pre_prompt",
            Moment::BeforeFiles => "pre_gen_project",
            Moment::AfterFiles => "post_gen_project",
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Moment::BeforeQuestions => "before the questions",
            Moment::BeforeFiles => "before the files are made",
            Moment::AfterFiles => "after the files are made",
        }
    }
}

/// The hooks of a template for one moment, sorted.
pub(crate) fn of(template: &Path, moment: Moment) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(template.join("hooks")).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
    let named = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem == Some(moment.name()) && !path.to_string_lossy().ends_with('~')
    };
    let mut found: Vec<PathBuf> = files.filter(named).collect();
    found.sort_unstable();
    found
}

/// Each hook, as it would be run: for those who have to decide.
pub(crate) fn described(template: &Path) -> Vec<String> {
    let describe = |moment: Moment| {
        of(template, moment).into_iter().map(move |path| {
            let shown = path.strip_prefix(template).unwrap_or(&path).display().to_string();
            let with = if is_python(&path) { "python3 " } else { "" };
            format!("{with}{shown}, {}", moment.in_words())
        })
    };
    Moment::ALL.into_iter().flat_map(describe).collect()
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "py")
}

/// Runs the hooks of one moment in `dir`; their texts are templates, too, unless they come before the questions.
pub(crate) fn run(
    template: &Path,
    moment: Moment,
    rendered: Option<(&Renderer, &Json)>,
    scratch: &Path,
    dir: &Path,
) -> Result<(), Failure> {
    for hook in of(template, moment) {
        let name = hook.strip_prefix(template).unwrap_or(&hook).display().to_string();
        let mut script = hook.clone();
        if let Some((renderer, context)) = rendered {
            let text = std::fs::read_to_string(&hook).map_err(|error| io_failure("read", &hook, &error))?;
            let text = renderer.text(&name, &text, context)?;
            script = scratch.join(hook.file_name().unwrap_or_default());
            std::fs::write(&script, text).map_err(|error| io_failure("write", &script, &error))?;
        }
        let mut command = if is_python(&script) {
            let mut command = Command::new("python3");
            command.arg(&script);
            command
        } else {
            executable(&script).map_err(|error| io_failure("make executable", &script, &error))?;
            Command::new(&script)
        };
        // Standard output is for answers.
        let status = command.current_dir(dir).stdout(Stdio::from(std::io::stderr())).status();
        let status = status.map_err(|error| {
            let failure = io_failure("run the hook", Path::new(&name), &error);
            failure.help("a hook that is no Python starts with a line such as `#!/bin/sh`")
        })?;
        if !status.success() {
            let message = format!("the hook {name} of the template failed ({status})");
            return Err(Failure::new(Exit::Found, message));
        }
    }
    Ok(())
}

fn executable(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mut permissions = std::fs::metadata(path)?.permissions();
        permissions.set_mode(permissions.mode() | 0o100);
        std::fs::set_permissions(path, permissions)?;
    }
    Ok(())
}

/// A copy of the template that a hook may change.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut todo = vec![(from.to_path_buf(), to.to_path_buf())];
    while let Some((from, to)) = todo.pop() {
        std::fs::create_dir(&to).map_err(|error| io_failure("make the directory", &to, &error))?;
        for entry in std::fs::read_dir(&from).map_err(|error| io_failure("read", &from, &error))? {
            let from = entry.map_err(|error| io_failure("read", &from, &error))?.path();
            let to = to.join(from.file_name().unwrap_or_default());
            let kind = std::fs::symlink_metadata(&from).map_err(|error| io_failure("read", &from, &error))?;
            let shown = from.clone();
            let copied = if kind.is_dir() {
                todo.push((from, to));
                Ok(())
            } else if kind.is_symlink() {
                relinked(&from, &to)
            } else {
                std::fs::copy(&from, &to).map(|_| ())
            };
            copied.map_err(|error| io_failure("copy the template's", &shown, &error))?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn relinked(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(std::fs::read_link(from)?, to)
}

#[cfg(not(unix))]
fn relinked(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::copy(from, to).map(|_| ())
}
