//! Profiles: files with options of the command, as words of a command line.

use crate::args::Args;
use crate::exit::{Exit, Failure};
use crate::meant;
use crate::settings::USERS;
use crate::snakemake;
use clap::{ArgAction, CommandFactory};
use rulemake::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Names of the file in a profile's directory, in this order: those that say for which Snakemake they are come first,
/// as there.
const FILES: [&str; 7] = [
    "profile.v9+.yaml",
    "config.v9+.yaml",
    "profile.v8+.yaml",
    "config.v8+.yaml",
    USUAL,
    "config.yml",
    "profile.yaml",
];
const USUAL: &str = "config.yaml";

/// The options of a file, as words, and the names of those without effect.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) words: Vec<String>,
    pub(crate) without_effect: Vec<String>,
}

/// The profile of the workflow that is asked for, or the usual one if it is there.
pub(crate) fn of_workflow_or(
    name: Option<&str>,
    start: &Path,
    file: Option<&Path>,
) -> Result<Option<PathBuf>, Failure> {
    match name {
        Some("none") => Ok(None),
        Some(name) => named(name, start, None).map(Some),
        None => Ok(of_workflow(start, file)),
    }
}

fn file_in(dir: &Path) -> Option<PathBuf> {
    FILES.iter().map(|name| dir.join(name)).find(|path| path.is_file())
}

/// The profile of a workflow, which is used without being asked for.
fn of_workflow(start: &Path, file: Option<&Path>) -> Option<PathBuf> {
    let beside = file.and_then(|file| start.join(file).parent().map(Path::to_path_buf));
    let dirs = std::iter::once(start.to_path_buf()).chain(beside);
    dirs.map(|dir| dir.join("profiles/default")).find_map(|dir| file_in(&dir))
}

/// A profile by its path, or by its name in the user's configuration.
pub(crate) fn named(name: &str, start: &Path, home: Option<&Path>) -> Result<PathBuf, Failure> {
    let path = start.join(name);
    if path.is_file() {
        return Ok(path);
    }
    let dirs = std::iter::once(path).chain(home.map(|home| home.join(USERS).join(name)));
    let dirs: Vec<PathBuf> = dirs.collect();
    dirs.iter().find_map(|dir| file_in(dir)).ok_or_else(|| {
        let failure = Failure::new(Exit::Usage, format!("there is no profile `{name}`"));
        let looked: Vec<String> = dirs.iter().map(|dir| dir.join(USUAL).display().to_string()).collect();
        failure.note(format!("looked for {}", looked.join(" and ")))
    })
}

/// The profiles in the user's configuration, by their names.
pub(crate) fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let profiles = entries.filter(|entry| file_in(&entry.path()).is_some());
    profiles.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The options in a profile.
pub(crate) fn options(file: &Path) -> Result<Options, Failure> {
    let shown = format!("the profile `{}`", file.display());
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::new(Exit::Usage, format!("cannot read {shown}: {error}")))?;
    match Value::from_yaml(&file.to_string_lossy(), &text)? {
        value @ Value::Map(_) => words_of(&value, &shown),
        Value::None => Ok(Options::default()),
        _ => {
            let failure = Failure::new(Exit::Usage, format!("{shown} is no mapping"));
            Err(failure.help("write `option: value` lines, such as `jobs: 4`"))
        }
    }
}

/// The names in a mapping that no option has, each with what may be meant.
pub(crate) fn unknown_in(options: &Value) -> Vec<(String, Option<String>)> {
    let Value::Map(entries) = options else { return Vec::new() };
    let mut command = Args::command();
    command.build();
    let names = entries.iter().map(|(key, value)| (option_name(key), value));
    // What is for a cluster may be meant for another machine.
    let mut names: Vec<String> = names
        .filter(|(name, value)| !snakemake::WITHOUT_EFFECT.contains(&&**name) && !is_for_cluster(name, value))
        .map(|(name, _)| name)
        .collect();
    names.retain(|name| !command.get_arguments().filter(is_setting).any(|arg| is_called(arg, name)));
    let meant = |name: &str| meant_by(name, &command);
    names.into_iter().map(|name| (name.clone(), meant(&name))).collect()
}

fn option_name(key: &str) -> String {
    key.trim_start_matches('-').replace('_', "-")
}

fn is_setting(arg: &&clap::Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append | ArgAction::SetTrue | ArgAction::Count)
}

/// The options in a mapping; `shown` is what messages call it.
pub(crate) fn words_of(options: &Value, shown: &str) -> Result<Options, Failure> {
    let Value::Map(entries) = options else {
        return Err(Failure::new(Exit::Usage, format!("options in {shown} are no mapping")));
    };
    let mut command = Args::command();
    command.build();
    let (mut words, mut without_effect) = (Vec::new(), Vec::new());
    for (key, value) in entries.iter() {
        let name = option_name(key);
        let is_off = matches!(value, Value::None | Value::Bool(false));
        if snakemake::WITHOUT_EFFECT.contains(&&*name) {
            if !is_off {
                without_effect.push(name);
            }
            continue;
        }
        if is_for_cluster(&name, value) {
            if !is_off {
                let message = format!("`{name}` in {shown}: {}", snakemake::NO_CLUSTER);
                let failure = Failure::new(Exit::Usage, message);
                return Err(failure.help("remove it, or run with a profile for this machine"));
            }
            continue;
        }
        let mut options = command.get_arguments().filter(is_setting);
        let Some(arg) = options.find(|arg| is_called(arg, &name)) else {
            return Err(unknown(&name, shown, &command));
        };
        let wrong = |wanted: &str| Failure::new(Exit::Usage, format!("`{name}` in {shown} must be {wanted}"));
        match (arg.get_action(), value) {
            (ArgAction::Set | ArgAction::Append, value) => {
                let values = values(&name, value).ok_or_else(|| wrong("a value, a list or a mapping"))?;
                words.extend(values.into_iter().map(|value| format!("--{name}={value}")));
            }
            (_, Value::Bool(true)) => words.push(format!("--{name}")),
            (_, Value::Bool(false) | Value::None) => {}
            (ArgAction::Count, Value::Int(n @ 0..=9)) => {
                words.extend((0..*n).map(|_| format!("--{name}")));
            }
            _ => return Err(wrong("true or false")),
        }
    }
    Ok(Options { words, without_effect })
}

/// Whether an option asks for jobs that run elsewhere.
fn is_for_cluster(name: &str, value: &Value) -> bool {
    let is_executor = name == "executor" || name == "e";
    match value {
        Value::Str(text) if is_executor => snakemake::executor(text).is_err(),
        _ => snakemake::is_of_cluster(name),
    }
}

fn is_called(arg: &clap::Arg, name: &str) -> bool {
    let aliases = arg.get_all_aliases().unwrap_or_default();
    arg.get_long() == Some(name)
        || aliases.contains(&name)
        || name.len() == 1
            && arg.get_short_and_visible_aliases().unwrap_or_default().iter().any(|c| name.starts_with(*c))
}

/// The values of an option: lists repeat it, mappings are `key=value`, and `set-resources` has `rule:key=value`.
fn values(option: &str, value: &Value) -> Option<Vec<String>> {
    let plain = |value: &Value| match value {
        Value::List(_) | Value::Map(_) => serde_json::to_string(value).ok(),
        Value::None => Some(String::new()),
        Value::Bool(true) => Some("true".into()),
        Value::Bool(false) => Some("false".into()),
        other => Some(other.to_string()),
    };
    match value {
        Value::None => None,
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(entries) if option == "set-resources" => {
            let mut all = Vec::new();
            for (rule, resources) in entries.iter() {
                let Value::Map(resources) = resources else { return None };
                for (name, value) in resources.iter() {
                    all.push(format!("{rule}:{name}={}", plain(value)?));
                }
            }
            Some(all)
        }
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| Some(format!("{key}={}", plain(value)?))).collect()
        }
        scalar => Some(vec![plain(scalar)?]),
    }
}

fn unknown(name: &str, file: &str, command: &clap::Command) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("{file} has an unknown option `{name}`"));
    if let Some(tip) = snakemake::tip(&format!("--{name}")) {
        return failure.help(tip);
    }
    match meant_by(name, command) {
        Some(question) => failure.help(question),
        None => failure.help("`rulemake --help` lists the options"),
    }
}

fn meant_by(name: &str, command: &clap::Command) -> Option<String> {
    let known = command.get_arguments().filter_map(clap::Arg::get_long);
    meant::question(&meant::nearest(name, known, |_| 2))
}
