//! Where the Rulefile is, where paths start, and how the user's paths become those of the workflow.
//!
//! Purely textual apart from asking whether files exist; never changes the process's directory.

use crate::args::is_command;
use crate::exit::{Exit, Failure};
use crate::options::Common;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// Names that are looked for, in this order.
const NAMES: [&str; 2] = ["Rulefile", "rulefile"];

/// What other tools read that `rulemake import` can make a Rulefile of.
const IMPORTED: [&str; 4] = ["Makefile", "makefile", "GNUmakefile", "dvc.yaml"];

const FIRST_RULEFILE: &str = "\
or write a first one, in a file named `Rulefile`:
rule hello:
    output: \"hello.txt\"
    shell: \"echo hello > {output}\"";

/// A Rulefile and the directory that its paths start from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Project {
    /// As messages show it: relative to the process's directory where it can be.
    pub(crate) rulefile: PathBuf,
    /// Absolute.
    pub(crate) root: PathBuf,
    /// The process's directory.
    here: PathBuf,
    /// The user's directory, relative to the root; empty when they are the same.
    below: Vec<String>,
    /// Command line that works on the same project.
    command: String,
    /// More words for it, each after a blank: what else the workflow was loaded with.
    options: String,
}

impl Project {
    /// Finds the Rulefile; `here` is the process's directory.
    pub(crate) fn find(here: &Path, common: &Common) -> Result<Project, Failure> {
        let start = match &common.directory {
            Some(directory) => lexical(&here.join(directory)),
            None => here.to_path_buf(),
        };
        if !start.is_dir() {
            let message = format!("`{}` is not a directory", start.display());
            return Err(Failure::new(Exit::Usage, message));
        }
        let options = common.repeat.iter().map(|word| format!(" {}", quoted(word))).collect();
        let mut command = String::from("rulemake");
        if let Some(directory) = &common.directory {
            command.push_str(&format!(" -C {}", quoted(&directory.to_string_lossy())));
        }
        if let Some(file) = &common.file {
            command.push_str(&format!(" -f {}", quoted(&file.to_string_lossy())));
            let rulefile = shown(here, &lexical(&start.join(file)));
            if !start.join(file).is_file() {
                return Err(missing(&start, file, common.by_letter));
            }
            let (here, below) = (here.to_path_buf(), Vec::new());
            return Ok(Project { rulefile, root: start, here, below, command, options });
        }
        for root in start.ancestors() {
            if let Some(name) = NAMES.iter().find(|name| root.join(name).is_file()) {
                let rulefile = shown(here, &root.join(name));
                let below = below(root, &start)?;
                let (root, here) = (root.to_path_buf(), here.to_path_buf());
                return Ok(Project { rulefile, root, here, below, command, options });
            }
        }
        Err(not_found(&start, &command))
    }

    /// The workflow's name of a target. `is_rule` tells rules, whose names are the same everywhere;
    /// `absolute_patterns` is whether a rule makes files by absolute paths, which then stay as they are.
    pub(crate) fn to_root(&self, target: &str, is_rule: bool, absolute_patterns: bool) -> String {
        if is_rule {
            return target.to_string();
        }
        let path = Path::new(target);
        if path.is_absolute() {
            let inside = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
            return match inside {
                Some(inside) if !absolute_patterns && !inside.is_empty() => inside.to_string(),
                _ => target.to_string(),
            };
        }
        if self.below.is_empty() && !target.starts_with("../") {
            return target.to_string();
        }
        let mut parts: Vec<&str> = self.below.iter().map(String::as_str).collect();
        for part in target.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| *last != "..") => {
                    parts.pop();
                }
                other => parts.push(other),
            }
        }
        come_back(&self.root, &parts).join("/")
    }

    /// Whether the user is where paths of the workflow start.
    pub(crate) fn is_at_root(&self) -> bool {
        self.below.is_empty()
    }

    /// Whether the workflow calls these targets as the user does, whatever its rules are.
    pub(crate) fn calls_as_typed(&self, targets: &[String]) -> bool {
        let leaves = |target: &String| Path::new(target).is_absolute() || target.starts_with("../");
        self.below.is_empty() && !targets.iter().any(leaves)
    }

    /// The command line that makes `target`, a path or rule of the workflow, from the user's directory.
    pub(crate) fn rerun(&self, target: &str, is_rule: bool) -> String {
        let target = if is_rule { target.to_string() } else { as_target(&self.for_user(target)) };
        let dashes = if target.starts_with('-') || is_command(&target) { " --" } else { "" };
        format!("{}{}{dashes} {}", self.command, self.options, quoted(&target))
    }

    /// The command line that prints the log of the job that made `path`, or failed to.
    pub(crate) fn log(&self, path: &str) -> String {
        let path = as_target(&self.for_user(path));
        let dashes = if path.starts_with('-') { " --" } else { "" };
        format!("{}{} log{dashes} {}", self.command, self.options, quoted(&path))
    }

    /// Said when inputs are missing and the Rulefile lies in another directory than the one where paths start.
    pub(crate) fn elsewhere(&self) -> Option<String> {
        let parent = self.rulefile.parent().filter(|dir| !dir.as_os_str().is_empty())?;
        let named = self.command.contains(" -f ") && !self.root.ends_with(parent);
        named.then(|| {
            format!(
                "with -f, paths start from {}; did you mean `-C {}`?",
                self.root.display(),
                quoted(&parent.to_string_lossy())
            )
        })
    }

    /// The command line that removes what was made for `targets`, as the user named them.
    pub(crate) fn clean(&self, targets: &[String]) -> String {
        let dashes = if targets.iter().any(|target| target.starts_with('-')) { " --" } else { "" };
        let targets: String = targets.iter().map(|target| format!(" {}", quoted(target))).collect();
        // Without the options it could remove other files than those that were shown.
        format!("{}{} clean --yes{dashes}{targets}", self.command, self.options)
    }

    /// Where the process was started.
    pub(crate) fn here(&self) -> &Path {
        &self.here
    }

    /// A file of the workflow as it can be opened from where the process was started.
    pub(crate) fn file(&self, path: &str) -> String {
        if Path::new(path).is_absolute() {
            return path.to_string();
        }
        shown(&self.here, &lexical(&self.root.join(path))).to_string_lossy().into_owned()
    }

    /// Said beside texts that tell files as the workflow calls them, where the user calls them otherwise.
    pub(crate) fn names_note(&self) -> Option<String> {
        let up = vec![".."; self.below.len()].join("/");
        (!up.is_empty()).then(|| format!("paths in the names of jobs start from {up}, where the Rulefile is"))
    }

    /// What the user calls a path of the workflow.
    pub(crate) fn for_user(&self, path: &str) -> String {
        if self.below.is_empty() || path.starts_with('/') {
            return path.to_string();
        }
        let parts: Vec<&str> = path.split('/').collect();
        let common = self.below.iter().zip(&parts).take_while(|(a, b)| a == *b).count();
        // A path that is a directory above or at the user's keeps its last name.
        let common = common.min(parts.len() - 1);
        let ups = std::iter::repeat_n("..", self.below.len() - common);
        ups.chain(parts[common..].iter().copied()).collect::<Vec<_>>().join("/")
    }
}

/// The path without its way out of `root` and in again: in `/x/d`, `../d/a` is `a`.
fn come_back<'p, 'a>(root: &Path, parts: &'p [&'a str]) -> &'p [&'a str] {
    let ups = parts.iter().take_while(|part| **part == "..").count();
    let Some(above) = root.ancestors().nth(ups) else { return parts };
    let names = root.strip_prefix(above).unwrap_or(root).iter();
    let is_same = parts.len() > 2 * ups && names.eq(parts[ups..2 * ups].iter().map(AsRef::<OsStr>::as_ref));
    if is_same { &parts[2 * ups..] } else { parts }
}

/// `start` relative to `root`, one of its ancestors.
fn below(root: &Path, start: &Path) -> Result<Vec<String>, Failure> {
    let relative = start.strip_prefix(root).unwrap_or(Path::new(""));
    let parts = relative.components().map(|part| part.as_os_str().to_str().map(String::from));
    parts.collect::<Option<Vec<String>>>().ok_or_else(|| {
        let message = format!("the name of the directory `{}` is not UTF-8", start.display());
        Failure::new(Exit::Usage, message).help("start in the directory of the Rulefile")
    })
}

/// `by_letter` says that it was named by the letter that means "force" in Snakemake and elsewhere.
fn missing(start: &Path, file: &Path, by_letter: bool) -> Failure {
    if start.join(file).is_dir() {
        let message = format!("`{}` is a directory, not a Rulefile", file.display());
        return Failure::new(Exit::Workflow, message).help("to work in a directory there is -C");
    }
    if start.join(file).exists() {
        let message = format!("`{}` is not a regular file", file.display());
        return Failure::new(Exit::Workflow, message).help("write it to a file and name that");
    }
    let failure = Failure::new(Exit::Workflow, format!("there is no file `{}`", file.display()))
        .note(format!("looked for it in {}", start.display()));
    match by_letter {
        true => failure.help("-f names the Rulefile; to run jobs that are up to date there is --force"),
        false => failure,
    }
}

/// `command` is the command line that works in `start`.
fn not_found(start: &Path, command: &str) -> Failure {
    let message = format!("no Rulefile in {} or in a directory above it", start.display());
    let failure = Failure::new(Exit::Workflow, message);
    for name in NAMES {
        let path = start.join(name);
        if path.is_dir() {
            return failure.note(format!("`{name}` there is a directory"));
        }
        if path.exists() {
            return failure.note(format!("`{name}` there is not a regular file"));
        }
        if path.is_symlink() {
            return failure.note(format!("`{name}` there is a link to a file that does not exist"));
        }
    }
    let names = ["Snakefile", "workflow/Snakefile"];
    if let Some(name) = names.into_iter().find(|name| start.join(name).is_file()) {
        return failure
            .note(format!("there is a {name}, which is used only when it is asked for"))
            .help(format!("run it with `rulemake -f {name}`"));
    }
    if let Some(name) = IMPORTED.into_iter().find(|name| start.join(name).is_file()) {
        return failure
            .note(format!("there is a {name}, which belongs to another tool"))
            .help(format!("`{command} import {name}` makes a Rulefile of it"));
    }
    let mut up = String::new();
    for above in start.ancestors().skip(1) {
        up.push_str(if up.is_empty() { ".." } else { "/.." });
        if let Some(name) = names.into_iter().find(|name| above.join(name).is_file()) {
            return failure
                .note(format!("there is {up}/{name}, which is used only when it is asked for"))
                .help(format!("run it with `rulemake -C {up} -f {name}`"));
        }
    }
    failure
        .help("`rulemake init` begins a project that runs at once; `rulemake init --list` shows others")
        .help(FIRST_RULEFILE)
}

/// `path` without `.` and `..`, by its text alone.
pub(crate) fn lexical(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// `path` relative to `here` when that is short to say.
pub(crate) fn shown(here: &Path, path: &Path) -> PathBuf {
    if let Ok(inside) = path.strip_prefix(here) {
        return inside.to_path_buf();
    }
    let mut up = PathBuf::new();
    for ancestor in here.ancestors().skip(1).take(3) {
        up.push("..");
        // Not from the root of the file system: `../../etc` is harder to read than `/etc`.
        if ancestor.parent().is_some()
            && let Ok(rest) = path.strip_prefix(ancestor)
        {
            return up.join(rest);
        }
    }
    path.to_path_buf()
}

/// `text` as one word of a shell.
pub(crate) fn quoted(text: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(harmless) {
        return text.to_string();
    }
    if text.chars().any(char::is_control) {
        return format!("$'{}'", text.chars().map(escaped).collect::<String>());
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A character between `$'` and `'`.
fn escaped(c: char) -> String {
    match c {
        '\n' => "\\n".into(),
        '\t' => "\\t".into(),
        '\r' => "\\r".into(),
        '\\' | '\'' => format!("\\{c}"),
        c if c.is_ascii_control() => format!("\\x{:02x}", u32::from(c)),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.into(),
    }
}

/// A path as a target that stands for nothing else: characters of patterns stand for themselves.
fn as_target(path: &str) -> String {
    let one = |c: char| if "*?[".contains(c) { format!("[{c}]") } else { c.into() };
    path.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn project(below: &[&str]) -> Project {
        Project {
            rulefile: "Rulefile".into(),
            root: "/p".into(),
            here: "/p".into(),
            below: below.iter().map(|s| s.to_string()).collect(),
            command: "rulemake".into(),
            options: String::new(),
        }
    }

    #[test]
    fn a_path_is_relative_to_the_users_directory_and_a_rule_is_not() {
        let sub = project(&["a", "b"]);
        for (target, expected) in [
            ("x.tsv", "a/b/x.tsv"),
            ("./x.tsv", "a/b/x.tsv"),
            ("../x.tsv", "a/x.tsv"),
            ("../../x.tsv", "x.tsv"),
            ("../../../x.tsv", "../x.tsv"),
            ("../../../../x.tsv", "../../x.tsv"),
            ("/p/c/x.tsv", "c/x.tsv"),
            ("/q/x.tsv", "/q/x.tsv"),
        ] {
            assert_eq!(sub.to_root(target, false, false), expected, "{target}");
        }
        assert_eq!(sub.to_root("all", true, false), "all");
        assert_eq!(project(&[]).to_root("./x", false, false), "./x");
        assert_eq!(sub.to_root("/p/c/x.tsv", false, true), "/p/c/x.tsv");
    }

    #[test]
    fn the_command_to_try_again_works_where_the_user_is() {
        assert_eq!(project(&[]).rerun("out/a b.tsv", false), "rulemake 'out/a b.tsv'");
        assert_eq!(project(&["out"]).rerun("out/a.tsv", false), "rulemake a.tsv");
        assert_eq!(project(&["raw", "x"]).rerun("out/a.tsv", false), "rulemake ../../out/a.tsv");
        assert_eq!(project(&["raw"]).rerun("raw", false), "rulemake ../raw");
        assert_eq!(project(&["raw"]).rerun("all", true), "rulemake all");
        assert_eq!(project(&[]).rerun("plan", true), "rulemake -- plan");
        assert_eq!(project(&[]).rerun("it's", false), r"rulemake 'it'\''s'");
        assert_eq!(project(&[]).rerun("a[1].txt", false), "rulemake 'a[[]1].txt'");
        assert_eq!(project(&[]).log("a*"), "rulemake log 'a[*]'");
        assert_eq!(project(&[]).rerun("a\n'\u{1b}", false), r"rulemake $'a\n\'\x1b'");
    }

    /// Also where paths of the command line start elsewhere.
    #[test]
    fn a_file_can_be_opened_from_where_the_process_is() {
        let log = ".rulemake/runs/1/jobs/1.log";
        let at = |here: &str| Project { here: here.into(), ..project(&["a"]) }.file(log);
        assert_eq!(at("/p"), log);
        assert_eq!(at("/p/a"), format!("../{log}"));
        assert_eq!(at("/"), format!("p/{log}"));
        assert_eq!(at("/somewhere/else"), format!("/p/{log}"));
        assert_eq!(
            project(&["a", "b"]).names_note().unwrap(),
            "paths in the names of jobs start from ../.., where the Rulefile is"
        );
        assert_eq!(project(&[]).names_note(), None);
    }

    /// A command that is shown does what was shown, so it has to load the same workflow.
    #[test]
    fn a_command_repeats_what_the_workflow_was_loaded_with() {
        let options = " --config 'a=x y'".into();
        let project = Project { options, ..project(&[]) };
        assert_eq!(project.rerun("a", false), "rulemake --config 'a=x y' a");
        assert_eq!(project.clean(&["a".into()]), "rulemake --config 'a=x y' clean --yes a");
    }

    #[test]
    fn the_rulefile_is_found_upward_and_its_directory_is_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let sub = dir.path().join("a/b");
        fs::create_dir_all(&sub).unwrap();
        fs::write(dir.path().join("Rulefile"), "").unwrap();
        let found = Project::find(&sub, &Common::default()).unwrap();
        assert_eq!((found.rulefile.to_str(), found.root.as_path()), (Some("../../Rulefile"), dir.path()));
        assert_eq!(found.to_root("x", false, false), "a/b/x");
        let common = Common { directory: Some("a/b".into()), ..Common::default() };
        let found = Project::find(dir.path(), &common).unwrap();
        assert_eq!((found.rulefile.to_str(), found.root.as_path()), (Some("Rulefile"), dir.path()));
        assert_eq!(found.rerun("a/b/x", false), "rulemake -C a/b x");
    }

    #[test]
    fn with_f_the_root_is_the_users_directory() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("workflow")).unwrap();
        fs::write(dir.path().join("workflow/Snakefile"), "").unwrap();
        let common = Common { file: Some("workflow/Snakefile".into()), ..Common::default() };
        let found = Project::find(dir.path(), &common).unwrap();
        assert_eq!((found.rulefile.to_str(), found.root.as_path()), (Some("workflow/Snakefile"), dir.path()));
        assert_eq!(found.rerun("x", false), "rulemake -f workflow/Snakefile x");
        let common = Common { file: Some("none".into()), ..Common::default() };
        assert_eq!(Project::find(dir.path(), &common).unwrap_err().exit(), Exit::Workflow);
        let common = Common { directory: Some("none".into()), ..Common::default() };
        assert_eq!(Project::find(dir.path(), &common).unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn a_snakefile_is_pointed_out_and_not_used() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("Snakefile"), "").unwrap();
        let failure = Project::find(dir.path(), &Common::default()).unwrap_err();
        let Failure::Own { exit, message, help, .. } = failure else { panic!("not found by itself") };
        assert_eq!(exit, Exit::Workflow);
        assert!(message.contains("or in a directory above it"), "{message}");
        assert_eq!(help, ["run it with `rulemake -f Snakefile`"]);

        let below = dir.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        let failure = Project::find(&below, &Common::default()).unwrap_err();
        let Failure::Own { notes, help, .. } = failure else { panic!("not found by itself") };
        assert_eq!(notes, ["there is ../../Snakefile, which is used only when it is asked for"]);
        assert_eq!(help, ["run it with `rulemake -C ../.. -f Snakefile`"]);
    }
}
