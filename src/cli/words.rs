//! The words of the command line: what has to be made of them before they are read, and what is said of those that nobody
//! knows.

use crate::args::Args;
use crate::snakemake;
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

/// Says what stands here for options that are not understood, of the whole line in one round.
pub(crate) fn with_tips(mut error: clap::Error, words: &[OsString]) -> clap::Error {
    let Some(first) = unknown_in(&error) else { return error };
    let mut tips: Vec<String> = snakemake::tip(&first).map(String::from).into_iter().collect();
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
        tips.push(match snakemake::tip(&next) {
            Some(tip) => format!("for '{next}': {tip}"),
            None => format!("'{next}' is unknown, too"),
        });
        last = next;
    }
    if tips.is_empty() {
        return error;
    }
    error.remove(ContextKind::SuggestedArg);
    let tips = tips.into_iter().map(Into::into).collect();
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    error
}

/// The option that clap does not know.
fn unknown_in(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if error.kind() == ErrorKind::UnknownArgument => Some(flag.clone()),
        _ => None,
    }
}
