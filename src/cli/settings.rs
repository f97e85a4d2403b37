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
use std::io;
use std::path::{Path, PathBuf};

/// The project's settings, beside its Rulefile or above it.
const PROJECT: &str = "rulemake.toml";
/// Our directory in the user's configuration.
pub(crate) const USERS: &str = "rulemake";
const PREFIX: &str = "RULEMAKE_";
/// Variables that are no options: each job has the first, the others are read where they are needed.
const OTHERS: [&str; 3] = ["RULEMAKE_JOB", "RULEMAKE_COMPLETE", "RULEMAKE_CACHE_TOKEN"];
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
    /// Options of profiles that have no effect here, in profiles that are not used also those that nobody knows, and variables
    /// that are probably misspelt.
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
    // In a profile that is used they are an error.
    all.without_effect.extend(files.iter().flat_map(|file| file.unknown_beside(&common.profile)));
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
    // What is there and is no file is told when it is read.
    let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
    let user = home.map(|home| home.join(USERS).join("config.toml")).filter(is_there);
    let project = start.ancestors().map(|dir| dir.join(PROJECT)).find(is_there);
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
        let is_file = path.is_file();
        let is_lost = !is_file && !path.exists();
        let (path, shown) = (path.display().to_string(), format!("the settings `{}`", path.display()));
        if is_lost {
            return Err(Failure::new(
                Exit::Usage,
                format!("{shown} are a link to a file that does not exist"),
            ));
        }
        if !is_file {
            return Err(Failure::new(Exit::Usage, format!("{shown} are no regular file")));
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Failure::new(Exit::Usage, format!("cannot read {shown}: {}", told(&error))))?;
        let (mut options, mut profiles) = (Vec::new(), None);
        if let Value::Map(entries) = Value::from_toml(&path, &text)? {
            for (key, value) in entries.iter() {
                let name = key.replace('_', "-");
                match (&*name, value) {
                    (PROFILES, Value::Map(tables)) => {
                        if let Some((name, _)) =
                            tables.iter().find(|(_, table)| !matches!(table, Value::Map(_)))
                        {
                            return Err(no_profile(name, &path));
                        }
                        profiles = Some(value.clone());
                    }
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

    /// Options in profiles that are not `used`, as far as nobody knows them, as people say it.
    fn unknown_beside(&self, used: &[String]) -> Vec<String> {
        let Some(Value::Map(profiles)) = &self.profiles else { return Vec::new() };
        let others = profiles.iter().filter(|(name, _)| !used.iter().any(|used| **used == **name));
        let unknown = others.flat_map(|(profile, options)| {
            let place = format!("in [{PROFILES}.{profile}] of {}", self.path);
            profile::unknown_in(options).into_iter().map(move |(name, meant)| match meant {
                Some(question) => format!("`{name}` {place} ({question})"),
                None => format!("`{name}` {place}"),
            })
        });
        unknown.collect()
    }

    fn profile(&self, name: &str) -> Option<&Value> {
        self.profiles.as_ref()?.get(name)
    }
}

fn no_profile(name: &str, file: &str) -> Failure {
    let message = format!("`{PROFILES}.{name}` in `{file}` is no profile: profiles are tables with options");
    Failure::new(Exit::Usage, message).help(format!("write `[{PROFILES}.NAME]` and below it `{name} = ...`"))
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
            if !OTHERS.contains(&name.as_str()) {
                misspelt.push(unknown_variable(name, &long, options().filter_map(clap::Arg::get_long)));
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

/// A variable that nobody reads, with what may be meant.
fn unknown_variable<'o>(name: &str, long: &str, options: impl Iterator<Item = &'o str>) -> String {
    let options: Vec<&str> = options.collect();
    let plain = |name: &str| name.replace('-', "");
    let near = match options.iter().find(|option| plain(option) == plain(long)) {
        Some(same) => vec![*same],
        None => meant::nearest(long, options.iter().copied(), |name| meant::a_third(name).min(2)),
    };
    let variable = |option: &&str| format!("{PREFIX}{}", option.replace('-', "_").to_uppercase());
    let near: Vec<String> = near.iter().map(variable).collect();
    match meant::question(&near.iter().map(String::as_str).collect::<Vec<_>>()) {
        Some(question) => format!("`{name}` ({question})"),
        None => format!("`{name}`"),
    }
}

/// A list of variables is text that somebody wrote.
const MAX_VARIABLES: u64 = 1 << 20;

/// The variables in a file of lines `NAME=value`, as shells and other tools read them.
pub(crate) fn dotenv(path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let shown = path.display();
    let bytes = crate::read::at_most(path, MAX_VARIABLES).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            Failure::new(Exit::Usage, format!("there is no file `{shown}` with variables"))
        }
        _ => Failure::new(Exit::Usage, format!("cannot read the variables in `{shown}`: {}", told(&error))),
    })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let refused =
        |message: String| Failure::new(Exit::Usage, format!("`{shown}` is no list of variables: {message}"));
    let text = std::str::from_utf8(bytes).map_err(|_| refused("it is not UTF-8 text".into()))?;
    let text = with_braces(text);
    let read: Result<Vec<_>, _> = dotenvy::from_read_iter(text.as_bytes()).collect();
    read.map_err(|error| {
        let failure = refused(match &error {
            // What stands there may be a secret.
            dotenvy::Error::LineParse(line, at) => {
                let number = text.find(line.as_str()).map_or(1, |at| text[..at].matches('\n').count() + 1);
                format!("line {number} cannot be read from its character {} on", at + 1)
            }
            other => other.to_string(),
        });
        failure.help("write lines such as `NAME=value` or `NAME=\"a value\"`")
    })
}

/// What the system says of an error, without its number.
fn told(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_string()
}

/// `${NAME}` in place of `$NAME`, as a shell reads it: the parser ends such a name at its first `_`.
fn with_braces(text: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::with_capacity(text.len());
    let (mut quote, mut before) = (None, '\n');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        match c {
            '\\' if quote != Some('\'') => out.extend(chars.next()),
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            // A remark, at the start of a line or after a blank.
            '#' if quote.is_none() && before.is_whitespace() => {
                while let Some(c) = chars.next_if(|c| *c != '\n') {
                    out.push(c);
                }
            }
            '$' if quote != Some('\'')
                && chars.peek().is_some_and(|c| is_of_name(*c) && !c.is_ascii_digit()) =>
            {
                out.push('{');
                while let Some(c) = chars.next_if(|c| is_of_name(*c)) {
                    out.push(c);
                }
                out.push('}');
            }
            _ => {}
        }
        before = c;
    }
    out
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
        assert_eq!(all.without_effect, ["`RULEMAKE_OTHER`"]);
        let below = expand(line, &dir.path().join("p/sub"), None, &[]).unwrap();
        assert_eq!(words(&below)[0], "--jobs=2", "the project's settings hold below it, too");
    }

    /// Promise: a variable without effect is told, with what was meant.
    #[test]
    fn misspelt_variables_are_told() {
        let told = |name: &str| from_variables(&variables(&[(name, "1")])).unwrap().1;
        assert_eq!(told("RULEMAKE_JOSB"), ["`RULEMAKE_JOSB` (did you mean `RULEMAKE_JOBS`?)"]);
        assert_eq!(
            told("RULEMAKE_KEEPGOING"),
            ["`RULEMAKE_KEEPGOING` (did you mean `RULEMAKE_KEEP_GOING`?)"]
        );
        assert_eq!(told("RULEMAKE_NOPE"), ["`RULEMAKE_NOPE`"]);
        OTHERS.into_iter().for_each(|name| assert!(told(name).is_empty()));
    }

    /// Promise: a list of variables is read as a shell reads it, and a mistake is told by its line, without what stands there.
    #[test]
    fn lists_of_variables_are_read_as_by_shells() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("e");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            dotenv(&path)
        };
        let text = "\u{feff}T_HOST=db # it's a remark\nexport T_U=$T_HOST/x\nT_V=\"$T_HOST:${T_HOST}\"\nT_W='$T_HOST'\nT_X=\\$T_HOST\n";
        let expected =
            [("T_HOST", "db"), ("T_U", "db/x"), ("T_V", "db:db"), ("T_W", "$T_HOST"), ("T_X", "$T_HOST")];
        assert_eq!(read(text).unwrap(), variables(&expected));
        let Err(Failure::Own { message, .. }) = read("A=1\nB='a secret\n") else { panic!("it is taken") };
        assert!(message.contains("line 2 ") && !message.contains("secret"), "{message}");
        let Err(Failure::Own { message, .. }) = dotenv(&dir.path().join("no")) else { panic!("it is there") };
        assert!(message.starts_with("there is no file ") && !message.contains("os error"), "{message}");
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
        assert!(message("[profile]\nx = 1\n").starts_with("`profile.x` in "));
        assert!(message("version = true\n").contains("has an unknown option `version`"));
        std::fs::remove_file(dir.path().join(PROJECT)).unwrap();
        std::fs::create_dir(dir.path().join(PROJECT)).unwrap();
        let refused = expand(vec!["rulemake".into()], dir.path(), None, &[]);
        assert!(
            matches!(refused, Err(Failure::Own { message, .. }) if message.ends_with("are no regular file"))
        );
        std::fs::remove_dir(dir.path().join(PROJECT)).unwrap();
        assert!(message("job = 4\n").contains("has an unknown option `job`"));
        assert!(message("jobs = [\n").contains("not TOML"));
        let error = from_variables(&variables(&[("RULEMAKE_FORCE", "perhaps")])).unwrap_err();
        assert!(
            matches!(error, Failure::Own { message, .. } if message.contains("RULEMAKE_FORCE must be 1 or 0"))
        );
    }
}
