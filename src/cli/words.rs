//! The words of the command line: what has to be made of them before they are read, and what is said of those that nobody
//! knows.

use crate::args::{Args, COMMANDS};
use crate::habits;
use crate::meant;
use crate::snakemake;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::{OsStr, OsString};

/// Options that several values may follow, as in `--config a=1 b=2 target`: here settings …
const SETTINGS: [&str; 7] = [
    "--config",
    "--resources",
    "--res",
    "--default-resources",
    "--set-threads",
    "--set-resources",
    "--set-scatter",
];

/// … and here files, as in `--configfile a.yaml b.yaml target`.
const CONFIG_FILES: [&str; 2] = ["--configfile", "--configfiles"];

/// Repeats such an option before each of its values. A word that does not look like one ends them, so a target is safe.
pub(crate) fn spread(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut all: Vec<OsString> = Vec::new();
    let mut option: Option<(OsString, usize)> = None;
    let mut is_raw = false;
    for word in words {
        let text = word.to_str().unwrap_or_default();
        is_raw |= text == "--";
        match &mut option {
            Some((_, values @ 0)) => *values = 1,
            Some((name, _)) if !is_raw && is_value_of(name, text) => all.push(name.clone()),
            _ => option = None,
        }
        if !is_raw && (SETTINGS.contains(&text) || CONFIG_FILES.contains(&text)) {
            option = Some((word.clone(), 0));
        }
        all.push(word);
    }
    all
}

fn is_value_of(option: &OsStr, text: &str) -> bool {
    match CONFIG_FILES.iter().any(|name| option == *name) {
        // Other endings are those of results, too: a target must never be merged into the configuration.
        true => !text.starts_with('-') && (text.ends_with(".yaml") || text.ends_with(".yml")),
        false => is_setting(text),
    }
}

/// `key=value`, where the key is one of config, of a rule or of a resource.
fn is_setting(text: &str) -> bool {
    let is_key = |key: &str| {
        key.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_alphanumeric() || "_-.:".contains(c))
    };
    text.split_once('=').is_some_and(|(key, _)| is_key(key))
}

/// Options that are told as unknown at once.
const UNKNOWN_TOLD: usize = 8;

/// Says what stands here for options that are not understood, or what was probably meant, of the whole line in one round.
pub(crate) fn with_tips(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let Some(first) = unknown_in(&error) else { return error };
    // What looks alike to clap is often far off: `--ri` for everything with an `r` and an `i`.
    error.remove(ContextKind::SuggestedArg);
    let known = known_options(words);
    let tip = |flag: &str| match snakemake::tip(flag).or_else(|| habits::option(flag)) {
        Some(tip) => Some(tip.to_string()),
        None => match *options_meant(flag, &known) {
            [] => None,
            [name] if flag.strip_prefix("--") == Some(name) => {
                Some("it is an option of `run` and `plan`".to_string())
            }
            [name] => Some(format!("did you mean '--{name}'?")),
            [one, two, ..] => Some(format!("did you mean '--{one}' or '--{two}'?")),
        },
    };
    let mut tips: Vec<String> = tip(&first).into_iter().collect();
    // The option of a misspelt command is unknown, because the command was taken for a target.
    if tips.is_empty() {
        match *commands_meant(words) {
            [] => {}
            [one] => tips.push(format!("did you mean the command '{one}'?")),
            [one, two, ..] => tips.push(format!("did you mean the command '{one}' or '{two}'?")),
        }
    }
    let mut words = words.to_vec();
    let mut last = first;
    for _ in 1..UNKNOWN_TOLD {
        let is_it = |word: &OsString| {
            let rest = word.to_str().and_then(|word| word.strip_prefix(&last));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        let before = words.len();
        words.retain(|word| !is_it(word));
        let Some(next) = Args::from_line(words.iter().cloned()).err().as_ref().and_then(unknown_in) else {
            break;
        };
        if words.len() == before {
            break;
        }
        tips.push(match tip(&next) {
            Some(tip) => format!("for '{next}': {tip}"),
            None => format!("'{next}' is unknown, too"),
        });
        last = next;
    }
    if tips.is_empty() {
        return error;
    }
    let tips = tips.into_iter().map(Into::into).collect();
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    error
}

/// The commands that the first word of a line was probably meant to be.
fn commands_meant(words: &[OsString]) -> Vec<&'static str> {
    let first = words.iter().skip(1).find_map(|word| word.to_str().filter(|word| !word.starts_with('-')));
    let near = first.map_or_else(Vec::new, |first| meant::nearest(first, COMMANDS, |_| 1));
    // A command itself is not misspelt.
    near.into_iter().filter(|name| Some(*name) != first).collect()
}

/// An option by one of its long names, with the one that it is best known by.
type Known = (String, String);

/// The long names of all options that may stand in a line, those of its command included.
fn known_options(words: &[OsString]) -> Vec<Known> {
    let all = Args::command();
    let command = words.iter().find_map(|word| all.find_subcommand(word));
    let args = all.get_arguments().chain(command.into_iter().flat_map(clap::Command::get_arguments));
    // Those that clap adds by itself, only once it reads a line.
    let added = ["help", "version"].into_iter().take(if command.is_some() { 1 } else { 2 });
    let added = added.map(|name| (name.to_string(), name.to_string()));
    let own = args.flat_map(|arg| {
        let names = arg.get_long_and_visible_aliases().into_iter().flatten();
        let all = names.chain(arg.get_all_aliases().into_iter().flatten());
        all.map(|name| (name.to_string(), arg.get_long().unwrap_or(name).to_string()))
    });
    own.chain(added).collect()
}

/// The options that an unknown one was probably meant to be, at most two: they differ in few letters, or begin with it.
fn options_meant<'k>(flag: &str, known: &'k [Known]) -> Vec<&'k str> {
    let Some(name) = flag.strip_prefix("--") else { return Vec::new() };
    let length = name.chars().count();
    // Underscores for dashes are no misspelling: it is the option itself.
    let dashed = name.replace('_', "-");
    if let Some((exact, _)) = known.iter().find(|(other, _)| dashed != name && *other == dashed) {
        return vec![exact];
    }
    let near = known.iter().filter(|(other, _)| other.len() >= SHORTEST_MEANT).filter_map(|(other, best)| {
        let distance = strsim::osa_distance(name, other);
        let begins = length >= SHORTEST_MEANT && other.starts_with(name);
        (begins || distance <= (length / 3).max(1)).then_some((distance, other.len(), other.as_str(), best))
    });
    let mut near: Vec<_> = near.collect();
    near.sort_unstable();
    let Some((least, .., first, best)) = near.first().copied() else { return Vec::new() };
    // Other names of the same option are no second choice.
    let second = near.iter().find(|(distance, .., other)| *distance == least && *other != best);
    std::iter::once(first).chain(second.map(|(_, _, name, _)| *name)).collect()
}

/// Shorter names are like too many others.
const SHORTEST_MEANT: usize = 3;

/// The option that clap does not know.
fn unknown_in(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if error.kind() == ErrorKind::UnknownArgument => Some(flag.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: what is suggested is like what was written, wherever it may stand.
    #[test]
    fn an_unknown_option_is_told_with_what_it_is_like() {
        let meant_by = |line: &[&str]| {
            let words: Vec<OsString> = line.iter().map(OsString::from).collect();
            options_meant(line[line.len() - 1], &known_options(&words)).join(" ")
        };
        for (flag, known) in [
            ("--targte", ""),
            ("--frobnicate", ""),
            ("--print", "printshellcmds"),
            ("--trial", ""),
            ("--verbos", "verbose"),
            ("--keep-gonig", "keep-going"),
            ("--cors", "cores"),
            ("--jsn", "json"),
            ("--dry", "dryrun"),
            ("--in", ""),
            ("--set-", "set-scatter set-threads"),
            ("--fore", "force"),
            ("--force_all", "force-all"),
            ("-z", ""),
        ] {
            assert_eq!(meant_by(&["rulemake", flag]), known, "{flag}");
        }
        assert_eq!(meant_by(&["rulemake", "check", "--pedantik"]), "pedantic");
        assert_eq!(meant_by(&["rulemake", "--pedantik"]), "");
    }
}
