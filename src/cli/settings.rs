//! Options from outside the command line. From the weakest to the strongest: the user's `config.toml`, the project's
//! `rulemake.toml`, `--profile`, the workflow's profile, variables `RULEMAKE_*`; then the line itself.
//!
//! Each becomes words of a command line, so it can say what the command line can say and nothing else, and a later word wins
//! as it does there.

use crate::args::Args;
use crate::cache;
use crate::exit::{Exit, Failure};
use crate::meant;
use crate::profile::{self, Options};
use clap::{ArgAction, CommandFactory};
use rulemake::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The project's settings, beside its Rulefile or above it.
const PROJECT: &str = "rulemake.toml";
/// Our directory in the user's configuration.
pub(crate) const USERS: &str = "rulemake";
const PREFIX: &str = "RULEMAKE_";
/// Every job has it, and it is no option.
const OF_JOBS: &str = "RULEMAKE_JOB";
/// Where a named set of options stands in a settings file.
const PROFILES: &str = "profile";
/// What decides which settings are read cannot be one.
const NOT_SETTINGS: [&str; 4] = ["profile", "workflow-profile", "directory", "file"];

/// Options from one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layer {
    /// A file, or the name of a variable.
    pub(crate) origin: String,
    pub(crate) words: Vec<String>,
}

/// A command line with what was set elsewhere.
#[derive(Default)]
pub(crate) struct Line {
    pub(crate) words: Vec<OsString>,
    pub(crate) layers: Vec<Layer>,
    /// Options of profiles that have no effect here, and variables that are probably misspelt.
    pub(crate) without_effect: Vec<String>,
}

/// Where something is set that no command line may hold: clap knows the option only.
pub(crate) fn guilty(layers: &[Layer]) -> Option<&str> {
    let is_wrong = |layer: &&Layer| {
        let words = std::iter::once("rulemake".into()).chain(layer.words.iter().map(OsString::from));
        Args::from_line(words).is_err_and(|error| error.use_stderr())
    };
    layers.iter().find(is_wrong).map(|layer| layer.origin.as_str())
}

/// The words of the command line with those of all settings before them. `here` is the process's directory, `home` that of
/// the user's configuration, `variables` the environment.
pub(crate) fn expand(
    words: Vec<OsString>,
    here: &Path,
    home: Option<&Path>,
    variables: &[(String, String)],
) -> Result<Line, Failure> {
    let (of_variables, misspelt) = from_variables(variables)?;
    let own = of_variables.iter().flat_map(|layer| &layer.words).map(OsString::from);
    let line: Vec<OsString> =
        words.iter().take(1).cloned().chain(own).chain(words.iter().skip(1).cloned()).collect();
    // A line that cannot be read is reported when it is read for good.
    let Ok(args) = Args::from_line(line.clone()) else {
        return Ok(Line { words: line, layers: of_variables, ..Line::default() });
    };
    let common = args.all_common();
    let start = common.directory.as_ref().map_or(here.to_path_buf(), |directory| here.join(directory));
    let files: Vec<Settings> =
        files(&start, home).iter().map(|path| Settings::read(path)).collect::<Result<_, _>>()?;

    let mut all = Line { without_effect: misspelt, ..Line::default() };
    for file in &files {
        all.push(file.origin(), profile::words_of(&file.options, &file.shown)?);
    }
    for name in &common.profile {
        // The project's settings before the user's.
        match files.iter().rev().find_map(|file| Some((file, file.profile(name)?))) {
            Some((file, options)) => {
                let origin = format!("{} [{PROFILES}.{name}]", file.origin());
                all.push(origin, profile::words_of(options, &file.shown)?);
            }
            None => {
                let path = profile::named(name, &start, home).map_err(|failure| {
                    let known = profiles(&start, home);
                    let near = meant::nearest(name, known.iter().map(String::as_str), meant::a_third);
                    match (meant::question(&near), known.is_empty()) {
                        (Some(question), _) => failure.help(question),
                        (None, false) => failure.help(format!("there is {}", known.join(", "))),
                        (None, true) => failure,
                    }
                })?;
                all.push(path.display().to_string(), profile::options(&path)?);
            }
        }
    }
    // As in Snakemake the workflow's profile is the stronger one.
    if let Some(path) =
        profile::of_workflow_or(common.workflow_profile.as_deref(), &start, common.file.as_deref())?
    {
        all.push(path.display().to_string(), profile::options(&path)?);
    }
    all.layers.extend(of_variables);
    let before = all.layers.iter().flat_map(|layer| &layer.words).map(OsString::from);
    all.words = words.iter().take(1).cloned().chain(before).chain(words.iter().skip(1).cloned()).collect();
    Ok(all)
}

/// The settings files of a user and of the project around `start`, as far as they are there, the weaker one first.
fn files(start: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let user = home.map(|home| home.join(USERS).join("config.toml")).filter(|path| path.is_file());
    let project = start.ancestors().map(|dir| dir.join(PROJECT)).find(|path| path.is_file());
    user.into_iter().chain(project).collect()
}

/// The names of all profiles that can be chosen by one: tables of the settings files, and files in the user's configuration.
/// What cannot be read has none.
pub(crate) fn profiles(start: &Path, home: Option<&Path>) -> Vec<String> {
    let settings = files(start, home).into_iter().filter_map(|path| Settings::read(&path).ok());
    let mut names: Vec<String> = settings.flat_map(|file| file.profile_names()).collect();
    names.extend(home.map_or_else(Vec::new, |home| profile::names_in(&home.join(USERS))));
    names.sort_unstable();
    names.dedup();
    names
}

impl Line {
    fn push(&mut self, origin: String, options: Options) {
        self.layers.push(Layer { origin, words: options.words });
        self.without_effect.extend(options.without_effect);
    }
}

/// A settings file, read.
struct Settings {
    shown: String,
    path: String,
    /// Its options at the top.
    options: Value,
    profiles: Option<Value>,
}

impl Settings {
    fn read(path: &Path) -> Result<Settings, Failure> {
        let (path, shown) = (path.display().to_string(), format!("the settings `{}`", path.display()));
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Failure::new(Exit::Usage, format!("cannot read {shown}: {error}")))?;
        let (mut options, mut profiles) = (Vec::new(), None);
        if let Value::Map(entries) = Value::from_toml(&path, &text)? {
            for (key, value) in entries.iter() {
                let name = key.replace('_', "-");
                match (&*name, value) {
                    (PROFILES, Value::Map(_)) => profiles = Some(value.clone()),
                    ("cache", Value::Map(_)) => options.extend(cache::settings(value, &path)?),
                    (name, _) if NOT_SETTINGS.contains(&name) => return Err(not_a_setting(name, &path)),
                    _ => options.push((key.clone(), value.clone())),
                }
            }
        }
        Ok(Settings { shown, path, options: Value::Map(options.into()), profiles })
    }

    fn origin(&self) -> String {
        self.path.clone()
    }

    fn profile_names(&self) -> Vec<String> {
        match &self.profiles {
            Some(Value::Map(entries)) => entries.iter().map(|(name, _)| name.to_string()).collect(),
            _ => Vec::new(),
        }
    }

    fn profile(&self, name: &str) -> Option<&Value> {
        self.profiles.as_ref()?.get(name)
    }
}

fn not_a_setting(name: &str, file: &str) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("`{name}` cannot be set in `{file}`"));
    match name {
        "profile" => failure.help(format!(
            "a profile is a table `[{PROFILES}.NAME]` here, and is chosen with --profile NAME"
        )),
        _ => failure.help("it decides where settings are looked for: give it on the command line"),
    }
}

/// Options that are set by variables, one layer for each, and the variables that are nearly called like one. Those with
/// other names are somebody else's.
fn from_variables(variables: &[(String, String)]) -> Result<(Vec<Layer>, Vec<String>), Failure> {
    let (mut layers, mut misspelt) = (Vec::new(), Vec::new());
    if !variables.iter().any(|(name, _)| name.starts_with(PREFIX)) {
        return Ok((layers, misspelt));
    }
    let mut command = Args::command();
    command.build();
    let options = || command.get_arguments().filter(|arg| !arg.is_hide_set());
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let long = rest.to_lowercase().replace('_', "-");
        let Some(arg) = options().find(|arg| arg.get_long() == Some(&long)) else {
            let is_near = |option: &str| option.len() >= 4 && strsim::osa_distance(option, &long) == 1;
            if name != OF_JOBS && options().filter_map(|arg| arg.get_long()).any(is_near) {
                misspelt.push(name.clone());
            }
            continue;
        };
        let wrong = |wanted: &str| {
            Err(Failure::new(Exit::Usage, format!("the variable {name} must be {wanted}, not `{value}`")))
        };
        let words = match (arg.get_action(), &*value.to_lowercase()) {
            (ArgAction::Set | ArgAction::Append, "") => continue,
            (ArgAction::Set | ArgAction::Append, _) => vec![format!("--{long}={value}")],
            (ArgAction::SetTrue, "1" | "true" | "yes" | "on") => vec![format!("--{long}")],
            (ArgAction::SetTrue | ArgAction::Count, "" | "0" | "false" | "no" | "off") => continue,
            (ArgAction::SetTrue, _) => return wrong("1 or 0"),
            (ArgAction::Count, text) => match text.parse() {
                Ok(times @ 0..=9usize) => vec![format!("--{long}"); times],
                _ => return wrong("a number up to 9"),
            },
            _ => continue,
        };
        layers.push(Layer { origin: name.clone(), words });
    }
    Ok((layers, misspelt))
}

/// A list of variables is text that somebody wrote.
const MAX_VARIABLES: u64 = 1 << 20;

/// The variables in a file of lines `NAME=value`, as shells and other tools read them.
pub(crate) fn dotenv(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let shown = path.display();
    let bytes = crate::read::at_most(path, MAX_VARIABLES).map_err(|error| {
        Failure::new(Exit::Usage, format!("cannot read the variables in `{shown}`: {error}"))
    })?;
    let read: Result<Vec<_>, _> = dotenvy::from_read_iter(bytes.as_slice()).collect();
    read.map_err(|error| {
        let failure = Failure::new(Exit::Usage, format!("`{shown}` is no list of variables: {error}"));
        failure.help("write lines such as `NAME=value` or `NAME=\"a value\"`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn words(line: &Line) -> Vec<&str> {
        line.words.iter().skip(1).map(|word| word.to_str().unwrap()).collect()
    }

    /// The strongest stands last, so it wins where only one can.
    #[test]
    fn settings_stand_in_the_order_of_their_strength() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("home/rulemake/config.toml", "jobs = 1\n");
        write(
            "p/rulemake.toml",
            "jobs = 2\nkeep-going = true\nresources = { mem_mb = 5 }\n[profile.ci]\njobs = 4\n",
        );
        write("p/profiles/default/config.yaml", "jobs: 3\n");
        std::fs::create_dir_all(dir.path().join("p/sub")).unwrap();
        let set = variables(&[("RULEMAKE_JOBS", "5"), ("RULEMAKE_KEEP_GOING", "0"), ("RULEMAKE_OTHER", "x")]);
        let line = ["rulemake", "--profile", "ci", "-j6"].map(OsString::from).to_vec();
        let home = dir.path().join("home");
        let all = expand(line.clone(), &dir.path().join("p"), Some(&home), &set).unwrap();
        let expected = [
            "--jobs=1",
            "--jobs=2",
            "--keep-going",
            "--resources=mem_mb=5",
            "--jobs=4",
            "--jobs=3",
            "--jobs=5",
        ];
        assert_eq!(words(&all), [&expected[..], &["--profile", "ci", "-j6"]].concat());
        assert_eq!(all.layers[4].origin, "RULEMAKE_JOBS");
        assert_eq!(all.without_effect, [""; 0], "a variable of somebody else is none of ours");
        let below = expand(line, &dir.path().join("p/sub"), None, &[]).unwrap();
        assert_eq!(words(&below)[0], "--jobs=2", "the project's settings hold below it, too");
    }

    #[test]
    fn what_cannot_be_set_is_refused_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let message = |text: &str| {
            std::fs::write(dir.path().join(PROJECT), text).unwrap();
            match expand(vec!["rulemake".into()], dir.path(), None, &[]) {
                Err(Failure::Own { message, .. }) => message,
                Err(Failure::Library(error)) => error.render(rulemake::TextStyle::Plain),
                _ => panic!("`{text}` is taken"),
            }
        };
        assert!(message("file = 'x'\n").starts_with("`file` cannot be set in "));
        assert!(message("profile = 'ci'\n").starts_with("`profile` cannot be set in "));
        assert!(message("job = 4\n").contains("has an unknown option `job`"));
        assert!(message("jobs = [\n").contains("not TOML"));
        let error = from_variables(&variables(&[("RULEMAKE_FORCE", "perhaps")])).unwrap_err();
        assert!(
            matches!(error, Failure::Own { message, .. } if message.contains("RULEMAKE_FORCE must be 1 or 0"))
        );
    }
}
