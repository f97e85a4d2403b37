//! `rulemake config`: the settings that hold here, and where each comes from.

use crate::args::Args;
use crate::exit::{Exit, Failure};
use crate::output::{FAINT, Output, painted};
use crate::secrets::hidden;
use crate::settings::Layer;
use crate::words::spread;
use clap::parser::ValueSource;
use clap::{ArgAction, CommandFactory};
use rulemake::report::printable;
use std::borrow::Cow;
use std::ffi::OsString;
use unicode_width::UnicodeWidthStr;

/// One setting.
#[derive(serde::Serialize, PartialEq, Eq, Debug)]
struct Setting<'a> {
    name: &'a str,
    /// As it would be written behind the name: `true` of a switch that is on.
    value: Cow<'a, str>,
    origin: &'a str,
    /// Whether a stronger place says something else.
    overridden: bool,
}

/// What stands on the line itself.
const LINE: &str = "the command line";
/// What holds where nothing is set.
const DEFAULT: &str = "default";

/// `typed` is the line as it was typed, without what is set elsewhere.
pub(crate) fn config(
    output: &Output,
    layers: &[Layer],
    typed: &[OsString],
    show_origin: bool,
) -> Result<Exit, Failure> {
    let line = Layer { origin: LINE.into(), words: words_of(typed) };
    let set: Vec<Layer> = layers.iter().cloned().chain([line]).collect();
    let defaults = defaults(&set);
    let layers: Vec<Layer> = match show_origin {
        true => [defaults].into_iter().chain(set).collect(),
        false => set,
    };
    let all = settings(&layers);
    if output.json {
        output.answer_json(&serde_json::json!({"v": 1, "settings": all}))?;
        return Ok(Exit::Success);
    }
    if all.is_empty() {
        output.remark("nothing is set: see rulemake.toml and RULEMAKE_* in `rulemake config --help`");
    }
    let shown: Vec<&Setting> = all.iter().filter(|setting| show_origin || !setting.overridden).collect();
    let texts: Vec<String> = shown.iter().map(|setting| text(setting)).collect();
    let width = texts.iter().map(|text| text.width()).max().unwrap_or(0);
    let mut out = String::new();
    for (setting, text) in shown.iter().zip(&texts) {
        out.push_str(text);
        if show_origin {
            let fill = " ".repeat(width - text.width());
            let more = if setting.overridden { " (overridden)" } else { "" };
            let origin = format!("  # {}{more}", printable(setting.origin));
            out.push_str(&format!("{fill}{}", painted(output.stdout_style(), FAINT, &origin)));
        }
        out.push('\n');
    }
    output.answer(&out)?;
    Ok(Exit::Success)
}

/// The options of a line in their long form, wherever they stand in it.
fn words_of(typed: &[OsString]) -> Vec<String> {
    let mut command = Args::command();
    command.build();
    let Ok(matches) = command.clone().try_get_matches_from(spread(typed.iter().cloned())) else {
        return Vec::new();
    };
    let mut words = options_of(&command, &matches);
    if let Some((name, matches)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(name)
    {
        words.extend(options_of(command, matches));
    }
    // That is the question, and no setting.
    words.retain(|word| word != "--show-origin");
    words
}

fn options_of(command: &clap::Command, matches: &clap::ArgMatches) -> Vec<String> {
    let mut words = Vec::new();
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let Some(long) = arg.get_long() else { continue };
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        match arg.get_action() {
            ArgAction::Count => {
                words.extend((0..matches.get_count(id)).map(|_| format!("--{long}")));
            }
            ArgAction::SetTrue => words.push(format!("--{long}")),
            _ => {
                let values = matches.get_raw(id).into_iter().flatten();
                words.extend(values.map(|value| format!("--{long}={}", value.to_string_lossy())));
            }
        }
    }
    words
}

/// What holds of the options that are set nowhere, as far as that is a value.
fn defaults(set: &[Layer]) -> Layer {
    let mut command = Args::command();
    command.build();
    let is_set = |name: &str| {
        let name_of = |word: &String| word.trim_start_matches('-').split('=').next() == Some(name);
        set.iter().any(|layer| layer.words.iter().any(name_of))
    };
    let options = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let words = options.filter_map(|arg| {
        let name = arg.get_long().filter(|name| !is_set(name) && !name.starts_with("no-"))?;
        let value = match (arg.get_action(), name) {
            (_, "jobs") => std::thread::available_parallelism().map_or(1, usize::from).to_string(),
            (_, "color") => "auto".into(),
            (_, "retries") | (ArgAction::Count, _) => "0".into(),
            (ArgAction::SetTrue, _) => "false".into(),
            _ => return None,
        };
        Some(format!("--{name}={value}"))
    });
    Layer { origin: DEFAULT.into(), words: words.collect() }
}

fn text(setting: &Setting) -> String {
    printable(&format!("{} = {}", setting.name, setting.value)).into_owned()
}

/// All settings, the weakest first.
fn settings(layers: &[Layer]) -> Vec<Setting<'_>> {
    let mut all: Vec<Setting> = Vec::new();
    for layer in layers {
        let before = all.len();
        for word in &layer.words {
            let word = word.trim_start_matches('-');
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, hidden(value)),
                None => (word, Cow::Borrowed("true")),
            };
            let is_again = |setting: &&mut Setting| setting.name == name && COUNTED.contains(&name);
            match all[before..].iter_mut().find(is_again) {
                Some(setting) => {
                    let times = setting.value.parse::<u32>().unwrap_or(1);
                    setting.value = (times + 1).to_string().into();
                }
                None => {
                    let value = if COUNTED.contains(&name) && value == "true" { "1".into() } else { value };
                    all.push(Setting { name, value, origin: &layer.origin, overridden: false });
                }
            }
        }
        // What may be repeated adds up, by key where it has keys.
        let key = |setting: &Setting| setting.value.split_once('=').map(|(key, _)| key.to_string());
        let (weaker, stronger) = all.split_at_mut(before);
        for weak in weaker {
            let same = |strong: &&mut Setting| strong.name == weak.name && key(strong) == key(weak);
            weak.overridden |=
                !ADDS_UP.contains(&weak.name) && stronger.iter_mut().any(|strong| same(&strong));
        }
    }
    all
}

/// Options that say how much by how often they are given.
const COUNTED: [&str; 1] = ["verbose"];
/// Options that are lists.
const ADDS_UP: [&str; 6] = ["configfile", "until", "omit-from", "force-from", "assume-inputs", "env"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stronger_place_wins_and_maps_add_up() {
        let layer = |origin: &str, words: &[&str]| Layer {
            origin: origin.into(),
            words: words.iter().map(|word| word.to_string()).collect(),
        };
        let layers = [
            layer("a", &["--jobs=1", "--config=x=1", "--config=y=2", "--until=r"]),
            layer("b", &["--jobs=2", "--config=x=3", "--until=s", "--keep-going", "--verbose", "--verbose"]),
        ];
        let found: Vec<(String, bool)> =
            settings(&layers).iter().map(|setting| (text(setting), setting.overridden)).collect();
        let expected = [
            ("jobs = 1", true),
            ("config = x=1", true),
            ("config = y=2", false),
            ("until = r", false),
            ("jobs = 2", false),
            ("config = x=3", false),
            ("until = s", false),
            ("keep-going = true", false),
            ("verbose = 2", false),
        ];
        assert_eq!(found, expected.map(|(text, overridden)| (text.to_string(), overridden)));
    }

    /// Promise: what holds is told, with where it comes from: the line itself wins, and where nothing is set the default is told.
    #[test]
    fn the_line_itself_and_defaults_are_told() {
        let line = ["rulemake", "-j1", "-k", "-v", "--config", "a=1", "b=2", "config", "--show-origin", "-v"];
        let words = words_of(&line.map(OsString::from));
        let expected = ["--config=a=1", "--config=b=2", "--verbose", "--jobs=1", "--keep-going", "--verbose"];
        assert_eq!(words, expected);
        let layers = [Layer { origin: LINE.into(), words }];
        let found = defaults(&layers).words;
        assert!(found.contains(&"--quiet=false".to_string()), "{found:?}");
        assert!(!found.iter().any(|word| word.starts_with("--jobs") || word.starts_with("--keep-going")));
    }
}
